"""Both command lines: quick to answer, and one clear line when something is wrong.

One process for each tool is enough to see that it starts; the rest runs in this one.
"""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.cli import main as autograder_main
from course import __version__
from course.cli import main as course_main
from course.errors import UsageError
from tests.conftest import ROOT

BIN = Path(sys.executable).parent
TOOLS = {"course": course_main, "autograder": autograder_main}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command in a folder; returns its exit status, and what it wrote to both streams."""

    def run(tool: str, *arguments: str, cwd: Path = ROOT):
        monkeypatch.chdir(cwd)
        status = TOOLS[tool](list(arguments))
        written = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=written.out, stderr=written.err)

    return run


def start(*command: str):
    """A command in a process of its own."""
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("module", ["course", "course.cli", "autograder", "autograder.cli"])
def test_importing_loads_no_tensorflow(module):
    code = f"import {module}, sys; print(*{{'tensorflow', 'keras', 'nbgrader'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("tool", ["course", "autograder"])
def test_help(tool):
    done = start(tool, "--help")
    assert done.returncode == 0
    assert "COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["autograder", "grade", "--course", "nowhere"], "No course directory at"),
        (["autograder", "grade"], "No assignment with a notebook under"),
        (["autograder", "grade", "--workers", "0"], "must be at least 1; received 0"),
        (["autograder", "grade", "--notebook-seconds", "-5"], "positive number of seconds"),
        (["autograder", "grade", "--notebook-seconds", "0"], "positive number of seconds"),
        (["autograder", "grade", "--notebook-seconds", "inf"], "positive number of seconds"),
        (["autograder", "report"], "No assignment with a notebook under"),
        (["autograder", "demo"], "The demo needs"),
        (["course", "describe", "resnet_20"], "Did you mean resnet200_v2, resnet20_cifar?"),
        (["course", "profile", "lenet5_modern", "--input-shape", "32,32"], "look like 32x32x3"),
    ],
)
def test_one_clear_line(run, command, says, tmp_path):
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("error", [UsageError("said so"), OSError("said so")])
def test_usage_errors_and_the_systems_errors_become_one_line(run, error, monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.doctor.examine", raising(error))
    done = run("autograder", "doctor", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "autograder: said so\n")


def test_a_bug_keeps_its_traceback_and_asks_for_a_report(run, monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.doctor.examine", raising(ValueError("shapes differ")))
    with pytest.raises(ValueError, match="shapes differ") as caught:
        run("autograder", "doctor", cwd=tmp_path)
    assert "Please report it" in caught.value.__notes__[0]


@pytest.mark.parametrize("program", ["course", "autograder"])
def test_ctrl_c_is_one_line(run, program, monkeypatch, tmp_path):
    monkeypatch.setattr(f"{program}.doctor.examine", raising(KeyboardInterrupt()))
    done = run(program, "doctor", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        130,
        f"{program}: stopped. What was finished is kept.\n",
    )


def raising(error: BaseException):
    def examine(*_):
        raise error

    return examine


@pytest.mark.parametrize("tool", ["course", "autograder"])
def test_version(tool, capsys):
    with pytest.raises(SystemExit) as done:
        TOOLS[tool](["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"{tool} {__version__}\n"


def test_an_unknown_unit_lists_those_there_are(run):
    done = run("autograder", "release", "--check", "99_nothing")
    assert done.returncode == 1
    assert "No unit 99_nothing. There are: " in done.stderr
    assert "02_sizing" in done.stderr


def test_course_profile_prints_the_table():
    done = start("course", "profile", "lenet5_modern")
    assert done.returncode == 0
    assert "61,706" in done.stdout.splitlines()[-1]
    assert done.stderr == ""  # none of TensorFlow's greetings


def test_course_list_has_every_name(run):
    from course import architectures

    assert run("course", "list", "--names").stdout.split() == architectures.names()


def test_the_demo_does_not_delete_what_is_not_its_own(run, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run("autograder", "demo", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "is not an earlier demo" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_doctor_names_an_error_without_text(monkeypatch, capsys):
    from autograder import doctor

    def fails():
        raise TimeoutError

    monkeypatch.setattr(doctor, "checks", lambda folder: {"kernel": fails})
    assert doctor.examine() == 1
    assert "TimeoutError" in capsys.readouterr().out
