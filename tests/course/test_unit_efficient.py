"""Unit 09: its lecture runs and measures what it says; its answers agree with the library."""

import keras
import numpy as np
import pytest

from course import sizing
from course.architectures import efficientnet, mobilenet_v2
from course.blocks import separable
from course.training import seeds
from course.visualization import display
from course.visualization import efficient as draw
from tests.course.units import figures, unit

UNIT = unit("09_efficient")


@pytest.fixture(scope="module")
def taught():
    """The lecture's names after it has run from start to end, and what it showed."""
    return UNIT.teach()


@pytest.fixture(scope="module")
def answers():
    return UNIT.answered()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 8


def test_the_lecture_measures_what_it_says(taught):
    assert taught.lost[2] > 0.5 > 0.005 > taught.lost[30]
    assert taught.times_slower[256] > 2
    assert set(taught.fronts["multiply-adds"]) != set(taught.fronts["weights"])


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("09_efficient")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_what_a_slide_says_has_its_lecture_and_a_reason(taught):
    assert all(len(row) == 5 for row in taught.corrections)


@pytest.mark.parametrize("expansion", [1, 4])
@pytest.mark.parametrize("strides", [1, 2])
def test_costs_are_those_of_the_librarys_block(answers, expansion, strides):
    x = keras.Input((9, 7, 12))
    y = separable.inverted_bottleneck(
        x, 16, expanded_filters=12 * expansion, kernel_size=5, strides=strides, se_filters=3,
        name="block",
    )  # fmt: skip
    report = sizing.profile(keras.Model(x, y))
    normalizations = sum(row.params for row in report.rows if row.name.endswith("_bn"))
    weights, macs = answers["block_cost"]((9, 7), 12, 16, expansion, 5, strides, 0.25)
    assert (weights, macs) == (report.params - normalizations, report.macs)


def test_rounding_is_the_librarys(answers):
    for width in (0.35, 0.5, 0.75, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0):
        for filters in range(8, 400, 4):
            expected = mobilenet_v2.round_filters(filters, width)
            assert answers["rounded_filters"](filters, width) == expected
    for depth in (1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1):
        for repeats in range(1, 10):
            expected = efficientnet.round_repeats(repeats, depth)
            assert answers["rounded_repeats"](repeats, depth) == expected


def test_the_table_of_b0_is_the_librarys(answers):
    rows = [
        (r.expansion, r.kernel_size, r.filters, r.repeats, r.strides) for r in efficientnet.TABLE
    ]
    assert list(answers["B0"]) == rows
    published = {
        f"B{n}": (s.width, s.depth, s.resolution) for n, s in enumerate(efficientnet.SCALES)
    }
    published.pop("B0")
    assert published == answers["PUBLISHED"]


def test_swish_is_that_of_keras(answers):
    x = np.linspace(-8, 8, 33)
    assert np.allclose(answers["swish"](x), keras.activations.silu(x), atol=1e-6)
    at, value = answers["lowest"]()
    assert np.isclose(at + 1, value, atol=1e-9)


def test_a_shuffle_is_drawn_with_its_new_groups():
    words = display.alt_text(draw.shuffle(6, 2, (0, 3, 1, 4, 2, 5)))
    assert "6 numbered channels in 2 groups" in words and "0, 3, 1; 4, 2, 5" in words


def test_a_roof_has_its_points_under_it():
    figure = draw.roofline({"1x1": [(2.0, 10.0), (8.0, 30.0)]}, peak=30, bandwidth=5)
    assert "10 at 2, 30 at 8" in display.alt_text(figure)
    x, y = figure.axes[0].lines[0].get_data()
    assert np.allclose(y, np.minimum(30, 5 * x))


def test_gates_say_how_far_classes_are_apart():
    rows = np.array([[0.2, 0.4], [0.4, 0.8]])
    words = display.alt_text(draw.gates({"first": rows, "last": rows[:, ::-1]}, ["a", "b"]))
    assert "a, b" in words and words.count("0.150") == 2


def test_spirals_and_factors_say_what_they_show():
    points = np.ones((5, 2))
    assert "2 dimensions" in display.alt_text(draw.spirals(points, {"2 dimensions": points}))
    words = display.alt_text(draw.factors({"B1": (0.5, 0.0, 0.5), "B2": (1, 1, 1)}, (1, 2)))
    assert "B1 0.5, 0.0, 0.5; B2 1.0, 1.0, 1.0" in words
