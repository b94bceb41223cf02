"""The outcome of grading a submission."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from autograder.engine.job import CellResult
from autograder.wire.results import FAILED_QUESTION, UNWRITTEN

GRADED, FLAGGED, NEEDS_HUMAN = "graded", "flagged", "needs a human"


@dataclass
class Failure:
    """A check that failed: its name, its message to the student, and its hint if it has one."""

    check: str
    message: str
    hint: str = ""

    @property
    def is_unwritten(self) -> bool:
        """Whether it failed because there is no answer yet."""
        return UNWRITTEN in self.message

    @property
    def text(self) -> str:
        """The message with the hint under it."""
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


@dataclass
class QuestionScore:
    """The score of a graded cell.

    Attributes:
        question: the cell's grade id.
        score: None if a human has to grade it.
        max_score: its points.
        failures: the checks that failed.
        protected: whether its test ran separately from the student's code, so that the score cannot
            be forged.
        reason: why it is not protected, or what else an instructor should know about it.
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
        return "; ".join(failure.text for failure in self.failures)


@dataclass
class Outcome:
    """How a submission ended.

    Attributes:
        unit, student: which submission.
        status: GRADED, FLAGGED (graded, but an instructor should look at it) or NEEDS_HUMAN.
        reason: why the status is not GRADED.
        questions: the scores of its graded cells.
        seconds: how long it took.
        timings: seconds of each stage.
        isolation: the name of the isolation that students' code ran in.
        replayed: whether it was judged by what its code did in an earlier run.
        recorded: False if it is not in the gradebook; `--resume` then grades it again.
        late_seconds, penalty: time after the due date, and the points that this costs.
    """

    unit: str
    student: str
    status: str
    reason: str = ""
    questions: list[QuestionScore] = field(default_factory=list)
    seconds: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    isolation: str = ""
    replayed: bool = False
    recorded: bool = True
    late_seconds: float = 0.0
    penalty: float = 0.0

    def leave_to_a_human(self, reason: str, *, recorded: bool = True) -> None:
        """Note why a human has to look at it."""
        self.status = NEEDS_HUMAN
        self.reason = "; ".join(filter(None, [self.reason, reason]))
        self.recorded = self.recorded and recorded

    @property
    def marked(self) -> bool:
        """Whether any question has a score; if not, the submission was set aside."""
        return any(question.score is not None for question in self.questions)

    @property
    def score(self) -> float:
        """The sum of its questions' scores."""
        return sum(question.score or 0 for question in self.questions)

    @property
    def max_score(self) -> float:
        """The sum of its questions' points."""
        return sum(question.max_score for question in self.questions)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"score": self.score, "max_score": self.max_score}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """Rebuild an outcome from what :meth:`to_json` returned."""
        questions = [
            QuestionScore(**q | {"failures": [Failure(**f) for f in q["failures"]]})
            for q in data["questions"]
        ]
        names = {field.name for field in fields(cls)} - {"questions"}
        return cls(questions=questions, **{key: data[key] for key in names & data.keys()})


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def failures_of(ran: CellResult) -> list[Failure]:
    """Return what a graded cell found wrong, in order.

    Only the results that its questions report as data count. What the cell printed does not, since
    the student's code can print, too.
    """
    failed = [check for result in ran.results for check in result.checks if not check.passed]
    found = [Failure(check.check, check.message, check.hint) for check in failed]
    for output in ran.outputs:
        if output["output_type"] == "error" and not (found and output["ename"] == FAILED_QUESTION):
            text = _ANSI.sub("", output["evalue"]).strip()
            found.append(Failure(output["ename"], text or output["ename"]))
    return found
