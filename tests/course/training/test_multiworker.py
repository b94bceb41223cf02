"""Two processes on one machine train what one device does."""

import json
import socket

import numpy as np
import pytest

from course.training import checkpoints
from course.training.distribution import multiworker

OPTIONS = {"recipe": "plain", "batch_size": 64, "learning_rate": 0.02, "steps": 30}
NORM = OPTIONS | {"steps": 1, "arguments": {"norm": True}}
FULL = {
    "recipe": "full",
    "batch_size": 96,
    "epochs": 2,
    "arguments": {"norm": True, "dropout": 0.3},
}


def two_workers() -> list[dict]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    places = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for one in sockets:
        one.close()
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": places}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(2)
    ]


def spread(options: dict) -> dict:
    return {"options": options | {"distribute": "multiworker"}}


def arrays(folder) -> dict[str, np.ndarray]:
    found = checkpoints.newest(folder / "checkpoints").arrays
    return {key.partition("@")[0]: value for key, value in found.items() if "metrics" not in key}


@pytest.mark.parametrize("name, options", [("plain", OPTIONS), ("norm", NORM)])
def test_weights_are_those_of_one_device(play_alone, name, options):
    one = play_alone(f"{name} 1", {"options": options}, [{}])
    two = play_alone(f"{name} 2", spread(options), two_workers())
    a = arrays(one)
    for folder in (two, two / "worker-1"):
        b = arrays(folder)
        assert a.keys() == b.keys()
        for key, array in a.items():
            assert np.abs(array - b[key]).max() < 5e-6, key
    first, second = (json.loads((f / "history.json").read_text())[-1] for f in (one, two))
    assert first == pytest.approx(second, abs=1e-4)


def test_killed_and_taken_up_again_it_ends_with_the_same_bits(play_alone, whole):
    undisturbed = play_alone("undisturbed", spread(FULL), two_workers())
    for step in (8, 20) if whole else (20,):
        job = spread(FULL) | {"resume": True, "die": {"step": step}}
        broken = play_alone("broken", job, two_workers())
    play_alone("broken", spread(FULL) | {"resume": True}, two_workers())
    for part in (".", "worker-1"):
        a, b = (checkpoints.newest(f / part / "checkpoints") for f in (undisturbed, broken))
        assert a.values["history"] == b.values["history"]
        assert a.arrays.keys() == b.arrays.keys()
        for key, array in a.arrays.items():
            assert array.tobytes() == b.arrays[key].tobytes(), key


def test_a_worker_that_has_not_finished_is_waited_for(play_alone):
    job = spread(OPTIONS | {"steps": 4}) | {"resume": True}
    run = play_alone("finished", job, two_workers())
    (run / "worker-1" / "model.keras").unlink()  # as if it had been killed before
    play_alone("finished", job, two_workers())
    for folder in (run, run / "worker-1"):
        assert (folder / "model.keras").exists()
        assert json.loads((folder / "run.json").read_text())["status"] == "finished"


@pytest.mark.parametrize(
    "text", ["", "{", "{}", json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "chief"}})]
)
def test_a_process_must_know_its_place(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="multiworker needs a TF_CONFIG .* received TF_CONFIG="):
        multiworker.worker_index()
