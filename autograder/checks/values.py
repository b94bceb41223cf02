"""Values that were expected and values that came: whether they agree, and how to say it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from math import fsum, sqrt
from numbers import Integral, Real
from typing import Any


def raised(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "it is not written yet"
    text = str(error).strip().splitlines()
    return f"it raised {type(error).__name__}" + (f": {text[0][:200]}" if text else "")


def known_cause(value, mistakes: Mapping | None) -> str:
    try:
        return (mistakes or {}).get(value, "")
    except TypeError:  # not hashable
        return ""


def cause_where(mistakes: Mapping | None, fits: Callable[[Any], bool]) -> str:
    """The cause of the first known mistake that fits."""
    return next((cause for wrong, cause in (mistakes or {}).items() if fits(wrong)), "")


def known_rows(value: Sequence, wrong: Sequence[int], mistakes: Mapping | None) -> str:
    """The cause of wrong rows, if one of them is known, or all are a known table's."""
    rows = [(number, value[number]) for number in wrong if number < len(value)]

    def fits(known) -> bool:
        table = (n < len(known) and _same(known[n], row) for n, row in rows)
        return any(_same(known, row) for _, row in rows) or (bool(rows) and all(table))

    return cause_where(mistakes, fits)


def _same(expected, value) -> bool:
    try:
        return difference(expected, value) is None
    except TypeError:  # no rule to compare with that
        return False


def mean_and_slack(values: Sequence[float], sigmas: float) -> tuple[float, float]:
    """The mean, and how far it may be off by chance: so many standard errors."""
    mean = fsum(values) / len(values)
    variance = fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
    return mean, sigmas * sqrt(variance / len(values))


def short(value, limit: int = 160) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _short_array(value)
    text = _short_network(value) or repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _short_network(value) -> str:
    """A Keras model or layer by what it does, as its `repr` says only how it is called.

    A model is told by its shapes, without the axis of the examples. What is no Keras object, or a
    list that holds none, is "".
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
    except (AttributeError, TypeError, ValueError):  # a class of its own, or nothing built yet
        return f"{kind} model"
    return f"a model from {' and '.join(sides[0])} to {' and '.join(sides[1])}"


def _short_array(value) -> str:
    """An array in one line: its values if they are few, else its shape."""
    from autograder.checks import arrays

    array = arrays.as_array(value)
    if array is None:
        return f"<{type(value).__name__} of shape {tuple(value.shape)}>"
    return arrays.listed(array) if array.size <= arrays.SMALL else f"<array of shape {array.shape}>"


def got(value) -> str:
    return "nothing (None): is there a return?" if value is None else short(value)


def difference(expected, value) -> str | None:
    """What is wrong with `value`, to follow the call's text; None if it is right."""
    should = f"should give {short(expected)}, but gave {got(value)}"
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return None if type(value) is type(expected) and value == expected else should
    if isinstance(expected, Integral):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return None if int(value) == expected else should
        if isinstance(value, Real) and value == expected:
            return f"{should}, a {type(value).__name__}: a count is an int (use // to divide)"
        return should
    if isinstance(expected, Real):
        if isinstance(value, Real) and not isinstance(value, bool):
            close = abs(float(value) - expected) <= 1e-9 * max(1.0, abs(expected))
            return None if close else should
        return should
    if isinstance(expected, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return should
        same = all(difference(e, v) is None for e, v in zip(expected, value, strict=True))
        return None if same else should
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping):
            return should
        for key, item in expected.items():
            if key not in value:
                return f"should give an entry {key!r}, but has only {short(list(value))}"
            if difference(item, value[key]) is not None:
                return f"should give {short(item)} for {key!r}, but gave {got(value[key])}"
        return None
    raise TypeError(f"No rule to compare with a {type(expected).__name__}: {expected!r}.")
