"""Keras models as plain data, and rebuilding them from what is allowed.

A model is sent as its configuration and its weights. The configuration is checked by
:mod:`autograder.wire.model_config`, and the memory of the weights is capped, before anything is
built.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from autograder.wire.interfaces import ValueDecoder, ValueEncoder
from autograder.wire.model_config import RebuildError, check_config
from autograder.wire.tags import Code, Tag
from course import keras_compat
from course.keras_types import KerasTensor, Model, Variable

MAX_CONFIG = 32 << 20  # characters
MAX_WEIGHT_BYTES = 1 << 30

__all__ = [
    "RebuildError", "check_config", "decode", "encode", "inline", "is_graph", "pack", "plain",
    "serial", "unpack",
]  # fmt: skip


def encode(value: object, encoder: ValueEncoder) -> Code | None:
    """Return the code of a model whose layers are known, or of a tensor; else None."""
    import keras

    if is_graph(value):
        config, weights = pack(value)
        return [Tag.MODEL, encoder.blob(config.encode()), [encoder.array(w) for w in weights]]
    # By its class: a mock, which has every attribute, would pass for a tensor.
    is_tensor = hasattr(type(value), "dtype") and keras.ops.is_tensor(value)
    if is_tensor or isinstance(value, keras.Variable):
        return [Tag.TENSOR, encoder.array(keras.ops.convert_to_numpy(value))]
    return None


def decode(tag: str, rest: list[Any], decoder: ValueDecoder) -> Any:
    """Return the model or tensor of a code.

    Raises:
        RebuildError: a model that is not rebuilt.
        CodecError: no such code.
    """
    import keras

    if tag == Tag.TENSOR:
        return keras.ops.convert_to_tensor(decoder.array(rest[0]))
    arrays = [decoder.array(code) for code in rest[1]]
    return unpack(decoder.blob(rest[0]).decode(errors="replace"), arrays)


def is_graph(value: object) -> bool:
    """Return whether a value is a built Keras model whose layers and tensors are all known."""
    import keras

    if not isinstance(value, keras.Model):
        return False
    return keras_compat.has_graph(value) or len(_inner_graphs(value)) == 1


def _inner_graphs(model: Model) -> list[Model]:
    """Return the models of layers that an object of a student's own class keeps."""
    import keras

    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [layer for layer in inner if keras_compat.has_graph(layer)]


def plain(model: Model) -> Model:
    """Return a model of Keras' own class: of any other class, only the graph of layers counts.

    A class that makes its layers by hand has no graph. One that calls a single model of layers in
    its `call` is followed there.
    """
    import keras

    if type(model).__module__.split(".")[0] == "keras":
        return model
    if keras_compat.has_graph(model):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    (inner,) = _inner_graphs(model)
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in inner.inputs]
    return keras.Model(inputs, model.call(inputs if len(inputs) > 1 else inputs[0]))


def pack(model: Model) -> tuple[str, list[np.ndarray]]:
    """Return a model's configuration as JSON, and its weights as arrays.

    Beside the configuration go, for each weight, its serial number and whether it is trainable,
    and for the model and its layers whether they are.
    """
    import keras

    model = plain(model)
    config = keras.saving.serialize_keras_object(model)
    about = [[serial(weight), bool(weight.trainable)] for weight in model.weights]
    whole = {"model": config, "weights": about, "layers": trainable_layers(model)}
    return json.dumps(whole), model.get_weights()


def trainable_layers(model: Model) -> list[bool]:
    """Return whether a model and each of its layers are trainable, the outermost first."""
    return [bool(layer.trainable) for layer in keras_compat.all_layers(model)]


def set_trainable_layers(model: Model, flags: Sequence[object]) -> None:
    """Make layers trainable or not, as :func:`trainable_layers` gives it.

    Args:
        model: if it has another number of layers than `flags`, being put together in another way,
            it stays as it is.
        flags: True for trainable layers.
    """
    layers = keras_compat.all_layers(model)
    if len(layers) != len(flags):
        return
    # What a layer is told, it tells all layers and weights in it, so outermost first.
    for layer, flag in zip(layers, flags, strict=True):
        if layer.trainable != (flag is True):
            layer.trainable = flag is True


def serial(weight: Variable) -> int:
    """Return a number that a weight keeps as long as it lives, also where its model is rebuilt."""
    number: int | None = getattr(weight, "serial_number", None)
    if number is None:
        number = weight.serial_number = secrets.randbits(60)
    return number


def unpack(text: str, weights: Sequence[np.ndarray]) -> Model:
    """Build a model from its configuration and its weights.

    Args:
        text: the configuration as JSON.
        weights: arrays, in the order of the model's weights.

    Raises:
        RebuildError: something in it is not allowed, too large, or does not fit together.
    """
    if len(text) > MAX_CONFIG:
        raise RebuildError("the model's configuration is too long")
    try:
        whole = json.loads(text)
        config, about, layers = whole["model"], whole["weights"], list(whole["layers"])
    except (ValueError, RecursionError, TypeError, LookupError):
        raise RebuildError("the model's configuration cannot be read") from None
    check_config(config)
    if sum(array.nbytes for array in weights) > MAX_WEIGHT_BYTES:
        raise RebuildError("the model's weights are too large")
    try:
        return _build(config, about, layers, weights)
    except RebuildError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise RebuildError(
            f"the model cannot be rebuilt: {reason[0][:200] if reason else ''}"
        ) from None


def _build(
    config: dict[str, Any],
    about: Sequence[tuple[int, bool]],
    layers: Sequence[object],
    weights: Sequence[np.ndarray],
) -> Model:
    import keras

    with _weights_up_to(sum(array.size for array in weights)), keras_compat.safe_mode():
        model = keras.saving.deserialize_keras_object(config, custom_objects={})
    if not isinstance(model, keras.Model):
        raise RebuildError("not a model")
    model.set_weights(weights)
    set_trainable_layers(model, layers)
    for weight, (number, trainable) in zip(model.weights, about, strict=True):
        weight.serial_number = int(number)
        if weight.trainable and not trainable:
            weight.trainable = False
    return model


@contextlib.contextmanager
def _weights_up_to(size: int) -> Iterator[None]:
    """While building, allow no more weights than were sent, and initialize none.

    A configuration may declare a layer of any size; its weights would be allocated and drawn at
    random before anyone could compare them with those that were sent.

    Args:
        size: the number of values in these.
    """
    left = size

    def zeros(shape: tuple[int, ...], initializer: object) -> str:
        nonlocal left
        left -= prod(shape)
        if left < 0:
            raise RebuildError("the model's configuration has more weights than were sent")
        return "zeros"

    with keras_compat.adding_weights(zeros):
        yield


def inline(model: Model, tensors: Sequence[KerasTensor]) -> Any:
    """Run a model's layers on other symbolic tensors, so that they become part of their graph.

    Calling the model would show it as one layer.
    """
    return keras_compat.run_graph(model, tensors)
