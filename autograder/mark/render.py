"""Show what students wrote as HTML that does nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from typing import Any

from autograder.engine import sanitize
from autograder.mathml import FORMULA, mathml

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Private characters, which no answer has left when they are put in.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
LONGEST = 20_000  # characters of one output


def markdown(text: str) -> str:
    """Return Markdown as HTML, with formulas as MathML.

    Args:
        text: anybody's.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        code, displayed, inline = match.groups()
        if code:
            return match[0]
        try:
            kept.append(mathml(displayed or inline, block=bool(displayed)))
        except Exception:  # a formula that cannot be converted is shown as it was typed
            return match[0]
        return f"{_OPEN}{len(kept) - 1}{_CLOSE}"

    text = FORMULA.sub(keep, text.replace(_OPEN, "").replace(_CLOSE, ""))
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    shown = sanitize.html(str(MarkdownWithMath(renderer=renderer).render(text)))
    return _MARK.sub(lambda match: kept[int(match[1])], shown)


def code(text: str) -> str:
    """Return Python as HTML with the classes of :func:`style`."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(text, PythonLexer(), HtmlFormatter(cssclass="code")))


def style(name: str, inside: str = ".code") -> str:
    """Return the style sheet of code in one of Pygments' styles."""
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style=name).get_style_defs(inside))


def cell(of: Any) -> str:
    """Return a cell of a notebook as HTML, with what it showed."""
    if of["cell_type"] != "code":
        return markdown(of["source"])
    return code(of["source"]) + outputs(of.get("outputs", []))


def outputs(shown: Iterable[Any]) -> str:
    """Return what a cell showed as HTML: text, pictures, and cleaned HTML."""
    return "".join(map(_output, sanitize.sanitize_outputs(list(shown))))


def _output(shown: dict[str, Any]) -> str:
    if shown["output_type"] == "stream":
        return _text(shown["text"])
    if shown["output_type"] == "error":
        return _text(f"{shown['ename']}: {shown['evalue']}")
    data = shown["data"]
    for kind in ("image/png", "image/jpeg", "image/gif"):
        if kind in data and (picture := _base64(data[kind])):
            return f'<p><img alt="" src="data:{kind};base64,{picture}"></p>'
    if "text/html" in data:
        return f"<div>{sanitize.html(data['text/html'])}</div>"
    if "text/markdown" in data:
        return f"<div>{markdown(data['text/markdown'])}</div>"
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    text = _ANSI.sub("", text)
    cut = f"\n... and {len(text) - LONGEST} characters more" if len(text) > LONGEST else ""
    return f"<pre>{escape(text[:LONGEST] + cut)}</pre>" if text.strip() else ""


def _base64(data: str) -> str:
    """Return a picture's data as it is written in an address; empty if it is none."""
    try:
        return base64.b64encode(base64.b64decode(data, validate=False)).decode()
    except ValueError:
        return ""
