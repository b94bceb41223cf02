"""NumPy's arrays and numbers as they are: values, type and shape, without pickles.

Of an array's layout the order is kept, C or Fortran; one that is neither, such as a slice with
steps, arrives in C order with the same values. Byte order is part of the type and is kept, and so
is whether the array may be written to. An array that is a view arrives as one of its own.
"""

from __future__ import annotations

import re
import sys
from math import prod

_KINDS = "biufcSUmMV"
_TYPE = re.compile(r"[<>|][biufcSUmMV]\d+(\[\d*[A-Za-z]+\])?")


def pack(value) -> tuple[bytes, list]:
    """An array's bytes, and what they are: type, shape and order.

    Raises:
        ValueError: it holds Python's objects.
    """
    import numpy as np

    value = np.asarray(value)
    code = _type_code(value.dtype)
    value = value.astype(_type(code), copy=False)  # without gaps between fields
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return value.tobytes(order), [code, list(value.shape), order]


def unpack(data: bytes, code: list):
    """The array that :func:`pack` made this of, as one that may be written to.

    Raises:
        ValueError: it is none, or claims another size than the data have.
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


def _type_code(dtype) -> str | list:
    """A type by name, that of a record by its fields' names, types and shapes."""
    if dtype.names is None:
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of type {dtype} cannot be handed over")
        return dtype.str
    fields = [(name, *_base(dtype[name])) for name in dtype.names]
    return [[name, _type_code(base), list(shape)] for name, base, shape in fields]


def _base(dtype) -> tuple:
    return dtype.subdtype or (dtype, ())


def _type(code: str | list):
    import numpy as np

    if isinstance(code, str):
        if not _TYPE.fullmatch(code):
            raise ValueError
        return np.dtype(code)
    return np.dtype([(str(name), _type(kind), tuple(shape)) for name, kind, shape in code])


def encode(value, encoder) -> list | None:
    """The code of an array or of a NumPy number; None of anything else."""
    np = sys.modules.get("numpy")
    if np is None or not isinstance(value, np.ndarray | np.generic):
        return None
    if isinstance(value, np.generic):
        return ["n", encoder.array(value)]
    if isinstance(value, np.ma.MaskedArray):
        data, mask = np.ma.getdata(value), np.ma.getmaskarray(value)
        return ["ma", *encoder.encode_all([np.asarray(data), mask])]
    name = next((n for n in ("matrix", "recarray") if isinstance(value, getattr(np, n))), "")
    plain = np.ndarray.view(value, np.ndarray)
    writable = bool(plain.flags.writeable)
    if plain.dtype == object:
        return ["ao", list(plain.shape), encoder.encode_all(plain.ravel().tolist()), writable]
    return ["a", encoder.array(plain), writable, name]


def decode(tag: str, rest: list, decoder):
    """The value of a code.

    Raises:
        ValueError, LookupError, TypeError: not one of these.
    """
    import numpy as np

    if tag == "n":
        return decoder.array(rest[0])[()]
    if tag == "ma":
        data, mask = decoder.decode_all(rest)
        if data.shape != mask.shape:
            raise ValueError("a mask of another shape")
        return np.ma.MaskedArray(data, mask=mask)
    if tag == "ao":
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
