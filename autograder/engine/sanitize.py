"""What students show, without what would act in the browser of whoever looks at it.

Formgrader and feedback put notebooks into pages of the instructor's Jupyter server. A script there
could do what the instructor can, so none gets that far.
"""

from __future__ import annotations

import re

from bleach import ALLOWED_ATTRIBUTES, ALLOWED_TAGS
from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner

# Pictures and text that pages show as such. Everything else but HTML and Markdown is left out,
# scripts and widgets among it.
SHOWN = {
    "text/plain", "text/latex", "application/json",
    "image/png", "image/jpeg", "image/gif", "image/svg+xml",
}  # fmt: skip
TAGS = set(ALLOWED_TAGS) | {
    "br", "caption", "col", "colgroup", "dd", "del", "details", "div", "dl", "dt", "figcaption",
    "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "s", "small", "span",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
}  # fmt: skip
ATTRIBUTES = dict(ALLOWED_ATTRIBUTES) | {
    "*": ["style", "title", "align", "colspan", "rowspan", "scope", "width", "height", "border"],
    "img": ["src", "alt"],
}
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

_cleaner = Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    protocols={"http", "https", "mailto", "data"},
    strip=True,
    css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
)


def html(text: str) -> str:
    """HTML with only such tags, attributes and styles as show something."""
    # The text of these is no text to be read; without their tags it would be.
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", text)
    return re.sub(r'(?i)href="\s*data:[^"]*"', "", _cleaner.clean(text))


def markdown(text: str) -> str:
    """Markdown in which only bare tags, such as ``<sub>``, are left of HTML."""
    kept: list[str] = []

    def bare(match: re.Match) -> str:
        if match[2].lower() not in TAGS:
            return match[0]
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = _PLAIN_TAG.sub(bare, text.replace("\0", ""))
    text = _MARKUP.sub("&lt;", text)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)


def displayed(data: dict) -> dict:
    """A display's data by MIME type, without what would act."""
    shown = {kind: value for kind, value in data.items() if kind in SHOWN}
    for kind, clean in (("text/html", html), ("text/markdown", markdown)):
        if isinstance(data.get(kind), str):
            shown[kind] = clean(data[kind])
    return shown
