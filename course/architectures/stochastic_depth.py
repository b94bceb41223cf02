"""A residual network that leaves out blocks at random while it is trained.

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
from course.blocks.stages import stage_rows
from course.errors import UsageError
from course.regularization import drop_path, linear_decay


def stochastic_depth_cifar(
    input_shape,
    classes,
    classifier_activation,
    name,
    *,
    depth,
    shortcut="A_average",
    drop_path_rate=0.5,
    rescale="test",
):
    """A CIFAR ResNet whose blocks are dropped, the last ones most often.

    Args:
        input_shape, classes, classifier_activation, name: as for
            :func:`course.architectures.resnet.residual_net`.
        depth: number of weight layers, 6n + 2.
        shortcut: ``"A_average"`` (the authors' code), ``"A"``, ``"B"`` or ``"C"``.
        drop_path_rate: probability that the last block is dropped, one minus the paper's p_L; it
            rises from the first block on in equal steps.
        rescale: when the branch is scaled for its drops, ``"test"`` (the paper) or ``"train"``.

    Raises:
        UsageError: a depth that is not 6n + 2, a rate outside of [0, 1), no shortcut.
    """
    if shortcut is None:
        raise UsageError(
            "A dropped block leaves only its shortcut; received shortcut=None. Choose 'A' or 'B'."
        )
    stages = cifar_stages(depth)
    names = [name for _, _, name in stage_rows(stages)]
    rates = dict(zip(names, linear_decay(drop_path_rate, len(names)), strict=True))

    def block(x, filters, *, strides, name):
        drop = partial(drop_path, rate=rates[name], rescale=rescale, name=name)
        return basic_block(x, filters, strides=strides, shortcut=shortcut, branch=drop, name=name)

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
    "authors' code; blocks are dropped for each example, where that code drops them for a batch",
)
