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
# # 01 · Convolution, by hand
#
# A convolutional layer is one line in Keras. Here you write it yourself, in NumPy: the kernel
# that slides over an image, all the ways it can slide, pooling, and the backward pass, which lets
# it learn. Every function is compared with Keras' own, so that in the end there is nothing in
# that one line that you could not have written.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn images and kernels. If some of the checks pass, you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 01_convolution`: it checks the notebook, makes the file to hand in, and says
#    where to.
#
# **Five rules**
#
# - An image is `(height, width)`, a batch is `(examples, height, width, channels)`, and a kernel
#   is `(height, width, in_channels, filters)`: Keras' order. Height always comes before width.
# - Arrays hold whole numbers, as pictures do, or fractions, and may be slices of larger arrays,
#   such as `x[:, ::2]`. Whatever the input, results are not rounded.
# - A function receives the arguments that its docstring describes, and need not check them unless
#   its question asks for an error. It may change the arrays that it is given: only what it
#   returns counts.
# - In questions 1 to 10, write no loop over pixels, output places or examples. A loop is anything
#   that runs a line of yours once for each of them: `for` and `while`, a comprehension, `map`,
#   `np.vectorize`, recursion. A loop over the few places of a *kernel*, over channels or over
#   groups is fine. `sliding_window_view` gives every window of an array without copying anything.
# - Answers are written in NumPy, and later ones may call your earlier functions. They use no
#   Keras, TensorFlow or SciPy. Questions 8 and 12 are an exception: they hand you a Keras model
#   to call, and you may use TensorFlow to call it and on what it returns.
#
# The last two rules are checked as well: a question whose answer breaks one of them earns no
# points.
#
# | question | points | minutes |
# |---|---:|---:|
# | 1 Slide a kernel over an image | 2 | 10 |
# | 2 Convolution, as mathematicians mean it | 2 | 10 |
# | 3 What "same" puts around an image | 2 | 15 |
# | 4 All windows of a batch | 3 | 15 |
# | 5 The convolutional layer | 4 | 25 |
# | 6 Groups and depth | 3 | 20 |
# | 7 Pooling | 2 | 15 |
# | 8 Measure equivariance | 3 | 25 |
# | 9 The way back | 5 | 40 |
# | 10 Transposed convolution | 2 | 20 |
# | 11 Two thin kernels for one thick one | 2 | 20 |
# | 12 Measure what a value sees | 3 | 25 |
# | 13 In your own words (graded by hand) | 4 | 30 |
#
# (The minutes are rough guesses.) The lecture is
# [01_convolution](../lectures/01_convolution.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import keras
import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from autograder import checks

LEFT_OUT = "keras", "tensorflow", "scipy"  # answers do without them


def larger(*arguments, **axes):
    """A call's arguments, and those with an array that is 40 longer along an axis, for each axis."""
    x, *rest = arguments
    grown = {
        name: np.repeat(x, [*[1] * (x.shape[axis] - 1), 41], axis) for name, axis in axes.items()
    }
    return {f"the {name}": (arguments, (more, *rest)) for name, more in grown.items()}


# %% [markdown]
# ## 1 · Slide a kernel over an image
#
# A kernel $g$ lies on a grayscale image $f$. Each of its numbers is multiplied by the pixel under
# it, and the products are added up. That is one output value. Then the kernel moves on by one
# pixel:
#
# $$y(i, j) = \sum_m \sum_n f(i + m,\, j + n)\, g(m, n)$$
#
# Here the output is *valid*: only places where the kernel lies completely inside count. This is
# called **cross-correlation**, and it is what every deep learning library computes under the name
# of convolution.
#
# **Example.** $y(0, 0)$ of the image and the kernel below is
# $1 \cdot 1 + 2 \cdot 0 + 4 \cdot 0 + 5 \cdot (-1) = -4$.
#
# $$f = \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix} \qquad
# g = \begin{pmatrix} 1 & 0 \\ 0 & -1 \end{pmatrix}$$
#
# Write `correlate(image, kernel)`. `sliding_window_view(image, kernel.shape)` gives an array whose
# entry `[i, j]` is the window that begins there. `np.einsum`, or `*` and `.sum(...)`, does the
# rest.


# %% nbgrader={"grade": false, "grade_id": "correlate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def correlate(image, kernel):
    """Valid cross-correlation of a gray image with a kernel.

    Args:
        image: array of shape (height, width).
        kernel: array of shape (kernel height, kernel width), not larger than the image.

    Returns:
        Array of shape (height - kernel height + 1, width - kernel width + 1).
    """
    ### BEGIN SOLUTION
    return np.einsum("hwij,ij->hw", sliding_window_view(image, kernel.shape), kernel)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_correlate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Slide a kernel over an image", points=2)
question.rules(
    correlate, without=LEFT_OUT,
    no_loop_over=larger(np.ones((6, 7)), np.ones((2, 3)), rows=0, columns=1),
)  # fmt: skip
small, difference = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 0], [0, -1]])
question.example("the image and the kernel above", correlate, small, difference).gives_array(
    [[-4, -4]], hint="multiply each number of the kernel by the pixel under it, and add up"
)
question.example("a wide kernel", correlate, small, np.array([[1, 0, 2]])).gives_array(
    [[7], [16]], hint="a kernel of one row and three columns: which places does it have here?"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def correlated(image, kernel):
    """Place by place, so that it cannot be wrong in a clever way."""
    places = np.ndindex(*np.subtract(image.shape, kernel.shape) + 1)
    height, width = kernel.shape
    values = [(image[i : i + height, j : j + width] * kernel).sum() for i, j in places]
    return np.reshape(values, np.subtract(image.shape, kernel.shape) + 1)


for name, picture, size in (
    ("a square kernel", draw.normal(size=(8, 11)), (3, 3)),
    ("a kernel of whole numbers, higher than wide", draw.normal(size=(8, 22)).astype("float32")[:, ::2], (4, 2)),
    ("a picture of whole numbers, and a kernel of one row", draw.integers(0, 256, (7, 9)), (1, 4)),
    ("a kernel as high as the image", draw.normal(size=(3, 8)), (3, 2)),
):  # fmt: skip
    kernel = draw.normal(size=size) if size != (4, 2) else draw.integers(-9, 9, size)
    right = correlated(picture, kernel)
    around = tuple((n - 1, n - 1) for n in size)
    question.check(name, correlate, picture, kernel).gives_array(
        right,
        hint="compute one output value by hand, and compare",
        mistakes={
            "the kernel was flipped: that is a convolution, which comes next": correlated(
                picture, kernel[::-1, ::-1]
            ),
            "rows and columns of the kernel are swapped": lambda p=picture, k=kernel: correlated(
                p, k.T
            ),
            "rows and columns of the output are swapped": right.T,
            "that is full: only places where the kernel lies completely inside count": correlated(
                np.pad(picture, around), kernel
            ),
            "the products are added up, not averaged": right / kernel.size,
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
picture = draw.normal(size=(6, 5))
question.check(
    "a kernel of one value", correlate, picture, np.array([[2.5]]), share=0.5
).gives_array(2.5 * picture, hint="it has a place on every pixel")
question.check(
    "a kernel as large as the image", correlate, picture, picture, share=0.5
).gives_array(
    [[(picture**2).sum()]], hint="it has exactly one place: the output is of shape (1, 1)"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Convolution, as mathematicians mean it
#
# The convolution of two images is defined with a minus:
#
# $$(f * g)(i, j) = \sum_m \sum_n f(i - m,\, j - n)\, g(m, n)$$
#
# The kernel is flipped upside down *and* left to right before it slides. In return $f * g = g *
# f$, and a single bright pixel in the image gives a copy of the kernel, where cross-correlation
# gives a flipped one.
#
# Write `convolve(image, kernel)`, the **full** convolution: an output value wherever image and
# kernel share at least one pixel, as if the image were surrounded by zeros. So the output has
# `height + kernel height - 1` rows.
#
# **Example.** In one dimension: $(1, 2) * (1, 10, 100) = (1, 12, 120, 200)$.


# %% nbgrader={"grade": false, "grade_id": "convolve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolve(image, kernel):
    """Full convolution of a gray image with a kernel.

    Args:
        image: array of shape (height, width).
        kernel: array of shape (kernel height, kernel width).

    Returns:
        Array of shape (height + kernel height - 1, width + kernel width - 1).
    """
    ### BEGIN SOLUTION
    height, width = kernel.shape
    padded = np.pad(image, ((height - 1, height - 1), (width - 1, width - 1)))
    return correlate(padded, kernel[::-1, ::-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_convolve", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Convolution", points=2)
question.rules(
    convolve, without=LEFT_OUT,
    no_loop_over=larger(np.ones((6, 7)), np.ones((2, 3)), rows=0, columns=1),
)  # fmt: skip
question.example(
    "two small rows", convolve, np.array([[1, 2]]), np.array([[1, 10, 100]])
).gives_array([[1, 12, 120, 200]], hint="where does the kernel begin, so that one pixel is shared?")
question.example(
    "a bright pixel", convolve, np.array([[1, 0]]), np.array([[1, 2], [3, 4]])
).gives_array([[1, 2, 0], [3, 4, 0]], hint="it must paint the kernel as it is, not a flipped one")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def slid(image, kernel, rows, columns):
    """The kernel as it is, over the image with zeros around."""
    padded = np.pad(image, ((rows, rows), (columns, columns)))
    views = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return (views * kernel).sum((-1, -2))


for name, picture, size in (
    ("a square kernel", draw.normal(size=(14, 9)).astype("float32")[::2], (3, 3)),
    ("a kernel of whole numbers, wider than high", draw.normal(size=(7, 9)), (2, 5)),
    ("a picture of whole numbers, and a kernel of one column", draw.integers(0, 256, (5, 8)), (4, 1)),
    ("an image of one row", draw.normal(size=(1, 6)), (1, 4)),
):  # fmt: skip
    kernel = draw.normal(size=size) if size != (2, 5) else draw.integers(-9, 9, size)
    rows, columns = size[0] - 1, size[1] - 1
    right = slid(picture, kernel[::-1, ::-1], rows, columns)
    question.check(name, convolve, picture, kernel).gives_array(
        right,
        hint="which output value takes the image's first pixel, and with which weight?",
        mistakes={
            "the kernel was not flipped": slid(picture, kernel, rows, columns),
            "the kernel was flipped upside down only": slid(picture, kernel[::-1], rows, columns),
            "the kernel was flipped left to right only": slid(
                picture, kernel[:, ::-1], rows, columns
            ),
            "to transpose is not to flip": lambda p=picture, k=kernel, r=rows, c=columns: slid(
                p, k.T, r, c
            ),
            "that is valid; full has a place wherever the two share a pixel": slid(
                picture, kernel[::-1, ::-1], 0, 0
            ),
            "zeros of half the kernel make the size stay; full needs more": slid(
                picture, kernel[::-1, ::-1], size[0] // 2, size[1] // 2
            ),
            "zeros of the height and zeros of the width are swapped": lambda p=picture, k=kernel, r=rows, c=columns: (
                slid(p, k[::-1, ::-1], c, r)
            ),
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
for name, first, second in (
    ("a kernel larger than the image", (3, 2), (5, 4)),
    ("a kernel higher and narrower than the image", (2, 5), (4, 3)),
):
    picture, kernel = draw.normal(size=first), draw.normal(size=second)
    question.check(name, convolve, picture, kernel, share=0.5).gives_array(
        slid(picture, kernel[::-1, ::-1], second[0] - 1, second[1] - 1),
        hint="f * g is g * f, whichever is larger",
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · What "same" puts around an image
#
# Keras' `padding="same"` promises an output of $\lceil n / s \rceil$ values along an axis of $n$
# values at stride $s$, and adds exactly as many zeros as that takes for the last window to end
# inside. If their number is odd, the extra zero goes to the **end**. If the windows fit without
# zeros, there are none, even if a few values are then left over after the last window.
#
# With dilation $d$, a kernel of $k$ values spans $d(k - 1) + 1$. Keras' layers refuse a stride
# and a dilation at the same time; the rule itself works for both together, and so does your
# function.
#
# **Example.** 8 values, kernel 3, stride 2: 4 outputs, whose windows begin two values apart. From
# the beginning of the first one to the end of the last one there are $3 \cdot 2 + 3 = 9$ values:
# one zero, at the end.
#
# Write `same_padding(size, kernel_size, strides=1, dilation=1)`, which returns the pair `(zeros
# before, zeros after)` of two `int`s.

# %% nbgrader={"grade": false, "grade_id": "figure_places", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import convolution as figures
from course.visualization.display import show

show(
    figures.variants(),
    "The places of a 3x3 kernel on a 9x9 image, with and without zeros around it.",
)


# %% nbgrader={"grade": false, "grade_id": "same_padding", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_padding(size, kernel_size, strides=1, dilation=1):
    """Zeros that Keras' padding="same" puts before and after the values of an axis.

    Args:
        size: number of values along the axis.
        kernel_size: number of the kernel's weights along it.
        strides: values from one window to the next.
        dilation: values from one weight to the next.

    Returns:
        A pair of ints.
    """
    ### BEGIN SOLUTION
    outputs = -(-size // strides)
    reach = dilation * (kernel_size - 1) + 1
    zeros = max((outputs - 1) * strides + reach - size, 0)
    return zeros // 2, zeros - zeros // 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_same_padding", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question('3. What "same" puts around', points=2)
question.rules(same_padding, without=LEFT_OUT)
question.example("a kernel of 5", same_padding, 9, 5).gives(
    (2, 2), hint="at stride 1 the output has 9 values; how many does the last window need?"
)
question.example("stride 2", same_padding, 8, 3, strides=2).gives(
    (0, 1), hint="four windows, two apart: where does the last one end?"
)
question.example("nothing to do", same_padding, 12, 1, strides=3).gives(
    (0, 0), hint="a number of zeros cannot be negative"
)
### BEGIN HIDDEN TESTS
draw = question.random


def around(size, kernel, strides=1, dilation=1, outputs=None, reach=None):
    """The rule; `outputs` and `reach` may be wrong."""
    outputs = -(-size // strides) if outputs is None else outputs
    reach = dilation * (kernel - 1) + 1 if reach is None else reach
    total = max((outputs - 1) * strides + reach - size, 0)
    return total // 2, total - total // 2


def known(size, kernel, strides=1, dilation=1):
    """What known mistakes give, by cause."""
    right = around(size, kernel, strides, dilation)
    return {
        "half the kernel on both sides is right only for odd kernels at stride 1": (kernel // 2,)
        * 2,
        "the extra zero goes to the end, not to the beginning": right[::-1],
        "the output has n / s values rounded up, not down or to the nearest": around(
            size, kernel, strides, dilation, outputs=size // strides
        ),
        "the stride was left out": around(size, kernel, 1, dilation),
        "dilation makes the kernel reach farther than it has weights": around(
            size, kernel, strides
        ),
        "there is nothing to leave out after the last weight": around(
            size, kernel, strides, reach=dilation * kernel
        ),
        "rounded down on both sides, a zero is missing": (right[0],) * 2,
        "rounded up on both sides, there is a zero too many": (right[1],) * 2,
    }


def asked(
    name, row, share=1.0, hint="the windows begin a stride apart: where does the last one end?"
):
    """One check; a cause is named where it alone explains the answer."""
    right, wrong = around(*row), list(known(*row).items())
    values = [value for _, value in wrong]
    mistakes = {cause: v for cause, v in wrong if values.count(v) == 1 and v != right}
    keywords = dict(zip(("strides", "dilation"), row[2:], strict=False))
    keywords = {key: value for key, value in keywords.items() if value > 1}
    question.check(name, same_padding, *row[:2], share=share, **keywords).gives(
        right, hint=hint, mistakes=mistakes
    )


size, half, odd = draw.randint(20, 60), draw.randint(2, 4), draw.choice([3, 5, 7])
asked("an odd kernel", (size, 2 * half + 1), 0.5, "at stride 1, windows begin at each value")
asked("an even kernel", (size, 2 * half), 1, "an odd number of zeros cannot be shared evenly")
strides = draw.randint(5, 7)
count = draw.randint(5, 9)
asked("a stride that leaves no rest", (strides * count, strides + odd, strides))
asked(
    "a stride and a rest", (strides * count + 2, strides + 2 * half, strides), 1,
    "a rest at the end gets a window of its own",
)  # fmt: skip
asked(
    "a stride and a rest of nearly a step", (strides * count - 1, strides + odd - 1 + strides % 2, strides),
    0.5, "a rest at the end gets a window of its own",
)  # fmt: skip
asked("a kernel smaller than the stride", (7 * count + 2, 5, 7), 0.5)
asked("dilation", (size, 2 * half, 1, 3), 1, "how far does the dilated kernel reach?")
asked(
    "a stride and a dilation", (3 * count + 1, 2 * half, 3, 3), 1,
    "how far does the dilated kernel reach, and where does the last window begin?",
)  # fmt: skip
asked("a kernel larger than the input", (half + 1, 2 * half + 4), 0.5)


def paddings(*rows):
    """Several at once, as no zeros alone would be no answer."""
    return [same_padding(*row) for row in rows]


rows = (6 * half, 2, 6), (6 * half + 4, 3, 6), (size, 1), (7 * half, 3, 7, 3), (size, 2)
question.check("no zeros", paddings, *rows, share=0.5).gives(
    [(0, 0), (0, 0), (0, 0), (0, 0), (0, 1)], hint="a number of zeros cannot be negative"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · All windows of a batch
#
# From here on, the input is a batch of images with channels. Write `windows(x, kernel_size,
# strides=1, dilation=1)`, which returns *every* window of every image at once, as an array of
# shape `(examples, rows, columns, kernel height, kernel width, channels)`: entry `[n, i, j]` is
# the window at place $(i, j)$ of example $n$.
#
# - With **stride** $s$, place $(i, j)$ begins at pixel $(s\,i,\ s\,j)$.
# - With **dilation** $d$, a window takes every $d$-th pixel: it has as many values as the kernel,
#   but spans $d(k - 1) + 1$.
#
# Both may be given at once. `sliding_window_view(x, (a, b), axis=(1, 2))` puts the windows' own
# axes at the *end*, after the channels. Slices such as `[:, ::2]` and `np.moveaxis` copy nothing
# either.
#
# **Example.** The row $0, 1, 2, 3, 4, 5$ has three windows of two values at stride 2, $(0, 1)$,
# $(2, 3)$ and $(4, 5)$. With dilation 2, and stride 1, it has four: $(0, 2)$, $(1, 3)$, $(2, 4)$
# and $(3, 5)$.


# %% nbgrader={"grade": false, "grade_id": "windows", "locked": false, "schema_version": 3, "solution": true, "task": false}
def windows(x, kernel_size, strides=1, dilation=1):
    """Every window of every image that lies completely inside.

    Args:
        x: array of shape (examples, height, width, channels).
        kernel_size: pair (kernel height, kernel width); a window fits at least once.
        strides: pixels from one window to the next, along both axes.
        dilation: pixels from one value of a window to the next, along both axes.

    Returns:
        Array of shape (examples, rows, columns, kernel height, kernel width, channels).
    """
    ### BEGIN SOLUTION
    reach = [dilation * (size - 1) + 1 for size in kernel_size]
    views = sliding_window_view(x, reach, axis=(1, 2))
    views = views[:, ::strides, ::strides, :, ::dilation, ::dilation]
    return np.moveaxis(views, 3, -1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_windows", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. All windows of a batch", points=3)
question.rules(
    windows,
    without=LEFT_OUT,
    no_loop_over=larger(np.ones((2, 6, 7, 3)), (2, 3), examples=0, rows=1, columns=2),
)
row = np.arange(6).reshape(1, 1, 6, 1)
question.example("three of six values", windows, row, (1, 3)).gives_array(
    [[[[[[0], [1], [2]]], [[[1], [2], [3]]], [[[2], [3], [4]]], [[[3], [4], [5]]]]]],
    hint="(1, 3) is a kernel of one row and three columns; channels come last",
)
question.example("every second window", windows, row, (1, 2), strides=2).gives_array(
    [[[[[[0], [1]]], [[[2], [3]]], [[[4], [5]]]]]], hint="strides leaves out windows"
)
question.example("every second value", windows, row, (1, 2), dilation=2).gives_array(
    [[[[[[0], [2]]], [[[1], [3]]], [[[2], [4]]], [[[3], [5]]]]]],
    hint="dilation leaves out values within a window",
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def gathered(x, kernel_size, strides=1, dilation=1):
    """By index, which is slower and hard to get wrong."""
    rows, columns = (
        np.arange(0, n - dilation * (k - 1), strides)[:, None] + dilation * np.arange(k)
        for n, k in zip(x.shape[1:3], kernel_size, strict=True)
    )
    return x[:, rows[:, None, :, None], columns[None, :, None, :]]


sliced = draw.normal(size=(2, 13, 34, 3)).astype("float32")[:, :, ::2]
for name, batch, size, options, share in (
    ("neighbors", sliced, (2, 4), {}, 1),
    ("a stride", draw.integers(0, 256, (3, 13, 17, 2)), (4, 2), {"strides": 3}, 1),
    ("a dilation", draw.normal(size=(2, 13, 17, 3)), (3, 3), {"dilation": 3}, 1),
    ("both", sliced, (2, 4), {"strides": 2, "dilation": 3}, 1),
    ("one image of one row and one channel", draw.normal(size=(1, 1, 9, 1)), (1, 3), {"strides": 2}, 0.5),
):  # fmt: skip
    strides, dilation = options.get("strides", 1), options.get("dilation", 1)
    given = (strides, dilation) if name == "both" else ()  # once by position
    right = gathered(batch, size, strides, dilation)
    question.check(
        name, windows, batch, size, *given, share=share, **({} if given else options)
    ).gives_array(
        right,
        hint="build it for one row of pixels first, and write down the shapes",
        mistakes={
            "the channels must come last": np.moveaxis(right, -1, 3),
            "strides and dilation are mixed up": lambda b=batch, k=size, s=strides, d=dilation: (
                gathered(b, k, d, s)
            ),
            "the stride was left out": gathered(batch, size, 1, dilation),
            "the dilation was left out": gathered(batch, size, strides, 1),
            "height and width of the kernel are swapped": lambda b=batch, k=size, s=strides, d=dilation: (
                gathered(b, k[::-1], s, d)
            ),
            "the windows are flipped: they show the image as it is": right[:, :, :, ::-1, ::-1],
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · The convolutional layer
#
# A layer has several **filters**. Each of them sees *all* channels of its window, sums all the
# products, and adds a **bias** of its own:
#
# $$y(n, i, j, f) = b(f) + \sum_{m} \sum_{l} \sum_{c} x(n,\ s i + d m,\ s j + d l,\ c)\ g(m, l, c, f)$$
#
# **Example.** A window of one pixel with two channels, $3$ and $5$, and a filter with weights $2$
# and $-1$ and bias $4$: $4 + 3 \cdot 2 + 5 \cdot (-1) = 5$.
#
# With your windows this is one `np.tensordot` or `np.einsum`. Write `conv2d(x, kernel, bias=None,
# strides=1, padding="valid", dilation=1)`, where `padding` is `"valid"` or Keras' `"same"`, whose
# zeros depend on stride and dilation (question 3). All options may be given at once.


# %% nbgrader={"grade": false, "grade_id": "conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d(x, kernel, bias=None, strides=1, padding="valid", dilation=1):
    """What keras.layers.Conv2D computes, without an activation.

    Args:
        x: array of shape (examples, height, width, channels).
        kernel: array of shape (kernel height, kernel width, channels, filters).
        bias: array of shape (filters,), or None for none.
        strides, dilation: as in `windows`.
        padding: "valid" or "same".

    Returns:
        Array of shape (examples, rows, columns, filters).
    """
    ### BEGIN SOLUTION
    if padding == "same":
        rows = same_padding(x.shape[1], kernel.shape[0], strides, dilation)
        columns = same_padding(x.shape[2], kernel.shape[1], strides, dilation)
        x = np.pad(x, ((0, 0), rows, columns, (0, 0)))
    y = np.tensordot(windows(x, kernel.shape[:2], strides, dilation), kernel, axes=3)
    return y if bias is None else y + bias
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. The convolutional layer", points=4)
question.rules(
    conv2d, without=LEFT_OUT,
    no_loop_over=larger(np.ones((2, 6, 7, 3)), np.ones((2, 3, 3, 4)), examples=0, rows=1, columns=2),
)  # fmt: skip
layer = keras.layers.Conv2D(2, (2, 3), strides=2)
photo = np.arange(60, dtype="float32").reshape(1, 4, 5, 3) / 60
expected = np.array(layer(photo))
question.example(
    "as a Keras layer does it", conv2d, photo, *layer.get_weights(), strides=2
).gives_array(expected, tolerance=1e-4, hint="which axes of the windows does a filter add up over?")
line, ones = np.ones((1, 1, 4, 1)), np.ones((1, 3, 1, 1))
question.example("same", conv2d, line, ones, padding="same").gives_array(
    np.reshape([2, 3, 3, 2], (1, 1, 4, 1)), hint="zeros around come first, then the windows"
)
question.example("a bias", conv2d, line, ones, np.array([10.0])).gives_array(
    np.reshape([13, 13], (1, 1, 2, 1)), hint="it is added once to each output value"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def keras_conv(x, kernel, strides=1, padding="valid", dilation=1):
    """Keras' own; it refuses stride and dilation at once, so the kernel is spread out for it."""
    if strides > 1 and dilation > 1:
        spread = [dilation * (k - 1) + 1 for k in kernel.shape[:2]]
        wide = np.zeros((*spread, *kernel.shape[2:]))
        wide[::dilation, ::dilation] = kernel
        kernel, dilation = wide, 1
    y = keras.ops.conv(
        x.astype("float32"), kernel.astype("float32"), strides, padding, dilation_rate=dilation
    )
    return np.array(y, dtype="float64")


def evenly(x, kernel, strides, more=0):
    """With half the kernel of zeros on both sides."""
    half = [((k - 1) // 2 + more,) * 2 for k in kernel.shape[:2]]
    return keras_conv(np.pad(x, ((0, 0), *half, (0, 0))), kernel, strides)


def asked(name, x, kernel, bias=None, share=1.0, more=None, **options):
    strides, dilation = options.get("strides", 1), options.get("dilation", 1)
    padding = options.get("padding", "valid")
    right = keras_conv(x, kernel, strides, padding, dilation)
    added = 0 if bias is None else bias
    given = (x, kernel) if bias is None else (x, kernel, bias)

    def without(**other):
        return keras_conv(x, kernel, **(options | other)) + added

    mistakes = {
        "the bias was forgotten": right,
        "the kernel was flipped; layers compute a cross-correlation": lambda: (
            keras_conv(x, kernel[::-1, ::-1], **options) + added
        ),
        "the kernel was flipped, and the bias forgotten": lambda: keras_conv(
            x, kernel[::-1, ::-1], **options
        ),
        "there is a single bias here for all filters": right + np.sum(added),
        "the stride was left out": lambda: without(strides=1),
        "the dilation was left out": lambda: without(dilation=1),
        "strides and dilation are mixed up": lambda: without(strides=dilation, dilation=strides),
        "the padding was left out": lambda: without(padding="valid"),
        "height and width are swapped": lambda: (
            keras_conv(x.swapaxes(1, 2), kernel, **options).swapaxes(1, 2) + added
        ),
        "height and width of the kernel are swapped": lambda: (
            keras_conv(x, kernel.swapaxes(0, 1), **options) + added
        ),
        "the products are added up, not averaged": right / np.prod(kernel.shape[:3]) + added,
        "fractions were cut off: what type has the array that you write to?": np.trunc(
            right + added
        ),
    }
    if bias is not None:
        mistakes["fractions were cut off before the bias was added"] = np.trunc(right) + added
    question.check(name, conv2d, *given, share=share, **options).gives_array(
        right + added,
        tolerance=1e-4,
        hint="compute one output value by hand, with one filter and two channels",
        mistakes=mistakes | (more or {}),
    )


batch = draw.normal(size=(2, 9, 24, 3))[:, :, ::2]
single = batch.astype("float32")
odd, even, bias = (
    draw.normal(size=(3, 3, 3, 4)),
    draw.normal(size=(4, 2, 3, 5)),
    draw.normal(size=4),
)
asked("valid", single, odd)
asked("a bias for each filter", batch, odd, bias, share=0.5)
asked("a kernel that is not square, and a stride", batch, even, strides=3)
asked("dilation", single, odd, bias, dilation=3)
asked("same", batch, odd, bias, padding="same", share=0.5)
wide = draw.normal(size=(2, 10, 12, 3))
asked(
    "same, with a stride", wide, odd, strides=2, padding="same",
    more={"half the kernel of zeros on both sides is not what Keras' same puts there; see question 3":
          evenly(wide, odd, 2)},
)  # fmt: skip
asked(
    "same, with an even kernel", batch, even, padding="same", share=0.5,
    more={f"half an even kernel, rounded {how}, is not what Keras' same puts on both sides":
          evenly(batch, even, 1, more) for how, more in (("down", 0), ("up", 1))},
)  # fmt: skip
asked("same, with a dilation", batch, even, dilation=3, padding="same", share=0.5)
asked("stride and dilation, valid", wide, even, strides=2, dilation=2, share=0.5)
asked("all options together", single, odd, bias, strides=2, padding="same", dilation=3)
asked(
    "whole numbers, and fractions in the bias", draw.integers(0, 9, (1, 6, 5, 1)),
    draw.integers(-9, 9, (3, 2, 1, 1)), draw.uniform(0.3, 0.7, 1), share=0.5,
)  # fmt: skip
asked("a kernel of whole numbers", single, draw.integers(-9, 9, (2, 3, 3, 2)), bias[:2], share=0.5)
asked(
    "a picture of whole numbers, and kernels of one pixel", draw.integers(0, 256, (2, 6, 5, 3)),
    draw.normal(size=(1, 1, 3, 2)), strides=2, padding="same", share=0.5,
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# There it is. This is what your layer makes of a picture, with two kernels that were not learned
# but written by hand: one finds vertical edges, the other horizontal ones. There is nothing to do
# here but look.

# %% tags=["raises-exception"]
from course import datasets
from course.visualization import convolution
from course.visualization.display import show

pictures, _ = datasets.load_arrays("course_shapes", "train[:4]")
sobel = np.outer([1, 2, 1], [1, 0, -1])
kernels = np.stack([sobel, sobel.T], axis=-1)[:, :, None, :]
gray = pictures.mean(axis=-1, keepdims=True) / 255
show(
    convolution.feature_maps(gray[..., 0], conv2d(gray, kernels), ["upright edges", "lying edges"])
)

# %% [markdown]
# ## 6 · Groups and depth
#
# There are two ways to connect fewer channels.
#
# - **Groups.** Channels and filters are divided into $g$ parts, in order: the first $C/g$
#   channels and the first $F/g$ filters form the first group, and so on. Filters see only the
#   channels of their group, so the kernel has shape `(height, width, C / g, F)`.
# - **Depthwise.** Each channel has $M$ filters of its own and sees nothing else. Keras keeps the
#   kernel as `(height, width, C, M)`, and filter $m$ of channel $c$ writes output channel
#   $c \cdot M + m$.
#
# Write `grouped_conv2d(x, kernel, groups)` and `depthwise_conv2d(x, kernel)`, both valid, with
# stride 1 and without bias. A loop over groups or channels is fine.
#
# **Example.** A pixel with four channels, $1, 10, 100, 1000$, in two groups, and two 1x1 filters
# with weights $1$ and $2$ each. The first one gives $1 \cdot 1 + 10 \cdot 2 = 21$, the second one
# $100 \cdot 1 + 1000 \cdot 2 = 2100$.


# %% nbgrader={"grade": false, "grade_id": "grouped_conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grouped_conv2d(x, kernel, groups):
    """A convolution whose filters see only the channels of their own group.

    Args:
        x: array of shape (examples, height, width, channels).
        kernel: array of shape (kernel height, kernel width, channels / groups, filters).
        groups: how many; divides channels and filters.

    Returns:
        Array of shape (examples, rows, columns, filters).
    """
    ### BEGIN SOLUTION
    parts = zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    return np.concatenate([conv2d(part, filters) for part, filters in parts], axis=-1)
    ### END SOLUTION


def depthwise_conv2d(x, kernel):
    """What keras.layers.DepthwiseConv2D computes, without a bias.

    Args:
        x: array of shape (examples, height, width, channels).
        kernel: array of shape (kernel height, kernel width, channels, multiplier).

    Returns:
        Array of shape (examples, rows, columns, channels * multiplier).
    """
    ### BEGIN SOLUTION
    y = np.einsum("nhwijc,ijcm->nhwcm", windows(x, kernel.shape[:2]), kernel)
    return y.reshape(*y.shape[:3], -1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_grouped_conv2d", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. Groups and depth", points=3)
question.rules(
    grouped_conv2d, without=LEFT_OUT,
    no_loop_over=larger(np.ones((2, 6, 7, 4)), np.ones((2, 3, 2, 4)), 2, examples=0, rows=1, columns=2),
)  # fmt: skip
question.rules(
    depthwise_conv2d, without=LEFT_OUT,
    no_loop_over=larger(np.ones((2, 6, 7, 3)), np.ones((2, 3, 3, 2)), examples=0, rows=1, columns=2),
)  # fmt: skip
pixel = np.reshape([1.0, 10.0, 100.0, 1000.0], (1, 1, 1, 4))
twos = np.reshape([1.0, 1.0, 2.0, 2.0], (1, 1, 2, 2))
question.example("two groups of channels", grouped_conv2d, pixel, twos, 2).gives_array(
    np.reshape([1 + 20, 100 + 2000], (1, 1, 1, 2)),
    hint="the first filter sees channels 0 and 1, the second one 2 and 3",
)
question.example(
    "two filters for each channel", depthwise_conv2d, pixel[..., :2],
    np.reshape([1.0, 2.0, 3.0, 4.0], (1, 1, 2, 2)),
).gives_array(
    np.reshape([1, 2, 30, 40], (1, 1, 1, 4)),
    hint="the filters of channel 0 come first, then those of channel 1",
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def group_by_group(x, kernel, groups, deal=np.split):
    parts = zip(deal(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    made = [
        np.array(keras.ops.conv(part.astype("float32"), filters.astype("float32")))
        for part, filters in parts
    ]
    return np.concatenate(made, axis=-1)


def in_turn(x, groups, axis):
    """Channels dealt like cards: 0 to the first group, 1 to the second."""
    return [x[..., first::groups] for first in range(groups)]


whole = draw.integers(0, 256, (2, 5, 7, 6))
sliced = draw.normal(size=(2, 6, 10, 4)).astype("float32")[:, :, ::2]
for name, batch, groups, filters, share in (
    ("two groups", draw.normal(size=(2, 5, 7, 6)), 2, 4, 1),
    ("three groups, and whole numbers", whole, 3, 9, 1),
    ("one group", sliced, 1, 3, 0.5),
    ("a group for each channel, and kernels of whole numbers", sliced, 4, 8, 0.5),
):
    size = (3, 2 + groups % 2, batch.shape[-1] // groups, filters)
    kernel = draw.normal(size=size) if groups < 4 else draw.integers(-9, 9, size)
    right = group_by_group(batch, kernel, groups)
    apart = np.reshape(right, (*right.shape[:3], groups, -1)).swapaxes(-1, -2).reshape(right.shape)
    question.check(name, grouped_conv2d, batch, kernel, groups, share=share).gives_array(
        right,
        tolerance=1e-4,
        hint="which channels does the first filter of the second group see?",
        mistakes={
            "channels are dealt to the groups in order, not in turn": group_by_group(
                batch, kernel, groups, in_turn
            ),
            "the outputs of a group stay side by side": apart,
            "the groups do not add up: each writes output channels of its own": sum(
                np.split(right, groups, axis=-1)
            ),
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
for name, batch, multiplier, share in (
    ("one filter for each channel", sliced, 1, 1),
    ("three for each channel", whole, 3, 1),
    ("one channel of one image", draw.normal(size=(1, 4, 3, 1)), 2, 0.5),
):
    channels = batch.shape[-1]
    size = (2 + multiplier % 2, 3, channels, multiplier)
    kernel = draw.normal(size=size) if multiplier > 1 else draw.integers(-9, 9, size)
    y = keras.ops.depthwise_conv(batch.astype("float32"), kernel.astype("float32"))
    right = np.array(y)
    spread = right.reshape(*right.shape[:3], channels, multiplier)
    question.check(name, depthwise_conv2d, batch, kernel, share=share).gives_array(
        right,
        tolerance=1e-4,
        hint="each channel is convolved alone; then look at the order of the output's channels",
        mistakes={
            "filter m of channel c writes channel c * M + m, not m * C + c": spread.swapaxes(
                -1, -2
            ).reshape(right.shape),
            "channels stay apart here: there is nothing to add up over them": spread.sum(-2),
            "join channels and filters to one axis": spread,
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · Pooling
#
# A pooling window slides like a kernel, one channel at a time, and gives the **largest** value or
# the **mean** of what it sees. If no stride is given, windows lie side by side. A stride may be
# smaller than the window, or larger.
#
# Write `pool2d(x, pool_size, strides=None, kind="max")` for square windows of `pool_size` by
# `pool_size` pixels, valid, where `kind` is `"max"` or `"average"`.
#
# **Example.** A row of 2x2 windows, side by side:
#
# $$\begin{pmatrix} 0 & 1 & 2 & 3 \\ 4 & 5 & 6 & 7 \end{pmatrix} \qquad
# \text{max: } (5, 7) \qquad \text{average: } (2.5, 4.5)$$


# %% nbgrader={"grade": false, "grade_id": "pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool2d(x, pool_size, strides=None, kind="max"):
    """What keras.layers.MaxPooling2D and AveragePooling2D compute.

    Args:
        x: array of shape (examples, height, width, channels).
        pool_size: height and width of a window.
        strides: pixels from one window to the next; None for windows side by side.
        kind: "max" or "average".

    Returns:
        Array of shape (examples, rows, columns, channels).
    """
    ### BEGIN SOLUTION
    views = windows(x, (pool_size, pool_size), pool_size if strides is None else strides)
    return views.max(axis=(3, 4)) if kind == "max" else views.mean(axis=(3, 4))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_pool2d", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. Pooling", points=2)
question.rules(
    pool2d,
    without=LEFT_OUT,
    no_loop_over=larger(np.ones((2, 6, 7, 3)), 2, examples=0, rows=1, columns=2),
)
steps = np.arange(16.0).reshape(1, 4, 4, 1)
question.example("the largest of 2x2", pool2d, steps, 2).gives_array(
    np.reshape([5, 7, 13, 15], (1, 2, 2, 1)), hint="windows of 2x2 side by side: four of them"
)
question.example("the mean of 3x3", pool2d, steps, 3, strides=1, kind="average").gives_array(
    np.reshape([5, 6, 9, 10], (1, 2, 2, 1)), hint="strides=1 lets the windows overlap"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def pooled(x, size, strides, kind):
    pool = keras.ops.max_pool if kind == "max" else keras.ops.average_pool
    return np.array(pool(x.astype("float32"), size, strides))


batch = draw.normal(size=(2, 9, 11, 3)) - 2  # mostly below zero, which 0 must not hide
sliced = batch.astype("float32")[:, :, ::2]
picture = draw.integers(0, 256, (1, 7, 9, 1)).astype("uint8")
for name, x, size, options, share in (
    ("max, side by side", batch, 2, {}, 1.5),
    ("max, overlapping", sliced, 3, {"strides": 2, "kind": "max"}, 1),
    ("average, side by side", batch, 3, {"kind": "average"}, 1),
    ("average, with gaps", sliced, 2, {"strides": 3, "kind": "average"}, 1),
    ("the mean of a picture of whole numbers", picture, 3, {"kind": "average"}, 1),
    ("max, at every pixel of a picture", picture, 2, {"strides": 1}, 0.5),
):
    strides, kind = options.get("strides"), options.get("kind", "max")
    right = pooled(x, size, strides or size, kind)
    other = "average" if kind == "max" else "max"
    question.check(name, pool2d, x, size, share=share, **options).gives_array(
        right,
        hint="which axes of the windows are a window's own?",
        mistakes={
            f"that is the {other} pooling": pooled(x, size, strides or size, other),
            "if no stride is given, windows lie side by side": pooled(x, size, strides or 1, kind),
            "the windows need not lie side by side: strides was ignored": pooled(
                x, size, size, kind
            ),
            "channels are pooled one by one, not together": lambda r=right, k=kind: getattr(
                r, {"max": "max", "average": "mean"}[k]
            )(axis=-1),
            "zeros must not take part: the largest value may be negative": np.maximum(right, 0),
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · Measure equivariance
#
# Shift the image. If the feature map is shifted just as far, and otherwise unchanged, the layer
# is **equivariant** to the shift. Is Keras' `Conv2D`? At the borders? With a stride? Don't take
# it on trust, measure it:
#
# 1. shift the images by `shift = (down, right)` pixels, where what leaves on one side comes back
#    in on the other (`np.roll`), and let the model compute the outputs;
# 2. let the model compute the outputs of the images as they are, and shift *those* equally far,
#    which is fewer of their own, larger pixels: `shift` divided by the model's `strides`;
# 3. return the largest absolute difference between the two, over all places that are at least
#    `margin` away from the borders.
#
# Both shifts are divisible by `strides`, and may be negative: up, or to the left. The margin is
# counted in places of the feature map, whatever the stride.
#
# Write `equivariance_gap(model, x, shift, strides=1, margin=0)`, which returns a number. The
# model is called like a function, and `np.array(...)` turns what it returns into an array.
#
# **Example.** A layer adds to each value its left neighbor, and to the first one a 0. It turns
# the row $1, 2, 3, 4, 5, 6$ into $1, 3, 5, 7, 9, 11$; shifted by 1, that is $11, 1, 3, 5, 7, 9$.
# It turns the shifted row $6, 1, 2, 3, 4, 5$ into $6, 7, 3, 5, 7, 9$. The largest difference is
# $|7 - 1| = 6$. With a margin of 2 it is $0$.


# %% nbgrader={"grade": false, "grade_id": "equivariance_gap", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equivariance_gap(model, x, shift, strides=1, margin=0):
    """How far a model is from being equivariant to a shift.

    Args:
        model: a Keras model from images to feature maps.
        x: array of shape (examples, height, width, channels).
        shift: pair (pixels down, pixels to the right) of the images.
        strides: how many pixels of an image one step in the feature map is.
        margin: places of the feature map at each border that don't count.

    Returns:
        A float: the largest absolute difference.
    """
    ### BEGIN SOLUTION
    before = np.array(model(np.roll(x, shift, axis=(1, 2))))
    after = np.roll(np.array(model(x)), [pixels // strides for pixels in shift], axis=(1, 2))
    gap = np.abs(before - after)
    rows, columns = (slice(margin, size - margin) for size in gap.shape[1:3])
    return float(gap[:, rows, columns].max())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_equivariance_gap", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Measure equivariance", points=3)
anywhere = keras.Sequential([keras.Input((None, None, 1)), keras.layers.AveragePooling2D(1)])
question.rules(
    equivariance_gap, without=("scipy", "keras.layers", "keras.ops"),
    no_loop_over={
        name: ((anywhere, few, (1, 2)), (anywhere, many, (1, 2)))
        for name, ((few,), (many,)) in larger(np.ones((2, 6, 7, 1)), examples=0, rows=1, columns=2).items()
    },
)  # fmt: skip
one = keras.Sequential(
    [keras.Input((6, 6, 1)), keras.layers.Conv2D(1, 1, kernel_initializer="ones")]
)
ramp = np.arange(36, dtype="float32").reshape(1, 6, 6, 1)
question.example("1x1 convolution", equivariance_gap, one, ramp, (1, 2)).gives_array(
    0.0, hint="shift the images, or shift the outputs: here it is the same"
)
means = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.AveragePooling2D(2)])
question.example("pooling by 2", equivariance_gap, means, ramp, (2, 4), strides=2).gives_array(
    0.0, hint="two pixels of the image are one of the feature map"
)
zeros = keras.Sequential(
    [
        keras.Input((6, 6, 1)),
        keras.layers.Conv2D(1, (3, 1), padding="same", kernel_initializer="ones"),
    ]
)
question.example("where zeros are put around", equivariance_gap, zeros, ramp, (1, 0)).gives_array(
    35.0, tolerance=1e-4, hint="with margin=0 every place counts, the borders, too"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
layers = keras.layers


def apart(one, other, outer, margin=0):
    """Differences of two outputs, the second one shifted by `outer`."""
    found = one - np.roll(other, outer, (1, 2))
    return found[:, margin : found.shape[1] - margin, margin : found.shape[2] - margin]


def net(size, *layers):
    return keras.Sequential([keras.Input((*size, 2)), *layers])


def gaps(model, x, shift, strides, margin):
    """The signed differences, and what known mistakes make of them: with a cause, or without."""
    outer = [pixels // strides for pixels in shift]
    one, turned = (np.array(model(np.roll(x, by, (1, 2)))) for by in (shift, shift[::-1]))
    other = np.array(model(x))
    right = apart(one, other, outer, margin)

    def gap(outer=outer, margin=margin, one=one):
        return np.abs(apart(one, other, outer, margin)).max(initial=0)

    causes = {
        "down is along the rows (axis 1), right along the columns (axis 2)": gap(
            outer[::-1], one=turned
        ),
        "the largest difference is asked for, not the mean": np.abs(right).mean(),
        "the outputs must be shifted in the same direction": gap([-n for n in outer]),
        "the outputs must be shifted as well": gap((0, 0)),
    }
    if margin:
        causes["the margin was left out"] = gap(margin=0)
    if strides > 1:
        causes["the feature map must be shifted by its own, larger pixels"] = gap(shift)
    others = [gap(margin=n) for n in {margin * strides, margin // strides, margin + 1} - {margin}]
    others += [np.abs(right[:1]).max()]
    if margin:  # as if the map were as wide as high
        side = slice(margin, one.shape[1] - margin)
        others += [np.abs(apart(one, other, outer)[:, side, side]).max()]
    if right.shape[-1] > 1:
        others += [np.abs(right[..., 0]).max()]
    return right, causes, others


def telling(model, shape, shift, strides, margin, sign, scale):
    """A batch, and weights, with which every mistake gives another number.

    The largest difference is the last example's and of the given sign, so that without `abs` it is
    lost half of the times, whichever is subtracted.
    """
    while True:
        model.set_weights([draw.normal(size=w.shape) for w in model.get_weights()])
        batch = draw.normal(size=shape).astype("float32") * np.float32(scale)
        batch[-1] *= 3
        found, causes, others = gaps(model, batch, shift, strides, margin)
        right = np.abs(found).max()
        signed = {True: found.max(), False: -found.min()}
        values = np.array([*causes.values(), *others, min(signed.values())])
        if np.all(np.abs(values - right) > 1e-2 * right):
            flip = sign if signed[True] == right else -sign
            return batch * np.float32(flip), right, causes


turned = (layers.Reshape((12, 32, 1)), layers.Permute((2, 1, 3)), layers.Reshape((32, 12)))
dense = (*turned, layers.Dense(12, use_bias=False), layers.Reshape((32, 12, 1)))
for name, size, shift, options, sign, scale, made in (
    ("borders count", (12, 16), (2, -3), {}, -1, 1, [layers.Conv2D(2, 3, padding="same")]),
    ("borders don't count", (9, 14), (1, -3), {"margin": 1}, 1, 4e-3,
     [layers.DepthwiseConv2D((5, 3), padding="same")]),
    ("a stride", (15, 18), (6, -3), {"strides": 3}, -1, 2e-3, [layers.Conv2D(3, 5, 3, "same")]),
    ("a stride and a margin", (20, 40), (-8, -4), {"strides": 2, "margin": 2}, 1, 1,
     [layers.Conv2D(2, 7, 2, "same")]),
    ("a dense layer", (12, 16), (1, 2), {"margin": 2}, -1, 1, dense),
):  # fmt: skip
    strides, margin = options.get("strides", 1), options.get("margin", 0)
    model = net(size, *made)
    batch, right, causes = telling(model, (2, *size, 2), shift, strides, margin, sign, scale)
    question.check(name, equivariance_gap, model, batch, shift, **options).gives_array(
        right,
        tolerance=1e-4,
        hint="two arrays of the same shape: the outputs of the shifted images, the shifted outputs",
        mistakes=causes,
    )
model = net((12, 16), layers.Conv2D(3, 5, padding="same"))
model.set_weights([draw.normal(size=w.shape) for w in model.get_weights()])
batch = draw.normal(size=(2, 12, 32, 2)).astype("float32")[:, :, ::2]
question.check(
    "the same, borders aside", equivariance_gap, model, batch, (1, -1), margin=3
).gives_array(
    0.0,
    of=lambda gap: np.round(gap, 3),
    tolerance=1e-2,
    hint="a convolution is equivariant wherever it sees neither zeros nor the other side",
    mistakes={
        "the margin was left out": gaps(model, batch, (1, -1), 1, 3)[1]["the margin was left out"]
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · The way back
#
# A layer learns from three gradients. Let `dy` be the gradient of a loss $L$ with respect to the
# layer's output, received from the layer above. Each output value is a sum of products, so:
#
# - a **bias** is added to all values of its feature map, in every example: its gradient is the sum
#   of all of them;
# - a **weight** $g(m, l, c, f)$ meets pixel $x(n, s i + m, s j + l, c)$ on the way to
#   $y(n, i, j, f)$. Its gradient adds up $x \cdot dy$ over all places *and all examples*;
# - a **pixel** is met by several windows, and collects
#   $g(m, l, c, f)\, dy(n, i, j, f)$ from every window that it lies in.
#
# Write `conv2d_gradients(x, kernel, dy, strides=1)` for a valid convolution. It returns the
# triple `(dx, dkernel, dbias)`: three arrays with the shapes of `x`, of `kernel` and of the bias,
# which is `(filters,)`. Pixels that no window sees have a gradient of 0.
#
# **Example.** The row $x = (1, 2, 3)$ and the kernel $g = (10, 20)$ have two places. Let
# $dy = (1, 4)$. Then the bias gets $1 + 4 = 5$, the kernel
# $(1 \cdot 1 + 2 \cdot 4,\ 2 \cdot 1 + 3 \cdot 4) = (9, 14)$, and the pixels
# $(10 \cdot 1,\ 20 \cdot 1 + 10 \cdot 4,\ 20 \cdot 4) = (10, 60, 80)$.
#
# A gradient can be checked by measurement: change one number a little, and see how much the loss
# changes. The next cell does that, number by number; the loss here is $L = \sum y \cdot dy$. It
# is there to check your answer; your answer may not call it.


# %% nbgrader={"grade": false, "grade_id": "numerical_gradient", "locked": true, "schema_version": 3, "solution": false, "task": false}
def numerical_gradient(loss, array, step=0.5):
    """How the number `loss(array)` changes with each value of an array, by trying it out.

    The step may be large here, as the loss is linear in each value.
    """
    gradient = np.zeros(array.shape)
    for place in np.ndindex(array.shape):
        tried = []
        for change in (step, -step):
            moved = array.astype(float)
            moved[place] += change
            tried.append(float(loss(moved)))
        gradient[place] = (tried[0] - tried[1]) / (2 * step)
    return gradient


# %% nbgrader={"grade": false, "grade_id": "conv2d_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_gradients(x, kernel, dy, strides=1):
    """Gradients of a valid convolution with respect to all that it depends on.

    Args:
        x: array of shape (examples, height, width, channels).
        kernel: array of shape (kernel height, kernel width, channels, filters).
        dy: gradient with respect to the output, of shape (examples, rows, columns, filters).
        strides: pixels from one window to the next.

    Returns:
        The gradients with respect to x, to the kernel and to the bias, three arrays of the shapes
        of x, of the kernel and (filters,).
    """
    ### BEGIN SOLUTION
    views = windows(x, kernel.shape[:2], strides)
    dkernel = np.tensordot(views, dy, axes=((0, 1, 2), (0, 1, 2)))
    dx = np.zeros(x.shape)
    rows, columns = (strides * (size - 1) + 1 for size in dy.shape[1:3])
    for i, j in np.ndindex(*kernel.shape[:2]):
        dx[:, i : i + rows : strides, j : j + columns : strides] += dy @ kernel[i, j].T
    return dx, dkernel, dy.sum(axis=(0, 1, 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv2d_gradients", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. The way back", points=5)
question.rules(
    conv2d_gradients, without=(*LEFT_OUT, "numerical_gradient"),
    no_loop_over={
        name: ((few, np.ones((2, 3, 1, 4)), little), (many, np.ones((2, 3, 1, 4)), much))
        for (name, ((few,), (many,))), ((little,), (much,)) in zip(
            larger(np.ones((2, 6, 7, 1)), examples=0, rows=1, columns=2).items(),
            larger(np.ones((2, 5, 5, 4)), examples=0, rows=1, columns=2).values(), strict=True,
        )
    },
)  # fmt: skip
patch, weights = np.arange(18.0).reshape(2, 3, 3, 1), np.array([[1.0, 2.0], [3.0, 4.0]])
weights, above = weights.reshape(2, 2, 1, 1), np.arange(8.0).reshape(2, 2, 2, 1)


def loss_of(x, kernel, bias=0.0):
    """What changes if one number does."""
    y = np.array(keras.ops.conv(x.astype("float32"), kernel.astype("float32"))) + bias
    return (y * above).sum()


for position, (name, tried) in enumerate(
    (
        ("dx", numerical_gradient(lambda moved: loss_of(moved, weights), patch)),
        ("dkernel", numerical_gradient(lambda moved: loss_of(patch, moved), weights)),
        ("dbias", numerical_gradient(lambda moved: loss_of(patch, weights, moved), np.zeros(1))),
    )
):
    question.example(
        f"{name}, by trying it out", conv2d_gradients, patch, weights, above
    ).gives_array(
        tried,
        of=lambda found, position=position: found[position],
        tolerance=1e-4,
        hint="write down, for one number, which output values it takes part in",
    )
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def taped(x, kernel, dy, strides):
    """TensorFlow's own gradients."""
    x, kernel = tf.constant(x, "float32"), tf.constant(kernel, "float32")
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = keras.ops.conv(x, kernel, strides)
        loss = tf.reduce_sum(y * tf.constant(dy, "float32"))
    dx, dkernel = tape.gradient(loss, [x, kernel])
    return np.array(dx), np.array(dkernel), dy.sum((0, 1, 2))


def spread(x, kernel, dy, strides, flip):
    """Each value of dy pushes a kernel into dx, as it is or flipped."""
    kernel, dx = (kernel[::-1, ::-1] if flip else kernel), np.zeros(x.shape)
    height, width = kernel.shape[:2]
    for i, j in np.ndindex(*dy.shape[1:3]):
        top, left = i * strides, j * strides
        dx[:, top : top + height, left : left + width] += np.einsum(
            "nf,hwcf->nhwc", dy[:, i, j], kernel
        )
    return dx


cut = "fractions were cut off: what type has the array that you write to?"
sliced = draw.normal(size=(3, 8, 18, 2)).astype("float32")[:, :, ::2]
for name, batch, kernel, options in (
    ("stride 1", sliced, draw.normal(size=(3, 3, 2, 4)), {}),
    ("stride 2, and a rest", draw.normal(size=(3, 8, 9, 2)), draw.integers(-9, 9, (3, 2, 2, 4)),
     {"strides": 2}),
    ("stride 3, gaps and whole numbers", draw.integers(1, 256, (2, 9, 11, 1)),
     draw.integers(2, 9, (2, 1, 1, 1)), {"strides": 3}),
):  # fmt: skip
    strides = options.get("strides", 1)
    rows, columns = (
        (n - k) // strides + 1 for n, k in zip(batch.shape[1:3], kernel.shape[:2], strict=True)
    )
    above = draw.normal(size=(len(batch), rows, columns, kernel.shape[3]))
    right = taped(batch, kernel, above, strides)
    causes = (
        {
            "the kernel was flipped once too often: a pixel collects what its windows push back": (
                spread(batch, kernel, above, strides, True)
            ),
            "the stride was left out": spread(batch, kernel, above, 1, False),
            "the average over the batch is not what is asked for": right[0] / len(batch),
            cut: np.trunc(right[0]),
        },
        {
            "the examples are added up, not averaged": right[1] / len(batch),
            "only the first example was used": taped(batch[:1], kernel, above[:1], strides)[1],
            "the kernel's gradient is flipped": right[1][::-1, ::-1],
            "the average over all places is not what is asked for": right[1] / above[..., 0].size,
            "the examples are to be added up as well": lambda x=batch, k=kernel, a=above, s=strides: (
                np.stack([taped(x[n : n + 1], k, a[n : n + 1], s)[1] for n in range(len(x))])
            ),
            cut: np.trunc(right[1]),
        },
        {
            "the examples are to be added up as well": above.sum((1, 2)),
            "the examples and places are added up, not averaged": above.mean((0, 1, 2)),
            "the examples are added up, not averaged": above.sum((1, 2)).mean(0),
            "only the first example was used": above[0].sum((0, 1)),
            "each filter has a bias of its own": above.sum(),
            "a bias has one value for each filter, not one for each place": above.sum(0),
            "the bias is of shape (filters,): sum over the axes without keeping them": right[2][
                None, None, None
            ],
        },
    )
    for position, (part, share) in enumerate((("dx", 1.5), ("dkernel", 1), ("dbias", 0.5))):
        question.check(
            f"{part}, {name}", conv2d_gradients, batch, kernel, above, share=share, **options
        ).gives_array(
            right[position],
            of=lambda found, position=position: found[position],
            tolerance=1e-4,
            hint="try it with one example, one channel, one filter and a dy that is 1 at one place",
            mistakes=causes[position],
        )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · Transposed convolution
#
# What carries a gradient back through a convolution can go *forward* as well: each input value
# pushes a copy of the kernel, multiplied by it, into a larger output. Where copies overlap, they
# add up. With stride $s$, the copies of neighbors begin $s$ pixels apart, so $n$ values become
# $s(n - 1) + k$ of them, along both axes. It is called *transposed* because, written as a matrix,
# it is the transpose of the convolution's; it is not the inverse.
#
# Write `conv2d_transpose(y, kernel, strides=1)`, valid and without bias. Keras keeps the kernel
# as `(height, width, filters, channels)`: the *last* axis is that of the input's channels. Where
# the stride is larger than the kernel, pixels between two copies are 0. (Keras then appends zeros
# after the last copy, up to $s n$ values. Here nothing is appended.)
#
# **Example.** The values $1, 10$ and the kernel $1, 2, 3$ at stride 2: the copies $1, 2, 3$ and
# $10, 20, 30$ share one place, which makes $1, 2, 13, 20, 30$.


# %% nbgrader={"grade": false, "grade_id": "conv2d_transpose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_transpose(y, kernel, strides=1):
    """What keras.layers.Conv2DTranspose computes, without a bias, up to the end of the last copy.

    Args:
        y: array of shape (examples, rows, columns, channels).
        kernel: array of shape (kernel height, kernel width, filters, channels).
        strides: pixels from one copy of the kernel to the next.

    Returns:
        Array of shape (examples, height, width, filters).
    """
    ### BEGIN SOLUTION
    height, width = (
        strides * (n - 1) + k for n, k in zip(y.shape[1:3], kernel.shape, strict=False)
    )
    x = np.zeros((len(y), height, width, kernel.shape[2]))
    return conv2d_gradients(x, kernel, y, strides)[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_conv2d_transpose", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. Transposed convolution", points=2)
question.rules(
    conv2d_transpose, without=(*LEFT_OUT, "numerical_gradient"),
    no_loop_over=larger(np.ones((2, 6, 7, 3)), np.ones((2, 3, 4, 3)), examples=0, rows=1, columns=2),
)  # fmt: skip
pair, stamp = np.reshape([1.0, 10.0], (1, 1, 2, 1)), np.reshape([1.0, 2.0, 3.0], (1, 3, 1, 1))
question.example("stride 3: copies side by side", conv2d_transpose, pair, stamp, 3).gives_array(
    np.reshape([1, 2, 3, 10, 20, 30], (1, 1, 6, 1)), hint="each value pushes a kernel times itself"
)
question.example("stride 2: copies overlap", conv2d_transpose, pair, stamp, 2).gives_array(
    np.reshape([1, 2, 13, 20, 30], (1, 1, 5, 1)), hint="where copies overlap, they add up"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def keras_transpose(y, kernel, strides):
    """Keras' own, without the zeros that it appends where the stride is larger than the kernel."""
    height, width = (
        strides * (n - 1) + k for n, k in zip(y.shape[1:3], kernel.shape, strict=False)
    )
    y, kernel = y.astype("float32"), kernel.astype("float32")
    return np.array(keras.ops.conv_transpose(y, kernel, strides, "valid"))[:, :height, :width]


sliced = draw.normal(size=(2, 4, 10, 3)).astype("float32")[:, :, ::2]
for name, maps, size, options, share in (
    ("stride 1", sliced, (3, 4, 2, 3), {}, 1),
    ("stride 2, and whole numbers in the kernel", draw.normal(size=(2, 4, 5, 3)), (3, 4, 2, 3),
     {"strides": 2}, 1),
    ("stride 3", draw.normal(size=(2, 5, 3, 2)), (3, 3, 5, 2), {"strides": 3}, 1),
    ("whole numbers, one row and one channel", draw.integers(1, 256, (1, 1, 4, 1)), (2, 3, 1, 1),
     {"strides": 2}, 0.5),
    ("one value", draw.normal(size=(1, 1, 1, 2)), (2, 3, 3, 2), {"strides": 2}, 0.5),
    ("gaps between the copies", draw.normal(size=(2, 4, 3, 2)), (2, 1, 3, 2), {"strides": 3}, 0.5),
):  # fmt: skip
    kernel, strides = draw.normal(size=size), options.get("strides", 1)
    if "in the kernel" in name:
        kernel = np.rint(9 * kernel).astype(int)
    right = keras_transpose(maps, kernel, strides)
    question.check(name, conv2d_transpose, maps, kernel, share=share, **options).gives_array(
        right,
        tolerance=1e-4,
        hint="your answer to question 9 has all that is needed",
        mistakes={
            "the kernel was flipped": keras_transpose(maps, kernel[::-1, ::-1], strides),
            "the stride was left out": keras_transpose(maps, kernel, 1),
            "with a stride the input is spread out with zeros between, not repeated": lambda m=maps, k=kernel, s=strides: (
                keras_transpose(m.repeat(s, 1).repeat(s, 2), k, 1)
            ),
            "height and width are swapped": right.swapaxes(1, 2),
            "fractions were cut off: what type has the array that you write to?": np.trunc(right),
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Two thin kernels for one thick one
#
# A kernel that is the product of a column and a row, $g(m, n) = a(m)\, b(n)$, can be applied in
# two steps: first the column, then the row. For a kernel of $k \times k$ that is $2k$
# multiplications at each place instead of $k^2$. Such a kernel is called **separable**: as a
# matrix, it has rank 1.
#
# Write `separate(kernel)`, which returns the pair `(column, row)` of a separable kernel: arrays
# of shapes `(height,)` and `(width,)`, with one axis each. Any pair whose product is the kernel
# will do.
#
# If the kernel is not separable, raise a `ValueError`. Rounding errors don't count: a product
# that differs from the kernel by no more than $10^{-12}$ of the kernel's largest value will do.
# If every product differs by more than $10^{-6}$ of it, the kernel is not separable. (No kernel
# that you are asked about lies in between.) `np.linalg.svd` knows all about ranks, but there are
# simpler ways as well.
#
# **Example.** The kernel for vertical edges:
#
# $$\begin{pmatrix} 1 & 0 & -1 \\ 2 & 0 & -2 \\ 1 & 0 & -1 \end{pmatrix} =
# \begin{pmatrix} 1 \\ 2 \\ 1 \end{pmatrix} \begin{pmatrix} 1 & 0 & -1 \end{pmatrix}$$


# %% nbgrader={"grade": false, "grade_id": "separate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def separate(kernel):
    """Write a kernel as the product of a column and a row.

    Args:
        kernel: array of shape (height, width), at least 1 by 1, not all 0.

    Returns:
        Arrays of shapes (height,) and (width,).

    Raises:
        ValueError: the kernel is no such product.
    """
    ### BEGIN SOLUTION
    columns, values, rows = np.linalg.svd(kernel)
    if len(values) > 1 and values[1] > 1e-9 * values[0]:
        raise ValueError("The kernel has a rank above 1: it is not separable.")
    return columns[:, 0] * values[0], rows[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_separate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Two thin kernels", points=2)
question.rules(separate, without=LEFT_OUT)


def product(pair):
    """The kernel that a column and a row make; any pair will do that makes the right one."""
    column, row = pair
    if np.ndim(column) != 1 or np.ndim(row) != 1:
        return None  # np.outer would hide that
    return np.outer(column, row)


sobel = np.outer([1, 2, 1], [1, 0, -1])
question.example("Sobel's kernel", separate, sobel).gives_array(
    sobel, of=product, tolerance=1e-9, hint="all rows are multiples of one and the same row"
)
question.example("no product", separate, np.eye(2)).raises(
    ValueError, hint="is there a row of which both rows are multiples?"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def factors(height, width):
    """A column and a row of both signs, far from zero."""
    return [draw.uniform(0.5, 2, n) * draw.permutation([1, -1] * n)[:n] for n in (height, width)]


whole = np.outer(draw.permutation([4, 6, 9]), [1, draw.integers(2, 9), 0, 0])
whole[:, -1] = -whole.sum(axis=1)  # rows that add up to zero, as Sobel's
around = np.zeros((5, 6))
around[2:4, 1:5] = np.outer([1, -1], factors(1, 4)[1])  # columns that add up to zero


def rounded(kernel):
    """As arithmetic leaves it: no value is exact, not even those of zero."""
    return kernel + 5e-13 * np.abs(kernel).max() * draw.uniform(-1, 1, kernel.shape)


for name, kernel, share in (
    ("a square kernel", np.outer(*factors(5, 5)), 1),
    ("a kernel that is wider than high", np.outer(*factors(2, 6)), 1),
    ("a kernel of whole numbers, whose rows add up to zero", whole, 1),
    ("with zeros around", around, 0.5),
    ("a kernel of one column", np.outer(*factors(4, 1)), 0.5),
    ("a kernel of one row", np.outer(*factors(1, 5)), 0.5),
    ("no number above zero", -np.outer([2.0, 0.0, 3.0], np.abs(factors(1, 5)[1])), 0.5),
    ("a product up to rounding", rounded(np.outer(*factors(4, 5))), 1),
    ("zeros up to rounding", rounded(np.pad(np.outer(*factors(2, 3)), ((0, 1), (1, 0)))), 0.5),
    ("a product of very large values", 1e9 * np.outer(*factors(4, 3)), 0.5),
    ("a product of very small values", 1e-9 * np.outer(*factors(3, 4)), 0.5),
):
    question.check(name, separate, kernel.copy(), share=share).gives_array(
        kernel,
        of=product,
        tolerance=1e-9,
        hint="multiply your column by your row, and compare with the kernel",
        mistakes={
            "the size got lost: the largest singular value belongs to one of the two": kernel
            / np.linalg.norm(kernel),
            "the sign got lost": -kernel,
            "column and row are swapped": kernel.T,
            "the largest singular value is in it twice": kernel * np.linalg.norm(kernel),
        },
    )


def spoilt(size, by, where):
    """A product with some values that are off by a part of the largest one."""
    kernel = np.outer(*factors(*size))
    kernel[where] += by * np.abs(kernel).max() * draw.choice([-1, 1])
    return kernel


def spoilt_apart():
    """A product but for a row far from that of the largest value."""
    kernel = np.outer(*factors(7, 4))
    row = (np.abs(kernel).max(axis=1).argmax() + draw.integers(2, 6)) % 7
    kernel[row, np.abs(kernel[row]).argmin()] *= 1.01
    return kernel


for name, kernel, hint in (
    ("one of seven rows is not a multiple of the others", spoilt_apart(),
     "which rows were compared?"),
    ("one value is off by a hundred-thousandth", spoilt((4, 4), 1e-5, (3, 2)),
     "rounding is far smaller than that"),
    ("the last row is not a multiple of the others", spoilt((5, 3), 1, (4, 1)),
     "which rows were compared?"),
    ("the first row is not a multiple of the others", spoilt((4, 5), 1, (0, 3)),
     "which rows were compared?"),
    ("two values far apart, and zeros", np.diag([draw.uniform(1, 2), 0, 0, draw.uniform(1, 2)]),
     "two rows of which neither is the other's multiple"),
    ("very small values, no product", 1e-9 * spoilt((3, 3), 1e-3, (1, 2)),
     "small or large is meant in parts of the kernel's largest value"),
    ("very large values, no product", 1e9 * spoilt((3, 4), 1e-5, (2, 1)),
     "rounding is far smaller than that"),
):  # fmt: skip
    question.check(name, separate, kernel, share=0.5).raises(
        ValueError, hint=hint, requires_other_credit=True
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Measure what a value sees
#
# The **receptive field** of an output value is the part of the image that it depends on. There is
# a formula for its size, and there is a measurement that works for any network: take the
# *gradient* of the value with respect to the image. Wherever it is not zero, the value sees
# something.
#
# Write `receptive_field(model)`: take the output value in the middle, at `[0, rows // 2, columns
# // 2]`, summed over its channels, and return the pair `(height, width)` of the smallest
# rectangle that contains all pixels with a nonzero gradient, however small and in any of the
# image's channels.
#
# The model may have average pooling, activations, zero padding, several branches. Its weights are
# not negative, so nothing cancels out, and the image is large enough for the whole rectangle. It
# has no max pooling, which passes the gradient to only one of several equal values.
#
# `tf.GradientTape` remembers how `model(image)` was computed; it must be told to `watch` an image
# made by `tf.ones(...)`, else the gradient is `None`. `model.input_shape[1:]` is the image's shape.
#
# **Example.** After one 3x3 layer, a value sees `(3, 3)`; after two of them, `(5, 5)`.


# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(model):
    """Height and width of the rectangle in which the output value in the middle sees something.

    Args:
        model: a Keras model from an image to feature maps, with weights that are not negative.

    Returns:
        A pair of ints.
    """
    ### BEGIN SOLUTION
    image = tf.ones((1, *model.input_shape[1:]))
    with tf.GradientTape() as tape:
        tape.watch(image)
        maps = model(image)
        value = tf.reduce_sum(maps[0, maps.shape[1] // 2, maps.shape[2] // 2])
    seen = np.abs(tape.gradient(value, image)[0]).sum(axis=-1) > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_receptive_field", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Measure what a value sees", points=3)
question.rules(receptive_field, without=("scipy", "keras.layers", "keras.ops"))


def stack(size, *rows, pool=None):
    """Convolutions of ones; a row is (kernel, strides, dilation)."""
    layers = [
        keras.layers.Conv2D(2, k, s, dilation_rate=d, kernel_initializer="ones") for k, s, d in rows
    ]
    pooling = [keras.layers.AveragePooling2D(pool)] if pool else []
    return keras.Sequential([keras.Input((*size, 1)), *layers[:1], *pooling, *layers[1:]])


question.example("two layers of 3x3", receptive_field, stack((15, 15), *[(3, 1, 1)] * 2)).gives(
    (5, 5), hint="where is the gradient not zero? (It is None if the tape did not watch the image.)"
)
question.example("a kernel of 1x3", receptive_field, stack((9, 9), ((1, 3), 1, 1))).gives(
    (1, 3), hint="height first"
)
### BEGIN HIDDEN TESTS
from course import sizing

draw = question.random
layers = keras.layers
hint = "the smallest rectangle around all pixels with a gradient other than 0, height first"


def formula(*rows):
    """Height and width by the formula; a row is (kernel, strides[, dilation]), kernels by pairs."""
    return tuple(
        sizing.receptive_field([(row[0][axis], *row[1:]) for row in rows]) for axis in (0, 1)
    )


def conv(filters, size, weight=1.0, **options):
    return layers.Conv2D(
        filters, size, kernel_initializer=keras.initializers.Constant(weight), **options
    )


k, wide = draw.choice([2, 3, 4]), draw.choice([5, 7])
rows = [((k, wide), 1, 1), ((3, 2), 2, 1), ((2, 3), 1, 1)]
height, width = formula(*rows)
size = (40 + k, 41 + wide)  # so that no row or column is left over
question.check("three layers", receptive_field, stack(size, *rows)).gives(
    (height, width),
    hint=hint,
    mistakes={
        "height comes first": (width, height),
        "that is the whole image: look at one value in the middle, not at all of them": size,
        "a height and a width are asked for, not the number of pixels": height * width,
        "from the first to the last, both count: add one": (height - 1, width - 1),
    },
)
d = draw.randint(3, 5)
rows = [((3, 3), 1, d), ((2, 2), 1, 1)]
question.check("dilation, with holes", receptive_field, stack((31, 33), *rows)).gives(
    formula(*rows),
    hint=hint,
    mistakes={
        "pixels in the holes lie in the rectangle, too": (6, 6),
        "a height and a width are asked for, not the number of pixels": 36,
    },
)
pool = draw.choice([2, 3])
rows = [((3, 3), 1, 1), ((k, k), 1, 1)]
field = formula(rows[0], ((pool, pool), pool), rows[1])
question.check("pooling between", receptive_field, stack((40, 40), *rows, pool=pool)).gives(
    field, hint=hint
)
high = draw.choice([7, 9])
padded = keras.Sequential(
    [
        keras.Input((61, 25, 1)),
        conv(2, (high, 3), padding="same"),
        conv(1, 5, strides=2, padding="same"),
    ]
)
question.check("zeros around", receptive_field, padded).gives(
    formula(((high, 3), 1), ((5, 5), 2)),
    hint="a value at the border sees less of the image than the one in the middle",
)
color = keras.Sequential(
    [keras.Input((25, 31, 3)), conv(4, (3, high), 0.1, activation="relu"), conv(2, (2, 3), 0.1)]
)
question.check("a color image, and an activation", receptive_field, color).gives(
    formula(((3, high), 1), ((2, 3), 1)), hint=hint
)


def only(channel):
    """A layer of 1x1 that lets one of three channels through."""
    return conv(1, 1, [[float(n == channel)] for n in range(3)])


image = keras.Input((37, 35, 3))
branches = [
    conv(2, (3, 5), padding="same")(only(0)(image)),
    conv(2, (high, 3), 1e-9, padding="same")(only(2)(image)),
    conv(1, (1, wide + 2), 1e-8, padding="same")(only(1)(image)),
]
question.check(
    "branches, some with very small weights", receptive_field,
    keras.Model(image, layers.Concatenate()(branches)),
).gives((high, wide + 2), hint="all channels of the image, and all of the output, however small")  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · In your own words
#
# A colleague says: "Our classifier has three convolutions with stride 2, each with
# `padding="same"`, then `Flatten` and a dense layer. Convolutions are translation invariant, so it
# does not matter where in the image the object is."
#
# Write about ten sentences: what is right about that, what is wrong (name each part of the
# network that matters), how you would **measure** how much the position matters, and what you
# would change in the network. This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A convolution is *equivariant*: if the object moves, the feature map moves with it. Invariant
# would mean that the output stays the same. So the same detector does work everywhere, and that
# part of the claim is right, but the position is still in the feature map.
#
# Three things break even equivariance. A stride of 2 samples every second place: only shifts by
# multiples of 8 (three strides) move the last feature map exactly; others give other values
# (aliasing). Zeros of "same" tell a kernel near the border where it is. And `Flatten` with a
# dense layer has separate weights for each position: an object where there was none in training
# meets weights that have not learned about it.
#
# To measure: shift test images by 0 to 8 pixels (on a larger canvas, so that nothing leaves the
# image), and plot the accuracy and the fraction of changed predictions against the shift; or the
# equivariance gap of question 8 layer by layer.
#
# To change: global average or max pooling instead of `Flatten`, stride 1 followed by (blurred)
# pooling instead of strided convolutions, and shifted training images.
#
# **Marking scheme** (4 points)
#
# - 1: equivariant, not invariant, and says what the difference is.
# - 1: two of: strides (aliasing; exact for multiples of 8 only), zeros at the border, Flatten and
#   dense weights by position. Half a point for one.
# - 1: a measurement that could come out either way: what is shifted, what is compared, against
#   what.
# - 1: a change that fits a cause that was named (global pooling, blur, augmentation); no point for
#   "more data" without saying which.
# ### END SOLUTION

# %% [markdown]
# That is a convolutional layer, forward and backward, and nothing in it is magic. Before you
# submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow *hand in* on the start
# page (`START.md`), or run `course submit 01_convolution` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
