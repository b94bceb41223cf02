"""A question: its checks, and what they earn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autograder.checks.call import Call
from autograder.checks.own import student

if TYPE_CHECKING:
    from autograder.checks.models import ModelChecks

FAILED, PASSED = "✗", "✓"


class ChecksFailed(AssertionError):
    """No check of a question passed. Shows its messages, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


@dataclass(frozen=True)
class Result:
    """One check: its name in words, what it is worth, how much of that was earned, and why."""

    name: str
    share: float
    credit: float  # 0 to 1
    message: str = ""
    beside: bool = False  # counts only beside another check that earned something


_seeds: random.Random = random.SystemRandom()


def seed_questions(seed: int) -> None:
    """Let the questions from here on draw the inputs that belong to a seed.

    A grading run that is taken up again then asks what it asked before.
    """
    global _seeds
    _seeds = random.Random(seed)


class Question:
    """The checks of one graded cell.

    Args:
        name: what the question is about, shown to students.
        points: what the cell is worth; the same number as in the cell's nbgrader metadata.

    Attributes:
        random: a ``random.Random`` seeded anew in each run, for inputs that nobody can foresee.
        student: the id that the notebook was handed in under; None outside of grading.
        results: the checks made so far.
    """

    def __init__(self, name: str, points: float):
        self.name = name
        self.points = points
        self.random = random.Random(_seeds.getrandbits(64))
        self.student = student()
        self.results: list[Result] = []

    def example(self, name: str, function: Callable, *args, **kwargs) -> Call:
        """A visible check. It counts only as long as the cell has no graded ones."""
        return Call(self, name, 0, function, args, kwargs)

    def check(self, name: str, function: Callable, *args, share: float = 1, **kwargs) -> Call:
        """A graded check of `function(*args, **kwargs)`, worth `share` parts of the points.

        Args:
            name: what is checked, in words, for the student: "a stride that leaves a rest".
            function: the student's function.
            share: weight among the question's checks.
        """
        return Call(self, name, share, function, args, kwargs)

    def model(self, name: str, source, *args, share: float = 1, **kwargs) -> ModelChecks:
        """A Keras model to look at; every check made of it is worth `share` parts of the points.

        Args:
            name: what the model is, in words, for the student: "your LeNet".
            source: the model, or the student's function that makes it, called once as
                ``source(*args, **kwargs)``.
            share: weight of each of its checks; 0 for visible examples.
        """
        from autograder.checks.models import ModelChecks

        return ModelChecks(self, name, share, source, args, kwargs)

    def block(
        self, name: str, function: Callable, input_shape: tuple, *args, share: float = 1, **kwargs
    ) -> ModelChecks:
        """The model that ``function(keras.Input(input_shape), *args, **kwargs)`` makes."""
        from autograder.checks.models import ModelChecks, as_model

        return ModelChecks(self, name, share, as_model(function, input_shape), args, kwargs)

    def record(
        self, name: str, share: float, credit: float, message="", hint="", *, beside=False
    ) -> None:
        """Note a check that was made; the message becomes a sentence, with the hint under it."""
        if message:
            message += "." if message[-1] not in ".!?" else ""
            message += f"\n  Hint: {hint}" if hint else ""
        self.results.append(Result(name, share, credit, message, beside))

    def _counted(self) -> list[Result]:
        """The graded checks, or the examples where there are none.

        To refuse everything is no answer, so a check that counts only beside a right answer is
        left out where no other earned anything.
        """
        graded = [result for result in self.results if result.share] or [
            replace(result, share=1) for result in self.results
        ]
        alone = [result for result in graded if not result.beside]
        return graded if not alone or any(result.credit for result in alone) else alone

    def score(self) -> float:
        """Say what failed, and return the points earned; raise ChecksFailed if that is none."""
        if not self.results:
            raise ValueError(f"Question {self.name!r} made no check.")
        graded = self._counted()
        earned = sum(r.share * r.credit for r in graded) / sum(r.share for r in graded)
        failed = [result for result in self.results if result.credit < 1]
        if not failed:
            print(f"{PASSED} {self.name}: all {len(self.results)} checks passed.")
            return float(self.points)
        lines = [f"{FAILED} {result.name}: {result.message}" for result in failed]
        count = f"{len(self.results) - len(failed)} of {len(self.results)} checks passed."
        report = "\n".join([f"{self.name}: {count}", *lines])
        if earned == 0:
            raise ChecksFailed(report)
        print(report)
        return round(self.points * earned, 2)
