"""A class from roster to export: nothing here is stale, and nobody is without a name."""

import csv
import datetime
import re

import nbformat
import pytest
from nbgrader.plugins import LateSubmissionPlugin

from autograder import grading, late
from autograder.classroom.export import write_scores
from autograder.classroom.feedback import write_feedback
from autograder.classroom.mistakes import mistakes, unwritten
from autograder.classroom.report import write_report
from autograder.classroom.roster import grant, import_roster, people, read_roster
from autograder.cli import main
from autograder.course_directory import CourseDirectory, CourseError
from autograder.grading.lock import exclusive
from autograder.question_names import question_names
from autograder.standings import read_standings
from tests.autograder.conftest import notebook

RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "square": "def square(x):\n    return x * x",
}
HANDED_IN = datetime.datetime(2026, 11, 20, 10)


@pytest.fixture
def graded(small_course, executor):
    """A graded class: ada is right, ben late and half right, and what kim handed in is cut off."""
    course, submit = small_course
    submit("ada", RIGHT)
    submit("ben", RIGHT | {"double": "def double(x):\n    return abs(2 * x)"})
    submit("kim", raw=b"cut off")
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.LateSubmissionPlugin.penalty_method = "zero"\n')
    (course.path("submitted", "ben", "small") / "timestamp.txt").write_text(f"{HANDED_IN} UTC")
    course = CourseDirectory(course.root)
    grading.grade(course, executor=executor)
    return course


def standing(course, student):
    (found,) = (s for s in read_standings(course)["small"] if s.person.id == student)
    return found


def by_hand(course, student, question, score):
    with course.gradebook() as gradebook:
        grade = gradebook.find_grade(question, "small", "small", student)
        grade.manual_score, grade.needs_manual_grade = score, False
        gradebook.db.commit()


# Scores


def test_a_score_entered_by_hand_is_in_the_next_report(graded):
    page = write_report(graded).read_text()
    assert '<td class="number">– / 5</td>' in page and "the whole submission" in page
    for question, score in (("test_double", 1.5), ("test_square", 3)):
        by_hand(graded, "kim", question, score)
    page = write_report(graded).read_text()
    assert '<td class="number">4.5 / 5</td>' in page
    assert "To be marked by hand" not in page


def test_a_question_that_waits_is_named_and_counts_as_no_failure(graded):
    with graded.gradebook() as gradebook:
        grade = gradebook.find_grade("test_square", "small", "small", "ada")
        grade.auto_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
    assert [mark.question for mark in standing(graded, "ada").waiting] == ["test_square"]
    page = write_report(graded).read_text()
    assert "To be marked by hand" in page
    assert "100 % all points, 0 % some, 0 % none" in page  # ben's


def test_the_report_links_to_feedback_that_is_there(graded):
    write_feedback(graded, students="ada")
    page = write_report(graded).read_text()
    assert re.findall(r'<a href="(.+?)">feedback', page) == ["feedback/ada/small/small.html"]


def test_a_submission_that_nbgrader_graded_is_in_the_report(graded):
    (graded.records / "small" / "ada.json").unlink()
    assert "graded by nbgrader" in write_report(graded).read_text()


# Late work


def test_a_due_date_set_after_grading_costs_at_once(graded):
    assert standing(graded, "ben").lateness == ""
    assert late.set_due(graded, "small", "2026-11-10 11:00 +0100") == HANDED_IN.replace(day=10)
    found = standing(graded, "ben")
    assert (found.late_seconds, found.score, found.penalty) == (864000, 0, found.raw)
    assert found.lateness == f"10 days late, penalty {found.raw:g}"
    assert found.lateness in write_report(graded).read_text()
    late.set_due(graded, "small", None)
    assert standing(graded, "ben").score == found.raw


def test_a_penalty_follows_a_score_entered_by_hand(graded):
    late.set_due(graded, "small", "2026-11-10 10:00")
    by_hand(graded, "ben", "test_double", 2)
    found = standing(graded, "ben")
    assert (found.raw, found.penalty, found.score) == (5, 5, 0)


def test_nothing_is_written_while_another_run_writes(graded, capsys):
    with graded.gradebook() as gradebook:
        gradebook.find_assignment("small").duedate = HANDED_IN.replace(day=10)
        gradebook.db.commit()
    with exclusive(graded.records):
        assert standing(graded, "ben").penalty == 0
        assert main(["due", "small", "2026-11-11", "--course", str(graded.root)]) == 1
        assert "Another run" in capsys.readouterr().err
    found = standing(graded, "ben")
    assert (found.late_seconds, found.penalty) == (864000, found.raw)


def test_a_plugin_that_fails_changes_nothing(graded, monkeypatch):
    late.set_due(graded, "small", "2026-11-10 10:00")
    before = standing(graded, "ben").penalty

    class Failing(LateSubmissionPlugin):
        def late_submission_penalty(self, *args):
            raise RuntimeError("no penalty")

    plugin = late.plugin(graded)
    plugin.plugin_inst = Failing(parent=plugin)
    monkeypatch.setattr(late, "plugin", lambda course: plugin)
    by_hand(graded, "ben", "test_double", 2)
    assert before > 0 and standing(graded, "ben").penalty == before


@pytest.mark.parametrize(("days", "seconds"), [(9, 86400), (10, 0), (0, 864000)])
def test_an_extension_moves_the_due_date_of_one(graded, days, seconds):
    late.set_due(graded, "small", "2026-11-10 10:00")
    grant(graded, "ben", days, [])
    assert standing(graded, "ben").late_seconds == seconds
    assert standing(graded, "ada").due == HANDED_IN.replace(day=10)


def test_a_units_own_extension_comes_before_that_of_every_unit(graded):
    late.set_due(graded, "small", "2026-11-10 10:00")
    grant(graded, "ben", 10, [])
    grant(graded, "ben", 4, ["small"])
    assert standing(graded, "ben").late_seconds == 6 * 86400


def test_an_extension_waits_for_a_submission_and_a_due_date(graded, executor):
    """It may be granted before anything is handed in, and outlives grading."""
    with graded.gradebook() as gradebook:
        gradebook.add_student("lea")
    grant(graded, "lea", 30, [])
    grant(graded, "ben", 30, [])
    assert grading.grade(graded, students="ben", executor=executor)[0].status == "graded"
    late.set_due(graded, "small", "2026-11-10 10:00")
    assert standing(graded, "ben").late_seconds == 0


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), 4000])
def test_odd_extensions_are_refused(graded, days):
    with pytest.raises(CourseError, match="Days must be"):
        grant(graded, "ben", days, [])


def test_an_unknown_student_gets_a_suggestion(graded):
    with pytest.raises(CourseError, match="Did you mean ben"):
        grant(graded, "bem", 1, [])


@pytest.mark.parametrize(
    "when",
    ["2026-11-10T11:00+01:00", "2026-11-10 11:00 Europe/Berlin", "2026-11-10 10:00 UTC",
     "2026-11-10 10:00", "10 Nov 2026 05:00 -0500", "November 10, 2026 10:00",
     "2026-11-10 05:00 America/Port-au-Prince", "20261110T1000", "2026-11-10T10:00Z"],
)  # fmt: skip
def test_a_due_date_is_kept_in_utc(graded, when):
    assert late.set_due(graded, "small", when) == HANDED_IN.replace(day=10)


@pytest.mark.parametrize(
    "when",
    ["soon", "2026-11-10 10:00 XYZ", "2026-13-40", "99999999999999", "2026", "23:59", "10 Nov"],
)
def test_what_is_no_date_is_refused(graded, when):
    with pytest.raises(CourseError, match="Not a date"):
        late.set_due(graded, "small", when)


@pytest.mark.parametrize("when", ["10.11.2026 23:59 Europe/Berlin", "10/11/2026", "3-4-26"])
def test_a_day_that_may_be_the_month_is_refused(graded, when):
    with pytest.raises(CourseError, match="may be exchanged. Write the year first"):
        late.set_due(graded, "small", when)


def test_a_plugin_that_fails_does_not_stop_the_report(graded):
    config = graded.root / "nbgrader_config.py"
    config.write_text(
        config.read_text() + "from nbgrader.plugins import BasePlugin\n"
        "class Late(BasePlugin):\n"
        "    def late_submission_penalty(self, *args): raise ValueError('no table')\n"
        "c.AssignLatePenalties.plugin_class = Late\n"
    )
    late.set_due(graded, "small", "2026-11-10 10:00")
    assert "10 days late" in write_report(CourseDirectory(graded.root)).read_text()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(86400, "1 day late"), (90000 * 2, "2.1 days late"), (7200, "2 hours late"),
     (61, "1 minute late"), (5, "less than a minute late")],
)  # fmt: skip
def test_lateness_in_words(seconds, words):
    assert late.in_words(seconds) == words


def test_the_terminal_says_who_is_late(graded, monkeypatch, capsys):
    late.set_due(graded, "small", "2026-11-10 10:00")
    outcomes = grading.load_outcomes(graded)
    monkeypatch.setattr(grading, "grade", lambda *args, **options: outcomes)
    assert main(["grade", "--course", str(graded.root)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "ben" in line)
    assert "10 days late, penalty" in line and " 0 / 5" in line


# The class list


def roster(tmp_path, text):
    path = tmp_path / "class.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_reach_report_feedback_and_export(graded, tmp_path):
    path = roster(tmp_path, "id,name,email\nada,Ada <b>Lovelace,ada@x.org\nnew,New Comer,\n")
    assert import_roster(graded, path) == (1, 1)
    report = write_report(graded).read_text()
    assert "Ada &lt;b&gt;Lovelace" in report and "<b>Lovelace" not in report
    (folder,) = write_feedback(graded, students="ada")
    page = (folder / "small.html").read_text()
    assert "<h1>Ada &lt;b&gt;Lovelace</h1>" in page
    with write_scores(graded, tmp_path / "a.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert (rows["ada"]["last_name"], rows["ada"]["email"]) == ("<b>Lovelace", "ada@x.org")


def test_an_import_completes_and_removes_nothing(graded, tmp_path):
    import_roster(graded, roster(tmp_path, "id;first name;surname;email\nada;Ada;Lovelace;a@x\n"))
    import_roster(graded, roster(tmp_path, "id,email,extension\nada,,2.5\n"))
    found = {someone.id: someone for someone, _ in people(graded)}
    assert set(found) == {"ada", "ben", "kim"}
    assert (found["ada"].name, found["ada"].email) == ("Ada Lovelace", "a@x")
    assert late.extensions(graded) == {"ada": {"*": 2.5}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header line with a column `id`"),
        ("name,email\nAda,a@x\n", "header line with a column `id`"),
        ("id\nada\nada\n", "line 3: the id 'ada' is there twice"),
        ("id,name\n,Ada\n", "line 2: the id is missing"),
        ("id\n../../etc\n", "cannot be the name of a folder"),
        ("id\n.hidden\n", "cannot be the name of a folder"),
        ("id,extension\nada,two\n", "a number of days; received 'two'"),
        ("id,extension\nada,nan\n", "0 to 3650 days; received nan"),
        ("id,name\nada," + "x" * 200 + "\n", "longer than 128"),
        (b"id,name\nada,\xff\n", "not UTF-8"),
    ],
)
def test_a_wrong_list_is_refused_as_a_whole(tmp_path, text, says):
    with pytest.raises(CourseError, match=re.escape(says)):
        read_roster(roster(tmp_path, text))


def test_names_are_split_and_a_byte_order_mark_is_none_of_them(tmp_path):
    text = "\ufeffID\tName\na\tAda King Lovelace\nb\t\nc\tCurie\n"
    found = [(e.person.first_name, e.person.last_name) for e in read_roster(roster(tmp_path, text))]
    assert found == [("Ada King", "Lovelace"), ("", ""), ("", "Curie")]
    (entry,) = read_roster(roster(tmp_path, 'id,name\na,"Lovelace, Ada"\n'))
    assert entry.person.name == "Ada Lovelace"


def test_the_commands(graded, tmp_path, capsys):
    where = ["--course", str(graded.root)]
    path = roster(tmp_path, "id,name,extension\nada,Ada [bold]L,3\n")
    assert main(["students", "import", str(path), *where]) == 0
    assert main(["students", "extend", "ben", "2", "small", *where]) == 0
    assert main(["due", "small", "2026-11-10 10:00", *where]) == 0
    capsys.readouterr()
    assert main(["students", "list", *where]) == 0
    out = capsys.readouterr().out
    assert "Ada [bold]L" in out and "+3 days" in out
    assert main(["due", *where]) == 0
    assert "small  2026-11-10 10:00:00 UTC" in capsys.readouterr().out
    assert main(["export", "--format", "moodle", "--out", str(tmp_path / "m.csv"), *where]) == 0
    assert "1 submission" in capsys.readouterr().out


# Export


def table(course, tmp_path, format):
    with write_scores(course, tmp_path / f"{format}.csv", format).open(newline="") as file:
        return list(csv.reader(file))


def test_every_format_has_names_and_scores_after_penalties(graded, tmp_path):
    import_roster(graded, roster(tmp_path, 'id,name,lms_id\nben,"Ng, Ben",77\n'))
    late.set_due(graded, "small", "2026-11-19 10:00")
    canvas = {row[2]: row for row in table(graded, tmp_path, "canvas")}
    assert canvas["SIS User ID"][-1] == "small"
    assert (canvas[""][0].strip(), canvas[""][-1]) == ("Points Possible", "5.0")
    assert canvas["ben"] == ["Ng, Ben", "77", "ben", "", "", "0.0"]
    assert (canvas["ada"][-1], canvas["kim"][-1]) == ("5.0", "")
    moodle = {row[2]: row for row in table(graded, tmp_path, "moodle")}
    assert moodle["ben"] == ["Ben", "Ng", "ben", "", "0.0"]
    scope = {row[2]: row for row in table(graded, tmp_path, "gradescope")}
    assert scope["SID"][4:6] == ["small", "small - Max Points"]
    assert scope["ben"][4:] == ["0.0", "5.0", "2026-11-20 10:00:00", "24:00:00"]


def test_no_spreadsheet_takes_a_name_for_a_formula(graded, tmp_path):
    import_roster(graded, roster(tmp_path, "id,name\n=1+1,@SUM(A1)\n"))
    (row,) = (row for row in table(graded, tmp_path, "moodle") if "1+1" in row[2])
    assert row[1:3] == ["'@SUM(A1)", "'=1+1"]


def test_an_unknown_format_is_refused(graded, tmp_path):
    with pytest.raises(CourseError, match="received 'ods'"):
        write_scores(graded, tmp_path / "x", "ods")


# Names of questions, and mistakes


def test_questions_are_named_by_the_heading_above_them():
    more = notebook()
    text = ["## 1 · `Double` [it](x)", "```\n## no\n```\nplain", "# Title only", "## Two"]
    headings = [nbformat.v4.new_markdown_cell(line) for line in text]
    answer = nbformat.v4.new_markdown_cell("## My own answer")
    answer.metadata["nbgrader"] = {"solution": True, "grade_id": "a"}
    cells = more.cells
    more.cells = [*headings[:3], *cells[:3], headings[3], answer, *cells[3:]]
    assert question_names(more) == {"test_double": "1 · Double it", "test_square": "Two"}
    more.cells.remove(headings[3])
    assert question_names(more)["test_square"] == "1 · Double it (test_square)"
    assert question_names(notebook())["test_double"] == "test_double"


def outcome(student, *failures, score: float | None = 0):
    found = [grading.outcome.Failure(*failure) for failure in failures]
    question = grading.outcome.QuestionScore("q", score, 3, found)
    return grading.Outcome("u", student, "graded", questions=[question])


def test_a_student_counts_once_for_a_mistake_however_many_checks_found_it():
    strides = [("small", "gave 3.", "strides"), ("large", "gave 9.", "strides")]
    found = mistakes([
        outcome("a", *strides, ("small", "gave 3.", "strides")),
        outcome("b", ("rule", "uses keras")),
        outcome("c", ("rule", "uses keras"), *strides[1:]),
        outcome("d", ("rule", "uses keras")),
        outcome("set aside", ("rule", "uses keras"), score=None),
    ])  # fmt: skip
    assert [(m.cause, m.students) for m in found] == [
        ("rule", ["b", "c", "d"]), ("strides", ["a", "c"]),
    ]  # fmt: skip
    assert found[1].checks == ["small", "large"]


def test_an_unwritten_answer_is_no_mistake():
    found = [outcome("a", *[(check, "f: it is not written yet", "x") for check in "xyz"])]
    assert mistakes(found) == []
    assert unwritten([*found, *found]) == [(["q"], ["a", "a"])]


# Feedback


def test_feedback_has_name_summary_and_signs_and_asks_no_host(graded):
    late.set_due(graded, "small", "2026-11-10 10:00")
    by_hand(graded, "ben", "test_double", 1.5)
    (folder,) = write_feedback(graded, students="ben")
    page = (folder / "small.html").read_text()
    assert "<h1>ben</h1>" in page
    assert "10 days late, penalty 4.5" in page and "Late penalty" in page
    assert "0 of 5 points" in page and "◐ partly right" in page and "✓ right" in page
    assert '<a href="#question-2">test_square</a>' in page and 'id="question-2"' in page
    assert "default-src 'none'" in page
    assert not re.findall(r"<script|<link|src=\"http|url\(['\"]?http|@import", page)


def test_feedback_on_what_was_set_aside_gives_no_verdict(graded):
    (folder,) = write_feedback(graded, students="kim")
    page = (folder / "small.html").read_text()
    assert "2 questions still to be marked by hand" in page
    assert "… not marked yet" in page and "✗" not in page.split("</header>")[0]
