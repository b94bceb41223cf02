"""Match a student's cells with those of the release, whatever was done to the notebook.

A cell's grade id counts first, then its cell id. Notebooks from before nbformat 4.5 have no cell
ids, and some tools drop both; then the text counts, and the place between cells that are known.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from autograder.engine.submission_files import StudentCell

ALIKE = 0.5  # fraction of the lines of the shorter of two cells
MAX_LINES = 400  # how many lines of a cell are compared
_DEFINITION = re.compile(r"^(?:def|class)\s+(\w+)", re.M)


@dataclass
class Matching:
    """Where a student's cells go.

    Attributes:
        own: by position in the release, the student's cell that counts for it.
        extras: cells of the student's own, by the position that they follow (-1: before all).
        suspicions: what an instructor should look at.
        missing: grade ids that are nowhere in the student's notebook.
    """

    own: dict[int, StudentCell] = field(default_factory=dict)
    extras: dict[int, list[StudentCell]] = field(default_factory=dict)
    suspicions: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def nbgrader_metadata(cell: NotebookNode) -> dict[str, Any]:
    """Return nbgrader's part of a cell's metadata; empty for a plain cell."""
    meta = cell.metadata.get("nbgrader")
    return meta if isinstance(meta, dict) and isinstance(meta.get("grade_id"), str) else {}


def match(
    base: Sequence[NotebookNode], tests: Mapping[str, str], student: Sequence[StudentCell]
) -> Matching:
    """Match a student's cells with the release's.

    Args:
        base: cells of the release.
        tests: full sources of locked cells, by grade id.
        student: the student's cells.
    """
    places = _places(base, student)
    found = Matching()
    seen: dict[int, StudentCell] = {}
    last = -1
    for index, cell in enumerate(student):
        position = places.get(index)
        if position is None:
            if cell.source.strip():
                found.extras.setdefault(last, []).append(cell)
            continue
        last, target = position, base[position]
        meta = nbgrader_metadata(target)
        if _locked(target):
            # The whole test, too, is no change: the instructor's own solution has it.
            known = (target.source, tests.get(meta["grade_id"], ""))
            if all(_differs(cell.source, text) for text in known):
                kind = "test" if meta.get("grade") else "locked"
                found.suspicions.append(f"the {kind} cell {meta['grade_id']} was changed")
        elif position in seen:
            _duplicate(cell, target, position, found)
        else:
            found.own[position] = cell
            if meta and cell.grade_id != meta["grade_id"]:
                found.suspicions.append(
                    f"the cell {meta['grade_id']} has lost its nbgrader metadata; "
                    "it was recognized by its position"
                )
        seen.setdefault(position, cell)
    found.missing = [
        nbgrader_metadata(c)["grade_id"]
        for p, c in enumerate(base)
        if nbgrader_metadata(c) and p not in seen
    ]
    return found


def _places(base: Sequence[NotebookNode], student: Sequence[StudentCell]) -> dict[int, int]:
    """Return, by the index of a student's cell that is known, its position in the release."""
    by_mark = {
        nbgrader_metadata(cell)["grade_id"]: position
        for position, cell in enumerate(base)
        if nbgrader_metadata(cell)
    }
    places = {i: by_mark[c.grade_id] for i, c in enumerate(student) if c.grade_id in by_mark}
    for find in (_by_id, _by_text, _by_place):
        places |= find(base, student, dict(places))
    return places


def _open(
    base: Sequence[NotebookNode], student: Sequence[StudentCell], places: dict[int, int]
) -> tuple[list[int], list[int]]:
    """Return the positions and indices that are not matched yet."""
    claimed = set(places.values())
    free = [position for position in range(len(base)) if position not in claimed]
    return free, [index for index in range(len(student)) if index not in places]


def _by_id(
    base: Sequence[NotebookNode], student: Sequence[StudentCell], places: dict[int, int]
) -> dict[int, int]:
    """Match cells by their cell ids."""
    free, unknown = _open(base, student, places)
    count = Counter(cell.get("id") for cell in base)
    ids = {base[p].get("id"): p for p in free if count[base[p].get("id")] == 1}
    ids.pop(None, None)
    found: dict[int, int] = {}
    for index in unknown:
        position = ids.get(student[index].cell_id)
        if position is not None and _kind(student[index].kind) == base[position].cell_type:
            found[index] = ids.pop(student[index].cell_id, position)
    return found


def _by_text(
    base: Sequence[NotebookNode], student: Sequence[StudentCell], places: dict[int, int]
) -> dict[int, int]:
    """Match cells that are as they were released, those in the release's order first."""
    known = {position: ("known", position) for position in places.values()}
    ours = [known.get(p, (cell.cell_type, cell.source.strip())) for p, cell in enumerate(base)]
    theirs = [
        ("known", places[index]) if index in places else (_kind(cell.kind), cell.source.strip())
        for index, cell in enumerate(student)
    ]
    found: dict[int, int] = {}
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    for block in blocks:
        for step in range(block.size):
            if ours[block.a + step][0] != "known":
                found[block.b + step] = block.a + step
    free, unknown = _open(base, student, places | found)
    for index in unknown:
        same = next((p for p in free if ours[p] == theirs[index] and ours[p][1]), None)
        if same is not None:
            free.remove(same)
            found[index] = same
    return found


def _by_place(
    base: Sequence[NotebookNode], student: Sequence[StudentCell], places: dict[int, int]
) -> dict[int, int]:
    """Match cells that were changed and have lost their ids, between neighbors that are known."""
    found: dict[int, int] = {}
    for positions, indices in _gaps(base, student, places):
        pairs = [
            (_likeness(base[p], student[i]), p, i)
            for p in positions
            for i in indices
            if not _locked(base[p]) and _same_kind(base[p], student[i])
        ]
        for likeness, position, index in sorted(pairs, key=lambda pair: -pair[0]):
            if position in found.values() or index in found:
                continue
            target, own = base[position], student[index]
            rivals = [p for p in positions if not _locked(base[p]) and _same_kind(base[p], own)]
            answers = [p for p in rivals if nbgrader_metadata(base[p]).get("solution")]
            others = [i for i in indices if _same_kind(target, student[i])]
            alone = (answers or rivals) == [position] and others == [index]
            if likeness >= ALIKE or alone:
                found[index] = position
    return found


def _gaps(
    base: Sequence[NotebookNode], student: Sequence[StudentCell], places: dict[int, int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield positions and indices that are not matched, between the same known neighbors."""
    claimed = sorted(set(places.values()))
    free, _ = _open(base, student, places)
    gaps: dict[int, list[int]] = {}
    last = -1
    for index in range(len(student)):
        if index in places:
            last = places[index]
        else:
            gaps.setdefault(last, []).append(index)
    for after, indices in gaps.items():
        end = next((position for position in claimed if position > after), len(base))
        yield [position for position in free if after < position < end], indices


def _locked(cell: NotebookNode) -> bool:
    meta = nbgrader_metadata(cell)
    return bool(meta) and not meta.get("solution") and not meta.get("task")


def _same_kind(cell: NotebookNode, own: StudentCell) -> bool:
    return _kind(own.kind) == cell.cell_type and bool(own.source.strip())


def _kind(kind: str) -> str:
    return "code" if kind == "code" else "markdown"


def _likeness(cell: NotebookNode, own: StudentCell) -> float:
    """Return the fraction of lines in common (of the shorter cell), 1 if both define a name."""
    if cell.cell_type == "code" and set(_DEFINITION.findall(cell.source)) & set(
        _DEFINITION.findall(own.source)
    ):
        return 1.0
    ours, theirs = (
        Counter(line.strip() for line in source.splitlines()[:MAX_LINES] if line.strip())
        for source in (cell.source, own.source)
    )
    return (ours & theirs).total() / max(1, min(ours.total(), theirs.total()))


def _duplicate(cell: StudentCell, target: NotebookNode, position: int, found: Matching) -> None:
    """Of two cells with one id, count the later that was changed; keep the other as an extra."""
    if not _differs(cell.source, target.source):
        return
    if _differs(found.own[position].source, target.source):
        earlier = found.own[position]
        kept = StudentCell(target.cell_type, earlier.source, None, None)
        found.extras.setdefault(position - 1, []).append(kept)
    found.own[position] = cell


def _differs(source: str, other: str) -> bool:
    def lines(text: str) -> list[str]:
        return [line.rstrip() for line in text.strip().splitlines()]

    return lines(source) != lines(other)
