"""What holds for every registered architecture."""

import contextlib
import gc
import json

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing
from course.errors import UsageError
from course.keras_graph import Graph
from tests import parts
from tests.course.architectures import numbers
from tests.course.architectures.numbers import (
    FACTS,
    OWN,
    known,
    representatives,
    shortened,
    without_values,
)

keras = pytest.importorskip("keras")

# What `course list` shows.
LISTED = {
    row["name"]: row
    for row in json.loads((parts.ROOT / "course" / "listing" / "numbers.json").read_text())
}
# Networks whose paper does not count the layers on the longest path.
LONGEST_PATH = {
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


@pytest.mark.parametrize("name", architectures.names())
def test_numbers(name):
    """They are the paper's; and in mixed precision, dtypes are as they should be."""
    entry = architectures.describe(name)
    with _half_precision():
        model = without_values(name)
    fact = (FACTS | OWN).get(name)
    assert fact, f"work out the numbers of {name} with a pencil, and write them into OWN"
    assert list(entry.input_shape) == fact["input_shape"]
    assert (entry.classes, entry.depth) == (fact["classes"], fact["weight_layers"])
    report, expected = sizing.profile(model), known(name)
    assert {key: getattr(report, key) for key in expected} == expected
    kept = LISTED.get(name)
    assert kept, f"{name} is not in `course list`: run `python -m course.listing`"
    counts = {key: getattr(report, key) for key in ("params", "params_trainable", "macs")}
    assert {key: kept[key] for key in counts} == counts
    _types_are_mixed(model)
    if entry.depth and name not in LONGEST_PATH:
        assert longest_path(model) == entry.depth


def test_all_names_of_the_facts_are_there():
    assert FACTS.keys() <= set(architectures.names())


def test_every_kind_has_its_representative():
    """At least one for each builder, with and without its options."""
    chosen = representatives()
    assert {architectures.describe(name).builder for name in chosen} == {
        architectures.describe(name).builder for name in architectures.names()
    }
    assert {"resnet18", "plain18", "se_resnet50", "gcnn_p4m_allcnn"} <= set(chosen)
    assert len(chosen) < len(architectures.names()) / 2


@pytest.mark.parametrize("name", parts.by_day(representatives(), 20, "kinds"))
def test_a_short_network_of_each_kind_works(name, reloaders, tmp_path):
    _works(name, shortened(name), reloaders, tmp_path)


@pytest.mark.parametrize("name", parts.by_day(representatives(), 20, "kinds"))
def test_images_that_are_too_small_give_no_error_of_keras(name):
    """It would look like a bug; a network either takes them or says why it does not."""
    channels = architectures.describe(name).input_shape[-1]
    for side in (8, 1):
        with contextlib.suppress(UsageError):
            without_values(name, input_shape=(side, side, channels), **shortened(name))


@pytest.mark.parametrize("name", ["xception", "convnext_tiny"])
def test_a_deep_network_that_cannot_be_shortened_is_noticed(name, monkeypatch):
    assert shortened(name) == {}
    monkeypatch.setattr(numbers, "FULL_SIZE", set())
    with pytest.raises(AssertionError, match=f"{name} has .* weight layers"):
        shortened(name)


@pytest.mark.whole
@pytest.mark.parametrize("name", architectures.names())
def test_network_works(name, reloaders, tmp_path):
    _works(name, {}, reloaders, tmp_path)


def _works(name: str, overrides: dict, reloaders, tmp_path) -> None:
    """Check gradients of every weight, saving and loading, and half precision.

    All on small images, which take seconds even with large networks.
    """
    small = _another_size(name, overrides)
    _every_weight_gets_a_gradient(small)
    _reloads_elsewhere(small, reloaders, tmp_path)
    if _own_layers(small):  # stock layers check types while they are put together
        _computes_in_half_precision(name, small, overrides)
    keras.utils.clear_session()
    gc.collect()


def longest_path(model) -> int:
    """Count convolutions and dense layers on the longest path from input to output.

    Layers that only weight channels (squeeze-and-excitation) do not count in a paper's depth.
    """

    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Dense,
    )
    graph, depth = Graph(model), {}
    for step in graph.steps:
        before = max((depth[id(parent)] for parent in step.parents), default=0)
        multiplies = isinstance(step.layer, kinds) or hasattr(step.layer, "macs")
        depth[id(step)] = before + (multiplies and "_se_" not in step.layer.name)
    return max(depth[id(step)] for step, _ in graph.outputs)


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
    """Return the model's output; several outputs are stacked along a new first axis."""
    y = model(x, training=training)
    return keras.ops.stack(y) if isinstance(y, list) else y


def _reloads_elsewhere(model, reloaders, tmp_path) -> None:
    if len(model.layers) > 700:
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


def _another_size(name: str, overrides: dict):
    """Build a model of the same kind for smaller images and seven classes, if it accepts them."""
    entry = architectures.describe(name)
    for height in (64, 128) if entry.input_shape[0] > 32 else (16, 40):
        shape = (height, height + 8, entry.input_shape[2])
        how = {"input_shape": shape, "classes": 7, "classifier_activation": None}
        try:
            return architectures.build(name, **how, **overrides)
        except ValueError as error:
            assert "received" in str(error)
    return architectures.build(name, classifier_activation=None, **overrides)


def _every_weight_gets_a_gradient(model) -> None:
    import tensorflow as tf

    x = _images(model, 2)
    weights = [w.value for w in model.trainable_weights]
    missing = {w.path for w in model.trainable_weights}
    # Dropped paths may bypass a weight, one of FractalNet's in more than half of the steps, but not
    # every time.
    for _ in range(50):
        with tf.GradientTape() as tape:
            y = _outputs(model, x, training=True)
            # Logits in every direction, of any size: no saturated softmax hides a path.
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


def _computes_in_half_precision(name: str, model, overrides: dict) -> None:
    with _half_precision():
        half = architectures.build(
            name,
            **overrides,
            input_shape=model.input_shape[1:],
            classes=model.outputs[0].shape[-1],
            classifier_activation="softmax",
        )
    y = _outputs(half, _images(half, 2), training=True)
    np.testing.assert_allclose(np.sum(y, axis=-1), 1, rtol=1e-3)
