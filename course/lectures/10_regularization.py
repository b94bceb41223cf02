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
# A network that has seen few images can learn them by heart. **Regularization** is whatever makes
# it do better on images that it has not seen. This lecture takes a small network and 100
# handwritten digits, and
#
# 1. watches it **overfit**, and asks when to stop without a leak,
# 2. **shrinks** weights, and shows that an L2 penalty is not always weight decay,
# 3. **drops** values, maps, squares and whole blocks, and asks what their neighbors give away,
# 4. **softens** labels,
# 5. **covers, mixes and pastes** images,
# 6. **augments**, which teaches an invariance, the right one or a wrong one,
# 7. **averages** networks, weights and views,
# 8. reads the papers' tables and a recorded study: what has been **shown**?
#
# Code that only measures or draws is folded: click on it to read it. Where a table says "five
# seeds", they were recorded in advance by this very notebook; what the cells assert held for each
# of them. The assignment is [10_regularization](../10_regularization/10_regularization.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers
from scipy import stats

from course import datasets
from course.regularization import DropBlock2D, augmentations, linear_decay
from course.regularization.geometric import rotate, turned
from course.regularization.regions import cutmix_sides, rectangles
from course.studies import runs
from course.training import seeds
from course.visualization import plots
from course.visualization.display import show, table

SEED = 1
before, numbers = seeds.load("10_regularization"), {}  # with five seeds, and in this run
IMAGES, CLASSES = datasets.load_arrays("digits", "train")
SMALL, SMALL_LABELS = IMAGES[:100], np.eye(10, dtype="float32")[CLASSES[:100]]
VALID, VALID_CLASSES = IMAGES[600:1050], CLASSES[600:1050]
TEST, TEST_CLASSES = IMAGES[1050:], CLASSES[1050:]


def beside_seeds(found, times=1):
    """Rows of a table: each number of this run, and from where to where it is with five seeds."""
    found = {name: times * value for name, value in found.items()}
    numbers.update({name: float(value) for name, value in found.items()})
    return [(name, seeds.text(value), seeds.span(before[name])) for name, value in found.items()]


# %% [markdown]
# ## 1 · Learned by heart
#
# The network has two convolutions of 32 filters and a dense layer: about 15,000 weights for 100
# images of 8x8 pixels. It is trained with Adam and batches of 32, for 600 steps, with nothing that
# regularizes.
#
# **Guess first.** Ten classes, ten images of each. What will the training error be, and what the
# error on 450 digits that it has not seen?

# %%
inputs = keras.Input((8, 8, 1))
hidden = layers.Rescaling(1 / 255)(inputs)
hidden = layers.Conv2D(32, 3, padding="same", activation="relu")(hidden)
hidden = layers.Conv2D(32, 3, 2, padding="same", activation="relu")(hidden)
NET = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(hidden)))
OPTIMIZER = keras.optimizers.Adam(0.003)
OPTIMIZER.build(NET.trainable_variables)


@tf.function(autograph=False)
def step(images, labels):
    """One step with labels that may be mixed: a probability for each class."""
    with tf.GradientTape() as tape:
        loss = tf.nn.softmax_cross_entropy_with_logits(labels, NET(images, training=True))
        loss = tf.reduce_mean(loss)
    gradients = tape.gradient(loss, [weight.value for weight in NET.trainable_variables])
    OPTIMIZER.apply(gradients, NET.trainable_variables)


def fit(seed, change=None, steps=400, every=0):
    """Train anew on 100 digits, each batch changed anew; return the weights every so many steps."""
    rng, snapshots = np.random.default_rng(seed), []
    for weight in NET.trainable_variables:
        *window, last = weight.shape
        limit = math.sqrt(6 / (np.prod(window) + np.prod(window[:-1]) * last)) if window else 0
        weight.assign(limit * rng.uniform(-1, 1, weight.shape))
    for variable in OPTIMIZER.variables:
        if "learning_rate" not in variable.path:
            variable.assign(tf.zeros_like(variable))
    for number in range(1, steps + 1):
        chosen = rng.integers(len(SMALL), size=32)
        images, labels = SMALL[chosen], SMALL_LABELS[chosen]
        if change:
            images, labels = change(images, labels, rng)
        step(tf.constant(images, "float32"), tf.constant(labels, "float32"))
        if every and number % every == 0:
            snapshots.append([weight.numpy() for weight in NET.trainable_variables])
    return snapshots


def predict(images=TEST):
    """Probabilities of the ten classes."""
    return tf.nn.softmax(NET(tf.constant(images, "float32"))).numpy()


def error(predictions, classes=TEST_CLASSES):
    """The fraction whose most probable class is wrong."""
    return float(np.mean(predictions.argmax(axis=-1) != classes))


# %% tags=["hide-input"]
def with_weights(weights):
    """Put weights into the network."""
    for variable, value in zip(NET.trainable_variables, weights, strict=True):
        variable.assign(value)


snapshots = fit(SEED, steps=600, every=20)
course_of = {"training": [], "validation": [], "test": []}
for weights in snapshots:
    with_weights(weights)
    course_of["training"].append(error(predict(SMALL), CLASSES[:100]))
    course_of["validation"].append(error(predict(VALID), VALID_CLASSES))
    course_of["test"].append(error(predict()))
last = {name: values[-1] for name, values in course_of.items()}
assert last["training"] == 0 and last["test"] > 0.06 and last["validation"] > 0.06
ends = ", ".join(f"{name} {100 * value:.1f} %" for name, value in last.items())
show(plots.curves(
    range(20, 601, 20), {name: 100 * np.array(v) for name, v in course_of.items()},
    f"Errors in percent on training, validation and test images, 600 steps. At the end: {ends}.",
    x_label="steps", y_label="error in %",
), "A network that learns 100 digits by heart, and others less well.")  # fmt: skip

# %% [markdown]
# The training error is 0: there is nothing left to learn *from these images*. What is lacking is
# not optimization, but information about all other images. So every method below either takes away
# room (weights, values, paths), or adds what is known about images (augmentation), or averages.
#
# **Stopping in time** is the cheapest of all. The validation images choose the epoch, and the test
# images say what that is worth. If the test images choose, their error is no longer an estimate:
# of thirty noisy numbers, the smallest one is too small.

# %% tags=["hide-input"]
chosen = int(np.argmin(course_of["validation"]))
reported, leaked = course_of["test"][chosen], min(course_of["test"])
assert leaked <= reported
table(("test error in %", "this run", "five seeds"), beside_seeds({
    "of the last step": last["test"],
    "of the step that the validation images choose": reported,
    "of the best step by test error (a leak)": leaked,
}, 100))  # fmt: skip

# %% [markdown]
# The leak can never look worse than the honest number, whatever the images: it is a minimum over
# the same list. Use it to compare thirty regularizers, and the one with the most epochs to choose
# from wins.
#
# ## 2 · Smaller weights
#
# An L2 penalty of $\frac{\lambda}{2} \lVert w \rVert^2$ adds $\lambda w$ to the gradient: it is
# *coupled* to whatever the optimizer does with gradients. **Weight decay** multiplies weights by
# $1 - \eta \lambda$ in each step, *decoupled* from the gradient ($\eta$ is the learning rate).
# Loshchilov and Hutter (2019) showed that only for plain gradient descent are the two alike.
# AlexNet's update (Krizhevsky et al., 2012) is coupled, with the decay inside the velocity;
# `weight_decay=` in Keras is decoupled, in all optimizers.
#
# **Guess first.** Two weights start at 1. The gradient of the first is noise with a deviation of
# 0.01, that of the second noise with a deviation of 4, and both are on average 0. After 300 steps
# with $\eta = 0.01$ and $\lambda = 0.1$, which of them is smaller: with L2 and with weight decay?


# %% tags=["hide-input"]
def decayed(name, coupled, noise, steps=300, rate=0.01, decay=0.1, copies=40_000):
    """The mean of weights that start at 1 after steps with noisy gradients."""
    rng, weights = np.random.default_rng(SEED), np.ones(copies)
    velocity = first = second = np.zeros(copies)
    for number in range(1, steps + 1):
        gradient = noise * rng.normal(size=copies) + coupled * decay * weights
        if not coupled:
            weights = weights * (1 - rate * decay)
        if name == "Adam":
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            size = rate * math.sqrt(1 - 0.999**number) / (1 - 0.9**number)
            weights = weights - size * first / (np.sqrt(second) + 1e-7)
        else:
            velocity = (0.9 if "momentum" in name else 0) * velocity - rate * gradient
            weights = weights + velocity
    return float(weights.mean())


left = {
    (name, coupled): [decayed(name, coupled, noise) for noise in (0.01, 4.0)]
    for name in ("SGD", "SGD, momentum 0.9", "Adam") for coupled in (True, False)
}  # fmt: skip
assert np.isclose(left["SGD", True][0], left["SGD", False][0], atol=0.01)
assert left["SGD, momentum 0.9", True][0] < 0.1 < 0.7 < left["SGD, momentum 0.9", False][0]
assert left["Adam", True][0] < 0.2 and left["Adam", True][1] > 0.85
assert all(0.7 < value < 0.8 for value in left["Adam", False])
table(("optimizer", "how", "small gradients", "large gradients"), [
    (name, "L2 (coupled)" if coupled else "weight decay", *values)
    for (name, coupled), values in left.items()
])  # fmt: skip

# %% [markdown]
# The mean of 40,000 weights each, after 300 steps. With SGD both methods leave about 0.74 of a
# weight. With momentum, L2 shrinks *ten times* as much in the long run: the velocity sums up ten
# of its gradients, as it does with any other. Who takes over AlexNet's $5 \cdot 10^{-4}$ as Keras'
# `weight_decay` with a momentum of 0.9 decays ten times too little. With Adam, the penalty's
# gradient is divided by the root of the squared gradients: weights with large gradients are hardly
# decayed, and those with small ones lose everything. That is why AdamW exists.
#
# Kernels are decayed; biases, $\beta$ and $\gamma$ usually are not. And with **batch
# normalization** after a convolution, the kernel's size does not even matter to the function:

# %%
x = tf.random.stateless_normal((16, 6, 6, 3), (SEED, 0))
convolution, normalize = (
    layers.Conv2D(4, 3, use_bias=False),
    layers.BatchNormalization(epsilon=1e-9),
)
y = normalize(convolution(x), training=True)
convolution.kernel.assign(10 * convolution.kernel)
assert np.allclose(y, normalize(convolution(x), training=True), atol=1e-3)
print("ten times the kernel, the same output")

# %% [markdown]
# So decay acts there through the *learning rate*: a smaller kernel gets relatively larger steps.
# Batch normalization regularizes by itself (its statistics are noisy), and networks with it get
# along with less dropout and less decay; a little decay still helps.
#
# ## 3 · Dropped values
#
# **Dropout** (Srivastava et al., 2014) sets random values to 0 in training, and divides the others
# by $1 - \text{rate}$. In AlexNet's two large dense layers, with a rate of 0.5, it was needed
# against overfitting, and roughly doubled the number of iterations until convergence (Krizhevsky
# et al., 2012). On *images* it is weak. Why?
#
# **Guess first.** Half of the pixels are gone. What fraction of their variance can be guessed from
# what is left around them? And if as many are gone in squares of 8x8?


# %% tags=["hide-input"]
def guessed(image, gone, rounds=60):
    """Fill what is gone from its neighbors: the mean of the four, again and again."""
    filled = np.where(gone, image[~gone].mean(), image)
    for _ in range(rounds):
        wide = np.pad(filled, 1, mode="edge")
        around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
        filled = np.where(gone, around / 4, image)
    return filled


pictures = datasets.load_arrays("course_shapes", "test[:40]")[0].mean(axis=-1) / 255
rng = np.random.default_rng(SEED)
masks = {}
for side in (1, 2, 4, 8):
    coarse = rng.random((40, 32 // side, 32 // side)) < 0.5
    masks[side] = coarse.repeat(side, axis=1).repeat(side, axis=2)
explained = {}
for side, gone in masks.items():
    pairs = [(p[g], guessed(p, g)[g], p[~g].mean()) for p, g in zip(pictures, gone, strict=True)]
    left_over = sum(((true - guess) ** 2).sum() for true, guess, _ in pairs)
    explained[side] = 1 - left_over / sum(((true - mean) ** 2).sum() for true, _, mean in pairs)
assert explained[1] > explained[8] + 0.2
example, gone = pictures[3], {side: masks[side][3] for side in (1, 8)}
show(plots.pictures(
    [example, np.where(gone[1], 0.5, example), guessed(example, gone[1]),
     np.where(gone[8], 0.5, example), guessed(example, gone[8])],
    ["image", "half of the pixels", "guessed", "half in squares", "guessed"],
    "A drawn shape; with half of its pixels gray, and filled in from their neighbors, nearly the "
    "same picture; with half of it gone in squares of 8x8, and filled in, blurred patches.",
), "Gray: dropped. What is dropped pixel by pixel can be guessed from its neighbors.")  # fmt: skip

# %% tags=["hide-input"]
table(("squares of", "fraction of the variance that can be guessed", "five seeds"), [
    (f"{side}x{side}", value, seeds.span(before[f"guessed: {side}"]))
    for side, value in explained.items()
    if numbers.update({f"guessed: {side}": float(value)}) is None
])  # fmt: skip

# %% [markdown]
# A single dropped pixel tells its neighbors nothing that they do not know. So drop what can *not*
# be guessed:
#
# - **Spatial dropout** (Tompson et al., 2015): a whole feature map of an example. (In wide
#   residual blocks, lecture 08, plain dropout sits between the convolutions.)
# - **DropBlock** (Ghiasi et al., 2018): squares of $b \times b$ values. With $b = 1$ it is
#   dropout, with $b$ as large as the map spatial dropout.
# - **Stochastic depth** (Huang et al., 2016): the whole branch of a residual block, for an example
#   or for a batch.
#
# DropBlock draws corners with probability $\gamma = \frac{\text{rate}}{b^2} \cdot \frac{h w}{(h -
# b + 1)(w - b + 1)}$, only where a square fits. Squares overlap, so a little less than the rate is
# dropped, unless only one fits; what is kept is therefore scaled by what *was* kept.

# %% tags=["hide-input"]
rows = []
for side in (28, 14, 7):
    for block in (3, 7):
        chance = 0.1 / block**2 * side**2 / (side - block + 1) ** 2
        layer = DropBlock2D(0.1, block, seed=SEED)
        ones = np.ones((400 if side < 28 else 60, side, side, 4), "float32")
        dropped = float(np.mean(np.array(layer(ones, training=True)) == 0))
        assert 0.05 < dropped < 0.11
        rows.append((f"{side}x{side}", block, f"{chance:.5f}", f"{100 * dropped:.1f} %"))
assert (rows[1][2], rows[3][2], rows[5][2]) == ("0.00331", "0.00625", "0.10000")
table(("map", "square", "gamma for a rate of 0.1", "really dropped"), rows)

# %% [markdown]
# Each channel has squares of its own. (NPFL138 says that one mask for all channels works best; the
# paper found the opposite.) And the rate grows in *time*, from 0 at the start to its full value:
# with the full rate from the first step, training suffers. A rate that grows with *depth* is
# stochastic depth's.
#
# **Stochastic depth** drops block $l$ of $L$ with probability $\frac{l}{L}(1 - p_L)$ ([lecture
# 08](08_residual_ablations.ipynb), section 6). Is the linear rule better than the same rate for
# all? Compare at equal *mean* depth: $p_L = 0.5$ in 54 blocks keeps 40.25 of them on average, so
# does a uniform 0.745.

# %% tags=["hide-input"]
linear = 1 - np.array(linear_decay(0.5, 54))
uniform = np.full(54, linear.mean())
assert np.isclose(linear.sum(), 40.25) and np.isclose(uniform[0], 0.745, atol=5e-4)
spread = {"linear, 1 to 0.5": linear, "uniform": uniform}
rows = [
    (name, f"{p.sum():.2f}", f"{math.sqrt((p * (1 - p)).sum()):.2f}", f"{p[0]:.3f}",
     f"{p[:9].prod():.3f}")
    for name, p in spread.items()
]  # fmt: skip
assert 9 < linear[:9].prod() / uniform[:9].prod() < 9.5
table(("rule", "mean depth", "deviation", "first block survives", "first nine all survive"), rows)

# %% [markdown]
# Both are as deep on average and vary about as much; they differ in *which* blocks are missing.
# With the linear rule the first nine, on which all others build, are all there nine times as
# often. To keep the mean, the paper multiplies a branch by its survival probability at inference;
# dividing it in training does the same. In the paper linear and 0.5 were robust choices: its curves
# for 110 layers end at a test error of 5.23 % on CIFAR-10, instead of 6.41 % with all blocks, and
# at 24.58 % on CIFAR-100. And its heat map of errors by depth and $p_L$ says that the best $p_L$
# falls with depth: a shallow network needs nearly all of its blocks. One draw for the *batch* saves
# the time of a dropped block; one for each *example*, as in `course.regularization.drop_path`,
# saves nothing but gives gradients with less variance:

# %% tags=["hide-input"]
rng = np.random.default_rng(SEED)
each = (rng.random((2000, 32, 54)) < linear).mean(axis=1).sum(axis=1)
whole = (rng.random((2000, 54)) < linear).sum(axis=1)
assert np.isclose(each.mean(), 40.25, atol=0.3) and np.isclose(whole.mean(), 40.25, atol=0.4)
assert whole.std() > 4 * each.std()
table(("draws", "mean depth of a batch of 32", "deviation from batch to batch"), [
    ("one for each example", f"{each.mean():.1f}", f"{each.std():.2f}"),
    ("one for the batch", f"{whole.mean():.1f}", f"{whole.std():.2f}"),
])  # fmt: skip

# %% [markdown]
# **Before batch normalization** dropout does harm of its own (Li et al., 2019). Scaling keeps the
# mean, not the variance: in training normalization sees a larger variance than at inference.

# %%
values = np.maximum(np.random.default_rng(SEED).normal(size=200_000), 0)  # after a ReLU
kept = np.random.default_rng(SEED + 1).random(values.shape) >= 0.5
in_training = np.where(kept, values / 0.5, 0)
print(
    f"mean {in_training.mean():.2f} and {values.mean():.2f}, "
    f"variance {in_training.var():.2f} and {values.var():.2f}"
)
assert np.isclose(in_training.mean(), values.mean(), atol=0.02)
assert in_training.var() > 2.2 * values.var()

# %% [markdown]
# ## 4 · Softer labels
#
# Cross-entropy with a hard label falls as long as the logits grow. **Label smoothing** (Szegedy et
# al., 2016) trains with $(1 - \varepsilon)\, y + \varepsilon / K$: for ten classes and
# $\varepsilon = 0.1$, 0.91 for the right class and 0.01 for each other one. That loss is smallest
# at a *finite* gap between the right logit and the others, $\log \frac{0.91}{0.01} = 4.51$.
#
# **Guess first.** How large is the gap without smoothing, after 400 steps?

# %% tags=["hide-input"]
CHANGES = {
    "nothing": None,
    "smoothing": lambda x, y, rng: (x, 0.9 * y + 0.01),
    "mixup": lambda x, y, rng: augmentations.mixup(x, y, rng, 1.0),
    "CutMix": lambda x, y, rng: augmentations.cutmix(x, y, rng, 1.0),
    "mirrored": augmentations.flip,
    "rotated": lambda x, y, rng: rotate(x, y, rng, 40, 0),
}
ANGLES = (-40, -20, 0, 20, 40)


def shifted(x, y, rng):
    """Moved by up to a pixel in each direction."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = rng.integers(0, 3, (len(x), 2))
    return np.stack([w[a : a + 8, b : b + 8] for w, (a, b) in zip(wide, places, strict=True)]), y


CHANGES["shifted"] = shifted
TURNED = {angle: turned(TEST, np.full(len(TEST), angle), 0) for angle in ANGLES}
between = (SMALL[:50].astype("float32") + SMALL[50:]) / 2
kept_of = {}
for name, change in CHANGES.items():
    fit(SEED, change)
    logits = NET(tf.constant(TEST, "float32")).numpy()
    others = (logits.sum(axis=1) - logits.max(axis=1)) / 9
    kept_of[name] = {
        "predictions": predict(), "training error": error(predict(SMALL), CLASSES[:100]),
        "gap": float(np.mean(logits.max(axis=1) - others)),
        "confidence": float(predict().max(axis=1).mean()),
        "between": float(predict(between).max(axis=1).mean()),
        "by angle": [error(predict(images)) for images in TURNED.values()],
        "mirrored": error(predict(TEST[:, :, ::-1])),
    }  # fmt: skip
gaps = {name: kept_of[name]["gap"] for name in ("nothing", "smoothing")}
assert gaps["nothing"] > 9 > 5 > gaps["smoothing"]
right = {name: 1 - error(kept_of[name]["predictions"]) for name in gaps}
assert kept_of["nothing"]["confidence"] > right["nothing"] + 0.02
assert kept_of["smoothing"]["confidence"] < right["smoothing"] - 0.1
table(("", "this run", "five seeds"), beside_seeds({
    "gap between the largest logit and the others": gaps["nothing"],
    "the gap with smoothing": gaps["smoothing"],
    "mean confidence": kept_of["nothing"]["confidence"],
    "accuracy": right["nothing"],
    "mean confidence with smoothing": kept_of["smoothing"]["confidence"],
    "accuracy with smoothing": right["smoothing"],
}))  # fmt: skip

# %% [markdown]
# Smoothing is cheap, and goes together with everything else. It keeps the logits small. Without it
# the network is more confident than it is right, with it far *less*: the confidence is near what
# was asked for, not near the accuracy. Smoothing is for the training loss alone; an evaluation
# with smoothed labels measures something else. ("Always helps", says NPFL138. In our recorded runs
# of section 8 its difference from nothing is not shown.)
#
# ## 5 · Covered, mixed and pasted
#
# **Cutout** (DeVries and Taylor, 2017) covers a square of each image, at a new place each time,
# with the mean color (0 after normalization). The center may be any pixel, so a part of the square
# may be outside. How much is covered of 32x32 pixels, really?


# %% tags=["hide-input"]
def covered(size, side=32):
    """The mean fraction of an image under a square whose center is any pixel."""
    first = np.arange(side) - size // 2
    return (np.mean(np.minimum(first + size, side) - np.maximum(first, 0)) / side) ** 2


assert np.isclose(covered(16), (14 / 32) ** 2)
table(("side of the square", "nominal area", "covered on average"), [
    (size, f"{100 * (size / 32) ** 2:.1f} %", f"{100 * covered(size):.1f} %")
    for size in (8, 12, 16, 20, 24)
])  # fmt: skip

# %% [markdown]
# The paper's best side was 16 for CIFAR-10 and 8 for CIFAR-100: with more classes, less may be
# hidden before too little is left to tell them apart.
#
# **mixup** (Zhang et al., 2018) trains on $\lambda x_i + (1 - \lambda) x_j$ with the label
# $\lambda y_i + (1 - \lambda) y_j$. **CutMix** (Yun et al., 2019) pastes a rectangle of $x_j$ into
# $x_i$, and mixes labels by area. Here a batch has one $\lambda$, as in the authors' codes; in the
# mixup paper's equations, and in Keras' layers, each example has its own.

# %% tags=["hide-input"]
shapes, names = datasets.load_arrays("course_shapes", "test[:8]")
rng, soft = np.random.default_rng(SEED + 4), np.eye(10, dtype="float32")[names]
views = {
    "cutout": augmentations.cutout(shapes, soft, rng, 16.0)[0],
    "mixup": augmentations.mixup(shapes, soft, np.random.default_rng(3), 1.0)[0],
    "CutMix": augmentations.cutmix(shapes, soft, np.random.default_rng(5), 1.0)[0],
}
show(plots.pictures(
    [shapes[0] / 255, *(changed[0] / 255 for changed in views.values())],
    ["image", "cutout", "mixup", "CutMix"],
    "A drawn shape; the same with a gray square over a part of it; blended with another shape; and "
    "with a rectangle of another shape pasted into it.",
), "An image as cutout, mixup and CutMix change it.")  # fmt: skip

# %% [markdown]
# **Guess first.** CutMix draws $\lambda$ uniformly, so half of the image should be pasted on
# average. How much is it?

# %% tags=["hide-input"]
rng = np.random.default_rng(SEED)
drawn = rng.random((20_000, 1))
pasted = rectangles(np, (32, 32), rng.random((20_000, 2)), cutmix_sides(np, (32, 32), drawn))
area = float(pasted.mean())
assert 0.29 < area < 0.33
print(f"drawn to be pasted: {1 - drawn.mean():.2f}; pasted: {area:.3f}")

# %% [markdown]
# About 0.3 (with sides in whole pixels; 0.32 for fine pixels): what lies outside is cut off, so
# labels have to be mixed by the area that *was* pasted.
#
# What does mixup do to the function? Between two training images, halfway, it asks for two classes
# at one half each:

# %% tags=["hide-input"]
halfway = {name: kept_of[name]["between"] for name in ("nothing", "mixup")}
assert halfway["nothing"] > halfway["mixup"] + 0.08
table(("largest probability halfway between two images", "this run", "five seeds"), beside_seeds({
    "trained as it is": halfway["nothing"], "trained with mixup": halfway["mixup"],
}))  # fmt: skip

# %% [markdown]
# A network that was trained as usual has made up its mind halfway; with mixup it changes over
# gradually.
#
# **More than two images?** Nothing forbids it. But the mean of $k$ images with equal weights has
# contrast that falls like $1 / \sqrt k$, and all of them look alike:

# %%
rng = np.random.default_rng(SEED)
contrast = {}
for k in (1, 2, 4, 8):
    groups = np.stack([IMAGES[rng.permutation(1500)[:256]] / 255 for _ in range(k)])
    contrast[k] = float(groups.mean(axis=0).std(axis=0).mean())
print({k: round(value / contrast[1], 2) for k, value in contrast.items()})
assert all(np.isclose(contrast[k] / contrast[1], k**-0.5, atol=0.05) for k in contrast)

# %% [markdown]
# **Inside the network?** Manifold mixup (Verma et al., 2019) mixes the values of a random layer
# instead of pixels. At the very end nothing new is asked: the last layer is linear, and the logits
# of a mixture are the mixture of the logits. The later the layer, the less is left to learn:

# %%
body = keras.Model(inputs, hidden)
a, b = (body(tf.constant(part, "float32")) for part in (SMALL[:50], SMALL[50:]))
head = keras.Sequential(NET.layers[-2:])
assert np.allclose(head((a + b) / 2), (head(a) + head(b)) / 2, atol=1e-3)
bent = np.abs(NET(tf.constant(between)) - (head(a) + head(b)) / 2).mean() / np.abs(head(a)).mean()
print(f"mixed pixels: logits differ from mixed logits by {100 * bent:.0f} % of their size")
assert bent > 0.05

# %% [markdown]
# ## 6 · Augmentation: an invariance is taught
#
# A convolution is equivariant to shifts by construction ([lecture 01](01_convolution.ipynb));
# nothing is built in for rotation, size or light. **Augmentation** teaches it, by examples: the
# label stays when the image is turned. AlexNet used crops, mirror images and color noise along the
# principal components of RGB (a gain of one point). VGG did the same, with crops of 224x224 from
# images whose shorter side was resized to a random length from 256 to 512. GoogLeNet took crops of
# 8 to 100 % of the area, with proportions from 3:4 to 4:3. Color jitter and other photometric
# changes are of the same kind. The rotations here go up to 40 degrees to either side.
#
# **Guess first.** Trained on upright digits only, what is the error at 20 degrees? And does a
# mirror image make a good augmentation for digits?

# %% tags=["hide-input"]
curves = {
    name: 100 * np.array(kept_of[key]["by angle"])
    for name, key in (("trained upright", "nothing"), ("trained with rotations", "rotated"))
}
lower = curves["trained upright"] - curves["trained with rotations"]
away = lower[[0, 1, 3, 4]]
assert away.mean() > 15 and away.min() > 0
ends = "; ".join(
    f"{name}: {', '.join(f'{v:.0f}' for v in values)}" for name, values in curves.items()
)
show(plots.curves(
    ANGLES, curves, f"Test error in percent for digits turned by -40 to 40 degrees. {ends}.",
    x_label="degrees", y_label="error in %", ylim=(0, 100),
), "What a network makes of turned digits, and what rotations in training teach it.")  # fmt: skip

# %% tags=["hide-input"]
upright = {name: kept_of[name]["by angle"][2] for name in CHANGES}
assert upright["shifted"] < upright["nothing"] - 0.015
assert min(upright["rotated"], upright["mirrored"]) > upright["nothing"] + 0.005
assert kept_of["mirrored"]["mirrored"] < kept_of["nothing"]["mirrored"] - 0.2
table(("test error in %", "this run", "five seeds"), beside_seeds({
    "upright digits, no augmentation": upright["nothing"],
    "upright digits, trained with shifts": upright["shifted"],
    "upright digits, trained with rotations": upright["rotated"],
    "upright digits, trained with mirror images": upright["mirrored"],
    "mirrored digits, no augmentation": kept_of["nothing"]["mirrored"],
    "mirrored digits, trained with mirror images": kept_of["mirrored"]["mirrored"],
    "digits at 20 degrees, no augmentation": kept_of["nothing"]["by angle"][3],
    "digits at 20 degrees, trained with rotations": kept_of["rotated"]["by angle"][3],
}, 100))  # fmt: skip

# %% [markdown]
# Each network learns what it is shown. Shifts by a pixel help the upright digits: real ones *are*
# shifted. The other two teach invariances for which upright digits have no use, and cost points on
# them; a mirrored 2 is no digit at all. An augmentation is a claim about the data.
#
# **AutoAugment** (Cubuk et al., 2019) searches such claims: policies of pairs of operations, each
# with a probability and a strength, tried on a small network. **RandAugment** (Cubuk et al., 2020)
# found that the search was hardly needed: draw $N$ operations at random, all with the same
# strength $M$, and tune two numbers.
#
# ## 7 · Averages
#
# **Ensembles.** Networks with different seeds make different mistakes. AlexNet's error of 18.2 %
# became 16.4 % with five networks and 15.4 % with seven, two of which were trained on more data;
# VGG averaged seven, GoogLeNet seven. Here are five, trained alike, and five that were trained in
# different ways (section 4 and 5).

# %% tags=["hide-input"]
members = []
for number in range(5):
    fit(1000 * SEED + number)
    members.append(predict())
alike = [error(np.mean(members[: k + 1], axis=0)) for k in range(5)]
single = float(np.mean([error(m) for m in members]))
kinds = [
    kept_of[name]["predictions"] for name in ("nothing", "smoothing", "mixup", "CutMix", "shifted")
]


def cross_entropy(p):
    """Mean cross-entropy with the true classes."""
    return float(-np.mean(np.log(p[np.arange(len(p)), TEST_CLASSES] + 1e-9)))


gained = np.mean([cross_entropy(m) for m in members]) - cross_entropy(np.mean(members, axis=0))
assert gained > 0.02
lower_by = [
    float(np.mean([error(p) for p in group])) - error(np.mean(group, axis=0))
    for group in (members, kinds)
]
assert lower_by[0] < 0.015 and lower_by[1] > 0.03
table(("", "this run", "five seeds"), beside_seeds({
    "mean error of five alike, %": 100 * single, "error of their ensemble, %": 100 * alike[-1],
    "mean error of five kinds, %": 100 * float(np.mean([error(p) for p in kinds])),
    "error of the ensemble of five kinds, %": 100 * error(np.mean(kinds, axis=0)),
    "cross-entropy gained by the ensemble of five alike": gained,
}))  # fmt: skip

# %% [markdown]
# Five that differ in nothing but the seed agree on most of their mistakes: the error falls by less
# than 1.5 points. Five kinds, among them one that is much better than the others, lose more than
# three, and come near that best one although four of them are worse.
#
# For cross-entropy the gain is a theorem: $-\log$ is convex, so the ensemble's is never above the
# members' mean (Jensen). For errors it is not, only usual. Networks of different *kinds* differ
# more: in 2016 a fusion of five architectures (4.20, 4.01, 3.52, 4.26, 4.65 % top-5 error) reached
# 2.92 % on the validation images, 0.6 points better than the best.
#
# **Polyak averaging** (Polyak and Juditsky, 1992) averages the *weights* of one run, $a \leftarrow
# d a + (1 - d) w$. **Views** at test time average predictions: of ten crops in AlexNet, here of
# nine shifts by a pixel.

# %% tags=["hide-input"]
average = snapshots[0]
for weights in snapshots[1:]:
    average = [0.8 * a + 0.2 * w for a, w in zip(average, weights, strict=True)]
with_weights(average)
polyak = error(predict())
with_weights(snapshots[-1])
wide = np.pad(TEST, ((0, 0), (1, 1), (1, 1), (0, 0)))
nine = [predict(wide[:, a : a + 8, b : b + 8]) for a in range(3) for b in range(3)]
assert error(np.mean(nine, axis=0)) > error(predict()) + 0.03
table(("test error in %", "this run", "five seeds"), beside_seeds({
    "last weights": error(predict()), "averaged weights": polyak,
    "last weights, nine views": error(np.mean(nine, axis=0)),
}, 100))  # fmt: skip

# %% [markdown]
# Nine views *hurt*: this network has never seen a shifted digit, so eight of nine are guesses. A
# view is a claim about the network, as an augmentation is one about the data. (Ten crops were
# worth 1.5 points to AlexNet, which was trained on crops.) The average of the weights costs
# nothing at test time. That it helps is not claimed here: see from where to where the five seeds
# go.
#
# ## 8 · What has been shown?
#
# From the CutMix paper: ResNet-50 on ImageNet. Whose number is from more than one run, the table
# does not say.

# %% tags=["hide-input"]
table(("method", "top-1 error (%), Yun et al. 2019, Table 3"), [
    ("nothing", "23.68"), ("cutout", "22.93"), ("mixup", "22.58"), ("manifold mixup", "22.50"),
    ("stochastic depth", "22.46"), ("DropBlock (from its paper)", "21.87"),
    ("CutMix of features", "21.80"),
    ("CutMix", "21.40"),
])  # fmt: skip

# %% [markdown]
# Ghiasi et al. (2018, Table 1) have *accuracies* of the same network: 76.5 % with nothing, 76.8
# with dropout, 77.1 with dropped paths, 77.4 with spatial dropout, 78.13 with DropBlock. Cutout
# gained nothing there (76.5), label smoothing gave 77.2, AutoAugment 77.6. DropBlock together with
# label smoothing gave 78.35: methods that act in different places add up, in part.
#
# The course has a study of its own: ResNet-20 on 1,000 images of CIFAR-10 at 16x16 pixels, 20
# epochs, ten ways, three seeds each. For each difference there is an interval, with a level of
# 0.05 for all nine together (lecture 08, section 4). Where 0 is outside, a difference is shown.
#
# **Guess first.** The means go from 58 to 65 % error. How many of the nine are shown to differ
# from nothing?


# %% tags=["hide-input"]
def interval(a, b, comparisons):
    """Welch's confidence interval of a difference of means."""
    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - 0.05 / comparisons)
    return found.low, found.high


def study():
    """The recorded study as a table; or how to record it."""
    errors = {}
    for run in runs.load("regularizers"):
        errors.setdefault(run.variant.replace("_", " "), []).append(run.error)
    if "none" not in errors or len(errors) < 2 or min(map(len, errors.values())) < 2:
        return Markdown("*Not recorded here: `course study run regularizers` records it.*")
    rows = []
    for name, values in errors.items():
        if name == "none":
            rows.append((name, f"{np.mean(values):.1f}", "", ""))
            continue
        low, high = interval(values, errors["none"], len(errors) - 1)
        word = "better" if high < 0 else "worse" if low > 0 else "not shown"
        rows.append((name, f"{np.mean(values):.1f}", f"{low:+.1f} to {high:+.1f}", word))
    return table(
        ("method", "mean error in %", "less that of nothing, in points", "the test says"), rows
    )


study()

# %% [markdown]
# None. Differences of five points may be real, and three seeds cannot show it, for intervals of
# fourteen points. "Not shown" is neither "equal" nor "useless". It means: with these runs, nobody
# knows.
#
# ## What the slides say, and what is right

# %% tags=["hide-input"]
NPFL138, C147 = "Charles University NPFL138, lecture 5", "UCLA C147, 2018, lecture 8"
corrections = [
    ("DropBlock's mask", NPFL138, "one mask for all channels works best", "a mask for each channel",
     "Ghiasi et al., section 3"),
    ("CutMix's area", NPFL138, "the pasted area is the share that was drawn",
     "only before it is cut off",
     f"{area:.2f} instead of 0.5 for uniform shares; labels are mixed by the true area"),
    ("label smoothing", NPFL138, "always helps", "not shown in our runs", "section 8"),
    ("stochastic depth", NPFL138, "uniform 0.8 is like linear to 0.5", "compare at equal means",
     f"linear to 0.5 keeps {linear.mean():.3f} of 54 blocks"),
    ("test crops", C147, "five random patches and their mirror images",
     "four corners and the center",
     "random patches are for training"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# 1. In section 2, set `decay=0.0`. What is left of the weights, and why?
# 2. What is DropBlock's $\gamma$ for maps of 8x8, squares of 3 and a rate of 0.2? Check it with
#    `DropBlock2D`.
# 3. Which is the best gap of label smoothing for 1,000 classes and $\varepsilon = 0.1$? First with
#    pencil and paper.
# 4. Call `covered(40)`. Why is it not 1?
# 5. Train with rotations up to 90 degrees: change `CHANGES["rotated"]`. At which angles is the
#    error lower, at which higher?
# 6. Make an ensemble of two equal members. What does it gain, and what does Jensen's inequality
#    say?
#
# ## To remember
#
# - Fewer errors on training images were never the aim. Choose on validation images; a minimum over
#   test errors is a leak.
# - L2 goes through the optimizer, weight decay around it. They are the same for plain gradient
#   descent only: a factor of ten with momentum, another method with Adam.
# - Dropped pixels can be guessed, dropped squares and maps can't. What is kept is scaled up in
#   training, and nothing is random at inference.
# - Smoothing, mixup and CutMix change what is asked for, so that the answer has finite logits.
#   Labels are mixed by what was really done to the image.
# - An augmentation is a claim about the data, and is learned, right or wrong.
# - Averages: of networks (cross-entropy never gets worse), of weights, of views.
# - Three seeds show differences of ten points, hardly of five.
#
# ## To read
#
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NeurIPS 2012.
# - N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR
#   2014.
# - J. Tompson et al., *Efficient object localization using convolutional networks*, CVPR 2015,
#   arXiv:1411.4280.
# - C. Szegedy et al., *Rethinking the Inception architecture for computer vision*, CVPR 2016,
#   arXiv:1512.00567.
# - G. Huang et al., *Deep networks with stochastic depth*, ECCV 2016, arXiv:1603.09382.
# - T. DeVries, G. Taylor, *Improved regularization of convolutional neural networks with cutout*,
#   2017, arXiv:1708.04552.
# - G. Ghiasi, T. Lin, Q. Le, *DropBlock: a regularization method for convolutional networks*,
#   NeurIPS 2018, arXiv:1810.12890.
# - H. Zhang et al., *mixup: beyond empirical risk minimization*, ICLR 2018, arXiv:1710.09412.
# - V. Verma et al., *Manifold mixup: better representations by interpolating hidden states*, ICML
#   2019, arXiv:1806.05236.
# - S. Yun et al., *CutMix: regularization strategy to train strong classifiers with localizable
#   features*, ICCV 2019, arXiv:1905.04899.
# - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, ICLR 2019, arXiv:1711.05101.
# - X. Li et al., *Understanding the disharmony between dropout and batch normalization by variance
#   shift*, CVPR 2019, arXiv:1801.05134.
# - E. Cubuk et al., *AutoAugment: learning augmentation strategies from data*, CVPR 2019,
#   arXiv:1805.09501; *RandAugment*, 2020, arXiv:1909.13719.
