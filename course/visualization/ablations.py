"""What comes of changes in a residual block: who sees which channel, widths, path lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from course.visualization.display import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    RED,
    SKY,
    canvas,
    described,
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
