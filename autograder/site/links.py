"""Addresses under which a published notebook opens elsewhere, from one setting."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from autograder.errors import CourseError

TABLE = "convnet-course"
_GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(\.git)?/?")
_KEYS = {"repository", "branch", "hub"}


@dataclass(frozen=True)
class Links:
    """Where students' repository is.

    Attributes:
        repository: its address on GitHub, such as ``https://github.com/OWNER/NAME``; "" for none.
        branch: the branch that students get.
        hub: address of a JupyterHub with nbgitpuller; "" for none.

    Example:
        >>> links = Links("https://github.com/a/b")
        >>> links.to("lectures/02_sizing.ipynb")["Open in Colab"]
        'https://colab.research.google.com/github/a/b/blob/main/lectures/02_sizing.ipynb'
        >>> Links().to("lectures/02_sizing.ipynb")
        {}
    """

    repository: str = ""
    branch: str = "main"
    hub: str = ""

    def __post_init__(self) -> None:
        if self.repository and not _GITHUB.fullmatch(self.repository):
            raise CourseError(
                f"repository in [tool.{TABLE}] must look like https://github.com/OWNER/NAME, as "
                f"Colab and Binder read it from there; received {self.repository!r}."
            )
        if self.hub and not self.hub.startswith("https://"):
            raise CourseError(
                f"hub in [tool.{TABLE}] must be an address that begins with https://; "
                f"received {self.hub!r}."
            )

    def to(self, notebook: str) -> dict[str, str]:
        """Return addresses that open a notebook, by what a link says; {} without a repository.

        Args:
            notebook: its path in students' repository, as `autograder handout` writes it.
        """
        found = _GITHUB.fullmatch(self.repository)
        if found is None:
            return {}
        owner, name, path, branch = found[1], found[2], quote(notebook), quote(self.branch)
        links = {
            "Open in Colab": f"https://colab.research.google.com/github/{owner}/{name}"
            f"/blob/{branch}/{path}",
            "Open in Binder": f"https://mybinder.org/v2/gh/{owner}/{name}/{branch}"
            f"?{urlencode({'labpath': notebook})}",
        }
        if self.hub:
            pull = {
                "repo": self.repository,
                "branch": self.branch,
                "urlpath": f"lab/tree/{name}/{notebook}",
            }
            pulled = f"{self.hub.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(pull)}"
            links["Open in JupyterHub"] = pulled
        return links


def read_links(pyproject: Path) -> Links:
    """Read `[tool.convnet-course]` of a project file.

    Raises:
        CourseError: an unknown key, or a value that cannot be an address.
    """
    with pyproject.open("rb") as file:
        table = tomllib.load(file).get("tool", {}).get(TABLE, {})
    if unknown := sorted(set(table) - _KEYS):
        raise CourseError(
            f"[tool.{TABLE}] of {pyproject.name} has no {', '.join(unknown)}; "
            f"it has {', '.join(sorted(_KEYS))}."
        )
    if wrong := sorted(key for key, value in table.items() if not isinstance(value, str)):
        raise CourseError(f"[tool.{TABLE}]: {', '.join(wrong)} must be text in quotes.")
    return Links(**table)
