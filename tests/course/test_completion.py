"""Completion in shells: what is offered, and that it comes at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course import listing
from tests.conftest import ROOT

BIN = Path(sys.executable).parent


def offered(line: str, cwd: Path = ROOT) -> list[str]:
    """What a shell is offered for a line, as argcomplete's shell code asks for it."""
    read, write = os.pipe()
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)),
             "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}  # fmt: skip
    code = f"import os, sys; os.dup2({write}, 8); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, str(BIN / line.split()[0])]
    with open(read) as answer:
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | asked, pass_fds=[write], capture_output=True
        )
        os.close(write)
        assert done.returncode == 0, done.stderr
        return answer.read().split()


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("course ", ["list", "train", "doctor"]),
        ("course describe resnet20_", ["resnet20_cifar"]),
        ("course train --da", ["--dataset", "--data-dir"]),
        ("course train lenet5_", ["lenet5_modern"]),
        ("course list --sort ma", ["macs"]),
        ("course submit 0", ["01_convolution", "02_sizing"]),
        ("autograder gra", ["grade"]),
        ("autograder release 02", ["02_sizing"]),
    ],
)
def test_what_fits_is_offered(line, some):
    found = offered(line)
    assert set(some) <= set(found)
    begun = line.rpartition(" ")[2]
    assert all(word.startswith(begun) for word in found)


def test_every_network_is_offered():
    assert offered("course profile ") == [*listing.kept()] or set(listing.kept()) <= set(
        offered("course profile ")
    )


def test_students_and_units_are_those_of_the_named_course(tmp_path):
    (tmp_path / "submitted" / "ada" / "ps1").mkdir(parents=True)
    (tmp_path / "source" / "ps1").mkdir(parents=True)
    (tmp_path / "source" / "ps1" / "ps1.ipynb").touch()
    (tmp_path / "source" / "ps1" / "notes.ipynb").touch()
    assert offered(f"autograder grade --course {tmp_path} --student ") == ["ada"]
    assert [w for w in offered(f"autograder grade --course {tmp_path} ") if w[0] != "-"] == ["ps1"]


def test_it_needs_neither_tensorflow_nor_numpy():
    code = (
        "import sys, argcomplete; argcomplete.autocomplete = lambda parser: None\n"
        "import os; os.environ['_ARGCOMPLETE'] = '1'; import course.cli, autograder.cli\n"
        "course.cli.main(['list', 'lenet5'])\n"
        "print(*{'tensorflow', 'keras', 'numpy', 'nbgrader'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
