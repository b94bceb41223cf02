"""Lectures and assignments as pages, with what leads from one to the other and to a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autograder.site.links import Links
from autograder.site.markdown import heading, linked, relative
from autograder.site.source import SourceTree
from autograder.source_digests import digest, source_digests
from course._files import project_path
from course.visualization import states

# What a lecture's figures and numbers depend on besides this project's code.
_LIBRARIES = ("keras", "matplotlib", "numpy", "tensorflow")


@dataclass(frozen=True)
class Unit:
    """A unit's notebooks; None where it has none.

    Attributes:
        name: such as `02_sizing`.
        lecture: the lecture's notebook, with its script beside it.
        assignment: the assignment as students get it.
    """

    name: str
    lecture: Path | None
    assignment: Path | None

    @property
    def title(self) -> str:
        """The heading of its lecture, or else of its assignment."""
        return _title(self.lecture or self.assignment)

    def read_lecture(self) -> list[dict[str, Any]]:
        """The cells of its lecture, each source as one text; [] without a lecture."""
        if self.lecture is None:
            return []
        cells: list[dict[str, Any]] = _notebook(self.lecture)["cells"]
        return cells

    @property
    def pages(self) -> dict[str, str]:
        """Its pages, by "lecture" and "assignment"."""
        found = {"lecture": self.lecture, "assignment": self.assignment}
        return {kind: f"{kind}s/{self.name}.ipynb" for kind, path in found.items() if path}


def find(lectures: Path, assignments: Path) -> list[Unit]:
    """List the units that have a lecture or a released assignment."""
    read = {path.stem: path for path in lectures.glob("[0-9][0-9]_*.ipynb")}
    asked = {path.stem: path for path in assignments.glob("[0-9][0-9]_*/*.ipynb")}
    asked = {name: path for name, path in asked.items() if path.parent.name == name}
    return [Unit(name, read.get(name), asked.get(name)) for name in sorted({*read, *asked})]


def write(tree: SourceTree, unit: Unit, links: Links, pages: Mapping[str, str]) -> None:
    """Write a unit's pages, and its notebooks to download.

    Args:
        tree: where to.
        unit: the unit.
        links: where its notebooks are published.
        pages: see :func:`autograder.site.markdown.linked`.
    """
    if unit.lecture:
        tree.write(f"notebooks/lectures/{unit.name}.ipynb", unit.lecture.read_bytes())
        tree.write(unit.pages["lecture"], _lecture(unit, links, pages))
    if unit.assignment:
        tree.write(f"notebooks/assignments/{unit.name}.ipynb", unit.assignment.read_bytes())
        tree.write(unit.pages["assignment"], _assignment(unit, links, pages))


def _lecture(unit: Unit, links: Links, pages: Mapping[str, str]) -> str:
    assert unit.lecture
    page = unit.pages["lecture"]
    notebook = _read(unit.lecture, page, pages)
    _under_title(notebook, _bar(unit, "lecture", links, f"lectures/{unit.name}.ipynb"))
    if unit.assignment:
        target = relative(unit.pages["assignment"], page)
        end = f"**Now you:** [the assignment of this unit]({target})"
        text = f"```{{container}} next\n{end}\n```\n\n```{{toctree}}\n:hidden:\n\n{target}\n```"
        notebook["cells"].append(_markdown("site-next", text))
    # The cache compares this as well as the code, so that a changed library is not overlooked.
    notebook["metadata"]["kernelspec"]["made_of"] = made_of(unit.lecture.with_suffix(".py"))
    return json.dumps(notebook, indent=1, ensure_ascii=False)


def made_of(script: Path) -> str:
    """Return a digest of all that a lecture's outputs depend on, besides its own code."""
    code = source_digests([], ("course",), sources=[script.read_text()])
    data = sorted(project_path("data").rglob("*.json"))
    libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    settings = [f"{states.most()} pictures", *libraries]
    return digest(*(f"{k} {v}" for k, v in sorted(code.items())), *settings, *_contents(data))


def _contents(paths: list[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]


def _assignment(unit: Unit, links: Links, pages: Mapping[str, str]) -> str:
    assert unit.assignment
    page = unit.pages["assignment"]
    notebook = _read(unit.assignment, page, pages)
    place = f"assignments/{unit.name}/{unit.name}.ipynb"
    _under_title(notebook, _bar(unit, "assignment", links, place))
    first = notebook["cells"][0]["source"]
    # Of a unit with both, the lecture has the title of the unit.
    if unit.lecture and heading(first) == _title(unit.lecture):
        notebook["cells"][0]["source"] = first.replace("# ", "# Assignment ", 1)
    notebook["metadata"]["mystnb"] = {"execution_mode": "off"}
    for cell in notebook["cells"]:
        marks = cell["metadata"].pop("nbgrader", {})
        if cell["cell_type"] == "code" and marks.get("grade") and not marks.get("solution"):
            tags = cell["metadata"].setdefault("tags", [])
            tags += [tag for tag in ["hide-input"] if tag not in tags]
    return json.dumps(notebook, indent=1, ensure_ascii=False)


def _bar(unit: Unit, kind: str, links: Links, place: str) -> str:
    """The line of links below a page's title."""
    page = unit.pages[kind]
    others = [other for other in unit.pages if other != kind]
    said = {"lecture": "Its lecture", "assignment": "Its assignment"}
    parts = [f"[{said[other]}]({relative(unit.pages[other], page)})" for other in others]
    download = relative(f"notebooks/{kind}s/{unit.name}.ipynb", page)
    parts.append(f"{{download}}`Notebook <{download}>`")
    opened = links.to(place)
    parts += [f"[{label}]({address})" for label, address in opened.items()]
    lines = ["```{container} unit-links", "\n".join(f"- {part}" for part in parts), "```"]
    if opened:
        lines += [
            "```{container} unit-install",
            f"In Colab, run this first: `%pip install -q git+{links.repository}`",
            "```",
        ]
    return "\n".join(lines)


def _under_title(notebook: dict[str, Any], text: str) -> None:
    first = notebook["cells"][0]
    title, _, rest = first["source"].partition("\n")
    first["source"] = f"{title}\n\n{text}\n{rest}"


def _read(path: Path, page: str, pages: Mapping[str, str]) -> dict[str, Any]:
    """Read a notebook, with links to pages."""
    notebook = _notebook(path)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = linked(cell["source"], page, pages)
    return notebook


def _notebook(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = cell["source"]
        cell["source"] = source if isinstance(source, str) else "".join(source)
    return notebook


def _title(path: Path | None) -> str:
    assert path
    return heading(_notebook(path)["cells"][0]["source"]) or path.stem


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}
