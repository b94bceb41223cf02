"""Values as plain data: what may cross between a student's process and the judge.

An encoded value is a JSON list ``[tag, ...]``; arrays and bytes lie beside it. What has no plain
form crosses as a *handle*, a number under which its owner keeps it. Decoding builds only what is
listed here and executes nothing.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 40
MAX_ITEMS = 2_000_000


class CodecError(Exception):
    """Something that is no encoded value, or more of it than is accepted."""


class Encoder:
    """Turns values into plain data.

    Args:
        special: called with a value that has no plain form; returns its code, or None.

    Attributes:
        blobs: bytes that the codes refer to by position.
    """

    def __init__(self, special: Callable[[Any, Encoder], list | None]):
        self.blobs: list[bytes] = []
        self._special = special
        self._items = 0

    def blob(self, data: bytes) -> int:
        """Put bytes beside the code; their position."""
        self.blobs.append(data)
        return len(self.blobs) - 1

    def array(self, value) -> int:
        """Put an array beside the code, without pickles; its position."""
        import numpy as np

        target = io.BytesIO()
        np.save(target, value, allow_pickle=False)
        return self.blob(target.getvalue())

    def encode(self, value, depth: int = 0) -> list:
        """The code of a value."""
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise CodecError("a value nested too deeply, or with too many parts")
        kind = type(value)
        if value is None or kind in (bool, str):
            return ["j", value]
        if kind is int:
            return ["j", value] if value.bit_length() < 1000 else ["i", hex(value)]
        if kind is float:
            return ["j", value] if math.isfinite(value) else ["x", repr(value)]
        if kind in _SEQUENCES:
            return [_SEQUENCES[kind], [self.encode(item, depth + 1) for item in value]]
        if kind is dict:
            pairs = [
                [self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()
            ]
            return ["d", pairs]
        if kind is complex:
            return ["c", value.real.hex(), value.imag.hex()]
        if kind in (bytes, bytearray):
            return ["b", self.blob(bytes(value))]
        if kind in (range, slice):
            parts = (value.start, value.stop, value.step)
            return [
                "r" if kind is range else "sl",
                [self.encode(part, depth + 1) for part in parts],
            ]
        if value is ...:
            return ["e"]
        if (code := self._numpy(value)) is not None:
            return code
        code = self._special(value, self)
        if code is None:
            raise CodecError(f"a {kind.__name__} cannot be handed over")
        return code

    def _numpy(self, value) -> list | None:
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return None
        if type(value) is numpy.ndarray and value.dtype.kind in _DTYPES:
            return ["a", self.array(value)]
        if isinstance(value, numpy.generic) and value.dtype.kind in _DTYPES:
            return ["n", self.array(numpy.asarray(value))]
        return None


_SEQUENCES = {list: "l", tuple: "t", set: "s", frozenset: "fs"}
_BUILD = {tag: kind for kind, tag in _SEQUENCES.items()}
_DTYPES = "biufcSUmM"


class Decoder:
    """Builds values from plain data.

    Args:
        blobs: the bytes beside the code.
        special: called with a code whose tag is not one of the plain ones; returns its value.
    """

    def __init__(self, blobs: list[bytes], special: Callable[[list, Decoder], Any]):
        self._blobs = blobs
        self._special = special
        self._items = 0

    def blob(self, position) -> bytes:
        """Bytes beside the code, by position."""
        if type(position) is not int or not 0 <= position < len(self._blobs):
            raise CodecError("a reference to bytes that are not there")
        return self._blobs[position]

    def array(self, position):
        """An array beside the code; never a pickle."""
        import numpy as np

        try:
            value = np.load(io.BytesIO(self.blob(position)), allow_pickle=False)
        except (ValueError, EOFError, OSError, MemoryError) as error:
            raise CodecError(f"not an array ({type(error).__name__})") from None
        if not isinstance(value, np.ndarray) or value.dtype.kind not in _DTYPES:
            raise CodecError("an array of a type that is not accepted")
        return value

    def decode(self, code, depth: int = 0) -> Any:
        """The value of a code.

        Raises:
            CodecError: not a code, nested too deeply, or with too many parts.
        """
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS or type(code) is not list or not code:
            raise CodecError("not a value")
        try:
            return self._decode(code, depth)
        except (TypeError, ValueError, LookupError, OverflowError, AttributeError) as error:
            raise CodecError(f"not a value ({type(error).__name__})") from None

    def _decode(self, code: list, depth: int) -> Any:
        tag, *rest = code

        def parts(codes):
            return [self.decode(item, depth + 1) for item in codes]

        match tag:
            case "j" if rest[0] is None or type(rest[0]) in (bool, int, float, str):
                return rest[0]
            case "i":
                return int(rest[0], 16)
            case "x":
                return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[rest[0]])
            case "l" | "t" | "s" | "fs":
                return _BUILD[tag](parts(rest[0]))
            case "d":
                return {self.decode(k, depth + 1): self.decode(v, depth + 1) for k, v in rest[0]}
            case "c":
                return complex(float.fromhex(rest[0]), float.fromhex(rest[1]))
            case "b":
                return self.blob(rest[0])
            case "r" | "sl":
                return (range if tag == "r" else slice)(*parts(rest[0]))
            case "e":
                return ...
            case "a":
                return self.array(rest[0])
            case "n":
                return self.array(rest[0])[()]
        return self._special(code, self)
