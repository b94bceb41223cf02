"""A class of twelve for 02_sizing: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample

# Question 2 without dilation: of its 9.5 shares it loses 4.25, and a failed example counts as one
# more, so half of the 3 points are left.
NO_DILATION = """\
def conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // strides)
    if padding not in ("valid", "full") and isinstance(padding, str):
        raise ValueError(padding)
    zeros = {"valid": 0, "full": kernel_size - 1}.get(padding, padding)
    return valid_output_size(size + 2 * zeros, kernel_size, strides)
"""

# Every count is plausible and wrong: no bias, no floor, the last stride as well.
WRONG = {
    "valid_output_size": "def valid_output_size(size, kernel_size, strides=1):\n"
    "    return size - kernel_size",
    "conv_output_size": "def conv_output_size(size, kernel_size, *more, **named):\n"
    "    return size - kernel_size + 2",
    "pool_output_size": "def pool_output_size(size, pool_size, strides=None):\n"
    "    return size - pool_size + 2",
    "conv_params": "def conv_params(in_channels, filters, kernel_size, *more, **named):\n"
    "    return in_channels * filters * kernel_size\n\n\n"
    "def dense_params(inputs, units, *more, **named):\n"
    "    return inputs + units",
    "conv_costs": "def conv_connections(*arguments):\n    return sum(arguments[:3])\n\n\n"
    "conv_macs = conv_connections\n\n\n"
    "def activation_bytes(shape, bytes_per_value=4):\n    return sum(shape)",
    "lenet5_table": "def lenet5_table(size=32, table=TABLE_I, classes=10):\n    return []",
    "receptive_field": "def receptive_field(layers):\n"
    "    return sum(row[0] for row in layers)\n\n\n"
    "def layers_for_field(field, kernel_size=3):\n    return field * kernel_size",
    "alexnet_table": "def alexnet_table(*arguments, **named):\n    return None",
    "vgg16_table": "def vgg16_table(*arguments, **named):\n    return 138_000_000\n\n\n"
    "def table_totals(table, bytes_per_value=4):\n    return {}",
    "inception": "def inception_macs(size, *widths, **named):\n    return 854_000_000\n\n\n"
    "def inception_depth(*widths, **named):\n    return 0",
    "cheaper_blocks": "def basic_block_params(channels):\n    return 9 * channels\n\n\n"
    "def bottleneck_params(channels, width, groups=1):\n    return 9 * width\n\n\n"
    "def se_params(channels, ratio=16):\n    return channels\n\n\n"
    "def separable_saving(in_channels, filters, kernel_size=3):\n    return 9.0",
    "predict_lenet": "def predict_lenet(image_size, channels, classes):\n"
    "    return {'feature_shape': (28, 28, 6), 'params': 60_000, 'macs': 340_908, "
    "'activation_values': 0}",
    "own_answers": "own_answers = {'output_shape': (1, 1, 1), 'params': 1, 'macs': 1, "
    "'receptive_field': 1}",
}

SLEEPY = """\
def receptive_field(layers):
    field = step = 1
    while layers:
        field += step
    return field


def layers_for_field(field, kernel_size=3):
    return receptive_field([(kernel_size, 1)] * field)
"""

BROKEN = """\
def basic_block_params(channels):
    return 18 * channels**2


def bottleneck_params(channels, width, groups=1)
    return 2 * channels * width + 9 * width**2 // groups
"""

ROSTER = (
    Sample("ada", "right: the reference solution", 33),
    Sample("bela", "right, in closed formulas and lists", 33, base="formulas"),
    Sample("chen", "right, by counting; prints, warns and writes to stderr", 33, base="counting"),
    Sample("dara", "partly right: no dilation", 31.66, answers={"conv_output_size": NO_DILATION}),
    Sample("emil", "wrong throughout", 0, answers=WRONG),
    Sample("fay", "has typed in the visible answers", 0, base="visible"),
    Sample("gus", "untouched", 0, base="untouched"),
    Sample("hana", "a syntax error in question 11", 31, answers={"cheaper_blocks": BROKEN}),
    Sample(
        "ivan", "an exception in question 10", 30,
        answers={"inception": "raise RuntimeError('I will do this one later')"},
    ),
    Sample("jo", "an endless loop in question 7", 30, answers={"receptive_field": SLEEPY}),
    Sample(
        "kim", "a file cut off in the middle", 0, "needs a human",
        damage=lambda data: data[: len(data) // 2],
    ),
    Sample("lee", "os._exit in question 8", 15, "flagged", answers={"alexnet_table": GIVES_UP}),
)  # fmt: skip
