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
from typing import NamedTuple

from keras import layers

from course.blocks.cell_operations import (
    OPERATIONS,
    conv_bn,
    factorized_reduction,
    identity,
    relu_conv_bn,
)
from course.keras_types import Tensor
from course.regularization import drop_path, linear_decay


class Cell(NamedTuple):
    """A cell as data."""

    rows: tuple[tuple[tuple[int, str], tuple[int, str]], ...]  # (input, operation) twice per state
    output: tuple[int, ...]  # the states to concatenate


class Genotype(NamedTuple):
    """The cell that keeps the feature maps' size, and the one that halves it."""

    normal: Cell
    reduction: Cell


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
