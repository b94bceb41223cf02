"""What a sandboxed process may use, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


class SandboxError(Exception):
    """A sandbox could not be created or used. Code that runs inside never causes this."""


@dataclass(frozen=True)
class Limits:
    """What a process and all of its descendants together may use.

    Args:
        memory_mb: resident memory in MiB; of a page shared by several processes each counts its
            part.
        processes: processes and threads; at least 8.
        cpu_s: CPU seconds; None for no limit.
        wall_s: seconds from the call of the function to its end; None for no limit.
        file_mb: size in MiB of a single file.
        disk_mb: size in MiB of the work folder, and the same again of /dev/shm.

    Raises:
        ValueError: a limit is not a positive number.
    """

    memory_mb: int = 3000
    processes: int = 120
    cpu_s: float | None = 300
    wall_s: float | None = 300
    file_mb: int = 50
    disk_mb: int = 64

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            optional = name in ("cpu_s", "wall_s")
            kinds = (int, float) if optional else (int,)
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
    """How a sandboxed process ended.

    Attributes:
        code: the number that the function returned or passed to `sys.exit`, else 0; 1 after an
            exception; negative for a signal, as in `subprocess`; None if it is unknown because the
            fork server died.
        reason: why it was stopped: "memory", "processes", "cpu", "wall", "disk" (a limit),
            "killed" (by the client), "server" (the fork server died); "" if it ended by itself.
        cpu_seconds: CPU time of the process and its descendants.
        peak_memory_mb: peak resident memory in MiB: PSS where it was sampled, RSS otherwise.
        wall_seconds: time from the call of the function to the end.
    """

    code: int | None
    reason: str = ""
    cpu_seconds: float = 0.0
    peak_memory_mb: int = 0
    wall_seconds: float = 0.0
