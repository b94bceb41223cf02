"""Validation of integer arguments."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import SupportsIndex, cast

from course.errors import UsageError

Size = int | tuple[int, ...]


def integer(value: object, name: str, minimum: int = 1) -> int:
    """Return `value` as an int, or raise UsageError if it is none or less than `minimum`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(cast(SupportsIndex, value))
    except TypeError:
        raise UsageError(f"{name} must be an integer; received {name}={value!r}.") from None
    if number < minimum:
        raise UsageError(f"{name} must be at least {minimum}; received {name}={number}.")
    return number


def axes(value: Size | str, name: str, minimum: int = 1) -> tuple[int, ...]:
    """Return `value` as a tuple of ints, one per axis; an int becomes a tuple of one."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        entries = tuple(integer(entry, name, minimum) for entry in value)
        if not entries:
            raise UsageError(f"{name} must have at least one entry; received {name}={value!r}.")
        return entries
    return (integer(value, name, minimum),)


def common_axes(**values: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Repeat tuples of one to the length of the others; raise UsageError if lengths disagree."""
    rank = max(len(value) for value in values.values())
    for name, value in values.items():
        if len(value) not in (1, rank):
            raise UsageError(
                f"{name} must be one integer or {rank} integers, one for each axis; "
                f"received {name}={value} with {len(value)}."
            )
    return [value * rank if len(value) == 1 else value for value in values.values()]


def is_scalar(*values: object) -> bool:
    """Return whether every value is one number, so that the result is one number too."""
    return not any(isinstance(value, Iterable) and not isinstance(value, str) for value in values)
