"""The studies, as data; ``course study run`` trains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from course.errors import UsageError
from course.recipes.recipe import Augmentation
from course.training.options import Options


class Variant(NamedTuple):
    """One curve of a study: how it differs from the others."""

    options: Mapping[str, Any]  # of course.training.Options
    paper: str = ""  # the paper's error in percent


@dataclass(frozen=True)
class Study:
    """Variants that are trained in the same way, each with several seeds."""

    question: str
    paper: str  # whose numbers are compared with ours, and how they were measured
    common: Mapping[str, Any]  # options of all variants
    variants: Mapping[str, Variant]
    seeds: tuple[int, ...] = field(default=(0, 1, 2))

    def options(self, variant: str, seed: int) -> Options:
        """Return a run's options; mappings in the common ones and the variant's are merged."""
        own = dict(self.variants[variant].options)
        merged = {
            key: {**self.common.get(key, {}), **own.get(key, {})}
            for key in ("arguments", "recipe_changes")
        }
        return Options(**dict(self.common) | own | merged, seed=seed)


def get_study(name: str) -> Study:
    """Look up a study by name.

    Raises:
        UsageError: if there is no such study.
    """
    if name not in STUDIES:
        raise UsageError(f"study must be one of {', '.join(STUDIES)}; received study={name!r}.")
    return STUDIES[name]


def _ablations(**papers: str) -> dict[str, Variant]:
    """Make variants of ``residual_variants.ABLATIONS``, given the paper's errors."""
    return {
        name: Variant({"arguments": {"ablation": name}}, paper) for name, paper in papers.items()
    }


def _augmented(*augmentations: Augmentation, paper: str = "") -> Variant:
    return Variant({"recipe_changes": {"augmentations": augmentations}}, paper)


# Small enough to train in minutes on two cores.
_SMALL: dict[str, Any] = {"image_size": (16, 16), "batch_size": 32, "test_limit": 1000}
_ABLATION: dict[str, Any] = {
    "name": "resnet32_cifar",
    "dataset": "course_shapes",
    **_SMALL,
    "epochs": 8,
    "limit": 2000,
}
STUDIES: dict[str, Study] = {
    "degradation": Study(
        "Do deeper networks train worse, and do shortcuts help?",
        "He et al. 2016, Table 6: 64,000 steps of 128 images",
        {
            "dataset": "cifar10",
            **_SMALL,
            "batch_size": 64,
            "epochs": 8,
            "limit": 4000,
        },
        {
            "plain20": Variant({"name": "plain20_cifar"}),
            "resnet20": Variant({"name": "resnet20_cifar"}, "8.75"),
            "plain56": Variant({"name": "plain56_cifar"}),
            "resnet56": Variant({"name": "resnet56_cifar"}, "6.97"),
        },
    ),
    "activation_order": Study(
        "Where do normalization and ReLU belong in a residual block?",
        "He et al. 2016b, Table 2: ResNet-110 on CIFAR-10",
        _ABLATION,
        _ablations(
            original="6.61",
            bn_after_addition="8.17",
            relu_before_addition="7.84",
            relu_only_preactivation="6.71",
            full_preactivation="6.37",
        ),
    ),
    "shortcuts": Study(
        "What can be on the shortcut?",
        "He et al. 2016b, Table 1: ResNet-110 on CIFAR-10; it calls more than 20 % a failure",
        _ABLATION,
        _ablations(
            original="6.61",
            constant_scaling="12.35",
            exclusive_gating_6="8.70",
            shortcut_gating_0="12.86",
            shortcut_gating_6="6.91",
            conv_shortcut="12.22",
            dropout_shortcut="fails",
        ),
    ),
    "regularizers": Study(
        "What helps a network that learns from few images?",
        "each method's own, for other networks on all of CIFAR-10: without it, with it",
        {
            "name": "resnet20_cifar",
            "dataset": "cifar10",
            **_SMALL,
            "epochs": 20,
            "limit": 1000,
            "recipe_changes": {"augmentations": ()},
        },
        {
            "none": Variant({}),
            "crop_and_flip": _augmented(("crop", 4), ("flip",)),
            "cutout": _augmented(("cutout", 0.5), paper="4.72, 3.99 (ResNet-18)"),
            "mixup": _augmented(("mixup", 1.0), paper="5.6, 4.2 (pre-activation ResNet-18)"),
            "cutmix": _augmented(("cutmix", 1.0), paper="3.85, 2.88 (PyramidNet-200)"),
            "label_smoothing": Variant({"recipe_changes": {"label_smoothing": 0.1}}),
            "stochastic_depth": Variant(
                {
                    "name": "resnet110_stochastic_depth_cifar",
                    "recipe": "resnet_cifar",
                    "arguments": {"depth": 20, "shortcut": "A"},
                },
                "6.41, 5.23 (ResNet-110)",
            ),
            "dropout": Variant({"arguments": {"dropout": 0.5}}),
            "spatial_dropout": Variant({"arguments": {"noise": "spatial_dropout"}}),
            "drop_block": Variant({"arguments": {"noise": "drop_block"}}),
        },
    ),
}
