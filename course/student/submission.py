"""Handing in: one archive with a unit's notebook, whose it is, and when it was made."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from course import __version__
from course._files import replacing
from course.errors import UsageError
from course.student import carrying, start_page, work
from course.student.folder import StudentFolder

MANIFEST = "submission.json"
MAX_NOTEBOOK = 20 << 20
MAX_FILE = 20 << 20
MAX_FILES = 60 << 20
STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Submission:
    """An archive that was made.

    Attributes:
        path: of the archive.
        lines: what the student should know about it.
    """

    path: Path
    lines: list[str]


class MissingCells(UsageError):
    """Cells of the assignment are missing in a notebook."""


def submit(
    folder: StudentFolder,
    unit: str,
    *,
    student: str | None = None,
    include: list[str] | None = None,
    anyway: bool = False,
) -> Submission:
    """Check a unit's notebook and write its archive into `submissions/`.

    Args:
        folder: of the student.
        unit: "02_sizing".
        student: their id in this course; None for the one used last, or the JupyterHub's.
        include: further files in the unit's folder that the notebook needs.
        anyway: hand in although cells of the assignment are missing or changed.

    Raises:
        UsageError: the notebook is missing, too large or not this assignment, or nobody's.
    """
    folder.check_unit(unit)
    student = _student(folder, student)
    notebook = folder.copy(unit)
    lines = examine(folder, unit, anyway=anyway)
    files = {notebook.name: notebook.read_bytes(), **_more_files(folder, unit, include or [])}
    if sum(map(len, files.values())) > MAX_FILES:
        raise UsageError(f"The files are larger than {MAX_FILES >> 20} MiB in all. Include fewer.")
    now = datetime.now(UTC).replace(microsecond=0)
    path = _archive(archives(folder), unit, student, files, now)
    lines.append(f"{path} is ready. {folder.settings().submit}")
    due = folder.settings().due.get(unit)
    if due and due < now:
        lines.append(f"It was due on {due.astimezone():%d %b %Y at %H:%M}.")
    _remember(folder, student)
    start_page.write(folder)
    return Submission(path, lines)


def examine(folder: StudentFolder, unit: str, *, anyway: bool = False) -> list[str]:
    """Return what a student should know of a notebook before it is handed in, in lines.

    Raises:
        UsageError: it is missing, too large, or not this assignment; `MissingCells` if cells are
            missing, unless `anyway`.
    """
    notebook = folder.copy(unit)
    _check_file(notebook, MAX_NOTEBOOK, "Clear its outputs (Edit → Clear Outputs of All Cells).")
    lines = _check_notebook(folder, unit, anyway)
    saved = datetime.fromtimestamp(notebook.stat().st_mtime).astimezone()
    lines.append(
        f"The notebook was saved at {saved:%H:%M on %d %b %Y}; later changes are not in it."
    )
    return lines


def archives(folder: StudentFolder) -> Path:
    """Return the folder that archives are written to."""
    return folder.root / "submissions"


def remembered(folder: StudentFolder) -> str:
    """Return the id that was used last, else the JupyterHub's name for the student, else ""."""
    path = folder.work / work.BASES / "student.txt"
    used = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return used or os.environ.get("JUPYTERHUB_USER", "")


def _student(folder: StudentFolder, student: str | None) -> str:
    student = student or remembered(folder)
    if not student:
        raise UsageError(
            "Whose work is it? Add --id YOUR_ID, your id in this course; it is remembered."
        )
    if not STUDENT.fullmatch(student):
        raise UsageError(
            "An id has up to 64 letters, digits and . _ - @, and begins with a letter or digit; "
            f"received {student!r}."
        )
    return student


def _remember(folder: StudentFolder, student: str) -> None:
    path = folder.work / work.BASES / "student.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(student + "\n", encoding="utf-8")


def _check_file(path: Path, limit: int, advice: str) -> None:
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"There is no file {path}. `course lab` makes the copies to work on.")
    if path.stat().st_size > limit:
        size = path.stat().st_size / (1 << 20)
        raise UsageError(f"{path} has {size:.1f} MiB; at most {limit >> 20} are taken. {advice}")


def _check_notebook(folder: StudentFolder, unit: str, anyway: bool) -> list[str]:
    """Compare a notebook with its assignment; return what is worth knowing, in lines."""
    release, notebook = carrying.read(folder.released(unit)), carrying.read(folder.copy(unit))
    base = folder.work / work.BASES / unit / f"{unit}.ipynb"
    if base.is_file() and base.read_bytes() != folder.released(unit).read_bytes():
        raise UsageError(
            f"{unit} was corrected. Start `course lab`, which brings it in, then submit."
        )
    cells = carrying.identified(notebook, release)
    graded = [cell for cell in release.cells if cell.metadata.get("nbgrader")]
    missing = [n for n in map(carrying.name_of, graded) if n not in cells]
    if len(missing) == len(graded) and graded:
        raise UsageError(f"{folder.copy(unit)} is another notebook: it has no cell of {unit}.")
    if missing and not anyway:
        raise MissingCells(
            f"Cells of the assignment are missing: {', '.join(missing)}. Bring them back "
            "(Edit → Undo Cell Operation, or rename your notebook, start `course lab` and copy "
            "your answers), or submit as it is with --anyway."
        )
    changed = [
        carrying.name_of(cell)
        for cell in graded
        if not carrying.is_answer(cell)
        and carrying.name_of(cell) in cells
        and cells[carrying.name_of(cell)].source != cell.source
    ]
    lines = []
    if changed:
        lines.append(f"Graded with the original, since yours is changed: {', '.join(changed)}.")
    left = carrying.unanswered(notebook, release)
    total = len(carrying.answers(release))
    lines.append(
        f"{total - len(left)} of {total} answered" + (f"; not {', '.join(left)}." if left else ".")
    )
    return lines


def _more_files(folder: StudentFolder, unit: str, include: list[str]) -> dict[str, bytes]:
    """Return the included files, and those handed out with the unit that the student changed."""
    own, source = folder.copy(unit).parent, folder.assignments / unit
    names = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    changed = [
        name
        for name in names
        if name != f"{unit}.ipynb"
        and (own / name).is_file()
        and (own / name).read_bytes() != (source / name).read_bytes()
    ]
    found = {}
    for name in dict.fromkeys([*changed, *include]):
        path = own / name
        if not path.resolve().is_relative_to(own.resolve()):
            raise UsageError(f"Only files in {own} can be included; received {name!r}.")
        _check_file(path, MAX_FILE, "Leave it out.")
        found[path.resolve().relative_to(own.resolve()).as_posix()] = path.read_bytes()
    return found


def _archive(out: Path, unit: str, student: str, files: dict[str, bytes], now: datetime) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{unit}_{student}_{now.strftime(start_page.ARCHIVE_TIME)}.zip"
    manifest = {
        "course": __version__,
        "unit": unit,
        "student": student,
        "time": now.isoformat(),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        for name, data in files.items():
            archive.writestr(f"{unit}/{name}", data)
    return path
