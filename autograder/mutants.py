"""Wrong and unusual answers to a unit's questions, which show whether its hidden tests are fair.

They are in ``NN_topic.toml`` beside ``NN_topic.ipynb``, in a table for each graded cell::

    [test_double]                     # the graded cell
    answer = "double"                 # the solution cell; by default the name without "test_"
    mutants = [
        # name, text in the answer, its replacement, words that the message must contain
        ["added", "2 * x", "2 + x", "twice"],
        # without a text to replace, the whole cell is replaced
        ["nothing returned", "", "def double(x): 2 * x"],
    ]

    [test_double.alternatives]        # name = another right answer
    "added to itself" = '''
    def double(x):
        return x + x
    '''

Each becomes the submission of one student, whose other answers are right. A mutant must lose points
on its question; an alternative must earn all of them.
"""

from __future__ import annotations

import ast
import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.engine import names
from autograder.engine.job import CellPlan, Job, NotebookResult, Role, Runner, ungraded
from autograder.grading.outcome import Outcome, QuestionScore

SUFFIX = ".toml"
_KEYS = {"answer", "mutants", "alternatives"}


class VariantError(ValueError):
    """A file of variants cannot be used."""


@dataclass(frozen=True)
class Variant:
    """One changed answer.

    Attributes:
        question: grade id of the graded cell that it tests.
        answer: grade id of the solution cell that is changed.
        name: what is changed, in words.
        source: the changed cell.
        wrong: whether it is a mutant, which must lose points, or an alternative, which must not.
        expected_message: words that the message to a mutant must contain.
    """

    question: str
    answer: str
    name: str
    source: str
    wrong: bool
    expected_message: str = ""

    def __str__(self) -> str:
        return f"{'mutant' if self.wrong else 'alternative'} {self.name!r} of {self.question!r}"


def read(path: Path, notebook: NotebookNode) -> list[Variant]:
    """Read the variants in a file; none if there is no such file.

    Args:
        path: the file.
        notebook: the source notebook whose answers they change.

    Raises:
        VariantError: the file is not TOML or names unknown cells, or a mutant's text is not in its
            answer.
    """
    if not path.exists():
        return []
    try:
        tables = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise VariantError(f"{path.name} is not valid TOML: {error}") from None
    answers, questions = _cells(notebook, "solution"), _cells(notebook, "grade")
    variants: list[Variant] = []
    for question, table in tables.items():
        answer = table.get("answer", question.removeprefix("test_"))
        if question not in questions:
            raise VariantError(f"{path.name}: there is no graded cell {question!r}")
        if answer not in answers:
            raise VariantError(f"{path.name}: there is no solution cell {answer!r}")
        if unknown := table.keys() - _KEYS:
            raise VariantError(f"{path.name}: {question!r} has unknown keys {sorted(unknown)}")
        variants += _of_question(path, question, answer, answers[answer], table)
    return variants


def _of_question(
    path: Path, question: str, answer: str, source: str, table: Mapping[str, Any]
) -> Iterator[Variant]:
    for row in table.get("mutants", ()):
        where = f"{path.name}: a mutant of {question!r}"
        if len(row) not in (3, 4) or not all(isinstance(text, str) for text in row):
            raise VariantError(
                f"{where} is [name, old, new] or [name, old, new, message], not {row}"
            )
        name, old, new, *message = row
        changed = source.replace(old, new) if old else new.strip("\n")
        if changed == source:
            raise VariantError(f"{where}, {name!r}, no longer applies: no {old!r} in the answer")
        yield _readable(Variant(question, answer, name, changed, True, *message), source)
    for name, new in table.get("alternatives", {}).items():
        yield _readable(Variant(question, answer, name, new.strip("\n"), False), source)


def _readable(variant: Variant, source: str) -> Variant:
    """Check that the variant is valid Python if the answer is; otherwise any test would fail it."""
    if _parses(source) and not _parses(variant.source):
        raise VariantError(f"{variant} is not valid Python")
    return variant


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _cells(notebook: NotebookNode, kind: str) -> dict[str, str]:
    """Return the sources of a notebook's cells of a kind ("solution" or "grade") by grade id."""
    metas = [(cell.metadata.get("nbgrader", {}), cell.source) for cell in notebook.cells]
    return {meta["grade_id"]: source for meta, source in metas if meta.get(kind)}


def fill_in(variant: Variant, source: NotebookNode, released: NotebookNode) -> NotebookNode:
    """Fill in the released notebook with a variant and the instructor's other answers.

    Args:
        variant: the changed answer.
        source: the instructor's notebook, with the other answers.
        released: the notebook that students receive.

    Returns:
        A filled-in copy of the released notebook.
    """
    answers = _cells(source, "solution") | {variant.answer: variant.source}
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution"):
            cell.source = answers[meta.grade_id]
    return notebook


class TruncatingRunner:
    """A runner that runs only the part of a mutant's notebook that its question needs.

    This part is every cell up to the question's test, except the tests of other questions that
    assign no name which this question's test uses.

    Args:
        runner: does the work.
        cells: for each student, and each notebook to truncate, how many of its cells to run.
    """

    def __init__(self, runner: Runner, cells: Mapping[str, Mapping[str, int]]) -> None:
        self.isolation = runner.isolation
        self._runner, self._cells = runner, cells

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run a job; cells that are left out count as ungraded."""
        ends = self._cells.get(job.student, {})
        notebooks = {
            name: _needed(cells[: ends[name]]) if name in ends else cells
            for name, cells in job.notebooks.items()
        }
        ran = self._runner.run(replace(job, notebooks=notebooks))
        for name in ends:
            cells = job.notebooks[name]
            results = ungraded(cells, "not needed for the mutant's question").cells
            for place, (cell, run) in enumerate(zip(cells, notebooks[name], strict=False)):
                if run.role == cell.role:
                    results[place] = ran[name].cells[place]
            ran[name] = replace(ran[name], cells=results)
        return ran


def _needed(cells: list[CellPlan]) -> list[CellPlan]:
    """Replace tests that the last cell, a question's test, does not need by their visible part."""
    *before, test = cells
    own = names.names_in(test.source)
    used = own.loaded - own.stored
    needed = []
    for cell in before:
        if cell.role == Role.TEST and not used & names.names_in(cell.source).stored:
            role = Role.STUDENT if cell.echoed else Role.SKIP
            cell = CellPlan(role, cell.visible_source if cell.echoed else "")
        needed.append(cell)
    return [*needed, test]


def cells_until(variant: Variant, released: NotebookNode) -> int:
    """Count the cells of the released notebook up to the test of a variant's question."""
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in released.cells]
    return int(ids.index(variant.question)) + 1


def verdict_on(variant: Variant, outcome: Outcome) -> str | None:
    """Return why a variant's outcome closes the gate; None if the variant was graded fairly."""
    questions = {question.question: question for question in outcome.questions}
    if variant.wrong:
        if variant.question not in questions:
            return f"{variant} was not graded: {outcome.reason}"
        return _survives(variant, questions[variant.question])
    for question in outcome.questions:
        if question.score is None or question.perfect:
            continue
        what = "fails an example of"
        if question.score < question.max_score:
            what = f"scores {question.score:g} of {question.max_score:g} on"
        return f"{variant} is refused: it {what} {question.question!r}: {question.messages}"
    return f"{variant} is refused: {outcome.reason}" if outcome.reason else None


def _survives(variant: Variant, question: QuestionScore) -> str | None:
    if question.score is None:
        return f"{variant} was not scored, it needs a human: {question.messages}"
    if question.score >= question.max_score:
        return f"{variant} survives: it scores all {question.max_score:g} points"
    if variant.expected_message not in question.messages:
        return (
            f"{variant} loses points, but no message contains {variant.expected_message!r}: "
            f"{question.messages}"
        )
    return None
