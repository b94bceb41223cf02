"""What a run leaves for people: its history as JSON, CSV and curve, and ``run.json``."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from course._files import replacing, write_text
from course.architectures.published import Dataset
from course.training import summary
from course.training.distribution import Devices
from course.training.observers import Row, RunObserver
from course.training.options import Options
from course.training.plan import Plan
from course.training.run_state import RunState
from course.training.versions import versions

# Datasets that papers report errors for, by their names in TFDS.
PUBLISHED: dict[str, Dataset] = {
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "imagenet2012": "imagenet",
    "mnist": "mnist",
}


def published(options: Options) -> float | None:
    """Return the error in percent that the paper reports for such a run, if any.

    Papers train from random weights, so a run that starts from others is not compared with them.
    """
    from course import architectures

    known = PUBLISHED.get(options.dataset.partition("/")[0].partition(":")[0])
    if known is None or options.command != "train":
        return None
    return architectures.describe(options.name).error(known)


def write_run(folder: Path, plan: Plan, devices: Devices, state: RunState, status: str) -> None:
    """Write ``run.json``: everything to know about the run, and to repeat it."""
    options = plan.options
    record = {
        "status": status,
        "command": " ".join(sys.argv),
        "options": options.as_json(),
        "plan": summary.rows(plan),
        "normalization": {"mean": plan.data.mean, "deviation": plan.data.std},
        "versions": versions(),
        "hardware": devices.hardware,
        "seed": options.seed,
        "seconds": round(state.seconds, 3),
        "speed": state.speed,
        "paper": published(options),
        "result": state.history[-1] if status == "finished" else None,
    }
    write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")


class HistoryWriter(RunObserver):
    """Keeps the history's files up to date, and the curve now and then.

    Args:
        folder: of the run.
        plan: of the run.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        self._plotted = time.perf_counter()

    def on_epoch(self, history: Sequence[Row]) -> None:
        """Write the history, and plot it once a minute: a plot takes as long as a small epoch."""
        write_history(self._folder, history)
        if time.perf_counter() - self._plotted > 60:
            plot_run(self._folder, self._plan, history)
            self._plotted = time.perf_counter()


def write_history(folder: Path, history: Sequence[Row]) -> None:
    """Write ``history.json`` and ``history.csv``, a row per epoch."""
    write_text(folder / "history.json", json.dumps(history, indent=1) + "\n")
    if history:
        text = io.StringIO()
        table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
        write_text(folder / "history.csv", text.getvalue())


def plot_run(folder: Path, plan: Plan, history: Sequence[Row]) -> None:
    """Draw the curve of a run."""
    options = plan.options
    title = f"{options.name} on {options.dataset}, {plan.recipe_name}"
    plot_curve(folder, history, title, published(options))


def plot_curve(folder: Path, history: Sequence[Row], title: str, paper: float | None) -> None:
    """Draw ``curve.png``: errors in training and evaluation by epoch, and the paper's."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    epochs = [row["epoch"] for row in history]
    for key, label in (("accuracy", "training"), ("val_accuracy", "evaluation")):
        errors = [100 * (1 - row[key]) for row in history]
        axes.plot(epochs, errors, marker="." if len(history) < 40 else "", label=label)
    if paper is not None:
        axes.axhline(paper, color="black", linestyle="--", label=f"paper: {paper:g} %")
    axes.set(xlabel="epoch", ylabel="error in percent", title=title, ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(folder / "curve.png", suffix=".png") as temporary:
        figure.savefig(temporary, dpi=120)
