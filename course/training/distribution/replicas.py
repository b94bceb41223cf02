"""What ``mirrored`` and ``multiworker`` share: a copy of the model on every device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from course import keras_compat
from course.errors import UsageError
from course.keras_compat import Gradients
from course.keras_types import Model, Optimizer
from course.training.distribution.base import Devices

# What Keras 3 gets wrong, or cannot do, on several replicas, and why.
_UNSUPPORTED = {
    "jit_compile": "XLA cannot compile the exchange between replicas",
    "gradient_accumulation_steps": "Keras accumulates each replica's own gradients and fails when "
    "it exchanges them",
    "ema_overwrite_frequency": "Keras overwrites weights inside a replica, which fails",
    "steps_per_execution": "the loop around the exchange between replicas fails",
}
_DEFAULTS = (None, False, 1, "auto")


class ReplicatedDevices(Devices):
    """Devices of a ``tf.distribute`` strategy.

    Args:
        count, hardware: as :class:`Devices`.
        strategy: of TensorFlow.
    """

    backend = "tensorflow"

    def __init__(self, count: int, hardware: str, strategy: Any) -> None:
        super().__init__(count, hardware)
        self.strategy = strategy

    @classmethod
    def check_supported(cls, options: Mapping[str, object]) -> None:
        """Refuse what would fail, or train a different model than one device does."""
        for name, reason in _UNSUPPORTED.items():
            value = options.get(name)
            if value is True or value not in _DEFAULTS:  # True is equal to 1
                raise UsageError(
                    f"{name} must be left out under distribute={cls.name!r}, since {reason}; "
                    f"received {name}={value!r}. distribute='data_parallel' can do it."
                )

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the strategy's scope."""
        scope: contextlib.AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def prepare_layers(self, net: Model) -> None:
        """Normalize by the statistics of the whole batch instead of a replica's part."""
        import keras

        for layer in keras_compat.all_layers(net):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def seed_replicas(self, model: Model) -> None:
        """Give every replica separate random numbers; all start with the same otherwise."""
        first = self.worker * max(1, self.count // self.workers)
        for variable in model.variables:
            if not variable.path.endswith("seed_generator_state"):
                continue
            parts = getattr(variable.value, "values", None) or [variable.value]
            for replica, part in enumerate(parts, start=first):
                seed, drawn = (int(n) for n in part.numpy())
                # A large odd number keeps replicas apart from the seeds of other layers, which are
                # close to each other.
                part.assign([(seed + 1_000_003 * replica) % 2**31, drawn])

    def optimizer_class(self, kind: type[Optimizer], *, clips: bool) -> type[Optimizer]:
        """Return a class that clips after gradients are summed over the replicas.

        Keras clips each replica's part before it sums them, which trains a different model.
        """
        return keras_compat.with_clipping(kind, _clip_sum) if clips else kind


def _clip_sum(gradients: Gradients, clip: Callable[[Gradients], Gradients]) -> Gradients:
    """Clip the gradients of the whole batch, in a replica's context."""
    import tensorflow as tf

    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return clip(gradients)
    total = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    # The result will be summed over the replicas once more.
    return [part / replicas.num_replicas_in_sync for part in clip(total)]
