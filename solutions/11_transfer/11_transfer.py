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
# A network that was trained on one dataset is a good start on another. Here you take its features,
# search and classify with them, give it a new head, tune it in two phases without ruining it, and
# find out what it forgot, what it cost, and which way of tuning is worth it.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn networks, images and numbers. If some of the checks pass, you get some of the
#    points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 11_transfer`: it checks the notebook, makes the file to hand in, and says where
#    to.
#
# **Rules**
#
# - Do not use `course.transfer` or `keras.applications` in your answers.
# - Networks that your functions get are built and Functional, like `small_net` and `mixed_net`
#   below: their layers are in `model.layers` in order of computation, and the last one is a `Dense`
#   layer with softmax, the **head**. All before it is the **body**. They may have any number of
#   layers, of any names, with or without batch normalization, dropout, sums, and hidden `Dense`
#   layers.
# - Images are `float32` or `uint8` arrays of shape (examples, height, width, 3), labels arrays of
#   integers from 0.
# - A function leaves its arguments unchanged, unless the question says otherwise.
#
# | question | points | minutes |
# |---|---:|---:|
# | 1 Features | 3 | 20 |
# | 2 Neighbors | 3 | 20 |
# | 3 A linear probe | 3 | 25 |
# | 4 The right preprocessing | 3 | 20 |
# | 5 A new head | 3 | 20 |
# | 6 A frozen body | 3 | 15 |
# | 7 What is trained | 3 | 15 |
# | 8 Two phases | 4 | 30 |
# | 9 A learning rate for each layer | 3 | 20 |
# | 10 Statistics computed anew | 3 | 25 |
# | 11 What was forgotten | 2 | 15 |
# | 12 What it costs | 2 | 15 |
# | 13 What was worth it? | 3 | 30 |
# | 14 In your own words (graded by hand) | 4 | 30 |
#
# (The minutes are rough guesses; 300 in all.) The lecture is
# [11_transfer](../lectures/11_transfer.ipynb).

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from autograder import checks


def small_net(classes=4, filters=(4, 6), normalized=True, dropout=0.0, prefix=""):
    """A network such as your functions get: a few convolutions, and a head.

    Args:
        classes: of the head.
        filters: of each convolution; all but the first one halve height and width.
        normalized: whether batch normalization follows each convolution.
        dropout: rate in front of the head; no such layer if it is 0.
        prefix: of the layers' names.
    """
    x = images = keras.Input((8, 8, 3))
    for n, channels in enumerate(filters, start=1):
        x = layers.Conv2D(
            channels, 3, 1 + (n > 1), padding="same", use_bias=False, name=f"{prefix}conv{n}"
        )(x)
        if normalized:
            x = layers.BatchNormalization(momentum=0.9, name=f"{prefix}bn{n}")(x)
        x = layers.ReLU(name=f"{prefix}relu{n}")(x)
    x = layers.GlobalAveragePooling2D(name=f"{prefix}pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name=f"{prefix}dropout")(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax", name=f"{prefix}head")(x))


def mixed_net(classes=3, dropout=0.0, prefix=""):
    """Another one, with a sum, a normalization without scale, and a hidden dense layer.

    Args:
        classes, prefix: as above.
        dropout: rate in front of the second normalization; no such layer if it is 0.
    """
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, 2, padding="same", name=f"{prefix}mixed")(images)
    x = layers.BatchNormalization(scale=False, momentum=0.9, name=f"{prefix}even1")(x)
    early = layers.ReLU(name=f"{prefix}relu")(x)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"{prefix}mix")(early)
    if dropout:
        x = layers.Dropout(dropout, name=f"{prefix}dropout")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{prefix}even2")(x)
    x = layers.Add(name=f"{prefix}sum")([x, early])
    x = layers.GlobalAveragePooling2D(name=f"{prefix}pool")(x)
    x = layers.Dense(8, activation="relu", name=f"{prefix}hidden")(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax", name=f"{prefix}head")(x))


def at_random(model, seed):
    """Give a model's weights and moving statistics random values, as if it had been trained."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        values = draw.normal(0, 0.5, weight.shape)
        if weight.name in ("gamma", "moving_variance"):
            values = np.abs(values) + 0.3
        weight.assign(values)
    return model


# %% [markdown]
# ## 1 · Features
#
# What the head takes are the network's **features**. They are such that a linear map tells the
# classes of the source apart, and often other classes, too. Features of other layers are feature
# maps; averaged over height and width, they are a vector as well.
#
# - Write `feature_model(model, layer=None)`: a Keras model from images to features. Without
#   `layer`, they are what the head takes. With `layer`, the name of one of the layers, they are
#   that layer's output, averaged over height and width if it has these.
# - Write `features(model, images, layer=None)`: an array of shape (examples, features), computed in
#   inference mode.
#
# **Example.** For `small_net()` the features have 6 numbers, and after `"relu1"` they have 4.


# %% nbgrader={"grade": false, "grade_id": "features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def feature_model(model, layer=None):
    """Cut a network off before its head, or after a layer.

    Args:
        model: a network as in the rules; its features are a vector for each image.
        layer: name of a layer, or None for what the head takes.

    Returns:
        A Keras model with an output of shape (batch, features).
    """
    ### BEGIN SOLUTION
    x = model.layers[-1].input if layer is None else model.get_layer(layer).output
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(model.input, x)
    ### END SOLUTION


def features(model, images, layer=None):
    """Compute features in inference mode.

    Args:
        model, layer: as above.
        images: float32 array of shape (examples, height, width, 3).

    Returns:
        Array of shape (examples, features).
    """
    ### BEGIN SOLUTION
    return np.array(feature_model(model, layer)(images, training=False))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Features", points=3)
question.rules(feature_model, features, without=("course.transfer", "keras.applications"))
net = at_random(small_net(), 1)
gray = np.full((2, 8, 8, 3), 0.5, "float32")


def width(*layer):
    """How many features there are."""
    return feature_model(small_net(), *layer).output_shape


question.example("what the head takes", width).gives(
    (None, 6), hint="the head's input, before its weights and the softmax"
)
question.example("of feature maps", width, "relu1").gives(
    (None, 4), hint="each map of the layer's output becomes one number"
)
question.example("two images", features, net, gray, "pool").gives_array(
    keras.Model(net.input, net.get_layer("pool").output)(gray),
    hint="feature_model, called in inference mode",
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def upto(net, layer):
    """A layer's values, in inference mode."""
    return keras.Model(net.input, net.get_layer(layer).output)


def by_cutting(net, layer):
    """What a cut network computes for the images."""
    return np.array(feature_model(net, layer)(images))


cases = (
    ("a net with normalization", {"filters": (3, 7, 5), "prefix": "a_"}, "a_relu2", 5),
    ("a net without", {"filters": (5, 4), "normalized": False, "dropout": 0.4}, "conv1", 4),
)
for name, how, inner, count in cases:
    net = at_random(small_net(3, **how), draw)
    end = "a_pool" if "prefix" in how else "pool"
    images = draw.normal(size=(count, 8, 8, 3)).astype("float32")
    taken = np.array(upto(net, end)(images))
    kernel, bias = net.layers[-1].get_weights()
    question.check(f"what the head takes, {name}", features, net, images).gives_array(
        taken,
        tolerance=1e-4,
        hint="the model's own weights, in inference mode: what does the head take?",
        mistakes={
            "what the head takes, not what it gives": net(images),
            "features are what comes before the head's own weights": taken @ kernel + bias,
            "in inference mode, with moving statistics": lambda net=net, images=images, end=end: (
                upto(net, end)(images, training=True)
            ),
        },
    )
    maps = np.array(upto(net, inner)(images))
    before = np.array(keras.Model(net.input, net.get_layer(inner).input)(images))
    for function in (features, None):
        call = (
            question.check(f"inside, {name}", features, net, images, inner)
            if function
            else question.check(f"inside, by cutting, {name}", by_cutting, net, inner)
        )
        call.gives_array(
            maps.mean(axis=(1, 2)),
            tolerance=1e-4,
            hint="the layer's output with the model's own weights, averaged over height and width",
            mistakes={
                "the average over height and width, not the largest value": maps.max(axis=(1, 2)),
                "the layer's output, not its input": before.mean(axis=(1, 2)),
                "those are the head's features; another layer was asked for": taken,
                "in inference mode, with moving statistics": lambda net=net, images=images, inner=inner: (
                    np.mean(upto(net, inner)(images, training=True), axis=(1, 2))
                ),
            },
        )
question.check(
    "a layer of vectors", checks.keeping, features, net, images[:1], end, share=0.5
).gives_array(taken[:1], tolerance=1e-4, hint="an output of vectors is not averaged")
net = at_random(mixed_net(prefix="bn_"), draw)
images = draw.normal(size=(37, 8, 8, 3)).astype("float32")
for layer in (None, "bn_even1", "bn_sum", "bn_hidden"):
    values = np.array(upto(net, layer or "bn_hidden")(images))
    question.check(
        f"a sum and a hidden layer, {layer}",
        checks.keeping,
        features,
        net,
        images,
        layer,
        share=0.7,
    ).gives_array(
        values.mean(axis=(1, 2)) if values.ndim == 4 else values,
        tolerance=1e-4,
        hint="all images; any layer's output can be asked for, and the head takes any vector",
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · Neighbors
#
# In a space of features, images of one kind should lie next to each other. To see whether they do,
# look for the neighbors of some of the images among *all others*. The nearest one of all is the
# image itself, at a distance of 0; that one does not count. Copies of it that are in the dataset do.
#
# - Write `neighbors(features, queries, k, metric="euclidean")`: for each query, the numbers of the
#   `k` nearest examples, the nearest first. With `metric="cosine"`, near means a small angle: a
#   large $\frac{a \cdot b}{|a|\,|b|}$, however long the vectors are.
# - Write `precision(found, queries, labels)`: the fraction of all neighbors found that have the
#   label of their query, a number from 0 to 1.
#
# **Example.** For the features (0, 1), (0, 4), (1, 1), (9, 9), the nearest neighbor of number 0 is
# number 2 by Euclidean distance, and number 1 by the angle.


# %% nbgrader={"grade": false, "grade_id": "neighbors", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neighbors(features, queries, k, metric="euclidean"):
    """Find the examples that are nearest to some of them.

    Args:
        features: array of shape (examples, features); no vector is zero, and no two others are
            equally far from a query.
        queries: list of the numbers of some examples, counted from 0.
        k: how many, from 1 to one less than there are examples.
        metric: "euclidean" or "cosine".

    Returns:
        Integer array of shape (queries, k), without the query itself.
    """
    ### BEGIN SOLUTION
    points = np.array(features, dtype="float64")
    if metric == "cosine":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    rows = []
    for query in queries:
        distance = ((points - points[query]) ** 2).sum(axis=1)
        distance[query] = np.inf
        rows.append(np.argsort(distance, kind="stable")[:k])
    return np.array(rows)
    ### END SOLUTION


def precision(found, queries, labels):
    """Return the fraction of neighbors with the label of their query.

    Args:
        found: from neighbors.
        queries: as there.
        labels: array of integers, (examples,).

    Returns:
        A number from 0 to 1.
    """
    ### BEGIN SOLUTION
    labels = np.asarray(labels)
    return float(np.mean(labels[np.asarray(found)] == labels[np.asarray(queries)][:, None]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_neighbors", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. Neighbors", points=3)
question.rules(neighbors, precision, without=("course.transfer", "keras.applications"))
four = np.array([[0.0, 1.0], [0.0, 4.0], [1.0, 1.0], [9.0, 9.0]])
question.example("nearest to number 0", neighbors, four, [0], 1).gives_array(
    [[2]], hint="the smallest Euclidean distance, the query itself left out"
)
question.example("by the angle", neighbors, four, [0, 3], 1, "cosine").gives_array(
    [[1], [2]], hint="which vectors point in the same direction, however long they are?"
)
question.example("precision", precision, [[1, 2], [2, 0]], [0, 3], np.array([5, 5, 7, 7])).gives(
    0.5, hint="two of these four neighbors have the label of their query"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def table(points, metric):
    """All distances, by another formula."""
    inner = points @ points.T
    squares = np.diag(inner)
    if metric == "cosine":
        return 1 - inner / np.sqrt(np.outer(squares, squares))
    return squares[:, None] + squares[None] - 2 * inner


def nearest(points, queries, k, metric="euclidean", least=-np.inf):
    """The nearest ones; those closer than `least` left out."""
    away = table(points, metric)
    np.fill_diagonal(away, np.inf)
    away[away < least] = np.inf
    return away[queries].argsort(axis=1)[:, :k]


# Long and short vectors, so that angles and distances disagree.
points = draw.normal(size=(30, 5)) * draw.uniform(0.5, 4, size=(30, 1)) + 0.5
queries = draw.permutation(30)[:6].tolist()
for metric, other in (("euclidean", "cosine"), ("cosine", "euclidean")):
    away = table(points, metric)
    itself = [
        [q, *row] for q, row in zip(queries, nearest(points, queries, 3, metric), strict=True)
    ]
    rest = away.copy()
    rest[:, queries] = np.inf
    np.fill_diagonal(rest, np.inf)
    full = nearest(points, queries, 29, metric)
    question.check(
        f"four neighbors, {metric}", checks.keeping, neighbors, points.copy(), queries, 4, metric
    ).gives_array(
        nearest(points, queries, 4, metric),
        hint="distances to all other examples, the nearest first",
        mistakes={
            "the query itself does not count": itself,
            "the nearest first, not the farthest": full[:, ::-1][:, :4],
            "the nearest first": nearest(points, queries, 4, metric)[:, ::-1],
            (
                "by the angle, however long the vectors are"
                if metric == "cosine"
                else "by Euclidean distance, not by another one"
            ): nearest(points, queries, 4, other),
            "by Euclidean distance: squares, not absolute values":
                np.where(np.eye(30)[queries] > 0, np.inf, np.abs(
                    points[queries][:, None] - points).sum(-1)).argsort(axis=1)[:, :4],
            "among all other examples, other queries too": rest[queries].argsort(axis=1)[:, :4],
        },
    )  # fmt: skip
question.check("all others", neighbors, points[:7], [6, 0], 6, share=0.5).gives_array(
    nearest(points[:7], [6, 0], 6), hint="k may be as large as one less than the examples"
)
copies = points.copy()
place, of = sorted(draw.permutation(30)[:2].tolist())
copies[place] = copies[of]
question.check("a copy", checks.keeping, neighbors, copies, [of], 2, share=0.7).gives_array(
    nearest(copies, [of], 2),
    hint="copies of the query count; only the query itself does not",
    mistakes={"copies of the query count; only the query itself does not":
              nearest(copies, [of], 3)[:, 1:]},
)  # fmt: skip
told_apart = 0
while told_apart < 5:  # all that is drawn is drawn anew: a part may be to blame
    labels = draw.integers(0, 3, 30)
    found = np.array([draw.permutation(30)[:4] for _ in queries])
    same = labels[found] == labels[queries][:, None]
    by_row = (labels[found] == labels[: len(queries)][:, None]).mean()
    told_apart = len({same.mean(), same.any(1).mean(), same[:, 0].mean(), by_row, 1 - same.mean()})
question.check("precision", checks.keeping, precision, found, queries, labels, share=1.5).gives_array(
    same.mean(),
    hint="of all neighbors found, how many have the label of their query?",
    mistakes={
        "the label of its query, not of the row's number":
            by_row,
        "of all neighbors: how many are right, not whether any is": same.any(axis=1).mean(),
        "of all neighbors, not only of the nearest": same[:, 0].mean(),
        "a fraction from 0 to 1": 100 * same.mean(),
        "the right ones, not the wrong ones": 1 - same.mean(),
    },
)  # fmt: skip
question.check("none right", precision, [[1], [0]], [0, 1], np.array([0, 1]), share=0.3).gives(
    0.0, hint="then the fraction is 0"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · A linear probe
#
# The simplest classifier on features is a linear one; fitted by least squares, it has a closed
# form. Given features $x_i$ of the training images and their labels:
#
# 1. *Standardize*: $z = (x - \mu) / \sigma$, each feature with the mean and the deviation (over $n$,
#    as in `np.std`) of the **training** images. A feature whose deviation is 0 there gives $z = 0$
#    for every image.
# 2. The targets $Y$ have a row for each training image, 1 for its class and 0 elsewhere; $\bar y$ is
#    the mean row.
# 3. Find $W = (Z^T Z + \lambda I)^{-1} Z^T (Y - \bar y)$, where the rows of $Z$ are the standardized
#    training features and $\lambda$ is the `strength` of the penalty.
# 4. The scores of a new image are $z W + \bar y$. The largest one says the class.
#
# Write `probe(features, labels, new, strength=1.0)`, which returns the scores of new images.
#
# **Example.** Training features 0 and 2 of classes 0 and 1: $\mu = \sigma = 1$, so $z$ is -1 and 1.
# With $\lambda = 2$, $W = (-1, 1) / (2 + 2)$. A new feature of 4 has $z = 3$, and the scores are
# $0.5 - 0.75 = -0.25$ and $0.5 + 0.75 = 1.25$.


# %% nbgrader={"grade": false, "grade_id": "probe", "locked": false, "schema_version": 3, "solution": true, "task": false}
def probe(features, labels, new, strength=1.0):
    """Fit a linear classifier by regularized least squares, and apply it.

    Args:
        features: of the training images, (examples, features).
        labels: theirs, integers from 0 to classes - 1, each class at least once; (examples,).
        new: features of other images, (others, features).
        strength: of the penalty, positive.

    Returns:
        Array of scores, (others, classes).
    """
    ### BEGIN SOLUTION
    features, new = np.asarray(features, "float64"), np.asarray(new, "float64")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    varies = deviation > 0
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0)
    z = (features - mean) * scale
    targets = np.eye(max(labels) + 1)[np.asarray(labels)]
    base = targets.mean(axis=0)
    weights = np.linalg.solve(z.T @ z + strength * np.eye(z.shape[1]), z.T @ (targets - base))
    return (new - mean) * scale @ weights + base
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_probe", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. A linear probe", points=3)
question.rules(probe, without=("course.transfer", "keras.applications"))
question.example("the example", probe, [[0.0], [2.0]], [0, 1], [[4.0], [1.0]], 2.0).gives_array(
    [[-0.25, 1.25], [0.5, 0.5]], hint="standardize, then follow the formulas"
)
flat = [[0.0, 3.0], [2.0, 3.0]]
question.example("a constant feature", probe, flat, [0, 1], [[4.0, 8.0]], 2.0).gives_array(
    [[-0.25, 1.25]], hint="it gives z = 0 for every image, also where a new image has another value"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def solved(x, y, new, strength, kind="right"):
    """Gradient steps to the minimum instead of the formula, with one thing wrong where asked."""
    mean, s = x.mean(0), x.std(0, ddof=int(kind == "n - 1"))
    s = s**2 if kind == "variance" else np.full(len(s), x.std()) if kind == "one" else s
    if kind == "nothing":
        mean, s = 0 * mean, 0 * s + 1
    if kind == "not centered":
        mean = 0 * mean
    z, one_hot = (x - mean) / s, (y[:, None] == np.arange(y.max() + 1)).astype(float)
    base = one_hot.mean(0)
    goal = one_hot - base
    strength = {"none": 0.0, "one": strength, "of 1": 1.0, "each": strength * len(x)}.get(
        kind, strength
    )
    # Least squares with the penalty as further rows, which the formula's minimum is.
    rows = np.vstack([z, np.sqrt(strength) * np.eye(z.shape[1])])
    w = np.linalg.lstsq(rows, np.vstack([goal, np.zeros((z.shape[1], goal.shape[1]))]), rcond=None)[
        0
    ]
    if kind == "new statistics":
        mean, s = new.mean(0), new.std(0)
    z = new if kind == "raw" else (new - mean) / s
    return z @ w + (0 if kind == "no base" else base)


causes = {
    "new statistics": "new images are standardized with the training images' mean and deviation",
    "raw": "new images are standardized as well",
    "nothing": "standardize the features first",
    "not centered": "standardize: minus the mean, too",
    "n - 1": "the deviation is over n, as in np.std",
    "variance": "divide by the deviation, not the variance",
    "one": "each feature has a deviation of its own",
    "no base": "the mean row of the targets is added in the end",
    "none": "the penalty is missing",
    "of 1": "the penalty has the strength that is given",
    "each": "the penalty is added once, not for each example",
}
for name, count, width, classes, strength in (
    ("three classes", 17, 4, 3, 2.5), ("a strong penalty", 12, 3, 4, 30.0),
    ("more features than images", 9, 14, 2, 0.5),
):  # fmt: skip
    y = draw.permutation(np.arange(count) % classes)
    x = (draw.normal(size=(count, width)) + y[:, None]) * draw.uniform(0.3, 4, width) + 2
    new = draw.normal(size=(6, width)) * 3 + 1
    question.check(name, checks.keeping, probe, x.copy(), y, new.copy(), strength).gives_array(
        solved(x, y, new, strength),
        tolerance=1e-6,
        hint="follow the formulas one by one, and look at the shapes",
        mistakes={
            cause: lambda kind=kind, now=(x, y, new, strength): solved(*now, kind)
            for kind, cause in causes.items()
        },
    )
y = draw.permutation(np.arange(14) % 3)
x = draw.normal(size=(14, 4)) + y[:, None]
new = draw.normal(size=(5, 4))
x[:, 2] = 3.0
kept = [0, 1, 3]
question.check("a constant feature", probe, x, y, new, 1.0, share=0.7).gives_array(
    solved(x[:, kept], y, new[:, kept], 1.0),
    tolerance=1e-6,
    hint="a feature whose deviation in training is 0 gives z = 0 for every image",
)
small = x[:, kept] * 1e-3
question.check("small values", probe, small, y, new[:, kept] * 1e-3, share=0.5).gives_array(
    solved(x[:, kept], y, new[:, kept], 1.0),
    tolerance=1e-5,
    hint="standardized, features in other units give the same scores; see the default strength",
)
question.check("lists", checks.keeping, probe, x[:, kept].tolist(), y.tolist(), new[:, kept].tolist(), 1.0, share=0.4).gives_array(
    solved(x[:, kept], y, new[:, kept], 1.0), tolerance=1e-6, hint="np.asarray takes lists as well"
)  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · The right preprocessing
#
# A network is good only behind the preprocessing that it was trained with, and the weights do not
# say which. Three are common for images with values from 0 to 255 (RGB):
#
# | `kind` | what it does |
# |---|---|
# | `"tf"` | scales to -1 ... 1: $x / 127.5 - 1$ |
# | `"torch"` | scales to 0 ... 1; then for each channel minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225) |
# | `"caffe"` | turns RGB to BGR; then minus (103.939, 116.779, 123.68), in that order of B, G, R |
#
# - Write `preprocess(images, kind)`, which returns a new array of floats.
# - Write `trained_behind(model, images, labels)`: the kind of preprocessing with which the model
#   classifies most of these images rightly, in inference mode.
#
# **Example.** A pixel of (255, 0, 0) becomes (1, -1, -1) with `"tf"`, and (-103.939, -116.779,
# 131.32) with `"caffe"`.


# %% nbgrader={"grade": false, "grade_id": "preprocess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preprocess(images, kind):
    """Prepare images as for a network.

    Args:
        images: array of shape (examples, height, width, 3), values from 0 to 255, uint8 or float.
        kind: "tf", "torch" or "caffe".

    Returns:
        Float array of the same shape.
    """
    ### BEGIN SOLUTION
    images = np.asarray(images, dtype="float32")
    if kind == "tf":
        return images / 127.5 - 1
    if kind == "torch":
        return (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return images[..., ::-1] - [103.939, 116.779, 123.68]
    ### END SOLUTION


def trained_behind(model, images, labels):
    """Find out which preprocessing a network was trained with; with the others it is worse.

    Args:
        model: a Keras model from preprocessed images to one score for each class, not always a
            probability; the largest one says the class.
        images: array of shape (examples, height, width, 3), values from 0 to 255.
        labels: integers, (examples,).

    Returns:
        "tf", "torch" or "caffe".
    """

    ### BEGIN SOLUTION
    def right(kind):
        scores = np.array(model(preprocess(images, kind).astype("float32")))
        return (scores.argmax(axis=-1) == labels).sum()

    return max(("tf", "torch", "caffe"), key=right)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_preprocess", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. The right preprocessing", points=3)
question.rules(preprocess, trained_behind, without=("course.transfer", "keras.applications"))
red = np.reshape([255.0, 0.0, 0.0], (1, 1, 1, 3))
question.example("red, tf", preprocess, red, "tf").gives_array(
    np.reshape([1, -1, -1], (1, 1, 1, 3)), hint="from 0 ... 255 to -1 ... 1"
)
question.example("red, torch", preprocess, red, "torch").gives_array(
    np.reshape([2.2489, -2.0357, -1.8044], (1, 1, 1, 3)), tolerance=1e-4, hint="first to 0 ... 1"
)
question.example("red, caffe", preprocess, red, "caffe").gives_array(
    np.reshape([-103.939, -116.779, 131.32], (1, 1, 1, 3)),
    tolerance=1e-4,
    hint="BGR: blue comes first, and red last",
)
### BEGIN HIDDEN TESTS
from keras.applications.imagenet_utils import preprocess_input

draw = np.random.default_rng(question.random.getrandbits(64))


def right(images, kind):
    return preprocess_input(np.array(images, "float32"), mode=kind, data_format="channels_last")


for kind in ("tf", "torch", "caffe"):
    for name, images in question.kinds((2, 3, 4, 3), "uint8", "float32"):
        if name == "float32":
            images = np.abs(images) * 40 % 255
        x = np.array(images, "float32")
        question.check(f"{kind}, {name}", checks.keeping, preprocess, images, kind, share=0.6).gives_array(
            right(images, kind),
            tolerance=1e-4,
            hint="see the table; values are RGB from 0 to 255",
            mistakes={
                "tf": {"tf scales to -1 to 1, not 0 to 1": x / 255},
                "torch": {
                    "scaled to 0 ... 1 first": (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
                    "divided by the deviation as well": x / 255 - [0.485, 0.456, 0.406],
                    "only caffe turns the channels; torch stays RGB":
                        (x[..., ::-1] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
                },
                "caffe": {
                    "caffe takes BGR": x - [123.68, 116.779, 103.939],
                    "the means are given in the order B, G, R": x[..., ::-1] - [123.68, 116.779, 103.939],
                    "BGR turns the channels around, not the image's columns":
                        x[:, :, ::-1] - [103.939, 116.779, 123.68],
                    "BGR turns the channels around, not the image's rows":
                        x[:, ::-1] - [103.939, 116.779, 123.68],
                },
            }[kind],
        )  # fmt: skip


def of_logits(scores, labels):
    """The cross-entropy of scores that count as logits."""
    largest = scores.max(axis=1)
    total = np.log(np.exp(scores - largest[:, None]).sum(axis=1)) + largest
    return (total - scores[np.arange(len(labels)), labels]).mean()


def of_probabilities(scores, labels):
    """The same for scores that count as probabilities, as Keras takes them."""
    p = np.clip(scores / scores.sum(axis=1, keepdims=True), 1e-7, 1 - 1e-7)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


losses = of_logits, of_probabilities


def linear(kind, count=80):
    """A network that was fitted to mean colors behind one kind of preprocessing, and images."""
    while True:
        labels = draw.integers(0, 4, count)
        means = draw.uniform(40, 215, (4, 3))
        # Some are at the border, so that no single image decides.
        x = np.clip(means[labels] + draw.normal(0, 18, (count, 3)), 0, 255)
        images = np.clip(np.rint(x), 0, 255).astype("uint8")[:, None, None] + np.zeros(
            (1, 2, 2, 1), "uint8"
        )
        seen = right(images, kind).mean(axis=(1, 2))
        rows = np.c_[seen, np.ones(count)]
        weights = np.linalg.lstsq(rows, np.eye(4)[labels], rcond=None)[0]
        if kind == "caffe":
            # Some labels are wrong, far from any border: another kind has a smaller loss.
            wrong = draw.random(count) < 0.25
            labels = np.where(wrong, (labels + draw.integers(1, 4, count)) % 4, labels)
            weights *= 10
        scores = {
            k: (np.c_[right(images, k).mean(axis=(1, 2)), np.ones(count)] @ weights)
            for k in ("tf", "torch", "caffe")
        }
        hits = {k: s.argmax(1) == labels for k, s in scores.items()}
        rival = max((k for k in hits if k != kind), key=lambda k: hits[k].sum())
        gain = hits[kind].astype(int) - hits[rival]
        loudest = max(scores, key=lambda k: scores[k].max())
        fooled = kind != "caffe" or all(
            min(scores, key=lambda k: loss(scores[k], labels)) != kind for loss in losses
        )
        # Behind caffe the inputs are the largest, and so are the scores.
        clear = gain.mean() > 0.15 and (kind == "caffe" or loudest != kind)
        if clear and fooled and gain.min() < 0:
            break
    # The first images alone would say another kind; for tf, the last ones.
    order = np.argsort(-gain if kind == "tf" else gain, kind="stable")
    images, labels = images[order], labels[order]
    tensor = keras.Input((2, 2, 3))
    x = keras.layers.GlobalAveragePooling2D()(tensor)
    # In inference mode it does nothing, in training mode much.
    x = keras.layers.BatchNormalization(epsilon=1e-7, center=False, scale=False)(x)
    net = keras.Model(tensor, keras.layers.Dense(4)(x))
    net.layers[-1].set_weights([weights[:3].astype("float32"), weights[3].astype("float32")])
    return net, images, labels


for kind in ("torch", "caffe", "tf"):
    net, images, labels = linear(kind) if kind != "caffe" else linear(kind, 60)
    question.check(f"a net that takes {kind}", trained_behind, net, images, labels).gives(
        kind, hint="with which kind does the model classify most of these images rightly?"
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 5 · A new head
#
# The classes of the target are others than those of the source, so the head is of no use. Write
# `swap_head(model, classes)`: a model with the same body and the same weights in it, bit for bit,
# and with a new head: a `Dense` layer with softmax (its activation, or a layer of its own), for
# `classes` classes, that starts as Keras starts every `Dense` layer, whatever the old head was like.
# That holds for as many classes as before, too. The given model still computes what it computed.
#
# Whether the new model has the body's layers themselves or copies of them is up to you.


# %% nbgrader={"grade": false, "grade_id": "swap_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def swap_head(model, classes):
    """Replace a network's head.

    Args:
        model: a network as in the rules.
        classes: how many the new head tells apart.

    Returns:
        A Keras model from images to probabilities of the classes.
    """
    ### BEGIN SOLUTION
    head = layers.Dense(classes, activation="softmax")
    return keras.Model(model.input, head(model.layers[-1].input))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_swap_head", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. A new head", points=3)
question.rules(swap_head, without=("course.transfer", "keras.applications"))
question.model(
    "three classes instead of four", swap_head, small_net(), 3, share=0
).has_output_shape((3,), hint="a Dense layer for the new classes, on what the old head takes")


def probabilities(classes):
    """The sum of a new net's outputs."""
    net = swap_head(at_random(small_net(), 1), classes)
    return float(np.sum(net(np.ones((1, 8, 8, 3), "float32"))))


question.example("they add up to 1", probabilities, 3).gives_array(1.0, hint="see the softmax")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def old_net(how):
    """A network whose head is to be replaced; with nothing said, one with an unusual head."""
    if how:
        return small_net(how.get("classes", 4), **{k: v for k, v in how.items() if k != "classes"})
    mixed = mixed_net(prefix="bn_")
    head = keras.layers.Dense(
        3, activation="softmax", kernel_initializer="ones", bias_initializer="ones", name="old"
    )
    return keras.Model(mixed.input, head(mixed.layers[-1].input))


def right(classes, how, kind="right"):
    """A network with a new head, with one thing wrong where asked."""
    make = keras.layers
    net = old_net(how)
    x = net.layers[-1].output if kind == "on top" else net.layers[-1].input
    end = {"none": None, "sigmoid": "sigmoid"}.get(kind, "softmax")
    return keras.Model(net.input, make.Dense(classes, activation=end)(x))


def parts(model):
    """A model's layers with weights, those of inner models too, in order."""
    return [
        part
        for layer in model.layers
        for part in (parts(layer) if isinstance(layer, keras.Model) else [layer])
        if part.weights
    ]


def kept(net, classes, which):
    """Whether weights of the body are those of the given net."""
    before = [np.array(w) for layer in parts(net)[:-1] for w in getattr(layer, which)]
    after = [
        np.array(w) for layer in parts(swap_head(net, classes))[:-1] for w in getattr(layer, which)
    ]
    return len(before) == len(after) and all(
        np.array_equal(*pair) for pair in zip(before, after, strict=True)
    )


def new_head(net, classes):
    """A new head's kernel and bias."""
    found = parts(swap_head(net, classes))[-1].get_weights()
    return found if len(found) == 2 else [*found, np.full(classes, np.nan)]


def resembles(net, classes):
    """Whether a column of the new kernel is one of the old."""
    old, new = np.array(net.layers[-1].kernel), new_head(net, classes)[0]
    return bool(np.isclose(old[:, :, None], new[:, None], atol=1e-5).all(axis=0).any())


def spread(net, classes):
    """Whether weights spread as in Keras' start, within its limit; for about 100 weights."""
    new = np.array(new_head(net, classes)[0])
    if new.shape != (net.layers[-1].kernel.shape[0], classes):
        return f"a kernel of shape {new.shape}"
    ratio = float(new.std() / math.sqrt(2 / sum(new.shape)))
    return bool(0.7 < ratio < 1.4 and np.abs(new).max() < 1.0001 * math.sqrt(6 / sum(new.shape)))


def reached(net, classes):
    """How many of a new net's numbers can be trained."""
    new = swap_head(net, classes)
    images = np.random.default_rng(1).normal(size=(8, 8, 8, 3)).astype("float32")
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(new(images, training=False)[:, 0])
    weights = new.trainable_weights
    slopes = tape.gradient(loss, [w.value for w in weights])
    return sum(int(np.prod(w.shape)) for w, g in zip(weights, slopes, strict=True) if g is not None)


def again(net, classes):
    """Whether two new heads start alike."""
    first, second = (np.array(new_head(net, classes)[0]) for _ in range(2))
    return bool(np.allclose(first, second))


for name, classes, how in (
    ("more classes", 9, {"filters": (3, 12), "prefix": "b_"}),
    ("as many as before", 6, {"filters": (4, 16), "classes": 6, "dropout": 0.3}),
    ("a sum, a hidden layer", 12, {}),
):
    net = at_random(old_net(how), draw)
    new = question.model(name, swap_head, net, classes)
    new.computes(
        right(classes, how),
        hint="the same body, then a Dense layer with softmax",
        mistakes={
            "it takes what the old head takes, not what that gives": lambda c=classes, h=how: right(
                c, h, "on top"
            ),
            "the softmax is missing": lambda c=classes, h=how: right(c, h, "none"),
            "classes exclude each other: softmax, not a sigmoid": lambda c=classes, h=how: right(
                c, h, "sigmoid"
            ),
        },
    )
    count = sum(int(np.prod(w.shape)) for w in right(classes, how).trainable_weights)
    question.check(f"weights that can be trained, {name}", reached, net, classes, share=1.5).gives(
        count, hint="nothing is frozen or cut off from the gradient"
    )
    question.check(f"the body's weights, {name}", kept, net, classes, "trainable_weights").gives(
        True, hint="the body's weights stay as they are, bit for bit"
    )
    question.check(f"its statistics, {name}", kept, net, classes, "non_trainable_weights").gives(
        True, hint="the body has moving statistics, too"
    )
    question.check(f"a new start, {name}", resembles, net, classes, share=1.5).gives(
        False, hint="the head starts anew: nothing of the old classes is left"
    )
    question.check(f"how it starts, {name}", spread, net, classes, share=0.5).gives(
        True, hint="it starts as Keras starts every Dense layer, whatever the old one was like"
    )
    question.check(
        f"its bias, {name}", lambda net=net, c=classes: new_head(net, c)[1], share=0.5
    ).gives_array(np.zeros(classes), hint="the bias starts at 0, as in every Dense layer")


def unchanged():
    """Whether the given model computes what it did, once there is another one."""
    net = at_random(small_net(6), draw)
    images = draw.normal(size=(3, 8, 8, 3)).astype("float32")
    before = np.array(net(images))
    width = checks.keeping(swap_head, net, 6).output_shape[-1]
    return bool(np.allclose(before, net(images), atol=1e-6)), width


question.check("twice", again, net, 12).gives(
    False, hint="each new head starts from other random numbers: no seed is fixed"
)
question.check("the given model", unchanged, share=0.7).gives(
    (True, 6), hint="it still computes what it computed"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · A frozen body
#
# With few images only the head is trained. Then nothing in the body may move: no weight, and no
# moving statistic of batch normalization. In Keras, `model(x, training=False)` is *not* enough for
# that: the weights stay trainable, and when the outer model is trained, Keras (3.15) calls the inner
# one with `training=True` all the same.
#
# Write `on_frozen(body, classes, dropout=0.0)`: a Keras model that computes what `body` computes, with
# its layers, drops features with rate `dropout` in training (no such layer if it is 0), and
# classifies with a `Dense` layer with softmax (its activation, or a layer of its own). The body is
# frozen, with all that is in it, however the model is called; only the head is trained. `body`
# itself may be changed: it may stay frozen.


# %% nbgrader={"grade": false, "grade_id": "on_frozen", "locked": false, "schema_version": 3, "solution": true, "task": false}
def on_frozen(body, classes, dropout=0.0):
    """Put a new head on a frozen body.

    Args:
        body: a Keras model from images to features, (batch, features). Nothing in it is frozen
            yet, and it has no dropout.
        classes: how many the head tells apart.
        dropout: rate, from 0 to less than 1.

    Returns:
        A Keras model from images to probabilities.
    """
    ### BEGIN SOLUTION
    body.trainable = False
    images = keras.Input(body.input_shape[1:])
    x = body(images)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_on_frozen", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. A frozen body", points=3)
question.rules(on_frozen, without=("course.transfer", "keras.applications"))


def body_of(net):
    """A network without its head."""
    return keras.Model(net.input, net.layers[-1].input)


model = question.model("three classes", on_frozen, body_of(small_net()), 3, share=0)
model.has_output_shape((3,), hint="a Dense layer with softmax on what the body gives")
model.has_trainable_params(6 * 3 + 3, hint="only the head's: its kernel and its bias")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def net_of(how):
    """A network; with nothing said, one with a hidden layer."""
    return small_net(**how) if how else mixed_net(prefix="bn_")


def right(how, classes, dropout, kind="right"):
    """The model written out, with one thing wrong where asked."""
    make = keras.layers
    body = body_of(net_of(how))
    body.trainable = False
    images = keras.Input((8, 8, 3))
    x = body(images)
    if kind == "hidden":
        x = make.Dense(16, activation="relu")(x)
    return keras.Model(
        images, make.Dense(classes, activation=None if kind == "none" else "softmax")(x)
    )


def made(body, classes, *dropout):
    """The model, which has to have this many classes."""
    model = on_frozen(body, classes, *dropout)
    if tuple(model.output_shape) != (None, classes):
        raise ValueError(f"the output's shape is {model.output_shape}, for {classes} classes")
    return model


def trained(how, classes, seed):
    """Which weights have moved after some steps of training; the head's are the last two."""
    body = at_random(body_of(net_of(how)), seed)
    model = made(body, classes)
    start = [np.array(w) for w in model.weights]
    draw = np.random.default_rng(1)
    images, labels = draw.normal(size=(6, 8, 8, 3)).astype("float32"), np.arange(6) % classes
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=False)
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        weights = list(model.trainable_weights)
        for weight, slope in zip(
            weights, tape.gradient(loss, [w.value for w in weights]), strict=True
        ):
            if slope is not None:
                weight.assign(weight - 0.5 * slope)
    return [not np.allclose(a, b, atol=1e-7) for a, b in zip(start, model.weights, strict=True)]


def moved(how, classes, seed):
    """How many weights moved of the body and of the head."""
    found = trained(how, classes, seed)
    return [sum(found[:-2]), sum(found[-2:])]


def changes(how, classes, seed):
    """By how much the answers in training differ from those in use."""
    model = made(at_random(body_of(net_of(how)), seed), classes)
    x = np.random.default_rng(2).normal(size=(8, 8, 8, 3)).astype("float32")
    return np.round(np.array(model(x, training=True)) - np.array(model(x, training=False)), 4)


def dropouts(model):
    """The rates of a model's Dropout layers, those of inner models too."""
    return [
        rate
        for part in model.layers
        for rate in (
            dropouts(part)
            if isinstance(part, keras.Model)
            else [round(float(part.rate), 3)]
            if isinstance(part, keras.layers.Dropout)
            else []
        )
    ]


for name, classes, how, dropout in (
    ("a body with normalization", 5, {"filters": (3, 7, 5), "prefix": "c_"}, 0.0),
    ("with dropout", 6, {"filters": (4, 9)}, question.random.choice([0.2, 0.3, 0.8])),
    ("a sum, a hidden layer", 4, {}, 0.0),
):
    body = at_random(body_of(net_of(how)), draw)
    model = question.model(name, on_frozen, body, classes, dropout)
    model.computes(
        right(how, classes, dropout),
        hint="body, dropout, a Dense layer with softmax",
        mistakes={
            "the softmax is missing": lambda h=how, c=classes: right(h, c, 0, "none"),
            "nothing lies between body and head but dropout": lambda h=how, c=classes: right(
                h, c, 0, "hidden"
            ),
        },
    )
    width = body.output_shape[-1]
    norms = sum(
        int(np.prod(w.shape)) for w in body.trainable_weights if w.name in ("gamma", "beta")
    )
    all_of = sum(int(np.prod(w.shape)) for w in body.trainable_weights) + (width + 1) * classes
    model.has_trainable_params(
        (width + 1) * classes,
        hint="a frozen body has no trainable weight; the head trains",
        share=1.5,
        mistakes={
            "calling it with training=False freezes nothing": all_of,
            "batch normalization has weights as well": (width + 1) * classes + norms,
            "the head is to be trained": 0,
        },
    )
    question.check(f"after training, {name}", moved, how, classes, draw, share=2).gives(
        [0, 2],
        hint="nothing in a frozen body moves, of whatever kind its layers are: no weight, no "
        "statistic, however the model is called; of the head kernel and bias do",
    )
    if not dropout:
        question.check(f"in training, {name}", changes, how, classes, draw).gives_array(
            np.zeros((8, classes)), hint="without dropout, training changes nothing of the answer"
        )


def drops(rate, seed):
    """The rates of all Dropout layers."""
    body = at_random(body_of(small_net(filters=(4, 40), normalized=False)), seed)
    return dropouts(made(body, 2, rate))


for rate in (question.random.choice([0.15, 0.35, 0.65]), 0.02):
    question.check(f"the rate of dropout, {rate}", drops, rate, draw, share=0.7).gives(
        [rate], hint="one Dropout layer, between features and head, with the rate that is given"
    )
question.check("no dropout", drops, 0.0, draw, share=0.4).gives([], hint="no such layer if it is 0")


def averaged(rate, seed):
    """How far training's answers differ from example to example: none if all drop alike."""
    body = at_random(body_of(small_net(filters=(4, 40))), seed)
    model = on_frozen(body, 2, rate)
    # To drop some of the zeros in these images would change nothing.
    x = np.zeros((30, 8, 8, 3), "float32")
    y = np.array(model(x, training=True))
    return bool(y.std(axis=0).max() > 0.005 and np.allclose(y.sum(axis=1), 1, atol=1e-4))


question.check("where it drops", averaged, 0.5, draw, share=0.6).gives(
    True, hint="features are dropped, not pixels, and not probabilities: these still add up to 1"
)


def own_weights():
    """Whether the model computes with the body's weights."""
    body = at_random(body_of(small_net()), draw)
    model = on_frozen(body, 3)
    x = draw.normal(size=(4, 8, 8, 3)).astype("float32")
    kernel, bias = [np.array(w) for w in model.weights[-2:]]
    return bool(np.allclose(model(x), tf.nn.softmax(np.array(body(x)) @ kernel + bias), atol=1e-4))


question.check("the body's own weights", own_weights).gives(
    True, hint="the given body itself is called, with its weights"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · What is trained
#
# With more images, more layers are trained: from some layer on to the end, first of all the late
# ones, which are the most special. Batch normalization mostly stays frozen, as the statistics of
# small batches are noisy. Each layer has a flag, `trainable`. Setting that of a model sets those of
# all its layers, but only if its own changes: to set it to what it was does nothing. Of a model whose
# own flag is off nothing is trained, whatever its layers' flags are.
#
# Write `train_from(model, start, batch_norm=False)`, which changes the flags of the given model:
#
# - layers before the one named `start` are frozen, that one and all after it are trained,
# - batch normalization is frozen everywhere, or, with `batch_norm=True`, only before `start`.
#
# It returns the names of the layers with weights that are trained now, in their order in the model.
# Flags that were set before, the model's own among them, have no influence.
#
# **Example.** For `small_net()` and `"conv2"` the result is `["conv2", "head"]`, and with
# `batch_norm=True` it is `["conv2", "bn2", "head"]`.


# %% nbgrader={"grade": false, "grade_id": "train_from", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_from(model, start, batch_norm=False):
    """Freeze and unfreeze the layers of a network.

    Args:
        model: a network as in the rules; some or all of its layers may be frozen, or all of it.
        start: name of the first layer to train; one of model.layers.
        batch_norm: whether batch normalization is trained from there on.

    Returns:
        List of names.
    """
    ### BEGIN SOLUTION
    model.trainable = True
    trained = False
    for layer in model.layers:
        trained = trained or layer.name == start
        normalizes = isinstance(layer, layers.BatchNormalization)
        layer.trainable = trained and (batch_norm or not normalizes)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_train_from", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. What is trained", points=3)
question.rules(train_from, without=("course.transfer", "keras.applications"))
question.example("from conv2 on", train_from, small_net(), "conv2").gives(
    ["conv2", "head"], hint="layers with weights from this one on; batch normalization stays frozen"
)
question.example("with normalization", train_from, small_net(), "conv2", True).gives(
    ["conv2", "bn2", "head"], hint="from conv2 on, not before"
)
### BEGIN HIDDEN TESTS
draw = question.random


def net_of(filters):
    """A network; with nothing said, one with names that say nothing, or too much."""
    return small_net(filters=filters, prefix="d_") if filters else mixed_net(prefix="bn_")


def frozen_net(filters, before):
    """A network with flags from before."""
    net = net_of(filters)
    if before == "the model frozen":
        net.trainable = False
    frozen = {"all frozen": net.layers, "some frozen": net.layers[1::2]}.get(before, [])
    for layer in frozen:
        layer.trainable = False
    return net


def flags(filters, start, batch_norm, before):
    """Which layers are trained afterwards, and which of them only by half."""
    net = frozen_net(filters, before)
    train_from(net, start, batch_norm)
    trained = {id(weight) for weight in net.trainable_weights}
    found = []
    for layer in net.layers:
        moves = any(id(weight) in trained for weight in layer.weights)
        if layer.weights and (moves or layer.trainable):
            half = "" if moves and layer.trainable else " (its flag alone)" if not moves else None
            found.append(layer.name + (" (its weights alone)" if half is None else half))
    return found


def expected(filters, start, batch_norm, kind="right"):
    """The layers that should be trained, from the net's plan."""
    if filters:
        parts = "conv", "bn", "relu"
        plan = [f"d_{part}{n}" for n in range(1, len(filters) + 1) for part in parts]
        plan = [*plan, "d_pool", "d_head"]
    else:
        plan = "mixed even1 relu mix even2 sum pool hidden head".split()
        plan = [f"bn_{part}" for part in plan]
    bare = [n for n in plan if n.split("_")[1].startswith(("relu", "pool", "sum"))]
    norms = [n for n in plan if n.split("_")[1].startswith(("bn", "even"))]
    place = plan.index(start)
    chosen = {
        "later": plan[place + 1 :], "one": [start], "earlier": plan[:place],
    }.get(kind, plan[place:])  # fmt: skip
    keep_norm = (batch_norm and kind != "no norm") or kind == "norm"
    named = [n for n in chosen if n not in bare]
    found = [n for n in named if keep_norm or n not in norms]
    if kind == "norm everywhere":
        found = [n for n in plan if (n in norms and batch_norm) or n in found]
    return found


def names(filters, start, batch_norm, before):
    """What the function returns."""
    return list(train_from(frozen_net(filters, before), start, batch_norm))


drawn = tuple(draw.sample(range(2, 9), 4))
for filters, start, batch_norm, before in (
    (drawn, "d_conv3", False, "nothing frozen"),
    (drawn, "d_conv2", True, "all frozen"),
    (drawn, "d_relu2", False, "some frozen"),
    (drawn, "d_bn3", True, "some frozen"),
    (drawn, "d_bn2", False, "nothing frozen"),
    (drawn, "d_head", False, "all frozen"),
    (drawn, "d_conv1", False, "some frozen"),
    (drawn, "d_conv2", False, "the model frozen"),
    (None, "bn_mix", False, "the model frozen"),
    (None, "bn_mix", True, "some frozen"),
    (None, "bn_sum", False, "nothing frozen"),
):
    right = expected(filters, start, batch_norm)
    causes = {
        "later": "that one and all after it are trained",
        "one": "that one and all after it are trained, not it alone",
        "earlier": "layers before it are frozen, those after it trained",
        "norm": "batch normalization stays frozen unless it is asked for",
        "no norm": "with batch_norm=True, batch normalization is trained as well",
        "norm everywhere": "batch normalization is frozen before the given layer: only before",
    }
    known = [
        (cause, expected(filters, start, batch_norm, kind))
        for kind, cause in causes.items()
        if expected(filters, start, batch_norm, kind) != right
    ]
    how = f"from {start.split('_')[1]} on, {before}" + (
        ", with normalization" if batch_norm else ""
    )
    question.check(how, flags, filters, start, batch_norm, before).gives(
        right,
        hint="each layer's flag is set, whatever it was: before start all is frozen; the names say "
        "nothing, and the model's own flag has to be on",
        mistakes=known,
    )
    if start in ("d_relu2", "d_bn3", "d_bn2", "bn_mix"):
        question.check(f"names {how}", names, filters, start, batch_norm, before).gives(
            right, hint="the names of the layers with weights that are trained now, in their order"
        )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · Two phases
#
# A new head is random, and sends random gradients into a body that is good already. So it is trained
# first, alone. Then all is trained, at a tenth of the learning rate: the body is to be adjusted, not
# to be learned anew.
#
# Write `fine_tune(model, images, labels, head_epochs, all_epochs, rate)`, which trains the given
# model, whose head is new:
#
# 1. for `head_epochs` epochs the head alone, with learning rate `rate`,
# 2. for `all_epochs` epochs all layers but batch normalization, at a tenth of that.
#
# Batch normalization is frozen in both phases, so it runs in inference mode. To keep it simple, both
# use plain gradient descent, `keras.optimizers.SGD`, without momentum, and *all* images in one batch,
# so an epoch is one step. The loss is the mean cross-entropy. A phase of 0 epochs is left out.
#
# `model.compile` and `model.fit(..., batch_size=len(images), verbose=0)` do this; so do your own
# gradients. What `fit` trains is settled when it first runs after `compile`: a layer that is
# unfrozen later is not noticed, until you compile again.
#
# **Example.** With one image, one step of the head is what `SGD` makes of one gradient.


# %% nbgrader={"grade": false, "grade_id": "fine_tune", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fine_tune(model, images, labels, head_epochs, all_epochs, rate):
    """Train a network in two phases; it is changed.

    Args:
        model: a network as in the rules, without dropout, whose head has as many classes as the
            labels. Nothing in it is frozen yet; what is frozen at the end does not matter.
        images: float32 array, (examples, height, width, 3).
        labels: integers, (examples,).
        head_epochs, all_epochs: steps of each phase, at least 0.
        rate: learning rate of the first phase.
    """
    ### BEGIN SOLUTION
    head = model.layers[-1].name
    for start, epochs, step in (
        (head, head_epochs, rate),
        (model.layers[0].name, all_epochs, rate / 10),
    ):
        train_from(model, start)
        if epochs:
            model.compile(keras.optimizers.SGD(step), "sparse_categorical_crossentropy")
            model.fit(images, labels, batch_size=len(images), epochs=epochs, verbose=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_fine_tune", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. Two phases", points=4)
question.rules(fine_tune, without=("course.transfer", "keras.applications"))


def after(filters, seed, count, *phases):
    """All weights of a net after it was tuned."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(3, filters=filters) if filters else mixed_net(prefix="bn_"), draw)
    images = draw.normal(size=(count, 8, 8, 3)).astype("float32")
    fine_tune(net, images, np.arange(count) % 3, *phases)
    return [np.array(weight) for weight in net.weights]


def by_hand(filters, seed, count, *phases, kind="right"):
    """The same, gradient by gradient, with one thing wrong where asked."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(3, filters=filters) if filters else mixed_net(prefix="bn_"), draw)
    images = draw.normal(size=(count, 8, 8, 3)).astype("float32")
    head_epochs, all_epochs, rate = phases
    mode = kind == "normalization"
    normal = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in normal:
        layer.trainable = mode or kind == "late normalization"
    everything = [weight.value for layer in net.layers for weight in layer.trainable_weights]
    head = everything[-2:]
    body = everything[:-2]
    plan = {
        "same rate": [(head, head_epochs, rate), (everything, all_epochs, rate)],
        "hundredth": [(head, head_epochs, rate), (everything, all_epochs, rate / 100)],
        "at once": [(everything, head_epochs, rate), (everything, all_epochs, rate / 10)],
        "head only": [(head, head_epochs, rate), (head, all_epochs, rate / 10)],
        "lowered head": [(head, head_epochs, rate / 10), (everything, all_epochs, rate)],
        "swapped": [(everything, all_epochs, rate / 10), (head, head_epochs, rate)],
        "swapped epochs": [(head, all_epochs, rate), (everything, head_epochs, rate / 10)],
        "body only": [(head, head_epochs, rate), (body, all_epochs, rate / 10)],
        "nothing": [],
        "phase one": [(head, head_epochs, rate)],
    }.get(kind, [(head, head_epochs, rate), (everything, all_epochs, rate / 10)])
    pace = {}
    for weights, epochs, size in plan:
        for _ in range(epochs):
            late = kind == "late normalization" and weights is everything
            with tf.GradientTape() as tape:
                p = net(images, training=mode or late)
                loss = tf.reduce_mean(
                    tf.keras.losses.sparse_categorical_crossentropy(np.arange(count) % 3, p)
                )
            size_now = size * count if kind == "sum" else size
            for w, g in zip(weights, tape.gradient(loss, weights), strict=True):
                if kind == "momentum":
                    pace[id(w)] = g = 0.9 * pace.get(id(w), 0) + g
                w.assign_sub(size_now * g)
        pace = {}
    return [np.array(weight) for weight in net.weights]


causes = {
    "same rate": "the body's learning rate is a tenth of the head's: the second phase has rate / 10",
    "hundredth": "a tenth of the learning rate, once",
    "at once": "the first phase trains the head alone",
    "head only": "the second phase trains all layers: was the model compiled again after unfreezing?",
    "lowered head": "the first phase has the full learning rate, the second phase a tenth",
    "swapped": "the head is trained first, then all",
    "swapped epochs": "head_epochs are for the first phase",
    "body only": "the second phase trains the head as well",
    "normalization": "batch normalization is frozen, in inference mode, in both phases",
    "late normalization": "batch normalization stays frozen in the second phase",
    "momentum": "plain gradient descent has no momentum",
    "sum": "the loss is the mean over the images",
    "nothing": "nothing has changed in the given model: is the given model trained, in batches?",
}
question.example("one step of the head", after, (3,), 5, 1, 1, 0, 0.2).gives_arrays(
    by_hand((3,), 5, 1, 1, 0, 0.2),
    tolerance=1e-4,
    hint="only the head moves, by rate times gradient",
)
question.example("one step of all", after, (3,), 5, 1, 0, 1, 0.2).gives_arrays(
    by_hand((3,), 5, 1, 0, 1, 0.2),
    tolerance=1e-4,
    hint="all but batch normalization, a tenth of the rate",
)
### BEGIN HIDDEN TESTS
draw = question.random
for name, filters, count, phases, share in (
    ("two phases", (3, 4), 7, (3, 2, 0.6), 3),
    ("the head alone", (4,), 5, (3, 0, 0.7), 1),
    ("a sum, a hidden layer", None, 40, (2, 2, 0.3), 2),
):
    asked = filters, draw.randrange(10**6), count, *phases
    question.check(name, after, *asked, share=share).gives_arrays(
        by_hand(*asked),
        tolerance=3e-4,
        hint="what is trained in each phase, at which rate, for how many steps, in one batch?",
        mistakes={
            cause: lambda kind=kind, now=asked: by_hand(*now, kind=kind)
            for kind, cause in causes.items()
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · A learning rate for each layer
#
# Instead of phases, or in addition, each layer can have a learning rate of its own: the largest for
# the head, which is new, and the smaller the earlier a layer is, as early layers are generic. Write
#
# - `layer_rates(model, base, decay)`: a dict from the name of each layer with weights to its rate.
#   The head has `base`. Going back from it, each convolution or dense layer has `decay` times the
#   rate of the next one. Batch normalization has the rate of the convolution or dense layer before
#   it. A frozen layer has 0, but all others have the rates that they would have if it were not
#   frozen.
# - `step(model, gradients, rates)`, which changes the given model: one step of gradient descent,
#   $w - r\,g$ for each trainable weight of each layer, with that layer's rate $r$.
#
# **Example.** For `small_net()`, a base of 0.1 and a decay of 0.5: head 0.1, conv2 and bn2 0.05,
# conv1 and bn1 0.025.


# %% nbgrader={"grade": false, "grade_id": "layer_rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_rates(model, base, decay):
    """Return the learning rate of each layer with weights.

    Args:
        model: a network as in the rules: convolutions, dense layers and batch normalizations have
            weights, other layers have none. The first layer with weights is no normalization. Some
            layers may be frozen, by their own flags; the model's own is on.
        base: rate of the head.
        decay: from 0 to 1.

    Returns:
        Dict from names to numbers.
    """
    ### BEGIN SOLUTION
    rates, rate, waiting = {}, base, []
    for layer in reversed(model.layers):
        if not layer.weights:
            continue
        waiting.append(layer)
        if not isinstance(layer, layers.BatchNormalization):
            rates |= {part.name: rate if part.trainable else 0.0 for part in waiting}
            waiting, rate = [], rate * decay
    return rates
    ### END SOLUTION


def step(model, gradients, rates):
    """Change a model's trainable weights by one step of gradient descent.

    Args:
        model: a network as in the rules.
        gradients: dict from the name of each layer that is trained to the list of its gradients,
            arrays in the order of layer.trainable_weights.
        rates: dict from names to numbers, with these names and perhaps others.
    """
    ### BEGIN SOLUTION
    for name, slopes in gradients.items():
        weights = model.get_layer(name).trainable_weights
        for weight, slope in zip(weights, slopes, strict=True):
            weight.assign(weight - rates[name] * slope)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_layer_rates", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. A learning rate for each layer", points=3)
question.rules(layer_rates, step, without=("course.transfer", "keras.applications"))
question.example("the example", layer_rates, small_net(), 0.1, 0.5).gives(
    {"conv1": 0.025, "bn1": 0.025, "conv2": 0.05, "bn2": 0.05, "head": 0.1},
    hint="from the head back: each convolution has half the rate of the next one",
)
ones = {"head": [np.ones((6, 4)), np.ones(4)]}


def moved(rates):
    """By how much a step with gradients of 1 moves the head's bias."""
    net = small_net()
    step(net, ones, rates)
    return np.array(net.layers[-1].bias)


question.example("a step of the head", moved, {"head": 0.25, "conv1": 2.0}).gives_array(
    [-0.25] * 4, hint="minus rate times gradient"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def plan(filters, base, decay, frozen, kind="right"):
    """Rates from the net's plan, with one thing wrong where asked."""
    found, power = {"e_head": base * (decay if kind == "head too" else 1)}, 1
    for n in range(len(filters), 0, -1):
        exponent = {"turned": len(filters) + 1 - power, "one": 1}.get(kind, power)
        rate = base * decay ** (exponent + (kind == "head too"))
        if kind == "subtracted":
            rate = base - power * decay
        is_frozen = n in frozen
        for layer in ("conv", "bn"):
            found[f"e_{layer}{n}"] = 0.0 if is_frozen and kind != "thawed" else rate
        if not (is_frozen and kind == "not counted"):
            power += 1
    if kind == "turned":
        found["e_head"] = base * decay ** len(filters)
    if kind == "normalization":
        for n in range(1, len(filters) + 1):
            for offset, layer in ((1, "bn"), (2, "conv")):
                steps = 2 * (len(filters) - n) + offset
                found[f"e_{layer}{n}"] = 0.0 if n in frozen else base * decay**steps
    return found


def rates_of(filters, base, decay, frozen):
    """What the function gives, rounded."""
    net = small_net(filters=filters, prefix="e_")
    for n in frozen:
        for layer in ("conv", "bn"):
            net.get_layer(f"e_{layer}{n}").trainable = False
    return {
        name: round(float(rate), 9)
        for name, rate in checks.keeping(layer_rates, net, base, decay).items()
    }


def mixed_rates(base, decay, frozen):
    """Rates of a net with a hidden layer and names that say nothing, or too much."""
    net = mixed_net(prefix="bn_")
    for name in frozen:
        net.get_layer(name).trainable = False
    return rounded(checks.keeping(layer_rates, net, base, decay))


def rounded(found):
    return {name: round(float(rate), 9) for name, rate in found.items()}


causes = {
    "turned": "the head has the largest rate, the first layer the smallest",
    "normalization": "batch normalization has the rate of the layer before it; it is not counted",
    "head too": "The head has the base itself",
    "one": "from layer to layer once more: decay, decay squared, ...",
    "thawed": "a frozen layer has 0",
    "not counted": "frozen layers are counted like the others",
    "subtracted": "decay times the rate of the next one",
}
for name, count, frozen in (
    ("four convolutions", 4, ()),
    ("some are frozen", 4, (3, 1)),
    ("one convolution", 1, ()),
):
    filters = tuple(draw.integers(2, 6, count).tolist())
    base, decay = round(float(draw.uniform(0.05, 0.3)), 3), round(float(draw.uniform(0.3, 0.8)), 3)
    right = rounded(plan(filters, base, decay, frozen))
    known = {
        cause: rounded(plan(filters, base, decay, frozen, kind)) for kind, cause in causes.items()
    }
    question.check(name, rates_of, filters, base, decay, frozen).gives(
        right,
        hint="all layers with weights, and only these; from the head back",
        mistakes=[(cause, wrong) for cause, wrong in known.items() if wrong != right],
    )


def without_normalization(base, decay):
    """Rates of a net with nothing but convolutions."""
    found = layer_rates(small_net(filters=(2, 3), normalized=False), base, decay)
    return {name: round(float(rate), 9) for name, rate in found.items()}


question.check("no normalization", without_normalization, 0.4, 0.1, share=0.5).gives(
    {"conv1": 0.004, "conv2": 0.04, "head": 0.4}, hint="a net without batch normalization"
)


for name, decay, frozen in (
    ("a hidden layer", 0.5, ()),
    ("only a convolution is frozen", 0.2, ("bn_mix",)),
    ("only others are frozen", 0.4, ("bn_even1", "bn_hidden")),
    ("a decay of 0", 0.0, ()),
    ("a decay of 1", 1.0, ("bn_mixed",)),
):
    powers = {
        "bn_head": 0,
        "bn_hidden": 1,
        "bn_mix": 2,
        "bn_even2": 2,
        "bn_mixed": 3,
        "bn_even1": 3,
    }
    question.check(name, mixed_rates, 0.3, decay, frozen, share=0.6).gives(
        rounded({n: 0.0 if n in frozen else 0.3 * decay**power for n, power in powers.items()}),
        hint="dense layers count as well; a frozen layer has 0 itself and changes no other rate",
    )


def stepped(seed, chosen, rates):
    """The weights after a step, those of chosen layers in order."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(filters=(3, 2)), draw)
    gradients = {
        name: [
            draw.normal(size=w.shape).astype("float32")
            for w in net.get_layer(name).trainable_weights
        ]
        for name in chosen
    }
    given = {name: [np.array(slope) for slope in slopes] for name, slopes in gradients.items()}
    now = dict(rates)
    step(net, gradients, now)
    same = now == rates and list(gradients) == list(given)
    if not same or any(
        len(gradients[name]) != len(slopes) or not all(map(np.array_equal, gradients[name], slopes))
        for name, slopes in given.items()
    ):
        raise ValueError("it changes the gradients or the rates that it was given")
    return [np.array(weight) for weight in net.weights]


def by_hand(seed, chosen, rates, kind="right"):
    draw = np.random.default_rng(seed)
    net = at_random(small_net(filters=(3, 2)), draw)
    gradients = {
        name: [
            draw.normal(size=w.shape).astype("float32")
            for w in net.get_layer(name).trainable_weights
        ]
        for name in chosen
    }
    for name in chosen:
        rate = {"no rate": 1, "largest": max(rates.values()), "up": -rates[name]}.get(
            kind, rates[name]
        )
        for w, g in zip(net.get_layer(name).trainable_weights, gradients[name], strict=True):
            w.assign(np.array(w) * (kind != "replaced") - rate * g)
    return [np.array(weight) for weight in net.weights]


seed = int(draw.integers(10**6))
rates = {
    n: round(float(draw.uniform(0.05, 0.9)), 3) for n in ("conv1", "bn1", "conv2", "bn2", "head")
}
for name, chosen in (("a step of all layers", list(rates)), ("a step of some", ["bn1", "conv2"])):
    question.check(name, stepped, seed, chosen, rates, share=1.5).gives_arrays(
        by_hand(seed, chosen, rates),
        hint="every weight of every layer that has gradients, each with its layer's rate",
        mistakes={
            "minus rate times gradient, not plus": by_hand(seed, chosen, rates, "up"),
            "each layer has its rate": by_hand(seed, chosen, rates, "no rate"),
            "each layer has its own rate": by_hand(seed, chosen, rates, "largest"),
            "the weight is changed, not replaced": by_hand(seed, chosen, rates, "replaced"),
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · Statistics computed anew
#
# The moving statistics of batch normalization lag behind. With momentum $m$, a fraction $m^t$ of the
# old ones is left after $t$ steps of training. Where images or weights have changed, they can be
# computed anew instead.
#
# - Write `steps_until(momentum, left)`: the smallest number of steps after which at most the
#   fraction `left` of the old statistics is left.
# - Write `recalibrate(model, images)`, which changes the given model: each batch normalization gets
#   the mean and the variance (over $n$, as in `np.var`) of *its own input* on these images, over
#   examples, height and width, for each channel. What a normalization takes depends on the ones
#   before it; these are to work with their *new* statistics, in inference mode. Nothing else changes,
#   frozen or not: no weight, no flag, no momentum. A frozen normalization gets new statistics as well.
#
# **Example.** With a momentum of 0.9, it takes 7 steps until at most half is left: $0.9^6 = 0.53$ and
# $0.9^7 = 0.48$.


# %% nbgrader={"grade": false, "grade_id": "recalibrate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steps_until(momentum, left):
    """Return after how many steps at most a fraction of the old statistics is left.

    Args:
        momentum: above 0 and below 1.
        left: above 0 and at most 1.

    Returns:
        An int, at least 0.
    """
    ### BEGIN SOLUTION
    steps = 0
    while momentum**steps > left:
        steps += 1
    return steps
    ### END SOLUTION


def recalibrate(model, images):
    """Replace the moving statistics of all batch normalizations.

    Args:
        model: a network as in the rules, all of whose normalizations take feature maps of shape
            (batch, height, width, channels). It is changed.
        images: float32 array of shape (examples, height, width, 3), at least two.
    """
    ### BEGIN SOLUTION
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            x = np.array(keras.Model(model.input, layer.input)(images, training=False))
            layer.moving_mean.assign(x.mean(axis=(0, 1, 2)))
            layer.moving_variance.assign(x.var(axis=(0, 1, 2)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_recalibrate", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. Statistics computed anew", points=3)
question.rules(steps_until, recalibrate, without=("course.transfer", "keras.applications"))
question.example("half is left", steps_until, 0.9, 0.5).gives(
    7, hint="after 6 steps 0.53 is left, after 7 steps 0.48"
)


def new_statistics(seed, filters, frozen=(), count=6):
    """Each normalization's moving mean and variance afterwards."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(filters=filters), draw)
    images = draw.normal(1, 2, size=(count, 8, 8, 3)).astype("float32")
    for n in frozen:
        net.get_layer(f"bn{n}").trainable = False
    recalibrate(net, images)
    norms = [net.get_layer(f"bn{n}") for n in range(1, len(filters) + 1)]
    return [np.array(w) for layer in norms for w in (layer.moving_mean, layer.moving_variance)]


def by_hand(seed, filters, frozen=(), count=6, kind="right"):
    """The same in NumPy, layer by layer, with one thing wrong where asked."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(filters=filters), draw)
    x = draw.normal(1, 2, size=(count, 8, 8, 3)).astype("float32")
    found = []
    for n in range(1, len(filters) + 1):
        norm = net.get_layer(f"bn{n}")
        x = np.array(net.get_layer(f"conv{n}")(x))
        old_mean, old_variance = np.array(norm.moving_mean), np.array(norm.moving_variance)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        keep = mean, variance
        if kind == "lag":
            keep = 0.9 * old_mean + 0.1 * mean, 0.9 * old_variance + 0.1 * variance
        elif kind == "deviation":
            keep = mean, np.sqrt(variance)
        elif kind == "n - 1":
            keep = mean, x.var((0, 1, 2), ddof=1)
        elif kind == "mean only":
            keep = mean, old_variance
        elif (kind == "first" and n > 1) or (kind == "frozen" and n in frozen):
            keep = old_mean, old_variance
        elif kind == "one number":
            keep = np.full(len(mean), x.mean()), variance
        found += keep
        used = (
            keep
            if kind in ("deviation", "mean only", "first", "frozen", "one number")
            else (mean, variance)
        )
        if kind == "old":
            used = old_mean, old_variance
        gamma, beta = np.array(norm.gamma), np.array(norm.beta)
        x = np.maximum((x - used[0]) / np.sqrt(used[1] + norm.epsilon) * gamma + beta, 0)
    return found


question.example("one normalization", new_statistics, 3, (2,)).gives_arrays(
    by_hand(3, (2,)), tolerance=1e-3, hint="mean and variance of what it takes, for each channel"
)
### BEGIN HIDDEN TESTS
draw = question.random
causes = {
    "lag": "a moving average lags behind: the statistics are to be those of the images",
    "deviation": "the variance, not the deviation",
    "mean only": "the variance is missing",
    "first": "each batch normalization, not only the first",
    "old": "a normalization takes what comes with the new statistics of those before it",
    "frozen": "a frozen normalization gets new statistics as well",
    "one number": "each channel has its own mean",
    "n - 1": "the variance is over n",
}
for name, filters, frozen, examples in (
    ("three normalizations", (3, 5, 4), (), 5),
    ("two are frozen", (4, 3, 5), (1, 3), 6),
    ("two images", (3, 2), (2,), 2),
    ("many images", (3, 2), (), draw.randint(65, 80)),
):
    asked = draw.randrange(10**6), filters, frozen, examples
    question.check(name, new_statistics, *asked, share=1.3).gives_arrays(
        by_hand(*asked),
        tolerance=1e-3,
        hint="layer by layer: what does each normalization take, now that those before it are new?",
        mistakes={
            cause: lambda kind=kind, now=asked: by_hand(*now, kind=kind)
            for kind, cause in causes.items()
        },
    )


def mixed_case(seed):
    """A net with a sum, dropout, and a normalization without scale; and images."""
    draw = np.random.default_rng(seed)
    net = at_random(mixed_net(dropout=0.5, prefix="bn_"), draw)
    return net, draw.normal(1, 2, size=(37, 8, 8, 3)).astype("float32")


def mixed_statistics(seed):
    """Both normalizations' moving mean and variance afterwards."""
    net, images = mixed_case(seed)
    recalibrate(net, images)
    norms = net.get_layer("bn_even1"), net.get_layer("bn_even2")
    return [np.array(w) for layer in norms for w in (layer.moving_mean, layer.moving_variance)]


def mixed_by_hand(seed):
    """The same in NumPy."""
    net, images = mixed_case(seed)
    first = net.get_layer("bn_even1")
    x = np.array(net.get_layer("bn_mixed")(images))
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    x = np.maximum((x - mean) / np.sqrt(variance + first.epsilon) + np.array(first.beta), 0)
    x = np.array(net.get_layer("bn_mix")(x))
    return [mean, variance, x.mean((0, 1, 2)), x.var((0, 1, 2))]


seed = draw.randrange(10**6)
question.check("a sum and dropout", mixed_statistics, seed, share=1.3).gives_arrays(
    mixed_by_hand(seed),
    tolerance=1e-3,
    hint="its own input in inference mode, for normalizations of any name, with and without scale",
)


def others(seed):
    """Whether other weights, all flags and settings are as before, and no statistics are."""
    draw = np.random.default_rng(seed)
    net = at_random(small_net(), draw)
    net.get_layer("bn2").trainable = False
    net.get_layer("conv1").trainable = False
    flags = [w.trainable for w in net.weights]
    settings = [repr(layer.get_config()) for layer in net.layers]
    before = [np.array(w) for w in net.weights if "moving" not in w.name]
    moving = [np.array(w) for w in net.weights if "moving" in w.name]
    recalibrate(net, draw.normal(size=(4, 8, 8, 3)).astype("float32"))
    now = [np.array(w) for w in net.weights if "moving" not in w.name]
    return [
        all(np.array_equal(*pair) for pair in zip(before, now, strict=True)),
        flags == [w.trainable for w in net.weights],
        settings == [repr(layer.get_config()) for layer in net.layers],
        not any(
            map(np.array_equal, moving, [np.array(w) for w in net.weights if "moving" in w.name])
        ),
    ]


question.check("all else", others, draw.randrange(10**6)).gives(
    [True] * 4,
    hint="all statistics change, and nothing else: no weight, no flag, no setting of a layer",
)


def least(momentum, left):
    """The smallest number of steps, counted."""
    return next(n for n in range(10**5) if momentum**n <= left)


tied = True
while tied:  # to rounding
    drawn = round(draw.uniform(0.6, 0.95), 2), round(draw.uniform(0.05, 0.4), 2)
    steps = math.log(drawn[1]) / math.log(drawn[0])
    tied = abs(steps - round(steps)) < 1e-6 or math.ceil(steps) == 7  # the example's
for momentum, left in ((0.99, 0.1), (0.1, 0.2), drawn):
    exact = least(momentum, left)
    question.check(f"until {left:g} is left", steps_until, momentum, left, share=0.5).gives(
        exact,
        hint="at most this fraction, after the smallest number of steps",
        mistakes=[
            ("at most: one step fewer leaves more", exact - 1),
            ("one step fewer is enough", exact + 1),
        ],
    )
question.check("exactly", steps_until, 0.5, 0.25, share=0.4).gives(
    2, hint="at most: equal is enough"
)
question.check("all of it", steps_until, 0.9, 1.0, share=0.3).gives(
    0, hint="at most: equal is enough"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · What was forgotten
#
# Tuning for the target changes the body, so the network may be worse on the source than it was. To
# measure that, put the *source's* head on the tuned body, and classify the source's images with it.
#
# Write `forgetting(source, tuned, images, labels)`, which returns two accuracies: that of the source
# network as it was, and that of its head on the tuned body, with *all* that belongs to the body.
#
# **Example.** (0.94, 0.64): of the network's accuracy on the source, 30 points are lost.


# %% nbgrader={"grade": false, "grade_id": "forgetting", "locked": false, "schema_version": 3, "solution": true, "task": false}
def forgetting(source, tuned, images, labels):
    """Measure what a network has forgotten.

    Args:
        source: a network as in the rules, before it was tuned.
        tuned: the same network after that, with a head of its own. The bodies have the same
            layers in the same order.
        images: of the source, float32 array of shape (examples, height, width, 3).
        labels: integers, (examples,).

    Returns:
        (accuracy before, accuracy after), from 0 to 1.
    """
    ### BEGIN SOLUTION
    mixed = keras.models.clone_model(source)
    head = len(source.layers[-1].get_weights())
    mixed.set_weights(tuned.get_weights()[:-head] + source.get_weights()[-head:])
    return tuple(
        float(np.mean(np.argmax(model(images, training=False), axis=-1) == labels))
        for model in (source, mixed)
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_forgetting", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. What was forgotten", points=2)
question.rules(forgetting, without=("course.transfer", "keras.applications"))
same = at_random(small_net(), 1)
gray = np.full((2, 8, 8, 3), 0.5, "float32")
known = int(np.argmax(same(gray)[0]))
question.example(
    "not tuned at all", forgetting, same, same, gray, np.array([known, known])
).gives_array([1.0, 1.0], hint="then nothing is forgotten")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def rates(source, tuned, images, labels):
    """Accuracies by several ways, the right one first."""
    head = source.layers[-1].get_weights()
    own = tuned.layers[-1].get_weights()
    body = keras.Model(tuned.input, tuned.layers[-1].input)
    x = np.array(body(images))
    mixed = keras.models.clone_model(source)
    mixed.set_weights(source.get_weights())
    for a, b in zip(mixed.layers[:-1], tuned.layers[:-1], strict=True):
        for v, w in zip(a.weights, b.weights, strict=True):
            if w.trainable:
                v.assign(w)
    trainable = np.array(mixed(images))
    for a, b in zip(mixed.layers[:-1], tuned.layers[:-1], strict=True):
        for v, w in zip(a.weights, b.weights, strict=True):
            if "moving" not in w.name:
                v.assign(w)
    no_bias = x @ head[0] + (own[1] if own[1].shape == head[1].shape else 0)
    scores = {
        "right": x @ head[0] + head[1],
        "source": source(images),
        "statistics": mixed(images),
        "trainable": trainable,
        "bias": no_bias,
    }
    if own[0].shape == head[0].shape:
        scores["own"] = x @ own[0] + own[1]
    return {k: float((np.argmax(s, axis=-1) == labels).mean()) for k, s in scores.items()}


for name, classes in (("as many classes", 4), ("other classes", 7), ("with other names", 5)):
    while True:
        source = at_random(small_net(4, filters=(5, 8)), draw)
        prefix = "t_" if name == "with other names" else ""
        tuned = at_random(small_net(classes, filters=(5, 8), prefix=prefix), draw)
        for old, new in zip(source.layers[:-1], tuned.layers[:-1], strict=True):
            if old.weights:
                new.set_weights(
                    [
                        a + 0.2 * (b - a)
                        for a, b in zip(old.get_weights(), new.get_weights(), strict=True)
                    ]
                )
        for layer in tuned.layers[1::2]:  # frozen in the end, and changed before
            layer.trainable = False
        images = draw.normal(size=(50, 8, 8, 3)).astype("float32")
        logits = np.array(source(images))
        labels = np.where(draw.random(50) < 0.8, logits.argmax(-1), draw.integers(0, 4, 50))
        found = rates(source, tuned, images, labels)
        apart = [v for k, v in found.items()]
        if (
            len(set(apart)) == len(apart)
            and found["right"] < found["source"] - 0.05
            and abs(found["right"] - found["source"]) > 0.03
        ):
            break
    before, after = found["source"], found["right"]
    mistakes = {
        "the body has moving statistics, too: they are the tuned ones": [
            before,
            found["statistics"],
        ],
        "layers that are frozen now belong to the body, too": [before, found["trainable"]],
        "the tuned body belongs in the second measurement": [before, before],
        "before, then after": [after, before],
        "the head's bias is the source's as well": [before, found["bias"]],
        "accuracies, not errors": [1 - before, 1 - after],
        "fractions from 0 to 1": [100 * before, 100 * after],
    }
    if "own" in found:
        mistakes["the second measurement needs the source's head, not the tuned one"] = [
            before,
            found["own"],
        ]
    question.check(
        name, checks.keeping, forgetting, source, tuned, images, labels, share=1.5
    ).gives_array(
        [before, after],
        hint="the source's head on the tuned body, all of it, frozen or not, in inference mode; both "
        "on the same images",
        mistakes=mistakes,
    )
source = at_random(mixed_net(4), draw)
tuned = at_random(mixed_net(6, prefix="bn_"), draw)
images = draw.normal(size=(40, 8, 8, 3)).astype("float32")
kernel, bias = source.layers[-1].get_weights()
x = np.array(keras.Model(tuned.input, tuned.layers[-1].input)(images))
labels = np.where(np.arange(40) < 36, (x @ kernel + bias).argmax(axis=-1), draw.integers(0, 4, 40))
question.check(
    "better than before", checks.keeping, forgetting, source, tuned, images, labels
).gives_array(
    [
        (np.array(source(images)).argmax(axis=-1) == labels).mean(),
        ((x @ kernel + bias).argmax(axis=-1) == labels).mean(),
    ],
    hint="it may be better, too; and bodies may have a hidden layer, and other names",
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 12 · What it costs
#
# Count in forward passes of the body: one image through the whole body is 1. The way back costs
# twice as much for the layers that are trained, once for the gradients that go on and once for those
# of the weights. If the layers from some point on are trained, and they do a share $s$ of the body's
# multiply-adds, then one image costs $1 + 2 s$ in a training step: 1 if only the head is trained
# ($s = 0$), 3 if all is. The head itself costs nothing worth counting.
#
# Where $s = 0$, features can be computed once and stored. With `stored=True` all phases with $s = 0$
# share one pass over the images, however many epochs they have. (If there is no such phase with at
# least one epoch, nothing is stored.)
#
# Write `body_passes(images, phases, stored=False)`.
#
# **Example.** 200 images, one epoch of the head, three of everything: $200 \cdot (1 + 3 \cdot 3) =
# 2000$.


# %% nbgrader={"grade": false, "grade_id": "body_passes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def body_passes(images, phases, stored=False):
    """Count what training costs, in forward passes of the body.

    Args:
        images: number of training images.
        phases: list of (epochs, share) for each phase: a number of epochs, at least 0, and the
            share of the body's multiply-adds in layers that are trained, from 0 to 1.
        stored: whether features are computed once and stored where only the head is trained.

    Returns:
        A number.
    """
    ### BEGIN SOLUTION
    total, once = 0, False
    for epochs, share in phases:
        if stored and share == 0:
            once = once or epochs > 0
        else:
            total += images * epochs * (1 + 2 * share)
    return total + images * once
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_body_passes", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. What it costs", points=2)
question.rules(body_passes, without=("course.transfer", "keras.applications"))
question.example("the example", body_passes, 200, [(1, 0), (3, 1)]).gives_array(
    2000, hint="200 times 1 + 3 times 3"
)
question.example("stored", body_passes, 200, [(5, 0), (3, 1)], True).gives_array(
    2000, hint="one pass for the five epochs of the head"
)
### BEGIN HIDDEN TESTS
draw = question.random
n = draw.randint(3, 40) * 10
a, b, c = draw.randint(2, 5), draw.randint(6, 9), draw.randint(10, 12)
share = draw.choice([0.25, 0.5, 0.75])
for name, phases, stored, right, wrong in (
    ("only the head", [(b, 0)], False, n * b, {
        n * b * 3: "only the head is trained: there is no way back through the body",
        0: "the way forward through a frozen body is not free",
        n: "nothing is stored here",
    }),
    ("all layers", [(a, 1)], False, n * a * 3, {n * a * 2: "the way back costs twice as much as the way forward"}),
    ("three phases", [(a, 0), (b, share), (c, 1)], False, n * (a + b * (1 + 2 * share) + c * 3), {
        n * (a + b + c) * 3: "where only the head or a part is trained, it costs less",
        n * (b * share * 3 + c * 3): "the way forward through a frozen body is not free",
        n * (a + b * (1 + share) + c * 2): "the way back costs twice as much as the way forward",
        n * c * 3: "all phases count",
        n * (3 + 1 + 2 * share + 1): "each phase has its epochs",
    }),
    ("stored, twice the head", [(a, 0), (b, 0), (c, share)], True, n * (1 + c * (1 + 2 * share)), {
        n * (a + b + c * (1 + 2 * share)): "with stored=True the features are computed once",
        n * (2 + c * (1 + 2 * share)): "all phases of the head share one pass",
        n * c * (1 + 2 * share): "that one pass has to be made, once",
        n: "only the phases of the head use stored features",
    }),
    ("stored, but no head", [(0, 0), (a, 1)], True, n * a * 3, {
        n * (1 + a * 3): "there is no such phase with an epoch, so nothing is stored",
        n: "only the phases of the head use stored features",
    }),
    ("stored, only all", [(b, 1)], True, n * b * 3, {
        n * (1 + b * 3): "there is no such phase with an epoch, so nothing is stored",
    }),
    ("no phases", [], False, 0, {}),
    ("the head after all", [(a, 1), (b, 0)], True, n * (3 * a + 1), {}),
    ("the head before and after", [(a, 0), (b, 1), (c, 0)], True, n * (3 * b + 1), {
        n * (3 * b + 2): "all phases of the head share one pass, also those far apart",
    }),
    ("the first one without epochs", [(0, 0), (a, 1), (b, 0)], True, n * (3 * a + 1), {
        n * 3 * a: "one of these phases has epochs, so there is a pass",
    }),
    ("the last one without epochs", [(a, 0), (0, 0)], True, n, {}),
    ("hardly any", [(a, 0.01), (b, 0)], True, n * (a * 1.02 + 1), {
        n: "features are stored where the share is 0, not where it is small",
    }),
    ("not stored", [(a, 0), (b, 0)], False, n * (a + b), {n: "stored is False here"}),
):  # fmt: skip
    question.check(name, checks.keeping, body_passes, n, phases, stored).gives_array(
        right,
        hint="1 + 2 s for each image and epoch; stored features cost one pass",
        mistakes=[(cause, value) for value, cause in wrong.items() if value != right],
    )
question.check("nothing said", body_passes, n, [(b, 0), (a, 1)], share=0.7).gives_array(
    n * (b + 3 * a), hint="by default nothing is stored"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · What was worth it?
#
# Runs differ from seed to seed. Take a difference of two mean accuracies as *shown* if it is more
# than twice its standard error, $\sqrt{v_a + v_b}$ with $v = s^2 / n$ (and $s^2$ over $n - 1$).
# Otherwise it is not shown.
#
# - Write `choose(results)`: of several ways of tuning, in the order of their cost, the *cheapest* one
#   that is not shown to be worse than the one with the best mean.
# - Write `catches_up(scratch, tuned)`: how long a network from random weights must be trained until
#   it is not shown to be worse than a tuned one at its end. `scratch` has a row for each seed with
#   the accuracies after 1, 2, ... epochs, `tuned` one accuracy for each seed. The result is the
#   first number of epochs from which on scratch is never again shown to be worse, or None.
#
# **Example.** `{"probe": [0.60, 0.62], "all": [0.63, 0.65]}`: $v = 0.0001$ in both, so the standard
# error of the difference is 0.0141. The difference is 0.03, more than 0.0283: choose "all".


# %% nbgrader={"grade": false, "grade_id": "choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(results):
    """Choose the cheapest way of tuning that is not shown to be worse than the best.

    Args:
        results: dict from a way's name to the list of its accuracies, one for each seed, at least
            two; the cheapest way first. No two means are equal.

    Returns:
        A name.
    """
    ### BEGIN SOLUTION
    best = max(results, key=lambda name: np.mean(results[name]))
    return next(name for name in results if not _worse(results[name], results[best]))


def _worse(a, b):
    """Whether the first mean is shown to be smaller than the second."""
    error = math.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return bool(np.mean(b) - np.mean(a) > 2 * error)
    ### END SOLUTION


def catches_up(scratch, tuned):
    """Return after how many epochs training from scratch is not shown to be worse any more.

    Args:
        scratch: accuracies, (seeds, epochs), at least two seeds.
        tuned: accuracies, (seeds,), at least two.

    Returns:
        An int, at least 1, or None if it is shown to be worse at the end.
    """
    ### BEGIN SOLUTION
    shown = [_worse(column, tuned) for column in np.transpose(scratch)]
    if shown[-1]:
        return None
    return max((epoch for epoch, worse in enumerate(shown, start=1) if worse), default=0) + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_choose", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("13. What was worth it?", points=3)
question.rules(choose, catches_up, without=("course.transfer", "keras.applications"))
question.example("the example", choose, {"probe": [0.60, 0.62], "all": [0.63, 0.65]}).gives(
    "all", hint="the probe is shown to be worse: 0.03 is more than 0.0283"
)
question.example("not shown", choose, {"probe": [0.60, 0.65], "all": [0.63, 0.65]}).gives(
    "probe", hint="0.015 is less than twice the standard error"
)
question.example(
    "three epochs", catches_up, [[0.2, 0.60, 0.66], [0.3, 0.58, 0.64]], [0.65, 0.67]
).gives(3, hint="after 2 epochs it is still shown to be worse, after 3 it is not")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def seeds(mean, deviation, count):
    """Values with exactly this mean and deviation."""
    values = draw.normal(size=count)
    values = (values - values.mean()) / values.std(ddof=1)
    return (mean + deviation * values).tolist()


def pair(gap, count, other, deviation=0.02, wide=0.03):
    """Two lists whose means differ by `gap` standard errors."""
    error = np.sqrt(deviation**2 / count + wide**2 / other)
    return seeds(0.7 - gap * error, deviation, count), seeds(0.7, wide, other)


def cases():
    """Results in the order of cost, the right choice, and what the case is about."""
    far, best = pair(5, 5, 4)
    near, _ = pair(1.2, 5, 4)
    yield (
        "the cheapest that is not shown to be worse",
        {"probe": far, "last block": seeds(np.mean(near), 0.02, 5), "all": best},
        "last block",
    )
    for gap, chosen in ((1.9, "head"), (2.1, "all")):
        worse, best = pair(gap, 4, 6)
        yield f"{gap} standard errors", {"head": worse, "all": best}, chosen
    worse, best = pair(2.1, 12, 3, 0.05, 0.01)
    yield "many seeds against three", {"head": worse, "all": best}, "all"
    best = seeds(0.9, 0.01, 5)
    yield "the cheapest is the best", {"probe": best, "all": seeds(0.7, 0.01, 5)}, "probe"
    # The best seed of all is one of a way that is shown to be worse, by seven standard errors.
    lucky = draw.permutation([*seeds(0.58, 0.003, 11), 0.75]).tolist()
    yield "one lucky seed", {"probe": lucky, "all": seeds(0.7, 0.01, 4)}, "all"
    yield (
        "the best in the middle",
        {"probe": seeds(0.60, 0.01, 4), "block": seeds(0.8, 0.01, 4), "all": seeds(0.70, 0.01, 4)},
        "block",
    )
    yield (
        "worse than the best, not than the last",
        {"probe": seeds(0.70, 0.01, 4), "block": seeds(0.8, 0.01, 4), "all": seeds(0.71, 0.02, 4)},
        "block",
    )
    yield (
        "one in between is shown to be worse",
        {"m": pair(1.2, 5, 4)[0], "z": seeds(0.5, 0.01, 5), "a": seeds(0.7, 0.03, 4)},
        "m",
    )
    yield (
        "all about as good",
        {"m": pair(1.2, 5, 4)[0], "a": pair(0.4, 5, 4)[0], "z": seeds(0.7, 0.03, 4)},
        "m",
    )
    yield (
        "not worse than the next one",
        {"z": seeds(0.60, 0.01, 4), "a": seeds(0.605, 0.01, 4), "m": seeds(0.8, 0.02, 4)},
        "m",
    )
    yield "in the order of cost", {"a": seeds(0.7, 0.02, 4), "b": seeds(0.71, 0.02, 4)}, "a"
    yield (
        "the best mean, not the best median",
        {
            "head": draw.permutation([0.74] * 12 + [0.5] * 11).tolist(),
            "all": seeds(0.7, 0.01, 4),
        },
        "all",
    )
    # Exact in binary: a standard error of 1/8.
    yield (
        "exactly twice",
        {"head": draw.permutation([0.875, 0.375, 0.375, 0.375]).tolist(), "all": [0.75] * 4},
        "head",
    )
    worse, best = pair(1.9, 2, 2)
    yield "two seeds", {"head": worse, "all": best}, "head"
    worse, best = pair(2.2, 5, 5, 0.06, 0.005)
    yield "scattered and shown", {"head": worse, "all": best}, "all"
    worse, best = pair(1.7, 5, 5, 0.02, 0.02)
    yield "scattered and not shown", {"head": worse, "all": best}, "head"
    worse, best = pair(1.5, 4, 4, 0.01, 0.05)
    yield "the best scatters", {"head": worse, "all": best}, "head"


hints = {
    "2.1": "more than twice the standard error is shown",
    "1.9": "twice the standard error: the squares of both errors add up, over n - 1",
    "the best in": "which has the best mean, and is a cheaper one not shown to be worse?",
    "exactly": "more than twice, so exactly twice is not shown",
    "one in": "each way is compared with the best one, whatever comes between",
    "all about": "of those not shown to be worse the cheapest, not the best",
    "not worse than": "each way is compared with the one with the best mean, not with the next one",
    "in the order": "the dict has the cheapest way first, whatever the names are",
    "many seeds": "the standard error of a mean, not the deviation of single runs",
}
pool = draw.permutation("head stage half body most full".split()).tolist()
called = dict(zip(("probe", "last block", "head", "block", "all"), pool, strict=False))
for name, results, right in cases():
    # Names say nothing.
    results = {called.get(way, way): accuracies for way, accuracies in results.items()}
    hint = next(
        (h for start, h in hints.items() if name.startswith(start)),
        "is it shown to be worse than the one with the best mean? Choose the cheapest that is not",
    )
    question.check(name, checks.keeping, choose, results, share=0.5).gives(
        called.get(right, right), hint=hint
    )


def curve(gaps, count=4, wide=0.012, spread=0.02):
    """Scratch, (seeds, epochs), as many standard errors below tuned after each epoch, and tuned."""
    tuned = seeds(0.8, wide, 5)
    error = np.sqrt(spread**2 / count + wide**2 / 5)
    return np.transpose([seeds(0.8 - gap * error, spread, count) for gap in gaps]), tuned


for name, gaps, right, wrong in (
    ("slowly", (9, 6, 4, 2.3, 1.8, 0.5), 5, {6: "it need not reach the mean: not shown to be worse is enough", 4: "epochs are counted from 1"}),
    ("a dip", (8, 1.5, 3, 2.5, 1, 0.2, -1), 5, {2: "from then on it must never again be shown to be worse", 4: "epochs are counted from 1"}),
    ("at once", (0.5, 0.1, -3), 1, {}),
    ("better in the end", (6, 5, 2.2, -4, -6), 4, {}),
    ("many epochs", (*[9] * 7, 2.1, 1.9), 9, {}),
):  # fmt: skip
    scratch, tuned = curve(gaps)
    question.check(
        f"catching up: {name}", checks.keeping, catches_up, scratch, tuned, share=0.7
    ).gives(
        right,
        hint="which epochs are shown to be worse? After the last of them it has caught up",
        mistakes=[(cause, value) for value, cause in wrong.items()],
    )


def at_two_ends(scratch, tuned):
    """When it has caught up if the last epoch is left out, and if it is not."""
    return [catches_up(scratch[:, :-1], tuned), catches_up(scratch, tuned)]


end = "None if it is shown to be worse at the end"
for name, gaps, wrong in (
    ("never, and in one more epoch", (8, 6, 5, 3, 1), {4: end, 5: end}),
    ("lost again, and back in one more epoch", (5, 1, 0.5, 3, 1), {
        2: "from then on it must never again be shown to be worse", 4: end, 5: end,
    }),
):  # fmt: skip
    scratch, tuned = curve(gaps)
    question.check(f"catching up: {name}", checks.keeping, at_two_ends, scratch, tuned).gives(
        [None, 5],
        hint="it may still be shown to be worse at the end",
        mistakes=[
            *((cause, [value, 5]) for value, cause in wrong.items()),
            ("from then on it must never again be shown to be worse", [2, 2]),
        ],
    )
edge = np.array([[0.875, 0.875], [0.375, 0.375], [0.375, 0.375], [0.375, 0.375]])
question.check("catching up: exactly twice", catches_up, edge, [0.75] * 4, share=0.5).gives(
    1, hint="more than twice, so exactly twice is not shown"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# Now with a real network. The course's small ResNet knows ten shapes; the target has ten others, and
# 200 training images. Your functions, in a few seconds:

# %% tags=["raises-exception"]
from course import datasets, transfer

known = transfer.load_pretrained("course_shapes")
train_images, train_labels = datasets.load_arrays("course_shapes/target", "train")
test_images, test_labels = datasets.load_arrays("course_shapes/target", "test[:500]")
train_x, test_x = (
    features(known.model, np.array(known.preprocess(images)))
    for images in (train_images, test_images)
)
ways = {"pixels": test_images.reshape(len(test_images), -1) / 255, "features": test_x}
for name, x in ways.items():
    near = neighbors(x, range(100), 5)
    print(f"of five neighbors by {name}, {precision(near, range(100), test_labels):.0%} are right")
scores = probe(train_x, train_labels, test_x, strength=10.0)
print(f"linear probe: {np.mean(scores.argmax(axis=-1) == test_labels):.0%} of the test images")

# %% [markdown]
# ## 14 · In your own words
#
# A hospital has 300 X-ray images, gray, 512 x 512 pixels, of two kinds: 270 without a finding and 30
# with one. A colleague proposes: "Take a network for ImageNet from the zoo and train all of it on
# our images for 50 epochs, with the learning rate that its paper gives. Pre-trained is always better.
# We choose the epoch with the best accuracy on the test images."
#
# Write about ten sentences: what is wrong with this plan; what would you do instead, step by step
# (images and preprocessing, what is trained when and at which rate, batch normalization, what is
# compared with what, and with which numbers); and how could it come out that the pre-trained network
# is of no use? This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# All layers at the full learning rate from the first step on: the random head sends random gradients
# into the body, and 300 images are far too few for millions of weights, so it forgets what it knew
# and overfits. Choosing the epoch on the test images makes the number too good, and with 90 % of one
# class, accuracy says little: always answering "no finding" has 90 %.
#
# I would repeat the gray channel three times, resize to the size that the network was trained with (or
# a bit more, as findings are small), and use exactly its preprocessing. I would split by *patient*
# into training, validation and test images, or cross-validate, as 30 positive images are few. First
# a linear probe on stored features, with balanced class weights: it costs seconds and is the number to
# beat. Then a new head on the frozen body (batch normalization in inference mode) with augmentation,
# and then the last stage, or all, at a tenth of the rate or less, batch normalization still frozen;
# epochs and rates are chosen on validation images. Report sensitivity and specificity, or the area
# under the ROC curve, with mean and standard error over at least five seeds and splits, and look at
# the test images once.
#
# X-rays are not photos, so late features may be useless. Compare with the same small network from
# random weights, trained as long as it needs (three times as long, say), and with probes at earlier
# layers, under equal augmentation. If the pre-trained one is not shown to be better, the difference is
# not shown. A network trained on other X-rays would be a better source.
#
# **Marking scheme** (4 points)
#
# - 1: what is wrong: all at the full rate (random head, forgetting, overfitting), and the epoch chosen
#   on test images. Half a point for one of the two.
# - 1: order: probe or frozen body first, then more layers at a lower rate, with batch normalization
#   frozen or argued for; preprocessing of the source network, gray to three channels.
# - 1: numbers: not accuracy alone with 90 % of one class; validation apart from test; several seeds or
#   folds with errors.
# - 1: a comparison that can come out either way: from scratch for longer, or earlier layers, or a
#   nearer source; "not shown" is not "equal". No point for "pre-trained is always better", or "never".
# ### END SOLUTION

# %% [markdown]
# So features travel, if they are handled with care. Before you submit: *Kernel → Restart Kernel and
# Run All Cells*, and save; then follow *hand in* on the start page (`START.md`), or run
# `course submit 11_transfer` in a terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
