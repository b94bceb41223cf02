"""What a stand-in stands for: an object in the student's process, by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

# Kinds of objects whose items exist only while they are asked for.
ENDLESS = {"generator", "map", "filter", "zip", "enumerate", "iterator", "reversed"}


class Conversation(Protocol):
    """What a stand-in needs of the conversation with the student's process.

    Attributes:
        cells: sources of the cells that have run, as Python.
    """

    cells: list[str]

    def operate(
        self,
        operation: str,
        handle: int,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call an object, or do something else with it; return the result."""

    def attribute(self, handle: int, name: str) -> Any:
        """Return an attribute of an object."""


@dataclass(frozen=True, eq=False)
class Remote:
    """What a stand-in stands for.

    Attributes:
        student: the conversation with its process.
        handle: the number under which that keeps it.
        name: its name, if it is a function or a class.
        kind: the name of its class.
        own: whether that class is the student's own and not a library's.
        plain: whether it is plain data and more than that.
    """

    student: Conversation
    handle: int
    name: str
    kind: str
    own: bool
    plain: bool = False

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call it."""
        return self.student.operate("call", self.handle, args, kwargs)

    def operate(self, name: str, *args: Any) -> Any:
        """Do something with it that :mod:`autograder.engine.operations` lists."""
        return self.student.operate(name, self.handle, args)

    def attribute(self, name: str) -> Any:
        """Return an attribute of it."""
        return self.student.attribute(self.handle, name)

    def set(self, name: str, value: Any) -> None:
        """Set an attribute of it."""
        self.student.operate("setattr", self.handle, (name, value))

    def data(self) -> Any:
        """Return the plain data that it also is, as they are now."""
        return self.student.operate("plain", self.handle)

    def is_endless(self) -> bool:
        """Return whether it has items only while they are asked for."""
        return self.kind in ENDLESS or self.kind.endswith("iterator")

    def named(self) -> str:
        """Return what to call it in a message to its owner."""
        if self.is_endless():
            return f"a {self.kind}, which has no items to look at before it is used: return a list"
        if self.name:
            return f"your function {self.name}"
        return f"an object of your class {self.kind}" if self.own else f"a {self.kind} object"


def remote_of(value: Any) -> Remote | None:
    """Return what a stand-in stands for; None for anything else."""
    if not getattr(type(value), "__stands_in__", False):
        return None
    read: Any = type.__getattribute__ if isinstance(value, type) else object.__getattribute__
    remote: Remote = read(value, "__remote__")
    return remote


def the_remote(value: Any) -> Remote:
    """Return what a stand-in stands for."""
    remote = remote_of(value)
    if remote is None:
        raise TypeError(f"a {type(value).__name__} does not stand for anything")
    return remote
