"""Figures about cost: parameters, multiply-adds and memory of layers and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from course import sizing
from course.visualization.display import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    canvas,
    with_alt_text,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# A kernel's color in all bars; its size is written on it as well.
_KERNELS = {"1x1": SKY, "3x3": PURPLE, "5x5": RED}


def doubled(channels: int, filters: int, kernel: int, size: int) -> Figure:
    """Draw what doubling one thing does to a layer's weights, MACs and output."""

    def counts(
        channels: int = channels, filters: int = filters, kernel: int = kernel, size: int = size,
        stride: int = 1, groups: int = 1,
    ) -> NDArray[Any]:  # fmt: skip
        outputs = sizing.conv_output_size(size, kernel, stride, padding="same")
        return np.array([
            sizing.conv_params(channels, filters, kernel, groups, use_bias=False),
            sizing.conv_macs(channels, filters, kernel, outputs, groups),
            sizing.activation_bytes((outputs, outputs, filters)),
        ])  # fmt: skip

    changes = {
        "twice the channels in": {"channels": 2 * channels},
        "twice the filters": {"filters": 2 * filters},
        "both": {"channels": 2 * channels, "filters": 2 * filters},
        "twice the kernel's sides": {"kernel": 2 * kernel},
        "twice the image's sides": {"size": 2 * size},
        "stride 2 instead of 1": {"stride": 2},
        "2 groups instead of 1": {"groups": 2},
    }
    factors = np.array([counts(**change) / counts() for change in changes.values()])
    figure, axes = canvas(size=(6.5, 3.4))
    axis = axes[0, 0]
    axis.imshow(np.log2(factors), cmap="RdBu_r", vmin=-4, vmax=4, aspect="auto", alpha=0.8)

    def written(factor: float) -> str:
        return f"× {factor:g}" if factor >= 1 else f"÷ {1 / factor:g}"

    for (row, column), factor in np.ndenumerate(factors):
        axis.text(column, row, written(factor), ha="center", va="center", color="black")
    axis.set(xticks=range(3), xticklabels=["weights", "MACs", "output"])
    axis.set(yticks=range(len(factors)), yticklabels=changes)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    said = "; ".join(
        f"{name}: {', '.join(map(written, row))}"
        for name, row in zip(changes, factors, strict=True)
    )
    return with_alt_text(
        figure, f"What changes in a layer, and what that does to weights, MACs and output: {said}."
    )


def cost(size: int, channels: int, filters: int, kernel: int, groups: int = 1) -> Figure:
    """Draw parameters, MACs and output values of a layer, as bars on a logarithmic axis."""
    counts = {
        "parameters": sizing.conv_params(channels, filters, kernel, groups),
        "MACs": sizing.conv_macs(channels, filters, kernel, size, groups),
        "values put out": size * size * filters,
    }
    figure, axes = canvas(size=(10, 2))
    axis = axes[0, 0]
    axis.barh(range(3), list(counts.values()), color=[ORANGE, GREEN, BLUE], height=0.6)
    for y, count in enumerate(counts.values()):
        axis.text(count * 1.2, y, f"{count:,}", va="center", color=GRAY)
    axis.set(xscale="log", xlim=(100, 1e13), yticks=range(3), yticklabels=counts)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    layer = f"{kernel}x{kernel}, {channels} to {filters} channels, on {size}x{size}"
    layer += f", in {groups} groups" if groups > 1 else ""
    axis.set_title(layer)
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return with_alt_text(figure, f"Bars on a logarithmic axis for a layer of {layer}: {said}.")


def connection_table(rows: Sequence[Sequence[int]], inputs: int) -> Figure:
    """Draw which input feature map each feature map of a layer sees.

    Args:
        rows: for each of the layer's feature maps the numbers of the input maps that it sees.
        inputs: number of input feature maps.
    """
    from matplotlib.patches import Rectangle

    figure, axes = canvas(size=(8, 2.9))
    axis = axes[0, 0]
    for column, seen in enumerate(rows):
        for row in range(inputs):
            style: dict[str, Any] = (
                {"color": BLUE} if row in seen else {"color": GRAY, "alpha": 0.15}
            )
            axis.add_patch(Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, linewidth=0, **style))
        axis.text(column + 0.5, inputs + 0.5, str(len(seen)), ha="center", va="center", color=GRAY)
    axis.text(len(rows) + 0.2, inputs + 0.5, "maps seen", va="center", color=GRAY)
    axis.set(xlim=(0, len(rows) + 2.2), ylim=(inputs + 1, 0), aspect="equal")
    axis.set(xticks=np.arange(len(rows)) + 0.5, xticklabels=range(len(rows)))
    axis.set(yticks=np.arange(inputs) + 0.5, yticklabels=range(inputs))
    axis.set_ylabel("input maps")
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    links = sum(map(len, rows))
    axis.set_title(f"{links} of {inputs * len(rows)} pairs of maps")
    counts = [sum(len(seen) == n for seen in rows) for n in range(inputs + 1)]
    said = ", ".join(f"{count} see {n}" for n, count in enumerate(counts) if count)
    return with_alt_text(
        figure,
        f"A grid of {inputs} input maps by {len(rows)} maps, filled where the one sees the other: "
        f"{said} of the {inputs}, which makes {links} pairs of {inputs * len(rows)}.",
    )


def where_it_lies(rows: Sequence[tuple[str, Sequence[int], int]]) -> Figure:
    """Draw a network's memory and weights, layer by layer.

    Args:
        rows: (name, output shape, weights) of each layer.
    """
    names, shapes, weights = zip(*rows, strict=True)
    values = [prod(shape) for shape in shapes]
    figure, axes = canvas(1, 2, size=(10, 0.8 + 0.21 * len(rows)), sharey=True)
    said = []
    for axis, what, counts, color in (
        (axes[0, 0], "values put out", values, BLUE), (axes[0, 1], "weights", weights, ORANGE)
    ):  # fmt: skip
        axis.barh(range(len(rows)), [count / 1e6 for count in counts], color=color)
        axis.set(title=f"{what}, millions", yticks=range(len(rows)), yticklabels=names)
        axis.tick_params(axis="y", length=0)
        for y, count in enumerate(counts):
            if count > 0.04 * sum(counts):
                axis.text(count / 1e6, y, f" {count / sum(counts):.0%}", va="center", color=GRAY)
        axis.margins(x=0.12)
        top = int(np.argmax(counts))
        half = int(np.searchsorted(np.cumsum(counts), sum(counts) / 2)) + 1
        said.append(
            f"Of the {what}, the most, {counts[top] / sum(counts):.0%}, are in {names[top]}, row "
            f"{top + 1}; the first {half} rows have half of them"
        )
    axes[0, 0].invert_yaxis()
    return with_alt_text(
        figure,
        f"Two bar charts beside each other, with a row for each of {len(rows)} layers from the "
        f"input down to the output. {'. '.join(said)}.",
    )


def stacked(modules: Mapping[str, Mapping[str, int]], unit: str) -> Figure:
    """Draw the cost of modules, as bars of their convolutions, each in the color of its kernel.

    Args:
        modules: for each name its convolutions, whose names begin with the kernel: "3x3, 192".
        unit: what is counted.
    """
    scale, word = (1e6, "millions") if max(map(_total, modules.values())) > 1e7 else (1e3, "1,000s")
    figure, axes = canvas(size=(10, 0.9 + 0.5 * len(modules)))
    axis, said = axes[0, 0], []
    top = max(map(_total, modules.values())) / scale
    for y, (name, costs) in enumerate(modules.items()):
        start = 0.0
        for label, count in costs.items():
            kernel, width = label[:3], count / scale
            axis.barh(y, width, left=start, color=_KERNELS[kernel], height=0.7, edgecolor="white")
            if width > 0.035 * top:
                axis.text(start + width / 2, y, kernel, ha="center", va="center", color="black")
            start += width
        axis.text(start + 0.01 * top, y, f"{start:,.4g}", va="center", color=GRAY)
        parts = ", ".join(f"{label}: {count / scale:,.4g}" for label, count in costs.items())
        said.append(f"{name} {start:,.4g} ({parts})")
    axis.set(yticks=range(len(modules)), yticklabels=modules, xlabel=f"{unit}, {word}")
    axis.set_xlim(0, 1.1 * top)
    for kernel, color in _KERNELS.items():
        if any(label.startswith(kernel) for costs in modules.values() for label in costs):
            axis.bar(0, 0, color=color, label=kernel)
    axis.legend(loc="lower right", labelcolor=GRAY, frameon=False)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    return with_alt_text(
        figure, f"Bars, made of one piece for each convolution, in {word} of {unit}: "
        f"{'; '.join(said)}."
    )  # fmt: skip


def _total(costs: Mapping[str, int]) -> int:
    return sum(costs.values())


def networks(rows: Sequence[tuple[str, int, int]]) -> Figure:
    """Draw networks by parameters and multiply-adds.

    Args:
        rows: (name, parameters, MACs).
    """
    figure, axes = canvas(size=(8.5, 4.4))
    axis = axes[0, 0]
    for name, params, macs in rows:
        axis.plot(params, macs, "o", color=BLUE, markersize=7)
        axis.annotate(name, (params, macs), xytext=(7, -3), textcoords="offset points", color=GRAY)
    counts = np.array([row[1:] for row in rows], dtype=float)
    axis.set(xscale="log", yscale="log", xlabel="parameters", ylabel="MACs for one image")
    low, high, top = counts[:, 0].min() / 2, counts[:, 0].max() * 4, counts[:, 1].max() * 3
    for uses in (1, 10, 100, 1000):
        end = min(high, top / uses)
        axis.plot([low, end], [low * uses, end * uses], color=SKY, linewidth=1, zorder=0)
        how_often = f" {uses} times" if uses > 1 else " used once"
        place: dict[str, Any] = (
            {"va": "center"} if end == high else {"va": "bottom", "ha": "center"}
        )
        axis.text(end, end * uses, how_often, color=GRAY, fontsize=9, **place)
    axis.set(xlim=(low, high), ylim=(counts[:, 1].min() / 3, top))
    said = "; ".join(f"{n}: {p:,} and {m:,}, {m / p:.0f} for each" for n, p, m in rows)
    return with_alt_text(
        figure,
        "A map of networks on logarithmic axes, parameters to the right and multiply-adds of one "
        f"image upwards, with lines where each parameter is used equally often. {said}.",
    )
