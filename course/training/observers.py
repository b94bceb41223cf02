"""What others get to know of a run while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, float]  # an epoch's numbers by name, as in history.json


class RunObserver:
    """Called by a run; a subclass overrides what it needs.

    Example:
        >>> class Printer(RunObserver):
        ...     def on_epoch(self, history):
        ...         print(history[-1]["val_accuracy"])
    """

    def on_status(self, status: str) -> None:
        """Called before ``run.json`` says ``"running"``, ``"finished"`` or ``"diverged"``."""

    def on_step(self, step: int, logs: Mapping[str, Any]) -> None:
        """Called after a step.

        Args:
            step: of the run, from 1.
            logs: loss and metrics; to convert one to a number waits for the device.
        """

    def on_epoch(self, history: Sequence[Row]) -> None:
        """Called after an epoch and its evaluation, with all epochs' numbers so far."""

    def on_phase_end(self) -> None:
        """Called after the last step of a phase."""

    def on_end(self) -> None:
        """Called when this process is done with the run, whether it finished or failed."""
