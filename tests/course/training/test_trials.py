"""One network trained from new weights, again and again."""

import keras
import numpy as np
import pytest
from keras import layers

from course.errors import UsageError
from course.training.trials import Trials

DRAW = np.random.default_rng(0)
IMAGES, LABELS = DRAW.normal(2, 1, (40, 6)).astype("float32"), np.arange(40) % 3
IMAGES[np.arange(40), LABELS] += 3
SETTING = {"rate": 0.1, "steps": 12, "batch": 8}


def net():
    x = inputs = keras.Input((6,))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(layers.Dense(5)(x)))
    return keras.Model(inputs, layers.Dense(3)(x))


@pytest.fixture(scope="module")
def trials():
    return Trials(net())


def test_a_seed_decides_everything_and_nothing_is_left_of_the_run_before(trials):
    first = trials.losses(IMAGES, LABELS, seed=1, **SETTING)
    other = trials.losses(IMAGES, LABELS, seed=2, **SETTING)
    again = trials.losses(IMAGES, LABELS, seed=1, **SETTING)
    assert first.shape == (12,) and np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_it_learns(trials):
    losses = trials.losses(IMAGES, LABELS, rate=0.3, steps=200, batch=8, seed=1)
    assert losses[-20:].mean() < 0.5 * losses[:5].mean()
    assert trials.accuracy(IMAGES, LABELS) > 0.8


def test_weights_start_as_they_should(trials):
    trials.start(3, scale=10.0)
    first, last = (weight for weight in trials.model.weights if weight.name == "kernel")
    others = {w.name: np.array(w) for w in trials.model.weights if w.name != "kernel"}
    assert 0.5 < np.std(first) / (10 * (2 / 6) ** 0.5) < 1.5
    assert np.std(last) < 2 * (2 / 5) ** 0.5  # the last layer is not scaled
    assert (others["gamma"] == 1).all() and (others["moving_variance"] == 1).all()
    assert not any(others[name].any() for name in ("beta", "bias", "moving_mean"))


def test_a_step_is_that_of_sgd_with_decay(trials):
    """One full batch: the same as Keras' optimizer on a copy of the network."""
    trials.start(5)
    copy = net()
    copy.set_weights(trials.model.get_weights())
    kernels = [weight for weight in copy.trainable_variables if weight.name == "kernel"]
    before = [np.array(weight) for weight in kernels]
    places = np.random.default_rng(7).integers(len(IMAGES), size=(1, 16))[0]
    trials.more(IMAGES, LABELS, rate=0.2, steps=1, batch=16, seed=7, decay=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    copy.compile(keras.optimizers.SGD(0.2), loss, run_eagerly=True)
    copy.train_on_batch(IMAGES[places], LABELS[places])
    for weight, value in zip(kernels, before, strict=True):
        weight.assign_sub(0.2 * 0.1 * value)
    for mine, right in zip(trials.model.get_weights(), copy.get_weights(), strict=True):
        assert np.allclose(mine, right, atol=1e-5)


def test_looking_moves_no_statistics_in_either_mode(trials):
    trials.losses(IMAGES, LABELS, seed=1, **SETTING)
    before = trials.model.get_weights()
    modes = [trials.logits(IMAGES, training=training, batch=10) for training in (True, False)]
    assert modes[0].shape == modes[1].shape == (40, 3) and not np.allclose(*modes)
    for old, new in zip(before, trials.model.get_weights(), strict=True):
        assert np.array_equal(old, new)


def test_in_training_mode_outputs_depend_on_the_batch(trials):
    trials.losses(IMAGES, LABELS, seed=1, **SETTING)
    for training in (True, False):
        alone = trials.logits(IMAGES[:4], training=training)
        beside = trials.logits(IMAGES, training=training)[:4]
        assert np.allclose(alone, beside, atol=1e-5) != training


def test_lengths_are_those_of_the_kernels(trials):
    trials.start(1)
    kernels = [np.array(w) for w in trials.model.weights if w.name == "kernel"]
    assert trials.norms() == pytest.approx([np.linalg.norm(kernel) for kernel in kernels])


def test_a_weight_of_another_kind_is_refused():
    inputs = keras.Input((4, 3))
    with pytest.raises(UsageError, match="recurrent_kernel"):
        Trials(keras.Model(inputs, layers.Dense(2)(layers.SimpleRNN(2)(inputs))))
