"""A residual network that skips blocks at random during training.

Reference:
    Huang, Sun, Liu, Sedra, Weinberger, "Deep networks with stochastic depth", ECCV 2016.
"""

from __future__ import annotations

from functools import partial

from course.architectures.published import cifar_errors
from course.architectures.registry import register
from course.architectures.resnet import residual_net
from course.architectures.resnet_cifar import cifar_stages, cifar_stem
from course.blocks.residual import basic_block
from course.blocks.stages import BlockSpec
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor
from course.regularization import drop_path, linear_decay


def stochastic_depth_cifar(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    shortcut: str = "A_average",
    drop_path_rate: float = 0.5,
    rescale: str = "test",
) -> Model:
    """Build a CIFAR ResNet whose blocks are dropped during training, the last ones most often.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: number of weight layers, 6n + 2.
        shortcut: ``"A_average"`` (the authors' code), ``"A"``, ``"B"`` or ``"C"``.
        drop_path_rate: probability that the last block is dropped, one minus the paper's p_L;
            the probability rises linearly from block to block.
        rescale: when to scale the residual to make up for drops, ``"test"`` (the paper) or
            ``"train"``.

    Raises:
        UsageError: for a depth that is not 6n + 2, a rate outside [0, 1), or no shortcut.
    """
    if shortcut is None:
        raise UsageError(
            "A dropped block leaves only its shortcut; received shortcut=None. Choose 'A' or 'B'."
        )
    stages = cifar_stages(depth)
    rates = linear_decay(drop_path_rate, sum(map(len, stages)))

    def block(x: Tensor, spec: BlockSpec) -> Tensor:
        return basic_block(
            x,
            spec.filters,
            strides=spec.strides,
            shortcut=shortcut,
            residual_transform=partial(
                drop_path, rate=rates[spec.index], rescale=rescale, name=spec.name
            ),
            name=spec.name,
        )

    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=cifar_stem,
        block=block,
        stages=stages,
    )


register(
    "resnet110_stochastic_depth_cifar",
    stochastic_depth_cifar,
    arguments={"depth": 110},
    input_shape=(32, 32, 3),
    classes=10,
    paper="Huang et al., Deep networks with stochastic depth, 2016",
    table="Section 4; errors in Table 1",
    depth=110,
    published=cifar_errors(5.23, 24.58),
    recipe="stochastic_depth",
    notes="Linear decay to a survival probability of 0.5. Shortcuts average 2x2 pixels as in the "
    "authors' code; blocks are dropped per example, while that code drops them per batch",
)
