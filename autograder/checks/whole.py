"""Whether a model trains, and starts, as its reference does.

Two models that compute the same at inference may still differ in what shows only in training:
frozen weights, stopped gradients, randomness, statistics that never move, an epsilon. Two models
with paired and equal weights are compared by their layers, weights, outputs and gradients.
"""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from autograder.checks.arrays import apart, different, scale
from autograder.checks.starts import Weights, start_faults
from autograder.wire.models import serial
from course.keras_graph import Graph, Step, roles
from course.keras_graph.matching import Pairs
from course.keras_types import Array, Layer, Model

_STRENGTHS = ("rate", "stddev")
TOLERANCE = 1e-3


def misbuilt(right: Graph, mine: Graph) -> str:
    """Name a mistake that the layers alone show, whatever the model computes; "" if none."""
    for graph in (right, mine):
        uses = Counter(id(step.layer) for step in graph.steps if step.weights)
        shared = [step for step in graph.weighted if uses[id(step.layer)] > 1]
        if graph is right and shared:
            break
        if shared:
            return f"{shared[0]} is used more than once: each place needs a layer of its own"
    return next(iter(_fixed_modes(right, mine)), "")


def _fixed_modes(right: Graph, mine: Graph) -> list[str]:
    def fixed(graph: Graph) -> list[tuple[Step, bool]]:
        calls = ((step, _training(step)) for step in graph.steps)
        return [(step, mode) for step, mode in calls if isinstance(mode, bool)]

    if fixed(right):
        return []
    return [
        f"{step} is called with training={mode}: leave it out, so that the model's own call decides"
        for step, mode in fixed(mine)
    ]


def _training(step: Step) -> bool | None:
    """Return the mode that a layer was called with; None if it was left open."""
    parameter = inspect.signature(type(step.layer).call).parameters.get("training")
    if parameter is None:
        return None
    mode: bool | None = step.node.arguments.kwargs.get("training")
    return None if mode == parameter.default else mode  # Keras records the default, too


def faults(
    right: Model,
    mine: Model,
    pairs: Pairs,
    inputs: list[Array],
    starts: tuple[Weights, Weights],
    epsilons: dict[int, float],
    prescribed: frozenset[str],
) -> list[str]:
    """Say what is wrong with a model that computes the right values at inference.

    Args:
        right, mine: the reference and the student's, with equal weights.
        pairs: the layers that correspond to each other.
        inputs: to train with.
        starts: for both, the weights that they started from.
        epsilons: the reference's own, by the layer's ID.
        prescribed: which of "epsilon", "momentum" and "initializer" the text prescribes.
    """
    graphs = Graph(right), Graph(mine)
    found = _fixed_modes(*graphs) + _frozen(right, mine, pairs) + _chance(*graphs)
    found += _epsilons(pairs, epsilons) if "epsilon" in prescribed else []
    found += start_faults(pairs, starts, "initializer" in prescribed)
    # The numbers would only repeat what the lines above have found.
    return found or _training_faults(right, mine, pairs, inputs, "momentum" in prescribed)


def sharing(one: Model, other: Model) -> str:
    """Name a layer whose weights two models share; "" if there is none."""
    known = {serial(weight) for weight in one.weights}
    for step in Graph(other).weighted:
        if any(serial(weight) in known for weight in step.weights):
            return f"{step} is the same layer in both"
    return ""


def _frozen(right: Model, mine: Model, pairs: Pairs) -> list[str]:
    learned = [{id(weight) for weight in model.trainable_weights} for model in (right, mine)]
    said = []
    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            should = id(weight) in learned[0]
            if role not in theirs or should == (id(theirs[role]) in learned[1]):
                continue
            verb = "is frozen, but should train" if should else "trains, but should be frozen"
            said.append(f"{role} of {own} {verb}")
    return said[:2]


def _chance(right: Graph, mine: Graph) -> list[str]:
    """Name layers that are random in training and that only one of the models has."""

    def random(graph: Graph) -> Counter:
        return Counter(
            f"{type(step.layer).__name__}({strength:g})"
            for step in graph.steps
            if (strength := _strength(step.layer))
        )

    wanted, found = random(right), random(mine)
    return [f"{name} was not asked for" for name in found - wanted] + [
        f"{name} is missing" for name in wanted - found
    ]


def _strength(layer: Layer) -> float:
    """Return how random a layer is in training; 0 if it is not."""
    if getattr(layer, "seed_generator", None) is None:
        return 0
    return next((float(getattr(layer, name)) for name in _STRENGTHS if hasattr(layer, name)), 0)


def _epsilons(pairs: Pairs, epsilons: dict[int, float]) -> list[str]:
    said = []
    for step, own in pairs:
        wanted, found = epsilons.get(id(step.layer)), getattr(own.layer, "epsilon", None)
        if wanted is not None and found is not None and not abs(found - wanted) <= 1e-3 * wanted:
            said.append(f"epsilon of {own} should be {wanted:g}, but is {found:g}")
    return said[:2]


# One pass in training, of both models


def _training_faults(
    right: Model, mine: Model, pairs: Pairs, inputs: list[Array], momentum: bool
) -> list[str]:
    before = (_statistics_of(right), _statistics_of(mine))
    with _without_chance(right), _without_chance(mine):
        expected, found = _trained(right, inputs), _trained(mine, inputs)
    moved = _statistics_faults(pairs, before, momentum)
    if moved:
        return moved
    if different(expected.outputs, found.outputs, TOLERANCE):
        return ["in training it gives wrong outputs: what differs only there?"]
    return _gradient_faults(pairs, expected, found)


@contextlib.contextmanager
def _without_chance(model: Model) -> Iterator[None]:
    """Turn off dropout and the like."""
    changed = []
    for step in Graph(model).steps:
        for name in _STRENGTHS:
            if _strength(step.layer) and hasattr(step.layer, name):
                changed.append((step.layer, name, getattr(step.layer, name)))
                setattr(step.layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, value in changed:
            setattr(layer, name, value)


@dataclass(frozen=True)
class _Trained:
    """Outputs of one pass in training, and the gradients of a sum of them.

    Attributes:
        outputs: the outputs.
        inputs: gradients by the inputs.
        weights: gradients by the trainable weights.
    """

    outputs: list[Array]
    inputs: list[Array]
    weights: Weights


def _trained(model: Model, inputs: list[Array]) -> _Trained:
    import tensorflow as tf

    weights = model.trainable_weights
    given = [tf.convert_to_tensor(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs = keras.tree.flatten(model(given if len(given) > 1 else given[0], training=True))
        # The same random direction for both, as the outputs of a softmax always add up to one.
        rng = np.random.default_rng(0)
        loss = sum(
            tf.reduce_sum(out * rng.normal(size=out.shape).astype("float32")) for out in outputs
        )
    sources = [*given, *(weight.value for weight in weights)]
    zero = tf.UnconnectedGradients.ZERO
    found = [np.array(g) for g in tape.gradient(loss, sources, unconnected_gradients=zero)]
    by_weight = {id(w): g for w, g in zip(weights, found[len(given) :], strict=True)}
    return _Trained([np.array(out) for out in outputs], found[: len(given)], by_weight)


def _statistics_of(model: Model) -> Weights:
    return {id(weight): np.array(weight) for weight in model.non_trainable_weights}


def _statistics_faults(pairs: Pairs, before: tuple[Weights, Weights], momentum: bool) -> list[str]:
    """Say which moving statistics training does not move as it should."""
    said = []
    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            if not role.startswith("moving_") or role not in theirs:
                continue
            wanted = np.array(weight) - before[0][id(weight)]
            found = np.array(theirs[role]) - before[1][id(theirs[role])]
            said += _moved(step, own, wanted, found.reshape(wanted.shape), momentum)
    return list(dict.fromkeys(said))[:2]


def _moved(step: Step, own: Step, wanted: Array, found: Array, momentum: bool) -> list[str]:
    """Say what is wrong with how far the statistics of a layer have moved."""
    size = scale(wanted)
    if not size:
        return [f"training should not move the statistics of {own}"] if np.any(found) else []
    # Both statistics move by (1 - momentum) of the way to the batch's.
    part = float(np.sum(found * wanted) / np.sum(wanted * wanted))
    if abs(part) < TOLERANCE:
        return [f"training does not move the statistics of {own}: momentum 1, or inference mode?"]
    if np.any(apart(part * wanted, found, 0.01 * size * abs(part))):
        return [f"training moves the statistics of {own} to other values than the batch's"]
    if momentum and not abs(part - 1) <= 0.01:
        right, mine = (getattr(side.layer, "momentum", None) for side in (step, own))
        return [f"momentum of {own} should be {right:g}, but is {mine:g}"]
    return []


def _gradient_faults(pairs: Pairs, expected: _Trained, found: _Trained) -> list[str]:
    largest = max(map(scale, expected.weights.values()), default=0)

    def differ(one: Array, other: Array) -> bool:
        slack = TOLERANCE * scale(one) + 1e-5 * largest
        return bool(np.any(apart(one, other.reshape(one.shape), slack)))

    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            wanted, value = expected.weights.get(id(weight)), None
            if role in theirs:
                value = found.weights.get(id(theirs[role]))
            if wanted is None or value is None or not differ(wanted, value):
                continue
            what = "no gradient reaches" if not np.any(value) else "the wrong gradient reaches"
            return [f"{what} {role} of {own}: is it stopped on a path to the output?"]
    if any(differ(*pair) for pair in zip(expected.inputs, found.inputs, strict=True)):
        return ["the wrong gradient reaches the input: is it stopped on one of the paths?"]
    return []
