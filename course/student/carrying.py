"""Answers: which cells have one, and how they get from an older notebook into a corrected one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import UsageError

if TYPE_CHECKING:
    from nbformat import NotebookNode

UNWRITTEN = "raise NotImplementedError()"


def read(path: Path) -> NotebookNode:
    """Read a notebook.

    Raises:
        UsageError: it is not one.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except OSError:
        raise
    except Exception as error:  # nbformat raises whatever its parsers do
        raise UsageError(f"{path} is not a notebook that can be read: {error}") from None


def name_of(cell: NotebookNode) -> str:
    """Return what identifies a cell: its grade id, else its cell id."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id", ""))


def is_answer(cell: NotebookNode) -> bool:
    """Tell whether students write in this cell of a release."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def identified(notebook: NotebookNode, release: NotebookNode) -> dict[str, NotebookNode]:
    """Return a notebook's cells by name; of copies, the one with the release's cell id."""
    ids = {name_of(cell): cell.get("id") for cell in release.cells}
    found: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        name = name_of(cell)
        if name not in found or cell.get("id") == ids.get(name):
            found[name] = cell
    return found


def unanswered(notebook: NotebookNode, release: NotebookNode) -> list[str]:
    """List the answer cells of a release that are not written, or missing, in a notebook."""
    cells = identified(notebook, release)
    return [
        name_of(cell)
        for cell in release.cells
        if is_answer(cell) and not _is_written(cells.get(name_of(cell)), cell)
    ]


def answers(release: NotebookNode) -> list[str]:
    """List the names of a release's answer cells."""
    return [name_of(cell) for cell in release.cells if is_answer(cell)]


def same_sources(one: NotebookNode, other: NotebookNode) -> bool:
    """Tell whether two notebooks differ in outputs and metadata at most."""
    return [(c.cell_type, c.source) for c in one.cells] == [
        (c.cell_type, c.source) for c in other.cells
    ]


def carry(
    release: NotebookNode, theirs: NotebookNode, base: NotebookNode | None = None
) -> NotebookNode:
    """Return a corrected release with a student's answers and own cells in it.

    Args:
        release: the corrected assignment.
        theirs: the student's notebook, made from an earlier release.
        base: that earlier release, if it is known: cells that the student has not changed are then
            taken from the corrected one.
    """
    cells = identified(theirs, release)
    before = {name_of(cell): cell for cell in base.cells} if base else {}
    own = _own_cells(release, theirs, cells, before)
    made = copy.deepcopy(release)
    made.cells = list(own.get("", []))
    for cell in release.cells:
        name = name_of(cell)
        made.cells.append(_merged(cell, cells.get(name), before.get(name), base is not None))
        made.cells += own.get(name, [])
    return made


def _is_written(cell: NotebookNode | None, released: NotebookNode) -> bool:
    if cell is None or cell.source.strip() == released.source.strip():
        return False
    left = any(line.strip() == UNWRITTEN for line in cell.source.splitlines())
    return bool(cell.source.strip()) and not (left and UNWRITTEN in released.source)


def _merged(
    cell: NotebookNode, theirs: NotebookNode | None, before: NotebookNode | None, has_base: bool
) -> NotebookNode:
    """Return the student's version of a cell where it is theirs to write, else the release's."""
    mark = cell.metadata.get("nbgrader", {})
    if theirs is None or (mark and not is_answer(cell)):
        return copy.deepcopy(cell)
    if before is not None and theirs.source == before.source:
        return copy.deepcopy(cell)
    if not mark and not (has_base and before is not None and before.source == cell.source):
        return copy.deepcopy(cell)
    made = copy.deepcopy(theirs)
    made.metadata = copy.deepcopy(cell.metadata)
    made["id"] = cell["id"]
    return made


def _own_cells(
    release: NotebookNode,
    theirs: NotebookNode,
    cells: dict[str, NotebookNode],
    before: dict[str, NotebookNode],
) -> dict[str, list[NotebookNode]]:
    """Return the cells that only the student has, by the name of the release's cell before them."""
    known = {name_of(cell) for cell in release.cells}
    texts = {cell.source for cell in (*release.cells, *before.values())} | {""}
    ids = {cell.get("id") for cell in release.cells}
    own: dict[str, list[NotebookNode]] = {}
    anchor = ""
    for cell in theirs.cells:
        name = name_of(cell)
        if name in known and cells[name] is cell:
            anchor = name
            continue
        mark = cell.metadata.get("nbgrader", {})
        if cell.source in texts or (mark and not is_answer(cell)):
            continue
        made = copy.deepcopy(cell)
        made.metadata = {k: v for k, v in cell.metadata.items() if k != "nbgrader"}
        if made.get("id") in ids:
            made["id"] = f"own-{made['id']}"[:64]
        own.setdefault(anchor, []).append(made)
    return own
