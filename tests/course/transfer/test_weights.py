"""Weights of keras.applications to start from: the same function of the same pixels."""

import keras
import numpy as np
import pytest
from keras import layers

from course import transfer
from course.errors import UsageError
from course.training import data as training_data
from course.training import distribution, network
from course.training.plan import resolve
from course.transfer import TuningOptions, applications, weights

rng = np.random.default_rng(3)


def small(classes: int = 4) -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, name="first")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, name="predictions")(x))


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "128", "raw"])
def test_colors_are_normalized_as_by_the_authors(mode, monkeypatch):
    """Those that take BGR are turned around, so that every network takes RGB."""
    name = next(n for n, known in transfer.APPLICATIONS.items() if known.images == mode)
    model, images = small(), rng.integers(0, 255, (3, 8, 8, 3)).astype("uint8")
    expected = np.asarray(model(transfer.preprocess_input(name, images)))
    monkeypatch.setattr(weights, "from_applications", lambda name, **options: model)
    found = transfer.load_pretrained("imagenet", name)
    result = np.asarray(found.model(found.preprocess(images)))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3 * np.abs(expected).max())


def test_a_normalization_keeps_its_numbers_when_the_classes_change(monkeypatch):
    def build(classes=4, **options):
        inputs = keras.Input((8, 8, 3))
        x = layers.Normalization(name="normalization")(inputs)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, layers.Dense(classes or 4, name="predictions")(x))

    theirs = build()
    theirs.layers[1].adapt(rng.normal(9, 4, (5, 8, 8, 3)).astype("float32"))
    monkeypatch.setattr(keras.applications, "EfficientNetB0", lambda **options: theirs)
    monkeypatch.setattr(applications.architectures, "build", lambda name, **given: build(**given))
    model = transfer.from_applications("efficientnet_b0", weights=None, classes=7)
    images = rng.normal(9, 4, (2, 8, 8, 3)).astype("float32")
    expected = transfer.features(theirs, images)
    np.testing.assert_allclose(transfer.features(model, images), expected, rtol=1e-5, atol=1e-6)


def test_a_file_of_weights_is_tuned(tmp_path):
    """MobileNetV2 on small images of digits, gray ones shown as colors."""
    theirs = keras.applications.MobileNetV2(weights=None)
    file = tmp_path / "mobilenet_v2.weights.h5"
    theirs.save_weights(file)
    chosen = TuningOptions(
        "mobilenet_v2", "digits", weights=str(file), image_size=(32, 32), limit=40, epochs=4
    )
    plan = resolve(chosen, training_data.load(chosen))
    assert plan.data.train[0].shape == (40, 32, 32, 3)
    assert (plan.data.mean, plan.data.std) == ([127.5] * 3, [127.5] * 3)
    trainee = network.build(plan, plan.phases[0][1], distribution.setup("none"))
    assert [w.path for w in trainee.model.trainable_variables] == [
        "predictions/kernel",
        "predictions/bias",
    ]
    mine = trainee.net.get_layer("conv1_conv").kernel
    assert (np.array(mine) == np.array(theirs.get_layer("Conv1").kernel)).all()


def test_a_file_that_is_none_or_broken_is_told(tmp_path):
    with pytest.raises(UsageError, match="weights must be a file; received weights='no.h5'"):
        transfer.load_pretrained("no.h5", "mobilenet_v2")
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="Weights of mobilenet_v2 could not be loaded; received"):
        transfer.load_pretrained(str(broken), "mobilenet_v2")


def test_the_network_of_the_course():
    found = transfer.load_pretrained("course_shapes", "resnet20_cifar")
    assert found.dataset == "course_shapes/source"
    folder = weights.EMBEDDED["course_shapes"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5e6
    from course import datasets

    images, labels = datasets.load_arrays("course_shapes/source", "test[:200]")
    predicted = np.asarray(found.model.predict_on_batch(found.preprocess(images))).argmax(1)
    assert (predicted == labels).mean() > 0.85
