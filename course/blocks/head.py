"""From the last maps to classes."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from course.blocks.initializers import GlorotUniform


def classifier(
    x,
    classes: int,
    activation: str | None,
    *,
    dropout: float = 0.0,
    kernel_initializer=GlorotUniform,
):
    """Mean of each map, dropout, and a dense layer of a score for each class.

    The dense layer computes in float32 under every precision policy, since a softmax over many
    classes loses too much in half precision.

    Args:
        x: tensor of shape (batch, height, width, channels), or (batch, features), which is not
            pooled.
        classes: number of classes.
        activation: of the dense layer; None for scores.
        dropout: rate of dropout before the dense layer; 0 for none.
        kernel_initializer: of the dense layer.

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
    x,
    units: int,
    names: Sequence[str],
    *,
    dropout: float = 0.5,
    kernel_initializer=GlorotUniform,
    bias: float = 0.0,
):
    """Flattened maps, then dense layers with ReLU, each followed by dropout.

    Args:
        x: tensor of shape (batch, height, width, channels).
        units: values of each dense layer.
        names: of the dense layers, one each.
        dropout: rate of dropout.
        kernel_initializer: of the dense layers.
        bias: of the dense layers at the start of training.

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
