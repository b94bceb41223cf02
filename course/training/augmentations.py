"""Random changes of a batch of images, in numpy, drawn from a generator that is handed in.

The same generator gives the same images, so that what a batch looks like depends on its number
alone: a run that is taken up again, or spread over several machines, sees the same pictures.
Regions have the uint8 or float values of the images, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np

# ImageNet's principal components of color, on the scale 0 to 255: Krizhevsky et al. 2012, as
# published with fb.resnet.torch.
_COLOR_DEVIATIONS = np.array([0.2175, 0.0188, 0.0045]) * 255
_COLOR_DIRECTIONS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def crop(images, labels, rng: np.random.Generator, padding: int):
    """Pad with the mean color and cut out at random, at the size there was.

    Args:
        images: (batch, height, width, channels).
        labels: (batch, classes); not changed.
        rng: where the random numbers come from.
        padding: pixels on every side.

    Reference:
        Lee et al., "Deeply-supervised nets", 2015.
    """
    batch, height, width, channels = images.shape
    padded = np.empty((batch, height + 2 * padding, width + 2 * padding, channels), images.dtype)
    padded[...] = 128
    padded[:, padding : padding + height, padding : padding + width] = images
    out = np.empty_like(images)
    places = _integers(rng, 2 * padding + 1, (batch, 2))
    for picture, source, (y, x) in zip(out, padded, places, strict=True):
        picture[...] = source[y : y + height, x : x + width]
    return out, labels


def flip(images, labels, rng: np.random.Generator):
    """Mirror half of the images left to right."""
    turned = rng.random(len(images)) < 0.5
    images = images.copy()
    images[turned] = images[turned, :, ::-1]
    return images, labels


def resized_crop(images, labels, rng: np.random.Generator, smallest: float):
    """Cut out a part of random size and shape and scale it to the size there was.

    Args:
        images, labels, rng: as :func:`crop`.
        smallest: share of the image's area that a part has at least.

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


def crop_within(images, labels, rng: np.random.Generator, share: float):
    """Cut out a part of fixed size at random and scale it to the size there was.

    Args:
        images, labels, rng: as :func:`crop`.
        share: of the image's side, such as 0.875 for 224 out of 256.
    """
    _, height, width, _ = images.shape
    out = np.empty_like(images)
    for picture, source, (y, x) in zip(out, images, rng.random((len(images), 2)), strict=True):
        top, left = y * (1 - share) * height, x * (1 - share) * width
        picture[...] = _cut(source, top, left, share * height, share * width)
    return out, labels


def lighting(images, labels, rng: np.random.Generator, deviation: float):
    """Add a random mixture of the principal components of color; gray images stay as they are.

    Args:
        images, labels, rng: as :func:`crop`.
        deviation: of the mixture's three normal coefficients.

    Reference:
        Krizhevsky et al., "ImageNet classification with deep CNNs", 2012, section 4.1.
    """
    coefficients = rng.normal(0, deviation, (len(images), 3)) * _COLOR_DEVIATIONS
    if images.shape[-1] != 3:
        return images, labels
    shift = (coefficients @ _COLOR_DIRECTIONS.T).astype("float32")
    return _as(images.dtype, images + shift[:, None, None, :]), labels


def cutout(images, labels, rng: np.random.Generator, side: float):
    """Cover a square with the mean color; at the edges a part of it lies outside.

    Args:
        images, labels, rng: as :func:`crop`.
        side: of the square: pixels if at least 1, otherwise a share of the image's height.

    Reference:
        DeVries and Taylor, "Improved regularization with cutout", 2017.
    """
    images = images.copy()
    _, height, width, _ = images.shape
    half = max(1, round((side if side >= 1 else side * height) / 2))
    for picture, (y, x) in zip(images, rng.random((len(images), 2)), strict=True):
        y, x = int(y * height), int(x * width)
        picture[max(0, y - half) : y + half, max(0, x - half) : x + half] = 128
    return images, labels


def mixup(images, labels, rng: np.random.Generator, alpha: float):
    """Mix every image and label with those of another example, in one proportion a batch.

    Args:
        images, labels, rng: as :func:`crop`; both come back as float32.
        alpha: of the beta distribution of the proportion, greater than 0.

    Reference:
        Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    """
    share = np.float32(rng.beta(alpha, alpha))
    other = _order(rng, len(images))
    images = images.astype("float32")
    mixed = share * images + (1 - share) * images[other]
    return mixed, share * labels + (1 - share) * labels[other]


def cutmix(images, labels, rng: np.random.Generator, alpha: float):
    """Paste a rectangle of another example into each image; labels mix by area.

    Args:
        images, labels, rng: as :func:`crop`.
        alpha: of the beta distribution of the area that stays, greater than 0.

    Reference:
        Yun et al., "CutMix: regularization strategy to train strong classifiers", 2019.
    """
    _, height, width, _ = images.shape
    side = sqrt(1 - rng.beta(alpha, alpha)) / 2
    y, x = rng.random(2)
    rows = slice(max(0, round((y - side) * height)), round(min(1, y + side) * height))
    columns = slice(max(0, round((x - side) * width)), round(min(1, x + side) * width))
    other = _order(rng, len(images))
    mixed = images.copy()
    mixed[:, rows, columns] = images[other, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    share = np.float32(1 - area / (height * width))
    return mixed, share * labels + (1 - share) * labels[other]


AUGMENTATIONS: dict[str, Callable] = {
    function.__name__: function
    for function in (crop, flip, resized_crop, crop_within, lighting, cutout, mixup, cutmix)
}
# These exclude each other: one of them is drawn for each batch.
MIXES = ("mixup", "cutmix")


def apply(steps, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
    """Apply augmentations in turn.

    Args:
        steps: ``(name, *arguments)`` each, with names of :data:`AUGMENTATIONS`.
        images, labels, rng: as :func:`crop`.

    Returns:
        images, float32 if labels are mixed by mixup; labels.
    """
    mixes = [step for step in steps if step[0] in MIXES]
    chosen = mixes[int(rng.random() * len(mixes))] if mixes else None
    for step in steps:
        if step in mixes and step is not chosen:
            continue
        name, *arguments = step
        images, labels = AUGMENTATIONS[name](images, labels, rng, *arguments)
    return (images.astype("float32") if any(m[0] == "mixup" for m in mixes) else images), labels


def _cut(image: np.ndarray, top: float, left: float, height: float, width: float) -> np.ndarray:
    """A part of an image, scaled to the whole image's size."""
    from PIL import Image

    box = (left, top, left + width, top + height)
    size = image.shape[1::-1]
    bands = [image] if image.shape[-1] == 3 else list(np.moveaxis(image, -1, 0))
    parts = [
        np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BILINEAR, box))
        for band in bands
    ]
    return parts[0] if image.shape[-1] == 3 else np.stack(parts, -1)


def _integers(rng: np.random.Generator, stop: int, shape) -> np.ndarray:
    # Uniform numbers are the one stream that numpy has kept the same from version to version.
    return (rng.random(shape) * stop).astype(int)


def _order(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.argsort(rng.random(count), kind="stable")


def _as(dtype, images: np.ndarray) -> np.ndarray:
    if np.issubdtype(dtype, np.integer):
        images = np.rint(np.clip(images, 0, 255))
    return images.astype(dtype)
