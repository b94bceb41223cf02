"""Fine-tuning on JAX, and with datasets of TFDS where they are prepared."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from course import datasets, transfer
from course.architectures import load
from course.training import Options, train

NAMES = {"cifar10", "flowers64"}


def test_on_jax_a_resumed_run_ends_with_the_same_bits(root, tmp_path):
    pytest.importorskip("jax")
    process = subprocess.run(
        [sys.executable, "-m", "tests.course.transfer.resumed", str(tmp_path)],
        cwd=root,
        env=os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found == {
        "backend": "jax",
        "steps": 4,
        "differ": [],
        "moved": ["conv1", "conv2", "predictions"],
    }


@pytest.mark.skipif(
    not set(datasets.names()) >= NAMES, reason="CIFAR-10 and flowers64 are not in TFDS_DATA_DIR"
)
def test_from_cifar10_to_flowers64(tmp_path):
    """Larger images than the source's, and other classes."""
    arguments = {"depth": 8}
    few = {"batch_size": 16, "test_limit": 32}
    train(
        Options("resnet20_cifar", "cifar10", steps=4, limit=64, arguments=arguments, **few),
        tmp_path / "cifar10",
        quiet=True,
    )
    result = transfer.fine_tune(
        "resnet20_cifar",
        "flowers64",
        tmp_path / "tuned",
        weights=str(tmp_path / "cifar10"),
        phases=(("head", 1), ("all", 1)),
        epochs=2,
        limit=64,
        quiet=True,
        **few,
    )
    assert [row["step"] for row in result.history] == [4, 8]
    source, tuned = (load(tmp_path / name / "model.keras") for name in ("cifar10", "tuned"))
    assert source.output_shape == (None, 10)
    assert tuned.input_shape == (None, 64, 64, 3)
    assert tuned.output_shape[-1] == datasets.info("flowers64").num_classes
    for name, same in {"conv1_bn": True, "conv1_conv": False}.items():
        old, new = (model.get_layer(name).get_weights()[0] for model in (source, tuned))
        assert np.array_equal(old, new) is same
