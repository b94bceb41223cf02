"""A lecture's numbers for several seeds: recorded once, and read by the lecture's tables.

Such a lecture has a line ``SEED = 1``, seeds its measurements with it, and keeps the results in a
dict ``numbers``. ``python -m course.training.seeds 07_residual`` runs it with one seed after
another, asserts included, and writes ``data/lectures/07_residual.json``.

    >>> from course.training import seeds
    >>> seeds.load("07_residual")["loss: plain, 32 layers"]
    [1.169, 1.255, 1.26, 1.343, 1.542]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from course._files import project_path, write_text
from course.errors import UsageError
from course.training.versions import versions

FOLDER = project_path("data", "lectures")
LECTURES = project_path("course", "lectures")
DIGITS = 4  # of each number in a record
_SEED = re.compile(r"^SEED = 1$", re.MULTILINE)
_recording = False


def load(lecture: str, folder: Path | None = None) -> dict[str, list[float]]:
    """Return the recorded numbers of a lecture: for each name one number per seed.

    Args:
        lecture: name of its script: "07_residual".
        folder: of the records; None for the course's own.

    Raises:
        FileNotFoundError: nothing is recorded for this lecture.
    """
    if _recording:  # the record is being made right now
        return defaultdict(lambda: [math.nan])
    return json.loads(_path(lecture, folder).read_text())["numbers"]


def columns(
    recorded: Mapping[str, Sequence[float]], names: Sequence[str], here: Mapping[str, float]
) -> list[tuple[str, ...]]:
    """Return the rows of a table: one per seed, and a last one for the numbers of this run.

    Args:
        recorded: from :func:`load`.
        names: one per column.
        here: this run's numbers by name.

    Returns:
        Rows of text; the first column names the seed.
    """
    by_seed = zip(*(recorded[name] for name in names), strict=True)
    rows = [(str(seed), *map(text, row)) for seed, row in enumerate(by_seed, start=1)]
    return [*rows, ("this run", *(text(here[name]) for name in names))]


def span(values: Sequence[float]) -> str:
    """Format the smallest and the largest value: "0.41 to 0.52"."""
    return f"{text(min(values))} to {text(max(values))}"


def text(value: float) -> str:
    """Format with two decimals, or fewer for large numbers."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{1 if abs(value) >= 10 else 2}f}"


def _path(lecture: str, folder: Path | None = None) -> Path:
    return (folder or FOLDER) / f"{lecture}.json"


def numbers_with(lecture: str, seed: int) -> dict[str, float]:
    """Run a lecture with a seed, and return its numbers.

    Raises:
        UsageError: the lecture has no line ``SEED = 1``.
        AssertionError: a claim of the lecture does not hold with this seed.
    """
    source, count = _SEED.subn(f"SEED = {seed}", (LECTURES / f"{lecture}.py").read_text())
    if count != 1:
        raise UsageError(f"A lecture must have one line 'SEED = 1'; {lecture} has {count}.")
    namespace: dict[str, Any] = {"__name__": lecture}
    with contextlib.redirect_stdout(io.StringIO()), _recorded_anew():
        exec(compile(source, lecture, "exec"), namespace)
    return {
        name: float(f"{value:.{DIGITS}g}") for name, value in sorted(namespace["numbers"].items())
    }


@contextlib.contextmanager
def _recorded_anew() -> Iterator[None]:
    global _recording
    _recording = True
    try:
        yield
    finally:
        _recording = False


def record(lecture: str, count: int, folder: Path | None = None) -> Path:
    """Run a lecture with the seeds 1 to `count`, and record its numbers."""
    start = time.perf_counter()
    runs = [numbers_with(lecture, seed) for seed in range(1, count + 1)]
    found = {
        "numbers": {name: [run[name] for run in runs] for name in runs[0]},
        "seconds": round(time.perf_counter() - start),
        "versions": versions(),
    }
    path = _path(lecture, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(found, indent=1) + "\n")
    return path


def main() -> None:
    """Record a lecture from the command line."""
    parser = argparse.ArgumentParser(prog="python -m course.training.seeds", description=__doc__)
    parser.add_argument("lecture", help="name of the script: 07_residual")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: 5)")
    arguments = parser.parse_args()
    print(record(arguments.lecture, arguments.seeds))


if __name__ == "__main__":
    from course.training import seeds  # the module that the lecture imports, not a second one

    seeds.main()
