"""All variables of a compiled model as arrays: weights, optimizer, metrics, and the states of
random numbers, on every replica."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from course import keras_compat
from course.errors import UsageError
from course.keras_types import Array, Model

GROUPS = ("model", "optimizer", "metrics")


def capture(model: Model) -> dict[str, Array]:
    """Copy all variables of a compiled model, by group and position.

    A variable that differs from replica to replica, such as the state of dropout's random numbers
    or a metric's sum, gives one array per replica.
    """
    keras_compat.sync_variables(model)
    return {key: np.array(part) for key, part in _parts(model)}


def restore(model: Model, arrays: dict[str, Array], only: Collection[str] = GROUPS) -> None:
    """Put back what :func:`capture` returned.

    Args:
        model: compiled, with the same layers.
        arrays: the copies.
        only: some of :data:`GROUPS`.

    Raises:
        UsageError: the model has other variables than the one that the arrays are from.
    """
    arrays = {key: value for key, value in arrays.items() if key.partition("/")[0] in only}
    parts = {key: value for key, value in _parts(model) if key.partition("/")[0] in only}
    wrong = sorted(set(parts) ^ set(arrays)) or [
        key for key, part in parts.items() if tuple(part.shape) != arrays[key].shape
    ]
    if wrong:
        raise UsageError(
            "A checkpoint fits only the same model, optimizer and number of devices; received "
            f"one that differs in {len(wrong)} variables, such as {wrong[0]}. Start a new run."
        )
    for key, part in parts.items():
        part.assign(arrays[key].astype(np.dtype(_dtype(part))))


def groups(arrays: Iterable[str]) -> set[str]:
    """Return the groups that copies are of, given their keys."""
    return {key.partition("/")[0] for key in arrays}


def without_optimizer(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the copies of a model's own variables, for an optimizer that begins anew."""
    return {key: value for key, value in arrays.items() if groups([key]) == {"model"}}


def _parts(model: Model) -> Iterator[tuple[str, Any]]:
    owned = (model.variables, model.optimizer.variables, model.metrics_variables)
    for group, variables in zip(GROUPS, owned, strict=True):
        for number, variable in enumerate(variables):
            key = f"{group}/{number:05d}/{variable.path}"
            replicas = getattr(variable.value, "values", None)
            if replicas is None or callable(replicas):
                yield key, variable
            else:
                yield from ((f"{key}@{n}", part) for n, part in enumerate(replicas))


def _dtype(part: Any) -> str:
    return getattr(part.dtype, "name", None) or str(part.dtype)
