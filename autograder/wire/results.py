"""What the checks of a graded cell found, as data.

A question reports its result when it is scored. The judge collects these reports and hands them
over; nobody has to read the text that a cell prints for people, to which a student's code can add.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What a check says of an answer that is not there.
UNWRITTEN = "it is not written yet"


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
    def text(self) -> str:
        """The message with the hint under it, as a cell shows it."""
        return (
            f"{self.message}\n  Hint: {self.hint}" if self.hint and self.message else self.message
        )

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
        return {
            "question": str(self.question),
            "points": float(self.points),
            "score": float(self.score),
            "checks": [
                {
                    "check": str(check.check),
                    "share": float(check.share),
                    "credit": float(check.credit),
                    "message": str(check.message),
                    "hint": str(check.hint),
                    "conditional": bool(check.conditional),
                }
                for check in self.checks
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QuestionResult:
        """Rebuild a result from what :meth:`to_json` gave."""
        checks = tuple(CheckResult(**check) for check in data["checks"])
        return cls(data["question"], data["points"], data["score"], checks)


# The exception that a question raises when nothing was earned; its report is in the results.
FAILED_QUESTION = "ChecksFailed"

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


MAX_RESULTS, MAX_CHECKS, MAX_TEXT = 20, 500, 10_000


def claimed(data: object) -> list[QuestionResult]:
    """Return the results in what a student's process sent, as far as it holds any.

    Nothing says that they are true, only that they are of the types and sizes that results have.
    """
    found: list[QuestionResult] = []
    for item in data[:MAX_RESULTS] if isinstance(data, list) else []:
        match item:
            case {
                "question": str(name),
                "points": int() | float() as points,
                "score": int() | float() as score,
                "checks": list(checks),
            } if _are_numbers(points, score):
                kept = tuple(filter(None, map(_claimed_check, checks[:MAX_CHECKS])))
                found.append(QuestionResult(name[:MAX_TEXT], float(points), float(score), kept))
    return found


def _are_numbers(*values: float) -> bool:
    """Return whether values fit in floats, and are neither infinite nor NaN."""
    return all(abs(value) <= sys.float_info.max for value in values)


def _claimed_check(data: object) -> CheckResult | None:
    match data:
        case {
            "check": str(check),
            "share": int() | float() as share,
            "credit": int() | float() as credit,
            "message": str(message),
            "hint": str(hint),
            "conditional": bool(conditional),
        } if _are_numbers(share, credit):
            name, message, hint = (text[:MAX_TEXT] for text in (check, message, hint))
            return CheckResult(name, float(share), float(credit), message, hint, conditional)
    return None
