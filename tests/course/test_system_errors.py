"""What the system refuses is one line that says what to do, in both commands."""

import errno
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from course import cli
from course._command_line import exit_status
from course._system_errors import in_words


def said(error, capsys):
    """The line that a command ends with if this is raised in it."""

    def command():
        raise error

    assert exit_status("course", command) == 1
    written = capsys.readouterr()
    assert written.out == ""
    (line,) = written.err.splitlines()
    return line


def sqlite_error(words):
    class OperationalError(Exception):
        """As SQLAlchemy has it."""

        orig = sqlite3.OperationalError(words)

    return OperationalError(f"(sqlite3.OperationalError) {words}\n[SQL: insert ...]")


@pytest.mark.parametrize(
    ("error", "problem", "advice"),
    [
        (
            OSError(errno.ENOSPC, "x", "a.png"),
            "no space left on the disk (writing a.png)",
            "Delete",
        ),
        (OSError(errno.EDQUOT, "x"), "no space left", "larger disk"),
        (OSError("Unable to write (errno = 28, 'No space left on device')"), "no space", "Delete"),
        (OSError(errno.EROFS, "Read-only file system", "w/a"), "w/a cannot be written", "your own"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "a cannot be written", "ask who"),
        (OSError(errno.EADDRINUSE, "x"), "port is in use", "--port"),
        (socket.gaierror(-2, "Name or service not known"), "no network", "TFDS_DATA_DIR"),
        (urllib.error.URLError(socket.gaierror(-2, "Name unknown")), "Name unknown", "TFDS_DATA"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "is unreachable", "digits"),
        (sqlite_error("database or disk is full"), "no space left", "Delete"),
        (sqlite_error("attempt to write a readonly database"), "readonly database", "your own"),
        (sqlite_error("database is locked"), "locked by another program", "close it"),
        (MemoryError(), "not enough memory", "Close other programs"),
        (ModuleNotFoundError("x", name="nbgrader.api"), "nbgrader is not inst", "pip install"),
    ],
)
def test_one_line_says_what_to_do(error, problem, advice, capsys):
    line = said(error, capsys)
    assert problem in line and advice in line


@pytest.mark.parametrize(
    "error",
    [ModuleNotFoundError("x", name="course.nonsense"), ModuleNotFoundError("x", name="fcntl"),
     sqlite_error("no such table: grade"), ValueError("shapes")],
)  # fmt: skip
def test_a_bug_is_not_explained_away(error):
    assert in_words(error) is None


def test_what_windows_lacks_is_said(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "win32")
    assert "On Windows, install WSL 2" in said(ModuleNotFoundError("x", name="fcntl"), capsys)


def test_a_full_disk_is_met_in_a_real_command(tmp_path, capsys):
    """Every write to this file fails as on a full disk."""
    (tmp_path / "plot.png").symlink_to("/dev/full")
    assert cli.main(["compare", "nin", "vgg16", "--out", str(tmp_path / "plot.png")]) == 1
    assert "There is no space left on the disk" in capsys.readouterr().err


def test_a_file_that_may_not_grow_is_one_line(tmp_path):
    """A limit on a file's size, as some clusters set it."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    command = [sys.executable, "-m", "course.cli", "compare", "nin", "vgg16", "--out"]
    done = subprocess.run(
        [*command, str(tmp_path / "plot.png")], capture_output=True, text=True, preexec_fn=limit
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("course: ")


def on_disk(folder, options, *command):
    """Run a Python program with a small disk of its own at a folder."""
    script = 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, options, folder]
    done = subprocess.run([*shell, sys.executable, *command], capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no disk of its own: {done.stderr.strip()}")
    return done


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("size=64k", "There is no space left on the disk"),
        ("ro", "cannot be written or read here: Read-only file system. Copy the course"),
    ],
)
def test_a_disk_that_takes_nothing_more(options, says, tmp_path):
    line = ("-m", "course.cli", "compare", "nin", "vgg16", "--out")
    done = on_disk(tmp_path, options, *line, tmp_path / "new" / "plot.png")
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert says in said


FULL = """
import os, random, sys
from pathlib import Path
from course import cli
folder = Path(sys.argv[1])
unit = folder / "assignments" / "ps1" / "ps1.ipynb"
unit.parent.mkdir(parents=True)
unit.write_bytes(random.Random(0).randbytes(40_000))
status = cli.main(["lab", "--no-browser", "--folder", sys.argv[1]])
print(*(p.relative_to(folder) for p in folder.rglob("*") if p.is_file()))
sys.exit(status)
"""


def test_on_a_full_disk_nothing_is_left_half_written(tmp_path):
    done = on_disk(tmp_path, "size=64k", "-c", FULL, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (1, "assignments/ps1/ps1.ipynb")
    (said,) = done.stderr.splitlines()
    assert f"There is no space left on the disk (writing {tmp_path / 'work'}" in said


def test_the_doctor_finds_a_read_only_folder(tmp_path):
    code = "from course import doctor, _command_line as c; from pathlib import Path; import sys\n"
    code += "sys.exit(c.exit_status('course', lambda: doctor.writable(Path(sys.argv[1])) and 0))"
    done = on_disk(tmp_path, "ro", "-c", code, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written to: Read-only file system. Copy the course" in done.stderr


def test_no_network_is_met_in_a_real_call(monkeypatch, capsys):
    def no_address(*args, **kwargs):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    with pytest.raises(urllib.error.URLError) as found:
        urllib.request.urlopen("http://nowhere.invalid")
    assert "Temporary failure in name resolution" in said(found.value, capsys)


def test_a_reader_that_stops_is_no_error():
    command = f"{sys.executable} -m course.cli list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("name ")
    assert done.stderr == ""


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 8, 0)])
def test_an_older_python_is_told_so_at_once(version):
    """And every file that it reads before that is one that it understands."""
    import ast

    package = Path(cli.__file__).parent
    for name in ("__init__.py", "cli.py", "_command_line.py"):
        ast.parse((package / name).read_text(), feature_version=version[:2])
    code = f"import sys; sys.version_info = {version}; import course.cli"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Python 3.11, 3.12 or 3.13 is needed; this is Python 3.")


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def folder(tmp_path):
    """A course with one assignment, for students and for instructors."""
    (tmp_path / "assignments" / "ps1").mkdir(parents=True)
    (tmp_path / "assignments" / "ps1" / "ps1.ipynb").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("tool", ["course", "autograder"])
@pytest.mark.parametrize("asked", ["taken", 0, 70_000])
def test_a_port_that_cannot_be_had_is_said_before_anything_starts(
    tool, asked, taken, folder, monkeypatch, capsys
):
    from autograder import cli as autograder_cli

    monkeypatch.setattr(os, "execve", lambda *args: pytest.fail("JupyterLab was started"))
    main, where = {
        "course": (cli.main, "--folder"),
        "autograder": (autograder_cli.main, "--course"),
    }[tool]
    port = taken if asked == "taken" else asked
    assert main(["lab", where, str(folder), "--port", str(port), "--no-browser"]) == 1
    line = capsys.readouterr().err
    expected = f"Port {port} is in use" if asked == "taken" else "must be from 1 to 65535; received"
    assert expected in line
    assert not (folder / "work").exists()
