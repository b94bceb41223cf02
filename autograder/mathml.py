"""Convert formulas to MathML, so that a page need not fetch MathJax from the network."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from xml.etree.ElementTree import tostring

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

# A code span or block, which stays as it is; or a formula, displayed or inline.
FORMULA = re.compile(r"(`+).+?\1|\$\$(.+?)\$\$|(?<![\\$])\$(?=\S)([^$]+?)(?<=\S)\$(?!\d)", re.S)

# Attributes that only change how a formula looks.
ATTRIBUTES = frozenset(
    """
    accent accentunder align columnalign columnlines columnspacing columnspan depth display
    displaystyle fence form frame height largeop linebreak linethickness lspace mathbackground
    mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing
    rowspan rspace scriptlevel separator stretchy symmetric voffset width xmlns
    """.split()
)


class FormulasAsMathML(Preprocessor):
    """Converts the LaTeX formulas of markdown cells to MathML."""

    enabled = True

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert the formulas of a cell."""
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
        return cell, resources


def with_mathml(markdown: str) -> str:
    """Return Markdown whose formulas are MathML."""
    return FORMULA.sub(_mathml, markdown)


def mathml(latex: str, *, block: bool = False) -> str:
    """Convert a formula, which anybody may have written, to MathML that only shows something.

    Args:
        latex: the formula without its dollar signs; `<` may be written as `&lt;`.
        block: on a line of its own.

    Raises:
        Exception: of many kinds, if it cannot be converted.
    """
    from latex2mathml.converter import convert_to_element

    root = convert_to_element(unescape(latex), display="block" if block else "inline")
    for element in root.iter():
        # The converter writes entities, and relies on nobody having written them in the formula.
        element.text = unescape(element.text or "")
        for name in set(element.attrib) - ATTRIBUTES:  # such as `href` and `style`
            del element.attrib[name]
    return tostring(root, encoding="unicode", short_empty_elements=False)


def _mathml(match: re.Match[str]) -> str:
    _, displayed, inline = match.groups()
    if not (displayed or inline):
        return match.group()
    try:
        return mathml(displayed or inline, block=bool(displayed))
    except Exception:  # a formula that cannot be converted is shown as it was typed
        return match.group()
