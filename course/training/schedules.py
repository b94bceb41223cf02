"""The learning rate over a run: a function of the step that runs in the training graph.

``rate_at`` computes in plain Python what ``learning_rate_schedule`` computes in the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from course.errors import UsageError

KINDS = ("constant", "steps", "exponential", "cosine", "linear")


@dataclass(frozen=True)
class Schedule:
    """A rate that warms up in a straight line and then follows one of :data:`KINDS`.

    Args:
        kind: ``"constant"``; ``"steps"``, times `factor` at each boundary; ``"exponential"``,
            times `factor` at every `period`; ``"cosine"`` and ``"linear"``, down to 0 at the end.
        peak: the rate after warm-up.
        steps: of the whole run.
        warmup: steps of warm-up.
        warmup_from: share of the peak at the first step.
        boundaries: steps.
        factor: of ``"steps"`` and ``"exponential"``.
        period: steps.

    Raises:
        UsageError: an unknown kind.
    """

    kind: str
    peak: float
    steps: int
    warmup: int = 0
    warmup_from: float = 0.0
    boundaries: tuple[int, ...] = ()
    factor: float = 0.1
    period: int = 1

    def __post_init__(self):
        if self.kind not in KINDS:
            raise UsageError(f"kind must be one of {KINDS}; received kind={self.kind!r}.")

    def __call__(self, step, math=None):
        """The rate at a step, in Python's numbers, or in tensors with ``math=keras.ops``."""
        where = math.where if math else (lambda condition, a, b: a if condition else b)
        wave = math.cos if math else cos
        rate = self._after_warmup(step, where, wave, math)
        if self.warmup:
            share = self.warmup_from + (1 - self.warmup_from) * (step + 1) / self.warmup
            rate = where(step < self.warmup, self.peak * share, rate)
        return rate

    def _after_warmup(self, step, where, wave, math):
        left = max(1, self.steps - self.warmup)
        part = (step - self.warmup) / left
        match self.kind:
            case "cosine":
                return self.peak * 0.5 * (1 + wave(pi * part))
            case "linear":
                return self.peak * (1 - part)
            case "exponential":
                floor = math.floor if math else (lambda x: float(x // 1))
                return self.peak * self.factor ** floor(step / self.period)
        rate = self.peak + 0 * step
        for boundary in self.boundaries if self.kind == "steps" else ():
            rate = where(step >= boundary, rate * self.factor, rate)
        return rate


def learning_rate_schedule(schedule: Schedule, every: int = 1):
    """A schedule as Keras' optimizers take it; they count an update `every` so many steps."""
    import keras

    class Rate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return schedule(every * keras.ops.cast(step, "float32"), keras.ops)

        def get_config(self):
            return vars(schedule)

    return Rate()


def for_recipe(recipe, *, peak: float, steps: int, steps_per_epoch: int, scaled: bool) -> Schedule:
    """A recipe's schedule over a run of any length: its milestones move in proportion.

    Args:
        recipe: a :class:`course.recipes.Recipe`.
        peak: the highest rate.
        steps: of the run.
        steps_per_epoch: of the run.
        scaled: whether the rate was raised for a larger batch: five epochs of warm-up then, as
            Goyal et al. 2017, or a twentieth of a shorter run.
    """
    recipe_share = steps / recipe.epochs  # steps for an epoch of the recipe
    warmup = recipe.warmup_epochs * recipe_share
    if scaled and not warmup:
        warmup = min(5 * steps_per_epoch, steps / 20)
    return Schedule(
        kind=recipe.schedule,
        peak=peak,
        steps=steps,
        warmup=round(warmup),
        warmup_from=recipe.warmup_from,
        boundaries=tuple(round(m * recipe_share) for m in recipe.milestones),
        factor=recipe.factor,
        period=max(1, round(recipe.period * recipe_share)),
    )
