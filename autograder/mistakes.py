"""The mistakes that many students of a class have made, from what failed checks say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autograder.grading import Outcome
from autograder.grading.outcome import Failure

# What autograder.checks says of an answer that is not there.
UNWRITTEN = "it is not written yet"
_HINT = "\nHint: "


@dataclass
class Mistake:
    """What several failed checks of a question have in common.

    Attributes:
        question: the question's grade id.
        cause: the hint that the checks gave; without one, the check's name.
        checks: the names of the checks.
        students: who has made it, each once.
        example: the message to one of them.
    """

    question: str
    cause: str
    checks: list[str] = field(default_factory=list)
    students: list[str] = field(default_factory=list)
    example: str = ""


def mistakes(outcomes: Iterable[Outcome]) -> list[Mistake]:
    """Group the failures of a class, and return the most common mistakes first.

    Checks that give the same hint found the same mistake. An unwritten answer is no mistake, and a
    submission that was set aside has made none.
    """
    found: dict[tuple[str, str], Mistake] = {}
    for outcome in outcomes:
        for question in outcome.questions:
            for failure in question.failures if question.score is not None else []:
                if UNWRITTEN in failure.message:
                    continue
                message, cause = _split(failure)
                key = (question.question, cause)
                mistake = found.setdefault(key, Mistake(*key, example=message))
                if failure.check not in mistake.checks:
                    mistake.checks.append(failure.check)
                if outcome.student not in mistake.students:
                    mistake.students.append(outcome.student)
    return sorted(found.values(), key=lambda mistake: -len(mistake.students))


def unwritten(outcomes: Iterable[Outcome]) -> list[tuple[list[str], list[str]]]:
    """Return the questions without an answer and whose they are, most students first.

    Questions that the same students left out are together.
    """
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        for question in outcome.questions:
            if any(UNWRITTEN in failure.message for failure in question.failures):
                found.setdefault(question.question, []).append(outcome.student)
    together: dict[tuple[str, ...], list[str]] = {}
    for name, students in found.items():
        together.setdefault(tuple(students), []).append(name)
    groups = [(questions, list(students)) for students, questions in together.items()]
    return sorted(groups, key=lambda group: -len(group[1]))


def _split(failure: Failure) -> tuple[str, str]:
    """Return the message and what it has in common with others: the hint, or the check."""
    message, _, hint = failure.message.partition(_HINT)
    return message, hint.strip() or failure.check
