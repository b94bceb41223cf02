"""Inception-v4: uniform modules without residual connections.

Reference:
    Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the impact of residual
    connections on learning", AAAI 2017.
"""

from __future__ import annotations

from functools import partial

import keras

from course.architectures.inception_v3 import DOWN
from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.inception import Conv, Fork, Pool, inception_module, sequence
from course.keras_types import ImageShape, Model

PAPER = (
    "Szegedy et al., Inception-v4, Inception-ResNet and the impact of residual connections on "
    "learning, 2017"
)

# Figure 3.
STEM = (
    Conv(32, 3, 2, "valid"),
    Conv(32, 3, 1, "valid"),
    Conv(64, 3),
    Fork(((DOWN,), (Conv(96, 3, 2, "valid"),))),
    Fork(
        (
            (Conv(64), Conv(96, 3, 1, "valid")),
            (Conv(64), Conv(64, (1, 7)), Conv(64, (7, 1)), Conv(96, 3, 1, "valid")),
        )
    ),
    Fork(((Conv(192, 3, 2, "valid"),), (DOWN,))),
)
# Figure 4, on 35x35 feature maps.
A = (
    (Conv(96),),
    (Conv(64), Conv(96, 3)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (Pool("avg"), Conv(96)),
)
# Figure 7 with k, l, m, n of Table 1.
REDUCTION_A = (
    (Conv(384, 3, 2, "valid"),),
    (Conv(192), Conv(224, 3), Conv(256, 3, 2, "valid")),
    (DOWN,),
)
# Figure 5, on 17x17 feature maps.
B = (
    (Conv(384),),
    (Conv(192), Conv(224, (1, 7)), Conv(256, (7, 1))),
    (Conv(192), Conv(192, (7, 1)), Conv(224, (1, 7)), Conv(224, (7, 1)), Conv(256, (1, 7))),
    (Pool("avg"), Conv(128)),
)
# Figure 8.
REDUCTION_B = (
    (Conv(192), Conv(192, 3, 2, "valid")),
    (Conv(256), Conv(256, (1, 7)), Conv(320, (7, 1)), Conv(320, 3, 2, "valid")),
    (DOWN,),
)
# Figure 6, on 8x8 feature maps.
SPLIT = Fork(((Conv(256, (1, 3)),), (Conv(256, (3, 1)),)))
C = (
    (Conv(256),),
    (Conv(384), SPLIT),
    (Conv(384), Conv(448, (3, 1)), Conv(512, (1, 3)), SPLIT),
    (Pool("avg"), Conv(256)),
)
# Figure 9.
MODULES = (
    *((f"inception_a{number}", A) for number in range(1, 5)),
    ("reduction_a", REDUCTION_A),
    *((f"inception_b{number}", B) for number in range(1, 8)),
    ("reduction_b", REDUCTION_B),
    *((f"inception_c{number}", C) for number in range(1, 4)),
)


def inception_v4(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build Inception-v4: fourteen modules at three sizes, and two that reduce the size.

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
    for module_name, module in MODULES:
        x = inception_module(x, module, conv_fn=conv_fn, name=module_name)
    x = classifier(x, classes, classifier_activation, dropout=0.2)
    return keras.Model(inputs, x, name=name)


register(
    "inception_v4",
    inception_v4,
    arguments={},
    input_shape=(299, 299, 3),
    classes=1000,
    paper=PAPER,
    table="Figures 3 to 9 and Table 1; errors in Table 2",
    depth=None,
    published=imagenet_errors(20.0, 5.0),
    recipe="inception",
    notes="One crop, on the validation images that the authors do not blacklist.",
)
