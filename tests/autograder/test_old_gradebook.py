"""A gradebook of an older nbgrader: migrated once, after a backup, with everything in it."""

import contextlib
import sqlite3

import pytest

from autograder import old_gradebook
from autograder.course_directory import CourseDirectory, CourseError

# Before nbgrader 0.8: students without an id in a learning platform, assignments without a course.
REVISION = "167914646830"


@pytest.fixture
def course(tmp_path):
    """A course with a gradebook of this nbgrader, in which there is a student with a grade."""
    made = CourseDirectory(tmp_path)
    with made.gradebook() as gradebook:
        gradebook.add_student("ada", first_name="Ada")
        gradebook.add_assignment("ps1", duedate="2026-11-10 23:59:00 UTC")
        gradebook.add_notebook("p1", "ps1")
        gradebook.add_grade_cell("q1", "p1", "ps1", max_score=3, cell_type="code")
        gradebook.add_submission("ps1", "ada")
        gradebook.find_grade("q1", "p1", "ps1", "ada").manual_score = 2.5
        gradebook.db.commit()
    return made


def make_older(course, revision=REVISION):
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as database:
        (sql,) = database.execute(
            "select sql from sqlite_master where name='assignment'"
        ).fetchone()
        lines = [line for line in sql.splitlines() if "course" not in line]
        older = "\n".join(lines).rstrip(",) \n") + ")\n)"
        database.execute("pragma legacy_alter_table=on")
        database.execute("alter table assignment rename to newer")
        database.execute(older)
        database.execute("insert into assignment select id, name, duedate from newer")
        for change in ("drop table newer", "drop table course",
                       "alter table student drop column lms_user_id"):  # fmt: skip
            database.execute(change)
        database.execute("update alembic_version set version_num = ?", [revision])
        database.commit()


def backups(course):
    return sorted(course.root.glob("gradebook.db.before-*"))


def test_the_current_one_is_left_alone(course):
    before = (course.root / "gradebook.db").read_bytes()
    with course.gradebook() as gradebook:
        assert [student.id for student in gradebook.students] == ["ada"]
    assert (course.root / "gradebook.db").read_bytes() == before
    assert backups(course) == []


def test_an_older_one_is_migrated_after_a_backup(course, capsys):
    make_older(course)
    before = (course.root / "gradebook.db").read_bytes()
    with course.gradebook() as gradebook:
        (student,) = gradebook.students
        assert (student.id, student.first_name, student.lms_user_id) == ("ada", "Ada", None)
        assert gradebook.find_submission("ps1", "ada").score == 2.5
    (backup,) = backups(course)
    assert backup.read_bytes() == before
    assert f"it is up to date now. As it was: {backup.name}." in capsys.readouterr().err
    with course.gradebook():
        pass
    assert backups(course) == [backup]
    assert capsys.readouterr().err == ""


def test_one_that_cannot_be_migrated_stays_as_it_is(course):
    make_older(course, "nonsense")
    before = (course.root / "gradebook.db").read_bytes()
    with pytest.raises(CourseError, match="cannot be brought up to date: .*nonsense.*as it was"):
        course.gradebook()
    assert (course.root / "gradebook.db").read_bytes() == before
    assert sorted(path.name for path in course.root.iterdir()) == ["gradebook.db"]


def test_one_on_a_server_is_left_to_the_instructor(monkeypatch):
    monkeypatch.setattr(old_gradebook, "lacks", lambda url: ["student.lms_user_id"])
    with pytest.raises(CourseError, match="Back it up, then run `nbgrader db upgrade`"):
        old_gradebook.bring_up_to_date("postgresql://db/course")


def test_what_is_no_database_is_refused(course):
    (course.root / "gradebook.db").write_text("no database" * 100)
    with pytest.raises(CourseError, match="cannot be opened"):
        course.gradebook()
