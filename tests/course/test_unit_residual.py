"""Unit 07: its lecture runs and measures what it says; test_units.py has the rest."""

import numpy as np
import pytest

from course.training import seeds
from course.visualization import display, plots
from course.visualization import residual as draw
from course.visualization.looks import looks
from tests.course.units import figures, unit

UNIT = unit("07_residual")


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 8


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("07_residual")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_what_the_lecture_says_of_five_seeds_holds_for_them():
    found = {name: np.array(values) for name, values in seeds.load("07_residual").items()}
    # "its best seed is worse than the shallow one's worst"; the residual ones overlap
    assert found["loss: plain, 32 layers"].min() > found["loss: plain, 20 layers"].max()
    ranges = [found[f"loss: residual, {depth} layers"] for depth in (20, 32)]
    assert ranges[0].min() < ranges[1].max() and ranges[1].min() < ranges[0].max()
    # "more than a hundred times as large", "less than ten", "within a factor of ten"
    deep = "first / last: {}, 56 layers, normalized: yes"
    assert found[deep.format("plain")].min() > 100
    assert found[deep.format("residual")].max() < 10
    for depth in (20, 56):
        ratios = found[f"first / last: plain, {depth} layers, normalized: no"]
        assert ratios.min() > 0.1 and ratios.max() < 10
    # "eight are hardly better than a constant, or worse", "with two layers by at least 0.15"
    assert found["copying: plain, 8 layers"].min() > 0.7
    gain = found["copying: plain, 2 layers"] - found["copying: residual, 2 layers"]
    assert gain.min() > 0.15
    # "less than half of the digits right, and mostly no more than by guessing"
    assert found["plain, without one block: highest"].max() < 0.45
    assert found["plain, without one block: median"].max() < 0.15
    # agreement: none at 20 layers with normalization, without it only at 56
    alike = "agreement: plain, {} layers, normalized: {}"
    assert found[alike.format(20, "yes")].max() < 0.2 < found[alike.format(20, "no")].min()
    assert found[alike.format(56, "no")].max() < 0.1


def test_errors_of_a_table_have_as_many_decimals(taught):
    pages = [shown.data for shown in taught.shown if hasattr(shown, "data")]
    (page,) = (page for page in pages if "top-1 error, one crop" in page)
    errors = [line.split("|")[-2].strip() for line in page.splitlines()[2:]]
    assert {len(error.partition(".")[2]) for error in errors} == {1}
    (page,) = (page for page in pages if "CIFAR-10 test error" in page)
    assert page.splitlines()[1].endswith("| ---: |")


# Figures


def test_a_kind_of_network_has_one_color_in_all_figures():
    def colors(figure):
        (axis,) = figure.axes
        lines = [line for line in axis.lines if not line.get_label().startswith("_")]
        return {line.get_label(): line.get_color() for line in lines}

    curves = plots.curves(
        range(1, 4), {"plain": [1, 2, 3], "residual": [2, 2, 2]}, "Two.", x_label="", y_label=""
    )
    four = {f"{kind}, {n} layers": [[1.0, 2.0]] for kind in ("residual", "plain") for n in (20, 32)}
    trained = plots.training_curves(four, "Four.")
    without = draw.without_each_block(
        ["a"], {"plain": [0.1], "residual": [0.8]}, {"plain": 0.9, "residual": 0.9}
    )
    for kind in ("plain", "residual"):
        (color,) = {
            found for figure in (curves, trained, without) for name, found in colors(figure).items()
            if name.startswith(kind)
        }  # fmt: skip
    assert color == display.BLUE
    styles = [line.get_linestyle() for line in trained.axes[0].lines]
    assert styles == ["-", "--", "-", "--"]


def test_other_lines_take_colors_that_mean_nothing_else():
    names = ["a", "plain, 20 layers", "b", "residual, 20 layers", "c"]
    colors = [look["color"] for look in looks(names)]
    assert colors[1] == display.ORANGE and colors[3] == display.BLUE
    assert len(set(colors)) == 5
    three = [look["linestyle"] for look in looks(["plain, 1", "plain, 2", "plain, 3"])]
    assert len(set(three)) == 3


def test_layers_are_counted_in_whole_numbers():
    figure = plots.curves(range(1, 20), {"plain": range(1, 20)}, "One.", x_label="", y_label="")
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())


def test_training_curves_say_where_they_end():
    runs = {"plain": [[3, 2, 1.5], [3, 2.5, 2.5]], "residual": [[3, 1, 0.25]]}
    figure = plots.training_curves(runs, "Two kinds.", y_label="loss", x=[10, 20, 30])
    words = display.alt_text(figure)
    assert words.startswith("Two kinds.")
    assert "plain 2 (1.5 to 2.5)" in words and "residual 0.25." in words
    (axis,) = figure.axes
    thin = [line for line in axis.lines if line.get_linewidth() < 1]
    assert len(thin) == 2  # a single run is its own mean
    thick = {line.get_label(): line.get_xydata()[-1].tolist() for line in axis.lines}
    assert thick["plain"] == [30, 2] and thick["residual"] == [30, 0.25]


def test_words_follow_the_figure():
    half, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    half[::2, ::2] = True
    words = display.alt_text(draw.pixels_seen({"one": half, "other": full}))
    assert "one 25%" in words and "other 100%" in words
    made = np.ones((2, 2, 4))
    made[..., 2:] = 0
    words = display.alt_text(draw.shortcuts(np.ones((4, 4, 2)), {"A": made}))
    assert "x: 2 feature maps of 4x4" in words
    assert "A: 4 feature maps of 2x2, 2 of them all zeros" in words
    words = display.alt_text(draw.stages([("conv1", 8, 64, 10**9), ("conv2", 4, 256, 2 * 10**9)]))
    assert "conv2: 4x4, 256 channels, 2.00 billion" in words
    words = display.alt_text(
        draw.without_each_block(["a", "b"], {"net": [0.5, np.nan]}, {"net": 0.9})
    )
    assert "net 0.90 as a whole, 0.50 to 0.50 without one of 1 blocks" in words
