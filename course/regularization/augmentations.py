"""Random augmentations of a batch of images in NumPy, drawn from a given generator.

The same generator gives the same images, so that what a batch looks like depends on its number
alone: a run that is resumed, or spread over several machines, sees the same images.
Images are uint8 or floats, from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from course.keras_types import Array
from course.regularization.components import noise_matrix
from course.regularization.geometric import rotate
from course.regularization.policies import auto_augment, rand_augment
from course.regularization.regions import GRAY, cutmix_sides, rectangles

Batch = tuple[Array, Array]  # images, and labels of shape (batch, classes)

_COLORS = noise_matrix(value_range=(0, 255))


def crop(images: Array, labels: Array, rng: np.random.Generator, padding: int) -> Batch:
    """Pad with the mean color and cut out a random part of the original size.

    Args:
        images: (batch, height, width, channels).
        labels: (batch, classes); not changed.
        rng: random number generator.
        padding: pixels on every side.

    Reference:
        Lee et al., "Deeply-supervised nets", 2015.
    """
    batch, height, width, channels = images.shape
    padded = np.empty((batch, height + 2 * padding, width + 2 * padding, channels), images.dtype)
    padded[...] = GRAY
    padded[:, padding : padding + height, padding : padding + width] = images
    out = np.empty_like(images)
    places = _integers(rng, 2 * padding + 1, (batch, 2))
    for picture, source, (y, x) in zip(out, padded, places, strict=True):
        picture[...] = source[y : y + height, x : x + width]
    return out, labels


def flip(images: Array, labels: Array, rng: np.random.Generator) -> Batch:
    """Mirror half of the images left to right."""
    turned = rng.random(len(images)) < 0.5
    images = images.copy()
    images[turned] = images[turned, :, ::-1]
    return images, labels


def resized_crop(images: Array, labels: Array, rng: np.random.Generator, smallest: float) -> Batch:
    """Cut out a part of random size and shape and scale it to the original size.

    Args:
        images, labels, rng: as :func:`crop`.
        smallest: least fraction of the image's area that a part has.

    Reference:
        Szegedy et al., "Going deeper with convolutions", 2015, section 6.
    """
    _, height, width, _ = images.shape
    out = np.empty_like(images)
    draws = rng.random((len(images), 4))
    for picture, source, (area, shape, y, x) in zip(out, images, draws, strict=True):
        scale = sqrt(smallest + area * (1 - smallest))
        stretch = sqrt(exp(log(3 / 4) + shape * log(16 / 9)))
        part = min(1.0, scale / stretch) * height, min(1.0, scale * stretch) * width
        picture[...] = _cut(source, y * (height - part[0]), x * (width - part[1]), *part)
    return out, labels


def crop_within(images: Array, labels: Array, rng: np.random.Generator, fraction: float) -> Batch:
    """Cut out a random part of fixed size and scale it to the original size.

    Args:
        images, labels, rng: as :func:`crop`.
        fraction: of the image's side, such as 0.875 for 224 out of 256.
    """
    _, height, width, _ = images.shape
    out = np.empty_like(images)
    for picture, source, (y, x) in zip(out, images, rng.random((len(images), 2)), strict=True):
        top, left = y * (1 - fraction) * height, x * (1 - fraction) * width
        picture[...] = _cut(source, top, left, fraction * height, fraction * width)
    return out, labels


def color_noise(images: Array, labels: Array, rng: np.random.Generator, stddev: float) -> Batch:
    """Add a random mixture of ImageNet's principal components of color; gray images stay the same.

    What :class:`course.regularization.PCAColorNoise` does.

    Args:
        images, labels, rng: as :func:`crop`.
        stddev: of the mixture's three normal coefficients.

    Reference:
        Krizhevsky et al., "ImageNet classification with deep CNNs", 2012, section 4.1.
    """
    draws = rng.normal(0, stddev, (len(images), 3)).astype("float32")
    if images.shape[-1] != 3:
        return images, labels
    return _as(images.dtype, images + (draws @ _COLORS)[:, None, None, :]), labels


def cutout(images: Array, labels: Array, rng: np.random.Generator, side: float) -> Batch:
    """Cover a square, which may be partly outside the image, with the mean color.

    What :class:`course.regularization.Cutout` does.

    Args:
        images, labels, rng: as :func:`crop`.
        side: of the square: pixels if at least 1, otherwise a fraction of the image's height.

    Reference:
        DeVries and Taylor, "Improved regularization with cutout", 2017, section 3.2.
    """
    count, height, width, _ = images.shape
    side = max(1, round(side if side >= 1 else side * height))
    covered = rectangles(np, (height, width), rng.random((count, 2)), (side, side))
    return np.where(covered, images.dtype.type(GRAY), images), labels


def random_erasing(
    images: Array, labels: Array, rng: np.random.Generator, chance: float, largest: float = 0.4
) -> Batch:
    """Fill a rectangle of some images with noise; it lies inside, and its shape varies.

    Args:
        images, labels, rng: as :func:`crop`.
        chance: probability that an image is changed, from 0 to 1.
        largest: largest fraction of the image's area that a rectangle has; the smallest is 0.02.

    Reference:
        Zhong et al., "Random erasing data augmentation", 2020, algorithm 1 with random values:
        areas from 0.02 on, height over width from 0.3 to 1 / 0.3.
    """
    images = images.copy()
    _, height, width, channels = images.shape
    for picture in (images[place] for place in np.flatnonzero(rng.random(len(images)) < chance)):
        while True:  # until one fits
            area, ratio, top, left = rng.random(4)
            area = (0.02 + area * (largest - 0.02)) * height * width
            ratio = 0.3 + ratio * (1 / 0.3 - 0.3)
            rows, columns = max(1, round(sqrt(area * ratio))), max(1, round(sqrt(area / ratio)))
            top, left = int(top * height), int(left * width)
            if top + rows <= height and left + columns <= width:
                break
        noise = _integers(rng, 256, (rows, columns, channels))
        picture[top : top + rows, left : left + columns] = noise
    return images, labels


def mixup(
    images: Array, labels: Array, rng: np.random.Generator, alpha: float, each_example: bool = False
) -> Batch:
    """Mix every image and label with those of another example.

    Args:
        images, labels, rng: as :func:`crop`; both are returned as float32.
        alpha: of the beta distribution of an image's own weight, greater than 0.
        each_example: whether each example has its own weight, as ``keras.layers.MixUp`` draws
            them; in the authors' code a batch has one.

    Reference:
        Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    """
    weight = rng.beta(alpha, alpha, (len(images) if each_example else 1, 1)).astype("float32")
    other = _order(rng, len(images))
    images, pixels = images.astype("float32"), weight[:, :, None, None]
    mixed = pixels * images + (1 - pixels) * images[other]
    return mixed, weight * labels + (1 - weight) * labels[other]


def cutmix(
    images: Array, labels: Array, rng: np.random.Generator, alpha: float, each_example: bool = False
) -> Batch:
    """Paste a rectangle of another example into each image; labels mix by area.

    What :class:`course.regularization.CutMix` does.

    Args:
        images, labels, rng: as :func:`crop`.
        alpha: of the beta distribution of the area that stays, greater than 0.
        each_example: whether each example has its own rectangle; in the authors' code a batch
            has one.

    Reference:
        Yun et al., "CutMix: regularization strategy to train strong classifiers", 2019.
    """
    count, size = len(images), images.shape[1:3]
    drawn = count if each_example else 1
    kept = rng.beta(alpha, alpha, (drawn, 1))
    moved = rectangles(np, size, rng.random((drawn, 2)), cutmix_sides(np, size, kept))
    other = _order(rng, count)
    weight = (1 - moved.mean(axis=(1, 2))).astype("float32")
    mixed = np.where(moved, images[other], images)
    return mixed, weight * labels + (1 - weight) * labels[other]


AUGMENTATIONS: dict[str, Callable[..., Batch]] = {
    function.__name__: function
    for function in (
        crop,
        flip,
        resized_crop,
        crop_within,
        rotate,
        color_noise,
        auto_augment,
        rand_augment,
        cutout,
        random_erasing,
        mixup,
        cutmix,
    )
}
# These exclude each other: one of them is drawn for each batch.
MIXES = ("mixup", "cutmix")


def apply(
    augmentations: Sequence[tuple[Any, ...]],
    images: Array,
    labels: Array,
    rng: np.random.Generator,
) -> Batch:
    """Apply augmentations in turn.

    Args:
        augmentations: ``(name, *arguments)`` each, with names of :data:`AUGMENTATIONS`.
        images, labels, rng: as :func:`crop`.

    Returns:
        images, float32 if labels are mixed by mixup; labels.
    """
    mixes = [entry for entry in augmentations if entry[0] in MIXES]
    chosen = mixes[int(rng.random() * len(mixes))] if mixes else None
    for entry in augmentations:
        if entry in mixes and entry is not chosen:
            continue
        name, *arguments = entry
        images, labels = AUGMENTATIONS[name](images, labels, rng, *arguments)
    return (images.astype("float32") if any(m[0] == "mixup" for m in mixes) else images), labels


def _cut(image: Array, top: float, left: float, height: float, width: float) -> Array:
    """Cut a part out of an image and scale it to the whole image's size."""
    from PIL import Image

    box = (left, top, left + width, top + height)
    size = image.shape[1::-1]
    # Pillow has floats only in images of one channel.
    is_color = image.shape[-1] == 3 and image.dtype == np.uint8
    bands = [image] if is_color else list(np.moveaxis(image, -1, 0))
    parts = [
        np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BILINEAR, box))
        for band in bands
    ]
    return parts[0] if is_color else np.stack(parts, -1)


def _integers(rng: np.random.Generator, stop: int, shape: tuple[int, ...]) -> Array:
    # Uniform numbers are the only stream that NumPy keeps the same across versions.
    return (rng.random(shape) * stop).astype(int)


def _order(rng: np.random.Generator, count: int) -> Array:
    return np.argsort(rng.random(count), kind="stable")


def _as(dtype: DTypeLike, images: Array) -> Array:
    if np.issubdtype(dtype, np.integer):
        images = np.rint(np.clip(images, 0, 255))
    return images.astype(dtype)
