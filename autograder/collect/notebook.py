"""Tell whether a file is a unit's assignment, without trusting that it is a notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass

from autograder.course_directory import CourseDirectory

Sources = list[tuple[str, str]]


@dataclass(frozen=True)
class Assignment:
    """A unit's released notebook: its grade ids, and its cells in order."""

    grade_ids: frozenset[str]
    sources: Sources

    @classmethod
    def read(cls, course: CourseDirectory, unit: str) -> Assignment:
        """Read a unit's release, or its source if it has none."""
        folders = (course.path(step, ".", unit) for step in ("release", "source"))
        paths = (folder / f"{unit}.ipynb" for folder in folders)
        data = next(path.read_bytes() for path in paths if path.is_file())
        cells = _cells(data) or []
        return cls(frozenset(_grade_ids(cells)), _sources(cells))

    def may_be(self, data: bytes) -> bool:
        """Tell whether a file named after this unit is its assignment; a damaged one may be."""
        cells = _cells(data)
        return cells is None or bool(self.grade_ids & set(_grade_ids(cells)))

    def has_cells_of(self, data: bytes) -> bool:
        """Tell whether a file has most of this assignment's graded cells."""
        found = self.grade_ids & set(_grade_ids(_cells(data) or []))
        return 2 * len(found) > len(self.grade_ids)

    def is_untouched(self, data: bytes) -> bool:
        """Tell whether a file has the cells that were handed out, and nothing else."""
        return _sources(_cells(data) or []) == self.sources


def _cells(data: bytes) -> list[dict[str, object]] | None:
    """Return a notebook's cells; None if it cannot be read."""
    try:
        cells = json.loads(data)["cells"]
        return [cell for cell in cells if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _grade_ids(cells: list[dict[str, object]]) -> list[str]:
    marks = []
    for cell in cells:
        metadata = cell.get("metadata")
        mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        if isinstance(mark, dict) and isinstance(mark.get("grade_id"), str):
            marks.append(mark["grade_id"])
    return marks


def _sources(cells: list[dict[str, object]]) -> Sources:
    def text(source: object) -> str:
        parts = source if isinstance(source, list) else [source]
        return "".join(part for part in parts if isinstance(part, str)).strip()

    return [(str(cell.get("cell_type")), text(cell.get("source"))) for cell in cells]
