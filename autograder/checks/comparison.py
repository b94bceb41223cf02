"""Whether two models compute the same with the same weights, and where they part if not."""

from __future__ import annotations

from collections import Counter
from math import prod

import numpy as np

from autograder.checks.graph import (
    Graph,
    Step,
    assignments,
    kinds_between,
    roles,
    shapes,
    squeezed,
    unweighted_before,
)

_SETTINGS = ("strides", "dilation_rate", "groups", "epsilon", "axis", "rate")
_DRAWS = 30  # of weights, for a reference whose outputs stay the same whatever it is given
_WINDOWS = ("pool_size", "strides", "padding", "axis", "alpha", "negative_slope", "size")


def different(one: list[np.ndarray], other: list[np.ndarray], tolerance: float) -> bool:
    """True if arrays differ in shape, or by more than a part of the largest value."""
    if len(one) != len(other):
        return True
    for a, b in zip(one, other, strict=True):
        if a.shape != b.shape:
            return True
        if a.size == 0:
            continue
        worst = np.max(np.abs(a.astype("float64") - b.astype("float64")))
        if not worst <= tolerance * np.max(np.abs(a)):  # a NaN is different, too
            return True
    return False


def draw(role: str, shape, rng: np.random.Generator) -> np.ndarray:
    """Random values for a weight, of a size that keeps activations alive."""
    if role in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    if len(shape) > 1:
        fan_in = max(1, prod(shape[:-1]))
        return rng.normal(0, (2 / fan_in) ** 0.5, shape).astype("float32")
    return rng.normal(0, 0.3, shape).astype("float32")


class Comparison:
    """A reference and a student's model, which get the same weights.

    Args:
        right: the reference's graph.
        mine: the student's.
        any_bias: a bias may be there or not.
        tolerance: how far values may differ, relative to the largest.
        rng: draws the weights.
        any_epsilon: the reference gets the student's epsilons, for as long as it is not inside `preserve_weights`.

    Attributes:
        pairs: the steps with weights that answer to each other, once no difference was found.
    """

    def __init__(
        self, right: Graph, mine: Graph, any_bias: bool, tolerance: float, rng, any_epsilon=False
    ):
        self.reference, self.student = right, mine
        self.any_epsilon = any_epsilon
        self.any_bias, self.tolerance, self.rng = any_bias, tolerance, rng
        self.pairs: list[tuple[Step, Step]] = []

    def difference(self, inputs: list[np.ndarray]) -> str | None:
        """What is wrong with the student's model, in words; None if nothing is."""
        if len(self.student.inputs) != len(self.reference.inputs):
            return f"expected {len(self.reference.inputs)} inputs, has {len(self.student.inputs)}"
        nearest, most = None, -1
        for pairs in assignments(self.reference, self.student, not self.any_bias):
            expected = self._expected(pairs, inputs)
            try:
                found = self.student.values(inputs)
            except Exception as error:
                return f"it cannot be run on inputs of shape {inputs[0].shape[1:]}: {error}"[:300]
            sides = [(self.reference, expected), (self.student, found)]
            if not self._differ(*(_results(*side) for side in sides)) and not (
                all(ends_in_softmax(graph) for graph, _ in sides)
                and self._differ(*(_scores(*side) for side in sides))
            ):
                self.pairs = pairs
                return None
            apart = {
                id(right)
                for right, mine in pairs
                if self._differ(*map(_squeezed, (expected[id(right)], found[id(mine)])))
            }
            if len(pairs) - len(apart) > most:
                nearest, most = (dict(pairs), apart), len(pairs) - len(apart)
        return self._apart(*nearest) if nearest else self._other_weights()

    def _differ(self, one: list[np.ndarray], other: list[np.ndarray]) -> bool:
        return different(one, other, self.tolerance)

    def _expected(self, pairs, inputs: list[np.ndarray]) -> dict:
        """The reference's values, once both have weights with which its outputs heed its inputs.

        A narrow layer whose ReLUs are all silent would hide whatever is wrong before it.
        """
        for _ in range(_DRAWS):
            self._draw(pairs)
            expected = self.reference.values(inputs)
            outputs = (_scores if ends_in_softmax(self.reference) else _results)(
                self.reference, expected
            )
            if len(inputs[0]) == 1 or all(self._varies(output) for output in outputs):
                break
        return expected

    def _varies(self, output: np.ndarray) -> bool:
        """Whether an output differs from example to example."""
        return different([output], [np.broadcast_to(output[:1], output.shape)], self.tolerance)

    def _draw(self, pairs) -> None:
        for right, mine in pairs:
            given = {role: draw(role, w.shape, self.rng) for role, w in roles(right)}
            if self.any_epsilon and hasattr(right.layer, "epsilon"):
                right.layer.epsilon = getattr(mine.layer, "epsilon", right.layer.epsilon)
            have = {role for role, _ in roles(mine)}
            for role, weight in roles(right):
                # A bias that the student's layer does not have is none in the reference, either.
                lost = role.startswith("bias") and role not in have
                weight.assign(np.zeros(weight.shape) if lost else given[role])
            for role, weight in roles(mine):
                value = given.get(role)
                weight.assign(np.zeros(weight.shape) if value is None else _as(value, weight))

    def _other_weights(self) -> str:
        """Layers that have no counterpart, by their weights."""
        missing, extra = self._unmatched(self.any_bias)
        if not any(self._unmatched(True)):
            return "; ".join(
                f"{step} should have {'no bias' if _has_bias(step) else 'a bias'}"
                for step in extra[:3]
            )
        said = []
        if missing:
            names = [f"{type(step.layer).__name__}{_sizes(step)}" for step in missing]
            said.append(f"expected {_some(names)}")
        if extra:
            names = [f"{step}{_sizes(step)}" for step in extra]
            said.append(f"{'has' if missing else 'did not expect'} {_some(names)}")
        return ", but ".join(said) if extra else f"{said[0]}, which is missing"

    def _unmatched(self, any_bias: bool) -> tuple[list[Step], list[Step]]:
        """The steps of each side for whose weights the other has no layer."""
        sides = []
        for graph, other in ((self.reference, self.student), (self.student, self.reference)):
            there = Counter(shapes(step, not any_bias) for step in other.weighted)
            left = []
            for step in graph.weighted:
                there[shapes(step, not any_bias)] -= 1
                if there[shapes(step, not any_bias)] < 0:
                    left.append(step)
            sides.append(left)
        return sides[0], sides[1]

    def _apart(self, partner: dict[Step, Step], apart: set[int]) -> str:
        """Where the two models part, going from the inputs on."""
        right = next((step for step in self.reference.weighted if id(step) in apart), None)
        mine = partner.get(right)
        before = [str(step) for step in unweighted_before(self.student, mine) if step.weights]
        return (
            "expected other outputs for the same weights. It goes wrong after "
            f"{_some(before) or 'the inputs'}, before {mine or 'the output'}: "
            f"{self._cause(right, mine)}"
        )

    def _cause(self, right: Step | None, mine: Step | None) -> str:
        said = _settings(right, mine, _SETTINGS) if right else []
        wanted, kinds = kinds_between(self.reference, right), kinds_between(self.student, mine)
        said += [f"{kind} is missing" for kind in (wanted - kinds)]
        said += [f"{kind} is not expected" for kind in (kinds - wanted)]
        if not said:
            one, other = (
                [step for step in unweighted_before(*side) if not step.weights]
                for side in ((self.reference, right), (self.student, mine))
            )
            for kind in {step.kind for step in one}:
                twins = ([s for s in side if s.kind == kind] for side in (one, other))
                for a, b in zip(*twins, strict=False):
                    said += _settings(a, b, _WINDOWS)
        if right and not said:
            said += _settings(right, mine, ("padding",))
        return "; ".join(said) or (
            "the layers there are the expected ones, but not their order, connections or padding"
        )


def _results(graph: Graph, values: dict) -> list[np.ndarray]:
    """The outputs among a graph's values."""
    found = []
    for step, number in graph.outputs:
        value = values[id(step)][number]
        found.append(np.array(step.activation(value)) if step.activation else value)
    return found


def ends_in_softmax(graph: Graph) -> bool:
    """True if every output is a softmax, however it is written."""
    return all("softmax" in step.kinds[-1:] for step, _ in graph.outputs)


def _scores(graph: Graph, values: dict) -> list[np.ndarray]:
    """What the softmaxes at the end take, less each example's mean, which is nothing to them.

    Random weights in a deep network make large scores, and probabilities that are 0 and 1 whatever
    is wrong with it.
    """
    found = []
    for step, number in graph.outputs:
        source, number = (step, number) if step.activation else step.sources[0]
        value = values[id(source)][number]
        if source is not step and source.activation:
            value = np.array(source.activation(value))
        found.append(value - value.mean(axis=-1, keepdims=True))
    return found


def _squeezed(values: list[np.ndarray]) -> list[np.ndarray]:
    return [value.reshape(len(value), *squeezed(value.shape[1:])) for value in values]


def _as(value: np.ndarray, weight) -> np.ndarray:
    return value.reshape(weight.shape) if squeezed(value.shape) == squeezed(weight.shape) else value


def _settings(right: Step, mine: Step, names: tuple[str, ...]) -> list[str]:
    """Settings in which two layers differ."""
    said = []
    for name in names:
        wanted, value = getattr(right.layer, name, None), getattr(mine.layer, name, None)
        if wanted is not None and value is not None and wanted != value:
            said.append(f"{name} of {mine} should be {wanted}, but is {value}")
    return said


def _has_bias(step: Step) -> bool:
    return any(role.startswith("bias") for role, _ in roles(step))


def _sizes(step: Step) -> str:
    """What a layer's weights are, in words."""
    said = [f"{role} {'x'.join(map(str, weight.shape))}" for role, weight in roles(step)]
    return f" with {', '.join(said)}"


def _some(items: list[str]) -> str:
    more = f" and {len(items) - 2} more" if len(items) > 2 else ""
    return " and ".join(items[:2]) + more
