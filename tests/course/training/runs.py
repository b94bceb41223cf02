"""Training runs in processes of their own, forked from one that has imported TensorFlow already.

    python -m tests.course.training.runs JOBS.json

Each job is ``{"folder", "options", "resume", "every", "profile", "die"}``; those of one folder run
one after another, and a single one in this very process. ``calls.txt`` has how often Python ran a
training step. `die` says when the run is killed with SIGKILL: ``{"step": n}`` after a step,
``{"write": n}`` in the middle of writing the n-th checkpoint, ``{"status": s}`` before `run.json`
says "running" or "finished", ``{"seconds": s}`` after a time from when training began.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

import course.quiet  # noqa: F401
from course import recipes
from course.architectures import registry
from course.recipes import Phase, Recipe
from course.training import distribution, network, trainer
from course.training.data import load
from course.training.observers import RunObserver
from course.training.options import Options
from course.training.plan import resolve

AUGMENTATIONS = (("crop", 4), ("flip",), ("cutout", 3), ("mixup", 0.4))


def tiny(input_shape, classes, classifier_activation, name, *, norm=False, dropout=0.0, heads=1):
    """A small net with everything that has a state."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(8, 3, strides=2, use_bias=not norm, name="conv1")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="bn1")(x) if norm else x
    x = layers.ReLU(name="relu1")(x)
    x = layers.SpatialDropout2D(dropout, name="drop1")(x) if dropout else x
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="drop2")(x) if dropout else x
    outputs = [
        layers.Dense(classes, classifier_activation, dtype="float32", name=f"predictions{n}")(x)
        for n in range(heads)
    ]
    return keras.Model(inputs, outputs if heads > 1 else outputs[0], name=name)


registry.register(
    "tiny", tiny, arguments={}, input_shape=(8, 8, 1), classes=10, paper="", table="", depth=2
)
plain = {"cite": "a test", "epochs": 2, "batch_size": 64, "learning_rate": 0.1}
recipes.RECIPES |= {
    "plain": Recipe(**plain, weight_decay=1e-3),
    "clipped": Recipe(**plain, clip_norm=0.05),
    "wild": Recipe(**plain | {"learning_rate": 1e12}),
    "full": Recipe(
        **plain,
        nesterov=True,
        weight_decay=1e-3,
        schedule="cosine",
        warmup_epochs=0.5,
        label_smoothing=0.1,
        augmentations=AUGMENTATIONS,
        tta_views=("plain", "flip"),
    ),
    "averaged": Recipe(
        **plain | {"learning_rate": 1e-3}, optimizer="rmsprop", ema=0.9, augmentations=AUGMENTATIONS
    ),
    "adamw": Recipe(
        **plain | {"learning_rate": 1e-2}, optimizer="adamw", weight_decay=0.1, decay_on="kernels"
    ),
    "growing": Recipe(
        **plain,
        phases=(Phase(0.5, 0.75, (("flip",),)), Phase(1.0, 1.0, (("flip",),))),
    ),
    "staged": Recipe(
        **plain,
        schedule="linear",
        phases=(
            Phase(0.5, 1.0, (("flip",),), {"dropout": 0.2}),
            Phase(1.0, 1.0, (("mixup", 0.4),), {"dropout": 0.4}),
        ),
    ),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killer(RunObserver):
    """Kills the process after a step, or before a status is written."""

    def __init__(self, die: dict) -> None:
        self._die = die

    def on_step(self, step, logs):
        if step >= self._die.get("step", float("inf")):
            _die()

    def on_status(self, status):
        if status == self._die.get("status"):
            _die()


def _kill_in_write(number: int) -> None:
    """Kill the process when it has a file written to the disk for the n-th time."""
    left, sync = [number], os.fsync

    def fsync(handle):
        left[0] -= 1
        if left[0] == 0:
            _die()
        sync(handle)

    os.fsync = fsync


def _count_calls(owner, name: str) -> list:
    """One entry for every call of a method; a compiled one is called when it is traced."""
    calls, method = [], getattr(owner, name)

    def counted(self, *arguments, **options):
        calls.append(name)
        return method(self, *arguments, **options)

    setattr(owner, name, counted)
    return calls


def masks(folder: Path, count: int) -> None:
    """``masks.npy``: what a dropout layer makes of ones, on each replica, in two steps."""
    import tensorflow as tf

    devices = distribution.setup("mirrored", count)
    options = Options("tiny", "digits", "plain", arguments={"dropout": 0.5}, batch_size=count)
    plan = resolve(options, load(options), count)
    trainee = network.build(plan, plan.phases[0][1], devices)
    layer = trainee.net.get_layer("drop2")
    draw = tf.function(lambda: layer(tf.ones((10, 30)), training=True))
    drawn = [[part.numpy() for part in devices.strategy.run(draw).values] for step in range(2)]
    folder.mkdir()
    np.save(folder / "masks.npy", drawn)


def run(job: dict) -> None:
    """One job in this process; what it raises goes into ``error.txt``."""
    folder = Path(job["folder"])
    if "masks" in job:
        return masks(folder, job["masks"])
    die = job.get("die", {})
    if "write" in die:
        _kill_in_write(die["write"])
    calls = _count_calls(keras.Model, "train_step")
    try:
        trainer.train(
            Options(**{"name": "tiny", "dataset": "digits"} | job["options"]),
            folder,
            resume=job.get("resume", False),
            checkpoint_every=job.get("every", 3),
            checkpoint_overhead=None,
            profile=job.get("profile", False),
            quiet=True,
            observers=[Killer(die)],
        )
    except ValueError as error:
        folder.mkdir(exist_ok=True)
        (folder / "error.txt").write_text(str(error))
    else:
        (folder / "calls.txt").write_text(str(len(calls)))


def fork(job: dict) -> None:
    """One job in a process of its own."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            run(job)
        except BaseException as error:
            print(f"{job}: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if "seconds" in job.get("die", {}):
        _kill_later(child, Path(job["folder"]), job["die"]["seconds"])
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(1)


def _kill_later(child: int, folder: Path, seconds: float) -> None:
    while not (folder / "run.json").exists():
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.005)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)


def play(jobs: list[dict]) -> int:
    """Every job in a process of its own, two folders at a time; 1 if a job failed."""
    folders: dict[str, list[dict]] = {}
    for job in jobs:
        folders.setdefault(job["folder"], []).append(job)
    running, failed = 0, 0
    for chain in folders.values():
        if running == 2:
            failed |= os.waitstatus_to_exitcode(os.wait()[1])
            running -= 1
        if not os.fork():
            for job in chain:
                fork(job)
            os._exit(0)
        running += 1
    for _ in range(running):
        failed |= os.waitstatus_to_exitcode(os.wait()[1])
    return min(abs(failed), 1)


if __name__ == "__main__":
    jobs = json.loads(Path(sys.argv[1]).read_text())
    if len(jobs) > 1:
        sys.exit(play(jobs))
    run(jobs[0])
