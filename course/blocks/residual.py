"""Residual blocks and their shortcuts."""

from __future__ import annotations

from keras import layers, ops

from course.blocks.conv import conv_bn
from course.errors import UsageError
from course.keras_types import Tensor, TensorFunction

PATHS = ("A", "A_average", "B", "C")
SHORTCUTS = (*PATHS, None)


def shortcut_path(
    x: Tensor, filters: int, *, strides: int, kind: str, kernel_size: int = 1, name: str
) -> Tensor:
    """Return what a residual block adds to its residual.

    If the shapes agree, A and B return `x` itself. If they differ, A takes every `strides`-th pixel
    and fills the new channels with zeros; B projects with a 1x1 convolution. C always projects.
    A_average is A with the mean of `strides` x `strides` pixels instead of one pixel.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the block's output.
        strides: strides of the block in both directions.
        kind: ``"A"``, ``"A_average"``, ``"B"`` or ``"C"``.
        kernel_size: kernel size of the projection, odd.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: for an unknown kind, or A with fewer output than input channels.

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, section 4.1.
    """
    if kind not in PATHS:
        raise UsageError(f"shortcut must be one of {PATHS}; received shortcut={kind!r}.")
    channels = x.shape[-1]
    same = strides == 1 and channels == filters
    if kind == "C" or (kind == "B" and not same):
        return conv_bn(
            x,
            filters,
            kernel_size,
            strides=strides,
            padding=kernel_size // 2,
            activation=None,
            name=f"{name}_0",
        )
    if same:
        return x
    if filters < channels:
        raise UsageError(
            "Shortcut A can only add channels; received "
            f"{channels} input channels and filters={filters}. Use shortcut 'B'."
        )
    if strides > 1:
        window = strides if kind == "A_average" else 1
        x = layers.AveragePooling2D(
            window, strides=strides, padding="same", name=f"{name}_0_subsample"
        )(x)
    if filters == channels:
        return x
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - channels]])


def add_shortcut(
    x: Tensor,
    residual: Tensor,
    *,
    strides: int = 1,
    shortcut: str | None = "B",
    shortcut_kernel: int = 1,
    residual_transform: TensorFunction | None = None,
    name: str,
) -> Tensor:
    """End a block: add the shortcut of its input to its residual, and apply ReLU.

    Args:
        x: the block's input, of shape (batch, height, width, channels).
        residual: output of the block's convolutions, of shape
            (batch, ceil(height / strides), ceil(width / strides), filters).
        strides: strides of the block in both directions.
        shortcut: ``"A"``, ``"A_average"``, ``"B"``, ``"C"``, or None to add nothing.
        shortcut_kernel: kernel size of a projection, odd.
        residual_transform: applied to the residual before the addition; None for nothing.
        name: prefix of the layers' names.

    Returns:
        Tensor of the residual's shape.

    Raises:
        UsageError: for an unknown shortcut.
    """
    if shortcut not in SHORTCUTS:
        raise UsageError(f"shortcut must be one of {SHORTCUTS}; received shortcut={shortcut!r}.")
    if residual_transform:
        residual = residual_transform(residual)
    if shortcut:
        x = shortcut_path(
            x,
            residual.shape[-1],
            strides=strides,
            kind=shortcut,
            kernel_size=shortcut_kernel,
            name=name,
        )
        residual = layers.Add(name=f"{name}_add")([x, residual])
    return layers.Activation("relu", name=f"{name}_out")(residual)


def basic_block(
    x: Tensor,
    filters: int,
    *,
    strides: int = 1,
    shortcut: str | None = "B",
    residual_transform: TensorFunction | None = None,
    name: str,
) -> Tensor:
    """Apply two 3x3 convolutions with batch normalization, and add a shortcut.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of both convolutions.
        strides: strides of the first convolution.
        shortcut: ``"A"``, ``"A_average"``, ``"B"``, ``"C"``, or None for a plain network's block.
        residual_transform: as for :func:`add_shortcut`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: for an unknown shortcut.

    Reference:
        He et al. 2016, figure 5, left.
    """
    y = conv_bn(x, filters, 3, strides=strides, padding=1, name=f"{name}_1")
    y = conv_bn(y, filters, 3, activation=None, name=f"{name}_2")
    return add_shortcut(
        x,
        y,
        strides=strides,
        shortcut=shortcut,
        residual_transform=residual_transform,
        name=name,
    )


def bottleneck_block(
    x: Tensor,
    filters: int,
    *,
    strides: int = 1,
    width: int | None = None,
    conv1_filters: int | None = None,
    groups: int = 1,
    stride_on: str = "1x1",
    shortcut: str | None = "B",
    shortcut_kernel: int = 1,
    residual_transform: TensorFunction | None = None,
    name: str,
) -> Tensor:
    """Apply a narrow 3x3 convolution between two 1x1 convolutions, and add a shortcut.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the last convolution.
        strides: strides of the block in both directions.
        width: channels of the 3x3 convolution; None for a quarter of `filters`.
        conv1_filters: channels of the first 1x1 convolution; None for `width`.
        groups: groups of the 3x3 convolution.
        stride_on: the convolution with the strides: ``"1x1"``, the first one, as in the paper, or
            ``"3x3"``, which sees every pixel.
        shortcut, shortcut_kernel, residual_transform: as for :func:`add_shortcut`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: for an unknown shortcut or `stride_on`.

    Reference:
        He et al. 2016, figure 5, right.
    """
    if stride_on not in ("1x1", "3x3"):
        raise UsageError(f"stride_on must be '1x1' or '3x3'; received stride_on={stride_on!r}.")
    first, second = (strides, 1) if stride_on == "1x1" else (1, strides)
    width = width or filters // 4
    y = conv_bn(x, conv1_filters or width, 1, strides=first, name=f"{name}_1")
    y = conv_bn(y, width, 3, strides=second, padding=1, groups=groups, name=f"{name}_2")
    y = conv_bn(y, filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(
        x,
        y,
        strides=strides,
        shortcut=shortcut,
        shortcut_kernel=shortcut_kernel,
        residual_transform=residual_transform,
        name=name,
    )
