"""How much students' answers have in common, by winnowing; for eyes, not for verdicts.

Code is compared with names, strings and comments left out, so that renaming hides nothing, and
answers in words by their letters. What was handed out does not count.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import combinations
from typing import Any, NamedTuple

from autograder.cells import Cell, grade_id, marks, read_cells
from autograder.course_directory import CourseDirectory

# Characters that have to agree in a row, of code after its names are left out, and of text.
CODE, TEXT = 25, 40
WINDOW = 6
# With less than this, two answers agree by chance.
LEAST = 200
LONGEST = 200_000
ALIKE = 0.5
NOT_THEIRS = "not-gradable"  # the note on top of the release, where a submission was set aside


class Pair(NamedTuple):
    """Two students whose answers are alike.

    Attributes:
        first, second: their ids.
        code, text: how much of the one with the larger share is in the other, from 0 to 1; None
            if either has too little of it.
    """

    first: str
    second: str
    code: float | None
    text: float | None

    @property
    def most(self) -> float:
        """The larger of the two."""
        return max(self.code or 0.0, self.text or 0.0)


def can_compare() -> bool:
    """Return whether copydetect is installed; an environment may be older than the course."""
    return find_spec("copydetect") is not None


def similar_answers(course: CourseDirectory, unit: str, students: Sequence[str]) -> list[Pair]:
    """Return the pairs of students whose answers are alike by half, the most alike first.

    Args:
        course: with graded submissions.
        unit: the assignment.
        students: the students' ids.
    """
    released = [cell for book in _books(course, "release", ".", unit) for cell in book]
    code_given, text_given = _written(released, [])
    given = [_fingerprint(code_given, CODE), _fingerprint(text_given, TEXT)]
    prints = {}
    for student in students:
        own = [cell for book in _books(course, "autograded", student, unit) for cell in book]
        code, text = _written(own, released)
        prints[student] = (_fingerprint(code, CODE, given[0]), _fingerprint(text, TEXT, given[1]))
    pairs = [
        Pair(one, other, *map(_shared, prints[one], prints[other]))
        for one, other in combinations(prints, 2)
    ]
    alike = (pair for pair in pairs if pair.most >= ALIKE)
    return sorted(alike, key=lambda pair: (pair.code or 0.0) + (pair.text or 0.0), reverse=True)


def _books(course: CourseDirectory, step: str, student: str, unit: str) -> list[list[Cell]]:
    folder = course.path(step, student, unit)
    return [read_cells(folder / f"{name}.ipynb") for name in course.notebooks(unit)]


def _written(cells: Sequence[Cell], released: Sequence[Cell]) -> tuple[str, str]:
    """Return the code and the text in cells for answers, and in those that students have added.

    Args:
        cells: of a submission or of the release.
        released: cells that do not count if nothing was changed in them.
    """
    known = {cell.get("id") for cell in released} | {NOT_THEIRS}
    unchanged = {(grade_id(cell), cell["source"]) for cell in released}
    parts: dict[bool, list[str]] = {True: [], False: []}
    for cell in cells:
        is_answer = bool(marks(cell).get("solution"))
        is_own = bool(released) and not grade_id(cell) and cell.get("id") not in known
        if (is_answer or is_own) and (grade_id(cell), cell["source"]) not in unchanged:
            parts[cell.get("cell_type") == "code"].append(cell["source"])
    code, text = ("\n".join(parts[kind])[:LONGEST] for kind in (True, False))
    return code, "".join(re.findall(r"\w+", text.lower()))


def _fingerprint(source: str, length: int, given: Any = None) -> Any:
    from copydetect import CodeFingerprint

    return CodeFingerprint(
        "",
        length,
        WINDOW,
        boilerplate=None if given is None else list(given.hashes),
        filter=length == CODE,
        language="python",
        fp=io.StringIO(source),
    )


def _shared(one: Any, other: Any) -> float | None:
    from copydetect import compare_files

    if min(one.token_coverage, other.token_coverage) < LEAST:
        return None
    few = min(len(one.hashes), len(other.hashes))
    common = len(one.hashes & other.hashes) / few if few else 0.0
    if common < ALIKE / 2:  # most pairs, for which the exact share is of no interest
        return common
    return min(1.0, float(max(compare_files(one, other)[1])))
