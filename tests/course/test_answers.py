"""Answers written from the released text alone: wrong ones lose points, right ones do not."""

import pytest

from autograder import mutants
from tests import parts
from tests.conftest import ROOT
from tests.course.units import NAMES, notebook_of, unit, variant_id

ANSWERS = [
    (name, answer)
    for name in NAMES
    for answer in mutants.read(
        ROOT / "tests" / "answers" / f"{name}.toml", notebook_of(unit(name).script)
    )
]


@pytest.mark.parametrize(("name", "answer"), parts.by_day(ANSWERS, 16, "answers"), ids=variant_id)
def test_an_answer_gets_what_it_deserves(name, answer):
    namespace = unit(name).answered(answer.question, **{answer.answer: answer.source})
    score, message = unit(name).mark(answer.question, namespace)
    points = unit(name).points[answer.question]
    if answer.wrong:
        assert score < points
    else:
        assert score == points and "✗" not in message, message
