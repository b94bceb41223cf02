"""Blocks with batch normalization and ReLU before each convolution, and a clear shortcut."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from course.blocks.conv import batch_norm, conv
from course.blocks.residual import shortcut_path
from course.errors import UsageError
from course.keras_types import Tensor


def preactivation_block(
    x: Tensor,
    filters: int,
    *,
    kernels: Sequence[int] = (3, 3),
    width: int | None = None,
    strides: int = 1,
    stride_on: int = 0,
    dropout: float = 0.0,
    first: bool = False,
    name: str,
) -> Tensor:
    """Apply convolutions, each after batch normalization and ReLU, and add a shortcut.

    If shapes differ, the shortcut is a 1x1 convolution of the block's first activation.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the last convolution.
        kernels: kernel sizes of the convolutions, all odd.
        width: channels of all convolutions but the last; None for `filters`.
        strides: strides of the block in both directions.
        stride_on: index of the convolution with the strides.
        dropout: rate of dropout before each convolution but the first.
        first: whether this is the network's first block; then the shortcut starts after the first
            activation even if shapes agree.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: there is no such convolution.

    Reference:
        He et al., "Identity mappings in deep residual networks", 2016, figure 1b.
        Zagoruyko and Komodakis, "Wide residual networks", 2016, figure 1.
    """
    if not 0 <= stride_on < len(kernels):
        raise UsageError(
            f"stride_on must be the index of one of {len(kernels)} convolutions, from 0 on; "
            f"received {stride_on!r}."
        )
    y = batch_norm(x, activation="relu", name=f"{name}_preact")
    if strides > 1 or x.shape[-1] != filters:
        x = conv(y, filters, 1, strides=strides, padding=0, name=f"{name}_0")
    elif first:
        x = y
    for index, kernel in enumerate(kernels):
        if index:
            y = batch_norm(y, activation="relu", name=f"{name}_{index}")
        if index and dropout:
            y = layers.Dropout(dropout, name=f"{name}_{index}_dropout")(y)
        y = conv(
            y,
            filters if index == len(kernels) - 1 else width or filters,
            kernel,
            strides=strides if index == stride_on else 1,
            padding=kernel // 2,
            name=f"{name}_{index + 1}",
        )
    return layers.Add(name=f"{name}_out")([x, y])


def pyramidal_block(x: Tensor, filters: int, *, strides: int = 1, name: str) -> Tensor:
    """Apply a pre-activation block without its first ReLU and with a final batch normalization.

    The shortcut is never projected: it averages over windows and fills new channels with zeros.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of both 3x3 convolutions, at least as many as `x` has.
        strides: strides of the first convolution.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: if there are fewer output than input channels.

    Reference:
        Han et al., "Deep pyramidal residual networks", 2017, figure 6d.
    """
    y = batch_norm(x, name=f"{name}_preact")
    y = conv(y, filters, 3, strides=strides, padding=1, name=f"{name}_1")
    y = batch_norm(y, activation="relu", name=f"{name}_1")
    y = conv(y, filters, 3, name=f"{name}_2")
    y = batch_norm(y, name=f"{name}_2")
    x = shortcut_path(x, filters, strides=strides, kind="A_average", name=name)
    return layers.Add(name=f"{name}_out")([x, y])
