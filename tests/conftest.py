"""What every test needs: a quiet TensorFlow, the facts, and its turn."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Each pytest worker gets its share of the cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import psutil
import pytest

from autograder import platform
from tests import parts, recording

ROOT = parts.ROOT
FACTS = ROOT / "tests" / "facts"
# Lectures that are played on one day.
LECTURES = 2
# Of memory, for a pytest worker and what it starts.
WORKER_BYTES = 3 << 30


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def facts():
    """Reads a file of numbers that were computed independently of this project."""

    def read(name: str):
        return json.loads((FACTS / name).read_text())

    return read


@pytest.fixture(scope="session")
def whole(request) -> bool:
    """Whether everything is asked for, and not a day's part."""
    return parts.whole(request.config)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium; without one the tests are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api")
    from tests.browser.find import chromium, options

    # Until it ends, this thread has a running event loop, which other tests could not start.
    with sync_api.sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            pytest.skip("no Chromium: `playwright install chromium`, or `apt install chromium`")
        started = playwright.chromium.launch(executable_path=path, args=options())
        yield started
        started.close()


def pytest_addoption(parser):
    group = parser.getgroup("the course's tests")
    group.addoption("--whole", action="store_true", help="all tests, and not a day's part of them")
    group.addoption(
        "--record",
        nargs="?",
        const="*",
        metavar="PART",
        help=f"run one of {', '.join(parts.PARTS)} whole and write its ledger; without PART, all "
        "whose ledger no longer holds (write --record=PART, with the equals sign); with --whole, "
        "all other tests as well",
    )
    group.addoption(
        "--changed",
        nargs="?",
        const="HEAD",
        metavar="COMMIT",
        help="only files that import or read what has changed since a commit (the last)",
    )
    group.addoption(
        "--record-durations",
        action="store_true",
        help="write how long each scope took, by which the next runs are scheduled",
    )


def pytest_configure(config):
    if parts.whole(config):
        os.environ.setdefault("KILLS", "20")
    if hasattr(config, "workerinput"):
        return
    recorded = _to_record(config)
    os.environ["RECORDED_PARTS"] = " ".join(recorded)  # for the workers
    recorder = recording.Recorder(_scope, recorded, config.getoption("record_durations"))
    config.pluginmanager.register(recorder, "recorder")


def _to_record(config) -> dict[str, dict[str, str]]:
    """Parts to be recorded, with their digests now: what is edited meanwhile was not what ran."""
    asked = config.getoption("record")
    if not asked:
        return {}
    if asked != "*" and asked not in parts.PARTS:
        known = ", ".join(parts.PARTS)
        raise pytest.UsageError(f"--record takes one of {known}; received {asked!r}.")
    if config.option.keyword or config.option.markexpr or config.args != ["tests"]:
        raise pytest.UsageError("--record runs whole parts: it takes no tests, -k or -m beside it.")
    names = list(parts.stale()) if asked == "*" else [asked]
    return {name: parts.digests(name) for name in names}


def pytest_report_header(config):
    """What is recorded, why, and how long it took the last time; or whose turn it is."""
    if not config.getoption("record"):
        part = "everything" if config.getoption("whole") else f"the part of {parts.DAY}"
        return f"the course: {part}"
    recorder = config.pluginmanager.get_plugin("recorder")
    if recorder is None:
        return None  # a worker
    lines = []
    for part, digests in recorder.recorded.items():
        last = parts.ledgers.Ledger.read(ROOT, part)
        names = parts.ledgers.changed(last, digests)
        took = f"; the last time took {last.seconds:.0f} s of tests" if last else ""
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"recording {part}: {', '.join(names[:3])}{more}{took}")
    return lines or "recording nothing: the ledger of every part of the tests holds"


def _scope(nodeid: str) -> str:
    """Tests of one scope go to one worker, as the fixtures of a file are expensive.

    The sweep's names and the demo's classes share nothing, and go one by one; what all units have
    in common goes unit by unit.
    """
    if "test_sweep.py" in nodeid or "test_demo.py" in nodeid:
        return nodeid
    unit = re.search(r"test_units\.py::.*?(\d\d_\w+)", nodeid)
    return unit[1] if unit else nodeid.split("::")[0]


def pytest_ignore_collect(collection_path, config) -> bool | None:
    """With `--changed`, leave out files that no change touches."""
    commit = config.getoption("changed")
    if not commit or collection_path.is_dir():
        return None
    return None if collection_path in parts.touched(commit) else True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what is not asked for; longest scopes first, so that no worker is left with one.

    The sweep and its like come before all, as large nets are slow in an old process; then the
    demo's classes, each of which is one test of minutes.
    """
    if not parts.whole(config):
        lectures = set(parts.sample(parts.UNITS, LECTURES, "lectures"))
        _keep(config, items, lambda item: _is_of_today(item, lectures))
    elif not config.getoption("whole"):
        asked = os.environ["RECORDED_PARTS"].split()
        _keep(config, items, lambda item: parts.part_of(item.nodeid) in asked)
    if hasattr(config, "workerinput"):
        sizes = Counter(_scope(item.nodeid) for item in items)
        seconds = {**sizes, **recording.known_durations()}  # a new one: a second a test
        early = {"test_sweep.py": 0, "test_jax.py": 0, "test_demo.py": 1}

        def turn(item):
            scope = _scope(item.nodeid)
            return early.get(item.path.name, 2), -seconds[scope], scope

        items.sort(key=turn)


def _is_of_today(item, lectures: set[str]) -> bool:
    unit = getattr(item.module, "UNIT", None)
    if "taught" in item.fixturenames and getattr(unit, "name", None) not in {None, *lectures}:
        return False
    part = parts.part_of(item.nodeid)
    left_out = part is None or parts.has_ledger(part)
    return not (left_out and item.get_closest_marker("whole"))


def _keep(config, items, wanted) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Tell how much CPU time a test took, its fixtures and child processes included."""
    item.config.stash[_CPU] = sum(os.times()[:4])
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "teardown":
        spent = sum(os.times()[:4]) - item.config.stash[_CPU]
        report.user_properties.append(("cpu", spent))
    return report


_CPU = pytest.StashKey[float]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """One more than cores, as a fifth of the time a test waits; where there is memory for them."""
    memory = psutil.virtual_memory().total // WORKER_BYTES
    return max(1, min(platform.cores() + 1, memory))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Scopes go to workers whole, in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)
