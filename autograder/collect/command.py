"""`autograder collect`."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from autograder.course_directory import CourseDirectory


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    command.add_argument(
        "sources", nargs="+", metavar="FOLDER|ZIP", type=Path,
        help="downloads from Moodle, Canvas, GitHub Classroom or mail, archives of `course submit`",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Collect, and say what was done with each file."""
    from autograder.collect.collect import collect

    course = CourseDirectory(args.course)
    events = collect(course, args.sources)
    for event in events:
        print(event)
    counts = Counter(event.action for event in events)
    told = ", ".join(f"{counts[action]} {action}" for action in sorted(counts))
    print(f"{told or 'nothing found'}. Next: `autograder grade`.")
    return 0
