"""Reading integer arguments, loudly. Shared by the modules of this package."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from course.errors import UsageError

Size = int | tuple[int, ...]


def integer(value, name: str, minimum: int = 1) -> int:
    """`value` as a plain int of at least `minimum`; UsageError otherwise."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise UsageError(f"{name} must be an integer; received {name}={value!r}.") from None
    if number < minimum:
        raise UsageError(f"{name} must be at least {minimum}; received {name}={number}.")
    return number


def axes(value: Size, name: str, minimum: int = 1) -> tuple[int, ...]:
    """`value` as a tuple of ints, one an axis; an int becomes a tuple of one."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        entries = tuple(integer(entry, name, minimum) for entry in value)
        if not entries:
            raise UsageError(f"{name} must have at least one entry; received {name}={value!r}.")
        return entries
    return (integer(value, name, minimum),)


def common_axes(**values: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Stretch tuples of one to the length of the others; UsageError if the lengths disagree."""
    rank = max(len(value) for value in values.values())
    for name, value in values.items():
        if len(value) not in (1, rank):
            raise UsageError(
                f"{name} must be one integer or {rank} integers, one for each axis; "
                f"received {name}={value} with {len(value)}."
            )
    return [value * rank if len(value) == 1 else value for value in values.values()]


def is_scalar(*values) -> bool:
    """True if every value was given as one number, so that the answer is one number too."""
    return not any(isinstance(value, Iterable) and not isinstance(value, str) for value in values)
