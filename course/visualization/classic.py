"""Figures of early convolutional networks: connections, the contest, the input, layers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from course.visualization.display import BLUE, canvas, with_alt_text


def connections(table: Sequence[Sequence[int]]) -> Figure:
    """Draw which input map each output map sees, as LeNet-5's Table I does.

    Args:
        table: for each output map the input maps that it sees, from 0.

    Example:
        >>> from course.visualization.display import alt_text
        >>> alt_text(connections([(0, 1), (1,)]))[-33:]
        'Output map 0 sees 0, 1; 1 sees 1.'
    """
    inputs = 1 + max(map(max, table))
    figure, ((axis,),) = canvas(size=(0.32 * len(table) + 1, 0.32 * inputs + 0.8))
    for place, row in enumerate(table):
        axis.scatter([place] * len(row), row, marker="s", s=90, color=BLUE)
    axis.set(
        xlim=(-0.6, len(table) - 0.4), ylim=(inputs - 0.4, -0.6), xticks=range(len(table)),
        yticks=range(inputs), xlabel="output map", ylabel="input map",
    )  # fmt: skip
    sees = "; ".join(f"{place} sees {', '.join(map(str, row))}" for place, row in enumerate(table))
    return with_alt_text(
        figure,
        f"A grid of {inputs} input maps (rows) and {len(table)} output maps (columns). "
        f"Output map {sees}.",
    )
