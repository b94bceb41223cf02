"""The whole loop, as `make demo` plays it, and the published assignments."""

import json

import nbformat
import pytest

from autograder.course import Course
from autograder.demo import run_demo
from autograder.demo.samples import CLASS, POINTS, UNIT
from tests.conftest import ROOT


def test_the_class_is_the_one_that_was_asked_for():
    assert len(CLASS) == 12
    assert len({sample.student for sample in CLASS}) == 12
    assert sum(sample.deserved == POINTS for sample in CLASS) == 3
    assert all(0 <= sample.deserved <= POINTS for sample in CLASS)


def test_every_score_is_the_deserved_one(tmp_path, capsys):
    course = Course(ROOT)
    assert run_demo(course, tmp_path / "demo") == 0
    assert "12 of 12 scores as deserved" in capsys.readouterr().out
    demo = Course(tmp_path / "demo")
    with demo.gradebook() as gradebook:
        given = {s.student_id: s.score for s in gradebook.assignment_submissions(UNIT)}
    assert given == pytest.approx({sample.student: sample.deserved for sample in CLASS})
    for sample in CLASS:
        page = (demo.path("feedback", sample.student, UNIT) / f"{UNIT}.html").read_text()
        assert "HIDDEN TESTS" not in page
        record = json.loads((demo.records / UNIT / f"{sample.student}.json").read_text())
        assert record["status"] == sample.status
    assert "Most common failures" in (demo.root / "report.html").read_text()
    # The real data: a LeNet was trained, and read most of the digits it had not seen.
    graded = nbformat.read(demo.path("autograded", "ada", UNIT) / f"{UNIT}.ipynb", 4)
    (training,) = (
        cell for cell in graded.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "train_lenet"
    )  # fmt: skip
    (text,) = (o.text for o in training.outputs if o.get("name") == "stdout")
    assert float(text.split("%")[0]) > 85


def test_published_assignments_are_what_a_release_gives(tmp_path):
    """`assignments/` is written by the release command and never edited."""
    from autograder.gates import _scratch_course, check_leaks, generate

    course = Course(ROOT)
    for unit in course.units():
        (tmp_path / unit).mkdir()
        scratch = _scratch_course(course, unit, tmp_path / unit)
        assert generate(scratch, unit) == []
        fresh, published = (c.path("release", ".", unit) for c in (scratch, course))
        names = {path.name for path in fresh.iterdir()}
        assert {path.name for path in published.iterdir()} == names
        for name in names:
            assert (published / name).read_bytes() == (fresh / name).read_bytes(), name
        source = nbformat.read(course.path("source", ".", unit) / f"{unit}.ipynb", 4)
        assert check_leaks(source, nbformat.read(published / f"{unit}.ipynb", 4)) == []
        assert not list(published.glob("*.py"))
