"""Markdown of the project as pages of the site: links lead to pages, and so do names of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

_CODE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
_ARXIV = re.compile(r"(?<![\[\w/])arXiv:(\d{4}\.\d{4,5})")
_NAMED = re.compile(r"(?<![\[`])`((?:docs/)?\w+\.md)`(?!`)")


def linked(text: str, page: str, pages: Mapping[str, str]) -> str:
    """Let links to the project's files, and files named in code type, lead to the site's pages.

    Papers on arXiv become links, too.

    Args:
        text: in Markdown.
        page: where it will be, such as "guides/grading.md".
        pages: pages by the last part of a file's name, or by the last two; other links are left as
            they are.

    Example:
        >>> linked("See `docs/runs.md`.", "guides/grading.md", {"runs.md": "guides/runs.md"})
        'See [`docs/runs.md`](runs.md).'
    """

    def target(name: str) -> str | None:
        path = PurePosixPath(name)
        found = pages.get("/".join(path.parts[-2:])) or pages.get(path.name)
        return relative(found, page) if found else None

    def link(match: re.Match[str]) -> str:
        found = None if "://" in match[1] else target(match[1])
        return f"]({found}{match[2] or ''})" if found else match[0]

    def named(match: re.Match[str]) -> str:
        found = target(match[1])
        # A page that names itself needs no link.
        return f"[`{match[1]}`]({found})" if found and found != own else match[0]

    def prose(text: str) -> str:
        text = _NAMED.sub(named, _LINK.sub(link, text))
        return _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)

    own = PurePosixPath(page).name
    pieces, end = [], 0
    for block in _CODE.finditer(text):
        pieces += [prose(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*pieces, prose(text[end:])])


def relative(target: str, page: str) -> str:
    """Return the path from one page to another.

    Example:
        >>> relative("gallery/vgg.md", "lectures/02_sizing.ipynb")
        '../gallery/vgg.md'
    """
    up = len(PurePosixPath(page).parent.parts)
    if PurePosixPath(target).parent == PurePosixPath(page).parent:
        return PurePosixPath(target).name
    return "../" * up + target


def heading(text: str) -> str:
    """Return the first heading of a text, without its #; "" if it has none."""
    return next((line[2:].strip() for line in text.split("\n") if line.startswith("# ")), "")
