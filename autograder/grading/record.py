"""Record the score of a submission in nbgrader's tree and its gradebook.

Only one process writes, and every step can be repeated: a run that is killed at any point and
resumed ends with the same gradebook as one that was not killed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from autograder import late
from autograder.course_directory import CourseDirectory
from autograder.engine.intake import RebuiltNotebook
from autograder.engine.job import CellResult, NotebookResult
from autograder.engine.matching import nbgrader_metadata
from autograder.grading.calibration import Calibration
from autograder.grading.outcome import (
    FLAGGED,
    GRADED,
    NEEDS_HUMAN,
    Outcome,
    QuestionScore,
    failures_of,
)
from autograder.grading.submission import Submission

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

LOCKED = 0o444


class Recorder:
    """Writes the results of one unit.

    Args:
        course: the course directory to write to.
        gradebook: its open gradebook.
        unit: the assignment.
        calibration: which of its questions are not judged separately.
        strict: leave those to a human.
    """

    def __init__(
        self,
        course: CourseDirectory,
        gradebook: Gradebook,
        unit: str,
        calibration: Calibration,
        *,
        strict: bool = False,
    ) -> None:
        self.course, self.gradebook, self.unit = course, gradebook, unit
        self.calibration, self.strict = calibration, strict

    def record(self, submission: Submission, results: Mapping[str, NotebookResult]) -> Outcome:
        """Write a submission's results.

        Args:
            submission: the submission.
            results: the results of its notebooks by name, except those that are set aside.

        Returns:
            The outcome as it was recorded.
        """
        outcome = Outcome(self.unit, submission.student, GRADED)
        problems = list(submission.problems)
        suspicions = [note for n in submission.notebooks.values() for note in n.suspicions]
        for name, result in results.items():
            _fill(submission.notebooks[name], result)
            known = self.calibration.incidents  # the instructor's own solution causes them, too
            suspicions += [incident for incident in result.incidents if incident not in known]
            if result.failure:
                problems.append(f"{name} could not be graded: {result.failure}")
        entry = self._submission(submission.student)
        for name, rebuilt in submission.notebooks.items():
            notebook = next(n for n in entry.notebooks if n.name == name)
            suspicions += self._grades(notebook, rebuilt, results.get(name), outcome)
        withheld = self._withheld(outcome)
        if problems or withheld or suspicions:
            outcome.status = NEEDS_HUMAN if problems or withheld else FLAGGED
            outcome.reason = "; ".join(dict.fromkeys(problems + withheld + suspicions))
        if problems:
            self._ask_for_a_human(entry, outcome)
        self._write_tree(submission.student, submission.notebooks, submission.files)
        self.gradebook.db.commit()
        try:
            outcome.penalty = self._penalty(entry, outcome)
            self.gradebook.db.commit()
        except Exception as error:  # from a plugin of the course
            self.gradebook.db.rollback()
            outcome.leave_to_a_human(f"its late penalty could not be computed ({error!r:.200})")
        return outcome

    def _submission(self, student: str) -> Any:
        """Return the gradebook's entry of a submission, created if needed."""
        self.gradebook.update_or_create_student(student)
        folder = self.course.path("submitted", student, self.unit)
        timestamp = _timestamp(self.course, folder)
        more = {"timestamp": timestamp} if timestamp else {}
        return self.gradebook.update_or_create_submission(self.unit, student, **more)

    def _grades(
        self,
        notebook: Any,
        rebuilt: RebuiltNotebook,
        result: NotebookResult | None,
        outcome: Outcome,
    ) -> list[str]:
        """Write a notebook's scores and comments, as nbgrader's SaveAutoGrades does.

        Args:
            notebook: the gradebook's entry.
            rebuilt: the notebook, filled in.
            result: what running it gave; None if it is set aside.
            outcome: receives the questions' scores.

        Returns:
            What is odd about the scores.
        """
        from nbgrader import utils

        notes: list[str] = []
        grades = {grade.name: grade for grade in notebook.grades}
        comments = {comment.name: comment for comment in notebook.comments}
        cells = result.cells if result else [CellResult(judged=False)] * len(rebuilt.cells)
        for cell, ran in zip(rebuilt.notebook.cells, cells, strict=True):
            name = nbgrader_metadata(cell).get("grade_id")
            if utils.is_grade(cell) and name in grades:
                question = self._question(cell, notebook.name, ran, notes)
                judged = ran.judged and name not in rebuilt.unsure
                if not judged or self._refused(question):
                    question.score, question.failures = None, []
                _write_grade(grades[name], question)
                outcome.questions.append(question)
            if name in comments and (utils.is_solution(cell) or utils.is_task(cell)):
                same = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
                untouched = same and not utils.is_task(cell) and name not in rebuilt.unsure
                comments[name].auto_comment = "No response." if untouched and result else None
        return notes

    def _question(
        self, cell: NotebookNode, notebook: str, ran: CellResult, notes: list[str]
    ) -> QuestionScore:
        """Score a graded cell; anything odd about it is added to `notes`."""
        from nbgrader import utils

        name, points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
        try:
            score = utils.determine_grade(cell)[0]
        except (ValueError, KeyError):
            # More than its points, or a value without text: nbgrader would record nothing.
            score = points
            notes.append(f"the test {name} did not return a score from 0 to {points:g}")
        if score is None and not points:
            score = 0.0  # no human has to grade what is worth nothing
        shared = self.calibration.shared.get(notebook, {}).get(name) or ran.not_separate
        broken = self.calibration.broken.get(notebook, {}).get(name)
        reason = ""
        if shared:
            reason = f"not judged separately: {shared}"
        elif broken:
            reason = f"the instructor's own solution does not pass: {broken}"
        failures = [] if score is None else failures_of(ran)
        return QuestionScore(name, score, points, failures, not shared, reason)

    def _refused(self, question: QuestionScore) -> bool:
        return self.strict and not question.protected

    def _withheld(self, outcome: Outcome) -> list[str]:
        """Say which questions a human has to grade because of `strict`."""
        names = [question.question for question in outcome.questions if self._refused(question)]
        if not names:
            return []
        return [f"{', '.join(names)}: cannot be judged separately, so not graded (--strict)"]

    def _penalty(self, submission: Any, outcome: Outcome) -> float:
        """Apply the late penalty of the course's plugin.

        Returns:
            The points that it costs, over all notebooks.
        """
        plugin = late.plugin(self.course)
        if not plugin:
            return 0.0
        outcome.late_seconds = late.seconds_late(submission)
        late.penalize(submission, plugin)
        return sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks)

    def _ask_for_a_human(self, submission: Any, outcome: Outcome) -> None:
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = True
            for comment in notebook.comments[:1]:
                comment.auto_comment = outcome.reason

    def _write_tree(
        self, student: str, notebooks: Mapping[str, RebuiltNotebook], files: Mapping[str, bytes]
    ) -> None:
        """Write the `autograded` folder of a submission as a whole."""
        target = self.course.path("autograded", student, self.unit)
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(".autograding-*"):  # left by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".autograding-", dir=target.parent))
        try:
            for name, data in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            for name, rebuilt in notebooks.items():
                nbformat.write(_limited(rebuilt.notebook), folder / f"{name}.ipynb")
            for path in folder.rglob("*"):
                path.chmod(LOCKED if path.is_file() else 0o755)
            folder.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            os.rename(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _write_grade(grade: Any, question: QuestionScore) -> None:
    """Write a score into the gradebook, without changing one that was entered by hand."""
    grade.auto_score = question.score
    grade.needs_manual_grade = question.score is None or grade.manual_score is not None
    if grade.manual_score is not None:
        question.score = grade.manual_score


def _fill(rebuilt: RebuiltNotebook, result: NotebookResult) -> None:
    """Put the cells' outputs into the notebook.

    A graded cell's stderr becomes stdout, since nbgrader takes stderr for a failure.
    """
    number = 0
    for cell, ran in zip(rebuilt.notebook.cells, result.cells, strict=True):
        if cell.cell_type != "code":
            continue
        number += 1
        graded = cell.metadata.get("nbgrader", {}).get("grade")
        cell.execution_count = number
        cell.outputs = [nbformat.from_dict(output) for output in ran.outputs]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            elif graded and output.get("name") == "stderr":
                output.name = "stdout"
    rebuilt.notebook.metadata.setdefault("language_info", {"name": "python"})


def _limited(notebook: NotebookNode) -> NotebookNode:
    """Truncate long outputs, as nbgrader does."""
    from nbgrader.preprocessors import LimitOutput

    return LimitOutput().preprocess(notebook, {})[0]


def _timestamp(course: CourseDirectory, folder: Path) -> datetime | None:
    """Return when it was submitted, if a readable file beside it says so."""
    path = folder / "timestamp.txt"
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
            return None
        return course.directory.get_existing_timestamp(str(folder))
    except Exception:  # students can write anything there; or the folder cannot be read
        return None
