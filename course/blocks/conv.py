"""Convolution, batch normalization and activation: what most blocks are made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from course.keras_types import Initializer, Tensor

# Added to batch normalization's variance: the networks were trained with one or the other.
TORCH_EPSILON = 1e-5
TENSORFLOW_EPSILON = 1e-3


def he_normal(mode: str = "fan_in") -> Initializer:
    """Create He's initializer: a normal distribution of variance 2 / fan, not truncated.

    Keras' own ``HeNormal`` is truncated. Every layer needs its own initializer: one that is
    shared gives all of them the same numbers.

    Args:
        mode: ``"fan_in"``, the number of values that each output is computed from, or
            ``"fan_out"``, which is what Keras calls it for depthwise kernels.

    Reference:
        He et al., "Delving deep into rectifiers", 2015, equation 10.
    """
    return keras.initializers.VarianceScaling(2.0, mode, "untruncated_normal")


def get_initializer(kernel_initializer: Any) -> Initializer:
    """Look up an initializer as Keras does, with :func:`he_normal` instead of None."""
    if kernel_initializer is None:
        return he_normal()
    return keras.initializers.get(kernel_initializer)


def pad(x: Tensor, padding: int, *, name: str) -> Tensor:
    """Pad with zeros on all four sides, as Caffe and Torch do.

    Keras' ``"same"`` pads one zero less at the top and left where the total is odd, as for a 3x3
    kernel with a stride of 2 on an even size; many papers' networks were trained with the same
    number of zeros on every side.

    Args:
        x: tensor of shape (batch, height, width, channels).
        padding: rows and columns on each side; 0 for none.
        name: prefix of the layer's name.

    Returns:
        Tensor of shape (batch, height + 2 padding, width + 2 padding, channels).
    """
    return layers.ZeroPadding2D(padding, name=f"{name}_pad")(x) if padding else x


def batch_norm(
    x: Tensor,
    *,
    activation: str | None = None,
    epsilon: float = TORCH_EPSILON,
    momentum: float = 0.9,
    name: str,
) -> Tensor:
    """Apply batch normalization, then an activation.

    Args:
        x: tensor of any shape, channels last.
        activation: name of the activation; None for none.
        epsilon: added to the variance.
        momentum: fraction of the moving statistics that each step keeps.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.
    """
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def resolve_padding(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int],
    padding: str | int,
    name: str,
) -> tuple[Tensor, str]:
    """Turn integer padding into a ZeroPadding2D layer, or into Keras' "same" if that is equivalent.

    Args:
        x: tensor of shape (batch, height, width, channels).
        kernel_size, strides, padding: as for :func:`conv`.
        name: prefix of the layer's name.

    Returns:
        The tensor, padded if necessary, and the `padding` argument for a Keras layer.
    """
    if isinstance(padding, str):
        return x, padding
    if strides == 1 and kernel_size == 2 * padding + 1:
        return x, "same"  # the same zeros without an extra layer
    return pad(x, padding, name=name), "valid"


def conv(
    x: Tensor,
    filters: int,
    kernel_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] = 1,
    padding: str | int = "same",
    groups: int = 1,
    use_bias: bool = False,
    activation: str | None = None,
    kernel_initializer: Any = None,
    name: str,
) -> Tensor:
    """Apply a convolution, with symmetric zero padding if `padding` is a number.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: height and width of the kernel.
        strides: strides in both directions.
        padding: ``"same"``, ``"valid"``, or the number of zeros on every side.
        groups: number of groups the channels are split into.
        use_bias: whether each output channel has a bias.
        activation: name of the activation; None for none.
        kernel_initializer: any that Keras accepts; None for :func:`he_normal`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, filters).
    """
    x, padding = resolve_padding(x, kernel_size, strides=strides, padding=padding, name=name)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        activation=activation,
        kernel_initializer=get_initializer(kernel_initializer),
        name=f"{name}_conv",
    )(x)


def conv_bn(
    x: Tensor,
    filters: int,
    kernel_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] = 1,
    padding: str | int = "same",
    groups: int = 1,
    use_bias: bool = False,
    activation: str | None = "relu",
    epsilon: float = TORCH_EPSILON,
    momentum: float = 0.9,
    kernel_initializer: Any = None,
    name: str,
) -> Tensor:
    """Apply a convolution (by default without bias), batch normalization and an activation.

    Families that normalize differently change the defaults with ``functools.partial``.

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
