"""What a run leaves under `.autograder`, for reports and for a run that takes it up again."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path

from autograder.course_directory import CourseDirectory
from autograder.engine.submission_files import printable
from autograder.grading.outcome import Outcome
from course._files import write_text


def run_seed(course: CourseDirectory, resume: bool) -> str:
    """The seed of a run's draws: a new one for every run, and the same for one taken up again."""
    path = course.records / "seed"
    if not (resume and path.exists()):
        path.write_text(secrets.token_hex(16))
    return path.read_text()


def fingerprint(course: CourseDirectory, unit: str, student: str, mark: str) -> str:
    """Of what was handed in and what it is graded against; a change of either grades anew.

    Args:
        mark: of the release, and of how it is graded.
    """
    digest = hashlib.sha256(mark.encode())
    folder = course.path("submitted", student, unit)
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(root) / name
            try:
                status = path.lstat()
                facts = [status.st_mode, status.st_size, status.st_mtime_ns]
            except OSError as error:
                facts = [str(error)]
            digest.update(json.dumps([str(path.relative_to(folder)), *facts]).encode())
    return digest.hexdigest()


def _file(course: CourseDirectory, unit: str, student: str) -> Path:
    return course.records / unit / f"{printable(student)}.json"


def remember(course: CourseDirectory, outcome: Outcome, fingerprint: str) -> None:
    """Write an outcome down; one that is not in the gradebook is not done, and is graded again.

    A full disk keeps it from being remembered, and from nothing else.
    """
    if not outcome.recorded:
        fingerprint = ""
    try:
        write(
            _file(course, outcome.unit, outcome.student),
            outcome.to_json() | {"fingerprint": fingerprint},
        )
    except OSError as error:
        outcome.leave_to_a_human(f"its outcome could not be written down ({error})", recorded=False)


def write(path: Path, data) -> None:
    """Write JSON so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(data, indent=1))


def remembered(
    course: CourseDirectory, unit: str, student: str, fingerprint: str
) -> Outcome | None:
    """The outcome of an earlier run on the same files, if it is there."""
    data = read(_file(course, unit, student))
    if not isinstance(data, dict) or data.get("fingerprint") != fingerprint:
        return None
    return Outcome.from_json(data)


def read(path: Path):
    """The JSON in a file; None if there is none."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def load_outcomes(course: CourseDirectory, units: list[str] | None = None) -> list[Outcome]:
    """The recorded outcomes of earlier runs, ordered by unit and student."""
    files = [p for unit in course.units(units) for p in (course.records / unit).glob("*.json")]
    return [Outcome.from_json(json.loads(path.read_text())) for path in sorted(files)]
