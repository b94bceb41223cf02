"""ShuffleNet: grouped 1x1 convolutions with channel shuffles.

Reference:
    Zhang, Zhou, Lin, Sun, "ShuffleNet: An extremely efficient convolutional neural network for
    mobile devices", CVPR 2018, Table 1.
"""

from __future__ import annotations

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import conv_bn, pad
from course.blocks.head import classifier
from course.blocks.shuffle import shufflenet_unit
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Zhang et al., ShuffleNet, 2018"

# Table 1: units of each stage, and for each number of groups the channels of the first stage, so
# that all cost the same; each stage doubles them.
REPEATS = (4, 8, 4)
CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}


def shufflenet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    groups: int = 3,
) -> Model:
    """Build a ShuffleNet 1x.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        groups: number of groups of the 1x1 convolutions: 1, 2, 3, 4 or 8.

    Raises:
        UsageError: for another number of groups.
    """
    if groups not in CHANNELS:
        raise UsageError(
            f"groups must be one of {', '.join(map(str, CHANNELS))}, for which the paper's table "
            f"gives the channels; received groups={groups}."
        )
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, 24, 3, strides=2, padding=1, name="conv1")
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(pad(x, 1, name="pool1"))
    for stage, repeats in enumerate(REPEATS):
        for unit in range(1, repeats + 1):
            x = shufflenet_unit(
                x,
                CHANNELS[groups] * 2**stage,
                groups=groups,
                # Section 3.2: the very first one has too few input channels for groups.
                first_groups=1 if stage == 0 and unit == 1 else groups,
                strides=2 if unit == 1 else 1,
                name=f"stage{stage + 2}_unit{unit}",
            )
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


register(
    "shufflenet_g3",
    shufflenet,
    arguments={"groups": 3},
    input_shape=(224, 224, 3),
    classes=1000,
    paper=PAPER,
    table="Table 1; error in Table 2",
    depth=50,
    published=imagenet_errors(32.6),
    recipe="shufflenet",
    notes="Zeros on every side before convolutions and pooling, as in the authors' code.",
)
