"""What the gradebook says about a class: scores after penalties, and what waits for a hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from autograder import late
from autograder.course_directory import CourseDirectory
from autograder.grading.lock import if_free
from autograder.question_names import names_in_unit


@dataclass(frozen=True)
class Person:
    """A student as the roster has them; only the id is always there."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def name(self) -> str:
        """The full name; empty if the roster has none."""
        return " ".join(filter(None, [self.first_name, self.last_name]))


@dataclass
class Mark:
    """One question of one submission.

    Attributes:
        question: the grade id.
        name: the question's heading.
        points: what it is worth.
        score: with what was entered by hand; None if nobody has scored it.
        waits: whether a human has to mark it.
    """

    question: str
    name: str
    points: float
    score: float | None
    waits: bool


@dataclass
class Standing:
    """One submission in the gradebook; dates are in UTC.

    Its `entries` are nbgrader's ids of its notebooks.
    """

    unit: str
    person: Person
    marks: list[Mark] = field(default_factory=list)
    penalty: float = 0.0
    max_score: float = 0.0
    submitted: datetime | None = None
    due: datetime | None = None
    late_seconds: float = 0.0
    entries: list[str] = field(default_factory=list)

    @property
    def raw(self) -> float:
        """The score before penalties."""
        return sum(mark.score or 0 for mark in self.marks)

    @property
    def score(self) -> float:
        """The score after penalties."""
        return max(0.0, self.raw - self.penalty)

    @property
    def marked(self) -> bool:
        """Whether any question has a score; if not, the submission was set aside."""
        return any(mark.score is not None for mark in self.marks)

    @property
    def waiting(self) -> list[Mark]:
        """The questions that a human has to mark."""
        return [mark for mark in self.marks if mark.waits]

    @property
    def lateness(self) -> str:
        """How late it is and what that costs, in words; empty if it is not late."""
        if not self.late_seconds:
            return ""
        cost = f"penalty {self.penalty:g}" if self.penalty else "no penalty"
        return f"{late.in_words(self.late_seconds)}, {cost}"


def read_standings(
    course: CourseDirectory, units: list[str] | None = None
) -> dict[str, list[Standing]]:
    """Read every submission that the gradebook has, after computing its late penalty again.

    While another run writes in the gradebook, penalties are read as they are.

    Args:
        course: the course directory.
        units: names of assignments; None for all in the gradebook.

    Returns:
        The submissions of each unit in the gradebook, ordered by student.
    """
    with course.gradebook() as gradebook:
        with if_free(course.records) as free:
            if free:
                late.refresh(course, gradebook)
        found = {}
        for assignment in sorted(gradebook.assignments, key=lambda entry: entry.name):
            if units is None or assignment.name in units:
                names = names_in_unit(course, assignment.name)
                entries = sorted(assignment.submissions, key=lambda entry: entry.student.id)
                found[assignment.name] = [_standing(entry, names) for entry in entries]
        return found


def person(entry: Any) -> Person:
    """Return a student of the gradebook as plain data."""
    return Person(
        entry.id,
        entry.first_name or "",
        entry.last_name or "",
        entry.email or "",
        entry.lms_user_id or "",
    )


def _standing(entry: Any, names: dict[tuple[str, str], str]) -> Standing:
    standing = Standing(
        entry.assignment.name,
        person(entry.student),
        submitted=entry.timestamp,
        due=entry.duedate if entry.assignment.duedate else None,
        late_seconds=entry.total_seconds_late if entry.assignment.duedate else 0.0,
    )
    for notebook in entry.notebooks:
        standing.entries.append(notebook.id)
        standing.penalty += notebook.late_submission_penalty or 0
        marks = [_mark(grade, names.get((notebook.name, grade.name))) for grade in notebook.grades]
        # In the order of the notebook, as far as it is known.
        order = [name for book, name in names if book == notebook.name]
        marks.sort(key=lambda mark: order.index(mark.question) if mark.question in order else -1)
        standing.marks += marks
    standing.max_score = sum(mark.points for mark in standing.marks)
    return standing


def _mark(grade: Any, name: str | None) -> Mark:
    unscored = grade.auto_score is None and grade.manual_score is None
    return Mark(
        grade.name,
        name or grade.name,
        float(grade.max_score),
        None if unscored else float(grade.score),
        bool(grade.needs_manual_grade),
    )
