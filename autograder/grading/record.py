"""Writing down what came of a submission: nbgrader's tree, its gradebook, and our own record.

One process writes. Every step can be done again: a run that was killed anywhere in between finishes
with the same gradebook as one that was not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.engine.executor import Ran
from autograder.engine.prepass import Plan
from autograder.grading.outcome import (
    FLAGGED,
    GRADED,
    NEEDS_HUMAN,
    Outcome,
    QuestionScore,
    failures_of,
)

LOCKED = 0o444


class Recorder:
    """Writes the results of one unit.

    Args:
        course: whose tree and gradebook are written.
        gradebook: the course's, open.
        unit: the assignment.
    """

    def __init__(self, course: Course, gradebook, unit: str):
        self.course, self.gradebook, self.unit = course, gradebook, unit

    def record(self, student: str, plans: dict[str, Plan], ran: dict[str, Ran], **found) -> Outcome:
        """Write one submission's results.

        Args:
            student: whose submission it is.
            plans: the rebuilt notebooks by name.
            ran: what came of running them.
            found: ``problems`` (why a human must look), ``files`` (others that were handed in).

        Returns:
            The outcome, as it is recorded.
        """
        outcome = Outcome(self.unit, student, GRADED)
        problems = list(found.get("problems", ()))
        suspicions = [note for plan in plans.values() for note in plan.suspicions]
        for name, result in ran.items():
            _fill(plans[name], result)
            suspicions += result.incidents
            if result.failure:
                problems.append(f"{name} could not be graded: {result.failure}")
        if problems or suspicions:
            outcome.status = NEEDS_HUMAN if problems else FLAGGED
            outcome.reason = "; ".join(dict.fromkeys(problems + suspicions))
        submission = self._submission(student)
        for name, plan in plans.items():
            self._grades(submission, name, plan, outcome)
        if outcome.status == NEEDS_HUMAN:
            self._ask_for_a_human(submission, outcome)
        self._write_tree(student, plans, found.get("files", {}))
        self.gradebook.db.commit()
        return outcome

    def _submission(self, student: str):
        self.gradebook.update_or_create_student(student)
        folder = self.course.path("submitted", student, self.unit)
        timestamp = _timestamp(self.course, folder)
        more = {"timestamp": timestamp} if timestamp else {}
        return self.gradebook.update_or_create_submission(self.unit, student, **more)

    def _grades(self, submission, name: str, plan: Plan, outcome: Outcome) -> None:
        """Scores and comments, as nbgrader's SaveAutoGrades finds them in the cells."""
        from nbgrader import utils

        notebook = next(n for n in submission.notebooks if n.name == name)
        grades = {grade.name: grade for grade in notebook.grades}
        comments = {comment.name: comment for comment in notebook.comments}
        for cell in plan.notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if utils.is_grade(cell) and grade_id in grades:
                grade = grades[grade_id]
                grade.auto_score, points = utils.determine_grade(cell)
                by_hand = grade.auto_score is None or grade.manual_score is not None
                grade.needs_manual_grade = by_hand
                score = grade.auto_score if grade.manual_score is None else grade.manual_score
                said = [] if score is None else failures_of(cell)
                outcome.questions.append(QuestionScore(grade_id, score, points, said))
            if grade_id in comments and (utils.is_solution(cell) or utils.is_task(cell)):
                same = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
                untouched = same and not utils.is_task(cell)
                comments[grade_id].auto_comment = "No response." if untouched else None

    def _ask_for_a_human(self, submission, outcome: Outcome) -> None:
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = True
            for comment in notebook.comments[:1]:
                comment.auto_comment = outcome.reason

    def _write_tree(self, student: str, plans: dict[str, Plan], files: dict[str, bytes]) -> None:
        """The `autograded` folder of a submission, all of it or none."""
        target = self.course.path("autograded", student, self.unit)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".autograding-", dir=target.parent))
        try:
            for name, data in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            for name, plan in plans.items():
                nbformat.write(_limited(plan.notebook), folder / f"{name}.ipynb")
            for path in folder.rglob("*"):
                path.chmod(LOCKED if path.is_file() else 0o755)
            folder.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            os.rename(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(plan: Plan, result: Ran) -> None:
    """Put what the cells showed into the notebook. A graded cell's stderr is no failure."""
    number = 0
    for cell, ran in zip(plan.notebook.cells, result.cells, strict=True):
        if cell.cell_type != "code":
            continue
        number += 1
        graded = cell.metadata.get("nbgrader", {}).get("grade")
        cell.execution_count = number
        cell.outputs = [nbformat.from_dict(output) for output in ran["outputs"]]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            elif graded and output.get("name") == "stderr":
                output.name = "stdout"
    plan.notebook.metadata.setdefault("language_info", {"name": "python"})


def _limited(notebook):
    """The notebook with long outputs cut, as nbgrader does it."""
    from nbgrader.preprocessors import LimitOutput

    return LimitOutput().preprocess(notebook, {})[0]


def _timestamp(course: Course, folder: Path):
    """When it was handed in, if that is written beside it and can be read."""
    path = folder / "timestamp.txt"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
        return None
    try:
        return course.directory.get_existing_timestamp(str(folder))
    except Exception:  # whatever a student wrote there
        return None
