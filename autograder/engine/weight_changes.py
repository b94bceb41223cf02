"""What a call does to models that it is handed: to their weights, and to what is trained in them.

A model is sent as a copy, so the student's process says what its function did to the copy. The
judge then does it to its own model, as tests that look at it afterwards expect.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograder.wire import models
from autograder.wire.codec import CodecError, Decoder, Encoder
from course.keras_types import Array, Model, Variable


class State(NamedTuple):
    """What a call may change in a model.

    Attributes:
        layers: whether the model and each of its layers are trainable, the outermost first.
        weights: whether each weight is trainable, and its value.
    """

    layers: list[bool]
    weights: list[tuple[bool, Array]]


def states_of(values: Sequence[object]) -> dict[int, State]:
    """Return the states of those values that are models, by the position of the model."""
    return {
        n: State(
            models.trainable_layers(model),
            [(bool(w.trainable), _array(w)) for w in model.weights],
        )
        for n, model in _models(values).items()
    }


def encode_changes(
    values: Sequence[object], before: dict[int, State], encoder: Encoder
) -> list[Any]:
    """Return codes of the states that a call has changed, by the position of the model."""
    return [
        [n, now.layers, [[trainable, encoder.array(array)] for trainable, array in now.weights]]
        for n, now in states_of(values).items()
        if not _same(now, before[n])
    ]


def apply_changes(values: Sequence[object], codes: Any, decoder: Decoder) -> None:
    """Do to the judge's models what the student's process says was done to its copies.

    Raises:
        CodecError: that cannot be done to them.
    """
    try:
        for n, flags, new in codes or []:
            model = _models(values)[n]
            news = [(trainable is True, decoder.array(code)) for trainable, code in new]
            model.set_weights([array for _, array in news])
            models.set_trainable_layers(model, flags)
            for weight, (trainable, _) in zip(model.weights, news, strict=True):
                weight.trainable = trainable
    except (TypeError, ValueError, LookupError, AttributeError):
        raise CodecError("weights that are not those of a model that was handed over") from None


def _models(values: Sequence[object]) -> dict[int, Model]:
    keras = sys.modules.get("keras")
    if keras is None:
        return {}
    # By type: isinstance would ask a proxy of a test's own object what it is.
    return {n: v for n, v in enumerate(values) if issubclass(type(v), keras.Model)}


def _array(weight: Variable) -> Array:
    return sys.modules["keras"].ops.convert_to_numpy(weight).copy()


def _same(one: State, other: State) -> bool:
    pairs = zip(one.weights, other.weights, strict=False)
    return (
        one.layers == other.layers
        and len(one.weights) == len(other.weights)
        and all(
            trainable == was and array.tobytes() == old.tobytes()
            for (trainable, array), (was, old) in pairs
        )
    )
