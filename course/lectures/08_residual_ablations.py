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
# [Lecture 07](07_residual.ipynb) built residual networks and saw that they train where plain ones
# do not. Why? A block has two convolutions, two normalizations, two ReLUs, a shortcut and a plus.
# One way to find out which of them matter is to change one at a time, train again, and compare: an
# **ablation**. This lecture
#
# 1. shows what an **identity** on the shortcut is worth, and measures it,
# 2. puts things on the **shortcut**: constants, gates, a convolution, dropout,
# 3. tries five **orders** of normalization and ReLU, one of which is **pre-activation**,
# 4. asks which differences are **real**, since runs differ from seed to seed,
# 5. spends weights in other ways: **width**, **cardinality**, channels that **grow**, **dense**
#    links,
# 6. looks at how long the **paths** through all of these are.
#
# Small things are measured here, on networks that take seconds. For what takes hours there are
# recorded runs, with the papers' numbers beside them. Where a table says "five seeds", they were
# recorded in advance, by this very notebook with other values of `SEED`; what the cells assert
# held for each of them. Code that only measures or draws is folded: click on it to read it. The
# assignment is [08_residual_ablations](../08_residual_ablations/08_residual_ablations.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import time

import keras
import numpy as np
import tensorflow as tf
from IPython.display import Markdown, display
from keras import layers
from scipy import stats

from course import architectures, datasets, sizing
from course.blocks.preactivation import preactivation_block
from course.blocks.residual_variants import ABLATIONS, ACTIVATION_ORDERS, FAILS, residual_unit
from course.blocks.resnext import resnext_block
from course.regularization import linear_decay
from course.studies import runs
from course.training import seeds
from course.visualization import ablations as draw
from course.visualization import diagrams, plots
from course.visualization.display import interactive, show, table


SEED = 1
before, numbers = seeds.load("08_residual_ablations"), {}  # with five seeds, and in this run
SPOKEN = {"bn": "BN", "relu": "ReLU", "preactivation": "pre-activation"}


def spoken(name):
    """A variant's name as people write it."""
    words = " ".join(SPOKEN.get(part, part) for part in name.split("_"))
    kind, gating, bias = words.partition(" gating ")
    return f"{kind} gating, bias {-int(bias)}" if gating else words


# %% [markdown]
# ## 1 · What an identity is worth
#
# Forget the ReLU after the addition for a moment. Block $l$ then gives $x_l = x_{l-1} + F_l$, and
# $L$ blocks give a plain sum:
#
# $$x_L = x_0 + \sum_{l=1}^{L} F_l$$
#
# $$\frac{\partial E}{\partial x_0} = \frac{\partial E}{\partial x_L}
# \Big(1 + \frac{\partial}{\partial x_0} \sum_{l=1}^{L} F_l\Big)$$
#
# Every block sees every earlier one directly, and the error at the end reaches the start through
# a term that no weight can shrink. Now put something on the shortcut that multiplies by
# $\lambda$. Every signal that passes is multiplied again and again, $x_L = \lambda^L x_0 +
# \dots$, and so is the direct part of the gradient. Powers are merciless.
#
# **Guess first.** After 54 shortcuts with a factor of 0.9, how much of a signal is left?

# %% tags=["hide-input"]
BLOCKS = np.arange(0, 55, 3)


def carried(factor):
    """What is left after so many shortcuts, beside two factors to compare with."""
    lines = {f"factor {value:g}": value**BLOCKS for value in sorted({factor, 1.0, 0.5})}
    ends = "; ".join(f"{name}: {values[-1]:.1e}" for name, values in lines.items())
    return plots.curves(
        BLOCKS, lines, f"What is left of a signal after 0 to 54 shortcuts, on a scale of powers of "
        f"ten, a straight line for each factor. After 54: {ends}.",
        x_label="shortcuts passed", y_label="part that is left", yscale="log",
    )  # fmt: skip


interactive(
    carried, {"factor": 0.9}, factor=[0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0, 1.05],
    caption="What is left of a signal after so many shortcuts that multiply it by a factor.",
)  # fmt: skip

# %% [markdown]
# ResNet-110 has 54 blocks. With 0.9 on the shortcut, 3 parts in 1000 are left; with 0.5, so little
# that a `float32` loses it when it is added to a 1.
#
# That is the theory, without branches. Let us measure with them: stacks of 16 blocks before any
# training. How similar to the first input are the values after each block? And if a random
# gradient is sent in at the end, how large is it when it comes out of each block on its way back?
#
# **Guess first.** A half-open gate on every shortcut: does the gradient shrink on its way back, or
# grow?


# %% tags=["hide-input"]
DEPTH = 16


def through(block, seed, depth=DEPTH, width=8, size=8, batch=16):
    """What becomes of values on their way through blocks, and of a gradient on its way back.

    Args:
        block: function of a tensor and a name.
        seed: of weights, inputs and the gradient at the end.

    Returns:
        At the input and after each block: the correlation with the first input, the values' mean
        and deviation, and the gradient's size relative to that at the end.
    """
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, width))
    tensors = [inputs]
    for number in range(depth):
        tensors.append(block(tensors[-1], f"block{number}"))
    stack = keras.Model(inputs, tensors)
    start = tf.nn.relu(tf.random.normal((batch, size, size, width)))
    with tf.GradientTape() as tape:
        tape.watch(start)
        values = stack(start, training=True)
        error = tf.reduce_sum(values[-1] * tf.random.normal(values[-1].shape))
    norms = np.array([float(tf.norm(slope)) for slope in tape.gradient(error, values)])
    values = np.array(values)
    free = values - values.mean(axis=(1, 2, 3), keepdims=True)
    like = [float(np.corrcoef(free[0].ravel(), later.ravel())[0, 1]) for later in free]
    return {
        "like the first": np.array(like),
        "mean": values.mean(axis=(1, 2, 3, 4)),
        "deviation": values.std(axis=(1, 2, 3, 4)),
        "gradient": norms / norms[-1],
    }


def unit(ablation):
    """A block of eight channels with one of the paper's changes."""
    return lambda x, name: residual_unit(x, 8, name=name, **ABLATIONS[ablation].arguments)


ON_SHORTCUT = {
    "nothing (original)": "original",
    "times 0.5, both": "constant_scaling",
    "gate, bias 0": "shortcut_gating_0",
    "gate, bias -6": "shortcut_gating_6",
    "1x1 convolution": "conv_shortcut",
}
measured = {name: through(unit(key), SEED) for name, key in ON_SHORTCUT.items()}
like = {name: found["like the first"] for name, found in measured.items()}
ends = "; ".join(f"{name}: {values[-1]:.2f}" for name, values in like.items())
show(plots.curves(
    range(DEPTH + 1), like, f"How similar to the first input the values are after each of {DEPTH} "
    f"untrained blocks, as a correlation. After the last one: {ends}.",
    x_label="blocks passed", y_label="correlation with the input", xticks=range(0, DEPTH + 1, 4),
), "Forward: how much of the input is still there after each untrained block.")  # fmt: skip

# %% tags=["hide-input"]
back = {name: found["gradient"] for name, found in measured.items()}
ends = "; ".join(f"{name}: {values[0]:.3g}" for name, values in back.items())
show(plots.curves(
    range(DEPTH + 1), back, f"The gradient's size at the inputs of {DEPTH} untrained blocks, "
    f"relative to its size at the end, in powers of ten. At the first one's input: {ends}.",
    x_label="blocks before", y_label="size of the gradient", yscale="log",
    xticks=range(0, DEPTH + 1, 4),
), "Backward, from right to left: the size of the gradient.")  # fmt: skip


# %% tags=["hide-input"]
def beside_seeds(found, columns):
    """Rows of a table: each number of this run, and from where to where it is with five seeds."""
    rows = []
    for name, values in found.items():
        row = [name]
        for what, value in zip(columns, values, strict=True):
            numbers[f"{what}: {name}"] = float(value)
            row += [seeds.text(value), seeds.span(before[f"{what}: {name}"])]
        rows.append(row)
    return rows


columns = ("correlation after 16 blocks", "gradient at the start")
found = {name: (like[name][-1], back[name][0]) for name in like}
assert like["nothing (original)"][-1] > 0.04 > like["times 0.5, both"][-1]
assert (
    min(back[name][0] for name in ("gate, bias 0", "1x1 convolution"))
    > 2.5 * back["nothing (original)"][0]
)
table(
    ("on the shortcut", columns[0], "five seeds", columns[1], "five seeds"),
    beside_seeds(found, columns),
)

# %% [markdown]
# On the way forward, the measurement bears out the formula. After 16 original blocks some of the
# input is still there, though the ReLUs have taken much of it; with a constant or a convolution
# in the way, what is left cannot be told from chance.
#
# On the way back, something happens that the formula does not suggest. The gradient does not
# vanish, it *grows*, and with a half-open gate or a convolution it grows at least two and a half
# times as much as without. Normalization is the cause. A branch divides by the standard deviation
# of what it receives, so where the signal fades on the shortcut, branches blow the gradient up.
# (In plain networks with normalization it grows in every layer: Yang et al., 2019.) So "the
# gradient vanishes" is a popular story, but not the story of these networks. What is lost is the
# *direct* path: after a faded shortcut every block starts anew, as in a plain network.

# %% [markdown]
# ## 2 · Things on the shortcut
#
# He et al. (2016b) put all sorts of things there, in all 54 blocks of ResNet-110:
#
# - **Constant scaling**: factors 0.5 and 0.5 on both parts, or 0.5 on the shortcut alone.
# - **Exclusive gating**: a gate $g = \sigma(W x + c)$, one number from 0 to 1 for each value; $1 -
#   g$ on the shortcut and $g$ on the branch, as in highway networks (Srivastava et al., 2015).
# - **Shortcut-only gating**: $1 - g$ on the shortcut, the branch as it is.
# - A **1x1 convolution** (with normalization) in *every* block: shortcut C of lecture 07.
# - **Dropout** with rate 0.5. The paper counts that as a factor of 0.5 on average. Keras' layer,
#   like all of today's, doubles what survives, so the average is 1; what hurts there is the
#   noise, 54 times over.

# %% tags=["hide-input"]
BRANCH = ("conv", "BN", "ReLU", "conv", "BN")
show(diagrams.blocks({
    "original": diagrams.Block(BRANCH),
    "constant scaling": diagrams.Block((*BRANCH, "× 0.5"), shortcut="× 0.5"),
    "exclusive gating": diagrams.Block((*BRANCH, "× g"), shortcut="× (1 − g)"),
    "shortcut-only gating": diagrams.Block(BRANCH, shortcut="× (1 − g)"),
    "1x1 convolution": diagrams.Block(BRANCH, shortcut="1x1, BN"),
}), "What was put on the shortcut (red).")  # fmt: skip

# %% tags=["hide-input"]


def percent(error):
    """As the paper prints it."""
    return "–" if error is None else "fails" if error == FAILS else f"{error:.2f}"


shortcuts = [name for name, row in ABLATIONS.items() if "order" not in row.arguments]
table(
    ("Table 1 of the paper: on the shortcut", "ResNet-110, CIFAR-10 test error (%)"),
    [(spoken(name), percent(ABLATIONS[name].resnet110)) for name in shortcuts],
)

# %% [markdown]
# None of them beats the bare shortcut. ("Fails" is the paper's word for more than 20 %.) This table
# holds two lessons.
#
# **The gate's bias decides.** A gate that starts half open ($c = 0$) costs as much as a constant;
# with $c = -6$ it starts at $1 - g = 0.9975$, and the shortcut is nearly the identity.
# *Exclusive* gating cannot win: a gate that opens the shortcut closes the branch, so the best
# bias had to be searched for, and -7 was worse again than -6.
#
# **What can be represented is not what is found.** The 1x1 convolution and the gate contain the
# identity as a special case. A network with them can do all that the original can, and more. It
# is worse on the *training* images too, so it does not overfit: it is harder to optimize. (With
# 34 layers, and so few shortcuts, option C was slightly the best; with 110 it no longer was.)
#
# The course has runs of its own: ResNet-32, drawn shapes of 16x16 pixels, few epochs, three
# seeds. Next to each variant is what a test says about its difference from the original. Section
# 4 explains what this test is, and why it is needed.


# %% tags=["hide-input"]
def recorded(study):
    """The runs' test errors in percent by variant; a variant with a single run is left out."""
    errors = {}
    for run in runs.load(study):
        errors.setdefault(spoken(run.variant), []).append(run.error)
    return {variant: values for variant, values in errors.items() if len(values) > 1}


def judged(errors, baseline="original"):
    """For each other variant: difference from the baseline, its standard error, and a word."""
    others = [variant for variant in errors if variant != baseline]
    found = {}
    for variant in others:
        a, b = np.array(errors[variant]), np.array(errors[baseline])
        gap = a.mean() - b.mean()
        error = float(np.hypot(stats.sem(a), stats.sem(b)))
        p = float(stats.ttest_ind(a, b, equal_var=False).pvalue)
        shown = p < 0.05 / len(others)
        word = ("worse" if gap > 0 else "better") if shown else "not shown"
        found[variant] = float(gap), error, word
    return found


def study(name):
    """The figure of a study, and a sentence for each variant; or how to record it."""
    errors = recorded(name)
    if len(errors) < 2 or "original" not in errors:
        return Markdown(f"*This study is not recorded here: `course study run {name}` records it.*")
    found = judged(errors)
    display(show(plots.bars(
        errors, f"Recorded runs of the study {name}: a bar for the mean, a whisker of one standard "
        "error, a dot for each run, and what the test says.",
        label="test error in %", marks={variant: row[2] for variant, row in found.items()},
    ), "Recorded runs as dots; their mean as a bar, with one standard error."))  # fmt: skip
    return table(
        ("variant", "points more than the original", "standard error", "the test says"), [
            (variant, f"{gap:+.1f}", f"{error:.1f}", word)
            for variant, (gap, error, word) in found.items()
        ],
    )  # fmt: skip


study("shortcuts")

# %% [markdown]
# ## 3 · Five orders
#
# The shortcut is clear now, but after every addition there is still a ReLU on the way from block
# to block. Where do normalization and ReLU belong?
#
# **Guess first.** Which of the five orders below lets most of the input through 16 untrained
# blocks?


# %% tags=["hide-input"]
def steps(text):
    """A row's steps in words."""
    return tuple(SPOKEN.get(step, step) for step in text.split())


show(diagrams.blocks({
    spoken(name): diagrams.Block(steps(f"{order.before} {order.residual}"), steps(order.after))
    for name, order in ACTIVATION_ORDERS.items()
}), "Five orders of the same layers.")  # fmt: skip

# %% [markdown]
# All five have the same layers and the same number of weights. Before any training, after 16 of
# each:

# %% tags=["hide-input"]
by_order = {spoken(name): through(unit(name), SEED) for name in ACTIVATION_ORDERS}
means = {name: found["mean"] for name, found in by_order.items()}
ends = "; ".join(f"{name}: {values[-1]:.1f}" for name, values in means.items())
show(plots.curves(
    range(DEPTH + 1), means, f"The mean of the values after each of {DEPTH} untrained blocks. "
    f"After the last one: {ends}.",
    x_label="blocks passed", y_label="mean of values", xticks=range(0, DEPTH + 1, 4),
), "How large the values are, on average, after each untrained block.")  # fmt: skip

# %% tags=["hide-input"]
columns = ("mean", "correlation with the input", "gradient at the start, by order")
found = {
    name: (row["mean"][-1], row["like the first"][-1], row["gradient"][0])
    for name, row in by_order.items()
}
arrives = {name: row[1] for name, row in found.items()}
assert arrives["full pre-activation"] > arrives["original"] > arrives["BN after addition"] + 0.03
assert means["ReLU before addition"][-1] > 5 > 4 > means["original"][-1]
table(
    ("order", columns[0], "five seeds", columns[1], "five seeds", "gradient at the start",
     "five seeds"),
    beside_seeds(found, columns),
)  # fmt: skip

# %% [markdown]
# - **BN after addition** normalizes the shortcut as well. No block leaves the sum alone, and
#   hardly any of the input arrives.
# - **ReLU before addition**: the branch can only add, never take away, so values grow with every
#   block. Much of the input arrives, but a residual should be able to have either sign.
# - **ReLU-only pre-activation** leaves the shortcut clear, but its first ReLU sees sums that have
#   not been normalized, and normalization and ReLU, which belong together, are separated.
# - **Full pre-activation** leaves the shortcut clear, and each convolution sees normalized,
#   rectified values.

# %% [markdown]
# "Post" becomes "pre" by a change of view: if the ReLU at a block's end is counted as the start
# of the next block's *branch*, the shortcut is left free. (Hence the name: each convolution comes
# after its activation.)

# %% tags=["hide-input"]
orders = ["original", *(name for name, row in ABLATIONS.items() if "order" in row.arguments)]
table(
    ("Table 2 of the paper: order", "ResNet-110", "ResNet-164"),
    [(spoken(name), *map(percent, ABLATIONS[name][1:])) for name in orders],
)

# %% tags=["hide-input"]
study("activation_order")

# %% [markdown]
# ### Pre-activation, in practice
#
# Between two blocks there is *nothing* but the sum. We can check that: the last output is the
# first input plus all branches, up to rounding. With a ReLU after each addition, it is not.


# %% tags=["hide-input"]
def away_from_the_sum(block, seed=1, depth=6):
    """How far the last output is from the first input plus all that branches added."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 4))
    x = inputs
    for number in range(depth):
        x = block(x, f"block{number}")
    net = keras.Model(inputs, x)
    sums = [layer for layer in net.layers if isinstance(layer, layers.Add)]
    outputs = keras.Model(inputs, [part for layer in sums for part in layer.input] + [x])
    *parts, last = [np.array(value) for value in outputs(np.random.default_rng(seed).normal(
        size=(4, 8, 8, 4)).astype("float32"))]  # fmt: skip
    branches = sum(parts[1::2])
    return float(np.abs(last - (parts[0] + branches)).max() / np.abs(last).max())


free = away_from_the_sum(lambda x, name: preactivation_block(x, 4, name=name))
bent = away_from_the_sum(lambda x, name: residual_unit(x, 4, name=name))
print(f"away from the sum: pre-activation {free:.0e}, original {bent:.2f}")
assert free < 1e-5 and bent > 0.05

# %% [markdown]
# Three things follow for a network of such blocks:
#
# - The first convolution stands alone, as the first block does its own normalization.
# - After the *last* block comes one more normalization and ReLU, as no block follows to do it.
#   (If they are forgotten, the classifier averages sums that have grown from block to block.)
# - Where the shape changes, the shortcut is a 1x1 convolution of the block's first *activation*,
#   which branch and shortcut share. (The paper's very first block does so too, where no shape
#   changes: its shortcut starts after BN and ReLU, as no earlier block has left a clear one.)
#
# What is it good for? The deeper the network, the more: with 110 layers the paper's error falls
# by a quarter of a point, with 164 by half a point, and with 1001 layers from 7.61 to 4.92 (its
# Table 3). It is why a thousand layers can be trained at all.

# %% tags=["hide-input"]
names = ("resnet110_v2_cifar", "resnet164_v2_cifar", "resnet1001_v2_cifar")
published = [(name, architectures.describe(name)) for name in names]
table(
    ("pre-activation net", "weight layers", "CIFAR-10 test error (%)"),
    [(name, net.depth, percent(net.error("cifar10"))) for name, net in published],
)

# %% [markdown]
# ## 4 · Which differences are real?
#
# Train the *same* network again with another seed: other initial weights, another order of the
# images.
#
# **Guess first.** By how many points of test error do six such runs differ?


# %% tags=["hide-input"]
def halved(images):
    """Means of 2x2 pixels, from 0 to 1."""
    shape = (len(images), images.shape[1] // 2, 2, images.shape[2] // 2, 2, 3)
    return images.astype("float32").reshape(shape).mean(axis=(2, 4)) / 255


train_images, train_labels = datasets.load_arrays("course_shapes", "train[:1024]")
test_images, test_labels = datasets.load_arrays("course_shapes", "test[:500]")
train_images, test_images = halved(train_images), halved(test_images)


def small_error(seed, steps=100):
    """Test error in percent of a net of two original blocks after a short training."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    for _ in range(2):
        y = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(y))
        y = layers.Conv2D(16, 3, padding="same", use_bias=False)(y)
        x = layers.ReLU()(layers.Add()([x, layers.BatchNormalization(momentum=0.8)(y)]))
    net = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    optimizer, weights = keras.optimizers.Adam(0.005), net.trainable_variables
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = net(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)

    for chosen in np.random.randint(len(train_images), size=(steps, 32)):
        step(tf.constant(train_images[chosen]), tf.constant(train_labels[chosen]))
    return 100 * float(np.mean(np.argmax(net(test_images), axis=-1) != test_labels))


six = [small_error(seed) for seed in range(1, 7)]
mean, deviation = np.mean(six), np.std(six, ddof=1)
show(plots.bars(
    {"one net, six seeds": six}, "The same network trained with six seeds, a dot for each.",
    label="test error in %",
), "Nothing but the seed differs.")  # fmt: skip

# %% tags=["hide-input"]
print(f"from {min(six):.1f} to {max(six):.1f}, mean {mean:.1f}, deviation {deviation:.1f}")
print(f"standard error of the mean: {deviation / len(six) ** 0.5:.1f}")

# %% [markdown]
# Nothing at all was changed here. Had the worst and the best of these dots been an "original" and
# an "improvement", each trained once, we would have believed in the improvement.
#
# So we need several seeds, and two numbers that must not be confused.
#
# - The **standard deviation** $s$ (over $n - 1$) says how far *one run* may lie from the mean. More
#   runs do not make it smaller.
# - The **standard error** $s / \sqrt n$ says how far the *mean* may lie from that of infinitely
#   many runs.
#
# To compare two variants, divide the difference of their means by its own standard error, and ask
# how likely so large a ratio would be if there were no difference. **Welch's test** does so
# without assuming that both scatter equally, and allows for the fact that three runs say little
# about a standard deviation. Compare a variant with the baseline at $p < 0.05$, and one time in
# twenty you are fooled. Compare *six*, and you are fooled more often, so the level has to be
# divided among them.
#
# How often, with three seeds each? Let us draw errors, many times, for a baseline and six
# variants that are all exactly *as good*, and count how often a rule finds an improvement among
# the six. (Guess before you look: how often, if each is trained once and the best one wins?)

# %%
rng = np.random.default_rng(0)
TRIALS, VARIANTS, SEEDS = 4000, 6, 3
drawn = rng.normal(size=(TRIALS, 1 + VARIANTS, SEEDS))  # in deviations between seeds
base, rest = drawn[:, :1], drawn[:, 1:]
p = stats.ttest_ind(rest, np.broadcast_to(base, rest.shape), axis=-1, equal_var=False).pvalue
better = rest.mean(-1) < base.mean(-1)
whisker = drawn.std(-1, ddof=1) / SEEDS**0.5
apart = rest.mean(-1) + whisker[:, 1:] < base.mean(-1) - whisker[:, :1]
rules = {
    "one seed each, the best wins": rest[..., 0] < base[..., 0],
    "best seed against best seed": rest.min(-1) < base.min(-1),
    "means of three seeds": better,
    "whiskers do not overlap": apart,
    "Welch, p < 0.05": better & (p < 0.05),
    "Welch, p < 0.05 / 6": better & (p < 0.05 / VARIANTS),
}
fooled = {name: [100 * float(found.any(axis=1).mean())] for name, found in rules.items()}
assert fooled["one seed each, the best wins"][0] > 80 > 2 * fooled["whiskers do not overlap"][0]
assert fooled["Welch, p < 0.05 / 6"][0] < 3 < 20 < fooled["whiskers do not overlap"][0]
show(plots.bars(
    fooled, "How often each rule finds an improvement among six variants that are all as good as "
    "the baseline, with three seeds each.", label="found an improvement, in % of trials",
), "How often each rule finds an improvement where there is none.")  # fmt: skip

# %% [markdown]
# A table with one run per row nearly always finds an improvement. The last rule keeps its
# promise. The price: three seeds will mostly not show a small difference that *is* there, and now
# and then not even a large one. In section 2, dropout on the shortcut costs 47 points of error
# and narrowly misses the level, as three runs say so little about a standard deviation. "Not
# shown" is not "equal". It says: run more, or leave it open.
#
# How many runs? Roughly, the difference should be three to four times its standard error. For a
# difference of half a deviation between seeds, that takes this many:

# %%
rows = []
for gap in (0.5, 1.0, 2.0, 4.0):
    for count in range(3, 200):
        a, b = rng.normal(size=(2, 2000, count))
        found = stats.ttest_ind(a + gap, b, axis=-1, equal_var=False).pvalue < 0.05
        if found.mean() > 0.8:
            break
    rows.append((gap, count))
table(("difference, in deviations between seeds", "seeds each, to find it 4 times of 5"), rows)

# %% [markdown]
# Two more traps. Choose the best *epoch* by the test set, and every number becomes too good: take
# the last one, or choose on validation images. And compare with the same recipe: if you tune the
# learning rate of the new variant alone, you compare the tuning.
#
# ## 5 · Other ways to spend weights
#
# ### Wide, not deep
#
# With an identity on the shortcut, a hundred layers can be trained. Should they be? **Wide
# residual networks** (Zagoruyko and Komodakis, 2016) keep the pre-activation block, take fewer of
# them, and multiply all filters by a factor $k$. Weights grow with the *square* of the width, but
# linearly with depth, so for the same number of weights a network that is twice as wide has a
# quarter of the layers.
#
# They first asked which convolutions a block should have, B(3,3), B(1,3,1), B(3,1), B(1,3),
# B(3,1,1) or B(3,1,3), at about equal numbers of weights: the results are close to each other,
# and the simple B(3,3) is the best. Here they are for one block of 64 channels:


# %% tags=["hide-input"]
def kernel_weights(net):
    """Weights of each kernel."""
    return [int(np.prod(weight.shape)) for weight in net.weights if weight.name == "kernel"]


rows = []
for kernels in ((3, 3), (1, 3, 1), (3, 1), (1, 3), (3, 1, 1), (3, 1, 3)):
    inputs = keras.Input((8, 8, 64))
    block = keras.Model(inputs, preactivation_block(inputs, 64, kernels=kernels, name="block"))
    weights = sum(kernel_weights(block))
    field = sizing.receptive_field([(size, 1) for size in kernels])
    rows.append((f"B({','.join(map(str, kernels))})", weights, f"{field}x{field}"))
table(("block", "weights in kernels", "receptive field"), rows)

# %% [markdown]
# Next, depth against width. Here are published errors, with weights and multiply-adds counted on
# the networks as this course builds them:

# %% tags=["hide-input"]
rows = []
for name in ("wrn_40_2", "wrn_16_8", "wrn_16_10", "wrn_28_10"):
    net = architectures.describe(name)
    error = net.error("cifar10")
    rows.append(
        (name, net.depth, f"{net.params / 1e6:.1f}", f"{net.macs / 1e9:.2f}", percent(error))
    )
deep = architectures.describe("resnet1001_v2_cifar")
table(
    ("net", "depth", "million weights", "billion multiply-adds", "CIFAR-10 test error (%)"),
    [
        (
            "pre-activation ResNet (weights: paper)",
            deep.depth,
            "10.2",
            "–",
            percent(deep.error("cifar10")),
        ),
        *rows,
    ],
)

# %% [markdown]
# Sixteen wide layers do better than a thousand thin ones, with about as many weights. And wide is
# fast: layers must wait for each other, channels need not. Here are the same multiply-adds in
# many thin layers and in few wide ones:


# %% tags=["hide-input"]
def seconds(layers_, channels, repeats=5):
    """The shortest of several passes through 3x3 convolutions on 16x16 pixels."""
    x = tf.random.normal((8, 16, 16, channels))
    kernel = tf.random.normal((3, 3, channels, channels)) / channels
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        y = x
        for _ in range(layers_):
            y = tf.nn.relu(tf.nn.conv2d(y, kernel, 1, "SAME"))
        y.numpy()
        times.append(time.perf_counter() - start)
    return min(times)


thin, wide = seconds(128, 16), seconds(8, 64)
macs = [n * sizing.conv_macs(c, c, 3, output_size=(16, 16)) for n, c in ((128, 16), (8, 64))]
assert macs[0] == macs[1]
print(f"128 layers of 16 channels take {thin / wide:.1f} times as long as 8 layers of 64")

# %% [markdown]
# **Dropout inside** the block, between its two convolutions, helped them a little on most
# datasets. On the shortcut it failed (section 2): there it multiplies what must pass unchanged.
# See where it goes:

# %%
inputs = keras.Input((8, 8, 64))
block = keras.Model(inputs, preactivation_block(inputs, 64, dropout=0.3, name="block"))
print(" → ".join(type(layer).__name__ for layer in block.layers[1:]))

# %% [markdown]
# ### Many paths: cardinality
#
# **ResNeXt** (Xie et al., 2017) takes the bottleneck block of lecture 07 and cuts it into $C$ paths
# side by side, $C$ being the **cardinality**. Every path reduces the input to $d$ channels,
# convolves them, and expands them again; the paths are added up. All paths have the same form,
# unlike those of an Inception module, so nobody has to design them.
#
# Three forms of it compute the same function. (a) Separate paths, each to its end, then a sum. (b)
# The paths' 3x3 results concatenated, then *one* 1x1 convolution: to multiply pieces and add up is
# to multiply the whole, $\sum_i W_i y_i = [W_1 \dots W_C]\, [y_1; \dots; y_C]$. (c) One bottleneck,
# whose 3x3 convolution has $C$ groups ([lecture 01](01_convolution.ipynb), section 4). Grouping
# takes away links:

# %% tags=["hide-input"]
show(diagrams.channel_links(8, {
    "1 group": (1, 9), "2 groups": (2, 9), "4 groups": (4, 9), "8 groups": (8, 9),
}), "Links between channels: groups take most of them away.")  # fmt: skip

# %% [markdown]
# Fewer links leave weights for more channels. With equal weights for a block of 256 channels,
# from the bottleneck (one path of 64) to 32 paths of 4:

# %% tags=["hide-input"]
rows = []
for cardinality, width in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)):
    inputs = keras.Input((4, 4, 256))
    block = resnext_block(
        inputs,
        256,
        cardinality=cardinality,
        path_width=width,
        implementation="grouped",
        name="block",
    )
    weights = kernel_weights(keras.Model(inputs, block))
    rows.append((cardinality, width, cardinality * width, sum(weights), weights[1]))
assert all(abs(row[3] - rows[0][3]) < 0.03 * rows[0][3] for row in rows)
assert rows[-1][3] == 70_144 and rows[0][3] == 69_632  # the paper's "about 70k"
table(("paths", "channels per path", "channels of all paths", "weights", "of these 3x3"), rows)

# %% [markdown]
# Note that $d$ is not $64 / C$. Thirty-two paths of 2 channels would be far cheaper, as a path's
# 3x3 kernel has $9 d^2$ weights: the saving is spent on width, 128 channels instead of 64. In the
# paper's Table 3, at equal cost, more paths were better all the way down the list: the top-1
# error on ImageNet fell from 23.9 % (ResNet-50) to 22.2 % (32 paths of 4). Given twice the budget,
# the paper gains most by more paths or wider ones in ResNeXt, less by a wider ResNet, and least by
# a deeper one (Table 4).
#
# What paths side by side can't buy is a larger view: two 3x3 convolutions in parallel still see 3x3
# pixels, two in a row see 5x5. Some depth has to stay.
#
# ### Channels that grow
#
# A ResNet doubles its channels where it halves height and width, at two or three places.
# **PyramidNet** (Han et al., 2017) adds a few in *every* block, $\alpha$ in total. New channels
# on the shortcut are zeros. It has no ReLU before the first convolution of a block, and one more
# normalization before the addition.
#
# **DenseNet** (Huang et al., 2017) does not add, it *concatenates*: every layer appends $g$ new
# channels (the growth rate) to those already there, and the next layer sees them all. Nothing
# that was computed is ever overwritten. With $k_0$ channels at the start, layer $l$ sees $k_0 + g
# (l - 1)$. Transitions between the blocks halve height and width and keep a fraction $\theta$ of
# the channels.


# %% tags=["hide-input"]
def channels_of(net, kind):
    """Channels after each layer of a kind."""
    return [layer.output.shape[-1] for layer in net.layers if isinstance(layer, kind)]


shape = (32, 32, 3)
shown_nets = {
    "ResNet": architectures.build("resnet20_cifar", depth=26, input_shape=shape),
    "PyramidNet": architectures.build("pyramidnet110_a48", depth=26, input_shape=shape),
    "DenseNet": architectures.build("densenet_bc_100_12", repeats=(4, 4, 4), input_shape=shape),
}
growth = {
    name: channels_of(net, layers.Concatenate if name == "DenseNet" else layers.Add)
    for name, net in shown_nets.items()
}
show(
    draw.widths(
        growth,
        "Channels after each block of three small nets, as bars: steps, a ramp, and ramps with a "
        "fall at each transition.",
    ),
    "Channels after each block: steps, a ramp, and ramps that fall.",
)

# %% [markdown]
# A DenseNet's layers are thin, as they need not pass on what others have computed. So it has few
# weights for its error, but much to keep in memory: all those feature maps.

# %% tags=["hide-input"]
rows = []
for name in ("resnet56_cifar", "densenet_40_12", "densenet_bc_100_12"):
    net = architectures.describe(name)
    error = percent(net.error("cifar10"))
    rows.append((name, f"{net.params / 1e6:.2f}", f"{net.macs / 1e6:.0f}", error))
table(("net", "million weights", "million multiply-adds", "CIFAR-10 test error (%)"), rows)

# %% [markdown]
# ## 6 · How long are the paths?
#
# Multiply the sum out. Through $L$ blocks there are $2^L$ **paths**, as each block can be passed
# through its branch or its shortcut. $\binom{L}{k}$ of them go through $k$ branches, so nearly
# all of the paths through 54 blocks go through 20 to 34 of them. Veit et al. (2016) found that
# even fewer matter: on the way back a gradient is changed by every branch that it passes through.
# If it shrinks each time, the few short paths carry more than the many long ones.
#
# Measure it: a stack of 16 pre-activation blocks before training; the gradient through $k$
# branches chosen at random and through the shortcuts of the others.


# %% tags=["hide-input"]
def through_paths(seed, depth=16, width=8, tries=1):
    """The mean size of a gradient that passes 0, 1, ... branches, relative to that at the end."""
    keras.utils.set_random_seed(seed)
    chance = np.random.default_rng(seed)
    branches = []
    for _ in range(depth):
        inputs = keras.Input((8, 8, width))
        sums = preactivation_block(inputs, width, name="block")
        branches.append(keras.Model(inputs, layers.Subtract()([sums, inputs])))
    x, values = tf.random.normal((4, 8, 8, width)), []
    for branch in branches:
        values.append(x)
        x = x + branch(x, training=True)
    end = tf.random.normal(x.shape)
    sizes = []
    for length in range(depth + 1):
        found = []
        for _ in range(tries if 0 < length < depth else 1):
            chosen = chance.choice(depth, length, replace=False)
            gradient = end
            for block in sorted(chosen, reverse=True):
                with tf.GradientTape() as tape:
                    tape.watch(values[block])
                    y = branches[block](values[block], training=True)
                gradient = tape.gradient(y, values[block], output_gradients=gradient)
            found.append(float(tf.norm(gradient) / tf.norm(end)))
        sizes.append(float(np.mean(found)))
    return np.array(sizes)


passed = through_paths(SEED)
number = np.array([float(stats.binom.pmf(k, 16, 0.5)) for k in range(17)])
show(draw.lengths(
    {"paths of each length": number, "paths times the size of their gradient": number * passed},
    "branches that a path goes through, of 16",
), "Lengths of the paths, as many as there are, and weighed by their gradient.")  # fmt: skip

# %% tags=["hide-input"]
mean_length = float((number * passed) @ np.arange(17) / (number * passed).sum())
assert mean_length < 7
table(("", "this run", "five seeds"), beside_seeds(
    {"the gradient that is left after a branch": [(passed[8] / passed[0]) ** (1 / 8)],
     "mean length of paths, weighed by their gradient (of 16)": [mean_length]}, ["paths"],
))  # fmt: skip

# %% [markdown]
# So a residual network of 110 layers is not as deep as it looks: it is a bundle of much shallower
# ones that share weights. That fits what lecture 07 saw in its section 7, when it took a block out
# of a trained network: half of the paths are gone, and the other half is unchanged.
#
# **FractalNet** (Larsson et al., 2017) makes such a bundle without any residual: columns of 1, 2,
# 4, ... convolutions, averaged wherever columns meet. In training whole columns are dropped, so
# that each is a network of its own. It trains well at depths where plain networks fail. Its
# authors conclude that the key is not the residual, but that a network can change, as it trains,
# from effectively shallow to deep.
#
# **Stochastic depth** (Huang et al., 2016) drops branches at random during training, block $l$ of
# $L$ with a probability that rises linearly to $1 - p_L$ at the last one. Early blocks, which all
# others need, survive more often. In training the network is *short*, at inference it has all its
# blocks, each branch multiplied by its survival probability (or, equivalently, divided by it in
# training). Today it is used as a regularizer. How deep is the network while it trains?


# %% tags=["hide-input"]
def depth_in_training(survival, blocks=54):
    """How many of the blocks survive, with the last one's probability; drawn 5,000 times."""
    drops = np.array(linear_decay(1 - survival, blocks))
    alive = (np.random.default_rng(0).random((5000, blocks)) >= drops).sum(axis=1)
    return draw.lengths(
        {f"the last of {blocks} blocks survives with {survival:g}":
         np.bincount(alive, minlength=blocks + 1)},
        "blocks that survive",
    )  # fmt: skip


interactive(
    depth_in_training, {"survival": 0.5}, survival=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    caption="How deep the network is in training. Dashed: the mean.",
)  # fmt: skip

# %%
expected = sum(1 - rate for rate in linear_decay(0.5, 54))
print(f"expected with 0.5: {expected:.2f} of 54 blocks, {expected / 54:.3f} of them")
assert np.isclose(expected, 40.25)

# %% [markdown]
# ## What the slides say, and what is right
#
# Three public lectures, and where their slides, or what was said, differ from the papers:

# %% tags=["hide-input"]
CS231N, C147 = "Stanford CS231n, 2020, lecture 9", "UCLA C147, 2018, lecture 8"
NPFL138 = "Charles University NPFL138, lecture 5"
corrections = [
    ("the longest path", C147, "these architectures shorten the longest path from the loss to the "
     "input", "the longest path stays; there are short ones beside it",
     "only stochastic depth and FractalNet's drop-path shorten it, and only in training"),
    ("DenseNet", CS231N, "a shallow 50-layer network can outperform a 152-layer ResNet",
     "that is WRN-50-2", "DenseNet-201 comes up to ResNet-101"),
    ("32 groups of 4 channels", NPFL138, "64 channels, eight times cheaper",
     "they are 128 channels, and four times as many 3x3 weights as 32 groups of 2",
     f"{128 * 4 * 9:,} against {64 * 2 * 9:,}; 64 channels without groups have {64 * 64 * 9:,}, "
     "eight times as many"),
    ("pre-activation in very deep nets", NPFL138, "nearly 0.55 points better, at 200 layers",
     f"{ABLATIONS['original'].resnet164 - ABLATIONS['full_preactivation'].resnet164:.2f} points at "
     "164 layers, 1.1 at 200",
     "5.93 and 5.46 % on CIFAR-10 (Table 2), 21.8 and 20.7 % top-1 on ImageNet (Table 5)"),
    ("a 1x1 convolution on the shortcut", NPFL138, "twice as bad", "12.22 against 6.61 %: nearly",
     "and better by a little in a net of 34 layers"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. After how many shortcuts with a factor of 0.99 is half of a signal left? With 1.01, how many
#    make it ten times as large?
# 2. Call `through(unit("dropout_shortcut"), SEED)`. How much of the input arrives after 16 blocks,
#    and how large is the gradient at the start?
# 3. Which of the five orders still computes an identity if the kernels of the branch's last
#    convolution are zeros? Decide with pencil and paper, then try it.
# 4. In section 4, let one of the six variants be better by one deviation between seeds. How often
#    does each rule find it?
# 5. How many weights does a ResNeXt block of 256 channels with 16 paths of 8 have? Compare it with
#    the table.
# 6. Let the survival probability of stochastic depth fall to 0.8 instead of 0.5. How many of 54
#    blocks are there in training, on average?
#
# ## To remember
#
# - With identities on the shortcut the output is a *sum*, and the gradient has a term that no
#   weight shrinks. On the direct path, any factor is raised to the power of the depth; the
#   gradient as a whole does not vanish, it grows.
# - Constants, gates, 1x1 convolutions and dropout on the shortcut all hurt, though some of them
#   contain the identity. What a network can represent is not what training finds.
# - Pre-activation: BN, ReLU, convolution, twice; nothing after the addition; BN and ReLU once more
#   at the network's end; projections of the shared first activation.
# - Weights grow with the square of the width. With equal weights, wide and shallow networks train
#   as well as deep and thin ones, and faster. Cardinality spends them on more, thinner paths.
# - PyramidNet widens in every block; DenseNet concatenates: $k_0 + g\, l$ channels after layer $l$.
# - A residual network is a bundle of paths, and the short ones carry most of the gradient.
# - One run is not a result. Mean and standard error of several seeds, Welch's test, and a level
#   divided by the number of comparisons. "Not shown" is not "equal".
#
# ## To read
#
# - K. He, X. Zhang, S. Ren, J. Sun, *Identity mappings in deep residual networks*, ECCV 2016,
#   arXiv:1603.05027.
# - R. Srivastava, K. Greff, J. Schmidhuber, *Highway networks*, 2015, arXiv:1505.00387.
# - S. Zagoruyko, N. Komodakis, *Wide residual networks*, BMVC 2016, arXiv:1605.07146.
# - S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He, *Aggregated residual transformations for deep
#   neural networks*, CVPR 2017, arXiv:1611.05431.
# - D. Han, J. Kim, J. Kim, *Deep pyramidal residual networks*, CVPR 2017, arXiv:1610.02915.
# - G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, *Densely connected convolutional networks*,
#   CVPR 2017, arXiv:1608.06993.
# - G. Larsson, M. Maire, G. Shakhnarovich, *FractalNet: ultra-deep neural networks without
#   residuals*, ICLR 2017, arXiv:1605.07648.
# - G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, *Deep networks with stochastic depth*, ECCV
#   2016, arXiv:1603.09382.
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. Schoenholz, *A mean field theory of batch
#   normalization*, ICLR 2019, arXiv:1902.08129.
# - A. Veit, M. Wilber, S. Belongie, *Residual networks behave like ensembles of relatively shallow
#   networks*, NeurIPS 2016, arXiv:1605.06431.
# - X. Bouthillier et al., *Accounting for variance in machine learning benchmarks*, MLSys 2021,
#   arXiv:2103.03098.
