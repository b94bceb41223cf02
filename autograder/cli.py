"""The command line: `autograder release | grade | feedback | report | ...`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from autograder import platform
from autograder.class_commands import add_commands
from autograder.course_directory import CourseDirectory, CourseError
from course import __version__
from course._command_line import exit_status
from course.completion import complete

Command = Callable[[argparse.Namespace], int]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograder", description="Release, grade and explain nbgrader assignments."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str,
        function: Command,
        summary: str,
        *,
        units: bool = True,
        students: bool = False,
        course: bool = True,
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(function=function)
        if units:
            command.add_argument("units", nargs="*", metavar="UNIT", help="default: every unit")
        if course:
            command.add_argument(
                "--course", default=".", metavar="DIR", help="course directory (default: here)"
            )
        if students:
            command.add_argument("--student", default="*", metavar="GLOB", help="default: all")
        return command

    _add_release(add("release", _release, "check the units' gates and write their assignments"))
    _add_grade(add("grade", _grade, "grade submissions", students=True))
    add("feedback", _feedback, "write each student's feedback page", students=True)
    add_commands(add)
    command = add("demo", _demo, "release, submit and grade a made-up class", units=False)
    command.add_argument("unit", nargs="?", default="02_sizing", help="default: %(default)s")
    command.add_argument("--out", metavar="DIR", type=Path, help="default: demo")
    command.add_argument(
        "--no-variants", action="store_true", help="release without trying mutants and alternatives"
    )
    add("notebooks", _notebooks, "synchronize each unit's script and notebook", units=False)
    command = add("lab", _lab, "open JupyterLab on the course directory", units=False)
    command.add_argument("--no-browser", action="store_true", help="only print the address")
    command.add_argument(
        "--port", type=int, metavar="N", help="default: the first free one from 8888"
    )
    add("doctor", _doctor, "check what this machine can do", units=False)
    add("bench", _bench, "compare start-up and grading times", units=False)
    return parser


def _add_release(command: argparse.ArgumentParser) -> None:
    command.add_argument("--check", action="store_true", help="only check; release nothing")
    command.add_argument(
        "--record",
        action="store_true",
        help="write the results into the units' ledgers under tests/ledgers "
        "(default: of every unit whose ledger is out of date)",
    )
    only = "with --check UNIT: try the mutants and alternatives of this test cell only"
    command.add_argument("--question", metavar="ID", help=only)
    command.add_argument("--json", metavar="FILE", type=Path, help="write the report to a file")


def _add_grade(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--workers", type=int, metavar="N", help="submissions to run at a time (default: cores)"
    )
    command.add_argument(
        "--resume", action="store_true", help="skip what is already graded and has not changed"
    )
    command.add_argument(
        "--replay",
        action="store_true",
        help="after a corrected test: judge by what students' code did when it was last graded; "
        "it runs only where a test asks for more",
    )
    command.add_argument(
        "--wait", action="store_true", help="wait for another run in this course to finish"
    )
    command.add_argument(
        "--notebook-seconds",
        type=float,
        metavar="S",
        help="time limit for a notebook (default: the sum of its cells' limits, at least 300)",
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="leave to a human what cannot be judged separately from the student's code",
    )
    command.add_argument("--cluster", metavar="ADDRESS", help="Dask scheduler to run on")
    command.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run students' code with your own rights if no isolation works",
    )
    command.add_argument("--json", metavar="FILE", type=Path, help="write the outcomes to a file")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; see :func:`course._command_line.exit_status`."""
    parser = _parser()
    complete(parser)
    args = parser.parse_args(arguments)
    return exit_status("autograder", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    platform.require(args.command, unsafe=getattr(args, "unsafe_no_sandbox", False))
    function: Command = args.function
    return function(args)


def _release(args: argparse.Namespace) -> int:
    from autograder.progress import bar
    from autograder.release import in_words, release, stale, why_stale

    course = CourseDirectory(args.course)
    units = course.units(args.units)
    if args.question and (len(units) != 1 or args.record or not args.check):
        raise CourseError(
            "--question tries a part of one unit, so it needs --check and a unit, and cannot be "
            f"recorded or released; received {len(units)} units. "
            "Run: autograder release --check UNIT --question ID"
        )
    if args.record and not args.units:
        changes = stale(course)
        units = list(changes)
        _say("\n".join(why_stale(course, changes)) or "every unit's ledger is up to date")
    with bar() as progress:
        task = progress.add_task("release", total=len(units), note="")
        started: list[str] = []

        def on_step(unit: str, step: str) -> None:
            if unit not in started:
                started.append(unit)
            progress.update(task, completed=len(started) - 1, note=f"{unit}: {step}")

        reports = []
        if units:
            reports = release(
                course,
                units,
                check_only=args.check,
                record=args.record,
                question=args.question,
                on_step=on_step,
            )
        progress.update(task, completed=len(units), note="")
    for report in reports:
        _say(in_words(report))
    if args.json:
        data = [vars(report) | {"ok": report.ok, **report.totals} for report in reports]
        args.json.write_text(json.dumps(data, indent=1))
    return 0 if all(report.ok for report in reports) else 1


def _grade(args: argparse.Namespace) -> int:
    from autograder.classroom import in_words
    from autograder.grading import GradingOptions, grade
    from autograder.progress import bar
    from autograder.standings import read_standings

    options = GradingOptions(
        workers=platform.cores() if args.workers is None else args.workers,
        resume=args.resume,
        replay=args.replay,
        wait=args.wait,
        notebook_seconds=args.notebook_seconds,
        cluster=args.cluster,
        unsafe=args.unsafe_no_sandbox,
        strict=args.strict,
    )
    course = CourseDirectory(args.course)
    units = course.units(args.units)
    for unit in units:
        if not course.students(unit, args.student):
            _say(f"{unit}: no submissions in {course.path('submitted', '*', unit)}")
    with bar() as progress:
        task = progress.add_task("grade", total=0, note="")
        outcomes = grade(
            course,
            units,
            args.student,
            options=options,
            on_start=lambda total: progress.update(task, total=total),
            on_done=lambda o: progress.update(task, advance=1, note=f"{o.student} {o.status}"),
            on_notice=_say,
        )
    booked = read_standings(course, units) if outcomes else {}
    standings = {(s.unit, s.person.id): s for group in booked.values() for s in group}
    for outcome in outcomes:
        _say(in_words.line(outcome, standings.get((outcome.unit, outcome.student))))
    if outcomes:
        _say(in_words.time_summary(outcomes))
    if args.json:
        args.json.write_text(json.dumps([o.to_json() for o in outcomes], indent=1))
    lost = [outcome.student for outcome in outcomes if not outcome.recorded]
    if lost:
        _say(f"Not in the gradebook: {', '.join(lost)}. Fix the cause, then grade with --resume.")
    return 1 if lost else 0


def _say(text: str) -> None:
    from autograder.progress import console

    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _feedback(args: argparse.Namespace) -> int:
    from autograder.classroom.feedback import write_feedback
    from autograder.grading.lock import exclusive
    from autograder.progress import bar

    course = CourseDirectory(args.course)
    with exclusive(course.records), bar() as progress:
        task = progress.add_task("feedback", total=0, note="")
        pages = write_feedback(
            course,
            args.units,
            args.student,
            on_start=lambda total: progress.update(task, total=total),
            on_done=lambda student: progress.update(task, advance=1, note=student),
        )
    _say(f"{len(pages)} feedback pages in {course.directory.feedback_directory}/")
    return 0


def _demo(args: argparse.Namespace) -> int:
    from autograder.demo.play import run_demo

    course = CourseDirectory(args.course)
    return run_demo(course, args.unit, args.out, variants=not args.no_variants)


def _notebooks(args: argparse.Namespace) -> int:
    from autograder.notebooks import pairs, synchronize

    changes = [synchronize(script) for script in pairs(CourseDirectory(args.course).root)]
    print("\n".join(filter(None, changes)) or "every notebook matches its script")
    return 0


def _lab(args: argparse.Namespace) -> int:
    from autograder.lab import open_lab

    return open_lab(CourseDirectory(args.course), browser=not args.no_browser, port=args.port)


def _doctor(args: argparse.Namespace) -> int:
    from autograder.doctor import examine

    return examine(args.course)


def _bench(args: argparse.Namespace) -> int:
    from autograder.bench import run_bench

    return run_bench()


if __name__ == "__main__":
    sys.exit(main())
