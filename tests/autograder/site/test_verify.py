"""A site is whole if each link leads somewhere and nothing is fetched from another host."""

import pytest

from autograder.site.verify import problems

GOOD = """<html><head><link rel="stylesheet" href="a.css"><link rel="canonical" href="https://x.org/">
</head><body><h1 id="top">T</h1><a href="#top">up</a><a href="https://paper.org/1">paper</a>
<a href="sub/other.html#there">other</a><img src="data:image/png;base64,AA=="></body></html>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "sub/other.html").write_text('<p id="there"><a href="../index.html">back</a></p>')
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,AA==) }")
    return tmp_path


def test_a_whole_site_has_no_problems(site):
    assert problems(site) == []


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html, which does not exist"),
        ('<a href="#gone">x</a>', "links to #gone, but that page has no such place"),
        ('<a href="sub/other.html#no">x</a>', "sub/other.html#no, but that page has no such"),
        (
            '<script src="https://cdn.org/a.js"></script>',
            "fetches https://cdn.org/a.js from another",
        ),
        ('<script src="//cdn.org/a.js"></script>', "fetches //cdn.org/a.js from another host"),
        ('<img src="https://b.org/badge.svg">', "fetches https://b.org/badge.svg from another"),
        ('<img src="none.png">', "fetches none.png, which does not exist"),
        ('<link rel="preconnect" href="https://fonts.org">', "fetches https://fonts.org from"),
        ("<style>@import 'https://c.org/x.css';</style>", "fetches https://c.org/x.css from"),
        ('<p style="background: url(http://d.org/p.png)">', "fetches http://d.org/p.png from"),
    ],
)
def test_what_is_wrong_is_named_with_its_page(site, html, said):
    (site / "index.html").write_text(GOOD + html)
    (found,) = problems(site)
    assert found.startswith("index.html: ") and said in found


def test_stylesheets_are_read(site):
    (site / "a.css").write_text("@font-face { src: url('https://fonts.org/f.woff2') }")
    assert problems(site) == ["a.css: fetches https://fonts.org/f.woff2 from another host"]
