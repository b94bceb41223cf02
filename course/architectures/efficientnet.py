"""EfficientNet: a network found by search, scaled in depth, width and resolution together.

Reference:
    Tan, Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", ICML 2019,
    Table 1 and section 3.3.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.mobilenet_v2 import round_filters
from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.separable import inverted_bottleneck
from course.errors import UsageError
from course.keras_types import ImageShape, Model
from course.regularization import linear_decay

PAPER = "Tan, Le, EfficientNet, 2019"


class Stage(NamedTuple):
    """A row of Table 1, stages 2 to 8."""

    expansion: int
    kernel_size: int
    filters: int
    repeats: int
    strides: int  # of the first block


TABLE = (
    Stage(1, 3, 16, 1, 1),
    Stage(6, 3, 24, 2, 2),
    Stage(6, 5, 40, 2, 2),
    Stage(6, 3, 80, 3, 2),
    Stage(6, 5, 112, 3, 1),
    Stage(6, 5, 192, 4, 2),
    Stage(6, 3, 320, 1, 1),
)


class Scale(NamedTuple):
    """A member of the family; its sizes by the authors' code, its errors by Table 2."""

    width: float
    depth: float
    resolution: int
    dropout: float
    top1: float
    top5: float


SCALES = (
    Scale(1.0, 1.0, 224, 0.2, 22.9, 6.7),
    Scale(1.0, 1.1, 240, 0.2, 20.9, 5.6),
    Scale(1.1, 1.2, 260, 0.3, 19.9, 5.1),
    Scale(1.2, 1.4, 300, 0.3, 18.4, 4.3),
    Scale(1.4, 1.8, 380, 0.4, 17.1, 3.6),
    Scale(1.6, 2.2, 456, 0.4, 16.4, 3.3),
    Scale(1.8, 2.6, 528, 0.5, 16.0, 3.2),
    Scale(2.0, 3.1, 600, 0.5, 15.7, 3.0),
)


def round_repeats(repeats: int, depth: float) -> int:
    """Multiply a number of blocks, and round up.

    Example:
        >>> round_repeats(3, 1.4)
        5

    Raises:
        UsageError: for a multiplier that is not positive.
    """
    if depth <= 0:
        raise UsageError(
            f"depth multiplies numbers of blocks and must be positive; received depth={depth}."
        )
    return math.ceil(depth * repeats)


def efficientnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    width: float,
    depth: float,
    dropout: float,
    drop_path_rate: float = 0.2,
    se_ratio: float = 0.25,
) -> Model:
    """Build a scaled EfficientNet-B0.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        width: multiplier of channels.
        depth: multiplier of blocks.
        dropout: rate of dropout before the last layer.
        drop_path_rate: rate at which blocks are dropped during training; grows linearly from 0 at
            the first block towards this.
        se_ratio: squeeze-and-excitation's hidden size as a fraction of the block's input channels;
            0 for none.

    Raises:
        UsageError: for a multiplier that is not positive.
    """
    silu_conv = partial(conv_bn, activation="silu", epsilon=TENSORFLOW_EPSILON)
    inputs = keras.Input(input_shape)
    # The authors' network stores its input's mean and variance: 0 and 1 until adapted or loaded.
    x = layers.Normalization(name="normalization")(inputs)
    x = silu_conv(x, round_filters(32, width), 3, strides=2, name="stem")
    rows = [
        (stage, block, row)
        for stage, row in enumerate(TABLE, start=2)
        for block in range(1, round_repeats(row.repeats, depth) + 1)
    ]
    rates = linear_decay(drop_path_rate, len(rows), "efficientnet")
    for (stage, block, row), rate in zip(rows, rates, strict=True):
        x = inverted_bottleneck(
            x,
            round_filters(row.filters, width),
            expanded_filters=row.expansion * x.shape[-1],
            kernel_size=row.kernel_size,
            strides=row.strides if block == 1 else 1,
            activation="silu",
            se_filters=int(x.shape[-1] * se_ratio),
            se_activation="silu",
            drop_rate=rate,
            name=f"stage{stage}_block{block}",
        )
    x = silu_conv(x, round_filters(1280, width), 1, name="top")
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, dropout=dropout), name=name
    )


for number, scale in enumerate(SCALES):
    register(
        f"efficientnet_b{number}",
        efficientnet,
        arguments={"width": scale.width, "depth": scale.depth, "dropout": scale.dropout},
        input_shape=(scale.resolution, scale.resolution, 3),
        classes=1000,
        paper=PAPER,
        table="Table 1; errors in Table 2",
        depth=None,
        published=imagenet_errors(scale.top1, scale.top5),
        recipe="efficientnet",
        keras_application=f"EfficientNetB{number}" if number < 4 else None,
        notes=(
            "Errors as in the paper's revision of 2020, with AutoAugment and a single crop. "
            "Multipliers as in the authors' code, which rounds the compound rule. Normalization's "
            "moving statistics keep 0.9 per step, not 0.99, for shorter training."
        ),
    )
