"""How the command lines of `course` and `autograder` end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python would only name what it lacks
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"Python 3.11, 3.12 or 3.13 is needed; this is Python {found} ({sys.executable}).")

from course._system_errors import in_words
from course.errors import UsageError

REPORT = "This is a bug, not your mistake. Please report it with everything printed above."


def exit_status(program: str, command: Callable[[], int]) -> int:
    """Run a command and return its exit status.

    A :class:`~course.errors.UsageError` or what the system refuses (a full disk, a folder that is
    read-only, no network) becomes one line on stderr and status 1. Any other exception is a bug: it
    propagates with its traceback and asks for a report. Whoever reads the output may stop, as
    `head` does. Ctrl-C gives status 130.

    Args:
        program: name that begins the line on stderr.
        command: the work; returns the status if all goes well.
    """
    try:
        status = command()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: stopped. What was finished is kept.", file=sys.stderr)
        return 130
    except Exception as error:
        if said := in_words(error):
            print(f"{program}: {said}", file=sys.stderr)
            return 1
        if isinstance(error, UsageError | OSError):
            print(f"{program}: {error}", file=sys.stderr)
            return 1
        error.add_note(REPORT)
        raise
