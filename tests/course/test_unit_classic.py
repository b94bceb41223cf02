"""Unit 04: its lecture runs, and what its questions ask agrees with the course's own networks."""

import numpy as np
import pytest

from course import averaging
from course.architectures import lenet, vgg
from course.blocks.classic import LocalResponseNormalization
from course.training import seeds
from course.visualization import classic, display
from tests.course.units import figures, question, unit

NAME = "04_classic_networks"
UNIT = unit(NAME)
VGG = {
    "A": 132_863_336, "B": 133_047_848, "C": 133_638_952, "D": 138_357_544, "E": 143_667_240,
}  # fmt: skip


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


@pytest.fixture(scope="module")
def answered():
    return UNIT.answered()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 7
    assert all(len(figure.words) > 40 for figure in figures(taught))


def test_the_lecture_measures_what_it_says(taught):
    assert taught.right["histograms of gradients"][0] > taught.right["pixels"][0] + 0.1
    assert taught.last["sigmoid", 8] > 2.2 > 0.8 > taught.last["relu", 8]


def test_what_is_said_of_five_seeds_holds_for_each():
    recorded = seeds.load(NAME)
    assert min(recorded["LeNet-5's accuracy"]) > 0.85
    for depth in (3, 8):
        assert min(recorded[f"loss: sigmoid, {depth} layers"]) > 2.2
        for name in ("relu", "tanh"):
            assert max(recorded[f"loss: {name}, {depth} layers"]) < 0.8


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load(NAME)
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_the_slides_that_are_wrong_are_named(taught, facts):
    assert all(len(row) == 5 for row in taught.corrections)
    known = question(facts("sizing_questions.json"), "AlexNet first max-pool")["correct"]
    assert "27" in known
    assert any("conv, norm, pool" in row[3] for row in taught.corrections)


def test_the_table_and_the_codes_are_the_paper_s(answered):
    assert answered["C3_TABLE"] == lenet.C3_TABLE
    assert answered["DIGIT_CODES"].tolist() == lenet.digit_codes()


def test_lenet_has_the_paper_s_parameters(answered):
    model = answered["lenet5"]()
    assert model.count_params() == 60_000
    assert not model.non_trainable_weights


def test_answers_agree_with_the_library(answered):
    draw = np.random.default_rng(5)
    images = draw.normal(0, 20, (2, 7, 9, 6)).astype("float32")
    ours = LocalResponseNormalization()(images)
    np.testing.assert_allclose(answered["lrn"](images), ours, rtol=1e-4)
    np.testing.assert_array_equal(answered["ten_crop"](images, 4), averaging.ten_crop(images, 4))


@pytest.mark.parametrize("row", vgg.CONFIGURATIONS, ids=lambda row: row.column)
def test_vgg_has_the_library_s_layers(row, answered):
    shape, filters = (32, 32, 3), (2, 3, 4, 5, 6)
    model = answered["vgg"](row.column, shape, 4, filters, 5)
    kernels = [layer.kernel_size[0] for layer in model.layers if hasattr(layer, "kernel_size")]
    assert kernels == [size for block in row.kernels for size in block]


def test_the_lecture_counts_the_whole_networks(taught):
    assert dict(zip("ABCDE", taught.counted, strict=True)) == VGG
    assert sum(taught.macs(2)) == 724_406_816


def test_the_figure_of_connections_says_them():
    words = display.alt_text(classic.connections([(2,), (0, 1)]))
    assert "3 input maps" in words and "0 sees 2; 1 sees 0, 1." in words
