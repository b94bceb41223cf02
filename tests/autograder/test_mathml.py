"""Formulas become MathML; code and money stay as they are."""

from xml.etree import ElementTree

import nbformat
import pytest

from autograder.mathml import ATTRIBUTES, FormulasAsMathML


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


@pytest.mark.parametrize("source", [
    r"$\text{<img src=x onerror=alert(1)>}$", r"$\text{&lt;script&gt;alert(1)&lt;/script&gt;}$",
    r"$\text{&amp;lt;b&amp;gt;}$", r"$\href{javascript:alert(1)}{x}$",
    r"$\style{position:fixed}{x}$", r'$\color{"><script>}{x}$',
])  # fmt: skip
def test_no_formula_becomes_markup(source):
    root = ElementTree.fromstring(converted(source))
    prefix = "{http://www.w3.org/1998/Math/MathML}m"
    for element in root.iter():
        assert element.tag.startswith(prefix) and element.attrib.keys() <= ATTRIBUTES
        assert not element.attrib.keys() & {"href", "style", "onerror"}


def test_a_comparison_that_was_made_safe_is_one_again():
    assert converted("$a &lt; b$") == converted("$a<b$")
    assert "<mo>&lt;</mo>" in converted("$a&lt;b$")


def test_symbols_are_characters():
    assert "\u2308" in converted(r"$\lceil n \rceil$")
