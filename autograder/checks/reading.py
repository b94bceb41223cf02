"""What an answer uses, read from the notebook's cells without running them.

Names are followed from the answer to everything of the notebook that it calls. Only what is used
counts: an import alone, a comment, a string, an annotation or a name that looks similar does not.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

from autograder.wire.watching import is_in, spelled

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def forbidden_uses(
    answers: Iterable[str], cells: Iterable[str], without: Iterable[str]
) -> dict[str, str]:
    """Find out which forbidden things some answers use.

    Args:
        answers: names that the notebook gives a value, such as a function's.
        cells: sources of the notebook's cells, in the order in which they ran.
        without: modules, packages, and functions of modules or of the notebook, as dotted paths.

    Returns:
        For each of `without` that is used, how it is used, in words.

    Example:
        >>> forbidden_uses(["f"], ["import keras as k", "f = lambda x: k.ops.relu(x)"], ["keras"])
        {'keras': 'f uses keras.ops.relu'}
    """
    notebook = _Notebook(cells)
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, (name,)) for name in answers]
    seen = {name for name, _ in waiting}
    found: dict[str, str] = {}
    while waiting:
        name, route = waiting.pop(0)
        reader = _Reader(notebook)
        for node in notebook.defined.get(name, ()):
            reader.visit(node)
        for path in reader.paths:
            for entry in without:
                if is_in(spelled(path), entry) and entry not in route:
                    found.setdefault(entry, _said(route, path))
        for called in reader.called - seen:
            seen.add(called)
            waiting.append((called, (*route, called)))
    return found


def _said(route: tuple[str, ...], path: str) -> str:
    through = f" calls {route[-1]}, which" if len(route) > 1 else ""
    return f"{route[0]}{through} uses {path}"


class _Notebook:
    """Names that cells define at their top level; of several cells that do, the last counts."""

    def __init__(self, cells: Iterable[str]):
        self.defined: dict[str, list[ast.AST]] = {}
        self.imported: dict[str, str] = {}
        for source in cells:
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            bound = _Bound(tree.body)
            for name in bound.imported.keys() | bound.defined.keys():
                self.defined.pop(name, None)
                self.imported.pop(name, None)
            self.defined |= bound.defined
            self.imported |= bound.imported
            for name, nodes in bound.changed.items():
                self.defined.setdefault(name, []).extend(nodes)


class _Bound:
    """Names that some statements bind, not counting the bodies of functions in them.

    Attributes:
        defined: the statements that give each name its value.
        imported: the dotted path of each imported name.
        changed: statements that change what a name stands for: ``table["a"] = 1``.
    """

    def __init__(self, body: Iterable[ast.AST]):
        self.defined: dict[str, list[ast.AST]] = {}
        self.imported: dict[str, str] = {}
        self.changed: dict[str, list[ast.AST]] = {}
        for statement in _statements(body):
            self._bind(statement)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                self.imported[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.defined.setdefault(node.name, []).append(node)
        else:
            for part in _outside_functions(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    self.defined.setdefault(part.id, []).append(node)
            if (name := _changed(node)) is not None:
                self.changed.setdefault(name, []).append(node)


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements, and instead of a loop or a condition the statements inside."""
    for node in body:
        parts = [
            part
            for field in ("body", "orelse", "finalbody", "handlers", "cases")
            for part in getattr(node, field, [])
        ]
        if not parts or isinstance(node, _FUNCTIONS | ast.ClassDef):
            yield node
            continue
        if isinstance(node, ast.For | ast.AsyncFor):
            yield ast.Assign([node.target], node.iter)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                targets = [item.optional_vars] if item.optional_vars else []
                yield ast.Assign(targets, item.context_expr)
        elif isinstance(node, ast.If | ast.While):
            yield ast.Expr(node.test)
        yield from _statements(parts)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _FUNCTIONS | ast.ClassDef):
            yield from _outside_functions(child)


def _changed(node: ast.AST) -> str | None:
    """Return the name whose value a statement changes, as ``a[0] = 1`` and ``a.append(1)`` do."""
    if isinstance(node, ast.Assign | ast.AugAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) and node.targets else None
        target = node.target if isinstance(node, ast.AugAssign) else target
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        target = node.value.func
    else:
        return None
    if not isinstance(target, ast.Attribute | ast.Subscript):
        return None
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None


class _Reader(ast.NodeVisitor):
    """Reader of one definition.

    Attributes:
        paths: dotted paths of what it uses: imported things, and names of the notebook.
        called: names of the notebook that it reads.
    """

    def __init__(self, notebook: _Notebook):
        self._notebook = notebook
        self._scopes: list[tuple[set[str], _Bound]] = []
        self.paths: list[str] = []
        self.called: set[str] = set()

    def _name(self, name: str, depth: int = 0) -> str | None:
        """Return the path that a name stands for; None for a variable."""
        for variables, bound in reversed(self._scopes):
            if name in bound.imported:
                return bound.imported[name]
            if name in variables:
                return self._alias(bound.defined.get(name, ()), depth)
        if name in self._notebook.imported:
            return self._notebook.imported[name]
        if name in self._notebook.defined:
            return self._alias(self._notebook.defined[name], depth) or name
        return None if hasattr(builtins, name) and name != "__import__" else name

    def _alias(self, nodes: Iterable[ast.AST], depth: int) -> str | None:
        """Return what ``t`` is after ``t = tensorflow``."""
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and depth < 9:
                return self._path(node.value, depth + 1)
        return None

    def _path(self, node: ast.AST, depth: int = 0) -> str | None:
        """Return the dotted path that an expression stands for, if it is no more than that."""
        match node:
            case ast.Name(id=name):
                return self._name(name, depth)
            case ast.Attribute(value=value, attr=name):
                base = self._path(value, depth)
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                called = self._path(function, depth)
                return name if called in ("__import__", "importlib.import_module") else None
            case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name))]):
                base = self._path(value, depth)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return name if self._path(value, depth) == "sys.modules" else None
            case _:
                return None
        return f"{base}.{name}" if base else None

    def visit(self, node: ast.AST) -> None:
        """Note what a node and the nodes inside it use."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            path = self._path(node)
            if path is not None:
                self.paths.append(path)
            if isinstance(node, ast.Name) and self._is_global(node.id):
                self.called.add(node.id)
        if isinstance(node, _FUNCTIONS):
            self._function(node)
        elif isinstance(node, ast.AnnAssign):
            self._all([node.value] if node.value else [])
        elif isinstance(node, ast.Call) and _asks_for_a_type(node):
            self._all(node.args[:1])
        elif not isinstance(node, ast.Attribute) or self._path(node) is None:
            self.generic_visit(node)
        else:  # the parts of a path are not used on their own, but `helper.cache` reads `helper`
            while isinstance(node, ast.Attribute):
                node = node.value
            if isinstance(node, ast.Name) and self._is_global(node.id):
                self.called.add(node.id)

    def _is_global(self, name: str) -> bool:
        return name in self._notebook.defined and not any(name in v for v, _ in self._scopes)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        self._all([*arguments.defaults, *(value for value in arguments.kw_defaults if value)])
        self._all(getattr(node, "decorator_list", []))
        body = node.body if isinstance(node.body, list) else [ast.Expr(node.body)]
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
        bound = _Bound(body)
        shared = {
            name
            for part in _statements(body)
            if isinstance(part, ast.Global)
            for name in part.names
        }
        variables = {argument.arg for argument in named} | bound.defined.keys()
        self._scopes.append((variables - shared, bound))
        self._all(body)
        self._scopes.pop()

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _asks_for_a_type(node: ast.Call) -> bool:
    """Return whether a call is ``isinstance(...)`` or the like, where naming a type is no use."""
    return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")
