"""Recipes by name, and the recipe of an architecture."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from course import architectures
from course.errors import UsageError
from course.recipes import papers
from course.recipes.recipe import Recipe
from course.regularization.augmentations import AUGMENTATIONS

RECIPES: dict[str, Recipe] = {
    "default": Recipe(
        cite="This course's own: short, and good enough for most nets and small images",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        optimizer="adamw",
        weight_decay=0.01,
        decay_on="kernels",
        schedule="cosine",
        warmup_epochs=0.5,
    ),
    "fine_tuning": Recipe(
        cite="This course's own: Adam with its usual learning rate, which falls in each phase",
        epochs=20,
        batch_size=32,
        learning_rate=1e-3,
        optimizer="adam",
        schedule="cosine",
    ),
    "fast_cifar": Recipe(
        cite="This course's own, after Page 2019 and Jordan 2024: CIFAR-10 to 94 % in little time",
        epochs=14,
        batch_size=512,
        learning_rate=0.4,
        nesterov=True,
        weight_decay=5e-4,
        decay_on="kernels",
        schedule="linear",
        warmup_epochs=3,
        label_smoothing=0.2,
        augmentations=(("crop", 2), ("flip",)),
        whitened_layer="whitening_conv",
        tta_views=("plain", "flip", "shift"),
    ),
    **papers.RECIPES,
}


def for_architecture(name: str) -> str:
    """Return the name of an architecture's recipe; ``"default"`` if its paper published none.

    Example:
        >>> for_architecture("resnet20_cifar")
        'resnet_cifar'
    """
    return architectures.describe(name).recipe or "default"


def get_recipe(name: str) -> Recipe:
    """Look up a recipe by name.

    Raises:
        UsageError: if there is no such recipe; the message lists the nearest.
    """
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(str(name), RECIPES, n=3)
    raise UsageError(
        f"recipe must be one of {', '.join(RECIPES)}; received recipe={name!r}."
        + (f" Did you mean {' or '.join(near)}?" if near else "")
    )


# A recipe keeps its source and notes; `--set` changes the network's arguments; phases would
# contradict other fields.
_FIXED = ("cite", "arguments", "phases", "notes")
# Earlier names of fields, under which runs that are still to be resumed have recorded them.
_OLD_NAMES = {"decayed": "decay_on", "views": "tta_views", "whiten": "whitened_layer"}


def with_overrides(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other values in some of its fields.

    Args:
        recipe: to start from.
        changes: values by field name; lists, as in JSON, become tuples.

    Raises:
        UsageError: if a field or an augmentation does not exist, or `changes` has augmentations
            for a recipe with phases.

    Example:
        >>> with_overrides(get_recipe("default"), {"label_smoothing": 0.1}).label_smoothing
        0.1
    """
    changes = {_OLD_NAMES.get(key, key): value for key, value in changes.items()}
    known = [field.name for field in fields(Recipe) if field.name not in _FIXED]
    if unknown := sorted(set(changes) - set(known)):
        raise UsageError(
            f"The fields of a recipe that can be changed are {', '.join(known)}; received "
            f"{', '.join(unknown)}."
        )
    if recipe.phases and "augmentations" in changes:
        raise UsageError(
            f"Each phase of {recipe.cite} has its own augmentations; received augmentations="
            f"{changes['augmentations']!r}. Choose a recipe without phases."
        )
    recipe = replace(recipe, **{key: _frozen(value) for key, value in changes.items()})
    for entry in recipe.augmentations:
        if not isinstance(entry, tuple) or entry[0] not in AUGMENTATIONS:
            raise UsageError(
                'augmentations must look like (("crop", 4), ("flip",)) with names of '
                f"{', '.join(AUGMENTATIONS)}; received {entry!r}."
            )
    return recipe


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
