"""Each gate must close on the mistake it is there for."""

import copy
import functools
from collections import Counter

import nbformat
import pytest

from autograder import release as releasing
from autograder import source_gates
from autograder.course_directory import CourseDirectory
from autograder.gates import GateReport
from tests.autograder.conftest import CONFIG, SOURCE, notebook


@pytest.fixture
def release(executor):
    """Release with fork servers that all tests share."""
    return functools.partial(releasing.release, executor=executor)


def course_with(tmp_path, change=lambda cells: None) -> CourseDirectory:
    cells = copy.deepcopy(SOURCE)
    change(cells)
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    (tmp_path / "source" / "small").mkdir(parents=True)
    nbformat.write(notebook(cells), tmp_path / "source" / "small" / "small.ipynb")
    return CourseDirectory(tmp_path)


def edit(name, old, new):
    def change(cells):
        kind, source, meta = cells[name]
        assert old in source
        cells[name] = (kind, source.replace(old, new), meta)

    return change


def meta(name, **values):
    def change(cells):
        kind, source, old = cells[name]
        cells[name] = (kind, source, old | values)

    return change


def test_a_good_unit_passes_and_is_written(tmp_path, release):
    course = course_with(tmp_path)
    (report,) = release(course)
    assert report.problems == []
    assert (report.questions, report.points) == (2, 5)
    released = (tmp_path / "release" / "small" / "small.ipynb").read_text()
    assert "secret way" not in released
    assert "HIDDEN" not in released
    assert "any number" not in released
    assert "YOUR CODE HERE" in released


def test_an_example_that_is_wrong_shuts_the_gate(tmp_path, release):
    """No student could pass it, or have all points."""
    course = course_with(tmp_path, edit("test_double", "gives(6,", "gives(7,"))
    (report,) = release(course)
    (problem,) = report.problems
    assert "scores 1.33 of 2 on 'test_double'" in problem and "should give 7" in problem


def test_checking_writes_nothing(tmp_path, release):
    course = course_with(tmp_path)
    before = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*"))
    (report,) = release(course, check_only=True)
    assert report.ok
    assert sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (edit("test_double", "BEGIN HIDDEN TESTS", "BEGIN HIDEN TESTS"), "looks like '### BEGIN"),
        (edit("test_double", "### BEGIN HIDDEN TESTS", "### begin hidden test"), "looks like"),
        (edit("double", "### END SOLUTION", "### END SOLUTON"), "looks like '### END SOLUTION'"),
        (edit("test_square", "### END HIDDEN TESTS", ""), "without an end"),
        (edit("square", "    ### BEGIN SOLUTION\n", ""), "without 'BEGIN SOLUTION'"),
        (edit("square", "x * x", "x * x\n    ### BEGIN SOLUTION"), "inside 'BEGIN SOLUTION'"),
        (
            lambda cells: cells.update(
                square=("code", "def square(x):\n    return x * x", {"solution": True})
            ),
            "without '### BEGIN SOLUTION'",
        ),
        (meta("test_double", points=0), "worth 0 points"),
        (meta("test_double", locked=False), "must be locked"),
        (meta("test_double", grade=False), "in a cell that is not graded"),
        (meta("test_square", grade_id="test_double"), "same grade_id"),
        (edit("square", "x * x", "x + x"), "the solution scores 0 of 3 on 'test_square'"),
        (edit("test_double", "-2 * number)", "-3 * number)"), "the solution scores 1 of 2"),
        (edit("test_double", "points=2", "points=1"), "the solution scores 1 of 2"),
        (
            edit("test_double", "q.score()", "2"),
            "the untouched release scores 2 on 'test_double', not 0",
        ),
    ],
)  # fmt: skip
def test_gates_close(tmp_path, change, problem, release):
    (report,) = release(course_with(tmp_path, change))
    assert any(problem in text for text in report.problems), report.problems
    assert not (tmp_path / "release").exists()


def test_a_leak_is_found(tmp_path):
    source = notebook()
    leaked = copy.deepcopy(source)
    problems = source_gates.check_leaks(source, leaked)
    assert any("secret way" in text for text in problems)
    assert any("any number" in text for text in problems)


def test_a_solution_shown_in_another_cell_is_found(tmp_path, release):
    def change(cells):
        cells["intro"] = ("markdown", "As you know:\n\n    return 2 * x  # secret way", None)

    (report,) = release(course_with(tmp_path, change))
    # The line stands in a visible cell of the source, so it is no secret of this unit.
    assert report.ok


def test_the_script_beside_a_notebook_stays_here(tmp_path, release):
    course = course_with(tmp_path)
    (tmp_path / "source" / "small" / "small.py").write_text("# secret way\n")
    (report,) = release(course)
    assert any("differ: run `make notebooks`" in text for text in report.problems)


def test_outputs_do_not_reach_students():
    released = notebook()
    released.cells[1].outputs = [nbformat.v4.new_output("stream", text="42")]
    assert any("has outputs" in text for text in source_gates.check_leaks(notebook(), released))


def test_totals_are_numbers_even_where_nothing_was_caught():
    report = GateReport("small", found={"q": Counter(mutants=2, caught=0)})
    assert report.totals == {"mutants": 2, "caught": 0, "alternatives": 0, "accepted": 0}
    assert {"caught", "accepted"} <= dict(GateReport("small").totals).keys()
