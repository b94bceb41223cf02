"""Every registered architecture against the independent numbers, and what building promises."""

import subprocess
import sys

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing

keras = pytest.importorskip("keras")

SMALL = ("lenet5", "lenet5_modern", "resnet20_cifar", "plain20_cifar")


@pytest.mark.parametrize("name", architectures.names())
def test_numbers_are_the_facts(name, facts):
    known = {row["name"]: row for row in facts("architectures.json")["architectures"]}
    fact = known[name]
    entry = architectures.describe(name)
    assert list(entry.input_shape) == fact["input_shape"]
    assert entry.classes == fact["classes"]
    assert entry.depth == fact["weight_layers"]
    if isinstance(fact["params_total"], int):
        assert entry.params == fact["params_total"]
        assert entry.params_trainable == fact["params_trainable"]
    if isinstance(fact["macs"], int):
        assert entry.macs == fact["macs"]
    if entry.depth and "cifar" in name:
        # Projections are not counted in a network's depth; these nets have none.
        assert _weight_layers(architectures.build(name)) == entry.depth


def _weight_layers(model) -> int:
    return sum(
        _weight_layers(layer) if hasattr(layer, "layers") else type(layer).__name__ in
        ("Conv2D", "Dense")
        for layer in model.layers
    )  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_saves_and_reloads_in_a_fresh_process(name, tmp_path):
    model = architectures.build(name)
    x = np.random.default_rng(0).random((2, *model.input_shape[1:]), "float32")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", model.predict(x, verbose=0))
    # LeNet-5 has layers of its own; the others are stock layers and need no import of ours.
    code = f"""
{"import course.blocks.conv" if name == "lenet5" else ""}
import sys, keras, numpy as np
y = keras.saving.load_model("model.keras").predict(np.load("x.npy"), verbose=0)
np.testing.assert_allclose(y, np.load("y.npy"), rtol=1e-5, atol=1e-6)
assert {name == "lenet5"} or not any(m.split(".")[0] == "course" for m in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_gets_a_gradient(name):
    import tensorflow as tf

    model = architectures.build(name)
    x = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype("float32")
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(
            np.arange(4) % 10, model(x, training=True)
        )
    weights = [w.value for w in model.trainable_weights]
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None
        assert np.abs(gradient).max() > 0, weight.name


@pytest.mark.parametrize("shortcut", ["A", "B", "C", None])
def test_resnet_shortcuts_add_what_the_paper_says(shortcut):
    model = architectures.build("resnet20_cifar", shortcut=shortcut)
    trainable = sum(np.prod(w.shape) for w in model.trainable_weights)
    projections = {  # weights and batch normalization of the projections, by hand
        "A": 0,
        None: 0,
        "B": 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64,
        "C": 3 * (16 * 16 + 2 * 16) + 16 * 32 + 2 * (32 * 32) + 3 * 2 * 32
        + 32 * 64 + 2 * (64 * 64) + 3 * 2 * 64,
    }  # fmt: skip
    assert trainable == 269_722 + projections[shortcut]


def test_shortcut_a_subsamples_and_pads_with_zeros():
    from course.blocks.residual import shortcut_branch

    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, shortcut_branch(inputs, 7, strides=2, kind="A", name="s"))
    x = np.random.default_rng(0).random((2, 5, 6, 3), "float32")
    y = model.predict(x, verbose=0)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert y.shape == (2, 3, 3, 7)
    assert not y[..., 3:].any()


def test_a_residual_block_starts_from_its_input():
    """With its last normalization's scale at zero, a block passes its input on."""
    from course.blocks.residual import basic_block

    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, basic_block(inputs, 4, name="b"))
    model.get_layer("b_2_bn").gamma.assign(np.zeros(4))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.maximum(x, 0))


def test_lenet5_has_the_papers_connections():
    """Section II.B counts 340,908 connections, 60,000 of its parameters trainable."""
    connections = {
        "C1": sizing.conv_connections(1, 6, 5, 28),
        "S2": 14 * 14 * 6 * (4 + 1),
        "C3": 10 * 10 * (60 * 25 + 16),
        "S4": 5 * 5 * 16 * (4 + 1),
        "C5": sizing.conv_connections(16, 120, 5, 1),
        "F6": sizing.dense_params(120, 84),
        "output": 84 * 10,
    }
    assert sum(connections.values()) == 340_908
    model = architectures.build("lenet5")
    trainable = {
        layer.name: sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
        for layer in model.layers
    }
    assert {k: v for k, v in trainable.items() if v} == {
        "C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48120, "F6": 10164,
    }  # fmt: skip


def test_table_convolution_is_a_dense_one_with_zeros():
    from course.architectures.lenet import C3_TABLE
    from course.blocks.conv import ConnectionTableConv2D

    layer = ConnectionTableConv2D(C3_TABLE, 5)
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 6)).astype("float32")
    y = np.array(layer(x))
    own, dense = np.array(layer.kernel), np.zeros((5, 5, 6, 16), "float32")
    for link, (i, o) in enumerate((i, o) for o, row in enumerate(C3_TABLE) for i in row):
        dense[:, :, i, o] = own[:, :, link]
    expected = keras.ops.conv(x, dense, padding="valid")
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_table_i_is_the_papers():
    from course.architectures.lenet import C3_TABLE

    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    seen = [sum(i in row for row in C3_TABLE) for i in range(6)]
    assert seen == [10] * 6  # each map of S2 feeds ten of C3's
    assert len(set(C3_TABLE)) == 16


def test_the_digits_codes_are_ten_different_pictures():
    from course.architectures.lenet import digit_codes

    codes = np.array(digit_codes())
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    distance = (codes[:, None] != codes[None]).sum(-1)
    assert distance[~np.eye(10, dtype=bool)].min() >= 5


def test_other_sizes_and_classes_work_or_are_refused():
    model = architectures.build("resnet20_cifar", input_shape=(48, 40, 1), classes=7)
    assert model.output_shape == (None, 7)
    assert architectures.build("lenet5_modern", input_shape=(28, 28, 1)).count_params() > 0
    with pytest.raises(ValueError, match="32x32 images.*28"):
        architectures.build("lenet5", input_shape=(28, 28, 1))
    with pytest.raises(ValueError, match="ten digits.*classes=3"):
        architectures.build("lenet5", classes=3)


@pytest.mark.parametrize("name", SMALL)
def test_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = architectures.build(name)
        x = np.zeros((1, *model.input_shape[1:]), "float32")
        assert np.isfinite(np.array(model(x), "float32")).all()
        assert model.layers[1].compute_dtype == "float16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_classifier_activation_none_gives_scores():
    model = architectures.build("lenet5_modern", classifier_activation=None, name="scores")
    assert model.name == "scores"
    assert model.layers[-1].activation.__name__ == "linear"


def test_misses_list_what_is_near():
    with pytest.raises(ValueError, match="Did you mean resnet20_cifar"):
        architectures.build("resnet20")
    with pytest.raises(ValueError, match="does not take shortcuts.*depth, shortcut"):
        architectures.build("resnet20_cifar", shortcuts="B")
    with pytest.raises(ValueError, match="6n \\+ 2.*depth=21"):
        architectures.build("resnet20_cifar", depth=21)
    with pytest.raises(ValueError, match="shortcut must be one of.*'D'"):
        architectures.build("resnet20_cifar", shortcut="D")
    with pytest.raises(ValueError, match="three positive integers.*32"):
        architectures.build("resnet20_cifar", input_shape=(32, 32))
    with pytest.raises(ValueError, match="registered already"):
        architectures.register("lenet5", lambda: None, arguments={})


def test_very_deep_nets_nest_and_reload(tmp_path):
    """More blocks than Keras can walk in one graph; 32x32 images are not needed for that."""
    model = architectures.build("resnet1202_cifar", depth=6 * 60 + 2, input_shape=(8, 8, 3))
    x = np.random.default_rng(0).random((1, 8, 8, 3), "float32")
    flat_depth = _weight_layers(model)
    assert flat_depth == 362
    model.save(tmp_path / "deep.keras")
    again = keras.saving.load_model(tmp_path / "deep.keras")
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
