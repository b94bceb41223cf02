"""Several devices of one machine on JAX: one program over all of them."""

from __future__ import annotations

from typing import Self

from course.errors import UsageError
from course.training.distribution.base import Devices, check_count


class DataParallel(Devices):
    """``keras.distribution.DataParallel``, which splits each batch over the devices."""

    name = "data_parallel"
    backend = "jax"

    @classmethod
    def setup(cls, count: int | None) -> Self:
        """Distribute Keras' computations from now on.

        Raises:
            UsageError: more devices than there are, or JAX has computed something already.
        """
        import jax
        import keras

        _split_cpu(count or 2)  # changes nothing where there are GPUs
        devices = jax.devices()
        count = count or len(devices)
        check_count(count, len(devices))
        names = keras.distribution.list_devices()[:count]
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
        return cls(count, f"{len(devices)} x {devices[0].device_kind}")


def _split_cpu(count: int) -> None:
    import jax

    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        if len(jax.devices()) < count:
            raise UsageError(
                "The CPU must be split into devices before JAX computes anything; received "
                f"devices={count} after it has. Start a new process."
            ) from None
