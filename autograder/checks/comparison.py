"""Whether two models compute the same with the same weights."""

from __future__ import annotations

from math import prod

import numpy as np

from autograder.checks.arrays import different
from autograder.checks.explanations import unmatched_weights, where_apart
from course.keras_graph import Graph, Step, pairings, roles, squeezed, weight_shapes
from course.keras_graph.matching import Pairs
from course.keras_types import Array, Variable

_DRAWS = 30  # of weights, for a reference whose outputs don't depend on its inputs

Values = dict[int, list[Array]]


def draw(role: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw random values for a weight, of a size that keeps activations alive."""
    if role in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    if len(shape) > 1:
        fan_in = max(1, prod(shape[:-1]))
        return rng.normal(0, (2 / fan_in) ** 0.5, shape).astype("float32")
    return rng.normal(0, 0.3, shape).astype("float32")


class Comparison:
    """A reference and a student's model, which get the same weights.

    Args:
        reference: the right model's graph.
        student: the student's.
        any_bias: whether a layer's bias does not matter.
        tolerance: how far values may differ, relative to the largest.
        rng: draws the weights.
        any_epsilon: whether the reference gets the student's epsilons; its own come back at the end
            of `preserve_weights`.

    Attributes:
        pairs: the layers that correspond to each other, once no difference was found.
    """

    def __init__(
        self,
        reference: Graph,
        student: Graph,
        any_bias: bool,
        tolerance: float,
        rng: np.random.Generator,
        any_epsilon: bool = False,
    ):
        self.reference, self.student = reference, student
        self.any_epsilon = any_epsilon
        self.any_bias, self.tolerance, self.rng = any_bias, tolerance, rng
        self.pairs: Pairs = []

    def difference(self, inputs: list[Array]) -> str | None:
        """Say what is wrong with the student's model; None if nothing is."""
        if len(self.student.inputs) != len(self.reference.inputs):
            return f"expected {len(self.reference.inputs)} inputs, has {len(self.student.inputs)}"
        nearest: tuple[dict[Step, Step], set[int]] | None = None
        for pairs in pairings(self.reference, self.student, self._shapes):
            expected = self._expected(pairs, inputs)
            try:
                found = self.student.values(inputs)
            except Exception as error:
                return f"it cannot be run on inputs of shape {inputs[0].shape[1:]}: {error}"[:300]
            if self._agree(expected, found):
                self.pairs = pairs
                return None
            apart = {
                id(right)
                for right, mine in pairs
                if self._differ(*map(_squeezed, (expected[id(right)], found[id(mine)])))
            }
            if nearest is None or len(apart) < len(nearest[1]):
                nearest = dict(pairs), apart
        if nearest is None:
            return unmatched_weights(self.reference, self.student, self.any_bias)
        return where_apart(self.reference, self.student, *nearest)

    def _shapes(self, step: Step) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return weight_shapes(step, biases=not self.any_bias)

    def _differ(self, one: list[Array], other: list[Array]) -> bool:
        return different(one, other, self.tolerance)

    def _agree(self, expected: Values, found: Values) -> bool:
        """Return whether the outputs are the same; of softmaxes also what they take."""
        sides = [(self.reference, expected), (self.student, found)]
        if self._differ(*(_results(*side) for side in sides)):
            return False
        softmax = all(ends_in_softmax(graph) for graph, _ in sides)
        return not softmax or not self._differ(*(_logits(*side) for side in sides))

    def _expected(self, pairs: Pairs, inputs: list[Array]) -> Values:
        """Compute the reference's values, with weights for which its outputs depend on its inputs.

        A narrow layer whose ReLUs are all silent would hide whatever is wrong before it.
        """
        outputs_of = _logits if ends_in_softmax(self.reference) else _results
        for _ in range(_DRAWS):
            self._draw(pairs)
            expected = self.reference.values(inputs)
            outputs = outputs_of(self.reference, expected)
            if len(inputs[0]) == 1 or all(self._varies(output) for output in outputs):
                break
        return expected

    def _varies(self, output: Array) -> bool:
        """Return whether an output differs from example to example."""
        return self._differ([output], [np.broadcast_to(output[:1], output.shape)])

    def _draw(self, pairs: Pairs) -> None:
        """Give both models the same random weights."""
        for right, mine in pairs:
            given = {role: draw(role, w.shape, self.rng) for role, w in roles(right)}
            if self.any_epsilon and hasattr(right.layer, "epsilon"):
                right.layer.epsilon = getattr(mine.layer, "epsilon", right.layer.epsilon)
            have = {role for role, _ in roles(mine)}
            for role, weight in roles(right):
                # A bias that the student's layer lacks is zero in the reference, too.
                lost = role.startswith("bias") and role not in have
                weight.assign(np.zeros(weight.shape) if lost else given[role])
            for role, weight in roles(mine):
                value = given.get(role)
                weight.assign(np.zeros(weight.shape) if value is None else _as(value, weight))


def _results(graph: Graph, values: Values) -> list[Array]:
    """Return the outputs among a graph's values."""
    found = []
    for step, number in graph.outputs:
        value = values[id(step)][number]
        found.append(np.array(step.activation(value)) if step.activation else value)
    return found


def ends_in_softmax(graph: Graph) -> bool:
    """Return whether every output is a softmax, however it is written."""
    return all("softmax" in step.kinds[-1:] for step, _ in graph.outputs)


def _logits(graph: Graph, values: Values) -> list[Array]:
    """Return what the softmaxes at the end take, less each example's mean, which has no effect.

    Random weights in a deep network make large logits, and probabilities that are 0 and 1 whatever
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


def _squeezed(values: list[Array]) -> list[Array]:
    return [value.reshape(len(value), *squeezed(value.shape[1:])) for value in values]


def _as(value: Array, weight: Variable) -> Array:
    same = squeezed(value.shape) == squeezed(weight.shape)
    return value.reshape(weight.shape) if same else value
