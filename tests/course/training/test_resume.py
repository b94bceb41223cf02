"""A run that is killed and taken up again ends with the bits of one that is not.

KILLS=20 kills at that many random moments instead of one, others at each run of the tests; a
failure prints the seed that they were drawn from, and KILLS_SEED=N draws them again.
"""

import json
import os
import random

import keras
import numpy as np
import pytest

from course.training import checkpoints

# 15 steps an epoch, dropout, batch normalization, shuffling and augmentation on.
FULL = {
    "recipe": "full",
    "batch_size": 96,
    "epochs": 3,
    "arguments": {"norm": True, "dropout": 0.3},
}
KILLS = int(os.environ.get("KILLS", "1"))
SEED = int(os.environ.get("KILLS_SEED", random.SystemRandom().randrange(10**6)))


def killed(options: dict, moments: list[dict]) -> list[dict]:
    """Jobs that die at some moments, and one that ends."""
    jobs = [{"options": options, "resume": True, "die": die} for die in moments]
    return [*jobs, {"options": options, "resume": True}]


def at_random(most: float) -> list[dict]:
    draw = random.Random(SEED)
    return [{"seconds": draw.uniform(0, most)} for _ in range(KILLS)]


# After a first step, around an epoch's end and at the last; in a first and a later write.
STEPS = [{"step": n} for n in (1, 15, 16, 45)]
WRITES = [{"write": n} for n in (1, 3)]
FURTHER = [*({"step": n} for n in (4, 29, 44)), *({"write": n} for n in (2, 5))]
MIRRORED = FULL | {"distribute": "mirrored", "devices": 2, "epochs": 2}
EARLY = FULL | {"epochs": 20, "validation": 0.2, "early_stop": 1, "learning_rate": 0.3}
# How it is trained, when it is killed, and when else in a whole run.
CASES = {
    "one device": (FULL, [*STEPS, *WRITES, *at_random(3.0)], FURTHER),
    "mirrored": (MIRRORED, [{"step": 17}], [{"step": 7}, *at_random(4.0)]),
    "at the very beginning and end": (
        FULL | {"epochs": 1},
        [{"status": "running"}, {"status": "finished"}],
        [],
    ),
    "averaged weights": (FULL | {"recipe": "averaged", "epochs": 2}, [{"step": 20}], [{"step": 8}]),
    "stages": (
        FULL | {"recipe": "staged", "epochs": 2, "arguments": {"norm": True}},
        [{"step": 8}, {"step": 17}],
        [{"step": 15}],
    ),
    "early stop": (
        EARLY,
        [{"step": 14}],
        [{"step": 5}],
    ),
    "early stop in the first stage": (
        EARLY | {"recipe": "growing"},
        [{"status": "finished"}],
        [{"step": 5}],
    ),
    "three heads": (
        FULL | {"epochs": 1, "arguments": {"heads": 3, "dropout": 0.3}},
        [{"step": 8}],
        [],
    ),
}


@pytest.fixture(scope="module")
def folder(play, whole):
    jobs = {}
    for name, (options, moments, further) in CASES.items():
        jobs[f"{name}, whole"] = {"options": options}
        jobs[f"{name}, killed"] = killed(options, moments + further if whole else moments)
    return play(jobs)


@pytest.mark.parametrize("name", CASES)
def test_ends_with_the_same_bits(folder, name):
    whole, broken = (
        checkpoints.newest(folder / f"{name}, {kind}" / "checkpoints")
        for kind in ("whole", "killed")
    )
    again = f"KILLS={KILLS} KILLS_SEED={SEED}"
    assert whole.arrays.keys() == broken.arrays.keys(), again
    for key, array in whole.arrays.items():
        assert array.tobytes() == broken.arrays[key].tobytes(), f"{key}, {again}"
    assert whole.values["history"] == broken.values["history"], again
    assert whole.values["step"] == broken.values["step"]


@pytest.mark.parametrize("name", CASES)
def test_leaves_the_same_files(folder, name):
    whole, broken = folder / f"{name}, whole", folder / f"{name}, killed"
    files = {"model.keras", "history.json", "history.csv", "curve.png", "run.json", "logs"}
    for path in (whole, broken):
        assert files <= {p.name for p in path.iterdir()}
        assert json.loads((path / "run.json").read_text())["status"] == "finished"
    for name in ("history.json", "history.csv"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()


def test_training_has_a_state_worth_keeping(folder):
    arrays = checkpoints.newest(folder / "one device, whole" / "checkpoints").arrays
    seeds = {k: v for k, v in arrays.items() if k.endswith("seed_generator_state")}
    assert len(seeds) == 2
    assert all(drawn == 45 for _, drawn in seeds.values())
    assert any(key.startswith("metrics") for key in arrays)
    assert any("momentum" in key for key in arrays)


def test_replicas_keep_random_streams_of_their_own(folder):
    arrays = checkpoints.newest(folder / "mirrored, whole" / "checkpoints").arrays
    first, second = (
        np.stack([v for k, v in arrays.items() if k.endswith(f"seed_generator_state@{n}")])
        for n in (0, 1)
    )
    assert len(first) == 2
    assert (first[:, 0] != second[:, 0]).all()
    assert (first[:, 1] == second[:, 1]).all()


def test_early_stop_stops_early_and_keeps_the_best(folder):
    run = folder / "early stop, whole"
    rows = json.loads((run / "history.json").read_text())
    accuracies = [row["val_accuracy"] for row in rows]
    assert len(rows) < 20
    assert accuracies.index(max(accuracies)) == len(rows) - 2
    assert (run / "best.keras").exists()


@pytest.mark.parametrize("how", ["whole", "killed"])
def test_early_stop_in_a_stage_ends_the_run_there(folder, how):
    run = folder / f"early stop in the first stage, {how}"
    assert len(json.loads((run / "history.json").read_text())) < 10
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    assert keras.saving.load_model(run / "model.keras", compile=False).input_shape[1] == 6
