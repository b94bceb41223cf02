"""Sliders on a page: each setting shows its own picture, in a browser without any Python."""

import base64
import json
import re

import pytest

from tests.conftest import ROOT

pytest.importorskip("myst_nb", reason="the extra `site` is not installed")

from autograder.site.sliders import page_part


def state(text):
    return {"words": f"the <{text}>", "webp": base64.b64encode(text.encode()).decode()}


DATA = {
    "arguments": [
        {"name": "n", "values": ["1", "5"], "start": 1, "list": False},
        {"name": "kind", "values": ["a", "b", "c"], "start": 0, "list": True},
    ],
    "caption": "n & kind",
    "all": 60,
    "states": [*map(state, ["1a", "1b", "1c", "5a"]), {"words": "not possible"}, state("5c")],
}


def test_pictures_become_files_that_are_shared(tmp_path):
    data = {**DATA, "states": [*DATA["states"][:5], state("1a")]}
    html = page_part(data, tmp_path / "states", "../_static/states")
    files = sorted(path.name for path in (tmp_path / "states").glob("*.webp"))
    assert len(files) == 4  # the same picture is one file
    first = re.search(r'<img alt="([^"]*)" src="([^"]*)"', html)
    assert first[1] == "the &lt;5a&gt;"
    assert (tmp_path / "_static" / first[2].removeprefix("../_static/")).parent.name == "states"
    name = re.search(r'data-states="(\w+)"', html)[1]
    assert f'src="../_static/states/{name}.js"' in html
    script = (tmp_path / "states" / f"{name}.js").read_text()
    states = json.loads(script.split(" = ", 1)[1].rstrip(";\n"))
    assert [bool(found["file"]) for found in states] == [True] * 4 + [False, True]
    assert "Here are 6 of 60 settings" in html and "<figcaption>n &amp; kind<" in html


def test_nothing_is_said_if_all_settings_are_there(tmp_path):
    assert "settings" not in page_part({**DATA, "all": 6}, tmp_path, "states")


def test_sliders_move_in_a_browser(browser, tmp_path):
    from playwright.sync_api import expect

    html = page_part(_with_pictures(DATA), tmp_path / "states", "states")
    script = (ROOT / "docs/site/static/states.js").read_text()
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<html><script>{script}</script><body>{html}</body></html>")
    page = browser.new_page()
    page.goto(page_file.as_uri())
    image = page.locator(".states img")
    assert image.get_attribute("alt") == "the <5a>" and page.locator("output").inner_text() == "5"
    page.locator("input").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("select").select_option("2")
    expect(image).to_have_attribute("src", f"states/{_file(html, tmp_path, 2)}")
    assert image.get_attribute("alt") == "the <1c>" and page.locator("output").inner_text() == "1"
    page.locator("input").press("ArrowRight")
    page.locator("select").select_option("1")
    assert not image.is_visible()
    words = page.locator(".states-words")
    assert words.inner_text() == "not possible" and "only-heard" not in words.get_attribute("class")


def _with_pictures(data):
    import io

    from PIL import Image

    states = []
    for number, found in enumerate(data["states"]):
        file = io.BytesIO()
        Image.new("RGB", (4 + number, 4)).save(file, format="webp")
        image = {"webp": base64.b64encode(file.getvalue()).decode()} if "webp" in found else {}
        states.append({"words": found["words"], **image})
    return {**data, "states": states}


def _file(html, folder, place):
    name = re.search(r'data-states="(\w+)"', html)[1]
    script = (folder / "states" / f"{name}.js").read_text()
    return json.loads(script.split(" = ", 1)[1].rstrip(";\n"))[place]["file"]
