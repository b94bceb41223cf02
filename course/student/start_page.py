"""The page that JupyterLab opens: units, the student's own progress, what is due when."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from course._markdown import markdown_row
from course.errors import UsageError
from course.student import carrying
from course.student.folder import CourseSettings, StudentFolder
from course.units import Effort, efforts

NAME = "START.md"
ARCHIVE_TIME = "%Y-%m-%dT%H-%M-%SZ"  # in the names of archives
HEAD = ("unit", "lecture", "assignment", "your progress", "due")
# Set by the server's extension: the address of a unit's page for handing in, with "UNIT" in it.
HAND_IN = "COURSE_HAND_IN"


def write(folder: StudentFolder, now: datetime | None = None, *, news: Sequence[str] = ()) -> Path:
    """Write the start page into the work tree.

    Args:
        folder: of the student.
        now: the time to show and to compare due dates with; None for this moment.
        news: lines about what has changed.
    """
    path = folder.work / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(folder, now or datetime.now().astimezone(), news), encoding="utf-8")
    return path


def page(folder: StudentFolder, now: datetime, news: Sequence[str] = ()) -> str:
    """Return the start page in Markdown."""
    settings = folder.settings()
    known = efforts()
    units = folder.units()
    columns = len(HEAD) - (not settings.due)
    rows = [_row(folder, settings, unit, known.get(unit), now)[:columns] for unit in units]
    lines = [
        f"# {settings.name}",
        "",
        "Read a unit's lecture, then do its assignment. Everything you open here is your own copy.",
        "",
        *(f"> {line}\n" for line in news),
        *map(markdown_row, (HEAD[:columns], ["---"] * columns, *rows)),
        "",
        *(["Hours are estimates.", ""] if any(unit in known for unit in units) else []),
        *_handing_in(units[0], settings),
        "",
        f"*Progress as of {now:%d %b %Y, %H:%M}, in what is saved.*",
        "",
    ]
    return "\n".join(lines)


def hand_in(unit: str) -> str:
    """Return the address of the page that hands a unit in; "" outside of a lab that has it."""
    return os.environ.get(HAND_IN, "").replace("UNIT", unit)


def _handing_in(example: str, settings: CourseSettings) -> list[str]:
    command = f"course submit {example} --id YOUR_ID"
    if hand_in(example):
        how = (
            "**To hand in**, press *Hand in* above the notebook, or save it and follow its link in "
            f"this table. The same in a terminal (*File → New → Terminal*): `{command}`."
        )
    else:
        how = f"**To hand in**, save the notebook and run `{command}` in a terminal."
    return [
        how,
        "",
        "Your id is remembered, your notebook is checked, and one file is written into "
        f"`submissions/`. {settings.submit}",
    ]


def progress(folder: StudentFolder, unit: str) -> str:
    """Return how many answer cells of a unit are written, and when it was handed in, in words."""
    if not folder.copy(unit).is_file():
        return "not begun"
    try:
        release, copy = carrying.read(folder.released(unit)), carrying.read(folder.copy(unit))
    except UsageError:
        return "cannot be read"
    total = len(carrying.answers(release))
    done = total - len(carrying.unanswered(copy, release))
    sent = handed_in(folder, unit)
    archived = f"<br>archive of {_day(sent)}" if sent else ""
    return (f"{done} of {total} answered" if done else "not begun") + archived


def handed_in(folder: StudentFolder, unit: str) -> datetime | None:
    """Return when a unit's newest archive was made, None if there is none."""
    names = (path.name for path in (folder.root / "submissions").glob(f"{unit}_*.zip"))
    times = (re.search(r"_([\dT-]+Z)\.zip$", name) for name in names)
    made = []
    for found in times:
        try:
            made.append(datetime.strptime(found[1] if found else "", ARCHIVE_TIME))
        except ValueError:  # a file of another origin
            continue
    return max(made).replace(tzinfo=UTC).astimezone() if made else None


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
    folder: StudentFolder,
    settings: CourseSettings,
    unit: str,
    effort: Effort | None,
    now: datetime,
) -> tuple[str, ...]:
    after = ", ".join(name.partition("_")[0] for name in effort.after) if effort else ""
    lecture = f"[read](lectures/{unit}.ipynb)" if folder.lecture(unit) else ""
    hours = (effort.lecture_hours, effort.assignment_hours) if effort else (0, 0)
    due = settings.due.get(unit)
    past = " (past)" if due and due < now else ""
    return (
        title(folder.lecture(unit) or folder.released(unit)) + (f"<br>after {after}" * bool(after)),
        lecture + (f", {hours[0]:g}\u00a0h" if lecture and hours[0] else ""),
        f"[open]({unit}/{unit}.ipynb)"
        + (f", {hours[1]:g}\u00a0h" if hours[1] else "")
        + (f"<br>[hand in]({hand_in(unit)})" if hand_in(unit) else ""),
        progress(folder, unit),
        _day(due.astimezone()) + past if due else "",
    )


def _day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"
