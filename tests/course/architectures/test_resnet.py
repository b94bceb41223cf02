"""The ImageNet residual networks and their blocks."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures

keras = pytest.importorskip("keras")


def _kernels(name: str, **arguments) -> dict:
    model = architectures.build(name, input_shape=(64, 64, 3), **arguments)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return {layer.name.removesuffix("_conv"): layer for layer in layers}


@pytest.mark.parametrize(
    ("name", "strides"), [("resnet50", (2, 1)), ("resnet50_v1_5", (1, 2))], ids=["v1", "v1.5"]
)
def test_the_first_block_of_a_stage_strides_where_the_version_says(name, strides):
    layers = _kernels(name, blocks=(1, 2, 1, 1))
    for stage in (3, 4, 5):
        block = f"conv{stage}_block1"
        assert layers[f"{block}_1"].strides[0] == strides[0]
        assert layers[f"{block}_2"].strides[0] == strides[1]
        assert layers[f"{block}_0"].strides[0] == 2
    assert {
        layers[f"conv{s}_{i}"].strides[0] for s in ("2_block1", "3_block2") for i in (1, 2)
    } == {1}


def test_wide_resnet_is_wide_inside_only():
    thin, wide = (
        _kernels("resnet50", blocks=(1, 1, 1, 1)),
        _kernels("wide_resnet50_2", blocks=(1, 1, 1, 1)),
    )
    assert thin.keys() == wide.keys()
    for name in thin:
        factor = 2 if name.endswith(("_1", "_2")) else 1
        assert wide[name].filters == factor * thin[name].filters


def test_a_bottleneck_costs_what_a_basic_block_of_a_quarter_of_the_channels_costs(facts):
    from course.blocks.residual import basic_block, bottleneck_block

    def weights(block, filters):
        inputs = keras.Input((8, 8, filters))
        model = keras.Model(inputs, block(inputs, filters, name="block"))
        return sum(
            layer.kernel.value.numpy().size for layer in model.layers if "conv" in layer.name
        )

    fact = facts("blocks.json")["facts"]["resnet_bottleneck"]
    assert weights(bottleneck_block, 256) == fact["bottleneck_256_64"]
    assert weights(basic_block, 256) == fact["basic_256"]
    assert weights(basic_block, 64) == fact["basic_64"]


def test_zeros_are_the_same_number_on_every_side():
    """The first window of a strided 3x3 convolution covers rows -1 to 1, not 0 to 2."""
    from course.blocks.conv import conv

    inputs = keras.Input((6, 6, 1))
    model = keras.Model(
        inputs,
        conv(inputs, 1, 3, strides=2, padding=1, kernel_initializer="ones", name="c"),
    )
    x = np.zeros((1, 6, 6, 1), "float32")
    x[0, 2, 0] = 1
    assert model.predict(x, verbose=0)[0, :, 0, 0].tolist() == [0, 1, 0]


def test_without_strides_padding_needs_no_layer():
    from course.blocks.conv import conv

    inputs = keras.Input((5, 4, 2))
    for kernel, padding, layers in ((3, 1, 2), (7, 3, 2), (1, 0, 2), (3, 2, 3)):
        model = keras.Model(inputs, conv(inputs, 3, kernel, padding=padding, name="c"))
        assert len(model.layers) == layers
        assert model.output_shape[1] == 5 + 2 * padding + 1 - kernel


def test_the_average_shortcut_takes_means_and_pads_with_zeros():
    from course.blocks.residual import shortcut_path

    inputs = keras.Input((5, 6, 3))
    y = shortcut_path(inputs, 7, strides=2, kind="A_average", name="s")
    x = np.random.default_rng(0).random((2, 5, 6, 3), "float32")
    y = keras.Model(inputs, y).predict(x, verbose=0)
    assert y.shape == (2, 3, 3, 7)
    np.testing.assert_allclose(y[:, 1, 2, :3], x[:, 2:4, 4:6].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(y[:, 2, 0, :3], x[:, 4:, :2].mean((1, 2)), rtol=1e-5)
    assert not y[..., 3:].any()


def test_plain_nets_are_their_residual_nets_without_shortcuts():
    plain = architectures.build("plain34", input_shape=(64, 64, 3))
    residual = architectures.build("resnet34", input_shape=(64, 64, 3), shortcut="A")
    assert [w.shape for w in plain.weights] == [w.shape for w in residual.weights]
    adds = [sum(isinstance(x, keras.layers.Add) for x in net.layers) for net in (plain, residual)]
    assert adds == [0, 16]


def test_refusals_say_what_would_do():
    with pytest.raises(ValueError, match="stride_on must be '1x1' or '3x3'; received.*'5x5'"):
        architectures.build("resnet50", stride_on="5x5")
    with pytest.raises(ValueError, match="shortcut must be one of.*received shortcut='D'"):
        architectures.build("resnet18", shortcut="D")
    with pytest.raises(ValueError, match="does not take stride_on.*blocks, shortcut"):
        architectures.build("resnet18", stride_on="1x1")
