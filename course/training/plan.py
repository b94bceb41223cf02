"""Decide what the options of a run leave open: batch size, steps, learning rate. Needs no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from course import recipes
from course.errors import UsageError
from course.keras_types import Model
from course.recipes import Augmentation, Phase, Recipe
from course.training import schedules
from course.training.data import TrainingData
from course.training.options import Options
from course.training.pipelines import BatchSource


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a run that is decided before it starts.

    Attributes:
        options: as given.
        recipe_name: of the recipe, for reports.
        recipe: with what the options change.
        data: the images.
        devices: number of devices.
        batch_size: images in a step, on all devices together.
        learning_rate: the highest.
        steps_per_epoch: steps in an epoch.
        steps: of the whole run.
        schedule: gives each step's learning rate.
    """

    options: Options
    recipe_name: str
    recipe: Recipe
    data: TrainingData
    devices: int
    batch_size: int
    learning_rate: float
    steps_per_epoch: int
    steps: int
    schedule: schedules.Schedule | schedules.Consecutive

    @property
    def epochs(self) -> int:
        """Epochs, the last of which may be cut short."""
        return -(-self.steps // self.steps_per_epoch)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the largest images in training."""
        images = self.data.train[0]
        height, width = self.options.image_size or images.shape[1:3]
        return height, width, images.shape[-1]

    @property
    def phases(self) -> list[tuple[int, Phase]]:
        """The phases and the step at which each ends, which is the end of an epoch or the run."""
        phases = self.recipe.phases or (Phase(1.0, 1.0, self.recipe.augmentations),)
        ends = [round(phase.until * self.epochs) * self.steps_per_epoch for phase in phases]
        ends = [min(end, self.steps) for end in (*ends[:-1], self.steps)]
        return list(zip(ends, phases, strict=True))

    def first_step(self, phase: Phase) -> int:
        """Return the step before which a phase's optimizer is new."""
        return 0

    def prepare(self, net: Model, phase: Phase) -> Model:
        """Give a new network its first weights; return what a phase runs in training."""
        return net

    def rate_factors(self, net: Model, phase: Phase) -> Mapping[str, float]:
        """Return by what the learning rate of a weight is multiplied, by its path; 1 for others."""
        return {}

    def details(self) -> dict[str, str]:
        """Describe what only some kinds of runs have, point by point."""
        return {}

    def size(self, phase: Phase) -> tuple[int, int]:
        """Return height and width of a phase's images."""
        height, width, _ = self.image_shape
        return max(1, round(height * phase.size)), max(1, round(width * phase.size))

    def batch_source(self, phase: Phase) -> BatchSource:
        """Return a phase's training batches."""
        images, labels = self.data.train
        return BatchSource(
            images,
            labels,
            classes=self.data.classes,
            batch_size=self.batch_size,
            seed=self.options.seed,
            augmentations=phase.augmentations,
            size=self.size(phase),
        )


def resolve(options: Options, data: TrainingData, devices: int = 1) -> Plan:
    """Decide what options leave open.

    The learning rate is the recipe's times the ratio of batch sizes. The batch size is the recipe's
    on each device, or less if an epoch would have fewer than ten steps.

    Raises:
        UsageError: a batch that devices cannot share, or larger than the dataset.
    """
    name = options.recipe or recipes.for_architecture(options.name)
    recipe = recipes.with_overrides(recipes.get_recipe(name), options.recipe_changes)
    batch = _batch_size(options, recipe, len(data.train[0]), devices)
    steps_per_epoch = len(data.train[0]) // batch
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
    # Half of a small image would be some papers' padding.
    side = min(options.image_size or data.train[0].shape[1:3])
    recipe = replace(
        recipe,
        augmentations=_for_size(recipe.augmentations, side),
        phases=tuple(
            replace(p, augmentations=_for_size(p.augmentations, side * p.size))
            for p in recipe.phases
        ),
    )
    return options.adapt(
        Plan(options, name, recipe, data, devices, batch, rate, steps_per_epoch, steps, schedule)
    )


def _batch_size(options: Options, recipe: Recipe, examples: int, devices: int) -> int:
    batch = options.batch_size or _default_batch_size(
        recipe.batch_size * devices, examples, devices
    )
    if batch % devices:
        raise UsageError(
            f"batch_size must be a multiple of {devices}, the number of devices; received "
            f"batch_size={batch}. Set --batch-size {batch - batch % devices or devices}."
        )
    if batch > examples:
        raise UsageError(
            f"batch_size must be at most {examples}, the number of training examples; received "
            f"batch_size={batch}. Set --batch-size."
        )
    return batch


def _default_batch_size(wanted: int, examples: int, devices: int) -> int:
    """Return at most a tenth of the examples, so that an epoch has some steps."""
    return max(devices, min(wanted, examples // 10 // devices * devices))


def _for_size(augmentations: tuple[Augmentation, ...], side: float) -> tuple[Augmentation, ...]:
    """Shrink the padding of a crop, which is given for images of 32 pixels, for smaller images."""

    def adapted(augmentation: Augmentation) -> Augmentation:
        name, *arguments = augmentation
        if name == "crop" and side < 32:
            return name, max(1, round(arguments[0] * side / 32))
        return augmentation

    return tuple(map(adapted, augmentations))
