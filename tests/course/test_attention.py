"""Squeeze-and-excitation."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import sizing
from course.blocks.attention import squeeze_excite

keras = pytest.importorskip("keras")

GATES = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


def _model(channels, reduced, **arguments):
    inputs = keras.Input((5, 6, channels))
    return keras.Model(inputs, squeeze_excite(inputs, reduced, name="block", **arguments))


@pytest.mark.parametrize("gate", GATES)
def test_each_map_is_weighed_by_a_net_of_the_means(gate):
    model = _model(8, 3, gate=gate)
    rng = np.random.default_rng(0)
    w1, b1, w2, b2 = (rng.normal(size=w.shape) for w in model.weights)
    model.set_weights([w1, b1, w2, b2])
    x = rng.normal(size=(2, 5, 6, 8)).astype("float32")
    weights = GATES[gate](np.maximum(x.mean((1, 2)) @ w1 + b1, 0) @ w2 + b2)
    np.testing.assert_allclose(model(x), x * weights[:, None, None, :], rtol=1e-4, atol=1e-5)


def test_weights_and_macs_are_the_facts(facts):
    rows = facts("blocks.json")["facts"]["se_block"]
    for channels in (256, 512):
        row = rows[f"C={channels}"]
        with_biases = sizing.profile(_model(channels, channels // 16))
        assert with_biases.params == row["with_biases"]
        assert with_biases.macs == row["weights"]
        without = sizing.profile(_model(channels, channels // 16, use_bias=False))
        assert without.params == row["weights"]


def test_every_layer_of_it_says_that_it_only_weighs():
    assert all("block_se_" in layer.name for layer in _model(8, 3).layers[1:])
