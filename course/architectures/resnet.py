"""The ImageNet residual networks, plain networks for comparison, and a wide one.

Reference:
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, Table 1.
    Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016, section 3.4 (wide_resnet50_2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from course.architectures.published import Published, imagenet_errors
from course.architectures.registry import register
from course.blocks.head import classifier
from course.blocks.residual import basic_block, bottleneck_block
from course.blocks.stack import stack_blocks
from course.blocks.stages import BlockSpec, block_specs, imagenet_stem
from course.keras_types import ImageShape, Model, Tensor, TensorFunction

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
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    stem: TensorFunction,
    block: Callable[[Tensor, BlockSpec], Tensor],
    stages: Sequence[Sequence[int]],
    final_norm: TensorFunction | None = None,
    dropout: float = 0.0,
) -> Model:
    """Build a stem, stages of residual blocks, and a classifier.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        stem: function that is applied to the images.
        block: function that applies a block to a tensor as its spec says.
        stages: for each stage the channels of its blocks' outputs.
        final_norm: function that is applied to the last block's output; None for nothing.
        dropout: rate of dropout before the classifier.
    """
    inputs = keras.Input(input_shape)
    x = stack_blocks(stem(inputs), block, block_specs(stages))
    if final_norm:
        x = final_norm(x)
    x = classifier(x, classes, classifier_activation, dropout=dropout)
    return keras.Model(inputs, x, name=name)


def doubling(filters: int, blocks: Sequence[int]) -> list[list[int]]:
    """Return every block's channels: `filters` in the first stage, doubled in each next one."""
    return [[filters * 2**stage] * number for stage, number in enumerate(blocks)]


def resnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    blocks: Sequence[int],
    shortcut: str | None,
) -> Model:
    """Build a residual network of basic blocks; a plain one if `shortcut` is None.

    Args:
        input_shape, classes, classifier_activation, name: as for :func:`residual_net`.
        blocks: number of blocks in each stage.
        shortcut: ``"A"``, ``"A_average"``, ``"B"``, ``"C"``, or None for no shortcuts.
    """

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return basic_block(x, spec.filters, strides=spec.strides, shortcut=shortcut, name=spec.name)

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=imagenet_stem,
        block=block,
        stages=doubling(64, blocks),
    )


def bottleneck_resnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    blocks: Sequence[int],
    shortcut: str | None = "B",
    stride_on: str = "1x1",
    width_multiplier: int = 1,
) -> Model:
    """Build a residual network of bottleneck blocks.

    Args:
        input_shape, classes, classifier_activation, name, blocks, shortcut: as for :func:`resnet`.
        stride_on: the convolution with the strides: ``"1x1"`` (the paper's) or ``"3x3"``.
        width_multiplier: factor on the channels of the 3x3 convolutions.
    """

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return bottleneck_block(
            x,
            spec.filters,
            strides=spec.strides,
            width=width_multiplier * spec.filters // 4,
            stride_on=stride_on,
            shortcut=shortcut,
            name=spec.name,
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
        """Whether it is from the paper on wide residual networks."""
        return "width_multiplier" in self.arguments


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
        "wide_resnet50_2", 50, {"stride_on": "3x3", "width_multiplier": 2}, imagenet_errors(21.9),
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
