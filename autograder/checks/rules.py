"""The rules of a question: what an answer may not use, and what it may not loop over."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from autograder.checks.reading import forbidden_uses
from autograder.wire.watching import Watch, watching

# An answer without a loop runs the same lines whatever the size, give or take a branch.
SLACK = 8

# The student's function; the name of one that is a variable, not a function.
Answer = Callable[..., Any] | str
# What there should be no loop over, in words: arguments with few of that, and with many.
Loops = Mapping[str, tuple[tuple[Any, ...], tuple[Any, ...]]]


@dataclass(frozen=True)
class Breach:
    """A broken rule: what the answer did, and the fraction of the points that this costs."""

    message: str
    costs: float


class Rules:
    """The rules of one question, enforced in all calls that its checks make.

    Args:
        answers: the student's functions, or names of other answers.
        without: what they may not use, as dotted paths.
        costs: the fraction of the question's points that a breach costs.
        frame: the test cell's, whose globals are the notebook's.
    """

    def __init__(
        self, answers: Iterable[Answer], without: Iterable[str], costs: float, frame: FrameType
    ):
        self.namespace, self.test = frame.f_globals, frame.f_code.co_filename
        self.watch = Watch(tuple(without))
        self.costs = costs
        self.names = [self._named(answer) for answer in answers]
        self._breaches: list[Breach] = []
        self._read = forbidden_uses(self.names, self.namespace.get("In", ()), self.watch.without)

    def _named(self, answer: Answer) -> str:
        """Return the notebook's name for an answer."""
        if isinstance(answer, str):
            return answer
        names = (name for name, value in self.namespace.items() if value is answer)
        return next(names, getattr(answer, "__name__", "your answer"))

    def breaches(self) -> list[Breach]:
        """Return the breaches found so far."""
        used = {entry: f"{self.names[0]} calls {entry}" for entry in sorted(self.watch.used)}
        return self._breaches + [
            Breach(f"{how}; the text asks for an answer without {entry}", self.costs)
            for entry, how in (used | self._read).items()
        ]

    def must_not_loop(
        self,
        answer: Callable[..., Any],
        over: str,
        small: tuple[Any, ...],
        large: tuple[Any, ...],
    ) -> None:
        """Compare the lines that an answer runs for a small and for a large input.

        Args:
            answer: the student's function.
            over: what there should be no loop over, in words.
            small, large: its arguments, which differ in the size of that alone.
        """
        counts = []
        for arguments in (small, large):
            watch = Watch(self.watch.without, lines=True)
            with watching(watch, self.namespace, self.test):
                try:
                    answer(*arguments)
                except Exception:  # a check will report it
                    return
            counts.append(watch.count)
            self.watch.used |= watch.used
        longer = _growth(small, large)
        if counts[1] - counts[0] <= max(SLACK, longer / 4):
            return
        self._breaches.append(
            Breach(
                f"{self._named(answer)} loops over {over}: it ran {counts[0]} lines for a small "
                f"input, and {counts[1]} for one with {longer} more along an axis",
                self.costs,
            )
        )


def _growth(small: tuple[Any, ...], large: tuple[Any, ...]) -> int:
    """Return by how much the arguments differ in size, along the axis where they differ most."""

    def growth(one: Any, other: Any) -> int:
        if hasattr(one, "shape"):
            sizes = zip(one.shape, other.shape, strict=True)
            return max((int(abs(b - a)) for a, b in sizes), default=0)
        if isinstance(one, list | tuple):
            length = abs(len(other) - len(one))
            return max([length, *(growth(a, b) for a, b in zip(one, other, strict=False))])
        return int(abs(other - one)) if isinstance(one, int) else 0

    found = growth(tuple(small), tuple(large))
    if found < 4 * SLACK:
        raise ValueError(
            f"The large input must have at least {4 * SLACK} more than the small one along an "
            f"axis, so that a loop over it shows; received {found} more."
        )
    return found


def read_rules(
    answers: Sequence[Answer], without: Iterable[str], no_loop_over: Loops | None, costs: float
) -> Rules:
    """Make the rules of a question; to be called from the method that a test cell calls."""
    if not 0 < costs <= 1:
        raise ValueError(
            f"costs must be a fraction of the points, above 0 and up to 1; received {costs}."
        )
    here = inspect.currentframe()
    method = here and here.f_back
    cell = method and method.f_back
    assert cell is not None
    rules = Rules(answers, without, costs, cell)
    for over, (small, large) in (no_loop_over or {}).items():
        if isinstance(answers[0], str):
            raise TypeError("no_loop_over needs a function as the first answer.")
        rules.must_not_loop(answers[0], over, small, large)
    return rules
