"""Arguments that a call may change, and objects of the instructor's classes, as data.

Every list, dict, set, array, table or object of an instructor's class that a test hands over has a
number during the call. Where it comes back, changed or as the result, the judge's own is meant: it
is brought up to date in place and keeps its identity, also within other arguments.
"""

from __future__ import annotations

import importlib
import sys
from collections import deque

from autograder.wire.codec import CodecError, Encoder

# Modules that a test may use under the name that the student's code gave them.
_MODULES = set(
    """
    math cmath random statistics itertools functools collections string re json datetime decimal
    fractions operator copy time typing dataclasses enum heapq bisect numpy scipy pandas matplotlib
    keras tensorflow sympy sklearn networkx
    """.split()
)


class Sent:
    """What the arguments of one call hold that can be changed."""

    def __init__(self):
        self._values: list = []
        self._numbers: dict[int, int] = {}
        self._open: set[int] = set()

    def code(self, value, encoder: Encoder, given: dict) -> list | None:
        """The code of something that can be changed, with its number; None of anything else."""
        name = given_class(value, given)
        if name is None and not is_changeable(value):
            return None
        if id(value) in self._open:
            raise CodecError("a value that holds itself cannot be handed over")
        if (number := self._numbers.get(id(value))) is not None:
            return ["@", number]
        number = self._numbers[id(value)] = len(self._values)
        self._values.append(value)
        self._open.add(id(value))
        if name is None:
            inner = encoder.encode_inner(value)
        else:
            inner = ["O", name, encoder.encode_inner(dict(state(value)))]
        self._open.discard(id(value))
        return ["#", number, inner]

    def take(self, number, new):
        """The value with a number, brought up to date with `new`, if that is not None."""
        if type(number) is not int or not 0 <= number < len(self._values):
            raise CodecError("a reference to an argument that was not handed over")
        value = self._values[number]
        if new is not None:
            update(value, new)
        return value


def is_changeable(value) -> bool:
    """Whether something that is plain data can be changed in place."""
    if type(value) in (str, int, float, bool, tuple, type(None)):
        return False
    if isinstance(value, list | dict | set | deque | bytearray):
        return True
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return True
    frames = pandas is not None and hasattr(pandas, "DataFrame")
    return frames and isinstance(value, pandas.DataFrame | pandas.Series)


def given_class(value, given: dict) -> str | None:
    """The name of the instructor's class that a value is a plain object of."""
    kind = type(value)
    name = kind.__name__
    if given.get(name) is not kind or kind.__new__ is not object.__new__:
        return None
    return name if hasattr(value, "__dict__") and not hasattr(kind, "__slots__") else None


def state(value) -> dict:
    """An object's own attributes."""
    return object.__getattribute__(value, "__dict__")


def build(kind: type, attributes: dict):
    """An object of an instructor's class with these attributes; nothing of the class is run."""
    if not isinstance(kind, type) or kind.__new__ is not object.__new__:
        raise CodecError("not a class of the instructor's")
    value = object.__new__(kind)
    # What the class computes stays the class' to compute.
    named = {str(name): item for name, item in attributes.items()}
    state(value).update({n: v for n, v in named.items() if not callable(getattr(kind, n, None))})
    return value


def update(value, new) -> None:
    """Do to a value in place what makes it equal to `new`, if that is of the same type."""
    if type(value) is not type(new) or value is new:
        return
    numpy = sys.modules.get("numpy")
    if isinstance(value, list | bytearray):
        value[:] = new
    elif isinstance(value, dict | set):
        value.clear()
        value.update(new)
    elif isinstance(value, deque):
        value.clear()
        value.extend(new)
    elif numpy is not None and isinstance(value, numpy.ndarray):
        if value.flags.writeable and (value.shape, value.dtype) == (new.shape, new.dtype):
            value[...] = new
    elif hasattr(value, "_update_inplace"):  # pandas' tables and columns
        value._update_inplace(new)
    elif hasattr(value, "__dict__"):
        state(value).clear()
        state(value).update(state(new))


def module(name: str):
    """A library's module that tests may use.

    Raises:
        CodecError: another one.
    """
    if not isinstance(name, str) or name.partition(".")[0] not in _MODULES:
        raise CodecError(f"a module that a test does not import itself: {name!r:.80}")
    return importlib.import_module(name)
