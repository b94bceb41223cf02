"""Special methods of stand-ins: each asks the student's process, and trusts the answer no further.

What the process answers is a claim. Whether a value equals one of the judge's, the judge decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.engine import operations
from autograder.engine.remote import remote_of, the_remote

Method = Callable[..., Any]


def equal(one: Any, other: Any) -> bool:
    """Return whether a stand-in equals a value.

    Of two things of the student's their owner may say it; else the judge decides.
    """
    if one is other:
        return True
    mine, theirs = the_remote(one), remote_of(other)
    if mine.plain or (theirs and theirs.plain):
        left = mine.data() if mine.plain else one
        right = theirs.data() if theirs and theirs.plain else other
        return bool(left == right)
    if theirs is None:
        return False
    return mine.operate("eq", other) is True


def _checked(value: Any, kind: type, what: str) -> Any:
    """Return what the student's process answered, if it has the type that Python wants."""
    if type(value) is not kind:
        raise TypeError(f"{what} should give {kind.__name__}, but gave {value!r}")
    return value


def _unary(name: str) -> Method:
    def method(self: Any) -> Any:
        return the_remote(self).operate(name)

    return method


def _typed(name: str, kind: type) -> Method:
    def method(self: Any) -> Any:
        return _checked(the_remote(self).operate(name), kind, f"{name}()")

    return method


def _passed_on(name: str) -> Method:
    def method(self: Any, *args: Any) -> Any:
        return the_remote(self).operate(name, *args)

    return method


def _binary(name: str) -> Method:
    """Return an operator, which is the student's to compute if both sides are the student's."""

    def method(self: Any, other: Any) -> Any:
        mine, theirs = the_remote(self), remote_of(other)
        if mine.plain and theirs is None and name in operations.ORDER:
            return operations.OPERATIONS[name](mine.data(), other)
        if theirs is None:
            raise TypeError(
                f"{mine.named()} cannot be compared or computed with a test's "
                f"{type(other).__name__}: return plain numbers, lists or arrays"
            )
        return mine.operate(name, other)

    return method


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> bool:
    return the_remote(self).operate("exit", kind, error and str(error)) is True


def _contains(self: Any, item: Any) -> bool:
    remote = the_remote(self)
    if remote.plain:
        return item in remote.data()
    if remote_of(item) is not None:
        return bool(_checked(remote.operate("contains", item), bool, "in"))
    if remote.own:
        raise TypeError(
            f"{remote.named()} cannot be asked whether a value of a test is in it: "
            "return a list, a set or a dict"
        )
    return any(item == found for found in self)


def call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Call what a stand-in stands for."""
    return the_remote(self).call(args, kwargs)


def _length(self: Any) -> int:
    length: int = _checked(the_remote(self).operate("len"), int, "len()")
    if length < 0:
        raise ValueError("len() should give a number that is not below 0")
    return length


_TYPED = {
    "bool": bool, "int": int, "float": float, "complex": complex, "index": int, "str": str,
    "repr": str, "hash": int,
}  # fmt: skip
METHODS: dict[str, Method] = {
    **{name: _unary(name) for name in ("iter", "next", "reversed", "abs", "neg", "pos")},
    **{name: _typed(name, kind) for name, kind in _TYPED.items()},
    **{
        name: _passed_on(name)
        for name in ("getitem", "setitem", "delitem", "format", "round", "enter", "invert")
    },
    **{name: _binary(name) for name in (*operations.ARITHMETIC, *operations.ORDER)},
    "call": call,
    "len": _length,
    "contains": _contains,
    "exit": _exit,
}
