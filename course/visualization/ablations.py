"""What can be changed in a residual block, and what comes of it: blocks, channels, path lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from course.visualization.display import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    canvas,
    described,
)

_COLORS = {"conv": BLUE, "BN": ORANGE, "ReLU": GREEN, "+": GRAY}
_STEP = 1.0  # from one box to the next


def _box(axis, x: float, y: float, text: str, width: float = 1.1) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = _COLORS.get(text, PURPLE)
    frame = FancyBboxPatch(
        (x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0.04", facecolor="white",
        edgecolor=color, linewidth=2,
    )  # fmt: skip
    axis.add_patch(frame)
    axis.text(x, y, text, ha="center", va="center", color="black", fontsize=8)


def blocks(rows: Mapping[str, tuple[Sequence[str], Sequence[str], str]]):
    """Residual blocks side by side, each with its shortcut on the left and its branch on the right.

    Args:
        rows: for each block's name the steps of its branch, what follows the addition, and what
            stands on the shortcut, "" for nothing.
    """
    figure, axes = canvas(1, len(rows), size=(min(10, 1.95 * len(rows)), 4.4))
    deepest = max(len(branch) + len(after) for branch, after, _ in rows.values())
    said = []
    for axis, (name, (branch, after, on_shortcut)) in zip(axes.flat, rows.items(), strict=True):
        add = -_STEP * (len(branch) + 1)
        axis.plot([0, 0], [0.4, add], color=RED, linewidth=3, zorder=0)
        axis.plot([0, 1.3, 1.3, 0], [0, 0, add, add], color=GRAY, linewidth=1, zorder=0)
        axis.plot([0, 0], [add, add - _STEP * (len(after) + 1)], color=RED, linewidth=3, zorder=0)
        for number, step in enumerate(branch, start=1):
            _box(axis, 1.3, -_STEP * number, step)
        if on_shortcut:
            _box(axis, -0.15, add / 2, on_shortcut, width=1.2)
        _box(axis, 0, add, "+", width=0.5)
        for number, step in enumerate(after, start=1):
            _box(axis, 0, add - _STEP * number, step)
        axis.set_title(name.replace(": ", "\n"), fontsize=9)
        axis.set(xlim=(-0.95, 2.1), ylim=(-_STEP * (deepest + 2.3), 0.6))
        axis.axis("off")
        said.append(
            f"{name}: on the branch {', '.join(branch)}; after the addition "
            f"{' and '.join(after) or 'nothing'}; on the shortcut {on_shortcut or 'nothing'}"
        )
    return described(
        figure,
        f"{len(rows)} blocks, drawn from top to bottom. A thick line on the left is the shortcut, "
        f"the boxes on the right are the branch, and a plus joins them. {'. '.join(said)}.",
    )


def channel_links(channels: int = 8, groups: Sequence[int] = (1, 2, 4, 8)):
    """Which output channel sees which input channel, for convolutions in groups.

    Args:
        channels: in and out.
        groups: numbers of groups, each of which divides the channels.
    """
    figure, axes = canvas(1, len(groups), size=(2.4 * len(groups), 2.8))
    said = []
    for axis, number in zip(axes.flat, groups, strict=True):
        part = np.arange(channels) * number // channels
        seen = part[:, None] == part[None, :]
        axis.pcolormesh(
            np.where(seen, part[:, None] % 2 + 1.0, np.nan), cmap="Blues", vmin=0, vmax=3,
            edgecolors=GRAY, linewidth=0.3,
        )  # fmt: skip
        axis.invert_yaxis()
        axis.set(aspect="equal", xticks=[], yticks=[], xlabel="channels in", ylabel="channels out")
        links = int(seen.sum())
        axis.set_title(f"{number} group{'s' * (number > 1)}: {links} links")
        said.append(f"with {number} group{'s' * (number > 1)} {links} links")
    return described(
        figure,
        f"Tables of {channels} input and {channels} output channels, filled where an output sees "
        f"an input: {', '.join(said)}. More groups leave smaller squares along the diagonal.",
    )


def widths(rows: Mapping[str, Sequence[float]], words: str):
    """Channels after each block, as steps.

    Args:
        rows: for each net its channels, block by block.
        words: what there is to see; the numbers are added.
    """
    figure, axes = canvas(1, len(rows), size=(10, 2.9), sharey=True)
    said = []
    for axis, color, (name, values) in zip(
        axes.flat, (BLUE, ORANGE, GREEN, RED), rows.items(), strict=False
    ):
        axis.bar(range(1, len(values) + 1), values, color=color, width=1, edgecolor="white")
        axis.set_title(name)
        axis.set(xlabel="block or layer")
        said.append(f"{name} has {', '.join(str(int(value)) for value in values)}")
    axes[0, 0].set_ylabel("channels")
    return described(figure, f"{words} {'; '.join(said)}.")


def lengths(rows: Mapping[str, Sequence[float]], x_label: str):
    """How often each length occurs: one distribution over the other.

    Args:
        rows: for each name a number for the lengths 0, 1, 2, ...; they are made to add up to one.
        x_label: what a length counts.
    """
    figure, axes = canvas(len(rows), 1, size=(7.5, 1.6 * len(rows) + 0.5), sharex=True)
    said = []
    for axis, color, (name, counts) in zip(
        axes.flat, (BLUE, ORANGE, GREEN, SKY), rows.items(), strict=False
    ):
        counts = np.asarray(counts, dtype=float)
        share = counts / counts.sum()
        places = np.arange(len(share))
        mean = float(share @ places)
        spread = float(np.sqrt(share @ (places - mean) ** 2))
        axis.bar(places, share, color=color, width=0.9)
        axis.axvline(mean, color=RED, linestyle="--")
        axis.set_title(f"{name}: on average {mean:.1f}", loc="left")
        axis.set(yticks=[])
        said.append(
            f"{name}: from {np.flatnonzero(share)[0]} to {np.flatnonzero(share)[-1]}, on average "
            f"{mean:.1f} with a deviation of {spread:.1f}"
        )
    axes[-1, 0].set_xlabel(x_label)
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    return described(
        figure, f"Bars for how often each length occurs ({x_label}). {'. '.join(said)}."
    )
