"""The site's own part of Sphinx: sections of docstrings, and MathJax beside the pages."""

from __future__ import annotations

import inspect
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util.nodes import make_refnode

from autograder.site.docstrings import SECTIONS, prepare

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_KINDS = {"class", "exc", "func", "meth", "obj"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.config.napoleon_custom_sections = [(name, "notes_style") for name in SECTIONS]
    # Before Napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", _prepare, priority=400)
    app.connect("autodoc-skip-member", _skip)
    app.connect("builder-inited", _copy_mathjax)
    app.connect("missing-reference", _by_last_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _prepare(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    lines[:] = prepare(lines)


def _skip(
    app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object
) -> bool | None:
    """Leave out fields of named tuples, of which Python only says their number."""
    return (inspect.getdoc(thing) or "").startswith("Alias for field number") or None


def _by_last_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Find what docstrings name without its module, if only one thing in the reference is meant."""
    if node.get("refdomain") != "py" or node.get("reftype") not in _KINDS:
        return None
    last = node["reftarget"].rpartition(".")[2]
    objects = env.domains.python_domain.objects
    own = [name for name in objects if name.rpartition(".")[2] == last]
    if len(own) != 1:
        return None
    found = objects[own[0]]
    page = node.get("refdoc", env.docname)
    return make_refnode(app.builder, page, found.docname, found.node_id, content, own[0])


def _copy_mathjax(app: Sphinx) -> None:
    """Put MathJax where Sphinx finds static files. One file of it draws TeX as SVG."""
    folder = Path(app.doctreedir).parent / "static"
    target = folder / app.config.mathjax_path
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((files("mathjax") / "static/mathjax/es5" / target.name).read_bytes())
    app.config.html_static_path.append(str(folder))
