"""How the papers trained their networks, as data.

A recipe's rate belongs to its batch size; another batch takes the rate in proportion (Goyal et al.
2017). Milestones are in epochs of the recipe and move in proportion when a run is shorter.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A part of a training run with its own image size and strength of regularization."""

    until: float  # share of the run at which the stage ends
    size: float  # share of the run's image size
    augmentations: tuple[tuple, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture


@dataclass(frozen=True)
class Recipe:
    """What a paper says on training. Augmentations are names of
    :data:`course.training.augmentations.AUGMENTATIONS` with their arguments."""

    cite: str
    epochs: float
    batch_size: int
    learning_rate: float
    optimizer: str = "sgd"  # sgd, rmsprop, adam, adamw
    momentum: float = 0.9
    nesterov: bool = False
    epsilon: float | None = None  # of adaptive optimizers; None for Keras'
    weight_decay: float = 0.0
    decayed: str = "all"  # or "kernels": neither biases nor normalization
    schedule: str = "constant"  # steps, exponential, cosine, linear
    milestones: tuple[float, ...] = ()  # steps: the epochs at which the rate is multiplied
    factor: float = 0.1  # steps, exponential: by what
    period: float = 1.0  # exponential: epochs from one multiplication to the next
    warmup_epochs: float = 0.0
    warmup_from: float = 0.0  # share of the rate at the start
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.3  # of the losses of heads besides the main one
    clip_norm: float | None = None  # of all gradients together
    ema: float | None = None  # share of the moving average that stays at each step
    augmentations: tuple[tuple, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture
    stages: tuple[Stage, ...] = ()
    views: tuple[str, ...] = ("plain",)  # what evaluation averages over: plain, flip, shift
    notes: str = ""


CIFAR = (("crop", 4), ("flip",))
IMAGENET = (("resized_crop", 0.08), ("flip",))


def _progressive(low: tuple[float, float], high: tuple[float, float]) -> tuple[Stage, ...]:
    """EfficientNetV2's four stages between (dropout, mixup) at the least and the greatest size."""
    stages = []
    for number in range(4):
        part = number / 3
        dropout, mixup = (a + part * (b - a) for a, b in zip(low, high, strict=True))
        extra = (("mixup", mixup),) if mixup else ()
        size = (128 + part * (300 - 128)) / 300
        stages.append(Stage((number + 1) / 4, size, IMAGENET + extra, {"dropout": dropout}))
    return tuple(stages)


RECIPES: dict[str, Recipe] = {
    "default": Recipe(
        cite="This course's own: short, and good enough for most nets and small images",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        optimizer="adamw",
        weight_decay=0.01,
        decayed="kernels",
        schedule="cosine",
        warmup_epochs=0.5,
    ),
    "alexnet": Recipe(
        cite="Krizhevsky et al. 2012, sections 4.1 and 5",
        epochs=90,
        batch_size=128,
        learning_rate=0.01,
        weight_decay=5e-4,
        schedule="steps",
        milestones=(30, 60, 80),
        augmentations=(("crop_within", 0.875), ("flip",), ("lighting", 0.1)),
        notes="The rate was divided by 10 three times, when the validation error stood still; the "
        "paper does not say when. Crops are 7/8 of the image, scaled back to its size.",
    ),
    "vgg": Recipe(
        cite="Simonyan and Zisserman 2015, section 3.1",
        epochs=74,
        batch_size=256,
        learning_rate=0.01,
        weight_decay=5e-4,
        schedule="steps",
        milestones=(25, 50, 65),
        augmentations=(("crop_within", 0.875), ("flip",), ("lighting", 0.1)),
        notes="The rate was divided by 10 three times, when the validation error stood still; the "
        "paper does not say when.",
    ),
    "googlenet": Recipe(
        cite="Szegedy et al. 2015, section 6",
        epochs=250,
        batch_size=32,
        learning_rate=0.01,
        weight_decay=2e-4,
        schedule="exponential",
        factor=0.96,
        period=8,
        augmentations=IMAGENET,
        notes="Rate, batch, weight decay and length are not in the paper: those of its BVLC "
        "reproduction. The paper averages weights after Polyak.",
    ),
    "inception": Recipe(
        cite="Szegedy et al. 2016, section 8",
        epochs=100,
        batch_size=1600,
        learning_rate=0.045,
        optimizer="rmsprop",
        momentum=0.0,
        epsilon=1.0,
        schedule="exponential",
        factor=0.94,
        period=2,
        label_smoothing=0.1,
        clip_norm=2.0,
        augmentations=IMAGENET,
        notes="50 replicas of batches of 32, which the paper updates one by one.",
    ),
    "xception": Recipe(
        cite="Chollet 2017, section 4.3",
        epochs=100,
        batch_size=1920,
        learning_rate=0.045,
        weight_decay=1e-5,
        decayed="kernels",
        schedule="exponential",
        factor=0.94,
        period=2,
        augmentations=IMAGENET,
        notes="60 replicas of batches of 32; the paper averages weights after Polyak.",
    ),
    "resnet": Recipe(
        cite="He et al. 2016, section 3.4",
        epochs=120,
        batch_size=256,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(30, 60, 90),
        augmentations=IMAGENET,
        notes="600,000 steps; the rate was divided by 10 when the error stood still, which figure "
        "4 shows at about 30 and 60 epochs. Crops as in the authors' later code.",
    ),
    "resnet_cifar": Recipe(
        cite="He et al. 2016, section 4.2",
        epochs=164,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(82, 123),
        augmentations=CIFAR,
        notes="64,000 steps, the rate divided by 10 after 32,000 and 48,000.",
    ),
    "resnet110_cifar": Recipe(
        cite="He et al. 2016, section 4.2",
        epochs=164,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(82, 123),
        warmup_epochs=1,
        warmup_from=0.1,
        augmentations=CIFAR,
        notes="The paper keeps the rate at 0.01 until the training error is below 80 %, about 400 "
        "steps; here it rises from there.",
    ),
    "preactivation": Recipe(
        cite="He et al. 2016b, appendix",
        epochs=90,
        batch_size=256,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(30, 60),
        augmentations=IMAGENET,
    ),
    "preactivation_cifar": Recipe(
        cite="He et al. 2016b, appendix",
        epochs=164,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(82, 123),
        warmup_epochs=1,
        warmup_from=0.1,
        augmentations=CIFAR,
        notes="The paper warms up at 0.01 for 400 steps; here the rate rises from there.",
    ),
    "stochastic_depth": Recipe(
        cite="Huang et al. 2016, section 4",
        epochs=500,
        batch_size=128,
        learning_rate=0.1,
        nesterov=True,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(250, 375),
        augmentations=CIFAR,
    ),
    "wide_resnet": Recipe(
        cite="Zagoruyko and Komodakis 2016, section 3",
        epochs=200,
        batch_size=128,
        learning_rate=0.1,
        nesterov=True,
        weight_decay=5e-4,
        schedule="steps",
        milestones=(60, 120, 160),
        factor=0.2,
        augmentations=CIFAR,
        notes="The paper pads by reflection; here with the mean color.",
    ),
    "resnext": Recipe(
        cite="Xie et al. 2017, section 4",
        epochs=90,
        batch_size=256,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(30, 60),
        augmentations=IMAGENET,
    ),
    "resnext_cifar": Recipe(
        cite="Xie et al. 2017, section 5.4",
        epochs=300,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=5e-4,
        schedule="steps",
        milestones=(150, 225),
        augmentations=CIFAR,
    ),
    "densenet": Recipe(
        cite="Huang et al. 2017, section 4.2",
        epochs=90,
        batch_size=256,
        learning_rate=0.1,
        nesterov=True,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(30, 60),
        augmentations=IMAGENET,
    ),
    "densenet_cifar": Recipe(
        cite="Huang et al. 2017, section 4.2",
        epochs=300,
        batch_size=64,
        learning_rate=0.1,
        nesterov=True,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(150, 225),
        augmentations=CIFAR,
    ),
    "pyramidnet": Recipe(
        cite="Han et al. 2017, section 4",
        epochs=300,
        batch_size=128,
        learning_rate=0.1,
        nesterov=True,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(150, 225),
        augmentations=CIFAR,
        notes="For CIFAR-100 the paper starts at a rate of 0.5.",
    ),
    "fractalnet": Recipe(
        cite="Larsson et al. 2017, section 4.1",
        epochs=400,
        batch_size=100,
        learning_rate=0.02,
        schedule="steps",
        milestones=(200, 300, 350, 375),
        augmentations=CIFAR,
        notes="The rate is divided by 10 whenever the number of epochs left halves.",
    ),
    "senet": Recipe(
        cite="Hu et al. 2018, section 5.1",
        epochs=100,
        batch_size=1024,
        learning_rate=0.6,
        weight_decay=1e-4,
        schedule="steps",
        milestones=(30, 60, 90),
        augmentations=IMAGENET,
        notes="Weight decay is not in the paper: ResNet's.",
    ),
    "mobilenet": Recipe(
        cite="Howard et al. 2017, section 3.2",
        epochs=100,
        batch_size=1600,
        learning_rate=0.045,
        optimizer="rmsprop",
        momentum=0.0,
        epsilon=1.0,
        schedule="exponential",
        factor=0.94,
        period=2,
        augmentations=(("resized_crop", 0.25), ("flip",)),
        notes="The paper says: as Inception v3, with less regularization and augmentation. Rate, "
        "batch and schedule are Inception v3's.",
    ),
    "mobilenet_v2": Recipe(
        cite="Sandler et al. 2018, section 6.1",
        epochs=300,
        batch_size=1536,
        learning_rate=0.045,
        optimizer="rmsprop",
        epsilon=1.0,
        weight_decay=4e-5,
        decayed="kernels",
        schedule="exponential",
        factor=0.98,
        period=1,
        augmentations=(("resized_crop", 0.25), ("flip",)),
        notes="16 replicas of batches of 96, which the paper updates one by one; it gives no "
        "length.",
    ),
    "mobilenet_v3": Recipe(
        cite="Howard et al. 2019, section 6.1.1",
        epochs=600,
        batch_size=4096,
        learning_rate=0.1,
        optimizer="rmsprop",
        epsilon=0.002,
        weight_decay=1e-5,
        decayed="kernels",
        schedule="exponential",
        factor=0.99,
        period=3,
        ema=0.9999,
        augmentations=(("resized_crop", 0.25), ("flip",)),
        notes="The paper gives no length.",
    ),
    "shufflenet": Recipe(
        cite="Zhang et al. 2018, section 4",
        epochs=240,
        batch_size=1024,
        learning_rate=0.5,
        weight_decay=4e-5,
        schedule="linear",
        augmentations=(("resized_crop", 0.25), ("flip",)),
        notes="300,000 steps.",
    ),
    "efficientnet": Recipe(
        cite="Tan and Le 2019, section 5.2",
        epochs=350,
        batch_size=4096,
        learning_rate=0.256,
        optimizer="rmsprop",
        epsilon=1e-3,
        weight_decay=1e-5,
        decayed="kernels",
        schedule="exponential",
        factor=0.97,
        period=2.4,
        warmup_epochs=5,
        label_smoothing=0.1,
        ema=0.9999,
        augmentations=IMAGENET,
        notes="Batch, warm-up, smoothing and average are the authors' code's. AutoAugment is left "
        "out.",
    ),
    "efficientnet_v2": Recipe(
        cite="Tan and Le 2021, section 5.1 and Table 6",
        epochs=350,
        batch_size=4096,
        learning_rate=0.256,
        optimizer="rmsprop",
        epsilon=1e-3,
        weight_decay=1e-5,
        decayed="kernels",
        schedule="exponential",
        factor=0.97,
        period=2.4,
        warmup_epochs=5,
        label_smoothing=0.1,
        ema=0.9999,
        augmentations=IMAGENET,
        stages=_progressive(low=(0.1, 0.0), high=(0.3, 0.0)),
        notes="Four stages from small images with little dropout to large ones with more, the "
        "values of EfficientNetV2-S. RandAugment is left out.",
    ),
    "convnext": Recipe(
        cite="Liu et al. 2022, Table 5",
        epochs=300,
        batch_size=4096,
        learning_rate=4e-3,
        optimizer="adamw",
        weight_decay=0.05,
        decayed="kernels",
        schedule="cosine",
        warmup_epochs=20,
        label_smoothing=0.1,
        ema=0.9999,
        augmentations=(*IMAGENET, ("mixup", 0.8), ("cutmix", 1.0), ("cutout", 0.33)),
        notes="RandAugment is left out; mixup and CutMix take turns by chance.",
    ),
    "fast_cifar": Recipe(
        cite="This course's own, after Page 2019 and Jordan 2024: CIFAR-10 to 94 % in little time",
        epochs=14,
        batch_size=512,
        learning_rate=0.4,
        nesterov=True,
        weight_decay=5e-4,
        decayed="kernels",
        schedule="linear",
        warmup_epochs=3,
        label_smoothing=0.2,
        augmentations=(("crop", 2), ("flip",)),
        views=("plain", "flip", "shift"),
    ),
}

# The first pattern that fits a name says its paper's recipe.
_PAPERS = (
    ("alexnet*", "alexnet"),
    ("zfnet*", "alexnet"),
    ("nin*", "alexnet"),
    ("vgg*", "vgg"),
    ("googlenet*", "googlenet"),
    ("inception*", "inception"),
    ("se_inception", "inception"),
    ("xception", "xception"),
    ("resnet*_stochastic_depth_cifar", "stochastic_depth"),
    ("resnet*_v2_cifar", "preactivation_cifar"),
    ("resnet*_v2", "preactivation"),
    ("resnet110_cifar", "resnet110_cifar"),
    ("resnet1202_cifar", "resnet110_cifar"),
    ("resnet*_cifar", "resnet_cifar"),
    ("plain*_cifar", "resnet_cifar"),
    ("wrn_*", "wide_resnet"),
    ("resnext*_cifar", "resnext_cifar"),
    ("resnext*", "resnext"),
    ("resnet*", "resnet"),
    ("plain*", "resnet"),
    ("wide_resnet*", "resnet"),
    ("densenet_*", "densenet_cifar"),
    ("densenet*", "densenet"),
    ("pyramidnet*", "pyramidnet"),
    ("fractalnet*", "fractalnet"),
    ("se*", "senet"),
    ("mobilenet_v3*", "mobilenet_v3"),
    ("mobilenet_v2*", "mobilenet_v2"),
    ("mobilenet*", "mobilenet"),
    ("shufflenet*", "shufflenet"),
    ("efficientnet_v2*", "efficientnet_v2"),
    ("efficientnet*", "efficientnet"),
    ("convnext*", "convnext"),
    ("fast_cifar*", "fast_cifar"),
)


def for_architecture(name: str) -> str:
    """The name of the recipe of an architecture's paper, or ``"default"``.

    Example:
        >>> for_architecture("resnet20_cifar")
        'resnet_cifar'
    """
    return next((recipe for pattern, recipe in _PAPERS if fnmatchcase(name, pattern)), "default")


def find(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ValueError: an unknown name; lists the nearest.
    """
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(str(name), RECIPES, n=3)
    raise ValueError(
        f"recipe must be one of {', '.join(RECIPES)}; received recipe={name!r}."
        + (f" Did you mean {' or '.join(near)}?" if near else "")
    )
