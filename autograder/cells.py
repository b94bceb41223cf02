"""Cells of notebooks as plain data, read without validation: pages read hundreds of notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def read_cells(path: Path) -> list[Cell]:
    """Return a notebook's cells with their sources as text; none if it cannot be read."""
    try:
        cells: list[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for cell in cells:
            cell["source"] = "".join(cell["source"])
            for output in cell.get("outputs", []):
                if isinstance(output.get("text"), list):
                    output["text"] = "".join(output["text"])
                for kind, data in output.get("data", {}).items():
                    if isinstance(data, list):
                        output["data"][kind] = "".join(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return cells


def marks(cell: Cell) -> dict[str, Any]:
    """Return what nbgrader has in a cell's metadata; empty if it knows nothing of it."""
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def grade_id(cell: Cell) -> str:
    """Return the grade id of a cell; empty if it has none."""
    return str(marks(cell).get("grade_id", ""))
