"""Images scaled to one size, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course.keras_types import Array


def resize(images: Sequence[Array] | Array, size: tuple[int, int]) -> Array:
    """Scale images bilinearly; when shrinking, average all pixels that fall into a new one.

    Args:
        images: uint8, each of shape (height, width, channels), of one size or of several.
        size: (height, width) in pixels.

    Returns:
        uint8 array of shape (images, *size, channels).

    Example:
        >>> resize(np.zeros((5, 8, 8, 1), "uint8"), (4, 6)).shape
        (5, 4, 6, 1)
    """
    from PIL import Image

    def scaled(image: Array) -> Array:
        bands = np.moveaxis(image, -1, 0)
        parts = (Image.fromarray(np.ascontiguousarray(band)) for band in bands)
        resized = (part.resize(size[::-1], Image.Resampling.BILINEAR) for part in parts)
        return np.stack([np.asarray(part) for part in resized], -1)

    return np.stack([scaled(image) for image in images]) if len(images) else np.asarray(images)
