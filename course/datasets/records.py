"""Datasets in TFDS' layout, read without TensorFlow and TFDS: images with labels in record files.

A set's folder has its features and splits as JSON, and files of serialized ``tf.train.Example``
messages. Both formats are frozen, so that a few lines read them: TFRecord is a length, a checksum,
the message and another checksum per example; ArrayRecord has its own package.
"""

from __future__ import annotations

import io
import json
import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from course.datasets.sources import Source
from course.errors import UsageError

_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def source(name: str, folder: Path) -> Source:
    """Read a prepared dataset like the course's own: by split and position.

    Examples come in the order of the files. JPEG images may differ from TensorFlow's by a few
    levels, as its decoder is another.

    Args:
        name: of the set.
        folder: with ``dataset_info.json`` and ``features.json``.

    Raises:
        UsageError: another kind of set or of files.
    """
    about = json.loads((folder / "dataset_info.json").read_text())
    features = json.loads((folder / "features.json").read_text())["featuresDict"]["features"]
    pair = about.get("supervisedKeys", {}).get("tuple", {}).get("items", [])
    keys = [item.get("featureKey") for item in pair]
    kinds = [features.get(key, {}).get("pythonClassName", "").split(".")[-1] for key in keys]
    form = about.get("fileFormat", "tfrecord")
    if kinds != ["Image", "ClassLabel"] or form not in _READERS:
        raise UsageError(
            "Without TensorFlow, a dataset must be pairs of image and class in TFRecord or "
            f"ArrayRecord files; received {name!r} with {' and '.join(kinds) or 'no pairs'} in "
            f"{form} files. Install TensorFlow, or convert the set."
        )
    image, label = keys
    shape = tuple(int(side) for side in features[image]["image"]["shape"]["dimensions"])
    splits = {split["name"]: split for split in about["splits"]}

    @cache
    def records(split: str) -> Sequence[bytes | memoryview]:
        return _READERS[form](_files(folder, about["name"], form, splits[split]))

    def example(split: str, position: int) -> tuple[np.ndarray, int]:
        values = _parse(records(split)[position])
        return _decode(values[image], shape[-1]), int(values[label])

    return Source(
        name=name,
        description=about.get("description", ""),
        citation=about.get("citation", ""),
        homepage="",
        class_names=_class_names(folder, label, features[label]),
        image_shape=tuple(None if side < 0 else side for side in shape),
        splits={name: sum(map(int, split["shardLengths"])) for name, split in splits.items()},
        example=example,
    )


def _class_names(folder: Path, label: str, feature: dict[str, Any]) -> tuple[str, ...]:
    """The classes by name, or by number where they have none."""
    path = folder / f"{label}.labels.txt"
    if path.exists():
        return tuple(path.read_text().splitlines())
    return tuple(map(str, range(int(feature["classLabel"]["numClasses"]))))


def _files(folder: Path, dataset: str, form: str, split: dict[str, Any]) -> list[Path]:
    """The files of a split, in their order."""
    count, template = len(split["shardLengths"]), split.get("filepathTemplate", _TEMPLATE)
    names = []
    for number in range(count):
        values = {
            "DATASET": dataset,
            "SPLIT": split["name"],
            "FILEFORMAT": form,
            "SHARD_INDEX": f"{number:05d}",
            "NUM_SHARDS": f"{count:05d}",
            "SHARD_X_OF_Y": f"{number:05d}-of-{count:05d}",
        }
        names.append(folder / template.format(**values))
    return names


def _tfrecords(files: Sequence[Path]) -> list[memoryview]:
    """Map TFRecord files, and list their messages, which stay on disk until they are read.

    Raises:
        UsageError: a file that ends within a message.
    """
    found: list[memoryview] = []
    for path in files:
        with open(path, "rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        position = 0
        while position < len(data):
            start = position + 12  # after the length and its checksum
            length = struct.unpack_from("<Q", data, position)[0] if start <= len(data) else 0
            position = start + length + 4
            if position > len(data):
                raise UsageError(
                    f"{path} is cut short after {len(found)} examples. Prepare the dataset again."
                )
            found.append(data[start : start + length])
    return found


def _array_records(files: Sequence[Path]) -> Sequence[bytes | memoryview]:
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    return ArrayRecordDataSource([str(path) for path in files])


_READERS: dict[str, Callable[[Sequence[Path]], Sequence[bytes | memoryview]]] = {
    "tfrecord": _tfrecords,
    "array_record": _array_records,
}


def _parse(message: bytes | memoryview) -> dict[str, Any]:
    """The first value of each feature of a serialized ``tf.train.Example``; floats are left out."""
    values: dict[str, Any] = {}
    for _, features in _fields(memoryview(message)):
        for _, entry in _fields(features):
            key, feature = (part for _, part in _fields(entry))
            for kind, numbers in _fields(feature):
                first = next((value for _, value in _fields(numbers)), None)
                if kind == 3 and first is not None:  # integers, packed into bytes or not
                    first = _varint(first, 0)[0] if isinstance(first, memoryview) else first
                    first -= (first >> 63) << 64
                if kind != 2:
                    values[str(key, "utf8")] = first
    return values


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield number and value (int or memoryview) of each field of a protocol buffer message."""
    value: Any
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        value, position = _varint(data, position)
        if key & 7 == 2:  # bytes, after their number
            start, position = position, position + value
            value = data[start:position]
        yield key >> 3, value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """An integer of seven bits per byte, the lowest first, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, position


def _decode(data: memoryview, channels: int) -> np.ndarray:
    """A PNG or JPEG image as uint8 of shape (height, width, channels)."""
    from PIL import Image

    image = np.asarray(Image.open(io.BytesIO(data)).convert(_MODES[channels]))
    return image if channels > 1 else image[..., None]
