"""In the student's process: proxies for objects of a test, which stay with the judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

HELD = "__judges__"  # where a proxy keeps its number

# Called as `ask(number, operation, args, kwargs)`; has the judge do it.
Ask = Callable[[int, str, tuple[Any, ...], dict[str, Any]], Any]


def make_proxy(number: int, name: str, kind: str, allowed: Sequence[str], ask: Ask) -> Any:
    """Make what stands here for an object of the judge's.

    Args:
        number: of the object.
        name: its name, if it is a function.
        kind: the name of its class.
        allowed: operations that may be done with it.
        ask: has the judge do one.
    """
    if allowed == ["call"]:
        return _function(number, name, ask)
    space: dict[str, Any] = {f"__{n}__": _method(n, ask) for n in allowed}
    if "call" in allowed:
        space["__call__"] = lambda self, *args, **kwargs: ask(number, "call", args, kwargs)
    space["__getattr__"] = lambda self, name: ask(number, "attribute", (name,), {})
    space["__setattr__"] = lambda self, name, new: ask(number, "setattr", (name, new), {})
    space["__delattr__"] = lambda self, name: ask(number, "delattr", (name,), {})
    if "eq" in allowed and "hash" not in allowed:
        space["__hash__"] = None
    made: Any = object.__new__(type(kind, (), space))
    object.__setattr__(made, HELD, number)
    return made


def _function(number: int, name: str, ask: Ask) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        return ask(number, "call", args, kwargs)

    function.__name__ = function.__qualname__ = name or "function"
    setattr(function, HELD, number)
    return function


def _method(name: str, ask: Ask) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        if name == "exit":
            kind, error, _ = args
            args = (kind, error and str(error))
        return ask(getattr(self, HELD), name, args, {})

    return method


def number_of(value: object) -> int | None:
    """Return the number of the object that a proxy stands for; None for anything else."""
    try:
        number = object.__getattribute__(value, "__dict__").get(HELD)
    except AttributeError:
        return None
    return number if type(number) is int else None
