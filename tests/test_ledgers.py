"""What `make test` leaves out was run as a whole, on these very sources."""

import pytest

from autograder import ledgers
from autograder.course import Course
from tests import parts
from tests.course.units import NAMES, unit


def assert_holds(subject: str, digests: dict[str, str], command: str) -> ledgers.Ledger:
    ledger = ledgers.Ledger.read(parts.ROOT, subject)
    names = ledgers.changed(ledger, digests)
    last = f" (the last time took {ledger.seconds:.0f} s)" if ledger else ""
    assert not names, (
        f"the ledger of {subject} no longer holds: {', '.join(names)}. What `make test` leaves out "
        f"must run once on these sources: `{command}`{last}, or `make record` for all such parts."
    )
    return ledger


@pytest.mark.parametrize("name", NAMES)
def test_a_units_ledger_holds(name):
    course = Course(parts.ROOT)
    command = f".venv/bin/autograder release --check {name} --record"
    ledger = assert_holds(name, ledgers.of_unit(course, name), command)
    assert ledger.found.keys() == unit(name).points.keys()
    for question, found in ledger.found.items():
        tried = [variant.wrong for variant in unit(name).variants if variant.question == question]
        assert found.get("mutants", 0) == found.get("killed", 0) == sum(tried), question
        honest = len(tried) - sum(tried)
        assert found.get("alternatives", 0) == found.get("accepted", 0) == honest, question


@pytest.mark.parametrize("part", parts.PARTS)
def test_a_parts_ledger_holds(part):
    command = f".venv/bin/pytest -n auto --record={part}"
    ledger = assert_holds(part, parts.digests(part), command)
    assert all("failed" not in found for found in ledger.found.values())


def test_every_part_has_its_tests():
    for patterns in parts.PARTS.values():
        for pattern in patterns:
            assert list(parts.ROOT.glob(pattern)), pattern
