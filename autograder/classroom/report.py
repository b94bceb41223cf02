"""The instructor's report: scores, what waits for a hand, mistakes, what to look at, timings."""

from __future__ import annotations

import datetime
import os
import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from autograder.classroom.mistakes import Mistake, mistakes, unwritten
from autograder.classroom.question_summary import QuestionSummary, summarize
from autograder.classroom.similarity import Pair, can_compare, similar_answers
from autograder.course_directory import CourseDirectory, CourseError
from autograder.grading import Outcome, load_outcomes
from autograder.grading.outcome import GRADED, QuestionScore
from autograder.standings import Standing, read_standings

BINS = 10
MOST_MISTAKES = 15
MOST_PAIRS = 12

# From strongest to weakest.
ISOLATION = {
    "root": "isolated in namespaces, with a separate user id for each submission",
    "user": "isolated in user namespaces",
    "landlock": "isolated by Landlock and a system call filter, without namespaces",
    "none": "NOT ISOLATED: students' code ran with the grader's own rights",
}


@dataclass
class Row:
    """One submission: how grading it ended, what the gradebook says, and links to its pages.

    A submission that could not be written to the gradebook has no standing; one that nbgrader
    itself graded has no outcome.
    """

    student: str
    outcome: Outcome | None
    standing: Standing | None
    page: str = ""
    formgrader: str = ""

    @property
    def name(self) -> str:
        """The student's name; the id if the roster has none."""
        return (self.standing and self.standing.person.name) or self.student

    @property
    def status(self) -> str:
        """How grading ended."""
        return self.outcome.status if self.outcome else "graded by nbgrader"

    @property
    def score(self) -> float | None:
        """The score after penalties; None if nothing has been scored."""
        return self.standing.score if self.standing and self.standing.marked else None

    @property
    def max_score(self) -> float:
        """The points of the assignment."""
        found = self.standing or self.outcome
        return found.max_score if found else 0.0

    @property
    def set_aside(self) -> bool:
        """Whether the whole submission waits for a human."""
        return self.score is None


class Bin(NamedTuple):
    """A column of the distribution: its scores, how many students, and its height from 0 to 1."""

    label: str
    students: int
    height: float


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
    rows: list[Row] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)

    @property
    def max_score(self) -> float:
        """The points of the assignment."""
        return max((row.max_score for row in self.rows), default=0)

    @property
    def scores(self) -> list[float]:
        """The scores after penalties; submissions that were set aside have none."""
        return [row.score for row in self.rows if row.score is not None]

    @property
    def median_score(self) -> float:
        """The median score after penalties."""
        return median(self.scores or [0])

    @property
    def distribution(self) -> list[Bin]:
        """How many students have which score."""
        most = self.max_score
        if not most or not self.scores:
            return []
        count = Counter(min(int(BINS * score / most), BINS - 1) for score in self.scores)
        highest = max(count.values())
        edges = [most * n / BINS for n in range(BINS + 1)]
        return [
            Bin(f"{edges[n]:g}–{edges[n + 1]:g}", count[n], count[n] / highest) for n in range(BINS)
        ]

    @property
    def late(self) -> list[Row]:
        """The submissions that came after their due date."""
        return [row for row in self.rows if row.standing and row.standing.late_seconds]

    @property
    def waiting(self) -> list[tuple[str, list[Row]]]:
        """What waits to be marked by hand: questions by name, each with its submissions."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.standing and row.set_aside:
                found.setdefault("the whole submission", []).append(row)
            elif row.standing:
                for mark in row.standing.waiting:
                    found.setdefault(mark.name, []).append(row)
        return list(found.items())

    @property
    def waiting_rows(self) -> int:
        """How many submissions wait to be marked by hand."""
        return sum(bool(row.standing and row.standing.waiting) for row in self.rows)

    def name(self, question: str) -> str:
        """Return a question's name from its grade id."""
        marks = (m for row in self.rows if row.standing for m in row.standing.marks)
        return next((mark.name for mark in marks if mark.question == question), question)

    @property
    def times(self) -> Times:
        """How long the submissions took."""
        seconds = [outcome.seconds for outcome in self.outcomes] or [0.0]
        return Times(min(seconds), median(seconds), max(seconds), sum(seconds))

    @property
    def isolation(self) -> str:
        """How students' code was isolated, in words; if this differed, the weakest isolation."""
        names = [outcome.isolation for outcome in self.outcomes if outcome.isolation in ISOLATION]
        return ISOLATION[max(names, key=list(ISOLATION).index)] if names else "run by nbgrader"

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
    def to_look_at(self) -> list[Row]:
        """The submissions that an instructor should look at."""
        return [row for row in self.rows if row.outcome and row.outcome.status != GRADED]

    @property
    def questions(self) -> list[QuestionSummary]:
        """How the class did on each question."""
        return summarize(row.standing for row in self.rows if row.standing)

    @property
    def notes(self) -> list[QuestionScore]:
        """The questions that an instructor should know something about, each once."""
        found = {q.question: q for o in self.outcomes for q in o.questions if q.reason}
        return list(found.values())

    @property
    def mistakes(self) -> list[Mistake]:
        """The mistakes that most students made."""
        return mistakes(self.outcomes)[:MOST_MISTAKES]

    @property
    def unwritten(self) -> list[tuple[list[str], list[str]]]:
        """The questions without an answer, and whose they are."""
        return unwritten(self.outcomes)

    @property
    def names(self) -> dict[str, str]:
        """The students' names by their ids."""
        return {row.student: row.name for row in self.rows}


def write_report(
    course: CourseDirectory,
    units: list[str] | None = None,
    path: Path | None = None,
    formgrader: str | None = None,
) -> Path:
    """Write a static HTML page about each unit.

    Scores, penalties and what waits to be marked by hand come from the gradebook as it is now;
    mistakes, timings and what to look at come from the last grading.

    Args:
        course: the course directory, with recorded outcomes.
        units: globs of unit names; None for all.
        path: the page's path; None for ``report.html`` in the course directory.
        formgrader: the address of the JupyterLab that links to formgrader lead to; None for the
            one that is running in the course directory, if there is one.

    Raises:
        CourseError: nothing has been graded yet, or `formgrader` is no address.
    """
    from jinja2 import Environment, PackageLoader

    path = path or course.root / "report.html"
    lab = running_lab(course) if formgrader is None else _address(formgrader)
    found = _summaries(course, course.units(units), path, lab)
    if not found:
        raise CourseError("Nothing has been graded yet. Run `autograder grade` first.")
    template = Environment(loader=PackageLoader("autograder", "templates"), autoescape=True)
    page = template.get_template("report.html").render(
        course=course.directory.course_id or course.root.name,
        created=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        units=found,
        nonce=secrets.token_urlsafe(16),
        lab=lab,
        most_pairs=MOST_PAIRS,
        compared=can_compare(),
    )
    path.write_text(page)
    return path


def running_lab(course: CourseDirectory) -> str:
    """Return the address of the JupyterLab that runs in a course directory; empty without one."""
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        if Path(server.get("root_dir", "")).resolve() == course.root:
            return str(server["url"]).rstrip("/")
    return ""


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise CourseError(f"Not an address: {text!r}. Write it like http://127.0.0.1:8888.")
    return text.rstrip("/")


def _summaries(
    course: CourseDirectory, units: list[str], path: Path, lab: str
) -> list[UnitSummary]:
    """Join what the gradebook says with the recorded outcomes, for units that have either."""
    standings = read_standings(course, units)
    summaries = []
    for unit in units:
        outcomes = {outcome.student: outcome for outcome in load_outcomes(course, [unit])}
        booked = {standing.person.id: standing for standing in standings.get(unit, [])}
        rows = [
            Row(who, outcomes.get(who), booked.get(who), _page(course, who, unit, path.parent))
            for who in sorted(outcomes.keys() | booked.keys())
        ]
        for row in rows:
            if lab and row.standing and row.standing.entries:
                row.formgrader = f"{lab}/formgrader/submissions/{row.standing.entries[0]}/"
        if rows:
            pairs = similar_answers(course, unit, list(booked)) if can_compare() else []
            summaries.append(UnitSummary(unit, list(outcomes.values()), rows, pairs))
    return summaries


def _page(course: CourseDirectory, student: str, unit: str, start: Path) -> str:
    """Return a relative link to a student's feedback; empty if there is none."""
    folder = course.path("feedback", student, unit)
    pages = [folder / f"{name}.html" for name in course.notebooks(unit)]
    there = next((page for page in pages if page.is_file()), None)
    return quote(os.path.relpath(there, start.resolve())) if there else ""
