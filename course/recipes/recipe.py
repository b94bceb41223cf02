"""What a recipe says: how a network is trained, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Phase:
    """A part of a training run with its own image size and strength of regularization."""

    until: float  # share of the run at which the stage ends
    size: float  # share of the run's image size
    augmentations: tuple[tuple, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture


@dataclass(frozen=True)
class Recipe:
    """What a paper says on training. Augmentations are names of
    :data:`course.regularization.augmentations.AUGMENTATIONS` with their arguments."""

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
    phases: tuple[Phase, ...] = ()
    whitened_layer: str | None = None  # layer whose filters whiten the training images' patches
    tta_views: tuple[str, ...] = ("plain",)  # what evaluation averages over: plain, flip, shift
    notes: str = ""
