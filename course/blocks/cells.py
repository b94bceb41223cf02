"""Cells that a search has found: small graphs of operations, written down as data.

A cell sees two inputs: state 0 is the last cell's output after a 1x1 convolution, state 1 the one
before it. Each row of a cell applies one operation to each of two states and adds the results,
which is the next state: 2, 3, ... The cell's output is some of the states, side by side.

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
from course.regularization import drop_path, linear_decay

batch_norm = partial(blocks.batch_norm, epsilon=1e-3, momentum=0.9997)
conv_bn = partial(blocks.conv_bn, activation=None, epsilon=1e-3, momentum=0.9997)


class Cell(NamedTuple):
    """A cell as data."""

    rows: tuple  # ((input, operation), (input, operation)) of each state from 2 on
    output: tuple[int, ...]  # the states side by side


class Genotype(NamedTuple):
    """The cell that keeps an image's size, and the one that halves it."""

    normal: Cell
    reduction: Cell


def relu_conv_bn(x, filters: int, kernel_size=1, *, strides=1, name: str):
    """ReLU, convolution and batch normalization, in the order of a cell.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: of the convolution.
        strides: step in both directions.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    return conv_bn(x, filters, kernel_size, strides=strides, name=name)


def separable(x, filters: int, *, size: int, dilation: int = 1, strides: int = 1, name: str):
    """ReLU, depthwise separable convolution, batch normalization, twice; the first one strides.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        size: height and width of the kernels.
        dilation: distance of the kernels' taps, where the step is 1.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    for number, step in ((1, strides), (2, 1)):
        part = f"{name}_{number}"
        x = layers.Activation("relu", name=f"{part}_relu")(x)
        x = layers.SeparableConv2D(
            filters,
            size,
            strides=step,
            padding="same",
            dilation_rate=dilation if step == 1 else 1,
            use_bias=False,
            name=f"{part}_sep",
        )(x)
        x = batch_norm(x, name=part)
    return x


def pool(x, filters: int, *, kind, size: int, zeros: bool = False, strides: int = 1, name: str):
    """Pooling, and a 1x1 convolution where the channels are not as many as the cell's.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kind: pooling layer of Keras.
        size: height and width of the windows.
        zeros: whether windows that reach over the border see zeros there, where the step is not 1.

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


def bottleneck(x, filters: int, *, kernels: tuple, strides: int = 1, name: str):
    """Convolutions with a quarter of the channels, between two 1x1 convolutions.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kernels: (height, width) of the convolutions in the middle; each strides along the sides
            on which it is longer than 1.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    quarter = max(1, filters // 4)
    x = relu_conv_bn(x, quarter, name=f"{name}_1")
    for number, kernel in enumerate(kernels, start=2):
        steps = tuple(strides if side > 1 else 1 for side in kernel)
        x = relu_conv_bn(x, quarter, kernel, strides=steps, name=f"{name}_{number}")
    return relu_conv_bn(x, filters, name=f"{name}_{len(kernels) + 2}")


def identity(x, filters: int, *, strides: int = 1, name: str):
    """The input itself, or a 1x1 convolution where shapes change.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    if strides == 1 and x.shape[-1] == filters:
        return x
    return relu_conv_bn(x, filters, strides=strides, name=name)


# Functions of (x, filters, *, strides, name) by the names that genotypes use.
OPERATIONS: Mapping[str, Callable] = {
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


def factorized_reduction(x, filters: int, *, name: str):
    """Half the size, from two 1x1 convolutions of which each sees every other pixel.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output, an even number.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / 2), ceil(width / 2), filters).

    Raises:
        UsageError: an odd number of filters.
    """
    if filters % 2:
        raise UsageError(
            "A reduction in two halves needs an even number of filters; received "
            f"filters={filters}. Choose the network's filters as a multiple of 8."
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


def fit_previous(previous, x, filters: int, *, name: str):
    """The output before the last one in the last one's size, with a cell's channels.

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


def search_cell(
    x,
    previous,
    cell: Cell,
    filters: int,
    *,
    strides: int = 1,
    operations: Mapping[str, Callable] = OPERATIONS,
    drop_path_rate: float = 0.0,
    name: str,
):
    """Build a cell from its genotype.

    Args:
        x: the last cell's output, of shape (batch, height, width, channels).
        previous: the output before it, of the same size or twice as high and wide; None for `x`.
        cell: which operations on which states, and the states of the output.
        filters: channels of each state.
        strides: 2 for a reduction cell, whose operations on its inputs stride.
        operations: functions by the names that the cell uses.
        drop_path_rate: probability that an operation's result is dropped for an example.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), states of the
        output * filters).
    """
    previous = fit_previous(previous, x, filters, name=f"{name}_previous")
    states = [relu_conv_bn(x, filters, name=f"{name}_input"), previous]
    for number, row in enumerate(cell.rows, start=1):
        sides = []
        for side, (state, operation) in zip(("left", "right"), row, strict=True):
            side_name = f"{name}_{number}_{side}"
            steps = strides if state < 2 else 1
            y = operations[operation](states[state], filters, strides=steps, name=side_name)
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


def search_network(
    inputs,
    genotype: Genotype,
    *,
    cells: int,
    filters: int,
    stem_filters: int,
    stem_cells: int,
    skip_reduction: bool = False,
    operations: Mapping[str, Callable] = OPERATIONS,
    drop_path_rate: float = 0.0,
):
    """A convolution, reduction cells as a stem, and three stages of normal cells.

    Args:
        inputs: images, tensor of shape (batch, height, width, channels).
        genotype: the two cells.
        cells: normal cells a stage; a reduction cell comes between two stages.
        filters: of the first stage; each stage has twice as many as the one before.
        stem_filters: of the first convolution.
        stem_cells: reduction cells before the first stage, after a convolution of step 2; 0 for
            small images, with a convolution of step 1.
        skip_reduction: whether a cell after a reduction takes the output two cells before the
            reduction cell's as its other input, not the one right before it.
        operations: functions by the names that the genotype uses.
        drop_path_rate: of the last cell; each cell's is higher than the one before by the same.

    Returns:
        Tensor of the last cell's output after a ReLU.
    """
    plan = [(f"stem{n}", filters // 2 ** (stem_cells + 1 - n), 2) for n in range(1, stem_cells + 1)]
    for stage in range(3):
        if stage:
            plan.append((f"reduction{stage}", filters * 2**stage, 2))
        plan += [(f"stage{stage + 1}_cell{n}", filters * 2**stage, 1) for n in range(1, cells + 1)]
    strides = 2 if stem_cells else 1
    x = conv_bn(inputs, stem_filters, 3, strides=strides, padding="valid", name="stem")
    previous = None
    rates = linear_decay(drop_path_rate, len(plan))
    for (name, width, strides), rate in zip(plan, rates, strict=True):
        options = {"operations": operations, "drop_path_rate": rate, "name": name}
        cell = genotype.normal if strides == 1 else genotype.reduction
        y = search_cell(x, previous, cell, width, strides=strides, **options)
        if not (skip_reduction and name.startswith("reduction")):
            previous = x
        x = y
    return layers.Activation("relu", name="last_relu")(x)
