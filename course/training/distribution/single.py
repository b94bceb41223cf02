"""One device, on any backend."""

from __future__ import annotations

from typing import Self

from course.errors import UsageError
from course.training.distribution.base import Devices, processor


class SingleDevice(Devices):
    """The first GPU, or the CPU."""

    name = "none"

    @classmethod
    def setup(cls, count: int | None) -> Self:
        """Use one device.

        Raises:
            UsageError: more than one.
        """
        if count not in (None, 1):
            raise UsageError(
                f"devices must be 1 without distribution; received devices={count} with "
                "distribute='none'. Choose --distribute mirrored or data_parallel."
            )
        return cls(1, _hardware())


def _hardware() -> str:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        devices = jax.devices()
        return f"{len(devices)} x {devices[0].device_kind}"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return f"{len(gpus)} GPU" if gpus else processor()
