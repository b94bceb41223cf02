"""From `solutions/` to `assignments/`, if every gate is open."""

from __future__ import annotations

from collections.abc import Callable

from autograder import ledgers
from autograder.course_directory import CourseDirectory
from autograder.gates import GateReport, run_gates
from autograder.generate import generate


def release(
    course: CourseDirectory,
    units: list[str] | None = None,
    *,
    check_only: bool = False,
    record: bool = False,
    executor=None,
    on_step: Callable[[str, str], None] = lambda unit, step: None,
) -> list[GateReport]:
    """Put units through the gates and write the release of those that pass.

    Args:
        course: whose source is read and whose release is written.
        units: globs of unit names; None for all.
        check_only: write no release.
        record: write what was found into a ledger, if every gate is open.
        executor: as for :func:`autograder.grading.grade`.
        on_step: called with a unit and what happens to it now.

    Returns:
        One report a unit. A unit with problems is not released; what was there stays.
    """
    reports = []
    for unit in course.units(units):
        # Before the run: what is edited meanwhile was not what ran.
        parts = ledgers.of_unit(course, unit) if record else {}
        report = run_gates(course, unit, lambda step, unit=unit: on_step(unit, step), executor)
        if report.ok and not check_only:
            on_step(unit, "write")
            report.problems += generate(course, unit)
        if report.ok and record:
            ledgers.new(unit, parts, report.found, report.seconds).write(course.root)
        reports.append(report)
    return reports


def stale(course: CourseDirectory) -> dict[str, list[str]]:
    """Units whose ledger no longer holds, and what has changed since it was written."""
    changes = {
        unit: ledgers.changed(ledgers.Ledger.read(course.root, unit), ledgers.of_unit(course, unit))
        for unit in course.units()
    }
    return {unit: names for unit, names in changes.items() if names}


def why_stale(course: CourseDirectory, changes: dict[str, list[str]]) -> list[str]:
    """A line for each unit of :func:`stale`: what has changed, and how long the last run took."""
    lines = []
    for unit, names in changes.items():
        last = ledgers.Ledger.read(course.root, unit)
        took = f", the last time took {last.seconds:.0f} s" if last else ""
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"{unit}: {', '.join(names[:3])}{more} changed{took}")
    return lines


def in_words(report: GateReport) -> str:
    """What the gates said, a problem a line."""
    totals = report.totals
    verdict = "passes every gate" if report.ok else f"{len(report.problems)} problems"
    line = (
        f"{report.unit}: {report.questions} questions, {report.points:g} points, "
        f"{totals['caught']} of {totals['mutants']} mutants lose marks, {totals['accepted']} of "
        f"{totals['alternatives']} alternatives are accepted, {report.seconds:.0f} s: {verdict}"
    )
    return "\n  ".join([line, *report.problems])
