"""Files that are whole or not there."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course.training import checkpoints
from course.training.checkpoints import Checkpoint, DamagedCheckpointError


def some(step: int) -> Checkpoint:
    rng = np.random.default_rng(step)
    arrays = {
        "kernel": rng.random((3, 4), "float32"),
        "step": np.array(step),
        "half": rng.random(5).astype("float16"),
        "empty": np.zeros((0, 2), "uint8"),
    }
    return Checkpoint(arrays, {"step": step, "history": [{"loss": 0.1 + 0.2}]})


def same(a: Checkpoint, b: Checkpoint) -> bool:
    return a.values == b.values and all(
        a.arrays[k].dtype == b.arrays[k].dtype and np.array_equal(a.arrays[k], b.arrays[k])
        for k in a.arrays | b.arrays
    )


def test_reads_what_it_wrote_bit_by_bit(tmp_path):
    checkpoints.save(tmp_path, 7, some(7))
    assert same(checkpoints.newest(tmp_path), some(7))


def test_keeps_the_last_two(tmp_path):
    for step in (5, 10, 100):
        checkpoints.save(tmp_path, step, some(step))
    assert [p.name for p in checkpoints.files(tmp_path)] == [
        "step-0000000100.ckpt",
        "step-0000000010.ckpt",
    ]


def test_none_where_there_is_none(tmp_path):
    assert checkpoints.newest(tmp_path / "nowhere") is None


@pytest.mark.parametrize("position", [3, 200, 400, -40, -1])
def test_one_changed_byte_is_noticed_and_the_one_before_is_used(tmp_path, position):
    checkpoints.save(tmp_path, 1, some(1))
    path = checkpoints.save(tmp_path, 2, some(2))
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedCheckpointError, match="received .*step-0000000002"):
        checkpoints.read(path)
    with pytest.warns(UserWarning, match="damaged"):
        assert same(checkpoints.newest(tmp_path), some(1))


@pytest.mark.parametrize("size", [0, 10, 300, -1])
def test_a_file_cut_short_or_too_long_is_noticed(tmp_path, size):
    path = checkpoints.save(tmp_path, 2, some(2))
    data = path.read_bytes()
    path.write_bytes(data + b"x" if size < 0 else data[:size])
    with pytest.raises(DamagedCheckpointError):
        checkpoints.read(path)


def test_a_full_disk_leaves_the_last_good_one(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, some(1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="No space left"), checkpoints.Writer(tmp_path) as writer:
        writer.submit(2, some(2))
    assert [p.name for p in tmp_path.iterdir()] == ["step-0000000001.ckpt"]
    assert same(checkpoints.newest(tmp_path), some(1))


def test_the_writer_writes_in_the_background(tmp_path):
    with checkpoints.Writer(tmp_path) as writer:
        for step in range(5):
            writer.submit(step, some(step))
    assert same(checkpoints.newest(tmp_path), some(4))
    assert not writer.busy


def test_what_a_killed_process_left_is_swept(tmp_path):
    (tmp_path / ".step-0000000001.ckpt.99").write_bytes(b"half")
    assert checkpoints.newest(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_needs_neither_keras_nor_tensorflow():
    code = (
        "import sys, course.training, course.training.checkpoints, course.recipes;"
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
