"""Figures of the gallery: a family among all networks, and where its costs are."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autograder.site.profiles import Part, Profile
from course.visualization.display import BLUE, GRAY, ORANGE, STYLE, canvas, with_alt_text
from course.visualization.labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_NAMED, _AREA = 6, 26


def family(names: Sequence[str], every: Mapping[str, Profile], shown: str) -> Figure:
    """Draw a family's networks among all others, and one of them by resolution.

    Args:
        names: of the family's networks.
        every: the profiles of all networks.
        shown: the network that is drawn by resolution.
    """
    figure, axes = canvas(1, 2, size=(9, 3.6))
    _among(axes[0, 0], names, every)
    _by_resolution(axes[0, 1], every[shown], shown)
    own = "; ".join(
        f"{name} {every[name].params / 1e6:.3g} million parameters and "
        f"{every[name].macs / 1e6:.4g} million multiply-adds"
        for name in names
    )
    total = every[shown]
    parts = "; ".join(
        f"{part.size}: {_percent(part.params, total.params)} of the parameters, "
        f"{_percent(part.macs, total.macs)} of the multiply-adds"
        for part in _costly(total)
    )
    return with_alt_text(
        figure,
        f"On the left, parameters and multiply-adds of these networks among all others: {own}. "
        f"On the right, what {shown} spends at each size of its feature maps: {parts}.",
    )


def _among(axis: Axes, names: Sequence[str], every: Mapping[str, Profile]) -> None:
    others = [profile for name, profile in every.items() if name not in names]
    axis.scatter(
        [p.macs for p in others], [p.params for p in others], s=14, color=GRAY, alpha=0.35,
        linewidths=0,
    )  # fmt: skip
    own = [every[name] for name in names]
    axis.scatter([p.macs for p in own], [p.params for p in own], s=_AREA, color=BLUE, zorder=3)
    axis.set(xscale="log", yscale="log", xlabel="multiply-adds", ylabel="parameters")
    axis.set_title("among all networks of the course")
    # More than a few names would hide the points: then only the first and the last.
    ordered = sorted(names, key=lambda name: every[name].macs)
    named = ordered if len(ordered) <= _NAMED else [ordered[0], ordered[-1]]
    points = [(every[name].macs, every[name].params) for name in named]
    place_labels(axis, points, named, [_AREA] * len(named), fontsize=8)


def _by_resolution(axis: Axes, profile: Profile, name: str) -> None:
    parts = _costly(profile)
    places = range(len(parts))
    for offset, color, label, shares in (
        (-0.2, BLUE, "parameters", [part.params / max(profile.params, 1) for part in parts]),
        (0.2, ORANGE, "multiply-adds", [part.macs / max(profile.macs, 1) for part in parts]),
    ):
        heights = [100 * share for share in shares]
        axis.barh([p + offset for p in places], heights, 0.38, color=color, label=label)
    axis.set_yticks(list(places), [part.size.replace(" x ", " × ") for part in parts])
    axis.invert_yaxis()
    axis.set(xlabel="percent", title=f"{name}, by size of feature maps")
    axis.legend(labelcolor=GRAY, frameon=False)


def _costly(profile: Profile) -> list[Part]:
    return [part for part in profile.parts if part.params or part.macs]


def _percent(part: int, total: int) -> str:
    return f"{100 * part / max(total, 1):.0f} %"


def svg(figure: Figure) -> bytes:
    """Return a figure as a file that is the same each time and grows with the page."""
    import matplotlib

    data = io.BytesIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "course", "svg.fonttype": "path"}):
        figure.savefig(data, format="svg", metadata={"Date": None})
    return data.getvalue()
