"""Blocks of the ShuffleNets: grouped convolutions with channel shuffles between them."""

from __future__ import annotations

from keras import layers, ops

from course.blocks.conv import TORCH_EPSILON, conv_bn
from course.blocks.separable import depthwise_bn
from course.errors import UsageError
from course.keras_types import Tensor


def channel_shuffle(x: Tensor, groups: int, *, name: str) -> Tensor:
    """Permute the channels so that each group receives some from every group.

    Written as a matrix with one row per group, the channels are read column by column.

    Args:
        x: tensor of shape (batch, height, width, channels).
        groups: number of groups; divides the channels.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.

    Raises:
        UsageError: if `groups` does not divide the channels.

    Reference:
        Zhang et al., "ShuffleNet: An extremely efficient convolutional neural network for mobile
        devices", 2018, figure 1c.
    """
    height, width, channels = x.shape[1:]
    if channels % groups:
        raise UsageError(f"groups must divide the channels, {channels}; received groups={groups}.")
    x = layers.Reshape((height, width, groups, channels // groups), name=f"{name}_split")(x)
    x = layers.Permute((1, 2, 4, 3), name=f"{name}_shuffle")(x)
    return layers.Reshape((height, width, channels), name=f"{name}_merge")(x)


def shufflenet_unit(
    x: Tensor,
    filters: int,
    *,
    groups: int,
    strides: int = 1,
    first_groups: int | None = None,
    name: str,
) -> Tensor:
    """Apply grouped 1x1 convolutions around a depthwise one, with a shuffle, and a shortcut.

    With strides 1 the shortcut is added; with strides 2 it is pooled and concatenated.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output; as many as the input's with strides 1, more with
            strides 2.
        groups: number of groups of the 1x1 convolutions.
        strides: 1 or 2.
        first_groups: number of groups of the first convolution; None for `groups`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Zhang et al. 2018, figure 2, b and c.
    """
    channels = x.shape[-1]
    narrow = filters // 4
    y = conv_bn(x, narrow, 1, groups=first_groups or groups, name=f"{name}_1")
    y = channel_shuffle(y, groups, name=name)
    y = depthwise_bn(y, 3, strides=strides, padding=1, epsilon=TORCH_EPSILON, name=f"{name}_2")
    new = filters - channels if strides == 2 else filters
    y = conv_bn(y, new, 1, groups=groups, activation=None, name=f"{name}_3")
    if strides == 2:
        x = layers.ZeroPadding2D(1, name=f"{name}_0_pad")(x)
        x = layers.AveragePooling2D(3, strides=2, name=f"{name}_0_pool")(x)
        x = layers.Concatenate(name=f"{name}_concat")([x, y])
    else:
        x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)


def shufflenet_v2_unit(x: Tensor, filters: int, *, strides: int = 1, name: str) -> Tensor:
    """Convolve half of the channels, pass the other half through, and shuffle both.

    With strides 2 there is no split: both branches receive all channels, and both are convolved.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output, an even number.
        strides: 1 or 2.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Ma et al., "ShuffleNet V2: Practical guidelines for efficient CNN architecture design",
        2018, figure 3, c and d.
    """
    half = filters // 2
    if strides == 1:
        x, y = ops.split(x, 2, axis=-1)
    else:
        y = x
        x = depthwise_bn(
            x, 3, strides=strides, padding=1, epsilon=TORCH_EPSILON, name=f"{name}_0_depthwise"
        )
        x = conv_bn(x, half, 1, name=f"{name}_0")
    y = conv_bn(y, half, 1, name=f"{name}_1")
    y = depthwise_bn(y, 3, strides=strides, padding=1, epsilon=TORCH_EPSILON, name=f"{name}_2")
    y = conv_bn(y, half, 1, name=f"{name}_3")
    x = layers.Concatenate(name=f"{name}_concat")([x, y])
    return channel_shuffle(x, 2, name=name)
