"""Regions of images that are cut out, or replaced by another image's.

Keras' ``RandomErasing`` keeps its rectangles inside of the image, and its ``CutMix`` mixes labels
by areas that are not those of the pixels it has moved. These layers draw the papers' squares, and
leave the rest to Keras: they work in a model, and in ``tf.data`` on whatever backend.
"""

from __future__ import annotations

import keras
from keras import layers


def _squares(backend, shape, sides, seed):
    """Pixels in a square around a random pixel, as far as it lies in the image.

    Args:
        backend: module with the operations to use.
        shape: (batch, height, width, channels) of the images.
        sides: height and width of the squares in pixels, each of shape (squares,) or a number.
        seed: generator of seeds.

    Returns:
        Tensor of booleans of shape (squares, height, width, 1).
    """
    inside = []
    for pixels, (count, side) in zip(shape[1:3], sides, strict=True):
        place = backend.numpy.arange(pixels, dtype="int32")[None]
        center = backend.random.randint((count, 1), 0, pixels, dtype="int32", seed=seed)
        start = center - side // 2
        inside.append((place >= start) & (place < start + side))
    rows, columns = inside
    return rows[:, :, None, None] & columns[:, None, :, None]


def _batch(backend, data):
    """Shape of the images with their batch axis, of a batch or of one image."""
    images = data["images"] if isinstance(data, dict) else data
    shape = backend.shape(images)
    return shape if len(shape) == 4 else (1, *shape)


@keras.saving.register_keras_serializable(package="course")
class Cutout(layers.RandomErasing):
    """Fills a square around a random pixel of each image, while training.

    The square may lie partly outside of the image: without that, the paper found, it helps less.
    Fill with the images' mean; that is zero after they were normalized.

    Args:
        size: height and width of the square in pixels: the paper's 16 for CIFAR-10, 8 for
            CIFAR-100 and 20 for SVHN.
        fill_value: what to fill the square with.
        seed: of the draws; None for a random one.

    Input shape: (batch, height, width, channels), or one image without the batch axis.
    Output shape: the same.

    Raises:
        ValueError: a size below 1.

    Reference:
        DeVries, Taylor, "Improved regularization of convolutional neural networks with cutout",
        2017, section 3.2.
    """

    def __init__(self, size: int = 16, fill_value: float = 0.0, seed: int | None = None, **kwargs):
        super().__init__(fill_value=fill_value, seed=seed, **kwargs)
        if size < 1:
            raise ValueError(f"size must be at least 1; received size={size}.")
        self.size = size

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape = _batch(self.backend, data)
        seed = seed or self._get_seed_generator(self.backend._backend)
        square = (shape[0], self.size)
        return {
            "apply_erasing": self.backend.numpy.ones((1,), dtype="bool"),
            "batch_masks": _squares(self.backend, shape, (square, square), seed),
            "fill_value": self.backend.cast(self.fill_value, self.compute_dtype),
        }

    def get_config(self):
        return layers.Layer.get_config(self) | {
            "size": self.size,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="course")
class CutMix(layers.CutMix):
    """Puts a rectangle of one image over another, and mixes their labels by its true area.

    The rectangle has the images' aspect and one minus lambda of their area, lambda drawn from
    Beta(alpha, alpha). It lies around a random pixel; what is outside of the image is cut off, and
    counts for neither label.

    Args:
        alpha: of the Beta distribution, more than 0; 1, the paper's, for all areas alike.
        each_example: whether each example has a rectangle of its own; in the authors' code a batch
            has one.
        seed: of the draws; None for a random one.

    Input shape: ``{"images": (batch, height, width, channels), "labels": (batch, classes)}``, the
        labels one-hot or mixed already.
    Output shape: the same.

    Raises:
        ValueError: an alpha that is not positive.

    Reference:
        Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
        features", 2019, equations 1 and 2, algorithm A1.
    """

    def __init__(
        self, alpha: float = 1.0, each_example: bool = False, seed: int | None = None, **kwargs
    ):
        super().__init__(seed=seed, **kwargs)
        if alpha <= 0:
            raise ValueError(f"alpha must be more than 0; received alpha={alpha}.")
        self.alpha = alpha
        self.each_example = each_example

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        backend = self.backend
        shape = _batch(backend, data)
        seed = seed or self._get_seed_generator(backend._backend)
        count = shape[0] if self.each_example else 1
        kept = backend.random.beta((count, 1), self.alpha, self.alpha, seed=seed)
        sides = [
            (count, backend.cast(backend.numpy.sqrt(1 - kept) * float_side, "int32"))
            for float_side in (backend.cast(side, "float32") for side in shape[1:3])
        ]
        masks = _squares(backend, shape, sides, seed)
        moved = backend.numpy.mean(backend.cast(masks, self.compute_dtype), axis=(1, 2, 3))
        order = backend.random.shuffle(backend.numpy.arange(shape[0], dtype="int32"), seed=seed)
        return {"permutation_order": order, "batch_masks": masks, "mix_weight": 1 - moved}

    def get_config(self):
        return layers.Layer.get_config(self) | {
            "alpha": self.alpha,
            "each_example": self.each_example,
            "seed": self.seed,
        }
