"""The files that students get, collected before anything is written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import autograder
import course as library
from autograder.course_directory import CourseDirectory, CourseError
from autograder.source_digests import source_digests
from course import __version__
from course.student.folder import SETTINGS, read_settings

PACKAGES = Path(autograder.__file__).parents[1]
TEMPLATES = Path(autograder.__file__).parent / "templates" / "handout"
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
# Of the project's requirements those that only instructors need, and those of an extra.
FOR_INSTRUCTORS = {"nbgrader", "jupytext", "latex2mathml", "bleach", "jupyter-server-mathjax"}
EXTRAS = {
    "datasets": ("tensorflow-datasets", "importlib-resources"),
    "validate": ("nbgrader",),
}


@dataclass(frozen=True)
class Item:
    """A file of the handout: its bytes, and where they come from, for messages."""

    origin: Path
    data: bytes


def collect(course: CourseDirectory, units: list[str] | None = None) -> dict[str, Item]:
    """Return the files that students get, by their path in the handout.

    Args:
        course: the course directory.
        units: globs of unit names; None for all.

    Raises:
        CourseError: a unit has not been released.
    """
    chosen = course.units(units)
    items = {"pyproject.toml": Item(TEMPLATES, pyproject().encode())}
    for unit in chosen:
        items |= _assignment(course, unit)
    items |= _library() | _lectures(chosen) | _tree(course.root / "data", "data")
    for name in (".gitignore", ".gitattributes"):  # in case that the folder is a repository
        items[name] = _item(TEMPLATES / name.removeprefix("."))
    for name in ("LICENSE", "constraints.txt", SETTINGS):
        if (course.root / name).is_file():
            items[name] = _item(course.root / name)
    settings = read_settings(course.root / SETTINGS)  # refuses what students' commands would
    unknown = sorted(settings.due.keys() - set(course.units()))
    if unknown:
        raise CourseError(f"{course.root / SETTINGS}: [due] has no unit {', '.join(unknown)}.")
    readme = (TEMPLATES / "README.md").read_text()
    readme = readme.replace("COURSE_NAME", settings.name).replace("HOW_TO_SUBMIT", settings.submit)
    constraints = "-c constraints.txt " if "constraints.txt" in items else ""
    readme = readme.replace("CONSTRAINTS ", constraints).replace("UNIT", chosen[0])
    items["README.md"] = Item(TEMPLATES / "README.md", readme.encode())
    return items


def pyproject() -> str:
    """Return a project file with only what students' work imports."""
    needed = {_name(text): text for text in _requirements()}
    extras = {extra: [needed[n] for n in names if n in needed] for extra, names in EXTRAS.items()}
    others = FOR_INSTRUCTORS | {name for names in EXTRAS.values() for name in names}
    lines = [
        "[build-system]",
        'requires = ["setuptools>=77"]',
        'build-backend = "setuptools.build_meta"',
        "",
        "[project]",
        'name = "convnet-course"',
        f'version = "{__version__}"',
        'description = "A course on convolutional networks in Keras: what students need"',
        'requires-python = ">=3.11,<3.14"',
        _array("dependencies", [text for name, text in needed.items() if name not in others]),
        "",
        "[project.optional-dependencies]",
        *(_array(extra, texts) for extra, texts in extras.items()),
        'gpu = ["tensorflow[and-cuda]"]',
        "",
        "[project.scripts]",
        'course = "course.cli:main"',
        "",
        "# Lectures read recorded numbers from the folder data/ beside the packages.",
        "[tool.setuptools.packages.find]",
        'include = ["course*", "autograder*", "data*"]',
        "",
        "[tool.setuptools.package-data]",
        'course = ["units.toml", "listing/*.json", "student/settings/**/*"]',
        'autograder = ["wire/*.json"]',
        'data = ["**/*"]',
        "",
    ]
    return "\n".join(lines)


def _requirements() -> list[str]:
    found = metadata.requires("convnet-course") or []
    return [text.strip() for text in found if "extra ==" not in text]


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _array(key: str, texts: list[str]) -> str:
    return "\n".join([f"{key} = [", *(f"    {json.dumps(text)}," for text in texts), "]"])


def _item(path: Path) -> Item:
    if path.is_symlink():
        raise CourseError(f"{path} is a link. Students would get what it points to; copy the file.")
    return Item(path, path.read_bytes())


def _tree(folder: Path, name: str) -> dict[str, Item]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": _item(path)
        for path in files
        if not any(part in LEFT_OUT for part in path.parts) and path.suffix != ".pyc"
    }


def _assignment(course: CourseDirectory, unit: str) -> dict[str, Item]:
    released = course.path("release", ".", unit)
    if not (released / f"{unit}.ipynb").is_file():
        raise CourseError(f"{unit} is not released yet. Run `autograder release {unit}`.")
    return _tree(released, f"assignments/{unit}")


def _lectures(units: list[str]) -> dict[str, Item]:
    folder = Path(library.__file__).parent / "lectures"
    paths = (folder / f"{unit}.ipynb" for unit in units)
    return {f"lectures/{path.name}": _item(path) for path in paths if path.is_file()}


def _library() -> dict[str, Item]:
    """Return `course`, and of `autograder` the checks with what they import."""
    own = Path(library.__file__).parent
    items = {
        name: item
        for name, item in _tree(own, "course").items()
        if not name.startswith("course/lectures/")
    }
    start = [PACKAGES / "autograder" / "checks" / "__init__.py"]
    for name in source_digests(start, ["autograder"], root=PACKAGES):
        items[name] = _item(PACKAGES / name)
        # Data that a module reads from its own folder by name.
        for path in (PACKAGES / name).parent.glob("*.json"):
            if path.name in items[name].data.decode():
                items[path.relative_to(PACKAGES).as_posix()] = _item(path)
    return items
