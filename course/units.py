"""How long each unit takes and what it builds on (`units.toml`), for tables of the course."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("units.toml")


@dataclass(frozen=True)
class Effort:
    """What a unit asks of a student.

    Attributes:
        lecture_hours: about how long the lecture takes, its cells run and tried.
        assignment_hours: about how long the assignment takes.
        after: the units that it builds on.
    """

    lecture_hours: float
    assignment_hours: float
    after: tuple[str, ...]


def efforts() -> dict[str, Effort]:
    """Return what each of this course's units asks of a student."""
    table = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return {
        unit: Effort(row["lecture_hours"], row["assignment_hours"], tuple(row["after"]))
        for unit, row in table.items()
    }
