"""A class of six for 09_efficient: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 15 has four checks of one share, and one of 0.25. Of these only that with ties has nets
# that another beats in one of the two and equals in the other: 3.25 / 4.25 of 2 points.
BETTER_IN_BOTH = """\
def pareto(rows):
    front = [
        row
        for row in rows
        if not any(cost < row[1] and error < row[2] for _, cost, error in rows)
    ]
    return [name for name, *_ in sorted(front, key=lambda row: row[1])]
"""
SECOND_HALF = (
    "rounded_filters", "efficientnet", "growth", "compound_search", "layer_seconds", "pareto",
    "progressive",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 41),
    Sample("bela", "right, in other ways", 41, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: equal is not beaten", 40.53, answers={"pareto": BETTER_IN_BOTH}),
    Sample("emil", "only the first nine questions", 22, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 9", 20, "flagged", answers={"fused_mbconv": GIVES_UP}),
)
