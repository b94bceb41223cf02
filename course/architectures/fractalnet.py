"""FractalNet: as deep as a residual network, without residuals.

Reference:
    Larsson, Maire, Shakhnarovich, "FractalNet: Ultra-deep neural networks without residuals",
    ICLR 2017, figure 1 and section 4.
"""

from __future__ import annotations

import keras

from course.architectures.published import cifar_errors
from course.architectures.registry import register, require_size
from course.blocks.fractal import ColumnChoice, fractal_block
from course.blocks.head import classifier
from course.errors import UsageError

PAPER = "Larsson et al., FractalNet, 2017"

# Section 4: filters of each block, and the rate of dropout in it.
TABLE = ((64, 0.0), (128, 0.1), (256, 0.2), (512, 0.3), (512, 0.4))


def fractalnet(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    columns=3,
    blocks=TABLE,
    drop_path_rate=0.15,
    global_share=0.5,
):
    """FractalNet: 2^(columns - 1) layers a block.

    Args:
        input_shape: (height, width, channels), height and width at least 2^blocks.
        classes: number of classes.
        classifier_activation: of the last layer; None for scores.
        name: of the model.
        columns: of each block, at least 1.
        blocks: filters and dropout of each block.
        drop_path_rate: probability that a join leaves an input out.
        global_share: share of training steps in which all joins let through the same one column.

    Raises:
        UsageError: no columns, or an input that would vanish.
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
        "last join, and dropout stands before normalization, as in the authors' code. The depth "
        "counts convolutions only."
    ),
)
