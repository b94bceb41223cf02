"""Diagrams of layers: links of channels, and residual blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course.visualization.display import (
    BLUE,
    GRAY,
    GREEN,
    RED,
    SKY,
    canvas,
    with_alt_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def channel_links(channels: int, kinds: Mapping[str, tuple[int, int]]) -> Figure:
    """Draw which output channel sees which input channel, and through how many weights.

    Args:
        channels: number of channels, in and out.
        kinds: number of groups, which divides the channels, and area of the kernel, by name.
    """
    from matplotlib.patches import Rectangle

    figure, axes = canvas(1, len(kinds), size=(10, 2.9))
    said = []
    for axis, (name, (groups, area)) in zip(axes.flat, kinds.items(), strict=True):
        links = np.kron(np.eye(groups), np.ones((channels // groups,) * 2))
        for (out, into), linked in np.ndenumerate(links):
            color, alpha = (BLUE if area > 1 else SKY, 0.9) if linked else (GRAY, 0.12)
            corner = (into + 0.05, channels - 1 - out + 0.05)
            axis.add_patch(Rectangle(corner, 0.9, 0.9, color=color, alpha=alpha, linewidth=0))
            if linked:
                middle = (into + 0.5, channels - 0.5 - out)
                ink = "white" if area > 1 else "black"
                axis.text(*middle, str(area), ha="center", va="center", color=ink, fontsize=9)
        axis.set(xlim=(0, channels), ylim=(0, channels), aspect="equal", xticks=[], yticks=[])
        axis.set_xlabel("channels in")
        for side in axis.spines.values():
            side.set_visible(False)
        count = int(links.sum())
        axis.set_title(f"{name}: {count * area} weights")
        said.append(f"{name} has {count} links of {area} weights, {count * area} in all")
    axes[0, 0].set_ylabel("channels out")
    return with_alt_text(
        figure,
        f"{len(kinds)} squares that show which of {channels} output channels sees which of "
        f"{channels} input channels: {'; '.join(said)}. Groups fill blocks along the diagonal, one "
        "group fills the square, and as many groups as channels fill the diagonal alone.",
    )


class Block(NamedTuple):
    """The layers of a residual block, from top to bottom, as the labels of their boxes."""

    branch: Sequence[str]
    after: Sequence[str] = ("ReLU",)  # the addition
    shortcut: str | None = ""  # what is on it; None for a block without a shortcut


_STEP_COLORS = {"BN": GRAY, "ReLU": GREEN, "+": GRAY}
_CONVOLUTION = re.compile(r"conv|\d+x\d+")


def _box(axis: Axes, x: float, y: float, text: str, width: float = 1.2) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = _STEP_COLORS.get(text, SKY if _CONVOLUTION.match(text) else RED)
    frame = FancyBboxPatch(
        (x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0.04", facecolor="white",
        edgecolor=color, linewidth=2,
    )  # fmt: skip
    axis.add_patch(frame)
    axis.text(x, y, text, ha="center", va="center", color="black", fontsize=9)


def blocks(rows: Mapping[str, Block]) -> Figure:
    """Draw residual blocks side by side, with the shortcut on the left and the branch on the right.

    Args:
        rows: blocks by name; the part of a name after ": " is on a second line.
    """
    deepest = max(len(block.branch) + len(block.after) for block in rows.values())
    size = (min(10, 1.95 * len(rows)), 0.45 * (deepest + 3))
    figure, axes = canvas(1, len(rows), size=size)
    said = []
    for axis, (name, block) in zip(axes.flat, rows.items(), strict=True):
        joined = -(len(block.branch) + 1)
        end = joined - (len(block.after) + 1)
        plain = block.shortcut is None
        aside = 0 if plain else 1.3
        axis.plot([0, aside, aside, 0], [0, 0, joined, joined], color=GRAY, linewidth=1.5, zorder=0)
        if not plain:
            axis.plot([0, 0], [0.4, joined], color=BLUE, linewidth=3, zorder=0)
            _box(axis, 0, joined, "+", width=0.5)
        for number, step in enumerate(block.branch, start=1):
            _box(axis, aside, -number, step)
        if block.shortcut:
            _box(axis, -0.15, joined / 2, block.shortcut)
        color, thick = (GRAY, 1.5) if plain else (BLUE, 3)
        axis.plot([0, 0], [joined, end], color=color, linewidth=thick, zorder=0)
        for number, step in enumerate(block.after, start=1):
            _box(axis, 0, joined - number, step)
        axis.set_title(name.replace(": ", "\n"), fontsize=9)
        axis.set(xlim=(-0.95, 2.1), ylim=(-(deepest + 2.3), 0.6))
        axis.axis("off")
        then = " and ".join(block.after) or "nothing"
        words = f"{name}: on the branch {', '.join(block.branch)}; "
        if plain:
            said.append(f"{words}no shortcut; then {then}")
        else:
            words += f"after the addition {then}; on the shortcut {block.shortcut or 'nothing'}"
            said.append(words)
    return with_alt_text(
        figure,
        f"{len(rows)} blocks, drawn from top to bottom. A thick line on the left is the shortcut, "
        f"the boxes on the right are the branch, and a plus joins them. {'. '.join(said)}.",
    )
