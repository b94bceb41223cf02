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
# # 10 · Regularization
#
# A network with more weights than images can learn its images by heart. **Regularization** is
# whatever makes it do better on images that it has *not* seen, often at the price of doing worse
# on those that it has. Here you write the methods themselves: weights that shrink, values, maps,
# squares and blocks that are dropped, labels that are softened, images that are covered, mixed and
# pasted, training that stops in time, predictions that are averaged. At the end you say what a
# study of ten of them has shown, and what it could have shown.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and
#    the line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn images, labels and numbers. If some of the checks pass, you get some of the
#    points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*), `course
#    submit 10_regularization`: it checks the notebook, makes the file to hand in, and says where
#    to.
#
# **Rules**
#
# - Write the methods yourself, with NumPy; in questions 2, 5 and 13, which are about Keras' models
#   and layers, also with Keras. Do not use `course.regularization` or `course.averaging` in your
#   answers.
# - A function leaves its arguments unchanged: arrays, lists and dicts.
# - Nothing is random except where the text says so. Where a function takes a function `draw`, all
#   random numbers come from it.
# - Images have the axes (batch, height, width, channels), integer or float values, and need not be
#   square. Labels of shape (batch, classes) have integer or float values, too. What is computed
#   from them may be `float32` or `float64`; means and quotients have fractions.
# - Later questions may call your earlier functions.
#
# **Two sittings.** Nine questions are the *core*. The *optional* ones go further into methods that
# the core has shown once. Your instructor will tell you whether their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Two ways to shrink weights | 3 | core | 25 |
# | 2 What is penalized | 1 | core | 10 |
# | 3 What is dropped as a whole | 3 | core | 20 |
# | 4 DropBlock | 4 | core | 30 |
# | 5 A layer that survives | 4 | optional | 40 |
# | 6 Softer labels | 2 | core | 15 |
# | 7 Cutout | 2 | optional | 15 |
# | 8 mixup | 2 | optional | 10 |
# | 9 CutMix | 3 | core | 20 |
# | 10 New images in every epoch | 2 | optional | 15 |
# | 11 Stopping in time | 3 | core | 20 |
# | 12 Ensembles | 3 | optional | 20 |
# | 13 Averages of weights and of views | 2 | optional | 15 |
# | 14 What a study could have shown | 3 | core | 20 |
# | 15 In your own words (graded by hand) | 4 | core | 25 |
#
# The core has 26 points, the rest 15. (The minutes are rough guesses.) The lecture is
# [10_regularization](../lectures/10_regularization.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import stats

from autograder import checks

# %% [markdown]
# ## 1 · Two ways to shrink weights
#
# An L2 penalty adds $\frac{\lambda}{2} \lVert w \rVert^2$ to the loss, and so $\lambda w$ to the
# gradient. **Weight decay** leaves the gradient alone, and multiplies the weights by a number
# below 1 in each step. For plain gradient descent both are the same. As soon as the optimizer
# *does* something with the gradient, they are not.
#
# In step $t = 1, 2, \dots$, let $g_t$ be the gradient of the loss without a penalty, $\eta$ the
# learning rate, and
#
# $$h_t = \begin{cases} g_t + \lambda\, w_{t-1} & \text{if coupled (L2)} \\ g_t & \text{if decoupled}
# \end{cases} \qquad \tilde w_t = \begin{cases} w_{t-1} & \text{if coupled} \\ (1 - \eta \lambda)\,
# w_{t-1} & \text{if decoupled.} \end{cases}$$
#
# - `sgd(weights, gradients, learning_rate, decay, coupled, momentum=0.0)` has a velocity, which
#   starts at 0: $v_t = \mu\, v_{t-1} - \eta\, h_t$ and $w_t = \tilde w_t + v_t$. (Coupled, this is
#   the update of the AlexNet paper.)
# - `adam(weights, gradients, learning_rate, decay, coupled)` has two averages, which start at 0,
#   with $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\varepsilon = 10^{-7}$ and squares, roots and
#   quotients value by value:
#
# $$m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, h_t, \qquad s_t = \beta_2 s_{t-1} + (1 - \beta_2)\, h_t^2,$$
#
# $$w_t = \tilde w_t - \eta\; \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}\; \frac{m_t}{\sqrt{s_t} +
# \varepsilon}.$$
#
# (Decoupled, this is AdamW, and what Keras' `weight_decay=` does in each of its optimizers.) Both
# return the weights after the last of the given gradients.
#
# **Example.** $w = 1$, one gradient of 0, $\eta = 0.1$, $\lambda = 0.5$. SGD gives $0.95$ either
# way. Adam gives $0.95$ if decoupled. Coupled, it makes a step of $\eta$ in the direction of
# $\lambda w$, whatever $\lambda$ is: $0.9$.


# %% nbgrader={"grade": false, "grade_id": "sgd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sgd(weights, gradients, learning_rate, decay, coupled, momentum=0.0):
    """Gradient descent with momentum, and with an L2 penalty or weight decay.

    Args:
        weights: array of floats of any shape, the weights before the first step.
        gradients: list of arrays of that shape, one for each step, at least one.
        learning_rate, decay, momentum: eta, lambda and mu.
        coupled: True for the penalty, False for weight decay.

    Returns:
        Array of the shape of `weights`: the weights after the last step.
    """
    ### BEGIN SOLUTION
    velocity = 0.0
    for gradient in gradients:
        if coupled:
            gradient = gradient + decay * weights
        velocity = momentum * velocity - learning_rate * gradient
        if not coupled:
            weights = (1 - learning_rate * decay) * weights
        weights = weights + velocity
    return weights
    ### END SOLUTION


def adam(weights, gradients, learning_rate, decay, coupled):
    """Adam with an L2 penalty or weight decay; arguments and result as for `sgd`."""
    ### BEGIN SOLUTION
    m = s = 0.0
    for t, gradient in enumerate(gradients, 1):
        if coupled:
            gradient = gradient + decay * weights
        else:
            weights = (1 - learning_rate * decay) * weights
        m = 0.9 * m + 0.1 * gradient
        s = 0.999 * s + 0.001 * gradient**2
        rate = learning_rate * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = weights - rate * m / (np.sqrt(s) + 1e-7)
    return weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_sgd", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Two ways to shrink weights", points=3)
question.rules(sgd, adam, without=("keras", "course.regularization"))
one, none = np.array([1.0]), [np.array([0.0])]
for name, coupled in (("coupled", True), ("decoupled", False)):
    question.example(f"SGD, {name}", sgd, one, none, 0.1, 0.5, coupled).gives_array(
        [0.95], hint="without momentum both multiply w by 1 - eta lambda"
    )
question.example("Adam, coupled", adam, one, none, 0.1, 0.5, True).gives_array(
    [0.9], hint="the penalty's gradient goes through Adam's division as well"
)
question.example("Adam, decoupled", adam, one, none, 0.1, 0.5, False).gives_array(
    [0.95], hint="the decay does not go through Adam's division"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def one_by_one(w, g, eta, lam, coupled, mu=None, wrong=""):
    """Each weight by itself, step by step; Adam if there is no mu, with one thing wrong."""
    found = np.array(w, dtype="float64")
    coupled = not coupled if wrong == "swapped" else coupled
    lam = {"double": 2 * lam, "half": lam / 2}.get(wrong, lam)
    for place in np.ndindex(found.shape):
        x, v, m, s = float(w[place]), 0.0, 0.0, 0.0
        for t, gradient in enumerate((float(step[place]) for step in g), 1):
            inside = coupled or wrong == "inside"
            h = gradient + lam * x if inside else gradient
            if not inside:
                x *= 1 - (lam if wrong == "no rate" else eta * lam)
            if mu is not None:
                v = (0 if wrong == "no velocity" else mu) * v - eta * h
                x += v
                continue
            m, s = 0.9 * m + 0.1 * h, 0.999 * s + 0.001 * h * h
            n = t + (wrong == "late")
            by = 1 if wrong == "uncorrected" else math.sqrt(1 - 0.999**n) / (1 - 0.9**n)
            x -= eta * by * m / (math.sqrt(s) + 1e-7)
        found[place] = x
    return found


causes = {
    "swapped": "coupled and decoupled are the other way round",
    "double": "twice as much as asked: half of lambda is in the penalty, not in its gradient",
    "half": "lambda times w: the penalty's half is gone in the gradient",
    "no rate": "decay multiplies by 1 - eta lambda: the learning rate belongs to it",
}
special = {
    "sgd": {"no velocity": "the velocity is forgotten from step to step"},
    "adam": {
        "uncorrected": "the correction for averages that start at 0 is missing",
        "late": "t is 1 in the first step",
    },
}
inside = {
    "sgd": "decay acts outside of the velocity, which has the plain gradient",
    "adam": "this decay goes through Adam's division: it is an L2 penalty, not AdamW",
}
for name, function, momenta in (("SGD", sgd, (0.0, 0.9)), ("Adam", adam, (None,))):
    for mu in momenta:
        for coupled in (True, False):
            w = draw.normal(0, 2, (3, 2))
            g = [draw.normal(0.5, 1, (3, 2)) for _ in range(4)]
            eta, lam = float(draw.uniform(0.1, 0.3)), float(draw.uniform(0.3, 0.6))
            arguments = (w, g, eta, lam, coupled, *([] if mu is None else [mu]))
            kind = "adam" if mu is None else "sgd"
            known = causes | special[kind] | {"inside": inside[kind]}
            right = one_by_one(*arguments)
            question.check(
                f"{name}, {'coupled' if coupled else 'decoupled'}, momentum {mu}" if mu else
                f"{name}, {'coupled' if coupled else 'decoupled'}",
                checks.keeping, function, *arguments,
            ).gives_array(
                right,
                tolerance=1e-6,
                hint="which of the two formulas has lambda in it, and what is done to it after?",
                mistakes=[
                    (cause, wrong)
                    for key, cause in known.items()
                    if not np.allclose(wrong := one_by_one(*arguments, wrong=key)
                                       if mu is None else one_by_one(*arguments[:5], mu, key), right)
                ],
            )  # fmt: skip
w = draw.normal(size=5)
g = [draw.normal(size=5) for _ in range(30)]
tiny = [1e-6 * step for step in g[:5]]
question.check("tiny gradients", adam, w, tiny, 0.1, 0.3, False, share=0.5).gives_array(
    one_by_one(w, tiny, 0.1, 0.3, False), tolerance=1e-6, hint="where is epsilon added?"
)
for name, shape in (("a single number", ()), ("three axes", (2, 1, 3))):
    start = np.array(draw.normal(size=shape))
    steps = [np.array(draw.normal(size=shape)) for _ in range(3)]
    for method, function, mu in (("SGD", sgd, (0.5,)), ("Adam", adam, ())):
        question.check(f"{method}, {name}", function, start, steps, 0.1, 0.4, False, *mu, share=0.3).gives_array(
            one_by_one(start, steps, 0.1, 0.4, False, *mu),
            tolerance=1e-6,
            hint="the result has the shape of the weights, whatever it is",
        )  # fmt: skip
question.check("no decay", adam, w, g, 0.05, 0.0, False, share=0.5).gives_array(
    one_by_one(w, g, 0.05, 0.0, False), tolerance=1e-6, hint="with lambda = 0 both are plain Adam"
)
question.check("thirty steps", sgd, w, g, 0.05, 0.3, True, 0.9, share=0.5).gives_array(
    one_by_one(w, g, 0.05, 0.3, True, 0.9), tolerance=1e-6, hint="the formulas, again and again"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · What is penalized
#
# Penalties and weight decay are meant for **kernels**: the weights that multiply inputs. A bias or
# a $\beta$ only moves values, a $\gamma$ sets a scale that the network is to choose, and moving
# statistics are not learned at all. None of them is penalized, nor is a kernel that is not
# trainable.
#
# Write `penalty(model, decay)`, which returns $\frac{\lambda}{2} \sum w^2$ over all trainable
# kernels of a Keras model, with $\lambda$ = `decay`. A weight is a kernel if its `name` contains
# `"kernel"` (a depthwise convolution's is called `"depthwise_kernel"` or `"kernel"`). No kernel is
# shared between layers. (Keras' `regularizers.L2(l)` has no half in it: with `l` = $\lambda / 2$
# it is the same.)
#
# **Example.** A dense layer with a kernel of $\begin{pmatrix} 1 & -2 \end{pmatrix}$ and a bias of
# $(3, 3)$: with $\lambda = 0.2$ the penalty is $0.1 \cdot (1 + 4) = 0.5$.


# %% nbgrader={"grade": false, "grade_id": "penalty", "locked": false, "schema_version": 3, "solution": true, "task": false}
def penalty(model, decay):
    """The L2 penalty of a model's kernels.

    Args:
        model: a Keras model.
        decay: lambda, the factor that the penalty has in the gradient.

    Returns:
        A number.
    """
    ### BEGIN SOLUTION
    kernels = [w.numpy() for w in model.trainable_weights if "kernel" in w.name]
    return float(decay / 2 * sum((kernel.astype("float64") ** 2).sum() for kernel in kernels))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_penalty", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. What is penalized", points=1)
question.rules(penalty, without=("course.regularization",))
small = keras.Sequential([keras.Input((1,)), layers.Dense(2)])
small.set_weights([np.array([[1.0, -2.0]]), np.array([3.0, 3.0])])
question.example("a dense layer", penalty, small, 0.2).gives_array(
    0.5, hint="half of lambda, times the sum of the kernel's squares; the bias is left out"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def network():
    """A small net with all kinds of weights, a net inside of it, and a part of both frozen."""
    make = keras.layers
    inputs = keras.Input((6, 5, 2))
    x = make.Conv2D(3, 3)(inputs)
    x = make.BatchNormalization()(x)
    x = make.PReLU()(x)  # its weights have three axes, and are no kernel
    x = make.DepthwiseConv2D(2)(x)
    x = make.Conv2D(4, 1, use_bias=False, trainable=False)(x)
    x = make.SeparableConv2D(2, 2)(x)
    inside = [make.Conv2D(2, 1), make.Conv2D(3, 1, trainable=False)]
    x = keras.Sequential([keras.Input((2, 1, 2)), *inside])(x)
    model = keras.Model(inputs, make.Dense(3, name="kernel_and_bias")(make.Flatten()(x)))
    model.set_weights([draw.normal(0.3, 1, w.shape) for w in model.get_weights()])
    return model


net, decay = network(), float(draw.uniform(0.2, 0.9))
squares = {w.path: float((w.numpy().astype("float64") ** 2).sum()) for w in net.weights}
trainable = {w.path for w in net.trainable_weights}
frozen = [w.path for w in net.weights if "kernel" in w.name and w.path not in trainable]
kernels = [w.path for w in net.trainable_weights if "kernel" in w.name]
assert len(kernels) == 6 and len(frozen) == 2 and len(squares) == len(net.weights)


def half(paths):
    return decay / 2 * sum(squares[path] for path in paths)


question.check("a net with everything", penalty, net, decay, share=2).gives_array(
    half(kernels),
    tolerance=1e-5,
    hint="which weights are trainable, and which of them multiply inputs?",
    mistakes={
        "half of lambda: the gradient's factor is lambda then": 2 * half(kernels),
        "no bias, and nothing of a normalization":
            half([w.path for w in net.trainable_weights]),
        "no bias, nothing of a normalization, nothing that is not trainable": half(squares),
        "a kernel that is not trainable is not penalized": half(kernels + frozen),
        "a bias is no kernel":
            half(kernels + [w.path for w in net.trainable_weights if w.name == "bias"]),
        "the sum of the squares, not their mean": decay / 2 * sum(
            squares[w.path] / w.numpy().size for w in net.trainable_weights if "kernel" in w.name
        ),
        "the square of the norm, not the norm": decay / 2 * sum(
            squares[path] ** 0.5 for path in kernels
        ),
    },
)  # fmt: skip
inputs = keras.Input((4,))
plain = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, trainable=False)(inputs))
question.check("nothing to penalize", penalty, plain, 0.5, share=0.5).gives_array(
    0.0, hint="its only kernel is frozen"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · What is dropped as a whole
#
# Dropout sets random values to 0 in training and divides the others by $1 - \text{rate}$, so that
# each value is on average what it was. What is dropped *as a whole* makes the method:
#
# | `unit` | dropped or kept together | known as |
# |---|---|---|
# | `"value"` | each value by itself | dropout |
# | `"map"` | all positions of a channel of an example | spatial dropout |
# | `"example"` | all values of an example | drop path, stochastic depth |
# | `"batch"` | all values | stochastic depth as published: the branch need not be computed |
#
# Write `drop(x, rate, draw, unit="value")`. Call `draw(shape)` exactly once, whatever the rate: it
# returns random numbers of this shape (a tuple), uniform in $[0, 1)$. Ask for *one number per
# unit*, with the units in the order in which they lie in `x`: (batch, height, width, channels) for
# values, (batch, 1, 1, channels) for maps, (batch, 1, 1, 1) for examples and (1, 1, 1, 1) for the
# batch. A unit is dropped if its number is **less than** `rate`.
#
# **Example.** Rate 0.75, two values 2 and 5, and `draw` gives 0.74 and 0.75: the result is 0 and
# $5 / 0.25 = 20$.


# %% nbgrader={"grade": false, "grade_id": "drop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def drop(x, rate, draw, unit="value"):
    """Drop units at random, and scale up what is left.

    Args:
        x: array of shape (batch, height, width, channels).
        rate: probability that a unit is dropped, at least 0 and less than 1.
        draw: function of a shape (a tuple), which returns uniform random numbers in [0, 1).
        unit: "value", "map", "example" or "batch".

    Returns:
        Array of the same shape.
    """
    ### BEGIN SOLUTION
    batch, height, width, channels = x.shape
    shape = {
        "value": (batch, height, width, channels),
        "map": (batch, 1, 1, channels),
        "example": (batch, 1, 1, 1),
        "batch": (1, 1, 1, 1),
    }[unit]
    kept = draw(shape) >= rate
    return np.where(kept, x / (1 - rate), 0.0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_drop", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. What is dropped as a whole", points=3)
question.rules(drop, without=("keras", "tensorflow", "course.regularization"))


def as_given(*numbers):
    """A function that draws these numbers."""
    return lambda shape: np.reshape(numbers, shape)


pair = np.reshape([2.0, 5.0], (1, 1, 2, 1))
question.example("two values", drop, pair, 0.75, as_given(0.74, 0.75)).gives_array(
    np.reshape([0.0, 20.0], (1, 1, 2, 1)),
    hint="less than the rate: dropped; what is kept is divided by 1 - rate",
)
maps = np.reshape([1.0, 2, 3, 4], (1, 1, 2, 2))
question.example("two maps", drop, maps, 0.5, as_given(0.1, 0.9), "map").gives_array(
    np.reshape([0.0, 4, 0, 8], (1, 1, 2, 2)), hint="a map has one channel and all positions"
)
question.example("two examples", drop, maps.reshape(2, 1, 1, 2), 0.5, as_given(0.9, 0.1), "example").gives_array(
    np.reshape([2.0, 4, 0, 0], (2, 1, 1, 2)), hint="one number for each example"
)  # fmt: skip
question.example("a batch", drop, maps.reshape(2, 1, 1, 2), 0.5, as_given(0.9), "batch").gives_array(
    np.reshape([2.0, 4, 6, 8], (2, 1, 1, 2)), hint="a single number for all"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
SHAPES = {
    "value": lambda b, h, w, c: (b, h, w, c),
    "map": lambda b, h, w, c: (b, 1, 1, c),
    "example": lambda b, h, w, c: (b, 1, 1, 1),
    "batch": lambda b, h, w, c: (1, 1, 1, 1),
}
OTHER_SHAPES = {
    "a mask for each example": lambda b, h, w, c: (1, h, w, c),
    "a map is a channel at all positions, not a position in all channels":
        lambda b, h, w, c: (b, h, w, 1),
    "each example draws its own maps": lambda b, h, w, c: (1, 1, 1, c),
}  # fmt: skip


def numbers(seed):
    """A function that draws the same numbers in each call."""
    return lambda shape: np.random.default_rng(seed).random(shape)


def dropped(x, rate, seed, shape, wrong=""):
    kept = numbers(seed)(shape(*x.shape)) >= rate
    kept = ~kept if wrong == "kept" else kept
    scale = {"none": 1, "rate": 1 / rate, "down": 1 - rate, "seen": 1 / max(kept.mean(), 1e-9)}
    return x * kept * scale.get(wrong, 1 / (1 - rate))


causes = {
    "kept": "the rate is the probability of a drop; this is the other way round",
    "none": "what is kept has to be scaled up",
    "rate": "divide by 1 - rate, the probability of being kept",
    "down": "what is kept is divided by 1 - rate, not multiplied",
    "seen": "scale by what is to be expected, 1 - rate, not by what was kept",
}
for unit, shape in SHAPES.items():
    x = draw.normal(1, 2, (5, 3, 4, 6))
    rate = float(draw.choice([0.2, 0.3, 0.35, 0.6, 0.7]))
    while True:  # so that some are dropped, some are kept, and not as many as expected
        seed = int(draw.integers(2**31))
        kept = numbers(seed)(shape(*x.shape)) >= rate
        if unit == "batch" or (0 < kept.mean() < 1 and abs(kept.mean() - 1 + rate) > 1e-3):
            break
    known = {cause: dropped(x, rate, seed, shape, key) for key, cause in causes.items()}
    known |= {
        cause: dropped(x, rate, seed, other) for cause, other in OTHER_SHAPES.items()
        if unit != "example"
    }  # fmt: skip
    right = dropped(x, rate, seed, shape)
    known = {cause: wrong for cause, wrong in known.items() if not np.allclose(wrong, right)}
    question.check(f"each {unit}", checks.keeping, drop, x, rate, numbers(seed), unit).gives_array(
        right, hint="over which axes is one number shared? See the table", mistakes=known
    )


def asked(unit):
    """What is asked of `draw`, call by call: with a rate of 0, and with all numbers below the rate."""
    shapes = []

    def drawn(shape):
        whole = isinstance(shape, tuple)
        shapes.append([int(n) for n in shape] if whole else f"a {type(shape).__name__}")
        return np.full(shape, 0.1)

    for rate in (0.0, 0.5):
        drop(np.ones((3, 2, 4, 5)), rate, drawn, unit)
    return shapes


for unit, shape in SHAPES.items():
    question.check(f"what is drawn for each {unit}", asked, unit, share=0.5).gives(
        [shape(3, 2, 4, 5)] * 2,
        hint="one call of `draw`, whatever the rate, with a tuple of four numbers",
    )
x = draw.integers(1, 200, (2, 3, 4, 2)).astype("uint8")
question.check("an integer image", drop, x, 0.3, numbers(5), share=0.5).gives_array(
    dropped(x, 0.3, 5, SHAPES["value"]), hint="a quotient is a float; unit is 'value' by default"
)
edge = as_given(0.25, np.nextafter(0.25, 0), 0.0, 0.99)
question.check("a number that is the rate", drop, np.ones((1, 1, 4, 1)), 0.25, edge, share=0.5).gives_array(
    np.reshape([4 / 3, 0, 0, 4 / 3], (1, 1, 4, 1)),
    hint="less than the rate is dropped; the rate itself is not",
    mistakes={"less than the rate, not at most": np.reshape([0, 0, 0, 4 / 3], (1, 1, 4, 1))},
)  # fmt: skip
question.check("a rate of 0", drop, np.ones((2, 2, 1, 3)), 0.0, lambda shape: np.zeros(shape), "map", share=0.5).gives_array(
    np.ones((2, 2, 1, 3)), hint="no number is less than 0"
)  # fmt: skip
question.check("a batch that is dropped", drop, np.ones((2, 2, 1, 3)), 0.5, as_given(0.1), "batch", share=0.5).gives_array(
    np.zeros((2, 2, 1, 3)), hint="its single number is less than the rate"
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · DropBlock
#
# A dropped value can be guessed from its neighbors. **DropBlock** (Ghiasi et al., 2018) drops
# squares of $b \times b$ values. A square is drawn by its upper left corner, only where the whole
# square fits into the map: there are $(h - b + 1)(w - b + 1)$ corners in a map of $h \times w$.
# Each corner is drawn with probability $\gamma$. If squares never overlapped, each would drop
# $b^2$ values, and a fraction *rate* of the map would be dropped with
#
# $$\gamma = \frac{\text{rate}}{b^2} \cdot \frac{h\, w}{(h - b + 1)(w - b + 1)}.$$
#
# What is kept is scaled up by what *was* kept in this batch, not by what was to be expected: by
# (number of values) / (number of values kept), both counted over the whole array. If none is kept,
# all are 0.
#
# - `gamma(height, width, block, rate)` returns $\gamma$.
# - `dropped_share(height, width, block, rate)` returns the expected fraction of a map's values
#   that are dropped. A value that lies in $n$ of the possible squares is kept if none of them is
#   drawn, with probability $(1 - \gamma)^n$; $n$ is smaller near the border.
# - `drop_block(x, corners, block)` drops the squares with the drawn corners from each map, and
#   scales up the rest.
#
# **Example.** A map of 1x3 would have no square of 2x2. In one of 2x3 there are two corners, and
# with a rate of 0.5, $\gamma = \frac{0.5}{4} \cdot \frac{6}{2} = 0.375$. The four values of the
# outer columns lie in one square, the two in the middle in both: on average, $(4 \cdot 0.375 + 2
# \cdot (1 - 0.625^2)) / 6 = 0.453$ are dropped, less than the rate.

# %% nbgrader={"grade": false, "grade_id": "figure_corners", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import plots
from course.visualization.display import show

_corners = np.pad([[1.0]], ((0, 4), (1, 4))) + np.pad([[1.0]], ((2, 2), (3, 2)))
_squares = np.pad(np.zeros((3, 3)), ((0, 4), (1, 4)), constant_values=1.0)
_squares = _squares * np.pad(np.zeros((3, 3)), ((2, 2), (3, 2)), constant_values=1.0)
show(
    plots.pictures(
        [_corners, _squares],
        ["5x6 corners, two are drawn", "7x8 values, black is dropped"],
        "Left: a grid of five by six places, of which two are drawn, at row 0 and column 1, and at "
        "row 2 and column 3. Right: a map of seven by eight values without the two squares of "
        "three by three that have these places as their upper left corners; they share one value.",
    ),
    "Left: the corners that are drawn (white). Right: both squares share one dropped value.",
)


# %% nbgrader={"grade": false, "grade_id": "drop_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gamma(height, width, block, rate):
    """Probability that a corner is drawn.

    Args:
        height, width: of the map, at least `block`.
        block: side of the squares in values.
        rate: the fraction of values that would be dropped if squares did not overlap.

    Returns:
        A number.
    """
    ### BEGIN SOLUTION
    corners = (height - block + 1) * (width - block + 1)
    return rate / block**2 * height * width / corners
    ### END SOLUTION


def dropped_share(height, width, block, rate):
    """Expected fraction of a map's values that are dropped; arguments as for `gamma`."""
    ### BEGIN SOLUTION
    squares = np.zeros((height, width))
    for top in range(height - block + 1):
        for left in range(width - block + 1):
            squares[top : top + block, left : left + block] += 1
    return float(np.mean(1 - (1 - gamma(height, width, block, rate)) ** squares))
    ### END SOLUTION


def drop_block(x, corners, block):
    """Drop squares, and scale up what is left by what was kept.

    Args:
        x: array of shape (batch, height, width, channels).
        corners: booleans of shape (batch, height - block + 1, width - block + 1, channels), True
            at the upper left corners of the squares to drop.
        block: side of the squares in values.

    Returns:
        Array of the shape of `x`.
    """
    ### BEGIN SOLUTION
    dropped = np.zeros(x.shape, bool)
    rows, columns = corners.shape[1:3]
    for down in range(block):
        for right in range(block):
            dropped[:, down : down + rows, right : right + columns] |= corners
    kept = (~dropped).sum()
    return np.where(dropped, 0.0, x * (x.size / max(kept, 1)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_drop_block", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. DropBlock", points=4)
question.rules(
    gamma, dropped_share, drop_block, without=("keras", "tensorflow", "course.regularization")
)
question.example("a map of 2x3", gamma, 2, 3, 2, 0.5).gives_array(
    0.375, hint="two corners, six values, four values in a square"
)
question.example("its dropped values", dropped_share, 2, 3, 2, 0.5).gives_array(
    (4 * 0.375 + 2 * (1 - 0.625**2)) / 6, hint="which values lie in one square, which in two?"
)
corner = np.reshape([False, True], (1, 1, 2, 1))
question.example("one square", drop_block, np.ones((1, 2, 3, 1)), corner, 2).gives_array(
    np.reshape([3.0, 0, 0, 3, 0, 0], (1, 2, 3, 1)), hint="two of six values are kept"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
for height, width, block in ((7, 9, 3), (6, 5, 5), (int(draw.integers(10, 20)), 8, 2)):
    rate = float(draw.uniform(0.1, 0.4))
    right = rate * height * width / (block**2 * (height - block + 1) * (width - block + 1))
    question.check(f"gamma, squares of {block}", gamma, height, width, block, rate, share=0.4).gives_array(
        right,
        tolerance=1e-9,
        hint="the fraction to drop, by a square's values, times values by corners",
        mistakes={
            "squares fit at (h - b + 1)(w - b + 1) places only": rate / block**2,
            "a square drops b^2 values at once": right * block**2,
            "a square drops b^2 values, not b": right * block,
            "that is the quotient the other way round":
                rate / block**2 * (rate / block**2 / right),
            "there is one corner more in each direction":
                rate * height * width / block**2 / max(1, (height - block) * (width - block)),
        },
    )  # fmt: skip


def by_listing(height, width, block, rate):
    """Each value's squares, listed one by one."""
    chance = rate * height * width / (block**2 * (height - block + 1) * (width - block + 1))
    counts = [
        sum(
            top <= row < top + block and left <= column < left + block
            for top in range(height - block + 1)
            for left in range(width - block + 1)
        )
        for row in range(height)
        for column in range(width)
    ]
    return np.array(counts), chance


for height, width, block in ((7, 9, 3), (5, 8, 4)):
    rate = float(draw.uniform(0.2, 0.5))
    counts, chance = by_listing(height, width, block, rate)
    share = float(np.mean(1 - (1 - chance) ** counts))
    question.check(f"dropped in {height}x{width}", dropped_share, height, width, block, rate, share=0.8).gives_array(
        share,
        tolerance=1e-7,
        hint="for each value: in how many squares does it lie? Then the mean",
        mistakes={
            "that is the rate: squares overlap, so less is dropped": rate,
            "near the border a value lies in fewer than b^2 squares": 1 - (1 - chance) ** block**2,
            "that is the fraction that is kept": 1 - share,
        },
    )  # fmt: skip
question.check("dropped values of single squares", dropped_share, 4, 6, 1, 0.3, share=0.4).gives_array(
    0.3, tolerance=1e-7, hint="squares of a single value do not overlap"
)  # fmt: skip


def squares_of(corners, block, shape):
    """Which values are dropped, corner by corner."""
    found = np.zeros(shape, bool)
    for n, row, column, channel in np.argwhere(corners):
        found[n, row : row + block, column : column + block, channel] = True
    return found


for height, width, block in ((6, 8, 2), (7, 5, 3)):
    x = draw.normal(2, 1, (3, height, width, 4))
    corners = draw.random((3, height - block + 1, width - block + 1, 4)) < 0.15
    corners[0, :, :, 1] = False
    corners[1, 0, 1, 2] = corners[1, 1, 2, 2] = True
    gone = squares_of(corners, block, x.shape)
    by = gone.size / (~gone).sum()
    every = squares_of(
        np.broadcast_to(corners.any(-1, keepdims=True), corners.shape), block, x.shape
    )
    map_by = (height * width) / np.maximum((~gone).sum(axis=(1, 2), keepdims=True), 1)
    example_by = gone[0].size / np.maximum((~gone).sum(axis=(1, 2, 3), keepdims=True), 1)
    question.check(f"squares of {block}", checks.keeping, drop_block, x, corners, block, share=1.5).gives_array(
        np.where(gone, 0, x * by),
        hint="a value is dropped if a corner was drawn above and to the left, less than b away",
        mistakes={
            "what is kept has to be scaled up": np.where(gone, 0, x),
            "count over the whole array, not map by map": np.where(gone, 0, x * map_by),
            "count over the whole array, not example by example":
                np.where(gone, 0, x * example_by),
            "each channel has corners of its own":
                np.where(every, 0, x * every.size / max(1, (~every).sum())),
            "a corner is the upper left one, not the center of its square": np.where(
                centered := squares_of(
                    np.pad(corners, ((0, 0), (0, block - 1), (0, block - 1), (0, 0))), 1, x.shape
                ), 0, x * centered.size / (~centered).sum()),
        },
    )  # fmt: skip
for name, x, block in (
    ("squares of a single value", draw.normal(2, 1, (2, 4, 5, 3)), 1),
    ("integers, some of them 0", draw.integers(0, 3, (2, 5, 6, 2)).astype("uint8"), 2),
    ("squares as high as a map", draw.normal(2, 1, (3, 3, 7, 2)), 3),
):
    n, height, width, channels = x.shape
    corners = draw.random((n, height - block + 1, width - block + 1, channels)) < 0.15
    corners[0, 0, 1, 0], corners[1, :, :, 1] = True, False
    gone = squares_of(corners, block, x.shape)
    question.check(name, drop_block, x, corners, block, share=0.7).gives_array(
        np.where(gone, 0, x * (gone.size / (~gone).sum())),
        hint="values by values kept, whatever the values are; squares have block x block of them",
    )
x = draw.normal(size=(2, 4, 5, 3))
question.check("no corner", drop_block, x, np.zeros((2, 3, 4, 3), bool), 2, share=0.5).gives_array(
    x, hint="nothing is dropped, so nothing is scaled"
)
question.check("nothing is kept", drop_block, x, np.ones((2, 3, 4, 3), bool), 2, share=0.5).gives_array(
    np.zeros_like(x), hint="if no value is kept, all are 0, and none is NaN"
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · A layer that survives
#
# The same as a Keras layer, to be used in models that are trained, saved, loaded and compiled.
# Write the class `DropBlock`, a `keras.layers.Layer` with the arguments `rate`, `block`,
# `ramp_steps=0`, `seed=None` and `**kwargs`, which go to the base class (`name`, `dtype`). Inputs
# have the shape (batch, height, width, channels); height and width are known when the layer is
# built and at least `block`; the batch is of any size.
#
# - **In training** (`training=True`) corners are drawn with probability $\gamma$ for each example
#   and each channel by itself, and what is kept is scaled as in question 4. Every call draws anew.
# - **At inference** (`training` is `False` or `None`) the output is the input, exactly.
# - **The ramp.** With `ramp_steps` = $n > 0$ the rate grows: the layer counts its calls in
#   training, and call number $k = 0, 1, 2, \dots$ uses $\text{rate} \cdot \min(k / n, 1)$. So the
#   very first call drops nothing. Calls at inference are not counted. The count is a weight of the
#   layer (not trainable, `"int32"`), so that it is saved with the model. Without a ramp (0) the
#   rate is the full one from the start, and the count may be left out.
# - **The type.** With `dtype="float16"` the output is `float16`: cast what you multiply with to the
#   type of the inputs.
# - **The seed.** Two layers with the same seed draw the same numbers, two layers without one draw
#   different ones. `keras.random.SeedGenerator(seed)`, made in `__init__`, takes care of it.
# - **The config.** `get_config` has all arguments, so that `DropBlock.from_config` makes the same
#   layer.
#
# The code below also has to work while a model is traced: use `keras.ops` and `keras.random`
# instead of NumPy, and `keras.ops.shape(x)[0]` for the size of the batch. `keras.ops.max_pool`
# with strides 1 finds the values that are in a square (pad the corners with zeros first); so does
# a loop over the square's places.
#
# The given function `used` at the end of the cell puts a layer to use; tests call it. Leave it as
# it is.
#
# **Example.** `DropBlock(0.5, 1)` is nearly dropout. `DropBlock(0.5, 4)` on maps of 4x4 is spatial
# dropout, as only one square fits.


# %% nbgrader={"grade": false, "grade_id": "dropblock_layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
@keras.saving.register_keras_serializable("answers")
class DropBlock(layers.Layer):
    """DropBlock with a ramp; see the text. Write its other methods below `__init__`."""

    def __init__(self, rate, block, ramp_steps=0, seed=None, **kwargs):
        ### BEGIN SOLUTION
        super().__init__(**kwargs)
        self.rate, self.block, self.ramp_steps, self.seed = rate, block, ramp_steps, seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        self.calls = self.add_weight(
            name="calls", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def call(self, inputs, training=False):
        if not training:
            return inputs
        ops = keras.ops
        height, width, channels = inputs.shape[1:]
        rows, columns = height - self.block + 1, width - self.block + 1
        rate = self.rate
        if self.ramp_steps:
            calls = ops.cast(self.calls, "float32")
            rate = rate * ops.minimum(calls / self.ramp_steps, 1.0)
            self.calls.assign_add(1)
        chance = rate / self.block**2 * height * width / (rows * columns)
        shape = (ops.shape(inputs)[0], rows, columns, channels)
        drawn = keras.random.uniform(shape, dtype="float32", seed=self.generator)
        border = self.block - 1
        corners = ops.pad(
            ops.cast(drawn < chance, "float32"),
            ((0, 0), (border, border), (border, border), (0, 0)),
        )
        kept = 1 - ops.max_pool(corners, self.block, strides=1)
        share = ops.maximum(ops.sum(kept), 1.0) / ops.cast(ops.size(kept), "float32")
        return inputs * ops.cast(kept / share, inputs.dtype)

    def get_config(self):
        own = ("rate", "block", "ramp_steps", "seed")
        return super().get_config() | {name: getattr(self, name) for name in own}
        ### END SOLUTION


def used(layer, x, training, how="model", calls=1):
    """Call a layer in a model (given; leave it as it is).

    Args:
        layer: the layer, which is not changed if `how` is "reloaded".
        x: array of shape (batch, height, width, channels).
        training: the argument of the calls.
        how: "model"; "compiled" by XLA; "reloaded" from a file after one call in training.
        calls: how often it is called.

    Returns:
        Array: the output of the last call.
    """
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    if how == "reloaded":
        model(x, training=True)
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.keras")
            model = keras.models.load_model(Path(folder) / "model.keras")
    call = tf.function(model, jit_compile=True) if how == "compiled" else model
    for _ in range(calls):
        y = call(tf.constant(x), training=training)
    return y.numpy()


# %% nbgrader={"grade": true, "grade_id": "test_dropblock_layer", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. A layer that survives", points=4)
question.rules("DropBlock", without=("course.regularization",))
ones = np.ones((3, 6, 7, 4), "float32")


def output_of(layer, x, training, how="model", calls=1):
    """The output of a layer that is used in a model."""
    y = np.asarray(used(layer, x, training, how, calls))
    if y.shape != x.shape:
        raise ValueError(f"an output of shape {y.shape} for an input of shape {x.shape}")
    return y


def called(how, training, *args, x=ones, calls=1, **kwargs):
    """The output of a layer with these arguments."""
    return output_of(DropBlock(*args, **kwargs), x, training, how, calls)


question.example("inference", called, "model", False, 0.5, 3).gives_array(
    ones, hint="at inference the output is the input"
)
question.example("the first call of a ramp", called, "model", True, 0.5, 3, 10).gives_array(
    ones, hint="call number 0 has a rate of 0"
)


def mean_of_ones(how):
    """The mean of ones in training: what was dropped is made up for exactly."""
    return round(float(called(how, True, 0.4, 2, seed=1).mean()), 4)


for how in ("model", "compiled", "reloaded"):
    question.example(f"mean of ones, {how}", mean_of_ones, how).gives(
        1.0, hint="what is kept is scaled by what was kept"
    )
### BEGIN HIDDEN TESTS
draw = question.random
seed = draw.randrange(1, 10**6)
BLOCK, H, W = 3, 8, 7
rate = draw.choice([0.3, 0.35, 0.4])
many = np.ones((60, H, W, 6), "float32")


def share_of(rate, height=H, width=W):
    """Expected fraction of dropped values, and its deviation for one map, by drawing maps."""
    rows, columns = height - BLOCK + 1, width - BLOCK + 1
    chance = rate * height * width / (BLOCK**2 * rows * columns)
    chosen = np.random.default_rng(0).random((4000, rows, columns)) < chance
    gone = np.zeros((4000, height, width), bool)
    for i in range(BLOCK):
        for j in range(BLOCK):
            gone[:, i : i + rows, j : j + columns] |= chosen
    shares = gone.mean(axis=(1, 2))
    return float(shares.mean()), float(shares.std())


def fraction_dropped(how, *args, calls=1, x=many):
    """The fraction of values that are 0."""
    return float((called(how, True, *args, x=x, calls=calls) == 0).mean())


full, spread = share_of(rate)
halfway, _ = share_of(rate / 2)
rows, columns = H - BLOCK + 1, W - BLOCK + 1
about = {
    "repeats": 2,
    "deviation": spread / 360**0.5 * 1.3,
    "hint": "which probability do corners have? For each example and channel by itself",
}
question.check("how much is dropped", fraction_dropped, "model", rate, BLOCK).averages(
    full, mistakes={"at inference nothing is dropped, in training it is": 0.0}, **about
)
question.check("how much is dropped, compiled", fraction_dropped, "compiled", rate, BLOCK, share=0.5).averages(
    full, **about | {"repeats": 1, "deviation": spread / 360**0.5 * 1.8}
)  # fmt: skip
question.check("how much is dropped, reloaded", fraction_dropped, "reloaded", rate, BLOCK, 1, share=0.5).averages(
    full, **about | {"hint": "the count of calls and all arguments have to be saved"}
)  # fmt: skip
flat, flat_spread = share_of(rate, BLOCK, 11)
question.check(
    "how much is dropped of flat maps", fraction_dropped, "model", rate, BLOCK,
    x=np.ones((60, BLOCK, 11, 6), "float32"), share=0.5,
).averages(flat, **about | {"repeats": 1, "deviation": flat_spread / 360**0.5 * 1.3})  # fmt: skip
odd = np.random.default_rng(seed).normal(2, 1, (5, H, W, 4)).astype("float32")


def output(training, *args, x=odd, calls=1, **kwargs):
    return called("model", training, *args, x=x, calls=calls, **kwargs)


for name, training, share in (
    ("inference", False, 1),
    ("neither training nor inference", None, 0.3),
):
    question.check(name, output, training, rate, BLOCK, share=share).gives_array(
        odd, tolerance=1e-7, hint="at inference the output is the input"
    )


def exact():
    """Whether what is kept is the input times values by values kept."""
    y = output(True, rate, BLOCK)
    kept = y != 0
    return 0 < kept.mean() < 1 and np.allclose(
        y[kept], odd[kept] * kept.size / kept.sum(), rtol=1e-4
    )


question.check("scaled by what was kept", exact).gives(
    True, hint="values by values kept, both counted over the whole batch, as in question 4"
)


def in_squares():
    """Whether all that is dropped consists of squares."""
    gone = called("model", True, 0.25, BLOCK, x=many) == 0
    whole = np.zeros_like(gone)
    for i in range(rows):
        for j in range(columns):
            square = gone[:, i : i + BLOCK, j : j + BLOCK].all(axis=(1, 2))
            whole[:, i : i + BLOCK, j : j + BLOCK] |= square[:, None, None]
    return bool(gone.any() and (whole == gone).all())


question.check("whole squares", in_squares).gives(
    True, hint="a value is dropped with its whole square, inside of the map"
)


def their_own():
    """Whether examples differ in what is dropped, and channels of an example."""
    gone = called("model", True, 0.4, BLOCK, x=many) == 0
    return bool((gone != gone[:1]).any()), bool((gone != gone[..., :1]).any())


question.check("masks of their own", their_own).gives(
    (True, True),
    hint="each example and each channel draws its own corners",
    mistakes={
        "each example has corners of its own": (False, True),
        "each channel has corners of its own": (True, False),
    },
)


def seeds():
    """Same seed, other seed, no seed twice, and twice the same layer: which outputs are equal?"""
    first = output(True, 0.4, 2, seed=seed)
    layer = DropBlock(0.4, 2, seed=seed)
    calls = [output_of(layer, odd, True) for _ in range(2)]
    pairs = (
        (first, calls[0]), (first, output(True, 0.4, 2, seed=seed + 1)),
        (output(True, 0.4, 2), output(True, 0.4, 2)), calls,
    )  # fmt: skip
    return [bool(np.array_equal(a, b)) for a, b in pairs]


question.check("seeds", seeds).gives(
    [True, False, False, False],
    hint="equal for the same seed only; without a seed, and from call to call, all is drawn anew",
    mistakes={
        "each call draws anew: use the generator, not the seed": [True, False, False, True],
        "the seed has no effect": [False, False, False, False],
        "the seed is fixed": [True, True, True, False],
    },
)


def zeros():
    """Whether two layers with the seed 0 draw the same."""
    return bool(np.array_equal(*(output(True, 0.4, 2, seed=0) for _ in range(2))))


question.check("the seed 0", zeros, share=0.4).gives(True, hint="0 is a seed; None is none")


def again(layer):
    """A layer from the config of a layer."""
    return DropBlock.from_config(layer.get_config())


def config():
    """Whether a layer from the config is the same: its name, its draws, and its ramp."""
    layer = DropBlock(0.4, 2, 3, seed, name="mine")
    twin, fresh = again(layer), DropBlock(0.4, 2, 3, seed)
    same = [
        bool(np.array_equal(*(output_of(layer, odd, True, "model", n) for layer in (a, b))))
        for a, b, n in ((twin, fresh, 3), (again(DropBlock(0.3, 3, 0, seed)), DropBlock(0.3, 3, 0, seed), 1))
    ]  # fmt: skip
    return [twin.get_config()["name"], *same]


question.check("from its config", config).gives(
    ["mine", True, True], hint="get_config needs all four arguments, and the base class's"
)
question.check("half of the ramp", fraction_dropped, "model", rate, BLOCK, 4, calls=3).averages(
    halfway,
    mistakes={"no ramp: call number 2 of 4 has half of the rate": full},
    **about | {"hint": "call number 2 of a ramp of 4 has half of the rate"},
)
question.check("after the ramp", fraction_dropped, "model", rate, BLOCK, 4, calls=9).averages(
    full, **about | {"hint": "from call number n on the rate stays"}
)
question.check("the first call", output, True, 0.5, 2, 7, share=0.5).gives_array(
    odd, tolerance=1e-7, hint="call number 0 drops nothing"
)


def after_inference():
    """The first call in training, after some at inference."""
    layer = DropBlock(0.5, 2, 5)
    output_of(layer, odd, False, "model", 4)
    return output_of(layer, odd, True)


question.check("calls at inference", after_inference).gives_array(
    odd, tolerance=1e-7, hint="calls at inference are not counted"
)


def counted():
    """Whether a weight that is not trained counts the calls in training, in whole numbers."""
    layer = DropBlock(0.5, 2, 5)
    output_of(layer, odd, True, "model", 3)
    output_of(layer, odd, False)
    weights = [w for w in layer.weights if not w.trainable and str(w.dtype) == "int32"]
    return 3 in [int(np.max(w.numpy())) for w in weights]


question.check("the count", counted, share=0.5).gives(
    True, hint="a weight of the layer, not trainable, of the type int32"
)


def trained():
    """How many weights of the layer are trained."""
    layer = DropBlock(0.5, 2, 5)
    output_of(layer, odd, True)
    return len(list(layer.trainable_weights))


question.check("nothing is trained", trained, share=0.5).gives(0, hint="a count is not trained")
one = np.ones((1, 5, 6, 3), "float32")


def mean_of_one():
    return round(float(output(True, 0.3, 2, x=one).mean()), 4)


question.check("a batch of one", mean_of_one, share=0.5).gives(
    1.0, hint="take the size of the batch from the inputs"
)
whole = np.ones((1, 3, 3, 1), "float32")
question.check("nothing is kept", output, True, 0.999999, 3, x=whole, share=0.4).gives_array(
    np.zeros_like(whole), hint="if no value is kept, all are 0, and none is NaN"
)


def half_precision():
    """The type of the outputs of a layer that computes in half precision."""
    return [output(how, 0.3, 2, dtype="float16").dtype.name for how in (True, False)]


question.check("half precision", half_precision, share=0.4).gives(
    ["float16", "float16"], hint="with dtype='float16' the output is float16"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · Softer labels
#
# A softmax reaches a probability of 1 only with infinite logits, and the cross-entropy with a hard
# label never stops asking for it. **Label smoothing** asks for less. With $K$ classes and a label
# $y$ (one-hot, or mixed from several; it sums to 1),
#
# $$\tilde y = (1 - \varepsilon)\, y + \frac{\varepsilon}{K}.$$
#
# It is for training only. At evaluation labels are what they are.
#
# - `smooth(labels, epsilon)` softens labels of shape (batch, classes).
# - `best_gap(classes, epsilon)`: cross-entropy with a smoothed one-hot label is smallest where the
#   predicted probabilities *are* $\tilde y$. By how much is the right class's logit then larger
#   than that of any other class? (Logits are logarithms of probabilities, up to a common number.)
#   `math.inf` for $\varepsilon = 0$.
#
# **Example.** $K = 4$, $\varepsilon = 0.2$: the label of class 1 becomes $(0.05, 0.85, 0.05,
# 0.05)$, and the best gap is $\log 17 = 2.833$.


# %% nbgrader={"grade": false, "grade_id": "smooth", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smooth(labels, epsilon):
    """Smooth labels.

    Args:
        labels: array of shape (batch, classes), at least 0; the sum of each row is 1.
        epsilon: from 0 to 1.

    Returns:
        Array of the same shape.
    """
    ### BEGIN SOLUTION
    return (1 - epsilon) * labels + epsilon / labels.shape[-1]
    ### END SOLUTION


def best_gap(classes, epsilon):
    """The right class's logit less any other one, where the smoothed loss is smallest.

    Args:
        classes: number of classes, at least 2.
        epsilon: at least 0 and less than 1.

    Returns:
        A number.
    """
    ### BEGIN SOLUTION
    if epsilon == 0:
        return math.inf
    return math.log((1 - epsilon + epsilon / classes) / (epsilon / classes))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_smooth", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. Softer labels", points=2)
question.rules(smooth, best_gap, without=("keras", "tensorflow", "course.regularization"))
question.example("four classes", smooth, np.eye(4)[[1, 3]], 0.2).gives_array(
    [[0.05, 0.85, 0.05, 0.05], [0.05, 0.05, 0.05, 0.85]],
    hint="epsilon is spread over all classes, the right one as well",
)
question.example("the best gap", best_gap, 4, 0.2).gives_array(
    math.log(17), hint="the logarithm of the quotient of two probabilities"
)
question.example("without smoothing", best_gap, 4, 0.0).gives_array(
    math.inf, hint="a probability of 0 is never reached"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def smoothed(labels, epsilon, wrong=""):
    n, k = labels.shape
    if wrong == "others":
        return (1 - epsilon) * labels + epsilon * (1 - labels) / (k - 1)
    if wrong == "hard":
        labels = np.eye(k)[labels.argmax(axis=-1)]
    spread = {"batch": n, "each": 1}.get(wrong, k)
    return (labels if wrong == "kept" else (1 - epsilon) * labels) + epsilon / spread


causes = {
    "others": "epsilon is spread over all classes, the right one as well",
    "hard": "mixed labels stay mixed: no class is chosen",
    "batch": "spread over the classes, not over the examples",
    "kept": "what is spread has to be taken away first: a row's sum is 1",
    "each": "epsilon is shared by the classes: each gets epsilon / K",
}
hard = np.eye(6)[draw.integers(6, size=9)]
mixed = draw.dirichlet(np.ones(5), 7)
for name, labels, share in (("one-hot labels", hard, 0.8), ("mixed labels", mixed, 1)):
    epsilon = float(draw.uniform(0.1, 0.4))
    right = smoothed(labels, epsilon)
    question.check(name, checks.keeping, smooth, labels, epsilon, share=share).gives_array(
        right,
        hint="a part of each label, and the rest shared by all classes",
        mistakes={
            cause: wrong for key, cause in causes.items()
            if not np.allclose(wrong := smoothed(labels, epsilon, key), right)
        },
    )  # fmt: skip
question.check("integer labels 0 and 1", smooth, hard.astype(int), 0.1, share=0.4).gives_array(
    smoothed(hard, 0.1), hint="the result has fractions"
)
for name, labels, epsilon, share in (
    ("a single example", hard[:1], 0.2, 0.15),
    ("more than a half", hard, float(draw.uniform(0.6, 0.9)), 0.15),
    ("nothing but smoothing", mixed, 1.0, 0.1),
):
    question.check(name, smooth, labels, epsilon, share=share).gives_array(
        smoothed(labels, epsilon), hint="the formula, for any epsilon and any number of examples"
    )
question.check("without smoothing", smooth, mixed, 0.0, share=0.3).gives_array(
    mixed, hint="with epsilon 0 labels are what they are"
)
for name, classes, least, most in (
    ("best gap of two classes", 2, 0.05, 0.5),
    ("best gap of many classes", int(draw.integers(20, 200)), 0.05, 0.5),
    ("a very small epsilon", 10, 1e-5, 1e-3),
    ("a large epsilon", 3, 0.6, 0.95),
):
    epsilon = float(draw.uniform(least, most))
    top, rest = 1 - epsilon + epsilon / classes, epsilon / classes
    question.check(name, best_gap, classes, epsilon, share=0.3).gives_array(
        math.log(top) - math.log(rest),
        tolerance=1e-8,
        hint="the logarithm of both probabilities, and their difference",
        mistakes={
            "the right one as well gets its part of epsilon":
                math.log((1 - epsilon) / (epsilon / (classes - 1))),
            "a logit is the logarithm of a probability": 1 - epsilon,
            "a logit is the logarithm of a probability, not the probability": top - rest,
            "the gap to another logit, not the logit": math.log(top),
            "the natural logarithm": math.log10(top / rest),
        },
    )  # fmt: skip


def gaps():
    """The best gaps of seven classes without smoothing, and with."""
    return [float(best_gap(7, epsilon)) for epsilon in (0.0, 0.35)]


question.check("gap without smoothing", gaps, share=0.4).gives_array(
    [math.inf, math.log(0.7 / 0.05)], hint="a probability of 0 has a logit of minus infinity"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · Cutout
#
# **Cutout** (DeVries and Taylor, 2017) covers a square of each image with the images' mean color,
# which is 0 after normalization. The square's center is any pixel, so that a part of it may lie
# outside of the image; then less is covered. The authors found that this matters: squares that
# always lie inside helped less.
#
# A square of $n$ pixels around row $r$ covers the rows from $r - \lfloor n / 2 \rfloor$ on, $n$ of
# them, as far as they are in the image. Columns likewise.
#
# - `cutout(images, centers, size, fill=0)`: a square of `size` for each image, around its own
#   center. (`fill` is a value that the images' type can hold.)
# - `covered_share(height, width, size)`: the fraction of an image that is covered on average if
#   all pixels are equally likely to be the center.
#
# **Example.** An image of 1x4 with a square of 2 around column 0: columns -1 and 0, so only column
# 0 is covered. Around column 2: columns 1 and 2. On average, $(1 + 2 + 2 + 2) / 4 = 1.75$ of 4
# columns.


# %% nbgrader={"grade": false, "grade_id": "cutout", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cutout(images, centers, size, fill=0):
    """Cover a square of each image.

    Args:
        images: array of shape (batch, height, width, channels).
        centers: integers of shape (batch, 2): row and column of each square's center.
        size: side of the squares in pixels.
        fill: the value that is put there.

    Returns:
        Array of the shape of `images`.
    """
    ### BEGIN SOLUTION
    covered = images.copy()
    for image, (row, column) in zip(covered, centers, strict=True):
        top, left = row - size // 2, column - size // 2
        image[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = fill
    return covered
    ### END SOLUTION


def covered_share(height, width, size):
    """Expected fraction of an image's pixels that are covered.

    Args:
        height, width: of the image in pixels.
        size: side of the square in pixels; it may be larger than the image.

    Returns:
        A number from 0 to 1.
    """
    ### BEGIN SOLUTION
    share = 1.0
    for side in (height, width):
        first = np.arange(side) - size // 2
        share *= np.mean(np.minimum(first + size, side) - np.maximum(first, 0)) / side
    return float(share)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_cutout", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. Cutout", points=2)
question.rules(cutout, covered_share, without=("keras", "tensorflow", "course.regularization"))
row = np.reshape([1, 2, 3, 4, 5, 6, 7, 8], (2, 1, 4, 1))
question.example("at the border, and inside", cutout, row, np.array([[0, 0], [0, 2]]), 2).gives_array(
    np.reshape([0, 2, 3, 4, 5, 0, 0, 8], (2, 1, 4, 1)),
    hint="the center's row less half of the size is the first row; outside, nothing is covered",
)  # fmt: skip
question.example("on average", covered_share, 1, 4, 2).gives_array(
    1.75 / 4 * 1, hint="the mean over all centers; rows and columns are independent"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def by_pixel(images, centers, size, fill):
    """Each pixel by itself."""
    found = images.copy()
    _, height, width, _ = images.shape
    for n, (row, column) in enumerate(centers):
        for i in range(height):
            for j in range(width):
                if 0 <= i - (row - size // 2) < size and 0 <= j - (column - size // 2) < size:
                    found[n, i, j] = fill
    return found


def moved_inside(images, centers, size, fill):
    height, width = images.shape[1:3]
    tops = [(min(max(r - size // 2, 0), max(height - size, 0)), min(max(c - size // 2, 0), max(width - size, 0))) for r, c in centers]  # fmt: skip
    return by_pixel(images, [(t + size // 2, left + size // 2) for t, left in tops], size, fill)


for name, size, fill in (("squares of 3", 3, 0), ("squares of 4, gray", 4, 77)):
    images = draw.integers(1, 70, (6, 6, 9, 2))
    centers = np.stack([draw.integers(6, size=6), draw.integers(9, size=6)], axis=1)
    centers[:3] = [[0, 0], [5, 8], [2, 6]]
    right = by_pixel(images, centers, size, fill)
    known = {
        "squares may be partly outside: then less is covered":
            moved_inside(images, centers, size, fill),
        "each image has a square of its own": by_pixel(images, [centers[0]] * 6, size, fill),
        "the row comes first, then the column": by_pixel(images, centers[:, ::-1], size, fill),
        "the square lies around its center": by_pixel(images, centers + size // 2, size, fill),
        "the rows from r - floor(n / 2) on": by_pixel(images, centers + 1 - size % 2, size, fill),
        "fill is what is put there": by_pixel(images, centers, size, 0),
    }  # fmt: skip
    question.check(name, checks.keeping, cutout, images, centers, size, fill).gives_array(
        right,
        hint="first and last row and column of each square, as far as they are in the image",
        mistakes={
            cause: wrong for cause, wrong in known.items() if not np.array_equal(wrong, right)
        },
    )
images = draw.normal(5, 1, (2, 5, 7, 3))
question.check("larger than the image", cutout, images, np.array([[2, 3], [0, 6]]), 13, share=0.5).gives_array(
    by_pixel(images, [(2, 3), (0, 6)], 13, 0), hint="everything within reach is covered"
)  # fmt: skip
many = int(draw.integers(10, 16))  # more than twice as large as either side
for height, width, size in ((32, 32, 16), (9, 14, 5), (6, 5, 8), (4, 3, many), (5, 7, 1)):
    clipped = []
    for side in (height, width):
        reach = [sum(0 <= i - (c - size // 2) < size for i in range(side)) for c in range(side)]
        clipped.append(np.mean(reach) / side)
    question.check(f"share of {size} in {height}x{width}", covered_share, height, width, size, share=0.5).gives_array(
        clipped[0] * clipped[1],
        tolerance=1e-8,
        hint="the mean number of rows that are covered, times that of columns",
        mistakes={
            "what is cut off at the border does not count":
                min(1.0, size**2 / (height * width)),
            "what is cut off at the border does not count, on any side":
                min(size, height) * min(size, width) / (height * width),
        },
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · mixup
#
# **mixup** (Zhang et al., 2018) trains on weighted means of two images, with the same mean of
# their labels:
#
# $$\tilde x_i = \lambda_i\, x_i + (1 - \lambda_i)\, x_{p(i)}, \qquad \tilde y_i = \lambda_i\, y_i + (1 -
# \lambda_i)\, y_{p(i)},$$
#
# where $p(i)$ is the partner of example $i$, from the same batch, as it was before mixing. In
# training the $\lambda_i$ are drawn from a beta distribution and the partners are a random
# permutation; here both are given.
#
# Write `mixup(images, labels, shares, partners)`, which returns the mixed images and labels.
# `shares` is an array with a $\lambda_i$ for each example, or a single number for all.
#
# **Example.** Two images with the single values 10 and 20, partners $(1, 0)$, $\lambda = 0.75$ for
# both: they become 12.5 and 17.5, and the labels $(0.75, 0.25)$ and $(0.25, 0.75)$.


# %% nbgrader={"grade": false, "grade_id": "mixup", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mixup(images, labels, shares, partners):
    """Mix each example with its partner.

    Args:
        images: array of shape (batch, height, width, channels), integers or floats.
        labels: array of shape (batch, classes).
        shares: weights of the examples themselves, from 0 to 1: an array of shape (batch,), or a
            number.
        partners: integers of shape (batch,): the place of each example's partner.

    Returns:
        (images, labels), arrays of floats of the same shapes.
    """
    ### BEGIN SOLUTION
    share = np.broadcast_to(shares, len(images))
    mixed = []
    for array in (images, labels):
        own = share.reshape(-1, *(1,) * (array.ndim - 1))
        mixed.append(own * array + (1 - own) * array[partners])
    return tuple(mixed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_mixup", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. mixup", points=2)
question.rules(mixup, without=("keras", "tensorflow", "course.regularization"))
two = np.reshape([10, 20], (2, 1, 1, 1))
swapped = np.array([1, 0])
question.example("two images", mixup, two, np.eye(2), 0.75, swapped).gives_arrays(
    [np.reshape([12.5, 17.5], (2, 1, 1, 1)), [[0.75, 0.25], [0.25, 0.75]]],
    hint="the example's own image has the weight lambda, its partner's 1 - lambda",
)
question.example("each its own share", mixup, two, np.eye(2), np.array([1.0, 0.5]), swapped).gives_arrays(
    [np.reshape([10.0, 15.0], (2, 1, 1, 1)), [[1.0, 0.0], [0.5, 0.5]]],
    hint="lambda_i belongs to example i",
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def mixed_by(images, labels, shares, partners, wrong=""):
    """Example by example."""
    x, y = np.zeros(images.shape), np.zeros(labels.shape)
    order = np.argsort(partners) if wrong == "inverse" else partners
    order = np.arange(len(images))[::-1] if wrong == "reversed" else order
    for i, p in enumerate(order):
        a = shares[0] if wrong == "first" else shares[i]
        a = 1 - a if wrong == "turned" else a
        x[i] = a * images[i] + (1 - a) * images[i if wrong == "itself" else p]
        y[i] = a * labels[i] + (1 - a) * labels[i if wrong == "itself" else p]
        if wrong == "in turn":
            images, labels = images.astype("float64"), labels.astype("float64")
            images[i], labels[i] = x[i], y[i]
    if wrong == "labels":
        y = labels
    return [x.astype(images.dtype) if wrong == "whole" else x, y]


causes = {
    "itself": "the partner is another example, partners[i]",
    "labels": "labels are mixed with the same weights as images",
    "turned": "lambda is the weight of an example's own image",
    "first": "lambda_i belongs to example i",
    "inverse": "example i is mixed with p(i), not with the example whose partner it is",
    "reversed": "the partners are given",
    "in turn": "partners are mixed in as they were before mixing",
    "whole": "means of integers are floats",
}
for name, images in (
    ("float images", draw.normal(2, 3, (5, 4, 3, 2))),
    ("integer images", draw.integers(0, 200, (5, 3, 6, 1)).astype("uint8")),
):
    labels = draw.dirichlet(np.ones(3), 5)
    partners, shares = np.array([2, 0, 4, 1, 3]), draw.uniform(0.1, 0.9, 5)
    right = mixed_by(images, labels, shares, partners)
    question.check(name, checks.keeping, mixup, images, labels, shares, partners).gives_arrays(
        right,
        hint="for each example: its own weight, its partner's, for image and label alike",
        mistakes={
            cause: wrong for key, cause in causes.items()
            if not all(map(np.allclose, wrong := mixed_by(images, labels, shares, partners, key), right))
        },
    )  # fmt: skip
partners = np.array([3, 3, 1, 0, 2])
share = float(draw.uniform(0.2, 0.4))
question.check("one share for all", mixup, images, labels, share, partners, share=0.7).gives_arrays(
    mixed_by(images, labels, [share] * 5, partners), hint="shares may be a single number"
)
whole = np.eye(5, dtype="int64")
question.check("hard labels", mixup, images, whole, 0.5, partners, share=0.5).gives_arrays(
    mixed_by(images, whole, [0.5] * 5, partners), hint="two classes with one half each"
)
for share in (0, 1, np.float32(0.25)):
    question.check(f"{share} for all", mixup, images, whole, share, partners, share=0.3).gives_arrays(
        mixed_by(images, whole, [float(share)] * 5, partners),
        hint="a single number may be whole, or one of NumPy's",
    )  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · CutMix
#
# **CutMix** (Yun et al., 2019) pastes a rectangle of the partner into each image, and mixes labels
# by *area*. With $\lambda$, the fraction that is to stay, the rectangle has
#
# $$\text{height} = \big\lfloor H \sqrt{1 - \lambda} \big\rfloor, \qquad \text{width} = \big\lfloor W
# \sqrt{1 - \lambda} \big\rfloor,$$
#
# so it has the image's proportions and about $1 - \lambda$ of its area. It lies around a pixel as
# in question 7 (the first row is the center's row less half of the height, rounded down), and is
# cut off at the border. So it may be smaller than was drawn, and labels are mixed by the area that
# *was* pasted.
#
# Write `cutmix(images, labels, share, partners, center)`, which returns the images, the labels,
# and the fraction of each image that is still its own. All images of the batch get the same
# rectangle; each comes from its own partner, at the same place.
#
# **Example.** Images of 2x4, $\lambda = 0.75$: the rectangle has $\lfloor 2 \cdot 0.5 \rfloor = 1$
# row and $\lfloor 4 \cdot 0.5 \rfloor = 2$ columns. Around row 1 and column 0 it covers row 1 and
# columns -1 and 0, in the image one pixel: each image keeps $7 / 8$, and so does its label.


# %% nbgrader={"grade": false, "grade_id": "cutmix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cutmix(images, labels, share, partners, center):
    """Paste a rectangle of each example's partner into it.

    Args:
        images: array of shape (batch, height, width, channels), integers or floats.
        labels: array of shape (batch, classes).
        share: lambda, the fraction of the area that is to stay, from 0 to 1.
        partners: integers of shape (batch,): the place of each example's partner.
        center: (row, column) of the rectangle's center.

    Returns:
        (images, labels, kept): arrays of the given shapes, and the fraction of the pixels that stayed.
    """
    ### BEGIN SOLUTION
    height, width = images.shape[1:3]
    rows, columns = (int(side * math.sqrt(1 - share)) for side in (height, width))
    top, left = center[0] - rows // 2, center[1] - columns // 2
    pasted = np.zeros((height, width), bool)
    pasted[max(top, 0) : max(top + rows, 0), max(left, 0) : max(left + columns, 0)] = True
    kept = float(1 - pasted.mean())
    mixed = np.where(pasted[:, :, None], images[partners], images)
    return mixed, kept * labels + (1 - kept) * labels[partners], kept
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_cutmix", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. CutMix", points=3)
question.rules(cutmix, without=("keras", "tensorflow", "course.regularization"))
black_white = np.stack([np.zeros((2, 4, 1)), np.ones((2, 4, 1))])
around = [np.zeros((2, 4, 1)), np.ones((2, 4, 1))]
around[0][1, 0], around[1][1, 0] = 1, 0
question.example("at the border", cutmix, black_white, np.eye(2), 0.75, np.array([1, 0]), (1, 0)).gives_arrays(
    [np.stack(around), [[7 / 8, 1 / 8], [1 / 8, 7 / 8]], 7 / 8],
    hint="one row, two columns, of which one lies outside",
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def pasted(images, labels, share, partners, center, wrong=""):
    """Pixel by pixel."""
    _, height, width, _ = images.shape
    side = {"area": 1 - share, "stay": math.sqrt(share)}.get(wrong, math.sqrt(1 - share))
    tall, wide = math.floor(height * side + 1e-12), math.floor(width * side + 1e-12)
    if wrong == "swapped":
        tall, wide = math.floor(width * side), math.floor(height * side)
    if wrong == "square":
        tall = wide = math.floor(min(height, width) * side)
    if wrong == "rounded":
        tall, wide = round(height * side), round(width * side)
    row, column = center[::-1] if wrong == "center" else center
    top, left = row - tall // 2, column - wide // 2
    if wrong == "inside":
        top, left = min(max(top, 0), height - tall), min(max(left, 0), width - wide)
    mixed, count = images.copy(), 0
    for i in range(height):
        for j in range(width):
            if top <= i < top + tall and left <= j < left + wide:
                mixed[:, i, j], count = images[partners, i, j], count + 1
    kept = 1 - count / (height * width)
    if wrong == "drawn":
        kept = share
    if wrong == "cut off":
        kept = 1 - tall * wide / (height * width)
    own = 1 - kept if wrong == "labels" else kept
    mixed_labels = own * labels + (1 - own) * labels[partners]
    return [
        mixed,
        labels if wrong == "hard" else mixed_labels,
        1 - kept if wrong == "pasted" else kept,
    ]


causes = {
    "drawn": "labels are mixed by the area that was pasted, not by the drawn lambda",
    "cut off": "what is cut off at the border was not pasted",
    "swapped": "height and width of the rectangle have the image's proportions",
    "square": "the rectangle has the image's proportions, it is no square",
    "area": "an area of 1 - lambda has sides with its root",
    "stay": "lambda is what is to stay, 1 - lambda is pasted",
    "center": "the row comes first, then the column",
    "inside": "a rectangle that is partly outside is cut off, not moved",
    "rounded": "sides are rounded down",
    "labels": "kept is the weight of an image's own label",
    "hard": "labels are mixed as well",
    "pasted": "the fraction of an image that is still its own, not what was pasted",
}
partners = np.array([1, 3, 0, 2])
for name, center, share, size in (
    ("inside", (4, 6), draw.uniform(0.7, 0.8), (9, 13)),
    ("cut off at the right", (4, 11), draw.uniform(0.4, 0.6), (9, 13)),
    ("cut off at the top", (0, 3), draw.uniform(0.6, 0.75), (12, 7)),
    ("cut off at a corner", (11, 6), draw.uniform(0.3, 0.5), (12, 7)),
):
    images = draw.normal(0, 3, (4, *size, 2))
    labels, share = draw.dirichlet(np.ones(3), 4), float(share)
    while size[0] * math.sqrt(1 - share) % 1 < 0.55 and size[1] * math.sqrt(1 - share) % 1 < 0.55:
        share = 0.3 + 0.995 * (share - 0.3)  # until rounding down is not rounding
    right = pasted(images, labels, share, partners, center)
    known = {}
    for key, cause in causes.items():
        wrong = pasted(images, labels, share, partners, center, key)
        if not all(map(np.allclose, wrong, right)):
            known[cause] = wrong
    question.check(name, checks.keeping, cutmix, images, labels, share, partners, center).gives_arrays(
        right, hint="the rectangle's first row and column, its sides, and what of it is inside",
        mistakes=known,
    )  # fmt: skip
images = draw.integers(0, 255, (4, 6, 8, 3)).astype("uint8")
labels = np.eye(4)
question.check("nothing is pasted", cutmix, images, labels, 1.0, partners, (3, 3), share=0.5).gives_arrays(
    [images, labels, 1.0], hint="with lambda 1 the rectangle is empty"
)  # fmt: skip
hard = labels.astype("int64")
for name, share, center in (
    ("as large as the image, around a corner", 0.0, (0, 7)),
    ("half of it, labels of whole numbers", 0.5, (5, 2)),
):
    question.check(name, cutmix, images, hard, share, partners, center, share=0.5).gives_arrays(
        pasted(images, hard, share, partners, center),
        hint="whatever the rectangle's size: what of it is inside? Mixed labels have fractions",
    )
question.check("all is pasted", cutmix, images, labels, 0.0, partners, (3, 4), share=0.5).gives_arrays(
    [images[partners], labels[partners], 0.0], hint="with lambda 0 the rectangle is the image"
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · New images in every epoch
#
# Augmentation works because the network never sees the same image twice. Write `batches(images,
# labels, epochs, batch_size, augment, rng)`, which returns (or yields) the batches of a whole
# training run, as pairs of images and labels:
#
# - In each epoch, the examples are in a new random order, `rng.permutation(len(images))`, and are
#   cut into batches of `batch_size`; the last one may be smaller, and is used as well.
# - Each batch goes through `augment(images, labels)`, which returns changed images and labels, in
#   each epoch anew. It gets the *original* images.
#
# **Example.** 5 examples, 2 epochs, batches of 2: six batches, of sizes 2, 2, 1, 2, 2, 1, and six
# calls of `augment`.


# %% nbgrader={"grade": false, "grade_id": "batches", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batches(images, labels, epochs, batch_size, augment, rng):
    """The batches of a training run.

    Args:
        images: array of shape (examples, height, width, channels).
        labels: array of shape (examples, classes).
        epochs: how often each example is used.
        batch_size: examples in a batch.
        augment: function of images and labels, which returns both.
        rng: np.random.Generator, for the order alone: `augment` has one of its own.

    Returns:
        List (or generator) of (images, labels), in the order in which they are trained on.
    """
    ### BEGIN SOLUTION
    found = []
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images), batch_size):
            chosen = order[start : start + batch_size]
            found.append(augment(images[chosen], labels[chosen]))
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_batches", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. New images in every epoch", points=2)
question.rules(batches, without=("keras", "tensorflow", "course.regularization"))
five, theirs = np.arange(5.0).reshape(5, 1, 1, 1), np.eye(5)


def sizes_of(count, epochs, batch_size):
    """How many examples each batch has."""
    made = batches(
        five[:count],
        theirs[:count],
        epochs,
        batch_size,
        lambda x, y: (x, y),
        np.random.default_rng(0),
    )
    return [len(labels) for _, labels in made]


question.example("sizes of batches", sizes_of, 5, 2, 2).gives(
    [2, 2, 1, 2, 2, 1], hint="the last batch of an epoch has what is left"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
COUNT, SIZE, EPOCHS = 13, 4, 3  # an example is left over
images = draw.normal(size=(COUNT, 2, 3, 1))
labels = draw.dirichlet(np.ones(3), COUNT)
seed = int(draw.integers(2**31))
seen = []


def marked(x, y):
    """Notes what it gets, and changes it by the number of the call."""
    seen.append((np.array(x), np.array(y)))
    return x + 100 * len(seen), y + 10 * len(seen)


def expected(wrong=""):
    """What is trained on, batch by batch, as one row of numbers for each example."""
    rng, calls, found, now = np.random.default_rng(seed), 0, [], images.copy()
    order = rng.permutation(COUNT)
    for epoch in range(EPOCHS):
        if epoch and wrong != "same order":
            order = rng.permutation(COUNT)
        if wrong == "no order":
            order = np.arange(COUNT)
        for start in range(0, COUNT, SIZE):
            chosen = order[start : start + SIZE]
            if wrong == "last" and len(chosen) < SIZE:
                continue
            calls += 1
            times = 1 if wrong == "once" else calls
            x = now[chosen] + 100 * times
            y = labels[np.arange(start, start + len(chosen)) if wrong == "labels" else chosen]
            y = y if wrong == "old labels" else y + 10 * times
            if wrong == "on top":
                now[chosen] = x
            found.append(np.concatenate([x.reshape(len(x), -1), y], axis=1))
    return np.concatenate(found)


def trained_on():
    """The same of the student's batches."""
    seen.clear()
    made = batches(images, labels, EPOCHS, SIZE, marked, np.random.default_rng(seed))
    rows = [np.concatenate([np.reshape(x, (len(x), -1)), y], axis=1) for x, y in made]
    return np.concatenate(rows)


question.check("all batches of three epochs", trained_on, share=3).gives_array(
    expected(),
    hint="in each epoch a new order; each batch from the original images, through augment",
    mistakes={
        "images are augmented in each epoch anew, batch by batch": expected("once"),
        "augment gets the original images, not those of the last epoch": expected("on top"),
        "each epoch has a new random order": expected("same order"),
        "the examples are in random order": expected("no order"),
        "the last, smaller batch of an epoch is used as well": expected("last"),
        "labels are those of the same examples": expected("labels"),
        "the labels that augment returns are used": expected("old labels"),
    },
)


def number_of_calls():
    """How often augment was called."""
    trained_on()
    return len(seen)


question.check("calls of augment", number_of_calls).gives(
    EPOCHS * math.ceil(COUNT / SIZE), hint="one call for each batch",
    mistakes={"images are augmented in each epoch anew, batch by batch": 1},
)  # fmt: skip


def untouched():
    """Whether images that augment blackens in place are still what they were; how many it got."""
    before = images.copy()

    def blacken(x, y):
        x[...] = 0
        return x, y

    made = list(batches(images, labels, 1, SIZE, blacken, np.random.default_rng(seed)))
    black = [len(x) for x, _ in made if not np.any(x)]
    return bool(np.array_equal(images, before)), sum(black)


question.check("the originals", untouched, share=0.5).gives(
    (True, COUNT), hint="arguments stay unchanged, and augment gets all of them"
)
question.check("sizes that divide", sizes_of, 4, 3, 2, share=0.5).gives(
    [2] * 6, hint="no batch is empty"
)
for name, sizes, right in (
    ("one is left over", (5, 1, 4), [4, 1]),
    ("batches of one", (3, 1, 1), [1, 1, 1]),
    ("fewer than a batch", (3, 2, 8), [3, 3]),
):
    question.check(name, sizes_of, *sizes, share=0.3).gives(
        right, hint="all batches but an epoch's last one have batch_size examples"
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Stopping in time
#
# The validation loss falls, then rises again: from there on the network learns its training images
# by heart. **Early stopping** watches it. An epoch is an *improvement* if its loss is lower than
# that of the last improvement by **more than** `min_delta`; the first epoch always is one. (So a
# loss of NaN never is, except in the first epoch, which then stays the best one.) Training stops after
# `patience` epochs in a row without an improvement, and the weights of the last improvement are
# restored.
#
# - `early_stop(losses, patience, min_delta=0.0)` returns `(best, last)`: the epoch whose weights
#   are restored, and the last epoch that is trained, both counted from 0. If training never stops
#   early, the last one is that of the list.
# - `honest(validation, test)` has the errors of all epochs on the validation and on the test
#   images. It returns two numbers: the test error of the epoch that the *validation* images choose
#   (the lowest error, the first such epoch if there are several), and the lowest of all test
#   errors. Only the first is a result. The second has used the test images to choose the epoch: a
#   leak.
#
# **Example.** Losses 1.0, 0.8, 0.9, 0.8, 0.7 with a patience of 2: epoch 1 is the best, epochs 2
# and 3 are no improvements (0.8 is not *lower*), and training stops after epoch 3: `(1, 3)`. The
# 0.7 is never seen.


# %% nbgrader={"grade": false, "grade_id": "early_stop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def early_stop(losses, patience, min_delta=0.0):
    """The epoch whose weights are kept, and the last one trained.

    Args:
        losses: list of validation losses, one for each epoch, at least one.
        patience: epochs in a row without improvement after which training stops, at least 1.
        min_delta: by how much a loss must be lower to count, at least 0.

    Returns:
        (best epoch, last epoch), two ints.
    """
    ### BEGIN SOLUTION
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - min_delta:
            best = epoch
        elif epoch - best >= patience:
            return best, epoch
    return best, len(losses) - 1
    ### END SOLUTION


def honest(validation, test):
    """What may be reported, and what may not.

    Args:
        validation, test: lists of errors, one for each epoch.

    Returns:
        (test error of the epoch with the lowest validation error, lowest test error).
    """
    ### BEGIN SOLUTION
    return test[int(np.argmin(validation))], min(test)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_early_stop", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Stopping in time", points=3)
question.rules(early_stop, honest, without=("keras", "tensorflow"))
question.example("a patience of 2", early_stop, [1.0, 0.8, 0.9, 0.8, 0.7], 2).gives(
    (1, 3), hint="after which epoch have there been two without an improvement?"
)
question.example("never stopped", early_stop, [3.0, 2.0, 1.0], 2).gives(
    (2, 2), hint="all epochs are trained"
)
question.example("a leak", honest, [0.3, 0.1, 0.2], [0.25, 0.2, 0.15]).gives(
    (0.2, 0.15), hint="the validation images choose epoch 1"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def stopped(losses, patience, min_delta=0.0, wrong=""):
    """By the definition, epoch by epoch."""
    best, bad = 0, 0
    lowest = losses[0]
    for epoch in range(1, len(losses)):
        compared = losses[epoch - 1] if wrong == "before" else lowest
        margin = {"ignored": 0.0, "turned": -min_delta}.get(wrong, min_delta)
        better = (
            losses[epoch] <= compared - margin
            if wrong == "equal"
            else losses[epoch] < compared - margin
        )
        if better:
            best, lowest, bad = epoch, losses[epoch], bad if wrong == "not in a row" else 0
        else:
            bad += 1
        if bad >= patience + (wrong == "late"):
            return best, epoch
    return best, len(losses) - 1


def told(losses, patience, min_delta=0.0):
    """The right pair, and what well-known mistakes give."""
    right = stopped(losses, patience, min_delta)
    causes = {
        "equal": "an equal loss is not lower",
        "ignored": "min_delta: a loss must be lower by more than that",
        "turned": "min_delta makes an improvement harder, not easier",
        "before": "compare with the best one so far, not with the epoch before",
        "late": "after patience epochs without an improvement it stops, not one later",
        "not in a row": "in a row: an improvement starts the count anew",
    }
    wrong = [(cause, stopped(losses, patience, min_delta, key)) for key, cause in causes.items()]
    wrong += [
        ("the weights of the last improvement are restored, not the last ones", (right[1],) * 2),
        ("epochs are counted from 0", (right[0] + 1, right[1] + 1)),
        ("the last epoch that is trained, not the one after it", (right[0], right[1] + 1)),
    ]
    found = {}
    for cause, pair in wrong:  # of causes that give the same, those that come first
        if pair != right and len(found.setdefault(pair, [])) < 2:
            found[pair].append(cause)
    return right, [(cause, pair) for pair, causes in found.items() for cause in causes]


hint = "go through the epochs: improvement or not, and how many in a row without?"
cases = {
    "a rise": ([2.0, 1.5, 1.2, 1.3, 1.4, 1.5, 1.0], 3, 0.0),
    "up and down": ([3.0, 3.2, 2.8, 2.9, 2.7, 2.9, 2.8, 2.75, 2.6], 3, 0.0),
    "falling after a rise": ([2.0, 2.6, 2.4, 2.2, 1.0], 3, 0.0),
    "equal losses": ([1.0, 1.0, 1.0, 1.0, 0.5], 3, 0.0),
    "not in a row": ([5.0, 5.5, 4.0, 4.5, 3.0, 3.5, 2.0, 2.5, 1.0], 2, 0.0),
    "small steps": ([1.0, 0.95, 0.9, 0.85, 0.8, 0.75], 3, 0.12),
    "a margin": ([1.0, 1.05, 0.9, 0.95, 0.85, 0.86, 0.7], 2, 0.08),
    "a patience of 1": ([1.0, 0.9, 0.95, 0.1], 1, 0.0),
    "never stopped, best in the middle": ([1.0, 0.5, 0.6, 0.7], 5, 0.0),
    "one epoch": ([0.7], 2, 0.0),
}
for name, (losses, patience, min_delta) in cases.items():
    scale = float(draw.uniform(0.5, 3))
    losses = [round(scale * loss, 6) for loss in losses]
    arguments = (losses, patience, scale * min_delta)
    right, wrong = told(*arguments)
    question.check(name, checks.keeping, early_stop, *arguments, share=0.5).gives(
        right, hint=hint, mistakes=wrong
    )
for count in (25, 40):
    losses = (2 / np.sqrt(1 + np.arange(count)) + draw.normal(0, 0.15, count)).round(2).tolist()
    right, wrong = told(losses, 6, 0.0)
    question.check(f"{count} epochs", early_stop, losses, 6, share=0.5).gives(
        right, hint=hint, mistakes=wrong
    )
unit = 2.0 ** int(draw.integers(-3, 4))  # so that differences are exact
losses = [unit * loss for loss in (2.0, 1.75, 1.8, 1.9, 1.0)]
right, wrong = told(losses, 3, 0.25 * unit)
question.check("lower by exactly min_delta", early_stop, losses, 3, 0.25 * unit, share=0.5).gives(
    right, hint="by more than min_delta, not by as much", mistakes=wrong
)
nan = math.nan
question.check("NaN", early_stop, [2.0, nan, 1.0, nan, nan, 0.5], 2, share=0.5).gives(
    (2, 4), hint="NaN is never an improvement"
)
question.check("NaN at first", early_stop, [nan, 1.0, 0.5, 0.2], 3, share=0.3).gives(
    (0, 3), hint="no loss is lower than NaN: see the text"
)
epochs = 12
validation = draw.permutation(np.linspace(0.1, 0.4, epochs)).round(4).tolist()
test = draw.permutation(np.linspace(0.15, 0.45, epochs)).round(4).tolist()
chosen = validation.index(min(validation))
if test[chosen] == min(test):
    test = test[1:] + test[:1]
if chosen == epochs - 1:
    validation, chosen = validation[1:] + validation[:1], chosen - 1
    if test[chosen] == min(test):
        test = test[1:] + test[:1]
question.check("what may be reported", checks.keeping, honest, validation, test, share=1.5).gives(
    (test[chosen], min(test)),
    hint="the validation errors choose the epoch, the test error of that epoch is the result",
    mistakes={
        "a leak: the test images chose the epoch": (min(test), min(test)),
        "the epoch that validation chooses, not the last one": (test[-1], min(test)),
        "validation chooses, but its error is not the test error": (min(validation), min(test)),
        "first what may be reported, then the leak": (min(test), test[chosen]),
    },
)
question.check("two epochs alike", honest, [0.3, 0.2, 0.2, 0.4], [0.5, 0.4, 0.3, 0.2], share=0.5).gives(
    (0.4, 0.2), hint="the first of the epochs with the lowest validation error"
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · Ensembles
#
# Several networks, trained with different seeds, make different mistakes. An **ensemble** averages
# their *predictions* (probabilities). By Jensen's inequality its cross-entropy is never larger
# than the mean of its members'; by how much it is smaller says how much they disagree.
#
# - `ensemble(predictions)` returns the mean of the members' probabilities.
# - `gain(predictions, labels)` returns the members' mean cross-entropy less that of the ensemble.
#   The cross-entropy of predictions $p$ is the mean of $-\log p_i[y_i]$ over the examples $i$.
# - `errors(predictions, labels)` returns `(mean, together)`: the mean of the members' errors, and
#   the error of the ensemble. An error is the fraction of examples whose class with the highest
#   probability (there are no ties) is not the label.
#
# **Example.** Two members give $(0.9, 0.1)$ and $(0.3, 0.7)$ for an image of class 0: the ensemble
# gives $(0.6, 0.4)$, and the gain is $-\frac{1}{2} (\log 0.9 + \log 0.3) + \log 0.6 = 0.144$. One
# of two members is wrong, and the ensemble is right: $(0.5, 0.0)$.


# %% nbgrader={"grade": false, "grade_id": "ensemble", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ensemble(predictions):
    """Average the members' predictions.

    Args:
        predictions: array (or list of arrays) of shape (members, examples, classes).

    Returns:
        Array of shape (examples, classes).
    """
    ### BEGIN SOLUTION
    return np.mean(predictions, axis=0)
    ### END SOLUTION


def gain(predictions, labels):
    """By how much an ensemble's cross-entropy is lower than its members' mean.

    Args:
        predictions: as for `ensemble`, all above 0.
        labels: integers of shape (examples,).

    Returns:
        A number.
    """

    ### BEGIN SOLUTION
    def cross_entropy(p):
        return -np.mean(np.log(p[np.arange(len(labels)), labels]))

    members = np.mean([cross_entropy(np.asarray(p)) for p in predictions])
    return float(members - cross_entropy(ensemble(predictions)))
    ### END SOLUTION


def errors(predictions, labels):
    """The members' mean error and the ensemble's; arguments as for `gain`."""

    ### BEGIN SOLUTION
    def error(p):
        return float(np.mean(np.argmax(p, axis=-1) != labels))

    return float(np.mean([error(p) for p in predictions])), error(ensemble(predictions))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ensemble", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Ensembles", points=3)
question.rules(ensemble, gain, errors, without=("keras", "tensorflow", "course.averaging"))
both = np.array([[[0.9, 0.1]], [[0.3, 0.7]]])
question.example("two members", ensemble, both).gives_array(
    [[0.6, 0.4]], hint="the mean over members"
)
question.example("what it gains", gain, both, np.array([0])).gives_array(
    math.log(0.6) - math.log(0.27) / 2, hint="means of -log p of the right class"
)
question.example("errors", errors, both, np.array([0])).gives(
    (0.5, 0.0), hint="one member of two is wrong; the mean of both is right"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def drawn(members, examples, classes):
    return draw.dirichlet(np.full(classes, 0.6), (members, examples)) * 0.98 + 0.02 / classes


def votes(p):
    return np.mean(np.eye(p.shape[-1])[p.argmax(axis=-1)], axis=0)


def by_logs(p):
    g = np.exp(np.log(p).mean(axis=0))
    return g / g.sum(axis=-1, keepdims=True)


p = drawn(5, 7, 4)
question.check("five members", checks.keeping, ensemble, p).gives_array(
    p.mean(axis=0),
    hint="average over the first axis",
    mistakes={
        "that is a vote: probabilities are averaged, not choices": votes(p),
        "that averages logarithms: average the probabilities": by_logs(p),
        "the mean, not the sum": p.sum(axis=0),
        "the mean over members, not over examples": p.mean(axis=1),
    },
)
p, labels = drawn(4, 30, 5), draw.integers(5, size=30)
own = np.take_along_axis(p, labels[None, :, None], axis=2)[:, :, 0]
right = float(np.mean(np.log(own.mean(axis=0))) - np.mean(np.log(own)))
question.check("the gain", checks.keeping, gain, p, labels, share=1.5).gives_array(
    right,
    tolerance=1e-6,
    hint="cross-entropies of each member, their mean, and that of the mean predictions",
    mistakes={
        "by how much it is lower: members less ensemble": -right,
        "the mean of all members, not the best one":
            float(np.mean(np.log(own.mean(axis=0))) - np.log(own).mean(axis=1).max()),
        "the natural logarithm": right / math.log(2),
        "only the right class's probability counts":
            float(np.log(p.mean(axis=0)).mean() - np.log(p).mean()),
    },
)  # fmt: skip
twins = np.stack([p[0]] * 3)


def gain_of_twins():
    """What an ensemble of three equal members gains."""
    return abs(round(float(gain(twins, labels)), 6))


question.check("no gain of twins", gain_of_twins, share=0.4).gives(
    0.0, hint="members that are alike do not disagree"
)
while True:  # until votes and mean probabilities, and all members, have different errors
    p, labels = drawn(3, 40, 4), draw.integers(4, size=40)
    p = 0.55 * p + 0.45 * np.eye(4)[labels] * draw.random((3, 40, 1))
    p = p / p.sum(axis=-1, keepdims=True)
    singles = [float(np.mean(m.argmax(axis=-1) != labels)) for m in p]
    together = float(np.mean(p.mean(axis=0).argmax(axis=-1) != labels))
    voted = float(np.mean(votes(p).argmax(axis=-1) != labels))
    mean = float(np.mean(singles))
    if len({*singles, together, voted, mean}) == 6 and together > 0:
        break
question.check("errors", checks.keeping, errors, p, labels, share=1.5).gives(
    (mean, together),
    hint="the class with the highest probability, for members and for the mean",
    mistakes={
        "that is the error of a vote: average probabilities first": (mean, voted),
        "errors, not accuracies": (1 - mean, 1 - together),
        "first the members' mean error, then the ensemble's": (together, mean),
        "the mean of all members, not the best one": (min(singles), together),
        "the mean of all members, not the first one": (singles[0], together),
    },
)
p, labels = drawn(3, 20, 4), draw.integers(4, size=20)
seen = p * (1 - np.eye(4)[labels])  # the right class gets next to nothing
p = seen / seen.sum(axis=-1, keepdims=True)
p += np.eye(4)[labels] * 10 ** draw.uniform(-9, -5, (3, 20, 1))
own = p[:, np.arange(20), labels]
question.check("tiny probabilities", gain, p, labels, share=0.5).gives_array(
    float(np.mean(np.log(own.mean(axis=0))) - np.mean(np.log(own))),
    tolerance=1e-6,
    hint="logarithms of the probabilities as they are",
)
labels = draw.integers(3, size=12)
sure = np.array([[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.05, 0.9, 0.05]])  # the first class is right
p = np.repeat(sure[:, None], 12, axis=1)
p[:, ::3] = 0.8, 0.1, 0.1
p = np.take_along_axis(p, (np.arange(3) - labels[:, None])[None] % 3, axis=2)
question.check("together worse than alone", errors, p, labels, share=0.5).gives(
    (2 / 9, 2 / 3), hint="the members' mean comes first, whichever is larger"
)
question.check("a list of members", ensemble, list(p), share=0.3).gives_array(
    p.mean(axis=0), hint="a list of arrays is fine as well"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · Averages of weights and of views
#
# Two averages for one network. **Polyak averaging** keeps a moving average $a$ of the weights
# while they are trained, and uses it at the end: it starts at the first weights, and after each
# later step
#
# $$a \leftarrow d\, a + (1 - d)\, w.$$
#
# **Test-time views**: predict for an image and for its mirror image, and average the predictions.
#
# - `polyak(snapshots, decay)`: `snapshots` is a list of the weights at the start and after each
#   step, each of them a list of arrays as `model.get_weights()` gives it; $d$ = `decay`. Returns
#   the list of averages.
# - `views(model, images)`: `model` is a Keras model from images to predictions of shape (batch,
#   classes); `model(images)` predicts. Returns the mean of the predictions for the images and for
#   the images mirrored left to right.
#
# **Example.** One weight that is 4, then 0, then 2, with $d = 0.5$: the average is 4, 2, 2.


# %% nbgrader={"grade": false, "grade_id": "polyak", "locked": false, "schema_version": 3, "solution": true, "task": false}
def polyak(snapshots, decay):
    """A moving average of weights.

    Args:
        snapshots: list of lists of arrays, of the same shapes in each; at least one.
        decay: d, from 0 to 1.

    Returns:
        List of arrays.
    """
    ### BEGIN SOLUTION
    average = snapshots[0]
    for weights in snapshots[1:]:
        average = [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    return average
    ### END SOLUTION


def views(model, images):
    """Predictions averaged over images and their mirror images.

    Args:
        model: a Keras model from images to predictions of shape (batch, classes).
        images: array of shape (batch, height, width, channels).

    Returns:
        Array (or tensor) of shape (batch, classes).
    """
    ### BEGIN SOLUTION
    return (model(images) + model(images[:, :, ::-1])) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_polyak", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. Averages of weights and of views", points=2)
question.rules(polyak, views, without=("course.averaging",))
steps = [[np.array([4.0])], [np.array([0.0])], [np.array([2.0])]]
question.example("three values of a weight", polyak, steps, 0.5).gives_arrays(
    [[2.0]], hint="4, then half of 4 and half of 0, then half of that and half of 2"
)


left_column = keras.Sequential(
    [keras.Input((1, 2, 1)), layers.Flatten(), layers.Dense(1, use_bias=False)]
)
left_column.set_weights([np.array([[1.0], [0.0]])])
question.example("two views", views, left_column, np.reshape([1.0, 9, 5, 3], (2, 1, 2, 1))).gives_array(
    [[5.0], [4.0]], hint="the mirror image's left column is the image's right one"
)  # fmt: skip
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
snapshots = [[draw.normal(size=(2, 3)), draw.normal(size=4)] for _ in range(6)]
decay = float(draw.choice([0.6, 0.7, 0.8, 0.9]))


def averaged(d, start=None):
    """Each array by itself."""
    found = [np.array(w) for w in (start or snapshots[0])]
    for step in snapshots[0 if start else 1 :]:
        found = [d * a + (1 - d) * w for a, w in zip(found, step, strict=True)]
    return found


zeros = [np.zeros((2, 3)), np.zeros(4)]
question.check("six snapshots", checks.keeping, polyak, snapshots, decay, share=2).gives_arrays(
    averaged(decay),
    hint="the average starts as the first weights; then d of it, and 1 - d of the new ones",
    mistakes={
        "d and 1 - d are the other way round": averaged(1 - decay),
        "the average starts at the first weights, not at 0": averaged(decay, zeros),
        "a moving average, not the mean of all": [np.mean(w, axis=0) for w in zip(*snapshots, strict=True)],
        "those are the last weights": snapshots[-1],
    },
)  # fmt: skip
question.check("one snapshot", polyak, snapshots[:1], 0.9, share=0.5).gives_arrays(
    snapshots[0], hint="nothing has come later"
)
question.check("a decay of 0", polyak, snapshots, 0.0, share=0.3).gives_arrays(
    snapshots[-1], hint="nothing is remembered"
)
question.check("a decay of 1", polyak, snapshots, 1.0, share=0.3).gives_arrays(
    snapshots[0], hint="nothing is added"
)
images = draw.normal(size=(5, 4, 6, 2)).astype("float32")
head = [layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]
net = keras.Sequential([keras.Input((4, 6, 2)), *head])
net.set_weights([draw.normal(size=(48, 3)), draw.normal(size=3)])


def predictor(x):
    """What the model gives, as an array."""
    return np.array(net(np.ascontiguousarray(x)))


mirror = images[:, :, ::-1]
question.check("two views", checks.keeping, views, net, images, share=2).gives_array(
    (predictor(images) + predictor(mirror)) / 2,
    tolerance=1e-4,
    hint="which axis is left to right? Average what is predicted",
    mistakes={
        "that is upside down": (predictor(images) + predictor(images[:, ::-1])) / 2,
        "those are the channels": (predictor(images) + predictor(images[..., ::-1])) / 2,
        "those are the examples": (predictor(images) + predictor(images[::-1])) / 2,
        "the mean, not the sum": predictor(images) + predictor(mirror),
        "predictions are averaged, not images": predictor((images + mirror) / 2),
        "the images themselves count as well": predictor(mirror),
    },
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 14 · What a study could have shown
#
# The recorded study `regularizers` trained a network on 1,000 images with each of ten methods,
# with three seeds each (the cell below). In unit 08 you asked whether a difference is real. Now
# ask the other question: how large would a difference have had to be for three seeds to show it?
#
# The difference of two means, $\bar a - \bar b$, has the standard error $\sqrt{v_a + v_b}$ with $v
# = s^2 / n$ and, by Welch, $\nu$ degrees of freedom (unit 08). With $m$ comparisons at a level of
# $\alpha$ together, each has a level of $\alpha / m$, and the **confidence interval** of the
# difference is
#
# $$\bar a - \bar b \;\pm\; t^*\, \sqrt{v_a + v_b}, \qquad t^* = \texttt{stats.t.ppf}\big(1 -
# \tfrac{\alpha}{2 m},\ \nu\big).$$
#
# A difference is shown exactly if 0 is outside. Half of the interval's length says what could have
# been shown.
#
# - `interval(a, b, comparisons=1, alpha=0.05)` returns `(low, high)` for $\bar a - \bar b$.
# - `shown(results, baseline, alpha=0.05)` compares each other method with the baseline (so $m$ is
#   the number of *other* methods), and returns a dict from each other method's name to `"better"`
#   (the whole interval of method less baseline is below 0, as results are errors), `"worse"` (all
#   of it above 0) or `"not shown"`.
# - `seeds_needed(difference, deviation, comparisons=1, alpha=0.05)` returns the smallest number $n
#   \ge 2$ of seeds for each of two methods with which a difference of this size would be shown, if
#   both standard deviations turn out as `deviation`: then $\nu = 2n - 2$, and $t^* \sqrt{2 / n}
#   \cdot \text{deviation}$ must be less than the difference, which is above 0.
#
# **Example.** $a = (6, 7, 8)$ and $b = (8, 10, 12)$: $\nu = 2.941$ and $t^* = 3.218$ for one
# comparison, so the interval is $-3 \pm 4.155$. A difference of 3 with a deviation of 1 needs 3
# seeds: with two, $4.303 \cdot 1 \cdot 1 = 4.3$ is more than 3; with three, $2.776 \cdot 0.816
# \cdot 1 = 2.27$ is less.

# %% nbgrader={"grade": false, "grade_id": "recorded", "locked": true, "schema_version": 3, "solution": false, "task": false}
from course.studies import runs

RECORDED = {}
for _run in runs.load("regularizers"):
    RECORDED.setdefault(_run.variant, []).append(_run.error)
for _name, _errors in RECORDED.items():
    print(f"{_name:18}", ", ".join(f"{error:.1f} %" for error in _errors))


# %% nbgrader={"grade": false, "grade_id": "interval", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interval(a, b, comparisons=1, alpha=0.05):
    """Confidence interval of a difference of means.

    Args:
        a, b: lists of at least two numbers each, which are not all equal in either of them.
        comparisons: how many are made together.
        alpha: level of all of them together.

    Returns:
        (low, high) for the mean of a less the mean of b.
    """
    ### BEGIN SOLUTION
    v_a, v_b = (np.var(values, ddof=1) / len(values) for values in (a, b))
    nu = (v_a + v_b) ** 2 / (v_a**2 / (len(a) - 1) + v_b**2 / (len(b) - 1))
    half = stats.t.ppf(1 - alpha / (2 * comparisons), nu) * math.sqrt(v_a + v_b)
    middle = np.mean(a) - np.mean(b)
    return float(middle - half), float(middle + half)
    ### END SOLUTION


def shown(results, baseline, alpha=0.05):
    """What a study has shown about each method.

    Args:
        results: dict from a method's name to the list of its errors, one for each seed; at least
            two methods.
        baseline: the method that all others are compared with.
        alpha: level of all comparisons together.

    Returns:
        Dict from each other method's name to "better", "worse" or "not shown".
    """
    ### BEGIN SOLUTION
    found = {}
    others = [name for name in results if name != baseline]
    for name in others:
        low, high = interval(results[name], results[baseline], len(others), alpha)
        found[name] = "better" if high < 0 else "worse" if low > 0 else "not shown"
    return found
    ### END SOLUTION


def seeds_needed(difference, deviation, comparisons=1, alpha=0.05):
    """How many seeds show a difference.

    Args:
        difference: of the means, above 0.
        deviation: standard deviation between seeds, above 0.
        comparisons, alpha: as for `interval`.

    Returns:
        An int, at least 2.
    """
    ### BEGIN SOLUTION
    n = 2
    while (
        stats.t.ppf(1 - alpha / (2 * comparisons), 2 * n - 2) * math.sqrt(2 / n) * deviation
        >= difference
    ):
        n += 1
    return n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_interval", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("14. What a study could have shown", points=3)
question.example("one comparison", interval, [6, 7, 8], [8, 10, 12]).gives_array(
    [-7.1554, 1.1554], tolerance=1e-4, hint="nu as in unit 08; t* from stats.t.ppf"
)
three = {"none": [8.0, 8.2, 8.1], "mixup": [6.0, 6.3, 6.2], "cutout": [8.0, 8.4, 8.2]}
question.example("two methods and a baseline", shown, three, "none").gives(
    {"mixup": "better", "cutout": "not shown"}, hint="m is 2 here; the errors of mixup are lower"
)
question.example("how many seeds", seeds_needed, 3.0, 1.0).gives(
    3, hint="try n = 2, 3, ... until the half interval is less than the difference"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def seeds_of(mean, deviation, count):
    return draw.normal(mean, deviation, count).round(3).tolist()


def halves(a, b, m, alpha=0.05, wrong=""):
    """The interval by SciPy's Welch test; or with one thing wrong."""
    if not wrong:
        found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - alpha / m)
        return np.array([found.low, found.high])
    v = [np.var(x, ddof=0 if wrong == "n" else 1) / len(x) for x in (a, b)]
    if wrong == "runs":
        v = [np.var(x, ddof=1) for x in (a, b)]
    nu = sum(v) ** 2 / (v[0] ** 2 / (len(a) - 1) + v[1] ** 2 / (len(b) - 1))
    nu = len(a) + len(b) - 2 if wrong == "student" else nu
    level = {"alone": alpha / 2, "one-sided": alpha / m}.get(wrong, alpha / (2 * m))
    star = stats.norm.isf(level) if wrong == "normal" else stats.t.isf(level, nu)
    error = sum(np.sqrt(v)) if wrong == "added" else math.sqrt(sum(v))
    gap = np.mean(a) - np.mean(b)
    gap = -gap if wrong == "turned" else 0 if wrong == "half" else gap
    return np.array([gap - star * error, gap + star * error])


causes = {
    "normal": "with so few runs, t has heavier tails than a normal distribution",
    "one-sided": "an interval is two-sided: alpha / (2 m) on each side",
    "alone": "with m comparisons each has a level of alpha / m",
    "runs": "the deviations of single runs; the error of a mean is smaller, s^2 / n",
    "n": "the variance is divided by n - 1",
    "student": "those are Student's degrees of freedom, not Welch's",
    "added": "two standard errors do not add up; their squares do",
    "turned": "a comes first: the mean of a less that of b",
    "half": "the interval lies around the difference of the means",
}
for name, m, alpha, extra in (("one comparison", 1, 0.05, ()), ("six comparisons", 6, 0.05, (6,)),
                              ("another level", 3, 0.2, (3, 0.2))):  # fmt: skip
    a, b = seeds_of(8, 0.3, 3), seeds_of(8.6, 1.1, 6)
    right = halves(a, b, m, alpha)
    question.check(name, checks.keeping, interval, a, b, *extra, share=0.7).gives_array(
        right,
        tolerance=1e-6,
        hint="v of both, nu, t*, and then the difference of the means plus and minus",
        mistakes={
            cause: wrong for key, cause in causes.items()
            if not np.allclose(wrong := halves(a, b, m, alpha, key), right)
        },
    )  # fmt: skip


def shifted_to(base, p):
    """Errors above a baseline's with this p."""
    values = np.array(seeds_of(0, 0.3, 5))
    values -= values.mean()
    low, high = 0.0, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        test = stats.ttest_ind(values + np.mean(base) + middle, base, equal_var=False)
        low, high = (middle, high) if test.pvalue > p else (low, middle)
    return (values + np.mean(base) + high).tolist()


base = seeds_of(9, 0.35, 5)
worse = shifted_to(base, 0.0005)
lower = [float(2 * np.mean(base) - value) for value in worse]
study = {
    "worse": worse,
    "just inside": shifted_to(base, 0.05 / 4 * 1.02),
    "base": base,
    "just outside": shifted_to(base, 0.05 / 4 * 0.98),
    "better": lower,
}
verdict_hint = "each interval with m = 4; where does it lie, and where is 0?"
right = {"worse": "worse", "just inside": "not shown", "just outside": "worse", "better": "better"}
for method, cause in (
    ("worse", "results are errors: more is worse"),
    ("better", "results are errors: less is better"),
    ("just inside", "four comparisons: each has a level of alpha / 4"),
    ("just outside", "m is the number of other methods: the baseline is not compared"),
):

    def verdict(method, alpha=0.05):
        """The verdict on one method."""
        return dict(shown(study, "base", alpha))[method]

    question.check(f"a method that is {method}", verdict, method, share=0.5).gives(
        right[method],
        hint=verdict_hint,
        mistakes=[(cause, other) for other in {"better", "worse", "not shown"} - {right[method]}],
    )
question.check("who gets a verdict", checks.keeping, shown, study, "base", share=0.5).gives(
    right, hint="each other method, and not the baseline"
)
question.check("another alpha", verdict, "just inside", 0.052, share=0.5).gives(
    "worse", hint="alpha is an argument"
)
lucky = {"base": seeds_of(9, 0.2, 12), "one good run": [*seeds_of(11, 0.2, 11), 7.0]}
question.check("one good run", shown, lucky, "base", share=0.4).gives(
    {"one good run": "worse"}, hint="means are compared, not the best runs"
)


def smallest(difference, deviation, m=1, alpha=0.05, wrong=""):
    """Try n after n."""
    for n in range(2, 10**4):
        nu = n - 1 if wrong == "nu" else 2 * n - 2
        level = alpha / 2 if wrong == "alone" else alpha / 2 / m
        star = stats.norm.isf(level) if wrong == "normal" else stats.t.isf(level, nu)
        if star * math.sqrt((1 if wrong == "one" else 2) / n) * deviation < difference:
            return n
    raise AssertionError


needed = {
    "nu": "nu is 2n - 2 here: both methods have n seeds",
    "alone": "with m comparisons each has a level of alpha / m",
    "one": "two means have errors, so it is the root of 2 / n",
    "normal": "with so few runs, t has heavier tails than a normal distribution",
}
for name, difference, deviation, extra in (
    ("a large difference", 6.0, 0.7, ()),
    ("as large as the deviation", 1.0, 1.0, (9,)),
    ("a small difference", 0.5, float(draw.uniform(0.8, 1.0)), (5, 0.1)),
    ("a very small difference", 0.25, float(draw.uniform(0.9, 1.1)), (3,)),
):
    right = smallest(difference, deviation, *extra)
    wrong = [(cause, smallest(difference, deviation, *extra, wrong=key) if extra or key != "alone" else 0)
             for key, cause in needed.items()]  # fmt: skip
    wrong += [("that many seeds of each method, not of both together", 2 * right)]
    question.check(
        f"seeds for {name}", seeds_needed, difference, deviation, *extra, share=0.6
    ).gives(
        right,
        hint="the smallest n, from 2 on, for which the half interval is less than the difference",
        mistakes=[(cause, n) for cause, n in wrong if n != right],
    )
question.check("two seeds", seeds_needed, 5.0, 1.0, share=0.3).gives(
    2, hint="two seeds of each can be enough"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Here is what your functions say about the recorded study.

# %% tags=["raises-exception"]
for _name, _verdict in shown(RECORDED, "none").items():
    _low, _high = interval(RECORDED[_name], RECORDED["none"], len(RECORDED) - 1)
    print(f"{_name:18} {_low:+6.1f} to {_high:+6.1f} points: {_verdict}")
_deviation = math.sqrt(np.mean([np.var(_errors, ddof=1) for _errors in RECORDED.values()]))
for _difference in (1, 2, 3, 5):
    _needed = seeds_needed(_difference, _deviation, len(RECORDED) - 1)
    print(f"{_needed} seeds would show a difference of {_difference} points")

# %% [markdown]
# ## 15 · In your own words
#
# A colleague trains a network on 2,000 X-ray images of hands with the label left or right. She
# mirrors half of the images at random, uses dropout before batch normalization with a rate of 0.5,
# an L2 penalty with Adam "which is AdamW", and CutMix with labels mixed by the drawn $\lambda$.
# She trains 200 epochs, takes the epoch with the best test error, and reports 4.1 %. "Without all
# this it was 5.0 %, so regularization helps."
#
# Name at least four things that are wrong, each with the reason and with what you would do
# instead. Then say, with numbers from question 14, what a comparison of two methods on few images
# can show with three seeds, and how you would compare the two here. About twelve sentences. This
# question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A mirror image of a left hand is a right hand: the augmentation turns the label's meaning over
# for half of the images. An augmentation has to keep the label; small rotations, shifts and
# brightness do. (Or the label is exchanged along with the image.)
#
# Dropout before batch normalization: in training, the values that normalization sees have a larger
# variance than at inference, as what is kept is doubled, while the moving statistics remember the
# training variance. So at inference values are scaled wrongly. Put dropout after the last
# normalization, or use what keeps inference as it is in training (a smaller rate, DropBlock,
# stochastic depth), or estimate the statistics again.
#
# An L2 penalty with Adam is not AdamW: the penalty's gradient is divided by the root of the
# squares like any other, so weights with large gradients are hardly decayed, those with small ones
# by a step of about the learning rate. Use AdamW (`weight_decay=`), without biases and
# normalization.
#
# CutMix: the rectangle is cut off at the border, so the pasted area is smaller than drawn (0.32
# instead of 0.5 on average for uniform $\lambda$). The labels must be mixed by the true area. And
# a hand of which half is pasted over may show neither side.
#
# The best epoch by test error is a choice made with the test images, so 4.1 % is too low. Choose
# the epoch on validation images, or train for a fixed number, and look at the test images once.
#
# One run each says nothing about the difference of 0.9 points. In the recorded study (1,000
# images, three seeds, nine comparisons) the intervals are ± ... points, and none of the nine
# differences is shown; for one of ... points ... seeds would be needed. I would take at least ...
# seeds of both, the same budget for tuning both, report the difference with its interval, and say
# "not shown" if 0 is inside. To say *which* method helps I would add them one at a time.
#
# **Marking scheme** (4 points)
#
# - 2: four of the five mistakes (mirrored hands, dropout before BN, L2 is not AdamW, CutMix's
#   labels, choice on the test set), half a point each, only with reason *and* remedy. A fifth one
#   makes up for one that is missing.
# - 1: one run each shows nothing; several seeds, the same procedure for both, an interval or a
#   test; "not shown" is not "equal".
# - 1: numbers from question 14 (an interval or a number of seeds), interpreted correctly, with the
#   number of comparisons. No point for numbers without interpretation.
# ### END SOLUTION

# %% [markdown]
# No method here knows anything about your images, except augmentation: there, you say what does
# not matter. Before you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then follow
# *hand in* on the start page (`START.md`), or run `course submit 10_regularization` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
