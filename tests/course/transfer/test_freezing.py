"""Frozen is frozen: weights, moving statistics and dropout, whatever the model is called with."""

import keras
import numpy as np
import pytest
from keras import layers

from course import transfer
from course.errors import UsageError
from tests.course.transfer.tiny import tiny

rng = np.random.default_rng(0)
IMAGES = rng.normal(3, 2, (16, 8, 8, 1)).astype("float32")
LABELS = np.arange(16) % 10
BODY = ["conv1", "bn1", "relu1", "drop1", "conv2", "bn2"]


def weights(model) -> dict:
    return {w.path: np.array(w) for w in model.weights}


def changed_by_a_step(model, running=None) -> set[str]:
    """Paths of the weights that a training step changes."""
    running = running or model
    before = weights(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    running.compile("sgd", loss)
    running.train_on_batch(IMAGES, LABELS)
    return {path for path, value in weights(model).items() if (value != before[path]).any()}


def test_only_the_head_is_trained():
    model = tiny()
    assert transfer.freeze(model) == BODY
    assert changed_by_a_step(model) == {"predictions/kernel", "predictions/bias"}


def test_a_frozen_body_is_in_inference_mode_dropout_included():
    model = tiny()
    model.get_layer("drop2").rate = 0.0  # a part of the head
    transfer.freeze(model)
    quiet = transfer.with_frozen_in_inference(model)
    expected = np.asarray(model(IMAGES, training=False))
    assert (np.asarray(quiet(IMAGES, training=True)) == expected).all()
    assert (np.asarray(model(IMAGES, training=True)) != expected).any()
    assert changed_by_a_step(model, quiet) == {"predictions/kernel", "predictions/bias"}


def test_frozen_dense_layers_are_in_inference_mode_too():
    """As in VGG, whose last dropout belongs to the head."""
    inputs = keras.Input((6,))
    x = layers.Dropout(0.9)(layers.Dense(8, "relu")(inputs))
    x = layers.Dropout(0.0)(layers.Dense(8, "relu")(x))
    model = keras.Model(inputs, layers.Dense(2)(x))
    transfer.freeze(model)
    quiet, images = transfer.with_frozen_in_inference(model), np.ones((5, 6), "float32")
    assert quiet.output_shape == (None, 2)
    expected = np.asarray(model(images, training=False))
    assert (np.asarray(quiet(images, training=True)) == expected).all()


def test_a_frozen_body_may_be_a_nested_model():
    body = tiny()
    body = keras.Model(body.input, body.get_layer("pool").output, name="body")
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Dense(3, name="new")(body(inputs)))
    transfer.freeze(model)
    quiet = transfer.with_frozen_in_inference(model)
    expected = np.asarray(model(IMAGES, training=False))
    assert (np.asarray(quiet(IMAGES, training=True)) == expected).all()
    assert (np.asarray(model(IMAGES, training=True)) != expected).any()


def test_dropout_before_the_head_still_drops():
    model = tiny()
    transfer.freeze(model)
    quiet = transfer.with_frozen_in_inference(model)
    assert (np.asarray(quiet(IMAGES, training=True)) != np.asarray(quiet(IMAGES))).any()


def test_keras_alone_would_run_a_nested_body_in_training_mode():
    """The reason for with_frozen_in_inference: ``training=False`` of a nested call is replaced."""
    body = keras.Sequential([keras.Input((4,)), layers.Dropout(0.9, seed=0)])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, body(inputs, training=False))
    assert (np.asarray(model(np.ones((9, 4)), training=True)) != 1).any()


def test_a_model_with_frozen_layers_in_inference_is_saved_and_loaded(tmp_path):
    model = tiny()
    transfer.freeze(model)
    quiet = transfer.with_frozen_in_inference(model)
    quiet.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (np.asarray(loaded(IMAGES)) == np.asarray(quiet(IMAGES))).all()


def test_after_unfreezing_batch_normalization_stays_as_it_is():
    model = tiny()
    transfer.freeze(model)
    names = transfer.unfreeze(model)
    assert "bn1" not in names and "conv1" in names
    found = changed_by_a_step(model)
    assert {"conv1/kernel", "conv2/kernel", "predictions/kernel"} <= found
    assert not [path for path in found if path.startswith("bn")]


def test_batch_normalization_is_trained_if_asked():
    model = tiny()
    transfer.freeze(model)
    transfer.unfreeze(model, batch_norm=True)
    found = changed_by_a_step(model)
    assert {"bn1/moving_mean", "bn1/moving_variance", "bn2/gamma"} <= found


def test_unfreezing_in_parts_leaves_what_is_before():
    model = tiny()
    transfer.freeze(model)
    names = transfer.unfreeze(model, "conv2", batch_norm=True)
    assert names[0] == "conv2" and names[-1] == "predictions"
    found = changed_by_a_step(model)
    assert {path.partition("/")[0] for path in found} == {"conv2", "bn2", "predictions"}


def test_layers_frozen_before_stay_frozen():
    model = tiny()
    model.get_layer("conv2").trainable = False
    transfer.freeze(model, "conv2")
    assert not model.get_layer("conv2").trainable
    assert model.get_layer("predictions").trainable


def test_a_model_that_was_frozen_as_a_whole_can_be_unfrozen_in_part():
    model = tiny()
    model.trainable = False
    transfer.unfreeze(model, "head")
    assert [w.path for w in model.trainable_weights] == ["predictions/kernel", "predictions/bias"]


def test_nested_models_are_looked_into():
    body = tiny()
    body = keras.Model(body.input, body.get_layer("pool").output, name="body")
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Dense(3, name="new")(body(inputs)))
    transfer.freeze(model)
    assert [w.path for w in model.trainable_weights] == ["new/kernel", "new/bias"]
    transfer.unfreeze(model, "conv2")
    assert [w.path for w in model.trainable_weights] == ["conv2/kernel", "new/kernel", "new/bias"]


def test_a_head_with_weightless_layers_behind_it_is_found():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, name="body")(inputs)
    x = layers.Conv2D(5, 1, name="head")(x)
    model = keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(x)))
    transfer.freeze(model)
    assert {w.path.partition("/")[0] for w in model.trainable_weights} == {"head"}


def test_errors_say_what_to_do():
    with pytest.raises(UsageError, match=r"'conv3'. Did you mean conv[12] or conv[12]"):
        transfer.freeze(tiny(), "conv3")
    with pytest.raises(UsageError, match="before which there is none"):
        transfer.freeze(tiny(), "all")

    class Unknown(keras.Model):
        pass

    with pytest.raises(UsageError, match="Functional or Sequential.*received Unknown"):
        transfer.unfreeze(Unknown())
