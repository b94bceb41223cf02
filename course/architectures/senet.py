"""Residual networks that weigh their maps by squeeze-and-excitation.

Reference:
    Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.architectures.resnet import BLOCKS, doubling, residual_net
from course.blocks.attention import squeeze_excite
from course.blocks.residual import bottleneck_block
from course.blocks.stages import deep_imagenet_stem, imagenet_stem


class Net(NamedTuple):
    """What the authors' Caffe files say, and the errors of the center crop there."""

    name: str
    layers: int  # of the net whose numbers of blocks these are
    stride_on: str
    widening: int  # of the 3x3 convolutions, against ResNet's
    groups: int
    errors: tuple[float, float]


NETS = (
    Net("se_resnet50", 50, "1x1", 1, 1, (22.37, 6.36)),
    Net("se_resnet101", 101, "1x1", 1, 1, (21.75, 5.72)),
    Net("se_resnet152", 152, "1x1", 1, 1, (21.34, 5.54)),
    Net("se_resnext50_32x4d", 50, "3x3", 2, 32, (20.97, 5.54)),
    Net("se_resnext101_32x4d", 101, "3x3", 2, 32, (19.81, 4.96)),
    Net("senet154", 152, "3x3", 4, 64, (18.68, 4.47)),
)


def senet(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    blocks,
    stride_on,
    widening,
    groups,
    deep=False,
    dropout=0.0,
    se_ratio=16,
):
    """A residual network with squeeze-and-excitation at the end of every branch.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        blocks: number of blocks in each stage.
        stride_on: the convolution that takes the strides: ``"1x1"`` or ``"3x3"``.
        widening: factor on the channels of the 3x3 convolutions.
        groups: of the 3x3 convolutions.
        deep: whether three 3x3 convolutions stand in for the first 7x7, first 1x1 convolutions have
            half the channels, and projections with strides are 3x3.
        dropout: rate before the classifier.
        se_ratio: channels of a block to one unit of its squeezed layer.
    """

    def block(x, filters, *, strides, name):
        width = widening * filters // 4
        return bottleneck_block(
            x,
            filters,
            strides=strides,
            width=width,
            reduced=width // 2 if deep else width,
            groups=groups,
            stride_on=stride_on,
            shortcut_kernel=3 if deep and strides > 1 else 1,
            branch=partial(squeeze_excite, reduced=max(1, filters // se_ratio), name=name),
            name=name,
        )

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=partial(deep_imagenet_stem if deep else imagenet_stem, pool_padding="same"),
        block=block,
        stages=doubling(256, blocks),
        dropout=dropout,
    )


for net in NETS:
    deep = {"deep": True, "dropout": 0.2} if net.name == "senet154" else {}
    register(
        net.name,
        senet,
        arguments={
            "blocks": BLOCKS[net.layers],
            "stride_on": net.stride_on,
            "widening": net.widening,
            "groups": net.groups,
        }
        | deep,
        input_shape=(224, 224, 3),
        classes=1000,
        paper="Hu et al., Squeeze-and-excitation networks, 2018",
        table="Table 1; layers and errors in the authors' repository",
        depth=154 if deep else net.layers,
        published=imagenet_errors(*net.errors),
        recipe="senet",
        notes="Errors of the center crop, of models that the authors trained again for longer; "
        "squeezed layers have biases as in their Caffe files, and max pooling pads as Caffe's",
    )
