"""What is the same for every submission of a unit: its cells, its tests, its files, its limits."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path

import nbformat

import autograder
from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine import submission_files
from autograder.engine.matching import nbgrader_metadata

# Of the instructor's own files, which nbgrader copies to every submission.
MAX_GIVEN_BYTES = 200 << 20
# Nearly a month: as good as no limit, and a number that every clock takes.
NO_LIMIT_S = 20 * 86400.0
MIN_NOTEBOOK_S = 300.0


class Release:
    """A unit as it was released.

    Attributes:
        notebooks: by name, the released notebook and the full sources of its cells: of those that
            are locked, and of the instructor's answers.
        given: the instructor's files, for the judge.
        files: those of them that students have, for student code.
        notices: what the instructor should know before anybody is graded.
        cell_seconds: that a cell may take, as nbgrader is configured.
        mark: a digest of all this and of the code that grades.

    Raises:
        CourseError: the unit is not released.
    """

    def __init__(self, course: CourseDirectory, gradebook, unit: str):
        self.course, self.unit = course, unit
        self.notices: list[str] = []
        self.notebooks = {
            name: self._notebook(gradebook, name, course.path("release", ".", unit))
            for name in course.notebooks(unit)
        }
        self.given, self.files = self._files()
        self.cell_seconds = _cell_seconds(course)
        self.mark = self._digest()

    @property
    def source(self) -> Path | None:
        """The folder with the instructor's solution; None for a course that came without."""
        folder = self.course.path("source", ".", self.unit)
        return (
            folder if all((folder / f"{name}.ipynb").exists() for name in self.notebooks) else None
        )

    @property
    def notebook_seconds(self) -> float:
        """For a whole notebook: as long as its cells may take, as for nbgrader."""
        cells = max(
            sum(cell.cell_type == "code" for cell in released.cells)
            for released, _ in self.notebooks.values()
        )
        return min(NO_LIMIT_S, max(MIN_NOTEBOOK_S, self.cell_seconds * cells))

    def _notebook(self, gradebook, name: str, folder: Path) -> tuple:
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
        return released, self._solutions(name) | {c.name: c.source for c in cells if c.locked}

    def _solutions(self, name: str) -> dict[str, str]:
        """The instructor's answers by grade id, as far as the course came with them."""
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
        """The instructor's files for tests, and those that students got, too.

        What `exclude_overwriting` names is the students' own to hand in.
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
        self.notices += [f"{folder / what.split(' ')[0]}: {what}" for what in left_out]
        own = self.course.students_own_files(self.unit)
        given = {name: data for name, data in given.items() if name not in own}
        return given, {name: data for name, data in given.items() if (released / name).is_file()}

    def _digest(self) -> str:
        digest = hashlib.sha256(grading_code().encode())
        for name, (released, tests) in sorted(self.notebooks.items()):
            digest.update(json.dumps([name, nbformat.writes(released), tests]).encode())
        for name, data in sorted(self.given.items()):
            digest.update(json.dumps([name, name in self.files]).encode() + data)
        if self.source:
            for name in sorted(self.notebooks):
                digest.update((self.source / f"{name}.ipynb").read_bytes())
        digest.update(str(self.cell_seconds).encode())
        return digest.hexdigest()


def _cell_seconds(course: CourseDirectory) -> float:
    """Seconds for one cell: nbgrader's own reading of its configuration."""
    from nbgrader.preprocessors import Execute

    seconds = Execute(config=course.config).timeout
    return NO_LIMIT_S if not seconds or seconds < 0 else float(seconds)


@functools.cache
def grading_code() -> str:
    """A digest of the code that decides on scores, and of the versions that it runs on."""
    root = Path(autograder.__file__).parent
    digest = hashlib.sha256(platform.python_version().encode())
    for folder in ("checks", "engine"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    for name in ("numpy", "keras", "tensorflow", "ipython", "nbgrader"):
        digest.update(f"{name} {metadata.version(name)}".encode())
    return digest.hexdigest()
