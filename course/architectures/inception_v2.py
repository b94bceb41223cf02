"""Inception with batch normalization, plain and with squeeze-and-excitation.

Reference:
    Ioffe, Szegedy, "Batch normalization: Accelerating deep network training by reducing internal
    covariate shift", ICML 2015, figure 5.
    Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, Table 2.
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.attention import squeeze_excite
from course.blocks.conv import conv_bn
from course.blocks.head import classifier
from course.blocks.inception import Branches, Conv, Pool, inception_module
from course.keras_types import ImageShape, Model

BATCH_NORM = "Ioffe, Szegedy, Batch normalization, 2015"
SQUEEZE = "Hu et al., Squeeze-and-excitation networks, 2018"

# Figure 5: #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pooling, its projection.
# A module without 1x1 convolutions has strides 2.
MODULES = {
    "3a": (64, 64, 64, 64, 96, "avg", 32),
    "3b": (64, 64, 96, 64, 96, "avg", 64),
    "3c": (None, 128, 160, 64, 96, "max", None),
    "4a": (224, 64, 96, 96, 128, "avg", 128),
    "4b": (192, 96, 128, 96, 128, "avg", 128),
    "4c": (160, 128, 160, 128, 160, "avg", 128),
    "4d": (96, 128, 192, 160, 192, "avg", 128),
    "4e": (None, 128, 192, 192, 256, "max", None),
    "5a": (352, 192, 320, 160, 224, "avg", 128),
    "5b": (352, 192, 320, 192, 224, "max", 128),
}


def branches(
    filters1: int | None,
    reduce3: int,
    filters3: int,
    reduce33: int,
    filters33: int,
    pooling: str,
    projection: int | None,
) -> Branches:
    """Turn a row of MODULES into branches: two 3x3 convolutions replace a 5x5.

    Args:
        filters1: of the 1x1 branch; None for a module without one, which halves the image.
        reduce3, filters3: of the 3x3 branch: its 1x1 convolution and its 3x3 convolution.
        reduce33, filters33: of the branch with two 3x3 convolutions: its 1x1 and its 3x3s.
        pooling: `"avg"` or `"max"`.
        projection: filters of the 1x1 convolution after the pooling; None for none.
    """
    strides = 1 if filters1 else 2
    last = partial(Conv, kernel_size=3, strides=strides, padding=1)
    module = (
        (Conv(reduce3), last(filters3)),
        (Conv(reduce33), Conv(filters33, 3), last(filters33)),
        (Pool(pooling, strides), *((Conv(projection),) if projection else ())),
    )
    return ((Conv(filters1),), *module) if filters1 else module


def inception_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    use_bias: bool = True,
    se_ratio: int | None = None,
) -> Model:
    """Build GoogLeNet with batch normalization and a tenth module.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        use_bias: whether convolutions have biases, although normalization cancels them.
        se_ratio: factor by which squeeze-and-excitation after each module reduces the channels;
            None for no squeeze-and-excitation.
    """
    conv_fn = partial(conv_bn, use_bias=use_bias)
    pool = partial(layers.MaxPooling2D, 3, strides=2, padding="same")
    inputs = keras.Input(input_shape)
    x = conv_fn(inputs, 64, 7, strides=2, padding=3, name="conv1")
    x = conv_fn(pool(name="pool1")(x), 64, 1, name="conv2_reduce")
    x = pool(name="pool2")(conv_fn(x, 192, 3, name="conv2"))
    for module, row in MODULES.items():
        x = inception_module(x, branches(*row), conv_fn=conv_fn, name=f"inception_{module}")
        if se_ratio:
            x = squeeze_excite(x, x.shape[-1] // se_ratio, name=f"inception_{module}")
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


for name, paper, table, arguments, top1, top5, notes in (
    (
        "inception_v2", BATCH_NORM, "Figure 5; errors in figure 4", {}, 25.2, 7.82,
        "One crop. The convolutions keep their biases, as in the common conversions of the "
        "authors' network; the paper's own separable first convolution is not among them.",
    ),
    (
        "se_inception", SQUEEZE, "Table 2", {"use_bias": False, "se_ratio": 16}, 24.23, 7.14,
        "One crop. As in the authors' Caffe model convolutions have no biases, and the two layers "
        "of squeeze-and-excitation have.",
    ),
):  # fmt: skip
    register(
        name,
        inception_v2,
        arguments=arguments,
        input_shape=(224, 224, 3),
        classes=1000,
        paper=paper,
        table=table,
        depth=None,
        published=imagenet_errors(top1, top5),
        recipe="inception",
        notes=notes,
    )
