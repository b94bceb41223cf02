"""What is known of one submission when grading is done."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from autograder.checks import FAILED, MORE

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


def failures_of(cell) -> list[Failure]:
    """What a graded cell's outputs say went wrong, in the order in which they say it."""
    found: list[Failure] = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            found += _failed_checks(output.text)
        elif output.output_type == "error":
            text = _ANSI.sub("", output.evalue)
            found += _failed_checks(text) or [Failure(output.ename, text.strip() or output.ename)]
    return found


def _failed_checks(text: str) -> list[Failure]:
    """Parse the lines that :meth:`autograder.checks.Question.score` writes."""
    found: list[Failure] = []
    for line in text.splitlines():
        if line.startswith(FAILED):
            check, _, message = line.removeprefix(FAILED).strip().partition(": ")
            found.append(Failure(check, message))
        elif line.startswith(MORE) and found:
            found[-1].message += f" {line.strip()}"
        elif line.startswith("  ") and found:
            found[-1].message += "\n" + line.strip()
    return found
