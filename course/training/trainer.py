"""Train: one run from its start, or from where it was stopped, to its end.

A step is a function of the run's options, the step's number and the model's variables, and all that
training changes is in a checkpoint. So a run that is killed at any moment and resumed ends with the
same bits as one that was not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.keras_types import Array
from course.recipes import Phase
from course.training import checkpoints, distribution, reports, run_folder
from course.training.data import load
from course.training.distribution import Devices
from course.training.divergence import DivergedError
from course.training.observers import Row, RunObserver
from course.training.options import Options
from course.training.pipelines import BatchSource, EpochPart
from course.training.plan import Plan, resolve
from course.training.run_state import Result, RunState

if TYPE_CHECKING:
    from course.training.callbacks import Checkpointer, RunCallbacks
    from course.training.network import Trainee


def train(
    options: Options,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    checkpoint_every: int = 100,
    checkpoint_overhead: float | None = checkpoints.OVERHEAD,
    data_dir: str | os.PathLike[str] | None = None,
    profile: bool = False,
    quiet: bool = False,
    observers: Sequence[RunObserver] = (),
) -> Result:
    """Train a registered architecture and leave everything in a folder.

    Args:
        options: what decides the result.
        folder: gets ``model.keras``, ``history.json``, ``history.csv``, ``curve.png``,
            ``run.json``, ``logs/`` and ``checkpoints/``.
        resume: continue the run in the folder, or begin it if the folder holds none.
        checkpoint_every: steps from one checkpoint to the next, at least.
        checkpoint_overhead: fraction of the time that checkpoints may take; if they would take
            more there are fewer. None for any.
        data_dir: folder for datasets.
        profile: trace some steps into ``logs/``, and compare with the device's peak.
        quiet: show no progress.
        observers: called when something happens in the run.

    Returns:
        A :class:`Result`.

    Raises:
        UsageError: options that do not fit each other, the data, or the run in the folder; a loss
            that became NaN or infinite.

    Example:
        >>> options = Options("lenet5_modern", "digits", image_size=(32, 32), steps=4)
        >>> len(train(options, "runs/first", quiet=True).history)
        1
    """
    checkpoints.check_interval(checkpoint_every)
    folder = distribution.get_kind(options.distribute).worker_folder(Path(folder))
    run_folder.check_resumable(folder, options, resume)
    devices = distribution.setup(options.distribute, options.devices)
    plan = resolve(options, load(options, data_dir), devices.count)
    with run_folder.locked(folder):
        run_folder.check_resumable(folder, options, resume)  # a run may have begun meanwhile
        found = _checkpoint(folder / "checkpoints", devices)
        state = RunState.from_values(found.values) if found else RunState()
        complete = state.finished(plan) and run_folder.complete(folder)
        # A process that skipped what another still has to finish would leave it waiting forever.
        if not devices.smallest(int(complete)):
            run = Run(
                plan,
                devices,
                folder,
                state,
                [*_observers(plan, folder, profile=profile, quiet=quiet), *observers],
                profile,
                checkpoint_every,
                # Processes that train together have to save at the same steps.
                checkpoint_overhead if devices.workers == 1 else None,
            )
            _train(run, found.arrays if found else None)
    return _result(plan, folder, state)


@dataclass(frozen=True)
class Run:
    """A run in this process."""

    plan: Plan
    devices: Devices
    folder: Path
    state: RunState
    observers: Sequence[RunObserver]
    profile: bool
    checkpoint_every: int
    checkpoint_overhead: float | None

    def on_step(self, step: int, logs: Mapping[str, Any]) -> None:
        """Pass a step on to the observers."""
        for observer in self.observers:
            observer.on_step(step, logs)

    def write(self, status: str) -> None:
        """Write ``run.json``."""
        for observer in self.observers:
            observer.on_status(status)
        reports.write_run(self.folder, self.plan, self.devices, self.state, status)


def _checkpoint(folder: Path, devices: Devices) -> checkpoints.Checkpoint | None:
    """Return the newest checkpoint, or the newest one that all processes have."""
    found = checkpoints.newest(folder)
    step = found.values["step"] if found else 0
    common = devices.smallest(step)
    return found if common == step else checkpoints.at(folder, common)


def _observers(plan: Plan, folder: Path, *, profile: bool, quiet: bool) -> list[RunObserver]:
    from course.training.progress import Progress
    from course.training.tensorboard import StepTracer, TensorBoardWriter

    observers: list[RunObserver] = [] if quiet else [Progress(plan, sys.stdout)]
    observers += [TensorBoardWriter(folder / "logs"), reports.HistoryWriter(folder, plan)]
    return [*observers, StepTracer(folder / "logs")] if profile else observers


def _train(run: Run, arrays: dict[str, Array] | None) -> None:
    """Train the phases that are left, until the last or an early stop."""
    from course.training.callbacks import Checkpointer

    try:
        with checkpoints.Writer(run.folder / "checkpoints") as writer:
            saver = Checkpointer(
                writer,
                every=run.checkpoint_every,
                values=run.state.values,
                overhead=run.checkpoint_overhead,
            )
            for end, phase in run.plan.phases:
                step = run.state.step
                # A finished run may still lack its model, which is of the phase where it ended.
                if step < end or (step == end and run.state.finished(run.plan)):
                    arrays = _train_phase(run, phase, end, saver, arrays)
                    if run.state.finished(run.plan):
                        break
    except DivergedError:
        run.write("diverged")
        raise
    finally:
        for observer in run.observers:
            observer.on_end()


def _train_phase(
    run: Run, phase: Phase, end: int, saver: Checkpointer, arrays: dict[str, Array] | None
) -> dict[str, Array]:
    """Train until the step `end`.

    Args:
        run, phase, end: this run, the phase to train, and its last step.
        saver: of checkpoints.
        arrays: variables to begin with; None for new ones.

    Returns:
        The variables that the next phase begins with.
    """
    import keras

    from course.training import network, variables
    from course.training.callbacks import RunCallbacks

    plan, state = run.plan, run.state
    keras.backend.clear_session()
    trainee = network.build(plan, phase, run.devices)
    if arrays is not None and state.step == plan.first_step(phase):
        arrays = variables.without_optimizer(arrays)
    run.write("running")  # not before, so that a network that cannot be built leaves no run behind
    callbacks = RunCallbacks(
        trainee.model,
        first=state.step,
        steps_per_epoch=plan.steps_per_epoch,
        checkpointer=saver,
        on_step=run.on_step,
        resume=arrays,
    )
    source, trained = plan.batch_source(phase), False
    while state.step < end and not state.stopped_early(plan):
        _train_epoch(run, trainee, callbacks, source, end)
        _evaluate_epoch(run, trainee, callbacks, phase)
        saver.save(trainee.model, state.step, always=state.finished(plan))
        trained = True
    for observer in run.observers:
        observer.on_phase_end()
    _measure_speed(run, trainee, callbacks)
    if state.finished(plan):
        if arrays is not None and not trained:
            variables.restore(trainee.model, arrays, only=("model", "optimizer"))
        _finish(run, trainee, phase, saver)
    return variables.capture(trainee.model)


def _train_epoch(
    run: Run, trainee: Trainee, callbacks: RunCallbacks, source: BatchSource, end: int
) -> None:
    """Train what is left of an epoch, at most until the step `end`."""
    steps = run.plan.steps_per_epoch
    epoch, start = divmod(run.state.step, steps)
    part = EpochPart(epoch, start, min(steps, end - epoch * steps))
    run.devices.fit(trainee.model, source, part, callbacks, static_batch=trainee.small)
    run.state.step = callbacks.step


def _evaluate_epoch(run: Run, trainee: Trainee, callbacks: RunCallbacks, phase: Phase) -> None:
    """Evaluate after an epoch, and add a row to the history."""
    from course.training import evaluation, network

    plan, state = run.plan, run.state
    with evaluation.averaged_weights(trainee.model):
        scores = _evaluate(run, trainee, phase)
        row: Row = {
            "epoch": (state.step - 1) // plan.steps_per_epoch + 1,
            "step": state.step,
            "learning_rate": plan.schedule(state.step - 1),
            **callbacks.logs,
            **{f"val_{key}": value for key, value in scores.items()},
        }
        if plan.options.validation and row["val_accuracy"] > state.best_accuracy:
            network.save(trainee, plan, phase, run.folder / "best.keras")
    state.history.append(row)
    for observer in run.observers:
        observer.on_epoch(state.history)


def _evaluate(run: Run, trainee: Trainee, phase: Phase) -> dict[str, float]:
    from course.training import evaluation

    plan = run.plan
    scores = evaluation.evaluate(
        trainee.model,
        *plan.data.evaluation,
        devices=run.devices,
        batch_size=plan.batch_size,
        size=plan.size(phase),
        views=plan.recipe.tta_views,
    )
    found = {"loss": scores.loss, "accuracy": scores.accuracy}
    return found | {"top5": scores.top5} if plan.data.classes >= 50 else found


def _measure_speed(run: Run, trainee: Trainee, callbacks: RunCallbacks) -> None:
    """Compute the speed of a phase's steps, without those that compile."""
    from course.training import speed

    if not callbacks.timed_steps:
        return
    plan = run.plan
    images = plan.batch_size * callbacks.timed_steps / callbacks.timed_seconds
    if run.profile:
        precision = plan.options.mixed_precision
        run.state.speed = speed.report(trainee.net, images, run.devices.count, precision)
    else:
        run.state.speed = {"images_per_second": round(images, 1)}


def _finish(run: Run, trainee: Trainee, phase: Phase, saver: Checkpointer) -> None:
    """Write the model and the last reports, once the last checkpoint is on the disk."""
    from course.training import evaluation, network

    saver.wait()
    with evaluation.averaged_weights(trainee.model):
        network.save(trainee, run.plan, phase, run.folder / "model.keras")
    reports.write_history(run.folder, run.state.history)
    reports.plot_run(run.folder, run.plan, run.state.history)
    run.write("finished")


def _result(plan: Plan, folder: Path, state: RunState) -> Result:
    return Result(
        folder,
        state.history,
        state.history[-1]["val_accuracy"],
        state.seconds,
        reports.published(plan.options),
        state.speed,
    )
