"""What works without Linux, where there is no sandbox for students' code."""

from __future__ import annotations

import os
import sys

from autograder.errors import CourseError

NAMES = {"darwin": "macOS", "win32": "Windows"}
RUN_CODE = ("grade", "release", "demo", "bench")  # commands that run students' code, or solutions
ELSEWHERE = "Linux, a container (Docker) or a virtual machine"


def no_sandbox() -> str:
    """Say in a line what works here if there is no sandbox for this system; "" on Linux."""
    if sys.platform == "linux":
        return ""
    if sys.platform == "win32":
        return "autograder needs Linux or macOS; on Windows, install WSL 2 (`wsl --install`)"
    return (
        f"there is no sandbox on {NAMES.get(sys.platform, sys.platform)}, so {', '.join(RUN_CODE)} "
        f"need {ELSEWHERE}; everything else works here"
    )


def require(command: str, *, unsafe: bool = False) -> None:
    """Raise a CourseError for a command that cannot work on this system.

    Args:
        command: its name.
        unsafe: whether it may run students' code without a sandbox.
    """
    if sys.platform == "win32" and command != "doctor":
        raise CourseError(
            "autograder needs Linux or macOS. On Windows, install WSL 2 (`wsl --install`) and run "
            "it there."
        )
    if sys.platform != "linux" and command in RUN_CODE and not unsafe:
        raise CourseError(
            f"`autograder {command}` runs students' code, and there is no sandbox for it on "
            f"{NAMES.get(sys.platform, sys.platform)}. Run it in {ELSEWHERE}. Handing out, "
            "collecting, feedback, report and export work here."
        )


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
