"""A model's whole state as numpy arrays: weights, optimizer, metrics, and where every random
stream stands, on every replica."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from course.errors import UsageError

GROUPS = ("model", "optimizer", "metrics")


def capture(model) -> dict[str, np.ndarray]:
    """Copies of all variables of a compiled model, by group and position.

    A variable that differs from replica to replica, such as the state of dropout's random numbers
    or a metric's sum, gives one array a replica.
    """
    import keras

    if keras.backend.backend() == "jax" and not getattr(model, "_jax_state_synced", True):
        model.jax_state_sync()
    return {key: np.array(part) for key, part in _parts(model)}


def restore(model, arrays: dict[str, np.ndarray], only: Collection[str] = GROUPS) -> None:
    """Put back what :func:`capture` took.

    Args:
        model: compiled, of the same layers.
        arrays: what was taken.
        only: some of :data:`GROUPS`; metrics have no variables before the first step.

    Raises:
        UsageError: the model has other variables than the one the arrays are from.
    """
    arrays = {key: value for key, value in arrays.items() if key.partition("/")[0] in only}
    parts = {key: value for key, value in _parts(model) if key.partition("/")[0] in only}
    wrong = sorted(set(parts) ^ set(arrays)) or [
        key for key, part in parts.items() if tuple(part.shape) != arrays[key].shape
    ]
    if wrong:
        raise UsageError(
            "A checkpoint must be of the same model, optimizer and number of devices; received "
            f"one that differs in {len(wrong)} variables, such as {wrong[0]}. Start a new run."
        )
    for key, part in parts.items():
        part.assign(arrays[key].astype(np.dtype(_dtype(part))))


def _parts(model) -> Iterator[tuple[str, object]]:
    owned = (model.variables, model.optimizer.variables, model.metrics_variables)
    for group, variables in zip(GROUPS, owned, strict=True):
        for number, variable in enumerate(variables):
            key = f"{group}/{number:05d}/{variable.path}"
            replicas = getattr(variable.value, "values", None)
            if replicas is None or callable(replicas):
                yield key, variable
            else:
                yield from ((f"{key}@{n}", part) for n, part in enumerate(replicas))


def _dtype(part) -> str:
    return getattr(part.dtype, "name", None) or str(part.dtype)
