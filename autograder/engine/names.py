"""Which names a piece of code defines, reads and changes, by Python's own rules of scope."""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

BUILTINS = frozenset(dir(builtins))
# Code that calls one of these may mean any name.
ANY = frozenset({"dir", "globals", "locals", "vars", "eval", "exec", "get_ipython"})
_MUTATORS = frozenset(
    """
    append extend insert remove pop clear sort reverse update setdefault popitem add discard
    appendleft popleft extendleft rotate fill put resize itemset drop push
    """.split()
)
# Magics whose cell or line is Python.
_PYTHON_MAGICS = frozenset({"capture", "time", "timeit", "prun"})
_NAME = re.compile(r"[^\W\d]\w*")
_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*\n")


@dataclass
class Names:
    """Names of a cell.

    Attributes:
        stored: defined at its top level, imports included.
        imported: those that an import defines.
        loaded: read as globals, anywhere in it.
        changed: of what is read at its top level, what is changed in place.
        changed_inside: globals that its functions define or change.
    """

    stored: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    changed_inside: set[str] = field(default_factory=set)

    def add(self, other: Names) -> None:
        """Take over another cell's names."""
        for name, found in vars(other).items():
            getattr(self, name).update(found)


def names_in(source: str) -> Names:
    """Return the names of a cell that IPython has turned into Python; none if it is not Python."""
    found = Names()
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "<cell>", "exec")
        _scopes(table, found, top=True)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _magic(node, found)
        _changes(tree, found, set(), found.changed)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return found


@dataclass(frozen=True)
class Flow:
    """What a cell takes from the cells before it, and gives to those after it.

    Attributes:
        needed: names that it may use as earlier cells defined them.
        stored: names that it may define.
        surely_stored: of these, the ones that it defines whatever branch it takes.
    """

    needed: frozenset[str]
    stored: frozenset[str]
    surely_stored: frozenset[str]


def flow(source: str) -> Flow:
    """Return what a cell needs and defines, given as for :func:`names_in`."""
    needed: set[str] = set()
    surely: set[str] = set()
    for statement, code in _statements(source):
        found = names_in(code)
        needed |= (found.loaded | found.changed | found.changed_inside) - surely
        surely |= _surely_stored(statement)
    return Flow(frozenset(needed), frozenset(names_in(source).stored), frozenset(surely))


def _statements(source: str) -> Iterator[tuple[ast.stmt, str]]:
    """Yield a cell's statements with their code, but for those nested too deeply."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        with contextlib.suppress(RecursionError):
            yield statement, ast.unparse(statement)


def _surely_stored(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines if it does not fail."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Import() | ast.ImportFrom():
            return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
        case ast.Assign() | ast.AnnAssign(value=ast.expr()):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            inner = [node for target in targets for node in ast.walk(target)]
            return {
                node.id
                for node in inner
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
    return set()


def defined_or_changed(source: str) -> set[str]:
    """Return what a cell defines, except for imports, and what it changes in place."""
    names = names_in(source)
    return (names.stored - names.imported) | names.changed


def without_magic(source: str) -> str:
    """Return a cell without a first line such as ``%%capture``, if the rest of it is Python."""
    magic = _MAGIC.match(source)
    return source[magic.end() :] if magic and magic[1] in _PYTHON_MAGICS else source


def _scopes(table: symtable.SymbolTable, found: Names, top: bool = False) -> None:
    for symbol in table.get_symbols():
        name = symbol.get_name()
        outside = top or symbol.is_global()
        if outside and symbol.is_referenced():
            found.loaded.add(name)
        if top and (symbol.is_assigned() or symbol.is_imported()):
            found.stored.add(name)
        if top and symbol.is_imported():
            found.imported.add(name)
        if not top and symbol.is_declared_global() and symbol.is_assigned():
            found.changed_inside.add(name)
    for child in table.get_children():
        _scopes(child, found)


def _magic(node: ast.Call, found: Names) -> None:
    """Note the names in a magic's argument: of Python in some, else whatever looks like a name."""
    kind = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    if kind == "run_cell_magic" and len(texts) == 3 and texts[0] in _PYTHON_MAGICS:
        found.add(names_in(str(texts[2])))
    elif kind == "run_line_magic" and len(texts) == 2 and texts[0] == "time":
        found.add(names_in(str(texts[1])))
    elif kind in ("run_line_magic", "system", "getoutput"):
        found.loaded.update(_NAME.findall(" ".join(map(str, texts))))


def _changes(node: ast.AST, found: Names, local: set[str], changed: set[str]) -> None:
    """Note globals that are changed in place, separately for the top level and for functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        local = local | _locals(node)
        changed = found.changed_inside
    name = _changed(node)
    if name is not None and name not in local:
        changed.add(name)
    for child in ast.iter_child_nodes(node):
        _changes(child, found, local, changed)


def _changed(node: ast.AST) -> str | None:
    """Return the name whose value a node changes in place, if it changes one."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return _root(node)
    if isinstance(node, ast.AugAssign):
        return _root(node.target)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _root(node.func) if node.func.attr in _MUTATORS else None
    return None


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _locals(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Return the names that are a function's own."""
    args = node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    found = {arg.arg for arg in every if arg is not None}
    shared = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif isinstance(inner, ast.Global):
            shared.update(inner.names)
    return found - shared
