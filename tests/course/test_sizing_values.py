"""course.sizing by its numbers, its boundaries and its messages: no Keras, and done at once."""

import re
from collections import namedtuple

import pytest

from course import sizing
from course.sizing import _arguments, cost

# Output sizes


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((227, 11, 4), 55),
        ((7, 3), 5),
        ((7, 3, 3), 2),  # a row is left over
        ((8, 3, 3), 2),
        ((9, 3, 3), 3),
        ((3, 3), 1),  # just fits
        ((1, 1), 1),
        ((1, 3, 1, 1), 1),
        ((5, 3, 2, "same"), 3),
        ((6, 3, 2, "same"), 3),
        ((6, 9, 4, "same"), 2),  # "same" takes any kernel
        ((5, 3, 1, "full"), 7),
        ((5, 3, 2, "full"), 4),
        ((5, 3, 2, "full", 2), 5),
        ((9, 3, 2, "valid", 3), 2),
        ((5, 3, 1, "valid", 2), 1),
        ((5, 3, 1, 0), 3),
        ((224, 7, 2, 3), 112),
        (((28, 32), 5), (24, 28)),
        ((28, (5, 3)), (24, 26)),
        ((28, 5, (1, 2)), (24, 12)),
        ((28, 5, 1, (0, 1)), (24, 26)),
        ((28, 5, 1, "valid", (1, 2)), (24, 20)),
        ((28, 5, (2, 3), "same"), (14, 10)),
        (((9, 12), (3, 5), (1, 2), (1, 0), (2, 1)), (7, 4)),
        (([9], 3), (7,)),  # a list of one is a tuple of one
    ],
)
def test_conv_output_size(arguments, size):
    assert sizing.conv_output_size(*arguments) == size


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((55, 3, 2), 27),
        ((55, 3), 18),  # windows side by side
        (((8, 9), (2, 4)), (4, 2)),
        ((55, 3, 2, "same"), 28),
        ((4, 3, 2, 1), 2),
        ((5, 5), 1),
    ],
)
def test_pool_output_size(arguments, size):
    assert sizing.pool_output_size(*arguments) == size


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((7, 3, 2), 15),
        ((7, 2, 2), 14),
        ((7, 1, 2), 14),  # gaps are part of the output
        ((7, 3), 9),
        ((7, 3, 2, "same"), 14),
        (((7, 5), 3, (2, 1)), (15, 7)),
        ((7, (3, 1), 2), (15, 14)),
        (((7, 5), 3, 2, "same"), (14, 10)),
    ],
)
def test_conv_transpose_output_size(arguments, size):
    assert sizing.conv_transpose_output_size(*arguments) == size


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([], 1),
        ([(3, 1)], 3),
        ([(1, 2)], 1),
        ([(3, 1)] * 3, 7),
        ([(3, 2), (3, 1)], 7),
        ([(3, 2), (2, 2), (3, 1)], 13),
        ([(3, 2, 2), (3, 1, 3)], 17),
        ([(3, 1, 1), (3, 1)], 5),
        ([((3, 5), 1), (3, (1, 2)), (3, 1)], (7, 11)),
        ([(3, 1), (3, 1, (1, 2))], (5, 7)),
        ([(3, 1), ((3, 1), 1), (3, 1)], (7, 5)),
        (iter([(3, 1), (3, 1)]), 5),
    ],
)
def test_receptive_field(rows, field):
    assert sizing.receptive_field(rows) == field


def test_a_tuple_comes_back_as_a_tuple():
    for size in (sizing.conv_output_size((5, 5), 3), sizing.conv_output_size(5, 3, 1, (1,))):
        assert isinstance(size, tuple)
    assert type(sizing.receptive_field([(3, 1)])) is int
    assert sizing.receptive_field([((3,), 1)]) == (3,)


# Costs


@pytest.mark.parametrize(
    ("count", "right"),
    [
        (lambda: sizing.conv_params(3, 96, 11), 34_944),
        (lambda: sizing.conv_params(3, 96, 11, use_bias=False), 34_848),
        (lambda: sizing.conv_params(4, 6, 3, 2), 6 * (9 * 2 + 1)),
        (lambda: sizing.conv_params(4, 6, (3, 5), 2, False), 6 * 15 * 2),
        (lambda: sizing.conv_params(2, 3, (4,)), 3 * (4 * 2 + 1)),
        (lambda: sizing.conv_params(2, 3, [2, 2, 5]), 3 * (20 * 2 + 1)),
        (lambda: sizing.conv_params(1, 1, 1), 2),
        (lambda: sizing.conv_params(3, 3, 2, 3), 3 * (4 + 1)),
        (lambda: sizing.depthwise_conv_params(32, 3), 320),
        (lambda: sizing.depthwise_conv_params(32, 3, use_bias=False), 288),
        (lambda: sizing.depthwise_conv_params(32, (3, 5), 2), 64 * 16),
        (lambda: sizing.separable_conv_params(32, 64, 3), 288 + 64 * 33),
        (lambda: sizing.separable_conv_params(32, 64, 3, use_bias=False), 2336),
        (lambda: sizing.separable_conv_params(5, 7, 3, 2), 90 + 7 * 11),
        (lambda: sizing.dense_params(9216, 4096), 37_752_832),
        (lambda: sizing.dense_params(5, 3, use_bias=False), 15),
        (lambda: sizing.dense_params(1, 1), 2),
        (lambda: sizing.conv_macs(3, 96, 11, output_size=(55, 55)), 105_415_200),
        (lambda: sizing.conv_macs(3, 96, 11, output_size=55), 105_415_200),
        (lambda: sizing.conv_macs(4, 6, 3, 7, groups=2), 49 * 9 * 2 * 6),
        (lambda: sizing.conv_macs(2, 3, (4,), 7), 7 * 24),
        (lambda: sizing.conv_macs(2, 3, (3, 5), [7, 4]), 28 * 90),
        (lambda: sizing.depthwise_conv_macs(32, 3, 112), 3_612_672),
        (lambda: sizing.depthwise_conv_macs(5, 3, (4, 2), 3), 8 * 9 * 15),
        (lambda: sizing.separable_conv_macs(32, 64, 3, 112), 29_302_784),
        (lambda: sizing.separable_conv_macs(5, 7, 3, (4, 2), 2), 8 * (9 * 10 + 10 * 7)),
        (lambda: sizing.dense_macs(9216, 4096), 37_748_736),
        (lambda: sizing.conv_connections(1, 6, 5, output_size=28), 122_304),
        (lambda: sizing.conv_connections(4, 6, 3, 7, 2, False), 49 * 9 * 2 * 6),
        (lambda: sizing.conv_connections(4, 6, 3, (7, 2), 2), 14 * 6 * (9 * 2 + 1)),
        (lambda: sizing.activation_bytes((224, 224, 64)), 12_845_056),
        (lambda: sizing.activation_bytes(10), 40),
    ],
)
def test_costs(count, right):
    assert count() == right
    assert type(count()) is int


def test_bytes_of_a_value():
    sizes = {
        "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
        "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "bool": 1,
    }  # fmt: skip
    assert {name: sizing.activation_bytes((1, 1), name) for name in sizes} == sizes
    assert cost.BYTES.keys() == sizes.keys()


# Refusals: the rule, the name and the value


class Index:
    """An integer of another kind, as numpy's are."""

    def __index__(self):
        return 3


def test_any_integer_is_one():
    assert type(_arguments.integer(Index(), "n")) is int
    assert sizing.conv_output_size(7, Index()) == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sizing.conv_output_size(0, 1), "size must be at least 1; received size=0."),
        (lambda: sizing.conv_output_size(3, 0), "kernel_size must be at least 1; received kernel"),
        (lambda: sizing.conv_output_size(3, 1, 0), "strides must be at least 1; received strides"),
        (lambda: sizing.conv_output_size(3, 1, 1, -1), "padding must be at least 0; received padd"),
        (lambda: sizing.conv_output_size(3, 1, 1, 0, 0), "dilation must be at least 1; received"),
        (lambda: sizing.conv_output_size((3, 0), 1), "size must be at least 1; received size=0."),
        (lambda: sizing.conv_output_size(3.5, 1), "size must be an integer; received size=3.5."),
        (lambda: sizing.conv_output_size("3", 1), "size must be an integer; received size='3'."),
        (lambda: sizing.conv_output_size(False, 1), "must be an integer; received size=False."),
        (lambda: sizing.conv_output_size((), 1), "size must have at least one entry; received"),
        (lambda: sizing.conv_output_size((), 1), "received size=()."),
        (
            lambda: sizing.conv_output_size((9, 9), (3, 3, 3)),
            "size must be one integer or 3 integers, one for each axis; received size=(9, 9) with "
            "2.",
        ),
        (
            lambda: sizing.conv_output_size((9, 9), 3, 1, (1, 1, 1)),
            "one integer or 3 integers, one for each axis; received size=(9, 9) with 2.",
        ),
        (
            lambda: sizing.conv_output_size(9, (3, 3), padding=(1, 1, 1)),
            "kernel_size must be one integer or 3 integers, one for each axis; received "
            "kernel_size=(3, 3) with 2.",
        ),
        (
            lambda: sizing.conv_output_size(9, 3, padding="smae"),
            "padding must be one of 'valid', 'same', 'full' or the number of zeros added on each "
            "side; received padding='smae'.",
        ),
        (
            lambda: sizing.conv_output_size((9, 4), 3, 1, (0, 1), 3),
            "received size=4, kernel_size=3, dilation=3, padding=(0, 1): it covers 7 values and "
            "the padded input has 4 + 2 x 1 = 6.",
        ),
        (lambda: sizing.pool_output_size(9, 0), "pool_size must be at least 1; received pool_s"),
        (lambda: sizing.pool_output_size(9, 2.0), "pool_size must be an integer; received pool_"),
        (lambda: sizing.pool_output_size(2, 3), "size=2, kernel_size=3"),
        (
            lambda: sizing.conv_transpose_output_size(9, 3, 1, "full"),
            "must be 'valid' or 'same'; received padding='full'.",
        ),
        (lambda: sizing.conv_transpose_output_size(0, 3), "size must be at least 1; received size"),
        (lambda: sizing.conv_transpose_output_size(3, 0), "kernel_size must be at least 1"),
        (lambda: sizing.conv_transpose_output_size(3, 3, 0), "strides must be at least 1"),
        (
            lambda: sizing.conv_transpose_output_size((3, 3), (1, 1, 1), (1, 1)),
            "size must be one integer or 3 integers",
        ),
        (lambda: sizing.receptive_field([(3, 1), 3]), "received 3 as layer 1."),
        (lambda: sizing.receptive_field([(3,)]), "received (3,) as layer 0."),
        (lambda: sizing.receptive_field([(3, 1, 1, 1)]), "received (3, 1, 1, 1) as layer 0."),
        (lambda: sizing.receptive_field([(0, 1)]), "kernel must be at least 1; received kernel=0"),
        (lambda: sizing.receptive_field([(3, 0)]), "stride must be at least 1; received stride=0"),
        (lambda: sizing.receptive_field([(3, 1, 0)]), "dilation must be at least 1; received dil"),
        (
            lambda: sizing.receptive_field([((3, 3), 1), ((3, 3, 3), 1)]),
            "field must be one integer or 3 integers",
        ),
        (
            lambda: sizing.conv_params(3, 8, 3, groups=2),
            "divide both in_channels and filters; received groups=2, in_channels=3, filters=8.",
        ),
        (lambda: sizing.conv_params(4, 9, 3, groups=2), "groups=2, in_channels=4, filters=9."),
        (lambda: sizing.conv_params(0, 9, 3), "in_channels must be at least 1; received in_chan"),
        (lambda: sizing.conv_params(9, 0, 3), "filters must be at least 1; received filters=0."),
        (lambda: sizing.conv_params(9, 9, 0), "kernel_size must be at least 1; received kernel_"),
        (lambda: sizing.conv_params(9, 9, 3, 0), "groups must be at least 1; received groups=0."),
        (lambda: sizing.depthwise_conv_params(0, 3), "in_channels must be at least 1"),
        (lambda: sizing.separable_conv_params(3, 0, 3), "filters must be at least 1"),
        (lambda: sizing.depthwise_conv_params(3, 3, 0), "depth_multiplier must be at least 1"),
        (lambda: sizing.dense_params(0, 1), "inputs must be at least 1; received inputs=0."),
        (lambda: sizing.dense_params(1, 0), "units must be at least 1; received units=0."),
        (
            lambda: sizing.conv_macs(3, 8, 3, (5, 5, 5)),
            "each of the kernel's 2 axes; received output_size=(5, 5, 5).",
        ),
        (lambda: sizing.conv_macs(3, 8, (3,), (5, 5)), "kernel's 1 axes; received output_size=(5"),
        (lambda: sizing.conv_macs(3, 8, 3, 0), "output_size must be at least 1; received output"),
        (lambda: sizing.activation_bytes((3, 0)), "shape must be at least 1; received shape=0."),
        (
            lambda: sizing.activation_bytes(3, "float12"),
            "dtype must be one of float16, bfloat16, float32, float64, int8, uint8, int16, int32, "
            "int64, bool; received dtype='float12'.",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=rf"(^|\W){re.escape(message)}"):
        call()


def test_lists_and_tuples_of_other_kinds_are_sizes():
    Size = namedtuple("Size", "height width")
    assert sizing.conv_output_size(Size(9, 8), [3, 3]) == (7, 6)
    assert sizing.conv_output_size((n for n in (9, 8)), 3) == (7, 6)


# The table


ROWS = (
    sizing.Row("conv", "Conv2D", (28, 28, 6), 156, 117_600, 18_816),
    sizing.Row("a<b", "Dense", (10,), 1_210, 1_200, 40),
)
REPORT = sizing.Report("net & more", ROWS, params=1_400, params_trainable=1_300)
TABLE = """\
net & more
-----------------------------------------------------------
layer  kind    output shape     memory  parameters     MACs
-----------------------------------------------------------
conv   Conv2D  28 x 28 x 6   18.38 KiB         156  117,600
a<b    Dense   10                 40 B       1,210    1,200
-----------------------------------------------------------
total                        18.41 KiB       1,400  118,800"""


def test_the_table_in_text():
    assert str(REPORT) == TABLE
    assert (REPORT.macs, REPORT.activation_bytes) == (118_800, 18_856)


def test_the_table_in_a_notebook():
    left, right = '"text-align:left"', '"text-align:right"'

    def line(tag, *cells):
        sides = [left] * 3 + [right] * 3
        row = "".join(f"<{tag} style={s}>{c}</{tag}>" for c, s in zip(cells, sides, strict=True))
        return f"<tr>{row}</tr>"

    head = line("th", "layer", "kind", "output shape", "memory", "parameters", "MACs")
    body = line("td", "conv", "Conv2D", "28 x 28 x 6", "18.38 KiB", "156", "117,600")
    body += line("td", "a&lt;b", "Dense", "10", "40 B", "1,210", "1,200")
    foot = line("th", "total", "", "", "18.41 KiB", "1,400", "118,800")
    assert REPORT._repr_html_() == (
        f"<table><caption>net &amp; more</caption><thead>{head}</thead><tbody>{body}</tbody>"
        f"<tfoot>{foot}</tfoot></table>"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1023 * 1024, "1023 KiB"),
        (1024**2, "1 MiB"),
        (1000 * 1024**2, "1000 MiB"),
        (1024**3, "1 GiB"),
        (2048 * 1024**3, "2048 GiB"),
    ],
)
def test_memory_in_words(count, words):
    row = sizing.Row("a", "b", (1,), 0, 0, count)
    lines = str(sizing.Report("net", (row,), 0, 0)).splitlines()
    assert f"  {words}  " in lines[-1]


def test_a_report_cannot_be_changed():
    for thing, name in ((REPORT, "params"), (ROWS[0], "macs")):
        with pytest.raises(AttributeError):
            setattr(thing, name, 1)
