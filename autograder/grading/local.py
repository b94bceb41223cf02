"""Run submissions on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autograder.course_directory import CourseError
from autograder.engine.executor import Executor
from autograder.grading.options import GradingOptions
from autograder.sandbox import Isolation, SandboxError, probe


def choose_isolation(unsafe: bool) -> Isolation:
    """Return the best isolation that works on this machine.

    Args:
        unsafe: if none works, use none instead of raising an error.

    Raises:
        CourseError: none works, and `unsafe` is False.
    """
    found = probe()
    if found == Isolation.NONE and not unsafe:
        raise CourseError(
            f"Students' code cannot be isolated on this machine: {found.reason}. Install "
            "bubblewrap (`apt install bubblewrap`), or run students' code with your own rights: "
            "--unsafe-no-sandbox."
        )
    return found


@contextmanager
def local(options: GradingOptions) -> Iterator[Executor]:
    """Start an executor on this machine.

    Raises:
        CourseError: students' code cannot be isolated, or the fork server does not start.
    """
    try:
        with Executor(choose_isolation(options.unsafe)) as executor:
            yield executor
    except SandboxError as error:
        raise CourseError(f"Students' code could not be run: {error}") from error
