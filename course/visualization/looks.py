"""Colors and markers of lines: one color for each kind of network."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

from course.visualization.display import BLUE, GREEN, ORANGE, PURPLE, RED

COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE)
MARKERS = "os^Dv"
KINDS = {"plain": ORANGE, "residual": BLUE}  # keep their colors in all figures


def looks(names: Iterable[str]) -> list[dict[str, str]]:
    """Choose color, marker and style of each line, as arguments of Matplotlib's ``plot``.

    Args:
        names: of the lines. The kind is what comes before a comma; a second line of a kind of
            network is dashed.

    Example:
        >>> [look["linestyle"] for look in looks(["plain, 20 layers", "plain, 32 layers"])]
        ['-', '--']
    """
    found: list[dict[str, str]] = []
    seen: set[str] = set()
    for name, color, marker in zip(names, cycle(COLORS), cycle(MARKERS)):
        kind = name.split(",")[0]
        dashed = kind in KINDS and kind in seen
        seen.add(kind)
        style = "--" if dashed else "-"
        found.append({"color": KINDS.get(kind, color), "marker": marker, "linestyle": style})
    return found
