"""The ImageNet residual networks, the plain networks beside them, and a wide one.

Reference:
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, Table 1.
    Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016, section 3.4 (wide_resnet50_2).
"""

from __future__ import annotations

from functools import partial

import keras

from course.architectures.registry import register
from course.blocks.chain import chain
from course.blocks.head import classifier
from course.blocks.residual import basic_block, bottleneck_block
from course.blocks.stages import imagenet_stem, stage_rows

PAPER = "He et al., Deep residual learning for image recognition, 2016"
WIDE = "Zagoruyko and Komodakis, Wide residual networks, 2016"
ERRORS = ("ImageNet top-1 error", "ImageNet top-5 error")

# Table 1: blocks at 56x56, 28x28, 14x14 and 7x7.
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def residual_net(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    stem,
    block,
    stages,
    finish=None,
    dropout=0.0,
):
    """Stem, stages of residual blocks, and a classifier: what the residual families share.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: of the last layer; None for scores.
        name: of the model.
        stem: function of a tensor.
        block: function of a tensor and the filters, with keywords `strides` and `name`.
        stages: for each stage the channels of its blocks' outputs.
        finish: function of the last block's tensor; None for nothing.
        dropout: rate before the classifier.
    """

    def row(x, filters, strides, name):
        return block(x, filters, strides=strides, name=name)

    inputs = keras.Input(input_shape)
    x = chain(stem(inputs), row, stage_rows(stages))
    if finish:
        x = finish(x)
    x = classifier(x, classes, classifier_activation, dropout=dropout)
    return keras.Model(inputs, x, name=name)


def doubling(filters: int, blocks: tuple[int, ...]) -> list[list[int]]:
    """Channels of every block: `filters` in the first stage, twice as many in each next one."""
    return [[filters * 2**stage] * number for stage, number in enumerate(blocks)]


def resnet(input_shape, classes, classifier_activation, name, *, blocks, shortcut):
    """A residual network of basic blocks; a plain one where `shortcut` is None.

    Args:
        input_shape, classes, classifier_activation, name: as for :func:`residual_net`.
        blocks: number of blocks in each stage.
        shortcut: ``"A"``, ``"A_average"``, ``"B"``, ``"C"``, or None for no shortcuts.
    """
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=imagenet_stem,
        block=partial(basic_block, shortcut=shortcut),
        stages=doubling(64, blocks),
    )


def bottleneck_resnet(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    blocks,
    shortcut="B",
    stride_on="1x1",
    widening=1,
):
    """A residual network of bottleneck blocks.

    Args:
        input_shape, classes, classifier_activation, name, blocks, shortcut: as for :func:`resnet`.
        stride_on: the convolution that takes the strides: ``"1x1"`` (the paper's) or ``"3x3"``.
        widening: factor on the channels of the 3x3 convolutions.
    """

    def block(x, filters, *, strides, name):
        return bottleneck_block(
            x,
            filters,
            strides=strides,
            width=widening * filters // 4,
            stride_on=stride_on,
            shortcut=shortcut,
            name=name,
        )

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=imagenet_stem,
        block=block,
        stages=doubling(256, blocks),
    )


ONE_CROP = "Errors of the center crop, as the authors' repository prints them"
TEN_CROPS = "Errors of ten crops"
# They are smaller than one crop's, and not to be compared with them.
TEN_CROP_ERRORS = tuple(f"{kind}, ten crops" for kind in ERRORS)
NETS = (  # name, depth, the family's arguments, errors, notes
    ("resnet18", 18, {"shortcut": "B"}, (), "The paper prints an error for option A only"),
    ("resnet34", 34, {"shortcut": "B"}, (24.52, 7.46), f"{TEN_CROPS} (Table 3)"),
    ("plain18", 18, {"shortcut": None}, (27.94,), f"{TEN_CROPS} (Table 2)"),
    ("plain34", 34, {"shortcut": None}, (28.54, 10.02), f"{TEN_CROPS} (Table 3)"),
    ("resnet50", 50, {}, (24.7, 7.8), ONE_CROP),
    ("resnet101", 101, {}, (23.6, 7.1), ONE_CROP),
    ("resnet152", 152, {}, (23.0, 6.7), ONE_CROP),
    ("resnet50_v1_5", 50, {"stride_on": "3x3"}, (24.01, 7.02), "Errors of the center crop, as "
     "fb.resnet.torch prints them, which moved the strides to the 3x3 convolutions"),
    ("wide_resnet50_2", 50, {"stride_on": "3x3", "widening": 2}, (21.9,), "Error of the center "
     "crop; strides on the 3x3 convolutions as in the authors' code"),
)  # fmt: skip
for name, depth, arguments, errors, notes in NETS:
    wide = "widening" in arguments
    register(
        name,
        resnet if depth < 50 else bottleneck_resnet,
        arguments={"blocks": BLOCKS[depth]} | arguments,
        input_shape=(224, 224, 3),
        classes=1000,
        paper=WIDE if wide else PAPER,
        table="Section 3.4 and Table 8" if wide else "Table 1",
        depth=depth,
        published=dict(zip(TEN_CROP_ERRORS if depth < 50 else ERRORS, errors, strict=False)),
        notes=notes,
    )
