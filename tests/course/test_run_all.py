"""*Run All* reaches the end of an assignment, whatever is not written yet."""

import ast

import nbformat
import pytest

from tests.parts import ROOT, UNITS

TAG = "raises-exception"  # on a cell whose error stops no other, in JupyterLab


@pytest.mark.parametrize("unit", UNITS)
def test_cells_that_call_answers_stop_nothing(unit):
    cells = nbformat.read(ROOT / "assignments" / unit / f"{unit}.ipynb", 4).cells
    answers: set[str] = set()
    stopping = []
    for cell in cells:
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or mark.get("grade"):
            continue  # tests show a card, and go on
        body = ast.parse(cell.source).body
        if mark.get("solution"):
            answers |= {node.name for node in body if isinstance(node, ast.FunctionDef)}
        elif TAG not in cell.metadata.get("tags", ()):
            stopping += [name for node in body for name in _called_at_once(node) & answers]
    assert answers and not stopping


def _called_at_once(node):
    """Names that a statement uses when it runs, and not only when a function of it is called."""
    if isinstance(node, ast.FunctionDef):
        return set()
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
