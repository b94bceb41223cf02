"""What a student's process may say was done to the models that it was handed."""

import json

import numpy as np
import pytest

from autograder.engine import weight_changes
from autograder.wire.codec import CodecError, Decoder, Encoder


class Impostor:
    """Has weights, and is no model."""

    weights = ()

    def set_weights(self, weights):
        raise AssertionError("something else than a model was changed")


@pytest.fixture
def values():
    import keras

    return [1, keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), Impostor()]


def taken(values, change):
    """Take what a process says of a model whose weights have become ones."""
    encoder, before = Encoder(lambda *_: None), weight_changes.states_of(values)
    values[1].set_weights([np.ones_like(weight) for weight in values[1].get_weights()])
    codes = json.loads(json.dumps(weight_changes.encode_changes(values, before, encoder)))
    values[1].set_weights([array for _, array in before[1].weights])
    weight_changes.apply_changes(values, change(codes), Decoder(encoder.blobs, lambda *_: None))


def test_a_models_weights_are_taken(values):
    taken(values, lambda codes: codes)
    assert all((weight == 1).all() for weight in values[1].get_weights())


@pytest.mark.parametrize("position", [0, 2, 3, -2, None, [1]])
def test_other_positions_are_refused(values, position):
    before = values[1].get_weights()
    with pytest.raises(CodecError, match="weights that are not those of a model"):
        taken(values, lambda codes: [[position, *codes[0][1:]]])
    assert all((new == old).all() for new, old in zip(values[1].get_weights(), before, strict=True))
