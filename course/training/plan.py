"""From options to a plan: which data, how many steps, which rate. Needs no Keras for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from course import architectures, recipes
from course.errors import UsageError
from course.recipes import Phase, Recipe
from course.training import pipelines, schedules
from course.training.data import TrainingData
from course.training.options import Options


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a run that is decided before it starts."""

    options: Options
    recipe_name: str
    recipe: Recipe
    data: TrainingData
    devices: int
    batch_size: int
    learning_rate: float
    steps_per_epoch: int
    steps: int  # of the whole run
    schedule: schedules.Schedule

    @property
    def epochs(self) -> int:
        """Epochs begun."""
        return -(-self.steps // self.steps_per_epoch)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the largest images that are trained on."""
        images = self.data.train[0]
        return (*(self.options.image_size or images.shape[1:3]), images.shape[-1])

    @property
    def stages(self) -> list[tuple[int, Phase]]:
        """The step at which each stage ends, at an epoch's end but for the last, and the stage."""
        stages = self.recipe.phases or (Phase(1.0, 1.0, self.recipe.augmentations),)
        ends = [round(stage.until * self.epochs) * self.steps_per_epoch for stage in stages]
        return list(zip([*ends[:-1], self.steps], stages, strict=True))

    def size(self, stage: Phase) -> tuple[int, int]:
        """Height and width of a stage's images."""
        return tuple(max(1, round(side * stage.size)) for side in self.image_shape[:2])

    def batch_source(self, stage: Phase) -> pipelines.BatchSource:
        """A stage's training batches."""
        images, labels = self.data.train
        return pipelines.BatchSource(
            images,
            labels,
            classes=self.data.classes,
            batch_size=self.batch_size,
            seed=self.options.seed,
            augmentations=stage.augmentations,
            size=self.size(stage),
        )

    def rows(self) -> dict[str, Any]:
        """The plan as people read it."""
        recipe, options = self.recipe, self.options
        return {
            "architecture": options.name,
            "dataset": f"{options.dataset}: {len(self.data.train[0]):,} to train on, "
            f"{len(self.data.test[0]):,} to evaluate on ({self.data.test_name})",
            "input": " x ".join(map(str, self.image_shape)),
            "recipe": self._recipe_row(),
            "changes": ", ".join(f"{k}={v!r}" for k, v in options.recipe_changes.items()),
            "notes": recipe.notes,
            "devices": f"{self.devices} ({options.distribute})",
            "batch": f"{self.batch_size} over all devices",
            "length": f"{self.epochs} epochs, {self.steps:,} steps",
            "optimizer": f"{recipe.optimizer}, rate {self.learning_rate:.4g}, {recipe.schedule}, "
            f"warm-up {self.schedule.warmup:,} steps, weight decay {recipe.weight_decay:g}",
            "augment": ", ".join(" ".join(map(str, step)) for step in recipe.augmentations),
            "seed": options.seed,
        }

    def _recipe_row(self) -> str:
        if self.options.recipe or architectures.describe(self.options.name).recipe:
            return f"{self.recipe_name} ({self.recipe.cite})"
        return "no recipe published; using the course's default"

    def __str__(self) -> str:
        return "\n".join(f"  {key:<13}{value}" for key, value in self.rows().items() if value != "")


def resolve(options: Options, data: TrainingData, devices: int = 1) -> Plan:
    """Decide what options leave open.

    The rate is the recipe's times the batch over the recipe's batch; the batch is the recipe's on
    each device, or all examples where there are fewer.

    Raises:
        UsageError: a batch that devices cannot share, or larger than the set.
    """
    name = options.recipe or recipes.for_architecture(options.name)
    recipe = recipes.with_overrides(recipes.get_recipe(name), options.recipe_changes)
    batch = options.batch_size or _batch(recipe.batch_size * devices, len(data.train[0]), devices)
    if batch % devices:
        raise UsageError(
            f"A batch is shared evenly by {devices} devices; received batch_size={batch}. Set "
            f"--batch-size {batch - batch % devices or devices}."
        )
    steps_per_epoch = len(data.train[0]) // batch
    if not steps_per_epoch:
        raise UsageError(
            f"batch_size must be at most {len(data.train[0])}, the number of training examples; "
            f"received batch_size={batch}. Set --batch-size."
        )
    steps = options.steps or (options.epochs or round(recipe.epochs)) * steps_per_epoch
    scale = batch * options.gradient_accumulation / recipe.batch_size
    rate = options.learning_rate or recipe.learning_rate * scale
    schedule = schedules.for_recipe(
        recipe,
        peak=rate,
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        scaled=options.learning_rate is None and scale > 1,
    )
    # A channel that is not there has no size, and some papers' padding is half of a small image.
    side = min(options.image_size or data.train[0].shape[1:3])
    recipe = replace(recipe, augmentations=tuple(_fit(s, side) for s in recipe.augmentations))
    return Plan(options, name, recipe, data, devices, batch, rate, steps_per_epoch, steps, schedule)


def _batch(wanted: int, examples: int, devices: int) -> int:
    """At most a tenth of the set, so that an epoch has some steps."""
    return max(devices, min(wanted, examples // 10 // devices * devices))


def _fit(step: tuple, side: int) -> tuple:
    """Padding is given for images of 32 pixels and is in proportion for smaller ones."""
    name, *arguments = step
    if name == "crop" and side < 32:
        return name, max(1, round(arguments[0] * side / 32))
    return step
