"""Types of recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# A name of course.regularization.augmentations.AUGMENTATIONS, and arguments.
Augmentation: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Phase:
    """A part of a training run with its own image size and regularization.

    Attributes:
        until: fraction of the run at which the phase ends, above 0 to 1.
        size: of images, relative to the run's image size.
        augmentations: names of `course.regularization.augmentations`, with arguments.
        arguments: of the architecture's builder, by name.
        trained: `"all"`, `"head"`, or the layer from which on weights are trained.
    """

    until: float
    size: float
    augmentations: tuple[Augmentation, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trained: str = "all"


@dataclass(frozen=True)
class Recipe:
    """How a paper trained its network.

    Attributes:
        cite: the paper.
        epochs: of the whole run.
        batch_size: images in a step, on all devices together.
        learning_rate: the highest, after the warm-up.
        optimizer: `"sgd"`, `"rmsprop"`, `"adam"` or `"adamw"`.
        momentum: of SGD and RMSProp.
        nesterov: whether SGD's momentum is Nesterov's.
        epsilon: of adaptive optimizers; None for Keras'.
        weight_decay: factor of half the squared weights in the loss; AdamW decays by itself.
        decay_on: `"all"` weights, or `"kernels"`: neither biases nor normalization.
        schedule: `"constant"`, `"steps"`, `"exponential"`, `"cosine"` or `"linear"`.
        milestones: with steps, the epochs at which the learning rate is multiplied.
        factor: with steps and exponential, by what it is multiplied.
        period: with exponential, epochs from one multiplication to the next.
        warmup_epochs: in which the learning rate rises linearly.
        warmup_from: the learning rate at the start, relative to the highest.
        label_smoothing: the part that is divided among all classes, 0 to 1.
        auxiliary_weight: of the losses of auxiliary classifiers.
        clip_norm: the largest norm of all gradients together; None for no clipping.
        ema: momentum of the weights' moving average; None for none.
        augmentations: names of `course.regularization.augmentations`, with arguments.
        arguments: of the architecture's builder, by name.
        phases: parts of the run; empty for a single one.
        whitened_layer: layer whose filters whiten patches of the training images.
        tta_views: that evaluation averages over: `"plain"`, `"flip"`, `"shift"`.
        notes: what the paper leaves open, and what was chosen.
    """

    cite: str
    epochs: float
    batch_size: int
    learning_rate: float
    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    epsilon: float | None = None
    weight_decay: float = 0.0
    decay_on: str = "all"
    schedule: str = "constant"
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    period: float = 1.0
    warmup_epochs: float = 0.0
    warmup_from: float = 0.0
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.3
    clip_norm: float | None = None
    ema: float | None = None
    augmentations: tuple[Augmentation, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    whitened_layer: str | None = None
    tta_views: tuple[str, ...] = ("plain",)
    notes: str = ""
