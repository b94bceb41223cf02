"""Features: what a network's layers make of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from course.errors import UsageError
from course.keras_graph import Graph, has_graph
from course.keras_types import Array, Images, KerasTensor, Model
from course.transfer.structure import head_steps


def feature_model(model: Model, layer: str | None = None, *, pool: bool = True) -> Model:
    """Cut a network off before its head, or after a layer.

    Args:
        model: Functional or Sequential.
        layer: name of the layer whose output is taken; None for what the last layer with weights
            before the (first) output takes, dropout left out by inference.
        pool: average feature maps over their positions, so that each image has a vector.

    Returns:
        A model of the same layers, which thus have the same weights.

    Raises:
        UsageError: no such layer, or a model whose head is inside of a nested one.

    Example:
        >>> from course import architectures
        >>> feature_model(architectures.build("resnet20_cifar")).output_shape
        (None, 64)
    """
    if not has_graph(model):
        raise UsageError(
            "A model must be built, and Functional or Sequential, to be cut; received "
            f"{type(model).__name__}."
        )
    tensor = _penultimate(model) if layer is None else _output(model, layer)
    if pool and len(tensor.shape) > 2:
        tensor = keras.ops.mean(tensor, axis=tuple(range(1, len(tensor.shape) - 1)))
    return keras.Model(model.inputs, tensor, name=f"{model.name}_features")


def _penultimate(model: Model) -> KerasTensor:
    heads = head_steps(Graph(model))
    if not heads or heads[0].prefix:
        inner = f"; it is in the nested model {heads[0].prefix.strip('/')!r}" if heads else ""
        raise UsageError(
            f"features takes a network whose last layer is its own; received {model.name}{inner}. "
            "Pass the nested model, or name a layer."
        )
    return heads[0].input_tensors[0]


def _output(model: Model, layer: str) -> KerasTensor:
    names = [part.name for part in model.layers]
    if layer not in names:
        raise UsageError(
            f"layer must be one of {model.name}'s: {', '.join(names)}; received layer={layer!r}."
        )
    output: KerasTensor = model.get_layer(layer).output
    return output


def features(
    model: Model,
    images: Images,
    *,
    layer: str | None = None,
    preprocess: Callable[[Images], Any] | None = None,
    batch_size: int = 256,
    pool: bool = True,
) -> Array:
    """Compute features of images once, batch by batch, in inference mode.

    A linear classifier on them is the network with a frozen body, at a fraction of the time. They
    are those of the images as they are: augmenting needs the body in every step.

    Args:
        model: Functional or Sequential.
        images: array of shape (examples, height, width, channels), at least one.
        layer, pool: as in :func:`feature_model`.
        preprocess: what the network was trained behind, called on each batch: such as
            ``Pretrained.preprocess``, or ``partial(preprocess_input, "resnet50")``. None if the
            network takes the values as they are.
        batch_size: images at a time, at least 1.

    Returns:
        float32 array of shape (examples, features); with ``pool=False`` of the layer's own shape.

    Raises:
        UsageError: as :func:`feature_model`; images that the network does not take.

    Reference:
        Donahue et al., "DeCAF: a deep convolutional activation feature for generic visual
        recognition", 2014; Razavian et al., "CNN features off-the-shelf", 2014.

    Example:
        >>> from course import architectures
        >>> model = architectures.build("resnet20_cifar")
        >>> features(model, np.zeros((5, 32, 32, 3), "float32")).shape
        (5, 64)
    """
    if batch_size < 1:
        raise UsageError(f"batch_size must be at least 1; received batch_size={batch_size}.")
    extractor = feature_model(model, layer, pool=pool)
    wanted = extractor.input_shape[1:]
    shape = np.shape(images)
    fits = len(shape) == len(wanted) + 1 and all(
        a in (None, b) for a, b in zip(wanted, shape[1:], strict=True)
    )
    if not fits or not shape[0]:
        raise UsageError(
            f"{model.name} takes images of shape (examples, {', '.join(map(str, wanted))}), at "
            f"least one; received {shape}. Resize them first."
        )
    return predictions(extractor, images, preprocess, batch_size)


def predictions(
    model: Model,
    images: Images,
    preprocess: Callable[[Images], Any] | None,
    batch_size: int,
) -> Array:
    """Return a model's outputs in inference mode, float32, computed batch by batch.

    Args:
        model, images, preprocess, batch_size: as in :func:`features`.
    """
    parts, size = [], min(batch_size, len(images))
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        values = keras.ops.convert_to_numpy(preprocess(batch) if preprocess else batch)
        # Filled up, since another size would be compiled again.
        full = np.resize(values, (size, *values.shape[1:])).astype("float32")
        parts.append(np.asarray(model.predict_on_batch(full), "float32")[: len(batch)])
    return np.concatenate(parts)
