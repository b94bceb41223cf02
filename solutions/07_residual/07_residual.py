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
# # 07 · Residual networks, block by block
#
# A residual network is a plain one with shortcuts, and a shortcut is one addition. Here you build
# both, from a convolution with batch normalization up to ResNet-50, look at the gradients that
# reach their layers, and take a block out of a network that hardly notices. What you build is
# compared with the course's own networks: given the same weights, it must compute the same.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn sizes, weights and images. If some of the checks pass, you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 07_residual`: it checks the notebook, makes the file to hand in, and says where
#    to.
#
# **Rules**
#
# - A block is a function of a Keras tensor that returns a Keras tensor. Use Keras' own layers and
#   `keras.ops`: no `Lambda`, and no layer classes of your own. A model is made with
#   `keras.Model(inputs, outputs)` or `keras.Sequential`. Part of a block may be a
#   `keras.Sequential` of its own. Give layers any names you like, or none.
# - Do not use `course.blocks`, `course.architectures` or `keras.applications` in your answers: they
#   contain what you are asked to build.
# - Each block has layers of its own. No layer is used twice, neither within a network nor in two
#   calls.
# - Everything learns: all weights are trainable, and a gradient reaches each of them along the
#   branch and along the shortcut. Each normalization uses the batch's statistics in training and
#   its moving statistics at inference; training updates these. There is no dropout and nothing else
#   that is random.
# - Images may have any number of channels, odd or even heights and widths, and need not be square.
#   Strides go from 1 to 3.
# - A function leaves its arguments unchanged: lists, arrays and models. (In question 9, a model's
#   moving statistics may change.)
# - Later questions call your earlier functions.
#
# | question | points | minutes |
# |---|---:|---:|
# | 1 Count the layers | 2 | 10 |
# | 2 Convolution, normalization, ReLU | 2 | 15 |
# | 3 Three shortcuts | 4 | 25 |
# | 4 The basic block | 3 | 15 |
# | 5 The bottleneck block | 3 | 15 |
# | 6 A residual network for small images | 4 | 20 |
# | 7 What the shortcuts cost | 2 | 15 |
# | 8 Begin as the identity | 3 | 15 |
# | 9 The gradient of each layer | 3 | 20 |
# | 10 Take a block out | 3 | 20 |
# | 11 ResNet-50 | 5 | 25 |
# | 12 In your own words (graded by hand) | 4 | 30 |
#
# (The minutes are rough guesses.) The lecture is [07_residual](../lectures/07_residual.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import inspect

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from autograder import checks


def defaults(function):
    """What a function's arguments are if nothing is said."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


# %% [markdown]
# ## 1 · Count the layers
#
# "ResNet-50" has 50 layers *with weights on the way from the image to the classes*: convolutions
# and dense layers. Normalization, pooling and the projections on shortcuts are not counted. Every
# residual network begins with one convolution and ends with one dense layer; between them are
# blocks of two convolutions (*basic*) or three (*bottleneck*).
#
# Write `count_layers(blocks, layers_per_block)`, where `blocks` has the number of blocks of each
# stage.
#
# The networks for CIFAR have three stages of $n$ basic blocks each. Write
# `blocks_per_stage(depth)`, which returns $n$ for a number of layers. If there is no such
# network, because $n$ would not be a whole number of at least 1, raise a `ValueError`.
#
# **Example.** Stages of 3, 4, 6 and 3 bottleneck blocks: $3 \cdot 16 + 2 = 50$ layers. And 8
# layers on CIFAR are one basic block per stage: $3 \cdot 2 + 2$.


# %% nbgrader={"grade": false, "grade_id": "count_layers", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_layers(blocks, layers_per_block):
    """The depth of a residual network, as its name has it.

    Args:
        blocks: sequence of ints, the number of blocks of each stage.
        layers_per_block: convolutions on a block's branch.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return layers_per_block * sum(blocks) + 2
    ### END SOLUTION


def blocks_per_stage(depth):
    """The number n of basic blocks in each of the three stages of a CIFAR network.

    Args:
        depth: number of layers.

    Returns:
        An int.

    Raises:
        ValueError: no network has this depth.
    """
    ### BEGIN SOLUTION
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ValueError(f"depth must be 6n + 2 with n at least 1; received {depth}.")
    return n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_count_layers", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Count the layers", points=2)
question.example("ResNet-50", count_layers, (3, 4, 6, 3), 3).gives(
    50, hint="three layers per block, and two that belong to none"
)
question.example("eight layers", blocks_per_stage, 8).gives(1, hint="one block in each stage")
question.example("nine layers", blocks_per_stage, 9).raises(
    ValueError, hint="do nine layers go up in three equal stages?"
)
### BEGIN HIDDEN TESTS
draw = question.random
for name, layers_per_block in (("basic blocks", 2), ("bottleneck blocks", 3)):
    # At least 27 blocks, so that the example's 50 layers are never the answer.
    stages = tuple(draw.randint(9, 20) for _ in range(layers_per_block * 2 + draw.randint(-1, 1)))
    count = layers_per_block * sum(stages)
    question.check(name, count_layers, stages, layers_per_block).gives(
        count + 2,
        hint="what comes before the first block, and what after the last?",
        mistakes=[
            ("the first convolution and the dense layer at the end count as well", count),
            ("a layer before the blocks and one after them: both count", count + 1),
            ("projections on shortcuts are not counted", count + 2 + len(stages)),
            ("projections on shortcuts are not counted", count + 1 + len(stages)),
            ("a block has more than one layer", sum(stages) + 2),
        ],
    )
question.check(
    "a list that stays", checks.keeping, count_layers, [3, 4, 23, 3], 3, share=0.3
).gives(101, hint="a list that is handed over is not yours to change")
n = draw.randint(10, 40)
question.check("a CIFAR network", blocks_per_stage, 6 * n + 2).gives(
    n,
    hint="how many layers are in the blocks, and how many in one block of each stage?",
    mistakes={
        "that is the number of blocks in all three stages": 3 * n,
        "that is the number of layers in a stage": 2 * n,
        "that is the number of layers in all blocks": 6 * n,
    },
)


def all_of(*depths):
    """Several at once, as no single answer is worth a point."""
    return [blocks_per_stage(depth) for depth in depths]


question.check("three more", all_of, 6 * n + 8, 20, 110, share=0.5).gives(
    [n + 1, 3, 18], hint="ResNet-20 has 3 blocks per stage"
)
for name, depth, share in (
    ("two layers for each stage, but not four", 6 * n + 5, 0.4),  # a multiple of three, not of six
    ("four layers for each stage, but not six", 6 * n + 4, 0.2),
    ("an odd rest", 6 * n + draw.choice([1, 3]), 0.2),
    ("no blocks", 2, 0.3),
    ("fewer than no blocks", 2 - 6 * draw.randint(1, 5), 0.3),
):
    question.check(name, blocks_per_stage, depth, share=share).raises(
        ValueError,
        hint="6n + 2 with a whole n of at least 1, and nothing else",
        requires_other_credit=True,
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Convolution, normalization, ReLU
#
# Every convolution of a residual network is followed by batch normalization, and most of those by
# a ReLU. Write the three of them once: `conv_bn(x, filters, kernel_size, strides=1, relu=True)`.
#
# - The convolution has **no bias**: the normalization subtracts the mean and adds a $\beta$ of
#   its own.
# - Its kernel starts from He's normal distribution, of variance $2/m$ where a window has $m$
#   values: `"he_normal"`. (Keras truncates this distribution; not truncating it is just as
#   right.)
# - A kernel of odd size $k$ gets $(k-1)/2$ zeros on **all four sides**, as in the authors' code,
#   at any stride. At stride 1 that is Keras' `"same"`. At stride 2 it is not: on 8 values with
#   $k = 3$ Keras would put one zero at the end and none at the start (unit 01, question 3).
#   `layers.ZeroPadding2D` followed by `"valid"` does it.
# - `BatchNormalization` has an `epsilon` of `1e-5`. Its `momentum` is up to you, as long as the
#   moving statistics are updated.
#
# This holds for **every** convolution and normalization of this assignment, those of projections
# included.
#
# **Example.** 3 channels, 16 filters of 3x3: $432$ weights in the kernel, $16$ each for $\gamma$,
# $\beta$ and the two moving statistics, $496$ in all.


# %% nbgrader={"grade": false, "grade_id": "conv_bn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_bn(x, filters, kernel_size, strides=1, relu=True):
    """A convolution without bias, batch normalization, and a ReLU if `relu` says so.

    Args:
        x: Keras tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: odd height and width of the kernel.
        strides: step in both directions.
        relu: whether a ReLU follows.

    Returns:
        Keras tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    if kernel_size > 1:
        x = layers.ZeroPadding2D((kernel_size - 1) // 2)(x)
    x = layers.Conv2D(
        filters, kernel_size, strides, use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-5)(x)
    return layers.ReLU()(x) if relu else x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv_bn", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Convolution, normalization, ReLU", points=2)
question.rules(conv_bn, without=("course.blocks", "course.architectures", "keras.applications"))
block = question.block("16 filters of 3x3", conv_bn, (8, 8, 3), 16, 3, share=0)
block.has_output_shape((8, 8, 16), hint="one zero on each side: no row gets lost")
block.has_params(496, hint="has the convolution a bias? is the normalization there?")
block.has_order(
    ["Conv2D", "BatchNormalization", "ReLU"], hint="what is normalized is what is rectified"
)
question.block("stride 2", conv_bn, (8, 6, 3), 4, 3, strides=2, share=0).has_output_shape(
    (4, 3, 4), hint="half as many rows and columns"
)
### BEGIN HIDDEN TESTS
import course.blocks.conv

draw = question.random


def right(x, filters, size, strides=1, relu=True, padding=None):
    return course.blocks.conv.conv_bn(
        x, filters, size, strides=strides, padding=size // 2 if padding is None else padding,
        activation="relu" if relu else None, name="right",
    )  # fmt: skip


def relu_first(x, filters, size, strides, _):
    y = course.blocks.conv.conv(
        x, filters, size, strides=strides, padding=size // 2, activation="relu", name="wrong"
    )
    return course.blocks.conv.batch_norm(y, name="wrong")


def model_of(function, shape, *args):
    x = keras.Input(shape)
    return keras.Model(x, function(x, *args))


filters = draw.randint(6, 9)
# Odd and even sizes, so that zeros on one side only show.
for name, shape, size, strides, relu, also in (
    ("3x3", (7, 6, 1), 3, 1, True, [((7, 6, 1), filters, 3), ((6, 9, 2), filters, 5)]),
    ("1x1 without ReLU", (6, 9, 3), 1, 2, False, [((3, 2, 1), filters, 1)]),
    ("stride 2", (7 + draw.randint(0, 1), 12, 3), 3, 2, True, []),
    ("7x7 with stride 3", (9, 11, 2), 7, 3, True, []),
):
    about = (filters, size, strides, relu)
    mistakes = {
        "relu says whether there is a ReLU": lambda a=about, s=shape: model_of(
            right, s, *a[:3], not a[3]
        ),
        "the ReLU comes after the normalization": lambda a=about, s=shape: model_of(
            relu_first, s, *a
        ),
    }
    if strides > 1 and size > 1:
        mistakes['with a stride, Keras\' "same" puts fewer zeros before than after'] = (
            lambda a=about, s=shape: model_of(right, s, *a, "same")
        )
    hint = "convolution, normalization, ReLU: what is left out, or added?"
    block = question.block(name, conv_bn, shape, *about)
    if also:
        block.behaves_like(
            right, also=also, prescribed=("epsilon", "initializer"), mistakes=mistakes, hint=hint
        )
    else:
        block.computes(model_of(right, shape, *about), mistakes=mistakes, hint=hint)


def kernel_spread(channels, filters, size=3):
    """The standard deviation of the weights that a kernel begins with."""
    x = keras.Input((size + 1, size + 1, channels))
    weights = keras.Model(x, conv_bn(x, filters, size)).get_weights()
    return float(np.std(next(w for w in weights if w.ndim == 4)))


channels, filters = draw.randint(12, 20), draw.randint(60, 90)
question.check(
    "what the kernel begins with", kernel_spread, channels, filters, share=0.5
).gives_array(
    (2 / (9 * channels)) ** 0.5,
    tolerance=0.1,
    hint="He's normal distribution has a variance of 2 / m, with m the values in a window",
    mistakes={
        "that is Glorot's (Xavier's) distribution, which is Keras' default": (
            2 / (9 * (channels + filters))
        )
        ** 0.5,
        "that is LeCun's distribution, without the 2 for the ReLU": (1 / (9 * channels)) ** 0.5,
    },
)
for size in (1, 5, 7):
    question.check(
        f"and a kernel of {size}x{size}", kernel_spread, 8, filters, size, share=0.2
    ).gives_array(
        (2 / (8 * size**2)) ** 0.5,
        tolerance=0.2,
        hint="the same distribution for every size of kernel: what is m there?",
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · Three shortcuts
#
# A block adds its input to its branch's output. Where the branch has changed the shape, that is
# not possible, and something must be done to the input. He et al. compare three ways:
#
# - **A**: where the shapes agree, the input itself. Where they differ, every `strides`-th row and
#   column of it (of 5 rows at stride 2, rows 0, 2 and 4), and **zeros after** its channels for
#   the new ones. No weights.
# - **B**: where the shapes agree, the input itself. Where they differ, a **projection**: a 1x1
#   convolution with the block's stride, without bias, and batch normalization. No ReLU. (Every
#   `strides`-th row and column, and a 1x1 convolution of these, is the same.)
# - **C**: a projection, always, even where the shapes agree.
#
# Write `shortcut(x, filters, strides=1, kind="B")`. The shapes agree if the stride is 1 and `x`
# already has `filters` channels. For A, there are never fewer filters than channels.
#
# **Example.** A, stride 2, 3 filters, on an image of one channel:
#
# $$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \rightarrow \text{one pixel, of channels } (1, 0, 0)$$
#
# Keras tensors can be sliced, and `ops.pad` adds zeros.


# %% nbgrader={"grade": false, "grade_id": "shortcut", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shortcut(x, filters, strides=1, kind="B"):
    """What a residual block adds to what its branch gives.

    Args:
        x: Keras tensor of shape (batch, height, width, channels).
        filters: channels of the block's output.
        strides: step of the block.
        kind: "A", "B" or "C".

    Returns:
        Keras tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    new = filters - x.shape[-1]
    agree = strides == 1 and new == 0
    if kind == "C" or (kind == "B" and not agree):
        return conv_bn(x, filters, 1, strides, relu=False)
    if strides > 1:
        x = x[:, ::strides, ::strides]
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, new]]) if new else x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_shortcut", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. Three shortcuts", points=4)
question.rules(shortcut, without=("course.blocks", "course.architectures", "keras.applications"))


def passed(image, filters, *how):
    """What a shortcut makes of an image."""
    x = keras.Input(image.shape[1:])
    return np.array(keras.Model(x, layers.Identity()(shortcut(x, filters, *how)))(image))


four = np.reshape([1.0, 2.0, 3.0, 4.0], (1, 2, 2, 1))
question.example("A, stride 2, 3 filters", passed, four, 3, 2, "A").gives_array(
    np.reshape([1, 0, 0], (1, 1, 1, 3)), hint="one pixel of four, and two new channels"
)
question.example("B where the shapes agree", passed, four, 1, 1, "B").gives_array(
    four, hint="nothing to do: the input itself"
)
block = question.block("B, stride 2, 8 filters", shortcut, (4, 4, 2), 8, 2, "B", share=0)
block.has_output_shape((2, 2, 8), hint="the shape of what the branch gives")
block.has_params(16 + 32, hint="a 1x1 kernel without bias, and a normalization")
### BEGIN HIDDEN TESTS
import course.blocks.conv

draw = np.random.default_rng(question.random.getrandbits(64))
channels = int(draw.integers(2, 5))
even = draw.normal(size=(2, 6, 8, channels)).astype("float32")
odd = draw.normal(size=(1, 7, 11, channels)).astype("float32")


def widened(maps, before, behind):
    return np.pad(maps, ((0, 0), (0, 0), (0, 0), (before, behind)))


def pooled(how):
    return how(even.reshape(2, 3, 2, 4, 2, channels), axis=(2, 4))


for name, image, strides, new, share in (
    ("A, half the pixels and new channels", even, 2, 2 * channels, 1),
    ("A, new channels", odd, 1, 3, 0.5),
    ("A, half the pixels", even, 2, 0, 0.5),
    ("A, half of odd sizes", odd, 2, 1, 0.5),
    ("A, a third of the pixels", odd, 3, 0, 0.5),
):
    picked = image[:, ::strides, ::strides]
    last = image[:, strides - 1 :: strides, strides - 1 :: strides]
    more = {}
    if new > 1:
        more["the zeros come after the channels, not before them"] = widened(picked, new, 0)
        more["the zeros come after the channels, not on both sides"] = widened(
            picked, new // 2, new - new // 2
        )
        more["new channels are zeros, not the old ones again"] = lambda p=picked, n=new: np.pad(
            p, ((0, 0), (0, 0), (0, 0), (0, n)), mode="wrap"
        )
        more["every pixel is there, but what of the new channels?"] = picked
    if strides > 1:
        more["the first pixel is at place 0"] = widened(last, 0, new)
        more["only the rows were thinned out"] = widened(image[:, ::strides], 0, new)
        more["the stride was left out"] = widened(image, 0, new)
    if image is even:
        more["a pixel is picked, not a mean taken"] = widened(pooled(np.mean), 0, new)
        more["a pixel is picked, not the largest"] = widened(pooled(np.max), 0, new)
    question.check(name, passed, image, channels + new, strides, "A", share=share).gives_array(
        widened(picked, 0, new), hint="which pixels, which channels?", mistakes=more
    )


def changed(*kinds):
    """How far a shortcut changes an image whose shape is right already."""
    return [float(np.abs(passed(odd, channels, 1, kind) - odd).max()) for kind in kinds]


question.check("A and B where the shapes agree", changed, "A", "B", share=0.5).gives(
    [0.0, 0.0], hint="the input itself, with nothing done to it"
)
question.check("if nothing is said", passed, odd, channels, share=0.3).gives_array(
    odd, hint="a stride of 1 and kind B, on an image that has as many channels already"
)


def right(x, filters, strides=1, kind="B", **conv):
    """Kinds B and C; of A what has no weights."""
    if kind == "A":
        x = x[:, ::strides, ::strides]
        return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - x.shape[-1]]])
    return course.blocks.conv.conv_bn(
        x, filters, 1, strides=strides, **{"activation": None} | conv, name="right"
    )


def bare(x, filters, strides, use_bias):
    return course.blocks.conv.conv(x, filters, 1, strides=strides, use_bias=use_bias, name="right")


def model_of(function, shape, *args, **kwargs):
    x = keras.Input(shape)
    return keras.Model(x, function(x, *args, **kwargs))


more = channels + int(draw.integers(2, 5))
for name, kind, shape, strides, filters in (
    ("B, half the pixels", "B", (7, 8, channels), 2, more),
    ("B, half the pixels of as many channels", "B", (6, 5, channels), 2, channels),
    ("B, new channels", "B", (5, 4, channels), 1, more),
    ("C where the shapes agree", "C", (4, 7, channels), 1, channels),
):
    about = (shape, filters, strides)
    mistakes = [
        (
            "a projection has no ReLU: what it adds may be below 0",
            lambda a=about: model_of(right, *a, "B", activation="relu"),
        ),
        *(
            (
                "the projection's normalization is missing",
                lambda a=about, bias=bias: model_of(bare, *a, bias),
            )
            for bias in (False, True)
        ),
        (
            "with a normalization after it, the projection needs no bias",
            lambda a=about: model_of(right, *a, "B", use_bias=True),
        ),
    ]
    hint = "a 1x1 convolution without bias, with the block's stride, and its normalization"
    block = question.block(name, shortcut, shape, filters, strides, kind, share=0.5)
    if kind == "C":
        block.behaves_like(
            right, also=[((9, 7, 1), channels, 3), ((5, 4, channels), more)],
            prescribed=("epsilon", "initializer"), mistakes=mistakes, hint=hint,
        )  # fmt: skip
    else:
        block.computes(model_of(right, *about, kind), mistakes=mistakes, hint=hint)
question.block(
    "A lets the gradient through", shortcut, (5, 4, 2), 3, 2, "A", share=0.5
).behaves_like(
    right,
    also=[((7, 4, 3), 3, 3, "A"), ((4, 5, 2), 5, 1, "A")],
    hint="A keeps pixels and adds zeros, and has no weights",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · The basic block
#
# A basic block has two 3x3 convolutions, each with its normalization, and a ReLU between them;
# then the shortcut is added, and *then* comes the second ReLU:
#
# $$y = \operatorname{ReLU}\bigl(\operatorname{BN}(W_2 * \operatorname{ReLU}(\operatorname{BN}(W_1 *
# x))) + \text{shortcut}(x)\bigr)$$
#
# The branch must be able to be negative: with a ReLU at its end, the block could only ever add. The
# **first** convolution takes the stride.
#
# Write `basic_block(x, filters, strides=1, kind="B")`, where `kind` is that of the shortcut. With
# `kind=None` nothing is added: that gives two layers of a **plain** network, for comparison.
#
# **Example.** With 4 channels in and 4 filters, a block has $2 \cdot (9 \cdot 4 \cdot 4 + 4 \cdot
# 4) = 320$ weights, moving statistics included, whatever `kind` is, unless it is C.


# %% nbgrader={"grade": false, "grade_id": "basic_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def basic_block(x, filters, strides=1, kind="B"):
    """Two 3x3 convolutions with normalization, and a shortcut around them.

    Args:
        x: Keras tensor of shape (batch, height, width, channels).
        filters: channels of both convolutions.
        strides: step of the first convolution.
        kind: of the shortcut, "A", "B" or "C"; None for no shortcut.

    Returns:
        Keras tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    y = conv_bn(x, filters, 3, strides)
    y = conv_bn(y, filters, 3, relu=False)
    if kind:
        y = layers.Add()([y, shortcut(x, filters, strides, kind)])
    return layers.ReLU()(y)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_basic_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. The basic block", points=3)
question.rules(basic_block, without=("course.blocks", "course.architectures", "keras.applications"))
block = question.block("4 filters", basic_block, (6, 6, 4), 4, share=0)
block.has_output_shape((6, 6, 4), hint="the shape stays")
block.has_params(320, hint="two convolutions without bias, two normalizations, no projection here")
block.has_layers("ReLU", 2, hint="one between the convolutions, one after the addition")
block = question.block("plain", basic_block, (6, 6, 4), 4, kind=None, share=0)
block.has_layers("Add", 0, hint="a plain network adds nothing")
### BEGIN HIDDEN TESTS
import course.blocks.conv
import course.blocks.residual

draw = question.random


def model_of(function, shape, *args, **kwargs):
    x = keras.Input(shape)
    return keras.Model(x, function(x, *args, **kwargs))


def twisted_basic(x, filters, strides, kind, *, inner="relu", last=None, after="relu",
                  second=False, norm="branch", added="input", bias=False):  # fmt: skip
    """The block with something else in one place."""
    conv, conv_bn = course.blocks.conv.conv, course.blocks.conv.conv_bn
    first, then = (1, strides) if second else (strides, 1)
    y = conv_bn(x, filters, 3, strides=first, padding=1, activation=inner, use_bias=bias, name="1")
    if norm == "branch":
        y = conv_bn(
            y, filters, 3, strides=then, padding=1, activation=last, use_bias=bias, name="2"
        )
    else:
        y = conv(y, filters, 3, strides=then, padding=1, name="2")
    same = strides == 1 and x.shape[-1] == filters
    if added == "bare projection":
        x = conv(x, filters, 1, strides=strides, name="0")
    elif added == "projection" or not same:
        x = conv_bn(x, filters, 1, strides=strides, activation=None, name="0")
    y = y + x if kind and added != "nothing" else y
    y = course.blocks.conv.batch_norm(y, name="3") if norm == "after" else y
    return layers.Activation(after)(y) if after else y


def right(x, filters, strides=1, kind="B"):
    return course.blocks.residual.basic_block(
        x, filters, strides=strides, shortcut=kind, name="right"
    )


def asked(name, shape, *arguments, known, also=()):
    """One comparison, with the twisted blocks that make a difference here."""
    filters, strides, kind = (*arguments, *(1, "B")[len(arguments) - 1 :])
    mistakes = {
        CAUSES[twist][1]: lambda t=twist: model_of(
            twisted_basic, shape, filters, strides, kind, **CAUSES[t][0]
        )
        for twist in known
    }
    block = question.block(name, basic_block, shape, *arguments)
    hint = "draw the block, and follow x through your lines"
    if also:
        block.behaves_like(
            right, also=also, prescribed=("epsilon", "initializer"), mistakes=mistakes, hint=hint
        )
    else:
        block.computes(model_of(right, shape, *arguments), mistakes=mistakes, hint=hint)


CAUSES = {
    "relu inside": ({"last": "relu", "after": None}, "the ReLU comes after the addition: before "
                    "it, the branch could only ever add"),
    "relu on both": ({"last": "relu"}, "one ReLU too many: before the addition, the branch could "
                     "only ever add"),
    "none after": ({"after": None}, "after the addition there is a ReLU as well"),
    "none between": ({"inner": None}, "without a ReLU between them, two convolutions are but one"),
    "no shortcut": ({"added": "nothing"}, "nothing was added: where is the shortcut?"),
    "no norm": ({"norm": "none"}, "the second convolution has a normalization, too"),
    "norm after": ({"norm": "after"}, "the normalization belongs to the branch: "
                   "after the addition it would change the shortcut's values as well"),
    "projected": ({"added": "projection"}, "where the shapes agree, the input itself is added"),
    "second": ({"second": True}, "the first convolution takes the stride, not the second"),
    "bare": ({"added": "bare projection"}, "the projection has a normalization of its own"),
    "bias": ({"bias": True}, "with a normalization after it, a convolution needs no bias"),
}  # fmt: skip
always = ["relu inside", "relu on both", "none after", "none between", "bias"]
filters = draw.randint(3, 6)
asked("the shape stays", (6, 7, filters), filters,
      known=[*always, "no shortcut", "no norm", "norm after", "projected"],
      also=[((4, 5, filters), filters, 1, "C"), ((7, 6, filters), filters, 2, "A")])  # fmt: skip
# Without more arguments the shortcut is B.
asked("a third of the pixels, more channels", (8, 7, filters), filters + draw.randint(1, 4), 3,
      known=[*always, "second", "bare"])  # fmt: skip
asked("plain, half the pixels", (7, 6, filters), 2 * filters, 2, None,
      known=["none after", "none between", "second", "bias"])  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · The bottleneck block
#
# A 3x3 convolution between 256 channels is expensive. So the deeper networks first narrow: a 1x1
# convolution to a **quarter** of the channels, the 3x3 convolution on those, and a 1x1
# convolution back. Every convolution has its normalization; a ReLU follows the first two, and the
# addition.
#
# Where does the stride go? In the paper, the first **1x1** convolution has it. In most code today
# the **3x3** has it ("v1.5"), which looks at every pixel and costs more. You need both.
#
# Write `bottleneck_block(x, filters, strides=1, kind="B", stride_on="1x1")`. Here `filters` is the
# number of channels of the *output*. `kind` is that of the shortcut: "A", "B" or "C".
#
# **Example.** 256 channels in, 256 filters: $256 \cdot 64 + 9 \cdot 64 \cdot 64 + 64 \cdot 256 =
# 69{,}632$ weights in kernels. Two 3x3 convolutions would have $1{,}179{,}648$.

# %% nbgrader={"grade": false, "grade_id": "figure_blocks", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import diagrams
from course.visualization.display import show

show(
    diagrams.blocks({
        "basic": diagrams.Block(("3x3, 64", "BN", "ReLU", "3x3, 64", "BN")),
        "bottleneck": diagrams.Block(
            ("1x1, 64", "BN", "ReLU", "3x3, 64", "BN", "ReLU", "1x1, 256", "BN")
        ),
    }),
    "A basic block of 64 channels and a bottleneck block of 256. Blue: the shortcut.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "bottleneck_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bottleneck_block(x, filters, strides=1, kind="B", stride_on="1x1"):
    """A 3x3 convolution between two 1x1 that narrow and widen, and a shortcut around them.

    Args:
        x: Keras tensor of shape (batch, height, width, channels).
        filters: channels of the output, a multiple of 4.
        strides: step of the block.
        kind: of the shortcut, "A", "B" or "C".
        stride_on: which convolution takes the stride, the first "1x1" or the "3x3".

    Returns:
        Keras tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    first, second = (strides, 1) if stride_on == "1x1" else (1, strides)
    y = conv_bn(x, filters // 4, 1, first)
    y = conv_bn(y, filters // 4, 3, second)
    y = conv_bn(y, filters, 1, relu=False)
    return layers.ReLU()(layers.Add()([y, shortcut(x, filters, strides, kind)]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_bottleneck_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. The bottleneck block", points=3)
question.rules(
    bottleneck_block, without=("course.blocks", "course.architectures", "keras.applications")
)
block = question.block("256 filters", bottleneck_block, (4, 4, 256), 256, share=0)
block.has_output_shape((4, 4, 256), hint="filters is the number of channels that come out")
block.has_params(69632 + 4 * (64 + 64 + 256), hint="a quarter of the channels in the middle")
block.has_layers("ReLU", 3, hint="after the first two normalizations, and after the addition")
### BEGIN HIDDEN TESTS
import course.blocks.conv
import course.blocks.residual

draw = question.random


def model_of(function, shape, *args, **kwargs):
    x = keras.Input(shape)
    return keras.Model(x, function(x, *args, **kwargs))


def twisted_bottleneck(x, filters, strides, kind, *, rows, last=None):
    """Convolutions (filters, kernel, stride), joined with the shortcut."""
    y = x
    for number, (width, size, step) in enumerate(rows):
        y = course.blocks.conv.conv_bn(
            y, width, size, strides=step, padding=size // 2, name=f"{number}",
            activation="relu" if number < len(rows) - 1 else last,
        )  # fmt: skip
    return course.blocks.residual.add_shortcut(x, y, strides=strides, shortcut=kind, name="end")


def right(x, filters, strides=1, kind="B", stride_on="1x1"):
    return course.blocks.residual.bottleneck_block(
        x, filters, strides=strides, stride_on=stride_on, shortcut=kind, name="right"
    )


def asked(name, shape, filters, strides, *rest, also=()):
    kind, stride_on = rest or ("B", "1x1")
    quarter = filters // 4
    one, three = (strides, 1) if stride_on == "1x1" else (1, strides)
    rows = [(quarter, 1, one), (quarter, 3, three), (filters, 1, 1)]
    known = [
        ([(filters, 1, one), (filters, 3, three), (filters, 1, 1)], None,
         "the first 1x1 narrows to a quarter of the channels"),
        ([(4 * filters, 1, one), (4 * filters, 3, three), (filters, 1, 1)], None,
         "the first 1x1 narrows, the last one widens; here it is the other way round"),
        ([(quarter, 1, one), (filters, 3, three), (filters, 1, 1)], None,
         "the last 1x1 widens, not the 3x3"),
        (rows, "relu", "one ReLU too many: before the addition, the branch could only ever add"),
        ([(quarter, 1, three), (quarter, 3, one), (filters, 1, 1)], None,
         f'stride_on="{stride_on}": another convolution takes the stride'),
    ]  # fmt: skip
    mistakes = {
        cause: lambda r=rows, last=last: model_of(
            twisted_bottleneck, shape, filters, strides, kind, rows=r, last=last
        )
        for rows, last, cause in known
    }
    about = (shape, filters, strides, *rest)
    block = question.block(name, bottleneck_block, *about)
    hint = "1x1, 3x3, 1x1: how many filters has each, and which stride?"
    if also:
        block.behaves_like(
            right, also=also, prescribed=("epsilon", "initializer"), mistakes=mistakes, hint=hint
        )
    else:
        block.computes(model_of(right, *about), mistakes=mistakes, hint=hint)


filters = draw.choice([8, 16])
# Without more arguments the shortcut is B, and the first 1x1 takes the stride.
asked("the stride on the first 1x1", (8, 7, filters), 2 * filters, 2,
      also=[((4, 5, filters), filters, 1, "C", "3x3"), ((5, 7, 4), filters, 1, "A")])  # fmt: skip
asked("the stride on the 3x3", (7, 8, filters), 2 * filters, 3, "B", "3x3")
asked("the shape stays", (5, 7, filters), filters, 1, "B", "1x1")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · A residual network for small images
#
# Section 4.2 of the paper has networks for CIFAR-10, images of 32x32 pixels:
#
# | | output | layers |
# |---|---|---|
# | first layer | 32x32, 16 channels | 3x3 convolution, normalization, ReLU |
# | stage 1 | 32x32, 16 channels | $n$ basic blocks |
# | stage 2 | 16x16, 32 channels | $n$ basic blocks, the first with stride 2 |
# | stage 3 | 8x8, 64 channels | $n$ basic blocks, the first with stride 2 |
# | end | 10 | mean of each feature map, dense layer, softmax |
#
# The paper uses shortcut A here, so that the residual network has exactly as many weights as the
# plain one. Write `resnet(n, input_shape=(32, 32, 3), classes=10, kind="A")`, a Keras model of
# $6n + 2$ layers, in which every block has a shortcut of this kind; with `kind=None`, the plain
# network.
#
# **Example.** `resnet(3)` is ResNet-20, with 271,098 weights, of which 269,722 are learned (the
# paper: 0.27 million).


# %% nbgrader={"grade": false, "grade_id": "resnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def resnet(n, input_shape=(32, 32, 3), classes=10, kind="A"):
    """A residual network of 6n + 2 layers for small images.

    Args:
        n: basic blocks in each of the three stages.
        input_shape: (height, width, channels).
        classes: number of classes.
        kind: of the shortcuts, "A", "B" or "C"; None for a plain network.

    Returns:
        A Keras model that gives a probability for each class.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, 16, 3)
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(n):
            x = basic_block(x, filters, 2 if stage and not block else 1, kind)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_resnet", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. A residual network", points=4)
question.rules(resnet, without=("course.blocks", "course.architectures", "keras.applications"))
net = question.model("resnet(1)", resnet, 1, share=0)
net.has_input_shape((32, 32, 3), hint="what is the image, by default?")
net.has_output_shape((10,), hint="a probability for each class")
net.has_params(
    75770, hint="three stages of one block, with 16, 32 and 64 filters; A has no weights"
)
net.has_layers("Conv2D", 7, {"kernel_size": 3}, hint="one, and two for each of three blocks")
### BEGIN HIDDEN TESTS
from course import architectures
import course.blocks.conv
import course.blocks.residual

draw = question.random


def twisted_net(n, shape, classes, kind, *, steps=(1, 2, 2), end="mean", head="softmax",
            blocks=0, widths=(16, 32, 64)):  # fmt: skip
    """The network with something else in one place."""
    inputs = keras.Input(shape)
    x = course.blocks.conv.conv_bn(inputs, widths[0], 3, name="stem")
    for stage, (width, step) in enumerate(zip(widths, steps, strict=True)):
        for number in range(n + blocks):
            strides = 1 if number else step
            x = course.blocks.residual.basic_block(
                x, width, strides=strides, shortcut=kind, name=f"{stage}_{number}"
            )
    pool = {"mean": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D,
            "flatten": layers.Flatten}[end]  # fmt: skip
    return keras.Model(inputs, layers.Dense(classes, activation=head)(pool()(x)))


KNOWN = (
    ({"head": None}, "the softmax is missing: probabilities are asked for"),
    ({"steps": (1, 1, 1)}, "the first block of stages 2 and 3 has stride 2"),
    ({"steps": (2, 2, 2)}, "the first stage keeps the image's size"),
    ({"end": "flatten"}, "the feature maps are averaged, not strung together: Flatten has a weight "
     "for each place"),
    ({"end": "max"}, "the mean of each feature map is asked for, not its largest value"),
    ({"blocks": 1}, "a block too many in each stage: 6n + 2 layers, two of them outside"),
    ({"blocks": -1}, "a block too few in each stage: 6n + 2 layers, two of them outside"),
    ({"widths": (16, 16, 16)}, "when height and width halve, the channels double"),
)  # fmt: skip


def right(n, shape=(32, 32, 3), classes=10, kind="A"):
    return architectures.build(
        "resnet20_cifar", depth=6 * n + 2, input_shape=shape, classes=classes, shortcut=kind
    )


about = (1, (33, 4 * draw.randint(13, 15), 1), draw.randint(4, 9), "B")
net = question.model("n = 1 with shortcut B", resnet, *about, share=2)
net.behaves_like(
    right,
    prescribed=("epsilon", "initializer"),
    hint="compare model.summary() with the table above, row by row",
    mistakes={cause: lambda t=twist: twisted_net(*about, **t) for twist, cause in KNOWN},
)


def counted(n, kind, size=8, every=False):
    """Weights and multiply-adds on square RGB images, for 5 classes, layer by layer."""
    weights, macs, channels = 9 * 3 * 16 + 4 * 16, 9 * 3 * 16 * size**2, 16
    for stage, width in enumerate((16, 32, 64)):
        for block in range(n):
            size = -(-size // 2) if stage and (every or not block) else size
            kernels = [9 * channels * width, 9 * width**2]
            if kind == "C" or (kind == "B" and channels != width):
                kernels.append(channels * width)
            weights += sum(kernels) + 4 * width * len(kernels)
            macs += sum(kernels) * size**2
            channels = width
    return weights + 64 * 5 + 5, macs + 64 * 5


deep = draw.randint(4, 6)
net = question.model("n of 4 to 6, with shortcut C", resnet, deep, (8, 8, 3), 5, "C", share=0.7)
net.has_params(
    counted(deep, "C")[0],
    hint="every block has layers of its own, and a shortcut of the kind that is asked for",
    mistakes={
        "a block too many in each stage: 6n + 2 layers, two of them outside": counted(
            deep + 1, "C"
        )[0],
        "a block too few in each stage: 6n + 2 layers, two of them outside": counted(deep - 1, "C")[
            0
        ],
        "C projects in every block: is `kind` handed on to all of them?": counted(deep, "A")[0],
    },
)
net.has_macs(
    counted(deep, "C")[1],
    hint="at which blocks are height and width halved?",
    mistakes={"only the first block of a stage has a stride": counted(deep, "C", every=True)[1]},
)
net = question.model("a plain network, n = 2", resnet, 2, (8, 8, 3), 5, None, share=0.5)
net.has_layers("Add", 0, hint="with kind=None, no block adds anything")
net.has_params(counted(2, "A")[0], hint="as many weights as with shortcut A")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · What the shortcuts cost
#
# How many weights do the shortcuts of a network like that of question 6 **learn**? A projection
# learns its kernel, and $\gamma$ and $\beta$ of its normalization; the moving statistics are not
# learned. Write `shortcut_weights(n, kind, filters=(16, 32, 64))`, for three stages of $n$ basic
# blocks with these numbers of filters, after a first layer with as many filters as stage 1. The
# first block of stages 2 and 3 has stride 2, so its shapes differ even if the numbers of filters
# agree.
#
# **Example.** One block in each stage, 2, 3 and 4 filters. B projects twice: from 2 to 3 channels,
# $6 + 6$ weights, and from 3 to 4, $12 + 8$; $32$ in all. C projects in stage 1 as well, from 2 to
# 2 channels, $4 + 4$ more: $40$.


# %% nbgrader={"grade": false, "grade_id": "shortcut_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shortcut_weights(n, kind, filters=(16, 32, 64)):
    """How many weights the shortcuts of a residual network learn.

    Args:
        n: basic blocks in each stage.
        kind: "A", "B" or "C".
        filters: channels of the three stages.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    weights, channels = 0, filters[0]
    for stage, width in enumerate(filters):
        for block in range(n):
            strides = 2 if stage and not block else 1
            agree = strides == 1 and width == channels
            if kind == "C" or (kind == "B" and not agree):
                weights += channels * width + 2 * width
            channels = width
    return weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_shortcut_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. What the shortcuts cost", points=2)
question.example("B, one block per stage", shortcut_weights, 1, "B", (2, 3, 4)).gives(
    32, hint="two projections, each with a kernel, gamma and beta"
)
question.example("C, one block per stage", shortcut_weights, 1, "C", (2, 3, 4)).gives(
    40, hint="three projections"
)
question.example("A", shortcut_weights, 5, "A").gives(0, hint="zeros are not learned")
### BEGIN HIDDEN TESTS
draw = question.random


def counted(n, kind, filters, norm=2, bias=0, every=False, skip=0):
    """The same with changes: what a normalization has, a bias, where projections are."""
    pairs = []
    for stage, width in enumerate(filters):
        before = filters[max(0, stage - 1)]
        pairs += [(before, width)] if stage or kind == "C" else []
        pairs += [(width, width)] * (n - 1 - skip) if kind == "C" or every else []
    return sum(a * b + (norm + bias) * b for a, b in pairs)


for kind in "BC":
    n = draw.randint(3, 6)
    filters = tuple(draw.sample(range(3 * k, 5 * k), 1)[0] for k in (2, 4, 8))
    right = counted(n, kind, filters)
    known = {
        "a projection's normalization learns gamma and beta": counted(n, kind, filters, norm=0),
        "a normalization learns gamma and beta, not one of them": counted(n, kind, filters, norm=1),
        "the moving statistics are not learned": counted(n, kind, filters, norm=4),
        "a projection has no bias": counted(n, kind, filters, bias=1),
        "a projection has no bias, but a normalization": counted(n, kind, filters, norm=0, bias=1),
        "B projects where shapes differ, C always": counted(
            n, "B" if kind == "C" else "C", filters
        ),
    }
    known = {cause: value for cause, value in known.items() if value != right}
    question.check(f"shortcut {kind}", shortcut_weights, n, kind, filters).gives(
        right,
        hint="write down which blocks project, from how many channels to how many",
        mistakes=known,
    )
n = draw.randint(7, 20)


def compared(n, filters):
    """All three kinds."""
    return [shortcut_weights(n, kind, filters) for kind in "ABC"]


for name, filters in (("stages of one width", (5, 5, 8)), ("narrower stages", (9, 4, 6))):
    question.check(name, compared, n, filters, share=0.5).gives(
        [counted(n, kind, filters) if kind > "A" else 0 for kind in "ABC"],
        hint="where do the shapes differ, and from how many channels to how many?",
    )
question.check(
    "a list that stays", checks.keeping, shortcut_weights, n, "C", [3, 4, 5], share=0.3
).gives(counted(n, "C", (3, 4, 5)), hint="a list that is handed over is not yours to change")
question.check("filters if nothing is said", shortcut_weights, n, "C", share=0.5).gives(
    counted(n, "C", (16, 32, 64)), hint="what are the filters by default?"
)
question.check("A, B and C", compared, n, (4, 6, 9), share=0.5).gives(
    [counted(n, kind, (4, 6, 9)) if kind > "A" else 0 for kind in "ABC"],
    hint="A has no weights, B two projections, C one for each block",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · Begin as the identity
#
# If the branch gave zeros, the block would be $\operatorname{ReLU}(x)$, and after another block's
# ReLU that is $x$ itself. So a block can start as the identity: let the $\gamma$ of its **last**
# normalization start at zero, where it usually starts at one (`gamma_initializer`, or
# `gamma.assign` after the layer's call). Then a network of 100 layers starts as one of two, and
# each block joins in as soon as its $\gamma$ changes. Goyal et al. (2017) train ResNet-50 that
# way with large batches.
#
# It matters which normalization. With zeros in the *first* one, the block would also start as the
# identity, but none of its kernels could ever learn: the ReLU after it receives 0 and passes no
# gradient back, and the second convolution sees only zeros. And the shortcut's projection must
# not be silenced.
#
# Write `identity_block(x, filters, strides=1)`: a basic block with shortcut B that starts like
# that.
#
# **Example.** On $x = (1, 2, 0)$, a new block with as many filters as channels gives $(1, 2, 0)$.


# %% nbgrader={"grade": false, "grade_id": "identity_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def identity_block(x, filters, strides=1):
    """A basic block with shortcut B whose branch gives zeros at first.

    Args:
        x: Keras tensor of shape (batch, height, width, channels).
        filters: channels of both convolutions.
        strides: step of the first convolution.

    Returns:
        Keras tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    y = conv_bn(x, filters, 3, strides)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(y)
    y = layers.BatchNormalization(epsilon=1e-5, gamma_initializer="zeros")(y)
    return layers.ReLU()(layers.Add()([y, shortcut(x, filters, strides)]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_identity_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Begin as the identity", points=3)
question.rules(
    identity_block, without=("course.blocks", "course.architectures", "keras.applications")
)


def at_first(maps, filters):
    """What a new block makes of maps, before any training."""
    x = keras.Input(maps.shape[1:])
    return np.array(keras.Model(x, identity_block(x, filters))(maps))


pixel = np.reshape([1.0, 2.0, 0.0], (1, 1, 1, 3))
question.example("the pixel above", at_first, pixel, 3).gives_array(
    pixel, hint="a gamma of zeros makes zeros of what it is multiplied by"
)
block = question.block("2 filters", identity_block, (4, 4, 2), 2, share=0)
block.has_params(2 * (36 + 8), hint="the layers are those of a basic block")
### BEGIN HIDDEN TESTS
import course.blocks.residual
from course.keras_graph import Graph

draw = np.random.default_rng(question.random.getrandbits(64))


def zeroed(filters):
    """How many normalizations of a projecting block begin with a gamma of zeros."""
    x = keras.Input((4, 4, 2))
    made = keras.Model(x, identity_block(x, filters, 2))
    found = [step.layer for step in Graph(made).weighted]
    norms = [layer for layer in found if isinstance(layer, layers.BatchNormalization)]
    return sum(not np.any(np.array(layer.gamma)) for layer in norms)


def learns(filters):
    """How many kernels of a new block two steps of gradient descent move."""
    x = keras.Input((3, 3, filters))
    made = keras.Model(x, identity_block(x, filters))
    maps = tf.constant(np.abs(draw.normal(size=(4, 3, 3, filters))), "float32")
    wanted = tf.constant(draw.normal(size=(4, 3, 3, filters)), "float32")
    before = [np.array(weight) for weight in made.trainable_weights]
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((made(maps, training=True) - wanted) ** 2)
        weights = made.trainable_weights
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign(weight - 0.1 * gradient)
    return sum(
        bool(np.any(np.array(weight) != old))
        for weight, old in zip(made.trainable_weights, before, strict=True)
        if old.ndim == 4
    )


filters = int(draw.integers(3, 6))
maps = draw.normal(size=(2, 5, 4, filters)).astype("float32")
question.check("the identity at first", at_first, maps, filters).gives_array(
    np.maximum(maps, 0),
    hint="which layer's zeros make the whole branch zero?",
    mistakes={
        "the ReLU after the addition stays": maps,
        "that is all zeros: the shortcut must let its values through": np.zeros_like(maps),
    },
)
question.check("it can learn", learns, filters).gives(
    2,
    hint="follow a gradient back through the branch: where is it multiplied by zero?",
    mistakes={
        "no kernel ever gets a gradient: are there zeros before a ReLU?": 0,
        "one kernel never gets a gradient": 1,
    },
)
question.check("with a projection", zeroed, filters + 3, share=0.5).gives(
    1,
    hint="how many normalizations begin with a gamma of zeros?",
    mistakes={
        "no gamma begins with zeros": 0,
        "two gammas begin with zeros: the branch's last one is enough, and the projection must "
        "let its values through": 2,
        "only the branch's last gamma begins with zeros": 3,
    },
)


def right(x, filters, strides=1):
    y = course.blocks.residual.basic_block(x, filters, strides=strides, name="right")
    last = next(layer for layer in keras.Model(x, y).layers if layer.name.endswith("right_2_bn"))
    last.gamma.assign(0 * last.gamma)
    return y


question.block("as a whole", identity_block, (7, 4, filters), 2 * filters, 2).behaves_like(
    right,
    also=[((4, 5, filters), filters), ((7, 8, 1), 4, 3)],
    prescribed=("epsilon", "initializer"),
    hint="apart from what gamma begins with, it is the block of question 4",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · The gradient of each layer
#
# What reaches the first layers of a deep network? Write `gradient_norms(model, x, y)`: for each
# `Conv2D` of the model, in the order of `model.layers`, the Euclidean norm of the gradient of the
# loss with respect to its **kernel**: the square root of the sum of its squares.
#
# - Leave out layers of other kinds, whatever their names, and convolutions inside a nested model,
#   as they are not in `model.layers`.
# - The loss is the cross-entropy, `keras.losses.sparse_categorical_crossentropy`, *averaged* over
#   the examples. The model outputs probabilities.
# - The model runs as in training, `model(x, training=True)`: batch normalization uses the batch's
#   statistics. That updates its moving statistics; restoring them is up to you.
# - `tf.GradientTape` watches variables without being told to. `layer.kernel` is a Keras variable;
#   TensorFlow's own is its `.value`.
#
# **Example.** A network has a single 1x1 convolution without bias, from 1 channel to 2, which are
# the logits of a softmax; the image is one white pixel. With a kernel of zeros both classes have
# probability $1/2$; if the first is right, the gradient of the loss is $(-1/2,\ 1/2)$, and its
# norm $\sqrt{1/2}$.


# %% nbgrader={"grade": false, "grade_id": "gradient_norms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(model, x, y):
    """How large the gradient of each convolution's kernel is.

    Args:
        model: a Keras model that gives a probability for each class, all of whose weights are
            trained.
        x: array of shape (examples, height, width, channels).
        y: array of the examples' classes, ints.

    Returns:
        A list of floats, one for each Conv2D in the order of `model.layers`.
    """
    ### BEGIN SOLUTION
    kernels = [layer.kernel.value for layer in model.layers if isinstance(layer, layers.Conv2D)]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(y, model(x, training=True))
        loss = tf.reduce_mean(losses)
    return [float(tf.norm(gradient)) for gradient in tape.gradient(loss, kernels)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_gradient_norms", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. The gradient of each layer", points=3)
single = keras.Sequential([
    keras.Input((1, 1, 1)), layers.Conv2D(2, 1, use_bias=False, kernel_initializer="zeros"),
    layers.Flatten(), layers.Softmax(),
])  # fmt: skip
question.example(
    "one pixel", gradient_norms, single, np.ones((1, 1, 1, 1), "float32"), np.array([0])
).gives_array(
    [0.5**0.5], tolerance=1e-4, hint="one convolution, one number: the root of the sum of squares"
)
question.example(
    "two pixels, 1 and 3, both of the first class", gradient_norms, single,
    np.reshape([1.0, 3.0], (2, 1, 1, 1)).astype("float32"), np.array([0, 0]),
).gives_array(
    [2 * 0.5**0.5], tolerance=1e-4, hint="one loss for all examples: the mean of the two gradients"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def gradients(model, x, y, training=True):
    """Of each kernel and of each weight matrix, with the layer that it belongs to."""
    owners = [layer for layer in model.layers if hasattr(layer, "kernel")]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(y, model(x, training=training))
        loss = tf.reduce_mean(losses)
    found = tape.gradient(loss, [layer.kernel.value for layer in owners])
    return list(zip(owners, (np.array(gradient).ravel() for gradient in found), strict=True))


def norms(pairs, norm=np.linalg.norm, kinds=(layers.Conv2D,)):
    return [float(norm(gradient)) for layer, gradient in pairs if isinstance(layer, kinds)]


def network(residual, size, classes):
    """Convolutions and other layers, under names that say nothing."""
    inputs = keras.Input((size, size + 1, 3))
    decay = keras.regularizers.L2(0.1)  # is a loss of its own, which nobody asked for
    # Before a normalization, the smaller a kernel the larger its gradient.
    start = keras.initializers.RandomNormal(stddev=0.2 if residual else 0.003)
    x = layers.Conv2D(
        4, 3, padding="same", kernel_initializer=start, kernel_regularizer=decay, name="stem"
    )(inputs)
    for number in range(1 + residual):
        y = layers.Conv2D(4, 3 - 2 * number, padding="same", name=f"first_of_{number}")(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        x = layers.Add()([x, y]) if residual else y
    if residual:
        within = keras.Sequential([keras.Input(x.shape[1:]), layers.Conv2D(4, 1)], name="conv2d")
        x = layers.DepthwiseConv2D(3, depthwise_initializer="he_normal")(within(x))
    x = layers.GlobalAveragePooling2D()(x)
    # Gradients come out large in the plain network and small in the residual one.
    x = layers.Dense(6, activation="relu", name="conv2d_9")(
        layers.Rescaling(1e-3 if residual else 40)(x)
    )
    x = layers.Dense(classes, activation="softmax")(x)
    # The softmax is not the last layer, so its logits cannot be asked for.
    return keras.Model(inputs, layers.Reshape((classes,))(x) if residual else x)


for name, residual in (("a plain network", False), ("a residual network", True)):
    size, classes, examples = int(draw.integers(6, 9)), int(draw.integers(3, 6)), 18
    net = network(residual, size, classes)
    images = draw.normal(size=(examples, size, size + 1, 3)).astype("float32")
    labels = draw.integers(0, classes, examples)
    weights = net.get_weights()
    calm = norms(gradients(net, images, labels, training=False))  # before training moves anything
    found = gradients(net, images, labels)
    right = norms(found)
    net.set_weights(weights)
    known = {
        "the batch's statistics are used in training: training=True": calm,
        "the losses are averaged over the examples, not added up": [examples * norm for norm in right],
        "that is the largest value of each gradient": norms(found, lambda g: np.abs(g).max()),
        "that is the mean of the absolute values": norms(found, lambda g: np.abs(g).mean()),
        "that is the sum of the absolute values": norms(found, lambda g: np.abs(g).sum()),
        "the root of the sum of squares: the root is missing": norms(found, lambda g: (g**2).sum()),
        "the root of the sum of squares, not of their mean": norms(
            found, lambda g: (g**2).mean() ** 0.5
        ),
        "the dense layers are not convolutions": norms(found, kinds=(layers.Conv2D, layers.Dense)),
        "the list begins with the first layer": right[::-1],
        "those are the kernels themselves, not their gradients": norms(
            [(layer, np.array(layer.kernel).ravel()) for layer, _ in found]
        ),
    }  # fmt: skip
    question.check(name, gradient_norms, net, images, labels).gives_array(
        right, tolerance=1e-3, hint="gradients of which loss, with respect to what?", mistakes=known
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · Take a block out
#
# Veit, Wilber and Belongie (2016) took a single block out of a *trained* network. After that, a
# plain network can only guess; a residual network hardly notices. The lecture shows it; here you
# write how it is done: only the shortcut of the block is left, so its branch must give **zeros**.
#
# In this course's networks the blocks are called `conv2_block1`, `conv2_block2` and so on, and
# the last normalization of the branch of a basic block is the layer `f"{block}_2_bn"`. At test
# time it computes $\gamma\,(z - m) / \sqrt{v + \epsilon} +
# \beta$, with the moving mean $m$ and variance $v$.
#
# Write `without_block(model, block)`: a **copy** of the model (`keras.models.clone_model`, and its
# weights), in which the branch of this block gives zeros for any input at test time: exactly 0, not
# small numbers. The model itself stays as it is, and the copy shares no weights with it.
#
# **Example.** In a network with `conv2_block1` as its only block,
# `without_block(model, "conv2_block1")` computes what the network would without the block: first
# layer, ReLU, end.


# %% nbgrader={"grade": false, "grade_id": "without_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def without_block(model, block):
    """A copy of a residual network in which a block is only its shortcut.

    Args:
        model: a Keras model of basic blocks, with this course's names.
        block: the block's name.

    Returns:
        A Keras model.
    """
    ### BEGIN SOLUTION
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    last = copy.get_layer(f"{block}_2_bn")
    last.gamma.assign(last.gamma * 0)
    last.beta.assign(last.beta * 0)
    return copy
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_without_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. Take a block out", points=3)
start = {"kernel_initializer": "he_normal", "padding": "same", "use_bias": False}
norm = {"beta_initializer": "ones", "moving_mean_initializer": "ones"}
inputs = keras.Input((6, 6, 3))
stem = layers.Conv2D(4, 3, activation="relu", **start)(inputs)
maps = layers.Conv2D(4, 3, name="conv2_block1_1_conv", **start)(stem)
maps = layers.BatchNormalization(name="conv2_block1_1_bn", **norm)(maps)
maps = layers.Conv2D(4, 3, name="conv2_block1_2_conv", **start)(layers.ReLU()(maps))
maps = layers.BatchNormalization(name="conv2_block1_2_bn", **norm)(maps)
maps = layers.ReLU()(layers.Add()([stem, maps]))
pool, dense = layers.GlobalAveragePooling2D(), layers.Dense(3)
net = keras.Model(inputs, dense(pool(maps)))
short = keras.Model(inputs, dense(pool(stem)))  # the same layers, without the block
images = np.random.default_rng(1).normal(size=(4, 6, 6, 3)).astype("float32")


def answers(model, block, images):
    """What a network gives for images without a block."""
    return np.array(without_block(model, block)(images))


question.model(
    "a copy", checks.keeping, without_block, net, "conv2_block1", share=0
).has_output_shape((3,), hint="change a copy, not the model itself")
question.example("its only block", answers, net, "conv2_block1", images).gives_array(
    np.array(short(images)), tolerance=1e-4, hint="the branch must give zeros, for any image"
)
### BEGIN HIDDEN TESTS
import course.blocks.residual

draw = np.random.default_rng(question.random.getrandbits(64))


def network():
    """Four blocks on images of 7x6 pixels, with weights drawn at random."""
    inputs = keras.Input((7, 6, 3))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    for name, width, strides in (
        ("conv2_block1", 3, 1), ("conv3_block1", 5, 2), ("conv3_block2", 5, 1),
        ("conv3_block10", 5, 1),
    ):  # fmt: skip
        x = course.blocks.residual.basic_block(x, width, strides=strides, name=name)
    model = keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    model.set_weights([
        draw.uniform(0.4, 1.0, w.shape) if w.ndim == 1
        else draw.normal(0, (2 / w[..., 0].size) ** 0.5, w.shape)
        for w in model.get_weights()
    ])  # fmt: skip
    for layer in model.layers:
        if layer.name.endswith("_2_bn"):  # so that a branch that is only small shows
            layer.gamma.assign(1000 * layer.gamma)
    return model


def changed(model, images, **roles):
    """What a copy gives in which some layers' weights are zeros: layer -> roles."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer, names in roles.items():
        for role in names.split():
            weight = getattr(copy.get_layer(layer), role)
            weight.assign(np.zeros(weight.shape))
    return np.array(copy(images))


images = draw.normal(size=(3, 7, 6, 3)).astype("float32")
net = network()


def copied(model, block):
    """The copy, if it is one: a network of its own is no answer by itself."""
    right = changed(model, images, **{f"{block}_2_bn": "gamma beta"})
    found = checks.keeping(without_block, model, block)
    if not np.allclose(found(images), right, rtol=1e-3):
        raise ValueError("it does not compute what the model does without the block")
    return found


copy = question.model("a copy", copied, net, "conv3_block10")
copy.shares_no_layer_with(
    net, hint="change a copy with weights of its own, not the model itself: see clone_model"
)
for name, block in (
    ("at a stage's end", str(draw.choice(["conv2_block1", "conv3_block10"]))),
    ("with a projection on its shortcut", "conv3_block1"),
):
    last, kernel = f"{block}_2_bn", f"{block}_2_conv"
    right = changed(net, images, **{last: "gamma beta"})
    twisted = {
        "the network is unchanged": {},
        "beta is still there: the branch gives a constant": {last: "gamma"},
        "gamma is still there": {last: "beta"},
        "zeros before the last normalization are not enough: it makes something else of them": {
            kernel: "kernel"
        },
        "a normalization with mean 0 and variance 0 does not give zeros": {
            last: "moving_mean moving_variance"
        },
    }
    if block == "conv3_block1":
        twisted["the shortcut must stay as it is, with its projection"] = {
            last: "gamma beta",
            f"{block}_0_bn": "gamma beta",
        }
    known = {
        cause: (lambda roles=roles: changed(net, images, **roles))
        for cause, roles in twisted.items()
    }
    question.check(name, answers, net, block, images).gives_array(
        right, tolerance=1e-4, hint="which layer gives the branch's values?", mistakes=known
    )


### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · ResNet-50
#
# The networks for ImageNet, from the paper's Table 1:
#
# | | output | layers |
# |---|---|---|
# | first layer | 112x112, 64 channels | 7x7 convolution with stride 2, normalization, ReLU |
# | pooling | 56x56 | one zero on all four sides, then maximum of 3x3 with stride 2 |
# | stage 1 | 56x56, 256 channels | 3 bottleneck blocks |
# | stage 2 | 28x28, 512 channels | 4 bottleneck blocks, the first with stride 2 |
# | stage 3 | 14x14, 1024 channels | 6 bottleneck blocks, the first with stride 2 |
# | stage 4 | 7x7, 2048 channels | 3 bottleneck blocks, the first with stride 2 |
# | end | 1000 | mean of each feature map, dense layer, softmax |
#
# The shortcuts are of kind B: the first block of stage 1 projects as well, as it goes from 64 to
# 256 channels.
#
# Write `resnet50(input_shape=(224, 224, 3), classes=1000, stride_on="1x1", width=64, blocks=(3,
# 4, 6, 3))`, where `width` is the number of channels of the first layer; stage 1 has $4 \cdot$
# `width` channels, and each stage twice as many as the previous one. `blocks` has the number of
# bottleneck blocks of each stage. So a narrow, short network can be tried quickly, and (3, 4, 23,
# 3) is ResNet-101.
#
# **Example.** `resnet50()` has 25,610,152 weights, of which 25,557,032 are learned. It takes
# 3,857,973,248 multiply-adds for an image, the "3.8 billion" of the paper; with the stride on the
# 3x3, 4,089,184,256.


# %% nbgrader={"grade": false, "grade_id": "resnet50", "locked": false, "schema_version": 3, "solution": true, "task": false}
def resnet50(
    input_shape=(224, 224, 3), classes=1000, stride_on="1x1", width=64, blocks=(3, 4, 6, 3)
):
    """A residual network of bottleneck blocks, by default of 50 layers.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        stride_on: which convolution of a block takes the stride, the first "1x1" or the "3x3".
        width: channels of the first layer.
        blocks: number of blocks of each of the four stages.

    Returns:
        A Keras model that gives a probability for each class.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, width, 7, 2)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, number in enumerate(blocks):
        for block in range(number):
            strides = 2 if stage and not block else 1
            x = bottleneck_block(x, 4 * width * 2**stage, strides, "B", stride_on)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_resnet50", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. ResNet-50", points=5)
question.rules(resnet50, without=("course.blocks", "course.architectures", "keras.applications"))
net = question.model("a small one", resnet50, (64, 64, 3), 5, "1x1", 4, (1, 1, 1, 1), share=0)
net.has_output_shape((5,), hint="a probability for each class")
net.has_layers("Conv2D", 17, hint="the first one, three in each block, and 4 projections")
net.has_layers("Conv2D", 4, {"kernel_size": 3}, hint="one in each block")
net.has_layers("MaxPooling2D", 1, hint="once, after the first layer")
net.has_macs(959104, hint="with the stride on the 3x3 there would be more")
### BEGIN HIDDEN TESTS
import course.blocks.conv
import course.blocks.residual

draw = question.random


def right(shape, classes, stride_on, width, blocks, *, steps=(1, 2, 2, 2), zeros=True, head="softmax",
           wide=4, kind="B"):  # fmt: skip
    """The right network for any width, or one with something else in one place."""
    inputs = keras.Input(shape)
    x = course.blocks.conv.conv_bn(inputs, width, 7, strides=2, padding=3, name="stem")
    x = layers.ZeroPadding2D(1)(x) if zeros else x
    x = layers.MaxPooling2D(3, 2, "valid" if zeros else "same")(x)
    for stage, (number, step) in enumerate(zip(blocks, steps, strict=True)):
        for block in range(number):
            x = course.blocks.residual.bottleneck_block(
                x, wide * width * 2**stage, strides=1 if block else step, stride_on=stride_on,
                shortcut=kind, name=f"{stage}_{block}",
            )  # fmt: skip
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation=head)(x))


# Others are told by the layers' settings.
KNOWN = (
    ({"zeros": False}, 'Keras\' "same" pools with a zero at the end only: put zeros on all four '
     "sides"),
    ({"steps": (2, 2, 2, 2)}, "stage 1 keeps the size: the pooling before it has halved it"),
    ({"head": None}, "the softmax is missing: probabilities are asked for"),
    ({"wide": 1}, "stage 1 has 4 times as many channels as the first layer"),
    ({"kind": "C"}, "where the shapes agree, the input itself is added"),
)  # fmt: skip
# So tall that more than 7 rows are left. Pooled are an even number of rows and an odd one of columns,
# as zeros on one side only are right for one of the two.
about = ((4 * draw.randint(65, 68), 9, draw.randint(1, 2)), draw.randint(6, 9), "3x3")
about += (draw.choice([5, 6]),)
about += (draw.choice([(2, 3, 1, 1), (2, 1, 3, 1)]),)
mistakes = {cause: lambda t=twist: right(*about, **t) for twist, cause in KNOWN}
mistakes['stride_on="3x3": here the first 1x1 takes the stride'] = lambda: right(
    *about[:2], "1x1", *about[3:]
)
net = question.model("a short one, stride on the 3x3", resnet50, *about, share=3)
net.behaves_like(
    right,
    prescribed=("epsilon", "initializer"),
    mistakes=mistakes,
    hint="compare model.summary() with the table above, row by row",
)
net.has_layers("Conv2D", 7, {"kernel_size": 3}, share=0.5, hint="`blocks` says how many there are")
net.has_layers("ReLU", 22, share=0.5, hint="one after the first layer, three in each block")


def counted(width, classes):
    """Weights with one block in each stage, on RGB images, layer by layer."""
    weights, channels = 49 * 3 * width + 4 * width, width
    for stage in range(4):
        narrow, wide = width * 2**stage, 4 * width * 2**stage
        weights += channels * narrow + 9 * narrow**2 + narrow * wide + channels * wide
        weights += 4 * (2 * narrow + 2 * wide)
        channels = wide
    return weights + channels * classes + classes


width = draw.randint(36, 40)
wide_net = question.model(
    "a wide one, for 1000 classes", resnet50, (32, 32, 3), 1000, "1x1", width, (1,) * 4, share=0.5
)
wide_net.has_params(
    counted(width, 1000), hint="widths and classes are what is asked for, whatever that is"
)


def by_default():
    """What the arguments are if nothing is said."""
    if net.model is None:
        raise NotImplementedError
    return defaults(resnet50)


question.check("if nothing is said", by_default).gives(
    {"input_shape": (224, 224, 3), "classes": 1000, "stride_on": "1x1", "width": 64,
     "blocks": (3, 4, 6, 3)},
    hint="see the text for the arguments' default values",
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Here are your own networks, with and without shortcuts, and the gradients that reach their
# layers before any training, measured by your own function. There is nothing to do here but look,
# and think about your answer to the last question.

# %% tags=["raises-exception"]
from course import datasets
from course.visualization import plots
from course.visualization.display import show

pictures, labels = datasets.load_arrays("course_shapes", "train[:32]")
pictures = pictures[:, ::2, ::2].astype("float32") / 127.5 - 1
keras.utils.set_random_seed(7)
measured = {
    name: gradient_norms(resnet(5, (16, 16, 3), kind=kind), pictures, labels)
    for name, kind in (("plain, 32 layers", None), ("residual, 32 layers", "A"))
}
if any(len(norms) != 31 for norms in measured.values()):
    print("Convolutions in a Sequential of your blocks are left out here, so there is no figure.")
else:
    ratios = ", ".join(f"{name}: {norms[0] / norms[-1]:.2g}" for name, norms in measured.items())
    show(plots.curves(
        range(1, 32), measured, "The norm of each convolution's gradient before training, from the "
        f"first layer to the last. The first layer's, divided by the last one's: {ratios}.",
        x_label="convolution", y_label="norm of the gradient", yscale="log",
    ))  # fmt: skip

# %% [markdown]
# ## 12 · In your own words
#
# A colleague has trained a plain network of 56 layers, with batch normalization, and one of 20
# layers, on the same images. "The deep one has a higher error on the test images, so it
# overfits," she says. "With so many weights, no wonder. I'll use more dropout. A residual network
# would have just as many weights, so it can't help. And if it were a matter of vanishing
# gradients, batch normalization would have cured it."
#
# Write about ten sentences: what is right about that and what is wrong; what you would look at,
# or **measure**, to decide whether it is overfitting; why the deep network *could* be at least as
# good as the shallow one, and what stands in the way; and what a shortcut changes although it
# adds no weights. This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Overfitting would be a *low* error on the training images and a high one on the test images. So
# the first thing to look at is the training error (or loss) of both networks. He et al. find that
# the deep plain network's training error is higher too: it fits worse. More dropout would make
# that worse still.
#
# The deep network contains the shallow one: copy its layers and let the other ones be the identity.
# So good weights exist, with a training error at least as low. Gradient descent does not find them:
# a stack of convolutions, normalizations and ReLUs has no easy way to become the identity. It is a
# problem of optimization.
#
# She is right that the residual network has as many weights (with shortcut A). But the number of
# weights is not the question. The shortcut changes what zero weights mean: the block is then the
# identity (up to the ReLU), so the solution by construction is near where training starts, and a
# layer has to learn only what differs from it. And the gradient has a direct path back: along the
# shortcuts, past all convolutions and normalizations of the branches. (Not past everything: the
# ReLUs after the additions are on that path, and so are projections where there are any.)
#
# She is also partly right about batch normalization: it keeps the values from vanishing on the
# way forward, and He et al. do not think that vanishing gradients are the cause. A measurement
# will tell: the norm of the gradient per layer, at the start and in training, of both networks
# with and without normalization. Norms say only how large gradients are, not whether they agree
# from one example to the next.
#
# **Marking scheme** (4 points)
#
# - 1: overfitting shows in training error against test error; a higher *training* error is not
#   overfitting, and dropout is no cure. Half a point if only "look at the training error".
# - 1: the deep network contains the shallow one (identity by construction), so it is about
#   optimization, not about capacity.
# - 1: what the shortcut changes: zero weights are the identity, the gradient has a direct path;
#   no point for "it has more capacity" or "fewer weights".
# - 1: a measurement that could come out either way: what is measured, on which networks, and what
#   would speak for which cause. Half a point without a comparison.
# ### END SOLUTION

# %% [markdown]
# From one convolution to ResNet-50, and every block is an addition. Before you submit: *Kernel →
# Restart Kernel and Run All Cells*, and save; then follow *hand in* on the start page (`START.md`),
# or run `course submit 07_residual` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
