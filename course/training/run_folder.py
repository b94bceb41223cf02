"""Ownership and locking of a run's folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course import _files
from course.errors import UsageError
from course.training import checkpoints
from course.training.options import Options, from_json


def read(folder: str | Path) -> dict[str, Any] | None:
    """Return a run's ``run.json``, or None if the folder holds no run that got as far.

    Raises:
        UsageError: there are checkpoints without a ``run.json``, so their run is unknown.
    """
    path = Path(folder) / "run.json"
    if path.is_file():
        return json.loads(path.read_text())
    if checkpoints.files(Path(folder) / "checkpoints"):
        raise UsageError(
            f"{folder} has checkpoints but no run.json, so it is not known which run they belong "
            "to. Delete them, or choose another folder."
        )
    return None


def complete(folder: Path) -> bool:
    """Return whether a run finished, as its ``run.json`` says, which is written last."""
    run = read(folder)
    return run is not None and run["status"] == "finished" and (folder / "model.keras").exists()


def check_resumable(folder: Path, options: Options, resume: bool) -> None:
    """Check that a run may begin in a folder, or resume the one there.

    Raises:
        UsageError: the folder holds a run with other options, or one that is not to be resumed.
    """
    run = read(folder)
    if run is None:
        return
    if resume:
        from_json(run["options"], options.as_json(), type(options))
    else:
        raise UsageError(
            f"{folder} already contains a run. Add --resume to continue it, or choose another "
            "--out."
        )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other processes out of it.

    Raises:
        UsageError: another process is training there.
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
