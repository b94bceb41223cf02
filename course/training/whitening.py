"""A first layer's filters from the training images: their patches' principal components.

Reference:
    Page, "How to train your ResNet, 8: bag of tricks", 2019; Jordan 2024, section 3.1.
"""

from __future__ import annotations

import numpy as np

EXAMPLES = 5000  # images whose patches are looked at
_EPSILON = 5e-4  # added to variances of normalized colors, so that dark components stay small


def filters(images: np.ndarray, patch: int) -> np.ndarray:
    """Filters that make patches' values uncorrelated with variance one, and their negatives.

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
    # Algebra leaves the sign open; all machines of a run have to choose the same.
    directions = directions * np.sign(np.arange(1, len(directions) + 1) @ directions)
    scaled = directions[:, ::-1] / np.sqrt(variances[::-1] + _EPSILON)  # the largest first
    kernel = np.concatenate([scaled, -scaled], 1).reshape(patch, patch, channels, -1)
    return kernel.astype("float32")


def fill(net, layer: str, images: np.ndarray, mean, deviation) -> None:
    """Set a layer's kernel; nothing happens in a net that has no such layer.

    Args:
        net: Keras model.
        layer: name of a convolution without bias.
        images: uint8, (examples, height, width, channels).
        mean, deviation: of the colors, as the net sees them normalized.
    """
    if layer not in {part.name for part in net.layers}:
        return
    colors = (images[:EXAMPLES].astype("float32") - mean) / deviation
    whitening = net.get_layer(layer)
    whitening.kernel.assign(filters(colors, whitening.kernel_size[0]))
