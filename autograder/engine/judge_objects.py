"""What a test hands to a student's function and that has no plain form: functions, spies, files.

The student's process gets a number, under which it can use the thing over the conversation while a
call of its own is being answered. It can do with it what its caller could do with it by ordinary
means: call it, read its public attributes, iterate. Names that begin with an underscore, frames and
globals are out of reach, and of libraries' objects only such as are named here are handed over.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import io
import random
import sys
import types
from unittest.mock import NonCallableMock

from autograder.engine import operations

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
_ITERATORS = (
    types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())),
    type(iter("")), type(iter({})), type(iter(range(0))), type(iter(set())),
)  # fmt: skip


class Refused(LookupError):
    """What is asked for is not to be had."""


class JudgeObjects:
    """The things that were handed over in one submission's tests."""

    def __init__(self):
        self._things: list = []
        self._numbers: dict[int, int] = {}
        self._served = 0

    def code(self, value) -> list | None:
        """The code of something that may be handed over; None of anything else."""
        allowed = _operations(value)
        if allowed is None:
            return None
        number = self._numbers.get(id(value))
        if number is None:
            self._things.append(value)  # and kept, so that no other takes over its id
            number = self._numbers[id(value)] = len(self._things) - 1
        name = getattr(value, "__name__", "")
        return ["J", number, name if isinstance(name, str) else "", type(value).__name__, allowed]

    def thing(self, number):
        """What has a number.

        Raises:
            Refused: nothing has it.
        """
        if type(number) is not int or not 0 <= number < len(self._things):
            raise Refused("a number that nothing was handed over under")
        return self._things[number]

    def do(self, number, operation, args: list, kwargs: dict):
        """Do something with what was handed over; the result.

        Raises:
            Refused: that is not to be had.
            Exception: what the thing itself raises.
        """
        self._served += 1
        if self._served > MAX_REQUESTS:
            raise Refused("what the test handed over was used too often")
        if number == INPUT:
            return builtins.input(*args)
        value = self.thing(number)
        if operation in ("attribute", "setattr", "delattr"):
            return _attribute(value, operation, args)
        if operation not in (_operations(value) or ()):
            raise Refused(f"a test's {type(value).__name__} does not take part in {operation!r}")
        return operations.DO[operation](value, *args, **kwargs)


def _operations(value) -> tuple[str, ...] | None:
    """What may be done with a value; None if it is not handed over at all."""
    kind = type(value)
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
        return tuple(name for name in operations.of(kind) if name not in ("copy", "deepcopy"))
    return () if isinstance(value, _random_sources()) else None


def _random_sources() -> tuple[type, ...]:
    numpy = sys.modules.get("numpy")
    more = (numpy.random.Generator, numpy.random.RandomState) if numpy else ()
    return random.Random, *more


def _attribute(value, operation: str, args: list):
    """Read or set a public attribute of something that has such."""
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


def by_name(value) -> list | None:
    """The code of a function or class of a library that the student's process has, too."""
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
    found = functools.reduce(lambda part, n: getattr(part, n, None), name.split("."), space)
    return ["g", module, name] if found is value else None


_LIB = functools.__file__.rpartition("/")[0]


def named(module: str, name: str):
    """The function or class of a library that :func:`by_name` gave the code of."""
    space = importlib.import_module(module)
    return functools.reduce(getattr, name.split("."), space)
