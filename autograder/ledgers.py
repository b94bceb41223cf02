"""Ledgers: files in the repository with the results of complete test runs, and their sources.

Complete runs (every mutant, every network, every attack) take too long for each change. So a
complete run records what it found, with a digest of each source that its result depends on. Tests
then compare the digests and repeat a part of the run, a different part each day. Only what a source
does counts: neither its comments and annotations nor the text of a notebook.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from autograder import mutants
from autograder.course_directory import CourseDirectory
from autograder.scoring import scoring_files
from autograder.source_digests import DISCOVERED, digest, normalized, source_digests

if TYPE_CHECKING:
    from nbformat import NotebookNode

PROJECT = Path(__file__).parents[1]
FOLDER = Path("tests", "ledgers")
PINNED = ("keras", "tensorflow", "numpy")
_MARKER = re.compile(r"^(\s*)### (BEGIN|END) ([A-Z]+)( [A-Z]+)?\s*$", re.MULTILINE)
T = TypeVar("T")


@dataclass(frozen=True)
class Ledger:
    """The results of a complete run.

    Attributes:
        subject: what was run: a unit's name, or a part of the tests.
        parts: a digest of everything that the result depends on, by name.
        found: for each thing that was tested, counts by name.
        seconds: how long the run took.
        date: the day of the run, as YYYY-MM-DD.
    """

    subject: str
    parts: Mapping[str, str]
    found: Mapping[str, Mapping[str, int]]
    seconds: float
    date: str

    @classmethod
    def read(cls, root: Path, subject: str) -> Ledger | None:
        """Read a subject's ledger in a project's folder; None if there is none that is whole.

        One with the marks of a merge conflict, for example, records nothing.
        """
        path = root / FOLDER / f"{subject}.json"
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, root: Path) -> Path:
        """Write the ledger into a project's folder, and return its path."""
        path = root / FOLDER / f"{self.subject}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")
        return path


def new(
    subject: str,
    parts: Mapping[str, str],
    found: Mapping[str, Mapping[str, int]],
    seconds: float,
) -> Ledger:
    """Create a ledger with today's date."""
    counts = {name: dict(counted) for name, counted in found.items()}
    return Ledger(subject, parts, counts, round(seconds, 1), date.today().isoformat())


def changed(ledger: Ledger | None, parts: Mapping[str, str]) -> list[str]:
    """List the names of the parts that have changed since a ledger was written.

    A new module that a package discovers, such as a new family of architectures, is no change:
    nothing that was run before uses it.
    """
    if ledger is None:
        return ["everything"]
    before = {name: value.lstrip(DISCOVERED) for name, value in ledger.parts.items()}
    now = {
        name: value.lstrip(DISCOVERED)
        for name, value in parts.items()
        if name in before or not value.startswith(DISCOVERED)
    }
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def sample(items: Iterable[T], count: int, day: date, seed: str = "") -> list[T]:
    """Choose some items, different ones each day, and every item once before any is repeated.

    Args:
        items: to choose from, always in the same order.
        count: how many, at least 1.
        day: today.
        seed: determines the order; it should be different for each list.

    Returns:
        `count` items, or all if there are fewer.
    """
    order = list(items)
    random.Random(seed).shuffle(order)
    parts = -(-len(order) // count)
    return order[day.toordinal() % parts :: parts] if parts else []


def of_unit(course: CourseDirectory, unit: str) -> dict[str, str]:
    """Return digests of everything that the scores in a unit depend on.

    This includes its code cells with their points, its mutants and alternatives, other files in its
    folder, the code that scores, the modules of `course` that any of these import, the
    configuration, and the versions of Keras, TensorFlow and NumPy. Imports in cells without
    nbgrader's metadata are not followed: students may change such cells, so no score may depend on
    them.
    """
    import nbformat

    folder = course.path("source", ".", unit)
    parts: dict[str, str] = {}
    sources: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".py"):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".ipynb":
            cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
            sources += [cell.source for cell in cells if "nbgrader" in cell.metadata]
            parts["cells"] = digest(parts.get("cells", ""), *map(_cell, cells))
        elif path.suffix == mutants.SUFFIX:
            parts["mutants and alternatives"] = _variants(path)
        else:
            parts[name] = digest(path.read_bytes())
    return parts | of_files(_scoring_files(course), ("course",), sources)


def _variants(path: Path) -> str:
    """Return a digest of the mutants and alternatives in a file."""
    text = path.read_text()
    try:
        return digest(json.dumps(tomllib.loads(text), sort_keys=True))
    except tomllib.TOMLDecodeError:
        return digest(text)  # the gates say what is wrong with it


def _scoring_files(course: CourseDirectory) -> list[Path]:
    """Return the files that determine how answers are scored."""
    config = course.root / "nbgrader_config.py"
    return [
        *scoring_files(),
        Path(mutants.__file__),
        *([config] if config.exists() else []),
    ]


def of_files(
    files: Iterable[Path],
    packages: Iterable[str] = ("course", "autograder"),
    sources: Iterable[str] = (),
) -> dict[str, str]:
    """Return digests of files, of all that they import, and of the pinned versions.

    Args:
        files, packages, sources: as for :func:`autograder.source_digests.source_digests`.
    """
    return source_digests(files, packages, sources, PROJECT) | _versions()


def _cell(cell: NotebookNode) -> str:
    """Return a code cell as text, with its points and the limits of its hidden regions."""
    meta = cell.metadata.get("nbgrader", {})
    source = _MARKER.sub(lambda m: f"{m[1]}{m[2]}_{m[3]}", cell.source)
    return json.dumps(meta, sort_keys=True) + normalized(source)


def _versions() -> dict[str, str]:
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if re.match(r"[\w.-]+==", line))
    return {f"version of {name}": pins[name] for name in PINNED}
