"""A model as a whole: whether it trains, moves, stays and starts as its reference does.

Two models that compute the same at inference may still differ in what nobody sees there: frozen
weights, stopped gradients, chance, statistics that never move, an epsilon. All is told from layers,
weights, outputs and gradients, for a pair of models whose weights are paired and equal.
"""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Iterator

import keras
import numpy as np

from autograder.checks.comparison import different
from autograder.checks.graph import Graph, Step, roles
from autograder.checks.starts import start_faults
from autograder.wire.models import serial

Pairs = list[tuple[Step, Step]]
_STRENGTHS = ("rate", "stddev")
TOLERANCE = 1e-3


def misbuilt(right: Graph, mine: Graph) -> str:
    """A cause that the layers alone show, whatever the model computes; "" if there is none."""
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
    """The mode that a layer was called with; None if it was left open."""
    parameter = inspect.signature(type(step.layer).call).parameters.get("training")
    if step.node is None or parameter is None:
        return None
    mode = step.node.arguments.kwargs.get("training")
    return None if mode == parameter.default else mode  # Keras notes the default, too


def faults(
    right: keras.Model,
    mine: keras.Model,
    pairs: Pairs,
    inputs: list[np.ndarray],
    starts: tuple[dict, dict],
    epsilons: dict[int, float],
    prescribed: frozenset[str],
) -> list[str]:
    """What is wrong with a model that computes the right values at inference, in words.

    Args:
        right, mine: the reference and the student's, with equal weights.
        pairs: the steps that answer to each other.
        inputs: to train with.
        starts: for both, the weights that they began with, by the weight's id.
        epsilons: the reference's own, by the layer's id.
        prescribed: of "epsilon", "momentum", "initializer" what the text prescribes.
    """
    graphs = Graph(right), Graph(mine)
    found = _fixed_modes(*graphs) + _frozen(right, mine, pairs) + _chance(*graphs)
    found += _epsilons(pairs, epsilons) if "epsilon" in prescribed else []
    found += start_faults(pairs, starts, "initializer" in prescribed)
    # What the lines above have found, the numbers would only say again.
    return found or _training_faults(right, mine, pairs, inputs, "momentum" in prescribed)


def sharing(one: keras.Model, other: keras.Model) -> str:
    """A layer of which two models have the same weights, in words; "" if there is none."""
    known = {serial(weight) for weight in one.weights}
    for step in Graph(other).weighted:
        if any(serial(weight) in known for weight in step.weights):
            return f"{step} is the same layer in both"
    return ""


def _frozen(right: keras.Model, mine: keras.Model, pairs: Pairs) -> list[str]:
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
    """Layers that do something random in training, of which one model has more."""

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


def _strength(layer) -> float:
    """How much a layer leaves to chance in training; 0 for one that is sure."""
    if getattr(layer, "seed_generator", None) is None:
        return 0
    return next((getattr(layer, name) for name in _STRENGTHS if hasattr(layer, name)), 0)


def _epsilons(pairs: Pairs, epsilons: dict[int, float]) -> list[str]:
    said = []
    for step, own in pairs:
        wanted, found = epsilons.get(id(step.layer)), getattr(own.layer, "epsilon", None)
        if wanted is not None and found is not None and abs(found - wanted) > 1e-3 * wanted:
            said.append(f"epsilon of {own} should be {wanted:g}, but is {found:g}")
    return said[:2]


# One pass in training, of both models


def _training_faults(right, mine, pairs: Pairs, inputs, momentum: bool) -> list[str]:
    before = [{id(w): np.array(w) for w in model.non_trainable_weights} for model in (right, mine)]
    with _without_chance(right), _without_chance(mine):
        expected, found = _trained(right, inputs), _trained(mine, inputs)
    moved = _statistics(pairs, before, momentum)
    if moved:
        return moved
    if different(expected.outputs, found.outputs, TOLERANCE):
        return ["in training it gives other outputs than it should: what differs only there?"]
    return _gradient_faults(pairs, expected, found)


@contextlib.contextmanager
def _without_chance(model: keras.Model) -> Iterator[None]:
    """Dropout and the like drop nothing."""
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


class _Trained:
    """Outputs of one pass in training, and the gradients of a sum of them.

    Attributes:
        outputs: arrays.
        inputs: gradients by the inputs.
        weights: gradients by the trainable weights, by the weight's id.
    """

    def __init__(self, outputs, inputs, weights):
        self.outputs, self.inputs, self.weights = outputs, inputs, weights


def _trained(model: keras.Model, inputs: list[np.ndarray]) -> _Trained:
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


def _statistics(pairs: Pairs, before: tuple[dict, dict], momentum: bool) -> list[str]:
    """Moving statistics that training does not move as it should."""
    said = []
    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            if not role.startswith("moving_") or role not in theirs:
                continue
            wanted = np.array(weight) - before[0][id(weight)]
            found = np.array(theirs[role]) - before[1][id(theirs[role])].reshape(wanted.shape)
            said += _moved(step, own, wanted, found.reshape(wanted.shape), momentum)
    return list(dict.fromkeys(said))[:2]


def _moved(
    step: Step, own: Step, wanted: np.ndarray, found: np.ndarray, momentum: bool
) -> list[str]:
    scale = np.max(np.abs(wanted))
    if not scale:
        return [f"training should not move the statistics of {own}"] if np.any(found) else []
    # Both statistics move by (1 - momentum) of the way to the batch's.
    part = float(np.sum(found * wanted) / np.sum(wanted * wanted))
    if abs(part) < TOLERANCE:
        return [f"training does not move the statistics of {own}: momentum 1, or inference mode?"]
    if np.max(np.abs(found - part * wanted)) > 0.01 * scale * abs(part):
        return [f"training moves the statistics of {own} to other values than the batch's"]
    if momentum and abs(part - 1) > 0.01:
        right, mine = (getattr(side.layer, "momentum", None) for side in (step, own))
        return [f"momentum of {own} should be {right:g}, but is {mine:g}"]
    return []


def _gradient_faults(pairs: Pairs, expected: _Trained, found: _Trained) -> list[str]:
    largest = max((np.max(np.abs(g), initial=0) for g in expected.weights.values()), default=0)

    def apart(one: np.ndarray, other: np.ndarray) -> bool:
        slack = TOLERANCE * np.max(np.abs(one), initial=0) + 1e-5 * largest
        return bool(np.any(np.abs(other.reshape(one.shape) - one) > slack))

    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            pair = expected.weights.get(id(weight)), found.weights.get(id(theirs.get(role)))
            if pair[0] is None or pair[1] is None or not apart(*pair):
                continue
            none = "no gradient reaches" if not np.any(pair[1]) else "another gradient reaches"
            return [f"{none} {role} of {own}: is it stopped on a path to the output?"]
    if any(apart(*pair) for pair in zip(expected.inputs, found.inputs, strict=True)):
        return ["another gradient reaches the input: is it stopped on one of the paths from there?"]
    return []
