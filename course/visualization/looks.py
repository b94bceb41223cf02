"""Colors and markers of lines: a thing that several figures show has one color in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

from course.visualization.display import BLUE, GREEN, ORANGE, PURPLE, RED

COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE)
MARKERS = "os^Dv"
STYLES = ("-", "--", ":")
# What the lectures compare again and again. Convolutions and shortcuts, the subject of the course,
# are blue; what they are compared with is orange.
KINDS = {
    "convolution": BLUE, "convolutional": BLUE, "fully connected": ORANGE, "as a vector": ORANGE,
    "residual": BLUE, "plain": ORANGE,
    "original": BLUE, "nothing (original)": BLUE, "full pre-activation": GREEN,
    "factor 1": BLUE, "factor 0.5": ORANGE,
    "handwritten digits": GREEN, "drawn shapes": PURPLE,
    "ResNet": BLUE, "PyramidNet": GREEN, "DenseNet": PURPLE,
}  # fmt: skip


def looks(names: Iterable[str]) -> list[dict[str, str]]:
    """Choose color, marker and style of each line, as arguments of Matplotlib's ``plot``.

    Args:
        names: of the lines. The kind is what comes before a comma; further lines of a kind in
            `KINDS` have its color, and are dashed or dotted.

    Example:
        >>> [look["linestyle"] for look in looks(["plain, 20 layers", "plain, 32 layers"])]
        ['-', '--']
    """
    kinds = [name.split(",")[0] for name in names]
    taken = {KINDS[kind] for kind in kinds if kind in KINDS}
    free = cycle([color for color in COLORS if color not in taken] or COLORS)
    found: list[dict[str, str]] = []
    for number, (kind, marker) in enumerate(zip(kinds, cycle(MARKERS))):
        known = kind in KINDS
        style = STYLES[kinds[:number].count(kind) % len(STYLES)] if known else "-"
        color = KINDS[kind] if known else next(free)
        found.append({"color": color, "marker": marker, "linestyle": style})
    return found
