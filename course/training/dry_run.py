"""What a run would be: its plan, what the model costs, how long it would take here."""

from __future__ import annotations

import time

import numpy as np

from course.training import plan as planning
from course.training.data import load
from course.training.distribution import prepare
from course.training.options import Options
from course.training.reports import duration, published

# Multiply-adds that a trial step may have, so that trying takes seconds on any machine.
_TRIAL_MACS = 3e10
# A step's backward pass costs about twice its forward pass.
_FORWARD_AND_BACKWARD = 3
# Values an optimizer keeps for each weight, besides the weight and its gradient.
_SLOTS = {"sgd": 1, "rmsprop": 2, "adam": 2, "adamw": 2}


def describe(options: Options, data_dir=None, steps: int = 3) -> str:
    """The plan as text, with an estimate of its time from a few measured steps.

    Args:
        options: of the run.
        data_dir: folder for data.
        steps: to measure.

    Raises:
        UsageError: as :func:`course.training.trainer.train`.
    """
    devices = prepare(options.distribute, options.devices)
    plan = planning.resolve(options, load(options, data_dir), devices.count)
    stage = plan.stages[-1][1]  # the one with the largest images

    from course import sizing
    from course.training import network

    trainee = network.build(plan, stage, devices)
    report = sizing.profile(trainee.net)
    count = 1 + 1 + _SLOTS[plan.recipe.optimizer] + bool(plan.recipe.ema)
    share = plan.batch_size // devices.count
    memory = 4 * report.params * count + share * 2 * report.activation_bytes
    seconds, measured = _seconds_a_step(trainee.model, plan, stage, report.macs, steps)
    paper = published(options.name, options.dataset)
    rows = {
        "parameters": f"{report.params:,} ({report.params_trainable:,} trainable)",
        "MACs": f"{report.macs:,} an image forward, "
        f"{_FORWARD_AND_BACKWARD * report.macs * plan.batch_size:,} a step",
        "memory": f"about {memory / 2**20:,.0f} MiB a device: weights, gradients, optimizer, and "
        f"activations of {share} images with their gradients",
        "steps": _how(options),
        "speed": f"{plan.batch_size / seconds:,.0f} images/s ({measured})",
        "time": f"about {duration(seconds * plan.steps)} without evaluation",
        "paper": f"{paper:g} % error" if paper is not None else "",
    }
    return f"{plan}\n" + "\n".join(f"  {k:<13}{v}" for k, v in rows.items() if v)


def _how(options: Options) -> str:
    """How steps are run, in words."""
    import keras

    from course.training import network

    if network.compiled(options):
        return "compiled with XLA"
    if keras.backend.backend() == "tensorflow":
        return "a graph of TensorFlow's, not compiled with XLA"
    return "not compiled: one operation at a time, many times slower; leave out --no-jit-compile"


def _seconds_a_step(model, plan, stage, macs: int, steps: int) -> tuple[float, str]:
    """Time of a step, from steps with as many images as can be tried in seconds."""
    import keras

    devices = max(1, plan.devices)
    images = int(_TRIAL_MACS / (_FORWARD_AND_BACKWARD * max(1, macs)))
    images = max(devices, min(plan.batch_size, images // devices * devices))
    pixels, labels = plan.batch_source(stage).batch(0, 0)
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
