"""Sliders of the site: their pictures are drawn in advance, in order, and there is a limit."""

import base64
import io

import IPython.display
import pytest
from PIL import Image

from course.errors import UsageError
from course.visualization import display, states


def draw(power, scale):
    if power == 3 and scale == "small":
        raise UsageError("Three is too much for small ones.")
    words = f"{scale}, two to the {power}"
    return display.with_alt_text(display.canvas(size=(power, 1))[0], words)


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr(IPython.display, "display", found.append)
    monkeypatch.setenv(states.VARIABLE, "8")
    return found


def test_each_setting_has_its_picture_and_words(shown):
    start = {"power": 2, "scale": "small"}
    display.interactive(draw, start, caption="Look!", power=[1, 2, 3], scale=["small", "large"])
    (found,) = shown
    bundle = found._repr_mimebundle_()
    data = bundle[states.MIME]
    assert data["caption"] == "Look!" and "<figcaption>Look!<" in bundle["text/html"]
    assert data["arguments"] == [
        {"name": "power", "values": ["1", "2", "3"], "start": 1, "list": False},
        {"name": "scale", "values": ["small", "large"], "start": 0, "list": True},
    ]
    said = [state["words"] for state in data["states"]]
    assert said[:4] == [f"{s}, two to the {p}" for p in (1, 2) for s in ("small", "large")]
    assert data["states"][4] == {"words": "Three is too much for small ones."}
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(data["states"][place]["webp"])))
        for place in (0, 2, 5)
    ]
    assert [picture.size[0] for picture in pictures] == [display.DPI * p for p in (1, 2, 3)]
    assert "small, two to the 2" in bundle["text/html"]  # for pages that know no states


def test_a_lecture_chooses_what_the_site_offers(shown):
    start = {"power": 1, "scale": "large"}
    display.interactive(draw, start, {"power": [1, 4]}, power=range(1, 9), scale=["large"])
    data = shown[0].data
    assert data["arguments"][0]["values"] == ["1", "4"]
    assert (len(data["states"]), data["all"]) == (2, 8)


@pytest.mark.parametrize("most", [1, 2, 5, 8, 40, 100])
def test_there_are_no_more_pictures_than_allowed(most):
    choices = {"row": range(30), "column": range(20), "kernel": ["a", "b"]}
    kept = states.thinned(choices, {"row": 11, "column": 8, "kernel": "b"}, most)
    assert len(kept["row"]) * len(kept["column"]) * len(kept["kernel"]) <= most
    assert 11 in kept["row"] and 8 in kept["column"] and "b" in kept["kernel"]
    assert set(kept["row"]) <= set(range(30)) and kept["row"] == sorted(kept["row"])


def test_few_settings_are_all_kept():
    assert states.thinned({"n": range(4)}, {"n": 3}, 4) == {"n": [0, 1, 2, 3]}


def test_a_start_that_is_no_choice_is_refused(shown):
    with pytest.raises(UsageError, match=r"scale must start with .*'small'.*received 'tiny'"):
        display.interactive(draw, {"power": 1, "scale": "tiny"}, power=[1], scale=["small"])


@pytest.mark.parametrize("value", ["many", "-1", "2.5"])
def test_a_limit_that_is_no_number_is_refused(value, monkeypatch):
    monkeypatch.setenv(states.VARIABLE, value)
    with pytest.raises(UsageError, match=f"COURSE_STATES must be a whole number.*{value}"):
        states.most()
