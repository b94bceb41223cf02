"""Copies to work on: corrections come in, and nothing a student wrote is lost."""

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from course.errors import UsageError
from course.student import carrying, start_page, work
from course.student.folder import StudentFolder
from course.student.lab import command_line, environment, open_lab
from tests.course.student.conftest import TWICE, UNIT, cell, edit, hand_out, release, sources

ANSWER = "def twice(x):\n    return 2 * x"


def copies(folder):
    return sorted(path.name for path in folder.copy(UNIT).parent.iterdir())


def test_copies_are_made_once_each(folder):
    assert work.update(folder) == []
    found = sorted(p.relative_to(folder.work).as_posix() for p in folder.work.glob("[!.]*/*"))
    assert found == ["02_sizing/02_sizing.ipynb", "lectures/02_sizing.ipynb"]
    edit(folder.copy(UNIT), twice=ANSWER)
    assert work.update(folder) == []
    assert sources(folder.copy(UNIT))["twice"] == ANSWER


def test_an_untouched_copy_is_replaced_by_a_correction(folder):
    work.update(folder)
    hand_out(folder.root, text="# Corrected")
    assert "was corrected" in work.update(folder)[0]
    assert sources(folder.copy(UNIT))["text"] == "# Corrected"
    assert copies(folder) == ["02_sizing.ipynb"]


def test_answers_are_carried_into_a_correction_and_the_earlier_copy_stays(folder):
    work.update(folder)
    edit(folder.copy(UNIT), twice=ANSWER, essay="My essay")
    before = folder.copy(UNIT).read_bytes()
    hand_out(folder.root, test_twice="assert twice(3) == 6", text="# Corrected")
    (line,) = work.update(folder)
    _, kept = copies(folder)
    assert "your answers are in the new 02_sizing.ipynb" in line and kept in line
    assert (folder.copy(UNIT).parent / kept).read_bytes() == before
    found = sources(folder.copy(UNIT))
    assert (found["twice"], found["essay"]) == (ANSWER, "My essay")
    assert (found["test_twice"], found["text"]) == ("assert twice(3) == 6", "# Corrected")
    assert work.update(folder) == []


def test_two_corrections_on_a_day_keep_two_copies(folder):
    work.update(folder)
    for number in (1, 2):
        edit(folder.copy(UNIT), twice=f"{ANSWER}  # {number}")
        hand_out(folder.root, text=f"# Corrected {number}")
        work.update(folder)
    assert len(copies(folder)) == 3


def test_a_broken_copy_is_kept_beside_a_correction(folder):
    work.update(folder)
    folder.copy(UNIT).write_text('{"cells": [')
    hand_out(folder.root, text="# Corrected")
    assert "could not be read" in work.update(folder)[0]
    assert sources(folder.copy(UNIT))["twice"] == TWICE
    assert len(copies(folder)) == 2


def test_a_lecture_that_was_only_run_is_replaced(folder):
    work.update(folder)
    shown = folder.work / "lectures" / f"{UNIT}.ipynb"
    notebook = nbformat.read(shown, 4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, shown)
    lecture = nbformat.v4.new_notebook(cells=[cell("one", "# New", "markdown")])
    nbformat.write(lecture, folder.lecture(UNIT))
    assert work.update(folder) == []
    assert sources(shown) == {"one": "# New"}
    edit(shown, one="# Noted")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell("one", "# Newer")]), folder.lecture(UNIT))
    assert "yours is 02_sizing_before_" in work.update(folder)[0]


def test_copies_made_before_anything_was_kept_are_taken_as_they_are(folder):
    work.update(folder)
    edit(folder.copy(UNIT), twice=ANSWER)
    shutil.rmtree(folder.work / work.BASES)
    assert work.update(folder) == []
    assert copies(folder) == ["02_sizing.ipynb"]


class TestCarrying:
    def test_unchanged_answers_come_from_the_correction(self):
        made = carrying.carry(release(twice="new"), release(), release())
        assert made.cells[1].source == "new"

    def test_own_cells_stay_where_they_were(self):
        theirs = release(twice=ANSWER)
        theirs.cells.insert(2, cell("mine", "twice(21)"))
        theirs.cells.insert(0, cell("first", "%matplotlib inline"))
        made = carrying.carry(release(), theirs, release())
        assert [c.id for c in made.cells][:4] == ["first", "text", "twice", "mine"]
        assert len(made.cells) == 7

    def test_an_answer_to_a_question_that_was_dropped_stays_as_an_own_cell(self):
        made = carrying.carry(release(essay=None), release(essay="My essay"), release())
        kept = [c for c in made.cells if c.source == "My essay"]
        assert len(kept) == 1 and "nbgrader" not in kept[0].metadata

    def test_a_copied_cell_does_not_replace_the_answer(self):
        theirs = release(twice=ANSWER)
        copied = cell("another", "def twice(x): ...", solution=True)
        copied.metadata["nbgrader"]["grade_id"] = "twice"
        theirs.cells.insert(1, copied)
        made = carrying.carry(release(), theirs, release())
        answers = [c.source for c in made.cells if c.metadata.get("nbgrader", {}).get("solution")]
        assert answers[0] == ANSWER
        assert any(c.source == copied.source and "nbgrader" not in c.metadata for c in made.cells)

    def test_changed_tests_are_not_carried(self):
        made = carrying.carry(release(), release(test_twice="pass"), release())
        assert made.cells[2].source == "assert twice(2) == 4"

    def test_cells_without_ids_are_known_by_their_grade_id(self):
        theirs = release(twice=ANSWER)
        for number, one in enumerate(theirs.cells):
            one["id"] = f"fresh-{number}"
        made = carrying.carry(release(), theirs, release())
        assert [c.source for c in made.cells] == [c.source for c in release(twice=ANSWER).cells]


def test_what_counts_as_answered():
    def left(**answers):
        return carrying.unanswered(release(**answers), release())

    assert left() == ["twice", "essay"]
    assert left(twice=ANSWER) == ["essay"]
    assert left(twice=TWICE.replace("# YOUR CODE HERE", "y = 2 * x")) == ["twice", "essay"]
    assert left(twice="", essay="Mine") == ["twice"]
    assert left(twice=None, essay="Mine") == ["twice"]


def test_the_start_page(folder):
    (folder.root / "course.toml").write_text(
        'name = "Nets"\nsubmit = "Mail it."\n[due]\n02_sizing = 2026-12-10T18:00:00\n'
    )
    work.update(folder)
    edit(folder.copy(UNIT), twice=ANSWER)
    text = start_page.write(folder).read_text().replace("\u00a0", " ")
    assert text.startswith("# Nets\n") and "Mail it." in text
    assert "| 02 · Sizing: how large?<br>after 01 | [read](lectures/02_sizing.ipynb), 1 h |" in text
    assert "](02_sizing/02_sizing.ipynb), 4 h | 1 of 2 answered | Thu 10 Dec 2026, 18:00" in text
    linked = [part.split(")")[0] for part in text.split("](")[1:]]
    assert all((folder.work / link).is_file() for link in linked)


def test_a_unit_of_another_course_has_no_hours(folder, monkeypatch):
    monkeypatch.setattr(start_page, "efforts", dict)
    work.update(folder)
    text = start_page.write(folder).read_text()
    assert "| [open](02_sizing/02_sizing.ipynb) | not begun |" in text
    assert "after" not in text and "estimates" not in text


def test_the_newest_archive_counts_as_progress(folder):
    work.update(folder)
    archives = folder.root / "submissions"
    archives.mkdir()
    for name in ("ada_2026-11-28T21-40-00Z", "ada_2026-11-27T08-00-00Z", "ada_notes", "2026-99Z"):
        (archives / f"{UNIT}_{name}.zip").touch()
    (archives / "01_convolution_ada_2026-12-01T00-00-00Z.zip").touch()
    made = start_page.handed_in(folder, UNIT)
    assert made == datetime(2026, 11, 28, 21, 40, tzinfo=UTC)
    shown = f"{made.astimezone():%d %b %Y, %H:%M}"
    assert start_page.progress(folder, UNIT) == f"not begun<br>archive of {made:%a} {shown}"


def test_without_dates_there_is_no_column_for_them(folder):
    work.update(folder)
    assert "due" not in start_page.write(folder).read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 3", "name must be text; received 3"),
        ("due = 3", "due must be a table"),
        ('[due]\n02_sizing = "soon"', "due.02_sizing must be a date or a time"),
        ("dates = 1", "unknown dates"),
        ("name =", "cannot be read"),
    ],
)
def test_wrong_settings_are_named(folder, text, says):
    (folder.root / "course.toml").write_text(text)
    with pytest.raises(UsageError, match=says):
        folder.settings()


def test_the_folder_is_found_from_inside(folder):
    work.update(folder)
    assert StudentFolder(folder.copy(UNIT).parent).root == folder.root


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="No assignments in .* or name it with --folder"):
        StudentFolder(tmp_path)


def test_the_lab_opens_the_start_page_without_what_is_for_instructors(folder, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    monkeypatch.chdir(folder.root)
    open_lab(folder, browser=False)
    ((program, command, environ),) = started
    assert program == sys.executable
    assert f"--ServerApp.root_dir={folder.work}" in command
    assert "--LabApp.default_url=/lab/tree/START.md" in command and "--no-browser" in command
    assert environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert "Your copies are in" in capsys.readouterr().out
    assert os.getcwd() == str(folder.work)  # from where nbgrader submits
    assert folder.copy(UNIT).is_file() and (folder.work / "START.md").is_file()


def test_the_server_leaves_out_formgrader_and_exchange(folder):
    import ast

    option = next(o for o in command_line(folder.work) if "jpserver_extensions" in o)
    extensions = ast.literal_eval(option.partition("=")[2])
    assert extensions.pop("course.student.server")
    assert {name.rpartition(".")[2] for name in extensions} == {
        "formgrader", "assignment_list", "course_list", "jupyterlab_jupytext",
    }  # fmt: skip
    assert not any(extensions.values())
    assert environment()["PATH"].startswith(os.path.dirname(sys.executable))


def test_on_a_jupyterhub_the_lab_is_the_students_server(folder, monkeypatch):
    assert command_line(folder.work)[1:3] == ["-m", "jupyterlab"]
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    assert command_line(folder.work)[1:3] == ["-m", "jupyterhub.singleuser"]


def test_terminals_keep_the_path_that_has_our_commands(folder, monkeypatch):
    import ast

    monkeypatch.setenv("SHELL", "/bin/dash")
    option = next(o for o in command_line(folder.work) if "terminado_settings" in o)
    # Without "-l": a login shell would read /etc/profile, which sets the path anew.
    assert ast.literal_eval(option.partition("=")[2]) == {"shell_command": ["/bin/dash"]}


def test_the_labs_button_is_where_jupyterlab_looks_for_it(folder):
    option = next(o for o in command_line(folder.work) if "extra_labextensions_path" in o)
    (package,) = Path(option.partition("=")[2]).glob("*/package.json")
    about = json.loads(package.read_text())
    script = (package.parent / about["jupyterlab"]["_build"]["load"]).read_text()
    schema = json.loads((package.parent / "schemas" / about["name"] / "plugin.json").read_text())
    (button,) = schema["jupyter.lab.toolbars"]["Notebook"]
    assert f'"{button["command"]}"' in script and f'_JUPYTERLAB["{about["name"]}"]' in script
    assert f'id: "{about["name"]}:plugin"' in script


def test_a_missing_jupyterlab_is_said(folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install jupyterlab"):
        open_lab(folder)
