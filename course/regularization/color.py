"""AlexNet's noise along the directions in which colors vary."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

from course.keras_types import Shape, Tensor
from course.regularization.components import (
    IMAGENET_EIGENVALUES,
    IMAGENET_EIGENVECTORS,
    noise_matrix,
)


@keras.saving.register_keras_serializable(package="course")
class PCAColorNoise(layers.Layer):
    """Adds a random color to each image while training, more along directions of much variance.

    Each image gets the sum of the eigenvectors, each times its eigenvalue and a draw from a normal
    distribution, on all its pixels alike.

    Args:
        stddev: of the draws; the paper's 0.1.
        eigenvalues, eigenvectors: of the colors' covariance on a scale from 0 to 1, from
            :func:`course.regularization.color_components`; ImageNet's by default.
        value_range: lowest and highest value a pixel can have.
        seed: seed of the random numbers; None for a random one.

    Input shape: (batch, height, width, channels), or one image without the batch axis.
    Output shape: the same.

    Raises:
        UsageError: eigenvectors that are not a square with a column for each eigenvalue.

    Reference:
        Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
        networks", 2012, section 4.1.
    """

    def __init__(
        self,
        stddev: float = 0.1,
        eigenvalues: ArrayLike = IMAGENET_EIGENVALUES,
        eigenvectors: ArrayLike = IMAGENET_EIGENVECTORS,
        value_range: tuple[float, float] = (0, 1),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._matrix = noise_matrix(eigenvalues, eigenvectors, value_range)
        self.stddev = stddev
        self.eigenvalues = np.array(eigenvalues, "float32").tolist()
        self.eigenvectors = np.array(eigenvectors, "float32").tolist()
        self.value_range = tuple(value_range)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return inputs
        # One draw for each image, or for the one image.
        shape = (*ops.shape(inputs)[:-3], 1, 1, len(self.eigenvalues))
        draw = keras.random.normal(shape, stddev=self.stddev, seed=self.seed_generator)
        color = ops.matmul(ops.cast(draw, "float32"), self._matrix)
        return inputs + ops.cast(color, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "stddev": self.stddev,
            "eigenvalues": self.eigenvalues,
            "eigenvectors": self.eigenvectors,
            "value_range": self.value_range,
            "seed": self.seed,
        }
