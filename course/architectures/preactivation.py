"""Residual networks whose blocks normalize and rectify before they convolve.

Reference:
    He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV 2016.
"""

from __future__ import annotations

from functools import partial

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register
from course.architectures.resnet import BLOCKS, doubling, residual_net
from course.architectures.resnet_cifar import STAGES, cifar_stages
from course.blocks.conv import batch_norm, conv
from course.blocks.preactivation import preactivation_block
from course.blocks.stages import imagenet_stem

PAPER = "He et al., Identity mappings in deep residual networks, 2016"

FINISH = partial(batch_norm, activation="relu", name="post")
ONE_CONV = partial(conv, filters=STAGES[0], kernel_size=3, name="conv1")


def bottleneck(x, filters, *, strides, strided, name):
    """1x1, 3x3, 1x1, with a quarter of the filters inside."""
    return preactivation_block(
        x,
        filters,
        kernels=(1, 3, 1),
        width=filters // 4,
        strides=strides,
        strided=strided,
        name=name,
    )


def resnet_v2(input_shape, classes, classifier_activation, name, *, blocks):
    """A pre-activation network of bottleneck blocks for large images.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        blocks: number of blocks in each stage.
    """
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=imagenet_stem,
        block=partial(bottleneck, strided=1),
        stages=doubling(256, blocks),
        finish=FINISH,
    )


def resnet_v2_cifar(input_shape, classes, classifier_activation, name, *, depth, bottlenecks):
    """A pre-activation network for small images, of basic or of bottleneck blocks.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: number of weight layers, 6n + 2 or, with bottlenecks, 9n + 2.
        bottlenecks: whether blocks are 1x1, 3x3, 1x1 with four times the filters at their ends.

    Raises:
        UsageError: another depth.
    """

    def basic(x, filters, *, strides, name):
        first = name == "conv2_block1"
        return preactivation_block(x, filters, strides=strides, first=first, name=name)

    if bottlenecks:
        block = partial(bottleneck, strided=0)
        stages = cifar_stages(depth, 3, [4 * filters for filters in STAGES])
    else:
        block, stages = basic, cifar_stages(depth)
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=ONE_CONV,
        block=block,
        stages=stages,
        finish=FINISH,
    )


# Table 5, single crop of 320x320 after training with scale augmentation.
IMAGENET = {50: (), 101: (), 152: (21.1, 5.5), 200: (20.7, 5.3)}
for depth, errors in IMAGENET.items():
    register(
        f"resnet{depth}_v2",
        resnet_v2,
        arguments={"blocks": (BLOCKS | {200: (3, 24, 36, 3)})[depth]},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 1 of the 2016 ResNet paper for the blocks; errors in Table 5",
        depth=depth,
        published=imagenet_errors(*errors),
        recipe="preactivation",
        notes="Errors of one crop of 320x320. The stem keeps its normalization and ReLU and the "
        "strides are on the 3x3 convolutions, as in fb.resnet.torch. keras.applications' "
        "ResNet50V2 has biases, a bare stem, and its strides in the last block of a stage",
    )

# Tables 2 and 4: CIFAR-10 and CIFAR-100 errors.
CIFAR = ((110, False, (6.37,)), (164, True, (5.46, 24.33)), (1001, True, (4.92, 22.71)))
for depth, bottlenecks, errors in CIFAR:
    register(
        f"resnet{depth}_v2_cifar",
        resnet_v2_cifar,
        arguments={"depth": depth, "bottlenecks": bottlenecks},
        input_shape=(32, 32, 3),
        classes=10,
        paper=PAPER,
        table="Section 3; errors in Tables 2 and 4",
        depth=depth,
        published=cifar_errors(*errors),
        recipe="preactivation_cifar",
        notes="Projection shortcuts where shapes differ, strides on the first convolution, as in "
        "the authors' code. Median of five runs",
    )
