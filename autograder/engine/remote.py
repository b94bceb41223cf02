"""What a stand-in stands for: something in the student's process, by number."""

from __future__ import annotations

ENDLESS = {"generator", "map", "filter", "zip", "enumerate", "iterator", "reversed"}


class Remote:
    """What a stand-in stands for.

    Args:
        student: the conversation with its process.
        handle: the number under which that keeps it.
        name: what it is called, if it is a function or a class.
        kind: the name of its class.
        own: whether that class is the student's own and not a library's.
        plain: whether it is plain data and more than that.
    """

    def __init__(self, student, handle: int, name: str, kind: str, own: bool, plain: bool = False):
        self.student, self.handle = student, handle
        self.name, self.kind, self.own, self.plain = name, kind, own, plain

    def call(self, args: tuple, kwargs: dict):
        return self.student.operate("call", self.handle, args, kwargs)

    def operate(self, name: str, *args):
        return self.student.operate(name, self.handle, args)

    def attribute(self, name: str):
        return self.student.attribute(self.handle, name)

    def set(self, name: str, value) -> None:
        self.student.operate("setattr", self.handle, (name, value))

    def data(self):
        """The plain data that it is, too, as they are now."""
        return self.student.operate("plain", self.handle)

    def is_endless(self) -> bool:
        """True for what has items only while they are asked for."""
        return self.kind in ENDLESS or self.kind.endswith("iterator")

    def named(self) -> str:
        """It in words that its owner understands."""
        if self.is_endless():
            return f"a {self.kind}, which has no items to look at before it is used: return a list"
        if self.name:
            return f"your function {self.name}"
        return f"an object of your class {self.kind}" if self.own else f"a {self.kind} object"


def remote_of(value) -> Remote | None:
    """What a stand-in stands for; None of anything else."""
    if not getattr(type(value), "__stands_in__", False):
        return None
    read = type.__getattribute__ if isinstance(value, type) else object.__getattribute__
    return read(value, "__remote__")
