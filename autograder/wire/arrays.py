"""NumPy's arrays and numbers as plain data: values, type and shape, without pickles.

The order of an array is kept, C or Fortran; one that has neither, such as a slice with steps,
becomes an array in C order with the same values. Byte order is part of the type and is kept, and so
is whether the array may be written to. A view becomes an array of its own.
"""

from __future__ import annotations

import re
import sys
from math import prod
from typing import Any

from autograder.wire.interfaces import ValueDecoder, ValueEncoder
from autograder.wire.tags import Code, Tag

_KINDS = "biufcSUmMV"
_TYPE = re.compile(r"[<>|][biufcSUmMV]\d+(\[\d*[A-Za-z]+\])?")


def pack(value: Any) -> tuple[bytes, list[Any]]:
    """Return an array's bytes, and what they are: type, shape and order.

    Raises:
        ValueError: it holds Python objects.
    """
    import numpy as np

    value = np.asarray(value)
    code = _type_code(value.dtype)
    value = value.astype(_type(code), copy=False)  # without gaps between fields
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return value.tobytes(order), [code, list(value.shape), order]


def unpack(data: bytes, code: list[Any]) -> Any:
    """Return the array that :func:`pack` made this of, as one that may be written to.

    Raises:
        ValueError: not such a code, or one of another size than the data have.
    """
    import numpy as np

    try:
        dtype, shape, order = code
        dtype, shape = _type(dtype), tuple(shape)
        if not all(type(side) is int and side >= 0 for side in shape) or order not in ("C", "F"):
            raise ValueError
        if prod(shape) * dtype.itemsize != len(data):
            raise ValueError
        if not data:
            return np.empty(shape, dtype)
        return np.frombuffer(bytearray(data), dtype).reshape(shape, order=order)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError, SyntaxError):
        raise ValueError("not an array of a type that is accepted") from None


def _type_code(dtype: Any) -> str | list[Any]:
    """Return a type's name; of a record, its fields' names, types and shapes."""
    if dtype.names is None:
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of type {dtype} cannot be handed over")
        return str(dtype.str)
    fields = [(name, *_base(dtype[name])) for name in dtype.names]
    return [[name, _type_code(base), list(shape)] for name, base, shape in fields]


def _base(dtype: Any) -> tuple[Any, tuple[int, ...]]:
    return dtype.subdtype or (dtype, ())


def _type(code: str | list[Any]) -> Any:
    import numpy as np

    if isinstance(code, str):
        if not _TYPE.fullmatch(code):
            raise ValueError
        return np.dtype(code)
    return np.dtype([(str(name), _type(kind), tuple(shape)) for name, kind, shape in code])


def encode(value: Any, encoder: ValueEncoder) -> Code | None:
    """Return the code of an array or of a NumPy number; else None."""
    np = sys.modules.get("numpy")
    if np is None or not isinstance(value, np.ndarray | np.generic):
        return None
    if isinstance(value, np.generic):
        return [Tag.SCALAR, encoder.array(value)]
    if isinstance(value, np.ma.MaskedArray):
        data, mask = np.ma.getdata(value), np.ma.getmaskarray(value)
        return [Tag.MASKED_ARRAY, *encoder.encode_all([np.asarray(data), mask])]
    name = next((n for n in ("matrix", "recarray") if isinstance(value, getattr(np, n))), "")
    plain = np.ndarray.view(value, np.ndarray)
    writable = bool(plain.flags.writeable)
    if plain.dtype == object:
        return [
            Tag.OBJECT_ARRAY,
            list(plain.shape),
            encoder.encode_all(plain.ravel().tolist()),
            writable,
        ]
    return [Tag.ARRAY, encoder.array(plain), writable, name]


def decode(tag: str, rest: list[Any], decoder: ValueDecoder) -> Any:
    """Return the value of a code.

    Raises:
        ValueError, LookupError, TypeError: not one of these.
    """
    import numpy as np

    if tag == Tag.SCALAR:
        return decoder.array(rest[0])[()]
    if tag == Tag.MASKED_ARRAY:
        data, mask = decoder.decode_all(rest)
        if data.shape != mask.shape:
            raise ValueError("a mask of another shape")
        return np.ma.MaskedArray(data, mask=mask)
    if tag == Tag.OBJECT_ARRAY:
        shape, codes, writable = rest
        value = np.empty(len(codes), object)
        # One by one: NumPy would take a list among them for a further axis.
        for position, item in enumerate(decoder.decode_all(codes)):
            value[position] = item
        value = value.reshape(tuple(shape))
    else:
        value = decoder.array(rest[0])
        writable, name = rest[1:]
        if name in ("matrix", "recarray"):
            value = value.view(getattr(np, name))
    if not writable:
        value.flags.writeable = False
    return value
