"""The CIFAR-10 residual networks, and the plain networks beside them.

Reference:
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2.
"""

from __future__ import annotations

import keras

from course.architectures.registry import register
from course.blocks.chain import chain
from course.blocks.conv import conv_bn
from course.blocks.head import classifier
from course.blocks.residual import basic_block

PAPER = "He et al., Deep residual learning for image recognition, 2016"

# Section 4.2: 2n layers at each of three sizes, the first and the last layer: 6n + 2.
STAGES = (16, 32, 64)  # filters, at 32x32, 16x16 and 8x8

# Table 6: layers and CIFAR-10 test error in percent (of five runs, the best, for 110 layers).
RESNETS = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
# Figure 6 draws the plain nets' errors; the paper prints none, and only "> 60 %" for 110 layers.
PLAIN = (20, 32, 44, 56, 110)


def resnet_cifar(input_shape, classes, classifier_activation, name, *, depth, shortcut):
    """A residual network of 6n + 2 layers; a plain one where `shortcut` is None.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: of the last layer; None for scores.
        name: of the model.
        depth: number of weight layers, 6n + 2.
        shortcut: ``"A"`` (the paper's), ``"B"``, ``"C"``, or None for no shortcuts.

    Raises:
        ValueError: a depth that is not 6n + 2.
    """
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ValueError(
            f"depth must be 6n + 2 with n at least 1: 8, 14, 20, ...; received depth={depth}."
        )
    rows = [(s, b, f) for s, f in enumerate(STAGES, start=2) for b in range(1, blocks + 1)]

    def row(x, stage, block, filters):
        strides = 2 if stage > 2 and block == 1 else 1
        block_name = f"conv{stage}_block{block}"
        return basic_block(x, filters, strides=strides, shortcut=shortcut, name=block_name)

    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, STAGES[0], 3, name="conv1")
    x = chain(x, row, rows)
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


for kind, shortcut, depths in (("resnet", "A", RESNETS), ("plain", None, PLAIN)):
    for depth in depths:
        register(
            f"{kind}{depth}_cifar",
            resnet_cifar,
            arguments={"depth": depth, "shortcut": shortcut},
            input_shape=(32, 32, 3),
            classes=10,
            paper=PAPER,
            table="Section 4.2; errors in Table 6 and figure 6",
            depth=depth,
            published={"CIFAR-10 test error": RESNETS[depth]} if shortcut else {},
        )
