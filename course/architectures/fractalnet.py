"""FractalNet: as deep as a residual network, without residuals.

Reference:
    Larsson, Maire, Shakhnarovich, "FractalNet: Ultra-deep neural networks without residuals",
    ICLR 2017, figure 1 and section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from course.architectures.published import cifar_errors
from course.architectures.registry import register, require_size
from course.blocks.fractal import ColumnChoice, fractal_block
from course.blocks.head import classifier
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Larsson et al., FractalNet, 2017"

# Section 4: filters of each block, and the rate of dropout in it.
TABLE = ((64, 0.0), (128, 0.1), (256, 0.2), (512, 0.3), (512, 0.4))


def fractalnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    columns: int = 3,
    blocks: Sequence[tuple[int, float]] = TABLE,
    drop_path_rate: float = 0.15,
    global_share: float = 0.5,
) -> Model:
    """Build a FractalNet with 2^(columns - 1) layers per block.

    Args:
        input_shape: (height, width, channels), height and width at least 2^blocks.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        columns: number of columns in each block, at least 1.
        blocks: filters and dropout rate of each block.
        drop_path_rate: probability that a join drops an input.
        global_share: fraction of training steps in which all joins let through the same column.

    Raises:
        UsageError: if there are no columns, or an input that would vanish.
    """
    if columns < 1:
        raise UsageError(f"columns must be at least 1; received columns={columns}.")
    require_size(input_shape, 2 ** len(blocks), name)
    inputs = keras.Input(input_shape)
    choice = ColumnChoice(columns, global_share, name="column_choice")(inputs)
    x = inputs
    for number, (filters, dropout) in enumerate(blocks, start=1):
        x = fractal_block(
            x,
            choice,
            filters,
            columns=columns,
            drop_path=drop_path_rate,
            dropout=dropout,
            name=f"block{number}",
        )
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


register(
    "fractalnet20",
    fractalnet,
    arguments={"columns": 3},
    input_shape=(32, 32, 3),
    classes=10,
    paper=PAPER,
    table="Figure 1 and section 4; errors in Table 1",
    depth=20,
    published=cifar_errors(4.60, 23.73),
    recipe="fractalnet",
    notes=(
        "Errors with drop-path, dropout and augmented data. Columns are pooled before the block's "
        "last join, and dropout precedes normalization, as in the authors' code. The depth "
        "counts convolutions only."
    ),
)
