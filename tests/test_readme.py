"""README: what it shows and names is there."""

import re
import tomllib

import pytest

from autograder.cli import main as instructors
from course.cli import main as students
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/deploy/README.md"]
LARGEST = 300_000


def test_the_table_lists_the_units_that_exist_with_their_hours():
    rows = re.findall(
        r"^\| `(\d\d_\w+)` \| [^|]+ \| (\S+) h \| (\S+) h \| ([^|]*)\|$", README, re.M
    )
    said = {name: (float(one), float(two), after.strip()) for name, one, two, after in rows}
    units = tomllib.loads((ROOT / "course" / "units.toml").read_text())
    assert set(units) == {path.name for path in (ROOT / "assignments").iterdir()}
    assert said == {
        name: (
            unit["lecture_hours"],
            unit["assignment_hours"],
            ", ".join(other.partition("_")[0] for other in unit["after"]),
        )
        for name, unit in units.items()
    }


def test_pictures_are_there_small_and_described():
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(pictures) == 3
    for text, path in pictures:
        assert len(text) > 40 and "\n\n" not in text
        assert (ROOT / path).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert (ROOT / path).stat().st_size < LARGEST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]+`", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("program", "main"), [("autograder", instructors), ("course", students)])
def test_every_command_exists(program, main, capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    there = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.M))
    named = set(re.findall(rf"^{program} (\w+)|`{program} (\w+)", README, re.M))
    names = {one or other for one, other in named}
    assert len(names) > 5
    assert names <= there


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.M)) <= targets


def test_every_page_that_is_named_exists():
    for name in re.findall(r"`((?:docs|course|tests)/[\w/.]+)`", README):
        assert (ROOT / name).exists(), name
