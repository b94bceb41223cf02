"""Which questions a notebook has, read from its file."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNTOUCHED = "YOUR ANSWER HERE"  # nbgrader's text for an answer in words
_HEADING = re.compile(r"^#{2,6}\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Graded:
    """A graded cell.

    Attributes:
        name: of its question.
        points: that it is worth.
        by_hand: whether somebody marks it, not a test.
        is_unwritten: of an answer that is marked by hand, whether there is none yet.
    """

    name: str
    points: float
    by_hand: bool = False
    is_unwritten: bool = False


def read_outline(path: Path) -> list[Graded]:
    """Return a notebook's graded cells in order; nothing of a file that is no notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return _graded(cells)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _graded(cells: list[dict[str, Any]]) -> list[Graded]:
    found, heading = [], ""
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        source = "".join(cell["source"])
        if marks.get("grade"):
            points = float(marks.get("points", 0))
            if marks.get("solution"):
                name = heading.replace(" · ", ". ") or marks["grade_id"]
                found.append(Graded(name, points, True, UNTOUCHED in source or not source.strip()))
            else:
                found.append(Graded(_question(source) or marks["grade_id"], points))
        elif cell["cell_type"] == "markdown" and (headings := _HEADING.findall(source)):
            heading = headings[-1].strip()
    return found


def _question(source: str) -> str:
    """Return the name that a test cell gives to its ``Question``, as far as it is a literal."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:
        return ""
    for call in calls:
        kind = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if kind == "Question" and call.args and isinstance(call.args[0], ast.Constant):
            return str(call.args[0].value)
    return ""
