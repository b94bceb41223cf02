"""`course doctor`: what this machine can do, and what is in the way. Nothing is only assumed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from course import gpu
from course.errors import UsageError

Check = Callable[[], str]
NEWEST = (3, 13)  # that TensorFlow is built for
PORT = 8888  # where JupyterLab begins to look for a free one
NEEDED_DISK, NEEDED_MEMORY = 2.0, 1.0  # GiB
ENOUGH_MEMORY = 3.0
TFDS_HOST = "storage.googleapis.com"


class Caution(Exception):
    """What works with a restriction; the message says which, and what to do about it."""


def examine(checks: Mapping[str, Check]) -> int:
    """Try everything and print the results.

    Args:
        checks: functions that return a line, by name. They raise :class:`Caution` for what is worth
            knowing, and any other exception for what has to be mended.

    Returns:
        0 if nothing has to be mended, else 1.
    """
    from rich.console import Console

    console, failed = Console(), 0
    for name, check in checks.items():
        try:
            mark, text = "[green]ok[/]  ", check()
        except Caution as caution:
            mark, text = "[yellow]note[/]", str(caution)
        except Exception as error:
            failed += 1
            mark, text = "[red]no[/]  ", _first_line(error)
        console.print(f"{mark} {name:<10}", end="")
        console.print(f" {text}", markup=False, highlight=False, soft_wrap=True)
    return 1 if failed else 0


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def checks(folder: Path) -> dict[str, Check]:
    """Return what a student's machine is examined for, by name.

    Args:
        folder: the folder of the course.
    """
    return {
        "system": system,
        "Python": python,
        "packages": packages,
        "memory": memory,
        "disk": lambda: disk(folder),
        "folder": lambda: writable(folder),
        "port": port,
        "kernel": kernel,
        "GPU": gpu.examine,
        "data": data,
        "network": network,
    }


def system() -> str:
    """Say what works on this operating system."""
    if sys.platform == "linux":
        return "Linux: everything works"
    if sys.platform == "darwin":
        raise Caution(
            "macOS: lectures, assignments and `course submit` work; grading needs Linux, since "
            "there is no sandbox here"
        )
    raise UsageError(f"{sys.platform}: works in Linux and macOS only. On Windows, use WSL 2.")


def python() -> str:
    """Say which Python this is; the newest that TensorFlow is built for is 3.13."""
    found = sys.version.split()[0]
    if not (3, 11) <= sys.version_info[:2] <= NEWEST:
        raise UsageError(
            f"{found}: TensorFlow is not built for it. Make the environment with Python 3.11, "
            "3.12 or 3.13."
        )
    return found


def packages() -> str:
    """Compare what is installed with what this package requires."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in requires("convnet-course") or []]
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    missing: list[str] = []
    for requirement in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            missing.append(f"{requirement} ({found} is installed)")
    if missing:
        raise UsageError(
            f"missing: {', '.join(missing)}. Run `pip install .`, or `make setup` in a checkout."
        )
    shown = [name for name in ("tensorflow", "keras", "jupyterlab", "nbgrader") if _has(name)]
    return ", ".join(f"{name} {version(name)}" for name in shown)


def _has(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def memory() -> str:
    """Say how much memory is free, in the container too if this is one."""
    free = _free_memory()
    if free < NEEDED_MEMORY:
        raise UsageError(
            f"only {free:.1f} GiB free; TensorFlow alone needs {NEEDED_MEMORY:g}. Close other "
            "programs or notebooks."
        )
    if free < ENOUGH_MEMORY:
        raise Caution(f"{free:.1f} GiB free: enough for one notebook. Shut down those not needed.")
    return f"{free:.1f} GiB free"


def _free_memory() -> float:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # there is no limit, or none that can be seen
        return float(free)
    return min(float(free), (limit - used) / 2**30)


def disk(folder: Path) -> str:
    """Say how much room there is, here and where temporary files go."""
    for place in (folder, Path(tempfile.gettempdir())):
        free = shutil.disk_usage(place).free / 2**30
        if free < NEEDED_DISK:
            raise UsageError(
                f"only {free:.1f} GiB free in {place}; {NEEDED_DISK:g} are needed. Delete what you "
                "don't need, or set TMPDIR to a folder on a larger disk."
            )
    return f"{shutil.disk_usage(folder).free / 2**30:.0f} GiB free here"


def writable(folder: Path) -> str:
    """Write a file into a folder, and delete it."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written to: {error.strerror}. Copy the course into a folder of "
            "your own, and work there."
        ) from None
    return f"{folder} can be written to"


def port() -> str:
    """Say where JupyterLab will be."""
    if not port_in_use(PORT):
        return f"{PORT} is free"
    free = next((n for n in range(PORT + 1, PORT + 50) if not port_in_use(n)), None)
    if free is None:
        raise UsageError(
            f"{PORT} to {PORT + 49} are in use. Name another: `course lab --port 9000`."
        )
    raise Caution(
        f"{PORT} is in use, perhaps by another JupyterLab; `course lab` takes the next free one, "
        f"{free}"
    )


def port_in_use(number: int) -> bool:
    """Tell whether another program listens on a port of this machine."""
    with socket.socket() as here:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            here.bind(("127.0.0.1", number))
        except OSError:
            return True
    return False


def require_free(number: int | None) -> None:
    """Raise a UsageError if a port that somebody asked for is in use; None is always right."""
    if number is not None and not 0 < number < 1 << 16:
        raise UsageError(f"--port must be from 1 to 65535; received {number}.")
    if number is not None and port_in_use(number):
        raise UsageError(
            f"Port {number} is in use by another program. Choose another with --port, or leave "
            "--port out to take the first free one."
        )


def kernel() -> str:
    """Start a kernel that imports Keras and trains a model, like a notebook."""
    import nbformat
    from nbclient import NotebookClient

    code = (
        "import course.quiet, keras, numpy as np\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\n"
        "print(model.fit(np.ones((8, 4)), np.ones(8), verbose=0).history['loss'][0] >= 0)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute(stderr=subprocess.DEVNULL)  # or its messages stand between the lines
    text = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    if "True" not in text:
        raise RuntimeError(f"the kernel could not train a model: {text[-300:]}")
    return "a Python kernel starts and trains a Keras model"


def data() -> str:
    """Say which datasets are there besides the course's own, which need none."""
    own = "digits and course_shapes are made here"
    named = os.environ.get("TFDS_DATA_DIR")
    if not named:
        return f"{own}; TFDS_DATA_DIR is not set, so others are downloaded"
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"TFDS_DATA_DIR is {named}, where there is no folder. Make it, or correct it."
        )
    # A dataset has a folder for its version, in one for its configuration if it has any.
    infos = [path for way in ("*/*/", "*/*/*/") for path in folder.glob(f"{way}dataset_info.json")]
    found = sorted({path.relative_to(folder).parts[0] for path in infos})
    return f"{own}; in {folder}: {', '.join(found) or 'nothing yet'}"


def network() -> str:
    """Say whether datasets and weights can be downloaded; nothing else needs a network."""
    try:
        with socket.create_connection((TFDS_HOST, 443), timeout=3):
            return f"{TFDS_HOST} answers"
    except OSError as error:
        raise Caution(
            f"{TFDS_HOST} does not answer ({error.strerror or error}): only datasets and weights "
            "that are here already can be used; nothing else needs a network"
        ) from None
