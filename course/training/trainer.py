"""One run from its start, or from where it was stopped, to its end.

Everything that a step needs is computed from the run's options and the step's number, and
everything that training changes is in a checkpoint: a run that is killed at any moment and taken
up again ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course._files import write_text
from course.errors import UsageError
from course.training import checkpoints, multiworker, reports, run_folder
from course.training import plan as planning
from course.training.data import load
from course.training.distribution import Devices, prepare
from course.training.options import Options


@dataclass(frozen=True)
class Result:
    """How a run ended. Shares from 0 to 1."""

    folder: Path
    history: list[dict[str, Any]]
    accuracy: float
    seconds: float
    paper: float | None  # error in percent
    speed: dict[str, float]  # of training alone, as in run.json; empty where nothing was trained

    @property
    def error(self) -> float:
        """Of the last evaluation, in percent."""
        return 100 * (1 - self.accuracy)


def train(
    options: Options,
    folder: str | Path,
    *,
    resume: bool = False,
    checkpoint_every: int = 100,
    data_dir=None,
    profile: bool = False,
    quiet: bool = False,
) -> Result:
    """Train a registered architecture and leave everything in a folder.

    Args:
        options: what decides the result.
        folder: gets ``model.keras``, ``history.json``, ``history.csv``, ``curve.png``,
            ``run.json``, ``logs/`` and ``checkpoints/``.
        resume: go on with the run that the folder holds, or begin it where it holds none.
        checkpoint_every: steps from one checkpoint to the next, at least; they are fewer where
            they would take more than 2 % of the time.
        data_dir: folder for data.
        profile: trace some steps into ``logs/``, and compare with the device's peak.
        quiet: show no progress.

    Returns:
        A :class:`Result`.

    Raises:
        UsageError: options that don't fit each other, the data, or the run in the folder; a loss
            that is no number.

    Example:
        >>> options = Options("lenet5_modern", "digits", image_size=(32, 32), steps=4)
        >>> len(train(options, "runs/first", quiet=True).history)
        1
    """
    if checkpoint_every < 1:
        raise UsageError(f"checkpoint_every must be at least 1; received {checkpoint_every}.")
    folder = Path(folder)
    if options.distribute == "multiworker":
        folder = multiworker.folder(folder)
    run_folder.check_resumable(folder, options, resume)
    devices = prepare(options.distribute, options.devices)
    data = load(options, data_dir)
    plan = planning.resolve(options, data, devices.count)
    with run_folder.locked(folder):
        run = _Run(plan, devices, folder, every=checkpoint_every, profile=profile, quiet=quiet)
        return run.go()


class _Run:
    """The state of a run in this process."""

    def __init__(self, plan, devices: Devices, folder: Path, *, every: int, profile, quiet):
        self.plan, self.devices, self.folder = plan, devices, folder
        self.every, self.profile, self.quiet = every, profile, quiet
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.earlier = 0.0  # seconds of processes before this one
        self.began = time.perf_counter()
        self.drawn = 0.0  # when the curve was, in seconds of this process
        self.speed: dict[str, float] = {}
        self.paper = reports.published(plan.options.name, plan.options.dataset)

    def go(self) -> Result:
        """Train to the end."""
        found = self._checkpoint()
        arrays = None
        if found:
            arrays, values = found
            self.step, self.history = values["step"], values["history"]
            self.earlier = values["seconds"]
        if self.over and run_folder.complete(self.folder):
            return self._result()
        plan = self.plan
        self.progress = reports.Progress(
            plan.steps,
            plan.steps_per_epoch,
            plan.batch_size,
            None if self.quiet else sys.stdout,
        )
        self.board = reports.TensorBoardWriter(self.folder / "logs")
        with checkpoints.Writer(self.folder / "checkpoints") as self.writer:
            try:
                for end, stage in plan.stages:
                    if self.step < end or end == plan.steps:
                        arrays = self._stage(stage, end, arrays)
            except ArithmeticError:
                self._write_run("diverged")
                raise
        return self._result()

    def _checkpoint(self) -> checkpoints.Checkpoint | None:
        """Where to go on: the newest step, or the newest that all processes have."""
        folder = self.folder / "checkpoints"
        found = checkpoints.newest(folder)
        if self.devices.workers == 1:
            return found
        step = found.values["step"] if found else 0
        common = multiworker.common_step(self.devices.strategy, step)
        return found if common == step else checkpoints.at(folder, common)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to train."""
        return self.step >= self.plan.steps or self._stopped_early()

    def _stopped_early(self) -> bool:
        patience = self.plan.options.early_stop
        if not patience or not self.history:
            return False
        accuracies = [row["val_accuracy"] for row in self.history]
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= patience

    def _stage(self, stage, end: int, arrays):
        """Train until a step, from `arrays` if any; returns what the next stage begins with."""
        import keras

        from course.training import network, variables
        from course.training.callbacks import RunCallbacks

        keras.backend.clear_session()
        trainee = network.build(self.plan, stage, self.devices)
        self._write_run("running")  # a network that cannot be built leaves no run behind
        batches = self.plan.batch_source(stage)
        traced = reports.StepTracer(self.progress.step, self.folder / "logs")
        callbacks = RunCallbacks(
            trainee.model,
            first=self.step,
            steps_per_epoch=self.plan.steps_per_epoch,
            every=self.every,
            writer=self.writer,
            values=self._values,
            show=traced if self.profile else self.progress.step,
            resume=arrays,
        )
        trained = False
        while self.step < end and not self._stopped_early():
            self._epoch(trainee, batches, callbacks, stage, end)
            trained = True
        traced.end()
        self._measure(trainee, callbacks)
        if self.over:
            if arrays is not None and not trained:
                variables.restore(trainee.model, arrays, only=("model", "optimizer"))
            self._finish(trainee, stage)
        return variables.capture(trainee.model)

    def _epoch(self, trainee, batches, callbacks, stage, end: int) -> None:
        """Train what is left of the epoch, evaluate, report."""
        from course.training import evaluation, network

        epoch, start = divmod(self.step, self.plan.steps_per_epoch)
        stop = min(self.plan.steps_per_epoch, end - epoch * self.plan.steps_per_epoch)
        network.fit(trainee, batches, epoch, start, stop, callbacks)
        self.step = callbacks.step
        with evaluation.averaged(trainee.model):
            scores = self._evaluate(trainee, stage)
            row = {
                "epoch": epoch + 1,
                "step": self.step,
                "learning_rate": self.plan.schedule(self.step - 1),
                **callbacks.logs,
                **{f"val_{key}": value for key, value in scores.items()},
            }
            if not self.history or row["val_accuracy"] > max(
                r["val_accuracy"] for r in self.history
            ):
                self._best(trainee, stage)
            self.history.append(row)
        self.progress.epoch(row, self.step)
        self.board.write(row, self.step)
        self._report()
        callbacks.save(always=self.over)

    def _measure(self, trainee, callbacks) -> None:
        """How fast the steps of this stage were, but for those that compile."""
        from course.training import speed

        if not callbacks.timed:
            return
        images = self.plan.batch_size * callbacks.timed / callbacks.seconds
        self.speed = {"images_per_second": round(images, 1)}
        if self.profile:
            precision = self.plan.options.mixed_precision
            self.speed = speed.report(trainee.net, images, self.devices.count, precision)

    def _evaluate(self, trainee, stage) -> dict[str, float]:
        from course.training import evaluation

        scores = evaluation.evaluate(
            trainee.model,
            *self.plan.data.test,
            batch_size=self.plan.batch_size,
            size=self.plan.size(stage),
            views=self.plan.recipe.tta_views,
        )
        wanted = (
            ("loss", "accuracy", "top5") if self.plan.data.classes >= 50 else ("loss", "accuracy")
        )
        return {key: getattr(scores, key) for key in wanted}

    def _best(self, trainee, stage) -> None:
        """Keep the best model, where a validation set may choose it."""
        from course.training import network

        if self.plan.options.validation:
            network.save(trainee, self.plan, stage, self.folder / "best.keras")

    def _values(self, step: int) -> dict[str, Any]:
        """What a checkpoint has besides arrays."""
        return {"step": step, "history": self.history, "seconds": self._seconds()}

    def _seconds(self) -> float:
        return self.earlier + time.perf_counter() - self.began

    def _report(self) -> None:
        reports.write_history(self.folder, self.history)
        now = time.perf_counter() - self.began
        if self.over or now - self.drawn > 60:  # drawing takes as long as a small epoch
            options = self.plan.options
            title = f"{options.name} on {options.dataset}, {self.plan.recipe_name}"
            reports.plot_curve(self.folder, self.history, title, self.paper)
            self.drawn = now

    def _finish(self, trainee, stage) -> None:
        from course.training import evaluation, network

        self.writer.wait()
        with evaluation.averaged(trainee.model):
            network.save(trainee, self.plan, stage, self.folder / "model.keras")
        self._report()
        self._write_run("finished")

    def _write_run(self, status: str) -> None:
        """``run.json``: everything to know about the run, and to repeat it."""
        plan = self.plan
        record = {
            "status": status,
            "command": " ".join(sys.argv),
            "options": plan.options.as_json(),
            "plan": plan.rows(),
            "normalization": {"mean": plan.data.mean, "deviation": plan.data.deviation},
            "versions": reports.versions(),
            "hardware": self.devices.hardware,
            "seed": plan.options.seed,
            "seconds": round(self._seconds(), 3),
            "speed": self.speed,
            "paper": self.paper,
            "result": self.history[-1] if status == "finished" else None,
        }
        text = json.dumps(record, indent=2) + "\n"
        write_text(self.folder / "run.json", text)

    def _result(self) -> Result:
        last = self.history[-1]
        return Result(
            self.folder,
            self.history,
            last["val_accuracy"],
            self._seconds(),
            self.paper,
            self.speed,
        )
