"""Unit 02: its lecture teaches the right numbers, and its assignment marks justly.

The notebooks' code cells run here in one namespace, without a kernel; the cell that trains is left
out. A mutant is the reference solution with one plausible mistake: it must lose points. An
alternative is another honest way to write it: it must lose none.
"""

import ast
import contextlib
import io
import json
import re
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest

from autograder import checks
from autograder.notebooks import to_ipynb
from course import sizing

ROOT = Path(__file__).parents[2]
LECTURE = ROOT / "course/lectures/02_sizing.py"
SOLUTION = ROOT / "solutions/02_sizing/02_sizing.py"
FACTS = ROOT.parent / "shared/facts"


# Running notebooks


def run(source: str, namespace: dict):
    """Run a cell, and give the value of its last line if that is an expression."""
    tree, last = ast.parse(source), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "<cell>", "exec"), namespace)
    return eval(compile(last, "<cell>", "eval"), namespace) if last else None


@cache
def code_cells(script: Path) -> tuple:
    notebook = nbformat.reads(to_ipynb(script.read_text()), as_version=4)
    return tuple(cell for cell in notebook.cells if cell.cell_type == "code")


def graded() -> dict[str, str]:
    """The source of every graded cell by its grade id."""
    cells = code_cells(SOLUTION)
    return {c.metadata.nbgrader.grade_id: c.source for c in cells if c.metadata.nbgrader.grade}


def points() -> dict[str, float]:
    cells = [cell.metadata.nbgrader for cell in code_cells(SOLUTION)]
    return {cell.grade_id: cell.points for cell in cells if cell.grade}


@cache
def digits_model():
    """What the training cell leaves behind, untrained: its sizes are the same."""
    from course import architectures

    return architectures.build("lenet5_modern")


def solved(replaced: dict[str, str] | None = None) -> dict:
    """A namespace after every solution cell; `replaced` has other sources by grade id."""
    namespace = {}
    for cell in code_cells(SOLUTION):
        name = cell.metadata.nbgrader.grade_id
        if not cell.metadata.nbgrader.grade and name != "train_lenet":
            run((replaced or {}).get(name, cell.source), namespace)
    return namespace


def mark(question: str, namespace: dict, source: str | None = None) -> tuple[float, str]:
    """The points that a graded cell gives, and what it says."""
    if question == "test_predict_lenet":
        namespace["model"] = digits_model()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            return run(source or graded()[question], namespace), printed.getvalue()
    except checks.ChecksFailed as failure:
        return 0, str(failure)


QUESTIONS = list(graded())


# What the lecture teaches


@pytest.fixture(scope="module")
def lecture() -> dict:
    """The lecture's names after it has run from start to end."""
    import matplotlib

    matplotlib.use("agg")
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()), pytest.warns(None) if False else _no_warning():
        for cell in code_cells(LECTURE):
            run(cell.source, namespace)
    return namespace
