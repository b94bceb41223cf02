"""One grading run at a time in a course directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from autograder.course_directory import CourseError
from course._files import LockedError, locked


@contextlib.contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold a course's lock; the system takes it back when the process ends, however it ends.

    Args:
        folder: where the lock lies.
        wait: wait for another run to finish instead of refusing.

    Raises:
        CourseError: another run holds it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock", wait=wait))
        except LockedError as error:
            raise CourseError(
                f"Another grading run is at work in this course ({error}). "
                "Wait for it with --wait, or stop it; what it has finished is kept."
            ) from None
        yield
