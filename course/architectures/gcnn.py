"""Networks that are equivariant to quarter turns (p4), or to turns and reflections (p4m).

With steps of 2 the networks for CIFAR-10 are exactly equivariant for images of 4n + 1 pixels a
side; at the paper's 32 the steps end one pixel before the right and lower border, so that it is an
approximation there. The networks for rotated digits are exact at 28.

Reference:
    Cohen, Welling, "Group equivariant convolutional networks", ICML 2016, section 8.
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from course.architectures.published import Published
from course.architectures.registry import register
from course.blocks import conv as blocks
from course.blocks.group import group_conv, group_global_pool, group_max_pool
from course.blocks.head import classifier
from course.errors import UsageError

PAPER = "Cohen & Welling, Group equivariant convolutional networks, 2016"

# Chainer's normalization, in which the authors' code is written.
batch_norm = partial(blocks.batch_norm, epsilon=2e-5)

# Filters at full size or not, kernel size, stride; Springenberg et al. 2015, Table 1.
ALL_CNN = ((0, 3, 1), (0, 3, 1), (0, 3, 2), (1, 3, 1), (1, 3, 1), (1, 3, 2), (1, 3, 1), (1, 1, 1))


def _scores(x, classifier_activation):
    return layers.Activation(classifier_activation, dtype="float32", name="predictions")(x)


def gcnn_resnet(
    input_shape, classes, classifier_activation, name, *, group, depth, filters, invariant=False
):
    """A residual network of 6n + 2 layers with normalization and ReLU before each convolution.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: of the last layer; None for scores.
        name: of the model.
        group: ``"z2"``, ``"p4"`` or ``"p4m"``.
        depth: number of weight layers, 6n + 2.
        filters: of each of the three stages.
        invariant: whether the classifier sees means over the group, which a turn leaves as they
            are; as in the authors' code it sees every element's mean.

    Raises:
        UsageError: a depth that is not 6n + 2.
    """
    blocks_a_stage, rest = divmod(depth - 2, 6)
    if rest or blocks_a_stage < 1:
        raise UsageError(f"depth must be 6n + 2 with n at least 1; received depth={depth}.")
    conv = partial(group_conv, group=group)

    def block(x, maps, strides, name):
        y = batch_norm(x, activation="relu", name=f"{name}_1")
        y = conv(y, maps, 3, strides=strides, padding=1, name=f"{name}_1")
        y = batch_norm(y, activation="relu", name=f"{name}_2")
        y = conv(y, maps, 3, padding=1, name=f"{name}_2")
        if x.shape[-1] != maps:
            x = conv(x, maps, 1, strides=strides, name=f"{name}_0")
        return layers.Add(name=f"{name}_add")([x, y])

    inputs = keras.Input(input_shape)
    x = conv(inputs, filters[0], 3, padding=1, name="conv1")
    for stage, maps in enumerate(filters, start=2):
        for number in range(1, blocks_a_stage + 1):
            strides = 2 if stage > 2 and number == 1 else 1
            x = block(x, maps, strides, f"conv{stage}_block{number}")
    x = batch_norm(x, activation="relu", name="last")
    if invariant:
        x = group_global_pool(x, name="group_pool")
    elif group != "z2":
        x = layers.Reshape((*x.shape[1:3], -1), name="elements_as_channels")(x)
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


def gcnn_allcnn(input_shape, classes, classifier_activation, name, *, group, filters):
    """All-CNN-C, with batch normalization, also before the means that are the scores.

    Args:
        input_shape, classes, classifier_activation, name, group: as for :func:`gcnn_resnet`.
        filters: of the first three convolutions, and of those after them.
    """
    inputs = keras.Input(input_shape)
    x = layers.Dropout(0.2, name="dropout")(inputs)
    rows = [(filters[wide], kernel, strides) for wide, kernel, strides in ALL_CNN]
    for number, (maps, kernel, strides) in enumerate([*rows, (classes, 1, 1)], start=1):
        layer = f"conv{number}"
        options = {"strides": strides, "padding": kernel // 2}
        x = group_conv(x, maps, kernel, group=group, **options, name=layer)
        x = batch_norm(x, activation="relu", name=layer)
        if strides == 2:
            x = layers.Dropout(0.5, name=f"{layer}_dropout")(x)
    x = group_global_pool(x, name="group_pool")
    return keras.Model(inputs, _scores(x, classifier_activation), name=name)


def rotated_mnist(
    input_shape, classes, classifier_activation, name, *, group, filters, dropout=0.0
):
    """Six convolutions of 3x3 and one of 4x4, whose largest value is a class's score.

    Args:
        input_shape, classes, classifier_activation, name, group: as for :func:`gcnn_resnet`.
        filters: of the six convolutions.
        dropout: rate after each of them but the second.

    Raises:
        UsageError: an image of less than 28 pixels a side.
    """
    if min(input_shape[:2]) < 28:
        raise UsageError(
            "Six convolutions of 3x3, pooling and one of 4x4 need 28 pixels a side; "
            f"received input_shape={input_shape}. Pad the images."
        )
    inputs = x = keras.Input(input_shape)
    for number in range(1, 7):
        x = group_conv(x, filters, 3, group=group, name=f"conv{number}")
        x = batch_norm(x, activation="relu", name=f"conv{number}")
        if number == 2:
            x = group_max_pool(x, 2, name="conv2_pool")
        elif dropout:
            x = layers.Dropout(dropout, name=f"conv{number}_dropout")(x)
    x = group_conv(x, classes, 4, group=group, name="conv7")
    x = group_global_pool(x, "max", name="group_pool")
    return keras.Model(inputs, _scores(x, classifier_activation), name=name)


CIFAR10 = {"input_shape": (32, 32, 3), "classes": 10, "table": "Section 8.2, Table 2"}
MNIST = {"input_shape": (28, 28, 1), "classes": 10, "table": "Section 8.1, Table 1"}
RESNET44, RESNET26 = {"depth": 44}, {"depth": 26}
# Name, builder, group, filters, other arguments, errors in percent: with shifts and flips of the
# training images (on rotated MNIST, as they are), and without.
NETS = (
    ("gcnn_z2_allcnn", gcnn_allcnn, "z2", (96, 192), {}, 8.86, 9.44),
    ("gcnn_p4_allcnn", gcnn_allcnn, "p4", (48, 96), {}, 7.67, 8.84),
    ("gcnn_p4m_allcnn", gcnn_allcnn, "p4m", (32, 64), {}, 7.04, 7.59),
    ("gcnn_z2_resnet44", gcnn_resnet, "z2", (32, 64, 128), RESNET44, 5.61, 9.45),
    ("gcnn_p4m_resnet44", gcnn_resnet, "p4m", (11, 23, 45), RESNET44, 4.94, 6.46),
    ("gcnn_z2_resnet26", gcnn_resnet, "z2", (71, 142, 284), RESNET26, 5.27, 8.95),
    ("gcnn_p4m_resnet26", gcnn_resnet, "p4m", (25, 50, 100), RESNET26, 4.19, 5.74),
    ("z2cnn_rotated_mnist", rotated_mnist, "z2", 20, {"dropout": 0.3}, 5.03, None),
    ("p4cnn_rotated_mnist", rotated_mnist, "p4", 10, {}, 2.28, None),
)
DEPTH = {gcnn_allcnn: 9, rotated_mnist: 7}
AUGMENTED = "Error with shifts and flips of the training images; {} % without."
NOT_INVARIANT = (
    " As in the authors' code, and as the paper's parameters say, the classifier sees the mean of "
    "each element of the group; invariant=True pools them."
)

for name, builder, group, filters, arguments, error, without in NETS:
    register(
        name,
        builder,
        arguments={"group": group, "filters": filters, **arguments},
        paper=PAPER,
        depth=DEPTH.get(builder) or arguments["depth"],
        published=(
            Published("rotated_mnist", "top-1 error", error)
            if builder is rotated_mnist
            else Published("cifar10", "top-1 error", error),
        ),
        notes=(AUGMENTED.format(without) if without else "")
        + (NOT_INVARIANT if "p4m_resnet" in name else ""),
        **(MNIST if builder is rotated_mnist else CIFAR10),
    )
