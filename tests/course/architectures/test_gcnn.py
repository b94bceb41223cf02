"""Group convolutions: the groups, equivariance where it is exact, the paper's networks."""

import itertools

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures

keras = pytest.importorskip("keras")

from course.blocks import group as groups

GROUP_ORDER = groups.GROUP_ORDER


def _images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _error(y, wanted) -> float:
    return np.abs(np.asarray(y) - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("group", GROUP_ORDER)
def test_elements_form_a_group(group):
    elements = range(GROUP_ORDER[group])
    assert all(groups.product(0, g) == groups.product(g, 0) == g for g in elements)
    for g in elements:
        assert sorted(groups.product(g, h) for h in elements) == list(elements)
    for f, g, h in itertools.product(elements, repeat=3):
        assert groups.product(f, groups.product(g, h)) == groups.product(groups.product(f, g), h)


def test_a_product_acts_as_one_after_the_other():
    x = _images(3, 3, 8)
    for g, h in itertools.product(range(8), repeat=2):
        for elements in (0, 8):
            one_by_one = groups.transform(
                groups.transform(x, h, elements=elements), g, elements=elements
            )
            at_once = groups.transform(x, groups.product(g, h), elements=elements)
            np.testing.assert_array_equal(at_once, one_by_one)


@pytest.mark.parametrize("group", GROUP_ORDER)
@pytest.mark.parametrize(
    "size, kernel_size, strides, padding, exact",
    [(6, 3, 1, 0, True), (6, 3, 1, 1, True), (7, 3, 2, 1, True), (8, 2, 2, 0, True),
     (7, 1, 2, 0, True), (8, 3, 2, 1, False), (8, 1, 2, 0, False)],
)  # fmt: skip
def test_layers_are_equivariant_if_windows_reach_both_borders(
    group, size, kernel_size, strides, padding, exact
):
    options = {"strides": strides, "padding": padding}
    lifting = groups.GroupConv2D(2, kernel_size, group, **options)
    between = groups.GroupConv2D(3, kernel_size, group, **options)
    image, maps = _images(2, size, size, 2), _images(2, size, size, GROUP_ORDER[group], 2)
    for layer, x, elements in ((lifting, image, 0), (between, maps, GROUP_ORDER[group])):
        y = np.asarray(layer(x))
        assert y.shape == layer.compute_output_shape(x.shape)
        layer.bias.assign(np.arange(layer.filters, dtype="float32"))
        y = np.asarray(layer(x))
        worst = 0.0
        for g in range(1, GROUP_ORDER[group]):
            turned = layer(groups.transform(x, g, axis=1, elements=elements))
            wanted = groups.transform(y, g, axis=1, elements=GROUP_ORDER[group])
            worst = max(worst, _error(turned, wanted))
        assert worst < 1e-5 if exact else worst > 1e-2


def test_a_feature_map_is_as_defined():
    """Equation 11 written out, for one image, one position and all elements."""
    layer = groups.GroupConv2D(2, 3, "p4m")
    x = _images(1, 3, 3, 8, 2)
    y = np.asarray(layer(x))[0, 0, 0]
    kernel = np.asarray(layer.kernel)
    for g in range(8):
        turned = groups.transform(kernel, g, elements=8)
        np.testing.assert_allclose(
            y[g], np.einsum("hwec,hwecf->f", x[0], turned), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(
    "name, size", [("p4cnn_rotated_mnist", 28), ("gcnn_p4_allcnn", 9), ("gcnn_p4m_allcnn", 9)]
)
def test_logits_are_invariant_to_rotations(name, size):
    channels = architectures.describe(name).input_shape[-1]
    model = architectures.build(
        name, input_shape=(size, size, channels), filters=4 if "mnist" in name else (3, 4)
    )
    _stir(model)
    x = _images(2, size, size, channels)
    y = np.asarray(model(x, training=False))
    for g in range(8 if "p4m" in name else 4):
        np.testing.assert_allclose(model(groups.transform(x, g, axis=1)), y, rtol=1e-5, atol=1e-5)
    if "p4m" not in name:  # p4 knows no mirror
        assert _error(model(groups.transform(x, 4, axis=1)), y) > 1e-4


@pytest.mark.parametrize("invariant", [False, True])
@pytest.mark.parametrize("size", [9, 8])
def test_every_layer_of_a_residual_network_rotates_with_the_image(invariant, size):
    model = architectures.build(
        "gcnn_p4m_resnet44",
        input_shape=(size, size, 3),
        depth=8,
        filters=(2, 3, 4),
        invariant=invariant,
        classifier_activation=None,
    )
    _stir(model)
    maps = [layer.output for layer in model.layers[1:] if len(layer.output.shape) == 5]
    assert len(maps) > 20
    views = keras.Model(model.input, [*maps, model.output])
    x = _images(2, size, size, 3)
    *ys, scores = views(x)
    worst, worst_scores = 0.0, 0.0
    for g in range(1, 8):
        *turned, turned_scores = views(groups.transform(x, g, axis=1))
        for y, t in zip(ys, turned, strict=True):
            worst = max(worst, _error(t, groups.transform(y, g, axis=1, elements=8)))
        worst_scores = max(worst_scores, _error(turned_scores, np.asarray(scores)))
    if size == 9:
        assert worst < 1e-4
        assert (worst_scores < 1e-4) == invariant
    else:
        assert worst > 1e-2  # steps of 2 end before one border


def _stir(model) -> None:
    """Set biases and statistics other than 0 and 1, so that a fault in sharing them shows."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1 and "seed" not in weight.path:
            weight.assign(rng.uniform(0.5, 1, weight.shape))


def test_z2_networks_are_made_of_stock_layers():
    for name in ("z2cnn_rotated_mnist", "gcnn_z2_allcnn"):
        model = architectures.build(name)
        assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}


def test_parameters_are_those_of_the_papers_table():
    """Table 2, in millions; its authors' code gives the figures after the point."""
    wanted = {"z2_allcnn": 1.37, "p4_allcnn": 1.37, "p4m_allcnn": 1.22, "z2_resnet44": 2.64,
              "p4m_resnet44": 2.62, "z2_resnet26": 7.24, "p4m_resnet26": 7.17}  # fmt: skip
    for name, millions in wanted.items():
        trainable = architectures.describe(f"gcnn_{name}").params_trainable
        assert round(trainable / 1e6, 2) == pytest.approx(millions, abs=0.005), name
    # Section 8.1: as many parameters as the other net, about 25k.
    assert architectures.describe("p4cnn_rotated_mnist").params_trainable == 24_680


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match=r"p4, p4m; received group='p8'"):
        groups.GroupConv2D(2, 3, "p8")
    with pytest.raises(ValueError, match=r"8 elements on axis 3; received shape \(1, 5, 5, 4, 2\)"):
        groups.GroupConv2D(2, 3, "p4m")(_images(1, 5, 5, 4, 2))
    with pytest.raises(ValueError, match=r"at least as large as the kernel.*received shape"):
        groups.GroupConv2D(2, 5, "p4")(keras.Input((4, 8, 1)))
    with pytest.raises(
        ValueError, match=r"at least 28 x 28 pixels; received input_shape=\(20, 32, 1\)"
    ):
        architectures.build("p4cnn_rotated_mnist", input_shape=(20, 32, 1))
    with pytest.raises(ValueError, match=r"6n \+ 2.*received depth=10"):
        architectures.build("gcnn_p4m_resnet26", depth=10)
