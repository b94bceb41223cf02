"""A call of a student's function, and what it should give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograder.checks.values import (
    cause_where,
    difference,
    got,
    known_cause,
    known_rows,
    mean_and_slack,
    raised,
    short,
)


class Call:
    """A call of a student's function, waiting for what it should give."""

    def __init__(self, question, name, share, function, args, kwargs):
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
        known = known_rows(value, [number for number, _ in wrong], mistakes)
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
            with self._question.watching():
                return None, self._function(*self._args, **self._kwargs)
        except Exception as error:
            return error, None

    def _record(self, credit: float, message: str = "", hint: str = "") -> None:
        self._question.record(self._name, self._share, credit, message, hint, beside=self._beside)


def _names(kind: type[BaseException]) -> set[str]:
    """Names of an exception and its subclasses: an error may reach us by name only."""
    return {kind.__name__}.union(*(_names(child) for child in kind.__subclasses__()))
