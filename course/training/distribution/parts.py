"""Replicas for a notebook: GPUs where there are enough, parts of the CPU elsewhere.

TensorFlow fixes its devices for the whole process when it computes for the first time. So a
notebook splits the CPU once, in its first cell, into as many parts as it will ever use, and its
strategies use the first two or all of them.
"""

from __future__ import annotations

from typing import Any

from course.errors import UsageError

PARTS = 4


def split(count: int = PARTS) -> None:
    """Make the CPU look like several devices. Call it before TensorFlow computes anything.

    Calling it again is harmless, as is calling it where there are as many parts already.

    Args:
        count: parts, at least 1. They share the cores: nothing becomes faster.

    Raises:
        UsageError: TensorFlow has computed something with fewer parts, or `count` is below 1.
    """
    import tensorflow as tf

    if count < 1:
        raise UsageError(f"count must be at least 1; received count={count}.")
    (cpu,) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError as error:
        there = len(tf.config.list_logical_devices("CPU"))
        if there < count:
            raise UsageError(
                "The CPU must be split before TensorFlow computes anything; received "
                f"count={count} when it already computes on {there}. Restart the kernel, and run "
                "the notebook from its first cell."
            ) from error


def strategy(count: int) -> Any:
    """Return a ``tf.distribute.MirroredStrategy`` over `count` devices.

    Its replicas' numbers are added up on one device: TensorFlow's default remembers shapes, so that
    a second network in the same process fails.

    Args:
        count: replicas, at least 1.

    Raises:
        UsageError: there are fewer GPUs, and fewer parts of the CPU.

    Example:
        >>> strategy(1).num_replicas_in_sync
        1
    """
    import tensorflow as tf

    if count < 1:
        raise UsageError(f"count must be at least 1 replica; received count={count}.")
    kind = "GPU" if len(tf.config.list_logical_devices("GPU")) >= count else "CPU"
    there = len(tf.config.list_logical_devices(kind))
    if there < count:
        raise UsageError(
            f"count must be at most {there}, the parts of the CPU; received count={count}. Call "
            f"split({count}) before TensorFlow computes anything."
        )
    return tf.distribute.MirroredStrategy(
        [f"{kind}:{number}" for number in range(count)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
