"""How fast single layers compute on this machine, beside how many values they have to move.

The roofline model says that a layer takes as long as the slower of computing and moving; with few
multiply-adds for each byte, memory decides.

Reference:
    Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
    architectures", Communications of the ACM, 2009.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from course.errors import UsageError

KINDS = {"1x1": 1, "3x3": 3, "depthwise 3x3": 3}  # and the side of the kernel
_BYTES = 4  # of a float32


class Timed(NamedTuple):
    """A layer's multiply-adds, the bytes that it moves, and the seconds that it takes."""

    macs: int
    moved: int
    seconds: float

    @property
    def density(self) -> float:
        """Multiply-adds for each byte that is moved."""
        return self.macs / self.moved

    @property
    def speed(self) -> float:
        """Multiply-adds in a second, in 10^9."""
        return self.macs / self.seconds / 1e9


def shortest(function: Callable[[], object], repeats: int = 7) -> float:
    """Return the seconds of the fastest of several calls; a first one compiles, and is not timed.

    Args:
        function: without arguments.
        repeats: how many calls are timed, at least 1.
    """
    function()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return min(found)


def measure(
    kind: str, channels: int, size: int, *, filters: int = 0, batch: int = 8, repeats: int = 7
) -> Timed:
    """Time a convolution with same padding, stride 1 and no bias.

    Input and kernel are read once and the output is written once, in float32; that is what `moved`
    counts, whatever caches do.

    Args:
        kind: one of `KINDS`.
        channels: of the input.
        size: height and width.
        filters: channels of the output; 0 for as many as the input's, which a depthwise
            convolution has anyway.
        batch: number of images.
        repeats: how many calls are timed; the fastest counts.

    Raises:
        UsageError: another kind, or filters of a depthwise convolution.

    Example:
        >>> timed = measure("3x3", 4, 10, filters=8, batch=1, repeats=1)
        >>> timed.macs, timed.moved
        (28800, 5952)
    """
    import tensorflow as tf

    if kind not in KINDS:
        raise UsageError(f"kind must be one of {', '.join(KINDS)}; received kind={kind!r}.")
    depthwise = kind.startswith("depthwise")
    if depthwise and filters not in (0, channels):
        raise UsageError(
            "A depthwise convolution has as many filters as channels; leave out filters. "
            f"Received channels={channels}, filters={filters}."
        )
    filters = filters or channels
    side, draw = KINDS[kind], np.random.default_rng(0)
    x = tf.constant(draw.normal(size=(batch, size, size, channels)).astype("float32"))
    shape = (side, side, channels, 1 if depthwise else filters)
    kernel = tf.constant(draw.normal(size=shape).astype("float32"))

    @tf.function(autograph=False)
    def run() -> object:
        if depthwise:
            return tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME")
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    positions, weights = batch * size * size, prod(shape)
    moved = _BYTES * (positions * (channels + filters) + weights)
    return Timed(positions * weights, moved, shortest(run, repeats))
