"""In the student's process: what came from the judge in a call, and what goes back as its own."""

from __future__ import annotations

import json

from autograder.engine import mutable_values
from autograder.wire.codec import CodecError, Encoder


class Received:
    """Lists, dicts, arrays and the like that a call brought, by the numbers they came with."""

    def __init__(self):
        self._values: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._told: set[int] = set()

    def note(self, number: int, value):
        """Remember what came with a number."""
        self._values[number] = value
        self._numbers[id(value)] = number
        return value

    def value(self, number: int):
        """What came with a number."""
        return self._values[number]

    def code(self, value, encoder: Encoder, given: dict) -> list | None:
        """The code of something that came in this call; None of anything else."""
        number = self._numbers.get(id(value))
        if number is None:
            return None
        if number in self._told:
            return ["=", number, None]
        self._told.add(number)
        name = mutable_values.given_class(value, given)
        inner = encoder.encode_inner(value) if name is None else plain_object(value, name, encoder)
        return ["=", number, inner]


def plain_object(value, name: str, encoder: Encoder) -> list:
    """The code of an object of an instructor's class."""
    return ["O", name, encoder.encode_inner(dict(mutable_values.state(value)))]


def snapshot(value, given: dict) -> tuple | None:
    """What can be compared to see that a call changed its argument; None for what it cannot."""
    may_hold = isinstance(value, tuple) or mutable_values.is_changeable(value)
    if not may_hold and mutable_values.given_class(value, given) is None:
        return None
    seen: dict[int, int] = {}

    def first(value, encoder):
        name = mutable_values.given_class(value, given)
        if name is None:
            return None
        if id(value) in seen:
            return ["seen", seen[id(value)]]
        seen[id(value)] = len(seen)
        return plain_object(value, name, encoder)

    encoder = Encoder(lambda value, encoder: ["other", id(value)], first)
    try:
        code = json.dumps(encoder.encode(value))
    except CodecError:
        return None
    return code, encoder.blobs
