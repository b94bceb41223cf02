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
# # 04 · Classic networks
#
# LeNet-5 read cheques in the nineties. For more than ten years after it few people used
# convolutional networks, until AlexNet won a contest in 2012 by so much that nearly everybody did a
# year later. This lecture takes the networks of that time apart: what they are made of, which of
# their parts still exist, which were dropped, and what the evidence was. It
#
# 1. looks at the **contest**, its error, and what had been done without networks that learn
#    features,
# 2. rebuilds **LeNet-5** with the parts that are usually left out,
# 3. measures what **ReLUs** changed,
# 4. walks through **AlexNet**: normalization, towers, a stride of 4, and what was done to its
#    images,
# 5. shows what **ZFNet** found wrong with AlexNet's first layer,
# 6. reads **VGG**'s tables: what does depth do, and what else was in play?
#
# Sizes and parameters were counted in [lecture 02](02_sizing.ipynb); here they are only used. Code
# that only measures or draws is folded: click on it to read it. Where a table says "five seeds",
# they were recorded in advance, by this very notebook with other values of `SEED`. The assignment
# is [04_classic_networks](../04_classic_networks/04_classic_networks.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import datasets, sizing
from course.architectures.alexnet import ROWS
from course.architectures.lenet import C3_TABLE, digit_codes, lenet5
from course.architectures.vgg import CONFIGURATIONS, FILTERS
from course.averaging import ten_crop
from course.blocks.classic import LocalResponseNormalization
from course.regularization import color_components
from course.training import seeds
from course.visualization import classic, plots
from course.visualization.display import show, table

SEED = 1
before, numbers = seeds.load("04_classic_networks"), {}  # with five seeds, and in this run

YEARS = (2010, 2011, 2012, 2013, 2014, 2015)
ERRORS = (28.2, 25.8, 16.4, 11.7, 6.7, 3.57)
show(plots.curves(
    YEARS, {"winner": ERRORS, "a person": [5.1] * len(YEARS)},
    "The winners' top-5 errors of ILSVRC, by year: "
    + ", ".join(f"{year}: {error} %" for year, error in zip(YEARS, ERRORS, strict=True))
    + ". A trained person made 5.1 %.",
    x_label="year", y_label="top-5 error in %", xticks=YEARS, ylim=(0, 30),
), "ILSVRC's classification task: the winners' top-5 errors.")  # fmt: skip

# %% [markdown]
# ## 1 · A contest
#
# ImageNet's contest, ILSVRC, had 1,000 classes, some 1.28 million training images, 50,000 for
# validation and 100,000 for the test (Russakovsky et al., 2015). The objects stand anywhere in the
# photograph, at any size, and 118 of the classes are breeds of dogs.
#
# A photograph of a desk shows a mouse, a screen and a cup, and its label names one of them. That is
# why the **top-5 error** counts: an answer of five classes is wrong if the label is not among them.
# A person who had practiced on these classes made 5.1 % errors on a part of the test images. That
# is one person, who mostly failed at dogs; networks fail elsewhere. "Better than a person" means no
# more.
#
# | year | winner | layers with weights | top-5 error |
# |---|---|---:|---:|
# | 2010 | handcrafted features, linear classifier | – | 28.2 % |
# | 2011 | handcrafted features, linear classifier | – | 25.8 % |
# | 2012 | AlexNet, 7 networks | 8 | 15.3 % with more data, 16.4 % without |
# | 2013 | Clarifai, several networks like ZFNet | 8 | 11.7 % |
# | 2014 | GoogLeNet; second VGG, 7.3 % | 22; 19 | 6.7 % |
# | 2015 | ResNet | 152 | 3.57 % |
#
# Note what the numbers are: ensembles, with many crops of each test image. A single network of 2012
# has 18.2 %.
#
# **What was there before?** Features were designed: count, cell by cell, how much of the image's
# gradient points in each direction, and give these histograms to a linear classifier. That is a
# convolution with fixed filters, a nonlinearity and a pooling, with nothing learned but the last
# layer. It is not stupid.
#
# **Guess first.** A linear classifier on the pixels of our ten drawn shapes: how many does it get
# right? And on histograms of gradients?

# %% tags=["hide-input"]
shapes, shape_labels = datasets.load_arrays("course_shapes", "train[:1024]")
new_shapes, new_labels = datasets.load_arrays("course_shapes", "test[:512]")


def histograms(images, cell=8, directions=8):
    """How much gradient points in each direction, for each cell of an image."""
    gray = images.astype("float32").mean(axis=-1) / 255
    down, right = np.gradient(gray, axis=(1, 2))
    size, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi
    bins = np.minimum((angle / np.pi * directions).astype(int), directions - 1)
    maps = size[..., None] * np.eye(directions)[bins]
    n, height, width, _ = maps.shape
    cells = maps.reshape(n, height // cell, cell, width // cell, cell, directions).sum(axis=(2, 4))
    return (cells / (cells.sum(axis=-1, keepdims=True) + 0.1)).reshape(n, -1)


def linear(train, labels, test, penalty=1.0):
    """Scores of ten linear classifiers, fitted by regularized least squares."""
    mean = train.mean(axis=0)
    x, targets = train - mean, np.eye(10)[labels] - 0.1
    weights = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), targets)
    return (test - mean) @ weights


def top_k_accuracy(scores, labels, k):
    """How often the label is among the k highest scores."""
    return float((np.argsort(-scores, axis=1)[:, :k] == labels[:, None]).any(axis=1).mean())


as_pixels = [x.reshape(len(x), -1) / 255 for x in (shapes, new_shapes)]
as_histograms = [histograms(x) for x in (shapes, new_shapes)]
scores = {
    "pixels": linear(as_pixels[0], shape_labels, as_pixels[1], 30),
    "histograms of gradients": linear(as_histograms[0], shape_labels, as_histograms[1], 3),
}
right = {name: [top_k_accuracy(s, new_labels, k) for k in (1, 5)] for name, s in scores.items()}
assert right["histograms of gradients"][0] > right["pixels"][0] + 0.1
table(
    ("a linear classifier on", "numbers an image", "top-1 accuracy", "top-5 accuracy"),
    [(name, x[0].shape[1], *right[name])
     for name, x in zip(scores, (as_pixels, as_histograms), strict=True)],
)  # fmt: skip

# %% [markdown]
# With a twentieth of the numbers, designed features get more than ten points more right than
# pixels, and they know nothing about these shapes. That is what networks had to beat, and on small
# data sets they did not. What changed in 2012 was the amount of data: 1.28 million labeled images,
# enough to *learn* the features.

# %% [markdown]
# ## 2 · LeNet-5, with everything
#
# What is sold as LeNet today is a sketch of it. The network of 1998 has seven layers with weights:
#
# | layer | | output | parameters |
# |---|---|---|---:|
# | C1 | 6 filters of 5x5 | 28x28x6 | 156 |
# | S2 | subsampling | 14x14x6 | 12 |
# | C3 | 16 maps of 5x5, connected by a table | 10x10x16 | 1,516 |
# | S4 | subsampling | 5x5x16 | 32 |
# | C5 | 120 filters of 5x5 | 1x1x120 | 48,120 |
# | F6 | dense | 84 | 10,164 |
# | output | distance to codes | 10 | 0 |
#
# **Subsampling** is pooling with weights: the *sum* of four values, times a coefficient, plus a
# bias, through the activation. Each map has its own pair. With a small coefficient the layer is
# nearly linear and blurs; with a large one it works like an OR or an AND of four values, as the
# bias wants.
#
# **C3 is not fully connected**: each map sees three, four or six of the six maps before it.

# %% tags=["hide-input"]
show(classic.connections(C3_TABLE), "Which maps of S2 (rows) each map of C3 (columns) sees.")

# %% [markdown]
# The paper gives two reasons. It limits the number of connections. And it breaks a symmetry: as
# maps get different inputs, they are led to different features. Count the first reason:

# %%
keras.utils.set_random_seed(SEED)
lenet = lenet5((32, 32, 1), 10, None, "lenet5")
connected = 25 * sum(map(len, C3_TABLE)) + len(C3_TABLE)
everything = sizing.conv_params(6, 16, 5)
assert lenet.count_params() - 840 == 60_000 and (connected, everything) == (1516, 2416)
print(f"C3: {connected:,} parameters by its table, {everything:,} if each map saw all.")
print(f"LeNet-5: {lenet.count_params() - 840:,} that are trained, and 840 in fixed codes.")

# %% [markdown]
# **C5 is a convolution** whose kernels are as large as the maps, so that on a 32x32 image it is the
# same as a dense layer. On a larger image it gives more than one position: the network can be moved
# over a line of writing, which it was made for.
#
# **The output** has no weights. The 84 units of F6 are to draw a picture of 7x12 pixels, and the
# class whose picture is closest wins: $\text{score}_c = -\sum_i (f_i - \text{code}_{c,i})^2$, a
# radial basis function. Two digits that look alike have codes that are alike, and an input that is
# no digit is far away from all of them; a softmax could not say so. (The codes here are our own
# drawings, after the paper's figure 3.)
#
# The activation is $1.7159 \tanh(\frac23 x)$, which takes 1 to 1 and -1 to -1, where it is still
# steep. So targets of 1 and -1 can be reached without driving units into saturation.
#
# Train it: on 8x8 scans of real handwriting, enlarged to 28x28 and framed.


# %% tags=["hide-input"]
def framed(images):
    """Digits as LeNet-5 sees them: enlarged, -0.1 for paper and 1.175 for ink, with a border."""
    images = tf.image.resize(images.astype("float32") / 255, (28, 28)).numpy()
    return np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))) * 1.275 - 0.1


digits, digit_labels = datasets.load_arrays("digits", "train")
new_digits, new_digit_labels = datasets.load_arrays("digits", "test")
written, new_written = framed(digits), framed(new_digits)
lenet.compile(
    keras.optimizers.Adam(2e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
)  # fmt: skip
lenet.fit(written, digit_labels, batch_size=32, epochs=4, verbose=0)
accuracy = float(lenet.evaluate(new_written, new_digit_labels, verbose=0)[1])
numbers["LeNet-5's accuracy"] = accuracy
drawn = keras.Model(lenet.inputs, lenet.get_layer("F6").output)
seen = drawn.predict(new_written[:6], verbose=0).reshape(-1, 12, 7)
assert accuracy > 0.85
show(plots.pictures(
    [*new_written[:6, ..., 0], *seen],
    [f"a {label}" for label in new_digit_labels[:6]] + ["F6"] * 6,
    "Six digits, and under each of them what F6 draws, 7 pixels wide and 12 high: pictures like "
    "the digits' codes.",
    columns=6,
), "Test digits, and what F6 draws when it sees them.")  # fmt: skip

# %% tags=["hide-input"]
table(
    ("LeNet-5 on digits that it has not seen", "this run", "five seeds"),
    [("accuracy", seeds.text(accuracy), seeds.span(before["LeNet-5's accuracy"]))],
)

# %% [markdown]
# ## 3 · ReLU
#
# On its way back through a layer a gradient is multiplied by the activation's derivative. That of
# the sigmoid is at most 0.25, that of tanh at most 1, and both are near 0 for large values: the
# unit is **saturated**. After eight sigmoid layers at most $0.25^8 = 1.5 \cdot 10^{-5}$ of the
# gradient is left, the weights aside. A ReLU's derivative is 1 wherever the unit is active.
#
# A ReLU is continuous; it is the derivative that jumps at 0 (the DeepMind lecture has it the other
# way round). TensorFlow takes 0 there. Nor was AlexNet the first network with it: Fukushima had it
# in 1969, Jarrett et al. in 2009 and Nair and Hinton in 2010. AlexNet's paper showed how much
# faster it trains at that scale.
#
# **Guess first.** Three layers, eight layers: which of the three activations still train?

# %% tags=["hide-input"]
STEPS, WINDOW = 150, 10
small, small_labels = digits.astype("float32") / 127.5 - 1, digit_labels.astype("int32")


def losses_of(activation, depth, steps=STEPS):
    """The losses of a plain network of 3x3 convolutions, trained by gradient descent."""
    keras.utils.set_random_seed(SEED)
    start = "he_normal" if activation == "relu" else "glorot_normal"
    inputs = x = keras.Input((8, 8, 1))
    for _ in range(depth):
        x = layers.Conv2D(12, 3, padding="same", activation=activation, kernel_initializer=start)(x)
    net = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))
    optimizer = keras.optimizers.SGD(0.03, momentum=0.9)
    optimizer.build(net.trainable_variables)

    @tf.function(autograph=False)
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, net(images, training=True))
            )
        optimizer.apply(tape.gradient(loss, net.trainable_variables))
        return loss

    draws = np.random.default_rng(SEED).integers(0, len(small), (steps, 32))
    return [float(step(small[chosen], small_labels[chosen])) for chosen in draws]


def smooth(values):
    """The mean of the last few steps, at each step."""
    return np.convolve(values, np.ones(WINDOW) / WINDOW, mode="valid")


last, deep = {}, {}
for depth in (3, 8):
    for activation in ("relu", "tanh", "sigmoid"):
        curve = smooth(losses_of(activation, depth))
        last[activation, depth] = numbers[f"loss: {activation}, {depth} layers"] = float(curve[-1])
        if depth == 8:
            deep[activation] = [curve]
assert min(last["sigmoid", 3], last["sigmoid", 8]) > 2.2
assert max(last["relu", 8], last["tanh", 8]) < 0.8
show(plots.training_curves(
    deep, f"Training losses of networks of eight convolutions, a mean over {WINDOW} steps.",
    x=range(WINDOW, STEPS + 1),
), "Eight convolutions with each of three activations.")  # fmt: skip

# %% tags=["hide-input"]
table(
    ("activation", "loss with 3 layers", "five seeds", "loss with 8 layers", "five seeds"),
    [(name, *(cell for depth in (3, 8) for cell in (
        seeds.text(last[name, depth]), seeds.span(before[f"loss: {name}, {depth} layers"]))))
     for name in ("relu", "tanh", "sigmoid")],
)  # fmt: skip

# %% [markdown]
# A loss of $\ln 10 = 2.30$ is that of a network that knows nothing. That is where sigmoids stay,
# with three layers as well as with eight: at this learning rate and in these few steps they don't
# get started at all. "With saturating activations one gets four or five layers" (DeepMind) is kind
# to sigmoids, and unkind to tanh, which saturates as well and, started well, trains at both depths
# here. What sets it apart from the sigmoid is a steepest slope of 1 instead of 0.25, and values
# around 0.
#
# So this experiment does *not* show that ReLUs are faster than tanh. AlexNet's figure 1 does, for a
# network of four layers on CIFAR-10: tanh needs six times as many steps, up to a training error of
# 25 %. Careful initialization and normalization, both younger than AlexNet, have made the choice
# less critical.

# %% [markdown]
# ## 4 · AlexNet
#
# Five convolutions, three dense layers:

# %% tags=["hide-input"]
size, sizes, rows = 227, [], []
for number, row in enumerate(ROWS, start=1):
    size = sizing.conv_output_size(size, row.kernel_size, row.strides, row.padding)
    then = ["ReLU"]
    after = size
    if row.normalize:
        then.append("LRN")
    if row.pool:
        then.append("pool 3x3 / 2")
        after = sizing.conv_output_size(size, 3, 2)
    sees = "all maps" if row.across_towers else "one tower"
    kernel = f"{row.kernel_size}x{row.kernel_size} / {row.strides}"
    rows.append((f"conv{number}", kernel, row.filters, sees, size, ", ".join(then), after))
    sizes += [size, after]
    size = after
assert sizes == [55, 27, 27, 13, 13, 13, 13, 13, 13, 6]
table(("layer", "kernel / stride", "filters", "sees", "maps", "then", "size after"), rows)

# %% [markdown]
# Behind them come two dense layers with 4,096 units, ReLU and dropout, and a softmax over 1,000
# classes: 60,965,224 parameters, of which 58.6 million are in the dense layers. Convolutions
# without pooling between them (3 to 5) were new then.
#
# **The order is convolution, ReLU, LRN, pooling** (section 3.5 of the paper). CS231n, C147 and our
# own lecture 02, which follows them, have pooling before normalization. That is CaffeNet, a copy of
# the network. It changes sizes of what is normalized (55x55x96 instead of 27x27x96), not of what
# follows.
#
# ### Local response normalization
#
# $$b_i = \frac{a_i}{\big(k + \alpha \sum_j a_j^2\big)^{\beta}}$$
#
# The sum goes over the five maps around map $i$, at the *same position*, fewer at the ends. A unit
# is divided by how active its neighbors are. The paper reports 1.4 points of top-1 error for it.
# Two things follow from the formula: it normalizes across maps, not across the image; and it only
# compresses.

# %%
maps = np.random.default_rng(0).gamma(1.0, 60, (1, 8, 8, 32)).astype("float32")
norm = LocalResponseNormalization()
gains = {}
for factor in (0.01, 0.1, 1, 10, 100):
    gains[factor] = float(np.mean(norm(2 * factor * maps) / norm(factor * maps)))
assert gains[0.01] > 1.99 and gains[100] < 1
assert sorted(gains.values(), reverse=True) == [*gains.values()]
table(
    ("values times", "twice as bright an image: outputs times"),
    [(f"{factor:g}", gain) for factor, gain in gains.items()],
)

# %% [markdown]
# Small values pass as they are (only divided by $2^{0.75}$): twice the light, twice the output.
# Large ones are compressed, and since $2 \beta = 1.5$ is above 1, very large ones even shrink. VGG
# tried LRN in its smallest network and found no gain, only more memory and time. Batch
# normalization, which has two weights for each map and divides by what the *batch* does, replaced
# it.
#
# ### Overlapping pooling
#
# Windows of 3x3 with a stride of 2 overlap by a row. The paper reports 0.4 points of top-1 error
# for it, against windows of 2x2 side by side, and "slightly less overfitting". It is one run each
# on 50,000 images. [Lecture 08](08_residual_ablations.ipynb) measures how far two runs of the same
# network lie apart: often by more than 0.4 points, so with one run each this is *not shown*. VGG
# went back to 2x2.
#
# ### Two towers
#
# A GPU had 3 GB. So half of the maps are on each of two, and only convolution 3 and the dense
# layers see both. That is a grouped convolution before it had the name. The paper has 1.7 points of
# top-1 error for it, compared with a network on one GPU that has *half as many maps*: that is what
# a wider network is worth, not what towers are. Compared with one wide tower, they save a third of
# the multiply-adds:


# %%
def macs(towers, first_stride=4, first_kernel=11):
    """AlexNet's multiply-adds, from its rows."""
    size, channels, found = 227, 3, []
    for number, row in enumerate(ROWS):
        kernel, strides = (row.kernel_size, row.strides) if number else (first_kernel, first_stride)
        size = sizing.conv_output_size(size, kernel, strides, row.padding)
        groups = 1 if row.across_towers else towers
        found.append(sizing.conv_macs(channels, row.filters, kernel, (size, size), groups))
        size = sizing.conv_output_size(size, 3, 2) if row.pool else size
        channels = row.filters
    inputs = size * size * channels
    for units in (4096, 4096, 1000):
        found.append(inputs * units)
        inputs = units
    return found


assert (sum(macs(1)), sum(macs(2))) == (1_135_256_096, 724_406_816)
print(f"one tower {sum(macs(1)):,} multiply-adds, two towers {sum(macs(2)):,}")

# %% [markdown]
# ### A stride of 4
#
# **Guess first.** The first convolution has a stride of 4. With a stride of 2, how many times as
# many multiply-adds would its own layer and the next four have? And with a stride of 1?

# %% tags=["hide-input"]
convolutions = {stride: sum(macs(2, stride)[:5]) for stride in (4, 2, 1)}
times = {stride: found / convolutions[4] for stride, found in convolutions.items()}
assert 3.9 < times[2] < 4.1 and 16 < times[1] < 16.5
table(
    ("stride of the first convolution", "multiply-adds of five convolutions (10^6)", "times"),
    [(stride, f"{n / 1e6:,.0f}", f"{times[stride]:.1f}") for stride, n in convolutions.items()],
)

# %% [markdown]
# What is thrown away in the first layer is saved in each that follows. That is why AlexNet is cheap
# (and why it is easily beaten by networks that are not).
#
# ### What happens to the images
#
# AlexNet has 60 million parameters and 1.28 million images. Its paper says that without
# augmentation the network overfits substantially.
#
# - **Input.** Each image is *resized* so that the shorter side has 256 pixels, then its center of
#   256x256 is cut out. (C147 has "crop so that the shorter side is 256".) The mean image of the
#   training set is subtracted; nothing else is done. The network sees crops of 224x224 at random
#   places, mirrored at random. (With 224 its 55x55 maps don't come out; 227 is what fits.)
# - **Ten crops.** At test time, the four corners and the center, each mirrored as well; the ten
#   predictions are averaged. They are fixed. (C147 says five random patches. Random is for
#   training.)
# - **Color.** In training, each image gets one random color, added to all pixels: along each
#   principal component $p$ of the training images' colors, $p$ times its eigenvalue times a draw
#   from N(0, 0.1).
# - **Dropout** with rate 0.5 in the two dense layers.

# %% tags=["hide-input"]
picture = tf.image.resize(shapes[3:4].astype("float32") / 255, (64, 64)).numpy()
crops = np.array(ten_crop(picture, 56))[0]
names = ["top left", "top right", "bottom left", "bottom right", "center"]
show(plots.pictures(
    crops, names + [f"{name}, mirrored" for name in names],
    "The ten crops of an image of 64x64 pixels, 56x56 each: four corners and the center, and below "
    "them the same five mirrored.", columns=5,
), "Ten crops.")  # fmt: skip

# %% tags=["hide-input"]
found = color_components(shapes[:256].astype("float32") / 255)
values, vectors = (np.array(part) for part in found)
share = values.max() / values.sum()
assert values.shape == (3,) and vectors.shape == (3, 3) and share > 0.5
draws = np.random.default_rng(SEED).normal(0, 1.5, (5, 3))
tinted = [np.clip(picture[0] + vectors @ (values * draw), 0, 1) for draw in draws]
show(plots.pictures(
    [picture[0], *tinted], ["original", *(f"draw {n}" for n in range(1, 6))],
    "An image, and five times the same image with another color added to all of its pixels.",
), "Color noise, with draws 15 times as large as the paper's, to be seen.")  # fmt: skip

# %% [markdown]
# The direction in which the colors of these images vary most has more than half of their variance:
# it is roughly light and dark. Multiplied by eigenvalues, the noise is largest along it. The paper
# reports more than one point of top-1 error.
#
# ### How it was trained
#
# Batches of 128, gradient descent with momentum 0.9, weight decay 0.0005, a learning rate of 0.01
# that was divided by ten by hand, three times, when the validation error stopped falling. About 90
# epochs took five to six days on two GTX 580. With 1.2 million images that is

# %%
steps = 90 * 1_200_000 // 128
assert steps == 843_750
print(f"{steps:,} steps")

# %% [markdown]
# One network had 18.2 % top-5 error, five of them averaged 16.4 %, and seven, of which two were
# pre-trained on a larger set, 15.4 %. So the 15.3 % of the table above are not one AlexNet: the
# ensemble is worth 15 % of the errors.
#
# Removing any of the middle convolutions costs about two points of top-1 *accuracy*, says the
# paper. C147's slide has the error dropping by two points; it rises.

# %% [markdown]
# ## 5 · ZFNet: a look at the first layer
#
# Zeiler and Fergus (2014) made pictures of what excites AlexNet's units. Its first layer had
# filters for very high and very low frequencies and little between; the second had patterns that
# came from the stride of 4. Their network has a first convolution of 7x7 with stride 2 instead of
# 11x11 with stride
# 4. (The sizes become 224, 110, 55, 26, 13, 6.) Why should the stride matter?
#
# **Guess first.** Stripes with a period of 5 pixels. A filter that answers to just these is applied
# with stride 1, 2 and 4. What period do the answers have, in pixels of the image?


# %% tags=["hide-input"]
def period_of(stride, period=5.0, length=400):
    """The period, in pixels, of a filter's answers to stripes, read off their spectrum."""
    stripes = np.cos(2 * np.pi * np.arange(length) / period)
    kernel = np.cos(2 * np.pi * np.arange(11) / period) * np.hanning(13)[1:-1]
    answers = np.correlate(stripes, kernel, "valid")[::stride]
    power = np.abs(np.fft.rfft((answers - answers.mean()) * np.hanning(len(answers)), 4096))
    return answers, stride * 4096 / int(power.argmax())


periods = {stride: period_of(stride)[1] for stride in (1, 2, 4)}
assert abs(periods[1] - 5) < 0.1 and abs(periods[2] - 5) < 0.1 and abs(periods[4] - 20) < 0.5
show(plots.curves(
    range(0, 60, 4), {
        "stripes": np.cos(2 * np.pi * np.arange(0, 60, 4) / 5), "answers": period_of(4)[0][:15],
    },
    "Stripes with a period of 5 pixels, at every fourth pixel, and a filter's answers there: both "
    "are waves with a period of 20 pixels.", x_label="pixel", y_label="value",
), "With a stride of 4, stripes of 5 pixels look like stripes of 20.")  # fmt: skip

# %% tags=["hide-input"]
table(("stride", "period of the answers in pixels"), [(s, f"{p:.1f}") for s, p in periods.items()])

# %% [markdown]
# With strides of 1 and 2 the answers have the stripes' period. With 4 it is 20: an **alias**.
# Sampling every fourth pixel can show no period below 8; what is finer comes out as something
# coarser that is not in the image. A stride of 2 halves that limit, at the price that section 4
# counted.
#
# ZFNet's single network has 16.5 % top-5 error, with 384, 384, 256 filters in the last three
# convolutions, and 16.0 % with 512, 1024, 512. The 11.7 % that slides show as "ZFNet, 2013" are
# those of Clarifai, the founder's company, with several networks. So it is not one network that
# improved from 16.4 to 11.7 %.

# %% [markdown]
# ## 6 · VGG: deeper
#
# VGG (Simonyan and Zisserman, 2014) fixes what AlexNet had chosen layer by layer: convolutions of
# 3x3 with stride 1 and "same" padding, pooling of 2x2 where the size is to be halved, and nothing
# else. Then depth is the only question. Lecture 02 counted why small kernels are cheap for a given
# receptive field. What is bad about them is what it cost: the maps of the first layers at full
# size.


# %% tags=["hide-input"]
def parameters(kernels):
    """A VGG's parameters, from the kernel sizes of its blocks."""
    channels, total = 3, 0
    for filters, block in zip(FILTERS, kernels, strict=True):
        for kernel in block:
            total += sizing.conv_params(channels, filters, kernel)
            channels = filters
    inputs = 7 * 7 * channels
    for units in (4096, 4096, 1000):
        total += sizing.dense_params(inputs, units)
        inputs = units
    return total


counted = [parameters(row.kernels) for row in CONFIGURATIONS]
assert counted == [132_863_336, 133_047_848, 133_638_952, 138_357_544, 143_667_240]
table(
    ("column", "kernels in blocks 1 to 5", "layers", "parameters", "top-5 error, best"),
    [(row.column, " | ".join(",".join(map(str, block)) for block in row.kernels),
      3 + sum(map(len, row.kernels)), f"{total:,}", f"{row.top5} %")
     for row, total in zip(CONFIGURATIONS, counted, strict=True)],
)  # fmt: skip

# %% [markdown]
# Layers are named by block: conv1-1, conv1-2, conv2-1 ..., then fc6, fc7, fc8 as in AlexNet.
# Pooling has no weights, and does not count: 16 are 13 convolutions and three dense layers. Column
# C has 1x1 convolutions, so "only 3x3" is nearly true.
#
# **What the tables show.** From 11 to 16 layers each step helps. From 16 to 19 nothing is gained:
# 8.1 to 8.0 % in the table above, 8.8 to 9.0 % if trained at one scale. Whether 19 layers are
# "slightly worse", as the DeepMind lecture says, depends on the row, and the difference is too
# small for one run each. It is saturation. (Why plain networks stop there is where [lecture
# 07](07_residual.ipynb) begins.)
#
# **Scale.** Training images are resized so that their shorter side is $S$, drawn anew from 256 to
# 512, before a crop of 224 is cut out: *scale jitter*. At test time the network runs over images of
# several sizes. Table 4 of the paper (top-5 error of single networks, three test scales):
#
# | column | S = 256 | S = 384 | S from 256 to 512 |
# |---|---:|---:|---:|
# | B | 9.6 % | | |
# | C | 9.2 % | 9.2 % | 8.2 % |
# | D | 8.6 % | 8.6 % | 7.5 % |
# | E | 8.7 % | 8.6 % | 7.5 % |
#
# **Guess first.** What is worth more: three more layers (D to E), 3x3 instead of 1x1 (C to D), or
# scale jitter?

# %%
B, C, D, E = (9.6,), (9.2, 9.2, 8.2), (8.6, 8.6, 7.5), (8.7, 8.6, 7.5)
jitter = [round(row[0] - row[2], 1) for row in (C, D, E)]
kernels = [round(c - d, 1) for c, d in zip(C, D, strict=True)]
deeper = [round(d - e, 1) for d, e in zip(D, E, strict=True)]
assert min(jitter) > max(kernels) > max(deeper) and max(deeper) == 0
print("points gained by jitter", jitter, "by 3x3 kernels", kernels, "by three more layers", deeper)

# %% [markdown]
# How images are shown to the network matters more than what the paper is known for.
#
# **How it was trained.** As AlexNet: batches of 256, momentum 0.9, decay 0.0005, dropout 0.5 in two
# dense layers, flips, crops and color shifts, a rate of 0.01 divided by ten three times, 74 epochs.
# Column A was trained first, from small random weights; its layers were the start of the deeper
# networks', which would not train otherwise. The authors found later that Glorot's initialization
# makes this unnecessary. In the contest VGG was second in classification (7.3 % with seven
# networks) and first in localization; the 4,096 values of its layer fc7 became everybody's image
# features.
#
# From 11.7 to 7.3 % are 38 % fewer errors. They are often credited to small filters, but depth,
# width, scale jitter and the tests at several scales changed at the same time.

# %% [markdown]
# ## 7 · What slides say

# %% tags=["hide-input"]
CS231N, C147, DEEPMIND = "CS231n", "C147", "DeepMind"
corrections = [
    ("AlexNet's order", f"{CS231N}, {C147}", "conv, pool, norm", "conv, norm, pool",
     "section 3.5 of the paper; theirs is CaffeNet's"),
    ("first use of ReLU", CS231N, "AlexNet", "Fukushima 1969, Jarrett 2009, Nair & Hinton 2010",
     "AlexNet showed how much faster it trains"),
    ("ReLU at 0", DEEPMIND, "discontinuous", "continuous; its derivative jumps", "max(0, x)"),
    ("AlexNet's input", C147, "crop so that the shorter side is 256", "resize, then crop 256x256",
     "section 2 of the paper"),
    ("test crops", C147, "five random ones, mirrored", "four corners and the center, mirrored",
     "random crops are for training"),
    ("LeNet-5's input", C147, "32x32x3", "32x32x1", "C1 has 156 parameters, 456 with 3 channels"),
    ("a middle layer removed", C147, "error drops by 2 %", "error rises by about 2 points",
     "accuracy drops"),
    ("the winner of 2013", f"{CS231N}, {C147}", "ZFNet, 11.7 %", "Clarifai; ZFNet itself 16.0 %",
     "an ensemble is not a network"),
    ("year of VGG", C147, "2013", "2014", "ILSVRC-2014"),
    ("19 layers", DEEPMIND, "slightly worse than 16", "equal within chance",
     "8.0 against 8.1 % with scale jitter, 9.0 against 8.8 % without"),
]  # fmt: skip
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# Short ones, to be done in this notebook.
#
# 1. Call `losses_of("tanh", 16)` and `losses_of("relu", 16)`. Do both still train?
# 2. What is the largest value that a map can have after LRN with the paper's constants, if its
#    neighbors are 0? At which input? Find it in a cell, by trying inputs.
# 3. Which periods from 3 to 12 pixels survive a stride of 4, and what becomes of the others? Use
#    `period_of`.
# 4. Take the mirrored crops for a test of handwritten digits: for which digits is that a bad idea?
# 5. How many multiply-adds does ZFNet's first convolution (7x7, stride 2) have, in units of
#    AlexNet's?
#
# ## To remember
#
# - Top-5 error, ensembles, ten crops: published numbers have a way of being counted.
# - LeNet-5 had learned subsampling, a table of connections and distances to codes. What has
#   remained is convolution, pooling, and more maps the deeper one gets.
# - Saturation multiplies gradients by small numbers: eight sigmoid layers do not get started, ReLUs
#   and well-started tanh do.
# - AlexNet: convolution, ReLU, LRN, overlapping pooling; two towers; dropout; crops, flips, colors.
#   LRN and towers are gone, augmentation and ReLU are not.
# - A large first stride makes all that follows cheap, and aliases.
# - VGG: one kind of layer, and depth. It saturates between 16 and 19 layers; showing images at
#   several scales was worth more than three layers.
#
# ## To read
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document
#   recognition*, Proceedings of the IEEE 86(11), 1998.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NIPS 2012.
# - M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014,
#   arXiv:1311.2901.
# - K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*,
#   ICLR 2015, arXiv:1409.1556.
# - O. Russakovsky et al., *ImageNet large scale visual recognition challenge*, IJCV 2015,
#   arXiv:1409.0575.
