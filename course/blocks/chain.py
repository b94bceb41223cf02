"""Very deep stacks of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

# Keras walks a model's graph by recursion, a few levels a block; Python allows 1,000.
LONGEST = 100


def chain(x, block: Callable, rows: Sequence[tuple]):
    """Apply ``block(x, *row)`` for each row, one after the other.

    More than 100 blocks are built as nested models of 50 each, since Keras could neither build
    nor reload them in one graph.

    Args:
        x: tensor.
        block: function of a tensor and a row's entries, returning a tensor.
        rows: one tuple a block.

    Returns:
        The last block's tensor.
    """
    if len(rows) <= LONGEST:
        for row in rows:
            x = block(x, *row)
        return x
    for first in range(0, len(rows), LONGEST // 2):
        part = rows[first : first + LONGEST // 2]
        inputs = keras.Input(x.shape[1:])
        name = f"blocks{first + 1}_{first + len(part)}"
        x = keras.Model(inputs, chain(inputs, block, part), name=name)(x)
    return x
