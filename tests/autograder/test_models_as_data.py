"""Models as data: what is rebuilt, and what a student's configuration cannot smuggle in."""

import json

import numpy as np
import pytest

from autograder.wire import models


@pytest.fixture(scope="module")
def keras():
    import course.quiet  # noqa: F401

    return pytest.importorskip("keras")


def test_a_model_is_rebuilt_as_the_same_function(keras):
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, kernel_regularizer="l2")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.ops.pad(keras.ops.relu(x[:, ::2]), [[0, 0], [1, 0], [0, 0], [0, 2]])
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    again = models.unpack(*models.pack(model))
    data = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    np.testing.assert_allclose(again(data), model(data), rtol=1e-6)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_our_own_layers_are_rebuilt(keras):
    from course import architectures

    model = architectures.build("lenet5")
    again = models.unpack(*models.pack(model))
    assert again.count_params() == 60_840


def poisoned(change):
    """The configuration of a small model, changed in one place."""
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
    text, weights = models.pack(model)
    whole = json.loads(text)
    config = whole["model"]
    change(config["config"]["layers"][1], config)
    return json.dumps(whole), weights


@pytest.mark.parametrize(
    "change",
    [
        lambda layer, config: layer.update(class_name="Lambda"),
        lambda layer, config: layer.update(module="os", class_name="system"),
        lambda layer, config: layer.update(module="keras.src.utils", class_name="get_file"),
        lambda layer, config: layer.update(registered_name="course>Unheard"),
        lambda layer, config: layer.update(registered_name="Evil>Layer"),
        lambda layer, config: layer["config"].update(units=10**9),
        lambda layer, config: layer["config"].update(units=4_000_000),
        lambda layer, config: layer["config"].update(
            activation={"module": "builtins", "class_name": "function", "config": "exec"}
        ),
        lambda layer, config: layer["config"].update(
            kernel_initializer={"class_name": "__lambda__", "config": {"value": "x"}}
        ),
        lambda layer, config: layer.update(class_name=["Dense"]),
        lambda layer, config: config.update(class_name="TFSMLayer", module="keras.layers"),
        lambda layer, config: config.clear(),
        lambda layer, config: config["config"].update(layers=3),
    ],
)
def test_other_things_are_not_rebuilt(keras, change):
    with pytest.raises(models.RebuildError):
        models.unpack(*poisoned(change))


def test_weights_must_fit(keras):
    text, weights = poisoned(lambda layer, config: None)
    with pytest.raises(models.RebuildError):
        models.unpack(text, weights[:1])
    with pytest.raises(models.RebuildError):
        models.unpack(text, [weights[0].T, weights[1]])
    with pytest.raises(models.RebuildError, match="cannot be read"):
        models.unpack("{" * 100_000, weights)


def test_inlined_layers_belong_to_the_new_graph(keras):
    inputs = keras.Input((4,))
    inner = keras.Model(inputs, keras.layers.Dense(3, name="mine")(inputs))
    new = keras.Input((4,))
    model = keras.Model(new, models.inline(inner, [new]))
    assert [layer.name for layer in model.layers[1:]] == ["mine"]


# Attacks: each changes the configuration of a small model, and must be refused.

POLICY = {
    "module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
    "registered_name": None,
}  # fmt: skip


def function(name, **changes):
    named = {"module": "builtins", "class_name": "function", "config": name}
    return named | {"registered_name": "function"} | changes


def lambda_layer(**changes):
    code = {"class_name": "__lambda__", "config": {"value": "x"}}
    return {
        "module": "keras.layers", "class_name": "Lambda", "config": {"function": code},
        "registered_name": None,
    } | changes  # fmt: skip


def inside(**config):
    return lambda layer: layer["config"].update(config)


ATTACKS = {
    # Keras goes by the registered name alone, and by the function's name in `config`.
    "a function under a layer's registered name": inside(
        activation=function("save_img", module="keras.utils", registered_name="course>LayerScale")
    ),
    "a lambda under a layer's registered name": inside(
        activation={
            "class_name": "__lambda__",
            "config": {"value": "x"},
            "registered_name": "course>LayerScale",
        }
    ),
    "a type under a layer's registered name": inside(
        activation={
            "class_name": "__typespec__",
            "spec_name": "Lambda",
            "module": "keras.layers",
            "config": [],
            "registered_name": "course>LayerScale",
        }
    ),
    "a Lambda under a layer's registered name": inside(
        activation=lambda_layer(registered_name="course>LayerScale")
    ),
    "a layer of ours with a Lambda in its configuration": lambda layer: layer.update(
        module="course.blocks.separable",
        class_name="LayerScale",
        registered_name="course>LayerScale",
        config={"name": "x", "initial": lambda_layer()},
    ),
    "one of our names for a class of Keras": lambda layer: layer.update(
        registered_name="course>LayerScale"
    ),
    "one of our classes for a class of Keras": lambda layer: layer.update(
        module="course.blocks.separable", class_name="LayerScale", registered_name=None
    ),
    "a name that is registered elsewhere": inside(activation="Evil>Function"),
    "a function that reads": inside(activation=function("get_file", module="keras.utils")),
    "Keras' own deserialization as a function": inside(activation=function("deserialize")),
    "a lookup by name as a function": inside(activation=function("get")),
    "a function of ours in another module": inside(
        activation=function("course>scaled_tanh", module="keras.utils")
    ),
    "a Lambda in a list": inside(activation=[[1, {"deep": lambda_layer()}]]),
    "a Lambda in a wrapper": lambda layer: layer.update(
        class_name="TimeDistributed", config={"name": "t", "layer": lambda_layer()}
    ),
    "a Lambda in the arguments of a call": lambda layer: layer.update(
        inbound_nodes=[{"args": [lambda_layer()], "kwargs": {}}]
    ),
    "a Lambda among what a layer was built with": lambda layer: layer.update(
        build_config={"input_shape": [None, 4], "layer": lambda_layer()}
    ),
    "a Lambda as the loss": lambda layer: layer.update(compile_config={"loss": lambda_layer()}),
    "a layer without a module, as old files have it": lambda layer: layer.pop("module"),
    "a layer without a registered name": lambda layer: layer.pop("registered_name"),
    "a registered name where there is none": lambda layer: layer.update(registered_name="Dense"),
    "an entry that no layer has": lambda layer: layer.update(spec_name="Dense"),
    "an object without a class": inside(activation={"module": "keras.layers", "config": {}}),
    "a class of Keras under its private module": lambda layer: layer.update(
        module="keras.src.layers.core.dense"
    ),
    "a configuration that is no dict": lambda layer: layer.update(config="relu"),
    "a value with a module": inside(activation={
        "class_name": "__slice__", "module": "keras.layers",
        "config": {"start": 0, "stop": 1, "step": 1},
    }),
    "an array of a huge type": inside(activation={
        "class_name": "__numpy__", "config": {"value": ["x"], "dtype": "S2000000000"},
    }),
    "a policy that is a layer": inside(dtype=POLICY | {"class_name": "Dense"}),
}  # fmt: skip


@pytest.mark.parametrize("change", ATTACKS.values(), ids=ATTACKS.keys())
def test_attacks_on_the_configuration_are_refused(keras, change, monkeypatch):
    # What an instructor's test has registered is not for students' models.
    registered = keras.saving.get_custom_objects()
    monkeypatch.setitem(registered, "Evil>Function", print)

    def build(*args, **kwargs):
        raise AssertionError("nothing is built from it")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", build)
    with pytest.raises(models.RebuildError):
        models.unpack(*poisoned(lambda layer, config: change(layer)))


def test_lambdas_are_refused_even_if_keras_is_told_to_load_them(keras, monkeypatch):
    monkeypatch.setattr(models, "check_config", lambda config: None)
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(models.RebuildError, match="lambda"):
            models.unpack(*poisoned(lambda layer, config: layer.update(lambda_layer())))
    finally:
        import importlib

        state = importlib.import_module("keras.src.backend.common.global_state")
        state.set_global_attribute("safe_mode_saving", None)


def test_a_model_with_everything_that_is_allowed_is_rebuilt(keras):
    from course.blocks.classic import scaled_tanh
    from course.blocks.layer_scale import LayerScale

    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation=scaled_tanh, kernel_constraint="max_norm")(x)
    x = LayerScale()(keras.layers.Activation(keras.ops.relu)(x)[:, ::2, ..., :] + 1.0)
    x = keras.layers.Dropout(0.5, seed=2**40)(keras.ops.concatenate([x, x], -1))
    x = keras.layers.TimeDistributed(keras.layers.Dense(2))(x)
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="mixed_float16")(x))
    model.compile(
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10)),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.mean_squared_error],
    )
    again = models.unpack(*models.pack(model))
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    assert again.optimizer.learning_rate is not None
