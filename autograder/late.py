"""Late work: due dates, extensions, and what nbgrader's plugin takes off.

Grading computes penalties; :func:`refresh` does so again from the gradebook's present scores, due
dates and extensions, so that none of them is stale after a score was entered by hand, a due date
moved or an extension granted.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from autograder.course_directory import CourseDirectory, CourseError
from course._files import write_text

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

EVERY_UNIT = "*"
LONGEST_DAYS = 3650


def set_due(course: CourseDirectory, unit: str, when: str | None) -> datetime | None:
    """Set or remove the due date of a unit, which has to be released.

    Args:
        course: the course directory.
        unit: the assignment's name.
        when: the date and time, with an offset such as "+0100" or a zone such as
            "Europe/Berlin"; UTC if it has none. None removes the due date.

    Returns:
        The due date in UTC, as the gradebook has it.

    Raises:
        CourseError: the unit is not released, or the date cannot be read.
    """
    from nbgrader.api import MissingEntry

    due = _in_utc(when) if when else None
    with course.gradebook() as gradebook:
        try:
            assignment = gradebook.find_assignment(unit)
        except MissingEntry:
            raise CourseError(f"{unit} is not in the gradebook. Release it first.") from None
        assignment.duedate = due
        gradebook.db.commit()
        refresh(course, gradebook)
    return due


def _in_utc(when: str) -> datetime:
    """Read a date. nbgrader's own reader takes the offset +0100 for 100 seconds."""
    from dateutil import parser, tz

    text, _, zone = when.strip().rpartition(" ")
    known = tz.gettz(zone) if any(map(str.isalpha, zone)) else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", parser.UnknownTimezoneWarning)
            found, *others = _readings(text if known else when.strip())
        if known:
            found = found.replace(tzinfo=known)
        found = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (parser.UnknownTimezoneWarning, OverflowError, ValueError):
        raise CourseError(
            f"Not a date: {when!r}. Write it like '2026-11-10 23:59 +0100' or "
            "'2026-11-10 23:59 Europe/Berlin'; without a zone it is UTC."
        ) from None
    if others:
        raise CourseError(
            f"{when!r} has a day and a month that may be exchanged. Write the year first, then the "
            "month and the day: '2026-11-10 23:59'."
        )
    return found


def _readings(text: str) -> set[datetime]:
    """Return what a date may mean: 10.11. is in October or in November.

    Raises:
        ValueError: it is none, or has no day, month or year.
    """
    from dateutil import parser

    found = set()
    for day_first in [False] if text[:4].isdecimal() else [False, True]:
        defaults = datetime(2000, 1, 1), datetime(2001, 2, 2)  # dateutil fills in what is missing
        one, other = (parser.parse(text, dayfirst=day_first, default=d) for d in defaults)
        if one != other:
            raise ValueError("incomplete")
        found.add(one)
    return found


def extend(course: CourseDirectory, student: str, unit: str, days: float) -> None:
    """Grant a student more time, whether or not anything was submitted yet.

    Args:
        course: the course directory.
        student: the student's id.
        unit: the assignment's name, or ``"*"`` for every unit without an extension of its own.
        days: from 0 to 3650; replaces an earlier extension, and 0 takes it back.

    Raises:
        CourseError: the number of days is out of range.
    """
    if not 0 <= days <= LONGEST_DAYS:
        raise CourseError(f"Days must be from 0 to {LONGEST_DAYS}; received {days:g}.")
    granted = extensions(course)
    granted.setdefault(student, {})[unit] = days
    path = course.records / "extensions.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(granted, indent=1, sort_keys=True))


def extensions(course: CourseDirectory) -> dict[str, dict[str, float]]:
    """Return the days granted, by student and unit.

    Raises:
        CourseError: the file that has them was damaged.
    """
    path = course.records / "extensions.json"
    try:
        found: dict[str, dict[str, float]] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CourseError(f"{path} cannot be read ({error}). Restore it, or delete it.") from None
    return found


def refresh(course: CourseDirectory, gradebook: Gradebook) -> None:
    """Apply the extensions, and compute every late penalty again.

    Args:
        course: the course directory.
        gradebook: its open gradebook, which is written only where something has changed.
    """
    granted = extensions(course)
    late = plugin(course)
    changed = False
    for assignment in gradebook.assignments:
        for submission in assignment.submissions:
            own = granted.get(submission.student.id, {})
            days = own.get(assignment.name, own.get(EVERY_UNIT))
            if days is not None:
                # nbgrader adds an extension to the due date without asking if there is one.
                given = timedelta(days=days) if days and assignment.duedate else None
                if submission.extension != given:
                    submission.extension = given
                    changed = True
            if late:
                # The course's plugin may fail; grading has left such a submission to a human.
                with contextlib.suppress(Exception):
                    changed = penalize(submission, late) or changed
    if changed:
        gradebook.db.commit()


def plugin(course: CourseDirectory) -> Any:
    """Return nbgrader's preprocessor with the course's plugin; None if it is not configured."""
    from nbgrader.converters import Autograde
    from nbgrader.preprocessors import AssignLatePenalties

    if AssignLatePenalties not in Autograde(config=course.config).autograde_preprocessors:
        return None
    late = AssignLatePenalties(config=course.config)
    late.log.setLevel("ERROR")
    late.init_plugin()
    return late


def penalize(submission: Any, late: Any) -> bool:
    """Set a submission's penalty as nbgrader's AssignLatePenalties does; return if it changed.

    Args:
        submission: of the gradebook. If the course's plugin fails, nothing of it is changed.
        late: from :func:`plugin`.
    """
    seconds = seconds_late(submission)
    found = []
    for notebook in submission.notebooks:
        penalty = None
        if seconds > 0:
            penalty = late.plugin_inst.late_submission_penalty(
                submission.student.id, notebook.score, seconds
            )
        if penalty is not None:
            penalty = late._check_late_penalty(notebook, penalty)
        found.append((notebook, penalty))
    changed = [pair for pair in found if pair[0].late_submission_penalty != pair[1]]
    for notebook, penalty in changed:
        notebook.late_submission_penalty = penalty
    return bool(changed)


def seconds_late(submission: Any) -> float:
    """Return how late a submission is; nbgrader cannot tell if there is no due date."""
    return float(submission.total_seconds_late) if submission.assignment.duedate else 0.0


def in_words(seconds: float) -> str:
    """Describe how late something is: `3 days late`, `2 hours late`, `5 minutes late`."""
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            number = f"{seconds / length:.1f}".removesuffix(".0")
            return f"{number} {unit}{'' if number == '1' else 's'} late"
    return "less than a minute late"
