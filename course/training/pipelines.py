"""Batches by number: a step alone decides which examples it gets and how they are augmented.

No order and no position is remembered; seed, epoch and step give everything. So a run that was
killed can be resumed exactly. All but :func:`dataset` needs NumPy alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from course.datasets.resizing import resize
from course.errors import UsageError
from course.keras_types import Array
from course.regularization import augmentations as augment

# Streams of random numbers with the same seed and different purposes.
_ORDER, _AUGMENTATION = 0, 1

Batch = tuple[Array, Array]


class EpochPart(NamedTuple):
    """Steps of one epoch, from `start` up to but not including `stop`, all counted from 0."""

    epoch: int
    start: int
    stop: int

    @property
    def steps(self) -> range:
        """The steps' numbers."""
        return range(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class BatchSource:
    """Training batches in a new order every epoch; the examples left over are dropped.

    Args:
        images: uint8, (examples, height, width, channels).
        labels: integers, (examples,).
        classes: number of classes.
        batch_size: examples per step, over all devices.
        seed: of order and augmentation.
        augmentations: ``(name, *arguments)`` each.
        size: (height, width) to resize the images to first; None to leave them.

    Raises:
        UsageError: more examples in a batch than there are.

    Example:
        >>> images, labels = np.zeros((640, 8, 8, 1), "uint8"), np.zeros(640, int)
        >>> flip = (("flip",),)
        >>> source = BatchSource(images, labels, 10, batch_size=128, seed=0, augmentations=flip)
        >>> x, y = source.batch(epoch=3, step=4)
        >>> x.shape, y.shape
        ((128, 8, 8, 1), (128, 10))
    """

    images: Array
    labels: Array
    classes: int
    batch_size: int
    seed: int
    augmentations: tuple[tuple[Any, ...], ...] = ()
    size: tuple[int, int] | None = None
    order: Callable[[int], Array] = field(init=False, repr=False)  # of an epoch's examples

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= len(self.images):
            raise UsageError(
                f"batch_size must be 1 to {len(self.images)}, the number of training examples; "
                f"received batch_size={self.batch_size}. Set --batch-size."
            )
        if self.size == self.images.shape[1:3]:
            object.__setattr__(self, "size", None)
        object.__setattr__(self, "order", lru_cache(maxsize=2)(self._order))

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch."""
        return len(self.images) // self.batch_size

    def _order(self, epoch: int) -> Array:
        rng = np.random.default_rng([self.seed, _ORDER, epoch])
        return np.argsort(rng.random(len(self.images)), kind="stable")

    def examples(self, epoch: int, step: int) -> Array:
        """Return the positions of a batch's examples in the dataset."""
        start = step * self.batch_size
        return self.order(epoch)[start : start + self.batch_size]

    def batch(self, epoch: int, step: int) -> Batch:
        """Return images, uint8 or (after mixup) float32, and labels of shape (batch, classes)."""
        chosen = self.examples(epoch, step)
        images, labels = self.images[chosen], one_hot(self.labels[chosen], self.classes)
        if self.size:
            images = resize(images, self.size)
        rng = np.random.default_rng([self.seed, _AUGMENTATION, epoch, step])
        return augment.apply(self.augmentations, images, labels, rng)

    def batches(self, part: EpochPart) -> Iterator[Batch]:
        """Yield the batches of a part of an epoch, and make the next ones meanwhile."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            ahead: deque[Future[Batch]] = deque()
            for step in part.steps:
                ahead.append(threads.submit(self.batch, part.epoch, step))
                if len(ahead) > 2:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()


def one_hot(labels: Array, classes: int) -> Array:
    """Encode integer labels as float32 rows of shape (examples, classes).

    Raises:
        UsageError: a label that is not a class.
    """
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise UsageError(
            f"labels must be 0 to {classes - 1} for {classes} classes; received labels from "
            f"{labels.min()} to {labels.max()}."
        )
    return np.eye(classes, dtype="float32")[labels]


def color_statistics(images: Array) -> tuple[list[float], list[float]]:
    """Return the mean and standard deviation of each channel, of at most 10,000 images.

    Args:
        images: (examples, height, width, channels).
    """
    some = images[:: max(1, len(images) // 10_000)]
    mean = [float(some[..., c].mean(dtype="float64")) for c in range(images.shape[-1])]
    std = [float(some[..., c].std(dtype="float64")) for c in range(images.shape[-1])]
    return mean, [max(value, 1.0) for value in std]


def training_data(
    source: BatchSource, part: EpochPart, heads: int, *, static_batch: bool = False
) -> tuple[Any, int | None]:
    """Return a part of an epoch as ``model.fit`` takes it on this backend, and its steps.

    Args:
        source: makes the batches.
        part: which of them.
        heads: outputs of the model, which all get the same labels.
        static_batch: as :func:`dataset`.

    Returns:
        A ``tf.data.Dataset``, which knows its length (None), or an iterator and its steps.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        batches = source.batches(part)
        return ((x, (y,) * heads if heads > 1 else y) for x, y in batches), len(part.steps)
    data = dataset(source, part, static_batch=static_batch)
    if heads > 1:
        data = data.map(lambda x, y: (x, (y,) * heads))
    return data, None


def dataset(source: BatchSource, part: EpochPart, *, static_batch: bool = False) -> Any:
    """Return the batches of a part of an epoch as a ``tf.data.Dataset``, in their order.

    Args:
        source: makes the batches.
        part: which of them.
        static_batch: whether a step may know the batch size; see :func:`without_batch_size`.
    """
    import tensorflow as tf

    images, labels = source.batch(part.epoch, part.start)
    types = (images.dtype, labels.dtype)

    def make(step: int) -> Batch:
        return source.batch(part.epoch, int(step))

    def load(step: Any) -> tuple[Any, Any]:
        made = tf.numpy_function(make, [step], types, stateful=False)
        return made[0], made[1]

    shapes = [
        values.shape if static_batch else without_batch_size(values) for values in (images, labels)
    ]

    def shaped(*tensors: Any) -> tuple[Any, ...]:
        return tuple(map(tf.ensure_shape, tensors, shapes))

    options = tf.data.Options()
    # There is nothing to tune here, and some epochs end with a wait for the tuner's thread, which
    # sleeps longer and longer; docs/training.md has the numbers.
    options.autotune.enabled = False
    steps = tf.data.Dataset.range(part.start, part.stop)
    made = steps.map(load, num_parallel_calls=2, deterministic=True).map(shaped)
    return made.prefetch(2).with_options(options)


def without_batch_size(values: Array) -> tuple[int | None, ...]:
    """Return a batch's shape without the batch size, which a large training step must not know.

    Where TensorFlow can work out that a step's tensors take more than 80 % of a device's memory
    (256 MiB, it assumes, for a CPU), it adds gradients in the order of their arrival, and two runs
    differ.
    """
    return (None, *values.shape[1:])
