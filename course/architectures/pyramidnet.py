"""Residual networks that widen gradually, at every block.

Reference:
    Han, Kim, Kim, "Deep pyramidal residual networks", CVPR 2017.
"""

from __future__ import annotations

from functools import partial

from course.architectures.preactivation import FINAL_NORM
from course.architectures.published import cifar_errors
from course.architectures.registry import register
from course.architectures.resnet import residual_net
from course.architectures.resnet_cifar import STAGES, cifar_stages
from course.blocks.conv import conv_bn
from course.blocks.preactivation import pyramidal_block
from course.blocks.stages import BlockSpec
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor

# Widening alpha of the 110-layer networks, CIFAR-10 and CIFAR-100 errors.
NETS = ((48, 4.62, 23.31), (84, 4.27, 20.21), (270, 3.73, 18.25))


def pyramidnet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    alpha: int,
) -> Model:
    """Build an additive PyramidNet of basic blocks for small images.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: number of weight layers, 6n + 2.
        alpha: number of channels that all blocks together add to the first 16.

    Raises:
        UsageError: for a depth that is not 6n + 2, or a negative alpha.
    """
    if alpha < 0:
        raise UsageError(f"alpha must be at least 0; received alpha={alpha}.")
    per_stage = len(cifar_stages(depth)[0])
    # Rounded to the nearest number, as in the authors' code; equation 3 rounds down.
    widths = [
        int(STAGES[0] + alpha * k / (3 * per_stage) + 0.5) for k in range(1, 3 * per_stage + 1)
    ]

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return pyramidal_block(x, spec.filters, strides=spec.strides, name=spec.name)

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=partial(conv_bn, filters=STAGES[0], kernel_size=3, activation=None, name="conv1"),
        block=block,
        stages=[widths[i * per_stage : (i + 1) * per_stage] for i in range(3)],
        final_norm=FINAL_NORM,
    )


for alpha, *errors in NETS:
    register(
        f"pyramidnet110_a{alpha}",
        pyramidnet,
        arguments={"depth": 110, "alpha": alpha},
        input_shape=(32, 32, 3),
        classes=10,
        paper="Han et al., Deep pyramidal residual networks, 2017",
        table="Section 3; errors in the authors' repository",
        depth=110,
        published=cifar_errors(*errors),
        recipe="pyramidnet",
        notes="Widths are rounded to the nearest number and shortcuts average 2x2 pixels, as in "
        "the authors' code",
    )
