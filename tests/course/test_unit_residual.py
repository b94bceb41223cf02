"""Unit 07: its lecture runs and measures what it says; test_units.py has the rest."""

import numpy as np
import pytest

from course.visualization import display, plots
from course.visualization import residual as draw
from tests.course.units import figures, unit

UNIT = unit("07_residual")


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_points():
    assert sum(UNIT.points.values()) == 34


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 8


# Figures


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
    assert "x: 2 maps of 4x4" in words and "A: 4 maps of 2x2, 2 of them all zeros" in words
    words = display.alt_text(draw.stages([("conv1", 8, 64, 10**9), ("conv2", 4, 256, 2 * 10**9)]))
    assert "conv2: 4x4, 256 channels, 2.00 billion" in words
    words = display.alt_text(
        draw.without_each_block(["a", "b"], {"net": [0.5, np.nan]}, {"net": 0.9})
    )
    assert "net 0.90 as a whole, 0.50 to 0.50 without one of 1 blocks" in words
