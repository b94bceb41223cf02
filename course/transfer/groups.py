"""Learning rates by group: the deeper a layer lies in the body, the less it is changed."""

from __future__ import annotations

import math

from course.errors import UsageError
from course.keras_graph import Graph
from course.keras_types import Layer, Model
from course.transfer.structure import head_steps


def learning_rate_factors(model: Model, decay: float, groups: int = 4) -> dict[str, float]:
    """Return by what each layer's learning rate is multiplied.

    The body's layers with weights are divided into groups, in order of computation and with the
    same number of layers where that is possible. The head has 1, the group before it `decay`, and
    so on; the first group has ``decay ** groups``.

    Args:
        model: Functional or Sequential.
        decay: from 0 to 1, 0 excluded.
        groups: at least 1.

    Returns:
        Factors by the layer's name, in order of computation, the head last.

    Raises:
        UsageError: a decay or a number out of range.

    Reference:
        Howard, Ruder 2018, section 3.2, "discriminative fine-tuning", with a decay of 1 / 2.6 from
        layer to layer.

    Example:
        >>> import keras
        >>> names = ("one", "two", "head")
        >>> rows = [keras.layers.Dense(2, name=name) for name in names]
        >>> learning_rate_factors(keras.Sequential([keras.Input((2,)), *rows]), 0.5, groups=2)
        {'one': 0.25, 'two': 0.5, 'head': 1.0}
    """
    return {layer.name: factor for layer, factor in _factors(model, decay, groups)}


def weight_factors(model: Model, decay: float, groups: int) -> dict[str, float]:
    """Return the factors of :func:`learning_rate_factors` by the weight's path."""
    return {
        weight.path: factor
        for layer, factor in _factors(model, decay, groups)
        for weight in layer.weights
    }


def check_decay(decay: float, groups: int) -> None:
    """Raise UsageError if a decay or a number of groups is out of range."""
    if not 0 < decay <= 1:
        raise UsageError(
            f"layer_decay must be positive and at most 1; received layer_decay={decay}."
        )
    if groups < 1:
        raise UsageError(f"groups must be at least 1; received groups={groups}.")


def _factors(model: Model, decay: float, groups: int) -> list[tuple[Layer, float]]:
    check_decay(decay, groups)
    graph = Graph(model)
    head = {id(step.layer) for step in head_steps(graph)}
    weighted = [step.layer for step in graph.weighted]
    body = [layer for layer in weighted if id(layer) not in head]
    found = [
        # The number of groups from this layer's to the head.
        (layer, decay ** (groups - math.floor(place * groups / len(body))))
        for place, layer in enumerate(body)
    ]
    return found + [(layer, 1.0) for layer in weighted if id(layer) in head]
