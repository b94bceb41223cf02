"""A browser window whose pages talk to this machine alone."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.servers import PATIENCE

HERE = {"", "127.0.0.1", "localhost"}  # a file or data has no host


@pytest.fixture(scope="module")
def window(browser) -> Iterator:
    """A window for the tests of a file; at the end, no page has asked another machine."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield context
    hosts = {urlsplit(address).hostname or "" for address in asked}
    context.close()
    assert hosts <= HERE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep a picture of every page of a test that failed, where `BROWSER_PICTURES` says."""
    report = yield
    folder = os.environ.get("BROWSER_PICTURES")
    if folder and report.when == "call" and report.failed and "window" in item.fixturenames:
        for number, page in enumerate(item.funcargs["window"].pages):
            page.screenshot(path=Path(folder) / f"{item.name}-{number}.png")
    return report
