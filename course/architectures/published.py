"""Errors as papers print them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dataset = Literal["imagenet", "cifar10", "cifar100", "mnist", "rotated_mnist"]
Measure = Literal["top-1 error", "top-5 error"]

_TITLES: dict[Dataset, str] = {
    "imagenet": "ImageNet",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist": "MNIST",
    "rotated_mnist": "rotated MNIST",
}


@dataclass(frozen=True)
class Published:
    """An error that a paper or its authors' repository reports.

    Attributes:
        dataset: the dataset that was tested on.
        measure: which error.
        value: the error in percent.
        crops: number of crops of each image that the predictions are averaged over. Errors with
            different numbers of crops are not comparable.
    """

    dataset: Dataset
    measure: Measure
    value: float
    crops: int = 1

    @property
    def label(self) -> str:
        """What was measured, in words.

        Example:
            >>> Published("imagenet", "top-5 error", 7.46, crops=10).label
            'ImageNet top-5 error, 10 crops'
        """
        measure = self.measure if self.dataset == "imagenet" else "test error"
        crops = f", {self.crops} crops" if self.crops > 1 else ""
        return f"{_TITLES[self.dataset]} {measure}{crops}"

    def __str__(self) -> str:
        return f"{self.label} {self.value} %"


def imagenet_errors(
    top1: float | None = None, top5: float | None = None, *, crops: int = 1
) -> tuple[Published, ...]:
    """ImageNet errors in percent; None for one that is not published."""
    errors: tuple[tuple[Measure, float | None], ...] = (
        ("top-1 error", top1),
        ("top-5 error", top5),
    )
    return tuple(
        Published("imagenet", measure, value, crops)
        for measure, value in errors
        if value is not None
    )


def cifar_errors(cifar10: float | None, cifar100: float | None = None) -> tuple[Published, ...]:
    """CIFAR-10 and CIFAR-100 test errors in percent; None for one that is not published."""
    errors: tuple[tuple[Dataset, float | None], ...] = (
        ("cifar10", cifar10),
        ("cifar100", cifar100),
    )
    return tuple(
        Published(dataset, "top-1 error", value) for dataset, value in errors if value is not None
    )
