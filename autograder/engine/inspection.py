"""Make `inspect` in the judge describe a student's functions and classes as their cells do.

The answers are read from the sources of the cells that ran, so they are no claim of the student's
process.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from typing import Any

from autograder.engine.remote import Remote, remote_of
from autograder.engine.standins import StudentFunction

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def install() -> None:
    """Make `inspect` in this process know stand-ins, too."""
    if hasattr(inspect.getsource, "__wrapped__"):
        return
    module: Any = inspect
    for name, own in (
        ("getsource", lambda remote: "".join(_lines(remote))),
        ("getsourcelines", lambda remote: (_lines(remote), 0)),
        ("signature", _signature),
    ):
        setattr(module, name, _knowing(getattr(module, name), own))
    is_function = inspect.isfunction
    module.isfunction = functools.wraps(is_function)(
        lambda value: type(value) is StudentFunction or is_function(value)
    )


def _knowing(original: Callable[..., Any], own: Callable[[Remote], Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def found(value: Any, *args: Any, **kwargs: Any) -> Any:
        remote = remote_of(value)
        if remote is None or not (isinstance(value, type) or type(value) is StudentFunction):
            return original(value, *args, **kwargs)
        return own(remote)

    return found


def _definition(remote: Remote) -> tuple[Definition, str]:
    """Return the last definition of a name in the student's cells, and its cell."""
    for source in reversed(remote.student.cells):
        try:
            nodes = list(ast.walk(ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found = [n for n in nodes if isinstance(n, Definition) and n.name == remote.name]
        if found:
            return found[-1], source
    raise OSError(f"no cell defines {remote.name} with def or class")


def _lines(remote: Remote) -> list[str]:
    node, source = _definition(remote)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = source.splitlines(keepends=True)[first - 1 : node.end_lineno]
    return [line if line.endswith("\n") else line + "\n" for line in lines]


def _signature(remote: Remote) -> inspect.Signature:
    node, _ = _definition(remote)
    if not isinstance(node, ast.ClassDef):
        return _of_arguments(node.args)
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return _of_arguments(method.args, skip=1)
    raise ValueError(f"no signature found for {remote.name}")


def _of_arguments(args: ast.arguments, skip: int = 0) -> inspect.Signature:
    kind = inspect.Parameter
    placed: list[tuple[ast.arg, Any]] = [(a, kind.POSITIONAL_ONLY) for a in args.posonlyargs]
    placed += [(a, kind.POSITIONAL_OR_KEYWORD) for a in args.args]
    without = len(placed) - len(args.defaults)
    defaults: list[ast.expr | None] = [*([None] * without), *args.defaults]
    found = [(*pair, default) for pair, default in zip(placed, defaults, strict=True)][skip:]
    if args.vararg:
        found.append((args.vararg, kind.VAR_POSITIONAL, None))
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    found += [(a, kind.KEYWORD_ONLY, default) for a, default in named]
    if args.kwarg:
        found.append((args.kwarg, kind.VAR_KEYWORD, None))
    return inspect.Signature([kind(a.arg, how, default=_default(d)) for a, how, d in found])


def _default(node: ast.expr | None) -> Any:
    if node is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...
