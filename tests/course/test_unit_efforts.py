"""Hours and prerequisites: every unit has them, and they fit together."""

from course import units
from tests.parts import UNITS


def test_every_unit_says_what_it_asks_of_a_student():
    efforts = units.efforts()
    assert list(efforts) == UNITS
    for effort in efforts.values():
        assert 0 < effort.lecture_hours < effort.assignment_hours


def test_prerequisites_come_earlier():
    for unit, effort in units.efforts().items():
        assert all(name in UNITS and name < unit for name in effort.after)
