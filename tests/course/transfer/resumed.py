"""Tune on the backend of KERAS_BACKEND, once as a whole and once in parts; print what was found.

KERAS_BACKEND=jax python -m tests.course.transfer.resumed FOLDER
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import course.quiet  # noqa: F401
from course.training import Options, checkpoints
from course.transfer import TuningOptions
from tests.course.transfer.tiny import Interrupted, known, run

SHORT = {"limit": 32, "test_limit": 20, "batch_size": 16}


def main(folder: Path, name: str) -> None:
    run(Options(name, "digits", **SHORT, epochs=1), folder / "source")
    options = TuningOptions(
        name,
        "digits",
        **SHORT,
        epochs=2,
        weights=str(folder / "source"),
        phases=(("head", 1), ("all", 1)),
        layer_decay=0.5,
    )
    run(options, folder / "whole")
    for step in (1, 3):
        try:
            run(options, folder / "parts", resume=True, observers=[Interrupted(step)])
        except KeyboardInterrupt:
            continue
        raise AssertionError(f"step {step} did not stop the run")
    run(options, folder / "parts", resume=True)
    whole, parts = (checkpoints.newest(folder / n / "checkpoints") for n in ("whole", "parts"))
    differ = [k for k, v in whole.arrays.items() if v.tobytes() != parts.arrays[k].tobytes()]
    first, last = (
        keras.saving.load_model(folder / n / "model.keras", compile=False)
        for n in ("source", "whole")
    )
    moved = [
        old.name
        for old, new in zip(first.layers, last.layers, strict=True)
        for one, other in zip(old.get_weights(), new.get_weights(), strict=True)
        if not np.array_equal(one, other)
    ]
    found = {
        "backend": keras.backend.backend(),
        "steps": whole.values["step"],
        "differ": differ,
        "moved": sorted(set(moved)),
    }
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    with known() as name:
        main(Path(sys.argv[1]), name)
