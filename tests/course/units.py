"""A unit's cells, run in one namespace: no kernel, no sandbox, so that many draws are cheap."""

from __future__ import annotations

import ast
import contextlib
import io
import os
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType, SimpleNamespace
from unittest.mock import patch

import IPython.display
import nbformat
import numpy as np

import course.quiet  # noqa: F401
from autograder import checks, mutants
from autograder.engine.cell_runner import CellTimeout, alarm
from autograder.notebooks import to_ipynb
from course.training.distribution import parts
from course.visualization.display import FigureOutput
from tests.conftest import ROOT

# Some answers depend on whose they are; points are asked for, also where only examples run. A test
# may have set another student.
GRADED = {"JUPYTERHUB_USER": "ada", "NBGRADER_EXECUTION": "autograde"}
# As a notebook's first cell would, but in a process that has other things to compute as well.
parts.split()
# In seconds, and many times what any takes: a variant that never ends fails, and holds nothing up.
LONGEST_MARK = 600


def run(source: str, namespace: dict):
    """Run a cell, and give the value of its last line if that is an expression."""
    tree, last = ast.parse(source), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    name = f"<cell {hash(source)}>"  # each cell has a file name of its own, as in a notebook
    namespace["In"] = [*namespace.get("In", ()), source]
    # Only meanwhile: what other tests start inherits the environment.
    with patch.dict(os.environ, GRADED | dict(os.environ)):
        exec(compile(tree, name, "exec"), namespace)
        return eval(compile(last, name, "eval"), namespace) if last else None


def question(rows: list[dict], beginning: str) -> dict:
    """The one question of ``tests/facts/sizing_questions.json`` that begins so."""
    (row,) = (row for row in rows if row["question"].startswith(beginning))
    return row


def defined(source: str) -> set[str]:
    """Names that a cell gives a value."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        else:
            names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            found |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return found


@cache
def notebook_of(script: Path):
    """The notebook that a script makes."""
    return nbformat.reads(to_ipynb(script.read_text()), as_version=4)


def code_cells(script: Path) -> list:
    return [cell for cell in notebook_of(script).cells if cell.cell_type == "code"]


def variant_id(value) -> str:
    """Name a variant by its question, too, so that ``pytest -k`` can choose a question's."""
    return f"{value.question}: {value.name}" if isinstance(value, mutants.Variant) else value


def meta(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def _anew(value):
    """A value whose lists, dicts and arrays nobody else has, as an answer may use them up."""
    if type(value) is dict:
        return {key: _anew(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(_anew, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _at_home_in(namespace: dict, function: FunctionType) -> FunctionType:
    """A given function that looks its globals up there, as a test may replace them."""
    made = FunctionType(
        function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__, made.__dict__ = function.__kwdefaults__, function.__dict__
    return made


class Unit:
    """An assignment.

    Attributes:
        points: of each question that is marked by a test, by grade id.
        sources: of the code cells with a grade id.
        answers: grade ids of the solution cells.
    """

    def __init__(self, name: str):
        self.name = name
        self.script = ROOT / "solutions" / name / f"{name}.py"
        self.lecture = ROOT / "course" / "lectures" / f"{name}.py"
        self.cells = code_cells(self.script)
        named = [cell for cell in self.cells if meta(cell)]
        self.sources = {meta(cell)["grade_id"]: cell.source for cell in named}
        self.points = {meta(c)["grade_id"]: meta(c)["points"] for c in named if meta(c)["grade"]}
        self.answers = [meta(cell)["grade_id"] for cell in named if meta(cell)["solution"]]
        # As in a notebook: what makes code for its module, such as dataclass, looks it up by name.
        self._namespace = {"__name__": "__main__"}
        self._rest, self._left = iter(self.cells), {}

    @cached_property
    def variants(self) -> list[mutants.Variant]:
        return mutants.read(self.script.with_suffix(mutants.SUFFIX), notebook_of(self.script))

    def _before(self, question: str) -> dict:
        """What the cells before a question's test leave behind; all cells, for no question.

        Tests don't run, but all else does, once: training, too, if it stands before the question.
        """
        while question not in self._left:
            cell = next(self._rest, None)
            if cell is None or meta(cell).get("grade"):
                self._left[meta(cell)["grade_id"] if cell else ""] = _anew(self._namespace)
            else:
                with contextlib.redirect_stdout(io.StringIO()):
                    run(cell.source, self._namespace)
        return self._left[question]

    def answered(self, question: str = "", /, **replaced: str) -> dict:
        """A namespace with every answer that stands before a question, or simply every answer.

        Args:
            question: grade id of a test cell.
            replaced: other sources, by grade id.
        """
        namespace = _anew(self._before(question))
        for name, value in namespace.items():
            if isinstance(value, FunctionType) and value.__globals__ is self._namespace:
                namespace[name] = _at_home_in(namespace, value)
        ids = list(self.sources)
        before = ids[: ids.index(question)] if question else ids
        for name in [name for name in self.answers if name in before]:
            for label in defined(self.sources[name]):
                namespace.pop(label, None)
            with contextlib.suppress(Exception):  # a notebook goes on behind a cell that failed
                run(replaced.get(name, self.sources[name]), namespace)
        return namespace

    def mark(self, question: str, namespace: dict, source: str = "") -> tuple[float, str]:
        """The points that a graded cell gives, and what it says."""
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), alarm(LONGEST_MARK):
                points = run(source or self.sources[question], namespace)
            said = printed.getvalue()
        except checks.ChecksFailed as failure:
            points, said = 0, str(failure)
        except CellTimeout as late:
            raise TimeoutError(f"marking {question} took more than {LONGEST_MARK} s") from late
        return points, said.replace(f"\n{checks.MORE}", " ")

    def teach(self) -> SimpleNamespace:
        """The lecture's names after it has run, what it has `shown` and what it `printed`."""
        namespace, shown = {}, []
        displayed, IPython.display.display = IPython.display.display, shown.append
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                for cell in code_cells(self.lecture):
                    shown.append(run(cell.source, namespace))
        finally:
            IPython.display.display = displayed
        return SimpleNamespace(**namespace, shown=shown, printed=printed.getvalue())

    @cached_property
    def release(self) -> dict[str, str]:
        """The code cells as students get them, by grade id."""
        from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

        notebook = nbformat.reads(to_ipynb(self.script.read_text()), as_version=4)
        for preprocessor in (ClearSolutions(), ClearHiddenTests()):
            notebook, _ = preprocessor.preprocess(notebook, {})
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and meta(cell)]
        return {meta(cell)["grade_id"]: cell.source for cell in cells}


@cache
def unit(name: str) -> Unit:
    return Unit(name)


def figures(taught: SimpleNamespace) -> list[FigureOutput]:
    """The figures of a lecture that ran, each seen to say in words what it shows."""
    found = [shown for shown in taught.shown if isinstance(shown, FigureOutput)]
    for figure in found:
        assert len(figure.words) > 80
        assert figure.png.startswith(b"\x89PNG")
    return found


NAMES = sorted(path.stem for path in (ROOT / "solutions").glob("*/[0-9][0-9]_*.py"))
