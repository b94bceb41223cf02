"""Arguments that a call may change: the judge's side and the student's.

Every list, dict, set, array, table or object of an instructor's class that a test hands over has a
number during the call. Where it comes back, changed or as the result, the judge's own is meant: it
is updated in place and keeps its identity, also within other arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autograder.engine.mutable_values import encode_object, given_class, is_mutable, update
from autograder.wire.codec import CodecError, Encoder
from autograder.wire.tags import Code, Tag


class SentArguments:
    """In the judge: what the arguments of one call hold that can be changed."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._open: set[int] = set()

    def encode(self, value: Any, encoder: Encoder, given: Mapping[str, object]) -> Code | None:
        """Return the code of something that can be changed, with its number; else None."""
        name = given_class(value, given)
        if name is None and not is_mutable(value):
            return None
        if id(value) in self._open:
            raise CodecError("a value that holds itself cannot be handed over")
        if (number := self._numbers.get(id(value))) is not None:
            return [Tag.ARGUMENT_AGAIN, number]
        number = self._numbers[id(value)] = len(self._values)
        self._values.append(value)
        self._open.add(id(value))
        inner = encoder.encode_inner(value) if name is None else encode_object(value, name, encoder)
        self._open.discard(id(value))
        return [Tag.ARGUMENT, number, inner]

    def updated(self, number: object, new: Any) -> Any:
        """Return the value with a number, updated to `new`, if that is not None."""
        if type(number) is not int or not 0 <= number < len(self._values):
            raise CodecError("a reference to an argument that was not handed over")
        value = self._values[number]
        if new is not None:
            update(value, new)
        return value


class ReceivedArguments:
    """In the student's process: what a call's arguments hold that can be changed."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._sent: set[int] = set()

    def note(self, number: int, value: Any) -> Any:
        """Remember what was received with a number, and return it."""
        self._values[number] = value
        self._numbers[id(value)] = number
        return value

    def value(self, number: int) -> Any:
        """Return what was received with a number."""
        return self._values[number]

    def begin_message(self) -> None:
        """Begin a message, in which each is sent as it is now."""
        self._sent.clear()

    def encode(self, value: Any, encoder: Encoder, given: Mapping[str, object]) -> Code | None:
        """Return the code of something that was received in this call; else None."""
        number = self._numbers.get(id(value))
        if number is None:
            return None
        if number in self._sent:
            return [Tag.ARGUMENT_BACK, number, None]
        self._sent.add(number)
        name = given_class(value, given)
        inner = encoder.encode_inner(value) if name is None else encode_object(value, name, encoder)
        return [Tag.ARGUMENT_BACK, number, inner]


Snapshot = tuple[str, list[bytes]]


def snapshot(value: Any, given: Mapping[str, object]) -> Snapshot | None:
    """Return what shows, compared, whether a call changed its argument; None if nothing can."""
    may_hold = isinstance(value, tuple) or is_mutable(value)
    if not may_hold and given_class(value, given) is None:
        return None
    seen: dict[int, int] = {}

    def first(value: Any, encoder: Encoder) -> Code | None:
        name = given_class(value, given)
        if name is None:
            return None
        if id(value) in seen:
            return ["seen", seen[id(value)]]
        seen[id(value)] = len(seen)
        return encode_object(value, name, encoder)

    encoder = Encoder(lambda value, encoder: ["other", id(value)], first)
    try:
        code = json.dumps(encoder.encode(value))
    except CodecError:
        return None
    return code, encoder.blobs
