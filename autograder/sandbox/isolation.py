"""How far a sandboxed process can be shut off on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Isolation:
    """A way of isolating; two are equal if their names are.

    Attributes:
        name: "root" (namespaces, a user id for each process; needs root), "user" (namespaces, by
            way of user namespaces), "landlock" (no namespaces: file rules and a system call
            filter) or "none" (limits only: for trusted code).
        reason: what was found when it was tried, and why no stronger one works, in words.
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
