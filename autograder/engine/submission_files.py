"""Read what was handed in, by trusted code: no link is followed, everything is bounded.

Only what grading uses of a notebook counts against a limit; outputs are removed before the file is
parsed, however large they are.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_NOTEBOOK_BYTES = 20 << 20  # without outputs
MAX_STORED_BYTES = 512 << 20  # with outputs
MAX_TOKENS = 4_000_000  # strings and brackets of such a file: seconds, not minutes
MAX_FILE_BYTES = 20 << 20
MAX_FILES_BYTES = 60 << 20
MAX_FILES = 500
MAX_CELLS = 2000
MAX_SOURCE = 1 << 20


class UnreadableSubmission(Exception):
    """A file that cannot be graded, and why, in words for the student."""


@dataclass(frozen=True)
class StudentCell:
    """A cell as it stands in the student's file."""

    kind: str
    source: str
    grade_id: str | None
    cell_id: str | None


def printable(name: str) -> str:
    """Return a file's name as text, whatever bytes it is made of."""
    return name.encode("utf-8", "backslashreplace").decode()


def read_cells(path: Path) -> list[StudentCell]:
    """Return the cells of a student's notebook, whatever state it is in.

    Raises:
        UnreadableSubmission: the file holds no notebook that can be read.
    """
    return [_student_cell(cell) for cell in _raw_cells(path)]


def _raw_cells(path: Path) -> list[dict[str, Any]]:
    data = _json(path)
    if not isinstance(data, dict):
        raise UnreadableSubmission(
            f"{path.name} is not a notebook: it holds a {type(data).__name__}"
        )
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # notebooks of before 2015
        sheets = [sheet for sheet in data["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in _listed(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise UnreadableSubmission(f"{path.name} is not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise UnreadableSubmission(f"{path.name} has {len(cells)} cells, more than {MAX_CELLS}")
    return [cell for cell in cells if isinstance(cell, dict)]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(path: Path) -> Any:
    raw = _bytes(path)
    try:
        used = without_outputs(raw)
        if len(used) > MAX_NOTEBOOK_BYTES:
            raise UnreadableSubmission(
                f"{path.name} has {len(used) >> 20} MiB besides its outputs, more than "
                f"{MAX_NOTEBOOK_BYTES >> 20}"
            )
        return json.loads(used)
    except (ValueError, RecursionError, MemoryError) as error:
        where = ""
        if isinstance(error, json.JSONDecodeError):
            where = f" ({error.msg}, line {error.lineno})"
        raise UnreadableSubmission(
            f"{path.name} is not a readable notebook{where}: the file is cut off or damaged"
        ) from None


def _bytes(path: Path) -> bytes:
    """Return the contents of a notebook's file, if it is a plain file and not too large."""
    for folder in (path.parent, path.parent.parent):
        if _is_link(folder):
            raise UnreadableSubmission(f"{path.name} was not handed in: {folder.name} is a link")
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UnreadableSubmission(f"{path.name} was not handed in{_beside(path)}") from None
    except OSError as error:
        raise UnreadableSubmission(f"{path.name} cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(status.st_mode):
        kind = _kind(status.st_mode)
        raise UnreadableSubmission(f"{path.name} is {kind}, not a regular file")
    if status.st_size > MAX_STORED_BYTES:
        raise UnreadableSubmission(
            f"{path.name} has {status.st_size >> 20} MiB, more than {MAX_STORED_BYTES >> 20}; "
            "clear its outputs"
        )
    try:
        return _contents(path, MAX_STORED_BYTES + 1)
    except OSError as error:
        raise UnreadableSubmission(f"{path.name} cannot be read ({error.strerror})") from None


def _contents(path: Path, limit: int) -> bytes:
    # The file may have been replaced by a link meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        return file.read(limit)


# Strings as a whole, so that brackets in them do not count. None is looked at twice: repeats are
# possessive, and one without an end goes to the end of the file.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_UNUSED = (b'"outputs"', b'"attachments"')
_VALUE = re.compile(rb"\s*+:\s*+(?=[\[{])")


def without_outputs(raw: bytes) -> bytes:
    """Return a notebook's JSON with null for outputs and for pictures in the text.

    Raises:
        ValueError: it has more parts than any notebook.
    """
    kept: list[bytes] = []
    start, opening, depth = 0, -1, 0
    for number, token in enumerate(_TOKEN.finditer(raw)):
        if number > MAX_TOKENS:
            raise ValueError("too many parts")
        first, last = token.span()
        bracket = raw[first]
        if bracket == ord('"'):
            if not depth and last - first <= 13 and token[0] in _UNUSED:
                value = _VALUE.match(raw, last)
                opening = value.end() if value else -1
        elif depth:
            depth += 1 if bracket in b"[{" else -1
            start = last
        elif first == opening:
            kept += [raw[start:first], b"null"]
            depth = 1
    if not depth:  # else the file ends in the middle of an output
        kept.append(raw[start:])
    return b"".join(kept)


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"))
    return next((name for test, name in kinds if test(mode)), "something special")


def _beside(path: Path) -> str:
    try:
        others = sorted(printable(entry.name) for entry in os.scandir(path.parent))[:5]
    except OSError:
        return ""
    return f"; there is {', '.join(others)}: was it renamed or packed?" if others else ""


def _student_cell(cell: dict[str, Any]) -> StudentCell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return StudentCell(
        kind=cell["cell_type"] if isinstance(cell.get("cell_type"), str) else "code",
        # A lone surrogate can be in JSON and in no file.
        source=source[:MAX_SOURCE].encode("utf-8", "replace").decode(),
        grade_id=grade_id if isinstance(grade_id, str) else None,
        cell_id=cell["id"] if isinstance(cell.get("id"), str) else None,
    )


def read_files(
    folder: Path,
    skip: set[str],
    *,
    file_bytes: int = MAX_FILE_BYTES,
    all_bytes: int = MAX_FILES_BYTES,
) -> tuple[dict[str, bytes], list[str]]:
    """Return the other small plain files of a folder, and notes on what was left out.

    Args:
        folder: of a submission, or of a unit.
        skip: names, relative to it, that are not wanted.
        file_bytes, all_bytes: limits on one file, and on all together.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    if _is_link(folder) or _is_link(folder.parent):
        return files, left_out

    def unreadable(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename or folder))
        left_out.append(f"{_relative(path, folder)} cannot be read ({error.strerror})")

    total = 0
    for root, folders, names in os.walk(folder, followlinks=False, onerror=unreadable):
        if len(Path(root).relative_to(folder).parts) > 8:
            folders.clear()
        # A folder of a notebook's name would stand where the graded notebook goes.
        folders[:] = sorted(name for name in folders if name not in skip)
        for name in sorted(names):
            path = Path(root) / name
            relative = str(path.relative_to(folder))
            # Other notebooks are no part of the assignment, as for nbgrader.
            if relative in skip or path.suffix == ".ipynb":
                continue
            try:
                status = os.lstat(path)
                said = _refused(status, file_bytes, all_bytes, total)
                if said:
                    left_out.append(f"{printable(relative)} {said} and was left out")
                elif len(files) >= MAX_FILES:
                    left_out.append(f"more than {MAX_FILES} files: the rest was left out")
                    return files, left_out
                else:
                    files[relative] = _contents(path, file_bytes)
                    total += status.st_size
            except OSError as error:
                unreadable(error)
    return files, left_out


def _relative(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder) if path.is_relative_to(folder) else path
    return printable(str(inside) if inside.parts else path.name)


def _refused(status: os.stat_result, file_bytes: int, all_bytes: int, used: int) -> str:
    """Return why a file is left out; "" if it is not."""
    if not stat.S_ISREG(status.st_mode):
        return f"is {_kind(status.st_mode)}"
    if status.st_size > file_bytes:
        return f"has {_mib(status.st_size)}, more than {_mib(file_bytes)},"
    if used + status.st_size > all_bytes:
        return f"would bring the files to more than {_mib(all_bytes)} together"
    return ""


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.3g} MiB"
