"""Small pictures of ten shapes, drawn with NumPy in 0.3 ms each.

A shape is a function of the plane: negative inside, zero on its edge, positive outside, in units
of about half the shape's width. Evaluated on the pixels it gives an antialiased solid, or an
outline where it is near zero. Only uniform random numbers are drawn, whose stream numpy has kept
the same from version to version, so that an image is the same everywhere.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from math import cos, pi, sin, sqrt, tau

import numpy as np

from course.errors import UsageError
from course.keras_types import Array

Shape = Callable[[Array, Array], Array]  # distance of a point from the edge of a shape
Pair = tuple[Array, Array]  # two shades of a color
SIZE = 32
_y, _x = np.mgrid[0:SIZE, 0:SIZE] + 0.5


def _box(x: Array, y: Array, width: float, height: float) -> Array:
    return np.maximum(np.abs(x) - width, np.abs(y) - height)


def _circle(x: Array, y: Array) -> Array:
    return np.hypot(x, y) - 0.86


def _triangle(x: Array, y: Array) -> Array:
    y = y + 0.15
    return np.maximum(np.abs(x) * cos(pi / 6) + y * sin(pi / 6), -y) - 0.55


def _square(x: Array, y: Array) -> Array:
    return _box(x, y, 0.75, 0.75)


def _star(x: Array, y: Array) -> Array:
    # Fold the plane onto one half of one arm, whose edge runs from its tip to the notch beside it.
    step = tau / 5
    angle = np.abs((np.arctan2(x, y) + step / 2) % step - step / 2)
    radius = np.hypot(x, y)
    notch_x, notch_y = 0.44 * cos(pi / 5), 0.44 * sin(pi / 5)
    run = 1.08 - notch_x
    length = sqrt(run**2 + notch_y**2)
    return ((radius * np.cos(angle) - 1.08) * notch_y + radius * np.sin(angle) * run) / length


def _cross(x: Array, y: Array) -> Array:
    return np.minimum(_box(x, y, 0.96, 0.3), _box(x, y, 0.3, 0.96))


def _heart(x: Array, y: Array) -> Array:
    # Two discs, and the area between them and their tangents to the point below.
    x, y = np.abs(x), y - 0.32
    center, radius = 0.44, 0.5
    dip = sqrt(radius**2 - center**2)
    flank = (x - y - center) / sqrt(2) - radius
    below = np.maximum((x + y - center) / sqrt(2), y - dip)
    return np.minimum(np.hypot(x - center, y) - radius, np.maximum(flank, below))


def _crescent(x: Array, y: Array) -> Array:
    x = x - 0.05
    return np.maximum(np.hypot(x, y) - 0.95, 0.78 - np.hypot(x - 0.5, y))


def _ring(x: Array, y: Array) -> Array:
    return np.abs(np.hypot(x, y) - 0.68) - 0.26


def _arrow(x: Array, y: Array) -> Array:
    # The shaft reaches into the head, so that an outline has no line between them.
    head = np.maximum((np.abs(x) * 1.1 + y - 0.98) / 1.49, 0.05 - y)
    return np.minimum(head, _box(x, y + 0.235, 0.24, 0.735))


def _drop(x: Array, y: Array) -> Array:
    # A disc and its two tangents from a point above.
    x, y = np.abs(x), y + 0.3
    radius, tip = 0.64, 1.4
    slope = radius / tip
    lean = sqrt(1 - slope**2)
    cone = np.maximum(x * lean + (y - tip) * slope, radius * slope - y)
    return np.minimum(np.hypot(x, y) - radius, cone)


SHAPES: dict[str, Shape] = {
    "circle": _circle,
    "triangle": _triangle,
    "square": _square,
    "star": _star,
    "cross": _cross,
    "heart": _heart,
    "crescent": _crescent,
    "ring": _ring,
    "arrow": _arrow,
    "drop": _drop,
}
_DRAW = tuple(SHAPES.values())


def draw(
    label: int, rng: np.random.Generator, *, outline: bool = False, difficulty: float = 0.4
) -> Array:
    """Draw one shape at a random place, in random colors, behind two bars, in uneven light.

    Args:
        label: index of the shape in :data:`SHAPES`, 0 to 9.
        rng: random number generator; the same state gives the same image.
        outline: draw the edge with a pen on plain paper instead of a textured solid.
        difficulty: 0 (upright, centered, clean) to 1 (anywhere, sheared, half hidden, noisy).

    Returns:
        uint8 array of shape (32, 32, 3).

    Raises:
        UsageError: if the label is unknown, or the difficulty out of range.

    Example:
        >>> draw(3, np.random.default_rng(0)).shape
        (32, 32, 3)
    """
    if not 0 <= label < len(_DRAW):
        raise UsageError(f"label must be 0 to {len(_DRAW) - 1}; received label={label}.")
    if not 0 <= difficulty <= 1:
        raise UsageError(f"difficulty must be 0 to 1; received difficulty={difficulty}.")
    distance = _place(_DRAW[label], rng, difficulty)
    paper, ink = _colors(rng, outline, difficulty)
    if outline:
        distance = np.abs(distance) - rng.uniform(0.7, 1.2)
        image = paper[0]
    else:
        image = _texture(rng, *paper)
    image = _over(image, distance, _texture(rng, *ink))
    for _ in range(2):
        image = _over(image, _bar(rng, difficulty), _any_color(rng))
    return _expose(image, rng, difficulty)


def _place(shape: Shape, rng: np.random.Generator, difficulty: float) -> Array:
    """Compute the distance from a rotated, scaled, sheared and shifted shape, in pixels."""
    angle = pi * difficulty * rng.uniform(-1, 1)
    scale = rng.uniform(11.5 - 5 * difficulty, 12.5)
    shear, stretch = (
        0.5 * difficulty * rng.uniform(-1, 1),
        1 + 0.4 * difficulty * rng.uniform(-1, 1),
    )
    dx, dy = 6 * difficulty * rng.uniform(-1, 1), 6 * difficulty * rng.uniform(-1, 1)
    c, s = cos(angle) / scale, sin(angle) / scale
    x, y = _x - SIZE / 2 - dx, SIZE / 2 - _y - dy
    x, y = c * x + s * y, c * y - s * x
    return shape((x + shear * y) / stretch, y * stretch) * scale


def _colors(rng: np.random.Generator, outline: bool, difficulty: float) -> tuple[Pair, Pair]:
    """Draw two colors for the ground and two of different hue and lightness for the shape."""
    hue, offset = rng.uniform(0, 1), rng.uniform(0.2, 0.8)
    light = rng.uniform(0.75, 1.0)
    dark = light - (0.5 - 0.25 * difficulty) - rng.uniform(0, 0.15)
    values = (dark, light) if rng.uniform(0, 1) < 0.5 else (light, dark)
    ground = _pair(rng, hue, rng.uniform(0.1, 0.35 if outline else 0.7), values[0])
    return ground, _pair(rng, (hue + offset) % 1, rng.uniform(0.45, 0.95), values[1])


def _pair(rng: np.random.Generator, hue: float, saturation: float, value: float) -> Pair:
    """Return a color, and the same a little lighter or darker."""
    return (
        _rgb(hue, saturation, value),
        _rgb(hue, saturation, min(1.0, max(0.0, value + rng.uniform(-0.22, 0.22)))),
    )


def _any_color(rng: np.random.Generator) -> Array:
    return _rgb(rng.uniform(0, 1), rng.uniform(0.2, 0.9), rng.uniform(0.3, 1.0))


def _rgb(hue: float, saturation: float, value: float) -> Array:
    return np.reshape(colorsys.hsv_to_rgb(hue, saturation, value), (3, 1, 1))


def _texture(rng: np.random.Generator, first: Array, second: Array) -> Array:
    """Draw stripes, checks, waves or dots of two colors over the whole picture."""
    angle, wavelength = rng.uniform(0, pi), rng.uniform(4, 10)
    kind, phase = rng.uniform(0, 4), rng.uniform(0, tau)
    c, s = cos(angle) * tau / wavelength, sin(angle) * tau / wavelength
    u, v = c * _x + s * _y + phase, c * _y - s * _x
    if kind < 1:
        wave = np.sin(u)
    elif kind < 2:
        wave = np.sin(u) * np.sin(v) * 2
    elif kind < 3:
        wave = np.sin(u + 1.5 * np.sin(v / 2))
    else:
        wave = np.sin(u) + np.sin(v) - 0.5
    blend = np.clip(0.5 + 1.2 * wave, 0, 1)
    return first + blend * (second - first)


def _bar(rng: np.random.Generator, difficulty: float) -> Array:
    """Compute the distance from a short, round-ended bar somewhere in the picture, in pixels."""
    x, y = rng.uniform(2, SIZE - 2), rng.uniform(2, SIZE - 2)
    angle, length = rng.uniform(0, pi), 3 + 14 * difficulty * rng.uniform(0, 1)
    width = 0.4 + 3 * difficulty * rng.uniform(0, 1)
    along = (_x - x) * cos(angle) + (_y - y) * sin(angle)
    across = (_y - y) * cos(angle) - (_x - x) * sin(angle)
    return np.hypot(np.maximum(np.abs(along) - length, 0), across) - width


def _over(image: Array, distance: Array, color: Array) -> Array:
    """Paint `color` where `distance` is negative, blended over one pixel at the edge."""
    cover = np.clip(0.5 - distance, 0, 1)
    return image + cover * (color - image)


def _expose(image: Array, rng: np.random.Generator, difficulty: float) -> Array:
    """Add light that falls off across the picture, and grain."""
    angle, fall = rng.uniform(0, tau), 0.7 * difficulty * rng.uniform(0, 1)
    slope = (_x * cos(angle) + _y * sin(angle)) / SIZE - (cos(angle) + sin(angle)) / 2
    light = 1 - fall * (0.5 + slope)
    # The difference of two uniform numbers is bell-shaped enough for grain.
    grain = np.subtract(*rng.random((2, 3, SIZE, SIZE)))
    bright = image * light + 0.16 * difficulty * grain
    # Computing with planes of 32 x 32 is faster; a picture has its channels last.
    return np.rint(255 * np.clip(bright, 0, 1)).astype(np.uint8).transpose(1, 2, 0).copy()
