"""Completion in shells, with argcomplete: commands, options, and names of networks and units."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# Where a course directory, or a student's folder, has its assignments.
_TREES = ("solutions", "source", "assignments", "release")


def typed(arguments: Iterable[str]) -> list[str]:
    """Return the words of a command line, and of the one that a shell wants completed."""
    return [*arguments, *os.environ.get("COMP_LINE", "").split()]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks for completions; otherwise do nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    for action in _actions(parser):
        if action.dest in _OFFERED:
            action.completer = _Completer(_OFFERED[action.dest])  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


class _Completer:
    """Offers what a function finds in the folder that ``--course`` or ``--folder`` names."""

    def __init__(self, find: Callable[[Path], Iterable[str]]) -> None:
        self.find = find

    def __call__(self, *, parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
        named = getattr(parsed_args, "course", None) or getattr(parsed_args, "folder", None)
        return self.find(Path(named or "."))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Return the arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _networks(folder: Path) -> list[str]:
    from course.listing.numbers import kept

    return list(kept())


def _units(folder: Path) -> list[str]:
    found = (path for tree in _TREES for path in folder.glob(f"{tree}/*/*.ipynb"))
    return sorted({path.stem for path in found if path.stem == path.parent.name})


def _students(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("submitted/*") if path.is_dir())


# By the name that an argument's value has.
_OFFERED: dict[str, Callable[[Path], Iterable[str]]] = {
    **dict.fromkeys(("name", "names", "patterns"), _networks),
    **dict.fromkeys(("unit", "units"), _units),
    "student": _students,
}
