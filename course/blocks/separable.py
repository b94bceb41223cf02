"""Depthwise separable blocks, which mix space and channels one after the other."""

from __future__ import annotations

from keras import layers

from course.blocks.attention import squeeze_excite
from course.blocks.conv import (
    TENSORFLOW_EPSILON,
    batch_norm,
    conv_bn,
    he_normal,
    resolve_padding,
)
from course.keras_types import Tensor
from course.regularization import drop_path


def depthwise_bn(
    x: Tensor,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str | int = "same",
    activation: str | None = None,
    epsilon: float = TENSORFLOW_EPSILON,
    name: str,
) -> Tensor:
    """Apply a depthwise convolution (one kernel per channel), batch normalization, an activation.

    Args:
        x: tensor of shape (batch, height, width, channels).
        kernel_size: height and width of the kernels.
        strides: strides in both directions.
        padding: ``"same"``, ``"valid"``, or the number of zeros on every side.
        activation: name of the activation; None for none.
        epsilon: added to the variance.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, channels).
    """
    x, padding = resolve_padding(x, kernel_size, strides=strides, padding=padding, name=name)
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        depthwise_initializer=he_normal("fan_out"),
        name=f"{name}_conv",
    )(x)
    return batch_norm(x, activation=activation, epsilon=epsilon, name=name)


def separable_block(
    x: Tensor, filters: int, *, strides: int = 1, activation: str = "relu", name: str
) -> Tensor:
    """Apply a 3x3 depthwise and a 1x1 convolution, each with batch normalization and activation.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        strides: strides of the depthwise convolution.
        activation: name of the activation.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision
        applications", 2017, figure 3, right.
    """
    x = depthwise_bn(x, 3, strides=strides, activation=activation, name=f"{name}_depthwise")
    return conv_bn(
        x, filters, 1, activation=activation, epsilon=TENSORFLOW_EPSILON, name=f"{name}_pointwise"
    )


def inverted_bottleneck(
    x: Tensor,
    filters: int,
    *,
    expanded_filters: int,
    kernel_size: int = 3,
    strides: int = 1,
    activation: str = "relu6",
    se_filters: int = 0,
    gate: str = "sigmoid",
    se_activation: str = "relu",
    drop_rate: float = 0.0,
    name: str,
) -> Tensor:
    """Expand by a 1x1 convolution, apply a depthwise one, and project by another 1x1.

    The last convolution has no activation, which would lose information in so few channels. The
    shortcut connects the narrow ends if their shapes agree.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        expanded_filters: channels in between; if the input already has as many, the first
            convolution is omitted.
        kernel_size: kernel size of the depthwise convolution.
        strides: strides of the depthwise convolution.
        activation: activation after the first two convolutions.
        se_filters: hidden size of squeeze-and-excitation after the depthwise convolution; 0 for
            none.
        gate: gate activation of squeeze-and-excitation.
        se_activation: activation of squeeze-and-excitation's hidden layer.
        drop_rate: probability that an example takes only the shortcut during training.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018, Table 1;
        with squeeze-and-excitation Howard et al., "Searching for MobileNetV3", 2019, figure 4.
    """
    y = x
    if expanded_filters != x.shape[-1]:
        y = conv_bn(
            y,
            expanded_filters,
            1,
            activation=activation,
            epsilon=TENSORFLOW_EPSILON,
            name=f"{name}_expand",
        )
    y = depthwise_bn(
        y, kernel_size, strides=strides, activation=activation, name=f"{name}_depthwise"
    )
    if se_filters:
        y = squeeze_excite(y, se_filters, activation=se_activation, gate=gate, name=name)
    y = conv_bn(y, filters, 1, activation=None, epsilon=TENSORFLOW_EPSILON, name=f"{name}_project")
    return _with_shortcut(x, y, drop_rate, name)


def fused_inverted_bottleneck(
    x: Tensor,
    filters: int,
    *,
    expanded_filters: int,
    kernel_size: int = 3,
    strides: int = 1,
    activation: str = "silu",
    drop_rate: float = 0.0,
    name: str,
) -> Tensor:
    """Apply an inverted bottleneck with one ordinary convolution instead of its first two.

    If `expanded_filters` equals the input's channels, that convolution is the whole block and keeps
    its activation.

    Args:
        x, filters, expanded_filters, activation, drop_rate, name: as for
            :func:`inverted_bottleneck`.
        kernel_size: kernel size of the first convolution.
        strides: strides of the first convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Tan, Le, "EfficientNetV2: Smaller models and faster training", 2021, figure 2.
    """
    fused = expanded_filters == x.shape[-1]
    y = conv_bn(
        x,
        filters if fused else expanded_filters,
        kernel_size,
        strides=strides,
        activation=activation,
        epsilon=TENSORFLOW_EPSILON,
        name=f"{name}_{'fused' if fused else 'expand'}",
    )
    if not fused:
        y = conv_bn(
            y, filters, 1, activation=None, epsilon=TENSORFLOW_EPSILON, name=f"{name}_project"
        )
    return _with_shortcut(x, y, drop_rate, name)


def _with_shortcut(x: Tensor, y: Tensor, drop_rate: float, name: str) -> Tensor:
    if x.shape != y.shape:
        return y
    return layers.Add(name=f"{name}_add")([x, drop_path(y, drop_rate, name=name)])
