"""Squeeze-and-excitation: channel attention."""

from __future__ import annotations

from typing import Any

from keras import layers

from course.blocks.conv import get_initializer
from course.keras_types import Tensor


def squeeze_excite(
    x: Tensor,
    se_filters: int,
    *,
    activation: str = "relu",
    gate: str = "sigmoid",
    use_bias: bool = True,
    kernel_initializer: Any = None,
    name: str,
) -> Tensor:
    """Multiply each feature map by a weight computed from the means of all feature maps.

    Its two layers are dense layers on a 1x1 image, equivalent to 1x1 convolutions and faster.

    Args:
        x: tensor of shape (batch, height, width, channels).
        se_filters: size of the hidden layer; channels / 16 in the paper.
        activation: activation of the hidden layer.
        gate: activation that makes the weights, such as ``"sigmoid"`` or ``"hard_sigmoid"``.
        use_bias: whether the two layers have biases.
        kernel_initializer: initializer of both layers; None for He's.
        name: prefix of the layers' names; all continue with ``_se_``.

    Returns:
        Tensor of the same shape.

    Reference:
        Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, figures 1 to 3.
    """

    def dense(y: Tensor, units: int, function: str, part: str) -> Tensor:
        return layers.Dense(
            units,
            activation=function,
            use_bias=use_bias,
            kernel_initializer=get_initializer(kernel_initializer),
            name=f"{name}_se_{part}",
        )(y)

    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_se_squeeze")(x)
    y = dense(y, se_filters, activation, "reduce")
    y = dense(y, x.shape[-1], gate, "expand")
    return layers.Multiply(name=f"{name}_se_scale")([x, y])
