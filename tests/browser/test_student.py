"""A student in a browser, from the folder that was handed out alone."""

import zipfile

import nbformat
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from autograder.course_directory import CourseDirectory
from autograder.handout.write import hand_out
from course.student.folder import StudentFolder
from tests.browser.notebook import Notebook, menu
from tests.browser.servers import eventually, serving
from tests.conftest import ROOT

UNIT = "01_convolution"
WRONG = "def correlate(image, kernel):\n    return image"
RIGHT = (
    "def correlate(image, kernel):\n"
    "    windows = sliding_window_view(image, kernel.shape)\n"
    '    return np.einsum("ijmn,mn->ij", windows, kernel)'
)
SETTINGS = 'name = "Nets 2026"\nsubmit = "Mail it to Ada."\n[due]\n01_convolution = 2030-05-06\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a student of one unit gets: no solution, no grader, no tests."""
    root = tmp_path_factory.mktemp("student") / "course"
    hand_out(CourseDirectory(ROOT), root, [UNIT])
    (root / "course.toml").write_text(SETTINGS)
    return StudentFolder(root)


@pytest.fixture(scope="module")
def page(folder, window, tmp_path_factory):
    """JupyterLab, as `course lab` opens it."""
    command = ["-m", "course.cli", "lab", "--no-browser"]
    scratch = tmp_path_factory.mktemp("jupyter")
    with serving(command, folder.root, scratch, PYTHONPATH=str(folder.root)) as address:
        opened = window.new_page()
        opened.goto(address.replace("/lab?", "/lab/tree/START.md?"))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def places(folder):
    """Where the cells of the assignment are, by name."""
    cells = nbformat.read(folder.released(UNIT), 4).cells
    names = {
        cell.metadata.get("nbgrader", {}).get("grade_id", n): n for n, cell in enumerate(cells)
    }
    assert names["test_correlate"] == names["correlate"] + 1
    return names


@pytest.fixture(scope="module")
def assignment(page):
    """The assignment, opened from the start page, its first cell run."""
    page.locator(".lm-TabBar-tab").filter(has_text="START.md").click()
    page.locator(".jp-MarkdownViewer").get_by_role("link", name="open").click()
    return Notebook(page, f"{UNIT}/{UNIT}.ipynb")


def test_the_start_page_has_the_unit_and_leads_to_both_notebooks(page):
    table = page.locator(".jp-MarkdownViewer table")
    row = table.locator("tbody tr")
    expect(row).to_have_count(1)
    for text in ("01 · Convolution", "1 h", "4.5 h", "not begun", "Mon 6 May 2030, 23:59"):
        expect(row).to_contain_text(text)
    assert row.get_by_role("link").all_inner_texts() == ["read", "open", "hand in"]
    expect(page.locator(".jp-MarkdownViewer h1")).to_contain_text("Nets 2026")


def test_the_tree_has_lecture_and_assignment_once_each(page, folder):
    names = page.locator(".jp-DirListing-itemText")
    expect(names).to_have_text([UNIT, "lectures", "START.md"])
    assert [path.name for path in folder.work.rglob("[!.]*.py")] == []


def test_nothing_for_instructors_and_no_news_are_shown(page):
    expect(page.locator(".lm-MenuBar-item")).to_have_text(
        ["File", "Edit", "View", "Run", "Kernel", "Tabs", "Settings", "Help"]
    )
    expect(page.locator(".jp-Dialog, .Toastify__toast")).to_have_count(0)


def test_the_lecture_opens_as_a_notebook_and_its_slider_moves(page, folder):
    page.locator(".jp-MarkdownViewer").get_by_role("link", name="read").click()
    lecture = Notebook(page, f"lectures/{UNIT}.ipynb")
    cells = nbformat.read(folder.lecture(UNIT), 4).cells
    slides = next(n for n, cell in enumerate(cells) if "interactive(" in cell.source)
    loads = [n for n, cell in enumerate(cells[:slides]) if "shapes, shape_labels" in cell.source]
    imports = next(n for n, cell in enumerate(cells) if cell.cell_type == "code")
    for number in (imports, *loads, slides):
        lecture.run(number)
    picture = lecture.output(slides).locator("figure img")
    before = picture.get_attribute("src")
    lecture.output(slides).locator(".noUi-handle, .ui-slider-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before)
    lecture.is_idle()
    lecture.save()


def test_a_wrong_answer_is_explained_and_a_right_one_passes(assignment, places):
    assignment.run(places["imports"])
    assignment.is_idle()
    output = assignment.output(places["test_correlate"])
    for source, says in ((WRONG, "✗"), (RIGHT, "✓")):
        assignment.write(places["correlate"], source)
        assignment.run_selected()  # the answer
        assignment.run_selected()  # the test below it
        expect(output).to_contain_text(says)
    expect(output).not_to_contain_text("✗")
    expect(output.locator(".jp-OutputArea-executeResult")).to_have_count(0)  # no points


def test_run_all_reaches_the_summary(page, assignment, folder):
    menu(page, "Kernel", "Restart Kernel and Run All Cells")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    cells = nbformat.read(folder.released(UNIT), 4).cells
    summary = next(n for n, cell in enumerate(cells) if cell.source == "checks.summary()")
    for text in (
        "1 of 12 questions pass all their examples",
        "Slide a kernel over an image",
        "37 points",
    ):
        expect(assignment.output(summary)).to_contain_text(text)


def test_the_notebooks_button_saves_it_and_makes_the_archive(page, assignment, folder, tmp_path):
    with page.expect_popup() as opened:
        assignment.panel.get_by_role("button", name="Hand in").click()
    form = opened.value
    expect(form.locator("main")).to_contain_text("1 of 13 answered")
    form.get_by_label("Your id").fill("ada")
    form.get_by_role("button", name="Make the archive").click()
    expect(form.locator("main")).to_contain_text("Mail it to Ada.")
    with form.expect_download() as download:
        form.get_by_role("link", name="Download it").click()
    download.value.save_as(tmp_path / "archive.zip")
    (archive,) = (folder.root / "submissions").iterdir()
    assert archive.read_bytes() == (tmp_path / "archive.zip").read_bytes()
    with zipfile.ZipFile(archive) as opened:
        sent = nbformat.reads(opened.read(f"{UNIT}/{UNIT}.ipynb").decode(), 4)
    assert RIGHT in [cell.source for cell in sent.cells]
    form.close()


def test_submit_in_the_labs_terminal_makes_another(page, folder):
    menu(page, "File", "New", "Terminal")
    page.locator(".jp-Terminal .xterm-helper-textarea").focus()
    page.keyboard.type(f"course submit {UNIT}\n")  # the id is remembered
    archives = folder.root / "submissions"
    eventually(lambda: len(list(archives.glob(f"{UNIT}_ada_*.zip"))) == 2)


def test_the_start_page_is_up_to_date(page):
    page.locator(".lm-TabBar-tab").filter(has_text="START.md").click()
    row = page.locator(".jp-MarkdownViewer tbody tr")
    expect(row).to_contain_text("1 of 13 answered")
    expect(row).to_contain_text("archive of")
