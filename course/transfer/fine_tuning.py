"""Fine-tuning: a run of the course's trainer that starts from trained weights.

What it does otherwise than `course train` is in `course.transfer.tuning.TuningPlan`;
everything else, such as checkpoints, history and devices, is the same.
"""

from __future__ import annotations

import os
from typing import Any

from course.training import Result, train
from course.transfer.options import TuningOptions


def fine_tune(
    name: str,
    dataset: str,
    folder: str | os.PathLike[str],
    *,
    weights: str = "imagenet",
    phases: tuple[tuple[str, float], ...] = (("head", 1.0), ("all", 3.0)),
    resume: bool = False,
    checkpoint_every: int = 100,
    data_dir: str | os.PathLike[str] | None = None,
    quiet: bool = False,
    **options: Any,
) -> Result:
    """Fine-tune a network in phases, and leave everything in a folder as `course train` does.

    First a new head is trained on a frozen body, which runs in inference mode, dropout and batch
    normalization included: a random head would send random gradients through a good body. Then all
    is trained at a tenth of the learning rate. Each phase has the recipe's schedule from its
    beginning, and a new optimizer.

    Args:
        name: of an architecture.
        dataset: to tune for.
        folder: as in :func:`course.training.train`, also `resume`, `checkpoint_every`, `data_dir`
            and `quiet`.
        weights: to start from, see :func:`course.transfer.weights.load_pretrained`. The head's
            are new.
        phases: what is trained, and for how long, relative to the others: ``"head"``, ``"all"``, or
            the name of a layer, for all from it on.
        options: further fields of :class:`course.transfer.options.TuningOptions`, such as
            ``epochs``, ``learning_rate``, ``tuning_factor``, ``layer_decay``, ``batch_norm``.

    Returns:
        A :class:`course.training.Result`.

    Raises:
        UsageError: options that do not fit each other, the weights, the data, or the run in the
            folder; a loss that became NaN or infinite.

    Reference:
        Yosinski et al. 2014; Kumar et al., "Fine-tuning can distort pretrained features and
        underperform out-of-distribution", 2022, for the head first.

    Example:
        >>> run = fine_tune("resnet20_cifar", "course_shapes/target", "runs/tuned", epochs=2,
        ...                 weights="course_shapes", phases=(("head", 1), ("all", 1)), quiet=True)
        >>> [row["epoch"] for row in run.history]
        [1, 2]
    """
    chosen = TuningOptions(name, dataset, weights=weights, phases=phases, **options)
    return train(
        chosen,
        folder,
        resume=resume,
        checkpoint_every=checkpoint_every,
        data_dir=data_dir,
        quiet=quiet,
    )
