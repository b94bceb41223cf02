"""The questions of a unit that people mark, with everybody's answers and what they have got."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.cells import Cell, grade_id, marks, read_cells
from autograder.course_directory import CourseDirectory, CourseError
from autograder.grading import load_outcomes
from autograder.mark import render
from autograder.question_names import names_in_unit
from autograder.standings import person

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

_REGION = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[^\n]*\n?", re.M)
_SCHEME = re.compile(r"^[^\w\n]*marking scheme", re.I | re.M)


@dataclass
class Answer:
    """One student's answer to a question, and what it has got.

    Attributes:
        student, name: the student's id, and the name if the roster has one.
        shown: the answer as HTML that does nothing; empty if there is none to show.
        score: None if nobody has marked it.
        comment: to the student, as it was entered by hand.
        waits: whether it is to be marked: never marked, or graded again since.
        untouched: whether the cell is as it was released.
        note: what the autograder found wrong with the submission.
    """

    student: str
    name: str
    shown: str
    score: float | None
    comment: str
    waits: bool
    untouched: bool
    note: str


@dataclass
class HandQuestion:
    """A question that people mark.

    Attributes:
        notebook, question: which cell; `question` is its grade id.
        name: its heading.
        points: what it is worth.
        task: what students were asked, as HTML.
        scheme: what earns each point, as HTML; empty if the source does not say.
        model: the instructor's answer, as HTML.
        answers: everybody's, ordered by id.
    """

    notebook: str
    question: str
    name: str
    points: float
    task: str = ""
    scheme: str = ""
    model: str = ""
    answers: list[Answer] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many answers are to be marked."""
        return sum(answer.waits for answer in self.answers)


def hand_questions(course: CourseDirectory, unit: str) -> list[HandQuestion]:
    """Return a unit's questions that people mark, in the notebook's order, without answers.

    Raises:
        CourseError: the unit is not in the gradebook, or has no such question.
    """
    from nbgrader.api import MissingEntry

    names = names_in_unit(course, unit)
    with course.gradebook() as gradebook:
        try:
            assignment = gradebook.find_assignment(unit)
        except MissingEntry:
            raise CourseError(
                f"{unit} is not in the gradebook. Release and grade it first."
            ) from None
        found = [
            HandQuestion(
                book.name, entry.name, names.get((book.name, entry.name), entry.name),
                float(entry.max_score),
            )
            for book in assignment.notebooks
            for entry in [*book.grade_cells, *book.task_cells]
            if entry in book.task_cells or entry.name in {one.name for one in book.solution_cells}
        ]  # fmt: skip
    if not found:
        raise CourseError(
            f"{unit} has no question that is marked by hand. Its tests give all scores: "
            f"`autograder grade {unit}`."
        )
    order = list(names)
    found.sort(key=lambda one: _position(order, (one.notebook, one.question)))
    for question in found:
        _explain(course, unit, question)
    return found


def _position(order: list[tuple[str, str]], key: tuple[str, str]) -> int:
    return order.index(key) if key in order else len(order)


def _explain(course: CourseDirectory, unit: str, question: HandQuestion) -> None:
    """Add what was asked, the marking scheme and the instructor's answer."""
    name = f"{question.notebook}.ipynb"
    released = read_cells(course.path("release", ".", unit) / name)
    source = read_cells(course.path("source", ".", unit) / name)
    question.task = render.markdown(_task(released or source, question.question))
    own = next((one for one in source if grade_id(one) == question.question), None)
    if own is not None:
        model, scheme = split_scheme(_REGION.sub("", own["source"]))
        shown = render.markdown if own["cell_type"] != "code" else render.code
        question.model = shown(model) if model else ""
        question.scheme = render.markdown(scheme) if scheme else ""


def split_scheme(text: str) -> tuple[str, str]:
    """Split an instructor's answer into the model answer and the marking scheme."""
    start = match.start() if (match := _SCHEME.search(text)) else len(text)
    return text[:start].strip(), text[start:].strip()


def _task(cells: list[Cell], question: str) -> str:
    """Return the text above a question: that of its section, without answers."""
    asked: list[str] = []
    for one in cells:
        if grade_id(one) == question:
            break
        if one["cell_type"] == "markdown" and not marks(one).get("solution"):
            if re.match(r"\s*#{1,6}\s", one["source"]):
                asked = []
            asked.append(one["source"])
        else:
            asked = []
    return "\n\n".join(asked)


def add_answers(course: CourseDirectory, unit: str, question: HandQuestion) -> None:
    """Read everybody's answers to a question, and what the gradebook has about them."""
    released = read_cells(course.path("release", ".", unit) / f"{question.notebook}.ipynb")
    notes = {one.student: one.reason for one in load_outcomes(course, [unit])}
    untouched = {one["source"] for one in released if grade_id(one) == question.question}
    question.answers = []
    with course.gradebook() as gradebook:
        books = gradebook.notebook_submissions(question.notebook, unit)
        for book in sorted(books, key=lambda one: str(one.student.id)):
            grade = next((one for one in book.grades if one.name == question.question), None)
            if grade is None:
                continue
            comment = next((one for one in book.comments if one.name == question.question), None)
            folder = course.path("autograded", book.student.id, unit)
            cells = _answer(read_cells(folder / f"{question.notebook}.ipynb"), question, released)
            unscored = grade.auto_score is None and grade.manual_score is None
            question.answers.append(
                Answer(
                    book.student.id,
                    person(book.student).name,
                    "\n".join(map(render.cell, cells)),
                    None if unscored else float(grade.score),
                    (comment and comment.manual_comment) or "",
                    bool(grade.needs_manual_grade),
                    len(cells) == 1 and cells[0]["source"] in untouched,
                    notes.get(book.student.id, ""),
                )
            )


def _answer(cells: list[Cell], question: HandQuestion, released: list[Cell]) -> list[Cell]:
    """Return the cell of an answer, and those that the student has added below it."""
    given = {one.get("id") for one in released}
    found: list[Cell] = []
    for one in cells:
        if found and (grade_id(one) or one.get("id") in given):
            break
        if found or grade_id(one) == question.question:
            found.append(one)
    return found


def save(
    gradebook: Gradebook,
    unit: str,
    question: HandQuestion,
    student: str,
    *,
    score: float | None,
    comment: str,
    seen: tuple[float | None, str],
) -> tuple[str, bool]:
    """Write a score and a comment into the gradebook, as formgrader does.

    Args:
        gradebook: the open gradebook.
        unit: the assignment.
        question: of which the answer is.
        student: the student's id.
        score: from 0 to the question's points; None takes a mark back.
        comment: to the student; may be empty.
        seen: the score and comment that were on the page.

    Returns:
        Why it was not written, empty if it was; and whether it still waits to be marked.
    """
    from nbgrader.api import MissingEntry

    if score is not None and not 0 <= score <= question.points:
        return f"a score is from 0 to {question.points:g}", True
    try:
        grade = gradebook.find_grade(question.question, question.notebook, unit, student)
        remark = gradebook.find_comment(question.question, question.notebook, unit, student)
    except MissingEntry:
        return "this answer is no longer in the gradebook; load the page again", True
    unscored = grade.auto_score is None and grade.manual_score is None
    there = (None if unscored else float(grade.score), remark.manual_comment or "")
    if there not in (seen, (score, comment)):
        text = "no score" if there[0] is None else f"{there[0]:g}"
        return f"somebody has changed it meanwhile ({text}); load the page again", True
    if score is None or score != grade.auto_score or grade.manual_score is not None:
        grade.manual_score = score
    grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
    remark.manual_comment = comment or None
    gradebook.db.commit()
    return "", bool(grade.needs_manual_grade)
