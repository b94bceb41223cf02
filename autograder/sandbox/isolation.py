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
            filter, no limit on disk) or "none" (limits only: for trusted code).
        reason: why it is this and not a stronger one, in words.
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


def probe() -> Isolation:
    """The strongest isolation that works here: each is tried, not assumed.

    Returns:
        ROOT, USER, LANDLOCK or NONE, with the reason why the stronger ones don't work.
    """
    raise NotImplementedError
