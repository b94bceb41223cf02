"""Stochastic depth, or drop path: residual branches that are dropped at random."""

from __future__ import annotations

from keras import layers

from course.errors import UsageError
from course.keras_types import Tensor

RESCALES = ("train", "test")
UNITS = ("example", "batch")

# Block l of L drops its branch at `rate` times (l - a) / (L - b); (a, b) for each rule.
_RULES = {
    "stochastic_depth": (0, 0),  # Huang et al. 2016, equation 4; NASNet's code, cell by cell
    "efficientnet": (1, 0),  # the authors' code for TPUs, of both versions
    "convnext": (1, 1),  # the authors' code: linspace(0, rate, L)
}


def linear_decay(rate: float, blocks: int, rule: str = "stochastic_depth") -> list[float]:
    """Compute the drop rate of each block, which rises linearly from the input to the last block.

    Args:
        rate: probability that the last block is dropped, at least 0 and less than 1.
        blocks: number of blocks L, at least 1.
        rule: the fraction of `rate` that block l has, named after its paper:
            ``"stochastic_depth"``, l / L, so that the first block is dropped as well;
            ``"efficientnet"``, (l - 1) / L, which never reaches `rate`;
            ``"convnext"``, (l - 1) / (L - 1), from 0 to `rate`, and 0 for a single block.

    Returns:
        One rate per block.

    Raises:
        UsageError: an unknown rule.

    Example:
        >>> linear_decay(0.5, 5)
        [0.1, 0.2, 0.3, 0.4, 0.5]
        >>> linear_decay(0.5, 5, "efficientnet")
        [0.0, 0.1, 0.2, 0.3, 0.4]
        >>> linear_decay(0.5, 5, "convnext")
        [0.0, 0.125, 0.25, 0.375, 0.5]

    Reference:
        Huang et al., "Deep networks with stochastic depth", 2016, equation 4, with one minus the
        survival probabilities; the code of Tan, Le 2019 and of Liu et al. 2022.
    """
    if rule not in _RULES:
        raise UsageError(f"rule must be one of {', '.join(_RULES)}; received rule={rule!r}.")
    first, last = _RULES[rule]
    return [rate * (block - first) / max(1, blocks - last) for block in range(1, blocks + 1)]


def drop_path(
    x: Tensor,
    rate: float,
    *,
    rescale: str = "train",
    unit: str = "example",
    seed: int | None = None,
    name: str,
) -> Tensor:
    """Drop a residual block's whole branch at random, for each example or for the batch.

    Put it between a residual block's last layer and its addition. It is made of Keras' own layers,
    so that a model with it reloads without this package.

    Args:
        x: tensor of shape (batch, ...), before the addition.
        rate: probability that an example's branch is dropped, at least 0 and less than 1; 0 adds no
            layer.
        rescale: what keeps the expected value. ``"train"`` divides what survives by the survival
            probability while training and changes nothing at inference, as dropout in Keras does;
            ``"test"`` leaves it as it is while training and multiplies by the survival probability
            at inference, as the paper does.
        unit: what one draw decides about: an ``"example"``, as today's code does, or the whole
            ``"batch"``, as in the paper: the depth then varies more from step to step. The branch
            is computed either way, so neither saves time.
        seed: seed of the random numbers; None for a random one.
        name: prefix of the layers' names.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        UsageError: a rate outside of [0, 1), an unknown rescale or unit.

    Reference:
        Huang et al., "Deep networks with stochastic depth", 2016, equations 2 and 5.
    """
    if not 0 <= rate < 1:
        raise UsageError(
            f"rate is the probability of a drop, at least 0 and less than 1; received rate={rate}."
        )
    if rescale not in RESCALES:
        raise UsageError(f"rescale must be one of {RESCALES}; received rescale={rescale!r}.")
    if unit not in UNITS:
        raise UsageError(f"unit must be one of {UNITS}; received unit={unit!r}.")
    if not rate:
        return x
    once = (None if unit == "example" else 1, *(1,) * (len(x.shape) - 1))
    # Drawn in float32: half precision has too few values between 0 and 1 for small rates.
    x = layers.Dropout(rate, noise_shape=once, seed=seed, dtype="float32", name=f"{name}_drop")(x)
    if rescale == "test":  # undoes dropout's division
        x = layers.Rescaling(1 - rate, name=f"{name}_survival")(x)
    return x
