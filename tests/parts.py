"""What `make test` runs of the tests that take long, and which of them have a ledger.

A test marked `whole` runs with ``pytest --whole`` alone, as `make test-all` does. Of many that are
alike, `by_day` leaves some unmarked, others on each day. ``TEST_DAY=2026-11-27`` runs those of
another day again.
"""

import os
import subprocess
from collections.abc import Callable, Iterable
from datetime import date
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from autograder import ledgers
from autograder.scoring import scoring_files
from autograder.source_digests import source_digests

ROOT = ledgers.PROJECT
# All workers must have the same day, at midnight too.
DAY = date.fromisoformat(os.environ.setdefault("TEST_DAY", date.today().isoformat()))
UNITS = sorted(path.stem for path in (ROOT / "solutions").glob("*/[0-9][0-9]_*.ipynb"))
# Files that tests read and do not import.
READ = {
    "tests/test_project.py": ("*.md", "*.toml", "*.txt", "Makefile", "*.cff", ".github/*"),
    "tests/test_readme.py": ("*.md",),
    "tests/test_setup.py": ("setup.sh",),
    "tests/course/test_units.py": ("solutions/*", "assignments/*"),
    "tests/course/test_answers.py": ("solutions/*", "tests/answers/*"),
    "tests/course/test_unit_*.py": ("course/lectures/*", "data/lectures/*"),
    "tests/course/test_coverage.py": ("docs/coverage.csv",),
    "tests/course/test_listing.py": ("course/listing/*",),
    "tests/course/student/*": ("course/student/settings/*",),
    "tests/autograder/deploy/*": ("docs/deploy/*", "docs/cluster/*"),
    "tests/autograder/test_handout.py": ("autograder/templates/handout/*",),
    "tests/autograder/test_report.py": ("autograder/templates/report.html",),
    "tests/autograder/test_marking.py": ("autograder/templates/mark.html",),
    "tests/autograder/test_grading.py": ("autograder/templates/feedback/*",),
    "tests/autograder/test_formgrader.py": ("autograder/templates/nbconvert/*",),
}
# In the reason of a skip: what was asked for was not tried, so no ledger may say that it was.
NOT_HERE = "does not work on this machine"
# Grading starts these in processes of their own, so no test imports all of them.
SCORING = [path.relative_to(ROOT).as_posix() for path in scoring_files()]
# Files of tests, and other files that they use; what they import of the packages is found.
PARTS = {
    "sweep": (
        "tests/course/architectures/test_sweep.py",
        "tests/course/architectures/test_jax.py",
        "tests/course/architectures/numbers.py",
        "tests/course/architectures/conftest.py",
        "tests/facts/architectures.json",
    ),
    "transfer": ("tests/course/test_transfer.py",),
    "hostile": ("tests/hostile/**/*.py", *SCORING),
    "sandbox": ("tests/autograder/sandbox/*.py",),
    "training_kills": (
        "tests/course/training/test_resume.py",
        "tests/course/training/test_multiworker.py",
        "tests/course/training/test_data_parallel.py",
        "tests/course/training/runs.py",
        "tests/course/training/conftest.py",
    ),
    "grading_kills": (
        "tests/autograder/test_runs.py",
        "tests/autograder/test_grading.py",
        "tests/autograder/conftest.py",
        *SCORING,
    ),
}


def whole(config: pytest.Config) -> bool:
    """Whether nothing is to be left out of what runs."""
    return bool(config.getoption("whole") or config.getoption("record"))


@cache
def _part_of_file() -> dict[str, str]:
    names = ((part, path) for part, patterns in PARTS.items() for path in _files(patterns))
    return {path.relative_to(ROOT).as_posix(): part for part, path in names}


def part_of(nodeid: str) -> str | None:
    """The part with a ledger that a test belongs to."""
    return _part_of_file().get(nodeid.partition("::")[0])


def has_ledger(subject: str) -> bool:
    """Whether a whole run of a unit or a part was recorded; without one nothing is left out."""
    return ledgers.Ledger.read(ROOT, subject) is not None


def digests(part: str) -> dict[str, str]:
    """Digests of all that a part's outcome depends on."""
    return ledgers.of_files(_files(PARTS[part]))


def stale() -> dict[str, list[str]]:
    """Parts whose ledger no longer holds, and what has changed."""
    found = {p: ledgers.changed(ledgers.Ledger.read(ROOT, p), digests(p)) for p in PARTS}
    return {part: names for part, names in found.items() if names}


@cache
def touched(commit: str) -> frozenset[Path]:
    """Files of tests that have changed since a commit, or import or read what has."""
    git = ["git", "-C", str(ROOT)]
    names = [
        *_lines([*git, "diff", "--name-only", "--relative", commit]),
        *_lines([*git, "ls-files", "--others", "--exclude-standard"]),
    ]
    files = ROOT.glob("tests/**/test_*.py") if names else []
    return frozenset(file for file in files if any(map(_needed_by(file), names)))


def _needed_by(file: Path) -> Callable[[str], bool]:
    """Return a function that says of a file's name whether tests in `file` depend on it."""
    around = [folder / "conftest.py" for folder in file.parents if folder.is_relative_to(ROOT)]
    first = [file, *filter(Path.exists, around)]
    imported = source_digests(first, ("course", "autograder", "tests")).keys()
    test = file.relative_to(ROOT).as_posix()
    read = [pattern for tests, patterns in READ.items() for pattern in patterns
            if fnmatch(test, tests)]  # fmt: skip
    return lambda name: name in imported or any(fnmatch(name, pattern) for pattern in read)


def _lines(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise pytest.UsageError(f"--changed asks git, which says: {done.stderr.strip()}")
    return done.stdout.splitlines()


def sample(items: Iterable, count: int, seed: str) -> list:
    """Today's items: as many as `count`, others on each day."""
    return ledgers.sample(items, count, DAY, seed)


def by_day(items: Iterable, count: int, seed: str) -> list:
    """Parameters of a test, all but `count` of them marked `whole`.

    Args:
        items: the parameters; a tuple has the values of several arguments.
        count: how many run in `make test`.
        seed: the order in which they take turns.
    """
    items = [item if isinstance(item, tuple) else (item,) for item in items]
    chosen = set(sample(range(len(items)), count, seed))
    whole = pytest.mark.whole
    return [pytest.param(*i, marks=() if n in chosen else whole) for n, i in enumerate(items)]


def _files(patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
