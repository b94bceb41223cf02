"""AlexNet, ZFNet, VGG and network in network: what their papers say besides sizes."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from course.architectures.registry import require_size

keras = pytest.importorskip("keras")


def _sides(model, *names):
    return [model.get_layer(name).output.shape[1] for name in names]


@pytest.fixture(scope="module")
def two_tower():
    return architectures.build("alexnet_two_tower", classes=10)


def test_alexnets_feature_maps_shrink_as_in_the_paper(two_tower):
    names = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv5", "pool5")
    assert _sides(two_tower, *names) == [55, 27, 27, 13, 13, 13, 6]
    order = [layer.name for layer in two_tower.layers]
    assert order[1:7] == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    assert [order.index(f"fc{n}_dropout") - order.index(f"fc{n}") for n in (6, 7)] == [1, 1]


def test_two_towers_meet_in_the_third_convolution_only(two_tower):
    convolutions = [two_tower.get_layer(f"conv{number}") for number in range(1, 6)]
    assert [layer.groups for layer in convolutions] == [1, 2, 1, 2, 2]
    one = architectures.build("alexnet", input_shape=(67, 67, 3), classes=10)
    assert {one.get_layer(f"conv{number}").groups for number in range(1, 6)} == {1}


def test_alexnet_starts_as_in_section_5(two_tower):
    start = {
        layer.name: np.unique(layer.bias) for layer in two_tower.layers if hasattr(layer, "kernel")
    }
    ones = {name for name, bias in start.items() if bias.tolist() == [1.0]}
    zeros = {name for name, bias in start.items() if bias.tolist() == [0.0]}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert zeros == {"conv1", "conv3", "predictions"}
    for name in start:
        assert np.std(two_tower.get_layer(name).kernel) == pytest.approx(0.01, rel=0.02), name


def test_pooling_of_alexnet_overlaps(two_tower):
    pools = [layer for layer in two_tower.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert [(pool.pool_size, pool.strides) for pool in pools] == [((3, 3), (2, 2))] * 3


@pytest.mark.parametrize(
    "name, filters", [("zfnet", [384, 384, 256]), ("zfnet_wide", [512, 1024, 512])]
)
def test_zfnet_is_figure_3(name, filters):
    model = architectures.build(name, input_shape=(224, 64, 3), classes=10)
    sides = _sides(model, "conv1_conv", "pool1", "conv2_conv", "pool2", "conv5_conv", "pool5")
    assert sides == [110, 55, 26, 13, 13, 6]
    assert [model.get_layer(f"conv{n}_conv").filters for n in (3, 4, 5)] == filters
    order = [layer.name for layer in model.layers]
    assert order.index("norm1") == order.index("pool1") + 1


def test_configuration_c_ends_its_last_blocks_with_1x1():
    model = architectures.build("vgg16_c", input_shape=(32, 32, 3), classes=2)
    sizes = {
        layer.name: layer.kernel_size[0] for layer in model.layers if hasattr(layer, "kernel_size")
    }
    assert {name for name, size in sizes.items() if size == 1} == {
        f"block{block}_conv3" for block in (3, 4, 5)
    }
    assert set(sizes.values()) == {1, 3}


@pytest.mark.parametrize("name, shape", [("nin_cifar", (32, 32, 3)), ("nin", (70, 80, 3))])
def test_a_logit_of_nin_is_the_mean_of_a_feature_map(name, shape):
    model = architectures.build(name, input_shape=shape, classes=5, classifier_activation=None)
    assert not any(isinstance(layer, keras.layers.Dense) for layer in model.layers)
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    assert (last.filters, last.kernel_size) == (5, (1, 1))
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    maps, scores = keras.Model(model.input, [last.output, model.output])(x)
    np.testing.assert_allclose(scores, np.mean(maps, axis=(1, 2)), rtol=1e-4, atol=1e-6)


def test_nin_pools_and_drops_where_the_authors_code_does():
    model = architectures.build("nin_cifar")
    assert _sides(model, "conv1_conv", "pool1", "pool2") == [32, 16, 8]
    assert isinstance(model.get_layer("pool1"), keras.layers.MaxPooling2D)
    assert isinstance(model.get_layer("pool2"), keras.layers.AveragePooling2D)
    drops = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert drops == ["dropout1", "dropout2"]
    large = architectures.build("nin", input_shape=(70, 80, 3), classes=2)
    drops = [layer.name for layer in large.layers if isinstance(layer, keras.layers.Dropout)]
    assert drops == ["dropout3"]


@pytest.mark.parametrize(
    "name, smallest",
    [("alexnet", 67), ("alexnet_two_tower", 67), ("zfnet", 53), ("vgg11", 32), ("nin", 67)],
)
def test_images_that_are_too_small_are_refused(name, smallest):
    least = architectures.build(name, input_shape=(smallest, smallest, 3), classes=2)
    assert least.output_shape == (None, 2)
    with pytest.raises(ValueError, match=f"at least {smallest} x {smallest} pixels; received"):
        architectures.build(name, input_shape=(smallest, smallest - 1, 3))


def test_a_refused_size_is_explained():
    with pytest.raises(ValueError, match=r"net needs .* received input_shape=\(8, 4, 3\)\. Use"):
        require_size((8, 4, 3), 5, "net")
    require_size((5, 5, 3), 5, "net")
