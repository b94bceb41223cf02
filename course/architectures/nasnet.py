"""NASNet-A: cells that a controller found on CIFAR-10 by reinforcement learning.

Reference:
    Zoph, Vasudevan, Shlens, Le, "Learning transferable architectures for scalable image
    recognition", CVPR 2018.
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register
from course.blocks.cell_operations import OPERATIONS, pool
from course.blocks.cells import Cell, Genotype, build_cell_network
from course.blocks.head import classifier
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "Zoph et al., Learning transferable architectures for scalable image recognition, 2018"

# Figure 4: each state as (input, operation) + (input, operation).
NASNET_A = Genotype(
    normal=Cell(
        (
            ((0, "sep5x5"), (1, "sep3x3")),
            ((1, "sep5x5"), (1, "sep3x3")),
            ((0, "avg3x3"), (1, "none")),
            ((1, "avg3x3"), (1, "avg3x3")),
            ((0, "sep3x3"), (0, "none")),
        ),
        (1, 2, 3, 4, 5, 6),
    ),
    reduction=Cell(
        (
            ((0, "sep5x5"), (1, "sep7x7")),
            ((0, "max3x3"), (1, "sep7x7")),
            ((0, "avg3x3"), (1, "sep5x5")),
            ((3, "none"), (2, "avg3x3")),
            ((2, "sep3x3"), (0, "max3x3")),
        ),
        (3, 4, 5, 6),
    ),
)
# keras.applications pads with zeros before strided pooling.
ZEROS = {
    "avg3x3": partial(pool, kind=layers.AveragePooling2D, size=3, zeros=True),
    "max3x3": partial(pool, kind=layers.MaxPooling2D, size=3, zeros=True),
}


def nasnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    cells: int,
    penultimate_filters: int,
    stem_filters: int,
    skip_reduction: bool = False,
    drop_path_rate: float = 0.0,
    dropout: float = 0.0,
) -> Model:
    """Build a NASNet with three stages of `cells` normal cells, written N @ P.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        cells: N, normal cells per stage.
        penultimate_filters: P, channels of the last cell's output, a multiple of 96.
        stem_filters: filters of the first convolution.
        skip_reduction: whether the other input of the cell after a reduction cell is the one that
            the reduction cell had.
        drop_path_rate: drop rate of the last cell's operations; it rises linearly.
        dropout: rate of dropout before the classifier.

    Raises:
        UsageError: if `penultimate_filters` is not a multiple of 96.
    """
    if penultimate_filters % 96 or penultimate_filters < 96:
        raise UsageError(
            "penultimate_filters must be a multiple of 96: the last cell concatenates six states "
            "of four times the first stage's filters; received "
            f"penultimate_filters={penultimate_filters}."
        )
    inputs = keras.Input(input_shape)
    x = build_cell_network(
        inputs,
        NASNET_A,
        cells=cells,
        filters=penultimate_filters // 24,
        stem_filters=stem_filters,
        stem_cells=2,
        skip_reduction=skip_reduction,
        operations={**OPERATIONS, **ZEROS},
        drop_path_rate=drop_path_rate,
    )
    outputs = classifier(x, classes, classifier_activation, dropout=dropout)
    return keras.Model(inputs, outputs, name=name)


# Name, image size, N, P, the stem's filters, skip_reduction, top-1 and top-5 error.
for name, side, cells, filters, stem, skip, top1, top5 in (
    ("nasnet_mobile", 224, 4, 1056, 32, False, 26.0, 8.4),
    ("nasnet_large", 331, 6, 4032, 96, True, 17.3, 3.8),
):
    register(
        name,
        nasnet,
        arguments={
            "cells": cells,
            "penultimate_filters": filters,
            "stem_filters": stem,
            "skip_reduction": skip,
        },
        input_shape=(side, side, 3),
        classes=1000,
        paper=PAPER,
        table="Figures 2 and 4, appendix A; errors in Tables 2 and 3",
        depth=None,
        published=imagenet_errors(top1, top5),
        keras_application="NASNetMobile" if name == "nasnet_mobile" else None,
        notes="One crop, one model. Trained with an auxiliary head, drop path that grows with "
        "depth and steps, and dropout of 0.5 before the classifier; none of them is used unless "
        "requested. Strided pooling pads with zeros, as in keras.applications.",
    )
