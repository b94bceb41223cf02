"""Feedback pages for students, without the source of hidden tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor

from autograder.course import Course, CourseError

# A code span or block, which is left alone; or a formula, displayed or in the line.
_FORMULA = re.compile(r"(`+).+?\1|\$\$(.+?)\$\$|(?<![\\$])\$(?=\S)([^$]+?)(?<=\S)\$(?!\d)", re.S)


class FormulasAsMathML(NbGraderPreprocessor):
    """Formulas that a browser shows by itself; nbgrader's page would fetch MathJax for them."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "markdown":
            cell.source = _FORMULA.sub(_mathml, cell.source)
        return cell, resources


def _mathml(match: re.Match) -> str:
    from latex2mathml.converter import convert

    _, displayed, inline = match.groups()
    if not (displayed or inline):
        return match.group()
    try:
        return convert(displayed or inline, display="block" if displayed else "inline")
    except Exception:  # a formula that cannot be read is shown as it was typed
        return match.group()


def write_feedback(
    course: Course,
    units: list[str] | None = None,
    students: str = "*",
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda student: None,
) -> list[Path]:
    """Write nbgrader's feedback page of every graded submission.

    Returns:
        The pages' folders.

    Raises:
        CourseError: nbgrader could not write one.
    """
    from nbgrader.converters import GenerateFeedback

    configured = course.config.GenerateFeedback.get("preprocessors")
    own = configured or GenerateFeedback.preprocessors.default()
    pages_get = [ClearHiddenTests, FormulasAsMathML, *own]
    api = course.api(GenerateFeedback={"preprocessors": pages_get})
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
