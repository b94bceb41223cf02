"""The page that JupyterLab opens: units, the student's own progress, what is due when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from course.errors import UsageError
from course.student import carrying
from course.student.folder import CourseSettings, StudentFolder

NAME = "START.md"


def write(folder: StudentFolder, now: datetime | None = None) -> Path:
    """Write the start page into the work tree."""
    path = folder.work / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(folder, now or datetime.now().astimezone()), encoding="utf-8")
    return path


def page(folder: StudentFolder, now: datetime) -> str:
    """Return the start page in Markdown."""
    settings = folder.settings()
    dated = bool(settings.due)
    head = ["unit", "lecture", "assignment", "your progress", *(["due"] if dated else [])]
    rows = [_row(folder, settings, unit, now) for unit in folder.units()]
    lines = [f"| {' | '.join(cells[: len(head)])} |" for cells in (head, ["---"] * 5, *rows)]
    example = folder.units()[0]
    return "\n".join(
        [
            f"# {settings.name}",
            "",
            "Read the lecture, then do its assignment. Everything in this folder is your copy.",
            "",
            *lines,
            "",
            "**To hand in**, save the notebook and run this in a terminal "
            "(*File → New → Terminal*):",
            "",
            f"    course submit {example} --id YOUR_ID",
            "",
            "It remembers the id, checks your notebook and writes one file into `submissions/`. "
            f"{settings.submit}",
            "",
            f"*Progress as of {now:%d %b %Y, %H:%M}; `course lab` and `course submit` renew it.*",
            "",
        ]
    )


def progress(folder: StudentFolder, unit: str) -> str:
    """Return how many answer cells of a unit are written, in words."""
    if not folder.copy(unit).is_file():
        return "not begun"
    try:
        release, copy = carrying.read(folder.released(unit)), carrying.read(folder.copy(unit))
    except UsageError:
        return "cannot be read"
    total = len(carrying.answers(release))
    done = total - len(carrying.unanswered(copy, release))
    return f"{done} of {total} answered"


def title(path: Path) -> str:
    """Return a notebook's first heading, or its name."""
    try:
        cells = carrying.read(path).cells
    except UsageError:
        return path.stem
    lines = (
        line for cell in cells if cell.cell_type == "markdown" for line in cell.source.split("\n")
    )
    heading = next((line for line in lines if line.startswith("# ")), path.stem)
    return heading.removeprefix("# ").replace("|", "\\|")


def _row(
    folder: StudentFolder, settings: CourseSettings, unit: str, now: datetime
) -> tuple[str, ...]:
    lecture = f"[read](lectures/{unit}.ipynb)" if folder.lecture(unit) else ""
    due = settings.due.get(unit)
    when = f"{due.astimezone():%a %d %b %Y, %H:%M}" if due else ""
    if due and due < now:
        when += " (past)"
    return (
        title(folder.lecture(unit) or folder.released(unit)),
        lecture,
        f"[open]({unit}/{unit}.ipynb)",
        progress(folder, unit),
        when,
    )
