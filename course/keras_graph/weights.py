"""What a layer's weights are for, and their shapes in a form that layers of one purpose share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from course.keras_graph.walk import Step
from course.keras_types import Variable


def roles(step: Step) -> list[tuple[str, Variable]]:
    """Return a layer's weights, each with its role: "kernel", "bias", "gamma", "kernel 2"."""
    seen: Counter[str] = Counter()
    found = []
    for weight in step.weights:
        role = "kernel" if weight.name.endswith("_kernel") else weight.name
        seen[role] += 1
        found.append((role if seen[role] == 1 else f"{role} {seen[role]}", weight))
    return found


def squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    """Return a shape without its ones: a dense layer is a 1x1 convolution of a 1x1 feature map.

    Example:
        >>> squeezed((1, 1, 64, 10))
        (64, 10)
    """
    return tuple(size for size in shape if size != 1)


def weight_shapes(step: Step, biases: bool = True) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the roles and squeezed shapes of a layer's weights, in a fixed order.

    Args:
        step: a use of the layer.
        biases: whether biases are among them.
    """
    found = ((role, squeezed(weight.shape)) for role, weight in roles(step))
    return tuple(sorted(pair for pair in found if biases or not pair[0].startswith("bias")))
