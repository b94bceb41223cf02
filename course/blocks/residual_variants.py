"""Variants of the residual block, and the errors that the paper reports for them.

Reference:
    He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import keras
from keras import layers

from course.blocks.conv import batch_norm, conv, he_normal
from course.blocks.residual import basic_block, shortcut_path
from course.blocks.stages import BlockSpec
from course.errors import UsageError
from course.keras_types import Layer, Tensor, TensorFunction
from course.regularization.drop_block import DropBlock2D


class Order(NamedTuple):
    """Order of a block's layers in figure 4."""

    before: str  # the pre-activation
    residual: str
    after: str  # after the addition


ACTIVATION_ORDERS = {
    "original": Order("", "conv bn relu conv bn", "relu"),
    "bn_after_addition": Order("", "conv bn relu conv", "bn relu"),
    "relu_before_addition": Order("", "conv bn relu conv bn relu", ""),
    "relu_only_preactivation": Order("relu", "conv bn relu conv bn", ""),
    "full_preactivation": Order("bn relu", "conv bn relu conv", ""),
}
GATINGS = ("exclusive", "shortcut_only", None)
# The arguments of `residual_unit` that an ablation may change.
CHANGES = ("order", "shortcut", "scaling", "gating", "gate_bias", "dropout")


class Ablation(NamedTuple):
    """A row of Tables 1 and 2: arguments of `residual_unit`, and CIFAR-10 test errors in percent.

    An error is None if the paper reports none, and infinite if it says that training fails.
    """

    arguments: Mapping[str, Any]
    resnet110: float
    resnet164: float | None = None


FAILS = float("inf")
ABLATIONS = {
    # Table 1, shortcuts
    "original": Ablation({}, 6.61, 5.93),
    "constant_scaling_shortcut": Ablation({"scaling": (0.5, 1.0)}, FAILS),
    "constant_scaling": Ablation({"scaling": (0.5, 0.5)}, 12.35),
    "exclusive_gating_6": Ablation({"gating": "exclusive", "gate_bias": -6.0}, 8.70),
    "exclusive_gating_7": Ablation({"gating": "exclusive", "gate_bias": -7.0}, 9.81),
    "shortcut_gating_0": Ablation({"gating": "shortcut_only", "gate_bias": 0.0}, 12.86),
    "shortcut_gating_6": Ablation({"gating": "shortcut_only", "gate_bias": -6.0}, 6.91),
    "conv_shortcut": Ablation({"shortcut": "C"}, 12.22),
    "dropout_shortcut": Ablation({"dropout": 0.5}, FAILS),
    # Table 2, order of batch normalization, rectification and addition
    "bn_after_addition": Ablation({"order": "bn_after_addition"}, 8.17, 6.50),
    "relu_before_addition": Ablation({"order": "relu_before_addition"}, 7.84, 6.14),
    "relu_only_preactivation": Ablation({"order": "relu_only_preactivation"}, 6.71, 5.91),
    "full_preactivation": Ablation({"order": "full_preactivation"}, 6.37, 5.46),
}


def _apply(x: Tensor, order: str, *, filters: int = 0, strides: int = 1, name: str) -> Tensor:
    """Apply ``"conv"`` (3x3), ``"bn"`` and ``"relu"`` in the order given."""
    convolutions = 0
    for layer in order.split():
        convolutions += layer == "conv"
        label = f"{name}_{convolutions}" if convolutions else name
        if layer == "conv":
            first = strides if convolutions == 1 else 1
            x = conv(x, filters, 3, strides=first, padding=1, name=label)
        elif layer == "bn":
            x = batch_norm(x, name=label)
        else:
            x = layers.Activation("relu", name=f"{label}_relu")(x)
    return x


def preactivate(x: Tensor, order: str, *, name: str) -> Tensor:
    """Apply the block's pre-activation (BN and/or ReLU), if this order has one.

    A pre-activation network applies it once more after its last block.

    Args:
        x: tensor of shape (batch, height, width, channels).
        order: a key of ``ACTIVATION_ORDERS``.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.
    """
    return _apply(x, ACTIVATION_ORDERS[order].before, name=f"{name}_preact")


def residual_unit(
    x: Tensor,
    filters: int,
    *,
    strides: int = 1,
    order: str = "original",
    shortcut: str = "A",
    scaling: tuple[float, float] = (1.0, 1.0),
    gating: str | None = None,
    gate_bias: float = -6.0,
    dropout: float = 0.0,
    first: bool = False,
    name: str,
) -> Tensor:
    """Apply a residual block of two 3x3 convolutions with any of the paper's changes.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of both convolutions.
        strides: strides of the first convolution.
        order: a key of ``ACTIVATION_ORDERS``.
        shortcut: ``"A"``, ``"A_average"``, ``"B"`` or ``"C"``; C is the 1x1 convolution.
        scaling: constant factors on the shortcut and on the residual.
        gating: where to apply a gate g, the sigmoid of a 1x1 convolution of `x`: ``"exclusive"``
            multiplies the shortcut by 1 - g and the residual by g, ``"shortcut_only"`` multiplies
            the shortcut by 1 - g; None for no gate.
        gate_bias: the gate's initial bias; the more negative, the more open the shortcut.
        dropout: rate of dropout on the shortcut.
        first: whether this is the network's first block, whose input is already activated, so that
            it has no pre-activation.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: for an unknown order, gating or shortcut.

    Example:
        >>> residual_unit(keras.Input((32, 32, 16)), 16, scaling=(0.5, 0.5), name="unit").shape
        (None, 32, 32, 16)

    Reference:
        He et al. 2016b, figures 2 and 4, Tables 1 and 2.
    """
    if order not in ACTIVATION_ORDERS:
        raise UsageError(
            f"order must be one of {tuple(ACTIVATION_ORDERS)}; received order={order!r}."
        )
    if gating not in GATINGS:
        raise UsageError(f"gating must be one of {GATINGS}; received gating={gating!r}.")
    _, residual, after = ACTIVATION_ORDERS[order]
    y = x if first else preactivate(x, order, name=name)
    y = _apply(y, residual, filters=filters, strides=strides, name=name)
    if gating:
        gate = _gate(x, filters, strides=strides, bias=gate_bias, name=name)
    x = shortcut_path(x, filters, strides=strides, kind=shortcut, name=name)
    if gating:
        closed = layers.Rescaling(-1.0, offset=1.0, name=f"{name}_one_minus_gate")(gate)
        x = layers.Multiply(name=f"{name}_gated_shortcut")([closed, x])
    if gating == "exclusive":
        y = layers.Multiply(name=f"{name}_gated_branch")([gate, y])
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_shortcut_dropout")(x)
    x, y = (
        layers.Rescaling(factor, name=f"{name}_{part}_scale")(value) if factor != 1 else value
        for value, factor, part in zip((x, y), scaling, ("shortcut", "branch"), strict=True)
    )
    y = layers.Add(name=f"{name}_add")([x, y])
    return _apply(y, after, name=f"{name}_out")


def _gate(x: Tensor, filters: int, *, strides: int, bias: float, name: str) -> Tensor:
    return layers.Conv2D(
        filters,
        1,
        strides=strides,
        activation="sigmoid",
        kernel_initializer=he_normal(),
        bias_initializer=keras.initializers.Constant(bias),
        name=f"{name}_gate_conv",
    )(x)


def ablated_block(
    ablation: str | Mapping[str, Any], shortcut: str | None
) -> tuple[Callable[[Tensor, BlockSpec], Tensor], TensorFunction]:
    """Return the block and the final activation of a network with one of the paper's changes.

    Args:
        ablation: a key of ``ABLATIONS``, or a mapping of the arguments in ``CHANGES``.
        shortcut: the blocks' shortcut, unless the ablation chooses one.

    Returns:
        A function that applies a block, and a function for the last block's output.

    Raises:
        UsageError: for an unknown ablation or argument, or a network without shortcuts.
    """
    if isinstance(ablation, str):
        if ablation not in ABLATIONS:
            raise UsageError(
                f"ablation must be one of {', '.join(ABLATIONS)}, or a mapping of residual_unit's "
                f"arguments; received ablation={ablation!r}."
            )
        ablation = ABLATIONS[ablation].arguments
    if unknown := sorted(set(ablation) - set(CHANGES)):
        raise UsageError(
            f"An ablation can change {', '.join(CHANGES)}; received {', '.join(unknown)}."
        )
    if shortcut is None:
        raise UsageError(
            "An ablation changes the shortcut or the order around it; received shortcut=None. "
            "Choose 'A', 'B' or 'C'."
        )
    arguments = {"shortcut": shortcut} | dict(ablation)

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return residual_unit(
            x,
            spec.filters,
            strides=spec.strides,
            first=spec.index == 0,
            name=spec.name,
            **arguments,
        )

    def final_norm(x: Tensor) -> Tensor:
        return preactivate(x, arguments.get("order", "original"), name="post")

    return block, final_norm


# What may drop some of a residual's values during training, at the end of every block's residual.
BRANCH_DROPOUTS: dict[str, Callable[..., Layer]] = {
    "dropout": layers.Dropout,
    "spatial_dropout": layers.SpatialDropout2D,
    "drop_block": partial(DropBlock2D, block_size=3),
}


def with_branch_dropout(
    noise: str, rate: float, shortcut: str | None
) -> Callable[[Tensor, BlockSpec], Tensor]:
    """Return a basic block that drops some of its residual's values during training.

    Args:
        noise: a key of ``BRANCH_DROPOUTS``.
        rate: fraction of the values to drop.
        shortcut: as for :func:`course.blocks.residual.basic_block`.

    Raises:
        UsageError: for an unknown noise.
    """
    if noise not in BRANCH_DROPOUTS:
        raise UsageError(
            f"noise must be one of {', '.join(BRANCH_DROPOUTS)}; received noise={noise!r}."
        )

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return basic_block(
            x,
            spec.filters,
            strides=spec.strides,
            shortcut=shortcut,
            residual_transform=BRANCH_DROPOUTS[noise](rate, name=f"{spec.name}_{noise}"),
            name=spec.name,
        )

    return block
