"""How commands end: mistakes of the user are one line, bugs keep their traceback."""

import subprocess
import sys

import pytest

import course
from course import _command_line, cli
from course._command_line import exit_status
from course.errors import UsageError


def raises(error):
    def command():
        raise error

    return command


def test_the_status_is_the_commands(capsys):
    assert exit_status("course", lambda: 3) == 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [UsageError("Use another."), OSError(28, "No space left")])
def test_a_mistake_is_one_line(error, capsys):
    assert exit_status("course", raises(error)) == 1
    assert capsys.readouterr().err == f"course: {error}\n"


@pytest.mark.parametrize("error", [ValueError("shapes (3,) and (2,)"), KeyError("step")])
def test_a_bug_keeps_its_traceback_and_asks_for_a_report(error):
    with pytest.raises(type(error)) as found:
        exit_status("course", raises(error))
    assert found.value.__notes__ == [_command_line.REPORT]
    assert found.traceback[-1].name == "command"


def test_a_bug_is_seen_by_the_user():
    code = (
        "from course import cli\n"
        "def broken(path): raise ValueError('shapes (3,) and (2,)')\n"
        "from course.studies import tables; tables.write = broken\n"
        "cli.main(['study', 'show', '--write', 'page'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "in broken\nValueError: shapes (3,) and (2,)\n" in done.stderr
    assert done.stderr.strip().endswith(_command_line.REPORT)


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"course {course.__version__}\n"
