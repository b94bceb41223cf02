"""What happens around every step: resume, checkpoints, the watch for numbers that are none."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

import keras
from keras.callbacks import CallbackList

from course.errors import UsageError
from course.training import distribution, variables
from course.training.checkpoints import Checkpoint, Writer

# Checkpoints may take this share of the time.
OVERHEAD = 0.02


class DivergedError(ArithmeticError, UsageError):
    """The loss is no number any more."""


def main_logs(logs: dict) -> dict:
    """The loss, and the main head's metrics, which Keras names after the head if there are more."""
    metrics = {key.rpartition("_")[2]: value for key, value in logs.items()}
    return {"loss": logs["loss"]} | {k: metrics[k] for k in ("accuracy", "top5") if k in metrics}


class RunCallbacks(CallbackList):
    """The only callbacks of a run, called by ``fit`` in its own thread, without a copy of the logs.

    ``fit`` is called for an epoch, or for the rest of one, at a time.

    Args:
        model: compiled.
        first: step of the run before the first one here.
        steps_per_epoch: of the run.
        every: steps from one checkpoint to the next, at least.
        writer: of checkpoints; None for none.
        values: gives what a checkpoint has besides arrays.
        show: is told the step and the logs now and then; None for no one.
        resume: arrays to put back before the first step.
    """

    def __init__(
        self,
        model,
        *,
        first: int,
        steps_per_epoch: int,
        every: int,
        writer: Writer | None,
        values: Callable[[int], dict],
        show: Callable | None = None,
        resume: dict | None = None,
    ):
        super().__init__(model=model, add_history=True, add_progbar=False)  # fit returns it
        self.step = first
        self.logs: dict[str, float] = {}
        self.timed, self.seconds = (
            0,
            0.0,
        )  # steps but for those that begin a fit, and what they took
        self._model, self._resume, self._values = model, resume, values
        self._steps_per_epoch, self._every = steps_per_epoch, every
        self._writer, self._show = writer, show
        self._recent: deque[float] = deque(maxlen=5)
        self._pending = None
        self._ended = None  # when the last step of this fit did
        self._last_saved = time.perf_counter()
        self._cost = 0.0

    def on_train_begin(self, logs=None):
        pass

    def on_train_end(self, logs=None):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        self._ended = None
        # Keras has reset its metrics by now, and would reset what was put back before.
        if self._resume is not None:
            begun = self.step % self._steps_per_epoch
            only = variables.GROUPS if begun else ("model", "optimizer")
            variables.restore(self._model, self._resume, only)
            self._resume = None

    def on_train_batch_begin(self, batch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        # The loss of the step before is looked at, so that no device waits for this one.
        self._look_at_pending()
        self.step += 1
        self._pending = (self.step, logs)
        if self._show:
            self._show(self.step, main_logs(logs))
        if self.step % self._every == 0 and self.step % self._steps_per_epoch:
            self._look_at_pending()
            self.save()
        now = time.perf_counter()
        if self._ended is not None:
            self.timed, self.seconds = self.timed + 1, self.seconds + now - self._ended
        self._ended = now

    def on_epoch_end(self, epoch, logs=None):
        self._look_at_pending()
        self.logs = {key: float(value) for key, value in main_logs(logs or {}).items()}

    def save(self, *, always: bool = False) -> None:
        """Write a checkpoint, unless that would take more than its share of the time."""
        begin = time.perf_counter()
        if self._writer is None:
            return
        alone = not distribution.across_workers(self._model)  # several write at the same steps
        if alone and not always and (begin - self._last_saved) * OVERHEAD < self._cost:
            return
        values = self._values(self.step)
        self._writer.submit(self.step, Checkpoint(variables.capture(self._model), values))
        if not self._cost:
            self._writer.wait()  # once, to know what it takes
        self._last_saved = time.perf_counter()
        self._cost = max(self._cost, self._last_saved - begin)

    def _look_at_pending(self) -> None:
        if self._pending is None:
            return
        (step, logs), self._pending = self._pending, None
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            epoch, batch = divmod(step - 1, self._steps_per_epoch)
            raise DivergedError(
                f"The loss must stay a number; received loss={loss} at step {step} (epoch "
                f"{epoch + 1}, batch {batch + 1}). {self._cause(step)}"
            )
        self._recent.append(loss)

    def _cause(self, step: int) -> str:
        # Where nothing is wrong with the data, it is the rate, or the range of half precision.
        rate = float(keras.ops.convert_to_numpy(self._model.optimizer.learning_rate))
        if len(self._recent) > 1 and self._recent[-1] > 1.5 * min(self._recent):
            return (
                f"The loss had grown before, to {self._recent[-1]:.3g}: the learning rate of "
                f"{rate:.3g} is likely too high. Set a lower --learning-rate."
            )
        if step <= 5:
            return (
                f"That is one of the first steps: the learning rate of {rate:.3g} is likely too "
                "high for a fresh network, or its batch too small. Set a lower --learning-rate, "
                "or take a recipe with warm-up."
            )
        return (
            f"It came without a sign: likely one batch with the learning rate of {rate:.3g}, or "
            "half precision's range. Set a lower --learning-rate, or leave out "
            "--mixed-precision."
        )
