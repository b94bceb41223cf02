"""The notebook that will be graded, made before anything of a submission runs.

It is rebuilt from the release: its cells, in its order, with the tests from the gradebook. Of the
student's file only the sources of solution cells are taken, of plain cells, and of cells that the
student added. So nothing that was done to a test cell can matter.
"""

from __future__ import annotations

import ast
import functools
import json
from dataclasses import dataclass, field

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from autograder.engine import names, sanitize
from autograder.engine.matching import Matching, mark, match
from autograder.engine.submission_files import StudentCell


@dataclass
class RebuiltNotebook:
    """One notebook as it will be graded.

    Attributes:
        notebook: the rebuilt notebook, without outputs.
        cells: what to do with each of its cells: ``{"role", "source", "learn", "echo"}``, for a
            test ``"shown"``, the part of it that students have, and for an answer ``"theirs"``,
            names that the instructor's own answer defines or changes.
        suspicions: what an instructor should look at.
        missing: grade ids that were not handed in.
        unsure: answers to be marked by hand that are missing, but may be in a cell without a mark.
        set_aside: why nothing of the student's is in it, and it is not run; "" if it is.
    """

    notebook: nbformat.NotebookNode
    cells: list[dict]
    suspicions: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    set_aside: str = ""


def rebuild(released: nbformat.NotebookNode, tests: dict[str, str], student) -> RebuiltNotebook:
    """The notebook to grade, from the release, the full tests, and the student's cells.

    Args:
        released: the released notebook.
        tests: sources of graded and locked cells by grade id, hidden tests included, and of the
            instructor's answers where they are known.
        student: the student's cells, or None for the release as it is.
    """
    base = [_without_outputs(cell) for cell in released.cells]
    found = Matching() if student is None else match(base, tests, student)
    plan = RebuiltNotebook(nbformat.v4.new_notebook(metadata=dict(released.metadata)), [])
    plan.suspicions, plan.missing = found.suspicions, found.missing
    _add_extras(plan, found.extras.get(-1, []))
    for position, cell in enumerate(base):
        meta, original = mark(cell), cell.source
        if position in found.own:
            own = found.own[position].source
            theirs = cell.cell_type != "code" and own != original
            cell.source = sanitize.markdown(own) if theirs else own
        elif meta.get("grade_id") in tests and not meta.get("solution"):
            cell.source = tests[meta["grade_id"]]
        _add(plan, cell, _role(cell), learn=None if meta.get("solution") else original)
        if _is_test(cell):
            plan.cells[-1]["shown"] = original
        elif meta.get("solution") and cell.cell_type == "code":
            plan.cells[-1]["theirs"] = _theirs(tests.get(meta["grade_id"], ""))
        _add_extras(plan, found.extras.get(position, []))
    _echo(plan)
    _ask_about_missing(plan, base, found)
    return plan


def nobodys(released: nbformat.NotebookNode, tests: dict[str, str], why: str) -> RebuiltNotebook:
    """The notebook of somebody from whom nothing can be taken: it is not run, and says why.

    Args:
        released, tests: as for :func:`rebuild`.
        why: in words for the student.
    """
    plan = rebuild(released, tests, None)
    plan.set_aside = why
    note = (
        f"**This is not your notebook.** {why}. What follows is the assignment as it was released; "
        "nobody has marked it."
    )
    plan.notebook.cells.insert(0, nbformat.v4.new_markdown_cell(note, id="not-gradable"))
    plan.cells.insert(0, {"role": "skip", "source": note, "learn": None, "echo": None})
    return plan


@functools.lru_cache(1000)
def _theirs(answer: str) -> list[str]:
    """Names that an instructor's answer defines or changes, which are the student's from there."""
    source = TransformerManager().transform_cell(answer)
    return sorted(names.defined_or_changed(source))


def _add(plan: RebuiltNotebook, cell, role: str, learn: str | None = None) -> None:
    plan.notebook.cells.append(cell)
    learned = learn if role == "student" else None
    plan.cells.append({"role": role, "source": cell.source, "learn": learned, "echo": None})


def _add_extras(plan: RebuiltNotebook, extras: list[StudentCell]) -> None:
    """Cells of the student's own: code that runs, and text that an instructor may want to read."""
    for extra in extras:
        name = f"student-{len(plan.cells)}"
        if extra.kind == "code":
            _add(plan, nbformat.v4.new_code_cell(extra.source, id=name), "student")
        else:
            text = sanitize.markdown(extra.source)
            _add(plan, nbformat.v4.new_markdown_cell(text, id=name), "skip")


def _ask_about_missing(plan: RebuiltNotebook, base: list, found: Matching) -> None:
    """An answer for a person to mark may be in a cell that nothing connects with its question."""
    extras = [cell for cells in found.extras.values() for cell in cells]
    for cell in base:
        meta = mark(cell)
        by_hand = meta.get("grade") and meta.get("solution") and meta["grade_id"] in plan.missing
        if by_hand and any(
            (extra.kind == "code") == (cell.cell_type == "code") for extra in extras
        ):
            plan.unsure.append(meta["grade_id"])
            plan.suspicions.append(
                f"the answer {meta['grade_id']} is missing; it may be in a cell without its mark"
            )


def _without_outputs(cell):
    copy = nbformat.from_dict(json.loads(json.dumps(cell)))
    if copy.cell_type == "code":
        copy.outputs, copy.execution_count = [], None
    return copy


def _is_test(cell) -> bool:
    meta = mark(cell)
    return bool(cell.cell_type == "code" and meta.get("grade") and not meta.get("solution"))


def _role(cell) -> str:
    if cell.cell_type != "code":
        return "skip"
    return "judge" if _is_test(cell) else "student"


def _echo(plan: RebuiltNotebook) -> None:
    """Let the student's process see what a test cell defines, where a later cell needs it.

    Only the part that every student can read is run there.
    """
    needed: set[str] = set()
    for cell in reversed(plan.cells):
        if cell["role"] == "judge":
            if _names(cell["shown"], ast.Store) & needed:
                cell["echo"] = cell["shown"]
        elif cell["role"] == "student":
            needed -= _names(cell["source"], ast.Store)
            needed |= _names(cell["source"], ast.Load)


def _names(source: str, context: type) -> set[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}
    if context is ast.Store:
        kinds = ast.FunctionDef | ast.ClassDef
        found |= {node.name for node in tree.body if isinstance(node, kinds)}
    return found
