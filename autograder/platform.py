"""What works without Linux, where there is no sandbox for students' code."""

from __future__ import annotations

import sys

from autograder.errors import CourseError

NAMES = {"darwin": "macOS", "win32": "Windows"}
ELSEWHERE = "Linux, a container (Docker) or a virtual machine"


def no_sandbox() -> str:
    """Say in a line what works here if there is no sandbox for this system; "" on Linux."""
    if sys.platform == "linux":
        return ""
    return (
        f"there is no sandbox on {NAMES.get(sys.platform, sys.platform)}, so `grade`, `release`, "
        f"`demo` and `bench` need {ELSEWHERE}; everything else works here"
    )


def require_sandbox(command: str) -> None:
    """Raise a CourseError for a command that runs students' code, where nothing isolates it."""
    if sys.platform != "linux":
        raise CourseError(
            f"`autograder {command}` runs students' code, and there is no sandbox for it on "
            f"{NAMES.get(sys.platform, sys.platform)}. Run it in {ELSEWHERE}. Handing out, "
            "collecting, feedback, report and export work here."
        )


def require_posix() -> None:
    """Raise a CourseError on Windows, where files cannot be locked as all commands do."""
    if sys.platform == "win32":
        raise CourseError(
            "autograder needs Linux or macOS. On Windows, install WSL 2 (`wsl --install`) and run "
            "it there."
        )
