"""What happens around every step: resume, checkpoints, timing, NaN detection."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras.callbacks import CallbackList

from course.keras_types import Array, Model
from course.training import variables
from course.training.checkpoints import OVERHEAD, Checkpoint, Writer
from course.training.divergence import LossMonitor

Logs = Mapping[str, Any]


def main_logs(logs: Logs) -> dict[str, Any]:
    """Return the loss and the main head's metrics.

    Keras names metrics after their head if there are several.
    """
    metrics = {key.rpartition("_")[2]: value for key, value in logs.items()}
    return {"loss": logs["loss"]} | {k: metrics[k] for k in ("accuracy", "top5") if k in metrics}


class Checkpointer:
    """Saves a model's variables, unless that would take more than its fraction of the time.

    Args:
        writer: of checkpoints.
        every: steps from one checkpoint to the next, at least.
        values: given the step, returns what a checkpoint keeps besides arrays.
        overhead: fraction of the time that checkpoints may take; None for any.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        every: int,
        values: Callable[[int], dict[str, Any]],
        overhead: float | None = OVERHEAD,
    ) -> None:
        self.every = every
        self._writer, self._values, self._overhead = writer, values, overhead
        self._last = time.perf_counter()
        self._cost = 0.0  # of one checkpoint, in seconds

    def save(self, model: Model, step: int, *, always: bool = False) -> None:
        """Write a checkpoint; `always` means whatever it costs."""
        begin = time.perf_counter()
        overhead = None if always else self._overhead
        if overhead is not None and (begin - self._last) * overhead < self._cost:
            return
        self._writer.submit(step, Checkpoint(variables.capture(model), self._values(step)))
        if not self._cost:
            self._writer.wait()  # once, to measure the cost
        self._last = time.perf_counter()
        self._cost = max(self._cost, self._last - begin)

    def wait(self) -> None:
        """Wait until the last checkpoint is on the disk."""
        self._writer.wait()


class RunCallbacks(CallbackList):
    """The only callbacks of a run, called by ``fit`` in its own thread, with the logs as they are.

    Args:
        model: compiled.
        first: number of steps before the first one here.
        steps_per_epoch: of the run.
        checkpointer: saves within epochs; None for never.
        on_step: called after each step with its number and its logs.
        resume: arrays to put back before the first step.

    Attributes:
        step: steps of the run so far.
        logs: the last epoch's loss and metrics.
        timed_steps: steps but for the first of each ``fit``, which may compile.
        timed_seconds: what these took.
    """

    def __init__(
        self,
        model: Model,
        *,
        first: int,
        steps_per_epoch: int,
        checkpointer: Checkpointer | None = None,
        on_step: Callable[[int, Logs], None] | None = None,
        resume: dict[str, Array] | None = None,
    ) -> None:
        # fit() returns the history callback.
        super().__init__(model=model, add_history=True, add_progbar=False)
        self.step = first
        self.logs: dict[str, float] = {}
        self.timed_steps, self.timed_seconds = 0, 0.0
        self._model, self._resume = model, resume
        self._steps_per_epoch = steps_per_epoch
        self._checkpointer, self._on_step = checkpointer, on_step
        self._losses = LossMonitor(steps_per_epoch, self._learning_rate)
        self._step_ended: float | None = None  # of the last step of this fit

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self._model.optimizer.learning_rate))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Do nothing."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Do nothing."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Put back the arrays of a checkpoint, once; Keras resets its metrics before this."""
        self._step_ended = None
        if self._resume is not None:
            within = self.step % self._steps_per_epoch
            only = variables.groups(self._resume) - ({"metrics"} if not within else set())
            variables.restore(self._model, self._resume, only)
            self._resume = None

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Do nothing."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Check the loss of the step before, save, measure the time."""
        logs = logs or {}
        self.step += 1
        self._losses.add(self.step, logs["loss"])
        self._save()
        now = time.perf_counter()
        if self._step_ended is not None:
            self.timed_steps += 1
            self.timed_seconds += now - self._step_ended
        self._step_ended = now
        if self._on_step:
            self._on_step(self.step, main_logs(logs))

    def _save(self) -> None:
        """Save if it is time; an epoch's last step is saved after its evaluation."""
        saver = self._checkpointer
        if saver and self.step % saver.every == 0 and self.step % self._steps_per_epoch:
            self._losses.check()
            saver.save(self._model, self.step)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Check the last loss and keep the logs."""
        self._losses.check()
        self.logs = {key: float(value) for key, value in main_logs(logs or {}).items()}
