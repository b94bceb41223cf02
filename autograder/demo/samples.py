"""What a student of a made-up class submits, and the score that this deserves.

The classes are in the modules beside this one, one per unit. Their deserved scores were worked out
by hand from the assignment's points, without those of the question that is graded by hand. They do
not depend on what the autograder gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ANSWERS = Path(__file__).parent / "answers"
# Ends the process: an instructor should look at it, and what follows it is not graded.
GIVES_UP = "import os\n\nos._exit(0)"


@dataclass(frozen=True)
class Sample:
    """One student's submission.

    Attributes:
        student: the student's name.
        story: what is special about the submission.
        deserved: the score that it should get.
        status: the status that it should get.
        answers: solution cells that replace those of `base`.
        base: ``"solution"``, ``"alternatives"`` (the other right answers that the release gates
            try), ``"untouched"`` or the name of a file of answers.
        damage: turns the notebook's bytes into those that are submitted.
    """

    student: str
    story: str
    deserved: float
    status: str = "graded"
    answers: Mapping[str, str] | None = None
    base: str = "solution"
    damage: Callable[[bytes], bytes] = bytes


def read_answers(name: str) -> dict[str, str]:
    """Read solution cells by grade id from a script with sections ``# %% grade_id``."""
    _, *parts = re.split(r"^# %% (\w+)\n", (ANSWERS / f"{name}.py").read_text(), flags=re.M)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def unwritten(*names: str) -> dict[str, str]:
    """Return solution cells that were never filled in."""
    return dict.fromkeys(names, "raise NotImplementedError()")
