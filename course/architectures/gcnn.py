"""Networks that are equivariant to rotations by 90 degrees (p4), and to reflections, too (p4m).

With strides of 2, the CIFAR-10 networks are exactly equivariant for images of size 4n + 1; at the
paper's 32 the windows end one pixel before the right and lower borders, and equivariance is
approximate. The networks for rotated digits are exact at 28.

Reference:
    Cohen, Welling, "Group equivariant convolutional networks", ICML 2016, section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.architecture import Builder
from course.architectures.published import Published
from course.architectures.registry import register, require_size
from course.architectures.resnet_cifar import cifar_stages
from course.blocks import conv as blocks
from course.blocks.group import group_conv, group_global_pool, group_max_pool
from course.blocks.head import classifier
from course.blocks.stages import BlockSpec, block_specs
from course.keras_types import ImageShape, Model, Tensor

PAPER = "Cohen & Welling, Group equivariant convolutional networks, 2016"

# Chainer's epsilon; the authors' code uses Chainer.
batch_norm = partial(blocks.batch_norm, epsilon=2e-5)

# Filters at full size or not, kernel size, stride; Springenberg et al. 2015, Table 1.
ALL_CNN = ((0, 3, 1), (0, 3, 1), (0, 3, 2), (1, 3, 1), (1, 3, 1), (1, 3, 2), (1, 3, 1), (1, 1, 1))


def _logits(x: Tensor, classifier_activation: str | None) -> Tensor:
    return layers.Activation(classifier_activation, dtype="float32", name="predictions")(x)


def gcnn_resnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    group: str,
    depth: int,
    filters: Sequence[int],
    invariant: bool = False,
) -> Model:
    """Build a pre-activation network of 6n + 2 layers.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        group: ``"z2"``, ``"p4"`` or ``"p4m"``.
        depth: number of weight layers, 6n + 2.
        filters: filters of each of the three stages.
        invariant: whether to average over the group before the classifier, which makes it
            invariant; in the authors' code the classifier sees each element's mean.

    Raises:
        UsageError: for a depth that is not 6n + 2.
    """
    stages = cifar_stages(depth, filters=filters)
    conv = partial(group_conv, group=group)

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        name = spec.name
        y = batch_norm(x, activation="relu", name=f"{name}_1")
        y = conv(y, spec.filters, 3, strides=spec.strides, padding=1, name=f"{name}_1")
        y = batch_norm(y, activation="relu", name=f"{name}_2")
        y = conv(y, spec.filters, 3, padding=1, name=f"{name}_2")
        if x.shape[-1] != spec.filters:
            x = conv(x, spec.filters, 1, strides=spec.strides, name=f"{name}_0")
        return layers.Add(name=f"{name}_add")([x, y])

    inputs = keras.Input(input_shape)
    x = conv(inputs, filters[0], 3, padding=1, name="conv1")
    for spec in block_specs(stages):
        x = block(x, spec)
    x = batch_norm(x, activation="relu", name="last")
    if invariant:
        x = group_global_pool(x, name="group_pool")
    elif group != "z2":
        x = layers.Reshape((*x.shape[1:3], -1), name="elements_as_channels")(x)
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


def gcnn_allcnn(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    group: str,
    filters: tuple[int, int],
) -> Model:
    """Build All-CNN-C with batch normalization, also before the final pooling.

    Args:
        input_shape, classes, classifier_activation, name, group: as for :func:`gcnn_resnet`.
        filters: filters of the first three convolutions, and of those after them.
    """
    inputs = keras.Input(input_shape)
    x = layers.Dropout(0.2, name="dropout")(inputs)
    rows = [(filters[wide], kernel, strides) for wide, kernel, strides in ALL_CNN]
    for number, (width, kernel, strides) in enumerate([*rows, (classes, 1, 1)], start=1):
        layer = f"conv{number}"
        x = group_conv(
            x, width, kernel, group=group, strides=strides, padding=kernel // 2, name=layer
        )
        x = batch_norm(x, activation="relu", name=layer)
        if strides == 2:
            x = layers.Dropout(0.5, name=f"{layer}_dropout")(x)
    x = group_global_pool(x, name="group_pool")
    return keras.Model(inputs, _logits(x, classifier_activation), name=name)


def rotated_mnist(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    group: str,
    filters: int,
    dropout: float = 0.0,
) -> Model:
    """Build six 3x3 convolutions and a 4x4 one; global max pooling gives the logits.

    Args:
        input_shape, classes, classifier_activation, name, group: as for :func:`gcnn_resnet`.
        filters: filters of the six convolutions.
        dropout: rate of dropout after each of them but the second.

    Raises:
        UsageError: if the images are smaller than 28x28.
    """
    require_size(input_shape, 28, name)
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
    return keras.Model(inputs, _logits(x, classifier_activation), name=name)


class Net(NamedTuple):
    """A registered network.

    Its error on CIFAR-10 is with shifts and flips of the training images.
    """

    name: str
    builder: Builder
    group: str
    filters: int | tuple[int, ...]
    depth: int
    error: float
    unaugmented_error: float | None = None
    dropout: float = 0.0


NETS = (
    Net("gcnn_z2_allcnn", gcnn_allcnn, "z2", (96, 192), 9, 8.86, 9.44),
    Net("gcnn_p4_allcnn", gcnn_allcnn, "p4", (48, 96), 9, 7.67, 8.84),
    Net("gcnn_p4m_allcnn", gcnn_allcnn, "p4m", (32, 64), 9, 7.04, 7.59),
    Net("gcnn_z2_resnet44", gcnn_resnet, "z2", (32, 64, 128), 44, 5.61, 9.45),
    Net("gcnn_p4m_resnet44", gcnn_resnet, "p4m", (11, 23, 45), 44, 4.94, 6.46),
    Net("gcnn_z2_resnet26", gcnn_resnet, "z2", (71, 142, 284), 26, 5.27, 8.95),
    Net("gcnn_p4m_resnet26", gcnn_resnet, "p4m", (25, 50, 100), 26, 4.19, 5.74),
    Net("z2cnn_rotated_mnist", rotated_mnist, "z2", 20, 7, 5.03, dropout=0.3),
    Net("p4cnn_rotated_mnist", rotated_mnist, "p4", 10, 7, 2.28),
)
NOT_INVARIANT = (
    " As in the authors' code, and as the paper's parameters imply, the classifier sees the mean "
    "of each element of the group; invariant=True pools them."
)

for net in NETS:
    digits, residual = net.builder is rotated_mnist, net.builder is gcnn_resnet
    register(
        net.name,
        net.builder,
        arguments={"group": net.group, "filters": net.filters}
        | ({"depth": net.depth} if residual else {})
        | ({"dropout": net.dropout} if net.dropout else {}),
        input_shape=(28, 28, 1) if digits else (32, 32, 3),
        classes=10,
        paper=PAPER,
        table="Section 8.1, Table 1" if digits else "Section 8.2, Table 2",
        depth=net.depth,
        published=(Published("rotated_mnist" if digits else "cifar10", "top-1 error", net.error),),
        notes=(
            f"Error with shifts and flips of the training data; {net.unaugmented_error} % without."
            if net.unaugmented_error
            else ""
        )
        + (NOT_INVARIANT if residual and net.group == "p4m" else ""),
    )
