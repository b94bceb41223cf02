"""Small courses of habits through `autograder grade`, and what nbgrader gives for the same."""

import importlib.util
import json
from importlib.metadata import version

import pytest

from tests.habits.course import GRADES, STUDENTS, digest, habits, make

HABITS = habits()
RECORD = "run `python -m tests.habits.record` where pandas and sympy are installed"
# The others fall back, which costs no points; fewer of them is better.
LEAST_JUDGED_APART = 20


@pytest.fixture(scope="module")
def graded(tmp_path_factory, executor):
    """Both students, graded in one run."""
    from autograder.grading import GradingOptions, grade

    course = make(tmp_path_factory.mktemp("habits"))
    return {
        o.student: o for o in grade(course, options=GradingOptions(workers=2), executor=executor)
    }


def recorded() -> dict:
    return json.loads(GRADES.read_text())


def test_nbgraders_grades_are_of_these_habits():
    assert recorded()["habits"] == digest(), f"the habits have changed: {RECORD}"
    assert recorded()["nbgrader"] == version("nbgrader"), f"another nbgrader: {RECORD}"


def test_nbgrader_tells_right_from_wrong():
    """Else equal grades would say nothing."""
    grades = recorded()["grades"]
    assert {name for name, score in grades["right"].items() if score == 1} == set(HABITS)
    assert {name for name, score in grades["wrong"].items() if score == 0} == set(HABITS)


def test_both_are_graded_in_full(graded):
    assert set(graded) == set(STUDENTS)
    for outcome in graded.values():
        assert outcome.status == "graded", outcome.reason
        assert {question.question for question in outcome.questions} == set(HABITS)


@pytest.mark.parametrize("name", HABITS)
def test_grades_are_nbgraders(graded, name):
    missing = [module for module in HABITS[name].needs if not importlib.util.find_spec(module)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    expected = {student: recorded()["grades"][student][name] for student in STUDENTS}
    differs = dict(HABITS[name].differs or {})
    because = differs.pop("because", "")
    assert bool(differs) == bool(because)
    ours = {
        student: next(q.score for q in outcome.questions if q.question == name)
        for student, outcome in graded.items()
    }
    assert ours == expected | differs, because


def test_most_are_judged_apart(graded):
    right = [question for question in graded["right"].questions if question.score]
    together = [
        (question.question, question.reason) for question in right if not question.protected
    ]
    assert len(right) - len(together) >= LEAST_JUDGED_APART, together


@pytest.mark.whole
def test_nbgrader_gives_these_grades_still():
    from tests.habits.record import nbgraders_own

    for module in ("pandas", "sympy"):
        pytest.importorskip(module)
    assert nbgraders_own() == recorded()
