"""The CIFAR-10 residual networks, and plain networks for comparison.

Reference:
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course.architectures.published import cifar_errors
from course.architectures.registry import register
from course.architectures.resnet import residual_net
from course.blocks.conv import conv_bn
from course.blocks.residual import basic_block
from course.blocks.residual_variants import ablated_block, with_branch_dropout
from course.blocks.stages import BlockSpec
from course.errors import UsageError
from course.keras_types import ImageShape, Model, Tensor

PAPER = "He et al., Deep residual learning for image recognition, 2016"

# Section 4.2: 2n layers at each of three sizes, the first and the last layer: 6n + 2.
STAGES = (16, 32, 64)  # filters, at 32x32, 16x16 and 8x8

# Table 6: layers and CIFAR-10 test error in percent (of five runs, the best, for 110 layers).
RESNETS = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
# Figure 6 plots the plain networks' errors; the text gives only "> 60 %", for 110 layers.
PLAIN = (20, 32, 44, 56, 110)


def cifar_stages(depth: int, layers: int = 2, filters: Sequence[int] = STAGES) -> list[list[int]]:
    """Return every block's channels in a CIFAR network with n blocks of `layers` layers per stage.

    Raises:
        UsageError: for a depth that is not 3 n layers + 2.
    """
    blocks, rest = divmod(depth - 2, 3 * layers)
    if rest or blocks < 1:
        few = ", ".join(str(3 * layers * n + 2) for n in (1, 2, 3))
        raise UsageError(
            f"depth must be {3 * layers}n + 2 with n at least 1: {few}, ...; "
            f"received depth={depth}."
        )
    return [[width] * blocks for width in filters]


def cifar_stem(x: Tensor) -> Tensor:
    """Apply the first layer: 16 filters of 3x3, batch normalization, ReLU."""
    return conv_bn(x, STAGES[0], 3, name="conv1")


def resnet_cifar(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    depth: int,
    shortcut: str | None,
    ablation: str | Mapping[str, Any] | None = None,
    noise: str | None = None,
    noise_rate: float = 0.1,
    dropout: float = 0.0,
) -> Model:
    """Build a residual network of 6n + 2 layers; a plain one if `shortcut` is None.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        depth: number of weight layers, 6n + 2.
        shortcut: ``"A"`` (the paper's), ``"A_average"``, ``"B"``, ``"C"``, or None for no
            shortcuts.
        ablation: variant of every block from He et al. 2016b: a key of
            ``residual_variants.ABLATIONS``, or a mapping of `residual_unit`'s arguments; None for
            none.
        noise: kind of dropout on every block's residual: a key of
            ``residual_variants.BRANCH_DROPOUTS``; None for none.
        noise_rate: rate of that dropout.
        dropout: rate of dropout before the classifier.

    Raises:
        UsageError: for a depth that is not 6n + 2, an unknown ablation or noise, both of them, or
            an ablation without a shortcut.
    """
    if noise and ablation is not None:
        raise UsageError(
            f"noise needs unchanged blocks; received noise={noise!r} with ablation={ablation!r}."
        )

    def basic(x: Tensor, spec: BlockSpec) -> Tensor:
        return basic_block(x, spec.filters, strides=spec.strides, shortcut=shortcut, name=spec.name)

    block: Callable[[Tensor, BlockSpec], Tensor] = basic
    final_norm = None
    if noise:
        block = with_branch_dropout(noise, noise_rate, shortcut)
    elif ablation is not None:
        block, final_norm = ablated_block(ablation, shortcut)
    return residual_net(
        input_shape,
        classes,
        classifier_activation,
        name,
        stem=cifar_stem,
        block=block,
        stages=cifar_stages(depth),
        final_norm=final_norm,
        dropout=dropout,
    )


for kind, shortcut, depths in (("resnet", "A", RESNETS), ("plain", None, PLAIN)):
    for depth in depths:
        register(
            f"{kind}{depth}_cifar",
            resnet_cifar,
            arguments={"depth": depth, "shortcut": shortcut},
            input_shape=(32, 32, 3),
            classes=10,
            paper=PAPER,
            table="Section 4.2; errors in Table 6 and figure 6",
            depth=depth,
            published=cifar_errors(RESNETS[depth]) if shortcut else (),
            # Section 4.2 warms the learning rate up for 110 layers; so do its 1,202 layers here.
            recipe="resnet110_cifar" if shortcut and depth >= 110 else "resnet_cifar",
        )
