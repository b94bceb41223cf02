"""ShuffleNetV2: half of the channels bypass each unit.

Reference:
    Ma, Zhang, Zheng, Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture
    design", ECCV 2018, Table 5.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import conv_bn, pad
from course.blocks.head import classifier
from course.blocks.shuffle import shufflenet_v2_unit
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Ma et al., ShuffleNet V2, 2018"

REPEATS = (4, 8, 4)


class Width(NamedTuple):
    """A column of Table 5, and Table 8's ImageNet top-1 error in percent."""

    stages: tuple[int, int, int]
    last: int
    top1: float


WIDTHS = {
    "x0_5": Width((48, 96, 192), 1024, 39.7),
    "x1_0": Width((116, 232, 464), 1024, 30.6),
    "x1_5": Width((176, 352, 704), 1024, 27.4),
    "x2_0": Width((244, 488, 976), 2048, 25.1),
}


def shufflenet_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    filters: tuple[int, int, int],
    last_filters: int,
) -> Model:
    """Build a ShuffleNetV2.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        filters: channels of the three stages, even numbers.
        last_filters: filters of the last 1x1 convolution.

    Raises:
        UsageError: for an odd number of channels.
    """
    if len(filters) != len(REPEATS) or any(n < 2 or n % 2 for n in filters):
        raise UsageError(
            "filters must be three even numbers, because each unit splits its channels in half; "
            f"received filters={filters}."
        )
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, 24, 3, strides=2, padding=1, name="conv1")
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(pad(x, 1, name="pool1"))
    for stage, (channels, repeats) in enumerate(zip(filters, REPEATS, strict=True), start=2):
        for unit in range(1, repeats + 1):
            strides = 2 if unit == 1 else 1
            x = shufflenet_v2_unit(x, channels, strides=strides, name=f"stage{stage}_unit{unit}")
    x = conv_bn(x, last_filters, 1, name="conv5")
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


for suffix, width in WIDTHS.items():
    register(
        f"shufflenet_v2_{suffix}",
        shufflenet_v2,
        arguments={"filters": width.stages, "last_filters": width.last},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 5; errors in Table 8",
        depth=57,
        published=imagenet_errors(width.top1),
        recipe="shufflenet",
        notes=(
            "Zeros on every side before convolutions and pooling, and 244 channels where the "
            "paper's table for 2x says 224, as in the authors' code. The depth counts every "
            "convolution, those of both branches too."
        ),
    )
