"""Fractal blocks: columns of different depth, joined by averaging, with drop-path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from course.blocks.conv import batch_norm, conv
from course.errors import UsageError
from course.keras_types import Shape, Tensor


@keras.saving.register_keras_serializable(package="course")
class ColumnChoice(layers.Layer):
    """Choose, once per step for the whole network, the column that all joins let through.

    The joins receive the choice as an extra input, so that all of them use the same one.

    Args:
        columns: number of columns.
        global_share: fraction of training steps in which a column is chosen; in the other steps,
            and at inference, the choice is all zeros, and every join samples locally.
        seed: seed of the random draws; None for a random one.

    Input shape: any; the value is ignored.
    Output shape: (columns,), one-hot at the chosen column, the shallowest first.

    Raises:
        UsageError: if `global_share` is not from 0 to 1.

    Reference:
        Larsson, Maire, Shakhnarovich, "FractalNet: Ultra-deep neural networks without residuals",
        2017, section 2.2, global sampling.
    """

    def __init__(
        self,
        columns: int,
        global_share: float = 0.5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= global_share <= 1:
            raise UsageError(
                f"global_share must be from 0 to 1; received global_share={global_share}."
            )
        self.columns = columns
        self.global_share = global_share
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        if not training:
            return ops.zeros((self.columns,), self.compute_dtype)
        # One draw decides both: below global_share a column is chosen, all equally likely.
        draw = keras.random.uniform((), dtype="float32", seed=self.seed_generator)
        edges = ops.arange(self.columns + 1, dtype="float32") * self.global_share / self.columns
        return ops.cast((draw >= edges[:-1]) & (draw < edges[1:]), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (self.columns,)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "columns": self.columns,
            "global_share": self.global_share,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="course")
class FractalJoin(layers.Layer):
    """Average the inputs, of which some, but never all, are dropped during training.

    Args:
        rate: probability that an input is dropped in a step in which no column is chosen.
        seed: seed of the random draws; None for a random one.

    Input shape: a list of the output of :class:`ColumnChoice` and one (batch, ...) tensor for each
        of the deepest columns, the shallower first.
    Output shape: that of each column.

    Raises:
        UsageError: if `rate` is not in [0, 1).

    Reference:
        Larsson et al. 2017, section 2.2, local sampling.
    """

    def __init__(self, rate: float = 0.15, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UsageError(
                f"rate is the probability of a drop, from 0 up to but not 1; received rate={rate}."
            )
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        choice, *paths = inputs
        if not training:
            return sum(paths[1:], paths[0]) / len(paths)
        draw = keras.random.uniform((len(paths),), dtype="float32", seed=self.seed_generator)
        # The largest draw survives at any rate, so that at least one input always does.
        kept = ops.cast((draw >= self.rate) | (draw == ops.max(draw)), self.compute_dtype)
        # If the chosen column is not among these, the output is unused, but the BatchNorm after it
        # still updates its statistics, so feed it real values.
        chosen = choice[-len(paths) :]
        kept = ops.where(ops.any(chosen > 0), chosen, kept)
        weights = kept / ops.sum(kept)
        return sum(path * weights[number] for number, path in enumerate(paths))

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return input_shape[1]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


def fractal_block(
    x: Tensor,
    choice: Tensor,
    filters: int,
    *,
    columns: int,
    drop_path: float,
    dropout: float = 0.0,
    name: str,
) -> Tensor:
    """Apply parallel columns of 1, 2, 4, ... convolutions, joined wherever they meet, and pooling.

    Each column has twice as many convolutions as the one before, so that they meet after each
    convolution of the shallower one: there they are joined, and all continue with the mean.

    Args:
        x: tensor of shape (batch, height, width, channels).
        choice: output of :class:`ColumnChoice`.
        filters: channels of every convolution.
        columns: number of columns.
        drop_path: drop rate of the joins.
        dropout: rate of dropout after each convolution, before its normalization.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, height // 2, width // 2, filters).

    Reference:
        Larsson et al. 2017, figure 1.
    """
    heads = [x] * columns
    depth = 2 ** (columns - 1)
    for step in range(1, depth + 1):
        ends = [c for c in range(columns) if step % 2 ** (columns - 1 - c) == 0]
        for c in ends:
            part = f"{name}_column{c + 1}_conv{step * 2**c // depth}"
            y = conv(heads[c], filters, 3, name=part)
            if dropout:
                y = layers.Dropout(dropout, name=f"{part}_dropout")(y)
            heads[c] = batch_norm(y, activation="relu", name=part)
            if step == depth:
                heads[c] = layers.MaxPooling2D(2, name=f"{part}_pool")(heads[c])
        if len(ends) > 1:
            join = FractalJoin(drop_path, name=f"{name}_join{step}")
            joined = join([choice, *(heads[c] for c in ends)])
            for c in ends:
                heads[c] = joined
    return heads[-1]
