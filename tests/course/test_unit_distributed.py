"""Unit 12: its lecture runs, and its figures say what is in them."""

import pytest

from course.benchmarks import scaling
from course.visualization import display
from course.visualization import distribution as draw
from tests.course.units import figures, unit

UNIT = unit("12_distributed")


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 5


def test_the_mistakes_are_ordered_as_the_text_says(taught):
    off = taught.distances
    worst = sorted(off, key=off.get)[-3:]
    assert set(worst) == {
        "mean of the part", "everybody gets everything", "rate scaled twice"
    }  # fmt: skip
    assert off["mean of the means"] < 0.2 < off["own statistics"]


def test_the_linear_rule_holds_for_all_five_seeds_up_to_its_limit(taught):
    same, linear = taught.losses["same rate"], taught.losses["linear rule"]
    assert [len(runs) for runs in linear] == [5] * 4
    for seed in range(5):
        assert linear[2][seed] < 0.3 < 0.6 < same[2][seed]
        assert linear[3][seed] > 0.6


def test_networks_are_those_of_the_library(taught, whole):
    nets = taught.NETWORKS.values() if whole else [taught.NETWORKS["EfficientNet-B0"]]
    for network in nets:
        assert scaling.measure(network.name) == network


def test_the_ring_is_drawn_as_it_runs():
    words = display.alt_text(draw.ring_rounds(3))
    assert "start: replica 0 has 0 | 0 | 0" in words
    assert "reduce 1: replica 0 has 0 | 0 | 0+2" in words
    assert words.count("0+1+2 | 0+1+2 | 0+1+2") == 3
    words = display.alt_text(draw.ring(3, 1))
    assert "replica 0 sends chunk 0 to replica 1, which then has the sum of 0+1" in words
    words = display.alt_text(draw.ring(3, 4))
    assert "gather" in words and "which then has the sum of 0+1+2" in words


def test_towers_count_what_crosses():
    layers = [("A", (5, 5, 8), "own"), ("B", (3, 3, 8), "all"), ("C", (16,), "own")]
    words = display.alt_text(draw.towers(layers))
    assert "B needs 36 values of the other tower" in words
    assert "A needs" not in words and "C needs" not in words
