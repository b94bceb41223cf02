"""Whether a value is the expected one, and values in words."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import fsum, isfinite, isnan, sqrt
from numbers import Integral, Real
from typing import Any

from autograder.wire.results import UNWRITTEN


def raised(error: Exception) -> str:
    """Say what a call raised."""
    if isinstance(error, NotImplementedError):
        return UNWRITTEN
    text = str(error).strip().splitlines()
    return f"it raised {type(error).__name__}" + (f": {text[0][:200]}" if text else "")


# They say themselves what to do; where to look for a wrong value has nothing to do with them.
_NOT_ABOUT_VALUES = (
    NotImplementedError, NameError, TypeError, AttributeError, ImportError, SyntaxError,
    RecursionError, TimeoutError,
)  # fmt: skip


def is_about_values(error: Exception) -> bool:
    """Return whether a hint about the right value may help with an exception."""
    return not isinstance(error, _NOT_ABOUT_VALUES)


def same(expected: Any, value: Any) -> bool:
    """Return whether a value is the expected one; False also if the two can't be compared."""
    try:
        return difference(expected, value) is None
    except TypeError:
        return False


def mean_and_slack(values: Sequence[float], sigmas: float) -> tuple[float, float]:
    """Return the mean, and how far it may be off by chance: so many standard errors."""
    mean = fsum(values) / len(values)
    variance = fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
    return mean, sigmas * sqrt(variance / len(values))


def short(value: Any, limit: int = 160) -> str:
    """Return a value as text of one short line."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _short_array(value)
    text = _short_network(value) or repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _short_network(value: Any) -> str:
    """Describe a Keras model or layer by what it does; its `repr` gives only its name.

    A model is described by its shapes, without the batch. Anything that is no Keras object, nor a
    list with one, is "".
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return ""
    if isinstance(value, list | tuple) and any(map(_short_network, value)):
        ends = "[]" if isinstance(value, list) else "()"
        return ends[0] + ", ".join(map(short, value)) + ends[1]
    if not isinstance(value, keras.Layer):
        return ""
    kind = type(value).__name__
    kind = f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"
    if not isinstance(value, keras.Model):
        return f"{kind} layer"
    try:
        sides = [[str(tuple(t.shape[1:])) for t in side] for side in (value.inputs, value.outputs)]
    except (AttributeError, TypeError, ValueError):  # a class of its own, or not built yet
        return f"{kind} model"
    return f"a model from {' and '.join(sides[0])} to {' and '.join(sides[1])}"


def _short_array(value: Any) -> str:
    """Return an array in one line: its values if they are few, else its shape."""
    from autograder.checks import arrays

    array = arrays.as_array(value)
    if array is None:
        return f"<{type(value).__name__} of shape {tuple(value.shape)}>"
    return arrays.listed(array) if array.size <= arrays.SMALL else f"<array of shape {array.shape}>"


RETURN = "is there a return?"
COUNT = "a count is an int (use // to divide)"


def got(value: Any) -> str:
    """Say what a call returned."""
    return f"nothing (None): {RETURN}" if value is None else short(value)


def difference(expected: Any, value: Any) -> str | None:
    """Say what is wrong with `value`, to follow the text of a call; None if it is right."""
    if _agrees(expected, value):
        return None
    if isinstance(expected, Mapping) and isinstance(value, Mapping):
        for key, item in expected.items():
            if key not in value:
                return f"should give an entry {key!r}, but only has {short(list(value))}"
            if not _agrees(item, value[key]):
                return _should(item, value[key], f" for {key!r}")
        if extra := [key for key in value if key not in expected]:
            return f"should give the entries {short(list(expected))}, but also has {short(extra)}"
    return _should(expected, value)


def _should(expected: Any, value: Any, where: str = "") -> str:
    right, wrong = short(expected), got(value)
    if right == wrong:
        right, wrong = _exactly(expected), _exactly(value)
    said = f"should give {right}{where}, but gave {wrong}"
    if not _agrees(expected, value, loosely=True):
        return said
    kind = f", a {type(value).__name__}" if isinstance(value, Real) else ""
    return f"{said}{kind}: {COUNT}"


def _exactly(value: Any) -> str:
    """Return a value with all digits and its type, where a short text does not tell two apart."""
    text = short(value)
    if isinstance(value, Real) and not isinstance(value, Integral):
        text = repr(float(value))
    return f"{text} (type {type(value).__name__})"


def _plain(value: Any) -> Any:
    """Return a bool for NumPy's, which a comparison of arrays gives; other values as they are."""
    numpy = sys.modules.get("numpy")
    return bool(value) if numpy is not None and isinstance(value, numpy.bool_) else value


def _agrees(expected: Any, value: Any, loosely: bool = False) -> bool:
    """Return whether a value is the expected one; loosely, 2.0 stands for 2."""
    expected, value = _plain(expected), _plain(value)
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return type(value) is type(expected) and value == expected
    if isinstance(expected, Real):
        if not isinstance(value, Real) or isinstance(value, bool):
            return False
        if isinstance(expected, Integral):
            return (loosely or isinstance(value, Integral)) and bool(value == expected)
        return _close(expected, value)
    if isinstance(expected, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(expected)
            and all(_agrees(e, v, loosely) for e, v in zip(expected, value, strict=True))
        )
    if isinstance(expected, Mapping):
        return (
            isinstance(value, Mapping)
            and len(value) == len(expected)
            and all(
                key in value and _agrees(item, value[key], loosely)
                for key, item in expected.items()
            )
        )
    raise TypeError(f"No rule to compare with a {type(expected).__name__}: {expected!r}.")


def _close(expected: Any, value: Any) -> bool:
    """Return whether numbers agree to nine digits; infinities and NaN must be the same."""
    try:
        expected, value = float(expected), float(value)
    except OverflowError:  # an int that no float can be
        return False
    if not (isfinite(expected) and isfinite(value)):
        return expected == value or (isnan(expected) and isnan(value))
    return abs(value - expected) <= 1e-9 * max(1.0, abs(expected))
