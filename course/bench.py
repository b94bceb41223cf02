"""How fast our networks are beside those of ``keras.applications``, timed in turn.

Machines differ and are shared; a ratio of two things timed alternately in one run says more than
seconds. Nothing here is a test.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from statistics import median

NETWORKS = ("resnet50", "vgg16", "mobilenet_v2", "efficientnet_b0", "densenet121")
SHAPE = (224, 224, 3)
BATCH = 8


def alternate(functions: Sequence[Callable], rounds: int) -> list[list[float]]:
    """Seconds of each function in each round; who goes first changes from round to round.

    What one leaves behind is cleared away before the next begins, not while its time is taken.
    """
    seconds: list[list[float]] = [[] for _ in functions]
    order = list(enumerate(functions))
    for _ in range(rounds):
        order.reverse()
        for place, function in order:
            gc.collect()
            start = time.perf_counter()
            function()
            seconds[place].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: list[list[float]]) -> float:
    """Median over the rounds of the first function's time over the second's."""
    return median(ours / theirs for ours, theirs in zip(*seconds, strict=True))


def compare(name: str, rounds: int) -> dict[str, list[list[float]]]:
    """Time building, a forward pass and a training step of a network, ours and Keras'.

    Args:
        name: architecture that :data:`course.transfer.APPLICATIONS` knows.
        rounds: how often each is timed.

    Returns:
        For each of ``build``, ``forward`` and ``train`` the seconds of ours and of theirs.
    """
    import keras

    from course import architectures
    from course.transfer import APPLICATIONS

    theirs = getattr(keras.applications, APPLICATIONS[name].builder)
    builders = [lambda: architectures.build(name), lambda: theirs(weights=None)]
    found = {"build": alternate(builders, 3 * rounds)}  # short, and the most uneven
    keras.utils.clear_session()
    steps = [_steps(builder()) for builder in builders]
    for kind in ("forward", "train"):
        functions = [step[kind] for step in steps]
        alternate(functions, 2)  # traces, and lets allocators find their sizes
        found[kind] = alternate(functions, rounds)
    keras.utils.clear_session()
    return found


def _steps(model) -> dict[str, Callable]:
    import keras
    import numpy as np
    import tensorflow as tf

    images = tf.constant(np.random.default_rng(0).normal(size=(BATCH, *SHAPE)).astype("float32"))
    labels = tf.constant(np.arange(BATCH))
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)

    @tf.function
    def forward():
        return model(images, training=False)

    @tf.function
    def train():
        return model.train_step((images, labels))

    return {"forward": forward, "train": train}


def run_training_bench(rounds: int = 10) -> int:
    """Print what `course train` costs beside a bare ``model.fit`` of the same model."""
    from course.training.measure import against_fit

    for augment in (False, True):
        found = against_fit(rounds=rounds, augment=augment)
        print(
            f"resnet20_cifar, 100 steps of 32, 16x16{', crop and flip' if augment else ''}: "
            f"ours {found['ours']:.2f} s / fit {found['fit']:.2f} s = {found['against_fit']:.3f}; "
            f"a checkpoint each 100 steps: {100 * (found['checkpoints'] - 1):+.1f} %, by itself "
            f"{found['checkpoint']:.3f} s, {100 * found['alone']:.1f} %",
            flush=True,
        )
    return 0


def run_bench(names: Sequence[str] = NETWORKS, rounds: int = 10) -> int:
    """Print a table of ratios, ours to theirs."""
    import course.quiet  # noqa: F401

    print(f"seconds, batch {BATCH} of {SHAPE[0]}x{SHAPE[1]}: ours / keras.applications = ratio")
    for name in names:
        cells = [
            f"{kind} {min(pair[0]):.3f} / {min(pair[1]):.3f} = {ratio(pair):.3f}"
            for kind, pair in compare(name, rounds).items()
        ]
        print(f"{name:<16} " + "   ".join(cells), flush=True)
    return 0
