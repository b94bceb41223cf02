"""Build the site: write the pages' sources, run Sphinx, and check what came out."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError
from course.visualization.states import VARIABLE


@dataclass(frozen=True)
class Built:
    """A site that was built.

    Attributes:
        index: its first page.
        pages: how many there are.
        seconds: how long it took.
    """

    index: Path
    pages: int
    seconds: float


def build(project: Path, out: Path) -> Built:
    """Build the site of a checkout.

    Args:
        project: the checkout.
        out: folder for the site (`html`), its sources, and what is kept for the next time.

    Raises:
        CourseError: Sphinx is not installed, a page cannot be built, a link leads nowhere, or a
            page would fetch something from another host.
    """
    conf = project / "docs" / "site"
    if not (conf / "conf.py").is_file():
        raise CourseError(f"No {conf / 'conf.py'}. The site is built from a checkout.")
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        raise CourseError(
            "Sphinx is not installed. Install the site's packages: pip install -e '.[site]'"
        ) from None
    from autograder.site.assemble import assemble
    from autograder.site.verify import problems

    start = time.monotonic()
    # Kernels inherit it: how many pictures a group of sliders may have.
    os.environ.setdefault(VARIABLE, "400")
    assemble(project, out / "source", out / "cache")
    _discard_if_incomplete(out)
    os.environ["COURSE_SITE_CACHE"] = str(out / "cache" / "lectures")
    arguments = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(conf)]
    folders = ["-d", str(out / "doctrees"), str(out / "source"), str(out / "html")]
    if build_main([*arguments, *folders]):
        raise CourseError("Sphinx found the mistakes above. Mend them and build again.")
    if found := problems(out / "html"):
        raise CourseError("The site is not whole:\n" + "\n".join(f"  {line}" for line in found))
    pages = sum(1 for _ in (out / "html").rglob("*.html"))
    return Built(out / "html" / "index.html", pages, time.monotonic() - start)


def _discard_if_incomplete(out: Path) -> None:
    """Forget what Sphinx has read if the pictures that it wrote while reading are gone."""
    if not (out / "html" / "_static").is_dir():
        shutil.rmtree(out / "doctrees", ignore_errors=True)
