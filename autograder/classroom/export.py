"""Export scores after penalties, for spreadsheets and for learning management systems."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from autograder.classroom.roster import people
from autograder.course_directory import CourseDirectory, CourseError
from autograder.standings import Person, Standing, read_standings
from course._files import write_text

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score", "needs_manual_grade",
    "seconds_late",
)  # fmt: skip
Row = list[object]
Scores = dict[tuple[str, str], Standing]  # by student's id and unit


def write_csv(course: CourseDirectory, path: Path) -> Path:
    """Write all scores to a CSV file: a line for each student and unit.

    The columns are those of nbgrader's own exporter, and two more: `needs_manual_grade`, the
    number of questions that wait to be marked by hand, and `seconds_late`.

    Args:
        course: the course directory.
        path: the path of the CSV file.

    Returns:
        The path.
    """
    return write_scores(course, path, "csv")


def write_scores(course: CourseDirectory, path: Path, format: str = "csv") -> Path:
    """Write all scores as a CSV file in one of the formats of :data:`FORMATS`.

    Args:
        course: the course directory.
        path: the path of the file, which is replaced.
        format: "csv", "canvas", "moodle" or "gradescope". The last three have a line for each
            student; the cell of a unit that was not submitted is empty.

    Returns:
        The path.

    Raises:
        CourseError: there is no such format, or the gradebook has no assignment.
    """
    if format not in FORMATS:
        raise CourseError(f"Formats are {', '.join(FORMATS)}; received {format!r}.")
    found = read_standings(course)
    if not found:
        raise CourseError("The gradebook has no assignment yet. Run `autograder release` first.")
    scores = {(s.person.id, s.unit): s for group in found.values() for s in group}
    everybody = [someone for someone, _ in people(course)]
    points = _points(course)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in FORMATS[format](everybody, points, scores):
        writer.writerow([_inert(value) for value in row])
    write_text(path, text.getvalue())
    return path


def waiting(course: CourseDirectory) -> int:
    """Return how many submissions have a question that waits to be marked by hand."""
    return sum(bool(s.waiting) for group in read_standings(course).values() for s in group)


def _points(course: CourseDirectory) -> dict[str, float]:
    with course.gradebook() as gradebook:
        found = sorted(gradebook.assignments, key=lambda entry: entry.name)
        return {entry.name: float(entry.max_score) for entry in found}


def _plain(everybody: list[Person], points: dict[str, float], scores: Scores) -> list[Row]:
    rows: list[Row] = [list(COLUMNS)]
    for unit, most in points.items():
        for one in everybody:
            entry = scores.get((one.id, unit)) or Standing(unit, one)
            rows.append([
                unit, entry.due or "", entry.submitted or "", one.id, one.last_name,
                one.first_name, one.email, entry.raw, entry.penalty, entry.score, most,
                len(entry.waiting), round(entry.late_seconds),
            ])  # fmt: skip
    return rows


def _canvas(everybody: list[Person], points: dict[str, float], scores: Scores) -> list[Row]:
    """Return Canvas' gradebook: its own id if the roster has it, and ours as the SIS id."""
    rows: list[Row] = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *points]]
    rows.append(["    Points Possible", "", "", "", "", *points.values()])
    for one in everybody:
        name = ", ".join(filter(None, [one.last_name, one.first_name])) or one.id
        rows.append([name, one.lms_id, one.id, one.email, "", *_cells(one, points, scores)])
    return rows


def _moodle(everybody: list[Person], points: dict[str, float], scores: Scores) -> list[Row]:
    """Return what Moodle's CSV import of grades maps by ID number or address."""
    rows: list[Row] = [["First name", "Surname", "ID number", "Email address", *points]]
    for one in everybody:
        rows.append(
            [one.first_name, one.last_name, one.id, one.email, *_cells(one, points, scores)]
        )
    return rows


def _gradescope(everybody: list[Person], points: dict[str, float], scores: Scores) -> list[Row]:
    """Return a table like the one that Gradescope downloads."""
    parts = ("", " - Max Points", " - Submission Time", " - Lateness (H:M:S)")
    rows: list[Row] = [
        ["First Name", "Last Name", "SID", "Email", *(u + part for u in points for part in parts)]
    ]
    for one in everybody:
        row: Row = [one.first_name, one.last_name, one.id, one.email]
        for unit, most in points.items():
            entry = scores.get((one.id, unit))
            minutes, seconds = divmod(round(entry.late_seconds) if entry else 0, 60)
            lateness = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
            row += [_cell(entry), most, (entry and entry.submitted) or "", entry and lateness]
        rows.append(row)
    return rows


def _cells(one: Person, points: dict[str, float], scores: Scores) -> Row:
    return [_cell(scores.get((one.id, unit))) for unit in points]


def _cell(entry: Standing | None) -> object:
    """Return a score; an empty cell leaves what the other system has."""
    return round(entry.score, 4) if entry and entry.marked else ""


def _inert(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula: ids and names come from outside."""
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return "'" + value
    return value


FORMATS: dict[str, Callable[[list[Person], dict[str, float], Scores], list[Row]]] = {
    "csv": _plain,
    "canvas": _canvas,
    "moodle": _moodle,
    "gradescope": _gradescope,
}
