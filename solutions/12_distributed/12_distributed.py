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
# One device is too slow, or too small. What has to be exchanged so that two, four or a thousand
# of them train *the same* network that one would? Here you write what
# `tf.distribute.MirroredStrategy` does in a step, piece by piece: the split, the loss, the sum of
# the gradients around a ring, the statistics. Then you use the strategy itself, on devices that
# everybody has: parts of the CPU.
#
# **How to work**
#
# 1. Each question has a text, a cell to fill in and a test cell. Replace `# YOUR CODE HERE` and the
#    line `raise NotImplementedError()` with your code, and run the cell.
# 2. Run the test cell under it. It shows each example with ✓ if it passes and with ✗ if it fails,
#    then with what was expected, what your code gave, and a hint; ○ stands for what is not written
#    yet. The code of tests is folded: click on it to read it. It cannot be edited.
# 3. The examples do not count themselves. When your work is graded, each question is checked on
#    newly drawn sizes and numbers. If some of the checks pass, you get some of the points.
# 4. When you are done: *Kernel → Restart Kernel and Run All Cells*, and save. The last cell lists
#    all questions and what is missing. Then, in a terminal (*File → New → Terminal*),
#    `course submit 12_distributed`: it checks the notebook, makes the file to hand in, and
#    says where to.
#
# **Rules**
#
# - Arrays are NumPy arrays. Where the text says *list of arrays*, each may have another shape.
# - A function leaves its arguments unchanged: lists, dicts and arrays.
# - The **replicas** are numbered from 0. All of them together see the *global* batch; each of them
#   sees its own part. Parts may differ in size.
# - Later questions may call your earlier functions.
#
# **Two sittings.** The *core* is a training step and what makes it right. The four *optional*
# questions are about what surrounds it; no core question needs them. Your instructor will tell
# you whether their points count.
#
# | question | points | | minutes |
# |---|---:|---|---:|
# | 1 Split a batch | 1 | core | 10 |
# | 2 The loss of a part | 2 | core | 10 |
# | 3 Combine gradients | 2 | core | 15 |
# | 4 A ring all-reduce | 4 | core | 35 |
# | 5 Statistics of the whole batch | 2 | core | 15 |
# | 6 Steps on several devices | 4 | core | 35 |
# | 7 The rate of a large batch | 2 | core | 15 |
# | 8 A large batch on one device | 2 | optional | 15 |
# | 9 Random numbers of replicas | 3 | optional | 20 |
# | 10 When is another device worth it? | 3 | optional | 20 |
# | 11 Split the model or the data? | 2 | optional | 15 |
# | 12 Repair a script | 2 | core | 15 |
# | 13 In your own words (graded by hand) | 4 | core | 30 |
#
# The core has 23 points, the rest 10. (The minutes are rough guesses.) The lecture is
# [12_distributed](../lectures/12_distributed.ipynb).
#
# **Devices.** TensorFlow fixes its devices when it computes for the first time, and for the whole
# process. So the next cell splits the CPU into four parts before anything else happens; if you see
# an error there, restart the kernel. The parts share your cores, so nothing becomes faster, but
# they behave like four GPUs. On a machine with GPUs, `parts.strategy` uses those.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import course.quiet  # first, and TensorFlow starts silently
import math

import keras
import numpy as np
import tensorflow as tf

from autograder import checks
from course.training.distribution import parts

parts.split(4)  # before TensorFlow computes anything


# %% [markdown]
# ## 1 · Split a batch
#
# Write `split(batch, replicas)`, which returns a list with each replica's part of a batch. The parts
# follow one another in the batch's order, and every example is in exactly one of them. Their sizes
# differ by at most one, and the larger parts come first. If there are fewer examples than replicas,
# or none at all, the last parts are empty arrays of shape (0, ...).
#
# **Example.** Seven examples on three replicas: parts of 3, 2 and 2.


# %% nbgrader={"grade": false, "grade_id": "split", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split(batch, replicas):
    """Each replica's part of a batch.

    Args:
        batch: array of shape (examples, ...); may be empty.
        replicas: how many, at least 1.

    Returns:
        List of `replicas` arrays of shape (part, ...).
    """
    ### BEGIN SOLUTION
    size, rest = divmod(len(batch), replicas)
    found, start = [], 0
    for replica in range(replicas):
        end = start + size + (replica < rest)
        found.append(batch[start:end])
        start = end
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_split", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("1. Split a batch", points=1)
question.example("three replicas", split, np.arange(7), 3).gives_arrays(
    [[0, 1, 2], [3, 4], [5, 6]], hint="the larger parts come first"
)
question.example("more replicas than examples", split, np.ones((1, 2)), 2).gives_arrays(
    [[[1, 1]], np.empty((0, 2))], hint="every replica has a part, which may be empty"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def cut(batch, sizes):
    """The batch in parts of these sizes."""
    ends = np.cumsum(sizes)
    return [batch[end - size : end] for end, size in zip(ends, sizes, strict=True)]


for name, sizes in (
    ("a rest of one", [4, 3, 3, 3]),
    ("all but one larger", [3, 3, 3, 2]),
    ("no rest", [5, 5]),
    ("one replica", [6]),
    ("empty parts", [1, 1, 0, 0, 0]),
    ("an empty batch", [0, 0, 0]),
):
    size, count = sum(sizes), len(sizes)
    batch = draw.normal(size=(size, 2, 3)).round(1)
    rounded = -(-size // count)
    question.check(name, checks.keeping, split, batch, count).gives_arrays(
        cut(batch, sizes),
        hint="how many does each replica get at least, and who gets one of the rest?",
        mistakes={
            "the rest of the division was forgotten": cut(batch, [size // count] * count),
            "the larger parts come first": cut(batch, sizes[::-1]),
            "the parts follow one another in the batch's order": [
                batch[n::count] for n in range(count)
            ],
            "every replica got the whole batch": [batch] * count,
            "the parts' sizes may differ by at most one": [
                batch[n * rounded : (n + 1) * rounded] for n in range(count)
            ],
        },
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 2 · The loss of a part
#
# On one device, the loss of a step is the mean of the examples' losses. Each replica has the losses
# of its part only. Write `local_loss(losses, global_batch)`, which returns what one replica
# contributes: a number such that the *sum* over all replicas is the mean over the global batch,
# whatever the sizes of the parts. An empty part contributes 0.
#
# **Example.** A global batch of 4, in parts with the losses 1, 2, 3 and 6: the replicas contribute
# 1.5 and 1.5. Their sum is 3, the mean of all four.


# %% nbgrader={"grade": false, "grade_id": "local_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def local_loss(losses, global_batch):
    """What a replica contributes to the loss of a step.

    Args:
        losses: array of shape (part,), one loss for each of the replica's examples; may be empty.
        global_batch: number of examples on all replicas together.

    Returns:
        A number (or an array without axes).
    """
    ### BEGIN SOLUTION
    return float(np.sum(losses)) / global_batch
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_local_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("2. The loss of a part", points=2)
question.example("one of two halves", local_loss, np.array([1.0, 2.0]), 4).gives_array(
    0.75, hint="what does this part add to the mean of all four?"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
for name, part, batch in (("a small part", 2, 9), ("a large part", 5, 7), ("all of it", 4, 4)):
    losses = draw.uniform(-1, 3, part)
    question.check(name, checks.keeping, local_loss, losses, batch).gives_array(
        losses.sum() / batch,
        hint="the sum over all replicas has to be the mean over the global batch",
        mistakes={
            "this is the mean of the replica's own part": losses.mean(),
            "nothing was divided: this is the sum of the losses": losses.sum(),
            "divided by the size of the part, and then by the batch again": losses.mean() / batch,
        },
    )
question.check("an empty part", local_loss, np.array([]), 6, share=0.5).gives_array(
    0.0, hint="a replica without examples adds nothing, and not NaN"
)


def total(sizes):
    """What all replicas contribute to a global batch whose mean is 5."""
    losses = 5 + np.linspace(-4, 4, sum(sizes)) ** 3 / 16
    ends = np.cumsum(sizes)
    return sum(
        local_loss(losses[end - size : end], sum(sizes))
        for end, size in zip(ends, sizes, strict=True)
    )


for sizes in ([3, 3, 3, 2], [8, 1]):
    question.check(f"parts of {sizes}, added up", total, sizes).gives_array(
        5.0, hint="does the sum over the replicas give the mean for uneven parts, too?"
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 3 · Combine gradients
#
# Suppose instead that each replica has already taken the *mean* over its own part, and computed the
# gradients of that. Write `combine(gradients, sizes)`, which returns the gradients of the mean over
# the global batch. A replica without examples has the size 0; whatever numbers stand in its
# gradients, even NaN or infinity, must not matter. A NaN of any other replica is one of the result.
#
# **Example.** One weight; two replicas with 3 examples and 1 example have the gradients 2 and 6.
# The global batch's gradient is $(3 \cdot 2 + 1 \cdot 6) / 4 = 3$, and not 4.


# %% nbgrader={"grade": false, "grade_id": "combine", "locked": false, "schema_version": 3, "solution": true, "task": false}
def combine(gradients, sizes):
    """The gradients of the global batch's mean loss.

    Args:
        gradients: list with one entry per replica: a list of arrays, one for each of the weights.
        sizes: list with the number of examples of each replica; at least one is not 0.

    Returns:
        List of arrays, one for each of the weights.
    """
    ### BEGIN SOLUTION
    total = sum(sizes)
    pairs = [(own, size) for own, size in zip(gradients, sizes, strict=True) if size]
    return [
        sum(own[number] * (size / total) for own, size in pairs)
        for number in range(len(gradients[0]))
    ]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_combine", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("3. Combine gradients", points=2)
question.example(
    "one weight", combine, [[np.array([2.0])], [np.array([6.0])]], [3, 1]
).gives_arrays([[3.0]], hint="a replica with three examples counts three times")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
SHAPES = (3, 4), (4,), (2, 1, 3)


def of_batch(sizes, empty=np.nan):
    """Means over parts, and over all examples, of something that is drawn for every example."""
    examples = [draw.normal(size=(sum(sizes), *shape)) + 1 for shape in SHAPES]
    ends = np.cumsum(sizes)
    gradients = [
        [
            array[end - size : end].mean(axis=0) if size else np.full(array.shape[1:], empty)
            for array in examples
        ]
        for end, size in zip(ends, sizes, strict=True)
    ]
    return gradients, [array.mean(axis=0) for array in examples]


for name, sizes, empty in (
    ("two uneven parts", [5, 2], 0.0),
    ("four replicas", [3, 3, 2, 2], 0.0),
    ("equal parts", [2, 2, 2], 0.0),
    ("a replica without examples", [4, 0, 1], np.nan),
    ("the first one without examples", [0, 2, 3], np.nan),
    ("infinities without examples", [2, 1, 0, 0], np.inf),
    ("other numbers without examples", [1, 0, 4], 9.0),
    ("a single replica", [4], 0.0),
):
    gradients, expected = of_batch(sizes, empty)
    there = [own for own, size in zip(gradients, sizes, strict=True) if size]
    question.check(name, checks.keeping, combine, gradients, sizes).gives_arrays(
        expected,
        hint="how much does each example count, on whatever replica it is?",
        mistakes={
            "the sizes were ignored: this is the mean of the replicas' means": [
                np.mean(arrays, axis=0) for arrays in zip(*there, strict=True)
            ],
            "the replicas' means were added up": [
                np.sum(arrays, axis=0) for arrays in zip(*there, strict=True)
            ],
            "the sum over all examples was not divided": [array * sum(sizes) for array in expected],
        },
    )
gradients, expected = of_batch([3, 0, 2])
gradients[2][0][1, 2] = expected[0][1, 2] = np.nan
question.check("a NaN of a replica with examples", combine, gradients, [3, 0, 2]).gives_arrays(
    expected, hint="only a replica of the size 0 does not matter: a NaN elsewhere has to be seen"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 4 · A ring all-reduce
#
# Now the gradients have to be added up, and every replica needs the sum. In a **ring**, replica $k$
# sends to replica $k + 1$ only, and the last one to replica 0. Each of the $N$ replicas cuts its
# array into $N$ chunks, numbered from 0, as `np.array_split` does. All numbers below are
# modulo $N$.
#
# - **Reduce, rounds $r = 0, \dots, N - 2$.** Replica $k$ sends its chunk $k - r$ to replica $k + 1$,
#   which *adds* what arrives to its own chunk with the same number. After these rounds, replica $k$
#   has the complete sum of chunk $k + 1$.
# - **Gather, rounds $r = 0, \dots, N - 2$.** Replica $k$ sends its chunk $k + 1 - r$ to replica
#   $k + 1$, which *replaces* its own chunk with what arrives.
#
# In a round, all replicas send at the same time: what a replica sends is what it had before the
# round.
#
# Write `ring_all_reduce(arrays, send)`, which returns a list with the array that each replica has at
# the end. Values get from one replica to another only by `send(source, target, values)`, which
# returns what arrives, a copy. It stands for the cable: call it once for each message, with the
# chunk as a flat array of the arguments' type, and use what it returns. With one replica nothing is
# sent. The arrays may have any shape; they are cut after flattening (row by row, as `np.ravel` does),
# and the results have the arguments' shape. Chunks may be empty; they are sent, too. The course's
# own `course.training.distribution.ring` and `course.visualization` may not be used.
#
# **Example.** Two replicas with $(1, 2)$ and $(10, 20)$. Reduce: replica 0 sends its chunk 0 (a 1),
# replica 1 sends its chunk 1 (a 20). Now they have $(1, 22)$ and $(11, 20)$. Gather: replica 0 sends
# its chunk 1 (the 22), replica 1 its chunk 0 (the 11). Both have $(11, 22)$.

# %% nbgrader={"grade": false, "grade_id": "figure_ring", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["hide-input"]
from course.visualization import distribution as draw
from course.visualization.display import show

show(
    draw.ring_rounds(3),
    "Three replicas: what each of them has before the first round and after every round.",
)

# %% nbgrader={"grade": false, "grade_id": "cable", "locked": true, "schema_version": 3, "solution": false, "task": false}
messages = []  # (source, target, bytes) of everything that was sent


def send(source, target, values):
    """A cable that counts: what arrives is a copy of what was sent."""
    messages.append((source, target, values.nbytes))
    return values.copy()


# %% nbgrader={"grade": false, "grade_id": "ring_all_reduce", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ring_all_reduce(arrays, send):
    """Add up the replicas' arrays so that each of them has the sum.

    Args:
        arrays: list of arrays of the same shape and type, one per replica.
        send: function of source, target and a flat array; returns the array that arrives.

    Returns:
        List of arrays of the same shape: what each replica has at the end.
    """
    ### BEGIN SOLUTION
    count = len(arrays)
    chunks = [
        [chunk.copy() for chunk in np.array_split(np.ravel(array), count)] for array in arrays
    ]
    for phase in ("reduce", "gather"):
        first = 0 if phase == "reduce" else 1
        for r in range(count - 1):
            arrived = {}
            for k in range(count):
                number = (k + first - r) % count
                target = (k + 1) % count
                arrived[target, number] = send(k, target, chunks[k][number])
            for (target, number), values in arrived.items():
                if phase == "reduce":
                    chunks[target][number] = chunks[target][number] + values
                else:
                    chunks[target][number] = values
    return [np.concatenate(own).reshape(np.shape(arrays[0])) for own in chunks]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ring_all_reduce", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("4. A ring all-reduce", points=4)
question.rules(
    ring_all_reduce, without=("course.training.distribution.ring", "course.visualization")
)
question.example(
    "two replicas", ring_all_reduce, [np.array([1.0, 2.0]), np.array([10.0, 20.0])], send
).gives_arrays([[11, 22], [11, 22]], hint="both have the sum at the end")


def sent_around(arrays):
    """Source, target and bytes of every message, sorted."""
    sent = []

    def cable(source, target, values):
        sent.append((source, target, np.asarray(values).nbytes))
        return np.array(values)

    ring_all_reduce(arrays, cable)
    return sorted(sent)


question.example("their messages", sent_around, [np.ones(4), np.ones(4)]).gives(
    [(0, 1, 16), (0, 1, 16), (1, 0, 16), (1, 0, 16)],
    hint="each replica sends two chunks of two values, of eight bytes each",
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def ring(arrays, weaker=1.0):
    """What the replicas have at the end, where a cable multiplies by a factor; and the messages."""
    sent = []

    def cable(source, target, values):
        values = np.asarray(values)
        sent.append((source, target, values.ndim, values.size, str(values.dtype)))
        return values.copy() if weaker == 1 else values * weaker

    return ring_all_reduce(arrays, cable), sent


def at_the_end(arrays, weaker=1.0, reduced_only=False):
    """Each replica's array: chunk c travels from replica c once around, and then on."""
    count = len(arrays)
    rows = [np.array_split(np.ravel(array), count) for array in arrays]
    ends = [list(own) for own in rows]
    for c in range(count):
        weights = [weaker ** (count - 1 - j) for j in range(count)]
        total = sum(weights[j] * rows[(c + j) % count][c] for j in range(count))
        for j in range(1 if reduced_only else count):
            ends[(c - 1 + j) % count][c] = total * weaker**j
        for j in range(1, count) if reduced_only else ():
            partial = sum(weights[i + count - j] * rows[(c + i) % count][c] for i in range(j))
            ends[(c - 1 + j) % count][c] = partial
    return [np.concatenate(own).reshape(arrays[0].shape) for own in ends]


def results(arrays, weaker=1.0):
    """What the replicas have at the end."""
    return ring(arrays, weaker)[0]


for name, count, shape in (
    ("three replicas", 3, (6,)),
    ("four replicas, a matrix", 4, (3, 5)),
    ("five replicas, an uneven length", 5, (13,)),
    ("fewer values than replicas", 4, (3,)),
    ("two replicas", 2, (7, 1)),
    ("matrices that were transposed", 3, (4, 5)),
    ("a single replica", 1, (4, 2)),
):
    arrays = [draw.integers(-9, 99, shape).astype("float32") for _ in range(count)]
    if "transposed" in name:  # other axes first in memory
        arrays = [np.asfortranarray(array) for array in arrays]
    question.check(name, checks.keeping, results, arrays, share=0.6).gives_arrays(
        [sum(arrays)] * count,
        hint="write down what three replicas have after each round",
        mistakes={} if count == 1 else {
            "this is what replicas have after the reduce rounds: the sums must be gathered":
                lambda arrays=arrays: reduce_only(arrays),
            "this is the mean; the sum is asked for": [np.mean(arrays, axis=0)] * count,
        },
    )  # fmt: skip


def reduce_only(arrays):
    """What they have if nothing is gathered: chunk c is summed up from replica c on."""
    count = len(arrays)
    rows = [np.array_split(np.ravel(array), count) for array in arrays]
    return [
        np.concatenate(
            [
                sum(rows[(c + j) % count][c] for j in range((k - c) % count + 1))
                for c in range(count)
            ]
        ).reshape(arrays[0].shape)
        for k in range(count)
    ]


for name, count, shape in (("a weaker cable", 3, 8), ("a weaker cable, matrices", 4, (2, 5))):
    arrays = [draw.uniform(1, 9, shape) for _ in range(count)]
    question.check(name, results, arrays, 0.5).gives_arrays(
        at_the_end(arrays, 0.5),
        hint="what arrives is not what was sent here: how is an array cut, and which chunk goes where "
        "in which round?",
        mistakes={
            "what replicas have was not sent: only what arrives may be used": [sum(arrays)] * count
        },
    )


def sent_by(arrays):
    """What each replica sends: a list of targets and sizes, in the order in which it sends."""
    found = {replica: [] for replica in range(len(arrays))}
    for source, target, _, size, _ in ring(arrays)[1]:
        found[source].append((target, size))
    return [found[replica] for replica in range(len(arrays))]


for name, count, length in (("who sends what", 3, 7), ("who sends what, four replicas", 4, 3)):
    sizes = [len(part) for part in np.array_split(np.zeros(length), count)]
    rounds = range(count - 1)
    expected = [
        [((k + 1) % count, sizes[(k + first - r) % count]) for first in (0, 1) for r in rounds]
        for k in range(count)
    ]
    whole = [[((k + 1) % count, length)] * (count - 1) for k in range(count)]
    question.check(name, sent_by, [draw.normal(size=length) for _ in range(count)]).gives(
        expected,
        hint="N - 1 rounds and N - 1 rounds, one chunk in each, always to the next replica",
        mistakes={
            "whole arrays were sent; a ring sends chunks": whole,
            "nothing was sent; only what went through the cable may be used": [[]] * count,
        },
    )


def alone(array):
    """How many messages a single replica sends, and what it has at the end."""
    (own,), sent = ring([array])
    return len(sent), np.asarray(own).tolist()


array = draw.integers(-9, 99, (2, 3)).astype("float32")
question.check("nobody to send to", alone, array).gives(
    (0, array.tolist()), hint="a single replica has the sum already"
)


def kinds_of_message(kind):
    """Number of axes and type of what is sent."""
    arrays = [np.ones((2, 3), kind) for _ in range(3)]
    return sorted({(axes, name) for _, _, axes, _, name in ring(arrays)[1]})


question.check("messages of integers", kinds_of_message, "int32", share=0.3).gives(
    [(1, "int32")], hint="a message is a flat array of the arguments' type"
)
question.check("messages of float32", kinds_of_message, "float32", share=0.3).gives(
    [(1, "float32")], hint="a message is a flat array of the arguments' type: 8 bytes cost twice 4"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# How many bytes did each replica send? Whatever their number, it is less than twice the array's
# size. (That is what makes the ring good; sending all arrays to one replica would make *its* cable
# carry $N - 1$ of them in, and as many out.)

# %% tags=["raises-exception"]
for count in (2, 3, 4, 8):
    messages.clear()
    ring_all_reduce([np.ones(4800, "float32") for _ in range(count)], send)
    sent = sum(size for source, _, size in messages if source == 0)
    print(f"{count} replicas, arrays of 19,200 bytes: each sent {sent:,}")

# %% [markdown]
# ## 5 · Statistics of the whole batch
#
# Batch normalization needs the mean and the variance of each channel over the *global* batch, but
# each replica can compute those of its part only. Write `merge_statistics(means, variances, sizes)`,
# which returns the global mean and variance. Variances are those of normalization: squared
# deviations from the mean, divided by the number of values. Sizes are at least 1 and may differ.
#
# **Example.** One channel; two replicas of equal size have the means 0 and 2, and the variance 1
# each. The global mean is 1, and the variance is 2: the replicas' means lie apart, and that is
# spread as well.


# %% nbgrader={"grade": false, "grade_id": "merge_statistics", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge_statistics(means, variances, sizes):
    """Mean and variance of a batch from those of its parts.

    Args:
        means, variances: arrays, or lists of lists, of shape (replicas, channels); floats or ints.
        sizes: list with the number of values of each replica.

    Returns:
        Tuple of two arrays of shape (channels,): the mean and the variance of all values.
    """
    ### BEGIN SOLUTION
    shares = np.array(sizes)[:, None] / sum(sizes)
    means = np.asarray(means)
    mean = np.sum(shares * means, axis=0)
    within = np.sum(shares * np.asarray(variances), axis=0)
    between = np.sum(shares * (means - mean) ** 2, axis=0)
    return mean, within + between
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_merge_statistics", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("5. Statistics of the whole batch", points=2)
question.example(
    "two replicas", merge_statistics, [[0.0], [2.0]], [[1.0], [1.0]], [5, 5]
).gives_arrays([[1.0], [2.0]], hint="think of values at -1, 1 and at 1, 3: what is their spread?")
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))
for name, sizes, channels in (
    ("equal parts", [4, 4], 3),
    ("uneven parts", [2, 9, 4], 2),
    ("a part of one", [1, 6], 4),
    ("one channel", [3, 2, 3, 2], 1),
):
    values = [draw.normal(3 * n, 1 + n, (size, channels)) for n, size in enumerate(sizes)]
    everything = np.concatenate(values)
    means = np.array([part.mean(axis=0) for part in values])
    variances = np.array([part.var(axis=0) for part in values])
    mean, variance = everything.mean(axis=0), everything.var(axis=0)
    n = len(everything)
    question.check(
        name, checks.keeping, merge_statistics, means, variances, sizes
    ).gives_arrays(
        [mean, variance],
        hint="start from the definition: the mean of (value - global mean)², over all values",
        mistakes={
            "the replicas' means lie apart, and that is spread as well": [
                mean, np.average(variances, axis=0, weights=sizes)
            ],
            "the sizes were ignored": [
                means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0)
            ],
            "the sizes were ignored, and the spread between the means as well": [
                means.mean(axis=0), variances.mean(axis=0)
            ],
            "divided by one less than the number of values": [mean, variance * n / (n - 1)],
            "a variance is asked for, not its root": [mean, np.sqrt(variance)],
        },
    )  # fmt: skip
question.check(
    "whole numbers, parts without spread", merge_statistics, [[4, 1], [1, 1]], [[0, 0]] * 2, [1, 3]
).gives_arrays([[1.75, 1.0], [1.6875, 0.0]], hint="values 4, 1, 1, 1 and 1, 1, 1, 1, as ints")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 6 · Steps on several devices
#
# Now with `tf.distribute.MirroredStrategy`. `parts.strategy(n)` returns such a strategy over `n`
# devices. What is made in its `scope()` is **mirrored**: each device has a copy of every weight.
# Make the net and the optimizer there.
# `strategy.run(f, args=...)` calls `f` once for every replica, on its own device; an argument that
# `on_replicas` has made is another array there. In `f`, an optimizer's `apply` *adds* the replicas'
# gradients before it changes the weights. `strategy.reduce("SUM", values, axis=None)` adds up what
# the replicas returned.
#
# Write `mirrored_steps(weights, batches, replicas, rate)`. It makes the net `small_net()`, gives it
# the weights, and does one step of plain gradient descent
#
# $$w \leftarrow w - \eta \, \frac{1}{B} \sum_{i=1}^{B} \frac{\partial \ell_i}{\partial w}$$
#
# for each of the batches, in their order. $B$ is the number of examples in this batch, which differs
# from batch to batch, $\eta$ = `rate`, and $\ell_i$ is `example_losses` of example $i$. Each batch
# is split over the replicas as in question 1, and has at least as many examples as there are
# replicas. The net runs with `training=True`. Return `net.get_weights()` after the last step: it
# has to be what one device would have, to a few rounding errors. (Who has which examples is checked
# with `SYNCHRONIZED = False`: each replica is normalized by its own part then.)


# %% nbgrader={"grade": false, "grade_id": "given_net", "locked": true, "schema_version": 3, "solution": false, "task": false}
SYNCHRONIZED = True


def small_net():
    """Six numbers in, three out, normalized by the statistics of the global batch."""
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, activation="tanh")(inputs)
    x = keras.layers.BatchNormalization(momentum=0.8, synchronized=SYNCHRONIZED)(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def example_losses(wanted, predicted):
    """Each example's squared error: a tensor of shape (examples,)."""
    return tf.reduce_sum((tf.cast(wanted, predicted.dtype) - predicted) ** 2, axis=-1)


def on_replicas(strategy, arrays):
    """One of the arrays for each replica, as an argument of `strategy.run`."""
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(arrays[context.replica_id_in_sync_group])
    )


# %% nbgrader={"grade": false, "grade_id": "mirrored_steps", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mirrored_steps(weights, batches, replicas, rate):
    """Train the small net on several devices.

    Args:
        weights: list of arrays, as `small_net().get_weights()` returns them.
        batches: list of pairs (x, y), float32 arrays of shape (examples, 6) and (examples, 3).
        replicas: number of devices.
        rate: the learning rate.

    Returns:
        List of arrays: the net's weights after one step for each batch.
    """
    ### BEGIN SOLUTION
    strategy = parts.strategy(replicas)
    with strategy.scope():
        net = small_net()
        net.set_weights(weights)
        optimizer = keras.optimizers.SGD(rate)
        optimizer.build(net.trainable_variables)

    def replica_step(x, y, size):
        with tf.GradientTape() as tape:
            losses = example_losses(y, net(x, training=True))
            loss = tf.reduce_sum(losses) / size
        optimizer.apply(tape.gradient(loss, net.trainable_variables))

    for x, y in batches:
        inputs = on_replicas(strategy, split(x, replicas))
        targets = on_replicas(strategy, split(y, replicas))
        strategy.run(replica_step, args=(inputs, targets, float(len(x))))
    return net.get_weights()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_mirrored_steps", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("6. Steps on several devices", points=4)
checked = np.random.default_rng(6)
shapes = [weight.shape for weight in small_net().get_weights()]
start = [checked.uniform(0.1, 1, shape).astype("float32") for shape in shapes]
pair = (np.ones((4, 6), "float32"), np.zeros((4, 3), "float32"))
question.example("no step", mirrored_steps, start, [], 2, 0.1).gives_arrays(
    start, hint="without a batch the weights stay as they are"
)
question.example("a rate of 0", lambda: mirrored_steps(start, [pair], 2, 0.0)[0]).gives_array(
    start[0], hint="a step with a rate of 0 leaves the first layer's kernel as it is"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


reference = small_net()
reference.layers[2].synchronized = False


def on_one(weights, batches, count=1, shares="batch", apart=False):
    """The same steps on one device; for mistakes, with other weights of the examples.

    Each replica's examples are weighted by what `shares` says. With `apart`, each part is
    normalized by itself, and the moving statistics are those of the first.
    """
    net = reference
    net.set_weights(weights)
    moving = net.non_trainable_variables
    for x, y in batches:
        sizes = [(len(x) + count - 1 - k) // count for k in range(count)]
        weight = {
            "batch": 1 / len(x), "part": np.repeat([1 / size for size in sizes], sizes),
            "all": count / len(x), "mean": 1 / len(x) / count, "sum": 1.0,
            "first": 1 / len(batches[0][0]),
        }[shares] * np.ones(len(x), "float32")  # fmt: skip
        before, after = [v.numpy() for v in moving], []
        cuts = np.cumsum(sizes)[:-1] if apart else []
        with tf.GradientTape() as tape:
            loss = 0.0
            for a, b, w in zip(*(np.split(v, cuts) for v in (x, y, weight)), strict=True):
                loss += tf.reduce_sum(w * example_losses(b, net(a, training=True)))
                after.append([v.numpy() for v in moving])
                for variable, value in zip(moving, before, strict=True):
                    variable.assign(value)
        for variable, values in zip(moving, zip(*after, strict=True), strict=True):
            variable.assign(values[0])  # as replica 0 has them
        slopes = tape.gradient(loss, net.trainable_variables)
        for variable, slope in zip(net.trainable_variables, slopes, strict=True):
            variable.assign(variable - 0.05 * slope)
    return net.get_weights()


drawn = {}  # for each case the weights at the start, and the batches


def weights_after(devices, sizes):
    """The weights after a step for each of the batches of these sizes, at a rate of 0.05."""
    weights, batches = drawn[devices, len(sizes)]
    return checks.keeping(mirrored_steps, weights, batches, devices, 0.05)


WRONG = {
    "the loss was divided by the size of the replica's own part": {"shares": "part"},
    "every replica had the whole batch, or the rate was multiplied, too": {"shares": "all"},
    "the gradients are added: dividing by the number of replicas is once too often": {
        "shares": "mean"
    },
    "the losses were not divided by the size of the batch": {"shares": "sum"},
    "batches differ in size: B is that of this batch": {"shares": "first"},
    "each replica was normalized by its own statistics": {"apart": True},
}
for name, count, sizes in (
    ("two devices, an uneven batch", 2, [7]),
    ("two devices, several batches", 2, [5, 9, 4]),
    ("four devices, several batches", 4, [10, 6, 5, 7]),
    ("one device", 1, [5]),
):
    weights = [draw.uniform(0.2, 0.9, shape).astype("float32") for shape in shapes]
    batches = [tuple(draw.normal(size=(n, k)).astype("float32") for k in (6, 3)) for n in sizes]
    drawn[count, len(sizes)] = weights, batches
    question.check(
        name, weights_after, devices=count, sizes=sizes, share=0.3 if count == 1 else 1
    ).gives_arrays(
        on_one(weights, batches),
        tolerance=1e-4,
        hint="compare one step on one and on two devices: what is added up, what divided?",
        mistakes={} if count == 1 else {
            cause: lambda about=about, case=(weights, batches, count): on_one(*case, **about)
            for cause, about in WRONG.items()
        },
    )  # fmt: skip


def types_of_weights():
    """The types of what is returned, and whether a rate of 0 leaves the first kernel as it is."""
    weights = [draw.uniform(0.2, 0.9, shape).astype("float32") for shape in shapes]
    found = mirrored_steps(weights, [pair], 2, 0.0)
    types = sorted({type(weight).__name__ for weight in found})
    return types, bool(np.allclose(np.array(found[0]), weights[0], atol=1e-5))


question.check("what is returned", types_of_weights, share=0.3).gives(
    (["ndarray"], True),
    hint="net.get_weights() gives arrays; the net's variables are something else",
)
SYNCHRONIZED = False  # so that the weights depend on who has which examples
weights = [draw.uniform(0.2, 0.9, shape).astype("float32") for shape in shapes]
batches = [tuple(draw.normal(size=(10, k)).astype("float32") for k in (6, 3))]
drawn[4, 1] = weights, batches
question.check("who has which examples", weights_after, devices=4, sizes=[10]).gives_arrays(
    on_one(weights, batches, 4, apart=True),
    tolerance=1e-4,
    hint="with SYNCHRONIZED = False, each replica normalizes its own part: is it that of question 1, "
    "on as many replicas as were asked for?",
)
SYNCHRONIZED = True
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 7 · The rate of a large batch
#
# With $k$ times the batch there are $k$ times fewer steps. The **linear rule** makes up for it with
# $k$ times the rate: at `base_batch` images it is `base_rate`, at `batch` images
#
# $$\eta = \texttt{base\_rate} \cdot \frac{\texttt{batch}}{\texttt{base\_batch}}.$$
#
# A rate that large would throw a fresh network off, so it is reached by a **warm-up**: from
# `base_rate` at step 0 it rises, by the same amount in each step, and is $\eta$ at the first step
# after `epochs` epochs and from there on. An epoch of `images` images has
# $\lceil \texttt{images} / \texttt{batch} \rceil$ steps. Write
# `rate_at(step, batch, images, base_rate=0.1, base_batch=256, epochs=5)`. With `epochs=0` the rate
# is $\eta$ from step 0. If `batch` is smaller than `base_batch`, the same formulas hold, and the
# rate falls.
#
# **Example.** 10,240 images in batches of 1024 are 10 steps an epoch, so the warm-up has 50. The
# rate is 0.1 at step 0, 0.25 at step 25, and 0.4 at step 50 and later.


# %% nbgrader={"grade": false, "grade_id": "rate_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate_at(step, batch, images, base_rate=0.1, base_batch=256, epochs=5):
    """The learning rate of a step, by the linear rule with warm-up.

    Args:
        step: number of the step, the first one is 0.
        batch: images in a global batch.
        images: images in the training set.
        base_rate: the rate that suits `base_batch` images.
        base_batch: images.
        epochs: length of the warm-up, a whole number, 0 or more.

    Returns:
        A number.
    """
    ### BEGIN SOLUTION
    target = base_rate * batch / base_batch
    steps = epochs * math.ceil(images / batch)
    if step >= steps:
        return target
    return base_rate + (target - base_rate) * step / steps
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_rate_at", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("7. The rate of a large batch", points=2)
question.example("half of the warm-up", rate_at, 25, 1024, 10_240).gives(
    0.25, hint="half of the way from 0.1 to 0.4"
)
question.example("afterwards", rate_at, 50, 1024, 10_240).gives(0.4, hint="four times the batch")
### BEGIN HIDDEN TESTS
draw = question.random
for name, batch, base, epochs, part in (
    ("early", 512, 256, 5, 0.2),
    ("the middle of an epoch", 1000, 128, 3, 0.5),
    ("close to the end", 850, 100, 4, 0.95),
    ("a smaller batch", 64, 256, 2, 0.6),
    ("the first step", 2048, 256, 5, 0),
    ("the last step of the warm-up", 512, 64, 3, "last"),
    ("the first one after it", 512, 128, 4, "end"),
    ("long after", 700, 128, 2, 40.0),
    ("no warm-up", 1024, 256, 0, 0),
):
    images = batch * draw.randrange(20, 40) + draw.randrange(1, batch // 3)  # leaves a small rest
    rate = draw.randrange(5, 30) / 100
    each = images // batch + 1
    steps = epochs * each
    step = {"last": steps - 1, "end": steps}.get(part) if isinstance(part, str) else None
    step = round(part * steps) if step is None else step
    target = rate * batch / base

    def line(start, stop, place, steps=steps):
        """The rate at a place, on the line from start to stop."""
        return stop if place >= steps or not steps else start + (stop - start) * place / steps

    short = epochs * (images // batch)
    root = rate * (batch / base) ** 0.5
    wrong = {
        "the warm-up begins at base_rate, not at 0": line(0, target, step),
        "the rate rises during the warm-up": target,
        "an epoch's last batch need not be full, but is a step": line(rate, target, step, short),
        "warm-up is given in epochs, not in steps": line(rate, target, step, epochs),
        "an epoch of this run has batches of `batch`, not of base_batch": line(
            rate, target, step, epochs * -(-images // base)
        ),
        "the rule is linear: no square root": line(rate, root, step),
        "the rate rises in each step, not from epoch to epoch": line(
            rate, target, step // each * each
        ),
    }
    expected = line(rate, target, step)
    question.check(name, rate_at, step, batch, images, rate, base, epochs).gives(
        expected,
        hint="first the number of steps of the warm-up, then the part of it that is over",
        mistakes={cause: value for cause, value in wrong.items() if abs(value - expected) > 1e-9},
    )
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 8 · A large batch on one device
#
# With a single device, a large batch is computed in parts, one after another, and the gradients are
# **accumulated**. Write `accumulated(gradients_of, sizes, limit=None)`, which returns the gradients
# of the mean loss over all parts together. `sizes` says how many examples each part has.
#
# - `gradients_of(n)` returns the gradients of the *mean* loss over part `n` (an int from 0) as a
#   list of arrays. It is expensive: call it once for each part.
# - If `limit` is not None, the gradients are clipped: where the norm of all of them together,
#   $\sqrt{\sum g^2}$ over all weights in all arrays, is larger than the limit, all are multiplied by
#   the limit divided by the norm.
#
# Clip what a device with room for the whole batch would clip.
#
# **Example.** One weight, two parts of equal size with gradients 3 and -1: the result is 1. A limit
# of 2 does not change it.


# %% nbgrader={"grade": false, "grade_id": "accumulated", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accumulated(gradients_of, sizes, limit=None):
    """The gradients of a batch that is computed in parts.

    Args:
        gradients_of: function of a part's number; returns a list of arrays, the gradients of the
            mean loss over this part.
        sizes: list with the number of examples in each part, at least 1.
        limit: the largest norm of all gradients together, 0 or more; None for no clipping.

    Returns:
        List of arrays.
    """
    ### BEGIN SOLUTION
    found = combine([gradients_of(n) for n in range(len(sizes))], sizes)
    if limit is None:
        return found
    norm = math.sqrt(sum(float(np.sum(np.square(array))) for array in found))
    return [array * (limit / norm) for array in found] if norm > limit else found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_accumulated", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("8. A large batch on one device", points=2)


def mean_slopes(part):
    """The gradients of a mean: as for the loss x·w + (x²)·v, with weights w and v."""
    return [part.mean(axis=0), (part**2).mean(axis=0, keepdims=True) / 4]


def accumulate(batches, limit=None):
    """What is accumulated for parts with these examples."""
    sizes = [len(batch) for batch in batches]
    return accumulated(lambda n: mean_slopes(batches[n]), sizes, limit)


question.example(
    "two parts", accumulated, lambda n: [np.array([[3.0, -1.0][n]])], [2, 2]
).gives_arrays([[1.0]], hint="two parts of the same size: the mean of 3 and -1")
question.example("a limit", accumulated, lambda n: [np.array([3.0, 4.0])], [1], 1.0).gives_arrays(
    [[0.6, 0.8]], hint="the norm is 5, so everything is divided by 5"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def length(arrays):
    """The norm of all of them together."""
    return float(np.sqrt(sum((array**2).sum() for array in arrays)))


def shortened(arrays, limit):
    """Clipped by their common norm."""
    factor = 1.0 if limit is None else min(1.0, limit / max(length(arrays), 1e-30))
    return [array * factor for array in arrays]


for name, sizes, part_of_norm in (
    ("uneven parts", [5, 2, 3], None),
    ("a single part", [4], None),
    ("clipped", [4, 1, 2], 0.3),
    ("clipped a little", [2, 3], 0.9),
    ("a limit that is not reached", [3, 4], 1.5),
    ("a limit of zero", [3, 2], 0.0),
):
    batches = [draw.normal(n + 1.0, 2, (size, 3)) * (-1.5) ** n for n, size in enumerate(sizes)]
    whole = mean_slopes(np.concatenate(batches))
    limit = None if part_of_norm is None else part_of_norm * length(whole)
    clipped = [shortened(mean_slopes(part), limit) for part in batches]
    shares = np.array(sizes) / sum(sizes)
    wrong = {
        "this is the mean of the parts' means: parts differ in size": shortened(
            [np.mean(a, axis=0) for a in zip(*map(mean_slopes, batches), strict=True)], limit
        ),
        "this is the sum of the parts' means": shortened(
            [np.sum(a, axis=0) for a in zip(*map(mean_slopes, batches), strict=True)], limit
        ),
        "the parts' gradients were clipped before they were added": [
            np.einsum("p,p...->...", shares, np.array(a)) for a in zip(*clipped, strict=True)
        ],
    }
    if limit:
        wrong |= {
            "the norm is that of all of them together": [shortened([a], limit)[0] for a in whole],
            "each value was clipped by itself": [np.clip(a, -limit, limit) for a in whole],
            "gradients with a smaller norm stay as they are": [
                a * limit / length(whole) for a in whole
            ],
        }
    question.check(name, accumulate, batches, limit).gives_arrays(
        shortened(whole, limit),
        hint="first the gradients of the whole batch, then the norm of all of them together",
        mistakes=wrong,
    )


large, small = draw.uniform(3, 9, 4), draw.uniform(0.1, 0.2, 4)
question.check(
    "parts that cancel", accumulated, lambda n: [[large, 2 * small - large][n]], [3, 3], 1.0
).gives_arrays(
    [small], hint="the parts' gradients are large, the whole batch's are not: when is clipped?"
)
question.check("nothing to clip", accumulated, lambda n: [np.zeros(3)], [2, 1], 1.0).gives_arrays(
    [[0.0, 0.0, 0.0]],
    hint="a norm of 0 is not larger than the limit: there is nothing to divide by",
)


def calls(sizes):
    """The numbers of the parts that the function was called with."""
    seen = []

    def counted(n):
        seen.append(n)
        return mean_slopes(np.full((sizes[n], 2), n + 1.0))

    checks.keeping(accumulated, counted, sizes, 1.0)
    return sorted(seen)


question.check("how often it is called", calls, [1, 3, 4]).gives(
    [0, 1, 2], hint="gradients_of is expensive: it is called once for each part, with its number"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 9 · Random numbers of replicas
#
# If all replicas start with the same seed, they drop the same units: $N$ times the same mask is less
# noise than one device would have. And if a run is stopped after step 1000 and resumed, step 1001
# must draw what it would have drawn.
#
# Write `dropout_mask(shape, rate, seed, step, replica)`, which returns the mask that dropout
# multiplies by: 0 with probability `rate`, else $1 / (1 - \texttt{rate})$, independently for each
# value.
#
# - It depends on the arguments alone: the same call gives the same mask, whatever was drawn before.
# - Any two calls that differ in the seed, in the step or in the replica give masks that have nothing
#   to do with each other.
#
# **Example.** For a rate of 0.5, half of the values are 0 and half are 2.


# %% nbgrader={"grade": false, "grade_id": "dropout_mask", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout_mask(shape, rate, seed, step, replica):
    """The mask of a replica in a step.

    Args:
        shape: tuple of ints.
        rate: the part that is dropped, from 0 to below 1.
        seed: of the run, an int from 0 to a million.
        step: number of the step, an int from 0 to a million.
        replica: number of the replica, an int from 0 to a million.

    Returns:
        Array of that shape, of 0 and 1 / (1 - rate).
    """
    ### BEGIN SOLUTION
    draw = np.random.default_rng([seed, step, replica])
    return (draw.random(shape) >= rate) / (1 - rate)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_dropout_mask", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("9. Random numbers of replicas", points=3)
question.example("its values", lambda: np.unique(dropout_mask((40, 50), 0.5, 1, 0, 0))).gives_array(
    [0.0, 2.0], hint="0, or 1 / (1 - rate)"
)
### BEGIN HIDDEN TESTS
draw = question.random


def mask_of(shape, *arguments):
    """A mask, if it has the shape that was asked for."""
    mask = np.array(dropout_mask(shape, *arguments))
    if mask.shape != shape:
        raise ValueError(f"a mask of the shape {shape} was asked for, not {mask.shape}")
    return mask


def values(rate, seed):
    """What is in a mask: its shape, and its smallest and largest value."""
    mask = np.asarray(dropout_mask((30, 7, 9), rate, seed, 3, 1))
    return [*mask.shape, float(mask.min()), float(mask.max()), len(np.unique(mask))]


seed = draw.randrange(10, 1000)
for name, rate, count in (("a rate of 0.2", 0.2, 2), ("a rate of 0.75", 0.75, 2)):
    question.check(name, values, rate, seed, share=0.5).gives_array(
        [30, 7, 9, 0.0, 1 / (1 - rate), count],
        hint="an array of the shape that was asked for, of 0 and 1 / (1 - rate)",
        mistakes={"what is kept is multiplied by 1 / (1 - rate)": [30, 7, 9, 0.0, 1.0, count]},
    )
question.check("a rate of 0", values, 0.0, seed, share=0.3).gives_array(
    [30, 7, 9, 1.0, 1.0, 1], hint="nothing is dropped"
)


def dropped(rate, seed):
    """The part that is dropped, in steps of 0.1."""
    mask = mask_of((200, 200), rate, seed, 2, 0)
    return round(float((mask == 0).mean()), 1)


for rate in (0.2, 0.7):
    question.check(f"how many are dropped at {rate}", dropped, rate, seed, share=0.5).gives(
        rate,
        hint="rate is the part that is 0",
        mistakes={"rate is what is dropped, not what is kept": round(1 - rate, 1)},
    )


def likeness(one, other):
    """How much one mask tells of another one, shifted or backward or not: near 0, or up to 1."""
    signals = [(np.ravel(mask) == 0) - 0.5 for mask in (one, other)]
    first, second = (np.fft.rfft(signal - signal.mean()) for signal in signals)
    found = [np.fft.irfft(first * np.conj(second)), np.fft.irfft(first * second)]
    if one is other:
        found[0] = found[0][1:]
    return max(float(np.abs(shifts).max()) for shifts in found) / np.ravel(one).size * 4


def most_alike(keys):
    """The largest likeness of two masks of these seeds, steps and replicas, to one digit."""
    masks = [mask_of((30, 60), 0.5, *key) for key in keys]
    pairs = [(n, m) for n in range(len(masks)) for m in range(n)]
    return bool(max(likeness(masks[n], masks[m]) for n, m in pairs) > 0.3)


step = draw.randrange(100, 900)
far = draw.randrange(10, 50)
for name, keys, hint in (
    ("replicas", [(seed, step, r) for r in (0, 1, 2, 3, far)], "the masks of all replicas differ"),
    (
        "steps",
        [(seed, step + s, 1) for s in (0, 1, 2, 100, 1000, 4096)],
        "the masks of all steps differ",
    ),
    ("seeds", [(seed + s, step, 1) for s in (0, 1, 2, 100)], "another seed draws other masks"),
    (
        "replicas and steps",
        [
            (seed, step + s, r)
            for s, r in (
                (0, 0),
                (0, 1),
                (1, 0),
                (1, 2),
                (2, 1),
                (10, 0),
                (0, 10),
                (100, 0),
                (0, 100),
            )
        ],
        "step 1 of replica 0 and step 0 of replica 1 have the same mask: numbers were added?",
    ),
    (
        "everything at once",
        [(1, 2, 3), (3, 2, 1), (2, 1, 3), (1, 3, 2), (2, 3, 1), (0, 6, 1), (6, 0, 1), (0, 0, 6)],
        "two calls that differ have the same mask: can one argument make up for another?",
    ),
):
    question.check(f"other {name}", most_alike, keys).gives(False, hint=hint)


# Numbers that are small, round or powers of two, in all three places.
KEYS = [
    (a, b, c) for a in (0, 1, 2, 10, 1000) for b in (0, 1, 2, 100, 4096) for c in (0, 1, 8, 256)
]
KEYS += [(1, 11, 1), (11, 1, 1), (1, 1, 11), (1, 10, 1), (1, 1, 1), (11, 0, 1), (10, 11, 1)]
KEYS += [(draw.randrange(4), draw.randrange(60), draw.randrange(30)) for _ in range(180)]
# A sum of one of them times such a factor and of another one is the same for two of these.
for factor in (*(10**n for n in range(7)), *(2**n for n in range(5, 20)), 997, 1001, 1009, 10_007):
    KEYS += [(factor, 0, 0), (0, factor, 0), (0, 0, factor)]
KEYS = sorted(set(KEYS))
made = []  # their masks: the students' function is called once for each


def masks():
    """A mask of 64 values for each of the keys."""
    if not made:
        made.extend(np.ravel(mask_of((8, 8), 0.5, *key)) == 0 for key in KEYS)
    return np.array(made)


def twins():
    """Two calls that have the same mask, if there are some."""
    seen = {}
    for key, mask in zip(KEYS, masks(), strict=True):
        other = seen.setdefault(mask.tobytes(), key)
        if other != key:
            return [other, key]
    return []


question.check("many calls", twins).gives(
    [], hint="these seeds, steps and replicas have the same mask: what do the three become?"
)


def spread():
    """Whether the number of dropped values varies as much as that of 64 coins."""
    return bool(0.5 < np.var(masks().sum(axis=1)) / 16 < 1.6)


question.check("how many are dropped varies", spread, share=0.5).gives(
    True, hint="each value is dropped on its own: of 64 there are 32 on average, not always"
)


def alike_inside(seed):
    """Whether a mask repeats itself, or neighbors in it are dropped together."""
    mask = mask_of((30, 60), 0.5, seed, 1, 1)
    return bool(likeness(mask, mask) > 0.3)


question.check("one value and the next", alike_inside, seed, share=0.5).gives(
    False, hint="each value is dropped or kept on its own"
)


def repeated(seed, step):
    """Whether the same call gives the same mask after another one, which has its own shape."""
    first = mask_of((30, 60), 0.5, seed, step, 2)
    mask_of((30, 3), 0.1, seed + 1, step, 1)
    return bool(np.array_equal(first, mask_of((30, 60), 0.5, seed, step, 2)))


question.check("again", repeated, seed, step).gives(
    True, hint="the same call has to give the same mask: what does it depend on?"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 10 · When is another device worth it?
#
# A model of a step, in seconds. Each replica computes `images` images, which takes
#
# $$t = \frac{6 \cdot \texttt{macs} \cdot \texttt{images}}{\texttt{rate}}$$
#
# (a multiply-add is two operations, and the backward pass costs twice the forward pass). Then the
# gradients, four bytes for each parameter, go around a ring of $N$ replicas, where each of them sends
# $2 (N - 1) / N$ times their size at `bandwidth` bytes a second; let this take $e$ seconds. The
# exchange can run *during* the part `overlap` of the **backward** pass; what does not fit in there
# comes on top.
#
# Write `step_seconds(parameters, macs, images, replicas, bandwidth, rate, overlap=0.5)`, which
# returns the duration of the step. Its **efficiency** is $t$ divided by it. Then write
# `most_replicas(least, parameters, macs, batch, bandwidth, rate, overlap=0.5)`: a global batch of
# `batch` images is divided equally, so each of $N$ replicas computes `batch / N` images (not rounded).
# Return the largest $N$ from 1 to `batch` whose efficiency is at least `least`.
#
# **Example.** A million parameters and $10^9$ multiply-adds, 10 images on each of 2 replicas,
# $10^{9}$ bytes and $10^{12}$ operations a second: $t = 0.06$ s, $e = 0.004$ s, and half of the
# backward pass is 0.02 s. The exchange is hidden, and the step takes 0.06 s.


# %% nbgrader={"grade": false, "grade_id": "step_seconds", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_seconds(parameters, macs, images, replicas, bandwidth, rate, overlap=0.5):
    """How long a step takes.

    Args:
        parameters: of the network.
        macs: multiply-adds for an image, forward.
        images: on each replica; need not be whole.
        replicas: at least 1.
        bandwidth: bytes per second that a replica sends.
        rate: operations per second of a replica.
        overlap: part of the backward pass in which gradients can travel, 0 to 1.

    Returns:
        Seconds.
    """
    ### BEGIN SOLUTION
    arithmetic = 6 * macs * images / rate
    exchange = 2 * (replicas - 1) / replicas * 4 * parameters / bandwidth
    room = overlap * arithmetic * 2 / 3
    return arithmetic + max(0, exchange - room)
    ### END SOLUTION


def most_replicas(least, parameters, macs, batch, bandwidth, rate, overlap=0.5):
    """The largest number of replicas that is worth it.

    Args:
        least: the efficiency that is asked for, above 0 and at most 1.
        parameters, macs, bandwidth, rate, overlap: as above.
        batch: images in the global batch.

    Returns:
        An int from 1 to `batch`.
    """
    ### BEGIN SOLUTION
    found = 1
    for replicas in range(2, batch + 1):
        images = batch / replicas
        alone = 6 * macs * images / rate
        seconds = step_seconds(parameters, macs, images, replicas, bandwidth, rate, overlap)
        if alone / seconds >= least:
            found = replicas
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_step_seconds", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("10. When is another device worth it?", points=3)
question.example("hidden", step_seconds, 10**6, 10**9, 10, 2, 1e9, 1e12).gives(
    0.06, hint="the exchange fits into half of the backward pass"
)
question.example("one replica", most_replicas, 0.5, 10**6, 10**9, 1, 1e9, 1e12).gives(
    1, hint="a batch of one image cannot be divided"
)
### BEGIN HIDDEN TESTS
draw = np.random.default_rng(question.random.getrandbits(64))


def model(p, m, images, n, bandwidth, rate, overlap, kind=""):
    """The duration of a step, with something wrong where asked."""
    t = m * images / rate * {"forward": 2}.get(kind, 6)
    e = 8 * p / bandwidth * {"grows": n - 1, "once": n / 2, "way": (n - 1) / 2}.get(kind, n - 1)
    e = e if kind == "grows" else e / n
    room = overlap * t * {"whole": 1, "front": 1 / 3}.get(kind, 2 / 3)
    if kind == "none":
        return t + e
    return t + (e - room if kind == "negative" else max(0.0, e - room))


CAUSES = {
    "grows": "in a ring, what each replica sends does not grow with N like that",
    "once": "each replica sends 2 (N - 1) / N times the gradients' size",
    "way": "the sum goes around the ring, and then the result: twice (N - 1) / N",
    "forward": "the backward pass costs twice the forward pass: six operations in all",
    "whole": "the exchange overlaps with the backward pass only, two thirds of the arithmetic",
    "front": "the backward pass is two thirds of the arithmetic, not one",
    "none": "the overlap was left out",
    "negative": "an exchange that is hidden does not make a step shorter",
}
for name, images, n, overlap, slow in (
    ("a slow network", 8, 4, 0.5, 20),
    ("a fast network", 32, 8, 0.5, 0.2),
    ("two replicas", 4, 2, 0.3, 8),
    ("no overlap", 16, 4, 0.0, 1),
    ("all of the backward pass", 3, 16, 1.0, 10),
    ("one replica", 6, 1, 0.5, 5),
    ("a part of an image", 1.5, 64, 0.25, 3),
):
    p, m = int(draw.integers(1, 60)) * 10**6, int(draw.integers(1, 12)) * 10**9
    rate = float(draw.integers(5, 50)) * 1e12
    # So that the exchange takes about `slow` times the backward pass.
    bandwidth = 8 * p / (slow * 4 * m * images / rate)
    asked = (p, m, images, n, bandwidth, rate, overlap)
    expected = model(*asked)
    wrong = {cause: model(*asked, kind) for kind, cause in CAUSES.items()}
    question.check(name, step_seconds, *asked, share=0.7).gives(
        expected,
        hint="arithmetic, exchange and the room for it: print the three",
        mistakes={
            cause: value for cause, value in wrong.items() if abs(value / expected - 1) > 1e-6
        },
    )


def worth(least, p, m, batch, bandwidth, rate, overlap, each=None):
    """The largest number of replicas, and how close the decision was."""
    numbers = np.arange(1, batch + 1)
    t = 6 * m * (each or batch / numbers) / rate
    e = 8 * p * (numbers - 1) / numbers / bandwidth
    reached = t / (t + np.maximum(0, e - overlap * t * 2 / 3))
    return int(numbers[reached >= least][-1]), float(np.abs(reached - least).min())


for name, batch, overlap, least in (
    ("half of the speed", 256, 0.5, 0.5),
    ("nine tenths", 200, 0.25, 0.9),
    ("no overlap", 300, 0.0, 0.7),
    ("slow", 500, 0.5, 0.3),
    ("as many as images", 310, 0.5, 0.4),
):
    close = 0.0
    while close < 1e-5:
        p, m = int(draw.integers(5, 60)) * 10**6, int(draw.integers(1, 12)) * 10**9
        rate = float(draw.integers(5, 50)) * 1e12
        # So many replicas that arithmetic and exchange are about equal.
        few = {"as many as images": 1000, "slow": draw.uniform(70, 90)}.get(
            name, draw.uniform(7, 11)
        )
        bandwidth = few * 8 * p / (6 * m * batch / rate)
        asked = (least, p, m, batch, bandwidth, rate, overlap)
        expected, close = worth(*asked)
    wrong = {
        "the batch is divided: each replica computes batch / N images": worth(*asked, batch)[0],
        "the overlap was not handed on": worth(*asked[:-1], 0.5)[0],
    }
    question.check(f"most replicas: {name}", most_replicas, *asked, share=0.7).gives(
        expected,
        hint="the efficiency falls with N: which N is the last one that has enough?",
        mistakes={cause: value for cause, value in wrong.items() if value != expected},
    )
# Numbers without rounding: the exchange of 4 replicas is hidden, that of 5 is not.
p = int(draw.integers(1, 20)) * 3 * 10**6
question.check(
    "most replicas: all of the speed", most_replicas, 1.0, p, 2**30, 12, 28 * 512 * p // 3,
    2.0**42, 0.5, share=0.7,
).gives(4, hint="an efficiency of exactly `least` is enough")  # fmt: skip
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 11 · Split the model or the data?
#
# AlexNet was split over two GPUs: each had half of every layer's channels (a **tower**), and *all*
# images. Some layers read only the channels of their own tower, and for them nothing is sent. Where
# a layer reads the channels of all towers, each tower must receive the parts that it lacks, for every
# image. In the backward pass it receives as many values again: from each other tower, the gradients
# of its own part.
#
# With data parallelism, on the other hand, each device has the whole network and a part of the
# images, and the gradients of all parameters go around a ring: each device sends, and receives,
# $2 (N - 1) / N$ times their size.
#
# Write `bytes_a_step(layers, parameters, batch, replicas)`, which returns a dict with what one device
# *receives* in a training step: under `"model"`, if the network is split into `replicas` towers, and
# under `"data"`, if the images are. A value has four bytes. Each entry of `layers` is a pair: the
# shape of what a layer reads (a tuple such as `(13, 13, 256)` or `(4096,)`, of all towers together)
# and `"own"` or `"all"`. The numbers of channels, the last in the shape, can be divided by `replicas`.
#
# **Example.** A layer that reads `(2, 2, 6)` of all towers, one image, two towers: a tower lacks
# $2 \cdot 2 \cdot 3 = 12$ values. Forward and backward that is 24 values, or 96 bytes.


# %% nbgrader={"grade": false, "grade_id": "bytes_a_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bytes_a_step(layers, parameters, batch, replicas):
    """What a device receives in a training step.

    Args:
        layers: list of pairs (shape, "own" or "all").
        parameters: of the whole network.
        batch: images in the global batch.
        replicas: devices, at least 1.

    Returns:
        Dict with the bytes under "model" and "data".
    """
    ### BEGIN SOLUTION
    values = sum(
        math.prod(shape) * (replicas - 1) / replicas for shape, reads in layers if reads == "all"
    )
    return {
        "model": 2 * 4 * batch * values,
        "data": 2 * (replicas - 1) / replicas * 4 * parameters,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_bytes_a_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("11. Split the model or the data?", points=2)
question.example("one layer", bytes_a_step, [((2, 2, 6), "all")], 100, 1, 2).gives(
    {"model": 96.0, "data": 400.0}, hint="12 values, forward and backward, of four bytes"
)
### BEGIN HIDDEN TESTS
draw = question.random


def either(layers, parameters, batch, count, which):
    """One of the two entries."""
    return float(bytes_a_step(layers, parameters, batch, count)[which])


for name, count, batch in (
    ("two towers", 2, 32), ("three towers", 3, 5), ("four towers", 4, 16), ("one device", 1, 8)
):  # fmt: skip
    shapes = [
        (draw.randrange(5, 9), draw.randrange(9, 14), 12 * draw.randrange(2, 9)), (7, 5, 24),
        (12 * draw.randrange(3, 50),), (6, 8, 36),
    ]  # fmt: skip
    shapes.append(shapes[0])  # a layer like another one, and the last one reads all towers
    layers = list(zip(shapes, ("all", "own", "all", "own", "all"), strict=True))
    sizes = [math.prod(shape) for shape in shapes]
    lacked = 2 * sizes[0] + sizes[2]
    lent = 8 * batch / count
    question.check(
        f"model: {name}", either, layers, 10**6, batch, count, "model"
    ).gives_array(
        lent * lacked * (count - 1),
        tolerance=1e-9,
        hint="which layers read other towers, how much of it does a tower lack, how often is it sent?",
        mistakes={} if count == 1 else {
            "a layer that reads its own tower needs nothing": lent * sum(sizes) * (count - 1),
            "a tower has a part already, and lacks the rest": lent * count * lacked,
            "in the backward pass gradients come back": lent / 2 * lacked * (count - 1),
            "this happens for every image": lent / batch * lacked * (count - 1),
            "each tower sees all images": lent / count * lacked * (count - 1),
            "these are values; each has four bytes": lent / 4 * lacked * (count - 1),
        },
    )  # fmt: skip
    parameters = draw.randrange(10**5, 10**7)
    question.check(
        f"data: {name}", either, layers, parameters, batch, count, "data", share=0.7
    ).gives_array(
        8 * parameters * (count - 1) / count,
        tolerance=1e-9,
        hint="the gradients are those of the parameters, however many images there are",
        mistakes={} if count == 1 else {
            "the images are added up before anything is sent": 8 * parameters * batch * (count - 1)
            / count,
            "the sum goes around, and then the result: twice": 4 * parameters * (count - 1) / count,
        },
    )  # fmt: skip
question.check(
    "only its own tower", either, [((3, 3, 4), "own")], 10, 4, 2, "model", share=0.3
).gives_array(0.0, hint="nothing crosses")
question.check(
    "the list stays",
    checks.keeping,
    bytes_a_step,
    [((7, 4), "own"), ((3, 4), "all"), ((2,), "own"), ((3, 4), "all")],
    10,
    1,
    2,
    share=0.3,
).gives({"model": 96.0, "data": 40.0}, hint="two layers like the text's example")
### END HIDDEN TESTS
question.score()

# %% [markdown]
# AlexNet's layers after the first one, and what this means for it. (The input image is copied to
# both GPUs and does not count.)

# %% tags=["raises-exception"]
ALEXNET = [
    ((27, 27, 96), "own"), ((13, 13, 256), "all"), ((13, 13, 384), "own"), ((13, 13, 384), "own"),
    ((6, 6, 256), "all"), ((4096,), "all"), ((4096,), "all"),
]  # fmt: skip
for batch in (128, 1024):
    received = bytes_a_step(ALEXNET, 60_965_224, batch, 2)
    print(batch, {name: f"{size / 1e6:.1f} MB" for name, size in received.items()})

# %% [markdown]
# ## 12 · Repair a script
#
# A colleague's script runs without an error on several replicas, and trains something else than one
# device would. Its settings are a dict. These are right as they are:
#
# - `"replicas"`: how many; `"batch"`: the images of a step, on all replicas together;
# - `"base_rate"` and `"base_batch"`: a rate that is known to suit a batch of that size.
#
# These may be wrong:
#
# - `"dataset_batch"`: the size that the dataset is batched by, before the *strategy* splits its
#   batches over the replicas;
# - `"loss_divisor"`: by what each replica divides the sum of its examples' losses; gradients are
#   *added* over the replicas;
# - `"rate"`: the learning rate, by the linear rule;
# - `"clip"`: what is clipped: the gradients of `"each replica"` before they are added, or only
#   their `"sum"`;
# - `"statistics"`: batch normalization uses those of `"each replica"` or of the `"global batch"`;
# - `"last_test_batch"`: one that is not full is left out (`"drop"`) or counted (`"keep"`);
# - `"accuracy"`: of all test images, as `"mean of replicas"` or as `"correct / images"`.
#
# Write `repaired(settings)`, which returns a new dict in which everything is right: training does
# what one device would do with a batch of `"batch"` images, and testing counts every image once.
# Repair everything for one replica, too, even where it makes no difference there. Settings that are
# not listed here stay as they are. A batch need not be divisible by the number of replicas.
#
# **Example.** For 4 replicas and a batch of 256, a `"dataset_batch"` of 64 becomes 256.


# %% nbgrader={"grade": false, "grade_id": "repaired", "locked": false, "schema_version": 3, "solution": true, "task": false}
def repaired(settings):
    """Settings with which several replicas do what one device does.

    Args:
        settings: dict with the keys above, and perhaps others.

    Returns:
        A new dict with the same keys.
    """
    ### BEGIN SOLUTION
    batch = settings["batch"]
    return {
        **settings,
        "dataset_batch": batch,
        "loss_divisor": batch,
        "rate": settings["base_rate"] * batch / settings["base_batch"],
        "clip": "sum",
        "statistics": "global batch",
        "last_test_batch": "keep",
        "accuracy": "correct / images",
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_repaired", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
question = checks.Question("12. Repair a script", points=2)
asked = {
    "replicas": 4, "batch": 256, "base_rate": 0.1, "base_batch": 128, "dataset_batch": 64,
    "loss_divisor": 256, "rate": 0.2, "clip": "sum", "statistics": "global batch",
    "last_test_batch": "keep", "accuracy": "correct / images",
}  # fmt: skip
question.example("a dataset's batches", repaired, asked).gives(
    asked | {"dataset_batch": 256}, hint="the strategy splits the dataset's batches"
)
### BEGIN HIDDEN TESTS
draw = question.random


def setting(name, settings):
    """One of the repaired settings, and the batch."""
    found = repaired(settings)
    return found[name], found["batch"]


HINTS = {
    "dataset_batch": "dataset_batch: the strategy splits the dataset's batches over the replicas",
    "loss_divisor": "loss_divisor: the sum of the gradients has to be that of the batch's mean",
    "rate": "rate: the rule compares batches, not numbers of replicas",
    "clip": "clip: one device clips the gradient of the whole batch",
    "statistics": "statistics: one device normalizes over the whole batch",
    "last_test_batch": "last_test_batch: every image counts once",
    "accuracy": "accuracy: replicas need not have equally many images",
}
for name, count, base, broken in (
    ("all of it", draw.choice([2, 4, 8]), 96, True),
    ("all of it, a small batch", draw.choice([2, 4]), 2048, True),
    ("all of it, one replica", 1, 128, True),
    ("nothing was wrong", draw.choice([2, 4, 8]), 64, False),
):
    batch, rate = 2 * draw.randrange(100, 600) + 1, draw.randrange(2, 30) / 100
    right = {
        "dataset_batch": batch, "loss_divisor": batch, "rate": rate * batch / base, "clip": "sum",
        "statistics": "global batch", "last_test_batch": "keep", "accuracy": "correct / images",
    }  # fmt: skip
    bad = {
        "dataset_batch": batch // count, "loss_divisor": batch // count, "clip": "each replica",
        "rate": rate * (count + 1), "statistics": "each replica",
        "last_test_batch": "drop", "accuracy": "mean of replicas",
    }  # fmt: skip
    given = {"replicas": count, "batch": batch, "base_rate": rate, "base_batch": base}
    more = {"name": "run", "epochs": draw.randrange(5, 90), "decay": None, "augment": False}
    settings = given | more | (bad if broken else right)
    for key, value in right.items() if name == "all of it" else ():
        question.check(f"{key}, and the batch", setting, key, settings, share=0.3).gives(
            (value, batch), hint=HINTS[key]
        )
    question.check(name, checks.keeping, repaired, settings, share=1).gives(
        given | more | right, hint="everything else stays as it is, in a new dict"
    )
single = given | more | right | {"accuracy": "mean of replicas", "rate": rate}
question.check("two mistakes", repaired, single, share=0.5).gives(
    given | more | right, hint="each setting is looked at by itself"
)
### END HIDDEN TESTS
question.score()

# %% [markdown]
# ## 13 · In your own words
#
# Your group trains ResNet-50 (25.6 million parameters) on one GPU: batches of 256 images, a rate of
# 0.1. Next month you may use eight machines with eight GPUs each, connected by a slow network. A
# colleague proposes: "We keep everything as it is and start it on 64 GPUs. Each has 4 images then,
# and it will be 64 times faster. If normalization makes trouble, we let each GPU use its own
# statistics. And if the network is too slow, we split the layers over the GPUs instead of the
# images."
#
# Write about ten sentences: what will happen, and why; what you would do instead with batch, rate
# and normalization, and how you would check that it still trains what one GPU trains; and where
# splitting the model is the right idea. Use numbers from questions 4, 10 or 11, or from the lecture,
# for at least one of your points. This question is graded by hand.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# With 4 images each, a GPU computes for 64 times less time in a step, but the exchange does not
# become shorter: in a ring each GPU sends 2 * 63/64 times the 102 MB of gradients, about 201 MB,
# whether it had 256 images or 4. Over 12.5 GB/s that is 16 ms, and at 50 TFLOP/s 4 images of
# 3.9 billion multiply-adds take 2 ms. So most of the step is waiting, the efficiency is about a
# tenth, and the speed-up nearer to 7 than to 64. GPUs also work badly on 4 images.
#
# I would keep the images per GPU, not the global batch: 64 times 128 is 8,192 images a step. There
# are fewer steps in an epoch then, so the rate goes up by the linear rule, to 3.2, after a warm-up of
# about five epochs from 0.1. Up to about this batch the paper found no loss of accuracy, beyond it
# there was one; I would measure it with a few seeds, at equal numbers of images.
#
# Statistics of 4 images are noisy, and every GPU would normalize differently: it is another network,
# and its moving statistics drift apart. With 128 images on each GPU that matters less; otherwise
# they are synchronized, within a machine at least, where latency is small.
#
# To check it, one step on 2 devices must give the weights of one device, to rounding: the loss
# divided by the global batch, gradients added, clipped after the sum, other masks on every replica,
# the last batch uneven.
#
# Splitting the layers sends feature maps instead of gradients, for each image, forward and backward,
# and in convolutions these are large and weights few. It also makes GPUs wait for one another. It is
# the right idea where the network does not fit into one GPU's memory, as for AlexNet, or for layers
# with many weights and few values, such as AlexNet's dense ones.
#
# **Marking scheme** (4 points)
#
# - 1: the exchange per GPU does not shrink with the number of GPUs (about twice the gradients' size),
#   while the arithmetic does; so the speed-up is far below 64, with a number for it.
# - 1: a larger global batch, with the rate by the linear rule and a warm-up, and its limit (accuracy
#   is lost beyond some size; fewer steps). Half a point without warm-up or without the limit.
# - 1: statistics of 4 images make another network; synchronized, or enough images on each GPU. And a
#   check against one device that could fail. Half a point for one of the two.
# - 1: model parallelism sends activations, data parallelism gradients; it is for what does not fit,
#   or for layers with many weights and small outputs.
# ### END SOLUTION

# %% [markdown]
# So data parallelism is a sum that has to be taken over the right things: examples, gradients,
# statistics, bytes. Before you submit: *Kernel → Restart Kernel and Run All Cells*, and save; then
# follow *hand in* on the start page (`START.md`), or run `course submit 12_distributed` in a
# terminal.

# %% nbgrader={"grade": false, "grade_id": "examples_summary", "locked": true, "schema_version": 3, "solution": false, "task": false}
checks.summary()
