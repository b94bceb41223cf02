"""A ledger holds as long as nothing changes that its outcome depends on, and no longer."""

import json
import re
from collections import Counter
from datetime import date, timedelta

import nbformat
import pytest

from autograder import ledgers
from autograder import release as releasing
from autograder.cli import main
from autograder.gates import GateReport
from tests.autograder.conftest import SOURCE, notebook
from tests.autograder.test_gates import course_with
from tests.autograder.test_mutants import GOOD

DAY = date(2026, 11, 27)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of modules that import each other, in place of this project's."""
    files = {
        "course/__init__.py": "__version__ = '0.1.0'\n",
        "course/near.py": "from course import far\n",
        "course/far.py": "def far():\n    return 1\n",
        "course/aside.py": "",
        "course/nets/__init__.py": "from course.nets.registry import build\n",
        "course/nets/registry.py": (
            "from importlib import import_module\n"
            "def build(name):\n    return import_module(f'course.nets.{name}')\n"
            "def other(name):\n    return import_module(f'{__name__}.{name}')\n"
        ),
        "course/nets/small.py": "SIZE = 1\n",
        "constraints.txt": "keras==3.15.0\ntensorflow==2.21.0\nnumpy==2.3.4\nruff==1.0\n",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(ledgers, "PROJECT", tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def course(package, tmp_path):
    """The small unit with variants; its first cell imports a module."""
    (tmp_path / "unit").mkdir()
    cells = SOURCE | {
        "imports": ("code", "import course.near", {}),
        "play": ("code", "import course.aside", None),
    }
    course = course_with(tmp_path / "unit", lambda old: (old.clear(), old.update(cells)))
    (tmp_path / "unit" / "source" / "small" / "small.toml").write_text(GOOD)
    return course


def edit(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def in_cells(course, old: str, new: str) -> None:
    path = course.root / "source" / "small" / "small.ipynb"
    made = nbformat.read(path, 4)
    assert any(old in cell.source for cell in made.cells)
    for cell in made.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(made, path)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda c, p: in_cells(c, "return x * x", "return x ** 2"), "cells"),
        (lambda c, p: in_cells(c, "7) == 49", "8) == 64"), "cells"),
        (lambda c, p: in_cells(c, "### BEGIN HIDDEN TESTS\nassert", "assert"), "cells"),
        (
            lambda c, p: edit(c.root / "source/small/small.ipynb", '"points": 3', '"points": 4'),
            "cells",
        ),
        (
            lambda c, p: edit(c.root / "source/small/small.toml", "2 + x", "3 * x"),
            "mutants and alternatives",
        ),
        (lambda c, p: (c.root / "source/small/data.csv").write_text("1,2"), "data.csv"),
        (lambda c, p: edit(p / "course/near.py", "far\n", "far\nX = 1\n"), "course/near.py"),
        (lambda c, p: edit(p / "course/far.py", "return 1", "return 2"), "course/far.py"),
        (lambda c, p: edit(p / "course/far.py", "far():", "far(x=2):"), "course/far.py"),
        (lambda c, p: edit(p / "course/far.py", "def far", "N: int = 1\ndef far"), "course/far.py"),
        (lambda c, p: edit(p / "constraints.txt", "3.15.0", "3.15.1"), "version of keras"),
    ],
)
def test_a_change_that_can_change_a_mark_is_named(course, package, change, name):
    before = ledgers.Ledger("small", ledgers.of_unit(course, "small"), {}, 1, "")
    assert ledgers.changed(before, ledgers.of_unit(course, "small")) == []
    change(course, package)
    assert ledgers.changed(before, ledgers.of_unit(course, "small")) == [name]


@pytest.mark.parametrize(
    "change",
    [
        lambda c, p: in_cells(c, "# A small unit", "# Another title"),
        lambda c, p: edit(p / "course/__init__.py", "0.1.0", "0.2.0"),
        lambda c, p: in_cells(c, '"""Twice x."""', '"""Two times x."""'),
        lambda c, p: in_cells(c, "# secret way", "# another way"),
        lambda c, p: in_cells(c, "assert square(2) == 4", "assert (\n    square(2) == 4\n)"),
        lambda c, p: edit(p / "course/far.py", "():\n", '():\n    """One."""\n    # far\n'),
        lambda c, p: edit(p / "course/far.py", "def far():", "def far() -> int:"),
        lambda c, p: edit(
            p / "course/far.py",
            "def",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import course.aside\ndef",
        ),
        lambda c, p: edit(p / "course/nets/small.py", "1", "2"),
        lambda c, p: edit(p / "course/aside.py", "", "X = 1"),
        lambda c, p: edit(p / "constraints.txt", "ruff==1.0", "ruff==1.1"),
        lambda c, p: edit(
            c.root / "source/small/small.toml", "[test_double]", "# x\n[test_double]"
        ),
        lambda c, p: (c.root / "source" / "other").mkdir(),
    ],
)
def test_other_changes_cost_nothing(course, package, change):
    before = ledgers.of_unit(course, "small")
    change(course, package)
    assert ledgers.of_unit(course, "small") == before


def test_modules_that_are_imported_by_name_count(package):
    """Which of them nobody can see in the source, so all of the package do."""
    digests = ledgers.of_files([package / "course" / "near.py"], sources=["import course.nets"])
    assert {n for n in digests if n.endswith(".py")} == {
        f"course/{name}.py" for name in ("__init__", "near", "far", "nets/__init__")
    } | {"course/nets/registry.py", "course/nets/small.py"}


def test_a_new_module_that_is_discovered_costs_nothing(package):
    """No network that was tried before is made of it; but a changed one counts."""

    def digests():
        return ledgers.of_files([package / "course" / "near.py"], sources=["import course.nets"])

    before = ledgers.Ledger("small", digests(), {}, 1, "")
    (package / "course" / "nets" / "large.py").write_text("from course import aside\n")
    assert "course/nets/large.py" in digests()
    assert ledgers.changed(before, digests()) == []
    edit(package / "course" / "nets" / "small.py", "1", "2")
    assert ledgers.changed(before, digests()) == ["course/nets/small.py"]
    edit(package / "course" / "near.py", "far\n", "far\nfrom course.nets import large\n")
    assert "course/nets/large.py" in ledgers.changed(before, digests())


def test_checks_and_engine_count_for_every_unit():
    from autograder.course_directory import CourseDirectory

    course = CourseDirectory(ledgers.PROJECT)
    for unit in course.units():
        digests = ledgers.of_unit(course, unit)
        assert {"autograder/checks/question.py", "autograder/engine/judge.py"} <= digests.keys()
        assert not any(name.startswith("autograder/grading") for name in digests)


def test_a_sample_has_its_turn_and_none_is_left_out():
    items = [f"item {n}" for n in range(11)]
    week = [ledgers.sample(items, 4, DAY + timedelta(n), "x") for n in range(3)]
    assert sorted(item for part in week for item in part) == sorted(items)
    assert week[0] == ledgers.sample(items, 4, DAY + timedelta(3), "x")
    assert all(3 <= len(part) <= 4 for part in week)
    assert ledgers.sample(items, 20, DAY) and not ledgers.sample([], 4, DAY)
    orders = {tuple(ledgers.sample(items, 4, DAY, seed)) for seed in "abcdefgh"}
    assert len(orders) > 1


def record(course, executor):
    (report,) = releasing.release(course, check_only=True, record=True, executor=executor)
    return report, ledgers.Ledger.read(course.root, "small")


@pytest.fixture
def unit(tmp_path):
    """The small unit, whose variants stay here."""
    course = course_with(tmp_path)
    (tmp_path / "source" / "small" / "small.toml").write_text(GOOD)
    with (tmp_path / "nbgrader_config.py").open("a") as config:
        config.write('c.CourseDirectory.ignore = ["*.toml"]\n')
    return type(course)(course.root)


def test_recording_writes_what_was_found(unit, executor):
    assert releasing.stale(unit) == {"small": ["everything"]}
    report, ledger = record(unit, executor)
    assert report.ok
    assert ledger.found == {
        "test_double": {"mutants": 2, "caught": 2, "alternatives": 1, "accepted": 1},
        "test_square": {"mutants": 1, "caught": 1},
    }
    assert ledger.date == date.today().isoformat() and ledger.seconds > 0
    assert releasing.stale(unit) == {}


def test_a_closed_gate_writes_no_ledger(unit, executor):
    edit(unit.root / "source/small/small.toml", "x * x * x", "x ** 2")
    report, ledger = record(unit, executor)
    assert not report.ok and ledger is None


def test_a_forged_ledger_is_found(unit, executor):
    """One that claims of new sources what was found on old ones: a sample of each day tells."""
    _, ledger = record(unit, executor)
    edit(unit.root / "source/small/small.toml", "x * x * x", "x ** 2")
    forged = ledgers.Ledger(**vars(ledger) | {"parts": ledgers.of_unit(unit, "small")})
    forged.write(unit.root)
    assert releasing.stale(unit) == {}
    from autograder import mutants

    variants = mutants.read(unit.root / "source/small/small.toml", notebook())
    survived = []
    for day in range(len(variants)):
        for variant in ledgers.sample(variants, 1, DAY + timedelta(day), "small"):
            names = {}
            exec(variant.source, names)
            if variant.question == "test_square" and names["square"](7) == 49:
                survived.append(variant.name)
    assert survived == ["cubed"]


def test_the_command_records_what_no_longer_holds(unit, capsys, monkeypatch):
    def open_gates(course, name, on_step, executor, question):
        return GateReport(name, 5, {"test_double": Counter(mutants=2, caught=2)}, 3.0)

    monkeypatch.setattr(releasing, "run_gates", open_gates)
    _, ledger = record(unit, None)
    arguments = ["release", "--check", "--record", "--course", str(unit.root)]
    assert main(arguments) == 0
    assert "every unit's ledger is up to date" in capsys.readouterr().out
    in_cells(unit, "return x * x", "return x ** 2")
    edit(unit.root / "source/small/small.toml", "x * x", "x ** 2")
    assert main(arguments) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(r"small: cells, mutants and alternatives changed \(last run: 3 s\)", shown)
    new = json.loads((unit.root / ledgers.FOLDER / "small.json").read_text())
    assert new["parts"] != ledger.parts
    assert releasing.stale(unit) == {}


def test_a_ledger_that_is_not_whole_counts_as_none(tmp_path):
    ledger = ledgers.new("small", {}, {}, 1)
    path = ledger.write(tmp_path)
    assert ledgers.Ledger.read(tmp_path, "small") == ledger
    whole = path.read_text()
    for text in (f"<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> other\n", "{}", "[]"):
        path.write_text(text)
        assert ledgers.Ledger.read(tmp_path, "small") is None


def test_recording_says_what_is_wrong_with_the_variants(unit):
    (unit.root / "source/small/small.toml").write_text("[test_double\n")
    (report,) = releasing.release(unit, record=True)
    assert any("small.toml is not valid TOML" in problem for problem in report.problems)
    assert releasing.stale(unit) == {"small": ["everything"]}
