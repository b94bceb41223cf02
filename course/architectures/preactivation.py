"""Residual networks with batch normalization and ReLU before each convolution.

Reference:
    He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register
from course.architectures.resnet import BLOCKS, doubling, residual_net
from course.architectures.resnet_cifar import STAGES, cifar_stages
from course.blocks.conv import batch_norm, conv
from course.blocks.preactivation import preactivation_block
from course.blocks.stages import BlockSpec, imagenet_stem
from course.keras_types import ImageShape, Model, Tensor

PAPER = "He et al., Identity mappings in deep residual networks, 2016"

FINAL_NORM = partial(batch_norm, activation="relu", name="post")
CONV_STEM = partial(conv, filters=STAGES[0], kernel_size=3, name="conv1")


def bottleneck(x: Tensor, spec: BlockSpec, *, stride_on: int) -> Tensor:
    """Apply a pre-activation bottleneck block, with a quarter of the filters inside."""
    return preactivation_block(
        x,
        spec.filters,
        kernels=(1, 3, 1),
        width=spec.filters // 4,
        strides=spec.strides,
        stride_on=stride_on,
        name=spec.name,
    )


def basic(x: Tensor, spec: BlockSpec) -> Tensor:
    """Apply a pre-activation block of two 3x3 convolutions."""
    return preactivation_block(
        x, spec.filters, strides=spec.strides, first=spec.index == 0, name=spec.name
    )


def resnet_v2(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    blocks: Sequence[int],
) -> Model:
    """Build a pre-activation network of bottleneck blocks for large images.

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
        block=partial(bottleneck, stride_on=1),
        stages=doubling(256, blocks),
        final_norm=FINAL_NORM,
    )


def resnet_v2_cifar(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    bottlenecks: bool,
) -> Model:
    """Build a pre-activation network of basic or bottleneck blocks for small images.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: number of weight layers, 6n + 2 or, with bottlenecks, 9n + 2.
        bottlenecks: whether to use bottleneck blocks, with four times the filters at their ends.

    Raises:
        UsageError: for another depth.
    """
    block: Callable[[Tensor, BlockSpec], Tensor]
    if bottlenecks:
        block = partial(bottleneck, stride_on=0)
        stages = cifar_stages(depth, 3, [4 * filters for filters in STAGES])
    else:
        block, stages = basic, cifar_stages(depth)
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=CONV_STEM,
        block=block,
        stages=stages,
        final_norm=FINAL_NORM,
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
