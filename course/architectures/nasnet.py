"""NASNet-A: cells that a controller trained by reinforcement has put together on CIFAR-10.

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
from course.blocks.cells import OPERATIONS, Cell, Genotype, pool, search_network
from course.blocks.head import classifier
from course.errors import UsageError

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
# keras.applications pools over zeros at the border where its windows stride.
ZEROS = {
    "avg3x3": partial(pool, kind=layers.AveragePooling2D, size=3, zeros=True),
    "max3x3": partial(pool, kind=layers.MaxPooling2D, size=3, zeros=True),
}


def nasnet(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    cells,
    penultimate_filters,
    stem_filters,
    skip_reduction=False,
    drop_path_rate=0.0,
    dropout=0.0,
):
    """A NASNet of three stages of `cells` normal cells, written N @ P.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: of the last layer; None for scores.
        name: of the model.
        cells: N, normal cells a stage.
        penultimate_filters: P, channels of the last cell's output, a multiple of 96.
        stem_filters: of the first convolution.
        skip_reduction: whether a cell after a reduction takes as its other input what the
            reduction cell had as its own.
        drop_path_rate: of the operations of the last cell; less before, in proportion.
        dropout: rate before the classifier.

    Raises:
        UsageError: penultimate_filters that are not a multiple of 96.
    """
    if penultimate_filters % 96 or penultimate_filters < 96:
        raise UsageError(
            "penultimate_filters must be a multiple of 96, six states of the third stage with four "
            f"times a number's filters; received penultimate_filters={penultimate_filters}."
        )
    inputs = keras.Input(input_shape)
    x = search_network(
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


# Name, side of the images, N, P, stem's filters, skip_reduction, top-1 and top-5 error.
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
        "depth and steps, and dropout of 0.5 before the classifier; none of them is here unless "
        "asked for. Strided pooling sees zeros at the border, as in keras.applications.",
    )
