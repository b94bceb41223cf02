"""Prepared sets read without TensorFlow are what TFDS reads, or refused with the reason."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from course import datasets
from course.datasets import records, sources, store
from course.datasets.resizing import resize


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The digits in TFRecord files of several shards, and in ArrayRecord files."""
    pytest.importorskip("tensorflow_datasets")
    import tensorflow_datasets as tfds

    from course.datasets.digits import Digits

    made = tmp_path_factory.mktemp("sets")
    for form in ("tfrecord", "array_record"):
        builder = Digits(data_dir=made / "new", file_format=form)
        config = tfds.download.DownloadConfig(num_shards=3)
        builder.download_and_prepare(download_config=config, file_format=form)
        place = made / form / "1.0.0"
        place.parent.mkdir()
        shutil.move(builder.data_dir, place)
    return made


@pytest.mark.parametrize("form", ["tfrecord", "array_record"])
def test_the_examples_are_those_that_were_written(folder, form):
    if form == "array_record":
        pytest.importorskip("array_record")
    assert len(list((folder / form / "1.0.0").glob(f"*train.{form}*"))) == 3
    source = records.source("mine", folder / form / "1.0.0")
    assert source.name == "mine"
    assert source.class_names == tuple("0123456789")
    assert source.image_shape == (8, 8, 1)
    assert source.splits == {"train": 1500, "test": 297}
    for (image, label), (right, wanted) in zip(
        source.examples("test[250:]+train[40%:50%]"),
        sources.DIGITS.examples("test[250:]+train[40%:50%]"),
        strict=True,
    ):
        assert image.dtype == "uint8"
        np.testing.assert_array_equal(image, right)
        assert label == wanted


@pytest.mark.parametrize(
    ("name", "levels"), [("cifar10", 0), ("fashion_mnist", 0), ("flowers64", 8)]
)
def test_real_sets_are_what_tfds_reads(root, name, levels):
    shared = root.parent / "shared" / "tfds"
    if not (shared / name).exists():
        pytest.skip(f"no {name} in {shared}")
    images, labels = datasets.load_arrays(name, "test[-200:]", data_dir=shared)
    source = records.source(name, store.find_prepared(name, shared))
    for image, label, (own, known) in zip(
        images, labels, source.examples("test[-200:]"), strict=True
    ):
        assert np.abs(image.astype(int) - own).max() <= levels  # of 255; JPEG has two decoders
        assert label == known
    info = datasets.info(name, shared)
    assert (info.splits, info.class_names) == (source.splits, source.class_names)
    assert (info.image_shape, info.citation) == (source.image_shape, source.citation)


def _start(code, folder):
    environment = os.environ | {"KERAS_BACKEND": "jax", "TFDS_DATA_DIR": str(folder)}
    code = f"import tests.course.no_tensorflow\nfrom course import datasets\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sets_load_where_tensorflow_is_not_installed(folder, root, monkeypatch):
    monkeypatch.chdir(root)
    said = _start(
        """
import hashlib, sys
images, labels = datasets.load_arrays("tfrecord", "train")
print(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(), images.shape, labels.dtype)
print(datasets.info("tfrecord").splits, datasets.names())
for name, size in (("tfrecord", (5, 4)), ("digits", (5, 4))):
    print(datasets.load_arrays(name, "test", image_size=size)[0].sum())
def message(call, *arguments):
    try:
        call(*arguments)
    except (ImportError, ValueError, FileNotFoundError) as error:
        print(type(error).__name__, str(error).replace("\\n", " "))
message(datasets.load_arrays, "cifar100")
message(datasets.load_arrays, "tfrecord", "trial")
message(datasets.load, "tfrecord")
assert not {"tensorflow", "tensorflow_datasets", "keras"} & set(sys.modules)
""",
        folder,
    ).splitlines()
    images, labels = datasets.load_arrays("digits", "train")
    import hashlib

    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert said[0] == f"{digest} (1500, 8, 8, 1) int64"
    assert said[1].startswith(
        "{'train': 1500, 'test': 297} ['array_record', 'course_shapes/source'"
    )
    assert said[2] == said[3]
    assert said[4].startswith("DatasetNotFoundError Dataset 'cifar100' is not in")
    assert "only TensorFlow could download it, which is not installed" in said[4]
    assert "course.datasets cifar100" in said[4]
    assert "received split='trial' for 'tfrecord'" in said[5]
    assert said[6].startswith("ImportError load makes a tf.data pipeline")
    assert said[6].endswith("Use load_arrays.")


def _changed(folder, tmp_path, **changes):
    """A copy of the digits with another dataset_info.json."""
    place = tmp_path / "copy"
    shutil.copytree(folder / "tfrecord" / "1.0.0", place)
    about = json.loads((place / "dataset_info.json").read_text()) | changes
    (place / "dataset_info.json").write_text(json.dumps(about))
    return place


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fileFormat": "riegeli"},
            "'odd' with Image and ClassLabel in riegeli files. Install Ten",
        ),
        ({"supervisedKeys": {}}, "'odd' with no pairs in tfrecord files"),
    ],
)
def test_other_sets_are_refused(folder, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        records.source("odd", _changed(folder, tmp_path, **changes))


def test_a_file_that_is_cut_short_is_refused(folder, tmp_path):
    place = _changed(folder, tmp_path)
    path = sorted(place.glob("*test*"))[-1]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(
        ValueError, match=r"cut short after 296 examples. Prepare the dataset again"
    ):
        next(records.source("digits", place).examples("test"))


def test_classes_without_names_are_numbers(folder, tmp_path):
    place = _changed(folder, tmp_path)
    (place / "label.labels.txt").unlink()
    assert records.source("digits", place).class_names == tuple("0123456789")


def test_numbers_are_read_as_they_are_written():
    tf = pytest.importorskip("tensorflow")
    numbers = (0, 1, 127, 128, 300, 2**40, -1, -(2**63), 2**63 - 1)
    for number in numbers:
        integers = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
        text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"abc" * 100]))
        skipped = tf.train.Feature(float_list=tf.train.FloatList(value=[0.5]))
        feature = {"number": integers, "text": text, "floats": skipped}
        message = tf.train.Example(features=tf.train.Features(feature=feature))
        found = records._parse(message.SerializeToString())
        assert {key: bytes(v) if key == "text" else v for key, v in found.items()} == {
            "number": number,
            "text": b"abc" * 100,
        }


def test_resized_images_are_tensorflows():
    images, _ = datasets.load_arrays("course_shapes/target", "train[:20]")
    for size in ((16, 24), (45, 40)):
        theirs, _ = datasets.load_arrays("course_shapes/target", "train[:20]", image_size=size)
        ours = resize(images, size)
        assert ours.shape == theirs.shape == (20, *size, 3)
        assert ours.dtype == theirs.dtype
        assert np.abs(ours.astype(int) - theirs).max() <= 2
