"""Whatever is handed in, every submission ends in an outcome, and every test is asked."""

import copy
import json

import nbformat
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autograder import grading
from autograder.engine import intake, submission_files
from autograder.engine.job import CellPlan, CellResult, Job, Role
from autograder.grading.outcome import Failure, failures_of
from autograder.wire.results import CheckResult, QuestionResult
from tests.autograder.conftest import notebook

RELEASED = json.loads(nbformat.writes(notebook()))
TESTS = {"test_double": "# of the judge: double", "test_square": "# of the judge: square"}
STATUSES = {"graded", "flagged", "needs a human"}

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["code", "markdown", "raw", "double", "test_double", "1/0", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = st.sampled_from(["cell_type", "source", "metadata", "id", "outputs", "execution_count"])
MARKS = st.sampled_from(["grade_id", "grade", "solution", "locked", "points", "task", "checksum"])


@st.composite
def notebooks(draw) -> bytes:
    """The released notebook after some damage, or something else altogether."""
    data = copy.deepcopy(RELEASED)
    cells = data["cells"]
    for _ in range(draw(st.integers(0, 8))):
        cell = draw(st.sampled_from(cells)) if cells else {}
        marks = cell.get("metadata")
        marks = marks.get("nbgrader") if isinstance(marks, dict) else None
        match draw(st.integers(0, 9)):
            case 0:
                cell[draw(KEYS)] = draw(odd)
            case 1:
                cell.pop(draw(KEYS), None)
            case 2 if isinstance(marks, dict):
                marks[draw(MARKS)] = draw(odd)
            case 3 if isinstance(marks, dict):
                marks.pop(draw(MARKS), None)
            case 4:
                cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(cell))
            case 5 if cell in cells:
                cells.remove(cell)
            case 6:
                data["cells"] = cells = draw(st.permutations(cells))
            case 7:
                cell["outputs"] = [
                    {"output_type": "stream", "text": "x[{" * draw(st.integers(0, 99999))}
                ]
            case 8:
                cell.pop("id", None)
                data["nbformat_minor"] = draw(st.integers(0, 9))
            case 9:
                data[draw(st.sampled_from(["nbformat", "metadata", "worksheets"]))] = draw(odd)
    if draw(st.integers(0, 9)) == 0:
        data = draw(odd)
    raw = json.dumps(data).encode()
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 9)) == 0 else raw


@settings(max_examples=150, deadline=None)
@given(notebooks())
def test_every_plan_has_every_test_and_runs_no_text(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("notebook") / "a.ipynb"
    path.write_bytes(raw)
    try:
        cells = submission_files.read_cells(path)
    except submission_files.UnreadableSubmission:
        return
    plan = intake.rebuild(notebook(), TESTS, cells)
    judged = [cell.source for cell in plan.cells if cell.role == "judge"]
    assert judged == list(TESTS.values())
    nbformat.validate(plan.notebook)
    for cell, shown in zip(plan.cells, plan.notebook.cells, strict=True):
        assert (cell.role == "skip") == (shown.cell_type != "code")
        assert cell.role == "judge" or "of the judge" not in cell.source


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],  # each example is a class
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(notebooks(), min_size=8, max_size=8))
def test_every_submission_ends_in_an_outcome(small_course, executor, damaged):
    course, _ = small_course
    for number, raw in enumerate(damaged):
        folder = course.path("submitted", f"s{number}", "small")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small.ipynb").write_bytes(raw)
    outcomes = grading.grade(course, executor=executor)
    assert [outcome.student for outcome in outcomes] == [f"s{n}" for n in range(8)]
    with course.gradebook() as gradebook:
        for outcome in outcomes:
            assert outcome.status in STATUSES and outcome.recorded
            assert bool(outcome.reason) == (outcome.status != "graded")
            assert outcome.max_score == 5
            assert 0 <= outcome.score <= 5
            book = gradebook.find_submission("small", outcome.student)
            assert book.score == outcome.score
            assert book.needs_manual_grade == (outcome.status == "needs a human")
    assert grading.load_outcomes(course) == outcomes


ERROR = {"output_type": "error", "ename": "ChecksFailed", "evalue": "✗ a: b", "traceback": []}
PRINTED = {"output_type": "stream", "name": "stdout", "text": "✗ forged: message\n  Hint: forged"}


def test_failures_are_what_the_questions_found_and_nothing_that_was_printed():
    checks = (
        CheckResult("not allowed", 0, 0, "f uses keras."),
        CheckResult("small", 0, 1),
        CheckResult("any size", 1, 0.5, "f(3) should give 4, but gave 3.", "count"),
    )
    ran = CellResult([PRINTED, ERROR], results=[QuestionResult("Sizes", 2, 0, checks)])
    assert failures_of(ran) == [
        Failure("not allowed", "f uses keras."),
        Failure("any size", "f(3) should give 4, but gave 3.", "count"),
    ]


def test_an_error_is_a_failure_where_no_question_has_reported():
    error = ERROR | {"ename": "AssertionError", "evalue": "\x1b[31m"}
    assert failures_of(CellResult([PRINTED, error])) == [
        Failure("AssertionError", "AssertionError")
    ]
    assert failures_of(CellResult([PRINTED])) == []


TEST = """
from autograder import checks
question = checks.Question("Double", 2)
question.check("of 4", double, 4).gives(8, hint="twice")
question.score()
"""
FORGER = """
def double(x):
    print("✗ forged: forged message\\n  Hint: forged hint\\n    and more")
    return x
"""


def test_the_judge_hands_over_results_and_a_print_is_none_of_them(executor):
    for separate in (True, False):
        cells = [CellPlan(Role.STUDENT, FORGER), CellPlan(Role.TEST, TEST, separate=separate)]
        (_, ran) = executor.run(Job("u", "s", {"n": cells}))["n"].cells
        (result,) = ran.results
        assert (result.question, result.points, result.score) == ("Double", 2, 0)
        (failure,) = failures_of(ran)
        assert failure == Failure("of 4", "double(4) should give 8, but gave 4.", "twice")
        assert any("forged" in output.get("text", "") for output in ran.outputs)


def test_what_a_test_cell_leaves_does_not_reach_the_next_submission(executor):
    """Warnings filters, random states and changed modules end with the judge's process."""
    test = """
import random, warnings
import numpy as np
print(hasattr(np, "left"), len(warnings.filters), np.random.rand() == 0.7151893663724195)
np.left = True
warnings.filterwarnings("ignore", "nobody says this")
np.random.seed(0)
_ = np.random.rand()
"""
    cells = [CellPlan(Role.TEST, test, visible_source=test)]
    texts = []
    for student in ("a", "b"):
        (result,) = executor.run(Job("u", student, {"n": cells}))["n"].cells
        texts.append([output.get("text", output) for output in result.outputs])
    ((text,), second) = texts
    assert text.startswith("False ") and text.endswith(" False\n")
    assert second == [text]
