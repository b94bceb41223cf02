"""Figures of sizes and costs: their words say the numbers that course.sizing computes."""

import pytest
from matplotlib.figure import Figure

from course import sizing
from course.visualization import costs, display
from course.visualization import sizing as draw


def words(figure) -> str:
    assert isinstance(figure, Figure)
    return display.show(figure).words


@pytest.mark.parametrize(
    ("setting", "left"),
    [
        ((7, 3, 1, 0, 1), "nothing is"),
        ((7, 3, 3, 0, 1), "1 value is"),
        ((10, 3, 2, 1, 2), "1 value is"),
        ((14, 1, 4, 2, 1), "1 value is"),
        ((11, 4, 4, 0, 1), "3 values are"),
    ],
)
def test_places_are_those_of_the_formula(setting, left):
    size, kernel, stride, padding, dilation = setting
    found = sizing.conv_output_size(size, kernel, stride, padding, dilation)
    said = words(draw.places(size, kernel, [stride], padding, dilation))
    assert f"At stride {stride}, it has {found} places, and {left} left over." in said


def test_a_kernel_that_does_not_fit_has_no_place():
    assert "there is no place" in words(draw.places(3, 7))


def test_several_strides_have_a_panel_each():
    figure = draw.places(7, 3, (1, 2, 3))
    assert [axis.get_title().rsplit(" = ")[1] for axis in figure.axes] == ["5", "3", "2"]


def test_two_paddings_look_at_other_pixels():
    said = words(draw.two_paddings(8, 3, 2))
    assert "0 before and 1 after, they are 1, 3, 5, 7" in said
    assert "1 before and 1 after, they are 0, 2, 4, 6" in said


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ([(3, 1)] * 3, "7 of image, 5 of layer 1, 3 of layer 2, 1 of layer 3"),
        ([(3, 2), (3, 1)], "7 of image, 3 of layer 1, 1 of layer 2"),
    ],
)
def test_pyramid(stack, said):
    figure = draw.pyramid(stack)
    assert said in words(figure)
    apart = "1 pixel" if stack[0][1] == 1 else "2 pixels"
    assert f"neighbors are {apart} apart" in figure.axes[0].get_title()


def test_growth():
    said = words(draw.growth({"plain": [(3, 1)] * 4, "pooled": [(3, 1), (2, 2), (3, 1)]}))
    assert "plain sees 9 pixels after 4 layers; pooled sees 8 pixels after 3 layers" in said


def test_doubled():
    said = words(costs.doubled(channels=96, filters=256, kernel=5, size=28))
    assert "both: × 4, × 4, × 2" in said
    assert "twice the image's sides: × 1, × 4, × 4" in said
    assert "stride 2 instead of 1: × 1, ÷ 4, ÷ 4" in said
    assert "2 groups instead of 1: ÷ 2, ÷ 2, × 1" in said


def test_cost():
    said = words(costs.cost(27, 96, 256, 5, groups=2))
    assert "307,456 parameters, 223,948,800 MACs, 186,624 values put out" in said


def test_connection_table():
    said = words(costs.connection_table([(0, 1), (1, 2), (0, 1, 2)], inputs=3))
    assert "2 see 2, 1 see 3 of the 3, which makes 7 pairs of 9" in said


def test_where_it_lies():
    said = words(costs.where_it_lies([("CONV", (4, 4, 2), 10), ("FC", (1, 1, 8), 90)]))
    assert "the most, 80%, are in CONV, row 1" in said
    assert "the most, 90%, are in FC, row 2" in said


def test_stacked():
    said = words(
        costs.stacked({"one": {"3x3, 8": 9_000}, "two": {"1x1": 500, "5x5": 2_500}}, "MACs")
    )
    assert "in 1,000s of MACs: one 9 (3x3, 8: 9); two 3 (1x1: 0.5, 5x5: 2.5)" in said


def test_geometry_counts_places_and_gives_no_formula():
    figure = draw.geometry({
        "full": (9, 3, 1, (2, 2), 1), "stride 2": (8, 3, 2, (0, 1), 1),
        "wide": (9, 3, 1, (0, 0), 2),
    })  # fmt: skip
    said = words(figure)
    assert "full, with 2 and 2 zeros: 11; stride 2, with 0 and 1 zero: 4; wide" in said
    assert [axis.get_title() for axis in figure.axes] == [
        "full: 11 places", "stride 2: 4 places", "wide: 5 places",
    ]  # fmt: skip
    for axis in figure.axes:
        assert axis.get_xlim()[1] - axis.get_xlim()[0] == 14  # one scale: 9 values, 4 zeros, a gap
        assert axis.get_ylim()[0] < -1.1 * 11


def test_networks():
    said = words(costs.networks([("small", 1_000, 20_000), ("large", 10**8, 10**9)]))
    assert (
        "small: 1,000 and 20,000, 20 for each; large: 100,000,000 and 1,000,000,000, 10 for" in said
    )


def test_a_table_sets_numbers_right_that_are_text():
    lines = display.table("abcd", [("x", "-0.03 to 0.50", "24.0", "0.5x")]).data.splitlines()
    assert lines[1] == "| :--- | ---: | ---: | :--- |"


def test_a_table_sets_numbers_right():
    lines = display.table(("name", "n", "x"), [("a", 1234567, 0.12345), ("b", "c", 2.0)]).data
    assert lines.splitlines()[1:] == [
        "| :--- | :--- | ---: |",
        "| a | 1,234,567 | 0.12 |",
        "| b | c | 2.00 |",
    ]


@pytest.mark.parametrize(("values", "said"), [
    ((0.0571, 0.521), ("0.057", "0.521")), ((24.7, 24.0), ("24.7", "24.0")),
    ((383.2, 1.5), ("383", "2")), ((0.0, 0.0), ("0.00", "0.00")),
    ((2.2e-15, 0.0), ("2.2e-15", "0.0e+00")),
])  # fmt: skip
def test_the_floats_of_a_column_have_as_many_decimals(values, said):
    lines = display.table("ab", [("x", value) for value in values]).data.splitlines()
    assert lines[2:] == [f"| x | {text} |" for text in said]


@pytest.mark.parametrize(("cells", "right"), [
    (("6.61", "fails"), True), (("–", "6.61"), True),
    (("1", "this run"), False), (("", "–"), False),
])  # fmt: skip
def test_a_gap_between_numbers_does_not_move_them(cells, right):
    line = display.table("a", [(cell,) for cell in cells]).data.splitlines()[1]
    assert line == ("| ---: |" if right else "| :--- |")
