"""Figures about residual networks: shortcuts, stages, and what blocks contribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course.visualization.display import (
    BLUE,
    GRAY,
    SKY,
    canvas,
    with_alt_text,
)
from course.visualization.looks import looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray


def shortcuts(values: ArrayLike, made: Mapping[str, ArrayLike]) -> Figure:
    """Draw what each kind of shortcut turns the channels of its input into.

    Args:
        values: array (height, width, channels), before the shortcut.
        made: for each kind an array (rows, columns, new channels).
    """
    from course.visualization.plots import draw_image

    maps = {"x": np.asarray(values)} | {name: np.asarray(m) for name, m in made.items()}
    columns = max(m.shape[-1] for m in maps.values())
    figure, axes = canvas(len(maps), columns, size=(1.5 * columns + 1, 1.55 * len(maps)))
    said = []
    for row, (name, tensor) in zip(axes, maps.items(), strict=True):
        empty = 0
        for channel, axis in enumerate(row):
            if channel >= tensor.shape[-1]:
                axis.axis("off")
                continue
            draw_image(axis, tensor[..., channel], signed=True)
            for side in axis.spines.values():
                side.set_visible(True)
            if not tensor[..., channel].any():
                axis.set_xlabel("zeros")
                empty += 1
        row[0].set_ylabel(name)
        height, width, channels = tensor.shape
        zeros = f", {empty} of them all zeros" if empty else ""
        said.append(f"{name}: {channels} feature maps of {height}x{width}{zeros}")
    return with_alt_text(
        figure,
        f"Rows of feature maps, red above 0 and blue below. {'; '.join(said)}. Shortcut A shows "
        "the input's maps at half the size, then empty ones; in B each map is a mixture of the "
        "input's maps.",
    )


def pixels_seen(masks: Mapping[str, NDArray[np.bool_]]) -> Figure:
    """Draw which pixels of its input a block uses, as measured by gradients.

    Args:
        masks: for each block an array (height, width), True where there is a gradient.
    """
    from matplotlib.patches import Rectangle

    figure, axes = canvas(1, len(masks), size=(2.6 * len(masks), 2.9))
    said = []
    for axis, (name, mask) in zip(axes.flat, masks.items(), strict=True):
        height, width = np.shape(mask)
        for (y, x), seen in np.ndenumerate(mask):
            color, alpha = (BLUE, 0.9) if seen else (GRAY, 0.15)
            corner = (x + 0.08, height - 1 - y + 0.08)
            axis.add_patch(Rectangle(corner, 0.84, 0.84, color=color, alpha=alpha, linewidth=0))
        part = float(np.mean(mask))
        axis.set(xlim=(0, width), ylim=(0, height), aspect="equal", xticks=[], yticks=[])
        axis.set_title(f"{name}\nsees {part:.0%}")
        said.append(f"{name} {part:.0%}")
        for side in axis.spines.values():
            side.set_visible(False)
    return with_alt_text(
        figure,
        f"Squares of {height} by {width} pixels, blue where the block's output depends on the "
        f"pixel. It sees: {'; '.join(said)}. Where it is a quarter, every second pixel of every "
        "second row is blue.",
    )


def stages(rows: Sequence[tuple[str, int, int, int]]) -> Figure:
    """Draw a network's stages: sizes and numbers of feature maps, and what they cost.

    Args:
        rows: name, size of the feature maps, channels and multiply-adds of each stage.
    """
    from matplotlib.patches import Rectangle

    figure, axes = canvas(1, 2, size=(9.5, 3.2), width_ratios=[1.5, 1])
    picture, bars = axes[0]
    left = 0.0
    top = max(size for _, size, _, _ in rows)
    for name, size, channels, _ in rows:
        width = 0.6 + channels / 512
        picture.add_patch(Rectangle((left, (top - size) / 2), width, size, color=SKY))
        picture.text(left + width / 2, top * 1.08, name, ha="center", fontsize=9, color=GRAY)
        picture.text(
            left + width / 2, -top * 0.14, f"{size}x{size}\n{channels}", ha="center", fontsize=9,
            color=GRAY, va="center",
        )  # fmt: skip
        left += width + 0.7
    picture.set(xlim=(-0.2, left), ylim=(-0.3 * top, 1.2 * top))
    picture.axis("off")
    names = [name for name, *_ in rows]
    macs = [count / 1e9 for *_, count in rows]
    bars.barh(names[::-1], macs[::-1], color=SKY)
    bars.set(xlabel="multiply-adds (billions)")
    said = "; ".join(
        f"{name}: {size}x{size}, {channels} channels, {count / 1e9:.2f} billion"
        for name, size, channels, count in rows
    )
    return with_alt_text(
        figure,
        "On the left a row of bars, each as high as the feature maps of a stage and wider for more "
        "channels: they get lower and wider. On the right the multiply-adds of each stage. "
        f"{said}.",
    )


def without_each_block(
    names: Sequence[str],
    accuracies: Mapping[str, Sequence[float]],
    whole: Mapping[str, float],
) -> Figure:
    """Draw the accuracy of trained networks without one block at a time.

    Args:
        names: of the blocks, from the first to the last.
        accuracies: for each network the accuracy without each block; NaN where it cannot be.
        whole: for each network the accuracy with all its blocks.
    """
    figure, axes = canvas(size=(8.5, 3.4))
    axis, said = axes[0, 0], []
    places = np.arange(len(names))
    for (name, found), look in zip(accuracies.items(), looks(accuracies), strict=True):
        values = np.asarray(found, dtype=float)
        axis.axhline(whole[name], color=look["color"], linestyle="--", linewidth=1)
        axis.plot(places, values, **look | {"linestyle": ""}, markersize=7, label=name)
        there = values[~np.isnan(values)]
        said.append(
            f"{name} {whole[name]:.2f} as a whole, {there.min():.2f} to {there.max():.2f} without "
            f"one of {len(there)} blocks, with a median of {np.median(there):.2f}"
        )
    axis.set_xticks(places, names, rotation=45, ha="right")
    axis.set(ylim=(0, 1.03), ylabel="accuracy", xlabel="the block that was taken out")
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    return with_alt_text(
        figure,
        "A point for each block that was taken out of a trained network, and a dashed line for "
        f"the whole network. Accuracy: {'; '.join(said)}.",
    )
