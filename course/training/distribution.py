"""One device, several in one machine, or several machines.

``mirrored`` (TensorFlow): a copy of the model on every device, each with a part of the batch.
``data_parallel`` (JAX): one program over all devices, after ``keras.distribution``.
``multiworker`` (TensorFlow): several processes, named in TF_CONFIG; :mod:`.multiworker`.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any

from course.errors import UsageError

KINDS = ("none", "mirrored", "data_parallel", "multiworker")
BACKENDS = {"mirrored": "tensorflow", "multiworker": "tensorflow", "data_parallel": "jax"}

# What Keras 3 does wrongly or not at all on several replicas, and why.
_REFUSED = {
    "jit_compile": "XLA cannot compile the exchange between replicas",
    "gradient_accumulation_steps": "Keras adds up each replica's own gradients and fails when it "
    "exchanges them",
    "ema_overwrite_frequency": "Keras overwrites weights inside of a replica, which fails",
    "steps_per_execution": "the loop around the exchange between replicas fails",
}
_NEUTRAL = (None, False, 1, "auto")


@dataclass(frozen=True)
class Devices:
    """Where a run computes."""

    kind: str
    count: int
    hardware: str
    strategy: Any = None  # of TensorFlow
    worker: int = 0  # this process; the first one writes files
    workers: int = 1

    def scope(self):
        """Models are built and compiled in here."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()


def refuse(kind: str, **options) -> None:
    """Refuse what would fail, or train something else than one device does.

    Args:
        kind: of :data:`KINDS`.
        options: of ``model.compile`` and of optimizers.

    Raises:
        UsageError: an option that this kind of distribution cannot have, with the reason.
    """
    if kind not in ("mirrored", "multiworker"):
        return
    for name, reason in _REFUSED.items():
        value = options.get(name)
        if value is True or value not in _NEUTRAL:  # True is equal to 1
            raise UsageError(
                f"{name} must be left out under distribute={kind!r}, since {reason}; received "
                f"{name}={value!r}. distribute='data_parallel' can do it."
            )


def choose_backend(kind: str) -> None:
    """Set KERAS_BACKEND for a kind of distribution, before Keras is imported.

    Raises:
        UsageError: an unknown kind, or a kind that the chosen backend does not have.
    """
    if kind not in KINDS:
        raise UsageError(f"distribute must be one of {', '.join(KINDS)}; received {kind!r}.")
    wanted = BACKENDS.get(kind)
    if wanted and os.environ.setdefault("KERAS_BACKEND", wanted) != wanted:
        raise UsageError(
            f"distribute={kind!r} needs the {wanted} backend; received KERAS_BACKEND="
            f"{os.environ['KERAS_BACKEND']}. Set KERAS_BACKEND={wanted}."
        )


def prepare(kind: str, count: int | None = None) -> Devices:
    """Set up the devices; call it before anything is computed.

    Args:
        kind: of :data:`KINDS`.
        count: of devices; None for all GPUs, or 1 for one device, or 2 parts of the CPU.

    Raises:
        UsageError: more devices than there are, a kind that the backend does not have.
    """
    choose_backend(kind)
    import keras

    backend = keras.backend.backend()
    wanted = BACKENDS.get(kind, backend)
    if wanted != backend:
        raise UsageError(
            f"distribute={kind!r} needs the {wanted} backend; received {backend}. "
            f"Set KERAS_BACKEND={wanted} before Keras is imported."
        )
    if count is not None and (count < 1 or (kind == "none" and count != 1)):
        raise UsageError(
            f"devices must be at least 1, and 1 without distribution; received devices={count} "
            f"with distribute={kind!r}. Choose --distribute mirrored or data_parallel."
        )
    make = {"tensorflow": _tensorflow, "jax": _jax}[backend]
    return make(kind, count)


def _tensorflow(kind: str, count: int | None) -> Devices:
    import tensorflow as tf

    if kind == "multiworker":
        from course.training.multiworker import devices

        return devices(count)
    gpus = tf.config.list_physical_devices("GPU")
    hardware = f"{len(gpus)} GPU" if gpus else _processor()
    if kind == "none":
        return Devices(kind, 1, hardware)
    if gpus:
        count = count or len(gpus)
        if count > len(gpus):
            raise UsageError(
                f"devices must be at most {len(gpus)}, the GPUs here; received devices={count}."
            )
        names, ops = [f"GPU:{n}" for n in range(count)], None
    else:
        count = count or 2
        _split_cpu(tf, count)
        names = [f"CPU:{n}" for n in range(count)]
        # The default's collectives remember shapes, so that a second model in a process fails.
        ops = tf.distribute.ReductionToOneDevice()
    strategy = tf.distribute.MirroredStrategy(names, cross_device_ops=ops)
    return Devices(kind, count, hardware, strategy)


def _processor() -> str:
    """The cores that this process may use, which can be fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, {cores} core{'s' * (cores != 1)}"


def _split_cpu(tf, count: int) -> None:
    """Make the CPU look like several devices.

    Raises:
        UsageError: TensorFlow has begun to compute with another number.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    configuration = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, configuration)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise UsageError(
                f"The CPU is split into devices before TensorFlow computes anything; received "
                f"devices={count} after it has. Start a new process."
            ) from error


def _jax(kind: str, count: int | None) -> Devices:
    import jax
    import keras

    if kind == "data_parallel":
        _split_cpu_jax(jax, count or 2)  # changes nothing where there are GPUs
    devices = jax.devices()
    hardware = f"{len(devices)} x {devices[0].device_kind}"
    if kind == "none":
        return Devices(kind, 1, hardware)
    count = count or len(devices)
    if count > len(devices):
        raise UsageError(f"devices must be at most {len(devices)}; received devices={count}.")
    names = keras.distribution.list_devices()[:count]
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
    return Devices(kind, count, hardware)


def _split_cpu_jax(jax, count: int) -> None:
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        if len(jax.devices()) < count:
            raise UsageError(
                f"The CPU is split into devices before JAX computes anything; received devices="
                f"{count} after it has. Start a new process."
            ) from None


def across_workers(model) -> bool:
    """Whether a model was built for several processes."""
    strategy = getattr(model, "distribute_strategy", None)
    # What TensorFlow exports as MultiWorkerMirroredStrategy, without importing TensorFlow for JAX.
    return type(strategy).__name__ in ("CollectiveAllReduceStrategy", "MultiWorkerMirroredStrategy")


def spread_randomness(model, devices: Devices) -> None:
    """Give every replica random numbers of its own; they all start with the same otherwise.

    Args:
        model: built in ``devices.scope()``.
        devices: what :func:`prepare` returned.
    """
    if devices.kind not in ("mirrored", "multiworker"):
        return
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            first = devices.worker * max(1, devices.count // devices.workers)
            parts = getattr(variable.value, "values", None) or [variable.value]
            for replica, part in enumerate(parts, start=first):
                seed, drawn = (int(n) for n in part.numpy())
                # A large odd number: neighboring seeds, as other layers have, stay apart.
                part.assign([(seed + 1_000_003 * replica) % 2**31, drawn])


def synchronize_statistics(model) -> None:
    """Let batch normalization use the statistics of the whole batch, not of a replica's part."""
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def clipping_after_reduction(kind: type) -> type:
    """An optimizer's class that clips the gradients of the whole batch.

    Keras clips each replica's part before it adds the parts up, which trains something else.
    """
    import tensorflow as tf

    class Clipping(kind):
        def _clip_gradients(self, gradients):
            replicas = tf.distribute.get_replica_context()
            if replicas is None or replicas.num_replicas_in_sync == 1:
                return super()._clip_gradients(gradients)
            total = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            # What comes back is added up once more.
            count = replicas.num_replicas_in_sync
            return [part / count for part in super()._clip_gradients(total)]

    Clipping.__name__ = kind.__name__  # its variables are called after it
    return Clipping
