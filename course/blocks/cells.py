"""Cells found by architecture search: small graphs of operations, written as data.

A cell has two inputs: state 0 is the previous cell's output after a 1x1 convolution, state 1 the
output before that. Each row of a cell applies one operation to each of two states and adds the
results, which gives the next state: 2, 3, ... The cell's output concatenates some of the states.

Reference:
    Zoph et al., "Learning transferable architectures for scalable image recognition", CVPR 2018,
    section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from keras import layers

from course.blocks import conv as blocks
from course.errors import UsageError
from course.keras_types import Layer, Tensor
from course.regularization import drop_path, linear_decay

batch_norm = partial(blocks.batch_norm, epsilon=blocks.TENSORFLOW_EPSILON, momentum=0.9997)
conv_bn = partial(
    blocks.conv_bn, activation=None, epsilon=blocks.TENSORFLOW_EPSILON, momentum=0.9997
)


class Cell(NamedTuple):
    """A cell as data."""

    rows: tuple[tuple[tuple[int, str], tuple[int, str]], ...]  # (input, operation) twice per state
    output: tuple[int, ...]  # the states to concatenate


class Genotype(NamedTuple):
    """The cell that keeps the feature maps' size, and the one that halves it."""

    normal: Cell
    reduction: Cell


def relu_conv_bn(
    x: Tensor,
    filters: int,
    kernel_size: int | tuple[int, int] = 1,
    *,
    strides: int | tuple[int, int] = 1,
    name: str,
) -> Tensor:
    """Apply ReLU, a convolution and batch normalization, in this order.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: kernel size of the convolution.
        strides: strides in both directions.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    return conv_bn(x, filters, kernel_size, strides=strides, name=name)


def separable(
    x: Tensor, filters: int, *, size: int, dilation: int = 1, strides: int = 1, name: str
) -> Tensor:
    """Apply ReLU, a separable convolution and batch normalization, twice; strides come first.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        size: height and width of the kernels.
        dilation: dilation rate of the convolutions without strides.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    for number, stride in ((1, strides), (2, 1)):
        part = f"{name}_{number}"
        x = layers.Activation("relu", name=f"{part}_relu")(x)
        x = layers.SeparableConv2D(
            filters,
            size,
            strides=stride,
            padding="same",
            dilation_rate=dilation if stride == 1 else 1,
            use_bias=False,
            name=f"{part}_sep",
        )(x)
        x = batch_norm(x, name=part)
    return x


def pool(
    x: Tensor,
    filters: int,
    *,
    kind: Callable[..., Layer],
    size: int,
    zeros: bool = False,
    strides: int = 1,
    name: str,
) -> Tensor:
    """Apply pooling, and a 1x1 convolution if the number of channels differs from `filters`.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kind: Keras' pooling layer.
        size: height and width of the windows.
        zeros: whether strided windows see zeros beyond the border.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    padding = "same"
    if zeros and strides > 1:
        before_and_after = [(size // 2 - 1 + side % 2, size // 2) for side in x.shape[1:3]]
        x = layers.ZeroPadding2D(before_and_after, name=f"{name}_pad")(x)
        padding = "valid"
    x = kind(size, strides=strides, padding=padding, name=f"{name}_pool")(x)
    return x if x.shape[-1] == filters else conv_bn(x, filters, 1, name=name)


def bottleneck(
    x: Tensor,
    filters: int,
    *,
    kernels: tuple[tuple[int, int], ...],
    strides: int = 1,
    name: str,
) -> Tensor:
    """Apply convolutions with a quarter of the channels between two 1x1 convolutions.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kernels: (height, width) of the convolutions in the middle; each has strides along the axes
            on which it is longer than 1.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    quarter = max(1, filters // 4)
    x = relu_conv_bn(x, quarter, name=f"{name}_1")
    for number, kernel in enumerate(kernels, start=2):
        height, width = (strides if side > 1 else 1 for side in kernel)
        x = relu_conv_bn(x, quarter, kernel, strides=(height, width), name=f"{name}_{number}")
    return relu_conv_bn(x, filters, name=f"{name}_{len(kernels) + 2}")


def identity(x: Tensor, filters: int, *, strides: int = 1, name: str) -> Tensor:
    """Return the input, or apply a 1x1 convolution if the shape changes.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    if strides == 1 and x.shape[-1] == filters:
        return x
    return relu_conv_bn(x, filters, strides=strides, name=name)


# Functions of (x, filters, *, strides, name) by the names that genotypes use.
OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "none": identity,
    "1x1": relu_conv_bn,
    "3x3": partial(bottleneck, kernels=((3, 3),)),
    "1x7_7x1": partial(bottleneck, kernels=((1, 7), (7, 1))),
    "avg3x3": partial(pool, kind=layers.AveragePooling2D, size=3),
    "max2x2": partial(pool, kind=layers.MaxPooling2D, size=2),
    "max3x3": partial(pool, kind=layers.MaxPooling2D, size=3),
    "sep3x3": partial(separable, size=3),
    "sep5x5": partial(separable, size=5),
    "sep7x7": partial(separable, size=7),
    "dil2_sep5x5": partial(separable, size=5, dilation=2),
}


def factorized_reduction(x: Tensor, filters: int, *, name: str) -> Tensor:
    """Halve the size by two 1x1 convolutions, each of which sees every other pixel.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output, an even number.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / 2), ceil(width / 2), filters).

    Raises:
        UsageError: for an odd number of filters.
    """
    if filters % 2:
        raise UsageError(
            "A factorized reduction needs an even number of filters; received "
            f"filters={filters}. Choose a multiple of 8 for the network's filters."
        )
    shifted = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_2_pad")(x)
    shifted = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_2_crop")(shifted)
    halves = [
        blocks.conv(
            layers.AveragePooling2D(1, strides=2, name=f"{name}_{number}_pool")(half),
            filters // 2,
            1,
            name=f"{name}_{number}",
        )
        for number, half in enumerate((x, shifted), start=1)
    ]
    return batch_norm(layers.Concatenate(name=f"{name}_concat")(halves), name=name)


def match_previous(previous: Tensor | None, x: Tensor, filters: int, *, name: str) -> Tensor:
    """Match the output before the last one to the last one's size and a cell's channels.

    Args:
        previous: tensor of shape (batch, height, width, channels); None for `x` itself.
        x: tensor of shape (batch, height, width, channels), or half as high and wide.
        filters: channels of the output.
        name: prefix of the layers' names.

    Returns:
        Tensor of the height and width of `x`, with `filters` channels unless `previous` is None.
    """
    if previous is None:
        return x
    if previous.shape[1:3] != x.shape[1:3]:
        previous = layers.Activation("relu", name=f"{name}_relu")(previous)
        return factorized_reduction(previous, filters, name=name)
    return identity(previous, filters, name=name)


def build_cell(
    x: Tensor,
    previous: Tensor | None,
    cell: Cell,
    filters: int,
    *,
    strides: int = 1,
    operations: Mapping[str, Callable[..., Tensor]] = OPERATIONS,
    drop_path_rate: float = 0.0,
    name: str,
) -> Tensor:
    """Apply a cell, built from its genotype.

    Args:
        x: the previous cell's output, of shape (batch, height, width, channels).
        previous: the output before that, of the same or twice the size; None for `x`.
        cell: the cell as data.
        filters: channels of each state.
        strides: 2 for a reduction cell, whose operations on its inputs have strides.
        operations: functions by the names that the cell uses.
        drop_path_rate: probability that an operation's output is dropped for an example.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), output states *
        filters).
    """
    previous = match_previous(previous, x, filters, name=f"{name}_previous")
    states = [relu_conv_bn(x, filters, name=f"{name}_input"), previous]
    for number, row in enumerate(cell.rows, start=1):
        sides = []
        for side, (state, operation) in zip(("left", "right"), row, strict=True):
            side_name = f"{name}_{number}_{side}"
            stride = strides if state < 2 else 1
            y = operations[operation](states[state], filters, strides=stride, name=side_name)
            if operation != "none":
                y = drop_path(y, drop_path_rate, name=side_name)
            sides.append(y)
        states.append(layers.Add(name=f"{name}_{number}_add")(sides))
    size = states[-1].shape[1:3]
    output = []
    for state in cell.output:
        y, state_name = states[state], f"{name}_state{state}"
        if y.shape[1:3] != size:
            y = factorized_reduction(y, filters, name=state_name)
        elif y.shape[-1] != filters:
            y = conv_bn(y, filters, 1, name=state_name)
        output.append(y)
    return layers.Concatenate(name=f"{name}_output")(output)


def build_cell_network(
    inputs: Tensor,
    genotype: Genotype,
    *,
    cells: int,
    filters: int,
    stem_filters: int,
    stem_cells: int,
    skip_reduction: bool = False,
    operations: Mapping[str, Callable[..., Tensor]] = OPERATIONS,
    drop_path_rate: float = 0.0,
) -> Tensor:
    """Apply a convolution, a stem of reduction cells, and three stages of normal cells.

    Args:
        inputs: images, tensor of shape (batch, height, width, channels).
        genotype: the two cells.
        cells: normal cells per stage; between two stages there is a reduction cell.
        filters: filters of the first stage; each stage has twice as many as the one before.
        stem_filters: filters of the first convolution.
        stem_cells: reduction cells before the first stage, after a convolution with strides 2; 0
            for small images, with a convolution with strides 1.
        skip_reduction: whether the other input of the cell after a reduction cell is the one that
            the reduction cell had, instead of the reduction cell's main input.
        operations: functions by the names that the genotype uses.
        drop_path_rate: drop rate of the last cell; it rises linearly from cell to cell.

    Returns:
        The last cell's output after a ReLU.
    """
    strides = 2 if stem_cells else 1
    x = conv_bn(inputs, stem_filters, 3, strides=strides, padding="valid", name="stem")
    previous = None
    plan = _plan_cells(cells, filters, stem_cells)
    for spec, rate in zip(plan, linear_decay(drop_path_rate, len(plan)), strict=True):
        y = build_cell(
            x,
            previous,
            genotype.reduction if spec.reduces else genotype.normal,
            spec.filters,
            strides=2 if spec.reduces else 1,
            operations=operations,
            drop_path_rate=rate,
            name=spec.name,
        )
        if not (skip_reduction and spec.reduces and not spec.in_stem):
            previous = x
        x = y
    return layers.Activation("relu", name="last_relu")(x)


class _CellSpec(NamedTuple):
    name: str
    filters: int
    reduces: bool = False
    in_stem: bool = False


def _plan_cells(cells: int, filters: int, stem_cells: int) -> list[_CellSpec]:
    """Plan a network's cells: the stem's, then three stages with a reduction between them."""
    plan = [
        _CellSpec(f"stem{n}", filters // 2 ** (stem_cells + 1 - n), reduces=True, in_stem=True)
        for n in range(1, stem_cells + 1)
    ]
    for stage in range(3):
        width = filters * 2**stage
        if stage:
            plan.append(_CellSpec(f"reduction{stage}", width, reduces=True))
        plan += [_CellSpec(f"stage{stage + 1}_cell{n}", width) for n in range(1, cells + 1)]
    return plan
