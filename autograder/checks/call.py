"""A call of a student's function, and what it should give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autograder.checks.causes import (
    Mistakes,
    cause_of,
    cause_of_error,
    cause_of_rows,
    joined,
    names_of,
    pairs,
)
from autograder.checks.keeping import undone
from autograder.checks.values import COUNT, difference, got, mean_and_slack, raised, short


class Call:
    """A call of a student's function, waiting for what it should give."""

    def __init__(self, question, name, share, function, args, kwargs):
        self._question, self._name, self._share = question, name, share
        self._function, self._args, self._kwargs = function, args, kwargs
        self._conditional = False

    def __str__(self) -> str:
        named = (f"{key}={short(value)}" for key, value in self._kwargs.items())
        arguments = ", ".join([*map(short, self._args), *named])
        return f"{getattr(self._function, '__name__', 'your function')}({arguments})"

    def gives(self, expected, *, hint: str = "", mistakes: Mistakes | None = None) -> None:
        """The call must return `expected`.

        Whole numbers must come as whole numbers, other numbers agree to nine digits; lists and
        tuples may stand for each other.

        Args:
            expected: the right answer.
            hint: where to look, without the answer.
            mistakes: wrong answers that have a known cause, and the cause in words; an exception
                (or a class of them) stands for a call that raises it, with its text in the message.
                As pairs where two mistakes may give the same answer: both are named then.
        """
        value = self._value(f"should give {short(expected)}", hint, mistakes)
        if value is _NOTHING:
            return
        reason = difference(expected, value)
        if reason is None:
            return self._record(1)
        # A wrong type says itself what to do; a hint on the number would lead astray.
        hint = "" if COUNT in reason else cause_of(value, expected, mistakes) or hint
        self._record(0, f"{self} {reason}", hint)

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
            expected: the right array; a number for a call that gives one.
            of: what is looked at in what the call returns, for instance its second part.
            tolerance: how far values may be off, as a part of the largest one.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong array (or a function that makes it, or an
                exception) that each of them gives.
        """
        from autograder.checks import arrays

        expected = arrays.as_array(expected)
        wanted = f"should give {arrays.described(expected)}"
        value = self._value(wanted, hint, _reversed(mistakes))
        if value is _NOTHING:
            return
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

        known = joined(cause for wrong, cause in _reversed(mistakes) if fits(wrong))
        self._record(0, f"{self} {arrays.difference(expected, found, tolerance)}", known or hint)

    def gives_arrays(
        self, expected: Sequence, *, tolerance: float = 1e-5, hint: str = "", mistakes=None
    ) -> None:
        """The call must return several arrays, each with this shape and these values.

        Args:
            expected: the right arrays.
            tolerance, hint: as for `gives_array`.
            mistakes: causes in words, and the wrong arrays (or a function that makes them, or an
                exception) that each of them gives.
        """
        from autograder.checks import arrays

        expected = [arrays.as_array(part) for part in expected]
        found = self._parts([part.shape for part in expected], hint, _reversed(mistakes))
        if found is None:
            return

        def first_wrong(right, others) -> int | None:
            pairs = enumerate(zip(right, others, strict=True))
            return next((n for n, (a, b) in pairs if not arrays.same(a, b, tolerance)), None)

        number = first_wrong(expected, found)
        if number is None:
            return self._record(1)

        def fits(wrong) -> bool:
            try:
                wrong = [arrays.as_array(part) for part in (wrong() if callable(wrong) else wrong)]
                wrongs = first_wrong(expected, wrong), first_wrong(wrong, found)
                return wrongs[0] is not None and wrongs[1] is None
            except Exception:  # a mistake that cannot even be made here
                return False

        known = joined(cause for wrong, cause in _reversed(mistakes) if fits(wrong))
        reason = arrays.difference(expected[number], found[number], tolerance)
        self._record(0, f"part {number} (the first is 0) of {self} {reason}", known or hint)

    def gives_shapes(self, shapes: Sequence[tuple[int, ...]], *, hint: str = "") -> None:
        """The call must return several arrays of these shapes, whatever their values."""
        found = self._parts(list(shapes), hint, ())
        if found is None:
            return
        given = [part.shape for part in found]
        if given == list(shapes):
            return self._record(1)
        self._record(
            0,
            f"{self} should give arrays of the shapes {_listed(shapes)}, but gave {_listed(given)}",
            hint,
        )

    def _parts(self, shapes: list, hint: str, mistakes: Iterable[tuple]) -> list | None:
        """As many arrays as there are shapes; None if that is recorded as wrong already."""
        from autograder.checks import arrays

        wanted = f"should give {len(shapes)} arrays, of the shapes {_listed(shapes)}"
        value = self._value(wanted, hint, mistakes)
        if value is _NOTHING:
            return None
        found = [arrays.as_array(part) for part in value] if isinstance(value, list | tuple) else []
        if len(found) != len(shapes) or any(part is None for part in found):
            self._record(0, f"{self} {wanted}, but gave {got(value)}", hint)
            return None
        return found

    def gives_rows(
        self, expected: Sequence, *, hint: str = "", mistakes: Mistakes | None = None
    ) -> None:
        """The call must return a table; each right row earns its part of the check's share.

        Args:
            expected: the right rows.
            hint: where to look, without the answer.
            mistakes: a wrong row, or a whole wrong table as a tuple of rows, and its cause in
                words. A cause is named if it explains every row that is wrong.
        """
        value = self._value(f"should give {len(expected)} rows", hint, mistakes)
        if value is _NOTHING:
            return None
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
        known = cause_of_rows(value, expected, [number for number, _ in wrong], mistakes)
        hint = "" if COUNT in what else known or hint
        self._record(right / len(expected), f"{self} {what}", hint)

    def averages(
        self,
        expected: float,
        *,
        of: Callable[[Any], float] = float,
        repeats: int = 100,
        sigmas: float = 5,
        hint: str = "",
        mistakes: Mistakes | None = None,
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
        known = joined(cause for wrong, cause in pairs(mistakes) if abs(mean - wrong) <= slack)
        self._record(
            0,
            f"{self} should give {expected:.4g} on average, but {repeats} calls gave {mean:.4g} "
            f"(chance explains a difference of {slack:.2g})",
            known or hint,
        )

    def raises(
        self, kind: type[Exception], *, hint: str = "", requires_other_credit: bool = False
    ) -> None:
        """The call must raise an exception of this kind.

        Args:
            kind: the exception, or a parent of it.
            hint: where to look.
            requires_other_credit: count only if another graded check of the question, without
                this argument, earned something; else a function that refuses everything would earn
                points.
        """
        self._conditional = requires_other_credit
        error, value = self._outcome()
        if error is None:
            self._record(0, f"{self} should raise {kind.__name__}, but gave {got(value)}", hint)
        elif type(error).__name__ in names_of(kind):
            self._record(1)
        else:
            self._record(0, f"{self} should raise {kind.__name__}, but {raised(error)}", hint)

    def _value(self, wanted: str, hint: str, mistakes: Mistakes | None) -> Any:
        """What the call returns; _NOTHING if it raises, which is recorded as wrong."""
        error, value = self._outcome()
        if error is None:
            return value
        known = cause_of_error(error, pairs(mistakes))
        self._record(0, f"{self} {wanted}, but {raised(error)}", known or hint)
        return _NOTHING

    def _outcome(self) -> tuple[Exception | None, Any]:
        try:
            with self._question.watching():
                return None, undone(self._function, *self._args, **self._kwargs)
        except Exception as error:
            return error, None

    def _record(self, credit: float, message: str = "", hint: str = "") -> None:
        self._question.record(
            self._name, self._share, credit, message, hint, conditional=self._conditional
        )


_NOTHING = object()


def _reversed(mistakes: Mapping[str, Any] | None) -> list[tuple[Any, str]]:
    return [(wrong, cause) for cause, wrong in pairs(mistakes)]


def _listed(shapes: Iterable[tuple]) -> str:
    return " and ".join(map(str, shapes))
