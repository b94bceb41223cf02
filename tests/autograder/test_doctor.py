"""What only instructors need: sandbox, gradebook, exchange, formgrader; and other systems."""

import sqlite3
import sys

import pytest

from autograder import doctor, platform
from autograder.cli import main
from autograder.course_directory import CourseDirectory, CourseError
from autograder.sandbox import Isolation
from course.doctor import Caution
from course.errors import UsageError


def test_it_looks_at_what_students_need_and_more(tmp_path):
    names = list(doctor.checks(tmp_path))
    assert names[-4:] == ["isolation", "gradebook", "exchange", "formgrader"]
    assert {"memory", "port", "disk", "kernel"} < set(names)


def test_without_a_sandbox_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.probe", lambda: Isolation.NONE)
    with pytest.raises(UsageError, match="cannot be isolated.*apt install bubblewrap"):
        doctor.isolation()


def test_the_gradebook_is_looked_at_and_not_changed(tmp_path):
    assert "none yet" in doctor.gradebook(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with CourseDirectory(tmp_path).gradebook():
        pass
    assert "can be opened" in doctor.gradebook(tmp_path)
    with sqlite3.connect(tmp_path / "gradebook.db") as database:
        database.execute("alter table student drop column lms_user_id")
    before = (tmp_path / "gradebook.db").read_bytes()
    with pytest.raises(Caution, match="older nbgrader.*after a backup"):
        doctor.gradebook(tmp_path)
    assert (tmp_path / "gradebook.db").read_bytes() == before
    (tmp_path / "gradebook.db").write_text("no database" * 100)
    with pytest.raises(CourseError, match="cannot be opened"):
        doctor.gradebook(tmp_path)


def test_the_exchange(tmp_path):
    config = tmp_path / "nbgrader_config.py"
    there = tmp_path / "exchange"
    config.write_text(f"c = get_config()\nc.Exchange.root = {str(there)!r}\n")
    assert f"none at {there}" in doctor.exchange(tmp_path)
    there.mkdir()
    with pytest.raises(Caution, match="course_id"):
        doctor.exchange(tmp_path)
    with config.open("a") as file:
        file.write("c.CourseDirectory.course_id = 'cnn'\n")
    assert doctor.exchange(tmp_path) == f"{there} can be written to"
    config.write_text(config.read_text().replace(str(there), "/proc"))
    with pytest.raises(Caution, match="/proc cannot be written to"):
        doctor.exchange(tmp_path)


def test_formgrader_is_opened():
    assert doctor.formgrader().startswith("opens, ")


def test_a_server_that_does_not_start_is_said(monkeypatch):
    broken = [sys.executable, "-c", "raise SystemExit('ValueError: no extension') #"]
    monkeypatch.setattr("autograder.lab.command_line", lambda *args, **kwargs: list(broken))
    with pytest.raises(UsageError, match="JupyterLab ended with status 1; ValueError: no extens"):
        doctor.formgrader()


@pytest.mark.parametrize("command", ["grade", "release", "demo", "bench"])
def test_macos_has_no_sandbox(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert main([command]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"`autograder {command}` runs students' code" in line
    assert "Run it in Linux, a container" in line and "export work here" in line
    with pytest.raises(Caution, match="no sandbox on macOS"):
        doctor.isolation()


def test_macos_may_do_without_if_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    platform.require("grade", unsafe=True)
    platform.require("report")
    platform.require("doctor")


@pytest.mark.parametrize("command", ["grade", "report", "collect", "students"])
def test_windows_needs_wsl(command, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(CourseError, match="On Windows, install WSL 2"):
        platform.require(command, unsafe=True)
    platform.require("doctor")
    with pytest.raises(Caution, match="WSL 2"):
        doctor.isolation()


def test_cores_where_the_system_does_not_say(monkeypatch):
    assert platform.cores() >= 1
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert platform.cores() == 1
