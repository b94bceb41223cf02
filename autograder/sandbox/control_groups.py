"""A memory limit enforced by the kernel, where this program may create control groups (v2).

It counts what the watchdog cannot see, such as buffers of sockets and pipes, and is always in
force. Where groups cannot be created, which is usual unless systemd delegates them, only the
watchdog limits memory.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from pathlib import Path

from autograder.sandbox.limits import Limits

ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_SLACK_MB = 64  # for the supervisor and pid 1
_REMOVE_SECONDS = 2
_numbers = itertools.count()


class ControlGroup:
    """A control group below `parent` for one tree of processes.

    Raises:
        OSError: it cannot be created, or takes no memory limit.
    """

    def __init__(self, parent: Path, limits: Limits) -> None:
        self.path = parent / f"autograder-{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        try:
            # Files in the two tmpfs mounts count as memory here.
            memory = limits.memory_mb + 2 * limits.disk_mb + _SLACK_MB
            self._write("memory.max", memory << 20)
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                self._write("memory.swap.max", 0)
        except OSError:
            self.remove()
            raise

    def _write(self, name: str, value: int) -> None:
        # Without O_CREAT: in a folder that is not a control group this has to fail.
        with open(os.open(self.path / name, os.O_WRONLY), "w") as file:
            file.write(str(value))

    def add(self, pid: int) -> None:
        """Move a process into the group, and with it all that it forks from now on."""
        self._write("cgroup.procs", pid)

    def has_killed(self) -> bool:
        """Whether the kernel killed a process of the group for using too much memory."""
        with contextlib.suppress(OSError, ValueError):
            events = dict(
                line.split() for line in (self.path / "memory.events").read_text().splitlines()
            )
            return int(events.get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Remove the group once the last process in it has ended."""
        end = time.monotonic() + _REMOVE_SECONDS
        while self.path.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.005)


def find_parent() -> Path | None:
    """Find a folder where groups with a memory limit work, tried with an idle process."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:
        return None
    own = next((line[len("0::/") :] for line in lines if line.startswith("0::/")), None)
    if own is None:
        return None
    # A group with processes of its own cannot have children with limits, so try beside it first.
    for parent in (ROOT / own).parent, ROOT / own:
        if parent.is_relative_to(ROOT) and _works(parent):
            return parent
    return None


def _works(parent: Path) -> bool:
    try:
        group = ControlGroup(parent, Limits())
    except OSError:
        return False
    try:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as idle:
            try:
                group.add(idle.pid)
            finally:
                if idle.stdin:
                    idle.stdin.close()
    except OSError:
        return False
    finally:
        group.remove()
    return True


def pid_of(descriptor: int) -> int:
    """Return the id in this namespace of the process that a pidfd refers to."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"descriptor {descriptor} does not refer to a process")
