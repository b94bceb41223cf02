"""A student's folder with one small unit and its lecture."""

import nbformat
import pytest

from course.student.folder import StudentFolder

UNIT = "02_sizing"
TWICE = "def twice(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


def cell(name, source, kind="code", **mark):
    """A cell, graded or not."""
    new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    made = new(source, id=name)
    if mark:
        made.metadata["nbgrader"] = {"grade_id": name, "solution": False, "grade": False} | mark
    return made


def release(**changes):
    """The unit as it is handed out; `changes` replaces the sources of cells, None drops one."""
    cells = [
        cell("text", "# 02 · Sizing", "markdown"),
        cell("twice", TWICE, solution=True),
        cell("test_twice", "assert twice(2) == 4", grade=True, locked=True),
        cell("essay", "YOUR ANSWER HERE", "markdown", solution=True, grade=True),
        cell("end", "Done.", "markdown"),
    ]
    kept = [one for one in cells if changes.get(one.id, "") is not None]
    for one in kept:
        one.source = changes.get(one.id, one.source)
    return nbformat.v4.new_notebook(cells=kept)


def write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def hand_out(root, **changes):
    write(release(**changes), root / "assignments" / UNIT / f"{UNIT}.ipynb")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    hand_out(tmp_path)
    lecture = nbformat.v4.new_notebook(cells=[cell("one", "# 02 · Sizing: how large?", "markdown")])
    write(lecture, tmp_path / "lectures" / f"{UNIT}.ipynb")
    return StudentFolder(tmp_path)


def edit(path, **sources):
    """Type into cells of a notebook."""
    notebook = nbformat.read(path, 4)
    for one in notebook.cells:
        one.source = sources.get(one.id, one.source)
    nbformat.write(notebook, path)


def sources(path):
    return {one.id: one.source for one in nbformat.read(path, 4).cells}
