"""Network in network: 1x1 convolutions after each convolution, and no dense layers.

Reference:
    Lin, Chen, Yan, "Network in network", ICLR 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import conv
from course.keras_types import ImageShape, Model

PAPER = "Lin et al., Network in network, 2014"


# A normal distribution with standard deviation 0.05, as in the authors' code for CIFAR-10.
NORMAL = {"class_name": "RandomNormal", "config": {"stddev": 0.05}}


class Row(NamedTuple):
    """An mlpconv layer (a convolution and two of 1x1), and what follows it."""

    filters: tuple[int, ...]  # of its three convolutions; the last one's are the classes
    kernel_size: int
    strides: int = 1
    padding: str = "same"
    pool: type[layers.Layer] | None = layers.MaxPooling2D
    dropout: float = 0.0


CIFAR = (
    Row((192, 160, 96), 5, dropout=0.5),
    Row((192, 192, 192), 5, pool=layers.AveragePooling2D, dropout=0.5),
    Row((192, 192), 3, pool=None),
)
IMAGENET = (
    Row((96, 96, 96), 11, strides=4, padding="valid"),
    Row((256, 256, 256), 5),
    Row((384, 384, 384), 3, dropout=0.5),
    Row((1024, 1024), 3, pool=None),
)


def nin(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    rows: Sequence[Row],
    pool_padding: str,
    smallest: int,
) -> Model:
    """Build mlpconv layers; global average pooling of the last feature maps gives the logits.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes, and of feature maps at the end.
        classifier_activation: activation after the pooling; None to return logits.
        name: the model's name.
        rows: the mlpconv layers.
        pool_padding: padding of the 3x3 pooling with strides 2 between them.
        smallest: height and width of the smallest image.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, smallest, name)
    conv_fn = partial(conv, use_bias=True, activation="relu", kernel_initializer=NORMAL)
    x = inputs = keras.Input(input_shape)
    for number, row in enumerate(rows, start=1):
        first, *others = (*row.filters, classes)[:3]
        x = conv_fn(
            x,
            first,
            row.kernel_size,
            strides=row.strides,
            padding=row.padding,
            name=f"conv{number}",
        )
        for part, filters in enumerate(others, start=1):
            x = conv_fn(x, filters, 1, name=f"conv{number}_mlp{part}")
        if row.pool:
            x = row.pool(3, strides=2, padding=pool_padding, name=f"pool{number}")(x)
        if row.dropout:
            x = layers.Dropout(row.dropout, name=f"dropout{number}")(x)
    # In float32, like every network's last layer: a mean of many values, and the softmax.
    x = layers.GlobalAveragePooling2D(dtype="float32", name="avg_pool")(x)
    x = layers.Activation(classifier_activation, dtype="float32", name="predictions")(x)
    return keras.Model(inputs, x, name=name)


register(
    "nin_cifar",
    nin,
    arguments={"rows": CIFAR, "pool_padding": "same", "smallest": 1},
    input_shape=(32, 32, 3),
    classes=10,
    paper=PAPER,
    table="Section 4.1 and figure 2; sizes from the authors' code; errors in Table 1",
    depth=9,
    published=cifar_errors(10.41, 35.68),
    recipe="alexnet",
    notes="Errors without augmentation; with it CIFAR-10's is 8.81 %. The second pooling averages, "
    "as in the authors' code.",
)
register(
    "nin",
    nin,
    arguments={"rows": IMAGENET, "pool_padding": "valid", "smallest": 67},
    input_shape=(224, 224, 3),
    classes=1000,
    paper=PAPER,
    table="The authors' Caffe model for ImageNet, which the paper does not print",
    depth=12,
    published=imagenet_errors(40.64),
    recipe="alexnet",
    notes="The error is the one the authors give with the model, for the validation images.",
)
