"""ZFNet: AlexNet, improved by visualizing its layers.

Reference:
    Zeiler, Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.classic import LocalResponseNormalization
from course.blocks.conv import conv
from course.blocks.head import classifier, fully_connected
from course.keras_types import ImageShape, Model

PAPER = "Zeiler, Fergus, Visualizing and understanding convolutional networks, 2014"

# Section 3: weights start at "10^-2", taken here as a standard deviation, and biases at 0.
NORMAL = {"class_name": "RandomNormal", "config": {"stddev": 0.01}}


def zfnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    filters: Sequence[int],
) -> Model:
    """Build AlexNet with smaller first kernels and strides.

    Args:
        input_shape: (height, width, channels), at least 53x53.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        filters: filters of the third, fourth and fifth convolution.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 53, name)
    conv_fn = partial(conv, use_bias=True, activation="relu", kernel_initializer=NORMAL)
    inputs = keras.Input(input_shape)
    x = conv_fn(inputs, 96, 7, strides=2, padding=1, name="conv1")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = conv_fn(x, 256, 5, strides=2, padding="valid", name="conv2")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(x)
    x = LocalResponseNormalization(name="norm2")(x)
    for number, width in enumerate(filters, start=3):
        x = conv_fn(x, width, 3, name=f"conv{number}")
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    x = fully_connected(x, 4096, ("fc6", "fc7"), kernel_initializer=NORMAL)
    x = classifier(x, classes, classifier_activation, kernel_initializer=NORMAL)
    return keras.Model(inputs, x, name=name)


# Figure 3 and Table 2: filters of the last three convolutions, and one network's errors.
for name, filters, top1, top5 in (
    ("zfnet", (384, 384, 256), 38.4, 16.5),
    ("zfnet_wide", (512, 1024, 512), 37.5, 16.0),
):
    register(
        name,
        zfnet,
        arguments={"filters": filters},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Figure 3; widths and errors in Table 2",
        depth=8,
        published=imagenet_errors(top1, top5, crops=10),
        recipe="alexnet",
        notes="Errors are one network's on the validation images of ILSVRC-2012, over ten crops. "
        "Padding follows from the sizes of figure 3. The paper's contrast normalization across "
        "maps has no formula there: it is AlexNet's response normalization here.",
    )
