"""The papers: which networks come from each, and what lectures recommend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from autograder.site.gallery import anchor
from autograder.site.markdown import linked
from autograder.site.source import SourceTree
from autograder.site.units import Unit

if TYPE_CHECKING:
    from course.architectures import Architecture

PAGE = "papers.md"
_TO_READ = re.compile(r"^## To read\n(.*?)(?=^## |\Z)", re.M | re.S)


def write(tree: SourceTree, entries: Iterable[Architecture], units: Sequence[Unit]) -> None:
    """Write the page of papers."""
    lines = ["# Papers", "", "## Networks", ""]
    for paper, names in sorted(by_paper(entries).items()):
        links = ", ".join(f"{{ref}}`{name} <{anchor(name)}>`" for name in names)
        lines.append(f"- {paper}: {links}")
    for unit in units:
        if found := to_read(unit):
            title = f"## {unit.title}"
            where = f"From [the lecture](lectures/{unit.name}.ipynb)."
            lines += ["", title, "", where, "", found]
    tree.write(PAGE, "\n".join([*lines, ""]))


def by_paper(entries: Iterable[Architecture]) -> Mapping[str, list[str]]:
    """Return the networks' names by the paper that introduced them."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.paper, []).append(entry.name)
    return found


def to_read(unit: Unit) -> str:
    """Return what a lecture has under its heading "To read"; "" without one."""
    if unit.lecture is None:
        return ""
    text = "\n\n".join(cell["source"] for cell in unit.read_lecture() if _is_text(cell))
    found = _TO_READ.search(text)
    return linked(found[1].strip(), PAGE, {}) if found else ""


def _is_text(cell: Mapping[str, object]) -> bool:
    return cell["cell_type"] == "markdown"
