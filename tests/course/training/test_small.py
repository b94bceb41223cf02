"""The very small network for experiments, and its trainer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course.errors import UsageError
from course.training import small


@pytest.fixture(scope="module")
def tuner():
    return small.Tuner(small.small_network(4))


def batch(count=8):
    draw = np.random.default_rng(0)
    return draw.normal(size=(count, 32, 32, 3)).astype("float32"), np.arange(count) % 4


def changed(tuner, rates, **options):
    """Names of the layers some of whose weights a step of training has changed."""
    tuner.model.set_weights(small.small_network(4).get_weights())
    before = [np.array(weight) for weight in tuner.model.weights]
    tuner.train(*batch(), rates, steps=1, seed=0, batch=8, **options)
    pairs = zip(before, tuner.model.weights, strict=True)
    return {weight.path.split("/")[0] for old, weight in pairs if not np.array_equal(old, weight)}


def test_the_trained_network_knows_the_source_and_its_head_is_new():
    from course import datasets

    images, labels = datasets.load_arrays("course_shapes/source", "test[:200]")
    model = small.small_network()
    model.set_weights(small.trained_weights())
    assert small.Tuner(model).accuracy(small.prepared(images), labels) > 0.9
    fresh = small.small_network(seed=3, trained=True)
    for old, new in zip(small.trained_weights()[:-2], fresh.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.allclose(fresh.get_weights()[-2], small.trained_weights()[-2], atol=0.01)


def test_only_layers_with_a_rate_are_trained(tuner):
    assert changed(tuner, {"head": 0.01}) == {"head"}
    assert changed(tuner, {"head": 0.01, "conv4": 0.001, "bn1": 0.0}) == {"head", "conv4"}


def test_statistics_move_only_if_asked(tuner):
    assert changed(tuner, {"head": 0.01}, batch_norm=True) == {"head", "bn1", "bn2", "bn3", "bn4"}


def test_the_first_step_is_adam_s(tuner):
    """Adam's first step has the size of the rate, against the gradient's sign."""
    tuner.model.set_weights(small.small_network(4).get_weights())
    head = tuner.model.get_layer("head")
    images, labels = batch()
    before = np.array(head.kernel)
    with tf.GradientTape() as tape:
        logits = tuner.model(images, training=False)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    slope = np.array(tape.gradient(loss, head.kernel.value))
    tuner.train(images, labels, {"head": 0.01}, steps=1, seed=0, batch=8)
    clear = np.abs(slope) > 1e-3
    moved = (np.array(head.kernel) - before)[clear]
    np.testing.assert_allclose(moved, -0.01 * np.sign(slope[clear]), rtol=1e-2)


def test_the_same_seed_gives_the_same_weights(tuner):
    found = []
    for seed in (1, 1, 2):
        tuner.model.set_weights(small.small_network(4).get_weights())
        tuner.train(*batch(24), {"head": 0.01}, steps=4, seed=seed, batch=8)
        found.append(np.array(tuner.model.get_layer("head").kernel))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_small_gray_images_are_enlarged_and_normalized():
    gray = np.full((2, 8, 8, 1), 176, "uint8")
    found = small.prepared(gray)
    assert found.shape == (2, 32, 32, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, 1.0)


def test_a_shift_moves_all_images_of_a_batch_alike():
    images = np.arange(36, dtype="float32").reshape(1, 6, 6, 1).repeat(2, axis=0)
    moved = small._shifted(images, 1, np.random.default_rng(0))
    assert moved.shape == images.shape
    np.testing.assert_array_equal(moved[0], moved[1])


def test_usage_errors(tuner, monkeypatch, tmp_path):
    with pytest.raises(UsageError, match="received conv9"):
        tuner.train(*batch(), {"conv9": 0.1}, steps=1, seed=0)
    monkeypatch.setattr(small, "WEIGHTS", tmp_path / "none.npz")
    with pytest.raises(UsageError, match=r"python -m course\.training\.small"):
        small.trained_weights()


def test_the_head_s_classes_are_chosen():
    model = small.small_network(7)
    assert model.output_shape == (None, 7)
    assert isinstance(model.layers[-1], keras.layers.Dense)
