"""Unit 06: its lecture runs and measures what it says; test_units.py has the rest."""

import keras
import numpy as np
import pytest
from keras import layers

from course.training import seeds
from course.visualization import display
from course.visualization import normalization as draw
from tests.course.units import figures, notebook_of, unit

UNIT = unit("06_normalization")
RECORDED = seeds.load("06_normalization")


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 8


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    assert RECORDED.keys() == taught.numbers.keys()
    assert {len(values) for values in RECORDED.values()} == {5}


def test_what_the_lecture_says_of_five_seeds_holds_for_them():
    assert max(RECORDED["worst loss: with normalization"]) < 2.2
    assert min(RECORDED["worst loss: without"]) > 2.2
    in_training, at_inference, anew = (
        np.array(RECORDED[f"{what}: after 60 steps"])
        for what in ("training mode", "inference", "inference, statistics computed anew")
    )
    assert (at_inference < in_training - 0.15).all() and (anew > in_training - 0.05).all()
    assert all(-0.65 < slope < -0.35 for slope in RECORDED["slope: one image's logits"])


def test_the_lecture_s_layer_is_keras_own(taught):
    assert np.allclose(taught.by_hand, taught.by_keras, atol=1e-4)


def test_the_lecture_says_what_a_layer_is_blind_to(taught):
    assert {"weights times 3", "a bias of 5", "another order"} <= set(taught.alike)
    assert "another image brighter" not in taught.alike


def test_corrections_say_where_they_are_from(taught):
    assert all(len(row) == 5 for row in taught.corrections)
    assert {row[1] for row in taught.corrections} == {taught.DEEPMIND, taught.NPFL138}


def test_what_the_last_question_says_of_sixty_steps():
    cells = notebook_of(UNIT.script).cells
    (answer,) = (cell.source for cell in cells if "**Marking scheme**" in cell.source)
    assert "0.99^{60} = 55" in answer and round(100 * 0.99**60) == 55


def test_folding_and_inference_agree_with_keras_layers():
    """The solution's parts fit together: a convolution and a normalization as one convolution."""
    answered = UNIT.answered()
    chance = np.random.default_rng(4)
    inputs = keras.Input((7, 6, 4))
    convolution = layers.Conv2D(6, 3, groups=2, strides=2)
    norm = layers.BatchNormalization(epsilon=1e-2)
    model = keras.Model(inputs, norm(convolution(inputs)))
    for weight in model.weights:
        weight.assign(chance.uniform(0.5, 2, weight.shape))
    x = chance.normal(size=(3, 7, 6, 4)).astype("float32")
    before = np.array(model(x))
    statistics = [
        np.array(w) for w in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    ]
    y = answered["inference"](np.array(convolution(x)), *statistics, 1e-2)
    assert np.allclose(y, before, atol=1e-4)
    kernel, bias = answered["fold"](*map(np.array, convolution.get_weights()), *statistics, 1e-2)
    convolution.set_weights([kernel, bias])
    assert np.allclose(convolution(x), before, atol=1e-4)


def test_the_gradient_is_that_of_trying_out():
    answered = UNIT.answered()
    chance = np.random.default_rng(5)
    x, dy, gamma = chance.normal(size=(3, 2, 2, 2)), chance.normal(size=(3, 2, 2, 2)), np.ones(2)
    tried = answered["slope"](
        lambda x: (dy * answered["normalize"](x, gamma, np.zeros(2), 0.1)[0]).sum(), x
    )
    assert np.allclose(answered["backward"](dy, x, gamma, 0.1)[0], tried, atol=1e-6)


def test_every_fault_differs_from_the_right_layer():
    """Each of the broken layers shows its fault in a call or in the statistics."""
    answered = UNIT.answered()
    x = np.random.default_rng(6).normal(4, 3, (5, 4, 4, 3)) + np.arange(5).reshape(5, 1, 1, 1)

    def seen(fault):
        call, statistics = answered["suspect"](fault, seed=2)
        parts = [call(x, False), *statistics(), call(x, True), *statistics()]
        return np.concatenate([np.ravel(part) for part in parts])

    right = seen("none")
    faults = [fault for fault in answered["FAULTS"] if fault != "none"]
    assert all(not np.allclose(seen(fault), right) for fault in faults)
    kinds = {str(seen(fault).round(6).tolist()) for fault in answered["FAULTS"]}
    assert len(kinds) == len(faults) + 1


# Figures


def test_words_say_who_shares_statistics():
    words = display.alt_text(draw.shared_statistics(3, 4))
    assert "batch: 3 of them, 1 of the channels of all images" in words
    assert "layer: 4 of them, all channels of one image" in words
    assert "instance: 1 of them" in words and "group: 2 of them" in words
