"""The client's handle on one sandboxed process."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from dataclasses import replace

from autograder.sandbox import messages
from autograder.sandbox.control_groups import ControlGroup
from autograder.sandbox.limits import Exit, SandboxError

_KILL_SECONDS = 20


class Process:
    """A function running in a sandboxed process; created by :meth:`ForkServer.start`.

    Leaving it as a context manager kills the process, if it still runs, and closes the channel.

    Attributes:
        channel: a blocking stream socket, connected to the one that the function received.
    """

    def __init__(
        self,
        channel: socket.socket,
        control: socket.socket,
        group: ControlGroup | None,
        claim: socket.socket,
    ) -> None:
        self.channel = channel
        self._control = control
        self._group = group
        self._claim = claim
        self._exit: Exit | None = None
        self._reading = threading.Lock()

    def interrupt(self) -> None:
        """Send SIGINT to the main process, like Ctrl-C."""
        self._say("interrupt")

    def poll(self) -> Exit | None:
        """Return how it ended; None while it runs."""
        with contextlib.suppress(TimeoutError):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> Exit:
        """Wait for the end. No descendant runs any more when this returns.

        Raises:
            TimeoutError: it is still running after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if not self._reading.acquire(timeout=-1 if timeout is None else timeout):
            raise TimeoutError(f"still running after {timeout} s")
        try:
            if self._exit is None:
                left = None if end is None else max(0, end - time.monotonic())
                if not messages.readable(self._control, left):
                    raise TimeoutError(f"still running after {timeout} s")
                self._exit = self._read_exit()
                self._end()
            return self._exit
        finally:
            self._reading.release()

    def _read_exit(self) -> Exit:
        message, _ = messages.receive(self._control, 0)
        end = Exit(**message["exit"]) if "exit" in message else Exit(None, "server")
        if self._group and end.code == -signal.SIGKILL and not end.reason:
            end = replace(end, reason="memory" if self._group.has_killed() else "")
        return end

    def kill(self) -> Exit:
        """Kill it with all its descendants; all are gone when this returns.

        Raises:
            SandboxError: it could not be killed, for example while the kernel waits for a disk.
        """
        self._say("kill")
        try:
            return self.wait(_KILL_SECONDS)
        except TimeoutError:
            raise SandboxError(
                f"A process was still running {_KILL_SECONDS} s after SIGKILL."
            ) from None

    def fileno(self) -> int:
        """Return a descriptor for `select`, which becomes readable at the end."""
        return self._control.fileno()

    def _say(self, word: str) -> None:
        with contextlib.suppress(OSError):  # it has ended
            messages.send(self._control, please=word)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.kill()
        finally:
            self.channel.close()

    def _end(self) -> None:
        self._claim.close()
        group, self._group = self._group, None
        if group:
            group.remove()

    def __del__(self) -> None:
        # Its sockets close as well, which ends the process.
        self._end()
