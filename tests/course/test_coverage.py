"""What the four lectures say and where the course has it: the places are there, nothing is lost."""

import csv
import re

import pytest

from tests import parts
from tests.conftest import ROOT

NUMBERS = {name[:2]: name for name in parts.UNITS}
# All of the course, with those that are not written yet.
PLANNED = {f"{number:02}" for number in range(1, 17)}


def rows():
    with open(ROOT / "docs/coverage.csv", newline="") as file:
        return list(csv.DictReader(file))


def listed(text):
    return text.split(", ") if text else []


def headings(path):
    return set(re.findall(r"^# ## (\d+) · ", path.read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def there():
    """Every section of a lecture and every question, such as "02 §6" and "02 Q8"."""
    found = set()
    for number, name in NUMBERS.items():
        sections = headings(ROOT / f"course/lectures/{name}.py")
        questions = headings(ROOT / f"solutions/{name}/{name}.py")
        found |= {f"{number} §{s}" for s in sections} | {f"{number} Q{q}" for q in questions}
    return found


def test_every_item_stands_once():
    assert [int(row["number"]) for row in rows()] == list(range(1, 309))
    assert all(row["item"] and set(row["lectures"]) <= set("CUDN") for row in rows())


def test_what_is_covered_is_in_a_section_or_a_question(there):
    missing = {row["number"]: set(listed(row["where"])) - there for row in rows()}
    assert not {number: places for number, places in missing.items() if places}


def test_nothing_is_planned_for_a_unit_that_is_written():
    planned = {row["number"]: set(listed(row["planned"])) for row in rows()}
    assert set().union(*planned.values()) <= PLANNED
    assert not {number: units & NUMBERS.keys() for number, units in planned.items()
                if units & NUMBERS.keys()}  # fmt: skip


@pytest.mark.parametrize("unit", parts.UNITS)
def test_every_unit_covers_something(unit):
    number = unit[:2]
    assert any(place.startswith(number) for row in rows() for place in listed(row["where"]))
