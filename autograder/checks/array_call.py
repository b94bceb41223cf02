"""A call that should give arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograder.checks import arrays
from autograder.checks.causes import Mistakes, joined, pairs
from autograder.checks.recorded_call import NOTHING, RecordedCall
from autograder.checks.values import got
from course.keras_types import Array


class ArrayCall(RecordedCall):
    """Checks of a call that should give arrays, tensors or nested lists."""

    def gives_array(
        self,
        expected: Any,
        *,
        of: Callable[[Any], Any] = lambda value: value,
        tolerance: float = 1e-5,
        hint: str = "",
        mistakes: Mistakes | None = None,
    ) -> None:
        """Check that the call returns an array (or tensor, or nested lists) with these values.

        Args:
            expected: the right array; a number for a call that gives one. Where it has infinities
                or NaNs, there must be the same ones.
            of: what is looked at in what the call returns, for instance its second part.
            tolerance: how far values may be off, as a fraction of the largest finite one.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong array (or a function that makes it, or an
                exception) that each of them gives.
        """
        right = _arrays([expected])
        wanted = f"should give {arrays.described(right[0])}"
        value = self._value(wanted, hint, pairs(mistakes))
        if value is NOTHING:
            return
        try:
            found = arrays.as_array(of(value))
        except Exception:
            found = None
        if found is None:
            hint = hint if isinstance(value, list | tuple) else ""
            return self._record(0, f"{self} {wanted}, but gave {got(value)}", hint)
        if arrays.same(right[0], found, tolerance):
            return self._record(1)
        known = _cause(right, [found], mistakes, tolerance, lambda wrong: [wrong])
        self._record(0, f"{self} {arrays.difference(right[0], found, tolerance)}", known or hint)

    def gives_arrays(
        self,
        expected: Sequence[Any],
        *,
        tolerance: float = 1e-5,
        hint: str = "",
        mistakes: Mistakes | None = None,
    ) -> None:
        """Check that the call returns several arrays, each with this shape and these values.

        Args:
            expected: the right arrays.
            tolerance, hint: as for `gives_array`.
            mistakes: causes in words, and the wrong arrays (or a function that makes them, or an
                exception) that each of them gives.
        """
        right = _arrays(expected)
        found = self._parts([part.shape for part in right], hint, mistakes)
        if found is None:
            return
        number = _first_wrong(right, found, tolerance)
        if number is None:
            return self._record(1)
        known = _cause(right, found, mistakes, tolerance, list)
        reason = arrays.difference(right[number], found[number], tolerance)
        self._record(0, f"part {number} (the first is 0) of {self} {reason}", known or hint)

    def gives_shapes(self, shapes: Sequence[tuple[int, ...]], *, hint: str = "") -> None:
        """Check that the call returns several arrays of these shapes, whatever their values."""
        found = self._parts(list(shapes), hint, None)
        if found is None:
            return
        given = [part.shape for part in found]
        if given == list(shapes):
            return self._record(1)
        self._record(
            0,
            f"{self} should give arrays of the shapes {_listed(shapes)}, but gave {_listed(given)}",
            hint,
        )

    def _parts(
        self, shapes: list[tuple[int, ...]], hint: str, mistakes: Mistakes | None
    ) -> list[Array] | None:
        """Return as many arrays as there are shapes; None if that is recorded as wrong already."""
        wanted = f"should give {len(shapes)} arrays, of the shapes {_listed(shapes)}"
        value = self._value(wanted, hint, pairs(mistakes))
        if value is NOTHING:
            return None
        parts = [arrays.as_array(part) for part in value] if isinstance(value, list | tuple) else []
        found = [part for part in parts if part is not None]
        if not len(found) == len(parts) == len(shapes):
            hint = hint if isinstance(value, list | tuple) else ""
            self._record(0, f"{self} {wanted}, but gave {got(value)}", hint)
            return None
        return found


def _arrays(values: Sequence[Any]) -> list[Array]:
    found = [arrays.as_array(value) for value in values]
    right = [array for array in found if array is not None]
    if len(right) < len(found):
        raise TypeError("An expected value is no array of numbers.")
    return right


def _first_wrong(right: list[Array], found: list[Array], tolerance: float) -> int | None:
    both = enumerate(zip(right, found, strict=True))
    return next((n for n, (a, b) in both if not arrays.same(a, b, tolerance)), None)


def _cause(
    right: list[Array],
    found: list[Array],
    mistakes: Mistakes | None,
    tolerance: float,
    parts: Callable[[Any], list[Any]],
) -> str:
    """Return the cause of wrong arrays.

    Args:
        right: the right arrays.
        found: the student's.
        mistakes: what each mistake gives.
        tolerance: how far values may be off.
        parts: makes a list of arrays of what a mistake gives.
    """

    def fits(wrong: Any) -> bool:
        try:
            made = _arrays(parts(wrong() if callable(wrong) else wrong))
            is_wrong = _first_wrong(right, made, tolerance) is not None
            return is_wrong and _first_wrong(made, found, tolerance) is None
        except Exception:  # a mistake that can't even be made here
            return False

    return joined(cause for wrong, cause in pairs(mistakes) if fits(wrong))


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))
