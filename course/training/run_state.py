"""What changes in the course of a run, besides the variables of its model, and its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from course.training.observers import Row
from course.training.plan import Plan


@dataclass
class RunState:
    """How far a run has come.

    Attributes:
        step: number of steps that are done.
        history: a row of figures for each epoch.
        previous_seconds: time that earlier processes spent on the run.
        started: when this process started, by `time.perf_counter`.
        speed: of the training steps, for `run.json`.
    """

    step: int = 0
    history: list[Row] = field(default_factory=list)
    previous_seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    speed: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the state that a checkpoint holds."""
        return cls(values["step"], values["history"], values["seconds"])

    def values(self, step: int) -> dict[str, Any]:
        """Return what a checkpoint at `step` keeps besides arrays."""
        return {"step": step, "history": list(self.history), "seconds": self.seconds}

    @property
    def seconds(self) -> float:
        """Time spent on the run, in all processes."""
        return self.previous_seconds + time.perf_counter() - self.started

    @property
    def best_accuracy(self) -> float:
        """The best accuracy of an evaluation so far."""
        return max((row["val_accuracy"] for row in self.history), default=float("-inf"))

    def finished(self, plan: Plan) -> bool:
        """Return whether there is nothing left to train."""
        return self.step >= plan.steps or self.stopped_early(plan)

    def stopped_early(self, plan: Plan) -> bool:
        """Return whether the last epochs brought no better accuracy."""
        patience = plan.options.early_stop
        if not patience or not self.history:
            return False
        accuracies = [row["val_accuracy"] for row in self.history]
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= patience


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes:
        folder: with its files.
        history: a row of figures for each epoch.
        accuracy: of the last evaluation, 0 to 1.
        seconds: time spent, in all processes.
        paper: the paper's error in percent; None if there is none to compare with.
        speed: of the training steps, as in `run.json`; empty if none was trained.
    """

    folder: Path
    history: list[Row]
    accuracy: float
    seconds: float
    paper: float | None
    speed: dict[str, float]

    @property
    def error(self) -> float:
        """Error of the last evaluation, in percent."""
        return 100 * (1 - self.accuracy)
