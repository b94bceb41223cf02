"""How the bench takes turns and what it makes of the times; the times themselves are no test."""

from types import SimpleNamespace

import pytest

import course.quiet  # noqa: F401
from course.benchmarks import timing
from course.benchmarks import training as measure
from course.training import checkpoints


def test_contestants_take_turns_in_every_order(monkeypatch):
    calls, clock = [], [100.0]
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(timing, "gc", SimpleNamespace(collect=lambda: None))  # half a second each

    def contestant(name):
        calls.append(name)
        clock[0] += {"a": 1, "b": 2, "c": 4}[name] + len(calls) / 1000

    contestants = {name: lambda name=name: contestant(name) for name in "abc"}
    seconds = timing.alternate(contestants, 12)
    rounds = ["".join(calls[start : start + 3]) for start in range(0, 36, 3)]
    assert sorted(rounds) == sorted(2 * ["abc", "acb", "bac", "bca", "cab", "cba"])
    for name, base in (("a", 1), ("b", 2), ("c", 4)):  # each call's own time, in the calls' order
        turns = [place for place, called in enumerate(calls, 1) if called == name]
        assert seconds[name] == pytest.approx([base + place / 1000 for place in turns])


def test_a_ratio_is_of_the_same_round_and_its_median_of_all():
    # A busy moment that meets both is no difference.
    runs = [
        {"ours": [1.0, 30.0, 3.0], "theirs": [2.0, 10.0, 2.0]},
        {"ours": [2.0], "theirs": [1.0]},
    ]
    found = timing.Comparison(runs, "ours", "theirs")
    assert found.ratio == (1.5 + 2.0) / 2
    assert str(found) == "1.000 / 1.000 s, 1.750 (1.500 to 2.000)"


def test_a_checkpoint_costs_what_a_part_takes_longer_with_it(monkeypatch):
    pytest.importorskip("tensorflow")

    def alternate(contestants, rounds):
        for _ in range(rounds):
            for contestant in contestants.values():
                contestant()
        return {name: [3.0 if name == "with" else 1.0] * rounds for name in contestants}

    written = []
    monkeypatch.setattr(measure, "alternate", alternate)
    monkeypatch.setattr(checkpoints, "save", lambda folder, step, *_: written.append(step))
    for name, value in {"STEPS": 12, "PART": 4, "BATCH": 4}.items():
        monkeypatch.setattr(measure, name, value)
    seconds = measure.against_fit(2, augment=True, process=0)
    # Three parts make an epoch: one with a checkpoint, two without.
    assert seconds == {
        "ours": [1.0] * 2,
        "fit": [1.0] * 2,
        "with": [5.0] * 6,
        "without": [3.0] * 6,
    }
    # A round more of each compiles.
    assert written == [12, 24, 36] + [2 + 4 * part for part in range(7)]
