"""The images of a run, loaded into memory and split."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from course.errors import UsageError
from course.keras_types import Array
from course.training.options import Options
from course.training.pipelines import color_statistics

Examples = tuple[Array, Array]  # images and labels


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images in memory, to train on and to evaluate on.

    Attributes:
        train, evaluation: images of shape (examples, height, width, channels), uint8, and their
            labels, ints.
        evaluation_name: what is evaluated on: the dataset's "test" or "validation", or a part
            that is held out of "train".
        classes: how many there are.
        mean, std: of each channel of the training images, from 0 to 255.
    """

    train: Examples
    evaluation: Examples
    evaluation_name: str
    classes: int
    mean: list[float]
    std: list[float]


def load(options: Options, data_dir: str | os.PathLike[str] | None = None) -> TrainingData:
    """Load the images of a run's dataset.

    Raises:
        UsageError: a dataset that is not found, has no classes, or has images of several sizes.
    """
    from course import datasets

    try:
        return _load(options, data_dir)
    except datasets.DatasetNotFoundError as error:
        raise UsageError(str(error)) from error


def _load(options: Options, data_dir: str | os.PathLike[str] | None) -> TrainingData:
    from course import datasets

    info = datasets.info(options.dataset, data_dir) if _at_hand(options, data_dir) else None
    size = options.image_size
    if info and None in info.image_shape and not size:
        raise UsageError(
            f"Images must all have one size; received {options.dataset!r} with images of "
            f"{info.image_shape}. Set --image-size, such as 224x224."
        )
    images, labels = datasets.load_arrays(
        options.dataset, "train", image_size=size, data_dir=data_dir
    )
    info = info or datasets.info(options.dataset, data_dir)
    if info.num_classes < 2:
        raise UsageError(
            f"A dataset for training needs at least 2 classes; received {options.dataset!r} with "
            f"{info.num_classes}. course.datasets.names() lists the datasets at hand."
        )
    train = images[: options.limit], labels[: options.limit]
    split = next((s for s in ("test", "validation") if s in info.splits), None)
    if options.validation or split is None:
        train, evaluation = _held_out(train, options.validation or 0.1, options.seed)
        name = "held out of train"
    else:
        evaluation = datasets.load_arrays(
            options.dataset, split, image_size=size, data_dir=data_dir
        )
        name = split
    evaluation = evaluation[0][: options.test_limit], evaluation[1][: options.test_limit]
    return TrainingData(train, evaluation, name, info.num_classes, *color_statistics(train[0]))


def _at_hand(options: Options, data_dir: str | os.PathLike[str] | None) -> bool:
    from course import datasets
    from course.datasets import sources

    return bool(sources.get_source(options.dataset)) or options.dataset in datasets.names(data_dir)


def _held_out(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Split at random into (train, held out)."""
    images, labels = examples
    order = np.argsort(np.random.default_rng([seed, 2]).random(len(images)), kind="stable")
    count = max(1, round(fraction * len(images)))
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return (images[rest], labels[rest]), (images[held], labels[held])
