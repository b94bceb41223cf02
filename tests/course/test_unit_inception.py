"""Unit 05: its lecture runs and measures what it says; its answers agree with the library."""

import json

import keras
import numpy as np
import pytest

from course import architectures
from course.architectures.googlenet import MODULES
from course.training import seeds
from course.visualization import inception
from course.visualization.display import alt_text
from tests.conftest import ROOT
from tests.course.units import figures, unit

UNIT = unit("05_inception")
RECORDED = ROOT / "data" / "lectures" / "05_inception.json"


@pytest.fixture(scope="module")
def taught():
    """The lecture's names after it has run from start to end, and what it showed."""
    return UNIT.teach()


@pytest.fixture(scope="module")
def answered():
    """Every answer of the assignment."""
    return UNIT.answered()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 8


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("05_inception")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_the_text_holds_for_the_five_seeds():
    found = {k: np.array(v) for k, v in json.loads(RECORDED.read_text())["numbers"].items()}
    zeros = np.array([v for k, v in found.items() if k.startswith("part of zeros")])
    assert (zeros > 0.4).all() and (zeros < 0.6).all()
    middle, moved = (
        {end: found[f"accuracy in %, moved by {by}: {end}"]
         for end in ("mean of class maps", "as a vector")}
        for by in (0, 4)
    )  # fmt: skip
    assert (middle["as a vector"] > 80).all()
    assert (np.abs(middle["mean of class maps"] - moved["mean of class maps"]) < 20).all()
    assert (moved["mean of class maps"] > moved["as a vector"] + 30).all()
    assert (found["gradient of layer 1: with heads over plain"] > 2).all()
    np.testing.assert_allclose(found["gradient of layer 16: with heads over plain"], 1, atol=0.01)
    assert (found["gradient of layer 1: residual over plain"] > 5).all()
    assert (found["scale 1"] > 2 * found["scale 0.1"]).all()


def test_the_corrections_say_where_they_are_from(taught):
    assert all(len(row) == 5 for row in taught.corrections)
    assert {row[1] for row in taught.corrections} <= {"CS231n", "C147", "CS231n, C147"}


def test_the_paper_s_networks_have_the_paper_s_numbers(answered):
    assert [row for rows in answered["GOOGLENET"] for row in rows] == list(MODULES.values())
    net = answered["googlenet"]((224, 224, 3), answered["GOOGLENET"], (64, 64, 192), 1000, (3, 6))
    assert net.count_params() == 13_378_280 and len(net.outputs) == 3
    assert answered["inference_model"](net).count_params() == 6_998_552
    assert len([layer for layer in net.layers if isinstance(layer, keras.layers.Dense)]) == 5


def test_the_network_has_the_weights_of_the_library_s(answered):
    ours = answered["googlenet"]((64, 64, 3), answered["GOOGLENET"], (64, 64, 192), 10)
    theirs = architectures.build("googlenet", input_shape=(64, 64, 3), classes=10)
    shapes = [sorted(w.shape for w in net.weights) for net in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_the_module_of_inception_v3_has_the_library_s_numbers(answered):
    net = architectures.build("inception_v3")
    x = keras.Input((17, 17, 768))
    ours = keras.Model(x, answered["module_17"](x, 160, 192))
    weights = [w for layer in net.layers if layer.name.startswith("mixed5_") for w in layer.weights]
    kernels = [sorted(w.shape for w in ws if len(w.shape) == 4) for ws in (weights, ours.weights)]
    assert kernels[0] == kernels[1]


def test_random_crops_are_spread_as_the_text_says(answered):
    top, left, height, width = answered["random_crops"](1, 300, 300, 5000).T
    area = height * width / 300**2
    assert area.min() > 0.075 and area.max() <= 1
    assert abs((width > height).mean() - 0.5) < 0.04
    assert (top + height <= 300).all() and (left + width <= 300).all()


def test_a_diagram_names_every_branch():
    drawn = inception.modules({"one": (("1x1",), ("1x1", "3x3"), ())})
    words = alt_text(drawn)
    assert "side by side: one." in words and "1x1; 1x1, then 3x3; nothing" in words
