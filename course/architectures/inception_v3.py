"""Inception-v3: factorized convolutions, and grids that shrink in parallel.

Reference:
    Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
"""

from __future__ import annotations

from functools import partial

import keras

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.inception import Branches, Conv, Fork, Pool, inception_module, sequence
from course.keras_types import ImageShape, Model

PAPER = "Szegedy et al., Rethinking the Inception architecture for computer vision, 2016"

DOWN = Pool("max", 2, "valid")
# Table 1, with the authors' paddings.
STEM = (
    Conv(32, 3, 2, "valid"),
    Conv(32, 3, 1, "valid"),
    Conv(64, 3),
    DOWN,
    Conv(80, 1),
    Conv(192, 3, 1, "valid"),
    DOWN,
)


def module_35(projection: int) -> Branches:
    """Return figure 5's branches, with one 5x5 convolution kept, for 35x35 feature maps."""
    return (
        (Conv(64),),
        (Conv(48), Conv(64, 5)),
        (Conv(64), Conv(96, 3), Conv(96, 3)),
        (Pool("avg"), Conv(projection)),
    )


def module_17(filters: int) -> Branches:
    """Return figure 6's branches, with factorized 7x7 convolutions, for 17x17 feature maps."""
    row, column = Conv(filters, (1, 7)), Conv(filters, (7, 1))
    return (
        (Conv(192),),
        (Conv(filters), row, Conv(192, (7, 1))),
        (Conv(filters), column, row, column, Conv(192, (1, 7))),
        (Pool("avg"), Conv(192)),
    )


# Figure 7: row and column side by side, on 8x8 feature maps.
SPLIT = Fork(((Conv(384, (1, 3)),), (Conv(384, (3, 1)),)))
MODULE_8 = (
    (Conv(320),),
    (Conv(384), SPLIT),
    (Conv(448), Conv(384, 3), SPLIT),
    (Pool("avg"), Conv(192)),
)
# Figure 10.
REDUCTION_35 = (
    (Conv(384, 3, 2, "valid"),),
    (Conv(64), Conv(96, 3), Conv(96, 3, 2, "valid")),
    (DOWN,),
)
REDUCTION_17 = (
    (Conv(192), Conv(320, 3, 2, "valid")),
    (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2, "valid")),
    (DOWN,),
)
MODULES = (
    *map(module_35, (32, 64, 64)),
    REDUCTION_35,
    *map(module_17, (128, 160, 160, 192)),
    REDUCTION_17,
    MODULE_8,
    MODULE_8,
)


def inception_v3(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build Inception-v3: eleven modules at three sizes, without the auxiliary classifier.

    Args:
        input_shape: (height, width, channels), at least 75x75.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 75, name)
    conv_fn = partial(conv_bn, epsilon=TENSORFLOW_EPSILON)
    inputs = keras.Input(input_shape)
    x = sequence(inputs, STEM, conv_fn=conv_fn, name="stem")
    for number, module in enumerate(MODULES):
        x = inception_module(x, module, conv_fn=conv_fn, name=f"mixed{number}")
    x = classifier(x, classes, classifier_activation, dropout=0.2)
    return keras.Model(inputs, x, name=name)


register(
    "inception_v3",
    inception_v3,
    arguments={},
    input_shape=(299, 299, 3),
    classes=1000,
    paper=PAPER,
    table="Table 1 and figures 5 to 7 and 10; errors in Table 3",
    depth=48,
    published=imagenet_errors(21.2, 5.6),
    recipe="inception",
    keras_application="InceptionV3",
    notes="One crop. Filters inside the modules and dropout are from the authors' code, because "
    "the paper does not give them.",
)
