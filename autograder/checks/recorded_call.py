"""A call of a student's function, made under watch and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from autograder.checks.causes import cause_of_error
from autograder.checks.keeping import undone
from autograder.checks.values import is_about_values, raised, short

if TYPE_CHECKING:
    from autograder.checks.question import Question

NOTHING = object()  # stands for the value of a call that raised


class RecordedCall:
    """A call that is still to be made, and the question that its result is recorded in."""

    def __init__(
        self,
        question: Question,
        name: str,
        share: float,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ):
        self._question, self._name, self._share = question, name, share
        self._function, self._args, self._kwargs = function, args, kwargs

    def __str__(self) -> str:
        named = (f"{key}={short(value)}" for key, value in self._kwargs.items())
        arguments = ", ".join([*map(short, self._args), *named])
        return f"{getattr(self._function, '__name__', 'your function')}({arguments})"

    def _value(self, wanted: str, hint: str, mistakes: Iterable[tuple[Any, str]]) -> Any:
        """Return what the call returns; NOTHING if it raises, which is recorded as wrong.

        Args:
            wanted: what it should give, to follow the call's text.
            hint: where to look.
            mistakes: pairs; those with an exception explain a call that raises it.
        """
        error, value = self._outcome()
        if error is None:
            return value
        known = cause_of_error(error, mistakes)
        hint = known or (hint if is_about_values(error) else "")
        self._record(0, f"{self} {wanted}, but {raised(error)}", hint)
        return NOTHING

    def _outcome(self) -> tuple[Exception | None, Any]:
        try:
            with self._question.watching():
                return None, undone(self._function, *self._args, **self._kwargs)
        except Exception as error:
            return error, None

    def _record(
        self, credit: float, message: str = "", hint: str = "", *, conditional: bool = False
    ) -> None:
        self._question.record(
            self._name, self._share, credit, message, hint, conditional=conditional
        )
