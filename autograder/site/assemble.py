"""Write the sources of all pages: of units, networks, papers, the reference and the guides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.site import api, gallery, papers, units
from autograder.site.links import read_links
from autograder.site.markdown import linked
from autograder.site.profiles import profiles
from autograder.site.source import SourceTree
from autograder.site.units import Unit
from course.units import efforts

_KINDS = ("lecture", "assignment")

# Guides by reader: titles of the navigation, and files of the project.
GUIDES: Mapping[str, tuple[str, ...]] = {
    "Students": ("docs/command_line.md", "docs/glossary.md"),
    "Instructors": (
        "docs/classroom.md",
        "docs/class.md",
        "docs/grading.md",
        "docs/writing_a_unit.md",
    ),
    "Training and GPUs": (
        "docs/training.md",
        "docs/transfer.md",
        "docs/scaling.md",
        "docs/runs.md",
    ),
    "Developers": (
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/testing.md",
        "CHANGELOG.md",
    ),
}


def assemble(project: Path, out: Path, cache: Path) -> list[str]:
    """Write the sources of the site.

    Args:
        project: a checkout.
        out: the folder that Sphinx reads.
        cache: folder for what takes long to compute.

    Returns:
        The files' names in `out`.
    """
    from course import architectures

    tree = SourceTree(out)
    entries = [architectures.describe(name) for name in architectures.names()]
    found = units.find(project / "course" / "lectures", project / "assignments")
    guides = _guides(project)
    pages = _pages(found, guides)
    for unit in found:
        units.write(tree, unit, read_links(project / "pyproject.toml"), pages)
    gallery.write(tree, entries, profiles(entries, cache / "profiles.json"))
    papers.write(tree, entries, found)
    api.write(tree)
    for page, path in guides.items():
        tree.write(page, linked(path.read_text(encoding="utf-8"), page, pages))
    front = (project / "docs" / "site" / "index.md").read_text(encoding="utf-8")
    tree.write("index.md", index(front, found, guides))
    return tree.finish()


def _guides(project: Path) -> dict[str, Path]:
    """The guides' pages, with the files that they are made of; those in no list come last."""
    listed = [name for names in GUIDES.values() for name in names]
    found = [path.relative_to(project) for path in sorted((project / "docs").rglob("*.md"))]
    others = [str(path) for path in found if "site" not in path.parts and str(path) not in listed]
    return {f"{_guide(name)}.md": project / name for name in [*listed, *others]}


def _guide(name: str) -> str:
    """A guide's page, without its ending: "docs/deploy/README.md" is guides/deploy-readme."""
    return "guides/" + name.removeprefix("docs/").removesuffix(".md").replace("/", "-").lower()


def _pages(found: Sequence[Unit], guides: Mapping[str, Path]) -> dict[str, str]:
    """The page of each file that texts may link to or name."""
    pages = {path.name: page for page, path in guides.items()}
    for unit in found:
        # A lecture and an assignment have the same name. A link in a text means the lecture, if not
        # the assignment in its own folder, as a student's tree has it.
        pages[f"{unit.name}.ipynb"] = next(iter(unit.pages.values()))
        if unit.assignment:
            pages[f"{unit.name}/{unit.name}.ipynb"] = unit.pages["assignment"]
    return pages


def index(front: str, found: Sequence[Unit], guides: Mapping[str, Path]) -> str:
    """Return the first page: a text with a mark where the units are listed, and the navigation."""
    lines = [front.replace("<!-- units -->", _table(found)).rstrip(), ""]
    lines += _toctree("Units", [f"lectures/{u.name}" if u.lecture else _only(u) for u in found])
    lines += _toctree("Library", ["gallery/index", "api/index", "papers"])
    seen = [page.removesuffix(".md") for page in guides]
    for title, names in GUIDES.items():
        own = [_guide(name) for name in names]
        seen = [page for page in seen if page not in own]
        lines += _toctree(title, own)
    if seen:
        lines += _toctree("More", seen)
    return "\n".join(lines)


def _only(unit: Unit) -> str:
    return unit.pages["assignment"].removesuffix(".ipynb")


def _table(found: Sequence[Unit]) -> str:
    """The table of units, with hours and what each builds on, where that is known."""
    known = efforts()
    lines = ["| unit | lecture | assignment | builds on |", "|:---|:---|:---|:---|"]
    for unit in found:
        effort = known.get(unit.name)
        hours = (effort.lecture_hours, effort.assignment_hours) if effort else (0, 0)
        links = [
            f"[{verb}]({unit.pages[kind]}){f', {time:g} h' if time else ''}"
            if kind in unit.pages
            else ""
            for kind, verb, time in zip(_KINDS, ("read", "do"), hours, strict=True)
        ]
        after = ", ".join(name.partition("_")[0] for name in effort.after) if effort else ""
        lines.append(f"| {unit.title} | {' | '.join(links)} | {after} |")
    return "\n".join(lines)


def _toctree(caption: str, pages: Sequence[str]) -> list[str]:
    options = [":hidden:", f":caption: {caption}"]
    return ["```{toctree}", *options, "", *pages, "```", ""]
