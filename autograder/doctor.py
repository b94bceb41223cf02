"""Check what this machine can do; everything is tried, not assumed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.progress import console

NEEDED = ("tensorflow", "keras", "tensorflow-datasets", "nbgrader", "jupyterlab", "jupytext")


def _python() -> str:
    return sys.version.split()[0]


def _packages() -> str:
    missing: list[str] = []
    found: list[str] = []
    for name in NEEDED:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}; run `make setup`")
    return ", ".join(found)


def _kernel() -> str:
    """Start a kernel that imports Keras and trains a model, like a submission."""
    import nbformat
    from nbclient import NotebookClient

    code = (
        "import course.quiet, keras, numpy as np\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\n"
        "print(model.fit(np.ones((8, 4)), np.ones(8), verbose=0).history['loss'][0] >= 0)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    text = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    if "True" not in text:
        raise RuntimeError(f"the kernel could not train a model: {text[-300:]}")
    return "a Python kernel starts and trains a Keras model"


def _isolation() -> str:
    from autograder.sandbox import Isolation, probe

    found = probe()
    if found == Isolation.NONE:
        raise RuntimeError(
            f"students' code cannot be isolated: {found.reason}; try `apt install bubblewrap`"
        )
    return found.reason


def _gpus() -> str:
    import tensorflow as tf

    import course.quiet  # noqa: F401

    devices = tf.config.list_physical_devices("GPU")
    return f"{len(devices)} GPUs" if devices else "no GPU: everything runs on the CPU"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free >> 30
    if free < 2:
        raise RuntimeError(f"only {free} GiB free here; 2 are needed")
    return f"{free} GiB free here"


CHECKS: dict[str, Callable[[], str]] = {
    "Python": _python,
    "packages": _packages,
    "kernel": _kernel,
    "isolation": _isolation,
    "GPU": _gpus,
    "disk": _disk,
}


def examine() -> int:
    """Try everything and print the results; return 0 if all of it works, else 1."""
    failed = 0
    for name, check in CHECKS.items():
        try:
            mark, text = "[green]ok[/]  ", check()
        except Exception as error:
            failed += 1
            lines = str(error).strip().splitlines()
            mark, text = "[red]no[/]  ", lines[0] if lines else type(error).__name__
        console.print(f"{mark} {name:<10}", end="")
        console.print(f" {text}", markup=False, highlight=False, soft_wrap=True)
    return 1 if failed else 0
