"""One grading run at a time in a course directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.course_directory import CourseError


@contextlib.contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold a course's lock; the system takes it back when the process ends, however it ends.

    Args:
        folder: where the lock lies.
        wait: wait for another run to finish instead of refusing.

    Raises:
        CourseError: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise CourseError(
                f"Another grading run is at work in this course ({file.read().strip()}). "
                "Wait for it with --wait, or stop it; what it has finished is kept."
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
