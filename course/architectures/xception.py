"""Xception: Inception taken to the extreme, with channels and space separated.

Reference:
    Chollet, "Xception: Deep learning with depthwise separable convolutions", CVPR 2017.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import TENSORFLOW_EPSILON, batch_norm, conv_bn
from course.blocks.head import classifier
from course.keras_types import ImageShape, Model, Tensor

PAPER = "Chollet, Xception: Deep learning with depthwise separable convolutions, 2017"


class Row(NamedTuple):
    """A block of separable convolutions, and whether it halves the feature maps."""

    filters: tuple[int, ...]
    down: bool
    relu_first: bool = True


# Figure 5: entry, middle and exit flow; numbered from 2.
BLOCKS = (
    Row((128, 128), down=True, relu_first=False),
    Row((256, 256), down=True),
    Row((728, 728), down=True),
    *(Row((728, 728, 728), down=False),) * 8,
    Row((728, 1024), down=True),
)
LAST = (1536, 2048)

conv_fn = partial(conv_bn, epsilon=TENSORFLOW_EPSILON)


def separable_bn(x: Tensor, filters: int, *, activation: str | None = None, name: str) -> Tensor:
    """Apply a 3x3 separable convolution, without an activation inside, and batch normalization."""
    conv = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")
    return batch_norm(conv(x), activation=activation, epsilon=TENSORFLOW_EPSILON, name=name)


def xception_block(
    x: Tensor, filters: tuple[int, ...], *, down: bool, relu_first: bool, name: str
) -> Tensor:
    """Apply separable convolutions, each after a ReLU, and add a shortcut.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: filters of each separable convolution.
        down: whether pooling halves the feature maps at the end, and the shortcut is projected.
        relu_first: whether there is a ReLU before the first convolution, too.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, height, width, filters[-1]), or half as high and wide, rounded up.

    Reference:
        Figure 5.
    """
    y = x
    for number, maps in enumerate(filters, start=1):
        part = f"{name}_sepconv{number}"
        if number > 1 or relu_first:
            y = layers.Activation("relu", name=f"{part}_relu")(y)
        y = separable_bn(y, maps, name=part)
    if down:
        y = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(y)
        x = conv_fn(x, filters[-1], 1, strides=2, activation=None, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([y, x])


def xception(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build Xception: 36 convolutions, all separable except the first two and the shortcuts.

    Args:
        input_shape: (height, width, channels), at least 7x7.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 7, name)
    inputs = keras.Input(input_shape)
    x = conv_fn(inputs, 32, 3, strides=2, padding="valid", name="block1_1")
    x = conv_fn(x, 64, 3, padding="valid", name="block1_2")
    for number, row in enumerate(BLOCKS, start=2):
        x = xception_block(x, **row._asdict(), name=f"block{number}")
    for number, filters in enumerate(LAST, start=1):
        x = separable_bn(x, filters, activation="relu", name=f"block14_sepconv{number}")
    x = classifier(x, classes, classifier_activation, dropout=0.5)
    return keras.Model(inputs, x, name=name)


register(
    "xception",
    xception,
    arguments={},
    input_shape=(299, 299, 3),
    classes=1000,
    paper=PAPER,
    table="Figure 5; errors in Table 1",
    depth=36,
    published=imagenet_errors(21.0, 5.5),
    recipe="xception",
    keras_application="Xception",
    notes="One crop. Dropout before the classifier as in the paper's section 4.",
)
