"""Benchmarks of start-up and grading, as ratios to something comparable.

Machines differ and are shared, so a ratio of two things that are timed alternately in one run says
more than seconds. Nothing here is a test.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from autograder.course_directory import CourseDirectory
from autograder.progress import console

SUBMISSIONS = 40
ROUNDS = 3
# nbgrader grades only this many per round: it grades one after the other, each equally fast.
THEIRS = 8

# A small, typical unit: build a model, train it briefly, test it. The cells' names, sources and
# nbgrader metadata.
_CELLS: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    (
        "imports",
        "import numpy as np\nimport keras\nfrom keras import layers",
        None,
    ),
    (
        "build",
        "def build(classes):\n"
        "    ### BEGIN SOLUTION\n"
        "    return keras.Sequential([\n"
        "        keras.Input((8, 8, 1)), layers.Conv2D(8, 3, activation='relu'),\n"
        "        layers.GlobalAveragePooling2D(), layers.Dense(classes, activation='softmax')])\n"
        "    ### END SOLUTION",
        {"solution": True},
    ),
    (
        "train",
        "model = build(10)\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "x, y = np.random.rand(256, 8, 8, 1), np.arange(256) % 10\n"
        "history = model.fit(x, y, batch_size=64, epochs=2, verbose=0)",
        {"locked": True},
    ),
    (
        "test_build",
        "assert build(3).output_shape == (None, 3)\n"
        "### BEGIN HIDDEN TESTS\n"
        "assert build(7).count_params() == 80 + 8 * 7 + 7\n"
        "### END HIDDEN TESTS",
        {"grade": True, "points": 2, "locked": True},
    ),
    (
        "test_model",
        "assert model.predict(np.zeros((2, 8, 8, 1)), verbose=0).shape == (2, 10)\n"
        "### BEGIN HIDDEN TESTS\n"
        "assert np.allclose(model(np.ones((1, 8, 8, 1))).numpy().sum(), 1, atol=1e-5)\n"
        "### END HIDDEN TESTS",
        {"grade": True, "points": 2, "locked": True},
    ),
)
UNIT = "small_cnn"


def _course(root: Path, submissions: int) -> CourseDirectory:
    """Create a course with one small, released unit and right submissions."""
    import nbformat

    from autograder.generate import generate
    from autograder.notebooks import KERNEL

    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for name, source, meta in _CELLS:
        cell = nbformat.v4.new_code_cell(source, id=name.replace("_", "-"))
        if meta is not None:
            plain = {"grade": False, "solution": False, "locked": False, "task": False}
            cell.metadata["nbgrader"] = plain | {"grade_id": name, "schema_version": 3} | meta
        notebook.cells.append(cell)
    (root / "source" / UNIT).mkdir(parents=True)
    nbformat.write(notebook, root / "source" / UNIT / f"{UNIT}.ipynb")
    course = CourseDirectory(root)
    if problems := generate(course, UNIT):
        raise RuntimeError("; ".join(problems))
    for number in range(submissions):
        student = course.path("submitted", f"s{number:03d}", UNIT)
        shutil.copytree(course.path("source", ".", UNIT), student)
    return course


def _timed(function: Callable[[], object]) -> tuple[float, float]:
    """Call a function; return wall seconds, and CPU seconds including those of subprocesses."""

    def cpu() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, kinds))

    wall, used = time.perf_counter(), cpu()
    function()
    return time.perf_counter() - wall, cpu() - used


class _Round(NamedTuple):
    """Seconds per notebook here and with nbgrader, start-up included, and our timings."""

    ours: float
    theirs: float
    timings: dict[str, float]


def run_bench(submissions: int = SUBMISSIONS, rounds: int = ROUNDS) -> int:
    """Grade a class with nbgrader and with this autograder in turn, and print the times."""
    from rich.table import Table

    from autograder.grading import GradingOptions

    startup = _startup()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as folder:
        scratch = _course(Path(folder), submissions)
        measured = [_round(scratch, number) for number in range(rounds)]
    table = Table("what", "compared with", "seconds", "seconds", "ratio", title="medians")
    for what, mine, other in startup:
        table.add_row(what, "python -c pass", f"{mine:.3f}", f"{other:.3f}", f"{mine / other:.2f}")
    ours, theirs = median(m.ours for m in measured), median(m.theirs for m in measured)
    table.add_row(
        f"grade a notebook (class of {submissions})",
        "nbgrader autograde",
        f"{ours:.3f}",
        f"{theirs:.3f}",
        f"1 : {median(m.theirs / m.ours for m in measured):.1f}",
    )
    timings = measured[-1].timings
    floor = timings["own_cells"] / GradingOptions().workers
    table.add_row(
        "the same",
        "running only the students' cells",
        f"{ours:.3f}",
        f"{floor:.3f}",
        f"{ours / floor:.2f}",
    )
    console.print(table)
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in timings.items())
    console.print(f"medians per submission: {parts}")
    return 0


def _round(course: CourseDirectory, number: int) -> _Round:
    """Grade the class once, and a part of it with nbgrader."""
    from autograder.classroom.report import UnitSummary
    from autograder.grading import GradingOptions, Outcome, grade

    def theirs() -> None:
        command = [sys.executable, "-m", "nbgrader", "autograde", UNIT, "--force"]
        command += [f"--student=s0{number % 4}[0-{THEIRS - 1}]"]
        subprocess.run(command, cwd=course.root, check=True, capture_output=True)

    outcomes: list[Outcome] = []
    their_wall, _ = _timed(theirs)
    our_wall, our_cpu = _timed(lambda: outcomes.extend(grade(course, options=GradingOptions())))
    wrong = [outcome for outcome in outcomes if outcome.score != outcome.max_score]
    if wrong:
        raise RuntimeError(f"{len(wrong)} right submissions lost points: {wrong[0]}")
    timings = UnitSummary(UNIT, outcomes).timings | {"grader_cpu": our_cpu / len(outcomes)}
    return _Round(our_wall / len(outcomes), their_wall / THEIRS, timings)


def _startup(runs: int = 5) -> list[tuple[str, float, float]]:
    """Time `--help` of both command lines, and a Python that does nothing; medians."""

    def seconds(command: list[str]) -> float:
        return _timed(lambda: subprocess.run(command, check=True, capture_output=True))[0]

    folder = Path(sys.executable).parent
    found = []
    for name in ("course", "autograder"):
        tool, nothing = [str(folder / name), "--help"], [sys.executable, "-c", "pass"]
        times = [(seconds(tool), seconds(nothing)) for _ in range(runs)]
        mine, other = zip(*times, strict=True)
        found.append((f"{name} --help", median(mine), median(other)))
    return found
