"""Several processes, on one machine or many, each with its devices: TensorFlow's MultiWorker.

Every process runs the same command with a TF_CONFIG of its own, computes its part of each batch,
and keeps its own folder; the first one's is the run's. ``fit`` of Keras 3 fails under this strategy
(keras issue 20585), so that the loop over the steps is here. Keras' own ``train_step`` runs in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from course.errors import UsageError
from course.training.distribution import Devices
from course.training.pipelines import BatchSource, without_batch_size

EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)


def place() -> tuple[int, int]:
    """This process' number, and how many there are, from TF_CONFIG.

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


def folder(run: Path) -> Path:
    """Where this process keeps its files: the run's folder, or one in it."""
    worker, _ = place()
    return run / f"worker-{worker}" if worker else run


def devices(count: int | None) -> Devices:
    """Meet the other processes.

    Raises:
        UsageError: another number of devices than the processes have together.
    """
    import tensorflow as tf

    worker, workers = place()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    total = strategy.num_replicas_in_sync
    if count not in (None, total):
        raise UsageError(
            f"devices must be {total}, what the {workers} workers have; received devices={count}."
        )
    hardware = f"{workers} workers of {total // workers} devices"
    return Devices("multiworker", total, hardware, strategy, worker, workers)


def fit(model, batches: BatchSource, epoch: int, start: int, stop: int, callbacks) -> None:
    """Train on a part of an epoch's batches, as ``model.fit`` would."""
    import tensorflow as tf

    strategy = model.distribute_strategy
    with strategy.scope():
        if model.train_function is None:
            model.train_function = tf.function(
                lambda *batch: strategy.run(_replica_step(model), args=batch),
                input_signature=[
                    tf.TensorSpec(without_batch_size(part), part.dtype)
                    for part in batches.batch(epoch, start)
                ],
            )
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        for step, batch in zip(
            range(start, stop), batches.batches(epoch, start, stop), strict=True
        ):
            logs = model.train_function(*(tf.constant(part) for part in batch))
            own = {key: strategy.experimental_local_results(v)[0] for key, v in logs.items()}
            callbacks.on_train_batch_end(step, own)
        callbacks.on_epoch_end(epoch, model.get_metrics_result())


def _replica_step(model):
    """Keras' step on a replica's part of a batch, of which every process has the whole."""
    import tensorflow as tf

    def step(*batch):
        replica = tf.distribute.get_replica_context()
        share = tf.shape(batch[0])[0] // replica.num_replicas_in_sync
        first = replica.replica_id_in_sync_group * share
        x, y = (part[first : first + share] for part in batch)
        heads = len(model.outputs)
        return model.train_step((x, (y,) * heads if heads > 1 else y))

    return step


def predict(model, images: np.ndarray, batch_size: int) -> np.ndarray:
    """The first output for all images, computed by each process for itself."""
    import tensorflow as tf

    if not hasattr(model, "_scores"):
        model._scores = tf.function(lambda x: model(x, training=False))
    parts = []
    for start in range(0, len(images), batch_size):
        scores = model._scores(tf.constant(images[start : start + batch_size]))
        parts.append((scores[0] if isinstance(scores, (list, tuple)) else scores).numpy())
    return np.concatenate(parts)


def common_step(strategy, newest: int) -> int:
    """The newest step that every process has a checkpoint of: the least of the newest."""
    import tensorflow as tf

    def own():
        context = tf.distribute.get_replica_context()
        # A maximum of negatives is not offered either: gather all and look.
        return context.all_gather(tf.constant([newest], "int64"), axis=0)

    steps = strategy.run(tf.function(own))
    return int(tf.reduce_min(strategy.experimental_local_results(steps)[0]))
