"""What students must not get: each finding names the file, the line and the reason."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from autograder.course_directory import CourseDirectory
from autograder.handout.contents import Item
from autograder.source_gates import MARKERS

# Of the package `autograder`, all that students' copies may have. The rest is the grader.
CHECKS = ("autograder", "autograder.checks", "autograder.wire", "autograder.context")
GRADER = "part of the grader"
RUN = 5  # lines in a row; a lecture may share a few with an answer
_MARKER = re.compile(rf"\b(?:BEGIN|END) (?:{'|'.join(MARKERS)})\b")
_SCHEME = re.compile(r"\bmark(?:ing)? scheme\b", re.IGNORECASE)
_MUTANTS = re.compile(r"^\s*(?:mutants|alternatives)\s*=", re.MULTILINE)
Line = tuple[int, str]


def find(course: CourseDirectory, items: dict[str, Item]) -> Iterator[str]:
    """Yield what must not be handed out: `FILE:LINE: reason`; causes before what follows."""
    secrets = {unit: _secret_lines(course, unit) for unit in course.units()}
    everything = set().union(*secrets.values()) if secrets else set()
    found = [
        (reason == GRADER, str(item.origin), line, reason)
        for name, item in items.items()
        for line, reason in _in_file(course, name, item, secrets, everything)
    ]
    yield from (f"{origin}:{line}: {reason}" for _, origin, line, reason in sorted(found))


def _in_file(
    course: CourseDirectory,
    name: str,
    item: Item,
    secrets: dict[str, set[str]],
    everything: set[str],
) -> Iterator[tuple[int, str]]:
    top, _, rest = name.partition("/")
    if top == "autograder" and not _is_checks(name):
        yield 1, GRADER
        return
    try:
        text = item.data.decode()
    except UnicodeDecodeError:
        return
    lines = list(_lines(name, text))
    if name.endswith(".py"):
        yield from _imports_of_grader(text)
        yield from _marked(_comments(text) if _MARKER.search(text) else [])
    else:
        yield from _marked(lines)
        yield from ((n, "a marking scheme") for n, line in lines if _SCHEME.search(line))
    if top == "assignments":
        unit = rest.partition("/")[0]
        yield from _in_assignment(course, unit, name, item, text, lines, secrets.get(unit, set()))
    elif top == "lectures":
        yield from _in_a_row(lines, everything)


def _in_assignment(
    course: CourseDirectory,
    unit: str,
    name: str,
    item: Item,
    text: str,
    lines: list[Line],
    secret: set[str],
) -> Iterator[tuple[int, str]]:
    path = Path(name)
    if path.stem in course.notebooks(unit) and path.suffix != ".ipynb":
        kind = "mutants" if path.suffix == ".toml" else "the solution's script"
        yield 1, f"{kind}, by its name"
    if path.suffix == ".toml" and (found := _MUTANTS.search(text)):
        yield text.count("\n", 0, found.start()) + 1, "mutants"
    yield from (
        (n, f"a line of the solution or of a hidden test: {line.strip()!r}")
        for n, line in lines
        if line.strip() in secret
    )
    if path.suffix == ".ipynb" and any(cell.get("outputs") for cell in _cells(text)):
        found = re.search(r'"outputs": \[\s*[^\s\]]', text)
        yield text.count("\n", 0, found.start()) + 1 if found else 1, "a cell with outputs"


def _is_checks(name: str) -> bool:
    module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return any(module == part or module.startswith(f"{part}.") for part in CHECKS[1:]) or (
        module == CHECKS[0]
    )


def _imports_of_grader(source: str) -> Iterator[tuple[int, str]]:
    """Find imports of what students' copies lack."""
    if "autograder" not in source:
        return
    try:
        tree = ast.parse(source)
    except SyntaxError:  # in a file beside a notebook
        return
    unused = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in unused:
            continue
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module="autograder"):
                names = [f"autograder.{alias.name}" for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [module]
            case _:
                continue
        for module in names:
            if module.split(".")[0] == "autograder" and not _is_checks(module.replace(".", "/")):
                yield node.lineno, f"imports {module}, {GRADER}"


def _marked(lines: Iterator[Line] | list[Line]) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if found := _MARKER.search(line):
            yield number, f"the marker {found[0]!r}"


def _comments(source: str) -> Iterator[Line]:
    """Yield a script's comments; a docstring may explain the markers."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        yield from enumerate(source.splitlines(), start=1)


def _in_a_row(lines: list[Line], secret: set[str]) -> Iterator[tuple[int, str]]:
    """Find several lines of a solution or hidden test that follow each other."""
    row: list[Line] = []
    for number, line in [*lines, (0, "-")]:
        if line.strip() in secret:
            row.append((number, line))
        elif line.strip():
            if len(row) >= RUN:
                yield row[0][0], f"{len(row)} lines of a solution or a hidden test"
            row = []


def _lines(name: str, text: str) -> Iterator[Line]:
    """Yield a file's lines; of a notebook the cells' own, with their lines in the file."""
    if not name.endswith(".ipynb"):
        yield from enumerate(text.splitlines(), start=1)
        return
    raw = text.splitlines()
    position = 0
    for cell in _cells(text):
        source = cell.get("source", "")
        for line in "".join(source).splitlines():
            quoted = (json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1])
            after = range(position, len(raw))
            found = next((n for n in after if any(q in raw[n] for q in quoted)), position)
            position = found
            yield found + 1, line


def _cells(text: str) -> list[dict]:
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError):
        return []
    return [cell for cell in cells if isinstance(cell, dict)]


def _secret_lines(course: CourseDirectory, unit: str) -> set[str]:
    """Return the lines of a unit's solutions and hidden tests that no visible part has."""
    inside: set[str] = set()
    outside: set[str] = set()
    for name in course.notebooks(unit):
        path = course.path("source", ".", unit) / f"{name}.ipynb"
        if not path.is_file():
            continue
        for cell in _cells(path.read_text()):
            within = False
            for line in "".join(cell.get("source", "")).splitlines():
                if found := _MARKER.search(line):
                    within = found[0].startswith("BEGIN")
                else:
                    (inside if within else outside).add(line.strip())
    return {line for line in inside - outside if len(line) > 3}
