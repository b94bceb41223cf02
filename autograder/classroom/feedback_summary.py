"""What stands on top of a feedback page: whose it is, and how each question went."""

from __future__ import annotations

from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from autograder.engine.matching import nbgrader_metadata
from autograder.mark.render import style
from autograder.mathml import with_mathml
from autograder.question_names import question_names
from autograder.standings import Standing, person

# Each with a sign, so that nobody has to tell colors apart.
WORDS = {
    "full": "✓ right",
    "partly": "◐ partly right",
    "none": "✗ not right",
    "waits": "… not marked yet",
}


class Summary(Preprocessor):
    """Adds the student's name and a row for each question; runs after nbgrader's GetGrades."""

    enabled = True

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Put the rows into the cells' metadata and, all of them, into the resources."""
        from nbgrader.api import Gradebook

        facts = resources["nbgrader"]
        names = question_names(nb)
        with Gradebook(facts["db_url"]) as gradebook:
            submission = gradebook.find_submission(facts["assignment"], facts["student"])
            notebook = next(n for n in submission.notebooks if n.name == facts["notebook"])
            unmarked = {
                grade.name for grade in notebook.grades
                if grade.auto_score is None and grade.manual_score is None
            }  # fmt: skip
            facts["who"] = person(submission.student).name or facts["student"]
            seconds = submission.total_seconds_late if submission.assignment.duedate else 0
            late = Standing("", person(submission.student), late_seconds=seconds)
            late.penalty = float(facts.get("late_penalty") or 0)
            facts["lateness"] = late.lateness[:1].upper() + late.lateness[1:]
        rows = []
        for cell in nb.cells:
            marks = nbgrader_metadata(cell)
            name = marks.get("grade_id")
            if marks.get("comment"):
                marks["comment"] = with_mathml(marks["comment"])
            if name in names and "points" in marks:
                row = _row(marks, names[name], name in unmarked)
                rows.append(row)
                marks["row"] = row | {"number": len(rows)}
        facts["summary"] = rows
        facts["code_dark"] = style("github-dark", ".highlight")
        facts["waiting"] = sum(row["state"] == "waits" for row in rows)
        facts["score"] = max(0, facts["score"])
        return nb, resources


def _row(marks: dict[str, Any], name: str, unmarked: bool) -> dict[str, Any]:
    score, points = float(marks.get("score") or 0), float(marks.get("points") or 0)
    if unmarked:
        state = "waits"
    elif score >= points:
        state = "full"
    else:
        state = "partly" if score > 0 else "none"
    return {
        "name": name,
        "score": score,
        "points": points,
        "state": state,
        "words": WORDS[state],
        "comment": bool(marks.get("comment")),
    }
