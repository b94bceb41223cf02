"""DropBlock: dropout of whole regions, since neighboring pixels carry the same information."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from course.errors import UsageError
from course.keras_types import Shape, Tensor


@keras.saving.register_keras_serializable(package="course")
class DropBlock2D(layers.Layer):
    """Set squares of feature maps to zero during training, and scale up the rest.

    What is left is multiplied by the number of values over the number of kept values in the whole
    batch, so that their sum keeps its size whatever was drawn. At inference nothing changes.

    Args:
        rate: fraction of the values to drop, at least 0 and less than 1; a little less are dropped,
            since squares overlap.
        block_size: height and width of the squares; smaller feature maps are dropped as a whole.
        ramp_steps: training steps in which the rate rises linearly from 0 to `rate`;
            0 for the full rate from the start.
        shared: whether all channels of an example lose the same squares; the paper found separate
            squares to work better.
        seed: seed of the random numbers; None for a random one.

    Input shape: (batch, height, width, channels), height and width known.
    Output shape: the same.

    Raises:
        UsageError: a rate outside of [0, 1), a block size below 1, unknown height or width.

    Reference:
        Ghiasi, Lin, Le, "DropBlock: a regularization method for convolutional networks", 2018,
        algorithm 1 and equation 1; section 3 for the scheduled rate.
    """

    def __init__(
        self,
        rate: float,
        block_size: int = 7,
        ramp_steps: int = 0,
        shared: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UsageError(
                f"rate is the fraction to drop, at least 0 and less than 1; received rate={rate}."
            )
        if block_size < 1:
            raise UsageError(f"block_size must be at least 1; received block_size={block_size}.")
        self.rate = rate
        self.block_size = block_size
        self.ramp_steps = ramp_steps
        self.shared = shared
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Shape) -> None:
        if None in tuple(input_shape[1:3]):
            raise UsageError(
                "DropBlock2D needs a known height and width; received shape "
                f"{tuple(input_shape)}. Give the model's keras.Input fixed sizes."
            )
        if self.ramp_steps:
            self.step = self.add_weight(
                name="step",
                shape=(),
                dtype="int32",
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
            )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        dropped = self._dropped(inputs)
        # Counted in float32: half precision cannot count beyond 2,048.
        kept = ops.sum(ops.cast(ops.logical_not(dropped), "float32"))
        scale = ops.cast(ops.size(dropped), "float32") / ops.maximum(kept, 1.0)
        scaled = inputs * ops.cast(scale, inputs.dtype)
        return ops.where(dropped, ops.zeros_like(scaled), scaled)

    def _dropped(self, inputs: Tensor) -> Tensor:
        """Find the values inside a square, of shape (batch, height, width, channels or 1)."""
        height, width, channels = inputs.shape[1:]
        rows, columns = min(self.block_size, height), min(self.block_size, width)
        # Upper left corners, only where a whole square fits.
        corners = height - rows + 1, width - columns + 1
        chance = self._rate_now() * height * width / (rows * columns * corners[0] * corners[1])
        shape = (ops.shape(inputs)[0], *corners, 1 if self.shared else channels)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        squares = ops.cast(draw < chance, "float32")
        # A value is dropped if one of the corners up and to the left of it was drawn. Rows, then
        # columns: the same squares as from one pooling, with 2 size instead of size^2 compares.
        border = ((0, 0), (rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0))
        squares = ops.pad(squares, border)
        for window in ((rows, 1), (1, columns)):
            squares = ops.max_pool(squares, window, strides=1, data_format="channels_last")
        return squares > 0

    def _rate_now(self) -> Tensor:
        if not self.ramp_steps:
            return self.rate
        step = ops.cast(self.step, "float32")
        self.step.assign_add(1)
        return self.rate * ops.minimum(step / self.ramp_steps, 1.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rate": self.rate,
            "block_size": self.block_size,
            "ramp_steps": self.ramp_steps,
            "shared": self.shared,
            "seed": self.seed,
        }
