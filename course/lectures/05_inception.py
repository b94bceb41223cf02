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
# In 2014 VGG made networks deeper by repeating one layer. GoogLeNet (Szegedy et al., 2015) made
# another one as deep, with a twentieth of the parameters and a tenth of the work, and won. Most of
# what it did is still done: 1x1 convolutions that change the number of channels, a mean over all
# positions in place of large dense layers, parallel branches. Some is not, such as its three
# outputs. This lecture
#
# 1. asks **why not just larger**,
# 2. puts a **network in the network**, and drops the dense layers,
# 3. builds the **module**, and finds out how wide its reductions may be,
# 4. adds up **GoogLeNet** as a whole,
# 5. measures what **auxiliary heads** do to gradients, and what not,
# 6. looks at **how it was trained and tested**,
# 7. follows the **later versions**: factorized kernels, reductions, shortcuts.
#
# Sizes and multiply-adds of one module were counted in [lecture 02](02_sizing.ipynb), section 8;
# here they are used. Code that only measures or draws is folded: click on it to read it. Where a
# table says "five seeds", they were recorded in advance, by this very notebook with other values of
# `SEED`. The assignment is [05_inception](../05_inception/05_inception.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import math
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course import architectures, datasets, sizing
from course.architectures.googlenet import MODULES, auxiliary_classifier
from course.averaging import many_crop
from course.blocks.conv import conv_bn
from course.blocks.inception import Conv, inception_residual_block
from course.listing import kept
from course.regularization.augmentations import resized_crop
from course.training import seeds
from course.visualization import costs, plots
from course.visualization import inception as draw
from course.visualization.display import show, table

SEED = 1
before, numbers = seeds.load("05_inception"), {}  # with five seeds, and in this run


def beside_seeds(found):
    """Rows of a table: each number of this run, and from where to where it is with five seeds."""
    numbers.update({name: float(value) for name, value in found.items()})
    return [(name, seeds.text(v), seeds.span(before[name])) for name, v in found.items()]


show(
    draw.modules({
        "naive": (("1x1",), ("3x3",), ("5x5",), ("max 3x3",)),
        "reduced": (("1x1",), ("1x1", "3x3"), ("1x1", "5x5"), ("max 3x3", "1x1")),
    }),
    "An Inception module, without and with 1x1 convolutions that reduce. All branches see the same "
    "input, and all outputs are joined along the channels.",
)  # fmt: skip

# %% [markdown]
# ## 1 · Why not just larger?
#
# The simplest way to a better network is a larger one: more layers, more filters. The paper names
# two prices. More parameters **overfit**, where labels are few. And the **work** grows with the
# square of the width: if two convolutions follow each other and both get twice the filters, the
# second has four times the kernels.
#
# Part of this work is wasted, as well. A ReLU that is 0 makes the next layer multiply by 0; a unit
# that is 0 for *every* image (a dead one) wastes all that is done for it. **Guess first.** In a
# network that has not been trained, which part of all multiply-adds behind a ReLU have a factor of
# 0?

# %% tags=["hide-input"]
shapes, _ = datasets.load_arrays("course_shapes", "train[:64]")
keras.utils.set_random_seed(SEED)
inputs = x = keras.Input((32, 32, 3))
tensors = []
for _ in range(4):
    x = layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    tensors.append(x)
centered = shapes.astype("float32") / 127.5 - 1
values = [np.array(y) for y in keras.Model(inputs, tensors)(centered)]
zeros = [float((y == 0).mean()) for y in values]
twice = sizing.conv_macs(64, 64, 3, 28) / sizing.conv_macs(32, 32, 3, 28)
assert twice == 4 and min(zeros) > 0.3 and max(zeros) < 0.7
table(
    ("", "this run", "five seeds"),
    beside_seeds({f"part of zeros after ReLU {n}": zero for n, zero in enumerate(zeros, 1)}),
)

# %% [markdown]
# About half. The paper's conclusion is that a good network should be **sparse**: units that fire
# together should be connected, and others not. But hardware is fast at dense products and slow at
# sparse ones. The Inception module is the compromise: dense blocks (convolutions of several sizes)
# side by side, few channels where many are not needed.

# %% [markdown]
# ## 2 · Network in network
#
# A filter is a linear function of a window. Lin, Chen and Yan (2014) put a small network of dense
# layers in its place, which slides over the image as a filter does: an **mlpconv** layer. It is not
# a new kind of layer: a dense layer that works on all channels of one position, the same at every
# position, *is* a 1x1 convolution.

# %%
rng = np.random.default_rng(SEED)
maps = rng.normal(size=(2, 5, 6, 7)).astype("float32")
pointwise = layers.Conv2D(3, 1)
dense = layers.Dense(3)
by_convolution = pointwise(maps)
dense.build((7,))
dense.set_weights([np.array(pointwise.kernel)[0, 0], np.array(pointwise.bias)])
by_dense = dense(maps)  # on the last axis, at every position
apart = float(ops.max(ops.abs(by_convolution - by_dense)))
assert apart < 1e-5
print(f"largest difference between a 1x1 convolution and a dense layer per pixel: {apart:.0e}")

# %% [markdown]
# Their second idea went further. The last mlpconv has one feature map for each *class*, and the
# score of a class is the mean of its map: **global average pooling**. There is no dense layer at
# all, so nothing there can overfit, and one can look at the maps.
#
# We train two networks on real 8x8 digits in the middle of a 16x16 image. Both have the same two
# mlpconv layers. One ends with class maps and their means; the other with all its values as a
# vector and a dense layer. **Guess first.** Which one recognizes digits that are moved?

# %%
FILTERS = 32


def mlpconv(x, filters, kernel_size):
    """A convolution and two of 1x1 after it."""
    for size in (kernel_size, 1, 1):
        x = layers.Conv2D(filters, size, padding="same", activation="relu",
                          kernel_initializer="he_normal")(x)  # fmt: skip
    return x


def network(end):
    """Two mlpconv layers, and one of two ends."""
    inputs = keras.Input((16, 16, 1))
    x = layers.MaxPooling2D(3, 2, padding="same")(mlpconv(inputs, FILTERS // 2, 5))
    x = mlpconv(x, FILTERS, 3)
    if end == "vector":
        x = layers.Dense(10)(layers.Flatten()(x))
    else:
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(10, 1, name="class_maps")(x))
    return keras.Model(inputs, x)


# %% tags=["hide-input"]
digits, digit_labels = datasets.load_arrays("digits", "train")
new_digits, new_labels = datasets.load_arrays("digits", "test")


def placed(images, down=0, right=0):
    """Digits in the middle of a 16x16 image, or moved from there."""
    out = np.zeros((len(images), 16, 16, 1), "float32")
    out[:, 4 + down : 12 + down, 4 + right : 12 + right] = images.astype("float32") / 255
    return out


def cross_entropy(labels, logits):
    """Mean over the batch."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def train(net, images, labels, steps, optimizer, weight=0.3):
    """Losses of the network's own output in each step; further outputs count by the weight."""
    optimizer.build(net.trainable_variables)

    @tf.function(autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            outputs = net(x, training=True)
            own, *heads = outputs if isinstance(outputs, list | tuple) else [outputs]
            loss = cross_entropy(y, own)
            total = loss + weight * sum(cross_entropy(y, head) for head in heads)
        optimizer.apply(tape.gradient(total, net.trainable_variables), net.trainable_variables)
        return loss

    draws = np.random.default_rng(SEED).integers(0, len(images), (steps, 32))
    images, labels = images.astype("float32"), labels.astype("int32")
    return [float(step(images[chosen], labels[chosen])) for chosen in draws]


MOVES = (0, 1, 2, 3, 4)
ENDS = {"mean of class maps": "maps", "as a vector": "vector"}
right, nets = {}, {}
for name, end in ENDS.items():
    keras.utils.set_random_seed(SEED)
    nets[name] = network(end)
    train(nets[name], placed(digits), digit_labels, 400, keras.optimizers.Adam(4e-3))
    right[name] = [
        100 * float(np.mean(np.argmax(nets[name](placed(new_digits, 0, move)), 1) == new_labels))
        for move in MOVES
    ]
ends = "; ".join(f"{name}: {', '.join(f'{v:.0f}' for v in vs)}" for name, vs in right.items())
show(plots.curves(
    MOVES, right, f"Accuracy in percent on digits moved by {', '.join(map(str, MOVES))} pixels. "
    f"{ends}.", x_label="moved by, in pixels", y_label="accuracy in %", ylim=(0, 100),
), "Trained in the middle, tested elsewhere.")  # fmt: skip

# %% tags=["hide-input"]
last = {name: nets[name].layers[-2 if end == "maps" else -1].count_params()
        for name, end in ENDS.items()}  # fmt: skip
assert list(last.values()) == [330, 20_490]
kept_maps, lost = right["mean of class maps"], right["as a vector"]
assert lost[0] > 80 and kept_maps[4] > lost[4] + 30 and abs(kept_maps[0] - kept_maps[4]) < 20
table(("", "this run", "five seeds"), beside_seeds({
    f"accuracy in %, moved by {MOVES[k]}: {name}": right[name][k] for k in (0, 4) for name in ENDS
}))  # fmt: skip

# %% [markdown]
# In the middle the vector does well. Moved by 4 pixels it is lost: its dense
# layer looks for strokes at places where they no longer are. The mean does not care where they are;
# it keeps its accuracy, up to what borders and the pooling's stride change. And it costs a
# sixtieth: 330 parameters against 20,490. (Not that it would have to win everywhere: for faces that
# are always in the middle, *where* something is may be what matters.)
#
# The maps show what the score is made of. Here is a digit, moved, and the map of its class.

# %% tags=["hide-input"]
maps_of = keras.Model(
    nets["mean of class maps"].input, nets["mean of class maps"].get_layer("class_maps").output
)
chosen, moves = 3, ((0, 0), (-4, -4), (-4, 4), (4, 0))
moved = np.concatenate([placed(new_digits[chosen : chosen + 1], *move) for move in moves])
own_maps = np.array(maps_of(moved))[..., new_labels[chosen]]
scores = own_maps.mean(axis=(1, 2))
show(plots.pictures(
    [*moved[..., 0], *own_maps],
    [f"a {new_labels[chosen]}"] * 4 + [f"mean {score:.1f}" for score in scores],
    "A digit at four places of an image, and below each the map of its class, 8x8 values. The "
    "pattern in the map moves with the digit.", columns=4,
), "Above: a test digit at four places. Below: its class's map, and the map's mean.")  # fmt: skip

# %% [markdown]
# ### Any size
#
# A dense layer on a vector wants one size of image. A mean over positions takes any. If a rough
# layout is to be kept, **adaptive pooling** divides the map into a fixed number of windows,
# whatever its size: of $n$ rows, window $i$ of $m$ takes those from $\lfloor i n / m \rfloor$ up
# to, but not including, $\lceil (i + 1) n / m \rceil$. One window is global average
# pooling. Keras has `AdaptiveAveragePooling2D`.


# %%
def windows(size, count):
    """First row of each window, and the row after its last one."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


anywhere = keras.Model((x := keras.Input((None, None, 1))),
                       layers.GlobalAveragePooling2D()(mlpconv(x, 4, 3)))  # fmt: skip
sizes = [anywhere(np.zeros((1, *size, 1), "float32")).shape for size in ((20, 20), (33, 7))]
assert sizes == [(1, 4), (1, 4)]
assert windows(6, 3) == [(0, 2), (2, 4), (4, 6)] and windows(7, 3) == [(0, 3), (2, 5), (4, 7)]
print("6 rows in 3 windows:", windows(6, 3), " 7 rows in 3 windows:", windows(7, 3))

# %% [markdown]
# ## 3 · The module
#
# Which kernel size does a layer need? An Inception module has 1x1, 3x3 and 5x5 side by side, and
# max pooling with stride 1, and lets the next layer choose. All keep height and width, so their
# outputs can be joined along the channels.
#
# In the **naive** module the pooling passes all of its channels on. **Guess first.** Five naive
# modules with 128, 192 and 96 filters, one after the other, from 28x28x256: how many channels come
# out, and how many times the first module's work does the fifth take?

# %% tags=["hide-input"]
ONE, THREE, FIVE, REDUCED = 128, 192, 96, 64


def naive_macs(channels):
    """Multiply-adds of a naive module on 28x28 maps."""
    return sum(
        sizing.conv_macs(channels, filters, size, 28)
        for filters, size in ((ONE, 1), (THREE, 3), (FIVE, 5))
    )


def reduced_macs(channels):
    """The same with 1x1 convolutions to 64 channels."""
    return (
        sizing.conv_macs(channels, ONE, 1, 28)
        + 3 * sizing.conv_macs(channels, REDUCED, 1, 28)
        + sizing.conv_macs(REDUCED, THREE, 3, 28) + sizing.conv_macs(REDUCED, FIVE, 5, 28)
    )  # fmt: skip


depths = {"naive": [256], "reduced": [256]}
for _ in range(5):
    depths["naive"].append(depths["naive"][-1] + ONE + THREE + FIVE)
    depths["reduced"].append(ONE + THREE + FIVE + REDUCED)
work = {
    "naive": [naive_macs(c) / 1e6 for c in depths["naive"][:-1]],
    "reduced": [reduced_macs(c) / 1e6 for c in depths["reduced"][:-1]],
}
grown = round(work["naive"][-1] / work["naive"][0], 1)
assert depths["naive"][-1] == 2336 and depths["reduced"][-1] == 480 and grown == 7.5
assert (naive_macs(256), reduced_macs(256)) == (854_196_224, 271_351_808)
said = "; ".join(f"{name}: {', '.join(f'{v:,.0f}' for v in vs)}" for name, vs in work.items())
show(plots.curves(
    range(1, 6), work, f"Millions of multiply-adds of five modules in a row. {said}.",
    x_label="module", y_label="multiply-adds, millions", xticks=range(1, 6), ylim=(0, 7000),
), "The work of five modules, one after the other.")  # fmt: skip

# %% tags=["hide-input"]
table(
    ("module", "channels in, naive", "MACs (10^6), naive", "channels in, reduced",
     "MACs (10^6), reduced"),
    [(n + 1, depths["naive"][n], f"{work['naive'][n]:,.0f}", depths["reduced"][n],
      f"{work['reduced'][n]:,.0f}") for n in range(5)],
)  # fmt: skip

# %% [markdown]
# 2,336 channels, and 7.5 times the work: channels grow by the same 416 in each module, and all
# three kernels see all of them. **Reduced** modules stay at 480 channels, and each costs the same
# from the second one on.
#
# ### Where the 1x1 goes
#
# Before the 3x3 and the 5x5, a 1x1 convolution makes few channels of many; after the pooling, which
# multiplies nothing, it keeps the channels from growing. Why not behind the 5x5? Then the
# expensive kernel would still see all channels:

# %%
ahead = 256 * REDUCED + 25 * REDUCED * FIVE  # multiply-adds at each position
behind = 25 * 256 * REDUCED + REDUCED * FIVE
alone = 25 * 256 * FIVE
assert (ahead, behind, alone) == (169_984, 415_744, 614_400)
print(f"5x5 alone {alone:,}, 1x1 before it {ahead:,}, 1x1 behind it {behind:,}")

# %% [markdown]
# **Guess first.** The 5x5 sees 256 channels. How many channels may the 1x1 before it have before it
# saves nothing: a quarter of the 256, a half, or nearly all?

# %% tags=["hide-input"]
widths = range(0, 257, 16)
shares = [100 * (256 * r + 25 * r * FIVE) / alone for r in widths]
limit = alone // (256 + 25 * FIVE)
assert limit == 231 and 25 < shares[4] < 30
show(plots.curves(
    widths, {"1x1 and 5x5": shares, "5x5 alone": [100] * len(widths)},
    "Multiply-adds of a 1x1 and a 5x5 convolution together, in percent of the 5x5 alone, by the "
    f"channels between them: a straight line from 0, {shares[4]:.0f} % at 64, 100 % at {limit}.",
    x_label="channels between 1x1 and 5x5", y_label="work in %",
), "The work of the 5x5 branch, from 256 channels to 96.")  # fmt: skip

# %% [markdown]
# Nearly all: up to 231. The larger the kernel, the cheaper a 1x1 beside it. So the reductions are
# not at the edge where they begin to pay, but far below it. In GoogLeNet's first module the 5x5
# sees 16 of 192 channels.
#
# What is lost? The reduced branch's kernel of 5x5x256 is a product of two, of rank 16 or 64 at most
# (with a ReLU in between). That the channels of neighboring filters are so alike that this suffices
# is an empirical fact, not a theorem.

# %% [markdown]
# ## 4 · GoogLeNet
#
# **Stem.** A 7x7 convolution with stride 2, pooling, LRN, a 1x1 and a 3x3 convolution, LRN,
# pooling: from 224x224x3 to 28x28x192. The large maps at the beginning are left to cheap ordinary
# layers.
#
# **Body.** Nine modules in three stages of 2, 5 and 2, with max pooling between the stages.
#
# **Head.** The mean over 7x7 positions, dropout with rate 0.4, and one dense layer.

# %% tags=["hide-input"]
rows, channels, size = [], 192, 28
PER_LAYER = sizing.conv_params
stem = PER_LAYER(3, 64, 7) + PER_LAYER(64, 64, 1) + PER_LAYER(64, 192, 3)
stem_macs = (sizing.conv_macs(3, 64, 7, 112) + sizing.conv_macs(64, 64, 1, 56)
             + sizing.conv_macs(64, 192, 3, 56))  # fmt: skip
for name, (one, before3, three, before5, five, after) in MODULES.items():
    size = {"3": 28, "4": 14, "5": 7}[name[0]]
    pairs = ((channels, one, 1), (channels, before3, 1), (before3, three, 3),
             (channels, before5, 1), (before5, five, 5), (channels, after, 1))  # fmt: skip
    params = sum(PER_LAYER(i, o, k) for i, o, k in pairs)
    macs = sum(sizing.conv_macs(i, o, k, size) for i, o, k in pairs)
    channels = one + three + five + after
    rows.append((name, (size, size, channels), params, macs))
dense = sizing.dense_params(1024, 1000)
total = stem + sum(row[2] for row in rows) + dense
total_macs = stem_macs + sum(row[3] for row in rows) + 1024 * 1000
assert (total, total_macs, dense) == (6_998_552, 1_582_671_872, 1_025_000)
show(
    costs.where_it_lies([
        ("stem", (28, 28, 192), stem), *((f"module {n}", s, p) for n, s, p, _ in rows),
        ("dense", (1000,), dense),
    ]),
    "Values that leave each part of GoogLeNet, and its parameters.",
)  # fmt: skip

# %% tags=["hide-input"]
table(
    ("part", "output", "parameters", "MACs (10^6)"),
    [("stem", "28x28x192", f"{stem:,}", f"{stem_macs / 1e6:.1f}"),
     *((f"module {n}", "x".join(map(str, s)), f"{p:,}", f"{m / 1e6:.1f}") for n, s, p, m in rows),
     ("dense", "1000", f"{dense:,}", "1.0"),
     ("**total**", "", f"{total:,}", f"{total_macs / 1e6:,.1f}")],
)  # fmt: skip

# %% [markdown]
# Note the balance: the stages have few channels where maps are large and many where they are small,
# so that no module takes more than a fifth of the work.
#
# **How many layers?** The paper counts 22: layers on the longest way, and parallel ones once.

# %%
on_the_way = 1 + 2 + 2 * len(MODULES) + 1  # stem, two in each module, the dense layer
convolutions = 3 + 6 * len(MODULES)
assert (on_the_way, convolutions) == (22, 57)
KEPT = kept()  # the library's networks, counted
alexnet, vgg = KEPT["alexnet"].params, KEPT["vgg16"].params
assert round(alexnet / total, 1) == 8.9 and round(vgg / total, 1) == 19.8
print(f"{on_the_way} layers on the way, {convolutions} convolutions in all, one dense layer")
print(f"AlexNet has {alexnet / total:.1f} times the parameters, VGG-16 {vgg / total:.1f} times")

# %% [markdown]
# "5 million, 12 times fewer than AlexNet" is the paper's claim, which two lectures repeat; its
# table adds up to 7.0 million. Nor are there "no fully connected layers": one is left, with a
# seventh of the parameters. What is gone are VGG's two of 4,096 units.
#
# Deep networks need no dense layer to see the whole image: once the receptive field covers it, each
# position of the last map could decide alone, and the mean is a vote.

# %% [markdown]
# ## 5 · Auxiliary heads
#
# In 2014 there was no batch normalization, and 22 layers were more than gradients were known to get
# through. So GoogLeNet answers three times in training: at its end, and after modules 4a and 4d.
# Such a **head** has 5x5 average pooling with stride 3, a 1x1 convolution to 128 channels, a dense
# layer of 1,024 units, dropout with rate 0.7 and the last dense layer. Its loss counts 0.3 times:
#
# $$E = E_\text{main} + 0.3\, (E_1 + E_2).$$
#
# What do they do to gradients? Take a plain network of 16 convolutions, without normalization and
# started as GoogLeNet's were, with and without heads after layers 5 and 10, and a residual one to
# compare. **Guess first.** By which factor do the heads enlarge the gradient of the first layer's
# kernel?


# %% tags=["hide-input"]
LAYERS = 16


def deep(kind):
    """Sixteen convolutions of 12 filters, with heads after two of them, or with shortcuts."""
    keras.utils.set_random_seed(SEED)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(12, 3, padding="same", activation="relu")(inputs)
    looked_at = []
    for number in range(2, LAYERS + 1):
        y = layers.Conv2D(12, 3, padding="same", activation="relu")(x)
        x = layers.Add()([x, layers.Rescaling(0.25)(y)]) if kind == "residual" else y
        if kind == "with heads" and number in (5, 10):
            looked_at.append(x)
    # Heads are made last, so that all three networks start with the same weights.
    outputs = [layers.Dense(10)(layers.GlobalAveragePooling2D()(maps)) for maps in (x, *looked_at)]
    return keras.Model(inputs, outputs if looked_at else outputs[0])


def gradient_sizes(net, weight=0.3, count=128):
    """Sizes of the gradients of the convolutions' kernels before training, first layer first."""
    images = digits[:count].astype("float32") / 127.5 - 1
    with tf.GradientTape() as tape:
        outputs = net(images, training=True)
        own, *heads = outputs if isinstance(outputs, list | tuple) else [outputs]
        labels = digit_labels[:count].astype("int32")
        loss = cross_entropy(labels, own) + weight * sum(cross_entropy(labels, h) for h in heads)
    kernels = [layer.kernel for layer in net.layers if isinstance(layer, layers.Conv2D)]
    return [float(tf.norm(g)) for g in tape.gradient(loss, [k.value for k in kernels])]


KINDS = ("plain", "with heads", "residual")
sizes_of = {kind: gradient_sizes(deep(kind)) for kind in KINDS}
gain = sizes_of["with heads"][0] / sizes_of["plain"][0]
same = sizes_of["with heads"][-1] / sizes_of["plain"][-1]
said = "; ".join(f"{kind} {vs[0]:.1e} and {vs[-1]:.1e}" for kind, vs in sizes_of.items())
show(plots.curves(
    range(1, LAYERS + 1), sizes_of, "Size of the gradient of each layer's kernel before training, "
    f"in powers of ten. In the first and in the last layer: {said}.", x_label="layer",
    y_label="size of the gradient", yscale="log", xticks=range(1, LAYERS + 1, 3),
), "Gradients before training, with heads after layers 5 and 10.")  # fmt: skip

# %% tags=["hide-input"]
assert gain > 2 and 0.99 < same < 1.01
table(("", "this run", "five seeds"), beside_seeds({
    "gradient of layer 1: with heads over plain": gain,
    "gradient of layer 16: with heads over plain": same,
    "gradient of layer 1: residual over plain": sizes_of["residual"][0] / sizes_of["plain"][0],
}))  # fmt: skip

# %% [markdown]
# Up to layer 10 gradients are larger, in the first ones several times; behind the last head
# nothing changes. Lee et al. (2015) made a method of it, **deep supervision**: every layer gets a
# loss of its own. One explanation of residual networks is of this kind: near-identity blocks bring
# the loss close to every layer, as the third curve shows, without any head.
#
# Larger gradients are one thing, a better network another. The authors came back to their heads
# (Szegedy et al., 2016): with batch normalization in the network, heads do *not* help it early in
# training. The curves with and without are alike until near the end, where the network with heads
# gets a little better; and removing the lower head changed nothing. They conclude that heads work
# as a regularizer. GoogLeNet's own paper had already reported, from later control experiments, that
# their effect is around 0.5 %, and that one of them is enough.
#
# ### After training
#
# The heads are dropped. With the same layers and weights, the first output cannot change, and it
# does not, to the last bit:

# %%
inputs = x = keras.Input((16, 16, 1))
for number in range(3):
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    if number == 1:
        side = auxiliary_classifier(x, 10, "softmax", name="side")
own = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
trained = keras.Model(inputs, [own, side])
in_use = keras.Model(trained.input, trained.outputs[0])
images = placed(new_digits[:32])
assert np.array_equal(np.array(trained(images)[0]), np.array(in_use(images)))
with_heads = KEPT["googlenet_aux"].params
assert with_heads - total == 6_379_728
print(f"here {trained.count_params():,} parameters become {in_use.count_params():,};")
print(f"in GoogLeNet {with_heads:,} become {total:,}: nearly half of them were in the heads.")

# %% [markdown]
# ## 6 · Trained and tested
#
# **Schedule.** Gradient descent with momentum 0.9, on CPUs, and a learning rate that falls by 4 %
# every 8 epochs. After how many epochs is it a tenth?

# %%
after_100 = 0.96 ** (100 / 8)
tenth = 8 * math.log(0.1) / math.log(0.96)
assert round(after_100, 2) == 0.60 and round(tenth) == 451
print(f"after 100 epochs {after_100:.2f} of the learning rate is left, after {tenth:.0f} a tenth")

# %% [markdown]
# That is a very slow fall: 60 % are left after 100 epochs (61 % if it falls in steps). What makes
# up for it is **Polyak averaging**: in use are not the last weights but a moving average of them.
# It is measured in [lecture 10](10_regularization.ipynb), section 7.
#
# **Crops.** Training images are parts of 8 to 100 % of the area, of proportions from 3:4 to 4:3,
# resized to 224x224, with random changes of brightness, contrast and color:

# %% tags=["hide-input"]
big = tf.image.resize(shapes[5:6], (96, 96)).numpy().astype("uint8")
rng = np.random.default_rng(SEED)
cut = [resized_crop(big, np.zeros(1), rng, 0.08)[0][0] for _ in range(11)]
show(plots.pictures(
    [big[0], *cut], ["original", *(f"crop {n}" for n in range(1, 12))],
    "A drawn shape, and eleven random parts of it, all resized to the same size: some show nearly "
    "all of it, some a corner.", columns=6,
), "Random crops of 8 to 100 % of the area.")  # fmt: skip

# %% [markdown]
# **144 crops.** In the test each image is resized so that its shorter side has 256, 288, 320 and
# 352 pixels. Of each, three squares are taken (left, middle, right, or top, middle, bottom); of
# each square, four corners and the center, 224x224, and the whole square resized to 224x224; each
# also mirrored. 4 · 3 · 6 · 2 views, whose predictions are averaged.

# %%
views = many_crop(np.zeros((1, 60, 80, 3), "float32"), 24, scales=(28, 32, 36, 40))
best = 6.67  # of the contest
single = architectures.describe("googlenet").error("imagenet", "top-5 error")
assert views.shape[1] == 144 == 4 * 3 * 6 * 2 and single == 10.07
print(f"{views.shape[1]} views; top-5 error of one network and one crop {single} %, ")
print(f"of seven networks and 144 crops {best} %: {100 * (1 - best / single):.0f} % fewer errors")

# %% [markdown]
# A third of the errors goes with seven networks and 144 crops, a thousand times the work. The paper
# itself says that so many crops are not needed in practice. Compare networks by one crop.

# %% [markdown]
# ## 7 · Later versions
#
# ### Factorized kernels
#
# Inception-v2 (Ioffe and Szegedy, 2015) brought batch normalization. Inception-v3 (Szegedy et al.,
# 2016) asks of every large kernel whether it could be a product of smaller ones.

# %% tags=["hide-input"]
factored = [
    ("5x5", 25, "3x3, 3x3", 18), ("7x7", 49, "3x3, 3x3, 3x3", 27),
    ("3x3", 9, "1x3, 3x1", 6), ("5x5", 25, "1x5, 5x1", 10), ("7x7", 49, "1x7, 7x1", 14),
]  # fmt: skip
saved = [round(100 * (1 - small / large)) for _, large, _, small in factored]
assert saved == [28, 45, 33, 60, 71]
table(
    ("one layer", "weights per pair of channels", "factorized", "weights", "saved"),
    [(*row, f"{s} %") for row, s in zip(factored, saved, strict=True)],
)

# %% [markdown]
# The receptive field is the same, and there is one more ReLU for each further layer. That ReLU is
# the point. Two 3x3 convolutions *without* it are one 5x5 convolution. For one channel in and out,
# and $m$ counting those in between, its kernel $K$ has the weights
#
# $$K[p, q] = \sum_{i + a = p} \; \sum_{j + b = q} \; \sum_m k_1[i, j, m] \, k_2[a, b, m].$$

# %%
rng = np.random.default_rng(SEED)
first, second = (rng.normal(size=(3, 3, c, f)).astype("float32") for c, f in ((3, 4), (4, 2)))
merged = np.zeros((5, 5, 3, 2), "float32")
for a in range(3):
    for b in range(3):
        merged[a : a + 3, b : b + 3] += first @ second[a, b]
image = rng.normal(size=(1, 12, 12, 3)).astype("float32")
convolve = partial(ops.conv, padding="valid")
linear = convolve(convolve(image, first), second)
bent = convolve(ops.relu(convolve(image, first)), second)
once = convolve(image, merged)
gap = [float(ops.max(ops.abs(y - once)) / ops.max(ops.abs(once))) for y in (linear, bent)]
assert gap[0] < 1e-5 and gap[1] > 0.1
print(f"relative difference from one 5x5 kernel: linear {gap[0]:.0e}, with a ReLU {gap[1]:.2f}")

# %% [markdown]
# So two 3x3 with a ReLU are not "the same as a 5x5"; they are another function with the same
# receptive field. The authors tried a linear layer in between, and the ReLU was better.
#
# Rows and columns are a stronger cut: a 7x7 kernel is exactly a 1x7 after a 7x1 only if it has rank
# 1 ([lecture 01](01_convolution.ipynb)). Here too the ReLU in between makes it something else. On
# early, large maps this did not work well, say the authors; on maps of 12x12 to 20x20 it did.

# %% [markdown]
# ### Half the size
#
# Where the map is halved and the channels doubled, the order matters. From 35x35x320 to 17x17x640:

# %% tags=["hide-input"]
ways = {
    "pool, then convolve": ("17x17x320", sizing.conv_macs(320, 640, 3, 17)),
    "convolve, then pool": ("35x35x640", sizing.conv_macs(320, 640, 3, 35)),
    "convolve with stride 2 to 320, beside a pooling": ("–", sizing.conv_macs(320, 320, 3, 17)),
}
share = [macs / ways["convolve, then pool"][1] for _, macs in ways.values()]
assert 0.23 < share[0] < 0.24 and 0.11 < share[2] < 0.12
table(
    ("way", "between", "MACs (10^6)", "part of the second"),
    [(name, between, f"{macs / 1e6:,.0f}", f"{100 * s:.0f} %")
     for (name, (between, macs)), s in zip(ways.items(), share, strict=True)],
)  # fmt: skip

# %% [markdown]
# Pooling first is cheap, but throws three quarters of the values away before any convolution has
# looked at them: a **representational bottleneck**. Convolving first takes more than four times as much.
# Both at once, side by side, as in a module, is cheapest, and no value is dropped unseen.

# %% [markdown]
# ### With shortcuts
#
# Inception-v4 and Inception-ResNet are two networks of one paper (Szegedy et al., 2017). v4 is a
# larger v3 and has *no* shortcuts. Inception-ResNet adds modules to shortcuts; a linear 1x1
# convolution brings the joined branches to the shortcut's channels. With more than a thousand
# filters it "died" in training, until what was added was scaled by 0.1 to 0.3.
#
# Before training, with 20 such blocks:

# %% tags=["hide-input"]
SCALES, BLOCKS = (1.0, 0.3, 0.1), 20
BRANCHES = ((Conv(8),), (Conv(8), Conv(8, 3)), (Conv(8), Conv(8, 3), Conv(8, 3)))


def spreads(scale):
    """Deviation of the values after each of 20 residual Inception blocks, in training mode."""
    keras.utils.set_random_seed(SEED)
    inputs = x = keras.Input((8, 8, 16))
    tensors = [x]
    for number in range(BLOCKS):
        x = inception_residual_block(x, BRANCHES, scale=scale, conv_fn=conv_bn, name=f"b{number}")
        tensors.append(x)
    start = np.maximum(np.random.default_rng(SEED).normal(size=(16, 8, 8, 16)), 0).astype("float32")
    found = keras.Model(inputs, tensors)(start, training=True)
    return [float(ops.std(y)) for y in found]


spread = {f"scale {scale:g}": spreads(scale) for scale in SCALES}
grown = {name: values[-1] / values[0] for name, values in spread.items()}
assert grown["scale 1"] > 2 * grown["scale 0.1"] and grown["scale 0.1"] < 2
said = "; ".join(f"{name}: {value:.1f} times" for name, value in grown.items())
show(plots.curves(
    range(BLOCKS + 1), spread, "The deviation of the values after each of 20 untrained blocks. "
    f"From the first to the last it grows: {said}.", x_label="blocks passed", y_label="deviation",
    xticks=range(0, BLOCKS + 1, 5),
), "How values grow along residual Inception blocks.")  # fmt: skip

# %% tags=["hide-input"]
table(("deviation after 20 blocks over that before", "this run", "five seeds"),
      beside_seeds(grown))  # fmt: skip

# %% [markdown]
# With a small scale the blocks start near the identity. (Zero as the start of the last
# normalization, as in [lecture 07](07_residual.ipynb), does it without a constant.) The authors
# found that shortcuts made training much faster, and the final accuracy only a little better.
#
# **Label smoothing** comes from Inception-v3 as well: 0.1 of the probability spread over 1,000
# classes, for about 0.2 points of error ([lecture 10](10_regularization.ipynb), section 4).

# %% tags=["hide-input"]
names = ("nin", "googlenet", "inception_v2", "inception_v3", "inception_v4", "inception_resnet_v2")
assert KEPT["inception_v2"].params_trainable == 11_295_240
assert KEPT["inception_v3"].params_trainable == 23_834_568
assert KEPT["inception_resnet_v2"].params_trainable == 55_843_464
table(
    ("network", "trained parameters (10^6)", "MACs (10^9)", "top-5 error, one crop (%)"),
    [(name, f"{KEPT[name].params_trainable / 1e6:.1f}", f"{KEPT[name].macs / 1e9:.2f}",
      architectures.describe(name).error("imagenet", "top-5 error") or "–") for name in names],
)  # fmt: skip

# %% [markdown]
# ## 8 · What slides say

# %% tags=["hide-input"]
CS231N, C147 = "CS231n", "C147"
corrections = [
    ("parameters", f"{CS231N}, {C147}", "5 million, 12x and 27x fewer",
     "7.0 million, 8.9x and 19.8x fewer", "the sum over the paper's Table 1 (section 4)"),
    ("dense layers", f"{CS231N}, {C147}", "no FC layers", "one, with a seventh of the parameters",
     "1024 x 1000 weights and 1000 biases"),
    ("naive module", C147, "864,196,224 operations", "854,196,224",
     "the 3x3 branch has 346,816,512"),
    ("reduced module", CS231N, "358M operations", "271,351,808",
     "its own six terms; 358M has the 3x3 twice"),
    ("what is saved", C147, "almost 4x", "3.1x", "854 / 271"),
    ("the year", C147, "CVPR 2014", "CVPR 2015", "the contest was in 2014"),
    ("Inception-v4", CS231N, "ResNet + Inception", "no shortcuts; Inception-ResNet has them",
     "two networks of one paper"),
]  # fmt: skip
assert round(854_196_224 / 271_351_808, 1) == 3.1
assert 271_351_808 + sizing.conv_macs(64, 192, 3, 28) == 358_055_936
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. A 3x3 convolution sees 480 channels and has 208 filters. Up to how many channels does a 1x1
#    before it save work? How many does module 4a have there?
# 2. Move digits down as well as to the right. Does the network with class maps lose accuracy where
#    the digit touches the border? Why might it?
# 3. Give the heads of `deep` a weight of 1, and of 0.05. How does the gradient of the first layer
#    change?
# 4. Put the heads after layers 2 and 14. Which layers' gradients change?
# 5. Merge a 1x7 and a 7x1 kernel of one channel, and compute the rank of the result with
#    `np.linalg.matrix_rank`. With four channels in the middle, which rank do you expect?
# 6. How much do values grow over 100 blocks with a scale of 0.1? Set `BLOCKS`.
#
# ## To remember
#
# - A 1x1 convolution is a dense layer at every position. It changes channels at little cost.
# - Naive modules grow without end, as the pooling passes everything on; reduced ones do not. The
#   1x1 goes before the large kernels and after the pooling.
# - A mean over positions takes any size, has no weights, and does not care where things are.
# - 22 layers are counted along the way, parallel ones once: 57 convolutions in all.
# - Auxiliary heads enlarge the gradients of the layers before them, count 0.3 times, and are
#   dropped in use. With normalization and shortcuts most later networks do without.
# - Two kernels with a ReLU between them are not one larger kernel; without it they are.
# - Published errors of 2014 are of seven networks and 144 crops.
#
# ## To read
#
# - M. Lin, Q. Chen, S. Yan, *Network in network*, ICLR 2014, arXiv:1312.4400.
# - C. Szegedy et al., *Going deeper with convolutions*, CVPR 2015, arXiv:1409.4842.
# - C.-Y. Lee et al., *Deeply-supervised nets*, AISTATS 2015, arXiv:1409.5185.
# - S. Ioffe, C. Szegedy, *Batch normalization*, ICML 2015, arXiv:1502.03167.
# - C. Szegedy et al., *Rethinking the Inception architecture for computer vision*, CVPR 2016,
#   arXiv:1512.00567.
# - C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi, *Inception-v4, Inception-ResNet and the impact of
#   residual connections on learning*, AAAI 2017, arXiv:1602.07261.
