"""A whole site, built twice: a small lecture, the real guides, two networks."""

import re
import shutil

import pytest

from autograder.errors import CourseError
from autograder.notebooks import to_ipynb
from autograder.site import api
from autograder.site.build import build
from course import architectures
from tests.conftest import ROOT

pytest.importorskip("myst_nb", reason="the extra `site` is not installed")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Sphinx and its extensions
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

LECTURE = """# %% [markdown]
# # 01 · A title
#
# A formula: $\\lfloor n / 2 \\rfloor$.

# %%
import os
from course.visualization.display import canvas, interactive, with_alt_text

with open(os.environ["EXECUTED"], "a") as log:
    log.write("x")


def square(side):
    figure, axes = canvas(size=(1, 1))
    axes[0, 0].plot([0, side])
    return with_alt_text(figure, f"a side of {side}")


interactive(square, {"side": 2}, caption="A square.", side=[1, 2, 3])
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with one lecture; the guides are this project's."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    lectures = tmp_path / "course" / "lectures"
    lectures.mkdir(parents=True)
    names = ["lenet5", "lenet5_modern"]
    monkeypatch.setattr(architectures, "names", lambda: names)
    monkeypatch.setattr(api, "PACKAGES", (api.Package("course.errors", "errors"),))
    monkeypatch.setenv("EXECUTED", str(tmp_path / "executed"))
    monkeypatch.setenv("COURSE_STATES", "8")
    monkeypatch.delenv("COURSE_SITE_CACHE", raising=False)
    write(tmp_path, LECTURE)
    return tmp_path


def write(project, source):
    folder = project / "course" / "lectures"
    (folder / "01_first.py").write_text(source)
    (folder / "01_first.ipynb").write_text(to_ipynb(source))


def executed(project):
    return len((project / "executed").read_text())


def test_a_site_is_built_and_what_is_unchanged_is_not_executed_again(project):
    out = project / "out"
    built = build(project, out)
    html = (out / "html" / "lectures" / "01_first.html").read_text()
    assert executed(project) == 1 and built.index.is_file()
    assert built.pages > len(list((project / "docs").glob("*.md")))
    name = re.search(r'data-states="(\w+)"', html)[1]
    assert (out / "html/_static/states" / f"{name}.js").is_file()
    assert len(list((out / "html/_static/states").glob("*.webp"))) == 3
    assert '<img alt="a side of 2"' in html and "<figcaption>A square.<" in html
    assert "_static/mathjax/tex-svg.js" in html
    assert (out / "html/_static/mathjax/tex-svg.js").stat().st_size > 10**6

    write(project, LECTURE.replace("A formula", "One formula"))
    shutil.rmtree(out / "html")
    build(project, out)
    html = (out / "html" / "lectures" / "01_first.html").read_text()
    assert executed(project) == 1 and "One formula" in html
    assert len(list((out / "html/_static/states").glob("*.webp"))) == 3

    write(project, LECTURE.replace("side=[1, 2, 3]", "side=[1, 2, 3, 4]"))
    build(project, out)
    assert executed(project) == 2

    (project / "docs" / "testing.md").write_text("# Testing\n\n[gone](nowhere.md)\n")
    with pytest.raises(CourseError, match="Sphinx found the mistakes above"):
        build(project, out)


def test_the_site_needs_a_checkout(tmp_path):
    with pytest.raises(CourseError, match="The site is built from a checkout"):
        build(tmp_path, tmp_path / "out")


def test_a_lecture_that_fails_fails_the_build(project):
    write(project, "# %% [markdown]\n# # A title\n\n# %%\n1 / 0\n")
    with pytest.raises(CourseError, match="Sphinx found"):
        build(project, project / "out")
