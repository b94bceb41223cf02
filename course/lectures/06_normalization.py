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
# One layer subtracts a mean and divides by a deviation. Since 2015 nearly every convolutional
# network has had one after each convolution (Ioffe and Szegedy, 2015). It makes networks train
# that did not train before, and it is the first suspect when a network does well in training and
# fails afterwards. This lecture
#
# 1. shows what becomes of values in a deep network **without** it,
# 2. writes it **by hand**, and compares it with Keras',
# 3. asks what it makes a network **blind** to, and what that does to weight decay,
# 4. measures what it does to **initialization** and **learning rate**,
# 5. looks at the **noise** that a batch brings,
# 6. keeps **training and inference** apart, and finds everybody's bug,
# 7. trains an **Inception** network with and without it,
# 8. puts its **relatives** beside it: layer, instance, group, batch renormalization,
# 9. ends with what one meets **in practice**.
#
# All networks here are small, and train on handwritten digits in a second. Where a table says
# "five seeds", they were recorded in advance, by this very notebook with other values of `SEED`;
# what the cells assert held for each of them. Code that only measures or draws is folded: click on
# it to read it. It builds on lectures [01](01_convolution.ipynb) and [02](02_sizing.ipynb); the
# assignment is
# [06_normalization](../06_normalization/06_normalization.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import datasets
from course.blocks.inception import Conv, Pool, inception_module
from course.training import seeds
from course.training.trials import Trials
from course.visualization import normalization as draw
from course.visualization import plots
from course.visualization.display import interactive, show, table

SEED = 1
before, numbers = seeds.load("06_normalization"), {}  # with five seeds, and in this run


def scaled(digits):
    """Gray images of 8x8 pixels, with a mean of about 0 and a deviation of about 1."""
    return (digits.astype("float32") / 255 - 0.3) / 0.37


images, labels = datasets.load_arrays("digits", "train")
test_images, test_labels = datasets.load_arrays("digits", "test")
images, test_images = scaled(images), scaled(test_images)


def with_seeds(rows):
    """Rows of a table: each number of this run, and from where to where it is with five seeds."""
    shown = []
    for name, values in rows.items():
        row = [name]
        for what, value in values.items():
            numbers[f"{what}: {name}"] = float(value)
            row += [seeds.text(value), seeds.span(before[f"{what}: {name}"])]
        shown.append(row)
    what = [part for column in next(iter(rows.values())) for part in (column, "five seeds")]
    return ["", *what], shown


# %% [markdown]
# ## 1 · Values that stay in range
#
# A layer multiplies and adds up. If it makes values a little larger or smaller, on average,
# twenty such layers make them larger or smaller twenty times over. He's initialization keeps the
# size of values, if its assumptions hold: ReLUs, and as many inputs as the formula says. What if
# the first weights are 20 % too large?
#
# **Guess first.** After 20 layers with weights that are 1.2 times as large as He's, by what
# factor have the values grown?


# %% tags=["hide-input"]
DEPTH, WIDTH = 20, 16


def sizes_through(scale, normalized, seed=SEED):
    """The size of the values after each of 20 convolutions with ReLU, before any training."""
    chance = np.random.default_rng(seed)
    x, found = tf.constant(images[:32]), []
    for _ in range(DEPTH):
        channels = x.shape[-1]
        deviation = scale * (2 / (9 * channels)) ** 0.5
        kernel = chance.normal(0, deviation, (3, 3, channels, WIDTH)).astype("float32")
        edges = ((0, 0), (1, 1), (1, 1), (0, 0))  # repeated, as zeros would make values smaller
        x = tf.nn.conv2d(tf.pad(x, edges, "SYMMETRIC"), kernel, 1, "VALID")
        if normalized:
            mean, variance = tf.nn.moments(x, (0, 1, 2))
            x = (x - mean) / tf.sqrt(variance + 1e-3)
        x = tf.nn.relu(x)
        found.append(float(tf.sqrt(tf.reduce_mean(x**2))))
    return np.array(found)


def through(scale):
    """The figure: with and without normalization."""
    lines = {
        "without": sizes_through(scale, False), "with normalization": sizes_through(scale, True)
    }  # fmt: skip
    said = "; ".join(f"{name}: from {v[0]:.2g} to {v[-1]:.2g}" for name, v in lines.items())
    return plots.curves(
        range(1, DEPTH + 1), lines, f"The size of the values after each of {DEPTH} layers "
        f"whose weights are {scale:g} times as large as He's, on a scale of powers of ten. {said}.",
        x_label="convolution", y_label="size (root mean square)", yscale="log", ylim=(1e-8, 1e8),
    )  # fmt: skip


interactive(
    through, {"scale": 1.2}, scale=[0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0],
    caption="How large values are after each layer, before training.",
)  # fmt: skip

# %% tags=["hide-input"]
grown = {scale: sizes_through(scale, False)[-1] for scale in (0.8, 1.0, 1.2)}
kept = {scale: sizes_through(scale, True)[-1] for scale in (0.8, 1.0, 1.2)}
assert 36 < grown[1.2] / grown[1.0] < 40 and 85 < grown[1.0] / grown[0.8] < 88
assert max(kept.values()) < 1.1 * min(kept.values())
table(
    ("weights, relative to He's", "size after 20 layers", "with normalization"),
    [(f"{scale:g}", f"{grown[scale]:.3g}", f"{kept[scale]:.2f}") for scale in grown],
)

# %% [markdown]
# $1.2^{20} = 38$, and $0.8^{20}$ is one part in 87. Powers are merciless, and training changes
# all weights, so even a network that starts well may leave the range in which it learns. The idea
# of **batch normalization** is to measure the values' size while the network runs, in each layer,
# and to divide by it.

# %% [markdown]
# ## 2 · What it computes
#
# For each channel $c$, take the mean $\mu_c$ and the variance $\sigma_c^2$ of all its values in
# the batch: of every image, at every position. Then
#
# $$\hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}, \qquad
# y = \gamma_c\, \hat x + \beta_c.$$
#
# The small $\epsilon$ keeps the root from being zero. $\gamma_c$ and $\beta_c$ are learned, and
# start at 1 and 0. By hand, and by Keras:

# %%
chance = np.random.default_rng(SEED)
x = chance.normal(5, 3, (8, 6, 6, 4)).astype("float32")  # images, height, width, channels
layer = layers.BatchNormalization(momentum=0.99, epsilon=1e-3)
layer.build(x.shape)
gamma, beta = chance.uniform(0.5, 2, 4), chance.normal(size=4)
layer.gamma.assign(gamma)
layer.beta.assign(beta)

mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
by_hand = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
by_keras = np.array(layer(x, training=True))
assert np.abs(by_hand - by_keras).max() < 1e-5 * np.abs(by_hand).max()
print("largest difference:", np.abs(by_hand - by_keras).max())

# %% [markdown]
# Two axes decide what is shared. The mean is one number **per channel**, taken over images *and*
# positions: a convolution computes the same feature everywhere, so it should be normalized the
# same way everywhere.
#
# Does the layer take something away that the network needs? No: $\gamma$ and $\beta$ can undo it.
# That is why they are there; without them, the ReLU behind the layer would cut off half of each
# channel forever.

# %%
layer.gamma.assign(np.sqrt(variance + 1e-3))
layer.beta.assign(mean)
assert np.allclose(layer(x, training=True), x, atol=1e-4)
print("as if nothing had happened:", float(np.abs(np.array(layer(x, training=True)) - x).max()))

# %% [markdown]
# What counts is what the gradient sees. The mean and the deviation of each channel are now two
# numbers, $\beta$ and $\gamma$, that are learned like any others. Before, they were a consequence
# of all weights in all layers below. On the way back, the mean and the variance depend on every
# value of the channel, so the gradient has three ways back; the assignment derives it.
#
# ## 3 · What it is blind to
#
# A convolution, then batch normalization in training mode. Seven changes:
#
# - all weights times 3,
# - all weights times -1,
# - a bias of 5 in the convolution,
# - all images three times as bright,
# - 0.5 added to all images,
# - the images in another order,
# - *one other* image three times as bright.
#
# **Guess first.** Which of them change what comes out for the first image?


# %% tags=["hide-input"]
def output(kernel, batch, bias=0.0):
    """What a convolution (without padding) and a normalization make of a batch."""
    y = tf.nn.conv2d(batch, kernel, 1, "VALID") + bias
    mean, variance = tf.nn.moments(y, (0, 1, 2))
    return ((y - mean) / tf.sqrt(variance + 1e-6)).numpy()


kernel = chance.normal(0, 0.3, (3, 3, 1, 8)).astype("float32")
batch = images[:16]
brighter = batch.copy()
brighter[5] *= 3
plain = output(kernel, batch)[0]
changed = {
    "weights times 3": output(3 * kernel, batch)[0],
    "weights times -1": output(-kernel, batch)[0],
    "a bias of 5": output(kernel, batch, 5.0)[0],
    "all images times 3": output(kernel, 3 * batch)[0],
    "all images plus 0.5": output(kernel, batch + 0.5)[0],
    "another order": output(kernel, batch[::-1])[-1],
    "another image brighter": output(kernel, brighter)[0],
}
moved = {name: float(np.abs(y - plain).max() / np.abs(plain).max()) for name, y in changed.items()}
alike = [name for name, amount in moved.items() if amount < 1e-3]
assert set(moved) - set(alike) == {"weights times -1", "another image brighter"}
assert moved["another image brighter"] > 0.02
table(("change", "the first image's output changes by", ""),
      [(name, f"{100 * amount:.2f} %", "" if name in alike else "seen")
       for name, amount in moved.items()])  # fmt: skip

# %% [markdown]
# Five of the seven leave no trace. So
#
# - a **bias** before a batch normalization is dead weight: leave it out (`use_bias=False`);
#   $\beta$ does its work,
# - the **length** of a filter does not matter, only its direction,
# - but a *sign* does, and so does **another image**: what comes out for an image depends on who
#   is beside it. Section 5 is about that.
#
# That the length of a filter does not matter has a consequence for training. If a loss stays the
# same along a filter $w$, its gradient must be at a right angle to $w$; and if all weights are
# $a$ times as large, it is $a$ times as small:


# %%
def gradient(kernel):
    """Of a random loss of the normalized output, with respect to the kernel."""
    kernel = tf.constant(kernel)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        y = tf.nn.conv2d(batch, kernel, 1, "VALID")
        mean, variance = tf.nn.moments(y, (0, 1, 2))
        loss = tf.reduce_sum(weights * tf.nn.relu((y - mean) / tf.sqrt(variance + 1e-6)))
    return tape.gradient(loss, kernel).numpy()


weights = chance.normal(size=plain.shape).astype("float32")
first, larger = gradient(kernel), gradient(10 * kernel)
cosine = (first * kernel).sum() / np.linalg.norm(first) / np.linalg.norm(kernel)
ratio = np.linalg.norm(first) / np.linalg.norm(larger)
print(f"cosine between weights and gradient: {cosine:.1e}; "
      f"with weights times 10 the gradient is {ratio:.2f} times as small")  # fmt: skip
assert abs(cosine) < 1e-3 and abs(ratio - 10) < 0.05

# %% [markdown]
# A step at a right angle makes $w$ *longer* (Pythagoras), every time. The longer it is, the
# smaller its gradient, and the smaller the part of its length that a step moves it by. So with
# batch normalization the learning rate that counts is $\eta / \lVert w \rVert^2$, and it falls by
# itself as training goes on.
#
# What does **weight decay** do then? It makes $w$ shorter, which changes nothing in what the
# network computes. It only keeps that learning rate from falling (van Laarhoven, 2017; Zhang et
# al., 2019). Here the length of the second convolution's kernel, while a small network trains:


# %% tags=["hide-input"]
def conv_net(normalized=True, depth=4, momentum=0.9, norm=None):
    """Convolutions of 3x3 with ReLU, the second with stride 2; pooling; logits of 10 classes."""
    make = norm or (lambda: layers.BatchNormalization(momentum=momentum))
    x = inputs = keras.Input((8, 8, 1))
    for number in range(depth):
        strides = 2 if number == 1 else 1
        x = layers.Conv2D(16, 3, strides, padding="same", use_bias=not normalized)(x)
        x = layers.ReLU()(make()(x) if normalized else x)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


trials = {"without": Trials(conv_net(False)), "with normalization": Trials(conv_net())}
DECAYS, EVERY, TIMES = (0.0, 0.03), 20, 10


def lengths(decay):
    """The kernel's length before training and after each 20 steps."""
    trial = trials["with normalization"]
    trial.start(SEED)
    found = [trial.norms()[1]]
    for part in range(TIMES):
        trial.more(
            images, labels, rate=0.5, steps=EVERY, batch=32, seed=100 * SEED + part, decay=decay
        )
        found.append(trial.norms()[1])
    return np.array(found)


by_decay = {f"decay {decay:g}": lengths(decay) for decay in DECAYS}
ends = "; ".join(f"{name}: from {v[0]:.2f} to {v[-1]:.2f}" for name, v in by_decay.items())
show(plots.curves(
    range(0, EVERY * TIMES + 1, EVERY), by_decay, "The length of the second convolution's kernel "
    f"during {EVERY * TIMES} steps of training, with and without weight decay. {ends}.",
    x_label="step", y_label="length of the kernel",
), "Without decay a kernel with normalization behind it only grows.")  # fmt: skip

# %% tags=["hide-input"]
grows = by_decay["decay 0"]
assert (np.diff(grows) > 0).all() and grows[-1] > by_decay["decay 0.03"][-1]
rates = {
    name: {"length at the end": v[-1], "learning rate that counts": (v[0] / v[-1]) ** 2}
    for name, v in by_decay.items()
}
assert (
    rates["decay 0.03"]["learning rate that counts"] > rates["decay 0"]["learning rate that counts"]
)
table(*with_seeds(rates))

# %% [markdown]
# (The last columns: $\eta / \lVert w \rVert^2$ at the end, relative to the start.)
#
# So "batch normalization regularizes, and weight decay can be weaker" (NPFL138) is half of the
# story. On the filters, decay is no regularizer at all any more: there is nothing that it could
# hold small. It is a second handle on the learning rate, which is why a *little* of it stays
# useful, and why it cannot be compared between learning rates. (On the last, dense layer, which
# has no normalization behind it, decay does what it always did. $\gamma$ and $\beta$ are mostly
# left out of it.)

# %% [markdown]
# ## 4 · Initialization and learning rate
#
# The two claims that everybody knows: a network with batch normalization cares less how it is
# initialized, and takes larger learning rates. Here is a network of four convolutions, 60 steps of
# plain SGD with batches of 32. First the same learning rate of 0.1 with weights that start from a
# hundredth to a hundred times as large as He's.
#
# **Guess first.** With what range of first weights does the network without normalization train?
# And the one with it?


# %% tags=["hide-input"]
STEPS = 60


def end_of(kind, rate, scale=1.0):
    """The mean loss of the last ten steps; guessing is log 10, and so is what diverged."""
    losses = trials[kind].losses(
        images, labels, rate=rate, steps=STEPS, batch=32, seed=SEED, scale=scale
    )
    return min(float(np.nan_to_num(losses[-10:].mean(), nan=9, posinf=9)), np.log(10))


SCALES = (0.01, 0.1, 1, 10, 100)
by_scale = {kind: [end_of(kind, 0.1, scale) for scale in SCALES] for kind in trials}
said = "; ".join(f"{k}: {', '.join(f'{v:.2f}' for v in values)}" for k, values in by_scale.items())
show(plots.curves(
    SCALES, by_scale, f"The training loss after {STEPS} steps by the scale of the first weights, "
    f"{', '.join(map(str, SCALES))} times He's. {said}. Guessing has a loss of 2.30.",
    x_label="first weights, relative to He's", y_label="loss (2.30: guessing)", xscale="log",
), "Loss after 60 steps, for first weights of different sizes.")  # fmt: skip

# %% tags=["hide-input"]
by_size = {
    f"{scale:g} times He's": {kind: values[place] for kind, values in by_scale.items()}
    for place, scale in enumerate(SCALES)
}
small, plain_small = by_scale["with normalization"][:3], by_scale["without"][:2]
assert max(small) < 1.8 < 2.2 < min(plain_small)
assert min(by_scale["with normalization"][3:]) > 1.8
table(*with_seeds(by_size))

# %% [markdown]
# Without normalization, weights that are too small leave no signal, and weights that are too large
# blow the loss up. With it, a start with a hundredth of the usual weights trains as well as any: on
# the way forward nobody sees how large they are. On the way *back* it is seen. Weights that are a
# hundred times too large have gradients that are a hundred times too small (section 3), so the
# learning rate that counts is $10^{-4}$ of what it was, and the filters stay where they are. So
# "less sensitive to initialization" (DeepMind's words) is right on one side only, and "not
# sensitive" would be wrong. Now the learning rate, from He's weights:

# %% tags=["hide-input"]
RATES = (0.01, 0.1, 0.3, 1, 3, 10)
by_rate = {kind: [end_of(kind, rate) for rate in RATES] for kind in trials}
said = "; ".join(f"{k}: {', '.join(f'{v:.2f}' for v in values)}" for k, values in by_rate.items())
show(plots.curves(
    RATES, by_rate, f"The training loss after {STEPS} steps by the learning rate, "
    f"{', '.join(map(str, RATES))}. {said}. Guessing has a loss of 2.30.",
    x_label="learning rate", y_label="loss (2.30: guessing)", xscale="log",
), "Loss after 60 steps, for different learning rates.")  # fmt: skip

# %% tags=["hide-input"]
usable = {
    kind: {
        "learning rates that train": sum(value < 1.5 for value in values),
        "best loss": min(values),
    }
    for kind, values in by_rate.items()
}
many, best = (
    {kind: row[what] for kind, row in usable.items()}
    for what in ("learning rates that train", "best loss")
)
assert many["with normalization"] >= many["without"] + 2
assert best["with normalization"] < best["without"] - 0.2
table(*with_seeds(usable))

# %% [markdown]
# ("Trains" means that the loss has fallen below 1.5.) With normalization at least two more of the
# six learning rates train, and the loss falls further with the best one.
#
# Ioffe and Szegedy explained the success by *internal covariate shift*: layers need not adapt to
# inputs whose distribution changes all the time. That is not what happens. Santurkar et al.
# (2018) added noise behind each normalization, so that distributions shifted more than without
# any; the networks trained as well. They, and Bjorck et al. (2018), find the reason in larger
# steps: the loss along a step is smoother, and large learning rates no longer make it explode.

# %% [markdown]
# ## 5 · The noise of a batch
#
# In training an image's output depends on the images beside it (section 3). Take one image, put
# it beside other images drawn at random, a hundred times, and look at its logits in training
# mode.
#
# **Guess first.** With batches four times as large, by what factor do the logits scatter less?


# %% tags=["hide-input"]
trained = trials["with normalization"]
trained.losses(images, labels, rate=0.3, steps=300, batch=32, seed=SEED)
SIZES, TRIES = (4, 8, 16, 32, 64, 128), 40


def scatter(batch):
    """How far the first image's logits scatter, in batches of this size."""
    chance = np.random.default_rng(SEED)
    beside = [chance.integers(1, len(images), batch - 1) for _ in range(TRIES)]
    found = [
        trained.logits(np.concatenate([images[:1], images[others]]), training=True)[0]
        for others in beside
    ]
    return float(np.std(found, axis=0).mean())


spread = [scatter(size) for size in SIZES]
slope = float(np.polyfit(np.log(SIZES), np.log(spread), 1)[0])
square_root = [spread[-1] * (SIZES[-1] / size) ** 0.5 for size in SIZES]
show(plots.curves(
    SIZES, {"measured": spread, "one by the root of the batch": square_root},
    "The deviation of one image's logits by the size of the batch that it is in, both on scales of "
    f"powers, beside a line that falls with the root: from {spread[0]:.2f} with batches of "
    f"{SIZES[0]} to {spread[-1]:.2f} with batches of {SIZES[-1]}.",
    x_label="images in the batch", y_label="deviation of a logit", xscale="log", yscale="log",
), "One image's logits beside 40 different batches of each size.")  # fmt: skip

# %% tags=["hide-input"]
assert -0.65 < slope < -0.35
table(*with_seeds({"one image's logits": {"slope": slope, "deviation, batches of 4": spread[0],
                                          "deviation, batches of 128": spread[-1]}}))  # fmt: skip

# %% [markdown]
# A factor of two: means of $B$ independent images scatter by $1 / \sqrt B$, so in the figure the
# slope is about $-1/2$. (The *positions* of an image do not help much, as neighboring values are
# alike.) It is noise that training cannot predict, and noise regularizes, as in dropout. With
# batch normalization Ioffe and Szegedy could leave dropout out. Large batches bring less of it,
# very small ones too much (section 8).
#
# ## 6 · Training and inference
#
# At inference an image should not depend on who is beside it; there may be nobody. So the layer
# keeps **moving statistics**. After each training step
#
# $$\mu \leftarrow m\, \mu + (1 - m)\, \mu_{\text{batch}}, \qquad
# \sigma^2 \leftarrow m\, \sigma^2 + (1 - m)\, \sigma_{\text{batch}}^2,$$
#
# and inference normalizes by these. They start at 0 and 1, and Keras' `momentum` $m$ is 0.99
# unless you say otherwise. After $n$ steps the start still weighs $m^n$:

# %%
rows = [
    (steps, *(f"{100 * momentum**steps:.3g} %" for momentum in (0.9, 0.99, 0.999)))
    for steps in (10, 50, 100, 200, 500)
]
assert round(0.99**60, 2) == 0.55
table(("steps", "momentum 0.9", "momentum 0.99", "momentum 0.999"), rows)

# %% [markdown]
# **Guess first.** A network with Keras' momentum has trained for 60 steps. In training mode it
# classifies most training images rightly. How many of the *same* images does it get right at
# inference?


# %% tags=["hide-input"]
slow = Trials(conv_net(True, 4, momentum=0.99))
slow.start(SEED)
POINTS = (20, 60, 120, 240)


def both_modes(trial):
    """Accuracy on the training images in both modes, in batches of 256."""
    return [
        trial.accuracy(images, labels, training=training, batch=256) for training in (True, False)
    ]


modes, done = [], 0
for point in POINTS:
    slow.more(images, labels, rate=0.3, steps=point - done, batch=64, seed=100 * SEED + point)
    modes.append(both_modes(slow))
    if point == 60:
        at_60 = slow.model.get_weights()
    done = point
lines = dict(zip(("training mode", "inference"), np.transpose(modes), strict=True))
said = "; ".join(f"{k}: {', '.join(f'{v:.2f}' for v in values)}" for k, values in lines.items())
show(plots.curves(
    POINTS, lines, "The accuracy on the same training images in training mode and at inference, "
    f"after {', '.join(map(str, POINTS))} steps with a momentum of 0.99. {said}.",
    x_label="step", y_label="accuracy", ylim=(0, 1),
), "The same weights, the same images, two modes.")  # fmt: skip

# %% [markdown]
# That is **everybody's bug**: the training loop reports a fine accuracy, evaluation reports
# chance, on the same images. The weights are fine; the statistics are half what they were before
# training, 0 and 1, and each layer passes its error on to the next. Proof: compute the statistics
# anew from the training images, and touch nothing else. With `momentum = 0`, a single call in
# training mode does that, if all images fit into one batch:

# %%
slow.model.set_weights(at_60)
in_training, at_inference = both_modes(slow)
for layer in slow.model.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.0
slow.model(images, training=True)
recalibrated = both_modes(slow)[1]
assert at_inference < in_training - 0.15 and recalibrated > in_training - 0.05

# %% tags=["hide-input"]
table(*with_seeds({"after 60 steps": {
    "training mode": in_training, "inference": at_inference,
    "inference, statistics computed anew": recalibrated,
}}))  # fmt: skip

# %% [markdown]
# "Then I evaluate in training mode", says somebody. Try that on test images, once in random
# order, once sorted by class, as they lie in many a folder.
#
# **Guess first.** In which of the two is the accuracy higher?

# %% tags=["hide-input"]
order = np.random.default_rng(SEED).permutation(len(test_images))
by_class = np.argsort(test_labels, kind="stable")
honest = trained.accuracy(test_images, test_labels)
shuffled, by_folder = (
    trained.accuracy(test_images[places], test_labels[places], training=True, batch=25)
    for places in (order, by_class)
)
assert by_folder < shuffled - 0.2
table(*with_seeds({"accuracy on test images": {
    "inference": honest, "training mode, shuffled": shuffled, "training mode, sorted": by_folder,
}}))  # fmt: skip

# %% [markdown]
# The order of the images should not matter, and here it decides. All images of a sorted batch
# have one thing in common, their class, and a normalization subtracts what a batch has in common.
# In mixed batches the accuracy looks honest, but it belongs to images in good company, not to an
# image. Evaluation belongs in inference mode.
#
# What else goes wrong:

# %% tags=["hide-input"]
table(
    ("symptom", "cause"),
    [
        ("good in training, chance at inference, after few steps",
         "the statistics lag: momentum is too large for so few steps"),
        ("the same after any number of steps",
         "they never move: frozen layers, or a training loop that leaves the updates out"),
        ("inference differs from call to call",
         "training=True at inference, which moves the statistics as well"),
        ("good with large batches, bad with small ones", "noise (section 8)"),
        ("good on one device, worse on eight", "each normalizes its own small part of the batch"),
        ("fine-tuning ruins a network within a few steps",
         "frozen layers in training mode; Keras' layer.trainable = False means inference mode"),
    ],
)  # fmt: skip

# %% [markdown]
# ## 7 · Inception, with and without
#
# DeepMind's lecture shows the first success: an Inception network trains faster with batch
# normalization, and ends higher. In the paper it needed 14 times fewer steps for the same
# accuracy. Here is a small Inception network with two modules, on digits, with the same learning
# rates tried for both:


# %% tags=["hide-input"]
def inception(normalized):
    """A convolution and two Inception modules, with or without batch normalization."""

    def conv_fn(x, filters, kernel_size=1, strides=1, padding="same", *, name):
        x = layers.Conv2D(
            filters, kernel_size, strides, padding=padding, use_bias=not normalized, name=name
        )(x)
        if normalized:
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    module = (
        (Conv(8),), (Conv(8), Conv(8, 3)), (Conv(4), Conv(8, 5)), (Pool("max"), Conv(8)),
    )  # fmt: skip
    inputs = keras.Input((8, 8, 1))
    x = conv_fn(inputs, 16, 3, 2, name="first")
    for number in (1, 2):
        x = inception_module(x, module, conv_fn=conv_fn, name=f"module{number}")
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


curves, chosen = {}, {}
for kind, normalized in (("without", False), ("with normalization", True)):
    trial = Trials(inception(normalized))
    runs = {
        rate: trial.losses(images, labels, rate=rate, steps=100, batch=32, seed=SEED)
        for rate in (0.1, 0.3, 1.0)
    }
    ends = {rate: np.nan_to_num(run[-20:].mean(), nan=9, posinf=9) for rate, run in runs.items()}
    chosen[kind] = min(ends, key=ends.get)
    curves[kind] = runs[chosen[kind]].reshape(-1, 10).mean(axis=1)
show(plots.curves(
    range(10, 101, 10), curves, "The training loss of a small Inception network, means of ten "
    f"steps, each at the best of three learning rates, {chosen['without']:g} without and "
    f"{chosen['with normalization']:g} with normalization. At the end: "
    + "; ".join(f"{kind} {values[-1]:.2f}" for kind, values in curves.items()) + ".",
    x_label="step", y_label="training loss",
), "A small Inception network, each at its best learning rate.")  # fmt: skip

# %% tags=["hide-input"]
half = {kind: values[-2:].mean() for kind, values in curves.items()}
assert half["with normalization"] < half["without"] - 0.1
table(*with_seeds({kind: {"loss at the end": value, "best learning rate": chosen[kind]}
                   for kind, value in half.items()}))  # fmt: skip

# %% [markdown]
# ## 8 · Relatives for small batches
#
# Large images, video and detection leave room for one or two images on a GPU. Then the batch's
# statistics are mostly noise. Others do without the batch: they take mean and deviation over
# parts of *one* image. What is learned behind them, $\gamma$ and $\beta$, stays one number per
# channel.

# %% tags=["hide-input"]
show(draw.shared_statistics(), "Which feature maps share a mean and a deviation (blue).")

# %% [markdown]
# - **Layer normalization** (Ba et al., 2016): all channels of an image, over all positions. (In
#   transformers and in ConvNeXt: all channels of *one position*. Keras' `LayerNormalization` does
#   that, unless you give it three axes.)
# - **Instance normalization** (Ulyanov et al., 2016): each channel of each image, for pictures
#   whose contrast should not matter, as in style transfer.
# - **Group normalization** (Wu and He, 2018): groups of neighboring channels of an image. One
#   group is the first, one per channel the second.
# - **Batch renormalization** (Ioffe, 2017) stays with the batch in training, but corrects its
#   statistics towards the moving ones, within bounds that widen as training goes on.
#
# How bad are small batches? Here is the network of section 5, trained with batches of 32, on test
# images in *training* mode: that is what a training step with so many images sees. And the same
# network with group normalization.
#
# **Guess first.** At inference it classifies most digits rightly (section 6). And by the
# statistics of two images?


# %% tags=["hide-input"]
grouped = Trials(conv_net(norm=lambda: layers.GroupNormalization(4)))
grouped.losses(images, labels, rate=0.3, steps=300, batch=32, seed=SEED)
BATCHES = (2, 4, 8, 16, 32, 64)
by_batch = {
    kind: [trial.accuracy(test_images, test_labels, training=True, batch=size) for size in BATCHES]
    for kind, trial in (("batch", trained), ("group", grouped))
}
said = "; ".join(f"{k}: {', '.join(f'{v:.2f}' for v in values)}" for k, values in by_batch.items())
show(plots.curves(
    BATCHES, by_batch, "Accuracy on test images in training mode by the number of images that are "
    f"normalized together, {', '.join(map(str, BATCHES))}, with batch and group normalization. "
    f"{said}.",
    x_label="images normalized together", y_label="accuracy", xscale="log", ylim=(0, 1),
), "The same weights, normalized by batches of different sizes.")  # fmt: skip

# %% tags=["hide-input"]
of_batch, of_group = by_batch["batch"], by_batch["group"]
assert of_batch[0] < of_batch[-1] - 0.2
assert max(of_group) - min(of_group) < 0.005
table(*with_seeds({
    f"batches of {size}": {kind: values[place] for kind, values in by_batch.items()}
    for place, size in enumerate(BATCHES)
}))  # fmt: skip

# %% [markdown]
# Group normalization gives the same answers in any company. With ResNet-50 on ImageNet and
# batches of two, Wu and He report an error that is 10.6 points lower than with batch
# normalization; at usual batch sizes the two are close.
#
# And a batch of *one*, without positions? Then each value is its own mean, the variance is 0, and
# the output is $\beta$, whatever the input:

# %%
alone = layers.BatchNormalization(beta_initializer=keras.initializers.Constant(0.5))
print(np.array(alone(np.array([[3.0, -7.0, 100.0]], "float32"), training=True)))

# %% [markdown]
# ## 9 · In practice
#
# **Fold it away.** At inference a batch normalization is one multiplication and one addition per
# channel, with constants. The convolution before it can do both, so networks on telephones have
# none left. You write that in the assignment.
#
# **Two libraries, two conventions.** Who ports weights or a recipe has to know them:

# %%
x = np.arange(6, dtype="float32").reshape(3, 2) ** 2
layer = layers.BatchNormalization(momentum=0.9)
layer(x, training=True)
assert np.allclose(layer.moving_mean, 0.1 * x.mean(axis=0))
assert np.allclose(layer.moving_variance, 0.9 + 0.1 * x.var(axis=0))  # divided by n
table(
    ("", "Keras", "PyTorch"),
    [
        ("momentum", "share of the old statistics", "share of the new ones"),
        ("by default", f"{layers.BatchNormalization().momentum:g}", "0.1, which is Keras' 0.9"),
        ("epsilon by default", f"{layers.BatchNormalization().epsilon:g}", "0.00001"),
        ("moving variance", "divided by n", "divided by n - 1"),
        ("frozen", "layer.trainable = False: inference mode", "model.eval(), for each module"),
    ],
)

# %% [markdown]
# **Several devices.** Each normalizes its own part of the batch, unless statistics are
# synchronized (`synchronized=True` in Keras). With 32 images on each of eight devices there is no
# harm; with two on each there is.
#
# **Depth.** In deep *plain* networks batch normalization makes gradients grow on their way back,
# by a factor in every layer. It needs shortcuts beside it.

# %% [markdown]
# ## What the slides say, and what is right

# %% tags=["hide-input"]
DEEPMIND, NPFL138 = "DeepMind, ConvNets", "Charles University NPFL138, lecture 5"
corrections = [
    ("scale and shift", DEEPMIND, "a trained scale follows the normalization",
     "a scale and a shift, gamma and beta",
     "without beta the ReLU would cut off half of each channel"),
    ("statistics", DEEPMIND, "mean and variance over the batch, for a layer",
     "for each channel, over the batch and all positions",
     "a convolution computes the same feature at all positions"),
    ("weight decay", NPFL138, "batch normalization regularizes, so decay can be weaker",
     "on filters with normalization behind them decay sets the learning rate",
     "the output does not depend on a filter's length (section 3)"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. In section 1, which factor on the weights makes values a million times smaller after 20
#    layers? Compute it, then try the slider's nearest value.
# 2. In section 3, use `"SAME"` padding. Which row of the table changes, and why?
# 3. For a momentum of 0.999, after how many steps is less than 1 % of the start left?
# 4. In section 6, train with `momentum=0.9` instead. After how many steps do the two modes agree?
# 5. In section 8, give `GroupNormalization` 16 groups (that is instance normalization) and one
#    group. What do you lose?
#
# ## To remember
#
# - One mean and one variance per channel, over batch and positions; then a learned scale and
#   shift.
# - Behind it, the length of a filter and a bias before it do not matter. Weight decay becomes a
#   handle on the learning rate.
# - Networks train from many initializations and with larger learning rates. That is not because
#   distributions shift less.
# - In training an image's output depends on the batch, by about $1 / \sqrt B$: noise that
#   regularizes, and that ruins batches of two.
# - Inference uses moving statistics. Good in training and bad at inference means: look at these
#   first; recompute them, and see.
# - Never evaluate in training mode.
#
# ## To read
#
# - S. Ioffe, C. Szegedy, *Batch normalization: accelerating deep network training by reducing
#   internal covariate shift*, ICML 2015, arXiv:1502.03167.
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Madry, *How does batch normalization help
#   optimization?*, NeurIPS 2018, arXiv:1805.11604.
# - J. Bjorck, C. Gomes, B. Selman, K. Weinberger, *Understanding batch normalization*, NeurIPS
#   2018, arXiv:1806.02375.
# - T. van Laarhoven, *L2 regularization versus batch and weight normalization*, 2017,
#   arXiv:1706.05350.
# - G. Zhang, C. Wang, B. Xu, R. Grosse, *Three mechanisms of weight decay regularization*, ICLR
#   2019, arXiv:1810.12281.
# - J. Ba, J. Kiros, G. Hinton, *Layer normalization*, 2016, arXiv:1607.06450.
# - D. Ulyanov, A. Vedaldi, V. Lempitsky, *Instance normalization*, 2016, arXiv:1607.08022.
# - Y. Wu, K. He, *Group normalization*, ECCV 2018, arXiv:1803.08494.
# - S. Ioffe, *Batch renormalization: towards reducing minibatch dependence in batch-normalized
#   models*, NeurIPS 2017, arXiv:1702.03275.
