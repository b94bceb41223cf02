"""The class list: ids, names, addresses and extensions, in nbgrader's gradebook."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import late
from autograder.course_directory import CourseDirectory, CourseError
from autograder.standings import Person, person

LARGEST = 10 << 20
LONGEST = 128  # characters, as in nbgrader's database

# What a column may be called, in lower case, for each of our fields.
COLUMNS = {
    "id": ("id", "student_id", "student id", "sis user id", "id number", "sid"),
    "name": ("name", "student", "full name"),
    "first_name": ("first_name", "first name"),
    "last_name": ("last_name", "last name", "surname"),
    "email": ("email", "email address", "e-mail"),
    "lms_id": ("lms_id", "lms_user_id", "canvas id"),
    "extension": ("extension", "extension_days"),
}


@dataclass(frozen=True)
class Entry:
    """A line of a class list; `extension` is in days, None if the column is empty."""

    person: Person
    extension: float | None = None


def read_roster(path: Path) -> list[Entry]:
    """Read a class list from a CSV file.

    Args:
        path: a file with a header line. The column `id` is needed; `name` (or `first_name` and
            `last_name`), `email`, `lms_id` and `extension` (days for every unit) are optional.

    Raises:
        CourseError: the file cannot be read, or a line is wrong; all wrong lines are named.
    """
    rows = _rows(path)
    header: list[str] = next(rows, [])
    wanted = {title: name for name, titles in COLUMNS.items() for title in titles}
    columns = {wanted[t]: n for n, t in enumerate(h.strip().lower() for h in header) if t in wanted}
    if "id" not in columns:
        raise CourseError(
            f"{path} needs a header line with a column `id`; received: {', '.join(header)!r:.200}."
        )
    entries: dict[str, Entry] = {}
    problems = []
    for number, row in enumerate(rows, start=2):
        values = {k: row[n].strip() if n < len(row) else "" for k, n in columns.items()}
        if not any(values.values()):
            continue
        try:
            entry = _entry(values)
            if entry.person.id in entries:
                raise ValueError(f"the id {entry.person.id!r} is there twice")
            entries[entry.person.id] = entry
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        shown = "\n".join(problems[:20])
        raise CourseError(f"{path}: nothing was imported. Correct these lines:\n{shown}")
    return list(entries.values())


def import_roster(course: CourseDirectory, path: Path) -> tuple[int, int]:
    """Add students to the gradebook, and complete those who are there.

    An empty field leaves what the gradebook has. Nobody is removed.

    Returns:
        How many students are new, and how many were there.

    Raises:
        CourseError: see :func:`read_roster`.
    """
    entries = read_roster(path)
    with course.gradebook() as gradebook:
        there = {student.id for student in gradebook.students}
        for entry in entries:
            known = {
                "first_name": entry.person.first_name,
                "last_name": entry.person.last_name,
                "email": entry.person.email,
                "lms_user_id": entry.person.lms_id,
            }
            gradebook.update_or_create_student(
                entry.person.id, **{key: value for key, value in known.items() if value}
            )
            if entry.extension is not None:
                late.extend(course, entry.person.id, late.EVERY_UNIT, entry.extension)
        late.refresh(course, gradebook)
    old = sum(entry.person.id in there for entry in entries)
    return len(entries) - old, old


def grant(course: CourseDirectory, student: str, days: float, units: list[str]) -> None:
    """Extend a known student's time; see :func:`autograder.late.extend`.

    Args:
        course: the course directory.
        student: the student's id.
        days: the extension; 0 takes it back.
        units: globs of units; empty for every unit.

    Raises:
        CourseError: there is no such student or unit, or the number of days is out of range.
    """
    names = course.units(units) if units else [late.EVERY_UNIT]
    with course.gradebook() as gradebook:
        known = [entry.id for entry in gradebook.students]
        if student not in known:
            close = difflib.get_close_matches(student, known, 3)
            more = f" Did you mean {', '.join(close)}?" if close else ""
            raise CourseError(
                f"No student {student!r} in the gradebook.{more} `autograder students list` shows "
                "them; `autograder students import` adds some."
            )
        for unit in names:
            late.extend(course, student, unit, days)
        late.refresh(course, gradebook)


def people(course: CourseDirectory) -> list[tuple[Person, list[str]]]:
    """Return every student in the gradebook with the units they submitted, ordered by name."""
    with course.gradebook() as gradebook:
        found = [(person(entry), _submitted(entry)) for entry in gradebook.students]
    return sorted(found, key=lambda one: (one[0].last_name.lower(), one[0].id))


def _submitted(entry: Any) -> list[str]:
    return sorted(submission.assignment.name for submission in entry.submissions)


def _rows(path: Path) -> Iterator[list[str]]:
    """Return a CSV file's rows; commas, semicolons or tabs separate the columns."""
    try:
        if path.stat().st_size > LARGEST:
            raise CourseError(f"{path} is larger than {LARGEST >> 20} MiB: not a class list.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not UTF-8. Save it as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        return iter(list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)))
    except csv.Error as error:
        raise CourseError(f"{path} is not a CSV file: {error}.") from None


def _entry(values: dict[str, str]) -> Entry:
    """Turn a line into an entry; a ValueError says what is wrong with it."""
    name = values["id"]
    if not name:
        raise ValueError("the id is missing")
    if name.startswith(".") or not name.isprintable() or any(c in name for c in "/\\*?[]"):
        raise ValueError(f"the id {name!r:.80} cannot be the name of a folder")
    first, last = values.get("first_name", ""), values.get("last_name", "")
    if not (first or last):
        first, last = _split_name(values.get("name", ""))
    found = Person(name, first, last, values.get("email", ""), values.get("lms_id", ""))
    for field in vars(found).values():
        if len(field) > LONGEST or not field.isprintable():
            raise ValueError(f"not printable, or longer than {LONGEST} characters: {field!r:.40}")
    days = values.get("extension", "")
    if not days:
        return Entry(found)
    try:
        extension = float(days.replace(",", "."))
    except ValueError:
        raise ValueError(f"the extension is a number of days; received {days!r:.40}") from None
    if not 0 <= extension <= late.LONGEST_DAYS:
        raise ValueError(f"the extension is 0 to {late.LONGEST_DAYS} days; received {days}")
    return Entry(found, extension)


def _split_name(name: str) -> tuple[str, str]:
    """Split `First Last` or `Last, First`; what has no space is a last name."""
    if "," in name:
        last, first = name.split(",", 1)
    else:
        first, _, last = name.rpartition(" ")
    return first.strip(), last.strip()
