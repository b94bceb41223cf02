"""A run's folder: whose it is, and that one process at a time is in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
from pathlib import Path
from typing import Any

from course.training.options import Options, from_json


def read(folder: str | Path) -> dict[str, Any]:
    """A run's ``run.json``.

    Raises:
        ValueError: no run is there.
    """
    path = Path(folder) / "run.json"
    if not path.is_file():
        raise ValueError(f"A run's folder has a run.json; received {folder}, which has none.")
    return json.loads(path.read_text())


def complete(folder: Path) -> bool:
    """Whether a run came to its end: ``run.json`` says so, which is written last."""
    return (folder / "model.keras").exists() and read(folder)["status"] == "finished"


def check(folder: Path, options: Options, resume: bool) -> None:
    """Refuse to go on with another run, or to write over one.

    Raises:
        ValueError: what the folder holds does not fit.
    """
    if resume:
        from_json(read(folder)["options"], options.as_json())
    elif (folder / "run.json").exists():
        raise ValueError(
            f"A run has a folder of its own; received {folder}, which holds another. Add --resume "
            "to go on with it, or choose another --out."
        )


@contextlib.contextmanager
def alone(folder: Path):
    """Make the folder, and keep a second process out of the same run.

    Raises:
        ValueError: another process trains there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(
                f"One process trains in a folder; received {folder}, where another does."
            ) from None
        yield
