"""A script and its notebook say the same, byte for byte, and nothing of a run is left."""

import ast
import os

import nbformat
import pytest

from autograder import notebooks
from tests.conftest import ROOT

PAIRS = notebooks.pairs(ROOT)


def test_there_are_units():
    assert {path.parent.name for path in PAIRS} >= {"lectures", "02_sizing"}


@pytest.mark.parametrize("script", PAIRS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_regenerates_byte_identically(script):
    assert notebooks.to_ipynb(script.read_text()) == script.with_suffix(".ipynb").read_text()


@pytest.mark.parametrize("script", PAIRS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_way_back_loses_nothing(script):
    made = notebooks.to_ipynb(script.read_text())
    assert notebooks.to_ipynb(notebooks.to_py(made)) == made


@pytest.mark.parametrize("script", PAIRS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_figure_is_lost_in_the_middle_of_a_cell(script):
    """Jupyter shows what a cell's last line gives, and nothing else."""
    notebook = nbformat.reads(notebooks.to_ipynb(script.read_text()), 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for line in ast.parse(cell.source).body[:-1]:
                called = getattr(getattr(line, "value", None), "func", None)
                assert getattr(called, "id", "") not in ("show", "table"), ast.unparse(line)


@pytest.mark.parametrize("script", PAIRS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_figure_of_an_assignment_hides_no_name_of_the_others(script):
    bound: set[str] = set()
    for cell in nbformat.reads(notebooks.to_ipynb(script.read_text()), 4).cells:
        if cell.cell_type != "code":
            continue
        names = {
            getattr(node, "id", getattr(node, "name", None))
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(getattr(node, "ctx", None), ast.Store)
            or isinstance(node, ast.FunctionDef)
        }
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("figure_"):
            assert not names & bound
        bound |= names


def test_tagged_cells_are_folded():
    script = '# %% tags=["hide-input"]\nimport this\n\n# %%\n1 + 1\n'
    made = notebooks.to_ipynb(script)
    folded = [cell.metadata.get("jupyter") for cell in nbformat.reads(made, 4).cells]
    assert folded == [{"source_hidden": True}, None]
    assert "source_hidden" not in notebooks.to_py(made)
    assert notebooks.to_ipynb(notebooks.to_py(made)) == made


@pytest.fixture
def unit(tmp_path):
    script = tmp_path / "01_unit.py"
    script.write_text("# %% [markdown]\n# # Title\n\n# %%\n1 + 1\n")
    return script


def _age(path, seconds):
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def test_the_missing_one_is_made(unit):
    assert "created from 01_unit.py" in notebooks.synchronize(unit)
    assert notebooks.synchronize(unit) == ""
    text = unit.with_suffix(".ipynb").read_text()
    unit.unlink()
    assert "created from 01_unit.ipynb" in notebooks.synchronize(unit)
    assert unit.with_suffix(".ipynb").read_text() == text


def test_the_newer_script_wins(unit):
    notebooks.synchronize(unit)
    _age(unit.with_suffix(".ipynb"), 60)
    unit.write_text(unit.read_text().replace("1 + 1", "2 + 2"))
    assert "which is newer" in notebooks.synchronize(unit)
    assert "2 + 2" in unit.with_suffix(".ipynb").read_text()


def test_the_newer_notebook_wins_and_loses_its_outputs(unit):
    notebooks.synchronize(unit)
    path = unit.with_suffix(".ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells[1].source = "3 + 3"
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="6")]
    notebook.cells[1].execution_count = 7
    nbformat.write(notebook, path)
    _age(unit, 60)
    assert "updated from 01_unit.ipynb, which is newer" in notebooks.synchronize(unit)
    assert "3 + 3" in unit.read_text()
    assert not nbformat.read(path, 4).cells[1].outputs
    assert notebooks.synchronize(unit) == ""


def test_a_run_alone_changes_no_script(unit):
    notebooks.synchronize(unit)
    path = unit.with_suffix(".ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(notebook, path)
    before = unit.read_text()
    _age(unit, 60)
    assert "leftovers removed" in notebooks.synchronize(unit)
    assert unit.read_text() == before
