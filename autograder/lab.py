"""JupyterLab on a working copy of the assignments."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from autograder.course_directory import CourseDirectory, CourseError

SETTINGS = Path(__file__).parent / "templates"


def open_lab(
    course: CourseDirectory, units: list[str] | None = None, *, browser: bool = True
) -> NoReturn:
    """Copy released units to `work/`, without overwriting anything, and open JupyterLab there.

    Args:
        course: the course directory.
        units: globs of unit names; None for all.
        browser: open a browser; otherwise JupyterLab prints the address.

    Raises:
        CourseError: a unit has not been released yet.
    """
    work = course.root / "work"
    first = None
    for unit in course.units(units):
        released = course.path("release", ".", unit)
        if not released.is_dir():
            raise CourseError(f"{unit} is not released yet. Run `autograder release {unit}`.")
        folder = work / unit
        for path in released.rglob("*"):
            copy = folder / path.relative_to(released)
            if path.is_file() and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        first = first or f"{unit}/{course.notebooks(unit)[0]}.ipynb"
    print(f"Your copies are in {work}. Files that were there already have not been changed.")
    environment = os.environ | {
        # Kernels inherit it from the server.
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Contains labconfig/, which turns off the news popup and the check for updates.
        "JUPYTER_CONFIG_PATH": os.pathsep.join(
            filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")])
        ),
    }
    command = [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={work}", f"--LabApp.default_url=/lab/tree/{first}",
    ]  # fmt: skip
    command += [] if browser else ["--no-browser"]
    # Jupyter requires this option for root, the only user in many containers.
    command += ["--allow-root"] if os.geteuid() == 0 else []
    os.chdir(course.root)
    # The server replaces this process, so that stopping one stops the other.
    os.execve(command[0], command, environment)
