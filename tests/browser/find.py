"""Finds a Chromium; as a script, as `setup.sh` runs it, its status says whether there is one."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A new profile asks its maker for updates, which has nothing to do with our pages.
QUIET = (
    "--disable-background-networking --disable-component-update --disable-sync --disable-gpu "
    "--disable-quic --no-first-run"
).split()


def options() -> list[str]:
    """Return the browser's options; root, the only user in many containers, has no sandbox."""
    return [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def chromium(playwright: Playwright) -> str | None:
    """Return Playwright's own browser if it is installed, else the system's."""
    own = playwright.chromium.executable_path
    if Path(own).is_file():
        return own
    return next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    with sync_playwright() as started:
        sys.exit(chromium(started) is None)
