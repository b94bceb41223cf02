"""The mistakes that many students of a class have made, from what failed checks say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autograder.grading import Outcome


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
                if failure.is_unwritten:
                    continue
                key = (question.question, failure.hint or failure.check)
                mistake = found.setdefault(key, Mistake(*key, example=failure.message))
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
            if any(failure.is_unwritten for failure in question.failures):
                found.setdefault(question.question, []).append(outcome.student)
    together: dict[tuple[str, ...], list[str]] = {}
    for name, students in found.items():
        together.setdefault(tuple(students), []).append(name)
    groups = [(questions, list(students)) for students, questions in together.items()]
    return sorted(groups, key=lambda group: -len(group[1]))
