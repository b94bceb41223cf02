"""Keep each unit's script NN_topic.py, which people edit, and its notebook NN_topic.ipynb in sync.

The notebook has no outputs, and its cell ids come from each cell's grade id or position, so the
same source always gives the same bytes. If the notebook is edited in JupyterLab,
:func:`synchronize` writes the changes back to the script.

JupyterLab folds the code of cells with the tag ``hide-input``, which MyST-NB folds on a page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT_METADATA = ("nbgrader", "tags", "slideshow")
FOLDED = "hide-input"


def pairs(root: Path) -> list[Path]:
    """List the scripts of all lectures and solutions in a project."""
    found = [*root.glob("course/lectures/*"), *root.glob("solutions/*/*")]
    named = (path for path in found if re.fullmatch(r"\d\d_\w+\.(py|ipynb)", path.name))
    return sorted({path.with_suffix(".py") for path in named})


def _normalized(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without anything that a run, an editor or a clock has left in it."""
    import nbformat

    cells = []
    for position, cell in enumerate(notebook.cells):
        metadata = {key: cell.metadata[key] for key in KEPT_METADATA if key in cell.metadata}
        name = metadata.get("nbgrader", {}).get("grade_id") or f"cell-{position:03d}"
        if cell.cell_type == "code" and FOLDED in metadata.get("tags", ()):
            metadata["jupyter"] = {"source_hidden": True}
        new = {
            "markdown": nbformat.v4.new_markdown_cell,
            "code": nbformat.v4.new_code_cell,
            "raw": nbformat.v4.new_raw_cell,
        }[cell.cell_type]
        cells.append(new(cell.source, metadata=metadata, id=re.sub(r"[^\w-]", "-", name)[:64]))
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )


def to_ipynb(source: str) -> str:
    """Convert a percent-format script to a notebook, as text."""
    import jupytext
    import nbformat

    notebook = _normalized(jupytext.reads(source, fmt="py:percent"))
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook, version=4)) + "\n"


def to_py(notebook: str) -> str:
    """Convert a notebook to a percent-format script, as text."""
    import jupytext
    import nbformat

    clean = _normalized(nbformat.reads(notebook, as_version=4))
    clean.metadata = {
        "jupytext": {
            "formats": "ipynb,py:percent",
            "cell_metadata_filter": ",".join((*KEPT_METADATA, "-all")),
            "notebook_metadata_filter": "jupytext,kernelspec,-jupytext.text_representation,-all",
        },
        "kernelspec": KERNEL,
    }
    return str(jupytext.writes(clean, fmt="py:percent"))


def synchronize(script: Path) -> str:
    """Synchronize a script and its notebook; if they differ, the newer one wins.

    Returns:
        What was done, in words; empty if they were in sync.
    """
    notebook = script.with_suffix(".ipynb")
    if not notebook.exists():
        notebook.write_text(to_ipynb(script.read_text()))
        return f"{notebook} created from {script.name}"
    if not script.exists():
        script.write_text(to_py(notebook.read_text()))
        notebook.write_text(to_ipynb(script.read_text()))
        return f"{script} created from {notebook.name}"
    made = to_ipynb(script.read_text())
    if made == notebook.read_text():
        return ""
    if script.stat().st_mtime >= notebook.stat().st_mtime:
        notebook.write_text(made)
        return f"{notebook} updated from {script.name}, which is newer"
    source = to_py(notebook.read_text())
    changed = to_ipynb(source) != made
    if changed:
        script.write_text(source)
    notebook.write_text(to_ipynb(script.read_text()))
    if changed:
        return f"{script} updated from {notebook.name}, which is newer"
    return f"{notebook}: outputs and other leftovers removed"
