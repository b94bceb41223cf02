"""The tree that a student works in: copies of lectures and assignments, kept up to date.

What was handed out stays as it is under `assignments/` and `lectures/`; the copies are in `work/`.
For each copy, `work/.course/` keeps what it was made from, so that a correction can be told from
the student's work. No work is overwritten: a copy with changes is kept beside the corrected one.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from course._files import replacing
from course.errors import UsageError
from course.student import carrying
from course.student.folder import StudentFolder

if TYPE_CHECKING:
    from nbformat import NotebookNode

KEPT = "_before_"  # in the name of a copy from before a correction
BASES = ".course"


def update(folder: StudentFolder) -> list[str]:
    """Copy lectures and assignments to the work tree, and bring in corrections.

    Returns:
        A line for each correction that met a student's copy.
    """
    said = []
    for unit in folder.units():
        source = folder.assignments / unit
        for path in sorted(p for p in source.rglob("*") if p.is_file() and not p.is_symlink()):
            said.append(_bring(folder.work, path, Path(unit) / path.relative_to(source)))
    for path in sorted(folder.lectures.glob("*.ipynb")):
        said.append(_bring(folder.work, path, Path("lectures") / path.name, lecture=True))
    return [line for line in said if line]


def beside(path: Path, today: date | None = None) -> Path:
    """Return a free name for what a corrected file replaces: 02_sizing_before_2026-11-28.ipynb."""
    stem = f"{path.stem}{KEPT}{today or date.today()}"
    names = [stem, *(f"{stem}_{number}" for number in range(2, 1000))]
    free = (path.with_name(name + path.suffix) for name in names)
    return next(name for name in free if not os.path.lexists(name))


def replace_carrying(target: Path, new: Path, base: Path | None) -> str:
    """Put a corrected assignment in the place of a student's, with their answers in it.

    The student's file stays beside it under another name.

    Returns:
        What was done, in a line.
    """
    import nbformat

    kept = beside(target)
    with replacing(target) as temporary:
        try:
            theirs, release = carrying.read(target), carrying.read(new)
            merged = carrying.carry(release, theirs, carrying.read(base) if base else None)
            nbformat.write(merged, temporary)
            done = f"your answers are in the new {target.name}"
        except UsageError:
            shutil.copyfile(new, temporary)
            done = f"your {target.name} could not be read, so the new one is empty"
        target.rename(kept)
    return f"{target.stem} was corrected: {done}; your earlier copy is {kept.name}."


def _bring(work: Path, new: Path, name: Path, *, lecture: bool = False) -> str:
    """Bring one file up to date; see :func:`update`."""
    target, base = work / name, work / BASES / name
    if not os.path.lexists(target):
        _copy(new, target)
        _copy(new, base)
        return ""
    if base.is_file() and filecmp.cmp(new, base, shallow=False):
        return ""
    line = _correct(target, new, base if base.is_file() else None, lecture)
    _copy(new, base)
    return line


def _correct(target: Path, new: Path, base: Path | None, lecture: bool) -> str:
    if filecmp.cmp(target, new, shallow=False):
        return ""
    if base and unchanged(target, base):
        _copy(new, target)
        return f"{target.stem} was corrected; you had not changed it." if not lecture else ""
    if not base and unchanged(target, new):
        return ""
    if target.suffix == ".ipynb" and not lecture:
        if base is None and _fits(target, new):
            return ""  # made before anything was kept, from this release
        return replace_carrying(target, new, base)
    kept = beside(target)
    target.rename(kept)
    _copy(new, target)
    return f"{target.name} is new; yours is {kept.name}."


def unchanged(target: Path, base: Path) -> bool:
    """Tell whether a copy differs from what it was made from in outputs at most."""
    if filecmp.cmp(target, base, shallow=False):
        return True
    if target.suffix != ".ipynb":
        return False
    try:
        return carrying.same_sources(carrying.read(target), carrying.read(base))
    except UsageError:
        return False


def _fits(target: Path, new: Path) -> bool:
    """Tell whether a copy has every cell of a release, those that students don't write alike."""
    try:
        theirs, release = carrying.read(target), carrying.read(new)
    except UsageError:
        return False
    cells = carrying.identified(theirs, release)
    return all(_same_cell(cell, cells.get(carrying.name_of(cell))) for cell in release.cells)


def _same_cell(cell: NotebookNode, theirs: NotebookNode | None) -> bool:
    return theirs is not None and (carrying.is_answer(cell) or theirs.source == cell.source)


def _copy(source: Path, target: Path) -> None:
    """Copy a file as a whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
