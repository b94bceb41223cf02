"""Figures on efficient networks: shuffled channels, rooflines, projected curves, gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course.visualization.display import BLUE, GRAY, GREEN, canvas, with_alt_text
from course.visualization.looks import COLORS, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def shuffle(channels: int, groups: int, order: Sequence[int]) -> Figure:
    """Draw channels as squares, in a color for each group, before and after a shuffle.

    Args:
        channels: how many there are.
        groups: of so many channels each; divides `channels`, and is at most 5.
        order: the old number of each new channel.
    """
    from matplotlib.patches import Rectangle

    part = channels // groups
    figure, axes = canvas(size=(min(9, 0.6 * channels + 1.6), 2.3))
    axis = axes[0, 0]
    for row, numbers in ((1.6, range(channels)), (0.0, order)):
        for place, number in enumerate(numbers):
            x = place + 0.35 * (place // part)  # a gap between groups
            color = COLORS[number // part]
            axis.add_patch(Rectangle((x, row), 0.9, 0.55, color=color, linewidth=0))
            ink = "white" if color in (BLUE, GREEN) else "black"
            axis.text(x + 0.45, row + 0.27, str(number), ha="center", va="center", color=ink)
            if row == 0:
                old = number + 0.35 * (number // part)
                ends = ([old + 0.45, x + 0.45], [1.57, 0.58])
                axis.plot(*ends, color=color, linewidth=1.2)
    for row, name in ((1.87, "before"), (0.27, "after")):
        axis.text(-0.3, row, name, ha="right", va="center", color=GRAY)
    axis.set(xlim=(-2, channels + 0.35 * groups), ylim=(-0.1, 2.3))
    axis.axis("off")
    new = "; ".join(
        ", ".join(map(str, order[start : start + part])) for start in range(0, channels, part)
    )
    return with_alt_text(
        figure,
        f"{channels} numbered channels in {groups} groups, with a line from where each was to "
        f"where it is after the shuffle. The new groups have the old channels {new}.",
    )


def spirals(curve: ArrayLike, projected: Mapping[str, ArrayLike]) -> Figure:
    """Draw a curve in the plane, and what is left of it after each of some maps.

    Args:
        curve: points (n, 2).
        projected: points (n, 2) by title.
    """
    panels = {"the curve": np.asarray(curve)} | {k: np.asarray(v) for k, v in projected.items()}
    figure, axes = canvas(1, len(panels), size=(min(10, 2.1 * len(panels)), 2.3))
    for axis, (title, points) in zip(axes[0], panels.items(), strict=True):
        axis.scatter(*points.T, c=np.linspace(0, 1, len(points)), cmap="viridis", s=6)
        axis.set(xticks=[], yticks=[], title=title)
        axis.set_aspect("equal", adjustable="datalim")
        for side in axis.spines.values():
            side.set_visible(False)
    return with_alt_text(
        figure,
        "A spiral of points, and the same points after a random map to more dimensions, a ReLU, "
        f"and the best linear way back, for: {', '.join(projected)}. With few dimensions large "
        "parts of the spiral collapse onto lines or a point; with many it comes back.",
    )


def roofline(
    points: Mapping[str, Sequence[tuple[float, float]]], peak: float, bandwidth: float
) -> Figure:
    """Draw measured layers under the limits of a machine, on logarithmic axes.

    Args:
        points: by kind of layer, pairs of multiply-adds per byte and 10^9 multiply-adds per second.
        peak: the most multiply-adds per second that were measured, in 10^9.
        bandwidth: the most bytes per second that were measured, in 10^9.
    """
    figure, axes = canvas(size=(7.5, 3.8))
    axis = axes[0, 0]
    every = [x for kind in points.values() for x, _ in kind]
    grid = np.geomspace(min(every) / 2, max(every) * 2, 60)
    roof = np.minimum(peak, bandwidth * grid)
    axis.plot(grid, roof, color=GRAY, linewidth=1.5, label="roof")
    for (name, kind), look in zip(points.items(), looks(points), strict=True):
        axis.plot(*zip(*kind, strict=True), label=name, markersize=6, **look | {"linestyle": ""})
    axis.set(
        xscale="log", yscale="log", xlabel="multiply-adds per byte that is moved",
        ylabel="10⁹ multiply-adds per second",
    )  # fmt: skip
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_formatter("{x:g}")
        scale.set_minor_formatter("")
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    said = "; ".join(
        f"{name} {', '.join(f'{y:.3g} at {x:.2g}' for x, y in kind)}"
        for name, kind in points.items()
    )
    return with_alt_text(
        figure,
        "Layers as points, with multiply-adds per byte to the right and billions of multiply-adds "
        f"per second upwards, under a roof that rises to {peak:.3g} and stays there: {said}.",
    )


def gates(values: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """Draw the gates of squeeze-and-excitation blocks as bands: a row for each class.

    Args:
        values: by title, arrays (classes, channels) of mean gates from 0 to 1.
        names: of the classes.
    """
    figure, axes = canvas(len(values), 1, size=(7.5, 0.75 + 1.3 * len(values)))
    said = []
    for axis, (title, rows) in zip(axes[:, 0], values.items(), strict=True):
        rows = np.asarray(rows)
        image = axis.imshow(rows, aspect="auto", cmap="viridis", vmin=0, vmax=1)
        _bare(axis, names)
        axis.set(title=title, xticks=[])
        said.append(f"{title}: {rows.std(axis=0).mean():.3f}")
    axes[-1, 0].set_xlabel("channels")
    bar = figure.colorbar(image, ax=axes[:, 0].tolist(), shrink=0.9)
    bar.set_label("gate", color=GRAY)
    return with_alt_text(
        figure,
        f"Mean gates of each channel as colors, a row for each of {', '.join(names)}. Deviation "
        f"between classes, mean over the channels: {'; '.join(said)}.",
    )


def _bare(axis: Axes, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), names, fontsize=8)
    for side in axis.spines.values():
        side.set_visible(False)


def factors(published: Mapping[str, Sequence[float]], rule: Sequence[float]) -> Figure:
    """Draw, for each network, the exponent that each of its factors stands for.

    Args:
        published: three exponents (by depth, width, resolution) by network.
        rule: the exponents that the rule would give, one for each network.
    """
    figure, axes = canvas(size=(7.5, 3.4))
    axis, places = axes[0, 0], np.arange(len(published))
    kinds = ("by depth", "by width", "by resolution")
    lines = zip(*published.values(), strict=True)
    for kind, values, look in zip(kinds, lines, looks(kinds), strict=True):
        axis.plot(places, values, markersize=6, label=kind, **look)
    axis.plot(places, rule, color=GRAY, linestyle=":", label="φ = number of the net")
    axis.set_xticks(places, list(published))
    axis.set_ylabel("φ")
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    said = "; ".join(
        f"{name} {', '.join(f'{v:.1f}' for v in row)}" for name, row in published.items()
    )
    return with_alt_text(
        figure,
        "For each network the exponents that its depth, its width and its resolution stand for, "
        f"as three lines, with a dotted line for "
        f"the number of the net: {said}.",
    )
