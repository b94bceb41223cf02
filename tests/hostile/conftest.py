"""The hostile class may show anything, in a test's report too."""

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A lone surrogate in a report cannot be sent from a worker, and would end the whole run."""
    report = (yield).get_result()
    if report.longrepr and not isinstance(report.longrepr, tuple):
        report.longrepr = _sendable(str(report.longrepr))
    # What was printed and logged is sent along even when a test passes.
    report.sections = [(title, _sendable(text)) for title, text in report.sections]


def _sendable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
