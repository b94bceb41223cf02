"""How the command lines of `course` and `autograder` end."""

from __future__ import annotations

import sys
from collections.abc import Callable

from course.errors import UsageError

REPORT = "This is a bug, not a mistake of yours. Please report it with everything printed above."


def exit_status(program: str, command: Callable[[], int]) -> int:
    """Run a command and return its exit status.

    A :class:`~course.errors.UsageError` or an OSError (a full disk, a folder that is read-only)
    becomes one line on stderr and status 1. Any other exception is a bug: it propagates with its
    traceback and asks for a report.

    Args:
        program: name that begins the line on stderr.
        command: the work; returns the status if all goes well.
    """
    try:
        return command()
    except (UsageError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        error.add_note(REPORT)
        raise
