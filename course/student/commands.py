"""The students' commands: `course lab`, `course check` and `course submit`."""

from __future__ import annotations

import argparse


def add_arguments(
    lab: argparse.ArgumentParser, check: argparse.ArgumentParser, submit: argparse.ArgumentParser
) -> None:
    """Add the commands' arguments to their parsers."""
    lab.add_argument("--no-browser", action="store_true", help="only print the address")
    lab.add_argument("--port", type=int, metavar="N", help="default: the first free one from 8888")
    check.add_argument("unit", metavar="UNIT", help="such as 02_sizing")
    check.add_argument(
        "--seconds", type=int, default=120, metavar="N",
        help="time limit for each cell (default: %(default)s)",
    )  # fmt: skip
    submit.add_argument("unit", metavar="UNIT", help="such as 02_sizing")
    submit.add_argument(
        "--id", metavar="ID", help="your id in this course (default: the one used last)"
    )
    submit.add_argument(
        "--include", metavar="FILE", nargs="+", default=[],
        help="further files in the unit's folder that your notebook needs",
    )  # fmt: skip
    submit.add_argument(
        "--anyway", action="store_true", help="submit although cells of the assignment are missing"
    )
    for command in (lab, check, submit):
        command.add_argument(
            "--folder", default=".", metavar="DIR", help="the course's folder (default: here)"
        )


def lab(args: argparse.Namespace) -> int:
    """Open JupyterLab; it replaces this process."""
    from course.student.folder import StudentFolder
    from course.student.lab import open_lab

    return open_lab(StudentFolder(args.folder), browser=not args.no_browser, port=args.port)


def check(args: argparse.Namespace) -> int:
    """Run a unit's examples and show a table of its questions."""
    from course.student.checking import check as run
    from course.student.folder import StudentFolder

    print("\n".join(run(StudentFolder(args.folder), args.unit, seconds=args.seconds)))
    return 0


def submit(args: argparse.Namespace) -> int:
    """Write a unit's archive and say what to do with it."""
    from course.student.folder import StudentFolder
    from course.student.submission import submit as make

    made = make(
        StudentFolder(args.folder),
        args.unit,
        student=args.id,
        include=args.include,
        anyway=args.anyway,
    )
    print("\n".join(made.lines))
    return 0
