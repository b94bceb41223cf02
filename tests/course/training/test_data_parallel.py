"""JAX, without TensorFlow: one device, and two that train the same."""

import json

import numpy as np
import pytest

from course.training import checkpoints

pytest.importorskip("jax")

PROGRAM = (
    "-c",
    """
import runpy, sys
import tests.course.no_tensorflow
sys.argv[1:] = sys.argv[-1:]
runpy.run_module("tests.course.training.runs", run_name="__main__")
""",
)
JAX = [{"KERAS_BACKEND": "jax"}]
PLAIN = {"recipe": "clipped", "batch_size": 64, "steps": 6, "arguments": {"norm": True}}
TWO = {"distribute": "data_parallel", "devices": 2}
FULL = {
    "recipe": "full",
    "batch_size": 96,
    "epochs": 2,
    "arguments": {"norm": True, "dropout": 0.3},
}


def state(folder):
    return checkpoints.newest(folder / "checkpoints")


def test_two_devices_train_what_one_does(play_alone):
    one = play_alone("one", {"options": PLAIN}, JAX, PROGRAM)
    two = play_alone("two", {"options": PLAIN | TWO}, JAX, PROGRAM)
    a, b = state(one).arrays, state(two).arrays
    assert a.keys() == b.keys()
    for key, array in a.items():
        if not key.startswith("metrics"):
            assert np.abs(array - b[key]).max() < 1e-5, key
    first, second = (json.loads((f / "history.json").read_text())[-1] for f in (one, two))
    assert first == pytest.approx(second, abs=1e-4)
    assert (two / "model.keras").exists()


def test_a_step_is_compiled_once_unless_that_is_refused(play_alone):
    compiled = play_alone("one", {"options": PLAIN}, JAX, PROGRAM)
    eager = play_alone("eager", {"options": PLAIN | {"jit_compile": False}}, JAX, PROGRAM)
    assert [int((run / "calls.txt").read_text()) for run in (compiled, eager)] == [1, 6]
    a, b = state(compiled).arrays, state(eager).arrays
    assert a.keys() == b.keys()
    for key, array in a.items():
        np.testing.assert_allclose(array, b[key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_killed_and_taken_up_again_it_ends_with_the_same_bits(play_alone, whole):
    undisturbed = play_alone("undisturbed", {"options": FULL | TWO}, JAX, PROGRAM)
    for step in (8, 20) if whole else (20,):
        job = {"options": FULL | TWO, "resume": True, "die": {"step": step}}
        play_alone("broken", job, JAX, PROGRAM)
    broken = play_alone("broken", {"options": FULL | TWO, "resume": True}, JAX, PROGRAM)
    a, b = state(undisturbed), state(broken)
    assert a.values["history"] == b.values["history"]
    for key, array in a.arrays.items():
        assert array.tobytes() == b.arrays[key].tobytes(), key


def test_the_first_layer_is_whitened_without_tensorflow(play_alone):
    options = {"name": "fast_cifar", "batch_size": 50, "steps": 4, "arguments": {"widths": [8]}}
    arrays = state(play_alone("fast", {"options": options}, JAX, PROGRAM)).arrays
    (kernel,) = (v for k, v in arrays.items() if k.endswith("whitening_conv/kernel"))
    np.testing.assert_array_equal(kernel[..., 4:], -kernel[..., :4])
