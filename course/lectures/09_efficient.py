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
# # 09 · Efficient networks
#
# Around 2015 the question changed: no longer how good a network can get, but how good it can get
# *for what it costs*. This lecture
#
# 1. compares networks by what they cost, in **four currencies**,
# 2. splits a convolution into **space and channels**,
# 3. **shuffles** channels, without which groups never meet,
# 4. turns the bottleneck around, and shows why its end must be **linear**,
# 5. lets channels be weighted by the whole image: **squeeze-and-excitation**,
# 6. looks at **Swish** and GELU, and at what a few more channels do,
# 7. puts all of this together: **EfficientNet**, and how to scale it,
# 8. measures why **multiply-adds are not time**,
# 9. trains on **small images first**, and
# 10. asks which networks are **worth a look** at all.
#
# Code that only measures or draws is folded: click on it to read it. Where a table says "five
# seeds", they were recorded in advance by this very notebook; what the cells assert held for each
# of them. The assignment is [09_efficient](../09_efficient/09_efficient.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import architectures, datasets, sizing
from course.architectures import efficientnet as family
from course.benchmarks import roofline
from course.listing import kept
from course.recipes import papers
from course.training import seeds
from course.training.small import Tuner
from course.visualization import comparison, costs, diagrams, efficient, plots
from course.visualization.display import show, table

SEED = 1
before, numbers = seeds.load("09_efficient"), {}  # with five seeds, and in this run
NETS = kept()  # the numbers of all networks of the course


def top1(name):
    """Published top-1 error on ImageNet in percent."""
    return NETS[name].published["ImageNet top-1 error"]


# %% [markdown]
# ## 1 · Four currencies
#
# A network is paid for in multiply-adds, in parameters, in memory for its feature maps, and in
# time. Canziani, Paszke and Culurciello (2016) drew accuracy against the first, with the second
# as area. Here is such a plot with numbers that were counted by this course's library, and the
# accuracy that each paper reports.

# %% tags=["hide-input"]
DRAWN = (
    "vgg16", "vgg19", "nin", "inception_v3", "resnet50", "resnet101", "resnet152", "densenet201",
    "se_resnet50", "senet154", "mobilenet", "mobilenet_025", "mobilenet_v2", "shufflenet_g3",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b3", "efficientnet_b5", "efficientnet_b7",
    "efficientnet_v2_s",
)  # fmt: skip
rows = comparison.collect(DRAWN)
assert all(NETS["vgg19"].params > NETS[name].params for name in DRAWN[2:])
better = "resnet50", "se_resnet50", "efficientnet_b0", "efficientnet_b3"
assert all(top1(name) < top1("vgg19") for name in better)
assert all(4 * NETS[name].macs < NETS["vgg19"].macs for name in better)
show(
    comparison.plot(rows),
    "Published accuracy against multiply-adds; the area of a circle stands for parameters.",
)

# %% [markdown]
# VGG is the worst on every axis: the most parameters of all, and four times the multiply-adds of
# networks that are better. The ResNets lie on a line of their own. Above them, and far to the left
# of them, is a second line, which began with MobileNet and ShuffleNet and ends, for now, with
# EfficientNet. Along either line **returns diminish**: each further point of accuracy costs more
# than the one before.

# %% tags=["hide-input"]
steps = []
for here, there in (("b0", "b1"), ("b3", "b4"), ("b6", "b7")):
    a, b = f"efficientnet_{here}", f"efficientnet_{there}"
    more = (NETS[b].macs - NETS[a].macs) / 1e6
    steps.append((f"{here.upper()} to {there.upper()}", f"{more:,.0f}",
                  f"{top1(a) - top1(b):.1f}", f"{more / (top1(a) - top1(b)):,.0f}"))  # fmt: skip
prices = [float(row[-1].replace(",", "")) for row in steps]
assert prices[0] < prices[1] / 5 < prices[2] / 50
table(("step", "10⁶ multiply-adds more", "points of accuracy more", "10⁶ for a point"), steps)

# %% [markdown]
# The currencies don't rank networks alike. AlexNet has fewer multiply-adds than GoogLeNet, and nine
# times its parameters:

# %% tags=["hide-input"]
compared = [
    (name, f"{NETS[name].macs / 1e6:,.0f}", f"{NETS[name].params / 1e6:,.1f}")
    for name in ("alexnet", "googlenet", "vgg16", "resnet50", "efficientnet_b0")
]
assert NETS["alexnet"].macs < NETS["googlenet"].macs
assert 8 < NETS["alexnet"].params / NETS["googlenet"].params < 10
table(("network", "10⁶ multiply-adds", "10⁶ parameters"), compared)

# %% [markdown]
# The fourth currency, time, comes in section 8. (Canziani et al. measured power as well. Nothing
# here can measure it, so nothing about power is claimed.)
#
# ## 2 · Space, then channels
#
# An ordinary convolution has a weight for each pair of channels at each of $k^2$ places. A
# **depthwise separable** one looks around first, in each channel by itself ($k^2$ weights for each
# of $C$ channels), and mixes the channels afterwards (a 1x1 convolution to $F$ channels, $C F$
# weights). [Lecture 02](02_sizing.ipynb), section 9, counted what that saves: a part of
# $\frac{1}{F} + \frac{1}{k^2}$ is left.
#
# **Guess first.** How much of what is left is in the 1x1 convolution?

# %% tags=["hide-input"]
rows, shares = [], {}
for channels in (32, 64, 128, 256, 512, 1024):
    plain = sizing.conv_params(channels, channels, 3, use_bias=False)
    around = sizing.depthwise_conv_params(channels, 3, use_bias=False)
    shares[channels] = channels**2 / (channels**2 + around)
    rows.append((channels, f"{plain / (channels**2 + around):.2f}", f"{plain // around}",
                 f"{100 * shares[channels]:.0f} %"))  # fmt: skip
assert rows[0][1:] == ("7.02", "32", "78 %") and rows[-1][1:] == ("8.92", "1024", "99 %")
table(("C = F", "times fewer weights", "3x3 part alone, times fewer", "in the 1x1"), rows)

# %% [markdown]
# Nearly all of it. The depthwise part has $C$ times fewer weights than an ordinary 3x3
# convolution, hundreds of times, so a separable network is a network of 1x1 convolutions, with a
# little looking around in between. In MobileNet 1.0 (Howard et al., 2017):

# %% tags=["hide-input"]
mobile = sizing.profile(architectures.build("mobilenet"))
parts = {"1x1": 0, "depthwise": 0, "the rest": 0}
weights = dict(parts)
for row in mobile.rows:
    kind = "1x1" if "pointwise_conv" in row.name else "depthwise"
    kind = kind if "pointwise_conv" in row.name or "depthwise_conv" in row.name else "the rest"
    parts[kind] += row.macs
    weights[kind] += row.params
assert mobile.macs == 568_740_352 and mobile.params_trainable == 4_231_976
assert parts["1x1"] > 0.94 * mobile.macs and parts["depthwise"] < 0.04 * mobile.macs
table(("layers", "part of the multiply-adds", "part of the parameters"), [
    (kind, f"{100 * parts[kind] / mobile.macs:.1f} %",
     f"{100 * weights[kind] / mobile.params:.1f} %")
    for kind in parts
])  # fmt: skip

# %% [markdown]
# The paper reports 70.6 % accuracy for it. Is that "little loss" against ordinary convolutions?
# Ask it the fair way round, at *equal multiply-adds*. A separable net can then afford two and a
# half times the channels. Both nets have a stem and four blocks, and are trained for 300 steps on
# 600 handwritten digits of 8x8 pixels.


# %% tags=["hide-input"]
def prepared(digits):
    """Gray values with a mean of about 0 and a deviation of about 1."""
    return (digits.astype("float32") / 255 - 0.3) / 0.37


DIGITS, CLASSES = datasets.load_arrays("digits", "train")
MORE, MORE_CLASSES = datasets.load_arrays("digits", "test")
TRAIN, TRAIN_CLASSES = prepared(DIGITS[:600]), CLASSES[:600].astype("int64")
TEST = prepared(np.concatenate([DIGITS[600:], MORE]))
TEST_CLASSES = np.concatenate([CLASSES[600:], MORE_CLASSES]).astype("int64")


# %%
def digit_net(width, kind="plain", activation="relu", gates=False):
    """A stem and four blocks of two widths, for digits of 8x8 pixels; it gives logits."""

    def normal(x, bend=activation):
        return layers.Activation(bend)(layers.BatchNormalization(momentum=0.9)(x))

    def mixed(x, filters, size, strides=1):
        return layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)

    x = images = keras.Input((8, 8, 1))
    x = normal(mixed(x, width, 3))
    for number, (filters, strides) in enumerate(((1, 1), (1, 1), (2, 2), (2, 1)), start=1):
        if kind == "plain":
            x = normal(mixed(x, filters * width, 3, strides))
        else:
            x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
            x = normal(mixed(normal(x), filters * width, 1))
        if gates:
            means = layers.GlobalAveragePooling2D(keepdims=True)(x)
            hidden = layers.Dense(filters * width // 4, activation="relu")(means)
            gate = layers.Dense(filters * width, activation="sigmoid", name=f"gates{number}")
            x = layers.Multiply()([x, gate(hidden)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10)(x))


def trained(seed, *arguments, steps=300, **options):
    """Build and train such a net; return it with its accuracy on 1,197 other digits."""
    keras.utils.set_random_seed(seed)
    net = digit_net(*arguments, **options)
    tuner = Tuner(net)
    rates = {weight.path.split("/")[0]: 0.01 for weight in net.trainable_variables}
    tuner.train(TRAIN, TRAIN_CLASSES, rates, steps=steps, seed=seed, batch=64, batch_norm=True)
    return net, 100 * tuner.accuracy(TEST, TEST_CLASSES)


# %% tags=["hide-input"]
found, counts = {}, {}
for name, arguments in {
    "plain, 8 and 16 channels": (8, "plain"), "separable, 20 and 40 channels": (20, "separable"),
    "separable, 8 and 16 channels": (8, "separable"),
}.items():  # fmt: skip
    net, found[name] = trained(SEED, *arguments)
    counts[name] = sizing.profile(net)
    numbers[f"accuracy: {name}"] = found[name]
plain, separable, thin = counts.values()
assert 0.95 < separable.macs / plain.macs < 1.05 and thin.macs < plain.macs / 4
table(("net", "multiply-adds", "weights", "accuracy in %", "five seeds"), [
    (name, f"{counts[name].macs:,}", f"{counts[name].params_trainable:,}", f"{value:.1f}",
     seeds.span(before[f"accuracy: {name}"]))
    for name, value in found.items()
])  # fmt: skip

# %% [markdown]
# The last row is the other way to compare: the *same channels*, for a quarter of the multiply-adds.
# Whoever says that separable convolutions lose accuracy, or that they don't, must say which
# comparison is meant.
#
# ## 3 · Groups that never meet
#
# If nearly everything is in the 1x1 convolutions, make those cheaper: give them $g$ **groups**, and
# they have $g$ times fewer weights. ShuffleNet (Zhang et al., 2018) does. But a filter sees only
# the channels of its group. Which of the 12 channels of the input does each channel of the output
# depend on, after three such layers?

# %% tags=["hide-input"]
GROUPS, CHANNELS = 3, 12


def dependence(count, shuffled):
    """By gradients: which output channels change with which input channels."""
    chance = np.random.default_rng(SEED)
    part = CHANNELS // GROUPS
    x = tf.Variable(chance.normal(size=CHANNELS).astype("float32"))
    with tf.GradientTape() as tape:
        y = x
        for number in range(count):
            kernels = chance.uniform(0.5, 1, (GROUPS, part, part)).astype("float32")
            y = tf.reshape(tf.einsum("gi,gif->gf", tf.reshape(y, (GROUPS, part)), kernels), [-1])
            if shuffled and number < count - 1:
                y = tf.reshape(tf.transpose(tf.reshape(y, (GROUPS, part))), [-1])
    return np.abs(tape.jacobian(y, x).numpy()) > 0


seen = {
    "1 layer": dependence(1, False), "3 layers": dependence(3, False),
    "2 layers, shuffled": dependence(2, True), "3 layers, shuffled": dependence(3, True),
}  # fmt: skip
assert seen["3 layers"].mean() == 1 / GROUPS and seen["2 layers, shuffled"].all()
show(plots.pictures(
    [image.astype(float) for image in seen.values()], list(seen),
    "Four square tables of 12 output channels by 12 input channels, white where one depends on the "
    "other. Without a shuffle three white squares on the diagonal after any number of layers; with "
    "a shuffle all is white after two.",
), "White: this output channel (row) depends on this input channel (column).")  # fmt: skip

# %% [markdown]
# Without a shuffle the groups are $g$ networks side by side, however deep. With one between two
# layers each output depends on *all* inputs, here after two layers already: a new group has
# something of each old one. The shuffle itself has no weights and no multiply-adds. (That it takes
# no time does not follow: ShuffleNet's second version, which was designed for time, has given up
# groups.)

# %% tags=["hide-input"]
show(efficient.shuffle(12, 3, np.arange(12).reshape(3, 4).T.ravel().tolist()),
     "Written as a matrix with a row for each group, read column by column.")  # fmt: skip

# %% [markdown]
# ## 4 · Wide inside, and linear at the end
#
# ResNet's bottleneck is narrow in the middle, because its 3x3 convolution is expensive there. A
# depthwise convolution is cheap. So MobileNetV2 (Sandler et al., 2018) turns the block around:
# narrow feature maps, connected by shortcuts, and in each block an **expansion** by $t = 6$, a
# depthwise convolution on the wide maps, and a **projection** back.

# %% tags=["hide-input"]
show(
    diagrams.blocks({
        "bottleneck": diagrams.Block(("1x1, C/4", "3x3, C/4", "1x1, C")),
        "inverted bottleneck": diagrams.Block(("1x1, 6C", "depthwise, 6C", "1x1, C")),
    }),
    "Where each is wide. BN follows each convolution; ReLU6 the first two of the inverted one.",
)  # fmt: skip

# %% [markdown]
# With $d$ channels in and $d'$ out, at $h \times w$ positions, it has $h\, w\, t d\, (d + k^2 +
# d')$ multiply-adds. What it saves shows beside an ordinary 3x3 convolution on the same wide maps:

# %%
h = w = 56
d, t, k = 24, 6, 3
weights_inverted = t * d * (d + k**2 + d)
weights_wide = sizing.conv_params(t * d, t * d, 3, use_bias=False)
assert weights_inverted == 8_208 and h * w * weights_inverted == 25_740_288
assert weights_wide == 186_624
print(f"{weights_inverted:,} weights instead of {weights_wide:,}")

# %% [markdown]
# After the projection there is **no ReLU**. Two reasons. A residual branch has to be able to *take
# away*, and after a ReLU it could only add ([lecture 07](07_residual.ipynb), section 3). And in few
# dimensions a ReLU destroys what the maps carry. To see it, take a spiral in the plane, map it at
# random to $n$ dimensions, apply ReLU, and go back by the best linear map there is.
#
# **Guess first.** With how many dimensions does the spiral survive?


# %% tags=["hide-input"]
def there_and_back(points, dimensions, chance):
    """Points after a random map, a ReLU, and the linear map back with the least error."""
    wide = np.maximum(points @ chance.normal(size=(2, dimensions)), 0)
    wide = np.column_stack([wide, np.ones(len(points))])
    return wide @ np.linalg.lstsq(wide, points, rcond=None)[0]


turn = np.linspace(0, 4 * np.pi, 400)
spiral = np.column_stack([turn * np.cos(turn), turn * np.sin(turn)]) / (4 * np.pi)
DIMENSIONS = (2, 3, 5, 10, 15, 30)
lost = {}
for n in DIMENSIONS:
    tries = [there_and_back(spiral, n, np.random.default_rng([SEED, n, i])) for i in range(20)]
    lost[n] = float(np.mean([np.sqrt(np.mean((p - spiral) ** 2)) for p in tries]) / spiral.std())
    numbers[f"lost: {n}"] = lost[n]
assert lost[2] > 0.5 and lost[5] > 0.15 and lost[10] < 0.06 and lost[30] < 0.005
show(efficient.spirals(spiral, {
    f"{n} dimensions": there_and_back(spiral, n, np.random.default_rng([SEED, n, 0]))
    for n in (2, 3, 5, 15)
}), "A spiral, and what comes back after a ReLU in so many dimensions.")  # fmt: skip

# %% tags=["hide-input"]
table(("dimensions", "error, as a part of the spiral's size", "five seeds"), [
    (n, f"{lost[n]:.3f}", seeds.span(before[f"lost: {n}"])) for n in DIMENSIONS
])  # fmt: skip

# %% [markdown]
# In two dimensions more than half is lost, in thirty nothing. So the block bends where it is wide,
# and is linear where it is narrow. The shortcut connects the narrow ends, where there is less to
# keep in memory: 24 channels, not 144.
#
# ## 5 · Squeeze and excite
#
# A value of a feature map knows its receptive field. **Squeeze-and-excitation** (Hu et al., 2018)
# tells it about the whole image: the mean of each of the $C$ channels, two dense layers with $C/16$
# values in between, and a sigmoid give each channel a **gate** between 0 and 1, which multiplies it
# at all positions. It acts on the residual branch, before the addition. The price is $2 C^2 / 16 =
# C^2 / 8$ weights for each block, and hardly a multiply-add:

# %% tags=["hide-input"]
plain, gated = NETS["resnet50"], NETS["se_resnet50"]
more = gated.params_trainable - plain.params_trainable
assert more == 2_530_992 and 100 * more / plain.params_trainable < 10
assert gated.macs - plain.macs == 2_514_944
assert 2048**2 // 8 == 524_288
table(("network", "10⁶ weights", "10⁶ multiply-adds", "top-1 error in %"), [
    (name, f"{NETS[name].params_trainable / 1e6:.1f}", f"{NETS[name].macs / 1e6:,.0f}",
     f"{top1(name):.2f}")
    for name in ("resnet50", "se_resnet50", "se_resnext50_32x4d", "senet154")
])  # fmt: skip

# %% [markdown]
# 10 % more weights, 0.07 % more multiply-adds. (The errors of the first two are from different
# papers with different training; Hu et al. compare their own.) With this block SENet won the last
# ImageNet classification challenge, in 2017: a ResNeXt-152 (64x4d), changed in several details,
# `senet154` here.
#
# What do the gates do? Train a small net of four separable blocks with gates on digits, and look at
# the mean gate of each channel for each class.

# %% tags=["hide-input"]
net, accuracy = trained(SEED, 20, "separable", gates=True)
read = keras.Model(net.inputs, [net.get_layer(f"gates{n}").output for n in (1, 2, 3, 4)])
opened = [np.array(values).reshape(len(TEST), -1) for values in read(TEST)]
by_class = {
    f"block {n}": np.stack([values[c == TEST_CLASSES].mean(axis=0) for c in range(10)])
    for n, values in enumerate(opened, start=1)
}
apart = {name: float(rows.std(axis=0).mean()) for name, rows in by_class.items()}
numbers.update({f"apart: {name}": value for name, value in apart.items()})
show(efficient.gates(
    {name: by_class[name] for name in ("block 1", "block 4")}, [str(c) for c in range(10)]
), "Mean gates by digit, in the first and in the last block.")  # fmt: skip

# %% tags=["hide-input"]
table(("", "deviation of the gates between classes", "five seeds"), [
    (name, f"{value:.3f}", seeds.span(before[f"apart: {name}"])) for name, value in apart.items()
])  # fmt: skip

# %% [markdown]
# In Hu et al.'s trained SE-ResNet-50 the early gates are nearly the same for all classes, and the
# later ones are not. Compare it with the table: what a channel means is shared at first, and
# becomes a matter of the class later on.
#
# ## 6 · Swish, GELU, or simply more channels
#
# **Swish**, $x\, \sigma(x)$, is what EfficientNet has in place of ReLU (Ramachandran et al., 2017);
# Keras calls it `silu`. **GELU** (Hendrycks and Gimpel, 2016), $x\, \Phi(x)$ with the normal
# distribution's $\Phi$, is its twin, used in transformers and ConvNeXt. Both are smooth, and not
# monotone: they dip below 0. (GeGLU multiplies a GELU by a linear map, so it is a gate, too.)

# %% tags=["hide-input"]
x = np.linspace(-5, 3, 161)
bent = {
    "ReLU": np.maximum(x, 0),
    "Swish": np.array(keras.activations.silu(x)),
    "GELU": np.array(keras.activations.gelu(x)),
}
lowest = {
    name: (float(x[y.argmin()]), float(y.min())) for name, y in bent.items() if name != "ReLU"
}
assert abs(lowest["Swish"][0] + 1.28) < 0.03 and abs(lowest["Swish"][1] + 0.2785) < 1e-3
assert abs(lowest["GELU"][0] + 0.75) < 0.03 and abs(lowest["GELU"][1] + 0.17) < 1e-3
said = "; ".join(f"{name} {y:.3f} at {at:.2f}" for name, (at, y) in lowest.items())
show(plots.curves(
    x[::5], {name: y[::5] for name, y in bent.items()},
    f"Three activations from -5 to 3. ReLU is 0, then rises. Lowest points: {said}.",
    x_label="x", y_label="f(x)",
), "Smooth, and below 0 on the left.")  # fmt: skip

# %% [markdown]
# Does it help? NPFL138 says: a little, and more channels do as much, if one can pay for them. The
# plain net of section 2, with three activations, and with ReLU and 10 % more channels.

# %% tags=["hide-input"]
tried, spent = {}, {}
for name, (width, bend) in {
    "ReLU, 10 channels": (10, "relu"), "Swish, 10 channels": (10, "silu"),
    "GELU, 10 channels": (10, "gelu"), "ReLU, 11 channels": (11, "relu"),
}.items():  # fmt: skip
    net, tried[name] = trained(SEED, width, activation=bend)
    spent[name] = sizing.profile(net).macs
    numbers[f"accuracy: {name}"] = tried[name]
assert 1.15 < spent["ReLU, 11 channels"] / spent["ReLU, 10 channels"] < 1.25
table(("net", "multiply-adds", "accuracy in %", "five seeds"), [
    (name, f"{spent[name]:,}", f"{value:.1f}", seeds.span(before[f"accuracy: {name}"]))
    for name, value in tried.items()
])  # fmt: skip

# %% [markdown]
# The spans overlap: with these nets and 1,197 digits nothing is shown, in either direction
# ([lecture 08](08_residual_ablations.ipynb), section 4, has the test). What is certain is the
# price: 10 % more channels are 20 % more multiply-adds, and Swish needs an exponential for each
# value, which no count of multiply-adds shows.
#
# ## 7 · EfficientNet
#
# **MBConv** is section 4's block with Swish for ReLU6 and with section 5's gates, on the *wide*
# maps after the depthwise convolution. The gates' hidden layer has a quarter of the *narrow*
# input's channels. EfficientNet-B0 (Tan and Le, 2019) is a table of such blocks. A search on
# ImageNet found it, of the same kind as MnasNet's:

# %% tags=["hide-input"]
size, rows = 112, []
for row in family.TABLE:
    size //= row.strides
    rows.append((f"MBConv{row.expansion}", f"{row.kernel_size}x{row.kernel_size}", row.filters,
                 row.repeats, row.strides, f"{size}x{size}"))  # fmt: skip
assert sum(row.repeats for row in family.TABLE) == 16 and size == 7
b0, resnet = NETS["efficientnet_b0"], NETS["resnet50_v1_5"]
assert b0.params_trainable == 5_288_548 and round(b0.macs / 1e6) == 386
table(("block", "kernel", "channels", "repeats", "stride", "output"), rows)

# %% [markdown]
# A stem of 32 channels comes before, a 1x1 convolution to 1280 channels and the classifier after.
# No rule can be seen in it: kernels go up and down, and channels grow irregularly. What it gains:

# %% tags=["hide-input"]
rows = []
for small, large in (("efficientnet_b0", "resnet50_v1_5"), ("efficientnet_b1", "resnet152")):
    a, b = NETS[small], NETS[large]
    rows.append((f"{small} instead of {large}", f"{b.params_trainable / a.params_trainable:.2f}",
                 f"{b.macs / a.macs:.1f}", f"{top1(large) - top1(small):+.1f}"))  # fmt: skip
assert rows[0][1:3] == ("4.83", "10.6") and rows[1][1:3] == ("7.72", "16.4")
table(("", "times fewer weights", "times fewer multiply-adds", "points of accuracy gained"), rows)

# %% [markdown]
# Not all of the gain is the architecture's. ResNet's numbers are those of 2015, EfficientNet was
# trained with everything that was known in 2019:

# %% tags=["hide-input"]
recipe = papers.EFFICIENTNET
assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == ("rmsprop", 0.256, 4096)
assert (recipe.factor, recipe.period, recipe.weight_decay) == (0.97, 2.4, 1e-5)
table(("", "EfficientNet-B0"), [
    ("optimizer", f"RMSProp, momentum {recipe.momentum:g}"),
    ("learning rate", f"{recipe.learning_rate:g} for batches of {recipe.batch_size:,}, times "
     f"{recipe.factor:g} every {recipe.period:g} epochs, for {recipe.epochs:g} epochs"),
    ("weight decay", f"{recipe.weight_decay:g}"),
    ("dropout", f"{family.SCALES[0].dropout:g} before the classifier"),
    ("stochastic depth", "survival from 1 to 0.8, from block to block"),
    ("average of the weights", f"{recipe.ema:g}"),
    ("augmentation", "AutoAugment"),
])  # fmt: skip

# %% [markdown]
# **Compound scaling.** To spend more, make the network deeper, wider, or its images larger? All
# three: depth by $\alpha^\phi$, width by $\beta^\phi$, resolution by $\gamma^\phi$. Multiply-adds
# grow with $\alpha \beta^2 \gamma^2$, weights only with $\alpha \beta^2$. A search over small
# grids, with $\alpha \beta^2 \gamma^2 \approx 2$ and $\phi = 1$, found 1.2, 1.1 and 1.15: 20 %
# deeper, 10 % wider, and images 15 % larger, for twice the cost.

# %%
alpha, beta, gamma = 1.2, 1.1, 1.15
step, heavier = alpha * beta**2 * gamma**2, alpha * beta**2
assert round(step, 5) == 1.92027 and round(heavier, 3) == 1.452
print(f"a step: {step:.3f} times the multiply-adds, {heavier:.3f} times the weights")

# %% [markdown]
# From then on, it is said, B1 to B7 follow with larger and larger $\phi$.
#
# **Guess first.** Which $\phi$ is B7's: 7?

# %% tags=["hide-input"]
stands_for = {}
for number, scale in enumerate(family.SCALES[1:], start=1):
    factors = (scale.depth, alpha), (scale.width, beta), (scale.resolution / 224, gamma)
    stands_for[f"B{number}"] = [math.log(factor) / math.log(base) for factor, base in factors]
assert np.allclose(stands_for["B4"], (3.22, 3.53, 3.78), atol=0.01)
assert np.allclose(stands_for["B7"], (6.21, 7.27, 7.05), atol=0.01)
assert np.allclose(stands_for["B2"], 1, atol=0.08)
apart_by = {name: max(values) - min(values) for name, values in stands_for.items()}
assert apart_by["B1"] > 0.5 and apart_by["B4"] > 0.5 and apart_by["B7"] > 1
show(efficient.factors(stands_for, range(1, 8)),
     "The exponents that the published depth, width and resolution stand for.")  # fmt: skip

# %% [markdown]
# B2 is the step that was searched for, $\phi = 1$, and B3 about two of them. B1 is half a step,
# without the width, and from B4 on the three exponents part: B7 stands for $\phi = 6.2$ by its
# depth and for 7.3 by its width. The factors in the authors' code were rounded by hand. Whoever
# applies the formula with $\phi = 1, \dots, 7$ gets networks that nobody has trained. Channels are
# rounded to multiples of 8, but not below 90 % of the product, and repeats are rounded up, so costs
# don't follow the rule exactly either:

# %% tags=["hide-input"]
rows, by_rule = [], {}
for number, scale in enumerate(family.SCALES):
    name = f"B{number}"
    net = NETS[f"efficientnet_{name.lower()}"]
    blocks = sum(family.round_repeats(row.repeats, scale.depth) for row in family.TABLE)
    by_rule[name] = scale.depth * scale.width**2 * (scale.resolution / 224) ** 2
    rows.append((name, f"{scale.width:g}", f"{scale.depth:g}", scale.resolution, blocks,
                 f"{net.macs / b0.macs:.1f}", f"{by_rule[name]:.1f}",
                 f"{net.params_trainable / b0.params_trainable:.1f}"))  # fmt: skip
assert [row[4] for row in rows] == [16, 23, 23, 26, 32, 39, 45, 55]
assert rows[-1][5] == "97.8" and rows[-1][7] == "12.5"
table(("net", "width", "depth", "pixels", "blocks", "multiply-adds, times B0's", "d w² r²",
       "weights, times B0's"), rows)  # fmt: skip

# %% [markdown]
# B7 has nearly 100 times the multiply-adds of B0, but only 12.5 times its weights: the resolution
# needs none.
#
# ## 8 · Multiply-adds are not time
#
# "A magnitude faster" (NPFL138) is a claim about time. A processor computes, and it moves values;
# a layer takes as long as the slower of the two. In the **roofline** model (Williams et al., 2009)
# what counts is how many multiply-adds a layer does for each byte that it moves. A 1x1 convolution
# from $C$ to $C$ channels does $C$ for each value that it reads, a depthwise 3x3 convolution nine,
# whatever the number of channels.
#
# **Guess first.** Per multiply-add, how much slower is the depthwise convolution on this machine?

# %% tags=["hide-input"]
timed = {
    (kind, channels): roofline.measure(kind, channels, size)
    for kind in roofline.KINDS for channels, size in ((16, 56), (64, 28), (256, 14))
}  # fmt: skip
measured = {}
for (kind, _), layer in timed.items():
    measured.setdefault(kind, []).append((layer.density, layer.speed))
peak = max(speed for kind in measured.values() for _, speed in kind)
bandwidth = max(speed / dense for kind in measured.values() for dense, speed in kind)
times_slower = {c: timed["1x1", c].speed / timed["depthwise 3x3", c].speed for c in (64, 256)}
assert times_slower[256] > 2
show(
    efficient.roofline(measured, peak, bandwidth),
    "Each point is a layer, timed on this machine: 16, 64 and 256 channels of each kind.",
)

# %% tags=["hide-input"]
table(("channels", "depthwise 3x3: time of a multiply-add, relative to the 1x1's"),
      [(c, f"{value:.1f}") for c, value in times_slower.items()])  # fmt: skip

# %% [markdown]
# The depthwise layers are on the left, under the slope: what they do is moving values. So a network
# with a tenth of the multiply-adds need not take a tenth of the time. One image through three whole
# networks:


# %% tags=["hide-input"]
def forward(net, images):
    """A compiled forward pass."""

    @tf.function(autograph=False)
    def run():
        return net(images, training=False)

    return run


took = {}
for name in ("resnet50_v1_5", "mobilenet", "efficientnet_b0"):
    net = architectures.build(name)
    image = tf.constant(np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32"))
    took[name] = roofline.shortest(forward(net, image), 5)
rows = []
for name, value in took.items():
    fewer, faster = resnet.macs / NETS[name].macs, took["resnet50_v1_5"] / value
    rows.append((name, f"{NETS[name].macs / 1e6:,.0f}", f"{fewer:.1f}", f"{faster:.1f}"))
assert took["resnet50_v1_5"] / took["efficientnet_b0"] < 0.7 * resnet.macs / b0.macs
table(("network", "10⁶ multiply-adds", "times fewer than ResNet-50", "times faster, here"), rows)

# %% [markdown]
# B0 has 10.6 times fewer multiply-adds than ResNet-50, and is not 10 times as fast. (On this
# machine, with one image. On others, and with other batches, the numbers differ. That is the point:
# time belongs to a network *and* a machine. Measure on the one that counts.)
#
# **Fused MBConv.** EfficientNetV2 (Tan and Le, 2021) draws the consequence. In its first stages,
# where maps are large and channels few, one ordinary 3x3 convolution takes the place of expansion
# and depthwise convolution. That has *more* weights and multiply-adds, more than four times:

# %% tags=["hide-input"]
rows, slower = [], {}
for channels, size in ((24, 56), (48, 28), (128, 14)):
    wide = 4 * channels
    separate = wide * (2 * channels + 9)
    fused = wide * (9 * channels + channels)
    spent = {
        part: roofline.measure(part, c, size, filters=f).seconds
        for part, c, f in (("1x1", channels, wide), ("depthwise 3x3", wide, wide),
                           ("3x3", channels, wide))
    }  # fmt: skip
    last = roofline.measure("1x1", wide, size, filters=channels).seconds
    slower[channels] = (spent["3x3"] + last) / (spent["1x1"] + spent["depthwise 3x3"] + last)
    rows.append((channels, f"{separate:,}", f"{fused:,}", f"{fused / separate:.1f}",
                 f"{slower[channels]:.1f}"))  # fmt: skip
assert rows[0][1:4] == ("5,472", "23,040", "4.2") and rows[2][1:4] == ("135,680", "655,360", "4.8")
assert slower[24] < 3
head = "channels", "weights of MBConv, t = 4", "of fused MBConv", "times more", "times the time"
table(head, rows)

# %% [markdown]
# Over four times the multiply-adds, and far less than four times the time where channels are few.
# On an accelerator, whose roof is higher and begins further to the right, a fused block can even be
# *faster* than the other; question 14 of the assignment has the model that says for which machine.
#
# ## 9 · Small images first
#
# B7's images of 600x600 pixels make training slow. EfficientNetV2 ends at 480 (more depth and width
# instead), and trains on small images first. Small images need less regularization, so both grow
# from phase to phase.

# %% tags=["hide-input"]
phases = papers.RECIPES["efficientnet_v2"].phases
starts = [0.0, *(phase.until for phase in phases)]
rows, part = [], 0.0
for start, phase in zip(starts, phases, strict=False):
    length = phase.until - start
    part += length * phase.size**2
    rows.append((f"{100 * start:.0f} to {100 * phase.until:.0f} %", f"{phase.size:.2f}",
                 f"{phase.arguments.get('dropout', 0):.2f}", f"{phase.size**2:.2f}"))  # fmt: skip
assert len(phases) == 4 and 0.5 < part < 0.6
assert max(NETS[f"efficientnet_v2_{size}"].input_shape[0] for size in "sml") == 480
table(("of the training", "side of the images, relative to the last", "dropout",
       "multiply-adds of an image, relative"), rows)  # fmt: skip

# %% tags=["hide-input"]
print(f"the whole training: {100 * part:.0f} % of the multiply-adds that the last size would need")

# %% [markdown]
# Nearly half of the multiply-adds are saved. A convolution takes images of any size, so nothing in
# the network changes; only a network that ends in global average pooling can do that.
#
# ## 10 · Worth a look
#
# A network **dominates** another if it costs no more, has no larger error, and is better in one of
# the two. What no other dominates is the **Pareto front**. Which of this course's networks for
# ImageNet are on it, by multiply-adds, and by weights?

# %% tags=["hide-input"]
published = [name for name in NETS if "ImageNet top-1 error" in NETS[name].published]


def front(cost):
    """Names of the networks that none dominates."""
    rows = [(name, cost(NETS[name]), top1(name)) for name in published]
    left = [
        (spent, name) for name, spent, error in rows
        if not any(c <= spent and e <= error and (c, e) != (spent, error) for _, c, e in rows)
    ]  # fmt: skip
    return [name for _, name in sorted(left)]


fronts = {
    "multiply-adds": front(lambda net: net.macs),
    "weights": front(lambda net: net.params_trainable),
}
assert not any(
    name.startswith(("vgg", "resnet", "inception")) for f in fronts.values() for name in f
)
assert set(fronts["multiply-adds"]) != set(fronts["weights"])
table(("cost", f"of {len(published)} networks, on the front"),
      [(cost, ", ".join(names)) for cost, names in fronts.items()])  # fmt: skip

# %% [markdown]
# No VGG, no ResNet. And yet ResNet is what most people start from: it trains easily, it is fast on
# accelerators, and its weights are everywhere. A front says what is possible for a price in *one*
# currency, with *published* errors, which were reached with different recipes. It is where to look
# first, not where to stop.
#
# ## What the slides say, and what is right

# %% tags=["hide-input"]
NPFL138, CS231N = "Charles University NPFL138, lecture 5", "Stanford CS231n, 2020, lecture 9"
b7 = stands_for["B7"]
corrections = [
    ("EfficientNet-B0's search", NPFL138, "about 20,000 networks, trained on CIFAR-10",
     "a search on ImageNet, as MnasNet's", "the number and CIFAR-10 are NASNet's"),
    ("EfficientNets", NPFL138, "a magnitude faster", "a magnitude fewer multiply-adds",
     "section 8: time is another matter"),
    ("RMSProp with momentum", NPFL138, "Adam without bias correction", "not the same",
     "RMSProp adds up gradients that are divided already, Adam divides their sum"),
    ("B1 to B7", NPFL138, "from the compound rule", "from factors that were rounded by hand",
     f"B7 stands for a phi of {b7[0]:.1f} by depth and of {b7[1]:.1f} by width"),
    ("the winner of 2017", CS231N, "SENet on a ResNeXt-152", "on a changed ResNeXt-152, 64x4d",
     "its stem, its convolutions and its gates differ in details"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# 1. How many times fewer weights has a separable 5x5 convolution from 256 to 256 channels than an
#    ordinary one? First with pencil and paper.
# 2. In section 3, set `GROUPS = 4`. After how many shuffled layers does everything depend on
#    everything? And with `GROUPS = 6`?
# 3. In section 4, leave out the ReLU in `there_and_back`. What is lost in two dimensions, and why?
# 4. How many weights have the gates of a block with 512 channels, for a hidden layer of $C/16$ and
#    of $C/4$? (No biases.)
# 5. By what factor do multiply-adds and weights grow for $\phi = 3$? Compare with B3 in the table.
# 6. Time the 1x1 convolution of section 8 with `batch=1`. Does the point move to the right or to
#    the left, and why?
#
# ## To remember
#
# - Multiply-adds, parameters, memory, time: four currencies, which rank networks differently.
# - Space and channels one after the other: 8 to 9 times fewer weights for 3x3, nearly all of them
#   in the 1x1 convolutions.
# - Groups need a shuffle, or they are separate networks.
# - Wide inside, narrow and linear at the ends; the shortcut connects the narrow ends.
# - Gates tell each channel about the whole image, for hardly a multiply-add.
# - Scaling all three dimensions: multiply-adds grow with $\alpha \beta^2 \gamma^2$, weights with
#   $\alpha \beta^2$. The published EfficientNets follow no single $\phi$.
# - Depthwise convolutions move many values for each multiply-add. Measure time on the machine that
#   counts.
#
# ## To read
#
# - A. Canziani, A. Paszke, E. Culurciello, *An analysis of deep neural network models for practical
#   applications*, 2016, arXiv:1605.07678.
# - A. Howard et al., *MobileNets: efficient convolutional neural networks for mobile vision
#   applications*, 2017, arXiv:1704.04861.
# - X. Zhang et al., *ShuffleNet: an extremely efficient convolutional neural network for mobile
#   devices*, CVPR 2018, arXiv:1707.01083.
# - M. Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks*, CVPR 2018,
#   arXiv:1801.04381.
# - J. Hu, L. Shen, G. Sun, *Squeeze-and-excitation networks*, CVPR 2018, arXiv:1709.01507.
# - P. Ramachandran, B. Zoph, Q. Le, *Searching for activation functions*, 2017, arXiv:1710.05941.
# - D. Hendrycks, K. Gimpel, *Gaussian error linear units*, 2016, arXiv:1606.08415.
# - M. Tan, Q. Le, *EfficientNet: rethinking model scaling for convolutional neural networks*, ICML
#   2019, arXiv:1905.11946; *EfficientNetV2: smaller models and faster training*, ICML 2021,
#   arXiv:2104.00298.
# - S. Williams, A. Waterman, D. Patterson, *Roofline: an insightful visual performance model for
#   multicore architectures*, Communications of the ACM, 2009.
