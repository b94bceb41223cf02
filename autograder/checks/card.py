"""What a student's notebook shows under a test cell: a small card, or the same as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from autograder.checks.report import (
    FAILED,
    FORBIDDEN,
    MORE,
    NOT_WRITTEN,
    PASSED,
    is_unwritten,
    wrapped,
)
from autograder.checks.values import COUNT, RETURN
from autograder.wire.results import CheckResult

OPEN = "○"  # nothing is there yet
MARKED_ELSEWHERE = "marked on other inputs"

# JupyterLab's colors, which its themes change; elsewhere some that white and black both carry.
COLORS = {
    PASSED: "var(--jp-success-color1, #2e9e44)",
    FAILED: "var(--jp-error-color1, #e0483e)",
    OPEN: "var(--jp-ui-font-color2, #808080)",
}
_CARD = (
    "max-width: 46em; margin: 4px 0; padding: 8px 14px; line-height: 1.45; "
    "border: 1px solid var(--jp-border-color1, #80808080); border-left: 5px solid {color}; "
    "overflow-wrap: break-word; word-break: normal; white-space: normal"
)
_CODE = (
    "white-space: pre-wrap; word-break: normal; overflow-wrap: break-word; background: none; "
    "padding: 0"
)
_RAISED = "it raised "
_MESSAGE = re.compile(
    r"(?P<call>.+?) should (?P<verb>give|raise) (?P<wanted>.+?), but (?:gave )?(?P<got>.+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Card:
    """A question's examples and how they went.

    Attributes:
        name: the question's.
        points: what it is worth.
        results: its examples; first the rules of the text that were broken.
    """

    name: str
    points: float
    results: tuple[CheckResult, ...]

    @property
    def examples(self) -> list[CheckResult]:
        """The examples, without the rules."""
        return [result for result in self.results if result.check != FORBIDDEN]

    @property
    def passed(self) -> int:
        """The number of examples that pass."""
        return sum(result.passed for result in self.examples)

    @property
    def is_unwritten(self) -> bool:
        """Whether there is no answer at all yet."""
        return not self.passed and all(map(is_unwritten, self.examples))

    @property
    def sign(self) -> str:
        """Whether all is well, as a sign."""
        if self.is_unwritten:
            return OPEN
        return PASSED if all(result.passed for result in self.results) else FAILED

    @property
    def verdict(self) -> str:
        """How the examples went, in words."""
        total = len(self.examples)
        if self.is_unwritten:
            return NOT_WRITTEN
        words = f"{self.passed} of {total} {'example passes' if total == 1 else 'examples pass'}"
        rules = len(self.results) - total
        return words + (f"; {rules} rule{'' if rules == 1 else 's'} broken" if rules else "")

    def __repr__(self) -> str:
        head = f"{self.sign} {self.name}: {self.verdict}"
        if self.is_unwritten:
            return wrapped(f"{head}.")
        lines = [f"{head}; {MARKED_ELSEWHERE}."]
        for result in self._written():
            sign, what = (PASSED, "passes") if result.passed else (FAILED, "fails")
            lines.append(f"  {sign} {what}: {result.check}")
            lines += [f"{MORE}{label}{text}" for label, text in _parts(result)]
        if left := self._left():
            lines.append(f"  {OPEN} {NOT_WRITTEN}: {left}")
        return wrapped("\n".join(lines))

    def _repr_html_(self) -> str:
        color = COLORS[self.sign]
        head = (
            f'<div><span style="color: {color}; font-weight: bold">{self.sign}</span> '
            f"<strong>{escape(self.name)}</strong>: {escape(self.verdict)}"
            f"{'' if self.is_unwritten else f'; {MARKED_ELSEWHERE}'}.</div>"
        )
        rows = [] if self.is_unwritten else [_row(result) for result in self._written()]
        if not self.is_unwritten and (left := self._left()):
            rows.append(_line(OPEN, NOT_WRITTEN, left))
        return f'<div style="{_CARD.format(color=color)}">{head}{"".join(rows)}</div>'

    def _written(self) -> list[CheckResult]:
        return [result for result in self.results if not is_unwritten(result)]

    def _left(self) -> str:
        """Return the names of the examples whose answer is not there yet."""
        return ", ".join(result.check for result in self.results if is_unwritten(result))


def _parts(result: CheckResult) -> list[tuple[str, str]]:
    """Return what to say of a check, as labels and texts."""
    if result.passed:
        return []
    parts, hint = [("", result.message)], result.hint
    if match := _MESSAGE.fullmatch(result.message):
        got = match["got"].removesuffix(".")
        for advice in (COUNT, RETURN):  # which the message itself gives
            if got.endswith(f": {advice}"):
                got, hint = got.removesuffix(f": {advice}"), advice
        raises = " (an exception)" if match["verb"] == "raise" else ""
        label = "raised: " if got.startswith(_RAISED) else "received: "
        parts = [
            ("", match["call"]),
            ("expected: ", match["wanted"] + raises),
            (label, got.removeprefix(_RAISED)),
        ]
    return parts + ([("hint: ", hint)] if hint else [])


def _row(result: CheckResult) -> str:
    if result.passed:
        return _line(PASSED, "passes", result.check)
    return _line(FAILED, "fails", result.check) + "".join(
        f'<div style="margin-left: 1.7em">{_part(label, text)}</div>'
        for label, text in _parts(result)
    )


def _part(label: str, text: str) -> str:
    if label == "hint: ":
        return f"<em>Hint: {escape(text)}</em>"
    if label or "(" in text.partition(" ")[0]:
        return f'{label}<code style="{_CODE}">{escape(text)}</code>'
    return escape(text)


def _line(sign: str, what: str, name: str) -> str:
    return (
        f'<div style="margin-top: 4px"><span style="color: {COLORS[sign]}; font-weight: bold">'
        f"{sign} {what}</span>: {escape(name)}</div>"
    )
