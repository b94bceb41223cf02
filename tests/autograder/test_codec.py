"""Values as plain data: what may cross between a student's process and the judge, and as what."""

import collections
import decimal
import enum
import json
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.wire.codec import CodecError, Decoder, Encoder


def refuse(*args):
    return None


def no_special(code, decoder):
    raise CodecError("special")


def there_and_back(value):
    encoder = Encoder(refuse)
    code = json.loads(json.dumps(encoder.encode(value)))
    return Decoder(encoder.blobs, no_special).decode(code)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.binary().map(bytearray)
    | st.complex_numbers(allow_nan=False) | st.decimals(allow_nan=False)
    | st.fractions() | st.dates() | st.datetimes() | st.times() | st.timedeltas(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    | st.frozensets(st.integers()) | st.sets(st.text())
    | st.lists(inner).map(collections.deque)
    | st.dictionaries(st.text(), inner).map(collections.OrderedDict)
    | st.dictionaries(st.text(), inner).map(lambda d: collections.defaultdict(list, d)),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(plain)
def test_plain_values_cross_unchanged(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


# Without fields that have titles, which are lost.
array_types = (
    hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.array_dtypes(max_size=3)
    | hnp.byte_string_dtypes()
).filter(lambda dtype: "((" not in str(dtype))  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(hnp.arrays(array_types, hnp.array_shapes(min_dims=0, min_side=0, max_side=3)), st.booleans())
def test_arrays_cross_with_their_type(value, writable):
    value = np.asarray(value)
    value.flags.writeable = writable
    back = there_and_back(value)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert back.tobytes() == value.tobytes()
    assert back.flags.writeable == writable


@pytest.mark.parametrize(
    "value",
    [
        np.float32(0.5),
        np.bool_(True),
        np.arange(3, dtype=">f8")[1],
        np.datetime64("2020-02-29"),
        np.str_("a"),
        np.array([("a", 3)], [("name", "U5"), ("age", "i4")])[0],
        np.arange(12.0).reshape(3, 4)[::-2, 1::2],
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.matrix([[1, 2], [3, 4]]),
        np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        np.array([1, "a", None, [2, 3]], object),
        np.zeros((0, 2), object),
    ],
)
def test_numpys_own_types_cross_as_they_are(value):
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    np.testing.assert_array_equal(back, value)


def test_a_masked_array_keeps_its_mask():
    back = there_and_back(np.ma.masked_array([1, 2, 3], [0, 1, 0]))
    assert back.sum() == 4 and back.mask.tolist() == [False, True, False]


def test_an_array_of_a_students_class_crosses_as_an_array():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return np.ones(self.shape, bool)

        def __array_ufunc__(self, *args, **kwargs):
            return 0

    back = there_and_back(np.zeros(2).view(Liar))
    assert type(back) is np.ndarray and not (back == 1).any()


def test_extremes_cross():
    assert there_and_back(float("inf")) == float("inf")
    assert np.isnan(there_and_back(float("nan")))
    assert there_and_back(10**5000) == 10**5000
    assert there_and_back(range(3, 9, 2)) == range(3, 9, 2)
    assert there_and_back(...) is ...
    assert there_and_back(slice(1, None)) == slice(1, None)
    assert there_and_back(decimal.Decimal("NaN")).is_nan()
    assert there_and_back(pathlib.Path("a/b")) == pathlib.Path("a/b")


@pytest.mark.parametrize(
    "kind", [int, float, type(None), list, np.ndarray, np.float32, collections.Counter, ValueError]
)
def test_known_types_cross_by_name(kind):
    assert there_and_back(kind) is kind


# Subclasses


def lying(base, **more):
    """A subclass that lies about everything that can be asked with an operator."""

    def lie(*args):
        return True

    names = "eq ne lt le gt ge contains bool".split()
    wrong = {f"__{name}__": lie for name in names}
    wrong |= {"__iter__": lambda self: iter([]), "__len__": lambda self: 0}
    wrong |= {"__hash__": lambda self: 0, "__str__": lambda self: "?", "items": lambda self: []}
    wrong |= {name: lambda self: base(7) for name in ("__int__", "__index__", "__float__")}
    return type("Liar", (base,), wrong | more)


@settings(max_examples=60, deadline=None)
@given(st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
       | st.lists(st.integers()) | st.tuples(st.text(), st.integers())
       | st.dictionaries(st.text(), st.integers()) | st.sets(st.integers())
       | st.frozensets(st.text()) | st.complex_numbers(allow_nan=False))  # fmt: skip
def test_a_subclass_crosses_as_its_base_whatever_it_says(value):
    base = type(value)
    if base is bool:
        return
    back = there_and_back(lying(base)(value))
    assert type(back) is base
    assert back == value


def test_collections_keep_what_they_can():
    counted = there_and_back(collections.Counter("abb"))
    assert counted == {"a": 1, "b": 2} and counted.most_common(1) == [("b", 2)]
    defaults = there_and_back(collections.defaultdict(int, a=1))
    assert defaults["b"] == 0
    assert there_and_back(collections.defaultdict(lambda: 1, a=1)).default_factory is None
    ordered = collections.OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert list(there_and_back(ordered)) == ["b", "a"]
    assert there_and_back(collections.deque([1, 2], maxlen=2)).maxlen == 2
    assert there_and_back({"a": 1}.keys()) == {"a"}
    assert list(there_and_back({"a": 1}.values())) == [1]
    assert there_and_back({"a": 1}.items()) == {("a", 1)}


def test_fields_of_a_named_tuple_have_their_names():
    class Size(NamedTuple):
        rows: int
        columns: int = 2

    back = there_and_back([Size(1)])[0]
    assert back == (1, 2) and isinstance(back, tuple)
    assert (back.rows, back.columns) == (1, 2)
    assert type(there_and_back(Size(3))) is type(back)


def test_a_tuple_whose_fields_are_no_names_is_a_tuple():
    class Odd(tuple):
        _fields = ("x", 3)

    back = there_and_back(Odd((1, 2)))
    assert back == (1, 2) and type(back) is tuple


def test_a_class_of_named_tuples_has_a_name_that_can_be_one():
    code = [["x"], [["j", 1]]]
    assert type(Decoder([], refuse).decode(["nt", "Size", *code])).__name__ == "Size"
    assert type(Decoder([], refuse).decode(["nt", "no name", *code])).__name__ == "row"


def test_an_enumerations_numbers_and_texts_are_numbers_and_texts():
    class Level(enum.IntEnum):
        LOW = 3

    class Name(enum.StrEnum):
        BO = "bo"

    assert there_and_back((Level.LOW, Name.BO)) == (3, "bo")
    assert type(there_and_back(Level.LOW)) is int


@pytest.mark.parametrize(
    "code",
    [
        ["nt", "P", ["x"], []],
        ["nt", "P", ["_x"], [["j", 1]]],
        ["nt", "P", ["x=print(1)"], [["j", 1]]],
        ["nt", "P", ["class"], [["j", 1]]],
        ["nt", "P", ["x", "x"], [["j", 1], ["j", 1]]],
        ["nt", "P", [3], [["j", 1]]],
        ["nt", "P", ["x" * 200], [["j", 1]]],
        ["nt", "P", [f"x{n}" for n in range(501)], [["j", 1]] * 501],
        ["b", True],
        ["b", 1],
        ["b", -1],
        ["ba", "0"],
        ["a", {}, True, ""],
        ["cd", "defaultdict", "eval", []],
        ["cd", "defaultdict", "open", []],
        ["ty", "type"],
        ["ty", "eval"],
        ["ty", "numpy.load"],
        ["ty", "numpy.testing"],
        ["ty", "os.system"],
        ["ty", []],
        ["st", "Decimal", 3],
        ["st", "Decimal", "x"],
        ["st", "Decimal", "1" * 1_000_000],
        ["st", "Fraction", "1/0"],
        ["st", "timezone", "400 0 0"],
        ["st", "eval", "1"],
        ["dq", -1, []],
        ["dv", "items", [["j", 1]]],
        ["ao", [3], [["j", 1]], True],
        ["ao", [-1, -1], [["j", 1]], True],
        ["ma", ["n", [0, "|b1", [], "C"]], ["ao", [0], [], True]],
        ["sp", "csr", True, [1, 1], [["a", [0], True, ""]]],
        ["sp", "load_npz", True, [1, 1], []],
    ],
)
def test_codes_of_richer_values_are_checked(code):
    with pytest.raises(CodecError):
        Decoder([b"x"], no_special).decode(code)


def test_objects_do_not_cross():
    for value in (object(), np.array([object()]), [object()], {object(): 1}, print, type):
        with pytest.raises(CodecError):
            there_and_back(value)


@pytest.mark.parametrize(
    "code",
    [
        [], {}, None, "j", ["j"], ["j", [1]], ["j", {}], ["l", 3], ["d", [[1]]], ["a", 0],
        ["a", [-1, "<f8", [1], "C"], True, ""], ["a", "x", True, ""],
        ["i", "zz"], ["x", "eval"], ["c", 1, 2], ["r", []],
        ["s", [["l", []]]],
        ["unknown", 1], ["l"], [["j", 1]], ["n", None], ["sl", [["j", 1]] * 9],
    ],
)  # fmt: skip
def test_what_is_no_code_is_refused(code):
    with pytest.raises(CodecError):
        Decoder([], no_special).decode(code)


@pytest.mark.parametrize(
    "code",
    [
        [0, "|O", [1], "C"],
        [0, "O", [1], "C"],
        [0, "<f8", [2], "C"],
        [0, "<f8", [10**12], "C"],
        [0, "<f8", [-1, -1], "C"],
        [0, "<f8", [1.0], "C"],
        [0, "<f8", [1], "X"],
        [0, "<f8", "1", "C"],
        [0, "|V0", [10**30], "C"],
        [0, [["a", "|O", []]], [1], "C"],
        [0, [["a", "<i8", []], ["a", "<i8", []]], [1], "C"],
        [0, [["a", "<i8", [10**9]]], [1], "C"],
        [0, [], [1], "C"],
        [0, {"names": ["a"]}, [1], "C"],
        [0, "<f8"],
        [1, "<f8", [1], "C"],
    ],
)
def test_an_array_holds_no_objects_and_claims_no_more_than_came(code):
    with pytest.raises(CodecError):
        Decoder([bytes(8)], refuse).decode(["a", code, True, ""])


def test_depth_and_number_are_limited():
    code = ["j", 1]
    for _ in range(1000):
        code = ["l", [code]]
    with pytest.raises(CodecError):
        Decoder([], refuse).decode(code)
    endless = []
    endless.append(endless)
    with pytest.raises(CodecError, match="nested too deeply"):
        there_and_back(endless)


def test_as_many_parts_as_the_limit_cross_and_no_more(monkeypatch):
    monkeypatch.setattr("autograder.wire.codec.MAX_ITEMS", 4)
    within, beyond = [1, 2, 3], [1, 2, 3, 4]
    assert there_and_back(within) == within
    with pytest.raises(CodecError, match="too many parts"):
        there_and_back(beyond)
    with pytest.raises(CodecError, match="not a value"):
        Decoder([], refuse).decode(["l", [["j", n] for n in beyond]])


def test_as_deep_as_the_limit_crosses_and_no_deeper(monkeypatch):
    monkeypatch.setattr("autograder.wire.codec.MAX_DEPTH", 3)
    one = ["l", [["j", 1]]]
    within, beyond = [[[1]], [[2]]], [[[1]], [[[2]]]]
    assert there_and_back(within) == within
    with pytest.raises(CodecError, match="nested too deeply"):
        there_and_back(beyond)
    with pytest.raises(CodecError, match="not a value"):
        Decoder([], refuse).decode(["l", [one, one, ["l", [["l", [one]]]]]])


# Tables


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


def test_a_table_crosses_with_its_types(pandas):
    table = pandas.DataFrame(
        {"n": [1, 2], "x": [0.5, None], "t": ["a", None], "b": [True, False], "o": [[1], {}]},
        index=["r", "s"],
    )
    table["day"] = pandas.to_datetime(["2020-02-29", "2021-01-01"])
    table["zone"] = table["day"].dt.tz_localize("UTC")
    table["kind"] = pandas.Categorical(["u", "v"])
    table["whole"] = table["n"].astype("Int64")
    pandas.testing.assert_frame_equal(there_and_back(table), table)
    grouped = table.groupby("kind", observed=True)["n"].sum()
    pandas.testing.assert_series_equal(there_and_back(grouped), grouped)
    for index in (
        pandas.RangeIndex(3),
        pandas.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["p", None]),
        pandas.date_range("2020-01-01", periods=3),
        table.columns,
    ):
        pandas.testing.assert_index_equal(there_and_back(index), index)
    empty = pandas.DataFrame([[1, 2]], columns=["same", "same"])[:0]
    pandas.testing.assert_frame_equal(there_and_back(empty), empty)
    assert there_and_back(pandas.Timestamp("2020-02-29")) == pandas.Timestamp("2020-02-29")
    assert there_and_back(pandas.NaT) is pandas.NaT


def test_a_table_of_a_students_objects_does_not_cross(pandas):
    with pytest.raises(CodecError):
        there_and_back(pandas.Series([object()]))


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_sparse_matrices_cross(kind):
    sparse = pytest.importorskip("scipy.sparse")
    for make in (sparse.csr_matrix, sparse.csr_array):
        value = make(np.array([[1, 0, 0], [0, 0, 2]], "int32")).asformat(kind)
        back = there_and_back(value)
        assert type(back) is type(value) and back.dtype == value.dtype
        np.testing.assert_array_equal(back.toarray(), value.toarray())
