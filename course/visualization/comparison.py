"""Comparison plot: published accuracy against multiply-adds, with parameters as area."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.architectures import Architecture
from course.errors import UsageError
from course.visualization.display import GRAY, canvas, with_alt_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURE = "ImageNet top-1 error"
_SIZES = (5e6, 25e6, 100e6)  # parameters of the circles in the legend
_POINTS_PER_PARAMETER = 1 / 6e4  # area of a circle, in square points

# Room for the largest circle.
_LEGEND: dict[str, Any] = {
    "borderpad": 1.5,
    "handleheight": 4,
    "handletextpad": 2,
    "columnspacing": 3,
}


@dataclass(frozen=True)
class Compared:
    """One network in the comparison: its name, parameters, MACs, and accuracy in percent."""

    name: str
    family: str
    params: int
    macs: int
    accuracy: float


def comparable(measure: str = MEASURE) -> list[str]:
    """List all architectures with a published error of this kind."""
    from course import architectures

    entries = map(architectures.describe, architectures.names())
    return [entry.name for entry in entries if measure in _errors(entry)]


def _errors(entry: Architecture) -> dict[str, float]:
    return {error.label: error.value for error in entry.published}


def _measures(entries: Iterable[Architecture]) -> list[str]:
    return sorted({label for entry in entries for label in _errors(entry)})


def collect(names: Sequence[str] = (), *, measure: str = MEASURE) -> list[Compared]:
    """Count the networks and look up their published errors.

    Args:
        names: registered architectures; empty for all with such an error.
        measure: label of a published error, such as "ImageNet top-1 error".

    Returns:
        One row per network, ordered by MACs.

    Raises:
        UsageError: if a name is unknown, or a network, or any at all, has no such error.
    """
    import keras
    from rich.console import Console
    from rich.progress import track

    from course import architectures

    names = list(dict.fromkeys(names)) or comparable(measure)
    entries = [architectures.describe(name) for name in names]
    if not entries:
        known = _measures(map(architectures.describe, architectures.names()))
        raise UsageError(f"measure must be one of {', '.join(known)}; received {measure=}.")
    if missing := [entry.name for entry in entries if measure not in _errors(entry)]:
        known = _measures(entries)
        raise UsageError(
            f"No {measure} is published for {', '.join(missing)}. Leave them out, or compare by "
            f"another measure; these networks have: {', '.join(known) or 'none'}."
        )
    rows = []
    # Counting builds each network, which takes seconds for a large one.
    for entry in track(entries, "counting", console=Console(stderr=True), transient=True):
        accuracy = round(100 - _errors(entry)[measure], 2)
        rows.append(Compared(entry.name, entry.family, entry.params, entry.macs, accuracy))
        keras.utils.clear_session()
    return sorted(rows, key=lambda row: row.macs)


def table(rows: Sequence[Compared]) -> str:
    """Write the comparison as text."""
    lines = [("network", "parameters", "MACs", "accuracy")]
    lines += [(r.name, f"{r.params:,}", f"{r.macs:,}", f"{r.accuracy:.2f} %") for r in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{name:<{widths[0]}}  "
        + "  ".join(f"{c:>{w}}" for c, w in zip(rest, widths[1:], strict=True))
        for name, *rest in lines
    )


def plot(rows: Sequence[Compared], *, measure: str = MEASURE) -> Figure:
    """Draw the comparison.

    Args:
        rows: result of :func:`collect`.
        measure: the error that the accuracies come from, for the axis label.
    """
    from adjustText import adjust_text
    from matplotlib import colormaps

    figure, grid = canvas(size=(11, 7.5))
    axes = grid[0, 0]
    families = list(dict.fromkeys(row.family for row in rows))
    palette = [colormaps["tab20"](number) for number in (*range(0, 20, 2), *range(1, 20, 2))]
    for number, family in enumerate(families):
        own = [row for row in rows if row.family == family]
        axes.scatter(
            [row.macs / 1e9 for row in own],
            [row.accuracy for row in own],
            s=[row.params * _POINTS_PER_PARAMETER for row in own],
            color=palette[number % len(palette)],
            alpha=0.6,
            edgecolors=GRAY,
            linewidths=0.5,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("multiply-adds of one image, in billions")
    axes.set_ylabel(f"published accuracy in %, 100 - {measure}")
    axes.grid(alpha=0.3)
    axes.margins(0.08)
    labels = [axes.text(r.macs / 1e9, r.accuracy, r.name, fontsize=7) for r in rows]
    lines = {"arrowstyle": "-", "color": GRAY, "lw": 0.5}
    adjust_text(labels, ax=axes, expand=(1.1, 1.4), arrowprops=lines)
    for size in _SIZES:
        area = size * _POINTS_PER_PARAMETER
        axes.scatter([], [], s=area, color="none", edgecolors=GRAY, label=f"{size / 1e6:g} M")
    axes.legend(
        title="parameters", loc="lower right", ncols=len(_SIZES), labelcolor=GRAY, **_LEGEND
    ).get_title().set_color(GRAY)
    said = "; ".join(
        f"{row.name} {row.accuracy:g} % with {row.macs / 1e9:.3g} billion multiply-adds and "
        f"{row.params / 1e6:.3g} million parameters"
        for row in rows
    )
    return with_alt_text(
        figure,
        "Networks as circles, with multiply-adds to the right on a logarithmic axis, published "
        f"accuracy upwards, and an area in proportion to the parameters: {said}.",
    )


def save(figure: Figure, path: str | Path) -> list[Path]:
    """Write a figure as PNG and as SVG, side by side.

    Args:
        figure: result of :func:`plot`.
        path: of either; its suffix is replaced.

    Returns:
        Both paths.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = [path.with_suffix(suffix) for suffix in (".png", ".svg")]
    for each in paths:
        figure.savefig(each, dpi=150)
    return paths
