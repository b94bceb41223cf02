"""`course check`: a table of an assignment's questions in a terminal."""

import os
import re

import nbformat
import pytest

from course.cli import main
from course.errors import UsageError
from course.student.checking import check
from course.student.folder import StudentFolder
from tests.course.student.conftest import UNIT, cell, write

TEST = """question = checks.Question("{0}", points=2)
question.example("two", {1}, 2).gives(4, hint="add it to itself")
question.score()"""
ANSWER = "def {0}(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
RIGHT = "def twice(x):\n    return x + x"


def unit(**sources: str):
    """A unit with two questions and one in words; `sources` are of its cells, by name."""
    cells = [
        cell("start", "from autograder import checks"),
        cell("twice", ANSWER.format("twice"), solution=True),
        cell("test_twice", TEST.format("1. Twice", "twice"), grade=True, points=2, locked=True),
        cell("other", ANSWER.format("other"), solution=True),
        cell("test_other", TEST.format("2. Other", "other"), grade=True, points=2, locked=True),
        cell("heading", "## 3 · In words", "markdown"),
        cell("essay", "YOUR ANSWER HERE", "markdown", solution=True, grade=True, points=3),
    ]
    for one in cells:
        one.source = sources.get(one.id, one.source)
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A function that checks a student's notebook with these sources; the lines."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    write(unit(), tmp_path / "assignments" / UNIT / f"{UNIT}.ipynb")

    def run(seconds: int = 60, **sources: str) -> list[str]:
        folder = StudentFolder(tmp_path)
        write(unit(**sources), folder.copy(UNIT))
        before = folder.copy(UNIT).read_bytes()
        try:
            return [" ".join(line.split()) for line in check(folder, UNIT, seconds=seconds)]
        finally:
            assert folder.copy(UNIT).read_bytes() == before  # a student's file is only read
            assert sorted(os.listdir(folder.copy(UNIT).parent)) == [f"{UNIT}.ipynb"]

    return run


def test_a_table_of_the_questions(checked):
    assert checked(twice=RIGHT, essay="My answer.")[:6] == [
        "question examples points",
        "1. Twice 1 of 1 2 ✓ examples pass",
        "2. Other 0 of 1 2 ○ not written yet",
        "3. In words 3 – marked by hand",
        "",
        "1 of 2 questions pass all their examples, 1 not written yet, 1 marked by hand; "
        "7 points possible.",
    ]


def test_changed_tests_are_those_of_the_assignment(checked):
    lines = checked(twice="def twice(x):\n    return 5", test_twice="print('✓ all right')")
    assert "1. Twice 0 of 1 2 ✗ fails: two" in lines


def test_cells_that_fail_are_named_and_do_not_stop_the_rest(checked):
    lines = checked(twice="def twice(x)\n    return x", other="def other(x):\n    return 2 * x")
    assert "1. Twice 2 ○ no result: its test has not run to the end" in lines
    assert "2. Other 1 of 1 2 ✓ examples pass" in lines
    after = lines[lines.index("Cells that ended with an error:") + 1 :]
    assert re.match("twice: SyntaxError: expected ':'", after[0])
    assert after[1] == "test_twice: NameError: name 'twice' is not defined"


def test_a_loop_without_end_is_stopped(checked):
    lines = checked(seconds=3, start="from autograder import checks\nwhile True: pass", twice=RIGHT)
    assert "cell 1: stopped after 3 s (--seconds N allows more)" in lines
    assert "1. Twice 1 of 1 2 ✓ examples pass" in lines


def test_cells_that_cannot_be_stopped_end_the_check(checked):
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    with pytest.raises(UsageError, match=r"Two cells in a row ran .* 3 s; the second is twice"):
        checked(seconds=3, start=deaf)


def test_code_that_ends_python_is_told_in_a_line(checked):
    with pytest.raises(UsageError, match="Python ended while it ran twice: too little memory"):
        checked(twice="import os\nos._exit(1)")


def test_without_the_checks_there_is_no_table(checked):
    with pytest.raises(UsageError, match="There is no table.*ValueError: gone"):
        checked(other="def gone():\n    raise ValueError('gone')\nchecks.summary = gone")


def test_what_cannot_be_checked(tmp_path, checked, capsys):
    folder = StudentFolder(tmp_path)
    with pytest.raises(UsageError, match="`course lab` makes the copies"):
        check(folder, UNIT)
    with pytest.raises(UsageError, match="No unit '99_none'"):
        check(folder, "99_none")
    with pytest.raises(UsageError, match="at least 1; received 0"):
        check(folder, UNIT, seconds=0)
    folder.copy(UNIT).parent.mkdir(parents=True)
    folder.copy(UNIT).write_text("{")
    assert main(["check", UNIT, "--folder", str(tmp_path)]) == 1
    assert "is not a notebook that can be read" in capsys.readouterr().err


def test_the_command(tmp_path, checked, capsys):
    checked(twice=RIGHT)
    assert main(["check", UNIT, "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "1. Twice       1 of 1       2  ✓ examples pass" in printed.out
    assert printed.err == ""
