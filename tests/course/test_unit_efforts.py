"""Hours and prerequisites: every unit has them, and they fit together."""

import re

import pytest

from course import units
from tests.conftest import ROOT
from tests.parts import UNITS


def test_every_unit_says_what_it_asks_of_a_student():
    efforts = units.efforts()
    assert list(efforts) == UNITS
    for effort in efforts.values():
        assert 0 < effort.lecture_hours < effort.assignment_hours


@pytest.mark.parametrize("unit", UNITS)
def test_hours_are_the_minutes_of_the_questions(unit):
    script = (ROOT / "solutions" / unit / f"{unit}.py").read_text()
    minutes = re.findall(r"^# \| \d+ .*\| (\d+) \|$", script, re.MULTILINE)
    assert len(minutes) == script.count("checks.Question(") + 1  # and the one marked by hand
    assert abs(sum(map(int, minutes)) / 60 - units.efforts()[unit].assignment_hours) <= 0.25


def test_prerequisites_come_earlier():
    for unit, effort in units.efforts().items():
        assert all(name in UNITS and name < unit for name in effort.after)
