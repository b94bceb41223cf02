"""VGG: deep networks of 3x3 convolutions.

Reference:
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition",
    ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.head import classifier, fully_connected
from course.keras_types import ImageShape, Model

PAPER = (
    "Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, 2015"
)

FILTERS = (64, 128, 256, 512, 512)  # of each block's convolutions; pooling follows each block


class Configuration(NamedTuple):
    """A column of Table 1, and its best row of Table 3."""

    name: str
    column: str
    kernels: tuple[tuple[int, ...], ...]  # kernel sizes in each block
    top1: float
    top5: float


CONFIGURATIONS = (
    Configuration("vgg11", "A", ((3,), (3,), (3, 3), (3, 3), (3, 3)), 29.6, 10.4),
    Configuration("vgg13", "B", ((3, 3),) * 5, 28.7, 9.9),
    Configuration("vgg16_c", "C", ((3, 3),) * 2 + ((3, 3, 1),) * 3, 27.3, 8.8),
    Configuration("vgg16", "D", ((3, 3),) * 2 + ((3, 3, 3),) * 3, 25.6, 8.1),
    Configuration("vgg19", "E", ((3, 3),) * 2 + ((3, 3, 3, 3),) * 3, 25.5, 8.0),
)


def vgg(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    kernels: Sequence[Sequence[int]],
) -> Model:
    """Build a VGG: five blocks of convolutions, each followed by pooling, and three dense layers.

    Args:
        input_shape: (height, width, channels), at least 32x32.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        kernels: kernel sizes of each block's convolutions, 3 or 1.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 2 ** len(kernels), name)
    x = inputs = keras.Input(input_shape)
    for block, (filters, sizes) in enumerate(zip(FILTERS, kernels, strict=True), start=1):
        for number, size in enumerate(sizes, start=1):
            x = layers.Conv2D(
                filters,
                size,
                padding="same",
                activation="relu",
                kernel_initializer="glorot_uniform",
                name=f"block{block}_conv{number}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = fully_connected(x, 4096, ("fc1", "fc2"))
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


for row in CONFIGURATIONS:
    register(
        row.name,
        vgg,
        arguments={"kernels": row.kernels},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table=f"Table 1, column {row.column}; errors in Table 3",
        depth=sum(map(len, row.kernels)) + 3,
        published=imagenet_errors(row.top1, row.top5),
        recipe="vgg",
        keras_application=row.name.upper() if row.name in ("vgg16", "vgg19") else None,
        notes="Errors are the best of a single network at a single scale, on whole images; C "
        "to E were trained at scales from 256 to 512. Weights are initialized as by Glorot and "
        "Bengio, which the authors found to make pre-training unnecessary.",
    )
