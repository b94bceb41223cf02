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
# # 11 · Transfer
#
# "Convolutional networks need huge datasets." They do, once. After that, a network that was
# trained on one dataset, the **source**, is a good start on another one, the **target**, even if
# that has a few images of each class. This is how nearly all networks in use are made. This
# lecture
#
# 1. looks at the **features** of a trained network, through their nearest neighbors,
# 2. classifies with a **linear probe** on them, layer by layer,
# 3. **freezes** a body in Keras, which has its traps,
# 4. tunes in **two phases**, and sees what one phase would do,
# 5. fills the **table** of dataset size and similarity by experiment,
# 6. measures what is **forgotten**, and what batch normalization does meanwhile,
# 7. asks when training **from scratch** is as good.
#
# Where a table says "five seeds", they were recorded by this very notebook with other values of
# `SEED`; what the cells assert held for each of them. Code that only measures or draws is folded.
# The assignment is [11_transfer](../11_transfer/11_transfer.ipynb).

# %% tags=["hide-input"]
import course.quiet  # first, and TensorFlow starts silently
import time

import keras
import numpy as np
import tensorflow as tf
from IPython.display import display
from keras import layers

from course import datasets, transfer
from course.datasets.resizing import resize
from course.listing import kept
from course.training import seeds, small
from course.visualization import plots
from course.visualization.display import show, table

tf.get_logger().setLevel("ERROR")  # nothing of how often it compiles
SEED = 1
before, numbers = seeds.load("11_transfer"), {}  # with five seeds, and in this run


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


# %% [markdown]
# Here are the source and the target. The course's small ResNet (8 layers) knows ten kinds of
# drawn shapes, from 10,000 images. The target has ten *other* kinds, and 200 images.
#
# Sections 1 and 2 take other data and weights as well: a run of `course train` on CIFAR-10 with
# flowers as the target (where `TFDS_DATA_DIR` has them), or, with a network connection,
# ImageNet's weights from a **model zoo** such as `keras.applications`. Change the next cell and
# run all.

# %%
WEIGHTS, NAME, SHAPE, TARGET = "course_shapes", None, None, "course_shapes/target"
# WEIGHTS, NAME, SHAPE, TARGET = "runs/resnet20_cifar-cifar10", None, None, "flowers64"
# WEIGHTS, NAME, SHAPE, TARGET = "imagenet", "mobilenet_v2", (96, 96, 3), "flowers64"

known = transfer.load_pretrained(WEIGHTS, NAME, input_shape=SHAPE)
EMBEDDED = WEIGHTS == "course_shapes" and TARGET == "course_shapes/target"
print(f"{known.model.name}, {known.origin}; images of {known.model.input_shape[1:]}")


# %% tags=["hide-input"]
def fitting(name, split):
    """Images of a size that the network takes, and their labels."""
    images, labels = datasets.load_arrays(name, split)
    size = known.model.input_shape[1:3]
    return (images if images.shape[1:3] == size else resize(images, size)), labels


train_images, train_labels = fitting(TARGET, "train" if EMBEDDED else "train[:1000]")
test_images, test_labels = fitting(TARGET, "test[:500]")
if EMBEDDED:
    source_images, source_labels = datasets.load_arrays("course_shapes/source", "test[:400]")
    first = [int(np.argmax(source_labels == kind)) for kind in range(10)]
    second = [int(np.argmax(test_labels == kind)) for kind in range(10)]
    display(show(plots.pictures(
        [*source_images[first], *test_images[second]], ["source"] * 10 + ["target"] * 10,
        "Ten shapes of the source, each of another kind, and below them ten of the target, of yet "
        "other kinds, all in random colors on textured ground.", columns=10,
    ), "One image of each kind: the source above, the target below."))  # fmt: skip

# %% [markdown]
# ## 1 · Features and their neighbors
#
# The last layer of a classifier is linear. So what it takes, the network's **features**, must be
# such that a *linear* map can tell the classes apart. EfficientNet-B0 and B1 have 1,280 of them
# (B2 to B7 from 1,408 to 2,560), ResNet-50 2,048, VGG 4,096 at its second dense layer, our ResNet
# 64.
#
# Features of what, though? The network has never seen the target's kinds. Ask for neighbors: take
# an image, and look for the nearest others, first by the distance of their pixels, then by that
# of their features (as Krizhevsky et al., 2012, did).
#
# **Guess first.** Of five neighbors by pixels, how many show the same kind? One in ten would be
# chance.

# %% tags=["hide-input"]
test_features = transfer.features(known.model, test_images, preprocess=known.preprocess)
train_features = transfer.features(known.model, train_images, preprocess=known.preprocess)
spaces = {"pixels": test_images.reshape(len(test_images), -1) / 255, "features": test_features}
near = {name: transfer.neighbors(x, k=5, metric="euclidean") for name, x in spaces.items()}
precision = {name: transfer.precision_at_k(found, test_labels) for name, found in near.items()}
if EMBEDDED:
    assert precision["pixels"] < 0.2 and precision["features"] > 2.5 * precision["pixels"]
QUERIES = [3, 14]
nearby, titles = [], []
for query in QUERIES:
    for name, found in near.items():
        nearby += [test_images[query], *test_images[found.indices[query]]]
        right = test_labels[found.indices[query]] == test_labels[query]
        titles += [f"by {name}", *("same kind" if hit else "another" for hit in right)]
show(plots.pictures(
    nearby, titles, "Two images of the target, and in a row beside each its five nearest neighbors "
    f"by pixels, then by features. Of all images, {precision['pixels']:.0%} of the five nearest by "
    f"pixels have the same kind, and {precision['features']:.0%} by features.", columns=6,
), "Left: an image; beside it its five nearest neighbors.")  # fmt: skip

# %% tags=["hide-input"]
table(
    ("neighbors by", "precision at 5 (%)"),
    [(name, f"{100 * value:.1f}") for name, value in precision.items()],
)

# %% [markdown]
# Neighbors by pixels have the same colors and grounds. Features have dropped most of that, since
# color and ground did not matter for the source either, and have kept something of the form: even
# where they miss, as with the star, they find pointed outlines on other grounds. It was learned
# for ten kinds, and it serves for ten others. Two rules for neighbors: the image itself does not
# count, and the images must not be those that the features were trained on.
#
# ## 2 · A linear probe
#
# If features are good, a linear classifier on them is enough. They can be **computed once** and
# stored, as the body does not change; then training takes milliseconds. That is how it began:
# DeCAF (Donahue et al., 2014) and Razavian et al. (2014) put linear classifiers on the features
# of an AlexNet, and did as well as the systems that had been built for each task, or better.
# (VGG's features were popular for that as well, in detection and elsewhere.) *One more dense
# layer* on the features is the next thing to try, if there are enough images for its weights.
#
# Two things go wrong easily. Features are **standardized** with the mean and deviation of the
# *training* images, for new images too. And whoever augments once and then stores features has
# not augmented: to see an image in many forms, the body has to run in each epoch.
#
# Which layer is best? Put a probe on each stage, for the source and for the target.
#
# **Guess first.** From layer to layer, do the curves of source and target keep their distance?

# %% tags=["hide-input"]
if EMBEDDED:
    STAGES = ("conv1_relu", "conv2_block1_out", "conv3_block1_out", "avg_pool")
    learn, learn_labels = datasets.load_arrays("course_shapes/source", "train[:200]")
    probed = {"source": [], "target": []}
    for stage in STAGES:
        for kind, (x, y, new, wanted) in {
            "source": (learn, learn_labels, source_images[:400], source_labels[:400]),
            "target": (train_images, train_labels, test_images[:400], test_labels[:400]),
        }.items():
            seen, unseen = (
                transfer.features(known.model, images, layer=stage, preprocess=known.preprocess)
                for images in (x, new)
            )
            found = transfer.linear_probe(seen, y, kind="ridge", strength=10.0)
            probed[kind].append(found.accuracy(unseen, wanted))
    gaps = np.subtract(probed["source"], probed["target"])
    assert max(probed["target"]) == probed["target"][-1] > 0.55
    assert gaps[-1] > 0.25 > 0.15 > max(gaps[:2])
    said = "; ".join(
        f"{kind}: " + ", ".join(f"{100 * value:.0f} %" for value in values)
        for kind, values in probed.items()
    )
    figure = show(plots.curves(
        range(1, 5), {kind: 100 * np.array(values) for kind, values in probed.items()},
        "Accuracy of linear probes that were fitted to 200 images, after the stem and each of the "
        f"three stages. {said}.", x_label="stage (1: after the stem)", y_label="accuracy in %",
        xticks=range(1, 5), ylim=(0, 100),
    ), "A linear probe after each stage, 200 training images each.")  # fmt: skip
else:
    found = transfer.linear_probe(train_features, train_labels, kind="ridge", strength=10.0)
    figure = print(f"linear probe: {found.accuracy(test_features, test_labels):.1%}")
figure

# %% [markdown]
# Early on, source and target are equally hard. What the first layers compute (edges, colors,
# textures) is **generic**. Towards the end features become **specific**: they get better for
# both, but much more for what the network was trained for (Yosinski et al., 2014). That is the
# whole logic of transfer: keep the early layers as they are, adjust the late ones if the images
# allow it. If the target is very different, features from the middle may even be better than the
# last ones.
#
# **The right preprocessing** belongs to the weights. Networks from a zoo differ in scale (0 to
# 255, 0 to 1, -1 to 1), in means, and in the order of the colors, and nothing complains. Here is
# what it costs our network, measured on its *own* source:

# %% tags=["hide-input"]
if EMBEDDED:
    source_images, source_labels = source_images[:400], source_labels[:400]
    as_trained = np.array(known.preprocess(source_images))
    given = {
        "as trained": as_trained,
        "BGR for RGB": as_trained[..., ::-1],
        "0 to 1": source_images.astype("float32") / 255,
        "0 to 255": source_images.astype("float32"),
    }
    hit = {
        name: 100 * float((known.model.predict(x, verbose=0).argmax(-1) == source_labels).mean())
        for name, x in given.items()
    }
    assert hit["as trained"] > 90 and max(hit["0 to 1"], hit["0 to 255"]) < 60
    result = table(
        ("images", "accuracy on the source (%)"), [(k, f"{v:.1f}") for k, v in hit.items()]
    )
else:
    result = None
result

# %% [markdown]
# The wrong order of the colors costs little here, where colors are random, and would cost more on
# photos; that is what makes it hard to notice. The wrong scale is a disaster.
#
# ## 3 · Freezing, in Keras
#
# In the network itself, a linear probe is a new head on a **frozen body**. How much is trained
# then? For five classes on EfficientNet-B0:

# %% tags=["hide-input"]
b0 = kept()["efficientnet_b0"]
body = b0.params_trainable - (1280 + 1) * 1000
head = (1280 + 1) * 5
share = 100 * head / (body + head)
assert head == 6405 and round(share, 2) == 0.16
print(f"{head:,} of {(body + head) / 1e6:.1f} million weights are trained, {share:.2f} %")

# %% [markdown]
# A frozen layer in Keras has `trainable = False`. For batch normalization that means more than
# for others: it also runs in **inference mode**, so that its moving statistics neither move nor
# are replaced by those of the batch, however the model is called. Good tutorials call the body
# with `training=False` in addition. Is that enough alone?


# %%
def nested(freeze):
    """A body with batch normalization inside of a model, called with training=False."""
    inputs = keras.Input((4,))
    body = keras.Model(inputs, layers.BatchNormalization()(inputs))
    if freeze:
        body.trainable = False
    images = keras.Input((4,))
    return body, keras.Model(images, layers.Dense(2)(body(images, training=False)))


for freeze in (False, True):
    body, model = nested(freeze)
    model(np.ones((8, 4), "float32"), training=True)  # as fit does
    moved = float(np.abs(np.array(body.layers[-1].moving_mean)).max())
    print(f"frozen: {freeze}; the moving mean has moved by {moved:.3f}")
    assert (moved == 0) == freeze

# %% [markdown]
# It is not. In Keras 3.15 the outer model's `training=True` replaces what the inner one was
# called with. Only `trainable = False` protects the statistics. (And dropout in a frozen body
# still drops; `course.transfer.with_frozen_in_inference` helps.) Two more traps:
#
# - **Flags are read when training is compiled.** `fit` makes its step when it first runs after
#   `compile`, and keeps it. Whoever freezes or unfreezes later must compile again.
# - **Flags have two levels.** A layer trains if its own flag *and* that of the model around it
#   are set. Setting a model's flag sets those inside only if its own changes: `model.trainable =
#   True` unfreezes a frozen model, but not single frozen layers of one that was not.


# %%
model = small.small_network(trained=True)
x = small.prepared(train_images[:32])
y = np.arange(32) % 10
transfer.freeze(model)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
for again in (False, True):
    if again:
        model.compile(keras.optimizers.SGD(0.1), loss)
    else:
        model.compile(keras.optimizers.SGD(0.1), loss)
        model.fit(x, y, verbose=0)  # the frozen phase
        transfer.unfreeze(model)
    start = np.array(model.layers[1].kernel)
    model.fit(x, y, verbose=0)
    moved = not np.array_equal(start, np.array(model.layers[1].kernel))
    print(f"compiled again: {again}; the first layer has learned: {moved}")
    assert moved == again

# %% [markdown]
# ## 4 · Two phases
#
# With more images, the body is tuned as well. But a new head is *random*. In the first steps it
# sends random gradients into a body that is good already, and does harm there. So fine-tuning has
# two phases: first the head alone, on the frozen body; then all (or the last stages), at about
# **a tenth of the learning rate**, often 1e-4 with Adam.
#
# How much harm? For this and all that follows there is a smaller network (4 convolutions, 35,000
# weights; `course.training.small`), trained on the same source. Tune it with 200 images in 50
# steps, once all at once at the full rate, once with the head first. How far do the features of
# other images move, in relation to their size?

# %% tags=["hide-input"]
STEPS, FIRST, RATE = 120, 30, 5e-3
shapes_train, shapes_labels = datasets.load_arrays("course_shapes/target", "train")
shapes_test, wanted = datasets.load_arrays("course_shapes/target", "test[:1100]")
x = small.prepared(np.concatenate([shapes_train, shapes_test[500:]]))  # 800 to train on
y = np.concatenate([shapes_labels, wanted[500:]])
x_test, y_test = small.prepared(shapes_test[:500]), wanted[:500]
old_images, old_labels = datasets.load_arrays("course_shapes/source", "test[:500]")
x_old = small.prepared(old_images)
digit_images, digit_labels = datasets.load_arrays("digits", "train[:1300]")
digits = small.prepared(digit_images)

net = small.small_network()
tuner = small.Tuner(net)
OLD = small.trained_weights()
NAMES = [layer.name for layer in net.layers if layer.weights]
BODY = [name for name in NAMES if name != "head" and "bn" not in name]
ALL, HEAD = dict.fromkeys(NAMES, RATE), {"head": 4 * RATE}
body_of = transfer.feature_model(net)


def rates(factor, of=BODY):
    """The head's rate, and a part of it for layers of the body."""
    return {"head": RATE} | dict.fromkeys(of, factor * RATE)


FRESH = {
    trained: small.small_network(seed=SEED, trained=trained).get_weights()
    for trained in (True, False)
}


def start(trained=True):
    """Put the net back to the start: a new head, on the trained body or on a random one."""
    net.set_weights(FRESH[trained])


def on_source():
    """Accuracy of the source's head on the present body, in percent."""
    now = net.get_weights()
    net.set_weights(now[:-2] + OLD[-2:])
    found = 100 * tuner.accuracy(x_old, old_labels)
    net.set_weights(now)
    return found


drift = {}
for name, phases in {
    "all at once": [(ALL | dict.fromkeys(BODY, RATE), 50)],
    "head first, then all at a tenth": [(HEAD, 25), (rates(0.1), 25)],
}.items():
    start()
    fresh = np.array(body_of(x_test[:300]))
    for number, (of, steps) in enumerate(phases):
        tuner.train(x[:200], y[:200], of, steps=steps, seed=SEED + number, constant=True)
    moved = np.array(body_of(x_test[:300])) - fresh
    drift[name] = [float(np.linalg.norm(moved) / np.linalg.norm(fresh)), on_source()]
assert drift["all at once"][0] > 1.5 * drift["head first, then all at a tenth"][0]
columns = ("features moved by (of their size)", "source accuracy (%)")
table(
    ("50 steps", columns[0], "five seeds", columns[1], "five seeds"), beside_seeds(drift, columns)
)

# %% [markdown]
# All at once, the features move much farther, and the source's own head can do less with them.
# (Kumar et al., 2022, show that this distortion costs accuracy on images that differ from the
# training images.) Instead of phases, or in addition, every layer may have **its own learning
# rate**: the head's is the largest, and rates fall towards the input (Howard and Ruder, 2018).
# `course finetune` has both: `--phases head:1,all:3` and `--layer-decay 0.4`.
#
# What does it cost? A step on a frozen body goes forward through it; a full step goes forward,
# and back twice (gradients of values and of weights). So a frozen body should be about three
# times as fast, and with stored features nearly everything is gone. Here is the ratio measured:

# %% tags=["hide-input"]
batch = tf.constant(x[:64])


@tf.function(autograph=False)
def forward():
    return tf.reduce_sum(net(batch, training=False))


@tf.function(autograph=False)
def both():
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(net(batch, training=False))
    return tape.gradient(total, [weight.value for weight in net.trainable_variables])


def seconds(function, repeats=9):
    """The shortest of several calls, in time of all cores, so that other programs don't count."""
    function()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        function()
        times.append(time.process_time() - begun)
    return min(times)


ratio = seconds(both) / seconds(forward)
print(f"a full step takes {ratio:.1f} times as long as one on the frozen body")

# %% [markdown]
# ## 5 · How many images, how similar?
#
# A common table of advice has two questions, each with two answers:
#
# | | the target is similar to the source | it is very different |
# |---|---|---|
# | **few images** | a linear classifier on the features | earlier layers, augment, collect |
# | **many images** | tune a few layers | tune more layers, or all |
#
# Fill it in. Similar: shapes of other kinds. Different: handwritten digits, enlarged from 8x8
# pixels. Few: 50 images. Many: 800. All ways get 120 steps of 16 images, those that begin with
# the trained body 30 of them for the head alone.
#
# **Guess first.** In which of the four fields is a random start the best?

# %% tags=["hide-input"]
TASKS = {
    "50 shapes": (x[:50], y[:50], x_test, y_test),
    "800 shapes": (x, y, x_test, y_test),
    "50 digits": (digits[:50], digit_labels[:50], digits[800:], digit_labels[800:]),
    "800 digits": (digits[:800], digit_labels[:800], digits[800:], digit_labels[800:]),
}
WAYS = {
    "from scratch": None,
    "head alone": HEAD,
    "last convolution, too": rates(1.0, ["conv4"]),
    "all, a tenth": rates(0.1),
    "all, full rate": rates(1.0),
}
tuned, forgot = {}, {}
for task, (images, labels, new, right) in TASKS.items():
    start(trained=False)
    tuner.train(images, labels, ALL, steps=STEPS, seed=SEED, batch_norm=True)
    tuned[f"{task}, from scratch"] = 100 * tuner.accuracy(new, right)
    start()
    tuner.train(images, labels, HEAD, steps=FIRST, seed=SEED)  # all ways begin with the head
    with_head = net.get_weights()
    for way, of in WAYS.items():
        if of and (task == "800 shapes" or way != "all, a tenth"):
            net.set_weights(with_head)
            tuner.train(images, labels, of, steps=STEPS - FIRST, seed=SEED + 1)
            tuned[f"{task}, {way}"] = 100 * tuner.accuracy(new, right)
            if task == "800 shapes":
                forgot[way] = on_source()
SHOWN = [way for way in WAYS if way != "all, a tenth"]
for task in TASKS:
    few, best = tuned[f"{task}, head alone"], tuned[f"{task}, all, full rate"]
    if task == "50 shapes":
        assert few > tuned[f"{task}, from scratch"] + 20 and few > best
    elif task == "800 shapes":
        assert best > tuned[f"{task}, from scratch"] + 20
    else:
        assert best > few + 5
assert tuned["800 digits, from scratch"] > tuned["800 digits, head alone"] + 10
for task in TASKS:
    for way in SHOWN:
        numbers[f"accuracy: {task}, {way}"] = tuned[f"{task}, {way}"]
AVERAGE = {
    f"{task}, {way}": np.mean(before[f"accuracy: {task}, {way}"]) for task in TASKS for way in SHOWN
}
table(
    ("accuracy (%), in brackets the mean of five seeds", *TASKS),
    [
        (way, *(
            f"{tuned[f'{task}, {way}']:.0f} ({AVERAGE[f'{task}, {way}']:.0f})" for task in TASKS
        ))
        for way in SHOWN
    ],
)  # fmt: skip

# %% [markdown]
# - **Few and similar:** the head alone is the best, and far better than a random start. Tuning
#   all at the full rate gives some of that away again.
# - **Many and similar:** in the mean of five seeds, tuning all at the full rate is the best. A
#   random start has not got anywhere in so few steps.
# - **Few and different:** the head alone does worse than a random start, as the features of
#   shapes are of little use for digits. Tuning all is better than both: there is still something
#   in the early layers.
# - **Many and different:** the head alone is far behind. A random start is as good as anything;
#   here pre-training has nothing to offer. "Pre-trained is always better" is wrong.
#
# Other tasks turn at other numbers of images. So ask with your own data, and several seeds.
#
# ## 6 · Forgetting, and batch normalization
#
# Tuning overwrites. Put the source's head back on the tuned body, and see what is left of the
# source after tuning with 800 shapes:

# %% tags=["hide-input"]
left = {way: [tuned[f"800 shapes, {way}"], forgot[way]] for way in list(WAYS)[1:]}
assert left["head alone"][1] > 90
assert left["all, a tenth"][1] > 1.2 * left["all, full rate"][1]
columns = ("target accuracy (%)", "accuracy left on the source (%)")
table(("tuned", columns[0], "five seeds", columns[1], "five seeds"), beside_seeds(left, columns))

# %% [markdown]
# The head alone forgets nothing: the body is as it was. The larger the rates in the body, the
# more is lost, although no image of the source was ever *un*learned (McCloskey and Cohen, 1989,
# called it catastrophic interference). If both tasks matter, keep the body frozen, mix in old
# images, or penalize the distance from the old weights. If only the target matters, forgetting is
# just a sign that the body moves far.
#
# **Batch normalization** needs a decision of its own. In training mode each batch is normalized
# by its own mean and variance. Of few images these are noisy; and inference uses moving averages,
# which lag behind as the body begins to change. After $t$ steps with momentum $m$ a part of $m^t$
# of the old ones is left: with Keras' default of 0.99, 61 % after 50 steps and 37 % after 100.

# %% tags=["hide-input"]
slow = small.small_network()
for layer in slow.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.99
slow_tuner, EVERY, ROUNDS = small.Tuner(slow), 8, 3
start()
tuner.train(x[:200], y[:200], HEAD, steps=60, seed=SEED)
with_head = net.get_weights()
follow = {}
for size in (16, 4):
    slow.set_weights(with_head)
    moving = [100 * slow_tuner.accuracy(x_test, y_test)]
    anew = moving.copy()
    for number in range(ROUNDS):
        slow_tuner.train(
            x[:200], y[:200], ALL, steps=EVERY, seed=100 * SEED + number, batch=size,
            batch_norm=True, constant=True,
        )  # fmt: skip
        moving.append(100 * slow_tuner.accuracy(x_test, y_test))
        here = slow.get_weights()
        transfer.recalibrate(slow, x[:200])
        anew.append(100 * slow_tuner.accuracy(x_test, y_test))
        slow.set_weights(here)
    follow[f"batches of {size}"] = moving
    follow[f"batches of {size}, anew"] = anew
ends = "; ".join(f"{k}: {v[0]:.0f}, then {v[-1]:.0f} %" for k, v in follow.items())
assert follow["batches of 16, anew"][-1] > follow["batches of 16"][-1] + 5
show(plots.curves(
    range(0, EVERY * ROUNDS + 1, EVERY), follow, "Accuracy on the target in the first "
    f"{EVERY * ROUNDS} steps after all was unfrozen, batch normalization too, with moving "
    f"statistics and with statistics computed anew. {ends}.", x_label="steps after unfreezing",
    y_label="test accuracy in %", xticks=range(0, EVERY * ROUNDS + 1, EVERY),
), "After unfreezing: with moving statistics, and with statistics computed anew.")  # fmt: skip

# %% tags=["hide-input"]
last = {name: [values[-1]] for name, values in follow.items()}
columns = (f"accuracy after {EVERY * ROUNDS} steps (%)",)
table(("batch normalization trained", columns[0], "five seeds"), beside_seeds(last, columns))

# %% [markdown]
# With moving statistics the accuracy collapses right after unfreezing, and it looks as if tuning
# did harm. Much of that is the lag: computed anew from the training images
# (`transfer.recalibrate`, one pass), the statistics fit the new weights, and most of the fall is
# gone. With batches of 4 even that helps less, as the noise of the statistics was there in
# training. Hence the usual advice: keep batch normalization **frozen** while tuning, in inference
# mode, or use large batches and a moment of patience.
#
# ## 7 · From scratch, for longer
#
# Is pre-training ever needed? He et al. (2019) trained detectors on COCO from random weights.
# They reached the *same* accuracy as from ImageNet's, if they were trained two to three times as
# long. So what transfer saves there is time. Does it hold for our 800 shapes?

# %% tags=["hide-input"]
longer = {1: tuned["800 shapes, from scratch"]}
for factor in (2, 5):
    start(trained=False)
    tuner.train(x, y, ALL, steps=factor * STEPS, seed=SEED, batch_norm=True)
    longer[factor] = 100 * tuner.accuracy(x_test, y_test)
for factor, value in longer.items():
    numbers[f"from scratch: {factor} times as long"] = value
best = tuned["800 shapes, all, full rate"]
assert best > longer[1] + 5 and longer[5] > longer[1]
show(plots.curves(
    list(longer), {"from scratch": list(longer.values()), "tuned, 120 steps": [best] * 3},
    "Accuracy on the target from random weights, trained on 800 images for 1, 2 and 5 times as "
    f"long: {', '.join(f'{v:.0f} %' for v in longer.values())}; tuned for 120 steps: {best:.0f} %.",
    x_label="training time, in 120 steps", y_label="test accuracy in %", xticks=list(longer),
), "From random weights for longer, and tuned once.")  # fmt: skip

# %% tags=["hide-input"]
spans = [
    (f"{n} times", f"{value:.0f}", seeds.span(before[f"from scratch: {n} times as long"]))
    for n, value in longer.items()
]
table(("from scratch", "this run (%)", "five seeds"), spans)

# %% [markdown]
# Here even five times as long is not enough. That is no contradiction: He et al. had far more
# images, even where they took only a tenth of COCO's.
#
# Three claims from lectures, and what to make of them:
#
# - *Below about 10,000 images, look for a large similar dataset, train there, and transfer*
#   (CS231n). A rule of thumb. What counts is how similar, how hard and how long, as above.
# - *More images of the target beat fine-tuning on a related task* (CS231n). It depends on how
#   related. With digits it is so: from scratch with 800 beats all that is tuned with 50. With
#   shapes it is not: from scratch with 800, even five times as long, stays below a new head and
#   50 images.
# - *Photos transfer to photos, less to handwriting* (NPFL138). So do shapes: see the column for
#   50 digits.
#
# **Chains.** Transfer can be repeated. A model of vision and language of 2019 was put together
# from five trainings: a CNN on ImageNet, then tuned for objects on Visual Genome; a language
# model, BERT, on text alone; both joined and trained on pairs of images and captions; and at last
# fine-tuned for the task, such as answering questions about an image (CS231n). Each step has more
# specific data than the one before it, and less of it.
#
# **The exercise for a long evening** (NPFL138): fine-tune an EfficientNetV2 of the zoo. With a
# network connection:
#
# ```sh
# course finetune efficientnet_v2_b0 --dataset flowers64 --weights imagenet --epochs 12
# ```

# %% [markdown]
# ## What the slides say, and what is right
#
# Two public lectures, and where what they say needs a limit:

# %% tags=["hide-input"]
CS231N, NPFL138 = (
    "Stanford CS231n, 2020, lecture 9",
    "Charles University NPFL138, lecture 5",
)
corrections = [
    ("from scratch", CS231N, "the same accuracy, trained 2-3 times as long",
     "with enough images and steps", "the paper has it down to a tenth of COCO; 800 of our shapes "
     "are not enough"),
    ("below 10,000 images", CS231N, "find a large similar dataset", "a rule of thumb",
     "the number depends on the task and on how similar the source is"),
    ("size of features", NPFL138, "1,280", "for EfficientNet-B0 and B1",
     "others of the family have 1,408 to 2,560, ResNet-50 2,048"),
    ("lag of statistics", NPFL138, "50 to 100 updates", "61 and 37 % of the old ones are left then",
     "0.99 to the power of 50 and of 100; a tenth is left after 230"),
    ("a frozen body is three times as fast", NPFL138, "forward only", "as a count of passes",
     "with stored features it is far more: one pass for all epochs"),
]  # fmt: skip
assert [round(0.99**50, 2), round(0.99**100, 2)] == [0.61, 0.37]
assert 0.99**230 < 0.1 < 0.99**229
table(("about", "where", "what is said there", "right is", "why"), corrections)

# %% [markdown]
# ## Exercises
#
# 1. In section 1, use the cosine instead of the Euclidean distance. Does the precision change?
# 2. In section 2, fit the probes to 50 images. Which stage is the best now?
# 3. How many weights does a head for 102 classes of flowers on ResNet-50 have? Which share is
#    that of all (25,557,032 with the 1,000 classes of ImageNet)?
# 4. After how many steps with a momentum of 0.9 is a tenth of the old statistics left?
# 5. In section 4, let the second phase have the full rate. How far do the features move?
# 6. 300 images, 20 epochs: how many forward passes of the body does a full training cost, how
#    many a frozen body, how many with stored features?
#
# ## To remember
#
# - Features are what the head takes; early layers are generic, late ones specific.
# - Try a linear probe on stored features first. It is the number to beat.
# - Weights belong to a preprocessing. A wrong one raises no error.
# - Freeze with `trainable = False`, and compile again after each change. `training=False` is not
#   enough.
# - New head first, on a frozen body; then more layers, at a tenth of the rate, batch
#   normalization frozen.
# - Tuning forgets; the larger the rates in the body, the more.
# - From scratch is the other arm of the comparison, with as many steps as it needs and several
#   seeds.
#
# ## To read
#
# - J. Donahue et al., *DeCAF: a deep convolutional activation feature for generic visual
#   recognition*, ICML 2014, arXiv:1310.1531.
# - A. Razavian et al., *CNN features off-the-shelf: an astounding baseline for recognition*, CVPR
#   workshops 2014, arXiv:1403.6382.
# - J. Yosinski et al., *How transferable are features in deep neural networks?*, NIPS 2014,
#   arXiv:1411.1792.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional
#   neural networks*, NIPS 2012.
# - J. Howard, S. Ruder, *Universal language model fine-tuning for text classification*, ACL 2018,
#   arXiv:1801.06146.
# - A. Kumar et al., *Fine-tuning can distort pretrained features and underperform
#   out-of-distribution*, ICLR 2022, arXiv:2202.10054.
# - K. He, R. Girshick, P. Dollár, *Rethinking ImageNet pre-training*, ICCV 2019,
#   arXiv:1811.08883.
# - S. Kornblith, J. Shlens, Q. Le, *Do better ImageNet models transfer better?*, CVPR 2019,
#   arXiv:1805.08974.
# - M. McCloskey, N. Cohen, *Catastrophic interference in connectionist networks*, 1989.
