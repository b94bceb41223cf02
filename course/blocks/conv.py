"""Convolution, batch normalization and activation: what most blocks are made of."""

from __future__ import annotations

import keras
from keras import layers

from course.blocks.initializers import HeNormal


def pad(x, padding: int, *, name: str):
    """Zeros on all four sides, as Caffe and Torch pad.

    Keras' ``"same"`` with a stride pads less at the top and left where the sizes do not go evenly;
    many papers' networks were trained with the same number on every side.

    Args:
        x: tensor of shape (batch, height, width, channels).
        padding: rows and columns on each side; 0 for none.
        name: prefix of the layer's name.

    Returns:
        Tensor of shape (batch, height + 2 padding, width + 2 padding, channels).
    """
    return layers.ZeroPadding2D(padding, name=f"{name}_pad")(x) if padding else x


def batch_norm(
    x, *, activation: str | None = None, epsilon: float = 1e-5, momentum: float = 0.9, name: str
):
    """Batch normalization, then an activation.

    Args:
        x: tensor of any shape, channels last.
        activation: name of the activation, None for none.
        epsilon: added to the variance.
        momentum: share of the moving statistics that stays at each step.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.
    """
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def padded(x, kernel_size, *, strides: int, padding: str | int, name: str):
    """The tensor and the padding to give to a Keras layer that knows no number of zeros.

    Args:
        x: tensor of shape (batch, height, width, channels).
        kernel_size, strides, padding: as for :func:`conv`.
        name: prefix of the layer's name.

    Returns:
        The tensor, padded where ``"same"`` would not be the same zeros, and the layer's padding.
    """
    if isinstance(padding, str):
        return x, padding
    if strides == 1 and kernel_size == 2 * padding + 1:
        return x, "same"  # the same zeros without a layer of their own
    return pad(x, padding, name=name), "valid"


def conv(
    x,
    filters: int,
    kernel_size: int | tuple[int, int],
    *,
    strides: int = 1,
    padding: str | int = "same",
    groups: int = 1,
    use_bias: bool = False,
    activation: str | None = None,
    kernel_initializer=HeNormal,
    name: str,
):
    """Convolution, with symmetric zero padding where `padding` is a number.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: height and width of the kernel.
        strides: step in both directions.
        padding: ``"same"``, ``"valid"``, or zeros to add on every side.
        groups: number of groups the channels are split into.
        use_bias: whether each output channel has a bias.
        activation: name of the activation, None for none.
        kernel_initializer: of the kernel; He's by default.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, filters).
    """
    x, padding = padded(x, kernel_size, strides=strides, padding=padding, name=name)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        activation=activation,
        kernel_initializer=keras.initializers.get(kernel_initializer),
        name=f"{name}_conv",
    )(x)


def conv_bn(
    x,
    filters: int,
    kernel_size: int | tuple[int, int],
    *,
    strides: int = 1,
    padding: str | int = "same",
    groups: int = 1,
    use_bias: bool = False,
    activation: str | None = "relu",
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    kernel_initializer=HeNormal,
    name: str,
):
    """Convolution without bias, batch normalization, activation.

    A family that normalizes differently takes this with other defaults by ``functools.partial``.

    Args:
        x, filters, kernel_size, strides, padding, groups, use_bias, kernel_initializer: as for
            :func:`conv`.
        activation, epsilon, momentum: as for :func:`batch_norm`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, filters).
    """
    x = conv(
        x,
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        name=name,
    )
    return batch_norm(x, activation=activation, epsilon=epsilon, momentum=momentum, name=name)
