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
# # 01 · Convolution
#
# An image is a grid of numbers. A fully connected network wants a vector. What goes wrong if we
# give it one, and what has to change? This lecture takes one step at a time:
#
# 1. an image as a **vector**, and why a shift breaks everything,
# 2. **local** connections and **shared** weights: the convolution,
# 3. a kernel that **slides**, over pixels and through channels,
# 4. all the ways it can slide,
# 5. **equivariance** and **invariance**, measured, not just claimed,
# 6. the layer written in NumPy, there and **back**, checked against TensorFlow,
# 7. what each value **sees**,
# 8. putting it all together.
#
# Everything runs offline, on handwritten digits and on shapes that this course draws. In
# JupyterLab, the figure in section 3 has sliders. Code that only measures or draws is folded: click
# on it to read it. The assignment is [01_convolution](../01_convolution/01_convolution.ipynb),
# where you write this layer yourself.

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import time

import keras
import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from course import datasets, sizing
from course.visualization import convolution as draw
from course.visualization import diagrams, plots
from course.visualization.display import interactive, show, table

keras.utils.set_random_seed(1)

# %% [markdown]
# ## 1 · An image as a vector
#
# String the rows of an image together, and you have a vector. Now shift the same digit by two
# pixels. You hardly notice, but the vector is completely different.

# %% tags=["hide-input"]
digits, digit_labels = datasets.load_arrays("digits", "train")
digits = digits.astype("float32") / 255
in_the_middle = np.pad(digits, ((0, 0), (4, 4), (4, 4), (0, 0)))  # room to move
seven = in_the_middle[7]
elsewhere = np.roll(seven, (-2, 2), (0, 1))
show(
    plots.unrolled([seven[..., 0], elsewhere[..., 0]], ["a seven", "moved up and to the right"]),
    "The same digit twice, and below it as a vector.",
)

# %% [markdown]
# Does a network mind? Train a classifier that sees the vector, and a small convolutional network,
# both on digits in the *middle* of the canvas. Then shift the test digits by 0 to 4 pixels, so
# that no part of them leaves the canvas.
#
# **Guess first.** A shift of three pixels: how many of ten digits does each network still get
# right?

# %% tags=["hide-input"]
test_digits, test_labels = datasets.load_arrays("digits", "test")
test_canvas = np.pad(test_digits.astype("float32") / 255, ((0, 0), (4, 4), (4, 4), (0, 0)))


def vector_net():
    """Sees 256 numbers in a row."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((16, 16, 1)), layers.Flatten(), layers.Dense(64, "relu"),
        layers.Dense(10, "softmax"),
    ])  # fmt: skip


def convolutional_net():
    """Asks everywhere, and keeps only how strong the best answer was."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((16, 16, 1)), layers.Conv2D(16, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.GlobalMaxPooling2D(), layers.Dense(10, "softmax"),
    ])  # fmt: skip


def accuracy_when_moved(net, seed, moves=range(5), epochs=6):
    """Train in the middle, test at a distance."""
    keras.utils.set_random_seed(seed)
    net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    net.fit(in_the_middle, digit_labels, batch_size=32, epochs=epochs, verbose=0)
    found = []
    for move in moves:
        hits = [
            net.predict_on_batch(np.roll(test_canvas, (down, right), (1, 2))).argmax(-1)
            == test_labels
            for down, right in {(move, 0), (-move, 0), (0, move), (0, -move)}
        ]
        found.append(float(np.mean(hits)))
    return found


moved = {
    "as a vector": accuracy_when_moved(vector_net(), seed=1),
    "convolutional": accuracy_when_moved(convolutional_net(), seed=1),
}
sentence = "; ".join(f"{name}: {', '.join(f'{a:.0%}' for a in v)}" for name, v in moved.items())
show(
    plots.curves(
        range(5), moved, f"Accuracy on digits moved by 0, 1, 2, 3 and 4 pixels: {sentence}.",
        x_label="moved by (pixels)", y_label="accuracy", ylim=(0, 1.02), xticks=range(5),
    ),
    "Accuracy of two networks that were trained on digits in the middle.",
)  # fmt: skip

# %% [markdown]
# Is that luck? Here are five seeds, measured once and recorded: accuracy in the middle, and
# shifted by 3 pixels. On another processor the last digits differ.
#
# | seed | vector, 0 | vector, 3 | convolutional, 0 | convolutional, 3 |
# |---:|---:|---:|---:|---:|
# | 1 | 0.892 | 0.108 | 0.956 | 0.802 |
# | 2 | 0.902 | 0.109 | 0.923 | 0.792 |
# | 3 | 0.902 | 0.123 | 0.926 | 0.881 |
# | 4 | 0.892 | 0.124 | 0.953 | 0.902 |
# | 5 | 0.892 | 0.133 | 0.923 | 0.842 |
#
# In this table the fully connected network loses 0.76 to 0.79, down to chance, and the
# convolutional one 0.05 to 0.15. For your run, the next cell shows both losses, and asserts that
# the first is more than 0.6 and the second less than 0.3.

# %% tags=["hide-input"]
drop = {name: values[0] - values[3] for name, values in moved.items()}
assert drop["as a vector"] > 0.6 and drop["convolutional"] < 0.3, drop
print("in this run, accuracy lost by a shift of 3 pixels:")
print("; ".join(f"{name} {lost:.2f}" for name, lost in drop.items()))

# %% [markdown]
# The fully connected network has learned *where* the ink is. To get over that, it would have to
# see every digit in every position. The convolutional one cannot even ask where. What it loses,
# it loses at the borders: a digit that touches them no longer has empty paper around it, and some
# of its windows are missing.
#
# ## 2 · Local, and shared
#
# Two properties of pictures help us.
#
# **Locality.** Pixels that are close together tell you about each other; distant ones hardly do.
# That can be measured: how strongly correlated are two pixels that are $d$ pixels apart?
#
# **Guess first.** At which distance does the correlation vanish?

# %% tags=["hide-input"]
shapes, shape_labels = datasets.load_arrays("course_shapes", "train[:400]")
gray = shapes.mean(axis=-1).astype("float32") / 255


def correlation_at(images, distance):
    """Between all pairs of pixels of one image in a row, with each pixel's mean taken off."""
    images = images - images.mean(axis=0)
    left, right = images[:, :, : images.shape[2] - distance], images[:, :, distance:]
    return float(np.corrcoef(left.ravel(), right.ravel())[0, 1])


apart = [0, 1, 2, 3, 4, 5, 6, 7]
bright = gray - gray.mean(axis=(1, 2), keepdims=True)  # without what is brighter as a whole
near = {
    "handwritten digits": [correlation_at(digits[..., 0], d) for d in apart],
    "drawn shapes": [correlation_at(bright, d) for d in apart],
}
sentence = "; ".join(f"{name}: {', '.join(f'{a:z.2f}' for a in v)}" for name, v in near.items())
show(
    plots.curves(
        apart, near, f"Correlation of two pixels that are 0 to 7 pixels apart: {sentence}.",
        x_label="distance (pixels)", y_label="correlation", ylim=(-0.5, 1.05),
    ),
    "How strongly two pixels are correlated, by their distance.",
)  # fmt: skip

# %% [markdown]
# **Stationarity.** A pattern that means something here means the same there: an eye is an eye in
# any corner of the photograph. (And large patterns are made of small ones, which is why layers are
# stacked: edges make textures, textures make parts, parts make objects.)
#
# Images are not alone in this. A word may appear anywhere in a text and a sound anywhere in a
# recording, along one axis; a chemical group anywhere in a molecule, along the bonds of a graph.
#
# So let a unit see only a small patch (*locally connected*), and let all units use the same weights
# (*weight sharing*). That is a convolution, and that is all it is.

# %% tags=["hide-input"]
show(draw.connections(), "Three ways to connect units to pixels. Equal colors: the same weight.")

# %% [markdown]
# How much does that save? First one unit on a 9x9 image; then a whole layer on a 32x32 color
# image, 500 fully connected units against four 4x4 filters:

# %% tags=["hide-input"]
filters_size = sizing.conv_output_size(32, 4)
rows = [
    ("one fully connected unit, 9x9 gray", sizing.dense_params(81, 1, use_bias=False), 1),
    ("one fully connected unit, 9x9 in color", sizing.dense_params(243, 1, use_bias=False), 1),
    ("one locally connected unit, 3x3 gray", 9, 1),
    ("one locally connected unit, 3x3 in color", sizing.conv_params(3, 1, 3, use_bias=False), 1),
    ("500 fully connected units, 32x32x3", sizing.dense_params(32 * 32 * 3, 500), 500),
    ("four 4x4 filters, 32x32x3, valid", sizing.conv_params(3, 4, 4), 4 * filters_size**2),
]
table(("layer", "parameters", "output values"), rows)

# %% [markdown]
# Fewer weights mean more than less memory. With $m$ inputs and $n$ outputs, a fully connected
# layer multiplies $mn$ times; if each output sees only $k$ values, it is $kn$ times. And a kernel
# does not know how large the image is: the same layer reads images of any size. One worry
# remains: what about things that are far apart? Later layers see more; section 7 measures how
# much.
#
# *A model in nature.* Hubel and Wiesel found two kinds of cells in a cat's visual cortex:
# *simple* cells, which respond to a bar of one orientation at one place, and *complex* cells,
# which respond to it anywhere within a small region. Fukushima's Neocognitron (1980) stacked
# layers of both, and LeCun (1989) trained them by gradient descent. In today's words: convolution
# with ReLU, and pooling. The analogy soon ends: the brain has feedback, eyes that move, and more
# to do than name pictures.
#
# ## 3 · Slide
#
# Lay a kernel $g$ on the image $f$, multiply the numbers that lie on top of each other, add up the
# products, move on:
#
# $$(f \star g)(i, j) = \sum_m \sum_n f(i + m,\, j + n)\; g(m, n)$$
#
# (On the slides of UCLA's C147, it says $f(i, j)\, g(i + m, j + n)$ under the sum. There the pixel
# does not depend on the summation indices, so the sum would be the pixel times a constant. The
# moving index belongs to $f$.)

# %% tags=["hide-input"]
picture = gray[3]
sobel = np.outer([1, 2, 1], [1, 0, -1])
KERNELS = {
    "upright edges": sobel, "lying edges": sobel.T, "blur": np.ones((3, 3)) / 9,
    "corners": np.array([[1, 1, 0], [1, -4, 0], [0, 0, 1]]),
    "Laplace": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
}  # fmt: skip


def at(kernel, row, column):
    """The picture with a kernel at a place."""
    return draw.sliding(picture, KERNELS[kernel], row, column)


interactive(
    at,
    {"kernel": "upright edges", "row": 11, "column": 9},
    # what the course's site has pictures of
    {"row": range(3, 30, 4), "column": range(1, 30, 4)},
    kernel=list(KERNELS),
    row=range(30),
    column=range(30),
    caption="A kernel at one place of a picture, the products there, and the outputs so far.",
)

# %% [markdown]
# Where the image looks like the kernel, the output is large. So a **feature map** says where
# something was *found*. ($g$ is the *kernel* or *filter*. It asks the question; the feature map, or
# *activation map*, has the answers.) Nobody writes kernels by hand any more: they are learned.
#
# ### Correlation or convolution?
#
# What slides here is called **cross-correlation**. A **convolution** flips the kernel first:
#
# $$(f * g)(i, j) = \sum_m \sum_n f(i - m,\, j - n)\; g(m, n)$$
#
# In return it is commutative, $f * g = g * f$, and a single bright pixel reproduces the kernel as
# it is, not flipped:


# %%
def full_correlation(image, kernel):
    """Wherever image and kernel share a pixel."""
    around = [(n - 1, n - 1) for n in kernel.shape]
    views = sliding_window_view(np.pad(image, around), kernel.shape)
    return np.einsum("hwij,ij->hw", views, kernel)


def full_convolution(image, kernel):
    """The same with the kernel turned around."""
    return full_correlation(image, kernel[::-1, ::-1])


dot = np.zeros((3, 3))
dot[1, 1] = 1
arrow = np.array([[0, 1, 0], [1, 2, 3], [0, 1, 0]])
words = (
    "A bright pixel; a kernel with its largest number, 3, on the right; the cross-correlation of "
    "the two, which shows the kernel turned around, with the 3 on the left; and their convolution, "
    "which shows it as it is."
)
show(plots.pictures(
    [dot, arrow, full_correlation(dot, arrow), full_convolution(dot, arrow)],
    ["one bright pixel", "the kernel", "cross-correlation", "convolution"],
    words, values=True,
), "Only the convolution reproduces the kernel as it is.")  # fmt: skip

# %%
one, other = np.random.default_rng(0).normal(size=(2, 4, 4))
for name, operation in (("correlation", full_correlation), ("convolution", full_convolution)):
    same = np.allclose(operation(one, other), operation(other, one))
    print(f"full {name}: f with g {'is' if same else 'is not'} g with f")

# %% [markdown]
# Deep learning libraries compute the correlation and call it convolution, and so do we from here
# on. As the kernel is learned, a flip makes no difference until you move weights between a
# library that flips and one that does not.
#
# ### Channels
#
# A color image has three channels, and a layer's output has as many as the layer has filters. A
# filter sees **all** channels of its patch: it is a small block of numbers, and gives *one*
# feature map. $F$ filters give $F$ feature maps, which are the channels of the next layer's
# input.

# %% tags=["hide-input"]
names = ["upright edges", "lying edges", "blur", "Laplace"]
bank = np.stack([KERNELS[name] for name in names], axis=-1)[:, :, None].astype("float32")
maps = keras.ops.conv(gray[:3, ..., None], bank)
show(
    draw.feature_maps(gray[:3], np.array(maps), names),
    "Three images and their feature maps, one for each filter. Red: above 0; blue: below.",
)

# %% [markdown]
# ## 4 · All the ways to slide

# %% tags=["hide-input"]
show(draw.variants(), "The places of a 3x3 kernel on a 9x9 image.")

# %% [markdown]
# - **Valid**: only where the kernel lies wholly inside, $n - k + 1$ places. Layer by layer, the
#   image shrinks.
# - **Full**: wherever the two share a pixel, $n + k - 1$ places. The image grows. (C147 gives this
#   as the size of a convolutional layer at first, and so arrives at 35x35 for 4x4 filters on 32x32;
#   networks use the other two, which give 29x29 or 32x32.)
# - **Same**: zeros around the image, so that its size stays the same. They are not free: the
#   network sees an edge at the border that is not in the picture. (Goodfellow et al. report that
#   the best amount of zeros lies somewhere between none and this.)

# %%
plain = np.ones((1, 6, 6, 1), "float32")
mean = np.ones((3, 3, 1, 1), "float32") / 9
rim = np.array(keras.ops.conv(plain, mean, padding="same"))[0, ..., 0]
print(f"the mean of 3x3 pixels, on an image that is 1 everywhere:\n{rim.round(2)}")

# %% [markdown]
# "Half the kernel on both sides" is *not* what Keras' `same` is. With an even kernel it cannot
# be; with a stride it need not be. Keras promises $\lceil n/s \rceil$ outputs and adds the zeros
# that this takes; if their number is odd, the extra one goes to the *end*:

# %% tags=["hide-input"]
rows = []
for n, k, s in ((9, 3, 1), (9, 4, 1), (8, 3, 2), (9, 3, 2), (224, 7, 2)):
    outputs = sizing.conv_output_size(n, k, s, padding="same")
    zeros = max((outputs - 1) * s + k - n, 0)
    half, before = (k - 1) // 2, zeros // 2
    here = f"{before} before, {zeros - before} after"
    rows.append((n, k, s, outputs, here, f"{half} and {half}"))
table(("n", "kernel", "stride", "outputs", "Keras' same", "(k-1)//2 both sides"), rows)

# %% [markdown]
# - **Stride** $s$: only every $s$-th place. A stride of 2 gives a quarter of the values, for a
#   quarter of the work. What does not make a whole step at the end is left over; libraries round
#   down silently.
# - **Dilation** $d$: the kernel's *own* elements lie $d$ apart. It spans $d(k - 1) + 1$ pixels
#   with no more weights. Stride skips places; dilation skips pixels.
#
# ### Fewer channels
#
# An ordinary convolution connects every channel with every channel. That is most of its cost.

# %% tags=["hide-input"]
show(diagrams.channel_links(6, {
    "ordinary 3x3": (1, 9), "2 groups, 3x3": (2, 9), "depthwise 3x3": (6, 9), "1x1": (1, 1),
}), "Which output channel sees which input channel, and through how many weights.")  # fmt: skip

# %% [markdown]
# - **Groups** divide the channels into parts that ignore each other. AlexNet did this to fit on
#   two GPUs.
# - **Depthwise** is the extreme: each channel on its own.
# - **1x1** looks at one pixel and mixes its channels: a fully connected layer on every pixel.
#   After a depthwise convolution it brings the channels together again; the two make a
#   *separable* convolution.
#
# In Keras they are `Conv2D(groups=...)`, `DepthwiseConv2D` and `Conv2D(kernel_size=1)`. The last
# two, built by hand:

# %%
batch = np.random.default_rng(1).normal(size=(2, 8, 8, 4)).astype("float32")
kernel = np.random.default_rng(2).normal(size=(3, 3, 1, 4)).astype("float32")
alone = [keras.ops.conv(batch[..., c : c + 1], kernel[..., c : c + 1]) for c in range(4)]
depthwise = keras.ops.depthwise_conv(batch, kernel.swapaxes(2, 3))
mixer = np.random.default_rng(3).normal(size=(4, 5)).astype("float32")
pointwise = keras.ops.conv(batch, mixer[None, None])
print(
    "channels one by one = depthwise:", np.allclose(np.concatenate(alone, -1), depthwise, atol=1e-5)
)
print("dense on each pixel = 1x1:      ", np.allclose(batch @ mixer, pointwise, atol=1e-5))

# %% [markdown]
# ### Convolution is a matrix
#
# Each output is a weighted sum of pixels, so there is a matrix that computes it. It is the fully
# connected layer that we began with, under two laws: nearly all entries are 0 (*local*), and the
# others recur in every row (*shared*). Here are the numbers of a 3x3 kernel, each with a color:

# %%
numbers = np.arange(1.0, 10).reshape(3, 3, 1, 1)
pixels = np.eye(64, dtype="float32").reshape(64, 8, 8, 1)
matrix = np.array(keras.ops.conv(pixels, numbers.astype("float32"))).reshape(64, -1).T
show(draw.as_matrix(matrix, (3, 3)), "A 3x3 convolution of an 8x8 image as a matrix.")

# %% [markdown]
# The **transposed** convolution multiplies by the transpose of that matrix: from 36 values to 64.
# It is what carries gradients back, and it makes images larger. It is *not* the inverse, whatever
# the name "deconvolution" says.

# %%
maps = np.random.default_rng(4).normal(size=(1, 6, 6, 1)).astype("float32")
by_keras = np.array(keras.ops.conv_transpose(maps, numbers.astype("float32"), padding="valid"))
print(
    "transposed matrix = Conv2DTranspose:",
    np.allclose(matrix.T @ maps.ravel(), by_keras.ravel(), rtol=1e-4),
)
print("back where we came from:            ", np.allclose(matrix @ by_keras.ravel(), maps.ravel()))

# %% [markdown]
# Where copies of the kernel overlap unevenly, it produces a checkerboard. Here all weights and
# inputs are 1; with a kernel of 3 and a stride of 2 the outputs are uneven, with a kernel of 4
# they are even, except at the rim.

# %% tags=["hide-input"]
ones = np.ones((1, 5, 5, 1), "float32")
boards = [
    np.array(keras.ops.conv_transpose(ones, np.ones((k, k, 1, 1), "float32"), 2)) for k in (3, 4)
]
show(plots.pictures(
    [board[0] for board in boards], ["kernel 3, stride 2", "kernel 4, stride 2"],
    "What a transposed convolution makes of an image of ones. With a kernel of 3, values of 1, 2 "
    "and 4 alternate like a checkerboard. With a kernel of 4, all values away from the rim are 4.",
    values=True,
), "What a transposed convolution makes of an image of ones.")  # fmt: skip

# %% [markdown]
# ## 5 · Equivariant, invariant
#
# - **Equivariant**: when the input moves, the output moves with it. $T(f(x)) = f(T(x))$.
# - **Invariant**: when the input moves, the output stays the same. $f(T(x)) = f(x)$.
#
# A convolution should be equivariant. Let us see how well that holds. We shift pictures (what
# leaves on one side comes back in on the other) and compare the shifted outputs with the outputs
# for the shifted picture, as a fraction of the largest output.
#
# **Guess first.** Four layers: a convolution, one with stride 2, one followed by max pooling, and a
# fully connected one. Which are equivariant, and for which shifts?


# %% tags=["hide-input"]
def gap(model, x, pixels, strides=1):
    """How far from equivariant, with nothing at the borders."""
    before = np.array(model(np.roll(x, pixels, axis=2)))
    after = np.array(model(x))
    # Where the outputs' own pixels are larger, move by the whole ones nearest to it.
    after = np.roll(after, round(pixels / strides), axis=2)
    inner = np.s_[:, 3:-3, 6 // strides + 1 : -6 // strides - 1]
    return float(np.abs(before - after)[inner].max() / np.abs(after).max())


x = gray[:16, ..., None].astype("float32")
layers = keras.layers
moves = list(range(7))
NETS = {
    "convolution": (1, [layers.Conv2D(8, 3, padding="same")]),
    "convolution, stride 2": (2, [layers.Conv2D(8, 3, 2, padding="same")]),
    "convolution, max pooling": (2, [layers.Conv2D(8, 3, padding="same"), layers.MaxPooling2D(2)]),
    "fully connected": (1, [layers.Flatten(), layers.Dense(1024), layers.Reshape((32, 32, 1))]),
}
gaps = {}
for name, (strides, stack) in NETS.items():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((32, 32, 1)), *stack])
    gaps[name] = [gap(model, x, move, strides) for move in moves]
sentence = "; ".join(f"{name}: {', '.join(f'{a:.2f}' for a in v)}" for name, v in gaps.items())
assert max(gaps["convolution"]) < 1e-5
for name in ("convolution, stride 2", "convolution, max pooling"):
    assert max(gaps[name][::2]) < 1e-5 < min(gaps[name][1::2]), name
show(
    plots.curves(
        moves, gaps, "How far four layers are from equivariance when pictures move by 0 to 6 "
        f"pixels: {sentence}.", x_label="moved by (pixels)", y_label="largest difference",
    ),
    "How far from equivariant four layers are: 0 is perfect.",
)  # fmt: skip

# %% [markdown]
# - The convolution is equivariant, to the last digit of a `float32`.
# - With a **stride** or **pooling** of 2 it is so only for even shifts. Odd ones pick other
#   pixels.
# - The fully connected layer is not, of course.
# - At the **borders** none is: where the kernel sees zeros, it can tell where it is. We left the
#   borders out.
# - None of them is equivariant to **rotation**. That takes another kind of convolution (Cohen and
#   Welling, 2016).

# %% tags=["hide-input"]
keras.utils.set_random_seed(2)
model = keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(8, 3, padding="same")])
turned, back = np.array(model(np.rot90(x, axes=(1, 2)))), np.rot90(np.array(model(x)), axes=(1, 2))
print(f"turned by 90 degrees, the gap is {np.abs(turned - back).max() / np.abs(back).max():.2f}")

# %% [markdown]
# ### Pooling
#
# A pooling window slides like a kernel, has no weights, and gives the largest or the mean value
# of what it sees, channel by channel. It makes feature maps smaller, as a stride does, and a
# little **invariant**: if the maximum moves within its window, the output stays the same. Only a
# little, though. Here is one row of numbers, moved by one:

# %%
row = np.array([0, 0.2, 1.0, 0.1, 0, 0.3, 0.2, 0])
moved_row = np.roll(row, 1)


def pooled(values, size, strides):
    """The largest value of each window."""
    return sliding_window_view(values, size)[::strides].max(-1)


for name, size, strides in (("no pooling", 1, 1), ("3, stride 1", 3, 1), ("2, stride 2", 2, 2)):
    before, after = pooled(row, size, strides), pooled(moved_row, size, strides)
    print(f"{name:12} {(before != after).sum()} of {len(before)} values change  {before}  {after}")

# %% [markdown]
# And on real feature maps? Shift the digits by one pixel, and count the values that change by
# more than a tenth of the largest one. Most values of a feature map are near 0 in any case, so
# divide by the number that are active, above a twentieth of the largest:

# %% tags=["hide-input"]
keras.utils.set_random_seed(3)
features = keras.Sequential([keras.Input((16, 16, 1)), layers.Conv2D(16, 3, activation="relu")])
before, after = (np.array(features(np.roll(in_the_middle[:300], move, 2))) for move in (0, 1))


def changed(pool):
    one, other = np.array(pool(before)), np.array(pool(after))
    alive = (one > 0.05 * one.max()).mean()
    return float((np.abs(one - other) > 0.1 * one.max()).mean() / alive)


POOLS = {
    "none": lambda maps: maps,
    "max of 2x2": layers.MaxPooling2D(2), "max of 4x4": layers.MaxPooling2D(4),
    "mean of 4x4": layers.AveragePooling2D(4), "global max": layers.GlobalMaxPooling2D(),
}  # fmt: skip
parts = {name: changed(pool) for name, pool in POOLS.items()}
assert parts["none"] - 0.1 > parts["max of 2x2"] > parts["max of 4x4"] + 0.05
assert parts["global max"] < 0.02
table(("pooling", "changed values for each that is alive"), parts.items())

# %% [markdown]
# Measured once with the random filters of eight seeds, that was 0.64 to 0.93 without pooling,
# 0.40 to 0.58 and 0.19 to 0.32 with a maximum of 2x2 and of 4x4, and 0 with a global one. The
# order was the same for every seed: larger windows forgive more. (The cell asserts that order for
# your run, with 0.1 and 0.05 between its first three.)
#
# Only **global** pooling is invariant to any shift, up to the border. That is how the
# convolutional network in section 1 ended. A network with `Flatten` at its end has a weight for
# every place again, and knows where everything is.
#
# ## 6 · By hand, without a loop over pixels
#
# Forward, two lines are enough. `sliding_window_view` gives all windows without copying any, and
# `tensordot` multiplies and sums over window and channels:
#
# $$y(n, i, j, f) = b(f) + \sum_{m, l, c} x(n,\ s i + m,\ s j + l,\ c)\; g(m, l, c, f)$$


# %%
def windows_of(x, kernel_size, strides):
    """(examples, rows, columns, channels, kernel height, kernel width), a view."""
    return sliding_window_view(x, kernel_size, axis=(1, 2))[:, ::strides, ::strides]


def forward(x, kernel, bias, strides=1):
    """A convolutional layer, valid."""
    views = windows_of(x, kernel.shape[:2], strides)
    return np.tensordot(views, kernel, axes=((4, 5, 3), (0, 1, 2))) + bias


# %% [markdown]
# Back: call $\delta(n, i, j, f)$ the gradient of the loss with respect to $y$. Each product in the
# sum above takes part in one output, so by the chain rule
#
# $$\frac{\partial L}{\partial b(f)} = \sum_{n, i, j} \delta(n, i, j, f) \qquad
# \frac{\partial L}{\partial g(m, l, c, f)} = \sum_{n, i, j} x(n, s i + m, s j + l, c)\,
# \delta(n, i, j, f)$$
#
# and a pixel collects from every window that it lies in:
#
# $$\frac{\partial L}{\partial x(n, p, q, c)} = \sum_{s i + m = p,\ s j + l = q}\
# \sum_f g(m, l, c, f)\, \delta(n, i, j, f)$$
#
# At stride 1 the last one is a *full convolution* of $\delta$ with the kernel: the flip is back.
# (So it is the transposed convolution.) In code, one loop over the *kernel's* places is enough:


# %%
def backward(x, kernel, delta, strides=1):
    """Gradients with respect to x, kernel and bias."""
    views = windows_of(x, kernel.shape[:2], strides)
    to_kernel = np.einsum("nhwcij,nhwf->ijcf", views, delta, optimize=True)
    to_x = np.zeros_like(x)
    rows, columns = (strides * (n - 1) + 1 for n in delta.shape[1:3])
    for i, j in np.ndindex(*kernel.shape[:2]):
        to_x[:, i : i + rows : strides, j : j + columns : strides] += delta @ kernel[i, j].T
    return to_x, to_kernel, delta.sum(axis=(0, 1, 2))


# %% [markdown]
# Is it right? Ask TensorFlow, and then measure: change one number a little, and see how much the
# loss changes. (That is question 9 of the assignment.)

# %% tags=["hide-input"]
rng = np.random.default_rng(5)
photos = shapes[:8].astype("float64") / 255
kernel, bias = rng.normal(size=(3, 3, 3, 6)), rng.normal(size=6)
rows = []
for strides in (1, 2):
    y = forward(photos, kernel, bias, strides)
    delta = rng.normal(size=y.shape)
    mine = backward(photos, kernel, delta, strides)
    tensors = [tf.constant(a) for a in (photos, kernel, bias)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        theirs = tf.nn.conv2d(tensors[0], tensors[1], strides, "VALID") + tensors[2]
        loss = tf.reduce_sum(theirs * delta)
    rows.append((f"forward, stride {strides}", float(np.abs(y - theirs).max())))
    right = tape.gradient(loss, tensors)
    for name, a, b in zip(("x", "the kernel", "the bias"), mine, right, strict=True):
        rows.append((f"gradient of {name}, stride {strides}", float(np.abs(a - b).max())))
table(("what", "largest difference from TensorFlow"), rows)

# %%
assert all(difference < 1e-9 for _, difference in rows)
place, step = (1, 2, 0, 3), 1e-4


def loss_if(change):
    moved = kernel.copy()
    moved[place] += change
    return (forward(photos, moved, bias, 2) * delta).sum()


measured = (loss_if(step) - loss_if(-step)) / (2 * step)
print(f"one weight's gradient: computed {mine[1][place]:.6f}, tried out {measured:.6f}")

# %% [markdown]
# Why no loop over pixels? It gives the same result, only later:


# %%
def with_loops(x, kernel, bias):
    """One output value at a time."""
    height, width, _, filters = kernel.shape
    y = np.empty((len(x), x.shape[1] - height + 1, x.shape[2] - width + 1, filters))
    for n, i, j, f in np.ndindex(*y.shape):
        y[n, i, j, f] = (x[n, i : i + height, j : j + width] * kernel[..., f]).sum() + bias[f]
    return y


def seconds(function, *args):
    """The shorter of two runs."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


assert np.allclose(with_loops(photos, kernel, bias), forward(photos, kernel, bias))
slow, fast = seconds(with_loops, photos, kernel, bias), seconds(forward, photos, kernel, bias)
print(f"a loop over all output values takes {slow / fast:.0f} times as long")

# %% [markdown]
# ### Separable kernels
#
# The kernel for upright edges is a product: a column that blurs, times a row that takes
# differences. So two thin kernels do its work, with $2k$ multiplications per pixel instead of
# $k^2$. A kernel is separable if, as a matrix, it has **rank 1**, and the singular value
# decomposition finds the two:

# %% tags=["hide-input"]
ranks = []
for name, values in KERNELS.items():
    singular = np.linalg.svd(values, compute_uv=False)
    rank = int((singular > 1e-9 * singular[0]).sum())
    ranks.append((name, rank, ", ".join(f"{s:.2f}" for s in singular)))
table(("kernel", "rank", "singular values"), ranks)

# %%
left, values, right = np.linalg.svd(sobel)
column, line = left[:, :1] * values[0], right[:1]


def correlated(image, kernel):
    """Valid."""
    return np.einsum("hwij,ij->hw", sliding_window_view(image, kernel.shape), kernel)


print(
    "in two steps the same:",
    np.allclose(correlated(correlated(picture, column), line), correlated(picture, sobel)),
)
print("multiplications a pixel for k = 3, 7, 15:", [(k * k, 2 * k) for k in (3, 7, 15)])

# %% [markdown]
# Learned kernels seldom have rank 1. Networks get the savings the other way round: they are
# *built* from thin kernels (1x7 and 7x1 in Inception), or separate space from channels
# (depthwise, then 1x1).
#
# ## 7 · What a value sees
#
# The **receptive field** of a value is the part of the image that it depends on. For a stack of
# layers, keep track of the field $r$ and of the distance $t$ between neighboring values, both in
# pixels. A layer with kernel $k$, stride $s$ and dilation $d$ changes them to
#
# $$r \leftarrow r + t\, d\, (k - 1) \qquad t \leftarrow t\, s$$
#
# It can also be *measured*, for any network: the gradient of one value with respect to the image
# is nonzero exactly where the value sees something.

# %% tags=["hide-input"]
STACKS = {
    "three 3x3": [(3, 1), (3, 1), (3, 1)],
    "one 7x7": [(7, 1)],
    "3x3, strides 1, 2, 1": [(3, 1), (3, 2), (3, 1)],
    "dilations 1, 2, 4": [(3, 1, 1), (3, 1, 2), (3, 1, 4)],
    "ten 3x3": [(3, 1)] * 10,
}


def sees(rows, size=33):
    """The gradient of the middle value with respect to the image, for random positive weights."""
    made = [
        layers.Conv2D(4, row[0], row[1], "same", dilation_rate=(*row, 1)[2],
                      kernel_initializer=keras.initializers.RandomUniform(0, 1, seed=6 + n))
        for n, row in enumerate(rows)
    ]  # fmt: skip
    net = keras.Sequential([keras.Input((size, size, 1)), *made])
    image = tf.ones((1, size, size, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        maps = net(image)
        value = tf.reduce_sum(maps[0, maps.shape[1] // 2, maps.shape[2] // 2])
    return np.array(tape.gradient(value, image))[0, ..., 0]


gradients = {name: sees(rows) for name, rows in STACKS.items()}
show(
    draw.fields(list(gradients.values()), list(gradients)),
    "What the middle value depends on, measured by gradients. Bright: much.",
)

# %% tags=["hide-input"]
rows = []
for name, stack in STACKS.items():
    lit = np.flatnonzero(np.abs(gradients[name]).any(axis=1))
    rows.append((name, int(lit[-1] - lit[0] + 1), sizing.receptive_field(stack)))
    assert rows[-1][1] == rows[-1][2]
table(("stack", "measured", "formula"), rows)

# %% [markdown]
# Measurement and formula agree. The picture shows more: a value does not see its field evenly.
# After ten layers nearly all of the weight lies in the middle, as there are many more paths to
# the value from the middle pixels than from those at the rim. The *effective* receptive field
# grows only like the square root of the depth (Luo et al., 2016).
#
# ## 8 · Put together
#
# Convolution, ReLU, perhaps pooling; again and again, with feature maps that get smaller and more
# numerous; then global pooling or `Flatten`, and a dense layer. That is LeNet-5 of 1998 and, with
# many more layers, most of what follows in the next units.
#
# Nothing in its convolutional part knows the size of the image. So the network of section 1 reads
# canvases of any size, without a single new weight:

# %%
anywhere = convolutional_net()
stack = keras.Input((None, None, 1))
value = stack
for layer in anywhere.layers:
    value = layer(value)
free = keras.Model(stack, value)
print([tuple(free(np.zeros((1, size, size + 5, 1))).shape) for size in (16, 24, 100)])

# %% [markdown]
# ## What the slides say, and what is right
#
# This course follows four public lectures: Stanford's CS231n, UCLA's C147, DeepMind's lectures at
# UCL, and NPFL138 of Charles University. This is where their slides, or what was said, differ from
# what was measured above:

# %% tags=["hide-input"]
valid, full = sizing.conv_output_size(32, 4), sizing.conv_output_size(32, 4, padding="full")
C147, DEEPMIND = "UCLA C147, 2018, lecture 8", "DeepMind, convolutional networks"
corrections = [
    ("cross-correlation", C147, "sum of f(i, j) g(i + m, j + n)", "sum of f(i + m, j + n) g(m, n)",
     "the sum runs over the kernel; the pixel must move with it"),
    ("size of a layer's output", C147, "w + w_f - 1, corrected two slides later",
     "w - w_f + 1, and 2p more with padding",
     "the first is the full convolution, which networks don't use"),
    ("32x32, four 4x4 filters, full overlap only", C147, f"4x{full}x{full}", f"4x{valid}x{valid}",
     "the full convolution again"),
    ("7x7 with 3x3 at stride 3", C147, "not correct", "2x2",
     "libraries round down and leave a row and a column unseen"),
    ("filters", C147, "or activation maps", "a filter gives an activation map",
     "question and answer"),
    ("a filter's dimension", C147, "the same as the input's", "only its depth is the input's",
     "height and width are small; that is the point"),
    ("a moved object", DEEPMIND, "networks are robust to it by design",
     "convolutions are equivariant, up to borders and strides; only global pooling is invariant",
     "measured in sections 1 and 5"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. In section 3, predict what the kernel "Laplace" gives inside a shape, outside, and along its
#    edges. Then move it there with the sliders.
# 2. Which kernel shifts an image by one pixel to the left? What do its correlation and its
#    convolution do?
# 3. Train `vector_net` on digits in *random* places. After how many epochs is it as good as the
#    convolutional network?
# 4. In section 5, let the picture move by 0 to 6 pixels under two layers of stride 2. For which
#    moves is the gap 0?
# 5. What is the receptive field of three 3x3 layers with dilations 1, 2 and 4? From which of its
#    pixels is there more than one path to the value? Compare with the picture in section 7.
#
# ## To remember
#
# - A convolution is a fully connected layer under two laws: look nearby, and use the same weights
#   everywhere.
# - Libraries compute the cross-correlation. A flip turns one into the other, and backpropagation
#   contains one.
# - Valid $n - k + 1$, full $n + k - 1$, Keras' same $\lceil n/s \rceil$ with the odd zero at the
#   end. Stride skips places; dilation skips pixels.
# - A filter sees all channels, unless groups or depthwise convolution forbid it. 1x1 only mixes
#   channels.
# - Convolution is **equivariant** (up to borders and strides). Pooling is a little **invariant**,
#   global pooling entirely. `Flatten` ends both.
# - Gradients of shared weights are *summed* over all places and examples where they were used.
# - A receptive field can be computed, and it can be measured with gradients. Its rim hardly
#   counts.
#
# ## To read
#
# - D. Hubel, T. Wiesel, *Receptive fields, binocular interaction and functional architecture in the
#   cat's visual cortex*, Journal of Physiology 160, 1962.
# - K. Fukushima, *Neocognitron: a self-organizing neural network model for a mechanism of pattern
#   recognition unaffected by shift in position*, Biological Cybernetics 36, 1980.
# - Y. LeCun et al., *Backpropagation applied to handwritten zip code recognition*, Neural
#   Computation 1(4), 1989.
# - V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016,
#   arXiv:1603.07285.
# - F. Yu, V. Koltun, *Multi-scale context aggregation by dilated convolutions*, ICLR 2016,
#   arXiv:1511.07122.
# - A. Odena, V. Dumoulin, C. Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016.
# - W. Luo, Y. Li, R. Urtasun, R. Zemel, *Understanding the effective receptive field in deep
#   convolutional neural networks*, NeurIPS 2016, arXiv:1701.04128.
# - R. Zhang, *Making convolutional networks shift-invariant again*, ICML 2019, arXiv:1904.11486.
# - T. Cohen, M. Welling, *Group equivariant convolutional networks*, ICML 2016, arXiv:1602.07576.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, chapter 9.
