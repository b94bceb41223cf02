"""Inception modules of parallel branches, written as data.

A branch is a sequence of layers; a module is a sequence of branches::

    MODULE = (
        (Conv(64),),
        (Conv(48), Conv(64, 5)),
        (Pool("avg"), Conv(32)),
    )
    x = inception_module(x, MODULE, conv_fn=conv_bn, name="mixed0")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from keras import layers as keras_layers

from course.blocks.conv import conv
from course.keras_types import Tensor


class Conv(NamedTuple):
    """Convolution, built by the network's `conv_fn`."""

    filters: int
    kernel_size: int | tuple[int, int] = 1
    strides: int = 1
    padding: str | int = "same"


class Pool(NamedTuple):
    """Pooling over 3x3 windows."""

    kind: str  # "max" or "avg"
    strides: int = 1
    padding: str = "same"


class Fork(NamedTuple):
    """Parallel branches whose outputs are concatenated."""

    branches: tuple[tuple[Conv | Pool | Fork, ...], ...]


LayerSpec = Conv | Pool | Fork
Branches = Sequence[Sequence[LayerSpec]]


_POOLS = {"max": keras_layers.MaxPooling2D, "avg": keras_layers.AveragePooling2D}


def sequence(
    x: Tensor, layers: Sequence[LayerSpec], *, conv_fn: Callable[..., Tensor], name: str
) -> Tensor:
    """Apply layers one after the other.

    Args:
        x: tensor of shape (batch, height, width, channels).
        layers: the layers, in order.
        conv_fn: function like :func:`course.blocks.conv.conv_bn` that applies a convolution.
        name: prefix of the layers' names; the layers are numbered.

    Returns:
        The last layer's output.
    """
    for number, layer in enumerate(layers, start=1):
        layer_name = f"{name}_{number}"
        if isinstance(layer, Fork):
            x = inception_module(x, layer.branches, conv_fn=conv_fn, name=layer_name)
        elif isinstance(layer, Pool):
            pool = _POOLS[layer.kind]
            x = pool(3, strides=layer.strides, padding=layer.padding, name=f"{layer_name}_pool")(x)
        else:
            x = conv_fn(x, **layer._asdict(), name=layer_name)
    return x


def inception_module(
    x: Tensor, branches: Branches, *, conv_fn: Callable[..., Tensor], name: str
) -> Tensor:
    """Apply parallel branches, and concatenate their outputs.

    Args:
        x: tensor of shape (batch, height, width, channels).
        branches: the layers of each branch; all outputs have the same height and width. An empty
            branch passes `x` through.
        conv_fn: as for :func:`sequence`.
        name: prefix of the layers' names; branches and their layers are numbered.

    Returns:
        Tensor of shape (batch, new height, new width, sum of the branches' channels).

    Reference:
        Szegedy et al., "Going deeper with convolutions", CVPR 2015, figure 2.
    """
    ends = [
        sequence(x, branch, conv_fn=conv_fn, name=f"{name}_branch{number}")
        for number, branch in enumerate(branches, start=1)
    ]
    return keras_layers.Concatenate(name=f"{name}_concat")(ends)


def googlenet_module(
    filters1: int,
    reduce3: int | None,
    filters3: int,
    reduce5: int | None,
    filters5: int,
    projection: int | None,
) -> tuple[tuple[Conv | Pool, ...], ...]:
    """Return the branches of GoogLeNet's module: 1x1, 3x3 and 5x5 convolutions, and pooling.

    Args:
        filters1: filters of the 1x1 convolution.
        reduce3: filters of the 1x1 convolution before the 3x3; None for none, as in the naive
            module.
        filters3: filters of the 3x3 convolution.
        reduce5: as `reduce3`, for the 5x5 convolution.
        filters5: filters of the 5x5 convolution.
        projection: filters of the 1x1 convolution after the pooling; None for none.

    Returns:
        The branches, for :func:`inception_module`.

    Reference:
        Szegedy et al. 2015, figure 2 (a, naive, and b) and Table 1.
    """

    def convolutions(*rows: tuple[int | None, int]) -> tuple[Conv, ...]:
        return tuple(Conv(filters, size) for filters, size in rows if filters)

    return (
        convolutions((filters1, 1)),
        convolutions((reduce3, 1), (filters3, 3)),
        convolutions((reduce5, 1), (filters5, 5)),
        (Pool("max"), *convolutions((projection, 1))),
    )


def inception_residual_block(
    x: Tensor,
    branches: Branches,
    *,
    scale: float,
    activation: str | None = "relu",
    conv_fn: Callable[..., Tensor],
    name: str,
) -> Tensor:
    """Add an Inception module's output, scaled down, to its input.

    Args:
        x: tensor of shape (batch, height, width, channels).
        branches, conv_fn: as for :func:`inception_module`; height and width do not change.
        scale: factor on the module's output, 0 to 1; small ones keep very wide networks stable.
        activation: activation after the addition; None for none.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.

    Reference:
        Szegedy et al., "Inception-v4, Inception-ResNet and the impact of residual connections on
        learning", AAAI 2017, figures 16 to 20.
    """
    y = inception_module(x, branches, conv_fn=conv_fn, name=name)
    y = conv(y, x.shape[-1], 1, use_bias=True, name=f"{name}_up")
    y = keras_layers.Rescaling(scale, name=f"{name}_scale")(y)
    x = keras_layers.Add(name=f"{name}_add")([x, y])
    return keras_layers.Activation(activation, name=f"{name}_out")(x) if activation else x
