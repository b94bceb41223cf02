"""Whether a built site is whole: every link leads somewhere, and no other host is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; an <a> it only follows.
_FETCHED = {
    ("script", "src"), ("img", "src"), ("img", "srcset"), ("iframe", "src"), ("source", "src"),
    ("source", "srcset"), ("video", "src"), ("audio", "src"), ("object", "data"), ("embed", "src"),
    ("input", "src"), ("image", "href"), ("use", "href"), ("form", "action"),
}  # fmt: skip
_LINKS_FETCHED = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "modulepreload"}
_IN_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class _Page(HTMLParser):
    """What a page fetches, where it leads, and which places it has."""

    fetched: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    _style: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self._style = tag == "style"
        self.places |= {found[name] for name in ("id", "name") if name in found}
        for name, value in found.items():
            if (tag, name) in _FETCHED:
                self.fetched.append(value)
            elif name == "style":
                self.fetched += in_css(value)
        if tag == "link" and set((found.get("rel") or "").split()) & _LINKS_FETCHED:
            self.fetched.append(found.get("href", ""))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])

    def handle_data(self, data: str) -> None:
        if self._style:
            self.fetched += in_css(data)


def in_css(text: str) -> list[str]:
    """Return the addresses that a stylesheet fetches.

    Example:
        >>> in_css("@import 'a.css'; p { background: url(b.png) }")
        ['a.css', 'b.png']
    """
    return [first or second for first, second in _IN_CSS.findall(text)]


def problems(site: Path) -> list[str]:
    """Return what is wrong with a built site, one sentence for each; [] if it is whole."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        found += [f"{name}: {wrong}" for wrong in _wrong(path, page, pages)]
    for path in sorted(site.rglob("*.css")):
        name = path.relative_to(site)
        addresses = in_css(path.read_text(encoding="utf-8", errors="replace"))
        found += [f"{name}: fetches {a} from another host" for a in addresses if _foreign(a)]
    return found


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _wrong(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for address in page.fetched:
        if _foreign(address):
            yield f"fetches {address} from another host"
        elif (target := _file(path, address)) and not target.is_file():
            yield f"fetches {address}, which does not exist"
    for address in dict.fromkeys(page.links):
        target = _file(path, address)
        if target is None:
            continue
        place = unquote(urlsplit(address).fragment)
        if not target.is_file():
            yield f"links to {address}, which does not exist"
        elif place and target in pages and place not in pages[target].places:
            yield f"links to {address}, but that page has no such place"


def _foreign(address: str) -> bool:
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ftp"}


def _file(path: Path, address: str) -> Path | None:
    """The file that an address on a page means; None if it is not one of this site."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    return (path.parent / unquote(parts.path)).resolve() if parts.path else path
