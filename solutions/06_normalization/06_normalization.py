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
# # 06 · Batch normalization
#
# Batch normalization subtracts a mean and divides by a deviation. That is one line of code, and the
# source of more bugs than any other layer: it does one thing in training and another at inference,
# it has state, and an image's output depends on its neighbors in the batch. Here you write it
# forward and backward, fold it into a convolution, take broken ones apart, repair a network's
# statistics, and write its relatives.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn arrays, layers and networks. If some of the checks pass, you get some of the
#    points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 06_normalization`: it checks the notebook, makes the file to hand in, and says
#    where to.
#
# **Rules**
#
# - Channels come last: `x` is `(batch, channels)`, as after a dense layer, or `(batch, height,
#   width, channels)`. Statistics, $\gamma$ and $\beta$ have one number for each channel.
# - Arrays hold whole numbers or fractions, and may be slices of larger arrays, such as `x[:, ::2]`.
#   Whatever the input, results are not rounded.
# - All variances are divided by $n$, not by $n - 1$, and $\epsilon$ (`epsilon`) is added to the
#   variance, under the root.
# - Questions 1 to 6, 8 and 10 to 13 are answered in NumPy: no Keras, TensorFlow or SciPy. In
#   questions 1, 4 and 10, write no loop over examples or rows of an image. A loop is anything that
#   runs a line of yours once for each of them: `for` and `while`, a comprehension, `map`,
#   recursion. A loop over channels or groups is fine. A question whose answer breaks one of these
#   two rules earns no points.
# - A function receives the arguments that its docstring describes, and need not check them unless
#   its question asks for an error. Later questions may call your earlier functions.
#
# **Two sittings.** Eleven questions are the *core*. The four *optional* ones go further; no core
# question needs them. Your instructor will tell you whether their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Normalize a batch | 2 | core | 15 |
# | 2 Moving statistics | 2 | core | 15 |
# | 3 One image alone | 1 | core | 5 |
# | 4 The way back | 5 | core | 40 |
# | 5 Fold it away | 3 | core | 20 |
# | 6 How far a step turns | 3 | optional | 20 |
# | 7 Broken layers | 4 | core | 30 |
# | 8 Pool statistics | 2 | core | 15 |
# | 9 Recalibrate a network | 3 | core | 25 |
# | 10 In groups | 3 | core | 20 |
# | 11 Batch renormalization | 2 | optional | 15 |
# | 12 The noise of a batch | 2 | optional | 15 |
# | 13 Which learning rates train? | 3 | optional | 20 |
# | 14 The same net with another normalization | 3 | core | 15 |
# | 15 In your own words (graded by hand) | 4 | core | 30 |
#
# The core has 32 points, the rest 10. (The minutes are rough guesses.) The lecture is
# [06_normalization](../lectures/06_normalization.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from autograder import checks

LEFT_OUT = "keras", "tensorflow", "scipy"  # answers in NumPy do without them


def longer(*arguments):
    """What may not be looped over: a call's arguments, and those with more along one axis."""
    x, *rest = arguments
    axes = {"the examples": 0, "the rows": 1}
    return {
        name: (arguments, (np.repeat(x, [*[1] * (x.shape[axis] - 1), 41], axis), *rest))
        for name, axis in axes.items()
    }


# %% [markdown]
# ## 1 · Normalize a batch
#
# In training, a batch normalization takes the mean $\mu_c$ and the variance $\sigma_c^2$ of each
# channel over the batch, and over all positions if there are any. It brings every channel to mean 0
# and variance (nearly) 1, then gives it a deviation and a mean that are learned:
#
# $$\hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}, \qquad y = \gamma_c\, \hat x + \beta_c$$
#
# **Example.** One channel, a batch of two, $x = (1, 3)$: the mean is 2, the variance 1. With
# $\epsilon = 3$ the root is 2, and $\hat x = (-0.5, 0.5)$. With $\gamma = 4$ and $\beta = 1$, $y =
# (-1, 3)$.
#
# Write `normalize(x, gamma, beta, epsilon=1e-3)`, which returns `y`, the mean and the variance
# (without $\epsilon$).


# %% nbgrader={"grade": false, "grade_id": "normalize", "locked": false, "schema_version": 3, "solution": true, "task": false}
def normalize(x, gamma, beta, epsilon=1e-3):
    """Batch normalization in training.

    Args:
        x: array of shape (batch, channels) or (batch, height, width, channels).
        gamma, beta: arrays of shape (channels,).
        epsilon: positive number, added to the variance.

    Returns:
        y, array of x's shape; mean and variance of the batch, arrays of shape (channels,).
    """
    ### BEGIN SOLUTION
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta, mean, variance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_normalize", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Normalize a batch", points=2)
ones = np.ones(3)
question.rules(normalize, without=LEFT_OUT, no_loop_over=longer(np.ones((5, 4, 2, 3)), ones, ones))
question.example(
    "the batch of two above", normalize, np.array([[1], [3]]), np.array([4]), np.array([1]), 3
).gives_arrays([[[-1], [3]], [2], [1]], hint="mean and variance of the column; then gamma and beta")
question.example(
    "an image of two pixels", normalize, np.array([[[[1], [3]]]]), np.array([4]), np.array([1]), 3
).gives_arrays(
    [[[[[-1], [3]]]], [2], [1]], hint="positions count like examples: all values of a channel"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_library(x, gamma, beta, epsilon):
    """The layer in 64 bits, by TensorFlow."""
    x = tf.constant(np.asarray(x), tf.float64)
    mean, variance = tf.nn.moments(x, list(range(x.ndim - 1)))
    y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
    return [part.numpy() for part in (y, mean, variance)]


def wrong(x, gamma, beta, epsilon, kind):
    """With one thing wrong."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    shown = mean, variance
    if kind in ("positions", "images", "channels", "everything"):
        over = {"positions": 0, "images": tuple(range(1, x.ndim - 1)), "channels": -1,
                "everything": None}[kind]  # fmt: skip
        mean, variance = x.mean(axis=over, keepdims=True), x.var(axis=over, keepdims=True)
    if kind == "ddof":
        variance = x.var(axis=axes, ddof=1)
        shown = mean, variance
    root = {"outside": np.sqrt(variance) + epsilon, "variance": variance + epsilon,
            "no epsilon": np.sqrt(variance)}.get(kind, np.sqrt(variance + epsilon))  # fmt: skip
    hat = (x - mean) / root
    y = {"bare": hat, "beta first": gamma * (hat + beta), "one gamma": np.mean(gamma) * hat + beta,
         "swapped": beta * hat + gamma}.get(kind, gamma * hat + beta)  # fmt: skip
    if kind == "cut":
        y = y.astype(x.dtype)
    shown = {"with epsilon": (shown[0], shown[1] + epsilon),
             "deviation": (shown[0], np.sqrt(shown[1]))}.get(kind, shown)  # fmt: skip
    return [y, *shown]


causes = {
    "positions": "each position has a mean of its own: they count like examples",
    "images": "each image has a mean of its own: all of the batch count together",
    "channels": "that is over the channels: each channel has a mean of its own",
    "everything": "one mean for everything: each channel has a mean of its own",
    "ddof": "the variance is divided by n, not by n - 1",
    "outside": "epsilon is added to the variance, under the root",
    "variance": "divide by the root of the variance, not by the variance",
    "no epsilon": "epsilon is left out",
    "bare": "gamma and beta are left out",
    "beta first": "beta is added after gamma has multiplied",
    "one gamma": "each channel has a gamma of its own",
    "swapped": "gamma multiplies, beta is added",
    "cut": "fractions were cut off",
    "with epsilon": "the variance is returned without epsilon",
    "deviation": "the variance is asked for, not its root",
}
asked = [
    *((f"images of kind {kind}", x) for kind, x in question.kinds((3, 4, 5, 2), "uint8", "view")),
    ("vectors", draw.normal(2, 3, (6, 4))),
    ("a single image", draw.normal(-1, 2, (1, 5, 3, 3))),
]
for name, x in asked:
    c = x.shape[-1]
    gamma, beta = draw.choice([-1, 1], c) * draw.uniform(0.5, 2, c), draw.normal(0, 2, c)
    epsilon = float(draw.uniform(0.3, 0.6) * x.var(axis=tuple(range(x.ndim - 1))).min())
    question.check(name, normalize, x, gamma, beta, epsilon).gives_arrays(
        by_library(x, gamma, beta, epsilon),
        hint="one mean and one variance for each channel, over all other axes",
        mistakes={
            cause: lambda a=(x, gamma, beta, epsilon, kind): wrong(*a)
            for kind, cause in causes.items()
        },
    )
x, gamma, beta = np.full((4, 3), 7.0), np.array([2.0, -1, 3]), np.array([0.5, 1, -2])
question.check("a channel that is constant", normalize, x, gamma, beta, share=0.5).gives_arrays(
    [np.tile(beta, (4, 1)), np.full(3, 7), np.zeros(3)],
    hint="its variance is 0, and epsilon keeps the root from being 0: beta is left",
)
x = draw.normal(0, 0.03, (5, 2))
question.check("Keras' epsilon", normalize, x, gamma[:2], beta[:2], share=0.5).gives_arrays(
    by_library(x, gamma[:2], beta[:2], 1e-3), hint="which epsilon is the default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Moving statistics
#
# At inference there may be no batch. So during training the layer keeps moving averages of what
# each batch has shown. In Keras `momentum` $m$ is the share of the old value that *stays*:
#
# $$\mu \leftarrow m\, \mu + (1 - m)\, \mu_{\text{batch}}, \qquad
# \sigma^2 \leftarrow m\, \sigma^2 + (1 - m)\, \sigma^2_{\text{batch}}$$
#
# It is the *variance* that is averaged, not the deviation.
#
# **Example.** From mean 0 and variance 1, the batch $x = (1, 5)$ with its mean 3 and variance 4 leads
# to mean 0.75 and variance 1.75, if $m = 0.75$.
#
# Write `moving(mean, variance, batches, momentum=0.99)`: the moving statistics after all of these
# batches, one after the other. The arguments stay as they are. Without any batch, the statistics
# are the first ones.


# %% nbgrader={"grade": false, "grade_id": "moving", "locked": false, "schema_version": 3, "solution": true, "task": false}
def moving(mean, variance, batches, momentum=0.99):
    """Moving statistics after some steps of training.

    Args:
        mean, variance: arrays of shape (channels,), before the first step.
        batches: list of arrays (batch, channels) or (batch, height, width, channels), of any
            sizes; may be empty.
        momentum: share of the old statistics that stays in each step, from 0 to 1.

    Returns:
        Moving mean and moving variance, arrays of shape (channels,).
    """
    ### BEGIN SOLUTION
    for x in batches:
        axes = tuple(range(x.ndim - 1))
        mean = momentum * mean + (1 - momentum) * x.mean(axis=axes)
        variance = momentum * variance + (1 - momentum) * x.var(axis=axes)
    return mean, variance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_moving", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Moving statistics", points=2)
question.rules(moving, without=LEFT_OUT)
zero, one = np.zeros(1), np.ones(1)
question.example("one step", moving, zero, one, [np.array([[1], [5]])], 0.75).gives_arrays(
    [[0.75], [1.75]], hint="three quarters of the old, a quarter of the new"
)
question.example("two steps", moving, zero, one, [np.array([[1], [5]])] * 2, 0.75).gives_arrays(
    [[1.3125], [2.3125]], hint="the second step starts from what the first one gave"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def averaged(mean, variance, batches, momentum, kind="right"):
    """Step by step, channel by channel, with one thing wrong where asked."""
    found = []
    for c in range(len(mean)):
        m, v = float(mean[c]), float(variance[c])
        v = math.sqrt(v) if kind == "deviations" else v
        if kind == "from nothing":
            m, v = 0.0, 1.0
        count = 0
        for x in batches[-1:] if kind == "last" else batches:
            values = np.asarray(x, float)[..., c].ravel()
            stays = 1 - momentum if kind == "swapped" else momentum
            stays = 0.0 if kind == "first batch" and not count else stays
            spread = values.var(ddof=1 if kind == "ddof" else 0)
            spread = math.sqrt(spread) if kind in ("deviations", "deviation") else spread
            if kind == "around":
                spread = ((values - m) ** 2).mean()
            m = stays * m + (1 - stays) * values.mean()
            v = stays * v + (1 - stays) * spread
            count += 1
        if kind == "corrected" and count:
            m, v = m / (1 - momentum**count), v / (1 - momentum**count)
        found.append((m, v**2 if kind == "deviations" else v))
    return [np.array(part) for part in zip(*found, strict=True)]


causes = {
    "swapped": "momentum is the share of the old statistics, not of the new ones",
    "deviations": "variances are averaged, not deviations",
    "deviation": "what the batch adds is its variance, not its deviation",
    "ddof": "the variance is divided by n, not by n - 1 (PyTorch's moving one is)",
    "last": "each batch moves the statistics, not the last one alone",
    "from nothing": "the first step starts from the statistics that are given",
    "first batch": "the first step starts from the statistics that are given",
    "around": "a batch's variance is around the batch's own mean",
    "corrected": "there is no correction for the first steps, as Adam has one",
}
calls = [
    ("three batches of images", 3, [draw.normal(n, 2 + n, (4, 3, 2, 3)) for n in range(3)], 0.8),
    ("batches of different sizes", 2, [draw.normal(3, 4, (n, 2)) for n in (2, 7, 3)], 0.6),
    ("whole numbers", 4, [draw.integers(0, 256, (2, 3, 5, 4), dtype="uint8") for _ in "ab"], 0.3),
]
for name, c, batches, momentum in calls:
    start = draw.normal(5, 2, c), draw.uniform(0.2, 9, c)
    question.check(name, moving, *start, batches, momentum).gives_arrays(
        averaged(*start, batches, momentum),
        hint="the old statistics times momentum, the batch's times what is left of 1",
        mistakes={
            cause: lambda a=(*start, batches, momentum, kind): averaged(*a)
            for kind, cause in causes.items()
        },
    )


def by_keras(start, batches, momentum):
    """What Keras' own layer keeps."""
    layer = layers.BatchNormalization(momentum=momentum)
    layer.build(batches[0].shape)
    layer.moving_mean.assign(start[0])
    layer.moving_variance.assign(start[1])
    for x in batches:
        layer(x, training=True)
    return [np.array(layer.moving_mean), np.array(layer.moving_variance)]


start = draw.normal(size=2), draw.uniform(0.5, 2, 2)
batches = [draw.normal(4, 3, (3, 2, 2, 2)).astype("float32") for _ in range(8)]
question.check("eight steps of Keras' layer", moving, *start, batches).gives_arrays(
    by_keras(start, batches, 0.99), hint="which momentum is the default?"
)
question.check("no batch", moving, *start, [], 0.9, share=0.5).gives_arrays(
    start, hint="without a step nothing moves"
)
start = start[0].copy(), start[1].copy()
question.check(
    "arguments that stay", checks.keeping, moving, *start, batches[:2], 0.5, share=0.5
).gives_arrays(
    averaged(*start, batches[:2], 0.5), hint="make new arrays; don't write into those given"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · One image alone
#
# At inference the layer uses its moving statistics, whatever else is in the batch, and leaves them
# alone. So an image gets the same output alone as beside others.
#
# **Example.** $x = 5$, with $\gamma = 4$, $\beta = 1$, moving mean 3, moving variance 1 and $\epsilon
# = 3$: $4 \cdot (5 - 3) / 2 + 1 = 5$.
#
# Write `inference(x, gamma, beta, mean, variance, epsilon=1e-3)`, which returns `y`.


# %% nbgrader={"grade": false, "grade_id": "inference", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inference(x, gamma, beta, mean, variance, epsilon=1e-3):
    """Batch normalization at inference.

    Args:
        x: array of shape (batch, channels) or (batch, height, width, channels).
        gamma, beta, mean, variance: arrays of shape (channels,).
        epsilon: positive number, added to the variance.

    Returns:
        Array of x's shape.
    """
    ### BEGIN SOLUTION
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_inference", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. One image alone", points=1)
question.rules(inference, without=LEFT_OUT)
question.example(
    "a single value", inference, np.array([[5]]), *(np.array([n]) for n in (4, 1, 3, 1)), 3
).gives_array([[5]], hint="the moving statistics in place of the batch's")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_place(x, gamma, beta, mean, variance, epsilon, kind="right"):
    """Value by value, with one thing wrong where asked."""
    x = np.asarray(x, float)
    if kind == "batch":
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
    y = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        c = place[-1]
        s = math.sqrt(variance[c] + epsilon)
        s = {"variance": s**2, "outside": math.sqrt(variance[c]) + epsilon}.get(kind, s)
        hat = (x[place] - (0 if kind == "no mean" else mean[c])) / s
        y[place] = {"bare": hat, "beta first": gamma[c] * (hat + beta[c])}.get(
            kind, gamma[c] * hat + beta[c]
        )
    return y


causes = {
    "batch": "that is by the batch's statistics: at inference the moving ones count",
    "variance": "divide by the root of the variance, not by the variance",
    "outside": "epsilon is added to the variance, under the root",
    "no mean": "the moving mean is not subtracted",
    "bare": "gamma and beta are left out",
    "beta first": "beta is added after gamma has multiplied",
}
for name, x in (
    *((f"images of kind {kind}", x) for kind, x in question.kinds((2, 3, 4, 3), "int64", "view")),
    ("one image alone", draw.normal(1, 2, (1, 4, 2, 3))),
    ("a vector alone", draw.normal(1, 2, (1, 3))),
):
    numbers = (
        draw.uniform(-2, 2, 3),
        draw.normal(0, 2, 3),
        draw.normal(1, 2, 3),
        draw.uniform(1, 9, 3),
    )
    asked = x, *numbers, float(draw.uniform(0.5, 2))
    question.check(name, inference, *asked).gives_array(
        by_place(*asked),
        hint="the moving statistics in place of the batch's",
        mistakes={cause: lambda a=asked, k=kind: by_place(*a, k) for kind, cause in causes.items()},
    )
small = draw.normal(size=(2, 3)), *numbers[:3], np.full(3, 1e-3)
question.check("Keras' epsilon", inference, *small, share=0.5).gives_array(
    by_place(*small, 1e-3), hint="which epsilon is the default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · The way back
#
# In training, the gradient has three ways from $y$ back to a value of $x$: directly, through the
# mean, and through the variance, as both were computed from *all* values of the channel. So an
# image's gradient depends on the other images, and so does what the gradient may look like: if
# every value of a channel grows by the same amount, $y$ does not change, and the gradient of a
# channel must add up to 0.
#
# Write `backward(dy, x, gamma, epsilon=1e-3)`: from the gradient of a loss with respect to $y$, those
# with respect to $x$, $\gamma$ and $\beta$. Work it out with pencil and paper; the result fits in
# one line. `slope`, in the next cell, tells you whether you are right. (It is slow and inexact, and
# `backward` itself may not use it.)
#
# **Example.** $x = (1, 3)$, $\gamma = 2$, $\epsilon = 3$: $\hat x = (-0.5, 0.5)$. If the loss is the
# first output, $dy = (1, 0)$, then $d\beta = 1$, $d\gamma = -0.5$, and $dx = (0.375, -0.375)$.


# %% nbgrader={"grade": false, "grade_id": "slope_cell", "locked": true, "schema_version": 3, "solution": false, "task": false}
def slope(loss, x, step=1e-5):
    """The gradient of a loss by trying out: each value of x is moved up and down a little.

    Args:
        loss: function of an array of x's shape that gives a number.
        x: array of fractions.

    Example:
        >>> slope(lambda x: (x**2).sum(), np.array([1.0, 3.0])).round(3)
        array([2., 6.])
    """
    found = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        moved = np.zeros(x.shape)
        moved[place] = step
        found[place] = (loss(x + moved) - loss(x - moved)) / (2 * step)
    return found


# %% nbgrader={"grade": false, "grade_id": "backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def backward(dy, x, gamma, epsilon=1e-3):
    """The gradients of batch normalization in training.

    Args:
        dy: array of x's shape, gradient of the loss with respect to y.
        x: array of shape (batch, channels) or (batch, height, width, channels).
        gamma: array of shape (channels,).
        epsilon: positive number, added to the variance.

    Returns:
        Gradients with respect to x (of x's shape), gamma and beta (of shape (channels,)).
    """
    ### BEGIN SOLUTION
    axes = tuple(range(x.ndim - 1))
    root = np.sqrt(x.var(axis=axes) + epsilon)
    normalized = (x - x.mean(axis=axes)) / root
    shared = dy.mean(axis=axes) + normalized * (dy * normalized).mean(axis=axes)
    dgamma, dbeta = (dy * normalized).sum(axis=axes), dy.sum(axis=axes)
    return gamma / root * (dy - shared), dgamma, dbeta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_backward", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. The way back", points=5)
question.rules(
    backward, without=(*LEFT_OUT, "slope"),
    no_loop_over={
        name: tuple((x, x, gamma) for x, gamma in calls)
        for name, calls in longer(np.ones((5, 4, 2, 3)), np.ones(3)).items()
    },
)  # fmt: skip
question.example(
    "the first of two outputs", backward,
    np.array([[1], [0]]), np.array([[1], [3]]), np.array([2]), 3,
).gives_arrays(
    [[[0.375], [-0.375]], [-0.5], [1]], hint="three ways lead back: directly, by mean, by variance"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_tape(dy, x, gamma, epsilon, stopped=()):
    """The gradients by TensorFlow, in 64 bits; some ways may be stopped."""
    axes = list(range(np.ndim(x) - 1))
    x, gamma = tf.constant(np.asarray(x), tf.float64), tf.constant(gamma, tf.float64)
    beta = tf.zeros_like(gamma)
    with tf.GradientTape() as tape:
        tape.watch([x, gamma, beta])
        mean = tf.reduce_mean(x, axes)
        shift = tf.stop_gradient(mean) if "mean" in stopped else mean
        about = tf.stop_gradient(mean)
        variance = tf.reduce_mean((x - about) ** 2, axes)
        variance = tf.stop_gradient(variance) if "variance" in stopped else variance
        y = gamma * (x - shift) / tf.sqrt(variance + epsilon) + beta
        loss = tf.reduce_sum(y * tf.constant(np.asarray(dy), tf.float64))
    return [part.numpy() for part in tape.gradient(loss, [x, gamma, beta])]


def wrong(dy, x, gamma, epsilon, kind):
    """With one thing wrong."""
    axes = 0 if kind == "batch alone" else tuple(range(x.ndim - 1))
    root = np.sqrt(x.var(axis=axes) + (0 if kind == "no epsilon" else epsilon))
    hat = (x - x.mean(axis=axes)) / root
    dgamma, dbeta = (dy * hat).sum(axis=axes), dy.sum(axis=axes)
    n = {"sums": 1, "examples": len(x)}.get(kind, hat.size // hat.shape[-1])
    rest = dy - dbeta / n - hat * dgamma / n
    scale = {"no gamma": 1 / root, "no root": gamma, "variance": gamma / root**2}.get(
        kind, gamma / root
    )
    if kind == "means":
        dgamma, dbeta = dgamma / n, dbeta / n
    if kind == "plain":
        dgamma = (dy * x).sum(axis=axes)
    if kind == "gamma twice":
        dgamma = gamma * dgamma
    return [scale * rest, *((dbeta, dgamma) if kind == "swapped" else (dgamma, dbeta))]


causes = {
    "batch alone": "all values of a channel count, at all positions, not the batch alone",
    "sums": "the ways through mean and variance bring means over the channel, not sums",
    "examples": "how many values does a channel have? positions count, too",
    "no gamma": "what comes back is multiplied by gamma",
    "no root": "what comes back is divided by the deviation",
    "variance": "what comes back is divided by the deviation, not by the variance",
    "means": "gamma and beta act on every value, so their gradients are sums",
    "plain": "gamma multiplies the normalized x",
    "gamma twice": "the gradient of gamma does not contain gamma",
    "swapped": "the order is x, gamma, beta",
    "no epsilon": "epsilon is left out",
}
asked = [
    ("vectors", (7, 3), 0.5), ("images", (3, 4, 2, 3), 0.7), ("a single image", (1, 3, 5, 2), 0.3),
]  # fmt: skip
for name, shape, epsilon in asked:
    x = draw.gamma(1.5, 1.5, shape)
    dy = draw.normal(0.7, 1, shape)
    gamma = draw.choice([-1, 1], shape[-1]) * draw.uniform(0.5, 2, shape[-1])
    call = dy, x, gamma, epsilon
    constants = {
        "mean and variance depend on x: gamma / root * dy takes them for constants":
            ("mean", "variance"),
        "the way back through the variance is missing": ("variance",),
        "the way back through the mean is missing": ("mean",),
    }  # fmt: skip
    right = by_tape(*call)
    question.check(name, backward, *call).gives_arrays(
        right,
        hint="compare with slope on a small array: which part is off?",
        mistakes={cause: lambda a=call, s=s: by_tape(*a, s) for cause, s in constants.items()}
        | {cause: lambda a=call, k=kind: wrong(*a, k) for kind, cause in causes.items()},
    )
    for place, part in ((1, "gamma"), (2, "beta")):
        question.check(f"{name}: {part} alone", backward, *call, share=0.3).gives_array(
            right[place], of=lambda found, place=place: found[place],
            hint=f"y depends on {part} in a simple way; which values does {part} act on?",
        )  # fmt: skip


def added_up(shape, spread):
    """The gradients of each channel added up, relative to their size, and that along x."""
    x, dy = spread * draw.normal(2, 1, shape), draw.normal(1, 1, shape)
    found = np.asarray(backward(dy, x, np.ones(shape[-1]), 1e-9)[0])
    size = np.abs(found).sum() + 1e-30
    along = abs((found * (x - x.mean())).sum()) / size
    return [bool(size > 1e-2), bool(abs(found.sum()) / size < 1e-6), bool(along < 1e-5 * spread)]


question.check("no gradient along what y ignores", added_up, (6, 1), 2.0, share=0.5).gives(
    [True, True, True], hint="y stays the same if a channel grows by a number, or is stretched"
)
x, dy = draw.integers(0, 9, (4, 3, 2, 2)), draw.integers(-3, 4, (4, 3, 2, 2))
question.check("whole numbers", backward, dy, x, np.array([2, -1]), 1, share=0.5).gives_arrays(
    by_tape(dy, x, np.array([2.0, -1.0]), 1), hint="are fractions cut off?"
)
x, dy = draw.normal(0, 0.03, (5, 2)), draw.normal(size=(5, 2))
question.check("Keras' epsilon", backward, dy, x, np.ones(2), share=0.5).gives_arrays(
    by_tape(dy, x, np.ones(2), 1e-3), hint="which epsilon is the default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · Fold it away
#
# At inference all statistics are constants, and so a normalization multiplies each channel by a
# number and adds another one. The convolution before it can do that as well: with other weights and
# another bias, it gives the output of both, and the normalization costs nothing. That is usually done
# before a network runs on a telephone.
#
# **Example.** A 1x1 kernel with the one weight 2 and a bias of 1; $\gamma = 4$, $\beta = 1$, moving
# mean 3, moving variance 1, $\epsilon = 3$. An input of 1 becomes 3 by the convolution, and 1 by the
# normalization. The folded kernel has the weight 4, and the bias is -3: $4 \cdot 1 - 3 = 1$.
#
# Write `fold(kernel, bias, gamma, beta, mean, variance, epsilon=1e-3)`, which returns the folded
# kernel and bias. The convolution may have no bias (`bias=None`), and it may have groups: then its
# kernel's third axis is shorter than its input has channels.


# %% nbgrader={"grade": false, "grade_id": "fold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fold(kernel, bias, gamma, beta, mean, variance, epsilon=1e-3):
    """A convolution that does what another one and its normalization do at inference.

    Args:
        kernel: array of shape (height, width, channels of a group, filters).
        bias: array of shape (filters,), or None.
        gamma, beta, mean, variance: of the normalization, arrays of shape (filters,).
        epsilon: positive number, added to the variance.

    Returns:
        The new kernel, of the same shape, and the new bias, of shape (filters,).
    """
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta + ((0 if bias is None else bias) - mean) * scale
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_fold", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. Fold it away", points=3)
question.rules(fold, without=LEFT_OUT)
weight = np.full((1, 1, 1, 1), 2)
four = [np.array([number]) for number in (4, 1, 3, 1)]
question.example("one weight", fold, weight, np.array([1]), *four, 3).gives_arrays(
    [[[[[4]]]], [-3]], hint="put the convolution's output into the normalization's formula"
)
question.example("without a bias", fold, weight, None, *four, 3).gives_arrays(
    [[[[[4]]]], [-5]], hint="no bias is a bias of 0; the folded convolution needs one all the same"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def convolved(x, kernel, bias, groups):
    """The convolution by Keras, in 64 bits."""
    y = keras.ops.conv(tf.constant(x, tf.float64), kernel, 1, "same") if groups == 1 else (
        keras.ops.concatenate([
            keras.ops.conv(part, k, 1, "same")
            for part, k in zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True)
        ], -1)
    )  # fmt: skip
    return np.array(y) + (0 if bias is None else bias)


def same_output(groups, channels, filters, with_bias, epsilon):
    """How the folded convolution's outputs differ from those of both layers."""
    kernel = draw.normal(size=(3, 2, channels // groups, filters))
    bias = draw.normal(0, 2, filters) if with_bias else None
    norm = draw.uniform(0.5, 2, filters), draw.normal(0, 2, filters), draw.normal(1, 2, filters)
    variance = draw.uniform(0.3, 4, filters)
    x = draw.normal(size=(2, 5, 4, channels))
    y = convolved(x, kernel, bias, groups)
    right = norm[0] * (y - norm[2]) / np.sqrt(variance + epsilon) + norm[1]
    new_kernel, new_bias = fold(kernel, bias, *norm, variance, epsilon)
    found = convolved(x, np.asarray(new_kernel), np.asarray(new_bias), groups)
    return float(np.abs(found - right).max()) < 1e-6


for name, *call in (
    ("the output of both layers", 1, 3, 5, True, 0.4),
    ("the output in three groups", 3, 6, 9, True, 0.4),
    ("the output without a bias", 2, 4, 6, False, 0.2),
):
    question.check(name, same_output, *call, share=0.5).gives(
        True, hint="on any image, the new convolution gives what both layers gave"
    )


def folded(kernel, bias, gamma, beta, mean, variance, epsilon, kind="right"):
    """Filter by filter, with one thing wrong where asked."""
    new, biases = np.array(kernel, float), []
    for f in range(len(gamma)):
        root = math.sqrt(variance[f] + epsilon)
        root = {"no epsilon": math.sqrt(variance[f]), "variance": root**2,
                "outside": math.sqrt(variance[f]) + epsilon}.get(kind, root)  # fmt: skip
        scale = (1 if kind == "no gamma" else gamma[f]) / root
        b = 0 if bias is None or kind == "no bias" else bias[f]
        new[..., f] *= 1 if kind == "kernel" else scale
        biases.append({
            "sign": beta[f] + (b + mean[f]) * scale, "no beta": (b - mean[f]) * scale,
            "bias bare": beta[f] + b - mean[f] * scale, "mean bare": beta[f] + b * scale - mean[f],
            "no mean": beta[f] + b * scale,
        }.get(kind, beta[f] + (b - mean[f]) * scale))  # fmt: skip
    return [new, np.array(biases)]


causes = {
    "sign": "the mean is subtracted: it has the wrong sign",
    "no epsilon": "epsilon is left out",
    "variance": "divide by the root of the variance, not by the variance",
    "outside": "epsilon is added to the variance, under the root",
    "no gamma": "gamma is left out",
    "no bias": "the convolution's own bias is lost",
    "kernel": "the kernel's weights have to be scaled as well",
    "no beta": "beta is left out",
    "bias bare": "the convolution's bias is normalized with everything else: scale it",
    "mean bare": "the mean that is subtracted has to be scaled as well",
    "no mean": "the moving mean is left out",
}
for name, shape, dtype, with_bias in (
    ("as many filters as channels", (2, 3, 4, 4), float, True),
    ("a kernel of 32 bits", (3, 3, 2, 5), "float32", True),
    ("a kernel of whole numbers", (1, 2, 3, 6), int, False),
    ("one channel in each group", (3, 3, 1, 4), float, False),
):
    f = shape[-1]
    kernel, bias = draw.normal(0, 3, shape).astype(dtype), draw.normal(0, 2, f)
    norm = (
        draw.uniform(-2, 2, f),
        draw.normal(0, 2, f),
        draw.normal(1, 2, f),
        draw.uniform(0.1, 3, f),
    )
    call = kernel, bias if with_bias else None, *norm, float(draw.uniform(0.2, 0.6))
    question.check(name, fold, *call).gives_arrays(
        folded(*call),
        hint="gamma / root times each filter; then what is added to each filter's output",
        mistakes={cause: lambda a=call, k=kind: folded(*a, k) for kind, cause in causes.items()},
    )
call = np.ones((1, 1, 1, 2)), np.zeros(2), np.ones(2), np.zeros(2), np.ones(2), np.full(2, 1e-3)
question.check("Keras' epsilon, and a bias of zeros", fold, *call, share=0.5).gives_arrays(
    folded(*call, 1e-3), hint="which epsilon is the default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · How far a step turns
#
# Multiply one filter of a convolution by 10, and the normalization after it divides by 10 again: of
# a filter only its *direction* matters. What a training step does to the output is therefore the
# **angle** by which it turns the filter. With learning rate $\eta$, gradient $g$ and weight decay
# $\lambda$, a filter $w$ becomes
#
# $$w' = w - \eta\, (g + \lambda w).$$
#
# Decay alone turns nothing. It makes $w$ shorter, and the shorter $w$ is, the farther later steps
# turn it: with a normalization behind it, weight decay is a way to raise the learning rate.
#
# **Example.** A filter of two weights, $w = (3, 4)$, with $g = (-4, 3)$ at a right angle to it, $\eta
# = 1$ and no decay: $w' = (7, 1)$. It was turned by 45 degrees, that is $\pi / 4$, and is $\sqrt 2$
# times as long.
#
# Write `turned(kernel, gradient, rate, decay=0.0)`, which returns two arrays with a number for each
# *filter*: the angle between $w$ and $w'$ in radians, from 0 to $\pi$, and the length of $w'$ divided
# by that of $w$. Angles may be as small as $10^{-8}$, where the arccosine of a number that is nearly
# 1 has no right digit; with 64-bit numbers, six digits have to be right.


# %% nbgrader={"grade": false, "grade_id": "turned", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turned(kernel, gradient, rate, decay=0.0):
    """What one step of SGD with weight decay does to each filter.

    Args:
        kernel, gradient: arrays of shape (height, width, in_channels, filters); no filter is zero,
            before or after the step.
        rate: the learning rate.
        decay: the weight decay.

    Returns:
        Angles in radians, and lengths after the step relative to those before; two arrays of shape
        (filters,).
    """
    ### BEGIN SOLUTION
    before = np.reshape(kernel, (-1, kernel.shape[-1])).astype(float)
    after = before - rate * (np.reshape(gradient, before.shape) + decay * before)
    lengths = np.linalg.norm(before, axis=0), np.linalg.norm(after, axis=0)
    one, other = before / lengths[0], after / lengths[1]
    apart, together = (np.linalg.norm(one + sign * other, axis=0) for sign in (-1, 1))
    return 2 * np.arctan2(apart, together), lengths[1] / lengths[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_turned", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. How far a step turns", points=3)
question.rules(turned, without=LEFT_OUT)
question.example(
    "two weights", turned, np.reshape([3, 4], (1, 2, 1, 1)), np.reshape([-4, 3], (1, 2, 1, 1)), 1
).gives_arrays([[np.pi / 4], [2**0.5]], hint="from (3, 4) to (7, 1)")
question.example(
    "decay alone", turned,
    np.reshape([3.0, 4.0], (1, 1, 2, 1)), np.zeros((1, 1, 2, 1)), 0.5, 0.5,
).gives_arrays([[0], [0.75]], hint="the filter keeps its direction and loses a quarter")  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_components(kernel, gradient, rate, decay, kind="right"):
    """Filter by filter: what the step does along the filter and across it."""
    kernel, gradient = np.asarray(kernel, float), np.asarray(gradient, float)
    if kind == "input channels":
        kernel, gradient = np.swapaxes(kernel, 2, 3), np.swapaxes(gradient, 2, 3)
    if kind == "one filter":
        kernel, gradient = kernel[..., None], gradient[..., None]
    angles, lengths = [], []
    for f in range(kernel.shape[-1]):
        w, g = kernel[..., f].ravel(), gradient[..., f].ravel()
        length = math.sqrt(w @ w)
        sign = -1 if kind == "uphill" else 1
        along = g @ w / length
        across = g - along * w / length
        part = {"no decay": 0, "plain decay": decay / rate, "growth": -decay}.get(kind, decay)
        forward = length - sign * rate * along - rate * part * length
        sideways = rate * math.sqrt(across @ across)
        if kind == "right angle":
            sideways, turned_from = rate * math.sqrt(g @ g), length
        else:
            turned_from = forward
        angles.append(math.atan2(sideways, turned_from))
        size = math.hypot(rate * math.sqrt(across @ across), forward)
        lengths.append({"absolute": size, "upside": length / size,
                        "squares": (size / length) ** 2}.get(kind, size / length))  # fmt: skip
    angles = {"degrees": np.degrees(angles), "half": np.array(angles) / 2}.get(
        kind, np.array(angles)
    )
    if kind == "one filter":
        return [np.full(kernel.shape[-2], angles[0]), np.full(kernel.shape[-2], lengths[0])]
    return [angles, np.array(lengths)]


causes = {
    "one filter": "each filter has an angle of its own",
    "input channels": "a filter is kernel[..., f]: the last axis counts filters",
    "uphill": "a step goes against the gradient",
    "no decay": "weight decay is left out",
    "plain decay": "decay is multiplied by the rate as well",
    "growth": "decay makes a filter shorter",
    "right angle": "the gradient need not be at a right angle to the filter",
    "degrees": "an angle in radians is asked for",
    "half": "this is half the angle",
    "absolute": "the length is relative to the one before",
    "upside": "after divided by before, not the other way round",
    "squares": "lengths, not their squares",
}
for name, shape, rate, decay in (
    ("several filters", (3, 2, 4, 5), 0.3, 0.0), ("with decay", (2, 3, 3, 3), 0.5, 0.4),
    ("a long step that turns back", (1, 2, 2, 4), 3.0, 0.2),
):  # fmt: skip
    kernel, gradient = draw.normal(0.5, 1, shape), draw.normal(0.5, 1, shape)
    call = kernel, gradient, float(draw.uniform(0.9, 1.1) * rate), decay
    question.check(name, turned, *call).gives_arrays(
        by_components(*call),
        hint="compute w' first; then compare its direction and its length with w's",
        mistakes={
            cause: lambda a=call, k=kind: by_components(*a, k) for kind, cause in causes.items()
        },
    )
kernel, gradient = draw.normal(size=(3, 3, 2, 3)), draw.normal(size=(3, 3, 2, 3))
right = by_components(kernel, gradient, 3e-8, 0.0)
question.check("angles that are tiny", turned, kernel, gradient, 3e-8).gives_arrays(
    right,
    tolerance=1e-6,
    hint="the arccosine of nearly 1 has no right digit: find the angle from lengths, or by arctan2",
)
whole = draw.integers(1, 9, (2, 2, 3, 2)), draw.integers(-9, 9, (2, 2, 3, 2))
question.check("whole numbers", turned, *whole, 1, share=0.5).gives_arrays(
    by_components(*whole, 1, 0.0), hint="compute in fractions"
)
question.check(
    "a filter that turns round", turned, kernel, 3 * kernel, 1.0, share=0.5
).gives_arrays(
    [np.full(3, np.pi), np.full(3, 2)], hint="w' is -2 w: the opposite direction, twice as long"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · Broken layers
#
# Eight colleagues have written a batch normalization. One of them is right; the others have one
# fault each. You can't read their code, but you can call it, and look at the moving statistics. The
# next cell lists the faults, and makes such layers, so that you can practice.

# %% nbgrader={"grade": false, "grade_id": "suspects", "locked": true, "schema_version": 3, "solution": false, "task": false}
FAULTS = {
    "none": "it is right",
    "batch at inference": "inference normalizes by the batch's statistics",
    "moves at inference": "inference moves the moving statistics, as training does",
    "never moves": "the moving statistics stay as they are, in training, too",
    "moving in training": "training normalizes by the moving statistics, though it moves them",
    "each image": "training normalizes each image by its own mean and variance",
    "momentum swapped": "0.9 of the new statistics in each step, and 0.1 of the old",
    "deviation": "what is averaged as moving variance is the batch's standard deviation",
}


def suspect(fault, channels=3, seed=0):
    """A batch normalization with one of the faults: momentum 0.9, gamma 1, beta 0, epsilon 1e-3.

    Returns:
        Two functions: `call(x, training)` normalizes an array (batch, height, width, channels),
        and `statistics()` gives moving mean and moving variance, arrays of shape (channels,).
        The layer has been trained for a while, so its statistics are neither 0 nor 1.
    """
    draw = np.random.default_rng(seed)
    state = {"mean": draw.normal(0, 2, channels), "variance": draw.uniform(2, 5, channels)}

    def call(x, training):
        x = np.asarray(x, dtype=float)
        axes = (1, 2) if fault == "each image" and training else (0, 1, 2)
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        new = {"mean": x.mean(axis=(0, 1, 2)), "variance": x.var(axis=(0, 1, 2))}
        if fault == "deviation":
            new["variance"] = np.sqrt(new["variance"])
        by_batch = fault != "moving in training" if training else fault == "batch at inference"
        if not by_batch:
            mean, variance = state["mean"], state["variance"]
        stays = 0.1 if fault == "momentum swapped" else 0.9
        if fault == "moves at inference" or (training and fault != "never moves"):
            state.update({key: stays * state[key] + (1 - stays) * new[key] for key in new})
        return (x - mean) / np.sqrt(variance + 1e-3)

    return call, lambda: (state["mean"].copy(), state["variance"].copy())


# %% [markdown]
# Write `diagnose(call, statistics, channels)`, which returns the name of the fault, one of the keys
# of `FAULTS`. You may call the two functions as often as you like, with any images that you make.
#
# **Example.** If an image's output at inference changes with the images beside it, the answer is
# `"batch at inference"`.


# %% nbgrader={"grade": false, "grade_id": "diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(call, statistics, channels):
    """Find out what is wrong with a batch normalization.

    Args:
        call: function of an array (batch, height, width, channels) and of `training`, True or
            False, that gives an array of the same shape.
        statistics: function without arguments that gives the present moving mean and variance.
        channels: of the layer.

    Returns:
        A key of FAULTS.
    """
    ### BEGIN SOLUTION
    draw = np.random.default_rng(1)
    x = draw.normal(size=(6, 4, 4, channels)) * 3 + draw.normal(10, 3, (6, 1, 1, 1))
    before = statistics()
    alone, beside = call(x[:1], False), call(x, False)
    if not np.allclose(before, statistics()):
        return "moves at inference"
    if not np.allclose(alone[0], beside[0]):
        return "batch at inference"
    y, after = call(x, True), statistics()
    if np.allclose(before, after):
        return "never moves"
    if np.abs(y.mean(axis=(0, 1, 2))).max() > 1e-3:
        return "moving in training"
    if np.abs(y.mean(axis=(1, 2))).max() < 1e-3:
        return "each image"
    new = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    if np.allclose(after[0], 0.1 * before[0] + 0.9 * new[0]):
        return "momentum swapped"
    return "none" if np.allclose(after[1], 0.9 * before[1] + 0.1 * new[1]) else "deviation"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_diagnose", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. Broken layers", points=4)


def diagnosed(fault, channels=3, seed=0):
    """What `diagnose` says about a layer with this fault."""
    return diagnose(*suspect(fault, channels, seed), channels)


for number, (fault, cause) in enumerate(FAULTS.items()):
    if fault in ("none", "never moves"):
        question.example(cause, diagnosed, fault, 3, number).gives(
            fault, hint="look at the statistics before and after a call"
        )
### BEGIN HIDDEN TESTS
misses = {
    "moves at inference": {"look at the statistics after a call for inference": "none"},
    "batch at inference": {"call it for inference with an image alone, and beside others": "none"},
    "never moves": {"look at the statistics after a call in training": "none"},
    "moving in training": {
        "which mean and deviation has what comes out of a call in training?": "none"
    },
    "each image": {"in training, does an image's output depend on the others?": "none"},
    "momentum swapped": {"how much of the old statistics is left after a step?": "none"},
    "deviation": {
        "how far does the moving variance move, and how far should it?": "none",
        "does the moving mean move too far as well?": "momentum swapped",
    },
    "none": {
        "how far should the moving variance move? 0.1 of the way to the batch's": "deviation",
        "in training its output has mean 0, up to rounding": "moving in training",
        "at inference an image's output is the same, alone and beside others": "batch at inference",
    },
}


def told_apart(fault, other, channels, seed):
    """What is said about a layer with this fault, and whether another layer is said to have it."""
    return diagnosed(fault, channels, seed), diagnosed(other, channels, seed + 1) == fault


for fault in question.random.sample(list(FAULTS), len(FAULTS)):
    other = "batch at inference" if fault == "none" else "none"
    for channels, share in ((question.random.randint(2, 4), 1), (1, 0.5)):
        seed = question.random.randrange(10**6)
        question.check(
            f"{FAULTS[fault]}; channels: {channels}",
            told_apart, fault, other, channels, seed, share=share,
        ).gives(
            (fault, False),
            hint="which call, or which look at the statistics, tells this fault from the others?",
            mistakes={cause: (wrong, False) for cause, wrong in misses[fault].items()}
            | {"a layer that is right, or has another fault, is said to have this one": (fault, True)},
        )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · Pool statistics
#
# Moving statistics lag, and weigh the last batches most. With a trained network you can do better:
# the exact mean and variance of all values, from count, mean and variance of each batch. The batches'
# variances alone are not enough, as each is measured around a mean of its own.
#
# **Example.** A batch of one value, 0, and a batch of three values with mean 4 and variance 1. The
# mean of all four is 3. The first value is 3 away from it; the others have a variance of 1 around
# their own mean, which is 1 away. So the variance of all is $(1 \cdot 9 + 3 \cdot (1 + 1)) / 4 = 3.75$.
#
# Write `pooled(counts, means, variances)`, which returns mean and variance of all values.


# %% nbgrader={"grade": false, "grade_id": "pooled", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pooled(counts, means, variances):
    """Mean and variance of all values, from those of batches.

    Args:
        counts: list of the batches' numbers of values (of one channel), positive ints.
        means, variances: lists of arrays of shape (channels,), one for each batch; or arrays of
            shape (batches, channels).

    Returns:
        Mean and variance, two arrays of shape (channels,).
    """
    ### BEGIN SOLUTION
    mean = np.average(means, axis=0, weights=counts)
    around = np.asarray(variances) + (np.asarray(means) - mean) ** 2
    return mean, np.average(around, axis=0, weights=counts)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_pooled", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Pool statistics", points=2)
question.rules(pooled, without=LEFT_OUT)
question.example(
    "one value and three", pooled, [1, 3], [np.array([0]), np.array([4])],
    [np.array([0]), np.array([1])],
).gives_arrays(
    [[3], [3.75]], hint="each batch counts by its size; how far is its mean from that of all?"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def wrong(counts, means, variances, kind):
    """With one thing wrong."""
    counts = np.ones(len(counts)) if kind == "alike" else np.array(counts)
    n, means, variances = counts.sum(), np.array(means), np.array(variances)
    mean = (counts[:, None] * means).sum(0) / n
    mean = means.mean(0) if kind == "mean alike" else mean
    between = (counts[:, None] * (means - mean) ** 2).sum(0) / n
    within = (counts[:, None] * variances).sum(0) / n
    if kind == "deviations":
        within, between = ((counts[:, None] * np.sqrt(variances)).sum(0) / n) ** 2, 0
    between = {"within": 0, "minus": -between, "between alike": means.var(0),
               "distance": (counts[:, None] * abs(means - mean)).sum(0) / n}.get(kind, between)  # fmt: skip
    total = within + between
    return [mean, {"root": np.sqrt(abs(total)), "ddof": total * n / (n - 1)}.get(kind, total)]


causes = {
    "alike": "a large batch counts more than a small one",
    "mean alike": "a large batch counts more for the mean, too",
    "within": "the batches' means differ, and that is variance as well",
    "minus": "that the batches' means differ makes the variance larger, not smaller",
    "between alike": "the distances of the means count by the batches' sizes, too",
    "distance": "the distances of the means have to be squared",
    "deviations": "average variances, not deviations",
    "root": "the variance is asked for, not its root",
    "ddof": "divided by n, not by n - 1",
}
for name, sizes, c in (("three batches", (3, 8, 5), 2), ("many batches", (2, 9, 4, 1, 6, 3), 4)):
    parts = [draw.normal(draw.normal(0, 2, c), draw.uniform(0.5, 3, c), (n, c)) for n in sizes]
    call = list(sizes), [part.mean(0) for part in parts], [part.var(0) for part in parts]
    every = np.concatenate(parts)
    question.check(name, pooled, *call).gives_arrays(
        [every.mean(0), every.var(0)],
        hint="try two batches of two values, and compare with all four values",
        mistakes={cause: lambda a=call, k=kind: wrong(*a, k) for kind, cause in causes.items()},
    )
means, variances = draw.normal(3, 5, (4, 3)), draw.uniform(1, 2, (4, 3))
counts = draw.integers(20, 900, 4).tolist()
question.check("arrays in place of lists", pooled, counts, means, variances).gives_arrays(
    wrong(counts, means, variances, "right"), hint="row by row, one for each batch"
)
question.check("a single batch", pooled, [7], means[:1], variances[:1], share=0.5).gives_arrays(
    [means[0], variances[0]], hint="there is nothing to pool"
)
whole = [2, 4], np.array([[1, 2], [5, 0]]), np.array([[3, 1], [2, 2]])
question.check("whole numbers", pooled, *whole, share=0.5).gives_arrays(
    wrong(*whole, "right"), hint="the result has fractions"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Recalibrate a network
#
# Training was too short for the moving statistics to arrive, or somebody changed the weights. So
# they are computed anew, from a list of batches of images. Write `recalibrate(model, batches)`, which
# changes the given model and returns nothing:
#
# - Each batch goes once through the network **in training mode**, so that every layer sees what it
#   saw in training, namely values that were normalized by the batch's statistics.
# - Afterwards, the moving statistics of each batch normalization are the exact mean and variance of
#   *all* values that reached it, over all batches, as in question 8. Batches need not be equally
#   large.
# - Nothing else changes: no weight, no layer's `momentum`. Old moving statistics have no influence.
#
# A model has any number of `layers.BatchNormalization` among its `model.layers`, in any places, with
# one channel axis at the end; none is frozen. It has no dropout.
#
# **Hint.** There are two ways. With `layer.momentum = 0.0`, what a layer keeps after a call are just
# the last batch's statistics. Or make a model that gives what reaches each normalization,
# `layer.input` (a model with a single output gives a tensor, not a list).
#
# **Example.** A network that is nothing but a normalization, with the batches $(0)$ and $(3, 4, 5)$:
# the moving mean is 3, the moving variance $(9 + 0 + 1 + 4) / 4 = 3.5$.


# %% nbgrader={"grade": false, "grade_id": "recalibrate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def recalibrate(model, batches):
    """Compute the moving statistics of all batch normalizations anew.

    Args:
        model: a Functional Keras model, which is changed.
        batches: list of arrays that the model can be called with.
    """
    ### BEGIN SOLUTION
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    probe, seen = keras.Model(model.input, [layer.input for layer in norms]), []
    for batch in batches:
        values = [np.array(value) for value in keras.tree.flatten(probe(batch, training=True))]
        seen.append([value.reshape(-1, value.shape[-1]).astype(float) for value in values])
    for layer, parts in zip(norms, zip(*seen, strict=True), strict=True):
        every = np.concatenate(parts)
        layer.moving_mean.assign(every.mean(axis=0))
        layer.moving_variance.assign(every.var(axis=0))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_recalibrate", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Recalibrate a network", points=3)


def statistics_of_one(batches):
    """Moving mean and variance of a network that is a single normalization."""
    inputs = keras.Input((1,))
    norm = layers.BatchNormalization()
    net = keras.Model(inputs, norm(inputs))
    recalibrate(net, [np.array(batch, "float32") for batch in batches])
    return [np.array(norm.moving_mean), np.array(norm.moving_variance)]


question.example(
    "a single normalization", statistics_of_one, [[[0]], [[3], [4], [5]]]
).gives_arrays([[3], [3.5]], hint="all four values count alike, however they came")


### BEGIN HIDDEN TESTS
def some_net(kind, seed):
    """A network with random weights: a chain, one with a shortcut, or one of dense layers."""
    draw = np.random.default_rng(seed)
    momentum = float(draw.choice([0.8, 0.9, 0.99]))

    def norm():
        return layers.BatchNormalization(momentum=momentum)

    if kind == "dense":
        inputs = keras.Input((5,))
        x = layers.ReLU()(norm()(layers.Dense(4)(inputs)))
        net = keras.Model(inputs, norm()(layers.Dense(3)(x)))
    else:
        inputs = keras.Input((6, 5, 2))
        x = layers.ReLU()(norm()(layers.Conv2D(3, 3, padding="same")(inputs)))
        y = norm()(layers.Conv2D(3, 3, padding="same")(x))
        x = layers.Add()([x, y]) if kind == "shortcut" else layers.Dense(3)(layers.ReLU()(y))
        net = keras.Model(inputs, norm()(layers.Conv2D(4, 2, strides=2)(x)))
    for weight in net.weights:
        scale = draw.uniform(0.5, 3, weight.shape)
        plain = weight.name in ("gamma", "moving_variance")
        weight.assign(scale if plain else draw.normal(0, 1, weight.shape))
    return net, draw


def images_for(net, draw, sizes):
    """Batches of different sizes, brightnesses and contrasts."""
    return [
        draw.normal(draw.normal(0, 2), draw.uniform(1, 3), (n, *net.input_shape[1:])).astype(
            "float32"
        )
        for n in sizes
    ]


def expected(kind, seed, sizes, how="right"):
    """The statistics of each normalization, layer by layer, with one thing wrong where asked."""
    net, draw = some_net(kind, seed)
    batches = images_for(net, draw, sizes)
    if how in ("last", "first"):
        batches = batches[-1:] if how == "last" else batches[:1]
    batches = [np.concatenate(batches)] if how == "as one" else batches
    found = []
    old = {id(w): np.array(w) for w in net.weights}

    def normalized(layer, parts):
        """Each batch after a normalization, and the statistics that it leaves."""
        flat = [part.reshape(-1, part.shape[-1]) for part in parts]
        counts = np.ones(len(flat)) if how == "alike" else np.array([len(part) for part in flat])
        means, variances = np.array([f.mean(0) for f in flat]), np.array([f.var(0) for f in flat])
        mean = np.average(means, axis=0, weights=counts)
        between = 0 if how == "within" else np.average((means - mean) ** 2, axis=0, weights=counts)
        variance = np.average(variances, axis=0, weights=counts) + between
        kept = old[id(layer.moving_mean)], old[id(layer.moving_variance)]
        if how == "trained on":
            mean, variance = kept
            for m, v in zip(means, variances, strict=True):
                mean = layer.momentum * mean + (1 - layer.momentum) * m
                variance = layer.momentum * variance + (1 - layer.momentum) * v
        if how == "nothing":
            mean, variance = kept
        if how == "deviation":
            variance = np.sqrt(variance)
        found.extend([mean, variance])
        gamma, beta = np.array(layer.gamma), np.array(layer.beta)
        by = [kept] * len(parts) if how == "inference" else zip(means, variances, strict=True)
        by = [(mean, variance)] * len(parts) if how == "new ones" else by
        return [
            gamma * (part - m) / np.sqrt(v + layer.epsilon) + beta
            for part, (m, v) in zip(parts, by, strict=True)
        ]

    def passed(layer, parts):
        if isinstance(layer, layers.BatchNormalization):
            return normalized(layer, parts)
        return [np.array(layer(part.astype("float32"))).astype(float) for part in parts]

    stack = [layer for layer in net.layers if not isinstance(layer, layers.InputLayer)]
    parts = skipped = [batch.astype(float) for batch in batches]
    for layer in stack:
        if isinstance(layer, layers.Add):
            parts = [a + b for a, b in zip(skipped, parts, strict=True)]
        else:
            parts = passed(layer, parts)
        if kind == "shortcut" and isinstance(layer, layers.ReLU):
            skipped = parts
    return found


def new_statistics(kind, seed, sizes):
    """Each normalization's moving mean and variance after `recalibrate`."""
    net, draw = some_net(kind, seed)
    recalibrate(net, images_for(net, draw, sizes))
    norms = [layer for layer in net.layers if isinstance(layer, layers.BatchNormalization)]
    return [np.array(w) for layer in norms for w in (layer.moving_mean, layer.moving_variance)]


causes = {
    "inference": "in training mode each batch is normalized by its own statistics, not by the old ones",
    "new ones": "each batch goes through in training mode: it is normalized by its own statistics, "
    "not by the new ones",
    "last": "all batches count, not the last one alone",
    "first": "all batches count, not the first one alone",
    "as one": "the batches are not one large batch: each is normalized by itself",
    "alike": "a large batch counts more than a small one",
    "within": "the batches' means differ, and that is variance as well",
    "trained on": "old statistics must have no influence, nor may late batches count more",
    "nothing": "the statistics of the given model are as they were",
    "deviation": "the moving variance is a variance, not a deviation",
}
for name, kind, sizes in (
    ("a chain of convolutions", "chain", (4, 9, 2)), ("a network with a shortcut", "shortcut", (3, 6)),
    ("dense layers", "dense", (8, 3, 5)),
):  # fmt: skip
    seed = question.random.randrange(10**6)
    call = kind, seed, sizes
    question.check(name, new_statistics, *call).gives_arrays(
        expected(*call),
        tolerance=1e-4,
        hint="which values reach each normalization, batch by batch, in training mode?",
        mistakes={cause: lambda a=call, h=how: expected(*a, h) for how, cause in causes.items()},
    )


def what_stays(seed):
    """Whether learned weights and momentums are those from before."""
    net, draw = some_net("chain", seed)
    norms = [layer for layer in net.layers if isinstance(layer, layers.BatchNormalization)]
    weights, momentum = [np.array(w) for w in net.trainable_variables], [n.momentum for n in norms]
    moved = np.array(norms[0].moving_mean)
    recalibrate(net, images_for(net, draw, (3, 4)))
    same = all(np.array_equal(a, b) for a, b in zip(weights, net.trainable_variables, strict=True))
    changed = not np.allclose(moved, norms[0].moving_mean)
    return [changed, same, momentum == [n.momentum for n in norms]]


question.check("what stays", what_stays, question.random.randrange(10**6)).gives(
    [True, True, True],
    hint="the moving statistics change, weights and momentums don't",
    mistakes={"a layer's momentum has to be as before, once all is done": [True, True, False]},
)


def without_any(seed):
    """Whether a network without normalization keeps its weights, and one with some changes."""
    inputs = keras.Input((3,))
    net = keras.Model(inputs, layers.Dense(2)(inputs))
    before = net.get_weights()
    recalibrate(net, [np.ones((2, 3), "float32")])
    kept = all(np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True))
    return [kept, what_stays(seed)[0]]


question.check(
    "a network without any", without_any, question.random.randrange(10**6), share=0.3
).gives([True, True], hint="any number of normalizations may be none")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · In groups
#
# With one or two images in a batch, its statistics are noise. **Group normalization** (Wu and He,
# 2018) does without the batch: channels are cut into `groups` of neighbors, and each image is
# normalized by mean and variance of each of *its own* groups, over height, width and the group's
# channels. There is no difference between training and inference, and there are no moving
# statistics. With one group it is *layer* normalization as in that paper; with as many groups as
# channels, *instance* normalization. $\gamma$ and $\beta$ still have a number for each channel.
#
# **Example.** One pixel with four channels, $(1, 3, 10, 30)$, in two groups, $(1, 3)$ and $(10, 30)$,
# with variances 1 and 100. With $\epsilon = 3$ the first group becomes $(-0.5, 0.5)$; the second one
# $\pm 10 / \sqrt{103}$.
#
# Write `group_norm(x, groups, gamma, beta, epsilon=1e-3)`. If the channels cannot be cut into so many
# equal groups, or `groups` is less than 1, it raises a `ValueError`.


# %% nbgrader={"grade": false, "grade_id": "group_norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_norm(x, groups, gamma, beta, epsilon=1e-3):
    """Group normalization.

    Args:
        x: array of shape (batch, height, width, channels).
        groups: number of groups, an int.
        gamma, beta: arrays of shape (channels,).
        epsilon: positive number, added to the variance.

    Returns:
        Array of x's shape.

    Raises:
        ValueError: groups is below 1, or does not divide the channels.
    """
    ### BEGIN SOLUTION
    batch, height, width, channels = x.shape
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels can't be cut into {groups} groups")
    parts = np.reshape(x, (batch, height, width, groups, channels // groups))
    mean = parts.mean(axis=(1, 2, 4), keepdims=True)
    variance = parts.var(axis=(1, 2, 4), keepdims=True)
    normalized = (parts - mean) / np.sqrt(variance + epsilon)
    return gamma * normalized.reshape(x.shape) + beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_group_norm", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. In groups", points=3)
four = np.ones(4)
question.rules(
    group_norm, without=LEFT_OUT, no_loop_over=longer(np.ones((5, 4, 2, 4)), 2, four, four)
)
pixel = np.reshape([1, 3, 10, 30], (1, 1, 1, 4))
ten = 10 / 103**0.5
question.example("the pixel above", group_norm, pixel, 2, four, 0 * four, 3).gives_array(
    np.reshape([-0.5, 0.5, -ten, ten], (1, 1, 1, 4)), hint="neighbors are in a group"
)
question.example("three groups of four channels", group_norm, pixel, 3, four, four).raises(
    ValueError, hint="4 channels are not three equal groups"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_keras(x, groups, gamma, beta, epsilon):
    """Keras' layer, group by group, in 64 bits."""
    layer = layers.GroupNormalization(groups, epsilon=epsilon, dtype="float64")
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    return np.array(layer(tf.constant(np.asarray(x), tf.float64)))


def wrong(x, groups, gamma, beta, epsilon, kind):
    """With one thing wrong."""
    b, h, w, c = x.shape
    shape = (b, h, w, groups, c // groups)
    if kind == "of size":
        shape = (b, h, w, c // groups, groups)
    parts = np.asarray(x, float).reshape(shape)
    axes = {"channels": 4, "positions": (1, 2), "batch": (0, 1, 2, 4)}.get(kind, (1, 2, 4))
    if kind == "dealt":
        parts, axes = np.asarray(x, float).reshape(b, h, w, c // groups, groups), (1, 2, 3)
    if kind == "one group":
        axes = (1, 2, 3, 4)
    ddof = 1 if kind == "ddof" else 0
    mean, variance = (
        parts.mean(axis=axes, keepdims=True),
        parts.var(axis=axes, keepdims=True, ddof=ddof),
    )
    root = np.sqrt(variance) + epsilon if kind == "outside" else np.sqrt(variance + epsilon)
    hat = ((parts - mean) / root).reshape(x.shape)
    by_group = np.repeat(np.reshape(gamma, (groups, -1)).mean(1), c // groups)
    return {"bare": hat, "group's gamma": by_group * hat + beta, "no gamma": hat + beta}.get(
        kind, gamma * hat + beta
    )


causes = {
    "channels": "height and width count, too: one mean for all of an image's group",
    "positions": "the group's channels count together: that is instance normalization",
    "batch": "each image is normalized by itself, not with the batch",
    "dealt": "a group is of neighboring channels; these were dealt in turn",
    "of size": "`groups` says how many groups there are, not how large they are",
    "one group": "the channels were not cut into groups",
    "ddof": "the variance is divided by n, not by n - 1",
    "outside": "epsilon is added to the variance, under the root",
    "bare": "gamma and beta are left out",
    "no gamma": "gamma is left out",
    "group's gamma": "gamma has a number for each channel, not for each group",
}
for name, shape, groups in (
    ("two groups of three", (3, 4, 2, 6), 2), ("a batch of one", (1, 3, 5, 8), 4),
    ("one group: layer normalization", (2, 3, 4, 3), 1),
    ("a group for each channel: instance normalization", (2, 5, 3, 4), 4),
):  # fmt: skip
    c = shape[-1]
    x = draw.normal(draw.normal(0, 3, c), draw.uniform(1, 3, c), shape)
    call = x, groups, draw.uniform(-2, 2, c), draw.normal(0, 2, c), float(draw.uniform(0.3, 1))
    question.check(name, group_norm, *call).gives_array(
        by_keras(*call),
        hint="which values share a mean: of which images, positions and channels?",
        mistakes={cause: lambda a=call, k=kind: wrong(*a, k) for kind, cause in causes.items()},
    )
for kind, x in question.kinds((2, 3, 4, 6), "uint8", "view"):
    call = x, 3, np.ones(6), np.zeros(6)
    question.check(f"images of kind {kind}", group_norm, *call, share=0.5).gives_array(
        by_keras(*call, 1e-3), hint="whatever the type, and with Keras' epsilon of 0.001"
    )
x = draw.normal(0, 0.02, (2, 3, 2, 4))
question.check("Keras' epsilon", group_norm, x, 2, four, 0 * four, share=0.5).gives_array(
    by_keras(x, 2, four, 0 * four, 1e-3), hint="which epsilon is the default?"
)
for groups in (0, -1, -2, question.random.choice([5, 7, 8])):
    ones = np.ones(4)
    question.check(
        f"groups={groups} of four channels", group_norm, x, groups, ones, ones, share=0.3
    ).raises(ValueError, hint="at least one group, all equally large", requires_other_credit=True)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Batch renormalization
#
# Another way out is to stay close to the moving statistics in training as well. **Batch
# renormalization** (Ioffe, 2017) normalizes by the batch, and then corrects the result towards
# what the moving statistics $\mu, \sigma^2$ would have given, but only within bounds:
#
# $$y = \gamma\, (\hat x\, r + d) + \beta, \qquad
# r = \frac{s_{\text{batch}}}{s} \text{ cut to } \Big[\frac{1}{r_{\max}},\, r_{\max}\Big], \qquad
# d = \frac{\mu_{\text{batch}} - \mu}{s} \text{ cut to } [-d_{\max},\, d_{\max}]$$
#
# Here $s = \sqrt{\sigma^2 + \epsilon}$ and $s_{\text{batch}} = \sqrt{\sigma^2_{\text{batch}} +
# \epsilon}$. With $r_{\max} = 1$ and $d_{\max} = 0$ it is batch normalization in training; without
# bounds it is batch normalization at inference.
#
# **Example.** $x = (1, 3)$, $\epsilon = 3$: $s_{\text{batch}} = 2$, $\hat x = (-0.5, 0.5)$. With moving
# mean 0 and variance 13, $s = 4$: $r = 0.5$ is cut to $1 / 1.25 = 0.8$ if $r_{\max} = 1.25$, and $d =
# 0.5$ to $0.25$ if $d_{\max} = 0.25$. With $\gamma = 1$ and $\beta = 0$, $y = (-0.15, 0.65)$.
#
# Write `renormalize(x, gamma, beta, mean, variance, r_max, d_max, epsilon=1e-3)`, which returns `y`.


# %% nbgrader={"grade": false, "grade_id": "renormalize", "locked": false, "schema_version": 3, "solution": true, "task": false}
def renormalize(x, gamma, beta, mean, variance, r_max, d_max, epsilon=1e-3):
    """Batch renormalization in training.

    Args:
        x: array of shape (batch, channels) or (batch, height, width, channels).
        gamma, beta: arrays of shape (channels,).
        mean, variance: the moving statistics, arrays of shape (channels,).
        r_max: number, 1 or more.
        d_max: number, 0 or more.
        epsilon: positive number, added to both variances.

    Returns:
        Array of x's shape.
    """
    ### BEGIN SOLUTION
    axes = tuple(range(x.ndim - 1))
    root, moving_root = np.sqrt(x.var(axis=axes) + epsilon), np.sqrt(variance + epsilon)
    normalized = (x - x.mean(axis=axes)) / root
    r = np.clip(root / moving_root, 1 / r_max, r_max)
    d = np.clip((x.mean(axis=axes) - mean) / moving_root, -d_max, d_max)
    return gamma * (normalized * r + d) + beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_renormalize", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Batch renormalization", points=2)
question.rules(renormalize, without=LEFT_OUT)
column, numbers = np.array([[1], [3]]), [np.array([n]) for n in (1, 0, 0, 13)]
question.example("both are cut", renormalize, column, *numbers, 1.25, 0.25, 3).gives_array(
    [[-0.15], [0.65]], hint="r is 0.8 and d is 0.25"
)
question.example("wide bounds", renormalize, column, *numbers, 9, 9, 3).gives_array(
    [[0.25], [0.75]], hint="this is what the moving statistics give"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_channel(x, gamma, beta, mean, variance, r_max, d_max, epsilon, kind="right"):
    """Channel by channel in Python numbers, with one thing wrong where asked."""
    y = np.empty(x.shape)
    for c in range(x.shape[-1]):
        values = np.asarray(x[..., c], float)
        m, v = values.mean(), values.var()
        s = math.sqrt(v + epsilon)
        t = math.sqrt(variance[c] + (0 if kind == "moving epsilon" else epsilon))
        ratio = {"upside": t / s, "variances": (s / t) ** 2}.get(kind, s / t)
        low = {"above": 0, "like d": -r_max, "two minus": 2 - r_max}.get(kind, 1 / r_max)
        r = min(max(ratio, low), r_max)
        d = (m - mean[c]) / {"by batch": s, "bare": 1}.get(kind, t)
        d = -d if kind == "sign" else d
        d = min(d, d_max) if kind == "d above" else min(max(d, -d_max), d_max)
        if kind == "uncut":
            r, d = ratio, (m - mean[c]) / t
        if kind == "batch":
            r, d = 1, 0
        hat = (values - m) / s
        y[..., c] = {
            "scaled d": gamma[c] * (hat + d) * r + beta[c],
            "after gamma": gamma[c] * hat * r + d + beta[c],
        }.get(kind, gamma[c] * (hat * r + d) + beta[c])
    return y


causes = {
    "batch": "this is plain batch normalization: where are r and d?",
    "uncut": "r and d have bounds: this is what the moving statistics give",
    "upside": "r is the batch's deviation by the moving one, not the other way round",
    "variances": "r is a ratio of deviations, not of variances",
    "above": "r has a lower bound as well",
    "like d": "r's lower bound is 1 / r_max",
    "two minus": "r's lower bound is 1 / r_max",
    "by batch": "d is divided by the moving deviation, not by the batch's",
    "bare": "d is divided by the moving deviation",
    "sign": "d has the wrong sign: the batch's mean minus the moving one",
    "d above": "d has a lower bound as well",
    "scaled d": "r multiplies the normalized x alone, not d",
    "after gamma": "d is added before gamma multiplies",
    "moving epsilon": "epsilon is added to both variances",
}
signs = np.array([2.0, -2.0, 0.3, -0.3, 3.0])
for name, shape, r_max, d_max in (
    ("images", (3, 4, 2, 5), 1.5, 0.6), ("vectors", (8, 5), 2.0, 1.0),
    ("no bounds", (2, 3, 3, 5), 1e9, 1e9), ("no room", (4, 3, 2, 5), 1, 0),
):  # fmt: skip
    x = draw.normal(1, 2, shape)
    axes = tuple(range(x.ndim - 1))
    # Some channels are cut above, some below, some not at all.
    variance = x.var(axis=axes) * draw.permutation([9.0, 0.1, 1.1, 0.9, 5.0])
    mean = x.mean(axis=axes) - draw.permutation(signs) * np.sqrt(variance)
    call = x, draw.uniform(0.5, 2, 5), draw.normal(0, 2, 5), mean, variance, r_max, d_max, 0.7
    question.check(name, renormalize, *call, share=1 if r_max < 9 and d_max else 0.5).gives_array(
        by_channel(*call),
        hint="one r and one d for each channel; compute them first, and look at them",
        mistakes={
            cause: lambda a=call, k=kind: by_channel(*a, k) for kind, cause in causes.items()
        },
    )
call = draw.normal(0, 0.02, (4, 2)), *draw.uniform(0.5, 2, (3, 2)), np.full(2, 1e-3), 3, 0.5
question.check("Keras' epsilon", renormalize, *call, share=0.5).gives_array(
    by_channel(*call, 1e-3), hint="which epsilon is the default?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · The noise of a batch
#
# In training, an image's output depends on which images happen to be beside it, as they decide the
# mean. How far does the mean of a channel scatter from batch to batch? Draw `batch` images at random
# out of a set, one after the other, so that an image may come twice. Images are independent, so the
# mean of their means has the deviation
#
# $$\frac{\text{standard deviation of the images' means}}{\sqrt{\text{batch}}}.$$
#
# The positions of an image are *not* independent, as neighboring values are alike. Who takes them
# for independent divides the deviation of all values by the root of their number, and expects far
# too little noise.
#
# **Example.** Two images of two pixels, $(0, 0)$ and $(2, 2)$. Their means are 0 and 2, with a deviation
# of 1: for a batch of 4, the noise is 0.5. All values have a deviation of 1 as well, and a batch has 8
# of them: who takes pixels for independent expects $1 / \sqrt 8 = 0.354$.
#
# Write `mean_noise(x, batch)`, which returns both deviations, for each channel.


# %% nbgrader={"grade": false, "grade_id": "mean_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_noise(x, batch):
    """How far a channel's mean scatters from batch to batch.

    Args:
        x: array of shape (images, height, width, channels), all images that may be drawn.
        batch: number of images in a batch.

    Returns:
        The deviation of a batch's mean, and what it would be if positions were independent; two
        arrays of shape (channels,).
    """
    ### BEGIN SOLUTION
    _, height, width, _ = x.shape
    deviation = x.mean(axis=(1, 2)).std(axis=0) / math.sqrt(batch)
    return deviation, x.std(axis=(0, 1, 2)) / math.sqrt(batch * height * width)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_mean_noise", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. The noise of a batch", points=2)
question.rules(mean_noise, without=LEFT_OUT)
two = np.reshape([0, 0, 2, 2], (2, 1, 2, 1))
question.example("two images of two pixels", mean_noise, two, 4).gives_arrays(
    [[0.5], [1 / 8**0.5]], hint="first the mean of each image, then the deviation of these means"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_definition(x, batch, kind="right"):
    """Channel by channel, with one thing wrong where asked."""
    n, h, w, c = x.shape
    exact, naive = [], []
    for channel in range(c):
        values = np.asarray(x[..., channel], float).reshape(n, -1)
        means = np.array([image.sum() / image.size for image in values])
        if kind == "all channels":
            means = np.asarray(x, float).reshape(n, -1).mean(1)
        spread = math.sqrt(((means - means.mean()) ** 2).sum() / (n - (kind == "ddof")))
        spread = {"all values": values.std(), "inside": values.std(1).mean()}.get(kind, spread)
        whole = math.sqrt(batch)
        whole = {"batch": batch, "all images": math.sqrt(n)}.get(kind, whole)
        left = math.sqrt(max(n - batch, 0) / (n - 1)) if kind == "no return" else 1
        exact.append(spread / whole * left)
        count = {"no positions": batch, "channels": batch * h * w * c}.get(kind, batch * h * w)
        naive.append(values.std() / math.sqrt(count))
    if kind == "independent":
        exact = naive
    if kind == "variance":
        exact = [e**2 for e in exact]
    return (
        [np.array(naive), np.array(exact)]
        if kind == "swapped"
        else [np.array(exact), np.array(naive)]
    )


causes = {
    "independent": "positions of an image are not independent: take each image's mean first",
    "all values": "the deviation of the images' means, not of all values",
    "inside": "the deviation from image to image, not inside the images",
    "batch": "a mean of n scatters by the root of n less",
    "all images": "the root of the batch's size, not of the number of all images",
    "no return": "an image may come twice: what is left in the set does not matter",
    "ddof": "the deviation is divided by n, not by n - 1",
    "no positions": "who takes pixels for independent counts all of a batch's pixels",
    "channels": "channels are not positions: each has a mean of its own",
    "variance": "the deviation is asked for, not the variance",
    "all channels": "each channel has a mean of its own",
    "swapped": "first the true deviation, then the one for independent positions",
}
for name, shape, batch in (
    ("a small batch", (9, 4, 3, 2), 2), ("a large batch of few images", (5, 3, 2, 3), 64),
):  # fmt: skip
    x = draw.normal(size=shape) + 2 * draw.normal(size=(shape[0], 1, 1, shape[-1]))
    question.check(name, mean_noise, x, batch).gives_arrays(
        by_definition(x, batch),
        hint="first the mean of each image in each channel; then how far these are apart",
        mistakes={
            cause: lambda a=(x, batch, kind): by_definition(*a) for kind, cause in causes.items()
        },
    )
for kind, x in question.kinds((4, 3, 5, 2), "uint8", "view"):
    question.check(f"images of kind {kind}", mean_noise, x, 8, share=0.5).gives_arrays(
        by_definition(x, 8), hint="the result has fractions, whatever the images"
    )


def tried_out(x, batch, tries=4000):
    """The scatter of many batches' means, divided by the deviation that the answer predicts."""
    drawn = x.mean(axis=(1, 2))[draw.integers(len(x), size=(tries, batch))].mean(1)
    ratio = drawn.std(0) / np.asarray(mean_noise(x, batch)[0])
    return [bool(0.93 < float(one) < 1.07) for one in ratio]


x = 5 * (draw.normal(size=(40, 2, 3, 2)) + draw.normal(size=(40, 1, 1, 2)))
question.check("as drawn 4000 times", tried_out, x, 8, share=0.5).gives(
    [True, True], hint="draw batches yourself, and look how far their means scatter"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · Which learning rates train?
#
# "Batch normalization allows larger learning rates" is a claim about a *range*. Write `usable(train,
# rates, seeds, limit)`. It calls `train(rate, seed)` once for each rate and each seed; that trains a
# network, and gives the loss at its end. A rate is **usable** if with *every* seed the loss is below
# `limit`. A network that has diverged ends with infinity or NaN, and that is not below anything.
#
# The result is the range that is usable without a gap: the longest stretch of neighboring rates, all
# usable, as a tuple of its lowest and its highest rate. Of two stretches with equally many rates,
# take the lower one. If no rate is usable, the result is `None`. Rates come in any order, none
# twice; neighbors are those that are next to each other in order of size.
#
# **Example.** Rates 0.1, 1, 10, 100 and 1000 with the losses 0.2, 0.9, 0.1, 0.3 and NaN, and a limit of
# 0.5: usable are 0.1, 10 and 100, the longest stretch is `(10, 100)`.


# %% nbgrader={"grade": false, "grade_id": "usable", "locked": false, "schema_version": 3, "solution": true, "task": false}
def usable(train, rates, seeds, limit):
    """The range of learning rates that train.

    Args:
        train: function of a rate and a seed that gives a loss, which may be infinite or NaN.
        rates: list of different floats, in any order.
        seeds: list of ints.
        limit: loss that a usable rate stays below with every seed.

    Returns:
        (lowest, highest) rate of the longest stretch, or None.
    """
    ### BEGIN SOLUTION
    best, stretch = [], []
    for rate in sorted(rates):
        losses = [train(rate, seed) for seed in seeds]
        stretch = [*stretch, rate] if all(loss < limit for loss in losses) else []
        best = stretch if len(stretch) > len(best) else best
    return (best[0], best[-1]) if best else None
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_usable", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. Which learning rates train?", points=3)
question.rules(usable, without=LEFT_OUT)


def ranged(losses, limit, order=None):
    """The range for the losses of each rate: a list, with a loss for each of the seeds 0, 1, ..."""
    seeds = list(range(len(next(iter(losses.values())))))
    return usable(lambda rate, seed: losses[rate][seed], order or list(losses), seeds, limit)


nan = float("nan")
question.example(
    "a gap, and one that diverges",
    ranged,
    {0.1: [0.2], 1.0: [0.9], 10.0: [0.1], 100.0: [0.3], 1000.0: [nan]},
    0.5,
).gives((10.0, 100.0), hint="10 and 100 are neighbors, and both are usable")
question.example("nothing trains", ranged, {0.1: [2.0, 0.1], 1.0: [nan, 3.0]}, 0.5).gives(
    None, hint="a rate must train with every seed"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
inf = float("inf")


def table_of(goods, seeds=2, scale=None):
    """Losses for rates in order, usable where there is a 1; otherwise bad in one of many ways."""
    rates = [round(float(10 ** (n / 2 - 3) * draw.uniform(0.8, 1.2)), 6) for n in range(len(goods))]
    losses = {}
    for rate, good in zip(scale or rates, goods, strict=True):
        row = [float(x) for x in draw.uniform(0.05, 0.39, seeds)]
        if not good:
            row[draw.integers(seeds)] = float(draw.uniform(0.45, 3))
        losses[rate] = row
    return losses


def shuffled(losses):
    return [list(losses)[n] for n in draw.permutation(len(losses))]


def where(losses, first, last):
    return (sorted(losses)[first], sorted(losses)[last])


for name, goods, first, last in (
    ("a stretch in the middle", [0, 1, 1, 1, 0, 1], 1, 3),
    ("the longest is the last", [1, 0, 1, 1, 0, 1, 1, 1], 5, 7),
    ("the longest is the first", [1, 1, 1, 0, 1, 1, 0, 1], 0, 2),
    ("two equal stretches", [0, 1, 1, 0, 1, 1, 0], 1, 2),
    ("a single rate", [0, 0, 0, 1, 0], 3, 3),
    ("all of them", [1, 1, 1, 1], 0, 3),
):
    losses = table_of(goods)
    good = [rate for rate in sorted(losses) if max(losses[rate]) < 0.4]
    question.check(name, ranged, losses, 0.4, shuffled(losses), share=0.7).gives(
        where(losses, first, last),
        hint="sort the rates; which are usable? which stretch of neighbors is the longest?",
        mistakes=[
            (cause, wrong)
            for cause, wrong in (
                (
                    "between the lowest and the highest usable rate there is a gap",
                    (good[0], good[-1]),
                ),
            )
            if wrong != where(losses, first, last)
        ],
    )
for name, bad in (("a loss that is NaN", nan), ("a loss that is infinite", inf)):
    losses = table_of([1, 1, 1, 1, 1], 3)
    for n in (0, 3):
        losses[sorted(losses)[n]][draw.integers(3)] = bad
    question.check(name, ranged, losses, 0.4).gives(
        where(losses, 1, 2),
        hint="a network that diverged is not below the limit; nor is NaN above it",
    )
losses = table_of([1, 1, 1, 1], 3)
losses[sorted(losses)[0]][1] = nan
losses[sorted(losses)[0]][0] = 0.01
question.check("NaN between small losses", ranged, losses, 0.4).gives(
    where(losses, 1, 3), hint="max and min give wrong answers where a number is NaN"
)
losses = {0.1: [0.1, 0.1], 1.0: [0.1, 0.5], 10.0: [0.2, 0.2], 99.0: [0.5, 0.6], 900.0: [0.1, 0.1]}
question.check("exactly at the limit", ranged, losses, 0.5, shuffled(losses)).gives(
    (0.1, 0.1), hint="below the limit; of equal stretches the lower one"
)
losses = table_of([1, 0, 1, 1, 1, 0, 1, 0], 1, [0.001, 1.0, 2.0, 3.0, 4.0, 5.0, 500.0, 1000.0])
question.check("many rates close together", ranged, losses, 0.4, shuffled(losses)).gives(
    (2.0, 4.0), hint="the stretch with the most rates, however far apart they are"
)
losses = table_of([0, 1, 1, 0], 4)
losses[sorted(losses)[0]][0] = 5.0
losses[sorted(losses)[0]][1:] = [0.001] * 3
losses[sorted(losses)[3]] = [0.39, 0.001, 0.001, 0.41]
question.check("one bad seed of four", ranged, losses, 0.4).gives(
    where(losses, 1, 2), hint="every seed has to be below the limit, not their mean"
)


def with_and_without(losses):
    """The range of rates that don't train, and of some that do."""
    return [ranged(losses, 0.4), ranged({0.5: [0.1], 0.7: [0.2], 0.9: [nan]}, 0.4)]


question.check("no usable rate", with_and_without, table_of([0, 0, 0]), share=0.5).gives(
    [None, (0.5, 0.7)], hint="what is the result if nothing trains?"
)


def asked_for(rates, seeds):
    """Which trainings were asked for, in order."""
    calls = []
    usable(lambda rate, seed: calls.append((rate, seed)) or 0.1, rates, seeds, 0.5)
    return sorted(calls)


rates, seeds = [0.3, 0.03, 3.0], sorted(draw.choice(1000, 2, replace=False).tolist())
question.check("each training once", asked_for, rates, seeds).gives(
    [(rate, seed) for rate in sorted(rates) for seed in seeds],
    hint="train(rate, seed) once for each rate and each of the given seeds",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Here is the range of a small network of dense layers on handwritten digits, without batch
# normalization and with it, after 60 steps.

# %% tags=["raises-exception"]
from course import datasets
from course.training.trials import Trials

DIGITS, DIGIT_LABELS = datasets.load_arrays("digits", "train")
DIGITS = DIGITS.reshape(len(DIGITS), -1) / 100 - 0.8


def dense_net(normalized):
    """Four dense layers with ReLU, with or without batch normalization, and logits."""
    x = inputs = keras.Input(DIGITS.shape[1:])
    for _ in range(4):
        x = layers.Dense(32)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x) if normalized else x)
    return keras.Model(inputs, layers.Dense(10)(x))


RATES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
for normalized in (False, True):
    trials = Trials(dense_net(normalized))

    def loss_at(rate, seed, trials=trials):
        losses = trials.losses(DIGITS, DIGIT_LABELS, rate=rate, steps=60, batch=64, seed=seed)
        return float(losses[-10:].mean())

    found = usable(loss_at, RATES, [1, 2, 3], limit=1.0)
    print("with normalization:   " if normalized else "without normalization:", found)

# %% [markdown]
# ## 14 · The same net with another normalization
#
# A small residual network, of which everything is fixed but the normalization. Write `small_net(norm,
# filters, blocks, groups=4)` for 16x16x3 images:
#
# - a 3x3 convolution, normalization, ReLU;
# - as many blocks as `blocks` says, each $\mathrm{ReLU}(x + F(x))$ with $F$: 3x3 convolution,
#   normalization, ReLU, 3x3 convolution, normalization;
# - global average pooling, and a dense layer with a bias that gives 10 logits.
#
# All convolutions have `filters` filters, "same" padding, stride 1 and no bias. With `norm="batch"`
# the normalizations are `layers.BatchNormalization` with a momentum of 0.9, with `norm="group"`
# `layers.GroupNormalization` with `groups` groups. All have an epsilon of `1e-5`. Everything learns,
# and each layer is used once. Build the net from `keras.layers` and `keras.ops`, without `Lambda` and
# without classes of your own.
#
# **Example.** With 8 filters and two blocks, 3-8, 8-8, 8-8, 8-8 and 8-8 channels: $216 + 4 \cdot 576 +
# 5 \cdot 16 + 90 = 2690$ weights are learned, whichever normalization it is. Batch normalization has
# $5 \cdot 16$ moving statistics as well.


# %% nbgrader={"grade": false, "grade_id": "small_net", "locked": false, "schema_version": 3, "solution": true, "task": false}
def small_net(norm, filters, blocks, groups=4):
    """A small residual network with one of two normalizations.

    Args:
        norm: "batch" or "group".
        filters: of all convolutions; a multiple of groups.
        blocks: number of residual blocks.
        groups: of the group normalizations.

    Returns:
        A keras.Model from 16x16x3 images to 10 logits.
    """

    ### BEGIN SOLUTION
    def conv_norm(x):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        if norm == "batch":
            return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        return layers.GroupNormalization(groups, epsilon=1e-5)(x)

    inputs = keras.Input((16, 16, 3))
    x = layers.ReLU()(conv_norm(inputs))
    for _ in range(blocks):
        x = layers.ReLU()(layers.Add()([x, conv_norm(layers.ReLU()(conv_norm(x)))]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_small_net", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("14. The same net with another normalization", points=3)
question.rules(small_net, without=("course.blocks", "course.architectures"))
for norm, learned in (("batch", 2690 + 80), ("group", 2690)):
    net = question.model(f"norm={norm!r}", small_net, norm, 8, 2, share=0)
    net.has_output_shape((10,), hint="ten logits for each image")
    net.has_params(learned, hint="which layers have a bias? how many normalizations are there?")


### BEGIN HIDDEN TESTS
def right(norm, filters, blocks, groups=4, kind="right"):
    """The net written out, with one thing wrong where asked."""
    make = keras.layers

    def conv(x):
        return make.Conv2D(filters, 3, padding="same", use_bias=kind == "bias")(x)

    def normal(x):
        if kind == "layer":
            return make.LayerNormalization(epsilon=1e-5)(x)
        if kind == "other" or (norm == "batch" and kind != "swapped"):
            return make.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        count = {"four": 4, "instance": filters, "size": filters // groups, "one": 1}.get(
            kind, groups
        )
        return make.GroupNormalization(count, epsilon=1e-5)(x)

    inputs = keras.Input((16, 16, 3))
    x = conv(inputs)
    x = x if kind == "bare start" else normal(x)
    x = x if kind == "no first relu" else make.ReLU()(x)
    for _ in range(1 if kind == "one block" else blocks):
        y = normal(conv(make.ReLU()(normal(conv(x)))))
        y = make.ReLU()(y) if kind == "relu on branch" else y
        x = y if kind == "plain" else make.Add()([x, y])
        x = x if kind == "no relu" else make.ReLU()(x)
    x = make.Flatten()(x) if kind == "flat" else make.GlobalAveragePooling2D()(x)
    end = "softmax" if kind == "softmax" else None
    return keras.Model(inputs, make.Dense(10, activation=end)(x))


causes = {
    "other": "that is batch normalization, whatever `norm` says",
    "layer": "that normalizes over the channels of each position; groups have positions, too",
    "four": "`groups` says how many groups there are",
    "instance": "`groups` says how many groups there are, not one for each channel",
    "size": "`groups` says how many groups there are, not how large they are",
    "one": "`groups` says how many groups there are; this is one",
    "bias": "convolutions have no bias here",
    "bare start": "the first convolution is normalized as well",
    "no first relu": "the ReLU after the first normalization is missing",
    "one block": "there are as many blocks as `blocks` says",
    "relu on branch": "the branch ends with a normalization; ReLU comes after the addition",
    "plain": "the shortcut is missing",
    "no relu": "the ReLU after the addition is missing",
    "flat": "global average pooling, not all positions in a row",
    "softmax": "logits are asked for, without softmax",
}
for norm, call, also in (
    ("group", (12, 1, 3), [("group", 8, 2, 2)]), ("batch", (6, 2, 3), [("batch", 4, 3)]),
):  # fmt: skip
    net = question.model(f"the net with norm={norm!r}", small_net, norm, *call)
    net.behaves_like(
        right,
        also=also,
        prescribed=("epsilon", "momentum"),
        hint="compare with the list, layer by layer",
        mistakes={
            cause: lambda a=(norm, *call, kind): right(*a)
            for kind, cause in causes.items()
            if norm == "group" or kind not in ("other", "four", "instance", "size", "one")
        }
        | ({} if norm == "group" else {
            "that is group normalization, whatever `norm` says":
                lambda a=(norm, *call, "swapped"): right(*a)
        }),
    )  # fmt: skip
question.model("four groups, as by default", small_net, "group", 8, 1, share=0.5).computes(
    right("group", 8, 1, 4), hint="how many groups are there if nothing is said?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Train both with batches of two images, and look at what they get right in inference mode.

# %% tags=["raises-exception"]
SHAPES, SHAPE_LABELS = datasets.load_arrays("course_shapes", "train[:1024]")
SHAPES = SHAPES.astype("float32").reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4)) / 128 - 1
for norm in ("batch", "group"):
    trials = Trials(small_net(norm, 8, 1))
    losses = trials.losses(SHAPES, SHAPE_LABELS, rate=0.02, steps=300, batch=2, seed=1)
    accuracy = trials.accuracy(SHAPES, SHAPE_LABELS)
    print(
        f"{norm}: training loss {losses[-50:].mean():.2f}, accuracy on these images {accuracy:.2f}"
    )

# %% [markdown]
# ## 15 · In your own words
#
# A colleague reports a bug. "My network with batch normalization has a training accuracy of 97 % in
# the training loop, after 60 steps with large batches, and Keras' default momentum of 0.99. But
# `model.evaluate` on the *same* training images says 11 %, for ten classes. If I call `model(images,
# training=True)` on the test images instead, I get 96 %, so from now on I use that for all my
# results. Only on your copy of the test set, which is sorted by class, it gives 30 %. Your copy must
# be damaged."
#
# Write about ten sentences. What is the most likely cause of the 11 %, with a number that you compute
# for these 60 steps? Name another cause that would look the same, and a measurement that tells the
# two apart. Where do the 30 % come from, and why may neither number be reported? What would you do,
# in which order? This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# In the loop the network normalizes by the batch, in `evaluate` by its moving statistics. After 60
# steps with momentum 0.99 these still consist of $0.99^{60} = 55\,\%$ of their initial values, a mean
# of 0 and a variance of 1, which have nothing to do with the activations. The error of one layer is
# passed on to the next one, so the classes are little better than guessed. The weights are fine.
#
# The same would be seen if the statistics never move (frozen layers, an update that the training
# loop leaves out), or if training and evaluation prepared images differently. Look at the moving
# mean and variance: are they still 0 and 1, are they on their way, or do they agree with the
# statistics of the training images at this layer? If they agree and `evaluate` still fails, the
# images differ. Recomputing the statistics is a test as well: it cures lagging and frozen statistics,
# not different images.
#
# With `training=True` an image's output depends on the other images in its batch, so neither number
# is the accuracy of a classifier of *images*; a single image could not be classified at all. The copy
# is fine. In a sorted test set all images of a batch have their class in common, and the
# normalization subtracts what a batch has in common, so just that is lost. The 96 % need mixed
# batches, such as only somebody can make who has many images of all classes. And each call moves the
# moving statistics, with test images, so the network that is evaluated last is not the one that was
# trained.
#
# I would recompute the statistics from the training images (exact mean and variance over all of
# them), evaluate in inference mode, and for later runs choose a momentum of 0.9 or train longer. Then
# I would evaluate the test set once, shuffled and sorted, and see that the two agree.
#
# **Marking scheme** (4 points)
#
# - 1: the moving statistics lag, with $0.99^{60} \approx 0.55$ of the initial values. Half a point
#   without the number.
# - 1: another cause (statistics never moved, frozen layers, other preprocessing at evaluation) and a
#   measurement whose outcome differs between the two causes. Overfitting is *not* one: the images
#   are the same.
# - 1: with `training=True` predictions depend on the batch; in a sorted set each batch is normalized
#   by the statistics of one class, which takes away what tells the classes apart. Half a point for
#   one of them. That the call also moves the statistics is welcome, but not needed.
# - 1: recalibrate on *training* images, then evaluate in inference mode; a smaller momentum or more
#   steps for later. No point if test images are used for the statistics.
# ### END SOLUTION

# %% [markdown]
# So what a layer does in training, at inference, and to its own state are three different things. Before
# you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow *hand in* on the
# start page (`START.md`), or run `course submit 06_normalization` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
