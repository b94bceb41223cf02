"""Figures about normalization: which values share a mean and a deviation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from course.visualization.display import BLUE, GRAY, canvas, with_alt_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# For each normalization: whether all images share statistics, and how many channels do.
SHARING = {
    "batch": (True, 1), "layer": (False, 0), "instance": (False, 1), "group": (False, 2),
}  # fmt: skip


def shared_statistics(
    images: int = 4, channels: int = 6, sharing: Mapping[str, tuple[bool, int]] = SHARING
) -> Figure:
    """Draw for each normalization which feature maps share a mean and a deviation.

    Args:
        images: rows of squares.
        channels: columns of squares.
        sharing: by name, whether the images of a batch share statistics, and how many neighboring
            channels do; 0 for all of them.
    """
    figure, axes = canvas(1, len(sharing), size=(2.3 * len(sharing), 2.2))
    said = []
    for axis, (name, (over_images, width)) in zip(axes[0], sharing.items(), strict=True):
        together = np.zeros((images, channels), bool)
        together[slice(None) if over_images else slice(1), : width or channels] = True
        for row, column in np.ndindex(images, channels):
            marked = together[row, column]
            axis.add_patch(_square(column, row, filled=bool(marked)))
        axis.set(
            xlim=(-0.1, channels), ylim=(images, -0.1), title=name, xticks=[], yticks=[],
            xlabel="channels", aspect="equal",
        )  # fmt: skip
        for side in axis.spines.values():
            side.set_visible(False)
        said.append(f"{name}: {together.sum()} of them, {_words(over_images, width)}")
    axes[0, 0].set_ylabel("images")
    return with_alt_text(
        figure,
        f"A grid of squares for each normalization, {images} images by {channels} channels, each "
        "square a feature map with all its positions. Filled are those that share a mean and a "
        f"deviation with the first one. {'; '.join(said)}.",
    )


def _square(column: int, row: int, *, filled: bool) -> object:
    from matplotlib.patches import Rectangle

    color = BLUE if filled else "none"
    return Rectangle((column, row), 0.9, 0.9, facecolor=color, edgecolor=GRAY, linewidth=1)


def _words(over_images: bool, width: int) -> str:
    whose = "of all images" if over_images else "of one image"
    return f"{'all channels' if not width else f'{width} of the channels'} {whose}"
