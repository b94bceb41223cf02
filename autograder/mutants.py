"""Wrong and unusual answers to a unit's questions, which show whether its hidden tests are just.

Beside ``NN_topic.ipynb`` lies ``NN_topic.toml``, with a table for each graded cell::

    [test_double]                     # the graded cell
    answer = "double"                 # the solution cell; by default the name without "test_"
    mutants = [
        # name, text in the answer, what replaces it, words that the message must contain
        ["added", "2 * x", "2 + x", "twice"],
        # with no text to replace, the whole cell is replaced
        ["nothing returned", "", "def double(x): 2 * x"],
    ]

    [test_double.alternatives]        # name = another right answer
    "added to itself" = '''
    def double(x):
        return x + x
    '''

Each becomes the work of one student, who is right in everything else. A mutant must lose marks on
its question, an alternative must get all there are.
"""

from __future__ import annotations

import ast
import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.engine import names
from autograder.engine.job import CellPlan, Job, NotebookResult, Role, Runner, ungraded

SUFFIX = ".toml"
_KEYS = {"answer", "mutants", "alternatives"}


class VariantError(ValueError):
    """A file of variants that cannot be used, and why."""


@dataclass(frozen=True)
class Variant:
    """One changed answer.

    Attributes:
        question: grade id of the graded cell that it is about.
        answer: grade id of the solution cell that is changed.
        name: what is changed, in words.
        source: the changed cell.
        wrong: a mutant, which must lose marks; else an alternative, which must lose none.
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


def read(path: Path, notebook) -> list[Variant]:
    """The variants in a file, none if there is no such file.

    Args:
        path: the file.
        notebook: the source notebook whose answers they change.

    Raises:
        VariantError: not TOML, unknown cells, or a mutant whose text is not in its answer.
    """
    if not path.exists():
        return []
    try:
        tables = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise VariantError(f"{path.name} is not TOML: {error}") from None
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


def _of_question(path: Path, question, answer, source: str, table: Mapping) -> Iterator[Variant]:
    for row in table.get("mutants", ()):
        where = f"{path.name}: a mutant of {question!r}"
        if len(row) not in (3, 4) or not all(isinstance(text, str) for text in row):
            raise VariantError(f"{where} is [name, old, new] or [name, old, new, says], not {row}")
        name, old, new, *says = row
        changed = source.replace(old, new) if old else new.strip("\n")
        if changed == source:
            raise VariantError(f"{where}, {name!r}, no longer applies: no {old!r} in the answer")
        yield _readable(Variant(question, answer, name, changed, True, *says), source)
    for name, new in table.get("alternatives", {}).items():
        yield _readable(Variant(question, answer, name, new.strip("\n"), False), source)


def _readable(variant: Variant, source: str) -> Variant:
    """The variant, if it is Python where the answer is: else any test would fail it."""
    if _parses(source) and not _parses(variant.source):
        raise VariantError(f"{variant} is not Python")
    return variant


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _cells(notebook, kind: str) -> dict[str, str]:
    """Sources by grade id of a notebook's solution cells, or of its graded ones."""
    metas = [(cell.metadata.get("nbgrader", {}), cell.source) for cell in notebook.cells]
    return {meta["grade_id"]: source for meta, source in metas if meta.get(kind)}


def hand_in(variant: Variant, source, released):
    """The notebook of a student who answers as a variant does.

    Args:
        variant: the changed answer.
        source: the instructor's notebook, whose answers all others are.
        released: the notebook that students get.

    Returns:
        The released notebook, answered.
    """
    answers = _cells(source, "solution") | {variant.answer: variant.source}
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution"):
            cell.source = answers[meta.grade_id]
    return notebook


class TruncatingRunner:
    """An executor that runs of a mutant's notebook only what its question needs, to save time.

    That is every cell up to the question but the other questions' tests, unless one of them gives a
    value to a name that this question's test uses.

    Args:
        executor: does the work.
        cells: for each student, and each notebook that is cut, how many of its cells are run.
    """

    def __init__(self, executor: Runner, cells: Mapping[str, Mapping[str, int]]):
        self.isolation = executor.isolation
        self._executor, self._cells = executor, cells

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """As :meth:`autograder.engine.job.Runner.run`; what was not run is not graded."""
        ends = self._cells.get(job.student, {})
        notebooks = {
            name: _needed(cells[: ends[name]]) if name in ends else cells
            for name, cells in job.notebooks.items()
        }
        ran = self._executor.run(replace(job, notebooks=notebooks))
        for name in ends:
            cells = job.notebooks[name]
            results = ungraded(cells, "the mutant's question needs no such test").cells
            for place, (cell, run) in enumerate(zip(cells, notebooks[name], strict=False)):
                if run.role == cell.role:
                    results[place] = ran[name].cells[place]
            ran[name] = replace(ran[name], cells=results)
        return ran


def _needed(cells: list[CellPlan]) -> list[CellPlan]:
    """Cells that end with a question's test; of tests that it does not need, what they echo."""
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


def cells_until(variant: Variant, released) -> int:
    """How many cells of the released notebook lead to a variant's question, with its test."""
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in released.cells]
    return ids.index(variant.question) + 1


def verdict_on(variant: Variant, outcome) -> str | None:
    """Why a gate must close on what a variant scored; None if it was treated justly."""
    questions = {question.question: question for question in outcome.questions}
    if variant.wrong:
        if variant.question not in questions:
            return f"{variant} was not graded: {outcome.reason}"
        return _survives(variant, questions[variant.question])
    refused = [
        question
        for question in questions.values()
        if question.score is not None and (question.score < question.max_score or question.failures)
    ]
    for question in refused:
        what = "fails an example of"
        if question.score < question.max_score:
            what = f"scores {question.score:g} of {question.max_score:g} on"
        return f"{variant} is refused: it {what} {question.question!r}: {_said(question)}"
    return f"{variant} is refused: {outcome.reason}" if outcome.reason else None


def _survives(variant: Variant, question) -> str | None:
    if question.score is None or question.score >= question.max_score:
        return f"{variant} survives: it scores all {question.max_score:g} points"
    said, expected = _said(question), variant.expected_message
    if expected not in said:
        return f"{variant} loses marks, but no message says {expected!r}: {said}"
    return None


def _said(question) -> str:
    return "; ".join(failure.message for failure in question.failures)
