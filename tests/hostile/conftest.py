"""The hostile class may show anything, in a failing test's report too."""

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A lone surrogate in a report cannot be sent from a worker, and would end the whole run."""
    report = (yield).get_result()
    if report.longrepr and not isinstance(report.longrepr, tuple):
        report.longrepr = str(report.longrepr).encode(errors="backslashreplace").decode()
