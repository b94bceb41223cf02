"""Test-time augmentation and ensembles: averaged predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import layers, ops

from course.errors import UsageError
from course.keras_types import Array, Model, Tensor


def _both_ways(crops: list[Tensor]) -> Tensor:
    """Stack crops and their mirror images on a new axis after the batch's."""
    crops = ops.stack(crops, axis=1)
    return ops.concatenate([crops, ops.flip(crops, axis=3)], axis=1)


def _corners_and_center(images: Tensor, size: int) -> list[Tensor]:
    height, width = images.shape[1:3]
    if size > min(height, width):
        raise UsageError(
            f"Crops must not be larger than the images; received size={size} and images of "
            f"{height}x{width}. Resize the images first."
        )
    down, right = height - size, width - size
    corners = ((0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2))
    return [images[:, top : top + size, left : left + size] for top, left in corners]


def ten_crop(images: Tensor, size: int) -> Tensor:
    """Cut the four corners and the center out of each image, and mirror them.

    Args:
        images: of shape (batch, height, width, channels).
        size: height and width of the crops in pixels.

    Returns:
        Tensor of shape (batch, 10, size, size, channels).

    Raises:
        UsageError: if the size is larger than the images.

    Reference:
        Krizhevsky et al. 2012, section 4.1.
    """
    return _both_ways(_corners_and_center(ops.convert_to_tensor(images), size))


def many_crop(images: Tensor, size: int, scales: Sequence[int] = (256, 288, 320, 352)) -> Tensor:
    """Cut GoogLeNet's crops out of each image: 144 for its four scales.

    At each scale: three squares, of the left, middle and right or the upper, middle and lower part;
    of each its corners, its center and the whole square made smaller; and all mirrored.

    Args:
        images: of shape (batch, height, width, channels).
        size: height and width of the crops in pixels.
        scales: to which the shorter side is resized, one after the other.

    Returns:
        Tensor of shape (batch, 36 * scales, size, size, channels).

    Raises:
        UsageError: if a scale is smaller than the size.

    Reference:
        Szegedy et al., "Going deeper with convolutions", 2015, section 7.
    """
    images = ops.convert_to_tensor(images)
    height, width = images.shape[1:3]
    crops = []
    for scale in scales:
        shape = [round(scale * side / min(height, width)) for side in (height, width)]
        resized = ops.image.resize(images, shape, data_format="channels_last")
        down, right = shape[0] - scale, shape[1] - scale
        for part in (0, 1, 2):
            top, left = down * part // 2, right * part // 2
            square = resized[:, top : top + scale, left : left + scale]
            whole = ops.image.resize(square, (size, size), data_format="channels_last")
            crops += [*_corners_and_center(square, size), whole]
    return _both_ways(crops)


def predict_multi_crop(
    model: Model,
    images: Array,
    crops: Callable[[Array, int], Tensor] = ten_crop,
    *,
    size: int | None = None,
    batch_size: int = 32,
) -> Array:
    """Average a model's predictions over crops of each image.

    Args:
        model: Keras model of images of one size. Of several outputs, the first counts.
        images: of shape (examples, height, width, channels).
        crops: function of images and a size, such as :func:`ten_crop` or :func:`many_crop`.
        size: of the crops; None for the model's input size.
        batch_size: how many images are cropped at a time, and how many crops the model sees.

    Returns:
        Array of shape (examples, ...), the mean over the crops.

    Example:
        >>> model = keras.Sequential([keras.Input((24, 24, 3)), layers.GlobalMaxPooling2D()])
        >>> predict_multi_crop(model, np.ones((5, 32, 32, 3))).shape
        (5, 3)
    """
    size = size or model.input_shape[1]
    if model.outputs[1:]:
        model = keras.Model(model.inputs, model.outputs[0])
    predictions = []
    for start in range(0, len(images), batch_size):
        views = ops.convert_to_numpy(crops(images[start : start + batch_size], size))
        flat = views.reshape(-1, *views.shape[2:])
        y = model.predict(flat, batch_size=batch_size, verbose=0)
        predictions.append(y.reshape(*views.shape[:2], *y.shape[1:]).mean(axis=1))
    return np.concatenate(predictions)


def ensemble(models: Sequence[Model], name: str = "ensemble") -> Model:
    """Combine models into one that returns the mean of their predictions.

    The models keep their weights; training the ensemble trains them together.

    Args:
        models: of the same input and output shape. Of several outputs, the first counts.
        name: of the new model.

    Returns:
        A Keras model.

    Raises:
        UsageError: if there are no models, or their shapes differ.

    Reference:
        Krizhevsky et al. 2012, section 6.1: the average of seven networks.
    """
    shapes = {(model.inputs[0].shape, model.outputs[0].shape) for model in models}
    if len(shapes) != 1:
        raise UsageError(
            "ensemble needs models of one input and one output shape; received "
            f"{', '.join(f'{i} -> {o}' for i, o in sorted(shapes, key=str)) or 'no models'}."
        )
    inputs = keras.Input(models[0].input_shape[1:])
    # Unique names, as the models may have been built under the same one.
    members = [
        keras.Model(model.inputs, model.outputs[0], name=f"member{number}")
        for number, model in enumerate(models, start=1)
    ]
    outputs = [member(inputs) for member in members]
    mean = layers.Average(dtype="float32", name="mean")(outputs) if members[1:] else outputs[0]
    return keras.Model(inputs, mean, name=name)
