"""JupyterLab for students: the start page, and their copies of lectures and assignments."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import NoReturn

from course.doctor import require_free
from course.errors import UsageError
from course.student import exchange, in_place, start_page, work
from course.student.folder import StudentFolder

# labconfig/: no news popup, no menus for instructors, pages of text shown as such.
# labextensions/: a button that hands in; the start page is renewed when it is looked at.
SETTINGS = Path(__file__).parent / "settings"
# The same for the list of nbgrader's exchange, where none is set up.
WITHOUT_EXCHANGE = SETTINGS / "without_exchange"
# Where nbgrader and jupytext are installed, students need only nbgrader's *Validate*.
FOR_INSTRUCTORS = (
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.course_list",
    "jupyterlab_jupytext",
)
ASSIGNMENT_LIST = "nbgrader.server_extensions.assignment_list"
PAGES = "course.student.server"


def open_lab(folder: StudentFolder, *, browser: bool = True, port: int | None = None) -> NoReturn:
    """Bring the work tree up to date, write its start page, and open JupyterLab on it.

    Args:
        folder: of the student.
        browser: open a browser; otherwise JupyterLab prints the address.
        port: where to serve it; None for the first free one from 8888 on.

    Raises:
        UsageError: JupyterLab is not installed, or the port is in use.
    """
    require_free(port)
    if importlib.util.find_spec("jupyterlab") is None:
        raise UsageError("JupyterLab is not installed here. Run `pip install jupyterlab`.")
    for line in prepare(folder):
        print(line)
    if shared := exchange.find():
        print(f"nbgrader's exchange is {shared}: menu Nbgrader → Assignment List.")
    print(f"Your copies are in {folder.work}; nothing you wrote has been overwritten.", flush=True)
    command = command_line(folder.work, browser=browser, port=port)
    # nbgrader's Assignment List fetches into, and submits from, the folder that it is started in.
    os.chdir(folder.work)
    # The server replaces this process, so that stopping one stops the other.
    os.execve(command[0], command, environment())


def prepare(folder: StudentFolder) -> list[str]:
    """Bring the work tree and its start page up to date; return what the student should know."""
    said = bring_in(folder)
    start_page.write(folder)
    return said


def bring_in(folder: StudentFolder) -> list[str]:
    """Bring the work tree up to date; return what the student should know."""
    return [*in_place.take_out(folder), *work.update(folder)]


def command_line(root: Path, *, browser: bool = True, port: int | None = None) -> list[str]:
    """Return the command that serves a work tree; on a JupyterHub, as the student's server."""
    extensions = dict.fromkeys(FOR_INSTRUCTORS, False) | {PAGES: True}
    extensions[ASSIGNMENT_LIST] = exchange.find() is not None
    server = "jupyterhub.singleuser" if "JUPYTERHUB_API_TOKEN" in os.environ else "jupyterlab"
    command = [
        sys.executable, "-m", server, f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{start_page.NAME}",
        # By default, open tabs are those of whatever folder this user's JupyterLab showed last.
        f"--LabApp.workspaces_dir={root / work.BASES / 'workspaces'}",
        f"--LabApp.extra_labextensions_path={SETTINGS / 'labextensions'}",
        f"--ServerApp.jpserver_extensions={extensions}",
        # Without this it may be a login shell, whose /etc/profile sets another PATH.
        f"--ServerApp.terminado_settings={ {'shell_command': [os.environ.get('SHELL', 'sh')]} }",
    ]  # fmt: skip
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--ServerApp.port={port}"]
    # Jupyter requires this option for root, the only user in many containers.
    return command + (["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else [])


def environment() -> dict[str, str]:
    """Return the environment of the server, which its kernels and terminals inherit."""
    there = os.environ.get("JUPYTER_CONFIG_PATH")
    ours = [str(SETTINGS), *([] if exchange.find() else [str(WITHOUT_EXCHANGE)])]
    tools = str(Path(sys.executable).parent)
    return os.environ | {
        # `course submit` in JupyterLab's terminal, even if the environment is not activated.
        "PATH": os.pathsep.join([tools, os.environ.get("PATH", os.defpath)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [*ours, there])),
    }
