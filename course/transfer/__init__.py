"""Networks that start from weights trained elsewhere: features, probes, fine-tuning.

    >>> import numpy as np
    >>> from course import transfer
    >>> found = transfer.load_pretrained("course_shapes")
    >>> images = np.zeros((5, 32, 32, 3), "uint8")
    >>> transfer.features(found.model, images, preprocess=found.preprocess).shape
    (5, 64)

or ``course finetune resnet20_cifar --weights course_shapes --dataset course_shapes/target``.
Importing this package does not load Keras.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "APPLICATIONS": "applications",
    "Forgetting": "forgetting",
    "Neighbors": "retrieval",
    "Pretrained": "weights",
    "Probe": "probing",
    "TuningOptions": "options",
    "feature_model": "extraction",
    "features": "extraction",
    "fine_tune": "fine_tuning",
    "freeze": "freezing",
    "from_applications": "applications",
    "knn_accuracy": "retrieval",
    "learning_rate_factors": "groups",
    "linear_probe": "probing",
    "load_pretrained": "weights",
    "measure_forgetting": "forgetting",
    "neighbors": "retrieval",
    "precision_at_k": "retrieval",
    "preprocess_input": "applications",
    "recalibrate": "statistics",
    "unfreeze": "freezing",
    "with_frozen_in_inference": "freezing",
}

__all__ = [*_MODULES, "transfer_weights"]


def __getattr__(name: str) -> Any:
    if name == "transfer_weights":
        from course.keras_graph import transfer_weights

        return transfer_weights
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
