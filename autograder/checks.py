"""Checks for graded cells: what was expected, what came, and where to look.

A graded cell asks one :class:`Question` and ends with its score, a number that nbgrader takes as
the cell's points::

    question = checks.Question("Output sizes", points=4)
    question.example("a 3-wide kernel", conv_output_size, 7, 3).gives(5, hint="count the places")
    ### BEGIN HIDDEN TESTS
    size = question.random.randint(20, 90)
    question.check("any size", conv_output_size, size, 5).gives(size - 4)
    ### END HIDDEN TESTS
    question.score()

The cell runs the same in the student's own notebook, with the hidden part cut out. Every check is
made, whatever the ones before it gave; an exception in the student's code fails only its check.
If some checks fail, the cell says which and is worth a part of the points; if all fail, it raises
:class:`ChecksFailed`, so that it looks failed as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

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
        self.random = random.Random()
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

    def score(self) -> float:
        """Say what failed, and return the points earned; raise ChecksFailed if that is none."""
        if not self.results:
            raise ValueError(f"Question {self.name!r} made no check.")
        graded = [result for result in self.results if result.share] or [
            Result(result.name, 1, result.credit, result.message) for result in self.results
        ]
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

    def __str__(self) -> str:
        named = (f"{key}={_short(value)}" for key, value in self._kwargs.items())
        arguments = ", ".join([*map(_short, self._args), *named])
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
            self._record(0, f"{self} should give {_short(expected)}, but {_raised(error)}", hint)
        elif (reason := _difference(expected, value)) is None:
            self._record(1)
        else:
            self._record(0, f"{self} {reason}", _known(value, mistakes) or hint)

    def gives_rows(self, expected: Sequence, *, hint: str = "") -> None:
        """The call must return a table; each right row earns its part of the check's share."""
        error, value = self._outcome()
        if error is not None:
            return self._record(
                0, f"{self} should give {len(expected)} rows, but {_raised(error)}", hint
            )
        if not isinstance(value, list | tuple):
            return self._record(
                0,
                f"{self} should give a list of {len(expected)} rows, but gave {_got(value)}",
                hint,
            )
        rows = [
            (number, _difference(row, value[number] if number < len(value) else None))
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
        self._record(right / len(expected), f"{self} {what}", hint)

    def raises(self, kind: type[Exception], *, hint: str = "") -> None:
        """The call must raise an exception of this kind."""
        error, value = self._outcome()
        if error is None:
            self._record(0, f"{self} should raise {kind.__name__}, but gave {_got(value)}", hint)
        elif type(error).__name__ in _names(kind):
            self._record(1)
        else:
            self._record(0, f"{self} should raise {kind.__name__}, but {_raised(error)}", hint)

    def _outcome(self) -> tuple[Exception | None, Any]:
        try:
            return None, self._function(*self._args, **self._kwargs)
        except Exception as error:
            return error, None

    def _record(self, credit: float, message: str = "", hint: str = "") -> None:
        if message:
            message += "." if message[-1] not in ".!?" else ""
            message += f"\n  Hint: {hint}" if hint else ""
        self._question.results.append(Result(self._name, self._share, credit, message))


def _names(kind: type[BaseException]) -> set[str]:
    """Names of an exception and its subclasses: an error may reach us by name only."""
    return {kind.__name__}.union(*(_names(child) for child in kind.__subclasses__()))


def _raised(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "it is not written yet"
    text = str(error).strip().splitlines()
    return f"it raised {type(error).__name__}" + (f": {text[0][:200]}" if text else "")


def _known(value, mistakes: Mapping | None) -> str:
    try:
        return (mistakes or {}).get(value, "")
    except TypeError:  # not hashable
        return ""


def _short(value, limit: int = 160) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _got(value) -> str:
    return "nothing (None): is there a return?" if value is None else _short(value)


def _difference(expected, value) -> str | None:
    """What is wrong with `value`, to follow the call's text; None if it is right."""
    should = f"should give {_short(expected)}, but gave {_got(value)}"
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
        same = all(_difference(e, v) is None for e, v in zip(expected, value, strict=True))
        return None if same else should
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping):
            return should
        for key, item in expected.items():
            if key not in value:
                return f"should give an entry {key!r}, but has only {_short(list(value))}"
            if _difference(item, value[key]) is not None:
                return f"should give {_short(item)} for {key!r}, but gave {_got(value[key])}"
        return None
    raise TypeError(f"No rule to compare with a {type(expected).__name__}: {expected!r}.")
