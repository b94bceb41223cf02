"""Deep stacks of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import keras

from course.keras_types import Tensor

Spec = TypeVar("Spec")

# Keras walks a model's graph recursively, a few levels per block; Python allows 1,000 levels.
MAX_FLAT_BLOCKS = 100


def stack_blocks(
    x: Tensor, block: Callable[[Tensor, Spec], Tensor], specs: Sequence[Spec]
) -> Tensor:
    """Apply ``block(x, spec)`` once per spec, one after the other.

    More than 100 blocks are built as nested models of 50 each, because Keras can neither build nor
    reload so many in one graph.

    Args:
        x: the first block's input.
        block: function of a tensor and a spec, returning a tensor.
        specs: one per block.

    Returns:
        The last block's output.
    """
    if len(specs) <= MAX_FLAT_BLOCKS:
        for spec in specs:
            x = block(x, spec)
        return x
    for first in range(0, len(specs), MAX_FLAT_BLOCKS // 2):
        part = specs[first : first + MAX_FLAT_BLOCKS // 2]
        inputs = keras.Input(x.shape[1:])
        name = f"blocks{first + 1}_{first + len(part)}"
        x = keras.Model(inputs, stack_blocks(inputs, block, part), name=name)(x)
    return x
