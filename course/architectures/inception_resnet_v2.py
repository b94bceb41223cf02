"""Inception-ResNet-v2: residual Inception modules.

Reference:
    Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the impact of residual
    connections on learning", AAAI 2017.
"""

from __future__ import annotations

from functools import partial

import keras

from course.architectures.inception_v3 import DOWN, STEM
from course.architectures.inception_v4 import PAPER
from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.inception import (
    Conv,
    Pool,
    inception_module,
    inception_residual_block,
    sequence,
)
from course.keras_types import ImageShape, Model

# The authors' code begins with Inception-v3's stem and this module, not with the paper's figure 3.
FIRST = (
    (Conv(96),),
    (Conv(48), Conv(64, 5)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (Pool("avg"), Conv(64)),
)
# Figure 16.
BLOCK_35 = (
    (Conv(32),),
    (Conv(32), Conv(32, 3)),
    (Conv(32), Conv(48, 3), Conv(64, 3)),
)
# Figure 7 with k, l, m, n of Table 1.
REDUCTION_35 = (
    (Conv(384, 3, 2, "valid"),),
    (Conv(256), Conv(256, 3), Conv(384, 3, 2, "valid")),
    (DOWN,),
)
# Figure 17.
BLOCK_17 = (
    (Conv(192),),
    (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))),
)
# Figure 18.
REDUCTION_17 = (
    (Conv(256), Conv(384, 3, 2, "valid")),
    (Conv(256), Conv(288, 3, 2, "valid")),
    (Conv(256), Conv(288, 3), Conv(320, 3, 2, "valid")),
    (DOWN,),
)
# Figure 19.
BLOCK_8 = (
    (Conv(192),),
    (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))),
)
# Each stage's first module, its block, the number of blocks, and their scale.
STAGES = (
    ("mixed_5b", FIRST, "block35", BLOCK_35, 10, 0.17),
    ("mixed_6a", REDUCTION_35, "block17", BLOCK_17, 20, 0.1),
    ("mixed_7a", REDUCTION_17, "block8", BLOCK_8, 9, 0.2),
)


def inception_resnet_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build Inception-ResNet-v2: forty residual Inception blocks at three sizes.

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
    for module_name, module, block_name, block, repeats, scale in STAGES:
        x = inception_module(x, module, conv_fn=conv_fn, name=module_name)
        for number in range(1, repeats + 1):
            x = inception_residual_block(
                x, block, scale=scale, conv_fn=conv_fn, name=f"{block_name}_{number}"
            )
    x = inception_residual_block(
        x, BLOCK_8, scale=1.0, activation=None, conv_fn=conv_fn, name="block8_10"
    )
    x = conv_fn(x, 1536, 1, name="conv_7b")
    x = classifier(x, classes, classifier_activation, dropout=0.2)
    return keras.Model(inputs, x, name=name)


register(
    "inception_resnet_v2",
    inception_resnet_v2,
    arguments={},
    input_shape=(299, 299, 3),
    classes=1000,
    paper=PAPER,
    table="Figures 7, 15 to 19 and Table 1; errors in Table 2",
    depth=None,
    published=imagenet_errors(19.9, 4.9),
    recipe="inception",
    keras_application="InceptionResNetV2",
    notes="One crop, on the validation images that the authors do not blacklist. Stem, repeats "
    "and widths are those of the authors' code, which differ from the paper's figures.",
)
