"""What the last whole run of something found, and on which sources: a ledger in the repository.

Whole runs (every mutant, every network, every attack) take too long for each change. So a run on
everything writes down what it found, with a digest of each source that its outcome depends on;
tests then compare the digests and repeat a part of the run, another part each day. Digests are of
what sources do: comments, docstrings, layout and functions' annotations don't count, nor does a
notebook's text.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

from autograder import mutants
from autograder.course_directory import CourseDirectory
from autograder.scoring import scoring_files

PROJECT = Path(__file__).parents[1]
FOLDER = Path("tests", "ledgers")
PINNED = ("keras", "tensorflow", "numpy")
_MARKER = re.compile(r"^(\s*)### (BEGIN|END) ([A-Z]+)( [A-Z]+)?\s*$", re.MULTILINE)
T = TypeVar("T")


@dataclass(frozen=True)
class Ledger:
    """What a whole run found.

    Attributes:
        subject: what was run: a unit's name, or a part of the tests.
        parts: a digest of each thing that the outcome depends on, by name.
        found: counts, by what they are of.
        seconds: how long the run took.
        date: of the run, as YYYY-MM-DD.
    """

    subject: str
    parts: Mapping[str, str]
    found: Mapping[str, Mapping[str, int]]
    seconds: float
    date: str

    @classmethod
    def read(cls, root: Path, subject: str) -> Ledger | None:
        """The ledger of a subject in a project's folder; None if there is none."""
        path = root / FOLDER / f"{subject}.json"
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def write(self, root: Path) -> Path:
        """Write it into a project's folder, and return the file."""
        path = root / FOLDER / f"{self.subject}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")
        return path


def new(subject: str, parts: Mapping[str, str], found: Mapping, seconds: float) -> Ledger:
    """A ledger of today."""
    found = {name: dict(counts) for name, counts in found.items()}
    return Ledger(subject, parts, found, round(seconds, 1), date.today().isoformat())


def changed(ledger: Ledger | None, parts: Mapping[str, str]) -> list[str]:
    """What has changed since a ledger was written, by name: everything, if there is none."""
    if ledger is None:
        return ["everything"]
    names = sorted(ledger.parts.keys() | parts.keys())
    return [name for name in names if ledger.parts.get(name) != parts.get(name)]


def sample(items: Iterable[T], count: int, day: date, seed: str = "") -> list[T]:
    """Some items, others on each day, and each of them once before any comes again.

    Args:
        items: to choose from, always in the same order.
        count: how many, at least 1.
        day: the day that it is.
        seed: of the order in which they come; it should tell one list from the others.

    Returns:
        `count` items, or all if there are fewer.
    """
    order = list(items)
    random.Random(seed).shuffle(order)
    parts = -(-len(order) // count)
    return order[day.toordinal() % parts :: parts] if parts else []


def of_unit(course: CourseDirectory, unit: str) -> dict[str, str]:
    """Digests of what a unit's marks depend on.

    These are its code cells with their grades, its mutants and alternatives, other files of its
    folder, the checks and the engine, the modules of `course` that any of these import, the
    configuration, and the versions of Keras, TensorFlow and NumPy. Imports of cells that nbgrader
    knows nothing of are not followed: such cells are the student's to change, so no mark may
    depend on them.
    """
    import nbformat

    folder, parts, sources = course.path("source", ".", unit), {}, []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".py"):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".ipynb":
            cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
            sources += [cell.source for cell in cells if "nbgrader" in cell.metadata]
            parts["cells"] = _digest(parts.get("cells", ""), *map(_cell, cells))
        elif path.suffix == mutants.SUFFIX:
            variants = tomllib.loads(path.read_text())
            parts["mutants and alternatives"] = _digest(json.dumps(variants, sort_keys=True))
        else:
            parts[name] = _digest(path.read_bytes())
    return parts | of_files(_judging(course), ("course",), sources)


def _judging(course: CourseDirectory) -> list[Path]:
    """Files that say how marks are given."""
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
    """Digests of Python files and sources, of all that they import, and of the pinned versions.

    Args:
        files: Python files, or others, whose bytes count.
        packages: whose modules are followed.
        sources: Python sources that are followed, and not counted themselves.
    """
    left = {path.resolve() for path in files}
    for source in sources:
        left |= _imported(source, tuple(packages))
    parts: dict[str, str] = {}
    while left:
        path = left.pop()
        inside = path.is_relative_to(PROJECT)
        name = path.relative_to(PROJECT).as_posix() if inside else path.name
        if name in parts:
            continue
        if path.suffix == ".py":
            source = path.read_text()
            parts[name] = _digest(normalized(source))
            left |= _imported(source, tuple(packages))
        else:
            parts[name] = _digest(path.read_bytes())
    return parts | _versions()


@cache
def normalized(source: str) -> str:
    """What a Python source does, as text.

    Comments, docstrings, layout, functions' annotations and what is imported for type checkers
    alone are left out.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    return ast.dump(_Effective().visit(tree))


class _Effective(ast.NodeTransformer):
    """Removes from a syntax tree whatever has no effect when the source runs."""

    # Modules of nothing but words for annotations.
    WORDS = frozenset({"__future__", "collections.abc", "typing"})

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                node.returns = None
            case ast.arg():
                node.annotation = None
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        checked = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if checked and not node.orelse else self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in self.WORDS else node


def _cell(cell) -> str:
    """A code cell, with where its solution and hidden tests begin and end, and its grade."""
    meta = cell.metadata.get("nbgrader", {})
    source = _MARKER.sub(lambda m: f"{m[1]}{m[2]}_{m[3]}", cell.source)
    return json.dumps(meta, sort_keys=True) + normalized(source)


def _digest(*data: str | bytes) -> str:
    whole = b"\0".join(part.encode() if isinstance(part, str) else part for part in data)
    return hashlib.sha256(whole).hexdigest()[:12]


def _versions() -> dict[str, str]:
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if re.match(r"[\w.-]+==", line))
    return {f"version of {name}": pins[name] for name in PINNED}


def _imported(source: str, packages: tuple[str, ...]) -> set[Path]:
    """Files of the packages that a source imports, wherever in it the import stands."""
    names = [name for name in _modules(source) if name.split(".")[0] in packages]
    return {path for name in names for path in _files(name)}


@cache
def _modules(source: str) -> frozenset[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()
    tree = _Effective().visit(tree)
    return frozenset(name for node in ast.walk(tree) for name in _names(node))


def _names(node: ast.AST) -> list[str]:
    """Modules that a statement may import; ``import_module(f"package.{name}")`` all of a package's.

    Of ``from package import name`` nobody knows whether the name is a module before looking.
    """
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module)):
            return [module, *(f"{module}.{alias.name}" for alias in node.names)]
        case ast.Call(args=[ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]), *_]):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            if "import_module" in (called, getattr(called, "id", "")) and start.endswith("."):
                return [start + "*"]
    return []


def _files(name: str) -> set[Path]:
    """A module's file and those of the packages around it."""
    *around, last = name.split(".")
    folders = [PROJECT.joinpath(*around[:n]) for n in range(1, len(around) + 1)]
    found = {folder / "__init__.py" for folder in folders}
    if last == "*":
        found |= set(folders[-1].glob("*.py"))
    else:
        found |= {
            PROJECT.joinpath(*around, f"{last}.py"),
            PROJECT.joinpath(*around, last, "__init__.py"),
        }
    return {path for path in found if path.is_file()}
