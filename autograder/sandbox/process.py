"""The client's handle on one sandboxed process."""

from __future__ import annotations

import socket

from autograder.sandbox.limits import Exit


class Process:
    """A function running in a process of its own.

    Attributes:
        channel: a blocking stream socket, the other end of the one that the function got.
    """

    channel: socket.socket

    def interrupt(self) -> None:
        """Send SIGINT to the main process, as Ctrl-C would."""
        raise NotImplementedError

    def poll(self) -> Exit | None:
        """How it ended; None while it runs."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> Exit:
        """Wait for the end. Nothing of it runs any more when this returns.

        Raises:
            TimeoutError: it still runs after `timeout` seconds.
        """
        raise NotImplementedError

    def kill(self) -> Exit:
        """Stop it with all its descendants; all are gone when this returns."""
        raise NotImplementedError

    def fileno(self) -> int:
        """A descriptor that becomes readable at the end, for `select`."""
        raise NotImplementedError
