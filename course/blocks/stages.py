"""Stems of residual networks, and the plan of their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras import layers

from course.blocks.conv import conv_bn, pad
from course.keras_types import Tensor


@dataclass(frozen=True)
class BlockSpec:
    """Place and size of one residual block.

    Attributes:
        index: place in the network, from 0.
        stage: the stage's number, from 2, since the stem is conv1.
        position: place in the stage, from 1.
        filters: channels of the block's output.
        strides: strides of the block in both directions.
        name: prefix of its layers' names.
    """

    index: int
    stage: int
    position: int
    filters: int
    strides: int
    name: str


def block_specs(stages: Sequence[Sequence[int]], *, first_strides: int = 1) -> list[BlockSpec]:
    """Plan the blocks of a residual network.

    Args:
        stages: for each stage the channels of its blocks' outputs.
        first_strides: strides of the first stage's first block.

    Returns:
        One spec per block. The first block of every later stage has strides 2.

    Example:
        >>> [(spec.filters, spec.strides, spec.name) for spec in block_specs([[16, 16], [32]])]
        [(16, 1, 'conv2_block1'), (16, 1, 'conv2_block2'), (32, 2, 'conv3_block1')]
    """
    specs: list[BlockSpec] = []
    for stage, widths in enumerate(stages, start=2):
        for position, filters in enumerate(widths, start=1):
            strides = (first_strides if stage == 2 else 2) if position == 1 else 1
            name = f"conv{stage}_block{position}"
            specs.append(BlockSpec(len(specs), stage, position, filters, strides, name))
    return specs


def imagenet_stem(x: Tensor, *, pool_padding: int | str = 1) -> Tensor:
    """Apply a 7x7 convolution with strides 2, then 3x3 max pooling with strides 2.

    Args:
        x: tensor of shape (batch, height, width, channels).
        pool_padding: zeros on each side before pooling (Torch), or ``"same"`` (like Caffe's pooling
            if the sizes are even).

    Returns:
        Tensor of shape (batch, height / 4, width / 4, 64), sizes rounded up.

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, Table 1.
    """
    return _pool(conv_bn(x, 64, 7, strides=2, padding=3, name="conv1"), pool_padding)


def deep_imagenet_stem(x: Tensor, *, pool_padding: int | str = 1) -> Tensor:
    """Apply three 3x3 convolutions, the first with strides 2, then 3x3 max pooling with strides 2.

    Args:
        x, pool_padding: as for :func:`imagenet_stem`.

    Returns:
        Tensor of shape (batch, height / 4, width / 4, 128), sizes rounded up.
    """
    for layer, (filters, strides) in enumerate(((64, 2), (64, 1), (128, 1)), start=1):
        x = conv_bn(x, filters, 3, strides=strides, padding=1, name=f"conv1_{layer}")
    return _pool(x, pool_padding)


def _pool(x: Tensor, pool_padding: int | str) -> Tensor:
    if isinstance(pool_padding, int):
        # The input comes from a ReLU, so a zero never wins over a value.
        x, pool_padding = pad(x, pool_padding, name="pool1"), "valid"
    return layers.MaxPooling2D(3, strides=2, padding=pool_padding, name="pool1_pool")(x)
