"""Inception modules: branches side by side, written as data.

A branch is a row of steps, one after the other; a module is a row of branches::

    MODULE = (
        (Conv(64),),
        (Conv(48), Conv(64, 5)),
        (Pool("avg"), Conv(32)),
    )
    x = inception_module(x, MODULE, unit=conv_bn, name="mixed0")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from keras import layers

from course.blocks.conv import conv


class Conv(NamedTuple):
    """A convolution, by what the network's own unit makes of it."""

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
    """Branches side by side, their maps one after the other."""

    branches: tuple[tuple[Conv | Pool | Fork, ...], ...]


_POOLS = {"max": layers.MaxPooling2D, "avg": layers.AveragePooling2D}


def sequence(x, steps: Sequence[Conv | Pool | Fork], *, unit: Callable, name: str):
    """Steps one after the other.

    Args:
        x: tensor of shape (batch, height, width, channels).
        steps: what to do, in order.
        unit: function like :func:`course.blocks.conv.conv_bn`, which makes each convolution.
        name: prefix of the layers' names; the steps are numbered.

    Returns:
        Tensor of the last step.
    """
    for number, step in enumerate(steps, start=1):
        step_name = f"{name}_{number}"
        if isinstance(step, Fork):
            x = inception_module(x, step.branches, unit=unit, name=step_name)
        elif isinstance(step, Pool):
            pool = _POOLS[step.kind]
            x = pool(3, strides=step.strides, padding=step.padding, name=f"{step_name}_pool")(x)
        else:
            x = unit(x, **step._asdict(), name=step_name)
    return x


def inception_module(
    x, branches: Sequence[Sequence[Conv | Pool | Fork]], *, unit: Callable, name: str
):
    """Branches side by side, whose maps are put one after the other.

    Args:
        x: tensor of shape (batch, height, width, channels).
        branches: the steps of each branch; all end at the same height and width. An empty branch
            passes `x` on.
        unit: function like :func:`course.blocks.conv.conv_bn`, which makes each convolution.
        name: prefix of the layers' names; branches and their steps are numbered.

    Returns:
        Tensor of shape (batch, new height, new width, sum of the branches' channels).

    Reference:
        Szegedy et al., "Going deeper with convolutions", CVPR 2015, figure 2.
    """
    ends = [
        sequence(x, steps, unit=unit, name=f"{name}_branch{number}")
        for number, steps in enumerate(branches, start=1)
    ]
    return layers.Concatenate(name=f"{name}_concat")(ends)


def googlenet_module(
    filters1: int,
    reduce3: int | None,
    filters3: int,
    reduce5: int | None,
    filters5: int,
    projection: int | None,
) -> tuple[tuple[Conv | Pool, ...], ...]:
    """The branches of GoogLeNet's module: 1x1, 3x3 and 5x5 convolutions, and pooling.

    Args:
        filters1: maps of the 1x1 convolution.
        reduce3: maps to which a 1x1 convolution reduces the 3x3 convolution's input; None for the
            naive module's, which is not reduced.
        filters3: maps of the 3x3 convolution.
        reduce5: as `reduce3`, for the 5x5 convolution.
        filters5: maps of the 5x5 convolution.
        projection: maps to which a 1x1 convolution reduces the pooled input; None for none.

    Returns:
        The branches, for :func:`inception_module`.

    Reference:
        Szegedy et al. 2015, figure 2 (a, naive, and b) and Table 1.
    """

    def convolutions(*rows):
        return tuple(Conv(filters, size) for filters, size in rows if filters)

    return (
        convolutions((filters1, 1)),
        convolutions((reduce3, 1), (filters3, 3)),
        convolutions((reduce5, 1), (filters5, 5)),
        (Pool("max"), *convolutions((projection, 1))),
    )


def inception_residual_block(
    x,
    branches: Sequence[Sequence[Conv | Pool | Fork]],
    *,
    scale: float,
    activation: str | None = "relu",
    unit: Callable,
    name: str,
):
    """An Inception module whose output, scaled down, is added to its input.

    Args:
        x: tensor of shape (batch, height, width, channels).
        branches, unit: as for :func:`inception_module`; height and width stay.
        scale: factor of what is added, 0 to 1; smaller ones keep very wide networks stable.
        activation: after the addition; None for none.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.

    Reference:
        Szegedy et al., "Inception-v4, Inception-ResNet and the impact of residual connections on
        learning", AAAI 2017, figures 16 to 20.
    """
    y = inception_module(x, branches, unit=unit, name=name)
    y = conv(y, x.shape[-1], 1, use_bias=True, name=f"{name}_up")
    y = layers.Rescaling(scale, name=f"{name}_scale")(y)
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation(activation, name=f"{name}_out")(x) if activation else x
