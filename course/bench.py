"""How fast our networks are beside those of ``keras.applications``, timed in turn.

Machines differ and are shared; a ratio of two things timed alternately in one run says more than
seconds. Two networks of one and the same kind differ, too: by some percent, for as long as their
process lives, and the one that was built first more often is the slower. So each comparison is made
in several processes, and who is built first changes. Nothing here is a test.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, cycle, islice, permutations
from statistics import median

NETWORKS = ("resnet50", "vgg16", "mobilenet_v2", "efficientnet_b0", "densenet121")
SHAPE = (224, 224, 3)
BATCH = 8

Seconds = dict[str, list[float]]


def alternate(contestants: Mapping[str, Callable], rounds: int) -> Seconds:
    """Seconds of each contestant in each round; every round has another order.

    A contestant may be slow after a certain other one, so none always follows the same. What one
    leaves behind is cleared away before the next begins, not while its time is taken.
    """
    seconds: Seconds = {name: [] for name in contestants}
    orders = list(permutations(contestants))
    random.Random(0).shuffle(orders)
    for order in islice(cycle(orders), rounds):
        for name in order:
            gc.collect()
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


class Comparison:
    """Two contestants' seconds, round by round, of several processes."""

    def __init__(self, runs: Sequence[Seconds], one: str, other: str):
        self._ratios = [
            [first / second for first, second in zip(run[one], run[other], strict=True)]
            for run in runs
        ]
        self._shortest = [min(min(run[who]) for run in runs) for who in (one, other)]

    @property
    def ratio(self) -> float:
        """Median over all rounds of the one's time over the other's."""
        return median(chain.from_iterable(self._ratios))

    def __str__(self):
        one, other = self._shortest
        medians = [median(ratios) for ratios in self._ratios]
        spread = f"{min(medians):.3f} to {max(medians):.3f}"
        return f"{one:.3f} / {other:.3f} s, {self.ratio:.3f} ({spread})"


def in_processes(function: Callable, processes: int) -> list:
    """What a function gives in fresh processes, one after the other; it is called with 0, 1, …

    TensorFlow is loaded there already, without its messages.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, context, importlib.import_module, ("course.quiet",), max_tasks_per_child=1
    ) as pool:
        return list(pool.map(function, range(processes)))


def race(name: str, rounds: int, place: int) -> dict[str, Seconds]:
    """Time building, a forward pass and a training step of a network, ours and Keras'.

    Args:
        name: architecture that :data:`course.transfer.APPLICATIONS` knows.
        rounds: how often each training step is timed; building and a forward pass, which are
            shorter and more uneven, three times as often.
        place: ours is built first if it is even.

    Returns:
        For each of ``build``, ``forward`` and ``train`` the seconds of ``ours`` and of ``theirs``.
    """
    import keras

    from course import architectures
    from course.transfer import APPLICATIONS

    theirs = getattr(keras.applications, APPLICATIONS[name].builder)
    builders = {"ours": lambda: architectures.build(name), "theirs": lambda: theirs(weights=None)}
    if place % 2:
        builders = dict(reversed(builders.items()))
    alternate(builders, 1)
    found = {"build": alternate(builders, 3 * rounds)}
    keras.utils.clear_session()
    steps = {who: _steps(builder()) for who, builder in builders.items()}
    for kind in ("forward", "train"):
        contestants = {who: functions[kind] for who, functions in steps.items()}
        alternate(contestants, 2)  # traces, and lets allocators find their sizes
        found[kind] = alternate(contestants, rounds if kind == "train" else 3 * rounds)
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


def run_bench(names: Sequence[str] = NETWORKS, rounds: int = 5, processes: int = 4) -> int:
    """Print ratios of times, ours to theirs."""
    print(
        f"ours / keras.applications, batch {BATCH} of {SHAPE[0]}x{SHAPE[1]}, {processes} processes "
        f"of {rounds} rounds:\nshortest times, median ratio (medians of the processes)"
    )
    for name in names:
        runs = in_processes(partial(race, name, rounds), processes)
        for kind in runs[0]:
            found = Comparison([run[kind] for run in runs], "ours", "theirs")
            print(f"{name:<16} {kind:<8} {found}", flush=True)
    return 0


def run_training_bench(rounds: int = 5, processes: int = 4) -> int:
    """Print what `course train` costs beside a bare ``model.fit`` of the same model."""
    from course.training.measure import against_fit

    for augment in (False, True):
        runs = in_processes(partial(against_fit, rounds, augment), processes)
        print(f"resnet20_cifar, 100 steps of 32, 16x16{', crop and flip' if augment else ''}")
        for what, one, other in (
            ("an epoch / one of fit", "ours", "fit"),
            ("with a checkpoint each 100 steps / without", "with", "without"),
        ):
            print(f"  {what:<44} {Comparison(runs, one, other)}", flush=True)
    return 0
