"""Convert formulas to MathML, so that a page need not fetch MathJax from the network."""

from __future__ import annotations

import re
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

# A code span or block, which stays as it is; or a formula, displayed or inline.
_FORMULA = re.compile(r"(`+).+?\1|\$\$(.+?)\$\$|(?<![\\$])\$(?=\S)([^$]+?)(?<=\S)\$(?!\d)", re.S)


class FormulasAsMathML(Preprocessor):
    """Converts the LaTeX formulas of markdown cells to MathML."""

    enabled = True

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert the formulas of a cell."""
        if cell.cell_type == "markdown":
            cell.source = _FORMULA.sub(_mathml, cell.source)
        return cell, resources


def _mathml(match: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    _, displayed, inline = match.groups()
    if not (displayed or inline):
        return match.group()
    try:
        return str(convert(displayed or inline, display="block" if displayed else "inline"))
    except Exception:  # a formula that cannot be converted is shown as it was typed
        return match.group()
