"""`autograder doctor`: what an instructor's machine can do. Everything is tried, not assumed."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from course import doctor
from course.doctor import Caution, Check, port_in_use
from course.errors import UsageError

STARTING = 90  # seconds that JupyterLab may take on a busy machine


def examine(folder: Path | str = ".") -> int:
    """Try everything and print the results.

    Args:
        folder: the course directory.

    Returns:
        0 if nothing has to be mended, else 1.
    """
    return doctor.examine(checks(Path(folder).resolve()))


def checks(folder: Path) -> dict[str, Check]:
    """Return what an instructor's machine is examined for, by name."""
    return doctor.checks(folder) | {
        "isolation": isolation,
        "gradebook": lambda: gradebook(folder),
        "exchange": lambda: exchange(folder),
        "formgrader": formgrader,
    }


def isolation() -> str:
    """Say how students' code is isolated here."""
    from autograder.platform import no_sandbox

    if reason := no_sandbox():
        raise Caution(reason)
    from autograder.sandbox import Isolation, probe

    found = probe()
    if found == Isolation.NONE:
        raise UsageError(
            f"students' code cannot be isolated: {found.reason}; try `apt install bubblewrap`"
        )
    return found.reason


def gradebook(folder: Path) -> str:
    """Say what there is to say about a course's gradebook, without changing it."""
    from autograder.course_directory import CourseDirectory
    from autograder.old_gradebook import file_of, lacks

    url = CourseDirectory(folder).directory.db_url
    file = file_of(url)
    if file is not None and not file.exists():
        return "none yet; `autograder release` makes it"
    if lacks(url):
        raise Caution(
            f"{file or url} was made by an older nbgrader. Whatever opens it next brings it up to "
            "date, after a backup beside it"
        )
    if file is not None:
        with open(file, "r+b"):  # opened for writing as well
            pass
    return f"{file or url} can be opened"


def exchange(folder: Path) -> str:
    """Say whether nbgrader's exchange can be used; nobody has to."""
    from nbgrader.exchange.default.exchange import Exchange

    from autograder.course_directory import CourseDirectory

    course = CourseDirectory(folder)
    root = Path(Exchange(config=course.config, coursedir=course.directory).root)
    without = "`handout`, `course submit` and `collect` need none"
    if not root.is_dir():
        return f"none at {root}; {without}"
    if not course.directory.course_id:
        raise Caution(
            f"{root} is there, but this course has no name in it: set c.CourseDirectory.course_id "
            f"in nbgrader_config.py; {without}"
        )
    try:
        with tempfile.NamedTemporaryFile(dir=root):
            pass
    except OSError as error:
        raise Caution(
            f"{root} cannot be written to ({error.strerror}): `chmod ugo+rwx {root}`; {without}"
        ) from None
    return f"{root} can be written to"


def formgrader() -> str:
    """Start JupyterLab as `autograder lab` does, in an empty course, and open formgrader."""
    from autograder.lab import command_line, environment

    number = next(n for n in range(doctor.PORT + 100, doctor.PORT + 200) if not port_in_use(n))
    token = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory() as scratch,
        open(Path(scratch, "log"), "w+", encoding="utf-8") as log,
    ):
        home = Path(scratch, "course")
        home.mkdir()
        command = command_line(home, browser=False, port=number)
        command += [f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"]
        started = time.monotonic()
        own = {"JUPYTER_RUNTIME_DIR": scratch}
        server = subprocess.Popen(
            command, cwd=home, env=environment() | own, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for_page(
                f"http://127.0.0.1:{number}/formgrader/manage_assignments", token, server
            )
        except UsageError as error:
            log.seek(0)
            words = [line for line in log.read().splitlines() if "Error" in line][-1:]
            raise UsageError("; ".join([str(error), *words])) from None
        finally:
            server.terminate()
            server.wait(20)
        return f"opens, {time.monotonic() - started:.0f} s after the start of JupyterLab"


def _wait_for_page(url: str, token: str, server: subprocess.Popen[bytes]) -> None:
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    end = time.monotonic() + STARTING
    problem = "no answer"
    while time.monotonic() < end:
        if server.poll() is not None:
            raise UsageError(f"JupyterLab ended with status {server.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=20) as page:
                if b"formgrader" in page.read().lower():
                    return
                problem = "the page is another one"
        except urllib.error.HTTPError as error:
            problem = f"status {error.code}"
        except OSError:
            pass  # not listening yet
        time.sleep(0.3)
    raise UsageError(f"formgrader does not open within {STARTING} s: {problem}")


if __name__ == "__main__":
    sys.exit(examine())
