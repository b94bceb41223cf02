"""nbgrader's exchange: shown where one is set up, and used with a student's copies."""

import ast
import json
import os

import pytest

from autograder.course_directory import CourseDirectory
from course.student import exchange, work
from course.student.lab import WITHOUT_EXCHANGE, command_line, environment
from tests.course.student.conftest import UNIT, edit

LIST = "nbgrader.server_extensions.assignment_list"


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Writes an `nbgrader_config.py` where Jupyter looks; the exchange's folder is there."""
    settings, shared = tmp_path / "etc", tmp_path / "exchange"
    settings.mkdir()
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(settings))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))

    def configure(*lines):
        text = "\n".join(["c = get_config()", *lines])
        (settings / "nbgrader_config.py").write_text(text)
        return shared

    return configure


def extensions(folder):
    option = next(o for o in command_line(folder.work) if "jpserver_extensions" in o)
    return ast.literal_eval(option.partition("=")[2])


def test_without_one_the_list_and_its_menu_are_hidden(folder, configured):
    configured()
    assert exchange.find() is None
    assert extensions(folder)[LIST] is False
    assert str(WITHOUT_EXCHANGE) in environment()["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    off = json.loads((WITHOUT_EXCHANGE / "labconfig" / "page_config.json").read_text())
    assert off["disabledExtensions"] == {
        "@jupyter/nbgrader:assignment-list": True,
        "@jupyter/nbgrader:menu": True,
    }


def test_with_one_they_are_shown(folder, configured):
    shared = configured()
    configured(f"c.Exchange.root = {str(shared)!r}")
    assert exchange.find() == shared
    assert extensions(folder)[LIST] is True
    assert str(WITHOUT_EXCHANGE) not in environment()["JUPYTER_CONFIG_PATH"]


def test_one_that_is_not_there_or_of_no_use_is_not_shown(configured, tmp_path, monkeypatch):
    configured(f"c.Exchange.root = {str(tmp_path / 'nowhere')!r}")
    assert exchange.find() is None
    shared = configured("c.Exchange.root = 3")
    assert exchange.find() is None
    configured(f"c.Exchange.root = {str(shared)!r}")
    monkeypatch.setattr("os.access", lambda *arguments: False)
    assert exchange.find() is None


def test_without_nbgrader_there_is_none(configured, monkeypatch):
    shared = configured()
    configured(f"c.Exchange.root = {str(shared)!r}")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert exchange.find() is None


def test_list_fetch_submit_and_collect(folder, configured, tmp_path, monkeypatch):
    """The copies of `course lab` are what nbgrader takes for fetched, so both go together."""
    shared = configured()
    configured(
        f"c.Exchange.root = {str(shared)!r}",
        f"c.Exchange.cache = {str(tmp_path / 'cache')!r}",
        "c.CourseDirectory.course_id = 'convnets'",
        f"c.CourseDirectory.release_directory = {str(folder.assignments)!r}",
    )

    instructor, elsewhere = tmp_path / "instructor", tmp_path / "elsewhere"
    for place in (instructor, elsewhere):
        place.mkdir()
    course = CourseDirectory(instructor)
    assert course.api().release_assignment(UNIT)["success"]

    monkeypatch.chdir(elsewhere)
    (shown,) = listed(elsewhere)
    assert (shown["assignment_id"], shown["status"]) == (UNIT, "released")
    assert menu(elsewhere).fetch_assignment("convnets", UNIT)["success"]
    assert (elsewhere / UNIT / f"{UNIT}.ipynb").is_file()

    work.update(folder)
    monkeypatch.chdir(folder.work)  # as `course lab` does
    edit(folder.copy(UNIT), twice="def twice(x):\n    return 2 * x")
    assert [one["status"] for one in listed(folder.work)] == ["fetched"]
    assert menu(folder.work).submit_assignment("convnets", UNIT)["success"]
    assert [one["status"] for one in listed(folder.work)] == ["fetched", "submitted"]

    monkeypatch.chdir(instructor)
    assert course.api().collect(UNIT)["success"]
    (collected,) = (instructor / "submitted").glob(f"*/{UNIT}/{UNIT}.ipynb")
    assert collected.read_bytes() == folder.copy(UNIT).read_bytes()
    assert (collected.parent / "timestamp.txt").is_file()


def menu(root):
    """What answers JupyterLab's menu Nbgrader → Assignment List."""
    from nbgrader.server_extensions.assignment_list.handlers import AssignmentList

    made = AssignmentList()
    made.root_dir = str(root)
    return made


def listed(root):
    answer = menu(root).list_assignments("convnets")
    assert answer["success"], answer["value"]
    return answer["value"]
