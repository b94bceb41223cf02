"""Stochastic depth: a residual block's branch is left out at random."""

from __future__ import annotations

import keras
from keras import layers, ops

RESCALES = ("train", "test")


def linear_decay(rate: float, blocks: int) -> list[float]:
    """The rate of each block: it rises in equal steps from the input to `rate` at the last one.

    Args:
        rate: probability that the last block is dropped, at least 0 and less than 1.
        blocks: number of blocks.

    Returns:
        One rate a block; the first block's is ``rate / blocks``.

    Example:
        >>> linear_decay(0.5, 5)
        [0.1, 0.2, 0.3, 0.4, 0.5]

    Reference:
        Huang et al., "Deep networks with stochastic depth", 2016, equation 4, with one minus the
        survival probabilities.
    """
    return [rate * block / blocks for block in range(1, blocks + 1)]


@keras.saving.register_keras_serializable(package="course")
class DropPath(layers.Layer):
    """Drops the whole branch for an example, or keeps it whole: one draw for each example.

    Put it between a residual block's last layer and its addition.

    Args:
        rate: probability that an example's branch is dropped, at least 0 and less than 1.
        rescale: what keeps the expected value. ``"train"`` divides what survives by the survival
            probability while training and changes nothing at inference, as dropout in Keras does;
            ``"test"`` leaves it as it is while training and multiplies by the survival probability
            at inference, as the paper does.
        seed: of the draws; None for a random one.

    Input shape: (batch, ...).
    Output shape: the same.

    Raises:
        ValueError: a rate outside of [0, 1), an unknown rescale.

    Reference:
        Huang et al., "Deep networks with stochastic depth", 2016, equations 2 and 5.
    """

    def __init__(self, rate: float, rescale: str = "train", seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                f"rate is the probability of a drop, from 0 up to but not 1; received rate={rate}."
            )
        if rescale not in RESCALES:
            raise ValueError(f"rescale must be one of {RESCALES}; received rescale={rescale!r}.")
        self.rate = rate
        self.rescale = rescale
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate else None
        self.supports_masking = True

    def call(self, inputs, training=False):
        if not self.rate:
            return inputs
        survival = 1 - self.rate
        if not training:
            return inputs * survival if self.rescale == "test" else inputs
        # Drawn in float32: half precision has too few values between 0 and 1 for small rates.
        shape = (ops.shape(inputs)[0], *(1,) * (len(inputs.shape) - 1))
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        kept = inputs / survival if self.rescale == "train" else inputs
        return ops.where(draw < survival, kept, ops.zeros_like(kept))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "rate": self.rate,
            "rescale": self.rescale,
            "seed": self.seed,
        }
