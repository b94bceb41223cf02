"""Augmentations that move pixels by more than a crop or a mirror does."""

from __future__ import annotations

import numpy as np

from course.errors import UsageError
from course.keras_types import Array
from course.regularization.regions import GRAY


def rotate(
    images: Array, labels: Array, rng: np.random.Generator, degrees: float, fill: int = GRAY
) -> tuple[Array, Array]:
    """Turn each image around its center by a random angle.

    Pixels are interpolated (bilinear); what comes from outside of the image is filled.

    Args:
        images: (batch, height, width, channels), uint8 or floats from 0 to 255.
        labels: (batch, classes); not changed.
        rng: random number generator.
        degrees: largest angle, to either side, from 0 to 180; angles are uniform.
        fill: the value from outside.

    Returns:
        Images of the same shape and type; labels.

    Raises:
        UsageError: degrees below 0 or above 180.

    Example:
        >>> pixels, classes = np.full((2, 5, 5, 1), 7, "uint8"), np.eye(2)
        >>> turned, _ = rotate(pixels, classes, np.random.default_rng(0), 30.0, fill=7)
        >>> bool((turned == pixels).all())
        True
    """
    if not 0 <= degrees <= 180:
        raise UsageError(f"degrees must be from 0 to 180; received degrees={degrees}.")
    angles = (2 * rng.random(len(images)) - 1) * degrees
    return turned(images, angles, fill), labels


def turned(images: Array, angles: Array, fill: int = GRAY) -> Array:
    """Turn images around their centers by given angles, counterclockwise.

    Args:
        images: as :func:`rotate`.
        angles: in degrees, one for each image.
        fill: the value from outside.

    Returns:
        Images of the same shape and type.
    """
    from PIL import Image

    out = np.empty_like(images)
    for picture, source, angle in zip(out, images, angles, strict=True):
        for channel in range(source.shape[-1]):
            band = source[..., channel]
            band = band if band.dtype == np.uint8 else band.astype("float32")
            image = Image.fromarray(np.ascontiguousarray(band))
            picture[..., channel] = np.asarray(
                image.rotate(float(angle), Image.Resampling.BILINEAR, fillcolor=fill)
            )
    return out
