"""Formulas become MathML; code and money stay as they are."""

import nbformat
import pytest

from autograder.mathml import FormulasAsMathML


def converted(source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    return FormulasAsMathML().preprocess(notebook, {})[0].cells[0].source


def test_inline_and_displayed():
    assert "<mi>n</mi>" in converted("one $n$ here")
    assert 'display="block"' in converted("$$\\frac{a}{b}$$")
    assert converted("a $n$ and $m$").count("<math") == 2


@pytest.mark.parametrize(
    "source", ["`$n$`", "```\n$n$ and $m$\n```", "it costs $5 and $6", "no formula", r"\$n\$"]
)
def test_left_alone(source):
    assert converted(source) == source
