"""How long the tests take, and what whole parts of them found: a plugin of the main process."""

import json
from collections import Counter, defaultdict

import pytest

from autograder import ledgers
from tests import parts

DURATIONS = parts.ROOT / "tests" / "durations.json"


def known_durations() -> dict[str, float]:
    """Seconds of each scope when they were last written down."""
    return json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}


def _exists(scope: str) -> bool:
    """Whether a scope's file is still there; a unit has several."""
    path = scope.partition("::")[0]
    return not path.endswith(".py") or (parts.ROOT / path).exists()


class Recorder:
    """Adds up times by scope and outcomes by part.

    Args:
        scope_of: gives a test's scope.
        recorded: parts whose ledgers are to be written, with the digests before the run.
        durations: write the scopes' times to their file.
    """

    def __init__(self, scope_of, recorded: dict[str, dict[str, str]], durations: bool):
        self.scope_of, self.recorded, self.durations = scope_of, recorded, durations
        self.seconds, self.cpu = Counter(), Counter()
        self.found = defaultdict(lambda: defaultdict(Counter))
        self.took = Counter()
        self.not_here: dict[str, str] = {}
        self.written: list[str] = []

    def pytest_runtest_logreport(self, report):
        scope, part = self.scope_of(report.nodeid), parts.part_of(report.nodeid)
        self.seconds[scope] += report.duration
        if report.when == "teardown":
            self.cpu[scope] += dict(report.user_properties).get("cpu", 0)
        if part not in self.recorded:
            return
        self.took[part] += report.duration
        if report.when == "call" or report.outcome != "passed":
            test = report.nodeid.partition("[")[0].rpartition("::")[2]
            self.found[part][test][report.outcome] += 1
        if report.outcome == "skipped" and parts.NOT_HERE in str(report.longrepr):
            self.not_here[part] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session, exitstatus):
        nothing = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        holds = session.config.getoption("record") and not self.recorded
        if nothing and (holds or session.config.getoption("changed")):
            session.exitstatus = pytest.ExitCode.OK
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        for part, digests in self.recorded.items():
            found = self.found[part]
            failed = any(counts["failed"] for counts in found.values())
            if found and not failed and part not in self.not_here:
                ledger = ledgers.new(part, digests, found, self.took[part])
                self.written.append(str(ledger.write(parts.ROOT).relative_to(parts.ROOT)))
        if self.durations:
            rounded = {scope: round(seconds, 1) for scope, seconds in self.seconds.items()}
            known = {s: t for s, t in {**known_durations(), **rounded}.items() if _exists(s)}
            DURATIONS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")

    def pytest_terminal_summary(self, terminalreporter):
        if not self.seconds:
            return
        terminalreporter.section("longest parts: seconds, and of CPU")
        for scope, seconds in self.seconds.most_common(10):
            terminalreporter.line(f"{seconds:8.1f} {self.cpu[scope]:8.1f}  {scope}")
        for path in self.written:
            terminalreporter.line(f"written: {path}")
        for part, reason in self.not_here.items():
            terminalreporter.line(f"no ledger of {part}: {reason}")
