"""MobileNetV2: inverted bottlenecks, whose shortcuts connect the narrow ends.

Reference:
    Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018, Table 2.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import keras

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.separable import inverted_bottleneck
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Sandler et al., MobileNetV2, 2018"


class Stage(NamedTuple):
    """A row of Table 2."""

    expansion: int
    filters: int
    repeats: int
    strides: int  # of the first block


TABLE = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)

# Table 4: ImageNet top-1 error in percent for each width multiplier.
WIDTHS = {1.0: 28.0, 1.4: 25.3}


def round_filters(filters: int, width: float, *, at_least: float = 0.9) -> int:
    """Multiply a number of channels, and round to a multiple of 8.

    Args:
        filters: channels in the table.
        width: the multiplier, positive.
        at_least: minimum fraction of the exact product; below it, round up.

    Raises:
        UsageError: for a multiplier that is not positive.

    Example:
        >>> round_filters(96, 1.4)
        136
    """
    if width <= 0:
        raise UsageError(f"width multiplies channels and must be positive; received width={width}.")
    exact = filters * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < at_least * exact else rounded


def mobilenet_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    width: float = 1.0,
    dropout: float = 0.2,
) -> Model:
    """Build a MobileNetV2, thinned or widened by one factor.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        width: the paper's width multiplier; the last convolution is only ever widened.
        dropout: rate of dropout before the last layer.

    Raises:
        UsageError: for a width that is not positive.
    """
    relu6_conv = partial(conv_bn, activation="relu6", epsilon=TENSORFLOW_EPSILON)
    inputs = keras.Input(input_shape)
    x = relu6_conv(inputs, round_filters(32, width), 3, strides=2, name="conv1")
    for number, row in enumerate(TABLE, start=2):
        for block in range(1, row.repeats + 1):
            x = inverted_bottleneck(
                x,
                round_filters(row.filters, width),
                expanded_filters=row.expansion * x.shape[-1],
                strides=row.strides if block == 1 else 1,
                name=f"stage{number}_block{block}",
            )
    x = relu6_conv(x, round_filters(1280, max(width, 1.0)), 1, name="conv_last")
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, dropout=dropout), name=name
    )


for width, error in WIDTHS.items():
    register(
        "mobilenet_v2" if width == 1 else f"mobilenet_v2_{100 * width:.0f}",
        mobilenet_v2,
        arguments={"width": width},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 2; errors in Table 4",
        depth=53,
        published=imagenet_errors(error),
        recipe="mobilenet_v2",
        keras_application="MobileNetV2" if width == 1 else None,
        notes=(
            "Channels are rounded to multiples of 8, dropout is 0.2 and padding TensorFlow's, as "
            "in the authors' code. Normalization's moving statistics keep 0.9 per step, not 0.997, "
            "for shorter training."
        ),
    )
