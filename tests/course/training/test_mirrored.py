"""Several devices train what one does."""

import json

import numpy as np
import pytest

from course.training import checkpoints, distribution

CASES = {
    "batch normalization, one step": {"recipe": "plain", "steps": 1, "arguments": {"norm": True}},
    "no batch normalization, 40 steps": {"recipe": "plain", "steps": 40},
    "clipping": {"recipe": "clipped", "steps": 3},
    "decoupled decay": {"recipe": "adamw", "steps": 3},
    "average": {"recipe": "averaged", "steps": 5},
    "heads": {"recipe": "plain", "steps": 3, "arguments": {"heads": 2}},
}
# Four devices where the arithmetic of two might agree by chance.
PAIRS = [(name, 2) for name in CASES] + [(name, 4) for name in list(CASES)[:3]]


@pytest.fixture(scope="module")
def folder(play):
    jobs = {}
    for name, options in CASES.items():
        options = options | {"batch_size": 64, "learning_rate": 0.02}
        jobs[f"{name} 1"] = {"options": options}
        for count in (count for case, count in PAIRS if case == name):
            many = options | {"distribute": "mirrored", "devices": count}
            jobs[f"{name} {count}"] = {"options": many}
    jobs["masks"] = {"masks": 3}
    jobs["clipped"] = {"options": {"recipe": "plain", "steps": 3, "batch_size": 64}}
    return play(jobs)


def weights(folder, name) -> dict[str, np.ndarray]:
    """By the variable's key; of several replicas the first, after a look that all are the same."""
    arrays = checkpoints.newest(folder / name / "checkpoints").arrays
    found = {}
    for key, array in arrays.items():
        key, _, _ = key.partition("@")
        if key.startswith("metrics"):
            continue
        assert np.array_equal(found.setdefault(key, array), array), key
    return found


@pytest.mark.parametrize("name, count", PAIRS)
def test_weights_are_those_of_one_device(folder, name, count):
    one, many = weights(folder, f"{name} 1"), weights(folder, f"{name} {count}")
    assert one.keys() == many.keys()
    for key, array in one.items():
        assert np.abs(array - many[key]).max() < 1e-6, key


@pytest.mark.parametrize("name, count", PAIRS)
def test_numbers_are_those_of_one_device(folder, name, count):
    one, many = (
        json.loads((folder / f"{name} {n}" / "history.json").read_text()) for n in (1, count)
    )
    for a, b in zip(one, many, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_the_gradients_were_clipped(folder):
    clipped, not_clipped = (weights(folder, name) for name in ("clipping 1", "clipped"))
    key = next(k for k in clipped if k.startswith("model") and k.endswith("conv1/kernel"))
    assert np.abs(clipped[key] - not_clipped[key]).max() > 1e-4


def test_every_replica_drops_something_else(folder):
    masks = np.load(folder / "masks" / "masks.npy").reshape(6, -1)
    assert all(0.3 < (mask == 0).mean() < 0.7 for mask in masks)
    for n, one in enumerate(masks):
        for other in masks[n + 1 :]:
            assert 0.3 < ((one == 0) == (other == 0)).mean() < 0.7


@pytest.mark.parametrize(
    "option",
    [
        {"jit_compile": True},
        {"gradient_accumulation_steps": 4},
        {"ema_overwrite_frequency": 100},
        {"steps_per_execution": 10},
    ],
)
def test_what_would_fail_is_refused_with_the_reason(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} must be left out .*, since .*; received"):
        distribution.Mirrored.check_supported(option)
    distribution.SingleDevice.check_supported(option)
    distribution.Mirrored.check_supported({name: 1})


def test_a_kind_needs_its_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(
        ValueError, match="needs the tensorflow backend; received KERAS_BACKEND=jax"
    ):
        distribution.choose_backend(distribution.Mirrored)
    with pytest.raises(ValueError, match="received 'both'"):
        distribution.setup("both")
