"""Takes the pictures of the README: a lecture, a failing test, the report (`make pictures`).

A student's folder is handed out to a temporary place, two of its notebooks are run in part, and a
headless Chromium looks at them in JupyterLab. The report is that of `make demo`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from autograder.course_directory import CourseDirectory
from autograder.handout.write import hand_out
from course.student import lab
from course.student.folder import StudentFolder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REPORT = ROOT / "demo" / "report.html"
SIZE = {"width": 1280, "height": 800}
LARGEST = 300_000  # bytes
WAIT = 600_000  # milliseconds, on a busy machine
LECTURE, FIGURE = "01_convolution", 4
UNIT, ANSWER, TEST = "02_sizing", "valid_output_size", "test_valid_output_size"
WRONG = (
    "def valid_output_size(size, kernel_size, strides=1):\n"
    "    if kernel_size > size:\n"
    '        raise ValueError("the kernel does not fit")\n'
    "    return (size - kernel_size) // strides"
)


def main(names: list[str]) -> int:
    """Take the named pictures, or all; the report's only if `make demo` has run."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("pictures: Chromium is missing (Debian: apt install chromium)", file=sys.stderr)
        return 1
    names = names or ["lecture", "test", "report"]
    if "report" in names and not REPORT.is_file():
        print(f"pictures: no {REPORT.relative_to(ROOT)}; run `make demo` first", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        os.environ["JUPYTER_DATA_DIR"] = f"{scratch}/data"  # signatures of what was run
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], timeout=WAIT
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(WAIT)
        if "report" in names:
            _take(page, "report", lambda: page.goto(REPORT.as_uri()))
        if {"lecture", "test"} & set(names):
            _take_notebooks(page, _student(Path(scratch, "course"), names), names)
        browser.close()
    return 0


def _take_notebooks(page: Page, folder: StudentFolder, names: list[str]) -> None:
    with _Server(folder) as address:
        if "test" in names:
            _take(page, "test", lambda: _test(page, address))
        if "lecture" in names:
            _take(page, "lecture", lambda: _lecture(page, address))


def _student(root: Path, names: list[str]) -> StudentFolder:
    """Hand out, and run the beginning of a lecture and a question that is answered wrongly."""
    hand_out(CourseDirectory(ROOT), root)
    folder = StudentFolder(root)
    lab.prepare(folder)
    if "lecture" in names:
        _run(folder.work / "lectures" / f"{LECTURE}.ipynb", _enough_figures)
    copy = folder.copy(UNIT)
    notebook = nbformat.read(copy, 4)
    next(cell for cell in notebook.cells if cell.id == ANSWER).source = WRONG
    nbformat.write(notebook, copy)
    if "test" in names:
        _run(copy, lambda cells: cells[-1].id == TEST)
    return folder


def _enough_figures(cells: list) -> bool:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}).get("text/html", "") for output in outputs]
    return sum("<img" in text or "<svg" in text for text in shown) > FIGURE


def _run(path: Path, enough: Callable[[list], bool]) -> None:
    """Run a notebook's cells up to one, and sign the notebook so that its outputs are shown."""
    notebook = nbformat.read(path, 4)
    client = NotebookClient(notebook, timeout=600, startup_timeout=600, allow_errors=True)
    environment = lab.environment() | {"PYTHONPATH": str(ROOT)}
    with client.setup_kernel(cwd=str(path.parent), env=environment):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, index)
            if enough(notebook.cells[: index + 1]):
                break
    nbformat.write(notebook, path)
    NotebookNotary().sign(nbformat.read(path, 4))


class _Server:
    """JupyterLab as `course lab` starts it, for as long as the block runs."""

    def __init__(self, folder: StudentFolder) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.folder = folder

    def __enter__(self) -> Callable[[str], str]:
        command = lab.command_line(self.folder.work, browser=False, port=self.port)
        environment = lab.environment() | {"JUPYTER_TOKEN": self.token, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, env=environment, cwd=self.folder.work, stderr=subprocess.DEVNULL
        )
        base = f"http://127.0.0.1:{self.port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{base}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        return lambda path: f"{base}/lab/tree/{path}?token={self.token}"

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(60)


def _lecture(page: Page, address: Callable[[str], str]) -> None:
    page.goto(address(f"lectures/{LECTURE}.ipynb"))
    pictures = ".jp-OutputArea-output :is(img, svg)"
    page.locator(pictures).first.wait_for()
    page.keyboard.press("Control+b")  # closes the file browser
    page.locator(pictures).nth(FIGURE).scroll_into_view_if_needed()


def _test(page: Page, address: Callable[[str], str]) -> None:
    page.goto(address(f"{UNIT}/{UNIT}.ipynb"))
    wrong = page.get_by_text("the kernel does not fit").first
    wrong.wait_for()
    wrong.scroll_into_view_if_needed()
    page.mouse.move(700, 400)


def _take(page: Page, name: str, show: Callable[[], object]) -> None:
    """Show something, wait until it has settled, and keep a small picture of it."""
    show()
    page.wait_for_timeout(4000)
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    if size >= LARGEST:
        raise SystemExit(f"{path} has {size} bytes; less than {LARGEST} are wanted.")
    print(f"{path.relative_to(ROOT)}: {size >> 10} KB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
