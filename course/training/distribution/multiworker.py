"""Several processes, on one machine or many: ``MultiWorkerMirroredStrategy``.

Every process runs the same command with its own TF_CONFIG, computes its part of each batch,
and keeps its own folder; the first one's is the run's. ``fit`` of Keras 3 fails under this strategy
(keras issue 20585), so the loop over the steps is here. It calls Keras' own ``train_step``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from course.errors import UsageError
from course.keras_types import Array, Images, Model, Tensor
from course.training.distribution.replicas import ReplicatedDevices
from course.training.pipelines import BatchSource, EpochPart, without_batch_size

if TYPE_CHECKING:
    from course.training.callbacks import RunCallbacks

EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)


class MultiWorker(ReplicatedDevices):
    """The devices of all processes that TF_CONFIG lists."""

    name = "multiworker"

    @classmethod
    def setup(cls, count: int | None) -> Self:
        """Connect to the other processes.

        Raises:
            UsageError: another number of devices than the processes have together.
        """
        import tensorflow as tf

        worker, workers = worker_index()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        total = strategy.num_replicas_in_sync
        if count not in (None, total):
            raise UsageError(
                f"devices must be {total}, what the {workers} workers have together; received "
                f"devices={count}."
            )
        devices = cls(total, f"{workers} workers of {total // workers} devices", strategy)
        devices.worker, devices.workers = worker, workers
        return devices

    @classmethod
    def worker_folder(cls, run: Path) -> Path:
        """Return the run's folder for the first process, a folder in it for the others."""
        worker, _ = worker_index()
        return run / f"worker-{worker}" if worker else run

    def fit(
        self,
        model: Model,
        source: BatchSource,
        part: EpochPart,
        callbacks: RunCallbacks,
        *,
        static_batch: bool = False,
    ) -> None:
        """Train on a part of an epoch, as ``model.fit`` would; batches are never static."""
        import tensorflow as tf

        with self.strategy.scope():
            if model.train_function is None:
                batch = source.batch(part.epoch, part.start)
                model.train_function = tf.function(
                    lambda *batch: self.strategy.run(_replica_step(model), args=batch),
                    input_signature=[
                        tf.TensorSpec(without_batch_size(values), values.dtype) for values in batch
                    ],
                )
            model.reset_metrics()
            callbacks.on_epoch_begin(part.epoch)
            for step, batch in zip(part.steps, source.batches(part), strict=True):
                logs = model.train_function(*(tf.constant(values) for values in batch))
                callbacks.on_train_batch_end(
                    step, {key: self._local(value) for key, value in logs.items()}
                )
            callbacks.on_epoch_end(part.epoch, model.get_metrics_result())

    def _local(self, value: Tensor) -> Tensor:
        """Return the first of this process' replicas' values."""
        return self.strategy.experimental_local_results(value)[0]

    def predict(self, model: Model, images: Images, batch_size: int) -> Array:
        """Return the first output for all images, computed by each process for itself."""
        import tensorflow as tf

        if not hasattr(model, "_all_outputs"):
            model._all_outputs = tf.function(lambda x: model(x, training=False))
        parts = []
        for start in range(0, len(images), batch_size):
            outputs = model._all_outputs(tf.constant(images[start : start + batch_size]))
            parts.append((outputs[0] if isinstance(outputs, list | tuple) else outputs).numpy())
        return np.concatenate(parts)

    def smallest(self, value: int) -> int:
        """Return the smallest of all processes' values, given this one's; all must call it."""
        import tensorflow as tf

        def gather() -> Any:
            context = tf.distribute.get_replica_context()
            # There is no reduction by minimum.
            return context.all_gather(tf.constant([value], "int64"), axis=0)

        values = self._local(self.strategy.run(tf.function(gather)))
        return int(tf.reduce_min(values))


def worker_index() -> tuple[int, int]:
    """Return this process' number and how many there are, from TF_CONFIG.

    Raises:
        UsageError: no TF_CONFIG, or one that names no worker.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        if task["type"] != "worker" or not 0 <= int(task["index"]) < len(workers):
            raise ValueError("an index out of range")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "multiworker needs a TF_CONFIG that lists the workers and says which one this is; "
            f"received TF_CONFIG={text!r}. Example: {EXAMPLE}"
        ) from error
    return int(task["index"]), len(workers)


def _replica_step(model: Model) -> Callable[..., Any]:
    """Wrap Keras' step so that each replica takes its part of the batch, which all have whole."""
    import tensorflow as tf

    def step(*batch: Tensor) -> Any:
        replica = tf.distribute.get_replica_context()
        size = tf.shape(batch[0])[0] // replica.num_replicas_in_sync
        first = replica.replica_id_in_sync_group * size
        x, y = (values[first : first + size] for values in batch)
        heads = len(model.outputs)
        return model.train_step((x, (y,) * heads if heads > 1 else y))

    return step
