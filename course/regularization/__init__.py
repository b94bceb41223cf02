"""Regularizers that Keras lacks, and the augmentations of training runs.

Keras has the rest: ``kernel_regularizer``, ``Dropout``, ``SpatialDropout2D``, ``MixUp`` (a fraction
from Beta(alpha, alpha) for each example, as in the paper's equations), the losses'
``label_smoothing``, the optimizers' ``use_ema`` with ``keras.callbacks.SwapEMAWeights``.

``Cutout``, ``CutMix`` and ``PCAColorNoise`` are layers; :mod:`.augmentations` does the same to
NumPy arrays, for training runs. Both share :mod:`.regions` and
:mod:`.components`. Importing this package does not load Keras.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "CutMix": "patches",
    "Cutout": "patches",
    "DropBlock2D": "drop_block",
    "PCAColorNoise": "color",
    "color_components": "components",
    "drop_path": "stochastic_depth",
    "linear_decay": "stochastic_depth",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
