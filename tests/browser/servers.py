"""Servers that the course's commands start, on the loopback interface, ended with their kernels."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

# Seconds until what never happens is given up; machines are busy.
PATIENCE = int(os.environ.get("PATIENCE", 300))


@contextmanager
def serving(command: list[str], folder: Path, scratch: Path, **variables: str) -> Iterator[str]:
    """Run a command that becomes a Jupyter server; gives the server's address with its token.

    Args:
        command: arguments for Python, such as ["-m", "course.cli", "lab", "--no-browser"].
        folder: that it runs in.
        scratch: an own place for Jupyter's settings, so that nobody's are read or changed.
        variables: of its environment.
    """
    names = ("CONFIG", "DATA", "RUNTIME")
    environment = {f"JUPYTER_{name}_DIR": str(scratch / name) for name in names}
    environment |= {"IPYTHONDIR": str(scratch / "ipython"), "JUPYTER_PORT": str(_free_port())}
    with _running(command, folder, scratch / "server.log", environment | variables) as server:
        known = scratch / "RUNTIME" / f"jpserver-{server.pid}.json"
        _wait(server, scratch / "server.log", lambda: _read(known))
        found = _read(known)
        assert found["hostname"] == "localhost" and found["token"]
        yield f"http://127.0.0.1:{found['port']}/lab?token={found['token']}"


@contextmanager
def printing(command: list[str], folder: Path, log: Path) -> Iterator[str]:
    """Run a command that serves a page and prints its address; gives that."""
    address = re.compile(r"http://127\.0\.0\.1:\d+/\S*")
    with _running(command, folder, log, {"PYTHONUNBUFFERED": "1"}) as server:
        _wait(server, log, lambda: address.search(log.read_text()))
        yield address.search(log.read_text())[0]


@contextmanager
def _running(
    command: list[str], folder: Path, log: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen]:
    with open(log, "w") as out:
        server = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield server
    finally:
        _end(server)


def eventually(there: Callable[[], object]) -> None:
    """Wait until something outside of the page has happened."""
    deadline = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def _wait(server: subprocess.Popen, log: Path, there: Callable[[], object]) -> None:
    """Wait until the server says where it listens."""
    eventually(lambda: server.poll() is not None or there())
    if server.poll() is not None:
        raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def _read(known: Path) -> dict:
    """Return what Jupyter tells about a server, nothing while it is not complete."""
    try:
        return json.loads(known.read_text())
    except (OSError, ValueError):
        return {}


def _end(server: subprocess.Popen) -> None:
    """End a server and what it started, each by its id."""
    try:
        started = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    server.terminate()  # on which Jupyter ends its kernels
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for process in psutil.wait_procs(started, timeout=10)[1]:
        process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
