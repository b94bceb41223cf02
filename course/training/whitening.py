"""Filters of a first layer that whiten the training images' patches.

Reference:
    Page, "How to train your ResNet, 8: bag of tricks", 2019; Jordan 2024, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course.keras_types import Array, Model

EXAMPLES = 5000  # images whose patches are used
_EPSILON = 5e-4  # added to variances, so that weak components are not amplified


def filters(images: Array, patch: int) -> Array:
    """Return filters whose outputs are uncorrelated with variance one, and their negatives.

    They are the principal components of the patches, the largest first.

    Args:
        images: normalized colors, (examples, height, width, channels).
        patch: height and width of the patches.

    Returns:
        float32 of shape (patch, patch, channels, 2 patch² channels), a convolution's kernel.
    """
    images = np.asarray(images, "float32")
    windows = np.lib.stride_tricks.sliding_window_view(images, (patch, patch), (1, 2))
    channels = images.shape[-1]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, patch * patch * channels)
    variances, directions = np.linalg.eigh(np.cov(patches, rowvar=False).astype("float64"))
    # The sign is arbitrary, but has to be the same on all machines of a run.
    directions = directions * np.sign(np.arange(1, len(directions) + 1) @ directions)
    scaled = directions[:, ::-1] / np.sqrt(variances[::-1] + _EPSILON)
    kernel = np.concatenate([scaled, -scaled], 1).reshape(patch, patch, channels, -1)
    return kernel.astype("float32")


def fill(
    net: Model, layer: str, images: Array, mean: Sequence[float], std: Sequence[float]
) -> None:
    """Set a layer's kernel to these filters, if the network has this layer.

    Args:
        net: Keras model.
        layer: name of a convolution without bias.
        images: uint8, (examples, height, width, channels).
        mean, std: of the colors, as the network sees them normalized.
    """
    if layer not in {part.name for part in net.layers}:
        return
    colors = (images[:EXAMPLES].astype("float32") - mean) / std
    whitening = net.get_layer(layer)
    whitening.kernel.assign(filters(colors, whitening.kernel_size[0]))
