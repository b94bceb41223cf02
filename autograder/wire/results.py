"""What the checks of a graded cell found, as data.

A question reports its result when it is scored. The judge collects these reports and hands them
over; nobody has to read the text that a cell prints for people, to which a student's code can add.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
        check: its name in words.
        share: what it is worth, relative to the other checks of its question; 0 for an example.
        credit: how much of that was earned, from 0 to 1.
        message: what is wrong, as a sentence; "" if nothing is.
        hint: where to look, or the known cause of the mistake.
        conditional: whether it counts only if a check that is not conditional earned something.
    """

    check: str
    share: float
    credit: float
    message: str = ""
    hint: str = ""
    conditional: bool = False

    @property
    def passed(self) -> bool:
        """Whether the check earned all that it is worth."""
        return self.credit >= 1


@dataclass(frozen=True)
class QuestionResult:
    """All checks of a question.

    Attributes:
        question: its name.
        points: what it is worth.
        score: what was earned.
        checks: the checks in the order in which they were made; first, with a share of 0, the rules
            of the text that were broken.
    """

    question: str
    points: float
    score: float
    checks: tuple[CheckResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QuestionResult:
        """Rebuild a result from what :meth:`to_json` gave."""
        checks = tuple(CheckResult(**check) for check in data["checks"])
        return cls(data["question"], data["points"], data["score"], checks)


_collected: list[QuestionResult] | None = None


def report(result: QuestionResult) -> None:
    """Add a result to those being collected, if any are."""
    if _collected is not None:
        _collected.append(result)


@contextlib.contextmanager
def collecting() -> Iterator[list[QuestionResult]]:
    """Collect the results that are reported inside.

    Example:
        >>> with collecting() as results:
        ...     report(QuestionResult("1. Sizes", points=2, score=1.5))
        >>> [result.score for result in results]
        [1.5]
    """
    global _collected
    before, _collected = _collected, []
    try:
        yield _collected
    finally:
        _collected = before
