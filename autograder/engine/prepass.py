"""A trusted look at a submission, before anything of it runs, and the notebook that will be graded.

The notebook is rebuilt from the release: its cells, in its order, with the tests from the
gradebook. Of the student's file only the sources of solution cells are taken, of plain cells, and
of code cells that the student added. So nothing that was done to a test cell can matter.
"""

from __future__ import annotations

import ast
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder.engine import harmless

MAX_NOTEBOOK_BYTES = 20 << 20
MAX_FILE_BYTES = 20 << 20
MAX_FILES_BYTES = 60 << 20
MAX_FILES = 500
MAX_CELLS = 2000
MAX_SOURCE = 1 << 20


class Unreadable(Exception):
    """A file that cannot be graded, and why, in words for the student."""


@dataclass
class Plan:
    """One notebook as it will be graded.

    Attributes:
        notebook: the rebuilt notebook, without outputs.
        cells: what to do with each of its cells: ``{"role", "source", "learn", "echo"}``.
        notes: what was put right on the way, for the student.
        suspicions: what an instructor should look at.
    """

    notebook: nbformat.NotebookNode
    cells: list[dict]
    notes: list[str] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StudentCell:
    """A cell as it stands in the student's file."""

    kind: str
    source: str
    grade_id: str | None
    cell_id: str | None


def read_cells(path: Path) -> list[StudentCell]:
    """The cells of a student's notebook, whatever state it is in.

    Raises:
        Unreadable: no notebook can be made out in the file.
    """
    return [_student_cell(cell) for cell in _raw_cells(path)]


def _raw_cells(path: Path) -> list:
    data = _json(path)
    if not isinstance(data, dict):
        raise Unreadable(f"{path.name} is not a notebook: it holds a {type(data).__name__}")
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # notebooks of before 2015
        sheets = [sheet for sheet in data["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise Unreadable(f"{path.name} is not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{path.name} has {len(cells)} cells, more than {MAX_CELLS}")
    return [cell for cell in cells if isinstance(cell, dict)]


def _json(path: Path):
    for folder in (path.parent, path.parent.parent):
        if _is_link(folder):
            raise Unreadable(f"{path.name} was not handed in: {folder.name} is a link")
    status = _status(path)
    if status is None:
        raise Unreadable(f"{path.name} was not handed in{_beside(path)}")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"{path.name} is not a file of its own but {_kind(status.st_mode)}")
    if status.st_size > MAX_NOTEBOOK_BYTES:
        raise Unreadable(
            f"{path.name} has {status.st_size >> 20} MiB, more than {MAX_NOTEBOOK_BYTES >> 20}; "
            "clear its outputs"
        )
    # Not through a link that takes the file's place after the look at it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        raw = file.read(MAX_NOTEBOOK_BYTES + 1)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError, MemoryError) as error:
        where = f" ({error.msg}, line {error.lineno})" if hasattr(error, "lineno") else ""
        raise Unreadable(
            f"{path.name} is not a readable notebook{where}: the file is cut off or damaged"
        ) from None


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (OSError, ValueError):
        return None


def _is_link(path: Path) -> bool:
    status = _status(path)
    return status is not None and stat.S_ISLNK(status.st_mode)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"))
    return next((name for test, name in kinds if test(mode)), "something special")


def _beside(path: Path) -> str:
    try:
        others = sorted(entry.name for entry in os.scandir(path.parent))[:5]
    except OSError:
        return ""
    return f"; there is {', '.join(others)}: was it renamed or packed?" if others else ""


def _student_cell(cell: dict) -> StudentCell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return StudentCell(
        kind=cell["cell_type"] if isinstance(cell.get("cell_type"), str) else "code",
        # A lone surrogate can be in JSON and in no file.
        source=source[:MAX_SOURCE].encode("utf-8", "replace").decode(),
        grade_id=grade_id if isinstance(grade_id, str) else None,
        cell_id=cell["id"] if isinstance(cell.get("id"), str) else None,
    )


def rebuild(released: nbformat.NotebookNode, tests: dict[str, str], student) -> Plan:
    """The notebook to grade, from the release, the full tests, and the student's cells.

    Args:
        released: the released notebook.
        tests: sources of graded and locked cells by grade id, hidden tests included.
        student: the student's cells, or None for the release as it is.
    """
    base = [_without_outputs(cell) for cell in released.cells]
    own: dict[int, str] = {}
    extras: dict[int, list[StudentCell]] = {}
    plan = Plan(nbformat.v4.new_notebook(metadata=dict(released.metadata)), [])
    if student is not None:
        own, extras = _match(base, tests, student, plan)
    for position, cell in enumerate(base):
        meta = cell.metadata.get("nbgrader", {})
        original = cell.source
        if position in own:
            theirs = cell.cell_type != "code" and own[position] != original
            cell.source = harmless.markdown(own[position]) if theirs else own[position]
        elif meta.get("grade_id") in tests and not meta.get("solution"):
            cell.source = tests[meta.grade_id]
        _add(plan, cell, _role(cell), learn=None if meta.get("solution") else original)
        for extra in extras.get(position, []):
            new = nbformat.v4.new_code_cell(extra.source, id=f"student-{len(plan.cells)}")
            _add(plan, new, "student")
    _echo(plan, {c.metadata.nbgrader.grade_id: c.source for c in released.cells if _is_test(c)})
    return plan


def _add(plan: Plan, cell, role: str, learn: str | None = None) -> None:
    plan.notebook.cells.append(cell)
    learned = learn if role == "student" else None
    plan.cells.append({"role": role, "source": cell.source, "learn": learned, "echo": None})


def _without_outputs(cell):
    copy = nbformat.from_dict(json.loads(json.dumps(cell)))
    if copy.cell_type == "code":
        copy.outputs, copy.execution_count = [], None
    return copy


def _is_test(cell) -> bool:
    meta = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and meta.get("grade") and not meta.get("solution"))


def _role(cell) -> str:
    if cell.cell_type != "code":
        return "skip"
    return "judge" if _is_test(cell) else "student"


def _match(base: list, tests: dict, student: list[StudentCell], plan: Plan) -> tuple[dict, dict]:
    """Which of the student's cells stand for which of the release's, and which are new."""
    by_grade_id = {
        cell.metadata.nbgrader.grade_id: position
        for position, cell in enumerate(base)
        if cell.metadata.get("nbgrader")
    }
    plain = {p: cell for p, cell in enumerate(base) if not cell.metadata.get("nbgrader")}
    by_id = {cell.get("id"): position for position, cell in plain.items()}
    own: dict[int, str] = {}
    extras: dict[int, list[StudentCell]] = {}
    seen: dict[int, StudentCell] = {}
    last = 0
    for cell in student:
        position = by_grade_id.get(cell.grade_id)
        if position is None:
            position = by_id.get(cell.cell_id)
            if position in seen:
                position = None
        if position is None:
            same = (p for p, c in plain.items() if p not in seen and c.source == cell.source)
            position = next(same, None)
        if position is None:
            if cell.kind == "code" and cell.source.strip():
                extras.setdefault(last, []).append(cell)
            continue
        last = position
        target = base[position]
        meta = target.metadata.get("nbgrader", {})
        if meta and not meta.get("solution") and not meta.get("task"):
            # The whole test, too, is no change: the instructor's own solution has it.
            known = (target.source, tests.get(meta.grade_id, ""))
            if all(_differs(cell.source, text) for text in known):
                kind = "test" if meta.get("grade") else "locked"
                plan.suspicions.append(f"the {kind} cell {meta.grade_id} was changed")
        elif position in seen:
            _duplicate(cell, seen[position], target, position, own, extras, plan)
        else:
            own[position] = cell.source
        seen.setdefault(position, cell)
    for name, position in by_grade_id.items():
        if position not in seen:
            plan.notes.append(f"the cell {name} is missing; it counts as it was released")
    return own, extras


def _duplicate(cell, first, target, position, own, extras, plan) -> None:
    """Of two cells with one grade id the later that has been worked on counts; the other stays."""
    plan.notes.append(f"the cell {target.metadata.nbgrader.grade_id} is there more than once")
    if not _differs(cell.source, target.source):
        return
    if _differs(own[position], target.source):
        earlier = StudentCell("code", own[position], None, None)
        extras.setdefault(max(position - 1, 0), []).append(earlier)
    own[position] = cell.source


def _differs(source: str, other: str) -> bool:
    def lines(text):
        return [line.rstrip() for line in text.strip().splitlines()]

    return lines(source) != lines(other)


def _echo(plan: Plan, visible: dict[str, str]) -> None:
    """Let the student's process see what a test cell defines, where a later cell needs it.

    Only the part that every student can read is run there.
    """
    needed: set[str] = set()
    for cell, source in zip(reversed(plan.cells), reversed(plan.notebook.cells), strict=True):
        if cell["role"] == "judge":
            grade_id = source.metadata.nbgrader.grade_id
            if _names(visible.get(grade_id, ""), ast.Store) & needed:
                cell["echo"] = visible[grade_id]
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


def read_files(folder: Path, skip: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """Other files of a submission, as far as they are plain and small; and what was left out.

    Args:
        folder: the submission.
        skip: names, relative to it, that are not wanted.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    total = 0
    if _is_link(folder) or _is_link(folder.parent):
        return files, left_out
    for root, folders, names in os.walk(folder, followlinks=False):
        if len(Path(root).relative_to(folder).parts) > 8:
            folders.clear()
        # A folder of a notebook's name would stand where the graded notebook goes.
        folders[:] = [name for name in folders if name not in skip]
        for name in sorted(names):
            path = Path(root) / name
            relative = str(path.relative_to(folder))
            status = _status(path)
            # Other notebooks are no part of the assignment, as for nbgrader.
            if relative in skip or status is None or path.suffix == ".ipynb":
                continue
            if not stat.S_ISREG(status.st_mode):
                left_out.append(f"{relative} is {_kind(status.st_mode)} and was left out")
            elif status.st_size > MAX_FILE_BYTES or total + status.st_size > MAX_FILES_BYTES:
                left_out.append(f"{relative} has {status.st_size >> 20} MiB and was left out")
            elif len(files) >= MAX_FILES:
                left_out.append("more than 500 files: the rest was left out")
                return files, left_out
            else:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with open(descriptor, "rb") as file:
                    files[relative] = file.read(MAX_FILE_BYTES)
                total += status.st_size
    return files, left_out
