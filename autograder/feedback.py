"""Feedback pages for students, without the source of hidden tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader import utils

from autograder.course_directory import CourseDirectory, CourseError

TEMPLATES = Path(__file__).parent / "templates"


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
    from nbgrader.converters import GenerateFeedback
    from nbgrader.preprocessors import ClearHiddenTests

    from autograder import late
    from autograder.feedback_summary import Summary
    from autograder.mathml import FormulasAsMathML

    with course.gradebook() as gradebook:
        late.refresh(course, gradebook)
    configured = course.config.GenerateFeedback.get("preprocessors")
    own = configured or GenerateFeedback.preprocessors.default()
    pages_get = list(
        dict.fromkeys([ClearHiddenTests, WithoutTestSource, FormulasAsMathML, *own, Summary])
    )
    page = {"extra_template_basedirs": [str(TEMPLATES)]}  # with one named as nbgrader asks
    api = course.api(
        GenerateFeedback={"preprocessors": pages_get},
        HTMLExporter=page | course.config.HTMLExporter,
    )
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
