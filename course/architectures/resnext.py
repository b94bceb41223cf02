"""ResNeXt: residual networks whose blocks have many paths.

Reference:
    Xie, Girshick, Dollar, Tu, He, "Aggregated residual transformations for deep neural networks",
    CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from course.architectures.published import cifar_errors, imagenet_errors
from course.architectures.registry import register
from course.architectures.resnet import BLOCKS, doubling, residual_net
from course.architectures.resnet_cifar import cifar_stages
from course.blocks.conv import conv_bn
from course.blocks.resnext import resnext_block
from course.blocks.stages import BlockSpec, imagenet_stem
from course.keras_types import ImageShape, Model, Tensor

PAPER = "Xie et al., Aggregated residual transformations for deep neural networks, 2017"

CIFAR_STEM = partial(conv_bn, filters=64, kernel_size=3, name="conv1")
CIFAR_FILTERS = (256, 512, 1024)


def paths(
    cardinality: int, base_width: int, implementation: str
) -> Callable[[Tensor, BlockSpec], Tensor]:
    """Return a block of `cardinality` paths, each `base_width` wide if it has 256 filters."""

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return resnext_block(
            x,
            spec.filters,
            cardinality=cardinality,
            path_width=base_width * spec.filters // 256,
            strides=spec.strides,
            implementation=implementation,
            name=spec.name,
        )

    return block


def resnext(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    blocks: Sequence[int],
    cardinality: int,
    base_width: int,
    implementation: str = "grouped",
) -> Model:
    """Build a ResNeXt for large images.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        blocks: number of blocks in each stage.
        cardinality: number of paths in each block.
        base_width: channels of a path in the first stage, doubled in each next one.
        implementation: ``"add"``, ``"concat"`` or ``"grouped"``: three ways to compute the same.
            Without a GPU, ``"concat"`` trains much faster and ``"grouped"`` is built much faster.
    """
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=imagenet_stem,
        block=paths(cardinality, base_width, implementation),
        stages=doubling(256, blocks),
    )


def resnext_cifar(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    cardinality: int,
    base_width: int,
    implementation: str = "grouped",
) -> Model:
    """Build a ResNeXt for small images.

    Args:
        input_shape, classes, classifier_activation, name, cardinality, base_width,
            implementation: as for :func:`resnext`.
        depth: number of weight layers, 9n + 2.

    Raises:
        UsageError: for a depth that is not 9n + 2.
    """
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=CIFAR_STEM,
        block=paths(cardinality, base_width, implementation),
        stages=cifar_stages(depth, 3, CIFAR_FILTERS),
    )


NETS = (  # depth, cardinality, width of a path, errors
    (50, 32, 4, (22.2,)),
    (101, 32, 4, (21.2, 5.6)),
    (101, 64, 4, (20.4, 5.3)),
    (29, 8, 64, (3.65, 17.77)),
    (29, 16, 64, (3.58, 17.31)),
)
for depth, cardinality, base_width, errors in NETS:
    sizes = {"cardinality": cardinality, "base_width": base_width}
    cifar = depth not in BLOCKS
    register(
        f"resnext{depth}_{cardinality}x{base_width}d{'_cifar' if cifar else ''}",
        resnext_cifar if cifar else resnext,
        arguments=({"depth": depth} if cifar else {"blocks": BLOCKS[depth]}) | sizes,
        input_shape=(32, 32, 3) if cifar else (224, 224, 3),
        classes=10 if cifar else 1000,
        paper=PAPER,
        table="Section 5.3; errors in Table 7" if cifar else "Table 1; errors in Tables 3 and 4",
        depth=depth,
        published=cifar_errors(*errors) if cifar else imagenet_errors(*errors),
        recipe="resnext_cifar" if cifar else "resnext",
        notes="The last ReLU follows the addition, as in the authors' code for CIFAR"
        if cifar
        else "Errors of the center crop",
    )
