"""Networks of the course with the weights of ``keras.applications``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import applications, layers

from course import architectures
from course.errors import UsageError
from course.keras_graph import transfer_weights
from course.keras_types import Model, Tensor
from course.transfer.structure import finalize


@dataclass(frozen=True)
class Application:
    """A network's counterpart in ``keras.applications``.

    Attributes:
        builder: name of the function there.
        images: how images with values from 0 to 255 are preprocessed: a mode of
            ``keras.applications.imagenet_utils.preprocess_input``, ``"128"`` for ``x / 128 - 1``,
            or ``"raw"`` for no change.
    """

    builder: str
    images: str


# How the images are preprocessed, by how the name of the network in keras.applications begins.
_PREPROCESSING = {
    "VGG": "caffe",
    "ResNet": "caffe",
    "Inception": "tf",
    "Xception": "tf",
    "MobileNet": "tf",
    "NASNet": "tf",
    "DenseNet": "torch",
    "EfficientNetB": "raw",
    "EfficientNetV2B": "torch",
    "EfficientNetV2S": "128",
    "ConvNeXt": "torch",
}


def _applications() -> dict[str, Application]:
    found = {}
    for name in architectures.names():
        builder = architectures.describe(name).keras_application
        if builder is not None:
            modes = (mode for start, mode in _PREPROCESSING.items() if builder.startswith(start))
            found[name] = Application(builder, next(modes))
    return found


APPLICATIONS = _applications()


def from_applications(
    name: str,
    *,
    weights: str | None = "imagenet",
    input_shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "softmax",
) -> keras.Model:
    """Build a network of the course with the weights that ``keras.applications`` has for it.

    Args:
        name: one of :data:`APPLICATIONS`.
        weights: ``"imagenet"``, which Keras downloads once; a file of weights for Keras' network;
            or None for random ones.
        input_shape: (height, width, channels); None for the paper's.
        classes: number of classes; unless it is ImageNet's 1,000, the last layer has random
            weights.
        classifier_activation: of the last layer; None for logits.

    Returns:
        A Keras model for images preprocessed by :func:`preprocess_input`.

    Raises:
        UsageError: an unknown name, or a size of images that the weights do not fit.

    Example:
        >>> from_applications("mobilenet_v2", weights=None, classes=5).output_shape
        (None, 5)
    """
    theirs = getattr(applications, _find(name).builder)(weights=weights, classifier_activation=None)
    build = partial(
        architectures.build,
        name,
        input_shape=input_shape,
        classifier_activation=classifier_activation,
    )
    model: Model = build()
    transfer_weights(theirs, model)
    _fold_rescaling(theirs, model)
    if classes in (None, model.output_shape[-1]):
        return model
    other: Model = build(classes=classes)
    for old, new in zip(model.layers[:-1], other.layers[:-1], strict=True):
        new.set_weights(old.get_weights())
        finalize(new)
    return other


def preprocess_input(name: str, images: Tensor) -> Tensor:
    """Prepare images for a network of :func:`from_applications`.

    Args:
        name: one of :data:`APPLICATIONS`.
        images: array or tensor of shape (..., height, width, 3), RGB, values from 0 to 255.

    Returns:
        Array or tensor of the same shape.

    Raises:
        UsageError: an unknown name.
    """
    mode = _find(name).images
    images = keras.ops.cast(images, "float32")
    if mode == "raw":
        return images
    if mode == "128":
        return images / 128 - 1
    return applications.imagenet_utils.preprocess_input(images, "channels_last", mode)


def _find(name: str) -> Application:
    if name not in APPLICATIONS:
        raise UsageError(
            f"name must be a network with weights in keras.applications; received name={name!r}. "
            f"There are {', '.join(APPLICATIONS)}."
        )
    return APPLICATIONS[name]


def _fold_rescaling(theirs: keras.Model, model: keras.Model) -> None:
    """Make our normalization of the input do what theirs and the rescalings around it do."""
    mine = [layer for layer in model.layers if isinstance(layer, layers.Normalization)]
    if not mine:
        return
    before, after = np.ones(()), np.ones(())
    normalized = False
    for layer in theirs.layers:
        if isinstance(layer, layers.Normalization):
            normalized = True
        elif isinstance(layer, layers.Rescaling) and normalized:
            after = after * np.asarray(layer.scale)
        elif isinstance(layer, layers.Rescaling):
            before = before * np.asarray(layer.scale)
    mine[0].adapt_mean.assign(mine[0].adapt_mean / before)
    mine[0].adapt_variance.assign(mine[0].adapt_variance / (before * after) ** 2)
    mine[0].finalize_state()
