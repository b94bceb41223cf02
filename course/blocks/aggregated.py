"""A residual block of many equal paths, in the three forms that compute the same."""

from __future__ import annotations

from collections.abc import Callable

from keras import layers

from course.blocks.conv import batch_norm, conv, conv_bn
from course.blocks.residual import bottleneck_block, join
from course.errors import UsageError

FORMS = ("a", "b", "c")


def aggregated_block(
    x,
    filters: int,
    *,
    cardinality: int,
    path_width: int,
    strides: int = 1,
    form: str = "c",
    branch: Callable | None = None,
    name: str,
):
    """Paths of 1x1, 3x3 and 1x1 convolutions side by side, summed, and a shortcut around them.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the block's output.
        cardinality: number of paths.
        path_width: channels of a path's 3x3 convolution.
        strides: step of the 3x3 convolutions.
        form: ``"a"`` builds the paths and sums them, ``"b"`` concatenates them before one last 1x1
            convolution, ``"c"`` is a bottleneck block with a grouped convolution. On a CPU,
            TensorFlow computes c as fast as the others but trains it some 20 times slower.
        branch: as for :func:`course.blocks.residual.join`.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        UsageError: an unknown form.

    Reference:
        Xie et al., "Aggregated residual transformations for deep neural networks", 2017, figure 3.
    """
    if form not in FORMS:
        raise UsageError(f"form must be one of {FORMS}; received form={form!r}.")
    if form == "c":
        return bottleneck_block(
            x,
            filters,
            strides=strides,
            width=cardinality * path_width,
            groups=cardinality,
            stride_on="3x3",
            branch=branch,
            name=name,
        )
    names = [f"{name}_path{path}" for path in range(1, cardinality + 1)]
    paths = [conv_bn(x, path_width, 1, name=f"{path}_1") for path in names]
    paths = [
        conv_bn(y, path_width, 3, strides=strides, padding=1, name=f"{path}_2")
        for path, y in zip(names, paths, strict=True)
    ]
    if form == "a":
        y = layers.Add(name=f"{name}_sum")(
            [conv(y, filters, 1, name=f"{path}_3") for path, y in zip(names, paths, strict=True)]
        )
    else:
        y = layers.Concatenate(name=f"{name}_concat")(paths)
        y = conv(y, filters, 1, name=f"{name}_3")
    y = batch_norm(y, name=f"{name}_3")
    return join(x, y, strides=strides, branch=branch, name=name)
