"""Courses as others have them: what they configure is heeded, what goes wrong is said."""

import datetime
import functools
import json
import os
import shutil
import sqlite3

import nbformat
import pytest

from autograder import grading, scoring
from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine import submission_files
from autograder.generate import generate
from autograder.grading import run, state
from autograder.grading.lock import exclusive
from autograder.grading.record import Recorder
from autograder.grading.release import NO_LIMIT_S, Release
from autograder.sandbox import Isolation
from tests.autograder.conftest import CONFIG, notebook
from tests.autograder.test_grading import RIGHT, scores


@pytest.fixture
def grade(executor):
    return functools.partial(grading.grade, executor=executor)


def configured(course, *lines):
    """The course with more lines in its configuration."""
    config = course.root / "nbgrader_config.py"
    config.write_text("\n".join([config.read_text(), *lines]))
    return CourseDirectory(course.root)


# What is configured


@pytest.mark.parametrize(
    ("line", "cell", "notebook"),
    [
        ("c.ExecutePreprocessor.timeout = -1", NO_LIMIT_S, NO_LIMIT_S),
        ("c.ExecutePreprocessor.timeout = None", NO_LIMIT_S, NO_LIMIT_S),
        ("c.Execute.timeout = 7", 7, 300),
        ("c.ExecutePreprocessor.timeout = 600", 600, 2400),
    ],
)
def test_time_limits_are_nbgraders(small_course, line, cell, notebook):
    course = configured(small_course[0], line)
    with course.gradebook() as gradebook:
        release = Release(course, gradebook, "small")
    assert (release.cell_seconds, release.notebook_seconds) == (cell, notebook)


def test_without_a_limit_everybody_is_graded(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT)
    course = configured(course, "c.ExecutePreprocessor.timeout = -1")
    assert scores(grade(course)) == {"s": 5}


def due(course, days_late, timestamp="2026-11-20 10:00:00 UTC"):
    with course.gradebook() as gradebook:
        handed_in = datetime.datetime(2026, 11, 20, 10)
        gradebook.update_or_create_assignment(
            "small", duedate=handed_in - datetime.timedelta(days=days_late)
        )
    (course.path("submitted", "s", "small") / "timestamp.txt").write_text(timestamp)


@pytest.mark.parametrize(("days", "penalty"), [(10, 5), (-1, 0)])
def test_late_work_costs_what_nbgraders_plugin_says(small_course, grade, days, penalty):
    course, submit = small_course
    submit("s", RIGHT)
    due(course, days)
    course = configured(course, 'c.LateSubmissionPlugin.penalty_method = "zero"')
    (outcome,) = grade(course)
    assert (outcome.score, outcome.penalty) == (5, penalty)
    assert outcome.late_seconds == max(0, days) * 86400
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("small", "s").late_submission_penalty == penalty


def test_a_plugin_that_fails_loses_nobody(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT)
    due(course, 10)
    course = configured(
        course,
        "from nbgrader.plugins import BasePlugin",
        "class Late(BasePlugin):",
        "    def late_submission_penalty(self, *args): raise ValueError('no table')",
        "c.AssignLatePenalties.plugin_class = Late",
    )
    (outcome,) = grade(course)
    assert (outcome.status, outcome.score) == ("needs a human", 5)
    assert "its late penalty could not be computed (ValueError('no table')" in outcome.reason


TABLE = "import pathlib\ndef double(x):\n    return x * int(pathlib.Path('table.txt').read_text())"


@pytest.mark.parametrize(("own", "score"), [(False, 5), (True, 3)])
def test_files_that_students_edit(small_course, grade, own, score):
    """The instructor's file takes the place of a student's, unless nbgrader is told not to."""
    course, submit = small_course
    for step in ("source", "release"):
        (course.path(step, ".", "small") / "table.txt").write_text("2")
    submit("s", RIGHT | {"double": TABLE})
    (course.path("submitted", "s", "small") / "table.txt").write_text("3")
    if own:
        course = configured(course, "c.Autograde.exclude_overwriting = {'small': ['table.txt']}")
    assert scores(grade(course)) == {"s": score}
    graded = course.path("autograded", "s", "small") / "table.txt"
    assert graded.read_text() == ("3" if own else "2")


def test_files_that_students_did_not_get_are_for_tests_alone(small_course, grade):
    course, submit = small_course
    (course.path("source", ".", "small") / "hidden").mkdir()
    (course.path("source", ".", "small") / "hidden" / "right.txt").write_text("49")
    with sqlite3.connect(course.root / "gradebook.db") as database:
        database.execute(
            "update source_cell set source = ? where name = 'test_square'",
            ("assert square(7) == int(open('hidden/right.txt').read())",),
        )
    steal = "import os\nfound = [f for _, _, names in os.walk('.') for f in names]\nprint(found)\n"
    submit("s", RIGHT | {"square": steal + RIGHT["square"]})
    (outcome,) = grade(course)
    assert outcome.score == 5
    assert all(question.protected for question in outcome.questions)
    folder = course.path("autograded", "s", "small")
    shown = nbformat.read(folder / "small.ipynb", 4).cells[3].outputs[0].text
    assert "right.txt" not in shown
    assert not (folder / "hidden").exists()


def test_the_instructors_files_that_are_too_large_are_said(small_course, grade):
    course, submit = small_course
    for step in ("source", "release"):
        (course.path(step, ".", "small") / "large.bin").write_bytes(b"x" * 3_000_000)
        (course.path(step, ".", "small") / "data.bin").write_bytes(b"x" * 1_000_000)
    submit("s", RIGHT | {"double": TABLE.replace("table.txt", "data.bin")})
    course = configured(course, "c.CourseDirectory.max_file_size = 2000")
    notices = []
    grade(course, on_notice=notices.append)
    assert len(notices) == 1
    assert notices[0].endswith("large.bin has 2.86 MiB, more than 1.91 MiB, and was left out")


# What goes wrong


def test_what_is_not_in_the_gradebook_is_not_done(small_course, grade, monkeypatch):
    course, submit = small_course
    submit("a", RIGHT)
    submit("b", RIGHT)
    write = Recorder._write_tree

    def full(self, student, *rest):
        if student == "a":
            raise OSError(28, "No space left on device")
        return write(self, student, *rest)

    monkeypatch.setattr(Recorder, "_write_tree", full)
    lost, fine = grade(course)
    assert (lost.recorded, lost.status) == (False, "needs a human")
    assert "could not be recorded (OSError: [Errno 28] No space left" in lost.reason
    assert (fine.recorded, fine.score) == (True, 5)
    monkeypatch.undo()
    again = grade(course, options=grading.GradingOptions(resume=True))
    assert [(o.recorded, o.score) for o in again] == [(True, 5), (True, 5)]


def test_a_record_that_cannot_be_written_is_said(small_course, grade, monkeypatch):
    course, submit = small_course
    submit("s", RIGHT)
    monkeypatch.setattr(run.state, "write", lambda *a: (_ for _ in ()).throw(OSError(28, "")))
    monkeypatch.setattr(run, "calibrate", lambda c, release, *rest: run.Calibration("x"))
    (outcome,) = grade(course)
    assert (outcome.recorded, outcome.status) == (False, "needs a human")


def test_grade_fails_where_somebody_was_not_recorded(small_course, capsys, monkeypatch):
    from autograder.cli import main

    course, _ = small_course
    lost = grading.Outcome("small", "s", "needs a human", "disk full", recorded=False)
    monkeypatch.setattr(grading, "grade", lambda *args, **kwargs: [lost])
    assert main(["grade", "--course", str(course.root)]) == 1
    assert "Not in the gradebook: s." in capsys.readouterr().out
    lost.recorded = True
    assert main(["grade", "--course", str(course.root)]) == 0


def test_an_old_gradebook_that_cannot_be_migrated_is_refused_before_anything_runs(
    small_course, executor
):
    course, submit = small_course
    submit("s", RIGHT)
    with sqlite3.connect(course.root / "gradebook.db") as database:
        database.execute("alter table student drop column lms_user_id")  # and no version says so
    with pytest.raises(CourseError, match=r"older nbgrader.*student\.lms_user_id is still missing"):
        grading.grade(course, executor=executor)
    assert not course.path("autograded", "s", "small").exists()


def test_what_is_no_gradebook_is_refused(small_course, executor):
    course, submit = small_course
    submit("s", RIGHT)
    (course.root / "gradebook.db").write_text("no database at all" * 100)
    with pytest.raises(CourseError, match="cannot be opened"):
        grading.grade(course, executor=executor)


def test_folders_that_cannot_be_read_or_named(small_course, grade, monkeypatch):
    course, submit = small_course
    for student in ("closed", "fine", "odd"):
        submit(student, RIGHT)
    submitted = course.path("submitted", "odd", "small").parents[1]
    os.rename(bytes(submitted / "odd"), bytes(submitted) + b"/od\xff")
    stat, lstat = os.stat, os.lstat

    def refuse(look):
        def looked(path, *args, **kwargs):
            if isinstance(path, str | os.PathLike) and "submitted/closed" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, *args, **kwargs)

        return looked

    monkeypatch.setattr(os, "stat", refuse(stat))
    monkeypatch.setattr(os, "lstat", refuse(lstat))
    closed, fine, odd = grade(course)
    assert fine.score == 5
    assert (closed.student, closed.status) == ("closed", "needs a human")
    assert "cannot be read (Permission denied)" in closed.reason
    assert [question.score for question in closed.questions] == [None, None]
    assert (odd.student, odd.status, odd.recorded) == ("od\\udcff", "needs a human", False)
    assert "the name of its folder is not UTF-8" in odd.reason
    json.dumps(odd.to_json()).encode()
    assert len(grading.load_outcomes(course)) == 3


def test_trouble_with_one_submission_stops_nobody(small_course, grade, monkeypatch):
    course, submit = small_course
    submit("a", RIGHT)
    submit("b", RIGHT)
    read = submission_files.read_files

    def broken(folder, *args, **kwargs):
        if "/a/" in f"{folder}/":
            raise OSError(5, "Input/output error")
        return read(folder, *args, **kwargs)

    monkeypatch.setattr(submission_files, "read_files", broken)
    first, second = grade(course)
    assert (first.status, second.score) == ("needs a human", 5)
    assert "it could not be read (OSError: [Errno 5] Input/output error)" in first.reason


@pytest.mark.parametrize(
    ("test", "score", "reason"),
    [
        ("9", 3, "test_square did not return a score from 0 to 3"),
        ("-1", 3, ""),
        ("0.5", 0.5, ""),
        ("from IPython.display import HTML\nHTML('<b>fine</b>')", 3, ""),
    ],
)
def test_what_a_test_returns(small_course, grade, test, score, reason):
    course, submit = small_course
    with sqlite3.connect(course.root / "gradebook.db") as database:
        database.execute("update source_cell set source = ? where name = 'test_square'", (test,))
    submit("s", RIGHT)
    (outcome,) = grade(course, options=grading.GradingOptions(calibrate=False))
    assert outcome.questions[1].score == score
    assert (outcome.status == "flagged", reason in outcome.reason) == (bool(reason), True)
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("small", "s").score == 2 + score


def test_what_is_worth_nothing_waits_for_nobody(small_course, grade):
    course, submit = small_course
    with sqlite3.connect(course.root / "gradebook.db") as database:
        database.execute("update grade_cells set max_score = 0")
    released = course.path("release", ".", "small") / "small.ipynb"
    work = nbformat.read(released, 4)
    for cell in work.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "test_double":
            cell.cell_type, cell.metadata.nbgrader["points"] = "markdown", 0
            del cell["outputs"], cell["execution_count"]
    nbformat.write(work, released)
    submit("s", RIGHT)
    (outcome,) = grade(course)
    assert outcome.questions[0].score == 0
    with course.gradebook() as gradebook:
        assert not gradebook.find_submission("small", "s").needs_manual_grade


def test_resume_notices_other_code_and_other_limits(small_course, executor, monkeypatch):
    from autograder.grading import release

    course, submit = small_course
    submit("s", RIGHT)
    grading.grade(course, executor=executor)
    asked = []

    class Watched:
        isolation = executor.isolation

        def run(self, job):
            asked.append(job.student)
            return executor.run(job)

    options = grading.GradingOptions(resume=True)
    grading.grade(course, executor=Watched(), options=options)
    assert asked == []
    monkeypatch.setattr(release, "scoring_digest", lambda sources: "another")
    grading.grade(course, executor=Watched(), options=options)
    assert asked == ["solution", "s"]


def test_the_digest_covers_the_code_that_scores_and_what_it_imports(tmp_path, monkeypatch):
    """A change of a check, or of a module that a check or a cell imports, and of nothing else."""
    from autograder import source_digests
    from autograder.grading import release

    files = {
        "autograder/checks.py": "from course import near",
        "autograder/cli.py": "",
        "course/__init__.py": "",
        "course/near.py": "",
        "course/used.py": "",
        "course/aside.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(source_digests, "ROOT", tmp_path)
    monkeypatch.setattr(release, "grading_files", lambda: [tmp_path / "autograder/checks.py"])
    counted = set()
    for name, text in files.items():
        before = release.scoring_digest(["from course.used import x"])
        (tmp_path / name).write_text(f"{text}\nX = 1")
        if release.scoring_digest(["from course.used import x"]) != before:
            counted.add(name)
    assert counted == files.keys() - {"autograder/cli.py", "course/aside.py"}


def test_resume_depends_on_the_code_that_records_and_a_units_ledger_does_not():
    def names(files):
        return {path.relative_to(scoring.__file__.rpartition("/")[0]).as_posix() for path in files}

    more = names(scoring.grading_files()) - names(scoring.scoring_files())
    assert more == set(scoring.GRADING_CODE)


def test_without_a_sandbox_means_only_where_none_works(monkeypatch):
    from autograder.grading import local

    for found in (Isolation.LANDLOCK, Isolation.NONE):
        monkeypatch.setattr(local, "probe", lambda found=found: found)
        assert local.choose_isolation(unsafe=True) == found
    with pytest.raises(CourseError, match="cannot be isolated"):
        local.choose_isolation(unsafe=False)


def test_an_empty_seed_is_no_seed(small_course):
    course, _ = small_course
    course.records.mkdir(exist_ok=True)
    seed = state.run_seed(course, resume=True)
    assert state.run_seed(course, resume=True) == seed != state.run_seed(course, resume=False)
    (course.records / "seed").write_text("")
    with pytest.raises(CourseError, match="is empty, so this run cannot be resumed"):
        state.run_seed(course, resume=True)
    assert state.run_seed(course, resume=False)


def test_feedback_and_release_do_not_meet_a_grading_run(small_course, monkeypatch, capsys):
    from autograder import cli
    from autograder import release as releasing
    from autograder.gates import GateReport

    course, _ = small_course
    with exclusive(course.records):
        assert cli.main(["feedback", "--course", str(course.root)]) == 1
    assert "Another run is grading in this course" in capsys.readouterr().err

    def generate(course, unit):
        with pytest.raises(CourseError, match="Another run"), exclusive(course.records):
            pass
        return []

    monkeypatch.setattr(releasing, "run_gates", lambda course, unit, *rest: GateReport(unit))
    monkeypatch.setattr(releasing, "generate", generate)
    (report,) = releasing.release(course)
    assert report.ok


def test_a_penalty_that_is_rolled_back_is_not_on_the_report(tmp_path, grade):
    (tmp_path / "source" / "small").mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    for name in ("one", "two"):
        nbformat.write(notebook(), tmp_path / "source" / "small" / f"{name}.ipynb")
    course = CourseDirectory(tmp_path)
    assert generate(course, "small") == []
    release = course.path("release", ".", "small")
    shutil.copytree(release, course.path("submitted", "s", "small"))
    due(course, 10)
    course = configured(
        course,
        "from nbgrader.plugins import BasePlugin",
        "class Late(BasePlugin):",
        "    calls = 0",
        "    def late_submission_penalty(self, *args):",
        "        self.calls += 1",
        "        return [3][self.calls - 1]",
        "c.AssignLatePenalties.plugin_class = Late",
    )
    (outcome,) = grade(course)
    assert "its late penalty could not be computed (IndexError" in outcome.reason
    assert outcome.penalty == 0
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("small", "s").late_submission_penalty == 0


def test_outcomes_that_cannot_be_read_are_left_out_with_a_word(small_course, grade):
    course, submit = small_course
    submit("s", RIGHT)
    outcomes = grade(course)
    (course.records / "small" / "cut.json").write_text('{"unit": "small", "stu')
    (course.records / "small" / "list.json").write_text("[]")
    (course.records / "small" / "old.json").write_text('{"unit": "small", "student": "t"}')
    with pytest.warns(UserWarning) as warned:
        assert grading.load_outcomes(course) == outcomes
    assert [str(w.message).split(" is no outcome")[0][-8:] for w in warned] == [
        "cut.json", "ist.json", "old.json",
    ]  # fmt: skip
