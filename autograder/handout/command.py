"""`autograder handout` and `autograder publish`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course_directory import CourseDirectory

if TYPE_CHECKING:
    from autograder.class_commands import Add


def add_commands(add: Add) -> None:
    """Add the commands of this file."""
    command = add("handout", _handout, "write what students get", units=False)
    _add_arguments(command)
    command = add("publish", _publish, "commit what students get to a git repository", units=False)
    _add_arguments(command)
    command.add_argument("--message", metavar="TEXT", help="of the commit")
    command.add_argument(
        "--push", action="store_true", help="push the commit (default: only say how)"
    )


def _add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "out", metavar="DIR", type=Path, help="a new folder, or an earlier handout to update"
    )
    command.add_argument(
        "--unit", action="append", metavar="GLOB", help="may be repeated (default: every unit)"
    )


def _handout(args: argparse.Namespace) -> int:
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


def _publish(args: argparse.Namespace) -> int:
    """Write the handout into its repository, commit it, and say what is left to do."""
    from autograder.handout.publish import publish

    made = publish(
        CourseDirectory(args.course), args.out, args.unit, message=args.message, push=args.push
    )
    folder, changed = made.handout.folder, made.handout
    if made.commit:
        print(
            f"{folder}: commit {made.commit}, {len(changed.written)} files new or changed, "
            f"{len(changed.removed)} removed. No solution, hidden test or part of the grader is "
            "in it."
        )
    else:
        print(f"{folder}: nothing has changed since the last commit.")
    if made.pushed:
        print(f"Pushed to {made.pushed}. Students get it with their next pull.")
    else:
        print(f"Not pushed. To do so: autograder publish {args.out} --push")
    return 0
