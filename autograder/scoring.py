"""The code that decides what a submission scores.

Whoever has to know whether old scores still hold (``--resume``, the ledgers of whole runs) looks at
these files, so the list stands here once.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
# Files and folders, relative to this package. What they import of `course` counts, too.
SCORING_CODE = ("checks", "engine", "wire", "context.py", "scoring.py")


def scoring_files() -> list[Path]:
    """Return the Python files and data files of `SCORING_CODE`, sorted."""
    found: list[Path] = []
    for name in SCORING_CODE:
        path = _PACKAGE / name
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [p for p in inside if p.is_file() and p.suffix in (".py", ".json")]
    return sorted(found)
