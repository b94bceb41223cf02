"""Learning rates over a run: functions of the step, in Python's numbers or in the training graph.

Keras' own schedules know neither warm-up in general nor gradient accumulation, and need Keras.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, pi
from typing import Any, TypeAlias

from course.errors import UsageError
from course.recipes import Recipe

KINDS = ("constant", "steps", "exponential", "cosine", "linear")

# A number, or a tensor in the graph.
Number: TypeAlias = Any


class _Python:
    """The functions of ``keras.ops`` that schedules use, for Python's numbers."""

    @staticmethod
    def where(condition: bool, a: float, b: float) -> float:
        return a if condition else b

    @staticmethod
    def cos(x: float) -> float:
        return cos(x)

    @staticmethod
    def floor(x: float) -> float:
        return float(floor(x))


@dataclass(frozen=True)
class Schedule:
    """A learning rate that warms up linearly and then follows one of :data:`KINDS`.

    Args:
        kind: ``"constant"``; ``"steps"``, times `factor` at each boundary; ``"exponential"``,
            times `factor` after every `period`; ``"cosine"`` and ``"linear"``, down to 0 at the
            end.
        peak: the rate after warm-up.
        steps: of the whole run.
        warmup: steps of warm-up.
        warmup_from: fraction of the peak at the first step.
        boundaries: steps.
        factor: of ``"steps"`` and ``"exponential"``.
        period: steps.

    Raises:
        UsageError: an unknown kind.

    Example:
        >>> Schedule("steps", peak=0.1, steps=100, boundaries=(50,), factor=0.5)(75)
        0.05
    """

    kind: str
    peak: float
    steps: int
    warmup: int = 0
    warmup_from: float = 0.0
    boundaries: tuple[int, ...] = ()
    factor: float = 0.1
    period: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"kind must be one of {KINDS}; received kind={self.kind!r}.")

    def __call__(self, step: Number, ops: Any = _Python) -> Number:
        """Return the rate at a step, as a tensor with ``ops=keras.ops``."""
        rate = self._after_warmup(step, ops)
        if self.warmup:
            fraction = self.warmup_from + (1 - self.warmup_from) * (step + 1) / self.warmup
            rate = ops.where(step < self.warmup, self.peak * fraction, rate)
        return rate

    def _after_warmup(self, step: Number, ops: Any) -> Number:
        part = (step - self.warmup) / max(1, self.steps - self.warmup)
        match self.kind:
            case "cosine":
                return self.peak * 0.5 * (1 + ops.cos(pi * part))
            case "linear":
                return self.peak * (1 - part)
            case "exponential":
                return self.peak * self.factor ** ops.floor(step / self.period)
        rate = self.peak + 0 * step
        for boundary in self.boundaries if self.kind == "steps" else ():
            rate = ops.where(step >= boundary, rate * self.factor, rate)
        return rate


@dataclass(frozen=True)
class Consecutive:
    """Schedules one after another, each counted from its own first step.

    Args:
        starts: first step of each, in order; the first is 0.
        parts: the schedules.

    Example:
        >>> parts = Schedule("constant", 1.0, 10), Schedule("linear", 0.1, 20)
        >>> both = Consecutive((0, 10), parts)
        >>> both(9), both(10), both(20)
        (1.0, 0.1, 0.05)
    """

    starts: tuple[int, ...]
    parts: tuple[Schedule, ...]

    @property
    def warmup(self) -> int:
        """Steps of warm-up at the beginning."""
        return self.parts[0].warmup

    def __call__(self, step: Number, ops: Any = _Python) -> Number:
        """Return the rate at a step, as a tensor with ``ops=keras.ops``."""
        rate = self.parts[0](step, ops)
        for start, part in zip(self.starts[1:], self.parts[1:], strict=True):
            rate = ops.where(step >= start, part(step - start, ops), rate)
        return rate


def learning_rate_schedule(schedule: Schedule | Consecutive, every: int = 1, first: int = 0) -> Any:
    """Wrap a schedule for Keras' optimizers.

    Args:
        schedule: over the steps of the run.
        every: steps for which an optimizer counts one update.
        first: step of the run at which the optimizer begins to count.
    """
    import keras

    class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Number) -> Number:
            return schedule(first + every * keras.ops.cast(step, "float32"), keras.ops)

        def get_config(self) -> dict[str, Any]:
            return vars(schedule)

    return LearningRate()


def for_recipe(
    recipe: Recipe, *, peak: float, steps: int, steps_per_epoch: int, scaled: bool
) -> Schedule:
    """Return a recipe's schedule over a run of any length: its milestones move in proportion.

    Args:
        recipe: of the run.
        peak: the highest rate.
        steps: of the run.
        steps_per_epoch: of the run.
        scaled: whether the rate was raised for a larger batch. Then there are five epochs of
            warm-up (Goyal et al. 2017), or a twentieth of a shorter run.
    """
    recipe_epoch = steps / recipe.epochs  # steps of the run for an epoch of the recipe
    warmup = recipe.warmup_epochs * recipe_epoch
    if scaled and not warmup:
        warmup = min(5 * steps_per_epoch, steps / 20)
    return Schedule(
        kind=recipe.schedule,
        peak=peak,
        steps=steps,
        warmup=round(warmup),
        warmup_from=recipe.warmup_from,
        boundaries=tuple(round(m * recipe_epoch) for m in recipe.milestones),
        factor=recipe.factor,
        period=max(1, round(recipe.period * recipe_epoch)),
    )
