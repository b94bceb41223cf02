"""AlexNet, with one tower and with the paper's two.

Reference:
    Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.classic import LocalResponseNormalization
from course.blocks.head import classifier, fully_connected
from course.keras_types import ImageShape, Model

PAPER = "Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012"


class Row(NamedTuple):
    """A convolution and what follows it."""

    filters: int
    kernel_size: int
    strides: int = 1
    padding: str = "same"
    across_towers: bool = True  # whether every feature map sees those of both towers
    bias: float = 0.0  # at the start of training
    normalize: bool = False
    pool: bool = False


# Section 3.5, figure 2 and section 5.
ROWS = (
    Row(96, 11, strides=4, padding="valid", normalize=True, pool=True),
    Row(256, 5, across_towers=False, bias=1.0, normalize=True, pool=True),
    Row(384, 3),
    Row(384, 3, across_towers=False, bias=1.0),
    Row(256, 3, across_towers=False, bias=1.0, pool=True),
)
# Section 5: a normal distribution with standard deviation 0.01; biases of 1 as in ROWS and in the
# hidden dense layers, so that their ReLUs start active.
NORMAL = {"class_name": "RandomNormal", "config": {"stddev": 0.01}}


def alexnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    towers: int,
) -> Model:
    """Build AlexNet: five convolutions, three with overlapping pooling, and three dense layers.

    Args:
        input_shape: (height, width, channels), at least 67x67.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        towers: 2 for the paper's two halves, one per GPU, which meet in the third convolution and
            in the dense layers; 1 for a network in which every feature map sees all others.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 67, name)
    x = inputs = keras.Input(input_shape)
    for number, row in enumerate(ROWS, start=1):
        x = layers.Conv2D(
            row.filters,
            row.kernel_size,
            strides=row.strides,
            padding=row.padding,
            groups=1 if row.across_towers else towers,
            activation="relu",
            kernel_initializer=keras.initializers.get(NORMAL),
            bias_initializer=keras.initializers.Constant(row.bias),
            name=f"conv{number}",
        )(x)
        if row.normalize:
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        if row.pool:
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
    x = fully_connected(x, 4096, ("fc6", "fc7"), kernel_initializer=NORMAL, bias=1.0)
    x = classifier(x, classes, classifier_activation, kernel_initializer=NORMAL)
    return keras.Model(inputs, x, name=name)


# Table 2, one network on the validation images of ILSVRC-2012, ten crops.
TWO_TOWERS = imagenet_errors(40.7, 18.2, crops=10)

for name, towers, published, notes in (
    ("alexnet", 1, (), "One tower, in which every feature map sees all others."),
    ("alexnet_two_tower", 2, TWO_TOWERS, "Errors are means over ten crops of one network."),
):
    register(
        name,
        alexnet,
        arguments={"towers": towers},
        input_shape=(227, 227, 3),
        classes=1000,
        paper=PAPER,
        table="Section 3.5 and figure 2; errors in Table 2",
        depth=8,
        published=published,
        recipe="alexnet",
        notes=f"{notes} The paper says 224 pixels, but its 55 x 55 maps need 227.",
    )
