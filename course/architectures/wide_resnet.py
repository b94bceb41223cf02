"""Pre-activation networks that are wide instead of deep.

Reference:
    Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

from course.architectures.preactivation import CONV_STEM, FINAL_NORM
from course.architectures.published import cifar_errors
from course.architectures.registry import register
from course.architectures.resnet import residual_net
from course.architectures.resnet_cifar import STAGES
from course.blocks.preactivation import preactivation_block
from course.blocks.stages import BlockSpec
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor

# Depth, widening factor, CIFAR-10 and CIFAR-100 errors (Table 5; Table 4 for the last three).
NETS = (
    (40, 4, 4.53, 21.18),
    (16, 8, 4.27, 20.43),
    (28, 10, 4.00, 19.25),
    (40, 2, 5.33, 26.04),
    (22, 8, 4.38, 21.22),
    (16, 10, 4.56, 21.59),
)


def wide_resnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    widening: int,
    kernels: Sequence[int] = (3, 3),
    dropout: float = 0.0,
) -> Model:
    """Build WRN-depth-widening with blocks B(kernels).

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: 6n + 4 for n blocks per stage. With two convolutions in a block it is the number of
            convolutions, including the three projections; the paper keeps it for other blocks.
        widening: factor on the filters of all blocks.
        kernels: kernel sizes in a block: (3, 3), (1, 3, 1), (3, 1), (1, 3), (3, 1, 1), (3, 1, 3)
            in the paper's Table 2, or others.
        dropout: rate of dropout between the convolutions of a block.

    Raises:
        UsageError: for a depth that is not 6n + 4.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise UsageError(
            f"depth must be 6n + 4 with n at least 1: 10, 16, 22, ...; received depth={depth}."
        )

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return preactivation_block(
            x,
            spec.filters,
            kernels=kernels,
            strides=spec.strides,
            dropout=dropout,
            name=spec.name,
        )

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=CONV_STEM,
        block=block,
        stages=[[widening * filters] * blocks for filters in STAGES],
        final_norm=FINAL_NORM,
    )


for depth, widening, *errors in NETS:
    register(
        f"wrn_{depth}_{widening}",
        wide_resnet,
        arguments={"depth": depth, "widening": widening},
        input_shape=(32, 32, 3),
        classes=10,
        paper="Zagoruyko and Komodakis, Wide residual networks, 2016",
        table="Table 1; errors in Tables 4 and 5",
        depth=depth,
        published=cifar_errors(*errors),
        recipe="wide_resnet",
        notes="Without dropout. WRN-40-4, 16-8 and 28-10: normalized by mean and standard "
        "deviation (Table 5); the others: ZCA-whitened (Table 4)",
    )
