"""Both command lines: quick to answer, and one clear line when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

BIN = Path(sys.executable).parent


def run(*command, cwd=ROOT):
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", ["course", "course.cli", "autograder", "autograder.cli"])
def test_importing_loads_no_tensorflow(module):
    code = f"import {module}, sys; print(*{{'tensorflow', 'keras', 'nbgrader'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("tool", ["course", "autograder"])
def test_help(tool):
    done = run(tool, "--help")
    assert done.returncode == 0
    assert "COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["autograder", "grade", "--course", "nowhere"], "No course directory at"),
        (["autograder", "grade"], "No assignment with a notebook under"),
        (["autograder", "report"], "No assignment with a notebook under"),
        (["autograder", "demo"], "The demo needs"),
        (["course", "describe", "resnet_20"], "Did you mean resnet20_cifar"),
        (["course", "profile", "lenet5_modern", "--input-shape", "32,32"], "look like 32x32x3"),
    ],
)
def test_one_clear_line(command, says, tmp_path):
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_unit_lists_those_there_are():
    done = run("autograder", "release", "--check", "99_nothing")
    assert done.returncode == 1
    assert "No unit 99_nothing. There are: " in done.stderr
    assert "02_sizing" in done.stderr


def test_course_profile_prints_the_table():
    done = run("course", "profile", "lenet5_modern")
    assert done.returncode == 0
    assert "61,706" in done.stdout.splitlines()[-1]
    assert done.stderr == ""  # none of TensorFlow's greetings


def test_course_list_has_every_name():
    from course import architectures

    assert run("course", "list").stdout.split() == architectures.names()


def test_the_demo_does_not_delete_what_is_not_its_own(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run("autograder", "demo", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "is not an earlier demo" in done.stderr
    assert (tmp_path / "thesis.txt").exists()
