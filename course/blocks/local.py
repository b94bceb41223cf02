"""Locally connected layers, which Keras 3 no longer has."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
from keras import layers, ops

from course.errors import UsageError
from course.keras_types import Activation, Shape, Tensor


@keras.saving.register_keras_serializable(package="course")
class LocallyConnected2D(layers.Layer):
    """Convolution with a separate kernel and bias at every position.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the windows.
        strides: step in both directions.
        activation: applied to the output; None for none.
        use_bias: whether each output value has a bias.

    Input shape: (batch, height, width, channels), with a fixed height and width.
    Output shape: (batch, new height, new width, filters), where the new height is
        (height - kernel_size) // strides + 1, and likewise for the width.

    Raises:
        UsageError: if the height or width is unknown, or smaller than a window.

    Example:
        >>> LocallyConnected2D(4, 3)(keras.Input((8, 8, 3))).shape
        (None, 6, 6, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        activation: Activation = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias

    def build(self, input_shape: tuple[Any, ...]) -> None:
        _, height, width, channels = input_shape
        known = height is not None and width is not None and channels is not None
        if not known or min(height, width) < self.kernel_size:
            raise UsageError(
                "Every position has its own weights, so height and width must be known, and "
                f"at least kernel_size={self.kernel_size}; received shape {tuple(input_shape)}."
            )
        _, *positions, _ = self.compute_output_shape(input_shape)
        fan_in = self.kernel_size**2 * channels
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*positions, fan_in, self.filters),
            initializer=keras.initializers.RandomNormal(stddev=fan_in**-0.5),
        )
        if self.use_bias:
            shape = (*positions, self.filters)
            self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        windows = ops.image.extract_patches(
            inputs, self.kernel_size, strides=self.strides, data_format="channels_last"
        )
        x = ops.einsum("bhwi,hwif->bhwf", windows, self.kernel)
        return self.activation(x + self.bias if self.use_bias else x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, _ = input_shape

        def positions(size: int | None) -> int | None:
            return size and (size - self.kernel_size) // self.strides + 1

        return batch, positions(height), positions(width), self.filters

    def macs(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one example: every weight is used once, unlike in a convolution."""
        return prod(output_shape) * self.kernel_size**2 * input_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }
