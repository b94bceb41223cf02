"""Whether arrays are the expected ones and, in words, how they differ if not."""

from __future__ import annotations

import numpy as np

from course.keras_types import Array

SMALL = 12  # an array of at most so many values is shown value by value


def as_array(value: object) -> Array | None:
    """Return arrays, tensors, numbers and nested lists as an array; None for anything else.

    The array is a copy, so a call that changes what it was given changes nothing here.
    """
    try:
        array = np.array(value)
    except Exception:  # ragged lists, or an error in a method of a student's object
        return None
    return array if array.dtype.kind in "biufc" else None


def scale(array: Array) -> float:
    """Return the largest magnitude of an array's finite values; 0 if there are none."""
    values = np.abs(_floating(array))
    return float(np.max(values, where=np.isfinite(values), initial=0))


def _floating(array: Array) -> Array:
    return array.astype("complex128" if array.dtype.kind == "c" else "float64")


def apart(expected: Array, found: Array, slack: float) -> Array:
    """Return True where values differ by more than `slack`.

    An infinity equals one of the same sign only, and a NaN equals a NaN only.
    """
    expected, found = _floating(expected), _floating(found)
    finite = np.isfinite(expected) & np.isfinite(found)
    both_nan = np.isnan(expected) & np.isnan(found)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(found - expected) <= slack
    return np.asarray(~np.where(finite, near, (expected == found) | both_nan))


def wrong_values(expected: Array, found: Array, tolerance: float) -> Array:
    """Return True where values differ by more than `tolerance` times the largest finite one."""
    return apart(expected, found, tolerance * max(1e-12, scale(expected)))


def same(expected: Array, found: Array | None, tolerance: float) -> bool:
    """Return whether two arrays have the same shape and, up to a tolerance, the same values."""
    return (
        found is not None
        and found.shape == expected.shape
        and not np.any(wrong_values(expected, found, tolerance))
    )


def different(one: list[Array], other: list[Array], tolerance: float) -> bool:
    """Return whether lists of arrays differ in a shape, or in a value.

    Args:
        one, other: the lists.
        tolerance: how far values may differ, relative to the largest of the first list's array.
    """
    return len(one) != len(other) or any(
        a.shape != b.shape or bool(np.any(apart(a, b, tolerance * scale(a))))
        for a, b in zip(one, other, strict=True)
    )


def difference(expected: Array, found: Array, tolerance: float) -> str:
    """Say how two arrays differ, to follow the text of a call."""
    if found.shape != expected.shape:
        return f"should give {described(expected)}, but gave {described(found)}"
    if expected.size <= SMALL:
        return f"should give {listed(expected)}, but gave {listed(found)}"
    wrong = wrong_values(expected, found, tolerance)
    where = tuple(int(n) for n in np.argwhere(wrong)[0])
    count = f"{wrong.sum()} wrong value{'s' if wrong.sum() > 1 else ''}"
    return (
        f"has {count} out of {wrong.size}; the first, at {list(where)}, should be "
        f"{expected[where]:.6g}, but is {found[where]:.6g}"
    )


def described(array: Array) -> str:
    """Describe an array by its shape; a number is no array to a reader."""
    return f"an array of shape {array.shape}" if array.ndim else "a number"


def listed(array: Array) -> str:
    """Return a small array as nested lists, with rounded numbers."""
    return np.array2string(array, separator=", ", precision=5).replace("\n", "")
