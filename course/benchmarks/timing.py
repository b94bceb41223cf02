"""Timing of two implementations against each other.

Machines differ and are shared, so the ratio of two times that alternate in one run says more than
seconds. Two networks of the same kind differ too, by some percent for as long as their process
lives, and the first one to be built is more often the slower. So each comparison is repeated in
several processes, and the one that is built first alternates.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, cycle, islice, permutations
from statistics import median
from typing import TypeVar

T = TypeVar("T")
Seconds = dict[str, list[float]]


def alternate(contestants: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Time contestants in turn, and return the seconds of each in each round.

    The order is permuted to cancel carry-over effects; garbage is collected between runs.
    """
    seconds: Seconds = {name: [] for name in contestants}
    orders = list(permutations(contestants))
    random.Random(0).shuffle(orders)
    for order in islice(cycle(orders), rounds):
        for name in order:
            gc.collect()
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


class Comparison:
    """The times of two contestants, round by round, in several processes."""

    def __init__(self, runs: Sequence[Seconds], one: str, other: str) -> None:
        self._ratios = [
            [first / second for first, second in zip(run[one], run[other], strict=True)]
            for run in runs
        ]
        self._shortest = [min(min(run[who]) for run in runs) for who in (one, other)]

    @property
    def ratio(self) -> float:
        """Median over all rounds of one time divided by the other."""
        return median(chain.from_iterable(self._ratios))

    def __str__(self) -> str:
        one, other = self._shortest
        medians = [median(ratios) for ratios in self._ratios]
        spread = f"{min(medians):.3f} to {max(medians):.3f}"
        return f"{one:.3f} / {other:.3f} s, {self.ratio:.3f} ({spread})"


def in_processes(function: Callable[[int], T], processes: int) -> list[T]:
    """Call a function with 0, 1, ... in fresh processes, one after the other.

    TensorFlow is already loaded in each process, without its messages.

    Returns:
        The results, in order.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, context, importlib.import_module, ("course.quiet",), max_tasks_per_child=1
    ) as pool:
        return list(pool.map(function, range(processes)))
