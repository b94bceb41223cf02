"""Values of the standard library as text, and its types by name, from a list of those accepted."""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import pathlib
import sys
from collections.abc import Callable
from typing import Any

from autograder.wire.tags import Code, Tag

MAX_TEXT = 100_000


def _seconds(value: datetime.timedelta) -> str:
    plain = datetime.timedelta.__pos__(value)
    return f"{plain.days} {plain.seconds} {plain.microseconds}"


def _offset(value: datetime.timezone) -> str:
    return _seconds(datetime.timezone.utcoffset(value, None))


# name: (type, its text, the value of a text). The order matters: a datetime is a date, too.
_KINDS: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "Decimal": (decimal.Decimal, decimal.Decimal.__str__, decimal.Decimal),
    "Fraction": (
        fractions.Fraction,
        lambda value: f"{value.numerator}/{value.denominator}",
        lambda text: fractions.Fraction(*map(int, text.split("/"))),
    ),
    "datetime": (
        datetime.datetime,
        datetime.datetime.isoformat,
        datetime.datetime.fromisoformat,
    ),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "timedelta": (
        datetime.timedelta,
        _seconds,
        lambda text: datetime.timedelta(*map(int, text.split())),
    ),
    "timezone": (
        datetime.timezone,
        _offset,
        lambda text: datetime.timezone(datetime.timedelta(*map(int, text.split()))),
    ),
    "path": (pathlib.PurePath, pathlib.PurePath.__str__, pathlib.Path),
}
# Types that annotations and `dtype=` name. They are looked up by name, so only such as do nothing
# but make a value of their argument.
_TYPES = {
    kind.__name__: kind
    for kind in vars(builtins).values()
    if isinstance(kind, type)
    and kind not in (type, super, property, classmethod, staticmethod, memoryview)
    and not kind.__name__.startswith("_")
} | {"NoneType": type(None)}
_TYPES |= {
    f"{module.__name__}.{name}": getattr(module, name)
    for module, names in (
        (collections, ("Counter", "OrderedDict", "defaultdict", "deque")),
        (datetime, ("datetime", "date", "time", "timedelta")),
        (decimal, ("Decimal",)),
        (fractions, ("Fraction",)),
    )
    for name in names
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def encode(value: object) -> Code | None:
    """Return the code of a value or a type of the standard library; else None."""
    if isinstance(value, type):
        name = _NAMES.get(value)
        if name is None and _is_numpy_type(value):
            name = f"numpy.{value.__name__}"
        return None if name is None else [Tag.TYPE, name]
    for name, (kind, text, _) in _KINDS.items():
        if issubclass(type(value), kind):
            return [Tag.STDLIB, name, text(value)]
    return None


def decode(tag: str, rest: list[Any]) -> Any:
    """Return the value of a code.

    Raises:
        ValueError, LookupError: not one of these.
    """
    if tag == Tag.TYPE:
        return _type(rest[0])
    name, text = rest
    if type(text) is not str or len(text) > MAX_TEXT:
        raise ValueError("not the text of a value")
    return _KINDS[name][2](text)


def _type(name: str) -> type:
    module, _, kind = name.rpartition(".")
    if module != "numpy":
        return _TYPES[name]
    found: type = getattr(sys.modules["numpy"], kind)
    if not _is_numpy_type(found):
        raise ValueError("not a type that is accepted")
    return found


def _is_numpy_type(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, type):
        return False
    known = value is numpy.ndarray or issubclass(value, numpy.generic)
    return known and getattr(numpy, value.__name__, None) is value
