"""What a sandboxed process may use, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


class SandboxError(Exception):
    """A sandbox could not be made or used. Nothing that code inside of it did raises this."""


@dataclass(frozen=True)
class Limits:
    """What a process and all of its descendants may use together, unless it says otherwise.

    Args:
        memory_mb: resident memory in MiB, pages that are shared with others counted by share.
        processes: processes and threads; at least 8.
        cpu_s: CPU seconds; None for no limit.
        wall_s: seconds from the call of the function to its end; None for no limit.
        file_mb: size of any one file in MiB.
        disk_mb: size in MiB of the work folder, and again of /dev/shm.

    Raises:
        ValueError: a limit that is not a positive number.
    """

    memory_mb: int = 3000
    processes: int = 120
    cpu_s: float | None = 300
    wall_s: float | None = 300
    file_mb: int = 50
    disk_mb: int = 64

    def __post_init__(self):
        for name, value in vars(self).items():
            optional = name in ("cpu_s", "wall_s")
            kinds = (int, float) if optional else int
            if value is None and optional:
                continue
            if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
                what = "a positive number" if optional else "a positive whole number"
                raise ValueError(f"The limit {name} must be {what}; received {value!r}.")
        if self.processes < 8:
            raise ValueError(
                "The limit processes must be at least 8, as threads count; "
                f"received {self.processes}."
            )


@dataclass(frozen=True)
class Exit:
    """The end of a sandboxed process.

    Attributes:
        code: 0 when the function returned, its number if it returned one or called `sys.exit`,
            1 after an exception; negative for a signal, as `subprocess` has it; None if nobody
            could tell, because the fork server was gone.
        reason: why it was stopped: "memory", "processes", "cpu", "wall", "disk" (a limit),
            "killed" (by the client), "server" (the fork server died); "" if it ended by itself.
        cpu_seconds: of the process and its descendants.
        peak_memory_mb: the most that was seen resident at once, in MiB, as `reason` "memory"
            counts it where that was looked at, else with shared pages counted in full.
        wall_seconds: from the call of the function to the end.
    """

    code: int | None
    reason: str = ""
    cpu_seconds: float = 0.0
    peak_memory_mb: int = 0
    wall_seconds: float = 0.0
