"""How fast is a run? Against ``model.fit`` on arrays in memory, in turns.

    course bench --training

prints the ratios.
"""

from __future__ import annotations

import statistics
import tempfile
from typing import Any

from course.bench import alternate, ratio
from course.training import checkpoints, pipelines
from course.training import plan as planning
from course.training.options import Options


def against_fit(
    name: str = "resnet20_cifar",
    dataset: str = "course_shapes",
    *,
    image_size: tuple[int, int] = (16, 16),
    batch_size: int = 32,
    steps: int = 100,
    rounds: int = 5,
    augment: bool = False,
) -> dict[str, Any]:
    """Seconds of an epoch with ours, with ours without checkpoints, and with a bare ``fit``.

    All train one model on the same examples; they take turns, so that what else the machine does
    meets all of them. A checkpoint is timed by itself as well: its share may be smaller than what
    the machine's unrest leaves of a difference between epochs.

    Args:
        name: of the architecture.
        dataset: of :mod:`course.datasets`.
        image_size: (height, width) to scale the images to.
        batch_size: examples a step.
        steps: of an epoch, at whose end ours writes a checkpoint.
        rounds: timed epochs of each.
        augment: crop and flip in ours.

    Returns:
        ``ours``, ``without``, ``fit`` and ``checkpoint`` (taken and brought to the disk, which a
        run does beside its next steps), medians in seconds; the medians of ours over fit
        (``against_fit``), of ours over ours without (``checkpoints``), and of a checkpoint over
        ours without (``alone``).
    """
    import course.quiet  # noqa: F401
    from course.training import network
    from course.training.distribution import prepare
    from course.training.hooks import Hooks

    options = Options(
        name,
        dataset,
        "default",
        batch_size=batch_size,
        image_size=image_size,
        limit=steps * batch_size,
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
                steps_per_epoch=steps,
                every=steps,
                writer=used,
                values=lambda step: {"step": step},
            )
            for used in (writer, None)
        )

        def epoch(hooks):
            network.fit(trainee, feed, hooks.step // steps, 0, steps, hooks)
            hooks.save()

        def save():
            hooks.save(always=True)
            writer.wait()

        contestants = {
            "ours": lambda: epoch(hooks),
            "without": lambda: epoch(bare),
            "fit": lambda: model.fit(images, rows, batch_size=batch_size, verbose=0),
            "checkpoint": save,
        }
        alternate(contestants.values(), 1)  # compiles
        seconds = dict(zip(contestants, alternate(contestants.values(), rounds), strict=True))
    return {
        **{key: round(statistics.median(values), 4) for key, values in seconds.items()},
        "against_fit": round(ratio([seconds["ours"], seconds["fit"]]), 4),
        "checkpoints": round(ratio([seconds["ours"], seconds["without"]]), 4),
        "alone": round(ratio([seconds["checkpoint"], seconds["without"]]), 4),
    }
