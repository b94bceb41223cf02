"""Speed of training runs relative to a bare ``model.fit`` on arrays in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial

from course.benchmarks.timing import Comparison, Seconds, alternate, in_processes
from course.recipes import Phase
from course.training import checkpoints, pipelines
from course.training.data import load
from course.training.options import Options
from course.training.plan import resolve

STEPS, BATCH = 100, 32
PART = 20  # steps, with a checkpoint in the middle


def against_fit(rounds: int, augment: bool, process: int) -> Seconds:
    """Time 100 steps of our training, with and without a checkpoint, and of a bare ``fit``.

    All train one ResNet-20 on the same 3,200 examples of 16x16, in turn. Checkpoint overhead is too
    small to see in whole epochs, so it is measured on pieces of 20 steps with and without one.

    Args:
        rounds: timed epochs of ours and of ``fit``; the pieces take as long in all.
        augment: crop and flip in ours.
        process: number of the process; ours is compiled first in even ones.

    Returns:
        For each round the seconds of an epoch: ``ours``, including a checkpoint at its end, and
        ``fit``; ``with`` a checkpoint that is written during the next steps, and ``without``.
    """
    from course.training import distribution, network
    from course.training.callbacks import Checkpointer, RunCallbacks

    options = Options(
        "resnet20_cifar",
        "course_shapes",
        "default",
        batch_size=BATCH,
        image_size=(16, 16),
        limit=STEPS * BATCH,
    )
    plan = resolve(options, load(options))
    devices, phase = distribution.setup("none"), plan.phases[0][1]
    if augment:
        phase = Phase(1.0, 1.0, (("crop", 4), ("flip",)))
    trainee = network.build(plan, phase, devices)
    model = trainee.model
    images, labels = plan.data.train
    rows = pipelines.one_hot(labels, plan.data.classes)
    batches = plan.batch_source(phase)

    with tempfile.TemporaryDirectory() as folder, checkpoints.Writer(folder) as writer:
        saver = Checkpointer(writer, every=STEPS, values=lambda step: {"step": step})

        def callbacks() -> RunCallbacks:
            return RunCallbacks(model, first=0, steps_per_epoch=STEPS, checkpointer=saver)

        def run(callbacks: RunCallbacks, steps: int) -> None:
            epoch, start = divmod(callbacks.step, STEPS)
            part = pipelines.EpochPart(epoch, start, start + steps)
            devices.fit(model, batches, part, callbacks, static_batch=trainee.small)

        def epoch(callbacks: RunCallbacks) -> None:
            run(callbacks, STEPS)
            saver.save(model, callbacks.step, always=True)
            saver.wait()

        def part(callbacks: RunCallbacks, save: bool) -> None:
            run(callbacks, PART // 2)
            if save:
                saver.save(model, callbacks.step, always=True)
            run(callbacks, PART // 2)
            saver.wait()

        def fit() -> None:
            model.fit(images, rows, batch_size=BATCH, verbose=0)

        def turns(contestants: dict[str, Callable[[], None]], rounds: int) -> Seconds:
            if process % 2:
                contestants = dict(reversed(contestants.items()))
            alternate(contestants, 1)  # compiles
            return alternate(contestants, rounds)

        found = turns({"ours": partial(epoch, callbacks()), "fit": fit}, rounds)
        parts = STEPS // PART
        short = turns(
            {
                "with": partial(part, callbacks(), True),
                "without": partial(part, callbacks(), False),
            },
            parts * rounds,
        )
    both = list(zip(short["with"], short["without"], strict=True))
    found["with"] = [one + (parts - 1) * other for one, other in both]
    found["without"] = [parts * other for _, other in both]
    return found


def run_training_bench(rounds: int = 5, processes: int = 4) -> int:
    """Print how long `course train` takes relative to ``model.fit`` of the same model."""
    for augment in (False, True):
        runs = in_processes(partial(against_fit, rounds, augment), processes)
        print(f"resnet20_cifar, 100 steps of 32, 16x16{', crop and flip' if augment else ''}")
        for what, one, other in (
            ("an epoch / one of fit", "ours", "fit"),
            ("with a checkpoint every 100 steps / without", "with", "without"),
        ):
            print(f"  {what:<44} {Comparison(runs, one, other)}", flush=True)
    return 0
