"""Classifier heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from course.keras_types import Tensor


def classifier(
    x: Tensor,
    classes: int,
    activation: str | None,
    *,
    dropout: float = 0.0,
    kernel_initializer: Any = "glorot_uniform",
) -> Tensor:
    """Apply global average pooling, dropout, and a dense layer with one unit per class.

    The dense layer computes in float32 under every precision policy, since a softmax over many
    classes loses too much in half precision.

    Args:
        x: tensor of shape (batch, height, width, channels), or (batch, features), which is not
            pooled.
        classes: number of classes.
        activation: activation of the dense layer; None to return logits.
        dropout: rate of dropout before the dense layer; 0 for none.
        kernel_initializer: initializer of the dense layer's kernel.

    Returns:
        Tensor of shape (batch, classes).
    """
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=keras.initializers.get(kernel_initializer),
        dtype="float32",
        name="predictions",
    )(x)


def fully_connected(
    x: Tensor,
    units: int,
    names: Sequence[str],
    *,
    dropout: float = 0.5,
    kernel_initializer: Any = "glorot_uniform",
    bias: float = 0.0,
) -> Tensor:
    """Flatten feature maps, then apply dense layers with ReLU, each followed by dropout.

    Args:
        x: tensor of shape (batch, height, width, channels).
        units: units of each dense layer.
        names: the dense layers' names.
        dropout: rate of dropout.
        kernel_initializer: initializer of the dense layers' kernels.
        bias: initial bias of the dense layers.

    Returns:
        Tensor of shape (batch, units).
    """
    x = layers.Flatten(name=f"{names[0]}_flatten")(x)
    for name in names:
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer=keras.initializers.get(kernel_initializer),
            bias_initializer=keras.initializers.Constant(bias),
            name=name,
        )(x)
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x
