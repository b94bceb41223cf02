"""`autograder mark`."""

from __future__ import annotations

import argparse

from autograder.course_directory import CourseDirectory, CourseError


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    command.add_argument("unit", metavar="UNIT", help="such as 02_sizing")
    command.add_argument("--port", type=int, default=0, help="default: any that is free")
    command.add_argument("--no-browser", action="store_true", help="only print the address")


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    from autograder.mark.server import serve

    course = CourseDirectory(args.course)
    unit, *more = course.units([args.unit])
    if more:
        raise CourseError(
            f"One unit at a time; {args.unit!r} stands for {', '.join([unit, *more])}."
        )
    try:
        serve(course, unit, port=args.port, browser=not args.no_browser)
    except KeyboardInterrupt:
        print("\nStopped. Everything that was saved is in the gradebook.")
    return 0
