"""Figures about sizes: where a kernel fits, and receptive fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from course import sizing
from course.visualization.display import BLUE, GRAY, ORANGE, RED, SKY, canvas, with_alt_text
from course.visualization.looks import COLORS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = "#CFCFCF"  # of squares with black text on them, on a white page and on a dark one


def _squares(axis: Axes, y: float, values: Iterable[int], color: str, **style: Any) -> None:
    from matplotlib.patches import Rectangle

    for x in values:
        axis.add_patch(Rectangle((x + 0.06, y), 0.88, 0.8, color=color, **style))


def _slide(
    axis: Axes, size: int, kernel: int, stride: int, zeros: tuple[int, int], dilation: int = 1
) -> tuple[int, int]:
    """Draw the values of an axis, and below them the kernel at each place, one below the other.

    Returns:
        Number of places, and number of values left over after the last one.
    """
    before, after = zeros
    reach = dilation * (kernel - 1) + 1
    rest = before + size + after - reach
    starts = [n * stride - before for n in range(rest // stride + 1)]
    end = starts[-1] + reach if starts else size + after
    _squares(axis, 0, range(min(size, end)), PALE)
    _squares(axis, 0, range(min(size, end), size), RED, fill=False, hatch="////")
    padding = {*range(-before, 0), *range(size, size + after)}
    _squares(axis, 0, [x for x in padding if x < end], ORANGE, fill=False)
    _squares(axis, 0, [x for x in padding if x >= end], RED, fill=False, hatch="////")
    for x in range(size):
        ink = "black" if x < end else GRAY
        axis.text(x + 0.5, 0.38, str(x), ha="center", va="center", fontsize=8, color=ink)
    for row, start in enumerate(starts or [-before]):
        y, color = -1.1 * (row + 1), (BLUE if row % 2 else SKY) if starts else RED
        if dilation > 1:
            axis.plot([start + 0.5, start + reach - 0.5], [y + 0.4] * 2, color=color, linewidth=1)
        _squares(axis, y, range(start, start + reach, dilation), color)
    right = max(size + after, reach - before)
    rows = max(len(starts), 1)
    axis.set(xlim=(-before - 0.1, right + 0.1), ylim=(-1.1 * rows - 0.1, 1), anchor="N")
    axis.set_aspect("equal")
    axis.axis("off")
    return len(starts), max(rest, 0) % stride if starts else 0


def places(
    size: int = 7, kernel: int = 3, strides: Sequence[int] = (1,), padding: int = 0,
    dilation: int = 1,
) -> Figure:  # fmt: skip
    """Draw all places of a kernel along one axis, for one stride or several.

    Args:
        size: values along the axis.
        kernel: weights along it.
        strides: a panel for each.
        padding: zeros on each side.
        dilation: values from one weight to the next.
    """
    figure, axes = canvas(1, len(strides), size=(10, 3.6))
    reach, said = dilation * (kernel - 1) + 1, []
    for axis, stride in zip(axes.flat, strides, strict=True):
        found, left = _slide(axis, size, kernel, stride, (padding, padding), dilation)
        if not found:
            axis.set_title(f"a span of {reach} on {size + 2 * padding} values: no place")
            said.append(f"It spans {reach} values, which is too far: there is no place")
            continue
        axis.set_title(
            f"stride {stride}: ⌊({size} + 2·{padding} − {reach}) / {stride}⌋ + 1 = {found}"
        )
        rest = f"{left} {'value is' if left == 1 else 'values are'}" if left else "nothing is"
        said.append(f"At stride {stride}, it has {found} places, and {rest} left over")
    for axis in axes.flat:  # one scale, and no giants
        axis.set_ylim(min(-4.5, *(a.get_ylim()[0] for a in axes.flat)), 1)
    zeros = f" with zeros around it, {padding} on each side, as empty squares" if padding else ""
    holes = f", {dilation} values apart," if dilation > 1 else ""
    return with_alt_text(
        figure,
        f"A row of {size} values{zeros}, and below it a kernel of {kernel}{holes} at each of its "
        f"places, one under the other; what is left over is hatched. {'. '.join(said)}.",
    )


def geometry(panels: Mapping[str, tuple[int, int, int, tuple[int, int], int]]) -> Figure:
    """Draw all places of a kernel along one axis, for several kernels, without any formula.

    Args:
        panels: for each title the values, the kernel's weights, the stride, the zeros before and
            after, and the dilation.
    """
    rows, columns = 1, 1
    for size, kernel, stride, zeros, dilation in panels.values():
        columns = max(columns, size + sum(zeros) + 1)
        span = dilation * (kernel - 1) + 1
        rows = max(rows, sizing.conv_output_size(size + sum(zeros), span, stride))
    square = min(0.3, 9.5 / len(panels) / columns)  # inches
    size_of_all = (len(panels) * (columns * square + 0.1), 1.1 * square * (rows + 1) + 0.4)
    figure, axes = canvas(1, len(panels), size=size_of_all)
    said = []
    for axis, (name, (size, kernel, stride, zeros, dilation)) in zip(
        axes.flat, panels.items(), strict=True
    ):
        found, _ = _slide(axis, size, kernel, stride, zeros, dilation)
        axis.set_title(f"{name}: {_many(found, 'place')}")
        said.append(f"{name}, with {zeros[0]} and {_many(zeros[1], 'zero')}: {found}")
    for axis in axes.flat:  # one scale
        middle = sum(axis.get_xlim()) / 2
        axis.set_xlim(middle - columns / 2, middle + columns / 2)
        axis.set_ylim(-1.1 * rows - 0.1, 1)
    return with_alt_text(
        figure,
        "Rows of gray values, with zeros around them as empty squares, and below each row a "
        "kernel in blue at each of its places, one under the other. Number of places: "
        f"{'; '.join(said)}.",
    )


def two_paddings(size: int = 8, kernel: int = 3, stride: int = 2) -> Figure:
    """Draw Keras' "same" beside equal padding on both sides: the same size, different pixels."""
    from matplotlib.patches import Rectangle

    same = sizing.conv_output_size(size, kernel, stride, padding="same")
    zeros, half = max((same - 1) * stride + kernel - size, 0), (kernel - 1) // 2
    pairs = {"Keras' same": (zeros // 2, zeros - zeros // 2), f"padding {half}": (half, half)}
    figure, axes = canvas(1, 2, size=(10, 2.8))
    said = []
    for axis, (name, (before, after)) in zip(axes.flat, pairs.items(), strict=True):
        found, _ = _slide(axis, size, kernel, stride, (before, after))
        middles = [n * stride - before + half for n in range(found)]
        for row, x in enumerate(middles):
            corner = (x + 0.06, -1.1 * (row + 1))
            axis.add_patch(Rectangle(corner, 0.88, 0.8, color=RED))
            axis.text(x + 0.5, corner[1] + 0.38, str(x), ha="center", va="center", color="white")
        axis.set_title(f"{name}: {before} + {after} zeros, {found} values")
        places = ", ".join(map(str, middles))
        said.append(f"With {name}, {before} before and {after} after, they are {places}")
    return with_alt_text(
        figure,
        f"Twice a row of {size} values, numbered from 0, and under it the places of a kernel of "
        f"{kernel} at stride {stride}; the values under its middle are written on it in red. "
        f"{'. '.join(said)}.",
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def pyramid(stack: Sequence[tuple[int, int]]) -> Figure:
    """Draw what one value of the last layer depends on, layer by layer down to the image.

    Args:
        stack: (kernel, stride) of each layer, from the image on.
    """
    seen = [sizing.receptive_field(stack[layer:]) for layer in range(len(stack))] + [1]
    figure, axes = canvas(size=(10, 3.4))
    axis, edge = axes[0, 0], 1.5
    first, step = 0.0, 1  # of a layer's values that are seen: the first one's place, in pixels
    for layer, count in enumerate(seen):
        if layer:
            kernel, stride = stack[layer - 1]
            for value, weight in np.ndindex(count, kernel):
                below = first + step * (value * stride + weight)
                above = first + step * (value * stride + (kernel - 1) / 2)
                axis.plot([above, below], [layer - 0.15, layer - 0.85], color=SKY, linewidth=1)
            first, step = first + step * (kernel - 1) / 2, step * stride
        around = int((first + edge) // step)
        for value in range(-around, count + around):
            color, alpha = (BLUE, 1) if 0 <= value < count else (GRAY, 0.3)
            place = first + step * value
            axis.fill([place - 0.4, place + 0.4, place + 0.4, place - 0.4],
                      [layer - 0.13, layer - 0.13, layer + 0.13, layer + 0.13],
                      color=color, alpha=alpha, linewidth=0)  # fmt: skip
        axis.text(seen[0] + edge, layer, _many(count, "value"), va="center", color=GRAY)
    names = ["image", *(f"layer {n + 1}: {k}x{k}, stride {s}" for n, (k, s) in enumerate(stack))]
    axis.set(yticks=range(len(names)), yticklabels=names, xticks=[], ylim=(-0.4, len(stack) + 0.4))
    axis.set_xlim(-edge - 0.5, seen[0] + edge)
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    apart = f"neighbors are {_many(step, 'pixel')} apart"
    axis.set_title(f"a receptive field of {_many(seen[0], 'pixel')}; {apart}")
    down = ", ".join(f"{n} of {name.split(':')[0]}" for n, name in zip(seen, names, strict=True))
    return with_alt_text(
        figure,
        f"A pyramid of {len(stack)} layers, drawn along one axis, with lines from each value to "
        f"those that it is made of. Values that the one at the top depends on: {down}. "
        f"In the top layer, {apart}.",
    )


def growth(stacks: Mapping[str, Sequence[tuple[int, int]]]) -> Figure:
    """Draw the receptive field after each layer; a ring marks layers with a stride."""
    figure, axes = canvas(size=(8.5, 3.6))
    axis, said = axes[0, 0], []
    for (name, stack), color, marker in zip(stacks.items(), cycle(COLORS), cycle(MARKERS)):
        fields = [sizing.receptive_field(stack[: n + 1]) for n in range(len(stack))]
        numbers = range(1, len(stack) + 1)
        axis.plot(numbers, fields, color=color, marker=marker, markersize=4, label=name)
        strided = [(n, r) for n, r, (_, s) in zip(numbers, fields, stack, strict=True) if s > 1]
        if strided:
            axis.plot(*zip(*strided, strict=True), "o", markersize=9, fillstyle="none", color=color)
        said.append(f"{name} sees {fields[-1]} pixels after {len(stack)} layers")
    axis.set(xlabel="layers, poolings among them", ylabel="field (pixels)", ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(color=GRAY, alpha=0.2)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=GRAY, frameon=False)
    return with_alt_text(
        figure,
        f"Receptive fields against depth, with a ring around layers that have a stride: "
        f"{'; '.join(said)}. After each ring, a curve is steeper.",
    )
