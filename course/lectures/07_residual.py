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
# # 07 · Residual networks
#
# AlexNet has 8 layers, VGG 19, GoogLeNet 22. Why not 50, or 150? Because plain stacks of layers
# stop working, and not for the reason you might guess. This lecture shows
#
# 1. that deeper plain networks get **worse**, on the very images that they are trained on,
# 2. that they need not, **by construction**, and how hard it is to learn to copy,
# 3. the **residual block**, basic and bottleneck,
# 4. **shortcuts** A, B and C, and where the stride goes,
# 5. the networks, from 20 layers to 152, and what they **cost**,
# 6. the **gradients**, layer by layer,
# 7. what happens if a block is **taken out** of a trained network.
#
# It builds on lectures [01](01_convolution.ipynb) and [02](02_sizing.ipynb), and its assignment is
# [07_residual](../07_residual/07_residual.ipynb), where you build these networks yourself.
#
# Everything is measured here, on small networks that train in seconds, beside what the paper
# measured on large ones. A single seed proves little, so the tables have five: these were recorded
# in advance, by this very notebook with other values of `SEED`, and the last row is your own run.
# It need not agree with seed 1 to the last digit, as another processor adds in a different order,
# and training magnifies that. What the text *claims* is asserted in the cells and held for all five
# seeds. Code that only measures or draws is folded: click on it to read it.

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import architectures, datasets, sizing
from course.architectures.resnet import residual_net
from course.blocks.conv import conv, conv_bn
from course.blocks.residual import add_shortcut, basic_block, bottleneck_block, shortcut_path
from course.training import seeds
from course.visualization import diagrams, plots
from course.visualization import residual as draw
from course.visualization.display import interactive, show, table

SEED = 1
recorded, numbers = seeds.load("07_residual"), {}  # with five seeds, and in this run

# %% [markdown]
# These are the two blocks to be compared, drawn from top to bottom. They have the same layers and
# as many weights. One has a shortcut and an addition besides, and nothing else.

# %% tags=["hide-input"]
TWO = ("3x3, 64", "BN", "ReLU", "3x3, 64", "BN")
show(
    diagrams.blocks({
        "plain": diagrams.Block(TWO, shortcut=None), "residual": diagrams.Block(TWO),
    }),
    "A plain block and a residual one. Blue: the shortcut.",
)  # fmt: skip

# %% [markdown]
# ## 1 · Deeper is worse
#
# Take the paper's networks for small images: one convolution (`conv1`), three stages (`conv2` to
# `conv4`) of $n$ blocks of two convolutions each, the mean of each feature map, one dense layer.
# That makes $6n + 2$ layers. Every convolution is followed by batch normalization, and all kernels
# are initialized as He et al. (2015) propose, with a variance of $2/m$ where a window has $m$
# values. The networks are narrow, and the images are the 8x8 digits, so training takes seconds.
# (`"A"` is one of the shortcuts of section 4.)
#
# **Guess first.** Four networks take 60 steps each, with 20 and with 32 layers, plain and residual.
# In which order do their losses end, on the images that they are trained on? Can more layers hurt
# *there*?


# %% tags=["hide-input"]
WIDTHS = (8, 16, 32)  # the paper has 16, 32, 64


def net(n, shortcut=None, block=basic_block, widths=WIDTHS, shape=(8, 8, 1)):
    """A network of 6n + 2 layers that gives a logit for each class."""

    def stem(x):
        return conv_bn(x, widths[0], 3, name="conv1")

    stages = [[width] * n for width in widths]

    def apply(x, spec):
        return block(x, spec.filters, strides=spec.strides, shortcut=shortcut, name=spec.name)

    return residual_net(shape, 10, None, "net", stem=stem, block=apply, stages=stages)


def train(model, loss_of, optimizer, examples, seed, steps, batch):
    """Take steps, each on a batch drawn at random; the training loss of each step."""
    weights = model.trainable_variables
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(*drawn):
        with tf.GradientTape() as tape:
            loss = loss_of(*drawn)
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
        return loss

    draws = np.random.default_rng(seed).integers(0, len(examples[0]), (steps, batch))
    return [float(step(*(values[chosen] for values in examples))) for chosen in draws]


# %% tags=["hide-input"]
digits, digit_labels = datasets.load_arrays("digits", "train")
test_digits, test_labels = datasets.load_arrays("digits", "test")
digits, test_digits = (images.astype("float32") / 127.5 - 1 for images in (digits, test_digits))
STEPS, WINDOW, SHALLOW, DEEP = 60, 10, 3, 5  # 20 layers and 32


def class_loss(model, images, labels):
    """The mean cross-entropy of a network's logits for a batch, in training."""
    labels = tf.cast(labels, "int32")
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images, training=True))
    )


def losses_in_training(model, seed):
    """Learn the digits by gradient descent with momentum."""
    optimizer = keras.optimizers.SGD(0.02, momentum=0.9)
    loss_of, examples = partial(class_loss, model), (digits, digit_labels)
    return train(model, loss_of, optimizer, examples, seed, STEPS, batch=64)


def smooth(values):
    """The mean of the last few steps, at each step."""
    return np.convolve(values, np.ones(WINDOW) / WINDOW, mode="valid")


# %%
trained, curves = {}, {}
for kind, shortcut in (("plain", None), ("residual", "A")):
    for n in (SHALLOW, DEEP):
        keras.utils.set_random_seed(SEED)
        name = f"{kind}, {6 * n + 2} layers"
        trained[name] = net(n, shortcut)
        curves[name] = [smooth(losses_in_training(trained[name], SEED))]
words = (
    f"The loss on the training images, a mean over {WINDOW} steps, in {STEPS} steps of training."
)
show(
    plots.training_curves(curves, words, x=range(WINDOW, STEPS + 1), yscale="log"),
    "Loss on the training images. More layers (dashed) hurt the plain network.",
)

# %% [markdown]
# The final training loss, averaged over the last ten steps, for each seed:

# %% tags=["hide-input"]
end = {name: float(values[0][-1]) for name, values in curves.items()}
numbers |= {f"loss: {name}": value for name, value in end.items()}
assert end["plain, 32 layers"] > end["plain, 20 layers"] + 0.3, end
assert end["residual, 32 layers"] < 0.15 < end["plain, 32 layers"] / 4, end
table(("seed", *end), seeds.columns(recorded, [f"loss: {name}" for name in end], numbers))

# %% [markdown]
# The deeper plain network is worse, and not by chance: of the five recorded seeds, its best is
# worse than the shallow network's worst. The two residual networks cannot be told apart. (For your
# run, the cell asserts that 32 plain layers end at least 0.3 above 20, and that 32 residual ones
# end below 0.15 and below a quarter of the plain ones. All this is after 60 steps. Wait long
# enough, and even the deep plain network learns these easy digits. The paper trains for 64,000
# steps, and its plain networks still get worse with depth.)
#
# **This is not overfitting.** Overfitting is a *low* error on the training images and a high one
# on others. Here the deep network is worse on the images that it is trained on. It fits less
# well, although it has more weights. The paper sees the same on CIFAR-10 (20 layers against 56)
# and on ImageNet (18 against 34), and calls it **degradation**.
#
# ## 2 · By construction
#
# A deeper network *could* be as good. Take the shallow one, insert new blocks between its own,
# and let them pass on what they receive: the **identity**. Nothing has changed, so the training
# error is no higher. Such a set of weights exists; gradient descent does not find it.
#
# So let us make it easy to find. A **residual block** computes what is to be *added* to its input:
#
# $$y = x + F(x) \qquad\text{instead of}\qquad y = H(x)$$
#
# If $F$ gives zeros, the block is the identity. Where a plain block would have to learn $H(x) =
# x$ with convolutions, normalizations and ReLUs, a residual one has nothing to learn at all. Here
# is the construction, with the 20-layer network that was just trained. A 32-layer network gets
# its weights; in all new blocks the last normalization's $\gamma$ is set to zero, as its $\beta$
# is from the start.

# %%
shallow, deep = trained["residual, 20 layers"], net(DEEP, "A")
old = {layer.name for layer in shallow.layers}
for layer in deep.layers:
    if layer.name in old:
        layer.set_weights(shallow.get_layer(layer.name).get_weights())
    elif layer.name.endswith("_2_bn"):
        layer.gamma.assign(0 * layer.gamma)
before, after = (np.array(network(digits[:64])) for network in (shallow, deep))
print(f"the logits of 64 images differ by {np.abs(before - after).max()}")
assert np.abs(before - after).max() < 1e-5

# %% [markdown]
# Twelve more layers, and the same function. (The sum goes through a ReLU, and a ReLU does not
# change the output of another.)
#
# How hard *is* the identity for a plain stack? Let it learn nothing else: the target is the
# input, pictures with values from 0 to 1. The loss is the squared error divided by the variance
# of the pictures: a constant achieves 1, a perfect copy 0.
#
# **Guess first.** Two 3x3 convolutions with normalization and ReLU: how well do they learn to copy
# in 150 steps? And eight?


# %% tags=["hide-input"]
shapes, shape_labels = datasets.load_arrays("course_shapes", "train[:512]")
pictures = shapes[:, ::2, ::2].astype("float32") / 255


def losses_in_copying(blocks, shortcut, seed):
    """Learn the identity with a stack of basic blocks of three channels."""
    keras.utils.set_random_seed(seed)
    inputs = x = keras.Input((16, 16, 3))
    for number in range(blocks):
        x = basic_block(x, 3, shortcut=shortcut, name=f"block{number}")
    model = keras.Model(inputs, x)

    def loss_of(batch):
        return tf.reduce_mean((model(batch, training=True) - batch) ** 2) / pictures.var()

    return train(model, loss_of, keras.optimizers.Adam(1e-2), [pictures], seed, 150, batch=32)


# %%
copying = {
    f"{name}, {2 * blocks} layers": [losses_in_copying(blocks, shortcut, SEED)]
    for name, shortcut in (("plain", None), ("residual", "A"))
    for blocks in (1, 4)
}
words = "How well stacks of 2 and of 8 convolutions learn to copy, with and without shortcuts."
show(
    plots.training_curves(copying, words, y_label="squared error / variance", yscale="log"),
    "Learning to copy a picture. 1: as bad as a constant; 0: a perfect copy.",
)

# %% [markdown]
# The final error, averaged over the last ten of 150 steps:

# %% tags=["hide-input"]
last = {name: float(np.mean(runs[0][-10:])) for name, runs in copying.items()}
numbers |= {f"copying: {name}": value for name, value in last.items()}
assert last["residual, 2 layers"] < last["plain, 2 layers"] - 0.15, last
table(("seed", *last), seeds.columns(recorded, [f"copying: {name}" for name in last], numbers))

# %% [markdown]
# In the plain stack even two convolutions do not learn to copy, and eight are hardly better than a
# constant, or worse. With shortcuts it works better (with two layers by at least 0.15, as the cell
# asserts), but still not well: the branches start from random kernels, whose effect has to be
# unlearned. If branches *start* by giving zeros, there is nothing left to learn:

# %%
inputs = keras.Input((16, 16, 3))
block = keras.Model(inputs, basic_block(inputs, 3, shortcut="A", name="block"))
block.get_layer("block_2_bn").gamma.assign(np.zeros(3))
error = np.mean((np.array(block(pictures, training=True)) - pictures) ** 2) / pictures.var()
print(f"a residual block with gamma = 0, before any training: {error}")
assert error == 0

# %% [markdown]
# ## 3 · The block
#
# The branch $F$ of a **basic block** has two 3x3 convolutions. Why two? With one, $x + W * x$ is a
# convolution again: nothing would be gained. With two and a ReLU between them the branch is a small
# network of its own.
#
# The **second ReLU comes after the addition**. If it came before, $F$ could never be negative, and
# the values on the shortcut could only grow. Batch normalization follows every convolution, so no
# convolution has a bias. And that is all: there is no dropout.
#
# Nothing in this needs a convolution. Dense layers with a shortcut around two of them make a strong
# baseline for data in tables (Gorishniy et al., 2021).
#
# In deep networks 3x3 convolutions between 256 channels are expensive. The **bottleneck block**
# narrows with 1x1, convolves, and widens again with 1x1. (The Inception modules in section 8 of
# [lecture 02](02_sizing.ipynb) reduce their channels in the same way.)
#
# **Guess first.** Which has more weights: a bottleneck block on 256 channels, or two 3x3
# convolutions on 64?

# %% tags=["hide-input"]
NARROW = ("1x1, 64", "BN", "ReLU", "3x3, 64", "BN", "ReLU", "1x1, 256", "BN")
kernels = {
    "plain": 2 * sizing.conv_params(64, 64, 3, use_bias=False),
    "basic": 2 * sizing.conv_params(64, 64, 3, use_bias=False),
    "bottleneck": (
        sizing.conv_params(256, 64, 1, use_bias=False)
        + sizing.conv_params(64, 64, 3, use_bias=False)
        + sizing.conv_params(64, 256, 1, use_bias=False)
    ),
}
kinds = {
    "plain": diagrams.Block(TWO, shortcut=None),
    "basic": diagrams.Block(TWO),
    "bottleneck": diagrams.Block(NARROW),
}
drawn = {f"{name}: {kernels[name]:,} weights": block for name, block in kinds.items()}
assert kernels["bottleneck"] == 69632
assert 2 * sizing.conv_params(256, 256, 3, use_bias=False) == 1179648
show(
    diagrams.blocks(drawn), "Plain, basic and bottleneck block, with the weights of their kernels."
)

# %% [markdown]
# About as many weights as the basic block, on four times as many channels. The two are not
# *equivalent*: two 3x3 convolutions on 256 channels could do more, and would need 1,179,648
# weights, 17 times as many. A bottleneck can do less and is much cheaper, so you can afford more
# of them.
#
# ## 4 · Shortcuts
#
# Within a stage the shapes of $x$ and $F(x)$ agree, and the shortcut is the input itself. At the
# start of a stage height and width halve and the channels double, so something must be done to
# $x$.
#
# | | where shapes agree | where they differ |
# |---|---|---|
# | **A** | $x$ | every second pixel; zeros for the new channels |
# | **B** | $x$ | a *projection*: 1x1 convolution with the stride, and normalization |
# | **C** | a projection | a projection |
#
# Here is a tensor with three channels, and what A and B turn it into with stride 2 and six
# channels (the projection has random weights):

# %% tags=["hide-input"]
keras.utils.set_random_seed(2)
sample = 2 * pictures[11] - 1
inputs = keras.Input(sample.shape)
made = {}
for kind in "AB":
    way = shortcut_path(inputs, 6, strides=2, kind=kind, name=kind)
    made[f"shortcut {kind}"] = np.array(keras.Model(inputs, way)(sample[None]))[0]
show(draw.shortcuts(sample, made), "The input x, and what shortcuts A and B make of it.")

# %% [markdown]
# What does it cost, and what does it gain? Here are the shortcuts' weights, and the paper's
# ImageNet errors for a 34-layer network (ten crops, Table 3):


# %% tags=["hide-input"]
def projection(channels, filters):
    """What a projection learns: its kernel, and gamma and beta of its normalization."""
    return sizing.conv_params(channels, filters, 1, use_bias=False) + 2 * filters


BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3),
          152: (3, 8, 36, 3)}  # fmt: skip
widths = (64, 128, 256, 512)
where_they_differ = sum(projection(width // 2, width) for width in widths[1:])
within = sum(projection(w, w) * (n - (w > 64)) for w, n in zip(widths, BLOCKS[34], strict=True))
rows = [
    ("none: plain", 0, "28.54"), ("A", 0, "25.03"), ("B", where_they_differ, "24.52"),
    ("C", where_they_differ + within, "24.19"),
]  # fmt: skip
table(("shortcut", "weights in shortcuts", "top-1 error (%)"), rows)

# %% [markdown]
# The large step is from no shortcut to A, which adds not a single weight to the 21.8 million. B
# and C are a little better; to the authors, "the small differences among A/B/C indicate that
# projection shortcuts are not essential for addressing the degradation problem". B became the
# rule on ImageNet, A on CIFAR. C is expensive, above all around bottlenecks, where the shortcut
# joins the two *wide* ends.
#
# **Identity means identity.** Do not project where shapes agree:
# [lecture 08](08_residual_ablations.ipynb) shows what a 1x1 convolution, a gate or dropout on the
# shortcut does to a network of 110 layers.
#
# ### Where the stride goes
#
# A bottleneck at the start of a stage has two possible places for its stride. In the paper it is
# the first **1x1** convolution. A 1x1 kernel with stride 2 reads every second pixel of every
# second row, and so does the projection beside it.
#
# **Guess first.** What part of its input does such a block see at all? Ask the gradient, as in
# section 7 of [lecture 01](01_convolution.ipynb):


# %% tags=["hide-input"]
def seen_by(block, size=8):
    """Where a block's output depends on its input, for random positive weights."""
    inputs = keras.Input((size, size, 8))
    model = keras.Model(inputs, block(inputs, 16, strides=2, name="block"))
    model.set_weights([np.abs(weight) for weight in model.get_weights()])
    maps = tf.ones((1, size, size, 8))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = tf.reduce_sum(model(maps))
    return np.abs(tape.gradient(total, maps)[0]).sum(-1) > 0


masks = {
    "projection": seen_by(partial(shortcut_path, kind="B")),
    "bottleneck, stride on\nthe 1x1 (paper)": seen_by(partial(bottleneck_block, stride_on="1x1")),
    "bottleneck, stride on\nthe 3x3 (v1.5)": seen_by(partial(bottleneck_block, stride_on="3x3")),
    "basic block": seen_by(basic_block),
}
show(draw.pixels_seen(masks), "Blue: pixels of the input that the block's output depends on.")

# %% [markdown]
# With the stride on the 1x1, three quarters of the values that the previous stage computed are
# never looked at. With the stride on the **3x3** every pixel counts. That is "ResNet v1.5", what
# most libraries build today; the same weights fit into both, but they compute different functions,
# and v1.5 takes 6 % more multiply-adds:

# %% tags=["hide-input"]
places = {name: sizing.profile(architectures.build(name)) for name in ("resnet50", "resnet50_v1_5")}
errors = {name: architectures.describe(name).error("imagenet") for name in places}
rows = [
    (name, report.params, report.macs, f"{errors[name]:.1f}") for name, report in places.items()
]
table(("network", "total parameters", "multiply-adds", "top-1 error, one crop (%)"), rows)

# %% [markdown]
# ## 5 · The networks
#
# For **ImageNet** (224x224): a 7x7 convolution with stride 2 and 3x3 max pooling with stride 2,
# four stages, the mean of each feature map, one dense layer. When height and width halve, the
# channels double, so a block costs the same in every stage, as in VGG; but there are no large
# dense layers at the end, which hold most of VGG's weights
# ([lecture 02](02_sizing.ipynb), section 7).
#
# Two counts are in use. ResNet-50 has 25,610,152 *total* parameters, as the table above says;
# 53,120 of these are the moving means and variances of its normalizations, which are not learned.
# It learns the other 25,557,032, which most lists print as 25.6 million. From here on, **weights**
# are those that are learned:


# %% tags=["hide-input"]
def part(report, prefix=""):
    """Learned weights and multiply-adds of the layers whose names begin like this."""
    rows = [row for row in report.rows if row.name.startswith(prefix)]
    learned = (row.params // (2 if row.name.endswith("_bn") else 1) for row in rows)
    return np.array([sum(learned), sum(row.macs for row in rows)])  # half of BN's are statistics


sizes = {
    depth: part(places.get(name) or sizing.profile(architectures.build(name)))
    for depth, name in ((18, "resnet18"), (34, "resnet34"), (50, "resnet50"))
}
for depth in (101, 152):  # those of 50 layers, and more of two kinds of blocks
    sizes[depth] = sizes[50] + sum(
        (more - less) * part(places["resnet50"], f"conv{stage}_block2_")
        for stage, more, less in zip((2, 3, 4, 5), BLOCKS[depth], BLOCKS[50], strict=True)
    )
rows = []
for depth, blocks in BLOCKS.items():
    layers_per_block = 2 if depth < 50 else 3
    assert depth == layers_per_block * sum(blocks) + 2
    kind = "basic" if depth < 50 else "bottleneck"
    rows.append((depth, kind, str(blocks), *map(int, sizes[depth])))
assert places["resnet50"].params - sizes[50][0] == 53120
assert 1.04 < sizes[50][1] / sizes[34][1] < 1.06
assert sizes[152][1] < 11.4e9 < 19.6e9
table(("layers", "blocks", "in each stage", "weights", "multiply-adds"), rows)

# %% [markdown]
# The depth counts convolutions and the dense layer on the way through the blocks; projections are
# not counted. From 34 to 50 layers every basic block becomes a bottleneck, for 5 % more
# multiply-adds. Even 152 layers take far fewer than the 19.6 billion of VGG-19.


# %% tags=["hide-input"]
def by_stage(report):
    """Height, channels and multiply-adds of each stage."""
    found = {}
    for row in report.rows:
        stage = row.name.split("_")[0] if row.name.startswith("conv") else "end"
        size, channels, macs = found.get(stage, (0, 0, 0))
        shape = row.output_shape
        if len(shape) == 3 and row.macs:
            size, channels = shape[0], max(channels, shape[2])
        found[stage] = (size or 1, channels if len(shape) == 3 else shape[-1], macs + row.macs)
    return [(name, *found[name]) for name in sorted(found) if name != "end"]


show(
    draw.stages(by_stage(places["resnet50"])),
    "The stages of ResNet-50: feature maps get smaller and more numerous. Right: what each costs.",
)

# %% [markdown]
# For **CIFAR-10** (32x32): a 3x3 convolution, three stages of $n$ basic blocks with 16, 32 and 64
# channels, $6n + 2$ layers, shortcut A. You build them in questions 1 to 6 of the
# [assignment](../07_residual/07_residual.ipynb). The paper's test errors:

# %% tags=["hide-input"]
rows = []
for depth in (20, 32, 44, 56, 110, 1202):
    name = f"resnet{depth}_cifar"
    error = architectures.describe(name).error("cifar10")
    rows.append((name, (depth - 2) // 6, depth, f"{error:.2f}"))
table(("network", "n", "layers", "CIFAR-10 test error (%)"), rows)

# %% [markdown]
# Going to 110 layers still helps. 1202 layers train just as well, down to a training error below
# 0.1 %, and test worse than 110: *that* is overfitting, with 19.4 million weights for 50,000
# small images.
#
# **How they are trained.** The recipe is simple: He's initialization, batch normalization after
# every convolution, gradient descent with momentum 0.9, a weight decay of 0.0001, batches of 256
# (CIFAR: 128), a learning rate of 0.1, divided by 10 when the error stops falling (CIFAR: after
# 32,000 and 48,000 of 64,000 steps), for up to 600,000 steps. Images are scaled, cropped and
# mirrored. **No dropout.** On CIFAR, 110 layers start with a learning rate of 0.01 until the
# training error is below 80 %.
#
# An ensemble of six such networks had a top-5 error of 3.57 % and won ILSVRC 2015; the same
# features won the detection, localization and segmentation tasks (ImageNet and COCO) as well. A
# person who had practiced had an error of 5.1 % (Russakovsky et al., 2015).
#
# One thing was added later: start every block as the identity, with $\gamma = 0$ in the last
# normalization of its branch (Goyal et al., 2017). The network is shallow at first and grows
# deeper as it learns. You will write that in question 8 of the assignment.
#
# ## 6 · Gradients
#
# Why are deep plain networks hard to train? "Gradients vanish" is the usual answer. Measure it:
# the norm of the gradient of each convolution's kernel, before training, in networks of 20 and 56
# layers, with and without normalization.
#
# **Guess first.** In a plain network of 56 layers with normalization, is the first layer's gradient
# smaller than the last layer's, as large, or larger? By what factor?


# %% tags=["hide-input"]
def bare_block(x, filters, *, strides, shortcut, name):
    """A basic block without normalization."""
    y = conv(x, filters, 3, strides=strides, padding=1, activation="relu", name=f"{name}_1")
    y = conv(y, filters, 3, name=f"{name}_2")
    return add_shortcut(x, y, strides=strides, shortcut=shortcut, name=name)


def gradients_of_loss(model, images, labels):
    """For each 3x3 kernel, from the first layer to the last, and for each image."""
    kernels = [layer.kernel.value for layer in model.layers if isinstance(layer, layers.Conv2D)]
    images = tf.constant(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = class_loss(model, images, labels)
    *for_kernels, for_images = tape.gradient(loss, [*kernels, images])
    return for_kernels, np.array(for_images).reshape(len(images), -1)


def agreement(gradients):
    """How alike those of the first half are to those of the second: the median of the cosines."""
    one, other = np.split(gradients / np.linalg.norm(gradients, axis=1, keepdims=True), 2)
    return float(np.median((one * other).sum(axis=1)))


scaled = (pictures[:32] - pictures.mean()) / pictures.std()
noise = 0.1 * np.random.default_rng(0).normal(size=scaled.shape)
clear_and_noisy, twice = np.concatenate([scaled, scaled + noise]), np.tile(shape_labels[:32], 2)
norms, alike = {}, {}
for block in (basic_block, bare_block):
    for n in (3, 9):
        for shortcut in (None, "A"):
            keras.utils.set_random_seed(SEED)
            network = net(n, shortcut, block, shape=(16, 16, 3))
            for_kernels, for_images = gradients_of_loss(network, clear_and_noisy, twice)
            norms[n, shortcut, block] = [float(tf.norm(gradient)) for gradient in for_kernels]
            alike[n, shortcut, block] = agreement(for_images)


def gradients(depth, normalized):
    """Plain and residual, with normalization or without."""
    n, block = (depth - 2) // 6, basic_block if normalized == "yes" else bare_block
    lines = {"plain": norms[n, None, block], "residual": norms[n, "A", block]}
    said = "; ".join(
        f"{name} {values[0]:.3g} in the first and {values[-1]:.3g} in the last"
        for name, values in lines.items()
    )
    how = "with" if normalized == "yes" else "without"
    return plots.curves(
        range(1, depth), lines, "The norm of the gradient of each convolution's kernel before "
        f"training, {depth} layers {how} batch normalization: {said}.",
        x_label="convolution", y_label="norm of the gradient", yscale="log",
    )  # fmt: skip


interactive(
    gradients, {"depth": 56, "normalized": "yes"}, depth=[20, 56], normalized=["yes", "no"],
    caption="Norm of the gradient of each convolution's kernel, before training.",
)  # fmt: skip

# %% tags=["hide-input"]
rows = []
for (n, shortcut, block), values in norms.items():
    kind, how = "plain" if shortcut is None else "residual", "no" if block is bare_block else "yes"
    name = f"{kind}, {6 * n + 2} layers, normalized: {how}"
    found = {"first / last": values[0] / values[-1], "agreement": alike[n, shortcut, block]}
    numbers |= {f"{what}: {name}": value for what, value in found.items()}
    numbers[f"first: {name}"] = values[0]
    spans = [
        (seeds.text(value), seeds.span(recorded[f"{what}: {name}"]))
        for what, value in found.items()
    ]
    rows.append((how, 6 * n + 2, kind, *spans[0], *spans[1]))
table(("normalized", "layers", "network", "gradient, first layer / last", "five seeds",
       "agreement", "five seeds"), rows)  # fmt: skip

# %% [markdown]
# The usual answer is wrong here, with and without normalization.
#
# - **With normalization** the gradients of a plain network do not vanish, they *grow* on their way
#   back, a little with every layer: in the first of 56 layers they are more than a hundred times as
#   large as in the last one. (Yang et al., 2019, derive it: the batch's statistics are to blame.)
#   One learning rate cannot be right for both ends. (The paper reports "healthy norms" for its
#   plain 34-layer network; it was looking for gradients that vanish.)
# - **Without normalization**, He's initialization keeps a plain network's gradients at roughly the
#   same size, within a factor of ten for all five seeds. It is the *residual* network that
#   explodes: every block adds its branch to what was there, so values grow from block to block, and
#   all gradients with them. Residual networks need normalization, or branches that begin small.
# - In a residual network **with** normalization, the first and the last of 56 layers differ by a
#   factor of less than twenty; for the five seeds, it was less than ten.
#
# Size is not everything. "Agreement" asks whether the gradient *points* anywhere: how similar are
# the gradients of the loss with respect to an image, and to the same image with a little noise?
# (It is the cosine between them: 1 if they agree, 0 if they have nothing to do with each other.)
# In a plain network with normalization they have little in common even at 20 layers; without
# normalization, that takes 56. Such **shattered** gradients (Balduzzi et al., 2017) tell one step
# nothing about the next. Along the shortcuts the gradient comes back nearly unchanged, except for
# the projections and the ReLUs after the additions, so similar images share much of it.

# %% tags=["hide-input"]
ratio = {key: values[0] / values[-1] for key, values in norms.items()}
assert ratio[9, None, basic_block] > 100 > 20 > ratio[9, "A", basic_block]
assert alike[3, "A", basic_block] - alike[3, None, basic_block] > 0.15
assert norms[9, "A", bare_block][0] > 50 * norms[9, "A", basic_block][0]
spans = [
    seeds.span(recorded[f"first: residual, 56 layers, normalized: {how}"]) for how in ("no", "yes")
]
print(f"56 residual layers, 5 seeds: the norm of the first layer's gradient is {spans[0]} without "
      f"normalization, {spans[1]} with it")  # fmt: skip

# %% [markdown]
# ## 7 · Take a block out
#
# In a plain network each layer works on what the previous one has made of the image. In a residual
# network each block adds a little to what is already there. Veit, Wilber and Belongie (2016) took a
# single block out of a trained network, at test time, without any further training. Let us do the
# same with the two 20-layer networks of section 1, wherever the shapes allow it: in the plain
# network the first blocks of two stages, `conv3_block1` and `conv4_block1`, must stay, since
# nothing else halves height and width.
#
# **Guess first.** Without one of its nine blocks, how many of the test digits does each network
# still get right?


# %% tags=["hide-input"]
def bypassed(model, block):
    """A network without the layers of a block."""
    x = inputs = keras.Input(model.input_shape[1:])
    for layer in model.layers[1:]:
        if not layer.name.startswith(f"{block}_"):
            x = layer(x)
    return keras.Model(inputs, x)


@contextmanager
def silent_branch(model, block):
    """For a while a block's branch gives zeros, so that only its shortcut is left."""
    last = model.get_layer(f"{block}_2_bn")
    weights = last.get_weights()
    last.gamma.assign(0 * last.gamma)
    last.beta.assign(0 * last.beta)
    try:
        yield model
    finally:
        last.set_weights(weights)


def accuracy(model):
    """Fraction of the test digits that a network classifies correctly."""
    return float(np.mean(np.array(model(test_digits)).argmax(-1) == test_labels))


names = [f"conv{stage}_block{number}" for stage in (2, 3, 4) for number in (1, 2, 3)]
whole = {name: accuracy(trained[f"{name}, 20 layers"]) for name in ("plain", "residual")}
parts = {name: [] for name in whole}
for block in names:
    model = trained["plain, 20 layers"]
    halves = block in ("conv3_block1", "conv4_block1")
    parts["plain"].append(np.nan if halves else accuracy(bypassed(model, block)))
    with silent_branch(trained["residual, 20 layers"], block) as model:
        parts["residual"].append(accuracy(model))
show(
    draw.without_each_block(names, parts, whole),
    "Accuracy on the test digits without one block; dashed: with all blocks.",
)

# %% tags=["hide-input"]
without = {
    "plain, without one block": parts["plain"], "residual, without one block": parts["residual"],
}  # fmt: skip
rows = []
for name, values in (
    {f"{name}, whole": [value] for name, value in whole.items()} | without
).items():
    found = {
        "lowest": np.nanmin(values),
        "median": np.nanmedian(values),
        "highest": np.nanmax(values),
    }
    found = found if len(values) > 1 else {"median": values[0]}
    numbers |= {f"{name}: {what}": float(value) for what, value in found.items()}
    for what in found:
        here, label = numbers[f"{name}: {what}"], name if len(found) == 1 else f"{name}, {what}"
        rows.append((label, seeds.text(here), seeds.span(recorded[f"{name}: {what}"])))
assert np.nanmax(parts["plain"]) < 0.45 and np.median(parts["residual"]) > 0.65, parts
table(("accuracy", "this run", "five seeds"), rows)

# %% [markdown]
# Without any one of the blocks that could be taken out, the plain network gets less than half of
# the digits right, and mostly no more than by guessing: what follows the gap has learned to read
# something else. In the residual network most blocks are hardly missed: look at the median. The
# shortcut keeps all features in place, and a block only adds to them. The first block is missed
# most (see the figure): after the first layer alone, nearly everything is still to be done. (The
# cell asserts that no plain network without a block reaches 0.45, and that the median of the
# residual ones is above 0.65.)
#
# So a residual network is less a chain than a crowd. [Lecture 08](08_residual_ablations.ipynb)
# takes that further, with paths of many lengths and training with blocks left out at random.

# %% [markdown]
# ## What the slides say, and what is right
#
# Three public lectures on this topic, and where their slides differ from the papers or from what
# was measured above:

# %% tags=["hide-input"]
CS231N = "Stanford CS231n, 2020, lecture 9"
DEEPMIND = "DeepMind, convolutional networks"
corrections = [
    ("ResNet's weight decay", CS231N, "1e-5", "1e-4", "the paper, section 3.4"),
    ("its initialization", CS231N, '"Xavier initialization from He et al."',
     "He's: a variance of 2/m", "Xavier (Glorot) has no 2 to make up for what the ReLU takes away"),
    ("every residual block", CS231N, "has two 3x3 convolutions", "up to 34 layers",
     "from 50 on it is 1x1, 3x3, 1x1, as later slides show"),
    ("the basic block", DEEPMIND, "a 3x3 convolution, then a 1x1", "3x3 and 3x3",
     "1x1, 3x3, 1x1 is the bottleneck"),
    ("152 layers", DEEPMIND, "an order of magnitude deeper than the year before",
     f"{152 / 22:.0f} times as deep", "GoogLeNet has 22 layers; 152 are 8 times VGG's 19"),
    ("the gradient on the shortcut", "Charles University NPFL138, lecture 5",
     "its derivative is just one", "within a stage, where the ReLU after the addition is above 0",
     "that ReLU and projections are on the way; see lecture 08"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. With pencil and paper: how many layers does a CIFAR network with $n = 7$ have? How many of its
#    convolutions have a stride of 2, and how many projections does shortcut B add?
# 2. Set `SEED = 6` and run section 1 again. Do all its assertions hold? Which of the four final
#    losses changes most?
# 3. Let `WIDTHS` be twice as large. Does width help the plain network of 32 layers?
# 4. In section 2, start every branch of the 8-layer residual stack with $\gamma = 0$ in its last
#    normalization, and train. What is the loss after 150 steps, and what has changed? Why?
# 5. What part of its input does a basic block with stride 3 see, and what part a projection with
#    stride 3? Predict it, then change `strides` in `seen_by`.
# 6. Take two blocks out of the residual network of section 7, in all pairs. Is the loss of accuracy
#    about the sum of the two single losses?
#
# ## To remember
#
# - Plain networks get worse with depth **on their training images**. That is not overfitting.
# - A deeper network contains the shallower one: new blocks need only be the **identity**. A
#   residual block is the identity if its branch outputs zeros: $y = x + F(x)$.
# - Basic: 3x3, 3x3. Bottleneck: 1x1 to a quarter, 3x3, 1x1 back. Normalization after every
#   convolution, no bias, the last ReLU **after** the addition.
# - Shortcut A (zeros), B (projection where shapes differ), C (always). Where shapes agree, leave
#   $x$ alone.
# - The stride is on the first 1x1 in the paper and on the 3x3 in v1.5: the same weights, a
#   different function.
# - $6n + 2$ layers on CIFAR, 18 to 152 on ImageNet; ResNet-50 has 25.6 million weights and takes
#   3.9 (v1.5: 4.1) billion multiply-adds.
#
# ## To read
#
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016,
#   arXiv:1512.03385.
# - K. He, X. Zhang, S. Ren, J. Sun, *Delving deep into rectifiers*, ICCV 2015, arXiv:1502.01852.
# - R. Srivastava, K. Greff, J. Schmidhuber, *Highway networks*, 2015, arXiv:1505.00387: shortcuts
#   with gates, a little earlier.
# - A. Veit, M. Wilber, S. Belongie, *Residual networks behave like ensembles of relatively shallow
#   networks*, NeurIPS 2016, arXiv:1605.06431.
# - D. Balduzzi et al., *The shattered gradients problem*, ICML 2017, arXiv:1702.08591.
# - G. Yang et al., *A mean field theory of batch normalization*, ICLR 2019, arXiv:1902.08129.
# - P. Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017,
#   arXiv:1706.02677.
# - Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, *Revisiting deep learning models for tabular
#   data*, NeurIPS 2021, arXiv:2106.11959.
# - O. Russakovsky et al., *ImageNet large scale visual recognition challenge*, IJCV 115, 2015,
#   arXiv:1409.0575.
