"""The files around the code keep up with it: version, guides, Makefile, workflows, glossary."""

import builtins
import re
import tomllib

import pytest
import yaml

import course
from tests.conftest import ROOT

GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/*.md")])
NOW = [guide for guide in GUIDES if guide.name != "CHANGELOG.md"]  # which tells of the past
PATH = re.compile(r"`((?:\.github|autograder|course|data|docs|solutions|tests)/[\w./-]*)`")
MODULE = re.compile(r"`([\w/]+\.py)`")
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
FORMS = sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"))
# In paths that stand for many: NN_topic, test_FAMILY.py.
PLACEHOLDER = re.compile(r"NN_|[A-Z]{3,}|\*|topic")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def test_the_version_is_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "course.__version__"}
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev0)?", course.__version__)


def test_the_changelog_has_this_version_and_what_comes_next():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased"
    assert course.__version__ in headings or course.__version__.endswith(".dev0")


def test_files_can_be_read_at_once():
    """A module has at most 300 lines, as CONTRIBUTING.md asks."""
    modules = [p for name in ("course", "autograder") for p in ROOT.glob(f"{name}/**/*.py")]
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in modules
        if not {"lectures", "answers"} & {*path.parts}
        and (lines := len(path.read_text().splitlines())) > 300
    }
    assert not long


@pytest.mark.parametrize("guide", NOW, ids=lambda guide: guide.name)
def test_paths_in_guides_exist(guide):
    paths = [path for path in PATH.findall(guide.read_text()) if not PLACEHOLDER.search(path)]
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("guide", NOW, ids=lambda guide: guide.name)
def test_modules_in_guides_exist(guide):
    modules = [name for name in MODULE.findall(guide.read_text()) if not PLACEHOLDER.search(name)]
    packages = ROOT.glob("[acdt]*/**/*.py")  # assignments, autograder, course, docs, tests
    there = [f"/{path.relative_to(ROOT)}" for path in (*ROOT.glob("*.py"), *packages)]
    missing = [name for name in modules if not any(p.endswith(f"/{name}") for p in there)]
    assert not missing


@pytest.fixture(scope="module")
def functions() -> set[str]:
    """The functions and classes of this project, and Python's own."""
    sources = [
        p.read_text() for name in ("course", "autograder") for p in ROOT.glob(f"{name}/**/*.py")
    ]
    found = re.findall(r"^ *(?:async )?(?:def|class) (\w+)", "\n".join(sources), re.M)
    return {*found, *dir(builtins)}


@pytest.mark.parametrize("guide", NOW, ids=lambda guide: guide.name)
def test_functions_in_guides_exist(guide, functions):
    text = re.sub(r"```.*?```", "", guide.read_text(), flags=re.DOTALL)
    called = re.findall(
        r"(?<!keras\.saving\.)\b([a-z_]\w+)\(", " ".join(re.findall(r"`([^`]+)`", text))
    )
    assert set(called) <= functions | {"draw"}  # `draw` stands for a function of the reader's


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_targets_in_guides_exist(guide):
    assert set(re.findall(r"`make ([a-z-]+)", guide.read_text())) <= targets()


def test_every_target_of_the_makefile_is_phony_and_says_what_it_does():
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split())
    assert phony == targets()
    explained = set(re.findall(r"^([a-z-]+):.*##", text, re.M))
    assert targets() - explained == {"setup", "clean"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_targets_that_exist(path):
    workflow = yaml.safe_load(path.read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    called = set(re.findall(r"^make ([a-z-]+)", "\n".join(s.get("run", "") for s in steps), re.M))
    assert called and called <= targets()


def test_pythons_are_those_that_the_package_allows():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    major, minor = pythons[-1].split(".")
    assert project["requires-python"] == f">={pythons[0]},<{major}.{int(minor) + 1}"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_issue_templates_have_what_github_asks_for(path):
    form = yaml.safe_load(path.read_text())
    if path.name != "config.yml":
        assert {"name", "description", "body"} <= form.keys()


def test_the_glossary_defines_each_word_once():
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| **")]
    words = [word for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row.split("|")[1])]
    assert len(words) == len(set(words)) and len(words) >= 40


def test_every_tool_is_pinned():
    pins = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower() for name in needed}
    assert names - {"convnet-course"} <= pins
