"""Look at a submission before anything runs, and lay out a copy that can be graded.

Whatever a student hands in, the engine gets a folder with readable notebooks of the right names.
A notebook that is missing or cannot be read is replaced by the release's own, which scores
nothing, with a note in its place that says why; the submission itself is never changed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course

MAX_NOTEBOOK_BYTES = 20 << 20


@dataclass
class Submission:
    """A student's work on a unit, copied to a place of its own."""

    unit: str
    student: str
    root: Path  # laid out as nbgrader's submitted tree: root/student/unit
    problems: list[str] = field(default_factory=list)


@contextmanager
def stage(course: Course, unit: str, student: str) -> Iterator[Submission]:
    """A copy of a submission that can be graded, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        submission = Submission(unit, student, Path(folder))
        target = submission.root / student / unit
        target.mkdir(parents=True)
        source = course.path("submitted", student, unit)
        for path in sorted(source.rglob("*")):
            # Links may point at other people's files: only what is really here is graded.
            if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        for name in course.notebooks(unit):
            problem = _unreadable(source / f"{name}.ipynb")
            if problem:
                submission.problems.append(problem)
                _stand_in(course, unit, name, problem, target / f"{name}.ipynb")
            else:
                shutil.copyfile(source / f"{name}.ipynb", target / f"{name}.ipynb")
        yield submission


def _unreadable(path: Path) -> str:
    """Why a notebook cannot be graded; empty if it can."""
    if path.is_symlink() or not path.is_file():
        others = sorted(p.name for p in path.parent.glob("*.ipynb") if p != path)
        beside = f" There is {', '.join(others)}: was the notebook renamed?" if others else ""
        return f"{path.name} was not handed in.{beside}"
    if (size := path.stat().st_size) > MAX_NOTEBOOK_BYTES:
        return (
            f"{path.name} has {size >> 20} MiB, more than {MAX_NOTEBOOK_BYTES >> 20}. "
            "Clear its outputs and hand it in again."
        )
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        where = f" ({error.msg}, line {error.lineno})" if hasattr(error, "lineno") else ""
        return (
            f"{path.name} is not a readable notebook{where}: the file is cut off or damaged. "
            "Hand it in again."
        )
    try:
        import nbformat

        nbformat.validate(nbformat.reads(json.dumps(data), as_version=4))
    except Exception as error:
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        return f"{path.name} is not a valid notebook ({first}). Hand it in again."
    return ""


def _stand_in(course: Course, unit: str, name: str, problem: str, target: Path) -> None:
    """The released notebook, headed by a note that it stands for one that cannot be graded."""
    import nbformat

    released = course.path("release", ".", unit) / f"{name}.ipynb"
    notebook = nbformat.read(released, as_version=4)
    note = nbformat.v4.new_markdown_cell(
        f"**This is not your notebook.** {problem} What follows is the assignment as it was "
        "released; it scores nothing.",
        id="not-gradable",
    )
    notebook.cells.insert(0, note)
    nbformat.write(notebook, target)
