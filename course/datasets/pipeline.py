"""Images and labels by name: as a tf.data pipeline, as numpy arrays, and what is known of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.datasets import records, sources, store
from course.datasets.resizing import resize
from course.datasets.store import DataDir, DatasetBuilder
from course.errors import UsageError
from course.keras_types import Array, Shape

if TYPE_CHECKING:
    import tensorflow as tf

# Shuffling holds this many decoded images in memory at most.
SHUFFLE_BUFFER = 10_000


@dataclass(frozen=True)
class Info:
    """What :func:`info` returns."""

    name: str
    class_names: tuple[str, ...]
    image_shape: Shape  # None where images differ in size
    splits: Mapping[str, int]  # examples
    description: str
    citation: str

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)


def names(data_dir: DataDir = None) -> list[str]:
    """List the datasets that :func:`load` can read offline: the course's own, and those on disk.

    Args:
        data_dir: folder for data; None takes TFDS_DATA_DIR or TFDS' own.

    Example:
        >>> names("an/empty/folder")
        ['course_shapes/source', 'course_shapes/target', 'digits']
    """
    return sorted({*sources.SOURCES, *store.prepared(data_dir)})


def info(name: str, data_dir: DataDir = None) -> Info:
    """Return classes, image shape, split sizes and citation of a dataset. Downloads nothing.

    Args:
        name, data_dir: as :func:`load`.

    Raises:
        DatasetNotFoundError: a set that is not on disk.

    Example:
        >>> info("digits").splits
        {'train': 1500, 'test': 297}
    """
    source = _source(name, data_dir)
    if source:
        return Info(
            name=source.name,
            class_names=source.class_names,
            image_shape=source.image_shape,
            splits=dict(source.splits),
            description=source.description,
            citation=source.citation,
        )
    found = store.builder(name, data_dir, download=False).info
    return Info(
        name=name,
        class_names=tuple(getattr(_feature(found, "label"), "names", ())),
        image_shape=_image_shape(found),
        splits={split: part.num_examples for split, part in found.splits.items()},
        description=found.description,
        citation=found.citation,
    )


def load(
    name: str,
    split: str = "train",
    batch_size: int | None = None,
    *,
    shuffle: bool = False,
    seed: int = 0,
    as_supervised: bool = True,
    image_size: tuple[int, int] | None = None,
    drop_remainder: bool = False,
    data_dir: DataDir = None,
    verbose: bool = False,
) -> tf.data.Dataset:
    """Make a ``tf.data`` pipeline of (image, label), in stored order unless shuffled.

    Args:
        name: ``digits``, ``course_shapes/source`` (or ``course_shapes``), ``course_shapes/target``,
            or any name of TFDS, such as ``cifar10``.
        split: ``train``, ``test``, or a part such as ``train[:80%]``.
        batch_size: examples a batch, at least 1; None for single examples.
        shuffle: a new order every epoch, through a buffer of 10,000 examples.
        seed: which orders; the same seed gives the same ones.
        as_supervised: False for dictionaries with everything the set has.
        image_size: (height, width) to resize to, needed to batch images of different sizes.
        drop_remainder: leave a last, smaller batch out.
        data_dir: folder for data; None takes TFDS_DATA_DIR or TFDS' own ``~/tensorflow_datasets``.
        verbose: show TFDS' messages and progress bars while a set is prepared.

    Returns:
        A Dataset of uint8 images (height, width, channels) and int64 labels, batched if asked.

    Raises:
        ImportError: TensorFlow is not installed.
        DatasetNotFoundError: a set that is neither on disk nor to be downloaded.
        UsageError: an unknown split, a batch size below 1, or images of different sizes in a batch.

    Example:
        >>> train = load("digits", "train", batch_size=100, shuffle=True)
        >>> [images.shape for images, labels in train.take(1)]
        [TensorShape([100, 8, 8, 1])]
    """
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size must be at least 1 or None; received {batch_size=}.")
    if not _tensorflow_is_there():
        raise ImportError(
            "load makes a tf.data pipeline, but TensorFlow is not installed. Use load_arrays."
        )
    source = sources.get_source(_checked(name))
    if source:
        source.select(split)  # a wrong split is told before anything is made
    builder = store.builder(name, data_dir, verbose=verbose)
    examples = _open(builder, split, shuffle, seed, as_supervised)
    if image_size:
        examples = _resized(examples, image_size, as_supervised)
    elif batch_size and None in _image_shape(builder.info):
        raise UsageError(_sizes_differ(name, _image_shape(builder.info)))
    if batch_size:
        examples = examples.batch(batch_size, drop_remainder=drop_remainder)
    return examples.prefetch(2)


def load_arrays(
    name: str,
    split: str = "train",
    *,
    image_size: tuple[int, int] | None = None,
    data_dir: DataDir = None,
    verbose: bool = False,
) -> tuple[Array, Array]:
    """Load images and labels of a split into memory.

    Needs no TensorFlow for the course's own sets. Where it is not installed, prepared sets of TFDS
    are read without it, if they are images with classes in TFRecord or ArrayRecord files.

    Args:
        name, split, image_size, data_dir, verbose: as :func:`load`.

    Returns:
        uint8 array of shape (examples, height, width, channels); int64 array of (examples,).

    Raises:
        DatasetNotFoundError, UsageError: as :func:`load`.

    Example:
        >>> images, labels = load_arrays("course_shapes/target")
        >>> images.shape, labels[:4]
        ((200, 32, 32, 3), array([0, 1, 2, 3]))
    """
    source = _source(name, data_dir)
    if source and (image_size is None or not _tensorflow_is_there()):
        images, labels = zip(*source.examples(split), strict=True)
        if image_size is None and len({image.shape for image in images}) > 1:
            raise UsageError(_sizes_differ(name, source.image_shape))
        images = resize(images, image_size) if image_size else np.stack(images)
        return images, np.array(labels, "int64")
    batches = load(
        name, split, 1024, image_size=image_size, data_dir=data_dir, verbose=verbose
    ).as_numpy_iterator()
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _source(name: str, data_dir: DataDir) -> sources.Source | None:
    """The set as the course itself reads it: its own sets, and others where there is no TensorFlow.

    Raises:
        DatasetNotFoundError: a set that is not on disk, where TFDS cannot download it.
        UsageError: a set that only TensorFlow can read.
    """
    own = sources.get_source(_checked(name))
    if own or _tensorflow_is_there():
        return own
    return records.source(name, store.locate(name, data_dir))


def _tensorflow_is_there() -> bool:
    return importlib.util.find_spec("tensorflow") is not None


def _sizes_differ(name: str, shape: Shape) -> str:
    return (
        f"Images must have one size to be batched; received images of {name!r}, whose shapes "
        f"are {shape}. Set image_size=(height, width)."
    )


def _checked(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise UsageError(f"name must be a dataset's name such as 'digits'; received name={name!r}.")
    return name


def _image_shape(found: Any) -> Shape:
    return tuple(getattr(_feature(found, "image"), "shape", ()))


def _feature(found: Any, name: str) -> Any:
    return found.features[name] if name in found.features else None  # noqa: SIM401 - has no get


def _open(
    builder: DatasetBuilder, split: str, shuffle: bool, seed: int, as_supervised: bool
) -> tf.data.Dataset:
    """The examples of a split, shuffled or not, with a clear word on what does not exist."""
    from course.datasets._tfds import tfds

    found = builder.info
    if as_supervised and not found.supervised_keys:
        raise UsageError(
            f"{found.name!r} has no (image, label) pairs; received as_supervised=True. "
            "Set as_supervised=False to get dictionaries."
        )
    try:
        count = found.splits[split].num_examples
        if count < 1:
            raise ValueError("an empty slice")
    except (KeyError, ValueError) as error:
        counts = {split: part.num_examples for split, part in found.splits.items()}
        raise UsageError(sources.bad_split(found.name, split, counts)) from error
    examples = builder.as_dataset(
        split=split,
        as_supervised=as_supervised,
        # TFDS keeps a set that says it is ordered, such as ours, in one order.
        shuffle_files=shuffle and not found.disable_shuffling,
        read_config=tfds.ReadConfig(shuffle_seed=seed),
    )
    if shuffle:
        buffer = min(count, SHUFFLE_BUFFER)
        examples = examples.shuffle(buffer, seed=seed, reshuffle_each_iteration=True)
    return examples


def _resized(
    examples: tf.data.Dataset, image_size: tuple[int, int], as_supervised: bool
) -> tf.data.Dataset:
    import tensorflow as tf

    def resize(image: tf.Tensor) -> tf.Tensor:
        smooth = tf.image.resize(image, image_size, antialias=True)
        return tf.cast(tf.round(smooth), image.dtype)

    if as_supervised:
        return examples.map(lambda image, label: (resize(image), label), tf.data.AUTOTUNE)
    return examples.map(
        lambda example: example | {"image": resize(example["image"])}, tf.data.AUTOTUNE
    )
