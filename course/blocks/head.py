"""From the last maps to classes."""

from __future__ import annotations

from keras import layers


def classifier(x, classes: int, activation: str | None, *, dropout: float = 0.0):
    """Mean of each map, dropout, and a dense layer of a score for each class.

    The dense layer computes in float32 under every precision policy, since a softmax over many
    classes loses too much in half precision.

    Args:
        x: tensor of shape (batch, height, width, channels), or (batch, features), which is not
            pooled.
        classes: number of classes.
        activation: of the dense layer; None for scores.
        dropout: rate of dropout before the dense layer; 0 for none.

    Returns:
        Tensor of shape (batch, classes).
    """
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, activation=activation, dtype="float32", name="predictions")(x)
