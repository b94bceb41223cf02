"""What the system refuses, in words that say what to do."""

from __future__ import annotations

import errno
import socket
import sqlite3
import sys

_NO_SPACE = (
    "There is no space left on the disk{where}. Delete what you don't need, or set TMPDIR and the "
    "output to a larger disk, and run the command again; what was finished before is kept."
)
_READ_ONLY = (
    "{what} cannot be written or read here: {why}. Copy the course into a folder of your own, or "
    "ask who owns it."
)
_IN_USE = "The port is in use by another program{where}. Choose another one with --port."
_NO_NETWORK = (
    "There is no network, or the server does not answer: {why}. The datasets digits and "
    "course_shapes need none; others can be copied into a folder that TFDS_DATA_DIR names."
)
_ON_WINDOWS = (
    "This needs Linux or macOS. On Windows, install WSL 2 (`wsl --install`) and run it there."
)
_POSIX = {"fcntl", "grp", "pwd", "resource", "termios"}  # modules that Windows lacks
_NETWORK = {
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETDOWN,
}  # fmt: skip


def in_words(error: BaseException) -> str | None:
    """Say what is wrong and what to do; None if the error is not one that the system explains.

    Args:
        error: whatever ended a command.
    """
    if isinstance(error, ModuleNotFoundError):
        return _missing(error.name or "")
    if isinstance(error, MemoryError):
        return "There is not enough memory. Close other programs or notebooks, and try again."
    database = getattr(error, "orig", error)  # SQLAlchemy's errors keep the driver's
    if isinstance(database, sqlite3.OperationalError):
        return _database(str(database))
    return _of_system(error) if isinstance(error, OSError) else None


def _missing(name: str) -> str | None:
    package = name.partition(".")[0]
    if package in _POSIX and sys.platform == "win32":
        return _ON_WINDOWS
    if not package or package in {"course", "autograder", *sys.stdlib_module_names}:
        return None
    return (
        f"The package {package} is not installed in this environment ({sys.prefix}). Run "
        "`pip install .` in the course's folder, or `make setup` in a checkout."
    )


def _database(said: str) -> str | None:
    if "disk is full" in said or "disk I/O" in said:
        return _NO_SPACE.format(where=" (the gradebook)")
    if "readonly" in said or "unable to open" in said:
        return _READ_ONLY.format(what="The gradebook", why=said)
    if "locked" in said:
        return "The gradebook is locked by another program, such as formgrader. Wait, or close it."
    return None


def _of_system(error: OSError) -> str | None:
    # Of a copy, the second name is the one that was written.
    name = str(error.filename2 or error.filename or "")
    # h5py and others put the number only into the message.
    if error.errno in {errno.ENOSPC, errno.EDQUOT} or "No space left on device" in str(error):
        return _NO_SPACE.format(where=f" (writing {name})" if name else "")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM} and name:
        return _READ_ONLY.format(what=name, why=error.strerror)
    if error.errno == errno.EADDRINUSE:
        return _IN_USE.format(where=f" ({name})" if name else "")
    cause = getattr(error, "reason", error)  # of urllib's errors
    if isinstance(cause, socket.gaierror | TimeoutError) or error.errno in _NETWORK:
        return _NO_NETWORK.format(why=getattr(cause, "strerror", None) or cause)
    if type(error).__module__.partition(".")[0] in {"requests", "urllib3"}:
        return _NO_NETWORK.format(why=type(error).__name__)
    return None
