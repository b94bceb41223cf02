"""One run at a time that writes in a course directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from autograder.course_directory import CourseError
from course._files import LockedError, locked


@contextlib.contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold a course's lock, which the system releases if the process dies.

    Args:
        folder: the folder of the lock file.
        wait: wait for another run to finish instead of raising an error.

    Raises:
        CourseError: another run holds the lock.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock", wait=wait))
        except LockedError as error:
            raise CourseError(
                f"Another run is grading in this course, or writes its feedback or a release "
                f"({error}). Wait until it ends (`grade` can: --wait), or stop it; its finished "
                "submissions are kept."
            ) from None
        yield


@contextlib.contextmanager
def if_free(folder: Path) -> Iterator[bool]:
    """Hold a course's lock if no other run does.

    Args:
        folder: the folder of the lock file.

    Yields:
        Whether it is held.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock"))
            held = True
        except LockedError:
            held = False
        yield held
