"""Local response normalization and local connections."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import sizing
from course.blocks.classic import LocalResponseNormalization
from course.blocks.local import LocallyConnected2D

keras = pytest.importorskip("keras")


def _random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _paper(a, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """Section 3.3 of the paper, map by map."""
    b = np.empty_like(a)
    for i in range(maps := a.shape[-1]):
        near = range(max(0, i - n // 2), min(maps - 1, i + n // 2) + 1)
        total = sum(a[..., j].astype("float64") ** 2 for j in near)
        b[..., i] = a[..., i] / (k + alpha * total) ** beta
    return b


@pytest.mark.parametrize("arguments", [{}, {"n": 3, "k": 1.0, "alpha": 0.2, "beta": 0.5}, {"n": 1}])
def test_response_normalization_is_the_papers_sum(arguments):
    x = 50 * _random(2, 3, 4, 9)
    y = LocalResponseNormalization(**arguments)(x)
    np.testing.assert_allclose(y, _paper(x, **arguments), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses TensorFlow's gradients")
def test_response_normalization_is_tensorflows():
    import tensorflow as tf

    x = tf.constant(50 * _random(2, 3, 4, 9))
    layer = LocalResponseNormalization(n=3, k=1.5, alpha=0.01, beta=0.6)
    pairs = []
    for function in (layer, lambda x: tf.nn.lrn(x, 1, 1.5, 0.01, 0.6)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            loss = tf.reduce_sum(y * y)
        pairs.append((y, tape.gradient(loss, x)))
    for ours, theirs in zip(*pairs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_response_normalization_in_half_precision_survives_large_values():
    layer = LocalResponseNormalization(dtype="mixed_float16")
    x = np.full((1, 1, 1, 5), 1000, "float32")
    y = layer(x)
    assert y.dtype == "float16"
    np.testing.assert_allclose(np.asarray(y, "float32"), _paper(x), rtol=1e-2)


@pytest.mark.parametrize("arguments", [{"n": 4}, {"n": 0}, {"k": 0.0}])
def test_response_normalization_refuses(arguments):
    with pytest.raises(ValueError, match="n must be odd.*received n="):
        LocalResponseNormalization(**arguments)


def _loop(x, kernel, bias, size, strides):
    rows, columns, _, filters = kernel.shape
    y = np.empty((len(x), rows, columns, filters), "float32")
    for row in range(rows):
        for column in range(columns):
            top, left = row * strides, column * strides
            window = x[:, top : top + size, left : left + size].reshape(len(x), -1)
            y[:, row, column] = window @ kernel[row, column] + bias[row, column]
    return y


@pytest.mark.parametrize("size, strides", [(3, 1), (3, 2), (2, 3), (1, 1)])
def test_local_connections_are_a_loop_over_positions(size, strides):
    x = _random(2, 8, 7, 3)
    layer = LocallyConnected2D(4, size, strides=strides)
    assert layer(x).shape == layer.compute_output_shape(x.shape)
    layer.bias.assign(_random(*layer.bias.shape))
    expected = _loop(x, np.asarray(layer.kernel), np.asarray(layer.bias), size, strides)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_with_equal_weights_everywhere_it_is_a_convolution():
    x = _random(2, 8, 7, 3)
    local = LocallyConnected2D(4, 3, strides=2, activation="relu")
    conv = keras.layers.Conv2D(4, 3, strides=2, activation="relu", bias_initializer="normal")
    expected = conv(x)
    local.build(x.shape)
    kernel, bias = (np.asarray(w) for w in conv.weights)
    local.kernel.assign(np.broadcast_to(kernel.reshape(27, 4), local.kernel.shape))
    local.bias.assign(np.broadcast_to(bias, local.bias.shape))
    np.testing.assert_allclose(local(x), expected, rtol=1e-4, atol=1e-5)


def test_every_position_starts_with_weights_of_its_own():
    layer = LocallyConnected2D(8, 3)
    layer.build((None, 12, 12, 16))
    kernel = np.asarray(layer.kernel)
    assert not np.allclose(kernel[0, 0], kernel[0, 1])
    assert kernel.std() == pytest.approx(1 / 12, rel=0.05)  # fan-in 3 x 3 x 16


def test_local_connections_cost_a_weight_a_multiplication():
    inputs = keras.Input((8, 7, 3))
    model = keras.Model(inputs, LocallyConnected2D(4, 3, strides=2)(inputs))
    report = sizing.profile(model)
    assert report.macs == 3 * 3 * 27 * 4
    assert report.params == report.macs + 3 * 3 * 4


@pytest.mark.parametrize("shape", [(None, 8, 3), (2, 8, 3)])
def test_local_connections_refuse_what_has_no_fixed_positions(shape):
    with pytest.raises(ValueError, match="must be known, and at least kernel_size=3; received"):
        LocallyConnected2D(4, 3)(keras.Input(shape))


def test_both_reload(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = LocalResponseNormalization(n=3, k=1.0, alpha=0.5, beta=0.5)(inputs)
    x = LocallyConnected2D(4, 3, strides=2, activation="tanh", use_bias=False)(x)
    model = keras.Model(inputs, x)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = _random(2, 8, 8, 3)
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5)
    assert [layer.get_config() for layer in again.layers] == [
        layer.get_config() for layer in model.layers
    ]
