"""Arguments that a call must not change, or whose changes are undone after it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from course.keras_types import Array, Layer, Variable

Result = TypeVar("Result")


def undone(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function and undo all that the call did to its arguments.

    Arrays, lists, dicts, layers and models stay the same objects and are at the end what they were
    before; of a layer or a model its weights, and which of them are trained. A model that shares
    weights with a model that is given back, as in fine-tuning, keeps what was done to it.

    Args:
        function: the student's, or one that calls it.
        *args, **kwargs: any values; lists, tuples and dicts are looked into.

    Returns:
        The function's value; its arrays are copies, so none is an argument's.
    """
    before = [(value, _copied(value)) for value in (args, kwargs)]
    result = None
    try:
        result = _with_own_arrays(function(*args, **kwargs))
        return result
    finally:
        kept = {id(weight) for model in _networks(result) for weight in model.weights}
        for value, copy in before:
            _restore(value, copy, kept)


def keeping(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function, and raise an error if it changes its arguments.

    Args:
        function: the student's.
        *arguments: plain values, arrays, layers or models, also in lists, tuples and dicts.

    Raises:
        ValueError: an argument has changed.

    Example:
        >>> keeping(sorted, [3, 1, 2])
        [1, 2, 3]
        >>> keeping(list.pop, [3, 1, 2])
        Traceback (most recent call last):
        ...
        ValueError: it changes what it was given
    """
    before = _seen(arguments)
    value = function(*arguments)
    if _seen(arguments) != before:
        raise ValueError("it changes what it was given")
    return value


def _with_own_arrays(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(map(_with_own_arrays, value))
    if type(value) is dict:
        return {key: _with_own_arrays(item) for key, item in value.items()}
    return value.copy() if _is_array(value) else value


def _networks(value: Any) -> list[Layer]:
    """Return the layers and models in a value."""
    if type(value) is dict:
        return _networks(list(value.values()))
    if type(value) in (list, tuple):
        return [layer for item in value for layer in _networks(item)]
    return [value] if _is_network(value) else []


@dataclass(frozen=True)
class _Network:
    """What a layer or a model was: of each layer in it and each weight, and whether it trains."""

    layers: list[tuple[Layer, bool]]
    weights: list[tuple[Variable, bool, Array]]


def _copied(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [(item, _copied(item)) for item in value]
    if isinstance(value, dict):
        return {key: (item, _copied(item)) for key, item in value.items()}
    if _is_network(value):
        return _Network(
            [(layer, layer.trainable) for layer in _all_layers(value)],
            [(weight, weight.trainable, _numbers(weight)) for weight in value.weights],
        )
    return value.copy() if _is_array(value) else None


def _restore(value: Any, copy: Any, kept: set[int]) -> None:
    if isinstance(value, list | tuple):
        for item, inner in copy:
            _restore(item, inner, kept)
        if isinstance(value, list):
            value[:] = [item for item, _ in copy]
    elif isinstance(value, dict):
        for item, inner in copy.values():
            _restore(item, inner, kept)
        value.clear()
        value.update((key, item) for key, (item, _) in copy.items())
    elif _is_network(value):
        if kept.isdisjoint(id(weight) for weight, _, _ in copy.weights):
            _restore_network(copy)
    elif _is_array(value):
        if value.shape != copy.shape:
            value.shape = copy.shape
        if value.flags.writeable:
            value[...] = copy


def _restore_network(copy: _Network) -> None:
    # Setting `trainable` of a layer sets it for all layers and weights inside, so outermost first.
    for layer, trainable in copy.layers:
        if layer.trainable != trainable:
            layer.trainable = trainable
    for weight, trainable, numbers in copy.weights:
        weight.trainable = trainable
        if _numbers(weight).tobytes() != numbers.tobytes():
            weight.assign(numbers)


def _seen(value: Any) -> Any:
    """Return all of a value that a change would show in."""
    if isinstance(value, dict):
        return [(key, _seen(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_seen(item) for item in value]
    if _is_array(value):
        return value.shape, value.dtype.str, value.tobytes()
    if _is_network(value):
        return [(w.trainable, _numbers(w).tobytes()) for w in value.weights]
    return repr(value)


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _is_network(value: Any) -> bool:
    # By type: isinstance would ask what stands for a student's own object what it is.
    keras = sys.modules.get("keras")
    return keras is not None and issubclass(type(value), keras.Layer)


def _all_layers(layer: Layer) -> list[Layer]:
    from course import keras_compat

    return keras_compat.all_layers(layer)


def _numbers(weight: Variable) -> Array:
    """Return a copy of a weight's values."""
    values: Array = sys.modules["keras"].ops.convert_to_numpy(weight)
    return values.copy()
