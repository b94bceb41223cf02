"""What students get: everything they need, nothing that gives answers away, and no work lost."""

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile

import nbformat
import pytest

from autograder.cli import main
from autograder.course_directory import CourseDirectory, CourseError
from autograder.handout.contents import pyproject
from autograder.handout.write import hand_out
from course.student import work
from course.student.folder import StudentFolder
from tests.conftest import ROOT

UNITS = [path.name for path in sorted((ROOT / "assignments").iterdir())]


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """What students of this course get."""
    folder = tmp_path_factory.mktemp("handout") / "course"
    hand_out(CourseDirectory(ROOT), folder)
    return folder


@pytest.fixture
def small(small_course, tmp_path):
    """A small course, and the folder that it is handed out to."""
    return small_course[0], tmp_path / "out"


def released(course):
    return course.path("release", ".", "small") / "small.ipynb"


def change(path, cell, source):
    notebook = nbformat.read(path, 4)
    for one in notebook.cells:
        if one.id == cell:
            one.source = source
    nbformat.write(notebook, path)


def alone(folder, code, *options):
    """Run code where only the handout and its requirements can be imported."""
    names = ("nbgrader", "jupytext", "latex2mathml", "bleach", "tensorflow_datasets")
    block = f"import sys; sys.modules.update(dict.fromkeys({names}))\nsys.path[:0] = ['{folder}']\n"
    return subprocess.run(
        [sys.executable, *options, "-c", block + code], cwd=folder, capture_output=True, text=True
    )


def test_students_get_units_library_checks_and_data(handed_out):
    folder = StudentFolder(handed_out)
    assert folder.units() == UNITS
    assert all(folder.lecture(unit) for unit in UNITS)
    for name in ("README.md", "pyproject.toml", "data/lectures/07_residual.json", "LICENSE"):
        assert (handed_out / name).is_file()
    assert (handed_out / "autograder/wire/keras_classes.json").is_file()


def test_students_get_no_grader_solutions_scripts_or_tests(handed_out):
    names = {path.relative_to(handed_out).as_posix() for path in handed_out.rglob("*")}
    parts = {name.split("/")[1] for name in names if name.startswith("autograder/")}
    assert parts == {"__init__.py", "checks", "wire", "context.py"}
    assert not {"solutions", "tests", "docs", "nbgrader_config.py", "course/lectures"} & names
    assert not [n for n in names if n.startswith(("assignments", "lectures")) and n.endswith("py")]


def test_every_import_of_a_notebook_works_from_the_folder_alone(handed_out):
    lines = set()
    for path in handed_out.glob("*/**/[0-9]*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                lines |= {
                    line
                    for line in cell.source.splitlines()
                    if line.startswith(("import ", "from "))
                }
    lines = {line for line in lines if not line.endswith("(")}
    modules = "import course, autograder.checks, autograder.checks.models, course.cli\n"
    done = alone(handed_out, modules + "\n".join(sorted(lines)) + "\nprint(course.__file__)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(handed_out))
    assert len(lines) > 20


def test_a_question_and_the_recorded_numbers_work_from_the_folder_alone(handed_out):
    notebook = nbformat.read(handed_out / "assignments/02_sizing/02_sizing.ipynb", 4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    answer = (
        "def valid_output_size(size, kernel_size, strides=1):\n"
        "    if kernel_size > size: raise ValueError\n"
        "    return (size - kernel_size) // strides + 1\n"
    )
    code = "\n".join([cells["imports"], answer, cells["test_valid_output_size"]])
    code += "\nfrom course.training import seeds; print(len(seeds.load('07_residual')))"
    done = alone(handed_out, code)
    assert done.returncode == 0, done.stderr
    assert "✓" in done.stdout and int(done.stdout.split()[-1]) > 10


def test_lab_and_submit_work_from_the_folder_alone(handed_out, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(handed_out, folder)
    code = (
        "from course.student import work, start_page; from course.student.folder import *\n"
        "from course.cli import main\n"
        "folder = StudentFolder(); work.update(folder); start_page.write(folder)\n"
        "sys.exit(main(['submit', '02_sizing', '--id', 'ada']))"
    )
    done = alone(folder, code)
    assert done.returncode == 0, done.stderr
    assert "0 of 14 answered" in done.stdout
    (archive,) = (folder / "submissions").iterdir()
    assert zipfile.is_zipfile(archive)


def test_the_light_install_builds_with_everything_it_needs(handed_out, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(handed_out, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--no-index", "--wheel-dir", tmp_path, source], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {
        "autograder/wire/keras_classes.json",
        "course/student/settings/labconfig/page_config.json",
        "data/lectures/07_residual.json",
        "course/cli.py",
        "course/units.toml",
    } <= names


def test_the_light_install_leaves_out_what_only_instructors_need():
    project = tomllib.loads(pyproject())["project"]
    names = {name.split("=")[0].split("<")[0].split(">")[0] for name in project["dependencies"]}
    assert {"tensorflow", "keras", "numpy", "matplotlib", "jupyterlab", "ipywidgets"} <= names
    assert not {"nbgrader", "jupytext", "tensorflow-datasets"} & names
    assert project["optional-dependencies"]["validate"] == ["nbgrader==0.9.6"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("cell", "source", "says"),
        [
            ("double", "def double(x):\n    return 2 * x  # secret way", "line of the solution"),
            ("double", "### BEGIN SOLUTION\nx\n### END SOLUTION", "the marker 'BEGIN SOLUTION'"),
            ("test-double", "x\n### BEGIN HIDDEN TESTS", "the marker 'BEGIN HIDDEN TESTS'"),
            ("intro", "**Marking scheme** (4 points)", "a marking scheme"),
        ],
    )
    def test_a_cell_that_gives_answers_away(self, small, cell, source, says):
        course, out = small
        change(released(course), cell, source)
        with pytest.raises(CourseError, match=says) as found:
            hand_out(course, out)
        named = str(found.value).split("\n")[1].strip()
        path, line, _ = named.split(":", 2)
        assert path == str(released(course))
        marked = source.splitlines()[-1 if "return" in source or "HIDDEN" in source else 0]
        assert marked.strip() in released(course).read_text().splitlines()[int(line) - 1]
        assert not out.exists()

    @pytest.mark.parametrize(
        ("name", "text", "says"),
        [
            ("small.py", "x = 1", "solution's script"),
            ("small.toml", "x = 1", "mutants"),
            ("more.toml", "# a\n[q]\nmutants = []", "more.toml:3: mutants"),
            ("notes.txt", "how\nreturn 2 * x  # secret way", "notes.txt:2: a line of the solution"),
            ("helper.py", "y = 1\n### BEGIN SOLUTION", "helper.py:2: the marker"),
        ],
    )
    def test_a_file_beside_the_notebook(self, small, name, text, says):
        course, out = small
        (released(course).parent / name).write_text(text)
        with pytest.raises(CourseError, match=says):
            hand_out(course, out)

    def test_outputs(self, small):
        course, out = small
        notebook = nbformat.read(released(course), 4)
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="42")]
        nbformat.write(notebook, released(course))
        with pytest.raises(CourseError, match="a cell with outputs"):
            hand_out(course, out)

    def test_a_link(self, small):
        course, out = small
        (released(course).parent / "data.csv").symlink_to(course.root / "nbgrader_config.py")
        with pytest.raises(CourseError, match="is a link"):
            hand_out(course, out)

    def test_the_grader(self, small, monkeypatch, tmp_path):
        """A check that imports a part of the grader, and so would bring it along."""
        from autograder.handout import contents

        packages = tmp_path / "packages"
        shutil.copytree(ROOT / "autograder", packages / "autograder")
        with open(packages / "autograder/checks/draws.py", "a") as file:
            file.write("\nfrom autograder import gates\n")
        monkeypatch.setattr(contents, "PACKAGES", packages)
        with pytest.raises(CourseError, match=r"draws.py:\d+: imports autograder.gates") as found:
            hand_out(*small)
        assert "part of the grader" in str(found.value)

    def test_a_unit_that_is_not_released(self, small):
        course, out = small
        released(course).unlink()
        with pytest.raises(CourseError, match="small is not released yet"):
            hand_out(course, out)

    def test_a_due_date_of_no_unit(self, small):
        course, out = small
        (course.root / "course.toml").write_text("[due]\nlarge = 2026-12-01")
        with pytest.raises(CourseError, match=r"\[due\] has no unit large"):
            hand_out(course, out)

    @pytest.mark.parametrize("name", ["thesis.txt", "handout.json"])
    def test_another_folder(self, small, name):
        course, out = small
        out.mkdir()
        (out / name).write_text("years of work")
        with pytest.raises(CourseError, match="Name another folder|name another folder"):
            hand_out(course, out)
        assert [path.name for path in out.iterdir()] == [name]

    def test_the_course_itself(self, small):
        course, _ = small
        for out in (course.root, course.root.parent):
            with pytest.raises(CourseError, match="contains the course itself"):
                hand_out(course, out)


class TestAgain:
    def test_nothing_changes_without_a_change(self, small):
        course, out = small
        assert len(hand_out(course, out).written) > 100
        assert hand_out(course, out).written == []

    def test_an_empty_git_repository_can_be_handed_out_to(self, small):
        course, out = small
        (out / ".git").mkdir(parents=True)
        hand_out(course, out)
        assert (out / "handout.json").is_file() and (out / ".git").is_dir()

    def test_a_correction_reaches_a_student_with_answers(self, small):
        course, out = small
        hand_out(course, out)
        folder = StudentFolder(out)
        work.update(folder)
        change(folder.copy("small"), "double", "def double(x):\n    return x + x")
        mine = out / "notes.txt"
        mine.write_text("mine")
        change(released(course), "intro", "# A small unit, corrected")
        made = hand_out(course, out)
        assert made.written == ["assignments/small/small.ipynb"] and made.notes == []
        (line,) = work.update(folder)
        assert "your answers are in the new small.ipynb" in line
        sources = {c.id: c.source for c in nbformat.read(folder.copy("small"), 4).cells}
        assert sources["intro"] == "# A small unit, corrected"
        assert "x + x" in sources["double"] and mine.read_text() == "mine"

    def test_work_in_the_handed_out_file_itself_is_carried_over_too(self, small):
        course, out = small
        hand_out(course, out)
        own = out / "assignments" / "small" / "small.ipynb"
        change(own, "double", "def double(x):\n    return x + x")
        before = own.read_bytes()
        change(released(course), "intro", "# Corrected")
        (note,) = hand_out(course, out).notes
        assert "your earlier copy is small_before_" in note
        assert "x + x" in own.read_text() and "# Corrected" in own.read_text()
        (kept,) = own.parent.glob("*_before_*")
        assert kept.read_bytes() == before

    def test_other_edited_files_are_kept_beside_the_new_ones(self, small):
        course, out = small
        hand_out(course, out)
        (out / "README.md").write_text("mine")
        (out / "course" / "errors.py").write_text("# mine")
        notes = hand_out(course, out).notes
        assert len(notes) == 2
        assert next(out.glob("README_before_*.md")).read_text() == "mine"
        assert "UsageError" in (out / "course" / "errors.py").read_text()

    def test_what_is_no_longer_handed_out_goes_unless_it_was_edited(self, small):
        course, out = small
        for name in ("a.csv", "b.csv"):
            (released(course).parent / name).write_text("1")
        hand_out(course, out)
        own = out / "assignments" / "small"
        (own / "b.csv").write_text("mine")
        for name in ("a.csv", "b.csv"):
            (released(course).parent / name).unlink()
        made = hand_out(course, out)
        assert made.removed == ["assignments/small/a.csv"]
        assert (own / "b.csv").read_text() == "mine" and "it stays" in made.notes[0]

    def test_a_manifest_cannot_remove_files_elsewhere(self, small, tmp_path):
        course, out = small
        hand_out(course, out)
        (tmp_path / "thesis.txt").write_text("years of work")
        manifest = json.loads((out / "handout.json").read_text())
        from autograder.handout.write import digest

        manifest["files"]["../thesis.txt"] = digest(b"years of work")
        (out / "handout.json").write_text(json.dumps(manifest))
        hand_out(course, out)
        assert (tmp_path / "thesis.txt").exists()


def test_on_the_command_line(small, capsys):
    course, out = small
    assert main(["handout", str(out), "--course", str(course.root)]) == 0
    assert "No solution, hidden test or part of the grader is in it." in capsys.readouterr().out
    change(released(course), "intro", "Marking scheme")
    assert main(["handout", str(out), "--course", str(course.root)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("autograder: Nothing was written") and "small.ipynb:" in error


def test_the_text_for_students_has_the_courses_words(small):
    course, out = small
    (course.root / "course.toml").write_text('name = "Nets 2026"\nsubmit = "Mail it to Ada."')
    hand_out(course, out)
    text = (out / "README.md").read_text()
    assert text.startswith("# Nets 2026\n") and "Mail it to Ada." in text
    assert "pip install ." in text and "course submit small --id" in text
