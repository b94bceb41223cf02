"""In the student's process: stand-ins for what a test handed over, which stays with the judge."""

from __future__ import annotations

from collections.abc import Callable

HELD = "__judges__"  # where a stand-in keeps its number


def borrow(number: int, name: str, kind: str, allowed: list[str], ask: Callable):
    """What stands here for a thing of the judge's.

    Args:
        number: of the thing.
        name: what it is called, if it is a function.
        kind: the name of its class.
        allowed: operations that may be done with it.
        ask: called as ``ask(number, operation, args, kwargs)``; does it over there.
    """
    if allowed == ["call"]:
        return _function(number, name, ask)
    space = {f"__{n}__": _method(n, ask) for n in allowed}
    if "call" in allowed:
        space["__call__"] = lambda self, *args, **kwargs: ask(number, "call", args, kwargs)
    space["__getattr__"] = lambda self, name: ask(number, "attribute", (name,), {})
    space["__setattr__"] = lambda self, name, new: ask(number, "setattr", (name, new), {})
    space["__delattr__"] = lambda self, name: ask(number, "delattr", (name,), {})
    if "eq" in allowed and "hash" not in allowed:
        space["__hash__"] = None
    made = object.__new__(type(kind, (), space))
    object.__setattr__(made, HELD, number)
    return made


def _function(number: int, name: str, ask: Callable):
    def function(*args, **kwargs):
        return ask(number, "call", args, kwargs)

    function.__name__ = function.__qualname__ = name or "function"
    setattr(function, HELD, number)
    return function


def _method(name: str, ask: Callable):
    def method(self, *args):
        if name == "exit":
            kind, error, _ = args
            args = (kind, error and str(error))
        return ask(getattr(self, HELD), name, args, {})

    return method


def number_of(value) -> int | None:
    """The number of what a stand-in stands for; None of anything else."""
    try:
        number = object.__getattribute__(value, "__dict__").get(HELD)
    except AttributeError:
        return None
    return number if type(number) is int else None
