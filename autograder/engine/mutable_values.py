"""Values that a call may change in place, and objects of the instructor's classes, as data."""

from __future__ import annotations

import importlib
import sys
from collections import deque
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from autograder.wire.codec import CodecError, Encoder
from autograder.wire.tags import Code, Tag

# Modules that a test may use under the name that the student's code gave them.
_MODULES = set(
    """
    math cmath random statistics itertools functools collections string re json datetime decimal
    fractions operator copy time typing dataclasses enum heapq bisect numpy scipy pandas matplotlib
    keras tensorflow sympy sklearn networkx
    """.split()
)


def is_mutable(value: object) -> bool:
    """Return whether plain data can be changed in place."""
    if type(value) in (str, int, float, bool, tuple, type(None)):
        return False
    if isinstance(value, list | dict | set | deque | bytearray):
        return True
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return True
    if pandas is None or not hasattr(pandas, "DataFrame"):
        return False
    return isinstance(value, pandas.DataFrame | pandas.Series)


def given_class(value: object, given: Mapping[str, object]) -> str | None:
    """Return the name of the instructor's class that a value is a plain object of, if it is."""
    kind: Any = type(value)
    name: str = kind.__name__
    if given.get(name) is not kind or kind.__new__ is not object.__new__:
        return None
    return name if hasattr(value, "__dict__") and not hasattr(kind, "__slots__") else None


def state(value: object) -> dict[str, Any]:
    """Return an object's own attributes."""
    attributes: dict[str, Any] = object.__getattribute__(value, "__dict__")
    return attributes


def encode_object(value: object, name: str, encoder: Encoder) -> Code:
    """Return the code of an object of an instructor's class."""
    return [Tag.GIVEN_OBJECT, name, encoder.encode_inner(dict(state(value)))]


def build(kind: Any, attributes: Mapping[Any, Any]) -> Any:
    """Make an object of an instructor's class; nothing of the class is run."""
    new: Any = getattr(kind, "__new__", None)
    if not isinstance(kind, type) or new is not object.__new__:
        raise CodecError("not a class of the instructor's")
    value: Any = object.__new__(kind)
    # What the class computes stays the class' to compute.
    named = {str(name): item for name, item in attributes.items()}
    state(value).update({n: v for n, v in named.items() if not callable(getattr(kind, n, None))})
    return value


def update(value: Any, new: Any) -> None:
    """Change a value in place so that it equals `new`, if that is of the same type."""
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


def library_module(name: object) -> ModuleType:
    """Return a library's module that tests may use.

    Raises:
        CodecError: another one.
    """
    if not isinstance(name, str) or name.partition(".")[0] not in _MODULES:
        raise CodecError(f"a module that a test does not import itself: {name!r:.80}")
    return importlib.import_module(name)
