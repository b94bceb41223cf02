"""Detect a loss that became NaN or infinite."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from course.errors import UsageError


class DivergedError(ArithmeticError, UsageError):
    """The loss became NaN or infinite."""


class LossMonitor:
    """Checks each step's loss one step late, so that no device waits for it.

    Args:
        steps_per_epoch: of the run, for the message.
        learning_rate: returns the present one, for the message.
    """

    def __init__(self, steps_per_epoch: int, learning_rate: Callable[[], float]) -> None:
        self._steps_per_epoch, self._learning_rate = steps_per_epoch, learning_rate
        self._recent: deque[float] = deque(maxlen=5)
        self._pending: tuple[int, Any] | None = None

    def add(self, step: int, loss: Any) -> None:
        """Check the loss before this one."""
        self.check()
        self._pending = (step, loss)

    def check(self) -> None:
        """Check the last loss.

        Raises:
            DivergedError: it is NaN or infinite; says at which step, and the likely cause.
        """
        if self._pending is None:
            return
        (step, value), self._pending = self._pending, None
        loss = float(value)
        if not math.isfinite(loss):
            epoch, batch = divmod(step - 1, self._steps_per_epoch)
            raise DivergedError(
                f"The loss must stay finite; received loss={loss} at step {step} (epoch "
                f"{epoch + 1}, batch {batch + 1}). {self._cause(step)}"
            )
        self._recent.append(loss)

    def _cause(self, step: int) -> str:
        # If the data is fine, it is the learning rate or the range of half precision.
        rate = self._learning_rate()
        if len(self._recent) > 1 and self._recent[-1] > 1.5 * min(self._recent):
            return (
                f"The loss had grown to {self._recent[-1]:.3g} before: the learning rate of "
                f"{rate:.3g} is likely too high. Set a lower --learning-rate."
            )
        if step <= 5:
            return (
                f"This is one of the first steps: the learning rate of {rate:.3g} is likely too "
                "high for a fresh network, or its batch too small. Set a lower --learning-rate, "
                "or use a recipe with warm-up."
            )
        return (
            f"There was no warning sign: probably one batch with the learning rate of {rate:.3g}, "
            "or the range of half precision. Set a lower --learning-rate, or leave out "
            "--mixed-precision."
        )
