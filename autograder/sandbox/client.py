"""The client's side: start a fork server, and sandboxed processes from it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.sandbox import control_groups, messages, view
from autograder.sandbox.control_groups import ControlGroup
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.launch import ServerProcess
from autograder.sandbox.limits import Limits, SandboxError
from autograder.sandbox.process import Process
from autograder.sandbox.request import Request, collect
from autograder.sandbox.server import MOST_DESCRIPTORS
from autograder.sandbox.supervisor import START_SECONDS

_MOST_PASSED = MOST_DESCRIPTORS - 3  # besides the supervisor's socket, the request, the channel


def _claim_slot() -> tuple[int, socket.socket]:
    """Return a small number that no other sandboxed process has, and the socket that reserves it.

    The number becomes a user id, by which the kernel counts processes. The name of a socket is
    reserved on the whole machine until it is closed, which happens however this program ends.
    """
    claim = socket.socket(socket.AF_UNIX)
    slot = 0
    while True:
        try:
            claim.bind(f"\0autograder-sandbox-{slot}")
            return slot, claim
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        slot += 1


class ForkServer:
    """A Python process with its imports done, from which isolated processes are forked.

    Any thread may start processes. They all end when the server is closed or left as a context
    manager, and when this program ends for any reason.

    Args:
        preload: modules to import. They must run no TensorFlow op and contain no secret: all
            processes inherit the server's memory.
        isolation: what :func:`require_isolation` gave, or a weaker one. `Isolation.NONE`
            isolates nothing: for trusted code.
        readable: further files and folders that the processes may read.

    Attributes:
        isolation: the isolation in use.

    Raises:
        SandboxError: the server cannot be started.
    """

    def __init__(
        self,
        preload: Sequence[str] = (),
        *,
        isolation: Isolation,
        readable: Sequence[Path | str] = (),
    ):
        self.isolation = isolation
        self._preload = list(preload)
        self._paths = view.readable_paths(readable)
        self._groups = control_groups.find_parent()
        self._lock = threading.Lock()
        self._closed = False
        self._server = self._launch()

    def _launch(self) -> ServerProcess:
        return ServerProcess(self._preload, self.isolation, self._paths)

    def start(
        self,
        target: str,
        *,
        limits: Limits | None = None,
        files: Mapping[str, bytes] | Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> Process:
        """Fork a process, isolate it, and call a function in it.

        Args:
            target: "package.module:function", called as ``function(channel, *descriptors)``. A
                module that was not preloaded is imported each time.
            limits: what the process may use.
            files: initial contents of its work folder: a mapping of names to contents, or a
                folder to copy (regular files only).
            environment: variables that extend or override the safe defaults.
            descriptors: open descriptors of the client to pass on, besides the channel.

        Returns:
            The isolated process, about to call the function.

        Raises:
            SandboxError: the process could not be started. If the server died, the next call
                starts a new one.
        """
        limits = limits or Limits()
        if len(descriptors) > _MOST_PASSED:
            raise SandboxError(
                f"At most {_MOST_PASSED} descriptors can be passed on; received {len(descriptors)}."
            )
        contents = collect(files, limits)
        slot, claim = _claim_slot()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(claim.close)
            group = ControlGroup(self._groups, limits) if self._groups else None
            if group:
                on_failure.callback(group.remove)
            control, supervisors = messages.pair()
            channel, students = socket.socketpair()
            on_failure.callback(control.close)
            on_failure.callback(channel.close)
            request = Request(target, slot, limits, dict(environment or {}), confirm=bool(group))
            with supervisors, students:
                file = request.pack(contents)
                self._send([supervisors.fileno(), file, students.fileno(), *descriptors], file)
            self._await_start(control, target, group)
            on_failure.pop_all()
        return Process(channel, control, group, claim)

    def _send(self, descriptors: list[int], file: int) -> None:
        try:
            with self._lock:
                if self._closed:
                    raise SandboxError("This fork server is closed. Create a new one.")
                if not self.alive:
                    self._server.close()
                    self._server = self._launch()
                self._server.send(descriptors)
        except OSError as error:
            problem = str(error) if self.alive else self._exit_reason()
            raise SandboxError(f"The fork server could not be reached: {problem}") from None
        finally:
            os.close(file)

    def _await_start(self, control: socket.socket, target: str, group: ControlGroup | None) -> None:
        try:
            answer, descriptors = messages.receive(control, 2 * START_SECONDS)
            if descriptors and group:
                # The supervisor, which does not fork before it is in the group.
                try:
                    group.add(control_groups.pid_of(descriptors[0]))
                finally:
                    os.close(descriptors[0])
                messages.send(control, please="go on")
                answer, _ = messages.receive(control, 2 * START_SECONDS)
        except OSError as error:
            answer = {"error": str(error)}
        if "ready" not in answer:
            problem = answer.get("error") or self._exit_reason()
            raise SandboxError(f"{target} could not be started: {problem}")

    def _exit_reason(self) -> str:
        return f"{self._server.exit_reason()} The next start launches a new one."

    @property
    def alive(self) -> bool:
        """Whether the server is running."""
        return self._server.alive

    @property
    def pid(self) -> int:
        """Id of the process that was started: the server, or bubblewrap around it."""
        return self._server.process.pid

    @property
    def threads(self) -> int:
        """Number of the server's threads after its imports; with more than one, a fork may hang."""
        return self._server.threads

    @property
    def memory_limit(self) -> str:
        """What enforces the memory limit: "control group and watchdog" or "watchdog"."""
        return "control group and watchdog" if self._groups else "watchdog"

    def close(self) -> None:
        """End the server and every process forked from it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._server.close()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
