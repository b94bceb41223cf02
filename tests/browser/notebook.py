"""A notebook in JupyterLab, used as people use it: by clicks and keys."""

import re
from contextlib import suppress

from playwright.sync_api import Locator, Page, expect

IDLE = re.compile(r"\| Idle$")  # what the status bar says of the kernel of the notebook in front
DONE = re.compile(r"\[\d+\]")  # the prompt of a cell that ran


class Notebook:
    """The notebook that is in front.

    Args:
        page: of JupyterLab, in which the notebook has just been opened.
        path: of its file, in the work tree.
    """

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        front = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current")
        expect(front).to_have_attribute("title", re.compile(rf"^Path: {re.escape(path)}$", re.M))
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.is_idle()

    def is_idle(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        expect(self.page.locator("#jp-main-statusbar").get_by_text(IDLE)).to_be_visible()

    def cell(self, number: int) -> Locator:
        """Return a cell by its place in the file."""
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        """Return what a cell has shown."""
        return self.cell(number).locator(".jp-OutputArea")

    def select(self, number: int) -> None:
        """Click on a code cell until one can type: it unfolds, or moves while others are drawn."""
        cell = self.cell(number)
        there = cell.locator(".jp-InputPlaceholder .jp-Placeholder-content, .cm-content")
        for _ in range(10):
            there.filter(visible=True).first.click()
            if cell.locator(".cm-focused").count():
                return
        raise AssertionError(f"cell {number} was clicked, but one cannot type into it")

    def write(self, number: int, source: str) -> None:
        """Replace a cell's text."""
        self.select(number)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def run(self, number: int) -> None:
        """Run a code cell that has not run yet, and wait until it is done.

        JupyterLab forgets what is run while it connects to the kernel; so this tries again.
        """
        prompt = self.cell(number).locator(".jp-InputPrompt")
        for _ in range(10):
            self.select(number)
            self.run_selected()
            with suppress(AssertionError):
                expect(prompt).not_to_have_text("[ ]:", timeout=20_000)
                break
        expect(prompt).to_have_text(DONE)

    def run_selected(self) -> None:
        """Run the selected cell, and go to the next one."""
        self.page.keyboard.press("Shift+Enter")

    def save(self) -> None:
        """Save it."""
        self.page.keyboard.press("Control+S")
        expect(self.page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)


def menu(page: Page, *names: str) -> None:
    """Choose an entry of the menus, from the menu bar on."""
    bar, *entries = names
    page.locator(".lm-MenuBar-item").get_by_text(bar, exact=True).click()
    for name in entries:
        page.locator(".lm-Menu-item:visible").filter(has_text=name).first.click()
