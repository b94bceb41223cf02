"""A plan in words, for people and for ``run.json``."""

from __future__ import annotations

from typing import Any

from course import architectures
from course.training.plan import Plan


def rows(plan: Plan) -> dict[str, Any]:
    """Describe a plan, point by point."""
    recipe, options = plan.recipe, plan.options
    return {
        "architecture": options.name,
        "dataset": f"{options.dataset}: {len(plan.data.train[0]):,} to train on, "
        f"{len(plan.data.evaluation[0]):,} to evaluate on ({plan.data.evaluation_name})",
        "input": " x ".join(map(str, plan.image_shape)),
        **plan.details(),
        "recipe": _recipe(plan),
        "changes": ", ".join(f"{k}={v!r}" for k, v in options.recipe_changes.items()),
        "notes": recipe.notes,
        "devices": f"{plan.devices} ({options.distribute})",
        "batch": f"{plan.batch_size} over all devices",
        "length": f"{plan.epochs} epochs, {plan.steps:,} steps",
        "optimizer": f"{recipe.optimizer}, learning rate {plan.learning_rate:.4g}, "
        f"{recipe.schedule}, warm-up {plan.schedule.warmup:,} steps, "
        f"weight decay {recipe.weight_decay:g}",
        "augment": ", ".join(" ".join(map(str, part)) for part in recipe.augmentations),
        "seed": options.seed,
    }


def _recipe(plan: Plan) -> str:
    if plan.options.recipe or architectures.describe(plan.options.name).recipe:
        return f"{plan.recipe_name} ({plan.recipe.cite})"
    return "no recipe published; using the course's default"


def table(values: dict[str, Any]) -> str:
    """Format points, one per line; those with nothing to say are left out."""
    return "\n".join(f"  {key:<13}{value}" for key, value in values.items() if value != "")


def duration(seconds: float) -> str:
    """Format seconds for people.

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
