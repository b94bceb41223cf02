"""Exceptions sent between two processes: names of classes, a message and arguments."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from autograder.engine.cell_runner import CellTimeout


class StudentError(Exception):
    """The student's work failed in a way that no other exception describes."""


def describe(error: BaseException) -> list[Any]:
    """Return an exception as plain data: its classes, as (module, name), and its message."""
    kinds = [[kind.__module__, kind.__qualname__] for kind in type(error).__mro__]
    if isinstance(error, CellTimeout):
        return [[["builtins", "TimeoutError"]], "it did not finish in time"]
    try:
        return [kinds, str(error)[:2000]]
    except Exception:
        return [kinds, ""]


def rebuild(
    description: Any, args: list[Any] | None = None, given: Mapping[str, Any] | None = None
) -> Exception:
    """Return an exception as another process raised it, as far as its class is known here.

    Args:
        description: what :func:`describe` made of it, or anything else.
        args: its arguments, if they have a plain form.
        given: classes of the instructor's, by name.
    """
    try:
        kinds, message = description
        kinds, message = [(str(module), str(name)) for module, name in kinds], str(message)
    except (TypeError, ValueError):
        return StudentError("your process gave no usable answer")
    for module, name in kinds:
        kind = _known(module, name, given or {})
        if kind is None:
            continue
        for arguments in (args, [message]):
            try:
                if arguments is not None:
                    return kind(*arguments)
            except Exception:  # UnicodeDecodeError and its like want more than a message
                continue
    name = kinds[0][1][:80] if kinds else ""
    own = type(name if name.isprintable() else "StudentError", (StudentError,), {})
    return own(message)


def _known(module: str, name: str, given: Mapping[str, Any]) -> type[Exception] | None:
    """Return a class of exceptions that this process has; not one that ends a process."""
    space = sys.modules.get(module)
    own: Mapping[str, Any] = {} if space is None else vars(space)
    known = given if module == "__main__" else own
    kind = known.get(name)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind is Exception:
        return None
    # Ours say what happened to a question.
    return None if module.partition(".")[0] == "autograder" else kind
