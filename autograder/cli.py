"""The command line: `autograder release | grade | feedback | report | ...`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from autograder.course_directory import CourseError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograder", description="Release, grade and explain nbgrader assignments."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, function, summary, *, units=True, students=False, course=True):
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(function=function)
        if units:
            command.add_argument("units", nargs="*", metavar="UNIT", help="default: every unit")
        if course:
            command.add_argument(
                "--course", default=".", metavar="DIR", help="the course directory (default: here)"
            )
        if students:
            command.add_argument("--student", default="*", metavar="GLOB", help="default: all")
        return command

    command = add("release", _release, "solutions -> assignments, through the gates")
    command.add_argument("--check", action="store_true", help="the gates alone; release nothing")
    command.add_argument(
        "--record",
        action="store_true",
        help="write what the gates found into the units' ledgers under tests/ledgers; "
        "by default of every unit whose ledger no longer holds",
    )
    command.add_argument("--json", metavar="FILE", type=Path, help="write the gates' report there")
    command = add("grade", _grade, "grade what was submitted", students=True)
    command.add_argument(
        "--workers", type=int, metavar="N", help="submissions at a time (default: cores)"
    )
    command.add_argument(
        "--resume", action="store_true", help="leave out what is graded already and unchanged"
    )
    command.add_argument(
        "--wait", action="store_true", help="wait for another run in this course to finish"
    )
    command.add_argument(
        "--notebook-seconds",
        type=float,
        metavar="S",
        help="for a whole notebook (default: what its cells may take, at least 300)",
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="leave to a human what cannot be judged apart from the student's code",
    )
    command.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler to run on")
    command.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run students' code with your own rights, where nothing better works",
    )
    command.add_argument("--json", metavar="FILE", type=Path, help="write the outcomes there")
    add("feedback", _feedback, "write each student's feedback page", students=True)
    command = add("report", _report, "write the instructor's page about a graded class")
    command.add_argument("--out", metavar="FILE", type=Path, help="default: report.html")
    command = add("export", _export, "write all scores as one CSV table", units=False)
    command.add_argument("--out", metavar="FILE", type=Path, help="default: grades.csv")
    command = add("demo", _demo, "play a class from release to report", units=False)
    command.add_argument("unit", nargs="?", default="02_sizing", help="default: %(default)s")
    command.add_argument("--out", metavar="DIR", type=Path, help="default: demo")
    command.add_argument(
        "--no-variants", action="store_true", help="release without trying mutants and alternatives"
    )
    add("notebooks", _notebooks, "bring each unit's script and notebook together", units=False)
    command = add("lab", _lab, "open JupyterLab on a copy of the assignments to work in")
    command.add_argument("--no-browser", action="store_true", help="only print the address")
    add("doctor", _doctor, "what this machine can and cannot do", units=False)
    add("bench", _bench, "how fast: start-up and grading, as ratios", units=False)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if all is well, 1 if not, 2 if the request cannot be understood."""
    options = _parser().parse_args(arguments)
    try:
        return options.function(options)
    except (CourseError, OSError) as error:  # a full disk, a folder that may not be written to
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("autograder: stopped. What was finished is kept.", file=sys.stderr)
        return 130


def _course(options):
    from autograder.course_directory import CourseDirectory

    return CourseDirectory(options.course)


def _release(options) -> int:
    from autograder.progress import bar, console
    from autograder.release import in_words, release, stale, why_stale

    def say(line):
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    course = _course(options)
    units = course.units(options.units)
    if options.record and not options.units:
        changes = stale(course)
        units = list(changes)
        say("\n".join(why_stale(course, changes)) or "every unit's ledger holds")
    with bar() as progress:
        task = progress.add_task("release", total=len(units), note="")
        done = []

        def on_step(unit, step):
            if unit not in done:
                done.append(unit)
            progress.update(task, completed=len(done) - 1, note=f"{unit}: {step}")

        how = {"check_only": options.check, "record": options.record, "on_step": on_step}
        reports = release(course, units, **how) if units else []
        progress.update(task, completed=len(units), note="")
    for report in reports:
        say(in_words(report))
    if options.json:
        data = [vars(report) | {"ok": report.ok, **report.totals} for report in reports]
        options.json.write_text(json.dumps(data, indent=1))
    return 0 if all(report.ok for report in reports) else 1


def _grade(options) -> int:
    from autograder.grading import GradingOptions, grade
    from autograder.progress import bar, console

    if options.workers is not None and options.workers < 1:
        raise CourseError(f"--workers must be at least 1; received {options.workers}.")
    how = GradingOptions(
        workers=options.workers or len(os.sched_getaffinity(0)),
        resume=options.resume,
        wait=options.wait,
        notebook_seconds=options.notebook_seconds,
        cluster=options.cluster,
        unsafe=options.unsafe_no_sandbox,
        strict=options.strict,
    )
    course = _course(options)
    units = course.units(options.units)
    for unit in units:
        if not course.students(unit, options.student):
            console.print(f"{unit}: nothing submitted under {course.path('submitted', '*', unit)}")
    with bar() as progress:
        task = progress.add_task("grade", total=0, note="")
        outcomes = grade(
            course,
            units,
            options.student,
            options=how,
            on_start=lambda total: progress.update(task, total=total),
            on_done=lambda o: progress.update(task, advance=1, note=f"{o.student} {o.status}"),
            on_notice=_say,
        )
    for outcome in outcomes:
        _say(_line(outcome))
    if outcomes:
        _print_times(outcomes)
    if options.json:
        options.json.write_text(json.dumps([o.to_json() for o in outcomes], indent=1))
    lost = [outcome.student for outcome in outcomes if not outcome.recorded]
    if lost:
        _say(f"Not in the gradebook: {', '.join(lost)}. Mend it, then grade with --resume.")
    return 1 if lost else 0


def _say(text: str) -> None:
    from autograder.progress import console

    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _line(outcome) -> str:
    """A submission's result, for the terminal."""
    score = f"{outcome.score:g}" if outcome.marked else "-"
    line = f"{outcome.unit}  {outcome.student:<20} {score:>6} / {outcome.max_score:g}"
    line += f"  {outcome.seconds:.1f} s"
    if outcome.late_seconds:
        line += f"  {outcome.late_seconds / 86400:.1f} days late, penalty {outcome.penalty:g}"
    return line + (f"  {outcome.status}: {outcome.reason}" if outcome.reason else "")


def _print_times(outcomes) -> None:
    """A line on how long it took, and where the time went."""
    from autograder.progress import console
    from autograder.report import UnitSummary

    summary = UnitSummary("", outcomes)
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in summary.stages.items())
    middle, longest = summary.seconds[1:3]
    line = f"a submission took {middle:.1f} s in the middle ({stages}), {longest:.1f} s at most"
    console.print(line, highlight=False, soft_wrap=True)


def _feedback(options) -> int:
    from autograder.feedback import write_feedback
    from autograder.progress import bar, console

    course = _course(options)
    with bar() as progress:
        task = progress.add_task("feedback", total=0, note="")
        pages = write_feedback(
            course,
            options.units,
            options.student,
            on_start=lambda total: progress.update(task, total=total),
            on_done=lambda student: progress.update(task, advance=1, note=student),
        )
    console.print(f"{len(pages)} feedback pages under {course.directory.feedback_directory}/")
    return 0


def _report(options) -> int:
    from autograder.report import write_report

    print(write_report(_course(options), options.units, options.out))
    return 0


def _export(options) -> int:
    from autograder.export import write_csv

    course = _course(options)
    print(write_csv(course, options.out or course.root / "grades.csv"))
    return 0


def _demo(options) -> int:
    from autograder.demo.play import run_demo

    variants = not options.no_variants
    return run_demo(_course(options), options.unit, options.out, variants=variants)


def _notebooks(options) -> int:
    from autograder.notebooks import pairs, synchronize

    said = [synchronize(script) for script in pairs(_course(options).root)]
    print("\n".join(filter(None, said)) or "every notebook says what its script says")
    return 0


def _lab(options) -> int:
    from autograder.lab import open_lab

    return open_lab(_course(options), options.units, browser=not options.no_browser)


def _doctor(options) -> int:
    from autograder.doctor import examine

    return examine()


def _bench(options) -> int:
    from autograder.bench import run_bench

    return run_bench(_course(options))


if __name__ == "__main__":
    sys.exit(main())
