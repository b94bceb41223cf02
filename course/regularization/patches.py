"""Layers that cut out regions of images, or replace them by regions of other images.

Keras' ``RandomErasing`` keeps its rectangles inside of the image, and its ``CutMix`` mixes labels
by areas that are not those of the pixels it has moved. These layers draw the papers' squares, and
leave the rest to Keras: they work in a model, and in ``tf.data`` on whatever backend.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from course import keras_compat
from course.errors import UsageError
from course.keras_types import Tensor
from course.regularization.regions import cutmix_sides, rectangles


def _batch(backend: Any, data: Any) -> tuple[Tensor, list[Tensor]]:
    """Return the number of images, and their height and width as float32."""
    images = data["images"] if isinstance(data, dict) else data
    *batch, height, width, _ = backend.shape(images)
    return batch[0] if batch else 1, [backend.cast(side, "float32") for side in (height, width)]


@keras.saving.register_keras_serializable(package="course")
class Cutout(layers.RandomErasing):
    """Fill a square around a random pixel of each image during training.

    The square may be partly outside the image: without that, the paper found, it helps less.
    Fill with the images' mean; that is zero after they were normalized.

    Args:
        size: height and width of the square in pixels: the paper's 16 for CIFAR-10, 8 for
            CIFAR-100 and 20 for SVHN.
        fill_value: what to fill the square with.
        seed: seed of the random numbers; None for a random one.

    Input shape: (batch, height, width, channels), or one image without the batch axis.
    Output shape: the same.

    Raises:
        UsageError: a size below 1.

    Reference:
        DeVries, Taylor, "Improved regularization of convolutional neural networks with cutout",
        2017, section 3.2.
    """

    def __init__(
        self, size: int = 16, fill_value: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fill_value=fill_value, seed=seed, **kwargs)
        if size < 1:
            raise UsageError(f"size must be at least 1; received size={size}.")
        self.size = size

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> dict[str, Tensor] | None:
        if not training:
            return None
        backend = self.backend
        count, size = _batch(backend, data)
        seed = seed or keras_compat.seed_generator(self)
        draws = backend.random.uniform((count, 2), dtype="float32", seed=seed)
        return {
            "apply_erasing": backend.numpy.ones((1,), dtype="bool"),
            "batch_masks": rectangles(backend.numpy, size, draws, (self.size, self.size)),
            "fill_value": backend.cast(self.fill_value, self.compute_dtype),
        }

    def get_config(self) -> dict[str, Any]:
        return layers.Layer.get_config(self) | {
            "size": self.size,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="course")
class CutMix(layers.CutMix):
    """Paste a rectangle of one image over another, and mix their labels by its true area.

    The rectangle has the images' aspect and one minus lambda of their area, lambda drawn from
    Beta(alpha, alpha). It lies around a random pixel; what is outside of the image is cut off, and
    counts for neither label.

    Args:
        alpha: of the Beta distribution, more than 0; 1, the paper's, for all areas alike.
        each_example: whether each example has its own rectangle; in the authors' code a batch
            has one.
        seed: seed of the random numbers; None for a random one.

    Input shape: ``{"images": (batch, height, width, channels), "labels": (batch, classes)}``, the
        labels one-hot or mixed already.
    Output shape: the same.

    Raises:
        UsageError: an alpha that is not positive.

    Reference:
        Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
        features", 2019, equations 1 and 2, algorithm A1.
    """

    def __init__(
        self, alpha: float = 1.0, each_example: bool = False, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if alpha <= 0:
            raise UsageError(f"alpha must be more than 0; received alpha={alpha}.")
        self.alpha = alpha
        self.each_example = each_example

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> dict[str, Tensor] | None:
        if not training:
            return None
        backend = self.backend
        batch, size = _batch(backend, data)
        seed = seed or keras_compat.seed_generator(self)
        count = batch if self.each_example else 1
        kept = backend.random.beta((count, 1), self.alpha, self.alpha, dtype="float32", seed=seed)
        draws = backend.random.uniform((count, 2), dtype="float32", seed=seed)
        masks = rectangles(backend.numpy, size, draws, cutmix_sides(backend.numpy, size, kept))
        moved = backend.numpy.mean(backend.cast(masks, "float32"), axis=(1, 2, 3))
        order = backend.random.shuffle(backend.numpy.arange(batch, dtype="int32"), seed=seed)
        return {
            "permutation_order": order,
            "batch_masks": masks,
            "mix_weight": backend.cast(1 - moved, self.compute_dtype),
        }

    def get_config(self) -> dict[str, Any]:
        return layers.Layer.get_config(self) | {
            "alpha": self.alpha,
            "each_example": self.each_example,
            "seed": self.seed,
        }
