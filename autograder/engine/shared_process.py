"""Tests that are not judged apart: they run in the student's own process, as nbgrader runs them.

The notebook runs again in a process of its own, with these tests in their places and of every other
test what students were given. Of that run only these tests' results are kept, so nothing that it
shows to the student's code can reach a question that is judged apart.
"""

from __future__ import annotations


def here(cell: dict) -> bool:
    """Whether a cell is a test that runs in the student's process."""
    return cell["role"] == "judge" and not cell.get("apart", True)


def left_to_the_judge(cells: list[dict]) -> list[dict]:
    """The cells of the first run.

    The judge runs the tests of the second, too, as others may need what they define; unless they
    would disturb it, and are marked ``"alone"``.
    """
    return [cell | {"role": "skip"} if here(cell) and cell.get("alone") else cell for cell in cells]


def as_nbgrader_runs(cells: list[dict]) -> list[dict]:
    """The cells of the second run, up to the last test that it is for.

    Args:
        cells: of a plan; a test with ``"apart": False`` is run here.
    """
    last = max(number for number, cell in enumerate(cells) if here(cell))
    return [_as_student(cell) for cell in cells[: last + 1]]


def _as_student(cell: dict) -> dict:
    if cell["role"] != "judge":
        return cell | {"learn": None}
    test = here(cell)
    source = cell["source"] if test else cell["shown"]
    return {"role": "student", "source": source, "learn": None, "echo": None, "test": test}


def merged(cells: list[dict], apart: list[dict], together: list[dict]) -> list[dict]:
    """What the cells gave, each from the run that counts for it.

    Args:
        cells: of the plan.
        apart: results of the first run.
        together: results of the second, which is shorter.
    """
    found = [*together, *apart[len(together) :]]
    return [new if here(cell) else old for cell, old, new in zip(cells, apart, found, strict=True)]
