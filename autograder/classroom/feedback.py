"""Feedback pages for students, without the source of hidden tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader import utils

from autograder.course_directory import CourseDirectory, CourseError
from autograder.nbgrader_settings import use_autograder


class WithoutTestSource(Preprocessor):
    """Reduces a failed test to its message, without the traceback that quotes its source."""

    enabled = True

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Shorten the error of a test cell."""
        if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
            for output in cell.outputs:
                if output.output_type == "error" and output.ename != "ChecksFailed":
                    message = f"{output.ename}: {output.evalue}" if output.evalue else output.ename
                    output.traceback = [message]
        return cell, resources


def write_feedback(
    course: CourseDirectory,
    units: list[str] | None = None,
    students: str = "*",
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda student: None,
) -> list[Path]:
    """Write a feedback page for every graded submission, in nbgrader's tree.

    A page has the student's name and a summary on top, and asks no host for anything. A
    folder of templates that the course has set for `HTMLExporter` is used instead of ours.

    Args:
        course: the course directory.
        units: globs of unit names; None for all.
        students: glob of student names.
        on_start: called with the number of pages.
        on_done: called with each student when the page is written.

    Returns:
        The pages' folders.

    Raises:
        CourseError: nbgrader could not write one.
    """
    from autograder import late

    with course.gradebook() as gradebook:
        late.refresh(course, gradebook)
    api = course.api(**_settings(course))
    work = [
        (unit, student)
        for unit in course.units(units)
        for student in course.students(unit, students)
        if course.path("autograded", student, unit).is_dir()
    ]
    on_start(len(work))
    pages = []
    for unit, student in work:
        result = api.generate_feedback(unit, student)
        if not result["success"]:
            raise CourseError(f"No feedback for {student} on {unit}:\n{result['error']}")
        pages.append(course.path("feedback", student, unit))
        on_done(student)
    return pages


def _settings(course: CourseDirectory) -> dict[str, Any]:
    """Return nbgrader's configuration of feedback pages, with what the course adds or replaces."""
    from traitlets.config import Config

    ours, theirs = Config(), course.config
    use_autograder(ours)
    _, *first, summary = ours.GenerateFeedback.preprocessors  # penalties are up to date already
    known = {_name(one) for one in ours.GenerateFeedback.preprocessors}
    listed = theirs.GenerateFeedback.get("preprocessors", [])
    more = [one for one in listed if _name(one) not in known]
    return {
        "GenerateFeedback": {"preprocessors": [*first, *more, summary]},
        "HTMLExporter": ours.HTMLExporter | theirs.HTMLExporter,
    }


def _name(preprocessor: str | type) -> str:
    """Return the name of a preprocessor's class, which is configured as a class or by its path."""
    path = preprocessor if isinstance(preprocessor, str) else preprocessor.__name__
    return path.rpartition(".")[2]
