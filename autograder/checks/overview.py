"""All questions of a student's notebook in one table."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from autograder.checks.card import COLORS, OPEN, Card
from autograder.checks.outline import Graded, read_outline
from autograder.checks.report import FAILED, NOT_WRITTEN, PASSED
from autograder.context import is_grading

# Variables in which Jupyter's servers and `course check` tell a kernel which notebook is its own.
_NOTEBOOK = ("COURSE_NOTEBOOK", "JPY_SESSION_NAME", "__vsc_ipynb_file__")
_NOTE = "Points are given for other inputs than the examples', when your work is graded."
NOTHING_RAN = "No test cell has run yet: Kernel → Restart Kernel and Run All Cells."
_CELL = 'style="text-align: {side}; padding: 2px 10px; word-break: normal"'

_shown: dict[str, Card] = {}  # the last card of each question


def show(card: Card) -> None:
    """Show a question's card, and keep it for the summary."""
    _shown.pop(card.name, None)
    _shown[card.name] = card
    _display(card)


def summary() -> None:
    """Show a table of the notebook's questions: which are written, and how their examples went.

    It knows the tests that have run since the kernel was started. While a notebook is being graded
    there is nothing to show.
    """
    if not is_grading():
        _display(Summary(_rows(_outline(), dict(_shown))))


@dataclass(frozen=True)
class Row:
    """A question in the summary.

    Attributes:
        name: of the question.
        points: that it is worth.
        sign, words: how it went.
        examples: how many pass, and of how many; "" if that is not known.
        by_hand: whether somebody marks it, not a test.
    """

    name: str
    points: float
    sign: str
    words: str
    examples: str = ""
    by_hand: bool = False


class Summary:
    """The table, for a page or as text."""

    def __init__(self, rows: list[Row]):
        self.rows = rows

    @property
    def total(self) -> str:
        """What the table adds up to, in a sentence."""
        tested = sum(not row.by_hand for row in self.rows)
        passing = sum(row.sign == PASSED for row in self.rows)
        left = sum(row.words == NOT_WRITTEN for row in self.rows)
        by_hand = sum(row.by_hand and row.words != NOT_WRITTEN for row in self.rows)
        points = sum(row.points for row in self.rows)
        return (
            f"{passing} of {tested} questions pass all their examples"
            f"{f', {left} not written yet' if left else ''}"
            f"{f', {by_hand} marked by hand' if by_hand else ''}; {points:g} points possible."
        )

    def __repr__(self) -> str:
        if not self.rows:
            return NOTHING_RAN
        cells = [("question", "examples", "points", "")]
        cells += [(r.name, r.examples, f"{r.points:g}", f"{r.sign} {r.words}") for r in self.rows]
        first, second = (max(len(row[column]) for row in cells) for column in (0, 1))
        lines = [
            f"{name:<{first}}  {examples:>{second}}  {points:>6}  {how}".rstrip()
            for name, examples, points, how in cells
        ]
        return "\n".join([*lines, "", self.total, _NOTE])

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(NOTHING_RAN)}</p>"
        left, right = (_CELL.format(side=side) for side in ("left", "right"))
        head = "".join(
            f'<th scope="col" {side}>{name}</th>'
            for name, side in (("question", left), ("examples", right), ("points", right))
        )
        rows = "".join(
            f"<tr><td {left}>{escape(row.name)}</td><td {right}>{row.examples}</td>"
            f"<td {right}>{row.points:g}</td><td {left}>{_colored(row)}</td></tr>"
            for row in self.rows
        )
        return (
            f"<table><thead><tr>{head}<th {left}></th></tr></thead><tbody>{rows}</tbody></table>"
            f"<p>{escape(self.total)}<br>{escape(_NOTE)}</p>"
        )


def _colored(row: Row) -> str:
    color = COLORS.get(row.sign, "inherit")
    return f'<span style="color: {color}; font-weight: bold">{row.sign}</span> {escape(row.words)}'


def _rows(outline: list[Graded], cards: dict[str, Card]) -> list[Row]:
    """Return the questions in the notebook's order, then those that are only known by a card."""
    rows = []
    for graded in outline:
        if graded.by_hand:
            sign, words = (OPEN, NOT_WRITTEN) if graded.is_unwritten else ("–", "marked by hand")
            rows.append(Row(graded.name, graded.points, sign, words, by_hand=True))
        elif (card := cards.pop(graded.name, None)) is not None:
            rows.append(_row(card))
        else:
            rows.append(
                Row(graded.name, graded.points, OPEN, "no result: its test has not run to the end")
            )
    return rows + [_row(card) for card in cards.values()]


def _row(card: Card) -> Row:
    failing = [result.check for result in card.results if not result.passed]
    words = {
        PASSED: "examples pass", OPEN: NOT_WRITTEN, FAILED: f"fails: {', '.join(failing)}",
    }  # fmt: skip
    examples = f"{card.passed} of {len(card.examples)}"
    return Row(card.name, card.points, card.sign, words[card.sign], examples)


def _outline() -> list[Graded]:
    """Return the graded cells of this kernel's notebook; nothing if it cannot be found."""
    main = sys.modules.get("__main__")
    for name in _NOTEBOOK:
        named = os.environ.get(name) or str(getattr(main, name, ""))
        for path in (Path(named), Path(Path(named).name)) if named else ():
            if path.suffix == ".ipynb" and path.is_file():
                return read_outline(path)
    return []


def _display(shown: object) -> None:
    """Display it in a notebook; print it elsewhere."""
    from IPython.display import display

    display(shown)
