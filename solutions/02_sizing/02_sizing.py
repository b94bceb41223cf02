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
# # 02 · Sizing: how large is a convolutional network?
#
# Before a network is trained, four questions can be answered with a pencil: how large is every
# tensor, how many parameters are there, how many multiply-adds does one image cost, and how much
# memory do its activations take? In this assignment you write the arithmetic once, as small
# functions, and then size LeNet-5, AlexNet, VGG-16 and the Inception module with them. You predict
# a network on paper before it is trained on real handwritten digits, and you size one whose numbers
# are yours alone.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn numbers, so write the rule, not the example's answer. If some of the checks pass,
#    you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 02_sizing`: it checks the notebook, makes the file to hand in, and says where
#    to.
#
# **Four rules**
#
# - Sizes and counts are whole numbers: return an `int` (divide with `//`). NumPy's integers will
#   do as well. Those that a function receives are Python's own.
# - Shapes are `(height, width, channels)`.
# - A function receives the arguments that its docstring describes, and need not check them unless
#   its question asks for an error. It may change the lists that it is given: only what it returns
#   counts.
# - Later questions may call your earlier functions. The package `course.sizing` computes much of
#   this as well: that is what the lecture uses and what you should be able to write yourself. So
#   answers use nothing from `course`, Keras or TensorFlow, even if some other cell has imported
#   it. That is checked: a question whose answer uses them earns no points.
#
# **Core and optional.** Do the *core* questions first. The three *optional* ones count further
# networks in the same way, and no other question needs them. Your instructor will tell you whether
# their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Where a kernel fits | 1 | core | 10 |
# | 2 Padding, strides and dilation | 3 | core | 20 |
# | 3 Pooling | 1 | core | 5 |
# | 4 Parameters | 2 | core | 10 |
# | 5 Connections, multiply-adds, memory | 2 | core | 10 |
# | 6 LeNet-5, layer by layer | 3 | core | 25 |
# | 7 Receptive fields | 3 | core | 20 |
# | 8 AlexNet's table | 3 | optional | 20 |
# | 9 VGG-16's table, and where its memory and weights are | 4 | core | 25 |
# | 10 The Inception module | 3 | optional | 15 |
# | 11 Cheaper blocks | 2 | optional | 15 |
# | 12 Predict a network, then train it | 3 | core | 20 |
# | 13 A network of your own | 3 | core | 20 |
# | 14 In your own words (graded by hand) | 4 | core | 25 |
#
# The core has 29 points, the rest 8. (The minutes are rough guesses.) The lecture is
# [02_sizing](../lectures/02_sizing.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
from math import prod

import numpy as np

from autograder import checks

LEFT_OUT = "course", "keras", "tensorflow"  # answers do without them

# %% [markdown]
# ## 1 · Where a kernel fits
#
# A *valid* convolution writes one output value for each place where the kernel lies completely
# inside the input. Along one axis with $n$ values, how many such places are there for a kernel of
# $k$ values that moves $s$ values at a time?
#
# The first place begins at 0, the next at $s$, then $2s$, as long as the kernel's end does not
# pass the input's end. What is left over at the end is not used.
#
# **Example.** 8 values, kernel 3, stride 2: places 0–2, 2–4, 4–6. The next would be 6–8, but the
# last value is number 7. So there are 3.
#
# Write `valid_output_size(size, kernel_size, strides=1)`. A kernel as large as the input has one
# place. If it is larger than the input there is none, whatever the stride: raise a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "figure_strides", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import sizing as figures
from course.visualization.display import show

show(
    figures.geometry({"stride 1": (8, 3, 1, (0, 0), 1), "stride 2": (8, 3, 2, (0, 0), 1)}),
    "8 values, and a kernel of 3 at each of its places. Hatched: left over.",
)


# %% nbgrader={"grade": false, "grade_id": "valid_output_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def valid_output_size(size, kernel_size, strides=1):
    """Number of places where a kernel lies completely inside the input, along one axis.

    Args:
        size: number of input values, an int of at least 1.
        kernel_size: number of values that the kernel covers, at least 1.
        strides: how many values a place lies after the one before, at least 1.

    Returns:
        An int.

    Raises:
        ValueError: the kernel is larger than the input.
    """
    ### BEGIN SOLUTION
    if kernel_size > size:
        raise ValueError(f"A kernel of {kernel_size} does not fit into {size} values.")
    return (size - kernel_size) // strides + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_valid_output_size", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Where a kernel fits", points=1)
question.rules(valid_output_size, without=LEFT_OUT)
question.example("3 of 7 values", valid_output_size, 7, 3).gives(
    5, hint="write down where the kernel begins at its first and at its last place"
)
question.example("3 of 7 values, two at a time", valid_output_size, 7, 3, strides=2).gives(
    3, hint="the first place needs no step; every further one needs a whole step"
)
question.example("5 of 3 values", valid_output_size, 3, 5).raises(
    ValueError, hint="compare the kernel with the input before anything else"
)
### BEGIN HIDDEN TESTS
draw = question.random
steps, kernel = draw.randint(8, 20), draw.randint(4, 9)
size = draw.randint(40, 90)
question.check("one value at a time", valid_output_size, size, kernel).gives(
    size - kernel + 1,
    hint="count the places where the kernel can begin",
    mistakes={
        "that is the number of steps; the first place needs no step": size - kernel,
        "that is the full convolution, in which the kernel may hang over": size + kernel - 1,
        "that is the size with zeros around; a valid convolution has none": size,
    },
)
strides = draw.randint(5, 7)  # and a rest of more than half a step, which must not round up
size = kernel + steps * strides + draw.randint(strides // 2 + 1, strides - 2)
question.check("a rest that no step uses", valid_output_size, size, kernel, strides=strides).gives(
    steps + 1,
    hint="a step that would carry the kernel over the end is not made: round down",
    mistakes={
        "that is the number of steps; the first place needs no step": steps,
        "rounded up, the last place hangs over the end": steps + 2,
        "the stride was left out": size - kernel + 1,
    },
)
size = kernel + steps * strides
question.check("steps that come out even", valid_output_size, size, kernel, strides=strides).gives(
    steps + 1,
    hint="the kernel may touch the end",
    mistakes={"that is the number of steps; the first place needs no step": steps},
)


def sizes(*rows):
    """Several at once, as one place alone would be no answer."""
    return [valid_output_size(*row) for row in rows]


question.check(
    "a kernel as large as the input, or nearly", sizes, (size, size), (kernel, kernel, strides),
    (size, size - 1), (kernel + 1, kernel, strides), (1, 1),
).gives([1, 1, 2, 1, 1], hint="a kernel as large as the input has one place, whatever the stride")  # fmt: skip
few = draw.randint(2, 4)
rows = (
    (few + 1, 1, few),
    (kernel + few, kernel, 2 * size),
    (kernel + strides, kernel, strides),
    (few, 1),
)
question.check("short inputs and long strides", sizes, *rows, share=0.5).gives(
    [2, 1, 2, few], hint="a stride may be longer than the kernel, and than the input"
)
for name, larger, options in (
    ("a kernel larger than the input", size + 1, {}),
    ("a kernel larger than the input by less than a stride", size + strides - 1, {"strides": strides}),
    ("a kernel larger than the input by a stride", size + strides, {"strides": strides}),
):  # fmt: skip
    question.check(name, valid_output_size, size, larger, share=0.5, **options).raises(
        ValueError,
        hint="compare the kernel with the input before anything else",
        requires_other_credit=True,
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Padding, strides and dilation
#
# Zeros around the input make room for more places. With $p$ zeros on **each** side the input has
# $n + 2p$ values, and the rule of question 1 applies to those. `padding` is one of
#
# | `padding` | meaning |
# |---|---|
# | `"valid"` | no zeros |
# | an `int` $p$ | $p$ zeros on each side |
# | `"full"` | a place wherever kernel and input share at least one value |
# | `"same"` | as many zeros as make the output $\lceil n / s \rceil$, as Keras does it: on one side there may be one more than on the other, or none at all |
#
# A kernel with **dilation** $d$ skips $d - 1$ values between two of its own. Three values with
# dilation 2 span five: `x·x·x`. Whether a kernel fits depends on this span, not on the number of
# weights.
#
# **Example.** 9 values and a kernel of 3: valid 7, full 11, same 9. With dilation 2, valid gives
# as many as a kernel of 5, that is, 5 places.
#
# Write `conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1)`; all options
# may be given at once. Raise a `ValueError`
#
# - if the kernel spans more values than the input has with its zeros. With `"same"` and `"full"`
#   that never happens: they make room for every kernel;
# - if `padding` is a string other than these three, spelled exactly so.

# %% nbgrader={"grade": false, "grade_id": "figure_padding", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
show(
    figures.geometry({
        "valid": (9, 3, 1, (0, 0), 1), "full": (9, 3, 1, (2, 2), 1), "same": (9, 3, 1, (1, 1), 1),
        "dilation 2": (9, 3, 1, (0, 0), 2),
    }),
    "The example: 9 values (gray), zeros (orange), and a kernel of 3 at each of its places (blue).",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "conv_output_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1):
    """Output size of a convolution along one axis.

    Args:
        size: number of input values, an int of at least 1.
        kernel_size: number of the kernel's weights along the axis.
        strides: how many values a place lies after the one before.
        padding: "valid", "same", "full", or an int of at least 0: the zeros on each side.
        dilation: 1 for neighbors, 2 to leave one value out between two weights, and so on.

    Returns:
        An int.

    Raises:
        ValueError: the kernel does not fit into the padded input, or an unknown word.
    """
    ### BEGIN SOLUTION
    reach = dilation * (kernel_size - 1) + 1
    if padding == "same":
        return -(-size // strides)
    if padding == "valid":
        padding = 0
    elif padding == "full":
        padding = reach - 1
    elif isinstance(padding, str):
        raise ValueError(f"padding is 'valid', 'same', 'full' or a number, not {padding!r}.")
    return valid_output_size(size + 2 * padding, reach, strides)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv_output_size", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Padding, strides and dilation", points=3)
question.rules(conv_output_size, without=LEFT_OUT)
question.example("AlexNet's first layer", conv_output_size, 227, 11, strides=4).gives(
    55, hint="no padding and no dilation: as in question 1"
)
question.example("full", conv_output_size, 9, 3, padding="full").gives(
    11, hint="how many zeros on each side let one value of the kernel touch the first input value?"
)
question.example("same", conv_output_size, 9, 3, padding="same").gives(
    9, hint="with stride 1 the size stays; with more, see the table above"
)
question.example("dilation 2", conv_output_size, 9, 3, dilation=2).gives(
    5, hint="how many input values lie between the kernel's first and last weight, both included?"
)
question.example("an unknown word", conv_output_size, 9, 3, padding="valdi").raises(
    ValueError, hint="a word that is none of the three must not pass silently"
)
### BEGIN HIDDEN TESTS
draw = question.random
steps, kernel, strides = draw.randint(10, 20), draw.choice([7, 9, 11]), draw.randint(5, 7)
rest = draw.randint(strides // 2 + 1, strides - 2)
zeros = rest + 2
size = kernel + steps * strides + rest - 2 * zeros
question.check(
    "zeros on each side, with a stride", conv_output_size, size, kernel, strides, zeros
).gives(
    steps + 1,
    hint="the padded input has zeros at both ends; then the rule of question 1",
    mistakes={
        "the zeros are on both sides, not on one": (size + zeros - kernel) // strides + 1,
        "the padding was left out": (size - kernel) // strides + 1,
        "rounded up, the last place hangs over the end": steps + 2,
    },
)
# wide enough to reach a stride farther with a dilation than without
size, kernel, dilation = draw.randint(30, 60), draw.randint(8, 12), draw.randint(2, 4)
reach = dilation * (kernel - 1) + 1
question.check("full", conv_output_size, size, kernel, padding="full", share=0.5).gives(
    size + kernel - 1,
    hint="the first place has all but one of the kernel's values hanging over",
    mistakes={
        "that is valid, with no zeros at all": size - kernel + 1,
        "that is same; full has more places than the input has values": size,
        "with as many zeros as the kernel has values, the first place touches no input at all": size
        + kernel
        + 1,
    },
)
question.check(
    "full, with dilation", conv_output_size, size, kernel, padding="full", dilation=dilation,
    share=0.5,
).gives(
    size + reach - 1,
    hint="full is about the kernel's reach, not about its number of weights",
    mistakes={
        "the dilation was left out": size + kernel - 1,
        "the zeros must make room for the kernel's reach, "
        "not for its number of weights": size + 2 * (kernel - 1) - reach + 1,
    },
)  # fmt: skip
places = steps * strides + rest + 1  # of a full convolution with stride 1
question.check(
    "full, with a stride", conv_output_size, places + 1 - kernel, kernel, strides, "full", share=0.5
).gives(
    steps + 1,
    hint="zeros first, then the rule of question 1, with its stride",
    mistakes={
        "the stride was left out": places,
        "rounded up, the last place hangs over the end": steps + 2,
    },
)
question.check(
    "full, with a stride and dilation", conv_output_size, places + reach - 1, kernel, strides,
    "full", dilation, share=0.5,
).gives(
    (places + 2 * reach - 3) // strides + 1,
    hint="zeros for the reach first, then the rule of question 1, with its stride",
    mistakes={"the stride was left out": places + 2 * reach - 2},
)  # fmt: skip
odd = draw.choice([3, 5, 7])
size = steps * strides + 2  # a rest of less than half a step, which rounds up all the same
question.check("same, with a stride", conv_output_size, size, odd, strides, "same").gives(
    steps + 1,
    hint="a rest at the end gets a place of its own",
    mistakes={
        "same keeps the size only with stride 1": size,
        "rounded down; with same, what is left over at the end gets a place of its own": steps,
    },
)
even = draw.choice([2, 4])
size = steps * strides + 1
question.check(
    "same, with an even kernel and a rest", conv_output_size, size, even, strides, "same", share=0.5
).gives(
    steps + 1,
    hint="same says what the output is, whatever the kernel",
    mistakes={
        "(k - 1) // 2 zeros on each side are too few for an even kernel: "
        "Keras puts one more at the end": steps
    },
)
size = steps * strides
question.check(
    "same, with an even kernel and no rest", conv_output_size, size, even, strides, "same",
    share=0.5,
).gives(
    steps,
    hint="same says what the output is, whatever the kernel",
    mistakes={"k // 2 zeros on each side are too many for an even kernel": steps + 1},
)  # fmt: skip
kernel = draw.choice([3, 5])
reach = dilation * (kernel - 1) + 1
size = reach + 2 * steps
question.check(
    "dilation, two values at a time", conv_output_size, size, kernel, strides=2, dilation=dilation
).gives(
    steps + 1,
    hint="replace the kernel by its reach",
    mistakes={
        "the dilation was left out": (size - kernel) // 2 + 1,
        "the reach ends at the last weight: there is nothing to leave out after it": (
            size - dilation * kernel
        )
        // 2
        + 1,
    },
)
kernel, dilation = draw.choice([4, 5]), draw.choice([4, 5])  # reaching farther by a stride or more
reach = dilation * (kernel - 1) + 1
size = reach + steps * strides + rest - 2 * zeros
question.check(
    "zeros on each side, with a stride and dilation", conv_output_size, size, kernel, strides,
    zeros, dilation,
).gives(
    steps + 1,
    hint="the padded input, the reach, and then the rule of question 1",
    mistakes={
        "the dilation was left out": (size + 2 * zeros - kernel) // strides + 1,
        "the padding was left out": (size - reach) // strides + 1,
        "rounded up, the last place hangs over the end": steps + 2,
    },
)  # fmt: skip


def sizes(*rows):
    """Several at once, as one place alone would be no answer."""
    return [conv_output_size(*row) for row in rows]


few, most = draw.randint(3, 5), draw.randint(8, 12)
rows = (
    (few, most, 1, "same"), (few, most, 2, "same"), (few, 2, few, "same", most),
    (few, most, 1, "full"), (reach, kernel, strides, "full", dilation),
)  # fmt: skip
right = [few, -(-few // 2), 1, few + most - 1, (2 * reach - 2) // strides + 1]
question.check("same and full, with kernels larger than the input", sizes, *rows, share=0.5).gives(
    right, hint="both make room for every kernel"
)
rows = (
    (few, few + 2 * zeros, strides, zeros), (few, few + 4, 1, 3), (reach, kernel, 1, 0, dilation),
    (reach - 2, kernel, strides, 1, dilation), (few, few, strides, "valid"),
    (few + 3 * strides, few, strides, 0), (few, 2, 1, most), (few, 1, 1, "valid", most),
    (few + 1, 1, few), (few + 1, few, most, 1),
)  # fmt: skip
question.check("kernels that just fit, and unusual sizes", sizes, *rows, share=0.5).gives(
    [1, 3, 1, 1, 1, 4, few + 2 * most - 1, few, 2, 1],
    hint="as large as the input with its zeros has one place",
)
for name, row in (
    ("a dilated kernel that does not fit", (reach - 1, kernel, 1, "valid", dilation)),
    ("a kernel larger than the input by less than a stride", (few, few + strides - 1, strides)),
    ("too few zeros for a kernel", (few, few + 2 * zeros + 1, draw.choice([1, strides]), zeros)),
):
    question.check(name, conv_output_size, *row, share=0.25).raises(
        ValueError,
        hint="it is the reach that must fit, into the input with its zeros",
        requires_other_credit=True,
    )
words = (
    "",
    "SAME",
    " same",
    "same_upper",
    "valdi",
    draw.choice("svf"),
    draw.choice(["sam", "ful", "val"]),
    draw.choice(["half", "reflect", "causal"]),
)
for word in words:
    question.check(
        "an unknown word", conv_output_size, 30, 3, padding=word, share=0.75 / len(words)
    ).raises(
        ValueError,
        hint="a word that is none of the three must not pass silently",
        requires_other_credit=True,
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · Pooling
#
# A pooling window moves over the input like a kernel without weights, so the places are counted
# the same way. Only the default differs: if no stride is given, windows lie side by side, that
# is, the stride is the window's size. A stride smaller than the window makes windows *overlap*,
# as in AlexNet; with a larger one, values between two windows are skipped.
#
# **Example.** 14 values: a window of 2 gives 7. A window of 3 that moves by 2 gives 6.
#
# Write `pool_output_size(size, pool_size, strides=None)`, without padding; `None` means windows
# side by side. A window as large as the input has one place; a larger one is a `ValueError`,
# whatever the stride.


# %% nbgrader={"grade": false, "grade_id": "pool_output_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool_output_size(size, pool_size, strides=None):
    """Output size of a pooling layer without padding, along one axis.

    Args:
        size: number of input values, an int of at least 1.
        pool_size: number of values in a window.
        strides: how many values a window begins after the one before; None for side by side.

    Returns:
        An int.

    Raises:
        ValueError: the window is larger than the input.
    """
    ### BEGIN SOLUTION
    return valid_output_size(size, pool_size, pool_size if strides is None else strides)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_pool_output_size", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. Pooling", points=1)
question.rules(pool_output_size, without=LEFT_OUT)
question.example("LeNet's S2: windows of 2", pool_output_size, 28, 2).gives(
    14, hint="no stride is given, so windows lie side by side"
)
question.example("AlexNet's overlapping windows", pool_output_size, 55, 3, strides=2).gives(
    27, hint="as for a valid convolution"
)
### BEGIN HIDDEN TESTS
draw = question.random
windows, pool = draw.randint(8, 20), draw.randint(5, 7)
size = windows * pool + draw.randint(pool // 2 + 1, pool - 2)
question.check("windows side by side, with a rest", pool_output_size, size, pool).gives(
    windows,
    hint="a rest smaller than the window is not used",
    mistakes={
        "without a stride, windows lie side by side; this is stride 1": size - pool + 1,
        "rounded up: a rest smaller than the window gets no window": windows + 1,
    },
)
strides = draw.randint(2, 3)
pool = 2 * strides + 1
size = pool + windows * strides + strides - 1
question.check("overlapping windows, with a rest", pool_output_size, size, pool, strides).gives(
    windows + 1,
    hint="as for a valid convolution",
    mistakes={
        "a stride was given: windows need not lie side by side": size // pool,
        "the last window must lie completely inside the input": size // strides,
        "that is the number of steps; the first window needs no step": windows,
        "rounded up: the last window must lie completely inside the input": windows + 2,
    },
)
wide = pool + strides
size = pool + windows * wide + wide - 1
question.check("windows with gaps", pool_output_size, size, pool, strides=wide, share=0.5).gives(
    windows + 1,
    hint="as for a valid convolution",
    mistakes={
        "a stride was given: windows need not lie side by side": size // pool,
        "rounded up: the last window must lie completely inside the input": windows + 2,
    },
)


def sizes(*rows):
    """Several at once, as one place alone would be no answer."""
    return [pool_output_size(*row) for row in rows]


rows = (
    (pool, pool), (pool, pool, strides), (size, size, 1), (size + 1, size, 1), (wide, pool, wide),
    (pool + 1, pool, size), (strides + 1, 1, strides), (pool + wide, pool, wide), (pool, 1),
)  # fmt: skip
question.check("a window as large as the input, or nearly", sizes, *rows, share=0.5).gives(
    [1, 1, 1, 2, 1, 1, 2, 2, pool],
    hint="a window as large as the input has one place, whatever the stride",
)
for name, row in (
    ("a window larger than the input", (pool - 1, pool)),
    ("a window larger than the input by less than a stride", (size, size + 1, strides)),
    ("a window larger than the input, at stride 1", (size, size + strides, 1)),
):
    question.check(name, pool_output_size, *row, share=0.25).raises(
        ValueError, hint="compare the window with the input", requires_other_credit=True
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · Parameters
#
# One filter of a convolution sees a patch of $k \times k$ places, in all input channels. It has a
# weight for each value that it sees, and one bias. The output has as many channels as there are
# filters. The size of the image plays no part.
#
# In a convolution with $g$ **groups**, channels and filters are split into $g$ parts, and a
# filter sees only the channels of its own part. AlexNet did this to spread the network over two
# GPUs.
#
# **Example.** 3 input channels, 4 filters of 4x4: each filter has $4 \cdot 4 \cdot 3 = 48$ weights
# and a bias, which makes $4 \cdot 49 = 196$. A fully connected unit on a 32x32x3 image has 3,072
# weights and a bias; 500 of them have 1,536,500 parameters.
#
# Write `conv_params(in_channels, filters, kernel_size, groups=1,
# use_bias=True)` and `dense_params(inputs, units, use_bias=True)`. The number of groups must
# divide both channels and filters; if it does not, raise a `ValueError`.


# %% nbgrader={"grade": false, "grade_id": "conv_params", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_params(in_channels, filters, kernel_size, groups=1, use_bias=True):
    """Parameters of a convolution with square kernels.

    Args:
        in_channels: channels of the input.
        filters: channels of the output.
        kernel_size: k for kernels of k x k.
        groups: number of parts into which channels and filters are split.
        use_bias: True if each filter has a bias.

    Returns:
        An int.

    Raises:
        ValueError: groups that do not divide in_channels, or do not divide filters.
    """
    ### BEGIN SOLUTION
    if in_channels % groups or filters % groups:
        raise ValueError(f"{groups} groups do not divide both {in_channels} and {filters}.")
    weights = kernel_size * kernel_size * (in_channels // groups)
    return filters * (weights + int(use_bias))
    ### END SOLUTION


def dense_params(inputs, units, use_bias=True):
    """Parameters of a fully connected layer.

    Args:
        inputs: number of values that come in.
        units: number of values that go out.
        use_bias: True if each unit has a bias.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return units * (inputs + int(use_bias))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv_params", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. Parameters", points=2)
question.rules(conv_params, dense_params, without=LEFT_OUT)
question.example("four 4x4 filters on RGB", conv_params, 3, 4, 4).gives(
    196, hint="how many values does one filter see, and what else does it have?"
)
question.example("AlexNet's CONV1 without biases", conv_params, 3, 96, 11, use_bias=False).gives(
    34_848, hint="use_bias=False leaves out the biases and nothing else"
)
question.example("500 units on CIFAR-10", dense_params, 3072, 500).gives(
    1_536_500, hint="one weight for each input, and what else?"
)
### BEGIN HIDDEN TESTS
draw = question.random
channels, filters, kernel = draw.randint(8, 20), draw.randint(21, 60), draw.randint(3, 7)
weights = kernel * kernel * channels * filters
question.check("a convolution with biases", conv_params, channels, filters, kernel).gives(
    weights + filters,
    hint="one filter sees a square patch of all channels, and has one bias",
    mistakes={
        "the biases are missing: each filter has one": weights,
        "each filter has a bias of its own, not the layer as a whole": weights + 1,
        "there is one bias for each filter, not for each input channel": weights + channels,
        "a filter has one bias, not one for each input channel": weights + channels * filters,
        "the kernel is a square of k x k places": kernel * channels * filters + filters,
        "a filter sees all input channels": kernel * kernel * filters + filters,
        "that is one filter; there are more": kernel * kernel * channels + 1,
    },
)
question.check(
    "a convolution without biases", conv_params, channels, filters, kernel, use_bias=False,
    share=0.5,
).gives(
    weights,
    hint="use_bias=False leaves out the biases and nothing else",
    mistakes={"use_bias=False was ignored": weights + filters},
)  # fmt: skip
# else a factor k too few and no groups would come out even
groups = draw.choice([number for number in range(2, 6) if number != kernel])
part_in, part_out = draw.randint(5, 9), draw.randint(10, 15)
channels, filters = groups * part_in, groups * part_out
weights = kernel * kernel * part_in * filters
question.check("a grouped convolution", conv_params, channels, filters, kernel, groups).gives(
    weights + filters,
    hint="a filter sees the channels of its own group only; the number of filters stays",
    mistakes=[
        ("the biases are missing: each filter has one", weights),
        (
            "the groups were left out: a filter sees only the channels of its own group",
            weights * groups + filters,
        ),
        ("groups make it smaller: divide instead of multiply", weights * groups * groups + filters),
        (
            "groups make it smaller: divide instead of multiply",
            (weights * groups + filters) * groups,
        ),
        ("groups divide the weights; each filter still has its bias", weights + part_out),
        ("that is one group; count all of them", weights // groups + part_out),
        ("divided twice: the filters of all groups count", weights // groups + filters),
    ],
)
question.check(
    "a grouped convolution without biases", conv_params, channels, filters, kernel, groups=groups,
    use_bias=False, share=0.5,
).gives(
    weights,
    hint="both options at once: fewer channels for a filter, and no bias",
    mistakes={
        "use_bias=False was ignored": weights + filters,
        "the groups were left out: a filter sees only the channels of its own "
        "group": weights * groups,
    },
)  # fmt: skip
question.check(
    "a group for each channel", conv_params, channels, 2 * channels, kernel, channels, share=0.5
).gives(
    2 * channels * (kernel * kernel + 1),
    hint="each filter then sees a single channel",
    mistakes={"the biases are missing: each filter has one": 2 * channels * kernel * kernel},
)
inputs, units = draw.randint(1000, 9000), draw.randint(100, 900)
question.check("a fully connected layer", dense_params, inputs, units, share=0.5).gives(
    inputs * units + units,
    hint="every unit has a weight for each input, and a bias",
    mistakes={
        "the biases are missing: each unit has one": inputs * units,
        "each unit has a bias of its own, not the layer as a whole": inputs * units + 1,
        "there is one bias for each unit, not for each input": inputs * units + inputs,
    },
)
question.check(
    "a fully connected layer without biases", dense_params, inputs, units, use_bias=False, share=0.5
).gives(
    inputs * units,
    hint="use_bias=False leaves out the biases and nothing else",
    mistakes={"use_bias=False was ignored": inputs * units + units},
)
for name, row in (
    ("groups that do not divide the channels", (channels + 1, filters)),
    ("groups that do not divide the filters", (channels, filters + 1)),
    # together they would come out even
    ("groups that divide neither", (channels + 1, filters + groups - 1)),
    ("groups for a single filter", (channels, 1)),
):
    question.check(name, conv_params, *row, kernel, groups, share=0.25).raises(
        ValueError,
        hint="both must be divided without a rest",
        requires_other_credit=True,
    )
question.check(
    "two groups, and three that would do", conv_params, 6 * part_in, 3 * (2 * part_out + 1), kernel,
    2, share=0.25,
).raises(ValueError, hint="both must be divided without a rest", requires_other_credit=True)  # fmt: skip
question.check(
    "groups that do not divide the channels, without biases", conv_params, channels + 1, filters,
    kernel, groups=groups, use_bias=False, share=0.25,
).raises(ValueError, hint="both must be divided without a rest", requires_other_credit=True)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · Connections, multiply-adds, memory
#
# A convolution uses each of its parameters once at every output position. So three more counts
# follow from the parameters and the output's height and width:
#
# - **Connections**, as LeCun counted them in 1998: links into all output values, whether their
#   weights are shared or not. A unit's bias is a connection too.
# - **MACs**: multiply-adds of the kernel's weights. A bias is only added and is left out. One MAC
#   is one multiplication *and* one addition; if you count FLOPs, you get about twice as many.
# - **Memory** of the output: its values, times the bytes of one value. A `float32` has 4.
#
# **Example.** A 2x2 convolution from 1 to 3 channels with a 5x4 output has $3 \cdot (4 + 1) = 15$
# parameters, $15 \cdot 20 = 300$ connections, $12 \cdot 20 = 240$ MACs, and its 60 output values
# take 240 bytes.
#
# Write `conv_connections(in_channels, filters, kernel_size, output_size)`,
# `conv_macs(in_channels, filters, kernel_size, output_size, groups=1)` and
# `activation_bytes(shape, bytes_per_value=4)`. `output_size` is `(height, width)`; `shape` may have
# any number of entries, one or more.


# %% nbgrader={"grade": false, "grade_id": "conv_costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_connections(in_channels, filters, kernel_size, output_size):
    """Connections of a convolution with biases, one group and square kernels, in LeCun's count.

    Args:
        in_channels, filters, kernel_size: as in conv_params.
        output_size: (height, width) of the output.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    height, width = output_size
    return height * width * conv_params(in_channels, filters, kernel_size)
    ### END SOLUTION


def conv_macs(in_channels, filters, kernel_size, output_size, groups=1):
    """Multiply-adds of a convolution with square kernels, for one image.

    Args:
        in_channels, filters, kernel_size, groups: as in conv_params; groups divide both.
        output_size: (height, width) of the output.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    height, width = output_size
    weights = conv_params(in_channels, filters, kernel_size, groups, use_bias=False)
    return height * width * weights
    ### END SOLUTION


def activation_bytes(shape, bytes_per_value=4):
    """Bytes that the values of one tensor take.

    Args:
        shape: the tensor's shape, such as (height, width, channels) or (units,).
        bytes_per_value: 4 for float32, 2 for float16.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return prod(shape) * bytes_per_value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv_costs", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. Connections, multiply-adds, memory", points=2)
question.rules(conv_connections, conv_macs, activation_bytes, without=LEFT_OUT)
question.example("the text's connections", conv_connections, 1, 3, 2, (5, 4)).gives(
    300, hint="at how many positions is every parameter used?"
)
question.example("the text's MACs", conv_macs, 1, 3, 2, (5, 4)).gives(
    240, hint="as the connections, but what is only added is left out"
)
question.example("the text's memory", activation_bytes, (5, 4, 3)).gives(
    240, hint="how many values, and how many bytes each?"
)
### BEGIN HIDDEN TESTS
draw = question.random
channels, filters, kernel = draw.randint(5, 12), draw.randint(13, 30), draw.randint(3, 7)
height, width = draw.randint(8, 19), 2 * draw.randint(10, 15) + 1
weights, places = kernel * kernel * channels * filters, height * width
question.check(
    "connections", conv_connections, channels, filters, kernel, (height, width)
).gives(
    places * (weights + filters),
    hint="each output value has as many connections as its filter has parameters",
    mistakes=[
        ("a unit's bias is a connection too", places * weights),
        ("the bias is connected at every position, not once", places * weights + filters),
        ("those are the parameters; they are used at every position", weights + filters),
        ("the output is height x width, not a square", height * height * (weights + filters)),
        ("the output is height x width, not a square", width * width * (weights + filters)),
    ],
)  # fmt: skip
question.check("multiply-adds", conv_macs, channels, filters, kernel, (height, width)).gives(
    places * weights,
    hint="every weight is multiplied once at every output position",
    mistakes=[
        ("those are FLOPs: one multiply-add is counted once", 2 * places * weights),
        ("a bias is added, not multiplied: leave it out", places * (weights + filters)),
        ("those are the weights; each works at every output position", weights),
        ("the output is height x width, not a square", height * height * weights),
        ("the output is height x width, not a square", width * width * weights),
    ],
)
groups = draw.choice([number for number in (3, 4) if number != kernel])
channels, filters = groups * channels, groups * filters
weights = kernel * kernel * channels * filters // groups
question.check(
    "multiply-adds of a grouped convolution", conv_macs, channels, filters, kernel,
    (height, width), groups=groups,
).gives(
    places * weights,
    hint="groups change the number of weights, and with it the multiply-adds",
    mistakes={
        "those are FLOPs: one multiply-add is counted once": 2 * places * weights,
        "the groups were left out": places * weights * groups,
        "groups make it cheaper: divide, do not multiply": places * weights * groups * groups,
        "a bias is added, not multiplied: leave it out": places * (weights + filters),
        "that is one group; count all of them": places * weights // groups,
    },
)  # fmt: skip
question.check(
    "multiply-adds with a group for each channel", conv_macs, channels, channels, kernel,
    (width, 1), channels, share=0.5,
).gives(
    width * kernel * kernel * channels, hint="each filter then sees a single channel"
)  # fmt: skip
shape = (height, width, channels)
question.check("memory of a float32 tensor", activation_bytes, shape, share=0.5).gives(
    4 * height * width * channels,
    hint="the values, times the bytes of one",
    mistakes={
        "those are the values; each takes several bytes": height * width * channels,
        "those are bits; a byte has 8 of them": 32 * height * width * channels,
    },
)
units = draw.randint(1000, 5000)
question.check(
    "memory of a float16 vector", activation_bytes, (units,), bytes_per_value=2, share=0.5
).gives(
    2 * units,
    hint="a shape may have any number of entries",
    mistakes={"bytes_per_value was ignored": 4 * units, "those are the values": units},
)


wide, side = 256 * draw.randint(2, 4) + 1, draw.randint(200, 300)
large = wide * wide * side * (side + 1)
question.check(
    "connections of a large layer", conv_connections, wide, wide, 5, (side, side + 1), share=0.25
).gives(
    25 * large + wide * side * (side + 1), hint="a count is an int of any size, to the last digit"
)
question.check(
    "multiply-adds of a large layer", conv_macs, wide, wide, 5, (side, side + 1), share=0.25
).gives(25 * large, hint="a count is an int of any size, to the last digit")


def memory(*rows):
    return [activation_bytes(*row) for row in rows]


rows = (
    ((height, width), 8),
    ((groups, *shape),),
    ((groups, 1, height, width, kernel), 1),
    ((side, wide, wide, side + 1),),
)
question.check("memory of two, four and five axes", memory, *rows, share=0.5).gives(
    [
        8 * height * width,
        4 * groups * height * width * channels,
        groups * height * width * kernel,
        4 * large,
    ],
    hint="a shape may have any number of entries",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · LeNet-5, layer by layer
#
# LeNet-5 (LeCun et al., 1998) reads 32x32 **grayscale** images of digits. Its layers, with the
# paper's names:
#
# | layer | what it is |
# |---|---|
# | C1 | 6 filters of 5x5, valid, with biases |
# | S2 | windows of 2x2 side by side, with weights: see below |
# | C3 | 16 maps of 5x5, valid. A map sees only *some* of S2's maps, see below, and has one bias |
# | S4 | as S2 |
# | C5 | 120 filters of 5x5, valid, on all of S4's maps, with biases |
# | F6 | 84 units, fully connected to all values of C5, with biases |
# | OUTPUT | 10 units, each with 84 connections and nothing to train: see below |
#
# A unit of **S2** or **S4** adds its four inputs, multiplies the sum by a trainable coefficient
# and adds a trainable bias. Both belong to the whole feature map, so there is one pair per
# feature map. A row or column left over after the last whole window is not used. A unit of
# **OUTPUT** measures the distance between F6's 84 values and a *fixed* pattern of 84 numbers.
#
# The paper's Table I says which of S2's feature maps each feature map of C3 sees. The next cell
# has it.
#
# **Connections** are counted as in question 5. A unit of S2 has four inputs and a bias, so five
# connections.
#
# **Example.** With one input channel, C1 has $6 \cdot (25 + 1) = 156$ parameters and
# $28 \cdot 28 \cdot 156 = 122{,}304$ connections; its row is
# `("C1", (28, 28, 6), 156, 122304)`.
#
# Write `lenet5_table(size=32, table=TABLE_I, classes=10)`: a list of seven rows `(name, (height,
# width, channels), trainable parameters, connections)`. Write a vector's shape as `(1, 1,
# units)`. Images are `size` x `size`; if they are larger than 32x32, C5's feature maps are larger
# than 1x1, and F6 sees all their values. `table` may have a number of rows other than 16, and
# each row any number of feature maps from one to six.

# %% nbgrader={"grade": false, "grade_id": "table_one", "locked": true, "schema_version": 3, "solution": false, "task": false}
# One row for each map of C3: the numbers of the S2 maps that it sees.
TABLE_I = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
]  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "lenet5_table", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lenet5_table(size=32, table=TABLE_I, classes=10):
    """LeNet-5's layers as the paper counts them.

    Args:
        size: height and width of the grayscale images, at least 32.
        table: for each map of C3, a list of the S2 maps that it sees.
        classes: units of the output layer.

    Returns:
        A list of rows (name, (height, width, channels), trainable parameters, connections), for
        C1, S2, C3, S4, C5, F6, OUTPUT.
    """
    ### BEGIN SOLUTION
    rows = []

    def conv(name, size, filters, params):
        size = valid_output_size(size, 5)
        rows.append((name, (size, size, filters), params, size * size * params))
        return size

    def subsampling(name, size, maps):
        size = pool_output_size(size, 2)
        rows.append((name, (size, size, maps), 2 * maps, 5 * size * size * maps))
        return size

    maps = len(table)
    size = conv("C1", size, 6, conv_params(1, 6, 5))
    size = subsampling("S2", size, 6)
    size = conv("C3", size, maps, sum(conv_params(len(seen), 1, 5) for seen in table))
    size = subsampling("S4", size, maps)
    size = conv("C5", size, 120, conv_params(maps, 120, 5))
    params = dense_params(size * size * 120, 84)
    rows.append(("F6", (1, 1, 84), params, params))
    rows.append(("OUTPUT", (1, 1, classes), 0, 84 * classes))
    return rows
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_lenet5_table", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. LeNet-5, layer by layer", points=3)
question.rules(lenet5_table, without=LEFT_OUT)


def lenet5_row(number, *args, **kwargs):
    return lenet5_table(*args, **kwargs)[number]


def lenet5_params(*args, **kwargs):
    return sum(row[2] for row in lenet5_table(*args, **kwargs))


def lenet5_connections(*args, **kwargs):
    return sum(row[3] for row in lenet5_table(*args, **kwargs))


question.example("the row of C1", lenet5_row, 0).gives(
    ("C1", (28, 28, 6), 156, 122_304), hint="grayscale images have one channel"
)
question.example("the row of C3", lenet5_row, 2).gives(
    ("C3", (10, 10, 16), 1_516, 151_600),
    hint="each map has 25 weights for every S2 map that it sees, and one bias",
)
question.example("trainable parameters in all", lenet5_params).gives(
    60_000, hint="S2 and S4 have two for each map; the output's patterns are fixed"
)
question.example("connections in all", lenet5_connections).gives(
    340_908, hint="five for each unit of S2 and S4; the fixed patterns are connected, too"
)
### BEGIN HIDDEN TESTS
draw = question.random


def lenet5_expected(size=32, table=TABLE_I, classes=10):
    """Plain arithmetic, independent of the student's functions."""
    c1, maps = size - 4, len(table)
    s2 = c1 // 2
    c3, s4 = s2 - 4, (s2 - 4) // 2
    c5 = s4 - 4
    p3 = sum(25 * len(seen) + 1 for seen in table)
    p5, p6 = 120 * (25 * maps + 1), 84 * (120 * c5 * c5 + 1)
    return [
        ("C1", (c1, c1, 6), 156, 156 * c1 * c1),
        ("S2", (s2, s2, 6), 12, 30 * s2 * s2),
        ("C3", (c3, c3, maps), p3, p3 * c3 * c3),
        ("S4", (s4, s4, maps), 2 * maps, 5 * maps * s4 * s4),
        ("C5", (c5, c5, 120), p5, p5 * c5 * c5),
        ("F6", (1, 1, 84), p6, p6),
        ("OUTPUT", (1, 1, classes), 0, 84 * classes),
    ]


# Both subsamplings leave a rest, which rounding up and to the nearest would use.
size, classes = draw.choice([43, 51, 59]), draw.randint(11, 30)
maps = draw.randint(17, 23)
table = [draw.sample(range(6), n) for n in (1, 6, *(draw.randint(2, 4) for _ in range(maps - 2)))]
rows = lenet5_expected(size, table, classes)
question.check(
    "every row, for another image, table and number of classes", lenet5_table, size, table, classes,
    share=2,
).gives_rows(rows, hint="see the layers above; every number depends on the arguments")  # fmt: skip
params, seen = sum(row[2] for row in rows), sum(map(len, table))
question.check("trainable parameters in all", lenet5_params, size, table, classes).gives(
    params,
    hint="add the third column",
    mistakes=[
        ("a map of C3 sees only the S2 maps of its row", params + 25 * (6 * maps - seen)),
        ("a map of S2 or S4 has a trainable coefficient and a bias", params - 12 - 2 * maps),
        ("a map of S2 or S4 has a coefficient and a bias, not only one of them", params - 6 - maps),
        ("the output's patterns are fixed: they are not trained", params + 84 * classes),
        ("the output's patterns are fixed: they are not trained", params + 85 * classes),
        ("the images are grayscale: C1 sees one channel, not three", params + 300),
        ("a map of C3 has one bias, not one for each S2 map that it sees", params + seen - maps),
    ],
)
connections = sum(row[3] for row in rows)
s2, c3, s4 = (rows[number][1][0] for number in (1, 2, 3))
pooled = 6 * s2 * s2 + maps * s4 * s4
question.check("connections in all", lenet5_connections, size, table, classes).gives(
    connections,
    hint="add the fourth column",
    mistakes={
        "the output's 84 connections a unit count, though nothing is trained": connections
        - 84 * classes,
        "a unit of S2 or S4 has four inputs and a bias": connections - pooled,
        "a unit of S2 or S4 has four inputs and a bias: its one "
        "coefficient is shared by four connections": connections - 3 * pooled,
        "S2's and S4's units are connected, too": connections - 5 * pooled,
        "a map of C3 sees only the S2 maps of its row": connections
        + 25 * (6 * maps - seen) * c3 * c3,
        "those are the parameters; a shared weight makes many connections": params,
    },
)
for name, given in (
    ("connections in all, for a shorter table alone", {"table": table[: draw.randint(7, 12)]}),
    ("connections in all, for another image and number of classes", {"size": 35, "classes": classes}),
):  # fmt: skip
    question.check(name, lenet5_connections, share=0.5, **given).gives(
        sum(row[3] for row in lenet5_expected(**given)), hint="what is not given is as in the paper"
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · Receptive fields
#
# How large is the patch of the input that one output value of a stack of layers sees? Along one
# axis, it goes from the first to the last input value on which the output value depends, both
# included; what a dilated kernel skips between them counts as well. Go through the layers from
# the first to the last, and keep two numbers: the *field* seen so far, and the *step*, how far
# apart in the input two neighboring values of the current layer are. Both start at 1. A layer
# whose kernel spans $r$ values widens the field by $r - 1$ of the steps **before** it; then its
# stride multiplies the step.
#
# **Example.** Kernel 3 with stride 2, then kernel 3: the first makes the field 3 and the step 2,
# the second adds $2 \cdot 2$. The field is 7.
#
# Write `receptive_field(layers)`. A layer is `(kernel, stride)` or `(kernel, stride, dilation)`,
# and a list may mix the two; without layers the field is 1.
#
# Then turn the question around: how many stride-1 layers of kernel $k$ are needed, at least, to
# see `field` values or more? Write `layers_for_field(field, kernel_size=3)`. To see one value, no
# layer is needed.

# %% nbgrader={"grade": false, "grade_id": "figure_field", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
show(
    figures.pyramid([(3, 2), (3, 1)]),
    "The example: kernel 3 with stride 2, then kernel 3. Blue: what the value at the top sees.",
)


# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """From the first to the last input value that one output value depends on, both included.

    Args:
        layers: rows (kernel, stride) or (kernel, stride, dilation), first layer first.

    Returns:
        An int: the number of values along one axis.
    """
    ### BEGIN SOLUTION
    field = step = 1
    for kernel, stride, *rest in layers:
        dilation = rest[0] if rest else 1
        field += step * dilation * (kernel - 1)
        step *= stride
    return field
    ### END SOLUTION


def layers_for_field(field, kernel_size=3):
    """Least number of layers with stride 1 whose receptive field is at least `field`.

    Args:
        field: number of input values to be seen, at least 1.
        kernel_size: the kernel of every layer, at least 2.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    layers = 0
    while receptive_field([(kernel_size, 1)] * layers) < field:
        layers += 1
    return layers
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_receptive_field", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. Receptive fields", points=3)
question.rules(receptive_field, layers_for_field, without=LEFT_OUT)
question.example("three 3x3 layers", receptive_field, [(3, 1), (3, 1), (3, 1)]).gives(
    7, hint="the first layer sees 3; how many values does each further layer add?"
)
question.example("a stride in the first layer", receptive_field, [(3, 2), (3, 1)]).gives(
    7, hint="after a stride of 2, neighbors are two input values apart"
)
question.example("to see as much as one 7x7", layers_for_field, 7).gives(
    3, hint="each layer adds the same number of values to the first one"
)
### BEGIN HIDDEN TESTS
draw = question.random
kernels = [draw.randint(3, 7) for _ in range(draw.randint(4, 6))]  # never the example's field of 7
question.check("strides of 1", receptive_field, [(k, 1) for k in kernels]).gives(
    1 + sum(kernels) - len(kernels),
    hint="a kernel of k adds k - 1 values to the field",
    mistakes={
        "neighboring patches overlap: a kernel of k adds k - 1 values": sum(kernels),
        "without any layer the field is 1, not 0": sum(kernels) - len(kernels),
        "that is the largest kernel; a stack sees more": max(kernels),
    },
)


def field(layers, dilated=True):
    """The rule, for rows of two and three."""
    found = step = 1
    for kernel, stride, *more in layers:
        found += step * (more[0] if more and dilated else 1) * (kernel - 1)
        step *= stride
    return found


def known(layers):
    """What known mistakes give."""
    steps = [row[1] for row in layers]
    reaches = [(row[2] if len(row) > 2 else 1) * (row[0] - 1) for row in layers]
    own = [prod(steps[: number + 1]) for number in range(len(layers))]
    return {
        "the strides were left out": 1 + sum(reaches),
        "a layer's own stride works on the layers after it, not on itself": 1
        + sum(step * reach for step, reach in zip(own, reaches, strict=True)),
        "the strides of all layers before multiply, not that of the last one alone": 1
        + sum(step * reach for step, reach in zip([1, *steps], reaches, strict=False)),
        "the first layer comes first in the list": field(layers[::-1]),
        "the dilations were left out": field(layers, dilated=False),
    }


def asked(name, make, share=1.0):
    """One check, on layers for which every mistake gives another number."""
    while True:
        layers = make()
        right, wrong = field(layers), known(layers)
        if all(len(row) < 3 for row in layers):
            del wrong["the dilations were left out"]
        if len({right, *wrong.values()}) == 1 + len(wrong):
            break
    question.check(name, receptive_field, layers, share=share).gives(
        right,
        hint="multiply by the strides of the layers before, then go on",
        mistakes=wrong,
    )


asked("strides", lambda: [(draw.randint(2, 5), draw.randint(2, 3)) for _ in range(4)])
kernel, count = draw.choice([3, 5]), draw.randint(3, 5)
dilations = [draw.randint(2, 6) for _ in range(count)]
question.check("dilations", receptive_field, [(kernel, 1, d) for d in dilations]).gives(
    1 + (kernel - 1) * sum(dilations),
    hint="a kernel of k with dilation d reaches over d (k - 1) + 1 values",
    mistakes={
        "the dilations were left out": 1 + (kernel - 1) * count,
        "the reach ends at the last weight: d (k - 1) + 1 values, not d k": 1
        + sum(d * kernel - 1 for d in dilations),
    },
)
for name, lengths in (
    ("strides and dilations, the first row of two", (2, 3, 2, 3, 3)),
    ("strides and dilations, the first row of three", (3, 2, 3, 2)),
):
    asked(
        name,
        lambda lengths=lengths: [
            (draw.randint(2, 5), draw.randint(2, 3), draw.randint(2, 4))[:n] for n in lengths
        ],
    )
count = draw.randint(5, 30)
question.check("layers for a field that comes out even", layers_for_field, 1 + 2 * count).gives(
    count,
    hint="each layer of kernel 3 adds two values to the first one",
    mistakes={"one layer fewer is enough": count + 1, "one layer more is needed": count - 1},
)
kernel = draw.choice([5, 7])
size = 1 + count * (kernel - 1) + draw.randint(1, (kernel - 3) // 2)
question.check("layers for a field in between", layers_for_field, size, kernel).gives(
    count + 1,
    hint="the field must be at least as large as asked for: round up",
    mistakes={"that many layers see a little too few values: round up": count},
)


def fields(*stacks):
    """Several at once, as one value alone would be no answer."""
    return [receptive_field(list(layers)) for layers in stacks]


def needed(*rows):
    return [layers_for_field(*row) for row in rows]


stacks = (), ((kernel, 3),), ((1, 2), (kernel, 1)), ()
question.check("no layer, and a single one", fields, *stacks, share=0.5).gives(
    [1, kernel, 1 + 2 * (kernel - 1), 1], hint="where does the field begin?"
)
even = draw.choice([4, 6, 8])
rows = (
    (1,), (2,), (1, even), (count + 1, 2), (1 + count * (even - 1), even),
    (2 + count * (even - 1), even), ((count + 1) * (even - 1), even), (even, even),
)  # fmt: skip
question.check("few layers, none, and even kernels", needed, *rows, share=0.5).gives(
    [0, 1, 0, count, count, count + 1, count + 1, 1],
    hint="each layer adds k - 1 values; to see one value, none is needed",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · AlexNet's table
#
# This is AlexNet (Krizhevsky et al., 2012), with an input of 227x227, which gives the paper's
# sizes. The paper normalizes *before* it pools. Most tables, this one included, have the order of
# CaffeNet, a copy that pools first; that changes the shapes of NORM1 and NORM2 and nothing else.
#
# | layer | what it is |
# |---|---|
# | INPUT | RGB |
# | CONV1 | 96 filters of 11x11, stride 4, no padding |
# | POOL1 | windows of 3x3, stride 2 |
# | NORM1 | normalization: nothing to train, the shape stays |
# | CONV2 | 256 filters of 5x5, padding 2 |
# | POOL2, NORM2 | as before |
# | CONV3 | 384 filters of 3x3, padding 1 |
# | CONV4 | 384 filters of 3x3, padding 1 |
# | CONV5 | 256 filters of 3x3, padding 1 |
# | POOL3 | as before |
# | FC6, FC7 | fully connected, 4096 units each |
# | FC8 | fully connected, one unit for each class |
#
# All convolutions and fully connected layers have biases. The authors had two GPUs of 3 GB and
# split the network in two: filters of CONV2, CONV4 and CONV5 see only the channels on their own
# GPU (groups=2), while CONV3 and the fully connected layers see everything.
#
# **Example.** The rows begin with `("INPUT", (227, 227, 3), 0)` and
# `("CONV1", (55, 55, 96), 34944)`.
#
# Write `alexnet_table(input_size=227, classes=1000, units=4096,
# groups=1)`: a list of 14 rows `(name, (height, width, channels),
# parameters)`, in the order above, with a vector's shape as `(1, 1, units)`. `groups` is that of
# CONV2, CONV4 and CONV5: 1 for one tower, 2 for the authors' two; it may also be 4. `input_size`
# is at least 67, and strides need not divide it evenly.


# %% nbgrader={"grade": false, "grade_id": "alexnet_table", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alexnet_table(input_size=227, classes=1000, units=4096, groups=1):
    """AlexNet's layers.

    Args:
        input_size: height and width of the RGB images, at least 67.
        classes: units of FC8.
        units: units of FC6 and of FC7.
        groups: groups of CONV2, CONV4 and CONV5.

    Returns:
        A list of 14 rows (name, (height, width, channels), parameters).
    """
    ### BEGIN SOLUTION
    size, channels = input_size, 3
    rows = [("INPUT", (size, size, channels), 0)]

    def conv(name, filters, kernel_size, strides=1, padding=0, groups=1):
        nonlocal size, channels
        params = conv_params(channels, filters, kernel_size, groups)
        size, channels = conv_output_size(size, kernel_size, strides, padding), filters
        rows.append((name, (size, size, channels), params))

    def pool(name):
        nonlocal size
        size = pool_output_size(size, 3, strides=2)
        rows.append((name, (size, size, channels), 0))

    def norm(name):
        rows.append((name, (size, size, channels), 0))

    conv("CONV1", 96, 11, strides=4)
    pool("POOL1")
    norm("NORM1")
    conv("CONV2", 256, 5, padding=2, groups=groups)
    pool("POOL2")
    norm("NORM2")
    conv("CONV3", 384, 3, padding=1)
    conv("CONV4", 384, 3, padding=1, groups=groups)
    conv("CONV5", 256, 3, padding=1, groups=groups)
    pool("POOL3")
    values = size * size * channels
    for name, width in (("FC6", units), ("FC7", units), ("FC8", classes)):
        rows.append((name, (1, 1, width), dense_params(values, width)))
        values = width
    return rows
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_alexnet_table", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. AlexNet's table", points=3)
question.rules(alexnet_table, without=LEFT_OUT)


def alexnet_row(number, *args, **kwargs):
    return alexnet_table(*args, **kwargs)[number]


def alexnet_params(*args, **kwargs):
    return sum(row[2] for row in alexnet_table(*args, **kwargs))


question.example("the row of CONV1", alexnet_row, 1).gives(
    ("CONV1", (55, 55, 96), 34_944), hint="your functions from questions 2 and 4 know both"
)
question.example("the row of POOL3", alexnet_row, 10).gives(
    ("POOL3", (6, 6, 256), 0), hint="go through the sizes from the top: 55, 27, ..."
)
question.example("one tower", alexnet_params).gives(
    62_378_344, hint="compare the fully connected rows first: they hold most of it"
)
question.example("two groups", alexnet_params, groups=2).gives(
    60_965_224, hint="which of the five convolutions are split?"
)
### BEGIN HIDDEN TESTS
from course import sizing

draw = question.random


def alexnet_expected(
    size=227, classes=1000, units=4096, groups=1, grouped=("CONV2", "CONV4", "CONV5")
):
    channels, rows = 3, [("INPUT", (size, size, 3), 0)]
    for name, *spec in [
        ("CONV1", 96, 11, 4, 0), ("POOL1",), ("NORM1",), ("CONV2", 256, 5, 1, 2), ("POOL2",),
        ("NORM2",), ("CONV3", 384, 3, 1, 1), ("CONV4", 384, 3, 1, 1), ("CONV5", 256, 3, 1, 1),
        ("POOL3",),
    ]:  # fmt: skip
        params = 0
        if name.startswith("POOL"):
            size = sizing.pool_output_size(size, 3, strides=2)
        elif spec:
            filters, kernel, strides, padding = spec
            params = sizing.conv_params(channels, filters, kernel, groups if name in grouped else 1)
            size = sizing.conv_output_size(size, kernel, strides, padding)
            channels = filters
        rows.append((name, (size, size, channels), params))
    values = size * size * channels
    for name, width in (("FC6", units), ("FC7", units), ("FC8", classes)):
        rows.append((name, (1, 1, width), sizing.dense_params(values, width)))
        values = width
    return rows


def alexnet_sum(*args, **kwargs):
    return sum(row[2] for row in alexnet_expected(*args, **kwargs))


# Sizes at which all four layers that shrink leave a rest, which rounding up and to the nearest
# would use; and one at which all come out even.
rests = [98 + 32 * n for n in draw.sample([7, 9, 11, 13], 2)]  # no row as in the paper
sizes = rests[0], 35 + 32 * draw.randint(1, 4), rests[1]
numbers = [
    (size, draw.randint(10, 200), units)
    for size, units in zip(sizes, draw.sample(range(100, 900), 3), strict=True)
]
question.check("one tower, other sizes", alexnet_table, *numbers[0]).gives_rows(
    alexnet_expected(*numbers[0]), hint="go through the table above, row by row"
)
question.check("four groups, other sizes", alexnet_table, *numbers[1], groups=4).gives_rows(
    alexnet_expected(*numbers[1], 4), hint="which of the five convolutions are split?"
)
classes = draw.randint(10, 200)
question.check(
    "parameters in all, for the paper's image and units", alexnet_params, classes=classes, groups=4,
    share=0.5,
).gives(alexnet_sum(classes=classes, groups=4), hint="what is not given is as in the paper")  # fmt: skip
question.check(
    "parameters in all, for one tower and the paper's classes", alexnet_params, numbers[0][0],
    units=numbers[0][2], share=0.5,
).gives(
    alexnet_sum(numbers[0][0], units=numbers[0][2]), hint="what is not given is as in the paper"
)  # fmt: skip
right, biases = alexnet_sum(*numbers[2], 2), 96 + 256 + 384 + 384 + 256 + 2 * numbers[2][2]
question.check("parameters in all, two groups", alexnet_params, *numbers[2], groups=2).gives(
    right,
    hint="add the last column",
    mistakes={
        "the biases are missing": right - biases - numbers[2][1],
        "the groups were left out: that is one tower": alexnet_sum(*numbers[2]),
        "CONV3 sees the channels of both GPUs": alexnet_sum(
            *numbers[2], 2, ("CONV2", "CONV3", "CONV4", "CONV5")
        ),
        "CONV4 and CONV5 are grouped, too": alexnet_sum(*numbers[2], 2, ("CONV2",)),
        "CONV2 is grouped, too": alexnet_sum(*numbers[2], 2, ("CONV4", "CONV5")),
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · VGG-16's table, and where its memory and weights are
#
# VGG-16 (Simonyan and Zisserman, 2014) is made of one kind of convolution, 3x3 with stride 1 and
# padding 1, and one kind of pooling, 2x2 side by side:
#
# $$\text{INPUT} \to [\text{CONV} \times 2 - \text{POOL}] \times 2 \to
# [\text{CONV} \times 3 - \text{POOL}] \times 3 \to \text{FC} \times 3$$
#
# with 64, 128, 256, 512 and 512 filters in the five parts, and fully connected layers of 4096,
# 4096 and 1000 units. A table that many lectures show has one row for each step: its shape, how
# many values it puts into **memory**, and how many **weights** it has, without biases. Under its
# memory column it says 24 million values in total. What do you get?
#
# **Example.** The first rows are `("INPUT", (224, 224, 3), 150528, 0)` and
# `("CONV3-64", (224, 224, 64), 3211264, 1728)`. The others are called `CONV3-128` and so on by
# their filters, `POOL2`, and `FC`.
#
# Write
#
# - `vgg16_table(height=224, width=224, classes=1000, units=4096)`: a list of 22 rows
#   `(name, (height, width, channels), values, weights)`, a vector's shape being `(1, 1, units)`;
# - `table_totals(table, bytes_per_value=4)` for *any* such list of rows: a dict with `"values"`
#   and `"weights"`, the sums of the two columns; `"mebibytes"`, the memory of the values in MiB
#   ($1\,\text{MiB} = 2^{20}$ bytes), a `float`; and `"fc_share"`, the fraction of the weights
#   that is in rows called exactly `FC`, a `float` from 0 to 1, which is 0 for a table without any
#   weights.


# %% nbgrader={"grade": false, "grade_id": "vgg16_table", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vgg16_table(height=224, width=224, classes=1000, units=4096):
    """VGG-16's layers with their memory and weights.

    Args:
        height, width: size of the RGB images, multiples of 32.
        classes: units of the last layer.
        units: units of the two fully connected layers before.

    Returns:
        A list of 22 rows (name, (height, width, channels), values, weights without biases).
    """
    ### BEGIN SOLUTION
    rows = []

    def row(name, shape, weights):
        rows.append((name, shape, prod(shape), weights))

    channels = 3
    row("INPUT", (height, width, channels), 0)
    for convolutions, filters in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(convolutions):
            weights = conv_params(channels, filters, 3, use_bias=False)
            row(f"CONV3-{filters}", (height, width, filters), weights)
            channels = filters
        height, width = pool_output_size(height, 2), pool_output_size(width, 2)
        row("POOL2", (height, width, channels), 0)
    inputs = height * width * channels
    for outputs in (units, units, classes):
        row("FC", (1, 1, outputs), dense_params(inputs, outputs, use_bias=False))
        inputs = outputs
    return rows
    ### END SOLUTION


def table_totals(table, bytes_per_value=4):
    """Sums of a table's columns.

    Args:
        table: rows (name, shape, values, weights).
        bytes_per_value: memory that one value takes.

    Returns:
        A dict with "values" and "weights" (ints), "mebibytes" and "fc_share" (floats).
    """
    ### BEGIN SOLUTION
    values = sum(row[2] for row in table)
    weights = sum(row[3] for row in table)
    in_fc = sum(row[3] for row in table if row[0] == "FC")
    return {
        "values": values,
        "weights": weights,
        "mebibytes": values * bytes_per_value / 2**20,
        "fc_share": in_fc / weights if weights else 0.0,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_vgg16_table", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. VGG-16's table", points=4)
question.rules(vgg16_table, table_totals, without=LEFT_OUT)


def vgg16_row(number, *args, **kwargs):
    return vgg16_table(*args, **kwargs)[number]


def vgg16_values(*args, **kwargs):
    return sum(row[2] for row in vgg16_table(*args, **kwargs))


def vgg16_weights(*args, **kwargs):
    return sum(row[3] for row in vgg16_table(*args, **kwargs))


def table_total(name, *args, **kwargs):
    return table_totals(*args, **kwargs)[name]


small_table = [
    ("INPUT", (8, 8, 2), 128, 0),
    ("CONV3-4", (8, 8, 4), 256, 72),
    ("FC", (1, 1, 3), 3, 768),
]

question.example("the first convolution with 128 filters", vgg16_row, 4).gives(
    ("CONV3-128", (112, 112, 128), 1_605_632, 73_728),
    hint="it comes after the first pooling; a slide that says 224 here is wrong",
)
question.example("all weights", vgg16_weights).gives(
    138_344_128, hint="how many convolutions do the five parts have?"
)
question.example("all values", vgg16_values).gives(
    15_237_608, hint="each value is counted once, the input's and the pools' as well"
)
question.example("the share of FC in a small table", table_total, "fc_share", small_table).gives(
    768 / 840, hint="divide the weights of the rows called FC by all weights"
)
### BEGIN HIDDEN TESTS
from course import sizing

draw = question.random


def vgg16_expected(
    height=224, width=224, classes=1000, units=4096, pattern=(2, 2, 3, 3, 3), use_bias=False
):
    channels, rows = 3, [("INPUT", (height, width, 3), 3 * height * width, 0)]
    for convolutions, filters in zip(pattern, (64, 128, 256, 512, 512), strict=True):
        for _ in range(convolutions):
            weights = sizing.conv_params(channels, filters, 3, use_bias=use_bias)
            shape, channels = (height, width, filters), filters
            rows.append((f"CONV3-{filters}", shape, height * width * filters, weights))
        height, width = height // 2, width // 2
        rows.append(("POOL2", (height, width, channels), height * width * channels, 0))
    inputs = height * width * channels
    for outputs in (units, units, classes):
        weights = sizing.dense_params(inputs, outputs, use_bias=use_bias)
        rows.append(("FC", (1, 1, outputs), outputs, weights))
        inputs = outputs
    return rows


def column(number, rows):
    return sum(row[number] for row in rows)


numbers = [  # drawn so that no row is as in the paper's net
    (32 * height, 32 * width, draw.randint(10, 200), units)
    for height, width, units in zip(
        draw.sample([3, 5, 6, 9], 3), draw.sample([4, 8, 10, 11], 3),
        draw.sample(range(300, 900), 3), strict=True,
    )
]  # fmt: skip
question.check("every row, for another image", vgg16_table, *numbers[0], share=3).gives_rows(
    vgg16_expected(*numbers[0]), hint="height comes before width; the text has the pattern"
)
classes = draw.randint(10, 200)
question.check(
    "all weights, for another number of classes alone", vgg16_weights, classes=classes, share=0.5
).gives(column(3, vgg16_expected(classes=classes)), hint="what is not given is as in the paper")  # fmt: skip
rows = vgg16_expected(*numbers[1])
question.check("all weights", vgg16_weights, *numbers[1]).gives(
    column(3, rows),
    hint="add the last column",
    mistakes=[
        ("the biases are not counted here", column(3, vgg16_expected(*numbers[1], use_bias=True))),
        (
            "two convolutions in two parts, three in the other three",
            column(3, vgg16_expected(*numbers[1], pattern=(2, 2, 2, 3, 3))),
        ),
        (
            "two convolutions in two parts, three in the other three",
            column(3, vgg16_expected(*numbers[1], pattern=(2, 2, 3, 3, 2))),
        ),
    ],
)
rows = vgg16_expected(*numbers[2])
question.check("all values", vgg16_values, *numbers[2]).gives(
    column(2, rows),
    hint="add the memory column",
    mistakes={
        "those are bytes; the table counts values": 4 * column(2, rows),
        "the input is in memory as well": column(2, rows[1:]),
        "what the pools give is in memory as well": column(
            2, [row for row in rows if row[0] != "POOL2"]
        ),
        "only the convolutions were counted": column(
            2, [row for row in rows if row[0].startswith("CONV")]
        ),
    },
)
table = []
for name in ["INPUT", "CONV3-8", "FC", "POOL2", "FCONV", "CONV1-FC", "FC", "FC"]:
    side = 1 if name == "FC" else draw.randint(5, 90)
    shape = (side, side + draw.randint(1, 9) * (name != "FC"), draw.randint(3, 99))
    weights = draw.randint(100, 9999) * (name not in ("INPUT", "POOL2"))
    table.append((name, shape, shape[0] * shape[1] * shape[2], weights))
values, weights = column(2, table), column(3, table)
in_fc = [row[3] for row in table if row[0] == "FC"]
size = draw.choice([2, 8])
question.check("the sum of the values", table_total, "values", table, share=0.25).gives(
    values, hint="add the third column"
)
question.check("the sum of the weights", table_total, "weights", table, share=0.25).gives(
    weights, hint="add the fourth column"
)
question.check("memory", table_total, "mebibytes", table, bytes_per_value=size, share=0.75).gives(
    values * size / 2**20,
    hint="how many bytes are there, and how many bytes has a MiB?",
    mistakes={
        "bytes_per_value was ignored": values * 4 / 2**20,
        "a value takes several bytes": values / 2**20,
        "those are MB of 1,000,000 bytes; a MiB has 2 to the 20th": values * size / 10**6,
        "those are KiB": values * size / 2**10,
        "those are bytes": values * size,
    },
)
question.check("memory in float32", table_total, "mebibytes", table, share=0.25).gives(
    values * 4 / 2**20, hint="a value takes 4 bytes by default"
)
question.check("the share of FC", table_total, "fc_share", table, share=0.75).gives(
    sum(in_fc) / weights,
    hint="the weights of all rows called FC, divided by all weights",
    mistakes={
        "that is the first FC alone": in_fc[0] / weights,
        "that is the last FC alone": in_fc[-1] / weights,
        "a row called FC may stand anywhere in the table": sum(in_fc[1:]) / weights,
        "as a number from 0 to 1, not in percent": 100 * sum(in_fc) / weights,
        "divide by all weights, those of FC included": sum(in_fc) / (weights - sum(in_fc)),
    },
)


def shares(*tables):
    """Several at once, as 0 alone would be no answer."""
    return [table_totals(list(rows))["fc_share"] for rows in tables]


tables = table[:3] + table[-1:], [row for row in table if row[0] != "FC"], table[2:3], table[3:4]
right = [(in_fc[0] + in_fc[-1]) / column(3, tables[0]), 0.0, 1.0, 0.0]
question.check("the share of FC, all, none, and no weights", shares, *tables, share=0.5).gives(
    right, hint="what is the share if no row has weights?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · The Inception module
#
# GoogLeNet (Szegedy et al., 2015) lets four branches look at the same input and puts their
# feature maps side by side. All preserve height and width, so only the depths add up. In the
# **naive** module:
#
# - `conv1` filters of 1x1,
# - `conv3` filters of 3x3,
# - `conv5` filters of 5x5,
# - max pooling 3x3 with stride 1, which preserves all input channels.
#
# That is expensive, and the depth can only grow. So the **reduced** module puts 1x1 convolutions
# in the way: `reduce3` of them before the 3x3, `reduce5` before the 5x5, and `pool_proj` of them
# after the pooling. Each of the three may be absent, which `None` says.
#
# **Example.** A naive module on 10x10x8 with 4, 2 and 1 filters costs
# $100 \cdot 8 \cdot (4 + 9 \cdot 2 + 25 \cdot 1) = 37{,}600$ MACs, and its output has
# $4 + 2 + 1 + 8 = 15$ channels. One 1x1 filter before the 5x5 saves MACs: that branch then takes
# $100 \cdot 8 \cdot 1 + 100 \cdot 1 \cdot 25 \cdot 1$ instead of $100 \cdot 8 \cdot 25$.
#
# Write `inception_macs(size, channels, conv1, conv3, conv5, reduce3=None, reduce5=None,
# pool_proj=None)` and `inception_depth(channels, conv1, conv3, conv5, pool_proj=None)`. Pooling has
# no MACs.


# %% nbgrader={"grade": false, "grade_id": "inception", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inception_macs(size, channels, conv1, conv3, conv5, reduce3=None, reduce5=None, pool_proj=None):
    """Multiply-adds of an Inception module.

    Args:
        size: (height, width) of the input.
        channels: channels of the input.
        conv1, conv3, conv5: filters of the 1x1, 3x3 and 5x5 convolutions.
        reduce3, reduce5: filters of the 1x1 convolutions before the 3x3 and the 5x5, or None.
        pool_proj: filters of the 1x1 convolution after the pooling, or None.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    total = conv_macs(channels, conv1, 1, size)
    for kernel_size, filters, reduced in ((3, conv3, reduce3), (5, conv5, reduce5)):
        if reduced is not None:
            total += conv_macs(channels, reduced, 1, size)
        total += conv_macs(channels if reduced is None else reduced, filters, kernel_size, size)
    if pool_proj is not None:
        total += conv_macs(channels, pool_proj, 1, size)
    return total
    ### END SOLUTION


def inception_depth(channels, conv1, conv3, conv5, pool_proj=None):
    """Channels of an Inception module's output. Arguments as in inception_macs.

    Returns:
        An int.
    """
    ### BEGIN SOLUTION
    return conv1 + conv3 + conv5 + (channels if pool_proj is None else pool_proj)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_inception", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. The Inception module", points=3)
question.rules(inception_macs, inception_depth, without=LEFT_OUT)
question.example("the text's naive module", inception_macs, (10, 10), 8, 4, 2, 1).gives(
    37_600, hint="three convolutions on the same input; the pooling multiplies nothing"
)
question.example("one filter before the 5x5", inception_macs, (10, 10), 8, 4, 2, 1, None, 1).gives(
    20_900, hint="the 5x5 then sees one channel instead of eight"
)
question.example("the text's depth", inception_depth, 8, 4, 2, 1).gives(
    15, hint="the pooling branch has as many channels as the input"
)
### BEGIN HIDDEN TESTS
draw = question.random
height, width, channels = draw.randint(10, 20), draw.randint(21, 30), draw.randint(200, 400)
conv1, conv3, conv5 = draw.randint(50, 90), draw.randint(100, 199), draw.randint(20, 49)
reduce3, reduce5, proj = draw.randint(60, 99), draw.randint(10, 19), draw.randint(30, 59)
places = height * width
macs1, macs3, macs5 = (places * channels * n for n in (conv1, 9 * conv3, 25 * conv5))
widths = conv1, conv3, conv5
naive = macs1 + macs3 + macs5
question.check("multiply-adds, naive", inception_macs, (height, width), channels, *widths).gives(
    naive,
    hint="three convolutions on the same input",
    mistakes={
        "those are FLOPs: one multiply-add is counted once": 2 * naive,
        "those are the weights; each works at every position": naive // places,
        "the pooling has no multiply-adds": naive + 9 * places * channels,
        "the kernels are 1x1, 3x3 and 5x5": places * channels * (conv1 + conv3 + conv5),
        "a kernel of 3x3 has 9 places": places * channels * (conv1 + 3 * conv3 + 5 * conv5),
        "biases are added, not multiplied": naive + places * (conv1 + conv3 + conv5),
    },
)
ahead3, ahead5, after = (places * channels * n for n in (reduce3, reduce5, proj))
cheap3, cheap5 = places * 9 * reduce3 * conv3, places * 25 * reduce5 * conv5
reduced = macs1 + ahead3 + cheap3 + ahead5 + cheap5 + after
question.check(
    "multiply-adds, reduced", inception_macs, (height, width), channels, *widths, reduce3=reduce3,
    reduce5=reduce5, pool_proj=proj,
).gives(
    reduced,
    hint="six convolutions; what does each of them see?",
    mistakes={
        "that is the naive module": naive,
        "those are FLOPs: one multiply-add is counted once": 2 * reduced,
        "the 3x3 convolution is counted twice, as on a well-known slide": reduced + cheap3,
        "the 1x1 convolution after the pooling is missing": reduced - after,
        "the 1x1 convolutions before the 3x3 and 5x5 cost something, "
        "too": reduced - ahead3 - ahead5,
        "the three 1x1 convolutions that reduce cost something, "
        "too": reduced - ahead3 - ahead5 - after,
        "after a reduction the 3x3 and the 5x5 see fewer channels": naive + ahead3 + ahead5 + after,
    },
)  # fmt: skip
question.check(
    "multiply-adds, with a reduction before the 3x3 alone", inception_macs, (height, width),
    channels, *widths, reduce3=reduce3, share=0.5,
).gives(
    macs1 + ahead3 + cheap3 + macs5,
    hint="each of the three reductions may be there or not",
    mistakes={"reduce3 was ignored": naive},
)  # fmt: skip
question.check(
    "multiply-adds, with a reduction before the 5x5 and one after the pooling", inception_macs,
    (height, width), channels, *widths, reduce5=reduce5, pool_proj=proj, share=0.5,
).gives(
    macs1 + macs3 + ahead5 + cheap5 + after,
    hint="each of the three reductions may be there or not",
    mistakes={
        "pool_proj was ignored": macs1 + macs3 + ahead5 + cheap5,
        "reduce5 was ignored": macs1 + macs3 + macs5 + after,
    },
)  # fmt: skip
few = draw.randint(5, 9)
more = few + draw.randint(3, 9)
question.check(
    "multiply-adds, with reductions and a projection that widen", inception_macs, (height, width),
    few, *widths, more, more + 1, more + 2, share=0.5,
).gives(
    places * (few * (conv1 + 3 * more + 3) + 9 * more * conv3 + 25 * (more + 1) * conv5),
    hint="they cost, and change what comes after, whether they reduce or not",
)  # fmt: skip
question.check(
    "depth, with a projection that widens", inception_depth, few, *widths, pool_proj=more, share=0.25
).gives(conv1 + conv3 + conv5 + more, hint="what comes out of each branch in the end?")  # fmt: skip
question.check("depth, naive", inception_depth, channels, *widths, share=0.5).gives(
    conv1 + conv3 + conv5 + channels,
    hint="four branches side by side",
    mistakes={
        "the pooling branch is put beside the others, too": conv1 + conv3 + conv5,
        "branches side by side add up": conv1 * conv3 * conv5,
    },
)
question.check("depth, reduced", inception_depth, channels, *widths, proj, share=0.5).gives(
    conv1 + conv3 + conv5 + proj,
    hint="what comes out of each branch in the end?",
    mistakes={
        "pool_proj was ignored": conv1 + conv3 + conv5 + channels,
        "the 1x1 convolution after the pooling replaces the input's channels": conv1
        + conv3
        + conv5
        + channels
        + proj,
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Cheaper blocks
#
# Later networks replace a wide 3x3 convolution with something that has fewer weights. Count the
# weights (no biases anywhere) of four blocks. Write
#
# - `basic_block_params(channels)` for the **basic block** (ResNet-18 and -34): two 3x3
#   convolutions, with `channels` channels before, between and after them;
# - `bottleneck_params(channels, width, groups=1)` for the **bottleneck** (ResNet-50 and deeper):
#   1x1 from `channels` to `width`, 3x3 from `width` to `width`, 1x1 back to `channels`. In ResNeXt
#   the 3x3 has groups, and only the 3x3. They divide the width;
# - `se_params(channels, ratio=16)` for **squeeze-and-excitation** (SENet): the mean of each channel
#   goes through two fully connected layers, from `channels` to `channels / ratio` values and back.
#   The ratio divides the channels;
# - `separable_saving(in_channels, filters, kernel_size=3)` for the **depthwise separable
#   convolution** (MobileNet): one $k \times k$ filter for each input channel, then a 1x1
#   convolution to `filters` channels. How many *times fewer* weights does it have than one ordinary
#   convolution? A `float`.
#
# **Example.** With 8 channels: a basic block has $2 \cdot 9 \cdot 64 = 1{,}152$ weights, a
# bottleneck of width 2 has $16 + 36 + 16 = 68$, and with two groups $16 + 18 + 16 = 50$. A 3x3
# convolution from 8 to 16 channels has 1,152 weights, the separable one $72 + 128 = 200$, which is
# 5.76 times fewer.

# %% nbgrader={"grade": false, "grade_id": "figure_channels", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import diagrams

show(
    diagrams.channel_links(8, {
        "ordinary 3x3": (1, 9), "2 groups, 3x3": (2, 9), "depthwise 3x3": (8, 9), "1x1": (1, 1),
    }),
    "8 channels to 8: which sees which, and through how many weights.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "cheaper_blocks", "locked": false, "schema_version": 3, "solution": true, "task": false}
def basic_block_params(channels):
    """Weights of two 3x3 convolutions that keep the channels. An int."""
    ### BEGIN SOLUTION
    return 2 * conv_params(channels, channels, 3, use_bias=False)
    ### END SOLUTION


def bottleneck_params(channels, width, groups=1):
    """Weights of 1x1 to `width`, 3x3 in `groups` groups, 1x1 back to `channels`. An int."""
    ### BEGIN SOLUTION
    narrow = conv_params(channels, width, 1, use_bias=False)
    middle = conv_params(width, width, 3, groups, use_bias=False)
    return narrow + middle + conv_params(width, channels, 1, use_bias=False)
    ### END SOLUTION


def se_params(channels, ratio=16):
    """Weights of a squeeze-and-excitation block; `ratio` divides `channels`. An int."""
    ### BEGIN SOLUTION
    return 2 * dense_params(channels, channels // ratio, use_bias=False)
    ### END SOLUTION


def separable_saving(in_channels, filters, kernel_size=3):
    """How many times fewer weights a separable convolution has than an ordinary one. A float."""
    ### BEGIN SOLUTION
    ordinary = conv_params(in_channels, filters, kernel_size, use_bias=False)
    depthwise = conv_params(
        in_channels, in_channels, kernel_size, groups=in_channels, use_bias=False
    )
    return ordinary / (depthwise + conv_params(in_channels, filters, 1, use_bias=False))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_cheaper_blocks", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Cheaper blocks", points=2)
question.rules(basic_block_params, bottleneck_params, se_params, separable_saving, without=LEFT_OUT)
question.example("a basic block on 8 channels", basic_block_params, 8).gives(
    1_152, hint="two convolutions, 3x3 each"
)
question.example("a bottleneck of width 2", bottleneck_params, 8, 2).gives(
    68, hint="three convolutions, of which only the middle one is 3x3"
)
question.example("a bottleneck of width 2 in two groups", bottleneck_params, 8, 2, 2).gives(
    50, hint="each filter of the 3x3 sees one channel instead of two"
)
question.example("an SE block", se_params, 32).gives(128, hint="how wide is it in the middle?")
question.example("a separable convolution", separable_saving, 8, 16).gives(
    5.76, hint="ordinary weights divided by separable weights"
)
### BEGIN HIDDEN TESTS
draw = question.random
channels, groups = 32 * draw.randint(4, 12), draw.choice([2, 4, 8])
width = groups * draw.randint(5, 12)
width += groups * (4 * width == channels)  # no quarter, as in the papers
basic = 18 * channels * channels
question.check("a basic block", basic_block_params, channels, share=0.5).gives(
    basic,
    hint="two convolutions, 3x3 each",
    mistakes={
        "there are two convolutions": basic // 2,
        "no biases here": basic + 2 * channels,
        "each kernel has 3x3 places": basic // 9,
        "each filter sees all channels": 18 * channels,
    },
)
bottleneck = 2 * channels * width + 9 * width * width
question.check("a bottleneck", bottleneck_params, channels, width).gives(
    bottleneck,
    hint="1x1 down, 3x3 in the narrow middle, 1x1 up",
    mistakes=[
        ("there are two 1x1 convolutions, down and up", bottleneck - channels * width),
        ("no biases here", bottleneck + 2 * width + channels),
        ("the first and the last kernel are 1x1", 9 * (2 * channels * width + width * width)),
        ("the 3x3 goes from width to width", 2 * channels * width + 9 * channels * width),
        ("the 3x3 goes from width to width", 2 * channels * width + 9 * channels * channels),
    ],
)
grouped = 2 * channels * width + 9 * width * width // groups
question.check("a bottleneck with groups", bottleneck_params, channels, width, groups).gives(
    grouped,
    hint="only the 3x3 has groups",
    mistakes={
        "the groups were left out": bottleneck,
        "groups make it smaller: divide": 2 * channels * width + 9 * width * width * groups,
        "only the 3x3 has groups": bottleneck // groups,
        "that is one group of the 3x3; count all of them": 2 * channels * width
        + 9 * width * width // groups**2,
    },
)
ratio = draw.choice([4, 32])
question.check("an SE block", se_params, channels, ratio, share=0.5).gives(
    2 * channels * channels // ratio,
    hint="two fully connected layers, there and back",
    mistakes={
        "there are two layers, there and back": channels * channels // ratio,
        "ratio was ignored": 2 * channels * channels // 16,
        "no biases here": 2 * channels * channels // ratio + channels // ratio + channels,
        "it is narrow in the middle": 2 * channels * channels,
    },
)


def weights_by_default(channels, width):
    """Two at once, without what is not given."""
    return [bottleneck_params(channels, width), se_params(channels)]


question.check("without groups and ratio", weights_by_default, channels, width, share=0.25).gives(
    [bottleneck, 2 * channels * channels // 16],
    hint="one group and a ratio of 16, by default",
)
question.check(
    "a group for each channel of a bottleneck", bottleneck_params, channels, width, width, share=0.25
).gives(2 * channels * width + 9 * width, hint="each filter of the 3x3 then sees one channel")  # fmt: skip
inputs, filters, kernel = draw.randint(20, 90), draw.randint(101, 290), draw.choice([4, 6])
ordinary, separable = kernel**2 * inputs * filters, kernel**2 * inputs + inputs * filters
question.check("a separable convolution", separable_saving, inputs, filters, kernel).gives(
    ordinary / separable,
    hint="ordinary weights divided by separable weights",
    mistakes={
        "that is the other way round: how many times fewer?": separable / ordinary,
        "the depthwise part has weights as well": ordinary / (inputs * filters),
        "the 1x1 part has weights as well": ordinary / (kernel**2 * inputs),
        "each input channel has a filter of its own": ordinary / (kernel**2 + inputs * filters),
        "not rounded down, please: a quotient is a float": ordinary // separable,
        "kernel_size was ignored": 9 * inputs * filters / (9 * inputs + inputs * filters),
    },
)
question.check(
    "a separable convolution of 3x3", separable_saving, filters, inputs, share=0.5
).gives(
    9 * inputs * filters / (9 * filters + inputs * filters),
    hint="ordinary weights divided by separable weights, for a kernel of 3 by default",
    mistakes={
        "the depthwise part has a filter for each input channel, not for each filter": 9
        * inputs
        * filters
        / (9 * inputs + inputs * filters)
    },
)


def unusual(channels, inputs, filters):
    """A single value in the middle, and separable convolutions that save nothing."""
    savings = separable_saving(inputs, filters, 1), separable_saving(inputs, 1, 5)
    return [se_params(channels, channels), se_params(channels, channels // 2), *savings]


question.check(
    "one value in the middle, and no saving", unusual, channels, inputs, filters, share=0.5
).gives(
    [2 * channels, 4 * channels, filters / (1 + filters), 25 / 26],
    hint="fewer than one time fewer is more",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Predict a network, then train it
#
# This is LeNet-5 as most people build it today: every feature map sees every other, pooling has
# nothing to train, and the rest is fully connected.
#
# | layer | what it is |
# |---|---|
# | conv1 | 6 filters of 5x5, valid, tanh |
# | pool1 | average pooling, 2x2 side by side |
# | conv2 | 16 filters of 5x5, valid, tanh |
# | pool2 | average pooling, 2x2 side by side |
# | fc1 | 120 units, tanh, on all values of pool2 |
# | fc2 | 84 units, tanh |
# | predictions | one unit for each class, softmax |
#
# Predict it on paper, for images of any size: `predict_lenet(image_size, channels, classes)`
# returns a dict with
#
# - `"feature_shape"`: the shape of pool2's output, `(height, width, channels)`;
# - `"params"`: all parameters, biases included;
# - `"macs"`: multiply-adds of one image, those of the fully connected layers included: one for
#   each of their weights;
# - `"activation_values"`: how many values one image puts into memory: its own, and the output of
#   each of the seven layers. An activation function like tanh is part of its layer here.


# %% nbgrader={"grade": false, "grade_id": "predict_lenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predict_lenet(image_size, channels, classes):
    """Sizes of the modern LeNet-5, before it is built.

    Args:
        image_size: height and width of the images.
        channels: 1 for grayscale, 3 for RGB.
        classes: number of classes.

    Returns:
        A dict with "feature_shape", "params", "macs" and "activation_values".
    """
    ### BEGIN SOLUTION
    size, params, macs = image_size, 0, 0
    values = size * size * channels
    for filters in (6, 16):
        size = valid_output_size(size, 5)
        params += conv_params(channels, filters, 5)
        macs += conv_macs(channels, filters, 5, (size, size))
        values += size * size * filters
        size, channels = pool_output_size(size, 2), filters
        values += size * size * filters
    inputs = size * size * channels
    for units in (120, 84, classes):
        params += dense_params(inputs, units)
        macs += dense_params(inputs, units, use_bias=False)
        values += units
        inputs = units
    return {
        "feature_shape": (size, size, channels),
        "params": params,
        "macs": macs,
        "activation_values": values,
    }
    ### END SOLUTION


# %% [markdown]
# Now the net itself. The next cell trains it on 8x8 images of handwritten digits, enlarged to the
# 32x32 that LeNet-5 expects; that takes up to half a minute. There is nothing to fill in: run it,
# and see whether your prediction of its size comes true.

# %% nbgrader={"grade": false, "grade_id": "train_lenet", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import keras

from course import architectures
from course.datasets import load_arrays


def enlarged(images):
    """From 8x8 to 32x32 pixels, each drawn as a square of 4x4, with values from 0 to 1."""
    return np.kron(images.reshape(-1, 8, 8), np.ones((4, 4)))[..., None] / images.max()


keras.utils.set_random_seed(0)
(train_images, train_labels), (test_images, test_labels) = (
    load_arrays("digits", split) for split in ("train", "test")
)
model = architectures.build("lenet5_modern")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(enlarged(train_images), train_labels, batch_size=32, epochs=3, verbose=0)
loss, accuracy = model.evaluate(enlarged(test_images), test_labels, verbose=0)
print(
    f"{accuracy:.1%} of {len(test_labels)} digits that it has never seen are classified correctly."
)

# %% nbgrader={"grade": true, "grade_id": "test_predict_lenet", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from course import sizing

question = checks.Question("12. Predict a network", points=3)
question.rules(predict_lenet, without=LEFT_OUT)


def predicted(name, *args):
    return predict_lenet(*args)[name]


report = sizing.profile(model)
question.example("what pool2 gives", predicted, "feature_shape", 32, 1, 10).gives(
    tuple(model.get_layer("pool2").output.shape[1:]),
    hint="two convolutions without padding, each followed by windows of 2x2",
)
question.example("parameters of the trained net", predicted, "params", 32, 1, 10).gives(
    model.count_params(), hint="how many values does fc1 see?"
)
question.example("its multiply-adds", predicted, "macs", 32, 1, 10).gives(
    report.macs, hint="a convolution's weights work at every position, a dense layer's once"
)
question.example("its activations", predicted, "activation_values", 32, 1, 10).gives(
    report.activation_bytes // 4, hint="the image, and what each of the seven layers gives"
)
### BEGIN HIDDEN TESTS
from course import architectures

draw = question.random
# Both pools leave a rest, which rounding up and to the nearest would use.
size, channels, classes = draw.choice([27, 43, 51]), draw.randint(2, 4), draw.randint(11, 40)
other = architectures.build("lenet5_modern", input_shape=(size, size, channels), classes=classes)
report = sizing.profile(other)
shape = tuple(other.get_layer("pool2").output.shape[1:])
side, middle = shape[0], other.get_layer("conv2").output.shape[1]
question.check("what pool2 gives", predicted, "feature_shape", size, channels, classes).gives(
    shape, hint="two convolutions without padding, each followed by windows of 2x2"
)
params = other.count_params()
question.check("parameters", predicted, "params", size, channels, classes).gives(
    params,
    hint="add what the five layers with weights have",
    mistakes={
        "the biases are missing": params - 6 - 16 - 120 - 84 - classes,
        "conv1 sees all channels of the image": params - 150 * (channels - 1),
        "fc1 sees more or fewer than 400 values if the image is not 32x32": params
        + 120 * 16 * (25 - side**2),
        "the number of classes was ignored": params - 85 * (classes - 10),
        "conv2 sees all six maps everywhere; Table I is the old net's": params - 900,
    },
)
macs = report.macs
dense = 120 * 16 * side**2 + 120 * 84 + 84 * classes
question.check("multiply-adds", predicted, "macs", size, channels, classes).gives(
    macs,
    hint="a convolution's weights work at every position, a dense layer's once",
    mistakes={
        "those are FLOPs: one multiply-add is counted once": 2 * macs,
        "the fully connected layers multiply, too": macs - dense,
        "a bias is added, not multiplied": macs
        + 6 * (size - 4) ** 2
        + 16 * middle**2
        + 204
        + classes,
        "those are the weights; a convolution's work at every position": params
        - 6
        - 16
        - 120
        - 84
        - classes,
    },
)
values = report.activation_bytes // 4
question.check("activations", predicted, "activation_values", size, channels, classes).gives(
    values,
    hint="the image, and what each of the seven layers gives",
    mistakes={
        "the image itself is in memory, too": values - size * size * channels,
        "the image has several channels": values - size * size * (channels - 1),
        "those are bytes; values are asked for": 4 * values,
        "making a vector of maps copies nothing": values + 16 * side**2,
        "what the pools give is in memory, too": values - 6 * ((size - 4) // 2) ** 2 - 16 * side**2,
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# All of that was arithmetic, and it holds to the last digit.
#
# ## 13 · A network of your own
#
# The last network has sizes that nobody else in your class was given: they follow from your id.
# Run the next two cells. If the first does not know your id, write it in, exactly as it appears
# in your instructor's list. A mistyped id gives other numbers, and what counts are those of the
# id under which you submit your work.

# %%
student_id = checks.student() or ""  # or your id, in quotes
student_id


# %% nbgrader={"grade": false, "grade_id": "own_network", "locked": true, "schema_version": 3, "solution": false, "task": false}
def own_network(student):
    """Two convolutions with pooling between them, in sizes that belong to a student's id."""
    draw = checks.student_rng(student or "nobody", "02_sizing")
    strides, kernel_size = draw.choice([3, 4]), draw.choice([9, 11, 13])
    height, width = (  # sizes that come out even in no layer
        (4 * steps - 2) * strides + kernel_size - 1 for steps in draw.sample(range(11, 17), 2)
    )
    return {
        "image": (height, width, 3),
        "conv1": {
            "filters": draw.randint(20, 60),
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": 2 * strides,  # zeros on each side; fewer could be lost in rounding
        },
        "pool": {"pool_size": 3, "strides": 2},
        "conv2": {
            "filters": draw.randint(61, 120),
            "kernel_size": 3,
            "dilation": draw.randint(5, 7),
        },
    }


NO_ID = "No id yet, so these are nobody's numbers: write your id into the cell above, and run it."
if not student_id:
    print(NO_ID)
own_network(student_id)

# %% [markdown]
# Anything not mentioned there is as usual: no padding, stride 1, biases. Fill in `own_answers`,
# by hand or with the functions that you wrote above:
#
# - `"output_shape"`: the shape of conv2's output, `(height, width, channels)`;
# - `"params"`: all parameters;
# - `"macs"`: multiply-adds of both convolutions for one image;
# - `"receptive_field"`: the rows of the image from the first to the last one on which a value of
#   conv2 depends, both included, as in question 7.
#
# **Example.** With a 7x7 kernel, stride 2 and one zero on each side, conv1 makes
# $\lfloor (100 + 2 - 7) / 2 \rfloor + 1 = 48$ rows of 100.

# %% nbgrader={"grade": false, "grade_id": "own_answers", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
own = own_network(student_id)
conv1, pool, conv2 = own["conv1"], own["pool"], own["conv2"]
params, macs, sizes, channels = 0, 0, own["image"][:2], own["image"][2]
for layer in (conv1, pool, conv2):
    kernel, stride = layer.get("kernel_size", layer.get("pool_size")), layer.get("strides", 1)
    reach = layer.get("dilation", 1) * (kernel - 1)
    sizes = [(size + 2 * layer.get("padding", 0) - reach - 1) // stride + 1 for size in sizes]
    if "filters" in layer:
        weights = channels * layer["filters"] * kernel**2
        params += weights + layer["filters"]
        macs += weights * sizes[0] * sizes[1]
        channels = layer["filters"]
step = conv1["strides"]
field = conv1["kernel_size"] + step * 2 + 2 * step * 2 * conv2["dilation"]
own_answers = {
    "output_shape": (*sizes, channels),
    "params": params,
    "macs": macs,
    "receptive_field": field,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_own_answers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. A network of your own", points=3)
question.rules("own_answers", without=LEFT_OUT)
owner = question.student or student_id
if not owner:
    print(NO_ID)


def own_answer(name):
    try:
        return own_answers[name]
    except NameError:
        raise NotImplementedError from None


def channels_of_output():
    return own_answer("output_shape")[2]


question.example("the channels of the output", channels_of_output).gives(
    own_network(owner)["conv2"]["filters"], hint="each filter makes one channel"
)
### BEGIN HIDDEN TESTS
from course import sizing


def right_answers(student, both_sides=2, dilation=None, strides=None, moved=None, reach=None):
    """What is right for a student's numbers, or if something is overlooked."""
    net = own_network(student)
    conv1, pool, conv2 = net["conv1"], net["pool"], net["conv2"]
    (height, width, channels), zeros = net["image"], both_sides * conv1["padding"]
    kernel, stride = conv1["kernel_size"], strides or conv1["strides"]
    dilation = dilation or conv2["dilation"]
    reach = reach or (conv2["kernel_size"] - 1) * dilation + 1
    first = sizing.conv_output_size((height + zeros, width + zeros), kernel, conv1["strides"])
    pooled = sizing.pool_output_size(first, pool["pool_size"], pool["strides"])
    last = sizing.conv_output_size(pooled, reach)
    layer1 = channels, conv1["filters"], kernel
    layer2 = conv1["filters"], conv2["filters"], conv2["kernel_size"]
    rows = (kernel, stride), (pool["pool_size"], moved or pool["strides"]), (reach, 1)
    return {
        "output_shape": (*last, conv2["filters"]),
        "params": sizing.conv_params(*layer1) + sizing.conv_params(*layer2),
        "macs": sizing.conv_macs(*layer1, first) + sizing.conv_macs(*layer2, last),
        "receptive_field": sizing.receptive_field(rows),
    }


right = right_answers(owner)
net = own_network(owner)
biases = sum(net[layer]["filters"] for layer in ("conv1", "conv2"))
wrong = {
    "the zeros around the image were left out": right_answers(owner, both_sides=0),
    "the zeros are on both sides of the image": right_answers(owner, both_sides=1),
    "conv2 is dilated": right_answers(owner, dilation=1),
    "a dilated kernel's reach ends at its last weight": right_answers(
        owner, reach=net["conv2"]["kernel_size"] * net["conv2"]["dilation"]
    ),
    "the pool's stride lies before conv2": right_answers(owner, moved=1),
    "conv1's stride lies before the pool and conv2": right_answers(owner, strides=1),
    "the biases are missing": {"params": right["params"] - biases},
    "those are FLOPs: one multiply-add is counted once": {"macs": 2 * right["macs"]},
}
if isinstance(student_id, str) and student_id.strip() not in ("", owner):
    cause = f"those are the numbers of {student_id}, but {owner} hands this in"
    wrong = {cause: right_answers(student_id)} | wrong
hints = {
    "output_shape": "layer by layer: what conv1 gives, what the pool makes of it, and so on",
    "params": "for each filter its weights, and a bias",
    "macs": "a convolution's weights work at every position of its own output",
    "receptive_field": "kernel, step and reach, layer by layer, as in question 7",
}
for name, hint in hints.items():
    found = [(answers[name], cause) for cause, answers in wrong.items() if name in answers]
    values = [value for value, _ in found]
    # A cause is named where it alone explains the answer.
    mistakes = {cause: v for v, cause in found if v != right[name] and values.count(v) == 1}
    question.check(name, own_answer, name).gives(right[name], hint=hint, mistakes=mistakes)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 14 · In your own words
#
# A colleague has to get VGG-16 running on a phone. "It has 138 million parameters, and that is
# all that matters," he says. "The file is too large, training runs out of memory at a batch of
# 64, and an image takes too long. Three complaints, one cause: I will throw out convolutions
# until it fits."
#
# Write about ten sentences: which **layers** are to blame for each of the three complaints, with
# numbers from question 9 or computed as in question 5; what you would change for each of them,
# and roughly how much that saves; and what one of your changes could cost in return. This
# question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The three complaints have three causes. The *file* is large because of its weights, and 124 of 138
# million are in the dense layers, 103 million of them in the first one, which sees 7x7x512 values.
# Global average pooling instead of it leaves 512 values and 0.5 million weights for 1000 classes:
# the file shrinks to a ninth, 15.2 million weights, about 61 MB in float32.
#
# *Memory in training* goes to the activations, which are kept for the backward pass: 15.2 million
# values for each image, 61 MB in float32, so about 3.9 GB for 64 images, and as much again for
# their gradients. 6.4 million of them come from the first two convolutions, which hardly have any
# weights. A smaller image (112x112: a quarter), a stride in the first layer, a smaller batch or
# half precision help. On the phone nothing is kept, so this complaint is about training only.
#
# *Time* depends on the multiply-adds, 15.5 billion per image, of which 15.3 billion are in the
# convolutions. A quarter of the pixels is a quarter of them; bottlenecks or depthwise separable
# convolutions instead of 3x3 save a factor of up to eight or nine. Throwing out dense layers
# hardly changes the time, and throwing out convolutions hardly changes the file.
#
# In return: smaller images lose small objects; separable convolutions have fewer weights and can
# represent less, and they reach a smaller part of a processor's speed; half precision needs care
# with small gradients.
#
# **Marking scheme** (4 points)
#
# - 1: file: the weights are in the dense layers, the first above all, with a number that is about
#   right (103 of 138 million, or nine tenths in the three).
# - 1: memory in training: activations (not weights), the early layers above all, with a number that
#   is about right; half a point without the number.
# - 1: time: multiply-adds, in the convolutions, with a number that is about right.
# - 1: a change that fits each of the causes, a rough size of what it saves for at least one of
#   them, and one honest price. Half a point if two of the three fit. No point for "prune" or
#   "quantize" without saying which of the three numbers it changes.
# ### END SOLUTION

# %% [markdown]
# Before you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow *hand in* on
# the start page (`START.md`), or run `course submit 02_sizing` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
