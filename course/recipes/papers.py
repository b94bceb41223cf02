"""Recipes of papers.

The notes say what a paper leaves open, and the choice that was made here.
"""

from __future__ import annotations

from dataclasses import replace

from course.recipes.recipe import Phase, Recipe

CIFAR = (("crop", 4), ("flip",))
IMAGENET = (("resized_crop", 0.08), ("flip",))
GENTLE = (("resized_crop", 0.25), ("flip",))
OF_256 = (("crop_within", 0.875), ("flip",), ("color_noise", 0.1))  # 224 pixels out of 256


def _progressive(low: tuple[float, float], high: tuple[float, float]) -> tuple[Phase, ...]:
    """EfficientNetV2's four phases, from (dropout, mixup) at the smallest size to the largest."""
    phases = []
    for number in range(4):
        part = number / 3
        dropout, mixup = (a + part * (b - a) for a, b in zip(low, high, strict=True))
        extra = (("mixup", mixup),) if mixup else ()
        size = (128 + part * (300 - 128)) / 300
        phases.append(Phase((number + 1) / 4, size, IMAGENET + extra, {"dropout": dropout}))
    return tuple(phases)


ALEXNET = Recipe(
    cite="Krizhevsky et al. 2012, sections 4.1 and 5",
    epochs=90,
    batch_size=128,
    learning_rate=0.01,
    weight_decay=5e-4,
    schedule="steps",
    milestones=(30, 60, 80),
    augmentations=OF_256,
    notes="The learning rate was divided by 10 three times, when the validation error stopped "
    "improving; the paper does not say when. Crops are 7/8 of the image, scaled back to its size.",
)
RESNET = Recipe(
    cite="He et al. 2016, section 3.4",
    epochs=120,
    batch_size=256,
    learning_rate=0.1,
    weight_decay=1e-4,
    schedule="steps",
    milestones=(30, 60, 90),
    augmentations=IMAGENET,
    notes="600,000 steps; the learning rate was divided by 10 when the error stopped improving, "
    "which figure 4 shows at about 30 and 60 epochs. Crops as in the authors' later code.",
)
# Most that came after ResNet: 90 epochs on ImageNet, 300 on CIFAR.
SHORTER = replace(RESNET, epochs=90, milestones=(30, 60), notes="")
CIFAR_300 = replace(SHORTER, epochs=300, batch_size=128, milestones=(150, 225), augmentations=CIFAR)
RESNET_CIFAR = replace(
    CIFAR_300,
    cite="He et al. 2016, section 4.2",
    epochs=164,
    milestones=(82, 123),
    notes="64,000 steps, the learning rate divided by 10 after 32,000 and 48,000.",
)
WARM = replace(
    RESNET_CIFAR,
    warmup_epochs=1,
    warmup_from=0.1,
    notes="The paper keeps the learning rate at 0.01 until the training error is below 80 %, about "
    "400 steps; here it rises from there.",
)
INCEPTION = Recipe(
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
)
MOBILENET = replace(
    INCEPTION,
    cite="Howard et al. 2017, section 3.2",
    label_smoothing=0.0,
    clip_norm=None,
    augmentations=GENTLE,
    notes="The paper says: as Inception v3, with less regularization and augmentation. Rate, batch "
    "and schedule are Inception v3's.",
)
EFFICIENTNET = Recipe(
    cite="Tan and Le 2019, section 5.2",
    epochs=350,
    batch_size=4096,
    learning_rate=0.256,
    optimizer="rmsprop",
    epsilon=1e-3,
    weight_decay=1e-5,
    decay_on="kernels",
    schedule="exponential",
    factor=0.97,
    period=2.4,
    warmup_epochs=5,
    label_smoothing=0.1,
    ema=0.9999,
    augmentations=IMAGENET,
    notes="Batch, warm-up, smoothing and average are the authors' code's. AutoAugment is left out.",
)

RECIPES: dict[str, Recipe] = {
    "alexnet": ALEXNET,
    "vgg": replace(
        ALEXNET,
        cite="Simonyan and Zisserman 2015, section 3.1",
        epochs=74,
        batch_size=256,
        milestones=(25, 50, 65),
    ),
    "googlenet": replace(
        ALEXNET,
        cite="Szegedy et al. 2015, section 6",
        epochs=250,
        batch_size=32,
        weight_decay=2e-4,
        schedule="exponential",
        milestones=(),
        factor=0.96,
        period=8,
        augmentations=IMAGENET,
        notes="Rate, batch, weight decay and length are not in the paper: those of its BVLC "
        "reproduction. The paper averages weights after Polyak.",
    ),
    "inception": INCEPTION,
    "xception": Recipe(
        cite="Chollet 2017, section 4.3",
        epochs=100,
        batch_size=1920,
        learning_rate=0.045,
        weight_decay=1e-5,
        decay_on="kernels",
        schedule="exponential",
        factor=0.94,
        period=2,
        augmentations=IMAGENET,
        notes="60 replicas of batches of 32; the paper averages weights after Polyak.",
    ),
    "resnet": RESNET,
    "resnet_cifar": RESNET_CIFAR,
    "resnet110_cifar": WARM,
    "preactivation": replace(SHORTER, cite="He et al. 2016b, appendix"),
    "preactivation_cifar": replace(
        WARM,
        cite="He et al. 2016b, appendix",
        notes="The paper warms up at 0.01 for 400 steps; here the learning rate rises from there.",
    ),
    "stochastic_depth": replace(
        CIFAR_300,
        cite="Huang et al. 2016, section 4",
        epochs=500,
        nesterov=True,
        milestones=(250, 375),
    ),
    "wide_resnet": replace(
        CIFAR_300,
        cite="Zagoruyko and Komodakis 2016, section 3",
        epochs=200,
        nesterov=True,
        weight_decay=5e-4,
        milestones=(60, 120, 160),
        factor=0.2,
        notes="The paper pads by reflection; here with gray.",
    ),
    "resnext": replace(SHORTER, cite="Xie et al. 2017, section 4"),
    "resnext_cifar": replace(CIFAR_300, cite="Xie et al. 2017, section 5.4", weight_decay=5e-4),
    "densenet": replace(SHORTER, cite="Huang et al. 2017, section 4.2", nesterov=True),
    "densenet_cifar": replace(
        CIFAR_300, cite="Huang et al. 2017, section 4.2", batch_size=64, nesterov=True
    ),
    "pyramidnet": replace(
        CIFAR_300,
        cite="Han et al. 2017, section 4",
        nesterov=True,
        notes="For CIFAR-100 the paper starts at a learning rate of 0.5.",
    ),
    "fractalnet": replace(
        CIFAR_300,
        cite="Larsson et al. 2017, section 4.1",
        epochs=400,
        batch_size=100,
        learning_rate=0.02,
        weight_decay=0.0,
        milestones=(200, 300, 350, 375),
        notes="The learning rate is divided by 10 whenever the number of epochs left halves.",
    ),
    "senet": replace(
        RESNET,
        cite="Hu et al. 2018, section 5.1",
        epochs=100,
        batch_size=1024,
        learning_rate=0.6,
        notes="Weight decay is not in the paper: ResNet's.",
    ),
    "mobilenet": MOBILENET,
    "mobilenet_v2": replace(
        MOBILENET,
        cite="Sandler et al. 2018, section 6.1",
        epochs=300,
        batch_size=1536,
        momentum=0.9,
        weight_decay=4e-5,
        decay_on="kernels",
        factor=0.98,
        period=1,
        notes="16 replicas of batches of 96, which the paper updates one by one; it gives no "
        "length.",
    ),
    "mobilenet_v3": replace(
        EFFICIENTNET,
        cite="Howard et al. 2019, section 6.1.1",
        epochs=600,
        learning_rate=0.1,
        epsilon=0.002,
        factor=0.99,
        period=3,
        label_smoothing=0.0,
        warmup_epochs=0,
        augmentations=GENTLE,
        notes="The paper gives no length.",
    ),
    "shufflenet": Recipe(
        cite="Zhang et al. 2018, section 4",
        epochs=240,
        batch_size=1024,
        learning_rate=0.5,
        weight_decay=4e-5,
        schedule="linear",
        augmentations=GENTLE,
        notes="300,000 steps.",
    ),
    "efficientnet": EFFICIENTNET,
    "efficientnet_v2": replace(
        EFFICIENTNET,
        cite="Tan and Le 2021, section 5.1 and Table 6",
        phases=_progressive(low=(0.1, 0.0), high=(0.3, 0.0)),
        notes="Four phases from small images with little dropout to large ones with more, the "
        "values of EfficientNetV2-S. RandAugment is left out.",
    ),
    "convnext": Recipe(
        cite="Liu et al. 2022, Table 5",
        epochs=300,
        batch_size=4096,
        learning_rate=4e-3,
        optimizer="adamw",
        weight_decay=0.05,
        decay_on="kernels",
        schedule="cosine",
        warmup_epochs=20,
        label_smoothing=0.1,
        ema=0.9999,
        augmentations=(*IMAGENET, ("random_erasing", 0.25, 1 / 3), ("mixup", 0.8), ("cutmix", 1.0)),
        notes="RandAugment is left out; mixup and CutMix take turns by chance. Random erasing is "
        "as in its own paper, with areas up to a third as in the authors' code.",
    ),
}
