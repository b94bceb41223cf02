"""Several devices of one machine on TensorFlow: ``MirroredStrategy``."""

from __future__ import annotations

from typing import Self

from course.errors import UsageError
from course.training.distribution.base import check_count, processor
from course.training.distribution.replicas import ReplicatedDevices


class Mirrored(ReplicatedDevices):
    """GPUs, or parts of the CPU where there is no GPU."""

    name = "mirrored"

    @classmethod
    def setup(cls, count: int | None) -> Self:
        """Make the strategy.

        Raises:
            UsageError: more GPUs than there are, or TensorFlow has computed something already.
        """
        import tensorflow as tf

        if gpus := tf.config.list_physical_devices("GPU"):
            count = count or len(gpus)
            check_count(count, len(gpus))
            strategy = tf.distribute.MirroredStrategy([f"GPU:{n}" for n in range(count)])
            return cls(count, f"{len(gpus)} GPU", strategy)
        count = count or 2
        _split_cpu(count)
        strategy = tf.distribute.MirroredStrategy(
            [f"CPU:{n}" for n in range(count)],
            # The default's collectives remember shapes, so a second model in a process would fail.
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
        return cls(count, processor(), strategy)


def _split_cpu(count: int) -> None:
    """Make the CPU look like several devices.

    Raises:
        UsageError: TensorFlow has computed something with another number.
    """
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    configuration = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, configuration)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise UsageError(
                "The CPU must be split into devices before TensorFlow computes anything; received "
                f"devices={count} after it has. Start a new process."
            ) from error
