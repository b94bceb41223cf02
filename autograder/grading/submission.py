"""A submission on its way from its folder to the gradebook."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from autograder.engine.intake import RebuiltNotebook


@dataclass
class Submission:
    """What is known of a submission before it is recorded.

    Attributes:
        unit, student: which submission it is.
        fingerprint: a digest of what its outcome depends on.
        notebooks: the rebuilt notebooks by name.
        files: other submitted files by name, and the instructor's.
        problems: why a human has to look at it.
        started: when work on it began, as a monotonic time.
    """

    unit: str
    student: str
    fingerprint: str
    notebooks: dict[str, RebuiltNotebook] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
