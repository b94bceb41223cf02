"""Pre-activation networks that are wide in place of deep.

Reference:
    Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016.
"""

from __future__ import annotations

from functools import partial

from course.architectures.preactivation import FINISH, ONE_CONV
from course.architectures.published import cifar_errors
from course.architectures.registry import register
from course.architectures.resnet import residual_net
from course.architectures.resnet_cifar import STAGES
from course.blocks.preactivation import preactivation_block
from course.errors import UsageError

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
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    depth,
    widening,
    kernels=(3, 3),
    dropout=0.0,
):
    """WRN-depth-widening with blocks B(kernels).

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: 6n + 4 for n blocks a stage: for two convolutions in a block the number of all
            convolutions, the three projections among them; the paper keeps it for other kinds.
        widening: factor on the filters of all blocks.
        kernels: kernel sizes in a block: (3, 3), (1, 3, 1), (3, 1), (1, 3), (3, 1, 1), (3, 1, 3)
            in the paper's Table 2, or others.
        dropout: rate of dropout between the convolutions of a block.

    Raises:
        UsageError: a depth that is not 6n + 4.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise UsageError(
            f"depth must be 6n + 4 with n at least 1: 10, 16, 22, ...; received depth={depth}."
        )
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=ONE_CONV,
        block=partial(preactivation_block, kernels=tuple(kernels), dropout=dropout),
        stages=[[widening * filters] * blocks for filters in STAGES],
        finish=FINISH,
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
        notes="Without dropout. WRN-40-4, 16-8 and 28-10: normalized by mean and deviation "
        "(Table 5); the others: ZCA-whitened (Table 4)",
    )
