"""Running submissions on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autograder.course_directory import CourseError
from autograder.engine.executor import Executor
from autograder.sandbox import Isolation, SandboxError, probe


def choose_isolation(unsafe: bool) -> Isolation:
    """The best isolation that works on this machine.

    Args:
        unsafe: accept none at all.

    Raises:
        CourseError: none works, and that is not accepted.
    """
    found = probe()
    if found == Isolation.NONE and not unsafe:
        raise CourseError(
            f"Students' code cannot be isolated on this machine: {found.reason}. Install "
            "bubblewrap (`apt install bubblewrap`), or grade with your own rights at stake: "
            "--unsafe-no-sandbox."
        )
    return Isolation.NONE if unsafe else found


@contextmanager
def local(options) -> Iterator[Executor]:
    """An executor on this machine, whose fork servers live as long as the context.

    Raises:
        CourseError: students' code cannot be isolated, or a fork server does not start.
    """
    try:
        with Executor(choose_isolation(options.unsafe)) as executor:
            yield executor
    except SandboxError as error:
        raise CourseError(f"Students' code could not be run: {error}") from error
