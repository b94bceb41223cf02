"""The same networks on Keras' JAX backend, in a process without TensorFlow."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from tests import parts
from tests.course.architectures.numbers import known, representatives

keras = pytest.importorskip("keras")
pytest.importorskip("jax", reason="JAX is not installed: pip install 'convnet-course[dev]'")

# One of each kind with custom layers.
CUSTOM_LAYERS = {
    "lenet5": (32, 32, 1),
    "alexnet": (67, 67, 3),
    "resnet110_stochastic_depth_cifar": (8, 8, 3),
    "fractalnet20": (32, 32, 3),
    "convnext_tiny": (32, 32, 3),
    "p4cnn_rotated_mnist": (28, 28, 1),
}

COUNT = """
import json, sys
import keras
from course import architectures

assert keras.backend.backend() == "jax"
for name in sys.argv[1:]:
    with keras.StatelessScope(initialize_variables=False):  # the numbers need no values
        entry = architectures.describe(name)
        print(json.dumps([name, entry.params, entry.params_trainable, entry.macs]), flush=True)
    keras.utils.clear_session()
assert not any(module.split(".")[0] == "tensorflow" for module in sys.modules)
"""

RUN = """
import sys
import keras, numpy as np
from course import architectures
for folder in sys.argv[1:]:
    model = architectures.load(f"{folder}/model.keras")
    np.save(f"{folder}/y.npy", model.predict(np.load(f"{folder}/x.npy"), verbose=0))
assert not any(module.split(".")[0] == "tensorflow" for module in sys.modules)
"""


def _on_jax(code: str, *arguments) -> str:
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_numbers_are_the_same(whole):
    names = architectures.names()
    if not whole:
        names = parts.sample(representatives(), 12, "jax")
    found = {name: rest for name, *rest in map(json.loads, _on_jax(COUNT, *names).splitlines())}
    assert list(found) == names
    for name, numbers in found.items():
        counted = dict(zip(("params", "params_trainable", "macs"), numbers, strict=True))
        assert counted == counted | known(name), name


def test_custom_layers_compute_the_same(tmp_path):
    expected = {}
    for name, shape in CUSTOM_LAYERS.items():
        model = architectures.build(name, input_shape=shape, classifier_activation=None)
        x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
        expected[name] = model.predict(x, verbose=0)
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "model.keras")
        np.save(tmp_path / name / "x.npy", x)
        keras.utils.clear_session()
    _on_jax(RUN, *(tmp_path / name for name in CUSTOM_LAYERS))
    for name, y in expected.items():
        found = np.load(tmp_path / name / "y.npy")
        assert np.abs(found - y).max() <= 1e-4 * np.abs(y).max(), name
