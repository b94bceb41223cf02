"""AlexNet's noise along the directions in which colors vary."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

# Of the covariance of ImageNet's red, green and blue in [0, 1], as fb.resnet.torch gives them;
# each column of the vectors is one.
IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def color_components(images, value_range: tuple[float, float] = (0, 1)):
    """The principal components of the pixels' colors.

    Args:
        images: array of shape (..., channels).
        value_range: lowest and highest value a pixel can have.

    Returns:
        Eigenvalues of shape (channels,), the largest first, and eigenvectors of shape (channels,
        channels), one a column, of the covariance of the pixels on a scale from 0 to 1: the
        arguments of :class:`PCAColorNoise`.
    """
    images = np.asarray(images, "float64")
    pixels = images.reshape(-1, images.shape[-1]) / (value_range[1] - value_range[0])
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return values[::-1], vectors[:, ::-1]


@keras.saving.register_keras_serializable(package="course")
class PCAColorNoise(layers.Layer):
    """Adds a random color to each image while training, more along directions of much variance.

    Each image gets the sum of the eigenvectors, each times its eigenvalue and a draw from a normal
    distribution, on all its pixels alike.

    Args:
        stddev: of the draws; the paper's 0.1.
        eigenvalues, eigenvectors: of the colors' covariance on a scale from 0 to 1, from
            :func:`color_components`; ImageNet's by default.
        value_range: lowest and highest value a pixel can have.
        seed: of the draws; None for a random one.

    Input shape: (batch, height, width, channels), or one image without the batch axis.
    Output shape: the same.

    Raises:
        ValueError: eigenvectors that are not a square with a column for each eigenvalue.

    Reference:
        Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
        networks", 2012, section 4.1.
    """

    def __init__(
        self,
        stddev: float = 0.1,
        eigenvalues=IMAGENET_EIGENVALUES,
        eigenvectors=IMAGENET_EIGENVECTORS,
        value_range: tuple[float, float] = (0, 1),
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        values, vectors = np.array(eigenvalues, "float32"), np.array(eigenvectors, "float32")
        if values.ndim != 1 or vectors.shape != (len(values), len(values)):
            raise ValueError(
                "eigenvectors must be a square with a column for each eigenvalue; received "
                f"shapes {values.shape} and {vectors.shape}."
            )
        self.stddev = stddev
        self.eigenvalues = values.tolist()
        self.eigenvectors = vectors.tolist()
        self.value_range = tuple(value_range)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._scaled = (value_range[1] - value_range[0]) * values[:, None] * vectors.T

    def call(self, inputs, training=False):
        if not training:
            return inputs
        # One draw for each image, or for the one image.
        shape = (*ops.shape(inputs)[:-3], 1, 1, len(self.eigenvalues))
        draw = keras.random.normal(shape, stddev=self.stddev, seed=self.seed_generator)
        color = ops.matmul(ops.cast(draw, "float32"), self._scaled)
        return inputs + ops.cast(color, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "stddev": self.stddev,
            "eigenvalues": self.eigenvalues,
            "eigenvectors": self.eigenvectors,
            "value_range": self.value_range,
            "seed": self.seed,
        }
