"""Special methods of stand-ins: each asks the student's process, and takes a claim for no more."""

from __future__ import annotations

from autograder.engine import operations
from autograder.engine.remote import remote_of


def equal(one, other) -> bool:
    """Equality: of two things of the student's their owner may say it, else the judge decides."""
    if one is other:
        return True
    mine, theirs = remote_of(one), remote_of(other)
    if mine.plain or (theirs and theirs.plain):
        return (mine.data() if mine.plain else one) == (
            theirs.data() if theirs and theirs.plain else other
        )
    if theirs is None:
        return False
    return mine.operate("eq", other) is True


def _plain(value, kind: type, what: str):
    """What the student's process answered, if it is of the type that Python wants."""
    if type(value) is not kind:
        raise TypeError(f"{what} should give {kind.__name__}, but gave {value!r}")
    return value


def _unary(name: str):
    def method(self):
        return self.__remote__.operate(name)

    return method


def _typed(name: str, kind: type):
    def method(self):
        return _plain(self.__remote__.operate(name), kind, f"{name}()")

    return method


def _passed_on(name: str):
    def method(self, *args):
        return self.__remote__.operate(name, *args)

    return method


def _of_two(name: str):
    """An operator, which is the student's to compute if both sides are."""

    def method(self, other):
        mine, theirs = remote_of(self), remote_of(other)
        if mine.plain and theirs is None and name in operations.ORDER:
            return operations.DO[name](mine.data(), other)
        if theirs is None:
            raise TypeError(
                f"{mine.named()} cannot be compared or computed with a test's "
                f"{type(other).__name__}: return plain numbers, lists or arrays"
            )
        return mine.operate(name, other)

    return method


def _exit(self, kind, error, traceback):
    return self.__remote__.operate("exit", kind, error and str(error)) is True


def _contains(self, item):
    remote = self.__remote__
    if remote.plain:
        return item in remote.data()
    if remote_of(item) is not None:
        return _plain(remote.operate("contains", item), bool, "in")
    if remote.own:
        raise TypeError(
            f"{remote.named()} cannot be asked whether a value of a test is in it: "
            "return a list, a set or a dict"
        )
    return any(item == found for found in self)


def call(self, *args, **kwargs):
    return self.__remote__.call(args, kwargs)


def _length(self):
    length = _plain(self.__remote__.operate("len"), int, "len()")
    if length < 0:
        raise ValueError("len() should give a number that is not below 0")
    return length


METHODS = {name: _unary(name) for name in ("iter", "next", "reversed", "abs", "neg", "pos")}
METHODS |= {
    name: _typed(name, kind)
    for name, kind in {
        "bool": bool, "int": int, "float": float, "complex": complex, "index": int, "str": str,
        "repr": str, "hash": int,
    }.items()
}  # fmt: skip
METHODS |= {
    name: _passed_on(name)
    for name in ("getitem", "setitem", "delitem", "format", "round", "enter", "invert")
}
METHODS |= {name: _of_two(name) for name in (*operations.ARITHMETIC, *operations.ORDER)}
METHODS |= {"call": call, "len": _length, "contains": _contains, "exit": _exit}
