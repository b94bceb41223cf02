"""DenseNet: every layer sees the feature maps of all layers before it.

Reference:
    Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", CVPR 2017,
    Tables 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import layers

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import batch_norm, conv, conv_bn, pad
from course.blocks.dense import dense_layer, transition
from course.blocks.head import classifier
from course.blocks.stack import stack_blocks
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor

PAPER = "Huang et al., Densely connected convolutional networks, 2017"

# Table 1: layers of each dense block; Table 3: ImageNet top-1 and top-5 errors, single crop.
IMAGENET = {
    121: ((6, 12, 24, 16), 25.02, 7.71),
    169: ((6, 12, 32, 32), 23.80, 6.85),
    201: ((6, 12, 48, 32), 22.58, 6.34),
    264: ((6, 12, 64, 48), 22.15, 6.12),
}


class Cifar(NamedTuple):
    """A row of Table 2, with the errors on augmented data in percent."""

    bottleneck: bool  # and compression: "BC"
    depth: int
    growth_rate: int
    cifar10: float
    cifar100: float


CIFAR = (
    Cifar(True, 100, 12, 4.51, 22.27),
    Cifar(True, 250, 24, 3.62, 17.60),
    Cifar(True, 190, 40, 3.46, 17.18),
    Cifar(False, 40, 12, 5.24, 24.42),
    Cifar(False, 100, 12, 4.10, 20.20),
    Cifar(False, 100, 24, 3.74, 19.25),
)


def cifar_repeats(depth: int, bottleneck: bool) -> tuple[int, int, int]:
    """Divide a depth among three dense blocks, and return the layers of each.

    The first convolution, two transitions and the classifier belong to no dense block.

    Raises:
        UsageError: for a depth that is not 3n + 4 (6n + 4 with bottlenecks).
    """
    each, rest = divmod(depth - 4, 6 if bottleneck else 3)
    if rest or each < 1:
        raise UsageError(
            f"depth must be {'6n' if bottleneck else '3n'} + 4 with n at least 1, for three equal "
            f"dense blocks; received depth={depth}."
        )
    return each, each, each


def densenet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    repeats: Sequence[int],
    growth_rate: int,
    bottleneck: bool = True,
    compression: float = 0.5,
    imagenet_stem: bool = True,
    dropout: float = 0.0,
) -> Model:
    """Build a DenseNet.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        repeats: layers of each dense block.
        growth_rate: number of feature maps that each layer adds.
        bottleneck: whether layers start with a 1x1 convolution.
        compression: fraction of the feature maps that a transition keeps, above 0 and at most 1.
        imagenet_stem: whether the network starts with a 7x7 convolution with strides 2 and pooling,
            or with a 3x3 convolution.
        dropout: rate of dropout after the convolutions; the paper's is 0.2 without augmentation.

    Raises:
        UsageError: for a compression that is not a fraction, or an input that would vanish.
    """
    if not 0 < compression <= 1:
        raise UsageError(
            "compression is the fraction of feature maps that transitions keep, above 0 and at "
            f"most 1; received compression={compression}."
        )
    require_size(input_shape, 2 ** (len(repeats) - 1) * (4 if imagenet_stem else 1), name)

    def layer(x: Tensor, place: tuple[int, int]) -> Tensor:
        block, number = place
        if block > 1 and number == 1:
            kept = int(x.shape[-1] * compression)
            x = transition(x, kept, dropout=dropout, name=f"transition{block - 1}")
        layer_name = f"block{block}_layer{number}"
        return dense_layer(x, growth_rate, bottleneck=bottleneck, dropout=dropout, name=layer_name)

    places = [(b, n) for b, last in enumerate(repeats, start=1) for n in range(1, last + 1)]
    inputs = keras.Input(input_shape)
    filters = 2 * growth_rate if compression < 1 else 16
    if imagenet_stem:
        x = conv_bn(inputs, filters, 7, strides=2, padding=3, name="conv1")
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(pad(x, 1, name="pool1"))
    else:
        x = conv(inputs, filters, 3, name="conv1")
    x = batch_norm(stack_blocks(x, layer, places), activation="relu", name="last")
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


for depth, (repeats, top1, top5) in IMAGENET.items():
    register(
        f"densenet{depth}",
        densenet,
        arguments={"repeats": repeats, "growth_rate": 32},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 1; errors in Table 3",
        depth=depth,
        published=imagenet_errors(top1, top5),
        recipe="densenet",
        keras_application=None if depth == 264 else f"DenseNet{depth}",
        notes="Errors for a single crop. DenseNet-264's layers in Table 1 add up to 265.",
    )

for row in CIFAR:
    register(
        f"densenet{'_bc' * row.bottleneck}_{row.depth}_{row.growth_rate}",
        densenet,
        arguments={
            "repeats": cifar_repeats(row.depth, row.bottleneck),
            "growth_rate": row.growth_rate,
            "bottleneck": row.bottleneck,
            "compression": 0.5 if row.bottleneck else 1.0,
            "imagenet_stem": False,
        },
        input_shape=(32, 32, 3),
        classes=10,
        paper=PAPER,
        table="Section 3, implementation details; errors in Table 2",
        depth=row.depth,
        published=cifar_errors(row.cifar10, row.cifar100),
        recipe="densenet_cifar",
        notes="Errors with augmented data (C10+ and C100+), for which there is no dropout.",
    )
