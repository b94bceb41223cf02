"""The options of `course finetune`: those of `course train`, and what is tuned and how."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from course.errors import UsageError
from course.training.option_fields import option
from course.training.options import Options

if TYPE_CHECKING:
    from course.training.plan import Plan
    from course.training.run_state import Result

BATCH_NORM = ("inference", "training")


def _phases(text: str) -> tuple[tuple[str, float], ...]:
    try:
        parts = [part.rpartition(":") for part in text.split(",")]
        return tuple((start, float(length)) for start, _, length in parts)
    except ValueError:
        message = f"must look like head:1,all:3; received {text!r}"
        raise argparse.ArgumentTypeError(message) from None


def _text(phases: tuple[tuple[str, float], ...]) -> str:
    return ",".join(f"{start}:{length:g}" for start, length in phases)


@dataclass(frozen=True)
class TuningOptions(Options):
    """What decides the result of a run that starts from trained weights.

    Raises:
        UsageError: a value out of range.

    Example:
        >>> options = TuningOptions("resnet20_cifar", "course_shapes/target", epochs=8)
        >>> options.phases, options.tuning_factor
        ((('head', 1.0), ('all', 3.0)), 0.1)
    """

    command: ClassVar[str] = "finetune"
    suffix: ClassVar[str] = "-tuned"

    recipe: str | None = field(
        default="fine_tuning", metadata=option("default: fine_tuning", metavar="R")
    )
    weights: str = field(
        default="imagenet",
        metadata=option(
            "run's folder, .keras or .h5 file, course_shapes, or (default) imagenet", metavar="FILE"
        ),
    )
    phases: tuple[tuple[str, float], ...] = field(
        default=(("head", 1.0), ("all", 3.0)),
        metadata=option(
            "what is trained, a layer's name for all from it on, and relative lengths; "
            "default: head:1,all:3",
            type=_phases,
            metavar="PHASES",
            text=_text,
        ),
    )
    tuning_factor: float = field(
        default=0.1,
        metadata=option(
            "of the learning rate in phases that train the body; default: 0.1",
            type=float,
            metavar="X",
        ),
    )
    layer_decay: float = field(
        default=1.0,
        metadata=option(
            "of the learning rate from one quarter of the body to the one before; default: 1",
            type=float,
            metavar="X",
        ),
    )
    batch_norm: str = field(
        default="inference",
        metadata=option("in phases that train the body; default: inference", choices=BATCH_NORM),
    )
    source_dataset: str | None = field(
        default=None, metadata=option("measure what is forgotten of this dataset", metavar="D")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "phases", _checked_phases(self.phases))
        if not 0 < self.tuning_factor < math.inf:
            raise UsageError(
                "tuning_factor must be positive and finite; received "
                f"tuning_factor={self.tuning_factor}."
            )
        if not 0 < self.layer_decay <= 1:
            raise UsageError(
                "layer_decay must be positive and at most 1; received "
                f"layer_decay={self.layer_decay}."
            )
        if self.batch_norm not in BATCH_NORM:
            raise UsageError(
                f"batch_norm must be one of {', '.join(BATCH_NORM)}; received {self.batch_norm!r}."
            )

    def adapt(self, plan: Plan) -> Plan:
        """Return a plan with phases, and with weights to start from."""
        from course.transfer import tuning

        return tuning.adapt(plan, self)

    def remarks(self, result: Result, data_dir: str | None) -> list[str]:
        """Return what was forgotten of `source_dataset`."""
        if self.source_dataset is None:
            return []
        from course.transfer import tuning

        before, after = tuning.forgotten(self, result, data_dir)
        return [
            f"{self.source_dataset}, with its own head: {100 * (1 - before):.2f} % error before, "
            f"{100 * (1 - after):.2f} % after"
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the options as plain data, with their command."""
        return super().as_json() | {"command": self.command}


def _checked_phases(phases: Any) -> tuple[tuple[str, float], ...]:
    try:
        found = tuple((str(start), float(length)) for start, length in phases)
        right = bool(found) and all(s and 0 < length < math.inf for s, length in found)
    except (TypeError, ValueError):
        right = False
    if not right:
        raise UsageError(
            'phases must look like (("head", 1), ("all", 3)): what is trained, and for how long, '
            f"as positive numbers; received phases={phases!r}."
        )
    return found
