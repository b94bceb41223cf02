"""Figures about convolution: where a kernel is, what it connects, and what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course.visualization.display import BLUE, GRAY, GREEN, ORANGE, RED, SKY, canvas, with_alt_text
from course.visualization.plots import draw_image, write_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_WEIGHTS = (BLUE, ORANGE, GREEN)


def connections(inputs: int = 7) -> Figure:
    """Draw units on a row of pixels: connected to all, to neighbors, and with shared weights."""
    figure, axes = canvas(1, 3, size=(10, 2.8), sharey=True)
    places = range(1, inputs - 1, 2)
    kinds = ("fully connected", "locally connected", "convolution")
    for axis, kind in zip(axes.flat, kinds, strict=True):
        links = 0
        for unit in places:
            seen = range(inputs) if kind == "fully connected" else range(unit - 1, unit + 2)
            for number, pixel in enumerate(seen):
                shared = kind == "convolution"
                color = _WEIGHTS[number] if shared else GRAY
                axis.plot([pixel, unit], [0, 1], color=color, linewidth=2 if shared else 0.9)
                links += 1
        weights = 3 if kind == "convolution" else links
        axis.plot(range(inputs), [0] * inputs, "s", color=SKY, markersize=11)
        axis.plot(places, [1] * len(places), "o", color=RED, markersize=11)
        axis.set_title(f"{kind}: {links} links, {weights} weights")
        axis.set(ylim=(-0.2, 1.2), yticks=[0, 1], yticklabels=["pixels", "units"], xticks=[])
        axis.tick_params(length=0)
        for side in axis.spines.values():
            side.set_visible(False)
    return with_alt_text(
        figure,
        f"Three drawings of {len(places)} units above a row of {inputs} pixels. Fully connected, "
        f"every unit has a line to every pixel, {inputs * len(places)} lines. Locally connected, "
        f"each unit has lines to three neighbors, {3 * len(places)} lines. In the convolution, the "
        "lines are the same, but have only three colors, left, middle and right: three weights, "
        "which all units share.",
    )


def sliding(image: ArrayLike, kernel: ArrayLike, row: int, column: int) -> Figure:
    """Draw a kernel at one place of an image, the products there, and the outputs so far.

    Args:
        image, kernel: arrays (height, width).
        row, column: the place.
    """
    from matplotlib.patches import Rectangle

    image, kernel = np.asarray(image), np.asarray(kernel)
    height, width = kernel.shape
    views = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    output = (views * kernel).sum(axis=(-1, -2))
    so_far = output.astype(float)
    so_far[row, column + 1 :], so_far[row + 1 :] = np.nan, np.nan
    products = views[row, column] * kernel
    figure, axes = canvas(1, 4, size=(10, 2.9), width_ratios=[1.3, 0.8, 0.8, 1.3])
    (picture, weights, here, result) = axes[0]
    draw_image(picture, image)
    corner = (column - 0.5, row - 0.5)
    picture.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=RED, linewidth=3))
    for axis, values in ((weights, kernel), (here, products)):
        draw_image(axis, values, signed=True)
        write_values(axis, np.round(values, 1), signed=True)
    draw_image(result, so_far, signed=True, top=float(np.abs(output).max()))
    frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=3)
    result.add_patch(frame)
    picture.set_title(f"the kernel at ({row}, {column})")
    weights.set_title("the kernel")
    here.set_title("pixel times weight")
    result.set_title(f"added up: {products.sum():.4g}")
    return with_alt_text(
        figure,
        f"An image with a frame of {height} by {width} pixels at row {row}, column {column}; the "
        f"kernel; the products of its weights and the pixels in the frame, whose sum is "
        f"{products.sum():.4g}; and the feature map, filled with such sums row by row up to that "
        "place, red where they are above 0 and blue below.",
    )


def feature_maps(images: ArrayLike, maps: ArrayLike, names: Sequence[str]) -> Figure:
    """Draw grayscale images, and the feature map of each filter.

    Args:
        images: array (examples, height, width).
        maps: array (examples, rows, columns, filters).
        names: of the filters.
    """
    images, maps = np.asarray(images), np.asarray(maps)
    rows, columns = len(images), 1 + len(names)
    figure, axes = canvas(rows, columns, size=(1.9 * columns, 1.7 * rows))
    for number, image in enumerate(images):
        draw_image(axes[number, 0], image)
        for filter_, axis in enumerate(axes[number, 1:]):
            draw_image(axis, maps[number, ..., filter_], signed=True)
    for axis, name in zip(axes[0], ("image", *names), strict=True):
        axis.set_title(name)
    return with_alt_text(
        figure,
        f"{len(images)} images in a column, and beside each of them {len(names)} feature maps "
        f"({', '.join(names)}): white where the filter finds nothing, red where the image looks "
        "like the filter, and blue where it looks like its opposite.",
    )


def variants(size: int = 9, kernel: int = 3) -> Figure:
    """Draw valid, full, same, strided and dilated: which places a kernel takes on a small image."""
    from matplotlib.patches import Rectangle

    kinds = (
        ("valid", 0, 1, 1),
        ("full", kernel - 1, 1, 1),
        ("same", (kernel - 1) // 2, 1, 1),
        ("stride 2, valid", 0, 2, 1),
        ("dilation 2, valid", 0, 1, 2),
    )
    figure, axes = canvas(1, len(kinds), size=(10, 2.6))
    said = []
    for axis, (name, zeros, strides, dilation) in zip(axes.flat, kinds, strict=True):
        reach = dilation * (kernel - 1) + 1
        outputs = (size + 2 * zeros - reach) // strides + 1
        for y, x in np.ndindex(size, size):
            axis.add_patch(Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, color=GRAY, alpha=0.3))
        for y, x in np.ndindex(size + 2 * zeros, size + 2 * zeros):
            if not (zeros <= x < size + zeros and zeros <= y < size + zeros):
                corner = (x - zeros + 0.06, y - zeros + 0.06)
                axis.add_patch(Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=ORANGE))
        for place, color in ((0, BLUE), (outputs - 1, GREEN)):
            for y, x in np.ndindex(kernel, kernel):
                left, top = (place * strides - zeros + dilation * at + 0.06 for at in (x, y))
                axis.add_patch(Rectangle((left, top), 0.88, 0.88, color=color, alpha=0.85))
        middles = strides * np.arange(outputs) - zeros + (reach - 1) / 2 + 0.5
        axis.plot(*np.meshgrid(middles, middles), ".", color=RED, markersize=3)
        edge = kernel - 1
        axis.set(xlim=(-edge - 0.1, size + edge + 0.1), ylim=(size + edge + 0.1, -edge - 0.1))
        axis.set_aspect("equal")
        axis.axis("off")
        axis.set_title(f"{name}\n{size}x{size} becomes {outputs}x{outputs}")
        said.append(f"{name} gives {outputs} by {outputs}")
    return with_alt_text(
        figure,
        f"Five times an image of {size} by {size} gray pixels with the first place of a kernel of "
        f"{kernel} by {kernel} in blue and the last one in green, and a dot in the middle of "
        f"every place: {'; '.join(said)}. Zeros around the image are empty orange squares. With "
        "dilation, a kernel's squares have gaps between them.",
    )


def as_matrix(matrix: ArrayLike, kernel: tuple[int, int]) -> Figure:
    """Draw the matrix of a convolution, in which each weight of the kernel has its own color.

    Args:
        matrix: array (outputs, inputs); an entry is 0, or n for the kernel's nth weight from 1.
        kernel: shape of the kernel.
    """
    matrix = np.asarray(matrix)
    figure, axes = canvas(size=(6.5, 4.2))
    axis = axes[0, 0]
    shown = np.ma.masked_equal(matrix, 0)
    axis.imshow(shown, cmap="turbo", interpolation="nearest")
    axis.set(xlabel=f"{matrix.shape[1]} pixels in", ylabel=f"{matrix.shape[0]} values out")
    axis.set(xticks=[], yticks=[])
    filled = int((matrix != 0).sum())
    axis.set_title(f"{filled:,} of {matrix.size:,} entries, {int(matrix.max())} different numbers")
    return with_alt_text(
        figure,
        f"The matrix of a convolution with a kernel of {kernel[0]} by {kernel[1]}: "
        f"{matrix.shape[0]} rows, one for each output, and {matrix.shape[1]} columns, one for each "
        "pixel. Nearly everything is empty; the entries lie on a few diagonals, each of one color "
        "throughout, as each weight of the kernel comes back in every row, shifted.",
    )


def fields(gradients: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Draw what a value in the middle sees: the gradient's size, relative to its largest value."""
    figure, axes = canvas(1, len(gradients), size=(10, 2.6))
    said = []
    for axis, gradient, title in zip(axes.flat, gradients, titles, strict=True):
        size = np.abs(np.asarray(gradient))
        shown = np.ma.masked_equal(size / size.max(), 0)
        axis.imshow(shown, cmap="viridis", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        for side in axis.spines.values():  # the image's frame
            side.set_visible(True)
        rows = np.flatnonzero(size.any(axis=1))
        extent = int(rows[-1] - rows[0] + 1)
        axis.set_title(f"{title}\nfield {extent}x{extent}")
        within = size.sum(axis=1).cumsum() / size.sum()
        half = int(np.searchsorted(within, 0.75) - np.searchsorted(within, 0.25)) + 1
        said.append(f"{title}: {extent} pixels wide, half of it within {half} rows in the middle")
    return with_alt_text(
        figure,
        "How strongly each pixel acts on one output value, as squares of color in the image's "
        f"frame, brighter where it acts more. {'; '.join(said)}.",
    )
