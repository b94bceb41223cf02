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
# # 05 · Inception
#
# A module of parallel branches, 1x1 convolutions that make it affordable, and a network of nine of
# them with nearly no dense layer: here you build GoogLeNet from its parts, find out how wide its
# reductions may be, take it apart for use after training, and build what later versions made of
# it. The counts of lecture 02 are not asked again.
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
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*), `course
#    submit 05_inception`: it checks the notebook, makes the file to hand in, and says where to.
#
# **Rules**
#
# - Networks and their parts are functions on Keras tensors, built from `keras.layers` and
#   `keras.ops`: no `Lambda`, and no layer or model classes of your own. Do not use `course.blocks`
#   or `course.architectures` in your answers.
# - Use the helpers of the next cell, or write the same layers out. Each layer is used once. All
#   weights are trainable, start as Keras' layers start, and a gradient reaches each of them.
#   Nothing is random except dropout.
# - Padding is "same" and strides are 1 unless the text says otherwise. Branches are joined in the
#   order of the text.
# - Images and feature maps have the axes (batch, height, width, channels), and need not be square.
# - A function leaves its arguments unchanged: arrays, lists and tuples.
# - Later questions may call your earlier functions.
#
# **Two sittings.** Ten questions are the *core*: they build GoogLeNet. The *optional* ones are
# about what came after it and what is around it. Your instructor will tell you whether their points
# count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Network in network | 3 | core | 20 |
# | 2 The naive module | 2 | core | 10 |
# | 3 The reduced module | 3 | core | 15 |
# | 4 The widest reduction | 2 | core | 15 |
# | 5 The stem | 1 | core | 10 |
# | 6 An auxiliary head | 2 | core | 15 |
# | 7 GoogLeNet | 4 | core | 30 |
# | 8 22 layers | 1 | core | 10 |
# | 9 Losses in training, one output in use | 3 | core | 20 |
# | 10 A fixed number of windows | 2 | optional | 15 |
# | 11 Two kernels as one | 3 | optional | 25 |
# | 12 Rows and columns | 3 | optional | 15 |
# | 13 Half the size | 2 | optional | 10 |
# | 14 Inception with a shortcut | 3 | optional | 15 |
# | 15 Crops of random area | 3 | optional | 25 |
# | 16 144 views | 3 | optional | 25 |
# | 17 In your own words (graded by hand) | 4 | core | 30 |
#
# The core has 25 points, the rest 19. (The minutes are rough guesses.) The lecture is
# [05_inception](../lectures/05_inception.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from autograder import checks

# Table 1 of the paper, by stage: 1x1; before 3x3, 3x3; before 5x5, 5x5; after the pooling.
GOOGLENET = [
    [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
    [(192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
     (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)],
    [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)],
]  # fmt: skip


def conv(x, filters, kernel_size=1, strides=1):
    """A convolution as in GoogLeNet: same padding, a bias, and a ReLU after it."""
    return layers.Conv2D(filters, kernel_size, strides, padding="same", activation="relu")(x)


def conv_bn(x, filters, kernel_size=1, strides=1, padding="same"):
    """A convolution as in later versions: no bias, batch normalization, and a ReLU after it."""
    x = layers.Conv2D(filters, kernel_size, strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def lrn(x, alpha=1e-4):
    """Local response normalization over five channels: a value by what is around it."""
    squares = ops.pad(ops.square(x), [[0, 0], [0, 0], [0, 0], [2, 2]])
    around = sum(squares[..., shift : shift + x.shape[-1]] for shift in range(5))
    return x / (1 + alpha / 5 * around) ** 0.75


def resized(image, height, width):
    """An image of shape (height, width, channels), resized bilinearly, as an array of floats."""
    return tf.image.resize(np.asarray(image, "float32"), (height, width)).numpy()


# %% [markdown]
# ## 1 · Network in network
#
# A filter is a linear function of a window. Lin, Chen and Yan (2014) put a small dense network in
# its place, the same one at every position: an **mlpconv** is a convolution with a kernel of
# `kernel_size` and two of 1x1 after it, each with a ReLU. Their network ends with one feature map
# for each class. The mean of a map is the class's score: no dense layer is left.
#
# - `mlpconv(x, filters, kernel_size)`: `filters` has the filters of the three convolutions.
# - `nin(input_shape, rows, classes)`: an mlpconv for each row `(filters, kernel_size)`, and between
#   two of them (so not after the last) max pooling of 3x3 with stride 2 and "same" padding. The
#   last row has only two numbers of filters; the third is `classes`. Then the mean over all
#   positions, and a softmax. The class maps have a ReLU as well, as in the authors' code.
#
# **Example.** The network for CIFAR-10 has the rows `((192, 160, 96), 5)`, `((192, 192, 192), 5)`
# and `((192, 192), 3)`, and with 10 classes 966,986 parameters.


# %% nbgrader={"grade": false, "grade_id": "nin", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mlpconv(x, filters, kernel_size):
    """A convolution and two of 1x1 after it.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: three ints.
        kernel_size: of the first convolution.

    Returns:
        Tensor of shape (batch, height, width, filters[2]).
    """
    ### BEGIN SOLUTION
    x = conv(x, filters[0], kernel_size)
    x = conv(x, filters[1])
    return conv(x, filters[2])
    ### END SOLUTION


def nin(input_shape, rows, classes):
    """A network of mlpconv layers whose last feature maps are the classes.

    Args:
        input_shape: (height, width, channels).
        rows: list of (filters, kernel_size); filters are three ints, in the last row two.
        classes: number of classes.

    Returns:
        A Keras model from images to probabilities, of shape (batch, classes).
    """
    ### BEGIN SOLUTION
    x = inputs = keras.Input(input_shape)
    for number, (filters, kernel_size) in enumerate(rows):
        if number:
            x = layers.MaxPooling2D(3, 2, padding="same")(x)
        last = number == len(rows) - 1
        x = mlpconv(x, (*filters, classes) if last else filters, kernel_size)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Softmax()(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_nin", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Network in network", points=3)
question.rules(mlpconv, nin, without=("course.blocks", "course.architectures"))
layer = question.block("an mlpconv", mlpconv, (7, 6, 3), (4, 5, 2), 5, share=0)
layer.has_output_shape((7, 6, 2), hint="padding keeps height and width")
layer.has_params(341, hint="5x5x3x4 + 4, 4x5 + 5, 5x2 + 2")
rows = [((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192), 3)]
net = question.model("CIFAR-10's network", nin, (32, 32, 3), rows, 10, share=0)
net.has_output_shape((10,), hint="one probability for each class")
net.has_params(966_986, hint="nine convolutions with biases, and nothing else with weights")
net.has_layers("Dense", 0, hint="the means of the last maps are the scores")
### BEGIN HIDDEN TESTS


def mlp(x, filters, kernel_size, kind="right"):
    """The layer written out, with one thing wrong where asked."""
    make = keras.layers
    sizes = (kernel_size, kernel_size if kind == "sizes" else 1, 1)
    for number, (count, size) in enumerate(zip(filters, sizes, strict=True)):
        if kind == "one" and number == 1:
            continue
        linear = (kind, number) in (("linear first", 0), ("linear second", 1), ("linear", 2))
        linear = linear or (kind == "one ReLU" and number < 2) or kind == "no ReLU"
        x = make.Conv2D(count, size, padding="same", activation=None if linear else "relu")(x)
    return x


def right(shape, rows, classes, kind="right"):
    """The network written out, with one thing wrong where asked."""
    make = keras.layers
    x = inputs = keras.Input(shape)

    def pool(x):
        if kind == "mean pool":
            return make.AveragePooling2D(3, 2, padding="same")(x)
        size = 2 if kind == "2x2" else 3
        return make.MaxPooling2D(size, 2, padding="valid" if kind == "valid" else "same")(x)

    for number, (filters, kernel_size) in enumerate(rows, 1):
        last = number == len(rows)
        layer = kind if kind in LAYER else "right"
        layer = "linear" if last and kind == "linear maps" else layer
        x = mlp(x, (*filters, classes) if last else filters, kernel_size, layer)
        if (not last or kind == "after") and kind != "no pool":
            x = pool(x)
    if kind in ("flattened", "dense"):
        x = make.Flatten()(x) if kind == "flattened" else make.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, make.Dense(classes, activation="softmax")(x))
    x = make.GlobalMaxPooling2D()(x) if kind == "max" else make.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, x if kind == "logits" else make.Softmax()(x))


LAYER = {
    "no ReLU": "each of the three convolutions has a ReLU",
    "one ReLU": "each of the three convolutions has a ReLU",
    "linear first": "each of the three convolutions has a ReLU, the first one as well",
    "linear second": "each of the three convolutions has a ReLU, the second one as well",
    "linear": "each of the three convolutions has a ReLU, the last one as well",
    "one": "there are two of 1x1 after the first convolution",
    "sizes": "only the first convolution has the kernel; the others are 1x1",
}
NETWORK = {
    "linear maps": "the class maps have a ReLU as well",
    "no pool": "between two rows there is max pooling",
    "after": "pooling is between two rows, not after the last",
    "mean pool": "pooling between rows takes the maximum",
    "valid": "pooling has same padding",
    "2x2": "pooling windows are 3x3",
    "dense": "the means of the class maps are the scores: no dense layer is left",
    "flattened": "the means of the class maps are the scores: no dense layer, nothing as a vector",
    "max": "a class's score is the mean of its map, not the maximum",
    "logits": "the softmax is missing",
}


def layer_of(kind):
    x = keras.Input((6, 9, 3))
    return keras.Model(x, mlp(x, (5, 4, 6), 3, kind))


question.block("an mlpconv", mlpconv, (6, 9, 3), (5, 4, 6), 3).behaves_like(
    mlp,
    also=[((7, 4, 1), (2, 3, 2), 5)],
    hint="three convolutions, one after the other",
    mistakes={cause: lambda kind=kind: layer_of(kind) for kind, cause in LAYER.items()},
)
classes = question.random.randint(5, 8)
rows = [((5, 4, 6), 3), ((6, 5, 4), 5), ((4, 7), 3)]
arguments = (14, 11, 2), rows, classes
question.model("a network of three rows", nin, *arguments, share=2).behaves_like(
    right,
    also=[((9, 16, 1), rows[1:], 4)],
    hint="an mlpconv for each row, pooling between them, the mean and a softmax",
    mistakes={
        cause: lambda kind=kind: right(*arguments, kind)
        for kind, cause in (NETWORK | LAYER).items()
    },
)
one = (8, 7, 3), [((6, 5), 3)], 4
question.model("a single row", nin, *one, share=0.5).computes(
    right(*one), hint="nothing is pooled after the last row"
)
pairs = (12, 13, 1), [((3, 4, 5), 1), ((4, 4, 3), 3), ((3, 4, 3), 3), ((4, 6), 5)], 6
question.model("four rows", nin, *pairs, share=0.5).computes(
    right(*pairs), hint="pooling between each two of them"
)


def kept(rows):
    """The number of classes of a network, and the rows after it was made of them."""
    return nin((8, 8, 1), rows, 3).output_shape[-1], rows


given = [([3, 4, 3], 3), ([4, 5], 3)]
question.check("lists of filters, which stay as they are", kept, given, share=0.25).gives(
    (3, [([3, 4, 3], 3), ([4, 5], 3)]), hint="arguments stay unchanged"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · The naive module
#
# Which kernel size is right? An Inception module has them all, side by side: a 1x1, a 3x3 and a 5x5
# convolution and 3x3 max pooling, each on the same input. What comes out of them is joined along
# the channels, in this order. So all have to keep height and width, the pooling as well.
#
# Write `naive_module(x, filters)`; `filters` are those of the 1x1, 3x3 and 5x5 convolution.
#
# **Example.** With filters 128, 192 and 96, 28x28x256 becomes 28x28x672.

# %% nbgrader={"grade": false, "grade_id": "figure_modules", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import inception as draw_inception
from course.visualization.display import show

show(
    draw_inception.modules({
        "naive": (("1x1",), ("3x3",), ("5x5",), ("max 3x3",)),
        "reduced": (("1x1",), ("1x1", "3x3"), ("1x1", "5x5"), ("max 3x3", "1x1")),
    }),
    "The modules of questions 2 and 3: every branch sees the same input, and all are joined.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "naive_module", "locked": false, "schema_version": 3, "solution": true, "task": false}
def naive_module(x, filters):
    """Three convolutions and a pooling, side by side.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: three ints, of the 1x1, 3x3 and 5x5 convolution.

    Returns:
        Tensor of shape (batch, height, width, sum of filters + channels).
    """
    ### BEGIN SOLUTION
    ends = [conv(x, number, size) for number, size in zip(filters, (1, 3, 5), strict=True)]
    ends.append(layers.MaxPooling2D(3, 1, padding="same")(x))
    return layers.Concatenate()(ends)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_naive_module", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. The naive module", points=2)
question.rules(naive_module, without=("course.blocks", "course.architectures"))
block = question.block("the text's module", naive_module, (28, 28, 256), (128, 192, 96), share=0)
block.has_output_shape((28, 28, 672), hint="128 + 192 + 96 + 256 channels")
block.has_params(1_089_952, hint="three kernels on 256 channels, and 416 biases")
### BEGIN HIDDEN TESTS


def right(x, filters, kind="right"):
    """The module written out, with one thing wrong where asked."""
    make = keras.layers
    activation = None if kind == "linear" else "relu"
    ends, y = [], x
    for count, size in zip(filters, (1, 3, 5), strict=True):
        y = make.Conv2D(count, size, padding="same", activation=activation)(y)
        ends.append(y)
        y = y if kind == "in a row" else x
    size = 2 if kind == "2x2" else 3
    pool = make.AveragePooling2D if kind == "mean" else make.MaxPooling2D
    pooled = x if kind == "no pool" else pool(size, 1, padding="same")(x)
    if kind == "projected":
        pooled = make.Conv2D(x.shape[-1], 1, activation="relu")(pooled)
    if kind == "rectified":
        pooled = make.ReLU()(pooled)
    ends = [pooled, *ends] if kind == "first" else [*ends, pooled]
    if kind == "reversed":
        ends = ends[::-1]
    if kind == "only convolutions":
        ends = ends[:3]
    return make.Concatenate()(ends)


causes = {
    "linear": "each convolution has a ReLU",
    "in a row": "all of them see the same input",
    "2x2": "the pooling windows are 3x3",
    "mean": "the pooling takes the maximum",
    "no pool": "the pooling is missing",
    "only convolutions": "the pooling is joined, too",
    "projected": "there is no convolution after the pooling in the naive module",
    "rectified": "the pooling has no ReLU",
    "first": "the branches' order is 1x1, 3x3, 5x5, pooling",
    "reversed": "the branches' order is 1x1, 3x3, 5x5, pooling",
}


def module_of(kind):
    x = keras.Input((7, 9, 4))
    return keras.Model(x, right(x, filters, kind))


filters = tuple(question.random.sample(range(2, 9), 3))
question.block("as a whole", naive_module, (7, 9, 4), filters, share=3).behaves_like(
    right,
    also=[(5, 4, 1), ((6, 6, 7), [1, 5, 2])],
    hint="four layers on x, and what comes out of them side by side, along the channels",
    mistakes={cause: lambda kind=kind: module_of(kind) for kind, cause in causes.items()},
)
question.block("a small map", naive_module, (1, 2, 3), (2, 3, 1), share=0.5).has_output_shape(
    (1, 2, 9), hint="padding keeps height and width, however small they are"
)
question.block("one of many channels", naive_module, (4, 4, 20), (1, 1, 1), share=0.5).has_params(
    20 + 9 * 20 + 25 * 20 + 3, hint="only three convolutions have weights"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · The reduced module
#
# The naive module is expensive, and its channels can only grow. So a 1x1 convolution comes before
# the 3x3, another before the 5x5, and one *after* the pooling. Each of the six convolutions has a
# ReLU.
#
# Write `reduced_module(x, row)`, where a row is one of the paper's Table 1: the filters of the 1x1,
# of the one before the 3x3, the 3x3, of the one before the 5x5, the 5x5, and of the one after the
# pooling. The branches' order is that of the naive module.
#
# **Example.** The network's first module has the row (64, 96, 128, 16, 32, 32). From 192 channels
# it makes 64 + 128 + 32 + 32 = 256, with 163,696 parameters.


# %% nbgrader={"grade": false, "grade_id": "reduced_module", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reduced_module(x, row):
    """GoogLeNet's module.

    Args:
        x: tensor of shape (batch, height, width, channels).
        row: six ints, in the order of the text.

    Returns:
        Tensor of shape (batch, height, width, row[0] + row[2] + row[4] + row[5]).
    """
    ### BEGIN SOLUTION
    one, before3, three, before5, five, after = row
    return layers.Concatenate()([
        conv(x, one),
        conv(conv(x, before3), three, 3),
        conv(conv(x, before5), five, 5),
        conv(layers.MaxPooling2D(3, 1, padding="same")(x), after),
    ])  # fmt: skip
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_reduced_module", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. The reduced module", points=3)
question.rules(reduced_module, without=("course.blocks", "course.architectures"))
block = question.block("the first module", reduced_module, (28, 28, 192), GOOGLENET[0][0], share=0)
block.has_output_shape((28, 28, 256), hint="64 + 128 + 32 + 32 channels")
block.has_params(163_696, hint="which channels does each of the six convolutions see?")
### BEGIN HIDDEN TESTS


def right(x, row, kind="right"):
    """The module written out, with one thing wrong where asked."""
    make = keras.layers
    one, before3, three, before5, five, after = row

    def layer(x, count, size, linear=False):
        return make.Conv2D(
            count, size, padding="same", activation=None if linear else "relu"
        )(x)  # fmt: skip

    def pair(before, count, size, kind):
        if kind == "behind":
            return layer(layer(x, before, size), count, 1)
        y = layer(x, before, 1, kind == "linear reductions" or linear)
        return layer(y, count, size)

    linear = kind == "linear 1x1"
    pool = make.AveragePooling2D if kind == "mean" else make.MaxPooling2D
    pool = pool(2 if kind == "2x2" else 3, 1, padding="same")
    if kind == "no pool":
        pooled = layer(x, after, 1)
    elif kind == "projected first":
        pooled = pool(layer(x, after, 1))
    else:
        pooled = layer(pool(x), after, 1, linear or kind == "linear projection")
    ends = [
        layer(x, one, 1, kind == "linear first"),
        pair(before3, three, 3, "behind" if kind in ("behind 3x3", "behind") else kind),
        pair(before5, five, 3 if kind == "3x3" else 5,
             "behind" if kind in ("behind 5x5", "behind") else kind),
        pooled,
    ]  # fmt: skip
    if kind == "pool first":
        ends = [ends[3], *ends[:3]]
    elif kind == "3x3 first":
        ends[0], ends[1] = ends[1], ends[0]
    return make.Concatenate()(ends)


causes = {
    "behind": "the 1x1 convolutions come before the 3x3 and the 5x5",
    "behind 3x3": "the 1x1 convolution comes before the 3x3",
    "behind 5x5": "the 1x1 convolution comes before the 5x5",
    "projected first": "the 1x1 convolution comes after the pooling",
    "linear 1x1": "each of the six convolutions has a ReLU",
    "linear reductions": "each of the six convolutions has a ReLU, those that reduce as well",
    "linear projection": "each of the six convolutions has a ReLU, the one after the pooling as well",
    "linear first": "each of the six convolutions has a ReLU, the 1x1 of the first branch as well",
    "mean": "the pooling takes the maximum",
    "2x2": "the pooling windows are 3x3",
    "no pool": "the pooling is missing",
    "3x3": "the third branch has a kernel of 5x5",
    "pool first": "the branches' order is 1x1, 3x3, 5x5, pooling",
    "3x3 first": "the branches' order is 1x1, 3x3, 5x5, pooling",
}


def module_of(kind):
    x = keras.Input((7, 9, 5))
    return keras.Model(x, right(x, row, kind))


row = tuple(question.random.sample(range(2, 10), 6))
question.block("as a whole", reduced_module, (7, 9, 5), row, share=3).behaves_like(
    right,
    also=[((6, 4, 1), (1, 2, 1, 3, 2, 1)), ((5, 5, 2), [3, 1, 2, 4, 1, 5])],
    hint="four branches on x; which convolution sees what?",
    mistakes={cause: lambda kind=kind: module_of(kind) for kind, cause in causes.items()},
)
stage, place = question.random.choice([(0, 1), (1, 0), (2, 1)])
row, channels = GOOGLENET[stage][place], {(0, 1): 256, (1, 0): 480, (2, 1): 832}[stage, place]
params = {(0, 1): 388_736, (1, 0): 376_176, (2, 1): 1_444_080}[stage, place]
question.block("one of the paper's", reduced_module, (7, 7, channels), row, share=0.5).has_params(
    params, hint="which channels does each of the six convolutions see?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · The widest reduction
#
# A reduction to $r$ channels saves work only if $r$ is small enough. At each position, a convolution
# with a kernel of $k$ rows and columns takes $k^2 c f$ multiply-adds from $c$ channels to $f$
# filters. With a 1x1 convolution to $r$ channels before it, the two together take $c\, r + k^2 r f$.
#
# Write `widest_reduction(channels, filters, kernel_size, times=1)`: the largest $r$ with which the
# two together take **at most** one part in `times` of what the large convolution takes alone. If
# even $r = 1$ takes more, the answer is 0. Count exactly, with ints.
#
# **Example.** From 256 channels to 96 filters of 5x5, one position takes 614,400 multiply-adds, and
# each of the $r$ channels $256 + 25 \cdot 96 = 2656$. So $r$ may be 231 for just not more
# (`times=1`), and 57 for at most a quarter. With the 64 of lecture 02 it is a little more than that.


# %% nbgrader={"grade": false, "grade_id": "widest_reduction", "locked": false, "schema_version": 3, "solution": true, "task": false}
def widest_reduction(channels, filters, kernel_size, times=1):
    """How many filters a 1x1 convolution before a larger one may have.

    Args:
        channels: of the input.
        filters: of the larger convolution.
        kernel_size: its height and width.
        times: an int from 1; the cost is to be at most this part of the cost without reduction.

    Returns:
        An int from 0.
    """
    ### BEGIN SOLUTION
    area = kernel_size**2
    return area * channels * filters // (times * (channels + area * filters))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_widest_reduction", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. The widest reduction", points=2)
question.example("just not more", widest_reduction, 256, 96, 5).gives(
    231, hint="614,400 divided by 2656, and what is left over is not enough for one more"
)
question.example("a quarter", widest_reduction, 256, 96, 5, 4).gives(
    57, hint="a quarter of 614,400 is what there is to spend"
)
question.example("exactly at most", widest_reduction, 9, 2, 3, 3).gives(
    2, hint="162 / 3 is 54, and two channels take 2 * (9 + 18) = 54: at most, so they fit"
)
### BEGIN HIDDEN TESTS


def widest(channels, filters, kernel_size, times, kind="right"):
    """The largest number that fits, tried one after the other, with one thing wrong where asked."""
    area = kernel_size if kind == "line" else kernel_size * kernel_size
    alone = area * channels * filters
    each = {
        "free": area * filters,
        "swapped": filters + area * channels,
        "behind": area * channels + filters,
    }.get(kind, channels + area * filters)
    parts = {"once": 1, "squared": times * times}.get(kind, times)
    r = 0
    while parts * each * (r + 1) < alone + (kind != "less"):
        r += 1
    if kind == "up":
        return r + (parts * each * r < alone)
    return max(r, 1) if kind == "one" else r


causes = {
    "free": "the 1x1 convolution costs something as well",
    "line": "a kernel has kernel_size * kernel_size places",
    "swapped": "the 1x1 convolution sees the input's channels, the larger one the r channels",
    "behind": "the 1x1 convolution comes before the larger one, not after it",
    "once": "times is how many times less it may cost",
    "squared": "times is how many times less it may cost",
    "less": "at most: exactly as much is allowed",
    "up": "at most: what is left over is not enough for one more",
    "one": "if even one filter costs more, the answer is 0",
}
draw = question.random


def ask(name, *arguments, share=1):
    right = widest(*arguments)
    known = [
        (cause, wrong) for kind, cause in causes.items()
        if (wrong := widest(*arguments, kind)) != right
    ]  # fmt: skip
    question.check(name, widest_reduction, *arguments, share=share).gives(
        right, hint="what may both cost together, and what does each of the r channels?",
        mistakes=known,
    )  # fmt: skip


for kernel_size, times in ((3, 1), (5, 2), (3, 3), (7, 4)):
    ask(
        f"{kernel_size}x{kernel_size}, a part in {times}",
        draw.randint(100, 500), draw.randint(50, 400), kernel_size, times,
    )  # fmt: skip
# With 9 times as many channels as filters each channel between takes 18 times the filters.
times, r = draw.randint(2, 5), draw.randint(1, 3)
ask("exactly as much", 18 * times * r, 2 * times * r, 3, times)
few = draw.randint(2, 5)
ask("not even one", few, few + draw.randint(0, 3), 3, 40)
ask("one channel", 1, draw.randint(4, 9), 5, 1, share=0.5)
ask("a kernel of 1x1", draw.randint(6, 9), 400, 1, 1, share=0.25)
large = 10**9 + draw.randint(1, 1000)
question.check("large numbers, exactly", widest_reduction, large, large, 3, share=0.5).gives(
    9 * large // 10, hint="count with ints: a float has no more than 16 digits"
)
huge = 10**17 + draw.randint(1, 10**6)
question.check("larger ones", widest_reduction, huge, 2 * huge, 1, 1, share=0.5).gives(
    2 * huge // 3, hint="count with ints: a float has no more than 16 digits"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · The stem
#
# Before the first module, the image is made small and deep by ordinary layers:
#
# 1. a 7x7 convolution with stride 2, and max pooling of 3x3 with stride 2,
# 2. local response normalization (the given `lrn` with `alpha`),
# 3. a 1x1 convolution, and a 3x3 convolution,
# 4. local response normalization, and max pooling of 3x3 with stride 2.
#
# Convolutions have a ReLU, as `conv` has; padding is "same", of the pooling as well. Note the two
# orders: pooling and normalization the first time, normalization and pooling the second.
#
# Write `stem(x, filters=(64, 64, 192), alpha=1e-4)`.
#
# **Example.** 224x224x3 becomes 28x28x192, an eighth in height and width.


# %% nbgrader={"grade": false, "grade_id": "stem", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stem(x, filters=(64, 64, 192), alpha=1e-4):
    """What comes before the first module.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: three ints, of the 7x7, 1x1 and 3x3 convolution.
        alpha: of the normalization.

    Returns:
        Tensor of shape (batch, height / 8, width / 8, filters[2]), rounded up.
    """
    ### BEGIN SOLUTION
    x = layers.MaxPooling2D(3, 2, padding="same")(conv(x, filters[0], 7, 2))
    x = conv(lrn(x, alpha), filters[1])
    x = lrn(conv(x, filters[2], 3), alpha)
    return layers.MaxPooling2D(3, 2, padding="same")(x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_stem", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. The stem", points=1)
question.rules(stem, without=("course.blocks", "course.architectures"))
block = question.block("the text's stem", stem, (224, 224, 3), share=0)
block.has_output_shape((28, 28, 192), hint="three times a stride of 2")
block.has_params(124_416, hint="three convolutions with biases")
### BEGIN HIDDEN TESTS


def right(x, filters, alpha, kind="right"):
    """The stem written out, with one thing wrong where asked."""
    make = keras.layers

    def layer(x, count, size, strides=1):
        activation = None if kind == "linear" else "relu"
        return make.Conv2D(count, size, strides, padding="same", activation=activation)(x)

    def pool(x):
        if kind == "mean":
            return make.AveragePooling2D(3, 2, padding="same")(x)
        return make.MaxPooling2D(2 if kind == "2x2" else 3, 2, padding="same")(x)

    def norm(x, number):
        if kind == "no norm" or kind == f"no norm {number}":
            return x
        return lrn(x, 1e-4 if kind == "alpha" else alpha)

    first, second, third = filters
    x = layer(x, first, 7, 2)
    x = pool(norm(x, 1)) if kind in ("swapped 1", "swapped") else norm(pool(x), 1)
    if kind != "no 1x1":
        x = layer(x, second, 3 if kind == "3x3 twice" else 1)
    if kind == "norm between":
        x = norm(x, 3)
    x = layer(x, third, 3)
    return norm(pool(x), 2) if kind in ("swapped 2", "swapped") else pool(norm(x, 2))


causes = {
    "swapped": "the order is pooling and normalization first, then normalization and pooling",
    "swapped 1": "the order: the first pooling comes before the normalization",
    "swapped 2": "the order: the second normalization comes before the pooling",
    "no norm": "the normalization is missing",
    "no norm 1": "the first normalization is missing",
    "no norm 2": "the second normalization is missing",
    "norm between": "there is no normalization between the 1x1 and the 3x3",
    "alpha": "lrn gets the given alpha",
    "linear": "each convolution has a ReLU",
    "no 1x1": "the 1x1 convolution is missing",
    "3x3 twice": "the second convolution is 1x1",
    "mean": "pooling takes the maximum",
    "2x2": "pooling windows are 3x3",
}


def stem_of(kind):
    x = keras.Input((35, 44, 2))
    return keras.Model(x, right(x, filters, 9.0, kind))


filters = tuple(question.random.sample(range(3, 9), 3))
question.block("as a whole", stem, (35, 44, 2), filters, 9.0).behaves_like(
    right,
    also=[((17, 24, 1), (2, 3, 4), 5.0)],
    hint="line by line, as in the text",
    mistakes={cause: lambda kind=kind: stem_of(kind) for kind, cause in causes.items()},
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · An auxiliary head
#
# In training, GoogLeNet answers three times: at its end, and in two places before. Such a head has
#
# 1. *average* pooling of 5x5 with stride 3, **without** padding,
# 2. a 1x1 convolution with `filters` filters, and a ReLU,
# 3. all values as a vector, a dense layer of `units` with a ReLU, dropout with rate 0.7,
# 4. a dense layer with a unit for each class, and a softmax.
#
# Write `head(x, classes, filters=128, units=1024)`.
#
# **Example.** From 14x14x512 the pooling makes 4x4x512; with 1,000 classes the head has 3,188,840
# parameters, most of them between the 4x4x128 values and the 1,024 units.


# %% nbgrader={"grade": false, "grade_id": "head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head(x, classes, filters=128, units=1024):
    """A classifier in the middle of the network.

    Args:
        x: tensor of shape (batch, height, width, channels), at least 5x5.
        classes: number of classes.
        filters: of the 1x1 convolution.
        units: of the first dense layer.

    Returns:
        Tensor of probabilities, of shape (batch, classes).
    """
    ### BEGIN SOLUTION
    x = conv(layers.AveragePooling2D(5, 3)(x), filters)
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    return layers.Dense(classes, activation="softmax")(layers.Dropout(0.7)(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_head", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. An auxiliary head", points=2)
question.rules(head, without=("course.blocks", "course.architectures"))
block = question.block("the text's head", head, (14, 14, 512), 1000, share=0)
block.has_output_shape((1000,), hint="a probability for each class")
block.has_params(3_188_840, hint="4x4x128 values reach the dense layer of 1,024 units")


def dropped(shape, *arguments):
    """The rates of the head's dropout layers."""
    x = keras.Input(shape)
    model = keras.Model(x, head(x, *arguments))
    return [round(layer.rate, 6) for layer in model.layers if isinstance(layer, layers.Dropout)]


question.example("its dropout", dropped, (8, 8, 2), 3, 2, 4).gives(
    [0.7], hint="once, with rate 0.7"
)
### BEGIN HIDDEN TESTS


def right(x, classes, filters, units, kind="right"):
    """The head written out, with one thing wrong where asked."""
    make = keras.layers

    def pool(x):
        if kind == "max":
            return make.MaxPooling2D(5, 3)(x)
        if kind == "global pool":
            return make.AveragePooling2D(x.shape[1:3])(x)
        size, strides = {"3x3": (3, 3), "by 5": (5, 5), "by 2": (5, 2)}.get(kind, (5, 3))
        return make.AveragePooling2D(size, strides, padding="same" if kind == "same" else "valid")(
            x
        )

    def layer(x):
        if kind == "no 1x1":
            return x
        return make.Conv2D(filters, 1, activation=None if kind == "linear 1x1" else "relu")(x)

    x = pool(layer(x)) if kind == "1x1 first" else layer(pool(x))
    x = make.GlobalAveragePooling2D()(x) if kind == "averaged" else make.Flatten()(x)
    drop = make.Dropout(0.7)
    if kind == "dropped before":
        x = drop(x)
    if kind != "one dense":
        x = make.Dense(units, activation=None if kind == "linear dense" else "relu")(x)
    if kind not in ("no dropout", "dropped before"):
        x = drop(x)
    return make.Dense(classes, activation=None if kind == "logits" else "softmax")(x)


causes = {
    "max": "the pooling is an average",
    "same": "the pooling has no padding",
    "global pool": "the pooling is 5x5 with stride 3, not one mean for the whole map",
    "3x3": "the pooling windows are 5x5",
    "by 5": "the stride is 3: windows overlap",
    "by 2": "the stride is 3",
    "no 1x1": "the 1x1 convolution is missing",
    "linear 1x1": "the 1x1 convolution has a ReLU",
    "1x1 first": "the 1x1 convolution comes after the pooling",
    "averaged": "all values as a vector, not their mean",
    "one dense": "there are two dense layers",
    "linear dense": "the first dense layer has a ReLU",
    "no dropout": "the dropout is missing",
    "dropped before": "dropout comes after the first dense layer",
    "logits": "the softmax is missing",
}


def head_of(kind):
    x = keras.Input((14, 11, 4))
    return keras.Model(x, right(x, *sizes, kind))


draw = question.random
sizes = draw.randint(5, 8), draw.randint(3, 5), draw.randint(9, 12)
question.block("as a whole", head, (14, 11, 4), *sizes, share=3).behaves_like(
    right,
    also=[((5, 8, 1), 2, 3, 4)],
    hint="line by line, as in the text",
    mistakes={cause: lambda kind=kind: head_of(kind) for kind, cause in causes.items()},
)
question.check("how much is dropped", dropped, (9, 8, 3), 4, 3, 5).gives(
    [0.7],
    hint="one dropout layer",
    mistakes={
        "the rate is what is dropped, 0.7, not what is kept": [0.3],
        "dropout is missing": [],
    },
)
question.block("in order", head, (8, 9, 2), 4, 3, 5, share=0.5).has_order(
    ["Conv2D", "Dense", "Dropout", "Dense"],
    hint="what does the dropout stand between?",
    mistakes={
        "dropout comes after the first dense layer": ("Conv2D", "Dropout", "Dense", "Dense"),
        "dropout comes before the last dense layer": ("Conv2D", "Dense", "Dense", "Dropout"),
    },
)
block = question.block("its own sizes", head, (5, 5, 2), 3, share=0.5)
block.has_params(2 * 128 + 128 + 128 * 1024 + 1024 + 3 * 1025, hint="which are the defaults?")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · GoogLeNet
#
# Put it together:
#
# - your `stem` with the given `filters`,
# - the modules, stage by stage: `stages` is a list of stages, each a list of rows for your
#   `reduced_module`. **Between** two stages there is max pooling of 3x3 with stride 2 and "same"
#   padding, so none after the last one,
# - the mean over all positions, dropout with rate 0.4, one dense layer with a softmax.
#
# Write `googlenet(input_shape, stages, filters, classes, heads=())`. `heads` are the numbers of the
# modules, counted from 1 through all stages, *after which* an auxiliary head of yours stands (with
# its own default sizes). A head after a stage's last module sees what comes out of the module,
# before it is pooled.
#
# Without heads, the model has one output. With heads, its outputs are a list: first the network's
# own, then the heads' in the order of the modules.
#
# **Example.** The paper's network is `googlenet((224, 224, 3), GOOGLENET, (64, 64, 192), 1000)`. It
# has 6,998,552 parameters; with heads after modules 3 and 6 (called 4a and 4d) it has 13,378,280.


# %% nbgrader={"grade": false, "grade_id": "googlenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def googlenet(input_shape, stages, filters, classes, heads=()):
    """A network of Inception modules.

    Args:
        input_shape: (height, width, channels).
        stages: list of lists of rows of six ints.
        filters: three ints, of the stem.
        classes: number of classes.
        heads: numbers of modules, from 1, in ascending order.

    Returns:
        A Keras model with one output of shape (batch, classes), or, with heads, a list of them.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input(input_shape)
    x, extra, number = stem(inputs, filters), [], 0
    for stage, rows in enumerate(stages):
        if stage:
            x = layers.MaxPooling2D(3, 2, padding="same")(x)
        for row in rows:
            x = reduced_module(x, row)
            number += 1
            if number in heads:
                extra.append(head(x, classes))
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
    main = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, [main, *extra] if extra else main)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_googlenet", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. GoogLeNet", points=4)
question.rules(googlenet, without=("course.blocks", "course.architectures"))
small = [[(1, 2, 3, 1, 2, 1)], [(2, 1, 2, 1, 1, 2), (1, 1, 1, 1, 1, 1)]]
net = question.model("a narrow one", googlenet, (72, 80, 3), small, (2, 3, 4), 5, share=0)
net.has_output_shape((5,), hint="one probability for each class")
net.has_params(738, hint="the stem, three modules, and a dense layer on the last one's 4 channels")
net.has_layers("MaxPooling2D", 6, hint="two in the stem, one in each module, one between stages")
net = question.model("with a head", googlenet, (72, 80, 3), small, (2, 3, 4), 5, (2,), share=0)
net.has_output_shape([(5,), (5,)], hint="the network's own output comes first")
### BEGIN HIDDEN TESTS


def right(shape, stages, filters, classes, heads=(), kind="right"):
    """The network written out, with one thing wrong where asked."""
    make = keras.layers

    def layer(x, count, size, strides=1):
        return make.Conv2D(count, size, strides, padding="same", activation="relu")(x)

    def pool(x, strides=2, padding="same"):
        return make.MaxPooling2D(3, strides, padding=padding)(x)

    def module(x, row):
        a, b, c, d, e, f = row
        return make.Concatenate()([
            layer(x, a, 1), layer(layer(x, b, 1), c, 3), layer(layer(x, d, 1), e, 5),
            layer(pool(x, 1), f, 1),
        ])  # fmt: skip

    def side(x):
        x = make.Flatten()(layer(make.AveragePooling2D(5, 3)(x), 128, 1))
        x = make.Dropout(0.7)(make.Dense(1024, activation="relu")(x))
        return make.Dense(classes, activation="softmax")(x)

    inputs = keras.Input(shape)
    x = lrn(pool(layer(inputs, filters[0], 7, 2)))
    x = pool(lrn(layer(layer(x, filters[1], 1), filters[2], 3)))
    ends, number, later = [], 0, None
    for stage, rows in enumerate(stages):
        number = 0 if kind == "anew" else number
        if stage and kind not in ("no pool", "pool after"):
            x = pool(x, padding="valid" if kind == "valid" else "same")
            if later is not None:
                ends.append(side(x))
                later = None
        for place, row in enumerate(rows):
            before, x = x, module(x, row)
            number += 1
            at = number - 1 if kind == "from 0" else number
            if at in heads:
                if kind == "pooled" and place == len(rows) - 1 and stage < len(stages) - 1:
                    later = at
                else:
                    ends.append(side(before if kind == "before" else x))
        if kind == "pool after":
            x = pool(x)
    if kind == "flattened":
        x = make.Flatten()(x)
    else:
        x = make.GlobalMaxPooling2D()(x) if kind == "max" else make.GlobalAveragePooling2D()(x)
    if kind == "one more":
        x = make.Dense(1024, activation="relu")(x)
    x = x if kind == "no dropout" else make.Dropout(0.4)(x)
    main = make.Dense(classes, activation=None if kind == "logits" else "softmax")(x)
    outputs = {"last": [*ends, main], "reversed": [main, *ends[::-1]]}.get(kind, [main, *ends])
    return keras.Model(inputs, outputs if ends else main)


WHOLE = {
    "no pool": "between two stages there is max pooling",
    "pool after": "pooling is between two stages, so there is none after the last",
    "valid": "pooling has same padding",
    "flattened": "the mean over all positions comes before the dense layer, not all values",
    "max": "the mean over all positions, not the maximum",
    "one more": "only one dense layer comes after the mean",
    "no dropout": "the dropout before the last layer is missing",
    "logits": "the softmax is missing",
}
HEADS = {
    "before": "a head stands after the module of its number, not before it",
    "from 0": "modules are counted from 1",
    "anew": "modules are counted through all stages",
    "pooled": "a head sees what comes out of the module, before it is pooled",
    "last": "the network's own output comes first",
    "reversed": "the heads are in the order of the modules",
}


def known(arguments, causes):
    return {
        cause: lambda kind=kind: right(*arguments, kind=kind)
        for kind, cause in causes.items()
    }  # fmt: skip


draw = question.random
rows = [tuple(draw.randint(1, 3) for _ in range(6)) for _ in range(3)]
without = (36, 43, 2), [rows[:1], rows[1:]], (2, 3, 4), draw.randint(4, 7)
question.model("without heads", googlenet, *without, share=2).behaves_like(
    right,
    also=[((33, 24, 1), [rows[2:], rows[:1]], (3, 2, 5), 2)],
    hint="stem, modules with pooling between stages, mean, dropout, dense",
    mistakes=known(without, WHOLE),
)
with_heads = (72, 76, 1), [rows[:2], rows[2:]], (2, 2, 3), draw.randint(4, 7), (2, 3)
net = question.model("two heads", googlenet, *with_heads, share=1)
net.has_output_shape([(with_heads[3],)] * 3, hint="the network's own output, and one for each head")
question.model("what they compute", googlenet, *with_heads, share=2).computes(
    right(*with_heads), hint="where do they stand?", mistakes=known(with_heads, HEADS | WHOLE)
)


def rates(*arguments):
    """For each dropout layer its rate and how many values it sees; each output's size."""
    net = googlenet(*arguments)
    found = [layer for layer in net.layers if isinstance(layer, layers.Dropout)]
    seen = sorted((round(layer.rate, 6), math.prod(layer.input.shape[1:])) for layer in found)
    return seen, [output.shape[-1] for output in net.outputs]


tiny = (65, 66, 1), [[rows[0]], [rows[1]]], (2, 2, 2), 3
ends = rows[1][0] + rows[1][2] + rows[1][4] + rows[1][5]
question.check("dropout", rates, *tiny, (2,), share=0.5).gives(
    ([(0.4, ends), (0.7, 1024)], [3, 3]),
    hint="once between the mean and the last layer, and once in each head",
)


def kept(stages):
    """The number of classes of a network, and the stages after it was made of them."""
    return googlenet((32, 32, 1), stages, (2, 2, 2), 3).output_shape[-1], stages


question.check("rows that stay as they are", kept, [[rows[0]], [rows[1]]], share=0.25).gives(
    (3, [[rows[0]], [rows[1]]]), hint="arguments stay unchanged"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · 22 layers
#
# How deep is it? The paper says 22 layers. It counts those with weights on the **longest way** from
# the image to the network's own output: of parallel layers only one, no pooling, no normalization
# (and no heads, as they are on no such way).
#
# Write `count_layers(stages, heads=())` for the networks of question 7. It returns three ints: the
# layers on the longest way, the convolutions in all, and the dense layers in all. The last two
# count those in heads as well.
#
# **Example.** For `GOOGLENET` they are 22, 57 and 1, and with heads after modules 3 and 6 there are
# 59 convolutions and 5 dense layers.


# %% nbgrader={"grade": false, "grade_id": "count_layers", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_layers(stages, heads=()):
    """How many layers a network of question 7 has.

    Args:
        stages: list of lists of rows of six ints.
        heads: numbers of modules, from 1, in ascending order.

    Returns:
        Three ints: layers with weights on the longest way, convolutions, dense layers.
    """
    ### BEGIN SOLUTION
    modules = sum(len(rows) for rows in stages)
    return 3 + 2 * modules + 1, 3 + 6 * modules + len(heads), 1 + 2 * len(heads)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_count_layers", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. 22 layers", points=1)
question.example("the paper's", count_layers, GOOGLENET).gives(
    (22, 57, 1), hint="three in the stem, two on each module's way, one at the end"
)
question.example("the paper's with heads", count_layers, GOOGLENET, (3, 6)).gives(
    (22, 59, 5), hint="a head has one convolution and two dense layers"
)
### BEGIN HIDDEN TESTS
draw = question.random
for name, parts, heads in (
    ("another network", [draw.randint(2, 5), draw.randint(6, 9)], ()),
    ("one with heads", [draw.randint(1, 3), draw.randint(4, 6), 2], (2, 4, 5)),
    ("a single module", [1], ()), ("a head at its end", [2, 2], (4,)),
):  # fmt: skip
    stages = [[tuple(draw.randint(1, 9) for _ in range(6)) for _ in range(n)] for n in parts]
    n, h = sum(parts), len(heads)
    way, convolutions, dense = 4 + 2 * n, 3 + 6 * n + h, 1 + 2 * h
    pools = 2 + n + len(parts) - 1
    right = way, convolutions, dense
    known = [
        ("of parallel layers only one counts", (4 + 6 * n, convolutions, dense)),
        ("of parallel layers only one counts", (convolutions + dense, convolutions, dense)),
        ("pooling has no weights", (way + pools, convolutions, dense)),
        ("pooling has no weights", (4 + 3 * n, convolutions, dense)),
        ("a module is two layers deep", (4 + n, convolutions, dense)),
        ("a module is two layers deep", (4 + len(parts), convolutions, dense)),
        ("heads are not on the way, but they are there", (way, 3 + 6 * n, 1)),
        ("heads are not on the way", (way + h, convolutions, dense)),
        ("heads are not on the way", (way + 3 * h, convolutions, dense)),
        ("a head has one convolution and two dense layers", (way, convolutions, 1 + h)),
        ("the dense layer at the end is a layer", (way - 1, convolutions, dense)),
        ("a module has six convolutions", (way, 3 + 4 * n + h, dense)),
        ("the stem has three convolutions", (way - 2, convolutions - 2, dense)),
    ]
    question.check(name, checks.keeping, count_layers, stages, heads).gives(
        right,
        hint="which layers have weights, and which of them are parallel?",
        mistakes=[(cause, wrong) for cause, wrong in known if wrong != right],
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Losses in training, one output in use
#
# In training, each output has a loss: the mean over the batch of $-\ln p$, where $p$ is the
# probability of the example's class. The heads' losses count less:
#
# $$E = E_\text{main} + w \sum_i E_i.$$
#
# After training, the heads are thrown away.
#
# - `total_loss(labels, outputs, weight=0.3)`: `labels` is an array of ints, `outputs` a list of
#   arrays of probabilities, the network's own first. The list may have any number of heads, also
#   none. Returns $E$ as a float.
# - `inference_model(trained)`: a model with the first output of `trained` alone, and with its
#   weights: for any images it gives exactly what the first output of `trained` gives. It has only
#   the layers that this output needs. A model that has one output already comes back with the same
#   output. `trained` still works, with all outputs.
#
# **Example.** One image with label 1, and outputs (0.5, 0.5), (0.9, 0.1) and (0.75, 0.25):
# $E = -\ln 0.5 - 0.3\, (\ln 0.1 + \ln 0.25) = 1.7998$.


# %% nbgrader={"grade": false, "grade_id": "total_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def total_loss(labels, outputs, weight=0.3):
    """The loss of a network with auxiliary heads.

    Args:
        labels: array of shape (batch,), ints from 0.
        outputs: list of arrays of shape (batch, classes), positive; the network's own first.
        weight: of each head's loss.

    Returns:
        A float.
    """
    ### BEGIN SOLUTION
    losses = [-np.log(p[np.arange(len(labels)), labels]).mean() for p in outputs]
    return float(losses[0] + weight * sum(losses[1:]))
    ### END SOLUTION


def inference_model(trained):
    """The network without its auxiliary heads.

    Args:
        trained: a Keras model with one input, and one output or several.

    Returns:
        A Keras model with one output.
    """
    ### BEGIN SOLUTION
    return keras.Model(trained.input, trained.outputs[0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_total_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Losses in training, one output in use", points=3)
three = [np.array([p]) for p in ([0.5, 0.5], [0.9, 0.1], [0.75, 0.25])]
question.example("two heads", total_loss, np.array([1]), three).gives_array(
    -np.log(0.5) - 0.3 * (np.log(0.1) + np.log(0.25)), hint="each head's loss times 0.3"
)
question.example("no heads", total_loss, np.array([1]), three[:1]).gives_array(
    -np.log(0.5), hint="only the network's own loss is left"
)
inputs = keras.Input((4,))
hidden = layers.Dense(3, activation="relu")(inputs)
own = layers.Dense(2, activation="softmax")(layers.Dense(5)(hidden))
trained = keras.Model(inputs, [own, layers.Dense(2, activation="softmax")(hidden)])


def parameters_in_use(model):
    """How many parameters are left."""
    return inference_model(model).count_params()


question.example("what is left", parameters_in_use, trained).gives(
    15 + 20 + 12, hint="three dense layers lead to the first output, and one to the second"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def loss_of(labels, outputs, weight, kind="right"):
    """Example by example, with one thing wrong where asked."""
    losses = []
    for p in outputs:
        logs = [-math.log(row[label]) for row, label in zip(p, labels, strict=True)]
        losses.append(sum(logs) / (1 if kind == "summed" else len(logs)))
    if kind == "base 2":
        losses = [loss / math.log(2) for loss in losses]
    main, *heads = losses[::-1] if kind == "last" else losses
    weight = {"full": 1.0, "fixed": 0.3}.get(kind, weight)
    if kind == "mixture":
        p = outputs[0] + weight * sum(outputs[1:])
        return loss_of(labels, [p / (1 + weight * len(heads))], weight)
    if kind == "mean of heads":
        heads = [sum(heads) / len(heads)] if heads else []
    if kind == "one head":
        heads = heads[:1]
    total = main + weight * sum(heads)
    return {
        "all": weight * (main + sum(heads)), "sign": -total, "main": main,
        "mean": total / len(losses),
    }.get(kind, total)  # fmt: skip


causes = {
    "full": "the heads' losses are multiplied by the weight",
    "fixed": "the weight is an argument",
    "all": "the network's own loss counts fully",
    "main": "the heads' losses are missing",
    "mean of heads": "the heads' losses are added up: a sum, no mean",
    "mean": "the losses are added up: a sum, no mean",
    "one head": "there may be any number of heads",
    "summed": "a loss is the mean over the batch, not the sum",
    "last": "the network's own output comes first",
    "base 2": "the logarithm is the natural one",
    "sign": "a loss is the mean of minus the logarithm",
    "mixture": "each output has a loss of its own: losses are added, not predictions",
}
for name, batch, classes, heads, weight in (
    ("two heads", 7, 4, 2, 0.3), ("another weight", 5, 3, 2, 0.12), ("one head", 6, 5, 1, 0.7),
    ("five heads", 3, 4, 5, 0.2), ("no heads", 4, 6, 0, 0.3), ("a single image", 1, 3, 2, 0.5),
    ("heads that do not count", 4, 3, 2, 0.0),
):  # fmt: skip
    labels = draw.integers(0, classes, batch)
    outputs = [draw.dirichlet(2 * np.ones(classes), batch) for _ in range(1 + heads)]
    expected = loss_of(labels, outputs, weight)
    question.check(
        name, checks.keeping, total_loss, labels, outputs, weight, share=0.5
    ).gives_array(
        expected,
        hint="a mean of -ln p for each output; then a weighted sum",
        mistakes=[
            (cause, wrong) for kind, cause in causes.items()
            if abs((wrong := loss_of(labels, outputs, weight, kind)) - expected) > 1e-3
        ],
    )  # fmt: skip
question.check("the weight by default", total_loss, labels, outputs, share=0.25).gives_array(
    loss_of(labels, outputs, 0.3), hint="0.3 is the default"
)


def network(heads):
    """A network with an output of its own and some heads, with weights drawn at random."""
    make = keras.layers
    x = inputs = keras.Input((8, 7, 3))
    ends = []
    for number in range(heads + 1):
        x = make.Conv2D(4, 3, padding="same", use_bias=False)(x)
        x = make.ReLU()(make.BatchNormalization()(x))
        y = make.Dropout(0.5)(make.GlobalAveragePooling2D()(x))
        if number < heads:
            y = make.Dense(6, activation="relu")(y)
        ends.append(make.Dense(5, activation="softmax")(y))
    model = keras.Model(inputs, [ends[-1], *ends[:-1]] if heads else ends[0])
    model.set_weights([
        draw.uniform(0.5, 1.5, w.shape) if w.ndim == 1
        else draw.normal(0, (2 / w[..., 0].size) ** 0.5, w.shape)
        for w in model.get_weights()
    ])  # fmt: skip
    return model


def first_output(model, images):
    """What is left gives for images."""
    return np.array(inference_model(model)(images))


def still_works(model, images):
    """What is left gives for images, and then what the trained model gives, output by output."""
    alone = inference_model(model)
    found = model(images)
    whole = found if isinstance(found, list | tuple) else [found]
    return [np.array(alone(images)), *(np.array(y) for y in whole)]


images = draw.normal(size=(6, 8, 7, 3)).astype("float32")
for heads in (2, 1, 0):
    net = network(heads)
    found = net(images)
    outputs = [np.array(y) for y in (found if heads else [found])]
    name = f"{heads} heads cut off" if heads else "a network without heads"
    question.check(name, first_output, net, images, share=2 if heads == 2 else 0.5).gives_array(
        outputs[0],
        tolerance=1e-6,
        hint="the layers that lead to the first output, with their weights",
        mistakes=[("the network's own output is the first one", outputs[-1]),
                  ("predictions are not averaged: the heads are dropped", np.mean(outputs, axis=0)),
                  ] if heads else (),
    )  # fmt: skip
    if heads == 2:
        convolutions = 9 * 3 * 4 + 2 * 9 * 4 * 4 + 3 * 16
        alone = convolutions + 4 * 5 + 5
        question.check("what is left of it", parameters_in_use, net).gives(
            alone,
            hint="only the layers that the first output needs",
            mistakes={
                "the heads' layers are still there: only the layers that the first output needs":
                    net.count_params(),
            },
        )  # fmt: skip
        question.check("the trained model", still_works, net, images, share=0.5).gives_arrays(
            [outputs[0], *outputs], tolerance=1e-6, hint="the trained model stays as it is"
        )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · A fixed number of windows
#
# Global average pooling makes one value of a map of any size. **Adaptive** pooling makes a given
# number of rows and columns of it: of $n$ rows, the window number $i$ (from 0) of $m$ covers the
# rows from $\lfloor i\, n / m \rfloor$ up to, but not including, $\lceil (i + 1)\, n / m \rceil$,
# and columns alike. The mean is taken in each window.
#
# Write `adaptive_pool(x, rows, columns)` with slices and `keras.ops`, so that it takes arrays as
# well as Keras tensors; Keras' own adaptive pooling is not to be used. There may be more windows
# than rows; then values are repeated.
#
# **Example.** The column 1, 2, 3, 4, 5 in 2 rows: windows of rows 0 to 2 and 2 to 4, with means 2
# and 4. In 1 row: 3.


# %% nbgrader={"grade": false, "grade_id": "adaptive_pool", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adaptive_pool(x, rows, columns):
    """Average pooling to a given size.

    Args:
        x: array or tensor of floats, of shape (batch, height, width, channels).
        rows, columns: of the result, ints from 1.

    Returns:
        Tensor (or array) of shape (batch, rows, columns, channels).
    """

    ### BEGIN SOLUTION
    def windows(size, count):
        return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]

    _, height, width, _ = x.shape
    x = ops.stack([ops.mean(x[:, a:b], axis=1) for a, b in windows(height, rows)], axis=1)
    return ops.stack([ops.mean(x[:, :, a:b], axis=2) for a, b in windows(width, columns)], axis=2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_adaptive_pool", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. A fixed number of windows", points=2)
question.rules(
    adaptive_pool,
    without=("keras.layers.AdaptiveAveragePooling2D", "keras.ops.adaptive_average_pool"),
)
column = np.arange(1.0, 6.0).reshape(1, 5, 1, 1).astype("float32")
question.example("five rows in two", adaptive_pool, column, 2, 1).gives_array(
    np.reshape([2.0, 4.0], (1, 2, 1, 1)), hint="the row in the middle is in both windows"
)
question.example("one value", adaptive_pool, column, 1, 1).gives_array(
    np.reshape([3.0], (1, 1, 1, 1)), hint="one window is global average pooling"
)
question.example("more than there are", adaptive_pool, column[:, :2], 4, 1).gives_array(
    np.reshape([1.0, 1.0, 2.0, 2.0], (1, 4, 1, 1)), hint="each value twice"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def pooled(x, rows, columns, kind="right"):
    """Window by window, with one thing wrong where asked."""
    _, height, width, channels = x.shape
    if kind == "swapped":
        rows, columns = columns, rows

    def window(i, size, count):
        first, end = i * size // count, math.ceil((i + 1) * size / count)
        if kind == "apart":
            end = max((i + 1) * size // count, first + 1)
        if kind == "one more":
            end = min(end + 1, size)
        if kind == "up":
            first = min(math.ceil(i * size / count), size - 1)
        if kind == "equal":
            first, end = (min(n * max(1, size // count), size) for n in (i, i + 1))
        return slice(min(first, size - 1), max(end, min(first, size - 1) + 1))

    out = np.zeros((len(x), rows, columns, channels))
    reduce = {"max": np.max, "sum": np.sum}.get(kind, np.mean)
    for i in range(rows):
        for j in range(columns):
            part = x[:, window(i, height, rows), window(j, width, columns)]
            out[:, i, j] = reduce(part, axis=(1, 2))
    return out


causes = {
    "apart": "a window's end is rounded up: windows may overlap",
    "one more": "a window ends before its end's row",
    "up": "a window's start is rounded down",
    "equal": "windows need not have the same size, and all rows are in one of them",
    "max": "the mean of a window, not its maximum",
    "sum": "the mean of a window, not its sum",
    "swapped": "rows come before columns",
}
for name, shape, sizes, share in (
    ("sizes that divide", (2, 6, 8, 3), (3, 2), 1), ("sizes that do not", (1, 11, 7, 2), (4, 3), 1),
    ("more windows than rows", (2, 3, 5, 1), (5, 4), 1), ("as many as there are", (1, 4, 3, 2), (4, 3), 0.5),
    ("the mean of all", (3, 5, 9, 2), (1, 1), 0.5), ("a single row", (1, 1, 9, 1), (2, 4), 0.5),
    ("a row of windows", (2, 8, 9, 2), (1, 5), 0.5),
):  # fmt: skip
    x = draw.normal(size=shape).astype("float32")
    expected = pooled(x, *sizes)
    wrong = [(cause, pooled(x, *sizes, kind)) for kind, cause in causes.items()]
    known = [
        (c, w) for c, w in wrong if w.shape != expected.shape or not np.allclose(w, expected, atol=1e-3)
    ]  # fmt: skip
    question.check(
        name, checks.keeping, adaptive_pool, x, *sizes, share=share
    ).gives_array(
        expected, tolerance=1e-5, hint="which rows are in each window?", mistakes=known
    )  # fmt: skip


def on_tensors(shape, rows, columns, images):
    """What a model gives that has nothing but the pooling."""
    x = keras.Input(shape)
    return np.array(keras.Model(x, adaptive_pool(x, rows, columns))(images))


x = draw.normal(size=(2, 7, 10, 3)).astype("float32")
question.check("in a network", on_tensors, (7, 10, 3), 2, 3, x).gives_array(
    pooled(x, 2, 3), tolerance=1e-5, hint="with slices and keras.ops it takes tensors as well"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Two kernels as one
#
# Two 3x3 convolutions with a ReLU between them see the same 5x5 window as one 5x5 convolution, with
# 18 instead of 25 weights for each pair of channels. *Without* the ReLU they are nothing but a 5x5
# convolution: the composition of two linear maps is linear.
#
# Write `merge(first, second)`: the kernel of the **one** convolution that gives the same as a
# convolution with `first` and, on its result, one with `second`. All have stride 1, no padding and
# no bias. Kernels are as in Keras: `kernel[row, column, channel in, channel out]`, and Keras does
# not flip them: $y[p] = \sum_a x[p + a]\, k[a]$. They need not be square.
#
# **Example.** In one dimension and with one channel, $(1, 2)$ and then $(1, 10)$: the result at $p$
# is $y[p] + 10\, y[p + 1]$ with $y[p] = x[p] + 2 x[p + 1]$. Put together,
#
# $$x[p] + 12\, x[p + 1] + 20\, x[p + 2],$$
#
# so the kernel is $(1, 12, 20)$. A 3x3 and a 3x3 kernel give 5x5.


# %% nbgrader={"grade": false, "grade_id": "merge", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge(first, second):
    """One kernel for two convolutions in a row.

    Args:
        first: array of shape (height, width, channels, middle).
        second: array of shape (height, width, middle, filters), of any height and width.

    Returns:
        Array of shape (heights added - 1, widths added - 1, channels, filters).
    """
    ### BEGIN SOLUTION
    height, width, channels, _ = first.shape
    rows, columns, _, filters = second.shape
    merged = np.zeros((height + rows - 1, width + columns - 1, channels, filters))
    for row in range(rows):
        for column in range(columns):
            merged[row : row + height, column : column + width] += first @ second[row, column]
    return merged
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_merge", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Two kernels as one", points=3)
pair = [np.reshape(k, (1, 2, 1, 1)) for k in ([1.0, 2.0], [1.0, 10.0])]
question.example("the text's kernels", merge, *pair).gives_array(
    np.reshape([1.0, 12.0, 20.0], (1, 3, 1, 1)), hint="put one sum into the other"
)
question.example("two of 1x1", merge, np.full((1, 1, 1, 2), 3.0), np.full((1, 1, 2, 1), 5.0)).gives_array(
    np.full((1, 1, 1, 1), 30.0), hint="3 times 5, over two channels between them"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def merged(first, second, kind="right"):
    """Weight by weight, with one thing wrong where asked."""
    if kind in ("first flipped", "both flipped"):
        first = first[::-1, ::-1]
    if kind in ("second flipped", "both flipped"):
        second = second[::-1, ::-1]
    a, b, channels, middle = first.shape
    p, q, _, filters = second.shape
    out = np.zeros((a + p - 1, b + q - 1, channels, filters))
    for r, s, i, j in np.ndindex(p, q, a, b):
        part = first[i, j] @ second[r, s]
        if kind == "mean":
            part = part / middle
        if kind == "overwritten":
            out[i + r, j + s] = part
        else:
            out[i + r, j + s] += part
    return out


causes = {
    "second flipped": "Keras does not flip kernels: shifts add up",
    "first flipped": "Keras does not flip kernels: shifts add up",
    "both flipped": "Keras does not flip kernels: the merged one would be turned around",
    "mean": "the channels in the middle are summed, not averaged",
    "overwritten": "where products overlap, they are added",
}
for name, one, two, share in (
    ("two of 3x3", (3, 3, 2, 4), (3, 3, 4, 3), 1), ("a row and a column", (1, 7, 2, 3), (7, 1, 3, 2), 1),
    ("a 1x1 before a 5x5", (1, 1, 4, 2), (5, 5, 2, 3), 1), ("a 3x3 before a 1x1", (3, 3, 3, 2), (1, 1, 2, 5), 0.5),
    ("not square", (2, 4, 1, 3), (3, 2, 3, 2), 1), ("one channel", (3, 3, 1, 1), (3, 3, 1, 1), 0.5),
):  # fmt: skip
    first, second = draw.normal(size=one), draw.normal(size=two)
    right = merged(first, second)
    question.check(name, checks.keeping, merge, first, second, share=share).gives_array(
        right,
        tolerance=1e-5,
        hint="put one sum into the other: which shifts come together, and through which channels?",
        mistakes=[(cause, wrong) for kind, cause in causes.items()
                  if not np.allclose(wrong := merged(first, second, kind), right, atol=1e-3)],
    )  # fmt: skip
first, second = draw.integers(-4, 5, (3, 2, 2, 3)), draw.integers(-4, 5, (2, 3, 3, 2))
question.check("kernels of ints", merge, first, second, share=0.25).gives_array(
    merged(first, second), tolerance=1e-5, hint="products and sums, as for floats"
)


def same_as_two(first, second, image):
    """What the merged kernel makes of an image."""
    kernel = np.asarray(merge(first, second), "float32")
    return np.array(ops.conv(image, kernel, padding="valid"))


first, second = (draw.normal(size=s).astype("float32") for s in ((3, 3, 2, 4), (3, 3, 4, 3)))
image = draw.normal(size=(1, 9, 8, 2)).astype("float32")
twice = ops.conv(ops.conv(image, first, padding="valid"), second, padding="valid")
question.check("on an image", same_as_two, first, second, image, share=0.5).gives_array(
    np.array(twice), tolerance=1e-4, hint="one convolution gives what the two give"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Rows and columns
#
# Where maps are of medium size, Inception-v3 splits 7x7 kernels into a row of 1x7 and a column of
# 7x1: 14 instead of 49 weights. Its module for maps of 17x17 has four branches:
#
# 1. 1x1 to `out`,
# 2. 1x1 to `filters`, 1x7 to `filters`, 7x1 to `out`,
# 3. 1x1 to `filters`, 7x1 to `filters`, 1x7 to `filters`, 7x1 to `filters`, 1x7 to `out`,
# 4. *average* pooling of 3x3, 1x1 to `out`.
#
# A kernel of 1x7 is 1 high and 7 wide: `kernel_size=(1, 7)`. All convolutions are those of
# `conv_bn`. The average is over the values that are there, without zeros from padding, which is how
# Keras does it.
#
# Write `module_17(x, filters, out)`.
#
# **Example.** From 17x17x768 with `filters=128` and `out=192` it makes 17x17x768.


# %% nbgrader={"grade": false, "grade_id": "module_17", "locked": false, "schema_version": 3, "solution": true, "task": false}
def module_17(x, filters, out):
    """Inception-v3's module with factorized 7x7 convolutions.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: of the convolutions inside the branches.
        out: of each branch's last convolution.

    Returns:
        Tensor of shape (batch, height, width, 4 * out).
    """
    ### BEGIN SOLUTION
    row, column = (1, 7), (7, 1)
    short = conv_bn(conv_bn(conv_bn(x, filters), filters, row), out, column)
    long = conv_bn(x, filters)
    for kernel_size in (column, row, column):
        long = conv_bn(long, filters, kernel_size)
    pooled = conv_bn(layers.AveragePooling2D(3, 1, padding="same")(x), out)
    return layers.Concatenate()([conv_bn(x, out), short, conv_bn(long, out, row), pooled])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_module_17", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Rows and columns", points=3)
question.rules(module_17, without=("course.blocks", "course.architectures"))
block = question.block("the text's module", module_17, (17, 17, 768), 128, 192, share=0)
block.has_output_shape((17, 17, 768), hint="four branches of 192 channels")
block.has_layers("Conv2D", 10, hint="1 + 3 + 5 + 1 convolutions")
block.has_trainable_params(
    1_297_408, hint="kernels without biases, and two numbers a channel for BN"
)
### BEGIN HIDDEN TESTS


def right(x, filters, out, kind="right"):
    """The module written out, with one thing wrong where asked."""
    make = keras.layers

    def layer(x, count, size=1):
        if kind == "no normalization":
            return make.Conv2D(count, size, padding="same", activation="relu")(x)
        x = make.Conv2D(count, size, padding="same", use_bias=kind == "bias")(x)
        x = make.BatchNormalization()(x)
        return x if kind == "no ReLU" else make.ReLU()(x)

    row, column = (7, 1) if kind == "turned" else (1, 7), (1, 7) if kind == "turned" else (7, 1)
    if kind == "whole":
        row = column = 7
    if kind == "short kernels":
        row, column = (1, 3), (3, 1)
    second = (row, column) if kind != "second turned" else (column, row)
    short = layer(layer(layer(x, filters), filters, second[0]), out, second[1])
    long = layer(x, filters)
    order = [column, row, column, row] if kind != "third turned" else [row, column, row, column]
    order = order[2:] if kind == "third short" else order
    for number, size in enumerate(order, 1):
        long = layer(long, out if number == len(order) else filters, size)
    if kind == "max":
        pooled = layer(make.MaxPooling2D(3, 1, padding="same")(x), out)
    elif kind == "zeros":
        pooled = layer(make.AveragePooling2D(3, 1)(make.ZeroPadding2D(1)(x)), out)
    elif kind == "projected first":
        pooled = make.AveragePooling2D(3, 1, padding="same")(layer(x, out))
    else:
        pooled = layer(make.AveragePooling2D(3, 1, padding="same")(x), out)
    ends = [layer(x, out), short, long, pooled]
    if kind == "order":
        ends[0], ends[1] = ends[1], ends[0]
    return make.Concatenate()(ends[::-1] if kind == "reversed" else ends)


causes = {
    "turned": "(1, 7) is 1 high and 7 wide: rows and columns are swapped",
    "whole": "the 7x7 is split into 1x7 and 7x1",
    "short kernels": "the rows and columns are 7 long",
    "second turned": "in the second branch the 1x7 comes first",
    "third turned": "in the third branch the 7x1 comes first",
    "third short": "the third branch has five convolutions",
    "no normalization": "the batch normalization is missing",
    "bias": "conv_bn has no bias: normalization takes it away",
    "no ReLU": "the ReLU is missing",
    "max": "the pooling is an average",
    "zeros": "the average is over the values that are there, without zeros",
    "projected first": "the 1x1 convolution comes after the pooling",
    "order": "the branches' order is that of the text",
    "reversed": "the branches' order is that of the text",
}


def module_of(kind):
    x = keras.Input((9, 10, 3))
    return keras.Model(x, right(x, filters, out, kind))


filters, out = question.random.sample(range(2, 6), 2)
question.block("as a whole", module_17, (9, 10, 3), filters, out).behaves_like(
    right,
    also=[((8, 5, 1), 3, 2)],
    prescribed=("momentum", "epsilon"),
    hint="branch by branch, as in the text",
    mistakes={cause: lambda kind=kind: module_of(kind) for kind, cause in causes.items()},
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · Half the size
#
# Pooling before a convolution is cheap, and throws values away before anything has looked at them;
# pooling after it costs four times as much. Inception-v3 does both at once, in parallel:
#
# 1. a 3x3 convolution with stride 2,
# 2. a 1x1 convolution, a 3x3 convolution ("same", stride 1), a 3x3 convolution with stride 2,
# 3. *max* pooling of 3x3 with stride 2.
#
# The three layers with stride 2 have **no** padding ("valid"). All convolutions are those of
# `conv_bn`.
#
# Write `reduction(x, filters)`, where `filters` are those of the four convolutions, in this order.
#
# **Example.** From 35x35x288 with filters 384, 64, 96 and 96 it makes 17x17x768.


# %% nbgrader={"grade": false, "grade_id": "reduction", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reduction(x, filters):
    """Convolutions and pooling with stride 2, side by side.

    Args:
        x: tensor of shape (batch, height, width, channels), at least 3x3.
        filters: four ints.

    Returns:
        Tensor of shape (batch, (height - 1) // 2, (width - 1) // 2, filters[0] + filters[3] +
        channels).
    """
    ### BEGIN SOLUTION
    direct, reduced, middle, end = filters
    y = conv_bn(conv_bn(x, reduced), middle, 3)
    return layers.Concatenate()([
        conv_bn(x, direct, 3, 2, "valid"),
        conv_bn(y, end, 3, 2, "valid"),
        layers.MaxPooling2D(3, 2)(x),
    ])  # fmt: skip
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_reduction", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. Half the size", points=2)
question.rules(reduction, without=("course.blocks", "course.architectures"))
block = question.block("the text's module", reduction, (35, 35, 288), (384, 64, 96, 96), share=0)
block.has_output_shape((17, 17, 768), hint="384 + 96 + 288 channels")
block.has_layers("Conv2D", 4, hint="one on the first branch, three on the second")
### BEGIN HIDDEN TESTS


def right(x, filters, kind="right"):
    """The module written out, with one thing wrong where asked."""
    make = keras.layers
    padding = "same" if kind == "same" else "valid"

    def layer(x, count, size, strides=1, padding="same"):
        if kind == "no normalization":
            return make.Conv2D(count, size, strides, padding=padding, activation="relu")(x)
        x = make.Conv2D(count, size, strides, padding=padding, use_bias=kind == "bias")(x)
        x = make.BatchNormalization()(x)
        return x if kind == "no ReLU" else make.ReLU()(x)

    pool = make.AveragePooling2D if kind == "mean" else make.MaxPooling2D
    pooled = pool(3, 2, padding=padding)(x)
    direct, reduced, middle, end = filters
    if kind == "filters":
        reduced, middle, end, direct = filters
    first = layer(x, direct, 3, 2, padding)
    if kind == "pooled first":
        first = layer(pooled, direct, 3)
    y = x if kind == "no 1x1" else layer(x, reduced, 1)
    if kind == "early":
        second = layer(layer(y, middle, 3, 2, "valid"), end, 3)
    elif kind == "pooled last":
        second = layer(make.MaxPooling2D(3, 2)(layer(y, middle, 3)), end, 3)
    elif kind == "narrow":
        y = layer(y, middle, 3, 1, "valid")
        second = layer(make.ZeroPadding2D(1)(y), end, 3, 2, "valid")
    else:
        second = layer(layer(y, middle, 3), end, 3, 2, padding)
    ends = [first, second, pooled]
    if kind == "order":
        ends = [second, first, pooled]
    if kind == "pool first":
        ends = [pooled, first, second]
    return make.Concatenate()(ends[:2] if kind == "no pool" else ends)


causes = {
    "same": "the layers with stride 2 are without padding",
    "mean": "the pooling takes the maximum",
    "no pool": "the pooling is the third branch",
    "pooled first": "the first branch is a convolution with stride 2: nothing is pooled before it",
    "pooled last": "the last convolution has stride 2: nothing is pooled before it",
    "early": "the stride 2 is that of the branch's last convolution",
    "narrow": "the 3x3 convolution in the middle has same padding",
    "no 1x1": "the second branch begins with a 1x1 convolution",
    "filters": "the first number of filters is the first branch's",
    "no normalization": "the batch normalization is missing",
    "bias": "conv_bn has no bias: normalization takes it away",
    "no ReLU": "the ReLU is missing",
    "order": "the branches' order is that of the text",
    "pool first": "the branches' order is that of the text",
}


def module_of(kind):
    x = keras.Input((11, 9, 3))
    return keras.Model(x, right(x, filters, kind))


filters = tuple(question.random.sample(range(2, 8), 4))
question.block("as a whole", reduction, (11, 9, 3), filters, share=2).behaves_like(
    right,
    also=[((8, 6, 1), (2, 3, 1, 2)), ((3, 5, 2), [3, 1, 2, 1])],
    prescribed=("momentum", "epsilon"),
    hint="branch by branch, as in the text",
    mistakes={cause: lambda kind=kind: module_of(kind) for kind, cause in causes.items()},
)
block = question.block("an even size", reduction, (10, 12, 2), (1, 1, 1, 1), share=0.5)
block.has_output_shape((4, 5, 4), hint="without padding: (10 - 1) // 2 and (12 - 1) // 2")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 14 · Inception with a shortcut
#
# Inception-v4 has no shortcuts; its sister Inception-ResNet has. A block adds a module to its
# input:
#
# - `branches` is a list of lists of filters, such as `[[32], [32, 32], [32, 48, 64]]`: in each
#   branch the first convolution is 1x1, and each further one 3x3, all as in `conv_bn`. Their ends
#   are joined in this order.
# - A 1x1 convolution brings them back to the channels of $x$. It is **linear**: with a bias,
#   without normalization, without ReLU.
# - What it gives is multiplied by `scale`, from 0.1 to 0.3 in the paper: without it, the sum grows
#   from block to block until very wide networks die. The shortcut is *not* scaled.
# - Then the two are added, and a ReLU follows.
#
# Write `inception_residual(x, branches, scale)`. `layers.Rescaling(scale)` multiplies by a
# constant; so does `scale * y`.
#
# **Example.** With `scale=0` the block is a ReLU.


# %% nbgrader={"grade": false, "grade_id": "inception_residual", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inception_residual(x, branches, scale):
    """A residual block whose branch is an Inception module.

    Args:
        x: tensor of shape (batch, height, width, channels).
        branches: list of lists of ints.
        scale: factor on what is added, a float.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    ends = []
    for filters in branches:
        y = x
        for number, count in enumerate(filters):
            y = conv_bn(y, count, 3 if number else 1)
        ends.append(y)
    y = layers.Concatenate()(ends) if len(ends) > 1 else ends[0]
    y = layers.Conv2D(x.shape[-1], 1)(y)
    return layers.ReLU()(x + layers.Rescaling(scale)(y))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_inception_residual", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("14. Inception with a shortcut", points=3)
question.rules(inception_residual, without=("course.blocks", "course.architectures"))
text = [[32], [32, 32], [32, 48, 64]]
block = question.block("the text's branches", inception_residual, (9, 8, 320), text, 0.17, share=0)
block.has_output_shape((9, 8, 320), hint="the last 1x1 convolution has as many filters as x")
block.has_layers("Conv2D", 7, hint="six in the branches, and one after them")
block.has_trainable_params(123_168, hint="one convolution has a bias: the last one")
sample = np.reshape([-1.0, 3.0], (1, 1, 1, 2)).astype("float32")
question.example("nothing is added", inception_residual, sample, [[2], [1, 1]], 0.0).gives_array(
    np.reshape([0.0, 3.0], (1, 1, 1, 2)), hint="the ReLU of x is left"
)
### BEGIN HIDDEN TESTS


def right(x, branches, scale, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers

    def layer(x, count, size=1):
        if kind == "no normalization":
            return make.Conv2D(count, size, padding="same", activation="relu")(x)
        x = make.Conv2D(count, size, padding="same", use_bias=False)(x)
        return make.ReLU()(make.BatchNormalization()(x))

    ends, start = [], x
    for filters in branches:
        y = start
        for number, count in enumerate(filters):
            size = {"all 3x3": 3, "all 1x1": 1}.get(kind, 3 if number else 1)
            y = layer(y, count, size)
        ends.append(y)
        start = y if kind == "in a row" else x
    y = make.Concatenate()(ends) if len(ends) > 1 else ends[0]
    y = make.Conv2D(x.shape[-1], 1, use_bias=kind != "no bias",
                    activation="relu" if kind == "rectified" else None)(y)  # fmt: skip
    if kind in ("normalized", "like the others"):
        y = make.BatchNormalization()(y)
        y = make.ReLU()(y) if kind == "like the others" else y
    factor = {"fixed": 0.17, "unscaled": 1.0, "inverse": 1 / scale}.get(kind, scale)
    if kind == "shortcut":
        return make.ReLU()(make.Add()([make.Rescaling(scale)(x), y]))
    if kind == "both":
        return make.ReLU()(make.Rescaling(scale)(make.Add()([x, y])))
    y = make.Rescaling(factor)(y)
    if kind == "before":
        return make.Add()([x, make.ReLU()(y)])
    if kind == "no shortcut":
        return make.ReLU()(y)
    total = make.Add()([x, y])
    return total if kind == "linear" else make.ReLU()(total)


causes = {
    "unscaled": "what is added is multiplied by scale",
    "fixed": "scale is an argument",
    "inverse": "what is added is multiplied by scale, not divided",
    "shortcut": "the branch is scaled, not the shortcut",
    "both": "only the branch is scaled, not the shortcut",
    "no shortcut": "the shortcut is missing",
    "normalized": "the last 1x1 convolution is linear: no normalization",
    "rectified": "the last 1x1 convolution is linear: no ReLU",
    "like the others": "the last 1x1 convolution is linear: no normalization, no ReLU",
    "no bias": "the last 1x1 convolution has a bias",
    "no normalization": "the branches' convolutions are those of conv_bn",
    "all 3x3": "the first convolution of a branch is 1x1",
    "all 1x1": "each convolution after a branch's first one is 3x3",
    "in a row": "each branch starts from x: they are branches of x",
    "linear": "the ReLU after the addition is missing",
    "before": "the ReLU comes after the addition",
}
draw = question.random
for name, share in (("as a whole", 2), ("another scale", 1)):
    branches = [[draw.randint(2, 4)], [3, draw.randint(2, 5)], [2, draw.randint(3, 5), 4]]
    branches = branches if share == 2 else branches[1:]
    scale = round(draw.uniform(0.2, 0.3) if share == 2 else draw.uniform(0.5, 0.9), 3)
    block = question.block(name, inception_residual, (6, 7, 5), branches, scale, share=share)
    about = {
        "hint": "join the branches, back to x's channels, scale, add, ReLU",
        "mistakes": {
            cause: lambda kind=kind, b=branches, s=scale: keras.Model(
                (x := keras.Input((6, 7, 5))), right(x, b, s, kind)
            )
            for kind, cause in causes.items()
        },
    }
    if share == 2:
        block.behaves_like(
            right,
            also=[((4, 3, 2), [[2, 1], [3]], 0.1)],
            prescribed=("momentum", "epsilon"),
            **about,
        )
    else:
        x = keras.Input((6, 7, 5))
        block.computes(keras.Model(x, right(x, branches, scale)), **about)
x = np.random.default_rng(draw.getrandbits(64)).normal(size=(1, 3, 2, 4)).astype("float32")
question.check(
    "nothing is added", inception_residual, x, [[2], [1, 3]], 0.0, share=0.5
).gives_array(
    np.maximum(x, 0), hint="with a scale of 0, the ReLU of x is left",
    mistakes={"the shortcut is not scaled": 0 * x, "the ReLU after the addition is missing": x},
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 15 · Crops of random area
#
# GoogLeNet's training images are crops of very different sizes and shapes. For each crop,
#
# - its **area**, as a part of the image's, is drawn uniformly from 0.08 to 1,
# - its **aspect** $q$ (width over height): its logarithm $\ln q$ is drawn uniformly between
#   $\ln \frac34$ and $\ln \frac43$, so that 3:4 is as likely as 4:3,
# - with $A$ pixels of area, its height is $\text{round}(\sqrt{A / q})$ and its width
#   $\text{round}(\sqrt{A q})$. If one of them is larger than the image's, **both** area and aspect
#   are drawn again, until it fits,
# - its place is drawn uniformly from all in which it lies inside the image: each `top` from 0 to
#   height - crop height, **both included**, is equally likely, and `left` alike.
#
# Write `random_crops(seed, height, width, count)`, which returns an array (or list) of `count` rows
# `(top, left, crop height, crop width)` of ints. All randomness comes from
# `np.random.default_rng(seed)`, and the same seed gives the same crops; which of its methods you
# call, and in which order, is up to you. The longer side of the image is at most three times the
# shorter.
#
# **Example.** 8 % of 100x100 are 800 pixels. With an aspect of 4/3 that is round(24.49) = 24 high
# and round(32.66) = 33 wide, and `top` may be 0 to 76.


# %% nbgrader={"grade": false, "grade_id": "random_crops", "locked": false, "schema_version": 3, "solution": true, "task": false}
def random_crops(seed, height, width, count):
    """Places and sizes of random crops.

    Args:
        seed: an int, of the generator.
        height, width: of the image, in pixels, at least 8.
        count: how many crops.

    Returns:
        Array of ints (or list of rows), of shape (count, 4): top, left, height, width.
    """
    ### BEGIN SOLUTION
    rng, rows = np.random.default_rng(seed), []
    while len(rows) < count:
        area = rng.uniform(0.08, 1) * height * width
        aspect = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        high, wide = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if high <= height and wide <= width:
            top, left = rng.integers(height - high + 1), rng.integers(width - wide + 1)
            rows.append((top, left, high, wide))
    return np.array(rows)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_random_crops", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("15. Crops of random area", points=3)


def shape_of_crops(seed, height, width, count):
    """How many rows and columns there are."""
    return np.shape(random_crops(seed, height, width, count))


def outside(seed, height, width, count):
    """How many crops are not inside the image."""
    top, left, high, wide = np.transpose(random_crops(seed, height, width, count))
    inside = (top >= 0) & (left >= 0) & (high >= 1) & (wide >= 1)
    return int(np.sum(~(inside & (top + high <= height) & (left + wide <= width))))


question.example("their number", shape_of_crops, 1, 40, 60, 5).gives(
    (5, 4), hint="a row for each crop: top, left, height, width"
)
question.example("inside the image", outside, 1, 40, 60, 100).gives(
    0, hint="top + height may be the image's height, but not more"
)
### BEGIN HIDDEN TESTS


def drawn(height, width, kind="right"):
    """Sizes by the text, all at once, with one thing wrong where asked."""
    rng = np.random.default_rng(question.random.getrandbits(31))
    many = 40_000
    parts = {
        "side": rng.uniform(0.08**0.5, 1, many) ** 2, "from 0": rng.uniform(0, 1, many),
        "half": rng.uniform(0.08, 0.5, many),
    }.get(kind, rng.uniform(0.08, 1, many))  # fmt: skip
    low, high = (0.5, 2.0) if kind == "1:2" else (3 / 4, 4 / 3)
    q = np.exp(rng.uniform(math.log(low), math.log(high), many))
    q = {
        "plain": rng.uniform(low, high, many), "square": np.ones(many), "image's": q * width / height,
    }.get(kind, q)  # fmt: skip
    whole = np.floor if kind == "truncated" else np.rint
    high, wide = (whole(np.sqrt(parts * height * width * by)) for by in (1 / q, q))
    if kind == "cut":
        high, wide = np.minimum(high, height), np.minimum(wide, width)
    fits = (high <= height) & (wide <= width)
    return high[fits], wide[fits]


def number_of(what, high, wide, height, width):
    """One number about the sizes of many crops."""
    area = high * wide / (height * width)
    return {
        "mean area": lambda: area.mean(),
        "part of them below a fifth of the area": lambda: (area < 0.2).mean(),
        "part of them wider than high": lambda: (wide > high).mean(),
        "deviation of the aspect's logarithm": lambda: np.log(wide / high).std(),
    }[what]()


def sizes_drawn(what, seed, height, width, count):
    """One number about the sizes of many crops of the student's."""
    found = np.asarray(random_crops(seed, height, width, count), float)
    if found.shape != (count, 4):
        return -1.0
    return number_of(what, *found.T[2:], height, width)


causes = {
    "side": "the area is drawn uniformly, not the side",
    "from 0": "the area is at least 0.08",
    "half": "the area may be all of the image",
    "plain": "the aspect's logarithm is uniform, so that 3:4 is as likely as 4:3",
    "square": "the aspect is drawn, too",
    "1:2": "the aspect is from 3:4 to 4:3",
    "image's": "the aspect is the crop's own, not relative to the image's",
    "cut": "what does not fit is drawn again, not cut off",
    "truncated": "sizes are rounded, not cut off",
}
# Each slack, a part of the right number, is at least five times its standard error.
for what, height, width, count, slack, share in (
    ("mean area", 301, 322, 6000, 0.035, 1),
    ("part of them below a fifth of the area", 301, 322, 6000, 0.17, 1),
    ("part of them wider than high", 250, 250, 10_000, 0.06, 1),
    ("deviation of the aspect's logarithm", 320, 300, 4000, 0.05, 0.5),
    ("part of them wider than high", 200, 420, 6000, 0.06, 0.5),
    ("mean area", 100, 290, 6000, 0.04, 1),
    ("mean area", 290, 100, 3000, 0.05, 0.5),
    ("mean area", 14, 12, 6000, 0.04, 0.5),
):
    right = number_of(what, *drawn(height, width), height, width)
    known = [
        (cause, wrong) for kind, cause in causes.items()
        if abs((wrong := number_of(what, *drawn(height, width, kind), height, width)) - right)
        > 1.5 * slack * right
    ]  # fmt: skip
    question.check(
        f"{what}, {height}x{width}", sizes_drawn, what, question.random.getrandbits(31), height,
        width, count, share=share,
    ).gives_array(
        right, tolerance=slack, hint="draw area and aspect as the text says", mistakes=known
    )  # fmt: skip


def misfits(seed, height, width, count):
    """How many crops there are, how many are not inside, how many have no possible size."""
    found = np.asarray(random_crops(seed, height, width, count), float)
    if found.shape != (count, 4):
        return found.shape
    top, left, high, wide = found.T
    inside = (top >= 0) & (left >= 0) & (top + high <= height) & (left + wide <= width)
    # Up to rounding: no area and aspect gives such a size.
    flat = (wide + 0.5) / (high - 0.5) < 3 / 4
    steep = (wide - 0.5) / (high + 0.5) > 4 / 3
    small = (high + 0.5) * (wide + 0.5) < 0.08 * height * width
    return len(found), int(np.sum(~inside)), int(np.sum(flat | steep | small))


def places_drawn(what, axis, seed, height, width):
    """One number about the places of many crops of the student's."""
    found = np.asarray(random_crops(seed, height, width, 4000), float)
    if found.shape != (4000, 4):
        return -1.0
    found = found.T
    free = (height, width)[axis] - found[2 + axis]
    at, free = found[axis][free > 0], free[free > 0]
    if what == "spread":
        return np.mean((2 * at - free) ** 2) / np.mean(free * (free + 2) / 3)
    return np.mean(at == (0 if what == "at the start" else free)) / np.mean(1 / (free + 1))


def on_the_same_side(seed, height, width):
    """Of the crops that are not in the middle: for how many top and left are on the same side."""
    found = np.asarray(random_crops(seed, height, width, 4000), float)
    if found.shape != (4000, 4):
        return -1.0
    top, left, high, wide = found.T
    down, right = 2 * top - (height - high), 2 * left - (width - wide)
    aside = (down != 0) & (right != 0)
    return np.mean((down > 0)[aside] == (right > 0)[aside])


PLACES = [
    ("at the start", "the first place is as likely as any other"),
    ("at the end", "the last place is as likely as any other: both included"),
    ("spread", "every place is equally likely"),
]
for axis, way in ((0, "top"), (1, "left")):
    for what, hint in PLACES:
        question.check(
            f"places of {way}, {what}", places_drawn, what, axis, question.random.getrandbits(31),
            13 + 2 * axis, 16 - axis, share=0.4,
        ).gives_array(
            1.0, tolerance=0.16, hint=hint,
            mistakes=[(cause, wrong) for cause, wrong in (
                ("a place is drawn, not always the same", 0.0),
                ("the last place is as likely as any other: both included", 0.0),
            ) if (what == "at the end") == ("both" in cause)],
        )  # fmt: skip
question.check(
    "top and left by themselves",
    on_the_same_side,
    question.random.getrandbits(31),
    40,
    45,
    share=0.5,
).gives_array(0.5, tolerance=0.1, hint="top and left are drawn one by one")
for name, height, width in (
    ("a small image", 8, 9), ("a flat one", 20, 60), ("a tall one", 150, 50),
    ("a large one", 700, 900),
):  # fmt: skip
    question.check(
        f"{name}: all inside, all of a possible size", misfits, question.random.getrandbits(31),
        height, width, 2000, share=0.5,
    ).gives(
        (2000, 0, 0), hint="what does not fit is drawn again; rows are top, left, height, width"
    )  # fmt: skip


def kinds_of(seed, height, width, count):
    """How many rows there are, and whether they are whole numbers."""
    found = np.asarray(random_crops(seed, height, width, count))
    return len(found), found.dtype.kind in "iu"


def repeated(seed, other):
    """Whether a seed gives the same again, and another one something else."""
    first, again, second = (np.asarray(random_crops(s, 50, 60, 20)) for s in (seed, seed, other))
    return bool(np.array_equal(first, again)), bool(np.array_equal(first, second))


def all_different(seed):
    """How many crops of a large image there are, and whether most of them differ."""
    found = np.asarray(random_crops(seed, 500, 600, 50))
    return len(found), len(np.unique(found, axis=0)) > 40


seed = question.random.getrandbits(30)
question.check("the seed", repeated, seed, seed + 1, share=1).gives(
    (True, False), hint="the same seed gives the same crops, another one others",
    mistakes={
        "the same seed gives the same crops: use the seed": (False, False),
        "another seed gives other crops: use the seed": (True, True),
    },
)  # fmt: skip
question.check("crops of one seed", all_different, seed, share=0.5).gives(
    (50, True), hint="each crop is drawn anew"
)
question.check("whole numbers", kinds_of, seed, 30, 40, 6, share=0.5).gives(
    (6, True), hint="places and sizes are ints"
)
question.check("one crop", shape_of_crops, seed, 30, 40, 1, share=0.25).gives(
    (1, 4), hint="a row for each crop"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 16 · 144 views
#
# In the contest, GoogLeNet saw each test image 144 times, and its predictions were averaged. For
# each of four scales:
#
# 1. The image is **resized** so that its shorter side has `scale` pixels, and the longer one
#    $\text{round}(\text{scale} \cdot \text{longer} / \text{shorter})$. The given `resized(image,
#    height, width)` resizes.
# 2. Three **squares** of `scale` x `scale` are taken: of a wide image the left, middle and right
#    one, of a tall one the top, middle and bottom one. (Of a square image they are all the same.)
# 3. Of each square, six crops: top left, top right, bottom left, bottom right and center, each
#    `size` x `size`, and the **whole square**, resized to `size` x `size`.
# 4. These 18, and then the same 18 **mirrored** left to right.
#
# Where what is left over is odd, the smaller half is above, or on the left.
#
# Write `views(image, size, scales)`, which returns all of them in this order, scale by scale.
#
# **Example.** Four scales give 4 · 3 · 6 · 2 = 144 views. An image of 300x600 at scale 256 becomes
# 256x512, and its squares begin in columns 0, 128 and 256.


# %% nbgrader={"grade": false, "grade_id": "views", "locked": false, "schema_version": 3, "solution": true, "task": false}
def views(image, size, scales):
    """GoogLeNet's crops of a test image.

    Args:
        image: array of shape (height, width, channels), integers or floats.
        size: height and width of the views, in pixels, at most the smallest scale.
        scales: list of ints, lengths of the shorter side.

    Returns:
        Array of floats of shape (36 * len(scales), size, size, channels).
    """
    ### BEGIN SOLUTION
    found, shorter = [], min(image.shape[:2])
    for scale in scales:
        big = resized(image, *(round(scale * side / shorter) for side in image.shape[:2]))
        down, right, gap = big.shape[0] - scale, big.shape[1] - scale, scale - size
        crops = []
        for part in (0, 1, 2):
            top, left = down * part // 2, right * part // 2
            square = big[top : top + scale, left : left + scale]
            for y, x in ((0, 0), (0, gap), (gap, 0), (gap, gap), (gap // 2, gap // 2)):
                crops.append(square[y : y + size, x : x + size])
            crops.append(resized(square, size, size))
        found += crops + [crop[:, ::-1] for crop in crops]
    return np.stack(found)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_views", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("16. 144 views", points=3)
question.rules(views, without=("course.averaging", "course.regularization"))
ramp = np.arange(4.0)[None, :, None] * np.ones((2, 1, 1))


def first_columns(image, size, scales):
    """What stands in the first column of each view, which is the same in all rows of this image."""
    return np.asarray(views(image, size, scales))[:, 0, 0, 0]


question.example("nothing to resize", first_columns, ramp, 2, [2]).gives_array(
    np.repeat([0.0, 1.0, 2.0, 1.0, 2.0, 3.0], 6),
    hint="2x4 keeps its size; its squares begin in columns 0, 1 and 2; then all again, mirrored",
)


def shape_of_views(height, width, size, scales):
    """The shape of all views of an image."""
    return np.shape(views(np.zeros((height, width, 3)), size, scales))


question.example("four scales", shape_of_views, 30, 45, 22, [25, 28, 32, 35]).gives(
    (144, 22, 22, 3), hint="4 scales, 3 squares, 6 crops, each also mirrored"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def seen(image, size, scales, kind="right"):
    """One view after the other, with one thing wrong where asked."""
    h, w, _ = image.shape
    out = []
    for scale in scales:
        by = scale / (max(h, w) if kind == "longer" else min(h, w))
        new = (scale, scale) if kind == "square" else (round(h * by), round(w * by))
        big = tf.image.resize(image.astype("float32"), new).numpy()
        if kind == "cropped":
            big = image.astype("float32")
        rest = big.shape[0] - scale, big.shape[1] - scale
        starts = [(0, 0), (rest[0] // 2, rest[1] // 2), rest]
        if kind == "larger half":
            starts[1] = (rest[0] + 1) // 2, (rest[1] + 1) // 2
        starts = {"middle": starts[1:2] * 3, "two": starts[::2], "reversed": starts[::-1]}.get(
            kind, starts
        )
        crops = []
        for top, left in starts:
            part = big[top : top + scale, left : left + scale]
            a, b = part.shape[0] - size, part.shape[1] - size
            corners = [(0, 0), (0, b), (a, 0), (a, b)]
            if kind == "corners":
                corners = [(0, 0), (a, 0), (0, b), (a, b)]
            c = ((a + 1) // 2, (b + 1) // 2) if kind == "center up" else (a // 2, b // 2)
            crops += [part[y : y + size, x : x + size] for y, x in [*corners, c]]
            if kind == "cut":
                crops.append(part[:size, :size])
            elif kind == "whole image":
                crops.append(tf.image.resize(big, (size, size)).numpy())
            elif kind != "no whole":
                crops.append(tf.image.resize(part, (size, size)).numpy())
        mirrored = [crop[::-1] if kind == "upside down" else crop[:, ::-1] for crop in crops]
        if kind == "in pairs":
            out += [view for pair in zip(crops, mirrored, strict=True) for view in pair]
        else:
            out += crops if kind == "no mirror" else crops + mirrored
    return np.stack(out)


causes = {
    "longer": "the shorter side gets the scale",
    "square": "resizing must keep the image's proportions",
    "cropped": "the image is resized to each scale",
    "middle": "three squares: at both ends and in the middle",
    "two": "three squares: at both ends and in the middle",
    "reversed": "the left, or top, square comes first",
    "larger half": "where what is left over is odd, the smaller half is above or on the left",
    "center up": "where what is left over is odd, the smaller half is above or on the left",
    "corners": "top right comes before bottom left",
    "no whole": "the sixth crop is the whole square, resized",
    "cut": "the sixth crop is the whole square, resized, not cut",
    "whole image": "the sixth crop is the square, not the whole image",
    "upside down": "mirrored left to right, not upside down",
    "no mirror": "each view is there mirrored, too",
    "in pairs": "first the 18, then the same 18 mirrored",
}
for name, height, width, size, scales, share in (
    ("a wide image", 12, 31, 8, [11, 14], 1), ("a tall image", 37, 14, 7, [12, 15], 1),
    ("enlarged", 6, 9, 9, [12], 1), ("a square", 13, 13, 6, [9, 10], 0.5),
    ("four scales", 16, 23, 10, [12, 13, 15, 17], 0.5), ("views of a square's size", 9, 20, 10, [10], 0.5),
):  # fmt: skip
    image = draw.integers(0, 256, (height, width, 2)).astype("uint8")
    right, known = seen(image, size, scales), []
    for kind, cause in causes.items():
        try:
            wrong = seen(image, size, scales, kind)
        except ValueError:  # what is cut out has another size
            continue
        if wrong.shape != right.shape or not np.allclose(wrong, right, atol=0.5):
            known.append((cause, wrong))
    question.check(name, checks.keeping, views, image, size, scales, share=share).gives_array(
        right, tolerance=1e-4, hint="resize, squares, six crops of each, mirrored", mistakes=known
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 17 · In your own words
#
# Slides about GoogLeNet say: "5 million parameters, 12 times fewer than AlexNet, and no fully
# connected layers"; "the 1x1 convolutions reduce the work almost 4 times"; "Inception-v4 is ResNet
# plus Inception".
#
# And a colleague, who wants to build a network for images of any size from 100 to 600 pixels,
# plans: "Naive modules, as they can do all that reduced ones can. At the end all values as a
# vector, and a dense layer. Auxiliary heads at every module with full weight, and we keep them:
# their mean is an ensemble for free."
#
# Write about ten sentences. Which of the slides' three claims are wrong, and what is right? Use
# numbers from this notebook or from the lecture. And what do you say to each part of the
# colleague's plan? This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# All three are wrong as they stand. GoogLeNet has 6,998,552 parameters without its heads, AlexNet
# with one tower 62 million: that is 9 times as many. There is one dense layer, of 1024 to 1000 units
# with 1,025,000 parameters, a seventh of all; what is gone are the large ones behind a flattened map.
# In the slides' example 854 million multiply-adds become 271 million, 3.1 times fewer. Inception-v4
# has no shortcuts; Inception-ResNet, from the same paper, has.
#
# A naive module passes all of its input on through the pooling, so channels can only grow: from 256
# to 672 in one module, and each further one is more expensive. Reduced modules cost a third and
# have as many channels as one wants.
#
# A dense layer on all values fixes the size of the input, and has most of the network's parameters.
# A mean over all positions takes any size and has none; if some layout is to be kept, adaptive
# pooling gives a fixed number of windows.
#
# Heads at full weight would make the early layers serve the heads instead of the end; the paper
# takes 0.3. Later work found little effect of them, and only late in training. In use they are
# dropped: at modules 4a and 4d they have nearly half of the 13.4 million parameters, and they see
# features that are not finished, so that their predictions are worse than the network's own. A mean
# with them is not an ensemble of independent networks: they share all layers below.
#
# **Marking scheme** (4 points)
#
# - 1: at least two of the three claims are put right with a number or the right fact (7.0 million
#   and about 9 times, one dense layer; 3.1 times; v4 has no shortcuts).
# - 1: naive modules: channels only grow, because of the pooling, and with them the cost. A number
#   for it.
# - 1: a vector and a dense layer fix the size of images; a mean over positions (or adaptive
#   pooling) does not.
# - 1: heads: a weight below 1, dropped in use; their mean is no ensemble, as they share layers and
#   are worse. Half a point for one of these. ### END SOLUTION

# %% [markdown]
# Before you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow *hand in* on
# the start page (`START.md`), or run `course submit 05_inception` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
