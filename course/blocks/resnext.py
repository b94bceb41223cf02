"""ResNeXt's block of many equal paths, in three equivalent implementations."""

from __future__ import annotations

from keras import layers

from course.blocks.conv import batch_norm, conv, conv_bn
from course.blocks.residual import add_shortcut, bottleneck_block
from course.errors import UsageError
from course.keras_types import Tensor, TensorFunction

IMPLEMENTATIONS = ("add", "concat", "grouped")


def resnext_block(
    x: Tensor,
    filters: int,
    *,
    cardinality: int,
    path_width: int,
    strides: int = 1,
    implementation: str = "grouped",
    residual_transform: TensorFunction | None = None,
    name: str,
) -> Tensor:
    """Sum parallel paths of 1x1, 3x3 and 1x1 convolutions, and add a shortcut.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the block's output.
        cardinality: number of paths.
        path_width: channels of each path's 3x3 convolution.
        strides: strides of the 3x3 convolutions.
        implementation: ``"add"`` builds the paths and adds them (figure 3a), ``"concat"``
            concatenates them before one last 1x1 convolution (3b), ``"grouped"`` is a bottleneck
            block with a grouped convolution (3c). On a CPU, TensorFlow's forward pass is as fast
            for ``"grouped"`` as for the others, but training is about 20 times slower.
        residual_transform: as for :func:`course.blocks.residual.add_shortcut`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: for an unknown implementation.

    Reference:
        Xie et al., "Aggregated residual transformations for deep neural networks", 2017, figure 3.
    """
    if implementation not in IMPLEMENTATIONS:
        raise UsageError(
            f"implementation must be one of {IMPLEMENTATIONS}; "
            f"received implementation={implementation!r}."
        )
    if implementation == "grouped":
        return bottleneck_block(
            x,
            filters,
            strides=strides,
            width=cardinality * path_width,
            groups=cardinality,
            stride_on="3x3",
            residual_transform=residual_transform,
            name=name,
        )
    names = [f"{name}_path{path}" for path in range(1, cardinality + 1)]
    paths = [conv_bn(x, path_width, 1, name=f"{path}_1") for path in names]
    paths = [
        conv_bn(y, path_width, 3, strides=strides, padding=1, name=f"{path}_2")
        for path, y in zip(names, paths, strict=True)
    ]
    if implementation == "add":
        y = layers.Add(name=f"{name}_sum")(
            [conv(y, filters, 1, name=f"{path}_3") for path, y in zip(names, paths, strict=True)]
        )
    else:
        y = layers.Concatenate(name=f"{name}_concat")(paths)
        y = conv(y, filters, 1, name=f"{name}_3")
    y = batch_norm(y, name=f"{name}_3")
    return add_shortcut(x, y, strides=strides, residual_transform=residual_transform, name=name)
