"""A cell's time limit, and the limit on its output."""

import time

import pytest

from autograder.engine import cell_runner
from autograder.engine.cell_runner import CellTimeout, alarm


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_an_alarm_inside_another_leaves_that_on():
    started = time.monotonic()
    with pytest.raises(CellTimeout), alarm(0.3):
        with alarm(5):
            spin(0.1)
        spin(5)
    assert 0.2 < time.monotonic() - started < 2
    spin(0.5)  # and none is left


def test_an_alarm_that_should_have_rung_meanwhile_rings_at_once():
    inner = []
    with pytest.raises(CellTimeout), alarm(0.1):
        with alarm(5):
            spin(0.3)
            inner.append("done")
        spin(5)
    assert inner == ["done"]


@pytest.mark.parametrize("parts", [["abcd", "e", "f"], ["abcde", "f"], ["ab", "cd", "", "ef"]])
def test_output_over_the_limit_is_said_to_be_cut_off(parts, monkeypatch):
    monkeypatch.setattr(cell_runner, "MAX_OUTPUT", 4)
    outputs = []
    stream = cell_runner._Stream("stdout", outputs)
    for part in parts:
        stream.write(part)
    assert [output["text"] for output in outputs] == ["abcd\n[more output was cut off]\n"]


def test_output_of_the_limit_is_whole(monkeypatch):
    monkeypatch.setattr(cell_runner, "MAX_OUTPUT", 4)
    outputs = []
    cell_runner._Stream("stdout", outputs).write("abcd")
    assert outputs[0]["text"] == "abcd"
