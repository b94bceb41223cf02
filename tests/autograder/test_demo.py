"""The whole loop, as `make demo` plays it, and the published assignments."""

import json

import nbformat
import pytest

from autograder.course_directory import CourseDirectory, CourseError
from autograder.demo.play import ROSTERS, run_demo
from autograder.grading import load_outcomes
from tests import parts
from tests.conftest import ROOT

UNIT = "02_sizing"


def test_the_class_is_the_one_that_was_asked_for():
    assert len(ROSTERS[UNIT]) == 12
    for samples in ROSTERS.values():
        assert len({sample.student for sample in samples}) == len(samples)
    most = max(sample.deserved for sample in ROSTERS[UNIT])
    assert sum(sample.deserved == most for sample in ROSTERS[UNIT]) == 3


def test_every_unit_has_a_class():
    assert list(ROSTERS) == CourseDirectory(ROOT).units()


OTHERS = [unit for unit in ROSTERS if unit != UNIT]
# Of another class, on one day.
STUDENTS = 2


@pytest.fixture
def samples(unit, whole, monkeypatch):
    """Who hands in: the class of `make demo`, and by day some of another."""
    if unit != UNIT and not whole:
        some = parts.sample(ROSTERS[unit], STUDENTS, "students")
        monkeypatch.setitem(ROSTERS, unit, some)
    return ROSTERS[unit]


@pytest.mark.parametrize("unit", [UNIT, *parts.by_day(OTHERS, 1, "classes")])
def test_every_score_is_the_deserved_one(unit, samples, whole, tmp_path, capsys):
    """Mutants and alternatives are left to the release gates and to test_units.py."""
    course = CourseDirectory(ROOT)
    readers = [sample.student for sample in samples]
    pages = "*" if whole else parts.sample(readers, 1, "pages")[0]
    assert run_demo(course, unit, tmp_path / "demo", variants=False, pages=pages) == 0
    assert f"{len(samples)} of {len(samples)} scores as expected" in capsys.readouterr().out
    demo = CourseDirectory(tmp_path / "demo")
    with demo.gradebook() as gradebook:
        given = {s.student_id: s.score for s in gradebook.assignment_submissions(unit)}
    assert given == pytest.approx({sample.student: sample.deserved for sample in samples})
    written = list(demo.root.glob(f"feedback/*/{unit}/{unit}.html"))
    assert len(written) == (len(samples) if whole else 1)
    assert not any("HIDDEN TESTS" in page.read_text() for page in written)
    for sample in samples:
        record = json.loads((demo.records / unit / f"{sample.student}.json").read_text())
        assert record["status"] == sample.status
        # None of our own questions has to be graded where its score could be forged.
        assert all(
            question["protected"] and not question["reason"] for question in record["questions"]
        )
    failures = [f for o in load_outcomes(demo) for q in o.questions for f in q.failures]
    report = (demo.root / "report.html").read_text()
    assert ("Most common mistakes" in report) == (not all(f.is_unwritten for f in failures))
    if unit != UNIT:
        return
    # The real data: a LeNet was trained, and read most of the digits it had not seen.
    graded = nbformat.read(demo.path("autograded", "ada", unit) / f"{unit}.ipynb", 4)
    (training,) = (
        cell for cell in graded.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "train_lenet"
    )  # fmt: skip
    (text,) = (o.text for o in training.outputs if o.get("name") == "stdout")
    assert float(text.split("%")[0]) > 85


def test_a_unit_without_a_class_is_refused(tmp_path):
    with pytest.raises(CourseError, match="received '99_other'"):
        run_demo(CourseDirectory(ROOT), "99_other", tmp_path / "demo")


@pytest.mark.parametrize("unit", parts.by_day(ROSTERS, 4, "releases"))
def test_published_assignments_are_what_a_release_gives(unit, tmp_path):
    """`assignments/` is written by the release command and never edited."""
    from autograder.gates import _scratch_course
    from autograder.generate import generate
    from autograder.source_gates import check_leaks

    course = CourseDirectory(ROOT)
    scratch = _scratch_course(course, unit, tmp_path)
    assert generate(scratch, unit) == []
    fresh, published = (c.path("release", ".", unit) for c in (scratch, course))
    names = {path.name for path in fresh.iterdir()}
    assert {path.name for path in published.iterdir()} == names
    for name in names:
        assert (published / name).read_bytes() == (fresh / name).read_bytes(), name
    source = nbformat.read(course.path("source", ".", unit) / f"{unit}.ipynb", 4)
    assert check_leaks(source, nbformat.read(published / f"{unit}.ipynb", 4)) == []
    assert not list(published.glob("*.py"))
