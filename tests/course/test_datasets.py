"""Datasets: our own images, TFDS' folders, and what is said when something is not there."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import datasets
from course.datasets import drawing, pipeline, sources, store
from course.datasets.__main__ import main

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "tfds"

# (set, split, index) -> start of the SHA-256 of the image's bytes. A change here is a new VERSION.
PINNED = {
    ("course_shapes/source", "train", 0): "195609ab68687584",
    ("course_shapes/source", "train", 5): "b14174a3b0a64f4e",
    ("course_shapes/source", "test", 1999): "fa934e560949cae8",
    ("course_shapes/target", "train", 3): "0d01b0f3d3e3c3f3",
    ("course_shapes/target", "test", 7): "690f4b3e6baaa949",
    ("digits", "test", 0): "e9ad7a857540feef",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Every test has an empty home, data folder and cache."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="session")
def ready(tmp_path_factory):
    """A folder in which digits and course_shapes/target are prepared."""
    folder = tmp_path_factory.mktemp("ready")
    for name in ("digits", "course_shapes/target"):
        store.builder(name, folder)
    return folder


@pytest.fixture
def no_network(monkeypatch):
    import requests

    def refuse(url, **_):
        raise requests.ConnectionError(f"no route to {url}")

    monkeypatch.setattr(requests, "head", refuse)


def real(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f"the real {name} is not in {REAL}")
    return REAL


def sha256(image: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def python(code: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def contents(batches):
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


# The images themselves


@pytest.mark.parametrize("where", PINNED)
def test_images_stay_the_same_from_version_to_version(where):
    config, split, index = where
    image, _ = sources.SOURCES[config].example(split, index)
    assert sha256(image) == PINNED[where]


def test_images_are_the_same_in_another_process_and_need_no_tensorflow():
    code = """
import hashlib, sys
from course import datasets
for name in ("course_shapes/source", "course_shapes/target", "digits"):
    images, labels = datasets.load_arrays(name, "test[:20]")
    print(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest())
print([name for name in sys.modules if name in ("tensorflow", "tensorflow_datasets", "keras")])
"""
    output, errors = python(code).communicate()
    expected = []
    for name in ("course_shapes/source", "course_shapes/target", "digits"):
        images, labels = datasets.load_arrays(name, "test[:20]")
        expected.append(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest())
    assert output.split("\n")[:4] == [*expected, "[]"], errors


def test_an_image_does_not_depend_on_those_before_it():
    forward = [sources.shape_example("train", index)[0] for index in range(12)]
    backward = [sources.shape_example("train", index)[0] for index in reversed(range(12))]
    np.testing.assert_array_equal(forward, backward[::-1])


def test_every_argument_of_an_image_makes_another_image():
    images = [
        sources.shape_example("train", 4)[0],
        sources.shape_example("train", 14)[0],
        sources.shape_example("test", 4)[0],
        sources.shape_example("train", 4, outline=True)[0],
        sources.shape_example("train", 4, seed=1)[0],
        sources.shape_example("train", 4, difficulty=0.5)[0],
    ]
    for first, second in combinations(images, 2):
        assert np.mean(first != second) > 0.5


@pytest.mark.parametrize("config", ["source", "target"])
def test_shapes_are_balanced_and_use_the_range(config):
    images, labels = datasets.load_arrays(f"course_shapes/{config}", "test[:200]")
    assert images.shape == (200, 32, 32, 3) and images.dtype == np.uint8
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(labels), [20] * 10)
    assert images.min() < 20 and images.max() > 235
    assert np.all(images.std(axis=(1, 2, 3)) > 10)  # nothing is blank


def test_color_does_not_tell_the_class():
    images, labels = datasets.load_arrays("course_shapes", "train[:2000]")
    colors = images.mean(axis=(1, 2))
    means = np.array([colors[labels == label].mean(axis=0) for label in range(10)])
    assert np.ptp(means, axis=0).max() < 0.5 * colors.std(axis=0).max()


def test_the_ten_shapes_differ_and_none_is_cut_off():
    y, x = np.mgrid[-1.3:1.3:80j, -1.3:1.3:80j]
    masks = {name: shape(x, y) < 0 for name, shape in drawing.SHAPES.items()}
    for mask in masks.values():
        assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any()
    for one, other in combinations(masks, 2):
        both, either = masks[one] & masks[other], masks[one] | masks[other]
        assert both.sum() / either.sum() < 0.9, (one, other)


def test_an_outline_leaves_the_inside_as_it_is():
    def changed(outline):
        # The middle of a disc differs from the picture's corner, the middle of a circle does not.
        image, _ = sources.shape_example("train", 0, outline=outline, difficulty=0.0)
        middle = image[13:19, 13:19].astype(float).mean(axis=(0, 1))
        corner = image[:3, :3].astype(float).mean(axis=(0, 1))
        return np.abs(middle - corner).max()

    assert changed(outline=True) < 12 < 60 < changed(outline=False)


def test_drawing_speed(record_property):
    start = time.perf_counter()
    for index in range(200):
        sources.shape_example("train", index)
    milliseconds = (time.perf_counter() - start) / 200 * 1e3
    record_property("milliseconds_an_image", milliseconds)
    print(f"{milliseconds:.2f} ms an image")


@pytest.mark.parametrize("arguments", [{"label": 10}, {"label": -1}, {"difficulty": 1.1}])
def test_drawing_refuses_what_it_cannot_draw(arguments):
    (name, value), *_ = arguments.items()
    with pytest.raises(ValueError, match=rf"{name} must be 0 to .*received {name}={value}"):
        drawing.draw(**{"label": 0, "rng": np.random.default_rng(0)} | arguments)


def test_the_record_of_difficulty_is_of_these_images():
    record = json.loads((ROOT / "data" / "course_shapes.json").read_text())
    assert record["version"] == sources.VERSION
    assert record["splits"] == {name: dict(s.splits) for name, s in sources.SOURCES.items()}
    mean = record["mean"]
    assert mean["linear"] < 0.4 and mean["small_cnn"] > 0.7
    assert mean["target_fine_tuned"] > mean["target_from_scratch"]
    assert max(record["milliseconds_an_image"].values()) < 0.5
    for key, value in mean.items():
        assert value == pytest.approx(np.mean([run[key] for run in record["runs"]]), abs=1e-4)


def test_digits_are_scikit_learns(ready):
    from sklearn.datasets import load_digits

    theirs = load_digits()
    for split, part in {"train": slice(None, 1500), "test": slice(1500, None)}.items():
        images, labels = datasets.load_arrays("digits", split)
        np.testing.assert_array_equal(np.rint(images[..., 0] * (16 / 255)), theirs.images[part])
        np.testing.assert_array_equal(labels, theirs.target[part])
        assert images.max() == 255 and images.shape[1:] == (8, 8, 1)
        assert np.bincount(labels).min() > 0.08 * len(labels)
        on_disk = contents(datasets.load("digits", split, 500, data_dir=ready))
        np.testing.assert_array_equal(on_disk[0], images)
        np.testing.assert_array_equal(on_disk[1], labels)


# Splits


@pytest.mark.parametrize(
    "split",
    ["train[:7]", "train[-5:]", "test[10:30]", "train[1%:3%]", "test[:67%]", "test[50%:]",
     "test[-15%:]", "test[:-290]", "test[:5]+train[:5]", "train[:5] + train[2:4]"],
)  # fmt: skip
def test_slices_mean_what_they_mean_in_tfds(split, ready):
    expected = contents(datasets.load("digits", split, 100, data_dir=ready))
    images, labels = datasets.load_arrays("digits", split)
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(labels, expected[1])


@pytest.mark.parametrize(
    "split", ["val", "train[", "train[:1.5]", "", "train[:0]", "train[9:3]", "test[:298]", "train-"]
)
def test_a_bad_split_is_answered_with_the_splits(split, ready):
    message = r"must be one of 'train' \(1,500 examples\), 'test' \(297 examples\)"
    for call in (datasets.load, datasets.load_arrays):
        with pytest.raises(ValueError, match=message) as caught:
            call("digits", split, data_dir=ready)
        assert f"received split={split!r}" in str(caught.value)


def test_a_bad_split_makes_nothing(home):
    with pytest.raises(ValueError, match="split must be"):
        datasets.load("course_shapes", "validation")
    assert not (home / "data").exists()


# Pipelines


def test_the_pipeline_gives_the_drawn_images(ready):
    for split in ("train", "test[:300]"):
        on_disk = contents(datasets.load("course_shapes/target", split, 64, data_dir=ready))
        in_memory = datasets.load_arrays("course_shapes/target", split)
        np.testing.assert_array_equal(on_disk[0], in_memory[0])
        np.testing.assert_array_equal(on_disk[1], in_memory[1])


def test_batches_and_the_last_one(ready):
    sizes = [len(labels) for _, labels in datasets.load("digits", "test", 100, data_dir=ready)]
    assert sizes == [100, 100, 97]
    full = datasets.load("digits", "test", 100, drop_remainder=True, data_dir=ready)
    assert [len(labels) for _, labels in full] == [100, 100]
    single = datasets.load("digits", "test", data_dir=ready)
    assert len(single) == 297 and single.element_spec[0].shape == (8, 8, 1)
    assert single.element_spec[0].dtype == "uint8" and single.element_spec[1].dtype == "int64"


def test_shuffling_is_seeded_and_loses_nothing(ready):
    def orders(**options):
        batches = datasets.load("course_shapes/target", "train", 200, data_dir=ready, **options)
        return [contents(batches)[0].reshape(200, -1)[:, :50] for _ in range(2)]

    plain = orders()
    np.testing.assert_array_equal(plain[0], plain[1])
    first, again, other = (orders(shuffle=True, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[0], first[1])  # a new order every epoch
    for order in (*first, *other):
        np.testing.assert_array_equal(np.unique(order, axis=0), np.unique(plain[0], axis=0))


def test_resized_and_unsupervised(ready):
    options = {"image_size": (16, 12), "data_dir": ready}
    batch = next(iter(datasets.load("digits", "test", 10, as_supervised=False, **options)))
    assert sorted(batch) == ["image", "label"]
    assert batch["image"].shape == (10, 16, 12, 1) and batch["image"].dtype == "uint8"
    images, labels = datasets.load_arrays("digits", "test[:10]", **options)
    np.testing.assert_array_equal(images, batch["image"])
    original, _ = datasets.load_arrays("digits", "test[:10]")
    assert images.mean() == pytest.approx(original.mean(), rel=0.05)
    assert len(labels) == 10


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_needs_an_example(size):
    with pytest.raises(ValueError, match=f"at least 1 or None; received batch_size={size}"):
        datasets.load("digits", batch_size=size)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_text(name):
    for call in (datasets.load, datasets.load_arrays, datasets.info):
        with pytest.raises(ValueError, match="received name="):
            call(name)


# Preparing


def test_two_processes_may_prepare_the_same_set(home):
    code = """
import sys, time, pathlib
from course import datasets
from course.datasets import store
from course.datasets._tfds import tfds
import course.datasets.course_shapes, course.datasets.digits, tensorflow
go = pathlib.Path(sys.argv[1])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.01)
store._make(store.sources.get_source("course_shapes/target"), store.folders()[0], False)
images, labels = datasets.load_arrays("course_shapes/target")
batches = datasets.load("course_shapes/target", "train", 200)
assert (next(iter(batches))[0].numpy() == images).all()
print("same")
"""
    go = home / "go"
    command = [sys.executable, "-c", code, str(go)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(command, **options) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    go.touch()
    for process in processes:
        output, errors = process.communicate(timeout=60)
        # Nothing but our own words: no banner, no progress bar, no warning.
        assert (output, errors, process.returncode) == ("same\n", "", 0)
    assert os.listdir(home / "data") == ["course_shapes"]  # and no scratch folder


def test_a_set_that_somebody_else_has_just_made_is_taken(ready, home, monkeypatch):
    """The other process finishes between our look and our rename."""
    place = home / "data" / "digits" / sources.VERSION
    rename = os.rename

    def late(old, new):
        if not place.exists():
            shutil.copytree(ready / "digits" / sources.VERSION, place)
        rename(old, new)

    monkeypatch.setattr(store.os, "rename", late)
    assert len(datasets.load("digits", "test")) == 297
    assert os.listdir(home / "data") == ["digits"]


def test_a_failed_preparation_leaves_nothing_behind(home, monkeypatch):
    from course.datasets import Digits

    def broken(self, split):
        yield 0, {"image": np.zeros((8, 8, 1), np.uint8), "label": 0}
        raise OSError("the disk is full")

    monkeypatch.setattr(Digits, "_generate_examples", broken)
    with pytest.raises(OSError, match="the disk is full"):
        datasets.load("digits")
    assert store.find_prepared("digits") is None and not list((home / "data").glob(".incomplete*"))
    monkeypatch.undo()


def test_what_a_killed_process_left_is_no_set(home, ready):
    shutil.copytree(ready / "digits", home / "data" / ".incomplete-x" / "digits")
    assert datasets.names() == ["course_shapes/source", "course_shapes/target", "digits"]


def test_a_read_only_folder_is_read_and_left_alone(home, ready):
    data = home / "data"
    shutil.copytree(ready / "course_shapes", data / "course_shapes")
    data.chmod(0o555)
    try:
        assert len(datasets.load("course_shapes/target", "train")) == 200
        assert not (home / "cache" / "convnet-course").exists()
        assert len(datasets.load("digits", "test")) == 297
        assert os.listdir(data) == ["course_shapes"]
        assert store.find_prepared("digits").is_relative_to(home / "cache" / "convnet-course")
    finally:
        data.chmod(0o755)


def test_nowhere_to_write(home):
    for folder in ("data", "cache"):
        (home / folder).mkdir(mode=0o555)
    with pytest.raises(PermissionError, match="Set TFDS_DATA_DIR or XDG_CACHE_HOME"):
        datasets.load("digits")


def test_folders_follow_argument_then_environment_then_home(home, monkeypatch):
    cache = home / "cache" / "convnet-course"
    assert store.folders("here") == [Path("here"), cache]
    assert store.folders() == [home / "data", cache]
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME")
    home = home / "home"
    assert store.folders() == [home / "tensorflow_datasets", home / ".cache" / "convnet-course"]


def test_builders_are_tfds_own_kind_and_take_a_config_of_ones_own(home):
    from course.datasets._tfds import tfds
    from course.datasets.course_shapes import CourseShapes, ShapesConfig

    assert issubclass(datasets.Digits, tfds.core.GeneratorBasedBuilder)
    assert datasets.CourseShapes is CourseShapes
    assert list(CourseShapes.builder_configs) == ["source", "target"]
    source = sources.course_shapes("other", train=20, test=10, difficulty=0.2, seed=5)
    builder = CourseShapes(config=ShapesConfig(name="other", source=source), data_dir=home)
    builder.download_and_prepare()
    image = next(iter(builder.as_dataset(split="train", as_supervised=True)))[0].numpy()
    np.testing.assert_array_equal(
        image, sources.shape_example("train", 0, difficulty=0.2, seed=5)[0]
    )
    assert builder.info.splits["train"].num_examples == 20
    assert "seed 5" in builder.info.citation
    with pytest.raises(ValueError, match="train=0"):
        sources.course_shapes("none", train=0)


def test_a_folder_without_builder_code_is_read(home, ready):
    """TFDS writes the set's name into its files; the folder's name is what is asked for."""
    for version in ("0.9.0", "0.10.0"):
        shutil.copytree(ready / "digits" / sources.VERSION, home / "data" / "mystery" / version)
    shutil.copytree(ready / "course_shapes", home / "data" / "odd")
    assert {"mystery", "odd/target"} < set(datasets.names())
    assert store.find_prepared("mystery").name == "0.10.0"
    assert store.find_prepared("mystery:0.9.0").name == "0.9.0"
    assert store.find_prepared("mystery:0.8.0") is None
    assert len(datasets.load("mystery", "test")) == 297
    assert len(datasets.load("odd", "train")) == 200  # its only config
    assert datasets.info("mystery").splits == {"train": 1500, "test": 297}


# What is not there


def test_a_set_that_cannot_be_downloaded(home, no_network):
    with pytest.raises(datasets.DatasetNotFoundError) as caught:
        datasets.load("mnist")
    message = str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert f"'mnist' is not in {home / 'data'} and {home / 'cache'}" in message
    assert "no answer from https://" in message
    assert f"TFDS_DATA_DIR={home / 'data'} python -m course.datasets mnist" in message
    assert "Did you mean" not in message
    assert len(message.splitlines()) == 3


def test_a_download_that_breaks_off(monkeypatch):
    import requests

    from course.datasets._tfds import tfds

    def break_off(self, **_):
        raise RuntimeError("connection reset\nand forty lines more")

    monkeypatch.setattr(requests, "head", lambda url, **_: None)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", break_off)
    with pytest.raises(datasets.DatasetNotFoundError, match=r"\(RuntimeError: connection reset\)"):
        datasets.load("mnist")


@pytest.mark.parametrize(
    "wrong, right",
    [
        ("cifer10", "cifar10"),
        ("course_shape", "course_shapes"),
        ("course_shapes/sorce", "course_shapes/source"),
        ("digit", "digits"),
        ("glue/mrcp", "glue/mrpc"),
    ],
)
def test_a_misspelt_name_is_answered_with_near_ones(wrong, right, no_network):
    with pytest.raises(datasets.DatasetNotFoundError, match="Did you mean") as caught:
        datasets.load(wrong)
    assert f"{right!r}" in str(caught.value).split("Did you mean")[1]
    assert "python -m" not in str(caught.value)  # no command would help


def test_info_downloads_nothing(home):
    with pytest.raises(datasets.DatasetNotFoundError, match="downloads are turned off"):
        datasets.info("mnist")
    assert not (home / "data").exists()


def test_info_of_our_own_is_what_the_builders_say(ready):
    digits = datasets.info("digits")
    assert (digits.num_classes, digits.class_names[3], digits.image_shape) == (10, "3", (8, 8, 1))
    assert "Alpaydin" in digits.citation
    target = datasets.info("course_shapes/target")
    assert datasets.info("course_shapes").splits == {"train": 10_000, "test": 2_000}
    written = store.builder("course_shapes/target", ready).info
    assert tuple(written.features["label"].names) == target.class_names
    assert written.features["image"].shape == target.image_shape
    assert {k: v.num_examples for k, v in written.splits.items()} == target.splits
    assert written.citation == target.citation and written.description == target.description


def test_images_of_different_sizes_need_a_size(monkeypatch, ready):
    monkeypatch.setattr(pipeline, "_image_shape", lambda found: (None, None, 3))
    with pytest.raises(ValueError, match="Set image_size"):
        datasets.load("digits", "test", 10, data_dir=ready)


def test_the_command_prepares_lists_and_explains(home, capsys, no_network):
    assert main(["digits"]) == 0
    assert str(home / "data" / "digits" / sources.VERSION) in capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out.split() == datasets.names()
    assert main(["cifer10"]) == 1
    assert "Did you mean 'cifar10'" in capsys.readouterr().err


# Real sets


@pytest.mark.parametrize(
    "name, shape, classes, counts",
    [
        ("cifar10", (32, 32, 3), 10, {"train": 50_000, "test": 10_000}),
        ("fashion_mnist", (28, 28, 1), 10, {"train": 60_000, "test": 10_000}),
        ("flowers64", (64, 64, 3), 5, {"train": 2_939, "test": 731}),
    ],
)
def test_real_sets_from_a_shared_folder(name, shape, classes, counts):
    folder = real(name)
    before = sorted(folder.rglob("*"))
    info = datasets.info(name, folder)
    assert (info.image_shape, info.num_classes, info.splits) == (shape, classes, counts)
    assert name in datasets.names(folder)
    batches = datasets.load(name, "train", 64, shuffle=True, data_dir=folder)
    images, labels = next(iter(batches))
    assert images.shape == (64, *shape) and images.dtype == "uint8"
    assert len(np.unique(labels)) == classes  # shuffled: a sorted set would show one class
    images, labels = datasets.load_arrays(name, "test", data_dir=folder)
    assert images.shape == (counts["test"], *shape) and labels.dtype == np.int64
    share = np.bincount(labels, minlength=classes) / len(labels)
    assert np.all(share > 0.5 / classes)
    with pytest.raises(ValueError, match=f"'train'.*'test'.*received split='dev' for '{name}'"):
        datasets.load(name, "dev", data_dir=folder)
    assert sorted(folder.rglob("*")) == before
