"""JupyterLab for instructors: the course directory, with nbgrader's formgrader."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from autograder.course_directory import CourseDirectory
from course.doctor import require_free

SETTINGS = Path(__file__).parent / "templates"


def open_lab(course: CourseDirectory, *, browser: bool = True, port: int | None = None) -> NoReturn:
    """Open JupyterLab on a course directory; students have `course lab`.

    Args:
        course: the course directory.
        browser: open a browser; otherwise JupyterLab prints the address.
        port: where to serve it; None for the first free one from 8888 on.

    Raises:
        UsageError: the port is in use.
    """
    require_free(port)
    print("Grades and marking by hand: menu Nbgrader → Formgrader.", flush=True)
    command = command_line(course.root, browser=browser, port=port)
    os.chdir(course.root)
    # The server replaces this process, so that stopping one stops the other.
    os.execve(command[0], command, environment())


def environment() -> dict[str, str]:
    """Return the environment of the server."""
    return os.environ | {
        # Kernels inherit it from the server.
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Contains labconfig/, which turns off the news popup and the check for updates, and
        # nbgrader_config.py, which puts the autograder behind formgrader's buttons.
        "JUPYTER_CONFIG_PATH": _first(SETTINGS, "JUPYTER_CONFIG_PATH"),
        # formgrader's own templates take precedence over those of a configuration file that is
        # not the course's; what it lacks, such as nbconvert's use of MathJax, is found here.
        "JUPYTER_PATH": _first(SETTINGS, "JUPYTER_PATH"),
    }


def command_line(root: Path, *, browser: bool = True, port: int | None = None) -> list[str]:
    """Return the command that serves a course directory."""
    # On a JupyterHub, this is the server of the instructor's account.
    server = "jupyterhub.singleuser" if "JUPYTERHUB_API_TOKEN" in os.environ else "jupyterlab"
    # formgrader opens notebooks below the server's root, so this is the course directory.
    command = [sys.executable, "-m", server, f"--ServerApp.root_dir={root}"]
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--ServerApp.port={port}"]
    # Jupyter requires this option for root, the only user in many containers.
    return command + (["--allow-root"] if os.geteuid() == 0 else [])


def _first(folder: Path, name: str) -> str:
    """Return the paths in an environment variable with a folder in front."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(name)]))
