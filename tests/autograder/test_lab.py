"""JupyterLab for instructors."""

import json
import os

from autograder.cli import main
from autograder.lab import SETTINGS


def test_the_lab_opens_the_course_directory_with_formgrader(monkeypatch, tmp_path, capsys):
    started = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    monkeypatch.chdir(tmp_path)
    main(["lab", "--no-browser", "--course", str(tmp_path)])
    ((_, command, environ),) = started
    assert f"--ServerApp.root_dir={tmp_path}" in command and "--no-browser" in command
    assert not any("jpserver_extensions" in option for option in command)
    assert environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert str(SETTINGS) in environ["JUPYTER_CONFIG_PATH"]
    assert str(SETTINGS) in environ["JUPYTER_PATH"]
    assert "Formgrader" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []  # no copies of assignments


def test_formgrader_is_not_turned_off():
    off = json.loads((SETTINGS / "labconfig" / "page_config.json").read_text())
    assert "@jupyter/nbgrader:formgrader" not in off["disabledExtensions"]
