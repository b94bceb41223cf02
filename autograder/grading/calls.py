"""Transcripts of what students' code did, kept in `.autograder` to judge it again without it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path

from autograder.course_directory import CourseDirectory
from autograder.engine.job import Job, NotebookResult
from autograder.engine.submission_files import printable
from course._files import replacing

_PACKAGES = ("numpy", "keras", "tensorflow", "ipython")


def key(job: Job) -> str:
    """Return a digest of what a submission's code does depends on besides its cells.

    The cells are compared when a transcript is used; this is for the files beside them, the limits,
    and all code of the two packages, any of which students may import.
    """
    files = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(job.files.items())}
    limits = [asdict(job.limits), job.cell_seconds, job.seconds]
    return _digest([_code(), job.unit, job.student, files, limits])


@cache
def _code() -> str:
    import autograder
    import course

    packages = [Path(package.__path__[0]) for package in (autograder, course)]
    sources = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for package in packages
        for path in sorted(package.rglob("*.py"))
    }
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return _digest([platform.python_version(), versions, sources])


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _file(course: CourseDirectory, job: Job) -> Path:
    return course.records / job.unit / f"{printable(job.student)}.calls"


def keep(course: CourseDirectory, job: Job, results: Mapping[str, NotebookResult]) -> None:
    """Keep the transcripts of a submission's notebooks in place of earlier ones.

    Without room on the disk there are none, and the submission is run the next time.
    """
    path = _file(course, job)
    parts = {name: result.transcript for name, result in results.items() if result.transcript}
    head = {"key": job.key, "notebooks": {name: len(data) for name, data in parts.items()}}
    try:
        path.unlink(missing_ok=True)
        if parts:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(json.dumps(head).encode() + b"\n" + b"".join(parts.values()))
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def recall(course: CourseDirectory, job: Job) -> dict[str, bytes]:
    """Return the transcripts of a submission's notebooks, if they hold for the job's key."""
    try:
        head, _, data = _file(course, job).read_bytes().partition(b"\n")
        found = json.loads(head)
        if found["key"] != job.key:
            return {}
        parts = {}
        for name, size in found["notebooks"].items():
            parts[name], data = data[:size], data[size:]
        return parts
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or damaged
        return {}
