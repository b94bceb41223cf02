"""A memory limit by the kernel itself, where this program may make control groups (version 2).

It counts what the watchdog can't see, such as buffers of sockets and pipes, and has no gap between
two looks. Where groups can't be made, which is usual outside of systemd's delegation, there is the
watchdog alone.
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
    """A group below `parent` for one tree of processes.

    Raises:
        OSError: it cannot be made, or not with a memory limit.
    """

    def __init__(self, parent: Path, limits: Limits):
        self.path = parent / f"autograder-{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        try:
            # Files in the two tmpfs count as memory here.
            memory = limits.memory_mb + 2 * limits.disk_mb + _SLACK_MB
            self._write("memory.max", memory << 20)
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                self._write("memory.swap.max", 0)
        except OSError:
            self.remove()
            raise

    def _write(self, name: str, value: int) -> None:
        # Not created: in a folder that is no control group this has to fail.
        with open(os.open(self.path / name, os.O_WRONLY), "w") as file:
            file.write(str(value))

    def add(self, pid: int) -> None:
        """Move a process in; what it forks from now on is in as well."""
        self._write("cgroup.procs", pid)

    def has_killed(self) -> bool:
        """Whether the kernel ended a process of the group for its use of memory."""
        with contextlib.suppress(OSError, ValueError):
            events = dict(
                line.split() for line in (self.path / "memory.events").read_text().splitlines()
            )
            return int(events.get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Remove the group, once the last process in it has ended."""
        end = time.monotonic() + _REMOVE_SECONDS
        while self.path.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.005)


def find_parent() -> Path | None:
    """Where groups with a memory limit can be made and filled: tried with a process of no use."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:
        return None
    own = next((line[len("0::/") :] for line in lines if line.startswith("0::/")), None)
    if own is None:
        return None
    # A group that has processes of its own can't have children with limits, so beside it first.
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
                idle.stdin.close()
    except OSError:
        return False
    finally:
        group.remove()
    return True


def pid_of(descriptor: int) -> int:
    """The number that the process behind a pidfd has here, whatever namespace it is in."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"descriptor {descriptor} is of no process")
