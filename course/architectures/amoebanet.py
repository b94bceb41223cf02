"""AmoebaNets: cells that regularized evolution found in NASNet's search space.

Reference:
    Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier architecture search",
    AAAI 2019.
"""

from __future__ import annotations

import keras

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register
from course.blocks.cells import Cell, Genotype, build_cell_network
from course.blocks.head import classifier
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Real et al., Regularized evolution for image classifier architecture search, 2019"

# Each state as (input, operation) + (input, operation). B, C and D follow the authors' TPU code.
# That code does not dilate B's 'dil2_sep5x5'; we do, as the name says.
GENOTYPES = {
    "A": Genotype(
        Cell(
            (
                ((0, "avg3x3"), (0, "max3x3")),
                ((1, "sep3x3"), (1, "none")),
                ((0, "none"), (1, "avg3x3")),
                ((0, "sep3x3"), (2, "sep5x5")),
                ((5, "avg3x3"), (0, "sep3x3")),
            ),
            (1, 3, 4, 6),
        ),
        Cell(
            (
                ((1, "sep3x3"), (0, "avg3x3")),
                ((0, "max3x3"), (2, "sep7x7")),
                ((1, "max3x3"), (0, "max3x3")),
                ((4, "sep3x3"), (0, "1x7_7x1")),
                ((1, "avg3x3"), (0, "sep7x7")),
            ),
            (2, 3, 4, 5, 6),
        ),
    ),
    "B": Genotype(
        Cell(
            (
                ((1, "1x1"), (1, "max3x3")),
                ((1, "none"), (0, "sep3x3")),
                ((1, "1x1"), (0, "sep3x3")),
                ((2, "1x1"), (2, "none")),
                ((1, "avg3x3"), (5, "1x1")),
            ),
            (0, 3, 4, 6),
        ),
        Cell(
            (
                ((0, "max2x2"), (0, "max3x3")),
                ((2, "none"), (1, "3x3")),
                ((2, "dil2_sep5x5"), (2, "max3x3")),
                ((3, "none"), (1, "sep3x3")),
                ((4, "avg3x3"), (3, "1x1")),
            ),
            (5, 6),
        ),
    ),
    "C": Genotype(
        Cell(
            (
                ((0, "avg3x3"), (0, "sep3x3")),
                ((0, "none"), (0, "sep3x3")),
                ((2, "avg3x3"), (1, "sep3x3")),
                ((0, "none"), (1, "sep3x3")),
                ((3, "avg3x3"), (0, "sep3x3")),
            ),
            (1, 2, 4, 5, 6),
        ),
        Cell(
            (
                ((0, "max3x3"), (0, "max3x3")),
                ((2, "sep7x7"), (0, "sep3x3")),
                ((0, "sep7x7"), (1, "max3x3")),
                ((4, "sep5x5"), (4, "sep5x5")),
                ((1, "max3x3"), (1, "sep3x3")),
            ),
            (0, 2, 3, 4, 5, 6),
        ),
    ),
    "D": Genotype(
        Cell(
            (
                ((1, "1x1"), (1, "max3x3")),
                ((1, "none"), (0, "1x7_7x1")),
                ((0, "1x1"), (0, "1x7_7x1")),
                ((2, "max3x3"), (2, "none")),
                ((1, "avg3x3"), (5, "1x1")),
            ),
            (0, 3, 4, 6),
        ),
        Cell(
            (
                ((0, "max2x2"), (0, "max3x3")),
                ((2, "none"), (1, "3x3")),
                ((2, "1x7_7x1"), (2, "max3x3")),
                ((3, "none"), (1, "max2x2")),
                ((2, "avg3x3"), (3, "1x1")),
            ),
            (4, 5, 6),
        ),
    ),
}


def amoebanet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    genotype: str,
    cells: int,
    filters: int,
    stem_filters: int,
    stem_cells: int,
    drop_path_rate: float = 0.0,
    dropout: float = 0.0,
) -> Model:
    """Build an AmoebaNet with three stages of `cells` normal cells.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        genotype: ``"A"``, ``"B"``, ``"C"`` or ``"D"``.
        cells: N, normal cells per stage.
        filters: F, filters of the first stage; even, and a multiple of 8 if the stem has cells.
        stem_filters: filters of the first convolution.
        stem_cells: reduction cells before the first stage: 2 for ImageNet, 0 for CIFAR-10.
        drop_path_rate: drop rate of the last cell's operations; it rises linearly.
        dropout: rate of dropout before the classifier.

    Raises:
        UsageError: for an unknown genotype, or filters that cannot be halved where necessary.
    """
    if genotype not in GENOTYPES:
        raise UsageError(
            f"genotype must be one of {', '.join(GENOTYPES)}; received genotype={genotype!r}."
        )
    inputs = keras.Input(input_shape)
    x = build_cell_network(
        inputs,
        GENOTYPES[genotype],
        cells=cells,
        filters=filters,
        stem_filters=stem_filters,
        stem_cells=stem_cells,
        drop_path_rate=drop_path_rate,
    )
    outputs = classifier(x, classes, classifier_activation, dropout=dropout)
    return keras.Model(inputs, outputs, name=name)


# Name, image size, classes, genotype, N, F, published errors, a note on them.
NETS = (
    ("amoebanet_a_6_32_cifar", 32, 10, "A", 6, 32, cifar_errors(3.40), ""),
    ("amoebanet_a_6_36_cifar", 32, 10, "A", 6, 36, cifar_errors(3.34), ""),
    ("amoebanet_b_6_36_cifar", 32, 10, "B", 6, 36, cifar_errors(2.55), "Trained with cutout. "),
    ("amoebanet_a_6_192", 331, 1000, "A", 6, 192, (),
     "The paper has F = 190, 17.2 % top-1 error; 190 / 2 filters cannot be halved. "),
    ("amoebanet_a_6_448", 331, 1000, "A", 6, 448, imagenet_errors(16.1, 3.4),
     "The paper counts 104 billion multiply-adds, which fits images of 299 pixels. "),
    ("amoebanet_c_4_48_mobile", 224, 1000, "C", 4, 48, (),
     "The paper has F = 50, 24.3 % top-1 error; 50 / 2 filters cannot be halved. "),
    ("amoebanet_d_6_192", 224, 1000, "D", 6, 192, (), "Found for speed; not in the paper. "),
)  # fmt: skip

for name, side, classes, genotype, cells, filters, errors, note in NETS:
    imagenet = classes == 1000
    register(
        name,
        amoebanet,
        arguments={
            "genotype": genotype,
            "cells": cells,
            "filters": filters,
            # The authors' code gives 32 filters for ImageNet; NASNet's has 3F for CIFAR-10.
            "stem_filters": 32 if imagenet else 3 * filters,
            "stem_cells": 2 if imagenet else 0,
        },
        input_shape=(side, side, 3),
        classes=classes,
        paper=PAPER,
        table="Figure 5 and the appendix; errors in Tables 1 and 2",
        depth=None,
        published=errors,
        notes=note + "Trained with an auxiliary head, drop path that grows with depth and steps, "
        "and dropout before the classifier; none of them is used unless requested.",
    )
