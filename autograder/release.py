"""From `solutions/` to `assignments/`, if every gate is open."""

from __future__ import annotations

from collections.abc import Callable

from autograder.course import Course
from autograder.gates import GateReport, generate, rehearse


def release(
    course: Course,
    units: list[str] | None = None,
    *,
    check_only: bool = False,
    executor=None,
    on_step: Callable[[str, str], None] = lambda unit, step: None,
) -> list[GateReport]:
    """Put units through the gates and write the release of those that pass.

    Args:
        course: whose source is read and whose release is written.
        units: globs of unit names; None for all.
        check_only: write nothing.
        executor: as for :func:`autograder.grading.grade`.
        on_step: called with a unit and what happens to it now.

    Returns:
        One report a unit. A unit with problems is not released; what was there stays.
    """
    reports = []
    for unit in course.units(units):
        report = rehearse(course, unit, lambda step, unit=unit: on_step(unit, step), executor)
        if report.ok and not check_only:
            on_step(unit, "write")
            report.problems += generate(course, unit)
        reports.append(report)
    return reports
