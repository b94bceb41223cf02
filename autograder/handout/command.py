"""`autograder handout`."""

from __future__ import annotations

import argparse
from pathlib import Path

from autograder.course_directory import CourseDirectory


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    command.add_argument(
        "out", metavar="DIR", type=Path, help="a new folder, or an earlier handout to update"
    )
    command.add_argument(
        "--unit", action="append", metavar="GLOB", help="may be repeated (default: every unit)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the handout, and say what changed."""
    from autograder.handout.write import hand_out

    made = hand_out(CourseDirectory(args.course), args.out, args.unit)
    for note in made.notes:
        print(note)
    print(
        f"{made.folder}: {made.total} files, {len(made.written)} new or changed, "
        f"{len(made.removed)} removed. No solution, hidden test or part of the grader is in it."
    )
    return 0
