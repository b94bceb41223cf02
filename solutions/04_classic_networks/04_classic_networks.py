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
# # 04 · Classic networks
#
# LeNet-5, AlexNet and VGG: in this assignment you build the three networks that made convolution
# what it is, each from its paper's table, with the parts that have gone out of use since, and with
# what surrounds them: how images are prepared, how test images are cut, how errors are counted.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn images, sizes and numbers. If some of the checks pass, you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*), `course
#    submit 04_classic_networks`: it checks the notebook, makes the file to hand in, and says where
#    to.
#
# **Rules**
#
# - Networks and their parts are functions on Keras tensors, built from `keras.layers` and
#   `keras.ops`: no `Lambda`, and no layer or model classes of your own. Do not use `course.blocks`,
#   `course.architectures`, `course.averaging` or `course.regularization` in your answers.
# - Each layer is used once. All weights are trainable, start as Keras' layers start unless the text
#   says otherwise, and a gradient reaches each of them. Nothing is random except dropout. Layers
#   have biases.
# - Images have the axes (batch, height, width, channels), integer or float values, and need not be
#   square.
# - A function leaves its arguments unchanged: arrays, lists and tuples.
# - Later questions may call your earlier functions.
#
# **Two sittings.** Eight questions are the *core*: they build the networks. The *optional* ones are
# about what is around them. Your instructor will tell you whether their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Top-5 | 2 | core | 10 |
# | 2 Subsampling that learns | 2 | core | 15 |
# | 3 A table of connections | 3 | core | 20 |
# | 4 LeNet-5 | 4 | core | 25 |
# | 5 An image for AlexNet | 2 | optional | 20 |
# | 6 Local response normalization | 2 | core | 20 |
# | 7 AlexNet | 4 | core | 25 |
# | 8 Ten crops | 3 | optional | 20 |
# | 9 Noise along colors | 2 | optional | 10 |
# | 10 VGG, A to E | 3 | core | 20 |
# | 11 Saturation | 2 | optional | 15 |
# | 12 Networks as words | 3 | optional | 20 |
# | 13 In your own words (graded by hand) | 4 | core | 25 |
#
# The core has 24 points, the rest 12. (The minutes are rough guesses.) The lecture is
# [04_classic_networks](../lectures/04_classic_networks.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from autograder import checks

C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
DIGITS = """
..###.. ...##.. .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..###.. ##...## ##...## ....##. ##..... .##.... ##...## ##...## ##...##
##...## .####.. ##...## .....## ...###. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ....##. .##.##. ######. ######. ....##. .#####. ##...##
##...## ...##.. ...##.. ..###.. ##..##. ##...## ##...## ...##.. .#####. .######
##...## ...##.. ..##... ....##. ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
.#...#. ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. .##.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""
# A row of 84 numbers for each digit: its picture, 1 for ink and -1 for paper.
DIGIT_CODES = np.array([
    [1 if c == "#" else -1 for line in DIGITS.split("\n")[1:-1] for c in line.split()[digit]]
    for digit in range(10)
], "float32")  # fmt: skip


def squash(x):
    """LeNet's activation, which takes 1 to 1 and -1 to -1."""
    return 1.7159 * ops.tanh(2 / 3 * x)


def resized(image, height, width):
    """An image of shape (height, width, channels), resized bilinearly, as an array of floats."""
    image = tf.image.resize(np.asarray(image, "float32"), (height, width))
    return image.numpy()


# %% [markdown]
# ## 1 · Top-5
#
# ILSVRC, the contest that AlexNet and VGG were built for, counts the **top-5 error**: the fraction
# of images whose true class is not among the five classes with the highest scores. Many photographs
# show several things, and only one of them is in the label.
#
# Write `top_k_error(scores, labels, k)`. Of classes with equal scores, the one with the smaller
# number comes first. With `k` of at least the number of classes there is no error.
#
# **Example.** Scores of $(0.1,\ 0.6,\ 0.3)$ and $(0.5,\ 0.2,\ 0.3)$ with labels 2 and 1: the first
# label is second, the second one third. The error is 1 for $k = 1$, 0.5 for $k = 2$, and 0 for
# $k = 3$.


# %% nbgrader={"grade": false, "grade_id": "top_k_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k_error(scores, labels, k):
    """The fraction of examples whose label is not among the k best classes.

    Args:
        scores: array of shape (examples, classes), floats; at least one example.
        labels: array of shape (examples,), ints from 0.
        k: how many classes may be named, at least 1.

    Returns:
        A float from 0 to 1.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-np.asarray(scores), axis=1, kind="stable")[:, :k]
    hits = (order == np.asarray(labels)[:, None]).any(axis=1)
    return float(1 - hits.mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_top_k_error", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Top-5", points=2)
few = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]])
for k, right in ((1, 1.0), (2, 0.5), (3, 0.0)):
    question.example(f"k = {k}", top_k_error, few, np.array([2, 1]), k).gives_array(
        right, hint="in which place is each label?"
    )
question.example("equal scores", top_k_error, np.zeros((2, 4)), np.array([1, 2]), 2).gives_array(
    0.5, hint="equal scores are in the order of their numbers: class 1 is second, class 2 third"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def errors_of(scores, labels, k, kind="right"):
    """Each class before the label is counted, with one thing wrong where asked."""
    places = []
    for row, label in zip(scores, labels, strict=True):
        row = -row if kind == "ascending" else row
        before = 0
        for number, score in enumerate(row):
            first = {"larger": number > label, "hits": False}.get(kind, number < label)
            before += bool(score > row[label] or (score == row[label] and first))
        places.append(before)
    k = {"one more": k + 1, "always five": 5, "always one": 1}.get(kind, k)
    missed = np.mean(np.array(places) >= k)
    return {
        "accuracy": 1 - missed, "count": len(labels) * missed, "percent": 100 * missed,
    }.get(kind, missed)  # fmt: skip


causes = {
    "ascending": "the k classes with the highest scores, not the lowest",
    "accuracy": "the error is the part that is *not* among the k",
    "count": "a fraction of the examples, not their number",
    "percent": "a number from 0 to 1, not in percent",
    "one more": "k classes, not k + 1",
    "always five": "k classes, not always 5",
    "always one": "k classes, not the best alone",
    "larger": "of equal scores the class with the smaller number comes first",
    "hits": "equal scores: the class with the smaller number comes first",
}
for name, k, equal, share in (
    ("k = 1", 1, False, 1), ("k = 5", 5, False, 1), ("k = 3", 3, False, 1),
    ("many equal scores", 3, True, 1), ("equal scores, k = 1", 1, True, 0.5),
):  # fmt: skip
    shape = 37, 11
    scores = draw.integers(0, 4, shape) / 4 if equal else draw.normal(size=shape)
    labels = draw.integers(0, shape[1], shape[0])
    question.check(
        name, checks.keeping, top_k_error, scores, labels, k, share=share
    ).gives_array(
        errors_of(scores, labels, k),
        hint="sort the classes of each example, and look where its label is",
        mistakes=[
            (cause, wrong) for kind, cause in causes.items()
            if abs((wrong := errors_of(scores, labels, k, kind)) - errors_of(scores, labels, k)) > 1e-4
        ],
    )  # fmt: skip
scores = draw.normal(size=(6, 4))
for name, k in (("as many as there are classes", 4), ("more than there are classes", 9)):
    question.check(name, top_k_error, scores, draw.integers(0, 4, 6), k, share=0.25).gives_array(
        0.0, hint="with all classes named, there is no error"
    )
question.check(
    "a single image", top_k_error, np.array([[0.2, 0.7, 0.1]]), np.array([2]), 2, share=0.25
).gives_array(1.0, hint="a label that is last is not among two of three")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Subsampling that learns
#
# LeNet-5 has no pooling without weights. Its subsampling layers take windows of 2x2 values, side by
# side, **add** the four values, multiply the sum by a coefficient, add a bias, and apply an
# activation, the given `squash`. Each map has one coefficient and one bias of its own, both
# learned. Coefficients start at 0.25, and biases at 0, so that the layer starts as a mean.
#
# Write `subsampling(x)`. A last row or column without a partner is left out. For coefficients and
# biases use a `DepthwiseConv2D(1)`: with a kernel of 1x1, all that it does is to multiply each map
# by a number of its own and to add one.
#
# **Example.** A map of $\begin{pmatrix} 1 & 2 \\ 3 & -1 \end{pmatrix}$ sums up to 5. Before
# training that gives $\text{squash}(0.25 \cdot 5 + 0) = 1.1704$.


# %% nbgrader={"grade": false, "grade_id": "subsampling", "locked": false, "schema_version": 3, "solution": true, "task": false}
def subsampling(x):
    """Sums of 2x2 windows, each map scaled and shifted by numbers that are learned, and squashed.

    Args:
        x: tensor of shape (batch, height, width, channels), height and width at least 2.

    Returns:
        Tensor of shape (batch, height // 2, width // 2, channels).
    """
    ### BEGIN SOLUTION
    total = 4 * layers.AveragePooling2D(2)(x)
    start = keras.initializers.Constant(0.25)
    return squash(layers.DepthwiseConv2D(1, depthwise_initializer=start)(total))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_subsampling", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Subsampling that learns", points=2)
question.rules(subsampling, without=("course.blocks", "course.architectures"))
window = np.reshape([1.0, 2.0, 3.0, -1.0], (1, 2, 2, 1)).astype("float32")
question.example("one window", subsampling, window).gives_array(
    np.reshape([1.7159 * np.tanh(2 / 3 * 1.25)], (1, 1, 1, 1)),
    hint="a quarter of the sum, squashed, before anything is learned",
)
small = question.block("your layer", subsampling, (9, 6, 5), share=0)
small.has_output_shape((4, 3, 5), hint="windows side by side; what is left over is left out")
small.has_trainable_params(10, hint="a coefficient and a bias for each of five maps")
### BEGIN HIDDEN TESTS


def right(x, kind="right"):
    """The layer written out, with one thing wrong where asked."""
    make = keras.layers
    total = make.Rescaling(1 if kind == "mean" else 4)(make.AveragePooling2D(2)(x))
    if kind == "max":
        total = make.MaxPooling2D(2)(x)
    start = keras.initializers.Constant(0.25)
    scale = make.DepthwiseConv2D(1, depthwise_initializer=start, use_bias=kind != "no bias")
    if kind == "mixed":
        scale = make.Conv2D(x.shape[-1], 1)
    if kind == "four":
        scale, total = make.DepthwiseConv2D(2, 2), x

    def squashed(x):
        return 1.7159 * keras.ops.tanh(2 / 3 * x)

    if kind == "before":
        return scale(squashed(total))
    y = scale(total)
    return (
        {"none": y, "tanh": keras.ops.tanh(y)}.get(kind)
        if kind in ("none", "tanh")
        else squashed(y)
    )


def subsampled(shape, kind):
    x = keras.Input(shape)
    return keras.Model(x, right(x, kind))


causes = {
    "mean": "the four values are added, not averaged",
    "max": "the four values are added: not their maximum",
    "mixed": "each map has a coefficient of its own, and does not see the others",
    "four": "one coefficient for all four values of a window",
    "no bias": "the bias is missing",
    "none": "squash is missing",
    "tanh": "the activation is squash, not tanh",
    "before": "squash comes last, after the bias",
}
shape = question.random.choice([(8, 6, 3), (6, 10, 4)])
question.block("as a whole", subsampling, shape, share=3).behaves_like(
    right,
    also=[(7, 4, 1), (2, 9, 2)],
    prescribed=("initializer",),
    hint="add up, multiply and add for each map, squash",
    mistakes={cause: lambda kind=kind: subsampled(shape, kind) for kind, cause in causes.items()},
)
draw = np.random.default_rng(question.random.getrandbits(64))
x = draw.normal(size=(2, 5, 8, 3)).astype("float32")
sums = x[:, :4].reshape(2, 2, 2, 4, 2, 3).sum(axis=(2, 4))
question.check("before training", subsampling, x, share=1).gives_array(
    1.7159 * np.tanh(2 / 3 * 0.25 * sums),
    hint="coefficients start at 0.25, biases at 0",
    mistakes={
        "the four values are added, not averaged": 1.7159 * np.tanh(2 / 3 * 0.0625 * sums),
        "squash is missing": 0.25 * sums,
        "squash comes last, after the bias": 0.25 * 1.7159 * np.tanh(2 / 3 * sums),
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · A table of connections
#
# Of the 16 maps of LeNet's layer C3, none but the last sees all six maps before it. Each sees those
# that stand in its row of a table, `C3_TABLE` (Table I of the paper).

# %% nbgrader={"grade": false, "grade_id": "figure_table", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import classic
from course.visualization.display import show

show(classic.connections(C3_TABLE), "C3_TABLE. A square: the map of C3 sees this map of S2.")

# %% [markdown]
# Write `connected_conv(x, table, kernel_size)`: a convolution with stride 1, without padding and
# without activation, with one map of output for each row of `table`, in the table's order. A row
# lists the input maps that this output map sees, counted from 0. Each output map has a kernel for
# each of its inputs, and *one* bias: make it with a `Conv2D` of a single filter, on its inputs
# alone, in the row's order.
#
# **Example.** With two input maps, the table `[[0], [0, 1], [1]]` and kernels of 3x3, the first and
# last output have 9 + 1 parameters, the second one 18 + 1. For images of 8x6 the output has the
# shape (6, 4, 3).


# %% nbgrader={"grade": false, "grade_id": "connected_conv", "locked": false, "schema_version": 3, "solution": true, "task": false}
def connected_conv(x, table, kernel_size):
    """A convolution of which each output map sees only some of the input's maps.

    Args:
        x: tensor of shape (batch, height, width, channels).
        table: sequence of at least two rows, each a sequence of at least one input map.
        kernel_size: height and width of each kernel.

    Returns:
        Tensor of shape (batch, height - kernel_size + 1, width - kernel_size + 1, len(table)).
    """
    ### BEGIN SOLUTION
    maps = []
    for row in table:
        seen = ops.take(x, list(row), axis=-1)
        maps.append(layers.Conv2D(1, kernel_size)(seen))
    return layers.Concatenate()(maps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_connected_conv", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. A table of connections", points=3)
question.rules(connected_conv, without=("course.blocks", "course.architectures"))
small = question.block("the example", connected_conv, (8, 6, 2), [[0], [0, 1], [1]], 3, share=0)
small.has_output_shape((6, 4, 3), hint="one map for each row; no padding")
small.has_trainable_params(39, hint="10 + 19 + 10: kernels for the row's inputs, and one bias")
paper = question.block("the paper's table", connected_conv, (14, 14, 6), C3_TABLE, 5, share=0)
paper.has_trainable_params(1516, hint="60 connections of 25 weights, and 16 biases")
### BEGIN HIDDEN TESTS


def right(x, table, size, kind="right"):
    """Row by row, with one thing wrong where asked."""
    make = keras.layers
    maps = []
    for row in {"sorted": sorted(table, key=len), "reversed": table[::-1]}.get(kind, table):
        row = {"all": range(x.shape[-1]), "from 1": [max(i - 1, 0) for i in row]}.get(kind, row)
        seen = (
            keras.ops.concatenate([x[..., i : i + 1] for i in row], axis=-1)
            if len(row) > 1
            else x[..., row[0] : row[0] + 1]
        )
        if kind == "summed":
            seen = keras.ops.sum(seen, axis=-1, keepdims=True)
        if kind == "pairs":
            parts = [make.Conv2D(1, size)(x[..., i : i + 1]) for i in row]
            maps.append(make.Add()(parts) if len(parts) > 1 else parts[0])
        else:
            maps.append(
                make.Conv2D(
                    1,
                    size,
                    padding="same" if kind == "same" else "valid",
                    use_bias=kind != "no bias",
                    activation="tanh" if kind == "tanh" else "relu" if kind == "relu" else None,
                )(seen)
            )
    return make.Concatenate()(maps)  # fmt: skip


def connected(shape, table, size, kind):
    x = keras.Input(shape)
    return keras.Model(x, right(x, table, size, kind))


causes = {
    "all": "an output map sees only the maps of its row",
    "from 1": "input maps are counted from 0",
    "summed": "there is a kernel for each input map: don't add them up before",
    "pairs": "each output map has one bias, not one for each of its inputs",
    "no bias": "each output map has a bias",
    "sorted": "output maps are in the table's order",
    "reversed": "output maps are in the table's order",
    "tanh": "a convolution without activation",
    "relu": "a convolution without activation",
}
draw = question.random
for name, channels, size, count in (("a drawn table", 5, 3, 4), ("another one", 4, 2, 6)):
    # The first row is long, and no row is one of neighbors alone, so that order matters.
    table = [[0, 2, channels - 1], [channels - 1], [2, 0], [1, 3]]
    while len(table) < count:
        table.append(draw.sample(range(channels), draw.randint(1, channels)))
    shape = (7, 9, channels)
    block = question.block(name, connected_conv, shape, table, size, share=2)
    about = {
        "hint": "row by row: which maps does it see?",
        "mistakes": [  # pairs, as some have the same cause
            (cause, lambda kind=kind, s=shape, t=table, k=size: connected(s, t, k, kind))
            for kind, cause in causes.items()
        ],
    }
    if size == 3:
        also = [((6, 5, 3), ((2, 1), (0,)), 5), ((4, 4, 2), [[0], [1]], 1)]
        block.behaves_like(right, also=also, **about)
    else:
        block.computes(connected(shape, table, size, "right"), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · LeNet-5
#
# The whole network, for images of 32x32x1:
#
# | layer | | shape |
# |---|---|---|
# | C1 | 6 filters of 5x5, `squash` | 28x28x6 |
# | S2 | subsampling | 14x14x6 |
# | C3 | connected by a table, 5x5, `squash` | 10x10x16 |
# | S4 | subsampling | 5x5x16 |
# | C5 | convolution: 120 filters of 5x5, `squash` | 1x1x120 |
# | F6 | dense, 84 units, `squash` | 84 |
# | output | the nearest code | 10 |
#
# No convolution has padding. The 84 units of F6 draw a picture of 7x12 pixels. Each class has a
# **code**, a picture of its digit, and the closer F6 comes to it, the better:
#
# $$\text{score}_c = -\sum_{i} (f_i - \text{code}_{c, i})^2.$$
#
# The codes are fixed; they are not weights. There is no softmax.
#
# Write `lenet5(table=C3_TABLE, codes=DIGIT_CODES)`. With another table C3 has as many maps as the
# table has rows; with other codes there are as many classes as there are rows, and F6 has as many
# units as a row has numbers.
#
# **Example.** With the defaults there are 60,000 trainable parameters, as the paper says. If F6 is
# all 0, each score is $-84$, since the codes are 1 and -1.


# %% nbgrader={"grade": false, "grade_id": "lenet5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lenet5(table=C3_TABLE, codes=DIGIT_CODES):
    """LeNet-5 as in its paper.

    Args:
        table: for each map of C3 those of S2 that it sees.
        codes: array of shape (classes, units), what F6 should give for each class.

    Returns:
        A keras.Model from images of shape (32, 32, 1) to one score for each class.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input((32, 32, 1))
    x = squash(layers.Conv2D(6, 5)(inputs))
    x = subsampling(x)
    x = squash(connected_conv(x, table, 5))
    x = subsampling(x)
    x = squash(layers.Conv2D(120, 5)(x))
    x = squash(layers.Dense(codes.shape[1])(layers.Flatten()(x)))
    apart = ops.expand_dims(x, 1) - codes
    return keras.Model(inputs, -ops.sum(ops.square(apart), axis=-1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_lenet5", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. LeNet-5", points=4)
question.rules(lenet5, without=("course.blocks", "course.architectures"))
net = question.model("the paper's", lenet5, share=0)
net.has_input_shape((32, 32, 1), hint="gray images of 32x32")
net.has_output_shape((10,), hint="one score for each of ten codes")
net.has_trainable_params(
    60_000, hint="156, 12, 1,516, 32, 48,120 and 10,164; none in the output: codes are fixed"
)
### BEGIN HIDDEN TESTS


def right(table, codes, kind="right"):
    """The network written out, with one thing wrong where asked."""
    make = keras.layers
    codes = np.asarray(codes, "float32")

    def squashed(x, where=""):
        if kind == f"{where} linear":
            return x
        if kind == f"{where} relu":
            return keras.ops.relu(x)
        return 1.7159 * keras.ops.tanh(2 / 3 * x)

    def subsampled(x):
        if kind == "max":
            return make.MaxPooling2D(2)(x)
        if kind == "mean":
            return make.AveragePooling2D(2)(x)
        total = make.Rescaling(4)(make.AveragePooling2D(2)(x))
        start = keras.initializers.Constant(0.25)
        return squashed(make.DepthwiseConv2D(1, depthwise_initializer=start)(total))

    inputs = keras.Input((32, 32, 1))
    x = subsampled(squashed(make.Conv2D(6, 5)(inputs), "C1"))
    maps = []
    for row in table:
        parts = [x[..., i : i + 1] for i in row]
        maps.append(make.Conv2D(1, 5)(keras.ops.concatenate(parts, -1) if parts[1:] else parts[0]))
    x = make.Conv2D(len(table), 5)(x) if kind == "all" else make.Concatenate()(maps)
    x = subsampled(squashed(x, "C3"))
    x = squashed(make.Conv2D(120, 5)(x), "C5")
    x = squashed(make.Dense(codes.shape[1])(make.Flatten()(x)), "F6")
    if kind == "dense":
        return keras.Model(inputs, make.Dense(len(codes))(x))
    far = keras.ops.sum(keras.ops.square(keras.ops.expand_dims(x, 1) - codes), axis=-1)
    out = {
        "distance": lambda: far, "root": lambda: -keras.ops.sqrt(far),
        "softmax": lambda: keras.ops.softmax(-far), "half": lambda: -far / 2,
        "mean of squares": lambda: -far / codes.shape[1],
    }.get(kind, lambda: -far)()  # fmt: skip
    return keras.Model(inputs, out)


causes = {
    "distance": "the closer, the higher: a score is *minus* the sum of squares",
    "root": "the sum of squares itself, no root of it",
    "mean of squares": "the sum of squares, not their mean",
    "half": "the sum of squares, not half of it",
    "softmax": "there is no softmax at the end",
    "dense": "the codes are fixed, and there is no dense layer after F6",
    "C1 linear": "squash is missing after C1",
    "C3 linear": "squash is missing after C3",
    "C5 linear": "squash is missing after C5",
    "F6 linear": "squash is missing after F6",
    "F6 relu": "F6 has squash, not a ReLU",
    "all": "each map of C3 sees only the maps of S2 in its row of the table",
    "max": "S2 and S4 are your subsampling, not max pooling",
    "mean": "S2 and S4 are your subsampling, not average pooling",
}
draw = np.random.default_rng(question.random.getrandbits(64))
table = [[1, 5], [0, 3, 4], [2], [5, 0]]
codes = np.sign(draw.normal(size=(4, 9))).astype("float32")
net = question.model("another table, other codes", lenet5, table, codes, share=3)
net.behaves_like(
    right,
    also=[([[0, 1], [2, 3, 4, 5]], -np.ones((2, 3), "float32"))],
    hint="layer by layer: what does it see, and what comes after it?",
    mistakes={cause: lambda kind=kind: right(table, codes, kind) for kind, cause in causes.items()},
)
codes = draw.normal(size=(10, 84)).astype("float32")
question.model("the paper's table", lenet5, C3_TABLE, codes, share=1).computes(
    right(C3_TABLE, codes), hint="a layer C3 with 16 maps, in the table's order"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · An image for AlexNet
#
# Photographs come in all sizes. AlexNet's come in one:
#
# 1. **Resize** the image so that its *shorter* side has `size` pixels (256) and the longer one
#    $\text{round}(\text{size} \cdot \text{longer} / \text{shorter})$.
# 2. Cut out the **center**, `size` x `size`.
# 3. Subtract the **mean image** of the training images, pixel by pixel.
# 4. Cut out the center again, `crop` x `crop` (224).
#
# Where what is left over is odd, the smaller half is above, or on the left: a center of 4 out of 7
# pixels leaves out 1 above and 2 below.
#
# Write `preprocess(image, mean, size=256, crop=224)`. The given `resized(image, height, width)`
# resizes. (The paper crops at random while training; the center is what is left without chance.)
#
# **Example.** An image of 300x600 becomes 256x512; columns 128 to 383 of it are the center, of
# which the network gets rows and columns 16 to 239.


# %% nbgrader={"grade": false, "grade_id": "preprocess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preprocess(image, mean, size=256, crop=224):
    """Resize an image, cut out its center, subtract the mean image, and cut out the center.

    Args:
        image: array of shape (height, width, channels), integers or floats.
        mean: array of shape (size, size, channels), floats.
        size: of the image that the mean is subtracted from, in pixels.
        crop: of what is returned, at most `size`.

    Returns:
        Array of floats of shape (crop, crop, channels).
    """
    ### BEGIN SOLUTION
    height, width = image.shape[:2]
    shorter = min(height, width)
    image = resized(image, round(size * height / shorter), round(size * width / shorter))

    def center(image, side):
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        return image[top : top + side, left : left + side]

    return center(center(image, size) - mean, crop)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_preprocess", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. An image for AlexNet", points=2)
ramp = np.arange(6.0)[None, :, None] * np.ones((3, 1, 1))
question.example("nothing to resize", preprocess, ramp, np.zeros((3, 3, 1)), 3, 1).gives_array(
    [[[2.0]]], hint="3x6 keeps its size; the center is columns 1 to 3, and of these column 2"
)
question.example("only the mean", preprocess, np.full((6, 4, 1), 9.0), np.full((2, 2, 1), 4.0), 2, 2).gives_array(
    np.full((2, 2, 1), 5.0), hint="9 - 4 everywhere"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def prepared(image, mean, size, crop, kind="right"):
    """Step by step, with one thing wrong where asked."""
    h, w, _ = image.shape

    def middle(array, side):
        down, right = array.shape[0] - side, array.shape[1] - side
        odd = 1 if kind == "larger half" else 0
        top, left = (down + odd) // 2, (right + odd) // 2
        if kind == "corner":
            top = left = 0
        return array[top : top + side, left : left + side]

    by = size / (max(h, w) if kind == "longer" else min(h, w))
    new = round(h * by), round(w * by)
    new = {"square": (size, size), "swapped": new[::-1]}.get(kind, new)
    big = (
        image.astype("float32")
        if kind == "cropped"
        else tf.image.resize(image.astype("float32"), new).numpy()
    )
    if kind == "direct":
        return middle(big, crop) - middle(mean, crop)
    if kind == "mean's corner":
        return middle(middle(big, size), crop) - mean[:crop, :crop]
    big = middle(big, size)
    off = {
        "none": 0 * mean, "added": -mean, "own": big.mean(axis=(0, 1)),
        "own number": big.mean(),         "channels": mean.mean(axis=(0, 1)),
    }.get(kind, mean)  # fmt: skip
    return middle(big - off, size if kind == "large" else crop)


causes = {
    "cropped": "the image is resized, not only cropped",
    "square": "resizing must keep the image's proportions",
    "longer": "the shorter side gets the given size",
    "swapped": "height and width are the wrong way round",
    "none": "the mean image was not subtracted",
    "added": "the mean image is subtracted, not added",
    "own": "the mean is that of the training images, not of this image",
    "own number": "the mean is that of the training images, not of this image",
    "channels": "the mean image is subtracted pixel by pixel, not one number a channel",
    "mean's corner": "what is subtracted from the crop is the mean image's center, not its corner",
    "corner": "cut out the center, not the upper left",
    "larger half": "where what is left over is odd, the smaller half is above or on the left",
    "direct": "first the center of the given size, and of this the crop: halves are rounded twice",
    "large": "the crop comes after the mean: it has its own size",
}
for name, height, width, size, crop in (
    ("a wide image", 10, 24, 8, 5), ("a tall image", 31, 12, 9, 6), ("enlarged", 6, 8, 12, 7),
    ("a square", 16, 16, 8, 4), ("nothing left over", 9, 30, 7, 7),
):  # fmt: skip
    image = draw.integers(0, 256, (height, width, 3)).astype("uint8")
    mean = draw.uniform(50, 200, (size, size, 3)).astype("float32")
    right = prepared(image, mean, size, crop)
    known = []
    for kind, cause in causes.items():
        try:
            wrong = prepared(image, mean, size, crop, kind)
        except ValueError:
            continue
        if wrong.shape != right.shape or not np.allclose(wrong, right, atol=0.1):
            known.append((cause, wrong))
    question.check(name, checks.keeping, preprocess, image, mean, size, crop).gives_array(
        right,
        tolerance=1e-4,
        hint="resize, center, mean, center: one after the other",
        mistakes=known,
    )
image = draw.integers(0, 256, (260, 300, 1)).astype("uint8")
mean = draw.uniform(50, 200, (256, 256, 1)).astype("float32")
question.check("AlexNet's own sizes", preprocess, image, mean, share=0.5).gives_array(
    prepared(image, mean, 256, 224), tolerance=1e-4, hint="256 and 224 are the defaults"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · Local response normalization
#
# AlexNet's ReLUs have no upper end. So the paper lets maps inhibit their neighbors: at each
# position, the value $a_i$ of map $i$ is divided by what the maps around it give *at the same
# position*,
#
# $$b_i = \frac{a_i}{\Big(k + \alpha \sum_{j} a_j^2\Big)^{\beta}}, \qquad
# j \text{ from } \max(0,\ i - \tfrac{n - 1}{2}) \text{ to } \min(\text{channels} - 1,\ i + \tfrac{n
# - 1}{2}),$$
#
# with $n = 5$ maps, fewer at both ends, and $k = 2$, $\alpha = 10^{-4}$, $\beta = 0.75$. The
# network has no weights there.
#
# Write `lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75)` with `keras.ops`, so that it takes arrays as
# well as Keras tensors. (Caffe and PyTorch divide $\alpha$ by $n$. The paper does not, nor do you.)
#
# **Example.** Values $(1, 2, 3)$ of three maps, with $n = 3$, $k = 1$, $\alpha = 1$ and $\beta =
# 0.5$: $1 / \sqrt{1 + 1 + 4} = 0.4082$, $2 / \sqrt{1 + 14} = 0.5164$, $3 / \sqrt{1 + 13} = 0.8018$.


# %% nbgrader={"grade": false, "grade_id": "lrn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """Local response normalization across channels.

    Args:
        x: array or tensor of floats, of shape (batch, height, width, channels).
        n: how many maps each value is compared with, its own among them; odd.
        k, alpha, beta: as in the formula.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    near = n // 2
    channels = x.shape[-1]
    squares = ops.pad(ops.square(x), [[0, 0], [0, 0], [0, 0], [near, near]])
    total = sum(squares[..., shift : shift + channels] for shift in range(n))
    return x / (k + alpha * total) ** beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_lrn", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. Local response normalization", points=2)
question.rules(lrn, without=("course.blocks", "course.architectures"))
three = np.reshape([1.0, 2.0, 3.0], (1, 1, 1, 3)).astype("float32")
question.example("three maps", lrn, three, n=3, k=1.0, alpha=1.0, beta=0.5).gives_array(
    np.reshape([1 / 6**0.5, 2 / 15**0.5, 3 / 14**0.5], (1, 1, 1, 3)),
    hint="the first map has one neighbor, the second two",
)
question.example("the paper's constants", lrn, np.full((1, 1, 1, 1), 100.0, "float32")).gives_array(
    np.full((1, 1, 1, 1), 100 / 3**0.75), hint="2 + 1e-4 * 100 * 100 is 3"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def normalized(x, n=5, k=2.0, alpha=1e-4, beta=0.75, kind="right"):
    """Value by value, with one thing wrong where asked."""
    x = np.asarray(x, "float64")
    channels, out = x.shape[-1], np.empty_like(x)
    half = {"both": n - 1}.get(kind, n // 2)
    k = {"k": 1.0}.get(kind, k)
    alpha = {"by n": alpha / n, "fixed": 1e-4}.get(kind, alpha)
    beta = {"root": 0.5, "fixed": 0.75}.get(kind, beta)
    for i in range(channels):
        low, high = {"before": (i - n + 1, i)}.get(kind, (i - half, i + half))
        near = [j % channels if kind == "ring" else j for j in range(low, high + 1)]
        near = [j for j in near if 0 <= j < channels and not (kind == "others" and j == i)]
        values = np.abs(x[..., near]) if kind == "plain" else x[..., near] ** 2
        total = values.mean(axis=-1) * n if kind == "mean" else values.sum(axis=-1)
        if kind == "space":
            square = np.pad(x[..., i] ** 2, [(0, 0), (half, half), (half, half)])
            total = sum(
                square[:, a : a + x.shape[1], b : b + x.shape[2]]
                for a in range(n)
                for b in range(n)
            )
        by = (k + alpha * total) ** beta
        out[..., i] = x[..., i] * by if kind == "times" else x[..., i] / by
    return out


causes = {
    "by n": "alpha is not divided by n",
    "ring": "the first map and the last are no neighbors",
    "space": "the sum is across maps at one position, not over a window in the image",
    "both": "n maps in all, not on each side",
    "before": "maps on both sides count",
    "plain": "the sum is of squares",
    "root": "the exponent is beta",
    "k": "the denominator has k in it",
    "times": "divided by the power, not multiplied",
    "others": "its own map is one of the n",
    "mean": "at both ends the sum has fewer terms; it is no mean",
    "fixed": "alpha and beta are arguments",
}
for name, shape, constants in (
    ("three maps around", (2, 4, 5, 7), (3, 1.5, 0.8, 0.6)),
    ("five maps around", (1, 5, 3, 8), (5, 2.0, 0.3, 0.75)),
    ("more than there are", (2, 6, 5, 3), (7, 1.2, 0.5, 0.9)),
    ("itself alone", (1, 2, 3, 4), (1, 0.7, 1.1, 0.5)),
):
    x = draw.normal(0, 3, shape).astype("float32")
    if name == "five maps around":
        x = draw.integers(-9, 10, shape).astype("float32")
    right = normalized(x, *constants)
    known = [(c, w) for kind, c in causes.items()
             if not np.allclose(w := normalized(x, *constants, kind), right, rtol=1e-3)]  # fmt: skip
    question.check(name, checks.keeping, lrn, x, *constants).gives_array(
        right, tolerance=1e-4, hint="which maps does the sum go over?", mistakes=known
    )
x = draw.normal(0, 100, (1, 3, 4, 6)).astype("float32")
right = normalized(x)
question.check("large values, the paper's constants", lrn, x).gives_array(
    right,
    tolerance=1e-4,
    hint="the defaults are the paper's",
    mistakes=[(c, w) for kind, c in causes.items()
              if not np.allclose(w := normalized(x, kind=kind), right, rtol=1e-3)],
)  # fmt: skip


def reference(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return course.blocks.classic.LocalResponseNormalization(n, k, alpha, beta)(x)


import course.blocks.classic

question.block("in a network", lrn, (5, 4, 6), 5, 2.0, 0.5, 0.75).behaves_like(
    reference, also=[(3, 7, 2)], hint="with keras.ops it takes tensors of a network as well"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · AlexNet
#
# | layer | convolution | then |
# |---|---|---|
# | 1 | 11x11, stride 4, no padding | ReLU, LRN, pool |
# | 2 | 5x5, *within towers* | ReLU, LRN, pool |
# | 3 | 3x3 | ReLU |
# | 4 | 3x3, *within towers* | ReLU |
# | 5 | 3x3, *within towers* | ReLU, pool |
# | 6, 7 | dense | ReLU, dropout with rate 0.5 |
# | 8 | dense, one unit for each class | softmax |
#
# Convolutions 2 to 5 have "same" padding. Pooling is overlapping: the maximum of 3x3 values, with
# stride 2, without padding. LRN is your `lrn`, with `n`, `k` and `beta` as they are and the given
# `alpha`. It comes *before* pooling. (Slides often have it after; that is Caffe's copy of the
# network, not the paper's.)
#
# With `towers=2` the maps are split into two halves, one for each of the paper's GPUs. Within
# towers, the first half of the output sees only the first half of the input, and the second half
# the second (`groups` of a `Conv2D`). With `towers=1` every map sees all maps.
#
# Write `alexnet(input_shape, classes, filters, units, towers, alpha=1e-4)`.
#
# **Example.** `alexnet((227, 227, 3), 1000, (96, 256, 384, 384, 256), 4096, 2)` is the paper's
# network with 60,965,224 parameters. With one tower there are 62,378,344. (Try it, but not in a
# test: it takes a gigabyte.)


# %% nbgrader={"grade": false, "grade_id": "alexnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alexnet(input_shape, classes, filters, units, towers, alpha=1e-4):
    """AlexNet, of any width.

    Args:
        input_shape: (height, width, channels), at least 67x67.
        classes: number of classes.
        filters: of the five convolutions, five even numbers.
        units: of dense layers 6 and 7.
        towers: 1 or 2.
        alpha: of the normalization.

    Returns:
        A keras.Model from images to probabilities.
    """

    ### BEGIN SOLUTION
    def pool(x):
        return layers.MaxPooling2D(3, 2)(x)

    def conv(x, filters, kernel_size, groups=1):
        return layers.Conv2D(
            filters, kernel_size, padding="same", groups=groups, activation="relu"
        )(x)

    inputs = keras.Input(input_shape)
    x = layers.Conv2D(filters[0], 11, 4, activation="relu")(inputs)
    x = pool(lrn(x, alpha=alpha))
    x = conv(x, filters[1], 5, towers)
    x = pool(lrn(x, alpha=alpha))
    x = conv(x, filters[2], 3)
    x = conv(x, filters[3], 3, towers)
    x = pool(conv(x, filters[4], 3, towers))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(units, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_alexnet", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. AlexNet", points=4)
question.rules(alexnet, without=("course.blocks", "course.architectures"))
net = question.model("a narrow one", alexnet, (67, 67, 3), 5, (4, 6, 8, 8, 6), 7, 1, share=0)
net.has_output_shape((5,), hint="one probability for each class")
net.has_layers("Conv2D", 5, hint="see the table")
net.has_layers("MaxPooling2D", 3, hint="after convolutions 1, 2 and 5")
net.has_params(3_669, hint="every map sees all maps; 1x1x6 values reach the first dense layer")
question.model("with two towers", alexnet, (67, 67, 3), 5, (4, 6, 8, 8, 6), 7, 2, share=0).has_params(
    2_865, hint="convolutions 2, 4 and 5 have half the weights"
)  # fmt: skip
### BEGIN HIDDEN TESTS
import course.blocks.classic


def right(shape, classes, filters, units, towers, alpha=1e-4, kind="right"):
    """The network written out, with one thing wrong where asked."""
    make = keras.layers

    def norm(x, number):
        if kind == "no norm" or (kind == "norm once" and number == 2):
            return x
        rate = 1e-4 if kind == "alpha" else alpha
        return course.blocks.classic.LocalResponseNormalization(alpha=rate)(x)

    def pool(x):
        if kind == "2x2":
            return make.MaxPooling2D(2)(x)
        if kind == "mean":
            return make.AveragePooling2D(3, 2)(x)
        return make.MaxPooling2D(3, 2, padding="same" if kind == "padded pool" else "valid")(x)

    within = {2: "second", 4: "fourth", 5: "fifth"}
    x = inputs = keras.Input(shape)
    for number, (width, size) in enumerate(zip(filters, (11, 5, 3, 3, 3), strict=True), 1):
        groups = towers if number in within and kind != within[number] else 1
        groups = {"towers": 1, "third": towers if number == 3 else groups}.get(kind, groups)
        padded = number > 1 or kind == "padded"
        x = make.Conv2D(
            width, size, 4 if number == 1 else 1, padding="same" if padded else "valid",
            groups=groups, activation="relu",
        )(x)  # fmt: skip
        if number < 3 and kind == "after":
            x = norm(pool(x), number)
        elif number < 3:
            x = pool(norm(x, number))
        elif number == 5:
            x = pool(norm(x, number) if kind == "norm at the end" else x)
    x = make.GlobalAveragePooling2D()(x) if kind == "averaged" else make.Flatten()(x)
    for _ in range(1 if kind == "one dense" else 2):
        x = make.Dense(units, activation="relu")(x)
        if kind != "no dropout":
            x = make.Dropout(0.5)(x)
    return keras.Model(inputs, make.Dense(classes, None if kind == "logits" else "softmax")(x))


causes = {
    "after": "normalization comes before pooling",
    "no norm": "LRN is missing",
    "norm once": "LRN comes after the first *and* the second convolution",
    "norm at the end": "no LRN after the fifth convolution",
    "alpha": "LRN gets the given alpha",
    "third": "the third convolution sees both towers",
    "second": "the second convolution stays within towers",
    "fourth": "the fourth convolution stays within towers",
    "fifth": "the fifth convolution stays within towers",
    "towers": "with two towers, convolutions 2, 4 and 5 stay within theirs",
    "2x2": "pooling overlaps: 3x3 with stride 2",
    "mean": "pooling takes the maximum",
    "padded pool": "pooling is without padding",
    "padded": "the first convolution has no padding",
    "averaged": "maps are flattened, not averaged, before the dense layers",
    "one dense": "two dense layers come before the last one",
    "no dropout": "dropout is missing",
    "logits": "the softmax is missing",
}
WITHIN = "third", "second", "fourth", "fifth", "towers"  # seen only with two towers
draw = question.random
first = draw.choice([4, 6])
filters = (first, 6, 8, 10, 4)
# Grouped convolutions are compiled anew in each pass: the whole of a network is looked at in one tower.
for name, shape, towers in (("one tower", (75, 91, 2), 1), ("two towers", (83, 67, 3), 2)):
    arguments = (shape, draw.randint(3, 9), filters, 11, towers, 0.7)
    net = question.model(name, alexnet, *arguments, share=2)
    about = {
        "hint": "line by line, as in the table",
        "mistakes": {
            cause: lambda kind=kind, a=arguments: right(*a, kind)
            for kind, cause in causes.items()
            if (kind in WITHIN) == (towers == 2)
        },
    }
    if towers == 1:
        net.behaves_like(right, also=[((67, 80, 1), 2, (2, 4, 2, 4, 6), 3, 1)], **about)
    else:
        net.computes(right(*arguments), **about)
### END HIDDEN TESTS
question.score()


# %% [markdown]
# ## 8 · Ten crops
#
# While training, AlexNet sees crops of 224x224 at random places of the images of 256x256, mirrored
# at random. Test images are cut in ten fixed ways, and the ten predictions are averaged.
#
# - `ten_crop(images, size)` returns crops of `size` x `size`: top left, top right, bottom left,
#   bottom right and center; then each of these five *crops* mirrored (left and right swapped), in
#   the same order. Where what is left over is odd, the smaller half is above, or on the left of the
#   center.
# - `predict_ten(model, images, size)` returns the mean of the model's ten **probabilities** for
#   each image. Dropout is off, and normalization uses its moving statistics.
#
# **Example.** Of an image of 5x6 pixels the crops with `size=4` begin in (row, column) = (0, 0),
# (0, 2), (1, 0), (1, 2), and (0, 1) for the center.


# %% nbgrader={"grade": false, "grade_id": "ten_crop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ten_crop(images, size):
    """Cut four corners and the center out of each image, and mirror them.

    Args:
        images: array of shape (batch, height, width, channels).
        size: height and width of the crops, at most those of the images.

    Returns:
        Array of shape (batch, 10, size, size, channels).
    """
    ### BEGIN SOLUTION
    down, right = images.shape[1] - size, images.shape[2] - size
    places = (0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)
    crops = [images[:, top : top + size, left : left + size] for top, left in places]
    return np.stack([*crops, *(crop[:, :, ::-1] for crop in crops)], axis=1)
    ### END SOLUTION


def predict_ten(model, images, size):
    """The mean of a model's predictions for ten crops of each image.

    Args:
        model: a keras.Model from images of shape (size, size, channels) to probabilities.
        images, size: as for ten_crop.

    Returns:
        Array of shape (batch, classes).
    """
    ### BEGIN SOLUTION
    crops = ten_crop(images, size)
    each = [np.array(model(crops[:, n], training=False)) for n in range(10)]
    return np.mean(each, axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ten_crop", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Ten crops", points=3)
question.rules(ten_crop, predict_ten, without=("course.averaging",))
numbers = np.arange(30.0).reshape(1, 5, 6, 1)


def first_values(images, size):
    """The upper left value of each crop."""
    return np.array(ten_crop(images, size))[0, :, 0, 0, 0]


question.example("where they begin", first_values, numbers, 4).gives_array(
    [0, 2, 6, 8, 1, 3, 5, 9, 11, 4], hint="the example has rows and columns; then the mirrored ones"
)
uniform = keras.Sequential(
    [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
)
uniform.set_weights([np.zeros((16, 2)), np.array([0.0, math.log(3)])])
question.example("a model that does not look", predict_ten, uniform, numbers, 4).gives_array(
    [[0.25, 0.75]], hint="the mean of ten equal predictions is the same"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def cropped(images, size, kind="right"):
    """Crop by crop, with one thing wrong where asked."""
    images = np.asarray(images)
    down, right = images.shape[1] - size, images.shape[2] - size
    odd = 1 if kind == "larger half" else 0
    places = [(0, 0), (0, right), (down, 0), (down, right), ((down + odd) // 2, (right + odd) // 2)]
    if kind == "columns":
        places[1], places[2] = places[2], places[1]

    def cut(of):
        return [of[:, a : a + size, b : b + size] for a, b in places]

    crops = cut(images)
    other = {
        "upside down": lambda: [c[:, ::-1] for c in crops], "twice": lambda: crops,
        "before": lambda: cut(images[:, :, ::-1]), "channels": lambda: [c[..., ::-1] for c in crops],
        "turned": lambda: [c[:, ::-1, ::-1] for c in crops],
    }.get(kind, lambda: [c[:, :, ::-1] for c in crops])()  # fmt: skip
    if kind == "beside":
        return np.stack([c for pair in zip(crops, other, strict=True) for c in pair], axis=1)
    return np.stack(crops + other, axis=0 if kind == "first axis" else 1)


causes = {
    "upside down": "mirroring swaps left and right, not above and below",
    "turned": "mirroring swaps left and right alone",
    "twice": "the last five crops are mirrored",
    "before": "the crops are mirrored, not the image: top left stays first",
    "beside": "the five crops first, then the five mirrored ones",
    "larger half": "what is left over is odd: the smaller half is above or on the left",
    "columns": "top right comes before bottom left",
    "channels": "mirroring is along the width, not the channels",
    "first axis": "the ten crops are the second axis",
}
for name, shape, size in (("odd rests", (2, 9, 12, 3), 6), ("tall", (3, 11, 7, 2), 4)):
    images = draw.normal(size=shape).astype("float32")
    right = cropped(images, size)
    question.check(name, checks.keeping, ten_crop, images, size).gives_array(
        right,
        hint="which rows and columns belong to each of the five?",
        mistakes=[(c, w) for kind, c in causes.items()
                  if (w := cropped(images, size, kind)).shape != right.shape or not np.allclose(w, right)],
    )  # fmt: skip
images = draw.integers(0, 256, (1, 5, 8, 3)).astype("uint8")
question.check("as large as the image is high", ten_crop, images, 5, share=0.5).gives_array(
    cropped(images, 5), hint="all crops begin in row 0"
)

make = keras.layers
inputs = keras.Input((6, 6, 2))
x = make.BatchNormalization()(inputs)
x = make.Dropout(0.5)(make.Flatten()(x))
model = keras.Model(inputs, make.Dense(4, activation="softmax")(x))
model.set_weights([draw.uniform(0.5, 1.5, w.shape) for w in model.get_weights()[:4]]
                  + [draw.normal(0, 0.4, w.shape) for w in model.get_weights()[4:]])  # fmt: skip


def averaged(images, kind="right"):
    """The ten predictions' mean, with one thing wrong where asked."""
    crops = cropped(images, 6, kind)
    each = np.array([model(crops[:, n], training=False) for n in range(crops.shape[1])])
    n = each.shape[-1]
    return {
        "votes": lambda: np.eye(n)[each.argmax(axis=-1)].mean(axis=0),
        "logarithms": lambda: np.exp(np.log(each).mean(axis=0)),
        "softmax": lambda: (g := np.exp(np.log(each).mean(axis=0))) / g.sum(axis=-1, keepdims=True),
        "five": lambda: each[:5].mean(axis=0), "largest": lambda: each.max(axis=0),
        "sum": lambda: each.sum(axis=0), "center": lambda: each[4],
    }.get(kind, lambda: each.mean(axis=0))()  # fmt: skip


known = {
    "votes": "probabilities are averaged: these are votes",
    "logarithms": "the mean of probabilities, not of their logarithms",
    "softmax": "the mean of probabilities, not of logits or logarithms",
    "five": "the mean is over all ten crops",
    "largest": "the mean, not the largest",
    "sum": "the mean, not the sum",
    "center": "the mean over ten crops, not the center alone",
}
for name, shape in (("a batch of images", (5, 9, 8, 2)), ("one image", (1, 7, 12, 2))):
    images = draw.normal(0, 2, shape).astype("float32")
    question.check(f"predictions, {name}", predict_ten, model, images, 6).gives_array(
        averaged(images),
        tolerance=1e-4,
        hint="each image's ten crops are ten inputs of the model",
        mistakes={cause: averaged(images, kind) for kind, cause in known.items()},
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Noise along colors
#
# Photographs of one thing differ in the light. AlexNet's training images get a new color each time
# that they are seen. Over all pixels of the training images, the values of red, green and blue have
# a covariance with eigenvectors $p_1, p_2, p_3$ and eigenvalues $\lambda_1, \lambda_2, \lambda_3$.
# To **every pixel** of an image the same color is added,
#
# $$a_1 \lambda_1\, p_1 + a_2 \lambda_2\, p_2 + a_3 \lambda_3\, p_3,$$
#
# with $a_1, a_2, a_3$ drawn from a normal distribution with deviation 0.1, anew for each image.
#
# Write `color_noise(images, values, vectors, draws)`. The draws are given. As in `np.linalg.eigh`,
# eigenvectors are the **columns** of `vectors`. The result is not clipped.
#
# **Example.** Values $(2, 1, 1)$, draws $(0.5, 0, 0)$, and a first column of $(0.6, 0.8, 0)$: each
# pixel changes by $0.5 \cdot 2 \cdot (0.6, 0.8, 0) = (0.6, 0.8, 0)$.


# %% nbgrader={"grade": false, "grade_id": "color_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def color_noise(images, values, vectors, draws):
    """Add a color of its own to each image.

    Args:
        images: array of floats of shape (batch, height, width, 3).
        values: array of shape (3,), the eigenvalues.
        vectors: array of shape (3, 3), an eigenvector in each column.
        draws: array of shape (batch, 3), three numbers for each image.

    Returns:
        Array of floats of the images' shape.
    """
    ### BEGIN SOLUTION
    colors = (draws * values) @ vectors.T
    return images + colors[:, None, None, :]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_color_noise", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Noise along colors", points=2)
question.rules(color_noise, without=("course.regularization",))
columns = np.array([[0.6, 0.8, 0.0], [0.8, -0.6, 0.0], [0.0, 0.0, 1.0]])
question.example(
    "the example", color_noise, np.zeros((1, 1, 2, 3)), np.array([2.0, 1.0, 1.0]), columns,
    np.array([[0.5, 0.0, 0.0]]),
).gives_array(np.full((1, 1, 2, 3), [0.6, 0.8, 0.0]), hint="the same color for both pixels")  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def noisy(images, values, vectors, draws, kind="right"):
    """Pixel by pixel, with one thing wrong where asked."""
    out = np.array(images, "float64")
    values = {"root": np.sqrt(values), "none": np.ones(3), "tenth": 0.1 * values}.get(kind, values)
    for n in range(len(out)):
        a = draws[0 if kind == "first" else n]
        color = np.zeros(3)
        for k in range(3):
            axis = vectors[k] if kind == "rows" else vectors[:, k]
            color += a[k] * values[k] * axis
        color = {"times": out[n] * color, "minus": -color, "mean": color / 3}.get(kind, color)
        out[n] = out[n] + color
    return np.clip(out, 0, 1) if kind == "clipped" else out


causes = {
    "rows": "the eigenvectors are the columns",
    "root": "each direction is scaled by its eigenvalue, not its root",
    "none": "each direction is scaled by its eigenvalue",
    "tenth": "the draws are given, with their deviation",
    "first": "each image has draws of its own",
    "times": "the color is added, not multiplied",
    "minus": "the color is added, not subtracted",
    "mean": "a sum over three directions, not their mean",
    "clipped": "nothing is clipped",
}
for name, shape in (
    ("three images", (3, 4, 5, 3)),
    ("three rows and columns", (3, 3, 3, 3)),
    ("one image", (1, 2, 7, 3)),
):
    images = draw.uniform(0, 1, shape)
    vectors = np.linalg.qr(draw.normal(size=(3, 3)))[0]
    values, draws = np.sort(draw.uniform(0.5, 6, 3)), draw.normal(0, 0.3, (shape[0], 3))
    arguments = images, values, vectors, draws
    right = noisy(*arguments)
    question.check(name, checks.keeping, color_noise, *arguments).gives_array(
        right,
        hint="one color for each image: a sum over three columns",
        mistakes=[(c, w) for kind, c in causes.items()
                  if not np.allclose(w := noisy(*arguments, kind), right, atol=1e-4)],
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · VGG, A to E
#
# | | A | B | C | D | E |
# |---|---|---|---|---|---|
# | block 1 | 3 | 3, 3 | 3, 3 | 3, 3 | 3, 3 |
# | block 2 | 3 | 3, 3 | 3, 3 | 3, 3 | 3, 3 |
# | block 3 | 3, 3 | 3, 3 | 3, 3, **1** | 3, 3, 3 | 3, 3, 3, 3 |
# | block 4 | 3, 3 | 3, 3 | 3, 3, **1** | 3, 3, 3 | 3, 3, 3, 3 |
# | block 5 | 3, 3 | 3, 3 | 3, 3, **1** | 3, 3, 3 | 3, 3, 3, 3 |
#
# The table has each convolution's kernel size. Convolutions have stride 1, "same" padding and a
# ReLU. Every block ends with max pooling, 2x2 with stride 2, without padding. After block 5 come
# two dense layers, each with a ReLU and dropout with rate 0.5, and a dense layer with a softmax.
# There is no LRN.
#
# Write `vgg(column, input_shape, classes, filters, units)`; all convolutions of a block have the
# same number of filters.
#
# **Example.** `vgg("D", (224, 224, 3), 1000, (64, 128, 256, 512, 512), 4096)` is VGG-16: 13
# convolutions and three dense layers, with 138,357,544 parameters.


# %% nbgrader={"grade": false, "grade_id": "vgg", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vgg(column, input_shape, classes, filters, units):
    """A VGG of any width.

    Args:
        column: "A", "B", "C", "D" or "E".
        input_shape: (height, width, channels), at least 32x32.
        classes: number of classes.
        filters: of each block's convolutions, five numbers.
        units: of the first two dense layers.

    Returns:
        A keras.Model from images to probabilities.
    """
    ### BEGIN SOLUTION
    late = {"A": (3, 3), "B": (3, 3), "C": (3, 3, 1), "D": (3,) * 3, "E": (3,) * 4}[column]
    early = (3,) if column == "A" else (3, 3)
    x = inputs = keras.Input(input_shape)
    for width, sizes in zip(filters, (early, early, late, late, late), strict=True):
        for size in sizes:
            x = layers.Conv2D(width, size, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(units, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_vgg", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. VGG, A to E", points=3)
question.rules(vgg, without=("course.blocks", "course.architectures"))
for column, convolutions in (("A", 8), ("C", 13), ("E", 16)):
    net = question.model(
        f"column {column}", vgg, column, (32, 32, 3), 5, (2, 3, 4, 5, 6), 7, share=0
    )
    net.has_layers("Conv2D", convolutions, hint="count the numbers in the table's column")
    net.has_layers("MaxPooling2D", 5, hint="one after each block")
### BEGIN HIDDEN TESTS
TABLE = {"A": "3 3 33 33 33", "B": "33 33 33 33 33", "C": "33 33 331 331 331", "D": "33 33 333 333 333",
         "E": "33 33 3333 3333 3333"}  # fmt: skip


def right(column, shape, classes, filters, units, kind="right"):
    """The network written out, with one thing wrong where asked."""
    make = keras.layers
    x = inputs = keras.Input(shape)
    column = {"neighbor": dict(zip("ABCDE", "BADED", strict=True))[column]}.get(kind, column)
    for width, block in zip(filters, TABLE[column].split(), strict=True):
        block = {"all 3x3": block.replace("1", "3"), "1 first": block[::-1]}.get(kind, block)
        for size in block:
            x = make.Conv2D(
                width, int(size), padding="same", activation=None if kind == "linear" else "relu"
            )(x)
            if kind == "each":
                x = make.MaxPooling2D(2, padding="same")(x)
        if kind == "3x3 pool":
            x = make.MaxPooling2D(3, 2, padding="same")(x)
        elif kind != "each":
            x = make.MaxPooling2D(2, padding="same" if kind == "padded pool" else "valid")(x)
    x = make.GlobalAveragePooling2D()(x) if kind == "averaged" else make.Flatten()(x)
    for _ in range(1 if kind == "one dense" else 2):
        x = make.Dense(units, activation=None if kind == "linear dense" else "relu")(x)
        x = x if kind == "no dropout" else make.Dropout(0.5)(x)
    return keras.Model(inputs, make.Dense(classes, None if kind == "logits" else "softmax")(x))


causes = {
    "neighbor": "this is another column of the table",
    "all 3x3": "in column C the third convolution of blocks 3 to 5 is 1x1",
    "1 first": "in column C the 1x1 convolution is the last of its block",
    "each": "every block ends with pooling, not every convolution",
    "3x3 pool": "pooling is 2x2, without overlap",
    "padded pool": "pooling is without padding",
    "linear": "each convolution has a ReLU",
    "linear dense": "the first two dense layers have a ReLU",
    "averaged": "maps are flattened, not averaged, before the dense layers",
    "one dense": "two dense layers come before the last one",
    "no dropout": "dropout is missing",
    "logits": "the softmax is missing",
}
draw = question.random
first = draw.choice([2, 3])
filters = (first, 4, 3, 5, 2)
for column in "CADBE":
    shape = (64, 33, 2) if column == "C" else (32, 40, 1)
    arguments = (column, shape, draw.randint(3, 8), filters, 6)
    net = question.model(f"column {column}", vgg, *arguments, share=2 if column == "C" else 0.75)
    about = {
        "hint": "block by block, as in the table",
        "mistakes": {  # those that every column would show are looked for in two of them
            cause: lambda kind=kind, a=arguments: right(*a, kind)
            for kind, cause in causes.items()
            if column in "CA" or kind == "neighbor"
        },
    }
    if column == "C":
        also = [("A", (70, 32, 1), 2, (1, 2, 1, 3, 3), 4)]
        net.behaves_like(right, also=also, **about)
    else:
        net.computes(right(*arguments), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Saturation
#
# On its way back through $d$ layers, a gradient is multiplied by $d$ derivatives of the activation
# (and by weights, which we leave aside).
#
# - `bound(activation, depth)` returns the largest value that a product of `depth` derivatives can
#   have, for `"relu"`, `"tanh"`, `"sigmoid"` $\sigma(z) = 1 / (1 + e^{-z})$, and `"squash"`, the
#   given function.
# - `steps_to(losses, level, window)` reads a training curve: the number of the first step at which
#   the mean of the last `window` losses, this step's among them, is at most `level`; the first step
#   is number 1. Before step `window` there is no such mean. `None` if it never happens.
#
# **Example.** $\tanh'(z)$ is at most 1, at $z = 0$: `bound("tanh", 8)` is 1. Losses $(4, 2, 1, 3)$
# with `level=2` and `window=2`: means are 3, 1.5 and 2 at steps 2, 3 and 4, so the answer is 3.


# %% nbgrader={"grade": false, "grade_id": "bound", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound(activation, depth):
    """The largest product of an activation's derivatives over several layers.

    Args:
        activation: "relu", "tanh", "sigmoid" or "squash".
        depth: number of layers, at least 1.

    Returns:
        A float.
    """
    ### BEGIN SOLUTION
    steepest = {"relu": 1.0, "tanh": 1.0, "sigmoid": 0.25, "squash": 1.7159 * 2 / 3}
    return steepest[activation] ** depth
    ### END SOLUTION


def steps_to(losses, level, window):
    """The first step at which the mean of the last losses is at most a level.

    Args:
        losses: list of floats, one for each step.
        level: the loss to be reached.
        window: over how many losses means are taken, at least 1.

    Returns:
        An int, from 1; None if the level is not reached.
    """
    ### BEGIN SOLUTION
    for step in range(window, len(losses) + 1):
        if sum(losses[step - window : step]) / window <= level:
            return step
    return None
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_bound", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Saturation", points=2)
for name, depth, right in (("tanh", 8, 1.0), ("sigmoid", 2, 0.0625)):
    question.example(f"{name}, {depth} layers", bound, name, depth).gives_array(
        right, hint="the derivative where the function is steepest, once for each layer"
    )
question.example("never", steps_to, [4.0, 3.0], 1.0, 1).gives(None, hint="it does not get there")
question.example("the example", steps_to, [4.0, 2.0, 1.0, 3.0], 2.0, 2).gives(
    3, hint="means of two losses: 3, 1.5 and 2, at steps 2, 3 and 4"
)
### BEGIN HIDDEN TESTS
draw = question.random
# Steepest at 0, on a fine grid: nothing is derived here.
near = np.array([-1e-5, 1e-5])
slopes = {
    "sigmoid": float(np.diff(1 / (1 + np.exp(-near)))[0] / 2e-5),
    "tanh": float(np.diff(np.tanh(near))[0] / 2e-5),
    "squash": float(np.diff(1.7159 * np.tanh(2 / 3 * near))[0] / 2e-5),
    "relu": 1.0,
}
depth = draw.randint(4, 9)
for name, slope in slopes.items():
    question.check(name, bound, name, depth, share=0.7).gives_array(
        slope**depth,
        tolerance=1e-6,
        hint="where is the function steepest, and how steep is it there?",
        mistakes=[(c, w) for c, w in {
            "derivatives are multiplied, not added": slope * depth,
            "one derivative for each layer": slope ** (depth - 1),
            "the bound is of the derivative, not of the function": {"squash": 1.7159}.get(name, 1.0) ** depth,
            "squash is steeper than tanh: see its two numbers": 1.0,
            "the sigmoid's derivative, not its value at 0": 0.5**depth,
        }.items() if abs(w - slope**depth) > 1e-5 * slope**depth and not (w == 1.0 and name == "sigmoid" and "steeper" in c)],
    )  # fmt: skip
question.check("one layer", bound, "sigmoid", 1, share=0.3).gives_array(
    0.25, hint="one layer, one derivative"
)


def reached(losses, level, window, kind="right"):
    """Step by step, with one thing wrong where asked."""
    for step in range(1, len(losses) + 1 - (kind == "not the last")):
        last = losses[max(0, step - window) : step]
        last = {"one": losses[step - 1 : step], "all": losses[:step]}.get(kind, last)
        if step < window and kind not in ("short", "one", "all"):
            continue
        mean = sum(last) / (1 if kind == "sum" else len(last))
        if mean < level or (mean == level and kind != "below"):
            return step - {"from 0": 1, "window's first": window - 1}.get(kind, 0)
    return len(losses) if kind == "the end" else None


causes = {
    "below": "at most the level: equal is enough",
    "one": "the mean of the last losses, not one of them",
    "all": "the mean of the last losses, not of all",
    "sum": "the mean of the window, not its sum",
    "short": "before step `window` there is no mean",
    "from 0": "the first step is number 1",
    "window's first": "the last step of the window counts, not its first",
    "the end": "None if the level is never reached",
    "not the last": "the last step counts as well",
}


def going_on(losses, level, window):
    """The answer for a curve, and for the same curve when it goes on at a low loss."""
    return [steps_to(losses, level, window), steps_to([*losses, *[0.25] * window], level, window)]


def both(losses, level, window, kind="right"):
    return [reached(curve, level, window, kind) for curve in (losses, [*losses, *[0.25] * window])]


rest = [draw.choice([3, 4, 6]) for _ in range(4)]
for name, losses, level, window in (
    ("a dip", [8.0, 7.0, 1.0, 7.0, 5.0, 4.0, 3.0, 2.0, 2.0], 4.0, 3),
    ("low from the start", [1.0, 1.5, 6.0, 7.0, 2.0, 1.0, 1.0, 1.0], 2.0, 3),
    ("at the last step", [9.0, 9.0, 8.0, *map(float, rest), 2.0, 0.5], 1.25, 2),
    ("never", [9.0, 8.0, 7.0, 3.0, 9.0], 3.5, 2),
    ("a window of one", [6.0, 5.0, 4.0, 4.0, 1.0], 4.0, 1),
    ("fewer losses than the window", [1.0, 1.0], 2.0, 4),
    ("no losses", [], 2.0, 1),
):
    never = (
        reached(losses, level, window) is None
    )  # None alone is what a function without return gives
    function, of = (going_on, both) if never else (steps_to, reached)
    right = of(losses, level, window)
    wrong = [(cause, of(losses, level, window, kind)) for kind, cause in causes.items()]
    question.check(name, checks.keeping, function, losses, level, window, share=0.6).gives(
        right,
        hint="write the means below the losses",
        mistakes=[(cause, value) for cause, value in wrong if value != right],
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Networks as words
#
# After LeNet, nearly all networks were of one kind for 15 years: [(conv, ReLU) x N, pool?] x M,
# (dense, ReLU) x K, softmax. Write `convnet(pattern, input_shape, classes)`, which builds one from
# a text. Its words are separated by spaces:
#
# - `conv8`: a convolution with 8 filters of 3x3, stride 1, "same" padding, ReLU;
# - `pool`: max pooling, 2x2 with stride 2, without padding;
# - `fc16`: a dense layer with 16 units, ReLU;
# - `2*conv8`, `3*fc16`: the same word several times, each time with a new layer.
#
# At the end come, without a word for it, a dense layer with one unit for each class, and a softmax.
# Before the first dense layer maps are flattened. An empty text is a linear classifier.
#
# Raise a `ValueError` for a word that is none of these (such as `"conv"`, `"Conv8"`, `"2*pool"` or
# `"0*conv8"`: numbers are at least 1), and for `conv` or `pool` anywhere after an `fc`.
#
# **Example.** `convnet("2*conv8 pool conv16 pool fc32", (12, 12, 3), 10)` has three convolutions,
# and two dense layers with 32 and 10 units.


# %% nbgrader={"grade": false, "grade_id": "convnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convnet(pattern, input_shape, classes):
    """Build a network from words.

    Args:
        pattern: text of words, separated by one or more spaces.
        input_shape: (height, width, channels).
        classes: number of classes.

    Returns:
        A keras.Model from images to probabilities.

    Raises:
        ValueError: a word that means nothing, or maps after a dense layer.
    """
    ### BEGIN SOLUTION
    import re

    flat = False
    x = inputs = keras.Input(input_shape)
    for word in pattern.split():
        found = re.fullmatch(r"pool|(?:([1-9]\d*)\*)?(conv|fc)([1-9]\d*)", word)
        if not found or (flat and found[2] != "fc"):
            raise ValueError(f"{word!r} cannot stand here in {pattern!r}")
        for _ in range(int(found[1] or 1)):
            if word == "pool":
                x = layers.MaxPooling2D(2)(x)
            elif found[2] == "conv":
                x = layers.Conv2D(int(found[3]), 3, padding="same", activation="relu")(x)
            else:
                x = x if flat else layers.Flatten()(x)
                x, flat = layers.Dense(int(found[3]), activation="relu")(x), True
    x = x if flat else layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_convnet", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Networks as words", points=3)
question.rules(convnet, without=("course.blocks", "course.architectures"))
net = question.model(
    "the example", convnet, "2*conv8 pool conv16 pool fc32", (12, 12, 3), 10, share=0
)
net.has_layers("Conv2D", 3, hint="twice conv8, once conv16")
net.has_layers("Dense", 2, hint="fc32, and the last one for the classes")
question.example("an unknown word", convnet, "conv8 drop", (8, 8, 1), 2).raises(ValueError)
question.example("maps after a dense layer", convnet, "fc8 conv8", (8, 8, 1), 2).raises(ValueError)
### BEGIN HIDDEN TESTS


def right(steps, shape, classes, kind="right"):
    """The network of a list of steps, with one thing wrong where asked."""
    make = keras.layers
    x = inputs = keras.Input(shape)
    flat = False
    for word, number in steps:
        active = None if kind == f"linear {word}" else "relu"
        if word == "pool":
            x = {"3x3": make.MaxPooling2D(3, 2), "mean": make.AveragePooling2D(2)}.get(
                kind, make.MaxPooling2D(2)
            )(x)
        elif word == "conv":
            pad = "valid" if kind == "valid" else "same"
            x = make.Conv2D(number, 3, padding=pad, activation=active)(x)
        else:
            x = x if flat or kind == "never flat" else make.Flatten()(x)
            x, flat = make.Dense(number, activation=active)(x), True
    if not flat or kind == "never flat":
        x = make.GlobalAveragePooling2D()(x) if kind == "averaged" else make.Flatten()(x)
    return keras.Model(inputs, make.Dense(classes, None if kind == "logits" else "softmax")(x))


causes = {
    "linear conv": "each convolution has a ReLU",
    "linear fc": "each dense layer but the last has a ReLU",
    "valid": 'convolutions have "same" padding',
    "3x3": "pooling is 2x2",
    "mean": "pooling takes the maximum",
    "never flat": "maps are flattened before the first dense layer",
    "averaged": "maps are flattened, not averaged",
    "logits": "the softmax is missing",
}
draw = question.random
a, b = draw.choice([3, 4, 12]), draw.choice([5, 6])
for name, pattern, steps, shape in (
    (
        "maps and dense layers", f"2*conv{a} pool  conv{b} 2*fc10 fc3",
        [("conv", a), ("conv", a), ("pool", 0), ("conv", b), ("fc", 10), ("fc", 10), ("fc", 3)],
        (9, 6, 2),
    ),
    (
        "no dense layer", f" conv{b} 3*conv{a} pool pool ",
        [("conv", b), *[("conv", a)] * 3, ("pool", 0), ("pool", 0)], (8, 11, 1),
    ),
    ("dense layers alone", "11*fc4", [("fc", 4)] * 11, (3, 2, 2)),
    ("an empty text", "", [], (3, 4, 2)),
):  # fmt: skip
    classes = draw.randint(3, 9)
    net = question.model(name, convnet, pattern, shape, classes)
    about = {
        "hint": "word by word; what comes at the end?",
        "mistakes": {
            cause: lambda kind=kind, s=steps, h=shape, c=classes: right(s, h, c, kind)
            for kind, cause in causes.items()
        },
    }
    if name == "maps and dense layers":
        net.behaves_like(right(steps, shape, classes), **about)
    else:
        net.computes(right(steps, shape, classes), **about)
for pattern in ("conv", "Conv8", "2*pool", "0*conv8", "conv0", "fc", "conv8 fc4 pool", "2*2*fc8", "fc4 2*conv8",
                "conv8,pool", "fc-4", "*fc4", "1.5*fc4", "conv8x"):  # fmt: skip
    after = "fc4 2" in pattern or "fc4 pool" in pattern
    question.check(
        f"{pattern!r}", convnet, pattern, (8, 8, 1), 2, share=0.15
    ).raises(
        ValueError,
        hint="no maps after a dense layer" if after else "this word is none of those in the text",
        requires_other_credit=True,
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · In your own words
#
# The VGG paper has these top-5 errors of single networks on ILSVRC's validation images, each tested
# at three image sizes (Table 4). $S$ is the shorter side of training images: always 256, always
# 384, or drawn anew from 256 to 512 for each image.
#
# | layers with weights | $S = 256$ | $S = 384$ | $S$ from 256 to 512 |
# |---|---:|---:|---:|
# | 13 (B) | 9.6 % | – | – |
# | 16 (C, with 1x1) | 9.2 % | 9.2 % | 8.2 % |
# | 16 (D, all 3x3) | 8.6 % | 8.6 % | 7.5 % |
# | 19 (E) | 8.7 % | 8.6 % | 7.5 % |
#
# 1. A lecture says that with 19 layers VGG gets slightly worse than with 16. What does the table
#    say?
# 2. C has more nonlinearities than B and is better; D is better than C at the same depth. What does
#    each of these two comparisons show about what extra layers are good for?
# 3. Another one: "small filters brought the error from 11.7 % (2013) to 7.3 % (2014)". Name two
#    other things in which these two results differ or may differ, and say what would have to be
#    compared instead.

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. With $S = 256$ the deeper network is worse by 0.1 points; with $S = 384$ and with scale jitter
#    the two are equal. Each number is one network and one run, so a tenth cannot be told from what
#    another seed would give. From 16 to 19 layers there is no gain that can be seen: saturation,
#    not harm. How the networks are trained matters ten times as much: drawing $S$ is worth 1.1 or
#    1.2 points.
# 2. B to C adds 1x1 convolutions: more nonlinearities, the same receptive field. It helps by 0.4
#    points, so nonlinearity helps in itself. C to D makes the same layers 3x3: another 0.6 points,
#    so it also matters that layers see a neighborhood. (D has more weights than C as well, which is
#    not separated from that. And these, too, are single runs.)
# 3. The networks of 2013 and 2014 differ in everything at once. 7.3 % is an ensemble of seven
#    networks, tested at several scales, 11.7 % an ensemble of another group; depth, width,
#    augmentation (scale jitter) and training differ. To show what *small filters* do, train two
#    networks that differ in nothing else: say pairs of 3x3 against single 5x5, with the same
#    receptive field and about as many weights or MACs, several seeds each, the same training and
#    testing.
#
# **Marking scheme** (4 points)
#
# - 1 for part 1: the sign depends on the training scale, and the difference is too small for one
#   run each. Half a point for either.
# - 1 for part 2: B to C is nonlinearity alone, C to D the neighborhood (or weights, or receptive
#   field). Half a point for either. None for "deeper is better".
# - 2 for part 3: half a point for each of two confounders (ensemble, scales, crops, depth, width,
#   training), one point for a comparison in which only the filters differ.
# ### END SOLUTION

# %% [markdown]
# That is what 2012 to 2014 was made of. Before you submit: *Kernel → Restart Kernel and Run All
# Cells*, and save; then follow *hand in* on the start page (`START.md`), or run `course submit
# 04_classic_networks` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
