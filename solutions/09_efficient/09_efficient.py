# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,slideshow,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: jupytext,kernelspec,-jupytext.text_representation,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · Efficient networks
#
# The same accuracy for a tenth of the multiply-adds: here you build the blocks that made it
# possible, from MobileNet's separable convolution to EfficientNet's MBConv, put them together into
# EfficientNet-B0, scale it, and find out when fewer multiply-adds take less time, and when not.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn sizes, weights and numbers. If some of the checks pass, you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 09_efficient`: it checks the notebook, makes the file to hand in, and says
#    where to.
#
# **Rules**
#
# - A block is a function on Keras tensors: it takes a tensor of shape (batch, height, width,
#   channels) and returns the tensor after its last layer. Build it from `keras.layers` and
#   `keras.ops`: no `Lambda`, and no layer or model classes of your own. Do not use `course.blocks`,
#   `course.architectures` or `keras.applications` in your answers.
# - Use the helpers of the next cell, or write the same layers out. All convolutions, depthwise ones
#   too, have "same" padding and no bias, as normalization would take it away again; normalizations
#   have a momentum of 0.9. "BN" is batch normalization, "1x1" a convolution with that kernel.
# - Each block has layers of its own; none is used twice. Everything learns: all weights are
#   trainable, and a gradient reaches each of them. Each normalization uses the batch's statistics
#   in training, where its moving statistics are updated, and the moving statistics at inference.
#   Nothing is random.
# - Feature maps may have any number of channels, odd or even heights and widths, and need not be
#   square.
# - Counts are ints. A function leaves its arguments unchanged.
# - Later questions may call your earlier functions.
#
# **Two sittings.** Eleven questions are the *core*: they lead to EfficientNet, and to what it
# costs. Do them first, in this order. No core question needs one of the six *optional* ones. Your
# instructor will tell you whether their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 A separable block | 2 | core | 10 |
# | 2 What a block costs | 3 | core | 25 |
# | 3 Shuffle | 2 | optional | 15 |
# | 4 A ShuffleNet unit | 3 | optional | 20 |
# | 5 Squeeze and excite | 2 | core | 15 |
# | 6 Swish | 2 | optional | 20 |
# | 7 The inverted bottleneck | 3 | core | 15 |
# | 8 MBConv | 3 | core | 15 |
# | 9 Fused MBConv | 2 | optional | 10 |
# | 10 Rounding | 2 | core | 15 |
# | 11 EfficientNet | 4 | core | 25 |
# | 12 How much it grows | 3 | core | 20 |
# | 13 Search for the step | 3 | optional | 20 |
# | 14 Why multiply-adds are not time | 3 | core | 30 |
# | 15 Which nets are worth a look? | 2 | core | 15 |
# | 16 Small images first | 2 | optional | 15 |
# | 17 In your own words (graded by hand) | 4 | core | 30 |
#
# The core has 31 points, the rest 14. (The minutes are rough guesses; 315 in all.) The lecture is
# [09_efficient](../lectures/09_efficient.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import itertools
import math
from fractions import Fraction

import keras
import numpy as np
from keras import layers

from autograder import checks

NOT_ALLOWED = ("course.blocks", "course.architectures", "keras.applications")


def conv(x, filters, kernel_size=1, strides=1, groups=1):
    """A convolution as this notebook's blocks use it: same padding, no bias."""
    return layers.Conv2D(
        filters, kernel_size, strides, padding="same", groups=groups, use_bias=False
    )(x)


def bn(x):
    """Batch normalization."""
    return layers.BatchNormalization(momentum=0.9)(x)


# %% [markdown]
# ## 1 · A separable block
#
# An ordinary convolution mixes space and channels at once. MobileNet (Howard et al., 2017) does one
# after the other: a 3x3 **depthwise** convolution, one kernel for each channel, looks around; a
# 1x1 convolution mixes the channels. Each of the two is followed by BN and ReLU:
#
# depthwise 3x3 → BN → ReLU → 1x1 → BN → ReLU
#
# The depthwise convolution has the stride. `layers.DepthwiseConv2D` has arguments like those of
# `Conv2D`, but no number of filters: there are as many as channels.
#
# Write `separable_block(x, filters, strides=1)`.
#
# **Example.** From 4 channels to 6 the kernels have $9 \cdot 4$ and $4 \cdot 6$ weights, the two
# normalizations four numbers for each of their channels, $4 \cdot 4$ and $4 \cdot 6$: 100 in all.


# %% nbgrader={"grade": false, "grade_id": "separable_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def separable_block(x, filters, strides=1):
    """A depthwise separable convolution with its normalizations and ReLUs.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        strides: of the depthwise convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
    x = layers.ReLU()(bn(x))
    return layers.ReLU()(bn(conv(x, filters)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_separable_block", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. A separable block", points=2)
question.rules(separable_block, without=NOT_ALLOWED)
block = question.block("from 4 channels to 6", separable_block, (8, 8, 4), 6, share=0)
block.has_output_shape((8, 8, 6), hint="the 1x1 convolution decides how many channels come out")
block.has_params(100, hint="two kernels and two normalizations; no bias")
block = question.block("a stride of 2", separable_block, (8, 6, 4), 6, 2, share=0)
block.has_output_shape((4, 3, 6), hint="the depthwise convolution has the stride")
### BEGIN HIDDEN TESTS


def right(x, filters, strides=1, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers

    def normal(y):
        return make.BatchNormalization(momentum=0.9)(y)

    def around(y):
        stride = 1 if kind == "late" else strides
        if kind == "ordinary":
            return make.Conv2D(y.shape[-1], 3, stride, padding="same", use_bias=False)(y)
        return make.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)

    def mixed(y):
        stride = strides if kind == "late" else 1
        return make.Conv2D(filters, 1, stride, padding="same", use_bias=False)(y)

    first, second = (mixed, around) if kind == "turned" else (around, mixed)
    y = first(x)
    if kind not in ("nothing", "only relu"):
        y = normal(y)
    if kind not in ("nothing", "only bn"):
        y = make.ReLU()(y)
    y = normal(second(y))
    return y if kind == "linear" else make.ReLU()(y)


causes = {
    "ordinary": "in a depthwise convolution each kernel sees only its own channel",
    "late": "the depthwise convolution has the stride, not the 1x1",
    "nothing": "between the two convolutions BN and ReLU are missing",
    "only bn": "between the two convolutions the ReLU is missing",
    "only relu": "between the two convolutions BN is missing",
    "linear": "the last ReLU is missing",
    "turned": "first the depthwise convolution, then the 1x1",
}


def made(shape, *arguments):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments))


draw = question.random
for name, shape, filters, strides in (
    ("a stride of 1", (6, 9, draw.randint(3, 6)), draw.randint(7, 11), 1),
    ("a stride of 2", (7, 8, draw.randint(7, 9)), draw.randint(3, 6), 2),
    ("as many channels as before", (5, 6, 4), 4, 1),
):
    block = question.block(name, separable_block, shape, filters, strides)
    about = {
        "hint": "two convolutions; what follows each of them?",
        "mistakes": {
            cause: lambda k=kind, s=shape, f=filters, t=strides: made(s, f, t, k)
            for kind, cause in causes.items()
        },
    }
    if strides == 2:
        also = [((5, 2, 1), 3, 1), ((9, 7, 3), 2, 3)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(made(shape, filters, strides), **about)


def on_large_values():
    """What a pixel of 100 becomes if each 3x3 kernel halves, and all else leaves values alone."""
    pixel = keras.Input((1, 1, 1))
    model = keras.Model(pixel, separable_block(pixel, 2))
    for weight in model.weights:
        value = np.full(weight.shape, float(weight.name not in ("beta", "moving_mean")))
        if tuple(weight.shape[:2]) == (3, 3):
            value = np.zeros(weight.shape)
            value[1, 1] = 0.5
        weight.assign(value)
    return np.array(model(np.full((1, 1, 1, 1), 100.0, "float32"))).ravel()


question.check("large values", on_large_values, share=0.5).gives_array(
    [50, 50],
    tolerance=5e-3,
    hint="a ReLU leaves values above 0 as they are",
    mistakes={"a ReLU has no upper end here": [6, 6]},
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · What a block costs
#
# Most blocks of this unit are made of the same parts, which we count before we build them. An
# **inverted bottleneck** on $h \times w$ positions, from $d$ channels to $d'$, with expansion $t$
# and a $k \times k$ kernel:
#
# 1. a 1x1 convolution from $d$ to $t d$ channels, the wide ones, at $h \times w$ positions;
#    *if $t = 1$ it is left out*;
# 2. a $k \times k$ depthwise convolution of the wide channels with stride $s$: from here on there
#    are $\lceil h / s \rceil \times \lceil w / s \rceil$ positions;
# 3. with a ratio $\rho > 0$, squeeze-and-excitation: a dense layer from the $t d$ means of the wide
#    channels to $r$ hidden values, and one back to $t d$. Both have biases. Their number is $r =
#    \lfloor \rho d \rfloor$, but at least 1: a part of the *narrow* channels that come in;
# 4. a 1x1 convolution from $t d$ to $d'$ channels.
#
# Write `block_cost(size, channels, filters, expansion, kernel_size=3, strides=1, se_ratio=0)`. It
# returns two ints: the **weights** of all kernels and of the dense layers with their biases
# (convolutions have none, and normalizations are not counted), and the **multiply-adds** of
# convolutions and dense layers for one image. A bias, a mean over positions, and the
# multiplication by the gates are no multiply-adds here.
#
# **Example.** 56x56 positions, 24 channels to 24, $t = 6$, $k = 3$, stride 1, without
# squeeze-and-excitation: $24 \cdot 144 + 9 \cdot 144 + 144 \cdot 24 = 8{,}208$ weights, each used
# at 3,136 positions: 25,740,288 multiply-adds. With $\rho = 0.25$ there are $r = 6$ hidden values,
# $144 \cdot 6 + 6 + 6 \cdot 144 + 144 = 1{,}878$ weights more, and only 1,728 multiply-adds more.


# %% nbgrader={"grade": false, "grade_id": "block_cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def block_cost(size, channels, filters, expansion, kernel_size=3, strides=1, se_ratio=0):
    """Weights and multiply-adds of an inverted bottleneck.

    Args:
        size: (height, width) of its input.
        channels: of its input.
        filters: channels of its output.
        expansion: how many times wider it is inside; 1 for no first convolution.
        kernel_size: of the depthwise convolution.
        strides: of the depthwise convolution.
        se_ratio: hidden values of squeeze-and-excitation as a part of `channels`; 0 for none.

    Returns:
        Tuple of two ints: weights, and multiply-adds of one image.
    """
    ### BEGIN SOLUTION
    height, width = size
    after = math.ceil(height / strides) * math.ceil(width / strides)
    wide = expansion * channels
    first = channels * wide if expansion > 1 else 0
    rest = kernel_size**2 * wide + wide * filters
    weights, macs = first + rest, first * height * width + rest * after
    if se_ratio:
        hidden = max(1, int(se_ratio * channels))
        weights += 2 * wide * hidden + hidden + wide
        macs += 2 * wide * hidden
    return weights, macs
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_block_cost", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. What a block costs", points=3)
question.rules(block_cost, without=NOT_ALLOWED)
question.example("56x56, 24 channels", block_cost, (56, 56), 24, 24, 6).gives(
    (8_208, 25_740_288), hint="three kernels; each weight is used once at each position"
)
question.example(
    "with squeeze-and-excitation", block_cost, (56, 56), 24, 24, 6, se_ratio=0.25
).gives((10_086, 25_742_016), hint="see the example: the dense layers run once for an image")
question.example("not expanded", block_cost, (10, 10), 8, 16, 1).gives(
    (200, 20_000), hint="without expansion there is no first convolution"
)
### BEGIN HIDDEN TESTS


def counted(size, d, out, t, k=3, s=1, ratio=0, kind="right"):
    """Row by row: weights, positions, biases; with one thing wrong where asked."""
    h, w = size
    before = h * w
    after = -(-h // s) * -(-w // s)
    if kind == "floor":
        after = (h // s) * (w // s)
    wide = t * (out if kind == "of the output" else d)
    first = 0 if t == 1 and kind != "always first" else d * wide
    around = k * k * wide * (wide if kind == "ordinary" else 1)
    rows = [
        (first, after if kind == "early" else before, 0),
        (around, before if kind == "no stride" else after, 0),
        (0 if kind == "no projection" else wide * out, before if kind == "no stride" else after, 0),
    ]
    if ratio:
        base = {"of the wide": wide, "of the filters": out}.get(kind, d)
        hidden = int(ratio * base) if kind == "perhaps none" else max(1, int(ratio * base))
        places = {"everywhere": after, "free gates": 0}.get(kind, 1)
        biases = (0, 0) if kind == "no biases" else (hidden, wide)
        rows += [(wide * hidden, places, biases[0]), (hidden * wide, places, biases[1])]
    macs = sum(weights * positions for weights, positions, _ in rows)
    macs += sum(biases for *_, biases in rows) * (kind == "biases")
    found = sum(weights + biases for weights, _, biases in rows), macs * (1 + (kind == "twice"))
    return found[::-1] if kind == "swapped" else found


causes = {
    "of the output": "the block is t times as wide as the number of channels that come in",
    "always first": "with an expansion of 1 there is no first convolution",
    "early": "the first convolution runs at all positions: the stride comes after it",
    "no stride": "there are fewer positions after the stride",
    "floor": "heights and widths are rounded up: ceil(h / s)",
    "ordinary": "a depthwise convolution has one kernel for each channel",
    "no projection": "the last 1x1 convolution is missing",
    "of the wide": "the hidden values are a part of the narrow channels that come in, not of the wide",
    "of the filters": "the hidden values are a part of the channels that come in, not of the filters",
    "perhaps none": "there is at least 1 hidden value",
    "everywhere": "the dense layers run once for an image, not at each position",
    "free gates": "the dense layers have multiply-adds, too",
    "no biases": "the dense layers have biases",
    "biases": "adding a bias is no multiply-add",
    "twice": "a multiplication with its addition is one multiply-add, not two",
    "swapped": "first the weights, then the multiply-adds",
}
draw = question.random
heights, widths = draw.sample(range(9, 40, 2), 2), draw.sample(range(12, 40, 2), 2)
d, out, t = draw.randint(9, 30), draw.randint(31, 60), draw.randint(3, 7)
for name, size, arguments, share in (
    ("stride 1", (heights[0], widths[0]), (d, out, t, 5, 1), 1),
    ("a stride and an odd height", (heights[1], widths[1]), (out, d, t, 3, 2), 1),
    (
        "a stride of 3",
        (3 * draw.randint(4, 7) + 1, 3 * draw.randint(8, 11) + 2),
        (d, out, t, 3, 3),
        0.5,
    ),
    ("gates", (heights[0], widths[1]), (2 * d + 1, out, t, 5, 2, 0.3), 1.5),
    ("gates of few channels", (heights[1], widths[0]), (3, 8, t, 3, 2, 0.25), 0.5),
    ("not expanded, with gates", (heights[1], widths[1]), (out, d, 1, 5, 2, 0.25), 1),
    ("not expanded, without", (widths[0], heights[0]), (d, d, 1, 7, 1), 0.5),
):
    right = counted(size, *arguments)
    wrong = [
        (cause, counted(size, *arguments, kind=kind))
        for kind, cause in causes.items()
        if kind
        not in (
            "of the wide",
            "of the filters",
            "perhaps none",
            "everywhere",
            "free gates",
            "no biases",
            "biases",
        )
        or len(arguments) > 5
    ]
    question.check(name, block_cost, size, *arguments, share=share).gives(
        right,
        hint="write the kernels down, one under the other: weights, and positions of each",
        mistakes=[(cause, value) for cause, value in wrong if value != right],
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · Shuffle
#
# In separable blocks nearly all weights are in the 1x1 convolutions. ShuffleNet (Zhang et al.,
# 2018) gives these groups. But groups do not talk: after ten such layers a channel still knows only
# its own group. So the channels are **shuffled** between them. Write the $C$ channels as a matrix
# with one row for each group, row by row; then read it column by column:
#
# $$\begin{pmatrix} 0 & 1 & 2 \\ 3 & 4 & 5 \end{pmatrix} \;\to\; 0, 3, 1, 4, 2, 5.$$
#
# Write `channel_shuffle(x, groups)`. It has no weights. `groups` divides the channels. In the
# network, `layers.Reshape` and `layers.Permute` will do, or `keras.ops.reshape` and
# `keras.ops.transpose`.
#
# **Example.** Six channels in two groups: the new channels 0 to 5 are the old channels 0, 3, 1, 4,
# 2, 5. The two new groups, 0 3 1 and 4 2 5, have something of both old ones.

# %% nbgrader={"grade": false, "grade_id": "figure_shuffle", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import efficient
from course.visualization.display import show

show(efficient.shuffle(12, 3, (0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11)),
     "Twelve channels in three groups, before and after a shuffle; a color for each old group.")  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "channel_shuffle", "locked": false, "schema_version": 3, "solution": true, "task": false}
def channel_shuffle(x, groups):
    """Give each group some channels of every group.

    Args:
        x: tensor of shape (batch, height, width, channels).
        groups: divides the number of channels.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, groups, channels // groups))(x)
    x = layers.Permute((1, 2, 4, 3))(x)
    return layers.Reshape((height, width, channels))(x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_channel_shuffle", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. Shuffle", points=2)
question.rules(channel_shuffle, without=NOT_ALLOWED)
numbered = np.reshape(np.arange(6, dtype="float32"), (1, 1, 1, 6))
question.example("six channels in two groups", channel_shuffle, numbered, 2).gives_array(
    np.reshape([0, 3, 1, 4, 2, 5], (1, 1, 1, 6)), hint="rows are groups; read column by column"
)
question.example("six channels in three groups", channel_shuffle, numbered, 3).gives_array(
    np.reshape([0, 2, 4, 1, 3, 5], (1, 1, 1, 6)), hint="three rows of two channels"
)
### BEGIN HIDDEN TESTS

draw = question.random


def shuffled(values, groups, kind="right"):
    """By the numbers of the channels."""
    parts = values.shape[-1] // groups
    order = np.arange(values.shape[-1]).reshape(groups, parts)
    order = {
        "right": order.T,
        "unchanged": order,
        "undone": np.arange(order.size).reshape(parts, groups).T,
        "wholes": np.roll(order, -1, axis=0),
    }[kind]
    return values[..., order.ravel()]


causes = {
    "unchanged": "that changes nothing: the matrix must be transposed before it is read",
    "undone": "that undoes a shuffle: groups are the rows, not the columns",
    "wholes": "whole groups were moved; each new group needs something of every old one",
}
rng = np.random.default_rng(draw.getrandbits(64))
for name, groups, parts in (
    ("more channels than groups", draw.choice([2, 3]), draw.choice([5, 7])),
    ("more groups than channels in each", draw.choice([5, 7]), draw.choice([2, 3])),
    ("as many", 4, 4),
):
    values = rng.normal(size=(2, 3, 4, groups * parts)).astype("float32")
    right = shuffled(values, groups)
    question.check(name, channel_shuffle, values, groups).gives_array(
        right,
        hint="write the channels' numbers as a matrix with one row for each group",
        mistakes={
            cause: shuffled(values, groups, kind)
            for kind, cause in causes.items()
            if not np.array_equal(shuffled(values, groups, kind), right)
        },
    )
values = rng.normal(size=(1, 2, 3, 5)).astype("float32")
for name, groups in (("a single group", 1), ("each channel a group", 5)):
    question.check(name, channel_shuffle, values, groups, share=0.25).gives_array(
        values, hint="a matrix with one row, or with one column, is read as it is written"
    )


def by_slices(x, groups):
    parts = x.shape[-1] // groups
    return keras.layers.Concatenate()([x[..., n::parts] for n in range(parts)])


question.block("in a network", channel_shuffle, (5, 4, 15), 3).behaves_like(
    by_slices, also=[((3, 7, 8), 2)], hint="build it from layers or from keras.ops"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · A ShuffleNet unit
#
# The unit is a bottleneck with groups. With $F$ = `filters`, its branch is
#
# 1. a 1x1 convolution with groups to $F / 4$ channels, BN, ReLU,
# 2. a channel shuffle,
# 3. a 3x3 depthwise convolution with the unit's stride, BN, and *no* ReLU,
# 4. a 1x1 convolution with groups, BN, no ReLU.
#
# With stride 1 the branch ends with $F$ channels, as many as $x$ has, and is added to $x$. With
# stride 2 the shortcut is average pooling of $x$, 3x3 with stride 2 and "same" padding; both are
# **concatenated**, the shortcut first, so the branch ends with $F - C$ channels, where $C$ is the
# number that $x$ has. A ReLU follows in both cases.
#
# Write `shuffle_unit(x, filters, groups, strides=1)`. `strides` is 1 or 2; `filters` can be divided
# by 4, and all numbers of channels by `groups`.
#
# **Example.** 8x8x12 with `filters=24, groups=3, strides=2`: 1x1 to 6 channels, shuffled, to 4x4,
# 1x1 to 12; with 12 pooled channels in front of them that makes 4x4x24.


# %% nbgrader={"grade": false, "grade_id": "shuffle_unit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shuffle_unit(x, filters, groups, strides=1):
    """A unit of ShuffleNet.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output; with stride 1 as many as x has, with stride 2 more.
        groups: of both 1x1 convolutions, and of the shuffle.
        strides: 1 or 2.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    new = filters if strides == 1 else filters - x.shape[-1]
    y = layers.ReLU()(bn(conv(x, filters // 4, groups=groups)))
    y = channel_shuffle(y, groups)
    y = bn(layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y))
    y = bn(conv(y, new, groups=groups))
    if strides == 1:
        return layers.ReLU()(layers.Add()([x, y]))
    x = layers.AveragePooling2D(3, strides, padding="same")(x)
    return layers.ReLU()(layers.Concatenate()([x, y]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_shuffle_unit", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. A ShuffleNet unit", points=3)
question.rules(shuffle_unit, without=NOT_ALLOWED)
unit = question.block("a stride of 2", shuffle_unit, (8, 8, 12), 24, 3, 2, share=0)
unit.has_output_shape((4, 4, 24), hint="pooled channels and the branch's, side by side")
unit.has_params(
    12 // 3 * 6 + 9 * 6 + 6 // 3 * 12 + 4 * (6 + 6 + 12),
    hint="with groups each filter sees only a third of the channels",
)
unit = question.block("a stride of 1", shuffle_unit, (8, 6, 24), 24, 3, share=0)
unit.has_output_shape((8, 6, 24), hint="here the branch is added")
### BEGIN HIDDEN TESTS


def right(x, filters, groups, strides=1, kind="right"):
    """The unit written out, with one thing wrong where asked."""
    make = keras.layers

    def normal(y):
        return make.BatchNormalization(momentum=0.9)(y)

    def mixed(y, many, grouped=True):
        many = make.Conv2D(many, 1, groups=groups if grouped else 1, use_bias=False)
        return normal(many(y))

    def exchanged(y, rows):
        parts = y.shape[-1] // rows
        return make.Concatenate()([y[..., n::parts] for n in range(parts)])

    channels = x.shape[-1]
    narrow = (channels if kind == "quarter of x" else filters) // 4
    y = make.ReLU()(mixed(x, narrow, kind != "first ungrouped"))
    if kind == "other rows":
        y = exchanged(y, narrow // groups)
    elif kind not in ("no shuffle", "late shuffle"):
        y = exchanged(y, groups)
    y = normal(make.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y))
    if kind == "relu in the middle":
        y = make.ReLU()(y)
    y = mixed(y, filters - channels if strides == 2 else filters, kind != "last ungrouped")
    if kind == "late shuffle":
        y = exchanged(y, groups)
    if kind == "relu at the end":
        y = make.ReLU()(y)
    if strides == 1:
        y = make.Add()([x, y])
    else:
        pool = make.MaxPooling2D if kind == "maximum" else make.AveragePooling2D
        x = pool(2 if kind == "2x2" else 3, 2, padding="same")(x)
        y = make.Concatenate()([y, x] if kind == "branch first" else [x, y])
    return y if kind == "no relu" else make.ReLU()(y)


causes = {
    "no shuffle": "the shuffle is missing",
    "other rows": "the shuffle has as many groups (rows) as the convolutions",
    "late shuffle": "the shuffle comes after the first convolution, not after the last",
    "relu in the middle": "no ReLU after the depthwise convolution",
    "relu at the end": "no ReLU before the sum or the concatenation: what the branch adds may be "
    "negative",
    "first ungrouped": "both 1x1 convolutions have groups",
    "last ungrouped": "both 1x1 convolutions have groups",
    "quarter of x": "the branch begins with a quarter of the output's channels, not of x's",
    "maximum": "the shortcut is average pooling",
    "2x2": "the shortcut has 3x3 pooling",
    "branch first": "the shortcut comes first",
    "no relu": "a ReLU follows the sum or the concatenation",
}


def made(shape, *arguments):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments))


draw = question.random
g = draw.choice([2, 3])
for name, shape, filters, strides in (
    ("a sum", (5, 8, 16 * g), 16 * g, 1),
    ("a concatenation", (7, 6, 4 * g), 16 * g, 2),
    ("few new channels", (6, 5, 8 * g), 16 * g, 2),
):
    unit = question.block(name, shuffle_unit, shape, filters, g, strides)
    about = {
        "hint": "go through the four steps; what does each begin with, and what follows it?",
        "mistakes": {
            cause: lambda k=kind, s=shape, f=filters, t=strides: made(s, f, g, t, k)
            for kind, cause in causes.items()
        },
    }
    if name == "few new channels":
        unit.computes(made(shape, filters, g, strides), **about)
    else:
        also = [((3, 7, 16), 16, 2)] if strides == 1 else [((9, 2, 8), 32, 4, 2)]
        unit.behaves_like(right, also=also, prescribed=("momentum",), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · Squeeze and excite
#
# A convolution sees its window. **Squeeze-and-excitation** (Hu et al., 2018) lets each channel know
# about the whole image:
#
# - *squeeze*: the mean of each channel over all positions,
# - *excite*: a dense layer to `hidden` values with ReLU, and one back to as many values as there
#   are channels, with a sigmoid: the **gates**, one number between 0 and 1 for each channel. Both
#   layers have biases,
# - *scale*: each channel, at all positions, is multiplied by its gate.
#
# Write `squeeze_excite(x, hidden)`.
#
# **Example.** With 8 channels and 2 hidden values there are $8 \cdot 2 + 2 + 2 \cdot 8 + 8 = 42$
# weights. If all of them are 0, each gate is $\sigma(0) = 0.5$, and all values are halved.


# %% nbgrader={"grade": false, "grade_id": "squeeze_excite", "locked": false, "schema_version": 3, "solution": true, "task": false}
def squeeze_excite(x, hidden):
    """Weight each channel by a gate that is computed from the means of all channels.

    Args:
        x: tensor of shape (batch, height, width, channels).
        hidden: number of values between the two dense layers.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    gates = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = layers.Dense(hidden, activation="relu")(gates)
    gates = layers.Dense(x.shape[-1], activation="sigmoid")(gates)
    return layers.Multiply()([x, gates])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_squeeze_excite", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. Squeeze and excite", points=2)
question.rules(squeeze_excite, without=NOT_ALLOWED)
block = question.block("8 channels, 2 hidden values", squeeze_excite, (6, 5, 8), 2, share=0)
block.has_output_shape((6, 5, 8), hint="each channel is multiplied by a number, nothing else")
block.has_params(42, hint="two dense layers with biases, between them 2 values")


def with_zeros(x, hidden):
    """What the block makes of an array if all its weights are 0."""
    tensor = keras.Input(x.shape[1:])
    model = keras.Model(tensor, squeeze_excite(tensor, hidden))
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    return np.array(model(x))


pair = np.reshape([-1.0, 3.0], (1, 1, 2, 1)).astype("float32")
question.example("weights of 0", with_zeros, pair, 1).gives_array(
    np.reshape([-0.5, 1.5], (1, 1, 2, 1)), hint="what is the sigmoid of 0?"
)
### BEGIN HIDDEN TESTS


def right(x, hidden, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make, ops = keras.layers, keras.ops
    channels = x.shape[-1]
    squeeze = {
        "positions": lambda: x,
        "maximum": lambda: ops.max(x, axis=(1, 2), keepdims=True),
        "channels": lambda: ops.mean(x, axis=-1, keepdims=True),
        "batch": lambda: ops.mean(x, axis=(0, 1, 2), keepdims=True),
    }.get(kind, lambda: ops.mean(x, axis=(1, 2), keepdims=True))
    y = make.Dense(hidden, activation={"linear": None, "swish": "silu"}.get(kind, "relu"))(
        squeeze()
    )
    gate = kind if kind in ("relu6", "softmax", "tanh", "hard_sigmoid") else "sigmoid"
    y = make.Dense(
        1 if kind == "one" else channels, activation="relu" if gate == "relu6" else gate
    )(y)
    if kind == "added":
        return make.Add()([x, y])
    y = make.Multiply()([x, y])
    return make.Add()([x, y]) if kind == "twice" else y


causes = {
    "positions": "the image is squeezed first: one number for each channel, not for each position",
    "maximum": "squeezed to the mean of each channel, not to its maximum",
    "channels": "the mean is over all positions of a channel, not over the channels of a position",
    "batch": "each image for itself: the mean is not over the batch",
    "linear": "the ReLU between the two dense layers is missing",
    "swish": "between the two dense layers there is a ReLU here",
    "relu6": "gates are numbers between 0 and 1: a sigmoid makes them, not a ReLU",
    "softmax": "a gate decides about its channel, each for itself: a sigmoid, not a softmax",
    "tanh": "gates are numbers between 0 and 1: a sigmoid makes them",
    "hard_sigmoid": "the sigmoid itself, not the hard one",
    "one": "there is one gate for each channel",
    "added": "each channel is multiplied by its gate, not added to it",
    "twice": "the gated channels are the result: x is not added",
}


def made(shape, *arguments):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments))


draw = question.random
for name, shape, hidden in (
    ("a few hidden values", (5, 8, draw.randint(5, 7)), draw.randint(3, 4)),
    ("a single hidden value", (4, 3, draw.randint(8, 11)), 1),
):
    block = question.block(name, squeeze_excite, shape, hidden)
    about = {
        "hint": "squeeze to one number for each channel; two dense layers; multiply",
        "mistakes": {
            cause: lambda k=kind, s=shape, n=hidden: made(s, n, k) for kind, cause in causes.items()
        },
    }
    if hidden > 1:
        block.behaves_like(right, also=[((3, 9, 1), 2), ((1, 2, 4), 6)], **about)
    else:
        block.computes(made(shape, hidden), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · Swish
#
# EfficientNet uses **Swish** (Ramachandran et al., 2017) where MobileNet used ReLU:
#
# $$f(x) = x\, \sigma(\beta x), \qquad \sigma(z) = \frac{1}{1 + e^{-z}},$$
#
# with $\beta = 1$, where it is called SiLU as well. Unlike ReLU it is smooth, and dips below zero.
#
# - Write `swish(x, beta=1.0)`, for a number or an array, which is right for large values, too:
#   $f(-1000)$ is 0 and $f(1000)$ is 1000, not NaN.
# - Write `swish_slope(x, beta=1.0)`, its derivative by $x$, for the same arguments.
# - Write `lowest(beta=1.0)`, the pair $(x, f(x))$ at its only minimum, for $\beta > 0$. Both
#   numbers to within $10^{-6}$. (Where is the slope 0? Bisection finds out: it halves an interval
#   at whose ends the slope has different signs, again and again.)
#
# Do without Keras and TensorFlow.
#
# **Example.** The slope at 0 is $\frac{1}{2}$ for every $\beta$. For $\beta = 1$ the minimum is
# $-0.278465$ at $x = -1.278465$. (That it is the same number twice is no accident: there $f(x) = x
# + 1$.)


# %% nbgrader={"grade": false, "grade_id": "swish", "locked": false, "schema_version": 3, "solution": true, "task": false}
def swish(x, beta=1.0):
    """Swish.

    Args:
        x: a number or an array.
        beta: a positive number.

    Returns:
        A number, or an array of the same shape.
    """
    ### BEGIN SOLUTION
    return x * _sigmoid(beta * x)
    ### END SOLUTION


def swish_slope(x, beta=1.0):
    """The derivative of Swish by x.

    Args:
        x: a number or an array.
        beta: a positive number.

    Returns:
        A number, or an array of the same shape.
    """
    ### BEGIN SOLUTION
    gate = _sigmoid(beta * x)
    return gate + beta * x * gate * (1 - gate)
    ### END SOLUTION


def lowest(beta=1.0):
    """Where Swish is smallest.

    Args:
        beta: a positive number.

    Returns:
        Pair of floats: x, and Swish of x.
    """
    ### BEGIN SOLUTION
    low, high = -10 / beta, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        if swish_slope(middle, beta) < 0:
            low = middle
        else:
            high = middle
    return low, swish(low, beta)


def _sigmoid(z):
    return 0.5 * (1 + np.tanh(z / 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_swish", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. Swish", points=2)
question.rules(swish, swish_slope, lowest, without=("keras", "tensorflow", *NOT_ALLOWED))
question.example("at 0 and at 2", swish, np.array([0.0, 2.0])).gives_array(
    [0, 1.761594], hint="the sigmoid of 2 is 0.880797"
)
question.example("the slope at 0", swish_slope, 0.0, 3.0).gives_array(
    0.5, hint="differentiate the product; what is left at 0?"
)
question.example("the minimum", lowest).gives_array(
    [-1.278465, -0.278465], tolerance=1e-5, hint="where is the slope 0?"
)
### BEGIN HIDDEN TESTS

draw = question.random
beta = round(draw.uniform(0.5, 0.8), 3)
steep = round(draw.uniform(1.3, 2), 3)
x = np.array([draw.uniform(-6, 6) for _ in range(12)]).reshape(3, 4)


def gate(z):
    return np.where(z >= 0, 1, np.exp(-np.abs(z))) / (1 + np.exp(-np.abs(z)))


for name, b in (("a flat one", beta), ("a steep one", steep)):
    g = gate(b * x)
    question.check(name, swish, x, b).gives_array(
        x * g,
        tolerance=1e-7,
        hint="x times the sigmoid of beta x",
        mistakes={
            "beta stands inside the sigmoid": x * gate(x),
            "beta stands inside the sigmoid, and only there": b * x * gate(x),
            "it is x times the gate, not beta x": b * x * g,
            "that is ReLU, which Swish only resembles": np.maximum(x, 0),
            "that is the hard sigmoid's gate; Swish has the sigmoid itself": x
            * np.clip(b * x / 6 + 0.5, 0, 1),
            "that is the gate alone": g,
        },
    )
    question.check(f"slope of {name}", swish_slope, x, b).gives_array(
        g + b * x * g * (1 - g),
        tolerance=1e-7,
        hint="a product of two factors that both change",
        mistakes={
            "the product rule has two terms": g * (1 - g),
            "the product rule has two terms: where is the gate itself?": b * x * g * (1 - g),
            "the product rule has two terms; the gate changes, too": g,
            "the inner derivative is missing: beta": g + x * g * (1 - g),
        },
    )
far = np.array([-1000.0, 1000.0, -40.0])
question.check("large values", swish, far, 1.0, share=0.5).gives_array(
    [0, 1000, 0], tolerance=1e-9, hint="e to the power of 1000 is too large: what happens then?",
    mistakes={"for large values it is not finite: infinity over infinity": [0, np.nan, 0]},
)  # fmt: skip
question.check("slope at large values", swish_slope, far, 1.0, share=0.5).gives_array(
    [0, 1, 0], tolerance=1e-9, hint="e to the power of 1000 is too large: what happens then?",
    mistakes={"for large values it is not finite: infinity over infinity": [0, np.nan, 0]},
)  # fmt: skip
question.check("numbers", swish, 1.5, share=0.25).gives_array(
    1.5 * float(gate(np.array(1.5))), tolerance=1e-7, hint="a number is allowed as well; beta is 1"
)
t = 1.3
for _ in range(60):
    t = 1 + math.exp(-t)
for name, b in (("the minimum of a flat one", beta), ("the minimum of a steep one", steep)):
    question.check(name, lowest, b).gives_array(
        [-t / b, (1 - t) / b],
        tolerance=1e-6,
        hint="bisection of the slope, between a point where it is negative, and 0",
        mistakes={
            "that is the minimum for beta = 1": [-t, 1 - t],
            "first x, then the value": [(1 - t) / b, -t / b],
            "the value shrinks with beta as well": [-t / b, 1 - t],
        },
    )


def is_close(b):
    """Whether both numbers are roughly right: within a hundredth."""
    return bool(np.allclose(np.asarray(lowest(b), float), [-t / b, (1 - t) / b], atol=0.01))


question.check("to within 10^-6", lowest, steep * 2, share=0.5).gives_array(
    [-t / steep / 2, (1 - t) / steep / 2],
    tolerance=1e-6,
    hint="both numbers to within 10^-6: a grid is too coarse for that"
    if is_close(steep * 2) else "where is the slope 0?",
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · The inverted bottleneck
#
# A bottleneck is narrow inside. MobileNetV2 (Sandler et al., 2018) turns it around: narrow feature
# maps are kept and connected by shortcuts, and each block is wide inside, where only the cheap
# depthwise convolution works:
#
# 1. a 1x1 convolution to $t\,C$ channels, BN, ReLU6, where $C$ is the number of channels of $x$;
#    *left out if $t = 1$*,
# 2. a 3x3 depthwise convolution with the block's stride, BN, ReLU6,
# 3. a 1x1 convolution to `filters` channels, BN. **No ReLU**: in so few channels it would destroy
#    information,
# 4. if, and only if, the stride is 1 and $C$ = `filters`, $x$ is added. Nothing follows.
#
# ReLU6 is $\min(\max(x, 0), 6)$: `layers.ReLU(6.0)`.
#
# Write `inverted_bottleneck(x, filters, expansion=6, strides=1)`.
#
# **Example.** 8x8x4 to 4 channels with $t = 6$: kernels of $4 \cdot 24 + 9 \cdot 24 + 24 \cdot 4$
# weights, and a sum. To 6 channels, or with stride 2, there is no sum.

# %% nbgrader={"grade": false, "grade_id": "figure_blocks", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import diagrams

show(
    diagrams.blocks({
        "bottleneck": diagrams.Block(("1x1, C/4", "3x3, C/4", "1x1, C")),
        "inverted bottleneck": diagrams.Block(("1x1, tC", "depthwise 3x3, tC", "1x1, C")),
        "MBConv": diagrams.Block(("1x1, tC", "depthwise, tC", "gates, tC", "1x1, C")),
        "fused MBConv": diagrams.Block(("3x3, tC", "1x1, C")),
    }),
    "The convolutions of four blocks, without BN and activations. Blue: the shortcut.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "inverted_bottleneck", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inverted_bottleneck(x, filters, expansion=6, strides=1):
    """A block of MobileNetV2.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        expansion: how many times wider it is inside, an int; 1 for no first convolution.
        strides: of the depthwise convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    channels, y = x.shape[-1], x
    if expansion > 1:
        y = layers.ReLU(6.0)(bn(conv(y, expansion * channels)))
    y = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y)
    y = layers.ReLU(6.0)(bn(y))
    y = bn(conv(y, filters))
    return layers.Add()([x, y]) if strides == 1 and channels == filters else y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_inverted_bottleneck", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. The inverted bottleneck", points=3)
question.rules(inverted_bottleneck, without=NOT_ALLOWED)
block = question.block("8x8x4 to 4 channels", inverted_bottleneck, (8, 8, 4), 4, share=0)
block.has_params(
    4 * 24 + 9 * 24 + 24 * 4 + 4 * (24 + 24 + 4), hint="three kernels and three normalizations"
)
block.has_layers("Add", 1, hint="same size, same channels: the input is added")
block = question.block("a stride of 2", inverted_bottleneck, (8, 6, 4), 4, 6, 2, share=0)
block.has_output_shape((4, 3, 4), hint="the depthwise convolution has the stride")
block.has_layers("Add", 0, hint="the sizes differ: nothing is added")
### BEGIN HIDDEN TESTS


def right(x, filters, expansion=6, strides=1, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers

    def normal(y):
        return make.BatchNormalization(momentum=0.9)(y)

    def bent(y):
        return make.ReLU()(y) if kind == "relu" else make.ReLU(6.0)(y)

    channels, y = x.shape[-1], x
    wide = {
        "of the output": expansion * filters, "narrow": max(1, channels // expansion),
    }.get(kind, expansion * channels)  # fmt: skip
    early, late = strides * (kind == "early") or 1, strides * (kind == "late") or 1
    if expansion > 1 or kind == "always expanded":
        y = bent(normal(make.Conv2D(wide, 1, early, padding="same", use_bias=False)(y)))
    else:
        early = 1
    middle = y
    stride = 1 if early > 1 or late > 1 else strides
    if kind == "ordinary":
        y = make.Conv2D(y.shape[-1], 3, stride, padding="same", use_bias=False)(y)
    else:
        y = make.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
    y = bent(normal(y))
    if kind == "wide ends" and strides == 1:
        y = make.Add()([middle, y])
    y = normal(make.Conv2D(filters, 1, late, padding="same", use_bias=False)(y))
    if kind == "relu at the end":
        y = make.ReLU(6.0)(y)
    if kind == "projected" and (strides > 1 or channels != filters):
        x = normal(make.Conv2D(filters, 1, strides, padding="same", use_bias=False)(x))
        return make.Add()([x, y])
    if strides > 1 or channels != filters or kind in ("wide ends", "no sum"):
        return y
    y = make.Add()([x, y])
    return make.ReLU(6.0)(y) if kind == "relu after" else y


causes = {
    "relu at the end": "the narrow end is linear: a ReLU there destroys information",
    "relu after": "nothing follows the sum",
    "relu": "the activation is ReLU6, which ends at 6",
    "of the output": "the block is t times as wide as the number of channels of x",
    "narrow": "the block is wide inside, not narrow",
    "always expanded": "with an expansion of 1 the first convolution is left out",
    "wide ends": "the shortcut connects the narrow ends, not the wide ones",
    "no sum": "with stride 1 and as many channels x is added",
    "projected": "x is added if, and only if, the shapes agree: no projection",
    "early": "the depthwise convolution has the stride, not the first 1x1",
    "late": "the depthwise convolution has the stride, not the last 1x1",
    "ordinary": "in a depthwise convolution each kernel sees only its own channel",
}


def made(shape, *arguments):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments))


draw = question.random
d, t = draw.randint(3, 5), draw.choice([3, 4])
for name, shape, filters, expansion, strides in (
    ("a shortcut", (5, 8, d), d, t, 1),
    ("more channels", (6, 5, d), d + 2, t, 1),
    ("as many channels, with a stride", (7, 6, d), d, t, 2),
    ("not expanded", (4, 7, d), d, 1, 1),
    ("not expanded, with a stride", (8, 5, d + 1), d, 1, 2),
):
    block = question.block(name, inverted_bottleneck, shape, filters, expansion, strides)
    about = {
        "hint": "three convolutions, or two: which activation follows each, and what is added?",
        "mistakes": {
            cause: lambda k=kind, a=(shape, filters, expansion, strides): made(*a, k)
            for kind, cause in causes.items()
        },
    }
    if name == "a shortcut":
        also = [((3, 2, 4), 4), ((9, 7, 1), 2, 2, 3)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(made(shape, filters, expansion, strides), **about)


def on_large_values(expansion):
    """What a pixel of 100 becomes if each 3x3 kernel halves, and all else leaves values alone."""
    pixel = keras.Input((1, 1, 1))
    model = keras.Model(pixel, inverted_bottleneck(pixel, 2, expansion))
    for weight in model.weights:
        value = np.full(weight.shape, float(weight.name not in ("beta", "moving_mean")))
        if tuple(weight.shape[:2]) == (3, 3):
            value = np.zeros(weight.shape)
            value[1, 1] = 0.5
        weight.assign(value)
    return np.array(model(np.full((1, 1, 1, 1), 100.0, "float32"))).ravel()


for name, expansion, value, wrong in (
    ("large values, not expanded", 1, 6, (50,)),
    ("large values, expanded", 3, 9, (150, 18)),
):
    question.check(name, on_large_values, expansion, share=0.5).gives_array(
        [value, value],
        tolerance=5e-3,
        hint="after the first two convolutions nothing is larger than 6",
        mistakes=[("both activations are ReLU6, which ends at 6", [w, w]) for w in wrong],
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · MBConv
#
# EfficientNet's block, **MBConv**, is the inverted bottleneck with three changes:
#
# - the depthwise kernel may be 5x5,
# - Swish (`"silu"` in Keras) takes the place of ReLU6,
# - squeeze-and-excitation acts on the *wide* channels, between the depthwise convolution's Swish
#   and the last 1x1 convolution. Its hidden layer has $\lfloor \rho\, C \rfloor$ values, at least
#   1, where $C$ is the number of channels of the block's *input* $x$, and Swish, too. The gates are
#   a sigmoid's. Both dense layers have biases.
#
# The rest stays: the first convolution is left out if $t = 1$, the last one is linear, and $x$ is
# added if and only if the stride is 1 and $C$ = `filters`.
#
# Write `mbconv(x, filters, expansion, kernel_size=3, strides=1, se_ratio=0.25)`; `se_ratio` is
# $\rho > 0$.
#
# **Example.** With 8 channels in and $t = 6$ the block is 48 channels wide, and $\rho = 0.25$ makes
# 2 hidden values, not 12: $48 \cdot 2 + 2 + 2 \cdot 48 + 48 = 242$ weights for the gates.


# %% nbgrader={"grade": false, "grade_id": "mbconv", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mbconv(x, filters, expansion, kernel_size=3, strides=1, se_ratio=0.25):
    """A block of EfficientNet.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        expansion: how many times wider it is inside, an int; 1 for no first convolution.
        kernel_size: of the depthwise convolution.
        strides: of the depthwise convolution.
        se_ratio: hidden values of squeeze-and-excitation as a part of x's channels.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    channels, y = x.shape[-1], x
    if expansion > 1:
        y = layers.Activation("silu")(bn(conv(y, expansion * channels)))
    y = layers.DepthwiseConv2D(kernel_size, strides, padding="same", use_bias=False)(y)
    y = layers.Activation("silu")(bn(y))
    hidden = max(1, int(se_ratio * channels))
    gates = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gates = layers.Dense(hidden, activation="silu")(gates)
    gates = layers.Dense(y.shape[-1], activation="sigmoid")(gates)
    y = bn(conv(layers.Multiply()([y, gates]), filters))
    return layers.Add()([x, y]) if strides == 1 and channels == filters else y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_mbconv", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. MBConv", points=3)
question.rules(mbconv, without=NOT_ALLOWED)
block = question.block("8x6x8 to 8 channels", mbconv, (8, 6, 8), 8, 6, share=0)
block.has_params(
    8 * 48 + 9 * 48 + 242 + 48 * 8 + 4 * (48 + 48 + 8),
    hint="as in question 7, and 242 weights for the gates",
)
block.has_layers("Add", 1, hint="same size, same channels: the input is added")
block = question.block("5x5 with a stride of 2", mbconv, (8, 6, 8), 8, 1, 5, 2, share=0)
block.has_output_shape((4, 3, 8), hint="the depthwise convolution has the stride")
block.has_params(
    25 * 8 + 42 + 8 * 8 + 4 * (8 + 8), hint="without expansion there is no first convolution"
)
### BEGIN HIDDEN TESTS


def right(x, filters, expansion, kernel_size=3, strides=1, se_ratio=0.25, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make, ops = keras.layers, keras.ops

    def normal(y):
        return make.BatchNormalization(momentum=0.9)(y)

    def bent(y):
        return make.ReLU(6.0)(y) if kind == "relu6" else make.Activation("silu")(y)

    channels, y = x.shape[-1], x
    wide = expansion * (filters if kind == "of the output" else channels)
    base = {"of the wide": wide, "of the filters": filters}.get(kind, channels)
    hidden = max(1, int((0.25 if kind == "quarter" else se_ratio) * base))

    def gated(y):
        means = ops.mean(y, axis=(1, 2), keepdims=True)
        bend = "relu" if kind == "relu in the gates" else "silu"
        gates = make.Dense(hidden, activation=bend)(means)
        gate = "hard_sigmoid" if kind == "hard" else "sigmoid"
        return make.Multiply()([y, make.Dense(y.shape[-1], activation=gate)(gates)])

    early = strides if kind == "early" and expansion > 1 else 1
    if expansion > 1 or kind == "always expanded":
        y = bent(normal(make.Conv2D(wide, 1, early, padding="same", use_bias=False)(y)))
    if kind == "gates first":
        y = gated(y)
    size = 3 if kind == "3x3" else kernel_size
    stride = 1 if early > 1 else strides
    y = bent(normal(make.DepthwiseConv2D(size, stride, padding="same", use_bias=False)(y)))
    if kind not in ("gates first", "gates last", "no gates"):
        y = gated(y)
    y = normal(make.Conv2D(filters, 1, use_bias=False)(y))
    if kind == "gates last":
        y = gated(y)
    if kind == "swish at the end":
        y = make.Activation("silu")(y)
    if strides > 1 or channels != filters or kind == "no sum":
        return y
    y = make.Add()([x, y])
    return make.Activation("silu")(y) if kind == "swish after" else y


causes = {
    "of the wide": "the hidden values are a part of the channels of the block's input, not of the "
    "wide ones",
    "of the filters": "the hidden values are a part of the channels of the block's input",
    "quarter": "the number of hidden values follows from se_ratio",
    "gates last": "the gates act on the wide channels, before the last convolution",
    "gates first": "the gates come after the depthwise convolution",
    "no gates": "the gates are missing",
    "relu in the gates": "the gates' hidden layer has Swish, too",
    "relu6": "Swish takes the place of ReLU6",
    "hard": "the gates are a sigmoid's, not a hard one's",
    "swish at the end": "the narrow end is linear",
    "swish after": "nothing follows the sum",
    "3x3": "the depthwise kernel is kernel_size wide",
    "always expanded": "with an expansion of 1 the first convolution is left out",
    "of the output": "the block is t times as wide as the number of channels of x",
    "no sum": "with stride 1 and as many channels x is added",
    "early": "the depthwise convolution has the stride, not the first 1x1",
}


def made(shape, *arguments, kind="right"):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments, kind=kind))


draw = question.random
d, t = draw.choice([9, 10, 11]), draw.choice([2, 3])
for name, shape, *arguments in (
    ("a shortcut", (5, 8, d), d, t, 3, 1, 0.4),
    ("fewer channels", (6, 5, d), d - 3, t, 5, 1, 0.25),
    ("as many channels, with a stride", (7, 6, d), d, t, 3, 2, 0.6),
    ("not expanded", (4, 7, d), d, 1, 5, 1, 0.3),
    ("few channels", (5, 4, 3), 6, t, 3, 1, 0.25),
):
    block = question.block(name, mbconv, shape, *arguments)
    about = {
        "hint": "where do the gates act, and how many hidden values are there?",
        "mistakes": {
            cause: lambda k=kind, s=shape, a=tuple(arguments): made(s, *a, kind=k)
            for kind, cause in causes.items()
        },
    }
    if name == "few channels":
        about["hint"] = "there is at least 1 hidden value"
    if name == "a shortcut":
        also = [((3, 2, 8), 8, 2), ((9, 7, 4), 5, 3, 3, 3, 0.5)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(made(shape, *arguments), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Fused MBConv
#
# Depthwise convolutions have few multiply-adds, and are slow for it (question 14 says why). In its
# first stages EfficientNetV2 (Tan and Le, 2021) goes back to an ordinary convolution. **Fused
# MBConv** puts one in place of the first *two*:
#
# 1. a $k \times k$ convolution to $t\,C$ channels with the block's stride, BN, Swish,
# 2. a 1x1 convolution to `filters` channels, BN, linear,
# 3. $x$ is added if and only if the stride is 1 and $C$ = `filters`.
#
# If $t = 1$ there is nothing to project: the block is one $k \times k$ convolution to `filters`
# channels, BN, Swish, and the sum as in 3. There is no squeeze-and-excitation.
#
# - Write `fused_mbconv(x, filters, expansion, kernel_size=3, strides=1)`.
# - Write `fused_weights(channels, filters, expansion, kernel_size=3)`: the weights of its kernels,
#   without normalizations, an int.
#
# **Example.** 24 channels to 24 with $t = 4$: $9 \cdot 24 \cdot 96 + 96 \cdot 24 = 23{,}040$
# weights. The block of question 2 has 5,472.


# %% nbgrader={"grade": false, "grade_id": "fused_mbconv", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fused_mbconv(x, filters, expansion, kernel_size=3, strides=1):
    """A block of EfficientNetV2's first stages.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        expansion: how many times wider it is inside, an int; 1 for a single convolution.
        kernel_size: of the first convolution.
        strides: of the first convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    channels = x.shape[-1]
    wide = filters if expansion == 1 else expansion * channels
    y = layers.Activation("silu")(bn(conv(x, wide, kernel_size, strides)))
    if expansion > 1:
        y = bn(conv(y, filters))
    return layers.Add()([x, y]) if strides == 1 and channels == filters else y
    ### END SOLUTION


def fused_weights(channels, filters, expansion, kernel_size=3):
    """Weights in the kernels of a fused MBConv.

    Args:
        channels: of its input.
        filters: channels of its output.
        expansion: how many times wider it is inside; 1 for a single convolution.
        kernel_size: of the first convolution.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    if expansion == 1:
        return kernel_size**2 * channels * filters
    wide = expansion * channels
    return kernel_size**2 * channels * wide + wide * filters
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_fused_mbconv", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Fused MBConv", points=2)
question.rules(fused_mbconv, fused_weights, without=NOT_ALLOWED)
block = question.block("expanded 4 times", fused_mbconv, (8, 6, 4), 4, 4, share=0)
block.has_params(
    9 * 4 * 16 + 16 * 4 + 4 * (16 + 4), hint="one that looks around, one that projects"
)
block.has_layers("Add", 1, hint="same size, same channels: the input is added")
block = question.block("not expanded", fused_mbconv, (8, 6, 4), 6, 1, 3, 2, share=0)
block.has_params(9 * 4 * 6 + 4 * 6, hint="there is nothing to project")
block.has_output_shape((4, 3, 6), hint="the convolution has the stride")
question.example("24 channels", fused_weights, 24, 24, 4).gives(
    23_040, hint="an ordinary convolution: each filter sees all channels"
)
### BEGIN HIDDEN TESTS


def right(x, filters, expansion, kernel_size=3, strides=1, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers

    def convolved(y, many, size, stride):
        y = make.Conv2D(many, size, stride, padding="same", use_bias=False)(y)
        return make.BatchNormalization(momentum=0.9)(y)

    channels = x.shape[-1]
    wide = expansion * (filters if kind == "of the output" else channels)
    bend = make.Activation("relu" if kind == "relu" else "silu")
    if kind == "depthwise":
        y = make.Conv2D(wide if expansion > 1 else filters, 1, use_bias=False)(x)
        y = make.DepthwiseConv2D(kernel_size, strides, padding="same", use_bias=False)(y)
        y = make.BatchNormalization(momentum=0.9)(y)
        y = make.Activation("silu")(y)
        y = convolved(y, filters, 1, 1) if expansion > 1 else y
    elif expansion == 1 and kind != "projected":
        y = convolved(x, filters, kernel_size, strides)
        y = y if kind == "linear" else bend(y)
    else:
        many = filters if expansion == 1 else wide
        sizes = (1, kernel_size) if kind == "1x1 first" else (kernel_size, 1)
        steps = (1, strides) if kind in ("1x1 first", "late") else (strides, 1)
        y = bend(convolved(x, many, sizes[0], steps[0]))
        y = convolved(y, filters, sizes[1], steps[1])
        if kind == "swish at the end":
            y = make.Activation("silu")(y)
    if strides > 1 or channels != filters or kind == "no sum":
        return y
    return make.Add()([x, y])


causes = {
    "depthwise": "the k x k convolution is an ordinary convolution here",
    "projected": "with an expansion of 1 the block is a single convolution",
    "linear": "where it is a single convolution, it keeps its Swish",
    "1x1 first": "the k x k convolution comes first, the 1x1 second",
    "late": "the first convolution has the stride",
    "swish at the end": "the projection is linear",
    "relu": "the activation is Swish",
    "of the output": "the block is t times as wide as the number of channels of x",
    "no sum": "with stride 1 and as many channels x is added",
}


def made(shape, *arguments, kind="right"):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments, kind=kind))


draw = question.random
d, t = draw.randint(3, 5), draw.choice([2, 3])
for name, shape, *arguments in (
    ("a shortcut", (5, 8, d), d, t, 3, 1),
    ("a stride", (7, 6, d), d + 2, t, 5, 2),
    ("not expanded", (4, 7, d), d, 1, 3, 1),
    ("not expanded, more channels", (5, 6, d), d + 3, 1, 3, 2),
):
    block = question.block(name, fused_mbconv, shape, *arguments)
    about = {
        "hint": "one convolution in place of two; what follows it, and what is added?",
        "mistakes": {
            cause: lambda k=kind, s=shape, a=tuple(arguments): made(s, *a, kind=k)
            for kind, cause in causes.items()
        },
    }
    if name == "a stride":
        also = [((3, 2, 4), 4, 1), ((9, 7, 2), 3, 2, 3, 3)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(made(shape, *arguments), **about)
for name, d, out, t, k in (
    ("weights", draw.randint(10, 30), draw.randint(31, 60), draw.randint(3, 6), 5),
    ("weights if not expanded", draw.randint(10, 30), draw.randint(31, 60), 1, 3),
):
    wide = t * d
    expected = k * k * d * (out if t == 1 else wide) + (wide * out if t > 1 else 0)
    wrong = {
        "that is MBConv with its depthwise kernel": d * wide + k * k * wide + wide * out,
        "the projection has weights, too": k * k * d * wide,
        "the k x k convolution comes first, the 1x1 second": d * wide + k * k * wide * out,
        "not expanded, it is a single convolution": k * k * d * wide + wide * out,
        "the block is t times as wide as the channels that come in": k * k * d * t * out
        + t * out * out,
        "each kernel has k x k places": k * d * wide + wide * out,
    }
    question.check(name, fused_weights, d, out, t, k, share=0.5).gives(
        expected,
        hint="write down the kernels",
        mistakes={cause: value for cause, value in wrong.items() if value != expected},
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · Rounding
#
# A network is made wider by a factor $w$ and deeper by a factor $d$, but channels and blocks are
# whole numbers, and hardware likes multiples of 8. The authors' code rounds like this:
#
# - **channels**: $w$ times the table's number, rounded to the *nearest* multiple of 8, and up if it
#   is half way between two. At least 8. If that is less than 90 % of the exact product, 8 more;
# - **repeats** of a block: $d$ times the table's number, rounded *up*.
#
# Write `rounded_filters(filters, width)` and `rounded_repeats(repeats, depth)`. Both return an int.
#
# **Example.** $32 \cdot 1.1 = 35.2$ is nearest to 32, which is more than 90 % of it: 32. $10 \cdot
# 1.1 = 11$ is nearest to 8, which is only 73 %: 16. $20$ is half way between 16 and 24: 24. And
# $3 \cdot 1.1 = 3.3$ repeats are 4.


# %% nbgrader={"grade": false, "grade_id": "rounded_filters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rounded_filters(filters, width):
    """Channels of a scaled network.

    Args:
        filters: channels in the table, a positive int.
        width: factor, positive.

    Returns:
        An int, a multiple of 8.
    """
    ### BEGIN SOLUTION
    exact = filters * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded
    ### END SOLUTION


def rounded_repeats(repeats, depth):
    """Blocks of a stage of a scaled network.

    Args:
        repeats: blocks in the table, a positive int.
        depth: factor, positive.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return math.ceil(repeats * depth)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_rounded_filters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. Rounding", points=2)
question.rules(rounded_filters, rounded_repeats, without=NOT_ALLOWED)
question.example("nearest", rounded_filters, 32, 1.1).gives(32, hint="35.2 lies between 32 and 40")
question.example("too little", rounded_filters, 10, 1.1).gives(16, hint="8 is only 73 % of 11")
question.example("half way", rounded_filters, 20, 1.0).gives(24, hint="16 or 24: up")
question.example("repeats", rounded_repeats, 3, 1.1).gives(4, hint="3.3, rounded up")
### BEGIN HIDDEN TESTS

draw = question.random


def by_fractions(filters, percent, kind="right"):
    """In hundredths, so that nothing is rounded but what should be."""
    exact = filters * percent  # hundredths of a channel
    step = 800
    rounded = {
        "up": -(-exact // step) * step,
        "down": exact // step * step,
        "even": round(exact / step) * step,
    }.get(kind, (exact + step // 2) // step * step)
    if kind != "from zero":
        rounded = max(step, rounded)
    least = {"90 of the table": 90 * filters, "95": 95 * exact // 100}.get(kind, 90 * exact // 100)
    if kind == "plain":
        return (exact + 50) // 100
    if kind == "first rounded":
        return by_fractions(round(exact / 100), 100)
    if kind != "no 90" and (
        rounded < least or (rounded == least and kind == "right" and rounded * 10 < 9 * exact)
    ):
        rounded += step
    return rounded // 100


causes = {
    "no 90": "not below 90 % of the exact product: then 8 more",
    "up": "rounded to the nearest multiple of 8, not always up",
    "down": "rounded to the nearest multiple of 8, not always down",
    "even": "half way between two it is rounded up, not to the even one",
    "plain": "a multiple of 8 is wanted",
    "90 of the table": "90 % of the exact product, not of the table's number",
    "from zero": "at least 8 channels",
    "first rounded": "the exact product is rounded once, to a multiple of 8, and not before",
    "95": "below 90 % of the exact product, not of something else",
}


def cases(wanted):
    """Products that are clear of all borders (or exactly half way, if so wanted)."""
    found = []
    for filters in range(8, 200):
        for percent in (*range(30, 200, 10), 105, 115, 125, 135):
            exact, answer = filters * percent, by_fractions(filters, percent)
            half = exact % 800 == 400
            near = (
                abs(answer * 1000 - 9 * exact) < 200 or abs((answer - 8) * 1000 - 9 * exact) < 200
            )
            if near or (half and percent != 100) or (not half and abs(exact % 800 - 400) < 20):
                continue
            if wanted(filters, percent, exact, answer, half):
                found.append((filters, percent))
    return found


asked = {
    "rounded down": lambda f, p, e, a, half: f > 40 and a * 100 < e and e % 800 > 150,
    "rounded up": lambda f, p, e, a, half: f > 40 and 100 * a > e and 450 < e % 800 < 600,
    "not below 90 %": lambda f, p, e, a, half: a != by_fractions(f, p, "no 90") and p > 100,
    "a thinner net": lambda f, p, e, a, half: a != by_fractions(f, p, "90 of the table") and p < 80,
    "just above 90 %": lambda f, p, e, a, half: e * 0.9 < 100 * a < e * 0.945,
    "half way": lambda f, p, e, a, half: half and a != by_fractions(f, p, "even") and p == 100,
    "few channels": lambda f, p, e, a, half: e < 380,
    "a product just below half way": lambda f, p, e, a, half: (
        a != by_fractions(f, p, "first rounded")
    ),
}
for name, wanted in asked.items():
    filters, percent = draw.choice(cases(wanted))
    expected = by_fractions(filters, percent)
    wrong = {cause: by_fractions(filters, percent, kind) for kind, cause in causes.items()}
    question.check(name, rounded_filters, filters, percent / 100, share=0.5).gives(
        expected,
        hint="the nearest multiple of 8; is it at least 90 % of the product?",
        mistakes={cause: value for cause, value in wrong.items() if value != expected},
    )
for name, repeats, percent in (
    ("repeats, a little more", draw.choice([2, 3, 4]), draw.choice([105, 110])),
    ("repeats, nearly one more", draw.choice([2, 3]), 130),
    ("repeats that come out whole", 4, draw.choice([150, 200, 225])),
    ("repeats of a shallower net", draw.choice([3, 5, 7]), 50),
):
    expected = -(-repeats * percent // 100)
    wrong = {
        "repeats are rounded up, not to the nearest": round(repeats * percent / 100),
        "repeats are rounded up, not down": repeats * percent // 100,
        "a whole product stays as it is": repeats * percent // 100 + 1,
    }
    question.check(name, rounded_repeats, repeats, percent / 100, share=0.5).gives(
        expected,
        hint="up to the next whole number, if it is not whole already; an int",
        mistakes={cause: value for cause, value in wrong.items() if value != expected},
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · EfficientNet
#
# Here is EfficientNet-B0 as data, Table 1 of the paper (Tan and Le, 2019): one row for each stage.

# %% nbgrader={"grade": false, "grade_id": "b0_table", "locked": true, "schema_version": 3, "solution": false, "task": false}
B0 = (
    # expansion, kernel size, filters, repeats, strides
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)

# %% [markdown]
# A network is made of such a table and two factors, $w$ for the width and $d$ for the depth:
#
# 1. the stem: a 3x3 convolution with stride 2 to 32 channels, *rounded for $w$* as in question 10,
#    BN, Swish,
# 2. for each row as many MBConv blocks (question 8, $\rho = 0.25$) as its repeats, *rounded for
#    $d$*, with its expansion, its kernel size and its filters, *rounded for $w$*. The row's stride
#    is that of the first block; the others have stride 1,
# 3. the top: a 1x1 convolution to 1280 channels, *rounded for $w$*, BN, Swish,
# 4. global average pooling, and a dense layer with bias and softmax.
#
# The depth changes nothing but the repeats. (The original has dropout and drops blocks in training;
# leave that out.)
#
# Write `efficientnet(table, width, depth, classes, input_shape)`, which returns a `keras.Model`.
#
# **Example.** `efficientnet(B0, 1.0, 1.0, 1000, (224, 224, 3))` is EfficientNet-B0: 16 blocks, and
# 5,288,548 weights that are trained.


# %% nbgrader={"grade": false, "grade_id": "efficientnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def efficientnet(table, width, depth, classes, input_shape):
    """An EfficientNet.

    Args:
        table: rows of expansion, kernel size, filters, repeats and strides.
        width: factor of all numbers of channels.
        depth: factor of the repeats.
        classes: number of classes.
        input_shape: (height, width, channels).

    Returns:
        A keras.Model from images to probabilities.
    """
    ### BEGIN SOLUTION
    images = keras.Input(input_shape)
    x = layers.Activation("silu")(bn(conv(images, rounded_filters(32, width), 3, 2)))
    for expansion, kernel_size, filters, repeats, strides in table:
        for block in range(rounded_repeats(repeats, depth)):
            x = mbconv(
                x,
                rounded_filters(filters, width),
                expansion,
                kernel_size,
                1 if block else strides,
            )
    x = layers.Activation("silu")(bn(conv(x, rounded_filters(1280, width))))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_efficientnet", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. EfficientNet", points=4)
question.rules(efficientnet, without=NOT_ALLOWED)
net = question.model("B0", efficientnet, B0, 1.0, 1.0, 1000, (224, 224, 3), share=0)
net.has_output_shape((1000,), hint="one probability for each class")
net.has_layers("Add", 9, hint="of the 16 blocks each but the first of a stage has a shortcut")
net.has_trainable_params(5_288_548, hint="which part has too many weights, or too few?")
### BEGIN HIDDEN TESTS


def right(table, width, depth, classes, input_shape, kind="right"):
    """The net written out, with one thing wrong where asked."""
    make, ops = keras.layers, keras.ops
    if kind == "swapped":
        width, depth = depth, width

    def rounded(filters):
        exact = filters * width
        nearest = max(8, int(exact + 4) // 8 * 8)
        return nearest + 8 * (nearest < 0.9 * exact)

    def convolved(x, filters, size=1, stride=1):
        x = make.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
        return make.BatchNormalization(momentum=0.9)(x)

    def swish(x):
        return make.Activation("silu")(x)

    def block(x, filters, expansion, size, stride):
        channels, y = x.shape[-1], x
        if expansion > 1:
            y = swish(convolved(y, expansion * channels))
        y = make.DepthwiseConv2D(size, stride, padding="same", use_bias=False)(y)
        y = swish(make.BatchNormalization(momentum=0.9)(y))
        gates = make.Dense(max(1, channels // 4), activation="silu")(ops.mean(y, (1, 2), True))
        y = make.Multiply()([y, make.Dense(y.shape[-1], activation="sigmoid")(gates)])
        y = convolved(y, filters)
        return make.Add()([x, y]) if stride == 1 and channels == filters else y

    images = keras.Input(input_shape)
    start = 32 if kind == "stem" else rounded(32)
    x = swish(convolved(images, start, 3, 1 if kind == "stem stride" else 2))
    for expansion, size, filters, repeats, stride in table:
        many = math.ceil(repeats * depth)
        many = {"no depth": repeats, "nearest": max(1, round(repeats * depth))}.get(kind, many)
        for number in range(many):
            strided = number == many - 1 if kind == "last" else number == 0 or kind == "all"
            wide = filters if kind == "no width" else rounded(filters)
            x = block(x, wide, expansion, size, stride if strided else 1)
    if kind != "no top":
        top = {"top": 1280, "deep top": 8 * round(160 * width * depth)}.get(kind, rounded(1280))
        x = convolved(x, top)
        x = x if kind == "linear top" else swish(x)
    x = make.GlobalMaxPooling2D()(x) if kind == "maximum" else make.GlobalAveragePooling2D()(x)
    end = None if kind == "no softmax" else "softmax"
    return keras.Model(images, make.Dense(classes, activation=end)(x))


causes = {
    "stem": "the stem's 32 channels are scaled by the width, too",
    "stem stride": "the stem has stride 2",
    "top": "the top's 1280 channels are scaled by the width, too",
    "deep top": "the depth changes the repeats and nothing else",
    "no top": "the top is missing, the last 1x1 convolution with BN and Swish",
    "linear top": "the top has a Swish",
    "all": "the stride is that of the first block of a stage; the others have stride 1",
    "last": "the stride is that of the first block of a stage",
    "no depth": "the repeats are scaled by the depth",
    "nearest": "scaled repeats are rounded up",
    "no width": "the filters are scaled by the width",
    "swapped": "the width is the second argument, the depth the third",
    "maximum": "the pooling is global average pooling",
    "no softmax": "the softmax is missing",
}
draw = question.random
tables = {
    "wider and deeper": (((1, 3, 16, 1, 1), (4, 5, 24, 2, 2)), 1.4, 1.2),
    "thinner": (((3, 3, 16, 2, 2), (1, 5, draw.choice([36, 38]), 1, 1)), 0.5, 1.0),
    "deeper": (((2, 3, 8, 2, 1),), 1.0, draw.choice([1.1, 1.2])),
}
for name, (table, width, depth) in tables.items():
    arguments = table, width, depth, draw.randint(3, 9), (9 if name == "thinner" else 10, 14, 2)
    net = question.model(name, efficientnet, *arguments)
    about = {
        "hint": "stem, stages, top, head: what is scaled by which factor, and which strides are 2?",
        "mistakes": {c: lambda k=kind, a=arguments: right(*a, k) for kind, c in causes.items()},
    }
    if name == "thinner":
        also = [(((1, 5, 8, 1, 2),), 0.25, 2.0, 4, (5, 3, 1))]
        net.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        net.computes(right(*arguments), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · How much it grows
#
# **Compound scaling** makes a network deeper by $\alpha^\phi$, wider by $\beta^\phi$, and its
# images larger by $\gamma^\phi$ (the side, in pixels). A number $\phi$ says how much one can spend.
# The paper's $\alpha = 1.2,\ \beta = 1.1,\ \gamma = 1.15$ were found for $\phi = 1$.
#
# Count like the paper, that is, as if all of a network were ordinary convolutions between equally
# wide feature maps: weights and multiply-adds are in proportion to depth; twice the channels are
# twice as many in *and* out; and so on.
#
# - Write `growth(alpha, beta, gamma, phi)`: a pair of floats, by which factor the multiply-adds
#   grow, and by which the weights.
# - Write `phis(depth, width, resolution)`: which $\phi$ a network's published depth factor, width
#   factor and resolution (in pixels; B0 has 224) stand for, with the paper's $\alpha, \beta,
#   \gamma$. A triple of floats, in this order. If the network followed the rule, all three would
#   be the same.
#
# **Example.** `growth(1.2, 1.1, 1.15, 1)` is about $(1.92, 1.45)$. Depth $1.44 = 1.2^2$ stands for
# $\phi = 2$, depth 1 for $\phi = 0$.


# %% nbgrader={"grade": false, "grade_id": "growth", "locked": false, "schema_version": 3, "solution": true, "task": false}
def growth(alpha, beta, gamma, phi):
    """How much compound scaling costs.

    Args:
        alpha, beta, gamma: factors of depth, width and resolution for phi = 1.
        phi: how often they are applied, any number.

    Returns:
        Pair of floats: factors of the multiply-adds and of the weights.
    """
    ### BEGIN SOLUTION
    weights = (alpha * beta**2) ** phi
    return weights * gamma ** (2 * phi), weights
    ### END SOLUTION


def phis(depth, width, resolution):
    """The exponents that a network's three factors stand for.

    Args:
        depth, width: factors of B0's.
        resolution: side of the images in pixels.

    Returns:
        Triple of floats: phi by depth, by width, and by resolution.
    """
    ### BEGIN SOLUTION
    factors = (depth, 1.2), (width, 1.1), (resolution / 224, 1.15)
    return tuple(math.log(factor) / math.log(base) for factor, base in factors)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_growth", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. How much it grows", points=3)
question.rules(growth, phis, without=NOT_ALLOWED)
question.example("the paper's step", growth, 1.2, 1.1, 1.15, 1).gives_array(
    [1.92027, 1.452], hint="which of the three change the kernels, and which the positions?"
)
question.example("two steps of depth", phis, 1.44, 1.0, 224).gives_array(
    [2, 0, 0], hint="1.2 to the power of what is 1.44?"
)
### BEGIN HIDDEN TESTS

draw = question.random
for name, phi in (
    ("several steps", draw.choice([3, 4, 5])),
    ("part of a step", round(draw.uniform(0.3, 0.8), 2)),
    ("a smaller net", -draw.choice([1.5, 2.5])),
):
    a, b, c = (round(draw.uniform(*ends), 2) for ends in ((1.25, 1.4), (1.05, 1.12), (1.13, 1.22)))
    weights = (a * b * b) ** phi
    expected = [weights * c ** (2 * phi), weights]
    question.check(name, growth, a, b, c, phi).gives_array(
        expected,
        tolerance=1e-7,
        hint="twice as deep, twice as wide, twice the resolution: what does each cost?",
        mistakes={
            "width and resolution act with their square": [(a * b * c) ** phi, weights],
            "width acts with its square": [(a * b * c * c) ** phi, (a * b) ** phi],
            "the width acts with its square on the weights": [expected[0], (a * b) ** phi],
            "twice the resolution is twice the height and width": [weights * c**phi, weights],
            "a larger image needs no weights": [expected[0], expected[0]],
            "phi is an exponent, not a factor": [a * b * b * phi * c * c, a * b * b * phi],
            "first the multiply-adds, then the weights": expected[::-1],
            "the product is only about 2: use the factors themselves": [2.0**phi, weights],
            "depth acts linearly": [(a * a * b * b * c * c) ** phi, (a * a * b * b) ** phi],
        },
    )


def logs(depth, width, resolution, bases=(1.2, 1.1, 1.15), size=224):
    both = zip((depth, width, resolution / size), bases, strict=True)
    return [math.log(factor, base) for factor, base in both]


for name, depth, width, resolution in (
    (
        "a larger net",
        draw.choice([1.8, 2.2, 2.6]),
        draw.choice([1.4, 1.6]),
        draw.choice([380, 456]),
    ),
    (
        "a smaller net's factors",
        draw.choice([0.5, 0.7]),
        draw.choice([0.8, 0.9]),
        draw.choice([128, 160]),
    ),
):
    expected = logs(depth, width, resolution)
    factors = depth, width, resolution / 224
    bases = 1.2, 1.1, 1.15
    question.check(name, phis, depth, width, resolution, share=1.5).gives_array(
        expected,
        tolerance=1e-7,
        hint="factor = base to the power of phi: solve for phi",
        mistakes={
            "the resolution's factor is relative to B0's 224 pixels": logs(
                depth, width, resolution, size=1
            ),
            "each factor has its own base, 1.2 for the depth": logs(
                depth, width, resolution, (1.1, 1.2, 1.15)
            ),
            "the order is depth, width, resolution": [expected[n] for n in (1, 0, 2)],
            "phi is an exponent: it takes a logarithm to find it": [
                f / b for f, b in zip(factors, bases, strict=True)
            ],
            "phi is an exponent, not a number of equal additions": [
                (f - 1) / (b - 1) for f, b in zip(factors, bases, strict=True)
            ],
            "the quotient of the logarithms, not the logarithm of the quotient": [
                math.log(f / b) for f, b in zip(factors, bases, strict=True)
            ],
            "the resolution is a side, not an area": [*expected[:2], 2 * expected[2]],
        },
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Now look at the published family. Do B1 to B7 follow the rule?

# %% tags=["raises-exception"]
PUBLISHED = {  # width, depth, resolution
    "B1": (1.0, 1.1, 240), "B2": (1.1, 1.2, 260), "B3": (1.2, 1.4, 300), "B4": (1.4, 1.8, 380),
    "B5": (1.6, 2.2, 456), "B6": (1.8, 2.6, 528), "B7": (2.0, 3.1, 600),
}  # fmt: skip
for name, (width, depth, resolution) in PUBLISHED.items():
    by_depth, by_width, by_resolution = phis(depth, width, resolution)
    print(
        f"{name}: phi is {by_depth:.1f} by depth, {by_width:.1f} by width, "
        f"{by_resolution:.1f} by resolution"
    )

# %% [markdown]
# ## 13 · Search for the step
#
# Where do 1.2, 1.1 and 1.15 come from? From trying: all triples from a grid that cost about as much
# as allowed, each trained once; the best one is kept.
#
# Write `compound_search(accuracy_of, grid, budget=2.0)`. `accuracy_of(alpha, beta, gamma)` stands
# for a training run and returns an accuracy. `grid` is a list of numbers, each of which $\alpha$,
# $\beta$ and $\gamma$ may be. The triple with the highest accuracy is wanted, among those for which
# $\alpha \beta^2 \gamma^2$ is at most 5 % above or below the budget. The answer is that triple
# $(\alpha, \beta, \gamma)$, or `None` if no triple fits the budget. Runs are expensive: call
# `accuracy_of` only for triples that fit the budget, and once for each. (No two of them have the
# same accuracy. An accuracy may be any number.)
#
# **Example.** With the grid 1, 2 and a budget of 4 two triples fit, $(1, 1, 2)$ and $(1, 2, 1)$.


# %% nbgrader={"grade": false, "grade_id": "compound_search", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compound_search(accuracy_of, grid, budget=2.0):
    """The best step of compound scaling by trying all that can be afforded.

    Args:
        accuracy_of: function of alpha, beta and gamma.
        grid: list of different numbers.
        budget: by which factor the multiply-adds should grow.

    Returns:
        Triple of numbers of the grid, alpha, beta and gamma; None if no triple fits.
    """
    ### BEGIN SOLUTION
    fitting = [
        (a, b, c)
        for a, b, c in itertools.product(grid, repeat=3)
        if abs(a * b**2 * c**2 - budget) <= 0.05 * budget
    ]
    return max(fitting, key=lambda triple: accuracy_of(*triple), default=None)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_compound_search", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. Search for the step", points=3)
question.rules(compound_search, without=NOT_ALLOWED)


def made_up(alpha, beta, gamma):
    """An accuracy that likes depth a little, width more, and resolution most."""
    return alpha + 2 * beta + 3 * gamma


question.example("two that fit", compound_search, made_up, [1, 2], 4.0).gives(
    (1, 1, 2), hint="which of (1, 1, 2) and (1, 2, 1) has the higher accuracy?"
)
question.example("none fits", compound_search, made_up, [1, 2], 3.0).gives(
    None, hint="1, 2, 4, 8, ... are all too far from 3"
)
### BEGIN HIDDEN TESTS

draw = question.random


def fitting(grid, budget):
    return [
        (a, b, c) for a in grid for b in grid for c in grid
        if abs(a * b**2 * c**2 / budget - 1) <= 0.05
    ]  # fmt: skip


def drawn_grid(budget):
    """Numbers of which no triple lies at the border of what is allowed."""
    while True:
        grid = sorted(round(draw.uniform(1, 1.5 * budget / 2), 2) for _ in range(6))
        gaps = [
            abs(abs(a * b**2 * c**2 / budget - 1) - 0.05)
            for a, b, c in itertools.product(grid, repeat=3)
        ]
        if len(set(grid)) == 6 and min(gaps) > 1e-4 and len(fitting(grid, budget)) > 4:
            return draw.sample(grid, 6)


def searched(grid, budget, best, above=0.0):
    """What is found if one triple is best, and those that do not fit would be better still."""
    random = np.random.default_rng(len(grid))
    table = {
        triple: above
        - 1
        - random.random()
        + 5 * (abs(triple[0] * triple[1] ** 2 * triple[2] ** 2 / budget - 1) > 0.05)
        for triple in itertools.product(grid, repeat=3)
    }
    table[best] = above - 0.5

    def accuracy(alpha, beta, gamma):
        return table[float(alpha), float(beta), float(gamma)]

    found = compound_search(accuracy, list(grid), budget)
    return found if found is None else tuple(found)


def of_kind(wanted, budget=2.0):
    """A grid, and one of its triples that fits and is of a kind."""
    while True:
        grid = drawn_grid(budget)
        found = [
            t
            for t in fitting(grid, budget)
            if wanted(*t, t[0] * t[1] ** 2 * t[2] ** 2 / budget - 1)
        ]
        if found:
            return grid, budget, draw.choice(found)


asked = {
    "a triple below the budget": (lambda a, b, c, over: over < -0.03, 2.0,
        "5 % of the budget below it are allowed, too: 1.9 to 2.1"),
    "a triple above the budget": (lambda a, b, c, over: over > 0.03, 2.0,
        "5 % of the budget above it are allowed, too: 1.9 to 2.1"),
    "depth most": (lambda a, b, c, over: a > b > c, 2.0, "factors may come in any order"),
    "the same number twice": (lambda a, b, c, over: b == c, 2.0,
        "the same number may be used for several factors"),
    "another budget": (lambda a, b, c, over: True, 3.0, "what is the budget here?"),
}  # fmt: skip
for name, (wanted, budget, hint) in asked.items():
    grid, budget, best = of_kind(wanted, budget)
    numbers = list(itertools.product(grid, repeat=3))
    wrong = {
        "alpha beta^2 gamma^2 is what must fit the budget": tuple(
            t for t in numbers if abs(t[0] * t[1] * t[2] / budget - 1) <= 0.05
        )[:1],
    }
    question.check(name, searched, grid, budget, best).gives(
        best, hint=f"{hint}; the highest accuracy of those that fit alpha beta^2 gamma^2 is wanted",
    )  # fmt: skip
grid, budget, best = of_kind(lambda *t: True)
question.check("accuracies above 0", searched, grid, budget, best, 3.0, share=0.5).gives(
    best, hint="the highest accuracy is the best"
)
question.check("accuracies far below 0", searched, grid, budget, best, -50.0, share=0.5).gives(
    best,
    hint="an accuracy may be any number, also one below 0",
    mistakes={"an accuracy may be any number, also one below 0": None},
)


def runs(grid, budget):
    """All triples that are trained, in sorted order."""
    calls = []

    def accuracy(alpha, beta, gamma):
        calls.append((float(alpha), float(beta), float(gamma)))
        return -len(calls) % 7 + len(calls) / 100

    compound_search(accuracy, list(grid), budget)
    return sorted(calls)


expected = sorted(fitting(grid, budget))
question.check("what is trained", runs, grid, budget).gives(
    expected,
    hint="train only what fits the budget, and each triple once",
    mistakes={
        "train only what fits the budget": sorted(itertools.product(grid, repeat=3)),
        "nothing was trained": [],
    },
)


def count_of_runs(grid, budget):
    """How many runs there are, and how many different ones."""
    found = runs(grid, budget)
    return len(found), len(set(found))


question.check("each once", count_of_runs, grid, budget, share=0.5).gives(
    (len(expected), len(expected)), hint="a triple is trained once: keep its accuracy"
)
question.check("nothing fits", compound_search, made_up, [1, 2], 1.5, share=0.5).gives(
    None,
    hint="None if no triple fits",
    mistakes={"None if no triple fits": ValueError("max() arg is an empty sequence")},
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 14 · Why multiply-adds are not time
#
# A machine computes, and moves values between memory and processor. In the **roofline** model
# (Williams et al., 2009) it does both at once, so that a layer takes as long as the slower of the
# two:
#
# $$\text{seconds} = \max\left(\frac{\text{multiply-adds}}{\text{multiply-adds per second}},\
# \frac{\text{bytes}}{\text{bytes per second}}\right).$$
#
# A convolution with "same" padding and stride 1 reads its input and its kernel once, and writes its
# output once, all of them numbers of 4 bytes. (No biases, batch of one.)
#
# - Write `layer_seconds(size, channels, filters, kernel_size, groups, machine)`, for such a
#   convolution, where `machine` is a pair: multiply-adds per second, bytes per second. A depthwise
#   convolution has as many groups as channels.
# - Write `faster(size, channels, expansion, machine)`: `"fused"` or `"mbconv"`, whichever takes
#   less time *in this model* with stride 1, as many channels at its end as in its input, and an
#   expansion of at least 2. "mbconv" here is a 1x1, a depthwise 3x3 and a 1x1 convolution, as in
#   question 7; "fused" is a 3x3 and a 1x1, as in question 9. Of other layers take no account. A
#   block takes as long as its layers together. (There are no ties.)
#
# **Example.** A 3x3 convolution of 10x10 positions from 4 channels to 8: $100 \cdot 9 \cdot 4 \cdot
# 8 = 28{,}800$ multiply-adds, and $400 + 800 + 288 = 1{,}488$ values, 5,952 bytes. A machine with
# 1,000 multiply-adds and 1,000 bytes per second takes 28.8 seconds, one with 10,000 multiply-adds
# 5.952.


# %% nbgrader={"grade": false, "grade_id": "layer_seconds", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_seconds(size, channels, filters, kernel_size, groups, machine):
    """How long a convolution takes in the roofline model.

    Args:
        size: (height, width).
        channels: of its input.
        filters: channels of its output.
        kernel_size: height and width of its kernel.
        groups: divides channels and filters.
        machine: multiply-adds per second, bytes per second.

    Returns:
        A float.
    """
    ### BEGIN SOLUTION
    positions = size[0] * size[1]
    weights = kernel_size**2 * channels * filters // groups
    values = positions * (channels + filters) + weights
    return max(positions * weights / machine[0], 4 * values / machine[1])
    ### END SOLUTION


def faster(size, channels, expansion, machine):
    """Which block takes less time in the roofline model.

    Args:
        size: (height, width).
        channels: of input and output.
        expansion: how many times wider it is inside, at least 2.
        machine: multiply-adds per second, bytes per second.

    Returns:
        "fused" or "mbconv".
    """
    ### BEGIN SOLUTION
    wide = expansion * channels
    last = layer_seconds(size, wide, channels, 1, 1, machine)
    fused = layer_seconds(size, channels, wide, 3, 1, machine) + last
    separate = (
        layer_seconds(size, channels, wide, 1, 1, machine)
        + layer_seconds(size, wide, wide, 3, wide, machine)
        + last
    )
    return "fused" if fused < separate else "mbconv"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_layer_seconds", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("14. Why multiply-adds are not time", points=3)
question.rules(layer_seconds, faster, without=NOT_ALLOWED)
question.example(
    "multiply-adds decide", layer_seconds, (10, 10), 4, 8, 3, 1, (1_000, 1_000)
).gives_array(28.8, hint="which of the two takes longer?")
question.example("bytes decide", layer_seconds, (10, 10), 4, 8, 3, 1, (10_000, 1_000)).gives_array(
    5.952, hint="input, output and kernel; each value has 4 bytes"
)
question.example("few channels", faster, (56, 56), 24, 4, (1e12, 1e10)).gives(
    "fused", hint="which of the two moves fewer values?"
)
### BEGIN HIDDEN TESTS

draw = question.random


def timed(size, c, f, k, groups, machine, kind="right"):
    """By counts of each part, with one thing wrong where asked."""
    places = size[0] * (size[0] if kind == "square" else size[1])
    weights = k * k * c * f // (1 if kind == "no groups" else groups)
    values = places * c + places * f + weights
    values = {
        "no kernel": values - weights, "no input": values - places * c,
        "no output": values - places * f, "windows": values + (k * k - 1) * places * c,
        "kernel again": values + (places - 1) * weights,
    }.get(kind, values)  # fmt: skip
    if kind == "turned":
        machine = machine[::-1]
    computing = places * weights / machine[0] * (1 + (kind == "twice"))
    moving = values * (1 if kind == "values" else 4) / machine[1]
    return {
        "sum": computing + moving, "computing": computing, "moving": moving,
        "less": min(computing, moving),
    }.get(kind, max(computing, moving))  # fmt: skip


causes = {
    "sum": "computing and moving happen at once: the slower of the two decides",
    "computing": "moving takes time as well",
    "moving": "computing takes time as well",
    "less": "the slower of the two decides, not the faster",
    "values": "each value has 4 bytes",
    "no kernel": "the kernel is read as well",
    "no input": "the input is read as well",
    "no output": "the output is written as well",
    "windows": "the input is read once, not once for each window",
    "kernel again": "the kernel is read once, not once for each position",
    "no groups": "with groups each filter sees only a part of the channels",
    "twice": "a multiplication with its addition is one multiply-add",
    "turned": "the first number of `machine` is that of multiply-adds, the second that of bytes",
    "square": "height times width",
}
few, many = draw.randint(20, 40), draw.randint(41, 60)
for name, share, *layer in (
    ("multiply-adds decide", 1, (9, 14), few, many, 3, 1, (7e5, 9e5)),
    ("bytes decide", 1, (11, 8), few, many, 3, 1, (9e7, 5e4)),
    ("a depthwise convolution", 1, (12, 17), few, few, 5, few, (3e7, 4e5)),
    ("groups", 1, (9, 7), 24, 48, 3, draw.choice([2, 3, 4]), (2e4, 3e5)),
    ("a large kernel on a small map", 0.5, (2, 3), 2 * few, 2 * many, 3, 1, (5e7, 3e5)),
):
    expected = timed(*layer)
    wrong = {cause: timed(*layer, kind) for kind, cause in causes.items()}
    question.check(name, layer_seconds, *layer, share=share).gives_array(
        expected,
        tolerance=1e-9,
        hint="count multiply-adds and values first, each by itself",
        mistakes={c: v for c, v in wrong.items() if abs(v - expected) > 1e-6 * expected},
    )


def blocks(size, d, t, machine, kind="right"):
    """Seconds of the fused and of the separate block."""
    wide = t * d

    def time(c, f, k, groups):
        if kind == "computing":
            return size[0] * size[1] * k * k * c * f // groups / machine[0]
        return timed(size, c, f, k, groups, machine)

    def whole(rows):
        if kind != "one layer":
            return sum(time(*row) for row in rows)
        places = size[0] * size[1]
        weights = [k * k * c * f // groups for c, f, k, groups in rows]
        moved = sum(places * (c + f) for c, f, *_ in rows) + sum(weights)
        return max(places * sum(weights) / machine[0], 4 * moved / machine[1])

    last = (wide, d, 1, 1)
    fused = [(wide if kind == "wide 3x3" else d, wide, 3, 1), last]
    separate = [(d, wide, 1, 1), (wide, wide, 3, 1 if kind == "ordinary" else wide), last]
    if kind == "no depthwise":
        del separate[1]
    if kind == "fused alone":
        del fused[1]
    return whole(fused), whole(separate)


def word(case, kind="right"):
    fused, separate = blocks(*case, kind)
    return "fused" if fused < separate else "mbconv"


wrongs = {
    "computing": "multiply-adds alone do not say which is faster",
    "one layer": "a block takes as long as its layers together: each has its own slower part",
    "ordinary": "a depthwise convolution has as many groups as channels",
    "no depthwise": "the depthwise convolution takes time as well",
    "fused alone": "the projection is a part of the fused block, too",
    "wide 3x3": "the fused 3x3 goes from the narrow channels to the wide ones",
}
pool = {"fused": [], "mbconv": []}
for _ in range(600):
    case = (
        (draw.randint(7, 60), draw.randint(7, 60)), draw.choice([8, 16, 24, 32, 48, 64, 96, 128]),
        draw.choice([2, 4, 6]), (10 ** draw.uniform(10, 12.5), 10 ** draw.uniform(9.5, 11)),
    )  # fmt: skip
    fused, separate = blocks(*case)
    if abs(math.log(fused / separate)) > 0.02:
        pool[word(case)].append(case)
chosen = []
for kind in wrongs:  # a case for each mistake that shows it
    show_it = [c for cases in pool.values() for c in cases if word(c) != word(c, kind)]
    chosen.append(draw.choice(show_it))
chosen += [draw.choice(cases) for cases in pool.values()]


def words(*cases):
    """Several at once, as one word alone would be no answer."""
    return [faster(*case) for case in cases]


expected = [word(case) for case in chosen]
about = {
    "hint": "add up the layers' seconds of either block",
    "mistakes": {cause: [word(c, kind) for c in chosen] for kind, cause in wrongs.items()},
}
question.check("fused or not", words, *chosen, share=2).gives(expected, **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 15 · Which nets are worth a look?
#
# A net **dominates** another if it is no worse in cost and in error, and better in at least one of
# them. The nets that none dominates are the **Pareto front**; of all others nobody needs to
# think. Two nets that agree in both don't dominate each other.
#
# Write `pareto(rows)`: `rows` is a list of triples of a name, a cost and an error; for both less is
# better. It returns the names of the front, the cheapest first; of nets that agree in both, the one
# first that is first in `rows`.
#
# **Example.** Of `[("a", 5, 30), ("b", 3, 30), ("c", 4, 20), ("d", 9, 25)]` only b and c are left:
# b dominates a, and c dominates d. The answer is `["b", "c"]`.


# %% nbgrader={"grade": false, "grade_id": "pareto", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pareto(rows):
    """The nets that no other net beats.

    Args:
        rows: list of triples: name, cost, error.

    Returns:
        List of names, the cheapest first.
    """

    ### BEGIN SOLUTION
    def dominated(row):
        return any(
            cost <= row[1] and error <= row[2] and (cost, error) != row[1:]
            for _, cost, error in rows
        )

    front = [row for row in rows if not dominated(tuple(row))]
    return [name for name, *_ in sorted(front, key=lambda row: row[1])]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_pareto", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("15. Which nets are worth a look?", points=2)
question.rules(pareto, without=NOT_ALLOWED)
question.example(
    "four nets", pareto, [("a", 5, 30), ("b", 3, 30), ("c", 4, 20), ("d", 9, 25)]
).gives(["b", "c"], hint="b costs less than a, and is no worse")
question.example("twins", pareto, [("e", 2, 10), ("f", 2, 10)]).gives(
    ["e", "f"], hint="neither of two equal nets is better in anything"
)
### BEGIN HIDDEN TESTS

draw = question.random


def front(rows, kind="right"):
    """By comparing each with each."""

    def beats(other, row):
        (_, cost, error), (_, mine, wrong) = other, row
        if kind == "strict":
            return cost < mine and error < wrong
        if kind == "more":
            return cost <= mine and error >= wrong and (cost, error) != (mine, wrong)
        if kind == "twins":
            return cost <= mine and error <= wrong and other is not row
        return cost <= mine and error <= wrong and (cost < mine or error < wrong)

    left = [row for row in rows if not any(beats(other, row) for other in rows)]
    if kind == "one twin":
        left = [r for n, r in enumerate(left) if r[1:] not in [o[1:] for o in left[:n]]]
    keys = {
        "by error": lambda row: row[2], "dearest": lambda row: -row[1],
        "by name": lambda row: (row[1], row[0]), "as given": lambda row: 0,
    }  # fmt: skip
    return [row[0] for row in sorted(left, key=keys.get(kind, lambda row: row[1]))]


causes = {
    "strict": "a net that is no worse in one and better in the other dominates as well",
    "more": "for both, less is better",
    "twins": "two nets that agree in both don't dominate each other",
    "one twin": "two nets that agree in both are both on the front",
    "by error": "the cheapest first",
    "dearest": "the cheapest first",
    "as given": "the cheapest first",
    "by name": "of nets that agree in both, the one that is first in `rows` comes first",
}


def drawn(kind):
    """Nets in any order: a front, twins of one of them, and nets that are dominated."""
    costs = list(itertools.accumulate(draw.randint(60, 150) for _ in range(5)))
    errors = list(itertools.accumulate(draw.randint(6, 12) for _ in range(5)))[::-1]
    rows = list(zip(costs, errors, strict=True))  # far enough apart for what is added below
    extra = [(cost + draw.randint(10, 40), error + draw.randint(1, 4)) for cost, error in rows]
    if kind == "ties":
        extra += [(costs[2], errors[2] + 3), (costs[3] + 7, errors[3])]
    if kind == "twins":
        extra += [rows[1], rows[1], extra[0], extra[0]]
    if kind == "beaten by an earlier one":  # its neighbor before is worse
        extra += [(costs[1] + 1, errors[1] + 30), (costs[1] + 2, errors[1] + 20)]
    rows += extra
    draw.shuffle(rows)
    letters = draw.sample("abcdefghijklmnopqrstuvwxyz", len(rows))
    return [(f"net {letter}", *row) for letter, row in zip(letters, rows, strict=True)]


for kind in ("nothing special", "ties", "twins", "beaten by an earlier one"):
    rows = drawn(kind)
    while kind == "twins" and front(rows) == front(rows, "by name"):
        rows = drawn(kind)
    expected = front(rows)
    wrong = [(cause, front(rows, name)) for name, cause in causes.items()]
    wrong.append(("the names are wanted", [row for row in rows if row[0] in expected]))
    if kind != "twins":
        wrong.append(("none is left: does each net dominate itself?", []))
    hint = {
        "twins": "two nets that agree in both are both on the front, or both are not",
        "ties": "no worse in both, and better in one, is enough to dominate",
        "beaten by an earlier one": "a net may be dominated by another that is not its neighbor",
    }.get(kind, "compare each net with each other one; the names are wanted, the cheapest first")
    question.check(f"drawn nets, {kind}", checks.keeping, pareto, rows).gives(
        expected, hint=hint, mistakes=[(c, value) for c, value in wrong if value != expected]
    )
question.check("a single net", pareto, [("alone", 4, 9)], share=0.25).gives(
    ["alone"],
    hint="there is nothing that could dominate it; does it dominate itself?",
    mistakes={"a net does not dominate itself": []},
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 16 · Small images first
#
# EfficientNetV2 trains with small images first, which are cheap, and with weak regularization; then
# both grow. With $M$ phases, phase $i = 0, \dots, M - 1$ has
#
# $$S_i = S_0 + \frac{i}{M - 1} \left(S_{M-1} - S_0\right)$$
#
# pixels, rounded *down* to a whole number, and a strength that grows by the same rule, without
# rounding. (A strength is the rate of dropout, for instance.) A single phase has the last size and
# the last strength.
#
# - Write `progressive(phases, sizes, strengths)`, where `sizes` and `strengths` are pairs of the
#   first and the last value. It returns a list of pairs: size (an int) and strength of each phase.
# - Write `training_cost(sizes, epochs)`: the multiply-adds of a training with these sizes, each for
#   as many epochs as the list `epochs` says, as a part of what the same number of epochs would cost
#   with the *last* size. (Convolutions: the cost of an image is in proportion to its pixels.)
#
# **Example.** Three phases from 100 to 201 pixels, with strengths from 0.1 to 0.3: $(100, 0.1),
# (150, 0.2), (201, 0.3)$, as 150.5 is rounded down. Two phases of 100 and 200 pixels, with one
# epoch each: $(0.25 + 1) / 2 = 0.625$.


# %% nbgrader={"grade": false, "grade_id": "progressive", "locked": false, "schema_version": 3, "solution": true, "task": false}
def progressive(phases, sizes, strengths):
    """Image size and strength of the regularization in each phase.

    Args:
        phases: number of phases, at least 1.
        sizes: pair of ints, the first and the last size.
        strengths: pair of numbers, the first and the last strength.

    Returns:
        List of pairs: size, an int, and strength.
    """
    ### BEGIN SOLUTION
    if phases == 1:
        return [(sizes[1], strengths[1])]
    found = []
    for phase in range(phases):
        size = sizes[0] + phase * (sizes[1] - sizes[0]) // (phases - 1)
        strength = strengths[0] + phase / (phases - 1) * (strengths[1] - strengths[0])
        found.append((size, strength))
    return found
    ### END SOLUTION


def training_cost(sizes, epochs):
    """Multiply-adds of a training, as a part of those with the last size throughout.

    Args:
        sizes: list of image sizes, one for each phase.
        epochs: list of the numbers of epochs of the phases.

    Returns:
        A float.
    """
    ### BEGIN SOLUTION
    spent = sum(count * size**2 for size, count in zip(sizes, epochs, strict=True))
    return spent / (sum(epochs) * sizes[-1] ** 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_progressive", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("16. Small images first", points=2)
question.rules(progressive, training_cost, without=NOT_ALLOWED)
question.example("three phases", progressive, 3, (100, 201), (0.1, 0.3)).gives_rows(
    [(100, 0.1), (150, 0.2), (201, 0.3)], hint="the middle one is half way; a size is rounded down"
)
question.example("two phases", training_cost, [100, 200], [1, 1]).gives_array(
    0.625, hint="an image of half the side has a quarter of the pixels"
)
### BEGIN HIDDEN TESTS

draw = question.random


def planned(phases, sizes, strengths, kind="right"):
    """With fractions, and one thing wrong where asked."""
    (first, last), (weak, strong) = sizes, strengths
    if phases == 1:
        return ((first, weak),) if kind == "small" else ((last, strong),)
    rows = []
    for phase in range(phases):
        part = Fraction(phase, phases - 1)
        part = {
            "from one": Fraction(phase + 1, phases), "never full": Fraction(phase, phases)
        }.get(kind, part)  # fmt: skip
        exact = first + part * (last - first)
        size = math.floor(exact)
        if kind == "nearest":
            size = math.floor(exact + Fraction(1, 2))
        if kind == "steps":
            size = first + phase * ((last - first) // (phases - 1))
        if kind == "factor":
            size = int(first * (last / first) ** float(part))
        share = float(part)
        strength = {
            "falls": strong + share * (weak - strong), "stays": strong,
            "by size": strong * size / last,
        }.get(kind, weak + share * (strong - weak))  # fmt: skip
        rows.append((size, strength))
    return tuple(rows)


causes = {
    "from one": "it starts with the first size: i goes from 0 to M - 1",
    "never full": "it ends with the last size: divide by M - 1",
    "nearest": "sizes are rounded down",
    "steps": "round only once: the size, not the step",
    "factor": "it grows in equal steps, not by equal factors",
    "falls": "the regularization grows with the images: small images need less",
    "stays": "the regularization grows with the images",
    "by size": "the strength grows by the same rule as the size, from its own first value",
}
for name, most in (("three phases or four", (3, 4)), ("many phases", (6, 7))):
    while True:
        phases, first = draw.choice(most), draw.randint(90, 140)
        last = first + draw.randint(100, 200)
        exact = [Fraction(n * (last - first), phases - 1) for n in range(1, phases - 1)]
        strengths = round(draw.uniform(0.05, 0.15), 2), round(draw.uniform(0.3, 0.6), 2)
        clear = all(part.denominator > 1 for part in exact)
        up = planned(phases, (first, last), strengths, "nearest")
        if clear and up != planned(phases, (first, last), strengths):
            break
    arguments = phases, (first, last), strengths
    right = planned(*arguments)
    wrong = [(cause, planned(*arguments, kind)) for kind, cause in causes.items()]
    question.check(name, progressive, *arguments).gives_rows(
        list(right),
        hint="the first phase has the first values, the last phase the last ones",
        mistakes=[(cause, rows) for cause, rows in wrong if rows != right],
    )
question.check("two", progressive, 2, (96, 224), (0.05, 0.5), share=0.5).gives_rows(
    [(96, 0.05), (224, 0.5)], hint="the first values, then the last ones"
)
question.check("a single phase", progressive, 1, (128, 300), (0.1, 0.3), share=0.5).gives(
    [(300, 0.3)],
    hint="a single phase has the last size and the last strength",
    mistakes={
        "a single phase has the last values": [(128, 0.1)],
        "what does your formula do for a single phase?": ZeroDivisionError("division by zero"),
    },
)
for name, growing in (("what it costs", True), ("a last size that is not the largest", False)):
    many = draw.randint(3, 5)
    sizes = sorted(draw.sample(range(80, 320), many))
    sizes = sizes if growing else [*sizes[:-2], sizes[-1], sizes[-2]]
    epochs = draw.sample(range(5, 60), many)
    total, full = sum(epochs), sizes[-1] ** 2
    spent = sum(e * s * s for s, e in zip(sizes, epochs, strict=True))
    expected = spent / (total * full)
    sides = sum(e * s for s, e in zip(sizes, epochs, strict=True)) / (total * sizes[-1])
    wrong = {
        "the cost goes with the pixels: the side squared": sides,
        "phases count by their epochs": sum(s * s for s in sizes) / (many * full),
        "as a part of the cost with the last size": spent,
        "as a part of what all epochs would cost": spent / full,
        "the last size is the measure, not the largest": spent / (total * max(sizes) ** 2),
        "the last size is the measure, not the first": spent / (total * sizes[0] ** 2),
        "that is what is saved": 1 - expected,
    }
    question.check(name, training_cost, sizes, epochs, share=0.75).gives_array(
        expected,
        tolerance=1e-9,
        hint="add up epochs times pixels; divide by all epochs at the last size",
        mistakes={c: v for c, v in wrong.items() if abs(v - expected) > 1e-6},
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 17 · In your own words
#
# An application on a telephone has to name what the camera sees, 20 times a second. A colleague
# proposes EfficientNet-B0: "It has 386 million multiply-adds, ResNet-50 has 4,089 million, so it
# runs ten times as fast, and at 77.1 % it is more accurate as well. And if it is too slow, we use
# compound scaling: B1 to B7 are all of them the same rule with $\phi = 1$ to $7$." Measured on the
# telephone, one image takes 61 ms with EfficientNet-B0, 78 ms with ResNet-50 and 29 ms with a third
# net, MobileNetV2 (301 million multiply-adds, 72.0 %).
#
# Write about ten sentences: why is B0 not ten times as fast, and which of its layers are to blame;
# how would you check that on the telephone; what could be changed in B0, and what would that cost;
# which net would you take, and what else would you have to know? What is wrong with the sentence
# on scaling? Use numbers from your answers. This question is graded by hand. (The three times are
# made up.)

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Multiply-adds are one of two things that take time; moving values is the other. A layer takes as
# long as the slower of them (question 14). A depthwise 3x3 convolution does 9 multiply-adds for each
# value that it reads and each that it writes, a 1x1 or 3x3 convolution hundreds, so it is memory
# that sets the time of depthwise layers, of Swish, of normalization and of the gates' products,
# whose multiply-adds are few or not counted at all. B0's wide maps (6 times as many channels as at
# the ends) are exactly what has to be moved. In addition, B0 has many small layers: 82
# convolutions and dense layers instead of ResNet-50's 54, and each has a fixed cost.
#
# To check it I would time layer by layer with a profiler on the telephone, after a warm-up, many
# times, with the batch of one that is used, and compare the multiply-adds per second and the bytes
# per second of each with what the chip can do.
#
# Fused MBConv in the first stages trades multiply-adds for time: for 24 channels and $t = 4$ it has
# 23,040 weights instead of 5,472, 4.2 times as many, and is nevertheless faster where memory is the
# limit. A smaller resolution (multiply-adds fall with its square, weights don't), a smaller
# expansion, ReLU for Swish, leaving out the gates, numbers of 8 bits, are others; each costs
# accuracy, which has to be measured.
#
# 20 images a second leave 50 ms each. ResNet-50 and B0 miss that, MobileNetV2 keeps it with 5
# points less accuracy. On the plane of *time* and error B0 dominates ResNet-50; MobileNetV2 and B0
# are both on the front. I would take MobileNetV2, or B0 with smaller images if it is more accurate
# at 50 ms. I would have to know what accuracy the application needs, on its own images, memory,
# battery and heat (after minutes the chip slows down), and the slowest image, not only the mean.
#
# Scaling makes nets larger: by about 1.92 for each $\phi$ in multiply-adds and 1.45 in weights, so
# that is the wrong direction ($\phi < 0$ would be the right one). And the published B1 to B7 follow
# no single $\phi$: B4 stands for 3.2 by depth,
# 3.5 by width and 3.8 by resolution.
#
# **Marking scheme** (4 points)
#
# - 1: multiply-adds are not time: depthwise convolutions (and layers without multiply-adds) move
#   many values for each multiply-add, so that memory is the limit. "Depthwise is slow" alone is
#   half.
# - 1: a way of measuring on the device: layer by layer or by kind of layer, repeated, warmed up,
#   batch of one; or a comparison with the roofline.
# - 1: a change with what it costs, with a number from an answer (4.2 times the weights; pixels
#   squared).
# - 1: a decision that follows from 50 ms and the measured times, one thing that is missing, *and*
#   what is wrong with the sentence on scaling (it makes nets larger, or: no single $\phi$). Half a
#   point without the latter.
# ### END SOLUTION

# %% [markdown]
# So a net is as fast as the machine lets it be, and an accuracy has a price in more than one
# currency. Before you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow
# *hand in* on the start page (`START.md`), or run `course submit 09_efficient` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
