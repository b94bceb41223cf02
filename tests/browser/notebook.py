"""A notebook in JupyterLab, used as people use it: by clicks and keys."""

import re

from playwright.sync_api import Locator, Page, expect

DONE = re.compile(r"\[\d+\]")  # the prompt of a cell that ran


class Notebook:
    """The notebook that is in front.

    Args:
        page: of JupyterLab, in which the notebook has just been opened.
        name: of its file.
    """

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        front = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current")
        expect(front).to_contain_text(name)
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.is_idle()

    def is_idle(self) -> None:
        """Wait until the kernel is there and has nothing to do: what is run earlier may be lost."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

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
        """Run a code cell whose source is shown, and wait until it is done."""
        self.select(number)
        self.run_selected()
        expect(self.cell(number).locator(".jp-InputPrompt")).to_have_text(DONE)

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
