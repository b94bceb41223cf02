"""Subclasses of Python's plain types: which of their behavior the base lacks."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque

_BASES = (
    *(OrderedDict, Counter, defaultdict, deque, list, tuple, set, frozenset, dict),
    *(int, float, str, complex, bytes, bytearray),
)
_OPERATORS = {
    f"__{side}{name}__"
    for side in ("", "r", "i")
    for name in ("add sub mul matmul truediv floordiv mod pow and or xor lshift rshift").split()
} | {"__call__", "__enter__", "__neg__", "__abs__", "__invert__"}


def own_behavior(kind: type) -> str:
    """Return what kind of behavior of a plain type's subclass would be lost in the base.

    Constructors, fields and what describes the value (its text, its length, equality) do not count.

    Returns:
        "operators", if it computes with operators of its own; "methods", if it has methods or
        attributes alone; else nothing.
    """
    base = next((base for base in _BASES if issubclass(kind, base)), None)
    if base is None or kind is base:
        return ""
    fields = set(getattr(kind, "_fields", ()))
    parents = kind.__mro__[: kind.__mro__.index(base)]
    own = {name for parent in parents if parent.__module__ == "__main__" for name in vars(parent)}
    if own & _OPERATORS:
        return "operators"
    return "methods" if any(not name.startswith("_") for name in own - fields) else ""


def is_fixed(kind: type) -> bool:
    """Return whether values of a plain type, or of a subclass, cannot be changed."""
    return issubclass(kind, (int, float, str, complex, bytes, tuple, frozenset))
