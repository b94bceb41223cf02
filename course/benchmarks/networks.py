"""Speed of our networks beside those of ``keras.applications``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from course.benchmarks.timing import Comparison, Seconds, alternate, in_processes
from course.keras_types import Model, Tensor

NETWORKS = ("resnet50", "vgg16", "mobilenet_v2", "efficientnet_b0", "densenet121")
SHAPE = (224, 224, 3)
BATCH = 8


def race(name: str, rounds: int, process: int) -> dict[str, Seconds]:
    """Time building, a forward pass and a training step, of our network and of Keras'.

    Args:
        name: architecture that :data:`course.transfer.APPLICATIONS` knows.
        rounds: how often each training step is timed; building and a forward pass, which are
            shorter and vary more, are timed three times as often.
        process: number of the process; ours is built first in even ones.

    Returns:
        For each of ``build``, ``forward`` and ``train`` the seconds of ``ours`` and of ``theirs``.
    """
    import keras

    from course import architectures
    from course.transfer import APPLICATIONS

    theirs = getattr(keras.applications, APPLICATIONS[name].builder)
    builders: dict[str, Callable[[], Model]] = {
        "ours": lambda: architectures.build(name),
        "theirs": lambda: theirs(weights=None),
    }
    if process % 2:
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


def _steps(model: Model) -> dict[str, Callable[[], object]]:
    import keras
    import numpy as np
    import tensorflow as tf

    images = tf.constant(np.random.default_rng(0).normal(size=(BATCH, *SHAPE)).astype("float32"))
    labels = tf.constant(np.arange(BATCH))
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)

    @tf.function
    def forward() -> Tensor:
        return model(images, training=False)

    @tf.function
    def train() -> dict[str, Tensor]:
        return model.train_step((images, labels))

    return {"forward": forward, "train": train}


def run_bench(names: Sequence[str] = NETWORKS, rounds: int = 5, processes: int = 4) -> int:
    """Print how long ours takes relative to theirs."""
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
