"""How fast our networks are beside those of ``keras.applications``, timed in turn.

Machines differ and are shared; a ratio of two things timed alternately in one run says more than
seconds. Two networks of one and the same kind differ, too: by some percent, for as long as their
process lives, and the one that was built first more often is the slower. So each comparison is made
in several processes, and who is built first changes. Nothing here is a test.
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

Seconds = dict[str, list[float]]


def alternate(contestants: Mapping[str, Callable], rounds: int) -> Seconds:
    """Seconds of each contestant in each round; every round has another order.

    A contestant may be slow after a certain other one, so none always follows the same. What one
    leaves behind is cleared away before the next begins, not while its time is taken.
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
    """Two contestants' seconds, round by round, of several processes."""

    def __init__(self, runs: Sequence[Seconds], one: str, other: str) -> None:
        self._ratios = [
            [first / second for first, second in zip(run[one], run[other], strict=True)]
            for run in runs
        ]
        self._shortest = [min(min(run[who]) for run in runs) for who in (one, other)]

    @property
    def ratio(self) -> float:
        """Median over all rounds of the one's time over the other's."""
        return median(chain.from_iterable(self._ratios))

    def __str__(self) -> str:
        one, other = self._shortest
        medians = [median(ratios) for ratios in self._ratios]
        spread = f"{min(medians):.3f} to {max(medians):.3f}"
        return f"{one:.3f} / {other:.3f} s, {self.ratio:.3f} ({spread})"


def in_processes(function: Callable, processes: int) -> list:
    """What a function gives in fresh processes, one after the other; it is called with 0, 1, …

    TensorFlow is loaded there already, without its messages.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, context, importlib.import_module, ("course.quiet",), max_tasks_per_child=1
    ) as pool:
        return list(pool.map(function, range(processes)))
