"""Whose a file is and of which unit, by the names that learning platforms give to downloads.

| from | name |
|---|---|
| Moodle | `Ada Lovelace_1234_assignsubmission_file_/02_sizing.ipynb`, or all in the file's name |
| Canvas | `lovelaceada_LATE_1234_5678_02_sizing-1.ipynb` |
| GitHub Classroom | `02-sizing-submissions/02-sizing-ada/...`, `02-sizing-ada-main.zip` |
| mail, a share | `ada/02_sizing.ipynb`, `ada_02_sizing.ipynb`, `02_sizing_ada (1).ipynb` |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from course.student.submission import STUDENT

_MOODLE = re.compile(r"(?P<who>.+?)_(?P<number>\d+)_assignsubmission_\w+?_(?P<rest>.*)")
_CANVAS = re.compile(r"(?P<who>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<rest>.+)")
_COPY = re.compile(r"(?: ?\(\d+\)| - Copy| copy(?: \d+)?)$")
_STAMP = re.compile(r"_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$")  # of `course submit`
# Folders that are named after no student.
GENERAL = frozenset(
    "submitted submissions download downloads inbox attachments assignments lectures work".split()
)
PLATFORMS = ("moodle", "canvas", "github")  # who know who it is


@dataclass(frozen=True)
class Person:
    """Whom a name names.

    Attributes:
        source: "moodle", "canvas", "github", "folder" or "file".
        who: their name there.
        number: the platform's number, which tells people of one name apart.
    """

    source: str
    who: str
    number: str = ""


def person(parts: tuple[str, ...], units: Collection[str]) -> Person | None:
    """Return whom a file's path names; its first part is the folder or archive collected."""
    for part in reversed(parts):
        if found := _MOODLE.fullmatch(part):
            return Person("moodle", found["who"], found["number"])
    for part in reversed(parts):
        if (found := _CANVAS.fullmatch(part)) and PurePosixPath(part).suffix:
            return Person("canvas", found["who"], found["number"])
    if login := _github(parts, units):
        return Person("github", login)
    if who := _in_file_name(parts[-1], units):
        return Person("file", who)
    folders = [part for part in parts[1:-1] if not _is_general(part, units)]
    return Person("folder", folders[-1]) if folders else None


def unit_in(parts: tuple[str, ...], units: Collection[str]) -> str | None:
    """Return the unit that a path names, its last part first."""
    for part in reversed(parts):
        plain = _plain(part)
        found = [unit for unit in units if _plain(unit) in plain]
        if found:
            return max(found, key=len)
    return None


def student_id(who: str) -> str:
    """Return an id for a name: itself if it can be one, else in plain letters.

    Example:
        >>> student_id("Zoë Müller"), student_id("ada"), student_id("../etc")
        ('zoe-muller', 'ada', 'etc')
    """
    if STUDENT.fullmatch(who):
        return who
    text = unicodedata.normalize("NFKD", who).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._@]+", "-", text).strip("-._@")[:64].strip("-._@")


def key(name: str) -> str:
    """Return a name without case, accents, spaces and signs, to compare it."""
    text = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in text if c.isalnum())


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]+", "_", name.lower())


def _github(parts: tuple[str, ...], units: Collection[str]) -> str:
    """Return the login in the name of a repository of GitHub Classroom."""
    slugs = {part.removesuffix("-submissions") for part in parts if part.endswith("-submissions")}
    slugs |= {unit.replace("_", "-") for unit in units}
    for part in parts[:-1]:
        name = re.sub(r"(?:-(?:main|master))?(?:\.zip)?$", "", part)
        for slug in slugs:
            if name.lower().startswith(f"{slug}-".lower()) and not part.endswith("-submissions"):
                return name[len(slug) + 1 :]
    return ""


def _in_file_name(name: str, units: Collection[str]) -> str:
    """Return who is named before or after the unit in a file's name."""
    stem = _STAMP.sub("", _COPY.sub("", PurePosixPath(name).stem))
    for unit in units:
        spelled = re.escape(unit).replace("_", "[-_ ]")
        if found := re.fullmatch(rf"{spelled}[-_ ]+(.+)|(.+?)[-_ ]+{spelled}", stem, re.I):
            return str(found[1] or found[2])
    return ""


def _is_general(part: str, units: Collection[str]) -> bool:
    """Tell whether a folder or archive is named after a unit or the whole class."""
    name = _plain(part.removesuffix(".zip"))
    return name in GENERAL or part.endswith(".zip") or any(name == _plain(u) for u in units)
