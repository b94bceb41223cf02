"""The ways of isolating a sandboxed process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Isolation:
    """A way of isolating a process. Two are equal if their names are.

    Attributes:
        name: "root" (namespaces, and a user id for each process; needs root), "user" (user
            namespaces), "landlock" (no namespaces: file rules and a system call filter) or "none"
            (limits only: for trusted code).
        reason: the result of trying it, and why no stronger one works.
    """

    name: str
    reason: str = field(default="", compare=False)

    ROOT: ClassVar[Isolation]
    USER: ClassVar[Isolation]
    LANDLOCK: ClassVar[Isolation]
    NONE: ClassVar[Isolation]


Isolation.ROOT = Isolation("root")
Isolation.USER = Isolation("user")
Isolation.LANDLOCK = Isolation("landlock")
Isolation.NONE = Isolation("none")
