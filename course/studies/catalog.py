"""Studies: runs that differ in one thing, as data. ``course record`` trains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from course.errors import UsageError
from course.training.options import Options


class Variant(NamedTuple):
    """What one curve of a study has of its own."""

    options: Mapping[str, Any]  # of course.training.Options
    paper: str = ""  # what the paper found, in percent of error


@dataclass(frozen=True)
class Study:
    """Variants that are trained alike, each with some seeds."""

    question: str
    paper: str  # whose numbers stand beside ours, and what they were measured with
    common: Mapping[str, Any]  # options of all variants
    variants: Mapping[str, Variant]
    seeds: tuple[int, ...] = field(default=(0, 1, 2))

    def options(self, variant: str, seed: int) -> Options:
        """A run's options; mappings of the common ones and the variant's are united."""
        own = dict(self.variants[variant].options)
        united = {
            key: {**self.common.get(key, {}), **own.get(key, {})}
            for key in ("arguments", "recipe_changes")
        }
        return Options(**dict(self.common) | own | united, seed=seed)


def get_study(name: str) -> Study:
    """A study by name.

    Raises:
        UsageError: an unknown name.
    """
    if name not in STUDIES:
        raise UsageError(f"A study is one of {', '.join(STUDIES)}; received {name!r}.")
    return STUDIES[name]


def _ablations(**papers: str) -> dict[str, Variant]:
    """Variants named as in ``residual_variants.ABLATIONS``, and the paper's errors."""
    return {
        name: Variant({"arguments": {"ablation": name}}, paper) for name, paper in papers.items()
    }


def _augmented(*steps: tuple, paper: str = "") -> Variant:
    return Variant({"recipe_changes": {"augmentations": steps}}, paper)


# Small enough for minutes on two cores.
_SMALL = {"image_size": (16, 16), "batch_size": 32, "test_limit": 1000}
_ABLATION = {
    "name": "resnet32_cifar",
    "dataset": "course_shapes",
    **_SMALL,
    "epochs": 8,
    "limit": 2000,
}
STUDIES = {
    "degradation": Study(
        "Do deeper networks train worse, and do shortcuts cure it?",
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
        "What may stand on the shortcut?",
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
        "What helps a network that has few images to learn from?",
        "each paper's own, of other networks on all of CIFAR-10: without it, with it",
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
