"""Links that open a notebook elsewhere come from one setting, and without it there are none."""

from urllib.parse import parse_qs, urlsplit

import pytest

from autograder.errors import CourseError
from autograder.site.links import Links, read_links
from tests.conftest import ROOT

NOTEBOOK = "assignments/02_sizing/02_sizing.ipynb"


def test_every_address_names_repository_branch_and_notebook():
    links = Links("https://github.com/owner/course.git", "2027", "https://hub.example/x/").to(
        NOTEBOOK
    )
    assert list(links) == ["Open in Colab", "Open in Binder", "Open in JupyterHub"]
    assert links["Open in Colab"].endswith(f"/github/owner/course/blob/2027/{NOTEBOOK}")
    binder = urlsplit(links["Open in Binder"])
    assert binder.path == "/v2/gh/owner/course/2027"
    assert parse_qs(binder.query) == {"labpath": [NOTEBOOK]}
    hub = urlsplit(links["Open in JupyterHub"])
    assert (hub.netloc, hub.path) == ("hub.example", "/x/hub/user-redirect/git-pull")
    assert parse_qs(hub.query) == {
        "repo": ["https://github.com/owner/course.git"],
        "branch": ["2027"],
        "urlpath": [f"lab/tree/course/{NOTEBOOK}"],
    }


def test_no_hub_no_link_to_one():
    assert list(Links("https://github.com/a/b").to("x.ipynb")) == [
        "Open in Colab",
        "Open in Binder",
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('repository = "git@github.com:a/b"', "must look like https://github.com/OWNER/NAME"),
        ('repository = "https://github.com/a"', "received 'https://github.com/a'"),
        ('hub = "hub.example"', "hub .* must be an address"),
        ('repo = "https://github.com/a/b"', "has no repo; it has branch, hub, repository"),
        ("repository = 3", "repository must be text in quotes"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(table, said, tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.convnet-course]\n{table}\n")
    with pytest.raises(CourseError, match=said):
        read_links(path)


def test_unset_means_no_links(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\nname = 'x'\n")
    assert read_links(path).to(NOTEBOOK) == {}
    read_links(ROOT / "pyproject.toml")  # what the project says is valid
