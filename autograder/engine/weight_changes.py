"""What a call does to the weights of models that it is handed.

A model crosses as a copy, so what a student's function does to it must be told: the judge then does
it to its own, as tests that hand over a model and look at it afterwards expect.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from autograder.wire.codec import CodecError, Decoder, Encoder


def weights(values: Sequence) -> dict[int, list]:
    """By position, the weights of those values that are models: whether trained, and an array."""
    return {
        n: [(bool(w.trainable), _array(w)) for w in model.weights]
        for n, model in _models(values).items()
    }


def sent(values: Sequence, before: dict[int, list], encoder: Encoder) -> list:
    """Codes of the weights that a call has changed, by the position of the model."""
    return [
        [n, [[trains, encoder.array(array)] for trains, array in now]]
        for n, now in weights(values).items()
        if not _same(now, before[n])
    ]


def take(values: Sequence, codes, decoder: Decoder) -> None:
    """Do to the judge's models what the student's process says was done to its copies.

    Raises:
        CodecError: that is not what can be done to them.
    """
    try:
        for n, new in codes or []:
            model = _models(values)[n]
            news = [(trains is True, decoder.array(code)) for trains, code in new]
            model.set_weights([array for _, array in news])
            for weight, (trains, _) in zip(model.weights, news, strict=True):
                weight.trainable = trains
    except (TypeError, ValueError, LookupError, AttributeError):
        raise CodecError("weights that are not those of a model that was handed over") from None


def _models(values: Sequence) -> dict:
    keras = sys.modules.get("keras")
    # By type: isinstance would ask what stands for a test's own object what it is.
    is_model = [keras is not None and issubclass(type(value), keras.Model) for value in values]
    return {n: value for n, value in enumerate(values) if is_model[n]}


def _array(weight):
    return sys.modules["keras"].ops.convert_to_numpy(weight).copy()


def _same(one: list, other: list) -> bool:
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        trains == trained and array.tobytes() == old.tobytes()
        for (trains, array), (trained, old) in pairs
    )
