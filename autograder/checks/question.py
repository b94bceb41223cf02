"""A question: its checks, and what they earn."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from autograder.checks import draws, overview
from autograder.checks.call import Call
from autograder.checks.card import Card
from autograder.checks.report import ALL_CONDITIONAL, FORBIDDEN, earned_fraction, summary
from autograder.checks.rules import Answer, Loops, Rules, read_rules
from autograder.context import is_grading, question_random, student
from autograder.wire.results import CheckResult, QuestionResult, report
from autograder.wire.watching import watching
from course.keras_types import Array, Model, Shape

if TYPE_CHECKING:
    from autograder.checks.built import Source
    from autograder.checks.models import ModelChecks


class ChecksFailed(AssertionError):
    """No check of a question earned anything. Shows its messages, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class Question:
    """The checks of one graded cell.

    Args:
        name: what the question is about, shown to students.
        points: what the cell is worth; the same number as in the cell's nbgrader metadata.

    Attributes:
        random: a ``random.Random`` seeded anew in each run, for inputs that nobody can foresee.
        student: the ID that the notebook was handed in under; None outside of grading.
        results: the checks made so far.
    """

    def __init__(self, name: str, points: float):
        self.name = name
        self.points = points
        self.random = question_random()
        self.student = student()
        self.results: list[CheckResult] = []
        self.references: dict[str, tuple[Any, Model]] = {}  # right models that were built already
        self._rules: list[Rules] = []

    def rules(
        self,
        *answers: Answer,
        without: Collection[str] = (),
        no_loop_over: Loops | None = None,
        costs: float = 1,
    ) -> None:
        """Set what the text forbids; call it before the checks, in the visible part of the cell.

        A breach costs points whatever the checks say, and the student reads why. It is looked for
        in the cells (in the answer and all of the notebook that it calls), and in every call that
        the question's checks make.

        Args:
            answers: the student's functions; the name, as text, of an answer that is a variable,
                not a function.
            without: modules, packages, and functions of the notebook or of modules, that may not
                be used: "keras", "course.sizing", "numerical_gradient", "tensorflow.nn".
            no_loop_over: what the first answer may not loop over, in words, and its arguments with
                few of that and with many (at least 32 more along an axis), all else being equal.
            costs: the fraction of the points that a breach costs, above 0 and up to 1.

        Example:
            question.rules(
                conv2d,
                without=("keras", "scipy"),
                no_loop_over={"rows": ((np.ones((1, 6, 7, 2)), kernel),
                                       (np.ones((1, 46, 7, 2)), kernel))},
            )
        """
        self._rules.append(read_rules(answers, without, no_loop_over, costs))

    def watching(self) -> AbstractContextManager[None]:
        """Look at the calls of the student's functions inside for breaches of the rules."""
        if not self._rules:
            return nullcontext()
        rules = self._rules[-1]
        return watching(rules.watch, rules.namespace, rules.test)

    def example(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Call:
        """Make a visible check. It earns nothing, but to fail it costs points."""
        return Call(self, name, 0, function, args, kwargs)

    def check(
        self,
        name: str,
        function: Callable[..., Any],
        *args: Any,
        share: float = 1,
        **kwargs: Any,
    ) -> Call:
        """Make a graded check of ``function(*args, **kwargs)``.

        Args:
            name: what is checked, in words, for the student: "a stride that leaves a remainder".
            function: the student's function.
            share: weight among the question's checks.
        """
        return Call(self, name, share, function, args, kwargs)

    def model(
        self, name: str, source: Source, *args: Any, share: float = 1, **kwargs: Any
    ) -> ModelChecks:
        """Make a student's Keras model, for checks of it.

        Args:
            name: what the model is, in words, for the student: "your LeNet".
            source: the model, or the student's function that makes it, called once as
                ``source(*args, **kwargs)``.
            share: weight of each of its checks; 0 for visible examples.
        """
        from autograder.checks.models import ModelChecks

        return ModelChecks(self, name, share, source, args, kwargs)

    def block(
        self,
        name: str,
        function: Callable[..., Any],
        input_shape: Shape,
        *args: Any,
        share: float = 1,
        **kwargs: Any,
    ) -> ModelChecks:
        """Make the model of ``function(keras.Input(input_shape), *args, **kwargs)``."""
        from autograder.checks.models import ModelChecks

        return ModelChecks(self, name, share, function, args, kwargs, input_shape)

    def kinds(self, shape: tuple[int, ...], *names: str) -> list[tuple[str, Array]]:
        """Draw arrays of a shape in several types and layouts: see :func:`draws.kinds`.

        Example:
            for kind, x in question.kinds((2, 7, 10, 3), "uint8", "view"):
                question.check(f"an image of kind {kind}", conv2d, x, kernel).gives_array(...)
        """
        return draws.kinds(self.random, shape, *names)

    def sizes(self, least: int = 5) -> dict[str, tuple[int, int]]:
        """Draw heights and widths, by "odd", "even", "flat" and "tall"."""
        return draws.sizes(self.random, least)

    def record(
        self,
        name: str,
        share: float,
        credit: float,
        message: str = "",
        hint: str = "",
        *,
        conditional: bool = False,
    ) -> None:
        """Add the result of a check.

        Args:
            name: of the check.
            share: of the question's points, relative to its other checks; 0 for an example.
            credit: how much of that is earned, from 0 to 1.
            message: what is wrong; it becomes a sentence.
            hint: where to look.
            conditional: whether it counts only if another check has earned something.
        """
        if message and message[-1] not in ".!?":
            message += "."
        self.results.append(CheckResult(name, share, credit, message, hint, conditional))

    def score(self) -> float | None:
        """Report what failed, and return the points that were earned.

        Where nobody grades and there are only examples, as in a student's notebook, a card is shown
        instead, and nothing returned: examples earn no points, and a failed one stops no run.

        Raises:
            ChecksFailed: nothing was earned.
        """
        if not self.results:
            raise ValueError(f"Question {self.name!r} made no check.")
        breaches = [breach for rules in self._rules for breach in rules.breaches()]
        broken = [CheckResult(FORBIDDEN, 0, 0, f"{breach.message}.") for breach in breaches]
        if not is_grading() and not any(result.share for result in self.results):
            overview.show(Card(self.name, self.points, (*broken, *self.results)))
            return None
        costs = max((breach.costs for breach in breaches), default=0.0)
        earned = max(0.0, earned_fraction(self.results) - costs)
        complete = not broken and all(result.passed for result in self.results)
        points = float(self.points) if complete and earned else round(self.points * earned, 2)
        report(QuestionResult(self.name, self.points, points, (*broken, *self.results)))
        text = summary(self.name, broken, self.results)
        if earned == 0:
            text += f" {ALL_CONDITIONAL}" if complete else ""
            raise ChecksFailed(text)
        print(text)
        return points
