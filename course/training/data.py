"""The images of a run, loaded into memory and split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course.errors import UsageError
from course.training.options import Options
from course.training.pipelines import color_statistics


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images in memory: to learn from, and to evaluate on."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    test_name: str
    classes: int
    mean: list[float]
    deviation: list[float]


def load(options: Options, data_dir=None) -> TrainingData:
    """The images of a run's set.

    Raises:
        UsageError: a set that is not there, without classes, or with images of different sizes.
    """
    from course import datasets

    try:
        return _load(options, data_dir)
    except datasets.DatasetNotFoundError as error:
        raise UsageError(str(error)) from error


def _load(options: Options, data_dir) -> TrainingData:
    from course import datasets

    info = datasets.info(options.dataset, data_dir) if _at_hand(options, data_dir) else None
    size = options.image_size
    if info and None in info.image_shape and not size:
        raise UsageError(
            f"Images must have one size; received {options.dataset!r} with images of "
            f"{info.image_shape}. Set --image-size, such as 224x224."
        )
    train = datasets.load_arrays(options.dataset, "train", image_size=size, data_dir=data_dir)
    info = info or datasets.info(options.dataset, data_dir)
    if info.num_classes < 2:
        raise UsageError(
            f"A set to train on has at least 2 classes; received {options.dataset!r} with "
            f"{info.num_classes}. course.datasets.names() lists the sets at hand."
        )
    train = tuple(part[: options.limit] for part in train)
    split = next((s for s in ("test", "validation") if s in info.splits), None)
    if options.validation or split is None:
        train, test = _held_out(*train, options.validation or 0.1, options.seed)
        name = "held out of train"
    else:
        test = datasets.load_arrays(options.dataset, split, image_size=size, data_dir=data_dir)
        name = split
    test = tuple(part[: options.test_limit] for part in test)
    return TrainingData(train, test, name, info.num_classes, *color_statistics(train[0]))


def _at_hand(options: Options, data_dir) -> bool:
    from course import datasets
    from course.datasets import sources

    return bool(sources.find(options.dataset)) or options.dataset in datasets.names(data_dir)


def _held_out(images, labels, share: float, seed: int):
    """(train, held out), drawn at random."""
    order = np.argsort(np.random.default_rng([seed, 2]).random(len(images)), kind="stable")
    count = max(1, round(share * len(images)))
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return (images[rest], labels[rest]), (images[held], labels[held])
