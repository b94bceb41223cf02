"""Rebuild the notebook that will be graded, before anything of a submission runs.

It is rebuilt from the release: its cells, in its order, with the tests from the gradebook. Of the
student's file only the sources of solution cells are used, of plain cells, and of cells that the
student added. So nothing that was done to a test cell can matter.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from autograder.engine import names, sanitize
from autograder.engine.job import CellPlan, Role
from autograder.engine.matching import Matching, match, nbgrader_metadata
from autograder.engine.submission_files import StudentCell


@dataclass
class RebuiltNotebook:
    """One notebook as it will be graded.

    Attributes:
        notebook: the notebook, without outputs.
        cells: how each of its cells is run.
        suspicions: what an instructor should look at.
        missing: grade ids that were not handed in.
        unsure: answers for a person to grade that are missing, but may be in another cell.
        set_aside: why nothing of the student's is in it, and it is not run; "" if it is.
    """

    notebook: NotebookNode
    cells: list[CellPlan] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    set_aside: str = ""


def rebuild(
    released: NotebookNode, tests: Mapping[str, str], student: Sequence[StudentCell] | None
) -> RebuiltNotebook:
    """Return the notebook to grade, from the release, the full tests, and the student's cells.

    Args:
        released: the released notebook.
        tests: sources of graded and locked cells by grade id, hidden tests included, and of the
            instructor's answers where they are known.
        student: the student's cells, or None for the release as it is.
    """
    base = [_without_outputs(cell) for cell in released.cells]
    found = Matching() if student is None else match(base, tests, student)
    metadata = dict(released.metadata)
    rebuilt = RebuiltNotebook(nbformat.v4.new_notebook(metadata=metadata))
    rebuilt.suspicions, rebuilt.missing = found.suspicions, found.missing
    _add_extras(rebuilt, found.extras.get(-1, []))
    for position, cell in enumerate(base):
        meta, original = nbgrader_metadata(cell), cell.source
        if position in found.own:
            own = found.own[position].source
            is_text = cell.cell_type != "code" and own != original
            cell.source = sanitize.markdown(own) if is_text else own
        elif meta.get("grade_id") in tests and not meta.get("solution"):
            cell.source = tests[meta["grade_id"]]
        _add(rebuilt, cell, _plan(cell, original, tests))
        _add_extras(rebuilt, found.extras.get(position, []))
    rebuilt.cells = _with_echoes(rebuilt.cells)
    _note_missing_answers(rebuilt, base, found)
    return rebuilt


def set_aside(released: NotebookNode, tests: Mapping[str, str], reason: str) -> RebuiltNotebook:
    """Return a notebook that stands for one that cannot be used: it is not run, and says why.

    Args:
        released, tests: as for :func:`rebuild`.
        reason: in words for the student.
    """
    rebuilt = rebuild(released, tests, None)
    rebuilt.set_aside = reason
    note = (
        f"**This is not your notebook.** {reason}. What follows is the assignment as it was "
        "released; nobody has graded it."
    )
    rebuilt.notebook.cells.insert(0, nbformat.v4.new_markdown_cell(note, id="not-gradable"))
    rebuilt.cells.insert(0, CellPlan(Role.SKIP, note))
    return rebuilt


def _plan(cell: NotebookNode, original: str, tests: Mapping[str, str]) -> CellPlan:
    """Return how a cell of the release is run.

    Args:
        cell: with the source that is to be run.
        original: the source that was released.
        tests: as for :func:`rebuild`.
    """
    meta = nbgrader_metadata(cell)
    if cell.cell_type != "code":
        return CellPlan(Role.SKIP, cell.source)
    if meta.get("solution"):
        names_changed = _names_changed(tests.get(meta["grade_id"], ""))
        return CellPlan(Role.STUDENT, cell.source, answer_names=names_changed)
    if meta.get("grade"):
        return CellPlan(Role.TEST, cell.source, visible_source=original)
    return CellPlan(Role.STUDENT, cell.source, instructor_source=original)


@functools.lru_cache(1000)
def _names_changed(answer: str) -> tuple[str, ...]:
    """Return names that an answer defines or changes, which are the student's from there on."""
    return tuple(sorted(names.defined_or_changed(_python(answer))))


def _add(rebuilt: RebuiltNotebook, cell: NotebookNode, plan: CellPlan) -> None:
    rebuilt.notebook.cells.append(cell)
    rebuilt.cells.append(plan)


def _add_extras(rebuilt: RebuiltNotebook, extras: Iterable[StudentCell]) -> None:
    """Add cells of the student's own: code that runs, and text that an instructor may read."""
    for extra in extras:
        name = f"student-{len(rebuilt.cells)}"
        if extra.kind == "code":
            cell, role = nbformat.v4.new_code_cell(extra.source, id=name), Role.STUDENT
        else:
            text = sanitize.markdown(extra.source)
            cell, role = nbformat.v4.new_markdown_cell(text, id=name), Role.SKIP
        _add(rebuilt, cell, CellPlan(role, cell.source))


def _note_missing_answers(
    rebuilt: RebuiltNotebook, base: Iterable[NotebookNode], found: Matching
) -> None:
    """Note missing answers that may be in a cell that nothing connects with the question."""
    extras = [cell for cells in found.extras.values() for cell in cells]
    for cell in base:
        meta = nbgrader_metadata(cell)
        by_hand = meta.get("grade") and meta.get("solution")
        if not by_hand or meta["grade_id"] not in rebuilt.missing:
            continue
        is_code = cell.cell_type == "code"
        if any((extra.kind == "code") == is_code for extra in extras):
            rebuilt.unsure.append(meta["grade_id"])
            rebuilt.suspicions.append(
                f"the answer {meta['grade_id']} is missing; it may be in a cell without nbgrader "
                "metadata"
            )


def _without_outputs(cell: NotebookNode) -> NotebookNode:
    copy = nbformat.from_dict(json.loads(json.dumps(cell)))
    if copy.cell_type == "code":
        copy.outputs, copy.execution_count = [], None
    return copy


def _with_echoes(cells: Iterable[CellPlan]) -> list[CellPlan]:
    """Return the cells with those tests marked as echoed whose names later cells need.

    Only the part of a test that every student can read runs in the student's process.
    """
    needed: set[str] = set()
    found: list[CellPlan] = []
    for cell in reversed(list(cells)):
        runs = cell.visible_source if cell.role == Role.TEST else cell.source
        if cell.role != Role.SKIP:
            flow = _flow(runs)
            if cell.role == Role.TEST:
                cell = replace(cell, echoed=bool(flow.stored & needed))
            if cell.role == Role.STUDENT or cell.echoed:
                needed = needed - flow.surely_stored | flow.needed
        found.append(cell)
    return found[::-1]


@functools.lru_cache(1000)
def _flow(source: str) -> names.Flow:
    return names.flow(_python(source))


def _python(source: str) -> str:
    """Return a cell as Python, without IPython's own syntax; as it is if that fails."""
    try:
        return TransformerManager().transform_cell(source)
    except Exception:  # of a student's cell, anything
        return source
