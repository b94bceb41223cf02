"""What `make` says if it cannot set the project up: one line, before anything is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def setup(tmp_path):
    """Runs setup.sh in a folder of its own, with these programs before the system's."""
    shutil.copy(ROOT / "setup.sh", tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()

    def run(**programs: str):
        for name, body in programs.items():
            program = tools / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o755)
        path = os.pathsep.join([str(tools), "/usr/bin", "/bin"])
        return subprocess.run(
            ["sh", "setup.sh"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True
        )

    run.folder = tmp_path
    return run


OLD = '[ "$1" = -V ] && { echo Python 3.10.4; exit; }; exit 1'
FITS = "exit 0"
NONE = dict.fromkeys(("python3_11", "python3_12", "python3_13"), "exit 1")


def refused(done) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_a_python_that_does_not_fit_names_one_that_does(setup):
    line = refused(setup(python3=OLD, **NONE | {"python3_12": FITS}))
    assert "python3 is Python 3.10.4. Run: make PYTHON=python3.12" in line


def test_without_any_it_says_what_to_install(setup):
    line = refused(setup(python3=OLD, **NONE))
    assert "3.11, 3.12 or 3.13 is needed" in line and "apt install python3.11" in line


def test_a_disk_without_room_is_noticed_first(setup):
    df = "echo Filesystem; echo /dev/x 9 9 2097152 9% /"
    assert "only 2 GB are free" in refused(setup(python3=FITS, df=df))
    assert not Path(setup.folder, ".venv").exists()


def test_a_failed_installation_says_what_to_try(setup):
    python = (
        'case "$2" in venv) mkdir -p .venv/bin; cp "$0" .venv/bin/python;; '
        "pip) echo 'ERROR: No matching distribution' >&2; exit 1;; esac"
    )
    done = setup(python3=python, bwrap=FITS)
    assert done.returncode == 1
    assert "No matching distribution" in done.stderr
    assert "Without a network, point pip to a mirror" in done.stderr.splitlines()[-1] or (
        "Without a network" in done.stderr
    )
    assert not Path(setup.folder, ".venv", "ready").exists()


def test_without_a_browser_it_says_how_to_get_one(setup):
    python = (
        'case "$1" in tests/*) exit 1;; esac; '
        'case "$2" in venv) mkdir -p .venv/bin; cp "$0" .venv/bin/python;; esac'
    )
    done = setup(python3=python, bwrap=FITS, id="echo 1000")
    assert done.returncode == 0
    assert "tests in a browser are skipped" in done.stderr
    assert ".venv/bin/playwright install chromium" in done.stderr
    assert Path(setup.folder, ".venv", "ready").exists()
