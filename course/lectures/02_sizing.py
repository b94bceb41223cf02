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
# Will it fit into memory? How long will it take? Why does the last pooling layer refuse to be
# built? You need not train a network to answer that. Five formulas are enough, all of them
# integer arithmetic:
#
# 1. the **size** of a layer's output,
# 2. its **parameters**,
# 3. its **connections** and multiply-adds (**MACs**),
# 4. the **memory** of its activations,
# 5. the **receptive field** of one of its values.
#
# [Lecture 01](01_convolution.ipynb) showed what a kernel does; here we count. We derive each
# formula on small examples, and then size the networks that made history: LeNet-5, AlexNet, VGG-16,
# GoogLeNet, and the cheaper blocks that came after. The four public lectures that this course
# follows (Stanford's CS231n, UCLA's C147, DeepMind's at UCL, and NPFL138 of Charles University)
# show many of these numbers, and here and there a sum went wrong. So we count again.
#
# Every number below is computed where it is stated. Change one and run the cell again. Code that
# only counts layer by layer, or draws, is folded: click on it to read it. The assignment is
# [02_sizing](../02_sizing/02_sizing.ipynb), where you write these formulas yourself.

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
from math import prod

import keras
import numpy as np

from course import architectures, sizing
from course.visualization import costs
from course.visualization import sizing as draw
from course.visualization.display import interactive, show, table


def times(*shape):
    """A shape as the lectures write it."""
    return "x".join(map(str, shape))


# %% [markdown]
# ## 1 · What sharing is worth
#
# A fully connected unit has one weight for each input value. How many is that for a small
# CIFAR-10 image, 32x32 pixels in three colors? And for a 200x200 picture?

# %%
cifar10 = sizing.dense_params(32 * 32 * 3, units=1, use_bias=False)
picture = sizing.dense_params(200 * 200 * 3, units=1, use_bias=False)
print(f"one unit on CIFAR-10: {cifar10:,} weights; on 200x200 in color: {picture:,}")

# %% [markdown]
# That is *one* unit. A filter has as many weights as its kernel, wherever it lies and however
# large the image is. Lecture 01 had an example from C147's slides: 500 fully connected units
# against four 4x4 filters on 32x32x3. What is the ratio?

# %%
dense, conv = sizing.dense_params(32 * 32 * 3, 500), sizing.conv_params(3, 4, kernel_size=4)
print(f"fully connected: {dense:,}   convolution: {conv:,}   {dense / conv:,.0f} times fewer")

# %% [markdown]
# ## 2 · Where does the kernel fit?
#
# Take a 3x3 filter and a 7x7 image. The filter lies on the image, gives one value, moves on by
# its *stride*, gives the next. How large is the result at strides of 1, 2 and 3?
#
# The axes do not affect each other, so look at one of them.

# %% tags=["hide-input"]
show(draw.places(7, 3, (1, 2, 3)), "All places of a kernel of 3 on 7 values. Hatched: left over.")

# %% [markdown]
# The first place needs no step. After it, $n - k$ values remain, and each step uses up $s$ of
# them; what is not enough for a whole step is left over:
#
# $$\text{output} = \left\lfloor \frac{n - k}{s} \right\rfloor + 1$$
#
# The slide of C147 that asks this writes the formula without rounding and calls stride 3 "not
# correct", because $4/3$ is not an integer. Libraries don't refuse: they round **down** and ignore
# the rest.

# %%
print([sizing.conv_output_size((7, 7), 3, strides=stride) for stride in (1, 2, 3)])

# %% [markdown]
# What they do refuse is a kernel larger than its input. That is what happens at the end of a deep
# network that has been given small images:

# %%
try:
    sizing.conv_output_size(4, 5)
except ValueError as error:
    print(error)

# %% [markdown]
# ### Padding and dilation
#
# Zeros around the image give the kernel more values to lie on: with $p$ of them on *each* side,
# $n + 2p$. A kernel with dilation $d$ spans more values than it has weights: $d(k - 1) + 1$. So
# one formula covers everything:
#
# $$\text{output} = \left\lfloor \frac{n + 2p - d(k - 1) - 1}{s} \right\rfloor + 1$$
#
# Here is a case where all of it matters. The last zero is never seen: it is left over.


# %% tags=["hide-input"]
def fit(size, kernel, stride, padding, dilation):
    """A kernel at all its places."""
    return draw.places(size, kernel, [stride], padding, dilation)


interactive(
    fit,
    {"size": 10, "kernel": 3, "stride": 2, "padding": 1, "dilation": 2},
    # what the course's site has pictures of
    {"size": [9, 10], "kernel": [1, 2, 3, 5, 7], "stride": [1, 2, 3], "dilation": [1, 2]},
    size=range(3, 15),
    kernel=range(1, 8),
    stride=range(1, 5),
    padding=range(5),
    dilation=range(1, 4),
    caption="Gray: values; orange: zeros; blue: the kernel at each place; hatched: left over.",
)

# %% [markdown]
# If you have the sliders: which paddings keep 10 values at stride 1, for kernels of 3, 5 and 7?
# Can an even kernel keep them? And with dilation? Which settings leave no place at all?
#
# The three choices of $p$ that have a name are in section 4 of lecture 01. What do they make of a
# 9x9 image and a 3x3 filter, and what changes with a stride of 2?

# %%
sizes = {
    "valid, p = 0": sizing.conv_output_size(9, 3),
    "full, p = k - 1": sizing.conv_output_size(9, 3, padding="full"),
    "same, p = (k - 1) / 2": sizing.conv_output_size(9, 3, padding="same"),
    "valid, stride 2": sizing.conv_output_size(9, 3, strides=2),
}
table(("kind", "9x9 becomes"), [(kind, times(size, size)) for kind, size in sizes.items()])

# %% [markdown]
# For *same* at stride 1, $p = (k - 1)/2$ is an integer only if $k$ is odd. That is one reason why
# nearly all kernels are.
#
# Which one is "the" convolution? C147 first gives $(w + w_f - 1, h + h_f - 1)$ as the size of a
# convolutional layer's output, the full convolution, and corrects itself two slides later. Its
# example of four 4x4 filters on 32x32x3 asks for the places where the filter overlaps
# *fully*, and answers 4x35x35.

# %%
right = sizing.conv_output_size(32, 4)
slide = sizing.conv_output_size(32, 4, padding="full")
print(f"valid: {times(right, right, 4)} = {right**2 * 4:,}   (the slide: {slide**2 * 4:,})")

# %% [markdown]
# ### Equal sizes, different pixels
#
# Keras' "same" promises $\lceil n / s \rceil$ values and puts an odd zero at the *end*, as
# lecture 01 showed. With a stride, $p = 1$ on both sides can give the same size without looking
# at the same pixels:

# %% tags=["hide-input"]
show(
    draw.two_paddings(8, 3, 2),
    "Both give 4 values, from different pixels. Red: under the kernel's middle.",
)

# %% [markdown]
# A kernel that only picks its middle value confirms it:

# %%
line = np.arange(8, dtype="float32").reshape(1, 8, 1)
middle = np.array([0, 1, 0], dtype="float32").reshape(3, 1, 1)
same = keras.ops.conv(line, middle, strides=2, padding="same")
ones = keras.ops.conv(np.pad(line, ((0, 0), (1, 1), (0, 0))), middle, strides=2, padding="valid")
print("input           ", line.ravel().astype(int))
print("Keras' same     ", np.array(same).ravel().astype(int))
print("one zero a side ", np.array(ones).ravel().astype(int))

# %% [markdown]
# Weights from a framework that pads both sides equally give different results in Keras, unless a
# `ZeroPadding2D` and a valid convolution replace "same". The sizes alone won't tell you.
#
# ### Pooling
#
# A pooling window moves like a kernel, so the formula is the same. It has nothing to train: **0
# parameters**. Usually windows lie side by side, and the stride equals the window. AlexNet's
# windows of 3 move by 2 and *overlap*.

# %%
print("28, windows of 2 side by side:", sizing.pool_output_size(28, 2))
print("55, windows of 3, stride 2:   ", sizing.pool_output_size(55, 3, strides=2))
print("parameters of a pooling layer:", keras.layers.MaxPooling2D(3, strides=2).count_params())

# %% [markdown]
# ## 3 · What does it cost?
#
# **Parameters.** One filter sees $k \times k$ places of all $C$ input channels, so it has $k^2 C$
# weights and one bias. With $F$ filters: $F(k^2 C + 1)$. The image's size plays no part.
#
# With $g$ **groups**, a filter sees only $C/g$ channels, and the layer has $F(k^2 C/g + 1)$
# parameters.
#
# The rest follows from how often parameters are used: once at each of the $H \times W$ output
# positions.
#
# - **Connections** (LeCun's count): $HWF(k^2 C + 1)$, a bias being a connection too.
# - **MACs**, multiply-adds: $HWF k^2 C$. A bias is only added. If multiplications and additions are
#   counted separately, as FLOPs, there are twice as many; papers use both words for either count.
# - **Memory** of the output: $HWF$ values, 4 bytes each as `float32`.
#
# Take 5x5 filters from 96 to 256 channels on 27x27, which will turn out to be AlexNet's second
# layer:

# %% tags=["hide-input"]
rows = [
    (
        groups,
        sizing.conv_params(96, 256, 5, groups, use_bias=False),
        sizing.conv_params(96, 256, 5, groups),
        sizing.conv_connections(96, 256, 5, 27, groups),
        sizing.conv_macs(96, 256, 5, 27, groups),
        sizing.activation_bytes((27, 27, 256)),
    )
    for groups in (1, 2)
]
table(("groups", "weights", "parameters", "connections", "MACs", "bytes of output"), rows)

# %% [markdown]
# Two groups halve weights and MACs. The output is just as large as before. And if something else
# changes? Work it out from the formulas before you look, for the same layer on 28x28 with "same"
# padding:

# %% tags=["hide-input"]
show(
    costs.doubled(channels=96, filters=256, kernel=5, size=28),
    "What one change does to weights, MACs and output of a layer.",
)

# %% [markdown]
# The three columns have little to do with each other. A larger image costs time and memory, but
# no parameters. Twice the width, in *and* out, costs four times the weights and the time, and
# twice the memory. Here are the numbers themselves:

# %% tags=["hide-input"]
interactive(
    costs.cost,
    {"size": 27, "channels": 96, "filters": 256, "kernel": 5, "groups": 1},
    # what the course's site has pictures of
    {
        "size": [14, 27, 56],
        "channels": [64, 96, 256],
        "filters": [64, 128, 256],
        "kernel": [1, 3, 5],
        "groups": [1, 2, 32],
    },
    size=[7, 13, 14, 27, 28, 56, 112, 224],
    channels=[32, 64, 96, 128, 256, 512],
    filters=[32, 64, 96, 128, 256, 512],
    kernel=[1, 3, 5, 7, 11],
    groups=[1, 2, 4, 8, 32],
    caption="What one layer costs, on a logarithmic axis.",
)

# %% [markdown]
# ## 4 · How far does it see?
#
# Lecture 01 measured receptive fields, and computed them from two numbers: the field $r$, and the
# distance $t$ between neighboring values, in pixels. One value after a 3x3 layer depends on 3x3
# pixels. How many does it depend on after two such layers? After three?


# %% tags=["hide-input"]
def eyes(layers, kernel, stride):
    """What a value after equal layers sees."""
    return draw.pyramid([(kernel, stride)] * layers)


interactive(
    eyes,
    {"layers": 3, "kernel": 3, "stride": 1},
    layers=range(1, 5),
    kernel=[1, 2, 3, 5],
    stride=[1, 2, 3],
    caption="Blue: what the value at the top depends on, layer by layer.",
)

# %%
print("two and three layers of 3x3:    ", [sizing.receptive_field([(3, 1)] * n) for n in (2, 3)])
both = [[(3, 2), (3, 1)], [(3, 1), (3, 2)]]
print("stride in the first, the second:", [sizing.receptive_field(pair) for pair in both])

# %% [markdown]
# A stride widens what comes *after* it: it makes the steps longer, $t \leftarrow t s$, and each
# later kernel takes $k - 1$ of them. So strides are a cheap way to see far. Here are two networks
# from the next sections, and one that has no stride at all; a ring marks a layer with a stride.

# %% tags=["hide-input"]
vgg_parts = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
stack = []
for convolutions, _ in vgg_parts:
    stack += [*[(3, 1)] * convolutions, (2, 2)]
fields = {
    "VGG-16": stack,
    "AlexNet": [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)],
    "3x3 only": [(3, 1)] * 18,
}
show(draw.growth(fields), "Receptive field after each layer. A ring: a layer with a stride.")

# %%
print("VGG-16's last convolution sees", sizing.receptive_field(stack[:-1]), "of 224 pixels")

# %% [markdown]
# ## 5 · LeNet-5, as the paper counts it
#
# LeNet-5 read the amounts on bank checks. Its input is 32x32 and **grayscale**. C147 says
# 32x32x3; with three channels, the first layer could not have the number of parameters that the
# paper states. Which number is that?

# %%
for name, channels in (("grayscale", 1), ("three channels", 3)):
    params = sizing.conv_params(channels, 6, 5)
    connections = sizing.conv_connections(channels, 6, 5, sizing.conv_output_size(32, 5))
    print(f"C1, {name:>14}: {params} parameters, {connections:,} connections")

# %% [markdown]
# Two of its layers are unlike today's:
#
# - **S2 and S4** are not plain pooling. A unit adds its four inputs, multiplies the sum by a
#   trainable coefficient and adds a trainable bias. Both are shared by the whole feature map: two
#   parameters per feature map, five connections per unit.
# - **C3** does not connect every feature map with every other. In its Table I, six feature maps
#   see three of S2's, nine see four, and one sees all six. That saves connections, and makes the
#   feature maps differ.
#
# The output layer compares F6's 84 values with a small fixed picture of each digit: 840
# connections, nothing to train.

# %% tags=["hide-input"]
from course.architectures.lenet import C3_TABLE

show(costs.connection_table(C3_TABLE, inputs=6), "Which of S2's maps each map of C3 sees.")

# %% tags=["hide-input"]
sees = [len(maps) for maps in C3_TABLE]
LENET = [  # name, maps, parameters; None for subsampling
    ("C1", 6, sizing.conv_params(1, 6, 5)),
    ("S2", 6, None),
    ("C3", 16, sum(sizing.conv_params(maps, 1, 5) for maps in sees)),
    ("S4", 16, None),
    ("C5", 120, sizing.conv_params(16, 120, 5)),
]
rows, size = [], 32
for name, maps, params in LENET:
    if params is None:
        size = sizing.pool_output_size(size, 2)
        params, connections = 2 * maps, (4 + 1) * size * size * maps
    else:
        size = sizing.conv_output_size(size, 5)
        connections = params * size * size
    rows.append((name, times(size, size, maps), params, connections))
rows.append(("F6", "84", sizing.dense_params(120, 84), sizing.dense_params(120, 84)))
rows.append(("OUTPUT", "10", 0, 84 * 10))
lenet_params, lenet_connections = (sum(row[column] for row in rows) for column in (2, 3))
assert (lenet_params, lenet_connections) == (60_000, 340_908)
table(
    ("layer", "shape", "trainable parameters", "connections"),
    [*rows, ("**total**", "", lenet_params, lenet_connections)],
)

# %% [markdown]
# Exactly 60,000 parameters, used 340,908 times: that is what sharing weights means.
#
# If C3 were fully connected, it would have more. And the LeNet-5 of most tutorials, with that C3,
# plain pooling and a dense output, is a slightly different net:

# %%
full = sizing.conv_params(6, 16, 5)
print(f"C3: {rows[2][2]:,} with Table I, {full:,} with all maps ({full * 100:,} connections)")

# %%
report = sizing.profile(architectures.build("lenet5_modern"))
assert report.params == 61_706
report

# %% [markdown]
# `sizing.profile` walks through any built Keras model and makes this table. Try it on your own.
#
# ## 6 · AlexNet
#
# Eight layers with weights, 1,000 classes. The paper says that images are 224x224; but then the
# first layer, 96 filters of 11x11 at stride 4, does not give the paper's 55x55. Which input
# would?

# %%
for n, padding in ((224, "valid"), (224, "same"), (224, 2), (227, "valid")):
    size = sizing.conv_output_size(n, 11, strides=4, padding=padding)
    print(f"input {n}, padding {padding!r:>7}: {times(size, size, 96)}")

# %% [markdown]
# So people compute with 227 and no padding. (DeepMind's 56x56x96 is what "same" makes of 224.)
#
# Here is the whole net, once as one tower, and once as the authors trained it: split over two
# GPUs of 3 GB, where filters of CONV2, CONV4 and CONV5 see only the channels on their own GPU.
# The order of the layers is that of CaffeNet, the copy that most tables show: it pools first,
# then normalizes. The paper normalizes first. That changes the shapes of the two NORM layers and
# nothing else.

# %% tags=["hide-input"]
ALEXNET = [  # name, filters or units, kernel, stride, padding, groups of the two-GPU net
    ("CONV1", 96, 11, 4, 0, 1), ("POOL1", 0, 3, 2, 0, 1), ("NORM1", 0, 1, 1, 0, 1),
    ("CONV2", 256, 5, 1, 2, 2), ("POOL2", 0, 3, 2, 0, 1), ("NORM2", 0, 1, 1, 0, 1),
    ("CONV3", 384, 3, 1, 1, 1), ("CONV4", 384, 3, 1, 1, 2), ("CONV5", 256, 3, 1, 1, 2),
    ("POOL3", 0, 3, 2, 0, 1),
]  # fmt: skip


def alexnet():
    """Rows (name, shape, weights in one tower, weights in two groups, biases)."""
    size, channels = 227, 3
    yield "INPUT", times(size, size, channels), 0, 0, 0
    for name, filters, kernel, stride, padding, groups in ALEXNET:
        size = sizing.conv_output_size(size, kernel, stride, padding)
        one = two = 0
        if filters:
            one, two = (
                sizing.conv_params(channels, filters, kernel, g, use_bias=False)
                for g in (1, groups)
            )
            channels = filters
        yield name, times(size, size, channels), one, two, filters
    values = size * size * channels
    for name, units in (("FC6", 4096), ("FC7", 4096), ("FC8", 1000)):
        weights = sizing.dense_params(values, units, use_bias=False)
        yield name, str(units), weights, weights, units
        values = units


rows = list(alexnet())
weights_one, weights_two, biases = (sum(row[column] for row in rows) for column in (2, 3, 4))
alexnet_one, alexnet_two = weights_one + biases, weights_two + biases
alexnet_shapes = {row[0]: row[1] for row in rows}
table(
    ("layer", "shape", "weights, one tower", "weights, two groups", "biases"),
    [*rows, ("**total**", "", weights_one, weights_two, biases)],
)

# %% tags=["hide-input"]
positions = [prod(map(int, row[1].split("x")[:-1])) for row in rows]  # 1 if fully connected
macs = [row[2] * places for row, places in zip(rows, positions, strict=True)]
alexnet_macs = sum(macs)
conv_share, conv_work = sum(row[2] for row in rows[:11]) / weights_one, sum(macs[:11]) / sum(macs)
print(f"one tower: {alexnet_one:,} parameters   two groups: {alexnet_two:,}")
print(f"convolutions have {conv_share:.1%} of the weights; the first FC alone {rows[11][2]:,}")
print(f"and they do {conv_work:.1%} of the {alexnet_macs:,} MACs")
for norm, conv_before in (("NORM1", "CONV1"), ("NORM2", "CONV2")):
    print(
        f"{norm}: {alexnet_shapes[norm]} here, {alexnet_shapes[conv_before]} in the paper's order"
    )

# %% [markdown]
# Two shapes differ from this table in the lectures. C147's second NORM layer, 27x27x96, is so in
# neither order: it is a copy of the first one. DeepMind's lecture has pooling windows of 2x2, which
# turn its 56x56 into 28x28; AlexNet's windows are 3x3 at stride 2.
#
# ## 7 · VGG-16: small filters, many of them
#
# VGG has a single kind of convolution, 3x3 with stride 1 and padding 1, and a single kind of
# pooling, 2x2. Why three 3x3 layers instead of one 7x7? They see the same 7x7 patch. Count the
# weights, for $C$ channels in and out:

# %%
rows = []
for channels in (1, 64, 256):
    three = 3 * sizing.conv_params(channels, channels, 3, use_bias=False)
    one = sizing.conv_params(channels, channels, 7, use_bias=False)
    rows.append((channels, three, one, f"{1 - three / one:.0%}"))
table(("C", "three 3x3", "one 7x7", "saved"), rows)

# %% [markdown]
# $27C^2$ against $49C^2$, with two more nonlinearities on the way. The price is memory: three
# outputs to keep instead of one.
#
# Now the table that CS231n and C147 show. "Memory" is the number of values in a layer's
# output; weights are counted without biases.

# %% tags=["hide-input"]
vgg = [("INPUT", (224, 224, 3), 0)]
channels = 3
for convolutions, filters in vgg_parts:
    size = vgg[-1][1][0]
    for _ in range(convolutions):
        size = sizing.conv_output_size(size, 3, padding=1)
        weights = sizing.conv_params(channels, filters, 3, use_bias=False)
        vgg.append((f"CONV3-{filters}", (size, size, filters), weights))
        channels = filters
    size = sizing.pool_output_size(size, 2)
    vgg.append(("POOL2", (size, size, channels), 0))
values = prod(vgg[-1][1])
for units in (4096, 4096, 1000):
    vgg.append(("FC", (1, 1, units), sizing.dense_params(values, units, use_bias=False)))
    values = units

vgg_values, vgg_weights = sum(prod(row[1]) for row in vgg), sum(row[2] for row in vgg)
rows = [(name, times(*shape), prod(shape), weights) for name, shape, weights in vgg]
table(("layer", "shape", "memory", "weights"), [*rows, ("**total**", "", vgg_values, vgg_weights)])

# %% [markdown]
# Under the memory column, both have "24M * 4 bytes = 96 MB".
#
# **Guess first.** Add the column up roughly: do you come to 24 million?

# %%
memory = sum(sizing.activation_bytes(shape) for _, shape, _ in vgg)
assert memory == 4 * vgg_values
conv_values = sum(prod(shape) for name, shape, _ in vgg if name.startswith("CONV"))
relus = conv_values + 2 * 4096  # if every ReLU kept a copy of its own
print(f"{vgg_values:,} values, {conv_values:,} of them from convolutions")
print(f"{memory:,} bytes = {memory / 2**20:.2f} MiB = {memory / 1e6:.2f} MB")
print(f"with ReLU outputs kept apart: {vgg_values + relus:,} values")

# %% [markdown]
# Neither way of counting gives 24 million. And where are the memory and the weights?

# %% tags=["hide-input"]
show(
    costs.where_it_lies(vgg), "VGG-16, layer by layer: memory is at the top, weights at the bottom."
)

# %% tags=["hide-input"]
fc = [weights for name, _, weights in vgg if name == "FC"]
first_two = sum(prod(shape) for _, shape, _ in vgg[1:3])
vgg_biases = sum(shape[2] for _, shape, weights in vgg if weights)
vgg_params = vgg_weights + vgg_biases
print(f"the first two convolutions hold {first_two / vgg_values:.1%} of the memory")
print(f"the first FC holds {fc[0] / vgg_weights:.1%} of the weights")
print(f"all three FC hold {sum(fc) / vgg_weights:.1%}")
print(f"parameters: {vgg_weights:,} weights + {vgg_biases:,} biases = {vgg_params:,}")

# %% [markdown]
# Training needs more: each layer's output must be kept for the backward pass, which produces
# about as many values again, and the optimizer keeps numbers of its own for every weight.
#
# Two slips to know about. C147 writes the pattern as `[CONVx2-POOL]x3 -> [CONVx3-POOL]x2 -> FCx3`.
# How many weight layers is that? And it puts CONV(128) at 224x224, where its own memory column has
# 112x112.

# %%
slide_parts = [(2, 3), (3, 2)]
print("the slide's pattern:", sum(c * repeats for c, repeats in slide_parts) + 3, "weight layers")
print("VGG-16:             ", sum(c for c, _ in vgg_parts) + 3, "weight layers")
print("CONV3-128:          ", [times(*row[1]) for row in vgg if row[0] == "CONV3-128"])

# %% [markdown]
# ## 8 · The Inception module
#
# Should a layer look at 1x1, 3x3 or 5x5 patches? GoogLeNet's answer: at all of them, side by
# side, and at a max pooling too. Every branch preserves height and width, so what padding do 3x3
# and 5x5 need? And how deep is the result on a 28x28x256 input with 128, 192 and 96 filters?

# %%
print("padding:", {k: (k - 1) // 2 for k in (3, 5)})
print("sizes:  ", [sizing.conv_output_size(28, k, padding=(k - 1) // 2) for k in (1, 3, 5)])
naive_depth = 128 + 192 + 96 + 256
print("depth:  ", naive_depth)

# %% [markdown]
# The pooling branch passes on all 256 channels. So the depth can never become smaller than the
# input's: stack such modules, and it only grows. And the cost?

# %%
naive = {
    "1x1, 128": sizing.conv_macs(256, 128, 1, 28),
    "3x3, 192": sizing.conv_macs(256, 192, 3, 28),
    "5x5, 96": sizing.conv_macs(256, 96, 5, 28),
}
naive_total = sum(naive.values())
table(("convolution", "MACs"), [*naive.items(), ("**total**", naive_total)])

# %% [markdown]
# (C147 has a wrong second digit in the 3x3 branch, and carries it into its sum.)
#
# The cure is a 1x1 convolution: at every pixel it mixes 256 channels into 64. Put one before the
# 3x3, one before the 5x5, and one after the pooling.

# %%
reduced = {
    "1x1, 128": sizing.conv_macs(256, 128, 1, 28),
    "1x1, 64 before 3x3": sizing.conv_macs(256, 64, 1, 28),
    "3x3, 192": sizing.conv_macs(64, 192, 3, 28),
    "1x1, 64 before 5x5": sizing.conv_macs(256, 64, 1, 28),
    "5x5, 96": sizing.conv_macs(64, 96, 5, 28),
    "1x1, 64 after pooling": sizing.conv_macs(256, 64, 1, 28),
}
reduced_total = sum(reduced.values())
reduced_depth = 128 + 192 + 96 + 64
print(f"depth {reduced_depth}; {naive_total / reduced_total:.2f} times fewer MACs")
table(("convolution", "MACs"), [*reduced.items(), ("**total**", reduced_total)])

# %% tags=["hide-input"]
show(
    costs.stacked({"naive": naive, "reduced": reduced}, "MACs"),
    "MACs of the module's convolutions, without and with 1x1 reductions.",
)

# %% [markdown]
# The two expensive branches shrink to a quarter, and the 1x1 convolutions that make it possible
# cost little.
#
# CS231n gives 358M for the reduced module. The six terms that it lists itself add up to less. What
# is the difference?

# %%
twice = reduced_total + reduced["3x3, 192"]
print(f"the six terms: {reduced_total:,}; with the 3x3 branch counted twice: {twice:,}")
print(f"naive / reduced: {naive_total / reduced_total:.2f}")
print(f"with the wrong sum: {naive_total / twice:.2f}")

# %% [markdown]
# C147 has the right sum and calls the saving "almost 4x". It is a little more than 3.
#
# ### GoogLeNet as a whole
#
# Nine such modules, a stem, and, after a mean over all positions, *one* fully connected layer.
# Both lectures say "only 5 million parameters", "12x less than AlexNet", "27x less than VGG". Let
# us add up the paper's Table 1.

# %% tags=["hide-input"]
GOOGLENET = [  # 1x1, reduce 3x3, 3x3, reduce 5x5, 5x5, pool projection
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
]  # fmt: skip
googlenet = sizing.conv_params(3, 64, 7) + sizing.conv_params(64, 64, 1)
googlenet += sizing.conv_params(64, 192, 3)
channels = 192
for one, reduce3, three, reduce5, five, projection in GOOGLENET:
    googlenet += (
        sizing.conv_params(channels, one, 1)
        + sizing.conv_params(channels, reduce3, 1) + sizing.conv_params(reduce3, three, 3)
        + sizing.conv_params(channels, reduce5, 1) + sizing.conv_params(reduce5, five, 5)
        + sizing.conv_params(channels, projection, 1)
    )  # fmt: skip
    channels = one + three + five + projection
googlenet += sizing.dense_params(channels, 1000)
layers = 1 + 2 + 2 * len(GOOGLENET) + 1  # a module is two layers deep
print(f"{googlenet:,} parameters in {layers} layers")
print(f"AlexNet has {alexnet_one / googlenet:.1f} times as many")
print(f"VGG-16 has {vgg_params / googlenet:.1f} times as many")

# %% [markdown]
# Seven million, without the two auxiliary classifiers that help to train it. "12 times fewer" is
# the paper's own claim; its table does not bear it out.
#
# ## 9 · Cheaper blocks
#
# **Bottleneck.** ResNet-50 squeezes 256 channels to 64 with a 1x1 convolution, applies a 3x3, and
# widens them again. What would two plain 3x3 layers cost, on 64 and on 256 channels?


# %%
def weights_of(channels, filters, kernel, groups=1):
    """A layer's parameters without biases."""
    return sizing.conv_params(channels, filters, kernel, groups, use_bias=False)


def bottleneck(channels, width, groups=1):
    """Weights of 1x1, 3x3 (perhaps grouped), 1x1."""
    ends = weights_of(channels, width, 1) + weights_of(width, channels, 1)
    return ends + weights_of(width, width, 3, groups)


def basic(channels):
    """Weights of two 3x3."""
    return 2 * weights_of(channels, channels, 3)


rows = [("bottleneck 256-64-64-256", bottleneck(256, 64)), ("two 3x3 on 64", basic(64)),
        ("two 3x3 on 256", basic(256))]  # fmt: skip
print(f"{basic(256) / bottleneck(256, 64):.1f} times cheaper than two 3x3 on 256 channels")
table(("block", "weights"), rows)

# %% [markdown]
# **Groups.** A 3x3 convolution on 64 channels combines $64^2$ pairs of channels. In groups of 4
# channels it combines far fewer. NPFL138 works this out with 32 groups of 4, starting from 64
# channels, and finds "eight times": the eight belongs to the pairs below, but 32 groups of 4 make
# 128 channels, and on those the saving is larger.

# %%
print("pairs:", 64**2, "against", 32 * 4**2, "=", 64**2 // (32 * 4**2), "times")
for channels in (64, 128):
    plain = weights_of(channels, channels, 3)
    grouped = weights_of(channels, channels, 3, channels // 4)
    print(f"{channels} channels in groups of 4: {plain // grouped} times fewer weights")

# %% [markdown]
# **ResNeXt** spends on width what groups save. Its authors chose widths such that each block
# costs about as much as ResNet's bottleneck, and found that many narrow groups are better:

# %%
rows = [
    (groups, width, groups * width, bottleneck(256, groups * width, groups))
    for groups, width in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4))
]
table(("groups", "width of a group", "width", "weights"), rows)

# %% [markdown]
# **Depthwise separable convolution** takes groups to the extreme: one $k \times k$ filter for
# each of the $C$ input channels, then a 1x1 convolution that mixes them to $F$ output channels.
# Compared with an ordinary one it costs
#
# $$\frac{k^2 C + C F}{k^2 C F} = \frac{1}{F} + \frac{1}{k^2}$$

# %%
rows = []
for channels in (64, 256, 1024):
    plain = weights_of(channels, channels, 3)
    separable = sizing.separable_conv_params(channels, channels, 3, use_bias=False)
    assert np.isclose(separable / plain, 1 / channels + 1 / 9)
    rows.append((channels, plain, separable, plain / separable))
table(("C = F", "ordinary 3x3", "separable", "times fewer"), rows)

# %% [markdown]
# Eight to nine times less for 3x3: once there are many channels, the 1x1 part is nearly all of
# it.
#
# The four side by side, each from 256 channels to 256, with two 3x3 layers or with one between
# two 1x1 layers:

# %% tags=["hide-input"]
blocks = {
    "plain": {"3x3, first": weights_of(256, 256, 3), "3x3, second": weights_of(256, 256, 3)},
    "bottleneck": {
        "1x1, to 64": weights_of(256, 64, 1), "3x3": weights_of(64, 64, 3),
        "1x1, to 256": weights_of(64, 256, 1),
    },
    "ResNeXt, 32 groups": {
        "1x1, to 128": weights_of(256, 128, 1), "3x3": weights_of(128, 128, 3, 32),
        "1x1, to 256": weights_of(128, 256, 1),
    },
    "separable": {
        "3x3, first": weights_of(256, 256, 3, 256), "1x1, first": weights_of(256, 256, 1),
        "3x3, second": weights_of(256, 256, 3, 256), "1x1, second": weights_of(256, 256, 1),
    },
}  # fmt: skip
assert sum(blocks["bottleneck"].values()) == bottleneck(256, 64)
show(costs.stacked(blocks, "weights"), "Weights of four blocks from 256 channels to 256.")

# %% [markdown]
# **Squeeze-and-excitation** weights the channels with two small fully connected layers, from $C$
# to $C/16$ values and back. That is $2C^2/16 = C^2/8$ weights:

# %%
rows = []
for channels in (256, 512, 1024, 2048):
    there = sizing.dense_params(channels, channels // 16, use_bias=False)
    back = sizing.dense_params(channels // 16, channels, use_bias=False)
    assert there + back == channels**2 // 8
    rows.append((channels, there + back, there + back + channels // 16 + channels))
table(("C", "weights", "with biases"), rows)

# %% [markdown]
# **Compound scaling.** EfficientNet grows depth, width and resolution together. MACs grow in
# proportion to depth, but with the square of width and resolution. Why?

# %%
base = sizing.conv_macs(32, 32, 3, 28)
print("twice as wide:          ", sizing.conv_macs(64, 64, 3, 28) / base)
print("twice the resolution:   ", sizing.conv_macs(32, 32, 3, 56) / base)
depth, width, resolution = 1.2, 1.1, 1.15
print("one step of EfficientNet:", round(depth * width**2 * resolution**2, 5))

# %% [markdown]
# Twice the width means twice the channels in *and* out; twice the resolution, twice the height
# *and* the width. Depth 1.2, width 1.1 and resolution 1.15 were found by a search, under the
# condition that each step of scaling costs about twice as much.
#
# **Deeper, yet cheaper.** All this together lets ResNet-152, eight times as deep as VGG-19,
# compute less. Its bottlenecks halve the image at the first 1x1 (in the paper) or at the 3x3 (in
# most code since).


# %% tags=["hide-input"]
def resnet152(stride_on_3x3):
    """Multiply-adds on 224x224."""
    total, size, channels = sizing.conv_macs(3, 64, 7, 112), 56, 64
    for stage, blocks in enumerate((3, 8, 36, 3)):
        width = 64 * 2**stage
        for block in range(blocks):
            before, size = size, size // 2 if stage and not block else size
            total += sizing.conv_macs(channels, width, 1, before if stride_on_3x3 else size)
            total += sizing.conv_macs(width, width, 3, size)
            total += sizing.conv_macs(width, 4 * width, 1, size)
            if not block:  # the shortcut changes its shape
                total += sizing.conv_macs(channels, 4 * width, 1, size)
            channels = 4 * width
    return total + sizing.dense_macs(channels, 1000)


def vgg_macs(parts):
    total, size, channels = 0, 224, 3
    for convolutions, filters in parts:
        for _ in range(convolutions):
            total += sizing.conv_macs(channels, filters, 3, size)
            channels = filters
        size = sizing.pool_output_size(size, 2)
    for inputs, units in ((size * size * channels, 4096), (4096, 4096), (4096, 1000)):
        total += sizing.dense_macs(inputs, units)
    return total


vgg19_parts = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
rows = [
    ("VGG-16", vgg_macs(vgg_parts)), ("VGG-19", vgg_macs(vgg19_parts)),
    ("ResNet-152, stride on the 1x1", resnet152(False)),
    ("ResNet-152, stride on the 3x3", resnet152(True)),
]  # fmt: skip
table(("net", "MACs"), rows)

# %% [markdown]
# ### The map
#
# MACs against parameters. Along a line, each parameter is used equally often per image. The last
# three have not been counted yet: `profile` counts them.

# %% tags=["hide-input"]
rows = [
    ("LeNet-5", report.params, report.macs), ("AlexNet", alexnet_one, alexnet_macs),
    ("VGG-16", vgg_params, vgg_macs(vgg_parts)),
]  # fmt: skip
for label in ("GoogLeNet", "ResNet50", "MobileNet"):
    counted = sizing.profile(architectures.build(label.lower()))
    rows.append((label, counted.params, counted.macs))
uses = [macs / params for _, params, macs in rows]
assert max(uses[:3]) < min(uses[3:])
show(costs.networks(rows), "Along a line, each parameter is used equally often for one image.")

# %% [markdown]
# A fully connected layer uses each weight once, a convolution once at every position. AlexNet and
# VGG-16 have most of their weights in fully connected layers, and hundreds of megabytes to carry.
# The networks that followed are smaller, and use what they have more often.
#
# ## 10 · What the slides say, and what is right
#
# The sizes on slides of the four lectures that differ from what was counted here. The right ones
# come from the cells above.

# %% tags=["hide-input"]
full = sizing.conv_output_size(32, 4, padding="full")
valid = sizing.conv_output_size(32, 4)
conv128 = next(times(*row[1]) for row in vgg if row[0] == "CONV3-128")
more = f"{alexnet_one / googlenet:.1f}x, {vgg_params / googlenet:.1f}x"
C147, CS231N = "UCLA C147, 2018, lecture 8", "Stanford CS231n, 2020, lecture 9"
DEEPMIND, BOTH = "DeepMind, convolutional networks", "CS231n and C147"
corrections = [
    ("size of a convolutional layer's output", C147, "(w + w_f - 1, h + h_f - 1)",
     "(w - w_f + 1, h - h_f + 1)", "that is the full convolution; layers are valid or padded"),
    ("32x32x3 with four 4x4 filters, full overlap only", C147, times(4, full, full),
     f"{times(valid, valid, 4)} = {valid**2 * 4:,}", "the full convolution again"),
    ("LeNet-5's input", C147, "32x32x3", "32x32x1",
     f"C1 has {sizing.conv_params(1, 6, 5)} parameters, not {sizing.conv_params(3, 6, 5)}"),
    ("AlexNet's first layer", DEEPMIND, "56x56x96", alexnet_shapes["CONV1"],
     "56 is 'same' padding on 224; 55 is valid on 227"),
    ("AlexNet's first pooling", DEEPMIND, "2x2 windows, 28x28x96", alexnet_shapes["POOL1"],
     "windows of 3x3 with stride 2"),
    ("AlexNet's second NORM", C147, "27x27x96", alexnet_shapes["NORM2"],
     f"a copy of the first NORM; {alexnet_shapes['CONV2']} in the paper's order"),
    ("VGG-16's layers", C147, "[CONVx2-POOL]x3 -> [CONVx3-POOL]x2 -> FCx3",
     "[CONVx2-POOL]x2 -> [CONVx3-POOL]x3 -> FCx3",
     f"the slide's has {2 * 3 + 3 * 2 + 3} weight layers"),
    ("VGG-16's CONV(128)", C147, "224x224x128", conv128, "it comes after the first pooling"),
    ("VGG-16's memory, forward", BOTH, "24M values, 96 MB",
     f"{vgg_values:,} values, {memory / 2**20:.2f} MiB", "neither way of counting gives 24M"),
    ("naive Inception, the 3x3 branch", C147, "356,816,512", f"{naive['3x3, 192']:,}",
     "a digit slipped"),
    ("naive Inception, MACs", C147, "864,196,224", f"{naive_total:,}", "carries that digit"),
    ("reduced Inception, MACs", CS231N, "358M", f"{reduced_total:,}",
     "the 3x3 branch is counted twice"),
    ("what the reduction saves", C147, "almost 4x", f"{naive_total / reduced_total:.2f}x",
     "the quotient of the two sums"),
    ("GoogLeNet's parameters", BOTH, "5 million; AlexNet has 12x, VGG 27x",
     f"{googlenet:,}; {more}", "the paper's claim; its table adds up to more"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# With pencil and paper first; then check with `sizing`.
#
# 1. A 3x3 convolution with stride 2 and padding 1 on 224x224, five times in a row. Which sizes come
#    out? And on 225x225?
# 2. How many zeros on each side keep the size at stride 1, for a 5x5 kernel with dilation 3?
# 3. AlexNet on 224x224 images with valid padding: how large is POOL3's output, and how many weights
#    does FC6 lose?
# 4. Replace VGG-16's three fully connected layers by the mean of each feature map and one dense
#    layer. How many weights are left? By what factor does each of memory, weights and MACs fall?
# 5. A separable 5x5 convolution from 128 to 128 channels: how many times fewer weights than an
#    ordinary one?
# 6. How many 3x3 layers see as far as VGG-16's last convolution, if none has a stride?
#
# ## To remember
#
# - An output has $\lfloor (n + 2p - k)/s \rfloor + 1$ values along an axis. Round down. With
#   dilation, put the span $d(k-1)+1$ instead of $k$.
# - Keras' "same" gives $\lceil n/s \rceil$, and puts an odd zero at the end.
# - A convolution has $F(k^2 C/g + 1)$ parameters, whatever the image's size. Pooling has none.
# - MACs are weights times output positions. FLOPs are about twice as many; ask which is meant.
# - Memory is in the early layers, where feature maps are large; most parameters are in fully
#   connected layers, if there are any.
# - A receptive field grows by $k - 1$ *steps*; strides before a layer make its steps longer.
# - 1x1 convolutions make everything that follows cheaper. Count them too.
# - Check the sums yourself.
#
# ## To read
#
# - V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016,
#   arXiv:1603.07285. All kinds of padding and stride, drawn.
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document
#   recognition*, Proceedings of the IEEE 86(11), 1998. Section II.B counts LeNet-5.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NeurIPS 2012.
# - K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*,
#   ICLR 2015, arXiv:1409.1556. Table 1 and section 2.3.
# - C. Szegedy et al., *Going deeper with convolutions*, CVPR 2015, arXiv:1409.4842. Table 1.
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016,
#   arXiv:1512.03385.
# - S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He, *Aggregated residual transformations for deep
#   neural networks*, CVPR 2017, arXiv:1611.05431. Table 2.
# - A. Howard et al., *MobileNets: efficient convolutional neural networks for mobile vision
#   applications*, 2017, arXiv:1704.04861.
# - J. Hu, L. Shen, G. Sun, *Squeeze-and-excitation networks*, CVPR 2018, arXiv:1709.01507.
# - M. Tan, Q. Le, *EfficientNet: rethinking model scaling for convolutional neural networks*,
#   ICML 2019, arXiv:1905.11946.
