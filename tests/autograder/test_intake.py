"""What is read of a submission, and the notebook that is put together from it."""

import json
import os

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.engine import intake, submission_files
from autograder.engine.job import CellPlan, Role
from autograder.engine.submission_files import UnreadableSubmission
from tests.autograder.conftest import notebook

TESTS = {"test_double": "HIDDEN double", "test_square": "HIDDEN square"}


def released():
    made = notebook()
    for cell in made.cells:
        if cell.id == "double":
            cell.source = "def double(x):\n    raise NotImplementedError()"
    return made


def student_cells(change=lambda cells: None):
    """What is read back from a notebook that was changed as JSON."""
    data = json.loads(nbformat.writes(released()))
    change(data["cells"])
    return [submission_files._student_cell(cell) for cell in data["cells"]]


def find(cells, name):
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def meta(cells):
    return find(cells, "test_double")["metadata"]["nbgrader"]


def sources(plan):
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in plan.notebook.cells
        if cell.metadata.get("nbgrader")
    }


def test_the_students_answer_and_the_full_tests():
    def change(cells):
        find(cells, "double")["source"] = "def double(x): return 2 * x"

    plan = intake.rebuild(released(), TESTS, student_cells(change))
    assert sources(plan)["double"] == "def double(x): return 2 * x"
    assert sources(plan)["test_double"] == "HIDDEN double"
    assert not plan.suspicions
    assert [c.role for c in plan.cells] == ["skip", "student", "judge", "student", "judge"]


@pytest.mark.parametrize(
    ("change", "suspicious"),
    [
        (lambda cells: find(cells, "test_double").update(source="2"), True),
        (lambda cells: cells.remove(find(cells, "test_double")), False),
        (lambda cells: cells.append(dict(find(cells, "test_double"), source="5")), True),
        (lambda cells: find(cells, "test_double")["metadata"].update(nbgrader=7), False),
        (lambda cells: find(cells, "test_double").update(cell_type="markdown"), False),
        (lambda cells: meta(cells).update(points=99), False),
        (lambda cells: meta(cells).update(grade=False), False),
        (lambda cells: cells.reverse(), False),
        (lambda cells: cells.clear(), False),
    ],
)  # fmt: skip
def test_nothing_done_to_a_test_matters(change, suspicious):
    plan = intake.rebuild(released(), TESTS, student_cells(change))
    judged = [cell.source for cell in plan.cells if cell.role == "judge"]
    assert judged == ["HIDDEN double", "HIDDEN square"]
    shown = [
        c for c, how in zip(plan.notebook.cells, plan.cells, strict=True) if how.role == "judge"
    ]
    points = [cell.metadata.nbgrader.get("points") for cell in shown]
    assert points == [2, 3]
    assert bool(plan.suspicions) == suspicious


def test_of_two_answers_the_later_that_was_worked_on_counts():
    def change(cells):
        first = find(cells, "double")
        cells.insert(2, dict(first, source="def double(x): return 'second'"))
        cells.append(dict(first))  # an untouched copy at the end

    plan = intake.rebuild(released(), TESTS, student_cells(change))
    assert sources(plan)["double"] == "def double(x): return 'second'"
    assert not plan.suspicions


def test_own_cells_stay_where_they_stand():
    def change(cells):
        cells.insert(1, {"cell_type": "code", "source": ["help", "er = 1"], "metadata": {}})
        cells.append({"cell_type": "markdown", "source": "note", "metadata": {}})

    plan = intake.rebuild(released(), TESTS, student_cells(change))
    assert [cell.source for cell in plan.cells[:3]][1] == "helper = 1"
    assert [cell.role for cell in plan.cells[:2]] == ["skip", "student"]
    assert (plan.cells[-1].source, plan.cells[-1].role) == ("note", "skip")


def test_a_missing_answer_counts_as_released():
    plan = intake.rebuild(
        released(), TESTS, student_cells(lambda cells: cells.remove(find(cells, "double")))
    )
    assert "NotImplementedError" in sources(plan)["double"]
    assert plan.missing == ["double"]


def test_what_a_test_defines_reaches_cells_that_need_it():
    base = released()
    find_cell = next(c for c in base.cells if c.id == "test-double")
    find_cell.source = "limit = 3\nassert double(1) == 2"
    cells = student_cells()
    cells.append(submission_files.StudentCell("code", "print(limit)", None, None))
    plan = intake.rebuild(base, TESTS | {"test_double": find_cell.source + "\nsecret"}, cells)
    (echo,) = (cell.visible_source for cell in plan.cells if cell.echoed)
    assert echo == "limit = 3\nassert double(1) == 2"


@pytest.mark.parametrize(
    ("visible", "between", "later", "echoed"),
    [
        ("import math\nassert f()", "", "y = math.pi", True),
        ("from math import pi as p", "", "y = p", True),
        ("import os.path", "", "os.getcwd()", True),
        ("%matplotlib inline\nm = 3", "", "y = m", True),
        ("%%time\nm = 3", "", "y = m", True),
        ("%time m = 3", "", "y = m", True),
        ("m = 3", "", "%matplotlib inline\ny = m", True),
        ("m = 3", "", "%time y = m", True),
        ("m = 3", "", "!echo {m}", True),
        ("m = 3", "", "m += 1", True),
        ("m = 3", "", "m.x = 1", True),
        ("m = 0\nm += 1", "", "y = m", True),
        ("async def m(): pass", "", "await m()", True),
        ("for m in range(3): pass", "", "y = m", True),
        ("m = 3", "def f():\n    m = 1", "y = m", True),
        ("m = 3", "if 0:\n    m = 1", "y = m", True),
        ("m = 3", "y = m\nm = 1", "y = m", True),
        ("m = 3", "(m, n), *k = (1, 2), 3", "y = m", False),
        ("m = 3", "import m", "y = m", False),
        ("m = 3", "class m: pass", "y = m", False),
        ("m = 3", "m: int = 1", "y = m", False),
        ("m = 3", "m: int", "y = m", True),
        ("m = 3", "", "def f(m):\n    return m", False),
        ("m = 3", "", "m = 1\ny = m", False),
        ("def f():\n    m = 3", "", "y = m", False),
        ("m = 3", "not Python", "y = m", True),
        ("m = 3", "x = " + "+".join(["1"] * 2000), "y = m", True),
        ("m = 3", "", "x = " + "+".join(["1"] * 2000) + "\ny = m", True),
    ],
)
def test_a_test_is_echoed_if_later_cells_may_need_it(visible, between, later, echoed):
    cells = [
        CellPlan(Role.TEST, visible, visible_source=visible),
        CellPlan(Role.STUDENT, between),
        CellPlan(Role.STUDENT, later),
    ]
    assert intake._with_echoes(cells)[0].echoed == echoed


def test_a_test_is_echoed_for_one_that_is_echoed():
    tests = [CellPlan(Role.TEST, s, visible_source=s) for s in ("import math", "k = math.pi", "k")]
    cells = intake._with_echoes([*tests, CellPlan(Role.STUDENT, "y = k")])
    assert [cell.echoed for cell in cells] == [True, True, False, False]


def test_links_and_pipes_are_not_read(tmp_path):
    (tmp_path / "real.csv").write_text("1,2")
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    files, left_out = submission_files.read_files(tmp_path, set())
    assert files == {"real.csv": b"1,2"}
    assert len(left_out) == 2
    (tmp_path / "a.ipynb").symlink_to(tmp_path / "real.csv")
    with pytest.raises(UnreadableSubmission, match="is a link, not a regular file"):
        submission_files.read_cells(tmp_path / "a.ipynb")


# Without cell ids, and without marks


def old_release():
    """A release of before nbformat 4.5, with plain cells between the questions."""
    base = nbformat.v4.new_notebook(nbformat_minor=4)
    base.cells = [
        plain("import math"),
        plain("About the first question.", "markdown"),
        marked("first", "def first():\n    raise NotImplementedError()", solution=True),
        plain("rate = 3"),
        plain("About the second question.", "markdown"),
        marked("second", "YOUR ANSWER HERE", "markdown", solution=True, grade=True, points=2),
        plain("print('the end')"),
    ]
    return base


def plain(source, kind="code"):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell = make(source)
    del cell["id"]
    return cell


def marked(name, source, kind="code", **meta):
    cell = plain(source, kind)
    cell.metadata["nbgrader"] = {"grade_id": name, "locked": False, "grade": False} | meta
    return cell


def handed_in(change):
    """An old release's plan after a change of its cells."""
    cells = [dict(cell, metadata=dict(cell.metadata)) for cell in old_release().cells]
    change(cells)
    return intake.rebuild(
        old_release(), {}, [submission_files._student_cell(cell) for cell in cells]
    )


def test_without_cell_ids_every_cell_finds_its_place():
    def change(cells):
        cells[3]["source"] = "rate = 5  # another"
        cells[2]["source"] = "def first():\n    return 1"
        cells.insert(0, plain("own = 1"))
        cells.insert(5, plain("Own text.", "markdown"))

    plan = handed_in(change)
    assert [(cell.role, cell.source) for cell in plan.cells] == [
        ("student", "own = 1"),
        ("student", "import math"),
        ("skip", "About the first question."),
        ("student", "def first():\n    return 1"),
        ("student", "rate = 5  # another"),
        ("skip", "Own text."),
        ("skip", "About the second question."),
        ("skip", "YOUR ANSWER HERE"),
        ("student", "print('the end')"),
    ]
    assert not plan.suspicions


def test_text_never_runs():
    plan = handed_in(lambda cells: cells.append(plain("import os; os._exit(0)", "markdown")))
    assert plan.cells[-1].role == "skip"


@pytest.mark.parametrize(
    ("position", "answer", "name"),
    [(2, "def first():\n    x = 1\n    return x", "first"), (5, "Since it is so.", "second")],
)
def test_an_answer_without_its_mark_is_used_and_flagged(position, answer, name):
    def change(cells):
        cells[position] |= {"source": answer, "metadata": {}}

    plan = handed_in(change)
    assert plan.notebook.cells[position].source == answer
    assert plan.notebook.cells[position].metadata.nbgrader.grade_id == name
    assert plan.suspicions == [
        f"the cell {name} has lost its nbgrader metadata; it was recognized by its position"
    ]
    assert plan.missing == []


def test_an_answer_for_a_person_that_cannot_be_found_is_asked_about():
    def change(cells):
        answer = cells.pop(5)
        cells.insert(0, answer | {"source": "Since it is so.", "metadata": {}})

    plan = handed_in(change)
    assert plan.cells[0].source == "Since it is so."
    assert plan.unsure == ["second"]
    assert "the answer second is missing" in plan.suspicions[0]


def test_marks_without_a_grade_id_are_no_marks():
    base = old_release()
    base.cells[3].metadata["nbgrader"] = {}
    base.cells[0].metadata["nbgrader"] = {"grade": False, "locked": False}
    plan = intake.rebuild(base, {}, [submission_files._student_cell(cell) for cell in base.cells])
    assert [cell.source for cell in plan.cells] == [cell.source for cell in base.cells]


# Large outputs


def with_outputs(tmp_path, *outputs):
    made = released()
    data = json.loads(nbformat.writes(made))
    find(data["cells"], "double")["outputs"] = list(outputs)
    path = tmp_path / "large.ipynb"
    path.write_text(json.dumps(data))
    return path, [cell.source for cell in made.cells]


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


@pytest.mark.parametrize(
    "outputs",
    [
        [stream(['a line of what a cell has printed, quoted "so"\n'] * 400_000)],
        [stream("[" * 25_000_000)],
        [{"output_type": "display_data", "data": {"image/png": "A" * 25_000_000}, "metadata": {}}],
        [stream('}], "source": "import os", "outputs": [{\\"')],
    ],
)
def test_outputs_count_against_no_limit(tmp_path, outputs):
    path, sources = with_outputs(tmp_path, *outputs)
    assert [cell.source for cell in submission_files.read_cells(path)] == sources


def test_what_is_used_is_limited(tmp_path):
    data = json.loads(nbformat.writes(released()))
    data["metadata"]["x"] = "A" * (21 << 20)
    (tmp_path / "a.ipynb").write_text(json.dumps(data))
    with pytest.raises(UnreadableSubmission, match="has 21 MiB besides its outputs, more than 20"):
        submission_files.read_cells(tmp_path / "a.ipynb")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"cells": [{"outputs": ' + b"[" * 5_000_000,
        b'{"cells": [{"outputs": [' + b'"' * 3_000_001,
        b'{"cells": [{"outputs": ["' + b'\\"' * 3_000_000,
        b'{"cells": [{"outputs": [1, 2, 3]',
        b'{"cells": ' + b"9" * 1_000_000 + b"}",
        b'{"outputs": {}, "cells": "\xff"}',
    ],
    ids=["deep", "quotes", "backslashes", "cut off", "number", "bytes"],
)
def test_damaged_and_hostile_files_are_refused(tmp_path, raw):
    (tmp_path / "a.ipynb").write_bytes(raw)
    with pytest.raises(UnreadableSubmission, match="cut off or damaged"):
        submission_files.read_cells(tmp_path / "a.ipynb")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(
        ['"outputs": [', "\\", '"', "]}", "}"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["outputs", "attachments", "source", "a"]), inner),
    max_leaves=20,
)  # fmt: skip


def dropped(value):
    """What :func:`reading.without_outputs` should leave, by way of Python's own values."""
    if isinstance(value, list):
        return [dropped(item) for item in value]
    if not isinstance(value, dict):
        return value
    unused = {k for k in ("outputs", "attachments") if isinstance(value.get(k), list | dict)}
    return {k: None if k in unused else dropped(v) for k, v in value.items()}


@settings(max_examples=100, deadline=None)
@given(json_values, st.sampled_from([None, 1]))
def test_exactly_outputs_are_left_out(value, indent):
    raw = json.dumps(value, indent=indent).encode()
    assert json.loads(submission_files.without_outputs(raw)) == dropped(value)


def test_a_file_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    (tmp_path / "fine.csv").write_text("1")
    (tmp_path / "broken.csv").write_text("2")
    whole = os.open

    def opened(path, *args, **kwargs):
        if "broken" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", opened)
    files, left_out = submission_files.read_files(tmp_path, set())
    assert files == {"fine.csv": b"1"}
    assert left_out == ["broken.csv cannot be read (Permission denied)"]
    (tmp_path / "broken.ipynb").write_text("{}")
    with pytest.raises(UnreadableSubmission, match=r"broken.ipynb cannot be read \(Permission"):
        submission_files.read_cells(tmp_path / "broken.ipynb")


def test_a_file_that_is_left_out_says_why(tmp_path):
    for name, size in (("a b.csv", 3), ("c.csv", 3), ("large.csv", 9)):
        (tmp_path / name).write_bytes(b"x" * (size << 18))
    files, left_out = submission_files.read_files(
        tmp_path, set(), file_bytes=1 << 20, all_bytes=1 << 20
    )
    assert files.keys() == {"a b.csv"}
    assert left_out == [
        "c.csv would bring the files to more than 1 MiB together and was left out",
        "large.csv has 2.25 MiB, more than 1 MiB, and was left out",
    ]
