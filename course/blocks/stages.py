"""How residual networks begin, and how their blocks are numbered and sized."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from course.blocks.conv import conv_bn, pad


def imagenet_stem(x, *, pool_padding: int | str = 1):
    """A 7x7 convolution with strides 2, and 3x3 max pooling with strides 2.

    Args:
        x: tensor of shape (batch, height, width, channels).
        pool_padding: zeros around the pooled maps (Torch), or ``"same"`` (as Caffe's pooling, where
            the maps' sizes are even).

    Returns:
        Tensor of shape (batch, height / 4, width / 4, 64), sizes rounded up.

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, Table 1.
    """
    return _pooled(conv_bn(x, 64, 7, strides=2, padding=3, name="conv1"), pool_padding)


def deep_imagenet_stem(x, *, pool_padding: int | str = 1):
    """Three 3x3 convolutions, the first with strides 2, and 3x3 max pooling with strides 2.

    Args:
        x, pool_padding: as for :func:`imagenet_stem`.

    Returns:
        Tensor of shape (batch, height / 4, width / 4, 128), sizes rounded up.
    """
    for layer, (filters, strides) in enumerate(((64, 2), (64, 1), (128, 1)), start=1):
        x = conv_bn(x, filters, 3, strides=strides, padding=1, name=f"conv1_{layer}")
    return _pooled(x, pool_padding)


def _pooled(x, pool_padding: int | str):
    if isinstance(pool_padding, int):
        # The maps come from a rectifier: a zero never wins over a value.
        x, pool_padding = pad(x, pool_padding, name="pool1"), "valid"
    return layers.MaxPooling2D(3, strides=2, padding=pool_padding, name="pool1_pool")(x)


def stage_rows(stages: Sequence[Sequence[int]]) -> list[tuple[int, int, str]]:
    """Filters, strides and name of each residual block.

    Args:
        stages: for each stage the channels of its blocks' outputs.

    Returns:
        A row a block. The first block of every stage but the first has strides 2; stages are
        numbered from 2, since the stem is conv1.

    Example:
        >>> stage_rows([[16, 16], [32]])
        [(16, 1, 'conv2_block1'), (16, 1, 'conv2_block2'), (32, 2, 'conv3_block1')]
    """
    return [
        (filters, 2 if block == 1 and stage > 2 else 1, f"conv{stage}_block{block}")
        for stage, row in enumerate(stages, start=2)
        for block, filters in enumerate(row, start=1)
    ]
