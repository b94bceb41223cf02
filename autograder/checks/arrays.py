"""Whether an array is the expected one, and, in words, how it differs if not."""

from __future__ import annotations

import numpy as np

SMALL = 12  # values that are shown one by one


def as_array(value) -> np.ndarray | None:
    """Numbers as an array: of arrays, tensors, numbers and nested lists; None of anything else.

    The array is a copy, so that a call which changes what it was given changes nothing here.
    """
    try:
        array = np.array(value)
    except Exception:  # ragged lists, and whatever a student's object says to it
        return None
    return array if array.dtype.kind in "biufc" else None


def same(expected: np.ndarray, found: np.ndarray | None, tolerance: float) -> bool:
    """Equal in shape, and in values up to a part of the largest one."""
    return (
        found is not None
        and found.shape == expected.shape
        and not np.any(apart(expected, found, tolerance))
    )


def apart(expected: np.ndarray, found: np.ndarray, tolerance: float) -> np.ndarray:
    """True where values differ by more than a part of the largest one; a NaN differs, too."""
    slack = tolerance * max(1e-12, np.max(np.abs(expected), initial=0))
    return ~(np.abs(found.astype("complex128") - expected) <= slack)


def difference(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """How two arrays differ, to follow the call's text."""
    if found.shape != expected.shape:
        return f"should give {described(expected)}, but gave {described(found)}"
    if expected.size <= SMALL:
        return f"should give {listed(expected)}, but gave {listed(found)}"
    wrong = apart(expected, found, tolerance)
    where = tuple(int(n) for n in np.argwhere(wrong)[0])
    return (
        f"has {wrong.sum()} wrong values of {wrong.size}; the first, at {list(where)}, should be "
        f"{expected[where]:.6g}, but is {found[where]:.6g}"
    )


def described(array: np.ndarray) -> str:
    """An array by its shape; a number is no array to whoever reads it."""
    return f"an array of shape {array.shape}" if array.ndim else "a number"


def listed(array: np.ndarray) -> str:
    """A small array as nested lists, its numbers cut to what can be read."""
    return np.array2string(array, separator=", ", precision=5).replace("\n", "")
