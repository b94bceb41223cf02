"""Writing down what a submission is worth: nbgrader's tree and its gradebook.

One process writes. Every step can be done again: a run that was killed anywhere in between finishes
with the same gradebook as one that was not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nbformat

from autograder.course_directory import CourseDirectory
from autograder.engine.intake import RebuiltNotebook
from autograder.engine.job import CellResult, NotebookResult
from autograder.engine.matching import nbgrader_metadata
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
        calibration: which of its questions are not judged apart.
        strict: leave those to a human.
    """

    def __init__(
        self, course: CourseDirectory, gradebook, unit: str, calibration, *, strict: bool = False
    ):
        self.course, self.gradebook, self.unit = course, gradebook, unit
        self.calibration, self.strict = calibration, strict

    def record(
        self,
        student: str,
        plans: dict[str, RebuiltNotebook],
        ran: dict[str, NotebookResult],
        **found,
    ) -> Outcome:
        """Write one submission's results.

        Args:
            student: whose submission it is.
            plans: the rebuilt notebooks by name.
            ran: what running them gave; of one that is set aside, nothing.
            found: ``problems`` (why a human must look), ``files`` (others that were handed in).

        Returns:
            The outcome, as it is recorded.
        """
        outcome = Outcome(self.unit, student, GRADED)
        problems = list(found.get("problems", ()))
        suspicions = [note for plan in plans.values() for note in plan.suspicions]
        for name, result in ran.items():
            _fill(plans[name], result)
            usual = self.calibration.incidents  # the instructor's own solution does it
            suspicions += [what for what in result.incidents if what not in usual]
            if result.failure:
                problems.append(f"{name} could not be graded: {result.failure}")
        submission = self._submission(student)
        for name, plan in plans.items():
            notebook = next(n for n in submission.notebooks if n.name == name)
            suspicions += self._grades(notebook, plan, ran.get(name), outcome)
        withheld = self._withheld(outcome)
        if problems or withheld or suspicions:
            outcome.status = NEEDS_HUMAN if problems or withheld else FLAGGED
            outcome.reason = "; ".join(dict.fromkeys(problems + withheld + suspicions))
        if problems:
            self._ask_for_a_human(submission, outcome)
        self._write_tree(student, plans, found.get("files", {}))
        self.gradebook.db.commit()
        try:
            self._penalize(submission, outcome)
        except Exception as error:  # a plugin of the course's own
            self.gradebook.db.rollback()
            outcome.leave_to_a_human(f"its late penalty could not be found ({error!r:.200})")
        return outcome

    def _submission(self, student: str):
        self.gradebook.update_or_create_student(student)
        folder = self.course.path("submitted", student, self.unit)
        timestamp = _timestamp(self.course, folder)
        more = {"timestamp": timestamp} if timestamp else {}
        return self.gradebook.update_or_create_submission(self.unit, student, **more)

    def _grades(
        self, notebook, plan: RebuiltNotebook, result: NotebookResult | None, outcome: Outcome
    ) -> list[str]:
        """Scores and comments, as nbgrader's SaveAutoGrades finds them; what is odd about them."""
        from nbgrader import utils

        told: list[str] = []
        grades = {grade.name: grade for grade in notebook.grades}
        comments = {comment.name: comment for comment in notebook.comments}
        cells = result.cells if result else [CellResult(judged=False)] * len(plan.cells)
        for cell, ran in zip(plan.notebook.cells, cells, strict=True):
            name = nbgrader_metadata(cell).get("grade_id")
            if utils.is_grade(cell) and name in grades:
                question = self._question(cell, notebook.name, ran, told)
                judged = ran.judged and name not in plan.unsure
                if not judged or self._refused(question):
                    question.score, question.failures = None, []
                _keep(grades[name], question)
                outcome.questions.append(question)
            if name in comments and (utils.is_solution(cell) or utils.is_task(cell)):
                same = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
                untouched = same and not utils.is_task(cell) and name not in plan.unsure
                comments[name].auto_comment = "No response." if untouched and result else None
        return told

    def _question(self, cell, notebook: str, ran: CellResult, told: list[str]) -> QuestionScore:
        """What a graded cell is worth."""
        from nbgrader import utils

        name, points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
        try:
            score = utils.determine_grade(cell)[0]
        except (ValueError, KeyError):
            # More than its points, or a value that has no text: nbgrader would record nothing.
            score = points
            told.append(f"the test {name} gave something else than a part of its {points:g} points")
        if score is None and not points:
            score = 0.0  # nobody has to mark what is worth nothing
        together = self.calibration.together.get(notebook, {}).get(name) or ran.not_separate
        broken = self.calibration.broken.get(notebook, {}).get(name)
        reason = ""
        if together:
            reason = f"not judged apart: {together}"
        elif broken:
            reason = f"the instructor's own solution does not pass: {broken}"
        failures = [] if score is None else failures_of(ran)
        return QuestionScore(name, score, points, failures, not together, reason)

    def _refused(self, question: QuestionScore) -> bool:
        return self.strict and not question.protected

    def _withheld(self, outcome: Outcome) -> list[str]:
        """With `strict`: which questions a human has to mark."""
        names = [question.question for question in outcome.questions if self._refused(question)]
        return [f"{', '.join(names)}: not judged apart, and so not graded (--strict)"] * bool(names)

    def _penalize(self, submission, outcome: Outcome) -> None:
        """What nbgrader's AssignLatePenalties does, with the course's own plugin."""
        from nbgrader.converters import Autograde
        from nbgrader.preprocessors import AssignLatePenalties

        config = self.course.config
        if AssignLatePenalties not in Autograde(config=config).autograde_preprocessors:
            return
        late = AssignLatePenalties(config=config)
        late.init_plugin()
        outcome.late_seconds = submission.total_seconds_late
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = None
            if outcome.late_seconds > 0:
                penalty = late.plugin_inst.late_submission_penalty(
                    outcome.student, notebook.score, outcome.late_seconds
                )
                if penalty is not None:
                    penalty = late._check_late_penalty(notebook, penalty)
                    notebook.late_submission_penalty = penalty
                    outcome.penalty += penalty
        self.gradebook.db.commit()

    def _ask_for_a_human(self, submission, outcome: Outcome) -> None:
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = True
            for comment in notebook.comments[:1]:
                comment.auto_comment = outcome.reason

    def _write_tree(
        self, student: str, plans: dict[str, RebuiltNotebook], files: dict[str, bytes]
    ) -> None:
        """The `autograded` folder of a submission, all of it or none."""
        target = self.course.path("autograded", student, self.unit)
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(".autograding-*"):  # by a run that was killed here
            shutil.rmtree(left, ignore_errors=True)
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


def _keep(grade, question: QuestionScore) -> None:
    """Write a score into the gradebook; a score that was given by hand stays."""
    grade.auto_score = question.score
    grade.needs_manual_grade = question.score is None or grade.manual_score is not None
    if grade.manual_score is not None:
        question.score = grade.manual_score


def _fill(plan: RebuiltNotebook, result: NotebookResult) -> None:
    """Put what the cells showed into the notebook. A graded cell's stderr is no failure."""
    number = 0
    for cell, ran in zip(plan.notebook.cells, result.cells, strict=True):
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
    plan.notebook.metadata.setdefault("language_info", {"name": "python"})


def _limited(notebook):
    """The notebook with long outputs cut, as nbgrader does it."""
    from nbgrader.preprocessors import LimitOutput

    return LimitOutput().preprocess(notebook, {})[0]


def _timestamp(course: CourseDirectory, folder: Path):
    """When it was handed in, if that is written beside it and can be read."""
    path = folder / "timestamp.txt"
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
            return None
        return course.directory.get_existing_timestamp(str(folder))
    except Exception:  # whatever a student wrote there, or a folder that cannot be read
        return None
