"""The interface between training and the devices that it runs on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from course.errors import UsageError
from course.keras_types import Array, Images, Model, Optimizer
from course.training.pipelines import BatchSource, EpochPart, training_data

if TYPE_CHECKING:
    from course.training.callbacks import RunCallbacks


class Devices:
    """The devices of a run: each kind sets them up, and overrides what differs from one device.

    Args:
        count: devices that share a batch, in all processes together.
        hardware: what they are, for people.
    """

    name: ClassVar[str]
    backend: ClassVar[str | None] = None  # the only one that has this kind; None for any

    worker: int = 0  # number of this process
    workers: int = 1  # processes that train together

    def __init__(self, count: int, hardware: str) -> None:
        self.count, self.hardware = count, hardware

    @classmethod
    def setup(cls, count: int | None) -> Self:
        """Set up `count` devices, or the default number.

        Raises:
            UsageError: a number of devices that cannot be had.
        """
        raise NotImplementedError

    @classmethod
    def check_supported(cls, options: Mapping[str, object]) -> None:
        """Check options of ``model.compile`` and of optimizers.

        Raises:
            UsageError: an option that would fail here, or train a different model than one device
                does; with the reason.
        """

    @classmethod
    def worker_folder(cls, run: Path) -> Path:
        """Return the folder for this process' files, given the run's."""
        return run

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which to build and compile models."""
        return contextlib.nullcontext()

    def prepare_layers(self, net: Model) -> None:
        """Adapt a network's layers before it is compiled."""

    def seed_replicas(self, model: Model) -> None:
        """Give every replica separate random numbers; all start with the same otherwise."""

    def optimizer_class(self, kind: type[Optimizer], *, clips: bool) -> type[Optimizer]:
        """Return `kind`, or a subclass that clips the gradients of the whole batch."""
        return kind

    def fit(
        self,
        model: Model,
        source: BatchSource,
        part: EpochPart,
        callbacks: RunCallbacks,
        *,
        static_batch: bool = False,
    ) -> None:
        """Train on a part of an epoch.

        Args:
            model: compiled.
            source: makes the batches.
            part: which of them.
            callbacks: called around every step.
            static_batch: let the compiled step know the batch size;
                :func:`course.training.pipelines.without_batch_size` says when it may.
        """
        data, steps = training_data(source, part, len(model.outputs), static_batch=static_batch)
        model.fit(
            data,
            initial_epoch=part.epoch,
            epochs=part.epoch + 1,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=callbacks,
            verbose=0,
        )

    def predict(self, model: Model, images: Images, batch_size: int) -> Array:
        """Return the model's first output for all images."""
        outputs = model.predict(images, batch_size=batch_size, verbose=0)
        first: Array = outputs[0] if isinstance(outputs, list | tuple) else outputs
        return first

    def smallest(self, value: int) -> int:
        """Return the smallest of all processes' values, given this one's; all must call it."""
        return value


def processor() -> str:
    """Describe the CPU by the cores that this process may use, which can be fewer than all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, {cores} core{'s' * (cores != 1)}"


def check_count(count: int, available: int) -> None:
    """Raise UsageError if there are fewer than `count` devices."""
    if count > available:
        raise UsageError(f"devices must be at most {available}; received devices={count}.")
