"""A question: its checks, and what they earn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

from autograder.checks.call import Call
from autograder.checks.rules import Rules, read_rules
from autograder.checks.values import UNWRITTEN
from autograder.context import question_random, student
from autograder.wire.results import CheckResult, QuestionResult, report
from autograder.wire.watching import watching

if TYPE_CHECKING:
    from autograder.checks.models import ModelChecks

FAILED, PASSED = "✗", "✓"
FORBIDDEN = "not allowed"  # the check that a broken rule counts as
WIDTH = 96  # characters of a line
MORE = "    "  # what a line that goes on begins with


class ChecksFailed(AssertionError):
    """No check of a question passed. Shows its messages, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


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
        self.random = question_random()
        self.student = student()
        self.results: list[CheckResult] = []
        self.references: dict[str, tuple] = {}  # right models that were built already
        self._rules: list[Rules] = []

    def rules(
        self,
        *answers: Callable | str,
        without: Collection[str] = (),
        no_loop_over: Mapping[str, tuple[tuple, tuple]] | None = None,
        costs: float = 1,
    ) -> None:
        """What the text forbids; call it before the checks, in the visible part of the cell.

        A breach costs points whatever the checks say, and the student reads why. It is looked for
        in the cells (in the answer and all of the notebook that it calls), and in every call that
        the question's checks make.

        Args:
            answers: the student's functions; the name, as text, of an answer that is data.
            without: modules, packages, and functions of the notebook or of modules, that may not
                be used: "keras", "course.sizing", "numerical_gradient", "tensorflow.nn".
            no_loop_over: what the first answer may not loop over, in words, and its arguments with
                few of that and with many (at least 32 more along an axis), all else being equal.
            costs: the part of the points that a breach costs, above 0 and up to 1.

        Example:
            question.rules(
                conv2d,
                without=("keras", "scipy"),
                no_loop_over={"rows": ((np.ones((1, 6, 7, 2)), kernel),
                                       (np.ones((1, 46, 7, 2)), kernel))},
            )
        """
        self._rules.append(read_rules(answers, without, no_loop_over, costs))

    def watching(self) -> AbstractContextManager:
        """While it lasts, calls of the student's functions are looked at for breaches of rules."""
        if not self._rules:
            return nullcontext()
        rules = self._rules[-1]
        return watching(rules.watch, rules.namespace, rules.test)

    def example(self, name: str, function: Callable, *args, **kwargs) -> Call:
        """A visible check. It earns nothing beside graded ones; who fails it cannot have it all."""
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
        from autograder.checks.models import ModelChecks

        return ModelChecks(self, name, share, function, args, kwargs, input_shape)

    def kinds(self, shape: tuple[int, ...], *names: str) -> list[tuple[str, Any]]:
        """Arrays of a shape in several types and layouts, drawn anew: see :func:`draws.kinds`.

        Example:
            for kind, x in question.kinds((2, 7, 10, 3), "uint8", "view"):
                question.check(f"an image of kind {kind}", conv2d, x, kernel).gives_array(...)
        """
        from autograder.checks import draws

        return draws.kinds(self.random, shape, *names)

    def sizes(self, least: int = 5) -> dict[str, tuple[int, int]]:
        """Heights and widths, drawn anew, by "odd", "even", "flat" and "tall"."""
        from autograder.checks import draws

        return draws.sizes(self.random, least)

    def record(
        self, name: str, share: float, credit: float, message="", hint="", *, conditional=False
    ) -> None:
        """Note a check that was made; the message becomes a sentence."""
        if message and message[-1] not in ".!?":
            message += "."
        self.results.append(CheckResult(name, share, credit, message, hint, conditional))

    def _earned(self) -> float:
        """The part of the points that is earned.

        Where there are graded checks, an example earns nothing, as its answer can be seen; but who
        fails one has no more than if it were one more graded check that failed. To refuse
        everything is no answer, so a check that counts only beside a right answer is left out where
        no other earned anything.
        """
        graded = [result for result in self.results if result.share]
        examples = [replace(result, share=1) for result in self.results if not result.share]
        alone = [result for result in graded if not result.conditional]
        if alone and not any(result.credit for result in alone):
            graded = alone
        counted = graded or examples
        total = sum(result.share for result in counted)
        lost = sum(1 - result.credit for result in examples) if graded else 0
        # A mistake that hidden checks find as well costs once.
        earned = sum(result.share * result.credit for result in counted) / total
        return min(earned, total / (total + lost))

    def score(self) -> float:
        """Say what failed, and return the points earned; raise ChecksFailed if that is none."""
        if not self.results:
            raise ValueError(f"Question {self.name!r} made no check.")
        breaches = [breach for rules in self._rules for breach in rules.breaches()]
        broken = [CheckResult(FORBIDDEN, 0, 0, f"{breach.message}.") for breach in breaches]
        earned = max(0.0, self._earned() - max((breach.costs for breach in breaches), default=0))
        failed = [result for result in self.results if not result.passed]
        total = len(self.results)
        points = round(self.points * earned, 2) if failed or broken else float(self.points)
        report(QuestionResult(self.name, self.points, points, (*broken, *self.results)))
        if not failed and not broken:
            print(f"{PASSED} {self.name}: {'all ' if total > 1 else ''}{_checks(total)} passed.")
            return points
        lines = [f"{FAILED} {result.check}: {text}" for result, text in _texts(broken + failed)]
        count = f"{total - len(failed)} of {_checks(total)} passed."
        shown = _wrapped("\n".join([f"{self.name}: {count}", *lines]))
        if earned == 0:
            raise ChecksFailed(shown)
        print(shown)
        return points


def _checks(count: int) -> str:
    return f"{count} check{'' if count == 1 else 's'}"


def _texts(failed: list[CheckResult]) -> Iterator[tuple[CheckResult, str]]:
    """What to say of each check that failed; of what is not written yet, one hint is enough."""
    hinted = False
    for result in failed:
        unwritten = UNWRITTEN in result.message
        yield result, result.message if unwritten and hinted else result.text
        hinted |= unwritten


def _wrapped(report: str) -> str:
    """Lines that fit into a notebook, which breaks longer ones in the middle of a word."""
    fill = TextWrapper(
        WIDTH, subsequent_indent=MORE, break_long_words=False, break_on_hyphens=False
    ).fill
    return "\n".join(map(fill, report.splitlines()))
