"""Inception modules, auxiliary classifiers, and the networks made of them."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing
from course.architectures.googlenet import LOSS_WEIGHTS
from course.blocks.conv import conv, conv_bn
from course.blocks.inception import (
    Conv,
    Fork,
    Pool,
    googlenet_module,
    inception_module,
    inception_residual_block,
)

keras = pytest.importorskip("keras")


def _images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("kind, reduce", [("naive", None), ("reduced", 64)])
def test_reducing_first_costs_a_third(kind, reduce, facts):
    inputs = keras.Input((28, 28, 256))
    row = googlenet_module(128, reduce, 192, reduce, 96, reduce)
    model = keras.Model(inputs, inception_module(inputs, row, conv_fn=conv, name="module"))
    fact = facts("blocks.json")["inception_ops"]
    report = sizing.profile(model)
    assert report.macs == fact[kind]["total"]
    assert report.params == fact[f"{kind}_weights"]
    assert model.output_shape[-1] == 128 + 192 + 96 + (reduce or 256)


def test_branches_are_concatenated_in_order():
    inputs = keras.Input((6, 6, 2))
    branches = (
        (),
        (Pool("max"),),
        (Conv(3), Fork(((Conv(1, (1, 3)),), (Pool("avg"),)))),
    )
    model = keras.Model(inputs, inception_module(inputs, branches, conv_fn=conv, name="m"))
    assert model.output_shape == (None, 6, 6, 2 + 2 + 1 + 3)
    x = _images(1, 6, 6, 2)
    y = np.asarray(model(x))
    np.testing.assert_array_equal(y[..., :2], x)
    np.testing.assert_array_equal(y[0, 2, 3, 2:4], x[0, 1:4, 2:5].max((0, 1)))
    assert model.get_layer("m_branch3_2_branch1_1_conv").kernel_size == (1, 3)


@pytest.mark.parametrize("activation", ["relu", None])
def test_a_residual_block_adds_a_scaled_module(activation):
    inputs = keras.Input((5, 5, 4))
    rows = ((Conv(2),), (Conv(3), Conv(2, 3)))
    output = inception_residual_block(
        inputs, rows, scale=0.1, activation=activation, conv_fn=conv, name="b"
    )
    model = keras.Model(inputs, [output, keras.Model(inputs, output).get_layer("b_up_conv").output])
    x = _images(2, 5, 5, 4)
    y, up = (np.asarray(t) for t in model(x))
    expected = x + 0.1 * up
    np.testing.assert_allclose(y, np.maximum(expected, 0) if activation else expected, atol=1e-5)


# Table 1 of GoogLeNet's paper and figure 5 of batch normalization's: maps after each module.
OUTPUTS = {
    "googlenet": [256, 480, 512, 512, 512, 528, 832, 832, 1024],
    "inception_v2": [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024],
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_modules_outputs_are_the_papers(name):
    model = architectures.build(name, input_shape=(64, 64, 3), classes=2)
    ends = [layer.output for layer in model.layers if layer.name.endswith("_concat")]
    assert [end.shape[-1] for end in ends] == OUTPUTS[name]
    assert ends[0].shape[1] == 8 and ends[-1].shape[1] == 2


def test_squeeze_and_excitation_follows_every_module():
    model = architectures.build("se_inception", input_shape=(64, 64, 3), classes=2)
    sizes = [layer.units for layer in model.layers if layer.name.endswith("_se_reduce")]
    assert sizes == [maps // 16 for maps in OUTPUTS["inception_v2"]]
    scaled = model.get_layer("inception_3a_se_scale").output
    assert model.get_layer("inception_3b_branch1_1_conv").input is scaled


@pytest.fixture(scope="module")
def auxiliary():
    return architectures.build("googlenet_aux", input_shape=(72, 72, 3), classes=3)


def test_the_first_of_three_outputs_is_googlenets(auxiliary):
    plain = architectures.build("googlenet", input_shape=(72, 72, 3), classes=3)
    for layer in plain.layers[1:]:
        layer.set_weights(auxiliary.get_layer(layer.name).get_weights())
    x = _images(2, 72, 72, 3)
    main, *others = auxiliary(x)
    assert len(others) == 2
    np.testing.assert_allclose(main, plain(x), rtol=1e-4)
    for other in others:
        np.testing.assert_allclose(np.sum(other, axis=-1), 1, rtol=1e-5)
        assert np.abs(np.asarray(other) - np.asarray(main)).max() > 0


def test_auxiliary_classifiers_see_4a_and_4d(auxiliary):
    for number, module in ((1, "4a"), (2, "4d")):
        pool = auxiliary.get_layer(f"auxiliary{number}_pool")
        assert pool.input is auxiliary.get_layer(f"inception_{module}_concat").output


def test_auxiliary_losses_are_weighted(auxiliary):
    x, y = _images(2, 72, 72, 3), np.array([0, 2])
    auxiliary.compile("sgd", ["sparse_categorical_crossentropy"] * 3, loss_weights=LOSS_WEIGHTS)
    losses = auxiliary.evaluate(x, [y] * 3, verbose=0, return_dict=True)
    parts = [losses[f"{name}_loss"] for name in ("predictions", "auxiliary1", "auxiliary2")]
    assert losses["loss"] == pytest.approx(np.dot(LOSS_WEIGHTS, parts), rel=1e-4)


def test_auxiliary_classifiers_need_five_pixels():
    shape = (64, 65, 3)
    assert architectures.build("googlenet", input_shape=shape, classes=2).output_shape == (None, 2)
    with pytest.raises(ValueError, match="at least 65 x 65 pixels; received"):
        architectures.build("googlenet_aux", input_shape=shape)


@pytest.mark.parametrize("name", ["inception_v3", "inception_v4", "inception_resnet_v2"])
def test_images_that_are_too_small_are_refused(name):
    with pytest.raises(ValueError, match="at least 75 x 75 pixels; received"):
        architectures.build(name, input_shape=(74, 75, 3))


def test_inception_v4_shrinks_as_in_figure_9():
    model = architectures.build("inception_v4", classes=2)
    sizes = [
        model.get_layer(f"{name}_concat").output.shape[1:]
        for name in ("stem_6", "inception_a4", "reduction_a", "inception_b7", "reduction_b")
    ]
    assert sizes == [(35, 35, 384), (35, 35, 384), (17, 17, 1024), (17, 17, 1024), (8, 8, 1536)]
    assert model.get_layer("inception_c3_concat").output.shape[1:] == (8, 8, 1536)


def test_biases_before_normalization_change_nothing_but_the_count():
    counts = [
        architectures.build(
            "inception_v2", input_shape=(32, 32, 3), classes=2, use_bias=use_bias
        ).count_params()
        for use_bias in (True, False)
    ]
    assert counts[0] - counts[1] == 10016


def test_convolutions_may_normalize():
    inputs = keras.Input((6, 6, 2))
    model = keras.Model(inputs, inception_module(inputs, ((Conv(3),),), conv_fn=conv_bn, name="m"))
    assert [layer.name for layer in model.layers[1:4]] == [
        f"m_branch1_1_{part}" for part in ("conv", "bn", "relu")
    ]
