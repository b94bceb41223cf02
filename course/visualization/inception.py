"""Diagrams of modules with parallel branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course.visualization.display import GRAY, GREEN, ORANGE, SKY, canvas, with_alt_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Branches = Sequence[Sequence[str]]


def _color(text: str) -> str:
    """Color of a step's frame: convolutions of 1x1, larger ones, and pooling."""
    if text.startswith(("max", "mean")):
        return GREEN
    return ORANGE if text.startswith("1x1") else SKY


def _box(axis: Axes, x: float, y: float, text: str, color: str, width: float = 0.86) -> None:
    from matplotlib.patches import FancyBboxPatch

    frame = FancyBboxPatch(
        (x - width / 2, y - 0.26), width, 0.52, boxstyle="round,pad=0.04", facecolor="white",
        edgecolor=color, linewidth=2,
    )  # fmt: skip
    axis.add_patch(frame)
    axis.text(x, y, text, ha="center", va="center", color="black", fontsize=9)


def _module(axis: Axes, branches: Branches, deepest: int) -> None:
    """Draw one module, from its input at the top to the join below."""
    middle, end = (len(branches) - 1) / 2, -(deepest + 1)
    for x, branch in enumerate(branches):
        axis.plot([middle, x, x, middle], [0, -0.6, end + 0.6, end], color=GRAY, zorder=0)
        for number, step in enumerate(branch):
            # A branch of one step stands below, where the larger kernels are.
            y = -1 - number - (deepest - len(branch))
            _box(axis, x, y, step, _color(step))
    _box(axis, middle, 0, "input", GRAY)
    _box(axis, middle, end, "join", GRAY)


def modules(rows: Mapping[str, Branches]) -> Figure:
    """Draw modules of parallel branches side by side.

    Args:
        rows: the branches of each module, from left to right, each a sequence of its steps such as
            "1x1", "5x5" or "max 3x3", from top to bottom; by the module's name.

    Returns:
        The figure. Frames of 1x1 convolutions, larger convolutions and pooling have three colors.
    """
    deepest = max(len(branch) for branches in rows.values() for branch in branches)
    widest = max(map(len, rows.values()))
    figure, axes = canvas(
        1, len(rows), size=(min(10, 1.1 * widest * len(rows)), 0.62 * (deepest + 2))
    )
    said = []
    for axis, (name, branches) in zip(axes.flat, rows.items(), strict=True):
        _module(axis, branches, deepest)
        left = (len(branches) - 1 - widest) / 2
        axis.set(xlim=(left, left + widest), ylim=(-(deepest + 1.5), 0.5))
        axis.set_title(name, fontsize=10)
        axis.axis("off")
        paths = "; ".join(", then ".join(branch) or "nothing" for branch in branches)
        said.append(f"{name}, branches from left to right: {paths}")
    return with_alt_text(
        figure,
        f"Modules side by side: {', '.join(rows)}. Each has an input at the top, parallel branches "
        f"below it, and a box at the bottom that joins their outputs. {'. '.join(said)}.",
    )
