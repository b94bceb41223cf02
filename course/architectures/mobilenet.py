"""MobileNet: convolutions split into a depthwise and a pointwise one.

Reference:
    Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision
    applications", 2017, Table 1.
"""

from __future__ import annotations

import keras

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.separable import separable_block
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Howard et al., MobileNets, 2017"

# Table 1, from the second layer on: filters and strides of each depthwise separable convolution.
TABLE = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)

# Table 6: ImageNet top-1 error in percent for each width multiplier.
WIDTHS = {1.0: 29.4, 0.75: 31.6, 0.5: 36.3, 0.25: 49.4}


def mobilenet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    width: float = 1.0,
    dropout: float = 1e-3,
) -> Model:
    """Build a MobileNet, every layer of which is thinned by the same factor.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        width: the paper's width multiplier, at least 1/32.
        dropout: rate of dropout before the last layer.

    Raises:
        UsageError: for a width that leaves a layer without channels.
    """
    if width < 1 / 32:
        raise UsageError(
            "width multiplies every layer's channels, 32 in the first, and must leave at least "
            f"one: 1/32 or more; received width={width}."
        )
    inputs = keras.Input(input_shape)
    x = conv_bn(
        inputs,
        int(32 * width),
        3,
        strides=2,
        activation="relu6",
        epsilon=TENSORFLOW_EPSILON,
        name="conv1",
    )
    for number, (filters, strides) in enumerate(TABLE, start=2):
        x = separable_block(
            x, int(filters * width), strides=strides, activation="relu6", name=f"conv{number}"
        )
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, dropout=dropout), name=name
    )


for width, error in WIDTHS.items():
    register(
        "mobilenet" if width == 1 else f"mobilenet_{100 * width:03.0f}",
        mobilenet,
        arguments={"width": width},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 1; errors in Table 6",
        depth=28,
        published=imagenet_errors(error),
        recipe="mobilenet",
        keras_application="MobileNet" if width == 1 else None,
        notes=(
            "ReLU6, dropout of 0.001 and padding as in the authors' code. The paper's table gives "
            "the second to last convolution strides 2, which its output sizes contradict. "
            "Normalization's moving statistics keep 0.9 per step, not 0.9997, for shorter training."
        ),
    )
