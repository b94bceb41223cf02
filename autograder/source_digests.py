"""Digests of what sources do, and of all that they import.

Comments, docstrings, layout and annotations of functions do not count, so only a change that can
have an effect changes a digest.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]  # of both packages
DISCOVERED = "~"


def source_digests(
    files: Iterable[Path],
    packages: Iterable[str],
    sources: Iterable[str] = (),
    root: Path | None = None,
) -> dict[str, str]:
    """Return digests of files and of all modules that they import, by path.

    Args:
        files: Python files, or others, whose bytes count.
        packages: the packages whose modules are followed.
        sources: Python sources whose imports are followed, but which do not count themselves.
        root: the folder that contains the packages; None for this project's. Paths are relative to
            it.

    Returns:
        The digests. One begins with :data:`DISCOVERED` if nothing imports the module by its name,
        nor anything that leads to it: a package finds it by itself.
    """
    root, followed = root or ROOT, tuple(packages)
    first = {path.resolve() for path in files}
    for source in sources:
        first |= _imported(source, followed, root)
    by_name = _closure(first, followed, root, discovered=False)
    digests = {}
    for path in _closure(first, followed, root, discovered=True):
        mark = "" if path in by_name else DISCOVERED
        data = normalized(path.read_text()) if path.suffix == ".py" else path.read_bytes()
        digests[_relative(path, root)] = mark + digest(data)
    return digests


def _closure(
    first: set[Path], packages: tuple[str, ...], root: Path, *, discovered: bool
) -> set[Path]:
    """Return files and all that they import, with or without modules that are discovered."""
    left, found = set(first), set()
    while left:
        path = left.pop()
        found.add(path)
        if path.suffix == ".py":
            package = ".".join(Path(_relative(path, root)).parent.parts)
            imported = _imported(path.read_text(), packages, root, package, discovered=discovered)
            left |= imported - found
    return found


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def digest(*data: str | bytes) -> str:
    """Return a short digest of texts or bytes."""
    whole = b"\0".join(part.encode() if isinstance(part, str) else part for part in data)
    return hashlib.sha256(whole).hexdigest()[:12]


@cache
def normalized(source: str) -> str:
    """Return a Python source's syntax tree as text, without what has no effect.

    This leaves out comments, docstrings, layout, functions' annotations, what is imported only for
    type checkers, and the project's version.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    return ast.dump(_Effective().visit(tree))


class _Effective(ast.NodeTransformer):
    """Removes whatever has no effect at run time from a syntax tree."""

    # Modules that are needed only for annotations.
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

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        match node.targets:
            case [ast.Name(id="__version__")]:
                return None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in self.WORDS else node


def _imported(
    source: str,
    packages: tuple[str, ...],
    root: Path,
    package: str = "",
    *,
    discovered: bool = True,
) -> set[Path]:
    """Return the files of the packages that a source imports, at any place in it."""
    names = [name for name in _modules(source, package) if name.split(".")[0] in packages]
    names = [name for name in names if discovered or not name.endswith("*")]
    return {path for name in names for path in _files(name, root)}


@cache
def _modules(source: str, package: str) -> frozenset[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()
    tree = _Effective().visit(tree)
    return frozenset(name for node in ast.walk(tree) for name in _names(node, package))


def _names(node: ast.AST, package: str) -> list[str]:
    """Return the modules that a statement of a package may import.

    ``import_module(f"package.{name}")`` may import every module of that package; it may be written
    as ``f"{__name__}.{name}"``. In ``from package import name`` the name may be a module or not.
    """
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module)):
            return [module, *(f"{module}.{alias.name}" for alias in node.names)]
        case ast.Call(args=[ast.JoinedStr(values=[first, *rest]), *_]):
            called = ast.unparse(node.func).rpartition(".")[2]
            start = ast.unparse(ast.JoinedStr([first, *rest[:1]]))[2:-1]
            prefix = re.match(r"([\w.]+\.)|\{__name__\}(\.)", start)
            if called == "import_module" and prefix:
                return [(prefix[1] or f"{package}.") + "*"]
    return []


def _files(name: str, root: Path) -> set[Path]:
    """Return the files of a module and of the packages around it."""
    *around, last = name.split(".")
    folders = [root.joinpath(*around[:n]) for n in range(1, len(around) + 1)]
    found = {folder / "__init__.py" for folder in folders}
    if last == "*":
        found |= set(folders[-1].glob("*.py"))
    else:
        found |= {
            root.joinpath(*around, f"{last}.py"),
            root.joinpath(*around, last, "__init__.py"),
        }
    return {path for path in found if path.is_file()}
