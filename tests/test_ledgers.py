"""What `make test` leaves out was run as a whole, on these very sources."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from autograder import ledgers, mutants
from autograder.course_directory import CourseDirectory
from tests import conftest, parts, recording


def assert_holds(subject: str, digests: dict[str, str], command: str) -> ledgers.Ledger:
    ledger = ledgers.Ledger.read(parts.ROOT, subject)
    if ledger is None:
        pytest.skip(f"no run of {subject} is recorded, so nothing of it is left out: `{command}`")
    names = ledgers.changed(ledger, digests)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    assert not names, (
        f"the ledger of {subject} no longer holds: {', '.join(names[:5])}{more} changed. What is "
        f"left out by `make test` must run once on these sources: `{command}` "
        f"(the last time took {ledger.seconds:.0f} s), "
        "or `make record` for all such parts."
    )
    return ledger


@pytest.mark.parametrize("name", parts.UNITS)
def test_a_units_ledger_holds(name):
    course = CourseDirectory(parts.ROOT)
    command = f".venv/bin/autograder release --check {name} --record"
    ledger = assert_holds(name, ledgers.of_unit(course, name), command)
    path = parts.ROOT / "solutions" / name / f"{name}.ipynb"
    variants = mutants.read(path.with_suffix(mutants.SUFFIX), nbformat.read(path, 4))
    assert {variant.question for variant in variants} <= ledger.found.keys()
    for question, found in ledger.found.items():
        tried = [variant.wrong for variant in variants if variant.question == question]
        assert found.get("mutants", 0) == found.get("caught", 0) == sum(tried), question
        honest = len(tried) - sum(tried)
        assert found.get("alternatives", 0) == found.get("accepted", 0) == honest, question


@pytest.mark.parametrize("part", parts.PARTS)
def test_a_parts_ledger_holds(part):
    command = f".venv/bin/pytest -n auto --record={part}"
    ledger = assert_holds(part, parts.digests(part), command)
    assert all("failed" not in found for found in ledger.found.values())


def test_every_part_has_its_tests():
    for patterns in parts.PARTS.values():
        for pattern in patterns:
            assert list(parts.ROOT.glob(pattern)), pattern


@pytest.mark.parametrize(
    ("outcomes", "status", "found"),
    [
        (["passed", "passed", "skipped"], 0, {"test_it": {"passed": 2, "skipped": 1}}),
        (["passed", "failed"], 1, None),
        (["passed"], 2, None),  # the run was stopped
        (["passed", "impossible here"], 0, None),
        ([], 0, None),
    ],
)
def test_only_a_whole_run_without_a_failure_is_recorded(
    outcomes, status, found, tmp_path, monkeypatch
):
    monkeypatch.setattr(parts, "ROOT", tmp_path)
    monkeypatch.setattr(parts, "part_of", lambda nodeid: "sweep" if "sweep" in nodeid else None)
    recorder = recording.Recorder(lambda nodeid: nodeid, {"sweep": {"a.py": "1"}}, False)
    session = SimpleNamespace(config=SimpleNamespace(getoption=lambda name: "sweep"))
    for file in ("test_sweep.py", "test_other.py"):
        for number, outcome in enumerate(outcomes if "sweep" in file else ["failed"]):
            reason = parts.NOT_HERE if outcome == "impossible here" else "not needed"
            called = "skipped" if outcome == "impossible here" else outcome
            for when in ("setup", "call", "teardown"):
                recorder.pytest_runtest_logreport(
                    SimpleNamespace(
                        nodeid=f"{file}::test_it[{number}]",
                        when=when,
                        outcome=called if when == "call" else "passed",
                        longrepr=("test_sweep.py", 1, f"Skipped: {reason}"),
                        duration=0.5,
                        user_properties=[("cpu", 0.1)],
                    )
                )
    recorder.pytest_sessionfinish(session, status)
    ledger = ledgers.Ledger.read(tmp_path, "sweep")
    assert (ledger and ledger.found) == found
    if found:
        assert (ledger.parts, ledger.seconds) == ({"a.py": "1"}, 4.5)


def test_patterns_of_what_is_read_find_tests_and_files():
    for tests, patterns in parts.READ.items():
        assert list(parts.ROOT.glob(tests)), tests
        for pattern in patterns:
            assert list(parts.ROOT.glob(pattern)), pattern


def test_a_worker_has_nothing_to_say_of_what_is_recorded():
    """Only the main process has the recorder."""
    config = SimpleNamespace(
        getoption=lambda name: "sweep", pluginmanager=SimpleNamespace(get_plugin=lambda name: None)
    )
    assert conftest.pytest_report_header(config) is None


def test_every_item_has_its_day():
    items = [f"item {n}" for n in range(7)]
    marked = parts.by_day(items, 3, "x")
    today = [param.values[0] for param in marked if not param.marks]
    assert len(marked) == 7 and len(today) in (2, 3)
    assert today == [i for i in items if i in ledgers.sample(items, 3, parts.DAY, "x")]


ALL = {"tests/course/test_sizing.py", "tests/test_setup.py", "tests/course/test_units.py"}


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        (
            "course/sizing/geometry.py",
            {"tests/course/test_sizing.py", "tests/course/test_units.py"},
        ),
        ("course/doctor.py", set()),
        ("tests/test_setup.py", {"tests/test_setup.py"}),
        ("solutions/02_sizing/02_sizing.ipynb", {"tests/course/test_units.py"}),
        ("constraints.txt", set()),
        ("setup.sh", {"tests/test_setup.py"}),
        ("tests/conftest.py", ALL),
    ],
)
def test_what_a_change_touches(changed, touched, monkeypatch):
    monkeypatch.setattr(parts, "_lines", lambda command: [changed] if "diff" in command else [])
    paths = [parts.ROOT / name for name in ALL]
    monkeypatch.setattr(Path, "glob", lambda root, pattern: paths)
    found = parts.touched.__wrapped__("HEAD")
    assert {path.relative_to(parts.ROOT).as_posix() for path in found} == touched
