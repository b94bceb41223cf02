"""Estimate a run without training: its plan, what the model costs, how long it would take here."""

from __future__ import annotations

import os
import time

import numpy as np

from course.keras_types import Model
from course.recipes import Phase
from course.training import distribution, summary
from course.training.data import load
from course.training.options import Options
from course.training.plan import Plan, resolve
from course.training.reports import published

# Multiply-adds that a trial step may have, so that trying takes seconds on any machine.
_TRIAL_MACS = 3e10
# A step's backward pass costs about twice its forward pass.
_FORWARD_AND_BACKWARD = 3
# Values an optimizer keeps for each weight, besides the weight and its gradient.
_SLOTS = {"sgd": 1, "rmsprop": 2, "adam": 2, "adamw": 2}


def describe(
    options: Options, data_dir: str | os.PathLike[str] | None = None, steps: int = 3
) -> str:
    """Return the plan as text, with an estimate of its time from a few measured steps.

    Args:
        options: of the run.
        data_dir: folder for data.
        steps: to measure.

    Raises:
        UsageError: as :func:`course.training.trainer.train`.
    """
    devices = distribution.setup(options.distribute, options.devices)
    plan = resolve(options, load(options, data_dir), devices.count)
    phase = plan.phases[-1][1]  # the one with the largest images

    from course import sizing
    from course.training import network

    trainee = network.build(plan, phase, devices)
    report = sizing.profile(trainee.net)
    count = 1 + 1 + _SLOTS[plan.recipe.optimizer] + bool(plan.recipe.ema)
    share = plan.batch_size // devices.count
    memory = 4 * report.params * count + share * 2 * report.activation_bytes
    seconds, measured = _seconds_per_step(trainee.model, plan, phase, report.macs, steps)
    paper = published(options)
    rows = {
        "parameters": f"{report.params:,} ({report.params_trainable:,} trainable)",
        "MACs": f"{report.macs:,} per image forward, "
        f"{_FORWARD_AND_BACKWARD * report.macs * plan.batch_size:,} per step",
        "memory": f"about {memory / 2**20:,.0f} MiB per device: weights, gradients, optimizer, and "
        f"activations of {share} images with their gradients",
        "steps": _how(options),
        "speed": f"{plan.batch_size / seconds:,.0f} images/s ({measured})",
        "time": f"about {summary.duration(seconds * plan.steps)} without evaluation",
        "paper": f"{paper:g} % error" if paper is not None else "",
    }
    return summary.table(summary.rows(plan) | rows)


def _how(options: Options) -> str:
    """How steps are run, in words."""
    import keras

    from course.training import network

    if network.uses_xla(options):
        return "compiled with XLA"
    if keras.backend.backend() == "tensorflow":
        return "a graph of TensorFlow's, not compiled with XLA"
    return "not compiled: one operation at a time, many times slower; leave out --no-jit-compile"


def _seconds_per_step(
    model: Model, plan: Plan, phase: Phase, macs: int, steps: int
) -> tuple[float, str]:
    """Time of a step, from steps with as many images as can be tried in seconds."""
    import keras

    devices = max(1, plan.devices)
    images = int(_TRIAL_MACS / (_FORWARD_AND_BACKWARD * max(1, macs)))
    images = max(devices, min(plan.batch_size, images // devices * devices))
    pixels, labels = plan.batch_source(phase).batch(0, 0)
    x = pixels[:images]
    y = [labels[:images]] * len(model.outputs) if len(model.outputs) > 1 else labels[:images]
    model.fit(x, y, batch_size=images, verbose=0)  # compiles
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        logs = (
            model.train_on_batch(x, y)
            if devices == 1
            else model.fit(x, y, batch_size=images, verbose=0)
        )
        if devices == 1 and keras.backend.backend() == "jax":
            np.asarray(logs)
        times.append(time.perf_counter() - begin)
    said = f"from {steps} steps of {images} images"
    return float(np.median(times)) * plan.batch_size / images, said
