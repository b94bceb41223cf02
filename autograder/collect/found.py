"""Look through folders and archives for notebooks, trusting nothing that is in them.

No link is followed and nothing is unpacked to disk: names from archives are only text here. Sizes,
counts and depth are bounded, whatever an archive says about itself.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.collect.archive import Archive, Refused, member, read_archive
from course.student.submission import MAX_NOTEBOOK

MAX_ARCHIVE = 128 << 20  # within a folder or an archive
MAX_ENTRIES = 20_000
MAX_DIRECTORY = 8 << 20  # of a student's archive: the list of its files
MAX_TOTAL = 4 << 30  # read from one source
MAX_OWN_ENTRIES = 2000  # of an archive within an archive, which is one student's
MAX_OWN = 256 << 20
DEPTH = 3  # a download with archives of archives
IGNORED = ("__MACOSX", ".ipynb_checkpoints", "__pycache__")


@dataclass(frozen=True)
class Candidate:
    """A notebook that may be a submission.

    Attributes:
        parts: the names of the source, of folders and archives in it, and of the file.
        data: the notebook.
        time: when it was handed in, as far as the download tells.
        trusted_time: whether the time is the download's, and not just a file's.
        archive: what `course submit` wrote beside it.
    """

    parts: tuple[str, ...]
    data: bytes
    time: datetime | None = None
    trusted_time: bool = False
    archive: Archive | None = None

    @property
    def label(self) -> str:
        """Where it was found, for messages."""
        return printable("/".join(self.parts))


@dataclass(frozen=True)
class Skipped:
    """What was not taken, and why."""

    label: str
    reason: str


@dataclass
class _Budget:
    """What may still be read of a source."""

    entries: int
    total: int
    others: list[str] = field(default_factory=list)

    def within(self) -> _Budget:
        """Return what may be read of a student's archive, so that none uses up the others'."""
        return _Budget(min(self.entries, MAX_OWN_ENTRIES), min(self.total, MAX_OWN), self.others)


def look_through(source: Path) -> Iterator[Candidate | Skipped]:
    """Yield the notebooks in a folder or archive, or the file itself, and what was skipped."""
    budget = _Budget(MAX_ENTRIES, MAX_TOTAL)
    try:
        if source.is_dir():
            yield from _folder(source, (source.name,), budget)
        else:
            yield from _file(source, (source.name,), budget)
    except Refused as error:
        yield Skipped(printable(source.name), str(error))
    if budget.others:
        names = ", ".join(printable(name) for name in budget.others[:3])
        more = f" and {len(budget.others) - 3} more" if len(budget.others) > 3 else ""
        yield Skipped(printable(source.name), f"no notebooks: {names}{more}")


def printable(text: str) -> str:
    """Return a name as text that a terminal can show."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _folder(folder: Path, parts: tuple[str, ...], budget: _Budget) -> Iterator[Candidate | Skipped]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        inner = (*parts, entry.name)
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        _count(budget)
        if entry.is_symlink():
            yield Skipped(printable("/".join(inner)), "a link")
        elif entry.is_dir(follow_symlinks=False):
            yield from _folder(Path(entry.path), inner, budget)
        else:
            yield from _file(Path(entry.path), inner, budget)


def _file(path: Path, parts: tuple[str, ...], budget: _Budget) -> Iterator[Candidate | Skipped]:
    kind = path.suffix.lower()
    if kind not in (".ipynb", ".zip"):
        budget.others.append(parts[-1])
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        yield Skipped(printable("/".join(parts)), f"cannot be read: {error.strerror}")
        return
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        limit = MAX_TOTAL if len(parts) == 1 and kind == ".zip" else _limit(kind)
        if not stat.S_ISREG(about.st_mode):
            yield Skipped(printable("/".join(parts)), "not a plain file")
        elif about.st_size > limit:
            yield Skipped(printable("/".join(parts)), f"larger than {limit >> 20} MiB")
        else:
            when = datetime.fromtimestamp(about.st_mtime).astimezone()
            if kind == ".zip":
                yield from _zip(file, parts, when, False, budget, depth=1)
            else:
                yield Candidate(parts, _read(file, limit, budget), when)


def _zip(
    file: io.IOBase,
    parts: tuple[str, ...],
    when: datetime | None,
    trusted: bool,
    budget: _Budget,
    depth: int,
) -> Iterator[Candidate | Skipped]:
    label = printable("/".join(parts))
    try:
        if depth > 1 or len(parts) > 1:
            _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            if found := read_archive(archive):
                _spend(budget, len(found.notebook))
                yield Candidate(parts, found.notebook, when, trusted, found)
                return
            yield from _entries(archive, parts, budget, depth)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        yield Skipped(label, f"no archive that can be read: {error}")
    except Refused as error:
        yield Skipped(label, str(error))


def _entries(
    archive: zipfile.ZipFile, parts: tuple[str, ...], budget: _Budget, depth: int
) -> Iterator[Candidate | Skipped]:
    for info in archive.infolist():
        _count(budget)
        names = PurePosixPath(info.filename.replace("\\", "/")).parts
        hidden = any(name in IGNORED or re.match(r"\.[^.]", name) for name in names)
        if info.is_dir() or not names or hidden:
            continue
        inner = (*parts, *names)
        kind = PurePosixPath(names[-1]).suffix.lower()
        if kind not in (".ipynb", ".zip"):
            budget.others.append(names[-1])
            continue
        label = printable("/".join(inner))
        if reason := _suspicious(info, names):
            yield Skipped(label, reason)
            continue
        if kind == ".zip" and depth >= DEPTH:
            yield Skipped(label, f"an archive more than {DEPTH} deep")
            continue
        try:
            data = member(archive, info, _limit(kind))
        except Refused as error:
            yield Skipped(label, str(error))
            continue
        _spend(budget, len(data))
        when = _entry_time(info)
        if kind == ".zip":
            opened, known = io.BytesIO(data), when is not None
            yield from _zip(opened, inner, when, known, budget.within(), depth + 1)
        else:
            yield Candidate(inner, data, when, when is not None)


def _suspicious(info: zipfile.ZipInfo, names: tuple[str, ...]) -> str:
    """Say what is wrong with an archive's entry; empty if nothing is."""
    if ".." in names or names[0] == "/" or ":" in names[0]:
        return "its name leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link"
    return "encrypted" if info.flag_bits & 1 else ""


def _entry_time(info: zipfile.ZipInfo) -> datetime | None:
    """Return an entry's time, which archives have without a zone: this machine's is assumed."""
    try:
        return datetime(*info.date_time).astimezone() if info.date_time[0] > 1980 else None
    except (ValueError, OverflowError):
        return None


def _check_directory(file: io.IOBase) -> None:
    """Refuse an archive whose list of files alone would fill the memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read(65_557)
    file.seek(0)
    position = tail.rfind(b"PK\x05\x06")
    if position >= 0 and len(tail) >= position + 22:
        listed = struct.unpack_from("<L", tail, position + 12)[0]
        if listed > MAX_DIRECTORY:
            raise Refused("the archive lists too many files")


def _limit(kind: str) -> int:
    return MAX_ARCHIVE if kind == ".zip" else MAX_NOTEBOOK


def _read(file: io.IOBase, limit: int, budget: _Budget) -> bytes:
    data = bytes(file.read(limit))
    _spend(budget, len(data))
    return data


def _count(budget: _Budget) -> None:
    budget.entries -= 1
    if budget.entries < 0:
        raise Refused("too many files: the rest was not looked at")


def _spend(budget: _Budget, size: int) -> None:
    budget.total -= size
    if budget.total < 0:
        raise Refused("too large: the rest was not looked at")
