"""What is known of one submission when grading is done."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from autograder.engine.job import CellResult
from autograder.wire.results import FAILED_QUESTION

GRADED, FLAGGED, NEEDS_HUMAN = "graded", "flagged", "needs a human"


@dataclass
class Failure:
    """One check that failed: its name, and its message for the student."""

    check: str
    message: str


@dataclass
class QuestionScore:
    """One graded cell.

    Attributes:
        score: None if a person has to mark it.
        protected: whether its test was judged apart from the student's code, where no score can be
            forged.
        reason: why not, or what else an instructor should know of it.
    """

    question: str
    score: float | None
    max_score: float
    failures: list[Failure] = field(default_factory=list)
    protected: bool = True
    reason: str = ""

    @property
    def perfect(self) -> bool:
        """Whether it has full points and no failure; a failed example costs nothing by itself."""
        return self.score is not None and self.score >= self.max_score and not self.failures

    @property
    def messages(self) -> str:
        """The messages of all failures."""
        return "; ".join(failure.message for failure in self.failures)


@dataclass
class Outcome:
    """Where one submission ended. `reason` says why it is not simply graded.

    Attributes:
        recorded: False if it is not in the gradebook; then it is graded again with `--resume`.
        late_seconds, penalty: after the due date, and the points that this costs.
    """

    unit: str
    student: str
    status: str
    reason: str = ""
    questions: list[QuestionScore] = field(default_factory=list)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    isolation: str = ""  # how the student's code was shut off
    recorded: bool = True
    late_seconds: float = 0.0
    penalty: float = 0.0

    def leave_to_a_human(self, reason: str, *, recorded: bool = True) -> None:
        """Note why a person has to look at it."""
        self.status = NEEDS_HUMAN
        self.reason = "; ".join(filter(None, [self.reason, reason]))
        self.recorded = self.recorded and recorded

    @property
    def marked(self) -> bool:
        """Whether anything has a score; if not, it was set aside."""
        return any(question.score is not None for question in self.questions)

    @property
    def score(self) -> float:
        return sum(question.score or 0 for question in self.questions)

    @property
    def max_score(self) -> float:
        return sum(question.max_score for question in self.questions)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"score": self.score, "max_score": self.max_score}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        questions = [
            QuestionScore(**q | {"failures": [Failure(**f) for f in q["failures"]]})
            for q in data["questions"]
        ]
        names = {field.name for field in fields(cls)} - {"questions"}
        return cls(questions=questions, **{key: data[key] for key in names & data.keys()})


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def failures_of(ran: CellResult) -> list[Failure]:
    """What a graded cell found wrong, in order.

    Its questions say it as data. What the cell printed is for people, and does not count, since a
    student's code can print, too.
    """
    failed = [check for result in ran.results for check in result.checks if not check.passed]
    found = [Failure(check.check, _in_lines(check.message, check.hint)) for check in failed]
    for output in ran.outputs:
        if output["output_type"] == "error" and not (found and output["ename"] == FAILED_QUESTION):
            text = _ANSI.sub("", output["evalue"]).strip()
            found.append(Failure(output["ename"], text or output["ename"]))
    return found


def _in_lines(message: str, hint: str) -> str:
    return f"{message}\nHint: {hint}" if hint else message
