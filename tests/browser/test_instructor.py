"""An instructor in a browser: from archives that students made to grades that everybody can see."""

import csv
from datetime import UTC, datetime, timedelta

import nbformat
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from autograder.cli import main
from autograder.course_directory import CourseDirectory
from autograder.generate import generate
from autograder.handout.write import hand_out
from course.student import submission, work
from course.student.folder import StudentFolder
from tests.autograder.conftest import CONFIG, SOURCE, notebook
from tests.browser.notebook import menu
from tests.browser.servers import eventually, printing, serving

SECRETS = ("HIDDEN TESTS", "any number", "square(7)", "secret way", "BEGIN SOLUTION")
ESSAY = (
    "markdown",
    "### BEGIN SOLUTION\nIt grows.\n\n**Marking scheme** (4 points): growth.\n### END SOLUTION",
    {"solution": True, "grade": True, "points": 4},
)
RIGHT = {
    "double": "def double(x):\n    return x + x",
    "square": "def square(x):\n    return x * x",
    "essay": "It grows faster than $2x$.",
}
ANSWERS = {"ada": RIGHT, "ben": RIGHT | {"square": "def square(x):\n    return 4"}}
CLASS = "id,name,email\nada,Ada Lovelace,ada@example.org\nben,Ben Lima,ben@example.org\n"
OURS = (
    "from autograder.nbgrader_settings import use_autograder\n"
    f'{CONFIG}c.LateSubmissionPlugin.penalty_method = "zero"\nuse_autograder(c)\n'
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose unit was due an hour ago; Ada has two days more."""
    root = tmp_path_factory.mktemp("instructor")
    (root / "nbgrader_config.py").write_text(OURS)
    (root / "source" / "small").mkdir(parents=True)
    nbformat.write(notebook(SOURCE | {"essay": ESSAY}), root / "source" / "small" / "small.ipynb")
    made = CourseDirectory(root)
    assert generate(made, "small") == []
    (root / "class.csv").write_text(CLASS)
    run(made, "students", "import", str(root / "class.csv"))
    run(made, "due", "small", f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d %H:%M} UTC")
    run(made, "students", "extend", "ada", "2", "small")
    return made


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """The class, handed in with `course submit`, collected and graded."""
    inbox = tmp_path_factory.mktemp("inbox")
    for student, answers in ANSWERS.items():
        folder = StudentFolder(_handed_out(course, tmp_path_factory.mktemp(student)))
        work.update(folder)
        mine = nbformat.read(folder.copy("small"), 4)
        for cell in mine.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source)
        nbformat.write(mine, folder.copy("small"))
        made = submission.submit(folder, "small", student=student)
        made.path.rename(inbox / made.path.name)
    run(course, "collect", str(inbox))
    run(course, "grade")
    return course


@pytest.fixture(scope="module")
def formgrader(graded, window, tmp_path_factory):
    """formgrader, as the menu of `autograder lab` opens it."""
    command = ["-m", "autograder.cli", "lab", "--no-browser", f"--course={graded.root}"]
    with serving(command, graded.root, tmp_path_factory.mktemp("jupyter")) as address:
        page = window.new_page()
        page.goto(address)
        menu(page, "Nbgrader", "Formgrader")
        yield page.frame_locator("iframe")
        page.close()


def run(course, command, *arguments):
    """Run a command of `autograder` on the course."""
    assert main([command, *arguments, "--course", str(course.root)]) == 0


def _handed_out(course, folder):
    hand_out(course, folder / "course")
    return folder / "course"


def test_archives_are_collected_and_graded(graded):
    assert scores(graded) == {"ada": (5.0, 0.0), "ben": (2.0, 2.0)}  # and the penalty


def test_an_essay_is_marked_in_formgrader(formgrader, graded):
    formgrader.get_by_role("link", name="Manual Grading").click()
    for _ in ("unit", "notebook"):
        formgrader.locator("table").get_by_role("link", name="small").click()
    # Submissions are numbered in no particular order, and show no names until asked.
    row = formgrader.locator("tr").filter(has_text="Lovelace, Ada")
    row.locator("a.name-hidden").click()
    expect(formgrader.locator("#test_double")).to_have_attribute("placeholder", "2")
    formgrader.locator("#essay").fill("3.5")
    formgrader.locator("#essay-comment").fill("How fast?")
    formgrader.locator("#essay-comment").blur()
    eventually(lambda: scores(graded)["ada"] == (8.5, 0.0))
    eventually(lambda: comments(graded) == ["How fast?"])


def test_an_essay_is_marked_beside_the_scheme(graded, window, tmp_path):
    command = ["-m", "autograder.cli", "mark", "small", "--no-browser", f"--course={graded.root}"]
    with printing(command, graded.root, tmp_path / "log") as address:
        page = window.new_page()
        page.goto(address)
        expect(page.locator("aside")).to_contain_text("growth")
        card = page.locator("article").filter(has_text="Ben Lima")
        card.get_by_role("button", name="2 of 4", exact=True).click()
        expect(card.locator(".said")).to_contain_text("saved")
        page.close()
    assert scores(graded)["ben"][0] == 4.0


@pytest.mark.parametrize("button", ["flash", "comment"])
def test_formgraders_buttons_leak_nothing_and_lose_nothing(formgrader, graded, button):
    """They grade, and write feedback, as nbgrader's own never would: see docs/grading.md."""
    formgrader.locator("body").evaluate("() => { location.pathname = '/formgrader' }")
    formgrader.locator("table").get_by_role("link", name="2", exact=True).click()
    row = formgrader.locator("tr").filter(has_text="Lovelace")
    row.locator(f".glyphicon-{button}").click()
    said = formgrader.locator(".modal.in")
    expect(said).to_contain_text("Success")
    text = said.inner_text()
    said.get_by_role("button", name="OK").click()
    expect(said).to_have_count(0)
    pages = [path.read_text() for path in (graded.root / "feedback").rglob("*.html")]
    assert len(pages) == (button == "comment")
    assert not [secret for secret in SECRETS for page in [text, *pages] if secret in page]
    assert scores(graded) == {"ada": (8.5, 0.0), "ben": (4.0, 4.0)}


def test_the_report_has_names_marks_and_lateness(graded, window):
    run(graded, "report")
    page = window.new_page()
    page.goto((graded.root / "report.html").as_uri())
    body = page.locator("body")
    for text in ("Ada Lovelace", "Ben Lima", "8.5", "1 hour late"):
        expect(body).to_contain_text(text)
    page.close()


def test_feedback_explains_and_shows_no_hidden_test(graded, window):
    run(graded, "feedback")
    page = window.new_page()
    for student, texts in {
        "ada": ("Ada Lovelace", "8.5", "How fast?"),
        "ben": ("Ben Lima", "1 hour late"),
    }.items():
        page.goto((graded.path("feedback", student, "small") / "small.html").as_uri())
        for text in texts:
            expect(page.locator("body")).to_contain_text(text)
        assert not [secret for secret in SECRETS if secret in page.content()]
    page.close()


def test_scores_are_exported_with_names(graded):
    run(graded, "export", "--format=canvas", f"--out={graded.root / 'grades.csv'}")
    rows = csv.DictReader((graded.root / "grades.csv").read_text().splitlines())
    found = {row["SIS User ID"]: row for row in rows}
    assert found["ada"]["Student"] == "Lovelace, Ada" and "8.5" in found["ada"].values()
    assert "0.0" in found["ben"].values()  # after the penalty


def scores(course):
    """Points before the penalty, and the penalty, by student."""
    with course.gradebook() as gradebook:
        found = gradebook.assignment_submissions("small")
        return {one.student.id: (one.score, one.late_submission_penalty) for one in found}


def comments(course):
    """What people wrote to Ada."""
    with course.gradebook() as gradebook:
        found = gradebook.find_submission_notebook("small", "small", "ada").comments
        return [one.manual_comment for one in found if one.manual_comment]
