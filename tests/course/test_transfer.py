"""Weights of keras.applications' networks in ours: the same outputs."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, transfer
from tests import parts

keras = pytest.importorskip("keras")

# Small enough to be quick, large enough for every network; halves of it are odd soon.
SHAPE = (90, 117, 3)
# Where a size is odd, its MobileNet pads otherwise than the authors' code does.
EVEN = {"mobilenet": (96, 128, 3)}


def shake(model, images, rng) -> None:
    """Random values for every weight that a new model has at zero or one.

    Normalization's statistics are those of some images, so that values keep their size from layer
    to layer: rounding stays small.
    """
    for layer in model.layers:
        for weight in layer.weights:
            if weight.path.endswith(("gamma", "/variance")):
                weight.assign(rng.uniform(0.3, 0.6, weight.shape))
            elif weight.path.endswith(("beta", "bias", "/mean")):
                weight.assign(rng.normal(0, 0.1, weight.shape))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # A channel that hardly varies would have its rounding made large.
            layer.moving_variance.assign(np.maximum(layer.moving_variance, 0.1))


@pytest.mark.parametrize("name", parts.by_day(transfer.APPLICATIONS, 4, "transfer"))
def test_same_outputs_as_keras_applications(name, monkeypatch):
    rng = np.random.default_rng(0)
    shape = architectures.describe(name).input_shape if "vgg" in name else EVEN.get(name, SHAPE)
    builder = getattr(keras.applications, transfer.APPLICATIONS[name].builder)
    module = builder.__module__.rpartition(".")[2]
    raw = rng.uniform(0, 255, (2, *shape)).astype("float32")
    images = getattr(keras.applications, module).preprocess_input(raw.copy())
    made = []

    def random(weights, **options):
        made.append(builder(weights=weights, input_shape=shape, **options))
        shake(made[0], images, rng)
        return made[0]

    monkeypatch.setattr(keras.applications, builder.__name__, random)
    model = transfer.from_applications(
        name, weights=None, input_shape=shape, classifier_activation=None
    )
    (theirs,) = made
    expected = np.asarray(theirs(images))
    found = np.asarray(model(transfer.preprocess_input(name, raw)))
    assert expected.std() > 0
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    keras.utils.clear_session()


def test_another_number_of_classes_keeps_the_body():
    model = transfer.from_applications(
        "mobilenet_v2", weights=None, input_shape=(64, 64, 3), classes=5
    )
    assert model.output_shape == (None, 5)


def test_the_scaling_of_the_images_moves_into_the_normalization(monkeypatch):
    """With ImageNet's weights Keras' EfficientNet divides once more, after its normalization."""
    layers = keras.layers
    rng = np.random.default_rng(0)
    mean, variance, scale = rng.normal(0.4, 0.1, 3), rng.uniform(0.1, 0.3, 3), [0.5, 0.6, 0.7]

    def front(*parts):
        inputs = keras.Input((4, 4, 3))
        x = inputs
        for part in parts:
            x = part(x)
        return keras.Model(inputs, x)

    normalization = layers.Normalization(name="theirs")
    theirs = front(layers.Rescaling(1 / 255), normalization, layers.Rescaling(scale))
    ours = front(layers.Normalization(name="ours"))
    for layer in (normalization, ours.get_layer("ours")):
        layer.adapt_mean.assign(mean)
        layer.adapt_variance.assign(variance)
        layer.finalize_state()
    transfer.applications._fold_rescaling(theirs, ours)
    x = rng.uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_other_structures_are_refused():
    def net(*filters):
        return keras.Sequential(
            [keras.Input((8, 8, 3)), *(keras.layers.Conv2D(n, 3) for n in filters)]
        )

    with pytest.raises(ValueError, match=r"different structures: .*\(3, 3, 3, 4\)"):
        transfer.transfer_weights(net(4, 5), net(6, 5))
    with pytest.raises(ValueError, match="2 and 1 layers with weights"):
        transfer.transfer_weights(net(4, 4), net(4))
    with pytest.raises(ValueError, match="name='lenet5'.*vgg16"):
        transfer.from_applications("lenet5")


def test_a_bias_needs_a_place():
    def net(use_bias, normalized):
        model = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, use_bias=use_bias)]
        return keras.Sequential(model + [keras.layers.BatchNormalization()] * normalized)

    with pytest.raises(ValueError, match="biases in 1 layers where .* neither a bias nor"):
        transfer.transfer_weights(net(True, False), net(False, False))
    source, target = net(True, True), net(False, True)
    source.layers[0].bias.assign([1.0, -2.0, 3.0, 0.5])
    transfer.transfer_weights(source, target)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(target(x), source(x), rtol=1e-5, atol=1e-5)
