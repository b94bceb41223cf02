"""A run's folder: whose it is, and that one process at a time is in it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from course import _files
from course.errors import UsageError
from course.training import checkpoints
from course.training.options import Options, from_json


def read(folder: str | Path) -> dict[str, Any] | None:
    """A run's ``run.json``; None where no run was begun, or it was stopped before it wrote one.

    Raises:
        UsageError: checkpoints without a ``run.json``, which says what they are of.
    """
    path = Path(folder) / "run.json"
    if path.is_file():
        return json.loads(path.read_text())
    if checkpoints.files(Path(folder) / "checkpoints"):
        raise UsageError(
            f"A run's checkpoints lie beside its run.json; received {folder}, which has "
            "checkpoints alone. Delete them, or choose another folder."
        )
    return None


def complete(folder: Path) -> bool:
    """Whether a run came to its end: ``run.json`` says so, which is written last."""
    run = read(folder)
    return run is not None and run["status"] == "finished" and (folder / "model.keras").exists()


def check_resumable(folder: Path, options: Options, resume: bool) -> None:
    """Refuse to go on with another run, or to write over one; a run that wrote nothing is begun.

    Raises:
        UsageError: what the folder holds does not fit.
    """
    run = read(folder)
    if run is None:
        return
    if resume:
        from_json(run["options"], options.as_json())
    else:
        raise UsageError(
            f"A run has a folder of its own; received {folder}, which holds another. Add --resume "
            "to go on with it, or choose another --out."
        )


@contextlib.contextmanager
def locked(folder: Path):
    """Make the folder, and keep a second process out of the same run.

    Raises:
        UsageError: another process trains there.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_files.locked(folder / ".lock"))
        except _files.LockedError as error:
            raise UsageError(
                f"Another process is already training in {folder} ({error}). Wait for it, or "
                "choose another --out."
            ) from None
        yield
