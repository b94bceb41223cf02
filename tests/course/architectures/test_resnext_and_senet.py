"""ResNeXt's blocks of many paths, and squeeze-and-excitation."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, keras_compat
from course.blocks.resnext import IMPLEMENTATIONS, resnext_block

keras = pytest.importorskip("keras")

PATHS, WIDTH, FILTERS = 4, 3, 32


def _block(implementation, strides=1, shape=(7, 8, 16)):
    inputs = keras.Input(shape)
    y = resnext_block(
        inputs,
        FILTERS,
        cardinality=PATHS,
        path_width=WIDTH,
        strides=strides,
        implementation=implementation,
        name="b",
    )
    return keras.Model(inputs, y)


def _transfer(grouped, split) -> None:
    """Copy the grouped block's weights into a block whose paths are separate layers."""
    for layer in split.layers:
        if not layer.weights:
            continue
        _, *path, part, kind = layer.name.split("_")
        weights = grouped.get_layer(f"b_{part}_{kind}").get_weights()
        if path:
            index = int(path[0].removeprefix("path")) - 1
            mine = slice(index * WIDTH, (index + 1) * WIDTH)
            # The last convolution of "add" takes its rows of the kernel, the others columns.
            last = part == "3"
            weights = [w[:, :, mine] if last else w[..., mine] for w in weights]
        layer.set_weights(weights)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("implementation", ["add", "concat"])
@pytest.mark.parametrize("training", [False, True])
def test_the_three_implementations_compute_the_same(implementation, strides, training):
    grouped, split = _block("grouped", strides), _block(implementation, strides)
    rng = np.random.default_rng(0)
    for weight in grouped.weights:
        low = 0.5 if weight.path.endswith(("gamma", "variance")) else -0.5
        weight.assign(rng.uniform(low, 1.5, weight.shape))
    _transfer(grouped, split)
    x = rng.normal(size=(3, 7, 8, 16)).astype("float32")
    expected = np.array(grouped(x, training=training))
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        split(x, training=training), expected, rtol=1e-4, atol=1e-4 * expected.max()
    )


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_equally_complex_blocks_of_table_2(facts, implementation):
    inputs = keras.Input((4, 4, 256))
    for row, weights in facts("blocks.json")["facts"]["resnext_equal_complexity"]["rows"].items():
        paths, width = (int(part.split("=")[1]) for part in row.split(","))
        y = resnext_block(
            inputs,
            256,
            cardinality=paths,
            path_width=width,
            implementation=implementation,
            name="b",
        )
        layers = keras.Model(inputs, y).layers
        convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
        assert sum(int(np.prod(layer.kernel.shape)) for layer in convolutions) == weights
    with pytest.raises(
        ValueError, match="implementation must be one of.*received implementation='d'"
    ):
        resnext_block(inputs, 256, cardinality=2, path_width=4, implementation="d", name="b")


def test_networks_can_be_built_in_every_implementation():
    shape = {"input_shape": (32, 32, 3), "blocks": (1, 1, 1, 1)}
    nets = [
        architectures.build(
            "resnext50_32x4d", cardinality=2, base_width=4, implementation=implementation, **shape
        )
        for implementation in IMPLEMENTATIONS
    ]
    assert len({net.count_params() for net in nets}) == 1
    assert len({len(net.layers) for net in nets}) == 3
    with pytest.raises(ValueError, match=r"9n \+ 2.*received depth=50"):
        architectures.build("resnext29_8x64d_cifar", depth=50)


def _senet(name):
    return architectures.build(name, input_shape=(64, 64, 3), blocks=(2, 1, 1, 1))


def test_senet154_is_what_its_caffe_file_says():
    model = _senet("senet154")

    def kernel(name):
        return tuple(model.get_layer(f"{name}_conv").kernel.shape)

    stem = [kernel(f"conv1_{n}") for n in (1, 2, 3)]
    assert stem == [(3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 128)]
    assert [kernel(f"conv3_block1_{n}") for n in (1, 2, 3)] == [
        (1, 1, 256, 256), (3, 3, 256 // 64, 512), (1, 1, 512, 512),
    ]  # fmt: skip
    assert kernel("conv2_block1_0") == (1, 1, 128, 256)
    assert kernel("conv3_block1_0") == (3, 3, 256, 512)
    assert model.get_layer("conv3_block1_2_conv").strides == (2, 2)
    assert model.get_layer("dropout").rate == 0.2


def test_squeeze_and_excitation_weights_the_residual_before_the_addition():
    model = _senet("se_resnet50")
    assert model.get_layer("conv2_block2_se_reduce").units == 256 // 16
    add = model.get_layer("conv2_block2_add")
    names = {keras_compat.maker(tensor).name for tensor in add.input}
    assert names == {"conv2_block1_out", "conv2_block2_se_scale"}
    wide = architectures.build(
        "se_resnet50", input_shape=(64, 64, 3), blocks=(1, 1, 1, 1), se_ratio=4
    )
    assert wide.get_layer("conv2_block1_se_reduce").units == 64


def test_caffes_max_pooling_starts_in_the_corner():
    model = _senet("se_resnet50")
    assert model.get_layer("pool1_pool").padding == "same"
    assert "pool1_pad" not in {layer.name for layer in model.layers}
