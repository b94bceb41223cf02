"""What `checks.keeping` sees of a change, and what it lets be."""

import numpy as np
import pytest

from autograder.checks import keeping


def grow(value):
    value.append(1)


def last_pixel(image):
    image[-1, -1] += 1e-9


def inside(table):
    table["a"][0].sort()


def layout(image):
    image.resize(image.size, refcheck=False)


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (grow, []),
        (last_pixel, np.zeros((200, 200))),
        (inside, {"a": ([2, 1],)}),
        (layout, np.zeros((2, 3))),
        (dict.popitem, {"a": 1}),
    ],
)
def test_a_change_is_an_error(function, argument):
    with pytest.raises(ValueError, match="it changes what it was given"):
        keeping(function, argument)


def test_what_stays_gives_what_the_function_gives():
    assert keeping(lambda *a: a, [1], "two", None) == ([1], "two", None)


@pytest.fixture
def model():
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Dense(1)])


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.layers[1].kernel.assign(m.layers[1].kernel * 2),
        lambda m: setattr(m.layers[0], "trainable", False),
    ],
)
def test_a_models_weights_are_looked_at(model, change):
    with pytest.raises(ValueError):
        keeping(change, model)
    assert keeping(lambda m: m.name, model) == model.name
