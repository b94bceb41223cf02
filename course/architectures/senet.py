"""Residual networks with squeeze-and-excitation.

Reference:
    Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.architectures.resnet import BLOCKS, doubling, residual_net
from course.blocks.attention import squeeze_excite
from course.blocks.residual import bottleneck_block
from course.blocks.stages import BlockSpec, deep_imagenet_stem, imagenet_stem
from course.keras_types import ImageShape, Model, Tensor


class Net(NamedTuple):
    """A network as in the authors' Caffe files, with its errors of the center crop."""

    name: str
    layers: int  # of the ResNet with the same numbers of blocks
    stride_on: str
    width_multiplier: int  # of the 3x3 convolutions, relative to ResNet's
    groups: int
    errors: tuple[float, float]
    deep: bool = False


NETS = (
    Net("se_resnet50", 50, "1x1", 1, 1, (22.37, 6.36)),
    Net("se_resnet101", 101, "1x1", 1, 1, (21.75, 5.72)),
    Net("se_resnet152", 152, "1x1", 1, 1, (21.34, 5.54)),
    Net("se_resnext50_32x4d", 50, "3x3", 2, 32, (20.97, 5.54)),
    Net("se_resnext101_32x4d", 101, "3x3", 2, 32, (19.81, 4.96)),
    Net("senet154", 152, "3x3", 4, 64, (18.68, 4.47), deep=True),
)


def senet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    blocks: Sequence[int],
    stride_on: str,
    width_multiplier: int,
    groups: int,
    deep: bool = False,
    dropout: float = 0.0,
    se_ratio: int = 16,
) -> Model:
    """Build a residual network with squeeze-and-excitation at the end of every residual.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        blocks: number of blocks in each stage.
        stride_on: the convolution with the strides: ``"1x1"`` or ``"3x3"``.
        width_multiplier: factor on the channels of the 3x3 convolutions.
        groups: number of groups of the 3x3 convolutions.
        deep: whether three 3x3 convolutions replace the first 7x7, each block's first 1x1
            convolution has half the channels, and projections with strides are 3x3.
        dropout: rate of dropout before the classifier.
        se_ratio: factor by which squeeze-and-excitation reduces the channels.
    """

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        width = width_multiplier * spec.filters // 4
        se_filters = max(1, spec.filters // se_ratio)
        return bottleneck_block(
            x,
            spec.filters,
            strides=spec.strides,
            width=width,
            conv1_filters=width // 2 if deep else width,
            groups=groups,
            stride_on=stride_on,
            shortcut_kernel=3 if deep and spec.strides > 1 else 1,
            residual_transform=partial(squeeze_excite, se_filters=se_filters, name=spec.name),
            name=spec.name,
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
    register(
        net.name,
        senet,
        arguments={
            "blocks": BLOCKS[net.layers],
            "stride_on": net.stride_on,
            "width_multiplier": net.width_multiplier,
            "groups": net.groups,
        }
        | ({"deep": True, "dropout": 0.2} if net.deep else {}),
        input_shape=(224, 224, 3),
        classes=1000,
        paper="Hu et al., Squeeze-and-excitation networks, 2018",
        table="Table 1; layers and errors in the authors' repository",
        depth=154 if net.deep else net.layers,
        published=imagenet_errors(*net.errors),
        recipe="senet",
        notes="Errors of the center crop, of models that the authors retrained for longer; "
        "squeeze-and-excitation has biases as in their files, and max pooling pads like Caffe",
    )
