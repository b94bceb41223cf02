"""A question and the calls of a student's functions that it checks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, sqrt
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

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
        results: the checks made so far.
    """

    def __init__(self, name: str, points: float):
        self.name = name
        self.points = points
        self.random = random.Random(_seeds.getrandbits(64))
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


class Call:
    """A call of a student's function, waiting for what it should give."""

    def __init__(self, question: Question, name, share, function, args, kwargs):
        self._question, self._name, self._share = question, name, share
        self._function, self._args, self._kwargs = function, args, kwargs
        self._beside = False

    def __str__(self) -> str:
        named = (f"{key}={short(value)}" for key, value in self._kwargs.items())
        arguments = ", ".join([*map(short, self._args), *named])
        return f"{getattr(self._function, '__name__', 'your function')}({arguments})"

    def gives(self, expected, *, hint: str = "", mistakes: Mapping[Any, str] | None = None) -> None:
        """The call must return `expected`.

        Whole numbers must come as whole numbers, other numbers agree to nine digits; lists and
        tuples may stand for each other.

        Args:
            expected: the right answer.
            hint: where to look, without the answer.
            mistakes: wrong answers that have a known cause, and the cause in words.
        """
        error, value = self._outcome()
        if error is not None:
            self._record(0, f"{self} should give {short(expected)}, but {raised(error)}", hint)
        elif (reason := difference(expected, value)) is None:
            self._record(1)
        else:
            self._record(0, f"{self} {reason}", known_cause(value, mistakes) or hint)

    def gives_array(
        self,
        expected,
        *,
        of: Callable[[Any], Any] = lambda value: value,
        tolerance: float = 1e-5,
        hint: str = "",
        mistakes: Mapping[str, Any] | None = None,
    ) -> None:
        """The call must return an array (or tensor, or nested lists) with these values.

        Args:
            expected: the right array.
            of: what is looked at in what the call returns, for instance its second part.
            tolerance: how far values may be off, as a part of the largest one.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong array (or a function that makes it) that each
                of them gives.
        """
        from autograder.checks import arrays

        expected = arrays.as_array(expected)
        wanted = f"should give an array of shape {expected.shape}"
        error, value = self._outcome()
        if error is not None:
            return self._record(0, f"{self} {wanted}, but {raised(error)}", hint)
        try:
            found = arrays.as_array(of(value))
        except Exception:
            found = None
        if found is None:
            return self._record(0, f"{self} {wanted}, but gave {got(value)}", hint)
        if arrays.same(expected, found, tolerance):
            return self._record(1)

        def fits(wrong) -> bool:
            try:
                wrong = arrays.as_array(wrong() if callable(wrong) else wrong)
            except Exception:  # a mistake that cannot even be made here
                return False
            right = arrays.same(expected, wrong, tolerance)
            return wrong is not None and not right and arrays.same(wrong, found, tolerance)

        known = next((cause for cause, wrong in (mistakes or {}).items() if fits(wrong)), "")
        self._record(0, f"{self} {arrays.difference(expected, found, tolerance)}", known or hint)

    def gives_rows(
        self, expected: Sequence, *, hint: str = "", mistakes: Mapping[Any, str] | None = None
    ) -> None:
        """The call must return a table; each right row earns its part of the check's share.

        Args:
            expected: the right rows.
            hint: where to look, without the answer.
            mistakes: a wrong row, or a whole wrong table as a tuple of rows, and its cause in
                words. A table is recognized if every row that is wrong is that table's row.
        """
        error, value = self._outcome()
        if error is not None:
            return self._record(
                0, f"{self} should give {len(expected)} rows, but {raised(error)}", hint
            )
        if not isinstance(value, list | tuple):
            return self._record(
                0,
                f"{self} should give a list of {len(expected)} rows, but gave {got(value)}",
                hint,
            )
        rows = [
            (number, difference(row, value[number] if number < len(value) else None))
            for number, row in enumerate(expected)
        ]
        wrong = [(number, reason) for number, reason in rows if reason is not None]
        extra = max(0, len(value) - len(expected))
        if not wrong and not extra:
            return self._record(1)
        if len(value) != len(expected):
            what = f"should give {len(expected)} rows, but gave {len(value)}"
        else:
            what = f"has {len(wrong)} wrong rows of {len(expected)}"
        if wrong:
            number, reason = wrong[0]
            what += f"; row {number} (the first is 0) {reason}"
        right = max(0, len(expected) - len(wrong) - extra)
        known = _known_rows(value, [number for number, _ in wrong], mistakes)
        self._record(right / len(expected), f"{self} {what}", known or hint)

    def averages(
        self,
        expected: float,
        *,
        of: Callable[[Any], float] = float,
        repeats: int = 100,
        sigmas: float = 5,
        hint: str = "",
        mistakes: Mapping[float, str] | None = None,
    ) -> None:
        """The mean over many calls must be `expected`, give or take what chance does to it.

        Args:
            expected: the right mean.
            of: the number that is looked at in what a call returns.
            repeats: how many calls.
            sigmas: how many standard errors the mean may be away.
            mistakes: wrong means that have a known cause, and the cause in words.
        """
        values = []
        for _ in range(repeats):
            error, value = self._outcome()
            if error is None:
                try:
                    values.append(float(of(value)))
                    continue
                except Exception:
                    reason = f"gave {got(value)}"
            else:
                reason = raised(error)
            return self._record(
                0, f"{self} should give {short(expected)} on average, but {reason}", hint
            )
        mean, slack = mean_and_slack(values, sigmas)
        if abs(mean - expected) <= slack + 1e-6 * abs(expected):
            return self._record(1)
        known = cause_where(mistakes, lambda wrong: abs(mean - wrong) <= slack)
        self._record(
            0,
            f"{self} should give {expected:.4g} on average, but {repeats} calls gave {mean:.4g} "
            f"(chance explains a difference of {slack:.2g})",
            known or hint,
        )

    def raises(
        self, kind: type[Exception], *, hint: str = "", only_beside_right_answers: bool = False
    ) -> None:
        """The call must raise an exception of this kind.

        Args:
            kind: the exception, or a parent of it.
            hint: where to look.
            only_beside_right_answers: count only if another graded check of the question, without
                this argument, earned something; else a function that refuses everything would earn
                points.
        """
        self._beside = only_beside_right_answers
        error, value = self._outcome()
        if error is None:
            self._record(0, f"{self} should raise {kind.__name__}, but gave {got(value)}", hint)
        elif type(error).__name__ in _names(kind):
            self._record(1)
        else:
            self._record(0, f"{self} should raise {kind.__name__}, but {raised(error)}", hint)

    def _outcome(self) -> tuple[Exception | None, Any]:
        try:
            return None, self._function(*self._args, **self._kwargs)
        except Exception as error:
            return error, None

    def _record(self, credit: float, message: str = "", hint: str = "") -> None:
        self._question.record(self._name, self._share, credit, message, hint, beside=self._beside)


def _names(kind: type[BaseException]) -> set[str]:
    """Names of an exception and its subclasses: an error may reach us by name only."""
    return {kind.__name__}.union(*(_names(child) for child in kind.__subclasses__()))


def raised(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "it is not written yet"
    text = str(error).strip().splitlines()
    return f"it raised {type(error).__name__}" + (f": {text[0][:200]}" if text else "")


def known_cause(value, mistakes: Mapping | None) -> str:
    try:
        return (mistakes or {}).get(value, "")
    except TypeError:  # not hashable
        return ""


def cause_where(mistakes: Mapping | None, fits: Callable[[Any], bool]) -> str:
    """The cause of the first known mistake that fits."""
    return next((cause for wrong, cause in (mistakes or {}).items() if fits(wrong)), "")


def _known_rows(value: Sequence, wrong: Sequence[int], mistakes: Mapping | None) -> str:
    """The cause of wrong rows, if one of them is known, or all are a known table's."""
    rows = [(number, value[number]) for number in wrong if number < len(value)]

    def fits(known) -> bool:
        table = (n < len(known) and _same(known[n], row) for n, row in rows)
        return any(_same(known, row) for _, row in rows) or (bool(rows) and all(table))

    return cause_where(mistakes, fits)


def _same(expected, value) -> bool:
    try:
        return difference(expected, value) is None
    except TypeError:  # no rule to compare with that
        return False


def mean_and_slack(values: Sequence[float], sigmas: float) -> tuple[float, float]:
    """The mean, and how far it may be off by chance: so many standard errors."""
    mean = fsum(values) / len(values)
    variance = fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
    return mean, sigmas * sqrt(variance / len(values))


def short(value, limit: int = 160) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _short_array(value)
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _short_array(value) -> str:
    """An array in one line: its values if they are few, else its shape."""
    from autograder.checks import arrays

    array = arrays.as_array(value)
    if array is None:
        return f"<{type(value).__name__} of shape {tuple(value.shape)}>"
    return arrays.listed(array) if array.size <= arrays.SMALL else f"<array of shape {array.shape}>"


def got(value) -> str:
    return "nothing (None): is there a return?" if value is None else short(value)


def difference(expected, value) -> str | None:
    """What is wrong with `value`, to follow the call's text; None if it is right."""
    should = f"should give {short(expected)}, but gave {got(value)}"
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return None if type(value) is type(expected) and value == expected else should
    if isinstance(expected, Integral):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return None if int(value) == expected else should
        if isinstance(value, Real) and value == expected:
            return f"{should}, a {type(value).__name__}: a count is an int (use // to divide)"
        return should
    if isinstance(expected, Real):
        if isinstance(value, Real) and not isinstance(value, bool):
            close = abs(float(value) - expected) <= 1e-9 * max(1.0, abs(expected))
            return None if close else should
        return should
    if isinstance(expected, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return should
        same = all(difference(e, v) is None for e, v in zip(expected, value, strict=True))
        return None if same else should
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping):
            return should
        for key, item in expected.items():
            if key not in value:
                return f"should give an entry {key!r}, but has only {short(list(value))}"
            if difference(item, value[key]) is not None:
                return f"should give {short(item)} for {key!r}, but gave {got(value[key])}"
        return None
    raise TypeError(f"No rule to compare with a {type(expected).__name__}: {expected!r}.")
