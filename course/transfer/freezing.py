"""Frozen layers: weights that stay, in inference mode whatever the model is called with.

Keras runs a frozen ``BatchNormalization`` in inference mode: it normalizes by its moving statistics
and leaves them alone, even if the model is called with ``training=True``. Frozen ``Dropout`` still
drops, and passing ``training=False`` to a nested model does not help: Keras 3.15 replaces it by the
outer model's ``training=True``. That is what :func:`with_frozen_in_inference` is for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import keras
from keras import layers

from course import keras_compat
from course.errors import UsageError
from course.keras_graph import has_graph
from course.keras_types import Layer, Model, Tensor
from course.transfer.structure import trained_from

BatchNormalization = layers.BatchNormalization


def freeze(model: Model, before: str = "head") -> list[str]:
    """Freeze the layers before one, and leave the others as they are.

    Compile the model afterwards: Keras looks at what is frozen only then.

    Args:
        model: Keras model, Functional or Sequential; nested models are looked into.
        before: ``"head"``, or the name of the first layer that is not frozen.

    Returns:
        Names of the frozen layers, in order of computation. Layers without weights are among
        them, for :func:`with_frozen_in_inference`.

    Raises:
        UsageError: a model whose layers are not known, or no such layer.

    Reference:
        Yosinski et al., "How transferable are features in deep neural networks?", 2014.

    Example:
        >>> from course import architectures
        >>> model = architectures.build("resnet20_cifar")
        >>> freeze(model)[:2], len(model.trainable_variables)
        (['conv1_conv', 'conv1_bn'], 2)
    """
    _check(model)
    if before == "all":
        raise UsageError(
            "freeze needs the first layer that is not frozen; received before='all', before which "
            "there is none. To freeze everything, set model.trainable = False."
        )
    frozen, _ = trained_from(model, before)
    _set_trainable(model, {id(layer): False for layer in frozen})
    return [layer.name for layer in frozen]


def unfreeze(model: Model, start: str = "all", *, batch_norm: bool = False) -> list[str]:
    """Make layers trainable from one on, and leave those before it as they are.

    Batch normalization stays frozen, so it stays in inference mode: the statistics of small batches
    are noisy, and moving ones lag behind weights that begin to change. Compile the model
    afterwards.

    Args:
        model: as for :func:`freeze`.
        start: name of the first layer, ``"head"`` or ``"all"``.
        batch_norm: train batch normalization from `start` on, too, with the statistics of batches.

    Returns:
        Names of the layers that are trainable from `start` on, in order of computation.

    Raises:
        UsageError: as :func:`freeze`.

    Reference:
        Howard, Ruder, "Universal language model fine-tuning for text classification", 2018,
        section 3.3, unfreezes layer by layer.

    Example:
        >>> from course import architectures
        >>> model = architectures.build("resnet20_cifar")
        >>> _ = freeze(model)
        >>> unfreeze(model, "conv4_block3_2_conv")[0], len(model.trainable_variables)
        ('conv4_block3_2_conv', 3)
    """
    _check(model)
    _, chosen = trained_from(model, start)
    flags = {id(layer): batch_norm or not isinstance(layer, BatchNormalization) for layer in chosen}
    if not batch_norm:
        norms = (x for x in keras_compat.all_layers(model) if isinstance(x, BatchNormalization))
        flags |= {id(layer): False for layer in norms}
    _set_trainable(model, flags)
    return [layer.name for layer in chosen if flags[id(layer)]]


def _check(model: Model) -> None:
    if not has_graph(model):
        raise UsageError(
            "A model must be built, and Functional or Sequential, so that its layers have an "
            f"order; received {type(model).__name__}."
        )


def _set_trainable(model: Model, flags: dict[int, bool]) -> None:
    """Set layers' flags by ID; the models around them must be trainable for any to count."""
    leaves = [layer for layer in keras_compat.all_layers(model) if not has_graph(layer)]
    kept = [(layer, flags.get(id(layer), layer.trainable)) for layer in leaves]
    model.trainable = True
    for layer, trainable in kept:
        layer.trainable = trainable


@keras.saving.register_keras_serializable("course")
class Inference(layers.Wrapper):
    """A layer in inference mode, whatever its model is called with.

    Args:
        layer: with an argument ``training``.
    """

    def call(self, *inputs: Tensor, **arguments: Tensor) -> Tensor:
        """Call the layer with ``training=False``."""
        return self.layer(*inputs, **arguments | {"training": False})


def with_frozen_in_inference(model: Model) -> Model:
    """Return a model that runs frozen layers in inference mode, dropout among them.

    Args:
        model: Functional or Sequential, with some layers frozen; nested models are looked into.

    Returns:
        A model of the same layers, which thus have the same weights; `model` is not changed.

    Raises:
        UsageError: a model whose layers are not known.

    Example:
        >>> inputs = keras.Input((4,))
        >>> x = layers.Dense(8, name="body")(layers.Dropout(0.9)(inputs))
        >>> model = keras.Model(inputs, layers.Dense(2)(x))
        >>> _ = freeze(model)
        >>> quiet, ones = with_frozen_in_inference(model), keras.ops.ones((1, 4))
        >>> bool(keras.ops.all(quiet(ones, training=True) == model(ones, training=False)))
        True
    """
    return in_inference(model, lambda layer: not layer.trainable)


def in_inference(model: Model, chosen: Callable[[Layer], bool]) -> Model:
    """Return a model of the same layers that runs some of them in inference mode.

    Args:
        model: as for :func:`with_frozen_in_inference`.
        chosen: tells of a layer whether it is one of them.
    """
    _check(model)
    wrapped: dict[int, Layer] = {}

    def replaced(layer: Layer) -> Layer:
        if has_graph(layer):
            return in_inference(layer, chosen)
        if not isinstance(layer, keras.Layer) or not _has_modes(layer) or not chosen(layer):
            return layer
        return wrapped.setdefault(id(layer), Inference(layer, name=f"{layer.name}_inference"))

    found: Model = keras.models.clone_model(model, clone_function=replaced)
    return found


def _has_modes(layer: Layer) -> bool:
    return "training" in inspect.signature(layer.call).parameters
