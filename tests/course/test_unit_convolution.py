"""Unit 01: its lecture runs, its figures have words, and what it says of the slides is right."""

from types import SimpleNamespace

import IPython.display
import numpy as np
import pytest

from course.visualization import convolution, display, plots
from tests.course.units import figures, question, unit

UNIT = unit("01_convolution")


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 10


def test_the_lecture_measures_what_it_says(taught):
    """Its own assertions have run; these numbers are in its text."""
    lost = {name: values[0] - values[3] for name, values in taught.moved.items()}
    assert lost["as a vector"] > 0.6 and lost["convolutional"] < 0.3
    assert "full correlation: f with g is not g with f" in taught.printed
    assert "full convolution: f with g is g with f" in taught.printed
    assert "back where we came from:             False" in taught.printed
    assert "kernel 3" not in taught.printed
    board = taught.boards
    assert set(np.unique(board[0])) == {1, 2, 4}
    assert set(np.unique(board[1][0, 2:-2, 2:-2])) == {4}
    assert dict((name, rank) for name, rank, _ in taught.ranks)["upright edges"] == 1


@pytest.mark.parametrize(
    ("beginning", "correct", "said", "right"),
    [
        ("cross-correlation formulas", "f(m,n) g(i+m,j+n)", "f(i, j) g(i + m", "f(i + m, j + n)"),
        ("32x32x3 input, four 4x4x3 filters", "29*29*4", "4x35x35", "4x29x29"),
        ("Size of a 2-D convolution", "w-w_f+1", "w + w_f - 1", "w - w_f + 1"),
    ],
)
def test_the_slides_that_are_wrong_are_named(beginning, correct, said, right, taught, facts):
    row = question(facts("sizing_questions.json"), beginning)
    assert row["slide_ok"] is False
    assert correct in row["correct"]
    assert any(said in slide and right in ours for _, _, slide, ours, _ in taught.corrections)


# Figures


def test_a_figure_without_words_is_refused():
    figure, _ = display.canvas(size=(1, 1))
    with pytest.raises(ValueError, match="needs a description in words"):
        display.show(figure)


def test_words_follow_the_figure():
    words = display.alt_text(convolution.variants(size=9, kernel=3))
    for said in ("valid gives 7 by 7", "full gives 11 by 11", "same gives 9 by 9", "4 by 4"):
        assert said in words
    assert "9 lines" in display.alt_text(convolution.connections())
    image, kernel = np.eye(5), np.ones((2, 2))
    words = display.alt_text(convolution.sliding(image, kernel, 1, 1))
    assert "sum is 2" in words and "row 1, column 1" in words
    words = display.alt_text(convolution.fields([np.eye(7)], ["a diagonal"]))
    assert "a diagonal: 7 pixels wide" in words
    assert "correlation of 1.00" in display.alt_text(plots.unrolled([image, image], ["a", "b"]))


def test_html_in_words_is_escaped():
    figure = display.with_alt_text(display.canvas(size=(1, 1))[0], '<b>"bold"</b>')
    assert "<b>" not in display.show(figure, "<b>look</b>")._repr_html_()


def test_only_the_caption_is_below_a_figure():
    figure = display.with_alt_text(display.canvas(size=(1, 1))[0], "all there is to see")
    page = display.show(figure, "what to look at")._repr_html_()
    assert page.count("all there is to see") == 1 and 'alt="all there is to see"' in page
    assert "<figcaption>what to look at</figcaption>" in page
    assert "figcaption" not in display.show(figure)._repr_html_()
    assert "min-width: 61px" in page and "overflow-x: auto" in page  # of 110


@pytest.mark.parametrize("live", [False, True])
def test_sliders_appear_where_somebody_can_move_them(live, monkeypatch):
    """They change the one picture that is there."""
    shown, changed = [], []

    def displayed(thing, display_id=None):
        shown.append(thing)
        return SimpleNamespace(update=changed.append) if display_id else None

    monkeypatch.setattr(IPython.display, "display", displayed)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    if live:
        monkeypatch.setenv("JPY_SESSION_NAME", "x")
    else:
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)

    def draw(power, scale):
        words = f"{scale} times two to the {power}"
        return display.with_alt_text(display.canvas(size=(1, 1))[0], words)

    display.interactive(
        draw, {"power": 2, "scale": "1"}, caption="Powers.", power=[1, 2, 3], scale=["1", "2"]
    )
    assert isinstance(shown[0], display.FigureOutput) and shown[0].words == "1 times two to the 2"
    if not live:
        assert len(shown) == 1
        return
    _, sliders = shown
    _, side_by_side = sliders.children
    slider, names = side_by_side.children
    assert slider.options == (1, 2, 3) and not changed
    slider.value = 3
    names.value = "2"
    assert {figure.caption for figure in (shown[0], *changed)} == {"Powers."}
    assert [picture.words[:1] + picture.words[-1:] for picture in changed] == ["13", "23"]
