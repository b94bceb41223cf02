"""Evaluation on held-out images: every example counts once, on any number of devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from course import keras_compat
from course.datasets.resizing import resize
from course.errors import UsageError
from course.keras_types import Array, Images, Model
from course.training.distribution import Devices

VIEWS = ("plain", "flip", "shift")
_CHUNK = 2**26  # pixels that are handed to the devices at once


class Scores(NamedTuple):
    """Averages over a dataset; accuracies are fractions."""

    loss: float
    accuracy: float
    top5: float
    examples: int


def evaluate(
    model: Model,
    images: Images,
    labels: Array,
    *,
    devices: Devices,
    batch_size: int,
    size: tuple[int, int] | None = None,
    views: Sequence[str] = ("plain",),
) -> Scores:
    """Compute cross-entropy and accuracy of a model's logits, averaged over views of each image.

    The last batch is filled up with images that do not count, so that all batches have the same
    size, which devices can share.

    Args:
        model: returns logits; of several outputs the first counts.
        images: (examples, height, width, channels), as the model takes them.
        labels: integers, (examples,).
        devices: that run the model.
        batch_size: examples at a time, over all devices.
        size: (height, width) to resize the images to; None to leave them.
        views: of :data:`VIEWS`: the image, its mirror image, and both shifted by a pixel.
    """
    if size == images.shape[1:3]:
        size = None
    pixels = int(np.prod(size or images.shape[1:3])) * images.shape[-1]
    chunk = batch_size * max(1, _CHUNK // (batch_size * pixels))
    loss, right, near = 0.0, 0, 0
    for start in range(0, len(images), chunk):
        part, wanted = images[start : start + chunk], labels[start : start + chunk]
        part = resize(part, size) if size else part
        logs = _log_probabilities(model, part, devices, batch_size, views)
        own = logs[np.arange(len(wanted)), wanted]
        ahead = (logs > own[:, None]).sum(1)
        loss -= float(own.sum(dtype="float64"))
        right += int((logs.argmax(1) == wanted).sum())
        near += int((ahead < 5).sum())
    count = len(images)
    return Scores(loss / count, right / count, near / count, count)


@contextlib.contextmanager
def averaged_weights(model: Model) -> Iterator[None]:
    """Give a model the moving averages of its weights, if its optimizer keeps them."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not getattr(optimizer, "use_ema", False):
        yield
        return
    weights = model.trainable_variables
    own = [np.array(weight) for weight in weights]
    for weight, average in zip(weights, keras_compat.weight_averages(optimizer), strict=True):
        weight.assign(np.array(average))
    try:
        yield
    finally:
        for weight, value in zip(weights, own, strict=True):
            weight.assign(value)


def _log_probabilities(
    model: Model, images: Images, devices: Devices, batch_size: int, views: Sequence[str]
) -> Array:
    """Return the logarithms of the classes' probabilities, averaged over the views."""
    total: Array = np.zeros(())
    count = 0
    for view in _views(images, views):
        missing = -len(view) % batch_size
        full = np.concatenate([view, np.repeat(view[-1:], missing, 0)]) if missing else view
        logits = np.asarray(devices.predict(model, full, batch_size), "float64")[: len(view)]
        logits -= logits.max(1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        total = total + np.exp(logs)
        count += 1
    if count == 1:
        return logs
    return np.log(np.maximum(total / total.sum(1, keepdims=True), 1e-30))


def _views(images: Images, views: Sequence[str]) -> Iterator[Images]:
    unknown = sorted(set(views) - set(VIEWS))
    if unknown or not views:
        raise UsageError(f"views must be some of {VIEWS}; received {tuple(views)}.")
    if "plain" in views:
        yield images
    if "flip" in views:
        yield images[:, :, ::-1]
    if "shift" in views:
        for shift in (1, -1):
            shifted = np.roll(images, (shift, shift), (1, 2))
            yield shifted
            yield shifted[:, :, ::-1]
