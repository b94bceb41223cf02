"""MobileNetV3: a network found by search, of inverted bottlenecks with squeeze-and-excitation.

Reference:
    Howard et al., "Searching for MobileNetV3", ICCV 2019, Tables 1 and 2.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.mobilenet_v2 import round_filters
from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn, he_normal
from course.blocks.head import classifier
from course.blocks.separable import inverted_bottleneck
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Howard et al., Searching for MobileNetV3, 2019"


class Row(NamedTuple):
    """A bottleneck of Table 1 or 2."""

    kernel_size: int
    expanded_filters: int
    filters: int
    squeeze: bool
    activation: str
    strides: int


RE, HS = "relu", "hard_swish"
LARGE = (
    Row(3, 16, 16, False, RE, 1),
    Row(3, 64, 24, False, RE, 2),
    Row(3, 72, 24, False, RE, 1),
    Row(5, 72, 40, True, RE, 2),
    Row(5, 120, 40, True, RE, 1),
    Row(5, 120, 40, True, RE, 1),
    Row(3, 240, 80, False, HS, 2),
    Row(3, 200, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 480, 112, True, HS, 1),
    Row(3, 672, 112, True, HS, 1),
    Row(5, 672, 160, True, HS, 2),
    Row(5, 960, 160, True, HS, 1),
    Row(5, 960, 160, True, HS, 1),
)
SMALL = (
    Row(3, 16, 16, True, RE, 2),
    Row(3, 72, 24, False, RE, 2),
    Row(3, 88, 24, False, RE, 1),
    Row(5, 96, 40, True, HS, 2),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 120, 48, True, HS, 1),
    Row(5, 144, 48, True, HS, 1),
    Row(5, 288, 96, True, HS, 2),
    Row(5, 576, 96, True, HS, 1),
    Row(5, 576, 96, True, HS, 1),
)
SIZES = {"large": (LARGE, 960, 1280), "small": (SMALL, 576, 1024)}

# Table 3: ImageNet top-1 error in percent.
ERRORS = {"large": 24.8, "small": 32.6}


def mobilenet_v3(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    size: str,
    dropout: float = 0.2,
) -> Model:
    """Build a large or a small MobileNetV3.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        size: ``"large"`` or ``"small"``.
        dropout: rate of dropout before the last layer.

    Raises:
        UsageError: for another size.
    """
    if size not in SIZES:
        raise UsageError(f"size must be one of {', '.join(SIZES)}; received size={size!r}.")
    table, last_filters, features = SIZES[size]
    swish_conv = partial(conv_bn, activation=HS, epsilon=TENSORFLOW_EPSILON)
    inputs = keras.Input(input_shape)
    x = swish_conv(inputs, 16, 3, strides=2, name="conv1")
    for number, row in enumerate(table, start=1):
        x = inverted_bottleneck(
            x,
            row.filters,
            expanded_filters=row.expanded_filters,
            kernel_size=row.kernel_size,
            strides=row.strides,
            activation=row.activation,
            se_filters=round_filters(row.expanded_filters, 0.25) if row.squeeze else 0,
            gate="hard_sigmoid",
            name=f"block{number}",
        )
    x = swish_conv(x, last_filters, 1, name="conv_last")
    # The paper's last stage pools before the widest layer, which is therefore a dense layer.
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(features, activation=HS, kernel_initializer=he_normal(), name="features")(x)
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, dropout=dropout), name=name
    )


for size, error in ERRORS.items():
    register(
        f"mobilenet_v3_{size}",
        mobilenet_v3,
        arguments={"size": size},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table=f"Table {1 if size == 'large' else 2}; errors in Table 3",
        depth=None,
        published=imagenet_errors(error),
        recipe="mobilenet_v3",
        keras_application=f"MobileNetV3{size.title()}",
        notes=(
            "Squeeze-and-excitation keeps a quarter of the expanded channels, rounded to a "
            "multiple of 8, and there is no normalization after the pooling, as in the authors' "
            "code. Normalization's moving statistics keep 0.9 per step, not 0.99, for shorter "
            "training."
        ),
    )
