"""Types of the values that Keras takes and gives.

Keras is not annotated, so a type checker knows nothing of its classes. These names say in
annotations what is meant, and importing them imports neither Keras nor NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from keras import KerasTensor, Layer, Model, Operation, Variable
    from keras.initializers import Initializer
    from keras.losses import Loss
    from keras.metrics import Metric
    from keras.optimizers import Optimizer
    from keras.random import SeedGenerator
    from keras.regularizers import Regularizer

    Array: TypeAlias = npt.NDArray[Any]
    Images: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
else:
    Array = Images = Any
    KerasTensor = Layer = Model = Operation = Variable = Any
    Initializer = Loss = Metric = Optimizer = SeedGenerator = Regularizer = Any

__all__ = [
    "Activation",
    "Array",
    "ImageShape",
    "Images",
    "Initializer",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "SeedGenerator",
    "Shape",
    "Size",
    "Tensor",
    "TensorFunction",
    "Variable",
]

# A symbolic tensor, a tensor of the backend, or an array: what a layer can be called on.
Tensor: TypeAlias = Any
# Height, width and channels of a network's images.
ImageShape: TypeAlias = tuple[int, int, int]
# Sizes of a tensor's axes; None for one that is not fixed.
Shape: TypeAlias = tuple[int | None, ...]
# One number for height and width, or one for each.
Size: TypeAlias = int | Sequence[int]
TensorFunction: TypeAlias = Callable[[Tensor], Tensor]
Activation: TypeAlias = str | Callable[[Tensor], Tensor] | None
