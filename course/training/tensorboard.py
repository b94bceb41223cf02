"""TensorBoard's logs: numbers per epoch and traces of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course.training.observers import Row, RunObserver


class TensorBoardWriter(RunObserver):
    """Writes each epoch's numbers, if Keras runs on TensorFlow.

    Args:
        folder: of the logs.
    """

    def __init__(self, folder: Path) -> None:
        import keras

        self._writer = None
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self._tf = tf
            self._writer = tf.summary.create_file_writer(str(folder))

    def on_epoch(self, history: Sequence[Row]) -> None:
        """Write the epoch's numbers."""
        if self._writer is None:
            return
        row = history[-1]
        # tf.summary.scalar needs TensorBoard itself, which need not be installed to write.
        summary = self._tf.compat.v1.Summary
        values = [
            summary.Value(tag=_tag(key), simple_value=value)
            for key, value in row.items()
            if key not in ("epoch", "step")
        ]
        with self._writer.as_default(row["step"]):
            encoded = summary(value=values).SerializeToString()
            self._tf.summary.experimental.write_raw_pb(encoded)
        self._writer.flush()


def _tag(key: str) -> str:
    part = "evaluation" if key.startswith("val_") else "training"
    return f"{part}/{key.removeprefix('val_')}"


class StepTracer(RunObserver):
    """Traces some steps of each phase.

    Args:
        folder: of the logs.
        skip: steps before the trace; the first one compiles.
        steps: to trace.
    """

    def __init__(self, folder: Path, skip: int = 5, steps: int = 10) -> None:
        self._folder = folder
        self._start, self._stop = skip, skip + steps
        self._count, self._tracing = 0, False

    def on_step(self, step: int, logs: Mapping[str, Any]) -> None:
        """Start or stop the trace when it is time."""
        self._count += 1
        if self._count == self._start:
            self._tracing = True
            _profiler("start", str(self._folder))
        elif self._count == self._stop:
            self._end()

    def on_phase_end(self) -> None:
        """Stop a trace that a short phase did not fill."""
        self._end()
        self._count = 0

    def _end(self) -> None:
        if self._tracing:
            self._tracing = False
            _profiler("stop")


def _profiler(action: str, *arguments: str) -> None:
    import keras

    if keras.backend.backend() == "tensorflow":
        from tensorflow import profiler

        getattr(profiler.experimental, action)(*arguments)
    else:
        import jax

        getattr(jax.profiler, f"{action}_trace")(*arguments)
