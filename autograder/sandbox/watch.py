"""Resources that a tree of processes uses, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass

_TICK = os.sysconf("SC_CLK_TCK")
MOST_FILES = 20_000  # in a work folder


@dataclass(frozen=True)
class Usage:
    """The resources that some processes use at one moment."""

    processes: list[int]
    threads: int
    cpu_seconds: float
    memory: int  # bytes; a page that several processes share counts for each


def descendants(pid: int) -> list[int]:
    """Return a process and all its descendants, except those that start or end meanwhile."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    waiting += map(int, file.read().split())
        except OSError:
            continue  # it has ended
    return found


def usage(processes: list[int]) -> Usage:
    """Measure what processes use together; cheap enough for ten times per second."""
    threads, ticks, memory = 0, 0, 0
    for process in processes:
        try:
            with open(f"/proc/{process}/stat") as file:
                # The name, in brackets, may hold anything.
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        # user and system time, and the same of children that were waited for
        ticks += sum(map(int, fields[11:15]))
        threads += int(fields[17])
        memory += _resident(process)
    return Usage(processes, threads, ticks / _TICK, memory)


def _resident(pid: int) -> int:
    return _sum_of(f"/proc/{pid}/status", ("VmRSS:", "VmSwap:"))


def shared_out(processes: list[int]) -> int:
    """Sum the memory of processes in bytes, each page divided among those that map it; slow."""
    total = 0
    for process in processes:
        share = _sum_of(f"/proc/{process}/smaps_rollup", ("Pss:", "SwapPss:"))
        # A process can make this file unreadable. Its pages then count in full.
        total += share or _resident(process)
    return total


def _sum_of(path: str, names: tuple[str, ...]) -> int:
    try:
        with open(path) as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith(names))
    except OSError:
        return 0


def disk_use(folder: str) -> tuple[int, int]:
    """Return the size in bytes and the number of files in a folder, up to MOST_FILES."""
    size, count, waiting = 0, 0, [folder]
    while waiting and count <= MOST_FILES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # gone meanwhile
    return size, count
