"""EfficientNetV2: ordinary convolutions in the first stages, depthwise ones later.

Reference:
    Tan, Le, "EfficientNetV2: Smaller models and faster training", ICML 2021, Table 4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras

from course.architectures.efficientnet import round_repeats
from course.architectures.mobilenet_v2 import round_filters
from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.conv import TENSORFLOW_EPSILON, conv_bn
from course.blocks.head import classifier
from course.blocks.separable import fused_inverted_bottleneck, inverted_bottleneck
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor
from course.regularization import linear_decay

PAPER = "Tan, Le, EfficientNetV2, 2021"


class Stage(NamedTuple):
    """A row of Table 4; stages with squeeze-and-excitation have depthwise convolutions."""

    expansion: int
    filters: int
    repeats: int
    strides: int  # of the first block
    fused: bool


FUSED, DEPTHWISE = True, False
BASE = (
    Stage(1, 16, 1, 1, FUSED),
    Stage(4, 32, 2, 2, FUSED),
    Stage(4, 48, 2, 2, FUSED),
    Stage(4, 96, 3, 2, DEPTHWISE),
    Stage(6, 112, 5, 1, DEPTHWISE),
    Stage(6, 192, 8, 2, DEPTHWISE),
)
SMALL = (
    Stage(1, 24, 2, 1, FUSED),
    Stage(4, 48, 4, 2, FUSED),
    Stage(4, 64, 4, 2, FUSED),
    Stage(4, 128, 6, 2, DEPTHWISE),
    Stage(6, 160, 9, 1, DEPTHWISE),
    Stage(6, 256, 15, 2, DEPTHWISE),
)
MEDIUM = (
    Stage(1, 24, 3, 1, FUSED),
    Stage(4, 48, 5, 2, FUSED),
    Stage(4, 80, 5, 2, FUSED),
    Stage(4, 160, 7, 2, DEPTHWISE),
    Stage(6, 176, 14, 1, DEPTHWISE),
    Stage(6, 304, 18, 2, DEPTHWISE),
    Stage(6, 512, 5, 1, DEPTHWISE),
)
LARGE = (
    Stage(1, 32, 4, 1, FUSED),
    Stage(4, 64, 7, 2, FUSED),
    Stage(4, 96, 7, 2, FUSED),
    Stage(4, 192, 10, 2, DEPTHWISE),
    Stage(6, 224, 19, 1, DEPTHWISE),
    Stage(6, 384, 25, 2, DEPTHWISE),
    Stage(6, 640, 7, 1, DEPTHWISE),
)


class Scale(NamedTuple):
    """A member of the family: its table, multipliers, test resolution and top-1 error."""

    stages: str
    stem: int
    width: float
    depth: float
    resolution: int
    top1: float


STAGES = {"base": BASE, "s": SMALL, "m": MEDIUM, "l": LARGE}
SCALES = {
    "b0": Scale("base", 32, 1.0, 1.0, 224, 21.3),
    "b1": Scale("base", 32, 1.0, 1.1, 240, 20.2),
    "b2": Scale("base", 32, 1.1, 1.2, 260, 19.5),
    "b3": Scale("base", 32, 1.2, 1.4, 300, 17.9),
    "s": Scale("s", 24, 1.0, 1.0, 384, 16.1),
    "m": Scale("m", 24, 1.0, 1.0, 480, 14.9),
    "l": Scale("l", 32, 1.0, 1.0, 480, 14.3),
}


def efficientnet_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    stages: str,
    stem: int,
    width: float = 1.0,
    depth: float = 1.0,
    dropout: float = 0.2,
    drop_path_rate: float = 0.2,
    se_ratio: float = 0.25,
) -> Model:
    """Build an EfficientNetV2.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        stages: ``"base"``, ``"s"``, ``"m"`` or ``"l"``.
        stem: filters of the first convolution.
        width: multiplier of channels.
        depth: multiplier of blocks.
        dropout: rate of dropout before the last layer.
        drop_path_rate: rate at which blocks are dropped during training; grows linearly from 0 at
            the first block towards this.
        se_ratio: squeeze-and-excitation's hidden size as a fraction of the block's input channels;
            0 for none.

    Raises:
        UsageError: for unknown stages, or a multiplier that is not positive.
    """
    if stages not in STAGES:
        raise UsageError(f"stages must be one of {', '.join(STAGES)}; received stages={stages!r}.")
    silu_conv = partial(conv_bn, activation="silu", epsilon=TENSORFLOW_EPSILON)
    filters_of = partial(round_filters, width=width, at_least=0)
    inputs = keras.Input(input_shape)
    x = silu_conv(inputs, filters_of(stem), 3, strides=2, name="stem")
    rows = [
        (stage, block, row)
        for stage, row in enumerate(STAGES[stages], start=1)
        for block in range(1, round_repeats(row.repeats, depth) + 1)
    ]
    rates = linear_decay(drop_path_rate, len(rows), "efficientnet")
    for (stage, block, row), rate in zip(rows, rates, strict=True):
        make: Callable[..., Tensor] = fused_inverted_bottleneck
        if not row.fused:
            se_filters = int(x.shape[-1] * se_ratio)
            make = partial(inverted_bottleneck, se_filters=se_filters, se_activation="silu")
        x = make(
            x,
            filters_of(row.filters),
            expanded_filters=row.expansion * x.shape[-1],
            strides=row.strides if block == 1 else 1,
            activation="silu",
            drop_rate=rate,
            name=f"stage{stage}_block{block}",
        )
    x = silu_conv(x, filters_of(1280), 1, name="top")
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, dropout=dropout), name=name
    )


for suffix, scale in SCALES.items():
    register(
        f"efficientnet_v2_{suffix}",
        efficientnet_v2,
        arguments={key: getattr(scale, key) for key in ("stages", "stem", "width", "depth")},
        input_shape=(scale.resolution, scale.resolution, 3),
        classes=1000,
        paper=PAPER,
        table="Table 4; errors in Table 7, of B0 to B3 in the authors' code",
        depth=None,
        published=imagenet_errors(scale.top1),
        recipe="efficientnet_v2",
        keras_application=f"EfficientNetV2{suffix.upper()}" if suffix in ("b0", "s") else None,
        notes=(
            "The input size is the one of the paper's tests; training increases it up to "
            "that. Last convolution of 1280 filters, rounding and B0's table as in the authors' "
            "code. "
            "Trained on ImageNet-1k alone."
        ),
    )
