"""How long a student waits, in a browser: `python -m tests.browser.timings`, on an idle machine.

Nothing here is a test.
"""

import tempfile
import time
from pathlib import Path

import nbformat
from playwright.sync_api import expect, sync_playwright

from autograder.course_directory import CourseDirectory
from autograder.handout.write import hand_out
from course.student import work
from course.student.folder import StudentFolder
from tests.browser.find import chromium, options
from tests.browser.notebook import Notebook, menu
from tests.browser.servers import PATIENCE, serving
from tests.conftest import ROOT

UNIT = "01_convolution"


def main() -> None:
    """Measure, and print a line for each wait."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = _solved(Path(scratch) / "course")
        places = {
            cell.metadata.get("nbgrader", {}).get("grade_id"): n
            for n, cell in enumerate(nbformat.read(folder.copy(UNIT), 4).cells)
        }
        expect.set_options(timeout=PATIENCE * 1000)
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=options())
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        command = ["-m", "course.cli", "lab", "--no-browser"]
        clock = Clock()
        with serving(command, folder.root, Path(scratch), PYTHONPATH=str(folder.root)) as address:
            clock.took("`course lab` until the server answers")
            page.goto(address.replace("/lab?", "/lab/tree/START.md?"))
            link = page.locator(".jp-MarkdownViewer").get_by_role("link", name="open")
            link.wait_for()
            clock.took("until the start page is there")
            link.click()
            notebook = Notebook(page, f"{UNIT}/{UNIT}.ipynb")
            clock.took("from a click until the assignment is there, its kernel idle")
            notebook.run(places["imports"])
            clock.took("the imports (TensorFlow)")
            notebook.run(places["correlate"])
            clock.start()
            notebook.run_selected()
            expect(notebook.output(places["test_correlate"])).to_contain_text("✓")
            clock.took("from running a test to its message")
            menu(page, "Kernel", "Restart Kernel and Run All Cells")
            page.locator(".jp-Dialog .jp-mod-accept").click()
            clock.start()
            summary = notebook.output(places["examples_summary"])
            expect(summary).to_contain_text("12 of 12 questions pass")
            clock.took("the summary of a solved notebook, everything run anew")
        browser.close()


class Clock:
    """Prints the seconds since it was started, or since it last printed."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self.began = time.perf_counter()

    def took(self, what: str) -> None:
        """Print how long something took, and count anew."""
        print(f"{time.perf_counter() - self.began:6.1f} s  {what}", flush=True)
        self.start()


def _solved(root: Path) -> StudentFolder:
    """Return a student's folder with the solution's answers in the copy."""
    hand_out(CourseDirectory(ROOT), root, [UNIT])
    folder = StudentFolder(root)
    work.update(folder)
    source = nbformat.read(ROOT / "solutions" / UNIT / f"{UNIT}.ipynb", 4).cells
    answers = {cell.id: cell.source for cell in source}
    notebook = nbformat.read(folder.copy(UNIT), 4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            cell.source = answers[cell.id]
    nbformat.write(notebook, folder.copy(UNIT))
    return folder


if __name__ == "__main__":
    main()
