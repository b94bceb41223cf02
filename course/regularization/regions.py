"""Regions to cut out of images, computed from given random numbers. Needs no Keras.

NumPy functions and Keras layers draw in their own ways and share what follows from the draws. `xp`
is ``numpy``, or the ``numpy`` of one of Keras' backends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course.keras_types import Tensor

# The color of missing pixels: the middle of 0 to 255.
GRAY = 128


def rectangles(xp: Any, size: Sequence[Tensor], draws: Tensor, sides: Sequence[Tensor]) -> Tensor:
    """Mark the pixels in rectangles around random pixels, cut off at the image's border.

    A side of n pixels covers n of them, the first n // 2 above or to the left of the center.

    Args:
        xp: module of array functions.
        size: height and width of the images in pixels.
        draws: uniform numbers in [0, 1) of shape (rectangles, 2), which determine the centers.
        sides: height and width of the rectangles in whole pixels, each a number or of shape
            (rectangles, 1).

    Returns:
        Booleans of shape (rectangles, height, width, 1).

    Reference:
        DeVries, Taylor, "Improved regularization of convolutional neural networks with cutout",
        2017, section 3.2: a center anywhere, and what is outside is cut off.
    """
    inside = []
    for axis, (pixels, side) in enumerate(zip(size, sides, strict=True)):
        place = xp.arange(pixels, dtype="float32")[None]
        start = xp.floor(draws[:, axis : axis + 1] * pixels) - side // 2
        inside.append((place >= start) & (place < start + side))
    rows, columns = inside
    return rows[:, :, None, None] & columns[:, None, :, None]


def cutmix_sides(xp: Any, size: Sequence[Tensor], kept: Tensor) -> tuple[Tensor, ...]:
    """Compute height and width of CutMix's rectangle, which has the image's proportions.

    Args:
        xp: module of array functions.
        size: height and width of the images in pixels.
        kept: lambda, the fraction of the area to keep, of shape (rectangles, 1).

    Returns:
        Two arrays of whole numbers of the shape of `kept`.

    Reference:
        Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
        features", 2019, equation 2, rounded down as in algorithm A1.
    """
    return tuple(xp.floor(side * xp.sqrt(1 - kept)) for side in size)
