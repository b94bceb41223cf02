"""Blocks of the efficient networks: space and channels are mixed one after the other."""

from __future__ import annotations

import keras
from keras import layers

from course.blocks.attention import squeeze_excite
from course.blocks.conv import batch_norm, conv_bn, padded
from course.blocks.initializers import HeNormal
from course.regularization import drop_path

# TensorFlow's epsilon, with which the MobileNets and EfficientNets were trained.
EPSILON = 1e-3


def depthwise_bn(
    x,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str | int = "same",
    activation: str | None = None,
    epsilon: float = EPSILON,
    name: str,
):
    """Depthwise convolution (a kernel of its own for each map), batch normalization, activation.

    Args:
        x: tensor of shape (batch, height, width, channels).
        kernel_size: height and width of the kernels.
        strides: step in both directions.
        padding: ``"same"``, ``"valid"``, or zeros to add on every side.
        activation: name of the activation, None for none.
        epsilon: added to the variance.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, channels).
    """
    x, padding = padded(x, kernel_size, strides=strides, padding=padding, name=name)
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        depthwise_initializer=HeNormal("fan_out"),
        name=f"{name}_conv",
    )(x)
    return batch_norm(x, activation=activation, epsilon=epsilon, name=name)


def separable_block(x, filters: int, *, strides: int = 1, activation: str = "relu", name: str):
    """3x3 depthwise convolution, then a 1x1 convolution, each normalized and activated.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        strides: step of the depthwise convolution.
        activation: name of the activation.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision
        applications", 2017, figure 3, right.
    """
    x = depthwise_bn(x, 3, strides=strides, activation=activation, name=f"{name}_depthwise")
    return conv_bn(x, filters, 1, activation=activation, epsilon=EPSILON, name=f"{name}_pointwise")


def inverted_bottleneck(
    x,
    filters: int,
    *,
    expanded: int,
    kernel_size: int = 3,
    strides: int = 1,
    activation: str = "relu6",
    reduced: int = 0,
    gate: str = "sigmoid",
    reduced_activation: str = "relu",
    drop_rate: float = 0.0,
    name: str,
):
    """1x1 convolution to more channels, depthwise convolution, 1x1 convolution to fewer.

    The last convolution has no activation, since the few channels would lose what it cuts off. The
    shortcut joins the narrow ends, and is there if and only if their shapes agree.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        expanded: channels between; where the input has as many the first convolution is left out.
        kernel_size: of the depthwise convolution.
        strides: step of the depthwise convolution.
        activation: after the first two convolutions.
        reduced: hidden size of squeeze-and-excitation after the depthwise convolution; 0 for none.
        gate: of squeeze-and-excitation.
        reduced_activation: of squeeze-and-excitation's hidden layer.
        drop_rate: probability that an example takes the shortcut alone, while training.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018, Table 1;
        with squeeze-and-excitation Howard et al., "Searching for MobileNetV3", 2019, figure 4.
    """
    y = x
    if expanded != x.shape[-1]:
        y = conv_bn(y, expanded, 1, activation=activation, epsilon=EPSILON, name=f"{name}_expand")
    y = depthwise_bn(
        y, kernel_size, strides=strides, activation=activation, name=f"{name}_depthwise"
    )
    if reduced:
        y = squeeze_excite(y, reduced, activation=reduced_activation, gate=gate, name=name)
    y = conv_bn(y, filters, 1, activation=None, epsilon=EPSILON, name=f"{name}_project")
    return _with_shortcut(x, y, drop_rate, name)


def fused_inverted_bottleneck(
    x,
    filters: int,
    *,
    expanded: int,
    kernel_size: int = 3,
    strides: int = 1,
    activation: str = "silu",
    drop_rate: float = 0.0,
    name: str,
):
    """An inverted bottleneck whose first two convolutions are one ordinary convolution.

    Where `expanded` equals the input's channels that one convolution is the whole block, and keeps
    its activation.

    Args:
        x, filters, expanded, activation, drop_rate, name: as for :func:`inverted_bottleneck`.
        kernel_size: of the first convolution.
        strides: step of the first convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Reference:
        Tan, Le, "EfficientNetV2: Smaller models and faster training", 2021, figure 2.
    """
    fused = expanded == x.shape[-1]
    y = conv_bn(
        x,
        filters if fused else expanded,
        kernel_size,
        strides=strides,
        activation=activation,
        epsilon=EPSILON,
        name=f"{name}_{'fused' if fused else 'expand'}",
    )
    if not fused:
        y = conv_bn(y, filters, 1, activation=None, epsilon=EPSILON, name=f"{name}_project")
    return _with_shortcut(x, y, drop_rate, name)


@keras.saving.register_keras_serializable(package="course")
class LayerScale(layers.Layer):
    """Multiplies each channel by a learned factor, which starts small.

    Put after a residual branch it lets a deep network start close to the identity.

    Args:
        start: every factor's first value.

    Input shape: (batch, ..., channels).
    Output shape: the same.

    Reference:
        Touvron et al., "Going deeper with image transformers", 2021, equation 4.
    """

    def __init__(self, start: float = 1e-6, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
        )

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"start": self.start}


def _with_shortcut(x, y, drop_rate: float, name: str):
    if x.shape != y.shape:
        return y
    return layers.Add(name=f"{name}_add")([x, drop_path(y, drop_rate, name=name)])
