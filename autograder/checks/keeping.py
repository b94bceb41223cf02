"""Arguments that a call may not change for those who look at them later."""

from __future__ import annotations

import sys
from collections.abc import Callable


def undone(function: Callable, *args, **kwargs):
    """What a function gives, with all that the call did to its arguments undone.

    Arrays, lists, dicts and models stay the same objects, with their types and layouts, and are in
    the end what they were at first; of a model its weights and what of it is trained. What a model
    that is given back has in common with an argument, as in fine-tuning, stays as it was made.

    Args:
        function: the student's, or one that calls it.
        *args, **kwargs: any values; looked into are lists, tuples and dicts.

    Returns:
        Its value, whose arrays are its own and not those of an argument.
    """
    before = [(value, _copied(value)) for value in (args, kwargs)]
    result = None
    try:
        result = _apart(function(*args, **kwargs))
        return result
    finally:
        kept = {id(weight) for model in _models(result) for weight in model.weights}
        for value, copy in before:
            _restore(value, copy, kept)


def keeping(function: Callable, *arguments):
    """What a function gives for some arguments, if it leaves them as they are.

    Args:
        function: the student's.
        *arguments: plain values, arrays or models, also in lists, tuples and dicts.

    Raises:
        ValueError: an argument is no longer what it was.

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


def _apart(value):
    if type(value) in (list, tuple):
        return type(value)(map(_apart, value))
    if type(value) is dict:
        return {key: _apart(item) for key, item in value.items()}
    return value.copy() if _is_array(value) else value


def _models(value) -> list:
    if type(value) is dict:
        return _models(list(value.values()))
    if type(value) in (list, tuple):
        return [model for item in value for model in _models(item)]
    return [value] if _is_model(value) else []


def _copied(value):
    if isinstance(value, list | tuple):
        return [(item, _copied(item)) for item in value]
    if isinstance(value, dict):
        return {key: (item, _copied(item)) for key, item in value.items()}
    if _is_model(value):
        layers = [(layer, layer.trainable) for layer in value._flatten_layers()]
        return layers, [(weight, weight.trainable, _numbers(weight)) for weight in value.weights]
    return value.copy() if _is_array(value) else None


def _restore(value, copy, kept: set[int]) -> None:
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
    elif _is_model(value):
        layers, weights = copy
        if kept.isdisjoint(id(weight) for weight, _, _ in weights):
            _restore_model(layers, weights)
    elif _is_array(value):
        if value.shape != copy.shape:
            value.shape = copy.shape
        if value.flags.writeable:
            value[...] = copy


def _restore_model(layers, weights) -> None:
    # A layer tells its own to those inside it, and to its weights: so from the outermost on.
    for layer, trainable in layers:
        if layer.trainable != trainable:
            layer.trainable = trainable
    for weight, trainable, numbers in weights:
        weight.trainable = trainable
        if _numbers(weight).tobytes() != numbers.tobytes():
            weight.assign(numbers)


def _seen(value):
    """All of a value that a change would show in."""
    if isinstance(value, dict):
        return [(key, _seen(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_seen(item) for item in value]
    if _is_array(value):
        return value.shape, value.dtype.str, value.tobytes()
    if _is_model(value):
        return [(w.trainable, _numbers(w).tobytes()) for w in value.weights]
    return repr(value)


def _is_array(value) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _is_model(value) -> bool:
    # By type: isinstance would ask what stands for a student's own object what it is.
    keras = sys.modules.get("keras")
    return keras is not None and issubclass(type(value), keras.Model)


def _numbers(weight):
    """A weight's values, as an array of their own."""
    return sys.modules["keras"].ops.convert_to_numpy(weight).copy()
