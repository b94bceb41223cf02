"""What both sides of the conversation know how to encode and decode besides plain data."""

from __future__ import annotations

import sys
from typing import Any

from autograder.engine import mutable_values
from autograder.wire import models
from autograder.wire.codec import CodecError, Decoder, Encoder
from autograder.wire.tags import Code, Tag


class ObjectCodec:
    """Encodes and decodes objects that both processes have.

    Attributes:
        given: functions and classes of the instructor's that both processes have, by name.
    """

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def decoder(self, blobs: list[bytes]) -> Decoder:
        """Return a decoder of what the other side sends."""
        return Decoder(blobs, self._decode_special)

    def _decode_special(self, code: Code, decoder: Decoder) -> Any:
        """Return the value of a code that is not plain data."""
        tag, *rest = code
        match tag:
            case Tag.GIVEN_OBJECT:
                return mutable_values.build(self.given[rest[0]], decoder.decode(rest[1]))
            case Tag.GIVEN:
                return self.given[rest[0]]
            case Tag.MODEL | Tag.TENSOR:
                return models.decode(tag, rest, decoder)
        raise CodecError(f"an unknown tag {tag!r:.80}")

    def _encode_shared(self, value: object, encoder: Encoder) -> Code | None:
        """Return the code of a model, a tensor, or something of the instructor's; else None."""
        if "keras" in sys.modules and (code := models.encode(value, encoder)) is not None:
            return code
        for name, given in self.given.items():
            if given is value:
                return [Tag.GIVEN, name]
        return None
