"""Formulas that a browser shows by itself, where a page would fetch MathJax from the network."""

from __future__ import annotations

import re

from nbconvert.preprocessors import Preprocessor

# A code span or block, which is left alone; or a formula, displayed or in the line.
_FORMULA = re.compile(r"(`+).+?\1|\$\$(.+?)\$\$|(?<![\\$])\$(?=\S)([^$]+?)(?<=\S)\$(?!\d)", re.S)


class FormulasAsMathML(Preprocessor):
    """Turns the LaTeX of markdown cells into MathML."""

    enabled = True

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "markdown":
            cell.source = _FORMULA.sub(_mathml, cell.source)
        return cell, resources


def _mathml(match: re.Match) -> str:
    from latex2mathml.converter import convert

    _, displayed, inline = match.groups()
    if not (displayed or inline):
        return match.group()
    try:
        return convert(displayed or inline, display="block" if displayed else "inline")
    except Exception:  # a formula that cannot be read is shown as it was typed
        return match.group()
