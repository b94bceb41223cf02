"""How a model behaves in training: gradients, randomness, and training versus inference.

Each check returns None, or what is wrong and its known cause. Afterwards a model has the weights
that it had before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from autograder.checks.arrays import different
from autograder.checks.causes import Mistakes, cause_where
from autograder.checks.comparison import draw
from autograder.checks.values import mean_and_slack
from course.keras_graph import Graph, roles
from course.keras_types import Array, Model, Variable

# What is wrong, and its known cause.
Finding = tuple[str, str] | None
OPEN_SIZE = 16  # stands for a size that the model leaves open
# The axes of what is dropped as a whole.
_UNITS: dict[str, Callable[[int], tuple[int, ...]]] = {
    "value": lambda rank: (),
    "channel": lambda rank: tuple(range(1, rank - 1)),
    "example": lambda rank: tuple(range(1, rank)),
}


def random_inputs(model: Model, rng: np.random.Generator, batch: int = 4) -> list[Array]:
    """Draw random values for each input of a model."""
    made = []
    for tensor in model.inputs:
        shape = (batch, *(size or OPEN_SIZE for size in tensor.shape[1:]))
        whole = not keras.backend.is_float_dtype(tensor.dtype)
        values = rng.integers(0, 2, shape) if whole else rng.normal(size=shape)
        made.append(values.astype(tensor.dtype))
    return made


@contextlib.contextmanager
def preserve_weights(model: Model) -> Iterator[dict[int, float]]:
    """Restore a model's weights and epsilons at the end; yield its epsilons by the layer's ID."""
    weights = model.get_weights()
    layers = [step.layer for step in Graph(model).weighted if hasattr(step.layer, "epsilon")]
    epsilons = {id(layer): layer.epsilon for layer in layers}
    try:
        yield epsilons
    finally:
        model.set_weights(weights)
        for layer in layers:
            layer.epsilon = epsilons[id(layer)]


def gradients(model: Model, rng: np.random.Generator) -> Finding:
    """Check that a gradient reaches every trainable weight."""
    import tensorflow as tf

    weights = model.trainable_weights
    if not weights:
        return "expected weights to train, but none is trainable", ""
    with preserve_weights(model):
        # A weight that starts from zero must not hide the layers around it.
        for step in Graph(model).weighted:
            for role, weight in roles(step):
                weight.assign(draw(role, weight.shape, rng))
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(model(_given(model, rng)))
            # A random direction, as the outputs of a softmax always add up to one.
            loss = sum(
                tf.reduce_sum(tf.cast(out, "float32") * rng.normal(size=out.shape))
                for out in outputs
            )
        found = tape.gradient(loss, [weight.value for weight in weights])
    missed = [
        f"{weight.name} of {_owner(model, weight)}"
        for weight, gradient in zip(weights, found, strict=True)
        if gradient is None or not np.any(np.asarray(tf.convert_to_tensor(gradient)))
    ]
    if not missed:
        return None
    more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
    return (
        f"expected a gradient for each of the {len(weights)} trainable weights, but none reaches "
        f"{', '.join(missed[:3])}{more}",
        "",
    )


def training_vs_inference(model: Model, rng: np.random.Generator, differs: bool) -> Finding:
    """Check that training and inference differ, or don't, and that inference is deterministic."""
    with preserve_weights(model):
        inputs = _given(model, rng, 8)
        rest, again = _outputs(model(inputs)), _outputs(model(inputs))
        if different(rest, again, 1e-6):
            return (
                "expected the same output each time at inference, but it changes: inference must "
                "be deterministic; use randomness only in training",
                "",
            )
        found = different(rest, _outputs(model(inputs, training=True)), 1e-5)
    if found == differs:
        return None
    if differs:
        return "expected other outputs in training than at inference, but they agree", ""
    return "expected the same outputs in training as at inference, but they differ", ""


def statistics(model: Model, rng: np.random.Generator, moves: bool) -> Finding:
    """Check that training moves all moving statistics, or none, and that inference moves none."""
    moving = [w for w in model.non_trainable_weights if w.name.startswith("moving_")]
    if not moving:
        return "expected layers with moving statistics (BatchNormalization), but has none", ""

    def moved(**mode: bool) -> list[bool]:
        before = [np.array(weight) for weight in moving]
        model(_given(model, rng, 8), **mode)
        return [
            different([old], [np.array(weight)], 0)
            for old, weight in zip(before, moving, strict=True)
        ]

    with preserve_weights(model):
        at_rest, in_training = moved(), moved(training=True)
    if any(at_rest):
        return "expected inference to leave the moving statistics, but it moves them", ""
    if all(found == moves for found in in_training):
        return None
    odd = moving[in_training.index(not moves)]
    where = f"{odd.name} of {_owner(model, odd)}"
    if moves:
        return f"expected training to move all moving statistics, but {where} stays", ""
    return f"expected training to leave all moving statistics, but {where} moves", ""


def survivors(
    model: Model,
    rng: np.random.Generator,
    unit: str,
    dropped: Callable[[Array], Array],
    least: int,
) -> list[float] | Finding:
    """Return for each unit 1 if it survived a pass in training, else 0; or what is wrong."""
    survived: list[float] = []
    with preserve_weights(model):
        while len(survived) < least:
            (inputs,) = random_inputs(model, rng, 64)
            inputs = np.abs(inputs) + 1  # nothing that a ReLU would drop
            (output,) = _outputs(model(inputs, training=True))
            gone = np.isclose(output, dropped(inputs), rtol=1e-5, atol=1e-6)
            part = gone.mean(axis=_UNITS[unit](output.ndim))
            if np.any((part > 0.02) & (part < 0.98)):
                return f"expected every {unit} to be dropped as a whole, or kept", ""
            survived += np.ravel(part < 0.5).astype(float).tolist()
    return survived


def mean(
    values: list[float] | Finding,
    expected: float,
    sigmas: float,
    what: str,
    mistakes: Mistakes | None,
) -> Finding:
    """Check the fraction of ones among some values, within random variation."""
    if not isinstance(values, list):
        return values
    found, slack = mean_and_slack(values, sigmas)
    chance = sigmas * (expected * (1 - expected) / len(values)) ** 0.5
    if abs(found - expected) <= chance + 1e-9:
        return None
    return (
        f"expected {expected:.4g} of the {what}, but {found:.4g} of {len(values)} do "
        f"(chance explains a difference of {chance:.2g})",
        cause_where(mistakes, lambda wrong: abs(found - wrong) <= slack),
    )


def unbiased(model: Model, rng: np.random.Generator, repeats: int, sigmas: float) -> Finding:
    """Check that outputs in training are on average as large as those at inference."""
    with preserve_weights(model):
        inputs = _given(model, rng, 64)
        rest = _vector(model(inputs))
        # Each value times its sign at inference, so that nothing cancels out.
        signs = np.where(rest < 0, -1, 1)
        sizes = [
            float(np.mean(_vector(model(inputs, training=True)) * signs)) for _ in range(repeats)
        ]
    expected = float(np.mean(np.abs(rest)))
    found, slack = mean_and_slack(sizes, sigmas)
    if abs(found - expected) <= slack + 1e-4 * expected:
        return None
    return (
        "expected outputs in training to have on average the size that they have at inference, "
        f"but they have {found / expected if expected else float('inf'):.3g} times that",
        "",
    )


def _given(model: Model, rng: np.random.Generator, batch: int = 4) -> Array | list[Array]:
    inputs = random_inputs(model, rng, batch)
    return inputs[0] if len(inputs) == 1 else inputs


def _outputs(value: Any) -> list[Array]:
    return [keras.ops.convert_to_numpy(part) for part in keras.tree.flatten(value)]


def _vector(value: Any) -> Array:
    return np.concatenate([np.ravel(part) for part in _outputs(value)]).astype("float64")


def _owner(model: Model, weight: Variable) -> str:
    """Name the layer of a weight."""
    for step in Graph(model).weighted:
        if any(weight is own for own in step.weights):
            return str(step)
    return "a layer that is not on the way to the output"
