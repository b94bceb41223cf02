"""What students install: as little as they need, and everything that they need."""

import ast
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course_directory import CourseDirectory
from autograder.handout import contents
from tests.conftest import ROOT

# Installed by an extra, and imported only by the functions that use them, or in a module that is
# itself imported by such functions alone.
OPTIONAL = {"tensorflow_datasets", "array_record", "jax"}
LATE = {"course/datasets/_tfds.py": "course.datasets._tfds"}
OWN = {"course", "autograder", *sys.stdlib_module_names}


@pytest.fixture(scope="module")
def items():
    return contents.collect(CourseDirectory(ROOT))


@pytest.fixture(scope="module")
def project(items):
    return tomllib.loads(items["pyproject.toml"].data.decode())["project"]


def installed_with(requirements):
    """Return the distributions that pip installs for these, their requirements included."""
    found, todo = set(), [Requirement(text) for text in requirements]
    while todo:
        name = canonicalize_name(todo.pop().name)
        if name in found:
            continue
        found.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # another system's
            continue
        parsed = map(Requirement, needed)
        todo += [one for one in parsed if not one.marker or one.marker.evaluate({"extra": ""})]
    return found


def imports(source):
    """Yield the names of imported top-level modules, and whether importing the file does it."""
    tree = ast.parse(source)
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.Lambda))
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(level=0, module=str(module)):
                names = [module]
            case _:
                continue
        yield from ((name.partition(".")[0], id(node) not in lazy) for name in names)


def test_everything_that_is_imported_is_installed(items, project):
    distributions = metadata.packages_distributions()
    there = installed_with(project["dependencies"])
    missing = {
        f"{name} imports {module}"
        for name, item in items.items()
        if name.endswith(".py")
        for module, _ in imports(item.data)
        if module not in OWN | OPTIONAL
        and not there & set(map(canonicalize_name, distributions.get(module, [])))
    }
    assert missing == set()


def test_what_an_extra_installs_is_imported_only_when_it_is_used(items):
    early = {
        f"{name} imports {module}"
        for name, item in items.items()
        if name.endswith(".py") and name not in LATE
        for module, at_once in imports(item.data)
        if module in OPTIONAL and at_once
    }
    assert early == set()
    early = f"{set(LATE.values())} & set(sys.modules)"
    code = f"import sys, course.cli, course.datasets\nassert not {early}"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_grader_nbgrader_and_tfds_are_not_installed(project):
    there = installed_with(project["dependencies"])
    assert not there & {"nbgrader", "sqlalchemy", "jupytext", "tensorflow-datasets", "jupyterhub"}
    assert "autograder" not in project["scripts"]
