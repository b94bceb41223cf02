"""Single layers are timed with their multiply-adds and bytes counted."""

import pytest

from course import sizing
from course.benchmarks import roofline
from course.errors import UsageError


@pytest.mark.parametrize(("kind", "size"), [("1x1", 1), ("3x3", 3)])
def test_counts_are_those_of_sizing(kind, size):
    found = roofline.measure(kind, 6, 9, filters=10, batch=2, repeats=1)
    assert found.macs == 2 * sizing.conv_macs(6, 10, size, 9)
    weights = sizing.conv_params(6, 10, size, use_bias=False)
    assert found.moved == 4 * (2 * 81 * 16 + weights)
    assert found.seconds > 0


def test_a_depthwise_convolution_has_nine_macs_for_a_value():
    found = roofline.measure("depthwise 3x3", 16, 20, batch=1, repeats=1)
    assert found.macs == 9 * 400 * 16 == sizing.depthwise_conv_macs(16, 3, 20)
    assert found.density == pytest.approx(9 / 8, rel=0.05)
    assert found.speed == pytest.approx(found.macs / found.seconds / 1e9)


def test_the_fastest_call_counts_and_the_first_does_not():
    calls = []
    assert roofline.shortest(lambda: calls.append(0), repeats=3) >= 0
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("arguments", "said"), [(("5x5", 4, 8, 0), "one of"), (("depthwise 3x3", 4, 8, 5), "leave out")]
)
def test_what_cannot_be_timed_is_refused(arguments, said):
    kind, channels, size, filters = arguments
    with pytest.raises(UsageError, match=said):
        roofline.measure(kind, channels, size, filters=filters)
