"""Whether there is a GPU, and whether TensorFlow or JAX can use it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from course.errors import UsageError

_COUNT = {
    "tensorflow": "import course.quiet, tensorflow as tf\n"
    "print('GPUs:', len(tf.config.list_physical_devices('GPU')))",
    "jax": "import jax\nprint('GPUs:', sum(d.platform == 'gpu' for d in jax.devices()))",
}
_INSTALL = {
    "tensorflow": "pip install 'tensorflow[and-cuda]'",
    "jax": "pip install 'jax[cuda12]'",
}


def devices() -> list[str]:
    """List NVIDIA's GPUs as the system sees them, whether or not anything can use them."""
    found = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    return found or [str(path) for path in Path("/dev").glob("dxg")]  # in WSL


def backend() -> str:
    """Return the backend that Keras will have."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def usable() -> int:
    """Count the GPUs that the backend can use, in a process whose messages nobody sees.

    Raises:
        RuntimeError: the backend could not say.
    """
    code = _COUNT.get(backend())
    if code is None or importlib.util.find_spec(backend()) is None:
        raise RuntimeError(f"{backend()} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False
    )
    words = done.stdout.split()
    if done.returncode or words[:1] != ["GPUs:"]:
        last = done.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
        raise RuntimeError(f"{backend()} does not start: {last[0]}")
    return int(words[1])


def warn() -> None:
    """Say on stderr if there is a GPU that TensorFlow cannot use: training would take ages."""
    there = devices()
    if there and backend() == "tensorflow" and importlib.util.find_spec("tensorflow"):
        import course.quiet  # noqa: F401

        tensorflow = importlib.import_module("tensorflow")
        if said := problem(there, len(tensorflow.config.list_physical_devices("GPU"))):
            print(f"course: {said}", file=sys.stderr)


def problem(there: list[str], used: int) -> str:
    """Say in a line that GPUs are there which cannot be used, and what to do; "" if none is."""
    if not there or used:
        return ""
    count = "a GPU is" if len(there) == 1 else f"{len(there)} GPUs are"
    return (
        f"{count} there ({', '.join(there)}), but {backend()} cannot use "
        f"{'it' if len(there) == 1 else 'them'}, so everything runs on the CPU. Its CUDA libraries "
        f"are missing or do not fit the driver: {_INSTALL.get(backend(), 'see its manual')}"
    )


def examine() -> str:
    """Say what the doctor says about GPUs.

    Raises:
        UsageError: one is there that cannot be used.
    """
    used = usable()
    if said := problem(devices(), used):
        raise UsageError(said)
    if not used:
        return "no GPU: everything runs on the CPU"
    return f"{used} {'GPU' if used == 1 else 'GPUs'} that {backend()} can use"
