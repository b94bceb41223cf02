"""Text gates: what a source notebook and its release must look like.

Each returns problems in words, none if the gate is open.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from autograder import notebooks
from autograder.course_directory import CourseDirectory

MARKERS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
_COMMENT = re.compile(r"\s*#+\s*(\w[\w ]*?)\s*#*\s*$")


def _regions(source: str) -> tuple[list[str], list[str]]:
    """Lines inside and outside of solution, hidden test and mark scheme regions."""
    inside, outside, within = [], [], False
    for line in source.splitlines():
        if any(f"BEGIN {marker}" in line for marker in MARKERS):
            within = True
        elif any(f"END {marker}" in line for marker in MARKERS):
            within = False
        else:
            (inside if within else outside).append(line.strip())
    return inside, outside


def check_markers(notebook) -> list[str]:
    """Markers that are misspelt, unpaired, or in a cell that nbgrader does not clear.

    nbgrader publishes a region whose marker it does not recognize, and says nothing.
    """
    exact = [f"{edge} {marker}" for marker in MARKERS for edge in ("BEGIN", "END")]
    problems = []
    for number, cell in enumerate(notebook.cells):
        meta = cell.metadata.get("nbgrader", {})
        where = f"cell {meta.get('grade_id', number)!r}"
        open_marker = None
        for line in cell.source.splitlines():
            found = next((text for text in exact if text in line), None)
            if found is None:
                comment = _COMMENT.match(line)
                text = comment.group(1).upper() if comment else ""
                near = difflib.get_close_matches(text, exact, n=1, cutoff=0.8)
                if near:
                    problems.append(f"{where}: {line.strip()!r} looks like '### {near[0]}'")
                continue
            edge, _, marker = found.partition(" ")
            if edge == "BEGIN":
                if open_marker:
                    problems.append(f"{where}: '{found}' inside of 'BEGIN {open_marker}'")
                open_marker = marker
            else:
                if open_marker != marker:
                    problems.append(f"{where}: '{found}' without its 'BEGIN {marker}'")
                open_marker = None
            if marker == "SOLUTION" and not meta.get("solution"):
                problems.append(f"{where}: '{found}' in a cell that is no solution cell")
            if marker == "HIDDEN TESTS" and not meta.get("grade"):
                problems.append(f"{where}: '{found}' in a cell that is not graded")
        if open_marker:
            problems.append(f"{where}: 'BEGIN {open_marker}' without an end")
    return problems


def check_cells(notebook) -> list[str]:
    """Grade ids that repeat, test cells that students could change or that are worth nothing."""
    problems, seen = [], set()
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
    """The notebook must be what its script gives, where there is a script."""
    script = notebook_path.with_suffix(".py")
    if not script.exists():
        return []
    if notebooks.to_ipynb(script.read_text()) != notebook_path.read_text():
        return [f"{notebook_path.name} and {script.name} differ: run `make notebooks`"]
    return []


def check_leaks(source, released) -> list[str]:
    """Lines of solutions or hidden tests that the released notebook shows.

    A line counts as secret if it stands in no visible part of the source.
    """
    secret, visible = set(), set()
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
    """Files that would reach students though they hold solutions."""
    return [
        f"the release would contain {path.name}, which holds solutions"
        for path in release.rglob("*")
        if path.stem in course.notebooks(unit) and path.suffix != ".ipynb"
    ]
