"""What `course submit` writes: a notebook, its files, and who handed in what and when.

All of it is the student's claim, and may have been made by hand.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from course.student.submission import MANIFEST, MAX_FILE, MAX_FILES, MAX_NOTEBOOK, STUDENT

MAX_MANIFEST = 1 << 20
MAX_COUNT = 100
RESERVED = ("timestamp.txt",)  # nbgrader reads there when a submission came
_PART = re.compile(r"[^\x00-\x1f/\\:]{1,200}")


class Refused(Exception):
    """Something that is not taken, and why."""


@dataclass(frozen=True)
class Archive:
    """What a student's archive says and holds.

    Attributes:
        unit, student: as claimed.
        time: as claimed; None if it cannot be.
        notebook: the unit's notebook.
        files: the further files, by their path in the unit's folder.
    """

    unit: str
    student: str
    time: datetime | None
    notebook: bytes
    files: dict[str, bytes]


def member(archive: zipfile.ZipFile, info: zipfile.ZipInfo | str, limit: int) -> bytes:
    """Read a file of an archive, as far as a limit allows, whatever size it claims.

    Raises:
        Refused: it is larger, or cannot be read.
    """
    try:
        with archive.open(info) as file:
            data = file.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"cannot be read: {error}") from None
    if len(data) > limit:
        raise Refused(f"larger than {limit >> 20} MiB")
    return data


def read_archive(archive: zipfile.ZipFile) -> Archive | None:
    """Read an archive of `course submit`; None if it is another.

    Raises:
        Refused: it is one, but does not hold what it says, or what may be taken.
    """
    if MANIFEST not in archive.NameToInfo:
        return None
    manifest = _manifest(member(archive, MANIFEST, MAX_MANIFEST))
    unit, student = str(manifest.get("unit", "")), str(manifest.get("student", ""))
    if not re.fullmatch(r"\w{1,100}", unit) or not STUDENT.fullmatch(student):
        raise Refused(f"its {MANIFEST} names no unit and student")
    listed = manifest["files"]
    names = [str(name) for name in listed] if isinstance(listed, dict) else []
    if len(names) > MAX_COUNT:
        raise Refused(f"more than {MAX_COUNT} files")
    for name in names:
        if not _is_inside(name):
            raise Refused(f"the file name {name!r} is not one in the unit's folder")
    own = f"{unit}.ipynb"
    if own not in names:
        raise Refused(f"no notebook {own} in it")
    files: dict[str, bytes] = {}
    for name in dict.fromkeys(names):
        if f"{unit}/{name}" not in archive.NameToInfo:
            raise Refused(f"{name} is missing")
        files[name] = member(archive, f"{unit}/{name}", MAX_NOTEBOOK if name == own else MAX_FILE)
        if sum(map(len, files.values())) > MAX_FILES:
            raise Refused(f"files of more than {MAX_FILES >> 20} MiB")
    return Archive(unit, student, _time(manifest.get("time")), files.pop(own), files)


def _manifest(data: bytes) -> dict[str, object]:
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise Refused(f"its {MANIFEST} is damaged")
    return manifest


def _is_inside(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= 300
        and name not in RESERVED
        and all(_PART.fullmatch(part) and not part.startswith(".") for part in parts)
    )


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if time < datetime.now(UTC) + timedelta(days=1) else None
