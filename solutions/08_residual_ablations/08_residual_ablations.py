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
# # 08 · Residual blocks, taken apart
#
# A residual block is a sum: of its input, and of what a few layers make of it. Which part of it
# matters? To find out, you change one thing, train again, and compare: an **ablation**. Here you
# build the changes that were tried, count what they cost, run a small ablation yourself, and
# learn to say which of its differences are real.
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
#    `course submit 08_residual_ablations`: it checks the notebook, makes the file to hand in, and
#    says where to.
#
# **Rules**
#
# - A block is a function on Keras tensors: it takes a tensor and returns the tensor after its
#   last layer. Build it from `keras.layers` and `keras.ops`: no `Lambda`, and no layer or model
#   classes of your own. Do not use `course.blocks` or `course.architectures` in your answers.
# - Use the helpers of the next cell, or write the same layers out. Convolutions have "same" padding
#   and no bias, as normalization would take it away again; normalizations have a momentum of 0.8.
# - Each block has layers of its own; none is used twice. Everything learns: all weights are
#   trainable, and a gradient reaches each of them, along every part of the block. Each
#   normalization uses the batch's statistics in training, where its moving statistics are
#   updated, and the moving statistics at inference. Nothing is random, except in question 13.
# - Feature maps may have any number of channels, odd or even heights and widths, and need not be
#   square.
# - A function leaves its arguments unchanged: lists, dicts and arrays.
# - Later questions may call your earlier functions.
#
# **Two sittings.** Ten questions are the *core*: they change the block, run the ablation and
# judge it. Do them first, in this order. The seven *optional* ones are about the families that
# came out of such experiments; no core question needs them. Your instructor will tell you whether
# their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 What the shortcut carries | 2 | core | 15 |
# | 2 Constant scaling | 2 | core | 10 |
# | 3 A gate | 3 | core | 20 |
# | 4 Five orders | 3 | core | 15 |
# | 5 The pre-activation block | 3 | core | 15 |
# | 6 A pre-activation net | 3 | core | 20 |
# | 7 Deep or wide | 3 | optional | 20 |
# | 8 Many paths at equal cost | 3 | optional | 20 |
# | 9 Many paths as one | 3 | optional | 25 |
# | 10 Channels that grow | 3 | optional | 15 |
# | 11 How long are the paths? | 3 | optional | 20 |
# | 12 Stochastic depth | 3 | optional | 15 |
# | 13 A block that is dropped | 2 | optional | 10 |
# | 14 Mean, deviation, error of the mean | 2 | core | 10 |
# | 15 Which differences are real? | 4 | core | 25 |
# | 16 Run an ablation | 4 | core | 25 |
# | 17 In your own words (graded by hand) | 4 | core | 30 |
#
# The core has 30 points, the rest 20. (The minutes are rough guesses.) The lecture is
# [08_residual_ablations](../lectures/08_residual_ablations.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import functools
import itertools
import math
import statistics
from fractions import Fraction

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import stats

from autograder import checks


def conv(x, filters, kernel_size=3, strides=1):
    """A convolution as this notebook's blocks use it: same padding, no bias."""
    return layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)(x)


def bn(x):
    """Batch normalization, with statistics that follow quickly, as our runs are short."""
    return layers.BatchNormalization(momentum=0.8)(x)


def relu(x):
    """As a layer, so that it can be seen."""
    return layers.ReLU()(x)


def branch(x):
    """What a block of unit 07 adds to its shortcut: conv, BN, ReLU, conv, BN."""
    filters = x.shape[-1]
    return bn(conv(relu(bn(conv(x, filters))), filters))


# %% [markdown]
# ## 1 · What the shortcut carries
#
# Ignore the ReLU after the addition for a moment, and give each block two factors: $s_l$ on its
# shortcut and $b_l$ on its branch,
#
# $$x_l = s_l\, x_{l-1} + b_l\, F_l, \qquad l = 1, \dots, L.$$
#
# Substitute each block into the next, and the last output is a sum of the first input and of all
# branches' outputs, each with a coefficient:
#
# $$x_L = c_0\, x_0 + c_1 F_1 + \dots + c_L F_L.$$
#
# The gradient comes back to $x_0$ along many paths. The part that takes the direct one, along the
# shortcuts alone, is multiplied by the same $c_0$. With $s_l = 1$ that is 1, however deep the
# network; that is what "identity" is good for.
#
# **Example.** Two blocks with $s = (0.5,\ 0.5)$ and $b = (1,\ 1)$: $x_1 = 0.5\, x_0 + F_1$, and
# $x_2 = 0.5\, x_1 + F_2 = 0.25\, x_0 + 0.5\, F_1 + F_2$.
#
# Write `coefficients(shortcuts, branches)`, which returns the list $[c_0, c_1, \dots, c_L]$.


# %% nbgrader={"grade": false, "grade_id": "coefficients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def coefficients(shortcuts, branches):
    """What the last output of a stack of blocks is made of.

    Args:
        shortcuts: list of L numbers, each block's factor on its shortcut, the first block first.
        branches: list of L numbers, each block's factor on its branch.

    Returns:
        List (or array) of L + 1 numbers: of the first input, then of each block's branch.
    """
    ### BEGIN SOLUTION
    found = [1.0]
    for on_shortcut, on_branch in zip(shortcuts, branches, strict=True):
        found = [on_shortcut * number for number in found] + [on_branch]
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_coefficients", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. What the shortcut carries", points=2)
question.example("two halved shortcuts", coefficients, [0.5, 0.5], [1, 1]).gives_array(
    [0.25, 0.5, 1], hint="put the first block's equation into the second one's"
)
question.example("identity", coefficients, [1, 1, 1], [1, 1, 1]).gives_array(
    [1, 1, 1, 1], hint="identity shortcuts carry everything as it is"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_products(shortcuts, branches, behind=1, before=False):
    """Each coefficient as its branch's factor times the shortcuts after it."""
    shortcuts, branches = np.array(shortcuts), np.array(branches)
    rest = [
        np.prod(shortcuts[: block - 1] if before else shortcuts[block - 1 + behind :])
        for block in range(1, len(branches) + 1)
    ]
    return np.array([np.prod(shortcuts), *(branches * rest)])


for name, blocks in (("three blocks", 3), ("seven blocks", 7)):
    s, b = draw.uniform(0.3, 0.9, blocks).tolist(), draw.uniform(1.1, 2, blocks).tolist()
    question.check(name, coefficients, s, b).gives_array(
        by_products(s, b),
        tolerance=1e-9,
        hint="write down two blocks, put one equation into the other, and then a third",
        mistakes={
            "a block's own shortcut does not act on its own branch; the later ones do":
                by_products(s, b, behind=0),
            "a branch passes the shortcuts after it, not those before it":
                by_products(s, b, before=True),
            "the branches' own factors were forgotten": by_products(s, np.ones(blocks)),
            "a signal that passes several shortcuts is multiplied by each of them": np.array(
                [sum(s), *(b[n] * sum(s[n + 1 :]) for n in range(blocks))]
            ),
            "the input comes first, then the first block's branch": by_products(s, b)[::-1],
            "the input itself has a coefficient, too": by_products(s, b)[1:],
        },
    )  # fmt: skip
question.check(
    "a single block", checks.keeping, coefficients, [0.25], [-3.0], share=0.5
).gives_array([0.25, -3.0], tolerance=1e-9, hint="what goes into one block comes out once, scaled")
s, b = [0.7, 0.0, 1.0, -0.5], [2.0, 0.5, -1.0, 3.0]
question.check("a shortcut that is cut off", coefficients, s, b, share=0.5).gives_array(
    by_products(s, b), tolerance=1e-9, hint="a factor of 0 lets nothing of what is before pass"
)
s = draw.uniform(-1.5, 1.5, 40).tolist()
question.check("forty blocks", coefficients, s, [1.0] * 40, share=0.5).gives_array(
    by_products(s, [1.0] * 40), tolerance=1e-9, hint="as for two blocks, again and again"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Constant scaling
#
# The first thing to try is to weight the two parts. Write
# `scaled_block(x, on_shortcut=1.0, on_branch=1.0)`, which computes
#
# $$y = \mathrm{ReLU}\big(a\, x + b\, F(x)\big)$$
#
# with $a$ = `on_shortcut`, $b$ = `on_branch`, and $F$ the given `branch`. `layers.Rescaling(a)`
# multiplies by a constant; so does `a * x`.
#
# **Example.** With factors 1 and 1 it is the block of unit 07. With 1 and 0 it is just a ReLU.

# %% nbgrader={"grade": false, "grade_id": "figure_shortcuts", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import diagrams
from course.visualization.display import show

STEPS_OF_F = "conv", "BN", "ReLU", "conv", "BN"
show(
    diagrams.blocks({
        "original": diagrams.Block(STEPS_OF_F),
        "constant scaling": diagrams.Block((*STEPS_OF_F, "× b"), shortcut="× a"),
        "exclusive gating": diagrams.Block((*STEPS_OF_F, "× g"), shortcut="× (1 − g)"),
        "shortcut-only gating": diagrams.Block(STEPS_OF_F, shortcut="× (1 − g)"),
    }),
    "The changes of questions 2 and 3. Blue: the shortcut; red: what is new.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "scaled_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scaled_block(x, on_shortcut=1.0, on_branch=1.0):
    """A residual block with a constant factor on either part.

    Args:
        x: tensor of shape (batch, height, width, channels).
        on_shortcut, on_branch: the factors.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    return relu(layers.Add()([on_shortcut * x, on_branch * branch(x)]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_scaled_block", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Constant scaling", points=2)
question.rules(scaled_block, without=("course.blocks", "course.architectures"))
block = question.block("your block", scaled_block, (6, 5, 4), 1.0, 1.0, share=0)
block.has_output_shape((6, 5, 4), hint="nothing here changes the shape")
block.has_order(
    ["Conv2D", "BatchNormalization", "ReLU", "Conv2D", "BatchNormalization", "ReLU"],
    hint="what does the given branch end with, and what does the block end with?",
)
pair = np.reshape([-1.0, 3.0], (1, 1, 2, 1)).astype("float32")
question.example("without the branch", scaled_block, pair, 2.0, 0.0).gives_array(
    np.reshape([0, 6], (1, 1, 2, 1)), hint="ReLU of twice the input is left"
)
### BEGIN HIDDEN TESTS


def right(x, a=1.0, b=1.0, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers
    y = make.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x)
    y = make.ReLU()(make.BatchNormalization(momentum=0.8)(y))
    y = make.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(y)
    if kind == "before BN":
        y = make.Rescaling(b)(y)
    y = make.BatchNormalization(momentum=0.8)(y)
    first, second = {"swapped": (b, a), "both": (a, a), "before BN": (a, 1)}.get(kind, (a, b))
    if kind == "after addition":
        return make.ReLU()(make.Rescaling(a)(make.Add()([x, make.Rescaling(b)(y)])))
    x, y = make.Rescaling(first)(x), make.Rescaling(second)(y)
    if kind == "relu on branch":
        return make.Add()([x, make.ReLU()(y)])
    out = make.Add()([x, y])
    return out if kind == "no relu" else make.ReLU()(out)


def scaled(a, b, kind="right"):
    x = keras.Input((6, 5, 4))
    return keras.Model(x, right(x, a, b, kind))


causes = {
    "swapped": "the two factors are swapped",
    "both": "both parts were multiplied by the shortcut's factor",
    "before BN": "normalization takes the factor away again: scale what the branch gives",
    "after addition": "the shortcut's factor must not touch the branch",
    "no relu": "the ReLU after the addition is missing",
    "relu on branch": "the ReLU belongs after the addition: what the branch adds may be negative",
}
draw = np.random.default_rng(question.random.getrandbits(64))
for name, a, b in (
    ("two factors", draw.uniform(0.2, 0.5), draw.uniform(0.6, 0.9)),
    ("a shortcut that is larger", draw.uniform(1.2, 1.5), draw.uniform(0.02, 0.1)),
    ("factors below 0", draw.uniform(-0.9, -0.5), draw.uniform(-0.4, -0.2)),
):
    a, b = float(a), float(b)
    block = question.block(name, scaled_block, (6, 5, 4), a, b)
    about = {
        "hint": "branch(x) is the branch; one factor on x, one on it, then add, then ReLU",
        "mistakes": {
            cause: lambda kind=kind, a=a, b=b: scaled(a, b, kind) for kind, cause in causes.items()
        },
    }
    if 0 < a < 1:
        block.behaves_like(right, also=[((3, 8, 1),)], prescribed=("momentum",), **about)
    else:
        block.computes(scaled(a, b), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · A gate
#
# If not a constant, then perhaps a number from 0 to 1 that the network itself computes for each
# value: a **gate**
#
# $$g(x) = \sigma\big(W x + c\big),$$
#
# where $W$ is a 1x1 convolution of the block's input (with as many filters as $x$ has channels),
# with a bias $c$, and $\sigma$ is the sigmoid. Two ways of using it were tried:
#
# - **exclusive**: $y = \mathrm{ReLU}\big((1 - g) \cdot x + g \cdot F(x)\big)$: what goes to one
#   part is taken from the other.
# - **shortcut only**: $y = \mathrm{ReLU}\big((1 - g) \cdot x + F(x)\big)$.
#
# How far the shortcut is open at the start depends on the bias's initial value, `gate_bias`: the
# more negative it is, the closer $g$ is to 0, and the shortcut to the identity. Like all other
# weights, those of the gate are learned.
#
# Write `gated_block(x, gating, gate_bias=-6.0)`, with `gating` either `"exclusive"` or
# `"shortcut_only"`. `bias_initializer=keras.initializers.Constant(...)` sets where a bias starts.
#
# **Example.** With `gate_bias=-6` and $W x = 0$, the gate is $1 / (1 + e^6) = 0.0025$.


# %% nbgrader={"grade": false, "grade_id": "gated_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gated_block(x, gating, gate_bias=-6.0):
    """A residual block with a gate.

    Args:
        x: tensor of shape (batch, height, width, channels).
        gating: "exclusive" or "shortcut_only".
        gate_bias: value of all the gate's biases before training.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    gate = layers.Conv2D(
        x.shape[-1],
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(gate_bias),
    )(x)
    y = branch(x)
    if gating == "exclusive":
        y = gate * y
    return relu(layers.Add()([(1 - gate) * x, y]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_gated_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. A gate", points=3)
question.rules(gated_block, without=("course.blocks", "course.architectures"))


def first_biases(gating, *gate_bias):
    """The values that the gate's biases start with."""
    tensor = keras.Input((4, 6, 3))
    model = keras.Model(tensor, gated_block(tensor, gating, *gate_bias))
    values = [np.array(weight).ravel() for weight in model.weights if weight.name == "bias"]
    return np.concatenate(values).round(5).tolist() if values else []


for kind in ("exclusive", "shortcut_only"):
    question.block(kind, gated_block, (6, 5, 4), kind, -6.0, share=0).has_output_shape(
        (6, 5, 4), hint="one gate for each value of x"
    )
question.example("the biases of three channels", first_biases, "exclusive", -6.0).gives(
    [-6.0] * 3, hint="the gate alone has a bias, one for each channel; see bias_initializer"
)
### BEGIN HIDDEN TESTS


def right(x, gating, gate_bias, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers
    filters = x.shape[-1]
    y = make.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = make.ReLU()(make.BatchNormalization(momentum=0.8)(y))
    y = make.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = make.BatchNormalization(momentum=0.8)(y)
    squash = {"no sigmoid": None, "tanh": "tanh", "relu": "relu"}.get(kind, "sigmoid")
    g = make.Conv2D(filters, 1, activation=squash)(y if kind == "of the branch" else x)
    rest = make.Rescaling(-1, offset=1)(g)
    on_x, on_y = {
        "swapped": (g, rest),
        "one gate for both": (g, g),
        "nothing taken": (None, g),
    }.get(kind, (rest, g))
    if kind == "nothing taken" and gating == "shortcut_only":
        on_x = g
    on_branch = gating == "exclusive"
    if kind == "other gating":
        on_branch = not on_branch
    elif kind == "only the branch":
        on_x, on_branch = None, True
    x1 = x if on_x is None else make.Multiply()([on_x, x])
    y = make.Multiply()([on_y, y]) if on_branch else y
    out = make.Add()([x1, y])
    return out if kind == "no relu" else make.ReLU()(out)


def gated(gating, kind):
    x = keras.Input((6, 5, 4))
    return keras.Model(x, right(x, gating, 0, kind))


causes = {
    "exclusive": {
        "swapped": "the shortcut gets 1 - g and the branch g, not the other way round",
        "one gate for both": "what goes to one part is taken from the other: 1 - g on the shortcut",
        "nothing taken": "exclusive: the shortcut must be multiplied by 1 - g",
        "other gating": "exclusive: the branch must be multiplied by g",
        "of the branch": "the gate is computed from the block's input",
        "no sigmoid": "a gate lies between 0 and 1: the sigmoid is missing",
        "no relu": "the ReLU after the addition is missing",
    },
    "shortcut_only": {
        "swapped": "the shortcut is multiplied by 1 - g, not by g: a negative bias opens it",
        "other gating": "shortcut only: the branch is added as it is",
        "only the branch": "the gate is on the branch here, but it belongs on the shortcut",
        "of the branch": "the gate is computed from the block's input",
        "no sigmoid": "a gate lies between 0 and 1: the sigmoid is missing",
        "no relu": "the ReLU after the addition is missing",
    },
}
draw = question.random
for gating, wrong in causes.items():
    bias = -draw.randint(1, 5) / 2
    question.block(gating, gated_block, (6, 5, 4), gating, bias).behaves_like(
        right,
        also=[((3, 8, 1), gating, -1.0)],
        prescribed=("momentum",),
        hint="write g and 1 - g as tensors of their own; what is each multiplied by?",
        mistakes={cause: lambda k=kind, g=gating: gated(g, k) for kind, cause in wrong.items()},
    )
bias = draw.randint(7, 40) / 4
for name, value in (("where the bias starts", -bias), ("a gate that begins open", bias + 0.5)):
    question.check(name, first_biases, "shortcut_only", value, share=0.6).gives(
        [value] * 3,
        hint="the gate alone has a bias, one for each channel; see bias_initializer",
    )
question.check("where it starts by default", first_biases, "exclusive", share=0.5).gives(
    [-6.0] * 3, hint="which value has gate_bias by default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · Five orders
#
# Where do normalization and ReLU belong? Five orders were tried. A block is the sum of its
# shortcut and its branch; there may be layers before the branch, and after the addition:
#
# | `order` | before and in the branch | after the addition |
# |---|---|---|
# | `"original"` | conv, BN, ReLU, conv, BN | ReLU |
# | `"bn_after_addition"` | conv, BN, ReLU, conv | BN, ReLU |
# | `"relu_before_addition"` | conv, BN, ReLU, conv, BN, ReLU | |
# | `"relu_only_preactivation"` | ReLU, conv, BN, ReLU, conv, BN | |
# | `"full_preactivation"` | BN, ReLU, conv, BN, ReLU, conv | |
#
# The shortcut is $x$ itself in all of them.
#
# Write `ordered_block(x, order)`. All convolutions are 3x3, with as many filters as $x$ has
# channels. A string of steps and a loop over it are shorter than five separate blocks.


# %% nbgrader={"grade": false, "grade_id": "ordered_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ordered_block(x, order):
    """A residual block with normalization and ReLU in one of five orders.

    Args:
        x: tensor of shape (batch, height, width, channels).
        order: a name from the table above.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    on_branch, after = {
        "original": ("conv bn relu conv bn", "relu"),
        "bn_after_addition": ("conv bn relu conv", "bn relu"),
        "relu_before_addition": ("conv bn relu conv bn relu", ""),
        "relu_only_preactivation": ("relu conv bn relu conv bn", ""),
        "full_preactivation": ("bn relu conv bn relu conv", ""),
    }[order]
    filters = x.shape[-1]
    apply = {"conv": lambda y: conv(y, filters), "bn": bn, "relu": relu}
    y = x
    for step in on_branch.split():
        y = apply[step](y)
    y = layers.Add()([x, y])
    for step in after.split():
        y = apply[step](y)
    return y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ordered_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. Five orders", points=3)
question.rules(ordered_block, without=("course.blocks", "course.architectures"))
for order, kinds in (
    ("original", ["Conv2D", "ReLU", "Conv2D", "Add", "ReLU"]),
    ("full_preactivation", ["ReLU", "Conv2D", "ReLU", "Conv2D", "Add"]),
):
    question.block(order, ordered_block, (6, 5, 4), order, share=0).has_order(
        kinds, hint="a path through the branch; see the row of the table"
    )


def shape_after(order):
    """What the block makes of a 4x6x3 tensor."""
    tensor = keras.Input((4, 6, 3))
    return keras.Model(tensor, ordered_block(tensor, order)).output_shape[1:]


question.example("the shape", shape_after, "bn_after_addition").gives(
    (4, 6, 3), hint="nothing here changes the shape"
)
### BEGIN HIDDEN TESTS
rows = {
    "original": ("cbrcb", "r"),
    "bn_after_addition": ("cbrc", "br"),
    "relu_before_addition": ("cbrcbr", ""),
    "relu_only_preactivation": ("rcbrcb", ""),
    "full_preactivation": ("brcbrc", ""),
    "without ReLU at the end": ("cbrcb", ""),
    "shortcut of the activated tensor": ("brcbrc", "shared"),
}


def right(x, order):
    """A block by its row, one letter for a layer."""
    make = keras.layers
    filters = x.shape[-1]
    layer = {
        "c": lambda: make.Conv2D(filters, 3, padding="same", use_bias=False),
        "b": lambda: make.BatchNormalization(momentum=0.8),
        "r": lambda: make.ReLU(),
    }
    inner, after = rows[order]
    y = shortcut = x
    for number, letter in enumerate(inner):
        y = layer[letter]()(y)
        if after == "shared" and number == 1:
            shortcut = y
    y = make.Add()([shortcut, y])
    for letter in after.replace("shared", ""):
        y = layer[letter]()(y)
    return y


@functools.cache
def arranged(order):
    x = keras.Input((7, 5, 4))
    return keras.Model(x, right(x, order))


words = {
    "relu_before_addition": "a ReLU before the addition lets the branch only add, never take away",
    "bn_after_addition": "BN after the addition normalizes the shortcut as well",
    "without ReLU at the end": "the ReLU after the addition is missing",
    "shortcut of the activated tensor": "the shortcut is x as it comes, before BN and ReLU",
}
names = [order for order in rows if "_" in order or order == "original"]
for order in names:
    block = question.block(order, ordered_block, (7, 5, 4), order)
    about = {
        "hint": "read the row of the table from left to right",
        "mistakes": {
            words.get(other, "") + f" (this is {other!r})": lambda o=other: arranged(o)
            for other in rows
            if other != order
        },
    }
    if order in ("original", "full_preactivation"):
        also = [((4, 3, 1), order)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(arranged(order), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · The pre-activation block
#
# The last row won, and for very deep networks by far: between two blocks nothing is left on the
# shortcut, so $x_L = x_0 + F_1 + \dots + F_L$ holds exactly. Where a block changes the shape the
# shortcut cannot be $x$, and becomes a 1x1 convolution. Of what? Of the block's first
# *activation*, which branch and shortcut then share:
#
# - $a = \mathrm{ReLU}(\mathrm{BN}(x))$,
# - branch: a 3x3 convolution of $a$ with the block's stride, BN, ReLU, a 3x3 convolution,
# - shortcut: $x$ itself with stride 1 and as many filters as $x$ has channels, else a 1x1
#   convolution of $a$ with the block's stride (no BN),
# - their sum, and nothing after it.
#
# (In the paper's networks the very first block is an exception: its shortcut starts after the BN
# and the ReLU even though the shape stays. Here all blocks follow the rule above.)
#
# Write `preactivation_block(x, filters, strides=1)`.
#
# **Example.** From 8x8x4 to 8 filters at stride 2: the branch has kernels of 3x3x4x8 and 3x3x8x8,
# the shortcut one of 1x1x4x8, and the output is 4x4x8.


# %% nbgrader={"grade": false, "grade_id": "preactivation_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preactivation_block(x, filters, strides=1):
    """A residual block with full pre-activation.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: of both 3x3 convolutions.
        strides: of the first 3x3 convolution.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    ### BEGIN SOLUTION
    y = relu(bn(x))
    if strides > 1 or x.shape[-1] != filters:
        x = conv(y, filters, 1, strides)
    y = conv(y, filters, 3, strides)
    y = conv(relu(bn(y)), filters)
    return layers.Add()([x, y])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_preactivation_block", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. The pre-activation block", points=3)
question.rules(preactivation_block, without=("course.blocks", "course.architectures"))
block = question.block("a block that halves", preactivation_block, (8, 8, 4), 8, 2, share=0)
block.has_output_shape((4, 4, 8), hint="strides are those of the first 3x3 convolution")
block.has_layers("Conv2D", 3, hint="two in the branch; is the shortcut projected?")
block = question.block("a block that keeps the shape", preactivation_block, (8, 8, 4), 4, share=0)
block.has_layers("Conv2D", 2, hint="x can be added as it is")


def weights(filters, strides):
    """How many weights the block has on an 8x8x4 tensor."""
    tensor = keras.Input((8, 8, 4))
    return keras.Model(tensor, preactivation_block(tensor, filters, strides)).count_params()


question.example("its weights", weights, 8, 2).gives(
    4 * 4 + 9 * 4 * 8 + 4 * 8 + 9 * 8 * 8 + 4 * 8,
    hint="two normalizations (4 numbers per channel), two 3x3 kernels and the shortcut's; no bias",
)
### BEGIN HIDDEN TESTS


def right(x, filters, strides=1, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers
    same = strides == 1 and x.shape[-1] == filters
    first, second = (1, strides) if kind == "second" else (strides, 1)
    y = a = make.ReLU()(make.BatchNormalization(momentum=0.8)(x))
    y = make.Conv2D(filters, 3, first, padding="same", use_bias=False)(y)
    y = make.ReLU()(make.BatchNormalization(momentum=0.8)(y))
    y = make.Conv2D(filters, 3, second, padding="same", use_bias=False)(y)
    shortcut = a if kind == "always activated" else x
    if not same or kind == "always projected":
        of = x if kind == "raw" else a
        size = 3 if kind == "3x3" else 1
        shortcut = make.Conv2D(filters, size, strides, padding="same", use_bias=False)(of)
        if kind == "BN":
            shortcut = make.BatchNormalization()(shortcut)
    y = make.Add()([shortcut, y])
    if kind == "last BN":
        y = make.BatchNormalization()(y)
    return make.ReLU()(y) if kind in ("relu", "last BN") else y


def preactivated(shape, *arguments):
    x = keras.Input(shape)
    return keras.Model(x, right(x, *arguments))


causes = {
    "raw": "the projection is of the activated tensor, which it shares with the branch, not of x",
    "BN": "no normalization on the shortcut",
    "3x3": "the projection is a 1x1 convolution",
    "second": "the stride belongs to the first 3x3 convolution",
    "relu": "nothing follows the addition: a ReLU there would stand in the shortcut's way",
    "last BN": "nothing follows the addition",
    "always activated": "where the shape stays, the shortcut is x itself, before BN and ReLU",
    "always projected": "where the shape stays, the shortcut is x itself, without a convolution",
}
wide = question.random.choice([5, 6, 7])
for name, shape, filters, strides in (
    ("the shape stays", (6, 8, wide), wide, 1),
    ("more channels", (7, 8, 4), wide, 1),
    ("more channels and a stride", (7, 8, 3), wide, 2),
    ("a stride alone", (8, 5, wide), wide, 2),
):
    block = question.block(name, preactivation_block, shape, filters, strides)
    about = {
        "hint": "draw the block: which tensor does each part begin with?",
        "mistakes": {
            cause: lambda k=kind, s=shape, f=filters, t=strides: preactivated(s, f, t, k)
            for kind, cause in causes.items()
        },
    }
    if name == "more channels and a stride":
        also = [((2, 3, 3), 3), ((7, 10, 1), filters, 3)]
        block.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        block.computes(preactivated(shape, filters, strides), **about)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · A pre-activation net
#
# Now a whole network. It starts with a single 3x3 convolution with `widths[0]` filters, without
# normalization or ReLU, as the first block brings its own. Then comes one stage for each width,
# of `blocks` blocks each. The first block of every stage *but the first* has stride 2, even if
# two stages are equally wide. Something is needed after the last block: its sum has been neither
# normalized nor rectified. Make up for that, in the order used in the blocks. Then come global
# average pooling and a dense layer with a softmax.
#
# Write `preactivation_net(widths, blocks, classes, input_shape)`, which returns a `keras.Model`.
#
# **Example.** `preactivation_net([4, 8], 2, 10, (8, 8, 3))` has four blocks, two of each width. It
# has 10 convolutions: one at the start, eight in branches, and one on a shortcut.


# %% nbgrader={"grade": false, "grade_id": "preactivation_net", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preactivation_net(widths, blocks, classes, input_shape):
    """A residual net of pre-activation blocks.

    Args:
        widths: channels of each stage.
        blocks: number of blocks in each stage.
        classes: number of classes.
        input_shape: (height, width, channels).

    Returns:
        A keras.Model from images to probabilities.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input(input_shape)
    x = conv(inputs, widths[0])
    for stage, width in enumerate(widths):
        for block in range(blocks):
            x = preactivation_block(x, width, 2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(relu(bn(x)))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_preactivation_net", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. A pre-activation net", points=3)
question.rules(preactivation_net, without=("course.blocks", "course.architectures"))
net = question.model("the example", preactivation_net, [4, 8], 2, 10, (8, 8, 3), share=0)
net.has_output_shape((10,), hint="one probability for each class")
net.has_layers("Conv2D", 10, hint="which shortcuts are projected?")


def weights(widths, blocks):
    """How many weights a net for 8x8x3 images and three classes has."""
    return preactivation_net(widths, blocks, 3, (8, 8, 3)).count_params()


question.example("one block", weights, [4], 1).gives(
    9 * 3 * 4 + 2 * (4 * 4 + 9 * 4 * 4) + 4 * 4 + 4 * 3 + 3,
    hint="a convolution; a block with two normalizations and two convolutions; what comes after?",
)
### BEGIN HIDDEN TESTS


def right(widths, blocks, classes, shape, kind="right"):
    """The net written out, with one thing wrong where asked."""
    make = keras.layers

    def normal(x):
        return make.BatchNormalization(momentum=0.8)(x)

    def block(x, filters, strides):
        y = a = make.ReLU()(normal(x))
        if strides > 1 or x.shape[-1] != filters:
            x = make.Conv2D(filters, 1, strides, padding="same", use_bias=False)(a)
        y = make.Conv2D(filters, 3, strides, padding="same", use_bias=False)(y)
        y = make.ReLU()(normal(y))
        y = make.Conv2D(filters, 3, padding="same", use_bias=False)(y)
        return make.Add()([x, y])

    inputs = keras.Input(shape)
    x = make.Conv2D(widths[0], 3, padding="same", use_bias=False)(inputs)
    if kind == "activated stem":
        x = make.ReLU()(normal(x))
    for stage, width in enumerate(widths):
        for number in range(blocks):
            halves = not number and (stage or kind == "first stage halves")
            if kind == "nothing halves" or (kind == "wider halves" and width <= x.shape[-1]):
                halves = False
            x = block(x, width, 2 if halves else 1)
    if kind not in ("no end", "only relu"):
        x = normal(x)
    if kind not in ("no end", "only bn"):
        x = make.ReLU()(x)
    x = make.GlobalAveragePooling2D()(x)
    end = None if kind == "no softmax" else "softmax"
    return keras.Model(inputs, make.Dense(classes, activation=end)(x))


causes = {
    "no end": "after the last block BN and ReLU are missing: the sum is neither normalized nor "
    "rectified",
    "only relu": "after the last block BN is missing",
    "only bn": "after the last block a ReLU is missing",
    "activated stem": "the first block brings its own BN and ReLU: none after the first convolution",
    "first stage halves": "the first stage keeps the size",
    "nothing halves": "the first block of each later stage has stride 2",
    "wider halves": "each later stage has stride 2, even if it is no wider than the one before",
    "no softmax": "the softmax is missing",
}
draw = question.random
first = draw.choice([3, 4, 5])
for name, arguments in (
    ("four stages", ([first, first, first + 2, first], 1, draw.randint(11, 30), (11, 6, 2))),
    ("two stages", ([first, 2 * first], 2, 3, (7, 12, 1))),
):
    net = question.model(name, preactivation_net, *arguments, share=2)
    about = {
        "hint": "which stage, which block, which stride; and what stands before and after them?",
        "mistakes": {c: lambda k=kind, a=arguments: right(*a, k) for kind, c in causes.items()},
    }
    if len(arguments[0]) == 4:
        also = [([20], 3, 2, (5, 4, 3))]
        net.behaves_like(right, also=also, prescribed=("momentum",), **about)
    else:
        net.computes(right(*arguments), **about)
question.model("a list that stays", checks.keeping, preactivation_net, [3], 1, 2, (4, 4, 1), share=0.3).has_params(
    9 * 3 + 2 * (4 * 3 + 9 * 3 * 3) + 4 * 3 + 2 * 3 + 2, hint="the list of widths is not yours to change"
)  # fmt: skip
question.model(
    "its end", preactivation_net, [first], 1, 3, (8, 6, 3), share=0
).has_order(
    ["Add", "BatchNormalization", "ReLU", "GlobalAveragePooling2D", "Dense"],
    anywhere=True,
    hint="what must happen to the last block's sum before it is averaged?",
    mistakes={
        "after the last block BN and ReLU are missing": ("Add", "GlobalAveragePooling2D", "Dense"),
    },
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · Deep or wide
#
# A **wide** residual network WRN-$d$-$k$ is a pre-activation network for 32x32 images: a 3x3
# convolution from 3 to 16 channels, then three stages of $n$ blocks with $16k$, $32k$ and $64k$
# channels, where $d = 6n + 4$. A block has two 3x3 convolutions; its shortcut is a 1x1
# convolution where the number of channels changes.
#
# - Write `wide_weights(depth, widening)`: the number of weights in all kernels of its convolutions.
#   No normalization, no dense layer.
# - Write `widest(depth, budget)`: the largest whole widening factor $k$ for which the kernels
#   have at most `budget` weights.
#
# **Example.** WRN-10-1 has one block per stage: $432$ weights at the start;
# $2 \cdot 9 \cdot 16^2$; $9 \cdot 16 \cdot 32 + 9 \cdot 32^2 + 16 \cdot 32$; and $9 \cdot 32
# \cdot 64 + 9 \cdot 64^2 + 32 \cdot 64$. In the first stage the number of channels stays 16, so
# no shortcut is projected there. That makes 76,720.


# %% nbgrader={"grade": false, "grade_id": "wide_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def wide_weights(depth, widening):
    """Weights in the kernels of WRN-depth-widening's convolutions.

    Args:
        depth: 6n + 4 for n blocks a stage.
        widening: factor k, at least 1.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    total, channels = 9 * 3 * 16, 16
    for filters in (16 * widening, 32 * widening, 64 * widening):
        for _ in range((depth - 4) // 6):
            total += 9 * channels * filters + 9 * filters**2
            total += channels * filters if channels != filters else 0
            channels = filters
    return total
    ### END SOLUTION


def widest(depth, budget):
    """The largest widening factor whose kernels have at most so many weights.

    Args:
        depth: 6n + 4 for n blocks a stage.
        budget: number of weights, enough for a factor of 1.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    widening = 1
    while wide_weights(depth, widening + 1) <= budget:
        widening += 1
    return widening
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_wide_weights", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. Deep or wide", points=3)
question.example("WRN-10-1", wide_weights, 10, 1).gives(
    76_720, hint="see the example: which number is missing, or too many?"
)
question.example("what fits", widest, 10, 80_000).gives(
    1, hint="try factors one after the other; the next one has too many weights"
)
### BEGIN HIDDEN TESTS
draw = question.random


def counted(depth, k, blocks=None, kind="right"):
    """Layer by layer, with one thing wrong where asked."""
    blocks = (depth - (2 if kind == "6n + 2" else 4)) // 6 if blocks is None else blocks
    stem = 16 * k if kind == "wide stem" else 16
    rows = [(3, stem, 3)]
    channels = stem
    for filters in (16 * k, 32 * k, 64 * k):
        for block in range(blocks):
            if (channels != filters and kind != "none") or (kind == "all" and not block):
                rows.append((channels, filters, 1))
            rows += [(channels, filters, 3), (filters, filters, 3)]
            channels = filters
    return sum(size * size * a * b for a, b, size in rows)


hint = "count one stage with pencil and paper: which channels come in, which go out?"
for name, depth, k in (
    ("a wide net", 6 * draw.randint(2, 4) + 4, draw.randint(3, 9)),
    ("a deep net", 6 * draw.randint(6, 9) + 4, 2),
    ("not widened", 6 * draw.randint(2, 5) + 4, 1),
):
    right = counted(depth, k)
    wrong = {
        "where channels change, the shortcut has a 1x1 kernel": counted(depth, k, kind="none"),
        "a shortcut is projected only where the channels change": counted(depth, k, kind="all"),
        "the first convolution has 16 filters, not 16 k": counted(depth, k, kind="wide stem"),
        "d = 6n + 4: how many blocks per stage?": counted(depth, k, blocks=(depth - 4) // 6 + 1),
        "a block has two convolutions, a net three stages: d = 6n + 4": counted(
            depth, k, blocks=(depth - 4) // 3
        ),
        "twice as wide is four times the weights, not twice": counted(depth, 1) * k,
        "the first convolution counts as well": right - 432,
    }
    wrong = {cause: value for cause, value in wrong.items() if value != right}
    question.check(name, wide_weights, depth, k).gives(right, hint=hint, mistakes=wrong)
depth, k = 6 * draw.randint(1, 4) + 4, draw.randint(3, 8)
exact, almost = counted(depth, k), counted(depth, k + 1) - 1
question.check("exactly the budget", widest, depth, exact).gives(
    k, hint="at most: the budget itself is allowed",
    mistakes={"at most: the budget itself is allowed": k - 1, "that is more than allowed": k + 1},
)  # fmt: skip
question.check("one weight too few", widest, depth, almost).gives(
    k, hint="the largest factor within the budget",
    mistakes={"that is more than allowed": k + 1, "go on until the next one is too large": 1},
)  # fmt: skip
k = draw.randint(150, 400)
question.check("a large budget", widest, 10, counted(10, k) + draw.randint(0, 999)).gives(
    k, hint="the largest factor there is, however large: where does your search end?"
)


def fitting(*budgets):
    """Several at once, as one value alone would be no answer."""
    return [widest(16, budget) for budget in budgets]


budgets = counted(16, 1), counted(16, 2) - 1, counted(16, 2)
question.check("just enough, for 1 and for 2", fitting, *budgets, share=0.5).gives(
    [1, 1, 2], hint="at most: the budget itself is allowed"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · Many paths at equal cost
#
# A bottleneck block takes $F$ channels down to $w$ (1x1), convolves those (3x3), and takes them
# back to $F$ (1x1). **ResNeXt** has $C$ such paths side by side, each only $d$ channels wide, and
# adds them up. $C$ is the **cardinality**.
#
# - Write `path_weights(cardinality, path_width, filters)`: the weights in the kernels of all paths
#   together.
# - Write `equal_width(cardinality, filters, width)`: the whole path width $d$ with which $C$
#   paths together come nearest to the number of weights of the bottleneck block, which is one
#   path $w$ wide. (The difference between the two numbers of weights must be as small as
#   possible; $d$ is at least 1.)
#
# **Example.** One path of 64 channels in a block of 256: $256 \cdot 64 + 9 \cdot 64^2 + 64 \cdot
# 256 = 69{,}632$ weights. Thirty-two paths of 4 channels: $32 \cdot (256 \cdot 4 + 9 \cdot 4^2 + 4
# \cdot 256) = 70{,}144$. So `equal_width(32, 256, 64)` is 4. And yet all paths together have 128
# channels, twice as many.


# %% nbgrader={"grade": false, "grade_id": "path_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path_weights(cardinality, path_width, filters):
    """Weights in the kernels of a block's paths.

    Args:
        cardinality: number of paths.
        path_width: channels of a path's 3x3 convolution.
        filters: channels of the block's input and output.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return cardinality * (2 * filters * path_width + 9 * path_width**2)
    ### END SOLUTION


def equal_width(cardinality, filters, width):
    """Path width at which so many paths cost what one path costs.

    Args:
        cardinality: number of paths.
        filters: channels of the block's input and output.
        width: of the one path.

    Returns:
        An int, at least 1.
    """
    ### BEGIN SOLUTION
    target = path_weights(1, width, filters)
    return min(
        range(1, width + 1), key=lambda d: abs(path_weights(cardinality, d, filters) - target)
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_path_weights", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Many paths at equal cost", points=3)
question.example("one path", path_weights, 1, 64, 256).gives(69_632, hint="two 1x1 and a 3x3")
question.example("32 paths", path_weights, 32, 4, 256).gives(
    70_144, hint="each path has kernels of its own; no path sees another one's channels"
)
question.example("two paths at equal cost", equal_width, 2, 256, 64).gives(
    40, hint="try all widths, or solve for d; which is nearest?"
)
### BEGIN HIDDEN TESTS
draw = question.random


def cost(c, d, f):
    return c * (f * d + 9 * d * d + d * f)


hint = "one path: 1x1 from F to d, 3x3 from d to d, 1x1 from d to F"
for name, c, d, f in (
    ("a few wide paths", draw.randint(3, 6), draw.randint(20, 40), draw.choice([128, 192, 320])),
    ("many thin paths", draw.choice([24, 48, 64]), draw.randint(5, 9), draw.choice([384, 512])),
):
    wide = c * d
    question.check(name, path_weights, c, d, f).gives(
        cost(c, d, f),
        hint=hint,
        mistakes={
            "a grouped kernel is thinner: each filter sees only its own path's d channels": cost(
                1, wide, f
            ),
            "that is one path; there are C of them": cost(1, d, f),
            "the 1x1 convolutions count as well": c * 9 * d * d,
            "the second 1x1 convolution is missing": c * (f * d + 9 * d * d),
            "each path has 1x1 kernels of its own as well": f * d + c * 9 * d * d + d * f,
        },
    )


def nearest(c, f, w):
    """By the formula for the roots of a square equation."""
    total = cost(1, w, f) / c
    root = (-2 * f + ((2 * f) ** 2 + 36 * total) ** 0.5) / 18
    below, above = max(1, int(root)), int(root) + 1
    gaps = [abs(cost(c, d, f) - cost(1, w, f)) for d in (below, above)]
    return root, below if gaps[0] <= gaps[1] else above, abs(gaps[0] - gaps[1])


def cases(widths, counts, wanted, channels=(64, 128, 192, 256, 320, 512)):
    """Blocks of which the right width is what is wanted, and no known mistake gives it."""
    return [
        (c, f, w)
        for c in counts
        for f in channels
        for w in widths
        if (found := nearest(c, f, w))[2] > 40 and found[1] not in (w // c, round(w / c**0.5))
        and wanted(*found[:2])
    ]  # fmt: skip


FEW = (2, 3, 4, 6, 8, 12, 16, 24)
# Weights grow faster than the width, so what is nearest in width need not be nearest in weights.
asked = {
    "rounded up": cases((32, 48, 80, 96), FEW, lambda root, d: root < d < 1.1 * root and d < 12),
    "rounded down": cases((32, 48, 80, 96, 128), FEW, lambda root, d: 2 < d < root),
    "near the middle": cases(range(20, 160, 2), range(2, 25), lambda root, d: d != round(root)),
    "wide paths": cases((256, 384, 512), (2, 3), lambda root, d: d > 128),
    "many paths": cases((32, 48), range(25, 48), lambda root, d: d > 1),
    "a narrow block": cases((48, 64, 96), FEW, lambda root, d: d > 3, channels=(64, 128)),
    "paths of one channel": cases((4, 8, 12, 16), (16, 32, 64), lambda root, d: d == 1),
}
for name, found in asked.items():
    c, f, w = case = draw.choice(found)
    root, right, _ = nearest(*case)
    wrong = {
        "with w / C channels the block is much cheaper: a 3x3 kernel of a path has only d x d "
        "channels": w // c,
        "that makes the 3x3 convolutions equal, but the 1x1 ones count as well": round(w / c**0.5),
        "the nearest, not the largest that costs no more": int(root),
        "the nearest, not the smallest that costs no less": int(root) + 1,
        "the nearest in weights: rounding the width is not the same": round(root),
    }
    wrong = {cause: value for cause, value in wrong.items() if value != right}
    question.check(f"equal cost, {name}", equal_width, *case, share=0.5).gives(
        right, hint="compare path_weights for some widths with the one path's", mistakes=wrong
    )
w = draw.randint(20, 90)
question.check("a single path", equal_width, 1, 4 * w, w, share=0.3).gives(
    w, hint="one path costs what one path costs"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Many paths as one
#
# Nobody computes the paths one by one. Put the kernels of all first convolutions side by side,
# and they are *one* convolution to $C d$ channels; the 3x3 convolutions become one with $C$
# **groups** (unit 01); and since the results of all last convolutions are added up, these are one
# convolution too, from $C d$ channels.
#
# Write `merge_paths(paths)`. A path is a triple of kernels in Keras' order, `(1, 1, F, d)`,
# `(3, 3, d, d)` and `(1, 1, d, F)`. The result is a triple of kernels for a 1x1 convolution, a
# 3x3 convolution with `groups=C`, and a 1x1 convolution, which compute the sum of the paths.
# (There is a ReLU after the first and the second convolution in both forms; it changes nothing
# here, as it acts on each channel separately.)
#
# **Example.** Two paths with $F = 3$ and $d = 2$ give kernels of shapes `(1, 1, 3, 4)`, `(3, 3, 2,
# 4)` and `(1, 1, 4, 3)`. In Keras, a grouped kernel's third axis counts only the channels of one
# group.


# %% nbgrader={"grade": false, "grade_id": "merge_paths", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge_paths(paths):
    """Kernels of one grouped bottleneck that computes what many paths compute together.

    Args:
        paths: list of C triples of arrays: kernels of shapes (1, 1, F, d), (3, 3, d, d) and
            (1, 1, d, F).

    Returns:
        Triple of arrays: kernels of shapes (1, 1, F, C d), (3, 3, d, C d) and (1, 1, C d, F).
    """
    ### BEGIN SOLUTION
    first, middle, last = zip(*paths, strict=True)
    return (
        np.concatenate(first, axis=-1),
        np.concatenate(middle, axis=-1),
        np.concatenate(last, axis=2),
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_merge_paths", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Many paths as one", points=3)


def shapes_of(sizes):
    """Shapes of the merged kernels for paths of ones; sizes are C, F and d."""
    count, filters, width = sizes
    path = [np.ones((1, 1, filters, width)), np.ones((3, 3, width, width))]
    merged = merge_paths([(*path, np.ones((1, 1, width, filters)))] * count)
    return [tuple(np.shape(kernel)) for kernel in merged]


question.example("two paths", shapes_of, (2, 3, 2)).gives(
    [(1, 1, 3, 4), (3, 3, 2, 4), (1, 1, 4, 3)], hint="np.concatenate has an argument axis"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def correlated(image, kernel):
    """A valid convolution, all channels with all filters."""
    views = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[:2], axis=(0, 1))
    return np.einsum("hwcij,ijcf->hwf", views, kernel)


def grouped(image, kernel, groups):
    parts = zip(np.split(image, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([correlated(*part) for part in parts], axis=-1)


def ran(image, first, middle, last, groups=1):
    """The bottleneck, with ReLU after its first two convolutions."""
    y = np.maximum(correlated(image, first), 0)
    return correlated(np.maximum(grouped(y, middle, groups), 0), last)


def together(paths, image):
    """What the merged kernels compute."""
    return ran(image, *map(np.asarray, checks.keeping(merge_paths, paths)), groups=len(paths))


for name, count, filters, width in (("three paths", 3, 5, 2), ("four paths", 4, 6, 3)):
    paths = [
        (
            draw.normal(size=(1, 1, filters, width)),
            draw.normal(size=(3, 3, width, width)),
            draw.normal(size=(1, 1, width, filters)),
        )
        for _ in range(count)
    ]
    image = draw.normal(size=(6, 5, filters))
    first, middle, last = (
        np.concatenate([path[number] for path in paths], axis)
        for number, axis in ((0, -1), (1, -1), (2, 2))
    )
    wide = count * width
    dealt = np.reshape(middle, (3, 3, width, count, width)).swapaxes(-1, -2).reshape(middle.shape)
    question.check(name, together, paths, image, share=2).gives_array(
        sum(ran(image, *path) for path in paths),
        tolerance=1e-6,
        hint="feed one path alone into the merged form: which channels does it use?",
        mistakes={
            "the paths' results are added up, not averaged": ran(
                image, first, middle, last / count, count
            ),
            "each path has its own channels, side by side, in the same order in all three kernels":
                ran(image, first, dealt, last, count),
            "only one path is left: each must keep kernels of its own": count * ran(
                image, *paths[0]
            ),
            "the last convolution takes the paths' channels in the order of the paths": ran(
                image, first, middle, last[:, :, ::-1], count
            ),
        },
    )  # fmt: skip
    question.check(f"shapes for {name}", shapes_of, (count, filters, width)).gives(
        [(1, 1, filters, wide), (3, 3, width, wide), (1, 1, wide, filters)],
        hint="side by side along the filters, except the last, which takes all paths' channels in",
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · Channels that grow
#
# Two networks widen a little with every layer or block.
#
# - **PyramidNet** starts with $c$ channels and adds $\alpha$ in total, evenly over its $N$
#   blocks. Block $k$ has $\lfloor c + \alpha k / N \rfloor$ channels, $k = 1, \dots, N$.
# - **DenseNet** does not add: each of its layers concatenates $g$ new channels (the *growth
#   rate*) to all those of its input. After a dense block a transition keeps a fraction $\theta$
#   (the *compression*) of the channels, rounded down; after the last block there is none.
#
# Write `pyramid_widths(start, alpha, blocks)`, the channels of every block, and
# `dense_channels(start, growth_rate, layers, compression)`, the channels at the *end of every dense
# block*.
#
# **Example.** `pyramid_widths(16, 10, 4)` is `[18, 21, 23, 26]`. A DenseNet with 64 channels, $g =
# 32$, blocks of 6, 12, 24 and 16 layers and $\theta = 0.5$ goes 64 → **256** → 128 → **512** → 256
# → **1024** → 512 → **1024**.


# %% nbgrader={"grade": false, "grade_id": "pyramid_widths", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pyramid_widths(start, alpha, blocks):
    """Channels of every block of a PyramidNet.

    Args:
        start: channels before the first block.
        alpha: channels that all blocks together add.
        blocks: number of blocks.

    Returns:
        List of ints.
    """
    ### BEGIN SOLUTION
    return [int(start + alpha * k / blocks) for k in range(1, blocks + 1)]
    ### END SOLUTION


def dense_channels(start, growth_rate, layers, compression):
    """Channels at the end of every dense block of a DenseNet.

    Args:
        start: channels before the first block.
        growth_rate: maps that each layer adds.
        layers: list with the number of layers of every block.
        compression: part of the maps that a transition keeps, above 0 and at most 1.

    Returns:
        List of ints.
    """
    ### BEGIN SOLUTION
    found, channels = [], start
    for number in layers:
        channels += growth_rate * number
        found.append(channels)
        channels = int(compression * channels)
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_pyramid_widths", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. Channels that grow", points=3)
question.example("a small pyramid", pyramid_widths, 16, 10, 4).gives(
    [18, 21, 23, 26], hint="18.5 is rounded down; where does the next one start from?"
)
question.example("DenseNet-121", dense_channels, 64, 32, [6, 12, 24, 16], 0.5).gives(
    [256, 512, 1024, 1024], hint="after a block comes a transition; what comes after the last one?"
)
### BEGIN HIDDEN TESTS
draw = question.random


def widened(c, alpha, n, kind="right"):
    """Exact, as fractions have no rounding of their own."""
    exact = [c + Fraction(alpha * k, n) for k in range(1, n + 1)]
    if kind == "from 0":
        exact = [c + Fraction(alpha * k, n) for k in range(n)]
    if kind == "each":
        return [c + alpha // n * k for k in range(1, n + 1)]
    if kind == "cut":
        return [math.floor(c + round(alpha / n, 2) * k) for k in range(1, n + 1)]
    if kind == "summed":
        return list(map(math.floor, itertools.accumulate([alpha / n] * n, initial=c)))[1:]
    rounding = {"nearest": lambda w: math.floor(w + Fraction(1, 2)), "up": math.ceil}
    return [rounding.get(kind, math.floor)(width) for width in exact]


def fair(c, alpha, n, kinds):
    """Whether floats cannot round another way, and whether mistakes show."""
    steps = (alpha / n * k for k in range(1, n + 1))
    tried = [math.floor(c + step) for step in steps]
    different = {tuple(widened(c, alpha, n, kind)) for kind in ("right", *kinds)}
    return tried == widened(c, alpha, n) and len(different) == 1 + len(kinds)


for name, low, high, more in (
    ("a few blocks", 4, 9, ()), ("many blocks", 20, 60, ("cut", "summed"))
):  # fmt: skip
    while True:
        c, n = draw.randint(8, 30), draw.randint(low, high)
        alpha = draw.randint(n + 1, 5 * n)
        if fair(c, alpha, n, ("from 0", "each", "nearest", "up", *more)):
            break
    wrong = {
        "from 0": "the first block already adds: k goes from 1 to N",
        "each": "errors of rounding at each step add up: round c + alpha k / N once",
        "nearest": "rounded down, not to the nearest",
        "up": "rounded down, not up",
        "cut": "alpha / N is rounded here: round c + alpha k / N, and nothing before it",
        "summed": "many small roundings of floats add up: compute block k from k",
    }
    right = tuple(widened(c, alpha, n))
    found = {cause: tuple(widened(c, alpha, n, kind)) for kind, cause in wrong.items()}
    found = {cause: value for cause, value in found.items() if value != right}
    question.check(f"a pyramid of {name}", lambda *a: tuple(pyramid_widths(*a)), c, alpha, n).gives(
        right, hint="compute block k from k, not from block k - 1", mistakes=found,
    )  # fmt: skip


def densely(c, g, layers, theta, kind="right"):
    found, start = [], c
    for number, count in enumerate(layers):
        c = {"one layer": c + g, "multiplied": c * g, "no input": g * count}.get(
            kind, c + g * count
        )
        kept = math.floor(Fraction(theta) * c)
        found.append(kept if kind == "behind" and number < len(layers) - 1 else c)
        if kind == "all compressed":
            found[-1] = kept
        c = {
            "no compression": c,
            "dropped": c - kept,
            "nearest": math.floor(theta * c + 0.5),
            "late": theta * c,
            "in parts": math.floor(theta * (c - start)) + math.floor(theta * start),
        }.get(kind, kept)
    return tuple(map(math.floor, found))


causes = {
    "no compression": "the transitions were forgotten: they keep only a part",
    "one layer": "each layer of a block adds its channels, not each block",
    "no input": "the block's input is kept beside the new channels",
    "behind": "what counts is the end of the block, before its transition",
    "all compressed": "what counts is the end of the block, before its transition",
    "dropped": "compression is the part that is kept, not the part that goes",
    "nearest": "a transition rounds down",
    "late": "a transition rounds down, before the next block begins",
    "in parts": "a transition keeps a part of all channels, rounded down once",
}
# A part of 1 / k would hide that rounding comes late.
for name, theta in (("compression", draw.choice([0.375, 0.625, 0.75])), ("no compression", 1.0)):
    while True:
        numbers = draw.randint(10, 30), draw.randint(7, 20), [draw.randint(3, 9) for _ in range(6)]
        right = densely(*numbers, theta)
        if theta == 1 or all(densely(*numbers, theta, kind) != right for kind in causes):
            break
    wrong = [(cause, densely(*numbers, theta, kind)) for kind, cause in causes.items()]
    wrong = [(cause, value) for cause, value in wrong if value != right]
    question.check(
        name, lambda *a: tuple(checks.keeping(dense_channels, *a)), *numbers, theta
    ).gives(right, hint="go through the example with pencil and paper", mistakes=wrong)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · How long are the paths?
#
# A signal can go through each residual block in two ways: over the shortcut, or through the
# branch. So a stack of blocks is a bundle of **paths** of all lengths. A path's length is the
# number of blocks whose branch it goes through.
#
# **FractalNet** has paths of many lengths without a residual. It is built column by column by the
# rule
#
# $$f_1 = \text{conv}, \qquad f_{C+1} = \big(f_C \circ f_C\big) \oplus \text{conv},$$
#
# where $\circ$ puts one after the other and $\oplus$ takes the mean of two parallel paths.
#
# - Write `residual_paths(blocks)`: a list whose entry $k$ is the number of paths of length $k$, $k
#   = 0, \dots,$ `blocks`.
# - Write `fractal_paths(columns)`: the same for one fractal block, where a path's length is the
#   number of its convolutions, $k = 0, \dots, 2^{C-1}$.
#
# A hint for both: paths in series *multiply* polynomials, in which $z^k$ stands for a path of
# length $k$; parallel paths *add* them. `np.convolve` multiplies polynomials.
#
# **Example.** Three residual blocks: one path of length 0, three of length 1, three of length 2,
# one of length 3: `[1, 3, 3, 1]`. Two columns: one convolution beside two: `[0, 1, 1]`.


# %% nbgrader={"grade": false, "grade_id": "residual_paths", "locked": false, "schema_version": 3, "solution": true, "task": false}
def residual_paths(blocks):
    """Number of paths of each length through a stack of residual blocks.

    Args:
        blocks: number of blocks, at least 1.

    Returns:
        List (or array) of blocks + 1 numbers.
    """
    ### BEGIN SOLUTION
    found = np.array([1])
    for _ in range(blocks):
        found = np.convolve(found, [1, 1])
    return found
    ### END SOLUTION


def fractal_paths(columns):
    """Number of paths of each length through a fractal block.

    Args:
        columns: number of columns, at least 1.

    Returns:
        List (or array) of 2 ** (columns - 1) + 1 numbers.
    """
    ### BEGIN SOLUTION
    found = np.array([0, 1])
    for _ in range(columns - 1):
        found = np.convolve(found, found)
        found[1] += 1
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_residual_paths", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. How long are the paths?", points=3)
question.example("three blocks", residual_paths, 3).gives_array(
    [1, 3, 3, 1], hint="write down all eight ways: shortcut or branch, three times"
)
question.example("two columns", fractal_paths, 2).gives_array(
    [0, 1, 1], hint="one way has one convolution, the other has two; none has 0"
)
### BEGIN HIDDEN TESTS
draw = question.random
blocks = draw.randint(8, 14)
ways = np.bincount([sum(way) for way in itertools.product((0, 1), repeat=blocks)])
hint = "each block doubles the number of paths: half of them become longer by one"
question.check("all ways through a stack", residual_paths, blocks).gives_array(
    ways,
    tolerance=1e-9,
    hint=hint,
    mistakes={
        "that is one path of each length; how many ways are there to choose k blocks?":
            np.ones(blocks + 1),
        "paths of length 0 count as well: over all shortcuts": ways[1:],
        "one block too few": [math.comb(blocks - 1, k) for k in range(blocks)],
        "counted, not as parts of all paths": ways / ways.sum(),
    },
)  # fmt: skip
deep = 6 * draw.randint(5, 8)
question.check("a deep stack", residual_paths, deep, share=0.5).gives_array(
    [math.comb(deep, k) for k in range(deep + 1)], tolerance=1e-9, hint=hint
)


def walked(columns):
    """Lengths of all paths, one by one."""
    if columns == 1:
        return [1]
    half = walked(columns - 1)
    return [1] + [a + b for a in half for b in half]


question.check("a single column", fractal_paths, 1, share=0.5).gives_array(
    [0, 1], tolerance=1e-9, hint="one column is one convolution"
)
for columns in (3, 4):
    once = np.zeros(2 ** (columns - 1) + 1)
    once[[2**c for c in range(columns)]] = 1
    right = np.bincount(walked(columns))
    question.check(f"{columns} columns", fractal_paths, columns).gives_array(
        right,
        tolerance=1e-9,
        hint="take the polynomial of one column less, square it, and add one path of length 1",
        mistakes={
            "at a join a path may change to another column, so there are more ways than columns":
                once,
            "the new column's single convolution is missing, each time":
                np.eye(2 ** (columns - 1) + 1)[-1],
            "the last column's single convolution is missing":
                np.bincount([a + b for a in walked(columns - 1) for b in walked(columns - 1)]),
            "one column too few": np.bincount(walked(columns - 1)),
        },
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Stochastic depth
#
# In training, leave out each block's branch at random. Block $l$ of $L$ survives with a
# probability that falls linearly, from 1 (for the image, which is block 0, as it were) to $p_L$
# at the last block:
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L), \qquad l = 1, \dots, L.$$
#
# - Write `survivals(blocks, last)`: the list of all $p_l$.
# - Write `depth_distribution(survivals)`: entry $k$ is the probability that exactly $k$ blocks
#   survive. The blocks are drawn independently of each other. (As in question 11, `np.convolve`
#   helps: a block is a polynomial of two terms.)
#
# **Example.** `survivals(4, 0.5)` is `[0.875, 0.75, 0.625, 0.5]`: even the first block is
# sometimes dropped. Two blocks with $p = 0.9$ and $0.6$: none survives with probability
# $0.1 \cdot 0.4 = 0.04$, one with $0.9 \cdot 0.4 + 0.1 \cdot 0.6 = 0.42$, both with $0.54$.


# %% nbgrader={"grade": false, "grade_id": "survivals", "locked": false, "schema_version": 3, "solution": true, "task": false}
def survivals(blocks, last):
    """Survival probability of each block, falling linearly.

    Args:
        blocks: number of blocks.
        last: survival probability of the last one.

    Returns:
        List (or array) of numbers, the first block first.
    """
    ### BEGIN SOLUTION
    return [1 - block / blocks * (1 - last) for block in range(1, blocks + 1)]
    ### END SOLUTION


def depth_distribution(survivals):
    """How likely it is that 0, 1, 2, ... blocks survive.

    Args:
        survivals: list of each block's survival probability.

    Returns:
        List (or array) with one number more than there are blocks.
    """
    ### BEGIN SOLUTION
    found = np.array([1.0])
    for probability in survivals:
        found = np.convolve(found, [1 - probability, probability])
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_survivals", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Stochastic depth", points=3)
question.example("four blocks", survivals, 4, 0.5).gives_array(
    [0.875, 0.75, 0.625, 0.5], hint="blocks are counted from 1"
)
question.example("two blocks", depth_distribution, [0.9, 0.6]).gives_array(
    [0.04, 0.42, 0.54], hint="there are two ways in which exactly one block survives"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
for name, blocks in (("a few blocks", int(draw.integers(5, 9))), ("54 blocks", 54)):
    last = float(draw.uniform(0.2, 0.8))
    falls = np.arange(1, blocks + 1) / blocks
    question.check(name, survivals, blocks, last).gives_array(
        1 - falls * (1 - last),
        tolerance=1e-9,
        hint="what is p at the first block, what at the last one?",
        mistakes={
            "the first block is block 1, not 0: it is dropped at times as well":
                1 - (falls - 1 / blocks) * (1 - last),
            "from exactly 1 at the first block to p_L at the last: the line starts one block "
            "earlier, at the image": np.linspace(1, last, blocks),
            "those are the probabilities of a drop": falls * (1 - last),
            "last is a survival probability, not that of a drop": 1 - falls * last,
            "the first block survives most often, not the last": (1 - falls * (1 - last))[::-1],
            "the same for all blocks": np.full(blocks, last),
        },
    )  # fmt: skip
alive = draw.uniform(0.15, 0.95, 7).tolist()
right = np.zeros(8)
for way in itertools.product((0, 1), repeat=7):
    right[sum(way)] += np.prod([p if on else 1 - p for p, on in zip(alive, way, strict=True)])
mean = float(np.mean(alive))
question.check("seven blocks", depth_distribution, alive, share=1.5).gives_array(
    right,
    tolerance=1e-9,
    hint="block by block: what was known either stays (dropped) or moves by one (alive)",
    mistakes={
        "that is the number of dropped blocks, not of those that survive": right[::-1],
        "the blocks have probabilities of their own, not all the mean one": np.array(
            [math.comb(7, k) * mean**k * (1 - mean) ** (7 - k) for k in range(8)]
        ),
    },
)

question.check("a last block that is always dropped", survivals, 4, 0.0, share=0.4).gives_array(
    [0.75, 0.5, 0.25, 0],
    tolerance=1e-9,
    hint="the formula holds for a last probability of 0 as well",
)
question.check("some that are certain", checks.keeping, depth_distribution, [1.0, 0.5, 0.0], share=0.4).gives_array(
    [0, 0.5, 0.5, 0], tolerance=1e-9, hint="one block is always there, one never: both are counted"
)  # fmt: skip


def expected_depth(blocks, last):
    """The mean of the distribution for the paper's survival probabilities."""
    found = np.asarray(depth_distribution(survivals(blocks, last)))
    return float(found @ np.arange(len(found)))


last = float(draw.uniform(0.3, 0.7))
question.check("expected depth", expected_depth, 54, last, share=0.5).gives(
    54 - (1 - last) * 55 / 2,
    hint="its mean must be the sum of the survival probabilities",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · A block that is dropped
#
# Now the block itself. In training, each *example* keeps the whole branch with probability
# `survival`, or loses all of it, and is then only its shortcut. At inference nothing is random, and
# the branch must count as much as it did on average. Either multiply it by `survival` at inference
# (as the paper does), or divide by `survival` in training what survives.
#
# `layers.Dropout(rate, noise_shape=...)` does the second of these. Its `rate` is the probability
# that something is *dropped*; `noise_shape` says over which axes one draw is shared: its size
# there is 1. `None` stands for the batch size.
#
# Write `stochastic_block(x, survival)`: $x$ plus the given `branch(x)`, which is dropped in this
# way. Nothing follows the addition.
#
# **Example.** With `survival=1` it is $x + F(x)$, in training and at inference.


# %% nbgrader={"grade": false, "grade_id": "stochastic_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stochastic_block(x, survival):
    """A residual block whose branch is left out at random, for each example.

    Args:
        x: tensor of shape (batch, height, width, channels).
        survival: probability that an example keeps the branch, above 0 and at most 1.

    Returns:
        Tensor of the same shape.
    """
    ### BEGIN SOLUTION
    y = layers.Dropout(1 - survival, noise_shape=(None, 1, 1, 1))(branch(x))
    return layers.Add()([x, y])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_stochastic_block", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. A block that is dropped", points=2)
question.rules(stochastic_block, without=("course.blocks", "course.architectures"))
block = question.block("your block", stochastic_block, (4, 4, 3), 0.5, share=0)
block.has_output_shape((4, 4, 3), hint="nothing here changes the shape")
block.has_layers("Dropout", 1, hint="see layers.Dropout and its noise_shape")


def layers_of(survival):
    """How many convolutions and additions the block has."""
    tensor = keras.Input((4, 4, 3))
    model = keras.Model(tensor, stochastic_block(tensor, survival))
    return sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)


question.example("convolutions", layers_of, 0.8).gives(2, hint="those of the given branch")
### BEGIN HIDDEN TESTS
survival = question.random.choice([0.33, 0.37, 0.44, 0.58, 0.63, 0.68])
block = question.block("the block", stochastic_block, (5, 4, 3), survival)
block.survives(
    survival,
    unit="example",
    dropped=lambda x: x,
    least=1500,
    share=2,
    hint="one draw for each example: over which axes is it shared? What is left of a dropped one?",
    mistakes={"Dropout's rate is the probability of a drop, 1 - survival": 1 - survival},
)


def right(x, survival, kind="right"):
    """The block written out, with one thing wrong where asked."""
    make = keras.layers
    y = make.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x)
    y = make.ReLU()(make.BatchNormalization(momentum=0.8)(y))
    y = make.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(y)
    y = make.BatchNormalization(momentum=0.8)(y)
    y = make.Dropout(1 - survival, noise_shape=(None, 1, 1, 1))(y)
    y = make.Rescaling(survival)(y) if scales_at_inference else y
    return y if kind == "no shortcut" else make.Add()([x, y])


def counts(model):
    """What a branch of ones counts at inference."""
    before = model.get_weights()
    for weight in model.weights:
        if weight.name in ("gamma", "beta"):  # the last normalization gives beta, whatever comes
            weight.assign(np.full(weight.shape, float(weight.name == "beta")))
    found = float(np.mean(np.array(model(np.zeros((2, 5, 4, 3), "float32")))))
    model.set_weights(before)
    return found


# Both ways are right: to scale what survives up in training, or all of it down at inference.
scales_at_inference = bool(block.model and np.isclose(counts(block.model), survival))


def wrong(kind):
    x = keras.Input((5, 4, 3))
    y = right(x, survival, kind)
    return keras.Model(x, keras.layers.ReLU()(y) if kind == "relu" else y)


block.behaves_like(
    right,
    prescribed=("momentum",),
    hint="at inference nothing is dropped, and nothing follows the addition",
    mistakes={
        "nothing follows the addition": lambda: wrong("relu"),
        "the shortcut is missing": lambda: wrong("no shortcut"),
    },
)

question.block("a block that always survives", stochastic_block, (3, 6, 1), 1.0, share=0.5).behaves_like(
    right, hint="with survival=1 it is x + F(x), in training as well"
)  # fmt: skip


def mixed():
    """Whether of 64 examples some keep the branch, and some lose it."""
    x = np.abs(np.random.default_rng(0).normal(size=(64, 5, 4, 3))).astype("float32") + 1
    y = np.array(block.model(x, training=True))
    lost = np.isclose(x, y, rtol=1e-5).all(axis=(1, 2, 3))
    return 0 < int(lost.sum()) < 64


question.check("each example by itself", mixed, share=0.5).gives(
    True, hint="one draw for each example, not one for the whole batch: see noise_shape"
)
block.differs_in_training(hint="what is dropped in training is not at inference")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 14 · Mean, deviation, error of the mean
#
# Train the same network with another seed, and it ends with another error. One number is not a
# result. With the errors $e_1, \dots, e_n$ of $n$ seeds,
#
# $$\bar e = \frac 1 n \sum_i e_i, \qquad s = \sqrt{\frac{1}{n - 1} \sum_i (e_i - \bar e)^2}, \qquad
# \mathrm{se} = \frac{s}{\sqrt n}.$$
#
# The **standard deviation** $s$ says how far a single run may lie from the mean; more runs do not
# make it smaller. The **standard error** says how far the *mean* may lie from what infinitely
# many runs would give; more runs do make that smaller. The sum is divided by $n - 1$ because the
# mean was itself fitted to these $n$ numbers, which lie closer to it than to the true mean.
#
# Write `summary(errors)`.
#
# **Example.** For `[6.0, 7.0, 8.0]` it is mean 7, $s = \sqrt{2 / 2} = 1$, and se $= 1 / \sqrt 3 =
# 0.577$.


# %% nbgrader={"grade": false, "grade_id": "summary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def summary(errors):
    """What several seeds say about each variant.

    Args:
        errors: dict from a variant's name to the list of its errors, one for each seed, at least
            two.

    Returns:
        Dict from each variant's name to (mean, standard deviation, standard error).
    """
    ### BEGIN SOLUTION
    found = {}
    for variant, values in errors.items():
        deviation = float(np.std(values, ddof=1))
        found[variant] = (float(np.mean(values)), deviation, deviation / len(values) ** 0.5)
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_summary", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("14. Mean, deviation, error of the mean", points=2)
question.example("the example", summary, {"a block": [6.0, 7.0, 8.0]}).gives(
    {"a block": (7.0, 1.0, 1 / 3**0.5)}, hint="divide by n - 1 under the root"
)
### BEGIN HIDDEN TESTS
draw = question.random
errors = {
    name: [round(draw.gauss(mean, 0.4), 2) for _ in range(count)]
    for name, mean, count in (("Original", 7.1, 5), ("x 0.5 ", 12.2, 3), ("gated", 8.6, 8))
}


def one_of(position, variant):
    """One of the three numbers."""
    return float(list(checks.keeping(summary, errors)[variant])[position])


for variant, values in errors.items():
    n, mean = len(values), statistics.fmean(values)
    s, narrow = statistics.stdev(values), statistics.pstdev(values)
    given = (mean, s, s / n**0.5)
    causes = (
        {
            "that is the median": statistics.median(values),
            "the best seed is luck: the mean of all is asked for": min(values),
        },
        {
            "divided by n: the mean was fitted to these numbers, so divide by n - 1": narrow,
            "that is the variance; take its root": s**2,
            "standard deviation and standard error are mixed up": s / n**0.5,
            "that is the range": max(values) - min(values),
        },
        {
            "standard deviation and standard error are mixed up": s,
            "divide by the root of n, not by n": s / n,
            "divided by n: the mean was fitted to these numbers, so divide by n - 1": narrow
            / n**0.5,
            "the n - 1 belongs in the deviation; here divide by the root of n": s / (n - 1) ** 0.5,
        },
    )
    for position, what in enumerate(("mean", "standard deviation", "standard error")):
        question.check(f"{what} of {n} seeds", one_of, position, variant, share=1 / 3).gives_array(
            given[position],
            tolerance=1e-7,
            hint="see the formulas above",
            mistakes=causes[position],
        )


def named():
    """The variants that get an entry."""
    return sorted(summary(errors))


question.check("all variants, and no others", named, share=0.3).gives(
    sorted(errors), hint="one entry for each variant, under its own name"
)
question.check("runs that all end alike", summary, {"net": [4.5, 4.5]}, share=0.5).gives(
    {"net": (4.5, 0.0, 0.0)}, hint="then both are 0, and there is an entry all the same"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 15 · Which differences are real?
#
# Take two variants, with a few seeds each. Their means differ: they always do. Would they differ
# if the variants were equally good? **Welch's test** compares the difference with its standard
# error, and does not assume that both scatter equally:
#
# $$t = \frac{\bar a - \bar b}{\sqrt{v_a + v_b}}, \qquad v = \frac{s^2}{n}, \qquad
# \nu = \frac{(v_a + v_b)^2}{v_a^2 / (n_a - 1) + v_b^2 / (n_b - 1)}.$$
#
# If they were equally good, a $t$ as far from 0, on either side, would come up with probability $p$
# = `2 * stats.t.sf(abs(t), nu)`, where $\nu$ are the *degrees of freedom*. A small $p$ is a reason
# to believe in the difference.
#
# If you make twenty comparisons at $p < 0.05$, you can expect to find one "real" difference where
# there is none. So with $m$ comparisons, demand $p < \alpha / m$ of each of them (Bonferroni).
#
# - Write `welch(a, b)`, which returns $(t, \nu, p)$.
# - Write `verdicts(errors, baseline, alpha=0.05)`: compare each other variant with the baseline,
#   $m$ comparisons in all. A variant is `"better"` or `"worse"` if $p < \alpha / m$ (a smaller
#   error is better), and `"not shown"` otherwise.
#
# **Example.** For $a = (6, 7, 8)$ and $b = (8, 10, 12)$: $v_a = 1/3$, $v_b = 4/3$, so
# $t = -3 / \sqrt{5/3} = -2.324$, $\nu = 2.941$ and $p = 0.105$. Not shown, although the means are
# three points of error apart. "Not shown" is not "equal": there were too few runs.


# %% nbgrader={"grade": false, "grade_id": "welch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def welch(a, b):
    """Welch's test for a difference of two means.

    Args:
        a, b: lists of numbers, at least two each, not all of them equal.

    Returns:
        (t, degrees of freedom, two-sided p).
    """
    ### BEGIN SOLUTION
    v_a, v_b = (np.var(values, ddof=1) / len(values) for values in (a, b))
    t = (np.mean(a) - np.mean(b)) / np.sqrt(v_a + v_b)
    nu = (v_a + v_b) ** 2 / (v_a**2 / (len(a) - 1) + v_b**2 / (len(b) - 1))
    return float(t), float(nu), float(2 * stats.t.sf(abs(t), nu))
    ### END SOLUTION


def verdicts(errors, baseline, alpha=0.05):
    """Which variants are shown to be better or worse than the baseline.

    Args:
        errors: dict from a variant's name to the list of its errors, one for each seed: the
            baseline and at least one other, each with at least two errors, not all of them equal.
        baseline: the variant that all others are compared with.
        alpha: probability of calling any difference real if none is.

    Returns:
        Dict from each other variant's name to "better", "worse" or "not shown".
    """
    ### BEGIN SOLUTION
    others = [variant for variant in errors if variant != baseline]
    found = {}
    for variant in others:
        t, _, p = welch(errors[variant], errors[baseline])
        found[variant] = (
            ("better" if t < 0 else "worse") if p < alpha / len(others) else "not shown"
        )
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_welch", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("15. Which differences are real?", points=4)
question.example("t and degrees of freedom", welch, [6, 7, 8], [8, 10, 12]).gives_array(
    [-2.32379, 2.94118],
    of=lambda found: list(found)[:2],
    tolerance=1e-4,
    hint="compute both v first, with s as in question 14",
)
three = {"original": [6.0, 6.2, 6.1], "scaled": [12.0, 12.3, 12.2], "gated": [6.0, 6.4, 6.2]}
question.example("three variants", verdicts, three, "original").gives(
    {"scaled": "worse", "gated": "not shown"}, hint="m is 2 here: two comparisons"
)


def judged(*about):
    """Who gets a verdict."""
    return sorted(checks.keeping(verdicts, *about))


question.example("who gets a verdict", judged, three, "original").gives(
    ["gated", "scaled"], hint="each *other* variant: the baseline gets none"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def seeds(mean, deviation, count):
    return draw.normal(mean, deviation, count).round(3).tolist()


def p_of(a, b, equal_var=False):
    return float(stats.ttest_ind(a, b, equal_var=equal_var).pvalue)


a, b = seeds(8, 0.3, 4), seeds(8.6, 1.1, 7)
tested = stats.ttest_ind(a, b, equal_var=False)
t, nu, p = float(tested.statistic), float(tested.df), float(tested.pvalue)
v = [np.var(x, ddof=1) / len(x) for x in (a, b)]
plain = [np.var(x) / len(x) for x in (a, b)]
gap = np.mean(a) - np.mean(b)
numbers = (
    ("t", t, {
        "a is compared with b: the mean of a comes first": -t,
        "the variances were divided by n; see question 14": gap / np.sqrt(sum(plain)),
        "divide by the root of v_a + v_b": gap / sum(v),
        "the standard deviations of single runs: the error of a mean is smaller, s^2 / n":
            gap / np.sqrt(np.var(a, ddof=1) + np.var(b, ddof=1)),
        "that is Student's t, for variants that scatter alike":
            float(stats.ttest_ind(a, b).statistic),
        "two standard errors do not add up; their squares do": gap / sum(np.sqrt(v)),
    }),
    ("degrees of freedom", nu, {
        "those are Student's degrees of freedom, for variants that scatter alike":
            len(a) + len(b) - 2.0,
        "each n must be made one smaller":
            sum(v) ** 2 / (v[0] ** 2 / len(a) + v[1] ** 2 / len(b)),
    }),
    ("p", p, {
        "p is two-sided: a difference on either side counts": p / 2,
        "with so few runs, t has heavier tails than a normal distribution":
            float(2 * stats.norm.sf(abs(t))),
        "that is the probability of the other side": 1 - p,
    }),
)  # fmt: skip
for position, (what, right, wrong) in enumerate(numbers):
    question.check(what, welch, a, b, share=0.5).gives_array(
        right,
        of=lambda found, place=position: list(found)[place],
        tolerance=1e-5,
        hint="see the formulas above; compute v first",
        mistakes=wrong,
    )


def such(wanted, *how):
    """Draw until the seeds show what they are drawn for."""
    while True:
        values = seeds(*how)
        if wanted(values):
            return values


M = 5
base = such(lambda v: 0.25 < np.std(v, ddof=1) < 0.45, 9, 0.35, 5)
errors = {
    "baseline": base,
    "clearly worse": such(lambda v: p_of(v, base) < 0.05 / M / 4, 11, 0.35, 5),
    "clearly better": such(lambda v: p_of(v, base) < 0.05 / M / 4, 7, 0.35, 5),
    "one of five": such(
        lambda v: 0.05 / M * 1.3 < p_of(v, base) < 0.03 and np.mean(v) > np.mean(base),
        9.7, 0.35, 5,
    ),
    "one lucky seed": such(
        lambda v: p_of(v, base) > 0.2 and min(v) < min(base) - 0.3 and np.mean(v) > np.mean(base),
        9.3, 0.9, 5,
    ),
    "two wild seeds": such(
        lambda v: p_of(v, base) > 0.05 / M * 1.5 and p_of(v, base, True) < 0.05 / M * 0.7
        and np.mean(v) > np.mean(base), 12, 2.0, 2,
    ),
}  # fmt: skip
right = {
    name: "not shown" if p_of(v, base) >= 0.05 / M else
    "worse" if np.mean(v) > np.mean(base) else "better"
    for name, v in errors.items() if name != "baseline"
}  # fmt: skip
assert set(right.values()) == {"better", "worse", "not shown"}


def verdict(variant, baseline="baseline", alpha=0.05):
    """The verdict on one variant."""
    found = verdicts(errors, baseline, alpha)
    return found[variant]


hints = {
    "clearly worse": ("a small p, and a larger error", "an error that is larger is worse"),
    "clearly better": ("a small p, and a smaller error", "an error that is smaller is better"),
    "one of five": ("five comparisons: p must lie below alpha / 5",
                    "five comparisons at 0.05 each find too much: demand p < alpha / 5"),
    "one lucky seed": ("compare means, not best seeds", "the best seed is luck"),
    "two wild seeds": ("two runs that scatter widely show little: use Welch's test, with its "
                       "degrees of freedom", "Student's test believes that all scatter alike"),
}  # fmt: skip
for variant, (hint, cause) in hints.items():
    others = {"better", "worse", "not shown"} - {right[variant]}
    question.check(variant, verdict, variant, share=0.6).gives(
        right[variant], hint=hint, mistakes=[(cause, other) for other in others]
    )


def shifted_to(p):
    """Errors whose difference from the baseline has this p."""
    values, low, high = np.array(seeds(0, 0.35, 5)), 0.0, 20.0
    values -= values.mean()
    for _ in range(60):
        middle = (low + high) / 2
        too_near = p_of(values + np.mean(base) + middle, base) > p
        low, high = (middle, high) if too_near else (low, middle)
    return (values + np.mean(base) + high).tolist()


# Between alpha / 5 and what Sidak's, Holm's and other rules allow, and just inside of it.
five = {"baseline": base, "far 1": shifted_to(1e-4), "far 2": shifted_to(2e-4)}
five |= {"just outside": shifted_to(0.01005), "just inside": shifted_to(0.00995)}
five |= {"not at all": shifted_to(0.4)}
question.check("next to the level", verdicts, five, "baseline", share=1.2).gives(
    {"far 1": "worse", "far 2": "worse", "just outside": "not shown", "just inside": "worse",
     "not at all": "not shown"},
    hint="each p is compared with alpha / m, whatever the others are",
)  # fmt: skip
question.check("who gets a verdict", judged, five, "baseline", share=0.4).gives(
    sorted(set(five) - {"baseline"}), hint="each *other* variant, and nobody else"
)
many = {"baseline": seeds(9, 0.3, 12), "with one good run": [*seeds(11, 0.3, 11), 7.5]}
question.check("one good run of many", verdicts, many, "baseline", share=0.4).gives(
    {"with one good run": "worse"}, hint="the means decide which is better, not the best runs"
)
alone = {"baseline": base, "one of five": errors["one of five"]}
level = 1.002 * p_of(alone["one of five"], base)
question.check("the only comparison", verdicts, alone, "baseline", level, share=0.5).gives(
    {"one of five": "worse"}, hint="with a single comparison, m is 1: the baseline does not count"
)
question.check("a stricter level", verdicts, alone, "baseline", level / 1.004, share=0.5).gives(
    {"one of five": "not shown"}, hint="alpha is an argument"
)
level = 1.1 * M * p_of(errors["clearly worse"], base)
question.check("another level", verdicts, errors, "baseline", level, share=0.5).gives(
    {
        name: "not shown" if p_of(v, base) >= level / M else
        "worse" if np.mean(v) > np.mean(base) else "better"
        for name, v in errors.items() if name != "baseline"
    },
    hint="alpha is an argument, and five variants are compared with the baseline",
)  # fmt: skip
question.check(
    "another baseline", verdicts, {"old": base, "new": errors["clearly worse"]}, "new", share=0.5
).gives({"old": "better"}, hint="every variant but the baseline is compared with it")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 16 · Run an ablation
#
# Now it is your turn to change one thing. The next cell has drawn shapes of 16x16 pixels, small
# enough to train on in a second, and `error_after_training(net)`, which draws the images for 50
# steps, trains a network on them with `train(net, batches)`, and returns its error on images that
# it has not seen, from 0 to 1.
#
# The test is a **rehearsal**: while it runs, another `train` takes the place of this one. It
# trains nothing, records what it is given, and returns an error of 0.001 for the first run, 0.002
# for the second one, and so on. So you can see within a second whether an ablation does what you
# intend.

# %% nbgrader={"grade": false, "grade_id": "shapes", "locked": true, "schema_version": 3, "solution": false, "task": false}
from course import datasets


def smaller(images):
    """Means of 2x2 pixels, from 0 to 1."""
    images = images.astype("float32").reshape(len(images), 16, 2, 16, 2, 3) / 255
    return images.mean(axis=(2, 4))


TRAIN, TRAIN_LABELS = datasets.load_arrays("course_shapes", "train[:1024]")
TEST, TEST_LABELS = datasets.load_arrays("course_shapes", "test[:1000]")
TRAIN, TEST = smaller(TRAIN), smaller(TEST)


def train(net, batches):
    """Train a net on these images, and return the fraction of the test images that it gets wrong.

    Args:
        net: a Keras model, which is trained as it is.
        batches: integer array of shape (steps, batch), places of images in TRAIN.
    """
    optimizer, loss_of = keras.optimizers.Adam(0.005), keras.losses.SparseCategoricalCrossentropy()
    weights = net.trainable_variables
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, net(images, training=True))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)

    for chosen in batches:
        step(tf.constant(TRAIN[chosen]), tf.constant(TRAIN_LABELS[chosen]))
    return float(np.mean(np.argmax(net(TEST), axis=-1) != TEST_LABELS))


def error_after_training(net, steps=50):
    """Train a net for some steps, and return its error on images that it has not seen."""
    return train(net, np.random.randint(len(TRAIN), size=(steps, 32)))


# %% [markdown]
# The initial weights and the order of the images are random. A seed fixes both, if it is set in
# the right place: `keras.utils.set_random_seed(seed)`, *before* the network is built.
#
# - Write `ablation_net(variant)`: a 3x3 convolution (`conv`) with 16 filters and stride 2 on
#   16x16x3 images, BN, ReLU; two blocks of the variant; global average pooling; a dense layer
#   with softmax for 10 classes. What is around the blocks is the same for all variants, whatever
#   a block begins or ends with. The variants are
#   - `"original"`, `"full_preactivation"`, and the other three orders of question 4,
#   - `"constant_scaling"`: question 2 with factors 0.5 and 0.5,
#   - `"shortcut_gating"`: question 3, shortcut only, with a bias of 0.
# - Write `ablation(variants, seeds)`: for each variant and each seed, a network of its own,
#   trained by one call of `error_after_training`, with its default number of steps. The result is
#   a dict from each variant to the list of the errors that these calls returned, in the order of
#   the seeds. Nothing may depend on what was trained before.
#
# **Example.** `ablation(["original", "constant_scaling"], [1, 2, 3])` returns a dict of two lists
# of three numbers. In a rehearsal, a single run returns `{"original": [0.001]}`.


# %% nbgrader={"grade": false, "grade_id": "ablation", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ablation_net(variant):
    """A small net of two blocks of a variant.

    Args:
        variant: one of the names above.

    Returns:
        A keras.Model from images of 16x16x3 to the probabilities of 10 classes.
    """
    ### BEGIN SOLUTION
    inputs = keras.Input((16, 16, 3))
    x = relu(bn(conv(inputs, 16, strides=2)))
    for _ in range(2):
        if variant == "constant_scaling":
            x = scaled_block(x, 0.5, 0.5)
        elif variant == "shortcut_gating":
            x = gated_block(x, "shortcut_only", 0.0)
        else:
            x = ordered_block(x, variant)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    ### END SOLUTION


def ablation(variants, seeds):
    """Test errors of each variant with each seed.

    Args:
        variants: list of names.
        seeds: list of ints.

    Returns:
        Dict from each variant's name to the list of its errors, one for each seed.
    """
    ### BEGIN SOLUTION
    errors = {}
    for variant in variants:
        errors[variant] = []
        for seed in seeds:
            keras.utils.set_random_seed(seed)
            errors[variant].append(error_after_training(ablation_net(variant)))
    return errors
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ablation", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("16. Run an ablation", points=4)
question.rules(ablation_net, ablation, without=("course.blocks", "course.architectures"))
net = question.model("the net", ablation_net, "bn_after_addition", share=0)
net.has_output_shape((10,), hint="one probability for each class")
net.has_layers("Conv2D", 5, hint="one at the start, two in each block")


trained, runs = train, []


def noted(net, batches):
    """Stands in for train: nothing is trained, and the n-th run has an error of n / 1000."""
    runs.append({"net": net, "steps": len(batches), "images": list(map(int, batches[0]))})
    return len(runs) / 1000


train = noted
question.example("one variant, one seed", ablation, ["bn_after_addition"], [1]).gives(
    {"bn_after_addition": [0.001]}, hint="a dict from each name to a list, one error for each seed"
)
### BEGIN HIDDEN TESTS
draw = question.random


def small(kind):
    """The net written out, one letter for a layer."""
    make = keras.layers
    layer = {
        "c": lambda strides=1: make.Conv2D(16, 3, strides, padding="same", use_bias=False),
        "b": lambda: make.BatchNormalization(momentum=0.8),
        "r": lambda: make.ReLU(),
    }
    branch, after = SPELLED.get(kind, SPELLED["original"]).split("+")
    inputs = keras.Input((16, 16, 3))
    x = layer["r"]()(layer["b"]()(layer["c"](2)(inputs)))
    for _ in range(2):
        y = x
        for letter in branch:
            y = layer[letter]()(y)
        if kind == "constant_scaling":
            x, y = make.Rescaling(0.5)(x), make.Rescaling(0.5)(y)
        if kind == "shortcut_gating":
            gate = make.Conv2D(16, 1, activation="sigmoid")(x)
            x = make.Multiply()([make.Rescaling(-1, offset=1)(gate), x])
        x = make.Add()([x, y])
        for letter in after:
            x = layer[letter]()(x)
    x = make.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, make.Dense(10, activation="softmax")(x))


variants = (
    "original", "bn_after_addition", "relu_before_addition", "relu_only_preactivation",
    "full_preactivation", "constant_scaling", "shortcut_gating",
)  # fmt: skip
# The example's net may be known by heart, and so earns nothing.
shares = dict.fromkeys(variants, 0.3) | {"bn_after_addition": 0}
nets = {
    variant: question.model(variant, ablation_net, variant, share=share)
    for variant, share in shares.items()
}
KINDS = {"c": "Conv2D", "b": "BatchNormalization", "r": "ReLU", "+": "Add"}
END = ("GlobalAveragePooling2D", "Dense", "softmax")


def path(block, start="cbr", blocks=2):
    """The kinds along the branches of a net, from image to classes."""
    return (*(KINDS[letter] for letter in start + blocks * block), *END)


SPELLED = {
    "original": "cbrcb+r", "bn_after_addition": "cbrc+br", "relu_before_addition": "cbrcbr+",
    "relu_only_preactivation": "rcbrcb+", "full_preactivation": "brcbrc+",
}  # fmt: skip
hint = "two blocks of this variant; compare with question 2, 3 or 4"
for variant, block in SPELLED.items():
    nets[variant].has_order(
        path(block),
        hint=hint,
        mistakes={
            "this is the original net, whatever variant is asked for": path(SPELLED["original"]),
            "there must be two blocks": path(block, blocks=1),
            "BN and ReLU follow the first convolution": path(block, start="c"),
        },
    )
known = {
    "this is the original net, whatever variant is asked for": lambda: small("original"),
}
nets["constant_scaling"].computes(small("constant_scaling"), hint=hint, mistakes=known)
nets["shortcut_gating"].behaves_like(
    small, also=[("full_preactivation",)], prescribed=("momentum",), hint=hint, mistakes=known
)


def first_biases(variant):
    """How many layers of a net have a bias, and the values that these begin with."""
    biases = [w.numpy().ravel() for w in nets[variant].model.weights if w.name == "bias"]
    return [len(biases), *sorted(set(np.concatenate(biases).round(5).tolist()))]


question.check("the gates' first bias", first_biases, "shortcut_gating", share=0.3).gives(
    [3, 0.0], hint="which bias does the text give for shortcut_gating?"
)

seeds = sorted(draw.sample(range(10, 10_000), 2), reverse=True)  # so that sorting them shows
gated, other = "shortcut_gating", draw.choice(variants[:5])


def rehearsed(*asked):
    """What `ablation` returns, or its error, and the runs that were noted."""
    runs.clear()
    try:
        found = ablation(*asked)
    except Exception as error:
        found = error
    return found, list(runs)


found, first_runs = rehearsed([other, gated], seeds)
again, more_runs = rehearsed([gated], seeds[1:])


def ablated():
    """For each name how many errors there are, and whether all are what the runs returned."""
    if isinstance(found, Exception):
        raise found
    returned = [(number + 1) / 1000 for number in range(len(first_runs))]
    return {
        name: [len(list(errors)), all(error in returned for error in errors)]
        for name, errors in found.items()
    }


def run_of(variant, place, first=True):
    """The run whose error stands at a place of a variant's list."""
    answer, done = (found, first_runs) if first else (again, more_runs)
    if isinstance(answer, Exception):
        raise answer
    return done[round(1000 * answer[variant][place]) - 1]


def start_of(*run):
    """A run's first weights as one row, in the order of their sizes."""
    weights = sorted(run_of(*run)["net"].get_weights(), key=lambda w: (w.size, w.sum()))
    return np.concatenate([weight.ravel() for weight in weights])


question.check("two variants, two seeds", ablated).gives(
    {other: [2, True], gated: [2, True]},
    hint="a dict from each variant to a list with the error of each seed, as "
    "error_after_training returned it: one error for each seed, from 0 to 1",
)


def number_of_runs():
    """How often a net was trained for them."""
    return len(list(ablated()) and first_runs)


question.check("how many runs", number_of_runs, share=0.5).gives(
    4,
    hint="one call of error_after_training for each variant and each seed",
    mistakes={"each net is trained once: a second call goes on training it": 8},
)


def numbers_of_steps():
    """How many steps the runs trained."""
    ablated()
    return sorted({run["steps"] for run in first_runs})


question.check("how long they train", numbers_of_steps, share=0.5).gives(
    [50], hint="error_after_training has a number of steps of its own; leave it alone"
)


def seeds_of(variant):
    """Whose images the runs of a variant began with; None if they are no seed's."""
    batches = {
        str(np.random.RandomState(seed).randint(1024, size=(50, 32))[0].tolist()): seed
        for seed in seeds
    }
    return tuple(batches.get(str(list(run_of(variant, place)["images"]))) for place in range(2))


for variant in (other, gated):
    question.check(f"the order of the images, {variant}", seeds_of, variant, share=0.5).gives(
        tuple(seeds),
        hint="when is the seed set, and which one?",
        mistakes={
            "the errors stand in the order in which the seeds were given": tuple(seeds[::-1]),
            "each run has its own seed, not the first one for all": (seeds[0],) * 2,
            "when is the seed set? Each run begins with its own, before its net is built": (
                None,
                None,
            ),
        },
    )


def same_start():
    """Whether a run begins with the same weights, whatever ran before it."""
    return np.allclose(start_of(gated, 1), start_of(gated, 0, False))


def other_start():
    """Whether runs with other seeds begin with other weights."""
    return not np.allclose(start_of(other, 0), start_of(other, 1))


def sizes():
    """How many weights the nets of both variants have."""
    return tuple(int(run_of(variant, 0)["net"].count_params()) for variant in (other, gated))


question.check("the same ones again", same_start).gives(
    True,
    hint="a run must not depend on what ran before it: when is the seed set, when the net built?",
)
question.check("seeds matter", other_start, share=0.5).gives(
    True, hint="does each run begin with its own seed, and with a new net?"
)
question.check("a variant's own net", sizes, share=0.5).gives(
    (10_138, 10_682),  # the gates of two blocks have 2 x (16 x 16 + 16) more
    hint="the net that is trained is ablation_net(variant)",
)
### END HIDDEN TESTS
train = trained
question.score()

# %% [markdown]
# Here is your ablation, and what your own tests say about it. Run it with more seeds if you like.

# %% tags=["raises-exception"]
mine = ablation(["original", "full_preactivation"], [1, 2])
for variant, (mean, deviation, error) in summary(mine).items():
    print(f"{variant:20} {mean:.3f} ± {error:.3f} (deviation {deviation:.3f})")
print(verdicts(mine, "original"))

# %% [markdown]
# And here are longer runs that come with this course: 32-layer ResNets with the paper's changes,
# three seeds each. The cell looks for them in the course's folder `data/runs`, and says so if it
# is not there. (`course study show shortcuts` in a terminal shows how they were trained.)

# %% tags=["raises-exception"]
from course.studies import runs

for study in ("shortcuts", "activation_order"):
    recorded = {}
    for run in runs.load(study):
        recorded.setdefault(run.variant, []).append(run.error)
    recorded = {name: values for name, values in recorded.items() if len(values) > 1}
    if len(recorded) < 2 or "original" not in recorded:
        print(f"{study}: too few recorded runs here")
        continue
    print(f"\n{study}: test error in percent")
    for variant, (mean, _, error) in summary(recorded).items():
        verdict = verdicts(recorded, "original").get(variant, "the baseline")
        seeds = ", ".join(f"{value:.1f}" for value in recorded[variant])
        print(f"{variant:24} {mean:5.1f} ± {error:.1f}  {verdict:12} ({seeds})")

# %% [markdown]
# ## 17 · In your own words
#
# A colleague writes: "We tried six changes to our residual block on CIFAR-10, each once. Change D
# was the best, with an error of 6.61 % against the original's 6.83 %, so we use it from now on. The
# gate on the shortcut contains the identity as a special case, so it can represent more; that it
# was worse must have been bad luck."
#
# Write about ten sentences: what does the first claim show, and what does it not show; which runs
# and which test would show it, and what would you report; what is wrong with the conclusion about
# the gate, and how would you find out? Use numbers from your ablation or from the recorded runs
# for one of your points. This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# One run each shows that training works, and little more. Without a second seed nobody knows how
# far runs of the same net lie apart; on CIFAR-10 nets of this kind differ by some tenths of a
# point from seed to seed, as much as is claimed here. And D is the best of six: the smallest of
# six equal variants lies below the original more often than not, so the winner of a comparison
# looks better than it is. If the test set chose it, it is no longer a test set.
#
# I would train the original and D (better all six) with at least five new seeds each, the same
# recipe and the same number of epochs, choose on validation images and look at the test set once.
# I would report mean and standard error for each, and Welch's test of the difference with a level
# divided by the number of comparisons. If $p$ is not small, the answer is "not shown", and the
# simpler block stays. (In the recorded runs, for instance, two of the variants differ by ... with
# a standard error of ..., which seeds alone can explain.)
#
# The gate can represent the identity, but what a network can represent is not what training
# finds. Closed or half open, it multiplies the signal on the shortcut by a number below 1 in
# every block, and what comes back along the shortcuts alone as well: 0.5 in each of 54 blocks
# leaves $10^{-16}$ on the direct path. The gradient as a whole does not vanish with it: the
# branches carry it, and in the lecture it even *grows* towards the first block, by a factor of
# tens. So the direct path is lost, and optimization is as hard as without shortcuts. It would
# show in the *training* error, which would be worse as well, whereas overfitting would make the
# training error low. A start with a bias of -6, a measurement of the gates' values and of the
# gradient's size block by block, and several seeds would tell it from bad luck.
#
# **Marking scheme** (4 points)
#
# - 1: a single run each says nothing about chance; the spread between seeds must be known. Naming a
#   number of seeds alone does not earn another half point.
# - 1: the best of six is biased (selection, several comparisons, or choosing on the test set), and
#   a procedure that could come out either way: new seeds, mean and standard error, Welch or another
#   test, corrected for the number of comparisons.
# - 1: representation is not optimization: on every shortcut the gate scales the signal down, and
#   with it the direct part of the gradient; evidence is the training error, or the gradients, or
#   the gate's bias. Half a point if the gradient as a whole is said to vanish: measured, it grows.
# - 1: numbers from their own or the recorded runs, with standard errors, interpreted correctly
#   ("not shown" is not "equal"). No point for numbers without an error.
# ### END SOLUTION

# %% [markdown]
# So a residual block needs a clear way through, and a claim needs more than one seed. Before you
# submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow *hand in* on the start
# page (`START.md`), or run `course submit 08_residual_ablations` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
