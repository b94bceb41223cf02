"""Files that are replaced as a whole, locks between processes, and where the project's data are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path


class LockedError(Exception):
    """Another process holds a lock; the message says which and since when."""


def project_path(*parts: str) -> Path:
    """A path in the project: recorded runs and lectures lie beside the packages, not in them."""
    return Path(__file__).parents[1].joinpath(*parts)


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], *, suffix: str = "", sync: bool = False
) -> Iterator[Path]:
    """Write a file under another name, and give it its own when it is complete.

    A reader, or a process after a crash, finds the new file or the old one, never a part of one.

    Args:
        path: of the file; its folder exists.
        suffix: ending of the temporary name, for writers that choose a format by it.
        sync: flush the file and its name to the disk, so that a power failure can't lose both.

    Yields:
        The path to write to, in the same folder.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "page.txt")
        >>> with replacing(path) as temporary:
        ...     _ = temporary.write_text("complete")
        >>> path.read_text()
        'complete'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{suffix}")
    try:
        yield temporary
        if sync:
            _sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        with contextlib.suppress(OSError):  # some systems can't sync a folder
            _sync(path.parent)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replace a small file as a whole, see :func:`replacing`."""
    with replacing(path) as temporary:
        temporary.write_text(text)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file, and say in it who holds it.

    The system releases the lock when the process ends, however it ends.

    Args:
        path: of the lock file; created if needed, and its folder too.
        wait: wait until the lock is free instead of raising an error.

    Raises:
        LockedError: another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise LockedError(file.read().strip()) from None
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
