"""Recipes' optimizers."""

from __future__ import annotations

from typing import Any

from course import keras_compat
from course.keras_types import Model, Optimizer
from course.recipes import Phase, Recipe
from course.training import schedules
from course.training.distribution import Devices
from course.training.plan import Plan


def build(plan: Plan, phase: Phase, model: Model, devices: Devices) -> Optimizer:
    """Make the optimizer of a plan's recipe.

    Args:
        plan: of the run.
        phase: that it trains.
        model: the weights to train.
        devices: on which gradients are computed.
    """
    recipe, accumulation = plan.recipe, plan.options.gradient_accumulation
    kind = devices.optimizer_class(_class(recipe), clips=recipe.clip_norm is not None)
    factors = plan.rate_factors(model, phase)
    if factors:
        weights = model.trainable_variables
        kind = keras_compat.with_rates(kind, [factors.get(w.path, 1.0) for w in weights])
    optimizer = kind(
        learning_rate=schedules.learning_rate_schedule(
            plan.schedule, accumulation, plan.first_step(phase)
        ),
        global_clipnorm=recipe.clip_norm,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
        **_arguments(recipe),
    )
    if recipe.optimizer == "adamw" and recipe.decay_on == "kernels":
        vectors = [v for v in model.trainable_variables if len(v.shape) < 2]
        optimizer.exclude_from_weight_decay(var_list=vectors)
    keras_compat.leave_weights_alone(optimizer)
    return optimizer


def _class(recipe: Recipe) -> type[Optimizer]:
    import keras

    kinds: dict[str, type[Optimizer]] = {
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    return kinds[recipe.optimizer]


def _arguments(recipe: Recipe) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "sgd": {"momentum": recipe.momentum, "nesterov": recipe.nesterov},
        "rmsprop": {"momentum": recipe.momentum, "rho": 0.9},
        "adam": {},
        "adamw": {"weight_decay": recipe.weight_decay},
    }[recipe.optimizer]
    if recipe.epsilon is not None:
        arguments["epsilon"] = recipe.epsilon
    if recipe.ema:
        arguments |= {"use_ema": True, "ema_momentum": recipe.ema}
    return arguments
