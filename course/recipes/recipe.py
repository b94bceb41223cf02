"""Types of recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# A name of course.regularization.augmentations.AUGMENTATIONS, and arguments.
Augmentation: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Phase:
    """A part of a training run with its own image size and regularization."""

    until: float  # fraction of the run at which the phase ends
    size: float  # relative to the run's image size
    augmentations: tuple[Augmentation, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture
    trained: str = "all"  # or "head", or the layer from which on weights are trained


@dataclass(frozen=True)
class Recipe:
    """How a paper trained its network."""

    cite: str
    epochs: float
    batch_size: int
    learning_rate: float
    optimizer: str = "sgd"  # sgd, rmsprop, adam, adamw
    momentum: float = 0.9
    nesterov: bool = False
    epsilon: float | None = None  # of adaptive optimizers; None for Keras'
    weight_decay: float = 0.0
    decay_on: str = "all"  # or "kernels": neither biases nor normalization
    schedule: str = "constant"  # steps, exponential, cosine, linear
    milestones: tuple[float, ...] = ()  # steps: the epochs at which the learning rate is multiplied
    factor: float = 0.1  # steps, exponential: by what
    period: float = 1.0  # exponential: epochs from one multiplication to the next
    warmup_epochs: float = 0.0
    warmup_from: float = 0.0  # the learning rate at the start, relative to the peak
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.3  # of the losses of auxiliary classifiers
    clip_norm: float | None = None  # of all gradients together (global norm)
    ema: float | None = None  # momentum of the weights' moving average
    augmentations: tuple[Augmentation, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture
    phases: tuple[Phase, ...] = ()
    whitened_layer: str | None = None  # layer whose filters whiten the training images' patches
    tta_views: tuple[str, ...] = ("plain",)  # that evaluation averages over: plain, flip, shift
    notes: str = ""
