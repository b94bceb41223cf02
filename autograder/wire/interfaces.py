"""What the codecs of single kinds of values need of an encoder and a decoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from autograder.wire.tags import Code


class CodecError(Exception):
    """Not an encoded value, or more of it than is accepted."""


class ValueEncoder(Protocol):
    """Turns values into plain data."""

    def blob(self, data: bytes) -> int:
        """Put bytes beside the code; return their position."""

    def array(self, value: Any) -> list[Any]:
        """Put an array beside the code; return its position, type, shape and order."""

    def encode(self, value: Any) -> Code:
        """Return the code of a value."""

    def encode_all(self, values: Iterable[Any]) -> list[Code]:
        """Return the codes of values."""


class ValueDecoder(Protocol):
    """Builds values from plain data."""

    def blob(self, position: object) -> bytes:
        """Return bytes beside the code, by position."""

    def array(self, code: list[Any]) -> Any:
        """Return an array beside the code."""

    def decode(self, code: object) -> Any:
        """Return the value of a code."""

    def decode_all(self, codes: object) -> list[Any]:
        """Return the values of codes."""
