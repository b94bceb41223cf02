"""The names of a unit's questions: the headings that students see above them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from autograder.course_directory import CourseDirectory
from autograder.engine.matching import nbgrader_metadata

if TYPE_CHECKING:
    from nbformat import NotebookNode

# The first level is the unit's title.
_HEADING = re.compile(r"^ {0,3}#{2,6}\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_MARKUP = re.compile(r"[`*]|\[([^]]*)\]\([^)]*\)")


def question_names(notebook: NotebookNode) -> dict[str, str]:
    """Return each graded cell's name by its grade id.

    A name is the last heading above the cell that is not part of an answer. If several graded
    cells are below the same heading, their ids tell them apart; a cell below none has its id.
    """
    above: dict[str, str] = {}
    heading = ""
    for cell in notebook.cells:
        marks = nbgrader_metadata(cell)
        if cell.cell_type == "markdown" and not marks.get("solution"):
            heading = _last_heading(cell.source) or heading
        if marks.get("grade") or marks.get("task"):
            above[marks["grade_id"]] = heading
    shared = Counter(above.values())
    return {
        name: (text if shared[text] == 1 else f"{text} ({name})") if text else name
        for name, text in above.items()
    }


def names_in_unit(course: CourseDirectory, unit: str) -> dict[tuple[str, str], str]:
    """Return the names of a unit's questions, by notebook and grade id, from its release."""
    import nbformat

    found: dict[tuple[str, str], str] = {}
    for step in ("release", "source"):
        for path in sorted(course.path(step, ".", unit).glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            for name, text in question_names(notebook).items():
                found.setdefault((path.stem, name), text)
        if found:
            break
    return found


def _last_heading(source: str) -> str:
    last, fenced = "", False
    for line in source.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (match := _HEADING.match(line)):
            last = match[1]
    return " ".join(_MARKUP.sub(r"\1", last).split())
