"""What a run keeps in `.autograder`, for reports and for resuming it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import warnings
from pathlib import Path
from typing import Any

from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine.submission_files import printable
from autograder.grading.outcome import Outcome
from course._files import write_text


def run_seed(course: CourseDirectory, resume: bool) -> str:
    """Return the seed of a run's random draws: a new one, or that of the run being resumed.

    Raises:
        CourseError: the seed of the run being resumed is lost.
    """
    path = course.records / "seed"
    if not (resume and path.exists()):
        write_text(path, secrets.token_hex(16))
    seed = path.read_text()
    if not seed.strip():
        raise CourseError(
            f"{path} is empty, so this run cannot be resumed. Grade without --resume."
        )
    return seed


def fingerprint(course: CourseDirectory, unit: str, student: str, release: str) -> str:
    """Return a digest of what a submission's outcome depends on.

    Args:
        course, unit, student: which submission.
        release: a digest of the release and of how it is graded.
    """
    digest = hashlib.sha256(release.encode())
    folder = course.path("submitted", student, unit)
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(root) / name
            facts: list[object]
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
    """Store an outcome. One that is not in the gradebook will be graded again.

    On a full disk it is not stored, but grading continues.
    """
    if not outcome.recorded:
        fingerprint = ""
    try:
        write(
            _file(course, outcome.unit, outcome.student),
            outcome.to_json() | {"fingerprint": fingerprint},
        )
    except OSError as error:
        outcome.leave_to_a_human(f"its outcome could not be stored ({error})", recorded=False)


def write(path: Path, data: object) -> None:
    """Write JSON, so that a reader never sees a part of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(data, indent=1))


def recall(course: CourseDirectory, unit: str, student: str, fingerprint: str) -> Outcome | None:
    """Return the outcome of an earlier run with the same fingerprint, if there is one."""
    data = read(_file(course, unit, student))
    if not isinstance(data, dict) or data.get("fingerprint") != fingerprint:
        return None
    try:
        return Outcome.from_json(data)
    except (KeyError, TypeError, AttributeError):  # damaged, or of another version
        return None


def read(path: Path) -> Any:
    """Read the JSON in a file; None if there is none."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def load_outcomes(course: CourseDirectory, units: list[str] | None = None) -> list[Outcome]:
    """Return the recorded outcomes of earlier runs, ordered by unit and student.

    One that cannot be read (damaged, or of another version) is left out with a warning.
    """
    files = [p for unit in course.units(units) for p in (course.records / unit).glob("*.json")]
    outcomes = []
    for path in sorted(files):
        try:
            outcomes.append(Outcome.from_json(json.loads(path.read_text())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(
                f"{path} is no outcome of this version ({type(error).__name__}: {error}) and was "
                "left out. Grade the submission again.",
                stacklevel=2,
            )
    return outcomes
