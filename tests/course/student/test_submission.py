"""`course submit`: the archive, and what is refused."""

import json
import re
import zipfile

import pytest

from course.cli import main
from course.errors import UsageError
from course.student import work
from course.student.submission import MANIFEST, submit
from tests.course.student.conftest import UNIT, edit, hand_out, release, write

ANSWER = "def twice(x):\n    return 2 * x"


@pytest.fixture
def mine(folder):
    """The folder with one answer written."""
    work.update(folder)
    edit(folder.copy(UNIT), twice=ANSWER)
    return folder


def test_the_archive_has_notebook_id_and_time(mine):
    made = submit(mine, UNIT, student="ada")
    assert re.fullmatch(r"02_sizing_ada_[\dT-]+Z\.zip", made.path.name)
    with zipfile.ZipFile(made.path) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        assert archive.read(f"{UNIT}/{UNIT}.ipynb") == mine.copy(UNIT).read_bytes()
        assert archive.namelist() == [MANIFEST, f"{UNIT}/{UNIT}.ipynb"]
    assert (manifest["unit"], manifest["student"]) == (UNIT, "ada")
    assert manifest["time"].endswith("+00:00")
    assert list(manifest["files"]) == ["02_sizing.ipynb"]


def test_the_student_reads_what_is_missing_and_what_to_do(mine):
    (mine.root / "course.toml").write_text(
        'submit = "Mail it."\n[due]\n02_sizing = 2020-01-01T12:00:00\n'
    )
    said = "\n".join(submit(mine, UNIT, student="ada").lines)
    assert "1 of 2 answered; not essay." in said
    assert "is ready. Mail it." in said
    assert "It was due on 01 Jan 2020 at 12:00." in said
    assert "The notebook was saved at" in said


def test_the_id_is_remembered(mine, monkeypatch):
    with pytest.raises(UsageError, match="--id YOUR_ID"):
        submit(mine, UNIT)
    monkeypatch.setenv("JUPYTERHUB_USER", "hub-ada")
    assert "hub-ada" in submit(mine, UNIT).path.name
    submit(mine, UNIT, student="ada")
    assert "_ada_" in submit(mine, UNIT).path.name


@pytest.mark.parametrize("student", ["../ada", "a b", "-ada", "a" * 65, "ada/x", "ä"])
def test_ids_that_could_not_name_a_folder_are_refused(mine, student):
    with pytest.raises(UsageError, match="An id has up to 64"):
        submit(mine, UNIT, student=student)


def test_an_unknown_unit(mine):
    with pytest.raises(UsageError, match="No unit '03_x'. There are: 02_sizing"):
        submit(mine, "03_x", student="ada")


def test_nothing_to_submit(folder):
    with pytest.raises(UsageError, match="`course lab` makes the copies"):
        submit(folder, UNIT, student="ada")


def test_a_missing_cell_is_refused_unless_asked_for(mine):
    write(release(test_twice=None, twice=ANSWER), mine.copy(UNIT))
    with pytest.raises(UsageError, match="are missing: test_twice"):
        submit(mine, UNIT, student="ada")
    assert submit(mine, UNIT, student="ada", anyway=True).path.exists()


def test_another_notebook_is_refused(mine):
    only = release(twice=None, test_twice=None, essay=None)
    write(only, mine.copy(UNIT))
    with pytest.raises(UsageError, match="is another notebook"):
        submit(mine, UNIT, student="ada", anyway=True)


def test_a_changed_test_is_mentioned(mine):
    edit(mine.copy(UNIT), test_twice="pass")
    assert "since yours is changed: test_twice." in submit(mine, UNIT, student="ada").lines[0]


def test_a_file_that_is_no_notebook_is_refused(mine):
    mine.copy(UNIT).write_text("{")
    with pytest.raises(UsageError, match="is not a notebook that can be read"):
        submit(mine, UNIT, student="ada")


def test_a_large_notebook_is_refused(mine, monkeypatch):
    monkeypatch.setattr("course.student.submission.MAX_NOTEBOOK", 100)
    with pytest.raises(UsageError, match=r"Clear its outputs"):
        submit(mine, UNIT, student="ada")


def test_a_correction_has_to_be_brought_in_first(mine):
    hand_out(mine.root, text="# Corrected")
    with pytest.raises(UsageError, match="was corrected. Start `course lab`"):
        submit(mine, UNIT, student="ada")
    work.update(mine)
    assert submit(mine, UNIT, student="ada").lines[0] == "1 of 2 answered; not essay."


def test_changed_and_included_files_go_along(mine):
    (mine.assignments / UNIT / "data.csv").write_text("1")
    (mine.assignments / UNIT / "same.csv").write_text("1")
    work.update(mine)
    (mine.copy(UNIT).parent / "data.csv").write_text("2")
    (mine.copy(UNIT).parent / "helper.py").write_text("x = 1")
    with zipfile.ZipFile(submit(mine, UNIT, student="ada", include=["helper.py"]).path) as archive:
        names = set(archive.namelist())
    assert names == {
        MANIFEST, f"{UNIT}/{UNIT}.ipynb", f"{UNIT}/data.csv", f"{UNIT}/helper.py",
    }  # fmt: skip


def test_only_files_of_the_unit_can_be_included(mine):
    (mine.copy(UNIT).parent / "link").symlink_to("/etc/passwd")
    for name in ("../../course.toml", "/etc/passwd", "link"):
        with pytest.raises(UsageError, match="Only files in"):
            submit(mine, UNIT, student="ada", include=[name])


def test_on_the_command_line(mine, capsys, monkeypatch):
    monkeypatch.chdir(mine.copy(UNIT).parent)
    assert main(["submit", UNIT, "--id", "ada"]) == 0
    assert "is ready." in capsys.readouterr().out
    assert main(["submit", "nothing"]) == 1
    assert capsys.readouterr().err.startswith("course: No unit 'nothing'")
