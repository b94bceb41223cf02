"""What `checks.keeping` sees of a change, and what a check undoes."""

import numpy as np
import pytest

from autograder.checks import Question, keeping
from autograder.checks.keeping import undone


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


def spoil(model):
    model.trainable = False
    for weight in model.weights:
        weight.assign(weight * 0)
    return 1


def spoilt_copy(model):
    import keras

    spoil(model)
    return keras.models.clone_model(model)


@pytest.mark.parametrize(
    "ask",
    [
        lambda question, model: question.check("spoil", spoil, model).gives(1),
        lambda question, model: question.check("spoil", lambda m: spoil(*m), [model]).gives(1),
        lambda question, model: question.model("copy", spoilt_copy, model).has_params(5),
    ],
)
def test_what_a_check_does_to_a_model_is_undone(model, ask):
    """Or an answer that makes all weights zero would be asked about zeros from there on."""
    before = model.get_weights()
    assert np.any(before[0])
    question = Question("models", points=1)
    ask(question, model)
    assert question.score() == 1
    assert all((new == old).all() for new, old in zip(model.get_weights(), before, strict=True))
    assert len(model.trainable_weights) == len(before)
    assert all(layer.trainable for layer in model.layers)


def test_what_raises_is_undone(model):
    with pytest.raises(ZeroDivisionError):
        undone(lambda m: spoil(m) / 0, model)
    assert len(model.trainable_weights) == 4


def test_a_model_that_is_made_of_an_argument_stays_as_it_was_made(model):
    def fine_tuned(base):
        import keras

        base.trainable = False
        return keras.Sequential([keras.Input((2,)), base, keras.layers.Dense(3)])

    new = undone(fine_tuned, model)
    assert len(new.trainable_weights) == 2
    assert model.trainable_weights == []


def test_what_is_done_to_a_layer_is_undone(model):
    layer = model.layers[0]
    kernel = np.array(layer.kernel)

    def change(layer):
        layer.kernel.assign(layer.kernel * 2)
        layer.trainable = False

    undone(change, layer)
    assert layer.trainable
    np.testing.assert_array_equal(layer.kernel, kernel)
    with pytest.raises(ValueError, match="changes what it was given"):
        keeping(change, layer)
