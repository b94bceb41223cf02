"""What all submissions of a unit have in common: its cells, tests, files and limits."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nbformat
from nbformat import NotebookNode

from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine import submission_files
from autograder.engine.matching import nbgrader_metadata
from autograder.scoring import grading_files
from autograder.source_digests import digest, source_digests

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

# Limit on the instructor's own files, which nbgrader copies to every submission.
MAX_GIVEN_BYTES = 200 << 20
# Nearly a month: no limit in practice, and a number that every clock accepts.
NO_LIMIT_S = 20 * 86400.0
MIN_NOTEBOOK_S = 300.0
_PACKAGES = ("numpy", "keras", "tensorflow", "ipython", "nbgrader")


class ReleasedNotebook(NamedTuple):
    """A notebook as students received it, and what they did not receive.

    Attributes:
        notebook: the released notebook.
        sources: the full source of each locked cell and of each of the instructor's answers, by
            grade id.
    """

    notebook: NotebookNode
    sources: dict[str, str]


class Release:
    """A released unit.

    Attributes:
        notebooks: the released notebooks by name.
        given: the instructor's files, for the judge.
        files: the part of them that students have, for student code.
        notices: what the instructor should know before anybody is graded.
        cell_seconds: nbgrader's time limit for a cell.
        digest: a digest of all this and of the code that scores.

    Raises:
        CourseError: the unit is not released.
    """

    def __init__(self, course: CourseDirectory, gradebook: Gradebook, unit: str) -> None:
        self.course, self.unit = course, unit
        self.notices: list[str] = []
        self.notebooks = {
            name: self._notebook(gradebook, name, course.path("release", ".", unit))
            for name in course.notebooks(unit)
        }
        self.given, self.files = self._files()
        self.cell_seconds = _cell_seconds(course)
        self.digest = self._digest()

    @property
    def source(self) -> Path | None:
        """The folder with the instructor's solution; None if the course does not include it."""
        folder = self.course.path("source", ".", self.unit)
        return (
            folder if all((folder / f"{name}.ipynb").exists() for name in self.notebooks) else None
        )

    @property
    def notebook_seconds(self) -> float:
        """Time limit for a whole notebook: the sum of its cells' limits, as in nbgrader."""
        cells = max(
            sum(cell.cell_type == "code" for cell in released.notebook.cells)
            for released in self.notebooks.values()
        )
        return min(NO_LIMIT_S, max(MIN_NOTEBOOK_S, self.cell_seconds * cells))

    def _notebook(self, gradebook: Gradebook, name: str, folder: Path) -> ReleasedNotebook:
        from nbgrader.api import MissingEntry

        path = folder / f"{name}.ipynb"
        try:
            cells = gradebook.find_notebook(name, self.unit).source_cells
            released = nbformat.read(path, as_version=4)
        except (MissingEntry, FileNotFoundError):
            raise CourseError(
                f"{self.unit} is not released: {path} and the gradebook must both have it. "
                f"Run `autograder release {self.unit}`."
            ) from None
        sources = {cell.name: cell for cell in cells}
        for cell in released.cells:
            source = sources.get(nbgrader_metadata(cell).get("grade_id"))
            if source is not None:
                cell.metadata.nbgrader["checksum"] = source.checksum
        locked = {cell.name: cell.source for cell in cells if cell.locked}
        return ReleasedNotebook(released, self._solutions(name) | locked)

    def _solutions(self, name: str) -> dict[str, str]:
        """Return the instructor's answers by grade id, if the course includes them."""
        try:
            path = self.course.path("source", ".", self.unit) / f"{name}.ipynb"
            cells = nbformat.read(path, as_version=4).cells
        except (OSError, ValueError, nbformat.validator.NotebookValidationError):
            return {}
        answers = [
            c for c in cells if c.cell_type == "code" and nbgrader_metadata(c).get("solution")
        ]
        return {nbgrader_metadata(cell)["grade_id"]: cell.source for cell in answers}

    def _files(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the instructor's files, and those of them that students received, too.

        Files in `exclude_overwriting` are left out: students submit their own.
        """
        released = self.course.path("release", ".", self.unit)
        folder = self.course.path("source", ".", self.unit)
        folder = folder if folder.is_dir() else released
        skip = {path.name for path in folder.glob("*") if path.stem in self.notebooks}
        given, left_out = submission_files.read_files(
            folder,
            skip | {".ipynb_checkpoints", "__pycache__"},
            file_bytes=1000 * self.course.directory.max_file_size,
            all_bytes=MAX_GIVEN_BYTES,
        )
        self.notices += [f"{folder}: {what}" for what in left_out]
        own = self.course.students_own_files(self.unit)
        given = {name: data for name, data in given.items() if name not in own}
        return given, {name: data for name, data in given.items() if (released / name).is_file()}

    def _digest(self) -> str:
        whole = hashlib.sha256(scoring_digest(self._code()).encode())
        for name, (released, sources) in sorted(self.notebooks.items()):
            whole.update(json.dumps([name, nbformat.writes(released), sources]).encode())
        for name, data in sorted(self.given.items()):
            whole.update(json.dumps([name, name in self.files]).encode() + data)
        if self.source:
            for name in sorted(self.notebooks):
                whole.update((self.source / f"{name}.ipynb").read_bytes())
        whole.update(str(self.cell_seconds).encode())
        return whole.hexdigest()

    def _code(self) -> list[str]:
        """Return the sources of all code: cells, with their hidden parts, and Python files."""
        cells = [c for n in self.notebooks.values() for c in n.notebook.cells]
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        hidden = [source for n in self.notebooks.values() for source in n.sources.values()]
        files = [data.decode(errors="replace") for n, data in self.given.items() if n[-3:] == ".py"]
        return code + hidden + files


def _cell_seconds(course: CourseDirectory) -> float:
    """Return nbgrader's time limit for a cell, as it reads its configuration."""
    from nbgrader.preprocessors import Execute

    seconds = Execute(config=course.config).timeout
    return NO_LIMIT_S if not seconds or seconds < 0 else float(seconds)


def scoring_digest(sources: Iterable[str]) -> str:
    """Return a digest of the code that determines scores, and of the versions it runs on.

    Args:
        sources: the cells of a unit; the modules of `course` that they import count, too.
    """
    parts = source_digests(grading_files(), ("course",), sources)
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return digest(json.dumps([platform.python_version(), versions, parts], sort_keys=True))
