"""Values as plain data: what may cross between a student's process and the judge.

An encoded value is a JSON list ``[tag, ...]``; arrays and bytes lie beside it. Decoding builds only
what :class:`autograder.wire.tags.Tag` lists and executes nothing. A value that has no plain form is
left to the caller, who may send a *handle*, a number under which its owner keeps it.

An instance of a subclass of a plain type is encoded as its base, and read with the base's own
methods, whatever the subclass overrides.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from autograder.wire import arrays, stdlib, tables
from autograder.wire.interfaces import CodecError
from autograder.wire.tags import Code, Tag

__all__ = ["CodecError", "Decoder", "Encoder"]

MAX_DEPTH = 40
MAX_ITEMS = 2_000_000

EncodeSpecial: TypeAlias = "Callable[[Any, Encoder], Code | None]"


class Encoder:
    """Turns values into plain data.

    Args:
        special: called with a value that has no plain form; returns its code, or None.
        first: called with each value that JSON does not have before it is looked at; returns a
            code to use instead, or None.

    Attributes:
        blobs: bytes that the codes refer to by position.
        described: IDs of what the caller has described already.
    """

    def __init__(
        self,
        special: EncodeSpecial,
        first: EncodeSpecial = lambda value, encoder: None,
    ):
        self.blobs: list[bytes] = []
        self.described: set[int] = set()
        self._special, self._first = special, first
        self._items = 0
        self._depth = 0

    def blob(self, data: bytes) -> int:
        """Put bytes beside the code; return their position."""
        self.blobs.append(data)
        return len(self.blobs) - 1

    def array(self, value: Any) -> list[Any]:
        """Put an array beside the code, never as a pickle; return its position and what it is."""
        try:
            data, code = arrays.pack(value)
        except ValueError as error:
            raise CodecError(str(error)) from None
        return [self.blob(data), *code]

    def encode(self, value: Any) -> Code:
        """Return the code of a value.

        Raises:
            CodecError: it has no plain form and no special one, or is too large.
        """
        self._items += 1
        if self._depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise CodecError("a value nested too deeply, or with too many parts")
        self._depth += 1
        try:
            return self._encode(value)
        finally:
            self._depth -= 1

    def encode_all(self, values: Iterable[Any]) -> list[Code]:
        """Return the codes of values."""
        return [self.encode(value) for value in values]

    def _encode(self, value: Any) -> Code:
        kind = type(value)
        if value is None or kind in (bool, str):
            return [Tag.JSON, value]
        if kind is int:
            return [Tag.JSON, value] if value.bit_length() < 1000 else [Tag.BIG_INT, hex(value)]
        if kind is float:
            return [Tag.JSON, value] if math.isfinite(value) else [Tag.SPECIAL_FLOAT, repr(value)]
        code = self._first(value, self)
        return self.encode_inner(value) if code is None else code

    def encode_inner(self, value: Any) -> Code:
        """Return the code of a value that JSON does not have, without asking `first` about it."""
        kind: type = type(value)
        code: Code | None = None
        if kind not in _BUILTIN:
            code = arrays.encode(value, self) or tables.encode(value, self)
        if code is None:
            code = _encode_builtin(value, kind, self) or stdlib.encode(value)
        if code is None:
            code = self._special(value, self)
        if code is None:
            raise CodecError(f"a {kind.__name__} cannot be handed over")
        return code


_SEQUENCES: dict[Any, Tag] = {
    list: Tag.LIST, tuple: Tag.TUPLE, set: Tag.SET, frozenset: Tag.FROZENSET,
}  # fmt: skip
_BUILTIN = {dict, bytes, complex, *_SEQUENCES}
_BUILD = {tag: kind for kind, tag in _SEQUENCES.items()}
# The order matters: the first of these that a value is an instance of is read.
_DICTS = {"OrderedDict": OrderedDict, "Counter": Counter, "defaultdict": defaultdict}
_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
_FACTORY: Any = vars(defaultdict)["default_factory"]
_FACTORIES = {kind.__name__: kind for kind in (int, float, str, list, dict, set, tuple, bool)}


def _encode_builtin(value: Any, kind: type, encoder: Encoder) -> Code | None:
    """Return the code of an instance of a built-in type or a subclass, read as the base is."""
    for base, copy in _SCALARS.items():
        if issubclass(kind, base):
            return encoder.encode(copy(value))
    for base, tag in _SEQUENCES.items():
        if issubclass(kind, base):
            items = encoder.encode_all(base.__iter__(value))
            fields = _fields(kind, len(items)) if base is tuple else None
            return [Tag.NAMED_TUPLE, kind.__name__, fields, items] if fields else [tag, items]
    if issubclass(kind, dict):
        return _encode_dict(value, kind, encoder)
    if issubclass(kind, complex):
        value = complex.__pos__(value)
        return [Tag.COMPLEX, value.real.hex(), value.imag.hex()]
    if issubclass(kind, bytes):
        return [Tag.BYTES, encoder.blob(bytes.__getitem__(value, slice(None)))]
    if issubclass(kind, bytearray):
        return [Tag.BYTEARRAY, encoder.blob(bytes(memoryview(value)))]
    if issubclass(kind, deque):
        length = deque.maxlen.__get__(value)
        return [Tag.DEQUE, length, encoder.encode_all(deque.__iter__(value))]
    if kind in _VIEWS:
        return [Tag.DICT_VIEW, _VIEWS[kind], encoder.encode_all(value)]
    if kind in (range, slice):
        parts = (value.start, value.stop, value.step)
        return [Tag.RANGE if kind is range else Tag.SLICE, encoder.encode_all(parts)]
    return [Tag.ELLIPSIS] if value is ... else None


# These make of an instance of a subclass one of the base.
_SCALARS: dict[type, Callable[[Any], Any]] = {
    int: int.__index__,
    float: float.__float__,
    str: str.__str__,
}


def _encode_dict(value: Any, kind: type, encoder: Encoder) -> Code:
    name = next((name for name, base in _DICTS.items() if issubclass(kind, base)), "")
    # An OrderedDict keeps an order of its own besides that of the dict that it is.
    items = OrderedDict.items(value) if name == "OrderedDict" else dict.items(value)
    pairs = [[encoder.encode(key), encoder.encode(item)] for key, item in list(items)]
    if not name:
        return [Tag.DICT, pairs]
    factory = _FACTORY.__get__(value) if name == "defaultdict" else None
    known = next((label for label, kind in _FACTORIES.items() if kind is factory), None)
    return [Tag.COLLECTION, name, known, pairs]


def _fields(kind: type, count: int) -> list[str] | None:
    """Return the names of a named tuple's fields; None of any other tuple."""
    fields = getattr(kind, "_fields", None)
    if type(fields) is tuple and len(fields) == count and all(type(f) is str for f in fields):
        return list(fields)
    return None


class Decoder:
    """Builds values from plain data.

    Args:
        blobs: the bytes beside the code.
        special: called with a code whose tag is not one of the plain ones; returns its value.
    """

    def __init__(self, blobs: list[bytes], special: Callable[[Code, Decoder], Any]):
        self._blobs = blobs
        self._special = special
        self._items = 0
        self._depth = 0

    def blob(self, position: object) -> bytes:
        """Return bytes beside the code, by position."""
        if type(position) is not int or not 0 <= position < len(self._blobs):
            raise CodecError("a reference to bytes that are not there")
        return self._blobs[position]

    def array(self, code: list[Any]) -> Any:
        """Return an array beside the code."""
        if type(code) is not list or not code:
            raise CodecError("not an array")
        try:
            return arrays.unpack(self.blob(code[0]), code[1:])
        except ValueError as error:
            raise CodecError(str(error)) from None

    def decode(self, code: object) -> Any:
        """Return the value of a code.

        Raises:
            CodecError: not a code, nested too deeply, or with too many parts.
        """
        self._items += 1
        if self._depth > MAX_DEPTH or self._items > MAX_ITEMS or type(code) is not list or not code:
            raise CodecError("not a value")
        self._depth += 1
        try:
            return self._decode(code)
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            raise CodecError(f"not a value ({type(error).__name__})") from None
        finally:
            self._depth -= 1

    def decode_all(self, codes: object) -> list[Any]:
        """Return the values of codes."""
        if type(codes) is not list:
            raise CodecError("not a list of values")
        return [self.decode(code) for code in codes]

    def _pairs(self, pairs: Iterable[tuple[object, object]]) -> list[tuple[Any, Any]]:
        return [(self.decode(key), self.decode(value)) for key, value in pairs]

    def _decode(self, code: Code) -> Any:
        tag, *rest = code
        match tag:
            case Tag.JSON if rest[0] is None or type(rest[0]) in (bool, int, float, str):
                return rest[0]
            case Tag.BIG_INT:
                return int(rest[0], 16)
            case Tag.SPECIAL_FLOAT:
                return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[rest[0]])
            case Tag.LIST | Tag.TUPLE | Tag.SET | Tag.FROZENSET:
                return _BUILD[tag](self.decode_all(rest[0]))
            case Tag.NAMED_TUPLE:
                name, fields, items = rest
                return _named_tuple(name, tuple(fields))._make(self.decode_all(items))
            case Tag.DICT:
                return dict(self._pairs(rest[0]))
            case Tag.COLLECTION:
                return _collection(rest[0], rest[1], self._pairs(rest[2]))
            case Tag.DEQUE:
                return deque(self.decode_all(rest[1]), maxlen=rest[0])
            case Tag.DICT_VIEW:
                return _view(rest[0], self.decode_all(rest[1]))
            case Tag.COMPLEX:
                return complex(float.fromhex(rest[0]), float.fromhex(rest[1]))
            case Tag.BYTES | Tag.BYTEARRAY:
                return (bytes if tag == Tag.BYTES else bytearray)(self.blob(rest[0]))
            case Tag.RANGE | Tag.SLICE:
                return (range if tag == Tag.RANGE else slice)(*self.decode_all(rest[0]))
            case Tag.ELLIPSIS:
                return ...
            case Tag.STDLIB | Tag.TYPE:
                return stdlib.decode(tag, rest)
            case Tag.ARRAY | Tag.SCALAR | Tag.OBJECT_ARRAY | Tag.MASKED_ARRAY:
                return arrays.decode(tag, rest, self)
            case Tag.PANDAS | Tag.SPARSE:
                return tables.decode(tag, rest, self)
        return self._special(code, self)


def _collection(name: str, factory: str | None, pairs: list[tuple[Any, Any]]) -> Any:
    if name == "Counter":
        return Counter(dict(pairs))
    if name == "defaultdict":
        return defaultdict(_FACTORIES[factory] if factory else None, pairs)
    return OrderedDict(pairs) if name == "OrderedDict" else None


def _view(kind: str, items: list[Any]) -> Any:
    if kind == "keys":
        return dict.fromkeys(items).keys()
    return dict(enumerate(items)).values() if kind == "values" else dict(items).items()


@lru_cache(256)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    """Return a class of named tuples; `namedtuple` refuses what cannot be the name of a field."""
    if len(fields) > 500 or not all(type(text) is str and len(text) < 200 for text in fields):
        raise ValueError("not the names of fields")
    return namedtuple(name if type(name) is str and name.isidentifier() else "row", fields)
