"""The code that decides what a submission scores.

Whoever has to know whether old scores still hold looks at these files, so the lists stand here
once. There are two, since a wrong "still holds" costs differently. The ledgers of whole runs depend
on `SCORING_CODE`: what decides whether an answer is right. To record one takes hours, and how a
score is written down is for quick tests to check. ``--resume`` depends on `GRADING_CODE` as well,
which turns answers into the marks of a class: to grade a class again takes minutes, and no student
may keep a mark that the code of today would not give.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).parent
# Files and folders, relative to this package. What they import of `course` counts, too.
SCORING_CODE = ("checks", "engine", "wire", "context.py", "scoring.py")
GRADING_CODE = (
    "grading/calibration.py",
    "grading/outcome.py",
    "grading/record.py",
    "grading/release.py",
    "grading/run.py",
    "sandbox/limits.py",
)


def scoring_files() -> list[Path]:
    """Return the Python files and data files of `SCORING_CODE`, sorted."""
    return _files(SCORING_CODE)


def grading_files() -> list[Path]:
    """Return the files of `SCORING_CODE` and of `GRADING_CODE`, sorted."""
    return _files([*SCORING_CODE, *GRADING_CODE])


def _files(names: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = _PACKAGE / name
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [p for p in inside if p.is_file() and p.suffix in (".py", ".json")]
    return sorted(found)
