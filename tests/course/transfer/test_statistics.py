"""Statistics of batch normalization computed anew, and what tuning forgets."""

import keras
import numpy as np
import pytest
from keras import layers

from course import transfer
from course.errors import UsageError
from tests.course.transfer.tiny import tiny

rng = np.random.default_rng(2)
IMAGES = rng.normal(3, 2, (50, 8, 8, 1)).astype("float32")


def test_the_first_layer_gets_the_moments_of_all_images():
    model = tiny()
    before = [np.array(w) for w in model.trainable_weights]
    transfer.recalibrate(model, IMAGES, batch_size=16)
    maps = np.asarray(model.get_layer("conv1")(IMAGES), "float64")
    norm = model.get_layer("bn1")
    np.testing.assert_allclose(norm.moving_mean, maps.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, maps.var((0, 1, 2)), rtol=1e-4)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (old == np.array(weight)).all()


def test_in_one_batch_inference_equals_training_without_dropout():
    model = tiny()
    transfer.recalibrate(model, IMAGES, batch_size=50)
    found = np.asarray(model(IMAGES, training=False))
    for name in ("drop1", "drop2"):
        model.get_layer(name).rate = 0.0
    np.testing.assert_allclose(found, model(IMAGES, training=True), rtol=1e-3, atol=1e-4)


def test_frozen_layers_get_statistics_and_stay_frozen():
    model = tiny()
    transfer.freeze(model)
    transfer.recalibrate(model, IMAGES)
    norm = model.get_layer("bn2")
    assert np.abs(norm.moving_mean).max() > 0
    assert (norm.trainable, norm.momentum) == (False, 0.9)


def test_images_are_preprocessed_and_one_left_over_does_not_count():
    model = keras.Sequential([keras.Input((1,)), layers.BatchNormalization()])
    values = np.array([[1.0], [3.0], [100.0]])
    transfer.recalibrate(model, values, preprocess=lambda x: 10 * x, batch_size=2)
    assert np.asarray(model.layers[0].moving_mean) == [20]
    assert np.asarray(model.layers[0].moving_variance) == [100]


def test_recalibrate_refuses():
    with pytest.raises(UsageError, match="at least two images at a time; received 1 images"):
        transfer.recalibrate(tiny(), IMAGES[:1])
    with pytest.raises(UsageError, match="batch_size=1"):
        transfer.recalibrate(tiny(), IMAGES, batch_size=1)
    plain = keras.Sequential([keras.Input((2,)), layers.Dense(2)], name="plain")
    with pytest.raises(UsageError, match="needs batch normalization; plain has none"):
        transfer.recalibrate(plain, IMAGES)


def test_forgetting_puts_the_old_head_on_the_new_body():
    source, tuned = tiny(), tiny(classes=3)
    labels = np.asarray(source(IMAGES)).argmax(1)  # the source is always right
    body = keras.Model(tuned.input, tuned.get_layer("pool").output)
    kernel, bias = source.get_layer("predictions").get_weights()
    expected = (np.asarray(body(IMAGES)) @ kernel + bias).argmax(1)
    found = transfer.measure_forgetting(source, tuned, IMAGES, labels, batch_size=16)
    assert found == (1.0, (expected == labels).mean())
    assert found.lost == 1 - found.after > 0


def test_nothing_is_forgotten_if_only_the_head_was_trained():
    source, tuned = tiny(), tiny(classes=3)
    for old, new in zip(source.layers[:-1], tuned.layers[:-1], strict=True):
        new.set_weights(old.get_weights())
    found = transfer.measure_forgetting(source, tuned, IMAGES, np.arange(50) % 10)
    assert found.lost == 0


def test_forgetting_refuses_another_architecture():
    with pytest.raises(UsageError, match="after fine-tuning; received one whose layer 'conv1' has"):
        transfer.measure_forgetting(tiny(), tiny(width=7), IMAGES, np.zeros(50, int))
    with pytest.raises(UsageError, match="labels must be 50 integers"):
        transfer.measure_forgetting(tiny(), tiny(), IMAGES, np.zeros(5, int))
