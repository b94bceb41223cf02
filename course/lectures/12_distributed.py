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
# # 12 · Training on several devices
#
# A device is too slow, or has too little memory. What can be divided over several of them: the
# *network*, or the *images*? What do they have to tell each other, and how often? And how do you
# make sure that they train what one device would have trained? This lecture
#
# 1. counts what crosses between AlexNet's two GPUs, and compares it with the alternative,
# 2. does a training **step** on one, two and four devices, with `tf.distribute.MirroredStrategy`,
# 3. breaks that step in six ways, none of which raises an error,
# 4. adds up gradients around a **ring**,
# 5. asks what a larger **batch** does to training,
# 6. asks **when another device is worth it**.
#
# You need no GPU: TensorFlow can split the CPU into parts that behave like separate devices. Code
# that only measures or draws is folded: click on it to read it. The assignment is
# [12_distributed](../12_distributed/12_distributed.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import datasets
from course.benchmarks import scaling
from course.training.distribution import Mirrored, parts
from course.training.distribution.ring import ring_all_reduce
from course.visualization import distribution as draw
from course.visualization import plots
from course.visualization.display import interactive, show, table

parts.split(4)  # before TensorFlow computes anything

# %% [markdown]
# ## 1 · Split the network, or the images
#
# In 2012, AlexNet did not fit into one GPU of 3 GB. So its authors split the *network*: each of two
# GPUs had half of every layer's channels, a **tower**, and both saw all images. That is **model
# parallelism**. After the first layer, each GPU has maps of 55x55x48. Two years later, VGG was
# trained on four GPUs, in two to three weeks, in the other way: each GPU had the whole network, and
# a quarter of every batch. That is **data parallelism**. (GoogLeNet, of the same year, was trained
# with data and model parallelism on CPUs only, seven times; the seven networks were averaged.)
#
# What fills a GPU in training? Not the weights alone: each has a gradient and a momentum. And the
# values of the forward pass, which testing can forget layer by layer, are all kept for the backward
# pass, which computes a gradient for each of them: that doubles their memory.

# %%
# What each layer and each pooling gives, for one image
VALUES = (55 * 55 * 96 + 27 * 27 * 96 + 27 * 27 * 256 + 13 * 13 * 256 + 2 * 13 * 13 * 384
          + 13 * 13 * 256 + 6 * 6 * 256 + 4096 + 4096 + 1000)  # fmt: skip
megabytes = {
    "weights": 4 * 60_965_224 / 1e6,
    "their gradients and momenta": 2 * 4 * 60_965_224 / 1e6,
    "values of 128 images": 4 * 128 * VALUES / 1e6,
    "the values' gradients": 4 * 128 * VALUES / 1e6,
}
assert 1500 < sum(megabytes.values()) < 1600
table(("AlexNet, batch of 128", "MB"), [(name, f"{size:.0f}") for name, size in megabytes.items()])

# %% [markdown]
# That is half of 3 GB before normalization, ReLUs that are not in place, the images and what
# convolutions need to work. With two towers, each GPU has half of all that.
#
# Whatever a tower needs and does not have must cross from one GPU to the other, for each image. So
# AlexNet's layers were built to need little of it: CONV2, CONV4 and CONV5 read their own tower
# only.

# %% tags=["hide-input"]
ALEXNET = [
    ("CONV1", (227, 227, 3), "own"), ("CONV2", (27, 27, 96), "own"),
    ("CONV3", (13, 13, 256), "all"), ("CONV4", (13, 13, 384), "own"),
    ("CONV5", (13, 13, 384), "own"), ("FC6", (6, 6, 256), "all"), ("FC7", (4096,), "all"),
    ("FC8", (4096,), "all"),
]  # fmt: skip
show(
    draw.towers(ALEXNET),
    "AlexNet on two GPUs. Orange: where a layer reads the other tower, too, and above it how many "
    "values each GPU receives for one image.",
)

# %% [markdown]
# DeepMind's lecture says that few connections go across. Few *layers* have them, but those have
# all: CONV3 and the three dense layers read everything that the other tower has.
#
# **Guess first.** A batch has 128 images. Which sends more in a training step: two towers, or two
# whole networks that exchange the gradients of all their 60,965,224 parameters?

# %%
lent = sum(math.prod(shape) // 2 for _, shape, reads in ALEXNET if reads == "all")
assert lent == 30_336  # values that a GPU receives for one image on the way forward
rows = []
for batch in (128, 1024, 8192):
    towers = 2 * 4 * batch * lent  # forward and backward, four bytes each
    gradients = 2 * (2 - 1) / 2 * 4 * 60_965_224  # around a ring of two; see section 4
    rows.append((f"{batch:,}", f"{towers / 1e6:,.1f}", f"{gradients / 1e6:,.1f}"))
assert 2 * 4 * 128 * lent < gradients / 7 and 2 * 4 * 1024 * lent > gradients
table(("images in a batch", "two towers: MB received", "two networks: MB received"), rows)

# %% [markdown]
# With 128 images, the towers send less than a seventh of what the gradients take. But their traffic
# grows with the batch, and that of the gradients does not: from about a thousand images on, it is
# the other way round. In convolutions, values are many and weights few; in AlexNet's dense layers
# weights are many and values few. (So it is best to split the images for the former and the weights
# for the latter: Krizhevsky, 2014.) Networks after AlexNet have hardly any dense weights, and data
# parallelism has another advantage: a layer need not wait for another GPU before it can go on. It
# is what the rest of this lecture is about.

# %% [markdown]
# ## 2 · A step, on one device and on several
#
# The gradient of a mean over a batch is a sum over its examples, and a sum can be taken in parts:
#
# $$\frac{1}{B} \sum_{i=1}^{B} \frac{\partial \ell_i}{\partial w}
# = \sum_{k=1}^{N} \Big( \frac{1}{B} \sum_{i \in \text{part } k} \frac{\partial \ell_i}{\partial w}
# \Big)$$
#
# So each of $N$ **replicas** computes the inner sum for its part of the batch, divided by the
# *global* batch size $B$; then the parts are added up, everybody gets the sum (an **all-reduce**),
# and all replicas take the same step. Their weights were equal before, and are equal afterwards.
#
# This is the whole step, with a strategy. What is made in its scope is mirrored: every device has a
# copy. `strategy.run` calls the function once on each device.


# %%
def make_net(normalized=True):
    """Ten classes from 64 pixels; normalized by the global batch's statistics."""
    inputs = keras.Input((64,))
    x = layers.Dense(24, activation="relu")(inputs)
    if normalized:
        x = layers.BatchNormalization(synchronized=normalized == "global")(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def replica_step(net, optimizer, x, y, batch):
    """A replica's part of a step: its losses, divided by the global batch."""
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            y, net(x, training=True), from_logits=True
        )
        loss = tf.reduce_sum(losses) / batch
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply(gradients)  # adds them up over the replicas, then takes the step


def train_step(count, x, y, step=replica_step, normalized="global", clip=None):
    """The weights before and after a step on `count` devices, as one long row each."""
    strategy = parts.strategy(count)
    with strategy.scope():
        keras.utils.set_random_seed(1)
        net = make_net(normalized)
        optimizer = keras.optimizers.SGD(0.1, global_clipnorm=clip)
        optimizer.build(net.trainable_variables)
    before = flat(net)
    sides = [on_replicas(strategy, np.array_split(side, count)) for side in (x, y)]
    strategy.run(step, args=(net, optimizer, *sides, float(len(x))))
    return before, flat(net)


def on_replicas(strategy, pieces):
    """One of the arrays for each replica."""
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(pieces[context.replica_id_in_sync_group])
    )


def flat(net):
    """All trained weights as one row."""
    return np.concatenate([variable.numpy().ravel() for variable in net.trainable_variables])


images, labels = datasets.load_arrays("digits", "train")
images = images.reshape(len(images), -1).astype("float32") / images.max()
labels = labels.astype("int64")
x, y = images[:30], labels[:30]  # on four devices: parts of 8, 8, 7 and 7
start, on_one = train_step(1, x, y)
length = np.linalg.norm(on_one - start)


def off(weights):
    """How far weights are from those of one device, relative to the length of its step."""
    return float(np.linalg.norm(weights - on_one) / length)


rows = [(f"{count}", f"{off(train_step(count, x, y)[1]):.1e}") for count in (2, 4)]
assert all(float(distance) < 1e-5 for _, distance in rows)
table(("devices", "distance from one device's step"), rows)

# %% [markdown]
# To rounding, two and four devices do what one does, though 30 images cannot be divided by four.
#
# **Devices are fixed once.** TensorFlow decides what its devices are when it computes for the first
# time, and for the whole process; hence `parts.split(4)` at the very top, and an error with advice
# if it comes too late. For the same reason a script has *one strategy a process*: with its usual
# way to exchange (collectives, which remember the shapes of the first network) a second network in
# the same process fails. `parts.strategy` adds up on one device instead, which is slower and
# forgets, so that a notebook may make several. On a machine with enough GPUs it uses those.

# %% [markdown]
# ## 3 · Six ways to train something else
#
# None of these raises an error. All run, and all train, but not what one device would train.
#
# **Guess first.** Which of them is furthest from one device's step?
#
# - *Mean of the part*: the loss is divided by the replica's own number of examples.
# - *Mean of the means*: that, and then the sum is divided by the number of replicas.
# - *Everybody gets everything*: the batch is not split.
# - *Own statistics*: each replica normalizes by the mean and variance of its own part. In Keras
#   this is what happens unless you ask for `synchronized=True`.
# - *Clipped, then added*: each replica clips its own gradients. In Keras this is what
#   `global_clipnorm` does.
# - *Rate scaled twice*: the rate is multiplied by the number of replicas, though the batch is that
#   of one device.


# %% tags=["hide-input"]
def part_step(net, optimizer, x, y, batch):
    """The mistake: the replica's own size."""
    replica_step(net, optimizer, x, y, float(len(x)))


def mean_step(net, optimizer, x, y, batch):
    """The mistake: the mean of the replicas' means, whatever their sizes."""
    replica_step(net, optimizer, x, y, 4.0 * len(x))


def whole_step(net, optimizer, _, __, batch):
    """The mistake: all images on each replica."""
    replica_step(net, optimizer, tf.constant(x), tf.constant(y), batch)


def scaled_step(net, optimizer, x, y, batch):
    """The mistake: four times the rate."""
    replica_step(net, optimizer, x, y, batch / 4)


CLIP = 0.5
_, clipped_on_one = train_step(1, x, y, clip=CLIP)
_, clipped_on_four = train_step(4, x, y, clip=CLIP)
clipped = float(
    np.linalg.norm(clipped_on_four - clipped_on_one) / np.linalg.norm(clipped_on_one - start)
)
distances = {
    "right": off(train_step(4, x, y)[1]),
    "mean of the part": off(train_step(4, x, y, part_step)[1]),
    "mean of the means": off(train_step(4, x, y, mean_step)[1]),
    "everybody gets everything": off(train_step(4, x, y, whole_step)[1]),
    "own statistics": off(train_step(4, x, y, normalized="own")[1]),
    "clipped, then added": clipped,
    "rate scaled twice": off(train_step(4, x, y, scaled_step)[1]),
}
four_times = ("mean of the part", "everybody gets everything", "rate scaled twice")
assert distances["right"] < 1e-5
assert all(2.9 < distances[name] < 3.1 for name in four_times)
assert all(distances[name] > 0.01 for name in distances if name != "right")
table(
    ("four devices", "distance from one device's step"),
    [(name, f"{value:.2g}" if value > 1e-3 else "rounding") for name, value in distances.items()],
)

# %% [markdown]
# Three of them take a step that is about *four times* as long, so they are about three steps off.
# That looks like a rate that is too high, and a lower rate seems to repair it. The mean of the
# means is almost right, and exactly right if the parts are equal, so it shows in an epoch's last
# batch only. In a *test* the same mistake is an accuracy that is averaged over replicas, and
# leaving out the last batch is its cousin: count correct answers and images, and divide once.
#
# Normalization is the one that is no matter of a factor. A replica that normalizes by its own seven
# images computes another function. The remedy has to exchange more than means:
#
# $$\mu = \sum_k \frac{n_k}{n}\, \mu_k, \qquad
# \sigma^2 = \sum_k \frac{n_k}{n} \big( \sigma_k^2 + (\mu_k - \mu)^2 \big)$$
#
# with the sizes $n_k$ of the parts and $n = \sum_k n_k$. Whoever averages variances only forgets
# how far the replicas' means lie apart. For the same reason, **accumulating** the gradients of
# several small batches on one device is the same as a large batch only without batch normalization.

# %% tags=["hide-input"]
values = images[:30]
pieces = np.array_split(values, 4)
sizes = np.array([len(piece) for piece in pieces])
shares = sizes[:, None] / sizes.sum()
means = np.array([piece.mean(axis=0) for piece in pieces])
variances = np.array([piece.var(axis=0) for piece in pieces])
mean = (shares * means).sum(axis=0)
merged = (shares * (variances + (means - mean) ** 2)).sum(axis=0)
forgotten = (shares * variances).sum(axis=0)
assert np.allclose(merged, values.var(axis=0), atol=1e-6)
missing = 1 - forgotten.sum() / merged.sum()
assert 0.04 < missing < 0.06


def accumulated_step(net, optimizer, x, y, batch):
    """On one device, four parts one after another, and then one step."""
    total = None
    for piece, wanted in zip(tf.split(x, [8, 8, 7, 7]), tf.split(y, [8, 8, 7, 7]), strict=True):
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(
                wanted, net(piece, training=True), from_logits=True
            )
            loss = tf.reduce_sum(losses) / batch
        slopes = tape.gradient(loss, net.trainable_variables)
        total = slopes if total is None else [a + b for a, b in zip(total, slopes, strict=True)]
    optimizer.apply(total)


found = {}
for name, normalized in (("with batch normalization", "global"), ("without", False)):
    at, right = train_step(1, x, y, normalized=normalized)
    _, other = train_step(1, x, y, accumulated_step, normalized=normalized)
    found[name] = float(np.linalg.norm(other - right) / np.linalg.norm(right - at))
assert found["without"] < 1e-5 and found["with batch normalization"] > 0.05
table(
    ("what is compared", "how far off"),
    [
        ("averaged variances against the batch's: part that is missing", f"{missing:.0%}"),
        ("four accumulated parts against one batch, with batch normalization",
         f"{found['with batch normalization']:.2f}"),
        ("... and without", "rounding"),
    ],
)  # fmt: skip

# %% [markdown]
# **Randomness** is the seventh way. A layer's seed is mirrored like everything else, so all
# replicas draw the *same* dropout masks:


# %%
def masks(separate):
    """The masks of four replicas for the same thousand values."""
    strategy = parts.strategy(4)
    with strategy.scope():
        inputs = keras.Input((1000,))
        net = keras.Model(inputs, layers.Dropout(0.5, seed=3)(inputs))
    if separate:
        Mirrored(4, "four parts", strategy).seed_replicas(net)
    drawn = strategy.run(lambda: net(tf.ones((1, 1000)), training=True))
    return np.array([mask.numpy()[0] == 0 for mask in strategy.experimental_local_results(drawn)])


same, separate = masks(False), masks(True)
assert (same == same[0]).all()
agreement = np.mean([(separate[0] == other).mean() for other in separate[1:]])
assert 0.4 < agreement < 0.6
table(
    ("seeds", "values that two replicas treat alike"),
    [("as Keras leaves them", "100 %"), ("one for each replica", f"{agreement:.0%}")],
)

# %% [markdown]
# Four images with the same mask are not four draws. `course train --distribute` gives every replica
# a seed of its own, derived from the run's, so that a run can be resumed and draws what it would
# have drawn. It also clips after the sum, and synchronizes normalization; what a strategy cannot do
# right, it refuses, with the reason.

# %% [markdown]
# ## 4 · A ring
#
# All gradients have to be added up, and everybody needs the sum. The obvious way is to send them to
# one device and back. Then this device's cable carries all of it: $N - 1$ arrays in, $N - 1$ out.
#
# **Guess first.** If every device sends equally much, how much must each of eight send? Once the
# array, about twice, seven times?
#
# In a **ring**, each replica sends to the next one only. The array is cut into $N$ chunks. In the
# first $N - 1$ rounds, chunks travel around and are added up on their way, each chunk starting at
# another replica; then every replica has one complete chunk. In the next $N - 1$ rounds the
# complete chunks travel around once more. No cable ever waits.

# %% tags=["hide-input"]
show(
    draw.ring_rounds(4),
    "Four replicas (rows) with four chunks each: whose numbers a chunk has added up. Dark: "
    "complete; orange frame: changed in this round.",
)

# %% tags=["hide-input"]
interactive(
    lambda turn: draw.ring(4, turn), {"turn": 1}, turn=list(range(1, 7)),
    caption="The same ring: who sends which chunk to whom in a round.",
)  # fmt: skip

# %%
array = np.ones(1_200_000, "float32")  # 4.8 MB
rows = []
for count in (2, 3, 4, 8, 16):
    sums, sent = ring_all_reduce([array] * count)
    assert all((own == count).all() for own in sums)
    assert set(sent) == {round(2 * (count - 1) / count * array.nbytes)}
    rows.append((count, sent[0] / 1e6, (count - 1) * array.nbytes / 1e6, 2 * (count - 1)))
table(
    ("replicas", "ring: MB sent by each", "to one and back: MB sent by that one", "ring: rounds"),
    rows,
)

# %% [markdown]
# Each replica sends $2 (N - 1) / N$ times the array: once for two replicas, and never more than
# twice, however many there are (Patarasuk and Yuan, 2009, show that this is the least possible).
# What does grow with $N$ is the number of rounds, and with it the waiting for small messages. For
# VGG-16's 553 MB of gradients that is 553 MB with two GPUs, 830 with four and 969 with eight.

# %% [markdown]
# ## 5 · A larger batch
#
# If every device is to be busy, the global batch must grow with their number. Then there are fewer
# steps for the same number of images. The **linear rule** makes up for it: with $k$ times the
# batch, $k$ times the rate. As long as the gradient changes little during $k$ small steps, one long
# step is about as good. At the start it does change, so the long step is approached by a
# **warm-up** (Goyal et al., 2017: five epochs from the old rate to the new one).
#
# The next cell trains a small network on handwritten digits, for six epochs, so each run sees
# equally many images. The small batch has 16 images and a rate of 0.1.
#
# **Guess first.** With 8 times the batch and the same rate: about the same loss, twice, or more
# than five times? And with 8 times the rate? With 16 times?


# %% tags=["hide-input"]
def loss_after(seed, batch, rate, warm_up=0, epochs=6, hidden=32):
    """Train a network of two layers, written out; the loss on all training images at the end."""
    draw_from = np.random.default_rng(seed)
    wanted = np.eye(10, dtype="float32")[labels]
    first = (draw_from.normal(size=(64, hidden)) * (2 / 64) ** 0.5).astype("float32")
    second = (draw_from.normal(size=(hidden, 10)) * (2 / hidden) ** 0.5).astype("float32")
    biases, end = np.zeros(hidden, "float32"), np.zeros(10, "float32")
    steps, done = warm_up * math.ceil(len(images) / batch), 0

    def probabilities(inputs):
        inner = np.maximum(inputs @ first + biases, 0)
        scores = inner @ second + end
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return inner, powers / powers.sum(axis=1, keepdims=True)

    for _ in range(epochs):
        order = draw_from.permutation(len(images))
        for place in range(0, len(images), batch):
            chosen = order[place : place + batch]
            inner, guessed = probabilities(images[chosen])
            slope = (guessed - wanted[chosen]) / len(chosen)
            back = (slope @ second.T) * (inner > 0)
            now = np.float32(rate if done >= steps else 0.1 + (rate - 0.1) * done / steps)
            second, end = second - now * (inner.T @ slope), end - now * slope.sum(axis=0)
            first, biases = first - now * (images[chosen].T @ back), biases - now * back.sum(axis=0)
            done += 1
    return float(-np.log((probabilities(images)[1] * wanted).sum(axis=1) + 1e-9).mean())


FIVE = range(1, 6)
TIMES = (1, 4, 8, 16)
losses = {
    "same rate": [[loss_after(seed, 16 * k, 0.1) for seed in FIVE] for k in TIMES],
    "linear rule": [[loss_after(seed, 16 * k, 0.1 * k) for seed in FIVE] for k in TIMES],
    "linear rule, warm-up": [
        [loss_after(seed, 16 * k, 0.1 * k, 2) for seed in FIVE] for k in TIMES
    ],
}
small = losses["same rate"][0]
assert min(losses["same rate"][2]) > 4 * max(small)
assert max(losses["linear rule"][2]) < 2 * min(small)
assert min(losses["linear rule"][3]) > 3 * max(small)
middle = {name: [float(np.median(runs)) for runs in found] for name, found in losses.items()}
ends = "; ".join(
    f"{name}: " + ", ".join(f"{value:.2f}" for value in line) for name, line in middle.items()
)
show(plots.curves(
    TIMES, middle, f"The median loss of five seeds after six epochs with batches of 16, 64, 128 "
    f"and 256 images. {ends}.",
    x_label="times the batch of 16", y_label="loss after equally many images", ylim=(0, None),
    xticks=TIMES,
), "Loss after six epochs, median of five seeds.")  # fmt: skip

# %% [markdown]
# With eight times the batch and the same rate, the loss is more than four times as large for each
# of the five seeds: there were too few steps. With eight times the rate, it is less than twice that
# of the small batch. With sixteen times, the rule has reached its limit here: the loss is more than
# three times as large, with five seeds out of five. Where this limit lies depends on network, data
# and rate. For ResNet-50 on ImageNet, Goyal et al. (2017) lost no accuracy up to batches of 8,192
# images, on 256 GPUs, with a warm-up. Here the warm-up brings no gain at eight times: it takes two
# of the six epochs.

# %% [markdown]
# ## 6 · When is another device worth it?
#
# A step takes arithmetic and exchange. Arithmetic is six operations for each multiply-add and
# image: two forward, four backward. The exchange can start with the last layer's gradients while
# those of the others are still computed. We assume that half of the backward pass is available for
# that; the **efficiency** is the time of the arithmetic divided by that of the step.
#
# **Guess first.** A batch of 1,024 images is divided over more and more GPUs, of 10 TFLOP/s each,
# at 12.5 GB/s. Which network stops first to be worth it: VGG-16, ResNet-50 or EfficientNet-B0?

# %% tags=["hide-input"]
NETWORKS = {
    "VGG-16": scaling.Network("vgg16", 138_357_544, 15_470_264_320, 0),
    "ResNet-50": scaling.Network("resnet50", 25_557_032, 3_857_973_248, 53),
    "EfficientNet-B0": scaling.Network("efficientnet_b0", 5_288_548, 385_814_752, 49),
}
COUNTS = (2, 4, 8, 16, 32, 64, 128, 256)


def efficiency(network, gpus, latency=100e-6):
    """Of GPUs that share 1,024 images."""
    cluster = scaling.Cluster(gpus, bandwidth=12.5e9, latency=latency, rate=10e12)
    return scaling.estimate(network, cluster, 1024 // gpus).efficiency


lines = {name: [efficiency(net, gpus) for gpus in COUNTS] for name, net in NETWORKS.items()}
half = {name: next(n for n, e in zip(COUNTS, line, strict=True) if e < 0.5)
        for name, line in lines.items()}  # fmt: skip
assert min(half, key=half.get) == "EfficientNet-B0"
assert all(line == sorted(line, reverse=True) for line in lines.values())
said = "; ".join(f"{name} is below a half from {gpus} GPUs on" for name, gpus in half.items())
show(plots.curves(
    COUNTS, lines, f"Efficiency of 2 to 256 GPUs that share a batch of 1,024 images. {said}.",
    x_label="GPUs", y_label="efficiency", xscale="log", ylim=(0, 1.05), xticks=COUNTS,
    xticklabels=COUNTS,
), "Efficiency with a fixed global batch of 1,024 images: a model, not a measurement.")  # fmt: skip

# %% [markdown]
# The network with the fewest parameters stops first. EfficientNet-B0 computes little for an image,
# and its 49 normalizations each wait for a small exchange, forward and backward: latency, not
# bandwidth. With a *fixed* global batch the arithmetic of each GPU shrinks as more of them share
# it, and the exchange does not, so every network stops somewhere. With a fixed batch *per GPU* the
# ring hardly notices how many there are; then the limit is section 5.
#
# On your own machine, `course train resnet20 --distribute mirrored` trains on all GPUs, or on parts
# of the CPU, and `--dry-run` shows what it would do, with batch and rate. Several machines, and
# what is assumed above, are described in the course's page *Training on several machines*.

# %% [markdown]
# ## 7 · What a slide says, and what is right

# %% tags=["hide-input"]
table(
    ("what", "lecture", "on the slide", "right", "why"),
    [("AlexNet's two GPUs", "DeepMind, convolutional networks", "few connections going across",
      f"few layers, {lent:,} values an image", "CONV3 and the dense layers read both towers")],
)  # fmt: skip

# %% [markdown]
# ## To remember
#
# - Model parallelism sends values, for each image; data parallelism sends gradients, once a step.
# - A step on $N$ devices is that of one device if losses are divided by the *global* batch,
#   gradients added, statistics merged with their spread, clipping done after the sum, and seeds
#   separate.
# - Mistakes there raise no error. Compare one step on two devices with one device, with uneven
#   parts.
# - In a ring, each device sends $2 (N - 1) / N$ times the gradients, never more than twice.
# - A larger batch means fewer steps: the linear rule makes up for it, up to a limit.
# - With a fixed global batch, more devices have less to compute and equally much to exchange.
#
# ## Exercises
#
# 1. In section 1, AlexNet with four towers instead of two: how many values does each GPU receive?
#    Change `lent`, and check it with a pencil.
# 2. In section 2, take 32 images instead of 30. Which of section 3's mistakes are gone?
# 3. In section 3, clip with a limit of 100. Why does the order no longer matter?
# 4. In section 4, draw `draw.ring(3, 2)` with a pencil first. Who has which chunk complete
#    afterwards?
# 5. In section 5, a small batch of 4 images with a rate of 0.1: up to which factor does the rule
#    hold?
# 6. In section 6, set the latency to 0. Which two networks change places, and why?
#
# ## To read
#
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NeurIPS 2012.
# - K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*,
#   ICLR 2015, arXiv:1409.1556.
# - C. Szegedy et al., *Going deeper with convolutions*, CVPR 2015, arXiv:1409.4842.
# - A. Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014,
#   arXiv:1404.5997.
# - P. Patarasuk, X. Yuan, *Bandwidth optimal all-reduce algorithms for clusters of workstations*,
#   Journal of Parallel and Distributed Computing, 2009.
# - P. Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017,
#   arXiv:1706.02677.
