"""What every registered architecture promises, name by name."""

import contextlib
import gc

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing

keras = pytest.importorskip("keras")

# Nets whose paper counts its layers by another rule than the longest way through them.
LONGEST_WAY = {
    "lenet5": "pooling has weights and the output layer's are fixed",
    **dict.fromkeys(
        ("wrn_16_8", "wrn_28_10", "wrn_40_4", "wrn_16_10", "wrn_22_8", "wrn_40_2"),
        "the three projections are counted and the dense layer is not",
    ),
    "densenet264": "the paper's table has one layer more than the name says",
    "fractalnet20": "the dense layer is not counted",
    **dict.fromkeys(
        ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"),
        "the convolutions of both branches are counted",
    ),
    "xception": "36 convolutions extract features; the dense layer comes on top",
}
# Learned weights that the independent numbers count and the network does not have.
NOT_THERE = {
    # Two weights a map for Caffe's Scale layers that only multiply maps by the gates' outputs.
    "se_inception": 2 * (256 + 320 + 3 * 576 + 2 * 608 + 1056 + 2 * 1024),
}
# The course's own networks are in no paper: their numbers, layer by layer, by hand.
OWN = {
    "fast_cifar": {
        "name": "fast_cifar",
        "input_shape": [32, 32, 3],
        "classes": 10,
        "weight_layers": 1 + 3 * 2 + 1,
        # Frozen filters; kernels, and scale and shift of each of their maps; scores.
        "params_trainable": (
            (9 * 24 * 64 + 9 * 64 * 64 + 4 * 64)
            + (9 * 64 * 256 + 9 * 256 * 256 + 4 * 256)
            + (9 * 256 * 256 + 9 * 256 * 256 + 4 * 256)
            + (256 * 10 + 10)
        ),
        "params_total": 1_972_490 + 4 * 3 * 24 + 2 * 2 * (64 + 256 + 256),
        # Patches at 31x31; maps of 31x31 and 15x15, of 15x15 and 7x7, of 7x7 and 3x3.
        "macs": (
            31 * 31 * 4 * 3 * 24
            + (31 * 31 * 9 * 24 * 64 + 15 * 15 * 9 * 64 * 64)
            + (15 * 15 * 9 * 64 * 256 + 7 * 7 * 9 * 256 * 256)
            + (7 * 7 * 9 * 256 * 256 + 3 * 3 * 9 * 256 * 256)
            + 256 * 10
        ),
    },
}


@pytest.mark.parametrize("name", architectures.names())
def test_architecture(name, facts, reloaders, tmp_path):
    entry = architectures.describe(name)
    with _half_precision():
        model = _without_values(name)
    _numbers_are_the_facts(entry, sizing.profile(model), facts)
    _types_are_mixed(model)
    if entry.depth and name not in LONGEST_WAY:
        assert longest_way(model) == entry.depth
    # The rest is done on small images, which the large nets take in seconds.
    small = _another_size(entry)
    _every_weight_gets_a_gradient(small)
    _reloads_elsewhere(entry, small, reloaders, tmp_path)
    if _own_layers(small):  # stock layers check types while they are put together
        _computes_in_half_precision(entry, small)
    keras.utils.clear_session()
    gc.collect()


def test_all_names_of_the_facts_are_there(facts):
    wanted = {row["name"] for row in facts("architectures.json")["architectures"]}
    assert wanted <= set(architectures.names())


def _without_values(name: str):
    """The network with shapes for variables: made in a tenth of the time, and in no memory."""
    with keras.StatelessScope(initialize_variables=False):
        model = architectures.build(name)
    keras.utils.clear_session()  # or Keras would give them values later
    return model


def _numbers_are_the_facts(entry, report, facts) -> None:
    rows = {row["name"]: row for row in facts("architectures.json")["architectures"]}
    fact = (rows | OWN)[entry.name]
    assert list(entry.input_shape) == fact["input_shape"]
    assert entry.classes == fact["classes"]
    assert entry.depth == fact["weight_layers"]
    known = {
        key: fact[theirs]
        for key, theirs in (
            ("params", "params_total"),
            ("params_trainable", "params_trainable"),
            ("macs", "macs"),
        )
        if isinstance(fact[theirs], int)
    }
    for key in {"params", "params_trainable"} & set(known):
        known[key] -= NOT_THERE.get(entry.name, 0)
    assert {key: getattr(report, key) for key in known} == known


def longest_way(model) -> int:
    """Convolutions and dense layers on the longest way from input to output.

    Layers that only weigh channels (squeeze-and-excitation) are not part of a paper's depth.
    """

    def through(model) -> int:
        model = getattr(model, "_functional", model)
        depth: dict[int, int] = {}
        for level in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[level]:
                before = [depth.get(id(t), 0) for t in node.arguments.keras_tensors]
                here = max(before, default=0) + _layers_in(node.operation)
                depth.update({id(t): here for t in node.outputs})
        return max(depth[id(t)] for t in model.outputs)

    def _layers_in(layer) -> int:
        if hasattr(layer, "layers"):
            return through(layer)
        kinds = (
            keras.layers.Conv2D,
            keras.layers.DepthwiseConv2D,
            keras.layers.SeparableConv2D,
            keras.layers.Dense,
        )
        multiplies = isinstance(layer, kinds) or hasattr(layer, "macs")
        return multiplies and "_se_" not in layer.name

    return through(model)


def _own_layers(model) -> bool:
    return any(
        _own_layers(layer) if hasattr(layer, "layers") else
        type(layer).__module__.split(".")[0] == "course"
        for layer in model.layers
    )  # fmt: skip


def _images(model, batch: int):
    shape = (batch, *model.input_shape[1:])
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _outputs(model, x, *, training: bool):
    """The model's output; several as one tensor, side by side along a new first axis."""
    y = model(x, training=training)
    return keras.ops.stack(y) if isinstance(y, list) else y


def _reloads_elsewhere(entry, model, reloaders, tmp_path) -> None:
    if (entry.depth or 0) > 200:
        _weaken(model)  # or untrained statistics double the variance at each block, to infinity
    x = _images(model, 1)
    y = np.asarray(_outputs(model, x, training=False))
    assert np.isfinite(y).all()
    assert y.std() > 0
    own = _own_layers(model)
    reloader = reloaders(own)
    np.testing.assert_allclose(
        reloader.outputs(model, x, tmp_path), y, rtol=1e-4, atol=1e-4 * np.abs(y).max()
    )
    assert own or not reloader.course_modules


def _weaken(model) -> None:
    for weight in model.trainable_weights:
        if weight.path.endswith("gamma"):
            weight.assign(0.3 * weight)


def _another_size(entry):
    """A model of the same kind for smaller images and seven classes, or the reason why not."""
    for height in (64, 128) if entry.input_shape[0] > 32 else (16, 40):
        shape = (height, height + 8, entry.input_shape[2])
        try:
            return architectures.build(
                entry.name, input_shape=shape, classes=7, classifier_activation=None
            )
        except ValueError as error:
            assert "received" in str(error)
    return architectures.build(entry.name, classifier_activation=None)


def _every_weight_gets_a_gradient(model) -> None:
    import tensorflow as tf

    x = _images(model, 2)
    weights = [w.value for w in model.trainable_weights]
    missing = {w.path for w in model.trainable_weights}
    # What drops whole paths at random may pass a weight by, but not every time.
    for _ in range(10):
        with tf.GradientTape() as tape:
            y = _outputs(model, x, training=True)
            # Scores in every direction, as large as they come: no saturated softmax hides a path.
            loss = tf.reduce_sum(y * np.random.default_rng(1).normal(size=y.shape))
        for weight, gradient in zip(
            model.trainable_weights, tape.gradient(loss, weights), strict=True
        ):
            assert gradient is not None, f"{weight.path} is not on the way to the output"
            if np.abs(gradient).max() > 0:
                missing.discard(weight.path)
        if not missing:
            return
    raise AssertionError(f"no gradient reaches {sorted(missing)}")


@contextlib.contextmanager
def _half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def _types_are_mixed(model) -> None:
    assert {str(w.dtype) for w in model.trainable_weights} == {"float32"}
    assert any(layer.compute_dtype == "float16" for layer in model.layers)
    assert {output.dtype for output in model.outputs} == {"float32"}


def _computes_in_half_precision(entry, model) -> None:
    with _half_precision():
        half = architectures.build(
            entry.name,
            input_shape=model.input_shape[1:],
            classes=model.outputs[0].shape[-1],
            classifier_activation="softmax",
        )
    y = _outputs(half, _images(half, 2), training=True)
    np.testing.assert_allclose(np.sum(y, axis=-1), 1, rtol=1e-3)
