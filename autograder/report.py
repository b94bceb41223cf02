"""The instructor's report: scores, common failures, submissions to look at, and timings."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from autograder.course_directory import CourseDirectory, CourseError
from autograder.grading import Outcome, load_outcomes
from autograder.grading.outcome import GRADED, QuestionScore

# From strongest to weakest.
ISOLATION = {
    "root": "isolated in namespaces, with a separate user id for each submission",
    "user": "isolated in user namespaces",
    "landlock": "isolated by Landlock and a system call filter, without namespaces",
    "none": "NOT ISOLATED: students' code ran with the grader's own rights",
}


@dataclass
class QuestionSummary:
    """How a class did on one question, as fractions of the class that add up to one."""

    question: str
    points: float
    full: float
    partly: float
    none: float


@dataclass
class CommonFailure:
    """A check, how many students failed it, and the message to one of them."""

    question: str
    check: str
    count: int
    example: str


class Times(NamedTuple):
    """Seconds that a class's submissions took."""

    shortest: float
    median: float
    longest: float
    total: float


@dataclass
class UnitSummary:
    """What the report says about one unit."""

    unit: str
    outcomes: list[Outcome]

    @property
    def max_score(self) -> float:
        """The points of the assignment."""
        return max(outcome.max_score for outcome in self.outcomes)

    @property
    def median_score(self) -> float:
        """The median score; submissions that were set aside do not count."""
        return median([o.score for o in self.outcomes if o.marked] or [0])

    @property
    def times(self) -> Times:
        """How long the submissions took."""
        seconds = [outcome.seconds for outcome in self.outcomes]
        return Times(min(seconds), median(seconds), max(seconds), sum(seconds))

    @property
    def isolation(self) -> str:
        """How students' code was isolated, in words; if this differed, the weakest isolation."""
        weakest = max((o.isolation for o in self.outcomes), key=list(ISOLATION).index)
        return ISOLATION[weakest]

    @property
    def isolated(self) -> bool:
        """Whether all of students' code was isolated."""
        return all(outcome.isolation != "none" for outcome in self.outcomes)

    @property
    def timings(self) -> dict[str, float]:
        """Median seconds of each stage of a submission."""
        names = {name for outcome in self.outcomes for name in outcome.timings}
        return {
            name: median(o.timings.get(name, 0) for o in self.outcomes) for name in sorted(names)
        }

    @property
    def to_look_at(self) -> list[Outcome]:
        """The submissions that an instructor should look at."""
        return [outcome for outcome in self.outcomes if outcome.status != GRADED]

    @property
    def questions(self) -> list[QuestionSummary]:
        """How the class did on each question."""
        names = {q.question: q.max_score for o in self.outcomes for q in o.questions}
        found = []
        for name, points in names.items():
            scores = [
                q.score for o in self.outcomes for q in o.questions
                if q.question == name and q.score is not None
            ]  # fmt: skip
            if scores:
                full = sum(score >= points for score in scores) / len(scores)
                none = sum(score <= 0 for score in scores) / len(scores)
                found.append(QuestionSummary(name, points, full, 1 - full - none, none))
        return found

    @property
    def notes(self) -> list[QuestionScore]:
        """The questions that an instructor should know something about, each once."""
        found = {q.question: q for o in self.outcomes for q in o.questions if q.reason}
        return list(found.values())

    @property
    def failures(self) -> list[CommonFailure]:
        """The checks that most students failed, with one example each."""
        count: Counter[tuple[str, str]] = Counter()
        example: dict[tuple[str, str], str] = {}
        for outcome in self.outcomes:
            for question in outcome.questions:
                failed = {f.check: f.message for f in reversed(question.failures)}
                for check, message in failed.items():
                    key = (question.question, check)
                    count[key] += 1
                    example.setdefault(key, message)
        return [CommonFailure(*key, n, example[key]) for key, n in count.most_common(12)]


def write_report(
    course: CourseDirectory, units: list[str] | None = None, path: Path | None = None
) -> Path:
    """Write a static HTML page about the last grading of each unit.

    Args:
        course: the course directory, with recorded outcomes.
        units: globs of unit names; None for all.
        path: the page's path; None for ``report.html`` in the course directory.

    Raises:
        CourseError: nothing has been graded yet.
    """
    from jinja2 import Environment, PackageLoader

    outcomes = load_outcomes(course, units)
    if not outcomes:
        raise CourseError("Nothing has been graded yet. Run `autograder grade` first.")
    by_unit: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_unit.setdefault(outcome.unit, []).append(outcome)
    template = Environment(loader=PackageLoader("autograder", "templates"), autoescape=True)
    page = template.get_template("report.html").render(
        course=course.directory.course_id or course.root.name,
        created=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        units=[UnitSummary(unit, found) for unit, found in by_unit.items()],
    )
    path = path or course.root / "report.html"
    path.write_text(page)
    return path
