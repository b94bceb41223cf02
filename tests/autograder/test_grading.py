"""Every submission gets the score it deserves, and an outcome whatever it is."""

import functools
import json
import re

import nbformat
import pytest

from autograder import grading
from autograder.classroom.feedback import write_feedback
from autograder.classroom.report import write_report
from autograder.grading import load_outcomes


@pytest.fixture
def grade(executor):
    """Grade with fork servers that all tests share."""
    return functools.partial(grading.grade, executor=executor)


RIGHT = {"double": "def double(x):\n    return x + x", "square": "def square(x):\n    return x**2"}


def scores(outcomes):
    return {o.student: o.score for o in outcomes}


def test_right_partly_wrong_and_untouched(small_course, grade):
    course, submit = small_course
    submit("right", RIGHT)
    submit("partly", RIGHT | {"double": "def double(x):\n    return abs(2 * x)"})
    submit("visible", RIGHT | {"double": "def double(x):\n    return 6"})
    submit("untouched")
    outcomes = grade(course)
    assert scores(outcomes) == {"right": 5, "partly": 4, "visible": 3, "untouched": 0}
    assert {o.status for o in outcomes} == {"graded"}
    partly = next(o for o in outcomes if o.student == "partly").questions[0]
    assert (partly.score, partly.max_score) == (1, 2)
    assert [f.check for f in partly.failures] == ["below zero"]
    assert "should give -" in partly.failures[0].message


NOISE = """
import logging, sys, warnings
print("working")
print("2026-01-01 W tensorflow/core: failed call to cuInit", file=sys.stderr)
warnings.warn("deprecated")
logging.warning("careful")
import os
os.write(2, b"E0000 cuda_dnn.cc: Unable to register\\n")
"""


def test_noise_costs_nothing(small_course, grade):
    """Prints, warnings and stderr: in the solution cell, at each call, and from other libraries."""
    course, submit = small_course
    lines = "\n    ".join(NOISE.strip().splitlines())
    submit(
        "noisy",
        {
            "double": f"{NOISE}\ndef double(x):\n    {lines}\n    return 2 * x",
            "square": f"def square(x):\n    {lines}\n    return x * x",
        },
    )
    (outcome,) = grade(course)
    assert (outcome.score, outcome.status) == (5, "graded")


@pytest.mark.parametrize(
    ("name", "double", "deserved", "status", "reason"),
    [
        ("syntax", "def double(x:\n    return", 3, "graded", ""),
        ("exception", "def double(x):\n    return x.y", 3, "graded", ""),
        ("raises when defined", "raise RuntimeError('no')", 3, "graded", ""),
        ("endless", "def double(x):\n    while True: pass", 3, "graded", ""),
        ("exit", "import os\nos._exit(0)", 0, "flagged", "ended or blocked the Python process"),
        (
            "exit in a call",
            "def double(x):\n    import os; os._exit(1)",
            0,
            "flagged",
            "ended or blocked",
        ),
        ("kills itself", "import os\nos.kill(os.getpid(), 9)", 0, "flagged", "ended or blocked"),
        ("sys.exit", "import sys\nsys.exit()", 3, "graded", ""),
    ],
)
def test_a_bad_cell_costs_its_own_points(
    small_course, name, double, deserved, status, reason, grade
):
    course, submit = small_course
    submit("s", RIGHT | {"double": double})
    (outcome,) = grade(course)
    assert (outcome.score, outcome.status) == (deserved, status)
    assert reason in outcome.reason
    assert bool(outcome.reason) == bool(reason)


def test_what_ran_before_the_end_keeps_its_points(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT | {"square": "import os\nos._exit(0)"})
    (outcome,) = grade(course)
    assert (outcome.score, outcome.status) == (2, "flagged")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"cells": [{"cell_ty', "not a readable notebook"),
        (b"", "not a readable notebook"),
        (b"\xff\xfe\x00", "not a readable notebook"),
        (b"[" * 100_000, "not a readable notebook"),
        (b"[]", "is not a notebook: it holds a list"),
        (
            b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
            "it has no list of cells",
        ),
    ],
)
def test_unreadable_notebooks_need_a_human(small_course, raw, reason, grade):
    course, submit = small_course
    submit("damaged", raw=raw)
    submit("fine", RIGHT)
    damaged, fine = grade(course)
    assert (damaged.score, damaged.status) == (0, "needs a human")
    assert reason in damaged.reason
    assert fine.score == 5
    # The submission is as it was, and the gradebook asks for a look.
    assert (course.path("submitted", "damaged", "small") / "small.ipynb").read_bytes() == raw
    with course.gradebook() as gradebook:
        notebook = gradebook.find_submission_notebook("small", "small", "damaged")
        assert notebook.needs_manual_grade
        assert reason in notebook.comments[0].comment


def test_a_renamed_notebook_is_named(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT)
    folder = course.path("submitted", "s", "small")
    (folder / "small.ipynb").rename(folder / "small (1).ipynb")
    (outcome,) = grade(course)
    assert outcome.status == "needs a human"
    assert "there is small (1).ipynb: was it renamed or packed?" in outcome.reason


def test_changed_and_deleted_tests_do_not_matter(small_course, grade):
    course, submit = small_course
    submit("s", {"test_double": "2", "test_square": "pass"})
    (outcome,) = grade(course)
    assert outcome.score == 0


def test_grading_again_gives_the_same(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT)
    first, again = grade(course), grade(course)
    assert scores(first) == scores(again) == {"s": 5}


def test_the_record_is_what_grade_returned(small_course, grade):
    course, submit = small_course
    submit("a", RIGHT)
    submit("b", RIGHT | {"double": "def double(x):\n    return 1"})
    outcomes = grade(course)
    assert load_outcomes(course) == outcomes
    data = json.loads((course.records / "small" / "a.json").read_text())
    assert data["score"] == 5


def test_feedback_explains_and_keeps_the_tests_hidden(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT | {"double": "def double(x):\n    return abs(2 * x)"})
    grade(course)
    (folder,) = write_feedback(course)
    page = (folder / "small.html").read_text()
    assert "below zero" in page  # the name of the check and its message
    assert "HIDDEN TESTS" not in page
    assert "q.random.randint" not in page


def test_feedback_on_a_bare_assert_quotes_no_hidden_line(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT | {"square": "def square(x):\n    return 4"})
    (outcome,) = grade(course)
    assert outcome.score == 2
    (folder,) = write_feedback(course)
    page = re.sub("<[^>]+>", "", (folder / "small.html").read_text())
    assert "AssertionError" in page
    assert "square(2)" in page
    assert "square(7)" not in page


def test_the_report_tells_the_class(small_course, grade):
    course, submit = small_course
    submit("right", RIGHT)
    submit("half", RIGHT | {"double": "def double(x):\n    return abs(2 * x)"})
    submit("<b>bold", raw=b"cut off")
    grade(course)
    page = write_report(course).read_text()
    # Who was set aside has failed nothing.
    assert "50 % all points, 50 % some, 0 % none" in page
    assert '<td class="number">– / 5</td>' in page
    assert "below zero" in page
    assert "needs a human" in page
    assert "<b>bold" not in page  # names are text


def test_nbgrader_can_go_on(small_course, grade):
    """The autograded tree and the gradebook are nbgrader's own."""
    from autograder.classroom.export import write_csv

    course, submit = small_course
    submit("s", RIGHT)
    grade(course)
    autograded = course.path("autograded", "s", "small") / "small.ipynb"
    assert nbformat.read(autograded, 4).cells[2].outputs
    table = write_csv(course, course.root / "grades.csv").read_text().splitlines()
    row = dict(zip(table[0].split(","), table[1].split(","), strict=True))
    assert (row["student_id"], float(row["score"])) == ("s", 5)
