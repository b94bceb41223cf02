"""A call of a student's function, and what it should give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from autograder.checks.array_call import ArrayCall
from autograder.checks.causes import Mistakes, cause_of, cause_of_rows, joined, names_of, pairs
from autograder.checks.recorded_call import NOTHING
from autograder.checks.values import (
    COUNT,
    difference,
    got,
    is_about_values,
    mean_and_slack,
    raised,
    short,
)


class Call(ArrayCall):
    """A call of a student's function, and the checks of what it gives."""

    def gives(self, expected: Any, *, hint: str = "", mistakes: Mistakes | None = None) -> None:
        """Check that the call returns `expected`.

        Whole numbers must be ints, other numbers agree to nine digits; lists and tuples may stand
        for each other.

        Args:
            expected: the right answer.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong answer that each of them gives; pairs, if one
                cause gives several. An exception (or a class of them) stands for a call that raises
                it, with its text in the message. If two give the same, both are named.
        """
        value = self._value(f"should give {short(expected)}", hint, pairs(mistakes))
        if value is NOTHING:
            return
        reason = difference(expected, value)
        if reason is None:
            return self._record(1)
        # A wrong type says itself what to do; a hint about the number would be misleading.
        known = cause_of(value, expected, mistakes)
        hint = "" if COUNT in reason else known or ("" if value is None else hint)
        self._record(0, f"{self} {reason}", hint)

    def gives_rows(
        self, expected: Sequence[Any], *, hint: str = "", mistakes: Mistakes | None = None
    ) -> None:
        """Check that the call returns a table; each right row earns its part of the check's share.

        Args:
            expected: the right rows.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong row, or the whole wrong table as a tuple of
                rows. A cause is named if it explains every row that is wrong.
        """
        value = self._value(f"should give {len(expected)} rows", hint, pairs(mistakes))
        if value is NOTHING:
            return
        if not isinstance(value, list | tuple):
            wanted = f"should give a list of {len(expected)} rows"
            return self._record(0, f"{self} {wanted}, but gave {got(value)}")
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
            count = f"{len(wrong)} wrong row{'s' if len(wrong) > 1 else ''}"
            what = f"has {count} out of {len(expected)}"
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
        deviation: float | None = None,
        hint: str = "",
        mistakes: Mistakes | None = None,
    ) -> None:
        """Check that the mean over many calls is `expected`, within random variation.

        Args:
            expected: the right mean.
            of: makes the number that counts of what a call returns.
            repeats: how many calls.
            sigmas: how many standard errors the mean may be off.
            deviation: standard deviation of the right answers; without it that of the student's
                counts, so a function whose answers vary wildly may pass.
            hint: where to look, without the answer.
            mistakes: causes in words, and the wrong mean that each gives.
        """
        values = []
        for _ in range(repeats):
            error, value = self._outcome()
            number = None if error else _number(value, of)
            if number is None:
                reason = raised(error) if error else f"gave {got(value)}"
                about_values = error is not None and is_about_values(error)
                wanted = f"should give {short(expected)} on average"
                return self._record(
                    0, f"{self} {wanted}, but {reason}", hint if about_values else ""
                )
            values.append(number)
        mean, slack = mean_and_slack(values, sigmas)
        if deviation is not None:
            slack = sigmas * deviation / repeats**0.5
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
        """Check that the call raises an exception of this kind.

        Args:
            kind: the exception, or a parent of it.
            hint: where to look.
            requires_other_credit: whether this counts only if another graded check of the question,
                without this argument, earned something; otherwise a function that always raises
                would earn points.
        """
        error, value = self._outcome()
        message = ""
        if error is None:
            given = "nothing" if value is None else short(value)
            message = f"{self} should raise {kind.__name__}, but gave {given}"
        elif type(error).__name__ not in names_of(kind):
            message = f"{self} should raise {kind.__name__}, but {raised(error)}"
            hint = hint if is_about_values(error) else ""
        self._record(
            0 if message else 1,
            message,
            hint if message else "",
            conditional=requires_other_credit,
        )


def _number(value: Any, of: Callable[[Any], float]) -> float | None:
    """Return the number that counts; None if there is none, or if it is NaN or infinite."""
    try:
        number = float(of(value))
    except Exception:
        return None
    return number if isfinite(number) else None
