"""One device, several in one machine, or several machines.

``none``: one device, on any backend.
``mirrored`` (TensorFlow): a copy of the model on every device, each with a part of the batch.
``data_parallel`` (JAX): one program over all devices, by ``keras.distribution``.
``multiworker`` (TensorFlow): several processes, listed in TF_CONFIG.

The rest of training sees :class:`Devices` alone.
"""

from __future__ import annotations

import os

from course.errors import UsageError
from course.training.distribution.base import Devices
from course.training.distribution.data_parallel import DataParallel
from course.training.distribution.mirrored import Mirrored
from course.training.distribution.multiworker import MultiWorker
from course.training.distribution.single import SingleDevice

__all__ = [
    "KINDS",
    "DataParallel",
    "Devices",
    "Mirrored",
    "MultiWorker",
    "SingleDevice",
    "choose_backend",
    "get_kind",
    "setup",
]

KINDS: dict[str, type[Devices]] = {
    kind.name: kind for kind in (SingleDevice, Mirrored, DataParallel, MultiWorker)
}


def get_kind(name: str) -> type[Devices]:
    """Return the class of devices of a name in :data:`KINDS`.

    Raises:
        UsageError: an unknown name.
    """
    if name not in KINDS:
        raise UsageError(f"distribute must be one of {', '.join(KINDS)}; received {name!r}.")
    return KINDS[name]


def setup(name: str, count: int | None = None) -> Devices:
    """Set up the devices. Call it before anything is computed, and before Keras is imported if the
    kind of distribution is to choose the backend.

    Args:
        name: one of :data:`KINDS`.
        count: number of devices; None for all GPUs, or without GPUs for one device, or two parts of
            the CPU.

    Raises:
        UsageError: more devices than there are, or a backend that lacks this kind.
    """
    kind = get_kind(name)
    choose_backend(kind)
    import course.quiet  # noqa: F401, I001
    import keras

    backend = keras.backend.backend()
    if kind.backend not in (None, backend):
        raise UsageError(
            f"distribute={name!r} needs the {kind.backend} backend; received {backend}. "
            f"Set KERAS_BACKEND={kind.backend} before Keras is imported."
        )
    if count is not None and count < 1:
        raise UsageError(f"devices must be at least 1; received devices={count}.")
    return kind.setup(count)


def choose_backend(kind: type[Devices]) -> None:
    """Set KERAS_BACKEND to the backend that a kind of distribution needs, if it needs one.

    Raises:
        UsageError: KERAS_BACKEND names another backend.
    """
    wanted = kind.backend
    if wanted and os.environ.setdefault("KERAS_BACKEND", wanted) != wanted:
        raise UsageError(
            f"distribute={kind.name!r} needs the {wanted} backend; received KERAS_BACKEND="
            f"{os.environ['KERAS_BACKEND']}. Set KERAS_BACKEND={wanted}."
        )
