"""Tests that run in the student's own process, as nbgrader runs them.

Such a test cannot run in the judge (see :mod:`autograder.grading.calibration`). The notebook runs
again in a process of its own, with these tests in their places, and with the visible part of every
other test. Only the results of these tests are kept from that run, so nothing that it shows to the
student's code can affect a question that is judged separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograder.engine.job import CellPlan, CellResult, Role


def is_shared(cell: CellPlan) -> bool:
    """Return whether a cell is a test that runs in the student's process."""
    return cell.role == Role.TEST and not cell.separate


def first_run(cells: Sequence[CellPlan]) -> list[CellPlan]:
    """Return the cells of the first run, with the judge.

    The judge runs the shared tests, too, as other tests may need what they define, unless they
    would disturb it.
    """
    return [
        replace(cell, role=Role.SKIP) if is_shared(cell) and cell.only_there else cell
        for cell in cells
    ]


def shared_run(cells: Sequence[CellPlan]) -> list[CellPlan]:
    """Return the cells of the second run, up to its last test."""
    last = max(number for number, cell in enumerate(cells) if is_shared(cell))
    return [_for_student(cell) for cell in cells[: last + 1]]


def _for_student(cell: CellPlan) -> CellPlan:
    if cell.role != Role.TEST:
        return replace(cell, instructor_source=None)
    shared = is_shared(cell)
    return CellPlan(
        Role.STUDENT, cell.source if shared else cell.visible_source, is_shared_test=shared
    )


def merge_results(
    cells: Sequence[CellPlan], first: Sequence[CellResult], shared: Sequence[CellResult]
) -> list[CellResult]:
    """Return each cell's result from the run that counts for it.

    Args:
        cells: of the notebook.
        first: results of the first run.
        shared: results of the second run, which is shorter.
    """
    found = [*shared, *first[len(shared) :]]
    pairs = zip(cells, first, found, strict=True)
    return [new if is_shared(cell) else old for cell, old, new in pairs]
