"""Comparison plot: published accuracy against multiply-adds, with parameters as area."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import UsageError
from course.listing import Numbers, aligned, counted, kept
from course.visualization.display import GRAY, canvas, with_alt_text
from course.visualization.labels import place_labels

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURE = "ImageNet top-1 error"
_SIZES = (5e6, 25e6, 100e6)  # parameters of the circles in the legend
_POINTS_PER_PARAMETER = 1 / 6e4  # area of a circle, in square points

# Room for the largest circle.
_LEGEND: dict[str, Any] = {"handleheight": 6, "handlelength": 5, "handletextpad": 1.5}


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
    return [row.name for row in kept().values() if measure in row.published]


def collect(
    names: Sequence[str] = (),
    *,
    measure: str = MEASURE,
    count: bool = False,
    on_row: Callable[[int, int, str], None] | None = None,
) -> list[Compared]:
    """Look up the networks' numbers and published errors.

    Args:
        names: registered architectures; empty for all with such an error.
        measure: label of a published error, such as "ImageNet top-1 error".
        count: build the networks and count, rather than use the numbers that are kept. A network
            that has none yet is counted anyway, once.
        on_row: called after each network that is counted, with its place, how many there are, and
            its name.

    Returns:
        One row per network, ordered by MACs.

    Raises:
        UsageError: if a name is unknown, or a network, or any at all, has no such error.
    """
    names = list(dict.fromkeys(names)) or comparable(measure)
    known = kept()
    if not names:
        labels = _labels(known.values())
        raise UsageError(f"measure must be one of {labels}; received {measure=}.")
    missing = [n for n in names if n in known and measure not in known[n].published]
    if missing:
        labels = _labels(known[name] for name in names if name in known)
        raise UsageError(
            f"No {measure} is published for {', '.join(missing)}. Leave them out, or compare by "
            f"another measure; these networks have: {labels or 'none'}."
        )
    by_counting = [name for name in names if count or name not in known]
    found = counted(by_counting) if by_counting else iter(())
    rows = []
    for name in names:
        row = next(found) if name in by_counting else known[name]
        if measure not in row.published:
            raise UsageError(f"No {measure} is published for {name}. Leave it out.")
        accuracy = round(100 - row.published[measure], 2)
        rows.append(Compared(row.name, row.family, row.params, row.macs, accuracy))
        if on_row and name in by_counting:
            on_row(by_counting.index(name) + 1, len(by_counting), name)
    return sorted(rows, key=lambda row: row.macs)


def _labels(rows: Iterable[Numbers]) -> str:
    return ", ".join(sorted({label for row in rows for label in row.published}))


def table(rows: Sequence[Compared]) -> str:
    """Write the comparison as text."""
    lines = [("network", "parameters", "MACs", "accuracy")]
    lines += [(r.name, f"{r.params:,}", f"{r.macs:,}", f"{r.accuracy:.2f} %") for r in rows]
    return aligned(lines)


def plot(rows: Sequence[Compared], *, measure: str = MEASURE) -> Figure:
    """Draw the comparison.

    Args:
        rows: result of :func:`collect`.
        measure: the error that the accuracies come from, for the axis label.
    """
    figure, grid = canvas(size=(13, 8.5))
    axes = grid[0, 0]
    families = _draw_circles(axes, rows)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("multiply-adds of one image, in billions")
    axes.set_ylabel(f"published accuracy in %, 100 - {measure}")
    axes.grid(color=GRAY, alpha=0.2)
    axes.margins(0.08)
    _add_legends(figure, families)
    left_out = place_labels(
        axes,
        [(row.macs / 1e9, row.accuracy) for row in rows],
        [row.name for row in rows],
        [row.params * _POINTS_PER_PARAMETER for row in rows],
    )
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        shown = f"no room for the names of {', '.join(left_out[:3])}{more}"
        axes.set_title(shown, fontsize=7, loc="left")
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


def _draw_circles(axes: Axes, rows: Sequence[Compared]) -> list[Artist]:
    """Draw the networks, and return an entry of the legend for each family, by name."""
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    hues = [colormaps["tab20"](number) for number in (*range(0, 20, 2), *range(1, 20, 2))]
    hues += [colormaps["tab20b"](number) for number in range(20)]
    entries: list[Artist] = []
    for number, family in enumerate(sorted({row.family for row in rows})):
        color = hues[number % len(hues)]
        own = [row for row in rows if row.family == family]
        axes.scatter(
            [row.macs / 1e9 for row in own],
            [row.accuracy for row in own],
            s=[row.params * _POINTS_PER_PARAMETER for row in own],
            color=color,
            alpha=0.6,
            edgecolors=GRAY,
            linewidths=0.5,
        )
        look: dict[str, Any] = {"color": color, "markeredgecolor": GRAY, "markeredgewidth": 0.5}
        entries.append(Line2D([], [], ls="", marker="o", ms=8, alpha=0.8, label=family, **look))
    return entries


def _add_legends(figure: Figure, families: Sequence[Artist]) -> None:
    """Explain colors and areas beside the axes, where they hide no network."""
    from matplotlib.lines import Line2D

    look: dict[str, Any] = {
        "labelcolor": GRAY,
        "alignment": "left",
        "fontsize": 8,
        "frameon": False,
    }
    shown = figure.legend(handles=families, title="family", loc="outside right upper", **look)
    shown.get_title().set_color(GRAY)
    circles = [
        Line2D(
            [], [], linestyle="", marker="o", markersize=(size * _POINTS_PER_PARAMETER) ** 0.5,
            markerfacecolor="none", markeredgecolor=GRAY, label=f"{size / 1e6:g} M",
        )
        for size in _SIZES
    ]  # fmt: skip
    shown = figure.legend(
        handles=circles, title="parameters", loc="outside right lower", **look, **_LEGEND
    )
    shown.get_title().set_color(GRAY)


def save(figure: Figure, path: str | Path) -> list[Path]:
    """Write a figure as PNG and as SVG, side by side, on white.

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
        figure.savefig(each, dpi=150, facecolor="white")
    return paths
