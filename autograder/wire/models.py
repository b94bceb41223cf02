"""Keras models as plain data, and rebuilding them from a list of what is allowed.

A model crosses as its configuration and its weights. Nothing in a configuration is trusted: every
object in it must be one of Keras' stock layers (or a registered one of ours) and their
initializers, regularizers and so on; numbers, depth and the memory of the weights are capped before
anything is built; custom code, files and the network have no place in it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from functools import cache
from math import prod

from course import keras_compat

MAX_CONFIG = 32 << 20  # characters
MAX_DEPTH = 200
MAX_NUMBER = 5_000_000
MAX_WEIGHT_BYTES = 1 << 30

# These run code or read files that their configuration names.
_DENIED = {
    "Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TextVectorization",
    "StringLookup", "IntegerLookup", "HashedCrossing", "Hashing", "FeatureSpace", "Pipeline",
    "Layer", "Wrapper", "SpectralNormalization", "RNN",
}  # fmt: skip
_OPERATIONS = ("numpy", "nn", "math", "image", "linalg")
_CORE_OPERATIONS = {"Cast", "StopGradient", "Slice", "SliceUpdate", "Unstack", "Shape"}
_VALUES = {
    "__keras_tensor__", "__tuple__", "__slice__", "__ellipsis__", "__numpy__", "__tensor__",
}  # fmt: skip


class RebuildError(Exception):
    """A model that is not rebuilt, and why, for the student."""


def pack(model) -> tuple[str, list]:
    """A Functional or Sequential model's configuration as JSON, and its weights as arrays.

    Beside the configuration go, for each weight, its serial number and whether it is trained.
    """
    import keras

    model = plain(model)
    config = keras.saving.serialize_keras_object(model)
    about = [[serial(weight), bool(weight.trainable)] for weight in model.weights]
    return json.dumps({"model": config, "weights": about}), model.get_weights()


def serial(weight) -> int:
    """A number that a weight keeps as long as it lives, also where its model is rebuilt."""
    if getattr(weight, "serial_number", None) is None:
        weight.serial_number = secrets.randbits(60)
    return weight.serial_number


def plain(model):
    """A model of Keras' own class; of a class around a graph of layers the graph is what counts.

    A class that makes its layers by hand has none. One that calls a single model of layers in its
    `call` is followed there.
    """
    import keras

    if type(model).__module__.split(".")[0] == "keras":
        return model
    if keras_compat.has_graph(model):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    (inner,) = _inner_graphs(model)
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in inner.inputs]
    return keras.Model(inputs, model.call(inputs if len(inputs) > 1 else inputs[0]))


def encode(value, encoder) -> list | None:
    """The code of a model whose layers are known, or of a tensor; None of anything else."""
    import keras

    if is_graph(value):
        config, weights = pack(value)
        return ["m", encoder.blob(config.encode()), [encoder.array(w) for w in weights]]
    # By its class: a mock, which has every attribute, would pass for a tensor.
    tensor = hasattr(type(value), "dtype") and keras.ops.is_tensor(value)
    if tensor or isinstance(value, keras.Variable):
        return ["T", encoder.array(keras.ops.convert_to_numpy(value))]
    return None


def decode(tag: str, rest: list, decoder):
    """The model or tensor of a code.

    Raises:
        RebuildError: a model that is not rebuilt.
        CodecError: no such code.
    """
    import keras

    if tag == "T":
        return keras.ops.convert_to_tensor(decoder.array(rest[0]))
    arrays = [decoder.array(code) for code in rest[1]]
    return unpack(decoder.blob(rest[0]).decode(errors="replace"), arrays)


def is_graph(value) -> bool:
    """True for a built Keras model whose layers and tensors are all known."""
    import keras

    if not isinstance(value, keras.Model):
        return False
    return keras_compat.has_graph(value) or len(_inner_graphs(value)) == 1


def _inner_graphs(model) -> list:
    """The models of layers that a class of a student's own keeps."""
    import keras

    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [layer for layer in inner if keras_compat.has_graph(layer)]


@cache
def _allowed() -> frozenset[tuple[str, str]]:
    """(module, class) of every object that a configuration may name."""
    import importlib

    import keras

    found = {
        ("keras", "DTypePolicy"), ("keras", "FloatDTypePolicy"), ("keras", "Sequential"),
        ("keras", "Functional"), ("keras", "Model"), ("keras.models", "Sequential"),
        ("keras.models", "Model"), ("keras.src.models.functional", "Functional"),
        ("keras.src.models.sequential", "Sequential"), ("keras.random", "SeedGenerator"),
        ("keras.src.random.seed_generator", "SeedGenerator"),
    }  # fmt: skip
    for name, base in (
        ("layers", keras.Layer),
        ("initializers", keras.initializers.Initializer),
        ("regularizers", keras.regularizers.Regularizer),
        ("constraints", keras.constraints.Constraint),
        ("optimizers", keras.optimizers.Optimizer),
        ("optimizers.schedules", keras.optimizers.schedules.LearningRateSchedule),
        ("losses", keras.losses.Loss),
        ("metrics", keras.metrics.Metric),
    ):
        module = importlib.import_module(f"keras.{name}")
        found |= {
            (f"keras.{name}", key)
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, base) and key not in _DENIED
        }
    for name in (*(f"ops.{name}" for name in _OPERATIONS), "activations.activations"):
        module = importlib.import_module(f"keras.src.{name}")
        found |= {
            (module.__name__, key)
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, keras.Operation)
        }
    found |= {("keras.src.ops.core", key) for key in _CORE_OPERATIONS}
    return frozenset(found)


@cache
def _ours() -> frozenset[str]:
    """Registered names of our own layers and functions."""
    import importlib
    import pkgutil

    import keras

    import course.blocks

    for module in pkgutil.iter_modules(course.blocks.__path__):
        importlib.import_module(f"{course.blocks.__name__}.{module.name}")
    return frozenset(n for n in keras.saving.get_custom_objects() if n.startswith("course>"))


def check(config, depth: int = 0) -> None:
    """Refuse a configuration that names anything but what is allowed.

    Raises:
        RebuildError: the first thing that is not.
    """
    if depth > MAX_DEPTH:
        raise RebuildError("the model's configuration is nested too deeply")
    if isinstance(config, dict):
        if "class_name" in config:
            _check_object(config)
        for key, value in config.items():
            if key == "seed" and isinstance(value, int):
                continue
            check(value, depth + 1)
    elif isinstance(config, list):
        for value in config:
            check(value, depth + 1)
    elif isinstance(config, int | float) and not -MAX_NUMBER <= config <= MAX_NUMBER:
        raise RebuildError(f"a number in the model's configuration is too large: {config:.6g}")


def _check_object(config: dict) -> None:
    module, name = config.get("module"), config["class_name"]
    registered = config.get("registered_name")
    if not isinstance(name, str):
        raise RebuildError("a model's configuration names an object by something else than text")
    if module is None and name in _VALUES:
        return
    if isinstance(registered, str) and registered.startswith("course>"):
        if registered in _ours():
            return
    elif name == "function":
        import keras

        function = config.get("config")
        if isinstance(function, str) and (
            function in _ours() or hasattr(keras.activations, function)
        ):
            return
    elif (module, name) in _allowed() and registered in (None, name):
        return
    raise RebuildError(
        f"{name} (of {module}) is not accepted in a graded model: make it of Keras' own layers and "
        "operations, with keras.Model(inputs, outputs) or keras.Sequential"
    )


def unpack(text: str, weights: list):
    """Build a model from its configuration and its weights.

    Args:
        text: the configuration as JSON.
        weights: arrays, in the order of the model's weights.

    Raises:
        RebuildError: something in it is not allowed, too large, or does not fit together.
    """
    import keras

    if len(text) > MAX_CONFIG:
        raise RebuildError("the model's configuration is too long")
    try:
        whole = json.loads(text)
        config, about = whole["model"], whole["weights"]
    except (ValueError, RecursionError, TypeError, LookupError):
        raise RebuildError("the model's configuration cannot be read") from None
    check(config)
    if sum(array.nbytes for array in weights) > MAX_WEIGHT_BYTES:
        raise RebuildError("the model's weights are too large")
    try:
        with _budget(sum(array.size for array in weights)):
            model = keras.saving.deserialize_keras_object(config, custom_objects={})
        if not isinstance(model, keras.Model):
            raise RebuildError("not a model")
        model.set_weights(weights)
        _tell(model.weights, about)
    except RebuildError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise RebuildError(
            f"the model cannot be rebuilt: {reason[0][:200] if reason else ''}"
        ) from None
    return model


def _tell(weights: list, about: list) -> None:
    """Note what came along with each weight: its number, and that it is not trained."""
    for weight, (number, trainable) in zip(weights, about, strict=True):
        weight.serial_number = int(number)
        if weight.trainable and not trainable:
            weight.trainable = False


@contextlib.contextmanager
def _budget(values: int):
    """While building, allow no more weights than came along, and initialize none.

    A configuration may declare a layer of any size; its weights would be allocated and drawn at
    random before anyone could compare them with those that came.
    """
    left = values

    def zeros(shape: tuple[int, ...], initializer: object) -> str:
        nonlocal left
        left -= prod(shape)
        if left < 0:
            raise RebuildError("the model's configuration has more weights than came along")
        return "zeros"

    with keras_compat.adding_weights(zeros):
        yield


def inline(model, tensors: list):
    """Run a model's layers on other symbolic tensors, so that they become part of their graph.

    Calling the model would show it as one layer.
    """
    return keras_compat.run_graph(model, tensors)
