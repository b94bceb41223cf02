"""How fast: each figure beside something it can be compared with, measured in turn.

Machines differ and are shared; a ratio of two things timed alternately in one run says more than
seconds. Nothing here is a test.
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

from autograder.course_directory import CourseDirectory
from autograder.progress import console

SUBMISSIONS = 40
ROUNDS = 3
# nbgrader grades this many in a round: it takes as long for each, one after the other.
THEIRS = 8

# A small unit of the usual kind: build a model, train it a little, look at what it has become.
_CELLS = (
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
    """A course of one small unit, released, with right submissions."""
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


def _timed(function: Callable) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process and of those it waited for."""

    def cpu():
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, kinds))

    wall, used = time.perf_counter(), cpu()
    function()
    return time.perf_counter() - wall, cpu() - used


def run_bench(course: CourseDirectory, submissions: int = SUBMISSIONS, rounds: int = ROUNDS) -> int:
    """Grade a class with nbgrader and with this engine in turn, and print what each took."""
    from rich.table import Table

    from autograder.grading import GradingOptions

    del course  # the class is made here; the option is there as for every command
    startup = _startup()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as folder:
        scratch = _course(Path(folder), submissions)
        pairs = [_round(scratch, number) for number in range(rounds)]
    table = Table("what", "against", "seconds", "seconds", "ratio", title="medians, run in turn")
    for what, mine, other in startup:
        table.add_row(what, "python -c pass", f"{mine:.3f}", f"{other:.3f}", f"{mine / other:.2f}")
    ours, theirs = (median(pair[i] for pair in pairs) for i in (0, 1))
    table.add_row(
        f"grade a notebook ({submissions} in a class)",
        "nbgrader autograde",
        f"{ours:.3f}",
        f"{theirs:.3f}",
        f"1 : {median(b / a for a, b, _ in pairs):.1f}",
    )
    stages = pairs[-1][2]
    floor = stages["own_cells"] / GradingOptions().workers
    table.add_row(
        "the same",
        "their own cells alone, the floor",
        f"{ours:.3f}",
        f"{floor:.3f}",
        f"{ours / floor:.2f}",
    )
    console.print(table)
    console.print("a submission, medians: " + ", ".join(f"{k} {v:.3f}" for k, v in stages.items()))
    return 0


def _round(course: CourseDirectory, number: int) -> tuple[float, float, dict[str, float]]:
    """Seconds a notebook of both, start-up of everything included, and our stages."""
    from autograder.grading import GradingOptions, grade
    from autograder.report import UnitSummary

    def theirs():
        command = [sys.executable, "-m", "nbgrader", "autograde", UNIT, "--force"]
        command += [f"--student=s0{number % 4}[0-{THEIRS - 1}]"]
        subprocess.run(command, cwd=course.root, check=True, capture_output=True)

    outcomes = []
    their_wall, _ = _timed(theirs)
    our_wall, our_cpu = _timed(lambda: outcomes.extend(grade(course, options=GradingOptions())))
    wrong = [outcome for outcome in outcomes if outcome.score != outcome.max_score]
    if wrong:
        raise RuntimeError(f"{len(wrong)} right submissions were marked down: {wrong[0]}")
    stages = UnitSummary(UNIT, outcomes).stages | {"grader_cpu": our_cpu / len(outcomes)}
    return our_wall / len(outcomes), their_wall / THEIRS, stages


def _startup(runs: int = 5) -> list[tuple[str, float, float]]:
    """`--help` of both command lines, against a Python that does nothing."""
    folder = Path(sys.executable).parent
    found = []
    for name in ("course", "autograder"):
        commands = [str(folder / name), "--help"], [sys.executable, "-c", "pass"]
        times = [
            [
                _timed(lambda c=c: subprocess.run(c, check=True, capture_output=True))[0]
                for c in commands
            ]
            for _ in range(runs)
        ]
        found.append((f"{name} --help", *(median(column) for column in zip(*times, strict=True))))
    return found
