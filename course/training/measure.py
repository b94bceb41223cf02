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
    """Seconds of an epoch with ours and with a bare ``fit``, and of a checkpoint.

    All train one model on the same examples, as two models of a kind may differ by a tenth, by
    where their arrays lie. They take turns, so that what else the machine does meets all of them.

    Args:
        name: of the architecture.
        dataset: of :mod:`course.datasets`.
        image_size: (height, width) to scale the images to.
        batch_size: examples a step.
        steps: of an epoch, at whose end ours writes a checkpoint.
        rounds: timed epochs of each.
        augment: crop and flip in ours.

    Returns:
        ``ours``, ``fit`` and ``checkpoint`` (taken and brought to the disk, which a run does beside
        its next steps), medians in seconds; ``against_fit``, the median of ours over fit,
        and ``checkpoints``, of a checkpoint over ours.
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
    model = network.build(plan, stage, devices).model
    images, labels = plan.data.train
    rows = pipelines.one_hot(labels, plan.data.classes)
    feed = plan.feed(stage)

    with tempfile.TemporaryDirectory() as folder, checkpoints.Writer(folder) as writer:
        hooks = Hooks(
            model,
            first=0,
            steps_per_epoch=steps,
            every=steps,
            writer=writer,
            values=lambda step: {"step": step},
        )

        def epoch():
            network.fit(model, feed, hooks.step // steps, 0, steps, hooks)
            hooks.save()

        def save():
            hooks.save(always=True)
            writer.wait()

        contestants = {
            "ours": epoch,
            "fit": lambda: model.fit(images, rows, batch_size=batch_size, verbose=0),
            "checkpoint": save,
        }
        alternate(contestants.values(), 1)  # compiles
        seconds = dict(zip(contestants, alternate(contestants.values(), rounds), strict=True))
    return {
        **{key: round(statistics.median(values), 4) for key, values in seconds.items()},
        "against_fit": round(ratio([seconds["ours"], seconds["fit"]]), 4),
        "checkpoints": round(ratio([seconds["checkpoint"], seconds["ours"]]), 4),
    }
