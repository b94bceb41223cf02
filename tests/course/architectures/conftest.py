"""A second process, which has not built the models that it reloads."""

import json
import subprocess
import sys

import numpy as np
import pytest

_RELOAD = """
import json, os, sys
own = {own}
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import keras, numpy as np
for line in sys.stdin:
    folder = line.strip()
    try:
        if own:
            from course.architectures import load
        else:
            load = keras.saving.load_model
        model = load(f"{folder}/model.keras")
        np.save(f"{folder}/y.npy", np.asarray(model(np.load(f"{folder}/x.npy"), training=False)))
        answer = {"error": None}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    answer["course"] = sorted(m for m in sys.modules if m.split(".")[0] == "course")
    print(json.dumps(answer), file=answers, flush=True)
    keras.utils.clear_session()
"""


class Reloader:
    """Reload saved models in a separate process, with or without importing our package."""

    def __init__(self, own_layers: bool):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RELOAD.replace("{own}", str(own_layers))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def outputs(self, model, x, folder) -> np.ndarray:
        """Return the output of the saved and reloaded model for `x`."""
        model.save(folder / "model.keras")
        np.save(folder / "x.npy", x)
        print(folder, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        (folder / "model.keras").unlink()
        assert answer["error"] is None, answer["error"]
        self.course_modules = answer["course"]
        return np.load(folder / "y.npy")

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="session")
def reloaders():
    """Two processes: one imports our layers, for models that have some, and one never does."""
    made = {}

    def reloader(own_layers: bool) -> Reloader:
        if own_layers not in made:
            made[own_layers] = Reloader(own_layers)
        return made[own_layers]

    yield reloader
    for reloader in made.values():
        reloader.close()
