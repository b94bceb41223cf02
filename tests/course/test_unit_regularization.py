"""Unit 10: its lecture runs and measures what it says; its answers agree with Keras."""

import keras
import numpy as np
import pytest

from course.regularization import DropBlock2D
from course.training import seeds
from tests.course.units import figures, unit

UNIT = unit("10_regularization")


@pytest.fixture(scope="module")
def taught():
    """The lecture's names after it has run from start to end, and what it showed."""
    return UNIT.teach()


@pytest.fixture(scope="module")
def answers():
    return UNIT.answered()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 4


def test_the_lecture_measures_what_it_says(taught):
    assert taught.last["training"] == 0
    assert taught.gained > 0
    assert taught.kept_of["rotated"]["by angle"][3] < taught.kept_of["nothing"]["by angle"][3]


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("10_regularization")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_rows_of_corrections_say_where_they_are_from(taught):
    assert all(len(row) == 5 for row in taught.corrections)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_decoupled_sgd_is_what_keras_does(answers, momentum):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=5), [rng.normal(size=5) for _ in range(4)]
    optimizer = keras.optimizers.SGD(0.1, momentum=momentum, weight_decay=0.3)
    variable = keras.Variable(start)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    found = answers["sgd"](start, gradients, 0.1, 0.3, False, momentum)
    assert np.allclose(found, variable.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_decoupled_adam_is_what_keras_does(answers, kind):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=5), [rng.normal(size=5) for _ in range(4)]
    optimizer = getattr(keras.optimizers, kind)(0.1, weight_decay=0.3)
    variable = keras.Variable(start)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    found = answers["adam"](start, gradients, 0.1, 0.3, False)
    assert np.allclose(found, variable.numpy(), atol=1e-4)


def test_smoothed_labels_are_those_of_keras(answers):
    labels = np.eye(4)[[0, 2, 3]]
    predictions = np.random.default_rng(0).dirichlet(np.ones(4), 3)
    keras_loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)(labels, predictions)
    soft = answers["smooth"](labels, 0.2)
    assert np.isclose(float(keras_loss), -(soft * np.log(predictions)).sum(axis=1).mean())


@pytest.mark.parametrize("block", [1, 3, 5])
def test_as_much_is_dropped_as_by_the_library(answers, block):
    ones = np.ones((300, 9, 7, 4), "float32")
    dropped = np.mean(np.array(DropBlock2D(0.3, block, seed=1)(ones, training=True)) == 0)
    assert np.isclose(dropped, answers["dropped_share"](9, 7, block, 0.3), atol=0.01)


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_training_stops_where_keras_stops_it(answers, patience):
    for seed in range(20):
        losses = np.random.default_rng(seed).normal(size=12).round(1).tolist()
        callback = keras.callbacks.EarlyStopping("loss", patience=patience, mode="min")
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.stop_training = False  # as fit does
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, loss in enumerate(losses):
            callback.on_epoch_end(epoch, {"loss": loss})
            if model.stop_training:
                break
        assert answers["early_stop"](losses, patience) == (callback.best_epoch, epoch)
