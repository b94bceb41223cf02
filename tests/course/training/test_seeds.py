"""Numbers of a lecture with several seeds: recorded by running it, and read by its tables."""

import json

import numpy as np
import pytest

from course.training import seeds

LECTURE = """
from course.training import seeds

SEED = 1
before, numbers = seeds.load("tiny"), {"twice": 2 * SEED, "third": SEED / 3}
rows = seeds.columns(before, ["twice"], numbers)
assert numbers["twice"] < 9, "too much"
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setattr(seeds, "LECTURES", tmp_path)
    monkeypatch.setattr(seeds, "FOLDER", tmp_path / "records")
    (tmp_path / "tiny.py").write_text(LECTURE)
    return tmp_path / "tiny.py"


def test_a_lecture_is_recorded_seed_by_seed(tiny):
    path = seeds.record("tiny", 3)
    assert seeds.load("tiny") == {"third": [0.3333, 0.6667, 1.0], "twice": [2, 4, 6]}
    assert json.loads(path.read_text())["versions"]["python"]


def test_what_a_lecture_asserts_must_hold_with_every_seed(tiny):
    with pytest.raises(AssertionError, match="too much"):
        seeds.record("tiny", 5)
    with pytest.raises(FileNotFoundError):
        seeds.load("tiny")


def test_a_lecture_has_one_seed(tiny):
    tiny.write_text("seed = 1")
    with pytest.raises(ValueError, match="one line 'SEED = 1'; tiny has 0"):
        seeds.numbers_with("tiny", 2)


def test_a_table_has_a_row_for_each_seed_and_one_for_this_run():
    recorded = {"a": [0.0571, 12.34], "b": [400.4, 1470]}
    rows = seeds.columns(recorded, ["b", "a"], {"a": 0.5, "b": 3})
    assert rows == [
        ("1", "400", "0.06"), ("2", "1470", "12.3"), ("this run", "3.00", "0.50")
    ]  # fmt: skip
    assert seeds.span(np.array([0.5, -0.031, 0.2])) == "-0.03 to 0.50"
