"""Launch a fork server, and talk to it."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from autograder.sandbox import messages, view
from autograder.sandbox.child import WORK, Setup, environment
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import SandboxError

_PRELOAD_SECONDS = 300
_CLOSE_SECONDS = 10
# The project comes last on the path: it is for where it is not installed.
_BOOT = "import sys; sys.path.append({root!r}); from autograder.sandbox.server import main; main()"


class ServerProcess:
    """A fork server's process, with its socket and its scratch folder.

    Attributes:
        process: the process that was started: the server itself, or bubblewrap around it.
        threads: its number of threads after its imports.

    Raises:
        SandboxError: it did not start.
    """

    def __init__(self, preload: Sequence[str], isolation: Isolation, paths: Sequence[Path]) -> None:
        namespaces = isolation in (Isolation.ROOT, Isolation.USER)
        command: list[str] = []
        if namespaces:
            command = view.bubblewrap(paths, user_namespace=isolation == Isolation.USER)
        self._scratch = WORK if namespaces else tempfile.mkdtemp(prefix="autograder-")
        self._own_scratch = not namespaces
        if self._own_scratch:
            os.mkdir(f"{self._scratch}/.tmp")
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        self._control, theirs = messages.pair()
        # -I: ignore the user's packages, environment variables and the current folder.
        command += [sys.executable, "-I", "-B", "-c", _BOOT.format(root=str(view.package_root()))]
        with theirs:
            number = theirs.fileno()
            variables = environment(self._scratch)
            self.process = _spawn([*command, str(number)], number, self._errors, variables)
        system = [Path(name) for name in view.system_paths()]
        setup = Setup(
            isolation=isolation.name,
            preload=list(preload),
            readable=[str(path) for path in view.without_withheld([*system, *paths])],
            private_tmp=view.outside_tmp(paths),
            scratch=self._scratch,
        )
        try:
            self.threads = self._introduce(setup)
        except SandboxError:
            self.close()
            raise

    def _introduce(self, setup: Setup) -> int:
        answer: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            messages.send(self._control, **asdict(setup))
            answer, _ = messages.receive(self._control, _PRELOAD_SECONDS)
        if "ready" not in answer:
            problem = answer.get("error") or self.exit_reason()
            raise SandboxError(f"The fork server could not be started: {problem}")
        threads: int = answer["threads"]
        return threads

    @property
    def alive(self) -> bool:
        """Whether the server is running."""
        return self.process.poll() is None

    def send(self, descriptors: Sequence[int]) -> None:
        """Request a process. The first descriptor is the socket that receives the answer.

        Raises:
            OSError: the server is gone.
        """
        socket.send_fds(self._control, [b"start"], descriptors)

    def exit_reason(self) -> str:
        """Describe how the server ended, as far as that is known."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = f" Its last output: {lines[-1][:500]}" if lines else ""
        return f"the fork server {'does not answer' if code is None else f'died ({code})'}.{last}"

    def close(self) -> None:
        """End the server and every process forked from it."""
        self._control.close()  # tells the server and the supervisors to stop
        try:
            self.process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()
        if self._own_scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _spawn(
    command: list[str], descriptor: int, errors: IO[bytes], variables: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program from a thread that lives as long as the program.

    The kernel reports the parent's death to a child when the *thread* that started it ends.
    """
    started: queue.SimpleQueue[subprocess.Popen[bytes] | SandboxError] = queue.SimpleQueue()

    def keep() -> None:
        try:
            process = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[descriptor],
                start_new_session=True,  # only the client receives Ctrl-C in a terminal
                cwd="/",
            )
        except OSError as error:
            started.put(SandboxError(f"Cannot run {command[0]}: {error.strerror}"))
            return
        started.put(process)
        process.wait()

    threading.Thread(target=keep, name="fork-server", daemon=True).start()
    process = started.get()
    if isinstance(process, SandboxError):
        raise process
    return process
