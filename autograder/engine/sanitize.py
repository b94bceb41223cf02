"""Sanitize what students show: drop anything that a browser would execute.

Formgrader and feedback put notebooks into pages of the instructor's Jupyter server. A script there
could do whatever the instructor can, so none gets that far.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from bleach import ALLOWED_ATTRIBUTES, ALLOWED_TAGS
from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner

# Pictures and text, which pages show as such. HTML and Markdown are cleaned; everything else is
# dropped, scripts and widgets included.
SAFE_TYPES = {
    "text/plain", "text/latex", "application/json",
    "image/png", "image/jpeg", "image/gif", "image/svg+xml",
}  # fmt: skip
TAGS = set(ALLOWED_TAGS) | {
    "br", "caption", "col", "colgroup", "dd", "del", "details", "div", "dl", "dt", "figcaption",
    "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "s", "small", "span",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
}  # fmt: skip
_LAYOUT = {
    "style", "title", "align", "colspan", "rowspan", "scope", "width", "height", "border",
}  # fmt: skip
_OF_TAG = dict(ALLOWED_ATTRIBUTES) | {"img": ["src", "alt"]}
# No position, z-index or the like, which would put one cell's output over another's score.
STYLES = """
    background background-color border border-bottom border-collapse border-left border-right
    border-top color display font-family font-size font-style font-weight height line-height margin
    margin-left margin-right max-height max-width min-width padding padding-left padding-right
    text-align text-decoration vertical-align white-space width
""".split()
_PLAIN_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(\s*/?)>")
# What HTML takes for the beginning of markup; "a < b" is none.
_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")
# What browsers pass over in the scheme of a link.
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")


def _is_allowed(tag: str, name: str, value: str) -> bool:
    """Return whether a tag may have an attribute; a link to data would be a page of its own."""
    if name == "href" and _IGNORED.sub("", unescape(value)).lower().startswith("data:"):
        return False
    return name in _LAYOUT or name in _OF_TAG.get(tag, ())


_cleaner = Cleaner(
    tags=TAGS,
    attributes=_is_allowed,
    protocols={"http", "https", "mailto", "data"},
    strip=True,
    css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
)


def html(text: str) -> str:
    """Return HTML with only tags, attributes and styles that show something."""
    # Bleach keeps the text inside a tag that it drops; of these, it is code.
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", text)
    return str(_cleaner.clean(text))


def markdown(text: str) -> str:
    """Return Markdown whose only HTML are bare tags, such as ``<sub>``."""
    kept: list[str] = []

    def bare(match: re.Match[str]) -> str:
        if match[2].lower() not in TAGS:
            return match[0]
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = _PLAIN_TAG.sub(bare, text.replace("\0", ""))
    text = _MARKUP.sub("&lt;", text)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)


def sanitize_display(data: dict[str, Any]) -> dict[str, Any]:
    """Return a display's data by MIME type, without what a browser would execute."""
    shown = {kind: value for kind, value in data.items() if kind in SAFE_TYPES}
    for kind, clean in (("text/html", html), ("text/markdown", markdown)):
        if isinstance(data.get(kind), str):
            shown[kind] = clean(data[kind])
    return {kind: value for kind, value in shown.items() if _has_type(kind, value)}


def _has_type(kind: str, value: object) -> bool:
    return isinstance(value, dict | list if kind == "application/json" else str)


def sanitize_outputs(outputs: object) -> list[dict[str, Any]]:
    """Return a cell's outputs in nbformat's form, without what a browser would execute.

    Args:
        outputs: what the student's process says that the cell showed.
    """
    kept: list[dict[str, Any]] = []
    for output in outputs if isinstance(outputs, list) else []:
        match output:
            case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
                kept.append({"output_type": "stream", "name": name, "text": text})
            case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
                more = {"execution_count": None} if kind == "execute_result" else {}
                shown = {"data": sanitize_display(data), "metadata": {}}
                kept.append({"output_type": kind, **shown, **more})
            case {
                "output_type": "error",
                "ename": str(name),
                "evalue": str(value),
                "traceback": list(lines),
            }:
                error = {"ename": name, "evalue": value, "traceback": [str(line) for line in lines]}
                kept.append({"output_type": "error", **error})
    return kept
