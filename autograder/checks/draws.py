"""Inputs of all kinds, so that code for one type, layout or size alone does not pass."""

from __future__ import annotations

import random

import numpy as np

from course.keras_types import Array

KINDS = ("uint8", "int64", "float32", "float64", "view", "Fortran order", "read-only")


def kinds(draw: random.Random, shape: tuple[int, ...], *names: str) -> list[tuple[str, Array]]:
    """Draw random arrays of one shape and several kinds, each with its kind's name.

    Args:
        draw: where the numbers come from.
        shape: of each array.
        names: which of `KINDS`; by default all. "uint8" has whole numbers from 0 to 255, like a
            picture, "int64" whole numbers from -9 to 9, the rest normal numbers; "view" is
            ``[:, ::2]`` of a larger array, so its values are not side by side.

    Raises:
        ValueError: an unknown kind.

    Example:
        >>> [(name, array.dtype.name) for name, array in kinds(random.Random(1), (2, 3), "uint8")]
        [('uint8', 'uint8')]
    """
    unknown = set(names) - set(KINDS)
    if unknown:
        raise ValueError(f"Kinds are {', '.join(KINDS)}; received {', '.join(sorted(unknown))}.")
    rng = np.random.default_rng(draw.getrandbits(64))
    return [(name, _array(rng, shape, name)) for name in names or KINDS]


def _array(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    if kind == "uint8":
        return rng.integers(0, 256, shape, dtype="uint8")
    if kind == "int64":
        return rng.integers(-9, 10, shape)
    values = rng.normal(size=shape)
    if kind == "float32":
        return values.astype("float32")
    if kind == "view":
        wide = rng.normal(size=(*shape[:1], *(2 * size for size in shape[1:2]), *shape[2:]))
        return wide[:, ::2] if len(shape) > 1 else np.repeat(wide, 2)[::2]
    if kind == "Fortran order":
        return np.asfortranarray(values)
    values.flags.writeable = kind != "read-only"
    return values


def sizes(draw: random.Random, least: int = 5) -> dict[str, tuple[int, int]]:
    """Draw heights and widths of all kinds: odd and even, flat and tall.

    Args:
        draw: where the numbers come from.
        least: the smallest side, such as a kernel's.

    Returns:
        Pairs of a height and a width, by "odd", "even", "flat" and "tall".
    """
    side = least + draw.randint(0, 3)
    long = 2 * side + draw.randint(3, 7)
    odd, even = side | 1, side + side % 2
    return {
        "odd": (odd, odd + 2 * draw.randint(1, 3)),
        "even": (even + 2 * draw.randint(1, 3), even),
        "flat": (side, long),
        "tall": (long, side),
    }
