"""Files that cells write, carried between the two processes' work folders.

Only small plain files are carried, and only if they are new or changed; links, pipes and the like
are skipped. Code that could be imported stays where it is, so that no student's module ever runs in
the judge, and the instructor's files are never replaced there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator

from autograder.wire.interfaces import ValueDecoder, ValueEncoder

MAX_FILES = 500
MAX_FILE = 20 << 20
MAX_ALL = 60 << 20
MAX_DEPTH = 6
IMPORTABLE = (".py", ".pyc", ".pyo", ".pyw", ".so", ".pyd", ".pth", ".egg", ".whl", ".ipynb")


Mark = tuple[int, int, int]  # changes when the file does


class WorkFolder:
    """A work folder, and which of its files the other side has.

    Args:
        path: of the folder.
        fixed: names of files that are never replaced here.
        code: whether to carry what can be imported, too.
    """

    def __init__(self, path: str, fixed: Iterable[str] = (), code: bool = False):
        self.path, self.code = os.path.realpath(path), code
        self.fixed = {os.path.normpath(name) for name in fixed}
        self._known = dict(self._look())

    def changed(self) -> dict[str, bytes]:
        """Return the contents of files that are new or changed since the last call, by name."""
        found: dict[str, bytes] = {}
        left = MAX_ALL
        for name, mark in self._look():
            if self._known.get(name) == mark:
                continue
            self._known[name] = mark
            data = self._read(name)
            if data is not None and len(data) <= left:
                found[name], left = data, left - len(data)
        return found

    def write(self, files: dict[str, bytes]) -> None:
        """Write files of the other side's, except those whose names lead out of the folder."""
        for name, data in list(files.items())[:MAX_FILES]:
            parts = str(name).split("/")
            usual = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
            if not usual or len(parts) > MAX_DEPTH or len(data) > MAX_FILE:
                continue
            if name in self.fixed or not self._is_data(name):
                continue
            try:
                self._write(parts, data)
                status = os.lstat(os.path.join(self.path, name))
            # A folder of that name, a name that is too long or not of characters, a full disk.
            except (OSError, ValueError):
                continue
            self._known[name] = _mark(status)

    def _write(self, parts: list[str], data: bytes) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Step by step, so that no link leads out of the folder.
            for part in parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(parts[-1], flags, 0o644, dir_fd=folder)
            with open(descriptor, "wb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError("not a plain file")
                file.write(data)
        finally:
            os.close(folder)

    def _is_data(self, name: str) -> bool:
        return self.code or not name.lower().endswith(IMPORTABLE)

    def _look(self) -> Iterator[tuple[str, Mark]]:
        """Yield names and marks of the plain files below the folder."""
        count, waiting = 0, [(self.path, "")]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                name = prefix + entry.name
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and name.count("/") < MAX_DEPTH - 1:
                    waiting.append((entry.path, name + "/"))
                elif stat.S_ISREG(status.st_mode) and status.st_size <= MAX_FILE:
                    count += 1
                    if count > MAX_FILES:
                        return
                    if self._is_data(name):
                        yield name, _mark(status)

    def _read(self, name: str) -> bytes | None:
        try:
            path = os.path.join(self.path, name)
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            data = file.read(MAX_FILE + 1)
        return data if len(data) <= MAX_FILE else None


def _mark(status: os.stat_result) -> Mark:
    return status.st_ino, status.st_size, status.st_mtime_ns


def encode_files(files: dict[str, bytes], encoder: ValueEncoder) -> list[list[object]]:
    """Return files as part of a message: names, and positions of their contents."""
    return [[name, encoder.blob(data)] for name, data in files.items()]


def decode_files(codes: object, decoder: ValueDecoder) -> dict[str, bytes]:
    """Return the files in a message, if it holds any."""
    found: dict[str, bytes] = {}
    for code in codes if isinstance(codes, list) else []:
        match code:
            case [str(name), int(position)]:
                found[name] = decoder.blob(position)
    return found
