"""How fast is a run? Against ``model.fit`` on arrays in memory, in turns.

    course bench --training

prints the ratios.
"""

from __future__ import annotations

import tempfile

from course.bench import Seconds, alternate
from course.training import checkpoints, pipelines
from course.training import plan as planning
from course.training.options import Options

STEPS, BATCH = 100, 32


def against_fit(rounds: int, augment: bool, place: int) -> Seconds:
    """Seconds of an epoch with ours, with ours without checkpoints, and with a bare ``fit``.

    All train one ResNet-20 on the same 3,200 examples of 16x16; they take turns, so that what else
    the machine does meets all of them.

    Args:
        rounds: timed epochs of each.
        augment: crop and flip in ours.
        place: ours is compiled first if it is even.

    Returns:
        For each round the seconds of ``ours``, with a checkpoint at the end that is waited for
        (a run writes it beside its next steps); of ours ``without``; of ``fit``; and of a
        ``checkpoint`` by itself, whose share of an epoch is smaller than what the machine's unrest
        leaves of a difference between epochs.
    """
    from course.training import network
    from course.training.distribution import prepare
    from course.training.hooks import Hooks

    options = Options(
        "resnet20_cifar",
        "course_shapes",
        "default",
        batch_size=BATCH,
        image_size=(16, 16),
        limit=STEPS * BATCH,
    )
    plan = planning.resolve(options, planning.load(options))
    devices, stage = prepare("none"), plan.stages[0][1]
    if augment:
        stage = type(stage)(1.0, 1.0, (("crop", 4), ("flip",)))
    trainee = network.build(plan, stage, devices)
    model = trainee.model
    images, labels = plan.data.train
    rows = pipelines.one_hot(labels, plan.data.classes)
    feed = plan.feed(stage)

    with tempfile.TemporaryDirectory() as folder, checkpoints.Writer(folder) as writer:
        hooks, bare = (
            Hooks(
                model,
                first=0,
                steps_per_epoch=STEPS,
                every=STEPS,
                writer=used,
                values=lambda step: {"step": step},
            )
            for used in (writer, None)
        )

        def epoch(hooks):
            network.fit(trainee, feed, hooks.step // STEPS, 0, STEPS, hooks)
            hooks.save()
            writer.wait()

        def save():
            hooks.save(always=True)
            writer.wait()

        contestants = {
            "ours": lambda: epoch(hooks),
            "without": lambda: epoch(bare),
            "fit": lambda: model.fit(images, rows, batch_size=BATCH, verbose=0),
            "checkpoint": save,
        }
        if place % 2:
            contestants = dict(reversed(contestants.items()))
        alternate(contestants, 1)  # compiles
        return alternate(contestants, rounds)
