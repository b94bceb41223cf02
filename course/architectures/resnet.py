"""The ImageNet residual networks, the plain networks beside them, and a wide one.

Reference:
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, Table 1.
    Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016, section 3.4 (wide_resnet50_2).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import keras

from course.architectures.published import Published, imagenet_errors
from course.architectures.registry import register
from course.blocks.chain import chain
from course.blocks.head import classifier
from course.blocks.residual import basic_block, bottleneck_block
from course.blocks.stages import imagenet_stem, stage_rows

PAPER = "He et al., Deep residual learning for image recognition, 2016"
WIDE = "Zagoruyko and Komodakis, Wide residual networks, 2016"

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


class Net(NamedTuple):
    """A registered network."""

    name: str
    depth: int
    arguments: dict[str, Any]  # the family's, besides the blocks of its depth
    published: tuple[Published, ...]
    notes: str
    keras_application: str | None = None

    @property
    def wide(self) -> bool:
        """Whether it is of the wide residual networks' paper."""
        return "widening" in self.arguments


ONE_CROP = "Errors of the center crop, as the authors' repository reports them"
NETS = (
    Net(
        "resnet18", 18, {"shortcut": "B"}, (), "The paper reports an error for shortcut A only"
    ),
    Net(
        "resnet34", 34, {"shortcut": "B"}, imagenet_errors(24.52, 7.46, crops=10),
        "Errors from Table 3",
    ),
    Net("plain18", 18, {"shortcut": None}, imagenet_errors(27.94, crops=10), "Error from Table 2"),
    Net(
        "plain34", 34, {"shortcut": None}, imagenet_errors(28.54, 10.02, crops=10),
        "Errors from Table 3",
    ),
    Net("resnet50", 50, {}, imagenet_errors(24.7, 7.8), ONE_CROP, "ResNet50"),
    Net("resnet101", 101, {}, imagenet_errors(23.6, 7.1), ONE_CROP, "ResNet101"),
    Net("resnet152", 152, {}, imagenet_errors(23.0, 6.7), ONE_CROP, "ResNet152"),
    Net(
        "resnet50_v1_5", 50, {"stride_on": "3x3"}, imagenet_errors(24.01, 7.02),
        "Errors of the center crop, as reported by fb.resnet.torch, which moved the strides to "
        "the 3x3 convolutions",
    ),
    Net(
        "wide_resnet50_2", 50, {"stride_on": "3x3", "widening": 2}, imagenet_errors(21.9),
        "Error of the center crop; strides on the 3x3 convolutions as in the authors' code",
    ),
)  # fmt: skip
for net in NETS:
    register(
        net.name,
        resnet if net.depth < 50 else bottleneck_resnet,
        arguments={"blocks": BLOCKS[net.depth]} | net.arguments,
        input_shape=(224, 224, 3),
        classes=1000,
        paper=WIDE if net.wide else PAPER,
        table="Section 3.4 and Table 8" if net.wide else "Table 1",
        depth=net.depth,
        published=net.published,
        recipe="resnet",
        keras_application=net.keras_application,
        notes=net.notes,
    )
