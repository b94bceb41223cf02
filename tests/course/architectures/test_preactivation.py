"""Pre-activation, wide and pyramidal networks, and the ablations of the residual block."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from course.blocks import residual_variants
from course.blocks.preactivation import preactivation_block, pyramidal_block
from course.blocks.residual import basic_block
from course.blocks.residual_variants import ABLATIONS, ACTIVATION_ORDERS, residual_unit

keras = pytest.importorskip("keras")

CHANNELS = 6


def _model(block, filters=CHANNELS, shape=(8, 8, CHANNELS), **arguments):
    inputs = keras.Input(shape)
    return keras.Model(inputs, block(inputs, filters, name="b", **arguments))


def _images(shape=(2, 8, 8, CHANNELS), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def _randomize(model) -> None:
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        low, high = (0.5, 1.5) if weight.path.endswith(("gamma", "variance")) else (-0.3, 0.3)
        weight.assign(rng.uniform(low, high, weight.shape))


def _run(model, x, training=False):
    return np.array(model(x, training=training))


@pytest.mark.parametrize("kernels", [(3, 3), (1, 3, 1)])
def test_a_pre_activation_block_leaves_the_shortcut_clear(kernels):
    """A residual of zeros leaves every value unchanged, negative ones, too."""
    model = _model(preactivation_block, kernels=kernels)
    model.get_layer(f"b_{len(kernels)}_conv").kernel.assign(
        keras.ops.zeros_like(model.get_layer(f"b_{len(kernels)}_conv").kernel)
    )
    x = _images()
    np.testing.assert_array_equal(_run(model, x), x)


def test_the_block_after_a_lone_convolution_parts_after_its_activation():
    model = _model(preactivation_block, first=True)
    model.get_layer("b_2_conv").kernel.assign(np.zeros((3, 3, CHANNELS, CHANNELS)))
    x = _images()
    np.testing.assert_allclose(_run(model, x), np.maximum(x, 0), rtol=1e-4)


def test_projections_start_from_the_first_activation():
    model = _model(preactivation_block, filters=8, strides=2)
    model.get_layer("b_2_conv").kernel.assign(np.zeros((3, 3, 8, 8)))
    model.get_layer("b_0_conv").kernel.assign(np.ones((1, 1, CHANNELS, 8)))
    x = _images()
    expected = np.maximum(x, 0).sum(-1, keepdims=True)[:, ::2, ::2]
    np.testing.assert_allclose(_run(model, x), np.tile(expected, 8), rtol=1e-4)


@pytest.mark.parametrize("index", [0, 1])
def test_the_strided_convolution_is_the_one_asked_for(index):
    model = _model(preactivation_block, kernels=(1, 3, 1), strides=2, stride_on=index)
    strides = [model.get_layer(f"b_{n}_conv").strides[0] for n in (1, 2, 3)]
    assert strides == [2 if n == index else 1 for n in range(3)]


def test_the_cifar_nets_hold_their_blocks():
    thin = architectures.build("resnet164_v2_cifar", depth=11)
    assert thin.get_layer("conv2_block1_0_conv").kernel.shape == (1, 1, 16, 64)
    assert thin.get_layer("conv4_block1_2_conv").kernel.shape == (3, 3, 64, 64)
    with pytest.raises(ValueError, match=r"9n \+ 2 .*11, 20, 29.*received depth=100"):
        architectures.build("resnet164_v2_cifar", depth=100)
    with pytest.raises(ValueError, match=r"6n \+ 2 .*received depth=165"):
        architectures.build("resnet110_v2_cifar", depth=165)


# The ablations of He et al. 2016b


def _same_weights(model, other):
    _randomize(model)
    other.set_weights(model.get_weights())


@pytest.mark.parametrize(
    ("known", "order", "strides"),
    [
        (lambda *a, **k: basic_block(*a, shortcut="A", **k), "original", 2),
        (preactivation_block, "full_preactivation", 1),
    ],
    ids=["original", "full_preactivation"],
)
def test_the_first_and_the_last_order_are_the_known_blocks(known, order, strides):
    model = _model(known, strides=strides)
    unit = _model(residual_unit, strides=strides, order=order)
    _same_weights(model, unit)
    x = _images()
    np.testing.assert_allclose(_run(unit, x), _run(model, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", ACTIVATION_ORDERS)
def test_orders_are_the_ones_of_figure_4(order):
    model = _model(residual_unit, order=order)
    _randomize(model)
    x = _images()
    conv1, conv2 = (model.get_layer(f"b_{n}_conv") for n in (1, 2))
    bns = {layer.name: layer for layer in model.layers if layer.name.endswith("bn")}
    bn = lambda name, y: bns.pop(f"b_{name}_bn")(y, training=False)  # noqa: E731
    relu = keras.ops.relu
    expected = {
        "original": lambda: relu(x + bn(2, conv2(relu(bn(1, conv1(x)))))),
        "bn_after_addition": lambda: relu(bn("out", x + conv2(relu(bn(1, conv1(x)))))),
        "relu_before_addition": lambda: x + relu(bn(2, conv2(relu(bn(1, conv1(x)))))),
        "relu_only_preactivation": lambda: x + bn(2, conv2(relu(bn(1, conv1(relu(x)))))),
        "full_preactivation": lambda: x + conv2(relu(bn(1, conv1(relu(bn("preact", x)))))),
    }[order]()
    np.testing.assert_allclose(_run(model, x), expected, rtol=1e-4, atol=1e-5)
    assert not bns, "a normalization that the figure does not have"


def _gate(bias: float) -> float:
    return 1 / (1 + np.exp(-bias))


@pytest.mark.parametrize(
    ("arguments", "shortcut", "branch"),
    [
        ({"scaling": (0.5, 0.5)}, 0.5, 0.5),
        ({"scaling": (0.5, 1.0)}, 0.5, 1),
        ({"gating": "exclusive", "gate_bias": -2.0}, 1 - _gate(-2), _gate(-2)),
        ({"gating": "shortcut_only", "gate_bias": 0.0}, 0.5, 1),
    ],
    ids=["scaled", "shortcut scaled", "exclusive", "shortcut_only"],
)
@pytest.mark.parametrize("strides", [1, 2])
def test_shortcuts_are_scaled_and_gated_by_what_the_table_says(
    arguments, shortcut, branch, strides
):
    model = _model(residual_unit, filters=8, strides=strides, **arguments)
    kernels = [w for w in model.weights if "gate" in w.path and w.path.endswith("kernel")]
    _randomize_but_gates(model)
    for kernel in kernels:
        kernel.assign(np.zeros(kernel.shape))
    x = _images()
    y = _run(keras.Model(model.input, model.get_layer("b_2_bn").output), x)
    padded = np.pad(x[:, ::strides, ::strides], [(0, 0)] * 3 + [(0, 2)])
    expected = np.maximum(shortcut * padded + branch * y, 0)
    np.testing.assert_allclose(_run(model, x), expected, rtol=1e-4, atol=1e-5)


def _randomize_but_gates(model) -> None:
    biases = {w.path: np.array(w) for w in model.weights if "gate" in w.path}
    _randomize(model)
    for weight in model.weights:
        if weight.path in biases:
            weight.assign(biases[weight.path])


def test_a_gate_depends_on_its_input():
    keras.utils.set_random_seed(0)
    model = _model(residual_unit, gating="exclusive")
    gate = keras.Model(model.input, model.get_layer("b_gate_conv").output)
    y = _run(gate, _images())
    assert ((y > 0) & (y < 1)).all()
    assert y.std() > 1e-4


def test_dropout_hits_the_shortcut_alone():
    model = _model(residual_unit, dropout=0.5)
    model.get_layer("b_2_bn").gamma.assign(np.zeros(CHANNELS))
    x = np.abs(_images())
    y = _run(model, x, training=True)
    kept = y != 0
    np.testing.assert_allclose(y[kept], 2 * x[kept], rtol=1e-5)
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_allclose(_run(model, x), x, rtol=1e-5)


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_is_a_cifar_net_of_stock_layers(ablation):
    model = architectures.build("resnet110_cifar", depth=8, ablation=ablation)
    y = _run(model, _images((2, 32, 32, 3)))
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-4)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    assert sum("_gate_conv" in layer.name for layer in model.layers) in (0, 3)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = _images((2, 32, 32, 3))
    np.testing.assert_allclose(_run(again, x), _run(model, x), rtol=1e-5)


def test_the_original_ablation_is_the_net_itself():
    net = architectures.build("resnet20_cifar", depth=14)
    same = architectures.build("resnet20_cifar", depth=14, ablation="original")
    _same_weights(net, same)
    x = _images((2, 32, 32, 3))
    np.testing.assert_allclose(_run(same, x), _run(net, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("order", ACTIVATION_ORDERS)
def test_every_order_has_as_many_weights_as_the_original(order):
    """The first block has no pre-activation, and the network's end has one more."""
    original = architectures.build("resnet20_cifar", depth=14)
    other = architectures.build("resnet20_cifar", depth=14, ablation={"order": order})
    assert other.count_params() == original.count_params()
    names = {layer.name for layer in other.layers}
    assert "conv2_block1_preact_bn" not in names
    assert ("post_preact_bn" in names) == (order == "full_preactivation")
    assert ("post_preact_relu" in names) == ("preactivation" in order)


def test_the_ablations_are_the_papers_with_its_errors(facts):
    fact = facts("blocks.json")["facts"]["preact_ablations"]
    names = {
        "original": "original",
        "constant 0.5/0.5": "constant_scaling",
        "exclusive gating b=-6": "exclusive_gating_6",
        "exclusive gating b=-7": "exclusive_gating_7",
        "shortcut-only gating b=0": "shortcut_gating_0",
        "shortcut-only gating b=-6": "shortcut_gating_6",
        "1x1 conv shortcut": "conv_shortcut",
        "dropout 0.5 shortcut": "dropout_shortcut",
    }
    for theirs, error in fact["shortcut"].items():
        wanted = residual_variants.FAILS if error == "fail" else error
        assert ABLATIONS[names[theirs]].resnet110 == wanted, theirs
    for theirs, errors in fact["activation_110_164"].items():
        name = theirs.lower().replace(" ", "_").replace("-", "_").replace("pre_", "pre")
        assert [ABLATIONS[name].resnet110, ABLATIONS[name].resnet164] == errors, theirs


def test_unknown_ablations_are_refused():
    build = architectures.build
    with pytest.raises(ValueError, match="ablation must be one of original.*received.*'half'"):
        build("resnet20_cifar", ablation="half")
    with pytest.raises(ValueError, match="received shortcut=None. Choose 'A', 'B' or 'C'"):
        build("plain20_cifar", ablation="constant_scaling")
    with pytest.raises(ValueError, match="order must be one of.*received order='none'"):
        build("resnet20_cifar", ablation={"order": "none"})
    with pytest.raises(ValueError, match="gating must be one of.*received gating='soft'"):
        build("resnet20_cifar", ablation={"gating": "soft"})


@pytest.mark.parametrize("noise", residual_variants.BRANCH_DROPOUTS)
def test_noise_drops_values_of_every_residual_in_training(noise):
    net = architectures.build("resnet20_cifar", depth=8)
    noisy = architectures.build("resnet20_cifar", depth=8, noise=noise, noise_rate=0.5)
    assert sum(layer.name.endswith(noise) for layer in noisy.layers) == 3
    own = [weight for weight in noisy.weights if noise not in weight.path]
    for weight, value in zip(own, net.get_weights(), strict=True):
        weight.assign(value)
    x = _images((2, 32, 32, 3))
    np.testing.assert_allclose(_run(noisy, x), _run(net, x), rtol=1e-4, atol=1e-6)
    layer = next(layer for layer in noisy.layers if layer.name.endswith(noise))
    drawn = keras.ops.convert_to_numpy(layer(np.ones((8, 16, 16, 4), "float32"), training=True))
    assert (drawn == 0).any()
    maps = drawn.any((1, 2))
    assert maps.all() != (noise == "spatial_dropout")


def test_unknown_noise_is_refused():
    with pytest.raises(ValueError, match="noise must be one of dropout.*received noise='salt'"):
        architectures.build("resnet20_cifar", noise="salt")
    with pytest.raises(ValueError, match="received noise='dropout' with ablation='original'"):
        architectures.build("resnet20_cifar", noise="dropout", ablation="original")


# Wide networks


@pytest.mark.parametrize(
    ("kernels", "depth", "millions"),
    [
        ((1, 3, 1), 40, 1.4),
        ((3, 1), 40, 1.2),
        ((1, 3), 40, 1.3),
        ((3, 1, 1), 40, 1.3),
        ((3, 3), 28, 1.5),
        ((3, 1, 3), 22, 1.1),
    ],
    ids=str,
)
def test_block_kinds_have_the_weights_of_table_2(kernels, depth, millions):
    """Table 2 of the paper: networks of widening factor 2 with about the same number of weights."""
    model = architectures.build("wrn_40_2", kernels=kernels, depth=depth)
    blocks = (depth - 4) // 6
    weights, before = 3 * 9 * 16, 16
    for filters in (32, 64, 128):
        first = kernels[0] ** 2 * before * filters
        rest = sum(k * k for k in kernels[1:]) * filters**2
        again = sum(k * k for k in kernels) * filters**2
        projection = before * filters
        norms = 2 * (before + (len(kernels) * blocks - 1) * filters)
        weights += first + rest + (blocks - 1) * again + projection + norms
        before = filters
    weights += 2 * 128 + 128 * 10 + 10
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == weights
    assert round(weights / 1e6, 1) == millions


def test_dropout_is_between_the_convolutions():
    model = _model(preactivation_block, kernels=(3, 1, 3), dropout=0.4)
    names = [layer.name for layer in model.layers if layer.name.startswith("b_")]
    for index in (1, 2):
        at = names.index(f"b_{index}_dropout")
        assert names[at - 1 : at + 2] == [f"b_{index}_relu", names[at], f"b_{index + 1}_conv"]
    assert sum("dropout" in name for name in names) == 2
    assert not any("dropout" in w.name for w in architectures.build("wrn_40_2", depth=10).layers)


def test_other_wide_depths_are_refused():
    with pytest.raises(ValueError, match=r"depth must be 6n \+ 4.*received depth=27"):
        architectures.build("wrn_28_10", depth=27)


# PyramidNet


@pytest.mark.parametrize("index", [-1, 2])
def test_strides_on_a_convolution_that_is_not_there(index):
    with pytest.raises(ValueError, match=f"index of one of 2 convolutions.*received {index}"):
        _model(preactivation_block, strides=2, stride_on=index)


def test_pyramids_widen_at_every_block():
    model = architectures.build("pyramidnet110_a48", depth=20)
    widths = [
        model.get_layer(f"conv{stage}_block{block}_2_conv").filters
        for stage in (2, 3, 4)
        for block in (1, 2, 3)
    ]
    assert widths == [21, 27, 32, 37, 43, 48, 53, 59, 64]
    with pytest.raises(ValueError, match="alpha must be at least 0.*received alpha=-1"):
        architectures.build("pyramidnet110_a48", alpha=-1)


def test_a_pyramidal_block_passes_its_input_and_zeros():
    model = _model(pyramidal_block, filters=9)
    model.get_layer("b_2_bn").gamma.assign(np.zeros(9))
    x = _images()
    y = _run(model, x)
    np.testing.assert_array_equal(y[..., :CHANNELS], x)
    assert not y[..., CHANNELS:].any()
    names = [layer.name for layer in model.layers]
    assert "b_preact_relu" not in names
    assert "b_1_relu" in names


# Stochastic depth


def _stochastic(**arguments):
    return architectures.build("resnet110_stochastic_depth_cifar", depth=14, **arguments)


def test_drops_rise_in_equal_steps_to_the_last_block():
    model = architectures.build("resnet110_stochastic_depth_cifar")
    named = {layer.name: layer for layer in _all_layers(model)}
    drops = [layer.rate for name, layer in named.items() if name.endswith("_drop")]
    np.testing.assert_allclose(drops, 0.5 * np.arange(1, 55) / 54)
    survival = [layer.scale for name, layer in named.items() if name.endswith("_survival")]
    np.testing.assert_allclose(survival, 1 - np.array(drops))


def _all_layers(model):
    for layer in model.layers:
        yield from _all_layers(layer) if hasattr(layer, "layers") else (layer,)


def test_a_residual_is_scaled_by_its_survival_at_inference():
    model = _stochastic()
    _randomize(model)
    x = _images((2, 32, 32, 3))
    block = {n: model.get_layer(f"conv4_block2_{n}").output for n in ("2_bn", "out")}
    before = model.get_layer("conv4_block1_out").output
    x, y, out = (np.array(v) for v in keras.Model(
        model.input, [before, block["2_bn"], block["out"]])(x, training=False))  # fmt: skip
    np.testing.assert_allclose(out, np.maximum(x + 0.5 * y, 0), rtol=1e-4, atol=1e-5)


def test_without_drops_it_is_the_resnet():
    model = _stochastic(drop_path_rate=0.0, shortcut="A")
    net = architectures.build("resnet110_cifar", depth=14)
    _same_weights(model, net)
    x = _images((2, 32, 32, 3))
    np.testing.assert_allclose(_run(model, x, True), _run(net, x, True), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="received shortcut=None"):
        _stochastic(shortcut=None)
    with pytest.raises(ValueError, match="rate is the probability of a drop.*received"):
        _stochastic(drop_path_rate=2.0)
