"""Densely connected layers: each sees the outputs of all layers before it."""

from __future__ import annotations

from keras import layers

from course.blocks.conv import batch_norm, conv
from course.keras_types import Tensor


def dense_layer(
    x: Tensor, growth_rate: int, *, bottleneck: bool = True, dropout: float = 0.0, name: str
) -> Tensor:
    """Apply BN, ReLU and a 3x3 convolution, and concatenate the output to the input.

    Args:
        x: tensor of shape (batch, height, width, channels).
        growth_rate: number of new feature maps.
        bottleneck: whether a 1x1 convolution with four times as many feature maps comes first.
        dropout: rate of dropout after each convolution; 0 for none.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, height, width, channels + growth_rate).

    Reference:
        Huang et al., "Densely connected convolutional networks", 2017, section 3, equation 2.
    """
    kernels = ((4 * growth_rate, 1), (growth_rate, 3)) if bottleneck else ((growth_rate, 3),)
    y = x
    for number, (filters, kernel_size) in enumerate(kernels, start=1):
        y = batch_norm(y, activation="relu", name=f"{name}_{number}")
        y = conv(y, filters, kernel_size, name=f"{name}_{number}")
        if dropout:
            y = layers.Dropout(dropout, name=f"{name}_{number}_dropout")(y)
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def transition(x: Tensor, filters: int, *, dropout: float = 0.0, name: str) -> Tensor:
    """Apply BN, ReLU, a 1x1 convolution and 2x2 average pooling between dense blocks.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: number of remaining feature maps.
        dropout: rate of dropout after the convolution; 0 for none.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, height // 2, width // 2, filters).

    Reference:
        Huang et al. 2017, section 3, pooling layers and compression.
    """
    x = conv(batch_norm(x, activation="relu", name=name), filters, 1, name=name)
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)
