"""Tables of pandas and sparse matrices of SciPy as plain data, if these libraries are loaded.

Never as a pickle: columns are sent as arrays, those of objects item by item.
"""

from __future__ import annotations

import sys
from typing import Any

from autograder.wire.interfaces import ValueDecoder, ValueEncoder
from autograder.wire.tags import Code, Tag

_SPARSE = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")


def encode(value: Any, encoder: ValueEncoder) -> Code | None:
    """Return the code of a table, a column, an index or a sparse matrix; else None."""
    pandas, sparse = sys.modules.get("pandas"), sys.modules.get("scipy.sparse")
    if pandas is not None and getattr(pandas, "DataFrame", None) is not None:
        code = _encode_pandas(value, encoder, pandas)
        if code is not None:
            return code
    if sparse is not None and hasattr(sparse, "issparse") and sparse.issparse(value):
        coo = value.tocoo()
        axes = encoder.encode_all([coo.data, *coo.coords])
        matrix = isinstance(value, sparse.spmatrix)
        return [Tag.SPARSE, value.format, matrix, list(coo.shape), axes]
    return None


def decode(tag: str, rest: list[Any], decoder: ValueDecoder) -> Any:
    """Return the value of a code.

    Raises:
        ValueError, LookupError, TypeError: not one of these.
    """
    if tag == Tag.PANDAS:
        import pandas

        return _decode_pandas(rest, decoder, pandas)
    import scipy.sparse

    kind, matrix, shape, axes = rest
    if kind not in _SPARSE or type(matrix) is not bool:
        raise ValueError("not a sparse matrix")
    data, *coords = decoder.decode_all(axes)
    make = scipy.sparse.coo_matrix if matrix else scipy.sparse.coo_array
    return make((data, tuple(coords)), shape=tuple(shape)).asformat(kind)


def _encode_pandas(value: Any, encoder: ValueEncoder, pandas: Any) -> Code | None:
    if isinstance(value, pandas.DataFrame):
        columns = [_column(value.iloc[:, n], encoder) for n in range(value.shape[1])]
        axes = [encoder.encode(pandas.Index(axis)) for axis in (value.index, value.columns)]
        return [Tag.PANDAS, "frame", axes, columns]
    if isinstance(value, pandas.Series):
        axis = encoder.encode(pandas.Index(value.index))
        return [Tag.PANDAS, "series", axis, encoder.encode(value.name), _column(value, encoder)]
    if isinstance(value, pandas.MultiIndex):
        names = encoder.encode_all(value.names)
        return [Tag.PANDAS, "levels", names, encoder.encode_all(value.tolist())]
    if isinstance(value, pandas.RangeIndex):
        parts = encoder.encode(range(value.start, value.stop, value.step))
        return [Tag.PANDAS, "range", encoder.encode(value.name), parts]
    if isinstance(value, pandas.Index):
        steps = getattr(value, "freqstr", None)
        return [Tag.PANDAS, "index", encoder.encode(value.name), _column(value, encoder), steps]
    if isinstance(value, pandas.Timestamp):
        return [Tag.PANDAS, "timestamp", value.isoformat()]
    if isinstance(value, pandas.Timedelta):
        return [Tag.PANDAS, "timedelta", int(value.value)]
    if value is pandas.NA or value is pandas.NaT:
        return [Tag.PANDAS, "missing", str(value)]
    return None


def _column(column: Any, encoder: ValueEncoder) -> Code:
    """Return values of one type, and pandas' name of the type."""
    import numpy as np
    import pandas

    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        return [str(dtype), encoder.encode(np.asarray(column))]
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = encoder.encode(pandas.Index(dtype.categories))
        codes = np.asarray(column.cat.codes if hasattr(column, "cat") else column.codes)
        return ["category", encoder.encode(codes), categories, bool(dtype.ordered)]
    return [str(dtype), encoder.encode(np.array([*column.tolist(), None], object)[:-1])]


def _decode_pandas(rest: list[Any], decoder: ValueDecoder, pandas: Any) -> Any:
    kind, *rest = rest
    match kind:
        case "frame":
            index, names = decoder.decode_all(rest[0])
            if len(names) != len(rest[1]):
                raise ValueError("a table with other names than columns")
            columns = [pandas.Series(_values(code, decoder), index=index) for code in rest[1]]
            frame = pandas.DataFrame(dict(enumerate(columns)), index=index)
            frame.columns = names
            return frame
        case "series":
            index, name = decoder.decode(rest[0]), decoder.decode(rest[1])
            return pandas.Series(_values(rest[2], decoder), index=index, name=name)
        case "levels":
            names = decoder.decode_all(rest[0])
            return pandas.MultiIndex.from_tuples(decoder.decode_all(rest[1]), names=names)
        case "range":
            return pandas.RangeIndex(decoder.decode(rest[1]), name=decoder.decode(rest[0]))
        case "index":
            index = pandas.Index(_values(rest[1], decoder), name=decoder.decode(rest[0]))
            if rest[2] and isinstance(index, pandas.DatetimeIndex | pandas.TimedeltaIndex):
                index.freq = rest[2]
            return index
        case "timestamp":
            return pandas.Timestamp(rest[0])
        case "timedelta":
            return pandas.Timedelta(rest[0], "ns")
        case "missing":
            return {"<NA>": pandas.NA, "NaT": pandas.NaT}[rest[0]]
    raise ValueError("not a table")


def _values(code: Code, decoder: ValueDecoder) -> Any:
    import pandas

    dtype, *rest = code
    values = decoder.decode(rest[0])
    if dtype == "category":
        kind = pandas.CategoricalDtype(decoder.decode(rest[1]), ordered=bool(rest[2]))
        return pandas.Categorical.from_codes(values, dtype=kind)
    if values.dtype == object:
        return pandas.array(values.tolist(), dtype=dtype) if dtype != "object" else values
    return values
