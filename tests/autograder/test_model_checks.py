"""Checks of Keras models: right models pass in every honest style, others hear what is wrong."""

import course.quiet  # noqa: F401  isort: skip
import keras
import numpy as np
import pytest
from keras import layers

from autograder.checks import Question, explanations
from autograder.checks.comparison import draw
from autograder.checks.values import short

SHAPE, FILTERS = (8, 8, 4), 6


def checked(model, method, *args, **kwargs):
    """The result of one check of a model."""
    question = Question("q", points=1)
    getattr(question.model("yours", model), method)(*args, **kwargs)
    (result,) = question.results
    assert result.check.startswith("yours, ")
    assert bool(result.text) == (result.credit == 0)
    return result


def passes(model, method, *args, **kwargs):
    result = checked(model, method, *args, **kwargs)
    assert result.credit == 1, result.text


def fails(says, model, method, *args, **kwargs):
    result = checked(model, method, *args, **kwargs)
    assert result.credit == 0
    assert says in result.text


# A residual block with a projection, and what can go wrong in it

ORDER = ["Conv2D", "BatchNormalization", "ReLU", "Conv2D", "BatchNormalization", "Add", "ReLU"]


def block(
    x, filters=FILTERS, *, strides=(2, 1), kernel=3, bias=False, relu=True, last_relu=True,
    shortcut=True, bn=True, bn_last=False, pool=None, trainable=True,
):  # fmt: skip
    """Right as it stands; each argument is a way to get it wrong."""
    y = layers.Conv2D(filters, kernel, strides[0], "same", use_bias=bias, trainable=trainable)(x)
    y = layers.BatchNormalization()(y) if bn else y
    y = layers.ReLU()(y) if relu else y
    y = layers.Conv2D(filters, 3, strides[1], "same", use_bias=False)(y)
    y = y if bn_last else layers.BatchNormalization()(y)
    if shortcut:
        s = layers.Conv2D(filters, 1, 2, use_bias=False)(pool(x) if pool else x)
        y = layers.Add()([y, layers.BatchNormalization()(s)])
    y = layers.BatchNormalization()(y) if bn_last else y
    return layers.ReLU()(y) if last_relu else y


def made(**mistake) -> keras.Model:
    tensor = keras.Input(SHAPE)
    return keras.Model(tensor, block(tensor, **mistake))


def other_style():
    """Shortcut first, padding by hand, activations as functions, `+`, other names."""
    inputs = keras.Input(SHAPE, name="image")
    skip = layers.Conv2D(FILTERS, (1, 1), strides=(2, 2), use_bias=False, name="z")(inputs)
    skip = layers.BatchNormalization(name="a")(skip)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(inputs)
    x = layers.Conv2D(FILTERS, 3, strides=2, padding="valid", use_bias=False, name="b")(x)
    x = keras.ops.relu(layers.BatchNormalization()(x))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.BatchNormalization()(layers.Conv2D(FILTERS, 3, use_bias=False)(x))
    return keras.Model(inputs, layers.Activation("relu")(skip + x))


def nested_style():
    """The main path is a Sequential model of its own."""
    main = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(FILTERS, 3, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Conv2D(FILTERS, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
        ]
    )
    inputs = keras.Input(SHAPE)
    skip = layers.Conv2D(FILTERS, 1, 2, use_bias=False)(inputs)
    skip = layers.BatchNormalization()(skip)
    return keras.Model(inputs, keras.activations.relu(layers.add([main(inputs), skip])))


@pytest.mark.parametrize("model", [made, other_style, nested_style])
def test_honest_styles_of_a_block_pass(model):
    question = Question("block", points=3)
    mine = question.model("yours", model)
    assert mine.has_output_shape((4, 4, FILTERS)) is mine
    mine.has_input_shape(SHAPE).has_params(made().count_params())
    mine.has_macs(16 * (9 * 4 * FILTERS + 9 * FILTERS * FILTERS + 4 * FILTERS))
    mine.has_layers("BatchNormalization", 3).has_layers("relu", 2)
    mine.has_layers("Conv2D", 2, {"strides": 2}).has_layers("Conv2D", 1, {"kernel_size": 1})
    mine.has_order(ORDER)
    mine.has_order([("Conv2D", {"kernel_size": 1, "strides": 2}), "BatchNormalization", "Add"])
    mine.computes(made()).gets_gradients().differs_in_training().moves_statistics()
    assert [r.text for r in question.results if r.credit < 1] == []
    assert question.score() == 3


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ({"strides": (1, 2)}, "(Conv2D) should be (2, 2), but is (1, 1)"),
        ({"bias": True}, "(Conv2D) should have no bias"),
        ({"relu": False}, "(Conv2D): relu is missing"),
        ({"last_relu": False}, "before the output: relu is missing"),
        ({"shortcut": False}, "expected Conv2D with kernel 1x1x4x6 and BatchNormalization with"),
        ({"kernel": 5}, "expected Conv2D with kernel 3x3x4x6, but has 'conv2d"),
        ({"bn": False}, "expected BatchNormalization with gamma 6"),
        ({"bn_last": True}, "(BatchNormalization): add is not expected"),
        ({"pool": layers.AveragePooling2D(2, 1, "same")}, "averagepooling2d is not expected"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_block_with_one_mistake_does_not_compute_the_same(mistake, says):
    fails(says, made(**mistake), "computes", made())


def test_the_order_of_layers():
    fails(
        "the longest has Conv2D → BatchNormalization → ReLU → Conv2D → Add → BatchNormalization",
        made(bn_last=True), "has_order", ORDER,
    )  # fmt: skip
    fails("→ Conv2D → BatchNormalization → Add.", made(last_relu=False), "has_order", ORDER)
    fails("has none of these", made(shortcut=False), "has_order", ["Dense"])
    fails("Conv2D(strides=1) → ", made(), "has_order", [("Conv2D", {"strides": 1}), *ORDER[1:]])
    mistakes = {"no": ("Add", "BatchNormalization"), "BN late": (*ORDER[:4], "Add", *ORDER[1:3])}
    fails("Hint: BN late", made(bn_last=True), "has_order", ORDER, mistakes=mistakes)
    fails("Hint", made(), "has_order", ["Add", "Conv2D"], anywhere=True, hint="Hint")
    # A stretch of the path, and a kind that is passed over.
    passes(made(), "has_order", ORDER[3:6], anywhere=True)
    passes(made(), "has_order", ["ReLU", "Add"], anywhere=True)
    fails("expected somewhere Add → Conv2D", made(), "has_order", ["Add", "Conv2D"], anywhere=True)
    fails("expected Conv2D → Add on", made(shortcut=False), "has_order", ["Conv2D", "Add"])


def test_layers_with_an_activation_are_counted():
    inputs = keras.Input((5,))
    hidden = layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(3, activation=keras.activations.softmax)(hidden))
    for activation in ("relu", "softmax"):
        passes(model, "has_layers", "Dense", 1, {"activation": activation})
    fails("expected 1, has 0", model, "has_layers", "Dense", 1, {"activation": "tanh"})


def test_an_epsilon_is_part_of_what_is_computed():
    def normalized(epsilon):
        inputs = keras.Input((4, 4, 2))
        return keras.Model(inputs, layers.BatchNormalization(epsilon=epsilon)(inputs))

    passes(normalized(1e-3), "computes", normalized(1e-3))
    fails("should be 0.001, but is 0.5", normalized(0.5), "computes", normalized(1e-3))


def test_of_many_layers_some_are_named():
    assert explanations._some(["a"]) == "a"
    assert explanations._some(["a", "b"]) == "a and b"
    assert explanations._some(["a", "b", "c"]) == "a and b and 1 more"


def test_drawn_scales_differ_and_keep_activations_alive():
    values = draw("gamma", (1000,), np.random.default_rng(0))
    assert 0.5 <= values.min() < 0.6 and 1.4 < values.max() <= 1.5


def test_shapes_and_counts():
    fails("expected (4, 4, 6), has (8, 8, 6)", plain(strides=1), "has_output_shape", (4, 4, 6))
    fails("expected (9, 8, 4), has (8, 8, 4)", made(), "has_input_shape", (9, 8, 4))
    fails("Hint: same", plain(), "has_output_shape", (6, 6), mistakes={"same": (4, 4, 6)})
    count = made().count_params()
    fails(f"expected {count}, has 600", made(trainable=True), "has_trainable_params", count)
    fails("expected 600, has 384", made(trainable=False), "has_trainable_params", 600)
    fails("Hint: frozen", made(trainable=False), "has_trainable_params", 600,
          mistakes={"frozen": 384})  # fmt: skip
    fails("has 1,536", plain(strides=1), "has_macs", 384)
    fails("expected 2, has 3", made(), "has_layers", "Conv2D", 2, hint="count")
    assert "Conv2D(strides=2) layers" in checked(made(), "has_layers", "Conv2D", 2,
                                                 {"strides": 2}).check  # fmt: skip
    two = keras.Model([a := keras.Input((2,)), b := keras.Input((3,))], [a * 2, b + 1])
    passes(two, "has_output_shape", [(2,), (3,)])


# Plain networks in other styles


def plain(*, strides=2):
    tensor = keras.Input(SHAPE)
    return keras.Model(tensor, layers.Conv2D(FILTERS, 1, strides, use_bias=False)(tensor))


def classifier(style: str) -> keras.Model:
    """conv, pool, dense."""
    if style == "sequential":
        return keras.Sequential(
            [
                keras.Input(SHAPE),
                layers.Conv2D(5, 3, activation="relu", padding="same"),
                layers.MaxPooling2D(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax"),
            ]
        )
    x = inputs = keras.Input(SHAPE)
    x = layers.ReLU()(layers.Conv2D(5, (3, 3), padding="same")(x))
    x = layers.MaxPooling2D(3 if style == "pool" else 2, strides=2)(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    if style == "convolution":
        return keras.Model(inputs, layers.Flatten()(layers.Conv2D(3, 1, activation="softmax")(x)))
    x = layers.Dense(3, use_bias=style != "bias")(layers.Dropout(0.5)(layers.Flatten()(x)))
    return keras.Model(inputs, x if style == "logits" else layers.Softmax()(x))


@pytest.mark.parametrize("style", ["functional", "convolution"])
def test_sequential_functional_and_dense_as_convolution_are_the_same(style):
    passes(classifier(style), "computes", classifier("sequential"))
    passes(classifier("sequential"), "computes", classifier(style))


def test_other_classifiers_are_not():
    fails("pool_size of", classifier("pool"), "computes", classifier("sequential"))
    fails("softmax is missing", classifier("logits"), "computes", classifier("sequential"))
    fails("should have a bias", classifier("bias"), "computes", classifier("sequential"))
    passes(classifier("bias"), "computes", classifier("sequential"), any_bias=True)
    passes(classifier("sequential"), "computes", classifier("bias"), any_bias=True)


def test_padding():
    def net(padding, before=None):
        x = tensor = keras.Input(SHAPE)
        x = layers.ZeroPadding2D(before)(x) if before else x
        return keras.Model(tensor, layers.Conv2D(3, 3, 2, padding)(x))

    passes(net("valid", ((0, 1), (0, 1))), "computes", net("same"))
    fails("padding of 'conv2d", net("valid"), "computes", net("same"))
    fails("should be ((0, 1), (0, 1)), but is ((1, 1), (1, 1))",
          net("valid", 1), "computes", net("valid", ((0, 1), (0, 1))))  # fmt: skip


def test_layers_in_another_order():
    def net(*stack):
        return keras.Sequential([keras.Input(SHAPE), *stack, layers.Conv2D(3, 3)])

    one, other = (net(layers.AveragePooling2D(2), layers.ReLU()),
                  net(layers.ReLU(), layers.AveragePooling2D(2)))  # fmt: skip
    fails("but not their order", one, "computes", other)


@pytest.mark.parametrize("style", ["argument", "layer", "function"])
def test_a_softmax_of_large_scores_hides_nothing(style):
    """Deep networks with random weights are sure of everything, right or wrong."""

    def net(pool, activation=None):
        x = keras.Input(SHAPE)
        y = layers.Rescaling(1e4)(layers.GlobalAveragePooling2D()(pool(2)(x)))
        y = layers.Dense(3, activation=activation)(layers.Dense(5, activation="relu")(y))
        if not activation:
            y = layers.Softmax()(y) if style == "layer" else keras.activations.softmax(y)
        return keras.Model(x, y)

    activation = "softmax" if style == "argument" else None
    right = net(layers.MaxPooling2D, "softmax")
    passes(net(layers.MaxPooling2D, activation), "computes", right)
    almost = keras.Sequential([keras.Input(SHAPE), *right.layers[1:]])
    passes(almost, "computes", right)
    wrong = net(lambda size: layers.MaxPooling2D(size, padding="same", strides=1), activation)
    fails("expected other outputs", wrong, "computes", right)


@pytest.mark.parametrize("draw", range(20))
def test_silent_units_hide_nothing(draw):
    """Whatever weights are drawn: every other draw silences the one hidden unit."""

    def net(pool):
        x = keras.Input(SHAPE)
        y = layers.Rescaling(1, offset=5)(layers.GlobalAveragePooling2D()(pool(2)(x)))
        return keras.Model(x, layers.Dense(3)(layers.Dense(1, activation="relu")(y)))

    fails("expected other outputs", net(layers.AveragePooling2D), "computes",
          net(layers.MaxPooling2D))  # fmt: skip


def branches(order, swap=False):
    """Parallel convolutions of the same weights, made in some order, told apart by their place."""
    x = keras.Input(SHAPE)
    paths = {}
    for name in order:
        y = layers.MaxPooling2D(3, 1, "same")(x) if name == "pool" else x
        y = layers.Conv2D(4, 1, activation="relu")(y)
        paths[name] = layers.Conv2D(4, 3, padding="same")(y) if name == "deep" else y
    names = ["deep", "pool", "direct"] if swap else ["direct", "deep", "pool"]
    return keras.Model(x, layers.Concatenate()([paths[name] for name in names]))


def test_layers_are_matched_by_their_place_and_not_by_when_they_were_made():
    reference = branches(["direct", "deep", "pool"])
    passes(branches(["pool", "direct", "deep"]), "computes", reference)
    fails(
        "expected other outputs", branches(["direct", "deep", "pool"], True), "computes", reference
    )


def test_twins_that_only_their_function_tells_apart():
    def net(pool_first):
        x = keras.Input(SHAPE)
        sides = [layers.AveragePooling2D(3, 1, "same")(x), x]
        sides = sides if pool_first else sides[::-1]
        return keras.Model(x, layers.Add()([layers.Conv2D(3, 3)(side) for side in sides]))

    passes(net(True), "computes", net(False))


def test_depthwise_and_grouped_convolutions_are_the_same():
    def net(layer):
        return keras.Sequential([keras.Input(SHAPE), layer])

    grouped = net(layers.Conv2D(4, 3, groups=4))
    passes(net(layers.DepthwiseConv2D(3)), "computes", grouped)
    fails("expected Conv2D with kernel 3x3x1x4", net(layers.Conv2D(4, 3)), "computes", grouped)


def test_known_mistakes_may_be_models():
    mistakes = {"no first": made(relu=False), "no last": lambda: made(last_relu=False)}
    fails("Hint: no last", made(last_relu=False), "computes", made(), mistakes=mistakes)
    fails("Hint: look", made(kernel=5), "computes", made(), mistakes=mistakes, hint="look")


def test_comparing_leaves_the_weights_as_they_were():
    mine, reference = made(), made()
    before = [w.copy() for w in mine.get_weights() + reference.get_weights()]
    passes(mine, "computes", reference)
    passes(mine, "gets_gradients")
    passes(mine, "moves_statistics")
    for old, new in zip(before, mine.get_weights() + reference.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# Training


def net(*stack, tensor=None):
    x = tensor = keras.Input(SHAPE) if tensor is None else tensor
    for layer in stack:
        x = layer(x)
    return keras.Model(tensor, x)


def always_dropping():
    x = keras.Input(SHAPE)
    return keras.Model(x, layers.Dropout(0.5)(layers.Conv2D(3, 3)(x), training=True))


def test_gradients():
    fails("none reaches kernel of 'cut' (Conv2D)",
          net(layers.Conv2D(3, 1, name="cut", use_bias=False), keras.ops.stop_gradient,
              layers.Conv2D(3, 1)), "gets_gradients")  # fmt: skip
    fails("none is trainable", net(layers.Conv2D(3, 1, trainable=False)), "gets_gradients")
    passes(net(layers.Conv2D(3, 1), layers.BatchNormalization(gamma_initializer="zeros"),
               layers.GlobalMaxPooling2D(), layers.Dense(2, activation="softmax")),
           "gets_gradients")  # fmt: skip


def test_training_and_inference():
    passes(net(layers.Dropout(0.5)), "differs_in_training")
    passes(net(layers.BatchNormalization()), "differs_in_training")
    passes(net(layers.Conv2D(3, 1)), "differs_in_training", False)
    passes(net(layers.BatchNormalization(trainable=False)), "differs_in_training", False)
    fails("but they agree", net(layers.Conv2D(3, 1)), "differs_in_training")
    fails("but they differ", net(layers.Dropout(0.1)), "differs_in_training", False)
    fails("same output each time at inference", always_dropping(), "differs_in_training")


def test_moving_statistics():
    frozen = net(layers.BatchNormalization(), layers.BatchNormalization(trainable=False, name="b2"))
    fails("moving_mean of 'b2' (BatchNormalization) stays", frozen, "moves_statistics")
    passes(net(layers.BatchNormalization(trainable=False)), "moves_statistics", False)
    fails("moves", net(layers.BatchNormalization()), "moves_statistics", False)
    fails("but has none", net(layers.LayerNormalization()), "moves_statistics")


def stochastic_depth(rate, scale=1.0):
    """The branch of a shortcut, dropped for a whole example."""
    x = keras.Input(SHAPE)
    branch = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(2 * x)
    return keras.Model(x, x + scale * branch)


def test_how_much_survives():
    passes(net(layers.Dropout(0.3)), "survives", 0.7)
    passes(net(layers.SpatialDropout2D(0.3)), "survives", 0.7, unit="channel")
    passes(stochastic_depth(0.2), "survives", 0.8, unit="example", dropped=lambda x: x)
    fails(
        "expected 0.3 of the values to survive, but 0.", net(layers.Dropout(0.3)), "survives", 0.3
    )
    fails("Hint: kept and dropped", net(layers.Dropout(0.3)), "survives", 0.3,
          mistakes={"kept and dropped": 0.7})  # fmt: skip
    fails("every channel to be dropped as a whole", net(layers.Dropout(0.3)), "survives", 0.7,
          unit="channel")  # fmt: skip
    fails("expected 0.8 of the examples", net(layers.Identity()), "survives", 0.8, unit="example")


def test_what_survives_is_scaled_up():
    passes(stochastic_depth(0.5), "keeps_mean")
    passes(net(layers.Dropout(0.5)), "keeps_mean")
    # What a threshold cuts off is less, if the values are fewer and larger.
    bent = net(layers.Dropout(0.5), layers.ReLU(threshold=1))
    fails("the size that they have at inference, but they have", bent, "keeps_mean")


# What is no model, and the rest


def test_what_is_no_model():
    class Subclass(keras.Model):
        def call(self, x):
            return x

    class Mine(layers.Layer):
        def call(self, x):
            return x + 1

    def stub():
        raise NotImplementedError

    fails("there is no model: it is not written yet", stub, "has_params", 3, hint="begin")
    fails("a Keras model is expected, but this is nothing (None)", lambda: None, "computes", made())
    fails("the layers of a Subclass cannot be seen", Subclass, "has_params", 3)
    fails("Mine (of", net(Mine()), "has_params", 0)
    unbuilt = keras.Sequential([layers.Dense(2)])
    fails("cannot be seen", unbuilt, "has_params", 6)


def test_a_model_that_cannot_run_fails_only_its_check():
    result = checked(
        keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)]), "has_macs", 5
    )
    assert "it cannot be checked: it raised UsageError: profile needs fixed sizes" in result.text


def test_a_block_is_a_function_on_tensors():
    question = Question("q", points=4)
    mine = question.block("your block", block, SHAPE, FILTERS, strides=(2, 1), share=2)
    mine.has_output_shape((4, 4, FILTERS)).computes(made(), share=1)
    question.block("other", lambda x: 3, SHAPE).has_params(3)
    assert [(r.share, r.credit) for r in question.results] == [(2, 1), (1, 1), (1, 0)]
    assert "should give the tensor after its last layer, but gave 3" in question.results[2].text
    assert question.score() == 3


def test_misspelt_arguments_are_loud():
    with pytest.raises(TypeError, match="Unknown argument hnit"):
        Question("q", 1).model("m", made()).has_params(3, hnit="look")
    with pytest.raises(TypeError, match="mistakes"):
        Question("q", 1).model("m", made()).has_params(3, mistakes={12: "look"})


# How messages name a model


def two_sided():
    a, b = keras.Input((4, 4, 1)), keras.Input((3,))
    return keras.Model([a, b], [layers.Flatten()(a), layers.Dense(2)(b)])


class OfItsOwn(keras.Model):
    """A class of which nothing is known before it is called."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)]),
         "a model from (28, 28, 1) to (10,)"),
        (two_sided, "a model from (4, 4, 1) and (3,) to (16,) and (2,)"),
        (lambda: keras.Model(i := keras.Input((None, None, 3)), layers.Conv2D(2, 3)(i)),
         "a model from (None, None, 3) to (None, None, 2)"),
        (lambda: keras.Sequential([layers.Dense(1)]), "a Sequential model"),
        (OfItsOwn, "an OfItsOwn model"),
        (lambda: layers.Add(), "an Add layer"),
        (lambda: [layers.ReLU(), 3], "[a ReLU layer, 3]"),
        (lambda: [1, "two"], "[1, 'two']"),
    ],
)  # fmt: skip
def test_a_model_is_named_by_its_shapes(value, said):
    assert short(value()) == said


def test_a_call_names_the_model_it_was_given():
    question, given = Question("q", points=1), made()
    question.example("a model", lambda model, margin: 0, given, margin=1).gives(2)
    (result,) = question.results
    assert "(a model from (8, 8, 4) to (4, 4, 6), margin=1) should give 2" in result.text
    assert given.name not in result.text
