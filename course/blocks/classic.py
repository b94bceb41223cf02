"""Layers of early convolutional networks that Keras lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from course.errors import UsageError
from course.keras_types import Activation, Shape, Tensor


@keras.saving.register_keras_serializable(package="course")
def scaled_tanh(x: Tensor) -> Tensor:
    """Compute LeCun's squashing function, 1.7159 tanh(2x/3), for which f(1) = 1 and f(-1) = -1.

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, appendix A.
    """
    return 1.7159 * ops.tanh(2 / 3 * x)


@keras.saving.register_keras_serializable(package="course")
class TrainableSubsampling2D(layers.Layer):
    """Sum non-overlapping 2x2 windows, multiply by a learned coefficient, add a bias, squash.

    There is one coefficient and one bias per feature map.

    Args:
        activation: the squashing function.

    Input shape: (batch, height, width, channels), height and width even.
    Output shape: (batch, height / 2, width / 2, channels).

    Reference:
        LeCun et al. 1998, II.B, layers S2 and S4.
    """

    def __init__(self, activation: Activation = scaled_tanh, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: tuple[int, ...]) -> None:
        channels = (input_shape[-1],)
        # A quarter of the sum is the mean: the layer starts as average pooling.
        self.coefficient = self.add_weight(
            name="coefficient", shape=channels, initializer=keras.initializers.Constant(0.25)
        )
        self.bias = self.add_weight(name="bias", shape=channels, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        total = 4 * ops.average_pool(inputs, 2, strides=2, data_format="channels_last")
        return self.activation(total * self.coefficient + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        return batch, height and height // 2, width and width // 2, channels

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="course")
class ConnectionTableConv2D(layers.Layer):
    """Convolution in which each output map sees only the input maps listed in a table.

    Only the listed connections have weights: ``kernel_size**2`` each, and one bias per output map.

    Args:
        table: for each output map, the indices of the input maps that it sees.
        kernel_size: height and width of the kernels.
        activation: applied to the output; None for none.

    Input shape: (batch, height, width, channels), with more channels than the largest index.
    Output shape: (batch, height - kernel_size + 1, width - kernel_size + 1, len(table)).

    Raises:
        UsageError: if a row of the table is empty, repeats an input map, or names one that does not
            exist.

    Reference:
        LeCun et al. 1998, Table I.
    """

    def __init__(
        self,
        table: Sequence[Sequence[int]],
        kernel_size: int,
        activation: Activation = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = tuple(tuple(row) for row in table)
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)
        for number, row in enumerate(self.table):
            if not row or len(set(row)) < len(row) or min(row) < 0:
                raise UsageError(
                    "Each row of table must name at least one input map, each once, from 0; "
                    f"received {row} for output map {number}."
                )

    def build(self, input_shape: tuple[int, ...]) -> None:
        channels, maps = input_shape[-1], len(self.table)
        if (largest := max(max(row) for row in self.table)) >= channels:
            raise UsageError(
                f"table names input map {largest}, but the input has {channels} channels, "
                f"0 to {channels - 1}."
            )
        pairs = [(i, o) for o, row in enumerate(self.table) for i in row]
        # Spreads the connections' weights over a dense kernel with zeros elsewhere.
        self._spread = np.zeros((len(pairs), channels * maps), "float32")
        for number, (i, o) in enumerate(pairs):
            self._spread[number, i * maps + o] = 1
        self._dense_shape = (self.kernel_size, self.kernel_size, channels, maps)
        fan_in = self.kernel_size**2 * len(pairs) / maps
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, len(pairs)),
            initializer=keras.initializers.RandomNormal(stddev=fan_in**-0.5),
        )
        self.bias = self.add_weight(name="bias", shape=(maps,), initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        spread = ops.cast(self._spread, self.compute_dtype)
        kernel = ops.reshape(ops.matmul(self.kernel, spread), self._dense_shape)
        x = ops.conv(inputs, kernel, padding="valid", data_format="channels_last")
        return self.activation(x + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        lost = self.kernel_size - 1
        batch, height, width, _ = input_shape
        return batch, height and height - lost, width and width - lost, len(self.table)

    def macs(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one example: the table's connections at every position."""
        height, width, _ = output_shape
        return height * width * self.kernel_size**2 * sum(map(len, self.table))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "table": self.table,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="course")
class EuclideanRBF(layers.Layer):
    """Negated squared distance to a fixed code for each class: the nearest code wins.

    Args:
        codes: one row per class; not trained.

    Input shape: (batch, code length).
    Output shape: (batch, classes).

    Reference:
        LeCun et al. 1998, equation 7 (there a penalty, not negated).
    """

    def __init__(self, codes: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes_table = [list(map(float, row)) for row in codes]

    def build(self, input_shape: tuple[int, ...]) -> None:
        codes = np.array(self.codes_table, "float32")
        if input_shape[-1] != codes.shape[1]:
            raise UsageError(
                f"The input must be as long as a code, {codes.shape[1]} values; "
                f"received shape {tuple(input_shape)}."
            )
        self.codes = self.add_weight(
            name="codes",
            shape=codes.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(codes, dtype),
            trainable=False,
        )

    def call(self, inputs: Tensor) -> Tensor:
        return -ops.sum(ops.square(ops.expand_dims(inputs, 1) - self.codes), axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], len(self.codes_table)

    def macs(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one example: one square per connection."""
        return input_shape[-1] * output_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"codes": self.codes_table}


@keras.saving.register_keras_serializable(package="course")
class LocalResponseNormalization(layers.Layer):
    """Divide each value by a power of the sum of squares over neighboring feature maps.

    ``x / (k + alpha * sum of x**2 over n maps) ** beta``, with the value's own map in the middle
    and fewer neighbors at both ends. `alpha` is the paper's; Caffe, Torch and PyTorch
    divide theirs by `n`.

    Args:
        n: number of neighboring maps, odd.
        k: constant in the denominator, positive.
        alpha: weight of the sum.
        beta: exponent.

    Input shape: (batch, height, width, channels).
    Output shape: the same.

    Raises:
        UsageError: if `n` is even, or `k` is not positive, so that the denominator could be 0.

    Reference:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        2012, section 3.3.
    """

    def __init__(
        self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if n < 1 or n % 2 == 0 or k <= 0:
            raise UsageError(
                "n must be odd, so that a map has as many neighbors on both sides, and k must be "
                f"positive; received n={n}, k={k}."
            )
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def build(self, input_shape: tuple[int, ...]) -> None:
        maps = np.arange(input_shape[-1])
        near = abs(maps[:, None] - maps) <= self.n // 2
        self._neighbors = self.alpha * near.astype("float32")

    def call(self, inputs: Tensor) -> Tensor:
        # In float32, because squares overflow half precision. On CPUs a product with a banded
        # matrix and exp(log) are several times faster than shifted sums and a power.
        x = ops.cast(inputs, "float32")
        denominator = self.k + ops.matmul(ops.square(x), self._neighbors)
        return ops.cast(x * ops.exp(-self.beta * ops.log(denominator)), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}
        return super().get_config() | own
