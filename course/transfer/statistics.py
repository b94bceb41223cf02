"""Moving statistics of batch normalization, computed anew for other images or other weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from course import keras_compat
from course.errors import UsageError
from course.keras_types import Array, Images, Layer, Model
from course.transfer.freezing import in_inference


def recalibrate(
    model: Model,
    images: Images,
    *,
    preprocess: Callable[[Images], Any] | None = None,
    batch_size: int = 256,
) -> None:
    """Replace all moving means and variances by those of some images.

    Weights stay, and so does what is frozen. Dropout drops nothing meanwhile.

    Args:
        model: Functional or Sequential, with batch normalization in it.
        images: array of shape (examples, height, width, channels), at least two.
        preprocess: of the images, as in :func:`course.transfer.extraction.features`.
        batch_size: images at a time, at least 2. Each layer gets what the ones before it make of
            a batch with the batch's own statistics, as in training.

    Raises:
        UsageError: no batch normalization, or too few images.

    Reference:
        Wu, Johnson, "Rethinking 'batch' in batch normalization", 2021, section 3: averages of many
        batches are precise where a moving average lags.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.BatchNormalization()])
        >>> recalibrate(model, np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> np.asarray(model.layers[0].moving_mean), np.asarray(model.layers[0].moving_variance)
        (array([2., 5.], dtype=float32), array([1., 0.], dtype=float32))
    """
    norms = [
        layer
        for layer in keras_compat.all_layers(model)
        if isinstance(layer, layers.BatchNormalization)
    ]
    if not norms:
        raise UsageError(f"recalibrate needs batch normalization; {model.name} has none.")
    if min(len(images), batch_size) < 2:
        raise UsageError(
            "Statistics need at least two images at a time; received "
            f"{len(images)} images with batch_size={batch_size}."
        )
    running = in_inference(model, lambda layer: not isinstance(layer, layers.BatchNormalization))
    before = [(layer.trainable, layer.momentum) for layer in norms]
    for layer in norms:
        layer.trainable, layer.momentum = True, 0.0
    try:
        _assign_means(running, norms, images, preprocess, batch_size)
    finally:
        for layer, (trainable, momentum) in zip(norms, before, strict=True):
            layer.trainable, layer.momentum = trainable, momentum


def _assign_means(
    model: Model,
    norms: list[Layer],
    images: Images,
    preprocess: Callable[[Images], Any] | None,
    batch_size: int,
) -> None:
    """Run all batches; without momentum a layer's moving statistics are the last batch's."""
    means: list[Array] = [np.zeros(()) for _ in norms]
    squares: list[Array] = [np.zeros(()) for _ in norms]
    # A last batch of one image would have no variance.
    starts = [n for n in range(0, len(images), batch_size) if len(images) - n > 1]
    count = min(len(images), starts[-1] + batch_size)
    for start in starts:
        batch = images[start : start + batch_size]
        share = len(batch) / count
        model(keras.ops.cast(preprocess(batch) if preprocess else batch, "float32"), training=True)
        for n, layer in enumerate(norms):
            mean = np.asarray(layer.moving_mean, "float64")
            means[n] = means[n] + share * mean
            variance = np.asarray(layer.moving_variance, "float64")
            squares[n] = squares[n] + share * (variance + mean**2)
    for layer, mean, square in zip(norms, means, squares, strict=True):
        layer.moving_mean.assign(mean.astype("float32"))
        layer.moving_variance.assign(np.maximum(square - mean**2, 0).astype("float32"))
