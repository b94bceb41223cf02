"""How fast: each figure beside something it can be compared with, measured in turn.

Machines differ and are shared; a ratio of two things timed alternately in one run says more than
seconds. Nothing here is a test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autograder.course import Course
from autograder.progress import bar, console

RUNS = 5
SUBMISSIONS = 3


def alternate(first: Callable, second: Callable, runs: int = RUNS) -> tuple[float, float, float]:
    """Median seconds of two functions run in turn, and the median of their ratios pair by pair."""
    pairs = []
    for _ in range(runs):
        times = []
        for function in (first, second):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        pairs.append(times)
    return (
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
        median(a / b for a, b in pairs),
    )


def _process(*command: str) -> Callable:
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _startup() -> list[tuple]:
    """`--help` of both command lines against a Python that does nothing."""
    folder = Path(sys.executable).parent
    nothing = _process(sys.executable, "-c", "pass")
    return [
        (
            f"{name} --help",
            "python -c pass",
            *alternate(_process(str(folder / name), "--help"), nothing),
        )
        for name in ("course", "autograder")
    ]


def _grading(course: Course) -> list[tuple]:
    """Our `grade` against `nbgrader autograde`, on right submissions of the first unit."""
    from autograder.gates import generate
    from autograder.grading import grade

    unit = course.units()[0]
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as folder:
        root = Path(folder)
        if (config := course.root / "nbgrader_config.py").exists():
            shutil.copy(config, root)
        scratch = Course(root)
        shutil.copytree(course.path("source", ".", unit), scratch.path("source", ".", unit))
        if problems := generate(scratch, unit):
            raise RuntimeError("; ".join(problems))
        for number in range(SUBMISSIONS):
            student = scratch.path("submitted", f"student{number}", unit)
            shutil.copytree(scratch.path("source", ".", unit), student)

        def ours():
            grade(scratch)

        def theirs():
            command = [sys.executable, "-m", "nbgrader", "autograde", unit, "--force"]
            subprocess.run(command, cwd=root, check=True, capture_output=True)

        seconds = alternate(ours, theirs, runs=2)
    ours_each, theirs_each = (value / SUBMISSIONS for value in seconds[:2])
    return [(f"grade, a {unit} notebook", "nbgrader autograde", ours_each, theirs_each, seconds[2])]


def run_bench(course: Course) -> int:
    """Run every part and print one table."""
    from rich.table import Table

    table = Table("what", "against", "seconds", "seconds", "ratio", title="medians, run in turn")
    parts = [_startup, lambda: _grading(course)]
    with bar() as progress:
        task = progress.add_task("bench", total=len(parts), note="")
        for part in parts:
            for what, against, first, second, ratio in part():
                table.add_row(what, against, f"{first:.3f}", f"{second:.3f}", f"{ratio:.2f}")
            progress.update(task, advance=1)
    console.print(table)
    return 0
