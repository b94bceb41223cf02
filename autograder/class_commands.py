"""The commands about a whole class, from the handout to the export."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from autograder.collect import command as collect
from autograder.course_directory import CourseDirectory
from autograder.handout import command as handout
from autograder.mark import command as mark
from autograder.site import command as site

Command = Callable[[argparse.Namespace], int]
FORMATS = ("csv", "canvas", "moodle", "gradescope")


class Add(Protocol):
    """Adds a command to the parser."""

    def __call__(
        self, name: str, function: Command, summary: str, *, units: bool = True, course: bool = True
    ) -> argparse.ArgumentParser:
        """Return the new command's parser."""


def add_commands(add: Add) -> None:
    """Add the commands of this file, and those that have a package."""
    handout.add_commands(add)
    collect.add_arguments(add("collect", collect.run, "file students' downloads", units=False))
    mark.add_arguments(add("mark", mark.run, "mark answers by hand on a web page", units=False))
    site.add_arguments(add("site", site.run, "build the course's web pages", units=False))
    command = add("report", _report, "write the instructor's report about a graded class")
    command.add_argument("--out", metavar="FILE", type=Path, help="default: report.html")
    command.add_argument(
        "--formgrader", metavar="ADDRESS",
        help="JupyterLab that links lead to, such as http://127.0.0.1:8888 (default: the one that "
        "is running in the course directory)",
    )  # fmt: skip
    command = add("export", _export, "write all scores after penalties to a file", units=False)
    command.add_argument("--out", metavar="FILE", type=Path, help="default: grades.csv")
    command.add_argument("--format", choices=FORMATS, default="csv", help="default: %(default)s")
    command = add("due", _due, "show, set or remove a unit's due date", units=False)
    command.add_argument("unit", nargs="?", metavar="UNIT", help="default: show all")
    command.add_argument("when", nargs="?", metavar="DATE", help="such as '2026-11-10 23:59 +0100'")
    command.add_argument("--none", action="store_true", help="remove the due date")
    _add_students(add("students", _list, "the class list", units=False, course=False))


def _add_students(command: argparse.ArgumentParser) -> None:
    commands = command.add_subparsers(dest="students", required=True, metavar="COMMAND")

    def add(name: str, function: Command, summary: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=summary, description=summary)
        one.set_defaults(function=function)
        one.add_argument(
            "--course", default=".", metavar="DIR", help="course directory (default: here)"
        )
        return one

    add("list", _list, "show the students in the gradebook")
    one = add("import", _import, "add or complete students from a CSV file")
    one.add_argument(
        "file", type=Path, metavar="CSV", help="columns: id, name, email, extension (in days)"
    )
    one = add("extend", _extend, "give a student more time")
    one.add_argument("student", metavar="STUDENT", help="the student's id")
    one.add_argument("days", type=float, metavar="DAYS", help="0 takes an extension back")
    one.add_argument("units", nargs="*", metavar="UNIT", help="default: every unit")


def _report(args: argparse.Namespace) -> int:
    from autograder.classroom.report import write_report

    print(write_report(CourseDirectory(args.course), args.units, args.out, args.formgrader))
    return 0


def _export(args: argparse.Namespace) -> int:
    from autograder.classroom.export import waiting, write_scores

    course = CourseDirectory(args.course)
    print(write_scores(course, args.out or course.root / "grades.csv", args.format))
    if number := waiting(course):
        print(f"{number} submissions wait to be marked by hand: their scores may still rise.")
    return 0


def _due(args: argparse.Namespace) -> int:
    from autograder.grading.lock import exclusive
    from autograder.late import set_due

    course = CourseDirectory(args.course)
    if args.unit and (args.when or args.none):
        for unit in course.units([args.unit]):
            with exclusive(course.records):
                due = set_due(course, unit, None if args.none else args.when)
            print(f"{unit} is due {due} UTC" if due else f"{unit} has no due date")
        return 0
    with course.gradebook() as gradebook:
        for entry in sorted(gradebook.assignments, key=lambda entry: entry.name):
            if not args.unit or entry.name == args.unit:
                print(f"{entry.name}  {entry.duedate or '-'}{' UTC' if entry.duedate else ''}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from rich.table import Table
    from rich.text import Text

    from autograder.classroom.roster import people
    from autograder.late import EVERY_UNIT, extensions
    from autograder.progress import console

    course = CourseDirectory(args.course)
    granted = extensions(course)
    table = Table("id", "name", "email", "extensions", "submitted")
    for someone, submitted in people(course):
        more = ", ".join(
            f"{'every unit' if unit == EVERY_UNIT else unit} +{days:g} days"
            for unit, days in granted.get(someone.id, {}).items()
            if days
        )
        row = [someone.id, someone.name, someone.email, more, ", ".join(submitted)]
        table.add_row(*map(Text, row))
    console.print(table)
    return 0


def _import(args: argparse.Namespace) -> int:
    from autograder.classroom.roster import import_roster
    from autograder.grading.lock import exclusive

    course = CourseDirectory(args.course)
    with exclusive(course.records):
        new, old = import_roster(course, args.file)
    print(f"{new} students added, {old} completed; nobody was removed")
    return 0


def _extend(args: argparse.Namespace) -> int:
    from autograder.classroom.roster import grant
    from autograder.grading.lock import exclusive

    course = CourseDirectory(args.course)
    with exclusive(course.records):
        grant(course, args.student, args.days, args.units)
    where = ", ".join(args.units) or "every unit"
    print(f"{args.student}: {args.days:g} days more for {where}; penalties are computed again")
    return 0
