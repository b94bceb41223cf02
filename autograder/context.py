"""What a process that runs a notebook knows about it: whose it is, and how its questions draw.

The grader sets this in both processes of a submission; in a student's own notebook nobody does.
"""

from __future__ import annotations

import os
import random

_student: str | None = None
_seeds: random.Random = random.SystemRandom()


def student() -> str | None:
    """Return the ID that the notebook is handed in under, or None if it is not known.

    The grader sets it; on a JupyterHub it is the user's name.
    """
    return _student or os.environ.get("JUPYTERHUB_USER")


def is_grading() -> bool:
    """Return whether a grader runs this process: this one, or nbgrader's autograde or validate."""
    return _student is not None or "NBGRADER_EXECUTION" in os.environ


def set_student(name: str | None) -> None:
    """Set whose notebook runs in this process."""
    global _student
    _student = name


def seed_questions(seed: int) -> None:
    """Make the inputs that questions draw from now on reproducible.

    A grading run that is resumed then asks what it asked before.
    """
    global _seeds
    _seeds = random.Random(seed)


def question_random() -> random.Random:
    """Return the source of random inputs for one question."""
    return random.Random(_seeds.getrandbits(64))
