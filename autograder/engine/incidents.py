"""Notice what a student's code tries that an instructor should look at."""

from __future__ import annotations

import os
import sys
from typing import Any

MAX_INCIDENTS = 20
_EVENTS = frozenset({"socket.connect", "open"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Incidents:
    """Attempts to leave the sandbox; the sandbox itself is what stops them.

    Args:
        folder: where the code may write.
    """

    def __init__(self, folder: str):
        self._folder = os.path.realpath(folder)
        self._found: list[str] = []

    def watch(self) -> None:
        """Notice incidents in this process from now on."""
        look = self._look

        def audit(event: str, args: tuple[Any, ...]) -> None:
            # Called for all that Python does, a million times while a network is traced.
            if event in _EVENTS:
                look(event, args)

        sys.addaudithook(audit)

    def take(self) -> list[str]:
        """Return what was noticed since the last call."""
        found, self._found = self._found, []
        return found

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            self._note(f"tried to connect to {args[1]!r}")
        elif event == "open" and isinstance(args[0], str | bytes) and args[2] & _WRITES:
            path = os.path.realpath(os.fsdecode(args[0]))
            if not path.startswith((self._folder, "/dev/", "/tmp/")):
                self._note(f"tried to write to {path}")

    def _note(self, what: str) -> None:
        if len(self._found) < MAX_INCIDENTS:
            self._found.append(what[:200])
