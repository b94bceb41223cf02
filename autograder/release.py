"""From `solutions/` to `assignments/`, if every gate is open."""

from __future__ import annotations

from collections.abc import Callable

from autograder import ledgers
from autograder.course import Course
from autograder.gates import GateReport, generate, rehearse


def release(
    course: Course,
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
        report = rehearse(course, unit, lambda step, unit=unit: on_step(unit, step), executor)
        if report.ok and not check_only:
            on_step(unit, "write")
            report.problems += generate(course, unit)
        if report.ok and record:
            ledgers.new(unit, parts, report.found, report.seconds).write(course.root)
        reports.append(report)
    return reports


def stale(course: Course) -> dict[str, list[str]]:
    """Units whose ledger no longer holds, and what has changed since it was written."""
    changes = {
        unit: ledgers.changed(ledgers.Ledger.read(course.root, unit), ledgers.of_unit(course, unit))
        for unit in course.units()
    }
    return {unit: names for unit, names in changes.items() if names}
