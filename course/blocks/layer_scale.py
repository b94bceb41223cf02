"""Learned scaling of each channel."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from course.keras_types import Shape, Tensor


@keras.saving.register_keras_serializable(package="course")
class LayerScale(layers.Layer):
    """Multiply each channel by a learned factor that starts small.

    At the end of a residual, it lets a deep network start close to the identity.

    Args:
        start: initial value of every factor.

    Input shape: (batch, ..., channels).
    Output shape: the same.

    Reference:
        Touvron et al., "Going deeper with image transformers", 2021, equation 4.
    """

    def __init__(self, start: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
        )

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"start": self.start}
