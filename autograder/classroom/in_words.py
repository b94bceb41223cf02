"""Outcomes in lines of text, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.grading import Outcome
    from autograder.standings import Standing


def line(outcome: Outcome, standing: Standing | None) -> str:
    """Describe a submission's outcome, with its score after penalties if it is known."""
    value = standing.score if standing else outcome.score
    score = f"{value:g}" if outcome.marked else "-"
    said = f"{outcome.unit}  {outcome.student:<20} {score:>6} / {outcome.max_score:g}"
    said += f"  {outcome.seconds:.1f} s"
    if standing and standing.lateness:
        said += f"  {standing.lateness}"
    return said + (f"  {outcome.status}: {outcome.reason}" if outcome.reason else "")


def time_summary(outcomes: list[Outcome]) -> str:
    """Describe how long submissions took, and where the time went."""
    from autograder.classroom.report import UnitSummary

    summary = UnitSummary("", outcomes)
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in summary.timings.items())
    times = summary.times
    said = (
        f"time per submission: median {times.median:.1f} s ({parts}), maximum {times.longest:.1f} s"
    )
    if replayed := sum(outcome.replayed for outcome in outcomes):
        said += f"\n{replayed} of {len(outcomes)} judged by what their code did before"
    return said
