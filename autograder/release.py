"""Release units: write assignments from solutions if every gate is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from autograder import ledgers
from autograder.course_directory import CourseDirectory
from autograder.engine.job import Runner
from autograder.gates import GateReport, run_gates
from autograder.generate import generate
from autograder.grading.lock import exclusive


def release(
    course: CourseDirectory,
    units: list[str] | None = None,
    *,
    check_only: bool = False,
    record: bool = False,
    question: str | None = None,
    executor: Runner | None = None,
    on_step: Callable[[str, str], None] = lambda unit, step: None,
) -> list[GateReport]:
    """Check units' gates and write the release of those that pass.

    Args:
        course: the course directory.
        units: globs of unit names; None for all.
        check_only: write no release.
        record: if every gate is open, write the results into a ledger.
        question: as for :func:`autograder.gates.run_gates`.
        executor: as for :func:`autograder.grading.grade`.
        on_step: called with a unit and what is about to happen to it.

    Returns:
        One report per unit. A unit with problems is not released; an earlier release stays.
    """
    reports = []
    for unit in course.units(units):
        # Before the run, since files may be edited meanwhile.
        parts = ledgers.of_unit(course, unit) if record else {}
        report = run_gates(course, unit, partial(on_step, unit), executor, question)
        if report.ok and not check_only:
            on_step(unit, "write")
            # A grading run must not find half of a release; it is waited for.
            with exclusive(course.records, wait=True):
                report.problems += generate(course, unit)
        if report.ok and record:
            ledgers.new(unit, parts, report.found, report.seconds).write(course.root)
        reports.append(report)
    return reports


def stale(course: CourseDirectory) -> dict[str, list[str]]:
    """Return the units whose ledger is out of date, and what has changed since."""
    changes = {
        unit: ledgers.changed(ledgers.Ledger.read(course.root, unit), ledgers.of_unit(course, unit))
        for unit in course.units()
    }
    return {unit: names for unit, names in changes.items() if names}


def why_stale(course: CourseDirectory, changes: dict[str, list[str]]) -> list[str]:
    """Describe each unit of :func:`stale` in a line: what has changed, and the last run's time."""
    lines = []
    for unit, names in changes.items():
        last = ledgers.Ledger.read(course.root, unit)
        took = f" (last run: {last.seconds:.0f} s)" if last else ""
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"{unit}: {', '.join(names[:3])}{more} changed{took}")
    return lines


def in_words(report: GateReport) -> str:
    """Describe what the gates found, with one line per problem."""
    totals = report.totals
    verdict = "passes every gate" if report.ok else f"{len(report.problems)} problems"
    line = (
        f"{report.unit}: {report.questions} questions, {report.points:g} points, "
        f"{totals['caught']} of {totals['mutants']} mutants lose points, {totals['accepted']} of "
        f"{totals['alternatives']} alternatives are accepted, {report.seconds:.0f} s: {verdict}"
    )
    return "\n  ".join([line, *report.problems])
