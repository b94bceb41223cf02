"""LeNet-5, as in the paper and as it is usually built today.

Reference:
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

import keras
from keras import layers

from course.architectures.published import Published
from course.architectures.registry import register
from course.blocks.classic import (
    ConnectionTableConv2D,
    EuclideanRBF,
    TrainableSubsampling2D,
    scaled_tanh,
)
from course.blocks.head import classifier
from course.errors import UsageError
from course.keras_types import ImageShape, Model

PAPER = "LeCun et al., Gradient-based learning applied to document recognition, 1998"

# Table I: which maps of S2 each of C3's 16 maps sees. Six see three neighbors, six see four, three
# see two pairs, the last sees all.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

# The output layer's codes are pictures of the digits, 7 wide and 12 high, after figure 3.
DIGITS = """
..###.. ...##.. .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..###.. ##...## ##...## ....##. ##..... .##.... ##...## ##...## ##...##
##...## .####.. ##...## .....## ...###. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ....##. .##.##. ######. ######. ....##. .#####. ##...##
##...## ...##.. ...##.. ..###.. ##..##. ##...## ##...## ...##.. .#####. .######
##...## ...##.. ..##... ....##. ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
.#...#. ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. .##.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_codes() -> list[list[int]]:
    """Return the digits' pictures as rows of 84 numbers: 1 for ink, -1 for paper."""
    lines = [line.split() for line in DIGITS.strip().splitlines()]
    return [[1 if c == "#" else -1 for row in lines for c in row[digit]] for digit in range(10)]


def lenet5(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build the paper's network, with trainable subsampling, Table I, and an RBF output.

    Raises:
        UsageError: if the images are not 32x32, or there are not ten classes.
    """
    if input_shape[:2] != (32, 32):
        raise UsageError(
            "LeNet-5 ends in 5x5 feature maps only for 32x32 images; "
            f"received input_shape={input_shape}. lenet5_modern takes other sizes."
        )
    if classes != 10:
        raise UsageError(
            "LeNet-5 compares its output with pictures of the ten digits; "
            f"received classes={classes}. lenet5_modern takes other numbers."
        )
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation=scaled_tanh, name="C1")(inputs)
    x = TrainableSubsampling2D(name="S2")(x)
    x = ConnectionTableConv2D(C3_TABLE, 5, activation=scaled_tanh, name="C3")(x)
    x = TrainableSubsampling2D(name="S4")(x)
    x = layers.Conv2D(120, 5, activation=scaled_tanh, name="C5")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation=scaled_tanh, name="F6")(x)
    x = EuclideanRBF(digit_codes(), dtype="float32", name="output")(x)
    if classifier_activation:
        x = layers.Activation(classifier_activation, dtype="float32", name="predictions")(x)
    return keras.Model(inputs, x, name=name)


def lenet5_modern(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
) -> Model:
    """Build LeNet-5 with ordinary convolutions, average pooling, and a dense output layer."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation="tanh", name="conv1")(inputs)
    x = layers.AveragePooling2D(2, name="pool1")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="conv2")(x)
    x = layers.AveragePooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation="tanh", name="fc1")(x)
    x = layers.Dense(84, activation="tanh", name="fc2")(x)
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


register(
    "lenet5",
    lenet5,
    arguments={},
    input_shape=(32, 32, 1),
    classes=10,
    paper=PAPER,
    table="Section II.B, figure 2 and Table I",
    depth=7,
    published=(Published("mnist", "top-1 error", 0.95),),
    notes="The output is the negated penalty of the paper, so that the largest value wins; the "
    "codes are our own drawings after the paper's figure 3.",
)
register(
    "lenet5_modern",
    lenet5_modern,
    arguments={},
    input_shape=(32, 32, 1),
    classes=10,
    paper=PAPER,
    table="Section II.B, figure 2, simplified",
    depth=5,
)
