"""Plots that several lectures share: images, curves, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from course.visualization.display import (
    BLUE,
    GRAY,
    RED,
    canvas,
    with_alt_text,
)
from course.visualization.looks import looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def draw_image(
    axis: Axes, image: ArrayLike, *, signed: bool = False, top: float | None = None
) -> None:
    """Draw an image without ticks: gray or color, or, if signed, blue below 0 and red above."""
    image = np.asarray(image)
    image = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    limit = top if top is not None else float(np.max(np.abs(image), initial=1e-9))
    if image.ndim == 3:
        axis.imshow(np.clip(image, 0, 1) if image.dtype.kind == "f" else image)
    elif signed:
        axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    else:
        axis.imshow(image, cmap="gray", vmin=min(0, float(image.min())), vmax=limit)
    axis.set(xticks=[], yticks=[])
    for side in axis.spines.values():
        side.set_visible(False)


def write_values(axis: Axes, image: ArrayLike, *, signed: bool = False) -> None:
    """Write each pixel's value on it, dark on bright and bright on dark."""
    image = np.squeeze(np.asarray(image))
    top = max(float(np.abs(image).max()), 1e-9)
    for (row, column), value in np.ndenumerate(image):
        dark = abs(value) > 0.6 * top if signed else value < 0.5 * top
        color = "white" if dark else "black"
        axis.text(column, row, f"{value:g}", ha="center", va="center", color=color, fontsize=8)


def pictures(
    images: Sequence[ArrayLike], titles: Sequence[str], words: str, *,
    signed: Sequence[bool] | bool = False, columns: int = 0, values: bool = False,
) -> Figure:  # fmt: skip
    """Draw images side by side.

    Args:
        images: arrays (height, width), or (height, width, 1 or 3 channels).
        titles: one per image.
        words: the alt text.
        signed: for all or for each of them: 0 is white, below is blue, above is red.
        columns: images per row; 0 for all in one row.
        values: write each pixel's value on it.
    """
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    figure, axes = canvas(rows, columns, size=(min(10, 2.2 * columns), 2.3 * rows))
    signed = [signed] * len(images) if isinstance(signed, bool) else signed
    for axis in axes.flat[len(images) :]:
        axis.axis("off")
    for axis, image, title, sign in zip(axes.flat, images, titles, signed, strict=False):
        draw_image(axis, image, signed=sign)
        if values:
            write_values(axis, image, signed=sign)
        axis.set_title(title)
    return with_alt_text(figure, words)


def curves(
    x: Sequence[float], lines: Mapping[str, Sequence[float]], words: str, *, x_label: str,
    y_label: str, spread: Mapping[str, Sequence[float]] | None = None, **limits: Any,
) -> Figure:  # fmt: skip
    """Draw curves over one axis, in different colors and with different markers.

    Args:
        x: the points.
        lines: the values of each curve, by name.
        words: the alt text.
        x_label, y_label: labels of the axes.
        spread: uncertainty of the values of some curves, drawn as a band.
        limits: further properties of the axes: ``ylim=(0, 1)``.
    """
    figure, axes = canvas(size=(7.5, 3.4))
    axis = axes[0, 0]
    for (name, line), look in zip(lines.items(), looks(lines), strict=True):
        values = np.asarray(line, dtype=float)
        axis.plot(x, values, markersize=4, label=name, **look)
        if spread and name in spread:
            ends = (values - np.asarray(spread[name]), values + np.asarray(spread[name]))
            axis.fill_between(x, *ends, color=look["color"], alpha=0.15, linewidth=0)
    if all(isinstance(point, Integral) for point in x):
        axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(xlabel=x_label, ylabel=y_label, **limits)
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    return with_alt_text(figure, words)


def bars(
    rows: Mapping[str, Sequence[float]],
    words: str,
    *,
    label: str,
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the mean of several runs as a bar, with a standard error and a dot for each run.

    Args:
        rows: the numbers of the runs, by name; a standard error needs two.
        words: the alt text; the numbers are appended.
        label: what is measured.
        marks: a word to write beside a bar, by name.
    """
    figure, axes = canvas(size=(7.5, 0.5 + 0.42 * len(rows)))
    axis, said = axes[0, 0], []
    for place, (name, numbers) in enumerate(rows.items()):
        values = np.asarray(numbers, dtype=float)
        mean, several = values.mean(), len(values) > 1
        error = values.std(ddof=1) / len(values) ** 0.5 if several else None
        axis.barh(place, mean, color=BLUE, alpha=0.35, xerr=error, ecolor=RED, capsize=4)
        if several:
            axis.plot(values, [place] * len(values), "o", color=GRAY, markersize=4)
        mark = (marks or {}).get(name, "")
        end = max(values.max(), mean + (error or 0))
        axis.annotate(
            mark, (end, place), (8, 0), textcoords="offset points", va="center", color=GRAY
        )
        around = f" ± {error:.2g} ({len(values)} runs)" if several else ""
        said.append(f"{name} {mean:.3g}{around}{f', {mark}' if mark else ''}")
    axis.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel=label)
    axis.margins(x=0.12)
    axis.invert_yaxis()
    return with_alt_text(figure, f"{words} {label}: {'; '.join(said)}.")


def unrolled(images: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Draw grayscale images, and below each of them its rows strung together to a vector."""
    figure, axes = canvas(
        2, len(images), size=(3.3 * len(images), 3.2), gridspec_kw={"height_ratios": [6, 1]}
    )
    for column, (pixels, title) in enumerate(zip(images, titles, strict=True)):
        image = np.asarray(pixels)
        draw_image(axes[0, column], image)
        axes[0, column].set_title(title)
        draw_image(axes[1, column], np.repeat(image.reshape(1, -1), 3, axis=0))
        axes[1, column].set_aspect("auto")
        axes[1, column].set_xlabel(f"the same as {image.size} numbers in a row")
    first, last = np.ravel(images[0]), np.ravel(images[-1])
    same = float(np.corrcoef(first, last)[0, 1])
    return with_alt_text(
        figure,
        f"{len(images)} gray images ({', '.join(titles)}), and under each of them its rows strung "
        "together, a strip of light and dark stripes. To the eye the images show the same thing; "
        f"the stripes of the first and the last lie elsewhere, with a correlation of {same:.2f}.",
    )


def training_curves(
    histories: Mapping[str, Sequence[Sequence[float]]], words: str, *,
    x: Sequence[float] | None = None, x_label: str = "step", y_label: str = "training loss",
    **limits: Any,
) -> Figure:  # fmt: skip
    """Draw training curves: a thin line for each seed, and a thick one for their mean.

    Args:
        histories: curves of equal length, one per seed, by name.
        words: the alt text; the final values are appended.
        x: points of the curves; None to count from 1.
        x_label, y_label: labels of the axes.
        limits: further properties of the axes: ``yscale="log"``.
    """
    figure, axes = canvas(size=(7.5, 3.4))
    axis, said = axes[0, 0], []
    for (name, history), look in zip(histories.items(), looks(histories), strict=True):
        runs = np.atleast_2d(np.asarray(history, dtype=float))
        points = np.arange(1, runs.shape[1] + 1) if x is None else np.asarray(x)
        if len(runs) > 1:
            axis.plot(points, runs.T, color=look["color"], linewidth=0.7, alpha=0.4)
        axis.plot(
            points, runs.mean(axis=0), linewidth=2, label=name, markersize=5,
            markevery=max(1, len(points) // 8), **look,
        )  # fmt: skip
        ends = runs[:, -1]
        spread = f" ({ends.min():.3g} to {ends.max():.3g})" if len(runs) > 1 else ""
        said.append(f"{name} {ends.mean():.3g}{spread}")
    axis.set(xlabel=x_label, ylabel=y_label, **limits)
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    return with_alt_text(figure, f"{words} At the end the {y_label} is: {'; '.join(said)}.")
