"""The engine that runs each submission through nbgrader's own `autograde`.

An engine turns a staged submission into an :class:`Outcome`, and leaves nbgrader's `autograded`
tree and gradebook behind. This one executes students' code with the grader's own rights.
"""

from __future__ import annotations

from autograder.course import Course, failure_reason
from autograder.grading.outcome import (
    FLAGGED,
    GRADED,
    NEEDS_HUMAN,
    Failure,
    Outcome,
    QuestionScore,
    failures_of,
)
from autograder.grading.submissions import Submission


class NbgraderEngine:
    """Grades one submission at a time."""

    def grade(self, course: Course, submission: Submission) -> Outcome:
        from nbgrader.converters import Autograde

        api = course.api(
            CourseDirectory={"submitted_directory": str(submission.root)},
            Autograde={
                "autograde_preprocessors": _resilient(
                    course.config.Autograde.get("autograde_preprocessors")
                    or Autograde.autograde_preprocessors.default()
                )
            },
        )
        # The staged tree is laid out by student and unit, wherever the course keeps its own.
        result = api.autograde(submission.unit, submission.student)
        outcome = read_outcome(course, submission.unit, submission.student)
        if not result["success"]:
            outcome.status = NEEDS_HUMAN
            outcome.reason = f"nbgrader could not grade it: {failure_reason(result)}"
        elif submission.problems:
            outcome.status, outcome.reason = NEEDS_HUMAN, " ".join(submission.problems)
        if outcome.status == NEEDS_HUMAN:
            _ask_for_a_human(course, outcome)
        return outcome


def _resilient(preprocessors: list) -> list:
    """A course's own preprocessors, with our way of running cells in place of nbgrader's."""
    from nbgrader.preprocessors import Execute
    from traitlets.utils.importstring import import_item

    from autograder.grading.execute import ResilientExecute, StderrIsNotAnError

    found = [import_item(p) if isinstance(p, str) else p for p in preprocessors]
    return [
        ours
        for theirs in found
        for ours in ([ResilientExecute, StderrIsNotAnError] if theirs is Execute else [theirs])
    ]


def read_outcome(course: Course, unit: str, student: str) -> Outcome:
    """Scores from the gradebook, failures and incidents from the autograded notebooks."""
    import nbformat

    from autograder.grading.execute import OUT_OF_TIME, PROCESS_ENDED

    outcome = Outcome(unit, student, GRADED)
    scores = _scores(course, unit, student)
    for name in course.notebooks(unit):
        path = course.path("autograded", student, unit) / f"{name}.ipynb"
        cells = nbformat.read(path, as_version=4).cells if path.exists() else []
        failures = {
            cell.metadata.nbgrader.grade_id: failures_of(cell)
            for cell in cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        }
        for output in (o for cell in cells for o in cell.get("outputs", [])):
            if output.get("ename") in (PROCESS_ENDED, OUT_OF_TIME) and not outcome.reason:
                outcome.status, outcome.reason = FLAGGED, output.evalue
        for question, (score, max_score) in scores.get(name, {}).items():
            earned = score is not None and score >= max_score
            said: list[Failure] = [] if earned else failures.get(question, [])
            outcome.questions.append(QuestionScore(question, score, max_score, said))
    return outcome


def _scores(course: Course, unit: str, student: str) -> dict[str, dict[str, tuple]]:
    """(score, points) of each graded cell of each notebook, in the notebook's order."""
    from nbgrader.api import MissingEntry

    scores: dict[str, dict[str, tuple]] = {}
    with course.gradebook() as gradebook:
        for name in course.notebooks(unit):
            try:
                notebook = gradebook.find_submission_notebook(name, unit, student)
            except MissingEntry:
                continue
            grades = {grade.name: grade for grade in notebook.grades}
            order = {
                cell.name: number for number, cell in enumerate(notebook.notebook.source_cells)
            }
            scores[name] = {
                key: (
                    grades[key].manual_score
                    if grades[key].manual_score is not None
                    else grades[key].auto_score,
                    grades[key].max_score,
                )
                for key in sorted(grades, key=lambda key: order.get(key, len(order)))
            }
    return scores


def _ask_for_a_human(course: Course, outcome: Outcome) -> None:
    """Mark the submission in the gradebook, with the reason where formgrader shows comments."""
    with course.gradebook() as gradebook:
        submission = gradebook.update_or_create_submission(outcome.unit, outcome.student)
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = True
            for comment in notebook.comments[:1]:
                comment.auto_comment = outcome.reason
        gradebook.db.commit()
