"""Release gates that read the source notebook and its release, and run nothing.

Each returns the problems that it found, in words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder import notebooks
from autograder.course_directory import CourseDirectory

MARKERS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
_EXACT = [f"{edge} {marker}" for marker in MARKERS for edge in ("BEGIN", "END")]
_COMMENT = re.compile(r"\s*#+\s*(\w[\w ]*?)\s*#*\s*$")


def _regions(source: str) -> tuple[list[str], list[str]]:
    """Split a source into the lines inside and outside of regions that nbgrader clears."""
    inside: list[str] = []
    outside: list[str] = []
    within = False
    for line in source.splitlines():
        if any(f"BEGIN {marker}" in line for marker in MARKERS):
            within = True
        elif any(f"END {marker}" in line for marker in MARKERS):
            within = False
        else:
            (inside if within else outside).append(line.strip())
    return inside, outside


def check_markers(notebook: NotebookNode) -> list[str]:
    """Find markers that are misspelled, unpaired, or in a cell that nbgrader does not clear.

    nbgrader silently publishes a region whose marker it does not recognize.
    """
    return [
        f"cell {_mark(cell).get('grade_id', number)!r}: {problem}"
        for number, cell in enumerate(notebook.cells)
        for problem in _marker_problems(cell)
    ]


def _mark(cell: NotebookNode) -> dict[str, Any]:
    mark: dict[str, Any] = cell.metadata.get("nbgrader", {})
    return mark


def _marker_problems(cell: NotebookNode) -> Iterator[str]:
    mark = _mark(cell)
    open_marker = None
    for line in cell.source.splitlines():
        found = next((text for text in _EXACT if text in line), None)
        if found is None:
            comment = _COMMENT.match(line)
            text = comment.group(1).upper() if comment else ""
            if near := difflib.get_close_matches(text, _EXACT, n=1, cutoff=0.8):
                yield f"{line.strip()!r} looks like '### {near[0]}'"
            continue
        edge, _, marker = found.partition(" ")
        if edge == "BEGIN":
            if open_marker:
                yield f"'{found}' inside 'BEGIN {open_marker}'"
            open_marker = marker
        else:
            if open_marker != marker:
                yield f"'{found}' without 'BEGIN {marker}'"
            open_marker = None
        if marker == "SOLUTION" and not mark.get("solution"):
            yield f"'{found}' in a cell that is not a solution cell"
        if marker == "HIDDEN TESTS" and not mark.get("grade"):
            yield f"'{found}' in a cell that is not graded"
    if open_marker:
        yield f"'BEGIN {open_marker}' without an end"


def check_cells(notebook: NotebookNode) -> list[str]:
    """Find repeated grade ids, and test cells that are not locked or worth no points."""
    problems: list[str] = []
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        meta = cell.metadata.get("nbgrader")
        if not meta:
            continue
        name = meta.get("grade_id") or f"number {number}"
        if name in seen:
            problems.append(f"cell {name!r}: another cell has the same grade_id")
        seen.add(name)
        if meta.get("grade") and not meta.get("points", 0) > 0:
            problems.append(f"cell {name!r}: graded, but worth {meta.get('points')!r} points")
        if meta.get("grade") and not meta.get("solution") and not meta.get("locked"):
            problems.append(f"cell {name!r}: a test cell must be locked")
        if (
            meta.get("solution")
            and cell.cell_type == "code"
            and "BEGIN SOLUTION" not in cell.source
        ):
            problems.append(f"cell {name!r}: a solution cell without '### BEGIN SOLUTION'")
    return problems


def check_pair(notebook_path: Path) -> list[str]:
    """Check that the notebook matches its script, if it has one."""
    script = notebook_path.with_suffix(".py")
    if not script.exists():
        return []
    if notebooks.to_ipynb(script.read_text()) != notebook_path.read_text():
        return [f"{notebook_path.name} and {script.name} differ: run `make notebooks`"]
    return []


def check_leaks(source: NotebookNode, released: NotebookNode) -> list[str]:
    """Find lines of solutions or hidden tests that the released notebook shows.

    A line is secret if no visible part of the source contains it.
    """
    secret: set[str] = set()
    visible: set[str] = set()
    for cell in source.cells:
        inside, outside = _regions(cell.source)
        secret.update(inside)
        visible.update(outside)
    shown = {line.strip() for cell in released.cells for line in cell.source.splitlines()}
    problems = [
        f"the release shows {line!r}" for line in sorted((secret - visible) & shown) if line
    ]
    for cell in released.cells:
        if cell.get("outputs"):
            problems.append(f"the release has outputs in cell {cell.id!r}")
    return problems


def check_files(course: CourseDirectory, unit: str, release: Path) -> list[str]:
    """Find files in the release that contain solutions."""
    return [
        f"the release would include {path.name}, which contains solutions"
        for path in release.rglob("*")
        if path.stem in course.notebooks(unit) and path.suffix != ".ipynb"
    ]
