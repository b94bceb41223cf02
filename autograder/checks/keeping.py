"""Arguments that a call may not change for those who look at them later."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def unchanged(*values: Any) -> Iterator[None]:
    """Arrays, lists and dicts in `values` are in the end what they were at first.

    They stay the same objects, with their types and layouts, whatever was done to them inside.
    """
    before = [_copied(value) for value in values]
    try:
        yield
    finally:
        for value, copy in zip(values, before, strict=True):
            _restore(value, copy)


def apart(value):
    """A value whose arrays are its own, not those that a call was given and that are restored."""
    if type(value) in (list, tuple):
        return type(value)(map(apart, value))
    if type(value) is dict:
        return {key: apart(item) for key, item in value.items()}
    return value.copy() if _is_array(value) else value


def keeping(function: Callable, *arguments):
    """What a function gives for some arguments, if it leaves them as they are.

    Args:
        function: the student's.
        *arguments: plain values, arrays or models, also in lists, tuples and dicts.

    Raises:
        ValueError: an argument is no longer what it was.

    Example:
        >>> keeping(sorted, [3, 1, 2])
        [1, 2, 3]
        >>> keeping(list.pop, [3, 1, 2])
        Traceback (most recent call last):
        ...
        ValueError: it changes what it was given
    """
    before = _seen(arguments)
    value = function(*arguments)
    if _seen(arguments) != before:
        raise ValueError("it changes what it was given")
    return value


def _copied(value):
    if isinstance(value, list | tuple):
        return [(item, _copied(item)) for item in value]
    if isinstance(value, dict):
        return {key: (item, _copied(item)) for key, item in value.items()}
    return value.copy() if _is_array(value) else None


def _restore(value, copy) -> None:
    if isinstance(value, list | tuple):
        for item, inner in copy:
            _restore(item, inner)
        if isinstance(value, list):
            value[:] = [item for item, _ in copy]
    elif isinstance(value, dict):
        for item, inner in copy.values():
            _restore(item, inner)
        value.clear()
        value.update((key, item) for key, (item, _) in copy.items())
    elif _is_array(value):
        if value.shape != copy.shape:
            value.shape = copy.shape
        if value.flags.writeable:
            value[...] = copy


def _seen(value):
    """All of a value that a change would show in."""
    keras = sys.modules.get("keras")
    if isinstance(value, dict):
        return [(key, _seen(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_seen(item) for item in value]
    if _is_array(value):
        return value.shape, value.dtype.str, value.tobytes()
    if keras and isinstance(value, keras.Model):
        return [(w.trainable, _seen(keras.ops.convert_to_numpy(w))) for w in value.weights]
    return repr(value)


def _is_array(value) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)
