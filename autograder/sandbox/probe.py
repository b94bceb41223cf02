"""Find out which isolation works on this machine, by running code that tries to break out."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from autograder.sandbox.client import ForkServer
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits, SandboxError

_HOW = {
    Isolation.ROOT: "namespaces, and a user id for each submission",
    Isolation.USER: "user namespaces",
    Isolation.LANDLOCK: "Landlock and a system call filter, without namespaces",
}


def probe() -> Isolation:
    """Return the strongest isolation that works here. Each is tried, not assumed.

    Returns:
        ROOT, USER, LANDLOCK or NONE, with the reason why the stronger ones do not work.
    """
    failures = []
    for isolation, how in _HOW.items():
        if problem := why_not(isolation):
            failures.append(f"{how}: {problem}")
        else:
            return replace(isolation, reason="; ".join([f"{how}: works", *failures]))
    return replace(Isolation.NONE, reason="; ".join(failures))


def require_isolation() -> Isolation:
    """Return the strongest isolation that works here.

    Raises:
        SandboxError: none works.
    """
    found = probe()
    if found == Isolation.NONE:
        raise SandboxError(f"No sandbox works on this machine: {found.reason}")
    return found


def why_not(isolation: Isolation) -> str:
    """Return why an isolation does not work here; "" if a process failed to break out of it."""
    if isolation == Isolation.ROOT and os.geteuid() != 0:
        return "needs root"
    limits = Limits(memory_mb=500, processes=20, cpu_s=20, wall_s=20)
    try:
        with (
            tempfile.NamedTemporaryFile(prefix="autograder-secret-") as secret,
            ForkServer(isolation=isolation) as server,
            server.start("autograder.sandbox.probe:try_to_get_out", limits=limits) as process,
        ):
            paths = [secret.name, str(Path.home()), sys.prefix]
            process.channel.sendall(json.dumps([*paths, os.getpid()]).encode() + b"\n")
            with process.channel.makefile() as lines:
                found = json.loads(lines.readline() or '["the process ended without a result"]')
    except SandboxError as error:
        return str(error)
    return "the sandbox leaks: " + ", ".join(found) if found else ""


def try_to_get_out(channel: socket.socket) -> None:
    """Report which of the actions that must fail succeeded. This runs inside the sandbox."""
    with channel.makefile() as lines:
        secret, home, prefix, grader = json.loads(lines.readline())
    attempts = {
        "the grader's files can be read": lambda: open(secret).close(),
        "the home folder can be listed": lambda: _list_beyond(home, prefix),
        "Python can be changed": lambda: open(f"{prefix}/changed", "w").close(),
        "there is a network": lambda: socket.socket(socket.AF_INET).close(),
        "the grader can be signalled": lambda: _signal(grader),
        "the grader can be signalled by a descriptor": lambda: _signal_by_descriptor(grader),
        "it has capabilities": _use_capabilities,
    }
    leaks = []
    for leak, attempt in attempts.items():
        with contextlib.suppress(OSError):
            attempt()
            leaks.append(leak)
    channel.sendall(json.dumps(leaks).encode() + b"\n")


def _list_beyond(home: str, *shown: str) -> None:
    # If the sandbox shows something inside the home folder, the folders on the way exist.
    for entry in os.listdir(home):
        if not any(path.startswith(f"{home}/{entry}") for path in [*shown, sys.base_prefix]):
            return
    raise PermissionError


def _signal(grader: int) -> None:
    # In a pid namespace this number is unused, or belongs to the sandbox itself.
    if os.getpid() > 2:
        os.kill(grader, 0)
    else:
        raise ProcessLookupError


def _signal_by_descriptor(grader: int) -> None:
    if os.getpid() <= 2:
        raise ProcessLookupError
    # A filter that compares numbers would take it for this process.
    descriptor = os.dup2(os.pidfd_open(grader), os.getpid())
    signal.pidfd_send_signal(descriptor, 0)


def _use_capabilities() -> None:
    with open("/proc/self/status") as file:
        if all(int(line.split()[1], 16) == 0 for line in file if line.startswith("CapEff")):
            raise PermissionError
