"""Residual blocks and their shortcuts."""

from __future__ import annotations

from keras import layers, ops

from course.blocks.conv import conv_bn

SHORTCUTS = ("A", "B", "C", None)


def shortcut_branch(x, filters: int, *, strides: int, kind: str | None, name: str):
    """What a residual block adds to its output.

    Where shapes agree, A and B pass `x` itself. Where they differ, A takes every `strides`-th
    pixel and fills the new channels with zeros; B projects with a 1x1 convolution. C always
    projects.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the block's output.
        strides: step of the block in both directions.
        kind: ``"A"``, ``"B"`` or ``"C"``.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        ValueError: A with fewer channels out than in.

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, section 4.1.
    """
    channels = x.shape[-1]
    same = strides == 1 and channels == filters
    if kind == "C" or (kind == "B" and not same):
        return conv_bn(x, filters, 1, strides=strides, activation=None, name=f"{name}_0")
    if same:
        return x
    if filters < channels:
        raise ValueError(
            "Shortcut A can only add channels; received "
            f"{channels} channels in and filters={filters}. Use shortcut 'B'."
        )
    if strides > 1:
        x = layers.AveragePooling2D(1, strides=strides, name=f"{name}_0_subsample")(x)
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - channels]])


def basic_block(x, filters: int, *, strides: int = 1, shortcut: str | None = "B", name: str):
    """Two 3x3 convolutions with batch normalization, and a shortcut around them.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of both convolutions.
        strides: step of the first convolution.
        shortcut: ``"A"``, ``"B"``, ``"C"``, or None for the plain net's block.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        ValueError: an unknown shortcut.

    Reference:
        He et al. 2016, figure 5, left.
    """
    if shortcut not in SHORTCUTS:
        raise ValueError(f"shortcut must be one of {SHORTCUTS}; received shortcut={shortcut!r}.")
    y = conv_bn(x, filters, 3, strides=strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, activation=None, name=f"{name}_2")
    if shortcut:
        x = shortcut_branch(x, filters, strides=strides, kind=shortcut, name=name)
        y = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(y)
