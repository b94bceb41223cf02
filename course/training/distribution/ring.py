"""A ring all-reduce on plain arrays, small enough to look at: who sends what in each round.

Nothing is faster by it. Lectures draw it, and count what crosses each cable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.errors import UsageError

Chunks = list[list[NDArray[Any]]]


@dataclass(frozen=True)
class Message:
    """A chunk on its way from a replica to the next one."""

    source: int
    target: int
    chunk: int
    bytes: int


@dataclass(frozen=True)
class Round:
    """A round of the ring.

    Attributes:
        phase: "reduce", where what arrives is added, or "gather", where it replaces.
        messages: what is sent, one message per replica.
        chunks: for each replica its chunks after the round.
    """

    phase: str
    messages: tuple[Message, ...]
    chunks: Chunks


def ring_rounds(arrays: Sequence[NDArray[Any]]) -> list[Round]:
    """Add up arrays around a ring, so that every replica has the sum (Patarasuk and Yuan, 2009).

    Args:
        arrays: one per replica, of the same shape and type. They are cut into as many chunks as
            there are replicas, after flattening, as by ``np.array_split``.

    Returns:
        The 2 (N - 1) rounds; none for a single replica.

    Raises:
        UsageError: no arrays, or arrays of different shapes or types.

    Example:
        >>> rounds = ring_rounds([np.array([1, 2]), np.array([10, 20])])
        >>> [[int(chunk[0]) for chunk in own] for own in rounds[-1].chunks]
        [[11, 22], [11, 22]]
    """
    kinds = {(np.shape(array), np.asarray(array).dtype) for array in arrays}
    if len(kinds) != 1:
        raise UsageError(
            "arrays must be one array per replica, all of the same shape and type; received "
            f"{len(arrays)} arrays of {len(kinds)} kinds."
        )
    count = len(arrays)
    now: Chunks = [list(np.array_split(np.ravel(array), count)) for array in arrays]
    rounds = []
    for phase, first in (("reduce", 0), ("gather", 1)):
        for turn in range(count - 1):
            now, messages = _round(now, phase, first - turn)
            rounds.append(Round(phase, messages, now))
    return rounds


def _round(before: Chunks, phase: str, shift: int) -> tuple[Chunks, tuple[Message, ...]]:
    """Let every replica k send its chunk k + shift to the next one; all at the same time."""
    count = len(before)
    after, messages = [list(own) for own in before], []
    for source in range(count):
        target, chunk = (source + 1) % count, (source + shift) % count
        sent = before[source][chunk]
        after[target][chunk] = before[target][chunk] + sent if phase == "reduce" else sent
        messages.append(Message(source, target, chunk, sent.nbytes))
    return after, tuple(messages)


def ring_all_reduce(arrays: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], list[int]]:
    """Add up arrays around a ring.

    Args:
        arrays: as for :func:`ring_rounds`.

    Returns:
        What each replica has at the end, and the bytes that each has sent.

    Raises:
        UsageError: no arrays, or arrays of different shapes or types.

    Example:
        >>> sums, sent = ring_all_reduce([np.ones(8, "float32")] * 4)
        >>> sent
        [48, 48, 48, 48]
    """
    rounds = ring_rounds(arrays)
    shape = np.shape(arrays[0])
    ends = rounds[-1].chunks if rounds else [[np.ravel(array)] for array in arrays]
    sent = [0] * len(arrays)
    for done in rounds:
        for message in done.messages:
            sent[message.source] += message.bytes
    return [np.concatenate(own).reshape(shape) for own in ends], sent
