"""How a class did on each question of a unit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import StatisticsError, correlation

from autograder.standings import Mark, Standing

# With fewer students a correlation says nothing.
FEWEST = 5
# Below this, whoever knows the rest is hardly better at the question.
WEAK = 0.2


@dataclass
class QuestionSummary:
    """How those who were marked did on one question, as fractions that add up to one.

    Attributes:
        question: its name.
        points: what it is worth.
        full, partly, none: the fractions with all points, some and none.
        marked: how many have a score in it.
        discrimination: the correlation of its score with the score in all other questions; None if
            it cannot be computed. For a question that is right or wrong this is the
            point-biserial correlation with the rest.
    """

    question: str
    points: float
    full: float
    partly: float
    none: float
    marked: int
    discrimination: float | None = None

    @property
    def weak(self) -> bool:
        """Whether the question hardly tells strong students from weak ones."""
        return self.discrimination is not None and self.discrimination < WEAK


def summarize(standings: Iterable[Standing]) -> list[QuestionSummary]:
    """Return each question that has a score, in the notebook's order."""
    # By grade id: two questions may have the same heading.
    found: dict[str, list[tuple[Mark, float]]] = {}
    for standing in standings:
        for mark in standing.marks:
            given = found.setdefault(mark.question, [])
            if mark.score is not None:
                given.append((mark, standing.raw - mark.score))
    return [_summary(given) for given in found.values() if given]


def _summary(given: list[tuple[Mark, float]]) -> QuestionSummary:
    name, points = given[-1][0].name, given[-1][0].points
    scores = [mark.score or 0.0 for mark, _ in given]
    full = sum(score >= points for score in scores) / len(scores)
    none = sum(score <= 0 < points for score in scores) / len(scores)
    summary = QuestionSummary(name, points, full, 1 - full - none, none, len(given))
    if len(given) >= FEWEST:
        # Everybody may have the same score in it, or in the rest.
        with contextlib.suppress(StatisticsError):
            summary.discrimination = correlation(scores, [rest for _, rest in given])
    return summary
