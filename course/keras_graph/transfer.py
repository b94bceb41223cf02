"""Weights moved between two models of the same structure, whatever their layers are called."""

from __future__ import annotations

import re
from collections.abc import Hashable

import keras
import numpy as np
from keras import layers

from course.errors import UsageError
from course.keras_graph.matching import structural_order
from course.keras_graph.walk import Graph, Step
from course.keras_graph.weights import roles, squeezed
from course.keras_types import Array, Model

# Roles that may be missing, and what a missing weight is.
_NEUTRAL = {
    "bias": np.zeros,
    "gamma": np.ones,
    "beta": np.zeros,
    "moving_mean": np.zeros,
    "moving_variance": np.ones,
}
# What Keras calls a weight that has no name.
_UNNAMED = re.compile(r"variable(_\d+)?")
_NORMALIZATIONS = (layers.BatchNormalization, layers.LayerNormalization)
_PRODUCTS = (layers.Dense, layers.Conv2D, layers.DepthwiseConv2D)


def transfer_weights(source: Model, target: Model) -> None:
    """Copy the weights of one model to another one with the same structure.

    A convolution's bias that the target lacks is moved into the batch normalization after it; a
    scale that the source lacks is one. 1x1 convolutions and dense layers count as the same, and
    depthwise convolutions and grouped ones.

    Args:
        source: model whose weights are copied.
        target: model whose weights are set.

    Raises:
        UsageError: the structures differ; the message names the first layers that do.
    """
    sides = [structural_order(Graph(model), _described) for model in (source, target)]
    pairs = list(zip(*sides, strict=False))
    _check_structures(source, target, pairs, (len(sides[0]), len(sides[1])))
    biases = {id(other): bias for one, other in pairs if (bias := _copy(one, other)) is not None}
    for _, other in pairs:
        if isinstance(other.layer, layers.BatchNormalization):
            bias = biases.pop(id(_weighted_before(other)), None)
            if bias is not None:
                other.layer.moving_mean.assign(other.layer.moving_mean - bias)
    if biases:
        raise UsageError(
            f"{source.name} has biases in {len(biases)} layers where {target.name} has neither a "
            "bias nor a batch normalization after it."
        )


def _check_structures(
    source: Model, target: Model, pairs: list[tuple[Step, Step]], counts: tuple[int, int]
) -> None:
    for one, other in pairs:
        if _shapes(one) != _shapes(other):
            raise UsageError(
                f"{source.name} and {target.name} have different structures: {source.name} has "
                f"{one.layer.name!r} with weights {_shapes(one)} where {target.name} has "
                f"{other.layer.name!r} with {_shapes(other)}."
            )
    if counts[0] != counts[1]:
        raise UsageError(
            f"{source.name} and {target.name} have different structures: {counts[0]} and "
            f"{counts[1]} layers with weights."
        )


def _described(step: Step) -> Hashable:
    kind = "product" if isinstance(step.layer, _PRODUCTS) else type(step.layer).__name__
    return kind, _shapes(step)


def _shapes(step: Step) -> tuple[Hashable, ...]:
    """Return the shapes of what defines a layer: kernels, or the channels that it normalizes."""
    shapes = {role: squeezed(weight.shape) for role, weight in roles(step)}
    if isinstance(step.layer, _NORMALIZATIONS):
        return "channels", step.weights[0].shape[-1]
    return tuple(s for role, s in shapes.items() if role not in _NEUTRAL) or tuple(shapes.values())


def _weighted_before(step: Step) -> Step:
    """Return the layer or merge before a step, through layers that have no weights."""
    step = step.parents[0]
    while not step.weights and len(step.parents) == 1:
        step = step.parents[0]
    return step


def _copy(source: Step, target: Step) -> Array | None:
    """Copy a layer's weights; return the bias if the target has no place for it."""
    given, wanted = dict(roles(source)), roles(target)
    if len(given) == len(wanted) == 1 and all(_UNNAMED.fullmatch(role) for role in given):
        given = dict(zip((role for role, _ in wanted), given.values(), strict=True))
    for role, weight in wanted:
        if role in given:
            value = keras.ops.convert_to_numpy(given[role])
        elif role in _NEUTRAL:
            value = _NEUTRAL[role](weight.shape)
        else:
            raise UsageError(f"{source} has no {role}, which {target} has.")
        weight.assign(value.reshape(weight.shape))
    if "bias" in given and "bias" not in dict(wanted):
        bias: Array = keras.ops.convert_to_numpy(given["bias"])
        return bias
    return None
