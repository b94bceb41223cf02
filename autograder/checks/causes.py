"""Which known mistake explains an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from autograder.checks.values import same

# {cause: wrong}, or pairs, for several mistakes with one cause.
Mistakes: TypeAlias = Mapping[str, Any] | Sequence[tuple[str, Any]]


def pairs(mistakes: Mistakes | None) -> list[tuple[Any, str]]:
    """Return what each mistake gives, and its cause, whichever way they were written.

    Raises:
        TypeError: a cause that is no text.
    """
    given = list(mistakes.items() if isinstance(mistakes, Mapping) else mistakes or ())
    for cause, _ in given:
        if not isinstance(cause, str):
            raise TypeError(
                "mistakes must be {cause in words: what it gives}, or pairs of the two; received "
                f"{cause!r} as a cause."
            )
    return [(wrong, cause) for cause, wrong in given]


def joined(causes: Iterable[str]) -> str:
    """Return the cause; two are joined by "or", and more than two say nothing."""
    found = list(dict.fromkeys(causes))
    return ", or ".join(found) if len(found) <= 2 else ""


def cause_of(value: Any, expected: Any, mistakes: Mistakes | None) -> str:
    """Return the cause of a wrong value."""
    return joined(
        cause
        for wrong, cause in pairs(mistakes)
        if not is_error(wrong) and same(wrong, value) and not same(expected, wrong)
    )


def cause_of_error(error: Exception, mistakes: Iterable[tuple[Any, str]]) -> str:
    """Return the cause of an exception.

    Args:
        error: what was raised.
        mistakes: pairs of an exception class, or an exception whose text must be part of the
            message, and the cause.
    """

    def fits(wrong: Any) -> bool:
        kind = wrong if isinstance(wrong, type) else type(wrong)
        text = "" if isinstance(wrong, type) else str(wrong)
        return type(error).__name__ in names_of(kind) and text in str(error)

    return joined(cause for wrong, cause in mistakes if is_error(wrong) and fits(wrong))


def is_error(wrong: object) -> bool:
    """Return whether a value is an exception, or a class of exceptions."""
    return isinstance(wrong, Exception) or (
        isinstance(wrong, type) and issubclass(wrong, Exception)
    )


def names_of(kind: type[BaseException]) -> set[str]:
    """Return the names of an exception and its subclasses: an error may cross by name only."""
    return {kind.__name__}.union(*(names_of(child) for child in kind.__subclasses__()))


def cause_where(mistakes: Mistakes | None, fits: Callable[[Any], bool]) -> str:
    """Return the cause of the first known mistake that fits, if trying all would take long."""
    return next((cause for wrong, cause in pairs(mistakes) if fits(wrong)), "")


def cause_of_rows(
    value: Sequence[Any], expected: Sequence[Any], wrong: Sequence[int], mistakes: Mistakes | None
) -> str:
    """Return the cause of a table's wrong rows, if it explains all of them.

    Args:
        value: the student's table.
        expected: the right one.
        wrong: numbers of the rows that are wrong.
        mistakes: wrong rows, or whole wrong tables as tuples of rows, and their causes.
    """
    explained: dict[str, set[int]] = {}
    rows = [number for number in wrong if number < len(value)]
    for known, cause in pairs(mistakes):
        for number in rows:
            table = number < len(known) and same(known[number], value[number])
            if (same(known, value[number]) or table) and not same(expected[number], value[number]):
                explained.setdefault(cause, set()).add(number)
    return joined(cause for cause, found in explained.items() if found == set(rows))
