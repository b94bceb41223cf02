"""Progress of a run on the console."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from course.training.observers import Row, RunObserver
from course.training.plan import Plan
from course.training.summary import duration

_REFRESH = 0.5  # seconds between two looks at a step's logs, which wait for the device


class Progress(RunObserver):
    """Prints a line per epoch, and on a terminal shows a bar for the steps.

    Args:
        plan: of the run.
        stream: to write to.
    """

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        from rich import progress
        from rich.console import Console

        self._plan = plan
        self._console = Console(file=stream, soft_wrap=True, highlight=False, markup=False)
        self._bar = progress.Progress(
            progress.TextColumn("epoch {task.description}"),
            progress.BarColumn(bar_width=20),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[numbers]}"),
            console=self._console,
            auto_refresh=False,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=plan.steps_per_epoch, numbers="")
        self._first: tuple[int, float] | None = None  # the first step here, and when it ended
        self._shown = 0.0

    def on_step(self, step: int, logs: Mapping[str, Any]) -> None:
        """Update the bar."""
        now = time.perf_counter()
        if self._first is None:  # this step compiled, so it says nothing about the others
            self._first = step, now
            self._bar.start()
        if self._bar.disable or now - self._shown < _REFRESH:
            return
        self._shown = now
        epoch, position = divmod(step - 1, self._plan.steps_per_epoch)
        numbers = "  ".join(f"{key} {float(value):.4f}" for key, value in logs.items())
        self._bar.update(
            self._task,
            completed=position + 1,
            description=f"{epoch + 1}/{self._plan.epochs}",
            numbers=numbers + self._pace(step),
            refresh=True,
        )

    def on_epoch(self, history: Sequence[Row]) -> None:
        """Print the epoch's numbers."""
        row = history[-1]
        numbers = "  ".join(
            f"{key} {value:.4g}" for key, value in row.items() if key not in ("epoch", "step")
        )
        pace = self._pace(int(row["step"]))
        self._console.print(f"epoch {row['epoch']}/{self._plan.epochs}  {numbers}{pace}")

    def on_end(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def _pace(self, step: int) -> str:
        """Return the images per second and the time left."""
        if self._first is None:
            return ""
        first, began = self._first
        done, took = step - first, time.perf_counter() - began
        if not done:
            return ""
        left = (self._plan.steps - step) * took / done
        images = done * self._plan.batch_size / took
        return f"  {images:,.0f} images/s  {duration(left)} left"
