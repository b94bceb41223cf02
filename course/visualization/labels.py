"""Labels of points, placed so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.visualization.display import GRAY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_GAP = 3.0  # pixels between a label and what is beside it
_FAR = 14  # from this distance on, in pixels, a line leads to the point
_REACH = (*range(2, 60, 6), *range(60, 260, 12))  # distances from the circle that are tried


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    areas: Sequence[float],
    *,
    fontsize: float = 7,
) -> list[str]:
    """Write a label beside each point, where it covers no other label and hides no small circle.

    The axes must have their limits and scales. A label that has moved away has a line to its
    point; one for which there is no room is left out.

    Args:
        axes: to write into.
        points: in data coordinates.
        texts: the labels.
        areas: of the points' circles, as the `s` of ``scatter``.
        fontsize: in points.

    Returns:
        The labels that are left out.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # settles the layout
    centers = axes.transData.transform(np.asarray(points, dtype=float))
    radii = np.sqrt(np.asarray(areas, dtype=float)) / 2 * figure.dpi / 72
    middle: dict[str, Any] = {"transform": axes.transAxes, "fontsize": fontsize}
    drawn = [axes.text(0.5, 0.5, text, **middle) for text in texts]  # to measure them
    sizes = np.array([(box.width, box.height) for box in (d.get_window_extent() for d in drawn)])
    for label in drawn:
        label.remove()
    room = np.array(axes.get_window_extent().extents)
    placed: NDArray[Any] = np.empty((0, 4))
    lines: list[NDArray[Any]] = []
    left_out: list[str] = []
    for n in _crowded_first(centers):
        box = _best(n, centers, radii, sizes[n], room, placed, lines)
        if box is None:
            left_out.append(texts[n])
            continue
        placed = np.vstack([placed, box])
        lines += _write(axes, points[n], centers[n], radii[n], box, texts[n], fontsize)
    return left_out


def _crowded_first(centers: NDArray[Any]) -> list[int]:
    """Order points by their number of neighbors: those have the fewest places to choose from."""
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    return list(np.argsort(-(apart < 60).sum(axis=1), kind="stable"))


def _best(
    n: int,
    centers: NDArray[Any],
    radii: NDArray[Any],
    size: NDArray[Any],
    room: NDArray[Any],
    placed: NDArray[Any],
    lines: list[NDArray[Any]],
) -> NDArray[Any] | None:
    """Return the box (left, bottom, right, top) of the best place for a label, if there is one."""
    width, height = size + _GAP
    reach = radii[n] + np.asarray(_REACH, dtype=float)
    angles = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
    # The label's nearest edge is that far from the center, in each direction.
    middles = centers[n] + (
        reach[:, None, None] * angles + angles * np.array([width, height]) / 2
    ).reshape(-1, 2)
    boxes = np.hstack([middles - size / 2 - _GAP / 2, middles + size / 2 + _GAP / 2])
    inside = (boxes[:, :2] >= room[:2]).all(axis=1) & (boxes[:, 2:] <= room[2:]).all(axis=1)
    free = inside & ~_overlaps(boxes, placed).any(axis=1)
    if not free.any():
        return None
    # Covering a small circle's middle is worse than covering the edge of a large one.
    circles = np.hstack([centers - radii[:, None] * 0.7, centers + radii[:, None] * 0.7])
    hidden = _overlaps(boxes, circles).sum(axis=1)
    distance = np.repeat(np.asarray(_REACH, dtype=float), len(_ANGLES))
    cost = distance + 40 * hidden
    for line in lines:
        cost = cost + 40 * _overlaps(boxes, line).any(axis=1)
    cost = np.where(free, cost, np.inf)
    return boxes[int(cost.argmin())]


def _overlaps(boxes: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Tell which boxes overlap which others: an array of booleans, boxes by others."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (low < high).all(axis=-1)


def _write(
    axes: Axes,
    point: tuple[float, float],
    center: NDArray[Any],
    radius: float,
    box: NDArray[Any],
    text: str,
    fontsize: float,
) -> list[NDArray[Any]]:
    """Write a label, and return small boxes along its line to the point, if it needs one."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    offset = ((box[:2] + box[2:]) / 2 - center) * 72 / figure.dpi
    nearest = np.clip(center, box[:2], box[2:])
    away = float(np.linalg.norm(nearest - center)) - radius
    line = {"arrowstyle": "-", "color": GRAY, "lw": 0.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate(
        text,
        point,
        xytext=(float(offset[0]), float(offset[1])),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=fontsize,
        color=GRAY,
        arrowprops={**line, "relpos": _side(center, box)} if away > _FAR else None,
    )
    if away <= _FAR:
        return []
    steps = center + np.linspace(0, 1, 20)[:, None] * (nearest - center)
    return [np.hstack([steps - 1, steps + 1])]


def _side(center: NDArray[Any], box: NDArray[Any]) -> tuple[float, float]:
    """Return the point of a box that is nearest to a center, as fractions of the box."""
    nearest = (np.clip(center, box[:2], box[2:]) - box[:2]) / (box[2:] - box[:2])
    return float(nearest[0]), float(nearest[1])
