"""Checkpoints: all that a run needs to be resumed, in one file that is complete or absent.

A file holds a line of JSON (the arrays' names and some plain values), the arrays in NumPy's format,
and a checksum. It is written under another name, flushed to the disk and renamed, so that a process
that is killed at any moment leaves the previous file. Needs NumPy alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from course._files import replacing
from course.errors import UsageError
from course.keras_types import Array

KEEP = 2
_DIGEST = 32  # bytes
_NAME = re.compile(r"step-(\d{10})\.ckpt")

OVERHEAD = 0.02  # fraction of a run's time that checkpoints may take


class Checkpoint(NamedTuple):
    """Arrays by name, and plain values."""

    arrays: dict[str, Array]
    values: dict[str, Any]


class DamagedCheckpointError(UsageError):
    """A checkpoint that is incomplete or was changed."""


class _Hashed:
    """A binary file that computes a checksum of what is read or written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.blake2b(digest_size=_DIGEST)

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    def readline(self) -> bytes:
        data = self._file.readline()
        self._sum.update(data)
        return data

    def digest(self) -> bytes:
        return self._sum.digest()


def check_interval(steps: int) -> None:
    """Check the number of steps from one checkpoint to the next.

    Raises:
        UsageError: it is smaller than 1.
    """
    if steps < 1:
        raise UsageError(f"checkpoint_every must be at least 1; received {steps}.")


def write(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one go: after a crash there is all of it, or what was there before.

    Args:
        path: of the file.
        checkpoint: arrays without Python objects in them; values that JSON can hold.
    """
    head = {"names": list(checkpoint.arrays), "values": checkpoint.values}
    with replacing(path, sync=True) as temporary, open(temporary, "wb") as file:
        hashed = _Hashed(file)
        hashed.write(json.dumps(head).encode() + b"\n")
        for array in checkpoint.arrays.values():
            np.lib.format.write_array(hashed, np.asarray(array), allow_pickle=False)
        file.write(hashed.digest())


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what :func:`write` wrote.

    Raises:
        DamagedCheckpointError: the file is cut short or was changed.
    """
    try:
        with open(path, "rb") as file:
            hashed = _Hashed(file)
            head = json.loads(hashed.readline())
            arrays = {
                name: np.lib.format.read_array(hashed, allow_pickle=False) for name in head["names"]
            }
            whole = file.read() == hashed.digest()
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise DamagedCheckpointError(_damaged(path)) from error
    if not whole:
        raise DamagedCheckpointError(_damaged(path))
    return Checkpoint(arrays, head["values"])


def _damaged(path: str | os.PathLike[str]) -> str:
    return f"A checkpoint must be as it was written; received {path}, which is damaged. Delete it."


def save(
    folder: str | os.PathLike[str], step: int, checkpoint: Checkpoint, keep: int = KEEP
) -> Path:
    """Write the checkpoint of a step into a folder and delete all but the last few.

    Args:
        folder: created if needed.
        step: of training, at least 0.
        checkpoint: what to write.
        keep: how many files stay, at least 1.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, step)
    write(path, checkpoint)
    for old in files(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:010d}.ckpt"


def files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return a folder's checkpoints, the newest first."""
    return sorted((p for p in Path(folder).glob("*.ckpt") if _NAME.fullmatch(p.name)), reverse=True)


def newest(folder: str | os.PathLike[str]) -> Checkpoint | None:
    """Return the newest intact checkpoint, or None; warn of each damaged one."""
    for leftover in Path(folder).glob(".step-*"):  # of a process that was killed while it wrote
        leftover.unlink(missing_ok=True)
    for path in files(folder):
        try:
            return read(path)
        except DamagedCheckpointError as error:
            warnings.warn(f"{error} Using the one before it.", stacklevel=2)
    return None


def at(folder: str | os.PathLike[str], step: int) -> Checkpoint | None:
    """Return a step's checkpoint; None for step 0, where training begins.

    Raises:
        UsageError: the folder has no checkpoint of this step.
    """
    if step == 0:
        return None
    path = _path(Path(folder), step)
    if not path.exists():
        raise UsageError(
            f"{folder} has no checkpoint of step {step}, from which all processes could resume. "
            "Start a new run."
        )
    return read(path)


class Writer:
    """Saves in a separate thread, one checkpoint at a time, while training goes on.

    If a checkpoint cannot be written (a full disk) there is a warning, and the last good one stays.

    Args:
        folder: of the checkpoints.
        keep: how many files stay.

    Example:
        >>> with Writer("run/checkpoints") as writer:
        ...     writer.submit(100, Checkpoint({"weights": np.zeros(3)}, {"epoch": 1}))
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = KEEP) -> None:
        self._folder, self._keep = Path(folder), keep
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._last: Future[Path] | None = None

    @property
    def busy(self) -> bool:
        """Whether the last checkpoint is still being written."""
        return self._last is not None and not self._last.done()

    def submit(self, step: int, checkpoint: Checkpoint) -> None:
        """Write soon. Nothing may change the checkpoint's arrays from now on."""
        self.wait()
        self._last = self._thread.submit(save, self._folder, step, checkpoint, self._keep)

    def wait(self) -> None:
        """Wait until the last checkpoint is on the disk, or has failed."""
        if self._last is None:
            return
        last, self._last = self._last, None
        try:
            last.result()
        except OSError as error:
            warnings.warn(
                f"A checkpoint could not be written ({error}); the last one stays. Make room in "
                f"{self._folder}.",
                stacklevel=2,
            )

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()
        self._thread.shutdown()
