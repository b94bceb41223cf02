"""Principal components of colors. Needs no Keras."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from course.errors import UsageError
from course.keras_types import Array

# Of the covariance of ImageNet's red, green and blue in [0, 1], as fb.resnet.torch gives them;
# each column of the vectors is one.
IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def color_components(
    images: ArrayLike, value_range: tuple[float, float] = (0, 1)
) -> tuple[Array, Array]:
    """Compute the principal components of the pixels' colors.

    Args:
        images: array of shape (..., channels).
        value_range: lowest and highest value a pixel can have.

    Returns:
        Eigenvalues of shape (channels,), the largest first, and eigenvectors of shape (channels,
        channels), one per column, of the covariance of the pixels on a scale from 0 to 1: the
        arguments of :class:`PCAColorNoise`.

    Example:
        >>> values, vectors = color_components([[0, 0], [1, 1]])
        >>> values.round(3).tolist(), abs(vectors[:, 0]).round(3).tolist()
        ([1.0, 0.0], [0.707, 0.707])
    """
    colors = np.asarray(images, "float64")
    pixels = colors.reshape(-1, colors.shape[-1]) / (value_range[1] - value_range[0])
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return values[::-1], vectors[:, ::-1]


def noise_matrix(
    eigenvalues: ArrayLike = IMAGENET_EIGENVALUES,
    eigenvectors: ArrayLike = IMAGENET_EIGENVECTORS,
    value_range: tuple[float, float] = (0, 1),
) -> Array:
    """Compute the matrix that turns AlexNet's normal draws, one per component, into colors.

    Args:
        eigenvalues, eigenvectors: as :func:`color_components` returns them; ImageNet's by default.
        value_range: lowest and highest value a pixel can have.

    Returns:
        float32 array of shape (components, channels).

    Raises:
        UsageError: if the eigenvectors are not a square with a column for each eigenvalue.

    Reference:
        Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
        networks", 2012, section 4.1.
    """
    values, vectors = np.array(eigenvalues, "float32"), np.array(eigenvectors, "float32")
    if values.ndim != 1 or vectors.shape != (len(values), len(values)):
        raise UsageError(
            "eigenvectors must be a square with a column for each eigenvalue; received "
            f"shapes {values.shape} and {vectors.shape}."
        )
    return (value_range[1] - value_range[0]) * values[:, None] * vectors.T
