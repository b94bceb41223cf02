"""Moving weights between two models of the same structure, whatever their layers are called.

Both graphs are walked from the output to the input. What a layer computes is told by the shapes of
its weights and by what comes before it; the terms of a sum, which may stand in any order, are put
in order by that. So each layer meets its counterpart.
"""

from __future__ import annotations

import hashlib

import keras
import numpy as np
from keras import layers

from course.errors import UsageError

# Their inputs may change places.
_COMMUTATIVE = (layers.Add, layers.Multiply, layers.Average, layers.Maximum)
# A layer's weights by the name of its attribute, as far as it has them.
_ROLES = (
    "kernel", "depthwise_kernel", "pointwise_kernel", "bias",
    "gamma", "beta", "moving_mean", "moving_variance",
)  # fmt: skip
_NORMALIZATIONS = (layers.BatchNormalization, layers.LayerNormalization)


class Node:
    """One use of a layer that has weights, or that joins several tensors.

    Attributes:
        layer: the layer or operation.
        inputs: the nodes before it.
        mark: the same for nodes that compute the same with the same weights.
    """

    def __init__(self, layer, inputs: list[Node]):
        self.layer = layer
        self.inputs = inputs
        marks = [node.mark for node in inputs]
        if isinstance(layer, _COMMUTATIVE):
            order = sorted(range(len(inputs)), key=marks.__getitem__)
            self.inputs, marks = [inputs[i] for i in order], [marks[i] for i in order]
        text = repr((_kind(layer), _shapes(layer), marks))
        self.mark = hashlib.sha256(text.encode()).hexdigest()


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Give a model the weights of another that has the same structure.

    A convolution's bias that the target does not have goes into the batch normalization behind it;
    a scale that the source does not have is one. 1x1 convolutions are the same as
    dense layers, depthwise ones the same as grouped ones.

    Args:
        source: model whose weights are taken.
        target: model whose weights are set.

    Raises:
        UsageError: models whose structures differ; the message names the first layers that do.
    """
    pairs = list(zip(_weighted(source), _weighted(target), strict=False))
    for one, other in pairs:
        if _shapes(one.layer) != _shapes(other.layer):
            raise UsageError(
                f"{source.name} and {target.name} have different structures; received "
                f"{one.layer.name!r} with weights {_shapes(one.layer)} in the place of "
                f"{other.layer.name!r} with {_shapes(other.layer)}."
            )
    counts = len(_weighted(source)), len(_weighted(target))
    if counts[0] != counts[1]:
        raise UsageError(
            f"{source.name} and {target.name} have different structures; received "
            f"{counts[0]} layers with weights and {counts[1]}."
        )
    lost: dict[int, np.ndarray] = {}
    for one, other in pairs:
        bias = _copy(one.layer, other.layer)
        if bias is not None:
            lost[id(other)] = bias
    for _, other in pairs:
        if isinstance(other.layer, layers.BatchNormalization):
            bias = lost.pop(id(other.inputs[0]), None)
            if bias is not None:
                other.layer.moving_mean.assign(other.layer.moving_mean - bias)
    if lost:
        raise UsageError(
            f"{source.name} has biases that {target.name} lacks, with no normalization behind "
            f"them; received {len(lost)} such layers."
        )


def _weighted(model: keras.Model) -> list[Node]:
    """A model's layers with weights, in an order that structure alone decides."""
    made: dict[int, Node] = {}
    root = Node(None, _outputs(model, made))
    ordered: dict[int, Node] = {}
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            ordered.setdefault(id(node), node)
        elif id(node) not in ordered:
            stack.append((node, True))
            stack += [(before, False) for before in reversed(node.inputs)]
    unique = {id(n.layer): n for n in ordered.values() if _shapes(n.layer)}
    return list(unique.values())


def _outputs(model, made: dict[int, Node], inputs: list[Node] = ()) -> list[Node]:
    """Nodes of a model's outputs; nested models are walked into."""
    graph = getattr(model, "_functional", None) or model
    made = made if not inputs else {}
    made |= {id(tensor): node for tensor, node in zip(graph.inputs, inputs, strict=bool(inputs))}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for step in graph._nodes_by_depth[depth]:
            tensors = step.arguments.keras_tensors
            before = [made[id(t)] for t in tensors]
            layer = step.operation
            if hasattr(layer, "layers"):
                after = _outputs(layer, {}, before)
            elif not tensors:
                after = [made.get(id(step.outputs[0])) or Node("input", [])]
            elif len(before) == 1 and not _shapes(layer):
                after = before * len(step.outputs)  # what has no weights is looked through
            else:
                after = [Node(layer, before)] * len(step.outputs)
            made |= {id(t): node for t, node in zip(step.outputs, after, strict=True)}
    return [made[id(tensor)] for tensor in graph.outputs]


def _kind(layer) -> str:
    """What tells layers apart besides the shapes of their weights."""
    if isinstance(layer, layers.Dense | layers.Conv2D | layers.DepthwiseConv2D):
        return "product"
    return layer if isinstance(layer, str) else type(layer).__name__


def _shapes(layer) -> tuple:
    """Shapes of what defines a layer: its kernels, or the channels that it normalizes."""
    if isinstance(layer, _NORMALIZATIONS):
        return ("channels", layer.beta.shape[-1] if layer.center else layer.gamma.shape[-1])
    found = tuple(
        _squeezed(getattr(layer, role), layer)
        for role in _ROLES[:3]
        if getattr(layer, role, None) is not None
    )
    return found or tuple(tuple(weight.shape) for weight in getattr(layer, "weights", ()))


def _squeezed(kernel, layer) -> tuple:
    """A kernel's shape; that of a 1x1 convolution is a dense layer's, a depthwise convolution's
    that of one with as many groups as channels."""
    shape = tuple(kernel.shape)
    if isinstance(layer, layers.DepthwiseConv2D) and shape[3] == 1:
        return (*shape[:2], 1, shape[2])
    return shape[2:] if shape[:2] == (1, 1) else shape


def _copy(source, target) -> np.ndarray | None:
    """Copy a layer's weights; the bias, if the target has no place for it."""
    taken = {role: getattr(source, role, None) for role in _ROLES}
    if not any(weight is not None for weight in taken.values()):
        for weight, mine in zip(source.weights, target.weights, strict=True):
            mine.assign(weight)
        return None
    for role in _ROLES:
        mine, theirs = getattr(target, role, None), taken[role]
        if mine is not None:
            neutral = np.ones if role in ("gamma", "moving_variance") else np.zeros
            value = neutral(mine.shape) if theirs is None else np.asarray(theirs)
            mine.assign(value.reshape(mine.shape))
    if taken["bias"] is not None and getattr(target, "bias", None) is None:
        return np.asarray(taken["bias"])
    return None
