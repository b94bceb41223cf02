"""One submission of the hostile class: what is handed in, and what it may lead to."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import nbformat

from tests.hostile.unit import POINTS, RIGHT, UNIT

GRADED, FLAGGED, HUMAN = "graded", "flagged", "needs a human"
ANY = frozenset({GRADED, FLAGGED, HUMAN})
# Every process and file that the corpus makes outside of its work folder has this in its name.
MARK = "hstl-7c1e"  # at most 15 characters, the length of a thread's name

# Signals go only where pids are the sandbox's own; else the case does nothing.
ISOLATED = "import os\nassert os.getpid() < 100, 'no pid namespace of its own'\n"


@dataclass
class Hand:
    """What a case gets to make its submission with.

    Attributes:
        folder: where the submission goes, empty.
        released: the released notebook, the case's own copy.
        words: words in a case's sources, such as "@HOME@", and what stands for them.
    """

    folder: Path
    released: nbformat.NotebookNode
    words: Mapping[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """A source with its words replaced."""
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text

    def write(self, notebook, name: str = f"{UNIT}.ipynb") -> None:
        """Hand in a notebook, or any bytes or text in its place."""
        if isinstance(notebook, bytes):
            data = notebook
        elif isinstance(notebook, str):
            data = self.filled(notebook).encode()
        else:
            data = self.filled(json.dumps(notebook)).encode()  # however invalid it is
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@dataclass(frozen=True)
class Case:
    """A submission.

    Args:
        name: the student's name.
        tries: what it tries, in a line.
        make: hands it in.
        deserved: the lowest and the highest score that would be just.
        statuses: where it may end.
        must_not: texts that must not show in what it leaves, besides what no case may show.
        reason: what the outcome's reason must contain.
    """

    name: str
    tries: str
    make: Callable[[Hand], None]
    deserved: tuple[float, float] = (0, 0)
    statuses: frozenset[str] | set[str] = frozenset({GRADED, FLAGGED})
    must_not: tuple[str, ...] = ()
    reason: str = ""


def cell_of(notebook, grade_id: str):
    """A notebook's cell with a grade id."""
    return next(
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )


def lines(*parts: str) -> str:
    """Pieces of source, each indented in its own way, one after the other."""
    return "\n".join(dedent(part).strip("\n") for part in parts)


def code(source: str):
    """A code cell of the student's own."""
    return nbformat.v4.new_code_cell(lines(source))


def answered(released, right=(), first: str = "", last: str = "", **sources: str):
    """The released notebook with right answers, other sources by grade id, and cells around."""
    notebook = copy.deepcopy(released)
    for name, source in {**{name: RIGHT[name] for name in right}, **sources}.items():
        cell_of(notebook, name).source = lines(source)
    if first:
        position = notebook.cells.index(cell_of(notebook, "imports"))
        notebook.cells.insert(position + 1, code(first))
    if last:
        notebook.cells.append(code(last))
    return notebook


def work(right=(), first: str = "", last: str = "", files: Mapping | None = None, **sources: str):
    """A case's `make`: the released notebook, answered, and other files by name."""

    def make(hand: Hand) -> None:
        hand.write(answered(hand.released, right, first, last, **sources))
        for name, data in (files or {}).items():
            hand.write(data, name)

    return make


def changed(change: Callable, right=("greet", "steps", "tally")):
    """A case's `make`: a notebook with right answers after `change(notebook)` was done to it."""

    def make(hand: Hand) -> None:
        notebook = answered(hand.released, right)
        hand.write(change(notebook) or notebook)

    return make


def attack(name: str, tries: str, right=(), lost=False, **how) -> Case:
    """A case whose honest part is `right`; with `lost`, it may lose that, too."""
    about = {key: how.pop(key) for key in ("statuses", "must_not", "reason") if key in how}
    worth = sum(POINTS[question] for question in right)
    low = 0 if lost else worth
    return Case(name, tries, work(right, **how), (low, worth), **about)
