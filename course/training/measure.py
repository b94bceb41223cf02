"""How fast is a run? Against ``model.fit`` on arrays in memory, in turns.

    python -m course.training.measure resnet20_cifar course_shapes

prints seconds an epoch of both, and their ratio.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from typing import Any

from course.training import checkpoints, pipelines
from course.training import plan as planning
from course.training.options import Options


def against_fit(
    name: str = "resnet20_cifar",
    dataset: str = "course_shapes",
    *,
    batch_size: int = 128,
    limit: int = 2048,
    rounds: int = 5,
    augment: bool = False,
) -> dict[str, Any]:
    """Seconds an epoch of ours, with checkpoints and the watch for NaN, and of a bare ``fit``.

    Both train the same model with the same optimizer on the same examples; they take turns, so
    that what else the machine does meets both.

    Args:
        name: of the architecture.
        dataset: of :mod:`course.datasets`.
        batch_size: examples a step.
        limit: training examples.
        rounds: timed epochs of each.
        augment: crop and flip in ours.

    Returns:
        ``ours`` and ``fit``, medians in seconds; ``ratio``, the median of ours over fit.
    """
    import course.quiet  # noqa: F401
    from course.training import network
    from course.training.distribution import prepare
    from course.training.hooks import Hooks

    options = Options(name, dataset, "default", batch_size=batch_size, limit=limit)
    plan = planning.resolve(options, planning.load(options))
    devices, stage = prepare("none"), plan.stages[0][1]
    if augment:
        stage = type(stage)(1.0, 1.0, (("crop", 4), ("flip",)))
    ours, bare = (network.build(plan, stage, devices).model for _ in range(2))
    feed, steps = plan.feed(stage), plan.steps_per_epoch
    images, labels = (part[: steps * batch_size] for part in plan.data.train)
    rows = pipelines.one_hot(labels, plan.data.classes)
    times: dict[str, list[float]] = {"ours": [], "fit": []}
    with tempfile.TemporaryDirectory() as folder, checkpoints.Writer(folder) as writer:
        hooks = Hooks(
            ours,
            first=0,
            steps_per_epoch=steps,
            every=max(1, steps // 2),
            writer=writer,
            values=lambda step: {"step": step},
        )
        for epoch in range(rounds + 1):
            begin = time.perf_counter()
            network.fit(ours, feed, epoch, 0, steps, hooks)
            middle = time.perf_counter()
            bare.fit(images, rows, batch_size=batch_size, verbose=0)
            end = time.perf_counter()
            if epoch:  # the first one compiles
                times["ours"].append(middle - begin)
                times["fit"].append(end - middle)
    ratios = [a / b for a, b in zip(times["ours"], times["fit"], strict=True)]
    return {
        **{key: round(statistics.median(values), 4) for key, values in times.items()},
        "ratio": round(statistics.median(ratios), 4),
        "steps": steps,
        "rounds": rounds,
    }


if __name__ == "__main__":
    print(json.dumps(against_fit(*sys.argv[1:3])))
