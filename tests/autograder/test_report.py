"""The report: discrimination, answers that are alike, sorting, filtering and links."""

import json
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from scipy.stats import pointbiserialr

from autograder import grading
from autograder.classroom.feedback import write_feedback
from autograder.classroom.question_summary import summarize
from autograder.classroom.report import running_lab, write_report
from autograder.classroom.similarity import similar_answers
from autograder.cli import main
from autograder.course_directory import CourseDirectory, CourseError
from autograder.standings import Mark, Person, Standing

LONG = """
def double(x):
    total = 0
    for step in range(2):
        if x > 0:
            total += x
        elif x < 0:
            total = total - abs(x)
        else:
            total = total * step
    while total % 1 != 0:
        total = round(total, step)
    history = [total for place in range(3) if place == 0]
    pairs = {"first": history[0], "second": sum(history) / len(history)}
    limits = sorted([min(history), max(history)], key=lambda entry: -entry)
    return int(pairs["first"] if limits[0] == limits[1] else pairs["second"])
"""
RENAMED = LONG
for old, new in (
    ("total", "z"), ("step", "i"), ("history", "seen_before"), ("pairs", "both"), ("entry", "e"),
    ("limits", "ends"), ("place", "where"), ('"first"', '"a"'), ('"second"', '"b"'),
):  # fmt: skip
    RENAMED = RENAMED.replace(old, new)
RENAMED = RENAMED.replace("z = 0", "z = 0  # my own idea", 1)
OTHER = """
def double(x):
    import operator, functools
    try:
        parts = tuple(map(int, (x, x)))
    except (TypeError, ValueError) as problem:
        raise RuntimeError("not a number") from problem
    assert len(parts) == 2, parts
    class Adder:
        def __init__(self, *values):
            self.values = values
        def __call__(self):
            return functools.reduce(operator.add, self.values, 0)
    with open("/dev/null") as nothing:
        nothing.read()
    answer = Adder(*parts)()
    del parts
    return answer if answer is not None else None
"""


@pytest.fixture(scope="session")
def _graded(_released_course, tmp_path_factory, executor):
    """ada wrote it, ben renamed it, cleo did it otherwise, dan and eve nothing, fay cut it off."""
    root = tmp_path_factory.mktemp("reported") / "course"
    shutil.copytree(_released_course, root)
    course = CourseDirectory(root)
    released = course.path("release", ".", "small") / "small.ipynb"
    answers = {"ada": LONG, "ben": RENAMED, "cleo": OTHER, "dan": None, "eve": None}
    for student, source in answers.items():
        notebook = nbformat.read(released, 4)
        for cell in notebook.cells:
            if source and cell.metadata.get("nbgrader", {}).get("grade_id") == "double":
                cell.source = source
        course.path("submitted", student, "small").mkdir(parents=True)
        nbformat.write(notebook, course.path("submitted", student, "small") / "small.ipynb")
    course.path("submitted", "fay", "small").mkdir(parents=True)
    (course.path("submitted", "fay", "small") / "small.ipynb").write_text("cut off")
    grading.grade(course, executor=executor)
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student("ben", first_name="Ben", last_name="</td><script>x")
    return root


@pytest.fixture
def graded(_graded, tmp_path):
    """The graded class, for one test alone."""
    shutil.copytree(_graded, tmp_path / "course")
    return CourseDirectory(tmp_path / "course")


# Discrimination


def standing(student, *scores, points=(1, 4, 4)):
    marks = [
        Mark(f"q{n}", f"question {n}", most, score, score is None)
        for n, (score, most) in enumerate(zip(scores, points, strict=True))
    ]
    return Standing("unit", Person(student), marks)


CLASS = [(0, 0, 1), (0, 1, 4), (1, 2, 2), (1, 4, 3), (1, 3, 0), (0, 4, 4)]


def test_discrimination_of_a_right_or_wrong_question_is_the_point_biserial_with_the_rest():
    first, *_ = summarize(standing(str(n), *scores) for n, scores in enumerate(CLASS))
    expected = pointbiserialr([s[0] for s in CLASS], [s[1] + s[2] for s in CLASS]).statistic
    assert first.discrimination == pytest.approx(expected)
    assert first.weak == (expected < 0.2)


def test_a_question_that_the_weak_get_right_is_marked():
    found = summarize(standing(str(n), n < 3, n, min(n, 4)) for n in range(6))
    assert found[0].discrimination < 0 and found[0].weak and not found[1].weak


@pytest.mark.parametrize(
    "scores", [[(1, n, n) for n in range(5)], [(n % 2, n, 4) for n in range(4)]]
)
def test_no_discrimination_without_differences_or_with_too_few(scores):
    assert summarize(standing("a", *s) for s in scores)[0].discrimination is None


def test_who_was_not_marked_does_not_count():
    some = [standing(str(n), *s) for n, s in enumerate(CLASS)]
    question = summarize([*some, standing("late", None, 4, 4)])[0]
    assert question.marked == 6
    assert question.discrimination == pytest.approx(summarize(some)[0].discrimination)


# Similarity


def test_a_renamed_copy_is_found_and_nobody_else(graded):
    (pair,) = similar_answers(graded, "small", graded.students("small"))
    assert (pair.first, pair.second) == ("ada", "ben")
    assert pair.code > 0.9 and pair.text is None


def test_what_was_handed_out_does_not_make_answers_alike(graded, monkeypatch):
    """Nor does a note of ours, however short the answers may be."""
    monkeypatch.setattr("autograder.classroom.similarity.LEAST", 1)
    pairs = similar_answers(graded, "small", ["cleo", "dan", "eve", "fay"])
    assert pairs == []


def test_code_in_cells_of_ones_own_counts(graded, executor):
    for student in ("dan", "eve"):
        path = graded.path("submitted", student, "small") / "small.ipynb"
        own = nbformat.read(path, 4)
        own.cells.append(new_code_cell(OTHER.replace("double", student)))
        nbformat.write(own, path)
    grading.grade(graded, students="[de]*", executor=executor)
    pairs = {(p.first, p.second) for p in similar_answers(graded, "small", ["cleo", "dan", "eve"])}
    assert pairs == {("cleo", "dan"), ("cleo", "eve"), ("dan", "eve")}


def test_a_notebook_that_cannot_be_read_has_nothing_alike(graded):
    for student in ("ada", "ben"):
        path = graded.path("autograded", student, "small") / "small.ipynb"
        path.chmod(0o644)
        path.write_text(json.dumps({"cells": [{"source": 3}]}) if student == "ada" else "x")
    assert similar_answers(graded, "small", ["ada", "ben", "nobody"]) == []


# The page


def test_the_page_names_pairs_and_runs_only_its_own_script(graded):
    page = write_report(graded).read_text()
    assert "For eyes, not for verdicts" in page
    assert "Ben &lt;/td&gt;&lt;script&gt;x" in page
    policy = re.search(r'Security-Policy" content="([^"]+)"', page)[1]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)[1]
    assert "default-src 'none'" in policy
    assert re.findall(r"<script[^>]*>", page) == [f'<script nonce="{nonce}">']
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_links_lead_to_formgrader_where_it_is_said_to_be(graded, capsys):
    write_feedback(graded, students="ada")
    command = ["report", "--course", str(graded.root), "--formgrader"]
    assert main([*command, "http://127.0.0.1:8888/"]) == 0
    page = (graded.root / "report.html").read_text()
    with graded.gradebook() as gradebook:
        own = gradebook.find_submission_notebook("small", "small", "ada").id
    assert f'href="http://127.0.0.1:8888/formgrader/submissions/{own}/"' in page
    assert 'href="feedback/ada/small/small.html"' in page
    assert main([*command, "javascript:alert(1)"]) == 1
    assert "Not an address" in capsys.readouterr().err


def test_links_lead_to_the_lab_that_runs_in_the_course(graded, monkeypatch):
    servers = [
        {"root_dir": str(graded.root.parent), "url": "http://127.0.0.1:1/"},
        {"root_dir": str(graded.root), "url": "http://127.0.0.1:2/"},
    ]
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: iter(servers))
    assert running_lab(graded) == "http://127.0.0.1:2"
    assert "127.0.0.1:2/formgrader/submissions/" in write_report(graded).read_text()
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: iter(()))
    assert "autograder lab" in write_report(graded).read_text()


def test_an_address_is_checked_before_anything_is_written(graded):
    with pytest.raises(CourseError, match="Not an address"):
        write_report(graded, formgrader="127.0.0.1:8888")
    assert not (graded.root / "report.html").exists()


def test_a_report_without_copydetect_says_what_is_missing(graded, monkeypatch):
    monkeypatch.setattr("autograder.classroom.similarity.find_spec", lambda name: None)
    page = write_report(graded).read_text()
    assert "<code>copydetect</code> is not installed" in page and "For eyes" not in page


def test_what_waits_is_marked_by_a_command_that_the_report_names(graded):
    assert "<code>autograder mark small</code>" in write_report(graded).read_text()


def test_feedback_is_dark_where_the_screen_is_and_has_formulas_in_comments(graded):
    with graded.gradebook() as gradebook:
        comment = gradebook.find_comment("double", "small", "small", "ada")
        comment.manual_comment = "See $n < 3$."
        gradebook.db.commit()
    write_feedback(graded, students="ada")
    page = (graded.path("feedback", "ada", "small") / "small.html").read_text()
    assert "@media screen and (prefers-color-scheme: dark)" in page
    assert re.search(r"color-scheme: dark;.*\.highlight \.k", page, re.S)
    assert "<mo>&lt;</mo>" in page and "$n" not in page
