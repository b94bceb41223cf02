"""A model as a whole: what computes the right values and still does not behave as it should."""

import course.quiet  # noqa: F401  isort: skip
import json
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from autograder.checks import Question
from autograder.checks.starts import difference
from autograder.checks.whole import _moved
from autograder.wire import models

SHAPE, FILTERS = (6, 7, 3), 4
EVERYTHING = ("epsilon", "momentum", "initializer")


def block(
    x, filters=FILTERS, strides=1, *, conv=None, norm=None, call=None, last=lambda x: x,
    shortcut=lambda x: x,
):  # fmt: skip
    """A residual block, right as it stands; each keyword is a way to get it wrong."""
    about = {"kernel_initializer": "he_normal", "use_bias": False} | (conv or {})
    y = layers.ZeroPadding2D(1)(x)
    y = layers.Conv2D(filters, 3, strides, **about)(y)
    y = layers.BatchNormalization(**({"momentum": 0.9, "epsilon": 1e-5} | (norm or {})))(
        y, **(call or {})
    )
    skip = layers.Conv2D(filters, 1, strides, kernel_initializer="he_normal", use_bias=False)(x)
    return layers.ReLU()(last(layers.Add()([y, shortcut(skip)])))


def looked_at(function, *args, reference=block, **about):
    """The result of looking at a block."""
    question = Question("q", points=1)
    question.block("yours", function, SHAPE, *args).behaves_like(reference, **about)
    (result,) = question.results
    assert result.check == "yours, as a whole"
    return result


def passes(function, *args, **about):
    result = looked_at(function, *args, **about)
    assert (result.credit, result.text) == (1, "")


def fails(says, function, *args, credit=0.5, **about):
    result = looked_at(function, *args, **about)
    assert says in result.text
    assert result.credit == credit


def other_style(x, filters=FILTERS, strides=1):
    """Shortcut first, other layers for the same, initializers as objects, `+`."""
    he = keras.initializers.VarianceScaling(2.0, "fan_in", "truncated_normal")
    skip = layers.Conv2D(filters, (1, 1), strides, "valid", use_bias=False, kernel_initializer=he)(
        x
    )
    y = layers.Conv2D(
        filters,
        3,
        strides,
        "same" if strides == 1 else "valid",
        use_bias=False,
        kernel_initializer=he,
    )(x if strides == 1 else layers.ZeroPadding2D(((1, 1), (1, 1)))(x))
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="any_name")(y)
    return keras.ops.relu(skip + y)


def spread(x, filters=FILTERS, strides=1):
    """He's variance, written as a normal distribution."""
    he = {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=(2 / (9 * x.shape[-1])) ** 0.5)
    }
    return block(x, filters, strides, conv=he)


@pytest.mark.parametrize("function", [block, other_style, spread])
def test_honest_styles_pass(function):
    passes(function, also=[(5, 17, 3), ((9, 4, 1), 5, 3), ((8, 8, 2), 2, 2)], prescribed=EVERYTHING)


def test_a_class_around_a_graph_passes():
    class Wrapped(keras.Model):
        def __init__(self, *args):
            x = keras.Input(SHAPE)
            super().__init__(x, block(x, *args))

    class Inside(keras.Model):
        def __init__(self, *args):
            super().__init__()
            x = keras.Input(SHAPE)
            self.graph = keras.Model(x, block(x, *args))

        def call(self, x):
            return self.graph(x)

    class ByHand(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = layers.Conv2D(FILTERS, 3)

        def call(self, x):
            return self.conv(x)

    def plain():
        x = keras.Input(SHAPE)
        return keras.Model(x, block(x))

    for kind in (Wrapped, Inside):
        question = Question("q", points=1)
        question.model("yours", kind).behaves_like(plain)
        assert question.score() == 1
        again = models.unpack(*models.pack(kind()))
        assert type(again) is keras.Model or type(again).__module__.startswith("keras")
    question = Question("q", points=1)
    question.model("yours", ByHand).behaves_like(plain)
    assert "the layers of a ByHand cannot be seen; make the model with" in question.results[0].text


def initializer(name):
    return {"conv": {"kernel_initializer": name}}


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ({"conv": {"trainable": False}}, "kernel of 'conv2d"),
        ({"norm": {"trainable": False}}, "gamma of 'batch_normalization"),
        ({"norm": {"momentum": 1.0}}, "training does not move the statistics of 'batch_norm"),
        ({"norm": {"momentum": 0.99}}, "(BatchNormalization) should be 0.9, but is 0.99"),
        ({"norm": {"epsilon": 1e-4}}, "(BatchNormalization) should be 1e-05, but is 0.0001"),
        ({"call": {"training": False}}, "is called with training=False: leave it out"),
        ({"last": layers.Dropout(0.01)}, "Dropout(0.01) was not asked for"),
        ({"last": layers.GaussianNoise(0.1)}, "GaussianNoise(0.1) was not asked for"),
        ({"shortcut": keras.ops.stop_gradient}, "no gradient reaches kernel of 'conv2d"),
        (
            {"last": lambda x: 0.5 * x + keras.ops.stop_gradient(0.5 * x)},
            "the wrong gradient reaches kernel",
        ),
        (initializer("glorot_normal"), "should start with a standard deviation of"),
        (initializer("he_uniform"), "should start from a normal distribution, but has a uniform"),
        (initializer("zeros"), "should start from random numbers, but starts from 0 everywhere"),
        (initializer(keras.initializers.HeNormal(seed=3)), "its seed is fixed"),
        ({"norm": {"gamma_initializer": "zeros"}}, "should start from 1 everywhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_only_training_shows_costs_half(mistake, says):
    fails(says, partial(block, **mistake), prescribed=EVERYTHING)


@pytest.mark.parametrize("shape", [(1, 1, 1, 2), (1, 1, 4, 4), (1, 1, 4, 16), (3, 3, 4, 4)])
def test_few_numbers_of_one_distribution_are_never_told_apart(shape):
    """A deviation of few numbers is a matter of luck, and no reason to lose a point."""
    he = keras.initializers.HeNormal()
    same = keras.initializers.VarianceScaling(2.0, "fan_in", "truncated_normal")
    draw = np.random.default_rng(1)
    for right, mine in draw.normal(size=(5000, 2, *shape)):
        assert not difference((right, mine), he, same)
        if right.size > 32:
            assert difference((right, 4 * mine), he, same)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_start_from_numbers(value):
    he = keras.initializers.HeNormal()
    right, mine = np.random.default_rng(0).normal(size=(2, 3, 3, 4, 8))
    assert not difference((right, mine), he, he)
    mine[0, 0, 0, 0] = value
    assert "NaN or infinity" in difference((right, mine), he, he)


def test_what_a_text_leaves_open_is_open():
    mine = partial(block, norm={"momentum": 0.99, "epsilon": 1e-3}, **initializer("glorot_uniform"))
    passes(mine)
    fails("training does not move", partial(block, norm={"momentum": 1.0}))
    fails("its seed is fixed", partial(block, **initializer(keras.initializers.HeNormal(seed=3))))


def test_a_model_that_is_there_already_is_looked_at():
    def built():
        x = keras.Input(SHAPE)
        return keras.Model(x, block(x))

    question = Question("q", points=1)
    question.model("yours", built()).behaves_like(built())
    assert question.score() == 1


def test_a_new_call_that_fails_is_told():
    calls = []

    def once(x):
        calls.append(x)
        if len(calls) > 1:
            raise RuntimeError("only once")
        return block(x)

    fails("it computes what it should, but for", once)
    calls.clear()
    assert "only once" in looked_at(once).text


def test_an_initializer_that_cannot_be_made_again():
    class Odd(keras.initializers.Initializer):
        def __init__(self, needed):
            self.needed = needed

        def get_config(self):
            return {}

    he = keras.initializers.HeNormal()
    right, mine = (2 / 36) ** 0.5 * np.random.default_rng(0).normal(size=(2, 3, 3, 4, 8))
    assert difference((right, mine), he, Odd(1)) == ""


def test_statistics_that_move_elsewhere():
    norm = layers.BatchNormalization(momentum=0.9)
    step = SimpleNamespace(layer=norm)
    wanted = np.array([0.1, -0.2])

    def said(found, momentum=True):
        return _moved(step, step, wanted, np.array(found), momentum)

    assert said([0.1, -0.2]) == said([0.05, -0.1], momentum=False) == []
    assert "to other values than the batch's" in said([0.1, -0.19])[0]
    assert "does not move" in said([0.0, 0.0])[0]
    assert "momentum of" in said([0.05, -0.1])[0]


def test_inference_that_depends_on_the_batch_names_its_cause():
    fails(
        "is called with training=True: leave it out",
        partial(block, call={"training": True}), credit=0, mistakes={"never looked at": no_model},
    )  # fmt: skip


def no_model():
    raise AssertionError("a known cause makes models of mistakes needless")


def twice(x, filters=FILTERS, strides=1, *, shared=False):
    """Two convolutions; shared, one that is used twice."""
    conv = [layers.Conv2D(filters, 3, padding="same", use_bias=False) for _ in range(2)]
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    return conv[0 if shared else 1](layers.ReLU()(conv[0](x)))


def test_layers_are_not_shared_between_places():
    fails(
        "is used more than once: each place needs a layer of its own",
        partial(twice, shared=True), reference=twice, credit=0, mistakes={"never": no_model},
    )  # fmt: skip
    passes(partial(twice, shared=True), reference=partial(twice, shared=True))


def test_layers_are_not_shared_between_calls():
    kept: list = []

    def remembers(x, filters=FILTERS, strides=1):
        kept.append(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        first = layers.Conv2D(filters, 1, use_bias=False)(x)
        return kept[0](
            layers.ReLU()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(first))
        )

    fails("a new call does not make new layers", remembers, reference=twice)
    kept.clear()
    fails("a new call does not make new layers", remembers, reference=twice, also=[(5, 17, 3)])


def test_dropout_that_is_asked_for():
    asked = partial(block, last=lambda x: layers.Dropout(0.2)(x))
    passes(asked, reference=asked)
    fails("Dropout(0.2) is missing", block, reference=asked)
    fails("Dropout(0.3) was not asked for", partial(block, last=lambda x: layers.Dropout(0.3)(x)),
          reference=asked)  # fmt: skip


def test_other_sizes_and_arguments():
    def even_only(x, filters=FILTERS, strides=1):
        return block(x, filters, strides) if x.shape[1] % 2 == 0 else other_kernel(x, filters)

    def other_kernel(x, filters):
        return layers.ReLU()(layers.Conv2D(filters, 5, padding="same")(x))

    passes(even_only)
    fails("for inputs of shape (5, 17, 3)", even_only, also=[(4, 9, 3), (5, 17, 3)])
    fails("and arguments 5, 3", partial(block), also=[((5, 6, 3), 5, 3)],
          reference=lambda x, filters=FILTERS, strides=1: block(x, filters))  # fmt: skip


def test_a_reference_may_be_a_model_and_is_left_as_it_was():
    x = keras.Input(SHAPE)
    right = keras.Model(x, block(x))
    before = right.get_weights()
    passes(block, reference=right)
    assert all(np.array_equal(a, b) for a, b in zip(before, right.get_weights(), strict=True))


def test_what_a_text_prescribes_is_known():
    with pytest.raises(ValueError, match="may only name epsilon, initializer, momentum;.* rate"):
        looked_at(block, prescribed=("rate",))


# What crosses from the student's process


def test_a_weight_keeps_its_number_and_its_training_where_it_is_rebuilt():
    x = keras.Input(SHAPE)
    model = keras.Model(x, block(x))
    model.layers[2].kernel.trainable = False
    again, more = (models.unpack(*models.pack(model)) for _ in range(2))
    numbers = [models.serial(weight) for weight in model.weights]
    assert [models.serial(weight) for weight in again.weights] == numbers
    assert [models.serial(weight) for weight in more.weights] == numbers
    assert len(set(numbers)) == len(numbers)
    assert [w.trainable for w in again.weights] == [w.trainable for w in model.weights]


@pytest.mark.parametrize("about", [[], [[1]], [["x", True]] * 8, 3, None])
def test_what_is_said_of_weights_must_fit(about):
    x = keras.Input(SHAPE)
    text, weights = models.pack(keras.Model(x, block(x)))
    text = json.dumps(json.loads(text) | {"weights": about})
    with pytest.raises(models.RebuildError):
        models.unpack(text, weights)
