"""A course of one small unit without TensorFlow, so that its loop takes seconds."""

import shutil
from pathlib import Path

import nbformat
import pytest

SOURCE = {
    "intro": ("markdown", "# A small unit", None),
    "double": (
        "code",
        'def double(x):\n    """Twice x."""\n'
        "    ### BEGIN SOLUTION\n    return 2 * x  # secret way\n    ### END SOLUTION",
        {"solution": True},
    ),
    "test_double": (
        "code",
        "from autograder import checks\n\nq = checks.Question('Doubling', points=2)\n"
        "q.example('three', double, 3).gives(6, hint='add it to itself')\n"
        "### BEGIN HIDDEN TESTS\n"
        "number = q.random.randint(10, 99)\n"
        "q.check('any number', double, number).gives(2 * number)\n"
        "q.check('below zero', double, -number).gives(-2 * number)\n"
        "### END HIDDEN TESTS\nq.score()",
        {"grade": True, "points": 2},
    ),
    "square": (
        "code",
        "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
        {"solution": True},
    ),
    "test_square": (
        "code",
        "assert square(2) == 4\n"
        "### BEGIN HIDDEN TESTS\nassert square(7) == 49\n### END HIDDEN TESTS",
        {"grade": True, "points": 3},
    ),
}


def notebook(cells=SOURCE):
    """A source notebook; cells are name -> (type, source, nbgrader metadata)."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }  # fmt: skip
    for name, (kind, source, meta) in cells.items():
        new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        cell = new(source, id=name.replace("_", "-"))
        if meta is not None:
            cell.metadata["nbgrader"] = {
                "grade_id": name, "schema_version": 3, "task": False,
                "grade": False, "solution": False, "locked": not meta.get("solution", False),
            } | meta  # fmt: skip
        made.cells.append(cell)
    return made


CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "small"
c.ExecutePreprocessor.timeout = 4
"""


@pytest.fixture
def grading(monkeypatch) -> None:
    """A process in which questions know that they are graded, as nbgrader runs them."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


@pytest.fixture(scope="session")
def _released_course(tmp_path_factory) -> Path:
    from autograder.course_directory import CourseDirectory
    from autograder.generate import generate

    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / "source" / "small").mkdir(parents=True)
    nbformat.write(notebook(), root / "source" / "small" / "small.ipynb")
    assert generate(CourseDirectory(root), "small") == []
    return root


@pytest.fixture
def small_course(_released_course, tmp_path):
    """A released course, and a function that hands in a student's cells."""
    from autograder.course_directory import CourseDirectory

    root = tmp_path / "course"
    shutil.copytree(_released_course, root)
    course = CourseDirectory(root)

    def submit(student: str, answers: dict[str, str] | None = None, raw: bytes | None = None):
        folder = course.path("submitted", student, "small")
        folder.mkdir(parents=True)
        if raw is not None:
            (folder / "small.ipynb").write_bytes(raw)
            return
        released = nbformat.read(course.path("release", ".", "small") / "small.ipynb", 4)
        for cell in released.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = (answers or {}).get(name, cell.source)
        nbformat.write(released, folder / "small.ipynb")

    return course, submit


@pytest.fixture(scope="session")
def executor():
    """Fork servers without TensorFlow, for all tests of a worker."""
    from autograder.engine.executor import Executor
    from autograder.sandbox import Isolation

    with Executor(preload=("numpy", "IPython")) as started:
        if started.isolation == Isolation.NONE:
            pytest.skip(f"no isolation works here: {started.isolation.reason}")
        yield started
