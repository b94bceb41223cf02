"""What a student of a made-up class hands in, and the score it deserves.

The classes lie beside this file, one a unit. The deserved scores in them are written down by hand,
from the points of the assignment, without those of the question that is marked by hand; nothing in
them looks at what the autograder gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ANSWERS = Path(__file__).parent / "answers"
# Ends the process: the instructor should look at it, and what stands behind it is not graded.
GIVES_UP = "import os\n\nos._exit(0)"


@dataclass(frozen=True)
class Sample:
    """One student's submission.

    Attributes:
        student: the name it is handed in under.
        story: what is special about it.
        deserved: the score it should get.
        status: how grading should end.
        answers: solution cells that replace those of `base`.
        base: ``"solution"``, ``"alternatives"`` (other right answers, those that the release gates
            try), ``"untouched"`` or the name of a file of answers.
        damage: turns the notebook's bytes into those that are handed in.
    """

    student: str
    story: str
    deserved: float
    status: str = "graded"
    answers: Mapping[str, str] | None = None
    base: str = "solution"
    damage: Callable[[bytes], bytes] = bytes


def read_answers(name: str) -> dict[str, str]:
    """Solution cells by grade id, from a script whose sections begin with ``# %% grade_id``."""
    _, *parts = re.split(r"^# %% (\w+)\n", (ANSWERS / f"{name}.py").read_text(), flags=re.M)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def unwritten(*names: str) -> dict[str, str]:
    """Solution cells that were never filled in."""
    return dict.fromkeys(names, "raise NotImplementedError()")
