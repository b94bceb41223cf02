"""What a run leaves for people: history as JSON, CSV and picture, TensorBoard's logs, progress."""

from __future__ import annotations

import csv
import io
import json
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from course._files import replacing, write_text
from course.architectures.published import Dataset

# Datasets that papers report errors for, by their names in TFDS.
PUBLISHED: dict[str, Dataset] = {
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "imagenet2012": "imagenet",
    "mnist": "mnist",
}


def published(name: str, dataset: str) -> float | None:
    """The error in percent that an architecture's paper prints for a set, if it does."""
    from course import architectures

    known = PUBLISHED.get(dataset.partition("/")[0].partition(":")[0])
    return architectures.describe(name).error(known) if known else None


def versions() -> dict[str, str]:
    """Of Python and of what computes."""
    found = {"python": platform.python_version()}
    for name in ("convnet-course", "tensorflow", "keras", "jax", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_history(folder: Path, history: list[dict[str, Any]]) -> None:
    """``history.json`` and ``history.csv``: a row an epoch."""
    write_text(folder / "history.json", json.dumps(history, indent=1) + "\n")
    if history:
        text = io.StringIO()
        table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
        write_text(folder / "history.csv", text.getvalue())


def plot_curve(
    folder: Path, history: list[dict[str, Any]], title: str, paper: float | None
) -> None:
    """``curve.png``: errors of training and evaluation by epoch, and the paper's number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    epochs = [row["epoch"] for row in history]
    for key, label in (("accuracy", "training"), ("val_accuracy", "evaluation")):
        errors = [100 * (1 - row[key]) for row in history]
        axes.plot(epochs, errors, marker="." if len(history) < 40 else "", label=label)
    if paper is not None:
        axes.axhline(paper, color="black", linestyle="--", label=f"paper: {paper:g} %")
    axes.set(xlabel="epoch", ylabel="error in percent", title=title, ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(folder / "curve.png", suffix=".png") as temporary:
        figure.savefig(temporary, dpi=120)


class TensorBoardWriter:
    """TensorBoard's logs, where TensorFlow is installed.

    Args:
        folder: of the logs.
    """

    def __init__(self, folder: Path):
        import keras

        self._writer = None
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self._tf = tf
            self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, row: dict[str, Any], step: int) -> None:
        """One epoch's numbers."""
        if self._writer is None:
            return
        # tf.summary.scalar asks for TensorBoard itself, which need not be installed to write.
        kind = self._tf.compat.v1.Summary
        values = [
            kind.Value(tag=_tag(key), simple_value=value)
            for key, value in row.items()
            if key not in ("epoch", "step")
        ]
        with self._writer.as_default(step):
            self._tf.summary.experimental.write_raw_pb(kind(value=values).SerializeToString())
        self._writer.flush()


def _tag(key: str) -> str:
    part = "evaluation" if key.startswith("val_") else "training"
    return f"{part}/{key.removeprefix('val_')}"


class Progress:
    """A line that changes while an epoch runs, on a terminal, and a line for each epoch.

    Args:
        steps: of the run.
        steps_per_epoch: of the run.
        batch_size: examples a step.
        stream: where to write; None for nowhere.
    """

    def __init__(self, steps: int, steps_per_epoch: int, batch_size: int, stream):
        self._steps, self._epoch, self._batch = steps, steps_per_epoch, batch_size
        self._stream = stream
        self._live = bool(stream) and stream.isatty()
        self._first, self._begin, self._shown = 0, None, 0.0

    def step(self, step: int, logs) -> None:
        """After a step; shows something twice a second at most."""
        now = time.perf_counter()
        if self._begin is None:
            # The first step here compiles, which says nothing on the others.
            self._first, self._begin = step, now
        if not self._live or now - self._shown < 0.5:
            return
        self._shown = now
        numbers = "  ".join(f"{key} {float(value):.4f}" for key, value in logs.items())
        epoch, part = divmod(step - 1, self._epoch)
        line = (
            f"epoch {epoch + 1}/{-(-self._steps // self._epoch)}  step {part + 1}/{self._epoch}  "
            f"{numbers}{self._pace(step)}"
        )
        self._stream.write(f"\r\x1b[K{line[:160]}")
        self._stream.flush()

    def epoch(self, row: dict[str, Any], step: int) -> None:
        """After an epoch and its evaluation."""
        if not self._stream:
            return
        numbers = "  ".join(
            f"{key} {value:.4g}" for key, value in row.items() if key not in ("epoch", "step")
        )
        start = "\r\x1b[K" if self._live else ""
        epochs = -(-self._steps // self._epoch)
        self._stream.write(f"{start}epoch {row['epoch']}/{epochs}  {numbers}{self._pace(step)}\n")
        self._stream.flush()

    def _pace(self, step: int) -> str:
        """Images a second, and the time that is left."""
        took = time.perf_counter() - self._begin if self._begin else 0
        done = step - self._first
        if not took or not done:
            return ""
        left = (self._steps - step) * took / done
        return f"  {done * self._batch / took:,.0f} images/s  {duration(left)} left"


def duration(seconds: float) -> str:
    """Seconds for people.

    Example:
        >>> duration(3725)
        '1 h 2 min'
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


class StepTracer:
    """Traces some steps into TensorBoard's logs, and hands every step on.

    Args:
        show: is told each step and its logs.
        folder: of the logs.
        skip: steps before the trace; the first one compiles.
        steps: to trace.
    """

    def __init__(self, show, folder: Path, skip: int = 5, steps: int = 10):
        self._show, self._folder = show, folder
        self._start, self._stop, self._count = skip, skip + steps, 0
        self._ended = False

    def __call__(self, step: int, logs) -> None:
        self._show(step, logs)
        self._count += 1
        if self._count == self._start:
            self._trace("start", str(self._folder))
        elif self._count == self._stop:
            self.end()

    def end(self) -> None:
        """End the trace, if it has begun; short runs are over before it would."""
        if self._start <= self._count and not self._ended:
            self._ended = True
            self._trace("stop")

    def _trace(self, what: str, *arguments) -> None:
        import keras

        if keras.backend.backend() == "tensorflow":
            from tensorflow import profiler

            getattr(profiler.experimental, what)(*arguments)
        else:
            import jax

            getattr(jax.profiler, f"{what}_trace")(*arguments)
