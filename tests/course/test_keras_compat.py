"""Keras' private names: each is there, and does what the course needs it for.

After an upgrade of Keras, what fails here is what course/keras_compat.py has to be mended for.
"""

import inspect
import re

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import keras_compat
from tests.parts import ROOT

keras = pytest.importorskip("keras")
layers = keras.layers


def net(*inner):
    x = keras.Input((4,))
    y = x
    for layer in inner or (layers.Dense(3, name="one"), layers.Dense(2, name="two")):
        y = layer(y)
    return keras.Model(x, y)


def test_has_graph():
    class Own(keras.Model):
        pass

    unbuilt = keras.Sequential([layers.Dense(3)])
    built = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    assert [keras_compat.has_graph(value) for value in (net(), built)] == [True, True]
    assert not any(map(keras_compat.has_graph, (unbuilt, Own(), layers.Dense(3), None)))


def test_functional():
    """Sequential's graph, and any other model itself."""
    model, sequential = net(), keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    assert keras_compat.functional(model) is model
    assert keras_compat.functional(sequential).outputs[0].shape == (None, 3)


def test_nodes():
    first, *others = keras_compat.nodes(net())
    assert first.is_input
    assert [node.operation.name for node in others] == ["one", "two"]
    assert [node.outputs[0].shape for node in others] == [(None, 3), (None, 2)]
    assert others[1].arguments.keras_tensors[0] is others[0].outputs[0]
    assert not others[0].is_input


def test_call_arguments():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dropout(0.5)(x, training=True))
    _, node = keras_compat.nodes(model)
    args, kwargs = keras_compat.call_arguments(node, {id(x): "mine"})
    assert args == ("mine",)
    assert kwargs["training"] is node.arguments.kwargs["training"] is True


@pytest.mark.parametrize("sequential", [False, True])
def test_run_graph(sequential):
    """The layers, not the model, are in the new tensor's graph."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="two")])
    model = model if sequential else net(layers.Dense(2, name="two"))
    x = keras.Input((4,))
    outer = keras.Model(x, keras_compat.run_graph(model, [x]))
    assert [layer.name for layer in outer.layers[1:]] == ["two"]


def test_maker():
    layer = layers.Dense(3)
    assert keras_compat.maker(layer(keras.Input((4,)))) is layer


def test_all_layers():
    inner = net(layers.Dense(4, name="inner"))
    model = net(layers.Dense(4, name="before"), inner)
    found = keras_compat.all_layers(model)
    assert found[0] is model
    assert {"before", "inner"} <= {layer.name for layer in found}
    assert found.index(inner) < [layer.name for layer in found].index("inner")


def test_adding_weights():
    seen = []

    def prepare(shape, initializer):
        seen.append(shape)
        return "ones"

    with keras_compat.adding_weights(prepare):
        layer = layers.Dense(3)
        layer.build((None, 4))
    assert seen == [(4, 3), (3,)]
    assert np.all(np.array(layer.kernel) == 1)
    after = layers.Dense(3)
    after.build((None, 4))
    assert len(seen) == 2
    assert not np.all(np.array(after.kernel) == 1)


def test_adding_weights_ends_with_an_error():
    original = keras.Layer.add_weight
    with pytest.raises(ValueError, match="mine"), keras_compat.adding_weights(lambda *_: "zeros"):
        raise ValueError("mine")
    assert keras.Layer.add_weight is original


def test_seed_generator():
    layer = layers.RandomErasing(seed=1)
    generator = keras_compat.seed_generator(layer)
    assert isinstance(generator, keras.random.SeedGenerator)


def test_build_metrics():
    model = net()
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    before = len(model.metrics_variables)
    keras_compat.build_metrics(
        model, keras.KerasTensor((5, 4), "float32"), keras.KerasTensor((5, 2), "float32")
    )
    assert len(model.metrics_variables) > before


def test_sync_variables():
    """On TensorFlow there is nothing to do; JAX has tests of its own in a process of its own."""
    keras_compat.sync_variables(net())


def test_weight_averages():
    model = net()
    model.compile(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), loss="mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), verbose=0)
    found = keras_compat.weight_averages(model.optimizer)
    assert [w.shape for w in found] == [w.shape for w in model.trainable_variables]


@pytest.mark.parametrize("alone", [False, True])
def test_leave_weights_alone(alone):
    """Without it, the averages take the weights' place."""
    model = net()
    before = model.get_weights()
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=1.0)
    optimizer.build(model.trainable_variables)
    if alone:
        keras_compat.leave_weights_alone(optimizer)
    for weight in model.trainable_variables:
        weight.assign_add(keras.ops.ones(weight.shape))
    optimizer.finalize_variable_values(model.trainable_variables)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.allclose(np.array(weight), old + 1) == alone


def test_with_clipping():
    seen = []

    def clip(gradients, keras_clip):
        seen.append(len(gradients))
        return keras_clip([2 * gradient for gradient in gradients])

    made = keras_compat.with_clipping(keras.optimizers.SGD, clip)
    assert made.__name__ == "SGD"
    optimizer = made(1.0, clipvalue=0.5)
    weight = keras.Variable([0.0, 0.0])
    optimizer.build([weight])
    optimizer.apply([keras.ops.convert_to_tensor([0.1, 9.0])])
    assert seen == [1]
    np.testing.assert_allclose(np.array(weight), [-0.2, -0.5], rtol=1e-6)


@pytest.mark.parametrize("clips", [False, True])
def test_with_rates(clips):
    """Each weight moves as with an optimizer of its own, decoupled weight decay included."""

    def moved(kind, rate, start):
        weights = [keras.Variable(values) for values in start]
        optimizer = kind(rate, weight_decay=0.5)
        optimizer.build(weights)
        for _ in range(3):
            optimizer.apply([keras.ops.convert_to_tensor([0.1, -2.0]) for _ in start])
        return [np.array(weight) for weight in weights]

    kind = keras.optimizers.AdamW
    if clips:
        kind = keras_compat.with_clipping(kind, lambda gradients, keras_clip: gradients)
    made = keras_compat.with_rates(kind, [1.0, 0.25])
    assert made.__name__ == "AdamW"
    one, two = [1.0, 2.0], [3.0, -4.0]
    found = moved(made, 0.1, [one, two])
    for part, rate, start in zip(found, (0.1, 0.025), (one, two), strict=True):
        (alone,) = moved(keras.optimizers.AdamW, rate, [start])
        assert (alone != start).all()
        np.testing.assert_allclose(part, alone, rtol=1e-6)


def test_a_missing_name_says_what_to_do():
    with pytest.raises(keras_compat.KerasChangedError, match=r"Keras 3.* no Dense\._keras_history"):
        keras_compat.maker(layers.Dense(3))


def test_is_too_small():
    for layer in (layers.Conv2D(2, 3), layers.MaxPooling2D(3)):
        with pytest.raises(ValueError) as found:
            layer(keras.Input((2, 2, 1)))
        assert keras_compat.is_too_small(found.value)
    assert not keras_compat.is_too_small(ValueError("another"))


def test_safe_mode():
    def evil():
        config = keras.saving.serialize_keras_object(lambda x: x)
        return keras.saving.deserialize_keras_object(config, safe_mode=False)

    assert evil()(3) == 3
    with keras_compat.safe_mode(), pytest.raises(ValueError, match="lambda"):
        evil()


def test_public_name():
    assert keras_compat.public_name(layers.Conv2D) == "keras.layers.Conv2D"
    assert keras_compat.public_name(keras.losses.mean_squared_error).startswith("keras.")
    assert keras_compat.public_name(type("Layer", (layers.Layer,), {})) is None


def test_no_other_module_uses_these_names():
    text = inspect.getsource(keras_compat)
    names = {name for name in re.findall(r"\b_[a-z]+(?:_[a-z]+)+\b", text)}
    assert {"_nodes_by_depth", "_flatten_layers", "_symbolic_build"} <= names
    used = re.compile(rf"\.({'|'.join(names)}|_functional)\b")
    for package in ("course", "autograder"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name != "keras_compat.py":
                assert not used.search(path.read_text()), path
