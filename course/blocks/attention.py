"""Weighing maps by what the whole image holds."""

from __future__ import annotations

import keras
from keras import layers

from course.blocks.initializers import HeNormal


def squeeze_excite(
    x,
    reduced: int,
    *,
    activation: str = "relu",
    gate: str = "sigmoid",
    use_bias: bool = True,
    kernel_initializer=HeNormal,
    name: str,
):
    """Multiply each map by a weight that a small net computes from the means of all maps.

    The two layers are dense on a 1x1 image, which computes the same as 1x1 convolutions and is
    faster.

    Args:
        x: tensor of shape (batch, height, width, channels).
        reduced: size of the hidden layer; the paper's is channels / 16.
        activation: of the hidden layer.
        gate: of the weights, such as ``"sigmoid"`` or ``"hard_sigmoid"``.
        use_bias: whether the two layers have biases.
        kernel_initializer: of both layers; He's by default.
        name: prefix of the layers' names; all of them continue with ``_se_``.

    Returns:
        Tensor of the same shape.

    Reference:
        Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, figures 1 to 3.
    """

    def dense(y, units, function, part):
        return layers.Dense(
            units,
            activation=function,
            use_bias=use_bias,
            kernel_initializer=keras.initializers.get(kernel_initializer),
            name=f"{name}_se_{part}",
        )(y)

    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_se_squeeze")(x)
    y = dense(y, reduced, activation, "reduce")
    y = dense(y, x.shape[-1], gate, "expand")
    return layers.Multiply(name=f"{name}_se_scale")([x, y])
