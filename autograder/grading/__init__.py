"""From submissions to scores: find and check them, hand them to an engine, record what came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from autograder.course import Course
from autograder.grading.nbgrader_engine import NbgraderEngine
from autograder.grading.outcome import Outcome
from autograder.grading.submissions import stage

__all__ = ["Outcome", "grade", "load_outcomes"]


def grade(
    course: Course,
    units: list[str] | None = None,
    students: str = "*",
    *,
    engine=None,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Grade every submission; none is left without an outcome.

    Args:
        course: whose `submitted` tree is read; `autograded` and the gradebook are written.
        units: globs of unit names; None for all.
        students: glob of student names.
        engine: an object with ``grade(course, submission) -> Outcome``.
        on_start: called with the number of submissions.
        on_done: called with each outcome as it comes.

    Returns:
        One outcome a submission, ordered by unit and student.
    """
    engine = engine or NbgraderEngine()
    work = [
        (unit, student)
        for unit in course.units(units)
        for student in course.students(unit, students)
    ]
    on_start(len(work))
    outcomes = []
    for unit, student in work:
        started = time.monotonic()
        with stage(course, unit, student) as submission:
            outcome = engine.grade(course, submission)
        outcome.seconds = round(time.monotonic() - started, 2)
        _record(course, outcome)
        outcomes.append(outcome)
        on_done(outcome)
    return outcomes


def _file(course: Course, unit: str, student: str) -> Path:
    return course.records / unit / f"{student}.json"


def _record(course: Course, outcome: Outcome) -> None:
    path = _file(course, outcome.unit, outcome.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed, so that a reader never sees half a file.
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(outcome.to_json(), indent=1))
    partial.rename(path)


def load_outcomes(course: Course, units: list[str] | None = None) -> list[Outcome]:
    """The recorded outcomes of earlier runs, ordered by unit and student."""
    files = [p for unit in course.units(units) for p in (course.records / unit).glob("*.json")]
    return [Outcome.from_json(json.loads(path.read_text())) for path in sorted(files)]
