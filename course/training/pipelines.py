"""Batches by number: which examples, and how they are changed, depends on the step alone.

That is what makes a run repeatable that was killed and taken up again: nothing about the order is
remembered, everything is computed from the seed, the epoch and the step. Needs numpy alone; the
last function hands the batches to ``tf.data``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from course.datasets.resizing import resize
from course.errors import UsageError
from course.regularization import augmentations as augment

# Streams of random numbers with the same seed and different purposes.
_ORDER, _AUGMENTATION = 0, 1


@dataclass(frozen=True, eq=False)
class BatchSource:
    """Training batches in a new order every epoch, the examples left over dropped.

    Args:
        images: uint8, (examples, height, width, channels).
        labels: integers, (examples,).
        classes: number of classes.
        batch_size: examples a step, over all devices.
        seed: of order and augmentation.
        augmentations: ``(name, *arguments)`` each.
        size: (height, width) to scale the images to first; None for none.

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

    images: np.ndarray
    labels: np.ndarray
    classes: int
    batch_size: int
    seed: int
    augmentations: tuple[tuple, ...] = ()
    size: tuple[int, int] | None = None
    order: object = field(init=False, repr=False)

    def __post_init__(self):
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

    def _order(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, _ORDER, epoch])
        return np.argsort(rng.random(len(self.images)), kind="stable")

    def examples(self, epoch: int, step: int) -> np.ndarray:
        """The positions of a batch's examples in the set."""
        start = step * self.batch_size
        return self.order(epoch)[start : start + self.batch_size]

    def batch(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Images, uint8 or (after mixup) float32, and float32 labels of shape (batch, classes)."""
        chosen = self.examples(epoch, step)
        images, labels = self.images[chosen], one_hot(self.labels[chosen], self.classes)
        if self.size:
            images = resize(images, self.size)
        rng = np.random.default_rng([self.seed, _AUGMENTATION, epoch, step])
        return augment.apply(self.augmentations, images, labels, rng)

    def batches(self, epoch: int, start: int, stop: int) -> Iterator[tuple]:
        """The batches of a part of an epoch, each made while the one before is used."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            ahead = deque()
            for step in range(start, stop):
                ahead.append(threads.submit(self.batch, epoch, step))
                if len(ahead) > 2:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Integers as rows with a one, float32 of shape (examples, classes).

    Raises:
        UsageError: a label that is not a class.
    """
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise UsageError(
            f"labels must be 0 to {classes - 1} for {classes} classes; received labels from "
            f"{labels.min()} to {labels.max()}."
        )
    return np.eye(classes, dtype="float32")[labels]


def color_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, of at most 10,000 images.

    Args:
        images: (examples, height, width, channels).
    """
    some = images[:: max(1, len(images) // 10_000)]
    mean = [float(some[..., c].mean(dtype="float64")) for c in range(images.shape[-1])]
    deviation = [float(some[..., c].std(dtype="float64")) for c in range(images.shape[-1])]
    return mean, [max(d, 1.0) for d in deviation]


def without_batch_size(values: np.ndarray) -> tuple[int | None, ...]:
    """A batch's shape without the number of examples, which a large training step must not know.

    Where TensorFlow can work out that a step's tensors take more than 80 % of a device's memory
    (for a CPU it says 256 MiB), it adds gradients up in the order in which they come: two runs
    differ.
    """
    return (None, *values.shape[1:])


def dataset(source: BatchSource, epoch: int, start: int, stop: int, *, static_batch: bool = False):
    """The batches of a part of an epoch as a ``tf.data.Dataset``, in their order.

    Args:
        source: makes the batches.
        epoch: from 0.
        start, stop: of the epoch's steps.
        static_batch: whether a step may know the batch size; see :func:`without_batch_size`.
    """
    import tensorflow as tf

    images, labels = source.batch(epoch, start)
    types = (images.dtype, labels.dtype)

    def load(step):
        made = tf.numpy_function(
            lambda n: source.batch(epoch, int(n)), [step], types, stateful=False
        )
        return made[0], made[1]

    shapes = [part.shape if static_batch else without_batch_size(part) for part in (images, labels)]

    def shaped(*parts):
        return tuple(map(tf.ensure_shape, parts, shapes))

    options = tf.data.Options()
    # There is nothing to tune here, and at the end some epochs wait for the tuner's thread, which
    # sleeps longer and longer; docs/training.md has how long.
    options.autotune.enabled = False
    steps = tf.data.Dataset.range(start, stop)
    made = steps.map(load, num_parallel_calls=2, deterministic=True).map(shaped)
    return made.prefetch(2).with_options(options)
