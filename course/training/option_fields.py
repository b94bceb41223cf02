"""Fields of a dataclass as options of a command line. Loads no Keras."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from typing import Any, NamedTuple


class Argument(NamedTuple):
    """An option on the command line."""

    flags: tuple[str, ...]  # none for the positional argument
    minimum: int | None
    text: Callable[[Any], str]  # writes a value as it is typed
    settings: dict[str, Any]  # of argparse's add_argument


def option(
    help: str,
    *flags: str,
    minimum: int | None = None,
    text: Callable[[Any], str] = str,
    **settings: Any,
) -> dict[str, Argument]:
    """Metadata of a field that is an option; the flag is the field's name if none is given."""
    return {"argument": Argument(flags, minimum, text, {"help": help, **settings})}


def size(text: str) -> tuple[int, int]:
    """Read "64x48": height and width."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        message = f"must look like 64x64; received {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return height, width


def item(text: str) -> tuple[str, Any]:
    """Read "depth=50", a name and a literal of Python; anything else is a string."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE; received {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def count(help: str, metavar: str = "N", minimum: int = 1) -> dict[str, Argument]:
    """Metadata of a field that is a whole number, `minimum` at least."""
    return option(help, type=int, metavar=metavar, minimum=minimum)


def items(help: str, flag: str) -> dict[str, Argument]:
    """Metadata of a field with pairs of names and values, one for each use of the flag."""
    return option(help, flag, type=item, metavar="KEY=VALUE", action="append")


def arguments(kind: type[Any]) -> Iterator[tuple[Field[Any], Argument]]:
    """Yield the fields of a class of options with their arguments, the positional one first."""
    for number, part in enumerate(fields(kind)):
        argument: Argument = part.metadata["argument"]
        if number and not argument.flags:
            argument = argument._replace(flags=(f"--{part.name.replace('_', '-')}",))
        yield part, argument
