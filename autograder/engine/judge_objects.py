"""Objects of a test that student code may use but that have no plain form, such as functions.

The student's process gets a number, under which it can use the object over the conversation while
one of its own calls is being answered. It can do with the object what any caller could do by
ordinary means: call it, read its public attributes, iterate. Names that begin with an underscore,
frames and globals are out of reach. Of libraries' objects only those named here are handed over.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import io
import random
import sys
import types
from typing import Any
from unittest.mock import NonCallableMock

from autograder.engine import operations
from autograder.wire.tags import Code, Tag

MAX_REQUESTS = 1_000_000
MAX_NESTED = 50
INPUT = -1  # stands for the test's `input`

_FUNCTIONS = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType,
    functools.partial,
)  # fmt: skip
_FILES = (io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedIOBase)
_FILE_NAMES = {
    "read", "readline", "readlines", "write", "writelines", "close", "seek", "tell", "flush",
    "truncate", "getvalue", "name", "mode", "closed", "encoding",
}  # fmt: skip
_ITERATORS: tuple[type, ...] = (
    types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())),
    type(iter("")), type(iter({})), type(iter(range(0))), type(iter(set())),
)  # fmt: skip


class Refused(LookupError):
    """The request is not allowed."""


class JudgeObjects:
    """The objects that were handed over in one submission's tests."""

    def __init__(self) -> None:
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._served = 0

    def encode(self, value: Any) -> Code | None:
        """Return the code of an object that may be handed over; else None."""
        allowed = _allowed_operations(value)
        if allowed is None:
            return None
        number = self._numbers.get(id(value))
        if number is None:
            self._objects.append(value)  # and kept, so that no other takes over its id
            number = self._numbers[id(value)] = len(self._objects) - 1
        name = getattr(value, "__name__", "")
        name = name if isinstance(name, str) else ""
        return [Tag.JUDGE_OBJECT, number, name, type(value).__name__, allowed]

    def get(self, number: object) -> Any:
        """Return the object with a number.

        Raises:
            Refused: there is none.
        """
        if type(number) is not int or not 0 <= number < len(self._objects):
            raise Refused("no object was handed over under this number")
        return self._objects[number]

    def perform(
        self, number: object, operation: str, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Do something with an object that was handed over; return the result.

        Raises:
            Refused: that is not allowed.
            Exception: what the object itself raises.
        """
        self._served += 1
        if self._served > MAX_REQUESTS:
            raise Refused("what the test handed over was used too often")
        if number == INPUT:
            return builtins.input(*args)
        value = self.get(number)
        if operation in ("attribute", "setattr", "delattr"):
            return _attribute(value, operation, args)
        if operation not in (_allowed_operations(value) or ()):
            raise Refused(f"a test's {type(value).__name__} does not take part in {operation!r}")
        return operations.OPERATIONS[operation](value, *args, **kwargs)


def _allowed_operations(value: Any) -> tuple[str, ...] | None:
    """Return what may be done with a value; None if it is not handed over at all."""
    kind: Any = type(value)
    if isinstance(value, _FUNCTIONS):
        return ("call",)
    if isinstance(value, NonCallableMock):
        return ("call",) if callable(value) else ()
    if isinstance(value, _ITERATORS):
        return "iter", "next"
    if isinstance(value, _FILES):
        return "iter", "next", "enter", "exit"
    if isinstance(value, type):
        return ("call",) if kind is type and value.__module__ == "__main__" else None
    if kind.__module__ == "__main__":
        return tuple(
            name for name in operations.operations_of(kind) if name not in ("copy", "deepcopy")
        )
    return () if isinstance(value, _random_sources()) else None


def _random_sources() -> tuple[type, ...]:
    numpy = sys.modules.get("numpy")
    more = (numpy.random.Generator, numpy.random.RandomState) if numpy else ()
    return random.Random, *more


def _attribute(value: Any, operation: str, args: list[Any]) -> Any:
    """Read, set or delete a public attribute of an object."""
    name = args[0]
    own = type(value).__module__ == "__main__" and not isinstance(value, (*_FUNCTIONS, type))
    known = (
        own
        or (isinstance(value, _FILES) and name in _FILE_NAMES)
        or isinstance(value, _random_sources())
        or (isinstance(value, NonCallableMock) and not name.startswith(("assert", "mock", "conf")))
    )
    if not isinstance(name, str) or name.startswith("_") or not known:
        raise AttributeError(f"a test's {type(value).__name__} has no {name!r} that can be used")
    if operation == "attribute":
        return getattr(value, name)
    if not own:
        raise AttributeError(f"{name!r} of a test's {type(value).__name__} cannot be set")
    return setattr(value, *args) if operation == "setattr" else delattr(value, name)


def encode_by_name(value: Any) -> Code | None:
    """Return the code of a library's function or class, which the student's process has, too."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ufunc):
        module, name = "numpy", value.__name__
    if isinstance(value, types.MethodDescriptorType):
        module = value.__objclass__.__module__
    if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType,
                              types.MethodDescriptorType)) and module != "numpy":  # fmt: skip
        return None
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    space = sys.modules.get(module)
    where = getattr(space, "__file__", "") or ""
    if space is None or not (where == "" or "site-packages" in where or where.startswith(_LIB)):
        return None
    found: Any = space
    for part in name.split("."):
        found = getattr(found, part, None)
    return [Tag.LIBRARY, module, name] if found is value else None


_LIB = functools.__file__.rpartition("/")[0]


def library_object(module: str, name: str) -> Any:
    """Return the function or class of a library that :func:`encode_by_name` encoded."""
    space: Any = importlib.import_module(module)
    return functools.reduce(getattr, name.split("."), space)
