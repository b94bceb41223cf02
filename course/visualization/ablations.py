"""Figures about changed residual blocks: widths of networks, and lengths of their paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course.visualization.display import (
    RED,
    SKY,
    canvas,
    with_alt_text,
)
from course.visualization.looks import looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def widths(rows: Mapping[str, Sequence[float]], words: str) -> Figure:
    """Draw the number of channels after each block.

    Args:
        rows: channels of each network, block by block.
        words: the alt text; the numbers are appended.
    """
    figure, axes = canvas(1, len(rows), size=(10, 2.9), sharey=True)
    said = []
    for axis, look, (name, values) in zip(axes.flat, looks(rows), rows.items(), strict=True):
        axis.bar(range(1, len(values) + 1), values, color=look["color"], width=1, edgecolor="white")
        axis.set_title(name)
        axis.set(xlabel="block or layer")
        axis.xaxis.get_major_locator().set_params(integer=True)
        said.append(f"{name} has {', '.join(str(int(value)) for value in values)}")
    axes[0, 0].set_ylabel("channels")
    return with_alt_text(figure, f"{words} {'; '.join(said)}.")


def lengths(rows: Mapping[str, Sequence[float]], x_label: str) -> Figure:
    """Draw how often each length occurs, one distribution above the other.

    Args:
        rows: counts of the lengths 0, 1, 2, ..., by name; they are normalized.
        x_label: what a length counts.
    """
    figure, axes = canvas(len(rows), 1, size=(7.5, 1.6 * len(rows) + 0.5), sharex=True)
    said = []
    for axis, (name, numbers) in zip(axes.flat, rows.items(), strict=True):
        counts = np.asarray(numbers, dtype=float)
        share = counts / counts.sum()
        places = np.arange(len(share))
        mean = float(share @ places)
        spread = float(np.sqrt(share @ (places - mean) ** 2))
        axis.bar(places, share, color=SKY, width=0.9)
        axis.axvline(mean, color=RED, linestyle="--")
        axis.set_title(f"{name}: on average {mean:.1f}", loc="left")
        axis.set(yticks=[])
        said.append(
            f"{name}: from {np.flatnonzero(share)[0]} to {np.flatnonzero(share)[-1]}, on average "
            f"{mean:.1f} with a standard deviation of {spread:.1f}"
        )
    axes[-1, 0].set_xlabel(x_label)
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    return with_alt_text(
        figure, f"Bars for how often each length occurs ({x_label}). {'. '.join(said)}."
    )
