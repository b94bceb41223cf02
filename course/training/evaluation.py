"""What a model makes of held-out images, every example counted once, on any number of devices."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course.datasets.resizing import resize
from course.errors import UsageError
from course.training import distribution, multiworker

VIEWS = ("plain", "flip", "shift")
# Pixels that are handed to the devices at a time.
_CHUNK = 2**26


class Scores(NamedTuple):
    """Averages over a set, shares from 0 to 1."""

    loss: float
    accuracy: float
    top5: float
    examples: int


def evaluate(
    model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    size: tuple[int, int] | None = None,
    views: Sequence[str] = ("plain",),
) -> Scores:
    """Cross-entropy and accuracy of a model that gives scores, averaged over views of each image.

    The last batch is filled up with images that are not counted, so that every batch has the same
    size, which devices can share.

    Args:
        model: gives scores before softmax; of several outputs the first counts.
        images: (examples, height, width, channels), as the model takes them.
        labels: integers, (examples,).
        batch_size: examples at a time, over all devices.
        size: (height, width) to scale the images to; None for none.
        views: of :data:`VIEWS`: the image, its mirror image, and both moved by a pixel.
    """
    if size == images.shape[1:3]:
        size = None
    pixels = int(np.prod(size or images.shape[1:3])) * images.shape[-1]
    chunk = batch_size * max(1, _CHUNK // (batch_size * pixels))
    loss, right, near = 0.0, 0, 0
    for start in range(0, len(images), chunk):
        part, wanted = images[start : start + chunk], labels[start : start + chunk]
        logs = _log_probabilities(model, resize(part, size) if size else part, batch_size, views)
        own = logs[np.arange(len(wanted)), wanted]
        ahead = (logs > own[:, None]).sum(1)
        loss -= float(own.sum(dtype="float64"))
        right += int((logs.argmax(1) == wanted).sum())
        near += int((ahead < 5).sum())
    count = len(images)
    return Scores(loss / count, right / count, near / count, count)


@contextlib.contextmanager
def averaged(model):
    """Within, a model has the moving average of its weights, if its optimizer keeps one."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not getattr(optimizer, "use_ema", False):
        yield
        return
    weights = model.trainable_variables
    own = [np.array(weight) for weight in weights]
    for weight, average in zip(weights, optimizer._model_variables_moving_average, strict=True):
        weight.assign(np.array(average))
    try:
        yield
    finally:
        for weight, value in zip(weights, own, strict=True):
            weight.assign(value)


def _log_probabilities(model, images, batch_size: int, views) -> np.ndarray:
    """Logarithms of the classes' probabilities, averaged over the views."""
    total = 0
    for view in _views(images, views):
        missing = -len(view) % batch_size
        full = np.concatenate([view, np.repeat(view[-1:], missing, 0)]) if missing else view
        if distribution.across_workers(model):
            scores = multiworker.predict(model, full, batch_size)
        else:
            scores = model.predict(full, batch_size=batch_size, verbose=0)
        scores = scores[0] if isinstance(scores, (list, tuple)) else scores
        scores = np.asarray(scores, "float64")[: len(view)]
        scores -= scores.max(1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        total = total + (logs if len(views) == 1 else np.exp(logs))
    if len(views) == 1:
        return total
    return np.log(np.maximum(total / total.sum(1, keepdims=True), 1e-30))


def _views(images: np.ndarray, views):
    unknown = sorted(set(views) - set(VIEWS))
    if unknown or not views:
        raise UsageError(f"views must be some of {VIEWS}; received {tuple(views)}.")
    if "plain" in views:
        yield images
    if "flip" in views:
        yield images[:, :, ::-1]
    if "shift" in views:
        for move in (1, -1):
            moved = np.roll(images, (move, move), (1, 2))
            yield moved
            yield moved[:, :, ::-1]
